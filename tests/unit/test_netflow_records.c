/* SPDX-License-Identifier: Apache-2.0 */
/* Records whose fields say where they end, and what becomes of records that cannot be published. */
#include "unit.h"

#include <limits.h>
#include <stdlib.h>

#include "../golden/flow_message.h"
#include "netflow_talk.h"

#include "sr/banned.h"

/* ---- Fields of variable length and lists ---- */

static void
a_field_may_have_a_length_of_three_bytes(void **state)
{
    static const struct nf_field fields[] = { { .id = 82, .length = NF_VARIABLE_LENGTH },
        { .id = 8, .length = 4 }, { .id = 1, .length = 4 } };
    static const char zeros[300];

    (void)state;
    build_ipfix(&talk.message, 1, 0);
    build_set(&talk.message, BUILD_IPFIX_TEMPLATES);
    build_template(&talk.message, 256, fields, 3);
    build_set(&talk.message, 256);
    for (size_t length = 0; length <= 300; length += 100) {
        build_variable(&talk.message, zeros, length);
        build_hex(&talk.message, "0a000001 00000064");
    }
    build_hex(&talk.message, "ff 0003 000000 0a000001 00000064"); /* longer than it need be */
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 5);
    assert_int_equal(talk.rig.deadletters, 0);
}

static void
a_variable_length_past_the_end_ends_the_set(void **state)
{
    static const struct nf_field fields[] = { { .id = 8, .length = 4 },
        { .id = 82, .length = NF_VARIABLE_LENGTH } };
    static const char *const lies[] = { "0a000001 05 00000000", "0a000001 ff 0100 00",
        "0a000001 ff 01", "0a000001 ff", "0a0000" };

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        build_ipfix(&talk.message, 1, 0);
        build_set(&talk.message, BUILD_IPFIX_TEMPLATES);
        build_template(&talk.message, 256, fields, 2);
        build_set(&talk.message, 256);
        build_hex(&talk.message, "0a000001 00");
        build_hex(&talk.message, lies[i]);
        (void)talk_feed();
        assert_int_equal(talk.rig.messages, 1);
    }
}

static unsigned
feed_list(uint16_t element, const char *content)
{
    const struct nf_field fields[] = { { .id = element, .length = NF_VARIABLE_LENGTH },
        { .id = 8, .length = 4 }, { .id = 1, .length = 4 } };
    uint8_t list[256];
    size_t length;

    talk.message.len = 0;
    build_hex(&talk.message, content);
    length = talk.message.len;
    memcpy(list, talk.message.bytes, length);
    build_ipfix(&talk.message, 1, 0);
    build_set(&talk.message, BUILD_IPFIX_TEMPLATES);
    build_template(&talk.message, 256, talk_flow_fields, TALK_FLOW_FIELDS);
    build_template(&talk.message, 300, fields, 3);
    build_set(&talk.message, 300);
    for (unsigned i = 0; i < 2; i++) {
        build_variable(&talk.message, list, length);
        build_hex(&talk.message, "0a000001 00000064");
    }
    uint64_t before = talk_ledger()->structured;
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 2);
    return (unsigned)(talk_ledger()->structured - before);
}

static void
lists_are_counted_and_never_move_the_fields_behind_them(void **state)
{
    (void)state;
    /* Three elements of two bytes; one record of 256; two parts of one. Each list comes twice. */
    assert_int_equal(feed_list(291, "ff 0007 0002 0050 0051 0052"), 6);
    assert_int_equal(feed_list(292, "ff 0100" TALK_FLOW), 2);
    assert_int_equal(feed_list(293, "ff 0100 0014" TALK_FLOW "0100 0014" TALK_FLOW), 4);
}

static void
lists_that_lie_are_survived(void **state)
{
    (void)state;
    (void)feed_list(291, "");
    (void)feed_list(291, "ff");
    (void)feed_list(291, "ff 0007 0000 0050");           /* elements of no bytes */
    (void)feed_list(291, "ff 0007 0005 0050 0051");      /* no whole element */
    (void)feed_list(291, "ff 8007 0002");                /* no enterprise */
    (void)feed_list(291, "ff 0007 ffff 05 0000");        /* an element past the end */
    (void)feed_list(291, "ff 0123 ffff ff ffff 000000"); /* a list in it, too */
    (void)feed_list(292, "ff 03e7 00");                  /* of a template that is not there */
    (void)feed_list(292, "ff 012c ff ffff 00");          /* of its own template */
    (void)feed_list(293, "ff 0100 0000 0100 0003");      /* parts shorter than their heads */
    (void)feed_list(293, "ff 0100 ffff 00");
    assert_int_equal(talk.rig.deadletters, 0);
}

/* ---- Room and budget ---- */

static void
records_without_room_are_told_as_lost(void **state)
{
    (void)state;
    build_ipfix(&talk.message, 1, 0);
    talk_flow_template(10, 256);
    talk_flows(256, 10);
    talk.rig.room_left = 4;
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 4);
    assert_int_equal(talk.rig.lost, 6);
    assert_int_equal(talk_ledger()->full, 6);
    talk.rig.room_left = UINT_MAX;
}

/* One message in a stream, with so much room at a time: how often it had to wait. */
static unsigned
feed_stream(struct sr_span bytes, unsigned room)
{
    struct nf_resume resume = { 0 };
    const struct nf_input input = {
        .scratch = talk.rig.scratch,
        .now_ns = NETFLOW_RIG_NOW,
        .peer = &talk_peer,
        .bytes = bytes,
        .resume = &resume,
    };
    struct nf_exporter *e = netflow_rig_exporter(&talk.rig, &talk_peer);
    unsigned waits = 0;

    talk.rig.room_left = room;
    while (sr_netflow_datagram(e, &talk.rig.config, &input, &talk.rig.emit) == SR_FULL) {
        talk.rig.room_left = room;
        waits++;
    }
    talk.rig.room_left = UINT_MAX;
    return waits;
}

