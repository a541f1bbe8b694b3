/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/stream_budget.h"

#include "sr/banned.h"

static bool
fits(const struct stream_budget *b, uint64_t used, uint64_t bytes)
{
    return used <= b->limit && bytes <= b->limit - used;
}

bool
stream_budget_has(const struct stream_budget *b, uint64_t bytes)
{
    return fits(b, atomic_load_explicit((_Atomic uint64_t *)&b->used, memory_order_relaxed), bytes);
}

bool
stream_budget_take(struct stream_budget *b, uint64_t bytes)
{
    uint64_t used = atomic_load_explicit(&b->used, memory_order_relaxed);

    do {
        if (!fits(b, used, bytes)) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(
        &b->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed));
    return true;
}

void
stream_budget_add(struct stream_budget *b, uint64_t bytes)
{
    (void)atomic_fetch_add_explicit(&b->used, bytes, memory_order_relaxed);
}

void
stream_budget_give(struct stream_budget *b, uint64_t bytes)
{
    (void)atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);
}
