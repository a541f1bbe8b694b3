/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enroll/token.h"
#include "issuer/authority.h"
#include "issuer/collector.h"
#include "issuer_desk.h"

#define HOST "host-a"
#define OTHER "host-b"
#define HOUR_S 3600

static struct collector
create(const char *type)
{
    const struct collector_draft draft = { .account = "acme", .type = type, .site = "hq" };
    struct collector c;

    desk_good(collector_create(desk_store, &draft, &c, &desk_trouble));
    return c;
}

/* Writes a token and reads it back as a host that trusts the issuer does. */
static struct token
token_of(const char *id, int version, char text[COLLECTOR_TOKEN_MAX + 1])
{
    struct trust trust = { .count = 0 };
    char key[COLLECTOR_TOKEN_KEY_LEN + 1];
    const struct token_options options = { .trust = &trust, .now_s = store_now() };
    struct token_problem problem;
    struct token token;

    desk_good(collector_token(desk_store, id, version, HOUR_S, text, &desk_trouble));
    desk_good(collector_token_key(desk_store, key, &desk_trouble));
    assert_int_equal(trust_add_text(&trust, span_of(key), "test"), TRUST_OK);
    assert_int_equal(token_read(span_of(text), &options, &token, &problem), TOKEN_OK);
    return token;
}

static enum collector_refusal
redeem(const char *id, const char *secret, const char *host)
{
    enum collector_refusal refusal = COLLECTOR_UNKNOWN;

    desk_good(collector_redeem(desk_store, id, secret, host, &refusal, &desk_trouble));
    return refusal;
}

static enum collector_refusal
confirm(const char *id, const char *secret, const char *host, const char *cause)
{
    enum collector_refusal refusal = COLLECTOR_UNKNOWN;

    desk_good(collector_confirm(desk_store, id, secret, host, cause, &refusal, &desk_trouble));
    return refusal;
}

static enum collector_state
state_of(const char *id)
{
    struct collector c;

    desk_good(collector_find(desk_store, id, &c, &desk_trouble));
    return c.state;
}

static void
every_version_says_what_a_host_needs(void **state)
{
    struct collector c = create("flowgger");
    char text[COLLECTOR_TOKEN_MAX + 1];
    uint8_t pin[32];
    char *root = NULL;

    (void)state;
    assert_string_equal(c.type, "syslog");
    for (int version = 1; version <= 3; version++) {
        struct token token = token_of(c.id, version, text);
        assert_int_equal(token.version, version);
        assert_string_equal(token.url, DESK_API_URL);
        assert_string_equal(token.package_id, c.id);
        assert_string_equal(token.config, "syslog.json");
        assert_int_equal(strlen(token.secret), 32);
        assert_in_range(token.expires_s, store_now() + HOUR_S - 60, store_now() + HOUR_S);
        assert_int_equal(token.is_signed, version > 1);
        assert_int_equal(token.has_ca_pin, version == 3);
        if (version == 3) {
            desk_good(authority_root(desk_store, &root, pin, &desk_trouble));
            assert_memory_equal(token.ca_pin, pin, sizeof(pin));
            free(root);
        }
        token_done(&token);
    }
    assert_false(collector_token(desk_store, c.id, 4, HOUR_S, text, &desk_trouble));
}

static void
the_database_has_the_hash_of_a_secret_only(void **state)
{
    struct collector c = create("trapd");
    char text[COLLECTOR_TOKEN_MAX + 1];
    struct token token = token_of(c.id, 3, text);

    (void)state;
    assert_int_equal(desk_number("SELECT count(*) FROM token WHERE secret = ?", token.secret), 0);
    assert_int_equal(desk_number("SELECT count(*) FROM token WHERE length(secret) = 64 AND"
                                 " collector = ?",
                         c.id),
        1);
    token_done(&token);
}

