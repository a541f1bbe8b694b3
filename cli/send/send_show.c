/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

#include "sr/banned.h"

enum {
    LINE_MAX_BYTES = 160,
    LEFT_MAX_S = 100 * 86400, /* more is no forecast */
};

#define INTERVAL_NS 200000000U
#define NS_PER_SECOND 1000000000U

static uint64_t
now_ns(void)
{
    struct timespec now;

    /* The coarse clock costs a few ns and is exact to some ms. */
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void
send_show_init(struct send_show *show, bool quiet)
{
    *show = (struct send_show){ .on = !quiet && isatty(STDERR_FILENO) == 1 };
    show->start_ns = show->drawn_ns = now_ns();
}

uint64_t
send_show_failed(const struct send_totals *totals)
{
    return totals->refused + totals->too_long + totals->lost;
}

/* Appends, cut at the end of `out`. */
static void
add(char *out, size_t size, const char *before, uint64_t number, const char *behind)
{
    size_t used = strlen(out);

    (void)snprintf(out + used, size - used, "%s%" PRIu64 "%s", before, number, behind);
}

void
send_show_line(const struct send_totals *totals, uint64_t expected, uint64_t rate, double seconds,
    char *out, size_t size)
{
    uint64_t done = totals->sent + totals->too_long + totals->lost;

    *out = '\0';
    add(out, size, "", totals->sent, " sent");
    add(out, size, "  ", rate, "/s");
    if (totals->refused > 0) {
        add(out, size, "  ", totals->refused, " refused");
    }
    if (totals->lost > 0) {
        add(out, size, "  ", totals->lost, " lost");
    }
    if (expected > 0) {
        double part = (double)done / (double)expected;
        double left_s = done > 0 && part < 1 ? seconds / part - seconds : LEFT_MAX_S;

        add(out, size, "  ", (uint64_t)(part * 100), " %");
        if (left_s < LEFT_MAX_S) {
            add(out, size, "  ", (uint64_t)(left_s + 0.5), " s left");
        }
    }
}

/* A line that wraps could not be drawn over. The last column is left free: some wrap behind it. */
static size_t
line_size(void)
{
    struct winsize window;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 ||
        window.ws_col > LINE_MAX_BYTES) {
        return LINE_MAX_BYTES;
    }
    return window.ws_col;
}

void
send_show_progress(void *arg)
{
    struct send_show *show = arg;
    char line[LINE_MAX_BYTES];
    uint64_t now;

    if (!show->on || show->sender == NULL || (now = now_ns()) - show->drawn_ns < INTERVAL_NS) {
        return;
    }
    const struct send_totals *totals = send_totals(show->sender);
    /* A connection that ends takes back what was not acknowledged. */
    show->rate = totals->sent < show->drawn_sent
                     ? 0
                     : (totals->sent - show->drawn_sent) * NS_PER_SECOND / (now - show->drawn_ns);
    show->drawn_ns = now;
    show->drawn_sent = totals->sent;
    send_show_line(totals, show->expected, show->rate,
        (double)(now - show->start_ns) / NS_PER_SECOND, line, line_size());
    /* ECMA-48: EL erases the rest of the line. */
    (void)fprintf(stderr, "\r%s\033[K", line);
    show->drawn = true;
}

void
send_show_end(struct send_show *show)
{
    if (show->drawn) {
        (void)fputs("\r\033[K", stderr);
    }
    show->drawn = false;
}

void
send_show_tell(void *arg, const char *text)
{
    send_show_end(arg);
    complain("%s", text);
}

static double
rate_of(const struct send_totals *totals, double seconds)
{
    return seconds > 0 ? (double)totals->sent / seconds : 0;
}

void
send_show_json(const struct send_totals *totals, double seconds)
{
    (void)printf("\"sent\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"rate\":%.1f",
        totals->sent, totals->bytes, seconds, rate_of(totals, seconds));
    (void)printf(",\"refused\":%" PRIu64 ",\"too_long\":%" PRIu64 ",\"lost\":%" PRIu64
                 ",\"unsent\":%" PRIu64,
        totals->refused, totals->too_long, totals->lost, totals->unsent);
    (void)printf(",\"reconnected\":%" PRIu64 ",\"stalled_seconds\":%.3f,\"late_ms\":%.3f",
        totals->reconnected, (double)totals->stalled_ns / 1e9, (double)totals->late_ns / 1e6);
}

void
send_show_sent(const struct send_totals *totals, const char *messages, double seconds)
{
    (void)printf("sent %" PRIu64 " %s, %" PRIu64 " bytes, in %.3f s: %.1f/s", totals->sent,
        messages, totals->bytes, seconds, rate_of(totals, seconds));
}

static void
show_error(const char *what, uint64_t count, bool *first)
{
    if (count > 0) {
        (void)printf("%s%" PRIu64 " %s", *first ? "; errors: " : ", ", count, what);
        *first = false;
    }
}

void
send_show_errors(const struct send_totals *totals)
{
    bool first = true;

    show_error("refused", totals->refused, &first);
    show_error("too long", totals->too_long, &first);
    show_error("lost", totals->lost, &first);
    show_error("not sent", totals->unsent, &first);
    show_error("connections made again", totals->reconnected, &first);
    if (totals->stalled_ns >= NS_PER_SECOND / 1000) {
        (void)printf("; the receiver did not read for %.3f s", (double)totals->stalled_ns / 1e9);
    }
}
