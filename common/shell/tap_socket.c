/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/tap_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/banned.h"

#define BACKLOG 16
#define MODE 0660
#define GROUPS_MAX 1024

bool
tap_socket_open(struct tap_socket *s, const char *path, char *error, size_t error_size)
{
    s->fd = unix_socket_bind(&s->place, path, SOCK_STREAM, MODE, error, error_size);
    if (s->fd < 0) {
        return false;
    }
    if (listen(s->fd, BACKLOG) == 0) {
        return true;
    }
    (void)snprintf(error, error_size, "%s: %s", path, strerror(errno));
    tap_socket_close(s);
    return false;
}

void
tap_socket_close(struct tap_socket *s)
{
    if (s->fd < 0) {
        return;
    }
    (void)close(s->fd);
    s->fd = -1;
    unix_socket_remove(&s->place);
}

int
tap_socket_accept(const struct tap_socket *s)
{
    return accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static bool
has_our_group(int fd)
{
    gid_t groups[GROUPS_MAX];
    socklen_t len = sizeof(groups);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0) {
        return false;
    }
    for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
        if (groups[i] == getegid()) {
            return true;
        }
    }
    return false;
}

bool
tap_socket_trusts(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return false;
    }
    return peer.uid == 0 || peer.uid == geteuid() || peer.gid == getegid() || has_our_group(fd);
}
