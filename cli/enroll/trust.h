/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_TRUST_H_INCLUDED
#define CLI_ENROLL_TRUST_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* The public Ed25519 keys by which this host trusts enrolment tokens. */

#define TRUST_KEY_BYTES 32
#define TRUST_KEYS_MAX 32
#define TRUST_FILE_MAX 4096 /* bytes of a key file; real ones have some 45 */
#define TRUST_ID_LEN 16     /* characters of a key's id */
#define TRUST_ORIGIN_MAX 256

/* Where the platform's own tool looks for its one key. */
#define TRUST_ENVIRONMENT "SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY"

struct trust_key {
    uint8_t bytes[TRUST_KEY_BYTES];
    char id[TRUST_ID_LEN + 1];     /* see trust_key_id */
    char origin[TRUST_ORIGIN_MAX]; /* for people: a path, an option, a variable; cut if longer */
};

/* `{ .count = 0 }` trusts nobody. It owns all that it has, and nothing of it is secret. */
struct trust {
    struct trust_key keys[TRUST_KEYS_MAX];
    size_t count;
};

enum trust_err {
    TRUST_OK = 0,
    TRUST_EENCODING, /* not 32 bytes in one of the encodings */
    TRUST_EPRIVATE,  /* 64 bytes: a private key, which does not belong here */
    TRUST_EWEAK,     /* a key for which anybody can make signatures */
    TRUST_EMISSING,  /* no such file */
    TRUST_EREAD,     /* reading failed, or it is not what it should be: a file, a folder */
    TRUST_ETOOBIG,   /* a file of more than TRUST_FILE_MAX bytes */
    TRUST_EOWNER,    /* others than root and this user could have written it */
    TRUST_EMANY,     /* more than TRUST_KEYS_MAX keys, or files of them */
    TRUST_ENOMEM,    /* out of memory */
    TRUST_ECRYPTO,   /* the cryptographic library failed */
};

/* A sentence that says what is wrong, and one that says what to do. Static. */
const char *trust_cause(enum trust_err err);
const char *trust_remedy(enum trust_err err);

/*
 * The id of a key: the first 8 bytes of the SHA-256 of its 32 bytes, in lower-case hexadecimal. It
 * names a key to people and in tokens; trust never rests on it. TRUST_ECRYPTO.
 */
enum trust_err trust_key_id(const uint8_t key[TRUST_KEY_BYTES], char ret_id[TRUST_ID_LEN + 1]);

/*
 * Adds the key that `text` stands for: hexadecimal, or base 64 of either alphabet with or without
 * padding, with white space around. 64 hexadecimal digits are hexadecimal, although they are also
 * the base 64 of 48 bytes. A key that is trusted already keeps its first origin. `trust` changes
 * only on success. Errors: TRUST_EENCODING, _EPRIVATE, _EWEAK, _EMANY, _ECRYPTO.
 */
enum trust_err trust_add_text(struct trust *trust, struct sr_span text, const char *origin);

/*
 * Adds the key in a file, as trust_add_text. A file that others than root and this user own or can
 * write to is refused: its writer would decide whom this host obeys. Errors: also TRUST_EMISSING,
 * _EREAD, _ETOOBIG, _EOWNER.
 */
enum trust_err trust_add_file(struct trust *trust, const char *path);

/* Adds what `--trust-key` was given: a key as text, or else the path of a file. */
enum trust_err trust_add_argument(struct trust *trust, const char *value);

/* Adds the key in the environment variable TRUST_ENVIRONMENT; nothing when it is empty or unset. */
enum trust_err trust_add_environment(struct trust *trust);

/*
 * Adds the files NAME.pub of a folder (trust.d) in the order of their names, but none that begins
 * with a dot. A folder that does not exist has no keys. On an error all of `trust` is as before,
 * and `culprit` has the path of the file or folder that is to blame, cut if it is longer.
 */
enum trust_err trust_add_folder(
    struct trust *trust, const char *path, char culprit[TRUST_ORIGIN_MAX]);

/* The key with that id, or NULL. Borrowed from `trust`. */
const struct trust_key *trust_find(const struct trust *trust, const char *id);

#endif
