/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that lie, are cut, or come in an order that nobody asked for. */
#include "unit.h"

#include <limits.h>
#include <stdlib.h>

#include "../golden/flow_message.h"
#include "netflow_build.h"
#include "netflow_rig.h"

#include "sr/banned.h"

static const struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };

static struct netflow_rig rig;
static struct build message;

static const struct nf_field flow_fields[] = { { .id = 8, .length = 4 }, { .id = 12, .length = 4 },
    { .id = 1, .length = 4 }, { .id = 2, .length = 4 } };
#define FLOW_FIELDS 4
#define FLOW "0a000001 0a000002 00000064 00000001"

static int
begin(void **state)
{
    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    bool sums = netflow_rig_ledger_sums(&rig);
    netflow_rig_end(&rig);
    return sums ? 0 : -1;
}

static struct nf_ledger *
ledger(void)
{
    return nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
}

/* Feeds the message that was built, and forgets what came out of those before. */
static enum sr_verdict
feed(void)
{
    netflow_rig_forget(&rig);
    return netflow_rig_feed(&rig, &peer, build_end(&message));
}

/* The message as it is: its lengths and counts may lie. */
static enum sr_verdict
feed_as_it_is(void)
{
    netflow_rig_forget(&rig);
    return netflow_rig_feed(&rig, &peer, (struct sr_span){ message.bytes, message.len });
}

static void
poke_u16(size_t at, unsigned value)
{
    message.bytes[at] = (uint8_t)(value >> 8);
    message.bytes[at + 1] = (uint8_t)value;
}

static void
begin_message(uint16_t version)
{
    if (version == 9) {
        build_v9(&message, 1, 0);
    } else {
        build_ipfix(&message, 1, 0);
    }
}

static void
add_templates(uint16_t version)
{
    build_set(&message, version == 9 ? BUILD_V9_TEMPLATES : BUILD_IPFIX_TEMPLATES);
}

static void
add_flow_template(uint16_t version, uint16_t id)
{
    add_templates(version);
    build_template(&message, id, flow_fields, FLOW_FIELDS);
}

static void
add_flows(uint16_t id, unsigned count)
{
    build_set(&message, id);
    for (unsigned i = 0; i < count; i++) {
        build_record(&message, FLOW);
    }
}

/* Each version that has templates in turn, with an exporter of its own. */
static void
for_both_versions(void (*test)(uint16_t version))
{
    test(9);
    assert_true(netflow_rig_ledger_sums(&rig));
    netflow_rig_end(&rig);
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    test(10);
}

/* ---- Templates ---- */

static void
no_records_of_no_bytes(uint16_t version)
{
    static const struct nf_field nothing[] = { { .id = 8, .length = 0 },
        { .id = 12, .length = 0 } };

    /* First no fields at all, then two of no bytes. */
    for (unsigned fields = 0; fields <= 2; fields += 2) {
        begin_message(version);
        add_templates(version);
        build_template(&message, 300, nothing, (uint16_t)fields);
        (void)feed();
        begin_message(version);
        add_flows(300, 2);
        assert_int_equal(feed(), SR_CONSUMED); /* waits for a template of use */
        assert_int_equal(rig.messages, 0);
    }
    begin_message(version);
    add_flow_template(version, 300);
    (void)feed();
    assert_int_equal(rig.messages, 4);
}

static void
a_template_without_bytes_is_refused_and_data_waits_for_another(void **state)
{
    (void)state;
    for_both_versions(no_records_of_no_bytes);
}

static void
zero_length_fields(uint16_t version)
{
    static const struct nf_field fields[] = { { .id = 8, .length = 4 }, { .id = 12, .length = 0 },
        { .id = 1, .length = 4 }, { .id = 7, .length = 0 }, { .id = 2, .length = 4 } };

    begin_message(version);
    add_templates(version);
    build_template(&message, 256, fields, 5);
    build_set(&message, 256);
    for (unsigned i = 0; i < 3; i++) {
        build_record(&message, "0a000001 00000064 00000001");
    }
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 3);
    assert_int_equal(rig.deadletters, 0);
}

static void
fields_of_no_bytes_take_none(void **state)
{
    (void)state;
    for_both_versions(zero_length_fields);
}

static void
a_template_with_65535_fields(uint16_t version)
{
    begin_message(version);
    add_flow_template(version, 256);
    build_u16(&message, 257);
    build_u16(&message, 65535);
    build_hex(&message, "0008 0004");
    add_flows(256, 1);
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 1);
    assert_true(ledger()->template_refused + ledger()->sets_malformed > 0);

    /* As many as fit into a datagram, all there: over the limit. */
    uint64_t refused = ledger()->template_refused;
    begin_message(version);
    add_templates(version);
    build_u16(&message, 258);
    build_u16(&message, 16000);
    for (unsigned i = 0; i < 16000; i++) {
        build_hex(&message, "0008 0004");
    }
    (void)feed();
    assert_true(ledger()->template_refused > refused);
}

