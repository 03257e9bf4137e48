/* SPDX-License-Identifier: Apache-2.0 */
/* The core against a model: random operations on a real spool folder and a fake broker, each step
 * held against what is promised.
 *
 *     test_core_model [--operations N] [--seed S] [--trace FROM]     default: 20,000, seed 424242
 *
 * What the model knows of each event: its topic, its ordinal, how it fares ('-' well, 'e' once its time
 * has come, 'p' the broker finds fault with it, 'i' the client does), whether the broker has it.
 * Promises:
 *
 *   - of each topic, events arrive in the order in which they were appended
 *   - an event arrives twice only after a crash, and only if it was under way then
 *   - x-aep-seq is the event's ordinal, also when it is sent again
 *   - whoever asks is never told "acknowledged" before the broker has the event
 *   - the cursor's file goes forward only: the relay may be killed after any store
 *   - in the end every event has arrived or is a dead letter, once, unless it was purged or dropped */
#include "core_fixture.h"
#include "spool_faults.h"

#include "base/endian.h"

#include <getopt.h>

#define TOPICS 5
#define DRAIN_TURNS 200000

/* ---- chance ---- */

static uint64_t seed, random_state;
static uint64_t operation;           /* its number, for messages */
static uint64_t traced = UINT64_MAX; /* the first operation that is written down */

/* SplitMix64. */
static uint64_t draw(uint64_t below)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static bool chance(unsigned percent)
{
    return draw(100) < percent;
}

__attribute__((format(printf, 1, 2), noreturn)) static void broken(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "operation %" PRIu64 " of seed %" PRIu64 ": ", operation, seed);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nrepeat with: --seed %" PRIu64 " --operations %" PRIu64 "\n", seed,
            operation + 1);
    va_end(args);
    abort();
}

#define PROMISE(holds, ...)                                                                        \
    do {                                                                                           \
        if (!(holds))                                                                              \
            broken(__VA_ARGS__);                                                                   \
    } while (0)

/* ---- what the model knows ---- */

struct event {
    aep_position end;
    uint8_t topic;
    char kind;
    bool purged;      /* may be missing */
    unsigned arrived; /* times */
    unsigned repeats; /* times that it may arrive again: it was under way at a crash */
};

static struct event *events; /* by ordinal */
static size_t event_count, event_capacity;

/* The events of a topic, by ordinal, and the first of them that has not had its turn. */
static struct order {
    size_t *ordinals;
    size_t count, capacity, next;
} orders[TOPICS];

static bool dropped; /* dead letters were, by command */

static struct event *add_event(size_t topic, char kind, aep_position end)
{
    struct order *order = &orders[topic];
    if (event_count == event_capacity) {
        event_capacity = event_capacity ? event_capacity * 2 : 1024;
        events = realloc(events, event_capacity * sizeof *events);
    }
    if (order->count == order->capacity) {
        order->capacity = order->capacity ? order->capacity * 2 : 1024;
        order->ordinals = realloc(order->ordinals, order->capacity * sizeof *order->ordinals);
    }
    if (!events || !order->ordinals)
        abort();
    order->ordinals[order->count++] = event_count;
    events[event_count] = (struct event){.topic = (uint8_t)topic, .kind = kind, .end = end};
    return &events[event_count++];
}

/* Kafka takes it, sooner or later. */
static bool is_good(const struct event *event)
{
    return event->kind == '-' || event->kind == 'e';
}

/* Its turn may be left out. */
static bool skippable(const struct event *event)
{
    return !is_good(event) || event->purged || event->arrived;
}

static void check_order(size_t ordinal)
{
    struct event *event = &events[ordinal];
    struct order *order = &orders[event->topic];
    if (!is_good(event) || event->purged)
        return; /* by replay at any time / in flight while it was purged */
    while (order->next < order->count && order->ordinals[order->next] < ordinal) {
        const struct event *before = &events[order->ordinals[order->next]];
        PROMISE(skippable(before), "event %zu of topic %u arrived before event %zu", ordinal,
                event->topic, order->ordinals[order->next]);
        order->next++;
    }
}

