/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "trap_build.h"

#include "sr/banned.h"

#define NOW_NS UINT64_C(1700000000000000000)

static struct {
    uint8_t memory[TRAP_RECORD_MAX];
    json_t *told;
    unsigned records, explanations;
} sink;

static struct trap_config config;
static struct trap_scratch scratch;
static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };

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
    (void)len;
    sink.records += records;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *from, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)reason;
    (void)from;
    (void)now_ns;
    (void)raw;
}

static void
count(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void
explain(void *arg, struct sr_span json)
{
    json_error_t error;

    (void)arg;
    json_decref(sink.told);
    sink.told = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &error);
    if (sink.told == NULL) {
        fail_msg("%s: %.*s", error.text, (int)json.len, (const char *)json.data);
    }
    sink.explanations++;
}

static struct sr_emit emit = {
    .reserve = reserve,
    .commit = commit,
    .deadletter = deadletter,
    .consumed = count,
    .refused = count,
    .explain = explain,
};

static enum sr_verdict
feed_bytes(struct sr_span bytes, const struct trap_opener *opener)
{
    unsigned before = sink.explanations;
    enum sr_verdict verdict =
        sr_trap_datagram(&config, opener, &scratch, NOW_NS, &peer, bytes, &emit);

    assert_int_equal(sink.explanations, before + 1);
    return verdict;
}

static enum sr_verdict
feed(const struct trap_wanted *wanted)
{
    static uint8_t memory[TRAP_BUILD_ROOM];

    return feed_bytes((struct sr_span){ memory, trap_build(wanted, memory) }, NULL);
}

/* The explanation is this object, members in any order. */
static void
tells(const json_t *found, const char *expected)
{
    json_t *wanted = json_loads(expected, 0, NULL);
    char *text = json_dumps(found, JSON_ENCODE_ANY);

    assert_non_null(wanted);
    if (!json_equal(wanted, found)) {
        fail_msg("wanted %s\nfound  %s", expected, text);
    }
    free(text);
    json_decref(wanted);
}

static int
set_up(void **state)
{
    (void)state;
    config = (struct trap_config){ .mibs = { NULL, mib_standard() } };
    scratch.gate = NULL;
    return 0;
}

static void
a_trap_is_explained_with_where_its_names_are_from(void **state)
{
    (void)state;
    assert_int_equal(
        feed(&(struct trap_wanted){ .object = "1.3.6.1.2.1.2.2.1.8.7", .value = 2 }), SR_DECODED);
    assert_int_equal(sink.records, 1);
    tells(json_object_get(sink.told, "trap"),
        "{\"oid\":\"1.3.6.1.6.3.1.1.5.3\",\"from\":\"snmpTrapOID.0\",\"name\":\"IF-MIB::linkDown\","
        "\"names\":\"standard\",\"severity\":{\"text\":\"ERROR\",\"number\":17,\"from\":"
        "\"known identifier\"}}");
    tells(json_array_get(json_object_get(sink.told, "varbinds"), 2),
        "{\"oid\":\"1.3.6.1.2.1.2.2.1.8.7\",\"type\":\"integer\",\"bytes\":3,\"names\":"
        "\"standard\",\"name\":\"IF-MIB::ifOperStatus.7\",\"shown_by\":\"enumeration\",\"shown\":"
        "\"down\"}");
    json_object_del(sink.told, "trap");
    json_object_del(sink.told, "varbinds");
    json_object_del(sink.told, "bytes");
    tells(sink.told, "{\"source\":\"192.0.2.10\",\"verdict\":\"decoded\",\"version\":\"2c\","
                     "\"pdu\":\"trap_v2\",\"storm\":\"not_asked\"}");
}

static void
of_names_that_the_operator_has_it_says_so(void **state)
{
    (void)state;
    config.mibs[0] = config.mibs[1];
    config.mibs[1] = NULL;
    (void)feed(&(struct trap_wanted){ .object = "1.3.6.1.4.1.99999.1", .value = 7 });
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(sink.told, "trap"), "names")),
        "mib_file");
    tells(json_array_get(json_object_get(sink.told, "varbinds"), 2),
        "{\"oid\":\"1.3.6.1.4.1.99999.1\",\"type\":\"integer\",\"bytes\":3,\"names\":\"none\","
        "\"shown_by\":\"type\",\"shown\":\"7\"}");
}

