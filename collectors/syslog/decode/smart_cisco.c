/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/smart_family.h"
#include "decode/smart_text.h"
#include "decode/words.h"

#include "sr/banned.h"

/* Sequence, host, sequence, date, host, sequence, date and process: no header has more parts. */
#define PARTS_MAX 8

/* A header being read. */
struct header {
    struct sr_span rest;
    struct sr_span host;
    struct sr_span app;
    struct sr_span sequence;
    struct sr_span word; /* the last one without a colon, which is part of a name maybe */
    struct smart_date date;
    bool has_time;
    bool time_has_colon; /* the last part was a date with a colon behind it */
};

/* True for "%FACILITY-SEVERITY-MNEMONIC"; old wireless controllers write '#'. */
static bool
is_mnemonic(struct sr_span text)
{
    size_t n = 1;
    size_t dashes = 0;
    bool has_severity = false;

    if (text.len < 5 || (text.data[0] != '%' && text.data[0] != '#') ||
        !smart_is_alnum(text.data[1])) {
        return false;
    }
    for (; n < text.len && n < 80; n++) {
        uint8_t c = text.data[n];
        if (c == '-') {
            dashes++;
            has_severity = has_severity || (n + 2 < text.len && text.data[n + 1] >= '0' &&
                                               text.data[n + 1] <= '7' && text.data[n + 2] == '-');
        } else if (!smart_is_alnum(c) && c != '_' && c != '/') {
            break;
        }
    }
    return has_severity && dashes >= 2;
}

/* The bytes of an uptime, "00:01:01", "2y10w" or "1d02h", or 0. */
static size_t
uptime_length(struct sr_span text)
{
    size_t n = 0;
    unsigned parts = 0;

    for (;;) {
        size_t digits = smart_digits(smart_skip(text, n));
        if (digits == 0 || digits > 4 || n + digits >= text.len) {
            break;
        }
        uint8_t unit = text.data[n + digits];
        if (unit == ':' && parts == 2) { /* the colon behind it ends the part */
            return n + digits;
        }
        if (unit != ':' && unit != 'y' && unit != 'w' && unit != 'd' && unit != 'h') {
            break;
        }
        n += digits + 1;
        parts++;
    }
    return parts == 2 && text.len > n && text.data[n] == ':' && text.data[n - 1] != ':' ? n : 0;
}

/* True at an IPv6 address with "::" in it, whose start would be taken for a number or a colon. */
static bool
is_address(struct sr_span text)
{
    struct sr_span word = smart_word(text);
    bool is_short = false;

    for (size_t i = 0; i < word.len && i < 45 && word.data[i] != '%'; i++) {
        uint8_t c = word.data[i];
        is_short = is_short || (c == ':' && i + 2 < word.len && word.data[i + 1] == ':');
        if (c != ':' && c != '.' && (c < '0' || c > '9') &&
            ((c | 0x20) < 'a' || (c | 0x20) > 'f')) {
            return false;
        }
    }
    return is_short;
}

static void
skip_colon(struct header *h)
{
    struct sr_span rest = smart_skip_blanks(h->rest);

    bool is_colon = rest.len > 0 && rest.data[0] == ':' && !is_address(rest);
    h->rest = is_colon ? smart_skip(rest, 1) : rest;
}

/* Takes a number, an uptime or a date, with a mark in front. */
static bool
take_number_or_time(struct smart *m, struct header *h)
{
    struct sr_span text = h->rest;
    struct smart_date date;
    size_t used;

    if (text.data[0] == '*' || text.data[0] == '.') { /* the clock is not set, or not in step */
        text = smart_skip(text, 1);
    }
    if (smart_time_read(text, m->dates, &date)) {
        if (h->has_time && h->app.len > 0) { /* a relay's date, and the name behind it a host's */
            h->host = h->app;
            h->app = (struct sr_span){ NULL, 0 };
        }
        h->date = date;
        h->has_time = true;
        h->rest = smart_skip(text, date.used);
        struct sr_span after = smart_skip_blanks(h->rest);
        h->time_has_colon = after.len > 0 && after.data[0] == ':' && !is_address(after);
        skip_colon(h);
        return true;
    }
    used = uptime_length(text);
    if (used > 0) {
        h->rest = smart_skip(text, used);
        skip_colon(h);
        return true;
    }
    used = smart_digits(text);
    if (used > 0 && used < text.len && (text.data[used] == ':' || text.data[used] == ' ')) {
        h->sequence = (struct sr_span){ text.data, used };
        h->rest = smart_skip(text, used);
        skip_colon(h);
        return true;
    }
    return false;
}

