/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as a whole: headers of v1, v5 and v7 with their records, and what sequence numbers
 * count. */
#include "unit.h"

#include "../golden/flow_message.h"
#include "decode/datagram.h"
#include "netflow_build.h"
#include "netflow_rig.h"

static struct netflow_rig rig;
static struct build message;
static const struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };

#define V5_RECORD                                                                                  \
    "0a000001 0a000002 0a000003 0001 0002 00000003 00000064 00000010 00000020 0400 0050 00 18 06 " \
    "20 fde8 fde9 18 10 0000"

static void
keep(void *arg, struct sr_span bytes)
{
    assert_true(flow_message_read(bytes, arg));
}

static const struct flow_message *
feed_message(void)
{
    static struct flow_message flow;

    rig.message = keep;
    rig.arg = &flow;
    netflow_rig_forget(&rig);
    assert_int_equal(netflow_rig_feed(&rig, &peer, build_end(&message)), SR_DECODED);
    rig.message = NULL;
    assert_int_equal(rig.messages, 1);
    return &flow;
}

static const struct flow_message *
feed_v5(uint16_t version, uint16_t sampling)
{
    build_v5(&message, 0x0102, 99);
    message.bytes[1] = (uint8_t)version;
    message.bytes[22] = (uint8_t)(sampling >> 8);
    message.bytes[23] = (uint8_t)sampling;
    build_record(&message, V5_RECORD);
    if (version == 7) {
        build_hex(&message, "c0000209");
    }
    return feed_message();
}

/* The numbers of a message by their tags. */
struct expected {
    unsigned tag;
    uint64_t value;
};

static void
assert_numbers(const struct flow_message *flow, const struct expected *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(flow->fields[expected[i].tag].number, expected[i].value);
    }
}

static void
records_of_v5_have_all_their_fields(void **state)
{
    static const struct expected expected[] = { { 1, NF_TYPE_V5 }, { 4, 99 }, { 18, 1 }, { 19, 2 },
        { 10, 3 }, { 9, 100 }, { 21, 1024 }, { 22, 80 }, { 26, 0x18 }, { 20, 6 }, { 23, 32 },
        { 14, 65000 }, { 15, 65001 }, { 16, 24 }, { 17, 16 }, { FLOW_SAMPLING_RATE, 1000 },
        { 30, 0x0800 }, { 114, 100 }, { 116, 3 }, { 70, 0 } };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    const struct flow_message *flow = feed_v5(5, 0x4000 | 1000);
    assert_numbers(flow, expected, sizeof(expected) / sizeof(expected[0]));
    assert_memory_equal(flow->fields[6].bytes, "\x0a\0\0\x01", 4);
    assert_memory_equal(flow->fields[7].bytes, "\x0a\0\0\x02", 4);
    assert_memory_equal(flow->fields[12].bytes, "\x0a\0\0\x03", 4);
    assert_memory_equal(flow->fields[107].bytes, "TCP", 3);
    netflow_rig_end(&rig);
}

static void
v7_has_no_rate_in_its_header_and_a_longer_record(void **state)
{
    static const struct expected expected[] = { { FLOW_SAMPLING_RATE, 0 }, { 14, 65000 } };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    assert_numbers(feed_v5(7, 1000), expected, 2);
    netflow_rig_end(&rig);
}

static void
v1_has_neither_systems_nor_a_sequence(void **state)
{
    static const struct expected expected[] = { { 1, NF_TYPE_V5 }, { 20, 6 }, { 23, 32 },
        { 26, 0x18 }, { 14, 0 }, { 16, 0 }, { 111, UINT64_C(1699999999) * 1000000000 } };
    static struct flow_message flow;

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    rig.message = keep;
    rig.arg = &flow;
    message.len = 0;
    build_hex(&message, "0001 0001 0036ee80 6553f100 00000000"
                        "0a000001 0a000002 0a000003 0001 0002 00000003 00000064 0036ea98 0036ee80"
                        "0400 0050 0000 06 20 18 ffffffffffffff");
    for (unsigned i = 0; i < 2; i++) {
        const struct sr_span bytes = { message.bytes, message.len };
        assert_int_equal(netflow_rig_feed(&rig, &peer, bytes), SR_DECODED);
        assert_numbers(&flow, expected, sizeof(expected) / sizeof(expected[0]));
    }
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    assert_int_equal(l->missing + l->duplicates + l->restarts, 0);
    netflow_rig_end(&rig);
}

