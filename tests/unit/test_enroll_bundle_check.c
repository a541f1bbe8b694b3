/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "enroll/bundle_check.h"
#include "sr/creds.h"
#include "sr/jwt.h"
#include "tls_build.h"

#define NOW 1700000000
#define DAY 86400
#define TEXT_MAX 16384

static struct tls_build_cert root, tenant, leaf;
static struct sr_nkeypair account, user;
static char certificate[TEXT_MAX], key[TEXT_MAX], chain[TEXT_MAX], creds[TEXT_MAX];
static struct bundle bundle;

/* A certificate of now. */
static struct tls_build_cert
make(const char *name, const struct tls_build_cert *issuer, bool is_ca, const char *usage)
{
    const struct tls_build_ask ask = { name, issuer, is_ca, usage, NOW - DAY, NOW + DAY };
    return tls_build(&ask);
}

static int
make_keys(void **state)
{
    (void)state;
    root = make("root", NULL, true, NULL);
    tenant = make("tenant-acme.ca.serviceradar", &root, true, NULL);
    leaf = make("trapd.default.acme.serviceradar", &tenant, false, "serverAuth,clientAuth");
    return sr_nkeypair_generate(SR_NKEY_ACCOUNT, &account) == SR_NKEY_OK &&
                   sr_nkeypair_generate(SR_NKEY_USER, &user) == SR_NKEY_OK
               ? 0
               : -1;
}

static int
free_keys(void **state)
{
    (void)state;
    tls_build_free(&leaf);
    tls_build_free(&tenant);
    tls_build_free(&root);
    return 0;
}

static json_t *
claims_of_a_collector(void)
{
    return json_pack("{s:s, s:s, s:{s:s, s:i, s:{s:[s]}, s:{s:[s]}}}", "sub", user.public_text,
        "name", "acme-trapd", "nats", "type", "user", "version", 2, "pub", "allow",
        "acme.logs.snmp", "sub", "allow", "_INBOX.acme-trapd.>");
}

/* Makes the credentials of `claims` (taken over) and the seed of `pair`. */
static void
put_creds(json_t *claims, const struct sr_nkeypair *pair)
{
    struct sr_buf out = sr_buf_over(creds, sizeof(creds) - 1);
    char seed[SR_NKEY_SEED_LEN + 1];
    char *token = NULL;

    assert_int_equal(sr_jwt_sign(claims, &account, NOW, &token), SR_JWT_OK);
    sr_nkey_seed_encode(pair->type, pair->seed, seed);
    sr_creds_format(&out, span_of(token), span_of(seed));
    assert_false(out.overflow);
    creds[out.len] = '\0';
    free(token);
    json_decref(claims);
}

static void
put_cert(char *text, const struct tls_build_cert *made)
{
    text[0] = '\0';
    tls_build_add_cert(text, TEXT_MAX, made);
}

static void
put_key(const struct tls_build_cert *made, const char *password)
{
    key[0] = '\0';
    tls_build_add_key(key, TEXT_MAX, made, password);
}

/* A good bundle's content, before each test. */
static int
put_all(void **state)
{
    (void)state;
    put_cert(certificate, &leaf);
    put_key(&leaf, NULL);
    put_cert(chain, &tenant);
    tls_build_add_cert(chain, sizeof(chain), &root);
    put_creds(claims_of_a_collector(), &user);
    return 0;
}

static const char *const snmp[] = { "logs.snmp", NULL };

/* All problems of what has been put together. */
static struct bundle_problems
problems_at(time_t now)
{
    struct bundle_problems problems = { .count = 0 };

    bundle.certificate = span_of(certificate);
    bundle.key = span_of(key);
    bundle.ca_chain = span_of(chain);
    bundle.creds = span_of(creds);
    bundle_check(&bundle, snmp, (uint64_t)now, &problems);
    return problems;
}

/* The bundle has this problem and no other. */
static void
assert_only(enum bundle_fault fault, const char *detail)
{
    struct bundle_problems problems = problems_at(NOW);

    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.list[0].fault, fault);
    assert_string_equal(problems.list[0].detail, detail);
}

static void
a_good_bundle_has_no_problem(void **state)
{
    (void)state;
    assert_int_equal(problems_at(NOW).count, 0);
}

static void
a_bundle_without_tls_material_has_no_problem_with_it(void **state)
{
    (void)state;
    certificate[0] = key[0] = chain[0] = '\0';
    assert_int_equal(problems_at(NOW).count, 0);
}

