/* SPDX-License-Identifier: Apache-2.0 */
/* aep publish --stdin: an event a line, published as it comes.
 *
 *     stdin ─ read(2) ─▶ input ─ line ─▶ scanner ─▶ draft (slices of the line) ─▶ publisher
 *                                          │ decoded strings, NUL-terminated JSON
 *                                          └▶ texts, emptied for each line
 *
 * A line costs no tree and, once the buffers are warm, no allocation here. An error in a line is
 * reported with its number and does not affect the next line. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "out.h"
#include "publish.h"
#include "receipt.h"
#include "trouble.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "client/publish.h"
#include "spool/fate.h"

#define CHUNK_BYTES (256u << 10)
#define LINE_BYTES (64u << 20)
#define ROOM_WAIT_MS 10000 /* waits at most this long without progress of the relay */
#define ROOM_STEP_MS 20
#define ROOM_TRY_MS 100     /* between tries: each of them looks for a relay */
#define ENVELOPE_BYTES 2048 /* what an event is larger than its line, about */
#define MEMBERS_MAX (AEP__FIELDS_MAX + 4)

/* A member of the line's object, or of its payload. Offsets into texts: that may still grow. */
struct entry {
    size_t name, text, length;
    enum aep__json_token token;
    double number;
};

struct lines {
    const struct aep__args *args;
    struct aep__session session;
    int wait_ms; /* -1: does not wait */
    bool json, dry_run, full, begun;
    int status; /* the exit status of the worst that was refused */
    uint64_t number, published, refused;
    struct aep__json scanner;
    struct aep__buf input, texts, scratch, out;
    struct entry entries[MEMBERS_MAX];
    size_t entry_count;
    aep_error err;
};

/* ---- a line into entries -------------------------------------------------------------------- */

static size_t keep_text(struct lines *lines, struct aep__slice text)
{
    size_t at = lines->texts.len;
    aep__buf_add(&lines->texts, text.data, text.len);
    aep__buf_byte(&lines->texts, '\0');
    return at;
}

static const char *text_at(const struct lines *lines, size_t offset)
{
    return lines->texts.data + offset;
}

/* Reads the value after a name: strings decoded, everything else as it is. */
static bool read_value(struct lines *lines, struct entry *entry)
{
    struct aep__json *scanner = &lines->scanner;
    entry->token = aep__json_next(scanner);
    if (entry->token == AEP__JSON_NUMBER)
        aep__json_number_value(scanner->token, &entry->number);
    if (entry->token == AEP__JSON_STRING) {
        struct aep__slice text = aep__json_decode(scanner->token, &lines->scratch, NULL);
        entry->text = keep_text(lines, text);
        entry->length = text.len;
        return true;
    }
    if (!aep__json_skip(scanner, entry->token))
        return false;
    entry->text = keep_text(lines, scanner->token);
    entry->length = scanner->token.len;
    return true;
}

static int refuse_json(struct lines *lines)
{
    const struct aep__json *scanner = &lines->scanner;
    int code =
        aep__error(&lines->err, AEP_EINVAL, "", "not JSON: %s (byte %zu)",
                   scanner->message ? scanner->message : "expected an object", scanner->position);
    lines->err.position = scanner->position;
    return code;
}

/* Adds the members of one object (JSON text) to the entries; null is absent. */
static int read_object(struct lines *lines, const char *text, size_t len)
{
    struct aep__json *scanner = &lines->scanner;
    enum aep__json_token token;
    aep__json_begin(scanner, text, len, AEP__JSON_DEPTH_MAX, false);
    if (aep__json_next(scanner) != AEP__JSON_OBJECT)
        return refuse_json(lines);
    while ((token = aep__json_next(scanner)) == AEP__JSON_NAME) {
        if (lines->entry_count == MEMBERS_MAX)
            return aep__error(&lines->err, AEP_EINVAL, "", "it has more members than any event");
        struct entry *entry = &lines->entries[lines->entry_count];
        *entry = (struct entry){0};
        entry->name = keep_text(lines, aep__json_decode(scanner->token, &lines->scratch, NULL));
        if (!read_value(lines, entry))
            return refuse_json(lines);
        lines->entry_count += entry->token != AEP__JSON_NULL;
    }
    if (token != AEP__JSON_OBJECT_END || aep__json_next(scanner) != AEP__JSON_END)
        return refuse_json(lines);
    return lines->texts.failed ? aep__error_memory(&lines->err) : AEP_OK;
}

