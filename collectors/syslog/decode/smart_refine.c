/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/smart_family.h"
#include "decode/smart_text.h"
#include "decode/words.h"

#include "sr/banned.h"

/* Takes the time in `value`, a date or an epoch. */
static bool
take_time(struct smart *m, struct sr_span value)
{
    struct smart_date date;
    struct syslog_time at;

    if (smart_epoch_read(value, &at)) {
        date = (struct smart_date){ .at = at, .is_zoned = true, .has_year = true };
    } else if (!smart_time_read(value, m->dates, &date)) {
        return false;
    }
    smart_set_time(m, &date, SYSLOG_FROM_MESSAGE);
    return true;
}

static bool
lacks_time(const struct smart *m)
{
    return m->rec->reading.time == SYSLOG_FROM_NOTHING;
}

static bool
lacks_host(const struct smart *m)
{
    return m->rec->reading.host == SYSLOG_FROM_NOTHING;
}

/* Takes the time in `value` when it is the header's to the second, and has more digits. */
static void
take_digits(struct smart *m, struct sr_span value)
{
    struct smart_date date;

    if (m->rec->reading.time == SYSLOG_FROM_HEADER && m->rec->time.nsec == 0 &&
        smart_time_read(value, m->dates, &date) && date.at.nsec != 0 &&
        date.at.sec >= m->rec->time.sec - 1 && date.at.sec <= m->rec->time.sec + 1) {
        smart_set_time(m, &date, SYSLOG_FROM_MESSAGE);
    }
}

/* "time=1795316710|hostname=NAME|" */
static bool
refine_check_point(struct smart *m)
{
    struct sr_span value;

    if (!smart_pair(m->rec->msg, "hostname", '|', &value)) {
        return false;
    }
    (void)smart_set_host(m, value, SYSLOG_FROM_MESSAGE);
    if (smart_pair(m->rec->msg, "time", '|', &value)) {
        (void)take_time(m, value);
    }
    return true;
}

/* Takes the time of the pairs "date" and "time", and "tz" where it is. */
static void
take_date_and_time(struct smart *m, uint8_t separator)
{
    struct sr_span msg = m->rec->msg;
    struct sr_span date;
    struct sr_span clock;
    struct sr_span zone;
    char text[64];
    size_t len = 0;

    if (!smart_pair(msg, "date", separator, &date) || date.len != 10 ||
        !smart_pair(msg, "time", separator, &clock) || clock.len > 20) {
        return;
    }
    memcpy(text, date.data, 10);
    text[10] = 'T';
    memcpy(text + 11, clock.data, clock.len);
    len = 11 + clock.len;
    if (smart_pair(msg, "tz", separator, &zone) && zone.len <= 6) {
        memcpy(text + len, zone.data, zone.len);
        len += zone.len;
    }
    (void)take_time(m, (struct sr_span){ (const uint8_t *)text, len });
}

/*
 * "date=2026-11-22 time=03:05:49 devname=NAME": the device's own, whoever sent it on. Some write
 * commas, and Sophos "device_name" and "timestamp".
 */
static bool
refine_fortinet(struct smart *m)
{
    struct sr_span msg = m->rec->msg;
    struct sr_span value;
    size_t first = 0;

    while (first < msg.len && msg.data[first] != ' ' && msg.data[first] != ',') {
        first++;
    }
    uint8_t separator = first < msg.len ? msg.data[first] : ' ';
    if (!smart_pair(msg, "devname", separator, &value) &&
        !smart_pair(msg, "device_name", separator, &value) &&
        (!smart_starts(msg, "date=") || !smart_pair(msg, "time", separator, &value))) {
        return false;
    }
    take_date_and_time(m, separator);
    if (lacks_time(m) && smart_pair(msg, "timestamp", separator, &value)) {
        (void)take_time(m, value);
    }
    if (smart_pair(msg, "devname", separator, &value) ||
        (lacks_host(m) && smart_pair(msg, "device_name", separator, &value))) {
        (void)smart_set_host(m, value, SYSLOG_FROM_MESSAGE);
    }
    return true;
}

/* `id=firewall time="2026-11-22 03:05:49 UTC" fw=NAME`, SonicWall's and Stormshield's */
static bool
refine_sonicwall(struct smart *m)
{
    struct sr_span value;

    if (!smart_pair(m->rec->msg, "time", ' ', &value)) {
        return false;
    }
    if (lacks_time(m)) {
        (void)take_time(m, value);
    }
    if (lacks_host(m) && smart_pair(m->rec->msg, "fw", ' ', &value)) {
        (void)smart_set_host(m, value, SYSLOG_FROM_MESSAGE);
    }
    return true;
}

