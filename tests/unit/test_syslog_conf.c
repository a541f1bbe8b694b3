/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "extra.h"
#include "folder.h"
#include "syslog.h"

#include "sr/conf.h"
#include "sr/emit.h"

#include "sr/banned.h"

#define INPUT "[input]\ntype = \"udp\"\nformat = \"rfc3164\"\n"
#define OUTPUT                                                                                     \
    "[output]\ntype = \"nats\"\nnats_url = \"nats://a:4222\"\nnats_subject = \"logs.syslog\"\n"

static struct sr_conf_problems *problems;
static char *printed;
static char dir[64];

static void *
load_as(const char *name, const char *text)
{
    struct sr_conf_source source = { .file = name, .files_later = true };

    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    return sr_conf_load_text(&syslog_schema, &source, span_of(text), problems);
}

/* Loads a file that must load, and prints it in our form. */
static void
accepts(const char *text)
{
    struct syslog_conf *config = load_as("f.toml", text);
    size_t size = 0;

    if (config == NULL) {
        fail_msg("%s: %s", text, sr_conf_problems_text(problems, 0));
    }
    free(printed);
    printed = NULL;
    FILE *out = open_memstream(&printed, &size);
    assert_non_null(out);
    sr_conf_print(&syslog_schema, config, out);
    assert_int_equal(fclose(out), 0);
    sr_conf_free(config);
}

static void
gives(const char *line)
{
    if (strstr(printed, line) == NULL) {
        fail_msg("no `%s` in:\n%s", line, printed);
    }
}

/* There is this problem, and it is the only one. */
static void
refuses(const char *text, const char *problem)
{
    void *config = load_as("f.toml", text);

    if (config != NULL) {
        sr_conf_free(config);
        fail_msg("accepted: %s", text);
    }
    assert_string_equal(sr_conf_problems_text(problems, 0), problem);
    assert_int_equal(sr_conf_problems_count(problems), 1);
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

/* What becomes of a message: its record, or the reason why there is none. */
static uint8_t *
keep(void *arg, size_t max)
{
    (void)max;
    return arg;
}

static void
finish(void *arg, size_t len, uint32_t records)
{
    (void)records;
    ((uint8_t *)arg)[len] = '\0';
}

static void
refuse(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)peer;
    (void)now_ns;
    (void)raw;
    memcpy(arg, reason, strlen(reason) + 1);
}

/* ---- What files of the platform give ---- */

static void
the_file_of_a_bundle_loads(void **state)
{
    (void)state;
    accepts("[input]\ntype = \"udp\"\nlisten = \"0.0.0.0:514\"\nformat = \"rfc3164\"\n"
            "rfc3164_timezone = \"local\"\n\n[output]\ntype = \"nats\"\nformat = \"gelf\"\n"
            "framing = \"noop\"\npartition = \"site-7\"\nnats_url = \"tls://nats.example:4222\"\n"
            "nats_subject = \"logs.syslog\"\nnats_stream = \"events\"\n"
            "nats_tls_ca_file = \"/c/ca-chain.pem\"\nnats_tls_cert = \"/c/collector.pem\"\n"
            "nats_tls_key = \"/c/collector-key.pem\"\nnats_creds_file = \"/c/nats.creds\"\n\n"
            "[grpc]\nlisten_addr = \"127.0.0.1:50044\"\nmode = \"mtls\"\n");
    gives("partition: \"site-7\"\n");
    gives("    listen: \"udp://0.0.0.0:514\"\n    subject: logs.syslog\n");
    gives("    compat: upstream\n    format: rfc3164\n    timezone: local\n    timezones: []\n"
          "    gelf_extra: []\n");
    gives("  url: [\"tls://nats.example:4222\"]\n  creds_file: /c/nats.creds\n  tls:\n"
          "    ca_file: \"/c/ca-chain.pem\"\n    cert_file: /c/collector.pem\n"
          "    key_file: \"/c/collector-key.pem\"\n  stream: events\n  manage_stream: append\n");
    assert_int_equal(sr_conf_notes_count(problems), 1);
    assert_string_equal(sr_conf_notes_text(problems, 0),
        "f.toml: is in the shape of ServiceRadar's flowgger.toml; --print-config prints it in "
        "ours. Not served, and left out: grpc");
}

