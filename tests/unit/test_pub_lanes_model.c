/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories of the publisher's lanes against a model of a JetStream server. Whatever
 * happens, at the end, when the server is well, every record must have been accounted for once.
 * A failure names its seed; SR_SEED=N runs that one alone, with a log of what happens.
 */
#include "lane_bench.h"
#include "queue_memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "shell/pub_lanes.h"
#include "sr/clock.h"
#include "sr/log.h"

#define SEEDS 600U
#define STEPS 200U
#define VALUES_MAX 2048U

/* The clock and the dice of the code under test: in this program they follow the seed. */
static uint64_t dice;

static uint64_t
roll(void)
{
    dice ^= dice << 13; /* xorshift64, Marsaglia 2003 */
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
}

uint64_t
sr_clock_random_u64(void)
{
    return roll();
}

uint64_t
sr_clock_wall_ns(void)
{
    return 1700000000000000000ULL;
}

uint64_t
sr_clock_monotonic_ns(void)
{
    return 1;
}

static uint32_t
below(uint32_t limit)
{
    return (uint32_t)(roll() >> 32) % limit;
}

/* What became of a record, by its value. */
struct fate {
    bool queued;       /* it was put */
    bool stored;       /* the stream has it */
    bool acknowledged; /* and the lanes have been told */
    bool refused_for_good;
    bool dead_stored;
    char id[64]; /* under which it was sent */
};

struct model {
    struct bench bench;
    struct fate fates[VALUES_MAX];
    uint32_t values;
    size_t seen;  /* of bench.sent */
    size_t *open; /* indices of bench.sent that wait for an answer */
    size_t open_count;
    bool mishap[2 * BENCH_LANES_MAX]; /* by lane of the queue: what the server does to it */
    enum sr_refusal mishap_kind[2 * BENCH_LANES_MAX];
    uint64_t memory_at_rest;
    bool healthy;
};

static uint64_t seed;

#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("seed %llu: %s (line %d)", (unsigned long long)seed, #condition, __LINE__);   \
        }                                                                                          \
    } while (0)

/* Which records the stream will never take: a property of the record, as in life. */
static bool
is_too_large(uint32_t value)
{
    return value % 23 == 5;
}

static size_t
size_of(uint32_t value)
{
    return value % 31 == 7 ? 12000 : 4 + value * 37 % 700;
}

static size_t
lane_of(const struct model *m, const char *subject)
{
    for (size_t i = 0; i < sr_queue_lane_count(m->bench.queue); i++) {
        if (strcmp(sr_lane_subject(sr_queue_lane(m->bench.queue, i)), subject) == 0) {
            return i;
        }
    }
    fail_msg("seed %llu: a message on %s", (unsigned long long)seed, subject);
    return 0;
}

/* The server looks at what has been sent since last time. */
static void
take_sends(struct model *m)
{
    struct bench *b = &m->bench;

    m->open = realloc(m->open, (m->open_count + b->sent_count - m->seen + 1) * sizeof(*m->open));
    assert_non_null(m->open);
    for (; m->seen < b->sent_count; m->seen++) {
        const struct bench_sent *s = &b->sent[m->seen];
        expect(s->value < m->values);
        struct fate *f = &m->fates[s->value];
        if (s->reason[0] == '\0') {
            /* The same record always has the same id, and never goes out after it is settled. */
            expect(f->id[0] == '\0' || strcmp(f->id, s->id) == 0);
            expect(!f->acknowledged && !f->refused_for_good);
            expect(s->len == size_of(s->value));
            memcpy(f->id, s->id, sizeof(f->id));
        } else {
            expect(f->refused_for_good);
            expect(!f->dead_stored || f->stored == false);
        }
        m->open[m->open_count++] = m->seen;
    }
}

