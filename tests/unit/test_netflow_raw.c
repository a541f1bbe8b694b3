/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/output.h"
#include "netflow_build.h"

#define FIELDS(...)                                                                                \
    (const struct nf_field[]){ __VA_ARGS__ },                                                      \
        sizeof((const struct nf_field[]){ __VA_ARGS__ }) / sizeof(struct nf_field)

/* What is written of a record in room of exactly the size that is promised to do. */
static void
assert_raw(const struct nf_record *record, unsigned field_count, const char *expected)
{
    size_t room = NF_RAW_MAX(record->bytes.len, field_count);
    char *out = malloc(room + 1);

    assert_non_null(out);
    struct sr_buf b = sr_buf_over(out, room);
    nf_raw_write(&b, record);
    assert_false(b.overflow);
    out[b.len] = '\0';
    assert_string_equal(out, expected);
    free(out);
}

/* A record with a template: its content is what stands in `m` behind the header. */
static void
assert_raw_with(struct nf_template *t, struct build *m, size_t start, const char *expected)
{
    struct nf_header header = { .version = t->version };
    struct nf_position positions[16];
    struct sr_span records = { m->bytes + start, m->len - start };
    struct nf_record record = { .header = &header, .template = t, .positions = positions };

    record.datagram = 12;
    assert_true(nf_record_next(t, &records, &record.bytes, positions));
    assert_raw(&record, t->field_count, expected);
    free(t);
}

static void
assert_fixed(uint16_t version, const char *hex, const char *expected)
{
    static struct build m;
    struct nf_header header = { .version = version };
    struct nf_record record = { .header = &header };

    build_v5(&m, 0, 0);
    size_t start = m.len;
    build_hex(&m, hex);
    record.bytes = (struct sr_span){ m.bytes + start, m.len - start };
    assert_raw(&record, 21, expected);
}

static void
a_data_record_is_pairs_of_element_and_content(void **state)
{
    static struct build m;

    (void)state;
    build_v9(&m, 0, 0);
    size_t start = m.len;
    build_record(&m, "c0000201 04d2 aabb");
    assert_raw_with(
        build_compiled(9, false, 0, FIELDS({ 0, 8, 4 }, { 0, 33002, 2 }, { 0, 8, 2 }), NF_NATIVE),
        &m, start,
        "{\"dg\":12,\"kind\":\"data\",\"tid\":256,\"fields\":[[\"8\",\"c0000201\"],"
        "[\"33002\",\"04d2\"],[\"8\",\"aabb\"]]}");
}

static void
a_scope_is_marked_in_v9_only(void **state)
{
    static struct build m;

    (void)state;
    build_v9(&m, 0, 0);
    size_t start = m.len;
    build_record(&m, "00000000 00000001");
    assert_raw_with(build_compiled(9, true, 1, FIELDS({ 0, 1, 4 }, { 0, 42, 4 }), NF_NATIVE), &m,
        start,
        "{\"dg\":12,\"kind\":\"options\",\"tid\":256,\"fields\":[[\"scope/1\",\"00000000\"],"
        "[\"42\",\"00000001\"]]}");
    assert_raw_with(build_compiled(10, true, 1, FIELDS({ 0, 149, 4 }, { 0, 42, 4 }), NF_NATIVE), &m,
        start,
        "{\"dg\":12,\"kind\":\"options\",\"tid\":256,\"fields\":[[\"149\",\"00000000\"],"
        "[\"42\",\"00000001\"]]}");
}

static void
an_enterprise_stands_before_the_id(void **state)
{
    static struct build m;

    (void)state;
    build_ipfix(&m, 0, 0);
    size_t start = m.len;
    build_record(&m, "0a ff");
    assert_raw_with(build_compiled(10, false, 0,
                        FIELDS({ 35632, 109, 1 }, { UINT32_MAX, 32767, 1 }), NF_NATIVE),
        &m, start,
        "{\"dg\":12,\"kind\":\"data\",\"tid\":256,\"fields\":[[\"35632/109\",\"0a\"],"
        "[\"4294967295/32767\",\"ff\"]]}");
}

static void
a_field_of_variable_length_is_without_its_length(void **state)
{
    static struct build m;

    (void)state;
    build_ipfix(&m, 0, 0);
    size_t start = m.len;
    build_record(&m, "");
    build_variable(&m, "ab", 2);
    build_variable(&m, NULL, 0);
    build_hex(&m, "ff 0001 0c"); /* three bytes of length for one of content */
    assert_raw_with(build_compiled(10, false, 0,
                        FIELDS({ 0, 82, NF_VARIABLE_LENGTH }, { 0, 83, NF_VARIABLE_LENGTH },
                            { 0, 96, NF_VARIABLE_LENGTH }),
                        NF_NATIVE),
        &m, start,
        "{\"dg\":12,\"kind\":\"data\",\"tid\":256,\"fields\":[[\"82\",\"6162\"],[\"83\",\"\"],"
        "[\"96\",\"0c\"]]}");
}

static void
records_of_v5_have_named_fields(void **state)
{
    (void)state;
    assert_fixed(5,
        "0a000202 0a00020f 00000000 0001 0002 00000005 000000e6 ffffffff 00000a11 d4a3 0016 00 10"
        "06 04 0003 0005 18 10 0000",
        "{\"dg\":0,\"kind\":\"data\",\"tid\":null,\"fields\":[[\"srcaddr\",\"0a000202\"],"
        "[\"dstaddr\",\"0a00020f\"],[\"nexthop\",\"00000000\"],[\"input\",\"0001\"],"
        "[\"output\",\"0002\"],[\"dPkts\",\"00000005\"],[\"dOctets\",\"000000e6\"],"
        "[\"first\",\"ffffffff\"],[\"last\",\"00000a11\"],[\"srcport\",\"d4a3\"],"
        "[\"dstport\",\"0016\"],[\"pad1\",\"00\"],[\"tcp_flags\",\"10\"],[\"prot\",\"06\"],"
        "[\"tos\",\"04\"],[\"src_as\",\"0003\"],[\"dst_as\",\"0005\"],[\"src_mask\",\"18\"],"
        "[\"dst_mask\",\"10\"],[\"pad2\",\"0000\"]]}");
}