static void
a_token_opens_for_the_host_that_used_it_and_no_other(void **state)
{
    struct collector c = create("trapd");
    char text[COLLECTOR_TOKEN_MAX + 1];
    struct token token = token_of(c.id, 3, text);

    (void)state;
    assert_int_equal(redeem(c.id, token.secret, HOST), COLLECTOR_GRANTED);
    assert_int_equal(state_of(c.id), COLLECTOR_DOWNLOADED);
    assert_int_equal(redeem(c.id, token.secret, OTHER), COLLECTOR_SPENT);
    assert_int_equal(redeem(c.id, text, HOST), COLLECTOR_GRANTED); /* all of the token */
    assert_int_equal(confirm(c.id, token.secret, OTHER, NULL), COLLECTOR_SPENT);
    assert_int_equal(
        confirm(c.id, token.secret, HOST, "no route to the server"), COLLECTOR_GRANTED);
    assert_int_equal(state_of(c.id), COLLECTOR_FAILED);
    assert_int_equal(redeem(c.id, token.secret, OTHER), COLLECTOR_SPENT);
    assert_int_equal(redeem(c.id, token.secret, HOST), COLLECTOR_GRANTED);
    assert_int_equal(confirm(c.id, token.secret, HOST, NULL), COLLECTOR_GRANTED);
    assert_int_equal(state_of(c.id), COLLECTOR_INSTALLED);
    /* Its answer may have been lost. */
    assert_int_equal(confirm(c.id, token.secret, HOST, NULL), COLLECTOR_GRANTED);
    assert_int_equal(confirm(c.id, token.secret, HOST, "late"), COLLECTOR_SPENT);
    assert_int_equal(redeem(c.id, token.secret, HOST), COLLECTOR_SPENT);
    assert_false(collector_token(desk_store, c.id, 3, HOUR_S, text, &desk_trouble));
    token_done(&token);
}

static void
what_is_no_token_of_the_collector_is_refused(void **state)
{
    struct collector c = create("trapd"), other = create("trapd");
    char text[COLLECTOR_TOKEN_MAX + 1], foreign[COLLECTOR_TOKEN_MAX + 1];
    struct token token = token_of(c.id, 3, text);
    struct token token2 = token_of(other.id, 2, foreign);

    (void)state;
    assert_int_equal(redeem(c.id, "", HOST), COLLECTOR_NO_TOKEN);
    assert_int_equal(redeem(c.id, NULL, HOST), COLLECTOR_NO_TOKEN);
    assert_int_equal(redeem(c.id, token.secret, ""), COLLECTOR_NO_TOKEN);
    assert_int_equal(redeem("nothing", token.secret, HOST), COLLECTOR_UNKNOWN);
    assert_int_equal(
        redeem("00000000-0000-4000-8000-000000000000", token.secret, HOST), COLLECTOR_UNKNOWN);
    assert_int_equal(redeem(c.id, token2.secret, HOST), COLLECTOR_BAD_TOKEN);
    assert_int_equal(redeem(c.id, foreign, HOST), COLLECTOR_BAD_TOKEN);
    assert_int_equal(redeem(c.id, "' OR 1=1 --", HOST), COLLECTOR_BAD_TOKEN);
    text[strlen(text) - 3] ^= 1;
    assert_int_equal(redeem(c.id, text, HOST), COLLECTOR_BAD_TOKEN);
    assert_int_equal(confirm(c.id, token.secret, HOST, NULL), COLLECTOR_NOT_READY);
    assert_int_equal(state_of(c.id), COLLECTOR_READY);
    token_done(&token);
    token_done(&token2);
}

static void
an_expired_token_opens_nothing_but_confirms_what_it_opened(void **state)
{
    struct collector c = create("netflow");
    char text[COLLECTOR_TOKEN_MAX + 1];
    struct token token = token_of(c.id, 3, text);

    (void)state;
    assert_int_equal(redeem(c.id, token.secret, HOST), COLLECTOR_GRANTED);
    desk_good(store_run(desk_store, &desk_trouble, NULL,
        "UPDATE token SET expires_s = 1700000000 WHERE collector = ?", "t", c.id));
    assert_int_equal(redeem(c.id, text, HOST), COLLECTOR_EXPIRED);
    assert_int_equal(redeem(c.id, token.secret, OTHER), COLLECTOR_EXPIRED);
    assert_int_equal(confirm(c.id, token.secret, HOST, NULL), COLLECTOR_GRANTED);
    assert_int_equal(state_of(c.id), COLLECTOR_INSTALLED);
    token_done(&token);
}

