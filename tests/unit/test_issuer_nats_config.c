/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "folder.h"
#include "issuer/account.h"
#include "issuer/authority.h"
#include "issuer/nats_config.h"
#include "issuer/operator.h"
#include "sr/suite.h"

#define DAY_S 86400ULL

static char base[] = "/tmp/sr_nats_config_XXXXXX";
static char dir[FILES_PATH_MAX], out[FILES_PATH_MAX];
static const struct store_place place = { dir, NULL };
static struct trouble trouble;

static int
make_base(void **state)
{
    (void)state;
    return mkdtemp(base) != NULL && files_path(dir, "%s/issuer", base) &&
                   files_path(out, "%s/na\"ts", base)
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
    static const struct operator_draft draft = { "Acme", "tls://[2001:db8::1]:4300",
        "https://issuer.example" };
    struct store *store = NULL;

    if (!store_create(&place, &store, &trouble) || !operator_create(store, &draft, &trouble) ||
        !authority_ensure(store, "", &trouble)) {
        return -1;
    }
    *state = store;
    return 0;
}

static int
remove_store(void **state)
{
    store_close(*state);
    return files_remove_tree(dir) && files_remove_tree(out) ? 0 : -1;
}

static struct nats_config_report
write_it(struct store *store, const struct nats_config *config)
{
    struct nats_config_report report;

    if (!nats_config_write(store, config, &report, &trouble)) {
        fail_msg("%s", trouble.cause);
    }
    return report;
}

static char *
read_it(const char *name)
{
    char path[FILES_PATH_MAX];
    char *text = NULL;
    size_t len = 0;

    assert_true(files_path(path, "%s/%s", out, name));
    assert_true(files_read(path, 1 << 20, &text, &len));
    return text;
}

static void
has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

static void
every_account_is_a_file_of_the_resolver_and_its_limits_count(void **state)
{
    struct store *store = *state;
    struct account account;
    const struct nats_config config = { .out = out };
    char name[FILES_PATH_MAX];
    char *token = NULL;
    int64_t before = write_it(store, &config).disk;

    assert_true(account_create(store, "acme", &account, &trouble));
    struct nats_config_report report = write_it(store, &config);
    assert_int_equal(report.accounts, 1);
    assert_int_equal(report.disk - before, sr_suite_tenant_bytes());
    assert_true(account_token(store, "acme", &token, &trouble));
    assert_true(files_path(name, "resolver/%s.jwt", account.key));
    char *text = read_it(name);
    assert_string_equal(text, token);
    free(text);
    free(token);
}

static void
paths_are_quoted_and_the_servers_url_says_name_and_port(void **state)
{
    struct store *store = *state;
    const struct nats_config config = { .out = out, .leaf_port = 7422, .domain = "hub" };

    (void)write_it(store, &config);
    char *text = read_it("nats-server.conf");
    has(text, "na\\\"ts/operator.jwt\"");
    has(text, "server_name: \"2001:db8::1\"");
    has(text, "listen: \"0.0.0.0:4300\"");
    has(text, "listen: \"0.0.0.0:7422\"");
    has(text, "domain: \"hub\"");
    free(text);
}

static void
the_memory_resolver_has_the_tokens_in_the_file(void **state)
{
    struct store *store = *state;
    struct account account;
    const struct nats_config config = { .out = out, .memory = true };
    char line[2 * SR_NKEY_PUBLIC_LEN];

    assert_true(account_create(store, "acme", &account, &trouble));
    (void)write_it(store, &config);
    char *text = read_it("nats-server.conf");
    (void)snprintf(line, sizeof(line), "  %s: ey", account.key);
    has(text, "resolver: MEMORY");
    has(text, line);
    free(text);
}

static void
a_certificate_holds_for_its_name_and_root_and_until_a_month_before_its_end(void **state)
{
    struct store *store = *state;
    const struct nats_config config = { .out = out, .names = "DNS:nats.example" };
    struct nats_config_report report = write_it(store, &config);
    char path[FILES_PATH_MAX];
    char *root = read_it("tls/ca.pem");
    char *leaf = read_it("tls/server.pem");
    uint64_t end_s = report.expires_s;

    assert_true(report.made_certificate);
    assert_true(files_path(path, "%s/tls/server.pem", out));
    assert_true(nats_config_certificate_holds(path, root, "nats.example", store_now()));
    assert_true(nats_config_certificate_holds(path, root, "2001:db8::1", store_now()));
    assert_false(nats_config_certificate_holds(path, root, "2001:db8::2", store_now()));
    assert_false(nats_config_certificate_holds(path, root, "other.example", store_now()));
    assert_true(nats_config_certificate_holds(path, root, "nats.example", end_s - 31 * DAY_S));
    assert_false(nats_config_certificate_holds(path, root, "nats.example", end_s - 30 * DAY_S));
    assert_false(nats_config_certificate_holds(path, leaf, "nats.example", store_now()));
    assert_false(nats_config_certificate_holds(path, "", "nats.example", store_now()));
    assert_false(nats_config_certificate_holds(base, root, "nats.example", store_now()));
    free(root);
    free(leaf);
}

static void
what_cannot_be_in_the_file_is_refused_before_anything_is_written(void **state)
{
    struct store *store = *state;
    static const struct nats_config bad[] = {
        { .out = out, .address = "localhost" },
        { .out = out, .domain = "a.b" },
        { .out = out, .store_dir = "/a\nb" },
        { .out = out, .at = "/\x7f" },
    };
    struct nats_config_report report;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(nats_config_write(store, &bad[i], &report, &trouble));
        assert_int_equal(trouble.error, EINVAL);
    }
    assert_int_equal(access(out, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_store, remove_store)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_account_is_a_file_of_the_resolver_and_its_limits_count),
        TEST(paths_are_quoted_and_the_servers_url_says_name_and_port),
        TEST(the_memory_resolver_has_the_tokens_in_the_file),
        TEST(a_certificate_holds_for_its_name_and_root_and_until_a_month_before_its_end),
        TEST(what_cannot_be_in_the_file_is_refused_before_anything_is_written),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}
