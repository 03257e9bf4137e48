/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

#include <dlfcn.h>

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

/* PyUnicode_AsUTF8AndSize(), which every CPython has since 3.3 but the stable ABI promises since 3.10
 * only. So it is asked for by name: what the stable ABI of 3.9 has instead makes each publish call
 * slower by a thirtieth. */
static const char *(*as_utf8)(PyObject *text, Py_ssize_t *len);

int text_init(void)
{
    *(void **)&as_utf8 = dlsym(RTLD_DEFAULT, "PyUnicode_AsUTF8AndSize");
    if (as_utf8)
        return 0;
    PyErr_SetString(PyExc_ImportError, "this Python has no PyUnicode_AsUTF8AndSize");
    return -1;
}

const char *utf8_of(PyObject *text, size_t *ret_len)
{
    Py_ssize_t len = 0;
    const char *utf8 = as_utf8(text, &len);
    *ret_len = (size_t)len;
    return utf8;
}

int utf8_add(struct text *out, PyObject *text)
{
    size_t len;
    const char *utf8 = utf8_of(text, &len);
    if (utf8) {
        text_add(out, utf8, len);
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return -1;
    PyErr_Clear();
    for (Py_ssize_t i = 0; i < PyUnicode_GetLength(text); i++)
        add_code_point(out, PyUnicode_ReadChar(text, i));
    return 0;
}

PyObject *text_of(PyObject *value, unsigned long long *replaced)
{
    PyObject *text = PyUnicode_Check(value) ? new_reference(value) : PyObject_Str(value);
    if (text || !PyErr_ExceptionMatches(PyExc_Exception) ||
        PyErr_ExceptionMatches(PyExc_MemoryError))
        return text;
    PyErr_Clear();
    ++*replaced;
    return call_values("describe", value);
}
