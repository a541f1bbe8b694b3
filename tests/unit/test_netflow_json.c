/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "decode/json.h"
#include "decode/json_plan.h"
#include "decode/output.h"
#include "netflow_build.h"

/* Names that options told: one for each kind, of the id 7. */
struct sr_span __wrap_nf_name_find(const struct nf_domain *d, enum nf_name_kind kind, uint64_t id);

static struct sr_span told_names[NF_NAME_KINDS];
static uint64_t told_id;

struct sr_span
__wrap_nf_name_find(const struct nf_domain *d, enum nf_name_kind kind, uint64_t id)
{
    assert_non_null(d);
    return id == told_id ? told_names[kind] : (struct sr_span){ NULL, 0 };
}

/* One for all tests: what it is left with by other templates does not count. */
static struct nf_json_plan plan;

/* A record and what surrounds it. */
struct bench {
    struct nf_header header;
    struct nf_domain domain;
    struct nf_flow flow;
    struct nf_record record;
    struct nf_template *template;
    struct nf_position *positions;
    struct build m;
    char out[NF_ENCODED_MAX + 1];
};

static struct bench *
setup(struct bench **ret_bench)
{
    struct bench *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    memset(told_names, 0, sizeof(told_names));
    told_id = 7;
    t->header = (struct nf_header){ .version = 10, .domain = 33 };
    t->record = (struct nf_record){ .header = &t->header, .plan = &plan };
    nf_flow_set(&t->flow, NF_TYPE, NF_TYPE_IPFIX);
    *ret_bench = t;
    return t;
}

static void
teardown(struct bench *t)
{
    free(t->template);
    free(t->positions);
    free(t);
}

/* The record gets a template; what is in `m` behind its header is its content. */
static void
use_template(struct bench *t, uint8_t version, bool options, uint16_t scope_count,
    const struct nf_field *fields, uint16_t field_count)
{
    t->header.version = version;
    t->template = build_compiled(version, options, scope_count, fields, field_count, NF_NATIVE);
    t->positions = calloc(field_count, sizeof(*t->positions));
    assert_non_null(t->positions);
    t->record.template = t->template;
    t->record.positions = t->positions;
    t->record.domain = &t->domain;
    build_v9(&t->m, 0, 0);
}

static void
use_content(struct bench *t)
{
    struct sr_span records = { t->m.bytes + 20, t->m.len - 20 };

    assert_true(nf_record_next(t->template, &records, &t->record.bytes, t->positions));
}

static void
assert_json(struct bench *t, const char *expected)
{
    struct sr_buf b = sr_buf_over(t->out, NF_JSON_MAX(t->record.bytes.len, 100));

    nf_json_write(&b, &t->flow, &t->record);
    assert_false(b.overflow);
    t->out[b.len] = '\0';
    assert_string_equal(t->out, expected);
}

static void
assert_options_json(struct bench *t, const char *expected)
{
    struct sr_buf b = sr_buf_over(t->out, NF_JSON_MAX(t->record.bytes.len, 100));

    nf_json_write_options(&b, &t->record);
    assert_false(b.overflow);
    t->out[b.len] = '\0';
    assert_string_equal(t->out, expected);
}

/* One data record of IPFIX, from its fields and its content in hexadecimal. */
static void
assert_extra(
    const struct nf_field *fields, uint16_t field_count, const char *hex, const char *extra)
{
    char expected[2048];
    struct bench *t;

    setup(&t);
    use_template(t, 10, false, 0, fields, field_count);
    build_hex(&t->m, hex);
    use_content(t);
    if (*extra == '\0') {
        (void)snprintf(expected, sizeof(expected), "{\"type\":\"IPFIX\"}");
    } else {
        (void)snprintf(expected, sizeof(expected), "{\"type\":\"IPFIX\",\"extra\":{%s}}", extra);
    }
    assert_json(t, expected);
    teardown(t);
}

#define FIELDS(...)                                                                                \
    (const struct nf_field[]){ __VA_ARGS__ },                                                      \
        sizeof((const struct nf_field[]){ __VA_ARGS__ }) / sizeof(struct nf_field)

