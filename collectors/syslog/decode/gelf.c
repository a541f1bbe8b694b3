/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/gelf.h"

#include <string.h>

#include "decode/words.h"
#include "sr/json.h"

#include "sr/banned.h"

#define ADD(b, literal) sr_buf_add(b, literal, sizeof(literal) - 1)
#define SPAN(literal)                                                                              \
    (struct sr_span)                                                                               \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

/* A record being written: entries in order of their names, each with a comma behind it. */
struct writer {
    struct sr_buf *b;
    struct sr_span partition;
    const struct syslog_extra *next, *end; /* extras that are still to come */
    size_t msg_at, msg_len;                /* where the message stands already; 0, 0: nowhere */
};

/* Writes a value with \" \\ and \] undone; other backslashes are text (RFC 5424, section 6.3.3). */
static void
add_unescaped(struct sr_buf *b, struct sr_span value)
{
    size_t start = 0;

    for (size_t i = 0; i + 1 < value.len; i++) {
        uint8_t next = value.data[i + 1];
        if (value.data[i] != '\\') {
            continue;
        }
        if (next == '"' || next == '\\' || next == ']') {
            sr_json_string_part(b, (struct sr_span){ value.data + start, i - start });
            start = i + 1;
        }
        i++;
    }
    sr_json_string_part(b, (struct sr_span){ value.data + start, value.len - start });
}

static void
add_value(struct sr_buf *b, const struct syslog_param *param)
{
    if (param->escaped) {
        add_unescaped(b, param->value);
    } else {
        sr_json_string_part(b, param->value);
    }
}

/* ---- Keys of the configuration ---- */

static int
compare_bytes(struct sr_span a, struct sr_span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int diff = len > 0 ? memcmp(a.data, b.data, len) : 0;

    return diff != 0 || a.len == b.len ? diff : a.len < b.len ? -1 : 1;
}

/* Compares a name with another before which an underscore is to be thought. */
static int
compare_underscored(struct sr_span a, struct sr_span b)
{
    if (a.len == 0 || a.data[0] != '_') {
        return a.len == 0 || a.data[0] < '_' ? -1 : 1;
    }
    return compare_bytes((struct sr_span){ a.data + 1, a.len - 1 }, b);
}

static void
add_extra(struct writer *w, const struct syslog_extra *extra)
{
    sr_json_string(w->b, extra->name);
    ADD(w->b, ":\"");
    if (compare_bytes(extra->name, SPAN("_remote_addr")) == 0) {
        sr_json_string_part(w->b, w->partition);
        sr_buf_put(w->b, ':');
    }
    sr_json_string_part(w->b, extra->value);
    ADD(w->b, "\",");
}

/* Of comes_after_extras() when there are some. */
static bool
put_extras(struct writer *w, struct sr_span name, bool underscored)
{
    while (w->next < w->end) {
        int order = underscored ? compare_underscored(w->next->name, name)
                                : compare_bytes(w->next->name, name);
        if (order > 0) {
            break;
        }
        add_extra(w, w->next++);
        if (order == 0) {
            return false;
        }
    }
    return true;
}

/* Writes the extras up to this name; false when one has it and takes the place of its value. */
static inline bool
comes_after_extras(struct writer *w, struct sr_span name, bool underscored)
{
    return w->next == w->end || put_extras(w, name, underscored);
}

/* ---- Keys with an underscore ---- */

/* Writes `"_remote_addr":"<partition>:` and the address, or what a parameter says instead. */
static void
add_remote(struct writer *w, const struct sr_peer *peer, const struct syslog_param *instead)
{
    if ((peer == NULL && instead == NULL) || !comes_after_extras(w, SPAN("remote_addr"), true)) {
        return;
    }
    ADD(w->b, "\"_remote_addr\":\"");
    sr_json_string_part(w->b, w->partition);
    sr_buf_put(w->b, ':');
    if (instead != NULL) {
        add_value(w->b, instead);
    } else {
        char text[SR_PEER_TEXT_MAX];
        sr_buf_add(w->b, text, sr_peer_text(peer, text));
    }
    ADD(w->b, "\",");
}

static void
add_param(struct writer *w, const struct syslog_param *param)
{
    if (comes_after_extras(w, param->name, true)) {
        ADD(w->b, "\"_");
        sr_json_string_part(w->b, param->name);
        ADD(w->b, "\":\"");
        add_value(w->b, param);
        ADD(w->b, "\",");
    }
}

/* Writes what only the smart decoder knows, and parameters that may not take its names as sd_. */
static void
add_underscored_smart(struct writer *w, const struct syslog_record *rec, const struct sr_peer *peer)
{
    if (comes_after_extras(w, SPAN("dialect"), true)) {
        ADD(w->b, "\"_dialect\":\"");
        sr_buf_add_text(w->b, syslog_dialect_word(rec->reading.dialect));
        ADD(w->b, "\",");
    }
    if (rec->reading.is_repaired && comes_after_extras(w, SPAN("not_utf8"), true)) {
        ADD(w->b, "\"_not_utf8\":true,");
    }
    add_remote(w, peer, NULL);
    for (size_t i = 0; i < rec->param_count; i++) {
        const struct syslog_param *param = &rec->params[i];
        if (!words_equal(param->name, "dialect") && !words_equal(param->name, "not_utf8") &&
            !words_equal(param->name, "remote_addr")) {
            add_param(w, param);
            continue;
        }
        ADD(w->b, "\"_sd_");
        sr_json_string_part(w->b, param->name);
        ADD(w->b, "\":\"");
        add_value(w->b, param);
        ADD(w->b, "\",");
    }
}

