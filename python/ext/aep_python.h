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
#include <Python.h>

#include "aep/aep.h"

#include <stdbool.h>

#if PY_VERSION_HEX < 0x030a0000
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}
#endif

/* ---- text: bytes under construction ---- */

struct text {
    char *data;
    size_t len, cap;
    bool failed; /* out of memory, or beyond TEXT_MAX */
};

#define TEXT_MAX (64u << 20) /* far over any message limit: a larger value is refused */

void text_add(struct text *text, const char *data, size_t len);
void text_done(struct text *text);

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
 * one is; KeyboardInterrupt and the like, and MemoryError, stay as they are. -1, for return. */
int errors_refuse(const char *field, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Raises TypeError for a keyword argument that a call does not have, with the one that was meant.
 * @names  a sequence of those that it has; NULL: an exception is set */
void errors_keyword(const char *call, PyObject *name, PyObject *names);

/* ---- types ---- */

extern PyTypeObject ReceiptType, PublisherType, ExecutionType, WaiterType;

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
PyObject *receipt_new(const aep_receipt *receipt);
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
