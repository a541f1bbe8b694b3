/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sr/clock.h"

#include "sr/banned.h"

#define LINE_MAX_BYTES 2048
#define LIMIT_NS (60 * SR_NS_PER_SECOND)

static const char *program_name = "serviceradar";
static bool under_systemd;
static _Atomic int threshold = SR_LOG_INFO;

/*
 * True when standard error is the stream that systemd names as "DEVICE:INODE" (systemd.exec(5)).
 * The variable alone says nothing: every child of a service and many a desktop's shell has it.
 */
static bool
is_journal(const char *stream)
{
    struct stat st;
    char *end;

    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0) {
        return false;
    }
    unsigned long long device = strtoull(stream, &end, 10);
    return *end == ':' && device == st.st_dev && strtoull(end + 1, NULL, 10) == st.st_ino;
}

void
sr_log_open(const char *program)
{
    program_name = program;
    under_systemd = is_journal(getenv("JOURNAL_STREAM"));
}

void
sr_log_set_level(enum sr_log_level level)
{
    atomic_store(&threshold, (int)level);
}

static const char *
level_word(enum sr_log_level level)
{
    switch (level) {
    case SR_LOG_ERROR: return "error";
    case SR_LOG_WARNING: return "warning";
    case SR_LOG_NOTICE: return "notice";
    case SR_LOG_INFO: return "info";
    case SR_LOG_DEBUG: return "debug";
    }
    return "info";
}

/* What comes before the message: "<N>" for the journal, else time, program and level. */
static size_t
write_prefix(char *out, size_t size, enum sr_log_level level)
{
    if (under_systemd) {
        return (size_t)snprintf(out, size, "<%d>", (int)level);
    }
    time_t now = (time_t)(sr_clock_wall_ns() / SR_NS_PER_SECOND);
    struct tm tm;
    char when[32];

    (void)gmtime_r(&now, &tm);
    (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return (size_t)snprintf(out, size, "%s %s %s: ", when, program_name, level_word(level));
}

/* Copies `text` with everything but printable ASCII as \xNN; returns the new length of `out`. */
static size_t
append_escaped(char *out, size_t len, size_t size, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (; *text != '\0' && len + 5 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c < 0x7f) {
            out[len++] = (char)c;
            continue;
        }
        out[len++] = '\\';
        out[len++] = 'x';
        out[len++] = digits[c >> 4];
        out[len++] = digits[c & 15];
    }
    return len;
}

void
sr_log(enum sr_log_level level, const char *fmt, ...)
{
    if ((int)level > atomic_load(&threshold)) {
        return;
    }
    int saved_errno = errno;
    char text[LINE_MAX_BYTES];
    char line[2 * LINE_MAX_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    size_t len = write_prefix(line, sizeof(line), level);
    len = append_escaped(line, len, sizeof(line) - 1, text);
    line[len++] = '\n';
    /* One write a line, so that lines of several threads do not mix. There is nobody to tell when
     * stderr is gone. */
    ssize_t ignored = write(STDERR_FILENO, line, len);
    (void)ignored;
    errno = saved_errno;
}

bool
sr_log_allowed(struct sr_log_limit *limit, uint64_t *ret_suppressed)
{
    uint64_t now = sr_clock_monotonic_ns();
    uint64_t next = atomic_load(&limit->next_ns);

    /* Two threads may arrive together: only the one that moves the time writes. */
    if (now < next || !atomic_compare_exchange_strong(&limit->next_ns, &next, now + LIMIT_NS)) {
        atomic_fetch_add(&limit->suppressed, 1);
        return false;
    }
    *ret_suppressed = atomic_exchange(&limit->suppressed, 0);
    return true;
}
