/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "shell/socket.h"
#include "sr/clock.h"
#include "sr/fair.h"
#include "sr/log.h"

#include "sr/banned.h"

#define SLOT_SIZE (64U * 1024U) /* no UDP payload is longer than 65,527 bytes */
/* Slots a power of two apart would all fall on the same few sets of the processor's caches. */
#define SLOT_STRIDE (SLOT_SIZE + 320U)
#define SLAB_SIZE ((size_t)SR_UDP_SLOTS * SLOT_STRIDE)
#define NOT_RECEIVED UINT32_MAX
#define CONTROL_SIZE 128U      /* bytes for IP_PKTINFO or IPV6_PKTINFO, and more than they take */
#define BATCHES_A_ROUND 32U    /* then the loop may see a stop or a timer */
#define STREAM_NS SR_NS_PER_MS /* datagrams of less distance are a stream */
#define GATHER_MAX_NS (4 * SR_NS_PER_MS)
#define GATHER_BYTES (2U << 20)      /* of the socket's buffer, for each ms of gathering */
#define GATHER_BATCHES 2U            /* full ones, that gathering may lead to */
#define ROUND_NS (32 * SR_NS_PER_MS) /* of gathering; then the loop may see a stop */
#define TICK_MS 500
#define OVERLOAD_NS (4 * SR_NS_PER_SECOND)
#define DRAIN_BATCHES 4096U /* bound of what is still received when stopping */

struct sr_udp_worker {
    int fd;
    struct sr_udp_handler handler;
    struct sr_worker_stats *stats;
    pthread_t thread;
    uv_loop_t loop;
    uv_poll_t poll;
    uv_async_t stop;
    uv_timer_t tick;
    uv_timer_t due;
    uint64_t due_ns;       /* that `due` is set to; UINT64_MAX: none */
    uint64_t next_tick_ns; /* of the handler, monotonic */
    bool hurries;          /* the last batch did */
    uint64_t gather_ns;    /* how long datagrams of a stream are left to gather */
    uint64_t gather_max_ns;
    bool is_local;         /* a Unix socket: its senders have no address */
    uint64_t cookie;       /* of the socket; 0: unknown */
    uint32_t kernel_drops; /* the kernel's own counter, as last seen */
    uint32_t drops_told;   /* the same, as last seen by tell_backlog() */
    uint64_t overload_ns;  /* when what that sees is of no concern any more, wall clock */
    struct sr_log_limit dropping;
    struct sr_log_limit socket_errors;
    _Atomic uint64_t heartbeat_ns;
    uint8_t *slab;
    struct sockaddr_storage names[SR_UDP_SLOTS];
    struct iovec vectors[SR_UDP_SLOTS];
    _Alignas(struct cmsghdr) uint8_t controls[SR_UDP_SLOTS][CONTROL_SIZE]; /* if it answers */
    struct sr_udp_hand *hand;                                              /* given, or the next */
    struct sr_udp_hand own_hand;
};

/* ---- Opening ---- */

/* What the kernel gives to payloads: it reports twice that, socket(7). */
static int
buffer_of(int fd)
{
    return sr_socket_option(fd, SO_RCVBUF) / 2;
}

/* What a socket would get without rights; -1: unknown. */
static int
allowed_buffer(int asked)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int allowed = -1;

    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof(asked));
        allowed = buffer_of(fd);
        (void)close(fd);
    }
    return allowed;
}

/*
 * Never makes a buffer smaller that somebody with more rights has set: SO_RCVBUF would, to what is
 * allowed to us.
 */
static void
set_receive_buffer(int fd, uint64_t bytes, const char *advice)
{
    int asked = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &asked, sizeof(asked)) == 0) {
        return;
    }
    if (buffer_of(fd) < asked && buffer_of(fd) < allowed_buffer(asked)) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof(asked));
    }
    if (buffer_of(fd) < asked) {
        sr_log(SR_LOG_WARNING,
            "the receive buffer is smaller than asked port=%u bytes=%d asked=%d advice=\"%s\"",
            sr_socket_port(fd), buffer_of(fd), asked, advice);
    }
}

int
sr_udp_open(const struct sr_udp_address *address, char *error, size_t error_size)
{
    struct sr_socket_address bound = {
        .host = address->host,
        .port = address->port,
        .type = SOCK_DGRAM,
        .shared = address->shared,
    };
    int fd = sr_socket_bind(&bound, error, error_size);

    if (fd >= 0) {
        set_receive_buffer(fd, address->receive_buffer,
            "raise net.core.rmem_max, or give the service CAP_NET_ADMIN");
    }
    return fd;
}