/* The broker has taken an event. */
static void accept(void *user, size_t topic, struct aep__slice value, struct aep__slice sequence)
{
    (void)user;
    const char *colon = memchr(sequence.data, ':', sequence.len);
    size_t ordinal = (size_t)strtoull(value.data + 2, NULL, 10);
    PROMISE(ordinal < event_count, "an event arrived that nobody appended: %zu", ordinal);
    struct event *event = &events[ordinal];
    if (operation >= traced)
        printf("  event %zu arrives in topic %u\n", ordinal, event->topic);
    PROMISE(event->topic == (size_t)(broker.topics[topic].name[5] - '0'),
            "event %zu arrived in topic %s", ordinal, broker.topics[topic].name);
    PROMISE(colon && strtoull(colon + 1, NULL, 10) == ordinal, "event %zu bears the sequence %.*s",
            ordinal, (int)sequence.len, sequence.data);
    if (event->arrived) {
        PROMISE(event->repeats > 0, "event %zu arrived twice, with no crash between", ordinal);
        event->repeats--;
    } else {
        check_order(ordinal);
    }
    event->arrived++;
}

/* ---- what is tested ---- */

static void on_log(void *user, enum aep_log_level level, const char *text)
{
    (void)user, (void)level;
    if (operation >= traced)
        printf("  log: %s\n", text);
    PROMISE(!strstr(text, "lost") && !strstr(text, "cannot"), "the log says: %s", text);
}

static bool check_cursor(const struct fault_args *args, ssize_t *ret)
{
    static uint64_t segment, ordinal;
    const char *data = args->data;
    (void)ret;
    if (args->len < 32 || memcmp(data, "AEPCURS1", 8) != 0)
        return false;
    PROMISE(aep__get64(data + 8) >= segment && aep__get64(data + 24) >= ordinal,
            "the cursor goes back from segment %" PRIu64 ", ordinal %" PRIu64, segment, ordinal);
    segment = aep__get64(data + 8);
    ordinal = aep__get64(data + 24);
    return false;
}

/* Some sinks forget what they have heard. */
static void vary_sink(void)
{
    sink->forgets = chance(50);
}

/* ---- operations ---- */

static void append_events(void)
{
    for (uint64_t left = 1 + draw(8); left > 0; left--) {
        char topic_name[16], value[2048];
        size_t topic = draw(TOPICS);
        char kind = chance(96) ? '-' : "eppi"[draw(4)];
        int len = snprintf(value, sizeof value, "%c %zu ", kind, event_count);
        size_t size = (size_t)len + (chance(10) ? draw(1500) : draw(60));
        memset(value + len, ' ', size - (size_t)len);
        snprintf(topic_name, sizeof topic_name, "topic%zu", topic);
        add_event(topic, kind, append_event(topic_name, value, size));
    }
}

/* What a publisher leaves that is killed in its write. */
static void tear(void)
{
    struct aep__buf record = {0};
    encode_text(&record, "torn", 4);
    uint64_t newest = aep__segment_last(&here.spool, core.tail.cursor.segment);
    add_to_segment(&here, newest, record.data, 1 + draw(record.len - 1));
    aep__buf_done(&record);
}

static void take_turn(void)
{
    turn(chance(50));
}

static void decide(void)
{
    uint64_t most = broker.topic_count ? 1 + draw(16) : 0;
    if (most) /* of two draws in one call, compilers make either first */
        fake_decide(sink, draw(broker.topic_count), most);
}

static void report_some(void)
{
    for (uint64_t left = draw(24); left > 0 && fake_report(sink, draw(FAKE_TAKEN)); left--)
        ;
}

static void pass_time(void)
{
    now_us += (int64_t)draw(chance(20) ? 4000000 : 50000);
}

static void change_broker(void)
{
    if (broker.topic_count)
        broker.topics[draw(broker.topic_count)].state =
            chance(60) ? FAKE_FINE : (enum fake_state)draw(FAKE_STATES);
    broker.lenient = chance(10);
    broker.behind = chance(30);
}

