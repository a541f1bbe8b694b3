/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROVISION_OPERATOR_H_INCLUDED
#define CLI_PROVISION_OPERATOR_H_INCLUDED

#include <stdbool.h>

#include "issuer/store.h"

/* The subcommands of `operator` that have files of their own, and what they share. */

int operator_backup(int argc, char **argv);
int operator_restore(int argc, char **argv);
int operator_set(int argc, char **argv);

/* Adds a line about the operator to the audit log, by the user of this process. */
bool operator_audit(
    struct store *store, const char *action, const char *detail, struct trouble *trouble);

/* Ends the transaction: commits when all went well, else takes back. Returns whether it is kept. */
bool operator_finish(struct store *store, bool ok, struct trouble *trouble);

#endif
