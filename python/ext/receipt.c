/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

PyObject *receipt_new(const aep_receipt *receipt)
{
    Receipt *self = PyObject_New(Receipt, &ReceiptType);
    if (self)
        self->receipt = *receipt;
    return (PyObject *)self;
}

const char *receipt_fate(int code)
{
    static const struct {
        int code;
        const char *word;
    } words[] = {{AEP_OK, "acked"},
                 {AEP_EDEFERRED, "deferred"},
                 {AEP_EPARKED, "parked"},
                 {AEP_EDEAD, "dead"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].code == code)
            return words[i].word;
    return NULL;
}

static void receipt_dealloc(PyObject *self)
{
    PyObject_Free(self);
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
    if (!PyObject_TypeCheck(other, &ReceiptType) || (operation != Py_EQ && operation != Py_NE))
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
    {"correlation_id", get_correlation_id, NULL, "What joins the execution's events.", NULL},
    {"position", get_position, NULL,
     "Where the record ends in its spool: (segment, offset); (0, 0) with events disabled.", NULL},
    {0},
};

PyTypeObject ReceiptType = {
    /* clang-format off */
    PyVarObject_HEAD_INIT(NULL, 0)
        /* clang-format on */
        .tp_name = "aep.Receipt",
    .tp_doc = "What was accepted: the event is on disk.",
    .tp_basicsize = sizeof(Receipt),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = receipt_dealloc,
    .tp_repr = receipt_repr,
    .tp_richcompare = receipt_compare,
    .tp_hash = receipt_hash,
    .tp_getset = properties,
};
