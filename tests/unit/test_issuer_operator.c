/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "files.h"
#include "folder.h"
#include "issuer/operator.h"
#include "sr/creds.h"
#include "sr/jwt.h"

static char base[] = "/tmp/sr_operator_XXXXXX";
static char dir[FILES_PATH_MAX], seed_file[FILES_PATH_MAX];
static const struct store_place place = { dir, NULL };
static const struct operator_draft draft = { "Acme", "tls://nats.example:4222",
    "https://issuer.example:8443" };
static struct trouble trouble;

static int
make_base(void **state)
{
    (void)state;
    return mkdtemp(base) != NULL && files_path(dir, "%s/issuer", base) &&
                   files_path(seed_file, "%s/identity.seed", base)
               ? 0
               : -1;
}

static int
remove_base(void **state)
{
    (void)state;
    return folder_remove(base);
}

static int
make_store(void **state)
{
    struct store *store = NULL;

    if (!store_create(&place, &store, &trouble)) {
        return -1;
    }
    *state = store;
    return 0;
}

static int
remove_store(void **state)
{
    store_close(*state);
    (void)unlink(seed_file);
    return files_remove_tree(dir) ? 0 : -1;
}

/* The claims of a token whose signature is good. */
static json_t *
claims_of(const char *token)
{
    json_t *claims = NULL;

    assert_int_equal(sr_jwt_verify(span_of(token), &claims), SR_JWT_OK);
    return claims;
}

static const char *
text_in(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static void
its_tokens_name_the_keys_and_the_signing_key_signs_the_system_account(void **state)
{
    static char operator_token[OPERATOR_TOKEN_MAX], system_token[OPERATOR_TOKEN_MAX];
    struct store *store = *state;
    struct operator_facts f;
    struct sr_nkeypair pair;

    assert_true(operator_create(store, &draft, &trouble));
    assert_true(operator_tell(store, &f, &trouble));
    assert_string_equal(f.name, "Acme");
    assert_string_equal(f.server_url, draft.server_url);
    assert_string_equal(f.api_url, draft.api_url);
    assert_false(f.detached);
    assert_true(operator_tokens(store, operator_token, system_token, &trouble));
    json_t *claims = claims_of(operator_token);
    json_t *body = json_object_get(claims, "nats");
    assert_string_equal(text_in(claims, "iss"), f.key);
    assert_string_equal(text_in(claims, "sub"), f.key);
    assert_string_equal(text_in(body, "system_account"), f.system_key);
    assert_true(json_is_true(json_object_get(body, "strict_signing_key_usage")));
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(body, "signing_keys"), 0)), f.signing_key);
    json_decref(claims);
    claims = claims_of(system_token);
    assert_string_equal(text_in(claims, "iss"), f.signing_key);
    assert_string_equal(text_in(claims, "sub"), f.system_key);
    json_decref(claims);
    assert_true(operator_signing_pair(store, &pair, &trouble));
    assert_string_equal(pair.public_text, f.signing_key);
    sr_nkeypair_done(&pair);
}

static void
the_system_users_credentials_are_whole(void **state)
{
    static char creds[OPERATOR_CREDS_MAX + 1];
    struct store *store = *state;
    struct operator_facts f;
    struct sr_creds_info info;

    assert_true(operator_create(store, &draft, &trouble));
    assert_true(operator_tell(store, &f, &trouble));
    assert_true(operator_creds(store, creds, &trouble));
    assert_int_equal(sr_creds_check_text(span_of(creds), store_now(), &info), SR_CREDS_OK);
    assert_string_equal(info.subject, f.system_user);
    assert_string_equal(info.account, f.system_key);
    assert_int_equal(info.expires_s, 0);
}

static void
there_is_one_operator_only(void **state)
{
    struct store *store = *state;
    struct operator_facts before, after;

    assert_false(operator_tell(store, &before, &trouble));
    assert_int_equal(trouble.error, ENOENT);
    assert_true(operator_create(store, &draft, &trouble));
    assert_true(operator_tell(store, &before, &trouble));
    assert_false(operator_create(store, &draft, &trouble));
    assert_int_equal(trouble.error, EEXIST);
    assert_true(operator_tell(store, &after, &trouble));
    assert_string_equal(after.key, before.key);
}

