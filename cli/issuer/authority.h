/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_AUTHORITY_H_INCLUDED
#define CLI_ISSUER_AUTHORITY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "issuer/store.h"

/*
 * The issuer's certificate authority: a root, an intermediate for each tenant (path length 0), and
 * leaves whose common name is <component>.<partition>.<tenant>.serviceradar, those of the root
 * itself <component>.<partition>.serviceradar. Their alternative names are that, also
 * <component>.serviceradar and spiffe://serviceradar.local/<type>/<tenant>/<partition>/<component>.
 */

#define AUTHORITY_PEM_MAX 16384
#define AUTHORITY_LABEL_MAX 63 /* RFC 1035, section 2.3.4 */
#define AUTHORITY_NAME_MAX 64  /* of a common name: RFC 5280, ub-common-name */

/* Makes the root when it is not there; `account` "" or a tenant's intermediate otherwise. */
bool authority_ensure(struct store *store, const char *account, struct trouble *trouble);

/* Whether `text` is a DNS label in lower case: letters, digits, and '-' between them. */
bool authority_is_label(const char *text);

/* What to issue. Borrowed for the call. Without a CSR a key is made here. */
struct authority_draft {
    const char *account; /* whose intermediate signs; "" the root's own: the server's, the API's */
    const char *component; /* one DNS label: "trapd-1f2e3d4c" */
    const char *partition; /* one DNS label: the site */
    const char *type;      /* one DNS label, for the SPIFFE id: "trapd"; NULL: the component */
    const char *csr;       /* PEM, its own signature checked; only its key is taken. NULL: none */
    const char *alternative_names; /* beyond those of the rule, as "DNS:a, IP:127.0.0.1", or NULL */
    bool server; /* for servers (and clients), also localhost, 127.0.0.1 and ::1; else clients only
                  */
    unsigned days;
};

/* What was issued. authority_made_done() wipes and frees. */
struct authority_made {
    char serial[64];
    char *certificate; /* PEM, as a peer sends it: the leaf, and the intermediate behind it */
    char *key;         /* PEM, NULL with a CSR; kept nowhere */
    char *chain;       /* PEM: intermediate and root; only the root where the root signed */
    uint64_t expires_s;
};

/* Issues a leaf; makes its authority first when that is absent. Part of the caller's transaction.
 */
bool authority_issue(struct store *store, const struct authority_draft *draft,
    struct authority_made *ret_made, struct trouble *trouble);
void authority_made_done(struct authority_made *made);

/* Marks a certificate as revoked; the CRL has it from then on. Again is success. */
bool authority_revoke(
    struct store *store, const char *serial, const char *reason, struct trouble *trouble);

/* The root's certificate as PEM: free() it. And the SHA-256 of its SubjectPublicKeyInfo. */
bool authority_root(
    struct store *store, char **ret_pem, uint8_t ret_pin[32], struct trouble *trouble);

/* The CRL that the root ("") or a tenant's intermediate signs, for `days`, as PEM: free() it. */
bool authority_crl(struct store *store, const char *account, unsigned days, char **ret_pem,
    struct trouble *trouble);

/* An issued certificate, as the store knows it. Borrowed during the call. */
struct authority_certificate {
    const char *serial, *account, *common_name, *reason;
    uint64_t created_s, expires_s, revoked_s; /* revoked_s 0: good */
};
typedef void authority_certificate_cb(void *arg, const struct authority_certificate *certificate);

/* Tells of the certificates of an account ("" the root's own, NULL all), the oldest first. */
bool authority_list(struct store *store, const char *account, authority_certificate_cb *cb,
    void *arg, struct trouble *trouble);

#endif
