/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/tap.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/tap_client.h"
#include "shell/tap_socket.h"
#include "sr/buf.h"
#include "sr/conf_common.h"
#include "sr/deadletter.h"
#include "sr/json.h"
#include "sr/log.h"
#include "sr/records.h"
#include "sr/segment.h"

#include "sr/banned.h"

#define FOLDER "/run/serviceradar"

/* Six bytes at most for each of the two names, and what is around them. */
#define HEAD_MAX (2U * 6U * SR_SEGMENT_TEXT_MAX + 64U)
#define HELLO_MAX 256U

#define TRIES 64U  /* of a receiving thread to copy; some microseconds at most */
#define AGAIN_MS 1 /* when one was copying just then */

/* The largest dead letter in hexadecimal, with its reason and source. */
#define LETTER_MAX (2U * TAP_HANDOFF + SR_DEADLETTER_OVERHEAD * 6U)

/* What a receiving thread copies: this, then entries as they lay in the segment. */
struct run {
    const struct sr_lane *lane;
    size_t len;
};

struct handoff {
    uint8_t *bytes; /* TAP_HANDOFF of them */
    size_t len;
};

struct tap {
    _Atomic bool heard;
    _Atomic bool stopping;
    _Atomic uint64_t missed; /* records not handed over since the tap's thread last looked */

    /*
     * Where receiving threads copy to: one of `handoffs`, or `closed` while nobody listens. Who
     * takes it leaves NULL there and puts it back when it has copied. The tap's thread changes it
     * for an empty one, and never takes it away, so that of one receiving thread none is missed.
     */
    struct handoff *_Atomic filling;
    struct handoff handoffs[2];
    struct handoff closed;

    bool is_binary;
    char hello[HELLO_MAX];
    pthread_t thread;
    int wake; /* an eventfd: `filling` is no longer empty, or it ends */
    struct tap_socket socket;

    /* The thread's own. */
    struct handoff *draining; /* the other one, empty */
    uint8_t *letter;          /* LETTER_MAX bytes for a dead letter */
    struct tap_client clients[TAP_CLIENTS_MAX];
    size_t client_count;
};

bool
tap_is_heard(const struct tap *t)
{
    return t != NULL && atomic_load_explicit(&t->heard, memory_order_relaxed);
}

/* ---- The receiving threads ---- */

static void
wake_up(struct tap *t)
{
    uint64_t one = 1;

    /* It fails only when the counter is at its end: then the thread wakes anyway. */
    (void)!write(t->wake, &one, sizeof(one));
}

/* The first of many wakes the thread: perhaps nothing else does after it. */
static void
miss(struct tap *t, uint64_t records)
{
    if (atomic_fetch_add(&t->missed, records) == 0) {
        wake_up(t);
    }
}

/* Where one batch of a lane goes. */
struct copying {
    struct tap *tap;
    struct handoff *handoff;
    const struct sr_lane *lane;
};

static void
take_run(void *arg, struct sr_span entries, uint64_t records)
{
    const struct copying *to = arg;
    struct handoff *h = to->handoff;
    struct run run = { to->lane, entries.len };

    if (sizeof(run) + entries.len > TAP_HANDOFF - h->len) {
        miss(to->tap, records);
        return;
    }
    memcpy(h->bytes + h->len, &run, sizeof(run));
    memcpy(h->bytes + h->len + sizeof(run), entries.data, entries.len);
    h->len += sizeof(run) + entries.len;
}

/* NULL when other receiving threads keep it busy. */
static struct handoff *
take_handoff(struct tap *t)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct handoff *h = atomic_exchange(&t->filling, NULL);
        if (h != NULL) {
            return h;
        }
    }
    return NULL;
}

void
tap_offer(struct tap *t, const struct sr_lane *lane)
{
    struct copying to = { .tap = t, .lane = lane };

    if (sr_lane_unflushed_records(lane) == 0) {
        return;
    }
    to.handoff = take_handoff(t);
    if (to.handoff == NULL) {
        miss(t, sr_lane_unflushed_records(lane));
        return;
    }
    bool was_empty = to.handoff->len == 0;
    if (to.handoff != &t->closed) {
        sr_lane_unflushed(lane, take_run, &to);
    }
    bool filled = was_empty && to.handoff->len > 0;
    atomic_store(&t->filling, to.handoff);
    if (filled) {
        wake_up(t);
    }
}

/* ---- The tap's thread: what it writes ---- */

static void
put_all(struct tap *t, const struct sr_span *pieces, size_t count)
{
    for (size_t i = 0; i < t->client_count; i++) {
        tap_client_put(&t->clients[i], pieces, count);
    }
}

static struct sr_span
text_span(const char *text)
{
    return (struct sr_span){ (const uint8_t *)text, strlen(text) };
}

