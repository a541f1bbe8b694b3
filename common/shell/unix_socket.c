/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sr/banned.h"

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == UNIX_SOCKET_PATH_SIZE,
    "a path is as long as the kernel's");

static int
open_socket(int type)
{
    return socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Whether the path can be bound: 0, or an errno why not. Removes what nobody serves any more. */
static int
make_room(const struct sockaddr_un *at, int type)
{
    struct stat there;

    if (lstat(at->sun_path, &there) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(there.st_mode)) {
        return S_ISLNK(there.st_mode) ? ELOOP : EEXIST;
    }
    int fd = open_socket(type);
    if (fd < 0) {
        return errno;
    }
    int error = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? EADDRINUSE : errno;
    (void)close(fd);
    if (error != ECONNREFUSED) { /* EAGAIN: its backlog is full; EPROTOTYPE: another type */
        return error == EAGAIN || error == EPROTOTYPE ? EADDRINUSE : error;
    }
    return unlink(at->sun_path) == 0 ? 0 : errno;
}

static bool
bind_here(int fd, const struct sockaddr_un *at, mode_t mode)
{
    /* Before: the path is made with this mode, less the umask. After: with the umask's bits. */
    return fchmod(fd, mode) == 0 && bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 &&
           fchmodat(AT_FDCWD, at->sun_path, mode, AT_SYMLINK_NOFOLLOW) == 0;
}

static const char *
reason(int error)
{
    switch (error) {
    case EADDRINUSE: return "another process serves it";
    case EEXIST: return "it is there and no socket";
    case ELOOP: return "it is a link, which is not followed";
    default: return strerror(error);
    }
}

int
unix_socket_bind(
    struct unix_socket *s, const char *path, int type, mode_t mode, char *error, size_t error_size)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = -1;

    *s = (struct unix_socket){ .path = "" };
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    int why = strlen(path) < sizeof(at.sun_path) ? make_room(&at, type) : ENAMETOOLONG;
    if (why == 0) {
        fd = open_socket(type);
        why = fd >= 0 && bind_here(fd, &at, mode) && lstat(path, &s->made) == 0 ? 0 : errno;
    }
    if (why == 0) {
        (void)snprintf(s->path, sizeof(s->path), "%s", path);
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)snprintf(error, error_size, "%s: %s", path, reason(why));
    return -1;
}

void
unix_socket_remove(struct unix_socket *s)
{
    struct stat there;

    if (s->path[0] != '\0' && lstat(s->path, &there) == 0 && there.st_ino == s->made.st_ino &&
        there.st_dev == s->made.st_dev) {
        (void)unlink(s->path);
    }
    s->path[0] = '\0';
}
