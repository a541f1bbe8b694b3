/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "netflow_exporter.h"

enum { PORT = 1000 };

/* What went, as the numbers of its datagrams. */
struct gone {
    unsigned count;
    uint32_t datagrams[100];
};

static void
note(void *arg, const struct nf_pending *p)
{
    struct gone *g = arg;

    assert_true(g->count < 100);
    g->datagrams[g->count++] = p->datagram;
}

static bool
add_sized(
    struct bench *b, uint16_t id, uint32_t datagram, uint64_t now_ns, size_t size, struct gone *g)
{
    static const uint8_t bytes[70000] = { 1, 2, 3 };
    struct nf_header header = {
        .version = b->d->version, .port = PORT, .domain = b->d->id, .received_ns = now_ns
    };

    return nf_pending_add(b->e, b->d, &b->config, &header, datagram, id,
        (struct sr_span){ bytes, size }, g != NULL ? note : NULL, g);
}

static bool
add(struct bench *b, uint16_t id, uint32_t datagram, uint64_t now_ns, struct gone *g)
{
    return add_sized(b, id, datagram, now_ns, 20, g);
}

/* The number of the datagram of the set that is taken, 0 for none. */
static uint32_t
taken(struct bench *b, uint16_t id)
{
    struct nf_pending *p = nf_pending_take(b->e, b->d, &b->config, id, NOW);
    uint32_t datagram = p != NULL ? p->datagram : 0;

    nf_pending_free(b->e, p);
    return datagram;
}

static void
sets_come_back_in_order_once_their_template_is_there(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_true(add(&b, 256, 1, NOW, NULL));
    assert_true(add(&b, 257, 2, NOW, NULL));
    assert_true(add(&b, 256, 3, NOW, NULL));
    assert_int_equal(nf_pending_count(b.e), 3);
    assert_int_equal(taken(&b, 256), 0);
    bench_learn(&b, 256, 8, PORT, NOW);
    assert_int_equal(taken(&b, 257), 0);
    assert_int_equal(taken(&b, 256), 1);
    assert_int_equal(taken(&b, 256), 3);
    assert_int_equal(taken(&b, 256), 0);
    assert_int_equal(nf_pending_count(b.e), 1);
    assert_int_equal(nf_exporter_ledger(b.e)->sets_parked, 3);
    assert_int_equal(nf_exporter_ledger(b.e)->sets_released, 2);
    assert_int_equal(nf_exporter_ledger(b.e)->sets_expired, 0);
    bench_close(&b);
}

static void
a_set_comes_back_as_it_was(void **state)
{
    struct bench b;
    static const uint8_t bytes[] = { 9, 8, 7, 6, 5 };
    struct nf_header header = { .version = 10,
        .port = 77,
        .domain = 7,
        .sequence = 5,
        .received_ns = NOW,
        .export_ns = NOW - 3,
        .uptime_ms = 4 };

    (void)state;
    bench_open(&b);
    assert_true(nf_pending_add(b.e, b.d, &b.config, &header, 42, 256,
        (struct sr_span){ bytes, sizeof(bytes) }, NULL, NULL));
    bench_learn(&b, 256, 8, PORT, NOW);
    struct nf_pending *p = nf_pending_take(b.e, b.d, &b.config, 256, NOW);
    assert_non_null(p);
    assert_memory_equal(&p->header, &header, sizeof(header));
    assert_int_equal(p->id, 256);
    assert_int_equal(p->length, sizeof(bytes));
    assert_memory_equal(p->records, bytes, sizeof(bytes));
    nf_pending_free(b.e, p);
    nf_pending_free(b.e, NULL);
    bench_close(&b);
}

static void
sets_of_other_domains_stay(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    struct nf_domain *first = b.d;
    add(&b, 256, 1, NOW, NULL);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 8);
    bench_learn(&b, 256, 8, PORT, NOW);
    assert_int_equal(taken(&b, 256), 0);
    b.d = nf_exporter_domain(b.e, &b.config, 9, 7);
    bench_learn(&b, 256, 8, PORT, NOW);
    assert_int_equal(taken(&b, 256), 0);
    b.d = first;
    bench_learn(&b, 256, 8, PORT, NOW);
    assert_int_equal(taken(&b, 256), 1);
    bench_close(&b);
}

