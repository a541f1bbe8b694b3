/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories of the queue against a model of it: plain arrays of what was written, shown,
 * read and settled. A failure names its seed; SR_SEED=N runs that one alone.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "queue_memory.h"
#include "sr/queue.h"

#define SEEDS 160U
#define STEPS 300U
#define LANES_MAX 4U
#define ENTRIES_MAX 4000U
#define MIB (1024U * 1024U)

struct written {
    uint32_t len, attributes, records;
    struct sr_segment *segment; /* from its first reading */
    uint64_t segment_number;
    uint32_t index;
    bool settled;
};

struct lane_model {
    struct sr_lane *lane;
    struct written entries[ENTRIES_MAX];
    uint32_t written, shown, cursor, settled;
    uint64_t queued; /* records shown and not settled */
};

static uint64_t seed, dice;

#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("seed %llu: %s (line %d)", (unsigned long long)seed, #condition, __LINE__);   \
        }                                                                                          \
    } while (0)

static uint32_t
below(uint32_t limit)
{
    dice ^= dice << 13; /* xorshift64, Marsaglia 2003 */
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return limit > 0 ? (uint32_t)(dice >> 32) % limit : 0;
}

static uint8_t
pattern(uint32_t entry, uint32_t at)
{
    return (uint8_t)(entry * 31 + at);
}

static void
write_some(struct lane_model *m)
{
    for (uint32_t n = below(30); n > 0 && m->written < ENTRIES_MAX; n--) {
        uint32_t max = below(8) == 0 ? below(15000) : below(400);
        uint32_t len = below(4) == 0 ? below(max + 1) : max;
        uint8_t *room = sr_lane_reserve(m->lane, max, 1);
        if (room == NULL) {
            return;
        }
        if (below(10) == 0) {
            continue; /* nothing came of it: the next reserve takes the room */
        }
        struct written *w = &m->entries[m->written];
        *w = (struct written){ .len = len, .attributes = below(len + 1), .records = 1 + below(3) };
        for (uint32_t i = 0; i < len; i++) { /* all, so that an overlap would show */
            room[i] = pattern(m->written, i);
        }
        sr_lane_commit(m->lane, len, w->attributes, w->records);
        m->written++;
    }
}

static void
show(struct lane_model *m)
{
    sr_lane_flush(m->lane);
    for (; m->shown < m->written; m->shown++) {
        m->queued += m->entries[m->shown].records;
    }
}

/* A full segment is shown when the next one is opened, before anybody flushes. */
static void
notice_what_a_new_segment_showed(struct lane_model *m)
{
    uint64_t queued = sr_lane_queued(m->lane);

    while (m->queued < queued) {
        expect(m->shown < m->written);
        m->queued += m->entries[m->shown++].records;
    }
    expect(m->queued == queued);
}

static void
check_entry(struct lane_model *m, uint32_t number, const struct sr_entry *e)
{
    struct written *w = &m->entries[number];

    expect(e->attributes.len == w->attributes);
    expect(e->body.len == w->len - w->attributes);
    expect(e->records == w->records);
    for (uint32_t i = 0; i < w->len; i += 1 + i / 4) {
        expect(e->attributes.data[i] == pattern(number, i)); /* the body follows at once */
    }
    if (w->segment == NULL) {
        w->segment = e->segment;
        w->segment_number = e->segment_number;
        w->index = e->index;
    }
    expect(w->segment == e->segment && w->segment_number == e->segment_number);
    expect(w->index == e->index); /* the message id never changes */
}

static void
read_some(struct lane_model *m)
{
    struct sr_entry e;

    for (uint32_t n = below(60); n > 0; n--) {
        while (m->cursor < m->shown && m->entries[m->cursor].settled) {
            m->cursor++;
        }
        bool there = sr_lane_next(m->lane, &e);
        expect(there == (m->cursor < m->shown));
        if (!there) {
            return;
        }
        check_entry(m, m->cursor++, &e);
    }
}

