/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "netflow.h"
#include "sr/conf.h"

/* The configuration files of ServiceRadar's flow collector, each of its three shapes. */

static struct sr_conf_problems *problems;
static char *printed;

static void *
load(const char *text)
{
    struct sr_conf_source source = { .file = "f.json" };

    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    return sr_conf_load_text(&netflow_schema, &source, span_of(text), problems);
}

/* Loads a file that must load and prints it in our form. */
static void
accepts(const char *text)
{
    void *config = load(text);
    size_t size = 0;

    if (config == NULL) {
        fail_msg("%s: %s", text, sr_conf_problems_text(problems, 0));
    }
    free(printed);
    printed = NULL;
    FILE *out = open_memstream(&printed, &size);
    assert_non_null(out);
    sr_conf_print(&netflow_schema, config, out);
    assert_int_equal(fclose(out), 0);
    sr_conf_free(config);
}

/* What was printed has the line. */
static void
gives(const char *line)
{
    if (strstr(printed, line) == NULL) {
        fail_msg("no `%s` in:\n%s", line, printed);
    }
}

static void
refuses(const char *text, const char *problem)
{
    void *config = load(text);

    if (config != NULL) {
        sr_conf_free(config);
        fail_msg("accepted: %s", text);
    }
    for (size_t i = 0; i < sr_conf_problems_count(problems); i++) {
        if (strstr(sr_conf_problems_text(problems, i), problem) != NULL) {
            return;
        }
    }
    fail_msg("`%s` is not `%s`", sr_conf_problems_text(problems, 0), problem);
}

/* One note has all of this in it. */
static void
notes(const char *words)
{
    for (size_t i = 0; i < sr_conf_notes_count(problems); i++) {
        if (strstr(sr_conf_notes_text(problems, i), words) != NULL) {
            return;
        }
    }
    for (size_t i = 0; i < sr_conf_notes_count(problems); i++) {
        print_error("note: %s\n", sr_conf_notes_text(problems, i));
    }
    fail_msg("no note has `%s`", words);
}

static const char with_listeners[] = "{\n"
                                     "  \"nats_url\": \"tls://nats:4222\",\n"
                                     "  \"stream_name\": \"flows\",\n"
                                     "  \"stream_subjects\": [\"flows.raw.netflow\"],\n"
                                     "  \"stream_max_bytes\": 1073741824,\n"
                                     "  \"stream_max_age_secs\": 7200,\n"
                                     "  \"stream_replicas\": 1,\n"
                                     "  \"partition\": \"east\",\n"
                                     "  \"channel_size\": 10000,\n"
                                     "  \"batch_size\": 100,\n"
                                     "  \"publish_timeout_ms\": 5000,\n"
                                     "  \"drop_policy\": \"drop_oldest\",\n"
                                     "  \"listeners\": [\n"
                                     "    {\n"
                                     "      \"protocol\": \"sflow\",\n"
                                     "      \"listen_addr\": \"0.0.0.0:6343\",\n"
                                     "      \"subject\": \"flows.raw.sflow\",\n"
                                     "      \"max_samples_per_datagram\": 100\n"
                                     "    },\n"
                                     "    {\n"
                                     "      \"protocol\": \"netflow\",\n"
                                     "      \"listen_addr\": \"0.0.0.0:2055\",\n"
                                     "      \"subject\": \"flows.raw.netflow\",\n"
                                     "      \"buffer_size\": 65536,\n"
                                     "      \"max_templates\": 2000,\n"
                                     "      \"max_template_fields\": 100,\n"
                                     "      \"pending_flows\": {\n"
                                     "        \"max_pending_flows\": 256,\n"
                                     "        \"max_entries_per_template\": 1024,\n"
                                     "        \"max_entry_size_bytes\": 65535,\n"
                                     "        \"ttl_secs\": 300\n"
                                     "      }\n"
                                     "    }\n"
                                     "  ],\n"
                                     "  \"security\": {\"mode\": \"none\", \"tls\": null},\n"
                                     "  \"metrics_addr\": \"0.0.0.0:50046\",\n"
                                     "  \"rehome_state_path\": \"/var/lib/x.json\",\n"
                                     "  \"ready_state_path\": \"/var/lib/x.ready\"\n"
                                     "}\n";

