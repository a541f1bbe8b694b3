/* SPDX-License-Identifier: Apache-2.0 */
/* What a record's values mean: counters, addresses, sampling and the rest of a flow but its times.
 */
#include "unit.h"

#include "decode/exporter_state.h"
#include "netflow_desk.h"

static void
read_record(const char *record)
{
    desk_read(&desk, record);
}

static uint64_t
number(enum nf_slot slot)
{
    return desk_number(&desk, slot);
}

static void
expect_counters(uint64_t bytes, uint64_t packets, uint64_t bytes_in, uint64_t packets_in)
{
    assert_int_equal(number(NF_BYTES), bytes);
    assert_int_equal(number(NF_PACKETS), packets);
    assert_int_equal(number(NF_BYTES_OUT), bytes);
    assert_int_equal(number(NF_PACKETS_OUT), packets);
    assert_int_equal(number(NF_BYTES_IN), bytes_in);
    assert_int_equal(number(NF_PACKETS_IN), packets_in);
}

/* ---- Counters ---- */

static void
deltas_count_before_totals_and_totals_before_what_leaves(void **state)
{
    (void)state;
    read_record("1=0064 2=02 85=03e8 86=14 23=07 24=08 171=09 172=0a");
    expect_counters(100, 2, 0, 0);
    read_record("1=0000 2=00 85=03e8 86=14 23=07 24=08 171=09 172=0a");
    expect_counters(1000, 20, 0, 0);
    read_record("23=07 24=08 171=09 172=0a");
    expect_counters(7, 8, 0, 0);
    read_record("171=09 172=0a");
    expect_counters(9, 10, 0, 0);
    read_record("352=05dc 2=01");
    expect_counters(1500, 1, 0, 0);
}

static void
octets_of_layer_2_stand_in_last(void **state)
{
    (void)state;
    read_record("352=05dc 1=0064 2=01");
    expect_counters(100, 1, 0, 0);
    read_record("352=05dc 231=0064");
    expect_counters(100, 0, 0, 0);
}

static void
counters_have_64_bits(void **state)
{
    (void)state;
    read_record("1=ffffffffffffffff 2=fffffffffffffffe");
    expect_counters(UINT64_MAX, UINT64_MAX - 1, 0, 0);
    read_record("85=ffffffffffffffff 86=000100000000");
    expect_counters(UINT64_MAX, UINT64_C(1) << 32, 0, 0);
    assert_int_equal(desk_clamped(&desk), 0);
}

static void
an_event_of_a_firewall_counts_both_directions_once(void **state)
{
    (void)state;
    /* Teardown: what was not told before, beside a total of both directions. */
    read_record("233=02 231=00000064 232=000003e8 298=02 299=03 85=0000ffff 86=00ff");
    expect_counters(100, 2, 1000, 3);
    /* Only a total. */
    read_record("233=02 85=0000ffff");
    expect_counters(65535, 0, 0, 0);
    /* Only the answer has bytes. */
    read_record("233=05 231=00000000 232=000003e8");
    expect_counters(0, 0, 1000, 0);
    /* A flow that was created has none. */
    read_record("233=01 231=00000000 232=00000000");
    expect_counters(0, 0, 0, 0);
}

static void
initiator_and_responder_count_without_an_event_too(void **state)
{
    (void)state;
    read_record("231=0064 232=00c8 298=01 299=02");
    expect_counters(100, 1, 200, 2);
    read_record("231=0064 232=00c8 298=01 299=02 85=0001 86=09");
    expect_counters(1, 9, 200, 2);
}

static void
the_other_direction_of_a_biflow_comes_in(void **state)
{
    (void)state;
    read_record("1=0064 2=01 29305.1=0200 29305.2=03");
    expect_counters(100, 1, 512, 3);
    read_record("1=0064 2=01 29305.85=0200 29305.86=03");
    expect_counters(100, 1, 512, 3);
    read_record("1=0064 2=01 29305.23=0200 29305.24=03");
    expect_counters(100, 1, 512, 3);
    read_record("1=0064 2=01 29305.23=01 29305.85=02 29305.1=03");
    expect_counters(100, 1, 3, 0);
    read_record("1=0064 2=01 29305.1=0200 29305.2=03 232=0005 299=06");
    expect_counters(100, 1, 5, 6);
}

