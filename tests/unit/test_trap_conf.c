/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "trapd.h"
#include "usm/usm.h"

#include "sr/conf.h"

#include "sr/banned.h"

static struct sr_conf_problems *problems;
static char *printed;
static char dir[64];

/* ---- What a file gives ---- */

static void *
load(const char *text)
{
    struct sr_conf_source source = { .file = "f.yaml" };

    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    return sr_conf_load_text(&trapd_schema, &source, span_of(text), problems);
}

/* Loads a file that must load, prints it in our form, and returns it. */
static struct trapd_conf *
accepts(const char *text)
{
    struct trapd_conf *config = load(text);
    size_t size = 0;

    if (config == NULL) {
        fail_msg("%s: %s", text, sr_conf_problems_text(problems, 0));
    }
    free(printed);
    printed = NULL;
    FILE *out = open_memstream(&printed, &size);
    assert_non_null(out);
    sr_conf_print(&trapd_schema, config, out);
    assert_int_equal(fclose(out), 0);
    return config;
}

static void
gives(const char *line)
{
    if (strstr(printed, line) == NULL) {
        fail_msg("no `%s` in:\n%s", line, printed);
    }
}

/* There is this problem, and it is the only one. */
static void
refuses(const char *text, const char *problem)
{
    void *config = load(text);

    if (config != NULL) {
        sr_conf_free(config);
        fail_msg("accepted: %s", text);
    }
    assert_string_equal(sr_conf_problems_text(problems, 0), problem);
    assert_int_equal(sr_conf_problems_count(problems), 1);
}

/* One note has all of this in it. */
static void
notes(const char *words)
{
    for (size_t i = 0; i < sr_conf_notes_count(problems); i++) {
        if (strstr(sr_conf_notes_text(problems, i), words) != NULL) {
            return;
        }
    }
    for (size_t i = 0; i < sr_conf_notes_count(problems); i++) {
        print_error("note: %s\n", sr_conf_notes_text(problems, i));
    }
    fail_msg("no note has `%s`", words);
}

/* Writes a file of users; its path is `dir`/users.yaml. */
static const char *
users_file(const char *text, mode_t mode)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/users.yaml", dir);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

/* ---- Our own form ---- */

static void
defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    sr_conf_free(accepts(""));
    gives("    protocol: snmptrap\n    listen: \"udp://0.0.0.0:162\"\n    subject: logs.snmp\n");
    gives("    allow: []\n    deny: []\n    compat: native\n    community: clear\n");
    gives("    communities: []\n    users: []\n    allow_traps: []\n    deny_traps: []\n");
    gives("    rate_limit: 0\n    inform:\n      ack: published\n    time_window: strict\n");
    gives("    storm:\n      traps: 0\n      interval: 10s\n      quiet: 10s\n      every: 1m\n");
    gives("metrics:\n  listen: \"127.0.0.1:9620\"\n");
    gives("dir: /var/lib/serviceradar/trapd\n");
    gives("dead_letter: true\n");
    gives("enrich: false\n");
    gives("users: []\n# users_file: not set\n# engine_id: not set\n");
}

static void
extra_keys_can_be_asked_for(void **state)
{
    (void)state;
    sr_conf_free(accepts("enrich: true\n"));
    gives("enrich: true\n");
}

static void
secrets_are_not_printed(void **state)
{
    (void)state;
    sr_conf_free(accepts("community_key: community-key-of-16\n"
                         "listeners: [{communities: [hidden-one, hidden-two]}]\n"
                         "users:\n"
                         "  - {name: joe, auth: SHA, auth_password: hidden-three, priv: AES-128,\n"
                         "     priv_password: hidden-four}\n"));
    assert_null(strstr(printed, "hidden"));
    assert_null(strstr(printed, "community-key"));
    gives("name: joe\n");
}

static void
what_is_secret_is_not_told_in_problems(void **state)
{
    (void)state;
    refuses("users: [{name: joe, auth: SHA, auth_password: hidden}]\n",
        "f.yaml:1: users[0].auth_password: is too short; a password has at least 8 bytes (RFC 3414 "
        "section 11.2)");
}

