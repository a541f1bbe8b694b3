/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/smart_explain.h"

#include "sr/buf.h"
#include "sr/json.h"

#include "sr/banned.h"

static const char *
source_word(enum syslog_source source, const char *nothing)
{
    switch (source) {
    case SYSLOG_FROM_NOTHING: return nothing;
    case SYSLOG_FROM_HEADER: return "header";
    case SYSLOG_FROM_MESSAGE: return "message";
    }
    return nothing;
}

static void
add(struct sr_buf *b, const char *key, const char *text)
{
    sr_buf_put(b, b->len == 0 ? '{' : ',');
    sr_json_text(b, key);
    sr_buf_put(b, ':');
    sr_json_text(b, text);
}

/* A piece of the line: it is cut where it is long. */
static void
add_span(struct sr_buf *b, const char *key, struct sr_span text)
{
    if (text.len > 0) {
        sr_buf_put(b, ',');
        sr_json_text(b, key);
        sr_buf_put(b, ':');
        sr_json_string(b, (struct sr_span){ text.data, text.len < 64 ? text.len : 64 });
    }
}

void
smart_explain(const struct syslog_record *rec, const struct sr_emit *emit)
{
    const struct syslog_reading *r = &rec->reading;
    uint8_t memory[2048]; /* two pieces of 64 bytes, each six when escaped, and words */
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));

    add(&b, "dialect", syslog_dialect_word(syslog_dialect_of(rec)));
    add(&b, "because", syslog_dialect_sign(syslog_dialect_of(rec)));
    if (rec->is_smart) {
        add(&b, "host_from", source_word(r->host, "sender"));
        add(&b, "time_from", source_word(r->time, "receipt"));
    }
    if (r->time != SYSLOG_FROM_NOTHING) {
        add(&b, "year", r->has_year ? "stated" : "assumed");
        add(&b, "zone", r->is_zoned ? "stated" : "assumed");
    }
    if (r->is_repaired) {
        add(&b, "text", "not UTF-8, repaired");
    }
    add_span(&b, "msgid", rec->msgid);
    add_span(&b, "sequence", r->sequence);
    sr_buf_put(&b, '}');
    if (!b.overflow) {
        emit->explain(emit->arg, sr_buf_span(&b));
    }
}
