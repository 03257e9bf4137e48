/* SPDX-License-Identifier: Apache-2.0 */
/* An agent's JSON, read for what is good in it: a byte-order mark, text behind the object, a name twice, lone
 * surrogates, any depth, NUL bytes, a text that is cut off are no errors. What comes before damage counts; of
 * a name that comes twice, the last.
 *
 *     bytes ─ one pass ─▶ object: members, raw ─ get ─▶ decoded text in the input's own memory
 *
 * Nothing recurses, and memory is a multiple of the text. */
#ifndef AEP_HOOK_INPUT_H
#define AEP_HOOK_INPUT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aep__hook_member {
    struct aep__slice name, value; /* raw: without the name's quotes, with the value's */
};

/* The members of one object. Zero it; a second read frees the first. */
struct aep__hook_object {
    struct aep__hook_member *members;
    size_t count, cap;
};

/* Memory for decoded texts; they live as long as it. */
struct aep__hook_texts {
    struct aep__hook_block *newest;
};

/** Whether it is an object, perhaps one that is cut off. */
bool aep__hook_object_read(struct aep__hook_object *object, struct aep__slice text);
void aep__hook_object_done(struct aep__hook_object *object);
/** Room for a text; NULL: out of memory. */
char *aep__hook_texts_new(struct aep__hook_texts *texts, size_t size);
void aep__hook_texts_done(struct aep__hook_texts *texts);

/** The raw value of a member; without data: there is none. */
struct aep__slice aep__hook_raw(const struct aep__hook_object *object, const char *name);
/** The decoded text of a string, valid UTF-8; without data: it is none, or memory is short. */
struct aep__slice aep__hook_decode(struct aep__hook_texts *texts, struct aep__slice raw);
/** Both; of a number and of a word (true), as it stands there. */
struct aep__slice aep__hook_text(const struct aep__hook_object *object, const char *name,
                                 struct aep__hook_texts *texts);
/** A number that is not negative; -1: it is none. */
double aep__hook_number(const struct aep__hook_object *object, const char *name);
bool aep__hook_true(const struct aep__hook_object *object, const char *name);
/** The next element of an array, raw; *at is where it goes on, NULL at first. False: there is no more. */
bool aep__hook_element(struct aep__slice array, const char **at, struct aep__slice *ret);
/** Whether an array or object has nothing in it; true also for what is neither. */
bool aep__hook_empty(struct aep__slice raw);
/** A hash of a value that does not depend on white space between its tokens; of a string that holds JSON,
 * of that. */
uint64_t aep__hook_hash_value(struct aep__slice raw, struct aep__hook_texts *texts, uint64_t seed);
uint64_t aep__hook_hash_text(struct aep__slice text, uint64_t seed);

#endif