static void
listeners_are_checked(void **state)
{
    char text[400];

    (void)state;
    refuses("listeners:\n  - allow: [10.0.0.0/8, 10.0.0.0/33]\n",
        "f.yaml:2: listeners[0].allow: `10.0.0.0/33` has no such prefix; an IPv4 network has "
        "0 to 32 bits, an IPv6 one 0 to 128");
    refuses("listeners:\n  - communities: [public, \"\"]\n",
        "f.yaml:2: listeners[0].communities: item 1 has 0 bytes; a community has 1 to 255");
    (void)snprintf(text, sizeof(text), "listeners: [{communities: [%0256d]}]\n", 0);
    refuses(text, "f.yaml:1: listeners[0].communities: item 0 has 256 bytes; a community has 1 to "
                  "255");
    refuses("listeners:\n  - listen: tcp://0.0.0.0:162\n",
        "f.yaml:2: listeners[0].listen: `tcp://0.0.0.0:162`: this program receives datagrams only; "
        "write udp://HOST:PORT");
    refuses("listeners:\n  - community: hash\n",
        "f.yaml:2: listeners[0].community: needs a key, without which a hash is soon guessed; set "
        "`community_key`");
    refuses("community_key: too-short\n",
        "f.yaml:1: community_key: is too short; write at least 16 random bytes");
    refuses("listeners:\n  - allow_traps: [IF-MIB::linkUp]\n    deny_traps: [1.3.6.]\n",
        "f.yaml:3: listeners[0].deny_traps: `1.3.6.` is no identifier; write numbers with points "
        "between them (1.3.6.1.6.3.1.1.5.3, or 1.3.6.1.4.1.9.* for all that is below), or a name "
        "(IF-MIB::linkDown)");
    refuses("listeners: [{users: [joe, jim]}]\nusers: [{name: joe}]\n",
        "f.yaml:1: listeners[0].users: `jim` is nobody; add it to `users` or `users_file`");
    refuses("listeners:\n  - storm: {interval: 500ms}\n",
        "f.yaml:2: listeners[0].storm.interval: is 500ms; must be 1s to 1h");
    refuses("listeners:\n  - storm: {interval: 1000000001ns}\n",
        "f.yaml:2: listeners[0].storm.interval: must be whole milliseconds");
    refuses("listeners: [{protocol: syslog}]\n",
        "f.yaml:1: listeners[0].protocol: is `syslog`; must be one of snmptrap");
}

