/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_LEDGER_H_INCLUDED
#define NETFLOW_LEDGER_H_INCLUDED

#include <stdint.h>

#include "decode/exporter.h"

/* The counts of a struct nf_ledger as they were when they were read, in its order. */
#define LEDGER_COUNTS (sizeof(struct nf_ledger) / sizeof(uint64_t))
struct ledger {
    uint64_t counts[LEDGER_COUNTS];
};

/* The count of one field. */
#define LEDGER_INDEX(FIELD) (offsetof(struct nf_ledger, FIELD) / sizeof(uint64_t))

/* Adds what `from` counts to `to`. From any thread. */
void ledger_add(struct ledger *to, const struct nf_ledger *from);

/* The same, and `from` begins anew at zero: for whoever counts nothing any more, or alone. */
void ledger_move(struct ledger *to, struct nf_ledger *from);

/* Adds what `from` counts to `to`, both of the caller alone, and `from` begins anew at zero. */
void ledger_hand_over(struct nf_ledger *to, struct nf_ledger *from);

/* Adds and subtracts, count by count. */
void ledger_plus(struct ledger *to, const struct ledger *from);
void ledger_minus(struct ledger *to, const struct ledger *from);

#endif
