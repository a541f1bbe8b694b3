/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "decode/enrich.h"

#include "sr/banned.h"

#define NOW_NS UINT64_C(1795365497000000042) /* 2026-11-22T16:38:17.000000042Z */
#define ROOM ((size_t)1 << 20)

/* ---- A table of names, in the place of that of decode/mib.c ---- */

static const struct {
    uint32_t arcs[16];
    struct {
        const char *module, *name, *hint;
    } text;
    enum mib_kind kind;
    enum mib_syntax syntax;
    enum mib_severity severity;
    uint32_t labels;
} nodes[] = {
    { { 1, 3, 6, 1, 2, 1, 2, 2, 1, 1 }, { "IF-MIB", "ifIndex", "d" }, MIB_OBJECT,
        MIB_SYNTAX_INTEGER, 0, 0 },
    { { 1, 3, 6, 1, 2, 1, 2, 2, 1, 2 }, { "IF-MIB", "ifDescr", "255a" }, MIB_OBJECT,
        MIB_SYNTAX_OCTETS, 0, 0 },
    { { 1, 3, 6, 1, 2, 1, 2, 2, 1, 6 }, { "IF-MIB", "ifPhysAddress", "1x:" }, MIB_OBJECT,
        MIB_SYNTAX_OCTETS, 0, 0 },
    { { 1, 3, 6, 1, 2, 1, 2, 2, 1, 7 }, { "IF-MIB", "ifAdminStatus", "" }, MIB_OBJECT,
        MIB_SYNTAX_INTEGER, 0, 1 },
    { { 1, 3, 6, 1, 2, 1, 33, 1, 2, 3 }, { "UPS-MIB", "upsEstimatedMinutesRemaining", "d-2" },
        MIB_OBJECT, MIB_SYNTAX_INTEGER, 0, 0 },
    { { 1, 3, 6, 1, 2, 1, 33, 2, 1 }, { "UPS-MIB", "upsTrapOnBattery", "" }, MIB_NOTIFICATION,
        MIB_SYNTAX_NONE, MIB_SEVERITY_NONE, 0 },
    { { 1, 3, 6, 1, 4, 1 }, { "SNMPv2-SMI", "enterprises", "" }, MIB_NODE, MIB_SYNTAX_NONE, 0, 0 },
    { { 1, 3, 6, 1, 4, 1, 9, 5 }, { "X-MIB", "xFlags", "" }, MIB_OBJECT, MIB_SYNTAX_BITS, 0, 2 },
    { { 1, 3, 6, 1, 4, 1, 9, 6 }, { "X-MIB", "xBad", "1q" }, MIB_OBJECT, MIB_SYNTAX_OCTETS, 0, 0 },
    { { 1, 3, 6, 1, 4, 1, 9, 0, 7 }, { "X-MIB", "xFailed", "" }, MIB_NOTIFICATION, MIB_SYNTAX_NONE,
        MIB_SEVERITY_CRITICAL, 0 },
    { { 1, 3, 6, 1, 6, 3, 1, 1, 5, 1 }, { "SNMPv2-MIB", "coldStart", "" }, MIB_NOTIFICATION,
        MIB_SYNTAX_NONE, 0, 0 },
    { { 1, 3, 6, 1, 6, 3, 1, 1, 5, 3 }, { "IF-MIB", "linkDown", "" }, MIB_NOTIFICATION,
        MIB_SYNTAX_NONE, 0, 0 },
};

static const struct mib_table operators, table; /* told apart by where they are */

static unsigned
length_of(const uint32_t *arcs)
{
    unsigned count = 16;

    while (count > 0 && arcs[count - 1] == 0) {
        count--;
    }
    return count;
}

bool __wrap_mib_find(
    const struct mib_table *in, const uint32_t *arcs, unsigned count, struct mib_node *ret_node);

bool
__wrap_mib_find(
    const struct mib_table *in, const uint32_t *arcs, unsigned count, struct mib_node *ret_node)
{
    unsigned best = 0;

    if (in == &operators) {
        /* One name that both have, and damage: a node that is deeper than what was looked for. */
        *ret_node = (struct mib_node){ .module = span_of("MY-MIB"),
            .name = span_of("myIndex"),
            .kind = MIB_OBJECT,
            .depth = arcs[4] == 2 ? 10 : 99 };
        return count > 9 ? memcmp(arcs, nodes[0].arcs, 10 * sizeof(arcs[0])) == 0 : arcs[4] == 4;
    }
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        unsigned depth = length_of(nodes[i].arcs);
        if (depth > count || depth < best ||
            memcmp(nodes[i].arcs, arcs, depth * sizeof(arcs[0])) != 0) {
            continue;
        }
        best = depth;
        *ret_node = (struct mib_node){ .module = span_of(nodes[i].text.module),
            .name = span_of(nodes[i].text.name),
            .hint = span_of(nodes[i].text.hint),
            .kind = nodes[i].kind,
            .syntax = nodes[i].syntax,
            .severity = nodes[i].severity,
            .labels = nodes[i].labels,
            .depth = depth };
    }
    return best > 0;
}

