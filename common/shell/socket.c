/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
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
    peer.is_local = name->ss_family == AF_UNIX;
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
        return "ports below 1024 need a .socket unit (docs/operators/services.md) or "
               "CAP_NET_BIND_SERVICE, else choose a higher port";
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
        errno = saved;
    }
    return fd;
}

/* The address that a socket is bound to; AF_UNSPEC without one. */
static struct sockaddr_storage
bound_to(int fd)
{
    struct sockaddr_storage name = { .ss_family = AF_UNSPEC }; /* zeros behind a path */
    socklen_t len = sizeof(name);

    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
        name.ss_family = AF_UNSPEC;
    }
    return name;
}

/* The bytes of an IP address; NULL of another family. */
static const void *
bytes_of(const struct sockaddr_storage *name, size_t *ret_len, unsigned *ret_port)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)name;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)name;

    switch (name->ss_family) {
    case AF_INET:
        *ret_len = sizeof(v4->sin_addr);
        *ret_port = ntohs(v4->sin_port);
        return &v4->sin_addr;
    case AF_INET6:
        *ret_len = sizeof(v6->sin6_addr);
        *ret_port = ntohs(v6->sin6_port);
        return &v6->sin6_addr;
    default:
        *ret_len = 0;
        *ret_port = 0;
        return NULL;
    }
}

static bool
is_wildcard(const void *bytes, size_t len)
{
    static const uint8_t zeros[sizeof(struct in6_addr)];

    return memcmp(bytes, zeros, len) == 0;
}

/* Of a socket and one address, both bound or to be bound. */
static enum sr_socket_match
match_one(const struct sockaddr_storage *own, bool v6_only, const struct sockaddr_storage *wanted)
{
    size_t own_len, wanted_len;
    unsigned own_port, wanted_port;
    const void *own_bytes = bytes_of(own, &own_len, &own_port);
    const void *wanted_bytes = bytes_of(wanted, &wanted_len, &wanted_port);

    if (own_bytes == NULL || wanted_bytes == NULL || own_port != wanted_port) {
        return SR_SOCKET_OTHER;
    }
    bool every = is_wildcard(own_bytes, own_len);
    bool wants_every = is_wildcard(wanted_bytes, wanted_len);
    if (own->ss_family == wanted->ss_family) {
        if (memcmp(own_bytes, wanted_bytes, own_len) == 0) {
            return SR_SOCKET_SAME;
        }
        return every ? SR_SOCKET_WIDER : SR_SOCKET_OTHER;
    }
    if (own->ss_family == AF_INET) { /* [::] is of both families, as sr_socket_bind() makes it */
        return every && wants_every ? SR_SOCKET_SAME : SR_SOCKET_OTHER;
    }
    return every && !v6_only ? SR_SOCKET_WIDER : SR_SOCKET_OTHER;
}

/* The path that a Unix socket is bound to; NULL: none, or of another family. */
static const char *
path_of(const struct sockaddr_storage *name)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)name;

    return name->ss_family == AF_UNIX && un->sun_path[0] != '\0' ? un->sun_path : NULL;
}

enum sr_socket_match
sr_socket_match(int fd, const struct sr_socket_address *address)
{
    struct sockaddr_storage own = bound_to(fd);
    enum sr_socket_match best = SR_SOCKET_OTHER;
    int v6_only = 0;
    socklen_t len = sizeof(v6_only);
    char error[256];

    if (own.ss_family == AF_UNSPEC || sr_socket_option(fd, SO_TYPE) != address->type) {
        return SR_SOCKET_OTHER;
    }
    if (address->path != NULL) {
        const char *path = path_of(&own);
        return path != NULL && strcmp(path, address->path) == 0 ? SR_SOCKET_SAME : SR_SOCKET_OTHER;
    }
    (void)getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &len);
    struct addrinfo *list =
        resolve(address, is_any(address) ? "::" : address->host, error, sizeof(error));
    for (const struct addrinfo *ai = list; ai != NULL && best == SR_SOCKET_OTHER;
         ai = ai->ai_next) {
        struct sockaddr_storage wanted = { .ss_family = AF_UNSPEC };
        memcpy(&wanted, ai->ai_addr, ai->ai_addrlen);
        best = match_one(&own, v6_only != 0, &wanted);
    }
    if (list != NULL) {
        freeaddrinfo(list);
    }
    return best;
}

unsigned
sr_socket_port(int fd)
{
    struct sockaddr_storage own = bound_to(fd);
    size_t len;
    unsigned port;

    (void)bytes_of(&own, &len, &port);
    return port;
}

void
sr_socket_text(int fd, char text[SR_SOCKET_TEXT_MAX])
{
    struct sockaddr_storage own = bound_to(fd);
    bool is_stream = sr_socket_option(fd, SO_TYPE) == SOCK_STREAM;
    const char *scheme = is_stream ? "tcp" : "udp";
    char host[INET6_ADDRSTRLEN] = "";
    size_t len;
    unsigned port;
    const void *bytes = bytes_of(&own, &len, &port);

    if (path_of(&own) != NULL) {
        (void)snprintf(
            text, SR_SOCKET_TEXT_MAX, "%s://%s", is_stream ? "unix" : "unixgram", path_of(&own));
        return;
    }
    if (bytes == NULL || inet_ntop(own.ss_family, bytes, host, sizeof(host)) == NULL) {
        (void)snprintf(text, SR_SOCKET_TEXT_MAX, "no address");
        return;
    }
    (void)snprintf(text, SR_SOCKET_TEXT_MAX,
        own.ss_family == AF_INET6 ? "%s://[%s]:%u" : "%s://%s:%u", scheme, host, port);
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
