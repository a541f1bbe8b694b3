/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/output.h"
#include "decode/protobuf_ways.h"
#include "flow.pb-c.h"

/* What libprotobuf-c reads of the messages we write, and what it writes of them itself. */

#define FLOWS 20000U

enum kind { NUMBER = 0, LARGE_NUMBER, TYPE, BYTES, TEXT, NUMBERS, LAYERS, ADDRESSES };

/* A slot, the member of libprotobuf-c's structure, and the list of ours. */
struct field {
    enum nf_slot slot;
    enum kind kind;
    size_t member;
    size_t count; /* of repeated fields: its counter */
    size_t list;
};

#define ONE(slot, kind, member)                                                                    \
    {                                                                                              \
        slot, kind, offsetof(Flowpb__FlowMessage, member), 0, 0                                    \
    }
#define MANY(slot, kind, member, list)                                                             \
    {                                                                                              \
        slot, kind, offsetof(Flowpb__FlowMessage, member),                                         \
            offsetof(Flowpb__FlowMessage, n_##member), offsetof(struct nf_flow, list)              \
    }

static const struct field fields[] = {
    ONE(NF_TYPE, TYPE, type),
    ONE(NF_SAMPLING_RATE, LARGE_NUMBER, sampling_rate),
    ONE(NF_SEQUENCE_NUM, NUMBER, sequence_num),
    ONE(NF_SRC_ADDR, BYTES, src_addr),
    ONE(NF_DST_ADDR, BYTES, dst_addr),
    ONE(NF_BYTES, LARGE_NUMBER, bytes),
    ONE(NF_PACKETS, LARGE_NUMBER, packets),
    ONE(NF_SAMPLER_ADDRESS, BYTES, sampler_address),
    ONE(NF_NEXT_HOP, BYTES, next_hop),
    ONE(NF_NEXT_HOP_AS, NUMBER, next_hop_as),
    ONE(NF_SRC_AS, NUMBER, src_as),
    ONE(NF_DST_AS, NUMBER, dst_as),
    ONE(NF_SRC_NET, NUMBER, src_net),
    ONE(NF_DST_NET, NUMBER, dst_net),
    ONE(NF_IN_IF, NUMBER, in_if),
    ONE(NF_OUT_IF, NUMBER, out_if),
    ONE(NF_PROTO, NUMBER, proto),
    ONE(NF_SRC_PORT, NUMBER, src_port),
    ONE(NF_DST_PORT, NUMBER, dst_port),
    ONE(NF_IP_TOS, NUMBER, ip_tos),
    ONE(NF_FORWARDING_STATUS, NUMBER, forwarding_status),
    ONE(NF_IP_TTL, NUMBER, ip_ttl),
    ONE(NF_TCP_FLAGS, NUMBER, tcp_flags),
    ONE(NF_SRC_MAC, LARGE_NUMBER, src_mac),
    ONE(NF_DST_MAC, LARGE_NUMBER, dst_mac),
    ONE(NF_VLAN_ID, NUMBER, vlan_id),
    ONE(NF_ETYPE, NUMBER, etype),
    ONE(NF_ICMP_TYPE, NUMBER, icmp_type),
    ONE(NF_ICMP_CODE, NUMBER, icmp_code),
    ONE(NF_SRC_VLAN, NUMBER, src_vlan),
    ONE(NF_DST_VLAN, NUMBER, dst_vlan),
    ONE(NF_FRAGMENT_ID, NUMBER, fragment_id),
    ONE(NF_FRAGMENT_OFFSET, NUMBER, fragment_offset),
    ONE(NF_IPV6_FLOW_LABEL, NUMBER, ipv6_flow_label),
    ONE(NF_IP_FLAGS, NUMBER, ip_flags),
    ONE(NF_OBSERVATION_DOMAIN_ID, NUMBER, observation_domain_id),
    ONE(NF_OBSERVATION_POINT_ID, NUMBER, observation_point_id),
    MANY(NF_MPLS_TTL, NUMBERS, mpls_ttl, mpls_ttl),
    MANY(NF_MPLS_LABEL, NUMBERS, mpls_label, mpls_label),
    MANY(NF_MPLS_IP, ADDRESSES, mpls_ip, mpls_ip),
    ONE(NF_BGP_NEXT_HOP, BYTES, bgp_next_hop),
    MANY(NF_BGP_COMMUNITIES, NUMBERS, bgp_communities, bgp_communities),
    MANY(NF_AS_PATH, NUMBERS, as_path, as_path),
    MANY(NF_LAYER_STACK, LAYERS, layer_stack, layer_stack),
    MANY(NF_LAYER_SIZE, NUMBERS, layer_size, layer_size),
    MANY(NF_IPV6_ROUTING_HEADER_ADDRESSES, ADDRESSES, ipv6_routing_header_addresses,
        routing_addresses),
    ONE(NF_IPV6_ROUTING_HEADER_SEG_LEFT, NUMBER, ipv6_routing_header_seg_left),
    ONE(NF_PROTOCOL_NAME, TEXT, protocol_name),
    ONE(NF_TIME_RECEIVED_NS, LARGE_NUMBER, time_received_ns),
    ONE(NF_TIME_FLOW_START_NS, LARGE_NUMBER, time_flow_start_ns),
    ONE(NF_TIME_FLOW_END_NS, LARGE_NUMBER, time_flow_end_ns),
    ONE(NF_BYTES_IN, LARGE_NUMBER, bytes_in),
    ONE(NF_BYTES_OUT, LARGE_NUMBER, bytes_out),
    ONE(NF_PACKETS_IN, LARGE_NUMBER, packets_in),
    ONE(NF_PACKETS_OUT, LARGE_NUMBER, packets_out),
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* What the bytes and names of flows borrow. No byte is 0: names are read as C strings. */
static uint8_t bytes[64];

/* A generator of our own, so that a failure comes back. */
static uint64_t
next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Often a value at which a varint gets another byte, else one of any length. */
static uint64_t
random_number(uint64_t *seed, unsigned bits)
{
    uint64_t any = next_random(seed);
    uint64_t most = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    unsigned step = 7 * (unsigned)(next_random(seed) % 10);

    switch (next_random(seed) % 6) {
    case 0: return 0;
    case 1: return most;
    case 2: return (UINT64_C(1) << step) & most;
    case 3: return ((UINT64_C(1) << step) - 1) & most;
    default: return any >> (any & 63) & most;
    }
}

static struct sr_span
random_address(uint64_t *seed)
{
    return (struct sr_span){ bytes + next_random(seed) % 32, next_random(seed) % 2 == 0 ? 4 : 16 };
}

static void
set_list(struct nf_flow *f, const struct field *field, unsigned count, uint64_t *seed)
{
    void *list = (char *)f + field->list;
    struct nf_numbers *numbers = list;
    struct nf_addresses *addresses = list;

    if (field->kind == ADDRESSES) {
        addresses->count = count;
    } else {
        numbers->count = count;
    }
    for (unsigned i = 0; i < count; i++) {
        if (field->kind == ADDRESSES) {
            addresses->items[i] = random_address(seed);
        } else {
            numbers->items[i] = (uint32_t)random_number(seed, field->kind == LAYERS ? 31 : 32);
        }
    }
    f->present[0] |= (uint64_t)(count > 0) << field->slot;
}

static void
set_field(struct nf_flow *f, const struct field *field, uint64_t *seed)
{
    size_t len = next_random(seed) % 32;

    switch (field->kind) {
    case NUMBER: nf_flow_set(f, field->slot, random_number(seed, 32)); break;
    case LARGE_NUMBER: nf_flow_set(f, field->slot, random_number(seed, 64)); break;
    case TYPE: nf_flow_set(f, field->slot, 1 + next_random(seed) % 4); break;
    case BYTES: nf_flow_set_bytes(f, field->slot, random_address(seed)); break;
    case TEXT: nf_flow_set_bytes(f, field->slot, (struct sr_span){ bytes, len }); break;
    case NUMBERS:
    case LAYERS:
    case ADDRESSES:
        set_list(f, field, (unsigned)(next_random(seed) % (NF_LIST_MAX + 1)), seed);
        break;
    }
}

/* A flow that has some of the fields, and the type as all flows do. */
static void
random_flow(struct nf_flow *f, uint64_t *seed)
{
    uint64_t wanted = next_random(seed);

    memset(f, 0xa5, sizeof(*f)); /* what is not present must not be looked at */
    f->present[0] = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (i == 0 || (wanted >> i & 1) != 0) {
            set_field(f, &fields[i], seed);
        }
    }
}

static void
assert_bytes(const ProtobufCBinaryData *read, struct sr_span expected)
{
    assert_int_equal(read->len, expected.len);
    if (expected.len > 0) {
        assert_memory_equal(read->data, expected.data, expected.len);
    }
}

static void
assert_list(const void *member, size_t count, const struct nf_flow *f, const struct field *field)
{
    const void *list = (const char *)f + field->list;
    const struct nf_numbers *numbers = list;
    const struct nf_addresses *addresses = list;
    const void *const *items = member;

    if (!nf_flow_has(f, field->slot)) {
        assert_int_equal(count, 0);
        return;
    }
    assert_int_equal(count, field->kind == ADDRESSES ? addresses->count : numbers->count);
    for (size_t i = 0; i < count; i++) {
        if (field->kind == ADDRESSES) {
            assert_bytes((const ProtobufCBinaryData *)*items + i, addresses->items[i]);
        } else {
            assert_int_equal(((const uint32_t *)*items)[i], numbers->items[i]);
        }
    }
}

static void
assert_field(const Flowpb__FlowMessage *m, const struct nf_flow *f, const struct field *field)
{
    const void *member = (const char *)m + field->member;
    bool present = nf_flow_has(f, field->slot);
    struct sr_span none = { NULL, 0 };
    const char *text;
    size_t count;

    switch (field->kind) {
    case NUMBER:
    case TYPE: assert_int_equal(*(const uint32_t *)member, nf_flow_get(f, field->slot)); break;
    case LARGE_NUMBER:
        assert_int_equal(*(const uint64_t *)member, nf_flow_get(f, field->slot));
        break;
    case BYTES: assert_bytes(member, present ? f->bytes[field->slot] : none); break;
    case TEXT:
        memcpy(&text, member, sizeof(text));
        assert_int_equal(strlen(text), present ? f->bytes[field->slot].len : 0);
        assert_memory_equal(text, bytes, strlen(text));
        break;
    case NUMBERS:
    case LAYERS:
    case ADDRESSES:
        memcpy(&count, (const char *)m + field->count, sizeof(count));
        assert_list(member, count, f, field);
        break;
    }
}

static void
assert_same_list(const struct nf_flow *a, const struct nf_flow *b, const struct field *field)
{
    const struct nf_numbers *x = (const void *)((const char *)a + field->list);
    const struct nf_numbers *y = (const void *)((const char *)b + field->list);
    const struct nf_addresses *p = (const void *)x, *q = (const void *)y;

    if (field->kind != ADDRESSES) {
        assert_int_equal(x->count, y->count);
        assert_memory_equal(x->items, y->items, x->count * sizeof(x->items[0]));
        return;
    }
    assert_int_equal(p->count, q->count);
    for (unsigned i = 0; i < p->count; i++) {
        assert_int_equal(p->items[i].len, q->items[i].len);
        assert_memory_equal(p->items[i].data, q->items[i].data, p->items[i].len);
    }
}

/* Our own reader gives the flow that was written. */
static void
assert_read_back(const struct nf_flow *f, struct sr_span message)
{
    static struct nf_flow got;

    memset(&got, 0x77, sizeof(got));
    assert_true(nf_protobuf_read(message, &got));
    assert_int_equal(got.present[0], f->present[0]);
    assert_int_equal(got.present[1], 0);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &fields[i];
        if (!nf_flow_has(f, field->slot)) {
            continue;
        }
        if (field->kind == BYTES || field->kind == TEXT) {
            assert_int_equal(got.bytes[field->slot].len, f->bytes[field->slot].len);
            assert_memory_equal(
                got.bytes[field->slot].data, f->bytes[field->slot].data, f->bytes[field->slot].len);
        } else if (field->list != 0) {
            assert_same_list(f, &got, field);
        } else {
            assert_int_equal(got.number[field->slot], f->number[field->slot]);
        }
    }
}

