/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that lie, are cut, or come in an order that nobody asked for. */
#include "unit.h"

#include <limits.h>
#include <stdlib.h>

#include "netflow_talk.h"

#include "sr/banned.h"

/* ---- Templates ---- */

static void
no_records_of_no_bytes(uint16_t version)
{
    static const struct nf_field nothing[] = { { .id = 8, .length = 0 },
        { .id = 12, .length = 0 } };

    /* First no fields at all, then two of no bytes. */
    for (unsigned fields = 0; fields <= 2; fields += 2) {
        talk_message(version);
        talk_templates(version);
        build_template(&talk.message, 300, nothing, (uint16_t)fields);
        (void)talk_feed();
        talk_message(version);
        talk_flows(300, 2);
        assert_int_equal(talk_feed(), SR_CONSUMED); /* waits for a template of use */
        assert_int_equal(talk.rig.messages, 0);
    }
    talk_message(version);
    talk_flow_template(version, 300);
    (void)talk_feed();
    assert_int_equal(talk.rig.messages, 4);
}

static void
a_template_without_bytes_is_refused_and_data_waits_for_another(void **state)
{
    (void)state;
    talk_both_versions(no_records_of_no_bytes);
}

static void
zero_length_fields(uint16_t version)
{
    static const struct nf_field fields[] = { { .id = 8, .length = 4 }, { .id = 12, .length = 0 },
        { .id = 1, .length = 4 }, { .id = 7, .length = 0 }, { .id = 2, .length = 4 } };

    talk_message(version);
    talk_templates(version);
    build_template(&talk.message, 256, fields, 5);
    build_set(&talk.message, 256);
    for (unsigned i = 0; i < 3; i++) {
        build_record(&talk.message, "0a000001 00000064 00000001");
    }
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 3);
    assert_int_equal(talk.rig.deadletters, 0);
}

static void
fields_of_no_bytes_take_none(void **state)
{
    (void)state;
    talk_both_versions(zero_length_fields);
}

static void
a_template_with_65535_fields(uint16_t version)
{
    talk_message(version);
    talk_flow_template(version, 256);
    build_u16(&talk.message, 257);
    build_u16(&talk.message, 65535);
    build_hex(&talk.message, "0008 0004");
    talk_flows(256, 1);
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 1);
    assert_true(talk_ledger()->template_refused + talk_ledger()->sets_malformed > 0);

    /* As many as fit into a datagram, all there: over the limit. */
    uint64_t refused = talk_ledger()->template_refused;
    talk_message(version);
    talk_templates(version);
    build_u16(&talk.message, 258);
    build_u16(&talk.message, 16000);
    for (unsigned i = 0; i < 16000; i++) {
        build_hex(&talk.message, "0008 0004");
    }
    (void)talk_feed();
    assert_true(talk_ledger()->template_refused > refused);
}

static void
a_template_that_says_65535_fields_costs_nobody_else(void **state)
{
    (void)state;
    talk_both_versions(a_template_with_65535_fields);
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
        uint64_t refused = talk_ledger()->template_refused;
        talk_message(version);
        talk_templates(version);
        build_template(&talk.message, (uint16_t)(256 + count), fields, count);
        (void)talk_feed();
        assert_int_equal(talk_ledger()->template_refused - refused, count > 6);
    }
}

static void
a_template_of_hardly_any_bytes_may_not_have_many_fields(void **state)
{
    (void)state;
    talk_both_versions(nearly_empty_template);
}

static void
redefinition(uint16_t version)
{
    static const struct nf_field other[] = { { .id = 8, .length = 4 } };

    talk_message(version);
    talk_flow_template(version, 256);
    talk_flows(256, 2);
    talk_templates(version);
    build_template(&talk.message, 256, other, 1);
    build_set(&talk.message, 256);
    for (unsigned i = 0; i < 5; i++) {
        build_record(&talk.message, "0a000001");
    }
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 7);
    assert_int_equal(talk_ledger()->template_changes, 1);
}

static void
a_template_that_changes_within_a_message_is_used_from_there_on(void **state)
{
    (void)state;
    talk_both_versions(redefinition);
}

