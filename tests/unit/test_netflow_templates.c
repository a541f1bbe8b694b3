/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "netflow_exporter.h"

enum { PORT_A = 1000, PORT_B = 2000, PORT_C = 3000 };

static void
a_template_is_found_by_its_id_in_its_domain_and_version_only(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_int_equal(bench_learn(&b, 256, 8, PORT_A, NOW), NF_LEARNED_NEW);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 8);
    assert_int_equal(bench_found(&b, 257, PORT_A, NOW), 0);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 8);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 0);
    b.d = nf_exporter_domain(b.e, &b.config, 9, 7);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 0);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 8);
    bench_close(&b);
}

static void
a_template_sent_by_one_port_serves_all_ports(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_learn(&b, 256, 8, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 256, PORT_B, NOW), 8);
    assert_int_equal(bench_learn(&b, 256, 8, PORT_B, NOW), NF_LEARNED_SAME);
    bench_close(&b);
}

static void
another_layout_of_the_same_port_replaces_the_first(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_learn(&b, 256, 8, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 8);
    assert_int_equal(bench_learn(&b, 256, 12, PORT_A, NOW), NF_LEARNED_CHANGED);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 12);
    assert_int_equal(nf_exporter_ledger(b.e)->template_changes, 1);
    assert_int_equal(nf_exporter_ledger(b.e)->template_conflicts, 0);
    bench_close(&b);
}

static void
ports_that_disagree_keep_their_own_layouts(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_learn(&b, 256, 8, PORT_A, NOW);
    bench_learn(&b, 256, 8, PORT_C, NOW);
    assert_int_equal(bench_learn(&b, 256, 12, PORT_B, NOW), NF_LEARNED_CONFLICT);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 8);
        assert_int_equal(bench_found(&b, 256, PORT_B, NOW), 12);
        assert_int_equal(bench_found(&b, 256, PORT_C, NOW), 8);
    }
    assert_int_equal(nf_exporter_ledger(b.e)->template_conflicts, 1);
    /* A port that sent none has what was learned last. */
    assert_int_equal(bench_found(&b, 256, 4000, NOW), 12);
    assert_int_equal(bench_learn(&b, 256, 8, PORT_A, NOW), NF_LEARNED_SAME);
    assert_int_equal(bench_found(&b, 256, 4000, NOW), 8);
    /* The others are as before. */
    assert_int_equal(bench_found(&b, 256, PORT_B, NOW), 12);
    bench_close(&b);
}

static void
a_layout_that_others_use_too_stays_when_one_port_changes(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_learn(&b, 256, 8, PORT_A, NOW);
    bench_learn(&b, 256, 8, PORT_B, NOW);
    assert_int_equal(bench_learn(&b, 256, 12, PORT_A, NOW), NF_LEARNED_CHANGED);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 12);
    assert_int_equal(bench_found(&b, 256, PORT_B, NOW), 8);
    /* Now B does the same: nobody needs the first layout any more. */
    size_t with_both = b.counted.used;
    assert_int_equal(bench_learn(&b, 256, 12, PORT_B, NOW), NF_LEARNED_SAME);
    assert_int_equal(bench_found(&b, 256, PORT_B, NOW), 12);
    assert_true(b.counted.used < with_both);
    bench_close(&b);
}

static void
a_layout_that_nobody_used_for_a_while_gives_way_to_another_port(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_learn(&b, 256, 8, PORT_A, NOW);
    assert_int_equal(bench_learn(&b, 256, 12, PORT_B, NOW + 301 * SECOND), NF_LEARNED_CHANGED);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 301 * SECOND), 12);
    /* It is in use while data comes for it. */
    bench_found(&b, 256, PORT_A, NOW + 601 * SECOND);
    assert_int_equal(bench_learn(&b, 256, 8, PORT_A, NOW + 603 * SECOND), NF_LEARNED_CONFLICT);
    bench_close(&b);
}

static void
layouts_and_ports_of_one_id_are_bounded(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    for (uint16_t i = 1; i <= 100; i++) {
        bench_learn(&b, 256, i, i, NOW + i * SECOND);
    }
    assert_int_equal(nf_exporter_ledger(b.e)->template_evicted, 92);
    for (uint16_t i = 93; i <= 100; i++) {
        assert_int_equal(bench_found(&b, 256, i, NOW + 101 * SECOND), i);
    }
    size_t used = b.counted.used;
    for (uint16_t port = 1000; port < 1100; port++) {
        assert_int_equal(bench_learn(&b, 256, 100, port, NOW), NF_LEARNED_SAME);
    }
    assert_int_equal(b.counted.used, used);
    assert_int_equal(bench_found(&b, 256, 1099, NOW), 100);
    bench_close(&b);
}

