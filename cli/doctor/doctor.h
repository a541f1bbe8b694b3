/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCTOR_DOCTOR_H_INCLUDED
#define CLI_DOCTOR_DOCTOR_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/conf.h"
#include "enroll/bundle.h"
#include "enroll/record.h"
#include "files.h"
#include "trouble.h"

/*
 * The parts of `serviceradar-cli doctor`: each file looks at one side of a collector and adds what
 * it finds. Nothing here changes anything on the host or stores anything in a stream.
 */

enum check_result { CHECK_OK, CHECK_WARN, CHECK_FAIL, CHECK_SKIP };

/* One thing that was looked at. The ids are for scripts and stay as they are. */
struct check {
    const char *id; /* static */
    enum check_result result;
    struct trouble trouble; /* the cause says what was found, also when that is fine */
};

#define CHECKS_MAX 96

struct checks {
    struct check list[CHECKS_MAX];
    size_t count;
};

/* Adds a check; what does not fit is left out. `remedy` is "" for what is fine. */
void checks_add(struct checks *checks, const char *id, enum check_result result, const char *remedy,
    const char *cause, ...) __attribute__((format(printf, 5, 6)));

/* The same for a trouble that is known. */
void checks_add_trouble(
    struct checks *checks, const char *id, enum check_result result, const struct trouble *trouble);

/* Copies a sentence as causes and remedies are: small at its beginning, and without a full stop. */
void doctor_phrase(char *out, size_t size, const char *sentence);

/* Whether a check of that id has that result. */
bool checks_have(const struct checks *checks, const char *id, enum check_result result);

/* What was asked for. Borrowed. */
struct doctor_options {
    const char *root; /* "" is the host */
    const char *config;
    const char *reader_creds;        /* --creds */
    enum bundle_collector collector; /* BUNDLE_UNTOLD: all */
    char name[RECORD_NAME_MAX];      /* of that one */
    unsigned timeout_ms;
    bool json, quiet;
    uint64_t now_s;
};

/* A collector that is looked at. */
struct patient {
    const struct doctor_options *options;
    long unit_pid; /* 0: none */
    struct record record;
    struct doctor_conf conf;
    struct checks checks;
    enum bundle_collector collector;
    uid_t uid;
    int gid_count;
    gid_t gids[32];
    char config[FILES_PATH_MAX]; /* as this process opens it; empty: none was found */
    char name[RECORD_NAME_MAX];  /* "netflow", or "netflow@site2" of an instance */
    char unit[RECORD_TEXT_MAX];
    char server_stream[128];      /* that stores its records, as the server says */
    bool enrolled;                /* `record` counts */
    bool has_conf;                /* the daemon has read the configuration, and `conf` counts */
    bool has_user;                /* the service's user is known */
    bool unit_known, unit_active; /* systemd told */
    bool socket_active;           /* so it holds the ports of the .socket unit */
    bool nobody_listens;          /* on a port of the configuration */
};

/* The path of a file of the host beneath the root. False when it is too long. */
bool doctor_path(const struct doctor_options *options, const char *path, char out[FILES_PATH_MAX]);

/* Folder of the programs of this suite: where this one is. */
bool doctor_program_dir(char out[FILES_PATH_MAX]);

/* Static: "serviceradar-trapd". */
const char *doctor_daemon(enum bundle_collector collector);

/* What is the host's: token keys, the service user, programs that shadow ours, old units. */
void doctor_check_host(const struct doctor_options *options, struct checks *checks);

/* Finds the service's user, for doctor_check_files. */
void doctor_find_user(struct patient *p);

/* Reads the configuration by the daemon's own loader; sets `conf`. */
void doctor_check_config(struct patient *p);

/* Files: there, readable by the service, not by others. */
void doctor_check_files(struct patient *p);

/* Credentials, certificates, and the clock against them and the core's. */
void doctor_check_material(struct patient *p);
void doctor_check_clock(struct patient *p, int64_t server_offset_s);

/* The connection, step by step; what the server told of its clock. */
void doctor_check_nats(struct patient *p, int64_t *ret_offset_s);

/* With --creds: the account and the stream. */
void doctor_check_stream(struct patient *p);

/* The unit, the ports and buffers, the queue's disk. */
void doctor_check_unit(struct patient *p);
void doctor_check_listeners(struct patient *p);
void doctor_check_disk(struct patient *p);

/* What the running daemon says of itself. */
void doctor_check_daemon(struct patient *p);

/* ---- Output ---- */

/* Prints a heading and its checks for people. */
void doctor_show(const char *heading, const struct checks *checks, bool quiet);

struct json_t;

/* Adds them to an array of JSON. False without memory. */
bool doctor_add_json(struct json_t *array, const struct checks *checks);

#endif
