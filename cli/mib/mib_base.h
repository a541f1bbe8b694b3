/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_MIB_MIB_BASE_H_INCLUDED
#define CLI_MIB_MIB_BASE_H_INCLUDED

/*
 * The modules that nearly every other imports: the names at the top of the tree and the textual
 * conventions, without descriptions. Debian ships none of them.
 */
struct mib_base_module {
    const char *name;
    const char *text;
};

/* Ends with an entry of NULL. */
extern const struct mib_base_module mib_base_modules[];

#endif
