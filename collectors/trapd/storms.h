/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_STORMS_H_INCLUDED
#define TRAPD_STORMS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/gate.h"
#include "decode/kind.h"

#include "sr/peer.h"

/*
 * Notifications of one kind (decode/kind.h) that come in storms, as those of a link that flaps. Of
 * each kind so many are published within an interval; those above are folded: counted, and the last
 * of them is published when the storm is over, or once in a while as long as it lasts. The first
 * one of a kind always passes.
 *
 * One table serves the receiving threads of a listener. Its memory is fixed: STORMS_MAX kinds are
 * told apart and of each one message is kept. Another one takes the place of the kind that was not
 * heard of for longest; never of one with folded messages, so that none of them is forgotten. When
 * there is no place, or a message is too large to be kept, it is published.
 */
#define STORMS_MAX 4096U

struct storm_options {
    uint64_t traps;       /* of one kind within the interval, 1 to SR_RATE_MAX */
    uint64_t interval_ns; /* whole milliseconds, at least one */
    uint64_t quiet_ns;    /* a storm is over when no such notification came for so long */
    uint64_t every_ns;    /* while it lasts the last one is published so often */
};

struct storms;

/* Returns an owned table, or NULL without memory. */
struct storms *storms_new(void);
void storms_free(struct storms *t); /* NULL is fine */

/* What becomes of a notification, see enum trap_gate_word. Folded: a copy is kept. Any thread. */
enum trap_gate_word storms_admit(struct storms *t, const struct storm_options *options,
    uint64_t now_ns, const struct sr_peer *peer, const struct trap_message *message);

/*
 * Publishes the last notification of a storm, which stands for message->folded of them. Borrows it
 * for the call. False: there is no room, it comes again later.
 */
typedef bool storms_publish(void *arg, const struct sr_peer *peer, uint64_t received_ns,
    const struct trap_message *message);

/*
 * Publishes what is due; without `options` all of it, whose storms are over then. To be called once
 * a second by any thread, and at the end.
 */
void storms_tick(struct storms *t, const struct storm_options *options, uint64_t now_ns,
    storms_publish *publish, void *arg);

/* For metrics; any thread. */
struct storms_counts {
    uint64_t folding;   /* kinds of which messages are kept now */
    uint64_t begun;     /* storms */
    uint64_t published; /* last messages of storms */
    uint64_t too_large, no_place;
};

void storms_count(struct storms *t, struct storms_counts *ret_counts);

#endif
