/* SPDX-License-Identifier: Apache-2.0 */
#include "ber_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"

#include "sr/banned.h"

static struct sr_span message_bytes;

static void
build(const char *text)
{
    message_bytes = ber_text(text);
}

#define V2C "02(01) 04(70 75 62)"
#define NUMBERS "02(07) 02(00) 02(00)"
#define UPTIME "30(06(2b 06 01 02 01 01 03 00) 43(05))"
#define LINK_DOWN "30(06(2b 06 01 06 03 01 01 04 01 00) 06(2b 06 01 06 03 01 01 05 03))"

static char published[TRAP_RECORD_MAX + 1];
static const char *reason;
static size_t room = TRAP_RECORD_MAX;
static struct trap_config config;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= room ? (uint8_t *)published : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    assert_int_equal(records, 1);
    published[len] = '\0';
}

static void
deadletter(
    void *arg, const char *why, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)peer;
    (void)now_ns;
    assert_ptr_equal(raw.data, message_bytes.data);
    reason = why;
}

static void
consumed(void *arg, const char *why)
{
    (void)arg;
    reason = why;
}

static enum sr_verdict
feed_from(const struct sr_peer *peer, const struct trap_opener *opener)
{
    static struct trap_scratch scratch;
    const struct sr_emit emit = {
        .reserve = reserve,
        .commit = commit,
        .deadletter = deadletter,
        .consumed = consumed,
    };

    reason = NULL;
    published[0] = '\0';
    return sr_trap_datagram(&config, opener, &scratch, 1, peer, message_bytes, &emit);
}

static enum sr_verdict
feed(const char *text)
{
    static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };

    build(text);
    return feed_from(&peer, NULL);
}

static void
a_trap_is_published_with_its_four_keys(void **state)
{
    (void)state;
    assert_int_equal(feed("30(" V2C "a7(" NUMBERS "30(" UPTIME LINK_DOWN ")))"), SR_DECODED);
    assert_string_equal(published,
        "{\"source\":\"192.0.2.10:50123\",\"version\":\"V2C\",\"community\":\"pub\",\"varbinds\":[{"
        "\"oid\":\"1.3.6.1.2.1.1.3.0\",\"value\":\"TIMETICKS: 5\"},{\"oid\":\"1.3.6.1.6.3.1.1.4.1."
        "0\",\"value\":\"OBJECT IDENTIFIER: 1.3.6.1.6.3.1.1.5.3\"}]}");
}

static void
keys_of_consumers_come_behind_those_four(void **state)
{
    (void)state;
    config.enrich = true;
    config.mibs[1] = mib_standard();
    assert_int_equal(feed("30(" V2C "a7(" NUMBERS "30(" UPTIME LINK_DOWN ")))"), SR_DECODED);
    config.mibs[1] = NULL;
    config.enrich = false;
    assert_string_equal(published,
        "{\"source\":\"192.0.2.10:50123\",\"version\":\"V2C\",\"community\":\"pub\",\"varbinds\":[{"
        "\"oid\":\"1.3.6.1.2.1.1.3.0\",\"value\":\"TIMETICKS: 5\",\"type\":\"time_ticks\","
        "\"name\":\"SNMPv2-MIB::sysUpTime.0\"},{\"oid\":\"1.3.6.1.6.3.1.1.4.1.0\",\"value\":"
        "\"OBJECT IDENTIFIER: 1.3.6.1.6.3.1.1.5.3\",\"type\":\"object_identifier\",\"name\":"
        "\"SNMPv2-MIB::snmpTrapOID.0\"}],\"timestamp\":\"1970-01-01T00:00:00.000000001Z\","
        "\"event_name\":\"IF-MIB::linkDown\",\"body\":\"IF-MIB::linkDown\",\"severity_text\":"
        "\"ERROR\",\"severity_number\":17,\"host\":\"192.0.2.10\",\"resource\":{"
        "\"source.address\":\"192.0.2.10\",\"source.port\":50123},\"attributes\":{"
        "\"snmp.version\":\"2c\",\"snmp.pdu\":\"trap\",\"snmp.trap_oid\":"
        "\"1.3.6.1.6.3.1.1.5.3\",\"snmp.request_id\":7,\"snmp.uptime\":5}}");
}

static void
a_source_of_ipv6_stands_in_brackets(void **state)
{
    static const struct sr_peer peer = {
        .address = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .port = 162, .is_v6 = true
    };

    (void)state;
    build("30(" V2C "a7(" NUMBERS "30()))");
    assert_int_equal(feed_from(&peer, NULL), SR_DECODED);
    assert_non_null(strstr(published, "\"source\":\"[2001:db8::1]:162\""));
}

static void
hash(const uint8_t *key, struct sr_span community, char *out)
{
    (void)key;
    assert_int_equal(community.len, 3);
    memset(out, '7', TRAP_COMMUNITY_HASH_LEN);
}

