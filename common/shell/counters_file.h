/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_COUNTERS_FILE_H_INCLUDED
#define SHELL_COUNTERS_FILE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/counters.h"

/*
 * The bytes of a file of counters, in host order: the head, a directory with an entry for each
 * slot, then the slots. A slot is, each part on a cache line of its own:
 *
 *   which of the copies holds (4 bytes)
 *   copy 0, copy 1: the values, 8 bytes each
 *   the names, SR_COUNTERS_NAME_MAX bytes each
 *   the raw bytes
 */
#define COUNTERS_MAGIC "SRCOUNT\n"
#define COUNTERS_VERSION 1U
#define COUNTERS_BYTE_ORDER 0x01020304U
#define COUNTERS_LINE 64U /* bytes of a cache line: no two threads write to one */

/* What a file may have at most, so that a foreign one costs no more memory than that. */
#define COUNTERS_SIZE_MAX (64U * 1024U * 1024U)
#define COUNTERS_SLOTS_MAX 4096U

struct counters_head {
    char magic[8];
    uint32_t version;
    uint32_t byte_order;
    uint64_t size; /* of the file */
    uint32_t slots;
    uint32_t unused;
    char boot_id[64]; /* with its NUL; cut to fit */
    uint8_t orderly;  /* 1: the process ended well */
    uint8_t spoiled;  /* 1: some of what it counted could not be written here */
    uint8_t unused_too[30];
};

struct counters_entry {
    char name[128]; /* with its NUL */
    uint64_t offset;
    uint64_t raw;
    uint32_t values;
    uint32_t names;
};

/* Where the parts of a slot are, as offsets in the file. */
struct counters_parts {
    uint64_t copies[2];
    uint64_t names;
    uint64_t raw;
    uint64_t end;
};

/* False when a file of COUNTERS_SIZE_MAX has no room for a slot like that. */
bool counters_parts(const struct counters_entry *e, struct counters_parts *ret_parts);

/* Where the first slot begins. */
uint64_t counters_first_slot(uint64_t slots);

#endif
