/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_TOKEN_FIELDS_H_INCLUDED
#define CLI_ENROLL_TOKEN_FIELDS_H_INCLUDED

#include <stdbool.h>

#include "enroll/token.h"

/* The rules of the fields of a token, for those who read and those who write them. */

/*
 * A URL of an API in the form that struct token describes; without a scheme it gets https.
 * TOKEN_ESCHEME for another scheme; TOKEN_EURL for a user, a query, a fragment, a character that
 * RFC 3986 does not allow there, a host or port that is none, and more than TOKEN_URL_MAX.
 */
enum token_err token_url(struct sr_span text, char ret_url[TOKEN_URL_MAX + 1]);

/* A UUID (RFC 4122, section 3), in lower case. False when it is none. */
bool token_uuid(struct sr_span text, char ret_uuid[TOKEN_UUID_LEN + 1]);

/* Whether it can be a secret: 1 to TOKEN_SECRET_MAX characters of "token68" (RFC 7235,
 * section 2.1).
 */
bool token_is_secret(struct sr_span text);

/* Whether it is a plain file name: letters, digits, '.', '_' and '-', the first no dot or dash. */
bool token_is_config(struct sr_span text);

/* Reads "sha256:" and 64 hexadecimal digits, as in tokens and in --ca-pin. False when it is not. */
bool token_pin(struct sr_span text, uint8_t ret_pin[TOKEN_PIN_BYTES]);

/* The names of the fields, as in struct token_problem. */
#define TOKEN_FIELD_URL "u (URL of the API)"
#define TOKEN_FIELD_PACKAGE "p (id of the package)"
#define TOKEN_FIELD_SECRET "t (secret)"
#define TOKEN_FIELD_EXPIRY "e (expiry)"
#define TOKEN_FIELD_CONFIG "f (name of the configuration file)"
#define TOKEN_FIELD_PIN "c (pin of the CA)"
#define TOKEN_FIELD_KEY "k (id of the signing key)"

/* Latest expiry, the end of the year 9999: later ones are a mistake of the unit. */
#define TOKEN_EXPIRY_MAX 253402300799

#define TOKEN_V2_PREFIX "collectorpkg-v2:"
#define TOKEN_V3_PREFIX "collectorpkg-v3:"
#define TOKEN_PIN_PREFIX "sha256:"

#endif
