/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>

#include "decode/record.h"
#include "netflow_exporter.h"

#define FIELDS(...)                                                                                \
    (const struct nf_field[])                                                                      \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define F(number, bytes)                                                                           \
    {                                                                                              \
        .id = (number), .length = (bytes)                                                          \
    }

static uint64_t
rate_of_sampler(const struct bench *b, uint64_t id)
{
    return nf_sampling_rate(b->d, true, false, id);
}

static uint64_t
rate_of_selector(const struct bench *b, uint64_t id)
{
    return nf_sampling_rate(b->d, true, true, id);
}

static uint64_t
rate(const struct bench *b)
{
    return nf_sampling_rate(b->d, false, false, 0);
}

static void
assert_name(const struct bench *b, enum nf_name_kind kind, uint64_t id, const char *text)
{
    struct sr_span name = nf_name_find(b->d, kind, id);

    assert_int_equal(name.len, strlen(text));
    if (name.len > 0) {
        assert_memory_equal(name.data, text, name.len);
    }
}

static void
a_sampler_of_v9_has_its_rate_by_its_id(void **state)
{
    struct bench b;

    (void)state;
    bench_open_v9(&b);
    /* As an ASR 9000 sends it: scope, 48, 50, 49, 84, 34. */
    bench_tell(&b, 1, FIELDS(F(1, 4), F(48, 2), F(50, 4), F(49, 1), F(84, 4), F(34, 4)), 6,
        "00000000 0001 00007530 02 74657374 00007530");
    /* Sampler 1 is no interface; 2 comes in the place of a scope. */
    bench_tell(&b, 1, FIELDS(F(48, 2), F(34, 4)), 2, "0002 00000064");
    assert_int_equal(rate_of_sampler(&b, 1), 30000);
    assert_int_equal(rate_of_sampler(&b, 2), 100);
    /* Which of the two it would be cannot be told. */
    assert_int_equal(rate_of_sampler(&b, 3), 0);
    assert_int_equal(rate(&b), 0);
    assert_int_equal(rate_of_selector(&b, 1), 0);
    bench_close(&b);
}

static void
the_only_sampler_is_that_of_records_that_name_none(void **state)
{
    struct bench b;

    (void)state;
    bench_open_v9(&b);
    assert_int_equal(rate(&b), 0);
    bench_tell(&b, 1, FIELDS(F(1, 4), F(48, 1), F(50, 4)), 3, "00000000 07 00000400");
    assert_int_equal(rate(&b), 1024);
    assert_int_equal(rate_of_sampler(&b, 8), 0);
    bench_close(&b);
}

static void
a_rate_without_sampler_is_that_of_the_domain(void **state)
{
    struct bench b;

    (void)state;
    bench_open_v9(&b);
    bench_tell(&b, 1, FIELDS(F(2, 4), F(34, 4), F(35, 1)), 3, "00000000 00000064 01");
    assert_int_equal(rate(&b), 100);
    assert_int_equal(rate_of_sampler(&b, 5), 100);
    bench_tell(&b, 1, FIELDS(F(1, 4), F(48, 1), F(50, 4)), 3, "00000000 05 00000400");
    assert_int_equal(rate_of_sampler(&b, 5), 1024);
    assert_int_equal(rate(&b), 100);
    bench_close(&b);
}

static void
selectors_of_ios_xr_take_size_and_population(void **state)
{
    static const struct nf_field fields[] = { F(302, 4), F(305, 4), F(304, 2), F(309, 4),
        F(310, 4) };
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_tell(&b, 1, fields, 5, "00000001 00000001 0003 00000001 00000001");
    bench_tell(&b, 1, fields, 5, "00000003 00000100 0003 00000001 00000100");
    bench_tell(&b, 1, fields, 5, "00000004 00000400 0003 00000002 00000401");
    assert_int_equal(rate_of_selector(&b, 1), 1);
    assert_int_equal(rate_of_selector(&b, 3), 256);
    assert_int_equal(rate_of_selector(&b, 4), 513);
    assert_int_equal(rate_of_sampler(&b, 3), 0);
    bench_close(&b);
}

static void
interval_and_space_make_a_rate(void **state)
{
    static const struct nf_field fields[] = { F(149, 4), F(304, 2), F(305, 4), F(306, 4) };
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_tell(&b, 1, fields, 4, "00000000 0001 00000001 000003e7");
    assert_int_equal(rate(&b), 1000);
    bench_tell(&b, 1, fields, 4, "00000000 0001 0000000a 00000059");
    assert_int_equal(rate(&b), 10); /* 99 to 10 */
    bench_tell(&b, 1, fields, 4, "00000000 0001 00000001 00000000");
    assert_int_equal(rate(&b), 1);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(305, 4)), 2, "00000000 00000200");
    assert_int_equal(rate(&b), 512);
    bench_close(&b);
}

