/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/enrich.h"

#include <string.h>

#include "decode/sd.h"
#include "decode/words.h"
#include "sr/json.h"

#include "sr/banned.h"

#define ADD(b, literal) sr_buf_add(b, literal, sizeof(literal) - 1)

static const struct {
    const char *text;
    unsigned number;
} severities[8] = {
    { "FATAL", 21 },
    { "ERROR", 19 },
    { "ERROR", 18 },
    { "ERROR", 17 },
    { "WARN", 13 },
    { "INFO", 10 },
    { "INFO", 9 },
    { "DEBUG", 5 },
};

/* Section 6.2.1 of RFC 5424, in the words of rsyslog and syslog-ng. */
static const char *const facilities[24] = { "kern", "user", "mail", "daemon", "auth", "syslog",
    "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7" };

unsigned
enrich_severity_number(unsigned severity)
{
    return severities[severity & 7].number;
}

const char *
enrich_severity_text(unsigned severity)
{
    return severities[severity & 7].text;
}

/* Writes the name of a key of the object that the '{' or the last value in `b` belongs to. */
static void
add_key(struct sr_buf *b, const char *name)
{
    if (b->len > 0 && b->data[b->len - 1] != '{') {
        sr_buf_put(b, ',');
    }
    sr_json_text(b, name);
    sr_buf_put(b, ':');
}

/* Writes a text that is there; of RFC 5424 `-` is none. */
static void
add_present(struct sr_buf *b, const char *name, struct sr_span text)
{
    if (text.len > 0 && !words_equal(text, "-")) {
        add_key(b, name);
        sr_json_string(b, text);
    }
}

static void
add_value(struct sr_buf *b, const struct syslog_param *param)
{
    sr_buf_put(b, '"');
    gelf_add_value(b, param);
    sr_buf_put(b, '"');
}

static bool
same(struct sr_span a, struct sr_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Writes one element, from the first of its entries on; returns how many these are. */
static size_t
add_element(struct sr_buf *b, const struct syslog_param *entries, size_t count)
{
    size_t i = 0;

    sr_json_string(b, entries[0].id);
    ADD(b, ":{");
    while (i < count && same(entries[i].id, entries[0].id)) {
        size_t end = i + 1;
        while (end < count && same(entries[end].id, entries[0].id) &&
               same(entries[end].name, entries[i].name)) {
            end++;
        }
        if (entries[i].name.len == 0) { /* the element itself */
            i = end;
            continue;
        }
        if (b->len > 0 && b->data[b->len - 1] != '{') {
            sr_buf_put(b, ',');
        }
        sr_json_string(b, entries[i].name);
        ADD(b, ":");
        if (end == i + 1) {
            add_value(b, &entries[i]);
        } else {
            for (size_t j = i; j < end; j++) {
                sr_buf_put(b, j == i ? '[' : ',');
                add_value(b, &entries[j]);
            }
            sr_buf_put(b, ']');
        }
        i = end;
    }
    sr_buf_put(b, '}');
    return i;
}

/* `"sd":{"ID":{"NAME":"VALUE"}}`, all elements and all parameters. */
static void
add_elements(struct sr_buf *b, const struct syslog_record *rec, struct syslog_scratch *scratch)
{
    bool all;
    size_t count = sd_elements(rec->sd, rec->is_smart, scratch, &all);

    add_key(b, "sd");
    sr_buf_put(b, '{');
    for (size_t i = 0; i < count && !b->overflow;) {
        if (i > 0) {
            sr_buf_put(b, ',');
        }
        i += add_element(b, &scratch->elements[i], count - i);
    }
    sr_buf_put(b, '}');
    if (!all) {
        add_key(b, "sd_cut");
        ADD(b, "true");
    }
}

/* `"remote_addr":"<partition>:<address>"` */
static void
add_remote(struct sr_buf *b, const struct gelf_options *options)
{
    char text[SR_PEER_TEXT_MAX];

    add_key(b, "remote_addr");
    sr_buf_put(b, '"');
    sr_json_string_part(b, options->partition);
    sr_buf_put(b, ':');
    sr_buf_add(b, text, sr_peer_text(options->peer, text));
    sr_buf_put(b, '"');
}

void
enrich_attributes(
    struct sr_buf *b, const struct syslog_record *rec, const struct gelf_options *options)
{
    sr_buf_put(b, '{');
    add_key(b, "dialect");
    sr_json_text(b, syslog_dialect_word(syslog_dialect_of(rec)));
    if (rec->has_pri) {
        add_key(b, "facility");
        sr_buf_add_u64(b, rec->facility);
        if (rec->facility < sizeof(facilities) / sizeof(facilities[0])) {
            add_key(b, "facility_text");
            sr_json_text(b, facilities[rec->facility]);
        }
    }
    add_present(b, "msgid", rec->msgid);
    if (rec->is_smart && rec->reading.is_repaired) {
        add_key(b, "not_utf8");
        ADD(b, "true");
    }
    add_present(b, "process_id", rec->procid);
    if (options->peer != NULL) {
        add_remote(b, options);
    }
    if (rec->has_sd) {
        add_elements(b, rec, options->scratch);
    }
    add_present(b, "sequence", rec->reading.sequence);
    add_key(b, "timestamp");
    sr_json_time(b, rec->time.sec, rec->time.nsec);
    add_present(b, "tls.peer", options->origin.tls_peer);
    add_present(b, "transport", options->origin.transport);
    sr_buf_put(b, '}');
}

void
enrich_resource(struct sr_buf *b, struct sr_span host, const struct sr_peer *peer)
{
    char text[SR_PEER_TEXT_MAX];

    sr_buf_put(b, '{');
    add_key(b, "host.name");
    sr_json_string(b, host);
    if (peer != NULL) {
        add_key(b, "source.address");
        sr_json_string(b, (struct sr_span){ (const uint8_t *)text, sr_peer_text(peer, text) });
        add_key(b, "source.port");
        sr_buf_add_u64(b, peer->port);
    }
    sr_buf_put(b, '}');
}