static void
flows_without_counters_are_left_out_when_that_is_wanted(void **state)
{
    (void)state;
    read_record("1=0000 2=0000 8=0a000001");
    assert_true(desk.is_published);
    desk.bench.config.drop_zero_counters = true;
    read_record("1=0000 2=0000 8=0a000001");
    assert_false(desk.is_published);
    read_record("233=01 231=00000000 232=00000000");
    assert_false(desk.is_published);
    read_record("1=0001 2=0000");
    assert_true(desk.is_published);
    read_record("1=0000 2=0001");
    assert_true(desk.is_published);
    read_record("233=05 231=00000000 232=00000001");
    assert_true(desk.is_published);
    read_record("1=0000 2=0000 29305.1=0000 29305.2=0001");
    assert_true(desk.is_published);
}

static void
what_a_record_has_not_is_not_left_from_the_one_before(void **state)
{
    (void)state;
    read_record("1=0064 2=01 8=0a000001 70=000641 4=06 200=40 483=00010002");
    read_record("2=01");
    expect_counters(0, 1, 0, 0);
    desk_expect_bytes(&desk, NF_SRC_ADDR, "");
    desk_expect_bytes(&desk, NF_PROTOCOL_NAME, "");
    assert_false(nf_flow_has(&desk.flow, NF_MPLS_LABEL));
    assert_false(nf_flow_has(&desk.flow, NF_BGP_COMMUNITIES));
    read_record("200=41");
    DESK_EXPECT(&desk, NF_MPLS_TTL, mpls_ttl, 65);
}

/* ---- Addresses ---- */

#define V4 "0a000001"
#define V4_ZERO "00000000"
#define V6 "20010db8000000000000000000000001"
#define V6_ZERO "00000000000000000000000000000000"
#define OTHER_V4 "0a000002"
#define OTHER_V6 "20010db8000000000000000000000002"

static void
of_two_addresses_the_one_that_is_filled_counts(void **state)
{
    (void)state;
    read_record("8=" V4 " 12=" OTHER_V4 " 27=" V6_ZERO " 28=" V6_ZERO);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V4);
    desk_expect_bytes(&desk, NF_DST_ADDR, OTHER_V4);
    assert_int_equal(number(NF_ETYPE), 0x0800);
    read_record("8=" V4_ZERO " 12=" V4_ZERO " 27=" V6 " 28=" OTHER_V6);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V6);
    desk_expect_bytes(&desk, NF_DST_ADDR, OTHER_V6);
    assert_int_equal(number(NF_ETYPE), 0x86dd);
    read_record("27=" V6 " 28=" OTHER_V6);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V6);
    read_record("8=" V4_ZERO " 27=" V6_ZERO);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V4_ZERO);
}

static void
source_and_destination_are_of_one_family(void **state)
{
    (void)state;
    /* From the unspecified address: a host that has none yet. */
    read_record("8=" V4_ZERO " 12=" V4_ZERO " 27=" V6_ZERO " 28=" OTHER_V6);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V6_ZERO);
    desk_expect_bytes(&desk, NF_DST_ADDR, OTHER_V6);
    assert_int_equal(number(NF_ETYPE), 0x86dd);
    read_record("8=" V4_ZERO " 12=" OTHER_V4 " 27=" V6_ZERO " 28=" V6_ZERO);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V4_ZERO);
    desk_expect_bytes(&desk, NF_DST_ADDR, OTHER_V4);
}

static void
the_ip_version_says_which_address_counts(void **state)
{
    (void)state;
    read_record("60=06 8=" V4 " 12=" OTHER_V4 " 27=" V6 " 28=" V6_ZERO);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V6);
    desk_expect_bytes(&desk, NF_DST_ADDR, V6_ZERO);
    read_record("60=04 8=" V4_ZERO " 12=" OTHER_V4 " 27=" V6 " 28=" OTHER_V6);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V4_ZERO);
    desk_expect_bytes(&desk, NF_DST_ADDR, OTHER_V4);
    read_record("60=04 27=" V6);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V6);
}