static void
fields_of_the_message_are_under_their_names(void **state)
{
    static const uint8_t v4[4] = { 192, 0, 2, 1 };
    static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
    struct bench *t;

    (void)state;
    setup(&t);
    nf_flow_set(&t->flow, NF_TYPE, NF_TYPE_V5);
    nf_flow_set_bytes(&t->flow, NF_SRC_ADDR, (struct sr_span){ v4, 4 });
    nf_flow_set_bytes(&t->flow, NF_DST_ADDR, (struct sr_span){ v6, 16 });
    nf_flow_set_bytes(&t->flow, NF_NEXT_HOP, (struct sr_span){ v6, 3 });
    nf_flow_set(&t->flow, NF_BYTES, UINT64_MAX);
    nf_flow_set(&t->flow, NF_SRC_MAC, UINT64_C(0x0a0b0c0d0eff));
    nf_flow_set(&t->flow, NF_VLAN_ID, 0);
    nf_flow_set_bytes(&t->flow, NF_PROTOCOL_NAME, span_of("TCP"));
    nf_flow_set(&t->flow, NF_TIME_RECEIVED_NS, UINT64_C(1700000000123456789));
    assert_json(t,
        "{\"type\":\"NETFLOW_V5\",\"src_addr\":\"192.0.2.1\",\"dst_addr\":\"2001:db8::1\","
        "\"bytes\":18446744073709551615,\"next_hop\":\"20010d\",\"src_mac\":\"0a:0b:0c:0d:0e:ff\","
        "\"protocol_name\":\"TCP\",\"time_received_ns\":1700000000123456789}");
    teardown(t);
}

static void
lists_are_arrays_and_layers_have_names(void **state)
{
    static const uint8_t v4[4] = { 192, 0, 2, 1 };
    static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
    struct bench *t;

    (void)state;
    setup(&t);
    t->flow.mpls_label = (struct nf_numbers){ 2, { 16, 1048575 } };
    t->flow.layer_stack = (struct nf_numbers){ 3, { NF_LAYER_ETHERNET, NF_LAYER_TEREDO, 99 } };
    t->flow.layer_size = (struct nf_numbers){ 0, { 0 } };
    t->flow.mpls_ip = (struct nf_addresses){ 2, { { v4, 4 }, { v6, 16 } } };
    nf_flow_set(&t->flow, NF_MPLS_LABEL, 1);
    nf_flow_set(&t->flow, NF_LAYER_STACK, 1);
    nf_flow_set(&t->flow, NF_LAYER_SIZE, 1);
    nf_flow_set(&t->flow, NF_MPLS_IP, 1);
    assert_json(t, "{\"type\":\"IPFIX\",\"mpls_label\":[16,1048575],"
                   "\"mpls_ip\":[\"192.0.2.1\",\"2001:db8::1\"],"
                   "\"layer_stack\":[\"Ethernet\",\"Teredo\",\"Custom\"],\"layer_size\":[]}");
    t->flow.layer_stack = (struct nf_numbers){ 1, { 50 } }; /* no layer has this number */
    t->flow.present[0] = UINT64_C(1) << NF_LAYER_STACK;
    assert_json(t, "{\"layer_stack\":[50]}");
    teardown(t);
}

static void
what_the_flow_carries_is_not_extra(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 8, 4 }, { 0, 1, 8 }, { 0, 22, 4 }, { NF_REVERSE_PEN, 1, 4 }),
        "c0000201 0000000000000001 00000001 00000001", "");
}

static void
what_the_flow_does_not_carry_is_extra_by_name(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 8, 4 }, { 0, 225, 4 }, { 0, 227, 2 }, { 0, 281, 16 }, { 0, 61, 1 },
                     { 2636, 137, 2 }, { NF_REVERSE_PEN, 6, 1 }, { NF_REVERSE_PEN, 236, 1 }),
        "c0000201 c0000202 04d2 20010db8000000000000000000000005 01 08c3 12 41",
        "\"postNATSourceIPv4Address\":\"192.0.2.2\",\"postNAPTSourceTransportPort\":1234,"
        "\"postNATSourceIPv6Address\":\"2001:db8::5\",\"flowDirection\":1,"
        "\"juniperCommonPropertiesId\":\"08c3\",\"reverseTcpControlBits\":18,"
        "\"reverseVRFname\":\"A\"");
}

