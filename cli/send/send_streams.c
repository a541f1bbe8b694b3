/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "send/send_frame.h"
#include "send/send_given.h"
#include "send/send_segments.h"
#include "send/send_stream.h"

#include "sr/banned.h"

enum {
    WAIT_MS = 100, /* a signal that comes just before a wait is noticed this late */
    MESSAGE_MAX =
        65536 /* what a listener of syslog takes; IPFIX (RFC 7011, section 3.1) has less */
};

#define CONNECT_NS (10 * (uint64_t)SEND_NS_PER_SECOND)
#define AGAIN_NS ((uint64_t)SEND_NS_PER_SECOND)
#define GIVE_UP_NS (30 * (uint64_t)SEND_NS_PER_SECOND)
#define FINISH_NS (10 * (uint64_t)SEND_NS_PER_SECOND)
#define HURRY_NS ((uint64_t)SEND_NS_PER_SECOND)
#define STALL_NS ((uint64_t)SEND_NS_PER_SECOND) /* that long without room is told */
#define TELL_NS (10 * (uint64_t)SEND_NS_PER_SECOND)
#define LOOK_NS 10000000U

struct connection {
    struct stream stream;
    uint64_t tried_ns; /* the last attempt to connect */
    uint64_t looked_ns;
    uint64_t wall_ns;        /* when the write began; 0: nobody wants to know */
    bool ended;              /* before, and soon */
    uint64_t unacknowledged; /* bytes, when it ended */
    struct given given;
};

struct streams {
    struct connection *connections;
    uint32_t count;
    struct sockaddr_storage address; /* that could be connected to */
    struct ssl_ctx_st *tls;
    uint8_t *out;           /* the frames of a batch */
    uint64_t told_ns;       /* when the end of a connection was told last */
    uint64_t unanswered_ns; /* when an attempt to connect again ended without an answer */
    bool told_stall;
};

/* ---- Connecting ---- */

static bool
connect_one(struct sender *s, uint32_t index, uint64_t limit_ns, char *message)
{
    struct streams *t = s->streams;
    struct connection *c = &t->connections[index];
    struct sockaddr_storage own;
    uint64_t now = send_now_ns();
    struct stream_way way = {
        .address = &t->address,
        .own = send_own_address(s, index, &own) ? &own : NULL,
        .host = s->target.host,
        .tls = t->tls,
        .deadline_ns = now + limit_ns,
        .stop = s->options.stop,
    };

    c->tried_ns = now;
    given_begin(&c->given);
    return stream_connect(&c->stream, &way, s->options.to, message);
}

static bool
connect_first(struct sender *s, char *message)
{
    for (size_t i = 0; i < s->target.address_count && *s->options.stop == 0; i++) {
        s->streams->address = s->target.addresses[i];
        if (connect_one(s, 0, CONNECT_NS, message)) {
            return true;
        }
    }
    return false;
}

static bool
allocate(struct sender *s)
{
    struct streams *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        return false;
    }
    s->streams = t;
    t->connections = calloc(s->options.sources, sizeof(*t->connections));
    t->out = malloc((size_t)SEND_BATCH_MAX * (MESSAGE_MAX + SEND_FRAME_EXTRA));
    return t->connections != NULL && t->out != NULL;
}

enum send_err
streams_open(struct sender *s, char *message)
{
    struct streams *t;

    if (!allocate(s)) {
        (void)snprintf(message, SEND_MESSAGE_MAX, "out of memory");
        return SEND_ECONNECT;
    }
    t = s->streams;
    if (s->target.scheme == SEND_TLS) {
        t->tls = stream_tls(&s->options, message);
        if (t->tls == NULL) {
            return SEND_ECONNECT;
        }
        /* The library writes with write(), which has no MSG_NOSIGNAL. */
        (void)signal(SIGPIPE, SIG_IGN);
    }
    for (t->count = 0; t->count < s->options.sources; t->count++) {
        bool ok = t->count == 0 ? connect_first(s, message)
                                : connect_one(s, t->count, CONNECT_NS, message);

        if (!ok && *s->options.stop != 0) {
            (void)snprintf(message, SEND_MESSAGE_MAX,
                "interrupted while connecting to %.200s: nothing was sent", s->options.to);
        }
        if (!ok) {
            return SEND_ECONNECT;
        }
    }
    return SEND_OK;
}

