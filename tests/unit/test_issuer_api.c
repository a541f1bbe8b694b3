/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <openssl/sha.h>

#include "issuer/account.h"
#include "issuer/api.h"
#include "issuer_desk.h"
#include "sr/base64url.h"
#include "sr/nkeypair.h"

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)
#define START (1000 * SECOND)
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define UNKNOWN "00000000-0000-4000-8000-000000000000"

static struct api api;
static struct api_answer answer;
static struct collector collector;
static char token[COLLECTOR_TOKEN_MAX + 1];
static unsigned pushes;

static void
on_push(void *arg, const char *account)
{
    (void)arg;
    assert_string_equal(account, "acme");
    pushes++;
}

/* Each test has limits that are not used up, a new collector and a token for it. */
static int
set_up(void **state)
{
    const struct collector_draft draft = { .account = "acme", .type = "trapd", .site = "hq" };

    (void)state;
    pushes = 0;
    /* What a crash would lose is of no interest here, and syncing takes most of the time. */
    desk_good(
        store_query(desk_store, &desk_trouble, NULL, NULL, NULL, "PRAGMA synchronous = OFF", ""));
    if (!api_init(&api, desk_store, API_ADDRESS_PER_MINUTE)) {
        return -1;
    }
    api.push = on_push;
    desk_good(collector_create(desk_store, &draft, &collector, &desk_trouble));
    desk_good(collector_token(desk_store, collector.id, 3, 3600, token, &desk_trouble));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    api_done(&api);
    return 0;
}

static struct api_request
asks(const char *method, const char *path, const char *id, const char *behind)
{
    static char target[256];

    (void)snprintf(target, sizeof(target), "%s%s%s", path, id, behind);
    return (struct api_request){ .method = method,
        .target = target,
        .token = token,
        .host = HASH_A,
        .peer = { .address = { 192, 0, 2, 7 } } };
}

static struct api_request
asks_bundle(void)
{
    return asks("POST", "/api/collectors/", collector.id, "/bundle");
}

static struct api_request
asks_confirm(const char *body)
{
    struct api_request r = asks("POST", "/api/collectors/", collector.id, "/installed");

    r.body = span_of(body);
    return r;
}

/* Asks, and checks the status; the answer stays in `answer` until then_done(). */
static void
answers(const struct api_request *request, unsigned status)
{
    api_answer(&api, request, START, &answer);
    if (answer.status != status) {
        fail_msg("%s %s: %u instead of %u: %.*s", request->method, request->target, answer.status,
            status, (int)answer.len, (const char *)answer.body);
    }
}

/* Asks, and checks the status and that anything but success is told as JSON. */
static void
says(const struct api_request *request, unsigned status)
{
    answers(request, status);
    if (status >= 400) {
        json_t *object = json_loadb((const char *)answer.body, answer.len, 0, NULL);
        assert_string_equal(answer.type, "application/json");
        assert_true(strlen(json_string_value(json_object_get(object, "error"))) > 0);
        json_decref(object);
    }
    api_answer_done(&answer);
}

static int64_t
counted(const char *sql)
{
    return desk_number(sql, collector.id);
}

static void
assert_state(const char *state)
{
    struct collector c;

    desk_good(collector_find(desk_store, collector.id, &c, &desk_trouble));
    assert_string_equal(collector_state_name(c.state), state);
}

static void
a_bundle_is_a_file_of_its_collectors_name(void **state)
{
    struct api_request r = asks_bundle();
    char name[64];

    (void)state;
    answers(&r, 200);
    assert_string_equal(answer.type, "application/gzip");
    (void)snprintf(name, sizeof(name), "collector-package-%.8s.tar.gz", collector.id);
    assert_string_equal(answer.filename, name);
    assert_true(answer.len > 100 && answer.body[0] == 0x1f && answer.body[1] == 0x8b);
    api_answer_done(&answer);
    assert_state("downloaded");
}