static void
a_community_can_be_hashed_or_left_out(void **state)
{
    (void)state;
    config.community = TRAP_COMMUNITY_HASH;
    config.community_hash = hash;
    assert_int_equal(feed("30(" V2C "a7(" NUMBERS "30()))"), SR_DECODED);
    assert_non_null(strstr(published, ",\"community\":\"7777777777777777\",\"varbinds\""));
    config.community = TRAP_COMMUNITY_OMIT;
    assert_int_equal(feed("30(" V2C "a7(" NUMBERS "30()))"), SR_DECODED);
    assert_non_null(strstr(published, "\"version\":\"V2C\",\"varbinds\""));
    config = (struct trap_config){ .enrich = false };
}

static void
what_is_no_notification_is_counted_by_what_it_is(void **state)
{
    static const struct {
        const char *pdu, *reason;
    } pdus[] = { { "a0", "get" }, { "a1", "get_next" }, { "a2", "response" }, { "a3", "set" },
        { "a5", "get_bulk" }, { "a8", "report" } };
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof(pdus) / sizeof(pdus[0]); i++) {
        (void)snprintf(text, sizeof(text), "30(" V2C "%s(" NUMBERS "30()))", pdus[i].pdu);
        assert_int_equal(feed(text), SR_CONSUMED);
        assert_string_equal(reason, pdus[i].reason);
    }
    assert_int_equal(feed("30(" V2C "a6(" NUMBERS "30()))"), SR_DECODED);
}

static void
what_cannot_be_read_is_a_dead_letter_with_its_reason(void **state)
{
    static const struct {
        const char *text, *reason;
    } bad[] = { { "", "empty" }, { "31(02(01))", "no_snmp" },
        { "30 09 02(01)", "truncated_message" }, { "30()", "no_snmp" }, { "30(04(01))", "no_snmp" },
        { "30(02(02))", "unknown_version" }, { "30(02(03))", "v3_no_users" },
        { "30(02(01) 02(01))", "community" }, { "30(" V2C "a9(" NUMBERS "30()))", "unknown_pdu" },
        { "30(" V2C ")", "pdu" }, { "30(" V2C "a7(02(07) 02(00)))", "pdu" },
        { "30(" V2C "a7(" NUMBERS "31()))", "pdu" },
        { "30(" V2C "a7(" NUMBERS "30(02(01))))", "varbind" },
        { "30(" V2C "a7(" NUMBERS "30(30(06(2b)))))", "varbind" },
        { "30(" V2C "a7(" NUMBERS "30(30(06(2b 81) 05()))))", "varbind" },
        { "30(" V2C "a7(" NUMBERS "30(30(06(2b) 30()))))", "value" },
        { "30(" V2C "a4(06(2b) 40(01 02 03) 02(06) 02(01) 43(01) 30()))", "pdu" } };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (feed(bad[i].text) != SR_DEADLETTER || strcmp(reason, bad[i].reason) != 0) {
            fail_msg("%s: %s", bad[i].text, reason);
        }
    }
}

static void
a_value_of_another_length_than_its_type_is_published_as_bytes(void **state)
{
    (void)state;
    assert_int_equal(
        feed("30(" V2C "a7(" NUMBERS "30(30(06(2b 01) 40(0a 00 01)) 30(06(2b 02) 02()) "
             "30(06(2b 03) 06(81)) 30(06(2b 04) 01(ff)) 30(06(2b 05) 05(07)))))"),
        SR_DECODED);
    assert_non_null(strstr(published,
        "[{\"oid\":\"1.3.1\",\"value\":\"TYPE 0x40: [10, 0, 1]\"},{\"oid\":\"1.3.2\",\"value\":"
        "\"TYPE 0x02: []\"},{\"oid\":\"1.3.3\",\"value\":\"TYPE 0x06: [129]\"},{\"oid\":\"1.3.4\","
        "\"value\":\"TYPE 0x01: [255]\"},{\"oid\":\"1.3.5\",\"value\":\"NULL\"}]"));
}

static void
a_message_has_a_limit_of_varbinds(void **state)
{
    static char text[TRAP_VARBINDS_MAX * 16 + 256];
    size_t len = (size_t)snprintf(text, sizeof(text), "30(" V2C "a7(" NUMBERS "30(");

    (void)state;
    for (unsigned i = 0; i < TRAP_VARBINDS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "30(06() 05())");
    }
    (void)snprintf(text + len, sizeof(text) - len, ")))");
    assert_int_equal(feed(text), SR_DECODED);
    (void)snprintf(text + len, sizeof(text) - len, "30(06() 05()))))");
    assert_int_equal(feed(text), SR_DEADLETTER);
    assert_string_equal(reason, "too_many_varbinds");
}

#define TEN "01 01 01 01 01 01 01 01 01 01 "

