/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/time.h"

#include "sr/banned.h"

__extension__ typedef unsigned __int128 uint128;

static bool
is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool
syslog_civil_valid(const struct syslog_civil *c)
{
    static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    if (c->month < 1 || c->month > 12 || c->hour > 23 || c->minute > 59 || c->second > 59) {
        return false;
    }
    unsigned last = days[c->month - 1] + (c->month == 2 && is_leap(c->year) ? 1U : 0U);
    return c->day >= 1 && c->day <= last;
}

int64_t
syslog_civil_seconds(const struct syslog_civil *c)
{
    /* Count years from March, so that the leap day is the last of its year; 400 years repeat. */
    int64_t year = c->month <= 2 ? (int64_t)c->year - 1 : c->year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((c->month + 9) % 12) + 2) / 5 + c->day - 1;
    int64_t days = era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
                   day_of_year - 719468; /* 0000-03-01 to 1970-01-01 */

    return days * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
}

int32_t
syslog_year_of(int64_t sec)
{
    /* The mean year gives the year or a neighbour; its first second decides. */
    int32_t year = (int32_t)(1970 + sec / 31556952);

    for (year += 1;; year--) {
        struct syslog_civil first = { .year = year, .month = 1, .day = 1 };
        if (syslog_civil_seconds(&first) <= sec) {
            return year;
        }
    }
}

double
syslog_time_double(struct syslog_time t)
{
    if (t.sec > -9000000000 && t.sec < 9000000000) { /* fits 64 bits: 1684 to 2255 */
        return (double)(t.sec * 1000000000 + (int64_t)t.nsec) / 1e9;
    }
    /*
     * Beyond, take the upper 64 bits of the magnitude. A set lowest bit stands for any bits lost,
     * so that the conversion to double rounds once and correctly.
     */
    bool negative = t.sec < 0;
    uint128 ns =
        negative ? (uint128)-t.sec * 1000000000 - t.nsec : (uint128)t.sec * 1000000000 + t.nsec;
    double scale = 1;
    bool lost = false;
    while (ns >> 64 != 0) {
        lost = lost || (ns & 1) != 0;
        ns >>= 1;
        scale *= 2;
    }
    double value = (double)((uint64_t)ns | (lost ? 1 : 0)) * scale / 1e9;
    return negative ? -value : value;
}

bool
syslog_digits(const uint8_t *text, unsigned count, uint32_t *ret_value)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned digit = (unsigned)text[i] - '0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}