static void
a_template_that_says_65535_fields_costs_nobody_else(void **state)
{
    (void)state;
    for_both_versions(a_template_with_65535_fields);
}

static void
nearly_empty_template(uint16_t version)
{
    struct nf_field fields[100] = { { .id = 4, .length = 1 } };

    for (unsigned i = 1; i < 100; i++) {
        fields[i].id = 8;
    }
    /* 5 of no bytes beside one of one byte are the most. */
    for (uint16_t count = 4; count <= 100; count++) {
        uint64_t refused = ledger()->template_refused;
        begin_message(version);
        add_templates(version);
        build_template(&message, (uint16_t)(256 + count), fields, count);
        (void)feed();
        assert_int_equal(ledger()->template_refused - refused, count > 6);
    }
}

static void
a_template_of_hardly_any_bytes_may_not_have_many_fields(void **state)
{
    (void)state;
    for_both_versions(nearly_empty_template);
}

static void
redefinition(uint16_t version)
{
    static const struct nf_field other[] = { { .id = 8, .length = 4 } };

    begin_message(version);
    add_flow_template(version, 256);
    add_flows(256, 2);
    add_templates(version);
    build_template(&message, 256, other, 1);
    build_set(&message, 256);
    for (unsigned i = 0; i < 5; i++) {
        build_record(&message, "0a000001");
    }
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 7);
    assert_int_equal(ledger()->template_changes, 1);
}

static void
a_template_that_changes_within_a_message_is_used_from_there_on(void **state)
{
    (void)state;
    for_both_versions(redefinition);
}

static void
withdrawals_over_udp_are_ignored(void **state)
{
    (void)state;
    build_ipfix(&message, 1, 0);
    add_flow_template(10, 256);
    (void)feed();
    /* One template, then all: RFC 7011 section 8.1. */
    for (unsigned i = 0; i < 2; i++) {
        build_ipfix(&message, 1, 0);
        build_set(&message, BUILD_IPFIX_TEMPLATES);
        build_template(&message, i == 0 ? 256 : BUILD_IPFIX_TEMPLATES, NULL, 0);
        (void)feed();
        build_ipfix(&message, 1, 0);
        add_flows(256, 1);
        assert_int_equal(feed(), SR_DECODED);
        assert_int_equal(rig.messages, 1);
    }
}

/* ---- Data before its template ---- */

static void
data_first_in_one(uint16_t version)
{
    begin_message(version);
    add_flows(256, 3);
    add_flow_template(version, 256);
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 3);
}

static void
data_before_its_template_in_one_datagram_is_decoded(void **state)
{
    (void)state;
    for_both_versions(data_first_in_one);
}

static void
data_first_in_two(uint16_t version)
{
    begin_message(version);
    add_flows(256, 3);
    assert_int_equal(feed(), SR_CONSUMED);
    assert_int_equal(rig.messages, 0);
    begin_message(version);
    add_flow_template(version, 256);
    (void)feed();
    assert_int_equal(rig.messages, 3);
    assert_int_equal(ledger()->sets_parked, 1);
    assert_int_equal(ledger()->sets_released, 1);
}

static void
data_a_datagram_before_its_template_is_decoded(void **state)
{
    (void)state;
    for_both_versions(data_first_in_two);
}

static void
neighbours(uint16_t version)
{
    begin_message(version);
    add_flow_template(version, 256);
    (void)feed();
    begin_message(version);
    add_flows(256, 1);
    add_flows(999, 2);
    add_flows(256, 3);
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 4);
    assert_int_equal(ledger()->sets_parked, 1);
}

static void
a_missing_template_never_costs_its_neighbours(void **state)
{
    (void)state;
    for_both_versions(neighbours);
}

static void
sets_that_wait_for_too_long_become_dead_letters(void **state)
{
    (void)state;
    build_ipfix(&message, 1, 0);
    add_flows(256, 1);
    add_flows(257, 1);
    (void)feed();
    netflow_rig_forget(&rig);
    netflow_rig_expire(&rig, NETFLOW_RIG_NOW + 1000000000);
    assert_int_equal(rig.deadletters, 0);
    netflow_rig_expire(&rig, UINT64_MAX);
    assert_int_equal(rig.deadletters, 2);
    assert_string_equal(rig.last_reason, "template_missing");
    assert_int_equal(nf_pending_count(netflow_rig_exporter(&rig, &peer)), 0);
}