static void
the_template_not_used_for_longest_gives_way(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    b.config.max_templates = 3;
    bench_learn(&b, 256, 1, PORT_A, NOW);
    bench_learn(&b, 257, 2, PORT_A, NOW);
    bench_learn(&b, 258, 3, PORT_A, NOW);
    bench_found(&b, 256, PORT_A, NOW);
    bench_learn(&b, 259, 4, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 257, PORT_A, NOW), 0);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 1);
    assert_int_equal(bench_found(&b, 258, PORT_A, NOW), 3);
    assert_int_equal(bench_found(&b, 259, PORT_A, NOW), 4);
    assert_int_equal(nf_exporter_ledger(b.e)->template_evicted, 1);
    bench_close(&b);
}

static void
a_template_that_gave_way_to_one_of_another_domain_is_found_no_more(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    b.config.max_templates = 1;
    bench_learn(&b, 256, 1, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 1);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 8);
    bench_learn(&b, 256, 2, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 2);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 0);
    bench_learn(&b, 256, 3, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 3);
    bench_close(&b);
}

static void
many_templates_come_and_go_and_each_is_found(void **state)
{
    enum { IDS = 700 };
    struct bench b;
    uint16_t element[IDS] = { 0 };
    uint64_t seed = 3;

    (void)state;
    bench_open(&b);
    b.config.max_templates = IDS;
    for (unsigned step = 0; step < 20000; step++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        unsigned i = (unsigned)(seed >> 33) % IDS;
        if ((seed >> 60) < 6) {
            nf_templates_withdraw(b.e, b.d, (uint16_t)(256 + i), false);
            element[i] = 0;
        } else {
            element[i] = (uint16_t)(1 + step % 500);
            bench_learn(&b, (uint16_t)(256 + i), element[i], PORT_A, NOW);
        }
        unsigned j = (unsigned)(seed >> 45) % IDS;
        assert_int_equal(bench_found(&b, (uint16_t)(256 + j), PORT_A, NOW), element[j]);
    }
    for (unsigned i = 0; i < IDS; i++) {
        assert_int_equal(bench_found(&b, (uint16_t)(256 + i), PORT_A, NOW), element[i]);
    }
    bench_close(&b);
}

static void
a_template_over_its_age_is_none(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    b.config.template_ttl_ns = 100 * SECOND;
    bench_learn(&b, 256, 8, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 100 * SECOND), 8);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 101 * SECOND), 0);
    assert_true(nf_exporter_is_plain(b.e));
    bench_learn(&b, 256, 8, PORT_A, NOW);
    bench_learn(&b, 256, 8, PORT_A, NOW + 50 * SECOND);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 150 * SECOND), 8);
    b.config.template_ttl_ns = 0;
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 1000000 * SECOND), 8);
    bench_close(&b);
}

static void
an_own_layout_over_its_age_gives_way_to_that_of_another_port(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    b.config.template_ttl_ns = 100 * SECOND;
    bench_learn(&b, 256, 8, PORT_A, NOW);
    bench_learn(&b, 256, 12, PORT_B, NOW + 60 * SECOND);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 60 * SECOND), 8);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 110 * SECOND), 12);
    bench_close(&b);
}

static void
a_clock_that_is_set_back_ages_nothing(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    b.config.template_ttl_ns = 100 * SECOND;
    bench_learn(&b, 256, 8, PORT_A, NOW);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW - 1000 * SECOND), 8);
    bench_close(&b);
}

static void
a_withdrawal_takes_one_template_or_all_of_its_kind(void **state)
{
    static const struct nf_field fields[] = { { .id = 149, .length = 4 },
        { .id = 34, .length = 4 } };
    struct bench b;

    (void)state;
    bench_open(&b);
    struct nf_template_record options = bench_options_record(10, 300, 1, fields, 2);
    nf_templates_learn(b.e, b.d, &b.config, &options, PORT_A, NOW);
    for (uint16_t id = 256; id < 290; id++) {
        bench_learn(&b, id, 8, PORT_A, NOW);
    }
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 8);
    nf_templates_withdraw(b.e, b.d, 256, false);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 0);
    assert_int_equal(bench_found(&b, 257, PORT_A, NOW), 8);
    nf_templates_withdraw(b.e, b.d, 2, false);
    for (uint16_t id = 256; id < 290; id++) {
        assert_int_equal(bench_found(&b, id, PORT_A, NOW), 0);
    }
    assert_int_equal(bench_found(&b, 300, PORT_A, NOW), 149);
    nf_templates_withdraw(b.e, b.d, 300, false);
    assert_int_equal(bench_found(&b, 300, PORT_A, NOW), 149);
    nf_templates_withdraw(b.e, b.d, 3, true);
    assert_int_equal(bench_found(&b, 300, PORT_A, NOW), 0);
    assert_true(nf_exporter_is_plain(b.e));
    bench_close(&b);
}