static void
events_and_samplers_are_extra_though_the_flow_is_made_of_them(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 233, 1 }, { 0, 230, 1 }, { 0, 48, 1 }, { 0, 302, 8 }, { 0, 293, 2 }),
        "02 04 03 0000000000000009 ff01",
        "\"firewallEvent\":2,\"natEvent\":4,\"samplerId\":3,\"selectorId\":9,"
        "\"subTemplateMultiList\":\"ff01\"");
}

static void
an_element_that_is_not_known_is_hexadecimal_under_its_number(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 20000, 2 }, { 4242, 7, 3 }, { NF_REVERSE_PEN, 20000, 1 }),
        "0a0b 0c0d0e ff", "\"20000\":\"0a0b\",\"4242/7\":\"0c0d0e\",\"29305/20000\":\"ff\"");
}

static void
padding_is_not_shown(void **state)
{
    (void)state;
    assert_extra(
        FIELDS({ 0, 210, 3 }, { 0, 61, 1 }, { 0, 210, 1 }), "000000 01 00", "\"flowDirection\":1");
    assert_extra(FIELDS({ 0, 210, 3 }), "000000", "");
}

static void
an_element_that_is_repeated_is_an_array(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 234, 1 }, { 0, 61, 1 }, { 0, 234, 2 }, { 4242, 7, 1 }, { 0, 234, 1 },
                     { 4242, 7, 1 }),
        "01 00 0102 aa ff bb",
        "\"ingressVRFID\":[1,258,255],\"flowDirection\":0,\"4242/7\":[\"aa\",\"bb\"]");
}

static void
elements_of_two_enterprises_are_not_the_same(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 4242, 7, 1 }, { 4242, 7, 1 }, { 4243, 7, 1 }, { 4243, 7, 1 }),
        "aa bb cc dd", "\"4242/7\":[\"aa\",\"bb\"],\"4243/7\":[\"cc\",\"dd\"]");
}

/* 4242 ^ 7 is 0 ^ 4245: the quick look takes them for one, the second one must not. */
static void
elements_that_only_look_the_same_are_no_array(void **state)
{
    (void)state;
    assert_extra(
        FIELDS({ 4242, 7, 1 }, { 0, 4242 ^ 7, 1 }), "aa bb", "\"4242/7\":\"aa\",\"4245\":\"bb\"");
}

static void
numbers_are_written_by_their_type_and_length(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 149, 0 }, { 0, 148, 3 }, { 0, 434, 1 }, { 0, 311, 4 }, { 0, 320, 8 },
                     { 0, 276, 1 }),
        "010203 ff 3f000000 3ff8000000000000 01",
        "\"observationDomainId\":null,\"flowId\":66051,\"mibObjectValueInteger\":-1,"
        "\"samplingProbability\":0.5,\"absoluteError\":1.5,\"dataRecordsReliability\":true");
    assert_extra(FIELDS({ 0, 434, 8 }, { 0, 148, 8 }, { 0, 276, 1 }, { 0, 517, 1 }, { 0, 311, 3 }),
        "8000000000000000 ffffffffffffffff 02 00 010203",
        "\"mibObjectValueInteger\":-9223372036854775808,\"flowId\":18446744073709551615,"
        "\"dataRecordsReliability\":false,\"ipv6ExtensionHeadersLimit\":0,"
        "\"samplingProbability\":\"010203\"");
    assert_extra(FIELDS({ 0, 148, 9 }), "010203040506070809", "\"flowId\":\"010203040506070809\"");
}

static void
addresses_of_another_length_are_hexadecimal(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 225, 3 }, { 0, 81, 6 }, { 0, 365, 8 }),
        "c00002 0a0b0c0d0e0f 0102030405060708",
        "\"postNATSourceIPv4Address\":\"c00002\",\"postSourceMacAddress\":\"0a:0b:0c:0d:0e:0f\","
        "\"staMacAddress\":\"0102030405060708\"");
}

