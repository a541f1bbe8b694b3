/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "sr/suite.h"
#include "world/server.h"

#include "sr/banned.h"

#define DEFAULT_PORT 4222
#define START_MS 10000
#define LOG_MAX (1U << 20)
#define PID_TEXT_MAX 32

struct options {
    const char *dir;
    const char *server; /* NULL to look for one */
    bool streams;
    bool replace;
};

static const char HELP[] =
    "usage: serviceradar-provision dev --dir DIR [OPTION]...\n"
    "\n"
    "Makes an operator, tenants with users and certificates, and the configuration of a server\n"
    "and of collectors in DIR; then starts the server for a moment to make the streams.\n"
    "DIR/README.txt says what each file is and how to go on.\n"
    "\n"
    "  --dir DIR           the folder: absent, or empty\n"
    "  --port PORT         of the server, on 127.0.0.1 (4222)\n"
    "  --tenant NAME       a tenant; may be repeated (acme and globex)\n"
    "  --no-streams        make no streams; nats-server is then not needed\n"
    "  --nats-server FILE  the server to start (the one on PATH or in /usr/sbin)\n"
    "  --force             replace the keys and streams of a world that DIR holds already\n";

enum parsed { PARSED_RUN, PARSED_HELP, PARSED_WRONG };

static bool
add_tenant(struct world *w, const char *name)
{
    enum world_err err = world_add_tenant(w, name);

    if (err != WORLD_OK) {
        complain("--tenant \"%s\": %s", name, world_strerror(err));
    }
    return err == WORLD_OK;
}

/* Takes one option in; false after a complaint. */
static bool
take_option(int option, struct options *o, struct world *w)
{
    switch (option) {
    case 'd': o->dir = optarg; return true;
    case 's': o->server = optarg; return true;
    case 'n': o->streams = false; return true;
    case 'f': o->replace = true; return true;
    case 't': return add_tenant(w, optarg);
    case 'p':
        if (provision_port(optarg, &w->port)) {
            return true;
        }
        complain("--port \"%s\": a port is 1 to 65535", optarg);
        return false;
    default: complain("see serviceradar-provision dev --help"); return false;
    }
}

static enum parsed
parse(int argc, char **argv, struct options *o, struct world *w)
{
    static const struct option known[] = {
        { "dir", required_argument, NULL, 'd' },
        { "port", required_argument, NULL, 'p' },
        { "tenant", required_argument, NULL, 't' },
        { "no-streams", no_argument, NULL, 'n' },
        { "nats-server", required_argument, NULL, 's' },
        { "force", no_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "", known)) != -1) {
        if (option == 'h') {
            return PARSED_HELP;
        }
        if (!take_option(option, o, w)) {
            return PARSED_WRONG;
        }
    }
    if (optind < argc) {
        complain("dev takes no \"%s\"; see serviceradar-provision dev --help", argv[optind]);
        return PARSED_WRONG;
    }
    if (o->dir == NULL) {
        complain("dev needs --dir DIR; see serviceradar-provision dev --help");
        return PARSED_WRONG;
    }
    if (w->tenant_count == 0) {
        return add_tenant(w, "acme") && add_tenant(w, "globex") ? PARSED_RUN : PARSED_WRONG;
    }
    return PARSED_RUN;
}

static enum admin_err
make_stream(struct admin *admin, const char *tenant, const struct sr_suite_stream *stream)
{
    char text[2 * SR_SUITE_SUBJECTS_PER_ENTRY][SR_SUITE_SUBJECT_MAX];
    const char *subjects[2 * SR_SUITE_SUBJECTS_PER_ENTRY];
    size_t count = 0;

    for (const char *const *s = stream->subjects; *s != NULL; s++) {
        (void)snprintf(text[count], SR_SUITE_SUBJECT_MAX, "%s.%s", tenant, *s);
        (void)snprintf(
            text[count + 1], SR_SUITE_SUBJECT_MAX, "%s.%s" SR_SUITE_DEADLETTER, tenant, *s);
        subjects[count] = text[count];
        subjects[count + 1] = text[count + 1];
        count += 2;
    }
    const struct admin_stream wanted = { .name = stream->name,
        .subjects = subjects,
        .subject_count = count,
        .max_bytes = stream->max_bytes,
        .window_s = stream->window_s };
    return admin_add_stream(admin, &wanted);
}

static bool
make_tenant_streams(const struct world *w, const char *tenant)
{
    struct admin *admin = NULL;
    enum admin_err err = provision_connect(w, tenant, "platform", &admin);

    if (err != ADMIN_OK) {
        return false;
    }
    for (const struct sr_suite_stream *s = sr_suite_streams; s->name != NULL && err == ADMIN_OK;
         s++) {
        err = make_stream(admin, tenant, s);
        if (err != ADMIN_OK) {
            complain("stream %s of %s: %s (%s)", s->name, tenant, admin_strerror(err),
                admin_detail(admin));
        }
    }
    admin_close(admin);
    return err == ADMIN_OK;
}

