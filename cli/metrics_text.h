/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_METRICS_TEXT_H_INCLUDED
#define CLI_METRICS_TEXT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a daemon's numbers in the text format of Prometheus. */

/*
 * The sum of the samples of a family, of those whose line has `label` ("reason=\"stream_full\"",
 * NULL for all). False when there is none.
 */
bool metrics_sum(const char *text, const char *name, const char *label, uint64_t *ret_sum);

/*
 * The value of `label` (at most 29 bytes long) of the family's first sample, as it is written.
 * False when there is none, or it does not fit into `size` bytes with its NUL.
 */
bool metrics_label(
    const char *text, const char *name, const char *label, char *ret_value, size_t size);

/*
 * Goes through the samples of a family that are not 0: calls with the value of their label
 * `reason`.
 */
typedef void metrics_reason_cb(void *arg, const char *reason, uint64_t count);
void metrics_reasons(const char *text, const char *name, metrics_reason_cb *cb, void *arg);

#endif
