/* SPDX-License-Identifier: Apache-2.0 */
#include "event/facts.h"

#include "base/error.h"
#include "base/sized.h"

#include <string.h>

static struct aep__value text_value(const char *text)
{
    return (struct aep__value){text, text ? strlen(text) : 0, 0, text != NULL};
}

static struct aep__value read_text(const void *args, size_t offset)
{
    const char *text;
    aep__sized_get(args, offset, &text, sizeof text);
    return text_value(text);
}

static struct aep__value read_number(const void *args, size_t offset)
{
    aep_number number;
    aep__sized_get(args, offset, &number, sizeof number);
    return (struct aep__value){NULL, 0, number.value, number.given != 0};
}

int aep__facts_from_struct(enum aep_kind kind, const void *args, struct aep__facts *facts,
                           aep_error *err)
{
    const struct aep__kind_row *row = &aep__kinds[kind];
    int code = aep__sized_check(args, row->struct_size, row->macro, err);
    if (code != AEP_OK)
        return code;
    *facts = (struct aep__facts){.kind = kind};
    for (size_t i = 0; i < row->member_count; i++) {
        const struct aep__member_row *member = &row->members[i];
        facts->values[i] = aep__type_is_number(member->type) ? read_number(args, member->offset)
                                                             : read_text(args, member->offset);
    }
    facts->causation_id = read_text(args, row->link_offset);
    facts->traceparent = read_text(args, row->link_offset + sizeof(char *));
    facts->tracestate = read_text(args, row->link_offset + 2 * sizeof(char *));
    return AEP_OK;
}

/* ---- named fields --------------------------------------------------------------------------- */

/* Where the value of a name goes; NULL: there is no such name. */
static struct aep__value *find_value(struct aep__facts *facts, const char *name)
{
    int member = aep__kind_find_member(facts->kind, name, strlen(name));
    if (member >= 0)
        return &facts->values[member];
    if (strcmp(name, "causation_id") == 0)
        return &facts->causation_id;
    if (strcmp(name, "traceparent") == 0)
        return &facts->traceparent;
    return strcmp(name, "tracestate") == 0 ? &facts->tracestate : NULL;
}

int aep__facts_from_fields(enum aep_kind kind, const aep_field *fields, size_t count,
                           struct aep__facts *facts, aep_error *err)
{
    if (!aep_kind_name(kind))
        return aep__error(err, AEP_EINVAL, "kind", "%d is not a kind of event", (int)kind);
    *facts = (struct aep__facts){.kind = kind};
    for (size_t i = 0; i < count; i++) {
        const char *name = fields[i].name ? fields[i].name : "";
        struct aep__value *value = find_value(facts, name);
        if (!value)
            return aep__error(err, AEP_EINVAL, name, "%s has no member \"%s\"",
                              aep__kinds[kind].name, name);
        if (value->given)
            return aep__error(err, AEP_EINVAL, name, "%s is given twice", name);
        *value = (struct aep__value){fields[i].text, fields[i].length, fields[i].number, true};
    }
    return AEP_OK;
}

void aep__facts_default_text(struct aep__facts *facts, const char *name, const char *text)
{
    struct aep__value *value = find_value(facts, name);
    if (value && !value->given)
        *value = text_value(text);
}

void aep__facts_default_number(struct aep__facts *facts, const char *name, double number)
{
    struct aep__value *value = find_value(facts, name);
    if (value && !value->given)
        *value = (struct aep__value){NULL, 0, number, true};
}
