/* SPDX-License-Identifier: Apache-2.0 */
/* What `aep show` shows of one execution, part by part. Each part begins with an empty line if something
 * stands before it, and is left out if there is nothing to say. */
#ifndef AEP_EXECUTIONS_SHOWING_H
#define AEP_EXECUTIONS_SHOWING_H

#include "reading.h"

#include <jansson.h>

struct aep__showing {
    struct aep__reading reading;
    struct aep__tracked execution;
    json_t *started, *end; /* the events that began and ended it; NULL: none, or it is not kept */
    struct aep__buf out;
    bool held;   /* nothing is written: out keeps all of it */
    bool begun;  /* something has been written */
    bool closed; /* stdout; it has been reported */
};

/** All parts, as `aep show` shows them without options. Both events are looked up. */
int aep__showing_parts(struct aep__showing *showing, aep_error *err);
/** Writes what is there if it is much. False: nobody reads on. */
bool aep__showing_flush(struct aep__showing *showing);
/** Begins a part, with its name as a heading. */
void aep__showing_part(struct aep__showing *showing, const char *name);
/** Cuts the line that begins there to the terminal, and ends it. */
void aep__showing_end_line(struct aep__showing *showing, size_t begin);
/** Appends text of an event: its lines indented, without what could drive a terminal. */
void aep__showing_text(struct aep__showing *showing, const char *text, unsigned indent);

/** Frees what was looked up. */
void aep__showing_done(struct aep__showing *showing);
void aep__showing_header(struct aep__showing *showing);
void aep__showing_failure(struct aep__showing *showing);
void aep__showing_metrics(struct aep__showing *showing);
/** Of one whose events' texts retention has dropped: its timeline as far as it is kept; and a line with the
 * number of texts that were dropped, if there are any. */
void aep__showing_remains(struct aep__showing *showing);
void aep__showing_dropped(struct aep__showing *showing, uint64_t count);
/** These two with `all` show everything, else what a screen can take. Errors: the store's */
int aep__showing_timeline(struct aep__showing *showing, bool all, aep_error *err);
int aep__showing_tree(struct aep__showing *showing, bool all, aep_error *err);
/** JSON: the events, and the other executions of its tree, an object a line. */
int aep__showing_json_events(struct aep__showing *showing, aep_error *err);
int aep__showing_json_tree(struct aep__showing *showing, aep_error *err);

#endif