static void
records_of_v1_have_as_many_reserved_bytes_as_there_are(void **state)
{
    static const char start[] =
        "ac110002 ac110001 00000000 0001 0002 0000000a 00000348 000027c7 00004af1 0000 0800 0000"
        "01 02 03 000000 00000000";
    static const char expected[] =
        "{\"dg\":0,\"kind\":\"data\",\"tid\":null,\"fields\":[[\"srcaddr\",\"ac110002\"],"
        "[\"dstaddr\",\"ac110001\"],[\"nexthop\",\"00000000\"],[\"input\",\"0001\"],"
        "[\"output\",\"0002\"],[\"dPkts\",\"0000000a\"],[\"dOctets\",\"00000348\"],"
        "[\"first\",\"000027c7\"],[\"last\",\"00004af1\"],[\"srcport\",\"0000\"],"
        "[\"dstport\",\"0800\"],[\"pad\",\"0000\"],[\"prot\",\"01\"],[\"tos\",\"02\"],"
        "[\"tcp_flags\",\"03\"],[\"pad1\",\"000000\"],[\"res\",\"00000000%s\"]]}";
    char text[1024];

    (void)state;
    (void)snprintf(text, sizeof(text), expected, "");
    assert_fixed(1, start, text);
    char longer[256];
    (void)snprintf(longer, sizeof(longer), "%s aabbccdd", start);
    (void)snprintf(text, sizeof(text), expected, "aabbccdd");
    assert_fixed(1, longer, text);
}

static void
records_of_v7_end_with_the_router(void **state)
{
    (void)state;
    assert_fixed(7,
        "0a000202 0a00020f 00000000 0001 0002 00000005 000000e6 ffffffff 00000a11 d4a3 0016 02 10"
        "06 04 0003 0005 18 10 0001 0a0000fe",
        "{\"dg\":0,\"kind\":\"data\",\"tid\":null,\"fields\":[[\"srcaddr\",\"0a000202\"],"
        "[\"dstaddr\",\"0a00020f\"],[\"nexthop\",\"00000000\"],[\"input\",\"0001\"],"
        "[\"output\",\"0002\"],[\"dPkts\",\"00000005\"],[\"dOctets\",\"000000e6\"],"
        "[\"first\",\"ffffffff\"],[\"last\",\"00000a11\"],[\"srcport\",\"d4a3\"],"
        "[\"dstport\",\"0016\"],[\"flags\",\"02\"],[\"tcp_flags\",\"10\"],[\"prot\",\"06\"],"
        "[\"tos\",\"04\"],[\"src_as\",\"0003\"],[\"dst_as\",\"0005\"],[\"src_mask\",\"18\"],"
        "[\"dst_mask\",\"10\"],[\"flags2\",\"0001\"],[\"router_sc\",\"0a0000fe\"]]}");
}

static void
a_record_that_is_too_short_has_the_fields_that_are_there(void **state)
{
    (void)state;
    assert_fixed(5, "0a000202 0a00",
        "{\"dg\":0,\"kind\":\"data\",\"tid\":null,\"fields\":[[\"srcaddr\",\"0a000202\"]]}");
}

/* The most fields, and the longest names of fields, that a message has room for. */
static void
the_largest_record_of_a_message_fits(void **state)
{
    static struct nf_field fields[16000];
    static struct nf_position positions[16000];
    static uint8_t content[65535];
    static uint8_t out[NF_ENCODED_MAX];
    struct nf_header header = { .version = 10 };
    struct nf_record record = { .header = &header, .bytes = { content, sizeof(content) } };

    (void)state;
    for (unsigned enterprise = 0; enterprise < 2; enterprise++) {
        /* 4 bytes of a field in its template, or 8 with an enterprise. */
        uint16_t count = enterprise == 0 ? 16000 : 8000;
        for (unsigned i = 0; i < count; i++) {
            fields[i] = (struct nf_field){ enterprise == 0 ? 0 : UINT32_MAX, 32767, 1 };
        }
        fields[0].length = NF_VARIABLE_LENGTH;
        struct nf_template *t = build_compiled(10, false, 0, fields, count, NF_NATIVE);
        memset(positions, 0, sizeof(positions));
        positions[0] = (struct nf_position){ 3, sizeof(content) - 3 };
        record.template = t;
        record.positions = positions;
        struct sr_buf b = sr_buf_over(out, NF_RAW_MAX(sizeof(content), count));
        nf_raw_write(&b, &record);
        assert_false(b.overflow);
        assert_true(b.len > 300000);
        free(t);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_data_record_is_pairs_of_element_and_content),
        cmocka_unit_test(a_scope_is_marked_in_v9_only),
        cmocka_unit_test(an_enterprise_stands_before_the_id),
        cmocka_unit_test(a_field_of_variable_length_is_without_its_length),
        cmocka_unit_test(records_of_v5_have_named_fields),
        cmocka_unit_test(records_of_v1_have_as_many_reserved_bytes_as_there_are),
        cmocka_unit_test(records_of_v7_end_with_the_router),
        cmocka_unit_test(a_record_that_is_too_short_has_the_fields_that_are_there),
        cmocka_unit_test(the_largest_record_of_a_message_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