static void
of_v1_it_says_how_the_identity_was_made(void **state)
{
    (void)state;
    assert_int_equal(feed(&(struct trap_wanted){ .version = 1 }), SR_DECODED);
    json_t *trap = json_object_get(sink.told, "trap");
    assert_string_equal(json_string_value(json_object_get(trap, "from")), "RFC 3584: generic trap");
    assert_int_equal(json_integer_value(json_object_get(trap, "generic")), 2);
    assert_string_equal(json_string_value(json_object_get(sink.told, "version")), "1");
}

static void
the_rule_that_decides_is_named(void **state)
{
    const struct trap_rule rules[] = {
        { { 1, 3, 6, 1, 6 }, 5, .is_prefix = true, .is_allowing = true, .text = "1.3.6.1.6.*" },
        { { 1, 3, 6, 1, 6, 3, 1, 1, 5, 3 }, 10, .text = "IF-MIB::linkDown" },
    };
    const struct trap_access access = { .rules = rules, .rule_count = 2 };

    (void)state;
    config.access = &access;
    assert_int_equal(feed(&(struct trap_wanted){ 0 }), SR_REFUSED);
    assert_string_equal(
        json_string_value(json_object_get(sink.told, "reason")), "trap_not_allowed");
    tells(json_object_get(sink.told, "access"),
        "{\"rule\":\"IF-MIB::linkDown\",\"of\":\"deny_traps\"}");
    assert_int_equal(feed(&(struct trap_wanted){ .trap = "1.3.6.1.6.3.1.1.5.4" }), SR_DECODED);
    tells(
        json_object_get(sink.told, "access"), "{\"rule\":\"1.3.6.1.6.*\",\"of\":\"allow_traps\"}");
    assert_int_equal(feed(&(struct trap_wanted){ .trap = "1.3.6.1.4.1" }), SR_REFUSED);
    tells(json_object_get(sink.told, "access"), "{\"rule\":\"none fits\"}");
}

static enum trap_gate_word
fold_all(void *arg, uint64_t now_ns, const struct sr_peer *from, const struct trap_message *message)
{
    (void)arg;
    (void)now_ns;
    (void)from;
    (void)message;
    return TRAP_GATE_FOLDED;
}

static void
what_is_folded_says_so(void **state)
{
    const struct trap_gate gate = { NULL, fold_all };

    (void)state;
    scratch.gate = &gate;
    assert_int_equal(feed(&(struct trap_wanted){ 0 }), SR_CONSUMED);
    assert_string_equal(json_string_value(json_object_get(sink.told, "storm")), "folded");
    assert_string_equal(json_string_value(json_object_get(sink.told, "reason")), "folded");
}

static const char *
refuse_v3(void *arg, uint64_t now_ns, struct sr_span bytes, uint8_t *room,
    struct trap_message *ret_message)
{
    (void)now_ns;
    (void)bytes;
    (void)room;
    ret_message->user = span_of("joe");
    ret_message->engine_id = (struct sr_span){ (const uint8_t *)"\x80\x01", 2 };
    ret_message->level = TRAP_PRIV;
    return arg;
}

static const char *
take_v3(void *arg, uint64_t now_ns, struct sr_span bytes, uint8_t *room,
    struct trap_message *ret_message)
{
    struct trap_message message;

    (void)refuse_v3(arg, now_ns, bytes, room, ret_message);
    message = *ret_message;
    /* As if it were what was decrypted. */
    size_t len = trap_build(&(struct trap_wanted){ 0 }, room);
    assert_int_equal(trap_message_read((struct sr_span){ room, len }, ret_message), TRAP_OK);
    ret_message->version = TRAP_V3;
    ret_message->user = message.user;
    ret_message->engine_id = message.engine_id;
    ret_message->level = message.level;
    return NULL;
}

