/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>

#include "enroll/bundle.h"

static void
assert_span(struct sr_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

#define ANSWER                                                                                     \
    "{\"collector_type\": \"flowgger\", \"package_id\": \"x\", \"site\": \"s\", "                  \
    "\"nats_creds\": \"c\\r\\nd\\n\", \"config\": \"collector_id: x\\n\", \"install_hints\": "

static void
the_oldest_answer_gives_credentials_and_configuration(void **state)
{
    static const char *const names[][2] = {
        { "{\"config_path\": \"/etc/serviceradar/config/syslog.yaml\"}}", "syslog.yaml" },
        { "{\"config_path\": \"/etc/serviceradar/config/\"}}", "config.yaml" },
        { "{\"config_path\": \"../..\"}}", "config.yaml" },
        { "{\"config_path\": \"/etc/x y\"}}", "config.yaml" },
        { "null}", "config.yaml" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct bundle bundle;
        char detail[BUNDLE_DETAIL_MAX];
        char answer[512];
        (void)snprintf(answer, sizeof(answer), " \n%s%s", ANSWER, names[i][0]);
        assert_int_equal(bundle_read(span_of(answer), NULL, &bundle, detail), BUNDLE_OK);
        assert_span(bundle.creds, "c\nd\n");
        assert_true(bundle.creds_repaired);
        assert_span(bundle.config, "collector_id: x\n");
        assert_string_equal(bundle.config_name, names[i][1]);
        assert_int_equal(bundle.collector, BUNDLE_SYSLOG);
        assert_int_equal(bundle.certificate.len + bundle.key.len + bundle.ca_chain.len, 0);
        bundle_done(&bundle);
    }
}

static void
answers_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum bundle_err err;
        const char *detail;
    } cases[] = {
        { "", BUNDLE_EFORMAT, "" },
        { "<html>", BUNDLE_EFORMAT, "" },
        { "[]", BUNDLE_EFORMAT, "" },
        { "{", BUNDLE_EJSON, "" },
        { "{} x", BUNDLE_EJSON, "" },
        { "{\"a\": 1, \"a\": 2}", BUNDLE_EJSON, "" },
        { "{\"error\": \"expired\"}", BUNDLE_EMISSING, "collector_type" },
        { "{\"collector_type\": 7}", BUNDLE_EJSON, "collector_type" },
        { "{\"collector_type\": \"otel\"}", BUNDLE_ECOLLECTOR, "otel" },
        { "{\"collector_type\": \"\\u001b[2J\"}", BUNDLE_ECOLLECTOR, "?[2J" },
        { "{\"collector_type\": \"trapd\"}", BUNDLE_EMISSING, "nats_creds" },
        { "{\"collector_type\": \"trapd\", \"nats_creds\": \"\"}", BUNDLE_EMISSING, "nats_creds" },
        { "{\"collector_type\": \"trapd\", \"nats_creds\": \"c\"}", BUNDLE_EMISSING, "config" },
        { "{\"collector_type\": \"trapd\", \"nats_creds\": \"c\", \"config\": {}}", BUNDLE_EJSON,
            "config" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bundle bundle;
        char detail[BUNDLE_DETAIL_MAX];
        assert_int_equal(bundle_read(span_of(cases[i].text), NULL, &bundle, detail), cases[i].err);
        assert_string_equal(detail, cases[i].detail);
    }
}

/* What the two first generations sent for `collector`. */
static struct bundle
read_shape(const char *collector, const char *config)
{
    char text[2048], detail[BUNDLE_DETAIL_MAX];
    struct bundle bundle;

    (void)snprintf(text, sizeof(text),
        "{\"collector_type\": \"%s\", \"nats_creds\": \"c\\n\", \"config\": \"%s\"}", collector,
        config);
    assert_int_equal(bundle_read(span_of(text), NULL, &bundle, detail), BUNDLE_OK);
    return bundle;
}

static void
a_configuration_of_the_first_shape_becomes_one_that_is_read(void **state)
{
    static const char trapd[] =
        "{\n  \"partition\": \"north\",\n  \"nats_url\": \"u\",\n  \"odd\": null,\n"
        "  \"listen_addr\": \"l\",\n  \"block.size\": \"7\",\n  \"stream_name\": \"events\",\n"
        "  \"subject\": \"logs.snmp\"\n}";
    static const char syslog[] =
        "{\n  \"listeners\": [\n    {\n      \"protocol\": \"syslog\",\n      \"listen\": "
        "\"udp://l\",\n      \"subject\": \"logs.syslog\",\n      \"compat\": \"upstream\",\n"
        "      \"format\": \"rfc5424\"\n    }\n  ],\n  \"nats\": {\n    \"url\": \"u\"\n  }\n}";

    (void)state;
    struct bundle bundle =
        read_shape("trapd", "collector_id: x\\nsite: north\\nnats:\\n  url: u\\nodd: {a: b}\\n"
                            "trapd:\\n  listen: l\\n  community: public\\n  size: 7\\n");
    assert_span(bundle.config, trapd);
    assert_string_equal(bundle.config_name, "trapd.json");
    bundle_done(&bundle);
    bundle = read_shape(
        "flowgger", "collector_id: x\\nnats: {url: u}\\nflowgger: {listen: l, format: rfc5424}\\n");
    assert_span(bundle.config, syslog);
    assert_string_equal(bundle.config_name, "syslog.json");
    bundle_done(&bundle);
}

static void
a_configuration_of_another_shape_stays_as_it_is(void **state)
{
    static const char *const texts[] = { "collector_id: x", "nats: {url: u}", "[1, 2]", "a: [",
        "nats_url: u\\nlisten_addr: l", "collector_id: x\\nnats: {url: u}" };
    static const char *const kept[] = { "collector_id: x", "nats: {url: u}", "[1, 2]", "a: [",
        "nats_url: u\nlisten_addr: l", "collector_id: x\nnats: {url: u}" };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bundle bundle = read_shape("netflow", texts[i]);
        assert_span(bundle.config, kept[i]);
        assert_string_equal(bundle.config_name, "config.yaml");
        bundle_done(&bundle);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_answer_gives_credentials_and_configuration),
        cmocka_unit_test(a_configuration_of_the_first_shape_becomes_one_that_is_read),
        cmocka_unit_test(a_configuration_of_another_shape_stays_as_it_is),
        cmocka_unit_test(answers_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
