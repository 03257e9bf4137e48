/* SPDX-License-Identifier: Apache-2.0 */
/* Holds every sink to what deliver/sink.h promises: each case runs on each sink that can do what the
 * case is about. */
#include "sink_letters.h"

#define MANY 300                     /* letters: several windows of them */
#define FEW 5                        /* of one topic */
#define HUGE_BYTES (4 * 1024 * 1024) /* more than any sink takes */

/* ---- what it declares ---- */

static void declares_what_it_is(void)
{
    assert_true(sink->window > 0);
    assert_int_equal(aep__sink_retains(sink), (kind->can & CAN_RETAIN) != 0);
    assert_int_equal(sink->ops->wants != NULL, (kind->can & CAN_DECLINE) != 0);
    if (kind->can & CAN_FILL)
        assert_int_equal(sink->window, WINDOW);
    if (kind->can & CAN_DEFER)
        assert_true(sink->ops->fd(sink) >= 0);
    /* A sink that decides at once reports nothing later. */
    else
        assert_int_equal(sink->ops->fd(sink), -1);
}

static void wants_more_the_fuller_the_spool(void)
{
    const aep_position begin = {1, 0};
    bool wanted = sink->ops->wants(sink, begin, begin);
    assert_false(wanted);
    for (uint64_t segment = 1; segment < UINT64_C(1) << 48; segment <<= 1) {
        bool wants = sink->ops->wants(sink, begin, (aep_position){segment, 1});
        assert_true(wants || !wanted);
        wanted = wants;
    }
    assert_true(wanted);
}

/* ---- reports ---- */

static void reports_each_record_once(void)
{
    for (unsigned i = 0; i < MANY; i++)
        send_one(i % TOPICS);
    hear(MANY);
    inside = true;
    assert_true(sink->ops->serve(sink, false));
    inside = false;
    assert_int_equal(reports, MANY);
    assert_each_once(AEP__VERDICT_DONE);
}

static void decides_at_once(void)
{
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(post(make_letter(i % TOPICS)), AEP__VERDICT_DONE);
    inside = true;
    assert_true(sink->ops->serve(sink, false));
    inside = false;
    assert_int_equal(reports, 0);
}

static void takes_nothing(void)
{
    struct letter *letter = make_letter(0);
    assert_int_equal(post(letter), AEP__VERDICT_FULL);
    assert_int_equal(post(letter), AEP__VERDICT_FULL);
    inside = true;
    assert_true(sink->ops->serve(sink, false));
    inside = false;
    assert_int_equal(reports, 0);
}

static void keeps_the_order_of_each_topic(void)
{
    for (unsigned i = 0; i < MANY; i++)
        send_one(i % TOPICS);
    hear(MANY);
    for (unsigned i = 0; i < TOPICS; i++)
        assert_arrived(i);
}

static void copies_what_it_is_given(void)
{
    kind->hold();
    send_some(FEW, 0);
    kind->release();
    hear(FEW);
    assert_arrived(0);
}

static void delivers_key_time_and_headers(void)
{
    send_some(FEW, 0);
    hear(FEW);
    assert_int_equal(kind->read(topic_names[0]), FEW);
    for (unsigned i = 0; i < FEW; i++) {
        char headers[512], key[32], sequence[64];
        write_sequence(&letters[i], sequence);
        snprintf(key, sizeof key, "key-%u", i);
        snprintf(headers, sizeof headers, "traceparent=trace-%u;empty=;x-aep-seq=%s;", i, sequence);
        assert_string_equal(arrivals[i].headers, headers);
        assert_int_equal(arrivals[i].timestamp_ms, INT64_C(1700000000000) + i);
        assert_int_equal(arrivals[i].has_key, i % 2);
        assert_string_equal(arrivals[i].key, i % 2 ? key : "");
    }
}

static void rings_while_there_is_something_to_serve(void)
{
    struct pollfd ready = {.fd = sink->ops->fd(sink), .events = POLLIN};
    int64_t deadline = now_ms() + DEADLINE_MS;
    send_some(FEW, 0);
    hear(FEW); /* waits for fd() alone */
    while (poll(&ready, 1, 0) == 1 && now_ms() < deadline)
        assert_true(serve_next());
    assert_int_equal(poll(&ready, 1, 0), 0);
}

