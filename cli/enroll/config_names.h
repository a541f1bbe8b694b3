/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_CONFIG_NAMES_H_INCLUDED
#define CLI_ENROLL_CONFIG_NAMES_H_INCLUDED

#include <stdbool.h>

#include "enroll/bundle.h"
#include "files.h"

/*
 * The names that a configuration may have in /etc/serviceradar. The units give all of them to the
 * daemon, which reads the first that exists (packaging/README.md).
 */
#define CONFIG_NAMES_DIR "/etc/serviceradar"

/* Those of a collector, the best first and NULL behind the last. Static. */
const char *const *config_names(enum bundle_collector collector);

/* Whether the units read a file of that absolute path. */
bool config_names_has(enum bundle_collector collector, const char *path);

/*
 * The first file under `root` that exists and that the daemon reads before `path`, or instead of it
 * when the units do not read that; `but` (may be empty) is left out of account. All are absolute on
 * the host. False when there is none.
 */
bool config_names_shadow(const char *root, enum bundle_collector collector, const char *path,
    const char *but, char ret_path[FILES_PATH_MAX]);

#endif