/* The last line of the server's output: it says why it ended. */
static void
complain_with_log(enum server_err err, const char *log)
{
    char *text = NULL;
    size_t len = 0;
    const char *reason = err == SERVER_ESTART ? strerror(errno) : "";

    if (err != SERVER_ESTART && files_read(log, LOG_MAX, &text, &len)) {
        while (len > 0 && text[len - 1] == '\n') {
            text[--len] = '\0';
        }
        const char *line = strrchr(text, '\n');
        reason = line != NULL ? line + 1 : text;
    }
    complain("%s %s (its output is in %s)", server_strerror(err), reason, log);
    free(text);
}

static bool
run_and_make_streams(const struct world *w, const char *program)
{
    char config[FILES_PATH_MAX], log[FILES_PATH_MAX], pid_file[FILES_PATH_MAX];
    pid_t pid;
    bool ok = true;

    if (!files_path(config, "%s/nats-server.conf", w->dir) ||
        !files_path(log, "%s/nats-server.log", w->dir) ||
        !files_path(pid_file, "%s/nats-server.pid", w->dir)) {
        return false;
    }
    enum server_err err = server_start(program, config, log, w->port, START_MS, &pid);
    if (err != SERVER_OK) {
        complain_with_log(err, log);
        return false;
    }
    for (size_t i = 0; i < w->tenant_count && ok; i++) {
        ok = make_tenant_streams(w, w->tenants[i].name);
    }
    server_stop(pid);
    /* The server leaves it, and a stale one misleads those who stop servers by it. */
    (void)unlink(pid_file);
    return ok;
}

/* Holds signals back meanwhile, or one of them would leave the server running alone. */
static bool
make_streams(const struct world *w, const char *program)
{
    sigset_t held, before;

    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGHUP);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &held, &before);
    bool ok = run_and_make_streams(w, program);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return ok;
}

/*
 * Whether the server of the world in `dir` runs. Its pid file alone may be stale, and its port may
 * be another program's: only both together count.
 */
static bool
old_server_runs(const char *dir)
{
    static struct world old;
    char path[FILES_PATH_MAX];
    char *text = NULL;
    size_t len = 0;

    if (world_open(&old, dir) != WORLD_OK || !server_port_taken(old.port) ||
        !files_path(path, "%s/nats-server.pid", old.dir) ||
        !files_read(path, PID_TEXT_MAX, &text, &len)) {
        return false;
    }
    long pid = strtol(text, NULL, 10);
    free(text);
    if (pid <= 1 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH)) {
        return false;
    }
    complain("%s: its nats-server is running (pid %ld); stop it first", dir, pid);
    return true;
}

/* Tests what can be wrong before anything is written. */
static bool
preflight(const struct options *o, const struct world *w, char program[FILES_PATH_MAX])
{
    if (o->streams && server_find(o->server, program) != SERVER_OK) {
        complain("%s", server_strerror(SERVER_EMISSING));
        return false;
    }
    if (o->replace && old_server_runs(o->dir)) {
        return false;
    }
    if (o->streams && server_port_taken(w->port)) {
        complain("port %u of 127.0.0.1 is in use: stop what listens there (a nats-server?), or "
                 "choose another with --port",
            w->port);
        return false;
    }
    return true;
}

static int
make_world(const struct options *o, struct world *w)
{
    char program[FILES_PATH_MAX] = "";

    if (!preflight(o, w, program)) {
        return EXIT_RUNTIME;
    }
    enum world_err err = world_claim_dir(w, o->dir, o->replace);
    if (err == WORLD_OK) {
        err = world_write(w);
    }
    if (err != WORLD_OK) {
        provision_complain(err, o->dir);
        return EXIT_RUNTIME;
    }
    if (o->streams && !make_streams(w, program)) {
        complain("%s has no streams yet; once the cause is gone, run dev --force", w->dir);
        return EXIT_RUNTIME;
    }
    (void)printf("%s is ready; %s/README.txt says how to go on\n", w->dir, w->dir);
    return EXIT_SUCCESS;
}

int
provision_dev(int argc, char **argv)
{
    static struct world w; /* large, and wiped below */
    struct options o = { .streams = true };

    w.port = DEFAULT_PORT;
    w.now_s = (uint64_t)time(NULL);
    enum parsed parsed = parse(argc, argv, &o, &w);
    if (parsed == PARSED_HELP) {
        (void)fputs(HELP, stdout);
        return EXIT_SUCCESS;
    }
    if (parsed == PARSED_WRONG) {
        return EXIT_USAGE;
    }
    int code = make_world(&o, &w);
    world_done(&w);
    return code;
}