/* `head` is the line's beginning, which names the lane. */
static void
put_record(struct tap *t, struct sr_buf head, struct sr_span record, bool is_binary)
{
    if (is_binary) {
        sr_buf_add_text(&head, ",\"protobuf\":");
        sr_buf_add_u64(&head, record.len);
        sr_buf_add_text(&head, "}\n");
        put_all(t, (struct sr_span[]){ sr_buf_span(&head), record }, 2);
    } else {
        sr_buf_add_text(&head, ",\"record\":");
        put_all(t, (struct sr_span[]){ sr_buf_span(&head), record, text_span("}\n") }, 3);
    }
}

static void
put_dead_letter(struct tap *t, struct sr_buf head, const struct sr_segment_entry *e)
{
    struct sr_buf letter = sr_buf_over(t->letter, LETTER_MAX);

    sr_deadletter_json(&letter, sr_attribute(e->attributes, "Sr-Reason"), e->body,
        sr_attribute(e->attributes, "Sr-Source"));
    put_record(t, head, sr_buf_span(&letter), false);
}

static void
put_entries(struct tap *t, const struct sr_lane *lane, const uint8_t *entries, size_t len)
{
    uint8_t memory[HEAD_MAX];
    struct sr_buf head = sr_buf_over(memory, sizeof(memory));
    struct sr_segment_entry e;

    sr_buf_add_text(&head, "{\"listener\":");
    sr_json_text(&head, sr_lane_listener_name(lane));
    sr_buf_add_text(&head, ",\"subject\":");
    sr_json_text(&head, sr_lane_subject(lane));
    for (size_t at = 0; at < len; at = e.next) {
        sr_segment_get_entry(entries, at, &e);
        if (sr_lane_is_dead(lane)) {
            put_dead_letter(t, head, &e);
            continue;
        }
        enum sr_records_form form = sr_records_form(
            sr_attribute(e.attributes, "Sr-Records"), sr_attribute(e.attributes, "Content-Type"));
        struct sr_span record;
        while (sr_records_next(&e.body, form, &record)) {
            put_record(t, head, record, t->is_binary);
        }
    }
}

/* Puts `h` in place of what is filled, and returns that; NULL when somebody is copying now. */
static struct handoff *
exchange(struct tap *t, struct handoff *h)
{
    struct handoff *filled = atomic_load(&t->filling);

    return filled != NULL && atomic_compare_exchange_strong(&t->filling, &filled, h) ? filled
                                                                                     : NULL;
}

/*
 * Takes what the receiving threads have copied, and hands it to all who listen. False when it must
 * be tried again.
 */
static bool
drain(struct tap *t)
{
    struct run run;

    if (t->client_count == 0) {
        return true;
    }
    struct handoff *full = exchange(t, t->draining);
    if (full == NULL) {
        return false;
    }
    for (size_t at = 0; at < full->len; at += sizeof(run) + run.len) {
        memcpy(&run, full->bytes + at, sizeof(run));
        put_entries(t, run.lane, full->bytes + at + sizeof(run), run.len);
    }
    full->len = 0;
    t->draining = full;
    uint64_t missed = atomic_exchange(&t->missed, 0);
    for (size_t i = 0; i < t->client_count; i++) {
        t->clients[i].skipped += missed;
    }
    return true;
}

/* ---- The tap's thread: who listens ---- */

static void
free_memory(struct tap *t)
{
    for (size_t i = 0; i < 2; i++) {
        free(t->handoffs[i].bytes);
        t->handoffs[i] = (struct handoff){ NULL, 0 };
    }
    free(t->letter);
    t->letter = NULL;
}

static void
stop_copying(struct tap *t)
{
    atomic_store(&t->heard, false);
    while (exchange(t, &t->closed) == NULL) {
        (void)sched_yield(); /* for as long as a batch is copied */
    }
    free_memory(t);
}

static bool
start_copying(struct tap *t)
{
    t->handoffs[0].bytes = malloc(TAP_HANDOFF);
    t->handoffs[1].bytes = malloc(TAP_HANDOFF);
    t->letter = malloc(LETTER_MAX);
    if (t->handoffs[0].bytes == NULL || t->handoffs[1].bytes == NULL || t->letter == NULL) {
        free_memory(t);
        return false;
    }
    t->draining = &t->handoffs[1];
    atomic_store(&t->missed, 0);
    while (exchange(t, &t->handoffs[0]) == NULL) {
        (void)sched_yield();
    }
    atomic_store(&t->heard, true);
    return true;
}

static void
refuse(int fd, const char *why)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "{\"refused\":\"%s\"}\n", why);

    (void)send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(fd);
}

static void
welcome(struct tap *t, int fd)
{
    if (!tap_socket_trusts(fd)) {
        refuse(fd, "only root and the group of the service may listen");
        return;
    }
    if (t->client_count == TAP_CLIENTS_MAX) {
        refuse(fd, "as many listen as may; end another");
        return;
    }
    if (!tap_client_open(&t->clients[t->client_count], fd)) {
        refuse(fd, "out of memory");
        return;
    }
    struct tap_client *c = &t->clients[t->client_count++];
    struct sr_span hello = text_span(t->hello);
    tap_client_put(c, &hello, 1);
    if (t->client_count == 1 && !start_copying(t)) {
        tap_client_close(c);
        t->client_count = 0;
    }
}