bool
sr_udp_adopt(int fd, bool may_be_local, uint64_t receive_buffer, char *error, size_t error_size)
{
    int domain = sr_socket_option(fd, SO_DOMAIN);
    bool is_local = may_be_local && domain == AF_UNIX;
    bool is_udp = (domain == AF_INET || domain == AF_INET6) &&
                  sr_socket_option(fd, SO_PROTOCOL) == IPPROTO_UDP;

    if (!(is_udp || is_local) || sr_socket_option(fd, SO_TYPE) != SOCK_DGRAM) {
        (void)snprintf(error, error_size,
            "what was passed is not a UDP socket%s; the .socket unit needs "
            "ListenDatagram=ADDRESS:PORT%s",
            may_be_local ? " or one of a path" : "", may_be_local ? " or a path" : "");
        return false;
    }
    if (!sr_socket_make_nonblocking(fd)) {
        (void)snprintf(
            error, error_size, "cannot make the socket non-blocking: %s", strerror(errno));
        return false;
    }
    if (is_local) {
        return true;
    }
    set_receive_buffer(
        fd, receive_buffer, "set ReceiveBuffer= in the .socket unit, or raise net.core.rmem_max");
    return true;
}

/* Of a dual-stack socket, the second is for IPv6 and the first does not hurt. */
static void
ask_for_local_addresses(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
}

/* ---- Receiving ---- */

unsigned
sr_udp_hand_count(const struct sr_udp_hand *hand, uint64_t batches_done)
{
    unsigned count = 0;

    if (batches_done == UINT64_MAX || sr_counted(&hand->batch) != batches_done + 1) {
        return 0;
    }
    while (count < SR_UDP_SLOTS && hand->messages[count].msg_len <= SLOT_SIZE) {
        count++;
    }
    for (unsigned i = count; i < SR_UDP_SLOTS; i++) {
        if (hand->messages[i].msg_len != NOT_RECEIVED) {
            return 0; /* the kernel fills them in order */
        }
    }
    return count;
}

/*
 * Makes all slots ready and then says so. A kill leaves the stores of the thread up to some point:
 * no length is ever anything but what the kernel wrote for this `batch`, or "not received". All of
 * each slot is written: a page of a broken file may have become an empty one, and the kernel must
 * find the pages writable.
 */
static void
open_hand(struct sr_udp_worker *w)
{
    for (unsigned i = 0; i < SR_UDP_SLOTS; i++) {
        struct mmsghdr *m = &w->hand->messages[i];
        m->msg_hdr = (struct msghdr){
            .msg_name = &w->names[i],
            .msg_namelen = sizeof(w->names[i]),
            .msg_iov = &w->vectors[i],
            .msg_iovlen = 1,
            .msg_control = w->handler.answers ? w->controls[i] : NULL,
            .msg_controllen = w->handler.answers ? CONTROL_SIZE : 0,
        };
        *(volatile unsigned *)&m->msg_len = NOT_RECEIVED; /* one store, with nothing before it */
    }
    atomic_store_explicit(
        &w->hand->batch, sr_counted(&w->stats->batches) + 1, memory_order_release);
}

/* Hands the first `n` slots on; returns their bytes. */
static uint64_t
deliver(struct sr_udp_worker *w, unsigned n, uint64_t now_ns)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct mmsghdr *m = &w->hand->messages[i];
        size_t len = m->msg_len < SLOT_SIZE ? m->msg_len : SLOT_SIZE;
        struct sr_span span = { w->vectors[i].iov_base, len };
        struct sr_peer peer = { .is_local = true };
        if (!w->is_local) {
            sr_socket_peer(&w->names[i], &peer);
        }
        bytes += len;
        w->handler.datagram(w->handler.arg, now_ns, &peer, span, &m->msg_hdr);
    }
    return bytes;
}

static bool
read_memory(int fd, uint32_t info[SK_MEMINFO_VARS])
{
    socklen_t len = SK_MEMINFO_VARS * sizeof(info[0]);

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0;
}

/*
 * What a batch of `n` left in the socket: nothing, unless all slots are full. It is of no concern
 * before the kernel has dropped something. Then half of the buffer is to stay free, for moments in
 * which this thread does not run, until it has been so for a while.
 */
