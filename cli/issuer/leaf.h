/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_LEAF_H_INCLUDED
#define CLI_ISSUER_LEAF_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/collector.h"
#include "issuer/store.h"

/*
 * A site with a NATS server of its own, for when the way to the hub is down for long: collectors
 * publish there with the credentials that they have for the hub, and are acknowledged there. The
 * hub's streams fetch what the site's streams hold ("source"), each message once.
 *
 * The site's server knows the operator and this one account only, from its configuration. Its
 * JetStream has a domain of its own, edge-SITE, by which the hub addresses it: with one domain for
 * all sites the hub could not tell them apart. No record takes the direct way to the hub, which
 * would store it twice: neither the site's server lets it out (deny_exports) nor does the hub let
 * it in (the leaf user's permissions).
 */

#define LEAF_PORT 7422 /* of the hub, for leaf nodes */
#define LEAF_DOMAIN_MAX 80
#define LEAF_AT_DEFAULT "/etc/nats-edge"
#define LEAF_STORE_DEFAULT "/var/lib/nats-edge/jetstream"

/* What to make. Borrowed for the call; NULL and 0 are the defaults. */
struct leaf_draft {
    const char *account;
    const char *site;      /* one DNS label */
    const char *hub;       /* tls://HOST[:PORT]; NULL: the server of the setting "server_url" */
    const char *at;        /* the folder on the site's host: LEAF_AT_DEFAULT */
    const char *store_dir; /* of JetStream there: LEAF_STORE_DEFAULT */
    const char *address;   /* to listen on; NULL: 0.0.0.0 */
    uint16_t port;         /* 0: 4222 */
    const char *names;     /* further names of the server: "DNS:a, IP:192.0.2.1" */
    int64_t max_bytes;     /* of each stream of the site; 0: as at the hub */
};

/*
 * Issues the site's user and certificates and packs all that its server needs: edge-site-SITE/ with
 * nats/, creds/, stream/, hub/ and README.md. What the site had before is revoked. The caller
 * pushes the account behind the commit: also the first time, as the role is new to it then.
 */
bool leaf_bundle(struct store *store, const struct leaf_draft *draft,
    struct collector_bundle *ret_bundle, struct trouble *trouble);

/* How leaf_connect() found or left a stream. */
typedef void leaf_stream_cb(void *arg, const char *where, const char *stream, const char *state);

/*
 * Makes the streams of a site whose server is connected to the hub, and has the hub's streams fetch
 * from them. Again is success. What the site's stream holds arrives from then on, the oldest first.
 */
bool leaf_connect(struct store *store, const char *account, const char *site, int64_t max_bytes,
    leaf_stream_cb *cb, void *arg, struct trouble *trouble);

#endif
