/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "sr/creds.h"
#include "sr/jwt.h"

#define NOW 1700000000ULL

static struct sr_nkeypair account, signer, user;

static int
make_keys(void **state)
{
    (void)state;
    return sr_nkeypair_generate(SR_NKEY_ACCOUNT, &account) == SR_NKEY_OK &&
                   sr_nkeypair_generate(SR_NKEY_ACCOUNT, &signer) == SR_NKEY_OK &&
                   sr_nkeypair_generate(SR_NKEY_USER, &user) == SR_NKEY_OK
               ? 0
               : -1;
}

/* The claims of a collector, as a base for tests that change one thing. */
static json_t *
claims_of_a_collector(void)
{
    return json_pack("{s:s, s:s, s:{s:s, s:i, s:s, s:{s:[s,s]}, s:{s:[s]}}}", "sub",
        user.public_text, "name", "acme-syslog", "nats", "type", "user", "version", 2,
        "issuer_account", account.public_text, "pub", "allow", "acme.logs.syslog",
        "acme.logs.syslog.deadletter", "sub", "allow", "_INBOX.acme-syslog.>");
}

/* Writes a file of `claims` (taken over) and the seed of `pair`; returns its length. */
static size_t
write_creds(json_t *claims, const struct sr_nkeypair *pair, char *memory, size_t cap)
{
    struct sr_buf out = sr_buf_over(memory, cap - 1);
    char seed[SR_NKEY_SEED_LEN + 1];
    char *token = NULL;

    assert_int_equal(sr_jwt_sign(claims, &signer, NOW, &token), SR_JWT_OK);
    sr_nkey_seed_encode(pair->type, pair->seed, seed);
    sr_creds_format(&out, span_of(token), span_of(seed));
    assert_false(out.overflow);
    memory[out.len] = '\0';
    free(token);
    json_decref(claims);
    return out.len;
}

static enum sr_creds_err
check(json_t *claims, struct sr_creds_info *info)
{
    char file[4096];

    (void)write_creds(claims, &user, file, sizeof(file));
    return sr_creds_check_text(span_of(file), NOW, info);
}

static void
a_good_file_tells_who_may_do_what(void **state)
{
    struct sr_creds_info info;

    (void)state;
    assert_int_equal(check(claims_of_a_collector(), &info), SR_CREDS_OK);
    assert_string_equal(info.name, "acme-syslog");
    assert_string_equal(info.subject, user.public_text);
    assert_string_equal(info.account, account.public_text);
    assert_string_equal(info.inbox_prefix, "_INBOX.acme-syslog");
    assert_int_equal(info.publish_allowed, 2);
    assert_true(info.issued_s == NOW);
    assert_true(info.expires_s == 0);
}

static void
the_issuer_is_the_account_when_none_is_named(void **state)
{
    struct sr_creds_info info;
    json_t *claims = claims_of_a_collector();

    (void)state;
    json_object_del(json_object_get(claims, "nats"), "issuer_account");
    assert_int_equal(check(claims, &info), SR_CREDS_OK);
    assert_string_equal(info.account, signer.public_text);
}

/* The inbox prefix of a user who may subscribe to `subjects`, a JSON array. */
static enum sr_creds_err
inbox_of(const char *subjects, char *out)
{
    struct sr_creds_info info;
    json_t *claims = claims_of_a_collector();
    json_t *sub = json_object_get(json_object_get(claims, "nats"), "sub");

    json_object_set_new(sub, "allow", json_loads(subjects, 0, NULL));
    enum sr_creds_err err = check(claims, &info);
    if (err == SR_CREDS_OK) {
        memcpy(out, info.inbox_prefix, sizeof(info.inbox_prefix));
    }
    return err;
}

static void
the_inbox_prefix_follows_the_permission(void **state)
{
    static const char *const cases[][2] = {
        { "[\"_INBOX.>\"]", "_INBOX" },
        { "[\"a.b\", \"_INBOX.x.y.>\"]", "_INBOX.x.y" },
        { "[\">\", \"_INBOX.x.>\"]", "_INBOX.x" },
        { "[\">\"]", "_INBOX" },
        { "[]", "_INBOX" },
    };
    char prefix[SR_CREDS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(inbox_of(cases[i][0], prefix), SR_CREDS_OK);
        assert_string_equal(prefix, cases[i][1]);
    }
    assert_int_equal(inbox_of("[\"logs.>\"]", prefix), SR_CREDS_EINBOX);
    assert_int_equal(inbox_of("[\"_INBOX.only.one\"]", prefix), SR_CREDS_EINBOX);
    assert_int_equal(inbox_of("[\"_INBOX.*.x.>\"]", prefix), SR_CREDS_EINBOX);
    assert_int_equal(inbox_of("[\"_INBOX\"]", prefix), SR_CREDS_EINBOX);
    assert_int_equal(inbox_of("[\"_INBOXES.>\"]", prefix), SR_CREDS_EINBOX);
    assert_int_equal(inbox_of("[7]", prefix), SR_CREDS_EINBOX);
}

