/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_BUNDLE_TAR_H_INCLUDED
#define CLI_ENROLL_BUNDLE_TAR_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/bundle.h"

#include "sr/span.h"

/* Reads the gzip tar of a bundle. The bytes are foreign: nothing in them is taken on trust. */

struct bundle_entry {
    char path[BUNDLE_PATH_MAX + 1]; /* normalised: "a/b", without "./", "//" and "/" at the end */
    bool is_folder;
    struct sr_span data; /* borrows the archive's memory */
};

struct bundle_tar {
    uint8_t *memory; /* the content of all files */
    size_t size;
    struct bundle_entry entries[BUNDLE_ENTRIES_MAX];
    size_t count;
};

/*
 * Reads a whole archive: one gzip member (RFC 1952) whose length and CRC-32 are right, and in it a
 * tar (ustar, pax or GNU) of regular files and folders whose end is marked and followed by zeros
 * only. Names are relative, of printable ASCII without "\" and "..", and differ after they are
 * normalised. Returns owned: bundle_tar_done. Errors: BUNDLE_EDAMAGED, _EBOMB, _EENTRIES,
 * _ETRAILING, _ETYPE, _ENAME, _EDUPLICATE and _ENOMEM; `ret_detail` names the entry where there is
 * one, else it is empty.
 */
enum bundle_err bundle_tar_read(
    struct sr_span packed, struct bundle_tar **ret_tar, char ret_detail[BUNDLE_DETAIL_MAX]);

/* Wipes and frees; NULL is allowed. */
void bundle_tar_done(struct bundle_tar *tar);

#endif
