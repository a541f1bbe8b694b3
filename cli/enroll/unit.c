/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/unit.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "files.h"
#include "proc.h"

#include "sr/banned.h"

/*
 * A start waits for the daemon's own word that it is ready, a stop until its queue is on disk. A
 * restart is both: TimeoutStopSec= and TimeoutStartSec= of the units, and a minute.
 */
#define TIMEOUT_MS (11 * 60 * 1000)

/* Exit code of systemctl with the verb on the unit; below 0 with errno when it did not run. */
static int
run(const char *const words[3], const char *unit, struct child_output *output)
{
    static const char *const programs[] = { "/usr/bin/systemctl", "/bin/systemctl" };
    const char *program = access(programs[0], X_OK) == 0 ? programs[0] : programs[1];
    const char *argv[8] = { program, "--no-ask-password", "--quiet" };
    const struct child child = { .argv = argv, .timeout_ms = TIMEOUT_MS };
    size_t argc = 3;

    for (size_t i = 0; i < 3 && words[i] != NULL; i++) {
        argv[argc++] = words[i];
    }
    argv[argc] = unit;
    return child_run(&child, output);
}

/* The same, with what it printed on `ret_error`'s line. */
static int
systemctl(const char *const words[3], const char *unit, char *ret_error, size_t size)
{
    struct child_output *output = calloc(1, sizeof(*output));
    int code = -1;

    errno = ENOMEM;
    if (output != NULL) {
        code = run(words, unit, output);
    }
    if (ret_error != NULL) {
        const char *said = code < 0 ? strerror(errno) : output->err;
        (void)snprintf(ret_error, size, "%.*s", (int)strcspn(said, "\n"), said);
    }
    free(output);
    return code;
}

static int
ask(const char *verb, const char *unit)
{
    return systemctl((const char *const[3]){ verb }, unit, NULL, 0);
}

/* Also between the restarts of a service that does not stay up. */
static bool
is_starting(const char *unit)
{
    struct child_output *output = calloc(1, sizeof(*output));
    const char *const words[3] = { "show", "--property=ActiveState" };
    bool is = output != NULL && run(words, unit, output) == 0 &&
              strstr(output->out, "ActiveState=activating") != NULL;

    free(output);
    return is;
}

