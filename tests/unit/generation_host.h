/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_GENERATION_HOST_H_INCLUDED
#define TESTS_UNIT_GENERATION_HOST_H_INCLUDED

#include <stdbool.h>
#include <sys/types.h>

#include "enroll/generation.h"

/* A root in a scratch folder, for the tests of generations. All asserts. */
struct host {
    char root[64];
};

void host_make(struct host *host);
void host_remove(const struct host *host);

/* Makes the folders of a path, mode 0755. */
void host_folder(const struct host *host, const char *path);

/* Writes a file, as an operator does it: in place. */
void host_write(const struct host *host, const char *path, const char *text, mode_t mode);

/* Owned text of a file, or NULL when there is none. */
char *host_read(const struct host *host, const char *path);

/* Permission bits of what is there. */
mode_t host_mode(const struct host *host, const char *path);

/*
 * Everything beneath a folder, sorted, a line each: path, type, mode, owner, content. Without the
 * lock, whose content is a process id, and without `but` (a path beneath the root; or NULL). Owned.
 */
char *host_picture(const struct host *host, const char *but);

/* A file of a set: ours, mode 0640; a text of NULL is a file that shall not be there. */
struct generation_file host_file(const char *path, const char *text);

/* Opens with these functions (NULL: fault_ops); fails the test when it cannot. */
struct generations *host_open(const struct host *host, const struct file_ops *ops);

/* Opens with such functions, applies, closes. */
bool host_apply(const struct host *host, const struct file_ops *ops,
    const struct generation_file *files, size_t count, uint64_t time, struct trouble *ret_trouble);

/* ---- Functions of the disk that count, and end or fail ---- */

enum fault_kind {
    FAULT_NONE,
    FAULT_STOP,    /* the process ends before the call number `at` of those that change something */
    FAULT_ONCE,    /* call number `at` fails */
    FAULT_FOREVER, /* that one and all after it fail */
};

#define FAULT_EXIT 99

/* Counts from 1 from here on. Syncing does nothing, for it takes long and shows nothing here. */
void fault_set(enum fault_kind kind, unsigned at, int error);
unsigned fault_calls(void);

extern const struct file_ops fault_ops;

#endif