static void
next_hops_may_be_of_another_family_than_the_flow(void **state)
{
    (void)state;
    /* IPv6 over an IPv4 core (RFC 4798), and the other way round (RFC 8950). */
    read_record(
        "60=06 27=" V6 " 28=" OTHER_V6 " 15=" V4 " 62=" V6_ZERO " 18=" OTHER_V4 " 63=" V6_ZERO);
    desk_expect_bytes(&desk, NF_NEXT_HOP, V4);
    desk_expect_bytes(&desk, NF_BGP_NEXT_HOP, OTHER_V4);
    read_record("60=04 8=" V4 " 15=" V4_ZERO " 62=" V6 " 18=" V4_ZERO " 63=" OTHER_V6);
    desk_expect_bytes(&desk, NF_NEXT_HOP, V6);
    desk_expect_bytes(&desk, NF_BGP_NEXT_HOP, OTHER_V6);
    read_record("60=06 15=" V4 " 62=" V6);
    desk_expect_bytes(&desk, NF_NEXT_HOP, V6);
    read_record("60=06 15=" V4_ZERO " 62=" V6_ZERO);
    desk_expect_bytes(&desk, NF_NEXT_HOP, V6_ZERO);
    read_record("15=" V4);
    desk_expect_bytes(&desk, NF_NEXT_HOP, V4);
}

static void
the_kind_of_packet_is_told_by_the_addresses_or_by_itself(void **state)
{
    (void)state;
    read_record("12=" V4);
    assert_int_equal(number(NF_ETYPE), 0x0800);
    read_record("28=" V6);
    assert_int_equal(number(NF_ETYPE), 0x86dd);
    read_record("256=0806 8=" V4);
    assert_int_equal(number(NF_ETYPE), 0x0806);
    read_record("1=01");
    assert_int_equal(number(NF_ETYPE), 0);
}

static void
lengths_of_prefixes_are_of_either_family(void **state)
{
    (void)state;
    read_record("9=18 13=10 29=00 30=00");
    assert_int_equal(number(NF_SRC_NET), 24);
    assert_int_equal(number(NF_DST_NET), 16);
    read_record("9=00 13=00 29=40 30=30");
    assert_int_equal(number(NF_SRC_NET), 64);
    assert_int_equal(number(NF_DST_NET), 48);
}

/* ---- Link layer ---- */

static void
vlans_of_ipfix(void **state)
{
    (void)state;
    read_record("58=0064 243=00c8 254=012c");
    assert_int_equal(number(NF_VLAN_ID), 100);
    assert_int_equal(number(NF_SRC_VLAN), 200);
    assert_int_equal(number(NF_DST_VLAN), 300);
    read_record("58=0064 59=0065");
    assert_int_equal(number(NF_VLAN_ID), 100);
    assert_int_equal(number(NF_SRC_VLAN), 0);
    assert_int_equal(number(NF_DST_VLAN), 101);
}

static void
vlans_of_v9(void **state)
{
    (void)state;
    read_record("58=0064 59=0065 243=00c8 254=012c");
    assert_int_equal(number(NF_VLAN_ID), 200);
    assert_int_equal(number(NF_SRC_VLAN), 100);
    assert_int_equal(number(NF_DST_VLAN), 101);
    read_record("254=012c");
    assert_int_equal(number(NF_DST_VLAN), 300);
}

static void
hardware_addresses_have_six_bytes(void **state)
{
    (void)state;
    read_record("56=020304050607 80=0a0b0c0d0e0f 57=ffffffffffff");
    assert_int_equal(number(NF_SRC_MAC), 0x020304050607);
    assert_int_equal(number(NF_DST_MAC), 0x0a0b0c0d0e0f);
    read_record("80=000000000000 57=112233445566");
    assert_int_equal(number(NF_DST_MAC), 0x112233445566);
    assert_int_equal(desk_clamped(&desk), 0);
}

static void
labels_are_twenty_bits_and_empty_entries_are_none(void **state)
{
    (void)state;
    read_record("70=064001 71=000641 72=000000 73=000000 47=0a000001 200=ff");
    DESK_EXPECT(&desk, NF_MPLS_LABEL, mpls_label, 0x6400, 100);
    DESK_EXPECT(&desk, NF_MPLS_TTL, mpls_ttl, 255);
    assert_int_equal(desk.flow.mpls_ip.count, 1);
    read_record("70=000001 47=00000000 140=" V6);
    DESK_EXPECT(&desk, NF_MPLS_LABEL, mpls_label, 0);
    assert_int_equal(desk.flow.mpls_ip.count, 1);
    assert_int_equal(desk.flow.mpls_ip.items[0].len, 16);
}

