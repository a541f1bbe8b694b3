/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DAEMON_ASK_H_INCLUDED
#define CLI_DAEMON_ASK_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

/* What a running daemon says of itself where it serves its metrics. */

struct daemon_state {
    bool answers; /* the rest is zeros when not */
    char program[64];
    char version[32];
    bool healthy;    /* /healthz: all its threads go round */
    bool ready;      /* /readyz: records are accepted */
    char words[256]; /* what /readyz says */
    bool output_up;
    uint64_t received, stored, queued, dropped; /* of all listeners; dropped in the kernel too */
};

/*
 * Asks at ADDRESS:PORT, as the daemon's metrics.listen has it; one that listens everywhere is asked
 * on loopback. Each question takes `timeout_ms` at most for each of: connecting, asking, reading.
 */
void daemon_ask(const char *listen, unsigned timeout_ms, struct daemon_state *ret_state);

/* The text of /metrics, asked for in the same way: free() it. NULL when it does not answer. */
char *daemon_metrics(const char *listen, unsigned timeout_ms);

/* The parts that need no daemon. */

/* Splits ADDRESS:PORT ("127.0.0.1:9620", "[::]:9620"). False when it is none, or too long. */
bool daemon_address(const char *listen, char ret_host[64], char ret_port[8]);

/* Takes from the text of /metrics what it tells. */
void daemon_read_metrics(const char *text, struct daemon_state *state);

#endif
