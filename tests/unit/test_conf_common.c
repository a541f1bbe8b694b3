/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "sr/conf.h"
#include "sr/conf_common.h"
#include "syslog.h"

static struct sr_conf_problems *problems;
static char folder[] = "/tmp/sr-common-XXXXXX";
static char cert_a[64], key_a[64], key_b[64], garbage[64];

static void *
load(const char *text)
{
    struct sr_conf_source source = { .file = "x.yaml" };

    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    return sr_conf_load_text(&syslog_schema, &source, span_of(text), problems);
}

static void
accepts(const char *text)
{
    void *config = load(text);

    if (config == NULL) {
        fail_msg("%s: %s", text, sr_conf_problems_text(problems, 0));
    }
    sr_conf_free(config);
}

/* Refuses `text` with one problem that has all of the words. */
static void
refuses(const char *text, const char *word, const char *other_word)
{
    void *config = load(text);

    if (config != NULL) {
        sr_conf_free(config);
        fail_msg("accepted: %s", text);
    }
    assert_int_equal(sr_conf_problems_count(problems), 1);
    const char *said = sr_conf_problems_text(problems, 0);
    if (strstr(said, word) == NULL || strstr(said, other_word) == NULL) {
        fail_msg("`%s` has not `%s` and `%s`", said, word, other_word);
    }
}

/* Puts `value` in the place of the '@' of `pattern`. */
static void
fill_in(char text[512], const char *pattern, const char *value)
{
    const char *at = strchr(pattern, '@');

    assert_non_null(at);
    (void)snprintf(text, 512, "%.*s%s%s", (int)(at - pattern), pattern, value, at + 1);
}

static void
refuses_value(const char *pattern, const char *value, const char *word, const char *other_word)
{
    char text[512];

    fill_in(text, pattern, value);
    refuses(text, word, other_word);
}

static void
accepts_value(const char *pattern, const char *value)
{
    char text[512];

    fill_in(text, pattern, value);
    accepts(text);
}

static void
only_nats_and_tls_urls_are_urls(void **state)
{
    static const char *const good[] = { "nats://127.0.0.1:4222", "tls://a.example",
        "nats://[::1]:4222" };
    static const char *const bad[] = { "http://a", "127.0.0.1:4222", "NATS//x", "nats://",
        "tls://:4222", "nats:/a" };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        accepts_value("nats: {url: [\"@\"]}\n", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refuses_value("nats: {url: [\"@\"]}\n", bad[i], "nats.url", "write tls://HOST:PORT");
    }
}

static void
a_password_in_a_url_is_refused_without_showing_it(void **state)
{
    (void)state;
    refuses("nats: {url: [\"tls://user:hush@host:4222\"]}\n", "nats.url", "nats.creds_file");
    assert_null(strstr(sr_conf_problems_text(problems, 0), "hush"));
}

static void
datagrams_have_no_header_of_a_balancer(void **state)
{
    (void)state;
    accepts("listeners: [{listen: \"tcp://:514\", proxy_protocol: required}]\n");
    accepts("listeners: [{listen: \"fd://a\", proxy_protocol: required}]\n");
    accepts("listeners: [{listen: \"udp://:514\", proxy_protocol: off}]\n");
    refuses("listeners: [{listen: \"udp://:514\", proxy_protocol: required}]\n",
        "listeners[0].proxy_protocol", "datagrams have none");
}

static void
listen_addresses_are_checked(void **state)
{
    static const struct {
        const char *listen, *word;
    } bad[] = {
        { "tcp:", "write udp://" },
        { "0.0.0.0:514", "write udp://" },
        { "udp://0.0.0.0", "no port" },
        { "udp://0.0.0.0:", "no port" },
        { "udp://0.0.0.0:x", "no port" },
        { "udp://0.0.0.0:0", "1 to 65535" },
        { "udp://0.0.0.0:65536", "1 to 65535" },
        { "udp://0.0.0.0:99999999999999999999", "1 to 65535" },
        { "udp://0.0.0.0:514x", "1 to 65535" },
        { "udp://::1:514", "brackets" },
        { "udp://[::1]", "udp://" },
        { "fd://", "1 to 255" },
        { "fd://a:b", "without `:`" },
        { "fd://\u00e4", "is ASCII" },
        { "fd:/a", "write udp://" },
    };
    static const char *const good[] = { "udp://0.0.0.0:514", "udp://[::]:514", "udp://[::1]:1",
        "udp://:514", "udp://*:65535", "udp://localhost:514", "tcp://0.0.0.0:514", "fd://syslog",
        "fd://a b/c~!" };
    char name[5 + 256 + 1] = "fd://";

    (void)state;
    memset(name + 5, 'n', 255);
    accepts_value("listeners: [{listen: \"@\"}]\n", name);
    name[5 + 255] = 'n';
    refuses_value("listeners: [{listen: \"@\"}]\n", name, "listeners[0].listen", "1 to 255");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        accepts_value("listeners: [{listen: \"@\"}]\n", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refuses_value(
            "listeners: [{listen: \"@\"}]\n", bad[i].listen, "listeners[0].listen", bad[i].word);
    }
}