static void
fragments_have_flags_an_offset_and_an_id(void **state)
{
    (void)state;
    read_record("197=40 88=0000 54=00001234");
    assert_int_equal(number(NF_IP_FLAGS), 2);
    assert_int_equal(number(NF_FRAGMENT_ID), 0x1234);
    read_record("197=20 88=00b9");
    assert_int_equal(number(NF_IP_FLAGS), 1);
    assert_int_equal(number(NF_FRAGMENT_OFFSET), 185);
}

/* ---- ICMP ---- */

static void
expect_icmp(uint64_t type, uint64_t code)
{
    assert_int_equal(number(NF_ICMP_TYPE), type);
    assert_int_equal(number(NF_ICMP_CODE), code);
}

static void
type_and_code_come_from_any_element_that_has_them(void **state)
{
    (void)state;
    read_record("4=01 32=0303");
    expect_icmp(3, 3);
    read_record("4=3a 139=8700");
    expect_icmp(135, 0);
    read_record("4=01 176=0b 177=01");
    expect_icmp(11, 1);
    read_record("4=3a 178=80 179=02");
    expect_icmp(128, 2);
    /* Both kinds in one template, one of them filled. */
    read_record("4=3a 32=0000 139=8704");
    expect_icmp(135, 4);
    read_record("4=01 32=0801 139=0000");
    expect_icmp(8, 1);
    read_record("4=01 176=0b 177=01 32=0000");
    expect_icmp(11, 1);
    read_record("4=01 32=0b01 176=00 177=00");
    expect_icmp(11, 1);
}

static void
type_and_code_may_stand_in_the_destination_port(void **state)
{
    (void)state;
    read_record("4=01 7=0000 11=0301");
    expect_icmp(3, 1);
    read_record("4=3a 11=8000");
    expect_icmp(128, 0);
    /* Not of other protocols, not beside a source port, not where an element is for it. */
    read_record("4=06 7=0000 11=0301");
    expect_icmp(0, 0);
    read_record("4=01 7=0001 11=0301");
    expect_icmp(0, 0);
    read_record("4=01 11=0301 32=0000");
    expect_icmp(0, 0);
}

/* ---- Sampling ---- */

static void
a_rate_is_of_the_record_else_its_sampler_else_the_domain(void **state)
{
    (void)state;
    nf_default_rate_set(desk.bench.e, desk.bench.d->state, 100);
    assert_true(nf_rate_set(desk.bench.e, desk.bench.d->state, false, 5, 500));
    assert_true(nf_rate_set(desk.bench.e, desk.bench.d->state, true, 5, 900));
    read_record("1=01");
    assert_int_equal(number(NF_SAMPLING_RATE), 100);
    read_record("1=01 48=05");
    assert_int_equal(number(NF_SAMPLING_RATE), 500);
    read_record("1=01 302=00000005");
    assert_int_equal(number(NF_SAMPLING_RATE), 900);
    read_record("1=01 48=06");
    assert_int_equal(number(NF_SAMPLING_RATE), 100);
    read_record("1=01 48=05 34=00000007");
    assert_int_equal(number(NF_SAMPLING_RATE), 7);
    read_record("1=01 50=00000008");
    assert_int_equal(number(NF_SAMPLING_RATE), 8);
    read_record("1=01 50=00000008 34=00000009");
    assert_int_equal(number(NF_SAMPLING_RATE), 9);
    read_record("1=01 34=00000000 48=05");
    assert_int_equal(number(NF_SAMPLING_RATE), 500);
}

static void
an_override_of_the_rate_wins_over_all(void **state)
{
    struct nf_sampling_override overrides[2] = { { .rate = 3 }, { .rate = 4 } };

    (void)state;
    assert_null(sr_network_parse("198.51.100.0/24", &overrides[0].network));
    assert_null(sr_network_parse("192.0.2.0/24", &overrides[1].network));
    desk.bench.config.overrides = overrides;
    desk.bench.config.override_count = 2;
    nf_default_rate_set(desk.bench.e, desk.bench.d->state, 100);
    read_record("1=01 48=05 34=00000007");
    assert_int_equal(number(NF_SAMPLING_RATE), 4);
    read_record("1=01");
    assert_int_equal(number(NF_SAMPLING_RATE), 4);
    desk.bench.config.override_count = 1;
    read_record("1=01");
    assert_int_equal(number(NF_SAMPLING_RATE), 100);
}

