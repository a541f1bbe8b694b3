/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/leaf_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "issuer/nats_text.h"
#include "issuer/streams.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define PORT_DEFAULT 4222U

static const char *
folder_of(const struct leaf_draft *draft)
{
    return draft->at != NULL ? draft->at : LEAF_AT_DEFAULT;
}

/* "name: AT/rest" */
static void
put_path(FILE *out, const struct leaf_facts *facts, const char *name, const char *rest)
{
    (void)fprintf(out, "%s: ", name);
    nats_text_path(out, folder_of(facts->draft), rest);
    (void)fputc('\n', out);
}

/* A tls block with the certificate nats/certs/NAME.pem. */
static void
put_tls(FILE *out, const struct leaf_facts *facts, const char *indent, const char *cert,
    const char *key)
{
    const struct nats_text_tls files = { .dir = folder_of(facts->draft),
        .cert_file = cert,
        .key_file = key,
        .ca_file = "nats/certs/ca-chain.pem" };

    nats_text_tls(out, indent, &files);
}

/*
 * The subjects of records, which take no direct way: JetStream of both sides would store them. A
 * deny list names what is to be kept, as the interface and the sources need to pass.
 */
static void
put_denied(FILE *out, const struct leaf_facts *facts, const char *name)
{
    const char *account = facts->draft->account;

    (void)fprintf(out, "      %s: [\n        \"%s.>\"\n", name, account);
    for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL; role++) {
        for (const char *const *subject = role->subjects; *subject != NULL; subject++) {
            (void)fprintf(
                out, "        \"%s\"\n        \"%s" SR_SUITE_DEADLETTER "\"\n", *subject, *subject);
        }
    }
    (void)fputs("      ]\n", out);
}

static void
put_listener(FILE *out, const struct leaf_facts *facts)
{
    const struct leaf_draft *draft = facts->draft;
    unsigned port = draft->port != 0 ? draft->port : PORT_DEFAULT;

    (void)fprintf(out, "server_name: \"%s\"\nlisten: \"%s:%u\"\n", facts->domain,
        draft->address != NULL ? draft->address : "0.0.0.0", port);
    (void)fputs("# Collectors show a certificate, and the same credentials as at the hub.\n", out);
    put_tls(out, facts, "", "nats/certs/nats-server.pem", "nats/certs/nats-server-key.pem");
}

static void
put_trust(FILE *out, const struct leaf_facts *facts)
{
    put_path(out, facts, "operator", "nats/operator.jwt");
    (void)fprintf(out,
        "system_account: %s\n"
        "# This account and no other. What is revoked at the hub gets here with a new bundle.\n"
        "resolver: MEMORY\nresolver_preload: {\n  %s: %s\n  %s: %s\n}\n",
        facts->system_key, facts->system_key, facts->system_jwt, facts->account_key,
        facts->account_jwt);
}

static void
put_jetstream(FILE *out, const struct leaf_facts *facts)
{
    const char *dir = facts->draft->store_dir;

    (void)fprintf(out,
        "jetstream {\n  store_dir: \"%s\"\n  # What the account sets aside. Streams are bounded by "
        "their own max_bytes.\n"
        "  max_file_store: %lld\n  max_memory_store: %lld\n"
        "  # A name of its own: the hub addresses this site by it.\n  domain: \"%s\"\n}\n",
        dir != NULL ? dir : LEAF_STORE_DEFAULT, (long long)facts->disk, (long long)facts->memory,
        facts->domain);
}

static void
put_remote(FILE *out, const struct leaf_facts *facts)
{
    (void)fprintf(out, "leafnodes {\n  remotes: [\n    {\n      url: \"%s\"\n      account: %s\n",
        facts->hub, facts->account_key);
    put_path(out, facts, "      credentials", "creds/leaf.creds");
    (void)fputs("      # Records would be stored twice if they went this way too.\n", out);
    put_denied(out, facts, "deny_exports");
    put_denied(out, facts, "deny_imports");
    put_tls(out, facts, "      ", "nats/certs/nats-leaf.pem", "nats/certs/nats-leaf-key.pem");
    (void)fputs("    }\n  ]\n}\n", out);
}

