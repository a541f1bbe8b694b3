/* SPDX-License-Identifier: Apache-2.0 */
/* What `--verify` compares: the ledger of what was sent and stored, and its histogram. */
#include "unit.h"

#include <stdlib.h>

#include "sr/hash.h"
#include "verify/latency.h"
#include "verify/ledger.h"

#define MS UINT64_C(1000000)

static struct ledger_sums
sums_of(struct ledger *l)
{
    struct ledger_sums sums;

    assert_true(ledger_add_up(l, &sums));
    assert_int_equal(sums.expected, sums.stored + sums.missing);
    ledger_free(l);
    return sums;
}

/* `count` numbers from 0 on, a record each, sent by one source a ms apart. */
static struct ledger *
sent(uint64_t count)
{
    struct ledger *l = ledger_new();

    assert_non_null(l);
    for (uint64_t i = 0; i < count; i++) {
        assert_true(ledger_sent(l, i, 1, 0, i * MS));
    }
    return l;
}

static void
an_empty_ledger_is_complete_and_all_zero(void **state)
{
    struct ledger *l = ledger_new();
    static const struct ledger_sums none;

    (void)state;
    assert_true(ledger_is_complete(l));
    struct ledger_sums sums = sums_of(l);
    assert_memory_equal(&sums, &none, sizeof(none));
}

static void
what_is_stored_once_is_neither_missing_nor_doubled(void **state)
{
    struct ledger *l = sent(100);

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        assert_false(ledger_is_complete(l));
        ledger_stored(l, i, 1000 + i, i * MS + 7);
    }
    assert_true(ledger_is_complete(l));
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.expected, 100);
    assert_int_equal(sums.missing, 0);
    assert_int_equal(sums.doubled, 0);
    assert_int_equal(sums.unexpected, 0);
    assert_int_equal(sums.disorder, 0);
    assert_int_equal(sums.latency.median, 7);
    assert_int_equal(sums.latency.largest, 7);
    assert_int_equal(sums.missing_range_count, 0);
}

static void
a_record_may_be_stored_before_its_sender_says_so(void **state)
{
    struct ledger *l = ledger_new();

    (void)state;
    ledger_stored(l, 3, 1, 50);
    assert_true(ledger_is_complete(l));
    assert_true(ledger_sent(l, 3, 2, 0, 10));
    assert_false(ledger_is_complete(l));
    ledger_stored(l, 3, 2, 60);
    assert_true(ledger_is_complete(l));
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.stored, 2);
    assert_int_equal(sums.latency.largest, 40);
}

static void
missing_numbers_are_named_in_ranges(void **state)
{
    struct ledger *l = sent(20);

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        if (i != 0 && (i < 5 || i > 8) && i != 19) {
            ledger_stored(l, i, i, i * MS);
        }
    }
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.missing, 6);
    assert_int_equal(sums.missing_range_count, 3);
    assert_int_equal(sums.missing_ranges[0].last, 0);
    assert_int_equal(sums.missing_ranges[1].first, 5);
    assert_int_equal(sums.missing_ranges[1].last, 8);
    assert_int_equal(sums.missing_ranges[2].first, 19);
    assert_false(sums.has_more_ranges);
}

static void
more_ranges_than_are_named_are_told_of(void **state)
{
    struct ledger *l = sent(40);

    (void)state;
    for (uint64_t i = 0; i < 40; i += 2) {
        ledger_stored(l, i, i, i * MS);
    }
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.missing, 20);
    assert_int_equal(sums.missing_range_count, LEDGER_RANGES_MAX);
    assert_true(sums.has_more_ranges);
}

static void
a_number_that_nobody_sent_is_unexpected(void **state)
{
    struct ledger *l = sent(1);

    (void)state;
    ledger_stored(l, 0, 1, 0);
    ledger_stored(l, 1, 2, 0);
    ledger_stored(l, LEDGER_NUMBERS_MAX, 3, 0);
    ledger_stored(l, UINT64_MAX, 4, 0);
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.unexpected, 3);
    assert_int_equal(sums.doubled, 0);
}

static void
a_number_without_room_is_refused(void **state)
{
    struct ledger *l = ledger_new();

    (void)state;
    assert_false(ledger_sent(l, LEDGER_NUMBERS_MAX, 1, 0, 0));
    assert_true(ledger_sent(l, LEDGER_NUMBERS_MAX - 1, 1, 0, 0));
    assert_int_equal(sums_of(l).missing, 1);
}

static void
disorder_is_counted_in_messages_of_the_stream_and_by_source(void **state)
{
    struct ledger *l = ledger_new();
    /* 0, 2, 4 of one source in order, 1 and 3 of another the wrong way round, 3 messages apart. */
    static const struct {
        uint64_t number, position;
    } order[] = { { 3, 1 }, { 0, 2 }, { 2, 3 }, { 1, 4 }, { 4, 5 } };

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(ledger_sent(l, i, 1, i % 2, 0));
        ledger_stored(l, order[i].number, order[i].position, 1);
    }
    assert_int_equal(sums_of(l).disorder, 3);
}

static void
neighbours_that_change_places_are_disorder_of_one(void **state)
{
    struct ledger *l = sent(3);

    (void)state;
    ledger_stored(l, 1, 10, 1);
    ledger_stored(l, 0, 11, 1);
    ledger_stored(l, 2, 12, 1);
    assert_int_equal(sums_of(l).disorder, 1);
}

static void
a_second_copy_is_doubled_and_changes_no_latency(void **state)
{
    struct ledger *l = sent(2);

    (void)state;
    ledger_stored(l, 0, 1, 5);
    ledger_stored(l, 1, 2, MS + 5);
    ledger_stored(l, 0, 3, 900 * MS);
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.doubled, 1);
    assert_int_equal(sums.disorder, 0);
    assert_int_equal(sums.latency.largest, 5);
}

