/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "files.h"
#include "folder.h"
#include "issuer/account.h"
#include "issuer/operator.h"
#include "issuer/user.h"
#include "sr/jwt.h"
#include "sr/suite.h"

static char base[32];
static char dir[FILES_PATH_MAX];
static struct trouble trouble;

static int
make_base(void **state)
{
    (void)state;
    /* In memory where there is one: every commit waits for the disk. */
    (void)snprintf(base, sizeof(base), "%s/sr_account_XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(base) != NULL && files_path(dir, "%s/issuer", base) ? 0 : -1;
}

static int
remove_base(void **state)
{
    (void)state;
    return folder_remove(base);
}

/* A store with an operator and the account "acme". */
static int
make_store(void **state)
{
    static const struct store_place place = { dir, NULL };
    static const struct operator_draft draft = { "Acme", "tls://nats.example:4222",
        "https://issuer.example:8443" };
    struct store *store = NULL;
    struct account account;

    if (!store_create(&place, &store, &trouble) || !operator_create(store, &draft, &trouble) ||
        !account_create(store, "acme", &account, &trouble)) {
        return -1;
    }
    *state = store;
    return 0;
}

static int
remove_store(void **state)
{
    store_close(*state);
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

static json_t *
account_claims(struct store *store, const char *name)
{
    char *token = NULL;

    assert_true(account_token(store, name, &token, &trouble));
    json_t *claims = claims_of(token);
    free(token);
    return claims;
}

static json_int_t
revoked_at(struct store *store, const char *key)
{
    json_t *claims = account_claims(store, "acme");
    json_int_t at = json_integer_value(
        json_object_get(json_object_get(json_object_get(claims, "nats"), "revocations"), key));

    json_decref(claims);
    return at;
}

static struct user_made
make_user(struct store *store, const char *name, const char *role, const char *key)
{
    const struct user_draft draft = { "acme", name, role, key, 0, false };
    struct user_made made;

    assert_true(user_create(store, &draft, &made, &trouble));
    return made;
}

static bool
refuses_user(struct store *store, const char *name, const char *role, const char *key)
{
    const struct user_draft draft = { "acme", name, role, key, 0, false };
    struct user_made made;

    return !user_create(store, &draft, &made, &trouble);
}

/* ---- Accounts ---- */

static void
an_account_has_a_scoped_key_for_each_role(void **state)
{
    json_t *claims = account_claims(*state, "acme");
    json_t *nats = json_object_get(claims, "nats");
    struct operator_facts facts;
    json_t *key;
    size_t i, roles = 1;

    for (const struct sr_suite_role *r = sr_suite_roles; r->name != NULL; r++) {
        roles++;
    }
    assert_true(operator_tell(*state, &facts, &trouble));
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), facts.signing_key);
    assert_int_equal(json_array_size(json_object_get(nats, "signing_keys")), roles);
    json_array_foreach(json_object_get(nats, "signing_keys"), i, key)
    {
        json_t *template = json_object_get(key, "template");
        const char *role = json_string_value(json_object_get(key, "role"));
        const char *hear = json_string_value(
            json_array_get(json_object_get(json_object_get(template, "sub"), "allow"), 0));
        struct sr_nkeypair pair;
        assert_string_equal(json_string_value(json_object_get(key, "kind")), "user_scope");
        assert_true(account_signing_key(*state, "acme", role, &pair, &trouble));
        assert_string_equal(json_string_value(json_object_get(key, "key")), pair.public_text);
        sr_nkeypair_done(&pair);
        bool platform = strcmp(role, ACCOUNT_ROLE_PLATFORM) == 0;
        assert_string_equal(hear, platform ? ">" : "_INBOX.{{name()}}.>");
    }
    assert_int_equal(json_object_size(json_object_get(nats, "mappings")), 10);
    assert_true(
        json_is_true(json_object_get(json_object_get(nats, "limits"), "max_bytes_required")));
    json_decref(claims);
}

static void
names_that_subjects_cannot_have_are_refused(void **state)
{
    static const char *const names[] = { "", "Acme", "a.b", "a b", "-a", "a-", "a*", "a>",
        "abcdefghijklmnopqrstuvwxyz0123456" };
    struct account account;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(account_create(*state, names[i], &account, &trouble));
        assert_non_null(strstr(trouble.cause, "cannot be the name"));
    }
    assert_false(account_create(*state, "acme", &account, &trouble));
    assert_non_null(strstr(trouble.cause, "already"));
    assert_false(account_find(*state, "acmee", &account, &trouble));
    assert_string_equal(trouble.remedy, "did you mean \"acme\"?");
    assert_true(account_create(*state, "abcdefghijklmnopqrstuvwxyz012345", &account, &trouble));
}