/*
 * A header without a year whose date is that of `value` in another year: what is sent again later,
 * as a database's old alerts are. The time is that of the value then.
 */
static void
take_year(struct smart *m, struct sr_span value)
{
    struct smart_dates dates = *m->dates;
    struct smart_date again;

    if (smart_epoch_read(smart_word(value), &dates.now) &&
        (m->rec->time.sec != dates.now.sec || m->rec->time.nsec == 0) &&
        smart_time_read(m->date, &dates, &again) && again.at.sec == dates.now.sec) {
        (void)take_time(m, smart_word(value));
    }
}

/* ArcSight's format has its header in front, or says who and when with keys. */
static bool
refine_cef(struct smart *m)
{
    struct sr_span value;

    if (smart_pair(m->rec->msg, "rt", ' ', &value)) {
        take_year(m, value);
    }
    if (lacks_host(m) && smart_pair(m->rec->msg, "dvchost", ' ', &value)) {
        (void)smart_set_host(m, value, SYSLOG_FROM_MESSAGE);
    }
    if (lacks_time(m) && smart_pair(m->rec->msg, "rt", '=', &value)) {
        if (!take_time(m, value)) {
            (void)take_time(m, smart_word(value));
        }
    }
    return true;
}

/* QRadar's format, with a time of its own. */
static bool
refine_leef(struct smart *m)
{
    struct sr_span value;

    if (smart_pair(m->rec->msg, "devTime", '^', &value)) {
        if (smart_digits(value) >= 10) {
            value.len = smart_digits(value);
            (void)take_time(m, value);
        } else if (lacks_time(m)) {
            (void)take_time(m, value);
        }
    }
    if (lacks_host(m) && smart_pair(m->rec->msg, "dvchost", '\t', &value)) {
        (void)smart_set_host(m, value, SYSLOG_FROM_MESSAGE);
    }
    return true;
}

/*
 * FireEye's (Trellix') console for endpoints: an alert is of the endpoint that it names, and of the
 * time of the event in it, whatever sent it on.
 */
static bool
refine_endpoint_alert(struct smart *m)
{
    static const char *const keys[3] = { "product", "hostname", "*Event/timestamp" };
    struct sr_span values[3];

    if (!smart_starts(m->rec->app, "fenotify-")) {
        return false;
    }
    smart_json_texts(m->rec->msg, keys, 3, values);
    if (!words_equal(values[0], "HX")) {
        return false;
    }
    (void)smart_set_host(m, values[1], SYSLOG_FROM_MESSAGE);
    (void)take_time(m, values[2]);
    return true;
}

static bool
refine_json(struct smart *m)
{
    /* The first TIMES are times. */
    enum { TIMES = 7, KEYS = TIMES + 3 };
    static const char *const keys[KEYS] = { "timestamp", "@timestamp", "Timestamp", "time",
        "LogTimestamp", "CreationTime", "eventTime", "hostname", "host", "dvchost" };
    struct sr_span values[KEYS];

    if (refine_endpoint_alert(m)) {
        return true;
    }
    smart_json_texts(m->rec->msg, keys, KEYS, values);
    for (size_t i = 0; i < TIMES; i++) {
        if (values[i].len > 0 && !lacks_time(m)) {
            take_digits(m, values[i]);
            break;
        }
        if (values[i].len > 0) {
            (void)take_time(m, values[i]);
        }
    }
    for (size_t i = TIMES; lacks_host(m) && i < KEYS; i++) {
        (void)smart_set_host(m, values[i], SYSLOG_FROM_MESSAGE);
    }
    return true;
}

/* Takes a value that a comma ends, which one in quotes may contain, off the front of *text. */
static struct sr_span
take_comma_value(struct sr_span *text)
{
    struct sr_span value = { text->data, 0 };
    bool quoted = false;

    while (value.len < text->len && (quoted || text->data[value.len] != ',')) {
        quoted = quoted != (text->data[value.len] == '"');
        value.len++;
    }
    *text = smart_skip(*text, value.len + 1);
    return value;
}

/* Which value of a type of PAN-OS is the name of the device, counted from 0. */
static const struct {
    const char *type;
    size_t device_name;
} pan_os_types[] = {
    { "TRAFFIC", 52 },
    { "HIPMATCH", 24 },
    { "SYSTEM", 22 },
};

/*
 * "1,2026/11/22 03:05:49,SERIAL,TYPE,": the header may be that of a Panorama, which collects for
 * others. Some types end with a date that has a zone.
 */
