/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "decode/sequence.h"

/* A numbering and what became of it. */
struct seen {
    struct nf_sequence s;
    uint64_t missing;
    unsigned verdicts[NF_SEQUENCE_RESTART + 1];
};

static enum nf_sequence_verdict
take_unknown(struct seen *n, uint32_t number, uint32_t units, bool unknown)
{
    uint32_t changed = 0xDEADBEEF;
    enum nf_sequence_verdict v = nf_sequence_take(&n->s, number, units, unknown, &changed);

    if (v == NF_SEQUENCE_GAP) {
        n->missing += changed;
    } else if (v == NF_SEQUENCE_LATE) {
        assert_true(changed <= n->missing);
        n->missing -= changed;
    } else {
        assert_int_equal(changed, 0);
    }
    n->verdicts[v]++;
    return v;
}

static enum nf_sequence_verdict
take(struct seen *n, uint32_t number, uint32_t units)
{
    return take_unknown(n, number, units, false);
}

static uint32_t
random_u32(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static void
messages_in_order_miss_nothing(void **state)
{
    struct seen n = { 0 };

    (void)state;
    assert_int_equal(take(&n, 100, 24), NF_SEQUENCE_FIRST);
    assert_int_equal(take(&n, 124, 1), NF_SEQUENCE_IN_ORDER);
    assert_int_equal(take(&n, 125, 0), NF_SEQUENCE_IN_ORDER);
    assert_int_equal(take(&n, 125, 30), NF_SEQUENCE_IN_ORDER);
    assert_int_equal(n.missing, 0);
}

static void
a_hole_is_missing_until_its_message_comes_late(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take(&n, 0, 10);
    assert_int_equal(take(&n, 30, 10), NF_SEQUENCE_GAP);
    assert_int_equal(n.missing, 20);
    assert_int_equal(take(&n, 10, 10), NF_SEQUENCE_LATE);
    assert_int_equal(n.missing, 10);
    assert_int_equal(take(&n, 40, 10), NF_SEQUENCE_IN_ORDER);
    assert_int_equal(take(&n, 20, 10), NF_SEQUENCE_LATE);
    assert_int_equal(n.missing, 0);
}

static void
a_late_message_in_the_middle_of_a_hole_leaves_both_sides(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take(&n, 0, 1);
    take(&n, 10, 1);
    assert_int_equal(take(&n, 5, 2), NF_SEQUENCE_LATE);
    assert_int_equal(n.missing, 7);
    assert_int_equal(take(&n, 5, 2), NF_SEQUENCE_DUPLICATE);
    assert_int_equal(take(&n, 1, 4), NF_SEQUENCE_LATE);
    assert_int_equal(take(&n, 7, 3), NF_SEQUENCE_LATE);
    assert_int_equal(n.missing, 0);
}

static void
a_message_that_comes_twice_is_a_duplicate_and_misses_nothing(void **state)
{
    struct seen n = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        take(&n, i * 7, 7);
        assert_int_equal(take(&n, i * 7, 7), NF_SEQUENCE_DUPLICATE);
    }
    assert_int_equal(n.missing, 0);
    assert_int_equal(n.verdicts[NF_SEQUENCE_RESTART], 0);
}

static void
numbers_wrap(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take(&n, UINT32_MAX - 9, 5);
    assert_int_equal(take(&n, UINT32_MAX - 4, 10), NF_SEQUENCE_IN_ORDER);
    assert_int_equal(take(&n, 5, 1), NF_SEQUENCE_IN_ORDER);

    struct seen gap = { 0 };
    take(&gap, UINT32_MAX - 9, 5);
    assert_int_equal(take(&gap, 5, 1), NF_SEQUENCE_GAP);
    assert_int_equal(gap.missing, 10);
    assert_int_equal(take(&gap, UINT32_MAX - 4, 10), NF_SEQUENCE_LATE);
    assert_int_equal(gap.missing, 0);
}

static void
a_number_far_away_begins_anew_and_misses_nothing(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take(&n, 5000000, 1);
    assert_int_equal(take(&n, 5000001 + NF_SEQUENCE_WINDOW + 1, 1), NF_SEQUENCE_RESTART);
    assert_int_equal(take(&n, 10, 1), NF_SEQUENCE_RESTART);
    assert_int_equal(take(&n, 11, 1), NF_SEQUENCE_IN_ORDER);
    assert_int_equal(n.missing, 0);
    assert_int_equal(take(&n, 12 + NF_SEQUENCE_WINDOW, 1), NF_SEQUENCE_GAP);
    assert_int_equal(n.missing, NF_SEQUENCE_WINDOW);
}

static void
an_exporter_that_restarts_at_small_numbers_is_followed_there(void **state)
{
    struct seen n = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        take(&n, i, 1);
    }
    for (uint32_t i = 0; i < 100; i++) {
        take(&n, i, 1);
    }
    assert_int_equal(n.verdicts[NF_SEQUENCE_RESTART], 1);
    assert_int_equal(n.verdicts[NF_SEQUENCE_DUPLICATE], NF_SEQUENCE_RUN);
    assert_int_equal(take(&n, 110, 1), NF_SEQUENCE_GAP);
    assert_int_equal(n.missing, 10);
}