static void
each_token_is_issued_later_than_the_one_before(void **state)
{
    json_int_t last = 0;

    for (int i = 0; i < 4; i++) {
        assert_true(account_sign(*state, "acme", &trouble));
        json_t *claims = account_claims(*state, "acme");
        json_int_t issued = json_integer_value(json_object_get(claims, "iat"));
        json_decref(claims);
        assert_true(issued > last);
        last = issued;
    }
}

static void
a_suspended_account_refuses_everybody_until_it_is_resumed(void **state)
{
    struct user_made made = make_user(*state, "one", "syslog", NULL);
    struct account account;

    assert_true(user_revoke(*state, "acme", "one", &trouble));
    assert_true(account_suspend(*state, "acme", true, &trouble));
    assert_true(account_find(*state, "acme", &account, &trouble) && account.suspended);
    assert_true(revoked_at(*state, "*") > 253000000000LL);
    assert_true(refuses_user(*state, "two", "syslog", NULL));
    assert_non_null(strstr(trouble.remedy, "account resume acme"));
    assert_true(account_suspend(*state, "acme", false, &trouble));
    assert_int_equal(revoked_at(*state, "*"), 0);
    assert_true(revoked_at(*state, made.key) > 0);
    user_made_done(&made);
}

static void
limits_add_up_to_what_the_server_sets_aside(void **state)
{
    struct account_reserve reserve;
    struct account account;
    json_t *limits = NULL;

    assert_true(account_create(*state, "globex", &account, &trouble));
    assert_true(account_reserved(*state, &reserve, &trouble));
    assert_true(reserve.disk == 2 * sr_suite_tenant_bytes());
    assert_true(account_limits(*state, "globex", &limits, &trouble));
    json_object_set_new(limits, "disk_storage", json_integer(-1));
    json_object_set_new(limits, "mem_storage", json_integer(7));
    assert_true(account_set_limits(*state, "globex", limits, &trouble));
    json_decref(limits);
    int64_t memory = reserve.memory;
    assert_true(account_reserved(*state, &reserve, &trouble));
    assert_true(reserve.disk == sr_suite_tenant_bytes());
    assert_true(reserve.memory == memory / 2 + 7);
    json_t *claims = account_claims(*state, "globex");
    json_t *said = json_object_get(json_object_get(claims, "nats"), "limits");
    assert_int_equal(json_integer_value(json_object_get(said, "mem_storage")), 7);
    json_decref(claims);
}

static void
a_token_that_gets_too_long_is_not_signed(void **state)
{
    json_t *before = account_claims(*state, "acme");

    assert_true(store_begin(*state, &trouble));
    assert_true(store_run(*state, &trouble, NULL,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
        " INSERT INTO revocation SELECT 'acme', printf('U%055d', i), 99999999999 FROM n",
        ""));
    assert_false(account_sign(*state, "acme", &trouble));
    assert_non_null(strstr(trouble.cause, "full"));
    assert_non_null(strstr(trouble.remedy, "rotate"));
    store_rollback(*state);
    json_t *after = account_claims(*state, "acme");
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
}

/* ---- Rules ---- */

static void
wildcard_mappings_are_for_servers_that_take_them(void **state)
{
    static const struct {
        const char *version;
        bool taken;
    } cases[] = {
        { NULL, false },
        { "", false },
        { "2.9.10", false },
        { "2.9.21", false },
        { "2.9.22", true },
        { "2.9.100", true },
        { "2.10.0", true },
        { "3.0.0", true },
        { "1.10.30", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            account_map(*state, "acme", "app.>", NULL, cases[i].version, &trouble), cases[i].taken);
        assert_true(cases[i].taken || strstr(trouble.cause, "wildcard") != NULL);
    }
    assert_true(account_map(*state, "acme", "app.x", NULL, NULL, &trouble));
    json_t *claims = account_claims(*state, "acme");
    json_t *mappings = json_object_get(json_object_get(claims, "nats"), "mappings");
    json_t *to = json_array_get(json_object_get(mappings, "app.>"), 0);
    assert_string_equal(json_string_value(json_object_get(to, "subject")), "acme.app.>");
    assert_int_equal(json_object_size(mappings), 12);
    json_decref(claims);
}