static void
a_probability_makes_a_rate_in_both_widths(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(304, 2), F(311, 8)), 3,
        "00000000 0004 3f50624dd2f1a9fc"); /* 0.001 */
    assert_int_equal(rate(&b), 1000);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(304, 2), F(311, 4)), 3, "00000000 0004 3e800000");
    assert_int_equal(rate(&b), 4);
    bench_close(&b);
}

static void
values_that_make_no_sense_change_nothing(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(34, 4)), 2, "00000000 00000064");
    uint64_t generation = nf_exporter_generation(b.e);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(34, 4)), 2, "00000000 00000000");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(34, 4)), 2, "00000000 ffffffff");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(305, 4), F(306, 4)), 3, "00000000 00000000 00000005");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(305, 8), F(306, 8)), 3,
        "00000000 ffffffffffffffff ffffffffffffffff");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(309, 4), F(310, 4)), 3, "00000000 00000005 00000001");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(309, 4), F(310, 4)), 3, "00000000 00000003 00000002");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(309, 4), F(310, 4)), 3, "00000000 00000000 00000001");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(311, 8)), 2, "00000000 7ff8000000000000"); /* NaN */
    bench_tell(&b, 1, FIELDS(F(149, 4), F(311, 8)), 2, "00000000 c000000000000000");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(311, 8)), 2, "00000000 0000000000000001");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(311, 3)), 2, "00000000 000001");
    /* In time, not in packets. */
    bench_tell(&b, 1, FIELDS(F(149, 4), F(304, 2), F(305, 4)), 3, "00000000 0002 00000007");
    /* An element of an enterprise only looks like it. */
    bench_tell(&b, 1, FIELDS(F(149, 4), { .enterprise = 9, .id = 34, .length = 4 }), 2,
        "00000000 00000005");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(34, 16)), 2, "00000000 00000000000000000000000000000005");
    assert_int_equal(rate(&b), 100);
    assert_int_equal(nf_exporter_generation(b.e), generation);
    bench_close(&b);
}

static void
a_domain_that_knows_nothing_has_what_domain_0_knows(void **state)
{
    struct bench b;

    (void)state;
    bench_open_v9(&b);
    struct nf_domain *seven = b.d;
    b.d = nf_exporter_domain(b.e, &b.config, 9, 0);
    bench_tell(&b, 1, FIELDS(F(1, 4), F(48, 1), F(50, 4)), 3, "00000000 05 00000400");
    b.d = seven;
    assert_int_equal(rate_of_sampler(&b, 5), 1024);
    assert_int_equal(rate(&b), 1024);
    /* v9 and IPFIX are strangers. */
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    assert_int_equal(rate(&b), 0);
    b.d = seven;
    bench_tell(&b, 1, FIELDS(F(1, 4), F(34, 4)), 2, "00000000 00000002");
    assert_int_equal(rate(&b), 2);
    /* It gives way to others in its time. */
    b.d = nf_exporter_domain(b.e, &b.config, 9, 8);
    assert_int_equal(rate(&b), 1024);
    for (uint32_t id = 20; id < 24; id++) {
        b.d = nf_exporter_domain(b.e, &b.config, 9, id);
        assert_int_equal(rate(&b), id < 23 ? 1024 : 0);
        bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 4)), 2, "00000001 65746830");
    }
    bench_close(&b);
}

static void
samplers_are_bounded_and_the_latest_stay(void **state)
{
    struct bench b;
    char hex[64];

    (void)state;
    bench_open_v9(&b);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned id = 1; id <= 100; id++) {
            (void)snprintf(hex, sizeof(hex), "00000000 %04x %08x", id, 1000 + id);
            bench_tell(&b, 1, FIELDS(F(1, 4), F(48, 2), F(50, 4)), 3, hex);
        }
    }
    assert_int_equal(rate_of_sampler(&b, 100), 1100);
    assert_int_equal(rate_of_sampler(&b, 37), 1037);
    assert_int_equal(rate_of_sampler(&b, 36), 0);
    bench_close(&b);
}

static void
interfaces_have_names_and_descriptions(void **state)
{
    struct bench b;

    (void)state;
    bench_open_v9(&b);
    /* By element, and by the scope of v9. */
    bench_tell(&b, 1, FIELDS(F(1, 4), F(10, 4), F(82, 8), F(83, 16)), 4,
        "c1c4be43 0000004a 4769302f31000000 75706c696e6b000000000000 00000000");
    bench_tell(&b, 1, FIELDS(F(2, 2), F(82, 8)), 2, "0102 4769302f32000000");
    assert_name(&b, NF_NAME_INTERFACE, 0x4a, "Gi0/1");
    assert_name(&b, NF_NAME_INTERFACE_DESCRIPTION, 0x4a, "uplink");
    assert_name(&b, NF_NAME_INTERFACE, 0x102, "Gi0/2");
    assert_name(&b, NF_NAME_INTERFACE, 0x4b, "");
    assert_name(&b, NF_NAME_VRF, 0x4a, "");
    bench_close(&b);
}

