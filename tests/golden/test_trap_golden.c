/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of SNMP v1 and v2c against what others make of them: upstream's collector, whose bytes
 * come out where it is right, and libnetsnmp, with whose values all varbinds agree.
 */
#include "../unit/unit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "sr/buf.h"
#include "trap_cases.h"

#include "sr/banned.h"

#define LINE_ROOM (1 << 20)

static const uint64_t now_ns = UINT64_C(1795348800) * 1000000000;
static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };

/* Messages of which upstream publishes something else, and why it is not what they say. */
static const struct {
    const char *name, *reason;
} upstream_is_wrong[] = {
    { "hm_bitstring_0x03", "ends at a type it does not know" },
    { "hm_boolean", "ends at a type it does not know" },
    { "hm_c64_2p63", "ends at a counter of 9 bytes" },
    { "hm_c64_max_9byte", "ends at a counter of 9 bytes" },
    { "hm_getbulk", "publishes a request" },
    { "hm_getrequest", "publishes a request" },
    { "hm_nested_seq_200", "prints a type that SNMP does not have at length" },
    { "hm_nested_set_8000", "ends at a type it does not know" },
    { "hm_nsap_0x45", "ends at a type it does not know" },
    { "hm_null_nonempty", "ends at a NULL with bytes" },
    { "hm_oid_129_subids", "publishes an identifier that is longer than allowed" },
    { "hm_oid_2_999", "does not know arcs above 39 below the second root" },
    { "hm_oid_name_200_subids", "publishes an identifier that is longer than allowed" },
    { "hm_oid_subid_2p32", "publishes an arc that is larger than allowed" },
    { "hm_response", "publishes a response" },
};

/* Of these, what compat: upstream brings back: no bit is lost by it, and nobody deceived. */
static const char *const restored[] = { "hm_oid_129_subids", "hm_oid_2_999", "hm_oid_subid_2p32" };

/* What came out of one message. */
static struct {
    uint8_t memory[TRAP_RECORD_MAX];
    size_t len;
    unsigned commits, deadletters, consumed;
} sink;

static struct trap_scratch scratch;
static unsigned compared_bytes, compared_values, refused;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(sink.memory) ? sink.memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    sink.len = len;
    sink.commits += records;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *from, uint64_t when, struct sr_span raw)
{
    (void)arg;
    (void)from;
    (void)when;
    (void)raw;
    assert_true(reason[0] != '\0');
    sink.deadletters++;
}

static void
consumed(void *arg, const char *reason)
{
    (void)arg;
    assert_true(reason[0] != '\0');
    sink.consumed++;
}

static const struct sr_emit emit = {
    .reserve = reserve,
    .commit = commit,
    .deadletter = deadletter,
    .consumed = consumed,
};

static struct trap_config config;

static enum sr_verdict
feed(struct sr_span bytes)
{
    uint8_t *exact = malloc(bytes.len > 0 ? bytes.len : 1);

    assert_non_null(exact);
    if (bytes.len > 0) {
        memcpy(exact, bytes.data, bytes.len);
    }
    sink.len = sink.commits = sink.deadletters = sink.consumed = 0;
    enum sr_verdict verdict = sr_trap_datagram(
        &config, NULL, &scratch, now_ns, &peer, (struct sr_span){ exact, bytes.len }, &emit);
    free(exact);
    assert_int_equal(sink.commits, verdict == SR_DECODED);
    assert_int_equal(sink.deadletters, verdict == SR_DEADLETTER);
    assert_int_equal(sink.consumed, verdict == SR_CONSUMED);
    return verdict;
}

/* ---- libnetsnmp's values ---- */

static void
print_oid(char *out, size_t size, struct sr_span oid)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;
    size_t len = 0;

    assert_true(ber_arcs(oid, arcs, &count));
    (void)snprintf(out, size, "0"); /* an empty one */
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(out + len, size - len, "%s%" PRIu32, i > 0 ? "." : "", arcs[i]);
    }
}

static void
print_value(char *out, size_t size, const struct trap_varbind *v)
{
    uint64_t number = 0;
    int64_t integer = 0;
    struct sr_buf b = sr_buf_over(out, size - 1);

    out[0] = '\0';
    switch (v->type) {
    case BER_INTEGER:
        assert_true(ber_signed(v->value, &integer));
        (void)snprintf(out, size, "%" PRId64, integer);
        return;
    case BER_COUNTER32:
    case BER_UNSIGNED32:
    case BER_TIME_TICKS:
    case BER_COUNTER64:
        assert_true(ber_unsigned(v->value, &number));
        (void)snprintf(out, size, "%" PRIu64, number);
        return;
    case BER_OBJECT_IDENTIFIER: print_oid(out, size, v->value); return;
    case BER_IP_ADDRESS:
        (void)snprintf(out, size, "%u.%u.%u.%u", v->value.data[0], v->value.data[1],
            v->value.data[2], v->value.data[3]);
        return;
    case BER_NULL: return;
    default:
        sr_buf_add_hex(&b, v->value);
        assert_false(b.overflow);
        out[b.len] = '\0';
    }
}

/* Types of 0x76 and up are values inside of an Opaque, which libnetsnmp unpacks. */
static bool
is_unpacked(const json_t *varbind)
{
    return json_integer_value(json_object_get(varbind, "tag")) >= 0x76 &&
           json_integer_value(json_object_get(varbind, "tag")) < 0x80;
}