/* ---- entries into a draft ------------------------------------------------------------------- */

static const struct entry *find_entry(const struct lines *lines, const char *name)
{
    for (size_t i = 0; i < lines->entry_count; i++) {
        if (strcmp(text_at(lines, lines->entries[i].name), name) == 0)
            return &lines->entries[i];
    }
    return NULL;
}

static int want(struct lines *lines, const char *name, const char *what)
{
    return aep__error(&lines->err, AEP_EINVAL, name, "%s must be %s", name, what);
}

/* A field from an entry, in the form that the member's type has. */
static int add_field(struct lines *lines, struct aep__draft *draft, const struct entry *entry)
{
    const char *name = text_at(lines, entry->name);
    int index = aep__kind_find_member((enum aep_kind)draft->kind, name, strlen(name));
    enum aep__type type = index < 0 ? AEP__TYPE_TEXT : aep__kinds[draft->kind].members[index].type;
    bool flag = entry->token == AEP__JSON_TRUE || entry->token == AEP__JSON_FALSE;
    aep_field field = {.name = name,
                       .text = text_at(lines, entry->text),
                       .length = entry->length,
                       .number = flag ? entry->token == AEP__JSON_TRUE : entry->number};
    if (type == AEP__TYPE_BOOL && !flag)
        return want(lines, name, "true or false");
    if (type != AEP__TYPE_BOOL && aep__type_is_number(type) && entry->token != AEP__JSON_NUMBER)
        return want(lines, name, "a number");
    if (!aep__type_is_number(type) && !aep__type_is_json(type) && entry->token != AEP__JSON_STRING)
        return want(lines, name, "a string");
    if (draft->field_count == AEP__FIELDS_MAX)
        return aep__error(&lines->err, AEP_EINVAL, name, "%s: one member too many", name);
    if (aep__type_is_number(type))
        field.text = NULL;
    draft->fields[draft->field_count++] = field;
    return AEP_OK;
}

static int make_fields(struct lines *lines, struct aep__draft *draft)
{
    int code = AEP_OK;
    for (size_t i = 0; code == AEP_OK && i < lines->entry_count; i++) {
        const char *name = text_at(lines, lines->entries[i].name);
        if (strcmp(name, "kind") != 0 && strcmp(name, "event_type") != 0)
            code = add_field(lines, draft, &lines->entries[i]);
    }
    return code;
}

/* The members of an event of any other type that a line can have. */
static int make_event(struct lines *lines, aep_event *event)
{
    const struct {
        const char *name, **text;
    } members[] = {
        {"event_type", &event->event_type},   {"topic", &event->topic},
        {"payload", &event->payload},         {"correlation_id", &event->correlation_id},
        {"schema_ref", &event->schema_ref},   {"causation_id", &event->causation_id},
        {"traceparent", &event->traceparent}, {"tracestate", &event->tracestate},
    };
    const size_t count = sizeof members / sizeof *members;
    event->size = sizeof *event;
    for (size_t i = 0; i < lines->entry_count; i++) {
        const struct entry *entry = &lines->entries[i];
        const char *name = text_at(lines, entry->name);
        size_t at = 0;
        while (at < count && strcmp(members[at].name, name) != 0)
            at++;
        if (at == count)
            return aep__error(&lines->err, AEP_EINVAL, name, "%s: unknown member", name);
        bool payload = strcmp(name, "payload") == 0;
        if (!payload && entry->token != AEP__JSON_STRING)
            return want(lines, name, "a string");
        if (payload && entry->token != AEP__JSON_OBJECT)
            return want(lines, name, "an object");
        *members[at].text = text_at(lines, entry->text);
    }
    return AEP_OK;
}

