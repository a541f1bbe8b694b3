/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_WORLD_SERVER_H_INCLUDED
#define CLI_WORLD_SERVER_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "files.h"

/* A nats-server that this program runs for a moment. */

enum server_err {
    SERVER_OK = 0,
    SERVER_EMISSING, /* no program of that name */
    SERVER_ESTART,   /* the system refused to start it; errno says why */
    SERVER_EEXITED,  /* it ended before it accepted a connection */
    SERVER_ETIMEOUT, /* it did not accept a connection in time */
};

/* A sentence for `err`, static. */
const char *server_strerror(enum server_err err);

/* Whether something listens on the loopback port already, or it may not be bound. */
bool server_port_taken(uint16_t port);

/*
 * Finds nats-server on PATH or in /usr/sbin and /usr/local/sbin, which the PATH of ordinary users
 * lacks; or tests `wanted` when it is not NULL. SERVER_EMISSING.
 */
enum server_err server_find(const char *wanted, char ret_program[FILES_PATH_MAX]);

/*
 * Starts `program -c config` with its output in `log`, and waits until it accepts connections on
 * the loopback `port`, at most `timeout_ms`. On failure nothing is left running. SERVER_ESTART,
 * _EEXITED, _ETIMEOUT.
 */
enum server_err server_start(const char *program, const char *config, const char *log,
    uint16_t port, unsigned timeout_ms, pid_t *ret_pid);

/* Asks the server to end, waits until it has, and after 10 s ends it by force. */
void server_stop(pid_t pid);

#endif
