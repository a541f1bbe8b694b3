/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_PUB_REFUSED_H_INCLUDED
#define SHELL_PUB_REFUSED_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/ack.h"
#include "sr/queue.h"

/*
 * Entries of a lane that are refused for ever and wait until all before them are settled. What is
 * settled ahead of others is sent again after a restart: a record that was stored keeps its id, and
 * the server knows it, but a second dead letter could not be told from the first.
 */
#define PUB_REFUSED_MAX 64U

#define PUB_HEADER_BYTES 160U /* more than our own headers of any message take on the wire */

struct pub_refused {
    struct {
        struct sr_segment *segment;
        uint32_t index;
        enum sr_refusal refusal;
    } items[PUB_REFUSED_MAX];
    unsigned count;
};

/*
 * Copies a message that will never be stored into `dead`, with its headers, which say how many
 * records a batch had, and cut so that `max_payload` has room for it; false when the lane is full.
 * It is not shown. The id of a request stays behind: when that comes again and is taken, it is not
 * one that is stored already. Any thread that writes `dead`.
 */
bool pub_refused_move(
    const struct sr_entry *e, enum sr_refusal refusal, struct sr_lane *dead, size_t max_payload);

/* False when it is full. */
bool pub_refused_add(struct pub_refused *r, const struct sr_entry *e, enum sr_refusal refusal);

bool pub_refused_has(const struct pub_refused *r, const struct sr_entry *e);

/* Takes the one that is the oldest of `lane` now; false when none is. */
bool pub_refused_take(struct pub_refused *r, struct sr_lane *lane, struct sr_entry *ret_entry,
    enum sr_refusal *ret_refusal);

#endif
