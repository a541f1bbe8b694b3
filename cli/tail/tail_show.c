/* SPDX-License-Identifier: Apache-2.0 */
#include "tail/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/output.h"
#include "sr/buf.h"
#include "terminal.h"

#include "sr/banned.h"

bool
tail_view_open(struct tail_view *v)
{
    v->colour = terminal_has_colour(stdout);
    v->text = malloc(TAIL_TEXT_MAX);
    v->pending = malloc(TAIL_PENDING);
    return v->text != NULL && v->pending != NULL;
}

void
tail_view_close(struct tail_view *v)
{
    free(v->text);
    free(v->pending);
    v->text = v->pending = NULL;
}

bool
tail_is_done(const struct tail_view *v)
{
    return *v->stop != 0 || v->gone || (v->count > 0 && v->shown >= v->count);
}

/*
 * Not by stdio, which goes on after an interrupt: whoever does not read would keep us for ever.
 */
bool
tail_flush(struct tail_view *v)
{
    size_t written = 0;

    while (written < v->pending_len && !v->gone) {
        ssize_t n = write(v->fd, v->pending + written, v->pending_len - written);
        int error = n < 0 ? errno : 0;
        written += n > 0 ? (size_t)n : 0;
        /* An interrupted write may also have written a part. */
        v->gone = (error != 0 && error != EINTR) || (written < v->pending_len && *v->stop != 0);
    }
    v->pending_len = 0;
    return !v->gone;
}

static void
put(struct tail_view *v, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0 && !v->gone) {
        size_t room = TAIL_PENDING - v->pending_len;
        size_t part = len < room ? len : room;
        memcpy(v->pending + v->pending_len, at, part);
        v->pending_len += part;
        at += part;
        len -= part;
        if (v->pending_len == TAIL_PENDING) {
            (void)tail_flush(v);
        }
    }
}

static void
put_span(struct tail_view *v, struct sr_span text)
{
    put(v, text.data, text.len);
}

static void
put_text(struct tail_view *v, const char *text)
{
    put(v, text, strlen(text));
}

static void
put_number(struct tail_view *v, const char *before, uint64_t number, const char *behind)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%s%" PRIu64 "%s", before, number, behind);
    put_text(v, text);
}

/* A flow as the collector's own `decode` writes it, less what only the collector knew. */
static struct sr_span
flow_json(struct tail_view *v, struct sr_span message)
{
    static struct nf_flow flow;
    static const struct nf_header header;
    const struct nf_record none = { .header = &header };
    struct sr_buf b = sr_buf_over(v->text, TAIL_TEXT_MAX);

    if (nf_protobuf_read(message, &flow)) {
        nf_json_write(&b, &flow, &none);
    } else {
        sr_buf_add_text(&b, "{\"undecodable\":\"");
        sr_buf_add_hex(&b, message);
        sr_buf_add_text(&b, "\"}");
    }
    return sr_buf_span(&b);
}

/*
 * Whoever sends records must not write on this terminal by other means: control characters become
 * \u00XX, as JSON may have them: C0, DEL, and C1, which terminals obey in their UTF-8 form too.
 */
static void
put_escaped(struct tail_view *v, struct sr_span text)
{
    size_t plain = 0; /* from there on nothing was put yet */
    char escape[8];

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint8_t next = i + 1 < text.len ? text.data[i + 1] : 0;
        bool is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
        if (!is_c1 && c >= 0x20 && c != 0x7f) {
            continue;
        }
        put(v, text.data + plain, i - plain);
        (void)snprintf(escape, sizeof(escape), "\\u%04x", is_c1 ? next : c);
        put_text(v, escape);
        i += is_c1 ? 1 : 0;
        plain = i + 1;
    }
    put(v, text.data + plain, text.len - plain);
}

static void
put_people(struct tail_view *v, const struct tail_record *r, struct sr_span json)
{
    put_text(v, v->colour ? "\033[36m" : "");
    put_escaped(v, r->subject);
    put_text(v, v->colour ? "\033[0m " : " ");
    put_escaped(v, json);
    put_text(v, "\n");
}

static void
put_json(struct tail_view *v, const struct tail_record *r, struct sr_span json)
{
    put_text(v, "{\"subject\":\"");
    put_span(v, r->subject);
    if (r->sequence > 0) {
        put_number(v, "\",\"sequence\":", r->sequence, "");
    } else {
        put_text(v, "\",\"listener\":\"");
        put_span(v, r->listener);
        put_text(v, "\"");
    }
    put_text(v, ",\"record\":");
    put_span(v, json);
    put_text(v, "}\n");
}

/* A newline behind JSON, the length as a varint before a flow: as publish.batch frames them. */
static void
put_raw(struct tail_view *v, const struct tail_record *r)
{
    size_t len = r->bytes.len;
    uint8_t varint[10];
    size_t used = 0;

    if (!r->is_binary) {
        put_span(v, r->bytes);
        put_text(v, "\n");
        return;
    }
    for (; len >= 0x80; len >>= 7) {
        varint[used++] = (uint8_t)(len | 0x80);
    }
    varint[used++] = (uint8_t)len;
    put(v, varint, used);
    put_span(v, r->bytes);
}

bool
tail_show(struct tail_view *v, const struct tail_record *r)
{
    if (tail_is_done(v)) {
        return false;
    }
    struct sr_span json = r->is_binary ? flow_json(v, r->bytes) : r->bytes;
    if (v->filter != NULL && memmem(json.data, json.len, v->filter, strlen(v->filter)) == NULL) {
        return true;
    }
    switch (v->form) {
    case TAIL_PEOPLE: put_people(v, r, json); break;
    case TAIL_JSON: put_json(v, r, json); break;
    case TAIL_RAW: put_raw(v, r); break;
    }
    v->shown++;
    return !tail_is_done(v);
}

void
tail_show_skipped(struct tail_view *v, uint64_t records)
{
    v->skipped += records;
    if (v->form == TAIL_JSON) {
        put_number(v, "{\"skipped\":", records, "}\n");
        return;
    }
    (void)fprintf(stderr,
        "%" PRIu64 " records are not shown here: they came faster than they were read\n", records);
}