static void
no_more_wait_than_may(void **state)
{
    (void)state;
    rig.config.max_pending_sets = 4;
    for (unsigned i = 0; i < 10; i++) {
        build_ipfix(&message, 1, 0);
        add_flows((uint16_t)(256 + i), 1);
        (void)feed();
        assert_true(nf_pending_count(netflow_rig_exporter(&rig, &peer)) <= 4);
        assert_int_equal(rig.deadletters, i >= 4 ? 1 : 0);
    }
    assert_int_equal(ledger()->sets_expired, 6);
}

/* ---- Counts and lengths that lie ---- */

static void
v5_flows(unsigned count, unsigned said)
{
    build_v5(&message, 1, 0);
    for (unsigned i = 0; i < count; i++) {
        build_record(&message, "0a000001 0a000002 00000000 0001 0002 00000001 00000064"
                               "00000000 00000001 0400 0050 00 18 06 00 0001 0002 18 18 0000");
    }
    (void)build_end(&message);
    poke_u16(2, said);
}

static void
a_v5_header_that_counts_too_many_gives_no_flow_that_is_not_there(void **state)
{
    static const unsigned said[] = { 0, 1, 3, 4, 30, 31, 27230, 65535 };

    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        v5_flows(3, said[i]);
        (void)feed_as_it_is();
        assert_true(rig.messages <= 3);
    }
    v5_flows(3, 3);
    assert_int_equal(feed_as_it_is(), SR_DECODED);
    assert_int_equal(rig.messages, 3);
    assert_true(ledger()->count_mismatches >= 5);
}

static void
a_v9_header_that_counts_other_than_what_follows_is_noted_and_all_is_read(void **state)
{
    static const unsigned said[] = { 0, 1, 3, 5, 65535 };

    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        build_v9(&message, 1, 0);
        add_flow_template(9, 256);
        add_flows(256, 3);
        (void)build_end(&message);
        poke_u16(2, said[i]);
        assert_int_equal(feed_as_it_is(), SR_DECODED);
        assert_int_equal(rig.messages, 3);
    }
}

static void
set_lengths(uint16_t version)
{
    static const unsigned lengths[] = { 0, 1, 3, 25, 1000, 65535 };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        begin_message(version);
        add_flow_template(version, 256);
        add_flows(256, 2);
        build_set(&message, 256);
        size_t second = message.len - 4;
        build_record(&message, FLOW);
        (void)build_end(&message);
        poke_u16(second + 2, lengths[i]);
        assert_int_equal(feed_as_it_is(), SR_DECODED);
        /* What comes before is read, and the rest once at most. */
        assert_in_range(rig.messages, 2, 3);
    }
}

static void
a_set_length_that_lies_costs_nothing_before_it(void **state)
{
    (void)state;
    for_both_versions(set_lengths);
    assert_true(ledger()->sets_malformed > 0);
}

static void
message_lengths_that_lie_are_survived(void **state)
{
    static const unsigned lengths[] = { 0, 15, 16, 17, 40, 1000, 65535 };

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        build_ipfix(&message, 1, 0);
        add_flow_template(10, 256);
        add_flows(256, 2);
        (void)build_end(&message);
        poke_u16(2, lengths[i]);
        (void)feed_as_it_is();
        assert_true(rig.messages <= 2);
    }
}

static void
zeros_behind_the_last_set_are_padding(uint16_t version)
{
    begin_message(version);
    add_flow_template(version, 256);
    add_flows(256, 2);
    (void)build_end(&message);
    build_hex(&message, "00000000 00000000 00000000 00000000 00");
    if (version == 10) {
        poke_u16(2, (unsigned)message.len);
    }
    assert_int_equal(feed_as_it_is(), SR_DECODED);
    assert_int_equal(rig.messages, 2);
    assert_int_equal(rig.deadletters, 0);
}

static void
trailing_zeros_are_no_error(void **state)
{
    (void)state;
    for_both_versions(zeros_behind_the_last_set_are_padding);
}

static void
what_is_no_flow_message_is_a_dead_letter(void **state)
{
    static const struct {
        const char *hex;
    } inputs[] = { { "" }, { "00" }, { "0005" }, { "0009" }, { "000a" }, { "00080001" },
        { "ffff000000000000000000000000000000000000" }, { "474554202f20485454502f312e31" } };

    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        message.len = 0;
        build_hex(&message, inputs[i].hex);
        assert_int_equal(feed_as_it_is(), SR_DEADLETTER);
        assert_int_equal(rig.deadletters, 1);
        assert_int_equal(rig.messages, 0);
    }
}

