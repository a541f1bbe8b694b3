/* SPDX-License-Identifier: Apache-2.0 */
#include "mib_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/banned.h"

/* Maps a whole file; NULL with errno. */
static void *
map_file(const char *path, size_t *ret_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        return NULL;
    }
    void *map = MAP_FAILED;
    if (fstat(fd, &st) == 0) {
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        /* So that the first traps do not wait for the disk. */
        if (map != MAP_FAILED) {
            (void)madvise(map, (size_t)st.st_size, MADV_WILLNEED);
        }
    }
    int err = errno;
    (void)close(fd);
    if (map == MAP_FAILED) {
        errno = err;
        return NULL;
    }
    *ret_size = (size_t)st.st_size;
    return map;
}

bool
mib_file_open(const char *path, struct mib_file *ret_file, char *error, size_t error_size)
{
    struct mib_file file = { .size = 0 };

    file.map = map_file(path, &file.size);
    if (file.map == NULL) {
        (void)snprintf(error, error_size, "mib_file: cannot map %s: %s", path, strerror(errno));
        return false;
    }
    if (!mib_table_open((struct sr_span){ file.map, file.size }, &file.table)) {
        (void)snprintf(error, error_size,
            "mib_file: %s is no table of names of this version; write it with "
            "`serviceradar-cli mib compile`",
            path);
        mib_file_close(&file);
        return false;
    }
    *ret_file = file;
    return true;
}

void
mib_file_close(struct mib_file *file)
{
    if (file->map != NULL) {
        (void)munmap(file->map, file->size);
        file->map = NULL;
    }
}