char *
leaf_conf_text(const struct leaf_facts *facts)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        return NULL;
    }
    (void)fprintf(out,
        "# The NATS server of site %s, by serviceradar-provision leaf bundle: make a new bundle\n"
        "# instead of changing this file. For nats-server 2.9 and later.\n",
        facts->draft->site);
    put_listener(out, facts);
    put_trust(out, facts);
    put_jetstream(out, facts);
    put_remote(out, facts);
    if (ferror(out) != 0) {
        (void)fclose(out);
        free(text);
        return NULL;
    }
    return fclose(out) == 0 ? text : NULL;
}

static const char README[] =
    "# Site %s of %s: a NATS server that keeps records while the hub is away\n"
    "\n"
    "Collectors of the site publish to this server and are acknowledged by it. The hub's streams\n"
    "fetch what it holds, now and after every outage, each record once.\n"
    "\n"
    "1. On the site's host, as root, with nats-server 2.9 or later and its user `nats`:\n"
    "\n"
    "       install -d -m 0750 -o root -g nats %s\n"
    "       tar -xzf FILE -C %s --strip-components=1 --no-same-owner\n"
    "       chgrp -R nats %s && chmod -R g+rX,o-rwx %s\n"
    "       install -d -m 0750 -o nats -g nats %s\n"
    "       nats-server -t -c %s/nats/nats-leaf.conf\n"
    "\n"
    "   and let systemd run `nats-server -c %s/nats/nats-leaf.conf` as the user nats. The host\n"
    "   needs the way out to %s only; collectors reach it on its port for clients.\n"
    "\n"
    "2. Where the issuer is, once the server runs (it can be repeated):\n"
    "\n"
    "       serviceradar-provision leaf connect %s --account %s\n"
    "\n"
    "   makes the site's streams in the JetStream domain %s and adds them as sources to the\n"
    "   hub's. The same by hand: stream/*.json goes to $JS.%s.API.STREAM.CREATE.NAME, and\n"
    "   the member `sources` of hub/*.json into the configuration of the hub's streams.\n"
    "\n"
    "3. Collectors of the site: `nats.url` is tls://THIS-HOST:%u. Their credentials stay as they\n"
    "   are. Give collector create the file {\"nats\": {\"url\": [\"tls://THIS-HOST:%u\"]}} with\n"
    "   --overrides.\n"
    "\n"
    "The streams are bounded (`max_bytes`) and refuse what is new when they are full; collectors\n"
    "then keep it in their own queues. Records stay in the site's streams after the hub has them,\n"
    "until somebody purges them: make `max_bytes` larger than the longest outage needs, and purge\n"
    "when the hub has caught up.\n"
    "\n"
    "This server trusts the operator, and knows this one account as it was when the bundle was\n"
    "made: after a user was revoked or a signing key rotated, make a new bundle, unpack it, and\n"
    "reload the server (nats-server --signal reload). Whoever has this archive is this site:\n"
    "delete it afterwards.\n";

char *
leaf_readme_text(const struct leaf_facts *facts)
{
    const struct leaf_draft *d = facts->draft;
    const char *at = folder_of(d);
    const char *store = d->store_dir != NULL ? d->store_dir : LEAF_STORE_DEFAULT;
    unsigned port = d->port != 0 ? d->port : PORT_DEFAULT;
    char *text = NULL;

    if (asprintf(&text, README, d->site, d->account, at, at, at, at, store, at, at, facts->hub,
            d->site, d->account, facts->domain, facts->domain, port, port) < 0) {
        return NULL;
    }
    return text;
}

static char *
stream_text(const struct leaf_facts *facts, const char *name, const struct streams_place *place)
{
    const struct sr_suite_stream *stream = sr_suite_streams;

    while (stream->name != NULL && strcmp(stream->name, name) != 0) {
        stream++;
    }
    json_t *config =
        stream->name != NULL ? streams_config(facts->draft->account, stream, place) : NULL;
    char *json = config != NULL ? json_dumps(config, JSON_INDENT(2)) : NULL;
    char *text = NULL;

    if (json != NULL && asprintf(&text, "%s\n", json) < 0) {
        text = NULL;
    }
    free(json);
    json_decref(config);
    return text;
}

char *
leaf_stream_text(const struct leaf_facts *facts, const char *stream)
{
    const struct streams_place place = { .max_bytes = facts->draft->max_bytes };

    return stream_text(facts, stream, &place);
}

char *
leaf_hub_text(const struct leaf_facts *facts, const char *stream)
{
    const struct streams_place place = { .source = facts->domain };

    return stream_text(facts, stream, &place);
}
