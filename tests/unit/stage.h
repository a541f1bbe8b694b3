/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STAGE_H_INCLUDED
#define TESTS_UNIT_STAGE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Time, chance, sleep and the disk of the code under test, in the hands of the test: the program
 * that links this has these instead of the real ones. The main thread and the spooler's thread take
 * turns, so that a seed gives the same history each time: the spooler runs when it is told to, up
 * to its next sleep or into the middle of a write.
 */
enum stage_point {
    STAGE_IN_WRITE,      /* of the main thread: a part of the bytes is in the file */
    STAGE_BEFORE_COMMIT, /* of a slot of the counters */
    STAGE_AFTER_COMMIT,
};

struct stage {
    uint64_t dice;    /* xorshift64; not 0 */
    uint64_t now_ns;  /* monotonic */
    bool disk_full;   /* files do not grow */
    bool half_writes; /* the spooler stops in the middle of some writes */
    void (*at)(void *arg, enum stage_point point); /* NULL: nobody looks */
    void *arg;
};

extern struct stage stage;

/* The caller is the main thread from now on. */
void stage_open(uint64_t seed);

uint64_t stage_roll(void);
uint32_t stage_below(uint32_t limit);

/* Before a spooler is started. */
void stage_await_spooler(void);

/* Gives the spooler a turn. */
void stage_let_spooler_go(void);

/* Before the spooler is stopped: it then runs to its end. */
void stage_let_spooler_end(void);

/* Copies the files of one directory into another, as they are now. */
void stage_copy(const char *from, const char *to);

void stage_each_file(
    const char *dir, void (*look_at)(void *arg, int dir, const char *name), void *arg);

/* Removes a directory with its files. */
void stage_remove(const char *dir);

#endif