static void
an_override_wins_over_the_header_of_v5(void **state)
{
    struct nf_sampling_override override = { .rate = 4 };

    (void)state;
    assert_null(sr_network_parse("0.0.0.0/0", &override.network));
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    rig.config.overrides = &override;
    rig.config.override_count = 1;
    assert_int_equal(feed_v5(5, 1000)->fields[FLOW_SAMPLING_RATE].number, 4);
    netflow_rig_end(&rig);
}

/* ---- Several messages in one datagram ---- */

static struct build chain;

/* Puts a message of a domain, of as many bytes as are asked for, behind those of the chain. */
static void
add_message(uint32_t domain, bool has_template)
{
    static const struct nf_field flows[] = { { 0, 1, 4 } };

    build_ipfix(&message, domain, 0);
    if (has_template) {
        build_set(&message, BUILD_IPFIX_TEMPLATES);
        build_template(&message, 256, flows, 1);
    }
    struct sr_span bytes = build_end(&message);
    build_bytes(&chain, bytes.data, bytes.len);
}

static enum sr_verdict
feed_chain(void)
{
    const struct sr_span bytes = { chain.bytes, chain.len };

    netflow_rig_forget(&rig);
    return netflow_rig_feed(&rig, &peer, bytes);
}

static void
a_datagram_has_a_limit_of_messages(void **state)
{
    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    chain.len = 0;
    for (unsigned i = 0; i < NF_MESSAGES_MAX; i++) {
        add_message(1, true);
    }
    (void)feed_chain();
    assert_int_equal(rig.deadletters, 0);
    assert_int_equal(l->templates, NF_MESSAGES_MAX);
    add_message(1, true);
    add_message(1, true);
    (void)feed_chain();
    assert_int_equal(rig.deadletters, 1);
    assert_string_equal(rig.last_reason, "too_many_messages");
    assert_int_equal(l->templates, 2 * NF_MESSAGES_MAX);
    netflow_rig_end(&rig);
}

static void
one_datagram_does_not_evict_all_domains(void **state)
{
    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    rig.config.max_domains = 20;
    struct nf_exporter *e = netflow_rig_exporter(&rig, &peer);
    for (unsigned n = 0; n < 2; n++) {
        chain.len = 0;
        for (unsigned i = 0; i < 20; i++) {
            add_message(100 * n + i, true);
        }
        (void)feed_chain();
        assert_int_equal(rig.deadletters, n);
    }
    for (unsigned i = 0; i < 20; i++) {
        assert_true(nf_exporter_is_crowded(e, &rig.config, 10, i) == (i < NF_EVICTIONS_MAX));
    }
    netflow_rig_end(&rig);
}