static bool
has_file(const char *unit)
{
    static const char *const folders[] = { "/etc/systemd/system", "/run/systemd/system",
        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system" };
    char path[FILES_PATH_MAX];
    /* An instance has the file of its template: "a@b.service" is in "a@.service". */
    size_t at = strcspn(unit, "@");
    int head = (int)(unit[at] == '@' ? at + 1 : at);
    const char *tail = unit[at] == '@' ? strrchr(unit, '.') : "";

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (files_path(path, "%s/%.*s%s", folders[i], head, unit, tail != NULL ? tail : "") &&
            access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

bool
unit_is_masked(const char *root, const char *unit)
{
    static const char *const folders[] = { "/etc/systemd/system", "/run/systemd/system" };
    char path[FILES_PATH_MAX], to[16];

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        ssize_t len = files_path(path, "%s%s/%s", root, folders[i], unit)
                          ? readlink(path, to, sizeof(to))
                          : -1;
        if (len == (ssize_t)strlen("/dev/null") && memcmp(to, "/dev/null", (size_t)len) == 0) {
            return true;
        }
    }
    return false;
}

bool
unit_socket_name(const char *unit, char ret_socket[UNIT_NAME_MAX])
{
    const char *dot = strrchr(unit, '.');
    int len = dot != NULL
                  ? snprintf(ret_socket, UNIT_NAME_MAX, "%.*s.socket", (int)(dot - unit), unit)
                  : -1;

    return len > 0 && len < UNIT_NAME_MAX;
}

bool
unit_socket(const char *unit, char ret_socket[UNIT_NAME_MAX])
{
    return unit_socket_name(unit, ret_socket) && has_file(ret_socket);
}

static bool
complain_of(const char *doing, const char *unit, const char *said, struct trouble *trouble)
{
    bool masked = strstr(said, "masked") != NULL;
    char remedy[UNIT_NAME_MAX + 32];

    (void)snprintf(
        remedy, sizeof(remedy), masked ? "systemctl unmask %s" : "journalctl -u %s -n 50", unit);
    return trouble_say(trouble, 0, remedy, "%s cannot be %s: %s", unit, doing,
        *said != '\0' ? said : "systemctl gave no reason");
}

/* ---- Ports of streams ---- */

static void
add_port(struct unit_ports *p, unsigned port)
{
    size_t at = 0;

    while (at < p->count && p->ports[at] < port) {
        at++;
    }
    if (p->count == UNIT_PORTS_MAX || (at < p->count && p->ports[at] == port)) {
        return;
    }
    memmove(&p->ports[at + 1], &p->ports[at], (p->count - at) * sizeof(p->ports[0]));
    p->ports[at] = port;
    p->count++;
}

void
unit_ports_add(struct unit_ports *ports, const char *listen)
{
    struct proc_listen l;

    if (proc_read_listen(listen, &l) && l.tcp) {
        add_port(ports, l.port);
    }
}

/* "serviceradar-syslog-stream@6514.socket"; `port` is "", a number or a pattern. */
static bool
stream_name(const char *unit, const char *port, char ret_name[UNIT_NAME_MAX])
{
    const char *dot = strrchr(unit, '.');
    int len = dot != NULL && strchr(unit, '@') == NULL
                  ? snprintf(ret_name, UNIT_NAME_MAX, "%.*s-stream@%s.socket", (int)(dot - unit),
                        unit, port)
                  : -1;

    return len > 0 && len < UNIT_NAME_MAX && has_file(ret_name);
}

/* Those that systemd holds now. */
static struct unit_ports
look_at_streams(const char *unit)
{
    struct unit_ports ports = { 0 };
    struct child_output *output = calloc(1, sizeof(*output));
    const char *const words[3] = { "list-units", "--plain", "--state=active" };
    char pattern[UNIT_NAME_MAX];

    if (output != NULL && stream_name(unit, "*", pattern) && run(words, pattern, output) == 0) {
        for (const char *at = output->out; (at = strstr(at, "-stream@")) != NULL; at++) {
            unsigned long port = strtoul(at + strlen("-stream@"), NULL, 10);
            if (port > 0 && port <= UINT16_MAX) {
                add_port(&ports, (unsigned)port);
            }
        }
    }
    free(output);
    return ports;
}

/*
 * Lets systemd hold these ports and no others: a port that nobody reads would take connections all
 * the same. It opens none for a service that runs, so that one is stopped for a change.
 */
static bool
set_streams(const char *unit, const struct unit_ports *wanted, struct trouble *trouble)
{
    struct unit_ports held = look_at_streams(unit);
    char name[UNIT_NAME_MAX], port[16];
    char said[256] = "";
    bool ok = true;

    if (!stream_name(unit, "", name) ||
        (held.count == wanted->count &&
            memcmp(held.ports, wanted->ports, held.count * sizeof(held.ports[0])) == 0)) {
        return true;
    }
    (void)ask("disable", name); /* of the template: all that were enabled */
    (void)ask("stop", unit);
    if (stream_name(unit, "*", name)) {
        (void)ask("stop", name);
    }
    for (size_t i = 0; i < wanted->count; i++) {
        (void)snprintf(port, sizeof(port), "%u", wanted->ports[i]);
        const char *const words[3] = { "enable", "--now" };
        if (stream_name(unit, port, name) && systemctl(words, name, said, sizeof(said)) != 0) {
            ok = ok && complain_of("started", name, said, trouble);
        }
    }
    return ok;
}

struct unit_was
unit_look(const char *root, const char *unit)
{
    struct unit_was was = { .state = UNIT_OTHER_ROOT };
    char socket[UNIT_NAME_MAX];

    if (*root != '\0') {
        return was;
    }
    was.state = UNIT_NO_SYSTEMD;
    /* The folder that sd_booted(3) looks for. */
    if (access("/run/systemd/system", F_OK) != 0) {
        return was;
    }
    if (!has_file(unit)) {
        was.state = UNIT_NO_FILE;
        return was;
    }
    was.state = UNIT_INACTIVE;
    if (ask("is-active", unit) == 0) {
        was.state = UNIT_ACTIVE;
    } else if (ask("is-failed", unit) == 0) {
        was.state = UNIT_FAILED;
    } else if (is_starting(unit)) {
        was.state = UNIT_STARTING;
    }
    was.enabled = ask("is-enabled", unit) == 0;
    if (unit_socket(unit, socket)) {
        was.socket_active = ask("is-active", socket) == 0;
        was.socket_enabled = ask("is-enabled", socket) == 0;
    }
    was.streams = look_at_streams(unit);
    return was;
}

const char *
unit_word(enum unit_state state)
{
    switch (state) {
    case UNIT_OTHER_ROOT:
    case UNIT_NO_SYSTEMD: return "unknown";
    case UNIT_NO_FILE: return "missing";
    case UNIT_INACTIVE: return "inactive";
    case UNIT_FAILED: return "failed";
    case UNIT_STARTING: return "activating";
    case UNIT_ACTIVE: return "active";
    }
    return "unknown";
}

bool
unit_can(enum unit_state state)
{
    return state == UNIT_INACTIVE || state == UNIT_FAILED || state == UNIT_STARTING ||
           state == UNIT_ACTIVE;
}

const char *
unit_why(enum unit_state state)
{
    switch (state) {
    case UNIT_OTHER_ROOT: return "--root is not this host";
    case UNIT_NO_SYSTEMD: return "systemd does not run here";
    case UNIT_NO_FILE: return "there is no such unit";
    case UNIT_INACTIVE:
    case UNIT_FAILED:
    case UNIT_STARTING:
    case UNIT_ACTIVE: break;
    }
    return "--no-restart";
}

static bool
tell(const char *verb, const char *unit, const char *doing, struct trouble *trouble)
{
    char said[256] = "";

    return systemctl((const char *const[3]){ verb }, unit, said, sizeof(said)) == 0 ||
           complain_of(doing, unit, said, trouble);
}

/*
 * systemd does not open the port for a service that runs, and that one may have bound it itself: it
 * was started by another version, or by hand.
 */
static bool
start_socket(const char *socket, const char *unit, struct trouble *trouble)
{
    (void)ask("reset-failed", socket);
    if (!tell("enable", socket, "enabled", trouble)) {
        return false;
    }
    if (ask("is-active", socket) == 0) {
        return true;
    }
    (void)ask("stop", unit);
    return tell("start", socket, "started", trouble);
}

bool
unit_start(const char *unit, const struct unit_ports *streams, struct trouble *trouble)
{
    char socket[UNIT_NAME_MAX];

    if (!tell("enable", unit, "enabled", trouble)) {
        return false;
    }
    /* A unit that failed too often in a row is not started again without this. */
    (void)ask("reset-failed", unit);
    /* A port that somebody else has may be none that this configuration listens on. */
    bool has_port = !unit_socket(unit, socket) || start_socket(socket, unit, trouble);
    has_port = set_streams(unit, streams, trouble) && has_port;
    struct trouble later = { .error = 0 };
    if (!tell("restart", unit, "started", has_port ? trouble : &later)) {
        return false;
    }
    if (ask("is-active", unit) != 0) {
        return has_port &&
               complain_of("kept running", unit, "it ended right after its start", trouble);
    }
    return true;
}

bool
unit_stop(const char *unit, struct trouble *trouble)
{
    char socket[UNIT_NAME_MAX], said[256] = "";
    const char *const words[3] = { "disable", "--now" };

    /* The socket first: what comes in meanwhile would start the service again. */
    if (unit_socket(unit, socket) && systemctl(words, socket, said, sizeof(said)) != 0) {
        return complain_of("stopped", socket, said, trouble);
    }
    if (!set_streams(unit, &(const struct unit_ports){ 0 }, trouble)) {
        return false;
    }
    if (systemctl(words, unit, said, sizeof(said)) != 0) {
        return complain_of("stopped", unit, said, trouble);
    }
    return true;
}

void
unit_restore(const char *unit, struct unit_was was)
{
    char socket[UNIT_NAME_MAX];
    bool has_socket = unit_socket(unit, socket);
    struct trouble none;

    if (!unit_can(was.state)) {
        return;
    }
    (void)ask(was.enabled ? "enable" : "disable", unit);
    if (has_socket) {
        (void)ask(was.socket_enabled ? "enable" : "disable", socket);
    }
    if (has_socket && !was.socket_active) {
        (void)ask("stop", socket);
    }
    if (has_socket && was.socket_active && ask("is-active", socket) != 0) {
        (void)ask("stop", unit);
        (void)ask("start", socket);
    }
    (void)set_streams(unit, &was.streams, &none);
    bool was_on = was.state == UNIT_ACTIVE || was.state == UNIT_STARTING;
    (void)ask(was_on ? "restart" : "stop", unit);
}
