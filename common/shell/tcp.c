/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of one listener's connections: batches, timers and the end. */
#include "sr/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shell/socket.h"
#include "shell/tcp_socket.h"
#include "shell/tcp_worker.h"
#include "sr/clock.h"

#include "sr/banned.h"

#define TICK_MS 500
#define RETRY_MS 50                         /* lanes do not say when they have room again */
#define STOP_WAIT_NS (2 * SR_NS_PER_SECOND) /* for room, when stopping */
#define GATHER_NS ((long)SR_NS_PER_MS)      /* rounds with messages of less distance are a stream */
#define GATHER_FEW 64U                      /* messages that are not worth a wake-up of their own */
#define OPEN_WAIT_NS (10 * SR_NS_PER_SECOND) /* for the header of a balancer; for a handshake */

/* ---- Batches ---- */

void
tcp_batch_enter(struct sr_tcp_worker *w)
{
    if (!w->in_batch) {
        w->in_batch = true;
        w->handler.batch_begin(w->handler.arg, sr_clock_wall_ns());
    }
}

static void on_due(uv_timer_t *timer);

static void
leave_batch(struct sr_tcp_worker *w)
{
    if (!w->in_batch) {
        return;
    }
    w->in_batch = false;
    w->handler.batch_end(w->handler.arg);
    uint64_t due_ns = w->handler.due != NULL ? w->handler.due(w->handler.arg) : UINT64_MAX;
    if (due_ns != UINT64_MAX) {
        uint64_t now_ns = sr_clock_monotonic_ns();
        uint64_t ms = due_ns > now_ns ? (due_ns - now_ns) / SR_NS_PER_MS + 1 : 0;
        uv_update_time(&w->loop); /* a timer starts from there, and a round may have been long */
        (void)uv_timer_start(&w->due, on_due, ms, 0);
    }
}

static void
on_due(uv_timer_t *timer)
{
    tcp_batch_enter(timer->data); /* its end is what is due */
}

/*
 * Senders that write each message on its own would wake the loop for each, which costs more than to
 * receive it: while messages follow each other closely, they are left to gather. Nobody waits for
 * an answer to one.
 */
static void
gather(struct sr_tcp_worker *w)
{
    const struct timespec moment = { .tv_nsec = GATHER_NS };
    uint64_t now_ns = sr_clock_monotonic_ns();

    if (w->messages < GATHER_FEW && now_ns - w->last_message_ns < (uint64_t)GATHER_NS) {
        (void)nanosleep(&moment, NULL);
        now_ns = sr_clock_monotonic_ns();
    }
    w->last_message_ns = now_ns;
    w->messages = 0;
}

/* Before the loop waits: all that the last round brought is one batch. */
static void
on_round(uv_prepare_t *prepare)
{
    struct sr_tcp_worker *w = prepare->data;

    leave_batch(w);
    if (w->messages > 0 && !w->stopping) {
        gather(w);
    }
}

/* ---- Timers ---- */

static void
close_idle(struct sr_tcp_worker *w, uint64_t now_ns)
{
    struct tcp_connection *next;

    for (struct tcp_connection *c = w->first; c != NULL; c = next) {
        next = c->next;
        uint64_t most_ns = c->open ? w->options.idle_ns : w->options.open_ns;
        if (most_ns != 0 && !c->paused && now_ns > c->heard_ns && now_ns - c->heard_ns > most_ns) {
            c->late = true;
            tcp_connection_end(c);
        }
    }
}

static void
on_tick(uv_timer_t *timer)
{
    struct sr_tcp_worker *w = timer->data;
    uint64_t now_ns = sr_clock_monotonic_ns();

    if (w->unaccepted && !w->stopping) {
        tcp_accept_again(w);
    }
    close_idle(w, now_ns);
    tcp_room_help(w);
    if (w->handler.tick != NULL && now_ns >= w->next_tick_ns) {
        w->next_tick_ns = now_ns + SR_NS_PER_SECOND - (uint64_t)TICK_MS / 2 * SR_NS_PER_MS;
        for (struct tcp_connection *c = w->first; c != NULL; c = c->next) {
            tcp_batch_enter(w);
            if (c->open) {
                w->handler.tick(w->handler.arg, c->user, false);
            }
        }
    }
    atomic_store(&w->heartbeat_ns, now_ns);
}

/* ---- Stopping ---- */

static void
give_up(struct sr_tcp_worker *w)
{
    struct tcp_connection *next;

    w->giving_up = true;
    tcp_batch_enter(w);
    for (struct tcp_connection *c = w->first; c != NULL; c = next) {
        next = c->next;
        tcp_connection_give_up(c);
    }
}

