/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

PyObject *receipt_new(const aep_receipt *receipt)
{
    Receipt *self = PyObject_New(Receipt, ReceiptType);
    if (self)
        self->receipt = *receipt;
    return (PyObject *)self;
}

/* types_free() for a type that has no subclasses, and whose objects come and go with each event. */
static void receipt_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

int receipt_read(PyObject *value, const aep_receipt **ret_receipt)
{
    if (value != Py_None && !PyObject_TypeCheck(value, ReceiptType))
        return errors_type("receipt", "a Receipt", value);
    *ret_receipt = value == Py_None ? NULL : &((Receipt *)value)->receipt;
    return 0;
}

static PyObject *get_event_id(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((Receipt *)self)->receipt.event_id);
}

static PyObject *get_correlation_id(PyObject *self, void *unused)
{
    (void)unused;
    const char *id = ((Receipt *)self)->receipt.correlation_id;
    return PyUnicode_DecodeUTF8(id, (Py_ssize_t)strlen(id), "replace");
}

static PyObject *get_position(PyObject *self, void *unused)
{
    (void)unused;
    const aep_position *position = &((Receipt *)self)->receipt.position;
    return Py_BuildValue("KK", (unsigned long long)position->segment,
                         (unsigned long long)position->offset);
}

/* ---- as a value: copied, pickled, handed to another process ---- */

/* All of it: that another process waits for the same record needs the spool, too. */
static PyObject *receipt_reduce(PyObject *self, PyObject *unused)
{
    const aep_receipt *receipt = &((Receipt *)self)->receipt;
    PyObject *module = PyImport_ImportModule("aep._aep");
    PyObject *restore = module ? PyObject_GetAttrString(module, "_receipt") : NULL;
    (void)unused;
    Py_XDECREF(module);
    return restore ? Py_BuildValue("N(yyKKK)", restore, receipt->event_id, receipt->correlation_id,
                                   (unsigned long long)receipt->position.segment,
                                   (unsigned long long)receipt->position.offset,
                                   (unsigned long long)receipt->spool)
                   : NULL;
}

PyObject *receipt_restore(PyObject *module, PyObject *args)
{
    const char *event_id, *correlation_id;
    unsigned long long segment, offset, spool;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    (void)module;
    if (!PyArg_ParseTuple(args, "yyKKK:_receipt", &event_id, &correlation_id, &segment, &offset,
                          &spool))
        return NULL;
    if (strlen(event_id) >= sizeof receipt.event_id ||
        strlen(correlation_id) >= sizeof receipt.correlation_id)
        return PyErr_Format(PyExc_ValueError,
                            "event_id or correlation_id is too long for a receipt");
    strcpy(receipt.event_id, event_id);
    strcpy(receipt.correlation_id, correlation_id);
    receipt.position = (aep_position){segment, offset};
    receipt.spool = spool;
    return receipt_new(&receipt);
}

static PyMethodDef methods[] = {
    {"__reduce__", receipt_reduce, METH_NOARGS, NULL},
    {0},
};

static PyObject *receipt_repr(PyObject *self)
{
    const aep_receipt *receipt = &((Receipt *)self)->receipt;
    return PyUnicode_FromFormat(
        "Receipt(event_id='%s', correlation_id='%s', position=(%llu, %llu))", receipt->event_id,
        receipt->correlation_id, (unsigned long long)receipt->position.segment,
        (unsigned long long)receipt->position.offset);
}

static PyObject *receipt_compare(PyObject *self, PyObject *other, int operation)
{
    if (!PyObject_TypeCheck(other, ReceiptType) || (operation != Py_EQ && operation != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    bool same =
        strcmp(((Receipt *)self)->receipt.event_id, ((Receipt *)other)->receipt.event_id) == 0;
    return PyBool_FromLong(same == (operation == Py_EQ));
}

static Py_hash_t receipt_hash(PyObject *self)
{
    PyObject *id = get_event_id(self, NULL);
    Py_hash_t hash = id ? PyObject_Hash(id) : -1;
    Py_XDECREF(id);
    return hash;
}

static PyGetSetDef properties[] = {
    {"event_id", get_event_id, NULL, "The event's UUIDv7.", NULL},
    {"correlation_id", get_correlation_id, NULL, "The id that joins the execution's events.", NULL},
    {"position", get_position, NULL,
     "Where the record ends in its spool: (segment, offset); (0, 0) with events disabled.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "What was accepted: the event is on disk."},
    {Py_tp_new, types_refuse_new},
    {Py_tp_dealloc, receipt_dealloc},
    {Py_tp_repr, receipt_repr},
    {Py_tp_richcompare, receipt_compare},
    {Py_tp_hash, receipt_hash},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0},
};

PyType_Spec receipt_spec = {"aep.Receipt", sizeof(Receipt), 0, Py_TPFLAGS_DEFAULT, slots};
