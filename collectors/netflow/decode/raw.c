/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/output.h"

#include <stddef.h>

#include "sr/banned.h"

/* A field of a record without a template. */
struct fixed_field {
    const char *name;
    uint8_t length;
};

#define REST 0 /* all that is left of the record */

/* Exporters do not agree on how many reserved bytes end a record of v1. */
static const struct fixed_field v1_fields[] = { { "srcaddr", 4 }, { "dstaddr", 4 },
    { "nexthop", 4 }, { "input", 2 }, { "output", 2 }, { "dPkts", 4 }, { "dOctets", 4 },
    { "first", 4 }, { "last", 4 }, { "srcport", 2 }, { "dstport", 2 }, { "pad", 2 }, { "prot", 1 },
    { "tos", 1 }, { "tcp_flags", 1 }, { "pad1", 3 }, { "res", REST } };

static const struct fixed_field v5_fields[] = { { "srcaddr", 4 }, { "dstaddr", 4 },
    { "nexthop", 4 }, { "input", 2 }, { "output", 2 }, { "dPkts", 4 }, { "dOctets", 4 },
    { "first", 4 }, { "last", 4 }, { "srcport", 2 }, { "dstport", 2 }, { "pad1", 1 },
    { "tcp_flags", 1 }, { "prot", 1 }, { "tos", 1 }, { "src_as", 2 }, { "dst_as", 2 },
    { "src_mask", 1 }, { "dst_mask", 1 }, { "pad2", 2 } };

/* Where v5 has padding, v7 says which fields are not valid. */
static const struct fixed_field v7_fields[] = { { "srcaddr", 4 }, { "dstaddr", 4 },
    { "nexthop", 4 }, { "input", 2 }, { "output", 2 }, { "dPkts", 4 }, { "dOctets", 4 },
    { "first", 4 }, { "last", 4 }, { "srcport", 2 }, { "dstport", 2 }, { "flags", 1 },
    { "tcp_flags", 1 }, { "prot", 1 }, { "tos", 1 }, { "src_as", 2 }, { "dst_as", 2 },
    { "src_mask", 1 }, { "dst_mask", 1 }, { "flags2", 2 }, { "router_sc", 4 } };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The beginning of a pair. */
static void
begin_pair(struct sr_buf *b, unsigned index)
{
    if (index > 0) {
        sr_buf_put(b, ',');
    }
    sr_buf_add_text(b, "[\"");
}

/* Its second half, and its end. */
static void
add_content(struct sr_buf *b, struct sr_span content)
{
    sr_buf_add_text(b, "\",\"");
    sr_buf_add_hex(b, content);
    sr_buf_add_text(b, "\"]");
}

static void
add_fixed(struct sr_buf *b, const struct fixed_field *fields, size_t count, struct sr_span record)
{
    struct sr_reader reader = sr_reader_init(record);

    for (size_t i = 0; i < count; i++) {
        size_t length = fields[i].length != REST ? fields[i].length : sr_reader_left(&reader);
        struct sr_span content = sr_reader_take(&reader, length);
        if (reader.failed) {
            return;
        }
        begin_pair(b, (unsigned)i);
        sr_buf_add_text(b, fields[i].name);
        add_content(b, content);
    }
}

static void
add_fields(struct sr_buf *b, const struct nf_record *r)
{
    const struct nf_template *t = r->template;

    for (unsigned i = 0; i < t->field_count; i++) {
        struct nf_field field = nf_template_field(t, i);
        begin_pair(b, i);
        if (t->version == 9 && i < t->scope_count) {
            sr_buf_add_text(b, "scope/");
        }
        if (field.enterprise != 0) {
            sr_buf_add_u64(b, field.enterprise);
            sr_buf_put(b, '/');
        }
        sr_buf_add_u64(b, field.id);
        add_content(
            b, (struct sr_span){ r->bytes.data + r->positions[i].offset, r->positions[i].length });
    }
}

void
nf_raw_write(struct sr_buf *b, const struct nf_record *r)
{
    const struct nf_template *t = r->template;

    sr_buf_add_text(b, "{\"dg\":");
    sr_buf_add_u64(b, r->datagram);
    sr_buf_add_text(b, ",\"kind\":\"");
    sr_buf_add_text(b, t != NULL && t->options ? "options" : "data");
    sr_buf_add_text(b, "\",\"tid\":");
    if (t != NULL) {
        sr_buf_add_u64(b, t->id);
    } else {
        sr_buf_add_text(b, "null");
    }
    sr_buf_add_text(b, ",\"fields\":[");
    if (t != NULL) {
        add_fields(b, r);
    } else if (r->header->version == 1) {
        add_fixed(b, v1_fields, COUNT(v1_fields), r->bytes);
    } else if (r->header->version == 7) {
        add_fixed(b, v7_fields, COUNT(v7_fields), r->bytes);
    } else {
        add_fixed(b, v5_fields, COUNT(v5_fields), r->bytes);
    }
    sr_buf_add_text(b, "]}");
}
