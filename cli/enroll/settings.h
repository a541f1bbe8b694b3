/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_SETTINGS_H_INCLUDED
#define CLI_ENROLL_SETTINGS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "enroll/bundle.h"
#include "enroll/record.h"
#include "files.h"
#include "sr/span.h"
#include "trouble.h"

/*
 * What a configuration means, in the words of the daemon that will run with it: this program knows
 * no configuration keys of its own but those of the output that all daemons share.
 */

#define SETTINGS_TEXT_MAX 513
#define SETTINGS_LIST_MAX 8

/* Texts that are not set are empty. */
struct settings {
    char creds[SETTINGS_TEXT_MAX];
    char certificate[SETTINGS_TEXT_MAX];
    char key[SETTINGS_TEXT_MAX];
    char ca_chain[SETTINGS_TEXT_MAX];
    char urls[SETTINGS_LIST_MAX][SETTINGS_TEXT_MAX];
    char subjects[SETTINGS_LIST_MAX][SETTINGS_TEXT_MAX]; /* of the listeners, each once */
    char listens[SETTINGS_LIST_MAX][SETTINGS_TEXT_MAX];
    char inbox_prefix[SETTINGS_TEXT_MAX]; /* empty: taken from the credentials */
    char metrics[SETTINGS_TEXT_MAX];      /* ADDRESS:PORT; empty: none */
    char queue_dir[SETTINGS_TEXT_MAX];
    char output[SETTINGS_TEXT_MAX];
    bool dead_letter;
};

/*
 * Finds the daemon of a collector: in `dir` when that is not NULL, else beside this program, else
 * in ROOT/usr/sbin, ROOT/usr/bin, /usr/sbin and /usr/bin.
 */
bool settings_daemon(const char *root, const char *dir, enum bundle_collector collector,
    char ret_program[FILES_PATH_MAX], struct trouble *trouble);

/*
 * Asks the daemon what it makes of `config`. `name` is the file's in messages, `instance` (or "")
 * that of the collector, which the path of a file says by itself. Files that the
 * configuration names need not be there. The first problem that the daemon finds becomes the cause.
 */
bool settings_of_text(const char *daemon, struct sr_span config, const char *name,
    const char *instance, struct settings *ret_settings, struct trouble *trouble);

/* What an instance of the daemon has without any configuration. */
bool settings_of_nothing(const char *daemon, const char *instance, struct settings *ret_settings,
    struct trouble *trouble);

/* The same for a file on the disk. */
bool settings_of_file(
    const char *daemon, const char *path, struct settings *ret_settings, struct trouble *trouble);

/*
 * The same for the configuration that a record names, under `root`. `dir` is where daemons are, as
 * in settings_daemon(). Nobody is told why it is false.
 */
bool settings_of_record(
    const char *root, const char *dir, const struct record *record, struct settings *ret_settings);

/*
 * Lets the daemon check `config` as it would start with it, with the bundle's credentials and TLS
 * material in place of the files that `settings` names. Nothing is written to any disk.
 */
bool settings_check(const char *daemon, const struct bundle *bundle, struct sr_span config,
    const struct settings *settings, struct trouble *trouble);

#endif
