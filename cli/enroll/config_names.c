/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/config_names.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sr/banned.h"

const char *const *
config_names(enum bundle_collector collector)
{
    static const char *const names[][5] = {
        [BUNDLE_UNTOLD] = { NULL },
        [BUNDLE_SYSLOG] = { "syslog.yaml", "syslog.json", "flowgger.toml", "log-collector.toml",
            NULL },
        [BUNDLE_TRAPD] = { "trapd.yaml", "trapd.json", NULL },
        [BUNDLE_NETFLOW] = { "netflow.yaml", "netflow.json", "flow-collector.json", NULL },
    };

    return names[collector];
}

static bool
is_named(const char *path, const char *name)
{
    static const char dir[] = CONFIG_NAMES_DIR "/";

    return strncmp(path, dir, sizeof(dir) - 1) == 0 && strcmp(path + sizeof(dir) - 1, name) == 0;
}

bool
config_names_has(enum bundle_collector collector, const char *path)
{
    for (const char *const *name = config_names(collector); *name != NULL; name++) {
        if (is_named(path, *name)) {
            return true;
        }
    }
    return false;
}

bool
config_names_shadow(const char *root, enum bundle_collector collector, const char *path,
    const char *but, char ret_path[FILES_PATH_MAX])
{
    struct stat st;

    for (const char *const *name = config_names(collector); *name != NULL; name++) {
        if (is_named(path, *name)) {
            return false;
        }
        if (!is_named(but, *name) &&
            files_path(ret_path, "%s" CONFIG_NAMES_DIR "/%s", root, *name) &&
            stat(ret_path, &st) == 0) {
            return true;
        }
    }
    return false;
}
