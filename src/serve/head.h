/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request as it came, read strictly: lines end with CR LF and nothing else does; the first
 * has two blanks; the others are NAME:VALUE, none of them continued; no control characters. */
#ifndef AEP_SERVE_HEAD_H
#define AEP_SERVE_HEAD_H

#include <stddef.h>

enum aep__head {
    AEP__HEAD_WHOLE,
    AEP__HEAD_PART, /* as far as it goes it is one */
    AEP__HEAD_MALFORMED,
};

/** What the first bytes of a connection are. */
enum aep__head aep__head_check(const char *bytes, size_t len);

#endif
