/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_BER_H_INCLUDED
#define TRAPD_DECODE_BER_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * The part of BER (ITU-T X.690) that SNMP uses: RFC 3417 section 8. Pure, without allocation; every
 * length is checked before what it is the length of.
 */

/* Types: RFC 2578 section 7.1, RFC 3416 section 3, and those that are obsolete but still sent. */
enum ber_type {
    BER_INTEGER = 0x02,
    BER_BIT_STRING = 0x03, /* RFC 1442 */
    BER_OCTET_STRING = 0x04,
    BER_NULL = 0x05,
    BER_OBJECT_IDENTIFIER = 0x06,
    BER_SEQUENCE = 0x30,
    BER_IP_ADDRESS = 0x40,
    BER_COUNTER32 = 0x41,
    BER_UNSIGNED32 = 0x42, /* and Gauge32 */
    BER_TIME_TICKS = 0x43,
    BER_OPAQUE = 0x44,
    BER_NSAP_ADDRESS = 0x45, /* RFC 1442 */
    BER_COUNTER64 = 0x46,
    BER_UINTEGER32 = 0x47, /* RFC 1442 */
    BER_NO_SUCH_OBJECT = 0x80,
    BER_NO_SUCH_INSTANCE = 0x81,
    BER_END_OF_MIB_VIEW = 0x82,
};

/* What ber_take() does, for all forms of a length. */
bool ber_take_any(struct sr_span *left, uint8_t *ret_type, struct sr_span *ret_content);

/*
 * Takes one element off `*left`: its type and what it holds. Lengths are definite, of any number of
 * bytes (leading zeros are sent). False, and `*left` as it was, when it goes on past the end, its
 * length is indefinite or reserved, or its tag has more than one byte. Inline, for most lengths are
 * one byte, and a trap is little else than elements.
 */
static inline bool
ber_take(struct sr_span *left, uint8_t *ret_type, struct sr_span *ret_content)
{
    if (left->len < 2 || left->data[1] >= 0x80 || (left->data[0] & 0x1f) == 0x1f) {
        return ber_take_any(left, ret_type, ret_content);
    }
    size_t length = left->data[1];
    if (length > left->len - 2) {
        return false;
    }
    *ret_type = left->data[0];
    *ret_content = (struct sr_span){ left->data + 2, length };
    left->data += 2 + length;
    left->len -= 2 + length;
    return true;
}

/* The same for an element that must be of one type. */
static inline bool
ber_take_type(struct sr_span *left, uint8_t type, struct sr_span *ret_content)
{
    uint8_t found;

    if (left->len == 0 || left->data[0] != type) {
        return false;
    }
    return ber_take(left, &found, ret_content);
}

/* A signed number of 1 to 8 bytes. */
bool ber_signed(struct sr_span content, int64_t *ret_number);

/*
 * An unsigned number of 1 to 8 bytes, or 9 of which the first is 0. One that begins with a set bit
 * is taken as it is meant: agents leave the zero before it out.
 */
bool ber_unsigned(struct sr_span content, uint64_t *ret_number);

#define BER_SUB_IDS_MAX 128U /* RFC 2578 section 3.5 */

/*
 * Takes a sub-identifier off what is left of an object identifier, which is 32 bits at most (RFC
 * 2578 section 3.5). The first one holds two. False when it goes on past the end or is larger.
 */
bool ber_sub_id(struct sr_span *left, uint32_t *ret_sub_id);

/*
 * All arcs of an object identifier into `out`, room for BER_SUB_IDS_MAX; the first sub-identifier
 * becomes two (X.690 section 8.19.4). None for an empty one. False when one of them cannot be
 * read, or there are more.
 */
bool ber_arcs(struct sr_span content, uint32_t *out, unsigned *ret_count);

/* Whether ber_arcs() can read it. */
bool ber_is_identifier(struct sr_span content);

#endif