static void
defaults_are_upstreams(void **state)
{
    (void)state;
    accepts("[input]\ntype = \"udp\"\n" OUTPUT);
    gives("    listen: \"udp://0.0.0.0:514\"\n");
    gives("    format: rfc5424\n    timezone: UTC\n");
    gives("partition: default\n");
    gives("  stream: events\n");
}

static void
every_key_that_is_not_served_is_told_in_one_note(void **state)
{
    (void)state;
    accepts(INPUT "framing = \"line\"\nframed = true\ntimeout = 3600\nqueuesize = 1_000_000\n"
                  "tls_cert = \"flowgger.pem\"\ntls_key = \"flowgger.pem\"\ntls_ca_file = \"f\"\n"
                  "tls_verify_peer = false\ntls_ciphers = \"A:B\"\ntls_compression = false\n"
                  "tls_compatibility_level = \"modern\"\ntls_threads = 1\ntcp_threads = 1\n" OUTPUT
                  "nats_stream_replicas = 1\nnats_threads = 2\nnats_connect_attempts = 0\n"
                  "nats_connect_initial_backoff_ms = 500\nnats_connect_max_backoff_ms = 30000\n"
                  "nats_tls_skip_verify = true\nsyslog_prepend_timestamp = \"x\"\n"
                  "[logging]\nlevel = \"info\"\n[grpc]\nmode = \"spiffe\"\n");
    assert_int_equal(sr_conf_notes_count(problems), 1);
    notes("left out: logging, grpc, output.nats_stream_replicas, output.nats_threads, ");
    notes("input.framing, input.framed, input.timeout, input.queuesize, input.tls_cert");
}

static void
the_first_design_has_a_security_table(void **state)
{
    (void)state;
    accepts("[security]\nmode = \"mtls\"\ncert_dir = \"/etc/serviceradar/certs\"\n"
            "cert_file = \"collector.pem\"\nkey_file = \"collector-key.pem\"\n"
            "ca_file = \"/etc/serviceradar/certs/ca.pem\"\n" INPUT OUTPUT
            "nats_creds_file = \" /etc/serviceradar/nats.creds \"\ntenant_slug = \"acme\"\n");
    gives("  creds_file: /etc/serviceradar/nats.creds\n  tls:\n"
          "    ca_file: /etc/serviceradar/certs/ca.pem\n"
          "    cert_file: /etc/serviceradar/certs/collector.pem\n"
          "    key_file: \"/etc/serviceradar/certs/collector-key.pem\"\n");
    accepts(INPUT OUTPUT "nats_tls_ca_file = \"/a/ca.pem\"\n"
                         "[security]\nca_file = \"/b/ca.pem\"\n");
    gives("    ca_file: /a/ca.pem\n");
}

static void
extra_keys_come_in_the_order_of_the_file(void **state)
{
    (void)state;
    accepts(
        INPUT OUTPUT "[output.gelf_extra]\nx-header1 = \"a = b\"\n\"two words\" = ''\nn = 42\n");
    gives("    gelf_extra: [\"x-header1=a = b\", \"two words=\", \"n=42\"]\n");
    refuses(INPUT OUTPUT "gelf_extra = \"x\"\n",
        "f.toml:8: output.gelf_extra: must be a section with keys of its own");
    refuses(INPUT OUTPUT "[output.gelf_extra]\n\"a=b\" = \"x\"\n",
        "f.toml:9: output.gelf_extra.a=b: no name can have `=` here; choose another");
    refuses(INPUT OUTPUT "[output.gelf_extra]\na = []\n",
        "f.toml:9: output.gelf_extra.a: must be a single value");
    refuses(INPUT OUTPUT "[output.gelf_extra]\n\"\" = \"x\"\n",
        "f.toml:8: output.gelf_extra (listeners[0].gelf_extra): `=x` has no name and `=`; write "
        "NAME=VALUE");
}