/* Writes a flow, has it read and written again, and compares all three. Returns its length. */
static size_t
assert_round_trip(struct nf_flow *f)
{
    uint8_t *out = malloc(NF_PROTOBUF_MAX); /* a sanitizer sees one byte more */
    uint8_t again[2 * NF_PROTOBUF_MAX];

    assert_non_null(out);
    nf_protobuf_prepare(f);
    size_t len = nf_protobuf_write(out, f);
    assert_in_range(len, 0, NF_PROTOBUF_MAX);
    assert_read_back(f, (struct sr_span){ out, len });
    Flowpb__FlowMessage *m = flowpb__flow_message__unpack(NULL, len, out);
    assert_non_null(m);
    assert_int_equal(m->base.n_unknown_fields, 0);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        assert_field(m, f, &fields[i]);
    }
    assert_int_equal(flowpb__flow_message__get_packed_size(m), len);
    assert_int_equal(flowpb__flow_message__pack(m, again), len);
    assert_memory_equal(again, out, len);
    flowpb__flow_message__free_unpacked(m, NULL);
    free(out);
    return len;
}

static int
setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)('A' + i);
    }
    return 0;
}

static void
every_field_of_the_message_has_a_slot(void **state)
{
    (void)state;
    assert_int_equal(FIELD_COUNT, flowpb__flow_message__descriptor.n_fields);
    assert_int_equal(FIELD_COUNT, NF_MESSAGE_SLOTS);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        assert_int_equal(fields[i].slot, i);
        assert_int_equal(fields[i].member, flowpb__flow_message__descriptor.fields[i].offset);
    }
}

