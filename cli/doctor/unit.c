/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "child.h"
#include "enroll/unit.h"
#include "proc.h"

#include "sr/banned.h"

#define HOLDERS_MAX 8
#define MANY_RESTARTS 3
#define LITTLE_BYTES (16ULL << 20)

/* ---- The unit ---- */

/* What `systemctl show` says of a property, or "". */
static const char *
property(const char *text, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);

    out[0] = '\0';
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
        if (strncmp(text, name, len) == 0 && text[len] == '=') {
            (void)snprintf(out, size, "%.*s", (int)strcspn(text + len + 1, "\n"), text + len + 1);
            return out;
        }
    }
    return out;
}

static void
judge_stopped(struct patient *p, const char *text)
{
    char active[32], result[32], remedy[RECORD_TEXT_MAX + 64];

    (void)property(text, "ActiveState", active, sizeof(active));
    (void)property(text, "Result", result, sizeof(result));
    if (strcmp(active, "failed") == 0 || strcmp(active, "activating") == 0) {
        (void)snprintf(remedy, sizeof(remedy), "journalctl -u %s -n 50", p->unit);
        checks_add(&p->checks, "unit", CHECK_FAIL, remedy, "%s does not stay up: %s (%s)", p->unit,
            active, result);
        return;
    }
    (void)snprintf(remedy, sizeof(remedy), "systemctl enable --now %s", p->unit);
    checks_add(&p->checks, "unit", p->enrolled ? CHECK_FAIL : CHECK_WARN, remedy, "%s does not run",
        p->unit);
}

static void
judge_running(struct patient *p, const char *text)
{
    char restarts[32], file[32], remedy[RECORD_TEXT_MAX + 64];

    (void)property(text, "NRestarts", restarts, sizeof(restarts));
    (void)property(text, "UnitFileState", file, sizeof(file));
    if (strtol(restarts, NULL, 10) >= MANY_RESTARTS) {
        (void)snprintf(remedy, sizeof(remedy), "journalctl -u %s -n 50", p->unit);
        checks_add(&p->checks, "unit", CHECK_WARN, remedy,
            "%s runs, after systemd started it again "
            "%s times",
            p->unit, restarts);
    } else if (strcmp(file, "disabled") == 0) {
        (void)snprintf(remedy, sizeof(remedy), "systemctl enable %s", p->unit);
        checks_add(&p->checks, "unit", CHECK_WARN, remedy,
            "%s runs, but will not after the next boot", p->unit);
    } else {
        checks_add(&p->checks, "unit", CHECK_OK, "", "%s runs", p->unit);
    }
}

static void
judge_unit(struct patient *p, const char *text)
{
    char load[32], active[32], pid[32];

    (void)property(text, "LoadState", load, sizeof(load));
    (void)property(text, "ActiveState", active, sizeof(active));
    p->unit_pid = strtol(property(text, "MainPID", pid, sizeof(pid)), NULL, 10);
    if (strcmp(load, "masked") == 0) {
        char remedy[RECORD_TEXT_MAX + 64];
        (void)snprintf(remedy, sizeof(remedy), "systemctl unmask %s", p->unit);
        checks_add(&p->checks, "unit", p->enrolled ? CHECK_FAIL : CHECK_WARN, remedy,
            "%s is masked", p->unit);
        return;
    }
    if (strcmp(load, "loaded") != 0) {
        checks_add(&p->checks, "unit", p->enrolled ? CHECK_FAIL : CHECK_SKIP,
            p->enrolled ? "install the collector's package" : "", "%s is not installed (%s)",
            p->unit, load);
        return;
    }
    p->unit_known = true;
    p->unit_active = strcmp(active, "active") == 0 || strcmp(active, "reloading") == 0;
    if (p->unit_active) {
        judge_running(p, text);
    } else {
        judge_stopped(p, text);
    }
}

/* Whether systemd holds ports for the service. */
static bool
look_at_socket(const struct patient *p)
{
    static struct child_output output;
    char unit[UNIT_NAME_MAX], active[32];
    const char *const argv[] = { "systemctl", "show", "--property=ActiveState", unit, NULL };
    const struct child child = { .argv = argv, .timeout_ms = p->options->timeout_ms };

    return unit_socket_name(p->unit, unit) && child_run(&child, &output) == 0 &&
           strcmp(property(output.out, "ActiveState", active, sizeof(active)), "active") == 0;
}

void
doctor_check_unit(struct patient *p)
{
    static struct child_output output;
    const char *const argv[] = { "systemctl", "show",
        "--property=LoadState,ActiveState,UnitFileState,NRestarts,MainPID,Result", p->unit, NULL };
    const struct child child = { .argv = argv, .timeout_ms = p->options->timeout_ms };

    if (p->options->root[0] != '\0') {
        checks_add(&p->checks, "unit", CHECK_SKIP, "", "--root is not the running host");
        return;
    }
    if (child_run(&child, &output) == 0) {
        judge_unit(p, output.out);
        p->socket_active = look_at_socket(p);
    } else {
        checks_add(&p->checks, "unit", CHECK_SKIP, "", "systemd does not run here");
    }
}

/* ---- Ports and buffers ---- */

static bool
is_ours(const struct patient *p, const struct proc_holder *h)
{
    return (h->pid == 1 && p->socket_active) || (p->unit_pid != 0 && h->pid == p->unit_pid) ||
           strcmp(h->name, doctor_daemon(p->collector)) == 0;
}

