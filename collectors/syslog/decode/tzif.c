/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/tzif.h"

#include <stdbool.h>
#include <string.h>

#include "decode/time.h"

#include "sr/banned.h"

#define RESERVED_LEN 15
#define TYPE_LEN 6
#define DAY 86400

/* Offsets beyond these do not occur and would make the arithmetic below doubtful. */
#define OFFSET_MAX (26 * 3600)

/* The six counts of a TZif header (RFC 8536, section 3.1). */
struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

/* One half of a footer rule: when the clock changes each year. */
struct rule {
    char kind; /* 'M' month.week.day, 'J' day 1 to 365 without 29 February, 'n' day 0 to 365 */
    int32_t month, week, day;
    int32_t time; /* seconds after midnight on the clock before the change, may be negative */
};

/* A footer (RFC 8536, section 3.3): the offsets and, if the clock changes, when. */
struct footer {
    int32_t standard, summer;
    bool changes;
    struct rule start, end;
};

const char *
tzif_strerror(enum tzif_err err)
{
    switch (err) {
    case TZIF_OK: return "no error";
    case TZIF_EMAGIC: return "not a compiled time zone of version 2 or later";
    case TZIF_ETRUNC: return "the time zone file is cut short";
    case TZIF_ETYPE: return "the time zone file has no such local time type";
    case TZIF_EORDER: return "the changes of the time zone are not in order";
    case TZIF_ERULE: return "the rule of the time zone for later years is malformed";
    case TZIF_EMANY: return "the time zone has too many changes";
    }
    return "unknown error";
}

static enum tzif_err
read_header(struct sr_reader *rd, struct counts *counts)
{
    struct sr_span magic = sr_reader_take(rd, 4);
    uint8_t version = sr_reader_u8(rd);

    (void)sr_reader_take(rd, RESERVED_LEN);
    counts->isut = sr_reader_be32(rd);
    counts->isstd = sr_reader_be32(rd);
    counts->leap = sr_reader_be32(rd);
    counts->time = sr_reader_be32(rd);
    counts->type = sr_reader_be32(rd);
    counts->chars = sr_reader_be32(rd);
    if (magic.len != 4 || memcmp(magic.data, "TZif", 4) != 0 || (!rd->failed && version < '2')) {
        return TZIF_EMAGIC;
    }
    return rd->failed ? TZIF_ETRUNC : TZIF_OK;
}

/* Adds a change unless it leaves the offset as it is. */
static enum tzif_err
add_change(struct tzif *zone, int64_t at, int32_t offset)
{
    int32_t last = zone->count > 0 ? zone->change[zone->count - 1].offset : zone->before;

    if (offset == last) {
        return TZIF_OK;
    }
    if (zone->count == TZIF_CHANGES_MAX) {
        return TZIF_EMANY;
    }
    zone->change[zone->count++] = (struct tzif_change){ at, offset };
    return TZIF_OK;
}

/* Reads the offset of local time type `index`. */
static bool
type_offset(struct sr_span types, uint32_t index, int32_t *ret_offset)
{
    if (index >= types.len / TYPE_LEN) {
        return false;
    }
    struct sr_reader rd = sr_reader_init((struct sr_span){ types.data + index * TYPE_LEN, 4 });
    int32_t offset = (int32_t)sr_reader_be32(&rd);
    *ret_offset = offset;
    return offset >= -OFFSET_MAX && offset <= OFFSET_MAX;
}

