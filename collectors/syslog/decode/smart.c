/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/smart.h"

#include <string.h>

#include "decode/smart_family.h"
#include "decode/smart_text.h"
#include "sr/json.h"

#include "sr/banned.h"

/* Where the mark of a Cisco mnemonic is looked for. */
#define CISCO_REACH 256

void
smart_set_time(struct smart *m, const struct smart_date *date, enum syslog_source source)
{
    m->rec->time = date->at;
    m->rec->reading.time = source;
    m->rec->reading.has_year = date->has_year;
    m->rec->reading.is_zoned = date->is_zoned;
}

bool
smart_set_host(struct smart *m, struct sr_span host, enum syslog_source source)
{
    if (!smart_is_host(host) || (host.len == 1 && host.data[0] == '-')) {
        return false;
    }
    m->rec->host = host;
    m->rec->reading.host = source;
    return true;
}

/* `line` without NULs and white space at its end. */
static struct sr_span
trim_end(struct sr_span line)
{
    while (line.len > 0 && (line.data[line.len - 1] <= ' ')) {
        line.len--;
    }
    return line;
}

/* Steps over a byte order mark and an octet count, which are of no use in a datagram. */
static struct sr_span
skip_framing(struct sr_span line)
{
    if (smart_starts(line, "\xef\xbb\xbf")) {
        line = smart_skip(line, 3);
    }
    line = smart_skip_blanks(line);
    size_t digits = smart_digits(line);
    if (digits > 0 && digits <= 7 && smart_starts(smart_skip(line, digits), " <")) {
        line = smart_skip(line, digits + 1);
    }
    return line;
}

/* Takes "<PRI>" off the front of *text. What is out of range is stepped over and not used. */
static void
take_pri(struct sr_span *text, struct syslog_record *rec)
{
    struct sr_span rest = smart_skip(*text, 1);
    size_t digits = smart_digits(rest);
    uint32_t pri;

    if (text->len == 0 || text->data[0] != '<' || digits < 1 || digits > 3 || rest.len == digits ||
        rest.data[digits] != '>' || !syslog_digits(rest.data, (unsigned)digits, &pri)) {
        return;
    }
    *text = smart_skip(rest, digits + 1);
    if (pri <= 191) {
        rec->has_pri = true;
        rec->facility = (uint8_t)(pri >> 3);
        rec->severity = pri & 7;
    }
}

/* Reads the header. The first byte rules most families out. */
static void
read_header(struct smart *m)
{
    m->text = smart_skip_blanks(m->text);
    if (m->text.len > 0 && m->text.data[0] >= '1' && m->text.data[0] <= '9' && smart_read_ietf(m)) {
        return;
    }
    size_t reach = m->text.len < CISCO_REACH ? m->text.len : CISCO_REACH;
    if (reach > 0 &&
        (memchr(m->text.data, '%', reach) != NULL || memchr(m->text.data, '#', reach) != NULL) &&
        smart_read_cisco(m)) {
        return;
    }
    (void)smart_read_bsd(m);
}

enum syslog_err
smart_decode(struct sr_span line, const struct smart_dates *dates, const struct sr_peer *peer,
    struct syslog_scratch *scratch, struct syslog_record *ret_rec)
{
    struct syslog_record rec = { .is_smart = true, .time = dates->now, .has_msg = true };
    struct smart m = { .dates = dates, .scratch = scratch, .rec = &rec };

    rec.full = trim_end(line);
    if (rec.full.len == 0) {
        return SYSLOG_EEMPTY;
    }
    rec.reading.is_repaired = !sr_utf8_valid(rec.full);
    m.text = skip_framing(rec.full);
    take_pri(&m.text, &rec);
    read_header(&m);
    smart_refine(&m);
    if (rec.reading.host == SYSLOG_FROM_NOTHING) {
        size_t len = peer != NULL ? sr_peer_text(peer, scratch->host) : 0;
        rec.host = (struct sr_span){ (const uint8_t *)scratch->host, len };
    }
    rec.has_app = rec.app.len > 0;
    rec.has_procid = rec.procid.len > 0;
    rec.has_msg = rec.msg.len > 0;
    *ret_rec = rec;
    return SYSLOG_OK;
}
