/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/config_names.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sr/banned.h"

#define FILE_NAME_MAX 64

/* The best first. */
static const struct {
    const char *name;
    const char *files[4];
} known[] = {
    { "syslog", { "syslog.yaml", "syslog.json", "flowgger.toml", "log-collector.toml" } },
    { "trapd", { "trapd.yaml", "trapd.json" } },
    { "netflow", { "netflow.yaml", "netflow.json", "flow-collector.json" } },
};

/* The file of that rank; false behind the last. */
static bool
file_of(const char *name, size_t rank, char out[FILE_NAME_MAX])
{
    static const char *const ends[] = { ".yaml", ".json" };
    const char *file = NULL;

    if (strchr(name, '@') != NULL) {
        return rank < 2 && snprintf(out, FILE_NAME_MAX, "%s%s", name, ends[rank]) < FILE_NAME_MAX;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0 && rank < 4) {
            file = known[i].files[rank];
        }
    }
    return file != NULL && snprintf(out, FILE_NAME_MAX, "%s", file) < FILE_NAME_MAX;
}

static bool
is_named(const char *path, const char *file)
{
    static const char dir[] = CONFIG_NAMES_DIR "/";

    return strncmp(path, dir, sizeof(dir) - 1) == 0 && strcmp(path + sizeof(dir) - 1, file) == 0;
}

bool
config_names_has(const char *name, const char *path)
{
    char file[FILE_NAME_MAX];

    for (size_t rank = 0; file_of(name, rank, file); rank++) {
        if (is_named(path, file)) {
            return true;
        }
    }
    return false;
}

bool
config_names_shadow(const char *root, const char *name, const char *path, const char *but,
    char ret_path[FILES_PATH_MAX])
{
    char file[FILE_NAME_MAX];
    struct stat st;

    for (size_t rank = 0; file_of(name, rank, file) && !is_named(path, file); rank++) {
        if (!is_named(but, file) && files_path(ret_path, "%s" CONFIG_NAMES_DIR "/%s", root, file) &&
            stat(ret_path, &st) == 0) {
            return true;
        }
    }
    return false;
}