/* Reads the data block of version 2 (RFC 8536, section 3.2). */
static enum tzif_err
read_block(struct sr_reader *rd, const struct counts *counts, struct tzif *zone)
{
    struct sr_reader times = sr_reader_init(sr_reader_take(rd, (size_t)counts->time * 8));
    struct sr_span indexes = sr_reader_take(rd, counts->time);
    struct sr_span types = sr_reader_take(rd, (size_t)counts->type * TYPE_LEN);
    int64_t last = INT64_MIN;

    (void)sr_reader_take(rd,
        (size_t)counts->chars + (size_t)counts->leap * 12 + (size_t)counts->isstd + counts->isut);
    if (rd->failed) {
        return TZIF_ETRUNC;
    }
    zone->count = 0;
    if (!type_offset(types, 0, &zone->before)) {
        return TZIF_ETYPE;
    }
    for (uint32_t i = 0; i < counts->time; i++) {
        int64_t at = (int64_t)sr_reader_be64(&times);
        int32_t offset;
        if (!type_offset(types, indexes.data[i], &offset)) {
            return TZIF_ETYPE;
        }
        if (at <= last) {
            return TZIF_EORDER;
        }
        last = at;
        /* Leaves room below for the sum with an offset: nothing happened before -2^59 anyway. */
        at = at < -(INT64_C(1) << 59) ? -(INT64_C(1) << 59) : at;
        enum tzif_err err = add_change(zone, at, offset);
        if (err != TZIF_OK) {
            return err;
        }
    }
    return TZIF_OK;
}

/* Bytes left to parse: none once something was wrong, so that every loop below ends. */
static size_t
left(const struct sr_reader *rd)
{
    return rd->failed ? 0 : sr_reader_left(rd);
}

static bool
peek(const struct sr_reader *rd, char c)
{
    return left(rd) > 0 && *rd->pos == (uint8_t)c;
}

static bool
accept(struct sr_reader *rd, char c)
{
    if (!peek(rd, c)) {
        return false;
    }
    (void)sr_reader_u8(rd);
    return true;
}

/* Reads an unsigned number up to `max`; marks the reader failed when there is none. */
static int32_t
read_number(struct sr_reader *rd, int32_t max)
{
    int32_t value = 0;
    bool any = false;

    while (left(rd) > 0 && *rd->pos >= '0' && *rd->pos <= '9' && value <= max) {
        value = value * 10 + (sr_reader_u8(rd) - '0');
        any = true;
    }
    rd->failed = rd->failed || !any || value > max;
    return value;
}

/* Reads "[+-]hh[:mm[:ss]]" in seconds; RFC 8536, section 3.3.1 lets hours go to 167. */
static int32_t
read_clock(struct sr_reader *rd)
{
    bool negative = accept(rd, '-');

    if (!negative) {
        (void)accept(rd, '+');
    }
    int32_t seconds = read_number(rd, 167) * 3600;
    if (accept(rd, ':')) {
        seconds += read_number(rd, 59) * 60;
        if (accept(rd, ':')) {
            seconds += read_number(rd, 59);
        }
    }
    return negative ? -seconds : seconds;
}

/* Skips the name of a zone: letters, or anything between '<' and '>'. */
static void
skip_name(struct sr_reader *rd)
{
    bool any = false;

    if (accept(rd, '<')) {
        while (left(rd) > 0 && !peek(rd, '>')) {
            (void)sr_reader_u8(rd);
        }
        rd->failed = rd->failed || !accept(rd, '>');
        return;
    }
    while (left(rd) > 0 && ((*rd->pos | 0x20) >= 'a' && (*rd->pos | 0x20) <= 'z')) {
        (void)sr_reader_u8(rd);
        any = true;
    }
    rd->failed = rd->failed || !any;
}

/* Reads ",Mm.w.d", ",Jn" or ",n", each with an optional "/time". */
static struct rule
read_rule(struct sr_reader *rd)
{
    struct rule rule = { .kind = 'n', .time = 2 * 3600 };

    rd->failed = rd->failed || !accept(rd, ',');
    if (accept(rd, 'M')) {
        rule.kind = 'M';
        rule.month = read_number(rd, 12);
        rd->failed = rd->failed || rule.month < 1 || !accept(rd, '.');
        rule.week = read_number(rd, 5);
        rd->failed = rd->failed || rule.week < 1 || !accept(rd, '.');
        rule.day = read_number(rd, 6);
    } else if (accept(rd, 'J')) {
        rule.kind = 'J';
        rule.day = read_number(rd, 365);
        rd->failed = rd->failed || rule.day < 1;
    } else {
        rule.day = read_number(rd, 365);
    }
    if (accept(rd, '/')) {
        rule.time = read_clock(rd);
    }
    return rule;
}