struct sr_span __wrap_mib_label(const struct mib_table *in, uint32_t labels, int64_t number);

struct sr_span
__wrap_mib_label(const struct mib_table *in, uint32_t labels, int64_t number)
{
    static const char *const states[] = { "", "up", "down", "testing" };
    static const char *const flags[] = { "fan", "power", "door", "heat" };

    (void)in;
    if (number < 0 || number > 3) {
        return (struct sr_span){ NULL, 0 };
    }
    return span_of(labels == 1 ? states[number] : flags[number]);
}

static const struct trap_config with_names = { .enrich = true, .mibs = { NULL, &table } };
static const struct trap_config with_both = { .enrich = true, .mibs = { &operators, &table } };
static const struct trap_config without_names = { .enrich = true };
static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };

/* ---- Messages ---- */

struct varbind {
    const char *name; /* encoded */
    size_t name_len;
    uint8_t type;
    const char *value;
    size_t value_len;
};

#define VARBIND(name, type, value)                                                                 \
    {                                                                                              \
        name, sizeof(name) - 1, type, value, sizeof(value) - 1                                     \
    }
#define UPTIME VARBIND("\x2b\x06\x01\x02\x01\x01\x03\x00", BER_TIME_TICKS, "\x01\xe2\x40")
#define IDENTITY(value)                                                                            \
    VARBIND("\x2b\x06\x01\x06\x03\x01\x01\x04\x01\x00", BER_OBJECT_IDENTIFIER, value)
#define LINK_DOWN IDENTITY("\x2b\x06\x01\x06\x03\x01\x01\x05\x03")
#define IF_INDEX VARBIND("\x2b\x06\x01\x02\x01\x02\x02\x01\x01\x03", BER_INTEGER, "\x03")
#define IF_ADMIN(value) VARBIND("\x2b\x06\x01\x02\x01\x02\x02\x01\x07\x03", BER_INTEGER, value)
#define IF_DESCR(value) VARBIND("\x2b\x06\x01\x02\x01\x02\x02\x01\x02\x03", BER_OCTET_STRING, value)
#define IF_PHYS(value) VARBIND("\x2b\x06\x01\x02\x01\x02\x02\x01\x06\x03", BER_OCTET_STRING, value)
#define FLAGS(value) VARBIND("\x2b\x06\x01\x04\x01\x09\x05\x00", BER_OCTET_STRING, value)
#define OTHER(type, value) VARBIND("\x2b\x06\x01\x04\x01\x08\x07", type, value)
#define SPAN(text) ((struct sr_span){ (const uint8_t *)(text), sizeof(text) - 1 })
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static uint8_t encoded[ROOM];

static void
put_element(struct sr_buf *b, uint8_t type, const void *data, size_t len)
{
    sr_buf_put(b, type);
    sr_buf_put(b, 0x82);
    sr_buf_put(b, (uint8_t)(len >> 8));
    sr_buf_put(b, (uint8_t)len);
    sr_buf_add(b, data, len);
}

static struct sr_span
encode(const struct varbind *list, size_t count)
{
    struct sr_buf b = sr_buf_over(encoded, sizeof(encoded));

    for (size_t i = 0; i < count; i++) {
        size_t len = 8 + list[i].name_len + list[i].value_len;
        put_element(&b, BER_SEQUENCE, NULL, 0);
        b.data[b.len - 2] = (uint8_t)(len >> 8);
        b.data[b.len - 1] = (uint8_t)len;
        put_element(&b, BER_OBJECT_IDENTIFIER, list[i].name, list[i].name_len);
        put_element(&b, list[i].type, list[i].value, list[i].value_len);
    }
    assert_false(b.overflow);
    return sr_buf_span(&b);
}

static struct trap_message
v2c(const struct varbind *list, size_t count)
{
    return (struct trap_message){ .version = TRAP_V2C,
        .pdu = TRAP_PDU_TRAP_V2,
        .community = SPAN("public"),
        .request_id = 77,
        .varbinds = encode(list, count),
        .varbind_count = (uint32_t)count };
}

static struct trap_message
v1(int64_t generic, int64_t specific, const struct varbind *list, size_t count)
{
    return (struct trap_message){ .version = TRAP_V1,
        .pdu = TRAP_PDU_TRAP_V1,
        .enterprise = SPAN("\x2b\x06\x01\x02\x01\x21\x02"), /* upsTraps */
        .agent_address = { 198, 51, 100, 7 },
        .generic = generic,
        .specific = specific,
        .uptime = 5000,
        .varbinds = encode(list, count),
        .varbind_count = (uint32_t)count };
}

/* ---- What is written ---- */

