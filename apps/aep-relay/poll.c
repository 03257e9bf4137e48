/* SPDX-License-Identifier: Apache-2.0 */
/* poll(2) as librdkafka's threads see it in this program: it lets them sleep.
 *
 * While an idempotent producer has as many requests in flight for a partition as it may,
 * librdkafka's thread spins in poll(2) with a zero timeout, burning a core while the broker is
 * silent (rd_kafka_toppar_producer_serve() sets the wake-up time to now; seen in 2.0.2, and in the
 * source of 2.10). Whatever the thread waits for makes a descriptor readable, so after a few
 * fruitless calls in a row poll(2) may as well wait for that a little. */
#undef _FORTIFY_SOURCE /* which would turn the functions defined here into macros */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define VAIN_CALLS 4 /* in a row with a zero timeout; after that they wait */
#define REST_NS 200000

#define EXPORTED __attribute__((visibility("default"), used))

EXPORTED int poll(struct pollfd *fds, nfds_t count, int timeout_ms);
EXPORTED int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size);

/* Our own loop is exempt: after a poll with a zero timeout it has work to do. */
static bool is_our_loop(void)
{
    static _Thread_local enum { UNKNOWN, OURS, THEIRS } thread;
    if (thread == UNKNOWN)
        thread = gettid() == getpid() ? OURS : THEIRS;
    return thread == OURS;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    static _Thread_local unsigned vain;
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    if (timeout_ms == 0 && vain >= VAIN_CALLS && !is_our_loop())
        timeout.tv_nsec = REST_NS;
    int found = ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
    vain = timeout_ms == 0 && found == 0 ? vain + 1 : 0;
    return found;
}

/* The same, if librdkafka was built with _FORTIFY_SOURCE. */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size)
{
    (void)size;
    return poll(fds, count, timeout_ms);
}
