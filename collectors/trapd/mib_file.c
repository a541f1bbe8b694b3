/* SPDX-License-Identifier: Apache-2.0 */
#include "mib_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/banned.h"

/* Maps all of a file that has bytes; false with errno, which is 0 for one without. */
static bool
map(const char *path, struct mib_file *n)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    bool ok = fstat(fd, &st) == 0;
    if (ok && (!S_ISREG(st.st_mode) || st.st_size == 0)) {
        errno = 0;
        ok = false;
    }
    if (ok) {
        n->len = (size_t)st.st_size;
        n->base = mmap(NULL, n->len, PROT_READ, MAP_SHARED, fd, 0);
        ok = n->base != MAP_FAILED;
    }
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return ok;
}

bool
mib_file_open(const char *path, struct mib_file *ret_file, char *error, size_t error_size)
{
    struct mib_file n = { 0 };

    if (!map(path, &n) && errno != 0) {
        (void)snprintf(error, error_size, "mib_file: cannot read %s: %s", path, strerror(errno));
        return false;
    }
    if (n.base == NULL || !mib_table_open((struct sr_span){ n.base, n.len }, &n.table)) {
        (void)snprintf(error, error_size,
            "mib_file: %s is no table of names; make it with `serviceradar-cli mib compile`", path);
        mib_file_close(&n);
        return false;
    }
    *ret_file = n;
    return true;
}

void
mib_file_close(struct mib_file *n)
{
    if (n->base != NULL) {
        (void)munmap(n->base, n->len);
    }
    *n = (struct mib_file){ 0 };
}
