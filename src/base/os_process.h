/* SPDX-License-Identifier: Apache-2.0 */
/* Which process it is, and whether it still lives. Numbers come again, and each container counts its
 * own: a process is known by boot, pid namespace, number and the moment it began. What cannot be
 * compared is not judged. */
#ifndef AEP_BASE_OS_PROCESS_H
#define AEP_BASE_OS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#define AEP__OS_NAME_SIZE 16 /* of a process, as the kernel keeps it, with its NUL */

struct aep__os_process {
    uint8_t boot[16];             /* zero: not known */
    uint64_t pid_ns, time_ns;     /* which namespaces number and begin are told in; 0: not known */
    uint64_t begun;               /* in clock ticks since the boot; 0: not known */
    int64_t pid;                  /* in pid_ns */
    char name[AEP__OS_NAME_SIZE]; /* as it calls itself; "": not known */
};

/** When the process of this number began, in clock ticks since the boot; 0: not known. */
uint64_t aep__os_process_begun(int64_t pid);

/** This process. */
void aep__os_process_self(struct aep__os_process *ret);
/** The process that has this number now, as this one sees it. False: there is none. */
bool aep__os_process_of(int64_t pid, struct aep__os_process *ret);

/** The number of its parent; 0: not known. */
int64_t aep__os_process_parent(int64_t pid);

enum aep__os_life {
    AEP__OS_LIVES,
    AEP__OS_GONE,      /* it has ended, whether or not its parent has asked for its status */
    AEP__OS_REBOOTED,  /* it is of another boot id: gone, if that is another boot (spool/boot.h) */
    AEP__OS_ELSEWHERE, /* another namespace's, or not known enough: never judged */
};
/** Whether it lives, as seen from `self`. A stopped process lives. */
enum aep__os_life aep__os_process_life(const struct aep__os_process *process,
                                       const struct aep__os_process *self);
/** A descriptor that is readable once a process that lives here has ended; -1 with errno where the kernel
 * has none. The number may be another process's by now: ask for its life after that. */
int aep__os_process_watch(const struct aep__os_process *process);

#endif
