/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "sr/fair.h"

#include "sr/banned.h"

#define SECOND_NS UINT64_C(1000000000)
#define NOW_NS (UINT64_C(1700000000) * SECOND_NS)
#define COST 300U
#define DEBUG 7U
#define EMERGENCY 0U

static struct sr_fair *fair;

static int
set_up(void **state)
{
    (void)state;
    fair = calloc(1, sizeof(*fair));
    return fair == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    free(fair);
    return 0;
}

static bool
sheds(unsigned level, unsigned severity, uint32_t source, uint64_t now_ns)
{
    struct sr_peer peer = { .port = (uint16_t)(source * 7) };

    memcpy(peer.address, &source, sizeof(source));
    return sr_fair_sheds(fair, level, severity, &peer, COST, now_ns);
}

/* How many of so many inputs are shed. */
static unsigned
shed(unsigned count, unsigned level, unsigned severity, uint32_t source)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < count; i++) {
        sum += sheds(level, severity, source, NOW_NS);
    }
    return sum;
}

static void
the_less_severe_is_shed_first_and_nothing_before_the_last_quarter(void **state)
{
    static const unsigned from[] = { 31, 30, 29, 28, 27, 26, 25, 24 }; /* by severity */

    (void)state;
    for (unsigned severity = 0; severity < 8; severity++) {
        for (unsigned level = 0; level <= SR_FAIR_FULL; level++) {
            assert_int_equal(sheds(level, severity, 1, NOW_NS), level >= from[severity]);
        }
    }
}

static void
below_the_half_nothing_is_counted(void **state)
{
    const struct sr_fair untouched = { 0 };

    (void)state;
    (void)shed(1000, SR_FAIR_PRESSED - 1, DEBUG, 1);
    assert_memory_equal(fair, &untouched, sizeof(untouched));
    (void)shed(1, SR_FAIR_PRESSED, DEBUG, 1);
    assert_memory_not_equal(fair, &untouched, sizeof(untouched));
}

static void
a_quiet_source_is_spared_beside_one_that_floods(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        unsigned of_flood = shed(100, SR_FAIR_FULL, EMERGENCY, 1);
        assert_true(of_flood == 100);
        assert_int_equal(shed(1, SR_FAIR_FULL, DEBUG, 2), 0);
    }
}

static void
quiet_sources_are_spared_as_long_as_the_flood_is_more_than_they_together(void **state)
{
    (void)state;
    (void)shed(100, SR_FAIR_PRESSED, DEBUG, 1000);
    for (unsigned i = 0; i < 20; i++) {
        (void)shed(100, SR_FAIR_FULL, DEBUG, 1000);
        for (uint32_t source = 0; source < 60; source++) {
            assert_int_equal(shed(1, SR_FAIR_FULL, DEBUG, source), 0);
        }
    }
}

/* Nobody displaces another: what counts is what they say. */
static void
sources_that_send_as_much_as_each_other_are_equal(void **state)
{
    unsigned of_debug = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        for (uint32_t source = 0; source < 50; source++) {
            of_debug += sheds(28, DEBUG, source, NOW_NS);
            assert_false(sheds(28, 2, source, NOW_NS));
        }
    }
    assert_true(of_debug > 100 * 50 * 9 / 10);
}

static void
what_was_long_ago_does_not_count(void **state)
{
    (void)state;
    (void)shed(1000, SR_FAIR_FULL, DEBUG, 1);
    (void)shed(2, SR_FAIR_FULL, DEBUG, 2);
    assert_int_equal(shed(1, SR_FAIR_FULL, DEBUG, 2), 0);
    /* Source 1 is quiet now, and 2 sends. */
    for (unsigned i = 0; i < 100; i++) {
        (void)sheds(SR_FAIR_FULL, DEBUG, 2, NOW_NS + 20 * SECOND_NS);
    }
    assert_true(sheds(SR_FAIR_FULL, DEBUG, 2, NOW_NS + 20 * SECOND_NS));
    assert_false(sheds(SR_FAIR_FULL, DEBUG, 1, NOW_NS + 20 * SECOND_NS));
}

static void
a_clock_may_go_back_to_where_it_was(void **state)
{
    (void)state;
    (void)sheds(SR_FAIR_FULL, DEBUG, 1, NOW_NS);
    (void)sheds(SR_FAIR_FULL, DEBUG, 2, NOW_NS + 60 * SECOND_NS);
    assert_true(sheds(SR_FAIR_FULL, DEBUG, 1, NOW_NS));
    assert_true(sheds(SR_FAIR_FULL, DEBUG, 1, 0));
    assert_true(sheds(SR_FAIR_FULL, DEBUG, 1, UINT64_MAX));
}

/* The table forgets who sends little, never who sends most. */
static void
sources_without_number_do_not_hide_a_flood(void **state)
{
    unsigned of_flood = 0;

    (void)state;
    for (uint32_t source = 10; source < 50000; source++) {
        (void)sheds(SR_FAIR_FULL, DEBUG, source, NOW_NS);
        of_flood += shed(10, SR_FAIR_FULL, EMERGENCY, 1);
    }
    assert_true(of_flood > 499900 - 10);
}

static void
a_level_is_a_part_of_what_there_is(void **state)
{
    static const struct {
        uint64_t used, left;
        unsigned level;
    } cases[] = {
        { 0, 100, 0 },
        { 50, 50, 16 },
        { 75, 25, 24 },
        { 99, 1, 31 },
        { 100, 0, 32 },
        { 0, 0, 32 },
        { UINT64_C(1) << 50, UINT64_C(1) << 50, 16 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(sr_fair_level(cases[i].used, cases[i].left), cases[i].level);
    }
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_less_severe_is_shed_first_and_nothing_before_the_last_quarter),
        TEST(below_the_half_nothing_is_counted),
        TEST(a_quiet_source_is_spared_beside_one_that_floods),
        TEST(quiet_sources_are_spared_as_long_as_the_flood_is_more_than_they_together),
        TEST(sources_that_send_as_much_as_each_other_are_equal),
        TEST(what_was_long_ago_does_not_count),
        TEST(a_clock_may_go_back_to_where_it_was),
        TEST(sources_without_number_do_not_hide_a_flood),
        TEST(a_level_is_a_part_of_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
