/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/gelf.h"

#include <string.h>

#include "decode/words.h"
#include "sr/json.h"

#include "sr/banned.h"

#define ADD(b, literal) sr_buf_add(b, literal, sizeof(literal) - 1)

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

/* Writes `"_remote_addr":"<partition>:` and the address, or what a parameter says instead. */
static void
add_remote(struct sr_buf *b, struct sr_span partition, const struct sr_peer *peer,
    const struct syslog_param *instead)
{
    ADD(b, "\"_remote_addr\":\"");
    sr_json_string_part(b, partition);
    sr_buf_put(b, ':');
    if (instead != NULL) {
        add_value(b, instead);
    } else {
        char text[SR_PEER_TEXT_MAX];
        sr_buf_add(b, text, sr_peer_text(peer, text));
    }
    ADD(b, "\",");
}

/* Negative when `name` sorts before "remote_addr", 0 when it is that. */
static int
compare_to_remote(struct sr_span name)
{
    static const char remote[] = "remote_addr";
    size_t len = sizeof(remote) - 1;
    int diff = memcmp(name.data, remote, name.len < len ? name.len : len);

    return diff != 0 || name.len == len ? diff : name.len < len ? -1 : 1;
}

/* Writes all keys that start with an underscore: they sort before the others. */
static void
add_underscored(struct sr_buf *b, const struct syslog_record *rec, struct sr_span partition,
    const struct sr_peer *peer)
{
    bool remote_done = false;

    for (size_t i = 0; i < rec->param_count; i++) {
        const struct syslog_param *param = &rec->params[i];
        int order = remote_done ? 1 : compare_to_remote(param->name);
        if (order >= 0 && !remote_done) {
            add_remote(b, partition, peer, order == 0 ? param : NULL);
            remote_done = true;
        }
        if (order != 0) {
            ADD(b, "\"_");
            sr_json_string_part(b, param->name);
            ADD(b, "\":\"");
            add_value(b, param);
            ADD(b, "\",");
        }
    }
    if (!remote_done) {
        add_remote(b, partition, peer, NULL);
    }
}

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

static void
add_message(struct sr_buf *b, const struct syslog_record *rec)
{
    if (!rec->has_msg) {
        ADD(b, "\"-\"");
    } else if (rec->msg_is_words) {
        add_words(b, rec->msg);
    } else {
        sr_json_string(b, rec->msg);
    }
}

void
gelf_encode(struct sr_buf *b, const struct syslog_record *rec, struct sr_span partition,
    const struct sr_peer *peer)
{
    sr_buf_put(b, '{');
    add_underscored(b, rec, partition, peer);
    if (rec->has_app) {
        ADD(b, "\"application_name\":");
        sr_json_string(b, rec->app);
        sr_buf_put(b, ',');
    }
    ADD(b, "\"full_message\":");
    sr_json_string(b, rec->full);
    ADD(b, ",\"host\":");
    if (rec->host.len > 0) {
        sr_json_string(b, rec->host);
    } else {
        ADD(b, "\"unknown\"");
    }
    if (rec->has_pri) {
        ADD(b, ",\"level\":");
        sr_buf_put(b, (uint8_t)('0' + rec->severity));
    }
    if (rec->has_app) {
        ADD(b, ",\"process_id\":");
        sr_json_string(b, rec->procid);
    }
    if (rec->has_sd) {
        ADD(b, ",\"sd_id\":");
        sr_json_string(b, rec->sd_id);
    }
    ADD(b, ",\"short_message\":");
    add_message(b, rec);
    ADD(b, ",\"timestamp\":");
    sr_json_double(b, syslog_time_double(rec->time));
    ADD(b, ",\"version\":\"1.1\"}");
}