/* Reads "\nstdoffset[dst[offset][,start,end]]\n"; nothing between the newlines is a footer too. */
static enum tzif_err
read_footer(struct sr_reader *rd, struct footer *footer)
{
    *footer = (struct footer){ .changes = false };
    rd->failed = rd->failed || !accept(rd, '\n');
    if (accept(rd, '\n')) {
        return rd->failed ? TZIF_ERULE : TZIF_OK;
    }
    skip_name(rd);
    footer->standard = -read_clock(rd); /* POSIX counts west of Greenwich */
    if (!rd->failed && !peek(rd, '\n')) {
        skip_name(rd);
        footer->summer = footer->standard + 3600;
        if (!peek(rd, ',')) {
            footer->summer = -read_clock(rd);
        }
        footer->changes = true;
        footer->start = read_rule(rd);
        footer->end = read_rule(rd);
    }
    rd->failed = rd->failed || !accept(rd, '\n');
    return rd->failed ? TZIF_ERULE : TZIF_OK;
}

/* The start of a day of `year` in seconds, on whatever clock the rule is about. */
static int64_t
rule_seconds(const struct rule *rule, int32_t year)
{
    struct syslog_civil day = { .year = year, .month = 1, .day = 1 };
    int64_t first = syslog_civil_seconds(&day);

    if (rule->kind != 'M') {
        struct syslog_civil leap_day = { .year = year, .month = 2, .day = 29 };
        bool skip = rule->kind == 'J' && rule->day >= 60 && syslog_civil_valid(&leap_day);
        return first + (rule->day - (rule->kind == 'J' && !skip ? 1 : 0)) * (int64_t)DAY;
    }
    day.month = (uint8_t)rule->month;
    first = syslog_civil_seconds(&day);
    int64_t weekday = ((first / DAY + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t date = 1 + (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
    day.day = (uint8_t)date;
    if (!syslog_civil_valid(&day)) { /* week 5 is the last one, which may be the fourth */
        date -= 7;
    }
    return first + (date - 1) * DAY;
}

/* Adds the changes that the footer makes after the last one of the file. */
static enum tzif_err
expand(const struct footer *footer, int32_t last_year, struct tzif *zone)
{
    int64_t last = zone->count > 0 ? zone->change[zone->count - 1].at : 0;
    int32_t year = zone->count > 0 && last > 0 ? syslog_year_of(last) : 1970;

    for (; footer->changes && year <= last_year; year++) {
        struct tzif_change summer = {
            rule_seconds(&footer->start, year) + footer->start.time - footer->standard,
            footer->summer,
        };
        struct tzif_change winter = {
            rule_seconds(&footer->end, year) + footer->end.time - footer->summer,
            footer->standard,
        };
        bool summer_first = summer.at < winter.at;
        struct tzif_change both[2] = { summer_first ? summer : winter,
            summer_first ? winter : summer };
        for (int i = 0; i < 2; i++) {
            enum tzif_err err =
                both[i].at > last ? add_change(zone, both[i].at, both[i].offset) : TZIF_OK;
            if (err != TZIF_OK) {
                return err;
            }
        }
    }
    return TZIF_OK;
}

enum tzif_err
tzif_parse(struct sr_span file, int32_t last_year, struct tzif *ret_zone)
{
    struct sr_reader rd = sr_reader_init(file);
    struct counts counts;
    struct footer footer;
    enum tzif_err err = read_header(&rd, &counts);

    if (err != TZIF_OK) {
        return err;
    }
    /* The block of version 1, with four bytes a time, says less than the one behind it. */
    (void)sr_reader_take(&rd, (size_t)counts.time * 5 + (size_t)counts.type * TYPE_LEN +
                                  (size_t)counts.chars + (size_t)counts.leap * 8 +
                                  (size_t)counts.isstd + counts.isut);
    err = rd.failed ? TZIF_ETRUNC : read_header(&rd, &counts);
    if (err == TZIF_OK) {
        err = read_block(&rd, &counts, ret_zone);
    }
    if (err == TZIF_OK) {
        err = read_footer(&rd, &footer);
    }
    return err == TZIF_OK ? expand(&footer, last_year, ret_zone) : err;
}
