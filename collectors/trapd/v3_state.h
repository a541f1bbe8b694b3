/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_V3_STATE_H_INCLUDED
#define TRAPD_V3_STATE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "trapd.h"
#include "usm/engine.h"
#include "usm/times.h"

/*
 * What SNMPv3 needs for as long as the process, and over a restart: our own engine, and the clocks
 * of others. Both are kept in files in queue.dir.
 */
struct v3_state;

/*
 * Returns an owned state, or NULL with `error`. A daemon has an engine, whose boots are on the disk
 * before this returns. Where they cannot be, it has an id that nobody ever had, for this run; but
 * an engine_id that was configured is then an error, for it would come again with the same boots.
 * Without `daemon` there is no engine, and nothing is read or written.
 */
struct v3_state *v3_state_new(
    const struct trapd_conf *config, bool daemon, char *error, size_t error_size);
void v3_state_free(struct v3_state *s); /* NULL is fine */

/* Ours; NULL: none. Shared by all threads, valid as long as the state. */
struct usm_engine *v3_state_engine(struct v3_state *s);

/* The clocks that a listener's threads share. Valid as long as the state. */
struct usm_times *v3_state_times(struct v3_state *s, unsigned listener);

/* Writes families of metrics. From any thread. */
void v3_state_report(struct v3_state *s, FILE *out);

/* Writes the clocks down when they changed, at most each 10 s; `last`: at once. One thread. */
void v3_state_maintain(struct v3_state *s, bool last);

#endif
