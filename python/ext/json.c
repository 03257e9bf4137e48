/* SPDX-License-Identifier: Apache-2.0 */
/* Python values as JSON text. What json.dumps() takes is written here; other values are first turned
 * into such by aep._values.simplify(), so that nothing that a caller passes loses an event. */
#include "aep_python.h"

#include <math.h>

#define DEPTH_MAX 56 /* the library refuses more than 64, the envelope's own levels included */

struct writer {
    struct text *out;
    unsigned depth;
    PyObject *open[DEPTH_MAX]; /* the containers around the value, to notice a circle */
    unsigned long long *replaced;
};

static int write_value(struct writer *writer, PyObject *value);

/* ---- scalars ---- */

static void write_escape(struct text *out, unsigned char byte)
{
    static const char names[128] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                    ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    char escape[8];
    if (names[byte])
        text_add(out, (char[]){'\\', names[byte]}, 2);
    else
        text_add(out, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", byte));
}

static void write_plain(struct text *out, const char *text, size_t len)
{
    size_t begin = 0;
    text_add(out, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        text_add(out, text + begin, i - begin);
        write_escape(out, byte);
        begin = i + 1;
    }
    text_add(out, text + begin, len - begin);
    text_add(out, "\"", 1);
}

/* A lone surrogate is written as the escape that it would be in JSON: the library repairs it. */
static int write_surrogates(struct text *out, PyObject *text)
{
    text_add(out, "\"", 1);
    for (Py_ssize_t i = 0; i < PyUnicode_GetLength(text); i++) {
        Py_UCS4 point = PyUnicode_ReadChar(text, i);
        if (point >= 0xd800 && point < 0xe000) {
            text_add(out, "\\ud800", 6);
            continue;
        }
        PyObject *one = PyUnicode_FromOrdinal((int)point);
        size_t len;
        const char *utf8 = one ? utf8_of(one, &len) : NULL;
        if (!utf8) {
            Py_XDECREF(one);
            return -1;
        }
        if (point < 0x80 && (point < 0x20 || point == '"' || point == '\\'))
            write_escape(out, (unsigned char)point);
        else
            text_add(out, utf8, len);
        Py_DECREF(one);
    }
    text_add(out, "\"", 1);
    return 0;
}

static int write_string(struct text *out, PyObject *text)
{
    size_t len;
    const char *utf8 = utf8_of(text, &len);
    if (utf8) {
        write_plain(out, utf8, len);
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return -1;
    PyErr_Clear();
    return write_surrogates(out, text);
}

/* ---- values without a JSON form of their own ---- */

PyObject *call_values(const char *name, PyObject *value)
{
    PyObject *module = PyImport_ImportModule("aep._values");
    if (!module)
        return NULL;
    PyObject *result = PyObject_CallMethod(module, name, "O", value);
    Py_DECREF(module);
    return result;
}

/* The value's repr(), cut, as a string; counted. */
static int write_repr(struct writer *writer, PyObject *value)
{
    PyObject *text = call_values("describe", value);
    if (!text)
        return -1;
    ++*writer->replaced;
    int result = write_string(writer->out, text);
    Py_DECREF(text);
    return result;
}

/* simplify() gives a value that is nearer to JSON, or NotImplemented. */
static int write_other(struct writer *writer, PyObject *value)
{
    PyObject *simple = call_values("simplify", value);
    if (!simple)
        return -1;
    int result =
        simple == Py_NotImplemented ? write_repr(writer, value) : write_value(writer, simple);
    Py_DECREF(simple);
    return result;
}

/* ---- numbers ---- */

static int write_float(struct writer *writer, PyObject *value)
{
    double number = PyFloat_AsDouble(value);
    if (!isfinite(number))
        return write_repr(writer, value);
    char *text = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (!text)
        return -1;
    text_add(writer->out, text, strlen(text));
    PyMem_Free(text);
    return 0;
}

static int write_integer(struct writer *writer, PyObject *value)
{
    char digits[24];
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (number == -1 && PyErr_Occurred())
        return -1;
    if (!overflow) {
        text_add(writer->out, digits, (size_t)snprintf(digits, sizeof digits, "%lld", number));
        return 0;
    }
    PyObject *text = PyNumber_ToBase(value, 10);
    size_t len;
    const char *utf8 = text ? utf8_of(text, &len) : NULL;
    if (!utf8) { /* Python refuses to write it: too long */
        Py_XDECREF(text);
        PyErr_Clear();
        return write_repr(writer, value);
    }
    text_add(writer->out, utf8, len);
    Py_DECREF(text);
    return 0;
}

/* ---- containers ---- */

/* False: the value stands around itself, or too deep. */
static bool enter(struct writer *writer, PyObject *value)
{
    for (unsigned i = 0; i < writer->depth; i++)
        if (writer->open[i] == value)
            return false;
    if (writer->depth == DEPTH_MAX || writer->out->failed)
        return false;
    writer->open[writer->depth++] = value;
    return true;
}

static int write_item(struct writer *writer, Py_ssize_t at, PyObject *item)
{
    if (at > 0)
        text_add(writer->out, ",", 1);
    Py_INCREF(item);
    int result = write_value(writer, item);
    Py_DECREF(item);
    return result;
}

/* A list is walked by index, since writing a value may call code that changes it. */
static int write_list(struct writer *writer, PyObject *value)
{
    text_add(writer->out, "[", 1);
    for (Py_ssize_t i = 0; i < PyList_Size(value) && !writer->out->failed; i++)
        if (write_item(writer, i, PyList_GetItem(value, i)) < 0)
            return -1;
    text_add(writer->out, "]", 1);
    return 0;
}

static int write_tuple(struct writer *writer, PyObject *value)
{
    Py_ssize_t size = PyTuple_Size(value);
    text_add(writer->out, "[", 1);
    for (Py_ssize_t i = 0; i < size && !writer->out->failed; i++)
        if (write_item(writer, i, PyTuple_GetItem(value, i)) < 0)
            return -1;
    text_add(writer->out, "]", 1);
    return 0;
}

static bool has_only_text_keys(PyObject *dict)
{
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &at, &key, &value))
        if (!PyUnicode_CheckExact(key))
            return false;
    return true;
}

