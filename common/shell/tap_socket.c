/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/tap_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sr/banned.h"

#define BACKLOG 16
#define MODE 0660
#define GROUPS_MAX 1024

/* Whether the path can be bound: 0, or an errno why not. Removes what nobody serves any more. */
static int
make_room(const struct sockaddr_un *at)
{
    struct stat there;

    if (lstat(at->sun_path, &there) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(there.st_mode)) {
        return EEXIST;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? EADDRINUSE : errno;
    (void)close(fd);
    if (error != ECONNREFUSED) {
        return error == EAGAIN ? EADDRINUSE : error;
    }
    return unlink(at->sun_path) == 0 ? 0 : errno;
}

static bool
bind_here(int fd, const struct sockaddr_un *at)
{
    /* Before: the path is made with this mode, less the umask. After: with the umask's bits. */
    return fchmod(fd, MODE) == 0 && bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 &&
           chmod(at->sun_path, MODE) == 0 && listen(fd, BACKLOG) == 0;
}

bool
tap_socket_open(struct tap_socket *s, const char *path, char *error, size_t error_size)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    (void)snprintf(s->path, sizeof(s->path), "%s", path);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    s->fd = -1;
    int why = strlen(path) < sizeof(at.sun_path) ? make_room(&at) : ENAMETOOLONG;
    if (why == 0) {
        s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        why = s->fd >= 0 && bind_here(s->fd, &at) && stat(path, &s->made) == 0 ? 0 : errno;
    }
    if (why == 0) {
        return true;
    }
    if (s->fd >= 0) {
        (void)close(s->fd);
        s->fd = -1;
    }
    (void)snprintf(error, error_size, "%s: %s", path,
        why == EADDRINUSE ? "another process serves it"
        : why == EEXIST   ? "it is there and no socket"
                          : strerror(why));
    return false;
}

void
tap_socket_close(struct tap_socket *s)
{
    struct stat there;

    if (s->fd < 0) {
        return;
    }
    (void)close(s->fd);
    s->fd = -1;
    if (lstat(s->path, &there) == 0 && there.st_ino == s->made.st_ino &&
        there.st_dev == s->made.st_dev) {
        (void)unlink(s->path);
    }
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
