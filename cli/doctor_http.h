/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCTOR_HTTP_H_INCLUDED
#define CLI_DOCTOR_HTTP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most of an answer that is read; the numbers of a daemon have some 10 KiB. */
#define DOCTOR_HTTP_MAX (4U << 20)

/* GETs a page. `*ret_text` is owned. False when there is no answer, or not one with status 200. */
bool doctor_http_get(const char *url, unsigned timeout_ms, char **ret_text);

/*
 * The time in the header Date of a server's answer, in Unix seconds. Its certificate is not looked
 * at, because that cannot be done with a clock that may be wrong: what it says is a hint.
 */
bool doctor_http_date(const char *url, unsigned timeout_ms, int64_t *ret_time_s);

/*
 * The sum of the samples of a family in the text format of Prometheus, of those whose line has
 * `label` ("reason=\"stream_full\"", NULL for all). False when there is none.
 */
bool doctor_metric(const char *text, const char *name, const char *label, uint64_t *ret_sum);

/*
 * Goes through the samples of a family that are not 0: calls with the value of their label
 * `reason`.
 */
typedef void doctor_reason_cb(void *arg, const char *reason, uint64_t count);
void doctor_metric_reasons(const char *text, const char *name, doctor_reason_cb *cb, void *arg);

#endif
