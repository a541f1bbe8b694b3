/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_FOLDER_H_INCLUDED
#define TESTS_UNIT_FOLDER_H_INCLUDED

#include <ftw.h>
#include <stdio.h>

static inline int
folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* Removes a folder with all that is in it. 0 when nothing of it is left. */
static inline int
folder_remove(const char *path)
{
    return nftw(path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