static void
see_all(
    struct trap_views *views, const struct trap_config *config, const struct trap_message *message)
{
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;

    trap_views_begin(views);
    while (trap_varbind_next(&left, &varbind)) {
        (void)trap_views_add(views, config, &varbind);
    }
}

/* At every size of memory: all of it or an overflow. */
static void
object_is(const struct trap_config *config, const struct trap_message *message, const char *want)
{
    size_t length = strlen(want);
    struct trap_views views;

    for (size_t room = 0; room <= length; room++) {
        uint8_t *exact = malloc(room + (room == 0));
        assert_non_null(exact);
        struct sr_buf b = sr_buf_over(exact, room);
        see_all(&views, config, message);
        trap_enrich_write(&b, config, message, &views, &peer, NOW_NS);
        if (room == length && (b.overflow || memcmp(exact, want, length) != 0)) {
            fail_msg("written: %.*s", (int)b.len, (const char *)exact);
        }
        assert_int_equal(b.overflow, room < length);
        assert_true(b.len <= room);
        free(exact);
    }
}

static void
varbind_is(const struct trap_config *config, const struct varbind *v, const char *want)
{
    struct trap_varbind varbind = { { (const uint8_t *)v->name, v->name_len }, v->type,
        { (const uint8_t *)v->value, v->value_len } };
    size_t length = strlen(want);
    struct trap_views views;

    for (size_t room = 0; room <= length; room++) {
        uint8_t *exact = malloc(room + (room == 0));
        assert_non_null(exact);
        struct sr_buf b = sr_buf_over(exact, room);
        trap_views_begin(&views);
        trap_enrich_varbind(&b, config, &views, &varbind);
        if (room == length && (b.overflow || memcmp(exact, want, length) != 0)) {
            fail_msg("written: %.*s", (int)b.len, (const char *)exact);
        }
        assert_int_equal(b.overflow, room < length);
        free(exact);
    }
}

/* Returns owned. Fails the test for what is no JSON, has a key twice, or has a NUL in a string. */
static json_t *
parsed(const struct trap_config *config, const struct trap_message *message)
{
    static uint8_t memory[ROOM];
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));
    struct sr_span left = message->varbinds;
    struct trap_varbind varbind;
    struct trap_views views;
    json_error_t error;

    trap_views_begin(&views);
    sr_buf_add_text(&b, "{\"varbinds\":[");
    for (bool first = true; trap_varbind_next(&left, &varbind); first = false) {
        sr_buf_add_text(&b, first ? "{\"oid\":1" : ",{\"oid\":1");
        trap_enrich_varbind(&b, config, &views, &varbind);
        sr_buf_put(&b, '}');
    }
    sr_buf_put(&b, ']');
    trap_enrich_write(&b, config, message, &views, &peer, NOW_NS);
    sr_buf_put(&b, '}');
    assert_false(b.overflow);
    json_t *object = json_loadb((const char *)b.data, b.len, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        fail_msg("%s: %.*s", error.text, (int)b.len, (const char *)b.data);
    }
    return object;
}

static void
attribute_is(const struct varbind *v, const char *key, const char *want)
{
    struct trap_message message = v2c(v, 1);
    json_t *object = parsed(&with_names, &message);
    json_t *value = json_object_get(json_object_get(object, "attributes"), key);
    char *text = json_dumps(value, JSON_ENCODE_ANY);

    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
    json_decref(object);
}

/* ---- Objects ---- */

static void
a_link_down_of_v2c_is_named(void **state)
{
    static const struct varbind list[] = { UPTIME, LINK_DOWN, IF_INDEX, IF_ADMIN("\x02"),
        IF_DESCR("Gi0/1 \"up\"\r\nlink") };
    struct trap_message message = v2c(list, COUNT(list));

    (void)state;
    object_is(&with_names, &message,
        ",\"timestamp\":\"2026-11-22T16:38:17.000000042Z\",\"event_name\":\"IF-MIB::linkDown\","
        "\"body\":\"IF-MIB::linkDown: ifIndex.3=3, ifAdminStatus.3=down, "
        "ifDescr.3=Gi0/1 \\\"up\\\"    link\",\"severity_text\":\"ERROR\",\"severity_number\":17,"
        "\"host\":\"192.0.2.10\",\"resource\":{\"source.address\":\"192.0.2.10\","
        "\"source.port\":50123},\"attributes\":{\"snmp.version\":\"2c\",\"snmp.pdu\":\"trap\","
        "\"snmp.trap_oid\":\"1.3.6.1.6.3.1.1.5.3\",\"snmp.request_id\":77,"
        "\"snmp.uptime\":123456,\"IF-MIB::ifIndex.3\":3,\"IF-MIB::ifAdminStatus.3\":\"down\","
        "\"IF-MIB::ifDescr.3\":\"Gi0/1 \\\"up\\\"\\r\\nlink\"}");
}

