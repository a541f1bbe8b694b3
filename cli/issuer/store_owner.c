/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/store_parts.h"

#include <errno.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/banned.h"

bool
store_find_owner(struct store *store, const char *file, struct trouble *trouble)
{
    char folder[FILES_PATH_MAX];
    const char *slash = strrchr(file, '/');
    struct stat st;

    if (slash == NULL || !files_path(folder, "%.*s/", (int)(slash - file), file) ||
        stat(folder, &st) != 0) {
        return trouble_say(trouble, errno, "look at its folder",
            "cannot find the owner of the folder of %s: %s", file, strerror(errno));
    }
    store->uid = st.st_uid;
    store->gid = st.st_gid;
    struct store_rights before = store_as_owner(store);
    /* The only way to learn whether it worked is to try another one. */
    bool worked = geteuid() != 0 || setfsuid((uid_t)-1) == (int)st.st_uid;
    store_as_before(before);
    return worked || trouble_say(trouble, EPERM, "run it as that user",
                         "cannot take the rights of the owner of the folder of %s", file);
}

struct store_rights
store_as_owner(const struct store *store)
{
    struct store_rights before = { -1, -1 };

    if (geteuid() == 0) {
        /* The group while the user still is root. */
        before.gid = setfsgid(store->gid);
        before.uid = setfsuid(store->uid);
    }
    return before;
}

void
store_as_before(struct store_rights before)
{
    if (before.uid >= 0) {
        (void)setfsuid((uid_t)before.uid);
        (void)setfsgid((gid_t)before.gid);
    }
}
