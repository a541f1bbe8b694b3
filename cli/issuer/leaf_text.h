/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_LEAF_TEXT_H_INCLUDED
#define CLI_ISSUER_LEAF_TEXT_H_INCLUDED

#include "issuer/leaf.h"
#include "sr/nkey.h"

struct json_t;

/* The texts in the bundle of a site. All are owned: free() them; NULL without memory. */

struct leaf_facts {
    const struct leaf_draft *draft;
    char domain[LEAF_DOMAIN_MAX];
    char hub[300]; /* tls://HOST:PORT */
    char account_key[SR_NKEY_PUBLIC_LEN + 1];
    char system_key[SR_NKEY_PUBLIC_LEN + 1];
    const char *account_jwt, *system_jwt;
    int64_t disk, memory; /* what the account makes the server set aside */
};

/* nats-leaf.conf. */
char *leaf_conf_text(const struct leaf_facts *facts);

char *leaf_readme_text(const struct leaf_facts *facts);

/* JSON for STREAM.CREATE: of the site's stream, and of the hub's that fetches from it. */
char *leaf_stream_text(const struct leaf_facts *facts, const char *stream);
char *leaf_hub_text(const struct leaf_facts *facts, const char *stream);

#endif
