/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

typedef struct {
    PyObject_HEAD
    Publisher *publisher; /* strong, and has this as a user; NULL: closed */
    aep_waiter *waiter;
} Waiter;

static int waiter_init(PyObject *object, PyObject *args, PyObject *keywords)
{
    Waiter *self = (Waiter *)object;
    PyObject *publisher;
    aep_error err;
    (void)keywords; /* it is not public: aep._asyncio passes none */
    if (!PyArg_ParseTuple(args, "O!:Waiter", PublisherType, &publisher))
        return -1;
    if (self->waiter) {
        PyErr_SetString(PyExc_RuntimeError, "this waiter is already open");
        return -1;
    }
    aep_publisher *pub = publisher_use((Publisher *)publisher);
    if (!pub)
        return -1;
    int code = aep_waiter_new(pub, &self->waiter, &err);
    if (code != AEP_OK) {
        publisher_leave((Publisher *)publisher);
        errors_raise(code, &err);
        return -1;
    }
    Py_INCREF(publisher);
    self->publisher = (Publisher *)publisher;
    return 0;
}

static void close_waiter(Waiter *self)
{
    Publisher *publisher = self->publisher;
    if (!publisher)
        return;
    self->publisher = NULL;
    aep_waiter_free(self->waiter);
    self->waiter = NULL;
    publisher_leave(publisher);
    Py_DECREF(publisher);
}

/* A publisher keeps its waits, which have a waiter, which keeps the publisher: the collector's. */
static int waiter_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((Waiter *)object)->publisher);
    return 0;
}

static int waiter_clear(PyObject *object)
{
    close_waiter((Waiter *)object);
    return 0;
}

static void waiter_dealloc(PyObject *object)
{
    PyObject *type, *value, *trace;
    PyObject_GC_UnTrack(object);
    PyErr_Fetch(&type, &value, &trace);
    close_waiter((Waiter *)object);
    PyErr_Restore(type, value, trace);
    types_free(object);
}

static bool is_open(const Waiter *self)
{
    if (!self->waiter)
        PyErr_SetString(PyExc_ValueError, "the waiter is closed");
    return self->waiter != NULL;
}

static PyObject *waiter_fileno(PyObject *object, PyObject *unused)
{
    (void)unused;
    return is_open((Waiter *)object) ? PyLong_FromLong(aep_waiter_fd(((Waiter *)object)->waiter))
                                     : NULL;
}

static PyObject *waiter_add(PyObject *object, PyObject *args)
{
    Waiter *self = (Waiter *)object;
    PyObject *value;
    const aep_receipt *receipt;
    unsigned long long token;
    aep_error err;
    if (!is_open(self) || !PyArg_ParseTuple(args, "OK:add", &value, &token) ||
        receipt_read(value, &receipt) < 0)
        return NULL;
    int code = aep_waiter_add(self->waiter, receipt, token, &err);
    if (code != AEP_OK)
        return errors_raise(code, &err);
    Py_RETURN_NONE;
}

/* The state as health() names it. */
static PyObject *waiter_add_broker(PyObject *object, PyObject *args)
{
    Waiter *self = (Waiter *)object;
    const char *other_than;
    unsigned long long token;
    aep_error err;
    if (!is_open(self) || !PyArg_ParseTuple(args, "sK:add_broker", &other_than, &token))
        return NULL;
    int state = AEP_BROKER_UNKNOWN;
    while (state <= AEP_BROKER_MISCONFIGURED && strcmp(other_than, aep_broker_name(state)) != 0)
        state++;
    if (state > AEP_BROKER_MISCONFIGURED)
        return PyErr_Format(PyExc_ValueError, "%.80s is not a broker state", other_than);
    int code = aep_waiter_add_broker(self->waiter, state, token, &err);
    if (code != AEP_OK)
        return errors_raise(code, &err);
    Py_RETURN_NONE;
}

/* (token, word), or None: nothing more is known now. */
static PyObject *waiter_next(PyObject *object, PyObject *unused)
{
    Waiter *self = (Waiter *)object;
    aep_outcome outcome;
    aep_error err = {0};
    (void)unused;
    if (!is_open(self))
        return NULL;
    int code = aep_waiter_next(self->waiter, &outcome, &err);
    if (code == AEP_EDEFERRED)
        Py_RETURN_NONE;
    if (code != AEP_OK)
        return errors_raise(code, &err);
    const char *fate = publisher_fate(self->publisher, outcome.code);
    return Py_BuildValue("Ks", (unsigned long long)outcome.token,
                         fate ? fate : aep_code_name(outcome.code));
}

static PyObject *waiter_cancel(PyObject *object, PyObject *args)
{
    unsigned long long token;
    if (!is_open((Waiter *)object) || !PyArg_ParseTuple(args, "K:cancel", &token))
        return NULL;
    aep_waiter_cancel(((Waiter *)object)->waiter, token);
    Py_RETURN_NONE;
}

static PyObject *waiter_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    close_waiter((Waiter *)object);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"fileno", waiter_fileno, METH_NOARGS, NULL},
    {"add", waiter_add, METH_VARARGS, NULL},
    {"add_broker", waiter_add_broker, METH_VARARGS, NULL},
    {"next", waiter_next, METH_NOARGS, NULL},
    {"cancel", waiter_cancel, METH_VARARGS, NULL},
    {"close", waiter_close, METH_NOARGS, NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "Waiter(publisher, /)\n--\n\nFates without blocking, for an event loop; one thread's."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, waiter_init},
    {Py_tp_dealloc, waiter_dealloc},
    {Py_tp_traverse, waiter_traverse},
    {Py_tp_clear, waiter_clear},
    {Py_tp_methods, methods},
    {0},
};

PyType_Spec waiter_spec = {"aep._aep.Waiter", sizeof(Waiter), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
