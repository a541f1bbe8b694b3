/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "enroll/bundle.h"
#include "enroll/bundle_check.h"
#include "issuer/collector.h"
#include "issuer/package.h"
#include "issuer_desk.h"
#include "sr/buf.h"
#include "sr/nkeypair.h"

static struct collector
create(const char *type, const char *overrides)
{
    const struct collector_draft draft = {
        .account = "acme", .type = type, .site = "hq", .overrides = overrides
    };
    struct collector c;

    desk_good(collector_create(desk_store, &draft, &c, &desk_trouble));
    return c;
}

static struct collector_bundle
bundle_of(const char *id, const struct collector_keys *keys, enum collector_layout layout)
{
    struct collector_bundle packed = { NULL, 0 };

    desk_good(collector_bundle(desk_store, id, keys, layout, &packed, &desk_trouble));
    return packed;
}

static struct bundle
read_bundle(const struct collector_bundle *packed)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    enum bundle_err err =
        bundle_read((struct sr_span){ packed->bytes, packed->len }, NULL, &bundle, detail);
    if (err != BUNDLE_OK) {
        fail_msg("%s (%s)", bundle_strerror(err), detail);
    }
    return bundle;
}

static json_t *
config_of(const struct bundle *bundle)
{
    json_t *config = json_loadb((const char *)bundle->config.data, bundle->config.len, 0, NULL);

    assert_non_null(config);
    return config;
}

static void
a_bundle_is_what_a_host_accepts(void **state)
{
    static const struct {
        const char *type, *config;
        enum bundle_collector collector;
        const char *subjects[2];
    } cases[] = {
        { "syslog", "syslog.json", BUNDLE_SYSLOG, { "logs.syslog", NULL } },
        { "trapd", "trapd.json", BUNDLE_TRAPD, { "logs.snmp", NULL } },
        { "netflow", "netflow.json", BUNDLE_NETFLOW, { "flows.raw.netflow", NULL } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct collector c = create(cases[i].type, NULL);
        struct collector_bundle packed = bundle_of(c.id, NULL, COLLECTOR_TAR);
        struct bundle bundle = read_bundle(&packed);
        struct bundle_problems problems = { .count = 0 };

        assert_string_equal(bundle.config_name, cases[i].config);
        assert_int_equal(bundle.collector, cases[i].collector);
        bundle_check(&bundle, cases[i].subjects, store_now(), &problems);
        for (size_t j = 0; j < problems.count; j++) {
            fail_msg("%s: %s", cases[i].type, problems.list[j].detail);
        }
        bundle_done(&bundle);
        collector_bundle_done(&packed);
    }
}

static void
a_fetch_without_a_token_ends_the_tokens(void **state)
{
    struct collector c = create("trapd", NULL);
    char token[COLLECTOR_TOKEN_MAX + 1];
    enum collector_refusal refusal = COLLECTOR_GRANTED;

    (void)state;
    desk_good(collector_token(desk_store, c.id, 1, 60, token, &desk_trouble));
    struct collector_bundle packed = bundle_of(c.id, NULL, COLLECTOR_TAR);
    desk_good(collector_redeem(desk_store, c.id, token, "host", &refusal, &desk_trouble));
    assert_int_equal(refusal, COLLECTOR_SPENT);
    desk_good(collector_find(desk_store, c.id, &c, &desk_trouble));
    assert_int_equal(c.state, COLLECTOR_DOWNLOADED);
    collector_bundle_done(&packed);
}

static void
the_configuration_names_paths_of_the_collector_and_takes_overrides(void **state)
{
    struct collector c = create(
        "trapd", "{\"log\": {\"level\": \"debug\"}, \"nats\": {\"inbox_prefix\": \"_INBOX\"}}");
    struct collector_bundle packed = bundle_of(c.id, NULL, COLLECTOR_TAR);
    struct bundle bundle = read_bundle(&packed);
    json_t *config = config_of(&bundle);
    const char *creds = NULL, *ca = NULL, *url = NULL, *level = NULL, *inbox = NULL, *site = NULL;

    (void)state;
    assert_int_equal(json_unpack(config, "{s:s, s:{s:s}, s:{s:s, s:s, s:[s], s:{s:s}}}",
                         "partition", &site, "log", "level", &level, "nats", "creds_file", &creds,
                         "inbox_prefix", &inbox, "url", &url, "tls", "ca_file", &ca),
        0);
    assert_string_equal(site, "hq");
    assert_string_equal(level, "debug");
    assert_string_equal(inbox, "_INBOX");
    assert_string_equal(creds, "/etc/serviceradar/creds/trapd.creds");
    assert_string_equal(ca, "/etc/serviceradar/certs/trapd-ca.pem");
    assert_string_equal(url, DESK_SERVER_URL);
    json_decref(config);
    bundle_done(&bundle);
    collector_bundle_done(&packed);
}

static void
the_oldest_interface_gets_json_without_tls(void **state)
{
    struct collector c = create("syslog", NULL);
    struct collector_bundle packed = bundle_of(c.id, NULL, COLLECTOR_JSON);
    struct bundle bundle = read_bundle(&packed);
    json_t *config = config_of(&bundle);

    (void)state;
    assert_int_equal(packed.bytes[0], '{');
    assert_string_equal(bundle.config_name, "syslog.json");
    assert_int_equal(bundle.collector, BUNDLE_SYSLOG);
    assert_int_equal(bundle.key.len, 0);
    assert_null(json_object_get(json_object_get(config, "nats"), "tls"));
    json_decref(config);
    bundle_done(&bundle);
    collector_bundle_done(&packed);
}

static bool
has_bytes(const uint8_t *data, size_t len, const char *text)
{
    return memmem(data, len, text, strlen(text)) != NULL;
}

static void
a_package_of_the_same_files_has_the_same_bytes(void **state)
{
    const struct package_file files[] = {
        { "README.md", span_of("read me"), 0644 },
        { "certs/a.pem", span_of("a"), 0644 },
        { "certs/b.pem", span_of("b"), 0600 },
        { "creds/c", span_of("c"), 0600 },
    };
    uint8_t *one = NULL, *two = NULL;
    size_t one_len = 0, two_len = 0;

    (void)state;
    assert_true(package_write("folder", 1700000000, files, 4, &one, &one_len));
    assert_true(package_write("folder", 1700000000, files, 4, &two, &two_len));
    assert_int_equal(one_len, two_len);
    assert_memory_equal(one, two, one_len);
    assert_memory_equal(one + 4, "\0\0\0\0", 4);      /* RFC 1952: MTIME, not set */
    assert_false(has_bytes(one, one_len, "read me")); /* it is packed */
    free(one);
    free(two);
}

/* The key pair of a host, and a request from it. */
struct host {
    struct sr_nkeypair pair;
    char *csr;
    struct collector_keys keys;
};

static void
host_make(struct host *host)
{
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &host->pair), SR_NKEY_OK);
    host->csr = desk_csr("P-256");
    host->keys = (struct collector_keys){ host->csr, host->pair.public_text };
}