/* Writes all keys that start with an underscore: they sort before the others. */
static void
add_underscored(struct writer *w, const struct syslog_record *rec, const struct sr_peer *peer)
{
    bool remote_done = false;

    if (rec->is_smart) {
        add_underscored_smart(w, rec, peer);
        return;
    }

    for (size_t i = 0; i < rec->param_count; i++) {
        const struct syslog_param *param = &rec->params[i];
        int order = remote_done ? 1 : compare_bytes(param->name, SPAN("remote_addr"));
        if (order >= 0 && !remote_done) {
            add_remote(w, peer, order == 0 ? param : NULL);
            remote_done = true;
        }
        if (order != 0) {
            add_param(w, param);
        }
    }
    if (!remote_done) {
        add_remote(w, peer, NULL);
    }
}

/* ---- The others ---- */

/* Writes the words of `text` joined by single spaces. */
static void
add_words(struct sr_buf *b, struct sr_span text)
{
    sr_buf_put(b, '"');
    text = words_trim_start(text);
    while (text.len > 0) {
        size_t tidy = words_tidy(text);
        sr_json_string_part(b, (struct sr_span){ text.data, tidy });
        text = words_trim_start((struct sr_span){ text.data + tidy, text.len - tidy });
        if (text.len > 0) {
            sr_buf_put(b, ' ');
        }
    }
    sr_buf_put(b, '"');
}

/*
 * Writes the whole line. The message ends it nearly always: it is told where that is written, so
 * that it need not be looked at twice.
 */
static void
add_full(struct writer *w, const struct syslog_record *rec)
{
    struct sr_span head = rec->full;
    bool ends_it = rec->msg.len > 0 && rec->msg.len < head.len &&
                   rec->msg.data + rec->msg.len == head.data + head.len &&
                   head.data[head.len - rec->msg.len - 1] < 0x80; /* no character is cut */

    sr_buf_put(w->b, '"');
    if (ends_it) {
        head.len -= rec->msg.len;
        sr_json_string_part(w->b, head);
        w->msg_at = w->b->len;
        sr_json_string_part(w->b, rec->msg);
        w->msg_len = w->b->len - w->msg_at;
    } else {
        sr_json_string_part(w->b, head);
    }
    ADD(w->b, "\",");
}

static void
add_message(const struct writer *w, const struct syslog_record *rec)
{
    struct sr_buf *b = w->b;

    if (!rec->has_msg) {
        ADD(b, "\"-\"");
    } else if (rec->msg_is_words) {
        add_words(b, rec->msg);
    } else if (w->msg_len > 0 && !b->overflow) {
        sr_buf_put(b, '"');
        sr_buf_add(b, b->data + w->msg_at, w->msg_len);
        sr_buf_put(b, '"');
    } else {
        sr_json_string(b, rec->msg);
    }
}

/* Writes `"NAME":` when the value is to follow. */
#define STARTS(w, name)                                                                            \
    (comes_after_extras((w), SPAN(name), false) && (ADD((w)->b, "\"" name "\":"), true))

static void
add_text(struct writer *w, struct sr_span text)
{
    sr_json_string(w->b, text);
    sr_buf_put(w->b, ',');
}

static void
add_plain(struct writer *w, const struct syslog_record *rec)
{
    if (rec->has_app && STARTS(w, "application_name")) {
        add_text(w, rec->app);
    }
    if (STARTS(w, "full_message")) {
        add_full(w, rec);
    }
    if (STARTS(w, "host")) {
        add_text(w, rec->host.len > 0 ? rec->host : SPAN("unknown"));
    }
    if (rec->has_pri && STARTS(w, "level")) {
        sr_buf_put(w->b, (uint8_t)('0' + rec->severity));
        sr_buf_put(w->b, ',');
    }
    if (rec->has_procid && STARTS(w, "process_id")) {
        add_text(w, rec->procid);
    }
    if (rec->has_sd && STARTS(w, "sd_id")) {
        add_text(w, rec->sd_id);
    }
    if (STARTS(w, "short_message")) {
        add_message(w, rec);
        sr_buf_put(w->b, ',');
    }
    if (STARTS(w, "timestamp")) {
        sr_json_double(w->b, syslog_time_double(rec->time));
        sr_buf_put(w->b, ',');
    }
    if (STARTS(w, "version")) {
        ADD(w->b, "\"1.1\",");
    }
}

void
gelf_encode(struct sr_buf *b, const struct syslog_record *rec, struct sr_span partition,
    const struct sr_peer *peer, const struct syslog_extras *extras)
{
    struct writer w = {
        .b = b,
        .partition = partition,
        .next = extras->items,
        .end = extras->items != NULL ? extras->items + extras->count : NULL,
    };

    sr_buf_put(b, '{');
    add_underscored(&w, rec, peer);
    add_plain(&w, rec);
    while (w.next < w.end) {
        add_extra(&w, w.next++);
    }
    if (!b->overflow) {
        b->data[b->len - 1] = '}'; /* in place of the last comma */
    }
}
