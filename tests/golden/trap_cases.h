/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_TRAP_CASES_H_INCLUDED
#define TESTS_GOLDEN_TRAP_CASES_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "sr/span.h"

/* The bytes of hexadecimal digits, into room for them; how many. */
size_t trap_cases_hex(const char *hex, uint8_t *out);

/* One message: its name, its bytes, and its row of cases.jsonl or its JSON in the corpus. */
typedef void trap_case(const char *name, struct sr_span bytes, const json_t *row, void *arg);

/* All messages of this tree; returns how many. */
unsigned trap_cases_of_tree(trap_case *each, void *arg);

/* All messages of the corpus; without one the test is skipped. */
unsigned trap_cases_of_corpus(trap_case *each, void *arg);

/* The folder of the corpus; without one the test is skipped. */
const char *trap_cases_corpus(void);

#endif
