/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CHILD_H_INCLUDED
#define CLI_CHILD_H_INCLUDED

#include <stddef.h>

/* Programs that a command runs for a moment: a daemon that checks a configuration, systemctl. */

#define CHILD_OUTPUT_MAX (256U << 10)

/* Borrowed for the call. */
struct child {
    const char *const
        *argv;      /* argv[0] without a slash is found on our PATH; NULL behind the last */
    const int *fds; /* descriptors that it inherits under their numbers */
    size_t fd_count;
    unsigned timeout_ms; /* then it is killed */
};

/* What it printed, with a NUL behind each; the rest of what does not fit is left out. Large. */
struct child_output {
    char out[CHILD_OUTPUT_MAX];
    char err[CHILD_OUTPUT_MAX];
};

/*
 * Runs the program with no input, a fixed environment (PATH, LC_ALL) in place of ours, and no
 * signal blocked. Returns its exit code, 128 and the signal that ended it, or -1 with errno when it
 * could not be started, or ETIMEDOUT.
 */
int child_run(const struct child *child, struct child_output *ret_output);

#endif