static void
settle_one(struct lane_model *m, uint32_t number)
{
    struct written *w = &m->entries[number];
    struct sr_entry e;

    if (w->segment == NULL || w->settled) {
        return;
    }
    sr_segment_entry(w->segment, w->index, &e);
    check_entry(m, number, &e);
    w->settled = true;
    m->queued -= w->records;
    m->settled++;
    sr_lane_settle(m->lane, w->segment, w->index, w->records);
    expect(sr_lane_queued(m->lane) == m->queued);
    expect(sr_lane_empty(m->lane) == (m->queued == 0));
}

static void
settle_some(struct lane_model *m)
{
    uint32_t from = m->cursor > 50 ? m->cursor - 50 : 0;

    for (uint32_t n = below(40); n > 0 && m->shown > 0; n--) {
        settle_one(m, below(3) == 0 ? below(m->shown) : from + below(m->shown - from));
    }
    if (below(6) == 0) {
        for (uint32_t i = 0; i < m->cursor; i++) {
            settle_one(m, i);
        }
    }
}

static void
rewind_it(struct lane_model *m)
{
    sr_lane_rewind(m->lane);
    m->cursor = 0;
}

static void
settle_everything(struct lane_model *m)
{
    struct sr_entry e;

    show(m);
    rewind_it(m);
    for (; m->cursor < m->shown; m->cursor++) {
        if (!m->entries[m->cursor].settled) {
            expect(sr_lane_next(m->lane, &e));
            check_entry(m, m->cursor, &e);
        }
    }
    expect(!sr_lane_next(m->lane, &e));
    for (uint32_t i = m->shown; i > 0; i--) { /* the worst order */
        settle_one(m, i - 1);
    }
    expect(m->settled == m->written && sr_lane_empty(m->lane));
}

static void
run_seed(struct lane_model *lanes)
{
    struct sr_queue_options options = { .memory = MIB, .run_id = 7 };

    dice = seed * 0x9e3779b97f4a7c15ULL + 1;
    (void)below(2);
    uint32_t count = 1 + below(LANES_MAX);
    options.listeners = 1 + below(3);
    struct sr_queue *q = sr_queue_new(&options);
    expect(q != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct sr_lane_options lane = {
            .listener = below(options.listeners),
            .dead = below(4) == 0,
            .subject = "logs.x",
            .content_type = below(2) == 0 ? "application/json" : NULL,
        };
        memset(&lanes[i], 0, sizeof(lanes[i]));
        lanes[i].lane = sr_queue_add_lane(q, &lane);
        expect(lanes[i].lane != NULL);
    }
    uint64_t at_rest = queue_memory(q);
    for (unsigned i = 0; i < STEPS; i++) {
        struct lane_model *m = &lanes[below(count)];
        switch (below(8)) {
        case 0:
        case 1:
        case 2:
            write_some(m);
            notice_what_a_new_segment_showed(m);
            break;
        case 3: show(m); break;
        case 4:
        case 5: read_some(m); break;
        case 6: settle_some(m); break;
        default:
            if (below(5) == 0) {
                rewind_it(m);
            }
        }
        expect(queue_memory(q) <= MIB);
    }
    for (uint32_t i = 0; i < count; i++) {
        settle_everything(&lanes[i]);
    }
    expect(queue_memory(q) == at_rest);
    sr_queue_free(q);
}

static void
every_history_gives_each_entry_until_it_is_settled_and_all_memory_back(void **state)
{
    static struct lane_model lanes[LANES_MAX];
    const char *one = getenv("SR_SEED");

    (void)state;
    seed = one != NULL ? strtoull(one, NULL, 10) : 1;
    uint64_t last = one != NULL ? seed : SEEDS;
    for (; seed <= last; seed++) {
        run_seed(lanes);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_gives_each_entry_until_it_is_settled_and_all_memory_back),
    };
    return cmocka_run_group_tests_name("queue_model", tests, NULL, NULL);
}
