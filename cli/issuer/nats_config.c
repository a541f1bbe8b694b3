/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/nats_config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "files.h"
#include "issuer/account.h"
#include "issuer/authority.h"
#include "issuer/claims.h"
#include "issuer/nats_text.h"
#include "issuer/operator.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define PUBLIC 0644
#define SECRET 0600
#define CERTIFICATE_DAYS 825
#define NAMES_MAX 1024
#define FILE_STORE_LEAST (1LL << 30)
#define MEMORY_STORE_LEAST (256LL << 20)

/* What the steps of writing share. */
struct work {
    struct store *store;
    const struct nats_config *config;
    struct trouble *trouble;
    struct operator_facts facts;
    char host[OPERATOR_URL_MAX + 1]; /* of the server's URL */
    uint16_t port;
    char at[FILES_PATH_MAX]; /* the folder as the server sees it */
    FILE *conf;
    struct nats_config_report report;
};

static bool
say_file(struct work *w, const char *what, const char *path)
{
    int error = errno;

    return trouble_say(w->trouble, error, "name a folder that you may write to with --out",
        "cannot %s %s: %s", what, path, strerror(error));
}

/* Writes OUT/name. */
static bool
write_file(struct work *w, const char *name, const char *text, mode_t mode)
{
    char path[FILES_PATH_MAX];

    return (files_path(path, "%s/%s", w->config->out, name) &&
               files_write(path, text, strlen(text), mode)) ||
           say_file(w, "write", name);
}

/* One that is there keeps its mode: it may be the server's. */
static bool
make_folder(struct work *w, const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST || say_file(w, "make the folder", path);
}

/* Makes OUT/name. */
static bool
make_inside(struct work *w, const char *name)
{
    char path[FILES_PATH_MAX];

    return files_path(path, "%s/%s", w->config->out, name) ? make_folder(w, path)
                                                           : say_file(w, "use", name);
}

/* ---- What is asked for ---- */

/* In double quotes a backslash and a quote need a backslash; a control character is refused. */
static bool
is_clean(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool
check_texts(struct work *w)
{
    const struct nats_config *c = w->config;
    const char *const texts[] = { c->out, c->at, c->cert_file, c->key_file, c->ca_file,
        c->store_dir };
    struct in6_addr address;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i] != NULL && !is_clean(texts[i])) {
            return trouble_say(
                w->trouble, EINVAL, "use another path", "a path has control characters in it");
        }
        if (i > 0 && texts[i] != NULL && *texts[i] != '/') {
            return trouble_say(w->trouble, EINVAL, "name the path from the root on",
                "\"%s\" depends on the folder that the server is started in", texts[i]);
        }
    }
    if (c->address != NULL && inet_pton(AF_INET, c->address, &address) != 1 &&
        inet_pton(AF_INET6, c->address, &address) != 1) {
        return trouble_say(w->trouble, EINVAL, "name one as 0.0.0.0 or ::1 with --listen",
            "\"%.64s\" is no IP address", c->address);
    }
    if (c->domain != NULL && !authority_is_label(c->domain)) {
        return trouble_say(w->trouble, EINVAL, "use lower-case letters, digits and '-'",
            "\"%.64s\" cannot be a JetStream domain", c->domain);
    }
    return true;
}

static bool
read_url(struct work *w)
{
    uint16_t port = 0;

    if (!operator_split_url(w->facts.server_url, w->host, &port)) {
        return trouble_say(w->trouble, EINVAL, "set it with `operator set --server`",
            "the server's URL \"%s\" is none", w->facts.server_url);
    }
    w->port = w->config->port != 0 ? w->config->port : port != 0 ? port : NATS_CONFIG_PORT;
    return true;
}

static bool
find_place(struct work *w)
{
    if (w->config->at != NULL) {
        return files_path(w->at, "%s", w->config->at) || say_file(w, "use", w->config->at);
    }
    char *real = realpath(w->config->out, NULL);
    bool ok = real != NULL && files_path(w->at, "%s", real);
    free(real);
    if (ok && !is_clean(w->at)) {
        return trouble_say(
            w->trouble, EINVAL, "use another path", "the folder's path has control characters");
    }
    return ok || say_file(w, "find", w->config->out);
}

/* ---- TLS ---- */

