/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sr/banned.h"

void
sr_socket_peer(const struct sockaddr_storage *name, struct sr_peer *ret_peer)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    struct sr_peer peer = { .port = 0 };

    if (name->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)name;
        memcpy(peer.address, &v4->sin_addr, 4);
        peer.port = ntohs(v4->sin_port);
    } else if (name->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)name;
        const uint8_t *bytes = v6->sin6_addr.s6_addr;
        peer.is_v6 = memcmp(bytes, mapped, sizeof(mapped)) != 0;
        memcpy(peer.address, peer.is_v6 ? bytes : bytes + 12, peer.is_v6 ? 16 : 4);
        peer.port = ntohs(v6->sin6_port);
    }
    *ret_peer = peer;
}

static bool
is_any(const struct sr_socket_address *address)
{
    return address->host[0] == '\0' || strcmp(address->host, "*") == 0;
}

static struct addrinfo *
resolve(const struct sr_socket_address *address, const char *host, char *error, size_t error_size)
{
    struct addrinfo hints = { .ai_socktype = address->type, .ai_flags = AI_PASSIVE };
    struct addrinfo *out = NULL;
    char port[8];

    (void)snprintf(port, sizeof(port), "%u", address->port);
    int rc = getaddrinfo(host, port, &hints, &out);
    if (rc != 0) {
        (void)snprintf(error, error_size, "%s is not an address: %s", host,
            rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return NULL;
    }
    return out;
}

static int
open_one(const struct sr_socket_address *address, const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, address->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;

    if (fd < 0) {
        return -1;
    }
    if (ai->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (address->shared) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
    if (address->type == SOCK_STREAM) {
        /* Connections of the process before may still be in TIME_WAIT. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static const char *
bind_advice(int error)
{
    switch (error) {
    case EADDRINUSE: return "another program listens there: stop it or choose another port";
    case EACCES:
        return "ports below 1024 need CAP_NET_BIND_SERVICE: run as the packaged service, or "
               "choose a higher port";
    case EADDRNOTAVAIL: return "this host does not have that address";
    default: return "check the address";
    }
}

/* Opens the first address of `host` that can be bound; -1 with errno, or with `error` filled. */
static int
open_host(const struct sr_socket_address *address, const char *host, char *error, size_t error_size)
{
    struct addrinfo *list = resolve(address, host, error, error_size);
    int fd = -1;

    for (const struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
        fd = open_one(address, ai);
    }
    if (list != NULL) {
        int saved = errno;
        freeaddrinfo(list);
        errno = saved;
    }
    return fd;
}

int
sr_socket_bind(const struct sr_socket_address *address, char *error, size_t error_size)
{
    bool any = is_any(address);
    const char *host = any ? "::" : address->host;

    error[0] = '\0';
    int fd = open_host(address, host, error, error_size);
    if (fd < 0 && any && errno == EAFNOSUPPORT) {
        fd = open_host(address, "0.0.0.0", error, error_size); /* a kernel without IPv6 */
    }
    if (fd < 0 && error[0] == '\0') {
        int saved = errno;
        (void)snprintf(error, error_size, "cannot listen on %s port %u: %s; %s",
            any ? "*" : address->host, address->port, strerror(saved), bind_advice(saved));
    }
    return fd;
}

int
sr_socket_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

bool
sr_socket_make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}