static void
mappings_and_exports_stay_below_the_account(void **state)
{
    static const char *const bad[][2] = {
        { "app.x", "globex.app.x" },
        { "app.x", "app.x" },
        { "app.x", "acme" },
        { "app.*", NULL },
        { "app..x", NULL },
        { ".app", NULL },
        { "app.", NULL },
        { "app x", NULL },
        { "", NULL },
        { ">", NULL },
        { "$SYS.x", NULL },
        { "acme.app", NULL },
        { "logs.syslog", NULL },
        { "logs.snmp.deadletter", NULL },
        { "app.>", "acme.app" },
        { "app", "acme.>" },
        { "app\"x", NULL },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(account_map(*state, "acme", bad[i][0], bad[i][1], "2.10.0", &trouble));
        assert_true(trouble.remedy[0] != '\0');
    }
    assert_false(account_export(*state, "acme", "globex.x", "stream", &trouble));
    assert_false(account_export(*state, "acme", "acmex.y", "stream", &trouble));
    assert_false(account_export(*state, "acme", "acme.x", "topic", &trouble));
    assert_true(account_export(*state, "acme", "acme.x", "service", &trouble));
    assert_true(account_drop_rule(*state, "acme", "export", "acme.x", &trouble));
    assert_false(account_drop_rule(*state, "acme", "export", "acme.x", &trouble));
}

/* ---- Users ---- */

static void
a_users_token_says_nothing_but_whose_it_is(void **state)
{
    struct user_made made = make_user(*state, "trapd-1", "trapd", NULL);
    json_t *claims = claims_of(made.jwt);
    json_t *nats = json_object_get(claims, "nats");
    struct account account;
    struct sr_nkeypair pair, signer;

    assert_true(account_find(*state, "acme", &account, &trouble));
    assert_true(account_signing_key(*state, "acme", "trapd", &signer, &trouble));
    assert_int_equal(json_object_size(nats), 3);
    assert_string_equal(json_string_value(json_object_get(nats, "issuer_account")), account.key);
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), signer.public_text);
    assert_null(json_object_get(claims, "exp"));
    assert_int_equal(sr_nkeypair_from_text(span_of(made.seed), &pair), SR_NKEY_OK);
    assert_string_equal(pair.public_text, made.key);
    sr_nkeypair_done(&pair);
    sr_nkeypair_done(&signer);
    json_decref(claims);
    user_made_done(&made);
    assert_int_equal(made.seed[0], '\0');
}

static void
a_key_from_elsewhere_is_renewed_without_a_revocation(void **state)
{
    struct user_made first = make_user(*state, "one", "syslog", NULL);
    struct user_made again = make_user(*state, "one", "syslog", first.key);

    assert_int_equal(again.seed[0], '\0');
    assert_string_equal(again.key, first.key);
    assert_int_equal(revoked_at(*state, first.key), 0);
    assert_true(refuses_user(*state, "two", "syslog", first.key));
    assert_true(refuses_user(*state, "one", "trapd", first.key));
    assert_non_null(strstr(trouble.cause, "has the role syslog"));
    assert_true(user_revoke(*state, "acme", "one", &trouble));
    assert_true(user_revoke(*state, "acme", "one", &trouble));
    assert_true(refuses_user(*state, "one", "syslog", first.key));
    assert_non_null(strstr(trouble.cause, "revoked"));
    user_made_done(&first);
    user_made_done(&again);
}

static void
a_name_with_another_key_ends_the_old_one(void **state)
{
    struct user_made first = make_user(*state, "one", "syslog", NULL);
    struct user_made second = make_user(*state, "one", "syslog", NULL);

    assert_true(revoked_at(*state, first.key) > 0);
    assert_int_equal(revoked_at(*state, second.key), 0);
    /* Also when its row is gone, a revoked key does not come back. */
    assert_true(refuses_user(*state, "three", "syslog", first.key));
    user_made_done(&first);
    user_made_done(&second);
}