static void
a_link_down_of_v1_is_the_same(void **state)
{
    static const struct varbind list[] = { IF_INDEX };
    struct trap_message message = v1(2, 0, list, COUNT(list));

    (void)state;
    object_is(&with_names, &message,
        ",\"timestamp\":\"2026-11-22T16:38:17.000000042Z\",\"event_name\":\"IF-MIB::linkDown\","
        "\"body\":\"IF-MIB::linkDown: ifIndex.3=3\",\"severity_text\":\"ERROR\","
        "\"severity_number\":17,\"host\":\"198.51.100.7\",\"resource\":{\"source.address\":"
        "\"192.0.2.10\",\"source.port\":50123,\"snmp.agent_address\":\"198.51.100.7\"},"
        "\"attributes\":{\"snmp.version\":\"1\",\"snmp.pdu\":\"trap\",\"snmp.trap_oid\":"
        "\"1.3.6.1.6.3.1.1.5.3\",\"snmp.enterprise\":\"1.3.6.1.2.1.33.2\",\"snmp.generic\":2,"
        "\"snmp.specific\":0,\"snmp.uptime\":5000,\"IF-MIB::ifIndex.3\":3}");
}

static void
a_cold_start_without_varbinds_is_one_line(void **state)
{
    struct trap_message message = v1(0, 0, NULL, 0);

    (void)state;
    memset(message.agent_address, 0, sizeof(message.agent_address));
    object_is(&with_names, &message,
        ",\"timestamp\":\"2026-11-22T16:38:17.000000042Z\",\"event_name\":"
        "\"SNMPv2-MIB::coldStart\",\"body\":\"SNMPv2-MIB::coldStart\",\"severity_text\":\"WARN\","
        "\"severity_number\":13,\"host\":\"192.0.2.10\",\"resource\":{\"source.address\":"
        "\"192.0.2.10\",\"source.port\":50123},\"attributes\":{\"snmp.version\":\"1\","
        "\"snmp.pdu\":\"trap\",\"snmp.trap_oid\":\"1.3.6.1.6.3.1.1.5.1\",\"snmp.enterprise\":"
        "\"1.3.6.1.2.1.33.2\",\"snmp.generic\":0,\"snmp.specific\":0,\"snmp.uptime\":5000}");
}

static void
a_trap_of_a_ups_is_found_without_the_zero_of_rfc_3584(void **state)
{
    static const struct varbind list[] = { VARBIND(
        "\x2b\x06\x01\x02\x01\x21\x01\x02\x03\x00", BER_INTEGER, "\x04\xd2") };
    struct trap_message message = v1(6, 1, list, COUNT(list));

    (void)state;
    object_is(&with_names, &message,
        ",\"timestamp\":\"2026-11-22T16:38:17.000000042Z\",\"event_name\":"
        "\"UPS-MIB::upsTrapOnBattery\",\"body\":\"UPS-MIB::upsTrapOnBattery: "
        "upsEstimatedMinutesRemaining.0=12.34\",\"severity_text\":\"ERROR\","
        "\"severity_number\":17,\"host\":\"198.51.100.7\",\"resource\":{\"source.address\":"
        "\"192.0.2.10\",\"source.port\":50123,\"snmp.agent_address\":\"198.51.100.7\"},"
        "\"attributes\":{\"snmp.version\":\"1\",\"snmp.pdu\":\"trap\",\"snmp.trap_oid\":"
        "\"1.3.6.1.2.1.33.2.0.1\",\"snmp.enterprise\":\"1.3.6.1.2.1.33.2\",\"snmp.generic\":6,"
        "\"snmp.specific\":1,\"snmp.uptime\":5000,"
        "\"UPS-MIB::upsEstimatedMinutesRemaining.0\":\"12.34\"}");
}

static void
without_names_there_are_numbers(void **state)
{
    static const struct varbind list[] = { UPTIME, LINK_DOWN, IF_INDEX, IF_DESCR("\x00\x1b\x44"),
        VARBIND("\x2b\x06\x01\x06\x03\x12\x01\x03\x00", BER_IP_ADDRESS, "\xcb\x00\x71\x05") };
    struct trap_message message = v2c(list, COUNT(list));

    (void)state;
    message.version = TRAP_V3;
    message.pdu = TRAP_PDU_INFORM;
    message.engine_id = SPAN("\x80\x00\x1f\x88");
    message.context_engine_id = SPAN("\x80\x01");
    message.context_name = SPAN("blue");
    message.user = SPAN("\xff");
    object_is(&without_names, &message,
        ",\"timestamp\":\"2026-11-22T16:38:17.000000042Z\",\"event_name\":\"1.3.6.1.6.3.1.1.5.3\","
        "\"body\":\"1.3.6.1.6.3.1.1.5.3: 1.3.6.1.2.1.2.2.1.1.3=3, 1.3.6.1.2.1.2.2.1.2.3=001b44, "
        "1.3.6.1.6.3.18.1.3.0=203.0.113.5\",\"severity_text\":\"ERROR\",\"severity_number\":17,"
        "\"host\":\"203.0.113.5\",\"resource\":{\"source.address\":\"192.0.2.10\","
        "\"source.port\":50123,\"snmp.agent_address\":\"203.0.113.5\",\"snmp.engine_id\":"
        "\"80001f88\",\"snmp.context_engine_id\":\"8001\",\"snmp.context_name\":\"blue\"},"
        "\"attributes\":{\"snmp.version\":\"3\",\"snmp.pdu\":\"inform\",\"snmp.trap_oid\":"
        "\"1.3.6.1.6.3.1.1.5.3\",\"snmp.request_id\":77,\"snmp.uptime\":123456,\"snmp.user\":"
        "\"ff\",\"1.3.6.1.2.1.2.2.1.1.3\":3,\"1.3.6.1.2.1.2.2.1.2.3\":\"001b44\","
        "\"1.3.6.1.6.3.18.1.3.0\":\"203.0.113.5\"}");
}

