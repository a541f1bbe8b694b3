/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/listen_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/socket.h"
#include "sr/log.h"

#include "sr/banned.h"

#define FIRST_FD 3      /* SD_LISTEN_FDS_START */
#define PASSED_MAX 4096 /* far more than the workers of all listeners can be */

struct passed {
    int fd; /* -1: taken */
    const char *name;
    unsigned port; /* 0: none */
    int type;
};

struct sr_listen_fds {
    char *names;  /* owned: what the names of `passed` point into, or NULL */
    long for_pid; /* LISTEN_PID of another process; 0: it is ours, or there is none */
    size_t count;
    struct passed passed[];
};

/* The whole of a variable as a number from 1 on; 0: it is not set or something else. */
static long
number_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end;

    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    errno = 0;
    long value = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' ? value : 0;
}

/* The name before the next ':' of *names, which moves behind it; it may end sooner than sockets. */
static const char *
next_name(char **names)
{
    char *name = *names != NULL ? strsep(names, ":") : NULL;

    return name != NULL && name[0] != '\0' ? name : "unknown"; /* as sd_listen_fds(3) calls them */
}

struct sr_listen_fds *
sr_listen_fds_new(void)
{
    long pid = number_of("LISTEN_PID");
    long count = number_of("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    bool ours = pid == (long)getpid() && count > 0 && count <= PASSED_MAX;
    size_t room = ours ? (size_t)count : 0;
    struct sr_listen_fds *set = calloc(1, sizeof(*set) + room * sizeof(set->passed[0]));

    if (set == NULL) {
        return NULL;
    }
    set->for_pid = pid == (long)getpid() ? 0 : pid;
    if (ours && names != NULL) {
        set->names = strdup(names);
        if (set->names == NULL) {
            free(set);
            return NULL;
        }
    }
    char *rest = set->names;
    for (size_t i = 0; i < room; i++) {
        int fd = FIRST_FD + (int)i;
        const char *name = next_name(&rest);
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
            set->passed[set->count++] = (struct passed){
                .fd = fd,
                .name = name,
                .port = sr_socket_port(fd),
                .type = sr_socket_option(fd, SO_TYPE),
            };
        }
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return set;
}

/* Adds to a list, which is cut where it does not fit. */
static void
list(char *text, size_t text_size, const char *name, const char *address)
{
    size_t len = strlen(text);

    (void)snprintf(text + len, text_size - len, "%s%s%s%s", len > 0 ? ", " : "", name,
        address[0] != '\0' ? " " : "", address);
}

static void
explain_none(const struct sr_listen_fds *set, const char *name, char *error, size_t error_size)
{
    char passed[256] = "";

    for (size_t i = 0; i < set->count; i++) {
        list(passed, sizeof(passed), set->passed[i].name, "");
    }
    if (set->for_pid != 0) {
        (void)snprintf(error, error_size,
            "fd://%s: started without socket activation: the sockets are for process %ld, and this "
            "is %ld; let systemd start the program itself, or a script end with exec",
            name, set->for_pid, (long)getpid());
    } else if (set->count == 0) {
        (void)snprintf(error, error_size,
            "fd://%s: started without socket activation; start it by a .socket unit with "
            "FileDescriptorName=%s, or listen on udp://HOST:PORT",
            name, name);
    } else {
        (void)snprintf(error, error_size,
            "fd://%s: no socket of that name was passed, but these: %s; use one of them, or set "
            "FileDescriptorName=%s in the .socket unit",
            name, passed, name);
    }
}

int
sr_listen_fds_take(
    struct sr_listen_fds *set, const char *name, unsigned count, char *error, size_t error_size)
{
    struct passed *next = NULL;
    unsigned found = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct passed *p = &set->passed[i];
        if (strcmp(p->name, name) == 0) {
            found++;
            next = next == NULL && p->fd >= 0 ? p : next;
        }
    }
    if (found == 0) {
        explain_none(set, name, error, error_size);
        return -1;
    }
    if (found != count || next == NULL) {
        (void)snprintf(error, error_size,
            "fd://%s: sockets passed: %u, workers: %u; set `workers` to the number of "
            "ListenDatagram= lines in the .socket unit",
            name, found, count);
        return -1;
    }
    int fd = next->fd;
    next->fd = -1;
    return fd;
}

/* The next that nobody took and that matches the address in that way. */
static const struct passed *
find_match(const struct sr_listen_fds *set, const struct sr_socket_address *address, size_t from,
    enum sr_socket_match match)
{
    for (size_t i = from; i < set->count; i++) {
        const struct passed *p = &set->passed[i];
        if (p->fd >= 0 && sr_socket_match(p->fd, address) == match) {
            return p;
        }
    }
    return NULL;
}

/* Those of just the address go before wider ones, which may be another listener's. */
static const struct passed *
find_at(const struct sr_listen_fds *set, const struct sr_socket_address *address,
    enum sr_socket_match *ret_match)
{
    const struct passed *same = find_match(set, address, 0, SR_SOCKET_SAME);

    *ret_match = same != NULL ? SR_SOCKET_SAME : SR_SOCKET_WIDER;
    return same != NULL ? same : find_match(set, address, 0, SR_SOCKET_WIDER);
}

unsigned
sr_listen_fds_count_at(const struct sr_listen_fds *set, const struct sr_socket_address *address)
{
    enum sr_socket_match match;
    const struct passed *p = find_at(set, address, &match);
    unsigned count = 0;

    for (; p != NULL; p = find_match(set, address, (size_t)(p - set->passed) + 1, match)) {
        count++;
    }
    return count;
}

int
sr_listen_fds_take_at(struct sr_listen_fds *set, const struct sr_socket_address *address)
{
    enum sr_socket_match match;
    const struct passed *p = find_at(set, address, &match);

    if (p == NULL) {
        return -1;
    }
    int fd = p->fd;
    set->passed[p - set->passed].fd = -1;
    return fd;
}

bool
sr_listen_fds_was_taken(const struct sr_listen_fds *set, const struct sr_socket_address *address)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct passed *p = &set->passed[i];
        if (p->fd < 0 && p->port == address->port && p->type == address->type) {
            return true;
        }
    }
    return false;
}

/* Whether a socket of the same port was taken: the packages have one for each family. */
static bool
has_sibling(const struct sr_listen_fds *set, const struct passed *left)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct passed *p = &set->passed[i];
        if (p->fd < 0 && p->port != 0 && p->port == left->port && p->type == left->type) {
            return true;
        }
    }
    return false;
}

void
sr_listen_fds_report(const struct sr_listen_fds *set, const char *listeners)
{
    enum sr_log_level level = SR_LOG_NOTICE;
    char sockets[1024] = "", address[SR_SOCKET_TEXT_MAX];

    for (size_t i = 0; i < set->count; i++) {
        const struct passed *p = &set->passed[i];
        if (p->fd < 0) {
            continue;
        }
        sr_socket_text(p->fd, address);
        list(sockets, sizeof(sockets), p->name, address);
        level = has_sibling(set, p) ? level : SR_LOG_WARNING;
    }
    if (sockets[0] != '\0') {
        sr_log(level,
            "sockets were passed that no listener uses: what is sent there waits unread until it "
            "is "
            "dropped sockets=\"%s\" listeners=\"%s\" advice=\"listen there ([::] is both "
            "families), "
            "or take them out with systemctl edit of the .socket unit\"",
            sockets, listeners);
    }
}

void
sr_listen_fds_free(struct sr_listen_fds *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (set->passed[i].fd >= 0) {
            (void)close(set->passed[i].fd);
        }
    }
    free(set->names);
    free(set);
}
