/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_JSON_H_INCLUDED
#define NETFLOW_DECODE_JSON_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/element.h"
#include "decode/output.h"
#include "sr/buf.h"
#include "sr/span.h"

/* What the writers of JSON share; see output.h for what they write. */

/* Begins a member of an object: a comma when it is not the first, and the name, which needs no
 * escapes. */
void nf_json_key(struct sr_buf *b, const char *name);

/* The same around a name that is put together from pieces. */
void nf_json_key_begin(struct sr_buf *b);
void nf_json_key_end(struct sr_buf *b);

/* An address of 4 or 16 bytes as text, six bytes as a MAC address; other lengths in hexadecimal. */
void nf_json_address(struct sr_buf *b, struct sr_span address);
void nf_json_mac(struct sr_buf *b, struct sr_span mac);

/* A value by the type of its element; NULL: not known. */
void nf_json_value(struct sr_buf *b, const struct nf_element *element, struct sr_span value);

/* An application id, RFC 6759. */
void nf_json_application(struct sr_buf *b, struct sr_span id);

/* The last eight bytes, or as many as there are, as a big-endian number. */
uint64_t nf_json_number(struct sr_span bytes);

/*
 * The members for the elements of a record, in its order. `extra`: only those that the flow does
 * not carry. False when there was no room for one: it and what follows are missing, and the buffer
 * ends with a whole member and without `overflow`.
 */
bool nf_json_elements(struct sr_buf *b, const struct nf_record *r, bool extra);

/* The members for names that options told of what the record refers to. False as above. */
bool nf_json_names(struct sr_buf *b, const struct nf_record *r);

#endif