static void
the_oldest_interface_answers_with_json(void **state)
{
    static const char *const paths[] = { "/api/enroll/", "/api/enroll/collector/" };
    char query[COLLECTOR_TOKEN_MAX + 8];

    (void)state;
    desk_good(collector_token(desk_store, collector.id, 1, 3600, token, &desk_trouble));
    (void)snprintf(query, sizeof(query), "?token=%s", token);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char target[sizeof(query) + 256];
        struct api_request r = asks("GET", paths[i], collector.id, "");
        (void)snprintf(target, sizeof(target), "%s%s", r.target, query);
        r.target = target;
        r.token = NULL;
        answers(&r, 200);
        json_t *object = json_loadb((const char *)answer.body, answer.len, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(object, "collector_type")), "trapd");
        assert_string_equal(json_string_value(json_object_get(object, "package_id")), collector.id);
        assert_non_null(json_string_value(json_object_get(object, "nats_creds")));
        json_decref(object);
        api_answer_done(&answer);
    }
}

static void
one_host_may_fetch_again_and_no_other(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    says(&r, 200);
    r.host = HASH_B;
    says(&r, 409);
    r.host = NULL; /* then it is its address */
    says(&r, 409);
    r.host = HASH_A;
    says(&r, 200);
}

static void
credentials_that_were_fetched_before_are_pushed_as_revoked(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    says(&r, 200);
    assert_int_equal(pushes, 0);
    says(&r, 200);
    assert_int_equal(pushes, 1);
    r.host = HASH_B;
    says(&r, 409);
    assert_int_equal(pushes, 1);
}

static void
each_refusal_has_its_status(void **state)
{
    struct api_request r = asks_bundle();
    struct api_request unknown = r;
    char target[128];

    (void)state;
    (void)snprintf(target, sizeof(target), "/api/collectors/" UNKNOWN "/bundle");
    unknown.target = target;
    says(&unknown, 404);
    r.token = NULL;
    says(&r, 400);
    r.token = "wrong";
    says(&r, 401);
    r.token = token;
    desk_good(store_run(desk_store, &desk_trouble, NULL,
        "UPDATE token SET expires_s = ? WHERE collector = ?", "it", (int64_t)store_now() - 1,
        collector.id));
    says(&r, 410);
    assert_state("ready");
}

static void
a_revoked_collector_is_refused(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    desk_good(collector_revoke(desk_store, collector.id, "stolen", &desk_trouble));
    api_answer(&api, &r, START, &answer);
    assert_true(answer.status == 409 || answer.status == 401); /* its tokens may have ended */
    api_answer_done(&answer);
    assert_state("revoked");
}

static void
a_collector_of_a_suspended_account_waits_with_its_token(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    desk_good(account_suspend(desk_store, "acme", true, &desk_trouble));
    says(&r, 409);
    assert_state("ready");
    desk_good(account_suspend(desk_store, "acme", false, &desk_trouble));
    says(&r, 200);
}

static void
bad_keys_are_told_and_spend_nothing(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    r.body = span_of("{\"csr\":\"no csr\",\"nkey\":\"UABC\"}");
    says(&r, 400);
    assert_state("ready");
    assert_int_equal(
        counted("SELECT count(*) FROM token WHERE used_s IS NOT NULL AND collector = ?"), 0);
    r.host = HASH_B;
    r.body = span_of("");
    says(&r, 200);
}

static void
a_confirmation_ends_the_token(void **state)
{
    struct api_request r = asks_bundle();
    struct api_request confirm;

    (void)state;
    says(&r, 200);
    confirm = asks_confirm("{\"result\":\"installed\"}");
    answers(&confirm, 204);
    assert_null(answer.body);
    api_answer_done(&answer);
    assert_state("installed");
    r = asks_bundle();
    says(&r, 409);
}

static void
a_failure_is_kept_and_leaves_the_token(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    says(&r, 200);
    r = asks_confirm("{\"result\":\"failed\",\"cause\":\"no stream captures logs.snmp\"}");
    says(&r, 204);
    assert_state("failed");
    assert_int_equal(counted("SELECT count(*) FROM audit WHERE action = 'collector failed' AND "
                             "detail = 'no stream captures logs.snmp' AND object = ?"),
        1);
    r = asks_bundle();
    says(&r, 200);
}

static void
nobody_confirms_for_another_host(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    says(&r, 200);
    r = asks_confirm("{\"result\":\"installed\"}");
    r.host = HASH_B;
    says(&r, 409);
    assert_state("downloaded");
}