static void
the_form_with_listeners_loads(void **state)
{
    (void)state;
    accepts(with_listeners);
    gives("partition: east\n");
    gives("url: [\"tls://nats:4222\"]\n");
    gives("stream: flows\n");
    gives("manage_stream: append\n");
    gives("ack_timeout: 5s\n");
    gives("listen: \"udp://0.0.0.0:2055\"\n");
    gives("subject: flows.raw.netflow\n");
    gives("compat: upstream\n");
    gives("drop_zero_counters: true\n");
    gives("clamp_int32: true\n");
    gives("max_templates: 2000\n");
    gives("max_template_fields: 100\n");
    gives("max_pending_sets: 256\n");
    gives("pending_ttl: 5m\n");
    gives("listen: \"127.0.0.1:9622\"\n"); /* metrics_addr was never served */
}

static void
what_is_not_served_is_told_in_one_note(void **state)
{
    (void)state;
    accepts(with_listeners);
    notes("left out: stream_subjects, stream_max_bytes, stream_max_age_secs, stream_replicas, "
          "channel_size, batch_size, drop_policy, listeners[1].buffer_size, "
          "listeners[1].pending_flows.max_entries_per_template, "
          "listeners[1].pending_flows.max_entry_size_bytes, metrics_addr, rehome_state_path, "
          "ready_state_path");
    assert_int_equal(sr_conf_notes_count(problems), 2);
}

static void
an_sflow_listener_is_told_and_not_bound(void **state)
{
    (void)state;
    accepts(with_listeners);
    notes("f.json:14: listeners[0]: sflow is not served by this version; 0.0.0.0:6343 is not "
          "bound");
    assert_null(strstr(printed, "6343"));
}

static void
extra_keys_are_refused_by_name(void **state)
{
    (void)state;
    refuses("enrich: true\n", "enrich: this version writes no extra keys; set it to false");
}

static void
a_file_with_sflow_only_is_refused(void **state)
{
    (void)state;
    refuses("{\"nats_url\": \"nats://n\", \"stream_name\": \"s\",\n"
            "\"listeners\": [{\"protocol\": \"sflow\", \"listen_addr\": \"0.0.0.0:6343\",\n"
            "\"subject\": \"flows.raw.sflow\"}]}",
        "f.json:2: listeners: has no listener that this version can serve");
    assert_int_equal(sr_conf_problems_count(problems), 1);
    refuses("{\"nats_url\": \"nats://n\", \"stream_name\": \"s\",\n"
            "\"protocols\": [\"sflow\"], \"listen_addr\": \"0.0.0.0:6343\", \"subject\": \"a\"}",
        "f.json:2: protocols: names no protocol that this version can serve");
}

static void
the_flat_form_loads(void **state)
{
    (void)state;
    accepts("{\n"
            "  \"listen_addr\": \"[::]:2056\",\n"
            "  \"buffer_size\": 65536,\n"
            "  \"nats_url\": \"nats:4222\",\n"
            "  \"nats_creds_file\": \"\",\n"
            "  \"stream_name\": \"flows\",\n"
            "  \"subject\": \"flows.raw.netflow\",\n"
            "  \"partition\": \"default\",\n"
            "  \"max_templates\": 1500,\n"
            "  \"max_template_fields\": 64,\n"
            "  \"channel_size\": 10000,\n"
            "  \"batch_size\": 100,\n"
            "  \"publish_timeout_ms\": 1,\n"
            "  \"drop_policy\": \"block\"\n"
            "}\n");
    gives("listen: \"udp://[::]:2056\"\n");
    gives("url: [\"nats://nats:4222\"]\n");
    gives("max_templates: 1500\n");
    gives("max_template_fields: 64\n");
    gives("compat: upstream\n");
    gives("ack_timeout: 100ms\n");
    notes("f.json:13: publish_timeout_ms: 1ms is taken as 100ms, the nearest that "
          "nats.ack_timeout can be");
    notes("left out: channel_size, batch_size, drop_policy, buffer_size");
}

static void
the_form_of_the_bundles_loads(void **state)
{
    (void)state;
    accepts("{\"grpc_listen_addr\":\"0.0.0.0:50045\",\n"
            "\"grpc_security\":{\"mode\":\"mtls\",\"cert_dir\":\"/etc/serviceradar/certs\"},\n"
            "\"listen_addr\":\"0.0.0.0:2055\",\n"
            "\"nats_security\":{\"mode\":\"none\",\"ca_file\":\"/no/ca-chain.pem\"},\n"
            "\"nats_url\":\"nats://127.0.0.1:4222\",\n"
            "\"partition\":\"site-7\",\n"
            "\"protocols\":[\"netflow-v5\",\"netflow-v9\",\"ipfix\",\"sflow\"],\n"
            "\"stream_name\":\"events\",\"subject\":\"events.netflow\"}\n");
    gives("subject: events.netflow\n");
    gives("listen: \"udp://0.0.0.0:2055\"\n");
    gives("stream: events\n");
    gives("compat: upstream\n");
    notes("f.json:7: protocols: sflow is not served by this version");
    notes("left out: grpc_listen_addr, grpc_security");
}

