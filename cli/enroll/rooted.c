/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sr/banned.h"

#define NAME_ROOM 256

static bool
open_root(const char *root, struct place *ret_place, struct trouble *trouble)
{
    int fd = open(*root != '\0' ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return trouble_errno(trouble, errno, "open the root", root + (*root == '/'));
    }
    *ret_place = (struct place){ &file_ops_system, fd };
    return true;
}

bool
rooted_read(
    const char *root, const char *path, struct place_content *ret_content, struct trouble *trouble)
{
    struct place place = { &file_ops_system, -1 };
    struct manifest_state state = { .present = false };
    struct place_content content = { NULL, 0 };

    if (!open_root(root, &place, trouble)) {
        return false;
    }
    int error = place_look_at(&place, path, &state, &content);
    (void)close(place.root);
    if (error == 0 && !state.present) {
        error = ENOENT;
    }
    if (error != 0) {
        return trouble_errno(trouble, error, "read", path);
    }
    *ret_content = content;
    return true;
}

static int
replace(int folder, const char *name, struct sr_span content)
{
    const struct manifest_state private = {
        .present = true, .mode = 0600, .uid = geteuid(), .gid = getegid()
    };
    char fresh[NAME_ROOM];
    int len = snprintf(fresh, sizeof(fresh), ".%s.new", name);

    if (len < 0 || (size_t)len >= sizeof(fresh)) {
        return ENAMETOOLONG;
    }
    int error = place_write(&file_ops_system, folder, fresh, content, &private);
    if (error == 0 && (renameat(folder, fresh, folder, name) != 0 || fsync(folder) != 0)) {
        error = errno;
    }
    return error;
}

bool
rooted_write(const char *root, const char *path, struct sr_span content, struct trouble *trouble)
{
    struct place place = { &file_ops_system, -1 };
    int folder = -1;

    if (!open_root(root, &place, trouble)) {
        return false;
    }
    int error = place_folder_of(&place, path, &folder);
    if (error == 0) {
        error = replace(folder, place_base(path), content);
        (void)close(folder);
    }
    (void)close(place.root);
    return error == 0 || trouble_errno(trouble, error, "write", path);
}

bool
rooted_remove(const char *root, const char *path, struct trouble *trouble)
{
    struct place place = { &file_ops_system, -1 };
    int folder = -1;

    if (!open_root(root, &place, trouble)) {
        return false;
    }
    int error = place_folder_of(&place, path, &folder);
    if (error == 0) {
        error = place_remove(&file_ops_system, folder, place_base(path));
        (void)close(folder);
    }
    (void)close(place.root);
    return error == 0 || error == ENOENT || trouble_errno(trouble, error, "remove", path);
}