static void
tell_backlog(struct sr_udp_worker *w, unsigned n, uint64_t now_ns)
{
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    unsigned level = 0;

    if (w->handler.backlog == NULL) {
        return;
    }
    if (n == SR_UDP_SLOTS && read_memory(w->fd, info)) {
        uint32_t used = info[SK_MEMINFO_RMEM_ALLOC], size = info[SK_MEMINFO_RCVBUF];
        level = sr_fair_level(used, size / 2 > used ? size / 2 - used : 0);
        if (info[SK_MEMINFO_DROPS] != w->drops_told ||
            (now_ns < w->overload_ns && level >= SR_FAIR_SHEDDING)) {
            w->drops_told = info[SK_MEMINFO_DROPS];
            w->overload_ns = now_ns + OVERLOAD_NS;
        }
    }
    w->handler.backlog(w->handler.arg, now_ns < w->overload_ns ? level : 0);
}

/* Receives once; returns how many datagrams came. */
static unsigned
receive_batch(struct sr_udp_worker *w)
{
    open_hand(w);
    int n = recvmmsg(w->fd, w->hand->messages, SR_UDP_SLOTS, MSG_DONTWAIT, NULL);
    if (n <= 0) {
        return 0; /* nothing there, or an ICMP error of what we never sent */
    }
    uint64_t now_ns = sr_clock_wall_ns();

    tell_backlog(w, (unsigned)n, now_ns);
    w->handler.batch_begin(w->handler.arg, now_ns);
    uint64_t bytes = deliver(w, (unsigned)n, now_ns);
    sr_count(&w->stats->received, (uint64_t)n);
    sr_count(&w->stats->received_bytes, bytes);
    sr_count(&w->stats->batches, 1);
    w->handler.batch_end(w->handler.arg);
    return (unsigned)n;
}

static void on_due(uv_timer_t *timer);

/* Sets the timer to what the handler waits for. */
static void
await_due(struct sr_udp_worker *w)
{
    uint64_t due_ns = w->handler.due != NULL ? w->handler.due(w->handler.arg) : UINT64_MAX;

    if (due_ns == w->due_ns) {
        return;
    }
    w->due_ns = due_ns;
    if (due_ns == UINT64_MAX) {
        (void)uv_timer_stop(&w->due);
        return;
    }
    uint64_t now_ns = sr_clock_monotonic_ns();
    uint64_t ms = due_ns > now_ns ? (due_ns - now_ns + SR_NS_PER_MS - 1) / SR_NS_PER_MS : 0;
    uv_update_time(&w->loop); /* a timer starts from the loop's time, which a round leaves behind */
    (void)uv_timer_start(&w->due, on_due, ms, 0);
}

static void
on_due(uv_timer_t *timer)
{
    struct sr_udp_worker *w = timer->data;

    w->due_ns = UINT64_MAX; /* it may be a moment early: then it is set again */
    w->handler.batch_end(w->handler.arg);
    await_due(w);
}

/*
 * How long datagrams may gather: in 1 ms the kernel takes 2 MiB of small ones only if they come by
 * millions a second. What SO_RCVBUF tells is what it counts, with its own overhead, socket(7).
 */
static uint64_t
longest_gather(int fd)
{
    int bytes = sr_socket_option(fd, SO_RCVBUF);
    uint64_t ns = bytes > 0 ? (uint64_t)bytes / GATHER_BYTES * SR_NS_PER_MS : 0;

    return ns < STREAM_NS ? STREAM_NS : ns > GATHER_MAX_NS ? GATHER_MAX_NS : ns;
}

/* Longer while no batch is full after it, and shorter when they fill one after another. */
static void
adapt_gather(struct sr_udp_worker *w, unsigned full_batches)
{
    if (full_batches == 0 && w->gather_ns * 2 <= w->gather_max_ns) {
        w->gather_ns *= 2;
    } else if (full_batches > GATHER_BATCHES && w->gather_ns > STREAM_NS) {
        w->gather_ns /= 2;
    }
}

/* Receives until a batch is not full, `max` at most; returns how many, and whether one was empty.
 */
static unsigned
receive_batches(struct sr_udp_worker *w, unsigned max, bool *ret_empty)
{
    unsigned batches = 0;
    unsigned n = SR_UDP_SLOTS;

    while (batches < max && n == SR_UDP_SLOTS) {
        n = receive_batch(w);
        if (n > 0 && w->handler.hurries != NULL) {
            w->hurries = w->handler.hurries(w->handler.arg);
        }
        batches++;
    }
    *ret_empty = n == 0;
    return batches;
}