/* The body of a renewal for `nkey` at `time_s`, signed by `pair`. free() it. */
static char *
renewal_body(const struct sr_nkeypair *pair, const char *csr, uint64_t time_s)
{
    char message[512], text[2 * SHA256_DIGEST_LENGTH + 1], encoded[128] = "";
    uint8_t hash[SHA256_DIGEST_LENGTH], signature[SR_NKEY_SIGNATURE_BYTES];
    struct sr_buf hex = sr_buf_over(text, sizeof(text));
    struct sr_buf out = sr_buf_over(encoded, sizeof(encoded) - 1);

    (void)SHA256((const uint8_t *)csr, strlen(csr), hash);
    sr_buf_add_hex(&hex, (struct sr_span){ hash, sizeof(hash) });
    (void)snprintf(message, sizeof(message), "serviceradar-renew-v1\n%s\n%llu\n%s\n%.*s",
        collector.id, (unsigned long long)time_s, pair->public_text, (int)hex.len, text);
    assert_int_equal(sr_nkeypair_sign(pair, span_of(message), signature), SR_NKEY_OK);
    sr_base64url_encode(&out, (struct sr_span){ signature, sizeof(signature) });
    json_t *body = json_pack("{s:I, s:s, s:s, s:s}", "time", (json_int_t)time_s, "csr", csr, "nkey",
        pair->public_text, "signature", encoded);
    char *dump = json_dumps(body, 0);
    json_decref(body);
    return dump;
}

static void
a_host_with_its_own_keys_renews_by_its_signature(void **state)
{
    struct sr_nkeypair pair, other;
    char *csr = desk_csr("P-256");
    struct api_request r = asks_bundle();

    (void)state;
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &pair), SR_NKEY_OK);
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &other), SR_NKEY_OK);
    json_t *keys = json_pack("{s:s, s:s}", "csr", csr, "nkey", pair.public_text);
    char *body = json_dumps(keys, 0);
    r.body = span_of(body);
    says(&r, 200);
    json_decref(keys);
    free(body);

    r = asks("POST", "/api/collectors/", collector.id, "/renew");
    r.token = NULL;
    body = renewal_body(&pair, csr, store_now());
    r.body = span_of(body);
    says(&r, 200);
    assert_int_equal(pushes, 1);
    says(&r, 409); /* the same time again */
    free(body);
    body = renewal_body(&other, csr, store_now() + 1);
    r.body = span_of(body);
    says(&r, 401);
    free(body);
    body = renewal_body(&pair, csr, store_now() + 1000);
    r.body = span_of(body);
    says(&r, 410);
    free(body);
    desk_good(account_suspend(desk_store, "acme", true, &desk_trouble));
    body = renewal_body(&pair, csr, store_now() + 2);
    r.body = span_of(body);
    says(&r, 409);
    desk_good(account_suspend(desk_store, "acme", false, &desk_trouble));
    free(body);
    free(csr);
}

static void
an_address_that_asks_too_often_is_told_when_to_come_back(void **state)
{
    struct api_request r = asks("GET", "/healthz", "", "");
    struct api_request other = r;

    (void)state;
    other.peer.address[3] = 8;
    for (unsigned i = 0; i < API_ADDRESS_PER_MINUTE; i++) {
        says(&r, 200);
    }
    answers(&r, 429);
    assert_int_equal(answer.retry_after_s, 1);
    api_answer_done(&answer);
    says(&other, 200);
}

static void
addresses_of_one_ipv6_network_are_one(void **state)
{
    struct api_request r = asks("GET", "/healthz", "", "");

    (void)state;
    r.peer = (struct sr_peer){ .address = { 0x20, 1, 0xd, 0xb8 }, .is_v6 = true };
    for (unsigned i = 0; i < API_ADDRESS_PER_MINUTE; i++) {
        r.peer.address[15] = (uint8_t)i;
        says(&r, 200);
    }
    says(&r, 429);
    r.peer.address[7] = 1;
    says(&r, 200);
}