static void
listeners_that_are_no_sections_are_each_reported(void **state)
{
    (void)state;
    assert_null(load("listeners: [1, [], null]\n"));
    assert_string_equal(sr_conf_problems_text(problems, 0),
        "x.yaml:1: listeners[0]: must be a section; write its keys as `name: value`, indented "
        "below it");
    assert_non_null(strstr(sr_conf_problems_text(problems, 1), "listeners[1]: must be a section"));
}

/* What the start would refuse, --check-config must too. */
static void
the_address_of_metrics_is_checked(void **state)
{
    static const char *const bad[] = { "", "-1", "9621", "::::", "10.0.0.0/33", "127.0.0.1:0",
        "127.0.0.1:65536", "::1:9621", "127.0.0.1:http" };
    static const char *const good[] = { "off", "127.0.0.1:9621", "[::1]:1", ":65535",
        "localhost:9621" };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refuses_value("metrics: {listen: \"@\"}\n", bad[i], "metrics.listen", "ADDRESS:PORT");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        accepts_value("metrics: {listen: \"@\"}\n", good[i]);
    }
}

static void
the_name_of_a_stream_is_checked(void **state)
{
    static const char *const bad[] = { "", "a b", "a.b", "*", ">", "a/b" };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refuses_value("nats: {stream: \"@\"}\n", bad[i], "nats.stream", "not the name");
    }
    accepts_value("nats: {stream: \"@\"}\n", "EVENTS_1-x");
}

static void
an_address_is_split_into_host_and_port(void **state)
{
    const char *host;
    size_t len;
    unsigned port;

    (void)state;
    assert_null(sr_conf_address("udp://[2001:db8::1]:5514", &host, &len, &port));
    assert_int_equal(len, 11);
    assert_memory_equal(host, "2001:db8::1", len);
    assert_int_equal(port, 5514);
    assert_null(sr_conf_address("udp://:1", &host, &len, &port));
    assert_int_equal(len, 0);
    assert_null(sr_conf_address("tcp://edge:4739", &host, &len, &port));
    assert_memory_equal(host, "edge", len);
    assert_int_equal(port, 4739);
    assert_true(sr_conf_is_stream("tcp://edge:4739"));
    assert_false(sr_conf_is_stream("udp://edge:4739"));
}

static void
only_fd_addresses_have_a_name(void **state)
{
    (void)state;
    assert_string_equal(sr_conf_fd_name("fd://syslog"), "syslog");
    assert_null(sr_conf_fd_name("udp://fd://"));
    assert_null(sr_conf_fd_name("fd:/"));
}

static void
subjects_are_words_with_dots_between(void **state)
{
    static const char *const bad[] = { "", ".", ".a", "a.", "a..b", "a b", "a.*", "a.>",
        "$JS.API" };
    char long_one[202];

    (void)state;
    accepts("listeners: [{subject: logs.syslog-1_x}]\n");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refuses_value(
            "listeners: [{subject: \"@\"}]\n", bad[i], "listeners[0].subject", "not a subject");
    }
    refuses("listeners: [{subject: \"a\\nPUB b 0\"}]\n", "listeners[0].subject", "control");
    memset(long_one, 'a', 200);
    long_one[200] = '\0';
    accepts_value("listeners: [{subject: \"@\"}]\n", long_one);
    long_one[200] = 'a';
    long_one[201] = '\0';
    refuses_value("listeners: [{subject: \"@\"}]\n", long_one, "listeners[0].subject", "not a");
}