static void
a_bundle_without_secrets_has_no_problem_with_them(void **state)
{
    struct bundle alone = { .memory = NULL };
    struct bundle_problems problems = { .count = 0 };
    char token[SR_CREDS_MAX];
    struct sr_creds_text text;

    (void)state;
    assert_int_equal(sr_creds_parse(span_of(creds), &text), SR_CREDS_OK);
    (void)snprintf(
        token, sizeof(token), "%.*s\r\n", (int)text.jwt.len, (const char *)text.jwt.data);
    alone.certificate = span_of(certificate);
    alone.ca_chain = span_of(chain);
    alone.user_jwt = span_of(token);
    bundle_check(&alone, snmp, (uint64_t)NOW, &problems);
    assert_int_equal(problems.count, 0);
    bundle_check_publish(&alone, (const char *const[]){ "logs.syslog", NULL }, &problems);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.list[0].fault, BUNDLE_PUBLISH_REFUSED);
}

static void
everything_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    certificate[0] = '\0';
    memcpy(key, "x", 2);
    memcpy(chain, "y", 2);
    memcpy(creds, "z", 2);
    struct bundle_problems problems = problems_at(NOW);
    assert_int_equal(problems.count, 4);
    assert_int_equal(problems.list[0].fault, BUNDLE_CERT_UNREADABLE);
    assert_int_equal(problems.list[1].fault, BUNDLE_KEY_UNREADABLE);
    assert_int_equal(problems.list[2].fault, BUNDLE_CA_UNREADABLE);
    assert_int_equal(problems.list[3].fault, BUNDLE_CREDS_DAMAGED);
}

static void
a_key_of_another_certificate_is_told(void **state)
{
    (void)state;
    put_key(&tenant, NULL);
    assert_only(BUNDLE_KEY_MISMATCH, "");
}

static void
an_encrypted_key_is_told_without_asking_for_its_password(void **state)
{
    (void)state;
    put_key(&leaf, "secret");
    assert_only(BUNDLE_KEY_ENCRYPTED, "");
}

static void
a_damaged_key_and_certificate_are_told(void **state)
{
    (void)state;
    key[100] = '!';
    assert_only(BUNDLE_KEY_UNREADABLE, "");
    (void)put_all(NULL);
    certificate[100] = '!';
    assert_only(BUNDLE_CERT_UNREADABLE, "");
}

static void
a_certificate_counts_between_its_times(void **state)
{
    static const struct {
        time_t now;
        enum bundle_fault fault;
        const char *detail;
    } cases[] = {
        { NOW + DAY, BUNDLE_CERT_EXPIRED, "short, 2023-11-15 22:13:20Z" },
        { NOW - 1, BUNDLE_CERT_NOT_YET, "short, 2023-11-14 22:13:20Z" },
    };
    const struct tls_build_ask ask = { "short", &root, false, NULL, NOW, NOW + DAY };
    const struct tls_build_ask long_lived = { "root", NULL, true, NULL, NOW - DAY, NOW + 9 * DAY };

    (void)state;
    struct tls_build_cert ca = tls_build(&long_lived);
    struct tls_build_ask issued = ask;
    issued.issuer = &ca;
    struct tls_build_cert made = tls_build(&issued);
    put_cert(certificate, &made);
    put_key(&made, NULL);
    put_cert(chain, &ca);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bundle_problems problems = problems_at(cases[i].now);
        assert_int_equal(problems.count, 1);
        assert_int_equal(problems.list[0].fault, cases[i].fault);
        assert_string_equal(problems.list[0].detail, cases[i].detail);
    }
    assert_int_equal(problems_at(NOW + DAY - 1).count, 0);
    tls_build_free(&made);
    tls_build_free(&ca);
}

static void
a_certificate_for_servers_only_is_told(void **state)
{
    struct tls_build_cert made = make("server", &tenant, false, "serverAuth");

    (void)state;
    put_cert(certificate, &made);
    put_key(&made, NULL);
    assert_only(BUNDLE_CERT_NO_CLIENT, "server");
    tls_build_free(&made);
    made = make("any", &tenant, false, NULL);
    put_cert(certificate, &made);
    put_key(&made, NULL);
    assert_int_equal(problems_at(NOW).count, 0);
    tls_build_free(&made);
}

