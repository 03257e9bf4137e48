/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions: aep.Error and one below it for each family of codes. */
#include "aep_python.h"

static struct {
    const char *name, *doc;
    int codes[3];
    PyObject **also; /* a built-in exception that it is, too */
    PyObject *type;
} classes[] = {
    {"InvalidEvent",
     "An event that cannot be published; field names the member at fault.",
     {AEP_EINVAL, AEP_ETOOBIG},
     &PyExc_ValueError,
     NULL},
    {"ConfigError",
     "An option that is missing, unknown or bad.",
     {AEP_ECONFIG},
     &PyExc_ValueError,
     NULL},
    {"SpoolFull",
     "The spool is at its limit, or the disk is full: try again later.",
     {AEP_EFULL},
     NULL,
     NULL},
    {"SpoolError",
     "The spool folder cannot be used, or its disk failed.",
     {AEP_ESPOOL, AEP_EIO},
     &PyExc_OSError,
     NULL},
    {"RelayError",
     "No relay can be reached or started; events stay on disk.",
     {AEP_ERELAY},
     NULL,
     NULL},
};

static PyObject *base;

int errors_init(PyObject *module)
{
    PyObject *absent = Py_BuildValue("{sssssi}", "code", "", "field", "", "position", 0);
    base = absent ? PyErr_NewExceptionWithDoc(
                        "aep.Error",
                        "What went wrong: code (\"AEP_EINVAL\", …), field (the member or "
                        "option, \"\"), position (bytes into JSON).",
                        NULL, absent)
                  : NULL;
    Py_XDECREF(absent);
    if (!base || PyModule_AddObject(module, "Error", new_reference(base)) < 0)
        return -1;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        char name[64];
        snprintf(name, sizeof name, "aep.%s", classes[i].name);
        PyObject *bases =
            classes[i].also ? PyTuple_Pack(2, base, *classes[i].also) : PyTuple_Pack(1, base);
        classes[i].type =
            bases ? PyErr_NewExceptionWithDoc(name, classes[i].doc, bases, NULL) : NULL;
        Py_XDECREF(bases);
        if (!classes[i].type ||
            PyModule_AddObject(module, classes[i].name, new_reference(classes[i].type)) < 0)
            return -1;
    }
    return 0;
}

static PyObject *type_of(int code)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        for (int k = 0; k < 3; k++)
            if (classes[i].codes[k] == code)
                return classes[i].type;
    return base;
}

static int set(PyObject *exception, const char *name, PyObject *value)
{
    int result = value ? PyObject_SetAttrString(exception, name, value) : -1;
    Py_XDECREF(value);
    return result;
}

/* An exception with the code and text of an error: a new reference. */
static PyObject *new_exception(int code, const aep_error *err)
{
    PyObject *exception = PyObject_CallFunction(type_of(code), "s", err->text);
    if (exception && set(exception, "code", PyUnicode_FromString(aep_code_name(code))) == 0 &&
        set(exception, "field", PyUnicode_FromString(err->field)) == 0 &&
        set(exception, "position", PyLong_FromSize_t(err->position)) == 0)
        return exception;
    Py_XDECREF(exception);
    return NULL;
}

/* Raises `exception` because of `cause`; takes both. */
static void raise_from(PyObject *exception, PyObject *cause)
{
    if (exception && cause)
        PyException_SetCause(exception, cause);
    else
        Py_XDECREF(cause);
    if (exception)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
}

PyObject *errors_raise(int code, const aep_error *err)
{
    if (code == AEP_ENOMEM)
        return PyErr_NoMemory();
    raise_from(new_exception(code, err), NULL);
    return NULL;
}

/* NAME must be WORDS, not TYPE; nothing may be raised yet. */
static void say_type(char *text, size_t size, const char *name, const char *words, PyObject *value)
{
    size_t len;
    PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__name__");
    const char *utf8 = type ? utf8_of(type, &len) : NULL;
    PyErr_Clear();
    snprintf(text, size, "%s must be %s, not %.80s", name, words, utf8 ? utf8 : "another type");
    Py_XDECREF(type);
}

int errors_type(const char *name, const char *words, PyObject *value)
{
    char text[256];
    say_type(text, sizeof text, name, words, value);
    PyErr_SetString(PyExc_TypeError, text);
    return -1;
}

int errors_refuse(const char *field, const char *words, PyObject *value)
{
    PyObject *type, *cause, *trace;
    aep_error err = {.code = AEP_EINVAL};
    if (PyErr_Occurred() &&
        (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError)))
        return -1;
    PyErr_Fetch(&type, &cause, &trace);
    PyErr_NormalizeException(&type, &cause, &trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    snprintf(err.field, sizeof err.field, "%s", field);
    say_type(err.text, sizeof err.text, field, words, value);
    raise_from(new_exception(err.code, &err), cause);
    return -1;
}

void errors_keyword(const char *call, PyObject *name, PyObject *names)
{
    PyObject *module = names ? PyImport_ImportModule("aep._names") : NULL;
    PyObject *text =
        module ? PyObject_CallMethod(module, "unknown_keyword", "sOO", call, name, names) : NULL;
    if (text)
        PyErr_SetObject(PyExc_TypeError, text);
    Py_XDECREF(text);
    Py_XDECREF(module);
}