static void
a_time_zone_that_is_none_is_utc_and_told(void **state)
{
    (void)state;
    accepts(INPUT "rfc3164_timezone = \"Europe/Berlin\"\ntimezone = \"Asia/Tokyo\"\n" OUTPUT);
    gives("    timezone: Europe/Berlin\n");
    assert_int_equal(sr_conf_notes_count(problems), 1);
    accepts(INPUT "timezone = \"Asia/Tokyo\"\n" OUTPUT);
    gives("    timezone: Asia/Tokyo\n");
    accepts(INPUT "timezone = \" LOCAL \"\n" OUTPUT);
    gives("    timezone: local\n");
    accepts(INPUT "timezone = \"\"\n" OUTPUT);
    gives("    timezone: UTC\n");
    assert_int_equal(sr_conf_notes_count(problems), 1);
    accepts(INPUT "rfc3164_timezone = \"Mars/Olympus\"\n" OUTPUT);
    gives("    timezone: UTC\n");
    notes(
        "f.toml:4: input.rfc3164_timezone: `Mars/Olympus` is not a time zone and is taken as UTC");
    accepts(INPUT "timezone = \"Europe\"\n" OUTPUT); /* a folder */
    gives("    timezone: UTC\n");
}

static void
the_time_of_an_acknowledgement_is_the_nearest_in_range(void **state)
{
    (void)state;
    accepts(INPUT OUTPUT "nats_timeout = 30_000\n");
    gives("  ack_timeout: 30s\n");
    accepts(INPUT OUTPUT "nats_timeout = 120000\n");
    gives("  ack_timeout: 50s\n");
    notes("output.nats_timeout: 120000ms is taken as 50s");
}

static void
auto_reads_both_formats_and_says_what_differs(void **state)
{
    (void)state;
    accepts("[input]\ntype = \"udp\"\nformat = \"auto\"\n" OUTPUT);
    gives("    format: rfc3164\n");
    notes("f.toml:3: input.format: auto is taken as rfc3164");
}

static void
tcp_is_framed_as_upstream_frames_it(void **state)
{
    static const char *const types[] = { "tcp", "syslog-tcp", "tcp_co" };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        (void)snprintf(text, sizeof(text), "[input]\ntype = \"%s\"\n" OUTPUT, types[i]);
        accepts(text);
        gives("    listen: \"tcp://0.0.0.0:514\"\n");
        gives("    connections: 4096\n    connections_per_source: 0\n");
        gives("    idle_timeout: 1h\n");
        gives("    framing: lf\n");
        notes("is in the shape of");
        assert_null(strstr(sr_conf_notes_text(problems, 0), "left out"));
    }
    accepts("[input]\ntype = \"tcp\"\nlisten = \"[::1]:6514\"\nframing = \"syslen\"\n"
            "timeout = 90\n" OUTPUT);
    gives("    listen: \"tcp://[::1]:6514\"\n");
    gives("    idle_timeout: 90s\n");
    gives("    framing: octet\n");
    accepts("[input]\ntype = \"tcp\"\nframing = \"nul\"\nframed = true\n" OUTPUT);
    gives("    framing: nul\n");
    accepts("[input]\ntype = \"tcp\"\nframed = true\n" OUTPUT);
    gives("    framing: octet\n");
    accepts("[input]\ntype = \"tcp\"\nframed = false\n" OUTPUT);
    gives("    framing: lf\n");
    refuses("[input]\ntype = \"tcp\"\nframing = \"capnp\"\n" OUTPUT,
        "f.toml:3: input.framing: is `capnp`; this suite does not read that: write line, nul or "
        "syslen");
}

/* ---- Our own form ---- */

static const struct syslog_listener *
listener_of(void *config)
{
    return ((const struct sr_conf_common *)config)->listeners.items;
}

