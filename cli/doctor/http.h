/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCTOR_HTTP_H_INCLUDED
#define CLI_DOCTOR_HTTP_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

/*
 * The time in the header Date of a server's answer, in Unix seconds. Its certificate is not looked
 * at, because that cannot be done with a clock that may be wrong: what it says is a hint.
 */
bool doctor_http_date(const char *url, unsigned timeout_ms, int64_t *ret_time_s);

#endif
