/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "command.h"
#include "enroll/settings.h"

#include "sr/banned.h"

#define ENROL "enrol again (serviceradar-cli enroll), or go back (serviceradar-cli rollback)"

/* ---- The configuration ---- */

/* Arguments that come from the record: beneath a root its paths are others. */
struct arguments {
    char text[8][FILES_PATH_MAX + 64];
    const char *list[24];
    size_t texts, count;
};

static void
add_argument(struct arguments *a, const char *text)
{
    a->list[a->count++] = text;
}

static void
add_setting(struct arguments *a, const struct patient *p, const char *key, const char *path)
{
    if (path[0] != '\0') {
        (void)snprintf(
            a->text[a->texts], sizeof(a->text[0]), "%s=%s%s", key, p->options->root, path);
        add_argument(a, "--set");
        add_argument(a, a->text[a->texts++]);
    }
}

/* Notes are no problems; what is about these keys has checks of its own. */
static bool
is_problem(const char *line)
{
    static const char *const keys[] = { "nats.creds_file", "nats.tls.", NULL };

    for (size_t i = 0; keys[i] != NULL; i++) {
        if (strstr(line, keys[i]) != NULL) {
            return false;
        }
    }
    return strncmp(line, "note:", 5) != 0;
}

/* The first line that is a problem, and how many there are. */
static size_t
first_problem(char *text, char *out, size_t size)
{
    size_t count = 0;
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (is_problem(line) && count++ == 0) {
            (void)snprintf(out, size, "%s", line);
        }
    }
    return count;
}

static void
say_refused(struct patient *p, size_t count, const char *problem)
{
    if (count > 1) {
        checks_add(&p->checks, "config", CHECK_FAIL,
            "correct them; the daemon lists all with --check-config",
            "%s refuses its configuration for %zu problems, the first: %s",
            doctor_daemon(p->collector), count, problem);
        return;
    }
    checks_add(&p->checks, "config", CHECK_FAIL,
        "correct it, and try the daemon with --check-config", "%s refuses its configuration: %s",
        doctor_daemon(p->collector), problem);
}

/* Runs the daemon on its configuration; with `print` that is read, else it is checked only. */
static bool
ask_daemon(struct patient *p, const char *daemon, bool print)
{
    static struct arguments a; /* large */
    static struct child_output output;
    const struct child child = { .argv = a.list, .timeout_ms = p->options->timeout_ms * 2 };
    char problem[480] = "it does not say why";

    memset(&a, 0, sizeof(a));
    add_argument(&a, daemon);
    add_argument(&a, print ? "--print-config" : "--check-config");
    add_argument(&a, "--config");
    add_argument(&a, p->config);
    if (p->enrolled && p->options->root[0] != '\0') {
        add_setting(&a, p, "nats.creds_file", p->record.creds);
        add_setting(&a, p, "nats.tls.ca_file", p->record.ca_chain);
        add_setting(&a, p, "nats.tls.cert_file", p->record.certificate);
        add_setting(&a, p, "nats.tls.key_file", p->record.key);
    }
    int code = child_run(&child, &output);
    if (code < 0) {
        checks_add(&p->checks, "config", CHECK_FAIL, "install the collector's package",
            "%s cannot be run: %s", doctor_daemon(p->collector),
            errno == ETIMEDOUT ? "it did not end in time" : strerror(errno));
        return false;
    }
    bool ok = code == 0 && (!print || doctor_conf_read(output.out, strlen(output.out), &p->conf));
    size_t count = ok ? 0 : first_problem(output.err, problem, sizeof(problem));
    /* The daemon may refuse it only for what has checks of its own. */
    ok = ok || (!print && code == EXIT_USAGE && count == 0);
    if (!ok) {
        say_refused(p, count, problem);
    }
    return ok;
}

void
doctor_check_config(struct patient *p)
{
    char daemon[FILES_PATH_MAX];
    struct trouble trouble;

    if (checks_have(&p->checks, "files", CHECK_FAIL)) {
        checks_add(&p->checks, "config", CHECK_SKIP, "", "the files are not in order");
        return;
    }
    if (!settings_daemon(p->options->root, NULL, p->collector, daemon, &trouble)) {
        checks_add_trouble(&p->checks, "config", CHECK_FAIL, &trouble);
        return;
    }
    /* Printing does not look at the files that it names; so it works although some are missing. */
    p->has_conf = ask_daemon(p, daemon, true);
    if (p->has_conf && ask_daemon(p, daemon, false)) {
        checks_add(&p->checks, "config", CHECK_OK, "", "%s accepts %s", doctor_daemon(p->collector),
            p->config);
    }
}

