/* SPDX-License-Identifier: Apache-2.0 */
#include "world/world_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/nats_text.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define GIB (1LL << 30)
#define FILE_STORE_LEAST (16 * GIB)
#define MEMORY_STORE (2 * GIB) /* over WORLD_TENANTS_MAX times what claims_tenant sets aside */

/* A file in the making: text in memory that grows. */
struct text {
    FILE *stream;
    char *data;
    size_t len;
};

static bool
text_open(struct text *t)
{
    *t = (struct text){ NULL, NULL, 0 };
    t->stream = open_memstream(&t->data, &t->len);
    return t->stream != NULL;
}

/* Closes the text and writes it to `D/name`. */
static enum world_err
text_save(struct text *t, const struct world *w, const char *name)
{
    char path[FILES_PATH_MAX];
    bool whole = ferror(t->stream) == 0;

    whole = fclose(t->stream) == 0 && whole;
    enum world_err err = whole ? WORLD_OK : WORLD_ECRYPTO;
    if (whole &&
        (!files_path(path, "%s/%s", w->dir, name) || !files_write(path, t->data, t->len, 0644))) {
        err = WORLD_EFILE;
    }
    free(t->data);
    return err;
}

/* One line "name SEPARATOR path". */
static void
put_setting(struct text *t, const struct world *w, const char *name, const char *rest)
{
    (void)fputs(name, t->stream);
    nats_text_path(t->stream, w->dir, rest);
    (void)fputc('\n', t->stream);
}

static enum world_err
write_server(const struct world *w)
{
    struct text t;
    int64_t store = (int64_t)w->tenant_count * sr_suite_tenant_bytes();

    if (!text_open(&t)) {
        return WORLD_ECRYPTO;
    }
    (void)fprintf(t.stream,
        "# For nats-server 2.9 and later.\n"
        "server_name: local\nlisten: \"127.0.0.1:%u\"\n",
        w->port);
    put_setting(&t, w, "pid_file: ", "nats-server.pid");
    put_setting(&t, w, "operator: ", "operator/operator.jwt");
    (void)fprintf(
        t.stream, "system_account: %s\nresolver {\n  type: full\n", w->system.public_text);
    put_setting(&t, w, "  dir: ", "resolver");
    (void)fprintf(t.stream, "  allow_delete: false\n  interval: \"2m\"\n}\n"
                            "# Every account sets its share aside, used or not.\njetstream {\n");
    put_setting(&t, w, "  store_dir: ", "jetstream");
    (void)fprintf(t.stream,
        "  max_memory_store: %lld\n  max_file_store: %lld\n}\n"
        "# Clients show a certificate too.\n",
        MEMORY_STORE, (long long)(store > FILE_STORE_LEAST ? store : FILE_STORE_LEAST));
    nats_text_tls(t.stream, "",
        &(struct nats_text_tls){ w->dir, "tls/server.pem", "tls/server-key.pem", "tls/ca.pem" });
    return text_save(&t, w, "nats-server.conf");
}

static void
put_tenant_path(
    struct text *t, const struct world *w, const char *name, const char *tenant, const char *rest)
{
    char path[FILES_PATH_MAX];

    (void)fputs(name, t->stream);
    (void)snprintf(path, sizeof(path), "%s%s", tenant, rest);
    nats_text_path(t->stream, w->dir, path);
}

/* A collector of each tenant: the file and the credentials are named after it. */
struct collector {
    const char *name;
    const char *listener; /* what comes before the port */
    size_t port, metrics; /* of the first tenant */
    const char *rest;     /* of the listener */
    const char *stream, *queue;
};

static const struct collector collectors[] = {
    { "syslog", "protocol: syslog\n    listen: udp://127.0.0.1:", WORLD_SYSLOG_PORT,
        WORLD_METRICS_PORT, "    subject: logs.syslog\n", "events", "/queue" },
    { "netflow", "protocol: netflow\n    listen: udp://127.0.0.1:", WORLD_NETFLOW_PORT,
        WORLD_NETFLOW_METRICS_PORT, "    subject: flows.raw.netflow\n", "flows", "/queue-netflow" },
    { "trapd", "protocol: snmptrap\n    listen: udp://127.0.0.1:", WORLD_TRAPD_PORT,
        WORLD_TRAPD_METRICS_PORT, "    subject: logs.snmp\n", "events", "/queue-trapd" },
};

static enum world_err
write_collector(const struct world *w, size_t index, const struct collector *c)
{
    char name[FILES_PATH_MAX], creds[64];
    struct text t;
    const char *tenant = w->tenants[index].name;

    if (!files_path(name, "%s/%s.yaml", tenant, c->name)) {
        return WORLD_EFILE;
    }
    if (!text_open(&t)) {
        return WORLD_ECRYPTO;
    }
    (void)snprintf(creds, sizeof(creds), "/creds/%s.creds", c->name);
    (void)fprintf(t.stream,
        "output: nats\npartition: default\nlisteners:\n  - %s%zu\n%s"
        "nats:\n  url: [\"tls://localhost:%u\"]\n",
        c->listener, c->port + index, c->rest, w->port);
    put_tenant_path(&t, w, "  creds_file: ", tenant, creds);
    (void)fputs("\n  tls:\n", t.stream);
    put_setting(&t, w, "    ca_file: ", "tls/ca.pem");
    put_tenant_path(&t, w, "    cert_file: ", tenant, "/tls/collector.pem");
    put_tenant_path(&t, w, "\n    key_file: ", tenant, "/tls/collector-key.pem");
    (void)fprintf(t.stream, "\n  stream: %s\nqueue:\n", c->stream);
    put_tenant_path(&t, w, "  dir: ", tenant, c->queue);
    (void)fprintf(t.stream, "\nmetrics:\n  listen: 127.0.0.1:%zu\n", c->metrics + index);
    return text_save(&t, w, name);
}