/* The kind of the line's event; -1 for any other event. */
static int find_kind(struct lines *lines, int *ret)
{
    const struct entry *kind = find_entry(lines, "kind");
    const struct entry *type = find_entry(lines, "event_type");
    if (!kind && !type)
        return aep__error(&lines->err, AEP_EINVAL, "kind", "\"kind\" or \"event_type\" is missing");
    const char *name = text_at(lines, (kind ? kind : type)->text);
    *ret = kind ? aep_kind_find(name) : -1;
    for (int i = 0; !kind && i < AEP_KIND_COUNT; i++) {
        if (strcmp(aep__kinds[i].event_type, name) == 0)
            *ret = i;
    }
    if (kind && *ret < 0)
        return aep__error(&lines->err, AEP_EINVAL, "kind", "no kind \"%.40s\": " AEP__KIND_LIST,
                          name);
    return AEP_OK;
}

/* An event of the four kinds may have its members in "payload", as its envelope has. */
static int open_payload(struct lines *lines)
{
    const struct entry *payload = find_entry(lines, "payload");
    if (!payload)
        return AEP_OK;
    size_t at = (size_t)(payload - lines->entries);
    struct aep__buf text = {0};
    aep__buf_add(&text, text_at(lines, payload->text), payload->length);
    lines->entries[at] = lines->entries[--lines->entry_count];
    int code =
        text.failed ? aep__error_memory(&lines->err) : read_object(lines, text.data, text.len);
    aep__buf_done(&text);
    return code;
}

static int make_draft(struct lines *lines, const char *text, size_t len, struct aep__draft *draft)
{
    *draft = (struct aep__draft){.kind = -1};
    lines->entry_count = 0;
    aep__buf_clear(&lines->texts);
    int code = read_object(lines, text, len);
    if (code == AEP_OK)
        code = find_kind(lines, &draft->kind);
    if (code == AEP_OK && draft->kind >= 0)
        code = open_payload(lines);
    if (code != AEP_OK)
        return code;
    return draft->kind >= 0 ? make_fields(lines, draft) : make_event(lines, &draft->event);
}

/* ---- publishing ----------------------------------------------------------------------------- */

/* A full spool's drain: how much was left at the last look, and how long the relay still has to
 * reduce it. */
struct drain {
    uint64_t used_bytes, backlog_bytes;
    int64_t end_us; /* 0: not looked at yet */
};

/* Whether there is still hope. The backlog shrinks with every record, the used space only with
 * every segment; parked records count in both and do not shrink at all. */
static bool note_drain(struct drain *drain, const aep_health *health)
{
    int64_t now_us = aep__clock_mono_us();
    if (drain->end_us == 0 || health->used_bytes < drain->used_bytes ||
        health->backlog_bytes < drain->backlog_bytes)
        drain->end_us = now_us + ROOM_WAIT_MS * 1000;
    drain->used_bytes = health->used_bytes;
    drain->backlog_bytes = health->backlog_bytes;
    return now_us < drain->end_us;
}

/* When the spool is full: waits until it would take an event of that size outside the reserved
 * part, or until it is time to try again: in local mode only a try starts a missing relay. False if
 * the relay makes no progress. */
static bool wait_for_room(struct lines *lines, size_t size, struct drain *drain)
{
    aep_health health = {.size = sizeof health};
    int64_t try_us = aep__clock_mono_us() + ROOM_TRY_MS * 1000;
    if (aep__config_is(lines->session.config, AEP__OPT_RELAY_MODE, "off"))
        return false;
    for (;;) {
        if (drain->end_us) /* acknowledged records leave the disk a little later */
            poll(NULL, 0, ROOM_STEP_MS);
        aep_publisher_flush(lines->session.publisher, ROOM_STEP_MS, NULL);
        if (aep_publisher_health(lines->session.publisher, &health, NULL) != AEP_OK ||
            !note_drain(drain, &health))
            return false;
        bool room = health.used_bytes + size + health.max_bytes / 20 < health.max_bytes;
        if (room || aep__clock_mono_us() >= try_us)
            return true;
    }
}

