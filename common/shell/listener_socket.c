/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/listener_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/socket.h"
#include "shell/tcp_socket.h"
#include "sr/listen_fds.h"
#include "sr/log.h"
#include "sr/stats.h"
#include "sr/tcp.h"
#include "sr/udp.h"

#include "sr/banned.h"

#define HOST_MAX 256

/* The address of a listener that has one; `host` is what it points into. */
static struct sr_socket_address
address_of(const struct sr_conf_listener *l, char host[HOST_MAX])
{
    const char *path = sr_conf_unix_path(l->listen);
    const char *name = "";
    size_t len = 0;
    unsigned port = 0;

    path = path != NULL ? path : sr_conf_unixgram_path(l->listen);
    if (path == NULL) {
        (void)sr_conf_address(l->listen, &name, &len, &port);
    }
    (void)snprintf(host, HOST_MAX, "%.*s", (int)len, name);
    return (struct sr_socket_address){
        .path = path,
        .host = host,
        .port = port,
        .type = sr_conf_is_stream(l->listen) ? SOCK_STREAM : SOCK_DGRAM,
        .shared = l->workers > 1,
    };
}

unsigned
listener_socket_count(const struct sr_listen_fds *passed, const struct sr_conf_listener *l)
{
    char host[HOST_MAX];

    if (sr_conf_fd_name(l->listen) != NULL) {
        return (unsigned)l->workers;
    }
    struct sr_socket_address address = address_of(l, host);
    unsigned count = sr_listen_fds_count_at(passed, &address);
    if (count == 0) {
        return (unsigned)l->workers;
    }
    sr_log(SR_LOG_NOTICE, "the sockets that systemd passed are used listener=%s sockets=%u",
        l->listen, count);
    if (l->workers > count) {
        sr_log(SR_LOG_WARNING,
            "each passed socket has one receiving thread, which is fewer than asked listener=%s "
            "sockets=%u workers=%u advice=\"repeat ListenDatagram= in the .socket unit, with "
            "ReusePort=yes\"",
            l->listen, count, (unsigned)l->workers);
    }
    return count;
}

/* Its kind says how it is received from. */
static bool
adopt(struct listener_socket *s, const struct sr_conf_listener *l, char *error, size_t error_size)
{
    bool may_be_local = l->mode != NULL;
    char why[256];

    if (s->is_stream ? sr_tcp_adopt(s->fd, may_be_local, why, sizeof(why))
                     : sr_udp_adopt(s->fd, may_be_local, l->receive_buffer, why, sizeof(why))) {
        return true;
    }
    (void)snprintf(error, error_size, "%s: %s", l->listen, why);
    (void)close(s->fd);
    s->fd = -1;
    return false;
}

static void
warn_if_wider(int fd, const struct sr_conf_listener *l, const struct sr_socket_address *address)
{
    char bound[SR_SOCKET_TEXT_MAX];

    if (sr_socket_match(fd, address) == SR_SOCKET_WIDER) {
        sr_socket_text(fd, bound);
        sr_log(SR_LOG_WARNING,
            "the passed socket receives on more addresses than the listener has listener=%s "
            "socket=%s advice=\"name the address in the .socket unit, or limit who may send\"",
            l->listen, bound);
    }
}

/* A path of this host. */
static int
bind_path(const struct sr_conf_listener *l, const struct sr_socket_address *address,
    struct unix_socket *place, char *error, size_t error_size)
{
    char why[256];
    int fd =
        unix_socket_bind(place, address->path, address->type, sr_conf_mode(l), why, sizeof(why));

    if (fd >= 0 && address->type == SOCK_STREAM && listen(fd, TCP_BACKLOG) != 0) {
        (void)snprintf(why, sizeof(why), "%s", strerror(errno));
        (void)close(fd);
        unix_socket_remove(place);
        fd = -1;
    }
    if (fd < 0) {
        (void)snprintf(error, error_size,
            "%s: cannot listen: %s; see who has that path, or choose one in /run/serviceradar",
            l->listen, why);
    }
    return fd;
}

static int
bind_new(const struct sr_conf_listener *l, const struct sr_socket_address *address,
    struct unix_socket *place, char *error, size_t error_size)
{
    if (address->path != NULL) {
        return bind_path(l, address, place, error, error_size);
    }
    if (address->type == SOCK_STREAM) {
        struct sr_tcp_address stream = { .host = address->host, .port = address->port };
        return sr_tcp_open(&stream, error, error_size);
    }
    struct sr_udp_address datagrams = {
        .host = address->host,
        .port = address->port,
        .receive_buffer = l->receive_buffer,
        .shared = address->shared,
    };
    return sr_udp_open(&datagrams, error, error_size);
}

static bool
take_named(struct sr_listen_fds *passed, const struct sr_conf_listener *l, bool streams,
    struct listener_socket *s, char *error, size_t error_size)
{
    const char *name = sr_conf_fd_name(l->listen);

    s->fd = sr_listen_fds_take(passed, name, (unsigned)l->workers, error, error_size);
    s->is_stream = s->fd >= 0 && streams && l->workers == 1 && sr_tcp_is_stream(s->fd);
    return s->fd >= 0 && adopt(s, l, error, error_size);
}

/* Binds the address; false with what is wrong. */
static bool
open_new(const struct sr_listen_fds *passed, const struct sr_conf_listener *l,
    const struct sr_socket_address *address, struct listener_socket *s, char *error,
    size_t error_size)
{
    s->fd = bind_new(l, address, &s->place, error, error_size);
    if (s->fd < 0 && address->path == NULL && errno == EADDRINUSE &&
        sr_listen_fds_was_taken(passed, address)) {
        (void)snprintf(error, error_size,
            "%s: another listener has the passed socket of this port, which leaves none; repeat "
            "ListenDatagram= or ListenStream= with the address of each in the .socket unit, or "
            "keep one listener",
            l->listen);
    }
    return s->fd >= 0;
}

bool
listener_socket_open(struct sr_listen_fds *passed, const struct sr_conf_listener *l, bool streams,
    struct listener_socket *ret_socket, char *error, size_t error_size)
{
    char host[HOST_MAX];

    *ret_socket = (struct listener_socket){ .fd = -1 };
    if (sr_conf_fd_name(l->listen) != NULL) {
        return take_named(passed, l, streams, ret_socket, error, error_size);
    }
    struct sr_socket_address address = address_of(l, host);
    ret_socket->is_stream = address.type == SOCK_STREAM;
    ret_socket->fd = sr_listen_fds_take_at(passed, &address);
    if (ret_socket->fd < 0) {
        return open_new(passed, l, &address, ret_socket, error, error_size);
    }
    warn_if_wider(ret_socket->fd, l, &address);
    return adopt(ret_socket, l, error, error_size);
}

void
listener_socket_report(const struct sr_listen_fds *passed, const struct sr_stats *stats)
{
    char names[512] = "";

    for (unsigned i = 0; i < stats->listener_count; i++) {
        size_t len = strlen(names);
        (void)snprintf(
            names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "", stats->listeners[i].name);
    }
    sr_listen_fds_report(passed, names);
}