/* What `verify` needs to know; tenants' names need no escapes. */
static enum world_err
write_list(const struct world *w)
{
    struct text t;

    if (!text_open(&t)) {
        return WORLD_ECRYPTO;
    }
    (void)fprintf(t.stream, "{\"version\":1,\"port\":%u,\"tenants\":[", w->port);
    for (size_t i = 0; i < w->tenant_count; i++) {
        (void)fprintf(t.stream, "%s\"%s\"", i > 0 ? "," : "", w->tenants[i].name);
    }
    (void)fputs("]}\n", t.stream);
    return text_save(&t, w, "world.json");
}

static const char README[] =
    "\n"
    "A message broker with tenants that cannot see each other, for trials and tests on one host.\n"
    "Whoever can read this folder can read and issue everything in it: keep its mode 0700.\n"
    "\n"
    "Run the server, a collector of the first tenant, and see what arrived:\n"
    "\n"
    "    nats-server -c %s/nats-server.conf\n"
    "    serviceradar-syslog --config %s/%s/syslog.yaml\n"
    "    logger --udp --rfc3164 --server 127.0.0.1 --port %d 'hello'\n"
    "    serviceradar-provision verify --dir %s\n"
    "\n"
    "nats-server.conf          the server: 127.0.0.1:%u, mutual TLS, JetStream\n"
    "world.json                port and tenants, for `serviceradar-provision verify`\n"
    "operator/operator.jwt     the operator's token, the root of all trust in accounts\n"
    "operator/operator.seed    its secret key; signs accounts\n"
    "operator/system.seed      secret key of the server's system account\n"
    "operator/system.creds     a user who may push account tokens to the running server\n"
    "resolver/A*.jwt           the accounts' tokens, read by the server at its start\n"
    "jetstream/                what the streams hold\n"
    "tls/ca.pem, ca-key.pem    the root certificate that signs all others, and its secret key\n"
    "tls/server*.pem           the server's certificate and key, for localhost\n"
    "\n"
    "In the folder of each tenant:\n"
    "\n"
    "syslog.yaml, netflow.yaml, trapd.yaml\n"
    "                          configurations of collectors, ready to run\n"
    "account.seed              secret key of the tenant's account\n"
    "signing.seed              secret key that signs the account's users\n"
    "creds/syslog.creds        may publish logs.syslog and its dead letters, nothing else\n"
    "creds/trapd.creds         the same for logs.snmp\n"
    "creds/netflow.creds       the same for flows.raw.netflow, flows.raw.sflow, events.netflow\n"
    "creds/platform.creds      may do everything within the account\n"
    "creds/expired.creds       as syslog.creds, but its time has passed: to see that refused\n"
    "tls/collector*.pem        client certificate and key of the tenant's collectors\n"
    "tls/platform*.pem         client certificate and key of the tenant's platform user\n"
    "queue/, queue-netflow/, queue-trapd/\n"
    "                          records that a collector could not send yet; it makes this\n"
    "\n"
    "Tenants, and the ports of their collectors:\n";

enum world_err
world_write_readme(const struct world *w)
{
    struct text t;

    if (!text_open(&t)) {
        return WORLD_ECRYPTO;
    }
    (void)fputs(WORLD_MARK "\n", t.stream);
    (void)fprintf(
        t.stream, README, w->dir, w->dir, w->tenants[0].name, WORLD_SYSLOG_PORT, w->dir, w->port);
    for (size_t i = 0; i < w->tenant_count; i++) {
        (void)fprintf(t.stream, "\n%-25s", w->tenants[i].name);
        for (size_t j = 0; j < sizeof(collectors) / sizeof(collectors[0]); j++) {
            (void)fprintf(t.stream, "%s %s UDP %zu, metrics %zu", j > 0 ? ";" : "",
                collectors[j].name, collectors[j].port + i, collectors[j].metrics + i);
        }
    }
    (void)fputc('\n', t.stream);
    return text_save(&t, w, "README.txt");
}

enum world_err
world_write_settings(const struct world *w)
{
    enum world_err err = write_server(w);

    for (size_t i = 0; i < w->tenant_count && err == WORLD_OK; i++) {
        for (size_t j = 0; err == WORLD_OK && j < sizeof(collectors) / sizeof(collectors[0]); j++) {
            err = write_collector(w, i, &collectors[j]);
        }
    }
    return err == WORLD_OK ? write_list(w) : err;
}
