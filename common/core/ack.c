/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/ack.h"

#include <string.h>

/* A cursor over JSON text, sticky like sr_reader: after a failure everything fails. */
struct scan {
    const uint8_t *pos;
    const uint8_t *end;
    bool failed;
};

static void
skip_blanks(struct scan *s)
{
    while (s->pos < s->end &&
           (*s->pos == ' ' || *s->pos == '\t' || *s->pos == '\n' || *s->pos == '\r')) {
        s->pos++;
    }
}

/* Takes `c` after blanks; false leaves the cursor before it. */
static bool
take(struct scan *s, uint8_t c)
{
    skip_blanks(s);
    if (s->failed || s->pos == s->end || *s->pos != c) {
        return false;
    }
    s->pos++;
    return true;
}

/* A string's content, escapes left as they are: the keys and values we look for have none. */
static struct sr_span
scan_string(struct scan *s)
{
    struct sr_span out = { NULL, 0 };

    if (!take(s, '"')) {
        s->failed = true;
        return out;
    }
    out.data = s->pos;
    while (s->pos < s->end && *s->pos != '"') {
        s->pos += *s->pos == '\\' && s->end - s->pos > 1 ? 2 : 1;
    }
    if (s->pos >= s->end) {
        s->failed = true;
        return (struct sr_span){ NULL, 0 };
    }
    out.len = (size_t)(s->pos - out.data);
    s->pos++;
    return out;
}

/* An unsigned integer; anything else, overflow too, fails. */
static uint64_t
scan_number(struct scan *s)
{
    uint64_t value = 0;
    const uint8_t *start;

    skip_blanks(s);
    start = s->pos;
    while (s->pos < s->end && *s->pos >= '0' && *s->pos <= '9') {
        uint64_t digit = (uint64_t)(*s->pos - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            s->failed = true;
            return 0;
        }
        value = value * 10 + digit;
        s->pos++;
    }
    if (s->pos == start) {
        s->failed = true;
    }
    return value;
}

/* Passes over any value: nesting is counted, not followed, so depth costs nothing. */
static void
skip_value(struct scan *s)
{
    unsigned depth = 0;

    skip_blanks(s);
    while (s->pos < s->end && !s->failed) {
        uint8_t c = *s->pos;
        if (c == '"') {
            (void)scan_string(s);
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return;
            }
            depth--;
        } else if (c == ',' && depth == 0) {
            return;
        }
        s->pos++;
    }
}

