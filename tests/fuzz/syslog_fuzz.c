/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog_fuzz.h"

#include <string.h>

#include "decode/rfc3164.h"
#include "line_sink.h"
#include "require.h"

#include "sr/banned.h"

#define ADDRESS "\"default:192.0.2.9\""

/* The end of the string that begins at `at`. */
static size_t
string_end(const uint8_t *text, size_t len, size_t at)
{
    require(at < len && text[at] == '"');
    for (at++; at < len && text[at] != '"'; at++) {
        at += text[at] == '\\' ? 1 : 0;
    }
    require(at < len);
    return at + 1;
}

/* The end of the value that begins at `at`: the next comma or brace of this depth. */
static size_t
value_end(const uint8_t *text, size_t len, size_t at)
{
    unsigned depth = 0;

    while (at < len && (depth > 0 || (text[at] != ',' && text[at] != '}'))) {
        if (text[at] == '"') {
            at = string_end(text, len, at);
            continue;
        }
        depth += text[at] == '{' || text[at] == '[' ? 1 : 0;
        depth -= text[at] == '}' || text[at] == ']' ? 1 : 0;
        at++;
    }
    require(at < len);
    return at;
}

static int
compare(struct sr_span a, struct sr_span b)
{
    int diff = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return diff != 0 || a.len == b.len ? diff : a.len < b.len ? -1 : 1;
}

static bool
is(struct sr_span text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* No key of a record is twice, all are in order, and the sender's address is his. */
static void
check_record(const uint8_t *text, size_t len)
{
    struct sr_span before = { NULL, 0 };
    bool has_address = false;

    for (size_t at = 1; at < len;) {
        size_t end = string_end(text, len, at);
        struct sr_span key = { text + at, end - at };
        require(before.data == NULL || compare(before, key) < 0);
        before = key;
        require(end < len && text[end] == ':');
        at = value_end(text, len, end + 1);
        struct sr_span value = { text + end + 1, at - end - 1 };
        if (is(key, "\"_remote_addr\"")) {
            require(is(value, ADDRESS));
            has_address = true;
        }
        require(!is(key, "\"_tls_peer\"") || is(value, "\"client\""));
        at++;
    }
    require(has_address);
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    struct line_sink *sink = arg;

    line_sink_emit(sink).commit(sink, len, records);
    check_record(sink->memory, len);
}

/* Decodes as one kind of listener does. */
static void
decode(struct syslog_decode *cfg, const uint8_t *data, size_t size)
{
    struct line_sink sink = { .raw = { data, size } };
    const struct sr_peer peer = { .address = { 192, 0, 2, 9 } };
    struct sr_emit emit = line_sink_emit(&sink);

    if (!cfg->upstream) {
        emit.commit = commit;
    }
    enum sr_verdict verdict =
        sr_syslog_datagram(cfg, UINT64_C(1795348800000000000), &peer, sink.raw, &emit);
    line_sink_end(&sink, verdict);
}

void
syslog_fuzz(enum syslog_format format, const uint8_t *data, size_t size)
{
    static struct syslog_scratch scratch;
    struct syslog_decode cfg = {
        .format = format,
        .partition = { (const uint8_t *)"default", 7 },
        .local = RFC3164_UTC,
        .scratch = &scratch,
    };

    decode(&cfg, data, size);
    cfg.enrich = true;
    cfg.origin.transport = (struct sr_span){ (const uint8_t *)"tls", 3 };
    cfg.origin.tls_peer = (struct sr_span){ (const uint8_t *)"client", 6 };
    decode(&cfg, data, size);
    if (format != SYSLOG_SMART) {
        cfg.enrich = false;
        cfg.upstream = true;
        decode(&cfg, data, size);
    }
}
