/* SPDX-License-Identifier: Apache-2.0 */
/* Keyword arguments as the library's named members. What a kind has is asked of the library, once. */
#include "aep_python.h"

enum form { FORM_TEXT, FORM_TIME, FORM_NUMBER, FORM_JSON };

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
    } forms[] = {{"text", FORM_TEXT},     {"id", FORM_TEXT},     {"time", FORM_TIME},
                 {"number", FORM_NUMBER}, {"bool", FORM_NUMBER}, {"integer", FORM_NUMBER}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].type, type) == 0)
            return forms[i].form;
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

static int read_text(struct fields *fields, aep_field *field, PyObject *value)
{
    Py_ssize_t len;
    PyObject *text = PyUnicode_Check(value) ? Py_NewRef(value) : PyObject_Str(value);
    if (!text)
        return -1;
    fields->held[fields->count] = text;
    field->text = PyUnicode_AsUTF8AndSize(text, &len);
    if (field->text) {
        field->length = (size_t)len;
        return 0;
    }
    PyErr_Clear();
    size_t begin = fields->text.len;
    if (utf8_add(&fields->text, text) < 0)
        return -1;
    point_to_text(fields, field, begin);
    return 0;
}

/* Text as it is; a datetime in RFC 3339, in local time where it has no zone. */
static int read_time(struct fields *fields, aep_field *field, PyObject *value)
{
    if (PyUnicode_Check(value))
        return read_text(fields, field, value);
    PyObject *module = PyImport_ImportModule("aep._values");
    PyObject *text = module ? PyObject_CallMethod(module, "rfc3339", "O", value) : NULL;
    Py_XDECREF(module);
    int result = text ? read_text(fields, field, text) : -1;
    Py_XDECREF(text);
    return result;
}

static int read_number(struct fields *fields, aep_field *field, PyObject *value)
{
    (void)fields;
    field->number = PyFloat_AsDouble(value);
    return field->number == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static int read_json(struct fields *fields, aep_field *field, PyObject *value)
{
    size_t begin = fields->text.len;
    if (json_add(&fields->text, value, &fields->replaced) < 0)
        return -1;
    point_to_text(fields, field, begin);
    return 0;
}

static int read_value(struct fields *fields, const struct member *member, PyObject *value)
{
    static int (*const readers[])(struct fields *, aep_field *, PyObject *) = {
        [FORM_TEXT] = read_text,
        [FORM_TIME] = read_time,
        [FORM_NUMBER] = read_number,
        [FORM_JSON] = read_json,
    };
    aep_field *field = &fields->list[fields->count];
    if (value == Py_None)
        return 0;
    *field = (aep_field){.name = member->text};
    fields->places[fields->count] = 0;
    fields->held[fields->count] = NULL;
    int result = readers[member->form](fields, field, value);
    fields->count++;
    if (result < 0 && PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError, "%s cannot be made of %.80s", member->text,
                     Py_TYPE(value)->tp_name);
    return result;
}

/* ---- arguments ---- */

static const struct member *find_member(const struct kind *kind, PyObject *name)
{
    for (size_t i = 0; i < kind->count; i++)
        if (kind->members[i].name == name)
            return &kind->members[i];
    for (size_t i = 0; i < kind->count; i++)
        if (PyUnicode_Compare(kind->members[i].name, name) == 0)
            return &kind->members[i];
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", kind->name, name);
    return NULL;
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
    Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
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
        if (read_named(fields, kind, PyTuple_GET_ITEM(names, i), args[count + i]) < 0)
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
