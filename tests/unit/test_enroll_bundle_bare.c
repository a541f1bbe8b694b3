/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles that come without secrets, for keys that were made on the host. */
#include "unit.h"

#include <stdlib.h>

#include "enroll/bundle.h"
#include "enroll/bundle_check.h"
#include "tar_build.h"

static struct tar_build tar;

/* Starts an archive with what every bundle of TLS has. */
static void
start(void)
{
    tar.len = 0;
    tar_build_file(&tar, "certs/collector.pem", "the certificate");
    tar_build_file(&tar, "certs/ca-chain.pem", "the chain");
}

static enum bundle_err
read_it(struct bundle *out)
{
    char detail[BUNDLE_DETAIL_MAX];
    size_t len = 0;

    tar_build_end(&tar);
    uint8_t *packed = tar_build_gzip((struct sr_span){ tar.bytes, tar.len }, &len);
    enum bundle_err err = bundle_read((struct sr_span){ packed, len }, NULL, out, detail);
    free(packed);
    return err;
}

static enum bundle_err
refusal(void)
{
    struct bundle bundle = { .memory = NULL };
    enum bundle_err err = read_it(&bundle);

    bundle_done(&bundle);
    return err;
}

static void
the_token_is_there_instead_of_credentials_and_key(void **state)
{
    static const char *const names[] = { "creds/user.jwt", "user.jwt" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bundle bundle;
        start();
        tar_build_file(&tar, names[i], "a.b.c\r\n");
        tar_build_file(&tar, "config/syslog.json", "{}");
        assert_int_equal(read_it(&bundle), BUNDLE_OK);
        assert_int_equal(bundle.creds.len, 0);
        assert_int_equal(bundle.key.len, 0);
        assert_int_equal(bundle.collector, BUNDLE_SYSLOG);
        struct sr_span token = bundle_token(&bundle);
        assert_int_equal(token.len, strlen("a.b.c"));
        assert_memory_equal(token.data, "a.b.c", token.len);
        bundle_done(&bundle);
    }
}

static void
a_token_beside_credentials_is_refused(void **state)
{
    (void)state;
    start();
    tar_build_file(&tar, "creds/nats.creds", "the creds");
    tar_build_file(&tar, "creds/user.jwt", "a.b.c");
    tar_build_file(&tar, "certs/collector-key.pem", "the key");
    tar_build_file(&tar, "config/trapd.json", "{}");
    assert_int_equal(refusal(), BUNDLE_EDUPLICATE);
}

static void
an_empty_token_is_none(void **state)
{
    (void)state;
    start();
    tar_build_file(&tar, "creds/user.jwt", "");
    tar_build_file(&tar, "config/trapd.json", "{}");
    assert_int_equal(refusal(), BUNDLE_EMISSING);
}

static void
a_bundle_with_neither_secrets_nor_token_is_refused(void **state)
{
    (void)state;
    start();
    tar_build_file(&tar, "config/trapd.json", "{}");
    assert_int_equal(refusal(), BUNDLE_EMISSING);
}

static void
a_key_may_not_be_empty_even_where_it_may_be_absent(void **state)
{
    (void)state;
    start();
    tar_build_file(&tar, "creds/user.jwt", "a.b.c");
    tar_build_file(&tar, "certs/collector-key.pem", "");
    tar_build_file(&tar, "config/trapd.json", "{}");
    assert_int_equal(refusal(), BUNDLE_EMISSING);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_token_is_there_instead_of_credentials_and_key),
        cmocka_unit_test(a_token_beside_credentials_is_refused),
        cmocka_unit_test(an_empty_token_is_none),
        cmocka_unit_test(a_bundle_with_neither_secrets_nor_token_is_refused),
        cmocka_unit_test(a_key_may_not_be_empty_even_where_it_may_be_absent),
    };
    return cmocka_run_group_tests_name("enroll_bundle_bare", tests, NULL, NULL);
}
