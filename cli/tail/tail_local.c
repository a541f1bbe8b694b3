/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what common/shell/tap.h writes. */
#include "tail/tail.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "sr/banned.h"

#define SUFFIX ".sock"
#define ROOM ((size_t)4 * 1024 * 1024) /* more than any line: a dead letter has 2 MiB at most */

static const char running[] = "start the collector, or name its socket (tail.listen) with --socket";

struct local {
    const char *path;
    int fd;
    uint8_t *bytes;
    size_t len;
    struct tail_view *view;
    struct trouble *trouble;
};

/* ---- Where it is ---- */

static bool
is_socket_name(const char *name)
{
    size_t len = strlen(name);

    return len > sizeof(SUFFIX) - 1 && strcmp(name + len - (sizeof(SUFFIX) - 1), SUFFIX) == 0;
}

static bool
find_only_one(const char *folder, char path[108], struct trouble *trouble)
{
    char names[256] = "";
    unsigned count = 0;
    DIR *dir = opendir(folder);

    for (struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (!is_socket_name(e->d_name) || snprintf(path, 108, "%s/%s", folder, e->d_name) >= 108) {
            continue;
        }
        size_t used = strlen(names);
        (void)snprintf(names + used, sizeof(names) - used, "%s%.*s", count > 0 ? ", " : "",
            (int)(strlen(e->d_name) - (sizeof(SUFFIX) - 1)), e->d_name);
        count++;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    if (count == 0) {
        return trouble_say(trouble, 0, running, "no collector serves a socket in %s", folder);
    }
    if (count > 1) {
        return trouble_say(trouble, 0, "name one of them: serviceradar-cli tail COLLECTOR",
            "several collectors run here: %s", names);
    }
    return true;
}

bool
tail_find(const char *folder, const char *collector, char path[108], struct trouble *trouble)
{
    if (collector == NULL) {
        return find_only_one(folder, path, trouble);
    }
    if (snprintf(path, 108, "%s/%s" SUFFIX, folder, collector) >= 108) {
        return trouble_say(
            trouble, 0, "name its socket with --socket", "%s is no path of a socket", folder);
    }
    return true;
}

static bool
dial(struct local *l)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    if (strlen(l->path) >= sizeof(at.sun_path)) {
        return trouble_say(l->trouble, ENAMETOOLONG, "use a path of at most 107 bytes",
            "%s: the path is too long for a socket", l->path);
    }
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", l->path);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd >= 0 && connect(l->fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
        return true;
    }
    if (errno == ENOENT || errno == ECONNREFUSED) {
        return trouble_say(l->trouble, errno, running, "%s: no collector listens there", l->path);
    }
    if (errno == EACCES || errno == EPERM) {
        return trouble_say(l->trouble, errno, "run it as root, or join the group serviceradar",
            "%s: you may not listen there", l->path);
    }
    return trouble_say(
        l->trouble, errno, "see what the path is", "%s: %s", l->path, strerror(errno));
}

/* ---- What it says ---- */

/*
 * The text of the JSON string at *at, which is moved past `name` before it and its quotes. False
 * when the line has something else there.
 */
static bool
take_string(const char **at, const char *end, const char *name, struct sr_span *ret_text)
{
    size_t len = strlen(name);

    if ((size_t)(end - *at) <= len || memcmp(*at, name, len) != 0) {
        return false;
    }
    const char *start = *at + len;
    for (const char *c = start; c < end; c++) {
        if (*c == '"') {
            *ret_text = (struct sr_span){ (const uint8_t *)start, (size_t)(c - start) };
            *at = c + 1;
            return true;
        }
        c += *c == '\\' ? 1 : 0;
    }
    return false;
}

/* A line of {"skipped":N}, {"refused":REASON} or {"tail":1,...}. False: nothing more to do. */
static bool
obey(struct local *l, struct sr_span line)
{
    json_t *object = json_loadb((const char *)line.data, line.len, 0, NULL);
    const char *refused = json_string_value(json_object_get(object, "refused"));
    json_int_t skipped = json_integer_value(json_object_get(object, "skipped"));
    json_int_t version = json_integer_value(json_object_get(object, "tail"));
    bool fine = true;

    if (refused != NULL) {
        fine = trouble_say(l->trouble, 0, "run it as root, or end another tail",
            "%s: the collector refuses: %s", l->path, refused);
    } else if (skipped > 0) {
        tail_show_skipped(l->view, (uint64_t)skipped);
    } else if (version != 1) {
        fine = trouble_say(l->trouble, 0, "use the serviceradar-cli of the collector's version",
            "%s: what listens there speaks otherwise", l->path);
    }
    json_decref(object);
    return fine;
}