/* ---- What was given, and what of it is lost ---- */

static uint64_t
acknowledged(const struct connection *c)
{
    return c->stream.written - stream_unacknowledged(&c->stream);
}

static void
remember(struct connection *c, struct given_sum sum)
{
    if (given_is_full(&c->given)) {
        given_make_room(&c->given, acknowledged(c));
    }
    given_add(&c->given, c->stream.written, sum);
}

/* The first time. Ends sending: all connections show the same certificate. */
static void
tell_refused(struct sender *s, const struct connection *c)
{
    if (s->totals.error == 0) {
        s->totals.error = ECONNREFUSED;
        send_tell(s,
            "%s refused the connection: %s; give the certificate that it wants with --cert, and "
            "compare its `tls` settings",
            s->options.to, c->stream.why);
    }
}

/*
 * What the receiving host has not acknowledged, it does not have. Who refused the connection has
 * nothing, whatever its host acknowledged.
 */
static void
count_unacknowledged(struct sender *s, struct connection *c)
{
    struct given_sum all = c->given.all;
    struct given_sum lost = given_lose(&c->given, acknowledged(c));

    if (c->stream.refused) {
        lost = all;
        tell_refused(s, c);
    }
    s->totals.sent -= lost.messages;
    s->totals.bytes -= lost.bytes;
    s->totals.lost += lost.messages;
}

static void
connection_ended(struct sender *s, struct connection *c)
{
    uint64_t lost = s->totals.lost;

    c->unacknowledged = stream_unacknowledged(&c->stream);
    count_unacknowledged(s, c);
    stream_close(&c->stream);
    /* The next attempt is made at once, but where connections do not last. */
    if (!c->ended || send_now_ns() - c->tried_ns > AGAIN_NS) {
        c->tried_ns = 0;
    }
    c->ended = true;
    if (!c->stream.refused &&
        (s->streams->told_ns == 0 || send_now_ns() - s->streams->told_ns > TELL_NS)) {
        s->streams->told_ns = send_now_ns();
        send_tell(s,
            "a connection to %s ended (%s), %llu messages did not arrive; connecting again once a "
            "second",
            s->options.to, c->stream.why, (unsigned long long)(s->totals.lost - lost));
    }
}

/* ---- Being there ---- */

/*
 * One attempt, when the last one is long enough ago. Where nobody answers, an attempt takes all of
 * its time, in which no other message is sent: it is that of all connections.
 */
static bool
try_again(struct sender *s, struct connection *c)
{
    struct streams *t = s->streams;
    uint64_t now = send_now_ns();
    char message[SEND_MESSAGE_MAX];

    if ((c->tried_ns != 0 && now - c->tried_ns < AGAIN_NS) ||
        (t->unanswered_ns != 0 && now - t->unanswered_ns < AGAIN_NS)) {
        return false;
    }
    if (!connect_one(s, (uint32_t)(c - t->connections), AGAIN_NS, message)) {
        if (send_now_ns() - now >= AGAIN_NS) {
            t->unanswered_ns = send_now_ns();
        }
        return false;
    }
    s->totals.reconnected++;
    return true;
}

/*
 * A flood goes as fast as it is taken, so it waits for the receiver to come back; what has its time
 * does not wait and is lost.
 */