static void
after_units_that_nobody_could_count_the_next_number_is_believed(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take_unknown(&n, 0, 3, true);
    assert_int_equal(take(&n, 20, 1), NF_SEQUENCE_IN_ORDER);
    assert_int_equal(n.missing, 0);
    /* Only that once. */
    assert_int_equal(take(&n, 22, 1), NF_SEQUENCE_GAP);
    assert_int_equal(n.missing, 1);
}

static void
units_that_nobody_could_count_fill_the_rest_of_a_hole(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take(&n, 0, 10);
    take(&n, 30, 10);
    assert_int_equal(take_unknown(&n, 15, 0, true), NF_SEQUENCE_LATE);
    assert_int_equal(n.missing, 5);
}

static void
a_late_message_without_units_is_no_duplicate(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take(&n, 0, 10);
    take(&n, 10, 5);
    assert_int_equal(take(&n, 10, 0), NF_SEQUENCE_LATE);
    assert_int_equal(n.missing, 0);
}

/* Changes places of messages, none more than `reach` away from its own. */
static void
shuffle(uint32_t *order, uint32_t count, uint32_t reach, uint64_t *seed)
{
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (uint32_t block = 0; block + reach <= count; block += reach) {
        for (uint32_t i = reach - 1; i > 0; i--) {
            uint32_t j = random_u32(seed) % (i + 1);
            uint32_t kept = order[block + i];
            order[block + i] = order[block + j];
            order[block + j] = kept;
        }
    }
}

static void
no_order_of_arrival_leaves_anything_missing(void **state)
{
    enum { COUNT = 240 };
    uint64_t seed = 4;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct seen n = { 0 };
        uint32_t order[COUNT], first[COUNT + 1];
        uint32_t reach = 1 + random_u32(&seed) % NF_SEQUENCE_GAPS;
        first[0] = UINT32_MAX - random_u32(&seed) % 3000;
        for (uint32_t i = 0; i < COUNT; i++) {
            first[i + 1] = first[i] + 1 + random_u32(&seed) % 30;
        }
        shuffle(order, COUNT, reach, &seed);
        for (uint32_t i = 0; i < COUNT; i++) {
            take(&n, first[order[i]], first[order[i] + 1] - first[order[i]]);
        }
        assert_int_equal(n.missing, 0);
        assert_int_equal(n.verdicts[NF_SEQUENCE_RESTART], 0);
        assert_int_equal(n.s.expected, first[COUNT]);
    }
}

static void
what_never_comes_is_missing_whatever_the_order(void **state)
{
    enum { COUNT = 240 };
    uint64_t seed = 5;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct seen n = { 0 };
        uint32_t order[COUNT];
        uint64_t lost = 0;
        shuffle(order, COUNT, 8, &seed);
        for (uint32_t i = 0; i < COUNT; i++) {
            /* Not of the first and the last ones, whose loss nobody can see. */
            bool lose = order[i] >= 8 && order[i] < COUNT - 8 && random_u32(&seed) % 40 == 0;
            lost += lose ? 10 : 0;
            if (!lose) {
                take(&n, order[i] * 10, 10);
            }
        }
        assert_int_equal(n.missing, lost);
    }
}

static void
the_oldest_hole_is_forgotten_and_stays_missing(void **state)
{
    struct seen n = { 0 };

    (void)state;
    take(&n, 0, 1);
    for (uint32_t i = 1; i <= NF_SEQUENCE_GAPS + 1; i++) {
        take(&n, i * 2, 1);
    }
    assert_int_equal(n.missing, NF_SEQUENCE_GAPS + 1);
    assert_int_equal(take(&n, 1, 1), NF_SEQUENCE_DUPLICATE);
    assert_int_equal(take(&n, 3, 1), NF_SEQUENCE_LATE);
    assert_int_equal(n.missing, NF_SEQUENCE_GAPS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_in_order_miss_nothing),
        cmocka_unit_test(a_hole_is_missing_until_its_message_comes_late),
        cmocka_unit_test(a_late_message_in_the_middle_of_a_hole_leaves_both_sides),
        cmocka_unit_test(a_message_that_comes_twice_is_a_duplicate_and_misses_nothing),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(a_number_far_away_begins_anew_and_misses_nothing),
        cmocka_unit_test(an_exporter_that_restarts_at_small_numbers_is_followed_there),
        cmocka_unit_test(after_units_that_nobody_could_count_the_next_number_is_believed),
        cmocka_unit_test(units_that_nobody_could_count_fill_the_rest_of_a_hole),
        cmocka_unit_test(a_late_message_without_units_is_no_duplicate),
        cmocka_unit_test(no_order_of_arrival_leaves_anything_missing),
        cmocka_unit_test(what_never_comes_is_missing_whatever_the_order),
        cmocka_unit_test(the_oldest_hole_is_forgotten_and_stays_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
