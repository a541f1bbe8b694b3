/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/join_parts.h"

#include <errno.h>
#include <string.h>

#include "proc.h"

#include "sr/banned.h"

#define HOLDERS_MAX 8

/*
 * Who has a port, but for systemd, which may hold it for our .socket unit, and programs whose names
 * begin with `ours`. False: nobody, or nobody who can be named.
 */
static bool
find_taker(const char *listen, const char *ours, struct proc_holder *ret_holder)
{
    struct proc_listen l;
    struct proc_holder holders[HOLDERS_MAX];
    size_t count = proc_read_listen(listen, &l) ? proc_find_holders(&l, holders, HOLDERS_MAX) : 0;

    for (size_t i = 0; i < count; i++) {
        if (holders[i].pid > 1 && strncmp(holders[i].name, ours, strlen(ours)) != 0) {
            *ret_holder = holders[i];
            return true;
        }
    }
    return false;
}

/* Where the .socket unit of the package listens. */
static const char *
packaged_listen(enum bundle_collector collector)
{
    switch (collector) {
    case BUNDLE_TRAPD: return "udp://0.0.0.0:162";
    case BUNDLE_SYSLOG: return "udp://0.0.0.0:514";
    case BUNDLE_NETFLOW: return "udp://0.0.0.0:2055";
    case BUNDLE_UNTOLD: break;
    }
    return "";
}

void
join_warn_of_port(const struct join *j, enum bundle_collector collector)
{
    const char *listen = packaged_listen(collector);
    struct proc_holder h;

    /* Collectors of the platform under older names are replaced by ours. */
    if (*j->root == '\0' && !j->options->no_restart && !j->options->renewal &&
        *join_instance(j) == '\0' && find_taker(listen, "serviceradar-", &h)) {
        join_say(j, 'w',
            "%s is taken by %s (pid %ld): stop that program first, unless the collector shall "
            "listen elsewhere",
            listen, h.name, h.pid);
    }
}

bool
join_blame_port(const struct join *j, struct trouble *trouble)
{
    const struct trouble said = *trouble;
    const char *daemon = strrchr(j->daemon, '/');
    struct proc_holder h;

    daemon = daemon != NULL ? daemon + 1 : j->daemon;
    for (size_t i = 0; i < SETTINGS_LIST_MAX && *j->settings.listens[i] != '\0'; i++) {
        if (find_taker(j->settings.listens[i], daemon, &h)) {
            return trouble_say(trouble, EADDRINUSE,
                "stop that program, or have the bundle issued with another listen address",
                "%s is taken by %s (pid %ld): %s", j->settings.listens[i], h.name, h.pid,
                said.cause);
        }
    }
    return false;
}
