/* SPDX-License-Identifier: Apache-2.0 */
#include "aep_python.h"

#include <time.h>

#define WAIT_SLICE_MS 100 /* between looks for a signal */

static PyTypeObject *HealthType, *StatsType;

/* ---- life ---- */

aep_publisher *publisher_use(Publisher *self)
{
    if (self->closed || !self->pub) {
        aep_error err = {.code = AEP_ESTATE, .text = "the publisher is closed"};
        errors_raise(err.code, &err);
        return NULL;
    }
    self->users++;
    return self->pub;
}

static void close_if_unused(Publisher *self)
{
    if (!self->closed || self->users > 0 || !self->pub)
        return;
    aep_publisher *pub = self->pub;
    self->pub = NULL;
    Py_BEGIN_ALLOW_THREADS
    aep_publisher_close(pub);
    Py_END_ALLOW_THREADS
}

void publisher_leave(Publisher *self)
{
    self->users--;
    close_if_unused(self);
}

/* What the library has to say goes to logging.getLogger("aep"). Nothing that a handler raises comes
 * back: it would hit whoever publishes. */
static void take_log(void *user, enum aep_log_level level, const char *text)
{
    (void)user;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *module = PyImport_ImportModule("aep._log");
    PyObject *done = module ? PyObject_CallMethod(module, "emit", "is", (int)level, text) : NULL;
    if (!module) { /* the interpreter ends: nothing can be imported any more */
        PyErr_Clear();
        PySys_WriteStderr("aep: %.500s\n", text);
    } else if (!done) {
        PyErr_WriteUnraisable(NULL);
    }
    Py_XDECREF(module);
    Py_XDECREF(done);
    PyErr_Restore(type, value, trace);
    PyGILState_Release(gil);
}

/* An option's value as text: true and false as the configuration writes them. */
static int set_option(aep_config *config, PyObject *key, PyObject *value)
{
    aep_error err;
    if (value == Py_None)
        return 0;
    PyObject *text = value == Py_True    ? PyUnicode_FromString("true")
                     : value == Py_False ? PyUnicode_FromString("false")
                                         : PyObject_Str(value);
    size_t len;
    const char *name = utf8_of(key, &len), *utf8 = text ? utf8_of(text, &len) : NULL;
    int result = name && utf8 ? 0 : -1;
    if (result == 0) {
        int code = aep_config_set(config, name, utf8, &err);
        result = code == AEP_OK ? 0 : -1;
        if (code != AEP_OK)
            errors_raise(code, &err);
    }
    Py_XDECREF(text);
    return result;
}

/* In local mode nobody acknowledges anything, and with events disabled nothing is there to be. */
static const char *word_for_done(aep_publisher *pub)
{
    char mode[16];
    aep_error err;
    if (!*aep_publisher_spool_dir(pub))
        return "disabled";
    bool local = aep_publisher_option(pub, "mode", mode, sizeof mode, &err) == AEP_OK &&
                 strcmp(mode, "local") == 0;
    return local ? "spooled" : aep_fate_name(AEP_OK);
}

static int publisher_init(PyObject *object, PyObject *args, PyObject *options)
{
    Publisher *self = (Publisher *)object;
    PyObject *key, *value;
    Py_ssize_t at = 0;
    aep_error err;
    if (!PyArg_ParseTuple(args, ":Publisher"))
        return -1;
    if (self->pub) {
        PyErr_SetString(PyExc_RuntimeError, "this publisher is already open");
        return -1;
    }
    aep_config *config = aep_config_new();
    int result = config ? 0 : -1;
    if (!config)
        PyErr_NoMemory();
    else
        aep_config_set_log(config, take_log, NULL);
    while (result == 0 && options && PyDict_Next(options, &at, &key, &value))
        result = set_option(config, key, value);
    if (result == 0) {
        int code;
        Py_BEGIN_ALLOW_THREADS
        code = aep_publisher_open(&self->pub, config, &err);
        Py_END_ALLOW_THREADS
        if (code != AEP_OK) {
            errors_raise(code, &err);
            result = -1;
        }
    }
    if (result == 0)
        self->done = word_for_done(self->pub);
    aep_config_free(config);
    return result;
}

