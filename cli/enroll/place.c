/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "sr/banned.h"

/* ---- Folders ---- */

static int
check_folder(const struct file_ops *ops, int fd)
{
    struct stat st;

    if (ops->stat(fd, "", &st, AT_EMPTY_PATH) != 0) {
        return errno;
    }
    return (st.st_mode & S_IWOTH) != 0 ? TROUBLE_EVERYBODY : 0;
}

/* Opens the folder `name` in `fd`. */
static int
step(const struct file_ops *ops, int fd, const char *name, int *ret_fd)
{
    struct stat st;
    int next = ops->open(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

    if (next < 0) {
        int error = errno;
        /* With O_DIRECTORY Linux calls a link no folder. */
        if (error == ENOTDIR && ops->stat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(st.st_mode)) {
            error = ELOOP;
        }
        return error;
    }
    int error = check_folder(ops, next);
    if (error != 0) {
        (void)ops->close(next);
        return error;
    }
    *ret_fd = next;
    return 0;
}

int
place_walk(const struct place *place, const char *path, bool is_folder, int *ret_fd,
    size_t *ret_done, size_t *ret_all)
{
    const char *base = place_base(path);
    size_t all = is_folder ? strlen(path) : base > path ? (size_t)(base - path) - 1 : 0;
    size_t done = 0;
    int fd = place->ops->open(place->root, ".", O_RDONLY | O_DIRECTORY, 0);
    int error = fd < 0 ? errno : 0;

    while (error == 0 && done < all) {
        char name[MANIFEST_NAME_MAX] = "";
        size_t from = done > 0 ? done + 1 : 0;
        size_t len = strcspn(path + from, "/");
        int next = -1;
        if (len >= sizeof(name)) {
            error = ENAMETOOLONG;
            break;
        }
        memcpy(name, path + from, len);
        error = step(place->ops, fd, name, &next);
        if (error == 0) {
            (void)place->ops->close(fd);
            fd = next;
            done = from + len;
        }
    }
    if (error != 0 && (error != ENOENT || fd < 0)) {
        if (fd >= 0) {
            (void)place->ops->close(fd);
        }
        return error;
    }
    *ret_fd = fd;
    *ret_done = done;
    *ret_all = all;
    return 0;
}

int
place_folder_of(const struct place *place, const char *path, int *ret_fd)
{
    int fd = -1;
    size_t done = 0, all = 0;
    int error = place_walk(place, path, false, &fd, &done, &all);

    if (error == 0 && done < all) {
        (void)place->ops->close(fd);
        error = ENOENT;
    }
    if (error == 0) {
        *ret_fd = fd;
    }
    return error;
}

const char *
place_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static int
own_folder(
    const struct file_ops *ops, int parent, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
    int fd = ops->open(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    int error = fd < 0 ? errno : 0;

    if (error == 0 && (ops->fchown(fd, uid, gid) != 0 || ops->fchmod(fd, mode) != 0 ||
                          ops->fsync(fd) != 0 || ops->fsync(parent) != 0)) {
        error = errno;
    }
    if (fd >= 0) {
        (void)ops->close(fd);
    }
    return error;
}

int
place_make_folder(const struct place *place, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
    const struct file_ops *ops = place->ops;
    int parent = -1;
    int error = place_folder_of(place, path, &parent);

    if (error != 0) {
        return error;
    }
    if (ops->mkdir(parent, place_base(path), 0700) != 0) {
        error = errno == EEXIST ? 0 : errno;
    } else {
        error = own_folder(ops, parent, place_base(path), mode, uid, gid);
    }
    (void)ops->close(parent);
    return error;
}

/* ---- Reading ---- */

static int
read_all(const struct file_ops *ops, int fd, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = ops->read(fd, bytes, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EBUSY; /* it became shorter: somebody writes to it */
        }
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

bool
place_state_of(
    struct sr_span content, mode_t mode, uid_t uid, gid_t gid, struct manifest_state *ret_state)
{
    struct manifest_state state = {
        .present = true, .mode = mode, .uid = uid, .gid = gid, .size = content.len
    };

    if (EVP_Digest(content.len > 0 ? content.data : (const uint8_t *)"", content.len, state.hash,
            NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    *ret_state = state;
    return true;
}

static int
look(const struct file_ops *ops, int fd, struct manifest_state *ret_state,
    struct place_content *ret_content)
{
    struct place_content content = { NULL, 0 };
    struct stat st;

    if (ops->stat(fd, "", &st, AT_EMPTY_PATH) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    }
    if ((uint64_t)st.st_size > PLACE_FILE_MAX) {
        return EFBIG;
    }
    content.len = (size_t)st.st_size;
    content.bytes = malloc(content.len + 1);
    int error = content.bytes == NULL ? ENOMEM : read_all(ops, fd, content.bytes, content.len);
    if (error == 0 && !place_state_of((struct sr_span){ content.bytes, content.len },
                          st.st_mode & 07777, st.st_uid, st.st_gid, ret_state)) {
        error = ENOMEM;
    }
    if (error == 0 && ret_content != NULL) {
        *ret_content = content;
    } else {
        place_free(&content);
    }
    return error;
}

int
place_look(const struct file_ops *ops, int folder, const char *name,
    struct manifest_state *ret_state, struct place_content *ret_content)
{
    /* Not waiting: what is there may be a FIFO. */
    int fd = ops->open(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);

    if (fd < 0 && errno == ENOENT) {
        *ret_state = (struct manifest_state){ .present = false };
        if (ret_content != NULL) {
            *ret_content = (struct place_content){ NULL, 0 };
        }
        return 0;
    }
    if (fd < 0) {
        return errno;
    }
    int error = look(ops, fd, ret_state, ret_content);
    (void)ops->close(fd);
    return error;
}

int
place_look_at(const struct place *place, const char *path, struct manifest_state *ret_state,
    struct place_content *ret_content)
{
    int folder = -1;
    int error = place_folder_of(place, path, &folder);

    if (error == ENOENT) {
        *ret_state = (struct manifest_state){ .present = false };
        if (ret_content != NULL) {
            *ret_content = (struct place_content){ NULL, 0 };
        }
        return 0;
    }
    if (error != 0) {
        return error;
    }
    error = place_look(place->ops, folder, place_base(path), ret_state, ret_content);
    (void)place->ops->close(folder);
    return error;
}

void
place_free(struct place_content *content)
{
    if (content->bytes != NULL) {
        OPENSSL_cleanse(content->bytes, content->len);
        free(content->bytes);
    }
    *content = (struct place_content){ NULL, 0 };
}

/* ---- Writing ---- */

static int
write_all(const struct file_ops *ops, int fd, struct sr_span content)
{
    while (content.len > 0) {
        ssize_t n = ops->write(fd, content.data, content.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        content.data += n;
        content.len -= (size_t)n;
    }
    return 0;
}

int
place_remove(const struct file_ops *ops, int folder, const char *name)
{
    return ops->unlink(folder, name, 0) == 0 || errno == ENOENT ? 0 : errno;
}

int
place_write(const struct file_ops *ops, int folder, const char *name, struct sr_span content,
    const struct manifest_state *state)
{
    int error = place_remove(ops, folder, name);

    if (error != 0) {
        return error;
    }
    int fd = ops->open(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno;
    }
    error = write_all(ops, fd, content);
    /* The owner first: the other way round, a new owner would have the old one's mode. */
    if (error == 0 && (ops->fchown(fd, state->uid, state->gid) != 0 ||
                          ops->fchmod(fd, state->mode) != 0 || ops->fsync(fd) != 0)) {
        error = errno;
    }
    if (ops->close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error != 0) {
        (void)place_remove(ops, folder, name);
    }
    return error;
}
