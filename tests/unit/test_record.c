/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>

#include "enroll/record.h"
#include "generation_host.h"

static struct record
whole(void)
{
    return (struct record){ .collector = BUNDLE_NETFLOW,
        .package_id = "0a1b2c3d-0000-4000-8000-000000000001",
        .core_url = "https://core.example",
        .has_ca_pin = true,
        .ca_pin = { 0x00, 0xff, 0x10, [31] = 0x7e },
        .ca_file = "/root/ca.pem",
        .token_hash = "00ff",
        .keys_of_host = true,
        .enrolled_s = 1800000000,
        .renewed_s = 1800000001,
        .config = "/etc/serviceradar/netflow.json",
        .creds = "/etc/serviceradar/creds/netflow.creds",
        .certificate = "/etc/serviceradar/certs/netflow.pem",
        .key = "/etc/serviceradar/certs/netflow-key.pem",
        .ca_chain = "/etc/serviceradar/certs/netflow-ca.pem",
        .unit = "serviceradar-netflow.service" };
}

static void
a_record_is_read_as_it_was_written(void **state)
{
    struct record given = whole(), read;
    struct trouble trouble;
    char text[4096], again[4096];

    (void)state;
    assert_true(record_format(&given, text, sizeof(text)));
    assert_true(record_parse(span_of(text), &read, &trouble));
    assert_true(record_format(&read, again, sizeof(again)));
    assert_string_equal(again, text);
    assert_memory_equal(read.ca_pin, given.ca_pin, sizeof(read.ca_pin));
    assert_int_equal(read.renewed_s, given.renewed_s);
    assert_true(read.keys_of_host);
    assert_string_equal(read.unit, given.unit);
}

static void
a_record_that_does_not_fit_is_not_cut(void **state)
{
    struct record given = whole();
    char text[4096];

    (void)state;
    assert_true(record_format(&given, text, sizeof(text)));
    size_t len = strlen(text);
    for (size_t size = 0; size <= len; size += 7) {
        assert_false(record_format(&given, text, size));
    }
    assert_true(record_format(&given, text, len + 1));
}

static void
what_a_later_version_adds_is_ignored(void **state)
{
    struct record read;
    struct trouble trouble;

    (void)state;
    assert_true(record_parse(
        span_of("{\"version\":1,\"collector\":\"trapd\",\"config\":\"/a/b\",\"creds\":\"/c\","
                "\"colour\":[1]}"),
        &read, &trouble));
    assert_int_equal(read.collector, BUNDLE_TRAPD);
    assert_string_equal(read.key, "");
}

static void
a_damaged_record_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{\"version\":1}",
        "{\"version\":2,\"collector\":\"trapd\",\"config\":\"/a\",\"creds\":\"/c\"}",
        "{\"version\":1,\"collector\":\"otel\",\"config\":\"/a\",\"creds\":\"/c\"}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"/a\"}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"a\",\"creds\":\"/c\"}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"/../a\",\"creds\":\"/c\"}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"/a\",\"creds\":7}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"/a\",\"creds\":\"/"
        "c\",\"unit\":\"-M\"}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"/a\",\"creds\":\"/c\",\"unit\":\"a/"
        "b\"}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"/a\",\"creds\":\"/"
        "c\",\"enrolled\":-1}",
        "{\"version\":1,\"collector\":\"trapd\",\"config\":\"/a\",\"creds\":\"/"
        "c\",\"ca_pin\":\"0g\"}",
    };
    struct record read;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct trouble trouble = { .cause = "" };
        assert_false(record_parse(span_of(texts[i]), &read, &trouble));
        assert_true(*trouble.cause != '\0' && *trouble.remedy != '\0');
    }
}

static void
a_collector_without_a_record_is_not_enrolled(void **state)
{
    struct record given = whole(), read;
    struct trouble trouble;
    struct host host;
    char text[4096], path[RECORD_PATH_MAX];

    (void)state;
    host_make(&host);
    assert_false(record_read(host.root, "netflow", &read, &trouble));
    assert_int_equal(trouble.error, ENOENT);
    assert_true(record_format(&given, text, sizeof(text)));
    host_folder(&host, "var/lib/serviceradar/enroll");
    host_write(&host, record_path("netflow", path), text, 0600);
    assert_true(record_read(host.root, "netflow", &read, &trouble));
    host_write(&host, record_path("trapd", path), text, 0600);
    assert_false(record_read(host.root, "trapd", &read, &trouble));
    assert_int_not_equal(trouble.error, ENOENT);
    host_remove(&host);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_as_it_was_written),
        cmocka_unit_test(a_record_that_does_not_fit_is_not_cut),
        cmocka_unit_test(what_a_later_version_adds_is_ignored),
        cmocka_unit_test(a_damaged_record_is_refused),
        cmocka_unit_test(a_collector_without_a_record_is_not_enrolled),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