/* ---- Fields of variable length and lists ---- */

static void
a_field_may_have_a_length_of_three_bytes(void **state)
{
    static const struct nf_field fields[] = { { .id = 82, .length = NF_VARIABLE_LENGTH },
        { .id = 8, .length = 4 }, { .id = 1, .length = 4 } };
    static const char zeros[300];

    (void)state;
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, fields, 3);
    build_set(&message, 256);
    for (size_t length = 0; length <= 300; length += 100) {
        build_variable(&message, zeros, length);
        build_hex(&message, "0a000001 00000064");
    }
    build_hex(&message, "ff 0003 000000 0a000001 00000064"); /* longer than it need be */
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 5);
    assert_int_equal(rig.deadletters, 0);
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
        build_ipfix(&message, 1, 0);
        build_set(&message, BUILD_IPFIX_TEMPLATES);
        build_template(&message, 256, fields, 2);
        build_set(&message, 256);
        build_hex(&message, "0a000001 00");
        build_hex(&message, lies[i]);
        (void)feed();
        assert_int_equal(rig.messages, 1);
    }
}

static unsigned
feed_list(uint16_t element, const char *content)
{
    const struct nf_field fields[] = { { .id = element, .length = NF_VARIABLE_LENGTH },
        { .id = 8, .length = 4 }, { .id = 1, .length = 4 } };
    uint8_t list[256];
    size_t length;

    message.len = 0;
    build_hex(&message, content);
    length = message.len;
    memcpy(list, message.bytes, length);
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, flow_fields, FLOW_FIELDS);
    build_template(&message, 300, fields, 3);
    build_set(&message, 300);
    for (unsigned i = 0; i < 2; i++) {
        build_variable(&message, list, length);
        build_hex(&message, "0a000001 00000064");
    }
    uint64_t before = ledger()->structured;
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 2);
    return (unsigned)(ledger()->structured - before);
}

static void
lists_are_counted_and_never_move_the_fields_behind_them(void **state)
{
    (void)state;
    /* Three elements of two bytes; one record of 256; two parts of one. Each list comes twice. */
    assert_int_equal(feed_list(291, "ff 0007 0002 0050 0051 0052"), 6);
    assert_int_equal(feed_list(292, "ff 0100" FLOW), 2);
    assert_int_equal(feed_list(293, "ff 0100 0014" FLOW "0100 0014" FLOW), 4);
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
    assert_int_equal(rig.deadletters, 0);
}

/* ---- Room and budget ---- */

static void
records_without_room_are_told_as_lost(void **state)
{
    (void)state;
    build_ipfix(&message, 1, 0);
    add_flow_template(10, 256);
    add_flows(256, 10);
    rig.room_left = 4;
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 4);
    assert_int_equal(rig.lost, 6);
    assert_int_equal(ledger()->full, 6);
    rig.room_left = UINT_MAX;
}

/* One message in a stream, with so much room at a time: how often it had to wait. */
static unsigned
feed_stream(struct sr_span bytes, unsigned room)
{
    struct nf_resume resume = { 0 };
    const struct nf_input input = {
        .scratch = rig.scratch,
        .now_ns = NETFLOW_RIG_NOW,
        .peer = &peer,
        .bytes = bytes,
        .resume = &resume,
    };
    struct nf_exporter *e = netflow_rig_exporter(&rig, &peer);
    unsigned waits = 0;

    rig.room_left = room;
    while (sr_netflow_datagram(e, &rig.config, &input, &rig.emit) == SR_FULL) {
        rig.room_left = room;
        waits++;
    }
    rig.room_left = UINT_MAX;
    return waits;
}

static void
a_stream_that_waits_for_room_publishes_each_record_once(void **state)
{
    static const struct nf_field named[] = { { .id = 82, .length = NF_VARIABLE_LENGTH },
        { .id = 1, .length = 4 } };

    (void)state;
    build_ipfix(&message, 1, 0);
    add_flow_template(10, 256);
    build_template(&message, 257, named, 2);
    add_flows(256, 7);
    build_set(&message, 257);
    for (unsigned i = 0; i < 5; i++) {
        build_variable(&message, "eth0", i % 4);
        build_u32(&message, i + 1);
    }
    add_flows(256, 3);
    const struct sr_span bytes = build_end(&message);
    for (unsigned room = 1; room <= 16; room++) {
        netflow_rig_forget(&rig);
        unsigned waits = feed_stream(bytes, room);
        assert_int_equal(rig.messages, 15);
        assert_int_equal(rig.lost, 0);
        assert_in_range(waits, 14 / room, 15 / room);
    }
    assert_int_equal(ledger()->records, 16 * 15);
    assert_int_equal(ledger()->published, 16 * 15);
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
    rig.message = keep_message;
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, fields, 4);
    build_set(&message, 256);
    build_record(&message, "ffffffffffff 0000000100000000 0000000000000040 00000064");
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 1);
    assert_int_equal(last_message.fields[25].number, UINT32_MAX); /* ip_ttl */
    assert_int_equal(last_message.fields[16].number, UINT32_MAX); /* src_net */
    assert_int_equal(last_message.fields[17].number, 64);
    assert_int_equal(ledger()->clamped, 2);
}

