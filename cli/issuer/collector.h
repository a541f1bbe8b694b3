/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_COLLECTOR_H_INCLUDED
#define CLI_ISSUER_COLLECTOR_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/account.h"
#include "issuer/store.h"

/*
 * Collectors as the issuer knows them: pending -> ready -> downloaded -> installed, or failed, or
 * revoked. A token lets one host fetch a bundle once; that host may fetch again while the token
 * lives and the collector is not installed.
 */

#define COLLECTOR_ID_LEN 36
#define COLLECTOR_SITE_MAX 63 /* one DNS label */
#define COLLECTOR_HOSTNAME_MAX 253
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
    char site[COLLECTOR_SITE_MAX + 1];
    char hostname[COLLECTOR_HOSTNAME_MAX + 1];
    enum collector_state state;
    uint64_t created_s, changed_s;
};

/* "pending", "ready", ... as in the database. Static. */
const char *collector_state_name(enum collector_state state);

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

/* Finds one by its id, or by the beginning of it when no other begins so. */
bool collector_find(
    struct store *store, const char *id, struct collector *ret_collector, struct trouble *trouble);

/* Called for each collector. Borrowed during the call. */
typedef void collector_list_cb(void *arg, const struct collector *collector);

/* Tells of the collectors of an account (NULL: all), the oldest first. */
bool collector_list(struct store *store, const char *account, collector_list_cb *cb, void *arg,
    struct trouble *trouble);

/* Why a token does not open a bundle. The order is that of the checks. */
enum collector_refusal {
    COLLECTOR_GRANTED,
    COLLECTOR_NO_TOKEN,  /* 400: it, the host or the keys are missing or malformed */
    COLLECTOR_UNKNOWN,   /* 404: no such collector */
    COLLECTOR_BAD_TOKEN, /* 401: not its secret */
    COLLECTOR_EXPIRED,   /* 410 */
    COLLECTOR_SPENT,     /* 409: used, and not by this host, or already installed */
    COLLECTOR_NOT_READY, /* 409: revoked, or nothing was fetched yet */
};

/* A sentence for `refusal`, static. */
const char *collector_refusal_text(enum collector_refusal refusal);

/*
 * Whether a token lets `host` fetch the bundle of `id`: `secret` is its secret, or all of it. Takes
 * the token for that host when it does: `downloaded`. Compares in constant time. False only when
 * the store fails.
 */
bool collector_redeem(struct store *store, const char *id, const char *secret, const char *host,
    enum collector_refusal *ret_refusal, struct trouble *trouble);

/* What a host that makes its own keys sends. NULL for both: keys are made here. */
struct collector_keys {
    const char *csr;  /* PEM */
    const char *nkey; /* "U..." */
};

/* A bundle: gzip tar, or the JSON answer of the oldest interface. It may hold secrets. */
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
 * the tar has creds/user.jwt instead of nats.creds, and no key. A collector that was `ready` or
 * `failed` is `downloaded` then and its tokens end: that is how a bundle is fetched without one.
 * The settings "server_url" and, where another authority signed the server's certificate, its PEM
 * file in "server_ca_file" tell how to reach the server. `trouble->error` is EBADMSG when it is the
 * keys of the host that are no good.
 */
bool collector_bundle(struct store *store, const char *id, const struct collector_keys *keys,
    enum collector_layout layout, struct collector_bundle *ret_bundle, struct trouble *trouble);

/* Wipes and frees. */
void collector_bundle_done(struct collector_bundle *bundle);

/*
 * A host that proved its credentials: `installed`; the token is spent. Again is success. Or one
 * that could not: `cause` (not NULL) is kept in the audit log, the collector is `failed`, and the
 * token stays usable by that host. A token that ended meanwhile is good for this.
 */
bool collector_confirm(struct store *store, const char *id, const char *secret, const char *host,
    const char *cause, enum collector_refusal *ret_refusal, struct trouble *trouble);

/*
 * What a collector sends to renew what it has, also after it expired: signed with the key of its
 * user over "serviceradar-renew-v1\n" ID "\n" TIME "\n" NKEY "\n" hex(SHA-256(CSR)). `time_s` must
 * be within 300 s of now (else COLLECTOR_EXPIRED) and later than that of the renewal before (else
 * COLLECTOR_SPENT). NKEY is the key that the user is to have from now on, the same or another.
 */
#define COLLECTOR_RENEWAL_SLACK_S 300
struct collector_renewal {
    uint64_t time_s;
    struct collector_keys keys;
    struct sr_span signature; /* 64 bytes */
};
bool collector_renew(struct store *store, const char *id, const struct collector_renewal *renewal,
    struct collector_bundle *ret_bundle, enum collector_refusal *ret_refusal,
    struct trouble *trouble);

/*
 * What a renewal replaced stays good for so long, for a host that could not put the new credentials
 * in place, or took them back: it goes on, and may renew with what it has.
 */
#define COLLECTOR_GRACE_S (24 * 3600)

/* Revokes what was replaced COLLECTOR_GRACE_S ago; account_push() of `ret_count` is the caller's.
 */
bool collector_end_due(struct store *store, int *ret_count, struct trouble *trouble);

/* Revokes user and certificate. account_push() is the caller's. Again is success. */
bool collector_revoke(
    struct store *store, const char *id, const char *reason, struct trouble *trouble);

/*
 * Writes a token for a collector that is ready, failed or downloaded; tokens before it end. The
 * text is a secret: wipe it. `version` 1 to 3; of v3 the pin is the root's, of v2 and v3 the
 * signature is by the issuer's token key. All name the configuration. The setting "api_url" is the
 * URL in it.
 */
#define COLLECTOR_TOKEN_MAX 4096
bool collector_token(struct store *store, const char *id, int version, uint64_t lifetime_s,
    char ret_token[COLLECTOR_TOKEN_MAX + 1], struct trouble *trouble);

/*
 * The public key by which hosts trust tokens, as 64 hexadecimal digits. Its pair is the secret
 * "token" (store_pair), made at the first use; the setting "token.pub" has this.
 */
#define COLLECTOR_TOKEN_KEY_LEN 64
bool collector_token_key(
    struct store *store, char ret_key[COLLECTOR_TOKEN_KEY_LEN + 1], struct trouble *trouble);

#endif