static void
withdrawals_over_udp_are_ignored(void **state)
{
    (void)state;
    build_ipfix(&talk.message, 1, 0);
    talk_flow_template(10, 256);
    (void)talk_feed();
    /* One template, then all: RFC 7011 section 8.1. */
    for (unsigned i = 0; i < 2; i++) {
        build_ipfix(&talk.message, 1, 0);
        build_set(&talk.message, BUILD_IPFIX_TEMPLATES);
        build_template(&talk.message, i == 0 ? 256 : BUILD_IPFIX_TEMPLATES, NULL, 0);
        (void)talk_feed();
        build_ipfix(&talk.message, 1, 0);
        talk_flows(256, 1);
        assert_int_equal(talk_feed(), SR_DECODED);
        assert_int_equal(talk.rig.messages, 1);
    }
}

/* ---- Data before its template ---- */

static void
data_first_in_one(uint16_t version)
{
    talk_message(version);
    talk_flows(256, 3);
    talk_flow_template(version, 256);
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 3);
}

static void
data_before_its_template_in_one_datagram_is_decoded(void **state)
{
    (void)state;
    talk_both_versions(data_first_in_one);
}

static void
data_first_in_two(uint16_t version)
{
    talk_message(version);
    talk_flows(256, 3);
    assert_int_equal(talk_feed(), SR_CONSUMED);
    assert_int_equal(talk.rig.messages, 0);
    talk_message(version);
    talk_flow_template(version, 256);
    (void)talk_feed();
    assert_int_equal(talk.rig.messages, 3);
    assert_int_equal(talk_ledger()->sets_parked, 1);
    assert_int_equal(talk_ledger()->sets_released, 1);
}

static void
data_a_datagram_before_its_template_is_decoded(void **state)
{
    (void)state;
    talk_both_versions(data_first_in_two);
}

static void
neighbours(uint16_t version)
{
    talk_message(version);
    talk_flow_template(version, 256);
    (void)talk_feed();
    talk_message(version);
    talk_flows(256, 1);
    talk_flows(999, 2);
    talk_flows(256, 3);
    assert_int_equal(talk_feed(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 4);
    assert_int_equal(talk_ledger()->sets_parked, 1);
}

static void
a_missing_template_never_costs_its_neighbours(void **state)
{
    (void)state;
    talk_both_versions(neighbours);
}

static void
sets_that_wait_for_too_long_become_dead_letters(void **state)
{
    (void)state;
    build_ipfix(&talk.message, 1, 0);
    talk_flows(256, 1);
    talk_flows(257, 1);
    (void)talk_feed();
    netflow_rig_forget(&talk.rig);
    netflow_rig_expire(&talk.rig, NETFLOW_RIG_NOW + 1000000000);
    assert_int_equal(talk.rig.deadletters, 0);
    netflow_rig_expire(&talk.rig, UINT64_MAX);
    assert_int_equal(talk.rig.deadletters, 2);
    assert_string_equal(talk.rig.last_reason, "template_missing");
    assert_int_equal(nf_pending_count(netflow_rig_exporter(&talk.rig, &talk_peer)), 0);
}

static void
no_more_wait_than_may(void **state)
{
    (void)state;
    talk.rig.config.max_pending_sets = 4;
    for (unsigned i = 0; i < 10; i++) {
        build_ipfix(&talk.message, 1, 0);
        talk_flows((uint16_t)(256 + i), 1);
        (void)talk_feed();
        assert_true(nf_pending_count(netflow_rig_exporter(&talk.rig, &talk_peer)) <= 4);
        assert_int_equal(talk.rig.deadletters, i >= 4 ? 1 : 0);
    }
    assert_int_equal(talk_ledger()->sets_expired, 6);
}

/* ---- Counts and lengths that lie ---- */

static void
v5_flows(unsigned count, unsigned said)
{
    build_v5(&talk.message, 1, 0);
    for (unsigned i = 0; i < count; i++) {
        build_record(&talk.message, "0a000001 0a000002 00000000 0001 0002 00000001 00000064"
                                    "00000000 00000001 0400 0050 00 18 06 00 0001 0002 18 18 0000");
    }
    (void)build_end(&talk.message);
    talk_poke(2, said);
}

static void
a_v5_header_that_counts_too_many_gives_no_flow_that_is_not_there(void **state)
{
    static const unsigned said[] = { 0, 1, 3, 4, 30, 31, 27230, 65535 };

    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        v5_flows(3, said[i]);
        (void)talk_feed_as_it_is();
        assert_true(talk.rig.messages <= 3);
    }
    v5_flows(3, 3);
    assert_int_equal(talk_feed_as_it_is(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 3);
    assert_true(talk_ledger()->count_mismatches >= 5);
}

static void
a_v9_header_that_counts_other_than_what_follows_is_noted_and_all_is_read(void **state)
{
    static const unsigned said[] = { 0, 1, 3, 5, 65535 };

    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        build_v9(&talk.message, 1, 0);
        talk_flow_template(9, 256);
        talk_flows(256, 3);
        (void)build_end(&talk.message);
        talk_poke(2, said[i]);
        assert_int_equal(talk_feed_as_it_is(), SR_DECODED);
        assert_int_equal(talk.rig.messages, 3);
    }
}