/* "RP/0/RP0/CPU0:", the node of IOS-XR, right in front of the date; "CLC 6/0:", a module. */
static bool
take_node(struct header *h)
{
    struct sr_span word = smart_word(h->rest);
    size_t n = 0;
    bool has_slash = false;

    while (n < word.len && (smart_is_alnum(word.data[n]) || word.data[n] == '/')) {
        has_slash = has_slash || word.data[n] == '/';
        n++;
    }
    if (!has_slash || n == word.len || word.data[n] != ':') {
        return false;
    }
    if (h->word.len > 0 && h->rest.data[0] >= '0' && h->rest.data[0] <= '9') {
        h->host = (struct sr_span){ NULL, 0 };
    }
    h->rest = smart_skip(h->rest, n + 1);
    return true;
}

/* True at a mnemonic of a firewall, which writes no process in front of it. */
static bool
lacks_process(struct sr_span text)
{
    static const char *const starts[] = { "%ASA-", "%FTD-", "%PIX-", "%FWSM-" };

    text = smart_skip_blanks(text);
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (smart_starts(text, starts[i])) {
            return true;
        }
    }
    return false;
}

/* Takes a name: of the host, or of a process when it has a colon and stands behind the date. */
static bool
take_name(struct header *h)
{
    struct sr_span word = smart_word(h->rest);
    struct sr_span name = word;
    bool colon = word.len > 1 && word.data[word.len - 1] == ':';

    name.len -= colon ? 1 : 0;
    if (name.len > 1 && name.data[0] == '*' && colon) { /* a task of a wireless controller */
        h->app = smart_skip(name, 1);
    } else if (h->has_time && (h->time_has_colon || colon) &&
               !(h->host.len == 0 && lacks_process(smart_skip(h->rest, word.len)))) {
        size_t n = 0;
        while (n < name.len && name.data[n] != '[') {
            n++;
        }
        if (!colon || !smart_is_host((struct sr_span){ name.data, n })) {
            return false;
        }
        h->app = (struct sr_span){ name.data, n };
    } else if (smart_is_host(name)) {
        h->host = name;
    } else {
        return false;
    }
    h->word = colon ? (struct sr_span){ NULL, 0 } : name;
    h->rest = smart_skip(h->rest, word.len);
    struct sr_span after = smart_skip_blanks(h->rest);
    if (after.len > 0 && after.data[0] == ':') {
        h->rest = smart_skip(after, 1);
    }
    return true;
}

/* Unified communication managers name themselves in "[Node ID=NAME]", or "Node ID:NAME" at the end.
 */
static void
find_node_id(struct smart *m)
{
    struct sr_span value;

    if (smart_pair(m->rec->msg, "NodeID", ']', &value) ||
        smart_pair(m->rec->msg, "Node ID", ']', &value)) {
        (void)smart_set_host(m, value, SYSLOG_FROM_MESSAGE);
    } else if (smart_after(m->rec->msg, " Node ID:", &value)) {
        (void)smart_set_host(m, smart_word(value), SYSLOG_FROM_MESSAGE);
    }
}

bool
smart_read_cisco(struct smart *m)
{
    struct header h = { .rest = m->text };

    for (unsigned parts = 0;; parts++) {
        h.rest = smart_skip_blanks(h.rest);
        bool is_name = is_address(h.rest);
        if (h.rest.len > 0 && h.rest.data[0] == ':' && !is_name) {
            h.rest = smart_skip(h.rest, 1);
            continue;
        }
        if (is_mnemonic(h.rest)) {
            break;
        }
        if (parts == PARTS_MAX || h.rest.len == 0) {
            return false;
        }
        if ((is_name || !take_number_or_time(m, &h)) && !take_node(&h) && !take_name(&h)) {
            return false;
        }
    }
    struct syslog_record *rec = m->rec;
    rec->reading.dialect = SYSLOG_CISCO;
    rec->reading.sequence = h.sequence;
    rec->app = h.app;
    rec->msg = h.rest;
    struct sr_span mnemonic = smart_word(smart_skip(h.rest, 1));
    while (mnemonic.len > 0 && mnemonic.data[mnemonic.len - 1] == ':') {
        mnemonic.len--;
    }
    rec->msgid = mnemonic;
    if (h.has_time) {
        smart_set_time(m, &h.date, SYSLOG_FROM_HEADER);
    }
    if (!smart_set_host(m, h.host, SYSLOG_FROM_HEADER)) {
        find_node_id(m);
    }
    return true;
}
