/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "files.h"
#include "issuer/api_identity.h"
#include "issuer/authority.h"
#include "issuer/operator.h"
#include "issuer_desk.h"

#include "sr/banned.h"

#define DAY UINT64_C(86400)

/* The certificate at a time, and whether it was issued for that. */
static struct api_identity
own_at(uint64_t now_s, bool expect_issued)
{
    struct api_identity id = { .key = NULL };
    bool issued = false;

    desk_good(api_identity_own(desk_store, now_s, &id, &issued, &desk_trouble));
    assert_int_equal(issued, expect_issued);
    return id;
}

static void
the_root_vouches_for_the_host_of_the_api(void **state)
{
    struct api_identity id = own_at(store_now(), true);
    char *root = NULL;
    uint8_t pin[32];

    (void)state;
    desk_good(authority_root(desk_store, &root, pin, &desk_trouble));
    assert_int_equal(desk_verify(id.certificate, root, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    STACK_OF(X509) *certs = desk_certificates(id.certificate);
    assert_int_equal(X509_check_host(sk_X509_value(certs, 0), "issuer.example", 0, 0, NULL), 1);
    assert_non_null(strstr(id.key, "PRIVATE KEY"));
    /* Who knows only the pin finds the root behind the leaf. */
    assert_int_equal(sk_X509_num(certs), 2);
    assert_non_null(strstr(id.certificate, root));
    sk_X509_pop_free(certs, X509_free);
    free(root);
    api_identity_done(&id);
}

static void
it_is_the_same_until_two_thirds_of_its_time_are_over(void **state)
{
    struct api_identity first = own_at(store_now(), false);
    struct api_identity late = own_at(store_now() + 59 * DAY, false);
    struct api_identity renewed = own_at(store_now() + 61 * DAY, true);

    (void)state;
    assert_string_equal(first.certificate, late.certificate);
    assert_string_equal(first.key, late.key);
    assert_int_equal(first.renew_s, late.renew_s);
    assert_in_range(first.renew_s, store_now() + 59 * DAY, store_now() + 61 * DAY);
    assert_string_not_equal(first.certificate, renewed.certificate);
    assert_string_not_equal(first.key, renewed.key);
    api_identity_done(&first);
    api_identity_done(&late);
    api_identity_done(&renewed);
}

static void
another_host_gets_another_certificate(void **state)
{
    static const char *const urls[] = { "https://192.0.2.1:8443", "https://[2001:db8::1]" };

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        desk_good(operator_set_urls(desk_store, NULL, urls[i], &desk_trouble));
        struct api_identity id = own_at(store_now(), true);
        STACK_OF(X509) *certs = desk_certificates(id.certificate);
        assert_int_equal(
            X509_check_ip_asc(sk_X509_value(certs, 0), i == 0 ? "192.0.2.1" : "2001:db8::1", 0), 1);
        sk_X509_pop_free(certs, X509_free);
        api_identity_done(&id);
        id = own_at(store_now(), false);
        api_identity_done(&id);
    }
}

static void
without_a_url_it_says_what_to_do(void **state)
{
    struct api_identity id;

    (void)state;
    desk_good(store_set(desk_store, "api_url", "", &desk_trouble));
    assert_false(api_identity_own(desk_store, store_now(), &id, NULL, &desk_trouble));
    assert_non_null(strstr(desk_trouble.remedy, "--cert"));
    desk_good(store_set(desk_store, "api_url", DESK_API_URL, &desk_trouble));
}

static void
a_key_that_everybody_may_read_is_refused(void **state)
{
    char certificate[FILES_PATH_MAX], key[FILES_PATH_MAX];
    struct api_identity id;

    (void)state;
    assert_true(files_path(certificate, "%s/api.pem", store_dir(desk_store)));
    assert_true(files_path(key, "%s/api-key.pem", store_dir(desk_store)));
    assert_true(files_write(certificate, "certificate", 11, 0644));
    assert_false(api_identity_read(certificate, key, &id, &desk_trouble));
    assert_true(files_write(key, "key", 3, 0644));
    assert_false(api_identity_read(certificate, key, &id, &desk_trouble));
    assert_non_null(strstr(desk_trouble.remedy, "chmod"));
    assert_true(files_write(key, "key", 3, 0640));
    assert_true(api_identity_read(certificate, key, &id, &desk_trouble));
    assert_string_equal(id.certificate, "certificate");
    assert_string_equal(id.key, "key");
    assert_int_equal(id.renew_s, 0);
    api_identity_done(&id);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_vouches_for_the_host_of_the_api),
        cmocka_unit_test(it_is_the_same_until_two_thirds_of_its_time_are_over),
        cmocka_unit_test(another_host_gets_another_certificate),
        cmocka_unit_test(without_a_url_it_says_what_to_do),
        cmocka_unit_test(a_key_that_everybody_may_read_is_refused),
    };

    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