static void
any_flow_is_read_and_written_alike_by_another_implementation(void **state)
{
    static struct nf_flow f;
    uint64_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < FLOWS; i++) {
        random_flow(&f, &seed);
        (void)assert_round_trip(&f);
    }
}

static void
each_field_alone_is_read_and_written_alike(void **state)
{
    static struct nf_flow f;
    uint64_t seed = 2;

    (void)state;
    for (unsigned i = 0; i < 50 * FIELD_COUNT; i++) {
        memset(&f, 0x5a, sizeof(f));
        f.present[0] = 0;
        set_field(&f, &fields[i % FIELD_COUNT], &seed);
        (void)assert_round_trip(&f);
    }
}

/* A flow in which everything is as large as it can be. */
static void
fill(struct nf_flow *f)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &fields[i];
        void *list = (char *)f + field->list;
        struct nf_numbers *numbers = list;
        struct nf_addresses *addresses = list;
        f->present[0] |= UINT64_C(1) << field->slot;
        f->number[field->slot] = field->kind == LARGE_NUMBER ? UINT64_MAX : UINT32_MAX;
        f->bytes[field->slot] = (struct sr_span){ bytes, field->kind == TEXT ? 31 : 16 };
        if (field->kind == ADDRESSES) {
            addresses->count = NF_LIST_MAX;
            for (unsigned j = 0; j < NF_LIST_MAX; j++) {
                addresses->items[j] = (struct sr_span){ bytes + j, 16 };
            }
        } else if (field->kind == NUMBERS || field->kind == LAYERS) {
            numbers->count = NF_LIST_MAX;
            memset(numbers->items, field->kind == LAYERS ? 0x7f : 0xff, sizeof(numbers->items));
        }
    }
    nf_flow_set(f, NF_TYPE, NF_TYPE_IPFIX);
}