static void
a_message_without_an_identity_has_no_event_name(void **state)
{
    struct trap_message message = v2c(NULL, 0);

    (void)state;
    message.request_id = -1;
    object_is(&with_names, &message,
        ",\"timestamp\":\"2026-11-22T16:38:17.000000042Z\",\"body\":\"SNMP notification\","
        "\"severity_text\":\"INFO\",\"severity_number\":9,\"host\":\"192.0.2.10\","
        "\"resource\":{\"source.address\":\"192.0.2.10\",\"source.port\":50123},\"attributes\":"
        "{\"snmp.version\":\"2c\",\"snmp.pdu\":\"trap\",\"snmp.request_id\":-1}");
}

static void
the_severity_of_a_mib_goes_first(void **state)
{
    static const struct varbind list[] = { IDENTITY("\x2b\x06\x01\x04\x01\x09\x00\x07") };
    struct trap_message message = v2c(list, COUNT(list));
    json_t *object = parsed(&with_names, &message);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(object, "event_name")), "X-MIB::xFailed");
    assert_string_equal(json_string_value(json_object_get(object, "severity_text")), "FATAL");
    assert_int_equal(json_integer_value(json_object_get(object, "severity_number")), 21);
    json_decref(object);
}

/* ---- Values ---- */

static void
varbinds_have_types_names_and_texts(void **state)
{
    static const struct {
        struct varbind varbind;
        const char *want;
    } cases[] = {
        { IF_INDEX, ",\"type\":\"integer\",\"name\":\"IF-MIB::ifIndex.3\"" },
        { IF_ADMIN("\x02"),
            ",\"type\":\"integer\",\"name\":\"IF-MIB::ifAdminStatus.3\",\"text\":\"down\"" },
        { IF_ADMIN("\x09"), ",\"type\":\"integer\",\"name\":\"IF-MIB::ifAdminStatus.3\"" },
        { IF_PHYS("\x00\x1b\x44\x11\x3a\xb7"),
            ",\"type\":\"octet_string\",\"name\":\"IF-MIB::ifPhysAddress.3\","
            "\"text\":\"00:1b:44:11:3a:b7\",\"hex\":\"001b44113ab7\"" },
        { IF_DESCR("\x00\xff"),
            ",\"type\":\"octet_string\",\"name\":\"IF-MIB::ifDescr.3\",\"hex\":\"00ff\"" },
        { FLAGS("\xa0"), ",\"type\":\"octet_string\",\"name\":\"X-MIB::xFlags.0\","
                         "\"text\":\"fan,door\",\"hex\":\"a0\"" },
        { FLAGS("\x08"), ",\"type\":\"octet_string\",\"name\":\"X-MIB::xFlags.0\",\"hex\":\"08\"" },
        { FLAGS("\x00"), ",\"type\":\"octet_string\",\"name\":\"X-MIB::xFlags.0\",\"text\":\"\","
                         "\"hex\":\"00\"" },
        { VARBIND("\x2b\x06\x01\x04\x01\x09\x06\x00", BER_OCTET_STRING, "\x01"),
            ",\"type\":\"octet_string\",\"name\":\"X-MIB::xBad.0\",\"hex\":\"01\"" },
        { OTHER(BER_OCTET_STRING, "text"), ",\"type\":\"octet_string\"" },
        { OTHER(BER_OPAQUE, "\x9f\x78\x04\x42\xf6\x00\x00"),
            ",\"type\":\"opaque\",\"text\":\"123.0\",\"hex\":\"9f780442f60000\"" },
        { OTHER(0x01, "\xff"), ",\"type\":\"unknown\",\"hex\":\"ff\"" },
        { OTHER(BER_NULL, ""), ",\"type\":\"null\"" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        varbind_is(&with_names, &cases[i].varbind, cases[i].want);
    }
}

static void
names_of_the_operator_go_before_standard_ones(void **state)
{
    static const struct varbind both = IF_INDEX;
    static const struct varbind standard = IF_ADMIN("\x01");
    static const struct varbind damaged = FLAGS("\x80");

    (void)state;
    varbind_is(&with_both, &both, ",\"type\":\"integer\",\"name\":\"MY-MIB::myIndex.3\"");
    varbind_is(&with_both, &standard,
        ",\"type\":\"integer\",\"name\":\"IF-MIB::ifAdminStatus.3\",\"text\":\"up\"");
    varbind_is(&with_both, &damaged,
        ",\"type\":\"octet_string\",\"name\":\"X-MIB::xFlags.0\",\"text\":\"fan\","
        "\"hex\":\"80\"");
}

static void
bits_without_end_are_octets(void **state)
{
    static char bits[34];
    struct varbind varbind = FLAGS(bits);

    (void)state;
    bits[0] = (char)0x80;
    varbind.value_len = 32;
    attribute_is(&varbind, "X-MIB::xFlags.0", "\"fan\"");
    varbind.value_len = 33;
    attribute_is(&varbind, "X-MIB::xFlags.0",
        "\"800000000000000000000000000000000000000000000000000000000000000000\"");
}

static void
attributes_keep_the_type_of_what_was_sent(void **state)
{
    static const struct {
        struct varbind varbind;
        const char *want;
    } cases[] = {
        { OTHER(BER_INTEGER, "\xfb"), "-5" },
        { OTHER(BER_COUNTER32, "\xff\xff\xff\xff"), "4294967295" },
        { OTHER(BER_COUNTER64, "\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), "9223372036854775807" },
        { OTHER(BER_COUNTER64, "\x80\x00\x00\x00\x00\x00\x00\x00"), "\"9223372036854775808\"" },
        { OTHER(BER_TIME_TICKS, "\x05"), "5" },
        { OTHER(BER_OCTET_STRING, "text"), "\"text\"" },
        { OTHER(BER_OCTET_STRING, ""), "\"\"" },
        { OTHER(BER_OCTET_STRING, "\0"), "\"00\"" },
        { OTHER(BER_BIT_STRING, "\x00\xa0"), "\"00a0\"" },
        { OTHER(BER_IP_ADDRESS, "\x0a\x00\x00\x01"), "\"10.0.0.1\"" },
        { OTHER(BER_IP_ADDRESS, "\x0a"), "\"0a\"" },
        { OTHER(BER_INTEGER, ""), "\"\"" },
        { OTHER(BER_OBJECT_IDENTIFIER, "\x2b\x06\x01\x02\x01\x02\x02\x01\x01"),
            "\"IF-MIB::ifIndex\"" },
        { OTHER(BER_OBJECT_IDENTIFIER, "\x2b\x06\x01\x04\x01\x63"), "\"1.3.6.1.4.1.99\"" },
        { OTHER(BER_OBJECT_IDENTIFIER, "\x2b\x86"), "\"2b86\"" },
        { OTHER(BER_NULL, ""), "null" },
        { OTHER(BER_NO_SUCH_OBJECT, ""), "null" },
        { OTHER(BER_OPAQUE, "\x9f\x79\x08\x3f\xf8\x00\x00\x00\x00\x00\x00"), "1.5" },
        { OTHER(BER_OPAQUE, "\x9f\x78\x04\x7f\x80\x00\x00"), "\"9f78047f800000\"" },
        { OTHER(BER_OPAQUE, "\x9f\x7a\x01\xff"), "-1" },
        { OTHER(BER_OPAQUE, "\x9f\x76\x01\xff"), "255" },
        { OTHER(BER_OPAQUE, "\x9f\x78\x05\x42\xf6\x00\x00"), "\"9f780542f60000\"" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        attribute_is(&cases[i].varbind, "1.3.6.1.4.1.8.7", cases[i].want);
    }
}

/* ---- Bounds ---- */

static void
a_name_that_comes_twice_gets_the_number_of_its_varbind(void **state)
{
    static const struct varbind list[] = { UPTIME, LINK_DOWN, IF_ADMIN("\x01"), IF_ADMIN("\x02"),
        IF_ADMIN("\x03"), UPTIME };
    struct trap_message message = v2c(list, COUNT(list));
    json_t *object = parsed(&with_names, &message);
    json_t *attributes = json_object_get(object, "attributes");

    (void)state;
    assert_string_equal(
        json_string_value(json_object_get(attributes, "IF-MIB::ifAdminStatus.3")), "up");
    assert_string_equal(
        json_string_value(json_object_get(attributes, "IF-MIB::ifAdminStatus.3#4")), "down");
    assert_string_equal(
        json_string_value(json_object_get(attributes, "IF-MIB::ifAdminStatus.3#5")), "testing");
    assert_int_equal(json_integer_value(json_object_get(attributes, "1.3.6.1.2.1.1.3.0")), 123456);
    json_decref(object);
}

#define NAMED_MAX 512 /* TRAP_EFFORT */

static void
as_many_varbinds_have_names_as_may_cost_time(void **state)
{
    static struct varbind list[TRAP_VARBINDS_MAX];
    static char names[TRAP_VARBINDS_MAX][6];

    (void)state;
    for (size_t i = 0; i < TRAP_VARBINDS_MAX; i++) {
        const char name[6] = { 0x2b, 6, 1, 4, (char)(0x80 | i >> 7), (char)(i & 0x7f) };
        memcpy(names[i], name, sizeof(name));
        list[i] = (struct varbind){ names[i], sizeof(name), BER_INTEGER, "\x01", 1 };
    }
    struct trap_message message = v2c(list, TRAP_VARBINDS_MAX);
    json_t *object = parsed(&with_names, &message);
    const char *body = json_string_value(json_object_get(object, "body"));
    json_t *attributes = json_object_get(object, "attributes");
    json_t *varbinds = json_object_get(object, "varbinds");
    assert_non_null(strstr(body, ", 1.3.6.1.4.23=1 and 4072 more"));
    /* None of these comes twice. */
    assert_int_equal(json_object_size(attributes), NAMED_MAX + 4);
    assert_int_equal(json_integer_value(json_object_get(attributes, "1.3.6.1.4.511")), 1);
    assert_int_equal(json_integer_value(json_object_get(attributes, "snmp.varbinds_left_out")),
        TRAP_VARBINDS_MAX - NAMED_MAX);
    assert_int_equal(json_array_size(varbinds), TRAP_VARBINDS_MAX);
    assert_non_null(json_object_get(json_array_get(varbinds, NAMED_MAX - 1), "type"));
    assert_null(json_object_get(json_array_get(varbinds, NAMED_MAX), "type"));
    json_decref(object);
}

static void
a_body_of_long_names_ends_early(void **state)
{
    static char name[200];
    static struct varbind list[20];

    (void)state;
    memset(name, 0x7f, sizeof(name) - 1);
    for (size_t i = 0; i < COUNT(list); i++) {
        list[i] = (struct varbind){ name, 127, BER_INTEGER, "\x01", 1 };
    }
    struct trap_message message = v2c(list, COUNT(list));
    json_t *object = parsed(&without_names, &message);
    size_t length = json_string_length(json_object_get(object, "body"));
    assert_in_range(length, 4096, 4096 + 700);
    assert_int_equal(json_object_size(json_object_get(object, "attributes")), 20 + 3);
    json_decref(object);
}

static void
long_values_are_cut_in_the_body_only(void **state)
{
    static char text[2001], binary[2001];
    struct varbind list[] = { IF_DESCR(text), OTHER(BER_OCTET_STRING, binary), IF_PHYS(binary) };
    char want[3000] = "SNMP notification: ifDescr.3=";

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i += 2) {
        memcpy(text + i, "\xc3\xbc", 2);
    }
    memset(binary, 1, sizeof(binary) - 1);
    text[0] = text[1] = 'x';
    text[2] = 'y'; /* so that the cut would be inside of a character */
    memcpy(text + 3, "\xc3\xbc\xc3\xbc", 4);
    for (size_t i = 3; i < sizeof(text) - 2; i += 2) {
        memcpy(text + i, "\xc3\xbc", 2);
    }
    text[1999] = 'z';
    struct trap_message message = v2c(list, COUNT(list));
    json_t *object = parsed(&with_names, &message);
    size_t at = strlen(want);
    memcpy(want + at, text, 255);
    strncat(want, "..., 1.3.6.1.4.1.8.7=", sizeof(want) - strlen(want) - 1);
    for (int i = 0; i < 64; i++) {
        strncat(want, "01", sizeof(want) - strlen(want) - 1);
    }
    strncat(want, "..., ifPhysAddress.3=", sizeof(want) - strlen(want) - 1);
    for (int i = 0; i < 64; i++) {
        strncat(want, "01", sizeof(want) - strlen(want) - 1);
    }
    strncat(want, "...", sizeof(want) - strlen(want) - 1);
    assert_string_equal(json_string_value(json_object_get(object, "body")), want);
    json_t *attributes = json_object_get(object, "attributes");
    assert_int_equal(json_string_length(json_object_get(attributes, "IF-MIB::ifDescr.3")), 2000);
    assert_int_equal(
        json_string_length(json_object_get(attributes, "IF-MIB::ifPhysAddress.3")), 5999);
    json_decref(object);
}

static void
attributes_that_are_too_many_are_counted(void **state)
{
    static char text[1501];
    static struct varbind list[200];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 0; i < COUNT(list); i++) {
        list[i] = (struct varbind)OTHER(BER_OCTET_STRING, text);
    }
    struct trap_message message = v2c(list, COUNT(list));
    json_t *object = parsed(&with_names, &message);
    json_t *attributes = json_object_get(object, "attributes");
    json_int_t out = json_integer_value(json_object_get(attributes, "snmp.varbinds_left_out"));
    assert_int_equal(out + (json_int_t)json_object_size(attributes), COUNT(list) + 4);
    assert_in_range(out, 100, 120);
    json_decref(object);
}

static void
the_time_is_of_the_calendar(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *want;
    } cases[] = { { 0, "1970-01-01T00:00:00.000000000Z" },
        { 951782400, "2000-02-29T00:00:00.000000000Z" },
        { 951868800, "2000-03-01T00:00:00.000000000Z" },
        { 1735689599, "2024-12-31T23:59:59.000000000Z" },
        { 4107542400, "2100-03-01T00:00:00.000000000Z" },
        { 18446744073, "2554-07-21T23:34:33.000000000Z" } };
    struct trap_message message = v2c(NULL, 0);
    struct trap_views views;

    (void)state;
    trap_views_begin(&views);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t memory[512];
        struct sr_buf b = sr_buf_over(memory, sizeof(memory));
        trap_enrich_write(&b, &with_names, &message, &views, &peer, cases[i].seconds * 1000000000);
        assert_false(b.overflow);
        assert_memory_equal(memory + strlen(",\"timestamp\":\""), cases[i].want, 30);
    }
}

