/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_QUEUE_MEMORY_H_INCLUDED
#define TESTS_UNIT_QUEUE_MEMORY_H_INCLUDED

#include <stdint.h>

#include "sr/queue.h"

/* Bytes of a queue's segments in memory. */
static inline uint64_t
queue_memory(struct sr_queue *q)
{
    struct sr_queue_status status;

    sr_queue_status(q, &status);
    return status.memory_used;
}

#endif