static void
users_are_checked(void **state)
{
    static const char *const cases[][2] = {
        { "users: [{auth: none}]", "f.yaml:1: users[0]: has no `name`; add it" },
        { "users: [{name: \"\"}]",
            "f.yaml:1: users[0].name: must be 1 to 32 bytes long (RFC 3414 section 2.4)" },
        { "users: [{name: 123456789012345678901234567890123}]",
            "f.yaml:1: users[0].name: must be 1 to 32 bytes long (RFC 3414 section 2.4)" },
        { "users: [{name: a, auth: sha257}]", "f.yaml:1: users[0].auth: is `sha257`; must be one "
                                              "of none, MD5, SHA, SHA-224, SHA-256, SHA-384, "
                                              "SHA-512" },
        { "users: [{name: a, auth: MD5}]",
            "f.yaml:1: users[0].auth_password: is missing; `auth` needs it" },
        { "users: [{name: a, auth_password: longenough}]",
            "f.yaml:1: users[0].auth_password: is for no algorithm; name it as `auth`" },
        { "users: [{name: a, auth: SHA, auth_password: longenough, priv: DES}]",
            "f.yaml:1: users[0].priv_password: is missing; `priv` needs it" },
        { "users: [{name: a, auth: SHA, auth_password: longenough, priv_password: longenough}]",
            "f.yaml:1: users[0].priv_password: is for no algorithm; name it as `priv`" },
        { "users: [{name: a, priv: DES, priv_password: longenough}]",
            "f.yaml:1: users[0].priv: needs `auth` as well (RFC 3411 section 3.4.3)" },
        { "users: [{name: a, auth: SHA, auth_password: longenough, priv: DES, priv_password: "
          "short12}]",
            "f.yaml:1: users[0].priv_password: is too short; a password has at least 8 bytes (RFC "
            "3414 section 11.2)" },
        { "users: [{name: a, auth: SHA, auth_password: longenough, level: authPriv}]",
            "f.yaml:1: users[0].level: is more than the user has algorithms for; name them as "
            "`auth` and `priv`" },
        { "users: [{name: a, level: authNoPriv}]",
            "f.yaml:1: users[0].level: is more than the user has algorithms for; name them as "
            "`auth` and `priv`" },
        { "users: [{name: a, auth: SHA, auth_password: longenough, level: noAuthNoPriv}]",
            "f.yaml:1: users[0].level: would take what anybody sends in the name of the user; "
            "write authNoPriv, or leave out `auth`" },
        { "users: [{name: a, engine_ids: [80001f88]}]",
            "f.yaml:1: users[0].engine_ids: `80001f88` is no engine id; write 5 to 32 bytes as "
            "hexadecimal digits, as 80001f8803c0ffee00, or how they begin, 4 bytes at least, as "
            "80001f88*" },
        { "engine_id: 80001f88",
            "f.yaml:1: engine_id: `80001f88` is no engine id; write 5 to 32 bytes as hexadecimal "
            "digits, as 80001f8805c0ffee00, or leave it out and have one made" },
        { "engine_id: '0000000000'",
            "f.yaml:1: engine_id: `0000000000` is no engine id; write 5 to 32 bytes as hexadecimal "
            "digits, as 80001f8805c0ffee00, or leave it out and have one made" },
        { "engine_id: ffffffffffff",
            "f.yaml:1: engine_id: `ffffffffffff` is no engine id; write 5 to 32 bytes as "
            "hexadecimal digits, as 80001f8805c0ffee00, or leave it out and have one made" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refuses(cases[i][0], cases[i][1]);
    }
}

static void
an_engine_id_is_5_to_32_bytes_of_digits(void **state)
{
    static const char *const bad[] = { "", "0x", "80001f88", "80001f880", "80001f880g",
        "8000 1f8801", "0x0x80001f8801",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00" };
    uint8_t id[TRAPD_ENGINE_ID_MAX];

    (void)state;
    assert_int_equal(trapd_engine_id("80001F88ff", id), 5);
    assert_memory_equal(id, "\x80\x00\x1f\x88\xff", 5);
    assert_int_equal(trapd_engine_id("0x80001f880a", id), 5);
    assert_int_equal(id[4], 10);
    assert_int_equal(
        trapd_engine_id("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", id),
        32);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(trapd_engine_id(bad[i], id), 0);
    }
}

static void
the_begin_of_engine_ids_is_4_bytes_at_least_and_a_star(void **state)
{
    static const char *const bad[] = { "", "*", "80001f*", "80001f88", "80001f8*", "80001f88**",
        "*80001f88", "80001f88 *", "80001g88*",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00*" };
    uint8_t id[TRAPD_ENGINE_ID_MAX];

    (void)state;
    assert_int_equal(trapd_engine_prefix("80001F88*", id), 4);
    assert_memory_equal(id, "\x80\x00\x1f\x88", 4);
    assert_int_equal(trapd_engine_prefix("0x8000000903*", id), 5);
    assert_int_equal(trapd_engine_id("8000000903*", id), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(trapd_engine_prefix(bad[i], id), 0);
    }
}

/* ---- Users in a file of their own ---- */

static void
users_of_a_file_come_behind_the_others(void **state)
{
    struct trapd_users users;
    char text[256], error[256];
    const char *path = users_file("users:\n"
                                  "  - {name: two, auth: SHA-512, auth_password: from-a-file}\n"
                                  "  - {name: three, engine_ids: 80001f8801}\n",
        0600);

    (void)state;
    (void)snprintf(text, sizeof(text), "users: [{name: one}]\nusers_file: %s\n", path);
    struct trapd_conf *config = accepts(text);
    assert_int_equal(sr_conf_notes_count(problems), 0);
    assert_null(strstr(printed, "from-a-file"));
    assert_true(trapd_users_load(config, &users, error, sizeof(error)));
    assert_int_equal(users.count, 3);
    assert_string_equal(users.items[0].name, "one");
    assert_string_equal(users.items[1].name, "two");
    assert_int_equal(users.items[1].auth, USM_AUTH_SHA512);
    assert_string_equal(users.items[1].auth_password, "from-a-file");
    assert_string_equal(users.items[2].engine_ids.items[0], "80001f8801");
    trapd_users_done(&users);
    sr_conf_free(config);
}

static void
mistakes_in_the_file_of_users_are_told_with_its_lines(void **state)
{
    char text[256], expected[256];
    const char *path = users_file("users:\n  - name: two\n    auth: SHA\n", 0600);

    (void)state;
    (void)snprintf(text, sizeof(text), "users_file: %s\n", path);
    assert_null(load(text));
    (void)snprintf(expected, sizeof(expected),
        "%s:2: users[0].auth_password: is missing; `auth` needs it", path);
    assert_string_equal(sr_conf_problems_text(problems, 0), expected);
    path = users_file("listeners: []\n", 0600);
    (void)snprintf(expected, sizeof(expected), "%s:1: unknown key `listeners`", path);
    assert_null(load(text));
    assert_non_null(strstr(sr_conf_problems_text(problems, 0), expected));
}

static void
a_file_of_users_that_changed_for_the_worse_does_not_load(void **state)
{
    struct trapd_users users;
    char text[256], error[256];
    const char *path = users_file("users: [{name: two}]\n", 0600);

    (void)state;
    (void)snprintf(text, sizeof(text), "users_file: %s\n", path);
    struct trapd_conf *config = accepts(text);
    (void)users_file("users: [{nam: two}]\n", 0600);
    assert_false(trapd_users_load(config, &users, error, sizeof(error)));
    assert_non_null(
        strstr(error, "users.yaml:1: unknown key `users[0].nam`; did you mean `name`?"));
    sr_conf_free(config);
}

static void
a_file_of_users_that_everybody_can_read_is_noted(void **state)
{
    char text[256];

    (void)state;
    (void)snprintf(
        text, sizeof(text), "users_file: %s\n", users_file("users: [{name: a}]\n", 0644));
    sr_conf_free(accepts(text));
    notes("users_file: ");
    notes("holds passwords and can be read by everybody; chmod o-r it");
}

/* ---- Upstream's form ---- */

static const char shipped[] = "{\n"
                              "  \"listen_addr\": \"0.0.0.0:162\",\n"
                              "  \"nats_url\": \"tls://serviceradar-nats:4222\",\n"
                              "  \"nats_domain\": \"edge\",\n"
                              "  \"stream_name\": \"events\",\n"
                              "  \"stream_replicas\": 3,\n"
                              "  \"subject\": \"logs.snmp\",\n"
                              "  \"partition\": \"site-7\",\n"
                              "  \"nats_creds_file\": null,\n"
                              "  \"nats_security\": {\"mode\": \"none\", \"ca_file\": \"/no\"},\n"
                              "  \"grpc_listen_addr\": \"0.0.0.0:50043\",\n"
                              "  \"grpc_security\": {\"mode\": \"spiffe\",\n"
                              "    \"trust_domain\": \"carverauto.dev\",\n"
                              "    \"workload_socket\": \"unix:/run/spire/sockets/agent.sock\"},\n"
                              "  \"otel\": {\"enabled\": true, \"endpoint\": \"otel:4317\"}\n"
                              "}\n";

static void
what_upstream_ships_loads_with_one_note(void **state)
{
    (void)state;
    sr_conf_free(accepts(shipped));
    gives("listen: \"udp://0.0.0.0:162\"\n    subject: logs.snmp\n");
    gives("compat: upstream\n");
    gives("url: [\"tls://serviceradar-nats:4222\"]\n");
    gives("stream: events\n  manage_stream: append\n");
    gives("partition: \"site-7\"\n");
    gives("community: clear\n");
    assert_int_equal(sr_conf_notes_count(problems), 1);
    notes("f.yaml: is in the shape of ServiceRadar's trapd.json; ");
    notes("Not served, and left out: nats_domain, "
          "stream_replicas, grpc_listen_addr, grpc_security, otel");
}

static void
what_is_required_there_is_enough(void **state)
{
    (void)state;
    sr_conf_free(accepts("{\"listen_addr\": \"[::]:1162\", \"nats_url\": \"nats:4222\",\n"
                         "\"subject\": \"logs.snmp.edge\"}"));
    gives("listen: \"udp://[::]:1162\"\n    subject: logs.snmp.edge\n");
    gives("url: [\"nats://nats:4222\"]\n");
    gives("stream: events\n  manage_stream: append\n");
    gives("# creds_file: not set\n");
    refuses("{\"listen_addr\": \"0.0.0.0:162\", \"subject\": \"a\"}",
        "f.yaml: has no `nats_url`; add it");
    refuses(
        "{\"nats_url\": \"nats://n\", \"subject\": \"a\"}", "f.yaml: has no `listen_addr`; add it");
    refuses("{\"listen_addr\": \"0.0.0.0:162\", \"nats_url\": \"nats://n\"}",
        "f.yaml: has no `subject`; add it");
}

/* Files that are not there tell where they were looked for. */
static void
files_stand_in_cert_dir(void **state)
{
    static const char *const forms[] = {
        "{\"mode\": \"mtls\", \"cert_dir\": \"/no/dir\", \"ca_file\": \"ca.pem\"}",
        "{\"mode\": \"\", \"cert_dir\": \"/no/dir/\", \"ca_file\": \"ca.pem\"}",
        "{\"cert_dir\": \"/no/dir\", \"ca_file\": \"ca.pem\", \"client_ca_file\": \"x\"}",
        "{\"ca_file\": \"/no/dir/ca.pem\"}",
    };
    static const char *const names[] = { "nats_security", "security" };
    char text[400], expected[256];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(forms) / sizeof(forms[0]); i++) {
        (void)snprintf(text, sizeof(text),
            "{\"listen_addr\": \"0.0.0.0:162\", \"nats_url\": \"tls://n\", \"subject\": \"a\",\n"
            "\"%s\": %s}",
            names[i % 2], forms[i / 2]);
        (void)snprintf(expected, sizeof(expected),
            "f.yaml:2: %s.ca_file (nats.tls.ca_file): cannot read /no/dir/ca.pem: No such file or "
            "directory; create it or correct the path",
            names[i % 2]);
        refuses(text, expected);
    }
}

static void
credentials_stand_in_cert_dir_too(void **state)
{
    static const char head[] = "{\"listen_addr\": \"0.0.0.0:162\", \"nats_url\": \"tls://n\", "
                               "\"subject\": \"a\",\n";
    static const char *const cases[][2] = {
        { "\"nats_creds_file\": \"a.creds\", \"nats_security\": {\"mode\": \"none\", "
          "\"cert_dir\": \"/no\"}}",
            "/no/a.creds" },
        { "\"nats_creds_file\": \"a.creds\", \"security\": {\"mode\": \"none\", \"cert_dir\": "
          "\"/no\"}}",
            "/no/a.creds" },
        { "\"nats_creds_file\": \"/no/such/a.creds\", \"security\": {\"mode\": \"none\", "
          "\"cert_dir\": \"/no\"}}",
            "/no/such/a.creds" },
        { "\"nats_creds_file\": \"no/such/a.creds\"}", "no/such/a.creds" },
    };
    char text[400], expected[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "%s%s", head, cases[i][0]);
        (void)snprintf(expected, sizeof(expected),
            "f.yaml:2: nats_creds_file (nats.creds_file): cannot read %s: No such file or "
            "directory; create it or correct the path",
            cases[i][1]);
        refuses(text, expected);
    }
}