static void
replacing_keys_leaves_room_for_revocations(void **state)
{
    struct user_made first = make_user(*state, "one", "syslog", NULL);
    struct user_made other = make_user(*state, "two", "trapd", NULL);

    assert_true(store_run(*state, &trouble, NULL,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)"
        " INSERT INTO revocation SELECT 'acme', printf('U%055d', i), 99999999999 FROM n",
        ""));
    assert_true(refuses_user(*state, "one", "syslog", NULL));
    assert_non_null(strstr(trouble.remedy, "rotate"));
    /* With the same key nothing is to be revoked. */
    struct user_made same = make_user(*state, "one", "syslog", first.key);
    assert_true(user_revoke(*state, "acme", "one", &trouble));
    assert_true(user_revoke(*state, "acme", "two", &trouble));
    assert_true(revoked_at(*state, first.key) > 0);
    assert_true(account_suspend(*state, "acme", true, &trouble));
    user_made_done(&first);
    user_made_done(&other);
    user_made_done(&same);
}

static void
names_roles_and_keys_of_users_are_checked(void **state)
{
    static const char *const names[] = { "", "a.b", "a*", "a>", "a b", "{{name()}}" };
    struct account account;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(refuses_user(*state, names[i], "syslog", NULL));
    }
    assert_true(refuses_user(*state, "one", "king", NULL));
    assert_non_null(strstr(trouble.remedy, "netflow"));
    assert_true(account_find(*state, "acme", &account, &trouble));
    assert_true(refuses_user(*state, "one", "syslog", account.key));
    assert_true(refuses_user(*state, "one", "syslog", "U123"));
}

static void
count_state(void *arg, const struct user *user)
{
    unsigned *counts = arg;
    counts[user->state]++;
}

static void
a_rotated_key_ends_the_users_that_it_signed(void **state)
{
    struct user_made old = make_user(*state, "old", "syslog", NULL);
    struct user_made other = make_user(*state, "other", "trapd", NULL);
    unsigned counts[4] = { 0 };
    struct sr_nkeypair before, after;

    assert_true(account_signing_key(*state, "acme", "syslog", &before, &trouble));
    assert_true(account_rotate(*state, "acme", "syslog", &trouble));
    assert_true(account_signing_key(*state, "acme", "syslog", &after, &trouble));
    assert_string_not_equal(before.public_text, after.public_text);
    struct user_made new = make_user(*state, "new", "syslog", NULL);
    struct user_made same = make_user(*state, "same", "syslog", NULL);
    assert_true(user_list(*state, "acme", count_state, counts, &trouble));
    assert_int_equal(counts[USER_ROTATED], 1);
    assert_int_equal(counts[USER_ACTIVE], 3);
    assert_false(account_rotate(*state, "acme", "king", &trouble));
    sr_nkeypair_done(&before);
    sr_nkeypair_done(&after);
    user_made_done(&old);
    user_made_done(&other);
    user_made_done(&new);
    user_made_done(&same);
}

static void
tokens_that_are_issued_in_the_second_of_a_revocation_of_all_count(void **state)
{
    struct user_made old = make_user(*state, "old", "syslog", NULL);

    assert_true(account_revoke_user(*state, "acme", "*", &trouble));
    json_int_t at = revoked_at(*state, "*");
    struct user_made new = make_user(*state, "new", "syslog", NULL);
    json_t *before = claims_of(old.jwt);
    json_t *after = claims_of(new.jwt);
    assert_true(json_integer_value(json_object_get(before, "iat")) <= at);
    assert_true(json_integer_value(json_object_get(after, "iat")) > at);
    assert_true(account_revoke_user(*state, "acme", new.key, &trouble));
    assert_true(json_integer_value(json_object_get(after, "iat")) <= revoked_at(*state, new.key));
    json_decref(before);
    json_decref(after);
    user_made_done(&old);
    user_made_done(&new);
}

static void
revocations_are_forgotten_when_every_key_is_newer(void **state)
{
    struct user_made made = make_user(*state, "one", "syslog", NULL);

    assert_true(user_revoke(*state, "acme", "one", &trouble));
    assert_true(account_rotate(*state, "acme", "syslog", &trouble));
    assert_true(revoked_at(*state, made.key) > 0);
    assert_true(account_rotate(*state, "acme", "trapd", &trouble));
    assert_true(account_rotate(*state, "acme", "netflow", &trouble));
    assert_true(account_rotate(*state, "acme", ACCOUNT_ROLE_PLATFORM, &trouble));
    assert_int_equal(revoked_at(*state, made.key), 0);
    assert_true(refuses_user(*state, "one", "syslog", made.key));
    user_made_done(&made);
}

