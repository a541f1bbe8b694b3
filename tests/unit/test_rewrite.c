/* SPDX-License-Identifier: Apache-2.0 */
/* What rewriting promises to replay, whatever the protocol; each has tests of its own. */
#include "unit.h"

#include "replay/replay_options.h"
#include "replay/rewrite.h"
#include "replay/rewrite_parts.h"
#include "verify/ledger.h"

#define NOW UINT64_C(1795348923000000000) /* 2026-11-22T12:02:03Z */

static uint8_t out[REWRITE_ROOM];

/* A v5 datagram of one flow. */
static const uint8_t v5[24 + 48] = { 0, 5, 0, 1, 0, 0, 0x13, 0x88, 0, 0, 3, 0xe8, [24 + 19] = 1,
    [24 + 23] = 100 };

/* A v1 trap with a time-stamp of 16 hundredths and no varbind. */
static const uint8_t trap[] = { 0x30, 0x1f, 2, 1, 0, 4, 1, 'p', 0xa4, 0x17, 6, 3, 0x2b, 6, 1, 0x40,
    4, 10, 0, 0, 1, 2, 1, 0, 2, 1, 0, 0x43, 1, 16, 0x30, 0, 0 };

static struct sr_span
trap_span(void)
{
    return (struct sr_span){ trap, sizeof(trap) };
}

static struct rewrite *
rewrite_for(enum traffic_kind kind, bool marked)
{
    const struct rewrite_options options = { .kind = kind, .marked = marked, .run = 0xabcdef };
    struct rewrite *r = rewrite_new(&options);

    assert_non_null(r);
    return r;
}

static void
marks_are_numbered_without_a_gap(void **state)
{
    struct rewrite *r = rewrite_for(TRAFFIC_SYSLOG, true);
    struct rewritten result;
    uint64_t number;

    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(rewrite_message(r, 0, NOW, span_of(""), out, &result), REWRITE_EUNKNOWN);
        assert_int_equal(result.records, 0);
        assert_int_equal(rewrite_message(r, 0, NOW, span_of("<13>x"), out, &result), REWRITE_OK);
        assert_int_equal(result.records, 1);
        assert_int_equal(result.sequence, i);
        assert_true(rewrite_read(r, result.bytes, &number));
        assert_int_equal(number, i);
    }
    rewrite_free(r);
}

static void
what_cannot_be_changed_is_the_message_itself(void **state)
{
    static const enum traffic_kind kinds[] = { TRAFFIC_TRAP, TRAFFIC_NETFLOW };
    struct sr_span line = span_of("<13>x");
    struct rewritten result;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rewrite *r = rewrite_for(kinds[i], true);
        assert_int_equal(rewrite_message(r, 0, NOW, line, out, &result), REWRITE_EUNKNOWN);
        assert_ptr_equal(result.bytes.data, line.data);
        assert_int_equal(result.bytes.len, line.len);
        assert_int_equal(result.records, 0);
        rewrite_free(r);
    }
}

static void
without_marks_nothing_has_records_to_wait_for(void **state)
{
    static const enum traffic_kind kinds[] = { TRAFFIC_SYSLOG, TRAFFIC_TRAP, TRAFFIC_NETFLOW };
    const struct sr_span messages[] = { span_of("<13>x"), trap_span(), { v5, sizeof(v5) } };
    struct rewritten result;
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct rewrite *r = rewrite_for(kinds[i], false);
        assert_int_equal(rewrite_message(r, 0, NOW, messages[i], out, &result), REWRITE_OK);
        assert_int_equal(result.records, 0);
        assert_int_equal(result.bytes.len, messages[i].len);
        assert_false(rewrite_read(r, result.bytes, &number));
        rewrite_free(r);
    }
}

static void
the_time_stamp_of_v1_goes_on_with_the_clock(void **state)
{
    struct rewrite *r = rewrite_for(TRAFFIC_TRAP, false);
    struct rewritten result;

    (void)state;
    assert_int_equal(rewrite_message(r, 0, NOW, trap_span(), out, &result), REWRITE_OK);
    assert_memory_equal(result.bytes.data, trap, sizeof(trap));
    assert_int_equal(
        rewrite_message(r, 0, NOW + 50 * UINT64_C(10000000), trap_span(), out, &result),
        REWRITE_OK);
    assert_int_equal(result.bytes.len, sizeof(trap));
    assert_int_equal(result.bytes.data[29], 16 + 50);
    /* A clock that was set back does not make it jump. */
    assert_int_equal(rewrite_message(r, 0, NOW - 1, trap_span(), out, &result), REWRITE_OK);
    assert_int_equal(result.bytes.data[29], 16);
    rewrite_free(r);
}

static void
marks_of_another_run_are_not_ours(void **state)
{
    struct rewrite *r = rewrite_for(TRAFFIC_SYSLOG, true);
    uint64_t number;

    (void)state;
    assert_true(rewrite_read(r, span_of("x sr-load=abcdef/0000000000007"), &number));
    assert_int_equal(number, 7);
    assert_false(rewrite_read(r, span_of("x sr-load=abcdee/0000000000007"), &number));
    /* What `load` once sent was recorded with a mark of its own. */
    assert_true(rewrite_read(
        r, span_of("x sr-load=abcdee/0000000000003 sr-load=abcdef/0000000000007"), &number));
    assert_int_equal(number, 7);
    assert_false(rewrite_read(r, span_of("x"), &number));
    rewrite_free(r);
}

