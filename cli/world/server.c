/* SPDX-License-Identifier: Apache-2.0 */
#include "world/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sr/banned.h"

#define POLL_MS 20
#define STOP_MS 10000

extern char **environ;

const char *
server_strerror(enum server_err err)
{
    switch (err) {
    case SERVER_OK: return "The server runs.";
    case SERVER_EMISSING:
        return "nats-server was not found: install it (Debian: apt install nats-server), name it "
               "with --nats-server FILE, or leave the streams out with --no-streams.";
    case SERVER_ESTART: return "nats-server could not be started.";
    case SERVER_EEXITED: return "nats-server ended at once.";
    case SERVER_ETIMEOUT: return "nats-server did not accept a connection in time.";
    }
    return "Unknown server error.";
}

static struct sockaddr_in
loopback(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool
server_port_taken(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }
    /* As the server does: connections of a server that ended must not count. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    bool taken = bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0;
    (void)close(fd);
    return taken;
}

static bool
accepts(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }
    bool ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return ok;
}

static enum server_err
usable(const char *path, char ret_program[FILES_PATH_MAX])
{
    if (access(path, X_OK) != 0 || !files_path(ret_program, "%s", path)) {
        return SERVER_EMISSING;
    }
    return SERVER_OK;
}

enum server_err
server_find(const char *wanted, char ret_program[FILES_PATH_MAX])
{
    const char *path = getenv("PATH");
    char file[FILES_PATH_MAX];

    if (wanted != NULL) {
        return usable(wanted, ret_program);
    }
    while (path != NULL && *path != '\0') {
        size_t len = strcspn(path, ":");
        if (len > 0 && files_path(file, "%.*s/nats-server", (int)len, path) &&
            usable(file, ret_program) == SERVER_OK) {
            return SERVER_OK;
        }
        path += len + (path[len] == ':');
    }
    if (usable("/usr/sbin/nats-server", ret_program) == SERVER_OK) {
        return SERVER_OK;
    }
    return usable("/usr/local/sbin/nats-server", ret_program);
}

static void
pause_ms(long ms)
{
    struct timespec span = { ms / 1000, ms % 1000 * 1000000L };
    (void)nanosleep(&span, NULL);
}

static bool
has_ended(pid_t pid)
{
    pid_t done = waitpid(pid, NULL, WNOHANG);
    return done == pid || (done < 0 && errno == ECHILD);
}

void
server_stop(pid_t pid)
{
    (void)kill(pid, SIGTERM);
    for (unsigned waited = 0; waited < STOP_MS; waited += POLL_MS) {
        if (has_ended(pid)) {
            return;
        }
        pause_ms(POLL_MS);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* Output to `log`, no input. Returns an errno value, 0 for success. */
static int
redirect(posix_spawn_file_actions_t *actions, const char *log)
{
    int err = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

    if (err == 0) {
        err = posix_spawn_file_actions_addopen(actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    return err == 0 ? posix_spawn_file_actions_adddup2(actions, 1, 2) : err;
}

/* Returns the errno value of posix_spawn, 0 for success. */
static int
spawn(const char *program, const char *config, const char *log, pid_t *ret_pid)
{
    const char *argv[] = { "nats-server", "-c", config, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;

    (void)sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int err = redirect(&actions, log);
    /* The caller may hold signals back for as long as the server runs; the server must not. */
    if (err == 0) {
        err = posix_spawnattr_setsigmask(&attributes, &none);
    }
    if (err == 0) {
        err = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    }
    if (err == 0) {
        /* posix_spawn takes, but does not change, an array of non-const strings. */
        err = posix_spawn(
            ret_pid, program, &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return err;
}

enum server_err
server_start(const char *program, const char *config, const char *log, uint16_t port,
    unsigned timeout_ms, pid_t *ret_pid)
{
    pid_t pid;
    int err = spawn(program, config, log, &pid);

    if (err != 0) {
        errno = err;
        return SERVER_ESTART;
    }
    for (unsigned waited = 0; waited < timeout_ms; waited += POLL_MS) {
        if (has_ended(pid)) {
            return SERVER_EEXITED;
        }
        if (accepts(port)) {
            *ret_pid = pid;
            return SERVER_OK;
        }
        pause_ms(POLL_MS);
    }
    server_stop(pid);
    return SERVER_ETIMEOUT;
}