static void never_rings(void)
{
    post(make_letter(0));
    sink->ops->verify(sink);
    assert_int_equal(sink->ops->fd(sink), -1);
    assert_int_equal(signs, 0);
}

/* ---- the window ---- */

static void is_full_at_its_window_and_goes_on_after_a_report(void)
{
    kind->hold();
    for (unsigned i = 0; i < WINDOW; i++)
        assert_int_equal(post(make_letter(i % TOPICS)), AEP__VERDICT_TAKEN);
    struct letter *next = make_letter(0);
    assert_int_equal(post(next), AEP__VERDICT_FULL);
    assert_int_equal(post(next), AEP__VERDICT_FULL);
    assert_int_equal(reports, 0);
    kind->release();
    hear(1);
    assert_int_equal(post(next), AEP__VERDICT_TAKEN);
    hear(WINDOW + 1);
    assert_each_once(AEP__VERDICT_DONE);
    for (unsigned i = 0; i < TOPICS; i++)
        assert_arrived(i);
}

/* ---- refusals ---- */

/* Sends after a refused letter, not yet reported, until the sink knows of the refusal: FULL. Slows
 * down, so that the window is not what fills. */
static void send_until_full(const struct letter *refused)
{
    struct letter *letter = make_letter(refused->topic);
    enum aep__verdict verdict;
    int wait_ms = 10, left = WINDOW - FEW - 1;
    while ((verdict = post(letter)) == AEP__VERDICT_TAKEN && left-- > 0) {
        letter = make_letter(refused->topic);
        poll(NULL, 0, wait_ms);
        wait_ms = wait_ms < 1000 ? wait_ms * 2 : 2000;
    }
    assert_int_equal(verdict, AEP__VERDICT_FULL);
    assert_true(left > 0);
    assert_int_equal(refused->reports, 0);
    assert_int_equal(post(letter), AEP__VERDICT_FULL);
    letter_count--; /* it was never sent */
}

/* Sends the letter until it has arrived, however often it is refused. */
static void insist(struct letter *letter)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    do {
        enum aep__verdict verdict = post(letter);
        if (verdict == AEP__VERDICT_TAKEN)
            hear(reports + 1);
        else
            assert_int_equal(verdict, AEP__VERDICT_REFUSED); /* known from before */
        poll(NULL, 0, letter->verdict == AEP__VERDICT_DONE ? 0 : 20);
    } while (letter->verdict != AEP__VERDICT_DONE && now_ms() < deadline);
    assert_int_equal(letter->verdict, AEP__VERDICT_DONE);
}

static void refuse_as(const struct refusal *refusal)
{
    unsigned first = letter_count, heard = reports;
    kind->hold();
    kind->refuse(refusal->how);
    send_some(FEW, 0);
    kind->release();
    send_until_full(&letters[first]);
    hear(heard + letter_count - first);
    assert_int_equal(letters[first].verdict, refusal->verdict);
    assert_int_equal(letters[first].forbidden, refusal->forbidden);
    for (unsigned i = first + 1; i < letter_count; i++)
        assert_int_equal(letters[i].verdict, AEP__VERDICT_BACK);
    for (unsigned i = first; i < letter_count; i++)
        assert_int_equal(letters[i].reports, 1);
    insist(&letters[first]);
    heard = reports;
    for (unsigned i = first + 1; i < letter_count; i++)
        assert_int_equal(post(&letters[i]), AEP__VERDICT_TAKEN);
    hear(heard + letter_count - first - 1);
    assert_arrived(0);
}

static void calls_back_what_stands_behind_a_refusal(void)
{
    for (size_t i = 0; i < kind->refusal_count; i++)
        refuse_as(&kind->refusals[i]);
    for (unsigned i = 0; i < letter_count; i++)
        assert_int_equal(letters[i].verdict, AEP__VERDICT_DONE);
}

/* A sink that has looked the topic up before may only notice at its next look. */
static struct letter *send_until_refused(unsigned topic)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    struct letter *letter;
    enum aep__verdict verdict;
    do {
        letter = make_letter(topic);
        verdict = post(letter);
        if (verdict == AEP__VERDICT_TAKEN) {
            hear(reports + 1);
            verdict = letter->verdict;
        }
        poll(NULL, 0, verdict == AEP__VERDICT_DONE ? 50 : 0);
    } while (verdict == AEP__VERDICT_DONE && now_ms() < deadline);
    assert_int_equal(verdict, AEP__VERDICT_REFUSED);
    return letter;
}