/* ---- The rest ---- */

static void
protocols_have_names_and_zero_has_none(void **state)
{
    static const struct {
        const char *record, *name;
    } protocols[] = { { "4=06", "544350" }, { "4=11", "554450" }, { "4=3a", "4950563649434d50" },
        { "4=91", "554e4b4e4f574e2831343529" }, { "4=ff", "5245534552564544" }, { "4=00", "" },
        { "4=0100", "" } };

    (void)state;
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        read_record(protocols[i].record);
        desk_expect_bytes(&desk, NF_PROTOCOL_NAME, protocols[i].name);
    }
}

static void
a_path_is_made_of_the_systems_that_are_known(void **state)
{
    (void)state;
    read_record("16=0000fde8 128=0000fde9 17=0000fdea");
    DESK_EXPECT(&desk, NF_AS_PATH, as_path, 65000, 65001, 65002);
    read_record("16=0000fde8 128=0000fde8 17=0000fde8");
    DESK_EXPECT(&desk, NF_AS_PATH, as_path, 65000);
    read_record("16=00000000 128=00000000 17=0000fdea");
    DESK_EXPECT(&desk, NF_AS_PATH, as_path, 65002);
    read_record("16=00000000");
    assert_false(nf_flow_has(&desk.flow, NF_AS_PATH));
}

static void
v9_has_no_path(void **state)
{
    (void)state;
    read_record("16=0000fde8 17=0000fdea");
    assert_int_equal(number(NF_SRC_AS), 65000);
    assert_false(nf_flow_has(&desk.flow, NF_AS_PATH));
    assert_int_equal(number(NF_OBSERVATION_DOMAIN_ID), 7);
}

static void
values_that_a_column_cannot_hold_are_clamped_and_counted(void **state)
{
    (void)state;
    desk.bench.config.clamp_int32 = true;
    read_record("16=80000000 17=7fffffff 128=ffffffff 6=ffffffff 1=8000000000000000 "
                "2=ffffffffffffffff 232=ffffffffffffffff 299=7fffffffffffffff");
    assert_int_equal(number(NF_SRC_AS), INT32_MAX);
    assert_int_equal(number(NF_DST_AS), INT32_MAX);
    assert_int_equal(number(NF_NEXT_HOP_AS), INT32_MAX);
    assert_int_equal(number(NF_TCP_FLAGS), INT32_MAX);
    expect_counters(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX);
    DESK_EXPECT(&desk, NF_AS_PATH, as_path, INT32_MAX);
    assert_int_equal(desk_clamped(&desk), 6);
    read_record("1=01");
    assert_int_equal(desk_clamped(&desk), 6);
    assert_false(nf_flow_has(&desk.flow, NF_SRC_AS));
    desk.bench.config.clamp_int32 = false;
    read_record("16=80000000");
    assert_int_equal(number(NF_SRC_AS), UINT32_C(1) << 31);
}

static void
numbers_larger_than_their_field_become_the_largest_and_are_counted(void **state)
{
    (void)state;
    read_record("138=0000000100000000 10=00000000ffffffff");
    assert_int_equal(number(NF_OBSERVATION_POINT_ID), UINT32_MAX);
    assert_int_equal(number(NF_IN_IF), UINT32_MAX);
    assert_int_equal(desk_clamped(&desk), 1);
    read_record("53=0000000100000000");
    assert_int_equal(number(NF_IP_TTL), UINT32_MAX);
    assert_int_equal(desk_clamped(&desk), 2);
}

static void
time_to_live_is_the_least_else_the_largest(void **state)
{
    (void)state;
    read_record("52=3f 53=40");
    assert_int_equal(number(NF_IP_TTL), 63);
    read_record("53=40");
    assert_int_equal(number(NF_IP_TTL), 64);
    read_record("192=41");
    assert_int_equal(number(NF_IP_TTL), 65);
}

