/* SPDX-License-Identifier: Apache-2.0 */
/* poll(2) as librdkafka's threads find it in this program: one that lets them rest.
 *
 * A thread of librdkafka's that has messages which an idempotent producer may not send yet, since
 * enough of the partition are on their way, asks poll(2) again and again with no timeout until the
 * answer is there (rd_kafka_toppar_producer_serve(): the time to wake is now; seen in 2.0.2 and read
 * in 2.10). That takes a processor for as long as a broker is silent. What such a thread waits for is
 * told by a descriptor, so that a few vain calls in a row may as well wait a moment for it. */
#undef _FORTIFY_SOURCE /* which would make macros of what is defined here */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define VAIN_CALLS 4 /* without a timeout, in a row: then they wait */
#define REST_NS 200000

#define EXPORTED __attribute__((visibility("default"), used))

EXPORTED int poll(struct pollfd *fds, nfds_t count, int timeout_ms);
EXPORTED int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size);

/* Our own loop knows what it does: after a look without a timeout it goes on working. */
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

/* The same, where librdkafka was built with _FORTIFY_SOURCE. */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t size)
{
    (void)size;
    return poll(fds, count, timeout_ms);
}