/* What serviceradar-cli renew signs (docs/enrolment-api.md). */
static struct collector_renewal
sign(const struct host *signer, const char *id, const struct collector_keys *keys, uint64_t time_s,
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE], memory[512];
    struct sr_buf text = sr_buf_over(memory, sizeof(memory));
    char head[128];

    (void)snprintf(head, sizeof(head), "serviceradar-renew-v1\n%s\n%llu\n%s\n", id,
        (unsigned long long)time_s, keys->nkey);
    assert_int_equal(EVP_Digest(keys->csr, strlen(keys->csr), digest, NULL, EVP_sha256(), NULL), 1);
    sr_buf_add_text(&text, head);
    sr_buf_add_hex(&text, (struct sr_span){ digest, 32 });
    assert_int_equal(sr_nkeypair_sign(&signer->pair, sr_buf_span(&text), signature), SR_NKEY_OK);
    return (struct collector_renewal){ time_s, *keys, { signature, SR_NKEY_SIGNATURE_BYTES } };
}

static enum collector_refusal
renew(const struct host *signer, const char *id, const struct collector_keys *keys, uint64_t time_s)
{
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
    struct collector_renewal renewal = sign(signer, id, keys, time_s, signature);
    struct collector_bundle packed = { NULL, 0 };
    enum collector_refusal refusal = COLLECTOR_UNKNOWN;

    desk_good(collector_renew(desk_store, id, &renewal, &packed, &refusal, &desk_trouble));
    assert_int_equal(packed.bytes != NULL, refusal == COLLECTOR_GRANTED);
    collector_bundle_done(&packed);
    return refusal;
}