static void
welcome_all(struct tap *t)
{
    int fd;

    while ((fd = tap_socket_accept(&t->socket)) >= 0) {
        welcome(t, fd);
    }
}

/* Nobody sends anything here, so that what can be read is an end. */
static bool
is_gone(const struct tap_client *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void
serve_all(struct tap *t)
{
    for (size_t i = 0; i < t->client_count;) {
        struct tap_client *c = &t->clients[i];
        if (tap_client_send(c) && !is_gone(c)) {
            i++;
            continue;
        }
        tap_client_close(c);
        *c = t->clients[--t->client_count];
        if (t->client_count == 0) {
            stop_copying(t);
        }
    }
}

/* Sleeps until there is something to do, at most so long. */
static void
await(struct tap *t, int timeout_ms)
{
    struct pollfd fds[2 + TAP_CLIENTS_MAX] = {
        { .fd = t->wake, .events = POLLIN },
        { .fd = t->socket.fd, .events = POLLIN },
    };
    uint64_t count;

    for (size_t i = 0; i < t->client_count; i++) {
        short out = tap_client_waits(&t->clients[i]) ? POLLOUT : 0;
        fds[2 + i] = (struct pollfd){ .fd = t->clients[i].fd, .events = (short)(POLLRDHUP | out) };
    }
    (void)poll(fds, 2 + t->client_count, timeout_ms);
    (void)!read(t->wake, &count, sizeof(count));
}

static void *
run_tap(void *arg)
{
    struct tap *t = arg;

    for (;;) {
        bool stopping = atomic_load(&t->stopping);
        welcome_all(t);
        bool drained = drain(t);
        serve_all(t);
        if (stopping) {
            return NULL;
        }
        await(t, drained ? -1 : AGAIN_MS);
    }
}

/* ---- Starting and stopping ---- */

static bool
open_tap(struct tap *t, const char *path, char *error, size_t error_size)
{
    t->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->wake < 0) {
        (void)snprintf(error, error_size, "%s", strerror(errno));
        return false;
    }
    if (!tap_socket_open(&t->socket, path, error, error_size)) {
        (void)close(t->wake);
        return false;
    }
    if (pthread_create(&t->thread, NULL, run_tap, t) != 0) {
        (void)snprintf(error, error_size, "cannot start a thread");
        tap_socket_close(&t->socket);
        (void)close(t->wake);
        return false;
    }
    return true;
}

static struct tap *
new_tap(const struct tap_options *options, const char *path, char *error, size_t error_size)
{
    struct tap *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    t->is_binary = options->is_binary;
    (void)snprintf(t->hello, sizeof(t->hello),
        "{\"tail\":1,\"program\":\"%s\",\"version\":\"%s\"}\n", options->program, options->version);
    atomic_store(&t->filling, &t->closed);
    if (!open_tap(t, path, error, error_size)) {
        free(t);
        return NULL;
    }
    return t;
}

/* Where serviceradar-cli looks by itself: the program's short name in the runtime folder. */
static struct tap *
new_default_tap(const struct tap_options *options)
{
    const char *instance = options->instance != NULL ? options->instance : "";
    char path[108], why[256];

    (void)snprintf(path, sizeof(path), FOLDER "/%s%s%s.sock", sr_conf_short_name(options->program),
        instance[0] != '\0' ? "@" : "", instance);
    struct tap *t = new_tap(options, path, why, sizeof(why));
    if (t == NULL) {
        sr_log(SR_LOG_INFO, "serviceradar-cli tail cannot listen to this collector reason=\"%s\"",
            why);
    }
    return t;
}

bool
tap_start(const struct tap_options *options, struct tap **ret_tap, char *error, size_t error_size)
{
    const char *path = sr_conf_unix_path(options->listen);
    char why[256];

    if (path == NULL) {
        *ret_tap = strcmp(options->listen, "auto") == 0 ? new_default_tap(options) : NULL;
        return true;
    }
    struct tap *t = new_tap(options, path, why, sizeof(why));
    if (t == NULL) {
        (void)snprintf(error, error_size,
            "tail.listen: cannot listen at %s; choose another path, or off", why);
        return false;
    }
    *ret_tap = t;
    return true;
}

void
tap_stop(struct tap *t)
{
    if (t == NULL) {
        return;
    }
    atomic_store(&t->stopping, true);
    wake_up(t);
    (void)pthread_join(t->thread, NULL);
    while (t->client_count > 0) {
        tap_client_close(&t->clients[--t->client_count]);
    }
    free_memory(t);
    tap_socket_close(&t->socket);
    (void)close(t->wake);
    free(t);
}