static void
applications_and_vrfs_have_names(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_tell(&b, 1, FIELDS(F(95, 4), F(96, 6), F(94, 4)), 3, "0d00012c 736b79706500 61626364");
    bench_tell(&b, 1, FIELDS(F(95, 4), F(96, 6), F(94, 4)), 3, "0d00012d 000000000000 61626364");
    bench_tell(&b, 2, FIELDS(F(234, 4), F(236, 8), F(234, 4), F(235, 4), F(90, 8)), 5,
        "60000400 2a2a65696e740000 60000400 60000401 0000000000000000");
    bench_tell(&b, 1, FIELDS(F(235, 4), { .id = 236, .length = NF_VARIABLE_LENGTH }), 2,
        "00000005 03 726564");
    assert_name(&b, NF_NAME_APPLICATION, 0x0d00012c, "skype");
    assert_name(&b, NF_NAME_APPLICATION, 0x0d00012d, "abcd");
    assert_name(&b, NF_NAME_VRF, 0x60000400, "**eint");
    assert_name(&b, NF_NAME_VRF, 0x60000401, "**eint");
    assert_name(&b, NF_NAME_VRF, 5, "red");
    bench_close(&b);
}

static void
a_long_name_is_cut_between_characters(void **state)
{
    struct bench b;
    char hex[512] = "00000001 ";
    char expected[128];

    (void)state;
    bench_open(&b);
    memset(expected, 'a', sizeof(expected));
    expected[127] = '\0';
    for (unsigned i = 0; i < 127; i++) {
        strncat(hex, "61", sizeof(hex) - strlen(hex) - 1);
    }
    strncat(hex, "c3a9c3a9", sizeof(hex) - strlen(hex) - 1);
    bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 131)), 2, hex);
    assert_name(&b, NF_NAME_INTERFACE, 1, expected);
    bench_close(&b);
}

static void
what_is_known_already_does_not_make_the_generation_grow(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t before = nf_exporter_generation(b.e);
        bench_tell(&b, 1, FIELDS(F(149, 4), F(160, 8)), 2, "00008220 0000019f1d93c726");
        bench_tell(&b, 1, FIELDS(F(149, 4), F(34, 4)), 2, "00000000 00000064");
        bench_tell(&b, 1, FIELDS(F(302, 1), F(34, 4)), 2, "01 00000064");
        bench_tell(&b, 1, FIELDS(F(302, 1), F(34, 4)), 2, "02 00000064");
        bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 3)), 2, "00000001 616263");
        bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 3)), 2, "00000002 616264");
        assert_int_equal(nf_exporter_generation(b.e), round == 0 ? before + 6 : before);
    }
    assert_int_equal(b.d->told_start_ms, 0x19f1d93c726);
    uint64_t before = nf_exporter_generation(b.e);
    bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 3)), 2, "00000001 616264");
    assert_int_equal(nf_exporter_generation(b.e), before + 1);
    assert_name(&b, NF_NAME_INTERFACE, 1, "abd");
    bench_close(&b);
}

static void
a_start_that_moves_by_a_millisecond_is_the_same(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(160, 8)), 2, "00008220 0000019f1d93c726");
    uint64_t generation = nf_exporter_generation(b.e);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(160, 8)), 2, "00008220 0000019f1d93c727");
    bench_tell(&b, 1, FIELDS(F(149, 4), F(160, 8)), 2, "00008220 0000019f1d93c725");
    assert_int_equal(nf_exporter_generation(b.e), generation);
    bench_tell(&b, 1, FIELDS(F(149, 4), F(160, 8)), 2, "00008220 0000019f1d94c725");
    assert_int_equal(nf_exporter_generation(b.e), generation + 1);
    assert_int_equal(b.d->told_start_ms, 0x19f1d94c725);
    bench_close(&b);
}

