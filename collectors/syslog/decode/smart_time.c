/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/smart_time.h"

#include <string.h>

#include "decode/rfc3164.h"
#include "decode/smart_text.h"
#include "decode/smart_zone.h"
#include "decode/words.h"

#include "sr/banned.h"

#define AHEAD_MAX (31 * 86400) /* seconds that a date without a year may be in the future */

/* A date being read. `at` is the place of the next byte. */
struct scan {
    struct sr_span text;
    size_t at;
    struct syslog_civil civil;
    uint32_t nsec;
    bool has_year;
    bool has_month;
    bool is_leap_second;
};

static uint8_t
peek(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->text.len ? s->text.data[s->at + ahead] : 0;
}

static bool
take(struct scan *s, uint8_t c)
{
    bool is = s->at < s->text.len && s->text.data[s->at] == c;

    s->at += is ? 1 : 0;
    return is;
}

static void
take_blanks(struct scan *s)
{
    while (take(s, ' ')) {
    }
}

/* Reads a number of `min` to `max` digits, all that are there. */
static bool
take_number(struct scan *s, size_t min, size_t max, uint32_t *ret_value)
{
    size_t n = smart_digits(smart_skip(s->text, s->at));

    if (n < min || n > max || !syslog_digits(s->text.data + s->at, (unsigned)n, ret_value)) {
        return false;
    }
    s->at += n;
    return true;
}

/* Three letters as one number. */
#define NAME(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

