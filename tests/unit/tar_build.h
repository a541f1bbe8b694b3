/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_TAR_BUILD_H_INCLUDED
#define TESTS_UNIT_TAR_BUILD_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/* Archives made by hand, so that they can be wrong in any way. */

#define TAR_BUILD_MAX (256U * 1024)

/* Starts as zeros. */
struct tar_build {
    uint8_t bytes[TAR_BUILD_MAX];
    size_t len;
};

/* Appends a header of `type` and `data` padded to whole blocks. Aborts when there is no room. */
void tar_build_entry(struct tar_build *tar, char type, const char *name, struct sr_span data);

/* As that, for a header whose size field says `size` whatever follows. */
void tar_build_header(struct tar_build *tar, char type, const char *name, uint64_t size);

/* Appends the two blocks of zeros that end an archive. */
void tar_build_end(struct tar_build *tar);

/* Appends a regular file with `text` in it. */
void tar_build_file(struct tar_build *tar, const char *name, const char *text);

/*
 * A gzip member of `plain`, not compressed (RFC 1951, section 3.2.4), with the right CRC-32 and
 * length behind it. Returns owned memory: free() it.
 */
uint8_t *tar_build_gzip(struct sr_span plain, size_t *ret_len);

#endif
