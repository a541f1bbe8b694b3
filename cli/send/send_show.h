/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_SHOW_H_INCLUDED
#define CLI_SEND_SEND_SHOW_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/send.h"

/*
 * What people see while messages are sent: one line on standard error that is drawn again, when
 * that is a terminal, and sentences about what happens. By the thread that sends.
 */
struct send_show {
    struct sender *sender; /* NULL before send_open() */
    uint64_t expected;     /* messages in all; 0: not known */
    uint64_t start_ns;     /* the rest is of send_show.c */
    uint64_t drawn_ns;
    uint64_t drawn_sent;
    uint64_t rate;
    bool on;
    bool drawn;
};

/* `quiet`: sentences only. */
void send_show_init(struct send_show *show, bool quiet);

/* Draws the line when the last time is long enough ago; cheap otherwise. Also a `waiting` hook. */
void send_show_progress(void *show);

/* Prints a sentence of its own; a `tell` hook. */
void send_show_tell(void *show, const char *text);

/* Removes the line. */
void send_show_end(struct send_show *show);

/*
 * Writes the line into `out` of `size` bytes: "  1200 sent  50000/s  3 lost  45 %  12 s left". The
 * percentage and time are left out when `expected` is 0. Pure.
 */
void send_show_line(const struct send_totals *totals, uint64_t expected, uint64_t rate,
    double seconds, char *out, size_t size);

/*
 * Prints the summary's members about sending as those of a JSON object without its braces: sent,
 * bytes, seconds, rate, refused, too_long, lost, unsent, reconnected, stalled_seconds, late_ms.
 */
void send_show_json(const struct send_totals *totals, double seconds);

/* Prints "sent 12 MESSAGES, 345 bytes, in 0.001 s: 12000.0/s" on standard output. */
void send_show_sent(const struct send_totals *totals, const char *messages, double seconds);

/* Prints what went wrong behind "; errors: ", on standard output; nothing when nothing did. */
void send_show_errors(const struct send_totals *totals);

/* Messages that the receiver did not get for sure, as far as the sender knows. */
uint64_t send_show_failed(const struct send_totals *totals);

#endif