static void
keys_of_the_host_come_back_without_secrets(void **state)
{
    struct collector c = create("trapd", NULL);
    struct host host;
    char serial[] = "SELECT count(*) FROM certificate WHERE revoked_s IS NULL AND serial ="
                    " (SELECT serial FROM collector WHERE id = ?)";

    (void)state;
    host_make(&host);
    struct collector_bundle packed = bundle_of(c.id, &host.keys, COLLECTOR_TAR);
    assert_int_equal(packed.bytes[0], 0x1f);
    assert_int_equal(desk_number("SELECT count(*) FROM user WHERE key = ? AND revoked_s IS NULL",
                         host.pair.public_text),
        1);
    assert_int_equal(desk_number(serial, c.id), 1);
    collector_bundle_done(&packed);

    /* Again with the same keys, as after an answer that was lost. */
    packed = bundle_of(c.id, &host.keys, COLLECTOR_TAR);
    assert_int_equal(desk_number("SELECT count(*) FROM user WHERE key = ? AND revoked_s IS NULL",
                         host.pair.public_text),
        1);
    assert_int_equal(desk_number("SELECT count(*) FROM certificate WHERE revoked_s IS NULL AND"
                                 " common_name LIKE '%' || substr(?, 1, 8) || '%'",
                         c.id),
        1);
    collector_bundle_done(&packed);
    free(host.csr);
}

static void
keys_that_are_none_are_told_apart_from_failures(void **state)
{
    struct collector c = create("trapd", NULL);
    struct host host;
    struct collector_bundle packed;

    (void)state;
    host_make(&host);
    const struct collector_keys bad[] = {
        { "no request", host.pair.public_text },
        { host.csr, "UNONE" },
        { host.csr, NULL },
        { NULL, host.pair.public_text },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        desk_trouble.error = 0;
        assert_false(
            collector_bundle(desk_store, c.id, &bad[i], COLLECTOR_TAR, &packed, &desk_trouble));
        assert_int_equal(desk_trouble.error, EBADMSG);
    }
    desk_good(collector_find(desk_store, c.id, &c, &desk_trouble));
    assert_int_equal(c.state, COLLECTOR_READY);
    free(host.csr);
}

static void
a_renewal_wants_the_key_the_time_and_no_replay(void **state)
{
    struct collector c = create("trapd", NULL), other = create("trapd", NULL);
    struct host host, thief;
    uint64_t now = store_now();

    (void)state;
    host_make(&host);
    host_make(&thief);
    struct collector_bundle packed = bundle_of(c.id, &host.keys, COLLECTOR_TAR);
    collector_bundle_done(&packed);

    assert_int_equal(renew(&thief, c.id, &host.keys, now), COLLECTOR_BAD_TOKEN);
    assert_int_equal(renew(&thief, c.id, &thief.keys, now), COLLECTOR_BAD_TOKEN);
    assert_int_equal(renew(&host, other.id, &host.keys, now), COLLECTOR_BAD_TOKEN);
    assert_int_equal(renew(&host, c.id, &host.keys, now - 310), COLLECTOR_EXPIRED);
    assert_int_equal(renew(&host, c.id, &host.keys, now + 310), COLLECTOR_EXPIRED);
    assert_int_equal(renew(&host, c.id, &host.keys, now), COLLECTOR_GRANTED);
    assert_int_equal(renew(&host, c.id, &host.keys, now), COLLECTOR_SPENT);
    assert_int_equal(renew(&host, c.id, &host.keys, now - 1), COLLECTOR_SPENT);
    assert_int_equal(renew(&host, c.id, &host.keys, now + 1), COLLECTOR_GRANTED);
    free(host.csr);
    free(thief.csr);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_is_what_a_host_accepts),
        cmocka_unit_test(a_fetch_without_a_token_ends_the_tokens),
        cmocka_unit_test(the_configuration_names_paths_of_the_collector_and_takes_overrides),
        cmocka_unit_test(the_oldest_interface_gets_json_without_tls),
        cmocka_unit_test(a_package_of_the_same_files_has_the_same_bytes),
        cmocka_unit_test(keys_of_the_host_come_back_without_secrets),
        cmocka_unit_test(keys_that_are_none_are_told_apart_from_failures),
        cmocka_unit_test(a_renewal_wants_the_key_the_time_and_no_replay),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