/* ---- Files ---- */

static bool
in_groups(const struct patient *p, gid_t gid)
{
    for (int i = 0; i < p->gid_count; i++) {
        if (p->gids[i] == gid) {
            return true;
        }
    }
    return false;
}

/* Whether the service has the permissions `bits` (4 read, 1 enter); access lists are not seen. */
static bool
may(const struct patient *p, const struct stat *st, mode_t bits)
{
    if (p->uid == 0) {
        return true;
    }
    if (st->st_uid == p->uid) {
        return (st->st_mode >> 6 & bits) == bits;
    }
    return in_groups(p, st->st_gid) ? (st->st_mode >> 3 & bits) == bits
                                    : (st->st_mode & bits) == bits;
}

/* The first folder between root and file that the service cannot enter; false when it can. */
static bool
find_closed_folder(const struct patient *p, const char *path, char out[FILES_PATH_MAX])
{
    size_t start = strlen(p->options->root);
    struct stat st;

    for (const char *slash = strchr(path + start, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        if (slash > path && files_path(out, "%.*s", (int)(slash - path), path) &&
            stat(out, &st) == 0 && !may(p, &st, 1)) {
            return true;
        }
    }
    return false;
}

/* Adds what is wrong with one file; true when nothing is. */
static bool
check_file(struct patient *p, const char *path, bool secret)
{
    char folder[FILES_PATH_MAX];
    struct trouble t;
    struct stat st;

    if (stat(path, &st) != 0) {
        int err = errno;
        (void)trouble_errno(&t, err, "read", path + 1);
        if (err == ENOENT) {
            trouble_remedy(&t, ENROL);
        }
        checks_add_trouble(&p->checks, "files", CHECK_FAIL, &t);
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        checks_add(&p->checks, "files", CHECK_FAIL, ENROL, "%s is not a regular file", path);
        return false;
    }
    if (p->has_user && find_closed_folder(p, path, folder)) {
        checks_add(&p->checks, "files", CHECK_FAIL, "chgrp serviceradar and chmod 0750 the folder",
            "the service cannot enter %s, where %s is", folder, strrchr(path, '/') + 1);
        return false;
    }
    if (p->has_user && !may(p, &st, 4)) {
        checks_add(&p->checks, "files", CHECK_FAIL, "chgrp serviceradar and chmod 0640 the file",
            "the service cannot read %s: its mode is %04o", path, (unsigned)(st.st_mode & 07777));
        return false;
    }
    if (secret && (st.st_mode & 07) != 0) {
        checks_add(&p->checks, "files", CHECK_FAIL,
            "chmod 0640 the file; if others have logged in here, enrol again",
            "everybody on this host can read the secret in %s: its mode is %04o", path,
            (unsigned)(st.st_mode & 07777));
        return false;
    }
    if ((st.st_mode & 022) != 0) {
        checks_add(&p->checks, "files", CHECK_WARN, "chmod g-w,o-w the file",
            "others than its owner can change %s: its mode is %04o", path,
            (unsigned)(st.st_mode & 07777));
        return false;
    }
    return true;
}

/* A file of the record, beneath the root. */
static bool
check_recorded(struct patient *p, const char *path, bool secret)
{
    char full[FILES_PATH_MAX];

    return path[0] == '\0' || !doctor_path(p->options, path, full) || check_file(p, full, secret);
}

static bool
check_configured(struct patient *p, const char *path, bool secret)
{
    return path[0] == '\0' || check_file(p, path, secret);
}

void
doctor_check_files(struct patient *p)
{
    const struct record *r = &p->record;
    const struct doctor_conf *c = &p->conf;
    bool ok = check_file(p, p->config, false);

    if (p->enrolled) {
        ok = check_recorded(p, r->creds, true) && ok;
        ok = check_recorded(p, r->key, true) && ok;
        ok = check_recorded(p, r->certificate, false) && ok;
        ok = check_recorded(p, r->ca_chain, false) && ok;
    } else if (p->has_conf) {
        ok = check_configured(p, c->creds_file, true) && ok;
        ok = check_configured(p, c->key_file, true) && ok;
        ok = check_configured(p, c->cert_file, false) && ok;
        ok = check_configured(p, c->ca_file, false) && ok;
    }
    if (ok) {
        checks_add(&p->checks, "files", CHECK_OK, "",
            p->has_user ? "all are there, and the service can read them" : "all are there");
    }
}