static void
all_flows_of_a_message_have_what_its_header_says(void **state)
{
    (void)state;
    read_record("1=01");
    assert_int_equal(number(NF_TYPE), NF_TYPE_IPFIX);
    assert_int_equal(number(NF_SEQUENCE_NUM), 11);
    assert_int_equal(number(NF_OBSERVATION_DOMAIN_ID), 7);
    assert_int_equal(number(NF_TIME_RECEIVED_NS), DESK_RECEIVED);
    desk_expect_bytes(&desk, NF_SAMPLER_ADDRESS, "c0000201");
}

/* ---- As upstream has it: its table of fields ---- */

#define EVERYTHING                                                                                 \
    "1=64 2=02 4=06 5=20 6=12 7=0050 8=0a000001 9=18 10=0001 11=0051 12=0a000002 13=10 14=0002 "   \
    "15=0a000003 16=0001 17=0002 18=0a000004 23=ff 24=ff 27=" V6 " 28=" OTHER_V6 " 29=40 30=41 "   \
    "31=00001234 34=00000064 48=01 50=00000064 52=3f 53=40 54=0009 56=020304050607 "               \
    "57=0a0b0c0d0e0f 58=0064 59=0065 60=06 62=" V6 " 63=" V6 " 70=064001 80=000000000000 "         \
    "88=0001 89=40 128=0003 138=00000001 176=03 177=01 197=40 200=40 231=01 232=02 243=00c8 "      \
    "254=012c 256=0806 298=03 299=04 352=05dc 483=00010002 302=00000001 498=02"

static void
expect_common_upstream(void)
{
    expect_counters(100, 2, 2, 4);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V4);
    desk_expect_bytes(&desk, NF_DST_ADDR, OTHER_V4);
    desk_expect_bytes(&desk, NF_NEXT_HOP, "0a000003");
    desk_expect_bytes(&desk, NF_PROTOCOL_NAME, "544350");
    assert_int_equal(number(NF_IN_IF), 1);
    assert_int_equal(number(NF_OUT_IF), 2);
    assert_int_equal(number(NF_SRC_AS), 1);
    assert_int_equal(number(NF_DST_AS), 2);
    assert_int_equal(number(NF_SRC_NET), 24);
    assert_int_equal(number(NF_DST_NET), 16);
    assert_int_equal(number(NF_IP_TOS), 32);
    assert_int_equal(number(NF_SRC_MAC), 0x020304050607);
    assert_int_equal(number(NF_IPV6_FLOW_LABEL), 0x1234);
    expect_icmp(0, 0);
    static const enum nf_slot never[] = { NF_SAMPLING_RATE, NF_ETYPE, NF_FORWARDING_STATUS,
        NF_IP_FLAGS, NF_FRAGMENT_ID, NF_FRAGMENT_OFFSET, NF_MPLS_LABEL, NF_MPLS_TTL, NF_MPLS_IP,
        NF_OBSERVATION_POINT_ID, NF_LAYER_STACK, NF_LAYER_SIZE, NF_IPV6_ROUTING_HEADER_ADDRESSES,
        NF_IPV6_ROUTING_HEADER_SEG_LEFT };
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        assert_false(nf_flow_has(&desk.flow, never[i]));
    }
}

static void
upstreams_fields_of_ipfix(void **state)
{
    (void)state;
    read_record(EVERYTHING);
    expect_common_upstream();
    assert_int_equal(number(NF_NEXT_HOP_AS), 3);
    assert_int_equal(number(NF_IP_TTL), 63);
    assert_int_equal(number(NF_DST_MAC), 0);
    assert_int_equal(number(NF_VLAN_ID), 100);
    assert_int_equal(number(NF_SRC_VLAN), 200);
    assert_int_equal(number(NF_DST_VLAN), 300);
    assert_int_equal(number(NF_OBSERVATION_DOMAIN_ID), 7);
    desk_expect_bytes(&desk, NF_BGP_NEXT_HOP, "0a000004");
    DESK_EXPECT(&desk, NF_BGP_COMMUNITIES, bgp_communities, 0x00010002);
    DESK_EXPECT(&desk, NF_AS_PATH, as_path, 1, 3, 2);
}