static void
zones_of_senders_are_checked_with_their_line_and_reload(void **state)
{
    char key[64];

    (void)state;
    void *now = load_as("s.yaml",
        "listeners:\n  - timezones: [\"192.0.2.0/24=Europe/Berlin\", \"2001:db8::/32=UTC\"]\n");
    void *next = load_as("s.yaml", "enrich: false\nlisteners:\n  - timezones: 10.0.0.0/8=local\n");
    assert_non_null(now);
    assert_non_null(next);
    assert_int_equal(listener_of(now)->timezones.count, 2);
    assert_int_equal(listener_of(next)->timezones.count, 1);
    assert_null(sr_conf_restart_key(&syslog_schema, now, next, key, sizeof(key)));
    sr_conf_free(now);
    sr_conf_free(next);

    assert_null(load_as("s.yaml", "listeners:\n  - format: smart\n    timezones:\n"
                                  "      - 192.0.2.0/24=Mars/Olympus\n"));
    assert_string_equal(sr_conf_problems_text(problems, 0),
        "s.yaml:3: listeners[0].timezones: `Mars/Olympus` is not a time zone; write a name such as "
        "Europe/Berlin, UTC or local");
}

static void
extra_keys_of_records_may_be_asked_for(void **state)
{
    (void)state;
    void *config = load_as("s.yaml", "enrich: true\n");
    assert_non_null(config);
    assert_true(((const struct sr_conf_common *)config)->enrich);
    sr_conf_free(config);
}

/* The format that decoding uses, by what becomes of lines that differ. */
static void
reads_as(const char *text, const char *line, const char *want)
{
    static uint8_t memory[1 << 20];
    char error[256] = "";
    const struct sr_form_options form = { .form = SR_FORM_WIRE };
    void *config = load_as("s.yaml", text);

    assert_non_null(config);
    void *snapshot = syslog_program.open(config, &form, error, sizeof(error));
    assert_non_null(snapshot);
    void *shared = syslog_program.state_new(config, false, error, sizeof(error));
    assert_non_null(shared);
    void *scratch = syslog_program.scratch_new();
    const struct sr_peer peer = { .address = { 192, 0, 2, 9 } };
    const struct sr_emit emit = {
        .arg = memory, .reserve = keep, .commit = finish, .deadletter = refuse
    };
    (void)syslog_program.datagram(
        shared, snapshot, 0, scratch, UINT64_C(1795348800000000000), &peer, span_of(line), &emit);
    if (strstr((const char *)memory, want) == NULL) {
        fail_msg("%s: %s gives %s, not %s", text, line, (const char *)memory, want);
    }
    syslog_program.scratch_free(scratch);
    syslog_program.state_free(shared);
    syslog_program.close(snapshot);
    sr_conf_free(config);
}

static void
smart_is_what_a_listener_reads_unless_it_is_to_be_upstreams(void **state)
{
    static const char line[] = "<34>1 2003-10-11T22:14:15Z h a p m [x remote_addr=\"6\"] text";

    (void)state;
    reads_as("{}", "hello", "\"_dialect\":\"plain\"");
    reads_as("listeners: [{listen: \"udp://:1\"}]", "hello", "\"_dialect\":\"plain\"");
    reads_as("listeners: [{format: smart, compat: upstream}]", "hello", "\"_dialect\":\"plain\"");
    reads_as("listeners: [{compat: upstream}]", "hello", "no_header");
    reads_as("listeners: [{format: rfc3164}]", "hello", "no_header");
    reads_as("listeners: [{format: rfc5424}]", "hello", "bad_priority");
    reads_as("listeners: [{compat: upstream}]", line, "{\"_remote_addr\":\"default:6\",");
    reads_as("listeners: [{format: rfc3164}]", line,
        "{\"_remote_addr\":\"default:192.0.2.9\",\"_sd_remote_addr\":\"6\",");
    reads_as("enrich: true", "hello", "\"transport\":\"udp\"");
}

