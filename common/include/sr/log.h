/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_LOG_H_INCLUDED
#define SR_LOG_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Log lines go to stderr: "message key=value ...". Under systemd each line starts with its
 * priority as "<N>" (sd-daemon(3)), elsewhere with the UTC time, the program and the level. Any
 * byte that is not printable ASCII is written as \xNN, so that a peer cannot forge a line. Safe
 * from any thread; keeps errno.
 */
enum sr_log_level {
    SR_LOG_ERROR = 3, /* syslog severities, RFC 5424 section 6.2.1 */
    SR_LOG_WARNING = 4,
    SR_LOG_NOTICE = 5,
    SR_LOG_INFO = 6,
    SR_LOG_DEBUG = 7,
};

/* Names the program in log lines (borrowed for ever) and finds out whether systemd reads them. */
void sr_log_open(const char *program);

/* Drops what is less severe than `level`. */
void sr_log_set_level(enum sr_log_level level);

/* Writes one line. Values with blanks are the caller's to quote: error="%s". */
void sr_log(enum sr_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One cause of log lines that comes from outside: at most one line a minute. Zero-initialised. */
struct sr_log_limit {
    _Atomic uint64_t next_ns; /* monotonic */
    _Atomic uint64_t suppressed;
};

/*
 * True when a line about this cause may be written now; *ret_suppressed then is how many were
 * left out since the last one. False counts one more left out.
 */
bool sr_log_allowed(struct sr_log_limit *limit, uint64_t *ret_suppressed);

#endif