static size_t ordinal_of(const struct fake_record *record)
{
    return (size_t)strtoull(record->value + 2, NULL, 10);
}

/* What a sink that forgets has sent may arrive again. */
static void note_forgotten(void)
{
    for (size_t i = 0; i < sink->count; i++) {
        const struct fake_record *record = &sink->taken[i];
        if (sink->forgets && record->decided && record->verdict == AEP__VERDICT_DONE)
            events[ordinal_of(record)].repeats++;
    }
}

/* A client that is of no more use: another takes its place. */
static void renew_sink(void)
{
    note_forgotten();
    sink->broken = true;
    aep__core_detach(&core);
    PROMISE(sink->handles == 0, "%u topics are open on a sink that goes", sink->handles);
    free_sink();
    make_sink();
    vary_sink();
}

/* What is under way may arrive again: what has a place in a lane. (What was parked is known by its
 * ordinal when it is read again: it counts in the parked topic's lane alone.) */
static void note_under_way(const struct aep__lane *lane)
{
    for (uint64_t at = lane->head; at < lane->tail; at++) {
        const struct aep__flight *flight = aep__lane_at(lane, at);
        bool parked = flight->state == AEP__FLIGHT_DONE && flight->fate == AEP__FATE_PARKED;
        if (events[flight->ordinal].arrived && !parked)
            events[flight->ordinal].repeats++;
    }
}

static void note_all_under_way(void)
{
    struct aep__topic *topic = NULL;
    note_under_way(&core.tail.lane);
    note_under_way(&core.dead.lane);
    while ((topic = aep__topics_next(&core.topics, topic)))
        if (topic->parked)
            note_under_way(&topic->parked->lane);
}

static void crash(void)
{
    note_all_under_way();
    for (size_t i = 0; i < core.dead.result_count; i++)
        events[core.dead.results[i].ordinal].repeats++; /* sent, and not out of the file yet */
    PROMISE(core.tail.lane.tail - core.tail.lane.head <= WINDOW,
            "%" PRIu64 " records lie beyond the cursor", core.tail.lane.tail - core.tail.lane.head);
    kill_core();
    start_core();
    vary_sink();
}

static void stop_and_start(void)
{
    note_forgotten();
    sink->base.ops->abandon(&sink->base);
    note_all_under_way(); /* acknowledged, behind one that is not */
    stop_core(chance(50));
    start_core();
    vary_sink();
}

static void ask(void)
{
    enum aep__fate fate;
    if (!event_count)
        return;
    size_t ordinal = chance(50) ? event_count - 1 - draw(event_count < 99 ? event_count : 99)
                                : draw(event_count);
    const struct event *event = &events[ordinal];
    if (aep__core_standing(&core, event->end, &fate) != AEP__STANDING_FINISHED || event->purged)
        return;
    if (fate == AEP__FATE_ACKED)
        PROMISE(event->arrived || (!is_good(event) && dropped),
                "event %zu is reported as acknowledged, and is nowhere", ordinal);
    PROMISE(fate != AEP__FATE_DEAD || !is_good(event), "event %zu is reported as dead", ordinal);
    PROMISE(fate != AEP__FATE_LOST && fate != AEP__FATE_PURGED, "event %zu is reported as gone",
            ordinal);
}

static void purge(void)
{
    for (size_t i = 0; i < event_count; i++)
        events[i].purged |= !events[i].arrived || events[i].repeats;
    for (size_t i = 0; i < sink->count; i++) /* it may have arrived, and nobody has heard of it */
        events[ordinal_of(&sink->taken[i])].purged = true;
    note_forgotten();
    aep__delivery_purge(&core);
}

static void replay(void)
{
    PROMISE(aep__dead_replay(&core, NULL) >= 0, "replay: %s", strerror(errno));
}

static void drop(void)
{
    dropped = true;
    PROMISE(aep__dead_drop(&core, NULL) >= 0, "drop: %s", strerror(errno));
}

