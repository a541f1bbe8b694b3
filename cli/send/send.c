/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "send/send_pace.h"
#include "send/send_parts.h"

#include "sr/banned.h"

enum {
    SLEEP_SLICE_NS = 200000000, /* a signal just before a sleep is noticed this late */
    SPARE_FILES = 64,           /* descriptors of others: captures, standard streams, NATS */
};

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SEND_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t
send_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
send_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

bool
send_is_over(const struct sender *s)
{
    return *s->options.stop != 0 || s->totals.error != 0;
}

void
send_count(struct sender *s, const struct send_item *item, uint64_t *wall_ns)
{
    s->totals.sent++;
    s->totals.bytes += item->bytes.len;
    if (s->options.sent != NULL) {
        *wall_ns = *wall_ns != 0 ? *wall_ns : send_wall_ns();
        s->options.sent(s->options.arg, item, *wall_ns);
    }
}

void
send_tell(struct sender *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(s->message, sizeof(s->message), format, args);
    va_end(args);
    if (s->options.tell != NULL) {
        s->options.tell(s->options.show, s->message);
    }
}

void
send_waits(struct sender *s)
{
    if (s->options.waiting != NULL) {
        s->options.waiting(s->options.show);
    }
}

const char *
send_remedy(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files (`ulimit -Hn`), or take fewer sources or mapped "
               "ports";
    case EAGAIN: /* no free port, ip(7) */
    case EADDRINUSE:
    case EADDRNOTAVAIL:
        return "take fewer sources or mapped ports, each of which needs one of the ports of "
               "net.ipv4.ip_local_port_range";
    case EACCES: return "messages go to one host: this is the address of all";
    case EPERM: return "look at what the firewall of this host forbids to send";
    case EINVAL: return "senders with addresses of 127.0.0.0/8 reach this host only";
    default: return "check the address, the routes of this host, and firewalls on the way";
    }
}

bool
send_own_address(const struct sender *s, uint32_t source, struct sockaddr_storage *ret)
{
    const struct sr_peer *peer;
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (s->options.addresses == NULL) {
        return false;
    }
    peer = &s->options.addresses[source];
    memset(ret, 0, sizeof(*ret));
    if (peer->is_v6) {
        memcpy(&v6.sin6_addr, peer->address, sizeof(v6.sin6_addr));
        memcpy(ret, &v6, sizeof(v6));
    } else {
        memcpy(&v4.sin_addr, peer->address, sizeof(v4.sin_addr));
        memcpy(ret, &v4, sizeof(v4));
    }
    return true;
}

/*
 * Each source has a descriptor, and one more for each port that datagrams are mapped to; the usual
 * soft limit is 1024.
 */
static bool
make_room(uint32_t sources, char *message)
{
    rlim_t wanted = (rlim_t)sources + SPARE_FILES;
    struct rlimit limit;

    if (sources == 1 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return true;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= wanted) {
        return true;
    }
    (void)snprintf(message, SEND_MESSAGE_MAX,
        "%u sources want %llu open files, and this process may have %llu: raise the limit "
        "(`ulimit -Hn`), or take fewer sources",
        sources, (unsigned long long)wanted, (unsigned long long)limit.rlim_max);
    return false;
}

/* Own addresses are of 127/8 and reach addresses of IPv4 only. */
static bool
keep_v4(struct send_target *target, char *message)
{
    size_t keep = 0;

    for (size_t i = 0; i < target->address_count; i++) {
        if (target->addresses[i].ss_family == AF_INET) {
            target->addresses[keep++] = target->addresses[i];
        }
    }
    target->address_count = keep;
    if (keep == 0) {
        (void)snprintf(message, SEND_MESSAGE_MAX,
            "'%.200s' has no IPv4 address, and senders with addresses of 127.0.0.0/8 reach no "
            "other: send to 127.0.0.1",
            target->host);
    }
    return keep > 0;
}

static enum send_err
open_target(struct sender *s, char *message)
{
    enum send_err err;

    if (!send_target_parse(s->options.to, &s->target)) {
        (void)snprintf(message, SEND_MESSAGE_MAX, SEND_TARGET_FORM, s->options.to);
        return SEND_ETARGET;
    }
    err = send_target_resolve(&s->target, s->options.anywhere, message);
    if (err != SEND_OK) {
        return err;
    }
    if (s->options.addresses != NULL && !keep_v4(&s->target, message)) {
        return SEND_ETARGET;
    }
    if (!make_room(s->options.sources, message)) {
        return SEND_ECONNECT;
    }
    return s->target.scheme == SEND_UDP ? datagrams_open(s, message) : streams_open(s, message);
}