/* Files are looked at elsewhere; these are not there. */
static void
tls_is_taken_with_its_certificates_and_verifies_only_when_told_to(void **state)
{
    static const char *const types[] = { "tls", "syslog-tls", "tls_co" };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        (void)snprintf(text, sizeof(text),
            "[input]\ntype = \"%s\"\ntls_cert = \"/c/f.pem\"\ntls_key = \"/c/f.key\"\n" OUTPUT,
            types[i]);
        accepts(text);
        gives("    listen: \"tls://0.0.0.0:6514\"\n");
        gives("    tls:\n      cert_file: /c/f.pem\n      key_file: /c/f.key\n");
        gives("      client: none\n");
        gives("    framing: lf\n");
    }
    accepts("[input]\ntype = \"tls\"\nlisten = \"[::]:7514\"\ntls_cert = \"/c/f.pem\"\n"
            "tls_key = \"/c/f.key\"\ntls_ca_file = \"/c/ca.pem\"\ntls_verify_peer = true\n"
            "tls_ciphers = \"ECDHE-RSA-AES128-GCM-SHA256:DES-CBC3-SHA\"\ntls_threads = 4\n"
            "tls_compatibility_level = \"modern\"\ntls_compression = false\n" OUTPUT);
    gives("    listen: \"tls://[::]:7514\"\n");
    gives("      ca_file: /c/ca.pem\n");
    gives("      client: required\n");
    gives("      ciphers: \"ECDHE-RSA-AES128-GCM-SHA256:DES-CBC3-SHA\"\n");
    notes("f.toml:8: input.tls_ciphers: 3DES is not spoken here");
    notes("left out: input.tls_threads, input.tls_compatibility_level, input.tls_compression");
    refuses("[input]\ntype = \"tls\"\n" OUTPUT, "f.toml:1: listeners[0].tls.cert_file: is missing; "
                                                "TLS needs a certificate and its key: set "
                                                "both");
}

/* ---- What is refused ---- */

static void
inputs_without_their_transport_are_refused_by_name(void **state)
{
    (void)state;
    refuses("[input]\ntype = \"redis\"\nredis_connect = \"127.0.0.1\"\n" OUTPUT,
        "f.toml:2: input.type: is `redis`; this suite receives syslog from the network: write udp, "
        "tcp or tls");
    refuses("[input]\ntype = \"smoke\"\n" OUTPUT,
        "f.toml:2: input.type: is `smoke`; write udp, tcp or tls");
}

static void
an_input_without_a_type_is_tls(void **state)
{
    (void)state;
    accepts(
        "[input]\nformat = \"rfc3164\"\ntls_cert = \"/c/f.pem\"\ntls_key = \"/c/f.key\"\n" OUTPUT);
    gives("    listen: \"tls://0.0.0.0:6514\"\n");
    refuses("[input]\nformat = \"rfc3164\"\n" OUTPUT,
        "f.toml:1: listeners[0].tls.cert_file: is missing; TLS needs a certificate and its key: "
        "set "
        "both");
}

static void
formats_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const formats[] = { "ltsv", "gelf", "capnp" };
    char text[512], want[512];

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        (void)snprintf(
            text, sizeof(text), "[input]\ntype = \"udp\"\nformat = \"%s\"\n" OUTPUT, formats[i]);
        (void)snprintf(want, sizeof(want),
            "f.toml:3: input.format: is `%s`; this suite does not read that: write rfc3164 or "
            "rfc5424",
            formats[i]);
        refuses(text, want);
    }
    refuses("[input]\ntype = \"udp\"\nformat = \"rfc\"\n" OUTPUT,
        "f.toml:3: input.format: is `rfc`; write rfc3164 or rfc5424");
    refuses(INPUT OUTPUT "format = \"passthrough\"\n",
        "f.toml:8: output.format: is `passthrough`; records are GELF here: write gelf");
    refuses(INPUT OUTPUT "framing = \"nul\"\n",
        "f.toml:8: output.framing: is `nul`; a message is one record here, with nothing behind "
        "it: write noop");
}

static void
outputs_but_nats_are_refused_by_name(void **state)
{
    (void)state;
    refuses(INPUT "[output]\ntype = \"kafka\"\nkafka_brokers = [ \"172.16.205.129:9092\" ]\n",
        "f.toml:5: output.type: is `kafka`; records go to NATS here: write nats");
    refuses(INPUT "[output]\nformat = \"gelf\"\n",
        "f.toml:4: output: has no `type`, which means tls upstream; write type = \"nats\"");
    refuses(INPUT, "f.toml: has no `output`; add it");
    refuses(INPUT "[output]\ntype = \"nats\"\nnats_url = \"nats://a\"\n",
        "f.toml:4: output: has no `nats_subject`; add it");
    refuses(INPUT "[output]\ntype = \"nats\"\nnats_subject = \"logs.syslog\"\n",
        "f.toml:4: output: has no `nats_url`; add it");
}

