/* SPDX-License-Identifier: Apache-2.0 */
#include "tail/tail.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "nats_admin.h"
#include "sr/buf.h"
#include "sr/creds.h"
#include "sr/deadletter.h"
#include "sr/json.h"
#include "sr/records.h"

#include "sr/banned.h"

#define SUBJECT_MAX 4096U

struct reader {
    struct tail_view *view;
    uint8_t *letter; /* TAIL_TEXT_MAX bytes */
};

static struct sr_span
span_of(const char *text)
{
    return (struct sr_span){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

/* Records of ours begin so; a flow with the key of its type. */
static bool
looks_like_json(struct sr_span bytes)
{
    return bytes.len > 0 && (bytes.data[0] == '{' || bytes.data[0] == '[');
}

/* Whether it can stand in a line of JSON as it is: the stream may hold anything. */
static bool
is_json(struct sr_span bytes)
{
    json_t *value = json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);

    json_decref(value);
    return value != NULL && memchr(bytes.data, '\n', bytes.len) == NULL;
}

static bool
show_record(struct reader *r, struct tail_record *record)
{
    if (!record->is_binary && !is_json(record->bytes)) {
        struct sr_buf b = sr_buf_over(r->letter, TAIL_TEXT_MAX);
        sr_buf_add_text(&b, "{\"undecodable\":\"");
        sr_buf_add_hex(&b, record->bytes);
        sr_buf_add_text(&b, "\"}");
        record->bytes = sr_buf_span(&b);
    }
    return tail_show(r->view, record);
}

static bool
show_dead_letter(struct reader *r, struct tail_record *record, const struct admin_message *m)
{
    struct sr_buf b = sr_buf_over(r->letter, TAIL_TEXT_MAX);

    sr_deadletter_json(&b, span_of(m->reason), record->bytes, span_of(m->source));
    record->bytes = sr_buf_span(&b);
    return tail_show(r->view, record);
}

static bool
on_message(void *arg, const struct admin_message *m)
{
    struct reader *r = arg;
    uint8_t subject[SUBJECT_MAX];
    struct sr_buf name = sr_buf_over(subject, sizeof(subject));
    struct sr_span rest = { m->data, m->len }, record;
    enum sr_records_form form = sr_records_form(span_of(m->records), span_of(m->content_type));

    sr_json_string_part(&name, span_of(m->subject));
    if (m->reason != NULL) {
        struct tail_record dead = {
            .subject = sr_buf_span(&name), .sequence = m->sequence, .bytes = { m->data, m->len }
        };
        return show_dead_letter(r, &dead, m) && (!m->is_last || tail_flush(r->view));
    }
    while (sr_records_next(&rest, form, &record)) {
        struct tail_record one = { .subject = sr_buf_span(&name),
            .sequence = m->sequence,
            .is_binary = !looks_like_json(record),
            .bytes = record };
        if (!show_record(r, &one)) {
            return false;
        }
    }
    return !m->is_last || tail_flush(r->view);
}

static bool
on_idle(void *arg)
{
    struct reader *r = arg;

    return tail_flush(r->view) && !tail_is_done(r->view);
}

static bool
explain(
    enum admin_err err, const struct tail_stream *from, const char *detail, struct trouble *trouble)
{
    const char *remedy = "see `serviceradar-cli doctor`, and what the server's log says";

    switch (err) {
    case ADMIN_OK: return true;
    case ADMIN_ECONNECT:
        remedy = "look at --server, --ca, --cert and --key, and whether the server runs";
        break;
    case ADMIN_EAUTH: remedy = "use the credentials of a reader of this account"; break;
    case ADMIN_EABSENT:
        remedy = "look at --stream, and whose account the credentials are of";
        break;
    case ADMIN_EREFUSED:
    case ADMIN_ENOANSWER:
        remedy =
            "use the credentials of a reader: a collector's may not read streams; or see whether "
            "JetStream is on for this account";
        break;
    case ADMIN_ESTALLED:
    case ADMIN_ENOMEM: break;
    }
    return trouble_say(trouble, 0, remedy, "%s, stream %s: %s (%s)", from->url, from->stream,
        admin_strerror(err), detail);
}

static bool
read_stream(
    const struct tail_stream *from, const char *inbox, struct reader *r, struct trouble *trouble)
{
    const struct admin_target target = {
        .url = from->url,
        .creds_file = from->creds_file,
        .ca_file = from->ca_file,
        .cert_file = from->cert_file,
        .key_file = from->key_file,
        .inbox_prefix = inbox,
    };
    const struct admin_follow follow = {
        .stream = from->stream,
        .subject = from->subject,
        .last = from->last,
        .follow = from->follow,
        .message = on_message,
        .idle = on_idle,
        .arg = r,
    };
    char detail[ADMIN_DETAIL_MAX];
    struct admin *a = NULL;

    enum admin_err err = admin_open(&target, &a, detail);
    if (err != ADMIN_OK) {
        return explain(err, from, detail, trouble);
    }
    err = admin_follow(a, &follow);
    bool fine = explain(err, from, admin_detail(a), trouble);
    (void)tail_flush(r->view);
    admin_close(a);
    return fine;
}

bool
tail_stream(const struct tail_stream *from, struct tail_view *v, struct trouble *trouble)
{
    struct reader r = { .view = v };
    struct sr_creds_info info;
    enum sr_creds_err err = sr_creds_check(from->creds_file, (uint64_t)time(NULL), &info);

    if (err != SR_CREDS_OK) {
        return trouble_say(trouble, 0, "use the credentials of a reader of the stream", "%s: %s",
            from->creds_file, sr_creds_strerror(err));
    }
    r.letter = malloc(TAIL_TEXT_MAX);
    if (r.letter == NULL) {
        return trouble_say(trouble, 0, "free memory and run it again", "out of memory");
    }
    bool fine = read_stream(from, info.inbox_prefix, &r, trouble);
    free(r.letter);
    return fine;
}