/* What the domain takes for the start of an exporter of which a flow ended at that uptime. */
static uint64_t
estimate(struct bench *b, uint64_t export_ms, uint32_t uptime_ms)
{
    uint8_t bytes[4] = { (uint8_t)(uptime_ms >> 24), (uint8_t)(uptime_ms >> 16),
        (uint8_t)(uptime_ms >> 8), (uint8_t)uptime_ms };
    struct nf_position positions[1];
    struct nf_template_record record = bench_record(10, 256, FIELDS(F(21, 4)), 1);

    nf_templates_learn(b->e, b->d, &b->config, &record, 1, NOW);
    struct nf_context c = {
        .config = &b->config,
        .domain = b->d,
        .template = nf_templates_find(b->e, b->d, &b->config, 256, 1, NOW),
        .export_ms = export_ms,
    };
    nf_estimate_start(&c, (struct sr_span){ bytes, 4 }, positions);
    return b->d->estimated_start_ms;
}

static void
a_start_that_was_told_is_exact_where_uptimes_agree(void **state)
{
    const uint64_t start = 1700000000123;
    struct bench b;

    (void)state;
    bench_open(&b);
    /* 15 seconds are what a router waits before it exports a flow that has ended. */
    assert_int_equal(estimate(&b, start + 100000, 85000), start + 15000);
    b.d->told_start_ms = start;
    assert_int_equal(estimate(&b, start + 100000, 85000), start);
    /* The export time was cut to a whole second. */
    assert_int_equal(estimate(&b, start + 100000, 100900), start);
    /* Uptimes wrap. */
    assert_int_equal(estimate(&b, start + (UINT64_C(1) << 32) + 20000, 5000), start);
    /* No flow ends weeks after its export. */
    b.d->told_start_ms = start + 3000000000;
    assert_int_equal(estimate(&b, start + 100000, 85000), start);
    bench_close(&b);
}

static void
names_are_bounded_and_the_latest_stay(void **state)
{
    struct bench b;
    char hex[64];

    (void)state;
    bench_open(&b);
    for (unsigned id = 1; id <= 5000; id++) {
        (void)snprintf(hex, sizeof(hex), "%08x %08x", id, id | 0x40404040);
        bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 4)), 2, hex);
        /* One that is told again and again is never the oldest. */
        bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 4)), 2, "00000001 61616161");
    }
    assert_name(&b, NF_NAME_INTERFACE, 1, "aaaa");
    /* It was new once, and replaced what the first round said. */
    assert_int_equal(nf_exporter_generation(b.e), 5001);
    assert_name(&b, NF_NAME_INTERFACE, 5000 - 4095, "");
    assert_int_equal(nf_name_find(b.d, NF_NAME_INTERFACE, 5000 - 4094).len, 4);
    assert_int_equal(nf_name_find(b.d, NF_NAME_INTERFACE, 5000).len, 4);
    bench_close(&b);
}

static void
without_memory_nothing_is_half_known(void **state)
{
    struct bench b;

    (void)state;
    for (unsigned nth = 1; nth < 20; nth++) {
        bench_open(&b);
        b.counted.fail_at = b.counted.calls + nth;
        for (unsigned round = 0; round < 2; round++) {
            bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 3)), 2, "00000001 616263");
            bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 3)), 2, "00000001 616264");
            bench_tell(&b, 1, FIELDS(F(302, 1), F(34, 4)), 2, "01 00000064");
            bench_tell(&b, 1, FIELDS(F(302, 1), F(34, 4)), 2, "02 00000065");
            bench_tell(&b, 1, FIELDS(F(302, 1), F(34, 4)), 2, "03 00000066");
            b.counted.fail_at = round == 0 ? 0 : b.counted.fail_at;
        }
        assert_name(&b, NF_NAME_INTERFACE, 1, "abd");
        assert_int_equal(rate_of_selector(&b, 1), 100);
        assert_int_equal(rate_of_selector(&b, 3), 102);
        bench_close(&b);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sampler_of_v9_has_its_rate_by_its_id),
        cmocka_unit_test(the_only_sampler_is_that_of_records_that_name_none),
        cmocka_unit_test(a_rate_without_sampler_is_that_of_the_domain),
        cmocka_unit_test(selectors_of_ios_xr_take_size_and_population),
        cmocka_unit_test(interval_and_space_make_a_rate),
        cmocka_unit_test(a_probability_makes_a_rate_in_both_widths),
        cmocka_unit_test(values_that_make_no_sense_change_nothing),
        cmocka_unit_test(a_domain_that_knows_nothing_has_what_domain_0_knows),
        cmocka_unit_test(samplers_are_bounded_and_the_latest_stay),
        cmocka_unit_test(interfaces_have_names_and_descriptions),
        cmocka_unit_test(applications_and_vrfs_have_names),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(what_is_known_already_does_not_make_the_generation_grow),
        cmocka_unit_test(a_start_that_moves_by_a_millisecond_is_the_same),
        cmocka_unit_test(a_start_that_was_told_is_exact_where_uptimes_agree),
        cmocka_unit_test(names_are_bounded_and_the_latest_stay),
        cmocka_unit_test(without_memory_nothing_is_half_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