static void
domains_without_templates_give_way_first(void **state)
{
    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    rig.config.max_domains = 3;
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    chain.len = 0;
    add_message(1, true);
    add_message(2, true);
    (void)feed_chain();
    for (uint16_t engine = 0; engine < 10; engine++) {
        build_v5(&message, engine, 0);
        build_record(&message, V5_RECORD);
        (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    }
    for (uint32_t domain = 1; domain <= 2; domain++) {
        build_ipfix(&message, domain, 0);
        build_set(&message, 256);
        build_record(&message, "00000001");
        (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    }
    assert_int_equal(rig.messages, 12);
    assert_int_equal(l->sets_parked, 0);
    netflow_rig_end(&rig);
}

static void
a_header_that_counts_less_than_there_is_is_a_mismatch(void **state)
{
    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    build_v5(&message, 1, 0);
    build_record(&message, V5_RECORD);
    build_record(&message, V5_RECORD);
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    assert_int_equal(l->count_mismatches, 0);
    message.bytes[3] = 1;
    const struct sr_span bytes = { message.bytes, message.len };
    (void)netflow_rig_feed(&rig, &peer, bytes);
    assert_int_equal(rig.messages, 3);
    assert_int_equal(l->count_mismatches, 1);
    netflow_rig_end(&rig);
}

/* ---- Sets that wait ---- */

static void
feed_at(uint64_t now_ns)
{
    const struct nf_input input = {
        .scratch = rig.scratch,
        .now_ns = now_ns,
        .peer = &peer,
        .bytes = build_end(&message),
    };

    (void)sr_netflow_datagram(netflow_rig_exporter(&rig, &peer), &rig.config, &input, &rig.emit);
}

/* A list of records of the template that the record itself is of. */
static void
feed_list_of_itself(uint64_t now_ns)
{
    build_ipfix(&message, 1, 0);
    build_set(&message, 256);
    build_record(&message, "04 ff 0100 00");
    feed_at(now_ns);
}

static void
a_clock_that_is_set_back_takes_no_template_from_a_set_that_has_waited(void **state)
{
    static const struct nf_field list = { .id = 292, .length = NF_VARIABLE_LENGTH };
    const uint64_t hour = UINT64_C(3600000000000);

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    rig.config.template_ttl_ns = hour;
    feed_list_of_itself(NETFLOW_RIG_NOW + 2 * hour);
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, &list, 1);
    feed_at(NETFLOW_RIG_NOW);
    feed_list_of_itself(NETFLOW_RIG_NOW);
    assert_int_equal(rig.messages, 2);
    assert_int_equal(nf_exporter_ledger(netflow_rig_exporter(&rig, &peer))->sets_parked, 1);
    netflow_rig_end(&rig);
}

static void
more_sets_than_one_datagram_may_release_wait_for_the_next(void **state)
{
    static const struct nf_field flows[] = { { 0, 1, 4 } };
    const unsigned sets = 200, records = 100, later = 10;

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    for (unsigned i = 0; i <= sets; i++) {
        build_v9(&message, 1, i);
        if (i == sets) {
            build_set(&message, BUILD_V9_TEMPLATES);
            build_template(&message, 256, flows, 1);
        }
        build_set(&message, 256);
        for (unsigned j = 0; j < records; j++) {
            build_record(&message, "00000001");
        }
        (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    }
    assert_in_range(rig.messages, NF_RECORDS_MAX / 4, NF_RECORDS_MAX / 2);
    for (unsigned i = 1; i <= later; i++) {
        build_v9(&message, 1, sets + i);
        build_set(&message, 256);
        build_record(&message, "00000001");
        (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    }
    assert_int_equal(rig.messages, (sets + 1) * records + later);
    assert_int_equal(rig.deadletters, 0);
    assert_int_equal(l->sets_released, sets);
    assert_int_equal(l->missing + l->count_mismatches, 0);
    netflow_rig_end(&rig);
}

/* As many records of a template of one field as a message may have. Returns how many. */
static unsigned
feed_largest(const struct nf_field *field, bool has_template)
{
    static const uint8_t content[80] = { 1 };
    unsigned count = 0;

    build_ipfix(&message, 1, 0);
    if (has_template) {
        build_set(&message, BUILD_IPFIX_TEMPLATES);
        build_template(&message, 256, field, 1);
    }
    build_set(&message, 256);
    for (; message.len + field->length < UINT16_MAX; count++) {
        build_bytes(&message, content, field->length);
    }
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    return count;
}

static void
sets_that_have_waited_take_nothing_from_the_message_itself(void **state)
{
    static const struct {
        enum nf_format format;
        struct nf_field field;
    } cases[] = { { NF_FORMAT_PROTOBUF, { .id = 405, .length = 16 } },
        { NF_FORMAT_RAW, { .id = 405, .length = 80 } },
        { NF_FORMAT_JSON, { .id = 405, .length = 80 } } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        netflow_rig_begin(&rig, cases[i].format, NF_NATIVE);
        unsigned count = feed_largest(&cases[i].field, false);
        count += feed_largest(&cases[i].field, false);
        count += feed_largest(&cases[i].field, true);
        count += feed_largest(&cases[i].field, true);
        assert_int_equal(rig.deadletters, 0);
        assert_int_equal(rig.messages, count);
        assert_int_equal(nf_exporter_ledger(netflow_rig_exporter(&rig, &peer))->sets_released, 2);
        assert_true(netflow_rig_ledger_sums(&rig));
        netflow_rig_end(&rig);
    }
}

/* Feeds `count` records of a template of one field, in a message of its own. */
static void
feed_records(const struct nf_field *field, unsigned count)
{
    static const uint8_t content[128] = { 0 };

    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, field, 1);
    build_set(&message, 256);
    for (unsigned i = 0; i < count; i++) {
        build_bytes(&message, content, field->length);
    }
    build_u8(&message, 6); /* no padding: this is not 0 */
    netflow_rig_forget(&rig);
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
}

static void
a_datagram_has_a_limit_of_records(void **state)
{
    static const struct nf_field field = { .id = 4, .length = 1 };
    static const struct {
        enum nf_format format;
        unsigned max;
    } cases[] = { { NF_FORMAT_PROTOBUF, NF_RECORDS_MAX }, { NF_FORMAT_JSON, NF_TEXT_RECORDS_MAX },
        { NF_FORMAT_RAW, NF_TEXT_RECORDS_MAX } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        netflow_rig_begin(&rig, cases[i].format, NF_NATIVE);
        feed_records(&field, cases[i].max - 1); /* and the last byte */
        assert_int_equal(rig.messages, cases[i].max);
        assert_int_equal(rig.deadletters, 0);
        feed_records(&field, cases[i].max);
        assert_int_equal(rig.messages, cases[i].max);
        assert_int_equal(rig.deadletters, 1);
        assert_string_equal(rig.last_reason, "too_many_records");
        assert_true(netflow_rig_ledger_sums(&rig));
        netflow_rig_end(&rig);
    }
}

static size_t text_length;

static void
add_length(void *arg, struct sr_span bytes)
{
    (void)arg;
    text_length += bytes.len;
}

/* Names of 128 characters that are written as six each. */
static void
a_datagram_has_a_limit_of_text(void **state)
{
    static const struct nf_field told[] = { { .id = 10, .length = 1 },
        { .id = 82, .length = 128 } };
    static const struct nf_field field = { .id = 10, .length = 1 };
    const unsigned count = NF_TEXT_RECORDS_MAX - 1;

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_JSON, NF_NATIVE);
    rig.message = add_length;
    feed_records(&field, count);
    assert_int_equal(rig.messages, count + 1);
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_OPTIONS_TEMPLATES);
    build_options_template(&message, 257, 1, told, 2);
    build_set(&message, 257);
    build_u8(&message, 0);
    for (unsigned i = 0; i < 128; i++) {
        build_u8(&message, 1);
    }
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    text_length = 0;
    feed_records(&field, count);
    assert_in_range(text_length, NF_TEXT_MAX, NF_TEXT_MAX + 2048);
    assert_int_equal(rig.deadletters, 1);
    assert_string_equal(rig.last_reason, "too_many_records");
    assert_true(netflow_rig_ledger_sums(&rig));
    netflow_rig_end(&rig);
}