static void
the_platforms_chain_of_leaf_and_tenant_is_named_as_the_mistake_it_is(void **state)
{
    (void)state;
    put_cert(chain, &leaf);
    tls_build_add_cert(chain, sizeof(chain), &tenant);
    assert_only(BUNDLE_CA_LEAF_NO_ROOT, "tenant-acme.ca.serviceradar");
    assert_non_null(strstr(bundle_fault_cause(BUNDLE_CA_LEAF_NO_ROOT), "known mistake"));
    put_cert(chain, &tenant);
    assert_only(BUNDLE_CA_NO_ROOT, "tenant-acme.ca.serviceradar");
}

static void
a_root_beside_the_mistake_repairs_it(void **state)
{
    (void)state;
    put_cert(chain, &leaf);
    tls_build_add_cert(chain, sizeof(chain), &tenant);
    tls_build_add_cert(chain, sizeof(chain), &root);
    assert_int_equal(problems_at(NOW).count, 0);
}

static void
an_intermediate_may_stand_behind_the_certificate(void **state)
{
    (void)state;
    tls_build_add_cert(certificate, sizeof(certificate), &tenant);
    put_cert(chain, &root);
    assert_int_equal(problems_at(NOW).count, 0);
}

static void
a_chain_to_nowhere_is_told(void **state)
{
    struct tls_build_cert other = make("root", NULL, true, NULL);

    (void)state;
    put_cert(chain, &root);
    assert_only(BUNDLE_CHAIN_BROKEN, "unable to get local issuer certificate");
    put_cert(chain, &tenant);
    tls_build_add_cert(chain, sizeof(chain), &other);
    struct bundle_problems problems = problems_at(NOW);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.list[0].fault, BUNDLE_CHAIN_BROKEN);
    tls_build_free(&other);
}

static void
a_leaf_that_signs_is_no_ca(void **state)
{
    struct tls_build_cert below = make("below", &leaf, false, "clientAuth");

    (void)state;
    put_cert(certificate, &below);
    put_key(&below, NULL);
    tls_build_add_cert(chain, sizeof(chain), &leaf);
    struct bundle_problems problems = problems_at(NOW);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.list[0].fault, BUNDLE_CHAIN_BROKEN);
    tls_build_free(&below);
}

static void
the_times_of_issuers_count(void **state)
{
    static const struct {
        time_t from, to;
        enum bundle_fault fault;
        const char *detail;
    } cases[] = {
        { NOW - 2 * DAY, NOW - DAY, BUNDLE_CA_EXPIRED, "old, 2023-11-13 22:13:20Z" },
        { NOW + DAY, NOW + 2 * DAY, BUNDLE_CA_NOT_YET, "old, 2023-11-15 22:13:20Z" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tls_build_ask ask = { "old", NULL, true, NULL, cases[i].from, cases[i].to };
        struct tls_build_cert ca = tls_build(&ask);
        struct tls_build_cert made = make("made", &ca, false, "clientAuth");
        put_cert(certificate, &made);
        put_key(&made, NULL);
        put_cert(chain, &ca);
        assert_only(cases[i].fault, cases[i].detail);
        tls_build_free(&made);
        tls_build_free(&ca);
    }
}

static void
a_damaged_certificate_among_the_cas_is_told(void **state)
{
    (void)state;
    chain[strlen(chain) - 40] = '!';
    assert_only(BUNDLE_CA_UNREADABLE, "");
}

static void
a_user_whose_permissions_are_with_its_signing_key_has_no_problem(void **state)
{
    struct sr_nkeypair owner;

    (void)state;
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_ACCOUNT, &owner), SR_NKEY_OK);
    put_creds(
        json_pack("{s:s, s:s, s:{s:s, s:i, s:s}}", "sub", user.public_text, "name", "trapd-hq-1",
            "nats", "type", "user", "version", 2, "issuer_account", owner.public_text),
        &user);
    assert_int_equal(problems_at(NOW).count, 0);
}

/* The only problem of credentials whose claims have `value` (taken over) as `name`. */
static void
assert_claim(const char *name, json_t *value, enum bundle_fault fault)
{
    json_t *claims = claims_of_a_collector();

    json_object_set_new(claims, name, value);
    put_creds(claims, &user);
    assert_only(fault, "");
}

