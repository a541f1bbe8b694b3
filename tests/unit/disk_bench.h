/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_DISK_BENCH_H_INCLUDED
#define TESTS_UNIT_DISK_BENCH_H_INCLUDED

#include "unit.h"

#include <stdbool.h>

#include "sr/queue.h"
#include "sr/spool.h"

/* A directory of its own, and in it a queue with one lane. */
struct disk_bench {
    char path[64];
    struct sr_spool *spool;
    struct sr_queue *queue;
    struct sr_lane *lane;
};

void disk_make_dir(struct disk_bench *b);
void disk_remove_dir(struct disk_bench *b);

/* Opens the spool, a queue with segments from `first_number` on, and its lane. */
void disk_open(struct disk_bench *b, int durability, uint64_t disk, uint64_t first_number);
void disk_close(struct disk_bench *b);

/* Writes one entry of `len` bytes that starts with `value`; false when the lane is full. */
bool disk_put(struct disk_bench *b, uint32_t value, size_t len);

/* The same for `count` values from `first` on, kept and flushed: all must find room. */
void disk_fill(struct disk_bench *b, uint32_t first, uint32_t count, size_t len);

uint32_t disk_value(const struct sr_entry *e);

/* Files whose names end so. */
unsigned disk_files(const struct disk_bench *b, const char *suffix);

/* Changes one byte of a file, or cuts it there. */
void disk_flip(const struct disk_bench *b, uint64_t number, uint64_t offset);
void disk_cut(const struct disk_bench *b, uint64_t number, uint64_t size);

/* The numbers of the segments' files, and how many. */
size_t disk_list(const struct disk_bench *b, uint64_t *out, size_t room);

#endif