static void
a_certificate_and_its_key_go_together(void **state)
{
    char text[300];

    (void)state;
    (void)snprintf(
        text, sizeof(text), "nats: {tls: {cert_file: %s, key_file: %s}}\n", cert_a, key_a);
    accepts(text);
    refuses_value("nats: {tls: {cert_file: @}}\n", cert_a, "nats.tls.cert_file", "go together");
    refuses_value("nats: {tls: {key_file: @}}\n", key_a, "nats.tls.key_file", "go together");
    (void)snprintf(
        text, sizeof(text), "nats: {tls: {cert_file: %s, key_file: %s}}\n", cert_a, key_b);
    refuses(text, "nats.tls.key_file", "is not the key of");
}

static void
files_that_are_no_pem_are_named(void **state)
{
    char text[300];

    (void)state;
    accepts_value("nats: {tls: {ca_file: @}}\n", cert_a);
    refuses_value("nats: {tls: {ca_file: @}}\n", garbage, "nats.tls.ca_file", "no PEM certificate");
    refuses_value("nats: {tls: {ca_file: @}}\n", key_a, "nats.tls.ca_file", "no PEM certificate");
    refuses_value("nats: {tls: {ca_file: @}}\n", "/nowhere/ca.pem", "nats.tls.ca_file", "/nowhere");
    (void)snprintf(
        text, sizeof(text), "nats: {tls: {cert_file: %s, key_file: %s}}\n", garbage, key_a);
    refuses(text, "nats.tls.cert_file", "no PEM certificate");
    (void)snprintf(
        text, sizeof(text), "nats: {tls: {cert_file: %s, key_file: %s}}\n", cert_a, garbage);
    refuses(text, "nats.tls.key_file", "no PEM private key");
}

static void
two_listeners_cannot_share_an_address(void **state)
{
    (void)state;
    accepts("listeners: [{listen: \"udp://:1\"}, {listen: \"udp://:2\"}]\n");
    refuses("listeners: [{listen: \"udp://:1\"}, {listen: \"udp://:2\"}, {listen: \"udp://:1\"}]\n",
        "listeners[2].listen", "listeners[0] already");
    accepts("listeners: [{listen: \"fd://a\"}, {listen: \"fd://b\"}]\n");
    refuses("listeners: [{listen: \"fd://a\"}, {listen: \"fd://a\"}]\n", "listeners[1].listen",
        "listeners[0] already");
}

static void
output_file_needs_a_path(void **state)
{
    (void)state;
    accepts("output: file\nfile: {path: /tmp/x}\n");
    refuses("output: file\n", "output", "set file.path");
}

static void
an_unknown_key_is_answered_with_the_nearest_one(void **state)
{
    (void)state;
    refuses("listeners: [{listn: \"udp://:1\"}]\n", "listn", "listen");
    refuses("nats: {cred_file: /x}\n", "cred_file", "creds_file");
    refuses("ouput: stdout\n", "ouput", "output");
}

static void
what_is_printed_loads_back_to_the_same(void **state)
{
    static char text[16384], again[16384];
    char key[64];
    void *first = load("partition: edge\nlisteners:\n  - {listen: \"udp://[::]:5514\", workers: 3, "
                       "timezone: Europe/Berlin}\n  - {listen: \"udp://:2\", format: rfc5424}\n"
                       "nats: {url: [\"tls://a:1\", \"tls://b:2\"], ack_timeout: 3s}\n"
                       "queue: {memory: 5MiB}\nlog: {level: debug}\n");

    (void)state;
    assert_non_null(first);
    FILE *f = fmemopen(text, sizeof(text), "w");
    sr_conf_print(&syslog_schema, first, f);
    (void)fclose(f);
    void *second = load(text);
    assert_non_null(second);
    f = fmemopen(again, sizeof(again), "w");
    sr_conf_print(&syslog_schema, second, f);
    (void)fclose(f);
    assert_string_equal(text, again);
    assert_null(sr_conf_restart_key(&syslog_schema, first, second, key, sizeof(key)));
    sr_conf_free(first);
    sr_conf_free(second);
}

static void
a_key_that_needs_a_restart_is_named(void **state)
{
    static const struct {
        const char *text, *key;
    } table[] = {
        { "queue: {memory: 5MiB}\n", "queue.memory" },
        { "output: stdout\n", "output" },
        { "listeners: [{workers: 2}]\n", "listeners[0].workers" },
        { "nats: {url: [\"tls://other:1\"]}\n", "nats.url" },
        { "listeners: [{format: rfc5424}]\n", NULL },
        { "partition: other\nshutdown_timeout: 1s\n", NULL },
    };
    char key[64];
    void *now = load("");

    (void)state;
    assert_non_null(now);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        void *next = load(table[i].text);
        assert_non_null(next);
        const char *found = sr_conf_restart_key(&syslog_schema, now, next, key, sizeof(key));
        if (table[i].key == NULL) {
            assert_null(found);
        } else {
            assert_non_null(found);
            assert_string_equal(found, table[i].key);
        }
        sr_conf_free(next);
    }
    sr_conf_free(now);
}