static void
a_trap_that_names_make_too_large_is_published_without_them(void **state)
{
    static char text[250000];
    size_t len = (size_t)snprintf(text, sizeof(text), "30(" V2C "a7(" NUMBERS "30(");

    (void)state;
    for (unsigned i = 0; i < 55; i++) { /* controls: six bytes each as text */
        len += (size_t)snprintf(text + len, sizeof(text) - len, "30(06(2b 06 01 04 01 08 07) 04(");
        for (unsigned j = 0; j < 110; j++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, TEN);
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "))");
    }
    (void)snprintf(text + len, sizeof(text) - len, ")))");
    config = (struct trap_config){ .enrich = true, .mibs = { NULL, mib_standard() } };
    assert_int_equal(feed(text), SR_DECODED);
    assert_null(strstr(published, "attributes"));
    assert_int_equal(feed("30(" V2C "a7(" NUMBERS "30()))"), SR_DECODED);
    assert_non_null(strstr(published, "attributes"));
    config = (struct trap_config){ .enrich = false };
}

static void
without_room_nothing_is_told(void **state)
{
    (void)state;
    room = 0;
    assert_int_equal(feed("30()"), SR_FULL);
    assert_null(reason);
    room = TRAP_RECORD_MAX;
}

static void
assert_identity(const char *text, const uint32_t *expected, unsigned count)
{
    uint32_t arcs[BER_SUB_IDS_MAX + 2];
    struct trap_message m;
    unsigned found;

    build(text);
    assert_int_equal(trap_message_read(message_bytes, &m), TRAP_OK);
    assert_int_equal(trap_identity(&m, arcs, &found), count > 0);
    if (count > 0) {
        assert_int_equal(found, count);
        assert_memory_equal(arcs, expected, count * sizeof(arcs[0]));
    }
}

/* RFC 3584 section 3.1 */
static void
a_trap_of_v1_is_what_it_would_be_in_v2c(void **state)
{
    static const uint32_t link_down[] = { 1, 3, 6, 1, 6, 3, 1, 1, 5, 3 };
    static const uint32_t specific[] = { 1, 3, 6, 1, 4, 1, 9, 0, 300 };

    (void)state;
#define V1 "02(00) 04(70)"
    assert_identity("30(" V1 "a4(06(2b 06 01 04 01 09) 40(0a 00 00 01) 02(02) 02(00) 43(01) 30()))",
        link_down, 10);
    assert_identity("30(" V1
                    "a4(06(2b 06 01 04 01 09) 40(0a 00 00 01) 02(06) 02(01 2c) 43(01) 30()))",
        specific, 9);
    assert_identity("30(" V1 "a4(06(2b 06) 40(0a 00 00 01) 02(07) 02(00) 43(01) 30()))", NULL, 0);
    assert_identity("30(" V1 "a4(06(2b 06) 40(0a 00 00 01) 02(06) 02(ff) 43(01) 30()))", NULL, 0);
    assert_identity("30(" V2C "a7(" NUMBERS "30(" LINK_DOWN UPTIME ")))", link_down, 10);
    assert_identity("30(" V2C "a7(" NUMBERS "30(" UPTIME ")))", NULL, 0);
}

static const char *
open_v3(void *arg, uint64_t now_ns, struct sr_span message, uint8_t *plain,
    struct trap_message *ret_message)
{
    (void)now_ns;
    (void)plain;
    assert_ptr_equal(message.data, message_bytes.data);
    if (arg != NULL) {
        return arg;
    }
    *ret_message = (struct trap_message){ .version = TRAP_V3, .pdu = TRAP_PDU_TRAP_V2 };
    return NULL;
}

static void
what_the_opener_says_of_v3_counts(void **state)
{
    static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 1 };
    static char wrong[] = "v3_auth";
    struct trap_opener opener = { .open = open_v3 };

    (void)state;
    build("30(02(03))");
    assert_int_equal(feed_from(&peer, &opener), SR_DECODED);
    assert_string_equal(published,
        "{\"source\":\"192.0.2.10:1\",\"version\":\"V3\",\"community\":\"\",\"varbinds\":[]}");
    opener.arg = wrong;
    assert_int_equal(feed_from(&peer, &opener), SR_DEADLETTER);
    assert_string_equal(reason, "v3_auth");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trap_is_published_with_its_four_keys),
        cmocka_unit_test(keys_of_consumers_come_behind_those_four),
        cmocka_unit_test(a_source_of_ipv6_stands_in_brackets),
        cmocka_unit_test(a_community_can_be_hashed_or_left_out),
        cmocka_unit_test(what_is_no_notification_is_counted_by_what_it_is),
        cmocka_unit_test(what_cannot_be_read_is_a_dead_letter_with_its_reason),
        cmocka_unit_test(a_value_of_another_length_than_its_type_is_published_as_bytes),
        cmocka_unit_test(a_message_has_a_limit_of_varbinds),
        cmocka_unit_test(a_trap_that_names_make_too_large_is_published_without_them),
        cmocka_unit_test(without_room_nothing_is_told),
        cmocka_unit_test(a_trap_of_v1_is_what_it_would_be_in_v2c),
        cmocka_unit_test(what_the_opener_says_of_v3_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