static const struct {
    const char *name;
    void (*run)(void);
    unsigned weight;
} operations[] = {
    {"append", append_events, 200},
    {"tear", tear, 10},
    {"turn", take_turn, 300},
    {"decide", decide, 250},
    {"report", report_some, 200},
    {"time", pass_time, 100},
    {"broker", change_broker, 20},
    {"renew", renew_sink, 3},
    {"crash", crash, 4},
    {"stop", stop_and_start, 2},
    {"ask", ask, 50},
    {"purge", purge, 1},
    {"replay", replay, 2},
    {"drop", drop, 1},
};
#define OPERATIONS (sizeof operations / sizeof operations[0])

static void operate(void)
{
    uint64_t total = 0, number;
    for (size_t i = 0; i < OPERATIONS; i++)
        total += operations[i].weight;
    number = draw(total);
    for (size_t i = 0; i < OPERATIONS; i++) {
        if (number < operations[i].weight) {
            if (operation >= traced)
                printf("%" PRIu64 " %s, %zu events, %zu taken\n", operation, operations[i].name,
                       event_count, sink->count);
            operations[i].run();
            return;
        }
        number -= operations[i].weight;
    }
}

/* ---- the end ---- */

/* Everything is well, and goes on until nothing is to be done. */
static void drain(void)
{
    broker.lenient = broker.behind = false;
    for (size_t i = 0; i < broker.topic_count; i++)
        broker.topics[i].state = FAKE_FINE;
    for (int turns = 0; turns < DRAIN_TURNS; turns++) {
        answer_all();
        now_us += 100000;
        turn(true);
        if (aep__core_idle(&core) && aep__lane_empty(&core.tail.lane))
            return;
    }
    broken("it never comes to rest");
}

static unsigned *count_letters(void)
{
    unsigned *letters = calloc(event_count + 1, sizeof *letters);
    struct aep__sidelog_entry entry;
    struct aep__buf buf = {0};
    if (!letters)
        abort();
    for (uint64_t at = core.dead.log.begin; aep__sidelog_read(&core.dead.log, at, &buf, &entry) > 0;
         at = entry.next)
        letters[entry.note.ordinal]++;
    aep__buf_done(&buf);
    return letters;
}

static void check_end(void)
{
    unsigned *letters = count_letters();
    for (size_t i = 0; i < event_count; i++) {
        const struct event *event = &events[i];
        PROMISE(letters[i] <= 1, "event %zu is %u dead letters", i, letters[i]);
        PROMISE(!is_good(event) || !letters[i], "event %zu is a dead letter", i);
        PROMISE(event->arrived || letters[i] || event->purged || (!is_good(event) && dropped),
                "event %zu ('%c', topic %u) is lost", i, event->kind, event->topic);
    }
    free(letters);
}

/* ---- a run ---- */

static void end_run(void)
{
    end_stage();
    for (size_t i = 0; i < TOPICS; i++)
        free(orders[i].ordinals);
    memset(orders, 0, sizeof orders);
    free(events);
    events = NULL;
    event_count = event_capacity = 0;
}

int main(int argc, char **argv)
{
    uint64_t count = 20000;
    static const struct option longs[] = {{"operations", required_argument, NULL, 'n'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"trace", required_argument, NULL, 't'},
                                          {0}};
    seed = 424242; /* the suite's runs are alike; a campaign brings its own */
    for (int letter; (letter = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        if (letter == 'n')
            count = strtoull(optarg, NULL, 10);
        else if (letter == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (letter == 't')
            traced = strtoull(optarg, NULL, 10);
        else
            return 2;
    printf("%" PRIu64 " operations of seed %" PRIu64 "\n", count, seed);
    fflush(stdout);
    setlinebuf(stdout);
    random_state = seed;
    begin_stage(accept, on_log);
    fault_hooks[CALL_PWRITE] = check_cursor;
    vary_sink();
    for (operation = 0; operation < count; operation++)
        operate();
    drain();
    check_end();
    printf("%zu events: all accounted for\n", event_count);
    end_run();
    return 0;
}
