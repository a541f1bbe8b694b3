/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/tcp_socket.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/socket.h"
#include "sr/log.h"
#include "sr/tcp.h"

#include "sr/banned.h"

#define DESCRIPTORS_SPARE 64 /* for the output, the queue's files and whoever asks for metrics */

int
sr_tcp_open(const struct sr_tcp_address *address, char *error, size_t error_size)
{
    struct sr_socket_address bound = {
        .host = address->host,
        .port = address->port,
        .type = SOCK_STREAM,
    };
    int fd = sr_socket_bind(&bound, error, error_size);

    if (fd >= 0 && listen(fd, TCP_BACKLOG) != 0) {
        (void)snprintf(error, error_size, "cannot listen on port %u: %s; check the address",
            address->port, strerror(errno));
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool
sr_tcp_is_stream(int fd)
{
    return sr_socket_option(fd, SO_TYPE) == SOCK_STREAM;
}

bool
sr_tcp_adopt(int fd, bool may_be_local, char *error, size_t error_size)
{
    int domain = sr_socket_option(fd, SO_DOMAIN);
    bool is_tcp = (domain == AF_INET || domain == AF_INET6) &&
                  sr_socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP;

    if (!(is_tcp || (may_be_local && domain == AF_UNIX)) || !sr_tcp_is_stream(fd) ||
        sr_socket_option(fd, SO_ACCEPTCONN) != 1) {
        (void)snprintf(error, error_size,
            "what was passed does not listen on %s; the .socket unit needs ListenStream=%s and "
            "Accept=no",
            may_be_local ? "TCP or a path" : "TCP",
            may_be_local ? "ADDRESS:PORT or a path" : "ADDRESS:PORT");
        return false;
    }
    if (!sr_socket_make_nonblocking(fd)) {
        (void)snprintf(
            error, error_size, "cannot make the socket non-blocking: %s", strerror(errno));
        return false;
    }
    return true;
}

/* ---- Descriptors ---- */

/* How many a process may have. */
static rlim_t
descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) {
        return INT_MAX;
    }
    return limit.rlim_cur;
}

int
tcp_descriptors(void)
{
    rlim_t limit = descriptor_limit();

    return (int)(limit - (limit / 2 < DESCRIPTORS_SPARE ? limit / 2 : DESCRIPTORS_SPARE));
}

void
sr_tcp_expect(uint64_t connections)
{
    rlim_t wanted = (rlim_t)connections + 2 * DESCRIPTORS_SPARE; /* what is open already is in it */
    struct rlimit limit;

    if (connections == 0) {
        return;
    }
    if (wanted > descriptor_limit() && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (wanted > descriptor_limit()) {
        sr_log(SR_LOG_WARNING,
            "connections over the limit of open files will wait connections=%llu "
            "open_files=%llu advice=\"raise LimitNOFILE= of the service, or lower connections\"",
            (unsigned long long)connections, (unsigned long long)descriptor_limit());
    }
}
