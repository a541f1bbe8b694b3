/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_UNIT_H_INCLUDED
#define CLI_ENROLL_UNIT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "trouble.h"

/*
 * The service of a collector, by systemctl. `unit` is "serviceradar-trapd.service"; when there is a
 * .socket unit of the same name, that one is started, stopped, enabled and disabled with it: a
 * socket that is left alone would start the service again. Each port of a tcp:// or tls:// listener
 * has a unit of the template "serviceradar-syslog-stream@.socket", where the package has one: it
 * keeps connections waiting while the service restarts, and opens ports below 1024 for it.
 */

enum unit_state {
    UNIT_OTHER_ROOT, /* the files are not this host's */
    UNIT_NO_SYSTEMD, /* systemd does not run here */
    UNIT_NO_FILE,    /* there is no unit of that name */
    UNIT_INACTIVE,
    UNIT_FAILED,
    UNIT_STARTING, /* or it ended, and systemd starts it again in a moment */
    UNIT_ACTIVE,
};

#define UNIT_PORTS_MAX 8

/* Ports of streams, ascending, each once. */
struct unit_ports {
    size_t count;
    unsigned ports[UNIT_PORTS_MAX];
};

/* What a unit was like. */
struct unit_was {
    enum unit_state state;
    bool enabled;
    bool socket_active, socket_enabled;
    struct unit_ports streams; /* those that systemd holds */
};

#define UNIT_NAME_MAX 256

/* Whether an administrator masked the unit, so that nothing starts it. */
bool unit_is_masked(const char *root, const char *unit);

/* The name that the .socket unit of a service has. False for what is no unit. */
bool unit_socket_name(const char *unit, char ret_socket[UNIT_NAME_MAX]);

/* The same; false when there is none on this host. */
bool unit_socket(const char *unit, char ret_socket[UNIT_NAME_MAX]);

/* Asks systemd; writes nothing. `root` is where the collector's files are, "" for the host. */
struct unit_was unit_look(const char *root, const char *unit);

/* Whether a unit in that state can be started and stopped. */
bool unit_can(enum unit_state state);

/* A word for `state`: "active", ..., static. */
const char *unit_word(enum unit_state state);

/* Why a unit in that state is left alone, static. */
const char *unit_why(enum unit_state state);

/* Adds the port of "tcp://HOST:PORT" or "tls://HOST:PORT"; other addresses have none. */
void unit_ports_add(struct unit_ports *ports, const char *listen);

/*
 * Enables the unit and starts it (again), and waits until it is active. `streams` are the ports of
 * streams that its configuration has.
 */
bool unit_start(const char *unit, const struct unit_ports *streams, struct trouble *trouble);

/* Stops the unit and disables it. */
bool unit_stop(const char *unit, struct trouble *trouble);

/* Puts the unit back into the state that it was in, as far as that works. */
void unit_restore(const char *unit, struct unit_was was);

#endif
