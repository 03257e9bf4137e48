/* SPDX-License-Identifier: Apache-2.0 */
/* The types, as CPython makes them from our tables when the module is imported. */
#include "aep_python.h"

PyTypeObject *ReceiptType, *PublisherType, *ExecutionType, *WaiterType;

static const struct {
    PyTypeObject **type;
    PyType_Spec *spec;
} types[] = {
    {&ReceiptType, &receipt_spec},
    {&PublisherType, &publisher_spec},
    {&ExecutionType, &execution_spec},
    {&WaiterType, &waiter_spec},
};

/* Adds a type by the last part of its name; takes it. */
static PyTypeObject *add(PyObject *module, const char *full_name, PyObject *type)
{
    if (type && PyModule_AddObject(module, strrchr(full_name, '.') + 1, new_reference(type)) == 0)
        return (PyTypeObject *)type;
    Py_XDECREF(type);
    return NULL;
}

int types_init(PyObject *module)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        *types[i].type = add(module, types[i].spec->name, PyType_FromSpec(types[i].spec));
        if (!*types[i].type)
            return -1;
    }
    return publisher_init_types(module);
}

PyTypeObject *types_sequence(PyObject *module, const char *full_name, const char *doc,
                             PyStructSequence_Field *fields)
{
    int count = 0;
    while (fields[count].name)
        count++;
    PyStructSequence_Desc desc = {full_name, doc, fields, count};
    return add(module, full_name, (PyObject *)PyStructSequence_NewType(&desc));
}

PyObject *types_refuse_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    (void)args, (void)keywords;
    return PyErr_Format(PyExc_TypeError, "cannot create %R instances", type);
}

void types_free(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}