static void
mistakes_there_are_told_in_the_words_of_the_file(void **state)
{
    (void)state;
    refuses("{\"listen_addr\": \"0.0.0.0\", \"nats_url\": \"tls://n\", \"subject\": \"a\"}",
        "f.yaml:1: listen_addr (listeners[0].listen): `udp://0.0.0.0`: has no port; write it "
        "behind the address, for example udp://0.0.0.0:514");
    refuses("{\"listen_addr\": \"0.0.0.0:162\", \"nats_url\": \"tls://n\", \"subject\": \"a\",\n"
            "\"nats_security\": {\"mode\": \"spiffe\"}}",
        "f.yaml:2: nats_security.mode: is `spiffe`; write mtls, or none for a connection without");
    refuses("{\"listen_addr\": \"0.0.0.0:162\", \"nats_url\": \"tls://n\", \"subject\": \"a\",\n"
            "\"nats_urls\": \"x\"}",
        "f.yaml:2: unknown key `nats_urls`; did you mean `nats_url`?");
}

/* ---- All ---- */

static int
setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/sr-trap-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    sr_conf_problems_free(problems);
    free(printed);
    return folder_remove(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(extra_keys_can_be_asked_for),
        cmocka_unit_test(secrets_are_not_printed),
        cmocka_unit_test(what_is_secret_is_not_told_in_problems),
        cmocka_unit_test(listeners_are_checked),
        cmocka_unit_test(users_are_checked),
        cmocka_unit_test(an_engine_id_is_5_to_32_bytes_of_digits),
        cmocka_unit_test(the_begin_of_engine_ids_is_4_bytes_at_least_and_a_star),
        cmocka_unit_test(users_of_a_file_come_behind_the_others),
        cmocka_unit_test(mistakes_in_the_file_of_users_are_told_with_its_lines),
        cmocka_unit_test(a_file_of_users_that_changed_for_the_worse_does_not_load),
        cmocka_unit_test(a_file_of_users_that_everybody_can_read_is_noted),
        cmocka_unit_test(what_upstream_ships_loads_with_one_note),
        cmocka_unit_test(what_is_required_there_is_enough),
        cmocka_unit_test(files_stand_in_cert_dir),
        cmocka_unit_test(credentials_stand_in_cert_dir_too),
        cmocka_unit_test(mistakes_there_are_told_in_the_words_of_the_file),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
