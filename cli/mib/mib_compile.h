/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_MIB_MIB_COMPILE_H_INCLUDED
#define CLI_MIB_MIB_COMPILE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

struct mib_builder;

/* What was found in the folders. */
struct mib_compile_counts {
    size_t names; /* nodes, objects and notifications */
    size_t notifications;
    size_t modules;
    size_t problems; /* each was said */
};

/* Called for each problem with one line: "FILE:LINE: what", or without a place what it is. */
typedef void mib_problem_cb(void *arg, const char *text);

/*
 * Reads all MIB modules in the files of these folders (not of folders in them) with libnetsnmp's
 * parser and adds what they define. A module that does not parse is skipped. The modules that all
 * others import and that Debian does not ship are known (mib_base.h); folders may have their own.
 *
 * The parser's state is global and it cannot be called again: once a process. Its configuration
 * files, environment, persistent files and log are never used. False when a folder cannot be read,
 * or without memory; the last problem says so.
 */
bool mib_compile(char *const *dirs, size_t count, struct mib_builder *b, mib_problem_cb *cb,
    void *arg, struct mib_compile_counts *ret_counts);

#endif
