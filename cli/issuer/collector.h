/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_COLLECTOR_H_INCLUDED
#define CLI_ISSUER_COLLECTOR_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/account.h"
#include "issuer/store.h"

/*
 * Collectors as the issuer knows them: pending -> ready -> downloaded -> installed, or failed, or
 * revoked. A token lets one host fetch a bundle once; that host may fetch again while the token
 * lives and the collector is not installed.
 */

#define COLLECTOR_ID_LEN 36
#define COLLECTOR_HOST_MAX 128 /* what names a host: its machine's hash, or its address */

enum collector_state {
    COLLECTOR_PENDING,
    COLLECTOR_READY,
    COLLECTOR_DOWNLOADED,
    COLLECTOR_INSTALLED,
    COLLECTOR_FAILED,
    COLLECTOR_REVOKED,
};

struct collector {
    char id[COLLECTOR_ID_LEN + 1];
    char account[ACCOUNT_NAME_MAX + 1];
    char type[16]; /* "syslog", "trapd", "netflow" */
    char site[64];
    char hostname[256];
    enum collector_state state;
    uint64_t created_s, changed_s;
};

/* What to make. Borrowed for the call. */
struct collector_draft {
    const char *account;
    const char *type;      /* or "flowgger", which is "syslog" */
    const char *site;      /* one DNS label; NULL: "default" */
    const char *hostname;  /* NULL: "" */
    const char *overrides; /* JSON object merged into the configuration; NULL: none */
};

/* Makes one in state `ready`. */
bool collector_create(struct store *store, const struct collector_draft *draft,
    struct collector *ret_collector, struct trouble *trouble);
bool collector_find(
    struct store *store, const char *id, struct collector *ret_collector, struct trouble *trouble);

/* Why a token does not open a bundle. The order is that of the checks. */
enum collector_refusal {
    COLLECTOR_GRANTED,
    COLLECTOR_NO_TOKEN,  /* 400 */
    COLLECTOR_UNKNOWN,   /* 404: no such collector */
    COLLECTOR_BAD_TOKEN, /* 401: not its secret */
    COLLECTOR_EXPIRED,   /* 410 */
    COLLECTOR_SPENT,     /* 409: used, and not by this host, or already installed */
    COLLECTOR_NOT_READY, /* 409: revoked or failed */
};

/*
 * Whether the secret of a token lets `host` fetch the bundle of `id`. Takes the token for that host
 * when it does: `downloaded`. Compares in constant time. False only when the store fails.
 */
bool collector_redeem(struct store *store, const char *id, const char *secret, const char *host,
    enum collector_refusal *ret_refusal, struct trouble *trouble);

/* What a host that makes its own keys sends. NULL for both: keys are made here. */
struct collector_keys {
    const char *csr;  /* PEM */
    const char *nkey; /* "U..." */
};

/* A bundle: gzip tar, or the JSON answer of the oldest interface. A secret: collector_bundle_done.
 */
struct collector_bundle {
    uint8_t *bytes;
    size_t len;
};

enum collector_layout {
    COLLECTOR_TAR,  /* collector-package-ID8/creds, certs, config; see enroll/bundle.h */
    COLLECTOR_JSON, /* {"collector_type", ..., "nats_creds", "config", "install_hints"} */
};

/*
 * Issues a user and a certificate for the collector and packs them. Those that it had before are
 * revoked: the caller pushes the account (account_push) behind the commit. With keys of the host
 * the tar has creds/user.jwt instead of nats.creds, and no key.
 */
bool collector_bundle(struct store *store, const char *id, const struct collector_keys *keys,
    enum collector_layout layout, struct collector_bundle *ret_bundle, struct trouble *trouble);
void collector_bundle_done(struct collector_bundle *bundle);

/*
 * A host that proved its credentials: `installed`; the token is spent. Or one that could not:
 * `cause` (not NULL) is kept in the audit log, and the token stays usable by that host.
 */
bool collector_confirm(struct store *store, const char *id, const char *secret, const char *host,
    const char *cause, enum collector_refusal *ret_refusal, struct trouble *trouble);

/*
 * What a collector sends to renew what it has, also after it expired: signed with the key of its
 * user over "serviceradar-renew-v1\n" ID "\n" TIME "\n" NKEY "\n" hex(SHA-256(CSR)). `time_s` must
 * be within 300 s of now and later than that of the renewal before.
 */
struct collector_renewal {
    uint64_t time_s;
    struct collector_keys keys;
    struct sr_span signature; /* 64 bytes */
};
bool collector_renew(struct store *store, const char *id, const struct collector_renewal *renewal,
    struct collector_bundle *ret_bundle, enum collector_refusal *ret_refusal,
    struct trouble *trouble);

/* Revokes user and certificate. account_push() is the caller's. Again is success. */
bool collector_revoke(
    struct store *store, const char *id, const char *reason, struct trouble *trouble);

/*
 * Writes a token for a collector that is ready, failed or downloaded; tokens before it end. The
 * text is a secret: wipe it. `version` 1 to 3; of v3 the pin is the root's, of v2 and v3 the
 * signature is by the secret "token" (made at the first use; its public key is "token.pub").
 */
#define COLLECTOR_TOKEN_MAX 4096
bool collector_token(struct store *store, const char *id, int version, uint64_t lifetime_s,
    char ret_token[COLLECTOR_TOKEN_MAX + 1], struct trouble *trouble);

#endif