static void
say_nobody(struct patient *p, const char *listen)
{
    p->nobody_listens = true;
    if (p->unit_known && !p->unit_active) {
        checks_add(
            &p->checks, "port", CHECK_SKIP, "", "%s is free, and the unit does not run", listen);
    } else {
        checks_add(&p->checks, "port", p->unit_active ? CHECK_FAIL : CHECK_WARN,
            p->unit_active ? "restart the unit: it runs with another configuration"
                           : "start the collector",
            "nobody receives on %s", listen);
    }
}

/* Returns whether systemd holds the port for the collector. */
static bool
check_port(struct patient *p, const char *listen)
{
    struct proc_listen l;
    struct proc_holder holders[HOLDERS_MAX];
    bool ours = false, held = false;

    if (!proc_read_listen(listen, &l)) {
        checks_add(&p->checks, "port", CHECK_SKIP, "", "%s has no port", listen);
        return false;
    }
    size_t count = proc_find_holders(&l, holders, HOLDERS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (is_ours(p, &holders[i])) {
            held = held || holders[i].pid == 1;
            ours = true;
            continue;
        }
        checks_add(&p->checks, "port", CHECK_FAIL,
            holders[i].pid == 1
                ? "see systemctl list-sockets, and stop the .socket unit that has it"
                : "stop that program, or give the listener another port",
            "%s is taken by %s (pid %ld)", listen, holders[i].name, holders[i].pid);
        return false;
    }
    if (ours) {
        checks_add(&p->checks, "port", CHECK_OK, "",
            held ? "%s is ours, held by systemd across restarts" : "%s is ours", listen);
    } else {
        say_nobody(p, listen);
    }
    return held;
}

/* The kernel's limit for the receive buffers of programs; 0 unknown. */
static uint64_t
read_limit(void)
{
    char *text = NULL;
    size_t len = 0;
    uint64_t limit = 0;

    if (files_read("/proc/sys/net/core/rmem_max", 64, &text, &len)) {
        limit = strtoull(text, NULL, 10);
    }
    free(text);
    return limit;
}

static void
check_buffers(struct patient *p)
{
    uint64_t limit = read_limit(), wanted = 0;
    char remedy[128];

    for (size_t i = 0; i < p->conf.listener_count; i++) {
        const struct doctor_listener *l = &p->conf.listeners[i];
        /* systemd gives its sockets what the .socket unit says, whatever the limit is. */
        if (strncmp(l->listen, "udp://", 6) == 0 && !l->held && l->receive_buffer > wanted) {
            wanted = l->receive_buffer;
        }
    }
    if (wanted <= limit || limit == 0) {
        checks_add(
            &p->checks, "receive_buffer", CHECK_OK, "", "the kernel gives as much as is asked for");
        return;
    }
    (void)snprintf(remedy, sizeof(remedy),
        "sysctl -w net.core.rmem_max=%llu (and in /etc/sysctl.d), or CAP_NET_ADMIN for the unit",
        (unsigned long long)wanted);
    checks_add(&p->checks, "receive_buffer", CHECK_WARN, remedy,
        "the kernel allows receive buffers of %llu KiB, and %llu KiB are configured: bursts are "
        "lost",
        (unsigned long long)(limit >> 10), (unsigned long long)(wanted >> 10));
}

void
doctor_check_listeners(struct patient *p)
{
    if (!p->has_conf) {
        return;
    }
    if (p->options->root[0] != '\0') {
        checks_add(&p->checks, "port", CHECK_SKIP, "", "--root is not the running host");
        return;
    }
    for (size_t i = 0; i < p->conf.listener_count; i++) {
        p->conf.listeners[i].held = check_port(p, p->conf.listeners[i].listen);
    }
    check_buffers(p);
}

/* ---- The queue's disk ---- */

/* The space where the folder is, or will be made. False when nothing of its path is there. */
static bool
space_of(const char *path, struct statvfs *ret)
{
    char folder[FILES_PATH_MAX];

    if (!files_path(folder, "%s", path)) {
        return false;
    }
    while (statvfs(folder, ret) != 0) {
        char *slash = strrchr(folder, '/');
        if (errno != ENOENT || slash == NULL || slash == folder) {
            return false;
        }
        *slash = '\0';
    }
    return true;
}

void
doctor_check_disk(struct patient *p)
{
    char path[FILES_PATH_MAX];
    struct statvfs fs;

    if (!p->has_conf || p->conf.queue_dir[0] == '\0') {
        return;
    }
    if (!doctor_path(p->options, p->conf.queue_dir, path) || !space_of(path, &fs)) {
        checks_add(&p->checks, "disk", CHECK_WARN, "make it, or correct queue.dir",
            "the queue's folder %s cannot be looked at: %s", p->conf.queue_dir, strerror(errno));
        return;
    }
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left < LITTLE_BYTES) {
        checks_add(&p->checks, "disk", CHECK_FAIL, "free space there (df, du)",
            "the disk of the queue's folder %s is full", p->conf.queue_dir);
    } else if (left < p->conf.queue_disk) {
        checks_add(&p->checks, "disk", CHECK_WARN, "free space there, or lower queue.disk",
            "the disk of %s has %llu MiB left, and queue.disk allows %llu MiB", p->conf.queue_dir,
            (unsigned long long)(left >> 20), (unsigned long long)(p->conf.queue_disk >> 20));
    } else {
        checks_add(&p->checks, "disk", CHECK_OK, "", "there is space for the queue in %s",
            p->conf.queue_dir);
    }
}
