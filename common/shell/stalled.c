/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/stalled.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sr/banned.h"

#define NATS_PORT 4222UL
#define DESCRIPTORS_MAX 65536U /* a limit may be a billion; descriptors are given lowest first */

/* The port of "scheme://[user@]host[:port]". */
static unsigned long
url_port(const char *url)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    const char *colon = strrchr(host, ':');
    const char *bracket = strrchr(host, ']');

    if (colon == NULL || (bracket != NULL && colon < bracket)) {
        return NATS_PORT;
    }
    unsigned long port = strtoul(colon + 1, NULL, 10);
    return port != 0 ? port : NATS_PORT;
}

/* The port at the other end of a connected TCP socket; 0 for everything else. */
static unsigned long
peer_port(int fd)
{
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(peer);
    int type = 0;
    socklen_t type_len = sizeof(type);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 || type != SOCK_STREAM ||
        getpeername(fd, (struct sockaddr *)&peer, &len) != 0) {
        return 0;
    }
    if (peer.ss_family == AF_INET) {
        return ntohs(((struct sockaddr_in *)&peer)->sin_port);
    }
    return peer.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&peer)->sin6_port) : 0;
}

void
sr_stalled_break(const char *const *urls, size_t count)
{
    struct rlimit limit;

    /* Not through /proc/self/fd: that is closed to a process that may not dump core. */
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > DESCRIPTORS_MAX) {
        limit.rlim_cur = DESCRIPTORS_MAX;
    }
    for (int fd = 0; fd < (int)limit.rlim_cur; fd++) {
        unsigned long port = peer_port(fd);
        for (size_t i = 0; port != 0 && i < count; i++) {
            if (port == url_port(urls[i])) {
                (void)shutdown(fd, SHUT_RDWR);
            }
        }
    }
}