static void
sets_that_wait_in_vain_are_not_malformed(void **state)
{
    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    rig.config.max_pending_sets = 2;
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    for (unsigned i = 0; i < 3; i++) {
        build_v9(&message, 1, i);
        build_set(&message, 300);
        build_record(&message, "00000001");
        assert_int_equal(netflow_rig_feed(&rig, &peer, build_end(&message)), SR_CONSUMED);
    }
    netflow_rig_expire(&rig, UINT64_MAX);
    assert_int_equal(rig.deadletters, 3);
    assert_int_equal(l->sets_parked, 3);
    assert_int_equal(l->sets_expired, 3);
    assert_int_equal(l->sets_malformed, 0);
    netflow_rig_end(&rig);
}

/* ---- Sequence numbers ---- */

static void
options_that_have_waited_are_no_units_of_the_message_that_releases_them(void **state)
{
    static const struct nf_field options[] = { { 0, 149, 4 }, { 0, 34, 4 } };
    static const struct nf_field flows[] = { { 0, 1, 4 } };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    build_ipfix(&message, 1, 0);
    build_set(&message, 300);
    build_record(&message, "00000001 00000064");
    build_record(&message, "00000001 00000064");
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    build_ipfix(&message, 1, 2);
    build_set(&message, BUILD_IPFIX_OPTIONS_TEMPLATES);
    build_options_template(&message, 300, 1, options, 2);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, flows, 1);
    build_set(&message, 256);
    build_record(&message, "00000001");
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    assert_int_equal(l->options, 2);
    build_ipfix(&message, 1, 3);
    build_set(&message, 256);
    build_record(&message, "00000001");
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    assert_int_equal(l->missing + l->duplicates + l->reordered + l->restarts, 0);
    netflow_rig_end(&rig);
}

static void
messages_of_v9_are_missed_while_sets_wait(void **state)
{
    static const uint32_t numbers[] = { 1, 5, 3 };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    for (unsigned i = 0; i < 3; i++) {
        build_v9(&message, 1, numbers[i]);
        build_set(&message, 300);
        build_record(&message, "00000001");
        (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    }
    assert_int_equal(l->missing, 3);
    assert_int_equal(l->recovered, 1); /* the one that came, not all of the gap */
    netflow_rig_end(&rig);
}

static void
records_behind_a_length_that_lies_are_not_missed(void **state)
{
    static const struct nf_field flows[] = { { 0, 1, 4 } };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    const struct nf_ledger *l = nf_exporter_ledger(netflow_rig_exporter(&rig, &peer));
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, flows, 1);
    build_set(&message, 256);
    build_record(&message, "00000001");
    (void)build_end(&message);
    message.bytes[31] = 200;
    (void)netflow_rig_feed(&rig, &peer, (struct sr_span){ message.bytes, message.len });
    assert_int_equal(l->sets_malformed, 1);
    build_ipfix(&message, 1, 1);
    build_set(&message, 256);
    build_record(&message, "00000001");
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    assert_int_equal(l->missing, 0); /* it was counted as malformed */
    netflow_rig_end(&rig);
}