enum send_err
send_open(const struct send_options *options, struct sender **ret, char *message)
{
    static const volatile sig_atomic_t never;
    struct sender *s = calloc(1, sizeof(*s));
    enum send_err err;

    if (s == NULL) {
        (void)snprintf(message, SEND_MESSAGE_MAX, "out of memory");
        return SEND_ECONNECT;
    }
    s->options = *options;
    if (s->options.stop == NULL) {
        s->options.stop = &never;
    }
    if (s->options.sources == 0) {
        s->options.sources = 1;
    }
    err = open_target(s, message);
    if (err != SEND_OK) {
        send_close(s);
        return err;
    }
    *ret = s;
    return SEND_OK;
}

void
send_start(struct sender *s)
{
    /* The kernel adds 50 us to each sleep else, to wake for several timers at once. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    s->margin_ns = pace_margin_ns(0, 0);
    s->start_ns = send_now_ns();
}

size_t
send_batch_size(const struct sender *s)
{
    return s->options.flood ? SEND_BATCH_MAX : pace_batch_size(s->options.rate, SEND_BATCH_MAX);
}

/* ---- Time ---- */

static uint64_t
due_ns(const struct sender *s, const struct send_item *item, uint64_t index)
{
    return s->start_ns + (s->options.rate > 0 ? pace_due_ns(s->options.rate, index) : item->due_ns);
}

uint64_t
send_wait_ns(const struct sender *s, const struct send_item *item, size_t ahead)
{
    uint64_t now;
    uint64_t due;

    if (s->options.flood) {
        return 0;
    }
    now = send_now_ns();
    due = due_ns(s, item, s->taken + ahead);
    return due > now ? due - now : 0;
}

/* In slices: a signal between the test and the sleep would go unnoticed. */
static void
sleep_until(struct sender *s, uint64_t until_ns)
{
    uint64_t now = send_now_ns();

    while (!send_is_over(s) && now < until_ns) {
        uint64_t to = until_ns - now > SLEEP_SLICE_NS ? now + SLEEP_SLICE_NS : until_ns;
        struct timespec at = {
            .tv_sec = (time_t)(to / SEND_NS_PER_SECOND),
            .tv_nsec = (long)(to % SEND_NS_PER_SECOND),
        };

        if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0) {
            now = send_now_ns();
            s->margin_ns = pace_margin_ns(s->margin_ns, now - to);
        } else {
            now = send_now_ns();
        }
        if (now < until_ns && to != until_ns) {
            send_waits(s);
        }
    }
}

/*
 * Sleeps to a little before the time and looks at the clock for the rest of it, as long as sleeps
 * on this machine were too long. Others who want the processor get it. Returns the time.
 */
static uint64_t
wait_until(struct sender *s, uint64_t deadline_ns)
{
    uint64_t now = send_now_ns();

    if (now < deadline_ns && deadline_ns - now > s->margin_ns) {
        sleep_until(s, deadline_ns - s->margin_ns);
    }
    while ((now = send_now_ns()) < deadline_ns && !send_is_over(s)) {
        (void)sched_yield();
    }
    return now;
}

/* Waits for the first message; returns how many are due then, 0 when sending is over. */
static size_t
wait_due(struct sender *s, const struct send_item *items, size_t count)
{
    size_t n = 1;

    if (!s->options.flood) {
        uint64_t due = due_ns(s, items, s->taken);
        uint64_t now = wait_until(s, due);

        if (now > due && now - due > s->totals.late_ns) {
            s->totals.late_ns = now - due;
        }
        while (n < count && due_ns(s, &items[n], s->taken + n) <= now) {
            n++;
        }
        count = n;
    }
    return send_is_over(s) ? 0 : count;
}

bool
send_items(struct sender *s, const struct send_item *items, size_t count)
{
    size_t at = 0;

    while (at < count) {
        size_t due = wait_due(s, items + at, count - at);
        size_t settled;

        if (due == 0) {
            break;
        }
        settled = s->datagrams != NULL ? datagrams_send(s, items + at, due)
                                       : streams_send(s, items + at, due);
        at += settled;
        s->taken += settled;
        if (settled < due) {
            break;
        }
    }
    s->totals.unsent += count - at;
    return at == count && !send_is_over(s);
}

double
send_finish(struct sender *s)
{
    uint64_t end_ns;

    /* A rate is kept by the whole: the last message has its share of the time, too. */
    if (s->options.rate > 0 && !s->options.flood) {
        (void)wait_until(s, s->start_ns + pace_due_ns(s->options.rate, s->taken));
    }
    end_ns = send_now_ns();
    if (s->datagrams != NULL) {
        datagrams_finish(s);
    } else {
        streams_finish(s);
    }
    return (double)(end_ns - s->start_ns) / SEND_NS_PER_SECOND;
}

const struct send_totals *
send_totals(const struct sender *s)
{
    return &s->totals;
}

const char *
send_message(const struct sender *s)
{
    return s->message;
}

void
send_close(struct sender *s)
{
    if (s == NULL) {
        return;
    }
    datagrams_close(s->datagrams);
    streams_close(s->streams);
    free(s);
}
