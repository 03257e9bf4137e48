/* SPDX-License-Identifier: Apache-2.0 */
#include "event/text.h"

#include "base/error.h"
#include "base/utf8.h"
#include "event/secret_value.h"

#include <stdio.h>
#include <string.h>

static const struct aep__slice no_memory = {NULL, 0};

/* ---- texts ---------------------------------------------------------------------------------- */

/* Of valid text. */
static struct aep__slice redact(struct aep__text *way, struct aep__slice text)
{
    if (!way->redactor)
        return text;
    aep__buf_clear(&way->clean);
    size_t count = aep__redact_text(way->redactor, text.data, text.len, &way->clean);
    if (way->clean.failed)
        return no_memory;
    way->counts.redacted += count;
    return count ? (struct aep__slice){way->clean.data, way->clean.len} : text;
}

struct aep__slice aep__text_clean(struct aep__text *way, const char *text, size_t len)
{
    if (aep__utf8_valid(text, len) == len)
        return redact(way, (struct aep__slice){text, len});
    aep__buf_clear(&way->decoded);
    aep__utf8_repair(&way->decoded, text, len);
    if (way->decoded.failed)
        return no_memory;
    way->counts.repaired++;
    return redact(way, (struct aep__slice){way->decoded.data, way->decoded.len});
}

#define CUT_MARK_BYTES 40 /* at least …[+18446744073709551615 bytes] */

/* The mark counts too, so that a text that was cut is not cut again on its next way. */
static void write_cut(struct aep__text *way, struct aep__buf *out, struct aep__slice text)
{
    char mark[CUT_MARK_BYTES];
    size_t room = way->field_bytes > CUT_MARK_BYTES ? way->field_bytes - CUT_MARK_BYTES : 0;
    size_t kept = aep__utf8_cut(text.data, text.len, room);
    int len = snprintf(mark, sizeof mark, "…[+%zu bytes]", text.len - kept);
    aep__json_add_string(out, text.data, kept);
    out->len -= !out->failed; /* the closing quote */
    aep__buf_add(out, mark, (size_t)len);
    aep__buf_byte(out, '"');
    way->counts.cut++;
}

/* Of clean text. */
static void write_text(struct aep__text *way, struct aep__buf *out, struct aep__slice text)
{
    if (!text.data)
        out->failed = true;
    else if (way->field_bytes && text.len > way->field_bytes)
        write_cut(way, out, text);
    else
        aep__json_add_string(out, text.data, text.len);
}

