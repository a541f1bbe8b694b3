/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/listener_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/socket.h"
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
    const char *name = "";
    size_t len = 0;
    unsigned port = 0;

    (void)sr_conf_address(l->listen, &name, &len, &port);
    (void)snprintf(host, HOST_MAX, "%.*s", (int)len, name);
    return (struct sr_socket_address){
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
adopt(int fd, const struct sr_conf_listener *l, bool is_stream, char *error, size_t error_size)
{
    char why[256];

    if (is_stream ? sr_tcp_adopt(fd, why, sizeof(why))
                  : sr_udp_adopt(fd, l->receive_buffer, why, sizeof(why))) {
        return true;
    }
    (void)snprintf(error, error_size, "%s: %s", l->listen, why);
    (void)close(fd);
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

static int
bind_new(const struct sr_conf_listener *l, const struct sr_socket_address *address, char *error,
    size_t error_size)
{
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

int
listener_socket_open(struct sr_listen_fds *passed, const struct sr_conf_listener *l, bool streams,
    bool *ret_is_stream, char *error, size_t error_size)
{
    const char *fd_name = sr_conf_fd_name(l->listen);
    char host[HOST_MAX];

    if (fd_name != NULL) {
        int fd = sr_listen_fds_take(passed, fd_name, (unsigned)l->workers, error, error_size);
        *ret_is_stream = fd >= 0 && streams && l->workers == 1 && sr_tcp_is_stream(fd);
        return fd >= 0 && adopt(fd, l, *ret_is_stream, error, error_size) ? fd : -1;
    }
    struct sr_socket_address address = address_of(l, host);
    *ret_is_stream = address.type == SOCK_STREAM;
    int fd = sr_listen_fds_take_at(passed, &address);
    if (fd < 0) {
        fd = bind_new(l, &address, error, error_size);
        if (fd < 0 && errno == EADDRINUSE && sr_listen_fds_was_taken(passed, &address)) {
            (void)snprintf(error, error_size,
                "%s: another listener has the passed socket of this port, which leaves none; "
                "repeat "
                "ListenDatagram= or ListenStream= with the address of each in the .socket unit, or "
                "keep one listener",
                l->listen);
        }
        return fd;
    }
    warn_if_wider(fd, l, &address);
    return adopt(fd, l, *ret_is_stream, error, error_size) ? fd : -1;
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
