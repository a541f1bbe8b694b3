/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_TOKEN_H_INCLUDED
#define CLI_ENROLL_TOKEN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/trust.h"
#include "sr/buf.h"
#include "sr/span.h"

/*
 * Enrolment tokens: what a person pastes on a host so that it joins.
 *
 *   v1  base64url(JSON)                                        not signed
 *   v2  "collectorpkg-v2:" base64url(JSON) "." base64url(sig)  the platform's
 *   v3  "collectorpkg-v3:" base64url(JSON) "." base64url(sig)  of the self-hosted issuer
 *
 * The JSON is an object: "u" URL of the API, "p" id of the package, "t" secret, "e" expiry in Unix
 * seconds, "f" name of the configuration file; in v3 also "c", "sha256:" and the SHA-256 of the
 * SubjectPublicKeyInfo (RFC 7469, section 2.4) of the API's CA in hexadecimal, and "k", the
 * trust_key_id of the signing key. `u`, `e` and `f` may be absent before v3; of v3 only `f` may.
 * Other names are ignored. The signature is Ed25519 over the bytes of the JSON as they were sent;
 * in v3 with the prefix before them, so that nobody passes it off as a v2 and so without its pin.
 */

#define TOKEN_INPUT_MAX 16384 /* bytes that are looked at, white space included */
#define TOKEN_TEXT_MAX 4096   /* characters of a token; real ones have some 400 */
#define TOKEN_URL_MAX 512
#define TOKEN_UUID_LEN 36
#define TOKEN_SECRET_MAX 256
#define TOKEN_CONFIG_MAX 64
#define TOKEN_PIN_BYTES 32
#define TOKEN_SEED_BYTES 32

enum token_err {
    TOKEN_OK = 0,
    TOKEN_EEMPTY,      /* nothing but white space */
    TOKEN_ETOOBIG,     /* longer than TOKEN_INPUT_MAX or TOKEN_TEXT_MAX */
    TOKEN_ECHARACTER,  /* a character that no token has, at `position` */
    TOKEN_ETRUNCATED,  /* the end is missing */
    TOKEN_EFORM,       /* not a token, or more than one */
    TOKEN_EAGENT,      /* a token for the agent: "edgepkg-" */
    TOKEN_EVERSION,    /* "collectorpkg-" of another version */
    TOKEN_EUNSIGNED,   /* v1 where a signature is required */
    TOKEN_ENOKEYS,     /* signed, but this host trusts no key */
    TOKEN_EUNKNOWNKEY, /* v3, and the key that it names (`key_id`) is not trusted */
    TOKEN_ESIGNATURE,  /* no trusted key made the signature: altered, or another's key */
    TOKEN_ETAMPERED,   /* v3, and the key that it names is trusted but did not sign this */
    TOKEN_EKEYID,      /* v3, signed by a trusted key but names another (`key_id`) */
    TOKEN_EJSON,       /* the content is not a JSON object with each name once */
    TOKEN_EMISSING,    /* `field` is missing */
    TOKEN_EFIELD,      /* `field` is not what it should be */
    TOKEN_ESCHEME,     /* the token's URL is not https */
    TOKEN_EURL,        /* the token's URL is not one, or has a user, a query or a fragment */
    TOKEN_ENOURL,      /* neither the token nor --core-url has a URL */
    TOKEN_ECOREURL,    /* --core-url is not https, or not a URL as above */
    TOKEN_EEXPIRED,    /* expired at `expired_s` by the clock at `now_s` */
    TOKEN_ENOMEM,      /* out of memory */
    TOKEN_ECRYPTO,     /* the cryptographic library failed */
};

/* What failed. Which members besides `err` are set is said at the codes. No secret is in it. */
struct token_problem {
    enum token_err err;
    const char *field; /* static: "p (id of the package)" */
    size_t position;   /* counted from 1, white space around the token left out */
    uint64_t expired_s;
    uint64_t now_s;
    char key_id[TRUST_ID_LEN + 1];
};

/* How a token is to be read. Pointers are borrowed for the call. */
struct token_options {
    const struct trust *trust; /* NULL trusts nobody */
    const char *core_url;      /* what --core-url says; NULL or empty without it */
    bool require_signature;    /* refuse v1 */
    uint64_t now_s;            /* Unix seconds */
};

/* A token that was read. `text` and `secret` are secrets: token_done wipes them. */
struct token {
    int version;                   /* 1 to 3 */
    char text[TOKEN_TEXT_MAX + 1]; /* the whole token, without what pasting added */
    /*
     * "https://host[:port][/path]" without a slash at the end, scheme and host in lower case and no
     * port 443. The token's; that of --core-url only when the token has none.
     */
    char url[TOKEN_URL_MAX + 1];
    bool core_url_ignored;               /* --core-url was given and is another than the token's */
    char package_id[TOKEN_UUID_LEN + 1]; /* lower case */
    char secret[TOKEN_SECRET_MAX + 1];   /* safe in a header line */
    char config[TOKEN_CONFIG_MAX + 1];   /* name of a file without a folder; empty without one */
    uint64_t expires_s;                  /* Unix seconds; 0 for never */
    bool has_ca_pin;
    uint8_t ca_pin[TOKEN_PIN_BYTES];
    bool is_signed;
    struct trust_key signer; /* of a signed one: the trusted key; its id is the `k` of v3 */
};

/*
 * Reads a token that was pasted, verifies its signature before anything in it is parsed, and checks
 * each field and the expiry (after it, not at it, as upstream). White space around, one pair of
 * quotes, and line breaks inside with the white space at them are forgiven, nothing else. Every
 * code is possible; `problem` is always written, `ret_token` only on success: token_done() it.
 * While it runs it has jansson wipe what it frees, so no other thread may use jansson meanwhile,
 * unless token_wipe_json() was called.
 */
enum token_err token_read(struct sr_span text, const struct token_options *options,
    struct token *ret_token, struct token_problem *problem);

/* Has jansson wipe all that it frees from now on. Call it before there are threads. */
void token_wipe_json(void);

/* Wipes a token. */
void token_done(struct token *token);

/* A sentence that says what is wrong, and one that says what to do. Static. */
const char *token_cause(enum token_err err);
const char *token_remedy(enum token_err err);

/*
 * Appends what is known of this case to token_cause: the field, the position, the key, or when it
 * expired and how long ago, as a sentence; nothing where there is no more to say.
 */
void token_detail(const struct token_problem *problem, struct sr_buf *out);

/* What an issuer puts into a token. Strings are borrowed; they obey the rules of the fields. */
struct token_draft {
    int version; /* 1 to 3 */
    const char *url;
    const char *package_id;
    const char *secret;
    const char *config;    /* NULL for none */
    uint64_t expires_s;    /* Unix seconds */
    const uint8_t *ca_pin; /* TOKEN_PIN_BYTES; for v3 only, NULL before */
};

/*
 * Appends the token of a draft, signed with the Ed25519 key of `seed`, which is NULL for v1: those
 * are not signed. What it writes token_read accepts. The text is a secret. Errors, with nothing
 * promised about `out`: TOKEN_EVERSION, _EMISSING and _EFIELD (with `problem->field`), _ESCHEME,
 * _EURL, _ETOOBIG when `out` or TOKEN_TEXT_MAX is too small, _ECRYPTO.
 */
enum token_err token_write(const struct token_draft *draft, const uint8_t seed[TOKEN_SEED_BYTES],
    struct sr_buf *out, struct token_problem *problem);

#endif
