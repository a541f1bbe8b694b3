/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_COLLECTOR_PARTS_H_INCLUDED
#define CLI_ISSUER_COLLECTOR_PARTS_H_INCLUDED

#include "issuer/collector.h"
#include "issuer/collector_config.h"
#include "issuer/user.h"
#include "sr/nkey.h"

/* What the files of collectors share. */

#define COLLECTOR_SHORT_LEN 8      /* of an id, in names */
#define COLLECTOR_COMPONENT_MAX 32 /* "netflow-1f2e3d4c" */
#define COLLECTOR_SERIAL_MAX 64
#define COLLECTOR_HASH_LEN 64 /* hexadecimal digits of a SHA-256 */

/* All that the database has of a collector. */
struct collector_row {
    struct collector c;
    char overrides[COLLECTOR_OVERRIDES_MAX + 1];
    char user_key[SR_NKEY_PUBLIC_LEN + 1];
    char serial[COLLECTOR_SERIAL_MAX];
    char host[COLLECTOR_HOST_MAX + 1];
    uint64_t renewed_s;
};

/* Loads one by its whole id; `*ret_found` tells whether it is there. */
bool collector_load(struct store *store, const char *id, struct collector_row *ret_row,
    bool *ret_found, struct trouble *trouble);

/* As that; absence is an error with a remedy. */
bool collector_load_known(
    struct store *store, const char *id, struct collector_row *ret_row, struct trouble *trouble);

bool collector_set_state(struct store *store, const char *id, enum collector_state state,
    const char *host, struct trouble *trouble);

/* No token of the collector opens anything from now on. */
bool collector_end_tokens(struct store *store, const char *id, struct trouble *trouble);

/* Adds a line to the audit log in the name of who runs this process. */
bool collector_audit(struct store *store, const char *action, const char *id, const char *detail,
    struct trouble *trouble);

/* "TYPE-ID8" and "TYPE-SITE-ID8". */
void collector_component(const struct collector *c, char out[COLLECTOR_COMPONENT_MAX]);
void collector_user_name(const struct collector *c, char out[USER_NAME_MAX + 1]);

/* SHA-256 in lower-case hexadecimal. False when the cryptographic library fails. */
bool collector_sha256(struct sr_span bytes, char ret_hex[COLLECTOR_HASH_LEN + 1]);

/* Credentials of a collector that a renewal replaced. `key` is empty when there are none. */
struct collector_former {
    char account[ACCOUNT_NAME_MAX + 1];
    char key[SR_NKEY_PUBLIC_LEN + 1];
    char serial[COLLECTOR_SERIAL_MAX];
    uint64_t until_s;
};

bool collector_load_former(struct store *store, const char *id, struct collector_former *ret_former,
    struct trouble *trouble);

/* The credentials of `row` are the former ones from now on. There must be none yet. */
bool collector_keep_former(
    struct store *store, const struct collector_row *row, struct trouble *trouble);

/* Revokes and forgets the former ones of a collector, when there are any. */
bool collector_end_former(struct store *store, const char *id, struct trouble *trouble);

/* The host still works with the former ones: they are good for another COLLECTOR_GRACE_S. */
bool collector_prolong_former(struct store *store, const char *id, struct trouble *trouble);

/* Turns a `*refusal` of COLLECTOR_GRANTED into COLLECTOR_NOT_READY while the account is suspended.
 */
bool collector_check_account(struct store *store, const struct collector_row *row,
    enum collector_refusal *refusal, struct trouble *trouble);

#endif