void aep__text_write(struct aep__text *way, struct aep__buf *out, const char *text, size_t len)
{
    write_text(way, out, aep__text_clean(way, text, len));
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* An open container. */
struct place {
    bool is_array;
    bool filled;                      /* a comma is due */
    bool names;                       /* the member being read is a "name" of a name/value pair */
    const struct aep__secret *secret; /* everything in it is a secret */
    const struct aep__secret *next;   /* what was read says that the next value is a secret */
};

/* The conversion of one JSON text from the caller's to ours. */
struct rewrite {
    struct aep__text *way;
    struct aep__buf *out;
    struct place places[AEP__JSON_DEPTH + 1]; /* [0] is around the whole value */
    const struct aep__secret *secret;         /* the member being read is a secret */
    uint64_t names_redacted;
    bool names_changed;
};

static struct place *top_place(struct rewrite *run)
{
    return &run->places[run->way->json.depth];
}

static void write_comma(struct rewrite *run, struct place *place)
{
    if (place->filled)
        aep__buf_byte(run->out, ',');
    place->filled = true;
}

static struct aep__slice decode_token(struct rewrite *run)
{
    size_t repairs = 0;
    struct aep__slice text = aep__json_decode(run->way->json.token, &run->way->decoded, &repairs);
    run->way->counts.repaired += repairs > 0;
    return text;
}

static bool is_one_of(struct aep__slice text, const char *const names[])
{
    for (; *names; names++)
        if (strlen(*names) == text.len && memcmp(*names, text.data, text.len) == 0)
            return true;
    return false;
}

/* {"name": "DB_PASSWORD", "value": "…"}, as lists of variables and headers are written. */
static void note_pair(struct place *place, struct aep__slice name,
                      const struct aep__secret **secret)
{
    static const char *const names[] = {"name", "key", "header", "variable", NULL};
    static const char *const values[] = {"value", NULL};
    place->names = is_one_of(name, names);
    if (!*secret && is_one_of(name, values))
        *secret = place->next;
}

/* A name that is a secret becomes a mark; several in one text are numbered, so that they stay
 * different names. */
static void write_name(struct rewrite *run)
{
    struct aep__text *way = run->way;
    struct place *place = top_place(run);
    uint64_t redacted = way->counts.redacted, cut = way->counts.cut;
    struct aep__slice name = decode_token(run);
    write_comma(run, place);
    run->secret = NULL;
    if (name.data && way->redactor) {
        run->secret = aep__redact_name(way->redactor, name.data, name.len);
        note_pair(place, name, &run->secret);
        name = redact(way, name);
    }
    write_text(way, run->out, name);
    if (way->counts.redacted != redacted && ++run->names_redacted > 1 && !run->out->failed) {
        run->out->len--;
        aep__buf_format(run->out, "#%llu\"", (unsigned long long)run->names_redacted);
    }
    run->names_changed |= way->counts.redacted != redacted || way->counts.cut != cut;
    aep__buf_byte(run->out, ':');
}

/* The secret that the value being read is, if it is one; clears what announced it. */
static const struct aep__secret *take_secret(struct rewrite *run, struct place *place)
{
    const struct aep__secret *secret = place->secret ? place->secret : run->secret;
    if (!secret && place->is_array)
        secret = place->next;
    if (place->is_array)
        place->next = NULL;
    run->secret = NULL;
    return secret;
}

static void write_mark(struct rewrite *run, const struct aep__secret *secret)
{
    aep__buf_byte(run->out, '"');
    aep__secret_mark(run->out, secret->kind);
    aep__buf_byte(run->out, '"');
    run->way->counts.redacted++;
}

/* A string that names what comes next: the name of a pair, or --password in a list of arguments. */
static void note_next(struct rewrite *run, struct place *place, struct aep__slice text)
{
    bool option = place->is_array && text.len > 2 && *text.data == '-' &&
                  !memchr(text.data, '=', text.len) && !memchr(text.data, ' ', text.len);
    if (option || (!place->is_array && place->names))
        place->next = aep__redact_name(run->way->redactor, text.data, text.len);
}

static void write_string(struct rewrite *run, struct place *place, const struct aep__secret *secret)
{
    struct aep__slice text = decode_token(run);
    if (!text.data) {
        run->out->failed = true;
        return;
    }
    if (secret && aep__secret_is_value(secret, text.data, text.len)) {
        write_mark(run, secret);
        return;
    }
    if (run->way->redactor)
        note_next(run, place, text);
    write_text(run->way, run->out, redact(run->way, text));
}

static void write_token(struct rewrite *run, enum aep__json_token token)
{
    struct aep__slice text = run->way->json.token;
    if (token == AEP__JSON_NAME) {
        write_name(run);
        return;
    }
    if (token == AEP__JSON_OBJECT_END || token == AEP__JSON_ARRAY_END) {
        aep__buf_add(run->out, text.data, text.len);
        return;
    }
    bool opens = token == AEP__JSON_OBJECT || token == AEP__JSON_ARRAY;
    struct place *place = top_place(run) - opens;
    if (place->is_array)
        write_comma(run, place);
    const struct aep__secret *secret = take_secret(run, place);
    if (opens)
        place[1] = (struct place){.is_array = token == AEP__JSON_ARRAY, .secret = secret};
    if (token == AEP__JSON_STRING)
        write_string(run, place, secret);
    else if (token == AEP__JSON_NUMBER && secret && secret->numbers)
        write_mark(run, secret);
    else
        aep__buf_add(run->out, text.data, text.len);
}

static int report_problem(const struct aep__json *json, const char *field, aep_error *err)
{
    if (json->problem == AEP__JSON_MEMORY)
        return aep__error_memory(err);
    aep__error(err, AEP_EINVAL, field, "%s is not valid JSON: %s (byte %zu)", field, json->message,
               json->position);
    if (err)
        err->position = json->position;
    return AEP_EINVAL;
}

static int check_type(enum aep__json_token wanted, enum aep__json_token first, const char *field,
                      aep_error *err)
{
    if (wanted == AEP__JSON_END || first == wanted)
        return AEP_OK;
    return aep__error(err, AEP_EINVAL, field, "%s must be a JSON %s", field,
                      wanted == AEP__JSON_OBJECT ? "object: {…}" : "array: […]");
}

/* Different names may have become the same when secrets were taken out of them. */
static int check_names(struct rewrite *run, size_t begin, const char *field, aep_error *err)
{
    struct aep__json *json = &run->way->json;
    aep__json_begin(json, run->out->data + begin, run->out->len - begin, AEP__JSON_DEPTH, true);
    for (enum aep__json_token token; (token = aep__json_next(json)) != AEP__JSON_END;)
        if (token == AEP__JSON_ERROR)
            return json->problem == AEP__JSON_MEMORY
                       ? aep__error_memory(err)
                       : aep__error(err, AEP_EINVAL, field,
                                    "%s has an object whose names are equal once redacted", field);
    return AEP_OK;
}

int aep__text_write_json(struct aep__text *way, struct aep__buf *out, struct aep__slice json,
                         enum aep__json_token wanted, const char *field, aep_error *err)
{
    struct rewrite run;
    size_t begin = out->len;
    run.way = way;
    run.out = out;
    run.secret = NULL;
    run.names_redacted = 0;
    run.names_changed = false;
    run.places[0] = (struct place){0};
    aep__json_begin(&way->json, json.data, json.len, AEP__JSON_DEPTH, false);
    for (bool first = true;; first = false) {
        enum aep__json_token token = aep__json_next(&way->json);
        if (token == AEP__JSON_ERROR)
            return report_problem(&way->json, field, err);
        if (token == AEP__JSON_END)
            break;
        if (first && check_type(wanted, token, field, err) != AEP_OK)
            return AEP_EINVAL;
        write_token(&run, token);
        if (out->failed)
            return aep__error_memory(err);
        if (way->message_bytes && out->len > way->message_bytes)
            return aep__error(err, AEP_ETOOBIG, field,
                              "%s makes the message larger than limits.message_bytes (%zu)", field,
                              way->message_bytes);
    }
    return run.names_changed ? check_names(&run, begin, field, err) : AEP_OK;
}

void aep__text_done(struct aep__text *way)
{
    aep__json_done(&way->json);
    aep__buf_done(&way->decoded);
    aep__buf_done(&way->clean);
}
