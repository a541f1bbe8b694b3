/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/rfc3164.h"

#include <string.h>

#include "decode/pri.h"
#include "decode/rfc3339.h"
#include "decode/rfc5424.h"
#include "decode/words.h"

#include "sr/banned.h"

/* Year, month, day, time, zone and host: no header has more words. */
#define HEADER_WORDS 6

/* The first words of a text and what follows them. */
struct words {
    struct sr_span word[HEADER_WORDS];
    struct sr_span after[HEADER_WORDS]; /* the text behind each */
    size_t count;
};

static void
take_words(struct sr_span text, struct words *words)
{
    words->count = 0;
    while (words->count < HEADER_WORDS && words_next(&text, &words->word[words->count])) {
        words->after[words->count++] = text;
    }
}

static bool
read_month(struct sr_span text, uint8_t *ret_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (uint8_t i = 0; text.len == 3 && i < 12; i++) {
        if (memcmp(text.data, names + 3 * i, 3) == 0) {
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

/* Reads "Mmm", "d" or "dd", and "HH:MM:SS" from three words. */
static bool
read_month_day_time(const struct sr_span *word, struct syslog_civil *civil)
{
    uint32_t day;
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    const struct sr_span *clock = &word[2];

    if (!read_month(word[0], &civil->month)) {
        return false;
    }
    if (word[1].len < 1 || word[1].len > 2 ||
        !syslog_digits(word[1].data, (unsigned)word[1].len, &day)) {
        return false;
    }
    if (clock->len != 8 || clock->data[2] != ':' || clock->data[5] != ':' ||
        !syslog_digits(clock->data, 2, &hour) || !syslog_digits(clock->data + 3, 2, &minute) ||
        !syslog_digits(clock->data + 6, 2, &second)) {
        return false;
    }
    civil->day = (uint8_t)day;
    civil->hour = (uint8_t)hour;
    civil->minute = (uint8_t)minute;
    civil->second = (uint8_t)second;
    return syslog_civil_valid(civil);
}

/* Reads a year of four digits, with an optional sign as Rust's `time` takes it. */
static bool
read_year(struct sr_span text, int32_t *ret_year)
{
    bool has_sign = text.len == 5 && (text.data[0] == '+' || text.data[0] == '-');
    uint32_t year;

    if ((!has_sign && text.len != 4) || !syslog_digits(text.data + (has_sign ? 1 : 0), 4, &year)) {
        return false;
    }
    *ret_year = has_sign && text.data[0] == '-' ? -(int32_t)year : (int32_t)year;
    return true;
}

/* Reads a date and its zone from the front of `words`; *ret_used of them. */
static bool
read_date(const struct words *words, const struct rfc3164_dates *dates,
    struct syslog_time *ret_time, size_t *ret_used)
{
    struct syslog_civil civil = { .year = dates->year };
    size_t used = 3;
    uint16_t zone = 0;

    if (words->count > 0 && rfc3339_parse(words->word[0], ret_time)) {
        *ret_used = 1;
        return true;
    }
    /* A date that does not exist in this year gets its second chance with the year in front. */
    if (words->count < 3 || !read_month_day_time(words->word, &civil)) {
        used = 4;
        if (words->count < 4 || !read_year(words->word[0], &civil.year) ||
            !read_month_day_time(words->word + 1, &civil)) {
            return false;
        }
    }
    int64_t local = syslog_civil_seconds(&civil);
    if (used < words->count && tz_find(dates->zones, words->word[used], &zone)) {
        used++;
        local = tz_to_utc(dates->zones, zone, local);
    } else if (dates->local != RFC3164_UTC) {
        local = tz_to_utc(dates->zones, (uint16_t)dates->local, local);
    }
    *ret_time = (struct syslog_time){ .sec = local };
    *ret_used = used;
    return true;
}

/* "DATE HOST message" */
static enum syslog_err
decode_standard(struct sr_span text, const struct rfc3164_dates *dates, struct syslog_record *rec)
{
    struct words words;
    size_t used;

    take_words(text, &words);
    if (words.count < 4) {
        return SYSLOG_EHEADER;
    }
    if (!read_date(&words, dates, &rec->time, &used)) {
        return SYSLOG_ETIME;
    }
    /* With year and zone the date may be all there is. */
    if (used >= words.count) {
        return SYSLOG_EHEADER;
    }
    rec->host = words.word[used];
    rec->msg = words_trim(words.after[used]);
    rec->has_msg = true;
    rec->msg_is_words = true;
    return SYSLOG_OK;
}

/* Finds ": " in `text`; false when there is none. */
static bool
find_separator(struct sr_span text, size_t *ret_at)
{
    const uint8_t *p = text.data;
    const uint8_t *end = text.data + text.len;

    while (end - p >= 2 && (p = memchr(p, ':', (size_t)(end - p) - 1)) != NULL) {
        if (p[1] == ' ') {
            *ret_at = (size_t)(p - text.data);
            return true;
        }
        p++;
    }
    return false;
}

/* "HOST: DATE: message" */
static enum syslog_err
decode_custom(struct sr_span text, const struct rfc3164_dates *dates, struct syslog_record *rec)
{
    struct words words;
    size_t host_len;
    size_t date_len;
    size_t used;

    if (text.len == 0 || !find_separator(text, &host_len)) {
        return SYSLOG_EHEADER;
    }
    struct sr_span rest = { text.data + host_len + 2, text.len - host_len - 2 };
    if (!find_separator(rest, &date_len)) {
        return SYSLOG_EHEADER;
    }
    take_words((struct sr_span){ rest.data, date_len }, &words);
    if (!read_date(&words, dates, &rec->time, &used)) {
        return SYSLOG_ETIME;
    }
    rec->host = (struct sr_span){ text.data, host_len };
    rec->msg = (struct sr_span){ rest.data + date_len + 2, rest.len - date_len - 2 };
    rec->has_msg = true;
    rec->msg_is_words = false;
    return SYSLOG_OK;
}

/* Takes "<PRI>" off the front of *text, if it is there. */
static enum syslog_err
read_pri(struct sr_span *text, struct syslog_record *rec)
{
    if (text->len == 0 || text->data[0] != '<') {
        return SYSLOG_OK;
    }
    const uint8_t *close = memchr(text->data, '>', text->len);
    if (close == NULL) {
        return SYSLOG_EPRIORITY;
    }
    const uint8_t *open = text->data;
    while (*open == '<') {
        open++;
    }
    uint8_t pri;
    if (!pri_parse((struct sr_span){ open, (size_t)(close - open) }, &pri)) {
        return SYSLOG_EPRIORITY;
    }
    size_t used = (size_t)(close - text->data) + 1;
    *text = (struct sr_span){ text->data + used, text->len - used };
    rec->has_pri = true;
    rec->facility = pri >> 3;
    rec->severity = pri & 7;
    return SYSLOG_OK;
}

enum syslog_err
rfc3164_decode(struct sr_span line, const struct rfc3164_dates *dates,
    struct syslog_scratch *scratch, struct syslog_record *ret_rec)
{
    struct syslog_record rec = { 0 };
    struct sr_span text = line;

    rec.full = words_trim_end(line);
    if (rec.full.len == 0) {
        return SYSLOG_EEMPTY;
    }
    enum syslog_err err = read_pri(&text, &rec);
    if (err != SYSLOG_OK) {
        return err;
    }
    err = decode_standard(text, dates, &rec);
    if (err != SYSLOG_OK) {
        enum syslog_err custom = decode_custom(text, dates, &rec);
        /* The reason is the one of the form that got further. */
        err = custom == SYSLOG_EHEADER ? err : custom;
    }
    if (err == SYSLOG_OK) {
        *ret_rec = rec;
        return SYSLOG_OK;
    }
    bool is_5424 = text.len >= 2 && memcmp(text.data, "1 ", 2) == 0;
    enum syslog_err other = rfc5424_decode(line, scratch, ret_rec);
    return other == SYSLOG_OK || is_5424 ? other : err;
}
