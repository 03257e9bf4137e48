/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259) without a tree: a writer that appends to a buf, and a scanner that gives one
 * token per call.
 *
 *     text  {"a":[1,"x\n"]}
 *     gives OBJECT NAME(a) ARRAY NUMBER(1) STRING(x\n) ARRAY_END OBJECT_END END
 *
 * The scanner refuses anything that is not RFC 8259, duplicate names in an object, and nesting
 * beyond its limit, and reports the byte of the error. Names are compared decoded, so "a" and
 * "\u0061" are the same; an object of any size costs at most a sort. After an error it returns only
 * that error. It allocates only to remember names, in memory that it reuses for the next text. */
#ifndef AEP_BASE_JSON_H
#define AEP_BASE_JSON_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- writer --------------------------------------------------------------------------------- */

/** Appends a quoted string. Of valid UTF-8 it escapes \" \\ \b \f \n \r \t, other control
 * characters as \u00xx with lower-case digits, and nothing else. */
void aep__json_add_string(struct aep__buf *out, const char *text, size_t len);
/** Appends a finite number: a whole one below 2^53 as an integer, else the shortest decimal that
 * reads back as the same double. Independent of the locale. */
void aep__json_add_number(struct aep__buf *out, double number);
/** Appends an RFC 6901 reference token: "/" and the name, with ~0 and ~1. */
void aep__json_add_pointer(struct aep__buf *out, const char *name, size_t len);

/* ---- scanner -------------------------------------------------------------------------------- */

/** The nesting that callers' JSON may have. */
#define AEP__JSON_DEPTH 64
/** The most that a scanner can be asked for: an envelope's two levels around a caller's JSON. */
#define AEP__JSON_DEPTH_MAX (AEP__JSON_DEPTH + 2)

enum aep__json_token {
    AEP__JSON_ERROR,
    AEP__JSON_END, /* the text is over: one whole value was read */
    AEP__JSON_OBJECT,
    AEP__JSON_OBJECT_END,
    AEP__JSON_ARRAY,
    AEP__JSON_ARRAY_END,
    AEP__JSON_NAME,
    AEP__JSON_STRING,
    AEP__JSON_NUMBER,
    AEP__JSON_TRUE,
    AEP__JSON_FALSE,
    AEP__JSON_NULL,
};

enum aep__json_problem {
    AEP__JSON_FINE,
    AEP__JSON_SYNTAX,
    AEP__JSON_DUPLICATE, /* a name twice in an object */
    AEP__JSON_TOO_DEEP,
    AEP__JSON_ENCODING, /* strict: invalid UTF-8 or a lone surrogate */
    AEP__JSON_MEMORY,
};

struct aep__json_frame {
    bool is_object;
    size_t names_begin; /* an object's first name, in bytes into names */
    size_t index;       /* an array's elements so far */
};

struct aep__json {
    /* the newest token */
    struct aep__slice token; /* its text; of a string and a name, what is between the quotes, raw */
    bool escaped;            /* of a string and a name: it holds a backslash */
    size_t depth;            /* containers open */

    /* the error, once there is one */
    enum aep__json_problem problem;
    size_t position;     /* bytes into the text */
    const char *message; /* static: "a comma or } was expected" */

    /* its own */
    const char *begin, *at, *end;
    size_t depth_max;
    bool strict;
    int state;
    struct aep__json_frame frames[AEP__JSON_DEPTH_MAX];
    struct aep__buf names;       /* struct name_entry of every open object, innermost last */
    struct aep__buf left, right; /* decoded names, to compare */
};

/** Begins a text; borrowed until the last token. Zero the struct before the first time.
 * @depth_max  at most AEP__JSON_DEPTH_MAX
 * @strict     true: invalid UTF-8 and lone surrogates are errors; false: aep__json_decode()
 *             repairs them */
void aep__json_begin(struct aep__json *json, const char *text, size_t len, size_t depth_max,
                     bool strict);
enum aep__json_token aep__json_next(struct aep__json *json);
/** After OBJECT or ARRAY: reads to its end. Then, or after another value: json->token is the whole
 * value as it stands in the text (a string's with its quotes). False on an error. */
bool aep__json_skip(struct aep__json *json, enum aep__json_token first);
/** After NAME: whether it is that name, however it is written. Out of memory: false, and the next
 * token is an error. */
bool aep__json_is_name(struct aep__json *json, const char *name);
/** The text that a raw token of a string stands for: the token itself if it holds nothing to
 * decode, else in scratch, which is emptied first. Invalid UTF-8 and lone surrogates become U+FFFD;
 * *repairs (may be NULL) is raised by their number. data NULL: out of memory. */
struct aep__slice aep__json_decode(struct aep__slice raw, struct aep__buf *scratch,
                                   size_t *repairs);
/** Appends the JSON Pointer of where the scanner stands. */
void aep__json_where(const struct aep__json *json, struct aep__buf *out);
/** Frees its memory. */
void aep__json_done(struct aep__json *json);

/** A number token's value, near enough for range checks: infinite beyond a double. Independent of
 * the locale. False if the text is no JSON number. */
bool aep__json_number_value(struct aep__slice text, double *ret);

#endif