/* A collector whose permissions are in its signing key's template, with another name. */
static json_t *
scoped_claims(const char *name)
{
    return json_pack("{s:s, s:s, s:{s:s, s:i, s:s}}", "sub", user.public_text, "name", name, "nats",
        "type", "user", "version", 2, "issuer_account", account.public_text);
}

static void
a_user_of_a_scoped_key_has_an_inbox_of_its_name(void **state)
{
    static const char *const cases[][2] = {
        { "trapd-hq-1", "_INBOX.trapd-hq-1" },
        { "a.b", "_INBOX.a.b" },
        { "", "_INBOX" },
        { "two words", "_INBOX" },
        { "all.*", "_INBOX" },
        { ">", "_INBOX" },
        { ".a", "_INBOX" },
        { "a..b", "_INBOX" },
        { "a.", "_INBOX" },
    };
    struct sr_creds_info info;
    char name[SR_CREDS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(scoped_claims(cases[i][0]), &info), SR_CREDS_OK);
        assert_string_equal(info.inbox_prefix, cases[i][1]);
    }
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    name[sizeof(name) - sizeof("_INBOX.")] = '\0';
    assert_int_equal(check(scoped_claims(name), &info), SR_CREDS_OK);
    assert_int_equal(strlen(info.inbox_prefix), SR_CREDS_TEXT_MAX - 1);
    name[strlen(name)] = 'n';
    assert_int_equal(check(scoped_claims(name), &info), SR_CREDS_OK);
    assert_string_equal(info.inbox_prefix, "_INBOX");
}

static void
a_user_with_limits_of_its_own_is_not_scoped(void **state)
{
    struct sr_creds_info info;
    json_t *claims = scoped_claims("one");

    (void)state;
    json_object_set_new(json_object_get(claims, "nats"), "subs", json_integer(-1));
    assert_int_equal(check(claims, &info), SR_CREDS_OK);
    assert_string_equal(info.inbox_prefix, "_INBOX");
    /* The account's own key signed: the platform names the account all the same. */
    claims = scoped_claims("one");
    json_object_set_new(
        json_object_get(claims, "nats"), "issuer_account", json_string(signer.public_text));
    assert_int_equal(check(claims, &info), SR_CREDS_OK);
    assert_string_equal(info.inbox_prefix, "_INBOX");
    claims = scoped_claims("one");
    json_object_set_new(json_object_get(claims, "nats"), "pub", json_object());
    assert_int_equal(check(claims, &info), SR_CREDS_OK);
    assert_string_equal(info.inbox_prefix, "_INBOX.one");
}

static void
the_times_of_a_token_count(void **state)
{
    static const struct {
        const char *claim;
        uint64_t value;
        enum sr_creds_err err;
    } cases[] = {
        { "exp", NOW, SR_CREDS_EEXPIRED },
        { "exp", NOW - 1, SR_CREDS_EEXPIRED },
        { "exp", NOW + 1, SR_CREDS_OK },
        { "nbf", NOW, SR_CREDS_OK },
        { "nbf", NOW + 1, SR_CREDS_ENOTYET },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sr_creds_info info;
        json_t *claims = claims_of_a_collector();
        json_object_set_new(claims, cases[i].claim, json_integer((json_int_t)cases[i].value));
        assert_int_equal(check(claims, &info), cases[i].err);
    }
}

static void
a_token_of_an_account_is_no_users(void **state)
{
    struct sr_creds_info info;
    json_t *claims = claims_of_a_collector();

    (void)state;
    json_object_set_new(json_object_get(claims, "nats"), "type", json_string("account"));
    assert_int_equal(check(claims, &info), SR_CREDS_ETYPE);
    claims = claims_of_a_collector();
    json_object_set_new(claims, "nats", json_string("user"));
    assert_int_equal(check(claims, &info), SR_CREDS_ETYPE);
}

static void
another_users_seed_and_another_kind_of_seed_are_told_apart(void **state)
{
    char file[4096];
    struct sr_nkeypair other;
    struct sr_creds_info info;

    (void)state;
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &other), SR_NKEY_OK);
    (void)write_creds(claims_of_a_collector(), &other, file, sizeof(file));
    assert_int_equal(sr_creds_check_text(span_of(file), NOW, &info), SR_CREDS_EMISMATCH);
    (void)write_creds(claims_of_a_collector(), &account, file, sizeof(file));
    assert_int_equal(sr_creds_check_text(span_of(file), NOW, &info), SR_CREDS_ESEED);
}