static bool
be_there(struct sender *s, struct connection *c)
{
    struct timespec moment = { .tv_nsec = WAIT_MS * 1000000L };
    uint64_t start = send_now_ns();

    if (c->stream.fd >= 0 || try_again(s, c)) {
        return true;
    }
    while (s->options.flood && !send_is_over(s)) {
        if (send_now_ns() - start > GIVE_UP_NS) {
            s->totals.error = ETIMEDOUT;
            send_tell(s, "%s did not come back for 30 s: start the collector again", s->options.to);
            return false;
        }
        (void)nanosleep(&moment, NULL);
        send_waits(s);
        if (try_again(s, c)) {
            return true;
        }
    }
    return false;
}

/* Whether the receiver has closed it; asked now and then, for the first write behind that works. */
static bool
is_open(struct sender *s, struct connection *c)
{
    uint64_t now = send_now_ns();

    if (c->stream.fd >= 0 && now - c->looked_ns >= LOOK_NS) {
        c->looked_ns = now;
        if (!stream_look(&c->stream)) {
            connection_ended(s, c);
        }
    }
    return be_there(s, c);
}

/* ---- Writing ---- */

/* Waits for room of a receiver that does not read. */
static void
wait_for_room(struct sender *s, const struct connection *c, uint64_t *stalled_ns)
{
    struct pollfd room = { .fd = c->stream.fd, .events = c->stream.wants };
    uint64_t start = send_now_ns();

    (void)poll(&room, 1, WAIT_MS);
    *stalled_ns += send_now_ns() - start;
    if (*stalled_ns > STALL_NS && !s->streams->told_stall) {
        s->streams->told_stall = true;
        send_tell(s, "%s does not read; waiting until it does", s->options.to);
    }
    send_waits(s);
}

/* Where the message ends of which some is written; `done` between two of them. */
static size_t
end_of_begun(const size_t *ends, size_t count, size_t done)
{
    size_t i = 0;

    while (i < count && ends[i] < done) {
        i++;
    }
    return i < count && done > 0 ? ends[i] : done;
}

/*
 * Gives the frames that end at `ends` to the connection, unless it ends; returns how many bytes. A
 * signal leaves the rest, but for a message that was begun: the receiver would take its first part
 * for a whole one, so that it has a second to take the other.
 */
static size_t
write_all(struct sender *s, struct connection *c, const size_t *ends, size_t count, size_t len)
{
    uint64_t stalled_ns = 0;
    uint64_t limit_ns = 0; /* 0: there was no signal */
    size_t done = 0;

    while (done < len) {
        ssize_t n;

        if (limit_ns == 0 && *s->options.stop != 0) {
            limit_ns = send_now_ns() + HURRY_NS;
            len = end_of_begun(ends, count, done);
        }
        if (done == len || (limit_ns != 0 && send_now_ns() >= limit_ns)) {
            break;
        }
        n = stream_write(&c->stream, s->streams->out + done, len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 || (stalled_ns > 0 && !stream_look(&c->stream))) {
            connection_ended(s, c);
            break;
        } else {
            wait_for_room(s, c, &stalled_ns);
        }
    }
    s->totals.stalled_ns += stalled_ns;
    return done;
}

/* The frames of messages of one connection; `ends` of each, 0 when it cannot be framed. */
static size_t
frame_all(struct sender *s, const struct send_item *items, const uint8_t *order, size_t count,
    size_t *ends)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        const struct send_item *item = &items[order[i]];
        size_t frame = item->bytes.len <= MESSAGE_MAX
                           ? send_frame(s->options.framing, item->bytes, s->streams->out + len)
                           : 0;

        len += frame;
        ends[i] = frame > 0 ? len : 0;
    }
    return len;
}

/*
 * Counts what became of each: of those given to a connection that ended meanwhile, what was not
 * acknowledged does not arrive (encrypted bytes are more than those of messages, so that rather too
 * many are lost than too few); a signal leaves the rest unsent.
 */