static void
a_key_that_nobody_knows_has_its_line_and_the_nearest(void **state)
{
    (void)state;
    refuses(INPUT "liste = \"0.0.0.0:514\"\n" OUTPUT,
        "f.toml:4: unknown key `input.liste`; did you mean `listen`?");
    refuses(INPUT OUTPUT "nats_urls = \"x\"\n",
        "f.toml:8: unknown key `output.nats_urls`; did you mean `nats_url`?");
    refuses("[outputs]\n" INPUT OUTPUT, "f.toml:1: unknown key `outputs`; did you mean `output`?");
}

static void
mistakes_of_the_language_have_line_and_column(void **state)
{
    (void)state;
    refuses(INPUT "listen = 0.0.0.0:514\n" OUTPUT,
        "f.toml:4:10: is not valid TOML: this is no number; correct it, or put quotes around it "
        "if it is text");
    refuses(INPUT OUTPUT "nats_stream = \"a\"\nnats_stream = \"b\"\n",
        "f.toml:9: key `nats_stream` is given twice; remove one of them: it was first on line 8");
}

static void
a_bad_value_is_told_in_the_words_of_the_file(void **state)
{
    (void)state;
    refuses(INPUT "[output]\ntype = \"nats\"\nnats_url = \"nats://a\"\nnats_subject = \"a b\"\n",
        "f.toml:7: output.nats_subject (listeners[0].subject): `a b` is not a subject to publish "
        "on; write words with dots between, as logs.syslog");
}

/* ---- Which file it is ---- */

static void
toml_is_known_by_its_first_key(void **state)
{
    (void)state;
    static const char *const texts[] = { INPUT OUTPUT, "# c\n\n  [input]\ntype='udp'\n" OUTPUT,
        "\xef\xbb\xbfinput.type='udp'\n" OUTPUT, "\"input\" = { type = 'udp' }\n" OUTPUT };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        void *config = load_as("/proc/self/fd/9", texts[i]);
        if (config == NULL) {
            fail_msg("%s: %s", texts[i], sr_conf_problems_text(problems, 0));
        }
        sr_conf_free(config);
    }
    void *config = load_as("f.yaml", "partition: \"a = b\"\nlisteners: [{format: clever}]\n");
    assert_null(config);
    assert_non_null(strstr(sr_conf_problems_text(problems, 0), "f.yaml:2: listeners[0].format"));
    config = load_as("f.yaml", "{\"partition\": \"x\"}");
    assert_non_null(config);
    sr_conf_free(config);
}

/* ---- log-collector.toml ---- */

static void
write_file(const char *name, const char *text)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void *
load_wrapper(const char *text)
{
    struct sr_conf_source source = { .files_later = true };
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/log-collector.toml", dir);
    source.file = path;
    write_file("log-collector.toml", text);
    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    return sr_conf_load(&syslog_schema, &source, problems);
}

static void
the_wrapper_names_the_file_that_is_read(void **state)
{
    (void)state;
    write_file("syslog.toml", INPUT OUTPUT "partition = \"wrapped\"\n");
    struct syslog_conf *config =
        load_wrapper("[flowgger]\nenabled = true\nconfig_file = \"syslog.toml\"\n[otel]\n"
                     "enabled = true\n[health]\nlisten_addr = \"0.0.0.0:50044\"\n");
    assert_non_null(config);
    assert_string_equal(config->common.partition, "wrapped");
    sr_conf_free(config);
    notes("log-collector.toml:4: otel: OpenTelemetry is not received by this program");
    notes("log-collector.toml:6: health: gRPC health is not served");
    notes("syslog.toml: is in the shape of");
    assert_int_equal(sr_conf_notes_count(problems), 3);
}