static void
the_largest_message_has_room_in_what_is_promised(void **state)
{
    static struct nf_flow f;

    (void)state;
    fill(&f);
    size_t len = assert_round_trip(&f);
    assert_in_range(len, NF_PROTOBUF_MAX / 2, NF_PROTOBUF_MAX);
}

/* Consumers take a message whose first byte is '{' or '[' for JSON. */
static void
the_first_byte_of_a_flow_is_the_key_of_its_type(void **state)
{
    static struct nf_flow f;
    uint8_t out[NF_PROTOBUF_MAX];
    uint64_t seed = 3;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        random_flow(&f, &seed);
        nf_protobuf_prepare(&f);
        assert_true(nf_protobuf_write(out, &f) >= 2);
        assert_int_equal(out[0], 0x08);
    }
}

/* The other tests run the one that this processor gets. */
static void
all_ways_of_writing_write_the_same(void **state)
{
    static struct nf_flow f;
    static uint8_t one[NF_PROTOBUF_MAX], other[NF_PROTOBUF_MAX];
    uint64_t seed = 4;

    (void)state;
    if (!nf_protobuf_has_instructions()) {
        skip();
    }
    for (unsigned i = 0; i < FLOWS; i++) {
        random_flow(&f, &seed);
        nf_protobuf_prepare(&f);
        size_t len = nf_protobuf_write_anywhere(one, &f);
        assert_int_equal(nf_protobuf_write_by_instructions(other, &f), len);
        assert_memory_equal(one, other, len);
    }
}

