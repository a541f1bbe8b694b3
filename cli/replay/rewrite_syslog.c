/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syslog: the date of a message is found by its shape, and written over digit by digit, so that
 * whatever else the shape has stays: blanks, fractions, zones.
 */
#include "replay/rewrite_parts.h"

#include <string.h>
#include <time.h>

#include "sr/buf.h"

#include "sr/banned.h"

#define NS_PER_S UINT64_C(1000000000)
#define PRI_MAX 5U    /* "<191>" */
#define WORDS_MAX 5U  /* the date begins with one of the first words */
#define HEAD_MAX 200U /* bytes, and in the first ones */
#define ISO_MIN 19U   /* "2003-10-11T22:14:15" */

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char day_names[] = "SunMonTueWedThuFriSat";

/* Zones that devices name behind a date without a year, as Cisco's do. */
static const struct {
    const char *name;
    int8_t hours;
} zones[] = {
    { "UTC", 0 },
    { "GMT", 0 },
    { "WET", 0 },
    { "WEST", 1 },
    { "CET", 1 },
    { "CEST", 2 },
    { "EET", 2 },
    { "EEST", 3 },
    { "MSK", 3 },
    { "JST", 9 },
    { "EST", -5 },
    { "EDT", -4 },
    { "CST", -6 },
    { "CDT", -5 },
    { "MST", -7 },
    { "MDT", -6 },
    { "PST", -8 },
    { "PDT", -7 },
};

/* A date that was found; offsets in the text, SIZE_MAX where it has no such part. */
struct date {
    size_t begin, end;
    size_t year, month, day, hour; /* minute and second follow the hour, with one byte between */
    size_t weekday;                /* its name */
    size_t fraction;
    unsigned fraction_digits;
    unsigned day_width;  /* 1 or 2 */
    bool is_named_month; /* else two digits */
    bool is_epoch;       /* seconds at `begin`, ten digits; with 13 these are milliseconds */
    int32_t offset_s;    /* of its zone */
};

#define NONE SIZE_MAX

