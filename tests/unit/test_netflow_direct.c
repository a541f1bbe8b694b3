/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that become messages directly become the same as those that go through a flow. A set of
 * few records never goes directly, so that each record is fed twice: with others and alone.
 */
#include "unit.h"

#include "decode/datagram.h"
#include "decode/output.h"
#include "netflow_build.h"
#include "netflow_rig.h"

#include "sr/banned.h"

#define ROUNDS 4000U
#define FIELDS_MAX 24U
#define RECORDS_MAX 6U
#define OPTIONS 300U
#define FLOWS 301U

static const struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };

/* What came out of one of the two. */
struct side {
    struct netflow_rig rig;
    uint8_t bytes[RECORDS_MAX * NF_PROTOBUF_MAX];
    size_t len;
};

static struct side together, alone;
static struct build message;

static void
keep(void *arg, struct sr_span bytes)
{
    struct side *side = arg;

    assert_in_range(bytes.len, 1, sizeof(side->bytes) - side->len);
    memcpy(side->bytes + side->len, bytes.data, bytes.len);
    side->len += bytes.len;
}

static void
begin(struct side *side)
{
    netflow_rig_begin(&side->rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    side->rig.message = keep;
    side->rig.arg = side;
}

static int
begin_both(void **state)
{
    (void)state;
    begin(&together);
    begin(&alone);
    return 0;
}

static int
end_both(void **state)
{
    (void)state;
    netflow_rig_end(&together.rig);
    netflow_rig_end(&alone.rig);
    return 0;
}

static void
feed(struct side *side)
{
    side->len = 0;
    netflow_rig_forget(&side->rig);
    (void)netflow_rig_feed(&side->rig, &peer, build_end(&message));
}

static void
assert_same(unsigned messages)
{
    assert_int_equal(together.rig.messages, messages);
    assert_int_equal(alone.rig.messages, messages);
    assert_int_equal(together.len, alone.len);
    assert_memory_equal(together.bytes, alone.bytes, alone.len);
}

static uint64_t
next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void
begin_message(uint16_t version)
{
    if (version == 9) {
        build_v9(&message, 7, 1);
    } else {
        build_ipfix(&message, 7, 1);
    }
}

/* ---- Templates ---- */

/* Lengths: the usual one, and all that a number may have. */
static const struct {
    uint16_t id;
    uint8_t length;
    bool any;
} elements[] = { { 1, 4, true }, { 2, 4, true }, { 4, 1, true }, { 5, 1, false }, { 6, 1, true },
    { 7, 2, false }, { 8, 4, false }, { 9, 1, false }, { 10, 4, true }, { 11, 2, false },
    { 12, 4, false }, { 13, 1, false }, { 14, 4, true }, { 15, 4, false }, { 16, 4, true },
    { 17, 4, true }, { 18, 4, false }, { 21, 4, false }, { 22, 4, false }, { 23, 4, true },
    { 27, 16, false }, { 28, 16, false }, { 29, 1, false }, { 31, 3, false }, { 32, 2, false },
    { 34, 4, false }, { 48, 1, false }, { 50, 4, false }, { 52, 1, false }, { 53, 1, false },
    { 56, 6, false }, { 57, 6, false }, { 58, 2, false }, { 59, 2, false }, { 60, 1, false },
    { 61, 1, false }, { 62, 16, false }, { 63, 16, false }, { 70, 3, false }, { 80, 6, false },
    { 85, 8, false }, { 89, 1, false }, { 95, 4, false }, { 103, 1, false }, { 128, 4, false },
    { 136, 1, false }, { 138, 4, false }, { 148, 8, true }, { 150, 4, false }, { 151, 4, false },
    { 152, 8, false }, { 153, 8, false }, { 156, 8, false }, { 157, 8, false }, { 161, 4, false },
    { 176, 1, false }, { 177, 1, false }, { 192, 1, false }, { 197, 1, false }, { 225, 4, false },
    { 231, 8, false }, { 233, 1, false }, { 234, 4, false }, { 243, 2, false }, { 256, 2, false },
    { 302, 4, false }, { 323, 8, false }, { 484, 4, false } };

/* What most templates have; others come after it. */
static const struct nf_field common[] = { { 0, 8, 4 }, { 0, 12, 4 }, { 0, 7, 2 }, { 0, 11, 2 },
    { 0, 4, 1 }, { 0, 1, 4 }, { 0, 2, 4 }, { 0, 22, 4 }, { 0, 21, 4 } };
#define COMMON (sizeof(common) / sizeof(common[0]))

/* What uptimes of IPFIX mean is learnt from all records of a set: there they have times instead. */
static uint16_t
id_in(uint16_t version, uint16_t id)
{
    return version == 10 && (id == 21 || id == 22) ? (uint16_t)(id == 21 ? 151 : 150) : id;
}

static uint16_t
draw_fields(uint16_t version, struct nf_field *fields, uint64_t *seed)
{
    uint16_t count = 0;

    if (next_random(seed) % 4 != 0) {
        for (; count < (uint16_t)COMMON; count++) {
            fields[count] = common[count];
            fields[count].id = id_in(version, common[count].id);
        }
    }
    for (unsigned more = 1 + next_random(seed) % 8; more > 0; more--) {
        uint64_t r = next_random(seed);
        size_t i = r % (sizeof(elements) / sizeof(elements[0]));
        uint16_t length = elements[i].length;
        if (elements[i].any && (r >> 32) % 2 == 0) {
            length = (uint16_t)(1 + (r >> 40) % 8);
        }
        fields[count++] =
            (struct nf_field){ .id = id_in(version, elements[i].id), .length = length };
    }
    return count;
}

/* Numbers are small, zero or anything; protocols are those that are looked at. */
static void
add_value(const struct nf_field *field, uint64_t *seed)
{
    static const uint8_t protocols[] = { 0, 1, 6, 6, 6, 17, 17, 58, 145 };
    uint64_t kind = next_random(seed) % 4;

    for (unsigned i = 0; i < field->length; i++) {
        uint64_t any = next_random(seed);
        bool last = i + 1 == field->length;
        build_u8(&message, (uint8_t)(kind == 0                ? 0
                                     : kind == 1 && !last     ? 0
                                     : field->id == 4 && last ? protocols[any % 9]
                                                              : any));
    }
}

static void
add_records(
    const struct nf_field *fields, uint16_t count, unsigned records, bool apart, uint64_t seed)
{
    build_set(&message, FLOWS);
    for (unsigned i = 0; i < records; i++) {
        if (apart && i > 0) {
            build_set(&message, FLOWS);
        }
        build_record(&message, "");
        for (unsigned f = 0; f < count; f++) {
            add_value(&fields[f], &seed);
        }
    }
}

/* Sampler 1 takes one of 100 packets. */
static void
tell_rates(uint16_t version)
{
    static const struct nf_field fields[] = { { 0, 1, 4 }, { 0, 48, 1 }, { 0, 34, 4 } };

    begin_message(version);
    build_set(&message,
        version == 9 ? BUILD_V9_OPTIONS_TEMPLATES : (uint16_t)BUILD_IPFIX_OPTIONS_TEMPLATES);
    build_options_template(&message, OPTIONS, 1, fields, 3);
    build_set(&message, OPTIONS);
    build_record(&message, "00000001 01 00000064");
    feed(&together);
    feed(&alone);
}

static void
feed_records_of_one_template(uint16_t version, uint64_t *seed)
{
    struct nf_field fields[FIELDS_MAX];
    uint16_t count = draw_fields(version, fields, seed);
    unsigned records = 3 + (unsigned)(next_random(seed) % (RECORDS_MAX - 2));
    uint64_t values = next_random(seed);

    begin_message(version);
    build_set(&message, version == 9 ? BUILD_V9_TEMPLATES : (uint16_t)BUILD_IPFIX_TEMPLATES);
    build_template(&message, FLOWS, fields, count);
    feed(&together);
    feed(&alone);
    begin_message(version);
    add_records(fields, count, records, false, values);
    feed(&together);
    begin_message(version);
    add_records(fields, count, records, true, values);
    feed(&alone);
    assert_same(records);
}

static void
a_record_is_the_same_message_alone_and_among_others(void **state)
{
    uint64_t seed = 1;

    (void)state;
    tell_rates(9);
    tell_rates(10);
    for (unsigned i = 0; i < ROUNDS; i++) {
        feed_records_of_one_template(i % 2 == 0 ? 9 : 10, &seed);
    }
}

/* ---- Version 5 ---- */

static void
build_v5_records(uint16_t version, unsigned records, uint64_t seed)
{
    static const struct nf_field fields[] = { { 0, 8, 4 }, { 0, 12, 4 }, { 0, 15, 4 }, { 0, 10, 2 },
        { 0, 14, 2 }, { 0, 2, 4 }, { 0, 1, 3 } };
    static const struct nf_field rest[] = { { 0, 22, 4 }, { 0, 21, 4 }, { 0, 7, 2 }, { 0, 11, 2 },
        { 0, 61, 1 }, { 0, 6, 1 }, { 0, 4, 1 }, { 0, 5, 1 }, { 0, 16, 2 }, { 0, 17, 2 },
        { 0, 9, 1 }, { 0, 13, 1 }, { 0, 61, 2 } };

    build_v5(&message, 0x0102, 1);
    message.bytes[1] = (uint8_t)version;
    message.bytes[23] = (uint8_t)seed; /* the rate, in v5 */
    for (unsigned i = 0; i < records; i++) {
        build_record(&message, "");
        for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
            add_value(&fields[f], &seed);
        }
        build_u8(&message, 1); /* so that no record is without octets */
        for (size_t f = 0; f < sizeof(rest) / sizeof(rest[0]); f++) {
            add_value(&rest[f], &seed);
        }
        if (version == 7) {
            build_u32(&message, 0xc0000209);
        }
    }
}

static void
records_of_v5_are_the_same_where_all_go_through_a_flow(void **state)
{
    uint64_t seed = 2;

    (void)state;
    alone.rig.config.drop_zero_counters = true; /* a flow is needed to tell */
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned records = 1 + i % RECORDS_MAX;
        build_v5_records(i % 2 == 0 ? 5 : 7, records, next_random(&seed));
        feed(&together);
        feed(&alone);
        assert_same(records);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin_both, end_both)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_record_is_the_same_message_alone_and_among_others),
        T(records_of_v5_are_the_same_where_all_go_through_a_flow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