static void
strings_lose_the_nuls_at_their_end_and_are_escaped(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 236, 8 }, { 0, 371, 4 }, { 0, 300, 0 }), "61220a00620000 00 ff000000",
        "\"VRFname\":\"a\\\"\\n\\u0000b\",\"userName\":\"\xef\xbf\xbd\","
        "\"observationDomainName\":\"\"");
}

/* 3699978240 seconds of NTP are 1490989440 seconds of Unix; a half, and the bits that do not count.
 */
static void
times_of_ntp_are_nanoseconds_since_1970(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 271, 8 }, { 0, 273, 8 }, { 0, 272, 8 }, { 0, 265, 4 }),
        "dc893000 800007ff dc893000 800007ff 000001618a5b0000 5a1438ef",
        "\"minFlowStartMicroseconds\":1490989440500000000,"
        "\"minFlowStartNanoseconds\":1490989440500000476,"
        "\"minFlowStartMilliseconds\":1518444675072,\"minFlowStartSeconds\":1511274735");
}

static void
times_of_ntp_go_on_after_2036_and_not_before_1970(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 273, 8 }, { 0, 270, 8 }, { 0, 271, 8 }, { 0, 268, 4 }),
        "00000001 00000000 80000000 00000000 0000000000000000 00000007",
        "\"minFlowStartNanoseconds\":2085978497000000000,\"maxFlowEndNanoseconds\":0,"
        "\"minFlowStartMicroseconds\":0,\"maxFlowEndMicroseconds\":7");
}

static void
applications_are_an_engine_and_a_selector(void **state)
{
    (void)state;
    assert_extra(FIELDS({ 0, 95, 4 }), "03000035", "\"applicationId\":\"3:53\"");
    assert_extra(FIELDS({ 0, 95, 9 }), "1400003044 00000010", "\"applicationId\":\"20:12356:16\"");
    assert_extra(FIELDS({ 0, 95, 1 }), "0d", "\"applicationId\":\"13:0\"");
    assert_extra(FIELDS({ 0, 95, 14 }), "0102030405060708090a0b0c0d0e",
        "\"applicationId\":\"0102030405060708090a0b0c0d0e\"");
    assert_extra(FIELDS({ 0, 95, 0 }, { 0, 4, 1 }), "06", "\"applicationId\":\"\"");
}

static void
names_that_options_told_stand_first(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    told_names[NF_NAME_INTERFACE] = span_of("Gi0/7");
    told_names[NF_NAME_INTERFACE_DESCRIPTION] = span_of("to \"core\"");
    told_names[NF_NAME_APPLICATION] = span_of("dns");
    told_names[NF_NAME_VRF] = span_of("blue");
    use_template(t, 9, false, 0,
        FIELDS({ 0, 10, 4 }, { 0, 253, 2 }, { 0, 95, 4 }, { 0, 234, 4 }, { 0, 235, 4 }));
    build_hex(&t->m, "00000007 0007 00000007 00000008 00000007");
    use_content(t);
    assert_json(t, "{\"type\":\"IPFIX\",\"extra\":{\"inputInterfaceName\":\"Gi0/7\","
                   "\"inputInterfaceDescription\":\"to \\\"core\\\"\","
                   "\"outputInterfaceName\":\"Gi0/7\","
                   "\"outputInterfaceDescription\":\"to \\\"core\\\"\",\"applicationName\":\"dns\","
                   "\"egressVRFName\":\"blue\",\"applicationId\":\"0:7\",\"ingressVRFID\":8,"
                   "\"egressVRFID\":7}}");
    teardown(t);
}

static void
the_record_s_own_application_name_comes_before_the_told_one(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    told_names[NF_NAME_APPLICATION] = span_of("told");
    use_template(t, 9, false, 0, FIELDS({ 0, 95, 4 }, { 0, 96, 3 }));
    build_hex(&t->m, "00000007 6f776e");
    use_content(t);
    assert_json(t, "{\"type\":\"IPFIX\",\"extra\":{\"applicationId\":\"0:7\","
                   "\"applicationName\":\"own\"}}");
    teardown(t);
}