/* ---- Whatever comes ---- */

static uint32_t
next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

/* Names and values of random bytes and lengths; names are those of the table now and then. */
static size_t
random_varbinds(uint32_t *seed, struct varbind *list, char (*bytes)[48])
{
    static const uint8_t types[] = { 1, 2, 3, 4, 4, 4, 5, 6, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45,
        0x46, 0x47, 0x80, 0x81, 0x82, 0x9f };
    static const struct varbind known[] = { UPTIME, LINK_DOWN, IF_INDEX, IF_ADMIN("\x01"),
        IF_DESCR("x"), IF_PHYS("x"), FLAGS("x"), OTHER(BER_NULL, "") };
    size_t count = next_random(seed) % 32;

    for (size_t i = 0; i < count; i++) {
        const struct varbind *from = &known[next_random(seed) % COUNT(known)];
        for (size_t j = 0; j < sizeof(bytes[i]); j++) {
            bytes[i][j] = (char)(next_random(seed) & (next_random(seed) % 2 == 0 ? 0x7f : 0xff));
        }
        list[i] = (struct varbind){ from->name, from->name_len,
            types[next_random(seed) % sizeof(types)], bytes[i], next_random(seed) % 48 };
        if (list[i].type == BER_OPAQUE && list[i].value_len > 3) {
            bytes[i][0] = (char)0x9f;
            bytes[i][1] = (char)(0x76 + next_random(seed) % 6);
            bytes[i][2] = (char)(list[i].value_len - 3);
        }
    }
    return count;
}

