/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_PUSHES_H_INCLUDED
#define CLI_ISSUER_PUSHES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "issuer/store.h"

/*
 * Accounts that are still to be brought to the NATS server. One thread names them, as it revokes
 * what they had; another pushes, as that asks the network, and again until it works. What is not
 * pushed when the program ends is found by its times in the database at the next start.
 */
struct pushes;

/* Owned: pushes_free(). NULL without memory or descriptors. */
struct pushes *pushes_new(void);

/* NULL is allowed. */
void pushes_free(struct pushes *pushes);

/* Names an account. From any thread. */
void pushes_add(struct pushes *pushes, const char *account);

/*
 * Names the accounts whose token was signed and not pushed since, by whatever process; for the
 * thread of pushes_run(). Those that are to be pushed again later stay so.
 */
bool pushes_find(struct pushes *pushes, struct store *store, struct trouble *trouble);

/* Becomes readable when there is something new for pushes_run(). Borrowed. */
int pushes_fd(const struct pushes *pushes);

/*
 * Pushes what is due, and logs how that went. Returns in how many milliseconds to call it again, -1
 * when nothing is left. `store` is the calling thread's.
 */
int pushes_run(struct pushes *pushes, struct store *store);

#endif