/* Reads three letters that are the n-th of `names`, upper and lower case being the same. */
static bool
take_name(struct scan *s, const uint32_t *names, unsigned count, uint8_t *ret_index)
{
    if (s->text.len - s->at < 3) {
        return false;
    }
    const uint8_t *p = s->text.data + s->at;
    uint32_t name = NAME(p[0], p[1], p[2]) | NAME(0x20, 0x20, 0x20);
    for (unsigned i = 0; i < count; i++) {
        if (names[i] == name) {
            s->at += 3;
            *ret_index = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool
take_month(struct scan *s)
{
    static const uint32_t months[12] = { NAME('j', 'a', 'n'), NAME('f', 'e', 'b'),
        NAME('m', 'a', 'r'), NAME('a', 'p', 'r'), NAME('m', 'a', 'y'), NAME('j', 'u', 'n'),
        NAME('j', 'u', 'l'), NAME('a', 'u', 'g'), NAME('s', 'e', 'p'), NAME('o', 'c', 't'),
        NAME('n', 'o', 'v'), NAME('d', 'e', 'c') };
    uint8_t index;

    if (!take_name(s, months, 12, &index)) {
        return false;
    }
    s->civil.month = index + 1;
    return true;
}

static bool
take_day(struct scan *s)
{
    uint32_t day;

    if (!take_number(s, 1, 2, &day)) {
        return false;
    }
    s->civil.day = (uint8_t)day;
    return true;
}

static bool
take_year(struct scan *s)
{
    uint32_t year;

    if (!take_number(s, 4, 4, &year)) {
        return false;
    }
    s->civil.year = (int32_t)year;
    s->has_year = true;
    return true;
}

/*
 * Reads a fraction, behind a point or a comma, or of three digits behind a colon as H3C writes it.
 * A point on its own is taken too.
 */
static void
take_fraction(struct scan *s)
{
    uint32_t unit = 100000000;
    size_t digits = smart_digits(smart_skip(s->text, s->at + 1));
    bool is_h3c = peek(s, 0) == ':' && digits == 3 && peek(s, 4) == ' ';

    if (peek(s, 0) != '.' && (peek(s, 0) != ',' || digits == 0) && !is_h3c) {
        return;
    }
    s->at++;
    while (peek(s, 0) >= '0' && peek(s, 0) <= '9') {
        s->nsec += (uint32_t)(peek(s, 0) - '0') * unit;
        unit /= 10;
        s->at++;
    }
}

/* Reads "HH:MM", and ":SS", a fraction and AM or PM where they are. */
static bool
take_clock(struct scan *s)
{
    uint32_t hour;
    uint32_t minute;
    uint32_t second = 0;

    if (!take_number(s, 1, 2, &hour) || !take(s, ':') || !take_number(s, 2, 2, &minute)) {
        return false;
    }
    if (take(s, ':')) {
        /* Exactly two digits: some senders put the host right behind them. */
        if (s->text.len - s->at < 2 || !syslog_digits(s->text.data + s->at, 2, &second)) {
            return false;
        }
        s->at += 2;
        take_fraction(s);
    }
    uint8_t half = peek(s, 1);
    if (peek(s, 0) == ' ' && (half == 'A' || half == 'P') && peek(s, 2) == 'M' &&
        !smart_is_alnum(peek(s, 3)) && hour >= 1 && hour <= 12) {
        s->at += 3;
        hour = hour % 12 + (half == 'P' ? 12 : 0);
        take_fraction(s);
    }
    s->is_leap_second = second == 60;
    s->civil.hour = (uint8_t)hour;
    s->civil.minute = (uint8_t)minute;
    s->civil.second = (uint8_t)(s->is_leap_second ? 59 : second);
    return true;
}

/* True at a blank or the end, or at a colon before them: not in the midst of an IPv6 address. */
static bool
ends_field(const struct scan *s)
{
    size_t n = peek(s, 0) == ':' ? 1 : 0;

    return s->at + n >= s->text.len || peek(s, n) == ' ' || peek(s, n) == '\t';
}

/* Reads a year behind the time: a blank and four digits that end there. */
static void
take_late_year(struct scan *s)
{
    if (s->has_year) {
        return;
    }
    struct scan ahead = *s;
    take_blanks(&ahead);
    if (ahead.at > s->at && (peek(&ahead, 0) == '1' || peek(&ahead, 0) == '2') &&
        take_year(&ahead) && ends_field(&ahead) && ahead.civil.year >= 1970 &&
        ahead.civil.year < 2200) {
        *s = ahead;
    }
}

/* "Mmm d[,] [YYYY] HH:MM:SS [YYYY]" */
static bool
take_month_form(struct scan *s)
{
    if (!take_month(s) || !take(s, ' ')) {
        return false;
    }
    s->has_month = s->at == sizeof("Mmm ") - 1;
    take_blanks(s);
    if (!take_day(s)) {
        return false;
    }
    (void)take(s, ',');
    take_blanks(s);
    struct scan with_year = *s;
    if (take_year(&with_year) && take(&with_year, ' ')) {
        *s = with_year;
        take_blanks(s);
    }
    if (!take_clock(s)) {
        return false;
    }
    take_late_year(s);
    return true;
}

/*
 * "YYYY-MM-DDTHH:MM", "YYYY/MM/DD HH:MM", "YYYY/MM/DD:HH:MM", "YYYY:MM:DD-HH:MM",
 * "YYYY-Mmm-DD HH:MM" or "YYYY Mmm d HH:MM"
 */
static bool
take_year_form(struct scan *s)
{
    uint32_t month;
    uint32_t day;

    if (!take_year(s)) {
        return false;
    }
    uint8_t separator = peek(s, 0);
    if (separator == ' ') {
        take_blanks(s);
        return take_month_form(s);
    }
    if ((separator != '-' && separator != '/' && separator != ':') || !take(s, separator)) {
        return false;
    }
    if (!take_month(s)) {
        if (!take_number(s, 2, 2, &month)) {
            return false;
        }
        s->civil.month = (uint8_t)month;
    }
    if (!take(s, separator) || !take_number(s, 2, 2, &day)) {
        return false;
    }
    s->civil.day = (uint8_t)day;
    uint8_t c = peek(s, 0);
    if (c != 'T' && c != 't' && c != ' ' && (c != '-' || separator == '-') &&
        (c != ':' || separator != '/')) {
        return false;
    }
    s->at++;
    take_blanks(s);
    return take_clock(s);
}

/*
 * Reads the month as a number behind the day, as in "22/11/2026". Behind a '/' the day may be the
 * month, and is one where it can: the habit of NetScaler's home.
 */
static bool
take_month_number(struct scan *s, uint8_t separator)
{
    uint32_t month;

    if (separator == ' ' || !take_number(s, 2, 2, &month)) {
        return false;
    }
    if (month > 12 || (separator == '/' && s->civil.day <= 12)) {
        uint8_t day = (uint8_t)month;
        month = s->civil.day;
        s->civil.day = day;
    }
    s->civil.month = (uint8_t)month;
    return true;
}

/* "d Mmm YYYY HH:MM:SS", "dd/Mmm/YYYY:HH:MM:SS", "MM/DD/YYYY:HH:MM:SS" or "DD-MM-YYYY HH:MM:SS" */
static bool
take_day_form(struct scan *s)
{
    if (!take_day(s)) {
        return false;
    }
    uint8_t separator = peek(s, 0);
    if ((separator != ' ' && separator != '/' && separator != '-') || !take(s, separator) ||
        (!take_month(s) && !take_month_number(s, separator)) || !take(s, separator) ||
        !take_year(s)) {
        return false;
    }
    return (take(s, ' ') || take(s, ':')) && take_clock(s);
}

/* Reads "+HH:MM", "+HHMM" or "+HH"; seconds east of Greenwich. */
static bool
take_offset(struct scan *s, int32_t *ret_seconds)
{
    uint32_t hours;
    uint32_t minutes = 0;
    bool west = peek(s, 0) == '-';
    size_t digits = smart_digits(smart_skip(s->text, s->at + 1));

    if ((!west && peek(s, 0) != '+') || (digits != 2 && digits != 4)) {
        return false;
    }
    (void)syslog_digits(s->text.data + s->at + 1, 2, &hours);
    s->at += 3;
    if (digits == 4) {
        (void)syslog_digits(s->text.data + s->at, 2, &minutes);
        s->at += 2;
    } else if (peek(s, 0) == ':' &&
               (s->text.len - s->at < 3 || !syslog_digits(s->text.data + s->at + 1, 2, &minutes))) {
        minutes = 0;
    } else if (peek(s, 0) == ':') {
        s->at += 3;
    }
    if (hours > 23 || minutes > 59) {
        return false;
    }
    *ret_seconds = (int32_t)(hours * 3600 + minutes * 60);
    *ret_seconds = west ? -*ret_seconds : *ret_seconds;
    return true;
}

/* What a date is relative to. */
struct zone {
    bool is_named; /* else it is the listener's */
    bool has_offset;
    int32_t offset;
    uint16_t index;
};

/*
 * Reads a zone at `s` or behind a blank: an offset, which "GMT" or "UTC" may stand in front of, an
 * abbreviation or an IANA name. With a name,
 * a blank, a colon or the end must follow, so that a host's name is not cut.
 */
static void
take_zone(struct scan *s, const struct tz_table *zones, struct zone *zone)
{
    struct scan ahead = *s;
    size_t len = 0;

    take_blanks(&ahead);
    if (take_offset(&ahead, &zone->offset)) {
        uint8_t next = peek(&ahead, 0);
        if (!smart_is_alnum(next)) {
            zone->is_named = zone->has_offset = true;
            *s = ahead;
        }
        return;
    }
    while (
        smart_is_alnum(peek(&ahead, len)) || peek(&ahead, len) == '/' || peek(&ahead, len) == '_') {
        len++;
    }
    struct sr_span name = { ahead.text.data + ahead.at, len };
    uint8_t next = peek(&ahead, len);
    struct scan offset = ahead;
    offset.at += len;
    if ((words_equal(name, "GMT") || words_equal(name, "UTC")) &&
        take_offset(&offset, &zone->offset) && !smart_is_alnum(peek(&offset, 0))) {
        zone->is_named = zone->has_offset = true;
        *s = offset;
        return;
    }
    if (len == 0 || ahead.at > s->at + 2 || next == '-' || next == '.' || next == '=') {
        return;
    }
    if (smart_zone_find(name, &zone->offset) ||
        (ahead.at == s->at && (name.data[0] | 0x20) == 'z' && len == 1 &&
            (zone->offset = 0) == 0)) {
        zone->is_named = zone->has_offset = true;
    } else if (ahead.at > s->at && tz_find(zones, name, &zone->index)) {
        zone->is_named = true;
    }
    if (zone->is_named) {
        s->at = ahead.at + len;
    }
}

static int64_t
to_utc(const struct smart_dates *dates, const struct zone *zone, const struct syslog_civil *civil)
{
    int64_t sec = syslog_civil_seconds(civil);

    if (zone->has_offset) {
        return sec - zone->offset;
    }
    if (zone->is_named) {
        return tz_to_utc(dates->zones, zone->index, sec);
    }
    return dates->local == RFC3164_UTC || dates->zones == NULL
               ? sec
               : tz_to_utc(dates->zones, (uint16_t)dates->local, sec);
}

/* Finds the year of a date without one; the 29th of February may be eight years back. */
static bool
assume_year(const struct smart_dates *dates, const struct zone *zone, struct syslog_civil *civil,
    int64_t *ret_sec)
{
    int32_t year = syslog_year_of(dates->now.sec) + 1;

    for (int back = 0; back <= 9; back++) {
        civil->year = year - back;
        if (syslog_civil_valid(civil)) {
            *ret_sec = to_utc(dates, zone, civil);
            if (*ret_sec <= dates->now.sec + AHEAD_MAX) {
                return true;
            }
        }
    }
    return false;
}

bool
smart_epoch_read(struct sr_span text, struct syslog_time *ret_time)
{
    size_t digits = smart_digits(text);
    uint32_t sec;
    uint32_t unit = 100000000;
    size_t i = 10;

    if (digits < 10 || digits > 19 || !syslog_digits(text.data, 1, &sec) || sec == 0 || sec > 4) {
        return false;
    }
    int64_t value = 0;
    for (size_t d = 0; d < 10; d++) {
        value = value * 10 + (text.data[d] - '0');
    }
    *ret_time = (struct syslog_time){ .sec = value };
    if (digits == 10 && text.len > 10 && text.data[10] == '.') {
        i = 11;
    } else if (digits != 10 && digits != 13 && digits != 16 && digits != 19) {
        return false;
    }
    for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        ret_time->nsec += (uint32_t)(text.data[i] - '0') * unit;
        unit /= 10;
    }
    return i == text.len;
}

/* "1065910455.003", or ten digits as a word, or thirteen: milliseconds. */
static bool
take_epoch(struct sr_span text, struct smart_date *ret_date)
{
    struct sr_span word = smart_word(text);

    size_t digits = smart_digits(word);
    if ((digits != 10 && digits != 13) || !smart_epoch_read(word, &ret_date->at)) {
        return false;
    }
    ret_date->used = word.len;
    ret_date->is_zoned = ret_date->has_year = true;
    return true;
}

static bool
take_form(struct scan *s)
{
    static const uint32_t days[7] = { NAME('s', 'u', 'n'), NAME('m', 'o', 'n'), NAME('t', 'u', 'e'),
        NAME('w', 'e', 'd'), NAME('t', 'h', 'u'), NAME('f', 'r', 'i'), NAME('s', 'a', 't') };
    uint8_t index;

    if (s->text.len > 0 && s->text.data[0] >= '0' && s->text.data[0] <= '9') {
        return smart_digits(s->text) == 4 ? take_year_form(s) : take_day_form(s);
    }
    if (s->text.len > 4 && take_name(s, days, 7, &index)) {
        (void)take(s, ',');
        if (!take(s, ' ')) {
            return false;
        }
        struct scan day_first = *s;
        day_first.text = smart_skip(s->text, s->at);
        day_first.at = 0;
        if (take_day_form(&day_first)) {
            day_first.text = s->text;
            day_first.at += s->at;
            *s = day_first;
            return true;
        }
    }
    return take_month_form(s);
}

static bool
two_digits(const uint8_t *p, uint8_t *ret_value)
{
    unsigned tens = (unsigned)p[0] - '0', ones = (unsigned)p[1] - '0';

    *ret_value = (uint8_t)(tens * 10 + ones);
    return tens <= 9 && ones <= 9;
}

/*
 * Reads "YYYY-MM-DDTHH:MM:SS" with a fraction or none, before "Z" or an offset: the form of RFC
 * 5424, section 6.2.3, which nearly all who write it keep to. take_form() reads the same in it at
 * eight times the cost. False: nothing is read, and that may know it.
 */
static bool
take_usual_form(struct scan *s)
{
    const uint8_t *p = s->text.data;
    struct syslog_civil *c = &s->civil;
    uint8_t century, year, second;
    size_t end = sizeof("YYYY-MM-DDTHH:MM:SS") - 1;

    if (s->text.len <= end || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' ||
        p[16] != ':' || !two_digits(p, &century) || !two_digits(p + 2, &year) ||
        !two_digits(p + 5, &c->month) || !two_digits(p + 8, &c->day) ||
        !two_digits(p + 11, &c->hour) || !two_digits(p + 14, &c->minute) ||
        !two_digits(p + 17, &second)) {
        return false;
    }
    uint32_t nsec = 0;
    if (p[end] == '.') {
        uint32_t unit = 100000000;
        for (end++; end < s->text.len && p[end] >= '0' && p[end] <= '9'; end++) {
            nsec += (uint32_t)(p[end] - '0') * unit;
            unit /= 10;
        }
    }
    if (end == s->text.len || (p[end] != 'Z' && p[end] != '+' && p[end] != '-')) {
        return false;
    }
    s->civil.year = century * 100 + year;
    s->is_leap_second = second == 60;
    s->civil.second = s->is_leap_second ? 59 : second;
    s->nsec = nsec;
    s->has_year = true;
    s->at = end;
    return true;
}

bool
smart_time_read(struct sr_span text, const struct smart_dates *dates, struct smart_date *ret_date)
{
    struct scan s = { .text = { text.data, text.len < 80 ? text.len : 80 } };
    struct zone zone = { .is_named = false };
    struct smart_date date = { .used = 0 };
    int64_t sec;

    if (s.text.len < 8) {
        return false;
    }
    if (!take_usual_form(&s)) {
        if (take_epoch(s.text, &date)) {
            *ret_date = date;
            return true;
        }
        s = (struct scan){ .text = s.text };
        if (!take_form(&s)) {
            return false;
        }
    }
    if (peek(&s, 0) == 'Z' && (peek(&s, 1) == ' ' || s.at + 1 == s.text.len)) {
        zone.is_named = zone.has_offset = true;
        s.at++;
    } else {
        take_zone(&s, dates->zones, &zone);
    }
    take_late_year(&s);
    if (s.has_year) {
        if (!syslog_civil_valid(&s.civil)) {
            return false;
        }
        sec = to_utc(dates, &zone, &s.civil);
    } else if (!assume_year(dates, &zone, &s.civil, &sec)) {
        return false;
    }
    *ret_date = (struct smart_date){
        .at = { .sec = sec, .nsec = s.is_leap_second ? 999999999 : s.nsec },
        .used = s.at,
        .is_zoned = zone.is_named,
        .has_year = s.has_year,
        .has_month = s.has_month,
    };
    return true;
}
