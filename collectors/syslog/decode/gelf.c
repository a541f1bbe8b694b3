/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/gelf.h"

#include <string.h>

#include "decode/enrich.h"
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
    const struct gelf_options *o;
    const struct syslog_extra *next, *end; /* extras that are still to come */
    size_t msg_at, msg_len;                /* where the message stands already; 0, 0: nowhere */
};

/* The name of a key: what stands in front of it, "", "_" or "_sd_", and the rest. */
struct key {
    const char *prefix;
    struct sr_span name;
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

void
gelf_add_value(struct sr_buf *b, const struct syslog_param *param)
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

static int
compare_to_key(struct sr_span a, struct key b)
{
    size_t prefix = strlen(b.prefix);
    size_t len = a.len < prefix ? a.len : prefix;
    int diff = len > 0 ? memcmp(a.data, b.prefix, len) : 0;

    if (diff != 0 || a.len < prefix) {
        return diff != 0 ? diff : -1;
    }
    return compare_bytes((struct sr_span){ a.data + prefix, a.len - prefix }, b.name);
}

static void
add_extra(struct writer *w, const struct syslog_extra *extra)
{
    sr_json_string(w->b, extra->name);
    ADD(w->b, ":\"");
    if (compare_bytes(extra->name, SPAN("_remote_addr")) == 0) {
        sr_json_string_part(w->b, w->o->partition);
        sr_buf_put(w->b, ':');
    }
    sr_json_string_part(w->b, extra->value);
    ADD(w->b, "\",");
}

/* Of comes_after_extras() when there are some. */
static bool
put_extras(struct writer *w, struct key key)
{
    while (w->next < w->end) {
        int order = compare_to_key(w->next->name, key);
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

/* Writes the extras up to this key; false when one has its name and takes the place of its value.
 */
static inline bool
comes_after_extras(struct writer *w, struct key key)
{
    return w->next == w->end || put_extras(w, key);
}

/* Writes `"NAME":` when the value is to follow. */
#define STARTS(w, name)                                                                            \
    (comes_after_extras((w), (struct key){ "", SPAN(name) }) &&                                    \
        (ADD((w)->b, "\"" name "\":"), true))

static struct sr_span
text_of(const char *word)
{
    return (struct sr_span){ (const uint8_t *)word, strlen(word) };
}

static void
add_text(struct writer *w, struct sr_span text)
{
    sr_json_string(w->b, text);
    sr_buf_put(w->b, ',');
}

/* ---- Keys with an underscore ---- */

/* Writes `"_remote_addr":"<partition>:` and the address, or what a parameter says instead. */
static void
add_remote(struct writer *w, const struct syslog_param *instead)
{
    if ((w->o->peer == NULL || w->o->no_address) && instead == NULL) {
        return;
    }
    if (!STARTS(w, "_remote_addr")) {
        return;
    }
    sr_buf_put(w->b, '"');
    sr_json_string_part(w->b, w->o->partition);
    sr_buf_put(w->b, ':');
    if (instead != NULL) {
        gelf_add_value(w->b, instead);
    } else {
        char text[SR_PEER_TEXT_MAX];
        sr_buf_add(w->b, text, sr_peer_text(w->o->peer, text));
    }
    ADD(w->b, "\",");
}

static void
add_param(struct writer *w, const struct syslog_param *param, const char *prefix)
{
    if (comes_after_extras(w, (struct key){ prefix, param->name })) {
        sr_buf_put(w->b, '"');
        sr_buf_add_text(w->b, prefix);
        sr_json_string_part(w->b, param->name);
        ADD(w->b, "\":\"");
        gelf_add_value(w->b, param);
        ADD(w->b, "\",");
    }
}

/* In upstream's way, where a parameter takes the place of the address. */
static void
add_underscored_upstream(struct writer *w, const struct syslog_record *rec)
{
    bool remote_done = false;

    for (size_t i = 0; i < rec->param_count; i++) {
        const struct syslog_param *param = &rec->params[i];
        int order = remote_done ? 1 : compare_bytes(param->name, SPAN("remote_addr"));
        if (order >= 0 && !remote_done) {
            add_remote(w, order == 0 ? param : NULL);
            remote_done = true;
        }
        if (order != 0) {
            add_param(w, param, "_");
        }
    }
    if (!remote_done) {
        add_remote(w, NULL);
    }
}

/* True when a parameter of this name is written as `_sd_NAME`. */
static bool
is_reserved(struct sr_span name)
{
    /* Most names are ruled out by their first byte: this is asked twice of each. */
    switch (name.data[0]) {
    case 'd':
    case 'n':
    case 'r':
    case 's':
    case 't': break;
    default: return false;
    }
    while (name.len > 3 && memcmp(name.data, "sd_", 3) == 0) {
        name = (struct sr_span){ name.data + 3, name.len - 3 };
    }
    return words_equal(name, "dialect") || words_equal(name, "not_utf8") ||
           words_equal(name, "remote_addr") || words_equal(name, "tls_peer");
}

/* Parameters that are still to be written, those of reserved names apart: both are sorted. */
struct pending {
    const struct syslog_param *plain, *renamed, *end;
};

static const struct syslog_param *
next_of(const struct syslog_param *at, const struct syslog_param *end, bool reserved)
{
    while (at < end && is_reserved(at->name) != reserved) {
        at++;
    }
    return at;
}

/* True when the next to be written is one with its own name. */
static bool
is_plain_next(const struct pending *p)
{
    return p->renamed == p->end ||
           (p->plain < p->end &&
               compare_to_key(p->plain->name, (struct key){ "sd_", p->renamed->name }) < 0);
}

/* The first eight bytes of a literal, as syslog_param has those of its name. */
#define BYTE_OF(literal, i)                                                                        \
    (sizeof(literal) - 1 > (i)                                                                     \
            ? (uint64_t)(uint8_t)(literal)[sizeof(literal) - 1 > (i) ? (i) : 0] << (56 - 8 * (i))  \
            : 0)
#define HEAD(literal)                                                                              \
    (BYTE_OF(literal, 0) | BYTE_OF(literal, 1) | BYTE_OF(literal, 2) | BYTE_OF(literal, 3) |       \
        BYTE_OF(literal, 4) | BYTE_OF(literal, 5) | BYTE_OF(literal, 6) | BYTE_OF(literal, 7))

/* Writes the parameters whose keys come before `_BEFORE`, with its head; an empty one: all. */
static void
add_params(struct writer *w, struct pending *p, struct sr_span before, uint64_t head)
{
    /* Nearly always none is renamed. */
    while (p->renamed == p->end && p->plain < p->end && p->plain->head < head) {
        add_param(w, p->plain, "_");
        p->plain = next_of(p->plain + 1, p->end, false);
    }
    if (p->renamed == p->end && p->plain < p->end && p->plain->head > head) {
        return;
    }
    while (p->plain < p->end || p->renamed < p->end) {
        bool is_plain = is_plain_next(p);
        const struct syslog_param *param = is_plain ? p->plain : p->renamed;
        struct key key = { is_plain ? "" : "sd_", param->name };
        if (before.len > 0 && compare_to_key(before, key) < 0) {
            return;
        }
        add_param(w, param, is_plain ? "_" : "_sd_");
        if (is_plain) {
            p->plain = next_of(param + 1, p->end, false);
        } else {
            p->renamed = next_of(param + 1, p->end, true);
        }
    }
}

/* Writes all keys that start with an underscore: they sort before most others. */
static void
add_underscored(struct writer *w, const struct syslog_record *rec)
{
    struct pending p = { rec->params, rec->params, rec->params };

    if (rec->param_count > 0) {
        p.end = rec->params + rec->param_count;
        p.plain = next_of(rec->params, p.end, false);
        p.renamed = next_of(rec->params, p.end, true);
    }

    if (rec->is_smart) {
        add_params(w, &p, SPAN("dialect"), HEAD("dialect"));
        if (STARTS(w, "_dialect")) {
            add_text(w, text_of(syslog_dialect_word(rec->reading.dialect)));
        }
        add_params(w, &p, SPAN("not_utf8"), HEAD("not_utf8"));
        if (rec->reading.is_repaired && STARTS(w, "_not_utf8")) {
            ADD(w->b, "true,");
        }
    }
    add_params(w, &p, SPAN("remote_addr"), HEAD("remote_addr"));
    add_remote(w, NULL);
    if (w->o->enrich && w->o->origin.tls_peer.len > 0) {
        add_params(w, &p, SPAN("tls_peer"), HEAD("tls_peer"));
        if (STARTS(w, "_tls_peer")) {
            add_text(w, w->o->origin.tls_peer);
        }
    }
    add_params(w, &p, (struct sr_span){ NULL, 0 }, UINT64_MAX);
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

static struct sr_span
host_of(const struct syslog_record *rec)
{
    return rec->host.len > 0 ? rec->host : SPAN("unknown");
}

/* Those up to `level`. */
static void
add_first(struct writer *w, const struct syslog_record *rec)
{
    if (rec->has_app && STARTS(w, "application_name")) {
        add_text(w, rec->app);
    }
    if (w->o->enrich && STARTS(w, "attributes")) {
        enrich_attributes(w->b, rec, w->o);
        sr_buf_put(w->b, ',');
    }
    if (STARTS(w, "full_message")) {
        add_full(w, rec);
    }
    if (STARTS(w, "host")) {
        add_text(w, host_of(rec));
    }
    if (rec->has_pri && STARTS(w, "level")) {
        sr_buf_put(w->b, (uint8_t)('0' + rec->severity));
        sr_buf_put(w->b, ',');
    }
}

/* Those of `enrich` between `sd_id` and `short_message`. */
static void
add_service_and_severity(struct writer *w, const struct syslog_record *rec)
{
    if (STARTS(w, "service_name")) {
        bool has_app = rec->app.len > 0 && !words_equal(rec->app, "-");
        add_text(w, has_app ? rec->app : host_of(rec));
    }
    if (rec->has_pri && STARTS(w, "severity_number")) {
        sr_buf_add_u64(w->b, enrich_severity_number(rec->severity));
        sr_buf_put(w->b, ',');
    }
    if (rec->has_pri && STARTS(w, "severity_text")) {
        add_text(w, text_of(enrich_severity_text(rec->severity)));
    }
}

/* Those from `observed_timestamp` on. */
static void
add_rest(struct writer *w, const struct syslog_record *rec)
{
    if (w->o->enrich && STARTS(w, "observed_timestamp")) {
        sr_json_time(
            w->b, (int64_t)(w->o->now_ns / 1000000000), (uint32_t)(w->o->now_ns % 1000000000));
        sr_buf_put(w->b, ',');
    }
    if (rec->has_procid && STARTS(w, "process_id")) {
        add_text(w, rec->procid);
    }
    if (w->o->enrich && STARTS(w, "resource")) {
        enrich_resource(w->b, host_of(rec), w->o->peer);
        sr_buf_put(w->b, ',');
    }
    if (rec->has_sd && STARTS(w, "sd_id")) {
        add_text(w, rec->sd_id);
    }
    if (w->o->enrich) {
        add_service_and_severity(w, rec);
    }
    if (STARTS(w, "short_message")) {
        add_message(w, rec);
        sr_buf_put(w->b, ',');
    }
    if (w->o->enrich && STARTS(w, "source")) {
        ADD(w->b, "\"syslog\",");
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
gelf_encode(struct sr_buf *b, const struct syslog_record *rec, const struct gelf_options *options)
{
    const struct syslog_extras *extras = options->extras;
    struct writer w = {
        .b = b,
        .o = options,
        .next = extras->items,
        .end = extras->items != NULL ? extras->items + extras->count : NULL,
    };

    sr_buf_put(b, '{');
    if (options->upstream && !rec->is_smart) {
        add_underscored_upstream(&w, rec);
    } else {
        add_underscored(&w, rec);
    }
    add_first(&w, rec);
    add_rest(&w, rec);
    while (w.next < w.end) {
        add_extra(&w, w.next++);
    }
    if (!b->overflow) {
        b->data[b->len - 1] = '}'; /* in place of the last comma */
    }
}
