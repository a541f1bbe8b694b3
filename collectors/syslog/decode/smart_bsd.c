/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/smart_family.h"
#include "decode/smart_text.h"
#include "decode/words.h"

#include "sr/banned.h"

static const char severities[] =
    "emerg emergency alert crit critical err error warning warn notice "
    "info informational information debug";
static const char facilities[] = "kern user mail daemon auth syslog lpr news uucp cron authpriv "
                                 "ftp local0 local1 local2 local3 local4 local5 local6 local7";

/* True for "FACILITY.SEVERITY", which some senders write behind the date, BSD's in "<>". */
static bool
is_priority_word(struct sr_span word)
{
    if (word.len > 2 && word.data[0] == '<' && word.data[word.len - 1] == '>') {
        word = (struct sr_span){ word.data + 1, word.len - 2 };
    }
    const uint8_t *dot = word.len > 0 ? memchr(word.data, '.', word.len) : NULL;

    if (dot == NULL) {
        return false;
    }
    size_t at = (size_t)(dot - word.data);
    return smart_listed((struct sr_span){ word.data, at }, facilities) &&
           smart_listed(smart_skip(word, at + 1), severities);
}

/* The name in "slot1/NAME", "NAME,key=value", `("NAME,..`, "NAME(id5)" or "[ADDRESS]". */
static struct sr_span
bare_host(struct sr_span word)
{
    size_t end = 0;

    if (smart_starts(word, "(\"")) {
        word = smart_skip(word, 2);
    }
    while (end < word.len && word.data[end] != ',' && word.data[end] != '(') {
        end++;
    }
    word.len = end;
    if (smart_starts(word, "slot")) {
        size_t n = 4 + smart_digits(smart_skip(word, 4));
        if (n > 4 && n < word.len && word.data[n] == '/') {
            word = smart_skip(word, n + 1);
        }
    }
    if (word.len > 2 && word.data[0] == '[' && word.data[word.len - 1] == ']') {
        word = (struct sr_span){ word.data + 1, word.len - 2 };
    }
    return word;
}

/* What no tag has in it, but for control characters and blanks. */
static const bool ends_tag[256] = { [':'] = true,
    ['['] = true,
    ['='] = true,
    ['{'] = true,
    ['}'] = true,
    ['"'] = true,
    ['\''] = true,
    ['<'] = true,
    ['>'] = true,
    ['|'] = true,
    [','] = true,
    [';'] = true };

/* The length of "TAG" in "TAG:" or "TAG[PID]", or 0. *ret_pid is what stands in the brackets. */
static size_t
tag_length(struct sr_span word, struct sr_span *ret_pid, size_t *ret_used)
{
    size_t n = 0;

    while (n < word.len && word.data[n] > ' ' && !ends_tag[word.data[n]]) {
        n++;
    }
    *ret_pid = (struct sr_span){ NULL, 0 };
    *ret_used = n + 1;
    if (n == 0 || n > 128 || n == word.len) {
        return 0;
    }
    if (word.data[n] == ':') {
        return n + 1 == word.len ? n : 0;
    }
    const uint8_t *close = word.data[n] == '[' ? memchr(word.data + n, ']', word.len - n) : NULL;
    if (close == NULL) {
        return 0;
    }
    size_t end = (size_t)(close - word.data);
    *ret_pid = (struct sr_span){ word.data + n + 1, end - n - 1 };
    *ret_used = end + 1;
    if (end + 1 < word.len) {
        *ret_used = end + 2;
        return word.data[end + 1] == ':' ? n : 0;
    }
    return n;
}

/* The length of "TAG" in "TAG WITH BLANKS[123]: ", or 0. */
static size_t
wide_tag_length(struct sr_span text, struct sr_span *ret_pid, size_t *ret_used)
{
    size_t n = 0;

    while (n < text.len && n < 48 &&
           (smart_is_alnum(text.data[n]) || memchr(" ._-", text.data[n], 4) != NULL)) {
        n++;
    }
    size_t digits = smart_digits(smart_skip(text, n + 1));
    if (n == 0 || digits == 0 || text.data[n] != '[' ||
        !smart_starts(smart_skip(text, n + 1 + digits), "]: ")) {
        return 0;
    }
    *ret_pid = (struct sr_span){ text.data + n + 1, digits };
    *ret_used = n + digits + 3;
    return n;
}

void
smart_read_tag(struct smart *m)
{
    struct sr_span text = smart_skip_blanks(m->text);
    struct sr_span word = smart_word(text);
    struct sr_span pid;
    size_t used;

    if (smart_listed(word, severities)) { /* F5 writes the severity in front of the tag */
        struct sr_span next = smart_skip_blanks(smart_skip(text, word.len));
        if (tag_length(smart_word(next), &pid, &used) > 0) {
            text = next;
            word = smart_word(text);
        }
    }
    m->rec->msg = text;
    size_t len = tag_length(word, &pid, &used);
    if (len == 0) {
        len = wide_tag_length(text, &pid, &used);
    }
    if (len > 0) {
        m->rec->app = (struct sr_span){ word.data, len };
        m->rec->procid = pid;
        m->rec->msg = smart_skip_blanks(smart_skip(text, used));
    }
}

