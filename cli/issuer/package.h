/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_PACKAGE_H_INCLUDED
#define CLI_ISSUER_PACKAGE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* Gzip tars of a few small files, made in memory. */

#define PACKAGE_BYTES_MAX (512U * 1024) /* of the files together, and of what comes out */

/* A file of a package. Borrowed for the call. */
struct package_file {
    const char *name; /* within the package's folder: "creds/nats.creds" */
    struct sr_span content;
    unsigned mode;
};

/*
 * Packs the files, which come in the order of their names and with an entry before them for each
 * folder, into one folder `folder`. All entries belong to root and have the time `at_s`, so the
 * same files become the same bytes. Returns owned memory with a copy of the files' secrets in it.
 * False without memory, or when the files are larger than PACKAGE_BYTES_MAX.
 */
bool package_write(const char *folder, uint64_t at_s, const struct package_file *files,
    size_t count, uint8_t **ret_bytes, size_t *ret_len);

#endif
