/* SPDX-License-Identifier: Apache-2.0 */
/* What Linux offers beyond POSIX, all of it in os_linux.c, so that a port is one file. Functions
 * return 0 or a descriptor, or -1 with errno. */
#ifndef AEP_BASE_OS_H
#define AEP_BASE_OS_H

#include "aep/aep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** This boot's id; all zero where the kernel does not tell. */
void aep__os_boot_id(uint8_t bytes[16]);
/** len bytes of the kernel's randomness; waits only at early boot. -1 with errno where a sandbox
 * refuses both getrandom(2) and /dev/urandom. */
int aep__os_random(void *bytes, size_t len);

/** Moves a descriptor that has just been made out of the way of the standard streams: where those are
 * closed it would be one of them, and get what is printed. Takes -1, and gives it back. */
int aep__os_above(int fd);

/** What tells one open file from all others, while it is open. Those of the kernel (epoll, timer,
 * inotify) have one inode for all: only a mark of ours tells them from others'. The mark belongs to the
 * open file, and changes nothing of it. */
struct aep__os_file {
    uint64_t dev, ino;
    int mark; /* 0: none */
};
/** False: the descriptor is closed. Asks for no times: since Linux 6.13 (multigrain timestamps) the first
 * write after such a question costs twice as much. */
bool aep__os_identify(int fd, struct aep__os_file *ret);
/** The same for a file that was just opened by us: it gets the mark. */
bool aep__os_identify_marked(int fd, struct aep__os_file *ret);
/** Whether the descriptor is still that file: a program may have closed it and opened its own. */
bool aep__os_is(int fd, const struct aep__os_file *file);
/** The same by the mark alone, if there is one: the cheapest system call that tells anything. Every
 * file that we have marked passes. */
bool aep__os_has_mark(int fd, const struct aep__os_file *file);

/** Renames a file or folder, but never over another one: EEXIST. */
int aep__os_rename_new(const char *from, const char *to);
/** Lets two names change places. Both of these: EINVAL, ENOSYS where the file system cannot. */
int aep__os_exchange(const char *one, const char *other);

/** What kind of file system a folder is on. */
enum aep__fs {
    AEP__FS_LOCAL,    /* a disk of this machine */
    AEP__FS_VOLATILE, /* vanishes with the machine or container: tmpfs, overlay */
    AEP__FS_REMOTE,   /* NFS, CIFS, 9p, FUSE: appends and locks are not safe enough */
};
enum aep__fs aep__os_fs(int fd, const char **ret_name);

/** Extends the file to at least `size`, with disk blocks for [from, size); never shrinks it, never
 * touches what is there. */
int aep__os_extend(int fd, off_t from, off_t size);
/** Reserves disk blocks for [from, to) without changing the file's size. */
int aep__os_reserve(int fd, off_t from, off_t to);
/** Gives the disk blocks of [from, to) back, which then reads as zeros; the file keeps its size. Needs
 * no free block. EOPNOTSUPP: this file system cannot. */
int aep__os_punch(int fd, off_t from, off_t to);
/** How large the volume of an open file or folder is, and how much of it is free for this user.
 * -1: not known. */
int aep__os_volume(int fd, uint64_t *ret_size, uint64_t *ret_free);

/* Open file description locks: they belong to the descriptor, not the process (fcntl(2)). */
/** Takes a write lock on `len` bytes (0: to the end) at `start` without waiting; EAGAIN if held. */
int aep__os_lock(int fd, off_t start, off_t len);
/** The same, but others may have it too; fd must be readable. */
int aep__os_lock_shared(int fd, off_t start, off_t len);
int aep__os_unlock(int fd, off_t start, off_t len);
/** Whether another description holds it; takes nothing. */
bool aep__os_locked(int fd, off_t start, off_t len);

/** A descriptor that is readable once a name has appeared in this folder since the last
 * aep__os_watch_seen(). */
int aep__os_watch(int dir_fd);
/** Whether one has; takes note of it. */
bool aep__os_watch_seen(int fd);

/** A process that we started: its number, and when it began, since numbers are used again. */
struct aep__os_child {
    int pid; /* 0: none */
    unsigned long long begun;
};

/** Starts a program that shares nothing with us: no descriptor but input_fd (its 0), own session,
 * root folder as working directory, default signals, the soft limits of files and core reset, the
 * given environment; its end raises no SIGCHLD and leaves no zombie here, unless this process adopts
 * orphans (process 1, PR_SET_CHILD_SUBREAPER): see aep__os_reap(). Does not copy our memory.
 * @path, @argv, @envp  as execve(2)
 * @input_fd  becomes descriptor 0; 1 and 2 are /dev/null
 * Threads: any; waits until the program has been executed (about a millisecond). */
int aep__os_spawn(const char *path, char *const argv[], char *const envp[], int input_fd,
                  struct aep__os_child *ret);
/** Collects it if it has ended and was adopted by this process. Touches no other child, even if that has
 * got the number since. False: look again later; it runs on, or it is not known whether it is ours. */
bool aep__os_reap(const struct aep__os_child *child);

/** A page of memory, all zero, that a forked child finds all zero again, however it was forked; NULL
 * where the kernel cannot do that. */
void *aep__os_wiped_page(void);
void aep__os_wiped_page_free(void *page);

/** This thread no longer preempts a thread that wakes it (sched(7), SCHED_BATCH); threads that it
 * makes do. For a relay that shares a processor with the publishers that ring for it. */
void aep__os_wake_politely(void);

/** Whether a process is stopped, by a signal or a debugger. False also where that cannot be known.
 * @name  as it calls itself: another one may have its number by now */
bool aep__os_stopped(int64_t pid, const char *name);

/** The file that holds the code at `address` (a library or the program), absolute; false: unknown. */
bool aep__os_code_path(const void *address, char *path, size_t size);

/** A descriptor for the signals that end a program in the background (SIGTERM, SIGINT, SIGHUP), which are
 * blocked from then on, as SIGPIPE is ignored. Read struct signalfd_siginfo; it does not block.
 * Errors: AEP_EIO, and -1 */
int aep__os_signals(aep_error *err);

#endif
