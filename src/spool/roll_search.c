/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/roll_search.h"

#include "base/error.h"
#include "base/id.h"
#include "spool/cursor.h"
#include "spool/read.h"
#include "spool/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_BYTES (AEP_ID_SIZE - 1)

/* ---- an event's ids ---- */

struct event_ids {
    struct aep__slice event_type;
    uint8_t id[16], cause[16];
    bool caused; /* cause is a UUID */
};

/* The envelope's first members, as every publisher writes them: {"event_type":"…","event_id":"…" */
static bool read_value(struct aep__slice value, struct event_ids *ret)
{
    static const char before_type[] = "{\"event_type\":\"", before_id[] = "\",\"event_id\":\"";
    const size_t type_at = sizeof before_type - 1, id_at = sizeof before_id - 1;
    if (value.len < type_at || memcmp(value.data, before_type, type_at) != 0)
        return false;
    const char *type = value.data + type_at, *end = value.data + value.len;
    const char *quote = memchr(type, '"', (size_t)(end - type));
    if (!quote || (size_t)(end - quote) < id_at + ID_BYTES || memcmp(quote, before_id, id_at) != 0)
        return false;
    ret->event_type = (struct aep__slice){type, (size_t)(quote - type)};
    return aep__id_parse(quote + id_at, ID_BYTES, ret->id);
}

static void read_cause(const struct aep__message *message, struct event_ids *ret)
{
    static const struct aep__slice name = {"x-causation-id", sizeof "x-causation-id" - 1};
    ret->caused = false;
    for (size_t i = 0; i < message->header_count; i++) {
        const struct aep__header *header = &message->headers[i];
        if (header->name.len == name.len && memcmp(header->name.data, name.data, name.len) == 0)
            ret->caused = aep__id_parse(header->value.data, header->value.len, ret->cause);
    }
}

static bool read_ids(const struct aep__record *record, bool causes, struct event_ids *ret)
{
    struct aep__message message;
    if (!read_value(record->value, ret))
        return false;
    ret->caused = false;
    if (causes && aep__record_message(record, &message))
        read_cause(&message, ret);
    return true;
}

/* ---- the search ---- */

static bool before(aep_position one, aep_position other)
{
    return one.segment != other.segment ? one.segment < other.segment : one.offset < other.offset;
}

static void note(const struct aep__search *search, const struct event_ids *ids)
{
    bool effect = ids->caused && search->asks_for(ids->event_type);
    for (size_t i = 0; i < search->count; i++) {
        struct aep__sought *sought = &search->sought[i];
        const uint8_t *id = sought->effect ? ids->cause : ids->id;
        if ((!sought->effect || effect) && memcmp(sought->id, id, sizeof sought->id) == 0)
            sought->found = true;
    }
}

/* Where the first of them can be. */
static aep_position find_begin(const struct aep__search *search)
{
    aep_position begin = search->sought[0].from;
    for (size_t i = 1; i < search->count; i++)
        if (before(search->sought[i].from, begin))
            begin = search->sought[i].from;
    return begin;
}

/* The lowest and the highest segment that there are; 0: none. */
static int find_segments(const struct aep__spool *spool, uint64_t *ret_lowest,
                         uint64_t *ret_highest, aep_error *err)
{
    *ret_lowest = *ret_highest = 0;
    int fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot list %s", spool->path);
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        uint64_t number = aep__segment_number(entry->d_name);
        if (number && (!*ret_lowest || number < *ret_lowest))
            *ret_lowest = number;
        if (number > *ret_highest)
            *ret_highest = number;
    }
    closedir(dir);
    return AEP_OK;
}

static int search_segment(struct aep__reader *reader, uint64_t number, uint64_t offset,
                          const struct aep__search *search, aep_error *err)
{
    bool causes = search->asks_for != NULL;
    struct aep__entry entry;
    struct event_ids ids;
    aep__reader_seek(reader, number, offset);
    for (;;) {
        enum aep__read outcome = aep__reader_next(reader, &entry, err);
        if (outcome == AEP__READ_ERROR)
            return err->code ? err->code : AEP_EIO;
        if (outcome != AEP__READ_EVENT)
            return AEP_OK; /* its end, or it has gone: it was searched before that */
        if (search->below.segment &&
            !before((aep_position){entry.segment, entry.offset}, search->below))
            return AEP_OK;
        if (read_ids(&entry.record, causes, &ids))
            note(search, &ids);
    }
}

