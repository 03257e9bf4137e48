/* SPDX-License-Identifier: Apache-2.0 */
/* Keyword arguments as the library's named members. What a kind has is asked of the library, once. */
#include "aep_python.h"

#include <math.h>

enum form { FORM_TEXT, FORM_ID, FORM_TIME, FORM_NUMBER, FORM_JSON };

struct member {
    PyObject *name; /* interned */
    const char *text;
    enum form form;
};

struct kind {
    struct member members[FIELDS_MAX];
    size_t count;
    const char *name;
};

static struct kind kinds[AEP_KIND_COUNT];

static enum form form_of(const char *type)
{
    static const struct {
        const char *type;
        enum form form;
    } types[] = {{"text", FORM_TEXT},     {"id", FORM_ID},       {"time", FORM_TIME},
                 {"number", FORM_NUMBER}, {"bool", FORM_NUMBER}, {"integer", FORM_NUMBER}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].form;
    return FORM_JSON;
}

static int add_member(struct kind *kind, const char *name, const char *type)
{
    struct member *member = &kind->members[kind->count++];
    *member = (struct member){PyUnicode_InternFromString(name), name, form_of(type)};
    return member->name ? 0 : -1;
}

int fields_init(void)
{
    static const char *const links[] = {"causation_id", "traceparent", "tracestate"};
    for (int k = 0; k < AEP_KIND_COUNT; k++) {
        aep_member member = AEP_MEMBER_INIT;
        kinds[k].name = aep_kind_name((enum aep_kind)k);
        for (size_t i = 0; aep_kind_member((enum aep_kind)k, i, &member) == AEP_OK; i++)
            if (add_member(&kinds[k], member.name, member.type) < 0)
                return -1;
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
            if (add_member(&kinds[k], links[i], "id") < 0)
                return -1;
    }
    return 0;
}

/* ---- values ---- */

/* From here on list[i] is what has been added to fields->text since `begin`. */
static void point_to_text(struct fields *fields, aep_field *field, size_t begin)
{
    fields->places[fields->count] = 1 + begin;
    field->length = fields->text.len - begin;
    field->text = ""; /* set for good when nothing moves any more */
}

/* `text`: a new reference, or NULL with an exception. */
static int hold_text(struct fields *fields, aep_field *field, PyObject *text)
{
    if (!text)
        return -1;
    fields->held[fields->count] = text;
    field->text = utf8_of(text, &field->length);
    if (field->text)
        return 0;
    PyErr_Clear();
    size_t begin = fields->text.len;
    if (utf8_add(&fields->text, text) < 0)
        return -1;
    point_to_text(fields, field, begin);
    return 0;
}

static int read_text(struct fields *fields, aep_field *field, PyObject *value)
{
    return hold_text(fields, field, text_of(value, &fields->replaced));
}

/* A repr() cannot stand in for an id: another event would not have the same one. */
static int read_id(struct fields *fields, aep_field *field, PyObject *value)
{
    return hold_text(fields, field,
                     PyUnicode_Check(value) ? new_reference(value) : PyObject_Str(value));
}

/* Text as it is; a datetime in RFC 3339, in local time where it has no zone. */
static int read_time(struct fields *fields, aep_field *field, PyObject *value)
{
    return hold_text(fields, field,
                     PyUnicode_Check(value) ? new_reference(value) : call_values("rfc3339", value));
}

/* A number beyond all doubles is infinite: the library refuses it and names the range. */
static int read_number(struct fields *fields, aep_field *field, PyObject *value)
{
    (void)fields;
    field->number = PyFloat_AsDouble(value);
    if (field->number != -1.0 || !PyErr_Occurred())
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_OverflowError))
        return -1;
    PyErr_Clear();
    field->number = HUGE_VAL;
    return 0;
}

static int read_json(struct fields *fields, aep_field *field, PyObject *value)
{
    size_t begin = fields->text.len;
    if (json_add(&fields->text, value, &fields->replaced) < 0)
        return -1;
    point_to_text(fields, field, begin);
    return 0;
}

static const struct {
    int (*read)(struct fields *fields, aep_field *field, PyObject *value);
    const char *words;
} forms[] = {
    [FORM_TEXT] = {read_text, "text"},
    [FORM_ID] = {read_id, "text or a UUID"},
    [FORM_TIME] = {read_time, "a datetime, RFC 3339 text or seconds since 1970"},
    [FORM_NUMBER] = {read_number, "a number"},
    [FORM_JSON] = {read_json, "something that JSON can express"},
};

static int read_value(struct fields *fields, const struct member *member, PyObject *value)
{
    aep_field *field = &fields->list[fields->count];
    if (value == Py_None)
        return 0;
    *field = (aep_field){.name = member->text};
    fields->places[fields->count] = 0;
    fields->held[fields->count] = NULL;
    int result = forms[member->form].read(fields, field, value);
    fields->count++;
    return result == 0 ? 0 : errors_refuse(member->text, forms[member->form].words, value);
}

/* ---- arguments ---- */

/* Says which names there are. NULL, for return. */
static const struct member *refuse_name(const struct kind *kind, PyObject *name)
{
    PyObject *names = PyTuple_New((Py_ssize_t)kind->count);
    for (size_t i = 0; names && i < kind->count; i++)
        PyTuple_SetItem(names, (Py_ssize_t)i, new_reference(kind->members[i].name));
    errors_keyword(kind->name, name, names);
    Py_XDECREF(names);
    return NULL;
}

static const struct member *find_member(const struct kind *kind, PyObject *name)
{
    for (size_t i = 0; i < kind->count; i++)
        if (kind->members[i].name == name)
            return &kind->members[i];
    for (size_t i = 0; i < kind->count; i++)
        if (PyUnicode_Compare(kind->members[i].name, name) == 0)
            return &kind->members[i];
    return refuse_name(kind, name);
}

static bool is_given(const struct fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (fields->list[i].name == name)
            return true;
    return false;
}

static int read_named(struct fields *fields, const struct kind *kind, PyObject *name,
                      PyObject *value)
{
    const struct member *member = find_member(kind, name);
    if (!member)
        return -1;
    if (!is_given(fields, member->text))
        return read_value(fields, member, value);
    PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%s'", kind->name,
                 member->text);
    return -1;
}

int fields_read(struct fields *fields, enum aep_kind which, PyObject *const *args, Py_ssize_t count,
                PyObject *names)
{
    const struct kind *kind = &kinds[which];
    Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    fields->count = 0;
    fields->text = (struct text){0};
    fields->replaced = 0;
    if (count > 2) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 2 positional arguments (%zd given)",
                     kind->name, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (read_value(fields, &kind->members[i], args[i]) < 0)
            return -1;
    for (Py_ssize_t i = 0; i < named; i++)
        if (read_named(fields, kind, PyTuple_GetItem(names, i), args[count + i]) < 0)
            return -1;
    if (fields->text.failed) {
        aep_error err = {.code = AEP_ETOOBIG, .text = "the event is far over limits.message_bytes"};
        errors_raise(err.code, &err);
        return -1;
    }
    for (size_t i = 0; i < fields->count; i++)
        if (fields->places[i])
            fields->list[i].text = fields->text.data + fields->places[i] - 1;
    return 0;
}

void fields_done(struct fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        Py_XDECREF(fields->held[i]);
    text_done(&fields->text);
}