/* The lists are ours: what writing a value calls cannot change them. */
static int write_members(struct writer *writer, PyObject *keys, PyObject *values)
{
    Py_ssize_t size = PyList_Size(keys);
    text_add(writer->out, "{", 1);
    for (Py_ssize_t i = 0; i < size && !writer->out->failed; i++) {
        if (i > 0)
            text_add(writer->out, ",", 1);
        if (write_string(writer->out, PyList_GetItem(keys, i)) < 0)
            return -1;
        text_add(writer->out, ":", 1);
        if (write_value(writer, PyList_GetItem(values, i)) < 0)
            return -1;
    }
    text_add(writer->out, "}", 1);
    return 0;
}

/* The dict as it is, or one whose keys are text: a new reference. What only its repr() stands for is
 * counted. */
static PyObject *dict_with_text_keys(struct writer *writer, PyObject *value)
{
    if (PyDict_CheckExact(value) && has_only_text_keys(value))
        return new_reference(value);
    PyObject *pair = call_values("text_keys", value), *dict = NULL;
    unsigned long long described;
    if (pair && PyArg_ParseTuple(pair, "O!K", &PyDict_Type, &dict, &described)) {
        *writer->replaced += described;
        Py_INCREF(dict);
    }
    Py_XDECREF(pair);
    return dict;
}

/* Keys that are not text become text; the last of equal ones counts, as with json.dumps(). */
static int write_dict(struct writer *writer, PyObject *value)
{
    PyObject *dict = dict_with_text_keys(writer, value);
    PyObject *keys = dict ? PyDict_Keys(dict) : NULL, *values = keys ? PyDict_Values(dict) : NULL;
    int result = values ? write_members(writer, keys, values) : -1;
    Py_XDECREF(values);
    Py_XDECREF(keys);
    Py_XDECREF(dict);
    return result;
}

static int write_container(struct writer *writer, PyObject *value,
                           int (*write)(struct writer *writer, PyObject *value))
{
    if (!enter(writer, value))
        return write_repr(writer, value);
    int result = write(writer, value);
    writer->depth--;
    return result;
}

static int write_value(struct writer *writer, PyObject *value)
{
    unsigned long is = PyType_GetFlags(Py_TYPE(value)); /* asked once: a call in the stable ABI */
    if (is & Py_TPFLAGS_UNICODE_SUBCLASS)
        return write_string(writer->out, value);
    if (value == Py_None || value == Py_True || value == Py_False) {
        const char *word = value == Py_None ? "null" : value == Py_True ? "true" : "false";
        text_add(writer->out, word, strlen(word));
        return 0;
    }
    if (is & Py_TPFLAGS_LONG_SUBCLASS)
        return write_integer(writer, value);
    if (PyFloat_Check(value))
        return write_float(writer, value);
    if (is & Py_TPFLAGS_DICT_SUBCLASS)
        return write_container(writer, value, write_dict);
    if (is & Py_TPFLAGS_LIST_SUBCLASS)
        return write_container(writer, value, write_list);
    if (is & Py_TPFLAGS_TUPLE_SUBCLASS)
        return write_container(writer, value, write_tuple);
    return write_container(writer, value, write_other);
}

int json_add(struct text *out, PyObject *value, unsigned long long *replaced)
{
    struct writer writer = {.out = out, .replaced = replaced};
    return write_value(&writer, value);
}
