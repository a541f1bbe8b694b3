/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_NATS_CONFIG_H_INCLUDED
#define CLI_ISSUER_NATS_CONFIG_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/store.h"

/*
 * The configuration of a NATS server that trusts the operator: nats-server.conf, operator.jwt, tls/
 * and, for a full resolver, resolver/ with the tokens of all accounts.
 */

/* JetStream has room for so many more accounts with the limits of new ones. */
#define NATS_CONFIG_SPARE_ACCOUNTS 4
#define NATS_CONFIG_PORT 4222
#define NATS_CONFIG_LEAF_PORT 7422

/* Borrowed for the call. NULL and 0 are the defaults. All paths but `out` are absolute. */
struct nats_config {
    const char *out;       /* the folder; it is made, its parent must exist */
    const char *at;        /* where the folder is on the server's host; NULL: where it is here */
    const char *address;   /* to listen on: an IP address; NULL: all of IPv4 */
    const char *names;     /* further names of the server: "DNS:a, IP:192.0.2.1" */
    const char *cert_file; /* a certificate from elsewhere, with its key; NULL: one of our root */
    const char *key_file;
    const char *ca_file;   /* whom the server believes certificates of clients; NULL: our root */
    const char *store_dir; /* of JetStream, on the server's host; NULL: jetstream/ in the folder */
    const char *domain;    /* of JetStream; NULL: none */
    uint16_t port;         /* 0: that of the operator's server URL */
    uint16_t leaf_port;    /* 0: no leaf nodes */
    bool memory;           /* all accounts in the file itself, instead of a full resolver */
};

struct nats_config_report {
    size_t accounts;
    int64_t disk, memory;  /* what JetStream may take, bytes */
    bool made_certificate; /* one that was there and good is kept */
    uint64_t expires_s;    /* of the one that was made; else 0 */
};

/*
 * Writes it; nats-server.conf comes last. Part of the caller's transaction, which keeps what was
 * issued. EINVAL for a name or path that cannot be in a configuration.
 */
bool nats_config_write(struct store *store, const struct nats_config *config,
    struct nats_config_report *ret_report, struct trouble *trouble);

/*
 * Whether the certificate in `cert_file` is signed by the root in `root_pem`, good for another 30
 * days after `now_s`, and for the host or IP address `name`.
 */
bool nats_config_certificate_holds(
    const char *cert_file, const char *root_pem, const char *name, uint64_t now_s);

#endif
