/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_BROKER_H_INCLUDED
#define CLI_ISSUER_BROKER_H_INCLUDED

#include <stdbool.h>

#include "issuer/store.h"
#include "nats_admin.h"

/*
 * The issuer's connections to the NATS server of the setting "server_url". Its root and its client
 * certificate are the issuer's own, unless the settings "server_ca_file", "server_cert_file" and
 * "server_key_file" name others. No secret is written to a file. Both return owned: admin_close().
 */

/* As the system user, who pushes account tokens. */
bool broker_open_system(struct store *store, struct admin **ret_admin, struct trouble *trouble);

/* As a user of an account who may do everything in it, for five minutes. */
bool broker_open_account(
    struct store *store, const char *account, struct admin **ret_admin, struct trouble *trouble);

#endif