static void
a_newer_token_ends_the_older_and_is_for_any_host(void **state)
{
    struct collector c = create("trapd");
    char text[COLLECTOR_TOKEN_MAX + 1];
    struct token first = token_of(c.id, 3, text);

    (void)state;
    assert_int_equal(redeem(c.id, first.secret, HOST), COLLECTOR_GRANTED);
    struct token second = token_of(c.id, 3, text);
    assert_int_equal(redeem(c.id, first.secret, HOST), COLLECTOR_SPENT);
    assert_int_equal(redeem(c.id, second.secret, OTHER), COLLECTOR_GRANTED);
    assert_int_equal(confirm(c.id, first.secret, OTHER, NULL), COLLECTOR_SPENT);
    token_done(&first);
    token_done(&second);
}

static void
a_revoked_collector_gets_nothing(void **state)
{
    struct collector c = create("trapd");
    char text[COLLECTOR_TOKEN_MAX + 1];
    struct token token = token_of(c.id, 3, text);

    (void)state;
    desk_good(collector_revoke(desk_store, c.id, "stolen", &desk_trouble));
    desk_good(collector_revoke(desk_store, c.id, "again", &desk_trouble));
    assert_int_equal(redeem(c.id, token.secret, HOST), COLLECTOR_NOT_READY);
    assert_int_equal(confirm(c.id, token.secret, HOST, NULL), COLLECTOR_NOT_READY);
    assert_false(collector_token(desk_store, c.id, 3, HOUR_S, text, &desk_trouble));
    assert_int_equal(state_of(c.id), COLLECTOR_REVOKED);
    token_done(&token);
}

static void
a_draft_that_is_wrong_makes_nothing(void **state)
{
    static const struct collector_draft drafts[] = {
        { .account = "nobody", .type = "trapd" },
        { .account = "acme", .type = "otel" },
        { .account = "acme", .type = "trapd", .site = "two words" },
        { .account = "acme", .type = "trapd", .site = "a.b" },
        { .account = "acme", .type = "trapd", .site = "a-name-with-which-it-does-not-fit-in" },
        { .account = "acme", .type = "trapd", .hostname = "no host" },
        { .account = "acme", .type = "trapd", .overrides = "[]" },
        { .account = "acme", .type = "trapd", .overrides = "{\"a\": 1, \"a\": 2}" },
    };
    int64_t before = desk_number("SELECT count(*) FROM collector WHERE ? IS NOT NULL", "");
    struct collector c;

    (void)state;
    for (size_t i = 0; i < sizeof(drafts) / sizeof(drafts[0]); i++) {
        desk_trouble = (struct trouble){ .error = 0 };
        assert_false(collector_create(desk_store, &drafts[i], &c, &desk_trouble));
        assert_true(desk_trouble.cause[0] != '\0' && desk_trouble.remedy[0] != '\0');
    }
    assert_int_equal(desk_number("SELECT count(*) FROM collector WHERE ? IS NOT NULL", ""), before);
}

static void
the_beginning_of_an_id_finds_it(void **state)
{
    struct collector c = create("trapd"), found;
    char begin[9];

    (void)state;
    (void)snprintf(begin, sizeof(begin), "%.8s", c.id);
    desk_good(collector_find(desk_store, begin, &found, &desk_trouble));
    assert_string_equal(found.id, c.id);
    assert_false(collector_find(desk_store, "*", &found, &desk_trouble));
    assert_false(collector_find(desk_store, "", &found, &desk_trouble));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_says_what_a_host_needs),
        cmocka_unit_test(the_database_has_the_hash_of_a_secret_only),
        cmocka_unit_test(a_token_opens_for_the_host_that_used_it_and_no_other),
        cmocka_unit_test(what_is_no_token_of_the_collector_is_refused),
        cmocka_unit_test(an_expired_token_opens_nothing_but_confirms_what_it_opened),
        cmocka_unit_test(a_newer_token_ends_the_older_and_is_for_any_host),
        cmocka_unit_test(a_revoked_collector_gets_nothing),
        cmocka_unit_test(a_draft_that_is_wrong_makes_nothing),
        cmocka_unit_test(the_beginning_of_an_id_finds_it),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
