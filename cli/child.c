/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

#include "sr/banned.h"

#define EXEC_FAILED 127

/* The reading ends of what the program prints, and a pipe that closes when it runs. */
struct pipes {
    int out[2], err[2], started[2];
};

static const char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C",
    NULL,
};

static void
close_both(const int ends[2])
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static bool
open_pipes(struct pipes *p)
{
    if (pipe2(p->out, O_CLOEXEC) != 0) {
        return false;
    }
    if (pipe2(p->err, O_CLOEXEC) != 0) {
        close_both(p->out);
        return false;
    }
    if (pipe2(p->started, O_CLOEXEC) != 0) {
        close_both(p->out);
        close_both(p->err);
        return false;
    }
    return true;
}

/* The program's path; false with ENOENT when no folder of PATH has it. */
static bool
find_program(const char *name, char path[FILES_PATH_MAX])
{
    const char *folder = getenv("PATH");

    if (strchr(name, '/') != NULL) {
        return files_path(path, "%s", name);
    }
    while (folder != NULL && *folder != '\0') {
        size_t len = strcspn(folder, ":");
        if (len > 0 && files_path(path, "%.*s/%s", (int)len, folder, name) &&
            access(path, X_OK) == 0) {
            return true;
        }
        folder += len + (folder[len] == ':' ? 1 : 0);
    }
    errno = ENOENT;
    return false;
}

/* In the child, between fork and exec: only what POSIX allows there. */
static void
become(const struct child *child, const char *path, const struct pipes *p)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    bool ok = null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(p->out[1], STDOUT_FILENO) >= 0 &&
              dup2(p->err[1], STDERR_FILENO) >= 0;

    for (size_t i = 0; i < child->fd_count && ok; i++) {
        ok = fcntl(child->fds[i], F_SETFD, 0) == 0;
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (ok) {
        /* execve takes, but does not change, arrays of non-const strings. */
        (void)execve(
            path, (char *const *)(uintptr_t)child->argv, (char *const *)(uintptr_t)environment);
    }
    int error = errno;
    (void)!write(p->started[1], &error, sizeof(error));
    _exit(EXEC_FAILED);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads what is there; false at the end. What has no room is read and left out. */
static bool
take(int fd, char text[CHILD_OUTPUT_MAX], size_t *len)
{
    char rest[4096];
    size_t room = CHILD_OUTPUT_MAX - 1 - *len;
    ssize_t got = room > 0 ? read(fd, text + *len, room) : read(fd, rest, sizeof(rest));

    if (got > 0 && room > 0) {
        *len += (size_t)got;
    }
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Reads until both ends are closed. False when the time is up first. */
static bool
collect(const struct pipes *p, int64_t end_ms, struct child_output *output)
{
    struct pollfd ends[] = { { p->out[0], POLLIN, 0 }, { p->err[0], POLLIN, 0 } };
    char *texts[] = { output->out, output->err };
    size_t lens[] = { 0, 0 };

    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        int64_t left = end_ms - now_ms();
        if (left <= 0 || (poll(ends, 2, (int)left) < 0 && errno != EINTR)) {
            break;
        }
        for (size_t i = 0; i < 2; i++) {
            if (ends[i].fd >= 0 && ends[i].revents != 0 && !take(ends[i].fd, texts[i], &lens[i])) {
                ends[i].fd = -1;
            }
            ends[i].revents = 0;
        }
    }
    output->out[lens[0]] = '\0';
    output->err[lens[1]] = '\0';
    return ends[0].fd < 0 && ends[1].fd < 0;
}

/* Waits for its end, killing it when the time is up: it may live on with its output closed. */
static int
wait_for(pid_t pid, int64_t end_ms, int *ret_error)
{
    const struct timespec moment = { 0, 2000000 };
    int status = 0;

    for (;;) {
        pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (done < 0 && errno != EINTR) {
            *ret_error = errno;
            return -1;
        }
        if (now_ms() >= end_ms) {
            (void)kill(pid, SIGKILL);
            *ret_error = ETIMEDOUT;
        }
        (void)nanosleep(&moment, NULL);
    }
}

/* The error of a program that could not be started, 0 when it runs. */
static int
start_error(const struct pipes *p)
{
    int error = 0;

    while (read(p->started[0], &error, sizeof(error)) < 0 && errno == EINTR) {
    }
    return error;
}

int
child_run(const struct child *child, struct child_output *ret_output)
{
    int64_t end_ms = now_ms() + child->timeout_ms;
    char path[FILES_PATH_MAX];
    struct pipes p;

    if (!find_program(child->argv[0], path) || !open_pipes(&p)) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        become(child, path, &p);
    }
    int error = pid < 0 ? errno : 0;
    (void)close(p.out[1]);
    (void)close(p.err[1]);
    (void)close(p.started[1]);
    int code = -1;
    if (pid > 0) {
        error = start_error(&p);
        (void)collect(&p, end_ms, ret_output);
        code = wait_for(pid, end_ms, &error);
    }
    (void)close(p.out[0]);
    (void)close(p.err[0]);
    (void)close(p.started[0]);
    errno = error;
    return error != 0 ? -1 : code;
}
