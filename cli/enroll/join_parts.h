/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_JOIN_PARTS_H_INCLUDED
#define CLI_ENROLL_JOIN_PARTS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "enroll/join.h"
#include "enroll/join_ops.h"
#include "enroll/owner.h"
#include "enroll/settings.h"
#include "sr/buf.h"

/* The steps of join_apply. */

#define JOIN_CONFIG_DIR "/etc/serviceradar"
#define JOIN_RECORD_MAX 16384

/* What a collector reads from the disk, in the order of struct join's `files`. */
enum join_part { JOIN_CONFIG, JOIN_CREDS, JOIN_CERTIFICATE, JOIN_KEY, JOIN_CA_CHAIN, JOIN_PARTS };

/* Files that a set has at most: the parts, the record, and parts that were elsewhere before. */
#define JOIN_FILES_MAX (JOIN_PARTS + 1 + JOIN_PARTS)

/* One run. Starts as zeros; join_done(). */
struct join {
    struct generations *g;
    const struct join_options *options;
    const struct join_ops *ops;
    const char *root;
    const struct bundle *bundle;
    struct sr_span raw;
    struct record *record;
    char name[RECORD_NAME_MAX]; /* of the collector, from join_choose on */
    char record_path[RECORD_PATH_MAX];
    join_say_cb *say;
    void *arg;
    char daemon[FILES_PATH_MAX];
    struct settings settings; /* what the configuration says; from join_place on, as placed */
    uint8_t *config;          /* with the paths as placed; owned */
    size_t config_len;
    struct owner owner;
    char record_text[JOIN_RECORD_MAX];
    char gone[JOIN_PARTS][RECORD_TEXT_MAX]; /* absolute paths of an enrolment before */
    struct generation_file files[JOIN_FILES_MAX];
    size_t file_count;
    bool proven_before; /* a record of the same enrolment is there */
    bool started;       /* the unit was told to start, whatever came of it */
};

void join_say(const struct join *j, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The part's path in a record. */
char *join_path_of(struct record *record, enum join_part part);

/* Decides which collector it is: the bundle's, or that of the options. */
bool join_choose(struct join *j, struct trouble *trouble);

/* Asks the daemon what the configuration says, and checks what is in the bundle. */
bool join_check(struct join *j, struct trouble *trouble);

/*
 * Decides where each file goes, makes the configuration say so, and lets the daemon check that;
 * fills the record's paths and the set. `*ret_exit` is JOIN_EXIT_BUNDLE or _FILES on failure.
 */
bool join_place(struct join *j, int *ret_exit, struct trouble *trouble);

/* The set as join_place() has filled it. */
struct generation_set join_set(const struct join *j);

/* The default path of a part: named after the collector, in the folders of the options. */
bool join_default_path(const struct join_options *options, const char *name, enum join_part part,
    const char *extension, char out[RECORD_TEXT_MAX]);

/*
 * Whether the service will read a configuration at `path`, and not one that is there already and
 * goes before it; `before` is what an enrolment before put there and is replaced. A path that the
 * units do not look at is warned of only.
 */
bool join_check_choice(const struct join *j, const char *name, const char *path, const char *before,
    struct trouble *trouble);

/* The instance that the options name, or "". */
const char *join_instance(const struct join *j);

/*
 * Whether another collector of the host has a port, a port for numbers or a queue of these
 * settings. `with_listens` is false before there is a bundle.
 */
bool join_check_room(const struct join *j, const char *name, const struct settings *settings,
    bool with_listens, struct trouble *trouble);

/*
 * Warns when another program has the port of the package's .socket unit. The bundle that is yet to
 * come may name another one, so nothing is refused for that.
 */
void join_warn_of_port(const struct join *j, enum bundle_collector collector);

/*
 * After a start that failed: when another program has a port of the configuration, that becomes the
 * cause, before what `trouble` says already. Returns false always, for `return`.
 */
bool join_blame_port(const struct join *j, struct trouble *trouble);

/* Proves what is in place, and says what was seen. */
bool join_prove(struct join *j, struct trouble *trouble);

/* Finds whom files belong to; says why when it is not the service. False: files cannot be made. */
bool join_find_owner(struct join *j, struct trouble *trouble);

#endif
