/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/crypto.h>

#include "sr/banned.h"

#define PATH_MAX_LEN 200

static bool
write_entry(struct archive *tar, const char *path, unsigned type, unsigned mode, uint64_t at_s,
    struct sr_span content)
{
    struct archive_entry *entry = archive_entry_new();
    bool ok = false;

    if (entry != NULL) {
        archive_entry_set_pathname(entry, path);
        archive_entry_set_filetype(entry, type);
        archive_entry_set_perm(entry, (mode_t)mode);
        archive_entry_set_size(entry, (la_int64_t)content.len);
        archive_entry_set_mtime(entry, (time_t)at_s, 0);
        archive_entry_set_uname(entry, "root");
        archive_entry_set_gname(entry, "root");
        ok = archive_write_header(tar, entry) == ARCHIVE_OK &&
             (content.len == 0 ||
                 archive_write_data(tar, content.data, content.len) == (la_ssize_t)content.len);
    }
    archive_entry_free(entry);
    return ok;
}

/* The folder that `name` is in, unless that of `before` is the same. */
static bool
write_folder(
    struct archive *tar, const char *folder, uint64_t at_s, const char *name, const char *before)
{
    char path[PATH_MAX_LEN];
    const char *slash = strchr(name, '/');

    if (slash == NULL) {
        return true;
    }
    size_t len = (size_t)(slash - name) + 1;
    if (before != NULL && strncmp(name, before, len) == 0) {
        return true;
    }
    int written = snprintf(path, sizeof(path), "%s/%.*s", folder, (int)len, name);
    return written > 0 && (size_t)written < sizeof(path) &&
           write_entry(tar, path, AE_IFDIR, 0755, at_s, (struct sr_span){ NULL, 0 });
}

static bool
write_all(struct archive *tar, const char *folder, uint64_t at_s, const struct package_file *files,
    size_t count)
{
    char path[PATH_MAX_LEN];

    (void)snprintf(path, sizeof(path), "%s/", folder);
    bool ok = write_entry(tar, path, AE_IFDIR, 0755, at_s, (struct sr_span){ NULL, 0 });
    for (size_t i = 0; i < count && ok; i++) {
        int written = snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
        ok = written > 0 && (size_t)written < sizeof(path) &&
             write_folder(tar, folder, at_s, files[i].name, i > 0 ? files[i - 1].name : NULL) &&
             write_entry(tar, path, AE_IFREG, files[i].mode, at_s, files[i].content);
    }
    return ok;
}

bool
package_write(const char *folder, uint64_t at_s, const struct package_file *files, size_t count,
    uint8_t **ret_bytes, size_t *ret_len)
{
    struct archive *tar = archive_write_new();
    uint8_t *bytes = calloc(1, PACKAGE_BYTES_MAX);
    size_t len = 0;

    bool ok = tar != NULL && bytes != NULL && archive_write_add_filter_gzip(tar) == ARCHIVE_OK &&
              archive_write_set_format_ustar(tar) == ARCHIVE_OK &&
              /* Else gzip's header has the time of the call. */
              archive_write_set_options(tar, "gzip:!timestamp") == ARCHIVE_OK &&
              archive_write_set_bytes_in_last_block(tar, 1) == ARCHIVE_OK &&
              archive_write_open_memory(tar, bytes, PACKAGE_BYTES_MAX, &len) == ARCHIVE_OK &&
              write_all(tar, folder, at_s, files, count) && archive_write_close(tar) == ARCHIVE_OK;
    (void)archive_write_free(tar);
    if (!ok) {
        if (bytes != NULL) {
            OPENSSL_cleanse(bytes, PACKAGE_BYTES_MAX);
        }
        free(bytes);
        return false;
    }
    *ret_bytes = bytes;
    *ret_len = len;
    return true;
}
