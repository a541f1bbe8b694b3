/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_BUNDLE_CHECK_H_INCLUDED
#define CLI_ENROLL_BUNDLE_CHECK_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/bundle.h"

/*
 * Whether a bundle's content can work, as far as that shows without a connection. Every check adds
 * what it finds to a list, so that one look at a bundle tells all that is wrong with it. Checks of
 * TLS material find nothing in a bundle that has none, and checks of secrets nothing in one that
 * comes without them.
 */

enum bundle_fault {
    BUNDLE_CERT_UNREADABLE, /* not a PEM certificate */
    BUNDLE_CERT_EXPIRED,
    BUNDLE_CERT_NOT_YET,
    BUNDLE_CERT_NO_CLIENT, /* its extended key usage or key usage keeps it from clients */
    BUNDLE_KEY_UNREADABLE, /* not a PEM private key */
    BUNDLE_KEY_ENCRYPTED,
    BUNDLE_KEY_MISMATCH,
    BUNDLE_CA_UNREADABLE,
    BUNDLE_CA_NO_ROOT,
    BUNDLE_CA_LEAF_NO_ROOT, /* the collector's own certificate and its issuer, but no root */
    BUNDLE_CA_EXPIRED,
    BUNDLE_CA_NOT_YET,
    BUNDLE_CHAIN_BROKEN,
    BUNDLE_CREDS_DAMAGED,
    BUNDLE_CREDS_NOT_USER,
    BUNDLE_CREDS_MISMATCH,
    BUNDLE_CREDS_EXPIRED,
    BUNDLE_CREDS_NOT_YET,
    BUNDLE_CREDS_NO_INBOX,
    BUNDLE_PUBLISH_REFUSED,  /* neither the subject nor any that it may be mapped to */
    BUNDLE_PUBLISH_UNMAPPED, /* the subject, but none that it may be mapped to: a warning */
    BUNDLE_NO_MEMORY,        /* a check could not be made */
};

#define BUNDLE_PROBLEMS_MAX 24

struct bundle_problem {
    enum bundle_fault fault;
    char detail[BUNDLE_DETAIL_MAX]; /* a subject, a time or the name of a certificate; may be "" */
};

/* Starts as zeros. What does not fit is left out. */
struct bundle_problems {
    struct bundle_problem list[BUNDLE_PROBLEMS_MAX];
    size_t count;
};

/* The private key is readable and of the certificate. */
void bundle_check_key(const struct bundle *bundle, struct bundle_problems *out);

/* The certificate is of now (Unix seconds) and may be a client's (RFC 5280, section 4.2.1.12). */
void bundle_check_certificate(
    const struct bundle *bundle, uint64_t now_s, struct bundle_problems *out);

/*
 * The certificate chains to a self-signed root in the CA file, over certificates of now. OpenSSL
 * trusts no chain that ends before a root, and nats.c has no switch for that; the platform has
 * issued CA files of the collector's certificate and its tenant's CA only.
 */
void bundle_check_chain(const struct bundle *bundle, uint64_t now_s, struct bundle_problems *out);

/* Token and seed of the credentials are whole, of one user, and of now. */
void bundle_check_creds(const struct bundle *bundle, uint64_t now_s, struct bundle_problems *out);

/*
 * The user may publish on `subjects` (NULL behind the last). The server checks permissions on the
 * subject after the account's mapping, to "TENANT." and the subject: a permission for the subject
 * itself works in accounts that map nothing, which a token does not tell, so that it is a warning.
 * A token that leaves its permissions to its signing key allows everything as far as it tells.
 * Damaged credentials are for bundle_check_creds.
 */
void bundle_check_publish(
    const struct bundle *bundle, const char *const *subjects, struct bundle_problems *out);

/* All of them; without the last when `subjects` is NULL. */
void bundle_check(const struct bundle *bundle, const char *const *subjects, uint64_t now_s,
    struct bundle_problems *out);

/* Whether a collector cannot work with the fault; the others are warnings. */
bool bundle_fault_is_fatal(enum bundle_fault fault);

/* A sentence on what is wrong, and one on what to do about it, static. */
const char *bundle_fault_cause(enum bundle_fault fault);
const char *bundle_fault_remedy(enum bundle_fault fault);

/* Adds a problem; `detail` is cleaned as by bundle_detail. For the checks' own files. */
void bundle_add_problem(struct bundle_problems *out, enum bundle_fault fault, const char *detail);

/* The user's token, without a line's end: of the credentials, else the one that came alone. */
struct sr_span bundle_token(const struct bundle *bundle);

/*
 * Whether `subject` fits `pattern` by the rules of NATS: "*" is any one token, ">" at the end one
 * or more. A pattern with an empty token or a ">" elsewhere fits nothing.
 */
bool bundle_subject_fits(const char *pattern, const char *subject);

#endif