/* A flowpb.FlowMessage of NetFlow v5 with that sequence number: fields 1 and 4. */
static struct sr_span
stored_flow(const uint8_t *datagram, uint8_t room[16])
{
    uint32_t sequence = 0;
    size_t len = 0;

    for (size_t i = 16; i < 20; i++) {
        sequence = sequence << 8 | datagram[i];
    }
    room[len++] = 1 << 3;
    room[len++] = 2;
    room[len++] = 4 << 3;
    for (; sequence >= 0x80; sequence >>= 7) {
        room[len++] = (uint8_t)(sequence | 0x80);
    }
    room[len++] = (uint8_t)sequence;
    return (struct sr_span){ room, len };
}

/* Else a replay that never ends would need more memory without an end. */
static void
numbers_of_flows_are_kept_only_for_who_asks_for_them(void **state)
{
    const struct sr_span datagram = { v5, sizeof(v5) };
    struct rewritten result;
    uint8_t room[16];
    uint64_t number;

    (void)state;
    for (int marked = 0; marked < 2; marked++) {
        struct rewrite *r = rewrite_for(TRAFFIC_NETFLOW, marked);
        assert_int_equal(rewrite_message(r, 0, NOW, datagram, out, &result), REWRITE_OK);
        assert_int_equal(rewrite_read(r, stored_flow(out, room), &number), marked);
        rewrite_free(r);
    }
}

static void
more_domains_than_can_be_numbered_are_told_as_that(void **state)
{
    struct rewrite *r = rewrite_for(TRAFFIC_NETFLOW, true);
    uint8_t datagram[sizeof(v5)];
    struct rewritten result;

    (void)state;
    memcpy(datagram, v5, sizeof(v5));
    for (unsigned i = 0; i <= 1024; i++) {
        datagram[20] = (uint8_t)(i >> 8); /* the engine */
        datagram[21] = (uint8_t)i;
        assert_int_equal(
            rewrite_message(r, 0, NOW, (struct sr_span){ datagram, sizeof(v5) }, out, &result),
            i < 1024 ? REWRITE_OK : REWRITE_EFULL);
    }
    assert_non_null(strstr(rewrite_reason(REWRITE_EFULL), "1024"));
    rewrite_free(r);
}

/* A replay without an end with --verify: what its ledger has no room for is told at its end. */
static void
numbers_that_no_ledger_holds_are_not_kept(void **state)
{
    const struct sr_span datagram = { v5, sizeof(v5) };
    struct sr_span bytes;
    uint32_t records;
    uint64_t number;
    uint8_t room[16];

    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        struct rewrite_flows *f = rewrite_flows_new(1, true);
        assert_non_null(f);
        assert_int_equal(rewrite_flows_datagram(f, 0, NOW, LEDGER_NUMBERS_MAX - 1 + more, datagram,
                             out, &bytes, &records),
            REWRITE_OK);
        assert_int_equal(records, 1);
        assert_int_equal(rewrite_flows_find(f, stored_flow(out, room), &number), more == 0);
        rewrite_flows_free(f);
    }
}

static void
flows_of_no_known_version_are_not_ours(void **state)
{
    struct rewrite *r = rewrite_for(TRAFFIC_NETFLOW, true);
    struct rewritten result;
    uint8_t room[16];
    uint64_t number;

    (void)state;
    assert_int_equal(
        rewrite_message(r, 0, NOW, (struct sr_span){ v5, sizeof(v5) }, out, &result), REWRITE_OK);
    struct sr_span flow = stored_flow(out, room);
    for (uint8_t type = 0; type < 6; type++) {
        room[1] = type; /* FlowMessage.Type: 1 is sFlow, which counts datagrams in that field */
        assert_int_equal(rewrite_read(r, flow, &number), type == 2);
    }
    rewrite_free(r);
}

static void
the_first_bytes_tell_the_kind(void **state)
{
    (void)state;
    assert_int_equal(replay_kind((struct sr_span){ v5, sizeof(v5) }), TRAFFIC_NETFLOW);
    assert_int_equal(replay_kind(trap_span()), TRAFFIC_TRAP);
    assert_int_equal(replay_kind(span_of("<13>x")), TRAFFIC_SYSLOG);
    assert_int_equal(replay_kind(span_of("0")), TRAFFIC_TRAP);
    assert_int_equal(replay_kind(span_of("")), TRAFFIC_SYSLOG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_numbered_without_a_gap),
        cmocka_unit_test(what_cannot_be_changed_is_the_message_itself),
        cmocka_unit_test(without_marks_nothing_has_records_to_wait_for),
        cmocka_unit_test(the_time_stamp_of_v1_goes_on_with_the_clock),
        cmocka_unit_test(marks_of_another_run_are_not_ours),
        cmocka_unit_test(numbers_of_flows_are_kept_only_for_who_asks_for_them),
        cmocka_unit_test(more_domains_than_can_be_numbered_are_told_as_that),
        cmocka_unit_test(numbers_that_no_ledger_holds_are_not_kept),
        cmocka_unit_test(flows_of_no_known_version_are_not_ours),
        cmocka_unit_test(the_first_bytes_tell_the_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