static void
an_application_of_nine_bytes_has_a_name(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    told_names[NF_NAME_APPLICATION] = span_of("Web");
    told_id = UINT64_C(0x1400304400008f34);
    use_template(t, 9, false, 0, FIELDS({ 0, 95, 9 }));
    build_hex(&t->m, "14 00003044 00008f34");
    use_content(t);
    assert_json(t, "{\"type\":\"IPFIX\",\"extra\":{\"applicationName\":\"Web\","
                   "\"applicationId\":\"20:12356:36660\"}}");
    teardown(t);
}

static void
a_long_name_is_cut(void **state)
{
    static const char expected[] = "{\"type\":\"IPFIX\",\"extra\":{\"inputInterfaceName\":\"";
    struct bench *t;
    char name[1000];

    (void)state;
    setup(&t);
    memset(name, 1, sizeof(name));
    told_names[NF_NAME_INTERFACE] = (struct sr_span){ (const uint8_t *)name, sizeof(name) };
    use_template(t, 9, false, 0, FIELDS({ 0, 10, 4 }));
    build_hex(&t->m, "00000007");
    use_content(t);
    struct sr_buf b = sr_buf_over(t->out, sizeof(t->out));
    nf_json_write(&b, &t->flow, &t->record);
    assert_int_equal(b.len, strlen(expected) + 6 * NF_JSON_NAME_MAX + strlen("\"}}"));
    teardown(t);
}

static void
the_engine_of_v5_is_extra_unless_it_is_0(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    t->header.version = 5;
    t->header.domain = 0x0102;
    assert_json(t, "{\"type\":\"IPFIX\",\"extra\":{\"engineType\":1,\"engineId\":2}}");
    t->header.domain = 0;
    assert_json(t, "{\"type\":\"IPFIX\"}");
    t->header = (struct nf_header){ .version = 7, .domain = 1 };
    assert_json(t, "{\"type\":\"IPFIX\"}");
    teardown(t);
}

static void
options_of_v9_show_their_scope(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    use_template(
        t, 9, true, 3, FIELDS({ 0, 1, 4 }, { 0, 2, 2 }, { 0, 77, 1 }, { 0, 1, 1 }, { 0, 34, 4 }));
    build_hex(&t->m, "c0000201 0005 aa 01 000003e8");
    use_content(t);
    assert_options_json(t,
        "{\"options\":{\"scopeSystem\":\"c0000201\",\"scopeInterface\":5,"
        "\"scope/77\":\"aa\",\"octetDeltaCount\":1,\"samplingInterval\":1000},"
        "\"type\":\"NETFLOW_V9\",\"template\":256,\"observation_domain_id\":33}");
    teardown(t);
}

static void
options_of_ipfix_have_elements_as_scope(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    use_template(t, 10, true, 1, FIELDS({ 0, 10, 4 }, { 0, 82, NF_VARIABLE_LENGTH }, { 0, 1, 4 }));
    build_u32(&t->m, 7);
    build_variable(&t->m, "eth0", 4);
    build_u32(&t->m, 9);
    use_content(t);
    assert_options_json(t, "{\"options\":{\"ingressInterface\":7,\"interfaceName\":\"eth0\","
                           "\"octetDeltaCount\":9},\"type\":\"IPFIX\",\"template\":256,"
                           "\"observation_domain_id\":33}");
    teardown(t);
}

/* A generator of its own, so that a failure comes back. */
static uint32_t
next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*seed >> 33);
}