/*
 * One line and what belongs to it, from the `len` bytes at `at`. Returns how many bytes it has; 0
 * when not all of it is there. *ret_more is false when nothing more is to be done.
 */
static size_t
take_line(struct local *l, const uint8_t *bytes, size_t len, bool *ret_more)
{
    static const char record[] = ",\"record\":", protobuf[] = ",\"protobuf\":";
    const uint8_t *newline = memchr(bytes, '\n', len);
    struct tail_record r = { .sequence = 0 };

    if (newline == NULL) {
        return 0;
    }
    size_t line = (size_t)(newline - bytes);
    const char *at = (const char *)bytes, *end = (const char *)newline;
    *ret_more = true;
    if (!take_string(&at, end, "{\"listener\":\"", &r.listener) ||
        !take_string(&at, end, ",\"subject\":\"", &r.subject)) {
        *ret_more = obey(l, (struct sr_span){ bytes, line });
        return line + 1;
    }
    if ((size_t)(end - at) > sizeof(record) && memcmp(at, record, sizeof(record) - 1) == 0) {
        at += sizeof(record) - 1;
        r.bytes = (struct sr_span){ (const uint8_t *)at, (size_t)(end - at) - 1 }; /* less the } */
    } else if ((size_t)(end - at) > sizeof(protobuf) &&
               memcmp(at, protobuf, sizeof(protobuf) - 1) == 0) {
        unsigned long long size = strtoull(at + sizeof(protobuf) - 1, NULL, 10);
        if (size > len - line - 1) {
            return 0;
        }
        r.is_binary = true;
        r.bytes = (struct sr_span){ newline + 1, (size_t)size };
    }
    *ret_more = tail_show(l->view, &r);
    return line + 1 + (r.is_binary ? r.bytes.len : 0);
}

/* Shows all that is whole of what was read. False when nothing more is to be done. */
static bool
take_lines(struct local *l)
{
    size_t used = 0, step;
    bool more = true;

    while (more && (step = take_line(l, l->bytes + used, l->len - used, &more)) > 0) {
        used += step;
    }
    memmove(l->bytes, l->bytes + used, l->len - used);
    l->len -= used;
    return more;
}

/* Waits for more; false when there will be none or nobody wants it. */
static bool
await(struct local *l)
{
    struct pollfd fds[] = { { .fd = l->fd, .events = POLLIN }, { .fd = l->view->fd, .events = 0 } };
    sigset_t held, before;

    if (!tail_flush(l->view)) {
        return false;
    }
    /* Or one that came between the look and the wait would be seen behind the wait only. */
    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &held, &before);
    if (!tail_is_done(l->view)) {
        (void)ppoll(fds, 2, NULL, &before);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if ((fds[1].revents & (POLLERR | POLLNVAL)) != 0) {
        l->view->gone = true; /* the other end of a pipe */
    }
    return !tail_is_done(l->view);
}

static void
read_all(struct local *l)
{
    while (await(l)) {
        ssize_t n = recv(l->fd, l->bytes + l->len, ROOM - l->len, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        l->len += (size_t)n;
        if (!take_lines(l) || l->len == ROOM) {
            return;
        }
    }
}

bool
tail_local(const char *path, struct tail_view *v, struct trouble *trouble)
{
    struct local l = { .path = path, .fd = -1, .view = v, .trouble = trouble };

    trouble->cause[0] = '\0';
    l.bytes = malloc(ROOM);
    if (l.bytes == NULL) {
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    if (dial(&l)) {
        read_all(&l);
        (void)tail_flush(v);
    }
    if (l.fd >= 0) {
        (void)close(l.fd);
    }
    free(l.bytes);
    return trouble->cause[0] == '\0';
}
