/* SPDX-License-Identifier: Apache-2.0 */
/* The extension module aep._aep: Python objects around the public C API, and nothing else.
 *
 *     Publisher ──▶ aep_publisher        Receipt   a copy of an aep_receipt
 *     Execution ──▶ aep_execution        Waiter ──▶ aep_waiter
 *
 * A publisher is closed when close() was called (or nobody has it) and no call, execution or waiter
 * uses it any more. What may block is called without the GIL; the objects' own members are touched
 * with it only. */
#ifndef AEP_PYTHON_H
#define AEP_PYTHON_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03090000 /* one build for CPython 3.9 and all that come after it */
#include <Python.h>

#include "aep/aep.h"

#include <stdbool.h>

/* In 3.9, and part of the stable ABI since 3.10 as it is there. */
#ifndef METH_FASTCALL
#define METH_FASTCALL 0x0080
#endif

static inline PyObject *new_reference(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

/* ---- text: bytes under construction ---- */

struct text {
    char *data;
    size_t len, cap;
    bool failed; /* out of memory, or beyond TEXT_MAX */
};

#define TEXT_MAX (64u << 20) /* far over any message limit: a larger value is refused */

void text_add(struct text *text, const char *data, size_t len);
void text_done(struct text *text);

/** A str as UTF-8, which lives as long as it does. NULL with an exception: UnicodeEncodeError for a
 * lone surrogate, or MemoryError. */
const char *utf8_of(PyObject *text, size_t *ret_len);
/** Before all others. 0, or -1 with an exception. */
int text_init(void);

/* ---- values ---- */

/** Adds a value as JSON text. What JSON has no form for is replaced (aep/_values.py) and, if only
 * its repr() is left, counted in *replaced. 0, or -1 with an exception: only KeyboardInterrupt and
 * the like, or MemoryError. */
int json_add(struct text *out, PyObject *value, unsigned long long *replaced);
/** Calls aep._values.NAME(value); a new reference, or NULL with an exception. */
PyObject *call_values(const char *name, PyObject *value);
/** Any value as text, by str() or, counted in *replaced, by its repr(); a new reference. NULL with an
 * exception: only KeyboardInterrupt and the like, or MemoryError. */
PyObject *text_of(PyObject *value, unsigned long long *replaced);
/** Adds text as UTF-8; each lone surrogate as one invalid byte, which the library repairs and
 * counts. 0, or -1 with an exception. */
int utf8_add(struct text *out, PyObject *text);

/* ---- fields ---- */

#define FIELDS_MAX 24

/* The members of one call, from its keyword arguments. */
struct fields {
    aep_field list[FIELDS_MAX];
    size_t count;
    struct text text;            /* holds what had to be written anew */
    size_t places[FIELDS_MAX];   /* 1 + where in it list[i] begins; 0: elsewhere */
    PyObject *held[FIELDS_MAX];  /* strong references to what list[i] borrows from, or NULL */
    unsigned long long replaced; /* values that only their repr() stands for */
};

/** Reads arguments as METH_FASTCALL | METH_KEYWORDS gives them; None is absent. The first two may be
 * positional. 0, or -1 with an exception; fields_done() either way. */
int fields_read(struct fields *fields, enum aep_kind kind, PyObject *const *args, Py_ssize_t count,
                PyObject *names);
void fields_done(struct fields *fields);
/** Prepares the names of all members. 0, or -1 with an exception. */
int fields_init(void);

/* ---- errors ---- */

int errors_init(PyObject *module);
/** Raises what an error says. NULL, for return. */
PyObject *errors_raise(int code, const aep_error *err);
/** Raises InvalidEvent for a value that a member cannot take, because of the exception that is set, if
 * one is; KeyboardInterrupt and the like, and MemoryError, stay as they are. -1, for return.
 * @words  what the member takes */
int errors_refuse(const char *field, const char *words, PyObject *value);
/** Raises TypeError: NAME must be WORDS, not the type of value. -1, for return. */
int errors_type(const char *name, const char *words, PyObject *value);

/** Raises TypeError for a keyword argument that a call does not have, with the one that was meant.
 * @names  a sequence of those that it has; NULL: an exception is set */
void errors_keyword(const char *call, PyObject *name, PyObject *names);

/* ---- types ---- */

extern PyTypeObject *ReceiptType, *PublisherType, *ExecutionType, *WaiterType;
extern PyType_Spec receipt_spec, publisher_spec, execution_spec, waiter_spec;

typedef struct {
    PyObject_HEAD
    aep_receipt receipt;
} Receipt;

typedef struct {
    PyObject_HEAD
    aep_publisher *pub;
    unsigned users;   /* calls under way, executions, waiters */
    bool closed;      /* no more of them */
    const char *done; /* what becomes of an event where all goes well: acked, spooled, disabled */
    unsigned long long replaced;
} Publisher;

int types_init(PyObject *module);
/** The tuples with names that a publisher returns. 0, or -1 with an exception. */
int publisher_init_types(PyObject *module);
/** A tuple type with names, which the module has from now on. NULL with an exception. */
PyTypeObject *types_sequence(PyObject *module, const char *full_name, const char *doc,
                             PyStructSequence_Field *fields);
/** For Py_tp_new of a type that only we make objects of. */
PyObject *types_refuse_new(PyTypeObject *type, PyObject *args, PyObject *keywords);
/** The end of a tp_dealloc: frees the object and lets go of its type. */
void types_free(PyObject *object);
PyObject *receipt_new(const aep_receipt *receipt);
/** An argument that is a Receipt, or None: NULL. 0, or -1 with an exception. */
int receipt_read(PyObject *value, const aep_receipt **ret_receipt);
/** _receipt(event_id, correlation_id, segment, offset, spool): a Receipt that was pickled. */
PyObject *receipt_restore(PyObject *module, PyObject *args);
/** The word for a record's fate, of which aep._publisher.Fate is made, as a publisher that accepted it
 * calls it; NULL: the code is an error. */
const char *publisher_fate(const Publisher *self, int code);
/** Counts a user in. NULL with an exception if it is closed. */
aep_publisher *publisher_use(Publisher *self);
/** Counts a user out; the last one of a closed publisher closes it for good. */
void publisher_leave(Publisher *self);

#endif
