/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sr/banned.h"

extern char **environ;

/* A pipe that is read until its end. */
struct stream {
    int fd; /* -1: ended */
    char *text;
    size_t len;
};

static uint64_t
now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Starts it with its output in two pipes; 0 or an errno. */
static int
start(char *const argv[], int out, int err, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);

    if (code != 0) {
        return code;
    }
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out, 1);
    (void)posix_spawn_file_actions_adddup2(&actions, err, 2);
    code = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* Reads what is there. What is beyond the limit is read and forgotten. */
static void
read_some(struct stream *s)
{
    char scratch[4096];
    ssize_t got = read(s->fd, scratch, sizeof(scratch));

    if (got < 0 && errno == EINTR) {
        return;
    }
    if (got <= 0) {
        (void)close(s->fd);
        s->fd = -1;
        return;
    }
    size_t room = CHILD_TEXT_MAX - s->len;
    size_t len = (size_t)got < room ? (size_t)got : room;
    memcpy(s->text + s->len, scratch, len);
    s->len += len;
}

/* Until both have ended, or the time is over. */
static void
read_both(struct stream s[2], uint64_t until_ms)
{
    while (s[0].fd >= 0 || s[1].fd >= 0) {
        struct pollfd p[2] = { { s[0].fd, POLLIN, 0 }, { s[1].fd, POLLIN, 0 } };
        uint64_t now = now_ms();
        if (now >= until_ms || (poll(p, 2, (int)(until_ms - now)) < 0 && errno != EINTR)) {
            return;
        }
        for (int i = 0; i < 2; i++) {
            if (p[i].fd >= 0 && p[i].revents != 0) {
                read_some(&s[i]);
            }
        }
    }
}

/* Its exit code, or -1 when it had to be killed or was. */
static int
reap(pid_t pid, bool in_time)
{
    int status = 0;

    if (!in_time) {
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
run_with_pipes(char *const argv[], unsigned timeout_ms, int out[2], int err[2],
    struct child_result *ret_result)
{
    struct stream streams[2] = { { out[0], ret_result->out, 0 }, { err[0], ret_result->err, 0 } };
    pid_t pid = 0;
    int code = start(argv, out[1], err[1], &pid);

    (void)close(out[1]);
    (void)close(err[1]);
    if (code == 0) {
        read_both(streams, now_ms() + timeout_ms);
        ret_result->exit_code = reap(pid, streams[0].fd < 0 && streams[1].fd < 0);
    }
    for (int i = 0; i < 2; i++) {
        if (streams[i].fd >= 0) {
            (void)close(streams[i].fd);
        }
        streams[i].text[streams[i].len] = '\0';
    }
    errno = code;
    return code == 0;
}

bool
doctor_child_run(char *const argv[], unsigned timeout_ms, struct child_result *ret_result)
{
    struct child_result r = { -1, malloc(CHILD_TEXT_MAX + 1), malloc(CHILD_TEXT_MAX + 1) };
    int out[2], err[2];
    bool ok = false;

    if (r.out != NULL && r.err != NULL && pipe2(out, O_CLOEXEC) == 0) {
        if (pipe2(err, O_CLOEXEC) == 0) {
            ok = run_with_pipes(argv, timeout_ms, out, err, &r);
        } else {
            (void)close(out[0]);
            (void)close(out[1]);
        }
    }
    if (ok) {
        *ret_result = r;
        return true;
    }
    int code = errno;
    doctor_child_done(&r);
    errno = code;
    return false;
}

void
doctor_child_done(struct child_result *result)
{
    free(result->out);
    free(result->err);
    result->out = NULL;
    result->err = NULL;
}
