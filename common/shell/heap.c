/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/heap.h"

#include <malloc.h>

#include "sr/clock.h"

#include "sr/banned.h"

#define TRIM_NS (60 * SR_NS_PER_SECOND)

void
heap_prepare(void)
{
#ifdef M_ARENA_MAX
    /*
     * Records are not allocated, so that nobody waits for the heap. With glibc's default of eight
     * for each processor every thread keeps what it needed in its worst moment.
     */
    (void)mallopt(M_ARENA_MAX, 1);
#endif
}

void
heap_tick(struct heap *h, uint64_t now_ns)
{
    if (now_ns < h->next_ns) {
        return;
    }
    h->next_ns = now_ns + TRIM_NS;
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
