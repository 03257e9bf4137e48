/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

static PyObject *new_id(PyObject *module, PyObject *unused)
{
    char text[AEP_ID_SIZE];
    (void)module, (void)unused;
    aep_id_new(text);
    return PyUnicode_FromString(text);
}

static int kind_of(PyObject *name)
{
    size_t len;
    const char *utf8 = PyUnicode_Check(name) ? utf8_of(name, &len) : NULL;
    int kind = utf8 ? aep_kind_find(utf8) : -1;
    if (kind < 0 && !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "unknown kind %R", name);
    return kind;
}

static PyObject *schema(PyObject *module, PyObject *name)
{
    (void)module;
    int kind = kind_of(name);
    return kind < 0 ? NULL : PyUnicode_FromString(aep_kind_schema((enum aep_kind)kind));
}

static PyObject *members(PyObject *module, PyObject *name)
{
    (void)module;
    int kind = kind_of(name);
    PyObject *list = kind < 0 ? NULL : PyList_New(0);
    aep_member member = AEP_MEMBER_INIT;
    for (size_t i = 0; list && aep_kind_member((enum aep_kind)kind, i, &member) == AEP_OK; i++) {
        PyObject *row =
            Py_BuildValue("ssO", member.name, member.type, member.required ? Py_True : Py_False);
        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

/* ---- policy ---- */

static PyObject *family_tuple(const aep_family *family)
{
    return Py_BuildValue("ssssII", family->name, family->key_field, family->reason,
                         family->cardinality, family->keys_per_day_min, family->keys_per_day_max);
}

static PyObject *families(PyObject *module, PyObject *unused)
{
    size_t count;
    (void)module, (void)unused;
    const aep_family *rows = aep_policy_families(&count);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *row = family_tuple(&rows[i]);
        if (!row)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, (Py_ssize_t)i, row);
    }
    return list;
}

static PyObject *family_of(PyObject *module, PyObject *args)
{
    const char *name;
    (void)module;
    if (!PyArg_ParseTuple(args, "s:family_of", &name))
        return NULL;
    const aep_family *family = aep_policy_find(name);
    if (!family)
        Py_RETURN_NONE;
    return family_tuple(family);
}

/* Text and bytes are taken as JSON; other values are converted to it. */
static int envelope_text(struct text *out, PyObject *envelope)
{
    unsigned long long replaced = 0;
    if (PyUnicode_Check(envelope))
        return utf8_add(out, envelope);
    if (!PyBytes_Check(envelope))
        return json_add(out, envelope, &replaced);
    text_add(out, PyBytes_AsString(envelope), (size_t)PyBytes_Size(envelope));
    return 0;
}

static PyObject *partition_key(PyObject *module, PyObject *envelope)
{
    struct text text = {0};
    char key[AEP_CORRELATION_ID_SIZE];
    aep_error err;
    PyObject *result = NULL;
    (void)module;
    if (envelope_text(&text, envelope) == 0) {
        int code = aep_policy_key(text.data ? text.data : "", text.len, key, &err);
        if (code == AEP_OK)
            result = PyUnicode_DecodeUTF8(key, (Py_ssize_t)strlen(key), "replace");
        else
            result = code == AEP_ESTATE ? new_reference(Py_None) : errors_raise(code, &err);
    }
    text_done(&text);
    return result;
}

/* ---- validation ---- */

static void take_finding(void *user, const aep_finding *finding)
{
    PyObject *row =
        Py_BuildValue("sssss", finding->severity == AEP_SEVERITY_ERROR ? "error" : "warning",
                      finding->code, finding->pointer, finding->field, finding->text);
    if (!row || PyList_Append(user, row) < 0)
        PyErr_Clear();
    Py_XDECREF(row);
}

static PyObject *validate(PyObject *module, PyObject *args)
{
    PyObject *envelope;
    int strict;
    struct text text = {0};
    aep_error err;
    (void)module;
    if (!PyArg_ParseTuple(args, "Op:validate", &envelope, &strict))
        return NULL;
    PyObject *list = envelope_text(&text, envelope) == 0 ? PyList_New(0) : NULL;
    if (list) {
        int code =
            aep_validate(text.data ? text.data : "", text.len, strict, take_finding, list, &err);
        if (code != AEP_OK && code != AEP_EINVAL) {
            Py_CLEAR(list);
            errors_raise(code, &err);
        }
    }
    text_done(&text);
    return list;
}

static PyMethodDef functions[] = {
    {"new_id", new_id, METH_NOARGS,
     "new_id()\n--\n\nReturns a new UUIDv7 (RFC 9562) as text; ids of one process ascend."},
    {"schema", schema, METH_O,
     "schema(kind, /)\n--\n\nThe JSON Schema (draft 2020-12) of a kind's payload, as text. Raises "
     "ValueError."},
    {"members", members, METH_O,
     "members(kind, /)\n--\n\nA kind's members as (name, type, required). Raises ValueError."},
    {"families", families, METH_NOARGS, NULL},
    {"family_of", family_of, METH_VARARGS, NULL},
    {"partition_key", partition_key, METH_O,
     "partition_key(envelope, /)\n--\n\nThe partition key of an envelope (a mapping, or JSON as "
     "text or bytes); None if it has none. Raises InvalidEvent."},
    {"validate", validate, METH_VARARGS, NULL},
    {"_receipt", receipt_restore, METH_VARARGS, NULL},
    {0},
};

static struct PyModuleDef definition = {
    /* clang-format off */
    PyModuleDef_HEAD_INIT,
    .m_name = "aep._aep",
    .m_doc = "The C library.",
    .m_size = -1,
    .m_methods = functions,
    /* clang-format on */
};

PyMODINIT_FUNC PyInit__aep(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (!module || text_init() < 0 || fields_init() < 0 || errors_init(module) < 0 ||
        types_init(module) < 0 || PyModule_AddStringConstant(module, "version", aep_version()) < 0)
        Py_CLEAR(module);
    return module;
}
