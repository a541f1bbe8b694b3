/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_STAGES_H_INCLUDED
#define TESTS_BENCH_STAGES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/buf.h"
#include "sr/runtime.h"

/*
 * The way of an input through a collector without its threads and sockets: what the program's hook
 * does with it, and the queue, from the first reserve to the flush of a batch. The same inputs in
 * the same order, so that the instructions of a run can be counted and compared.
 */

#define STAGES_SECOND UINT64_C(1000000000)
#define STAGES_NOW (UINT64_C(1795348800) * STAGES_SECOND) /* when all inputs are received */
#define STAGES_INPUT_MAX 8192U                            /* bytes of one */

/* What is measured under one name. */
struct stages_case {
    const char *name;        /* NULL ends a list */
    const char *const *sets; /* of the configuration, ended by NULL */
    unsigned inputs;         /* that are counted; a quarter as many go before them */
    unsigned records;        /* that each of those makes */
    bool is_stream;          /* an input is what one read() of a connection gives */
    int kind;                /* the protocol's own */
    const char *text;        /* the same */

    /* Before the first write of a case; may be NULL. */
    void (*prepare)(const struct stages_case *c);

    /* Writes the input with that number: 0, 1, 2 and so on. */
    void (*write)(const struct stages_case *c, unsigned number, struct sr_buf *out);
};

/* Of each protocol: its program, its cases, and how many sources the inputs are of in turn. */
extern const struct sr_program *const stages_program;
extern const struct stages_case stages_cases[];
extern const unsigned stages_sources;

/* Ends the program with an error. */
_Noreturn void stages_die(const char *what, const char *why);

/*
 * Where instructions are counted: hands `count` inputs from the one with index `first` on to the
 * program, and shows what became of them to the reader of the queue. Its name is told to callgrind.
 */
void stages_batch(unsigned first, unsigned count);

#endif