static void
names_and_urls_that_are_none_are_refused(void **state)
{
    struct store *store = *state;
    struct operator_facts f;
    static const struct operator_draft bad[] = {
        { "", "tls://a", "https://a" },
        { "a\nb", "tls://a", "https://a" },
        { "0123456789012345678901234567890123456789012345678901234567890123x", "tls://a",
            "https://a" },
        { "a", "nats://a", "https://a" },
        { "a", "tls://", "https://a" },
        { "a", "tls://a b", "https://a" },
        { "a", "tls://user:secret@a", "https://a" },
        { "a", "tls://:4222", "https://a" },
        { "a", "tls://a:0", "https://a" },
        { "a", "tls://a:65536", "https://a" },
        { "a", "tls://a:4222x", "https://a" },
        { "a", "tls://a:", "https://a" },
        { "a", "tls://[::1", "https://a" },
        { "a", "tls://[::1]4222", "https://a" },
        { "a", "tls://::1", "https://a" },
        { "a", "tls://a", "http://a" },
        { "a", "tls://a", "https://a/path" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(operator_create(store, &bad[i], &trouble));
        assert_int_equal(trouble.error, EINVAL);
    }
    assert_false(operator_tell(store, &f, &trouble));
}

static void
a_url_is_a_host_and_perhaps_a_port(void **state)
{
    (void)state;
    char host[OPERATOR_URL_MAX + 1];
    uint16_t port = 1;

    assert_true(operator_split_url("tls://nats.example", host, &port));
    assert_string_equal(host, "nats.example");
    assert_int_equal(port, 0);
    assert_true(operator_split_url("tls://[2001:db8::1]:65535", host, &port));
    assert_string_equal(host, "2001:db8::1");
    assert_int_equal(port, 65535);
    assert_false(operator_split_url("nats.example:4222", host, &port));
}

static void
urls_can_be_changed_one_by_one(void **state)
{
    struct store *store = *state;
    struct operator_facts f;

    assert_true(operator_create(store, &draft, &trouble));
    assert_true(operator_set_urls(store, "tls://[2001:db8::1]:4222", NULL, &trouble));
    assert_false(operator_set_urls(store, NULL, "ftp://a", &trouble));
    assert_true(operator_tell(store, &f, &trouble));
    assert_string_equal(f.server_url, "tls://[2001:db8::1]:4222");
    assert_string_equal(f.api_url, draft.api_url);
}

static void
the_identity_can_leave_and_come_back(void **state)
{
    struct store *store = *state;
    struct operator_facts f;
    struct stat st;

    assert_true(operator_create(store, &draft, &trouble));
    assert_true(operator_detach(store, seed_file, &trouble));
    assert_int_equal(stat(seed_file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(operator_tell(store, &f, &trouble));
    assert_true(f.detached);
    assert_false(operator_detach(store, "/nowhere/at/all", &trouble));
    assert_int_equal(trouble.error, ENOENT);
    assert_true(operator_attach(store, seed_file, &trouble));
    assert_true(operator_tell(store, &f, &trouble));
    assert_false(f.detached);
}

static void
a_file_that_is_there_is_not_overwritten_by_the_identity(void **state)
{
    struct store *store = *state;
    struct operator_facts f;

    assert_true(operator_create(store, &draft, &trouble));
    assert_true(files_write(seed_file, "mine", 4, 0600));
    assert_false(operator_detach(store, seed_file, &trouble));
    assert_true(operator_tell(store, &f, &trouble));
    assert_false(f.detached);
}

static void
a_seed_of_another_operator_does_not_come_back(void **state)
{
    struct store *store = *state;
    struct sr_nkeypair other;
    char text[SR_NKEY_SEED_LEN + 1];

    assert_true(operator_create(store, &draft, &trouble));
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_OPERATOR, &other), SR_NKEY_OK);
    sr_nkey_seed_encode(other.type, other.seed, text);
    assert_true(files_write(seed_file, text, SR_NKEY_SEED_LEN, 0600));
    assert_false(operator_attach(store, seed_file, &trouble));
    assert_int_equal(trouble.error, EINVAL);
    assert_true(files_write(seed_file, "SO", 2, 0600));
    assert_false(operator_attach(store, seed_file, &trouble));
    assert_int_equal(trouble.error, EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_store, remove_store)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_tokens_name_the_keys_and_the_signing_key_signs_the_system_account),
        TEST(the_system_users_credentials_are_whole),
        TEST(there_is_one_operator_only),
        TEST(names_and_urls_that_are_none_are_refused),
        TEST(a_url_is_a_host_and_perhaps_a_port),
        TEST(urls_can_be_changed_one_by_one),
        TEST(the_identity_can_leave_and_come_back),
        TEST(a_file_that_is_there_is_not_overwritten_by_the_identity),
        TEST(a_seed_of_another_operator_does_not_come_back),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}
