/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/rfc3339.h"

#include <stddef.h>

#include "sr/banned.h"

#define DATE_TIME_LEN 19 /* "2003-10-11T22:14:15" */

/*
 * Reads "YYYY-MM-DDTHH:MM:SS" without checking the ranges. Any byte may stand for the T: RFC 3339
 * section 5.6 lets applications choose, and upstream's library takes it so.
 */
static bool
read_date_time(const uint8_t *p, struct syslog_civil *ret_civil)
{
    uint32_t year;
    uint32_t month;
    uint32_t day;
    uint32_t hour;
    uint32_t minute;
    uint32_t second;

    if (p[4] != '-' || p[7] != '-' || p[13] != ':' || p[16] != ':') {
        return false;
    }
    if (!syslog_digits(p, 4, &year) || !syslog_digits(p + 5, 2, &month) ||
        !syslog_digits(p + 8, 2, &day) || !syslog_digits(p + 11, 2, &hour) ||
        !syslog_digits(p + 14, 2, &minute) || !syslog_digits(p + 17, 2, &second)) {
        return false;
    }
    *ret_civil = (struct syslog_civil){
        .year = (int32_t)year,
        .month = (uint8_t)month,
        .day = (uint8_t)day,
        .hour = (uint8_t)hour,
        .minute = (uint8_t)minute,
        .second = (uint8_t)second,
    };
    return true;
}

/* Reads an optional fraction at `*at` and moves past it. A point without a digit fails. */
static bool
read_fraction(struct sr_span text, size_t *at, uint32_t *ret_nsec)
{
    uint32_t unit = 100000000;
    size_t i = *at;

    *ret_nsec = 0;
    if (i >= text.len || text.data[i] != '.') {
        return true;
    }
    for (i++; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        *ret_nsec += (uint32_t)(text.data[i] - '0') * unit;
        unit /= 10;
    }
    bool any = i > *at + 1;
    *at = i;
    return any;
}

/* Reads "Z" or "+HH:MM", which must be all of `text`: seconds east of Greenwich. */
static bool
read_offset(struct sr_span text, int32_t *ret_seconds)
{
    uint32_t hour;
    uint32_t minute;

    if (text.len == 1 && (text.data[0] == 'Z' || text.data[0] == 'z')) {
        *ret_seconds = 0;
        return true;
    }
    if (text.len != 6 || (text.data[0] != '+' && text.data[0] != '-') || text.data[3] != ':' ||
        !syslog_digits(text.data + 1, 2, &hour) || !syslog_digits(text.data + 4, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    int32_t seconds = (int32_t)(hour * 3600 + minute * 60);
    *ret_seconds = text.data[0] == '-' ? -seconds : seconds;
    return true;
}

/* True when `sec` is the last second of a month in UTC. */
static bool
ends_a_month(int64_t sec)
{
    int32_t year = syslog_year_of(sec + 1);

    for (uint8_t month = 1; month <= 12; month++) {
        struct syslog_civil first = { .year = year, .month = month, .day = 1 };
        if (syslog_civil_seconds(&first) == sec + 1) {
            return true;
        }
    }
    return false;
}

bool
rfc3339_parse(struct sr_span text, struct syslog_time *ret_time)
{
    struct syslog_civil civil;
    uint32_t nsec;
    int32_t offset;
    size_t at = DATE_TIME_LEN;

    if (text.len <= DATE_TIME_LEN || !read_date_time(text.data, &civil) ||
        !read_fraction(text, &at, &nsec) ||
        !read_offset((struct sr_span){ text.data + at, text.len - at }, &offset)) {
        return false;
    }
    bool leap = civil.second == 60;
    if (leap) {
        civil.second = 59;
        nsec = 999999999;
    }
    if (!syslog_civil_valid(&civil)) {
        return false;
    }
    int64_t sec = syslog_civil_seconds(&civil) - offset;
    if (leap && !ends_a_month(sec)) {
        return false;
    }
    *ret_time = (struct syslog_time){ .sec = sec, .nsec = nsec };
    return true;
}