static void
of_v3_it_says_who_it_is_and_whether_that_was_checked(void **state)
{
    static char wrong[] = "v3_auth";
    static const uint8_t v3[] = { 0x30, 3, 2, 1, 3 };
    const struct trap_opener refusing = { wrong, refuse_v3, NULL },
                             taking = { NULL, take_v3, NULL };

    (void)state;
    assert_int_equal(feed_bytes((struct sr_span){ v3, sizeof(v3) }, &refusing), SR_DEADLETTER);
    tells(sink.told,
        "{\"source\":\"192.0.2.10\",\"bytes\":5,\"verdict\":\"deadletter\",\"reason\":\"v3_auth\","
        "\"version\":\"3\",\"security\":{\"user\":\"joe\",\"level\":\"authPriv\",\"engine_id\":"
        "\"8001\"}}");
    assert_int_equal(feed_bytes((struct sr_span){ v3, sizeof(v3) }, &taking), SR_DECODED);
    tells(json_object_get(sink.told, "security"),
        "{\"user\":\"joe\",\"level\":\"authPriv\",\"engine_id\":\"8001\",\"keys\":\"right\"}");
}

static void
what_cannot_be_read_or_is_no_trap_is_explained_too(void **state)
{
    (void)state;
    assert_int_equal(feed(&(struct trap_wanted){ .pdu = TRAP_PDU_GET }), SR_CONSUMED);
    json_object_del(sink.told, "bytes");
    tells(sink.told, "{\"source\":\"192.0.2.10\",\"verdict\":\"consumed\",\"reason\":\"get\","
                     "\"version\":\"2c\",\"pdu\":\"get\"}");
    assert_int_equal(feed_bytes(span_of("hello"), NULL), SR_DEADLETTER);
    tells(sink.told, "{\"source\":\"192.0.2.10\",\"bytes\":5,\"verdict\":\"deadletter\","
                     "\"reason\":\"no_snmp\"}");
    sr_trap_explain_refusal(&config, &peer, span_of("hello"), "not_allowed", &emit);
    tells(sink.told, "{\"source\":\"192.0.2.10\",\"bytes\":5,\"verdict\":\"refused\","
                     "\"reason\":\"not_allowed\"}");
}

/* A trap with as many varbinds as it may have. */
static void
what_has_no_room_is_counted(void **state)
{
    static uint8_t memory[1 << 16];
    /* noSuchInstance is the longest word that takes no bytes. */
    static const uint8_t varbind[] = { 0x30, 13, 6, 9, 0x2b, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff,
        0xff, 0x7f, 0x81, 0 };
    struct trap_message message = { .version = TRAP_V2C, .pdu = TRAP_PDU_TRAP_V2 };
    size_t len = 0;

    (void)state;
    static const uint8_t head[] = { 0x30, 0x82, 0, 0, 2, 1, 1, 4, 0, 0xa7, 0x82, 0, 0, 2, 1, 1, 2,
        1, 0, 2, 1, 0, 0x30, 0x82, 0, 0 };
    memcpy(memory, head, sizeof(head));
    for (len = sizeof(head); len < sizeof(head) + TRAP_VARBINDS_MAX * sizeof(varbind);
         len += sizeof(varbind)) {
        memcpy(memory + len, varbind, sizeof(varbind));
    }
    for (size_t i = 0; i < 3; i++) {
        static const size_t places[] = { 2, 11, 24 };
        size_t held = len - places[i] - 2;
        memory[places[i]] = (uint8_t)(held >> 8);
        memory[places[i] + 1] = (uint8_t)held;
    }
    struct sr_span bytes = { memory, len };
    assert_int_equal(trap_message_read(bytes, &message), TRAP_OK);
    assert_int_equal(feed_bytes(bytes, NULL), SR_DECODED);
    size_t told = json_array_size(json_object_get(sink.told, "varbinds"));
    json_int_t left_out = json_integer_value(json_object_get(sink.told, "varbinds_left_out"));
    assert_int_equal(told + (size_t)left_out, message.varbind_count);
    assert_true(told > 1000 && left_out > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_trap_is_explained_with_where_its_names_are_from, set_up),
        cmocka_unit_test_setup(of_names_that_the_operator_has_it_says_so, set_up),
        cmocka_unit_test_setup(of_v1_it_says_how_the_identity_was_made, set_up),
        cmocka_unit_test_setup(the_rule_that_decides_is_named, set_up),
        cmocka_unit_test_setup(what_is_folded_says_so, set_up),
        cmocka_unit_test_setup(of_v3_it_says_who_it_is_and_whether_that_was_checked, set_up),
        cmocka_unit_test_setup(what_cannot_be_read_or_is_no_trap_is_explained_too, set_up),
        cmocka_unit_test_setup(what_has_no_room_is_counted, set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    json_decref(sink.told);
    return failed;
}