static void
clocks_that_differ_are_told_of(void **state)
{
    struct ledger *l = sent(3);

    (void)state;
    ledger_stored(l, 0, 1, 4);
    ledger_stored(l, 1, 2, MS - 30);
    ledger_stored(l, 2, 3, 2 * MS - 20);
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.early, 2);
    assert_int_equal(sums.early_ns, 30);
    assert_int_equal(sums.latency.largest, 4);
}

/* ---- Against a model that keeps everything ---- */

#define MODEL_NUMBERS 300U
#define MODEL_EVENTS 3000U

struct model {
    uint32_t expected[MODEL_NUMBERS], stored[MODEL_NUMBERS], source[MODEL_NUMBERS];
    uint64_t position[MODEL_NUMBERS];
};

static uint64_t
model_disorder(const struct model *m)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < MODEL_NUMBERS; i++) {
        for (unsigned later = i + 1; later < MODEL_NUMBERS; later++) {
            bool both = m->expected[i] > 0 && m->stored[i] > 0 && m->expected[later] > 0 &&
                        m->stored[later] > 0 && m->source[i] == m->source[later];
            if (both && m->position[i] > m->position[later] &&
                m->position[i] - m->position[later] > most) {
                most = m->position[i] - m->position[later];
            }
        }
    }
    return most;
}

static void
one_event(struct model *m, struct ledger *l, uint64_t random, uint64_t position)
{
    unsigned i = (unsigned)(random >> 8) % MODEL_NUMBERS;

    if (random % 8 == 0 && m->expected[i] == 0) {
        m->expected[i] = 1 + (uint32_t)(random >> 32) % 3;
        m->source[i] = (uint32_t)(random >> 40) % 5;
        assert_true(ledger_sent(l, i, m->expected[i], m->source[i], 0));
    } else if (random % 8 != 0) {
        m->position[i] = m->stored[i]++ == 0 ? position : m->position[i];
        ledger_stored(l, i, position, 1);
    }
}

static void
check_model(const struct model *m, struct ledger *l)
{
    uint64_t missing = 0, doubled = 0, unexpected = 0;

    for (unsigned i = 0; i < MODEL_NUMBERS; i++) {
        uint32_t sent_here = m->expected[i], stored = m->stored[i];
        unexpected += sent_here == 0 ? stored : 0;
        missing += stored < sent_here ? sent_here - stored : 0;
        doubled += sent_here > 0 && stored > sent_here ? stored - sent_here : 0;
    }
    assert_int_equal(ledger_is_complete(l), missing == 0);
    struct ledger_sums sums = sums_of(l);
    assert_int_equal(sums.missing, missing);
    assert_int_equal(sums.doubled, doubled);
    assert_int_equal(sums.unexpected, unexpected);
    assert_int_equal(sums.disorder, model_disorder(m));
}

static void
any_order_of_events_gives_the_sums_of_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        static struct model m;
        struct ledger *l = ledger_new();
        uint64_t count = sr_hash_mix(seed) % MODEL_EVENTS;

        memset(&m, 0, sizeof(m));
        for (uint64_t i = 0; i < count; i++) {
            one_event(&m, l, sr_hash_mix(seed << 32 | i), 77 + i);
        }
        check_model(&m, l);
    }
}

/* ---- The histogram ---- */

static void
quantiles_are_exact_to_a_hundredth(void **state)
{
    struct latency *l = calloc(1, sizeof(*l));

    (void)state;
    assert_non_null(l);
    assert_int_equal(latency_quantile(l, 500), 0);
    for (uint64_t i = 1; i <= 100000; i++) {
        latency_add(l, i * 1000);
    }
    for (unsigned permille = 1; permille <= 1000; permille++) {
        double exact = permille * 100000.0, found = (double)latency_quantile(l, permille);
        assert_true(found > exact * 0.99 && found < exact * 1.01);
    }
    assert_int_equal(l->largest, 100000000);
    free(l);
}

static void
every_power_of_two_has_a_bucket(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        struct latency *l = calloc(1, sizeof(*l));
        uint64_t ns = UINT64_C(1) << bits;

        assert_non_null(l);
        latency_add(l, ns + (ns - 1));
        latency_add(l, ns);
        double found = (double)latency_quantile(l, 500);
        assert_true(found >= (double)ns * 0.99 && found <= (double)ns * 1.01);
        assert_int_equal(l->largest, ns + (ns - 1));
        free(l);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ledger_is_complete_and_all_zero),
        cmocka_unit_test(what_is_stored_once_is_neither_missing_nor_doubled),
        cmocka_unit_test(a_record_may_be_stored_before_its_sender_says_so),
        cmocka_unit_test(missing_numbers_are_named_in_ranges),
        cmocka_unit_test(more_ranges_than_are_named_are_told_of),
        cmocka_unit_test(a_number_that_nobody_sent_is_unexpected),
        cmocka_unit_test(a_number_without_room_is_refused),
        cmocka_unit_test(disorder_is_counted_in_messages_of_the_stream_and_by_source),
        cmocka_unit_test(neighbours_that_change_places_are_disorder_of_one),
        cmocka_unit_test(a_second_copy_is_doubled_and_changes_no_latency),
        cmocka_unit_test(clocks_that_differ_are_told_of),
        cmocka_unit_test(any_order_of_events_gives_the_sums_of_a_model),
        cmocka_unit_test(quantiles_are_exact_to_a_hundredth),
        cmocka_unit_test(every_power_of_two_has_a_bucket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