/* @size  about that of the event */
static int publish(struct lines *lines, const struct aep__draft *draft, size_t size,
                   aep_receipt *receipt)
{
    if (lines->dry_run)
        return aep__draft_preview(draft, lines->session.config, &lines->out, &lines->err);
    struct drain drain = {0};
    for (;;) {
        int code = aep__draft_publish(draft, lines->session.publisher, receipt, &lines->err);
        lines->full = code == AEP_EFULL;
        if (!lines->full)
            return code;
        if (!wait_for_room(lines, size, &drain))
            return aep__publish_refused(lines->session.publisher, code);
    }
}

/* Errors, from those that concern one line to those that stop all lines. */
static int badness(int status)
{
    return status == AEP__EXIT_FULL ? 3 : status == AEP__EXIT_FAILED ? 2 : status != AEP__EXIT_DONE;
}

static void note_refused(struct lines *lines, int code)
{
    int status = aep__out_exit(code);
    if (badness(status) > badness(lines->status))
        lines->status = status;
    lines->refused++;
    aep__out_say("stdin: line %llu: %s", (unsigned long long)lines->number, lines->err.text);
    if (!lines->json)
        return;
    aep__buf_format(&lines->out, "{\"line\":%llu,\"state\":\"refused\",\"field\":",
                    (unsigned long long)lines->number);
    aep__json_add_string(&lines->out, lines->err.field, strlen(lines->err.field));
    aep__buf_text(&lines->out, ",\"error\":");
    aep__json_add_string(&lines->out, lines->err.text, strlen(lines->err.text));
    aep__buf_text(&lines->out, "}\n");
}

static void note_published(struct lines *lines, const aep_receipt *receipt)
{
    lines->published++;
    if (!lines->json || lines->dry_run)
        return;
    aep__buf_format(&lines->out, "{\"line\":%llu,", (unsigned long long)lines->number);
    aep__receipt_add(&lines->out, receipt,
                     receipt->position.segment ? aep__fate_word(AEP__FATE_ON_DISK) : "disabled");
    aep__buf_text(&lines->out, "}\n");
}

static void take_line(struct lines *lines, const char *text, size_t len)
{
    struct aep__draft draft;
    aep_receipt receipt = {.size = sizeof receipt};
    lines->number++;
    if (strspn(text, " \t\r\n") >= len)
        return;
    int code = make_draft(lines, text, len, &draft);
    if (code == AEP_OK)
        code = publish(lines, &draft, len + ENVELOPE_BYTES, &receipt);
    if (code == AEP_OK)
        note_published(lines, &receipt);
    else
        note_refused(lines, code);
}

/* Takes all whole lines of the input, and the last one without a newline at its end. Each is
 * NUL-terminated in place. */
static void take_lines(struct lines *lines, bool at_end)
{
    char *begin = lines->input.data, *end = begin + lines->input.len, *newline;
    while (begin < end && !lines->full && (newline = memchr(begin, '\n', (size_t)(end - begin)))) {
        *newline = '\0';
        take_line(lines, begin, (size_t)(newline - begin));
        begin = newline + 1;
    }
    if (at_end && begin < end && !lines->full) {
        *end = '\0';
        take_line(lines, begin, (size_t)(end - begin));
        begin = end;
    }
    lines->input.len = (size_t)(end - begin);
    memmove(lines->input.data, begin, lines->input.len);
}

/* Whether more has to be read to tell if the input begins with a byte-order mark. */
static bool may_be_mark(const struct aep__buf *input)
{
    return input->len < 3 && (input->len == 0 || (unsigned char)input->data[0] >= 0x80);
}

/* Reads what is there; at the beginning, until it can tell whether there is a mark.
 * Errors: AEP_EIO, AEP_EINVAL it is UTF-16, AEP_ENOMEM. */
