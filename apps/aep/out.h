/* SPDX-License-Identifier: Apache-2.0 */
/* The program's output: results to stdout, messages to stderr. No stdio: a result is built in a
 * buffer and written by one write(2), so that lines of processes that share a file stay whole. */
#ifndef AEP_APP_OUT_H
#define AEP_APP_OUT_H

#include "aep/aep.h"
#include "base/buf.h"
#include "verb.h"

#include <stdbool.h>

/** Opens something on each of descriptors 0 to 2 that is closed, so that no file of ours gets its
 * number. Reads and writes there still fail, and programs that we run find it closed. */
void aep__out_guard(void);

/** Writes the buffer to stdout and empties it. On a terminal the control characters that JSON may
 * hold as they are (U+007F to U+009F) are written as \\u00xx. Returns AEP__EXIT_DONE, or AEP__EXIT_FAILED after a
 * message (none for a reader that went away). A closed pipe raises no signal from then on. */
int aep__out_write(struct aep__buf *buf);
/** The same, and frees the buffer: for a verb's last words. */
int aep__out_finish(struct aep__buf *buf);

/** One line on stderr: "aep: …", without what could drive a terminal. */
void aep__out_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The same if stderr is a terminal, else nothing: for people, not for scripts. */
void aep__out_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Whether there is a person to read hints. */
bool aep__out_hints(void);
/** Reports the error and returns the exit status for it. */
int aep__out_error(const aep_error *err);
/** The exit status for a result code. */
int aep__out_exit(int code);

/** Whether colour may be used on this descriptor: a terminal, and NO_COLOR not set. */
bool aep__out_colour(int fd);
/** The width of the terminal on this descriptor; 0: it is not a terminal. */
int aep__out_width(int fd);

/** Whether this locale's characters are UTF-8. */
bool aep__out_utf8(void);

/** Appends text without anything that could drive a terminal: control characters, and those that
 * change the direction of text, become blanks; bytes that are not UTF-8 become "?". */
void aep__out_plain(struct aep__buf *buf, const char *text, size_t len);

#endif