static void publisher_dealloc(PyObject *object)
{
    Publisher *self = (Publisher *)object;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    self->closed = true;
    close_if_unused(self);
    PyErr_Restore(type, value, trace);
    types_free(object);
}

static PyObject *publisher_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    ((Publisher *)object)->closed = true;
    close_if_unused((Publisher *)object);
    Py_RETURN_NONE;
}

/* ---- publishing ---- */

static PyObject *publish_kind(PyObject *object, enum aep_kind kind, PyObject *const *args,
                              Py_ssize_t count, PyObject *names)
{
    Publisher *self = (Publisher *)object;
    struct fields fields;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_error err;
    aep_publisher *pub = publisher_use(self);
    if (!pub)
        return NULL;
    PyObject *result = NULL;
    if (fields_read(&fields, kind, args, count, names) == 0) {
        int code;
        Py_BEGIN_ALLOW_THREADS
        code = aep_publish_fields(pub, kind, fields.list, fields.count, &receipt, &err);
        Py_END_ALLOW_THREADS
        self->replaced += fields.replaced;
        result = code == AEP_OK ? receipt_new(&receipt) : errors_raise(code, &err);
    }
    fields_done(&fields);
    publisher_leave(self);
    return result;
}

#define PUBLISH_METHOD(KIND, name, verb)                                                           \
    static PyObject *publisher_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,     \
                                      PyObject *names)                                             \
    {                                                                                              \
        return publish_kind(self, AEP_KIND_##KIND, args, count, names);                            \
    }
AEP_KINDS(PUBLISH_METHOD)

static PyObject *publish_event(Publisher *self, aep_publisher *pub, aep_event *event,
                               PyObject *payload)
{
    struct text text = {0};
    unsigned long long replaced = 0;
    aep_receipt receipt = AEP_RECEIPT_INIT;
    aep_error err;
    PyObject *result = NULL;
    if (json_add(&text, payload, &replaced) == 0) {
        int code;
        text_add(&text, "", 1);
        event->payload = text.failed ? NULL : text.data;
        Py_BEGIN_ALLOW_THREADS
        code = aep_publish_event(pub, event, &receipt, &err);
        Py_END_ALLOW_THREADS
        self->replaced += replaced;
        result = code == AEP_OK ? receipt_new(&receipt) : errors_raise(code, &err);
    }
    text_done(&text);
    return result;
}

/* The texts of publish(): a value that is not text, such as a UUID, becomes text. */
enum {
    TEXT_TYPE,
    TEXT_TOPIC,
    TEXT_CORRELATION,
    TEXT_SCHEMA,
    TEXT_CAUSATION,
    TEXT_PARENT,
    TEXT_STATE,
    TEXTS
};

static char *publish_names[] = {"event_type",     "payload",    "topic",
                                "correlation_id", "schema_ref", "causation_id",
                                "traceparent",    "tracestate", NULL};

/* Puts a new reference, or NULL, in a value's place. 0, or -1 with an exception. */
static int take_text(PyObject **value, const char **text, const char *name)
{
    size_t len;
    PyObject *given = *value;
    *value = NULL;
    if (!given || given == Py_None)
        return 0;
    *value = PyUnicode_Check(given) ? new_reference(given) : PyObject_Str(given);
    *text = *value ? utf8_of(*value, &len) : NULL;
    if (*text && strlen(*text) == len)
        return 0;
    return errors_refuse(name, "text without NUL and lone surrogates", given);
}

/* All values become new references, or NULL, whatever happens. */
static int take_texts(PyObject *values[TEXTS], const char *texts[TEXTS])
{
    int result = 0;
    for (int i = 0; i < TEXTS; i++)
        if (result < 0)
            values[i] = NULL;
        else
            result = take_text(&values[i], &texts[i], publish_names[i == TEXT_TYPE ? 0 : i + 1]);
    return result;
}

static bool is_publish_name(PyObject *name)
{
    for (size_t i = 0; publish_names[i]; i++)
        if (PyUnicode_CompareWithASCIIString(name, publish_names[i]) == 0)
            return true;
    return false;
}

/* 0, or -1 with an exception: there is a keyword argument that publish() does not have. */
static int check_publish_names(PyObject *keywords)
{
    PyObject *name, *value, *names;
    Py_ssize_t at = 0;
    while (keywords && PyDict_Next(keywords, &at, &name, &value)) {
        if (is_publish_name(name))
            continue;
        names = Py_BuildValue("(ssssssss)", publish_names[0], publish_names[1], publish_names[2],
                              publish_names[3], publish_names[4], publish_names[5],
                              publish_names[6], publish_names[7]);
        errors_keyword("publish", name, names);
        Py_XDECREF(names);
        return -1;
    }
    return 0;
}

static PyObject *publisher_publish(PyObject *object, PyObject *args, PyObject *keywords)
{
    const char *texts[TEXTS] = {NULL};
    PyObject *payload, *result = NULL, *values[TEXTS] = {NULL};
    if (check_publish_names(keywords) < 0)
        return NULL;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "OO|$OOOOOO:publish", publish_names, &values[TEXT_TYPE], &payload,
            &values[TEXT_TOPIC], &values[TEXT_CORRELATION], &values[TEXT_SCHEMA],
            &values[TEXT_CAUSATION], &values[TEXT_PARENT], &values[TEXT_STATE]))
        return NULL;
    int taken = take_texts(values, texts);
    aep_publisher *pub = taken == 0 ? publisher_use((Publisher *)object) : NULL;
    if (pub) {
        aep_event event = {.size = sizeof event,
                           .event_type = texts[TEXT_TYPE],
                           .topic = texts[TEXT_TOPIC],
                           .correlation_id = texts[TEXT_CORRELATION],
                           .schema_ref = texts[TEXT_SCHEMA],
                           .causation_id = texts[TEXT_CAUSATION],
                           .traceparent = texts[TEXT_PARENT],
                           .tracestate = texts[TEXT_STATE]};
        result = publish_event((Publisher *)object, pub, &event, payload);
        publisher_leave((Publisher *)object);
    }
    for (int i = 0; i < TEXTS; i++)
        Py_XDECREF(values[i]);
    return result;
}

