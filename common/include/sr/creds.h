/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CREDS_H_INCLUDED
#define SR_CREDS_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/buf.h"
#include "sr/nkey.h"
#include "sr/span.h"

/* A .creds file: the JWT of a NATS user and the seed of its key, each between lines of dashes. */

/* Largest file that is read; real ones have some 1,500 bytes. */
#define SR_CREDS_MAX (64U * 1024)

/* Longest name and inbox prefix that are returned; longer ones are cut or refused. */
#define SR_CREDS_TEXT_MAX 256

enum sr_creds_err {
    SR_CREDS_OK = 0,
    SR_CREDS_EMISSING,  /* no such file */
    SR_CREDS_EACCESS,   /* there, but not for this user to read */
    SR_CREDS_EREAD,     /* reading failed, or it is not a regular file */
    SR_CREDS_ETOOBIG,   /* over SR_CREDS_MAX */
    SR_CREDS_ENOJWT,    /* no first item between lines of dashes */
    SR_CREDS_ENOSEED,   /* no second item */
    SR_CREDS_EJWT,      /* the first item is not a token, or it was altered */
    SR_CREDS_ETYPE,     /* a token, but not of a user */
    SR_CREDS_ESEED,     /* the second item is not a user's seed, or it was altered */
    SR_CREDS_EMISMATCH, /* the seed is of another user than the token */
    SR_CREDS_EINBOX,    /* no `_INBOX` subject may be subscribed, or it is too long */
    SR_CREDS_EEXPIRED,  /* `exp` has passed */
    SR_CREDS_ENOTYET,   /* `nbf` is to come */
    SR_CREDS_ENOMEM,    /* out of memory, or the cryptographic library failed */
};

/* A sentence for `err` that says what to do, static. */
const char *sr_creds_strerror(enum sr_creds_err err);

/* The two items of a file. They borrow the file's bytes; the seed is a secret. */
struct sr_creds_text {
    struct sr_span jwt;
    struct sr_span seed;
};

/* What the token of a file says. */
struct sr_creds_info {
    char name[SR_CREDS_TEXT_MAX];         /* of the user; empty when it has none */
    char subject[SR_NKEY_PUBLIC_LEN + 1]; /* the user's public key, "U..." */
    char account[SR_NKEY_PUBLIC_LEN + 1]; /* the account that issued it, "A..." */
    uint64_t issued_s;                    /* `iat`, Unix seconds */
    uint64_t expires_s;                   /* `exp`, Unix seconds; 0 for never */
    char inbox_prefix[SR_CREDS_TEXT_MAX]; /* e.g. "_INBOX" or "_INBOX.acme-syslog" */
    size_t publish_allowed;               /* entries of pub.allow; 0 allows every subject */
};

/*
 * Finds the items: each is one line that lines of dashes ("---...---") enclose, with blank lines,
 * spaces, carriage returns and anything outside the enclosures ignored. Errors: SR_CREDS_ENOJWT,
 * _ENOSEED. Whether the items are what they should be is for sr_creds_check.
 */
enum sr_creds_err sr_creds_parse(struct sr_span file, struct sr_creds_text *ret_text);

/* Appends a file of the two items. Lines end in LF only: nats.c before 3.9 wants it so. */
void sr_creds_format(struct sr_buf *out, struct sr_span jwt, struct sr_span seed);

/*
 * Reads `file` and tests that a connection could use it at `now_s` (Unix seconds): readable, well
 * formed, token intact, seed and token of one user, and neither early nor expired. The server may
 * still refuse it: trust in the issuer and revocation are known only there.
 * The inbox prefix is that of the first "_INBOX.>" or "_INBOX.<name>.>" in sub.allow; it is
 * "_INBOX" when the token allows every subscription. A token that leaves all permissions and limits
 * to its signing key's template (`issuer_account` is not `iss`, and it has none itself) gets
 * "_INBOX.<name of the user>", or "_INBOX" where that name is no part of a subject.
 */
enum sr_creds_err sr_creds_check(const char *file, uint64_t now_s, struct sr_creds_info *ret_info);

/* As sr_creds_check, for a file that is in memory already. */
enum sr_creds_err sr_creds_check_text(
    struct sr_span file, uint64_t now_s, struct sr_creds_info *ret_info);

#endif
