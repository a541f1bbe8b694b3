/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_TRAP_MUTANT_H_INCLUDED
#define TESTS_GOLDEN_TRAP_MUTANT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/*
 * Changes one or two places of a message of `len` bytes: a bit, a byte, or a byte more or less, of
 * which mostly the lengths around it know. `*dice` is not 0 and says what is done. Returns the
 * length, at most two bytes more.
 */
size_t trap_mutate(uint64_t *dice, uint8_t *bytes, size_t len);

/*
 * Adds `by`, 1 or -1, to the length of all elements that the byte at `at` is in, as far as that can
 * be said with the last byte of it.
 */
void trap_change_lengths(uint8_t *bytes, size_t len, size_t at, int by);

#endif