static void
problems_name_the_file_that_they_are_in(void **state)
{
    (void)state;
    char want[256];

    write_file("syslog.toml", INPUT "\nlisten = \"0.0.0.0\"\n" OUTPUT);
    assert_null(load_wrapper("[flowgger]\nconfig_file = \"syslog.toml\"\nenable = true\n"));
    assert_int_equal(sr_conf_problems_count(problems), 2);
    (void)snprintf(want, sizeof(want),
        "%s/log-collector.toml:3: unknown key `flowgger.enable`; did you mean `enabled`?", dir);
    assert_string_equal(sr_conf_problems_text(problems, 0), want);
    (void)snprintf(want, sizeof(want), "%s/syslog.toml:5: input.listen", dir);
    assert_ptr_equal(
        strstr(sr_conf_problems_text(problems, 1), want), sr_conf_problems_text(problems, 1));
}

static void
the_wrapper_names_a_file_that_can_be_read_and_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "[flowgger]\nconfig_file = \"absent.toml\"\n", "absent.toml: cannot be read: No such" },
        { "[flowgger]\nconfig_file = \"/\"\n", "/: is no file of at most 1 MiB; name" },
        { "[flowgger]\nconfig_file = \"log-collector.toml\"\n", "unknown key `flowgger`" },
        { "[flowgger]\nenabled = false\nconfig_file = \"syslog.toml\"\n",
            ":2: flowgger.enabled: is `false`, which leaves nothing to receive; write true" },
        { "[flowgger]\nconfig_file = 1\n[input]\n", ":3: unknown key `input`" },
    };

    write_file("syslog.toml", INPUT OUTPUT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool found = false;
        assert_null(load_wrapper(cases[i].text));
        for (size_t j = 0; j < sr_conf_problems_count(problems); j++) {
            found |= strstr(sr_conf_problems_text(problems, j), cases[i].want) != NULL;
        }
        if (!found) {
            fail_msg("%s: %s", cases[i].text, sr_conf_problems_text(problems, 0));
        }
    }
}

/* ---- Our own form ---- */

static void
extra_keys_are_names_and_values(void **state)
{
    (void)state;
    refuses("input = 1\n" OUTPUT, "f.toml:1: input: must be a section with keys of its own");
    assert_null(load_as("f.yaml", "listeners: [{gelf_extra: [a=1, b=2, a=3]}]"));
    assert_string_equal(sr_conf_problems_text(problems, 0),
        "f.yaml:1: listeners[0].gelf_extra: `a` is given twice; remove one");
    assert_null(load_as("f.yaml", "listeners: [{gelf_extra: [a]}]"));
    void *config = load_as("f.yaml", "listeners: [{gelf_extra: [a=1, aa=2]}]");
    assert_non_null(config);
    sr_conf_free(config);
}

static void
extra_keys_leave_room_for_the_record(void **state)
{
    char text[SYSLOG_EXTRA_BYTES_MAX + 64];
    int length = snprintf(
        text, sizeof(text), "listeners: [{gelf_extra: ['a=%0*d']}]", SYSLOG_EXTRA_BYTES_MAX - 2, 0);

    (void)state;
    assert_true(length > 0 && (size_t)length < sizeof(text) - 1);
    void *config = load_as("f.yaml", text);
    assert_non_null(config);
    sr_conf_free(config);
    (void)snprintf(
        text, sizeof(text), "listeners: [{gelf_extra: ['a=%0*d']}]", SYSLOG_EXTRA_BYTES_MAX - 1, 0);
    assert_null(load_as("f.yaml", text));
    assert_non_null(strstr(sr_conf_problems_text(problems, 0), "at most 16384 are allowed"));
}

static void
extra_keys_are_sorted_for_the_encoder(void **state)
{
    (void)state;
    static const char *const want[] = { "_a=1", "b=x=y", "ba=", "c=2" };
    const char *texts[] = { "ba=", "c=2", "_a=1", "b=x=y" };
    struct sr_conf_strings given = { 4, texts };
    struct syslog_extras made;
    char text[16];

    assert_true(extras_make(&given, &made));
    assert_int_equal(made.count, 4);
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(text, sizeof(text), "%.*s=%.*s", (int)made.items[i].name.len,
            (const char *)made.items[i].name.data, (int)made.items[i].value.len,
            (const char *)made.items[i].value.data);
        assert_string_equal(text, want[i]);
    }
    assert_int_equal(made.room, 6 + 5 + 4 * 6);
    extras_done(&made);
    assert_null(made.items);
}