static void
records_over_the_budget_are_told_as_limited(void **state)
{
    uint64_t budget = 3;

    (void)state;
    build_v9(&message, 1, 0);
    add_flow_template(9, 256);
    add_flows(256, 10);
    const struct sr_span bytes = build_end(&message);
    const struct nf_input input = {
        .scratch = rig.scratch,
        .now_ns = NETFLOW_RIG_NOW,
        .peer = &peer,
        .bytes = bytes,
        .budget = &budget,
    };
    assert_int_equal(
        sr_netflow_datagram(netflow_rig_exporter(&rig, &peer), &rig.config, &input, &rig.emit),
        SR_DECODED);
    assert_int_equal(rig.messages, 3);
    assert_int_equal(rig.lost, 7);
    assert_int_equal(ledger()->limited, 7);
    assert_int_equal(budget, 0);
}

static void
records_without_bytes_and_packets_are_left_out_where_this_is_asked_for(void **state)
{
    (void)state;
    rig.config.drop_zero_counters = true;
    build_ipfix(&message, 1, 0);
    add_flow_template(10, 256);
    add_flows(256, 1);
    build_record(&message, "0a000001 0a000002 00000000 00000000");
    build_record(&message, "0a000001 0a000002 00000000 00000001");
    assert_int_equal(feed(), SR_DECODED);
    assert_int_equal(rig.messages, 2);
    assert_int_equal(ledger()->zero, 1);
}

static void
a_message_of_an_exporter_over_its_domains_replaces_the_oldest(void **state)
{
    (void)state;
    rig.config.max_domains = 4;
    for (unsigned domain = 1; domain <= 100; domain++) {
        build_ipfix(&message, domain, 0);
        add_flow_template(10, 256);
        add_flows(256, 1);
        assert_int_equal(feed(), SR_DECODED);
    }
    /* 97 to 100 are there. */
    for (unsigned domain = 100; domain >= 97; domain--) {
        build_ipfix(&message, domain, 1);
        add_flows(256, 1);
        assert_int_equal(feed(), SR_DECODED);
        assert_int_equal(rig.messages, 1);
    }
    assert_true(rig.taken < 1 << 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_template_without_bytes_is_refused_and_data_waits_for_another),
        TEST(fields_of_no_bytes_take_none),
        TEST(a_template_that_says_65535_fields_costs_nobody_else),
        TEST(a_template_of_hardly_any_bytes_may_not_have_many_fields),
        TEST(a_template_that_changes_within_a_message_is_used_from_there_on),
        TEST(withdrawals_over_udp_are_ignored),
        TEST(data_before_its_template_in_one_datagram_is_decoded),
        TEST(data_a_datagram_before_its_template_is_decoded),
        TEST(a_missing_template_never_costs_its_neighbours),
        TEST(sets_that_wait_for_too_long_become_dead_letters),
        TEST(no_more_wait_than_may),
        TEST(a_v5_header_that_counts_too_many_gives_no_flow_that_is_not_there),
        TEST(a_v9_header_that_counts_other_than_what_follows_is_noted_and_all_is_read),
        TEST(a_set_length_that_lies_costs_nothing_before_it),
        TEST(message_lengths_that_lie_are_survived),
        TEST(trailing_zeros_are_no_error),
        TEST(what_is_no_flow_message_is_a_dead_letter),
        TEST(a_field_may_have_a_length_of_three_bytes),
        TEST(a_variable_length_past_the_end_ends_the_set),
        TEST(lists_are_counted_and_never_move_the_fields_behind_them),
        TEST(lists_that_lie_are_survived),
        TEST(records_without_room_are_told_as_lost),
        TEST(a_stream_that_waits_for_room_publishes_each_record_once),
        TEST(a_value_that_stands_in_for_a_field_of_32_bits_fits_into_it),
        TEST(records_over_the_budget_are_told_as_limited),
        TEST(records_without_bytes_and_packets_are_left_out_where_this_is_asked_for),
        TEST(a_message_of_an_exporter_over_its_domains_replaces_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