/* A template of elements that are mostly known, and content of any bytes for it. */
static uint16_t
random_record(struct bench *t, uint64_t *seed, bool options)
{
    static const uint32_t enterprises[] = { 0, 0, 0, 0, NF_REVERSE_PEN, 5951, 35632, 4242 };
    struct nf_field fields[60] = { { 0 } };
    uint16_t count = (uint16_t)(1 + next_random(seed) % 60);
    uint8_t version = next_random(seed) % 2 == 0 ? 9 : 10;

    for (uint16_t i = 0; i < count; i++) {
        uint32_t kind = next_random(seed) % 8;
        fields[i].enterprise = version == 9 ? 0 : enterprises[kind];
        fields[i].id = (uint16_t)(next_random(seed) % 540);
        fields[i].length = (uint16_t)(i == 0 ? 1 : next_random(seed) % 20);
        if (next_random(seed) % 8 == 0) {
            fields[i].length = NF_VARIABLE_LENGTH;
        }
    }
    uint16_t scope_count = (uint16_t)(options ? 1 + next_random(seed) % count : 0);
    use_template(t, version, options, scope_count, fields, count);
    uint8_t filler = (uint8_t)next_random(seed); /* often one byte throughout: the worst of each */
    for (uint16_t i = 0; i < count; i++) {
        size_t length = fields[i].length;
        uint8_t content[600];
        for (size_t j = 0; j < sizeof(content); j++) {
            content[j] = filler < 64 ? 1 : (uint8_t)next_random(seed);
        }
        if (length == NF_VARIABLE_LENGTH) {
            build_variable(&t->m, content, next_random(seed) % sizeof(content));
        } else {
            build_bytes(&t->m, content, length);
        }
    }
    use_content(t);
    return count;
}

static void
random_flow(struct nf_flow *f, uint64_t *seed)
{
    static const uint8_t bytes[16] = { 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88, 0x77, 0x66,
        0x55, 0x44, 0x33, 0x22, 0x11, 0xff };
    struct nf_numbers *numbers[] = { &f->mpls_ttl, &f->mpls_label, &f->bgp_communities, &f->as_path,
        &f->layer_stack, &f->layer_size };
    struct nf_addresses *addresses[] = { &f->mpls_ip, &f->routing_addresses };

    f->present[0] = ((uint64_t)next_random(seed) << 32 | next_random(seed)) &
                    ((UINT64_C(1) << NF_MESSAGE_SLOTS) - 1);
    for (unsigned slot = 0; slot < NF_MESSAGE_SLOTS; slot++) {
        f->number[slot] = UINT64_MAX;
        f->bytes[slot] = (struct sr_span){ bytes, 16 };
    }
    for (unsigned i = 0; i < 6; i++) {
        numbers[i]->count = NF_LIST_MAX;
        memset(numbers[i]->items, i == 4 ? 0 : 0xff, sizeof(numbers[i]->items));
    }
    for (unsigned i = 0; i < 2; i++) {
        addresses[i]->count = NF_LIST_MAX;
        for (unsigned j = 0; j < NF_LIST_MAX; j++) {
            addresses[i]->items[j] = (struct sr_span){ bytes, 16 };
        }
    }
}

static void
assert_object(const uint8_t *text, size_t len)
{
    json_error_t error;
    json_t *object = json_loadb((const char *)text, len,
        JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);

    if (object == NULL) {
        fail_msg("%s at %d: %.*s", error.text, error.position, (int)len, (const char *)text);
    }
    assert_true(json_is_object(object));
    json_decref(object);
}

/* The buffer is of exactly the size that the macro says: a sanitizer sees one byte more. */
static void
any_record_is_an_object_that_fits_in_its_bound(void **state)
{
    uint64_t seed = 20240607;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct bench *t;
        setup(&t);
        told_names[NF_NAME_INTERFACE] = span_of("\1\2\3");
        random_flow(&t->flow, &seed);
        bool options = i % 4 == 0;
        uint16_t count = random_record(t, &seed, options);
        size_t room = NF_JSON_MAX(t->record.bytes.len, count);
        uint8_t *memory = malloc(room);
        assert_non_null(memory);
        struct sr_buf b = sr_buf_over(memory, room);
        if (options) {
            nf_json_write_options(&b, &t->record);
        } else {
            nf_json_write(&b, &t->flow, &t->record);
        }
        assert_false(b.overflow);
        assert_object(memory, b.len);
        assert_null(memmem(memory, b.len, "_cut", 4));
        free(memory);
        teardown(t);
    }
}

static size_t
write_with(struct nf_json_plan *with, struct bench *t, bool options)
{
    struct sr_buf b = sr_buf_over(t->out, sizeof(t->out));

    t->record.plan = with;
    if (options) {
        nf_json_write_options(&b, &t->record);
    } else {
        nf_json_write(&b, &t->flow, &t->record);
    }
    assert_false(b.overflow);
    return b.len;
}