static bool
issue(struct work *w)
{
    char names[NAMES_MAX];
    struct authority_made made;
    struct in6_addr address;
    bool is_ip =
        inet_pton(AF_INET, w->host, &address) == 1 || inet_pton(AF_INET6, w->host, &address) == 1;

    (void)snprintf(names, sizeof(names), "%s:%s%s%s", is_ip ? "IP" : "DNS", w->host,
        w->config->names != NULL ? ", " : "", w->config->names != NULL ? w->config->names : "");
    const struct authority_draft draft = { .account = "",
        .component = "nats",
        .partition = "default",
        .alternative_names = names,
        .server = true,
        .days = CERTIFICATE_DAYS };
    if (!authority_issue(w->store, &draft, &made, w->trouble)) {
        return false;
    }
    bool ok = write_file(w, "tls/server-key.pem", made.key, SECRET) &&
              write_file(w, "tls/server.pem", made.certificate, PUBLIC);
    w->report.made_certificate = true;
    w->report.expires_s = made.expires_s;
    authority_made_done(&made);
    return ok;
}

static bool
exists(struct work *w, const char *name)
{
    char path[FILES_PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    bool there = files_path(path, "%s/%s", w->config->out, name) &&
                 files_read(path, AUTHORITY_PEM_MAX, &text, &len);

    free(text);
    return there;
}

static bool
write_tls(struct work *w)
{
    char path[FILES_PATH_MAX];
    char *root = NULL;
    uint8_t pin[32];

    if (w->config->cert_file != NULL && w->config->ca_file != NULL) {
        return true;
    }
    if (!make_inside(w, "tls") || !authority_root(w->store, &root, pin, w->trouble)) {
        return false;
    }
    bool ok = write_file(w, "tls/ca.pem", root, PUBLIC);
    if (ok && w->config->cert_file == NULL) {
        ok = files_path(path, "%s/tls/server.pem", w->config->out) || say_file(w, "use", path);
        bool keep = ok && w->config->names == NULL && exists(w, "tls/server-key.pem") &&
                    nats_config_certificate_holds(path, root, w->host, store_now());
        ok = ok && (keep || issue(w));
    }
    free(root);
    return ok;
}

/* ---- Accounts ---- */

static bool
write_one(struct work *w, const char *key, const char *token)
{
    char name[FILES_PATH_MAX];

    if (w->config->memory) {
        (void)fprintf(w->conf, "  %s: %s\n", key, token);
        return true;
    }
    return (files_path(name, "resolver/%s.jwt", key) || say_file(w, "use", name)) &&
           write_file(w, name, token, PUBLIC);
}

static bool
write_account(void *arg, const char *name, struct trouble *trouble)
{
    struct work *w = arg;
    struct account account;
    char *token = NULL;

    if (!account_find(w->store, name, &account, trouble) ||
        !account_token(w->store, name, &token, trouble)) {
        return false;
    }
    bool ok = write_one(w, account.key, token);
    free(token);
    return ok;
}

static bool
write_accounts(struct work *w, const char *system_token)
{
    return write_one(w, w->facts.system_key, system_token) &&
           operator_each_account(w->store, write_account, w, &w->report.accounts, w->trouble);
}

/* ---- The file ---- */

/* "name: path", of `path` or else of AT/rest. */
static void
put_path(struct work *w, const char *name, const char *path, const char *rest)
{
    (void)fprintf(w->conf, "%s: ", name);
    nats_text_path(w->conf, path != NULL ? path : w->at, path != NULL ? NULL : rest);
    (void)fputc('\n', w->conf);
}

static void
put_listen(struct work *w, const char *indent, uint16_t port)
{
    const char *address = w->config->address != NULL ? w->config->address : "0.0.0.0";
    bool six = strchr(address, ':') != NULL;

    (void)fprintf(w->conf, "%slisten: \"%s%s%s:%u\"\n", indent, six ? "[" : "", address,
        six ? "]" : "", port);
}

/* Paths that are named begin with a slash: the server has another current folder. */
static void
put_tls(struct work *w, const char *indent)
{
    const struct nats_config *c = w->config;
    const struct nats_text_tls files = { w->at,
        c->cert_file != NULL ? c->cert_file : "tls/server.pem",
        c->key_file != NULL ? c->key_file : "tls/server-key.pem",
        c->ca_file != NULL ? c->ca_file : "tls/ca.pem" };

    nats_text_tls(w->conf, indent, &files);
}

/*
 * What JetStream may take. The server sets every account's limits aside, used or not, and refuses
 * JetStream to an account for which nothing is left.
 */
static bool
reckon(struct work *w)
{
    struct account_reserve sum;
    json_t *limits = claims_default_limits(sr_suite_tenant_bytes());
    int64_t disk = json_integer_value(json_object_get(limits, "disk_storage"));
    int64_t memory = json_integer_value(json_object_get(limits, "mem_storage"));

    json_decref(limits);
    if (!account_reserved(w->store, &sum, w->trouble)) {
        return false;
    }
    w->report.disk = sum.disk + NATS_CONFIG_SPARE_ACCOUNTS * disk;
    w->report.memory = sum.memory + NATS_CONFIG_SPARE_ACCOUNTS * memory;
    if (w->report.disk < FILE_STORE_LEAST) {
        w->report.disk = FILE_STORE_LEAST;
    }
    if (w->report.memory < MEMORY_STORE_LEAST) {
        w->report.memory = MEMORY_STORE_LEAST;
    }
    return true;
}

static void
put_jetstream(struct work *w)
{
    (void)fprintf(w->conf,
        "# The sum of all accounts' limits, and room for %d new ones. Every account's share is "
        "set\n"
        "# aside, used or not; it is a bound, not space that is taken.\njetstream {\n",
        NATS_CONFIG_SPARE_ACCOUNTS);
    put_path(w, "  store_dir", w->config->store_dir, "jetstream");
    (void)fprintf(w->conf, "  max_memory_store: %lld\n  max_file_store: %lld\n",
        (long long)w->report.memory, (long long)w->report.disk);
    if (w->config->domain != NULL) {
        (void)fprintf(w->conf, "  domain: \"%s\"\n", w->config->domain);
    }
    (void)fputs("}\n", w->conf);
}

static bool
put_resolver(struct work *w, const char *system_token)
{
    (void)fprintf(w->conf, "system_account: %s\n", w->facts.system_key);
    if (w->config->memory) {
        (void)fputs("# Accounts are read from here only: to push one, write this file again and\n"
                    "# reload the server (nats-server --signal reload).\n"
                    "resolver: MEMORY\nresolver_preload: {\n",
            w->conf);
        bool ok = write_accounts(w, system_token);
        (void)fputs("}\n", w->conf);
        return ok;
    }
    if (!make_inside(w, "resolver")) {
        return false;
    }
    (void)fputs("resolver {\n  type: full\n", w->conf);
    put_path(w, "  dir", NULL, "resolver");
    (void)fputs("  allow_delete: true\n  interval: \"2m\"\n}\n", w->conf);
    return write_accounts(w, system_token);
}

static bool
put_all(struct work *w, const char *system_token)
{
    (void)fputs("# For nats-server 2.9 and later, by serviceradar-provision nats-config: run that\n"
                "# again instead of changing this file.\nserver_name: ",
        w->conf);
    nats_text_path(w->conf, w->host, NULL);
    (void)fputc('\n', w->conf);
    put_listen(w, "", w->port);
    put_path(w, "operator", NULL, "operator.jwt");
    if (!put_resolver(w, system_token)) {
        return false;
    }
    put_jetstream(w);
    (void)fputs("# Clients show a certificate too.\n", w->conf);
    put_tls(w, "");
    if (w->config->leaf_port != 0) {
        (void)fputs("# Servers of sites connect here.\nleafnodes {\n", w->conf);
        put_listen(w, "  ", w->config->leaf_port);
        put_tls(w, "  ");
        (void)fputs("}\n", w->conf);
    }
    return true;
}

static bool
write_conf(struct work *w, const char *system_token)
{
    char *text = NULL;
    size_t len = 0;

    w->conf = open_memstream(&text, &len);
    if (w->conf == NULL) {
        return trouble_say(w->trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    bool ok = put_all(w, system_token);
    bool whole = ferror(w->conf) == 0;
    whole = fclose(w->conf) == 0 && whole;
    if (ok && !whole) {
        ok = trouble_say(w->trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    ok = ok && write_file(w, "nats-server.conf", text, PUBLIC);
    free(text);
    return ok;
}

bool
nats_config_write(struct store *store, const struct nats_config *config,
    struct nats_config_report *ret_report, struct trouble *trouble)
{
    static char operator_token[OPERATOR_TOKEN_MAX], system_token[OPERATOR_TOKEN_MAX];
    struct work w = { .store = store, .config = config, .trouble = trouble };

    if (!check_texts(&w) || !operator_tell(store, &w.facts, trouble) ||
        !operator_tokens(store, operator_token, system_token, trouble) || !read_url(&w)) {
        return false;
    }
    bool ok = make_folder(&w, config->out) && find_place(&w) && reckon(&w) && write_tls(&w) &&
              write_file(&w, "operator.jwt", operator_token, PUBLIC) &&
              write_conf(&w, system_token);
    if (ok) {
        *ret_report = w.report;
    }
    return ok;
}