static void
the_domain_not_used_for_longest_gives_way_with_its_templates(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b); /* domain 7 */
    bench_learn(&b, 256, 8, PORT_A, NOW);
    for (uint32_t id = 20; id < 23; id++) {
        b.d = nf_exporter_domain(b.e, &b.config, 10, id);
        bench_learn(&b, 256, (uint16_t)id, PORT_A, NOW);
    }
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7); /* used again */
    assert_non_null(nf_exporter_domain(b.e, &b.config, 10, 50));
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 8);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 20);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 0);
    bench_close(&b);
}

static void
only_something_new_makes_the_generation_grow(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    uint64_t before = nf_exporter_generation(b.e);
    bench_learn(&b, 256, 8, PORT_A, NOW);
    uint64_t after = nf_exporter_generation(b.e);
    assert_true(after > before);
    bench_learn(&b, 256, 8, PORT_A, NOW + 60 * SECOND);
    bench_found(&b, 256, PORT_A, NOW);
    assert_int_equal(nf_exporter_generation(b.e), after);
    /* So that the age in the file is not that of weeks ago. */
    bench_learn(&b, 256, 8, PORT_A, NOW + 3600 * SECOND);
    assert_true(nf_exporter_generation(b.e) > after);
    after = nf_exporter_generation(b.e);
    bench_learn(&b, 256, 8, PORT_A, NOW + 3660 * SECOND);
    assert_int_equal(nf_exporter_generation(b.e), after);
    nf_templates_withdraw(b.e, b.d, 256, false);
    assert_true(nf_exporter_generation(b.e) > after);
    bench_close(&b);
}

static void
without_memory_a_template_is_refused_and_the_others_stay(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    for (uint16_t id = 256; id < 262; id++) {
        bench_learn(&b, id, id, PORT_A, NOW);
    }
    for (unsigned nth = 1; nth < 3; nth++) {
        /* The seventh needs a larger table and its own memory. */
        b.counted.fail_at = b.counted.calls + nth;
        size_t used = b.counted.used;
        assert_int_equal(bench_learn(&b, 270, 8, PORT_A, NOW), NF_LEARNED_REFUSED);
        assert_true(nth == 2 || b.counted.used == used);
        b.counted.fail_at = b.counted.calls + 1;
        assert_int_equal(bench_learn(&b, 256, 99, PORT_A, NOW), NF_LEARNED_REFUSED);
        b.counted.fail_at = 0;
        for (uint16_t id = 256; id < 262; id++) {
            assert_int_equal(bench_found(&b, id, PORT_A, NOW), id);
        }
        assert_int_equal(bench_found(&b, 270, PORT_A, NOW), 0);
    }
    assert_int_equal(nf_exporter_ledger(b.e)->template_refused, 4);
    b.counted.fail_at = 1;
    assert_null(nf_exporter_domain(b.e, &b.config, 10, 99));
    assert_null(nf_exporter_new(&b.memory, nf_exporter_peer(b.e)));
    bench_close(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_is_found_by_its_id_in_its_domain_and_version_only),
        cmocka_unit_test(a_template_sent_by_one_port_serves_all_ports),
        cmocka_unit_test(another_layout_of_the_same_port_replaces_the_first),
        cmocka_unit_test(ports_that_disagree_keep_their_own_layouts),
        cmocka_unit_test(a_layout_that_others_use_too_stays_when_one_port_changes),
        cmocka_unit_test(a_layout_that_nobody_used_for_a_while_gives_way_to_another_port),
        cmocka_unit_test(layouts_and_ports_of_one_id_are_bounded),
        cmocka_unit_test(the_template_not_used_for_longest_gives_way),
        cmocka_unit_test(a_template_that_gave_way_to_one_of_another_domain_is_found_no_more),
        cmocka_unit_test(many_templates_come_and_go_and_each_is_found),
        cmocka_unit_test(a_template_over_its_age_is_none),
        cmocka_unit_test(an_own_layout_over_its_age_gives_way_to_that_of_another_port),
        cmocka_unit_test(a_clock_that_is_set_back_ages_nothing),
        cmocka_unit_test(a_withdrawal_takes_one_template_or_all_of_its_kind),
        cmocka_unit_test(the_domain_not_used_for_longest_gives_way_with_its_templates),
        cmocka_unit_test(only_something_new_makes_the_generation_grow),
        cmocka_unit_test(without_memory_a_template_is_refused_and_the_others_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