static bool
refine_pan_os(struct smart *m)
{
    struct sr_span rest = m->rec->msg;
    size_t device_name = SIZE_MAX;

    if (rest.len < 24 || rest.data[6] != '/' || rest.data[9] != '/') {
        return false;
    }
    struct sr_span received = smart_skip(rest, 2); /* a comma behind it begins the next value */
    const uint8_t *comma = memchr(received.data, ',', received.len);
    received.len = comma != NULL ? (size_t)(comma - received.data) : received.len;
    take_digits(m, received);
    for (size_t at = 0; rest.len > 0; at++) {
        struct sr_span value = take_comma_value(&rest);
        for (size_t i = 0; at == 3 && i < sizeof(pan_os_types) / sizeof(pan_os_types[0]); i++) {
            if (words_equal(value, pan_os_types[i].type)) {
                device_name = pan_os_types[i].device_name;
            }
        }
        if (at == device_name && smart_digits(value) < value.len) {
            (void)smart_set_host(m, value, SYSLOG_FROM_MESSAGE);
        }
        if (value.len > 19 && value.data[4] == '-' && value.data[10] == 'T' &&
            value.data[19] == '.' && take_time(m, value)) {
            break;
        }
    }
    return true;
}

/*
 * A message that starts with a date or an epoch of the same second as the header's: the same time
 * with more digits, as proxies write it. Cisco's ACS and ISE write it behind three numbers.
 */
static void
refine_digits(struct smart *m)
{
    struct sr_span text = m->rec->msg;
    struct sr_span value;

    if (text.len > 0 && text.data[0] == '[') {
        text = smart_skip(text, 1);
    }
    if (lacks_time(m)) { /* behind a tag as Radware's, or in a pair as HP's printers' */
        if (!take_time(m, text) && smart_pair(text, "time", ' ', &value)) {
            (void)take_time(m, value);
        }
        return;
    }
    if (smart_starts(text, "CISE_") || smart_starts(text, "CSCOacs_") ||
        smart_starts(m->rec->app, "CSCOacs_")) {
        for (int words = m->rec->app.len > 0 ? 1 : 0; words < 4; words++) {
            text = smart_skip_blanks(smart_skip(text, smart_word(text).len));
        }
    }
    take_digits(m, text);
}

/* Splunk's way through a data diode: each event has its own host and time in structured data. */
static void
refine_diode(struct smart *m)
{
    for (size_t i = 0; i < m->rec->param_count; i++) {
        const struct syslog_param *param = &m->rec->params[i];
        if (words_equal(param->name, "h")) {
            (void)smart_set_host(m, param->value, SYSLOG_FROM_MESSAGE);
        } else if (words_equal(param->name, "t")) {
            (void)take_time(m, param->value);
        }
    }
}

/* What senders of a device say otherwise than its header does. */
static void
refine_device(struct smart *m)
{
    struct syslog_record *rec = m->rec;
    struct sr_span rest;

    if (words_equal(rec->sd_id, "fields@274489")) {
        refine_diode(m);
    } else if (smart_starts(rec->msgid, "RICOH_") && rec->app.len > 0) {
        /* Ricoh's devices write their address for HOSTNAME and their name for APP-NAME. */
        (void)smart_set_host(m, rec->app, SYSLOG_FROM_HEADER);
    } else if (smart_starts(rec->msg, "EEMI ") && smart_after(rec->msg, "{ HostName } ", &rest)) {
        /* Dell's OpenManage Enterprise sends on what its servers tell it. */
        (void)smart_set_host(m, smart_word(rest), SYSLOG_FROM_MESSAGE);
    }
}

/* What a message of a vendor starts with. */
static const struct {
    const char *start;
    enum syslog_dialect dialect;
    bool (*refine)(struct smart *m);
} formats[] = {
    { "CEF:", SYSLOG_CEF, refine_cef },
    { "LEEF:", SYSLOG_LEEF, refine_leef },
    { "{", SYSLOG_JSON, refine_json },
    { "1,2", SYSLOG_PAN_OS, refine_pan_os },
    { "date=", SYSLOG_FORTINET, refine_fortinet },
    { "logver=", SYSLOG_FORTINET, refine_fortinet },
    { "timestamp=", SYSLOG_FORTINET, refine_fortinet },
    { "device=", SYSLOG_FORTINET, refine_fortinet },
    { "device_name=", SYSLOG_FORTINET, refine_fortinet },
    { "time=", SYSLOG_CHECK_POINT, refine_check_point },
    { "id=firewall ", SYSLOG_SONICWALL, refine_sonicwall },
};

void
smart_refine(struct smart *m)
{
    refine_device(m);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (smart_starts(m->rec->msg, formats[i].start) && formats[i].refine(m)) {
            m->rec->reading.dialect = formats[i].dialect;
            return;
        }
    }
    refine_digits(m);
}