static void
set_lengths(uint16_t version)
{
    static const unsigned lengths[] = { 0, 1, 3, 25, 1000, 65535 };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        talk_message(version);
        talk_flow_template(version, 256);
        talk_flows(256, 2);
        build_set(&talk.message, 256);
        size_t second = talk.message.len - 4;
        build_record(&talk.message, TALK_FLOW);
        (void)build_end(&talk.message);
        talk_poke(second + 2, lengths[i]);
        assert_int_equal(talk_feed_as_it_is(), SR_DECODED);
        /* What comes before is read, and the rest once at most. */
        assert_in_range(talk.rig.messages, 2, 3);
    }
}

static void
a_set_length_that_lies_costs_nothing_before_it(void **state)
{
    (void)state;
    talk_both_versions(set_lengths);
    assert_true(talk_ledger()->sets_malformed > 0);
}

static void
message_lengths_that_lie_are_survived(void **state)
{
    static const unsigned lengths[] = { 0, 15, 16, 17, 40, 1000, 65535 };

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        build_ipfix(&talk.message, 1, 0);
        talk_flow_template(10, 256);
        talk_flows(256, 2);
        (void)build_end(&talk.message);
        talk_poke(2, lengths[i]);
        (void)talk_feed_as_it_is();
        assert_true(talk.rig.messages <= 2);
    }
}

static void
zeros_behind_the_last_set_are_padding(uint16_t version)
{
    talk_message(version);
    talk_flow_template(version, 256);
    talk_flows(256, 2);
    (void)build_end(&talk.message);
    build_hex(&talk.message, "00000000 00000000 00000000 00000000 00");
    if (version == 10) {
        talk_poke(2, (unsigned)talk.message.len);
    }
    assert_int_equal(talk_feed_as_it_is(), SR_DECODED);
    assert_int_equal(talk.rig.messages, 2);
    assert_int_equal(talk.rig.deadletters, 0);
}

static void
trailing_zeros_are_no_error(void **state)
{
    (void)state;
    talk_both_versions(zeros_behind_the_last_set_are_padding);
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
        talk.message.len = 0;
        build_hex(&talk.message, inputs[i].hex);
        assert_int_equal(talk_feed_as_it_is(), SR_DEADLETTER);
        assert_int_equal(talk.rig.deadletters, 1);
        assert_int_equal(talk.rig.messages, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TALK_TEST(a_template_without_bytes_is_refused_and_data_waits_for_another),
        TALK_TEST(fields_of_no_bytes_take_none),
        TALK_TEST(a_template_that_says_65535_fields_costs_nobody_else),
        TALK_TEST(a_template_of_hardly_any_bytes_may_not_have_many_fields),
        TALK_TEST(a_template_that_changes_within_a_message_is_used_from_there_on),
        TALK_TEST(withdrawals_over_udp_are_ignored),
        TALK_TEST(data_before_its_template_in_one_datagram_is_decoded),
        TALK_TEST(data_a_datagram_before_its_template_is_decoded),
        TALK_TEST(a_missing_template_never_costs_its_neighbours),
        TALK_TEST(sets_that_wait_for_too_long_become_dead_letters),
        TALK_TEST(no_more_wait_than_may),
        TALK_TEST(a_v5_header_that_counts_too_many_gives_no_flow_that_is_not_there),
        TALK_TEST(a_v9_header_that_counts_other_than_what_follows_is_noted_and_all_is_read),
        TALK_TEST(a_set_length_that_lies_costs_nothing_before_it),
        TALK_TEST(message_lengths_that_lie_are_survived),
        TALK_TEST(trailing_zeros_are_no_error),
        TALK_TEST(what_is_no_flow_message_is_a_dead_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