/* ---- waiting ---- */

const char *publisher_fate(const Publisher *self, int code)
{
    return code == AEP_OK ? self->done : aep_fate_name(code);
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Waits for a receipt or, without one, for all; in slices, so that Ctrl-C works. */
static int wait_sliced(aep_publisher *pub, const aep_receipt *receipt, double timeout_s,
                       aep_error *err)
{
    long long end_ms =
        timeout_s < 0 || timeout_s > 1e9 ? -1 : now_ms() + (long long)(timeout_s * 1000);
    for (;;) {
        long long left_ms = end_ms < 0 ? WAIT_SLICE_MS : end_ms - now_ms();
        int code, slice_ms = left_ms > WAIT_SLICE_MS ? WAIT_SLICE_MS
                             : left_ms < 0           ? 0
                                                     : (int)left_ms;
        Py_BEGIN_ALLOW_THREADS
        code = receipt ? aep_publisher_wait(pub, receipt, slice_ms, err)
                       : aep_publisher_flush(pub, slice_ms, err);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() < 0)
            return -1;
        if (code != AEP_EDEFERRED || left_ms <= WAIT_SLICE_MS)
            if (code != AEP_EDEFERRED || end_ms >= 0)
                return code;
    }
}

static PyObject *publisher_wait(PyObject *object, PyObject *args)
{
    PyObject *value;
    const aep_receipt *receipt;
    double timeout_s;
    aep_error err;
    if (!PyArg_ParseTuple(args, "Od:_wait", &value, &timeout_s) ||
        receipt_read(value, &receipt) < 0)
        return NULL;
    aep_publisher *pub = publisher_use((Publisher *)object);
    if (!pub)
        return NULL;
    int code = wait_sliced(pub, receipt, timeout_s, &err);
    publisher_leave((Publisher *)object);
    if (code < 0)
        return NULL;
    const char *fate = publisher_fate((Publisher *)object, code);
    return fate ? PyUnicode_FromString(fate) : errors_raise(code, &err);
}

/* ---- questions ---- */

