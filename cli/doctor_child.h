/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCTOR_CHILD_H_INCLUDED
#define CLI_DOCTOR_CHILD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

/* How a program that was run ended. */
struct child_result {
    int exit_code; /* -1: it did not end by itself, or could not be started */
    char *out;     /* what it wrote, each with a NUL behind; owned: doctor_child_done */
    char *err;
};

/* Most that is kept of each. */
#define CHILD_TEXT_MAX (256U << 10)

/*
 * Runs a program (found on PATH when it has no slash) without input, and kills it after
 * `timeout_ms`. False, with errno, when it could not be started.
 */
bool doctor_child_run(char *const argv[], unsigned timeout_ms, struct child_result *ret_result);

void doctor_child_done(struct child_result *result);

#endif
