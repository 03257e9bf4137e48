/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

void text_add(struct text *text, const char *data, size_t len)
{
    if (text->failed || len > TEXT_MAX - text->len) {
        text->failed = true;
        return;
    }
    if (text->len + len > text->cap) {
        size_t cap = text->cap ? text->cap * 2 : 512;
        while (cap < text->len + len)
            cap *= 2;
        char *grown = realloc(text->data, cap);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->data = grown;
        text->cap = cap;
    }
    memcpy(text->data + text->len, data, len);
    text->len += len;
}

void text_done(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

static void add_code_point(struct text *out, Py_UCS4 point)
{
    char bytes[4];
    if (point < 0x80) {
        text_add(out, (char[]){(char)point}, 1);
    } else if (point < 0x800) {
        bytes[0] = (char)(0xc0 | point >> 6);
        bytes[1] = (char)(0x80 | (point & 0x3f));
        text_add(out, bytes, 2);
    } else if (point >= 0xd800 && point < 0xe000) {
        text_add(out, "\xff", 1);
    } else if (point < 0x10000) {
        bytes[0] = (char)(0xe0 | point >> 12);
        bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (point & 0x3f));
        text_add(out, bytes, 3);
    } else {
        bytes[0] = (char)(0xf0 | point >> 18);
        bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (point & 0x3f));
        text_add(out, bytes, 4);
    }
}

int utf8_add(struct text *out, PyObject *text)
{
    Py_ssize_t len;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
    if (utf8) {
        text_add(out, utf8, (size_t)len);
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return -1;
    PyErr_Clear();
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text); i++)
        add_code_point(out, PyUnicode_READ_CHAR(text, i));
    return 0;
}

PyObject *text_of(PyObject *value, unsigned long long *replaced)
{
    PyObject *text = PyUnicode_Check(value) ? Py_NewRef(value) : PyObject_Str(value);
    if (text || !PyErr_ExceptionMatches(PyExc_Exception) ||
        PyErr_ExceptionMatches(PyExc_MemoryError))
        return text;
    PyErr_Clear();
    ++*replaced;
    return call_values("describe", value);
}
