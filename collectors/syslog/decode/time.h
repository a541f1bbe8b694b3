/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_TIME_H_INCLUDED
#define SYSLOG_TIME_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/* An instant: seconds since 1970-01-01T00:00:00Z without leap seconds, and what goes beyond. */
struct syslog_time {
    int64_t sec;
    uint32_t nsec; /* 0 to 999,999,999 */
};

/* A date of the proleptic Gregorian calendar and a time of day, in no particular zone. */
struct syslog_civil {
    int32_t year;
    uint8_t month; /* 1 to 12 */
    uint8_t day;
    uint8_t hour;
    uint8_t minute;
    uint8_t second;
};

/* True when the day exists and the time is 00:00:00 to 23:59:59. */
bool syslog_civil_valid(const struct syslog_civil *c);

/* Seconds from 1970-01-01T00:00:00 to `c`, which must be valid, both in the same zone. */
int64_t syslog_civil_seconds(const struct syslog_civil *c);

/* The year of an instant given in seconds, in UTC. */
int32_t syslog_year_of(int64_t sec);

/*
 * The instant as seconds in floating point, rounded as Rust does for upstream's timestamps: the
 * whole number of nanoseconds to the nearest double, and that divided by 1e9.
 */
double syslog_time_double(struct syslog_time t);

/* Reads exactly `count` decimal digits (at most 9) at `text`; false when one is something else. */
bool syslog_digits(const uint8_t *text, unsigned count, uint32_t *ret_value);

#endif
