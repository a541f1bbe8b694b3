/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/sd.h"
#include "decode/smart_family.h"
#include "decode/smart_text.h"
#include "decode/words.h"

#include "sr/banned.h"

/*
 * Takes the next field of the header, which a space follows; "-" is an empty one. A field that is
 * longer than section 6 allows makes the header a loose one; it is kept whole.
 */
static bool
take_field(struct smart *m, struct sr_span *text, size_t max, struct sr_span *ret_field)
{
    struct sr_span word = smart_word(*text);

    if (word.len == 0 || word.len == text->len || text->data[word.len] != ' ') {
        return false;
    }
    if (word.len > max) {
        m->rec->reading.dialect = SYSLOG_IETF_LOOSE;
    }
    *text = smart_skip(*text, word.len + 1);
    *ret_field = words_equal(word, "-") ? (struct sr_span){ word.data, 0 } : word;
    return true;
}

/* Reads STRUCTURED-DATA and MSG. False: it is not of the grammar, and all of it is the message. */
static bool
read_data(struct smart *m)
{
    struct syslog_record *rec = m->rec;
    struct sr_span rest;

    if (m->text.len > 0 && m->text.data[0] == '-') {
        rest = smart_skip(m->text, 1);
    } else if (m->text.len == 0 || m->text.data[0] != '[' ||
               sd_parse_strictly(m->text, m->scratch, &rec->sd_id, &rec->param_count, &rest) !=
                   SYSLOG_OK) {
        rec->param_count = 0;
        return false;
    } else {
        rec->has_sd = true;
        rec->sd = (struct sr_span){ m->text.data, m->text.len - rest.len };
        rec->params = m->scratch->params;
    }
    if (rest.len > 0 && rest.data[0] != ' ') {
        rec->has_sd = false;
        rec->param_count = 0;
        return false;
    }
    rest = smart_skip(rest, 1);
    rec->msg = smart_starts(rest, "\xef\xbb\xbf") ? smart_skip(rest, 3) : rest;
    return true;
}

/* Takes "VERSION TIMESTAMP HOSTNAME ". */
static bool
take_start(struct smart *m, struct sr_span *text, struct smart_date *date, struct sr_span *host)
{
    size_t digits = smart_digits(*text);

    if (digits > 3 || text->len <= digits + 1 || text->data[digits] != ' ') {
        return false;
    }
    *text = smart_skip_blanks(smart_skip(*text, digits + 1));
    if (smart_starts(*text, "- ")) {
        date->used = 1;
    } else if (smart_digits(*text) != 4 || !smart_time_read(*text, m->dates, date)) {
        return false;
    }
    *text = smart_skip(*text, date->used);
    if (text->len == 0 || text->data[0] != ' ') {
        return false;
    }
    *text = smart_skip(*text, 1);
    *host = smart_word(*text);
    return host->len > 0;
}

bool
smart_read_ietf(struct smart *m)
{
    struct syslog_record *rec = m->rec;
    struct smart_date date = { .used = 0 };
    struct sr_span text = m->text;
    struct sr_span host;

    if (!take_start(m, &text, &date, &host)) {
        /* Meraki writes a version and an epoch, others a version and the date of RFC 3164. */
        text = smart_skip(m->text, 2);
        if (smart_digits(m->text) != 1 || !smart_starts(smart_skip(m->text, 1), " ") ||
            (smart_digits(text) != 10 &&
                (m->text.data[0] != '1' || !smart_time_read(text, m->dates, &date)))) {
            return false;
        }
        m->text = text;
        return smart_read_bsd(m);
    }
    if (date.used > 1) {
        smart_set_time(m, &date, SYSLOG_FROM_HEADER);
    }
    rec->reading.dialect = SYSLOG_IETF;
    m->text = text;
    if (take_field(m, &text, 255, &rec->host) && take_field(m, &text, 48, &rec->app) &&
        take_field(m, &text, 128, &rec->procid) && take_field(m, &text, 32, &rec->msgid) &&
        text.len > 0 && (text.data[0] == '-' || text.data[0] == '[')) {
        rec->reading.host = rec->host.len > 0 ? SYSLOG_FROM_HEADER : SYSLOG_FROM_NOTHING;
        m->text = text;
        if (!read_data(m)) {
            rec->reading.dialect = SYSLOG_IETF_LOOSE;
            rec->msg = text;
        }
        return true;
    }
    rec->reading.dialect = SYSLOG_IETF_LOOSE;
    rec->host = rec->app = rec->procid = rec->msgid = (struct sr_span){ NULL, 0 };
    smart_read_host_and_tag(m);
    return true;
}