static void refuses_the_records_of_a_missing_topic(void)
{
    kind->miss(topic_names[0], true);
    struct letter *lost = send_until_refused(0);
    assert_false(lost->forbidden);
    insist(make_letter(1)); /* the other topic's go on */
    kind->miss(topic_names[0], false);
    insist(lost);
    for (unsigned i = 0; i < TOPICS; i++)
        assert_arrived(i);
}

/* No report follows, and the next letter is delivered. */
static void rejects_what_can_never_be_sent(void)
{
    struct aep__message message;
    struct paper paper = {0};
    struct letter *letter = make_letter(0);
    char *huge = malloc(HUGE_BYTES);
    assert_non_null(huge);
    memset(huge, 'i', HUGE_BYTES);
    write_message(&message, &paper, letter);
    message.value = (struct aep__slice){huge, HUGE_BYTES};
    assert_int_equal(send_message(letter, &message), AEP__VERDICT_INVALID);
    free(huge);
    assert_true(letter->error[0] != '\0');
    send_one(0);
    hear(1);
    assert_int_equal(letter->reports, 0);
    assert_arrived(0);
}

/* ---- giving up ---- */

static void reports_all_when_it_is_abandoned(void)
{
    kind->hold();
    for (unsigned i = 0; i < MANY / 10; i++)
        send_one(i % TOPICS);
    abandon();
    assert_each_once(AEP__VERDICT_BACK);
    kind->release();
    for (unsigned i = 0; i < TOPICS; i++)
        assert_int_equal(kind->read(topic_names[i]), 0);
}

/* The broker has answered, but the answers are not reported yet. */
static void reports_what_was_answered_when_it_is_abandoned(void)
{
    struct pollfd ready = {.fd = sink->ops->fd(sink), .events = POLLIN};
    send_some(FEW, 0);
    assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
    abandon();
    for (unsigned i = 0; i < FEW; i++) {
        assert_int_equal(letters[i].reports, 1);
        assert_true(letters[i].verdict == AEP__VERDICT_DONE ||
                    letters[i].verdict == AEP__VERDICT_BACK);
    }
}

static void takes_records_again_after_it_was_abandoned(void)
{
    kind->hold();
    send_some(FEW, 0);
    abandon();
    kind->release();
    for (unsigned i = 0; i < FEW; i++)
        assert_int_equal(post(&letters[i]), AEP__VERDICT_TAKEN);
    hear(2 * FEW);
    assert_arrived(0);
}

static void opens_topics_again(void)
{
    send_some(FEW, 0);
    hear(FEW);
    close_topics();
    open_topics();
    send_some(FEW, 0);
    hear(2 * FEW);
    assert_arrived(0);
}

static void may_be_made_and_freed_unused(void)
{
    free_sink();
    make_sink();
    free_sink();
    make_sink();
}

/* The next sink sends what came back, in order. */
static void replace(void)
{
    unsigned heard, again = 0;
    free_sink();
    heard = reports;
    make_sink();
    kind->release();
    for (unsigned i = 0; i < letter_count; i++)
        if (letters[i].verdict != AEP__VERDICT_DONE) {
            assert_int_equal(post(&letters[i]), AEP__VERDICT_TAKEN);
            again++;
        }
    hear(heard + again);
}

static void is_replaced_by_another(void)
{
    send_some(FEW, 0);
    hear(FEW);
    kind->hold();
    send_some(FEW, 0);
    replace();
    for (unsigned i = 0; i < letter_count; i++)
        assert_int_equal(letters[i].verdict, AEP__VERDICT_DONE);
    assert_arrived(0);
}

static void says_that_it_is_of_no_more_use(void)
{
    send_some(FEW, 0);
    hear(FEW);
    kind->hold();
    send_some(FEW, 0);
    kind->wreck(sink);
    while (serve_next())
        ;
    struct letter *late = make_letter(0);
    enum aep__verdict verdict = post(late);
    assert_true(verdict == AEP__VERDICT_BROKEN || verdict == AEP__VERDICT_FULL ||
                verdict == AEP__VERDICT_TAKEN);
    late->verdict = AEP__VERDICT_BACK;
    replace();
    assert_arrived(0);
}