static void
settle(struct sender *s, struct connection *c, const struct send_item *items, const uint8_t *order,
    size_t count, const size_t *ends, size_t done, bool ended)
{
    struct given_sum given = { 0 };

    if (ended && c->stream.refused) {
        done = 0;
    } else if (ended) {
        done -= c->unacknowledged < done ? (size_t)c->unacknowledged : done;
    }
    for (size_t i = 0; i < count; i++) {
        if (ends[i] == 0) {
            s->totals.too_long++;
        } else if (ends[i] <= done) {
            send_count(s, &items[order[i]], &c->wall_ns);
            given.messages++;
            given.bytes += items[order[i]].bytes.len;
        } else if (ended) {
            s->totals.lost++;
        } else {
            s->totals.unsent++;
        }
    }
    if (given.messages > 0 && !ended) {
        remember(c, given);
    }
}

/* Messages of one connection. */
static void
send_run(struct sender *s, struct connection *c, const struct send_item *items,
    const uint8_t *order, size_t count)
{
    size_t ends[SEND_BATCH_MAX];
    size_t len = frame_all(s, items, order, count, ends);
    size_t done;

    if (!is_open(s, c)) {
        settle(s, c, items, order, count, ends, 0, !send_is_over(s));
        return;
    }
    /* A collector is quick enough to store the first message before the call returns. */
    c->wall_ns = s->options.sent != NULL ? send_wall_ns() : 0;
    done = write_all(s, c, ends, count, len);
    settle(s, c, items, order, count, ends, done, c->stream.fd < 0);
}

size_t
streams_send(struct sender *s, const struct send_item *items, size_t count)
{
    uint8_t order[SEND_BATCH_MAX];
    size_t at = 0;

    send_order(items, count, order);
    while (at < count) {
        uint32_t source = items[order[at]].source % s->streams->count;
        size_t same = send_same(items, order + at, count - at);

        send_run(s, &s->streams->connections[source], items, order + at, same);
        at += same;
    }
    return count;
}

/* ---- The end ---- */

/*
 * Until the receiver has closed it too. When its host has all, that is waited for a second only;
 * after a signal for a second in all.
 */
static void
wait_taken(struct sender *s, struct connection *c, uint64_t *all_ns)
{
    uint64_t deadline_ns = *all_ns;
    struct pollfd answer = { .fd = c->stream.fd, .events = POLLIN };
    bool hurry = false;
    uint64_t now;

    while ((now = send_now_ns()) < deadline_ns) {
        if (!hurry && (*s->options.stop != 0 || stream_unacknowledged(&c->stream) == 0)) {
            hurry = true;
            deadline_ns = now + HURRY_NS < deadline_ns ? now + HURRY_NS : deadline_ns;
            *all_ns = *s->options.stop != 0 ? deadline_ns : *all_ns;
        }
        if (poll(&answer, 1, WAIT_MS) > 0 && !stream_look(&c->stream)) {
            break;
        }
        send_waits(s);
    }
    count_unacknowledged(s, c);
}

void
streams_finish(struct sender *s)
{
    struct streams *t = s->streams;
    uint64_t lost = s->totals.lost;
    uint64_t deadline_ns;

    for (uint32_t i = 0; i < t->count; i++) {
        if (t->connections[i].stream.fd >= 0) {
            stream_half_close(&t->connections[i].stream);
        }
    }
    deadline_ns = send_now_ns() + FINISH_NS;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->connections[i].stream.fd >= 0) {
            wait_taken(s, &t->connections[i], &deadline_ns);
        }
    }
    if (s->totals.lost > lost) {
        send_tell(s, "%s did not take the last %llu messages", s->options.to,
            (unsigned long long)(s->totals.lost - lost));
    }
}

void
streams_close(struct streams *t)
{
    if (t == NULL) {
        return;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        stream_close(&t->connections[i].stream);
        given_free(&t->connections[i].given);
    }
    SSL_CTX_free(t->tls);
    free(t->connections);
    free(t->out);
    free(t);
}
