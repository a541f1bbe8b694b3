/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp_desk.h"

#include "unit.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/clock.h"
#include "wait.h"

/* One connection: its messages must come in order. */
struct user {
    struct listener *listener;
    uint64_t number; /* in the order they came, from 1 on */
    unsigned next;   /* the first byte of the next message's text */
};

struct listener listener;
struct stream_budget buffers;
bool proxied;

static void
on_begin(void *arg, uint64_t now_ns)
{
    struct listener *l = arg;

    if (l->in_batch || now_ns == 0) {
        abort();
    }
    l->in_batch = true;
}

static void
on_end(void *arg)
{
    struct listener *l = arg;

    if (!l->in_batch) {
        abort();
    }
    l->in_batch = false;
    atomic_store(&l->shown, atomic_load(&l->messages));
}

static bool
on_open(void *arg, const struct sr_peer *peer, const char *tls_peer, void **ret_connection)
{
    struct listener *l = arg;
    struct user *u = l->no_memory ? NULL : calloc(1, sizeof(*u));

    if (u == NULL) {
        return false;
    }
    if (tls_peer != NULL) {
        abort(); /* nobody has proved anything */
    }
    u->listener = l;
    l->peer = *peer;
    u->number = atomic_fetch_add(&l->opened, 1) + 1;
    *ret_connection = u;
    return true;
}

static void
on_close(void *arg, void *connection)
{
    struct listener *l = arg;

    free(connection);
    atomic_fetch_add(&l->closed, 1);
}

static enum sr_frame_state
on_frame(void *arg, void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    (void)arg;
    (void)connection;
    (void)last;
    if (bytes.data[0] != 'm') {
        ret_frame->reason = "garbage";
        return SR_FRAME_BROKEN;
    }
    if (bytes.len < 3) {
        return SR_FRAME_MORE;
    }
    size_t len = (size_t)(bytes.data[1] - '0') * 10 + (size_t)(bytes.data[2] - '0');
    if (bytes.len < 3 + len) {
        return SR_FRAME_MORE;
    }
    ret_frame->used = 3 + len;
    ret_frame->message = (struct sr_span){ bytes.data + 3, len };
    return SR_FRAME_MESSAGE;
}

static enum sr_tcp_word
on_message(void *arg, void *connection, const struct sr_peer *peer, struct sr_span message,
    size_t used, bool must)
{
    struct listener *l = arg;
    struct user *u = connection;

    if (!l->in_batch || u->listener != l || peer->port == 0) {
        abort();
    }
    atomic_fetch_add(&l->asked, 1);
    if (atomic_load(&l->full)) {
        atomic_fetch_add(&l->dropped, must ? 1 : 0);
        return must ? SR_TCP_TAKEN : SR_TCP_FULL;
    }
    if (!must && u->number == atomic_load(&l->held)) {
        return SR_TCP_LATER;
    }
    if (message.len > 0 && message.data[0] != (uint8_t)u->next++) {
        abort(); /* out of order, or twice, or one is missing */
    }
    atomic_fetch_add(&l->bytes, used);
    atomic_fetch_add(&l->messages, 1);
    return SR_TCP_TAKEN;
}

static void
on_broken(void *arg, void *connection, const struct sr_peer *peer, struct sr_span bytes,
    const char *reason)
{
    struct listener *l = arg;

    (void)connection;
    (void)peer;
    l->broken_len = bytes.len;
    (void)snprintf(l->reason, sizeof(l->reason), "%s", reason);
    atomic_fetch_add(&l->broken, 1);
}

static void
on_tick(void *arg, void *connection, bool last)
{
    struct listener *l = arg;

    if (!l->in_batch || ((struct user *)connection)->listener != l) {
        abort();
    }
    atomic_fetch_add(last ? &l->last_ticks : &l->ticks, 1);
}

static void
on_finish(void *arg)
{
    struct listener *l = arg;

    if (!l->in_batch || atomic_load(&l->opened) != atomic_load(&l->closed)) {
        abort();
    }
    atomic_store(&l->finished, true);
}

void
wait_for_count(const _Atomic uint64_t *counter, uint64_t least)
{
    for (unsigned i = 0; i < WAIT_STEPS && atomic_load(counter) < least; i++) {
        wait_a_moment();
    }
    assert_true(atomic_load(counter) >= least);
}

static unsigned
port_of(int fd)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
    socklen_t len = sizeof(at);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.sin6_port);
}

int
open_listener(void)
{
    struct sr_tcp_address address = { .host = "" };
    char error[256];
    int fd = sr_tcp_open(&address, error, sizeof(error));

    if (fd < 0) {
        fail_msg("%s", error);
    }
    listener.port = port_of(fd);
    return fd;
}

void
serve(int fd, unsigned connections, uint64_t idle_ns)
{
    struct sr_tcp_handler handler = {
        .arg = &listener,
        .name = "test",
        .batch_begin = on_begin,
        .batch_end = on_end,
        .open = on_open,
        .close = on_close,
        .frame = on_frame,
        .message = on_message,
        .broken = on_broken,
        .tick = on_tick,
        .finish = on_finish,
    };
    struct sr_tcp_options options = {
        .connections = connections,
        .idle_ns = idle_ns,
        .open_ns = 500 * SR_NS_PER_MS,
        .proxied = proxied,
        .message_max = FRAME_MAX,
        .buffers = &buffers,
    };

    listener.worker = sr_tcp_worker_start(fd, &handler, &options, &listener.stats);
    assert_non_null(listener.worker);
}

void
start_with(unsigned connections, uint64_t idle_ns)
{
    serve(open_listener(), connections, idle_ns);
}

int
tcp_desk_reset(void **state)
{
    (void)state;
    memset(&listener, 0, sizeof(listener));
    buffers = (struct stream_budget){ .limit = UINT64_MAX };
    proxied = false;
    return 0;
}

void
stop_listener(void)
{
    sr_tcp_worker_stop(listener.worker);
    sr_tcp_worker_join(listener.worker);
    assert_true(atomic_load(&listener.finished));
    assert_int_equal(atomic_load(&listener.shown), atomic_load(&listener.messages));
    assert_int_equal(sr_counted(&listener.stats.connections), 0);
    assert_int_equal(atomic_load(&listener.opened), atomic_load(&listener.closed));
    assert_int_equal(atomic_load(&listener.opened), atomic_load(&listener.last_ticks));
    assert_int_equal(atomic_load(&buffers.used), 0);
}

int
connect_to(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)listener.port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    struct timeval patience = { .tv_sec = 10 }; /* a failure is not to hang */

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

void
send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        len -= (size_t)sent;
    }
}

void
await_received_by_kernel(int fd)
{
    int on_its_way = 1;

    for (unsigned i = 0; i < WAIT_STEPS && on_its_way != 0; i++) {
        assert_int_equal(ioctl(fd, SIOCOUTQ, &on_its_way), 0);
        if (on_its_way != 0) {
            wait_a_moment();
        }
    }
    assert_int_equal(on_its_way, 0);
}

size_t
write_message(char *out, unsigned number)
{
    unsigned len = 1 + number % 90;

    (void)snprintf(out, 4, "m%02u", len);
    memset(out + 3, 'x', len);
    out[3] = (char)(uint8_t)number;
    return 3 + len;
}

void
send_messages(int fd, unsigned from, unsigned to)
{
    char message[FRAME_MAX];

    for (unsigned i = from; i < to; i++) {
        send_all(fd, message, write_message(message, i));
    }
}

bool
is_closed_by_peer(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);

    return got == 0 || (got < 0 && errno == ECONNRESET);
}
