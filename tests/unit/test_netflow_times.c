/* SPDX-License-Identifier: Apache-2.0 */
/* When a flow began and ended, by all the elements that can tell. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "netflow_build.h"
#include "netflow_desk.h"
#include "netflow_rig.h"

#define MS UINT64_C(1000000)
#define US UINT64_C(1000)
#define NTP_1970 UINT64_C(2208988800)

/* Reads a record of these elements, each of 8 bytes, then looks at its times. */
struct element {
    unsigned id;
    uint64_t value;
};

static void
read_elements(const struct element *elements, size_t count)
{
    char text[512];
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        bool uptime = elements[i].id == 21 || elements[i].id == 22;
        int n = snprintf(text + len, sizeof(text) - len,
            uptime ? "%u=%08" PRIx64 " " : "%u=%016" PRIx64 " ", elements[i].id, elements[i].value);
        assert_true(n > 0 && (size_t)n < sizeof(text) - len);
        len += (size_t)n;
    }
    desk_read(&desk, text);
}

#define READ(...)                                                                                  \
    read_elements((const struct element[]){ __VA_ARGS__ },                                         \
        sizeof((const struct element[]){ __VA_ARGS__ }) / sizeof(struct element))

static void
expect_times(uint64_t start, uint64_t finish)
{
    assert_int_equal(desk_number(&desk, NF_TIME_FLOW_START_NS), start);
    assert_int_equal(desk_number(&desk, NF_TIME_FLOW_END_NS), finish);
}

static uint64_t
ntp(uint64_t ns)
{
    return (ns / SECOND + NTP_1970) << 32 | ((ns % SECOND << 32) / SECOND);
}

/* ---- Elements of their own ---- */