static void
a_collector_that_fetches_too_often_waits_and_keeps_what_it_has(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    for (unsigned i = 0; i < API_COLLECTOR_PER_MINUTE; i++) {
        says(&r, 200);
    }
    int64_t before = counted("SELECT count(*) FROM audit WHERE object = ?");
    answers(&r, 429);
    assert_true(answer.retry_after_s >= 1);
    api_answer_done(&answer);
    assert_int_equal(counted("SELECT count(*) FROM audit WHERE object = ?"), before);
}

static void
strangers_do_not_use_up_a_collectors_limit(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    r.token = "wrong";
    for (unsigned i = 0; i <= API_COLLECTOR_PER_MINUTE; i++) {
        says(&r, 401);
    }
    r.token = token;
    says(&r, 200);
}

static void
refusals_fill_the_audit_log_only_so_far(void **state)
{
    struct api_request r = asks_bundle();

    (void)state;
    r.token = "wrong";
    for (unsigned i = 0; i < 100; i++) {
        says(&r, 401);
    }
    assert_int_equal(
        counted("SELECT count(*) FROM audit WHERE action = 'collector refused' AND object = ?"),
        60);
    api_answer(&api, &r, START + 600 * SECOND, &answer);
    api_answer_done(&answer);
    assert_int_equal(
        counted("SELECT count(*) FROM audit WHERE detail LIKE '%40 refusals before%' AND object = "
                "?"),
        1);
}

static void
no_secret_is_in_the_audit_log(void **state)
{
    char pattern[TOKEN_TEXT_MAX + 8];
    struct api_request r = asks_bundle();

    (void)state;
    says(&r, 200);
    r.token = "wrong-secret";
    says(&r, 401);
    (void)snprintf(pattern, sizeof(pattern), "%%%s%%", token);
    assert_int_equal(desk_number("SELECT count(*) FROM audit WHERE detail LIKE ?", pattern), 0);
    assert_int_equal(
        desk_number("SELECT count(*) FROM audit WHERE detail LIKE ?", "%wrong-secret%"), 0);
}

static void
the_root_is_public(void **state)
{
    struct api_request r = asks("GET", "/ca.pem", "", "");

    (void)state;
    r.token = NULL;
    answers(&r, 200);
    assert_memory_equal(answer.body, "-----BEGIN CERTIFICATE-----", 27);
    api_answer_done(&answer);
}

static void
what_is_no_request_changes_nothing(void **state)
{
    struct api_request r = asks("DELETE", "/api/collectors/", collector.id, "/bundle");

    (void)state;
    answers(&r, 405);
    assert_string_equal(answer.allow, "GET, POST");
    api_answer_done(&answer);
    assert_state("ready");
}

static void
any_sentence_is_told_whole(void **state)
{
    char text[600];

    (void)state;
    memset(text, '\x01', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    api_say(400, text, &answer);
    json_t *object = json_loadb((const char *)answer.body, answer.len, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(object, "error")), text);
    json_decref(object);
    api_answer_done(&answer);
}

#define with_collector(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_collector(a_bundle_is_a_file_of_its_collectors_name),
        with_collector(the_oldest_interface_answers_with_json),
        with_collector(one_host_may_fetch_again_and_no_other),
        with_collector(credentials_that_were_fetched_before_are_pushed_as_revoked),
        with_collector(each_refusal_has_its_status),
        with_collector(a_revoked_collector_is_refused),
        with_collector(a_collector_of_a_suspended_account_waits_with_its_token),
        with_collector(bad_keys_are_told_and_spend_nothing),
        with_collector(a_confirmation_ends_the_token),
        with_collector(a_failure_is_kept_and_leaves_the_token),
        with_collector(nobody_confirms_for_another_host),
        with_collector(a_host_with_its_own_keys_renews_by_its_signature),
        with_collector(an_address_that_asks_too_often_is_told_when_to_come_back),
        with_collector(addresses_of_one_ipv6_network_are_one),
        with_collector(a_collector_that_fetches_too_often_waits_and_keeps_what_it_has),
        with_collector(strangers_do_not_use_up_a_collectors_limit),
        with_collector(refusals_fill_the_audit_log_only_so_far),
        with_collector(no_secret_is_in_the_audit_log),
        with_collector(the_root_is_public),
        with_collector(what_is_no_request_changes_nothing),
        cmocka_unit_test(any_sentence_is_told_whole),
    };

    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