static int read_chunk(struct lines *lines, bool *ret_at_end)
{
    struct aep__buf *input = &lines->input;
    ssize_t n;
    do {
        if (!aep__buf_reserve(input, CHUNK_BYTES))
            return aep__error_memory(&lines->err);
        n = read(STDIN_FILENO, input->data + input->len, CHUNK_BYTES - 1);
        if (n < 0 && errno != EINTR)
            return aep__error_errno(&lines->err, AEP_EIO, "", "stdin");
        input->len += n > 0 ? (size_t)n : 0;
    } while (n < 0 || (n > 0 && !lines->begun && may_be_mark(input)));
    input->data[input->len] = '\0';
    *ret_at_end = n == 0;
    if (lines->begun)
        return AEP_OK;
    lines->begun = true;
    return aep__input_begin(input, "stdin", &lines->err);
}

/* Reads to the end of stdin. AEP_ETOOBIG and the errors above stop it; so does a closed stdout. */
static int read_lines(struct lines *lines)
{
    for (bool at_end = false; !at_end && !lines->full;) {
        if (lines->input.len > LINE_BYTES)
            return aep__error(&lines->err, AEP_ETOOBIG, "", "stdin: line %llu is over %u MiB",
                              (unsigned long long)lines->number + 1, LINE_BYTES >> 20);
        int code = read_chunk(lines, &at_end);
        if (code != AEP_OK)
            return code;
        take_lines(lines, at_end);
        if (lines->out.len > 0 && aep__out_write(&lines->out) != AEP__EXIT_DONE)
            return aep__error(&lines->err, AEP_EIO, "", "stopped at line %llu: stdout is closed",
                              (unsigned long long)lines->number);
    }
    if (lines->full)
        aep__out_say("stdin: stopped at line %llu: the spool is full; publish that line and those "
                     "after it again",
                     (unsigned long long)lines->number);
    return AEP_OK;
}

/* The summary: how many events, and with --wait their fates. Returns the exit status. */
static int conclude(struct lines *lines)
{
    int waited = AEP_OK;
    const char *state = aep__fate_word(AEP__FATE_ON_DISK);
    if (lines->wait_ms >= 0) {
        waited = aep__session_deliver(&lines->session, lines->wait_ms, &lines->err);
        state = aep__receipt_state(&lines->session, waited);
        if (waited != AEP_OK)
            aep__out_say("publish: %s", lines->err.text);
    }
    aep__buf_format(&lines->out,
                    lines->json ? "{\"published\":%llu,\"refused\":%llu,\"state\":\"%s\"}\n"
                                : "%llu published, %llu refused\n",
                    (unsigned long long)lines->published, (unsigned long long)lines->refused,
                    state);
    int status = aep__out_write(&lines->out);
    if (lines->wait_ms < 0 && lines->published > 0)
        aep__trouble_hint(&lines->session, AEP__TROUBLE_WAIT_MS);
    if (lines->status != AEP__EXIT_DONE)
        return lines->status;
    return waited == AEP_ERELAY ? AEP__EXIT_DEFERRED : waited ? aep__out_exit(waited) : status;
}

static int open_lines(struct lines *lines)
{
    if (lines->args->operand_count > 0)
        return aep__error(&lines->err, AEP_EINVAL, "stdin",
                          "publish: with --stdin each line names its kind");
    if (lines->dry_run)
        return aep__args_config(lines->args, &lines->session.config, &lines->err);
    int code = aep__session_open(&lines->session, lines->args, &lines->err);
    if (code == AEP_OK)
        aep__publisher_try_again(lines->session.publisher);
    if (code == AEP_OK && lines->wait_ms >= 0)
        aep__session_note_dead(&lines->session);
    return code;
}

int aep__publish_lines(const struct aep__args *args, int wait_ms)
{
    struct lines lines = {.args = args,
                          .wait_ms = wait_ms,
                          .json = aep__args_given(args, "json"),
                          .dry_run = aep__args_given(args, "dry_run")};
    int code = open_lines(&lines);
    if (code == AEP_OK)
        code = read_lines(&lines);
    int status = code != AEP_OK  ? aep__out_error(&lines.err)
                 : lines.dry_run ? lines.status
                                 : conclude(&lines);
    aep__session_close(&lines.session);
    aep__json_done(&lines.scanner);
    aep__buf_done(&lines.input);
    aep__buf_done(&lines.texts);
    aep__buf_done(&lines.scratch);
    aep__buf_done(&lines.out);
    return status;
}
