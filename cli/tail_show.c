/* SPDX-License-Identifier: Apache-2.0 */
#include "tail.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decode/output.h"
#include "sr/buf.h"
#include "terminal.h"

#include "sr/banned.h"

bool
tail_view_open(struct tail_view *v)
{
    v->colour = terminal_has_colour(v->out);
    v->text = malloc(TAIL_TEXT_MAX);
    return v->text != NULL;
}

void
tail_view_close(struct tail_view *v)
{
    free(v->text);
    v->text = NULL;
}

bool
tail_is_done(const struct tail_view *v)
{
    return *v->stop != 0 || v->gone || (v->count > 0 && v->shown >= v->count);
}

bool
tail_flush(struct tail_view *v)
{
    if (fflush(v->out) != 0 || ferror(v->out) != 0) {
        v->gone = true;
    }
    return !v->gone;
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

static void
put(FILE *out, struct sr_span text)
{
    (void)fwrite(text.data, 1, text.len, out);
}

/*
 * Whoever sends records must not write on this terminal by other means: control characters become
 * \u00XX, as JSON may have them: C0, DEL, and C1, which terminals obey in their UTF-8 form too.
 */
static void
put_escaped(FILE *out, struct sr_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        uint8_t next = i + 1 < text.len ? text.data[i + 1] : 0;
        if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
            (void)fprintf(out, "\\u%04x", next);
            i++;
        } else if (c < 0x20 || c == 0x7f) {
            (void)fprintf(out, "\\u%04x", c);
        } else {
            (void)fputc(c, out);
        }
    }
}

static void
put_people(struct tail_view *v, const struct tail_record *r, struct sr_span json)
{
    (void)fputs(v->colour ? "\033[36m" : "", v->out);
    put_escaped(v->out, r->subject);
    (void)fputs(v->colour ? "\033[0m " : " ", v->out);
    put_escaped(v->out, json);
    (void)fputc('\n', v->out);
}

static void
put_json(struct tail_view *v, const struct tail_record *r, struct sr_span json)
{
    (void)fputs("{\"subject\":\"", v->out);
    put(v->out, r->subject);
    (void)fputc('"', v->out);
    if (r->sequence > 0) {
        (void)fprintf(v->out, ",\"sequence\":%" PRIu64, r->sequence);
    } else {
        (void)fputs(",\"listener\":\"", v->out);
        put(v->out, r->listener);
        (void)fputc('"', v->out);
    }
    (void)fputs(",\"record\":", v->out);
    put(v->out, json);
    (void)fputs("}\n", v->out);
}

/* A newline behind JSON, the length as a varint before a flow: as publish.batch frames them. */
static void
put_raw(struct tail_view *v, const struct tail_record *r)
{
    size_t len = r->bytes.len;

    if (!r->is_binary) {
        put(v->out, r->bytes);
        (void)fputc('\n', v->out);
        return;
    }
    for (; len >= 0x80; len >>= 7) {
        (void)fputc((int)(len & 0x7f) | 0x80, v->out);
    }
    (void)fputc((int)len, v->out);
    put(v->out, r->bytes);
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
    v->gone = ferror(v->out) != 0;
    return !tail_is_done(v);
}

void
tail_show_skipped(struct tail_view *v, uint64_t records)
{
    v->skipped += records;
    if (v->form == TAIL_JSON) {
        (void)fprintf(v->out, "{\"skipped\":%" PRIu64 "}\n", records);
        return;
    }
    (void)fprintf(stderr,
        "%" PRIu64 " records are not shown here: they came faster than they were read\n", records);
}