static void
upstreams_fields_of_v9(void **state)
{
    (void)state;
    read_record(EVERYTHING);
    expect_common_upstream();
    assert_int_equal(number(NF_NEXT_HOP_AS), 0);
    assert_int_equal(number(NF_IP_TTL), 0);
    assert_int_equal(number(NF_DST_MAC), 0x0a0b0c0d0e0f);
    assert_int_equal(number(NF_VLAN_ID), 0);
    assert_int_equal(number(NF_SRC_VLAN), 100);
    assert_int_equal(number(NF_DST_VLAN), 101);
    assert_int_equal(number(NF_OBSERVATION_DOMAIN_ID), 0);
    desk_expect_bytes(&desk, NF_BGP_NEXT_HOP, "");
    assert_false(nf_flow_has(&desk.flow, NF_BGP_COMMUNITIES));
    assert_false(nf_flow_has(&desk.flow, NF_AS_PATH));
}

static void
upstream_takes_the_first_of_two_addresses(void **state)
{
    (void)state;
    read_record("8=" V4_ZERO " 27=" V6);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V4_ZERO);
    read_record("27=" V6_ZERO " 8=" V4 " 62=" V6 " 15=" V4);
    desk_expect_bytes(&desk, NF_SRC_ADDR, V6_ZERO);
    desk_expect_bytes(&desk, NF_NEXT_HOP, V6);
}

static void
upstream_has_totals_then_the_initiators_counters(void **state)
{
    (void)state;
    read_record("85=0064 86=02 231=01 298=01");
    expect_counters(100, 2, 0, 0);
    read_record("231=01 298=02 232=03 299=04");
    expect_counters(1, 2, 3, 4);
    read_record("4=01 32=0301 139=0000");
    expect_icmp(3, 1);
    read_record("4=3a 32=0000 139=8001");
    expect_icmp(128, 1);
    read_record("53=40 29=40 30=30");
    assert_int_equal(number(NF_IP_TTL), 64);
    assert_int_equal(number(NF_SRC_NET), 64);
    assert_int_equal(number(NF_DST_NET), 48);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_begin, desk_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deltas_count_before_totals_and_totals_before_what_leaves),
        TEST(octets_of_layer_2_stand_in_last),
        TEST(counters_have_64_bits),
        TEST(an_event_of_a_firewall_counts_both_directions_once),
        TEST(initiator_and_responder_count_without_an_event_too),
        TEST(the_other_direction_of_a_biflow_comes_in),
        TEST(flows_without_counters_are_left_out_when_that_is_wanted),
        TEST(what_a_record_has_not_is_not_left_from_the_one_before),
        TEST(of_two_addresses_the_one_that_is_filled_counts),
        TEST(source_and_destination_are_of_one_family),
        TEST(the_ip_version_says_which_address_counts),
        TEST(next_hops_may_be_of_another_family_than_the_flow),
        TEST(the_kind_of_packet_is_told_by_the_addresses_or_by_itself),
        TEST(lengths_of_prefixes_are_of_either_family),
        TEST(vlans_of_ipfix),
        cmocka_unit_test_setup_teardown(vlans_of_v9, desk_begin_v9, desk_end),
        TEST(hardware_addresses_have_six_bytes),
        TEST(labels_are_twenty_bits_and_empty_entries_are_none),
        TEST(fragments_have_flags_an_offset_and_an_id),
        TEST(type_and_code_come_from_any_element_that_has_them),
        TEST(type_and_code_may_stand_in_the_destination_port),
        TEST(a_rate_is_of_the_record_else_its_sampler_else_the_domain),
        TEST(an_override_of_the_rate_wins_over_all),
        TEST(protocols_have_names_and_zero_has_none),
        TEST(a_path_is_made_of_the_systems_that_are_known),
        cmocka_unit_test_setup_teardown(v9_has_no_path, desk_begin_v9, desk_end),
        TEST(values_that_a_column_cannot_hold_are_clamped_and_counted),
        TEST(numbers_larger_than_their_field_become_the_largest_and_are_counted),
        TEST(time_to_live_is_the_least_else_the_largest),
        TEST(all_flows_of_a_message_have_what_its_header_says),
        cmocka_unit_test_setup_teardown(upstreams_fields_of_ipfix, desk_begin_upstream, desk_end),
        cmocka_unit_test_setup_teardown(upstreams_fields_of_v9, desk_begin_upstream_v9, desk_end),
        cmocka_unit_test_setup_teardown(
            upstream_takes_the_first_of_two_addresses, desk_begin_upstream, desk_end),
        cmocka_unit_test_setup_teardown(
            upstream_has_totals_then_the_initiators_counters, desk_begin_upstream, desk_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