static void
a_stream_that_waits_for_room_misses_nothing(void **state)
{
    static const struct nf_field flows[] = { { 0, 1, 4 } };
    struct nf_resume resume = { .set = 0 };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    struct nf_exporter *e = netflow_rig_exporter(&rig, &peer);
    build_ipfix(&message, 1, 10);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, flows, 1);
    build_set(&message, 256);
    for (unsigned i = 0; i < 5; i++) {
        build_record(&message, "00000001");
    }
    struct nf_input input = {
        .scratch = rig.scratch,
        .now_ns = NETFLOW_RIG_NOW,
        .peer = &peer,
        .bytes = build_end(&message),
        .resume = &resume,
    };
    memset(message.bytes + 4, 0, 4); /* a clock that was not set */
    rig.room_left = 0;
    assert_int_equal(sr_netflow_datagram(e, &rig.config, &input, &rig.emit), SR_FULL);
    rig.room_left = 3;
    assert_int_equal(sr_netflow_datagram(e, &rig.config, &input, &rig.emit), SR_FULL);
    rig.room_left = 3;
    assert_int_equal(sr_netflow_datagram(e, &rig.config, &input, &rig.emit), SR_DECODED);
    assert_int_equal(rig.messages, 5);
    assert_int_equal(nf_exporter_ledger(e)->skewed, 1);
    build_ipfix(&message, 1, 15);
    build_set(&message, 256);
    build_record(&message, "00000001");
    (void)netflow_rig_feed(&rig, &peer, build_end(&message));
    assert_int_equal(nf_exporter_ledger(e)->missing, 0);
    assert_int_equal(nf_exporter_ledger(e)->records, 6);
    netflow_rig_end(&rig);
}

/* Who stops has no time to wait for room, and gives the message up. */
static void
a_message_does_not_go_on_where_another_one_had_no_room(void **state)
{
    static const struct nf_field flows[] = { { 0, 1, 4 } };
    struct nf_resume resume = { .set = 0 };

    (void)state;
    netflow_rig_begin(&rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    struct nf_exporter *e = netflow_rig_exporter(&rig, &peer);
    for (unsigned i = 0; i < 2; i++) {
        build_ipfix(&message, 1, 10 + 5 * i);
        build_set(&message, BUILD_IPFIX_TEMPLATES);
        build_template(&message, 256, flows, 1);
        build_set(&message, 256);
        for (unsigned j = 0; j < 5; j++) {
            build_record(&message, "00000001");
        }
        const struct nf_input input = {
            .scratch = rig.scratch,
            .now_ns = NETFLOW_RIG_NOW,
            .peer = &peer,
            .bytes = build_end(&message),
            .resume = &resume,
        };
        rig.room_left = i == 0 ? 3 : 10;
        assert_int_equal(
            sr_netflow_datagram(e, &rig.config, &input, &rig.emit), i == 0 ? SR_FULL : SR_DECODED);
    }
    assert_int_equal(rig.messages, 3 + 5);
    assert_int_equal(nf_exporter_ledger(e)->missing, 0); /* of the first one nothing is known */
    netflow_rig_end(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_v5_have_all_their_fields),
        cmocka_unit_test(v7_has_no_rate_in_its_header_and_a_longer_record),
        cmocka_unit_test(an_override_wins_over_the_header_of_v5),
        cmocka_unit_test(v1_has_neither_systems_nor_a_sequence),
        cmocka_unit_test(a_datagram_has_a_limit_of_messages),
        cmocka_unit_test(one_datagram_does_not_evict_all_domains),
        cmocka_unit_test(domains_without_templates_give_way_first),
        cmocka_unit_test(a_header_that_counts_less_than_there_is_is_a_mismatch),
        cmocka_unit_test(a_clock_that_is_set_back_takes_no_template_from_a_set_that_has_waited),
        cmocka_unit_test(more_sets_than_one_datagram_may_release_wait_for_the_next),
        cmocka_unit_test(sets_that_have_waited_take_nothing_from_the_message_itself),
        cmocka_unit_test(a_datagram_has_a_limit_of_records),
        cmocka_unit_test(a_datagram_has_a_limit_of_text),
        cmocka_unit_test(sets_that_wait_in_vain_are_not_malformed),
        cmocka_unit_test(options_that_have_waited_are_no_units_of_the_message_that_releases_them),
        cmocka_unit_test(messages_of_v9_are_missed_while_sets_wait),
        cmocka_unit_test(records_behind_a_length_that_lies_are_not_missed),
        cmocka_unit_test(a_stream_that_waits_for_room_misses_nothing),
        cmocka_unit_test(a_message_does_not_go_on_where_another_one_had_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