static void
sets_of_one_id_are_told_apart_by_their_domains(void **state)
{
    enum { DOMAINS = 100 };
    struct bench b;

    (void)state;
    bench_open(&b);
    b.config.max_domains = b.config.max_pending_sets = DOMAINS + 1;
    b.config.max_pending_bytes = UINT32_MAX;
    for (uint32_t id = 1; id <= DOMAINS; id++) {
        b.d = nf_exporter_domain(b.e, &b.config, 10, id);
        add(&b, 256, id, NOW, NULL);
    }
    for (uint32_t id = DOMAINS; id > 0; id--) {
        b.d = nf_exporter_domain(b.e, &b.config, 10, id);
        bench_learn(&b, 256, 8, PORT, NOW);
        assert_int_equal(taken(&b, 256), id);
    }
    bench_close(&b);
}

static void
over_the_number_of_sets_the_oldest_go_first(void **state)
{
    struct bench b;
    struct gone g = { 0 };

    (void)state;
    bench_open(&b);
    for (uint32_t i = 1; i <= 10; i++) {
        assert_true(add(&b, (uint16_t)(256 + i % 3), i, NOW, &g));
    }
    assert_int_equal(nf_pending_count(b.e), 8);
    assert_int_equal(g.count, 2);
    assert_int_equal(g.datagrams[0], 1);
    assert_int_equal(g.datagrams[1], 2);
    assert_int_equal(nf_exporter_ledger(b.e)->sets_expired, 2);
    bench_learn(&b, 257, 8, PORT, NOW);
    assert_int_equal(taken(&b, 257), 4);
    bench_close(&b);
}

static void
over_the_bytes_the_oldest_go_first_and_nothing_larger_waits(void **state)
{
    struct bench b;
    struct gone g = { 0 };
    size_t size = 1000;

    (void)state;
    bench_open(&b);
    b.config.max_pending_bytes = (uint32_t)(3 * (sizeof(struct nf_pending) + size));
    for (uint32_t i = 1; i <= 4; i++) {
        assert_true(add_sized(&b, 256, i, NOW, size, &g));
    }
    assert_int_equal(nf_pending_count(b.e), 3);
    assert_int_equal(g.datagrams[0], 1);
    assert_false(add_sized(&b, 256, 5, NOW, b.config.max_pending_bytes, &g));
    assert_int_equal(nf_pending_count(b.e), 3);
    b.config.max_pending_bytes = UINT32_MAX;
    assert_false(add_sized(&b, 256, 5, NOW, 65536, &g));
    assert_true(add_sized(&b, 256, 6, NOW, 65535, &g));
    assert_true(add_sized(&b, 256, 7, NOW, 0, &g));
    b.config.max_pending_sets = 0;
    assert_false(add(&b, 256, 8, NOW, &g));
    assert_int_equal(g.count, 1);
    bench_close(&b);
}

static void
sets_that_wait_for_too_long_go(void **state)
{
    struct bench b;
    struct gone g = { 0 };

    (void)state;
    bench_open(&b);
    add(&b, 256, 1, NOW, NULL);
    add(&b, 257, 2, NOW + 5 * SECOND, NULL);
    add(&b, 256, 3, NOW + 10 * SECOND, NULL);
    nf_pending_expire(b.e, &b.config, NOW + 30 * SECOND, note, &g);
    assert_int_equal(g.count, 0);
    nf_pending_expire(b.e, &b.config, NOW + 36 * SECOND, note, &g);
    assert_int_equal(g.count, 2);
    assert_int_equal(g.datagrams[1], 2);
    assert_false(nf_exporter_is_plain(b.e));
    nf_pending_expire(b.e, &b.config, UINT64_MAX, note, &g);
    assert_int_equal(g.count, 3);
    assert_int_equal(nf_pending_count(b.e), 0);
    assert_true(nf_exporter_is_plain(b.e));
    assert_int_equal(nf_exporter_ledger(b.e)->sets_expired, 3);
    bench_close(&b);
}

