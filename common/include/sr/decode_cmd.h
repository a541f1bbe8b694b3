/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_DECODE_CMD_H_INCLUDED
#define SR_DECODE_CMD_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sr/emit.h"

/* A collector, as its `decode` command sees it. */
struct sr_decoder {
    void *arg;
    bool explain; /* emit->explain is set */

    /*
     * One datagram: the function that also serves the daemon. `now_ns` is the packet's time. Its
     * records are JSON texts; a commit of several holds one a line.
     */
    enum sr_verdict (*datagram)(void *arg, uint64_t now_ns, const struct sr_peer *peer,
        struct sr_span bytes, const struct sr_emit *emit);

    /*
     * Called once behind the last packet, with its time: a place for what is still waiting. May be
     * NULL.
     */
    void (*finish)(void *arg, uint64_t now_ns, const struct sr_emit *emit);
};

/*
 * Runs `decode` over the capture at `path` ("-" is standard input). In packet order `out` gets the
 * records, one JSON text a line, and for each input that has none
 *
 *     {"error":REASON,"raw":HEX,"source":ADDRESS}
 *
 * REASON is the collector's, "too_large" when it found no room for a record of its own, or one of
 * sr_packet_reason for a frame that is no whole UDP datagram. HEX are the datagram's payload, or
 * the captured bytes of the IP packet (of the frame, when it has none), at most the first 262,144.
 * ADDRESS is "" when it is not known. An input that a rule refuses is one of these. One that is
 * consumed has no line. Each explanation is a line {"explain":VALUE}.
 *
 * At the end `err` gets {"packets":N,"datagrams":N,"records":N,"errors":{REASON:N,...}} on a line,
 * with "consumed":{REASON:N,...} and "lost":{REASON:N,...} behind these when there are any.
 * Errors of reading and writing are told in a sentence on `err` before that. Returns the exit code:
 * 0, or 1 when the capture could not be read to its end or `out` could not be written.
 *
 * `out` is flushed at the end, and after each packet when it is a terminal or the capture comes
 * from standard input, so that a live capture can be watched. SIGPIPE is ignored from then on, so
 * that a closed pipe is a write error like others. The caller owns both streams.
 */
int sr_decode_run(const char *path, const struct sr_decoder *decoder, FILE *out, FILE *err);

#endif