static void
credentials_are_checked(void **state)
{
    (void)state;
    assert_claim("exp", json_integer(NOW), BUNDLE_CREDS_EXPIRED);
    assert_claim("nbf", json_integer(NOW + 1), BUNDLE_CREDS_NOT_YET);
    assert_claim("nats",
        json_pack("{s:s, s:{s:[s]}}", "type", "account", "pub", "allow", "acme.logs.snmp"),
        BUNDLE_CREDS_NOT_USER);
    assert_claim("nats",
        json_pack("{s:s, s:{s:[s]}, s:{s:[s]}}", "type", "user", "pub", "allow", ">", "sub",
            "allow", "logs.>"),
        BUNDLE_CREDS_NO_INBOX);
    struct sr_nkeypair other;
    assert_int_equal(sr_nkeypair_generate(SR_NKEY_USER, &other), SR_NKEY_OK);
    put_creds(claims_of_a_collector(), &other);
    assert_only(BUNDLE_CREDS_MISMATCH, "");
    put_creds(claims_of_a_collector(), &account);
    assert_only(BUNDLE_CREDS_DAMAGED, "");
}

static void
subjects_fit_patterns_by_token(void **state)
{
    static const struct {
        const char *pattern, *subject;
        bool fits;
    } cases[] = {
        { "a", "a", true },
        { "a", "b", false },
        { "a.b", "a.b", true },
        { "a.b", "a", false },
        { "a", "a.b", false },
        { "a.b", "a.bc", false },
        { "*", "a", true },
        { "*", "a.b", false },
        { "*.b", "a.b", true },
        { "a.*", "a.b", true },
        { "a.*.c", "a.b.c", true },
        { "a.*.c", "a.b.d", false },
        { "a*", "ab", false },
        { "a*", "a*", true },
        { ">", "a", true },
        { ">", "a.b.c", true },
        { "a.>", "a.b", true },
        { "a.>", "a.b.c", true },
        { "a.>", "a", false },
        { "a.>", "b.c", false },
        { ">.a", "a.a", false },
        { "a.>.c", "a.b.c", false },
        { "", "a", false },
        { "a", "", false },
        { "", "", false },
        { "a..b", "a..b", false },
        { "a.", "a.", false },
        { ".a", "x.a", false },
        { "logs.snmp.>", "logs.snmp", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(bundle_subject_fits(cases[i].pattern, cases[i].subject), cases[i].fits);
    }
}

#define FINE (-1)

static void
permission_is_looked_for_on_the_mapped_subject(void **state)
{
    static const struct {
        const char *publish; /* the token's `pub` */
        int fault;
    } cases[] = {
        { "{\"allow\": [\"acme.logs.snmp\"]}", FINE },
        { "{\"allow\": [\"x\", \"acme.logs.>\"]}", FINE },
        { "{\"allow\": [\"*.logs.snmp\"]}", FINE },
        { "{\"allow\": [\">\"]}", FINE },
        { "{\"allow\": []}", FINE },
        { "{}", FINE },
        { "null", FINE },
        { "{\"allow\": [\"logs.snmp\"]}", BUNDLE_PUBLISH_UNMAPPED },
        { "{\"allow\": [\"logs.>\"]}", BUNDLE_PUBLISH_UNMAPPED },
        { "{\"allow\": [\"logs.logs.>\"]}", FINE },
        { "{\"allow\": [\"logs.snmp.>\"]}", BUNDLE_PUBLISH_REFUSED },
        { "{\"allow\": [\"acme.logs.snmp.>\"]}", BUNDLE_PUBLISH_REFUSED },
        { "{\"allow\": [\"acme.logs.syslog\"]}", BUNDLE_PUBLISH_REFUSED },
        { "{\"allow\": [7, null, \"\"]}", BUNDLE_PUBLISH_REFUSED },
        { "{\"allow\": [\"acme.>\"], \"deny\": [\"acme.logs.snmp\"]}", BUNDLE_PUBLISH_REFUSED },
        { "{\"allow\": [\"acme.>\"], \"deny\": [\"*.logs.snmp\"]}", BUNDLE_PUBLISH_REFUSED },
        { "{\"allow\": [\"acme.>\"], \"deny\": [\"other.>\"]}", FINE },
        { "{\"allow\": [\"*.logs.>\"], \"deny\": [\"acme.>\"]}", FINE },
        { "{\"deny\": [\">\"]}", BUNDLE_PUBLISH_REFUSED },
        { "{\"deny\": [\"*.logs.snmp\"]}", BUNDLE_PUBLISH_UNMAPPED },
        { "{\"deny\": [\"acme.logs.snmp\"]}", FINE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *claims = claims_of_a_collector();
        json_object_set_new(json_object_get(claims, "nats"), "pub",
            json_loads(cases[i].publish, JSON_DECODE_ANY, NULL));
        put_creds(claims, &user);
        if (cases[i].fault == FINE) {
            assert_int_equal(problems_at(NOW).count, 0);
        } else {
            assert_only((enum bundle_fault)cases[i].fault, "logs.snmp");
        }
    }
}

static void
a_subject_that_is_too_long_for_any_permission_is_refused(void **state)
{
    char subject[600];
    const char *const subjects[] = { subject, NULL };
    struct bundle_problems problems = { .count = 0 };

    (void)state;
    memset(subject, 's', sizeof(subject) - 1);
    subject[sizeof(subject) - 1] = '\0';
    bundle.creds = span_of(creds);
    bundle_check_publish(&bundle, subjects, &problems);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.list[0].fault, BUNDLE_PUBLISH_REFUSED);
    assert_int_equal(strlen(problems.list[0].detail), BUNDLE_DETAIL_MAX - 1);
}

static void
a_full_list_leaves_the_rest_out(void **state)
{
    struct bundle_problems problems = { .count = 0 };

    (void)state;
    for (size_t i = 0; i < BUNDLE_PROBLEMS_MAX + 3; i++) {
        bundle_add_problem(&problems, BUNDLE_KEY_MISMATCH, "x");
    }
    assert_int_equal(problems.count, BUNDLE_PROBLEMS_MAX);
}

static void
every_fault_has_a_cause_and_a_remedy(void **state)
{
    (void)state;
    for (int i = BUNDLE_CERT_UNREADABLE; i <= BUNDLE_NO_MEMORY; i++) {
        enum bundle_fault fault = (enum bundle_fault)i;
        assert_string_not_equal(bundle_fault_cause(fault), "Unknown fault.");
        assert_string_not_equal(bundle_fault_remedy(fault), "Have it looked at.");
        assert_int_equal(bundle_fault_is_fatal(fault), fault != BUNDLE_PUBLISH_UNMAPPED);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_bundle_has_no_problem, put_all),
        cmocka_unit_test_setup(a_bundle_without_tls_material_has_no_problem_with_it, put_all),
        cmocka_unit_test_setup(a_bundle_without_secrets_has_no_problem_with_them, put_all),
        cmocka_unit_test_setup(everything_that_is_wrong_is_told_at_once, put_all),
        cmocka_unit_test_setup(a_key_of_another_certificate_is_told, put_all),
        cmocka_unit_test_setup(an_encrypted_key_is_told_without_asking_for_its_password, put_all),
        cmocka_unit_test_setup(a_damaged_key_and_certificate_are_told, put_all),
        cmocka_unit_test_setup(a_certificate_counts_between_its_times, put_all),
        cmocka_unit_test_setup(a_certificate_for_servers_only_is_told, put_all),
        cmocka_unit_test_setup(
            the_platforms_chain_of_leaf_and_tenant_is_named_as_the_mistake_it_is, put_all),
        cmocka_unit_test_setup(a_root_beside_the_mistake_repairs_it, put_all),
        cmocka_unit_test_setup(an_intermediate_may_stand_behind_the_certificate, put_all),
        cmocka_unit_test_setup(a_chain_to_nowhere_is_told, put_all),
        cmocka_unit_test_setup(a_leaf_that_signs_is_no_ca, put_all),
        cmocka_unit_test_setup(the_times_of_issuers_count, put_all),
        cmocka_unit_test_setup(a_damaged_certificate_among_the_cas_is_told, put_all),
        cmocka_unit_test_setup(
            a_user_whose_permissions_are_with_its_signing_key_has_no_problem, put_all),
        cmocka_unit_test_setup(credentials_are_checked, put_all),
        cmocka_unit_test(subjects_fit_patterns_by_token),
        cmocka_unit_test_setup(permission_is_looked_for_on_the_mapped_subject, put_all),
        cmocka_unit_test_setup(a_subject_that_is_too_long_for_any_permission_is_refused, put_all),
        cmocka_unit_test_setup(a_full_list_leaves_the_rest_out, put_all),
        cmocka_unit_test(every_fault_has_a_cause_and_a_remedy),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
