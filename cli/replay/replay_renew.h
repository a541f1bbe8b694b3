/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REPLAY_RENEW_H_INCLUDED
#define CLI_REPLAY_REPLAY_RENEW_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/replay_options.h"
#include "send/send.h"

/* Between the captures and the network: messages are made new, and verified. Used by one thread. */
struct replay_renew;

/*
 * Begins to read the stream, when that is wanted. Returns owned: replay_renew_close(). NULL when it
 * cannot be, which was told on standard error. Borrows the options.
 */
struct replay_renew *replay_renew_open(const struct replay_options *options);

/* Sets the hook that tells what was sent. */
void replay_renew_hook(struct replay_renew *r, struct send_options *options);

/*
 * Makes the message of the item new, with the time that it will be in `wait_ns`, and marks it.
 * `place` is the item's in its batch, below SEND_BATCH_MAX: the bytes stay until the next message
 * of the same place.
 */
void replay_renew_item(
    struct replay_renew *r, size_t place, uint64_t wait_ns, struct send_item *item);

/*
 * Waits until all is stored or no more is to be expected; `stop` ends that. Returns whether all is
 * fine, or nothing was to be verified (NULL too).
 */
bool replay_renew_finish(struct replay_renew *r, const volatile sig_atomic_t *stop);

/* Prints lines for people, or members of a JSON object, the first with a comma before it. */
void replay_renew_print(const struct replay_renew *r, bool json);

/* NULL is allowed. */
void replay_renew_close(struct replay_renew *r);

#endif