static void
a_stream_that_waits_for_room_publishes_each_record_once(void **state)
{
    static const struct nf_field named[] = { { .id = 82, .length = NF_VARIABLE_LENGTH },
        { .id = 1, .length = 4 } };

    (void)state;
    build_ipfix(&talk.message, 1, 0);
    talk_flow_template(10, 256);
    build_template(&talk.message, 257, named, 2);
    talk_flows(256, 7);
    build_set(&talk.message, 257);
    for (unsigned i = 0; i < 5; i++) {
        build_variable(&talk.message, "eth0", i % 4);
        build_u32(&talk.message, i + 1);
    }
    talk_flows(256, 3);
    const struct sr_span bytes = build_end(&talk.message);
    for (unsigned room = 1; room <= 16; room++) {
        netflow_rig_forget(&talk.rig);
        unsigned waits = feed_stream(bytes, room);
        assert_int_equal(talk.rig.messages, 15);
        assert_int_equal(talk.rig.lost, 0);
        assert_in_range(waits, 14 / room, 15 / room);
    }
    assert_int_equal(talk_ledger()->records, 16 * 15);
    assert_int_equal(talk_ledger()->published, 16 * 15);
}

static struct flow_message last_message;

static void
keep_message(void *arg, struct sr_span bytes)
{
    (void)arg;
    assert_true(flow_message_read(bytes, &last_message));
}

static void
a_value_that_stands_in_for_a_field_of_32_bits_fits_into_it(void **state)
{
    static const struct nf_field fields[] = { { .id = 53, .length = 6 }, { .id = 29, .length = 8 },
        { .id = 30, .length = 8 }, { .id = 1, .length = 4 } };

    (void)state;
    talk.rig.message = keep_message;
    build_ipfix(&talk.message, 1, 0);
    build_set(&talk.message, BUILD_IPFIX_TEMPLATES);
    build_template(&talk.message, 256, fields, 4);
    build_set(&talk.message, 256);
    build_record(&talk.message, "ffffffffffff 0000000100000000 0000000000000040 00000064");
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 1);
    assert_int_equal(last_message.fields[25].number, UINT32_MAX); /* ip_ttl */
    assert_int_equal(last_message.fields[16].number, UINT32_MAX); /* src_net */
    assert_int_equal(last_message.fields[17].number, 64);
    assert_int_equal(talk_ledger()->clamped, 2);
}

static void
records_over_the_budget_are_told_as_limited(void **state)
{
    uint64_t budget = 3;

    (void)state;
    build_v9(&talk.message, 1, 0);
    talk_flow_template(9, 256);
    talk_flows(256, 10);
    const struct sr_span bytes = build_end(&talk.message);
    const struct nf_input input = {
        .scratch = talk.rig.scratch,
        .now_ns = NETFLOW_RIG_NOW,
        .peer = &talk_peer,
        .bytes = bytes,
        .budget = &budget,
    };
    assert_int_equal(sr_netflow_datagram(netflow_rig_exporter(&talk.rig, &talk_peer),
                         &talk.rig.config, &input, &talk.rig.emit),
        SR_DECODED);
    assert_int_equal(talk.rig.messages, 3);
    assert_int_equal(talk.rig.lost, 7);
    assert_int_equal(talk_ledger()->limited, 7);
    assert_int_equal(budget, 0);
}

static void
records_without_bytes_and_packets_are_left_out_where_this_is_asked_for(void **state)
{
    (void)state;
    talk.rig.config.drop_zero_counters = true;
    build_ipfix(&talk.message, 1, 0);
    talk_flow_template(10, 256);
    talk_flows(256, 1);
    build_record(&talk.message, "0a000001 0a000002 00000000 00000000");
    build_record(&talk.message, "0a000001 0a000002 00000000 00000001");
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 2);
    assert_int_equal(talk_ledger()->zero, 1);
}

static void
a_message_of_an_exporter_over_its_domains_replaces_the_oldest(void **state)
{
    (void)state;
    talk.rig.config.max_domains = 4;
    for (unsigned domain = 1; domain <= 100; domain++) {
        build_ipfix(&talk.message, domain, 0);
        talk_flow_template(10, 256);
        talk_flows(256, 1);
        assert_int_equal(talk_feed(), SR_DECODED);
    }
    /* 97 to 100 are there. */
    for (unsigned domain = 100; domain >= 97; domain--) {
        build_ipfix(&talk.message, domain, 1);
        talk_flows(256, 1);
        assert_int_equal(talk_feed(), SR_DECODED);
        assert_int_equal(talk.rig.messages, 1);
    }
    assert_true(talk.rig.taken < 1 << 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TALK_TEST(a_field_may_have_a_length_of_three_bytes),
        TALK_TEST(a_variable_length_past_the_end_ends_the_set),
        TALK_TEST(lists_are_counted_and_never_move_the_fields_behind_them),
        TALK_TEST(lists_that_lie_are_survived),
        TALK_TEST(records_without_room_are_told_as_lost),
        TALK_TEST(a_stream_that_waits_for_room_publishes_each_record_once),
        TALK_TEST(a_value_that_stands_in_for_a_field_of_32_bits_fits_into_it),
        TALK_TEST(records_over_the_budget_are_told_as_limited),
        TALK_TEST(records_without_bytes_and_packets_are_left_out_where_this_is_asked_for),
        TALK_TEST(a_message_of_an_exporter_over_its_domains_replaces_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
