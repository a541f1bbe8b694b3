/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_JSON_H_INCLUDED
#define NETFLOW_DECODE_JSON_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decode/json_plan.h"
#include "decode/output.h"
#include "sr/buf.h"
#include "sr/span.h"

/* What the writers of JSON share; see output.h for what they write. */

/*
 * Begins a member of an object: a comma, the name and a colon, at most NF_JSON_KEY_MAX bytes, which
 * can be read at `key` whatever its length. Of the first member, whoever writes the object makes
 * the comma its brace.
 */
static inline void
nf_json_key(struct sr_buf *b, const char *key, size_t length)
{
    /* A move of a fixed size is a few instructions, where there is room for it. */
    if (!b->overflow && b->cap - b->len >= NF_JSON_KEY_MAX) {
        memcpy(b->data + b->len, key, NF_JSON_KEY_MAX);
        b->len += length;
    } else {
        sr_buf_add(b, key, length);
    }
}

/* An address of 4 or 16 bytes as text, six bytes as a MAC address; other lengths in hexadecimal. */
void nf_json_address(struct sr_buf *b, struct sr_span address);
void nf_json_mac(struct sr_buf *b, struct sr_span mac);

/* A value by the type of its element, an enum nf_element_type. */
void nf_json_value(struct sr_buf *b, unsigned type, struct sr_span value);

/*
 * The members for the elements of a record, in its order, by r->plan. False when there was no room
 * for one: it and what follows are missing, and the buffer ends with a whole member and without
 * `overflow`.
 */
bool nf_json_elements(struct sr_buf *b, const struct nf_record *r);

/* The members for names that options told of what the record refers to. False as above. */
bool nf_json_names(struct sr_buf *b, const struct nf_record *r);

#endif