static int
tidy(void **state)
{
    (void)state;
    sr_conf_problems_free(problems);
    free(printed);
    return folder_remove(dir);
}

static void
fair_use_is_checked_with_its_line(void **state)
{
    static const struct {
        const char *keys, *problem;
    } cases[] = {
        { "allow: [10.0.0.0/8, 10.0.0.1/8]",
            "f.yaml:2: listeners[0].allow: `10.0.0.1/8` has bits behind its prefix; clear them, or "
            "write a longer prefix" },
        { "allow: [10.0.0.0/8]\n    deny: [192.0.2.1, 10.0.0.0/8]",
            "f.yaml:3: listeners[0].deny: `10.0.0.0/8` is in `allow` too (`10.0.0.0/8`); leave one "
            "of them out" },
        { "listen: unixgram:///run/x/log\n    deny: [10.0.0.0/8]",
            "f.yaml:3: listeners[0].deny: who writes to a path has no address; say with `mode` who "
            "may, and remove it" },
        { "balancers: [10.0.0.1]",
            "f.yaml:2: listeners[0].balancers: are of use with proxy_protocol: required only; set "
            "it, or leave them out" },
        { "rate_limit: 1000\n    rate_burst: 99",
            "f.yaml:3: listeners[0].rate_burst: is less than a tenth of `rate_limit`, which no "
            "source could reach then; write at least 100, or 0" },
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "listeners:\n  - %s\n", cases[i].keys);
        assert_null(load_as("f.yaml", text));
        assert_string_equal(sr_conf_problems_text(problems, 0), cases[i].problem);
        assert_int_equal(sr_conf_problems_count(problems), 1);
    }
}

static int
prepare(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/test_syslog_conf.XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_of_a_bundle_loads),
        cmocka_unit_test(defaults_are_upstreams),
        cmocka_unit_test(every_key_that_is_not_served_is_told_in_one_note),
        cmocka_unit_test(the_first_design_has_a_security_table),
        cmocka_unit_test(extra_keys_come_in_the_order_of_the_file),
        cmocka_unit_test(a_time_zone_that_is_none_is_utc_and_told),
        cmocka_unit_test(the_time_of_an_acknowledgement_is_the_nearest_in_range),
        cmocka_unit_test(auto_reads_both_formats_and_says_what_differs),
        cmocka_unit_test(tcp_is_framed_as_upstream_frames_it),
        cmocka_unit_test(zones_of_senders_are_checked_with_their_line_and_reload),
        cmocka_unit_test(extra_keys_of_records_may_be_asked_for),
        cmocka_unit_test(smart_is_what_a_listener_reads_unless_it_is_to_be_upstreams),
        cmocka_unit_test(tls_is_taken_with_its_certificates_and_verifies_only_when_told_to),
        cmocka_unit_test(inputs_without_their_transport_are_refused_by_name),
        cmocka_unit_test(an_input_without_a_type_is_tls),
        cmocka_unit_test(formats_are_refused_by_name),
        cmocka_unit_test(outputs_but_nats_are_refused_by_name),
        cmocka_unit_test(a_key_that_nobody_knows_has_its_line_and_the_nearest),
        cmocka_unit_test(mistakes_of_the_language_have_line_and_column),
        cmocka_unit_test(a_bad_value_is_told_in_the_words_of_the_file),
        cmocka_unit_test(toml_is_known_by_its_first_key),
        cmocka_unit_test(the_wrapper_names_the_file_that_is_read),
        cmocka_unit_test(problems_name_the_file_that_they_are_in),
        cmocka_unit_test(the_wrapper_names_a_file_that_can_be_read_and_is_none),
        cmocka_unit_test(extra_keys_are_names_and_values),
        cmocka_unit_test(extra_keys_leave_room_for_the_record),
        cmocka_unit_test(extra_keys_are_sorted_for_the_encoder),
        cmocka_unit_test(fair_use_is_checked_with_its_line),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