/* "Message forwarded from NAME: ", of AIX. */
static bool
take_forwarded(struct smart *m)
{
    static const char words[] = "Message forwarded from ";

    if (!smart_starts(m->text, words)) {
        return false;
    }
    struct sr_span rest = smart_skip(m->text, sizeof(words) - 1);
    struct sr_span word = smart_word(rest);
    struct sr_span host = word;
    host.len -= host.len > 0 && host.data[host.len - 1] == ':' ? 1 : 0;
    if (!smart_set_host(m, host, SYSLOG_FROM_HEADER)) {
        return false;
    }
    m->text = smart_skip(rest, word.len);
    return true;
}

/*
 * Takes a whole second header, which a relay leaves behind its own: a date of the form of RFC 3164
 * and a host. The inner one is the sender's.
 */
static bool
take_relayed(struct smart *m)
{
    struct sr_span text = smart_skip_blanks(m->text);
    struct smart_date date;

    if (!smart_time_read(text, m->dates, &date) || !date.has_month || date.has_year) {
        return false;
    }
    text = smart_skip(text, date.used);
    struct sr_span after = smart_skip_blanks(text);
    struct sr_span word = smart_word(after);
    if (after.len == text.len || !smart_set_host(m, word, SYSLOG_FROM_HEADER)) {
        return false;
    }
    smart_set_time(m, &date, SYSLOG_FROM_HEADER);
    m->text = smart_skip(after, word.len);
    m->rec->reading.dialect = SYSLOG_BSD_RELAYED;
    return true;
}

/* "[HOST:EVENT:SEVERITY]: ", with the name of a process before the event, of NetApp's filers. */
static bool
take_filer(struct smart *m)
{
    const uint8_t *close = m->text.len > 0 ? memchr(m->text.data, ']', m->text.len) : NULL;

    if (close == NULL || m->text.data[0] != '[') {
        return false;
    }
    struct sr_span inner = { m->text.data + 1, (size_t)(close - m->text.data) - 1 };
    size_t host = 0;
    size_t last = inner.len;
    while (host < inner.len && inner.data[host] != ':') {
        host++;
    }
    while (last > 0 && inner.data[last - 1] != ':') {
        last--;
    }
    if (last <= host + 1 || !smart_listed(smart_skip(inner, last), severities) ||
        !smart_set_host(m, (struct sr_span){ inner.data, host }, SYSLOG_FROM_HEADER)) {
        return false;
    }
    m->rec->msg = m->text;
    return true;
}

void
smart_read_host_and_tag(struct smart *m)
{
    m->text = smart_skip_blanks(m->text);
    struct sr_span word = smart_word(m->text);
    struct sr_span pid;
    size_t used;

    if (is_priority_word(word)) {
        m->text = smart_skip_blanks(smart_skip(m->text, word.len));
        word = smart_word(m->text);
    }
    if (take_forwarded(m)) {
        smart_read_tag(m);
        return;
    }
    if (take_filer(m)) {
        return;
    }
    bool is_number =
        m->rec->reading.dialect == SYSLOG_EPOCH && smart_digits(word) == word.len; /* of a proxy */
    bool is_repeat = smart_starts(m->text, "last message repeated ") ||
                     smart_starts(m->text, "message repeated ");
    struct sr_span host = bare_host(word);
    if (!is_repeat && !is_number && tag_length(word, &pid, &used) == 0 &&
        smart_set_host(m, host, SYSLOG_FROM_HEADER)) {
        m->text = smart_skip(m->text, (size_t)(host.data - m->text.data) + host.len);
        if (m->text.len > 0 && memchr(",](", m->text.data[0], 3) != NULL) {
            /* What is stuck to the host is left to the message. */
            m->text = smart_skip(m->text, 1);
        } else if (take_relayed(m)) {
            smart_read_tag(m);
            return;
        }
    }
    smart_read_tag(m);
}

/* "HOST: NetScreen ", of old ScreenOS. */
static bool
take_netscreen(struct smart *m)
{
    struct sr_span word = smart_word(m->text);
    struct sr_span host = { word.data, word.len > 0 ? word.len - 1 : 0 };

    if (host.len == 0 || word.data[host.len] != ':' ||
        !smart_starts(smart_skip(m->text, word.len), " NetScreen ") ||
        !smart_set_host(m, host, SYSLOG_FROM_HEADER)) {
        return false;
    }
    m->rec->reading.dialect = SYSLOG_TAGGED;
    m->rec->msg = smart_skip_blanks(smart_skip(m->text, word.len));
    return true;
}

bool
smart_read_bsd(struct smart *m)
{
    struct syslog_reading *reading = &m->rec->reading;
    struct smart_date date;

    if (take_netscreen(m)) {
        return true;
    }
    if (!smart_time_read(m->text, m->dates, &date)) {
        smart_read_tag(m);
        reading->dialect = m->rec->app.len > 0 ? SYSLOG_TAGGED : SYSLOG_PLAIN;
        return true;
    }
    bool is_epoch = smart_digits(m->text) >= 10;
    m->date = m->text;
    smart_set_time(m, &date, SYSLOG_FROM_HEADER);
    reading->dialect = is_epoch ? SYSLOG_EPOCH : date.has_month ? SYSLOG_BSD : SYSLOG_BSD_ISO;
    m->text = smart_skip(m->text, date.used);
    bool has_tab = m->text.len > 0 && m->text.data[0] == '\t';
    m->text = smart_skip_blanks(m->text);
    if (m->text.len > 0 && m->text.data[0] == ':' && !smart_starts(m->text, "::")) {
        m->text = smart_skip(m->text, 1);
        smart_read_tag(m);
    } else if (has_tab) { /* a table of values: no host */
        m->rec->msg = m->text;
    } else {
        smart_read_host_and_tag(m);
    }
    return true;
}
