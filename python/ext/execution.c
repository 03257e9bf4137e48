/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

typedef struct {
    PyObject_HEAD
    Publisher *publisher; /* strong, and has this as a user */
    aep_execution *run;
} Execution;

/* ---- life ---- */

/* Execution(publisher, ...): publishes the started event. */
static PyObject *execution_start(PyObject *type, PyObject *const *args, Py_ssize_t count,
                                 PyObject *names)
{
    struct fields fields;
    aep_execution *run = NULL;
    aep_error err;
    (void)type;
    if (count < 1 || !PyObject_TypeCheck(args[0], PublisherType)) {
        PyErr_SetString(PyExc_TypeError, "publisher must be a Publisher");
        return NULL;
    }
    Publisher *publisher = (Publisher *)args[0];
    aep_publisher *pub = publisher_use(publisher);
    if (!pub)
        return NULL;
    Execution *self = NULL;
    if (fields_read(&fields, AEP_KIND_STARTED, args + 1, count - 1, names) == 0) {
        int code;
        Py_BEGIN_ALLOW_THREADS
        code = aep_execution_start_fields(pub, fields.list, fields.count, &run, &err);
        Py_END_ALLOW_THREADS
        publisher->replaced += fields.replaced;
        if (code == AEP_OK)
            self = PyObject_New(Execution, ExecutionType);
        else
            errors_raise(code, &err);
    }
    fields_done(&fields);
    if (!self) {
        aep_execution_free(run);
        publisher_leave(publisher);
        return NULL;
    }
    Py_INCREF(publisher);
    self->publisher = publisher;
    self->run = run;
    return (PyObject *)self;
}

/* Without a terminal event the library publishes failed, ABANDONED. */
static void execution_dealloc(PyObject *object)
{
    Execution *self = (Execution *)object;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    Py_BEGIN_ALLOW_THREADS
    aep_execution_free(self->run);
    Py_END_ALLOW_THREADS
    publisher_leave(self->publisher);
    Py_DECREF(self->publisher);
    PyErr_Restore(type, value, trace);
    types_free(object);
}

/* ---- events ---- */

static PyObject *publish_next(PyObject *object, enum aep_kind kind, PyObject *const *args,
                              Py_ssize_t count, PyObject *names)
{
    Execution *self = (Execution *)object;
    struct fields fields;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_error err;
    PyObject *result = NULL;
    if (!publisher_use(self->publisher))
        return NULL;
    if (count > 0)
        PyErr_SetString(PyExc_TypeError, "an execution's events take keyword arguments only");
    else if (fields_read(&fields, kind, args, 0, names) == 0) {
        int code;
        Py_BEGIN_ALLOW_THREADS
        code = aep_execution_publish_fields(self->run, kind, fields.list, fields.count, &receipt,
                                            &err);
        Py_END_ALLOW_THREADS
        self->publisher->replaced += fields.replaced;
        result = code == AEP_OK ? receipt_new(&receipt) : errors_raise(code, &err);
    }
    if (count == 0)
        fields_done(&fields);
    publisher_leave(self->publisher);
    return result;
}

#define NEXT_METHOD(KIND, name, verb)                                                              \
    static PyObject *execution_##verb(PyObject *self, PyObject *const *args, Py_ssize_t count,     \
                                      PyObject *names)                                             \
    {                                                                                              \
        return publish_next(self, AEP_KIND_##KIND, args, count, names);                            \
    }
AEP_KINDS_LATER(NEXT_METHOD)

/* ---- questions ---- */

static const struct {
    const char *(*get)(const aep_execution *run);
} texts[] = {{aep_execution_id},
             {aep_execution_correlation_id},
             {aep_execution_session_id},
             {aep_execution_traceparent}};

static PyObject *get_text(PyObject *object, void *which)
{
    const char *text = texts[(size_t)(uintptr_t)which].get(((Execution *)object)->run);
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *get_receipt(PyObject *object, void *unused)
{
    (void)unused;
    return receipt_new(aep_execution_receipt(((Execution *)object)->run));
}

/* clang-format off */
#define NEXT(KIND, name, verb)                                                                     \
    {#verb, (PyCFunction)(void (*)(void))execution_##verb, METH_FASTCALL | METH_KEYWORDS, NULL},

static PyMethodDef methods[] = {
    {"start", (PyCFunction)(void (*)(void))execution_start,
     METH_FASTCALL | METH_KEYWORDS | METH_STATIC, NULL},
    AEP_KINDS_LATER(NEXT)
    {0},
};
/* clang-format on */

static PyGetSetDef properties[] = {
    {"id", get_text, NULL, NULL, (void *)0},
    {"correlation_id", get_text, NULL, NULL, (void *)1},
    {"session_id", get_text, NULL, NULL, (void *)2},
    {"traceparent", get_text, NULL, NULL, (void *)3},
    {"receipt", get_receipt, NULL, NULL, NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "The library's handle for one run."},
    {Py_tp_new, types_refuse_new},
    {Py_tp_dealloc, execution_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0},
};

PyType_Spec execution_spec = {"aep._aep.Execution", sizeof(Execution), 0, Py_TPFLAGS_DEFAULT,
                              slots};