/* Templates that differ little, in one piece of memory after the other. */
static void
a_plan_of_other_templates_changes_nothing(void **state)
{
    static struct nf_json_plan used;
    struct nf_json_plan *fresh = calloc(1, sizeof(*fresh));
    uint64_t seed = 7;

    (void)state;
    assert_non_null(fresh);
    for (unsigned i = 0; i < 500; i++) {
        struct bench *t;
        setup(&t);
        bool options = next_random(&seed) % 2 == 0;
        uint8_t version = next_random(&seed) % 2 == 0 ? 9 : 10;
        uint32_t vendor = version == 10 && next_random(&seed) % 2 == 0 ? 9 : 0;
        uint32_t reverse = version == 10 && next_random(&seed) % 2 == 0 ? NF_REVERSE_PEN : 0;
        const struct nf_field fields[] = { { vendor, 95, 1 },
            { 0, (uint16_t)(95 + next_random(&seed) % 2), 1 }, { reverse, 5, 1 }, { 0, 210, 1 },
            { 0, 200, 1 } };
        uint16_t count = (uint16_t)(1 + next_random(&seed) % 5);
        uint16_t scope_count = (uint16_t)(options ? 1 + next_random(&seed) % count : 0);
        use_template(t, version, options, scope_count, fields, count);
        build_hex(&t->m, "0102030405");
        use_content(t);
        options = options && next_random(&seed) % 4 != 0;
        fresh->is_made = false;
        size_t length = write_with(fresh, t, options);
        char *expected = malloc(length);
        assert_non_null(expected);
        memcpy(expected, t->out, length);
        for (unsigned again = 0; again < 2; again++) {
            assert_int_equal(write_with(&used, t, options), length);
            assert_memory_equal(t->out, expected, length);
        }
        free(expected);
        teardown(t);
    }
    free(fresh);
}

/* Whatever the room is: an object, whole or cut, or `overflow`. */
static void
in_any_room_a_record_is_an_object_or_does_not_fit(void **state)
{
    uint64_t seed = 42;
    unsigned cut = 0;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct bench *t;
        setup(&t);
        bool options = i % 4 == 0;
        (void)random_record(t, &seed, options);
        size_t room = next_random(&seed) % 3000;
        uint8_t *memory = malloc(room + 1);
        assert_non_null(memory);
        struct sr_buf b = sr_buf_over(memory, room);
        if (options) {
            nf_json_write_options(&b, &t->record);
        } else {
            nf_json_write(&b, &t->flow, &t->record);
        }
        if (!b.overflow) {
            assert_object(memory, b.len);
            cut += memmem(memory, b.len, options ? "\"options_cut\":true" : "\"extra_cut\":true",
                       options ? 18 : 16) != NULL;
        }
        free(memory);
        teardown(t);
    }
    assert_in_range(cut, 300, 1000);
}

/* Each byte of which becomes six. */
static void
a_string_of_control_characters_fits_in_its_bound(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    use_template(t, 10, false, 0, FIELDS({ 0, 371, NF_VARIABLE_LENGTH }));
    uint8_t *content = malloc(60000);
    assert_non_null(content);
    memset(content, 1, 60000);
    build_variable(&t->m, content, 60000);
    use_content(t);
    struct sr_buf b = sr_buf_over(t->out, NF_JSON_MAX(t->record.bytes.len, 1));
    nf_json_write(&b, &t->flow, &t->record);
    assert_false(b.overflow);
    assert_object((const uint8_t *)t->out, b.len);
    assert_true(b.len > 360000);
    free(content);
    teardown(t);
}

