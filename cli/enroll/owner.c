/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/owner.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

#include "sr/banned.h"

static FILE *
open_table(const char *root, const char *name)
{
    char path[FILES_PATH_MAX];

    return files_path(path, "%s/etc/%s", root, name) ? fopen(path, "re") : NULL;
}

static bool
user_is_in(const char *root)
{
    FILE *file = open_table(root, "passwd");
    const struct passwd *entry = NULL;

    while (file != NULL && (entry = fgetpwent(file)) != NULL &&
           strcmp(entry->pw_name, OWNER_SERVICE) != 0) {
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return entry != NULL;
}

static bool
group_in(const char *root, gid_t *ret_gid)
{
    FILE *file = open_table(root, "group");
    const struct group *entry = NULL;

    while (file != NULL && (entry = fgetgrent(file)) != NULL &&
           strcmp(entry->gr_name, OWNER_SERVICE) != 0) {
    }
    if (entry != NULL) {
        *ret_gid = entry->gr_gid;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return entry != NULL;
}

/* Of the host, whose users may be elsewhere than in its files. */
static bool
group_of_host(gid_t *ret_gid)
{
    const struct group *entry = getgrnam(OWNER_SERVICE);

    if (entry == NULL || getpwnam(OWNER_SERVICE) == NULL) {
        return false;
    }
    *ret_gid = entry->gr_gid;
    return true;
}

enum owner_found
owner_find(const char *root, struct owner *ret_owner)
{
    gid_t gid;

    *ret_owner = (struct owner){ geteuid(), getegid() };
    if (geteuid() != 0) {
        return OWNER_NOT_ROOT;
    }
    if (*root != '\0' ? !user_is_in(root) || !group_in(root, &gid) : !group_of_host(&gid)) {
        return OWNER_NO_SERVICE;
    }
    ret_owner->gid = gid;
    return OWNER_SERVICE_GROUP;
}