static void
assert_varbinds(const char *name, struct sr_span bytes, const json_t *netsnmp)
{
    static char text[LINE_ROOM];
    const json_t *varbinds = json_object_get(netsnmp, "varbinds");
    struct trap_message message;
    struct trap_varbind v;

    assert_int_equal(trap_message_read(bytes, &message), TRAP_OK);
    struct sr_span left = message.varbinds;
    if (message.varbind_count != json_array_size(varbinds)) {
        fail_msg("%s: %u varbinds", name, message.varbind_count);
    }
    for (size_t i = 0; trap_varbind_next(&left, &v); i++) {
        const json_t *expected = json_array_get(varbinds, i);
        print_oid(text, sizeof(text), v.name);
        assert_string_equal(text, json_string_value(json_object_get(expected, "oid")));
        if (is_unpacked(expected)) {
            assert_int_equal(v.type, BER_OPAQUE);
            continue;
        }
        assert_int_equal(v.type, json_integer_value(json_object_get(expected, "tag")));
        print_value(text, sizeof(text), &v);
        if (strcmp(text, json_string_value(json_object_get(expected, "v"))) != 0 &&
            strcmp(name, "hm_c32_5bytes_over") != 0) { /* which libnetsnmp wraps to 0 */
            fail_msg("%s: varbind %zu is %s", name, i, text);
        }
        compared_values++;
    }
}

/* ---- One case ---- */

static const char *
why_upstream_is_wrong(const char *name)
{
    for (size_t i = 0; i < sizeof(upstream_is_wrong) / sizeof(upstream_is_wrong[0]); i++) {
        if (strcmp(upstream_is_wrong[i].name, name) == 0) {
            return upstream_is_wrong[i].reason;
        }
    }
    return NULL;
}

/* What compat: upstream gives is what upstream publishes, where that is sane. */
static void
assert_restored(const char *name, struct sr_span bytes, const char *upstream)
{
    bool is_restored = why_upstream_is_wrong(name) == NULL;

    for (size_t i = 0; i < sizeof(restored) / sizeof(restored[0]); i++) {
        is_restored = is_restored || strcmp(restored[i], name) == 0;
    }
    config.upstream = true;
    (void)feed(bytes);
    config.upstream = false;
    bool is_same = strlen(upstream) == sink.len && memcmp(upstream, sink.memory, sink.len) == 0;
    if (is_same != is_restored) {
        fail_msg("%s: upstream %s\nwith compat: upstream %.*s", name, upstream, (int)sink.len,
            (const char *)sink.memory);
    }
}

static void
assert_case(const json_t *row, struct sr_span bytes)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    const json_t *netsnmp = json_object_get(row, "netsnmp_5_9_3");
    const char *upstream =
        json_string_value(json_object_get(json_object_get(row, "upstream_rust_trapd"), "json"));
    bool is_accepted = json_integer_value(json_object_get(netsnmp, "rc")) == 0;
    bool is_v3 = json_integer_value(json_object_get(netsnmp, "version")) == TRAP_V3;
    enum sr_verdict verdict = feed(bytes);

    if (!is_accepted && upstream == NULL) {
        refused += verdict != SR_DECODED;
        if (verdict == SR_DECODED) {
            fail_msg("%s: published, though nobody else reads it", name);
        }
    }
    if (is_accepted && !is_v3) {
        assert_varbinds(name, bytes, netsnmp);
        assert_true(verdict == SR_DECODED || verdict == SR_CONSUMED);
    }
    if (verdict != SR_DECODED || upstream == NULL) {
        assert_true(upstream == NULL || why_upstream_is_wrong(name) != NULL || is_v3 ||
                    verdict == SR_CONSUMED);
        return;
    }
    bool is_same = strlen(upstream) == sink.len && memcmp(upstream, sink.memory, sink.len) == 0;
    if (is_same == (why_upstream_is_wrong(name) != NULL)) {
        fail_msg(
            "%s: upstream %s\nours %.*s", name, upstream, (int)sink.len, (const char *)sink.memory);
    }
    compared_bytes += is_same;
    assert_restored(name, bytes, upstream);
}

static void
no_prefix_is_read_past_its_end(struct sr_span bytes)
{
    for (size_t len = 0; len < bytes.len && len < 512; len++) {
        enum sr_verdict verdict = feed((struct sr_span){ bytes.data, len });
        assert_true(verdict != SR_FULL);
    }
}

/* ---- All of them ---- */

static void
check_case(const char *name, struct sr_span bytes, const json_t *row, void *arg)
{
    (void)name;
    assert_case(row, bytes);
    if (arg != NULL) {
        no_prefix_is_read_past_its_end(bytes);
    }
}

static void
messages_come_out_as_others_read_them(void **state)
{
    bool with_prefixes = true;
    unsigned cases = trap_cases_of_tree(check_case, &with_prefixes);

    (void)state;
    assert_int_equal(cases, 131);
    print_message("%u messages: %u as upstream, %u values as libnetsnmp, %u refused by all\n",
        cases, compared_bytes, compared_values, refused);
}

/* Of the whole corpus, which is not part of this tree. */
static void
the_corpus_comes_out_as_others_read_it(void **state)
{
    (void)state;
    print_message("%u messages of the corpus\n", trap_cases_of_corpus(check_case, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_as_others_read_them),
        cmocka_unit_test(the_corpus_comes_out_as_others_read_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