/* ---- signs of life ---- */

static void verifying_leads_to_a_sign_of_the_broker(void)
{
    sink->ops->verify(sink);
    sink->ops->verify(sink); /* one is awaited */
    assert_int_equal(signs, 0);
    while (signs == 0)
        assert_true(serve_next());
    assert_int_equal(signs, 1);
    sink->ops->verify(sink);
    while (signs == 1)
        assert_true(serve_next());
}

/* ---- each on each ---- */

static const struct {
    const char *name;
    void (*run)(void);
    unsigned needs, lacks; /* enum sink_can */
} cases[] = {
#define CASE(function, needs, lacks)                                                               \
    {                                                                                              \
#function, function, needs, lacks                                                          \
    }
    CASE(declares_what_it_is, 0, 0),
    CASE(wants_more_the_fuller_the_spool, CAN_DECLINE, 0),
    CASE(reports_each_record_once, CAN_DEFER, 0),
    CASE(decides_at_once, CAN_LET_GO, CAN_DEFER),
    CASE(takes_nothing, 0, CAN_DEFER | CAN_LET_GO),
    CASE(keeps_the_order_of_each_topic, CAN_KEEP, 0),
    CASE(copies_what_it_is_given, CAN_KEEP, 0),
    CASE(delivers_key_time_and_headers, CAN_KEEP_ALL, 0),
    CASE(rings_while_there_is_something_to_serve, CAN_DEFER, 0),
    CASE(never_rings, 0, CAN_DEFER),
    CASE(is_full_at_its_window_and_goes_on_after_a_report, CAN_FILL, 0),
    CASE(calls_back_what_stands_behind_a_refusal, CAN_REFUSE, 0),
    CASE(refuses_the_records_of_a_missing_topic, CAN_MISS, 0),
    CASE(rejects_what_can_never_be_sent, CAN_REJECT, 0),
    CASE(reports_all_when_it_is_abandoned, CAN_DEFER | CAN_KEEP, 0),
    CASE(reports_what_was_answered_when_it_is_abandoned, CAN_DEFER, 0),
    CASE(takes_records_again_after_it_was_abandoned, CAN_DEFER | CAN_KEEP, 0),
    CASE(opens_topics_again, CAN_KEEP, 0),
    CASE(may_be_made_and_freed_unused, 0, 0),
    CASE(is_replaced_by_another, CAN_DEFER | CAN_KEEP, 0),
    CASE(says_that_it_is_of_no_more_use, CAN_BREAK, 0),
    CASE(verifying_leads_to_a_sign_of_the_broker, CAN_ANSWER, 0),
};

#define KINDS (sizeof sink_kinds / sizeof *sink_kinds)
#define CASES (sizeof cases / sizeof *cases)

/* A case on a sink. */
struct pair {
    const struct sink_kind *kind;
    void (*run)(void);
    char name[128];
};

static int set_up(void **state)
{
    kind = ((const struct pair *)*state)->kind;
    return begin();
}

static void run_case(void **state)
{
    ((const struct pair *)*state)->run();
}

static int tear_down(void **state)
{
    (void)state;
    end();
    return 0;
}

/* test_sinks [PATTERN]: only the cases whose printed names match. */
int main(int argc, char **argv)
{
    static struct pair pairs[KINDS * CASES];
    static struct CMUnitTest tests[KINDS * CASES];
    size_t count = 0;
    unsetenv("KAFKA_BOOTSTRAP_SERVERS");
    for (size_t k = 0; k < KINDS; k++)
        for (size_t c = 0; c < CASES; c++) {
            unsigned can = sink_kinds[k].can;
            struct pair *pair = &pairs[count];
            if ((can & cases[c].needs) != cases[c].needs || can & cases[c].lacks)
                continue;
            *pair = (struct pair){.kind = &sink_kinds[k], .run = cases[c].run};
            snprintf(pair->name, sizeof pair->name, "%s %s", sink_kinds[k].name, cases[c].name);
            tests[count++] = (struct CMUnitTest){pair->name, run_case, set_up, tear_down, pair};
        }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("sinks", tests, count, NULL, NULL);
}