/* A key pair and, for `cert`, a certificate of its own. */
static void
make_pair(const char *cert, const char *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
    EVP_PKEY *pair = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &pair), 1);
    EVP_PKEY_CTX_free(context);
    FILE *f = fopen(key, "w");
    assert_int_equal(PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(f);
    if (cert != NULL) {
        X509 *x = X509_new();
        (void)X509_gmtime_adj(X509_getm_notBefore(x), 0);
        (void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
        assert_int_equal(X509_set_pubkey(x, pair), 1);
        assert_true(X509_sign(x, pair, NULL) > 0);
        f = fopen(cert, "w");
        assert_int_equal(PEM_write_X509(f, x), 1);
        (void)fclose(f);
        X509_free(x);
    }
    EVP_PKEY_free(pair);
}

static int
make_files(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(cert_a, sizeof(cert_a), "%s/a.pem", folder);
    (void)snprintf(key_a, sizeof(key_a), "%s/a.key", folder);
    (void)snprintf(key_b, sizeof(key_b), "%s/b.key", folder);
    (void)snprintf(garbage, sizeof(garbage), "%s/garbage", folder);
    make_pair(cert_a, key_a);
    make_pair(NULL, key_b);
    FILE *f = fopen(garbage, "w");
    (void)fputs("-----BEGIN CERTIFICATE-----\nnothing\n", f);
    return fclose(f);
}

static int
remove_files(void **state)
{
    (void)state;
    sr_conf_problems_free(problems);
    (void)unlink(cert_a);
    (void)unlink(key_a);
    (void)unlink(key_b);
    (void)unlink(garbage);
    return rmdir(folder);
}

static void
batches_have_limits_and_do_not_linger_where_nothing_may_be_lost(void **state)
{
    (void)state;
    accepts("publish: {batch: {records: 65535, bytes: 512KiB, linger: 10s}}\n");
    accepts("publish: {batch: {records: 500}}\nqueue: {durability: always}\n");
    refuses("publish: {batch: {records: 0}}\n", "publish.batch.records", "1");
    refuses("publish: {batch: {records: 65536}}\n", "publish.batch.records", "65535");
    refuses("publish: {batch: {bytes: 1023}}\n", "publish.batch.bytes", "1KiB");
    refuses("publish: {batch: {bytes: 513KiB}}\n", "publish.batch.bytes", "512KiB");
    refuses("publish: {batch: {linger: 11s}}\n", "publish.batch.linger", "10s");
    refuses("publish: {batch: {linger: 5ms}}\nqueue: {durability: always}\n",
        "publish.batch.linger", "queue.durability: spill");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_nats_and_tls_urls_are_urls),
        cmocka_unit_test(a_password_in_a_url_is_refused_without_showing_it),
        cmocka_unit_test(datagrams_have_no_header_of_a_balancer),
        cmocka_unit_test(listen_addresses_are_checked),
        cmocka_unit_test(the_address_of_metrics_is_checked),
        cmocka_unit_test(the_name_of_a_stream_is_checked),
        cmocka_unit_test(listeners_that_are_no_sections_are_each_reported),
        cmocka_unit_test(an_address_is_split_into_host_and_port),
        cmocka_unit_test(only_fd_addresses_have_a_name),
        cmocka_unit_test(subjects_are_words_with_dots_between),
        cmocka_unit_test(a_certificate_and_its_key_go_together),
        cmocka_unit_test(files_that_are_no_pem_are_named),
        cmocka_unit_test(two_listeners_cannot_share_an_address),
        cmocka_unit_test(output_file_needs_a_path),
        cmocka_unit_test(an_unknown_key_is_answered_with_the_nearest_one),
        cmocka_unit_test(what_is_printed_loads_back_to_the_same),
        cmocka_unit_test(a_key_that_needs_a_restart_is_named),
        cmocka_unit_test(batches_have_limits_and_do_not_linger_where_nothing_may_be_lost),
    };
    return cmocka_run_group_tests_name("conf_common", tests, make_files, remove_files);
}
