/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_CONFIG_NAMES_H_INCLUDED
#define CLI_ENROLL_CONFIG_NAMES_H_INCLUDED

#include <stdbool.h>

#include "files.h"

/*
 * The names that the configuration of a collector may have in /etc/serviceradar. Its unit gives all
 * of them to the daemon, which reads the first that exists (packaging/README.md). `name` is
 * "netflow", or "netflow@site2" of an instance (record_name()).
 */
#define CONFIG_NAMES_DIR "/etc/serviceradar"

/* Whether the unit reads a file of that absolute path. */
bool config_names_has(const char *name, const char *path);

/*
 * The first file under `root` that exists and that the daemon reads before `path`, or instead of it
 * when the unit does not read that; `but` (may be empty) is left out of account. All are absolute
 * on the host. False when there is none.
 */
bool config_names_shadow(const char *root, const char *name, const char *path, const char *but,
    char ret_path[FILES_PATH_MAX]);

#endif