static PyStructSequence_Field health_fields[] = {
    {"broker", "\"unknown\", \"connected\", \"unreachable\", \"auth_failed\", \"forbidden\", "
               "\"local\" or \"misconfigured\""},
    {"since", "when that state began, in seconds since 1970; 0.0: unknown"},
    {"relay_alive", "whether a relay runs on the spool; if not, broker is stale"},
    {"used_bytes", "size of the spool"},
    {"max_bytes", "its limit"},
    {"backlog_bytes", "accepted, not yet finished"},
    {"reason", "why it is not connected; \"\" if it is"},
    {0},
};

static PyObject *publisher_health(PyObject *object, PyObject *unused)
{
    aep_health health = {.size = sizeof health};
    aep_error err;
    int code;
    (void)unused;
    aep_publisher *pub = publisher_use((Publisher *)object);
    if (!pub)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    code = aep_publisher_health(pub, &health, &err);
    Py_END_ALLOW_THREADS
    publisher_leave((Publisher *)object);
    if (code != AEP_OK)
        return errors_raise(code, &err);
    PyObject *values = Py_BuildValue(
        "sdNKKKN", aep_broker_name(health.broker), (double)health.since_us / 1e6,
        PyBool_FromLong(health.relay_alive), (unsigned long long)health.used_bytes,
        (unsigned long long)health.max_bytes, (unsigned long long)health.backlog_bytes,
        PyUnicode_DecodeUTF8(health.reason, (Py_ssize_t)strlen(health.reason), "replace"));
    PyObject *result =
        values ? PyObject_CallFunctionObjArgs((PyObject *)HealthType, values, NULL) : NULL;
    Py_XDECREF(values);
    return result;
}

static PyStructSequence_Field stats_fields[] = {
#define STATS_FIELD(name, text) {#name, text},
    /* clang-format off */
    AEP_COUNTERS(STATS_FIELD)
    {"replaced", "values that JSON has no form for, replaced by their repr(); this publisher's"},
/* clang-format on */
#undef STATS_FIELD
    {0},
};

static PyObject *publisher_stats(PyObject *object, PyObject *unused)
{
    Publisher *self = (Publisher *)object;
    aep_stats stats = AEP_STATS_INIT;
    aep_error err;
    int code;
    (void)unused;
    aep_publisher *pub = publisher_use(self);
    if (!pub)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    code = aep_publisher_stats(pub, &stats, &err);
    Py_END_ALLOW_THREADS
    publisher_leave(self);
    if (code != AEP_OK)
        return errors_raise(code, &err);
    const unsigned long long values[] = {
#define STATS_VALUE(name, text) stats.name,
        /* clang-format off */
        AEP_COUNTERS(STATS_VALUE)
        self->replaced,
    /* clang-format on */
#undef STATS_VALUE
    };
    PyObject *result = PyStructSequence_New(StatsType);
    for (size_t i = 0; result && i < sizeof values / sizeof *values; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(values[i]);
        if (!value)
            Py_CLEAR(result);
        else
            PyStructSequence_SetItem(result, (Py_ssize_t)i, value);
    }
    return result;
}

static PyObject *publisher_option(PyObject *object, PyObject *args)
{
    const char *key;
    char text[4096];
    aep_error err;
    if (!PyArg_ParseTuple(args, "s:option", &key))
        return NULL;
    aep_publisher *pub = publisher_use((Publisher *)object);
    if (!pub)
        return NULL;
    int code = aep_publisher_option(pub, key, text, sizeof text, &err);
    publisher_leave((Publisher *)object);
    return code == AEP_OK ? PyUnicode_DecodeFSDefault(text) : errors_raise(code, &err);
}

static PyObject *get_spool_dir(PyObject *object, void *unused)
{
    (void)unused;
    Publisher *self = (Publisher *)object;
    return PyUnicode_DecodeFSDefault(self->pub ? aep_publisher_spool_dir(self->pub) : "");
}

static PyObject *get_closed(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((Publisher *)object)->closed);
}

