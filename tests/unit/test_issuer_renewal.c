/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "issuer/account.h"
#include "issuer/collector_parts.h"
#include "issuer_desk.h"
#include "sr/buf.h"
#include "sr/nkeypair.h"

/* A collector whose host has its own keys, and the keys in the order in which it made them. */
static struct collector collector;
static struct sr_nkeypair keys[4];
static char *csr;
static uint64_t last_s; /* time of the newest renewal */

static int
enrol(void **state)
{
    const struct collector_draft draft = { .account = "acme", .type = "trapd", .site = "hq" };
    struct collector_bundle bundle;

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &keys[i]), SR_NKEY_OK);
    }
    csr = desk_csr("P-256");
    desk_good(collector_create(desk_store, &draft, &collector, &desk_trouble));
    desk_good(collector_bundle(desk_store, collector.id,
        &(struct collector_keys){ csr, keys[0].public_text }, COLLECTOR_TAR, &bundle,
        &desk_trouble));
    collector_bundle_done(&bundle);
    last_s = store_now() - 200;
    return 0;
}

static int
forget(void **state)
{
    (void)state;
    free(csr);
    return 0;
}

/* Asks for credentials of keys[new_key], signed with keys[signer]. */
static bool
asks(size_t signer, size_t new_key, enum collector_refusal *ret_refusal)
{
    char message[512], text[2 * SHA256_DIGEST_LENGTH + 1];
    uint8_t hash[SHA256_DIGEST_LENGTH], signature[SR_NKEY_SIGNATURE_BYTES];
    struct sr_buf hex = sr_buf_over(text, sizeof(text));
    struct collector_bundle bundle = { NULL, 0 };

    last_s++;
    (void)SHA256((const uint8_t *)csr, strlen(csr), hash);
    sr_buf_add_hex(&hex, (struct sr_span){ hash, sizeof(hash) });
    int len = snprintf(message, sizeof(message), "serviceradar-renew-v1\n%s\n%llu\n%s\n%.*s",
        collector.id, (unsigned long long)last_s, keys[new_key].public_text, (int)hex.len, text);
    struct sr_span span = { (const uint8_t *)message, (size_t)len };
    assert_int_equal(sr_nkeypair_sign(&keys[signer], span, signature), SR_NKEY_OK);
    const struct collector_renewal renewal = { .time_s = last_s,
        .keys = { csr, keys[new_key].public_text },
        .signature = { signature, sizeof(signature) } };
    bool ok =
        collector_renew(desk_store, collector.id, &renewal, &bundle, ret_refusal, &desk_trouble);
    collector_bundle_done(&bundle);
    return ok;
}

static void
renews(size_t signer, size_t new_key)
{
    enum collector_refusal refusal;

    desk_good(asks(signer, new_key, &refusal));
    assert_int_equal(refusal, COLLECTOR_GRANTED);
}

static void
is_refused(size_t signer, size_t new_key)
{
    enum collector_refusal refusal;

    desk_good(asks(signer, new_key, &refusal));
    assert_int_equal(refusal, COLLECTOR_BAD_TOKEN);
}

static bool
is_revoked(size_t key)
{
    return desk_number("SELECT COUNT(*) FROM revocation WHERE key = ?", keys[key].public_text) == 1;
}

static int64_t
revoked_certificates(void)
{
    return desk_number("SELECT COUNT(*) FROM certificate WHERE revoked_s IS NOT NULL"
                       " AND common_name LIKE 'trapd-' || substr(?, 1, 8) || '%'",
        collector.id);
}

static int
ends_what_is_due(void)
{
    int count = -1;

    desk_good(collector_end_due(desk_store, &count, &desk_trouble));
    return count;
}

static void
let_a_day_pass(void)
{
    desk_good(store_run(desk_store, &desk_trouble, NULL, "UPDATE former SET until_s = ?", "i",
        (int64_t)store_now()));
}

static void
what_a_renewal_replaced_is_good_for_a_day(void **state)
{
    (void)state;
    renews(0, 1);
    assert_int_equal(ends_what_is_due(), 0);
    assert_false(is_revoked(0));
    assert_int_equal(revoked_certificates(), 0);
    let_a_day_pass();
    assert_int_equal(ends_what_is_due(), 1);
    assert_true(is_revoked(0));
    assert_false(is_revoked(1));
    assert_int_equal(revoked_certificates(), 1);
    assert_int_equal(ends_what_is_due(), 0);
    is_refused(0, 2);
    renews(1, 2);
}

static void
a_host_that_went_back_renews_with_what_it_has(void **state)
{
    (void)state;
    renews(0, 1);
    renews(0, 2);
    assert_true(is_revoked(1)); /* nobody worked with it */
    assert_false(is_revoked(0));
    assert_int_equal(revoked_certificates(), 1);
    renews(2, 3);
    assert_true(is_revoked(0));
    assert_false(is_revoked(2));
}

static void
a_former_key_signs_nothing_when_its_day_has_passed(void **state)
{
    (void)state;
    renews(0, 1);
    let_a_day_pass();
    is_refused(0, 2);
    assert_false(is_revoked(1));
}

static void
only_one_former_key_is_good(void **state)
{
    (void)state;
    renews(0, 1);
    renews(1, 2);
    assert_true(is_revoked(0));
    assert_false(is_revoked(1));
    is_refused(0, 3);
}

static void
a_renewal_of_the_same_key_replaces_none(void **state)
{
    (void)state;
    renews(0, 0);
    assert_int_equal(
        desk_number("SELECT COUNT(*) FROM former WHERE collector = ?", collector.id), 0);
    assert_false(is_revoked(0));
}

static void
a_former_key_is_not_taken_as_a_new_one(void **state)
{
    enum collector_refusal refusal;

    (void)state;
    renews(0, 1);
    assert_false(asks(1, 0, &refusal));
    assert_int_equal(desk_trouble.error, EBADMSG);
    assert_false(asks(0, 0, &refusal));
    renews(1, 2);
}

static void
revoking_a_collector_ends_its_former_credentials_too(void **state)
{
    enum collector_refusal refusal;

    (void)state;
    renews(0, 1);
    desk_good(collector_revoke(desk_store, collector.id, "stolen", &desk_trouble));
    assert_true(is_revoked(0));
    assert_true(is_revoked(1));
    assert_int_equal(revoked_certificates(), 2);
    desk_good(asks(1, 2, &refusal));
    assert_int_equal(refusal, COLLECTOR_NOT_READY);
    is_refused(0, 2);
}

static void
revoking_its_user_ends_the_former_credentials_too(void **state)
{
    char name[USER_NAME_MAX + 1];

    (void)state;
    renews(0, 1);
    collector_user_name(&collector, name);
    desk_good(user_revoke(desk_store, "acme", name, &desk_trouble));
    assert_true(is_revoked(0));
    assert_true(is_revoked(1));
}

#define RENEWAL(test) cmocka_unit_test_setup_teardown(test, enrol, forget)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RENEWAL(what_a_renewal_replaced_is_good_for_a_day),
        RENEWAL(a_host_that_went_back_renews_with_what_it_has),
        RENEWAL(a_former_key_signs_nothing_when_its_day_has_passed),
        RENEWAL(only_one_former_key_is_good),
        RENEWAL(a_renewal_of_the_same_key_replaces_none),
        RENEWAL(a_former_key_is_not_taken_as_a_new_one),
        RENEWAL(revoking_a_collector_ends_its_former_credentials_too),
        RENEWAL(revoking_its_user_ends_the_former_credentials_too),
    };

    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