static void
certificates_are_looked_for_in_cert_dir(void **state)
{
    (void)state;
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\", \"listen_addr\": \"0.0.0.0:1\",\n"
            "\"subject\": \"a\", \"security\": {\"mode\": \"mtls\", \"cert_dir\": \"/no/dir\",\n"
            "\"tls\": {\n"
            "\"ca_file\": \"ca.crt\"}}}\n",
        "f.json:4: security.tls.ca_file (nats.tls.ca_file): cannot read /no/dir/ca.crt: ");
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\", \"listen_addr\": \"0.0.0.0:1\",\n"
            "\"subject\": \"a\", \"security\": {\"mode\": \"mtls\", \"cert_dir\": \"/no/dir\",\n"
            "\"tls\": {\n"
            "\"ca_file\": \"/no/ca.crt\"}}}\n",
        "f.json:4: security.tls.ca_file (nats.tls.ca_file): cannot read /no/ca.crt: ");
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\", \"listen_addr\": \"0.0.0.0:1\",\n"
            "\"subject\": \"a\", \"nats_security\": {\"mode\": \"mtls\",\n"
            "\"ca_file\": \"/no/ca.crt\"}}\n",
        "f.json:3: nats_security.ca_file (nats.tls.ca_file): cannot read /no/ca.crt: ");
}

static void
credentials_are_taken(void **state)
{
    (void)state;
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\", \"listen_addr\": \"0.0.0.0:1\",\n"
            "\"subject\": \"a\", \"nats_creds_file\": \"/no/nats.creds\"}\n",
        "f.json:2: nats_creds_file (nats.creds_file): cannot read /no/nats.creds: ");
}

static void
mistakes_are_reported_in_the_words_of_the_file(void **state)
{
    (void)state;
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\",\n"
            "\"listeners\": [{\"protocol\": \"netflow\",\n\"listen_addr\": \"2055\", \"subject\": "
            "\"a\"}]}",
        "f.json:3: listeners[0].listen_addr (listeners[0].listen): `udp://2055`: has no port");
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\",\n"
            "\"listeners\": [{\"protocol\": \"netflow\",\n\"subject\": \"a\"}]}",
        "f.json:2: listeners[0]: has no `listen_addr`; add it");
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\",\n"
            "\"listeners\": [{\"protocol\": \"netflwo\"}]}",
        "f.json:2: listeners[0].protocol: is `netflwo`; write netflow");
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\"}", "has no `listen_addr`; add it");
    refuses("{\"nats_urll\": \"tls://n\", \"stream_name\": \"s\", \"listen_addr\": \"0.0.0.0:1\","
            "\"subject\": \"a\"}",
        "f.json:1: unknown key `nats_urll`; did you mean `nats_url`?");
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\", \"listen_addr\": \"0.0.0.0:1\",\n"
            "\"subject\": \"a\", \"security\": {\"mode\": \"spiffe\"}}",
        "f.json:2: security.mode: is `spiffe`; write mtls, or none");
    refuses("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\",\n\"queue\": {\"memory\": "
            "\"1MiB\"}}",
        "f.json:2: `nats_url` is a key of ServiceRadar's flow-collector.json and `queue` one of "
        "our own form");
}

static void
beside_listeners_the_keys_of_a_single_one_mean_nothing(void **state)
{
    (void)state;
    accepts("{\"nats_url\": \"tls://n\", \"stream_name\": \"s\", \"max_templates\": 7,\n"
            "\"listeners\": [{\"protocol\": \"netflow\", \"listen_addr\": \"0.0.0.0:1\",\n"
            "\"subject\": \"a\"}]}");
    assert_null(strstr(printed, "max_templates: 7\n"));
    notes("left out: max_templates");
}

static int
teardown(void **state)
{
    (void)state;
    sr_conf_problems_free(problems);
    free(printed);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_with_listeners_loads),
        cmocka_unit_test(what_is_not_served_is_told_in_one_note),
        cmocka_unit_test(an_sflow_listener_is_told_and_not_bound),
        cmocka_unit_test(extra_keys_are_refused_by_name),
        cmocka_unit_test(a_file_with_sflow_only_is_refused),
        cmocka_unit_test(the_flat_form_loads),
        cmocka_unit_test(the_form_of_the_bundles_loads),
        cmocka_unit_test(certificates_are_looked_for_in_cert_dir),
        cmocka_unit_test(credentials_are_taken),
        cmocka_unit_test(mistakes_are_reported_in_the_words_of_the_file),
        cmocka_unit_test(beside_listeners_the_keys_of_a_single_one_mean_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