static void
sets_wait_on_when_their_domain_gave_way(void **state)
{
    struct bench b;
    struct gone g = { 0 };

    (void)state;
    bench_open(&b);
    add(&b, 256, 1, NOW, NULL);
    for (uint32_t id = 20; id < 30; id++) {
        nf_exporter_domain(b.e, &b.config, 10, id);
    }
    assert_int_equal(nf_pending_count(b.e), 1);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    bench_learn(&b, 256, 8, PORT, NOW);
    assert_int_equal(taken(&b, 256), 1);
    assert_int_equal(g.count, 0);
    bench_close(&b);
}

static void
many_sets_come_and_go_and_none_is_lost(void **state)
{
    enum { IDS = 50, STEPS = 20000 };
    struct bench b;
    unsigned waiting[IDS] = { 0 };
    uint64_t seed = 9;
    unsigned sum = 0;

    (void)state;
    bench_open(&b);
    b.config.max_pending_sets = STEPS;
    b.config.max_pending_bytes = UINT32_MAX;
    for (unsigned id = 0; id < IDS; id++) {
        bench_learn(&b, (uint16_t)(256 + id), 8, PORT, NOW);
    }
    for (uint32_t step = 1; step <= STEPS; step++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        unsigned i = (unsigned)(seed >> 33) % IDS;
        if ((seed >> 62) != 0 && waiting[i] > 0) {
            assert_int_not_equal(taken(&b, (uint16_t)(256 + i)), 0);
            waiting[i]--;
            sum--;
        } else {
            assert_true(add(&b, (uint16_t)(256 + i), step, NOW, NULL));
            waiting[i]++;
            sum++;
        }
        assert_int_equal(nf_pending_count(b.e), sum);
    }
    for (unsigned i = 0; i < IDS; i++) {
        uint32_t before = 0;
        for (; waiting[i] > 0; waiting[i]--) {
            uint32_t now = taken(&b, (uint16_t)(256 + i));
            assert_true(now > before);
            before = now;
        }
        assert_int_equal(taken(&b, (uint16_t)(256 + i)), 0);
    }
    assert_int_equal(nf_pending_count(b.e), 0);
    bench_close(&b);
}

static void
without_memory_a_set_does_not_wait_and_others_do(void **state)
{
    struct bench b;
    struct gone g = { 0 };

    (void)state;
    bench_open(&b);
    for (unsigned nth = 1; nth <= 2; nth++) {
        b.counted.fail_at = b.counted.calls + nth;
        size_t used = b.counted.used;
        assert_false(add(&b, 256, 1, NOW, &g));
        assert_int_equal(b.counted.used, used);
        b.counted.fail_at = 0;
    }
    b.config.max_pending_sets = 1;
    assert_true(add(&b, 256, 2, NOW, &g));
    b.counted.fail_at = b.counted.calls + 1;
    assert_false(add(&b, 256, 3, NOW, &g));
    assert_int_equal(nf_pending_count(b.e), 1);
    assert_int_equal(g.count, 0);
    bench_close(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_come_back_in_order_once_their_template_is_there),
        cmocka_unit_test(a_set_comes_back_as_it_was),
        cmocka_unit_test(sets_of_other_domains_stay),
        cmocka_unit_test(sets_of_one_id_are_told_apart_by_their_domains),
        cmocka_unit_test(over_the_number_of_sets_the_oldest_go_first),
        cmocka_unit_test(over_the_bytes_the_oldest_go_first_and_nothing_larger_waits),
        cmocka_unit_test(sets_that_wait_for_too_long_go),
        cmocka_unit_test(sets_wait_on_when_their_domain_gave_way),
        cmocka_unit_test(many_sets_come_and_go_and_none_is_lost),
        cmocka_unit_test(without_memory_a_set_does_not_wait_and_others_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
