/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "enroll/trust.h"

#include "sr/banned.h"

#define SERVICE_USER "serviceradar"
#define CONFIG_FOLDER "/etc/serviceradar"
#define TRUST_FOLDER CONFIG_FOLDER "/trust.d"
#define OTHERS_PROGRAMS "/usr/local/bin"

static const char *const programs[] = { "serviceradar-trapd", "serviceradar-syslog",
    "serviceradar-netflow", "serviceradar-cli", "serviceradar-provision", NULL };

bool
doctor_path(const struct doctor_options *options, const char *path, char out[FILES_PATH_MAX])
{
    return files_path(out, "%s%s", options->root, path);
}

bool
doctor_program_dir(char out[FILES_PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, FILES_PATH_MAX - 1);

    if (len <= 0) {
        return false;
    }
    out[len] = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

const char *
doctor_daemon(enum bundle_collector collector)
{
    switch (collector) {
    case BUNDLE_SYSLOG: return "serviceradar-syslog";
    case BUNDLE_TRAPD: return "serviceradar-trapd";
    case BUNDLE_NETFLOW: return "serviceradar-netflow";
    case BUNDLE_UNTOLD: break;
    }
    return "";
}

/* Packages of the platform have given it to the service, which could then replace what is in it. */
static void
check_folder(const struct doctor_options *options, struct checks *checks)
{
    const char *remedy = options->root[0] == '\0' ? "systemd-tmpfiles --create serviceradar.conf"
                                                  : "chown root:serviceradar and chmod 0750 it";
    char path[FILES_PATH_MAX];
    struct stat st;

    if (!doctor_path(options, CONFIG_FOLDER, path) || stat(path, &st) != 0) {
        return;
    }
    /* An image is made by whoever makes it. */
    if (st.st_uid != 0 && (options->root[0] == '\0' || st.st_uid != geteuid())) {
        checks_add(checks, "folder", CHECK_WARN, remedy,
            "%s belongs to user %lu, who can replace the configurations and keys in it", path,
            (unsigned long)st.st_uid);
    } else if ((st.st_mode & 022) != 0) {
        checks_add(checks, "folder", CHECK_WARN, remedy,
            "others than root can replace what is in %s: its mode is %04o", path,
            (unsigned)(st.st_mode & 07777));
    } else {
        checks_add(checks, "folder", CHECK_OK, "", "only root can replace what is in %s", path);
    }
}

static void
check_trust(const struct doctor_options *options, struct checks *checks)
{
    static struct trust trust; /* large */
    char path[FILES_PATH_MAX], culprit[TRUST_ORIGIN_MAX] = "";

    if (!doctor_path(options, TRUST_FOLDER, path)) {
        return;
    }
    memset(&trust, 0, sizeof(trust));
    enum trust_err err = trust_add_folder(&trust, path, culprit);
    if (err != TRUST_OK) {
        char cause[400], remedy[256];
        doctor_phrase(cause, sizeof(cause), trust_cause(err));
        doctor_phrase(remedy, sizeof(remedy), trust_remedy(err));
        checks_add(checks, "trust", CHECK_FAIL, remedy, "%s: %s", culprit, cause);
    } else if (trust.count == 0) {
        checks_add(checks, "trust", CHECK_OK, "",
            "%s holds no keys: signed tokens need --trust-key", path);
    } else {
        checks_add(checks, "trust", CHECK_OK, "", "keys for tokens in %s: %zu", path, trust.count);
    }
}

static bool
is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

/* Upstream's packages and hand-made installations put programs of our names there. */
static void
check_shadows(const struct doctor_options *options, struct checks *checks)
{
    char dir[FILES_PATH_MAX] = "", path[FILES_PATH_MAX];
    size_t found = 0;

    if (!doctor_program_dir(dir) || strcmp(dir, OTHERS_PROGRAMS) == 0) {
        return;
    }
    for (size_t i = 0; programs[i] != NULL; i++) {
        if (files_path(path, "%s" OTHERS_PROGRAMS "/%s", options->root, programs[i]) &&
            is_program(path)) {
            found++;
            checks_add(checks, "shadow", CHECK_WARN,
                "remove it, or the package that it is from (dpkg -S, rpm -qf)",
                "%s stands before our %s on PATH", path, programs[i]);
        }
    }
    if (found == 0) {
        checks_add(checks, "shadow", CHECK_OK, "",
            "no program in %s" OTHERS_PROGRAMS " stands before ours", options->root);
    }
}

/*
 * Whether a unit runs; `*ret_active` is false also for one that is not there. False when there is
 * no systemd to ask: 0, 3 and 4 are what it answers (systemctl(1), "exit status").
 */
static bool
unit_is_active(const struct doctor_options *options, const char *unit, bool *ret_active)
{
    static struct child_output output;
    const char *const argv[] = { "systemctl", "is-active", "--quiet", unit, NULL };
    const struct child child = { .argv = argv, .timeout_ms = options->timeout_ms };
    int code = child_run(&child, &output);

    if (code != 0 && code != 3 && code != 4) {
        return false;
    }
    *ret_active = code == 0;
    return true;
}

/* Whether it is another unit by a second name: our packages keep those of the platform as such. */
static bool
is_alias(const struct doctor_options *options, const char *unit)
{
    static struct child_output output;
    static const char id[] = "Id=";
    const char *const argv[] = { "systemctl", "show", "--property=Id", unit, NULL };
    const struct child child = { .argv = argv, .timeout_ms = options->timeout_ms };
    size_t len = strlen(unit);

    if (child_run(&child, &output) != 0 || strncmp(output.out, id, sizeof(id) - 1) != 0) {
        return false;
    }
    const char *name = output.out + sizeof(id) - 1;
    return strcspn(name, "\n") != len || strncmp(name, unit, len) != 0;
}

/* The platform's own collectors, whose ports and subjects are ours. */
static void
check_other_units(const struct doctor_options *options, struct checks *checks)
{
    static const char *const units[] = { "serviceradar-flowgger.service",
        "serviceradar-log-collector.service", "serviceradar-flow-collector.service", NULL };
    bool found = false;

    for (size_t i = 0; units[i] != NULL; i++) {
        bool active = false;
        if (!unit_is_active(options, units[i], &active)) {
            checks_add(checks, "other_units", CHECK_SKIP, "", "systemd does not run here");
            return;
        }
        if (active && !is_alias(options, units[i])) {
            char remedy[160];
            found = true;
            (void)snprintf(remedy, sizeof(remedy), "systemctl disable --now %s", units[i]);
            checks_add(checks, "other_units", CHECK_FAIL, remedy,
                "%s of the platform's packages runs beside our collectors and takes their input",
                units[i]);
        }
    }
    if (!found) {
        checks_add(
            checks, "other_units", CHECK_OK, "", "no collector of the platform's packages runs");
    }
}

void
doctor_check_host(const struct doctor_options *options, struct checks *checks)
{
    check_folder(options, checks);
    check_trust(options, checks);
    check_shadows(options, checks);
    if (options->root[0] != '\0') {
        checks_add(checks, "other_units", CHECK_SKIP, "", "--root is not the running host");
        return;
    }
    check_other_units(options, checks);
}

/* ---- The service's user ---- */

static struct passwd *
find_in_file(FILE *f)
{
    struct passwd *user = NULL;

    while ((user = fgetpwent(f)) != NULL && strcmp(user->pw_name, SERVICE_USER) != 0) {
    }
    return user;
}

/* Adds the groups of the user that a file of groups names. */
static void
add_groups(struct patient *p, FILE *f)
{
    const int max = (int)(sizeof(p->gids) / sizeof(p->gids[0]));
    const struct group *group = NULL;

    while ((group = fgetgrent(f)) != NULL) {
        for (char **member = group->gr_mem; *member != NULL && p->gid_count < max; member++) {
            if (strcmp(*member, SERVICE_USER) == 0) {
                p->gids[p->gid_count++] = group->gr_gid;
            }
        }
    }
}

/* Of a host beneath a root, whose users are not ours. */
static void
find_user_beneath(struct patient *p)
{
    char path[FILES_PATH_MAX];
    FILE *f = doctor_path(p->options, "/etc/passwd", path) ? fopen(path, "re") : NULL;

    if (f == NULL) {
        return;
    }
    const struct passwd *user = find_in_file(f);
    if (user != NULL) {
        p->has_user = true;
        p->uid = user->pw_uid;
        p->gids[0] = user->pw_gid;
        p->gid_count = 1;
    }
    (void)fclose(f);
    f = p->has_user && doctor_path(p->options, "/etc/group", path) ? fopen(path, "re") : NULL;
    if (f != NULL) {
        add_groups(p, f);
        (void)fclose(f);
    }
}

void
doctor_find_user(struct patient *p)
{
    int max = (int)(sizeof(p->gids) / sizeof(p->gids[0]));

    if (p->options->config != NULL) {
        return; /* whoever runs that need not be the service */
    }
    if (p->options->root[0] != '\0') {
        find_user_beneath(p);
    } else {
        const struct passwd *user = getpwnam(SERVICE_USER);
        if (user != NULL) {
            p->has_user = true;
            p->uid = user->pw_uid;
            if (getgrouplist(SERVICE_USER, user->pw_gid, p->gids, &max) < 0) {
                max = (int)(sizeof(p->gids) / sizeof(p->gids[0]));
            }
            p->gid_count = max;
        }
    }
    if (p->has_user) {
        checks_add(&p->checks, "user", CHECK_OK, "", "the user " SERVICE_USER " exists");
    } else if (p->enrolled) {
        checks_add(&p->checks, "user", CHECK_FAIL,
            "install the collector's package, which makes it (useradd --system " SERVICE_USER ")",
            "the user " SERVICE_USER ", as whom the service runs, does not exist");
    } else {
        checks_add(&p->checks, "user", CHECK_SKIP, "",
            "there is no user " SERVICE_USER ", and nothing is enrolled");
    }
}