static void
a_record_of_a_whole_message_is_cut_at_the_most_a_message_may_have(void **state)
{
    struct bench *t;
    uint8_t content[300];

    (void)state;
    setup(&t);
    struct nf_field *fields = calloc(16000, sizeof(*fields));
    assert_non_null(fields);
    for (unsigned i = 0; i < 16000; i++) {
        fields[i] = (struct nf_field){ 0, (uint16_t)(20000 + i), 0 };
    }
    for (unsigned i = 0; i < 202; i++) {
        fields[i] = (struct nf_field){ 0, 371, sizeof(content) };
    }
    memset(content, 1, sizeof(content));
    use_template(t, 9, false, 0, fields, 16000);
    for (unsigned i = 0; i < 16000; i++) {
        build_bytes(&t->m, content, fields[i].length);
    }
    use_content(t);
    assert_int_equal(NF_JSON_MAX(t->record.bytes.len, 16000), NF_ENCODED_MAX);
    struct sr_buf b = sr_buf_over(t->out, NF_ENCODED_MAX);
    nf_json_write(&b, &t->flow, &t->record);
    assert_false(b.overflow);
    assert_object((const uint8_t *)t->out, b.len);
    assert_memory_equal(t->out + b.len - 19, "},\"extra_cut\":true}", 19);
    assert_in_range(b.len, NF_ENCODED_MAX - 512, NF_ENCODED_MAX);
    free(fields);
    teardown(t);
}

static void
a_key_behind_what_did_not_fit_is_not_written(void **state)
{
    static const char key[NF_JSON_KEY_MAX] = ",\"key\":";
    char memory[2 * NF_JSON_KEY_MAX];
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));

    (void)state;
    b.overflow = true; /* something larger came before */
    nf_json_key(&b, key, strlen(key));
    assert_int_equal(b.len, 0);
}

static void
without_room_for_the_message_the_buffer_says_so(void **state)
{
    struct bench *t;

    (void)state;
    setup(&t);
    struct sr_buf b = sr_buf_over(t->out, 10);
    nf_json_write(&b, &t->flow, &t->record);
    assert_true(b.overflow);
    teardown(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_the_message_are_under_their_names),
        cmocka_unit_test(lists_are_arrays_and_layers_have_names),
        cmocka_unit_test(what_the_flow_carries_is_not_extra),
        cmocka_unit_test(what_the_flow_does_not_carry_is_extra_by_name),
        cmocka_unit_test(events_and_samplers_are_extra_though_the_flow_is_made_of_them),
        cmocka_unit_test(an_element_that_is_not_known_is_hexadecimal_under_its_number),
        cmocka_unit_test(padding_is_not_shown),
        cmocka_unit_test(an_element_that_is_repeated_is_an_array),
        cmocka_unit_test(elements_of_two_enterprises_are_not_the_same),
        cmocka_unit_test(elements_that_only_look_the_same_are_no_array),
        cmocka_unit_test(numbers_are_written_by_their_type_and_length),
        cmocka_unit_test(addresses_of_another_length_are_hexadecimal),
        cmocka_unit_test(strings_lose_the_nuls_at_their_end_and_are_escaped),
        cmocka_unit_test(times_of_ntp_are_nanoseconds_since_1970),
        cmocka_unit_test(times_of_ntp_go_on_after_2036_and_not_before_1970),
        cmocka_unit_test(applications_are_an_engine_and_a_selector),
        cmocka_unit_test(names_that_options_told_stand_first),
        cmocka_unit_test(the_record_s_own_application_name_comes_before_the_told_one),
        cmocka_unit_test(an_application_of_nine_bytes_has_a_name),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(the_engine_of_v5_is_extra_unless_it_is_0),
        cmocka_unit_test(options_of_v9_show_their_scope),
        cmocka_unit_test(options_of_ipfix_have_elements_as_scope),
        cmocka_unit_test(any_record_is_an_object_that_fits_in_its_bound),
        cmocka_unit_test(a_plan_of_other_templates_changes_nothing),
        cmocka_unit_test(in_any_room_a_record_is_an_object_or_does_not_fit),
        cmocka_unit_test(a_string_of_control_characters_fits_in_its_bound),
        cmocka_unit_test(a_record_of_a_whole_message_is_cut_at_the_most_a_message_may_have),
        cmocka_unit_test(a_key_behind_what_did_not_fit_is_not_written),
        cmocka_unit_test(without_room_for_the_message_the_buffer_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