static struct user_made
make_ending(struct store *store, const char *key, int64_t lifetime_s)
{
    const uint64_t ends_s = lifetime_s != 0 ? (uint64_t)((int64_t)store_now() + lifetime_s) : 0;
    const struct user_draft draft = { "acme", "one", "syslog", key, ends_s, false };
    struct user_made made;

    assert_true(user_create(store, &draft, &made, &trouble));
    return made;
}

/* Whether the account's token names a user who was revoked, when his tokens end like this. */
static void
assert_named(struct store *store, int64_t first_s, int64_t second_s, bool named)
{
    struct user_made made = make_ending(store, NULL, first_s);
    struct user_made again = make_ending(store, made.key, second_s);

    assert_true(user_revoke(store, "acme", "one", &trouble));
    assert_int_equal(revoked_at(store, made.key) > 0, named);
    assert_true(refuses_user(store, "one", "syslog", made.key));
    user_made_done(&made);
    user_made_done(&again);
}

#define DAY 86400

static void
revocations_are_named_until_every_token_of_the_key_has_expired_for_a_day(void **state)
{
    assert_named(*state, -DAY - 60, -DAY - 60, false);
    assert_named(*state, -DAY - 60, -DAY + 60, true);
    assert_named(*state, DAY, -DAY - 60, true); /* the first token is the one that is good */
    assert_named(*state, 0, -DAY - 60, true);   /* for ever */
    assert_named(*state, -DAY - 60, 0, true);
}

static void
revocations_of_keys_that_are_not_known_or_of_before_stay_named(void **state)
{
    struct user_made made = make_ending(*state, NULL, -2 * DAY);
    struct user_made stranger;

    /* As an earlier version left it. */
    assert_true(store_run(*state, &trouble, NULL, "UPDATE key_end SET ends_s = NULL", ""));
    struct user_made again = make_ending(*state, made.key, -2 * DAY);
    assert_true(user_revoke(*state, "acme", "one", &trouble));
    assert_true(revoked_at(*state, made.key) > 0);
    assert_true(user_borrow(*state, "acme", &stranger, &trouble));
    assert_true(account_revoke_user(*state, "acme", stranger.key, &trouble));
    assert_true(revoked_at(*state, stranger.key) > 0);
    user_made_done(&made);
    user_made_done(&again);
    user_made_done(&stranger);
}

static void
a_borrowed_user_is_of_the_platform_and_written_down_nowhere(void **state)
{
    struct user_made made;
    unsigned counts[4] = { 0 };

    assert_true(user_borrow(*state, "acme", &made, &trouble));
    json_t *claims = claims_of(made.jwt);
    json_int_t lives = json_integer_value(json_object_get(claims, "exp")) -
                       json_integer_value(json_object_get(claims, "iat"));
    assert_int_equal(lives, 300);
    json_decref(claims);
    user_made_done(&made);
    assert_true(user_list(*state, NULL, count_state, counts, &trouble));
    assert_int_equal(counts[USER_ACTIVE], 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_account_has_a_scoped_key_for_each_role, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            names_that_subjects_cannot_have_are_refused, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            each_token_is_issued_later_than_the_one_before, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            a_suspended_account_refuses_everybody_until_it_is_resumed, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            limits_add_up_to_what_the_server_sets_aside, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            a_token_that_gets_too_long_is_not_signed, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            wildcard_mappings_are_for_servers_that_take_them, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            mappings_and_exports_stay_below_the_account, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            a_users_token_says_nothing_but_whose_it_is, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            a_key_from_elsewhere_is_renewed_without_a_revocation, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            a_name_with_another_key_ends_the_old_one, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            replacing_keys_leaves_room_for_revocations, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            names_roles_and_keys_of_users_are_checked, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            a_rotated_key_ends_the_users_that_it_signed, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            tokens_that_are_issued_in_the_second_of_a_revocation_of_all_count, make_store,
            remove_store),
        cmocka_unit_test_setup_teardown(
            revocations_are_forgotten_when_every_key_is_newer, make_store, remove_store),
        cmocka_unit_test_setup_teardown(
            revocations_are_named_until_every_token_of_the_key_has_expired_for_a_day, make_store,
            remove_store),
        cmocka_unit_test_setup_teardown(
            revocations_of_keys_that_are_not_known_or_of_before_stay_named, make_store,
            remove_store),
        cmocka_unit_test_setup_teardown(
            a_borrowed_user_is_of_the_platform_and_written_down_nowhere, make_store, remove_store),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