static void
seconds_and_milliseconds_count_from_1970(void **state)
{
    (void)state;
    READ({ 150, 1699999990 }, { 151, 1699999999 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    READ({ 152, 1699999990123 }, { 153, 1699999999456 });
    expect_times(DESK_EXPORT - 9877 * MS, DESK_EXPORT - 544 * MS);
    desk_read(&desk, "150=6553f0f6 151=6553f0ff");
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    assert_int_equal(desk_skewed(&desk), 0);
}

static void
microseconds_and_nanoseconds_are_in_the_format_of_ntp(void **state)
{
    uint64_t finish = DESK_EXPORT - 3 * SECOND / 4;

    (void)state;
    READ({ 154, ntp(DESK_EXPORT - SECOND / 2) }, { 155, ntp(finish) });
    expect_times(DESK_EXPORT - SECOND / 2, finish);
    READ({ 156, ntp(DESK_EXPORT - SECOND / 2) }, { 157, ntp(finish) });
    expect_times(DESK_EXPORT - SECOND / 2, finish);
    /* The last fraction before the second. */
    READ({ 156, (UINT64_C(1699999999) + NTP_1970) << 32 | UINT32_MAX }, { 157, ntp(finish) });
    expect_times(DESK_EXPORT - 1, finish);
}

static void
microseconds_are_whole_and_their_last_bits_mean_nothing(void **state)
{
    uint64_t start = DESK_EXPORT - 2 * SECOND + 1 * US;
    uint64_t finish = DESK_EXPORT - SECOND - 1 * US;

    (void)state;
    READ({ 154, ntp(start) }, { 155, ntp(finish) });
    expect_times(start, finish);
    /* RFC 7011 section 6.1.9: the last eleven bits must be ignored. */
    READ({ 154, (ntp(start) & ~UINT64_C(0x7ff)) + 1024 }, { 155, ntp(finish) | 0x7ff });
    expect_times((start + 500) / US * US, (finish + 500) / US * US);
}

static void
the_most_exact_of_several_elements_counts(void **state)
{
    (void)state;
    READ({ 150, 1699999990 }, { 152, 1699999991000 }, { 154, ntp(DESK_EXPORT - 8 * SECOND) },
        { 156, ntp(DESK_EXPORT - 7 * SECOND) }, { 151, 1699999999 });
    expect_times(DESK_EXPORT - 7 * SECOND, DESK_EXPORT - SECOND);
    READ({ 150, 1699999990 }, { 152, 1699999991000 }, { 151, 1699999999 });
    expect_times(DESK_EXPORT - 9 * SECOND, DESK_EXPORT - SECOND);
    READ({ 156, 0 }, { 152, 1699999991000 }, { 153, 0 }, { 151, 1699999999 });
    expect_times(DESK_EXPORT - 9 * SECOND, DESK_EXPORT - SECOND);
}

static void
ntp_times_before_1970_are_not_known(void **state)
{
    (void)state;
    READ({ 156, 1 }, { 157, (NTP_1970 - 1) << 32 | UINT32_MAX });
    expect_times(0, 0);
    READ({ 156, 1 }, { 157, NTP_1970 << 32 }, { 152, 1699999991000 }, { 151, 1699999999 });
    expect_times(DESK_EXPORT - 9 * SECOND, DESK_EXPORT - SECOND);
}

static void
deltas_count_back_from_the_export(void **state)
{
    (void)state;
    desk_read(&desk, "158=00989680 159=000f4240");
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    desk_read(&desk, "158=ffffffff 159=00000000");
    expect_times(DESK_EXPORT - UINT64_C(4294967295) * US, DESK_EXPORT);
    assert_int_equal(desk_skewed(&desk), 0);
    /* Longer than there was time. */
    READ({ 158, UINT64_MAX }, { 159, DESK_EXPORT / US + 1 });
    expect_times(DESK_EXPORT, DESK_EXPORT);
    assert_int_equal(desk_skewed(&desk), 1);
    READ({ 158, UINT64_C(0x100000000) }, { 159, 0 });
    expect_times(DESK_EXPORT - UINT64_C(0x100000000) * US, DESK_EXPORT);
}

static void
durations_give_the_time_that_is_missing(void **state)
{
    (void)state;
    READ({ 152, 1699999990000 }, { 161, 4000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - 6 * SECOND);
    READ({ 153, 1699999990000 }, { 162, 2500000 });
    expect_times(DESK_EXPORT - 12500 * MS, DESK_EXPORT - 10 * SECOND);
    READ({ 152, 1699999990000 }, { 153, 1699999999000 }, { 161, 1 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    READ({ 152, 1699999990000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - 10 * SECOND);
    READ({ 161, 4000 });
    expect_times(0, 0);
}

static void
the_time_of_an_event_is_its_start_and_its_end(void **state)
{
    static const struct element events[] = { { 322, 1699999999 }, { 323, 1699999999000 } };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        READ(events[i]);
        expect_times(DESK_EXPORT - SECOND, DESK_EXPORT - SECOND);
    }
    READ({ 324, ntp(DESK_EXPORT - SECOND / 2) });
    expect_times(DESK_EXPORT - SECOND / 2, DESK_EXPORT - SECOND / 2);
    READ({ 325, ntp(DESK_EXPORT - SECOND / 4) });
    expect_times(DESK_EXPORT - SECOND / 4, DESK_EXPORT - SECOND / 4);
    /* Beside the time of creation: the end. */
    READ({ 152, 1699999990000 }, { 323, 1699999999000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
}

/* ---- Times that cannot be ---- */

static void
times_that_cannot_be_become_that_of_the_export_and_are_counted(void **state)
{
    static const uint64_t absurd[] = { UINT64_MAX, UINT64_MAX / 1000, UINT64_C(1) << 63, 1, 1000,
        1700003600001, 1700000000000 - (UINT64_C(1) << 33) - 1 };

    (void)state;
    for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
        READ({ 152, absurd[i] }, { 153, 1700000000000 });
        expect_times(DESK_EXPORT, DESK_EXPORT);
        assert_int_equal(desk_skewed(&desk), 2 * i + 1);
        READ({ 152, absurd[i] }, { 153, absurd[i] });
        expect_times(DESK_EXPORT, DESK_EXPORT);
        assert_int_equal(desk_skewed(&desk), 2 * i + 2);
    }
    READ({ 152, 1700003600000 }, { 153, 1700003600000 });
    expect_times(DESK_EXPORT + 3600 * SECOND, DESK_EXPORT + 3600 * SECOND);
    READ({ 152, 1700000000000 - (UINT64_C(1) << 33) }, { 153, 1700000000000 });
    expect_times(DESK_EXPORT - (UINT64_C(1) << 33) * MS, DESK_EXPORT);
    READ({ 150, UINT64_MAX }, { 151, UINT64_MAX / SECOND });
    READ({ 156, UINT64_MAX }, { 157, UINT64_MAX - 1 });
    expect_times(DESK_EXPORT, DESK_EXPORT);
    READ({ 152, UINT64_MAX }, { 161, UINT64_MAX });
    assert_int_equal(desk_number(&desk, NF_TIME_FLOW_START_NS), DESK_EXPORT);
}

static void
a_flow_does_not_end_before_a_start_that_was_clamped(void **state)
{
    (void)state;
    READ({ 152, UINT64_MAX }, { 153, 1699999990000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - 10 * SECOND);
    READ({ 152, 1700000010000 }, { 153, 1 });
    expect_times(DESK_EXPORT + 10 * SECOND, DESK_EXPORT + 10 * SECOND);
    assert_int_equal(desk_skewed(&desk), 2);
}

static void
any_skew_may_be_allowed(void **state)
{
    (void)state;
    desk.bench.config.skew_ns = UINT64_MAX;
    READ({ 152, 1699999990000 }, { 153, UINT64_C(1800000000000) });
    expect_times(DESK_EXPORT - 10 * SECOND, UINT64_C(1800000000) * SECOND);
    assert_int_equal(desk_skewed(&desk), 0);
    desk.bench.config.skew_ns = 0;
    READ({ 152, 1699999990000 }, { 153, 1700000000001 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT);
    assert_int_equal(desk_skewed(&desk), 1);
}

/* ---- Uptimes ---- */

static void
uptimes_of_v9_count_back_from_that_of_the_header(void **state)
{
    (void)state;
    READ({ 22, DESK_UPTIME_MS - 10000 }, { 21, DESK_UPTIME_MS - 1000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    READ({ 22, DESK_UPTIME_MS }, { 21, DESK_UPTIME_MS });
    expect_times(DESK_EXPORT, DESK_EXPORT);
    /* Clocks of line cards differ. */
    READ({ 22, DESK_UPTIME_MS - 1 }, { 21, DESK_UPTIME_MS + 500 });
    expect_times(DESK_EXPORT - MS, DESK_EXPORT + 500 * MS);
    READ({ 22, 0 }, { 21, DESK_UPTIME_MS });
    expect_times(DESK_EXPORT - DESK_UPTIME_MS * MS, DESK_EXPORT);
    assert_int_equal(desk_skewed(&desk), 0);
}

static void
an_uptime_may_have_wrapped_since(void **state)
{
    (void)state;
    desk.header.uptime_ms = 1000;
    READ({ 22, UINT32_MAX - 8999 }, { 21, 0 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    desk.header.uptime_ms = UINT32_MAX;
    READ({ 22, 0 }, { 21, UINT32_MAX });
    expect_times(DESK_EXPORT - UINT32_MAX * MS, DESK_EXPORT);
    assert_int_equal(desk_skewed(&desk), 0);
}

static void
absolute_times_count_before_uptimes(void **state)
{
    (void)state;
    READ({ 22, 0 }, { 21, 1 }, { 152, 1699999990000 });
    assert_int_equal(desk_number(&desk, NF_TIME_FLOW_START_NS), DESK_EXPORT - 10 * SECOND);
    assert_int_equal(
        desk_number(&desk, NF_TIME_FLOW_END_NS), DESK_EXPORT - (DESK_UPTIME_MS - 1) * MS);
}

static void
uptimes_of_ipfix_count_from_the_start_of_the_exporter(void **state)
{
    (void)state;
    READ({ 160, 1699996400000 }, { 22, 3590000 }, { 21, 3599000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    /* After 49.7 days of it they have wrapped. */
    READ(
        { 160, 1700000000000 - (UINT64_C(1) << 32) - 1000 }, { 22, UINT32_MAX - 999 }, { 21, 900 });
    expect_times(DESK_EXPORT - 2 * SECOND, DESK_EXPORT - 100 * MS);
    assert_int_equal(desk.bench.d->estimated_start_ms, 0);
}

static void
options_may_have_told_when_the_exporter_started(void **state)
{
    (void)state;
    desk.bench.d->told_start_ms = 1699996400000;
    READ({ 22, 3590000 }, { 21, 3599000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    /* The record knows better. */
    READ({ 160, 1699996401000 }, { 22, 3590000 }, { 21, 3599000 });
    expect_times(DESK_EXPORT - 9 * SECOND, DESK_EXPORT);
    READ({ 160, 0 }, { 22, 3590000 }, { 21, 3599000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
}

static void
what_options_told_before_a_restart_counts_no_more(void **state)
{
    (void)state;
    desk.bench.d->told_start_ms = 1600000000000;
    READ({ 22, 3590000 }, { 21, 3600000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT);
    /* Where nothing else tells, it is better than nothing. */
    desk.bench.d->estimated_start_ms = 0;
    desk.bench.d->told_start_ms = 1699996400000;
    READ({ 160, 0 }, { 22, 3590000 }, { 21, 3600000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT);
}

static void
without_a_start_the_earliest_that_can_be_is_taken(void **state)
{
    (void)state;
    READ({ 22, 3590000 }, { 21, 3598000 });
    expect_times(DESK_EXPORT - 8 * SECOND, DESK_EXPORT);
    assert_int_equal(desk.bench.d->estimated_start_ms, 1699996402000);
    /* Later it is seen to have started earlier. */
    READ({ 22, 3590000 }, { 21, 3600000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT);
    READ({ 22, 3590000 }, { 21, 3598000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - 2 * SECOND);
    /* Only the first of the two elements. */
    READ({ 22, 3590000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - 10 * SECOND);
    assert_int_equal(desk_skewed(&desk), 0);
}

static void
a_restart_begins_another_estimate(void **state)
{
    (void)state;
    READ({ 22, 90000000 }, { 21, 90001000 });
    expect_times(DESK_EXPORT - SECOND, DESK_EXPORT);
    READ({ 22, 1000 }, { 21, 3000 });
    expect_times(DESK_EXPORT - 2 * SECOND, DESK_EXPORT);
    /* So does an uptime that wraps. */
    READ({ 22, UINT32_MAX - 1000 }, { 21, UINT32_MAX });
    expect_times(DESK_EXPORT - 1000 * MS, DESK_EXPORT);
    desk.header.export_ns += 10 * SECOND;
    READ({ 22, UINT32_MAX - 999 }, { 21, 9000 });
    expect_times(DESK_EXPORT, DESK_EXPORT + 10 * SECOND);
}

static void
an_absurd_start_of_the_exporter_is_none(void **state)
{
    (void)state;
    READ({ 22, 3590000 }, { 21, 3600000 });
    READ({ 160, UINT64_MAX }, { 22, 3590000 }, { 21, 3600000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT);
    READ({ 160, 1700003600001 }, { 22, 3590000 }, { 21, 3600000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT);
}

/* ---- As upstream has it ---- */

static void
upstreams_times_of_ipfix(void **state)
{
    (void)state;
    READ({ 152, 1699999990000 }, { 153, 1699999999000 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT - SECOND);
    READ({ 150, 1699999990 }, { 156, ntp(DESK_EXPORT) }, { 323, 1699999990000 });
    expect_times(0, 0);
    READ({ 160, 1699996400000 }, { 22, 3590000 }, { 21, 3599000 });
    expect_times(DESK_EXPORT - 3590 * SECOND, DESK_EXPORT - 3599 * SECOND);
    READ({ 152, UINT64_MAX }, { 153, 1 });
    assert_int_equal(desk_number(&desk, NF_TIME_FLOW_END_NS), MS);
    assert_int_equal(desk_skewed(&desk), 0);
}

static void
upstreams_times_of_v9(void **state)
{
    (void)state;
    READ({ 22, DESK_UPTIME_MS - 10000 }, { 21, DESK_UPTIME_MS + 1 });
    expect_times(DESK_EXPORT - 10 * SECOND, DESK_EXPORT);
    READ({ 152, 1699999990000 }, { 153, 1699999999000 });
    expect_times(0, 0);
}

/* ---- v5, and clocks that are not set ---- */

static struct netflow_rig rig;
static struct build message;
static const struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };

static void
poke_u32(size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        message.bytes[at + i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* A message of v5 whose one flow has these uptimes; its times. */
static const struct nf_flow *
feed_v5(uint32_t seconds, uint32_t first, uint32_t last)
{
    build_v5(&message, 0, 0);
    poke_u32(8, seconds);
    poke_u32(12, 123456789);
    build_record(&message, "0a000001 0a000002 0a000003 0001 0002 00000003 00000064");
    build_u32(&message, first);
    build_u32(&message, last);
    build_hex(&message, "0400 0050 00 18 06 20 fde8 fde9 18 10 0000");
    assert_int_equal(netflow_rig_feed(&rig, &peer, build_end(&message)), SR_DECODED);
    return &rig.scratch->flow;
}

static void
uptimes_of_v5_count_from_seconds_and_nanoseconds_of_the_header(void **state)
{
    const uint64_t sent = BUILD_EXPORT_SECONDS * SECOND + 123456789;
    const struct nf_flow *f;

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    f = feed_v5(BUILD_EXPORT_SECONDS, BUILD_UPTIME_MS - 10000, BUILD_UPTIME_MS + 100);
    assert_int_equal(nf_flow_get(f, NF_TIME_FLOW_START_NS), sent - 10 * SECOND);
    assert_int_equal(nf_flow_get(f, NF_TIME_FLOW_END_NS), sent + 100 * MS);
    f = feed_v5(BUILD_EXPORT_SECONDS, UINT32_MAX, 0);
    assert_int_equal(
        nf_flow_get(f, NF_TIME_FLOW_START_NS), sent - (BUILD_UPTIME_MS + UINT64_C(1)) * MS);
    netflow_rig_end(&rig);
}

static void
a_clock_that_is_not_set_gives_way_to_the_time_of_the_receive(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t seconds[] = { 0, 86400, 999999999 };
        netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
        const struct nf_flow *f =
            feed_v5(seconds[i], BUILD_UPTIME_MS - 10000, BUILD_UPTIME_MS - 1000);
        assert_int_equal(nf_flow_get(f, NF_TIME_FLOW_START_NS), NETFLOW_RIG_NOW - 10 * SECOND);
        assert_int_equal(nf_flow_get(f, NF_TIME_FLOW_END_NS), NETFLOW_RIG_NOW - SECOND);
        assert_int_equal(nf_exporter_ledger(netflow_rig_exporter(&rig, &peer))->skewed, 1);
        netflow_rig_end(&rig);
    }
}

static void
records_of_one_set_share_an_estimate(void **state)
{
    static const struct nf_field fields[] = { { 0, 22, 4 }, { 0, 21, 4 } };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, fields, 2);
    build_set(&message, 256);
    /* The second one is the later. */
    build_record(&message, "00001000 00002000 00001000 00004000 00000800 00001000");
    assert_int_equal(netflow_rig_feed(&rig, &peer, build_end(&message)), SR_DECODED);
    assert_int_equal(
        nf_flow_get(&rig.scratch->flow, NF_TIME_FLOW_END_NS), DESK_EXPORT - 0x3000 * MS);
    netflow_rig_end(&rig);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_begin, desk_end)
#define TEST_V9(f) cmocka_unit_test_setup_teardown(f, desk_begin_v9, desk_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(seconds_and_milliseconds_count_from_1970),
        TEST(microseconds_and_nanoseconds_are_in_the_format_of_ntp),
        TEST(microseconds_are_whole_and_their_last_bits_mean_nothing),
        TEST(the_most_exact_of_several_elements_counts),
        TEST(ntp_times_before_1970_are_not_known),
        TEST(deltas_count_back_from_the_export),
        TEST(durations_give_the_time_that_is_missing),
        TEST(the_time_of_an_event_is_its_start_and_its_end),
        TEST(times_that_cannot_be_become_that_of_the_export_and_are_counted),
        TEST(a_flow_does_not_end_before_a_start_that_was_clamped),
        TEST(any_skew_may_be_allowed),
        TEST_V9(uptimes_of_v9_count_back_from_that_of_the_header),
        TEST_V9(an_uptime_may_have_wrapped_since),
        TEST_V9(absolute_times_count_before_uptimes),
        TEST(uptimes_of_ipfix_count_from_the_start_of_the_exporter),
        TEST(options_may_have_told_when_the_exporter_started),
        TEST(what_options_told_before_a_restart_counts_no_more),
        TEST(without_a_start_the_earliest_that_can_be_is_taken),
        TEST(a_restart_begins_another_estimate),
        TEST(an_absurd_start_of_the_exporter_is_none),
        cmocka_unit_test_setup_teardown(upstreams_times_of_ipfix, desk_begin_upstream, desk_end),
        cmocka_unit_test_setup_teardown(upstreams_times_of_v9, desk_begin_upstream_v9, desk_end),
        cmocka_unit_test(uptimes_of_v5_count_from_seconds_and_nanoseconds_of_the_header),
        cmocka_unit_test(a_clock_that_is_not_set_gives_way_to_the_time_of_the_receive),
        cmocka_unit_test(records_of_one_set_share_an_estimate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
