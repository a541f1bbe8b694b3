/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENROLL_HOST_KEYS_H_INCLUDED
#define ENROLL_HOST_KEYS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/bundle.h"
#include "sr/buf.h"
#include "sr/nkeypair.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * Keys that are born on the host: an EC P-256 key for the certificate and the key of a NATS user.
 * Only their public halves leave it. Until a bundle for them is in place they are kept, root only,
 * in ROOT/var/lib/serviceradar/enroll/NAME, so that a run that is broken off goes on with the same
 * ones: an issuer may have bound the token to them.
 */

struct host_keys;

#define HOST_ID_LEN 64
#define HOST_KEYS_REQUEST_MAX 2048 /* bytes of a JSON body with them */

/*
 * Reads the keys that are kept under `name`, or makes and keeps new ones; generations_open() must
 * have been called. Returns owned: host_keys_free().
 */
bool host_keys_open(const char *root, const char *name, struct host_keys **ret_keys, bool *ret_kept,
    struct trouble *trouble);

/* Wipes and frees; NULL is allowed. */
void host_keys_free(struct host_keys *keys);

/* Whether keys are kept under `name`. */
bool host_keys_kept(const char *root, const char *name);

/* The file may go: what it held is in place, or of no use any more. */
bool host_keys_forget(const char *root, const char *name, struct trouble *trouble);

/*
 * The certificate request (RFC 2986) as PEM in owned memory, free(). NULL when the library fails.
 * Each call signs anew.
 */
char *host_keys_csr(const struct host_keys *keys);

/* The public key of the user, "U...". Borrowed. */
const char *host_keys_user(const struct host_keys *keys);

/* The key of the user. Borrowed; it is a secret. */
const struct sr_nkeypair *host_keys_pair(const struct host_keys *keys);

/* Appends {"csr": PEM, "nkey": "U..."}. */
bool host_keys_request(const struct host_keys *keys, struct sr_buf *out, struct trouble *trouble);

/*
 * Makes a whole bundle of one that came without secrets: a gzip tar with the credentials and the
 * key, in owned memory that holds secrets: host_keys_bundle_free().
 */
bool host_keys_complete(const struct host_keys *keys, const struct bundle *bundle,
    struct sr_span *ret_packed, struct trouble *trouble);
void host_keys_bundle_free(struct sr_span packed);

/*
 * How a host names itself to an issuer: SHA-256 of "serviceradar-host-v1" and the machine id, in
 * hexadecimal. False when there is no machine id under `root`, as in images.
 */
bool host_id(const char *root, char ret_id[HOST_ID_LEN + 1]);

#endif
