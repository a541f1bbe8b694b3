/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_ACCESS_LOG_H_INCLUDED
#define CLI_ISSUER_ACCESS_LOG_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/peer.h"
#include "trouble.h"

/*
 * One line for each request: "TIME PEER METHOD PATH STATUS HOST MILLISECONDS". Neither queries nor
 * headers are in it, as tokens are there. From any thread.
 */
struct access_log;

/* What a line says. Borrowed. */
struct access_line {
    const struct sr_peer *peer;
    const char *method, *target; /* as they came */
    const char *host;            /* X-ServiceRadar-Host as it came; NULL: none */
    unsigned status;             /* 0: the connection ended before there was one */
    uint64_t took_ms;
};

/* Appends to the file `path`, made with mode 0640; links are not followed. Owned. */
bool access_log_open(const char *path, struct access_log **ret_log, struct trouble *trouble);

/* The same file by its name, after it was moved away. When it fails, the old one is kept. */
bool access_log_reopen(struct access_log *log, struct trouble *trouble);

/* Writes a line; NULL is allowed. A full disk loses lines, not requests. */
void access_log_write(struct access_log *log, const struct access_line *line);

/* NULL is allowed. */
void access_log_close(struct access_log *log);

#endif