/*
 * Datagrams that follow each other closely are left to gather: to wake for each costs far more than
 * to receive it. Once they do, they are waited for here until none has come. Nobody who waits for
 * an answer is left to gather.
 */
static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct sr_udp_worker *w = poll->data;
    bool stream = sr_clock_monotonic_ns() - atomic_load(&w->heartbeat_ns) < STREAM_NS;
    uint64_t gathered_ns = 0;
    bool empty = false;

    (void)events;
    if (status < 0) {
        return; /* an error, which is left to poll_again() */
    }
    if (!stream) {
        w->gather_ns = STREAM_NS;
    }
    for (unsigned batches = 0; batches < BATCHES_A_ROUND && !empty;) {
        if (stream && !w->hurries) {
            const struct timespec moment = { .tv_nsec = (long)w->gather_ns };
            (void)nanosleep(&moment, NULL);
            gathered_ns += w->gather_ns;
        }
        unsigned more = receive_batches(w, BATCHES_A_ROUND - batches, &empty);
        if (!empty) {
            adapt_gather(w, more - 1);
        }
        batches += more;
        if (!stream || gathered_ns >= ROUND_NS) {
            break;
        }
    }
    await_due(w);
    atomic_store(&w->heartbeat_ns, sr_clock_monotonic_ns());
}

static bool
read_kernel_drops(int fd, uint32_t *ret_drops)
{
    uint32_t info[SK_MEMINFO_VARS] = { 0 };

    if (!read_memory(fd, info)) {
        return false;
    }
    *ret_drops = info[SK_MEMINFO_DROPS];
    return true;
}

/*
 * Where the counting of the kernel's drops begins: where the last process left off when it had the
 * same socket. A counter below that is of a socket of another boot with the same cookie.
 */
static void
find_kernel_drops(struct sr_udp_worker *w)
{
    uint32_t seen = (uint32_t)sr_counted(&w->stats->kernel_seen);
    socklen_t len = sizeof(w->cookie);
    uint32_t now = 0;

    if (getsockopt(w->fd, SOL_SOCKET, SO_COOKIE, &w->cookie, &len) != 0) {
        w->cookie = 0;
    }
    (void)read_kernel_drops(w->fd, &now);
    w->drops_told = now;
    bool same = w->cookie != 0 && w->cookie == sr_counted(&w->stats->socket_cookie);
    w->kernel_drops = same && now - seen <= INT32_MAX ? seen : 0;
}

/*
 * The kernel's drop counter has 32 bits and only grows: the difference survives its wrap. What was
 * found is committed by a batch_end() of its own, for no batch may follow.
 */
static void
poll_kernel_drops(struct sr_udp_worker *w)
{
    uint32_t now;
    uint64_t suppressed;

    if (!read_kernel_drops(w->fd, &now)) {
        return;
    }
    uint32_t more = now - w->kernel_drops;
    w->kernel_drops = now;
    atomic_store_explicit(&w->stats->socket_cookie, w->cookie, memory_order_relaxed);
    atomic_store_explicit(&w->stats->kernel_seen, now, memory_order_relaxed);
    sr_count(&w->stats->kernel_drops, more);
    if (more == 0) {
        return;
    }
    w->handler.batch_end(w->handler.arg);
    if (sr_log_allowed(&w->dropping, &suppressed)) {
        sr_log(SR_LOG_WARNING,
            "the kernel dropped datagrams before they were received listener=%s count=%u "
            "advice=\"raise the listener's receive_buffer and net.core.rmem_max\"",
            w->handler.name, more);
    }
}

/* libuv stops polling for good at an error of the socket, such as `ss -K` sets. */
static void
poll_again(struct sr_udp_worker *w)
{
    int error = 0;
    socklen_t len = sizeof(error);
    uint64_t suppressed;

    if (uv_is_active((uv_handle_t *)&w->poll)) {
        return;
    }
    (void)getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len); /* this clears it, socket(7) */
    if (sr_log_allowed(&w->socket_errors, &suppressed)) {
        sr_log(SR_LOG_WARNING, "a receiving socket had an error and goes on error=\"%s\"",
            strerror(error));
    }
    (void)uv_poll_start(&w->poll, UV_READABLE, on_readable);
}