int aep__roll_search(struct aep__spool *spool, const struct aep__search *search, aep_error *err)
{
    struct aep__reader reader;
    uint64_t lowest, highest;
    if (search->count == 0)
        return AEP_OK;
    aep_position begin = find_begin(search), below = search->below;
    int result = find_segments(spool, &lowest, &highest, err);
    if (result != AEP_OK)
        return result;
    if (begin.segment < lowest)
        begin = (aep_position){lowest, 0};
    result = aep__reader_init(&reader, spool, begin.segment, begin.offset, false, err);
    if (result != AEP_OK)
        return result;
    for (uint64_t number = begin.segment; result == AEP_OK && number && number <= highest;
         number++) {
        uint64_t offset = number == begin.segment ? begin.offset : 0;
        if (below.segment && !before((aep_position){number, offset}, below))
            break;
        if (aep__segment_exists(spool, number))
            result = search_segment(&reader, number, offset, search, err);
    }
    aep__reader_done(&reader);
    return result;
}

/* ---- before segments are removed ---- */

/* An entry that asks about an event, and the one that it asks about. */
struct asking {
    char file[AEP__ROLL_NAME_SIZE];
    uint32_t unit;
    struct aep__roll_area area;
};

struct release {
    struct aep__spool *spool;
    aep_position below;
    const char *file; /* being read */
    struct asking *asking;
    struct aep__sought *sought; /* of each */
    size_t count, cap;
    bool failed; /* out of memory */
};

static void add(struct release *release, uint32_t unit, const struct aep__roll_area *area)
{
    if (release->count == release->cap) {
        size_t cap = release->cap ? release->cap * 2 : 16;
        struct asking *asking = realloc(release->asking, cap * sizeof *asking);
        if (asking)
            release->asking = asking;
        struct aep__sought *sought = realloc(release->sought, cap * sizeof *sought);
        if (sought)
            release->sought = sought;
        if (!asking || !sought) {
            release->failed = true;
            return;
        }
        release->cap = cap;
    }
    struct asking *asking = &release->asking[release->count];
    struct aep__sought *sought = &release->sought[release->count++];
    *asking = (struct asking){.unit = unit, .area = *area};
    memcpy(asking->file, release->file, strlen(release->file) + 1);
    *sought = (struct aep__sought){.from = area->from};
    memcpy(sought->id, area->event, sizeof sought->id);
}

static void ask_entry(void *user, const struct aep__roll_entry *entry)
{
    struct release *release = user;
    const struct aep__roll_area *area;
    if (aep__roll_standing(entry, &area) == AEP__ROLL_IS_UNKNOWN &&
        before(area->from, release->below))
        add(release, entry->unit, area);
}

static bool ask_file(void *user, const char *name)
{
    struct release *release = user;
    unsigned damaged;
    release->file = name;
    int fd = aep__roll_open(release->spool, name);
    if (fd < 0)
        return true;
    aep__roll_entries(fd, ask_entry, release, &damaged);
    close(fd);
    return !release->failed;
}

/* What was DECLARING has been declared; otherwise it is the event that has been found. */
static int note_found(struct release *release, const struct asking *asking)
{
    struct aep__roll_area area = asking->area;
    area.state = area.state == AEP__ROLL_DECLARING ? AEP__ROLL_DECLARED : AEP__ROLL_FOUND;
    int fd = aep__roll_open(release->spool, asking->file);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1; /* its process has closed it: nothing is open there */
    int result = aep__roll_mark(fd, asking->unit, AEP__ROLL_RELAY, &area);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

int aep__roll_release(struct aep__spool *spool, aep_position below, aep_error *err)
{
    struct release release = {.spool = spool, .below = below};
    int result = AEP_OK;
    if (aep__roll_each(spool, ask_file, &release) < 0)
        result = aep__error_errno(err, AEP_ESPOOL, "spool.dir", "cannot read %s/" AEP__ROLL_FOLDER,
                                  spool->path);
    if (release.failed)
        result = aep__error_memory(err);
    if (result == AEP_OK)
        result = aep__roll_search(
            spool,
            &(struct aep__search){.sought = release.sought, .count = release.count, .below = below},
            err);
    for (size_t i = 0; result == AEP_OK && i < release.count; i++)
        if (release.sought[i].found && note_found(&release, &release.asking[i]) < 0)
            result = aep__error_errno(err, AEP_EIO, "spool.dir",
                                      "cannot write in %s/" AEP__ROLL_FOLDER, spool->path);
    free(release.asking);
    free(release.sought);
    return result;
}