/* Answers one message: as the server is now, or late. */
static void
answer(struct model *m, size_t open)
{
    struct bench *b = &m->bench;
    const struct bench_sent *s = &b->sent[m->open[open]];
    struct fate *f = &m->fates[s->value];
    bool dead = s->reason[0] != '\0';
    size_t lane = lane_of(m, s->subject);
    uint32_t before = pub_lanes_in_flight(b->lanes);
    bool *there = dead ? &f->dead_stored : &f->stored;

    m->open[open] = m->open[--m->open_count];
    if (m->mishap[lane]) {
        pub_lanes_refused(b->lanes, b->now_ns, s->number, m->mishap_kind[lane]);
        return;
    }
    if (!dead && is_too_large(s->value)) {
        pub_lanes_refused(b->lanes, b->now_ns, s->number, SR_REFUSAL_TOO_LARGE);
        f->refused_for_good = f->refused_for_good || pub_lanes_in_flight(b->lanes) < before;
        return;
    }
    bool duplicate = *there;
    *there = true;
    if (!m->healthy && below(12) == 0) {
        return; /* stored, and the acknowledgement is lost */
    }
    pub_lanes_stored(b->lanes, s->number, duplicate);
    if (!dead && pub_lanes_in_flight(b->lanes) < before) {
        f->acknowledged = true;
    }
}

static void
put_some(struct model *m)
{
    struct bench *b = &m->bench;

    for (uint32_t n = 1 + below(20); n > 0 && m->values < VALUES_MAX; n--) {
        uint32_t value = m->values;
        if (bench_put(b, below((uint32_t)b->lane_count), value, size_of(value))) {
            m->fates[value].queued = true;
            /* What the lanes themselves find too large never meets the server. */
            m->fates[value].refused_for_good = size_of(value) + 160 > b->max_payload;
            m->values++;
        }
    }
}

static void
forbid(struct model *m)
{
    struct bench *b = &m->bench;
    struct sr_lane *lane = sr_queue_lane(b->queue, below((uint32_t)sr_queue_lane_count(b->queue)));
    char mapped[80];

    (void)snprintf(
        mapped, sizeof(mapped), "%s%s", below(2) == 0 ? "acme." : "", sr_lane_subject(lane));
    pub_lanes_forbidden(b->lanes, b->now_ns, span_of(mapped));
}

static void
change_the_server(struct model *m)
{
    static const enum sr_refusal kinds[] = { SR_REFUSAL_NO_STREAM, SR_REFUSAL_STREAM_FULL,
        SR_REFUSAL_STORAGE, SR_REFUSAL_TOO_MANY, SR_REFUSAL_OTHER };
    size_t lane = below((uint32_t)sr_queue_lane_count(m->bench.queue));

    if (!m->mishap[lane]) { /* what goes on for long keeps its cause */
        m->mishap_kind[lane] = kinds[below(sizeof(kinds) / sizeof(kinds[0]))];
    }
    m->mishap[lane] = below(3) == 0;
}

static void
step(struct model *m)
{
    struct bench *b = &m->bench;

    switch (below(16)) {
    case 0:
    case 1:
    case 2: put_some(m); break;
    case 3: bench_wait(b, below(600) * SR_NS_PER_MS); break;
    case 4: bench_wait(b, below(40) == 0 ? 20 * SR_NS_PER_SECOND : 0); break;
    case 5: change_the_server(m); break;
    case 6:
        if (below(8) == 0) {
            pub_lanes_disconnected(b->lanes, b->now_ns);
            m->open_count = below(2) == 0 ? 0 : m->open_count; /* or they still come, late */
        }
        break;
    case 7:
        if (below(4) == 0) {
            forbid(m);
        }
        break;
    case 8: b->sends_left = below(10) == 0 ? below(30) : SIZE_MAX; break;
    case 9: bench_run(b); break;
    case 10:
        if (m->open_count > 0 && below(6) == 0) { /* no answer, ever */
            m->open[below((uint32_t)m->open_count)] = m->open[m->open_count - 1];
            m->open_count--;
        }
        break;
    default:
        for (uint32_t n = below(25); n > 0 && m->open_count > 0; n--) {
            answer(m, below(3) > 0 ? 0 : below((uint32_t)m->open_count));
        }
        break;
    }
    take_sends(m);
}

/* From now on the server takes everything: nothing may be left behind. */
static void
get_well(struct model *m)
{
    struct bench *b = &m->bench;

    m->healthy = true;
    memset(m->mishap, 0, sizeof(m->mishap));
    b->sends_left = SIZE_MAX;
    bench_run(b); /* shows the dead letters that the last answers made */
    for (unsigned round = 0; bench_queued(b) > 0; round++) {
        expect(round < 2000);
        take_sends(m);
        while (m->open_count > 0) {
            answer(m, 0);
        }
        uint64_t due = pub_lanes_due_ns(b->lanes);
        if (due != UINT64_MAX && due > b->now_ns) {
            b->now_ns = due;
        }
        bench_run(b);
    }
}