#define LINKS "causation_id=None, traceparent=None, tracestate=None)\n--\n\n"
/* clang-format off */
#define KIND_METHOD(name, signature, words)                                                        \
    {                                                                                              \
        #name, (PyCFunction)(void (*)(void))publisher_##name, METH_FASTCALL | METH_KEYWORDS,       \
            #name "($self, " signature ", " LINKS words                                            \
    }
/* clang-format on */

static PyMethodDef methods[] = {
    KIND_METHOD(
        started,
        "agent_name, user_request, *, correlation_id=None, session_id=None, "
        "started_at=None, context=None",
        "Publishes started. Returns its Receipt: the event is on disk. context: a mapping; ids: "
        "at most 128 bytes, by default a new UUIDv7; started_at: a datetime or RFC 3339 text, by "
        "default now.\n\n"
        "Raises InvalidEvent (field names the member), SpoolFull, SpoolError. Any thread; may "
        "block on the local disk, never on the network."),
    KIND_METHOD(progress,
                "agent_name, correlation_id, *, progress_percent=None, current_step=None, "
                "steps_completed=None, steps_total=None, metadata=None",
                "Publishes progress. progress_percent: 0 to 100; steps: whole numbers; metadata: "
                "a mapping (by convention with status: working, waiting or blocked, and "
                "waiting_for). Otherwise like started()."),
    KIND_METHOD(completed,
                "agent_name, correlation_id, *, completed_at=None, duration_ms=None, "
                "result_summary=None, artifacts=None, output_summary=None, quality_score=None, "
                "metrics=None, session_id=None",
                "Publishes completed. duration_ms: milliseconds; artifacts: a sequence; "
                "quality_score: 0 to 1; metrics: a mapping. Otherwise like started()."),
    KIND_METHOD(failed,
                "agent_name, correlation_id, *, error_message, failed_at=None, error_code=None, "
                "error_type=None, stack_trace=None, error_stack_trace=None, partial_results=None, "
                "duration_ms=None, session_id=None, inferred=None",
                "Publishes failed. partial_results: any value; inferred: True if the agent "
                "itself did not report it. Otherwise like started()."),
    {"publish", (PyCFunction)(void (*)(void))publisher_publish, METH_VARARGS | METH_KEYWORDS,
     "publish($self, event_type, payload, *, topic=None, correlation_id=None, schema_ref=None, " LINKS
     "Publishes an event of any other type (a.b.c.vN). payload: a mapping; topic: by default the "
     "type. Otherwise like started()."},
    {"_wait", publisher_wait, METH_VARARGS, NULL},
    {"health", publisher_health, METH_NOARGS,
     "health($self, /)\n"
     "--\n\n"
     "Returns the broker's state as last reported by a relay, and the spool's. Reads files only; "
     "never waits. Raises SpoolError."},
    {"stats", publisher_stats, METH_NOARGS,
     "stats($self, /)\n"
     "--\n\n"
     "Returns every counter, over the spool's life and all its processes. Raises SpoolError."},
    {"option", publisher_option, METH_VARARGS,
     "option($self, key, /)\n"
     "--\n\n"
     "Returns the value in force of an option, except kafka.*, as text: sizes are numbers of "
     "bytes, durations of milliseconds (…_ms) or seconds. Raises ConfigError."},
    {"close", publisher_close, METH_NOARGS,
     "close($self, /)\n"
     "--\n\n"
     "Closes it; accepted events stay on disk and are delivered. Safe to call twice."},
    {0},
};

static PyGetSetDef properties[] = {
    {"spool_dir", get_spool_dir, NULL, "The spool's folder; \"\" with events disabled.", NULL},
    {"closed", get_closed, NULL, "Whether close() was called.", NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "Publisher(**options)\n--\n\nOpens a publisher; options are configuration keys with "
     "underscores for dots."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, publisher_init},
    {Py_tp_dealloc, publisher_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0},
};

PyType_Spec publisher_spec = {"aep._aep.Publisher", sizeof(Publisher), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

int publisher_init_types(PyObject *module)
{
    HealthType = types_sequence(module, "aep.Health", "The state of delivery.", health_fields);
    StatsType = types_sequence(module, "aep.Stats", "Counters of a spool.", stats_fields);
    return HealthType && StatsType ? 0 : -1;
}