static void
a_cut_file_never_passes(void **state)
{
    char file[4096];
    size_t len = write_creds(claims_of_a_collector(), &user, file, sizeof(file));
    const char *end = strstr(file, "------END USER");
    bool seen_no_seed = false;

    (void)state;
    assert_non_null(end);
    for (size_t i = 0; i < len; i++) {
        struct sr_creds_info info;
        /* A copy of exactly that size, so that a read past the end shows. */
        uint8_t *cut = malloc(i + 1);
        memcpy(cut, file, i);
        enum sr_creds_err err = sr_creds_check_text((struct sr_span){ cut, i }, NOW, &info);
        free(cut);
        seen_no_seed |= err == SR_CREDS_ENOSEED;
        if (i <= (size_t)(end - file)) {
            assert_true(err == SR_CREDS_ENOJWT || err == SR_CREDS_ENOSEED);
        } else {
            assert_true(err == SR_CREDS_ENOSEED || err == SR_CREDS_OK);
        }
    }
    assert_true(seen_no_seed);
}

static void
line_ends_and_junk_between_the_items_do_not_matter(void **state)
{
    char file[4096];
    char dos[8192] = "a line before\r\n";
    size_t at = strlen(dos);
    struct sr_creds_info info;

    (void)state;
    (void)write_creds(claims_of_a_collector(), &user, file, sizeof(file));
    for (const char *c = file; *c != '\0'; c++) {
        if (*c == '\n') {
            memcpy(dos + at, " \t\r\n\r\n", 6);
            at += 6;
        } else {
            dos[at++] = *c;
        }
    }
    assert_int_equal(
        sr_creds_check_text((struct sr_span){ (const uint8_t *)dos, at }, NOW, &info), SR_CREDS_OK);
    assert_string_equal(info.subject, user.public_text);
}

static void
an_enclosure_of_two_lines_is_no_item(void **state)
{
    struct sr_creds_text text;

    (void)state;
    assert_int_equal(
        sr_creds_parse(span_of("---a---\none\ntwo\n---b---\n---c---\nthree\n---d---\n"), &text),
        SR_CREDS_ENOSEED);
    assert_int_equal(sr_creds_parse(span_of("---a---\none\n---b---\n---c---\ntwo\n---d---"), &text),
        SR_CREDS_OK);
    assert_int_equal(text.jwt.len, 3);
    assert_memory_equal(text.jwt.data, "one", 3);
    assert_memory_equal(text.seed.data, "two", 3);
}

/* A path in a folder of its own, written with `len` bytes of `data`. */
static void
put_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void
files_that_cannot_be_used_are_named_for_what_they_are(void **state)
{
    static char big[SR_CREDS_MAX + 1];
    char dir[] = "/tmp/sr-creds-XXXXXX";
    char path[64];
    char file[4096];
    struct sr_creds_info info;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/user.creds", dir);
    assert_int_equal(sr_creds_check(path, NOW, &info), SR_CREDS_EMISSING);
    assert_int_equal(sr_creds_check(dir, NOW, &info), SR_CREDS_EREAD);
    size_t len = write_creds(claims_of_a_collector(), &user, file, sizeof(file));
    put_file(path, file, len);
    assert_int_equal(sr_creds_check(path, NOW, &info), SR_CREDS_OK);
    put_file(path, "nothing here\n", 13);
    assert_int_equal(sr_creds_check(path, NOW, &info), SR_CREDS_ENOJWT);
    put_file(path, big, sizeof(big));
    assert_int_equal(sr_creds_check(path, NOW, &info), SR_CREDS_ETOOBIG);
    if (geteuid() != 0) {
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(sr_creds_check(path, NOW, &info), SR_CREDS_EACCESS);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(sr_creds_check(path, NOW, &info), SR_CREDS_EREAD);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void
every_error_says_what_to_do(void **state)
{
    (void)state;
    for (int err = SR_CREDS_EMISSING; err <= SR_CREDS_ENOMEM; err++) {
        const char *text = sr_creds_strerror((enum sr_creds_err)err);
        assert_string_not_equal(text, "Unknown credentials error.");
        assert_non_null(strchr(text, ':'));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_tells_who_may_do_what),
        cmocka_unit_test(the_issuer_is_the_account_when_none_is_named),
        cmocka_unit_test(the_inbox_prefix_follows_the_permission),
        cmocka_unit_test(a_user_of_a_scoped_key_has_an_inbox_of_its_name),
        cmocka_unit_test(a_user_with_limits_of_its_own_is_not_scoped),
        cmocka_unit_test(the_times_of_a_token_count),
        cmocka_unit_test(a_token_of_an_account_is_no_users),
        cmocka_unit_test(another_users_seed_and_another_kind_of_seed_are_told_apart),
        cmocka_unit_test(a_cut_file_never_passes),
        cmocka_unit_test(line_ends_and_junk_between_the_items_do_not_matter),
        cmocka_unit_test(an_enclosure_of_two_lines_is_no_item),
        cmocka_unit_test(files_that_cannot_be_used_are_named_for_what_they_are),
        cmocka_unit_test(every_error_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