static void
check_the_end(struct model *m)
{
    struct bench *b = &m->bench;
    uint64_t stored = 0, dead = 0, good_for_nothing = 0, stored_counted = 0, dead_counted = 0,
             dropped = 0;

    for (uint32_t i = 0; i < m->values; i++) {
        const struct fate *f = &m->fates[i];
        expect(f->queued);
        expect(f->acknowledged != f->refused_for_good); /* one of them, and not both */
        expect(f->stored == f->acknowledged);
        stored += f->stored ? 1 : 0;
        dead += f->dead_stored ? 1 : 0;
        good_for_nothing += f->refused_for_good ? 1 : 0;
    }
    for (unsigned i = 0; i < b->stats->listener_count; i++) {
        struct sr_ledger ledger = sr_ledger_take(b->stats, b->queue, i);
        expect(sr_ledger_balanced(&ledger));
        stored_counted += ledger.stored;
        dead_counted += ledger.stored_dead;
        dropped += ledger.dropped_records;
    }
    expect(stored_counted == stored);
    expect(dead_counted + dropped == good_for_nothing);
    expect(dead_counted <= dead); /* one may be stored, its acknowledgement lost, and dropped */
    expect(pub_lanes_in_flight(b->lanes) == 0);
    expect(!pub_lanes_troubled(b->lanes));
    expect(pub_lanes_unexpected_duplicates(b->lanes) == 0);
    expect(queue_memory(b->queue) == m->memory_at_rest);
}

/* What happened over all histories: a test in which nothing goes wrong would show nothing. */
static struct {
    uint64_t stored, stored_dead, redelivered, given_up, dropped;
} total;

static void
add_up(const struct model *m)
{
    for (unsigned i = 0; i < m->bench.stats->listener_count; i++) {
        const struct sr_delivery_stats *d = &m->bench.stats->listeners[i].delivery;
        total.stored += sr_counted(&d->stored);
        total.stored_dead += sr_counted(&d->stored_dead);
        total.redelivered += sr_counted(&d->redelivered);
        total.dropped += sr_reasons_total(&d->dropped);
    }
    total.given_up += bench_dropped(&m->bench, "deadletter_refused");
}

static void
run_seed(struct model *m)
{
    struct bench_options options = { .subjects = { "logs.a", "logs.b", "flows.c" },
        .memory = 1U << 20 };

    dice = seed * 0x9e3779b97f4a7c15ULL + 1;
    (void)roll();
    memset(m, 0, sizeof(*m));
    options.subjects[1 + below(3)] = NULL;
    options.listeners = 1 + below(2);
    options.no_dead_letters = below(4) == 0;
    bench_open(&m->bench, &options);
    m->memory_at_rest = queue_memory(m->bench.queue);
    m->bench.max_payload = below(2) == 0 ? 1U << 20 : 10000;
    for (unsigned i = 0; i < STEPS; i++) {
        step(m);
    }
    get_well(m);
    check_the_end(m);
    add_up(m);
    bench_close(&m->bench);
    free(m->open);
}

static void
every_history_ends_with_every_record_accounted_for_once(void **state)
{
    static struct model m;
    const char *one = getenv("SR_SEED");

    (void)state;
    sr_log_set_level(one != NULL ? SR_LOG_DEBUG : (enum sr_log_level)0);
    seed = one != NULL ? strtoull(one, NULL, 10) : 1;
    uint64_t last = one != NULL ? seed : SEEDS;
    for (; seed <= last; seed++) {
        run_seed(&m);
    }
    if (one == NULL) {
        assert_true(total.stored > 100 * SEEDS && total.stored_dead > SEEDS);
        assert_true(total.redelivered > 10 * SEEDS && total.dropped > SEEDS);
        assert_true(total.given_up > 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_ends_with_every_record_accounted_for_once),
    };
    return cmocka_run_group_tests_name("pub_lanes_model", tests, NULL, NULL);
}
