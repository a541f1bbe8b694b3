/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "sr/queue.h"
#include "sr/stats.h"

static uint64_t
count_of(const struct sr_reasons *r, const char *reason)
{
    uint64_t out = 0;
    unsigned rows = 0;

    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        const char *known = r->items[i].reason;
        if (known != NULL && strcmp(known, reason) == 0) {
            out = sr_counted(&r->items[i].count);
            rows++;
        }
    }
    assert_true(rows <= 1); /* a reason with two rows would be two series of one name */
    return out;
}

static void
reasons_are_counted_by_their_text(void **state)
{
    static const char same_text[] = "bad_pri";
    struct sr_reasons r = { .items = { { NULL, 0 } } };

    (void)state;
    sr_reasons_count(&r, "bad_pri", 2);
    sr_reasons_count(&r, same_text, 3);
    sr_reasons_count(&r, "too_long", 1);
    assert_int_equal(count_of(&r, "bad_pri"), 5);
    assert_int_equal(count_of(&r, "too_long"), 1);
    assert_int_equal(sr_reasons_total(&r), 6);
}

static void
one_reason_more_than_fits_is_counted_as_other(void **state)
{
    static char names[SR_REASONS_MAX + 10][16];
    struct sr_reasons r = { .items = { { NULL, 0 } } };

    (void)state;
    for (size_t i = 0; i < SR_REASONS_MAX + 10; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "reason_%zu", i);
        sr_reasons_count(&r, names[i], 1);
    }
    sr_reasons_count(&r, names[3], 1);
    assert_int_equal(count_of(&r, "reason_3"), 2);
    assert_int_equal(count_of(&r, "reason_30"), 1);
    assert_int_equal(count_of(&r, "reason_31"), 0);
    assert_int_equal(count_of(&r, "other"), 11);
    assert_int_equal(sr_reasons_total(&r), SR_REASONS_MAX + 11);
}

static void
the_word_other_shares_the_row_of_what_does_not_fit(void **state)
{
    static char names[SR_REASONS_MAX + 10][16];
    struct sr_reasons r = { .items = { { NULL, 0 } } };

    (void)state;
    sr_reasons_count(&r, "other", 5); /* as when the counts of workers are added up */
    for (size_t i = 0; i < SR_REASONS_MAX + 10; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "reason_%zu", i);
        sr_reasons_count(&r, names[i], 1);
    }
    sr_reasons_count(&r, "other", 1);
    assert_int_equal(count_of(&r, "other"), 6 + 11);
    assert_int_equal(count_of(&r, "reason_0"), 1);
}

static void
equal_texts_are_kept_once(void **state)
{
    unsigned workers[] = { 1 };
    struct sr_stats *stats = sr_stats_new(1, workers);
    char text[] = "disk_full";

    (void)state;
    assert_non_null(stats);
    const char *first = sr_stats_keep_text(stats, text);
    const char *other = sr_stats_keep_text(stats, "disk");
    assert_ptr_equal(sr_stats_keep_text(stats, "disk_full"), first);
    assert_ptr_not_equal(first, other);
    text[0] = 'x';
    assert_string_equal(first, "disk_full");
    assert_string_equal(other, "disk");
    sr_stats_free(stats);
}

static void
the_ledger_adds_up_workers_and_what_is_queued(void **state)
{
    struct sr_queue_options options = { .memory = 1U << 20, .listeners = 2, .run_id = 1 };
    struct sr_queue *q = sr_queue_new(&options);
    unsigned workers[] = { 1, 2 };
    struct sr_stats *stats = sr_stats_new(2, workers);

    (void)state;
    assert_non_null(q);
    assert_non_null(stats);
    for (unsigned i = 0; i < 3; i++) { /* two lanes of listener 1, one of listener 0 */
        struct sr_lane_options lane = { .listener = i < 2 ? 1 : 0, .subject = "x" };
        struct sr_lane *l = sr_queue_add_lane(q, &lane);
        assert_non_null(sr_lane_reserve(l, 8, 1));
        sr_lane_commit(l, 8, 0, i + 1);
        sr_lane_flush(l);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct sr_worker_stats *w = &stats->listeners[1].workers[i];
        sr_count(&w->received, 13);
        sr_count(&w->parts, 2);
        sr_count(&w->decoded, 7);
        sr_reasons_count(&w->consumed, "templates", 4);
        sr_reasons_count(&w->consumed, "options", 1);
        sr_count(&w->deadlettered, 2);
        sr_count(&w->records, 8);
        sr_count(&w->kernel_drops, 3);
        sr_count(&w->batching, 5);
        sr_reasons_count(&w->dropped, "queue_full", 1);
    }
    sr_count(&stats->listeners[1].workers[0].recovered, 3); /* two of them stored, one lost */
    sr_reasons_count(&stats->listeners[1].workers[1].lost, "crash", 1);
    sr_count(&stats->listeners[1].delivery.stored, 14);
    sr_count(&stats->listeners[1].delivery.stored_dead, 4);
    sr_reasons_count(&stats->listeners[1].delivery.dropped, "too_large", 1);
    struct sr_ledger l = sr_ledger_take(stats, q, 1);
    assert_int_equal(l.received, 26);
    assert_int_equal(l.parts, 4);
    assert_int_equal(l.decoded, 14);
    assert_int_equal(l.consumed, 10);
    assert_int_equal(l.deadlettered, 4);
    assert_int_equal(l.dropped, 2);
    assert_int_equal(l.records, 16);
    assert_int_equal(l.queued, 3);
    assert_int_equal(l.recovered, 3);
    assert_int_equal(l.dropped_records, 2);
    assert_int_equal(l.kernel_drops, 6);
    assert_int_equal(l.batching, 10);
    assert_true(sr_ledger_balanced(&l));
    sr_stats_free(stats);
    sr_queue_free(q);
}

static void
a_ledger_with_any_one_number_wrong_is_not_balanced(void **state)
{
    const struct sr_ledger good = { .received = 12,
        .parts = 3,
        .decoded = 7,
        .consumed = 5,
        .deadlettered = 2,
        .dropped = 1,
        .records = 8,
        .recovered = 3,
        .stored = 8,
        .stored_dead = 2,
        .queued = 2,
        .dropped_records = 1 };
    static const size_t offsets[] = { offsetof(struct sr_ledger, received),
        offsetof(struct sr_ledger, parts), offsetof(struct sr_ledger, decoded),
        offsetof(struct sr_ledger, consumed), offsetof(struct sr_ledger, deadlettered),
        offsetof(struct sr_ledger, dropped), offsetof(struct sr_ledger, records),
        offsetof(struct sr_ledger, recovered), offsetof(struct sr_ledger, stored),
        offsetof(struct sr_ledger, stored_dead), offsetof(struct sr_ledger, queued),
        offsetof(struct sr_ledger, dropped_records) };

    (void)state;
    assert_true(sr_ledger_balanced(&good));
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct sr_ledger bad = good;
        uint64_t value;
        memcpy(&value, (char *)&bad + offsets[i], sizeof(value));
        value++;
        memcpy((char *)&bad + offsets[i], &value, sizeof(value));
        assert_false(sr_ledger_balanced(&bad));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_are_counted_by_their_text),
        cmocka_unit_test(one_reason_more_than_fits_is_counted_as_other),
        cmocka_unit_test(the_word_other_shares_the_row_of_what_does_not_fit),
        cmocka_unit_test(equal_texts_are_kept_once),
        cmocka_unit_test(the_ledger_adds_up_workers_and_what_is_queued),
        cmocka_unit_test(a_ledger_with_any_one_number_wrong_is_not_balanced),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