/* Whether a reader takes these bytes, from memory that ends where they do. */
static bool
is_read(const char *message, size_t len, struct nf_flow *f)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, message, len);
    bool read = nf_protobuf_read((struct sr_span){ exact, len }, f);
    free(exact);
    return read;
}

static void
no_prefix_of_a_message_is_read_past_its_end(void **state)
{
    static struct nf_flow f, got;
    static uint8_t out[NF_PROTOBUF_MAX];

    (void)state;
    fill(&f);
    nf_protobuf_prepare(&f);
    size_t len = nf_protobuf_write(out, &f);
    unsigned whole = 0;
    for (size_t i = 0; i < len; i++) {
        whole += is_read((const char *)out, i, &got) ? 1 : 0;
    }
    assert_in_range(whole, 50, 200); /* those that end with a field */
}

static void
fields_that_the_message_has_not_are_passed_over(void **state)
{
    static struct nf_flow f;

    (void)state;
    /* Tag 2 in each wire type, a known tag of another type, then bytes = 5. */
    assert_true(is_read("\x10\x01\x11"
                        "12345678\x12\x01x\x15"
                        "1234\x4a\x01x\x48\x05",
        24, &f));
    assert_int_equal(nf_flow_get(&f, NF_BYTES), 5);
    assert_int_equal(f.present[0], UINT64_C(1) << NF_BYTES);
    assert_false(is_read("\x13\x14", 2, &f)); /* a group */
    assert_false(is_read("\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, &f));
    /* Repeated numbers one by one, and more of them than a flow keeps. */
    assert_true(is_read("\x80\x05\x07\x80\x05\x08", 6, &f));
    assert_int_equal(f.mpls_ttl.count, 2);
    assert_int_equal(f.mpls_ttl.items[1], 8);
    assert_true(is_read("\x82\x05\x12"
                        "123456789012345678",
        21, &f));
    assert_int_equal(f.mpls_ttl.count, NF_LIST_MAX);
}

static void
a_flow_without_fields_is_an_empty_message(void **state)
{
    static struct nf_flow f;

    (void)state;
    assert_int_equal(assert_round_trip(&f), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_the_message_has_a_slot),
        cmocka_unit_test(any_flow_is_read_and_written_alike_by_another_implementation),
        cmocka_unit_test(each_field_alone_is_read_and_written_alike),
        cmocka_unit_test(the_largest_message_has_room_in_what_is_promised),
        cmocka_unit_test(the_first_byte_of_a_flow_is_the_key_of_its_type),
        cmocka_unit_test(all_ways_of_writing_write_the_same),
        cmocka_unit_test(no_prefix_of_a_message_is_read_past_its_end),
        cmocka_unit_test(fields_that_the_message_has_not_are_passed_over),
        cmocka_unit_test(a_flow_without_fields_is_an_empty_message),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
