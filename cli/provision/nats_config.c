/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "issuer/nats_config.h"
#include "provision/issuer.h"
#include "terminal.h"

#include "sr/banned.h"

#define NAMES_MAX 512

static const char HELP[] =
    "usage: serviceradar-provision nats-config --out DIR [OPTION]...\n"
    "\n"
    "Writes DIR/nats-server.conf and what belongs to it: the operator's token, the accounts of\n"
    "the resolver, certificate and key of the server, and the root that clients' certificates\n"
    "must come from. Clients need TLS and a certificate. Run it again after anything changed;\n"
    "a certificate that is good for another 30 days is kept. The server's user needs the folder:\n"
    "chown it, and the server writes to resolver/ and jetstream/.\n"
    "\n"
    "  --out DIR           the folder; it is made with mode 0700\n"
    "  --at DIR            where the folder will be on the server's host (where it is now)\n"
    "  --listen ADDRESS    an IP address of the server's host (0.0.0.0)\n"
    "  --port PORT         (that of the operator's server URL, else 4222)\n"
    "  --server-name NAME  a further DNS name or IP address in the server's certificate; may be\n"
    "                      repeated; a new certificate is made then\n"
    "  --tls-cert FILE     a certificate from elsewhere, on the server's host\n"
    "  --tls-key FILE      its key\n"
    "  --tls-ca FILE       whom clients' certificates must come from (the issuer's root)\n"
    "  --resolver KIND     full: accounts are files that can be pushed to a running server (full)\n"
    "                      memory: accounts are in nats-server.conf; pushing one means to run\n"
    "                      this again and reload the server\n"
    "  --store-dir DIR     of JetStream, on the server's host (DIR/jetstream)\n"
    "  --domain NAME       of JetStream; needed with leaf nodes, as \"hub\"\n"
    "  --leafnodes PORT    listen for the servers of sites (often 7422)\n" ISSUER_HELP;

struct request {
    struct nats_config config;
    char names[NAMES_MAX];
};

/* "DNS:name" or "IP:address", behind a comma where it is not the first. */
static bool
add_server_name(struct request *r, const char *name)
{
    struct in6_addr address;
    size_t used = strlen(r->names);
    bool is_ip =
        inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
    int len = snprintf(r->names + used, sizeof(r->names) - used, "%s%s:%s", used > 0 ? ", " : "",
        is_ip ? "IP" : "DNS", name);

    /* A comma would begin another kind of name. */
    if (strpbrk(name, ", \n") != NULL || *name == '\0' || len < 0 ||
        (size_t)len >= sizeof(r->names) - used) {
        complain("--server-name \"%s\": no name of a host, or too many", name);
        return false;
    }
    r->config.names = r->names;
    return true;
}

static bool
take_port(const char *option, const char *value, uint16_t *ret_port)
{
    if (provision_port(value, ret_port)) {
        return true;
    }
    complain("%s \"%s\": a port is 1 to 65535", option, value);
    return false;
}

static bool
take_resolver(struct nats_config *config, const char *value)
{
    config->memory = strcmp(value, "memory") == 0;
    if (config->memory || strcmp(value, "full") == 0) {
        return true;
    }
    complain("--resolver \"%s\": it is full or memory", value);
    return false;
}

static bool
take(void *arg, int option, const char *value)
{
    struct request *r = arg;
    struct nats_config *c = &r->config;

    switch (option) {
    case 'o': c->out = value; return true;
    case 'a': c->at = value; return true;
    case 'l': c->address = value; return true;
    case 'p': return take_port("--port", value, &c->port);
    case 'n': return add_server_name(r, value);
    case 'c': c->cert_file = value; return true;
    case 'k': c->key_file = value; return true;
    case 'i': c->ca_file = value; return true;
    case 'r': return take_resolver(c, value);
    case 's': c->store_dir = value; return true;
    case 'd': c->domain = value; return true;
    default: return take_port("--leafnodes", value, &c->leaf_port);
    }
}

static bool
write_config(struct store *store, const struct nats_config *config,
    struct nats_config_report *ret_report, struct trouble *trouble)
{
    char actor[STORE_NAME_MAX];

    store_actor(actor);
    if (!store_begin(store, trouble)) {
        return false;
    }
    if (!nats_config_write(store, config, ret_report, trouble) ||
        !store_audit(store, actor, "nats-config", config->out, "", trouble)) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

static void
tell(const struct nats_config *config, const struct nats_config_report *report)
{
    (void)printf("%s/nats-server.conf is written; tenants: %zu.\n", config->out, report->accounts);
    (void)printf("JetStream may take %lld MiB on disk.\n", (long long)(report->disk >> 20));
    if (config->memory) {
        (void)printf("This server cannot be pushed to: when an account changes, run nats-config\n"
                     "again and reload it (nats-server --signal reload).\n");
    }
}

static json_t *
answer(const struct nats_config *config, const struct nats_config_report *report)
{
    return json_pack("{s:b, s:s, s:s, s:I, s:I, s:I, s:b}", "ok", 1, "dir", config->out, "resolver",
        config->memory ? "memory" : "full", "accounts", (json_int_t)report->accounts,
        "max_file_store", (json_int_t)report->disk, "max_memory_store", (json_int_t)report->memory,
        "certificate_made", report->made_certificate ? 1 : 0);
}

static bool
is_complete(const struct nats_config *config)
{
    if (config->out == NULL) {
        complain("nats-config needs --out DIR; see nats-config --help");
        return false;
    }
    if ((config->cert_file != NULL) != (config->key_file != NULL)) {
        complain("--tls-cert and --tls-key go together");
        return false;
    }
    return true;
}

int
provision_nats_config(int argc, char **argv)
{
    static const struct option known[] = { { "out", required_argument, NULL, 'o' },
        { "at", required_argument, NULL, 'a' }, { "listen", required_argument, NULL, 'l' },
        { "port", required_argument, NULL, 'p' }, { "server-name", required_argument, NULL, 'n' },
        { "tls-cert", required_argument, NULL, 'c' }, { "tls-key", required_argument, NULL, 'k' },
        { "tls-ca", required_argument, NULL, 'i' }, { "resolver", required_argument, NULL, 'r' },
        { "store-dir", required_argument, NULL, 's' }, { "domain", required_argument, NULL, 'd' },
        { "leafnodes", required_argument, NULL, 'f' }, ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "nats-config", HELP, known, take, 0 };
    struct request r = { .names = "" };
    struct nats_config_report report = { .accounts = 0 };
    struct issuer_options options;
    struct trouble trouble = { .error = 0 };
    int code = issuer_parse(&usage, argc, argv, &options, &r);

    if (code >= 0) {
        return code;
    }
    if (!is_complete(&r.config)) {
        return EXIT_USAGE;
    }
    struct store *store = issuer_open(&options);
    if (store == NULL) {
        return EXIT_RUNTIME;
    }
    bool ok = write_config(store, &r.config, &report, &trouble);
    if (!ok && trouble.error == EINVAL) {
        store_close(store);
        return terminal_fail(&trouble, options.json, EXIT_USAGE);
    }
    if (ok && !options.json) {
        tell(&r.config, &report);
    }
    return issuer_end(&options, store, ok, answer(&r.config, &report), &trouble);
}