static bool
span_is(struct sr_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

/* Calls `member` for each key of the object at the cursor, which stands at the key's value. */
static void
scan_object(struct scan *s, void (*member)(struct scan *, struct sr_span key, void *), void *arg)
{
    if (!take(s, '{')) {
        s->failed = true;
        return;
    }
    if (take(s, '}')) {
        return;
    }
    do {
        struct sr_span key = scan_string(s);
        if (!take(s, ':')) {
            s->failed = true;
        }
        if (s->failed) {
            return;
        }
        member(s, key, arg);
    } while (take(s, ','));
    if (!take(s, '}')) {
        s->failed = true;
    }
}

struct ack_members {
    struct sr_ack ack;
    bool has_stream, has_seq, has_error;
};

static void
error_member(struct scan *s, struct sr_span key, void *arg)
{
    struct ack_members *m = arg;

    if (span_is(key, "code")) {
        m->ack.code = (uint32_t)scan_number(s);
    } else if (span_is(key, "err_code")) {
        m->ack.err_code = (uint32_t)scan_number(s);
    } else {
        skip_value(s);
    }
}

static void
ack_member(struct scan *s, struct sr_span key, void *arg)
{
    struct ack_members *m = arg;

    if (span_is(key, "stream")) {
        m->has_stream = scan_string(s).len > 0;
    } else if (span_is(key, "seq")) {
        m->ack.seq = scan_number(s);
        m->has_seq = m->ack.seq > 0; /* 0 is what an error answer carries */
    } else if (span_is(key, "duplicate")) {
        skip_blanks(s);
        m->ack.duplicate = s->pos < s->end && *s->pos == 't';
        skip_value(s);
    } else if (span_is(key, "error")) {
        m->has_error = true;
        scan_object(s, error_member, m);
    } else {
        skip_value(s);
    }
}

struct sr_ack
sr_ack_parse(struct sr_span body)
{
    struct scan s = { .pos = body.data, .end = body.data };
    struct ack_members m = { .ack = { .kind = SR_ACK_GARBAGE } };

    if (body.len == 0) {
        return m.ack;
    }
    s.end = body.data + body.len;
    scan_object(&s, ack_member, &m);
    skip_blanks(&s);
    if (s.failed || s.pos != s.end) {
        return (struct sr_ack){ .kind = SR_ACK_GARBAGE };
    }
    if (m.has_error) {
        m.ack.kind = SR_ACK_REFUSED;
    } else if (m.has_stream && m.has_seq) {
        m.ack.kind = SR_ACK_STORED;
    }
    return m.ack;
}

#define CODE_TOO_MANY_REQUESTS 429 /* RFC 6585 section 4; with 10167 from nats-server 2.11 on */

enum sr_refusal
sr_ack_refusal(const struct sr_ack *ack)
{
    /* nats-server/server/errors.json */
    switch (ack->err_code) {
    case 10054: /* message size exceeds maximum allowed (of the stream) */
    case 10097: /* header size exceeds maximum allowed of 64k */ return SR_REFUSAL_TOO_LARGE;
    case 10077: /* store failed: "maximum messages exceeded", "maximum bytes exceeded" */
        return SR_REFUSAL_STREAM_FULL;
    case 10002: /* resource limits exceeded for account */
    case 10023: /* insufficient resources */
    case 10028: /* insufficient memory */
    case 10047: /* insufficient storage resources available */ return SR_REFUSAL_STORAGE;
    case 10039: /* JetStream not enabled for account */
    case 10076: /* JetStream not enabled */
    case 10008: /* JetStream system temporarily unavailable */ return SR_REFUSAL_JETSTREAM_OFF;
    case 10167: /* too many requests: max_buffered_msgs or max_buffered_size of the server */
        return SR_REFUSAL_TOO_MANY;
    default: return ack->code == CODE_TOO_MANY_REQUESTS ? SR_REFUSAL_TOO_MANY : SR_REFUSAL_OTHER;
    }
}

bool
sr_refusal_is_permanent(enum sr_refusal refusal)
{
    return refusal == SR_REFUSAL_TOO_LARGE;
}

const char *
sr_refusal_reason(enum sr_refusal refusal)
{
    switch (refusal) {
    case SR_REFUSAL_NONE: return "none";
    case SR_REFUSAL_NO_STREAM: return "no_stream";
    case SR_REFUSAL_PERMISSION: return "permission";
    case SR_REFUSAL_STREAM_FULL: return "stream_full";
    case SR_REFUSAL_STORAGE: return "storage";
    case SR_REFUSAL_JETSTREAM_OFF: return "jetstream_off";
    case SR_REFUSAL_TOO_LARGE: return "too_large";
    case SR_REFUSAL_TIMEOUT: return "timeout";
    case SR_REFUSAL_DISCONNECTED: return "disconnected";
    case SR_REFUSAL_TOO_MANY: return "too_many_requests";
    case SR_REFUSAL_OTHER: return "refused";
    }
    return "refused";
}

const char *
sr_refusal_advice(enum sr_refusal refusal)
{
    switch (refusal) {
    case SR_REFUSAL_NONE: return "ok";
    case SR_REFUSAL_NO_STREAM:
        return "no JetStream stream takes this subject, or JetStream is off for the account: "
               "create a stream on the subject as the account maps it";
    case SR_REFUSAL_PERMISSION:
        return "the user may not publish on this subject as the account maps it: allow the "
               "mapped subject in the user's permissions";
    case SR_REFUSAL_STREAM_FULL:
        return "the stream is full and discards new messages: raise its max_bytes or max_msgs, "
               "or delete what is no longer needed";
    case SR_REFUSAL_STORAGE:
        return "the server or the account has no storage left: free disk or raise the account's "
               "JetStream limits";
    case SR_REFUSAL_JETSTREAM_OFF:
        return "JetStream is not available for the account: enable it on the server and in the "
               "account's limits";
    case SR_REFUSAL_TOO_LARGE:
        return "the message is larger than the server or the stream takes: raise max_payload or "
               "the stream's max_msg_size";
    case SR_REFUSAL_TIMEOUT:
        return "the server did not acknowledge in time: look at its load, its disk and the "
               "network in between";
    case SR_REFUSAL_DISCONNECTED: return "the connection to the server was lost";
    case SR_REFUSAL_TOO_MANY:
        return "the stream takes messages slower than they come: the collector sends fewer at a "
               "time; look at the server's disk, or raise its max_buffered_msgs";
    case SR_REFUSAL_OTHER: return "the server refused the message: its log says why";
    }
    return "the server refused the message";
}