static void
finish(struct sr_tcp_worker *w)
{
    give_up(w);
    w->handler.finish(w->handler.arg);
    leave_batch(w);
    uv_close((uv_handle_t *)&w->due, NULL);
    uv_close((uv_handle_t *)&w->retry, NULL);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_close((uv_handle_t *)&w->stop, NULL);
    uv_close((uv_handle_t *)&w->round, NULL);
}

static void
drain_all(struct sr_tcp_worker *w)
{
    struct tcp_connection *next;

    tcp_accept_all(w);
    w->stopping = true;
    uv_close((uv_handle_t *)&w->listener, NULL);
    for (struct tcp_connection *c = w->first; c != NULL; c = next) {
        next = c->next;
        if (!c->paused) {
            tcp_batch_enter(w);
            tcp_connection_drain(c);
        }
    }
}

static void
on_retry(uv_timer_t *timer)
{
    struct sr_tcp_worker *w = timer->data;
    uint64_t now_ns = sr_clock_monotonic_ns();

    tcp_connection_retry_line(w);
    if (w->stop_deadline_ns != 0 && !w->stopping) {
        drain_all(w);
    }
    if (w->stopping && (w->line == NULL || now_ns >= w->stop_deadline_ns)) {
        finish(w);
    } else if (!w->stopping && w->line == NULL) {
        (void)uv_timer_stop(timer);
    }
}

void
tcp_retry_start(struct sr_tcp_worker *w)
{
    if (!uv_is_active((uv_handle_t *)&w->retry)) {
        (void)uv_timer_start(&w->retry, on_retry, RETRY_MS, RETRY_MS);
    }
}

/* One more round of the loop reads; then comes on_retry(). */
static void
on_stop(uv_async_t *async)
{
    struct sr_tcp_worker *w = async->data;

    if (w->stop_deadline_ns == 0) {
        w->stop_deadline_ns = sr_clock_monotonic_ns() + STOP_WAIT_NS;
        (void)uv_timer_start(&w->retry, on_retry, 1, RETRY_MS);
    }
}

/* ---- Life ---- */

static void *
run(void *arg)
{
    struct sr_tcp_worker *w = arg;

    (void)pthread_setname_np(pthread_self(), "receive");
    (void)uv_run(&w->loop, UV_RUN_DEFAULT); /* until finish() has closed all handles */
    return NULL;
}

static bool
open_handles(struct sr_tcp_worker *w, int fd)
{
    if (uv_async_init(&w->loop, &w->stop, on_stop) != 0 || uv_timer_init(&w->loop, &w->tick) != 0 ||
        uv_timer_init(&w->loop, &w->retry) != 0 || uv_timer_init(&w->loop, &w->due) != 0 ||
        uv_prepare_init(&w->loop, &w->round) != 0 ||
        uv_poll_init(&w->loop, &w->listener, fd) != 0) {
        return false;
    }
    w->fd = fd;
    w->is_local = sr_socket_option(fd, SO_DOMAIN) == AF_UNIX;
    w->stop.data = w->tick.data = w->retry.data = w->due.data = w->round.data = w->listener.data =
        w;
    tcp_accept_again(w);
    return uv_prepare_start(&w->round, on_round) == 0 &&
           uv_timer_start(&w->tick, on_tick, 0, TICK_MS) == 0;
}

struct sr_tcp_worker *
sr_tcp_worker_start(int fd, const struct sr_tcp_handler *handler,
    const struct sr_tcp_options *options, struct sr_worker_stats *stats)
{
    struct sr_tcp_worker *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    w->handler = *handler;
    w->options = *options;
    w->options.open_ns = options->open_ns != 0 ? options->open_ns : OPEN_WAIT_NS;
    w->stats = stats;
    w->descriptors = tcp_descriptors();
    w->plain = options->tls != NULL ? malloc(TCP_PLAIN_SIZE) : NULL;
    if ((options->tls != NULL && w->plain == NULL) || uv_loop_init(&w->loop) != 0) {
        free(w->plain);
        free(w);
        return NULL;
    }
    atomic_store(&w->heartbeat_ns, sr_clock_monotonic_ns());
    if (open_handles(w, fd) && pthread_create(&w->thread, NULL, run, w) == 0) {
        return w;
    }
    (void)uv_loop_close(&w->loop); /* with open handles it stays open: the process is ending */
    free(w->plain);
    free(w);
    return NULL;
}

void
sr_tcp_worker_stop(struct sr_tcp_worker *w)
{
    (void)uv_async_send(&w->stop);
}

void
sr_tcp_worker_join(struct sr_tcp_worker *w)
{
    if (w == NULL) {
        return;
    }
    (void)pthread_join(w->thread, NULL);
    (void)uv_loop_close(&w->loop);
    (void)close(w->fd);
    free(w->plain);
    free(w);
}

uint64_t
sr_tcp_worker_heartbeat(const struct sr_tcp_worker *w)
{
    return atomic_load(&w->heartbeat_ns);
}