/* The timer comes late by what a round takes: the handler's seconds do not add that up. */
static void
tick_handler(struct sr_udp_worker *w, uint64_t now_ns)
{
    if (w->handler.tick == NULL || now_ns < w->next_tick_ns) {
        return;
    }
    w->next_tick_ns += SR_NS_PER_SECOND;
    if (w->next_tick_ns <= now_ns) {
        w->next_tick_ns = now_ns + SR_NS_PER_SECOND;
    }
    w->handler.tick(w->handler.arg, sr_clock_wall_ns(), false);
}

static void
on_tick(uv_timer_t *timer)
{
    struct sr_udp_worker *w = timer->data;

    poll_again(w);
    poll_kernel_drops(w);
    tick_handler(w, sr_clock_monotonic_ns());
    await_due(w);
    atomic_store(&w->heartbeat_ns, sr_clock_monotonic_ns());
}

static void
on_stop(uv_async_t *async)
{
    struct sr_udp_worker *w = async->data;

    for (unsigned i = 0; i < DRAIN_BATCHES && receive_batch(w) > 0; i++) {
    }
    poll_kernel_drops(w);
    if (w->handler.tick != NULL) {
        w->handler.tick(w->handler.arg, sr_clock_wall_ns(), true);
    }
    uv_close((uv_handle_t *)&w->poll, NULL);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_close((uv_handle_t *)&w->due, NULL);
    uv_close((uv_handle_t *)&w->stop, NULL);
}

static void *
run(void *arg)
{
    struct sr_udp_worker *w = arg;

    (void)pthread_setname_np(pthread_self(), "receive");
    (void)uv_run(&w->loop, UV_RUN_DEFAULT); /* until on_stop() has closed all handles */
    return NULL;
}

struct sr_udp_worker *
sr_udp_worker_start(int fd, const struct sr_udp_handler *handler, struct sr_worker_stats *stats,
    struct sr_udp_hand *hand)
{
    struct sr_udp_worker *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    w->fd = fd;
    w->is_local = sr_socket_option(fd, SO_DOMAIN) == AF_UNIX;
    w->handler = *handler;
    w->stats = stats;
    w->hand = hand != NULL ? hand : &w->own_hand;
    w->gather_ns = STREAM_NS;
    w->gather_max_ns = longest_gather(fd);
    find_kernel_drops(w);
    if (handler->answers) {
        ask_for_local_addresses(fd);
    }
    /* Untouched pages of the slab cost nothing: small datagrams use one page a slot. */
    w->slab = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (w->slab == MAP_FAILED) {
        goto fail_slab;
    }
    for (size_t i = 0; i < SR_UDP_SLOTS; i++) {
        w->vectors[i] = (struct iovec){ w->slab + i * SLOT_STRIDE, SLOT_SIZE };
    }
    if (uv_loop_init(&w->loop) != 0) {
        goto fail_loop;
    }
    if (uv_async_init(&w->loop, &w->stop, on_stop) != 0 || uv_timer_init(&w->loop, &w->tick) != 0 ||
        uv_timer_init(&w->loop, &w->due) != 0 || uv_poll_init(&w->loop, &w->poll, fd) != 0) {
        goto fail_handles;
    }
    w->stop.data = w->tick.data = w->due.data = w->poll.data = w;
    w->due_ns = UINT64_MAX;
    (void)uv_timer_start(&w->tick, on_tick, 0, TICK_MS);
    (void)uv_poll_start(&w->poll, UV_READABLE, on_readable);
    atomic_store(&w->heartbeat_ns, sr_clock_monotonic_ns());
    if (pthread_create(&w->thread, NULL, run, w) == 0) {
        return w;
    }
fail_handles:
    (void)uv_loop_close(&w->loop); /* with open handles it stays open: the process is ending */
fail_loop:
    (void)munmap(w->slab, SLAB_SIZE);
fail_slab:
    free(w);
    return NULL;
}

void
sr_udp_worker_stop(struct sr_udp_worker *w)
{
    (void)uv_async_send(&w->stop);
}

void
sr_udp_worker_join(struct sr_udp_worker *w)
{
    if (w == NULL) {
        return;
    }
    (void)pthread_join(w->thread, NULL);
    (void)uv_loop_close(&w->loop);
    (void)close(w->fd);
    (void)munmap(w->slab, SLAB_SIZE);
    free(w);
}

uint64_t
sr_udp_worker_heartbeat(const struct sr_udp_worker *w)
{
    return atomic_load(&w->heartbeat_ns);
}
