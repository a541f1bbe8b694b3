/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger.h"

#include <stdatomic.h>

#include "sr/banned.h"

_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t) &&
                   sizeof(struct nf_ledger) % sizeof(uint64_t) == 0,
    "struct nf_ledger holds nothing but 64-bit counts");

static _Atomic uint64_t *
counts_of(struct nf_ledger *ledger)
{
    return &ledger->datagrams; /* its first; the others follow without gaps */
}

void
ledger_add(struct ledger *to, const struct nf_ledger *from)
{
    _Atomic uint64_t *counts = counts_of((struct nf_ledger *)from); /* loads need no const */

    for (size_t i = 0; i < LEDGER_COUNTS; i++) {
        to->counts[i] += atomic_load_explicit(&counts[i], memory_order_relaxed);
    }
}

void
ledger_move(struct ledger *to, struct nf_ledger *from)
{
    _Atomic uint64_t *counts = counts_of(from);

    for (size_t i = 0; i < LEDGER_COUNTS; i++) {
        to->counts[i] += atomic_exchange_explicit(&counts[i], 0, memory_order_relaxed);
    }
}

void
ledger_hand_over(struct nf_ledger *to, struct nf_ledger *from)
{
    _Atomic uint64_t *sums = counts_of(to);
    _Atomic uint64_t *counts = counts_of(from);

    for (size_t i = 0; i < LEDGER_COUNTS; i++) {
        uint64_t count = atomic_exchange_explicit(&counts[i], 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&sums[i], count, memory_order_relaxed);
    }
}

void
ledger_plus(struct ledger *to, const struct ledger *from)
{
    for (size_t i = 0; i < LEDGER_COUNTS; i++) {
        to->counts[i] += from->counts[i];
    }
}

void
ledger_minus(struct ledger *to, const struct ledger *from)
{
    for (size_t i = 0; i < LEDGER_COUNTS; i++) {
        to->counts[i] -= from->counts[i];
    }
}
