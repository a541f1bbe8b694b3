/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_TOKEN_DESK_H_INCLUDED
#define TESTS_UNIT_TOKEN_DESK_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

struct trust;

/*
 * An issuer of enrolment tokens for tests. Its seed is the bytes 0 to 31. The tokens below were
 * made by another implementation of base 64, JSON and Ed25519, in the order of fields that the
 * platform's two issuers write.
 */

#define DESK_PUBLIC_HEX "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define DESK_PUBLIC_STD "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define DESK_PUBLIC_URL "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define DESK_KEY_ID "56475aa75463474c"

#define DESK_URL "https://core.example.com"
#define DESK_PACKAGE "3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5b"
#define DESK_SECRET "q8Z0c3VwZXItc2VjcmV0LWZvci10ZXN0"
#define DESK_EXPIRY 1700086400
#define DESK_PIN "sha256:a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"

extern const char desk_v1[];   /* e p t u */
extern const char desk_v1_f[]; /* e f p t u */
extern const char desk_v2[];   /* u p t e f */
extern const char desk_v3[];   /* u p t e f c k */

#define DESK_TEXT_MAX 8192

/* The bytes 0 to 31. */
extern const uint8_t desk_seed[32];

/* Makes `trust` trust the issuer and nobody else. */
void desk_trust(struct trust *trust);

/* Writes a token of any content with the prefix of its version; v2 and v3 with a right signature.
 */
void desk_write(int version, const char *json, char out[DESK_TEXT_MAX]);

#endif