static void
every_message_becomes_json(void **state)
{
    static struct varbind list[32];
    static char bytes[32][48];
    uint32_t seed = 5;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        size_t count = random_varbinds(&seed, list, bytes);
        struct trap_message message =
            i % 2 == 0 ? v2c(list, count) : v1(next_random(&seed) % 8, i, list, count);
        message.user = (struct sr_span){ (const uint8_t *)bytes[0], next_random(&seed) % 48 };
        message.context_name =
            (struct sr_span){ (const uint8_t *)bytes[1], next_random(&seed) % 48 };
        json_decref(parsed(i % 3 == 0 ? &without_names : &with_names, &message));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_down_of_v2c_is_named),
        cmocka_unit_test(a_link_down_of_v1_is_the_same),
        cmocka_unit_test(a_cold_start_without_varbinds_is_one_line),
        cmocka_unit_test(a_trap_of_a_ups_is_found_without_the_zero_of_rfc_3584),
        cmocka_unit_test(without_names_there_are_numbers),
        cmocka_unit_test(a_message_without_an_identity_has_no_event_name),
        cmocka_unit_test(the_severity_of_a_mib_goes_first),
        cmocka_unit_test(varbinds_have_types_names_and_texts),
        cmocka_unit_test(names_of_the_operator_go_before_standard_ones),
        cmocka_unit_test(bits_without_end_are_octets),
        cmocka_unit_test(attributes_keep_the_type_of_what_was_sent),
        cmocka_unit_test(a_name_that_comes_twice_gets_the_number_of_its_varbind),
        cmocka_unit_test(as_many_varbinds_have_names_as_may_cost_time),
        cmocka_unit_test(a_body_of_long_names_ends_early),
        cmocka_unit_test(long_values_are_cut_in_the_body_only),
        cmocka_unit_test(attributes_that_are_too_many_are_counted),
        cmocka_unit_test(the_time_is_of_the_calendar),
        cmocka_unit_test(every_message_becomes_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