static bool
is_digit(struct sr_span text, size_t at)
{
    return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

static bool
is_letter(struct sr_span text, size_t at)
{
    return at < text.len && (text.data[at] | 0x20) >= 'a' && (text.data[at] | 0x20) <= 'z';
}

static bool
is_byte(struct sr_span text, size_t at, char byte)
{
    return at < text.len && text.data[at] == (uint8_t)byte;
}

static unsigned
count_digits(struct sr_span text, size_t at)
{
    unsigned count = 0;

    while (is_digit(text, at + count)) {
        count++;
    }
    return count;
}

/* Whether the text has this shape there: '0' stands for a digit, all else for itself. */
static bool
has_shape(struct sr_span text, size_t at, const char *shape)
{
    for (; *shape != '\0'; shape++, at++) {
        if (*shape == '0' ? !is_digit(text, at) : !is_byte(text, at, *shape)) {
            return false;
        }
    }
    return true;
}

/* Index of the name of three letters there, in any case; -1: none. */
static int
find_name(struct sr_span text, size_t at, const char *names)
{
    for (int i = 0; names[3 * i] != '\0'; i++) {
        size_t same = 0;
        while (same < 3 && at + same < text.len &&
               (text.data[at + same] | 0x20) == (names[3 * (size_t)i + same] | 0x20)) {
            same++;
        }
        if (same == 3) {
            return i;
        }
    }
    return -1;
}

/* ---- What stands behind the seconds ---- */

static size_t
read_fraction(struct sr_span text, size_t at, struct date *d)
{
    if ((is_byte(text, at, '.') || is_byte(text, at, ',')) && is_digit(text, at + 1)) {
        d->fraction = at + 1;
        d->fraction_digits = count_digits(text, at + 1);
        return at + 1 + d->fraction_digits;
    }
    return at;
}

/* "+0200", "+02:00", of at most a day; `at` is where the sign stands. */
static size_t
read_offset(struct sr_span text, size_t at, struct date *d)
{
    bool colon = has_shape(text, at + 1, "00:00");

    if ((!is_byte(text, at, '+') && !is_byte(text, at, '-')) ||
        (!colon && !has_shape(text, at + 1, "0000"))) {
        return at;
    }
    const uint8_t *t = text.data + at;
    unsigned skip = colon ? 1 : 0;
    int32_t hours = (t[1] - '0') * 10 + t[2] - '0';
    int32_t minutes = (t[3 + skip] - '0') * 10 + t[4 + skip] - '0';
    if (hours > 23 || minutes > 59) {
        return at;
    }
    d->offset_s = (t[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return at + 5 + skip;
}

static size_t
read_zone_name(struct sr_span text, size_t at, struct date *d)
{
    size_t len = 0;

    while (is_letter(text, at + len)) {
        len++;
    }
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        if (strlen(zones[i].name) == len && memcmp(text.data + at, zones[i].name, len) == 0) {
            d->offset_s = zones[i].hours * 3600;
            return at + len;
        }
    }
    return at;
}

static size_t
read_zone(struct sr_span text, size_t at, struct date *d)
{
    if (is_byte(text, at, 'Z') || is_byte(text, at, 'z')) {
        d->offset_s = 0;
        return at + 1;
    }
    size_t behind = read_offset(text, at, d);
    if (behind == at && is_byte(text, at, ' ')) {
        behind = read_offset(text, at + 1, d);
        behind = behind == at + 1 ? read_zone_name(text, at + 1, d) : behind;
        behind = behind == at + 1 ? at : behind;
    }
    return behind;
}

/* ---- The shapes ---- */

/* 2003-10-11T22:14:15.003Z, also with other bytes where these are '-' and 'T'. */
static bool
read_iso(struct sr_span text, size_t at, struct date *d)
{
    if (text.len < ISO_MIN || at > text.len - ISO_MIN) {
        return false;
    }
    uint8_t between = text.data[at + 4], before_hour = text.data[at + 10];
    if (!has_shape(text, at, "0000") || (between != '-' && between != '/') ||
        !has_shape(text, at + 5, "00") || !is_byte(text, at + 7, (char)between) ||
        !has_shape(text, at + 8, "00") || memchr("Tt :", before_hour, 4) == NULL ||
        !has_shape(text, at + 11, "00:00:00") || is_digit(text, at + 19)) {
        return false;
    }
    d->begin = d->year = at;
    d->month = at + 5;
    d->day = at + 8;
    d->day_width = 2;
    d->hour = at + 11;
    d->end = read_zone(text, read_fraction(text, at + 19, d), d);
    return true;
}

/* A year of four digits that is a word. */
static bool
is_year(struct sr_span text, size_t at)
{
    return has_shape(text, at, "0000") && !is_digit(text, at + 4);
}

/* Oct 11 22:14:15, and a year before it, behind the day or behind the time; RFC 3164 4.1.2. */
static bool
read_bsd(struct sr_span text, size_t at, struct date *d)
{
    if (find_name(text, at, month_names) < 0 || !is_byte(text, at + 3, ' ')) {
        return false;
    }
    d->is_named_month = true;
    d->begin = d->month = at;
    d->day = at + 4 + (is_byte(text, at + 4, ' ') && !is_digit(text, at + 4) ? 1U : 0U);
    d->day_width = count_digits(text, d->day);
    size_t next = d->day + d->day_width;
    if (d->day_width < 1 || d->day_width > 2 || !is_byte(text, next, ' ')) {
        return false;
    }
    if (d->day_width == 1 && d->day == at + 5) { /* the blank before it is its first digit */
        d->day--;
        d->day_width = 2;
    }
    next++;
    if (is_year(text, next) && is_byte(text, next + 4, ' ')) {
        d->year = next;
        next += 5;
    }
    if (!has_shape(text, next, "00:00:00")) {
        return false;
    }
    d->hour = next;
    d->end = read_zone(text, read_fraction(text, next + 8, d), d);
    if (d->year == NONE && is_byte(text, d->end, ' ') && is_year(text, d->end + 1) &&
        !is_letter(text, d->end + 5)) {
        d->year = d->end + 1;
        d->end += 5;
    }
    return true;
}

/* 1065910455.003: seconds since 1970, or milliseconds. */
static bool
read_epoch(struct sr_span text, size_t at, struct date *d)
{
    unsigned digits = count_digits(text, at);

    if (digits != 10 && digits != 13) {
        return false;
    }
    d->is_epoch = true;
    d->begin = at;
    d->end = at + digits;
    if (digits == 13) {
        d->fraction = at + 10;
        d->fraction_digits = 3;
    } else {
        d->end = read_fraction(text, at + 10, d);
    }
    return d->end == text.len || is_byte(text, d->end, ' ') || is_byte(text, d->end, ':');
}

static unsigned
two_digits(struct sr_span text, size_t at)
{
    return (unsigned)(text.data[at] == ' ' ? 0 : text.data[at] - '0') * 10 + text.data[at + 1] -
           (unsigned)'0';
}

/* What has the shape of a date and is none stays, and so do hours of half a day. */
static bool
is_plausible(struct sr_span text, const struct date *d)
{
    if (d->is_epoch) {
        return true;
    }
    unsigned day =
        d->day_width == 2 ? two_digits(text, d->day) : (unsigned)(text.data[d->day] - '0');
    unsigned month = d->is_named_month ? 1 : two_digits(text, d->month);
    bool is_half = is_byte(text, d->end, ' ') &&
                   (is_byte(text, d->end + 1, 'A') || is_byte(text, d->end + 1, 'P')) &&
                   is_byte(text, d->end + 2, 'M') && !is_letter(text, d->end + 3);

    return !is_half && day >= 1 && day <= 31 && month >= 1 && month <= 12 &&
           two_digits(text, d->hour) < 24 && two_digits(text, d->hour + 3) < 60 &&
           two_digits(text, d->hour + 6) <= 60;
}

/* What stands right before a date that begins with a month: "Sat ", "2003 ". */
static void
look_before(struct sr_span text, struct date *d)
{
    size_t at = d->begin;

    if (d->is_named_month && d->year == NONE && at >= 5 && has_shape(text, at - 5, "0000 ") &&
        (at == 5 || (!is_digit(text, at - 6) && !is_letter(text, at - 6)))) {
        d->year = d->begin = at - 5;
    } else if (d->is_named_month && at >= 4 && is_byte(text, at - 1, ' ') &&
               find_name(text, at - 4, day_names) >= 0) {
        d->weekday = d->begin = at - 4;
    }
}

static bool
read_date(struct sr_span text, size_t at, bool is_first, struct date *ret_date, int32_t offset_s)
{
    static bool (*const shapes[])(
        struct sr_span, size_t, struct date *) = { read_iso, read_bsd, read_epoch };
    size_t count = is_first ? 3 : 2;

    for (size_t i = 0; i < count; i++) {
        struct date d = { .year = NONE, .weekday = NONE, .fraction = NONE, .offset_s = offset_s };
        if (shapes[i](text, at, &d) && is_plausible(text, &d)) {
            look_before(text, &d);
            *ret_date = d;
            return true;
        }
    }
    return false;
}

/* The first date that begins with one of the first words behind the priority. */
static bool
find_date(struct sr_span text, size_t begin, int32_t offset_s, struct date *ret_date)
{
    size_t end = text.len - begin < HEAD_MAX ? text.len : begin + HEAD_MAX;
    unsigned words = 0;

    for (size_t at = begin; at < end && words < WORDS_MAX; at++) {
        /* Not behind a quote or '=': such a date is of the text. */
        bool is_start = at == begin || memchr(" *.:[", text.data[at - 1], 5) != NULL;
        if (is_start && read_date(text, at, words < 2, ret_date, offset_s)) {
            return true;
        }
        words += is_byte(text, at, ' ') && !is_byte(text, at + 1, ' ');
    }
    return false;
}

/* ---- Writing it ---- */

static void
put_digits(uint8_t *at, uint64_t value, unsigned digits)
{
    while (digits-- > 0) {
        at[digits] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

/* Digits beyond the ninth become zeros. */
static void
put_fraction(uint8_t *at, uint64_t ns, unsigned digits)
{
    uint64_t scale = NS_PER_S;

    for (unsigned i = 0; i < digits; i++) {
        scale /= 10;
        at[i] = (uint8_t)('0' + (scale > 0 ? ns / scale % 10 : 0));
    }
}

static void
put_name(uint8_t *at, const char *names, int index)
{
    bool is_upper = at[1] < 'a';

    for (size_t i = 0; i < 3; i++) {
        char letter = names[3 * (size_t)index + i];
        at[i] = (uint8_t)(is_upper ? letter & ~0x20 : letter);
    }
}

/*
 * RFC 3164 section 4.1.2: a day below 10 has a blank before it. Who writes a zero there, or
 * nothing, goes on so, as far as the day that was there tells.
 */
static void
put_day(uint8_t *at, const struct date *d, unsigned day)
{
    bool has_blank = d->is_named_month && *at != '0';

    put_digits(at, day, d->day_width);
    if (day < 10 && d->day_width == 2 && has_blank) {
        *at = ' ';
    }
}

/* In a copy of the text, whose offsets are those of the date. */
static void
put_civil(uint8_t *text, const struct date *d, const struct tm *now)
{
    if (d->year != NONE) {
        put_digits(text + d->year, (uint64_t)now->tm_year + 1900, 4);
    }
    if (d->weekday != NONE) {
        put_name(text + d->weekday, day_names, now->tm_wday);
    }
    if (d->is_named_month) {
        put_name(text + d->month, month_names, now->tm_mon);
    } else {
        put_digits(text + d->month, (uint64_t)now->tm_mon + 1, 2);
    }
    put_day(text + d->day, d, (unsigned)now->tm_mday);
    put_digits(text + d->hour, (uint64_t)now->tm_hour, 2);
    put_digits(text + d->hour + 3, (uint64_t)now->tm_min, 2);
    put_digits(text + d->hour + 6, (uint64_t)now->tm_sec, 2);
}

/* Copies the text, with one byte more where a day of one digit becomes one of two. */
static void
copy_text(struct sr_buf *b, struct sr_span text, struct date *d, unsigned day)
{
    size_t head = d->day + 1;

    if (d->is_epoch || d->day_width == 2 || day < 10) {
        sr_buf_add(b, text.data, text.len);
        return;
    }
    sr_buf_add(b, text.data, head);
    sr_buf_put(b, '0');
    sr_buf_add(b, text.data + head, text.len - head);
    d->day_width = 2;
    d->hour++;
    d->year += d->year != NONE && d->year > d->day;
    d->fraction += d->fraction != NONE;
}

static void
write_dated(struct sr_buf *b, struct sr_span text, struct date *d, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S) + (d->is_epoch ? 0 : d->offset_s);
    struct tm now;

    if (gmtime_r(&seconds, &now) == NULL) {
        sr_buf_add(b, text.data, text.len);
        return;
    }
    copy_text(b, text, d, (unsigned)now.tm_mday);
    if (b->overflow) {
        return;
    }
    if (d->is_epoch) {
        put_digits(b->data + d->begin, (uint64_t)seconds, 10);
    } else {
        put_civil(b->data, d, &now);
    }
    if (d->fraction != NONE) {
        put_fraction(b->data + d->fraction, wall_ns % NS_PER_S, d->fraction_digits);
    }
}

/* ---- The whole ---- */

/* Behind "<PRI>", or 0 when there is none; a byte order mark may stand before it. */
static size_t
behind_priority(struct sr_span text)
{
    size_t at = text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    size_t begin = at;

    if (!is_byte(text, at, '<')) {
        return begin;
    }
    unsigned digits = count_digits(text, ++at);
    return digits >= 1 && digits <= 3 && is_byte(text, at + digits, '>') ? at + digits + 1 : begin;
}

/* gzip and zlib, as GELF is sent. */
static bool
is_compressed(struct sr_span text)
{
    return text.len >= 2 && ((text.data[0] == 0x1f && text.data[1] == 0x8b) ||
                                (text.data[0] == 0x78 && (text.data[1] & 0x1f) != 0x0f &&
                                    (0x7800U + text.data[1]) % 31 == 0));
}

enum rewrite_err
rewrite_syslog(struct sr_span message, uint64_t wall_ns, int32_t utc_offset_s,
    const struct mark *mark, uint8_t *out, struct sr_span *ret_bytes)
{
    struct sr_buf b = sr_buf_over(out, REWRITE_ROOM);
    struct sr_span text = message;
    struct date date;

    /* What ends a line stays behind the mark. */
    while (text.len > 0 && memchr("\n\r", text.data[text.len - 1], 3) != NULL) {
        text.len--;
    }
    if (text.len == 0 || is_compressed(text)) {
        return REWRITE_EUNKNOWN;
    }
    if (find_date(text, behind_priority(text), utc_offset_s, &date)) {
        write_dated(&b, text, &date, wall_ns);
    } else {
        sr_buf_add(&b, text.data, text.len);
    }
    if (mark != NULL) {
        uint8_t written[MARK_TEXT_LEN];
        mark_write_text(mark, written);
        sr_buf_put(&b, ' ');
        sr_buf_add(&b, written, sizeof(written));
    }
    sr_buf_add(&b, message.data + text.len, message.len - text.len);
    if (b.overflow) {
        return REWRITE_ELENGTH;
    }
    *ret_bytes = sr_buf_span(&b);
    return REWRITE_OK;
}
