/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/ber.h"

#include <string.h>

#include "sr/banned.h"

enum {
    TAG_MASK = 0x1f,    /* all set: the tag goes on in the next byte (X.690 section 8.1.2.4) */
    LONG_LENGTH = 0x80, /* else the byte is the length */
};

/*
 * A length in the long form, whose first byte is `left->data[1]`. Returns how many bytes stand
 * before the content; 0 when the length cannot be read.
 */
static size_t
read_long_length(const struct sr_span *left, size_t *ret_length)
{
    size_t bytes = left->data[1] & (LONG_LENGTH - 1);
    size_t length = 0;

    /* Indefinite, which RFC 3417 section 8 forbids, or reserved. */
    if (bytes == 0 || bytes == LONG_LENGTH - 1 || bytes > left->len - 2) {
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (length > SIZE_MAX >> 16) {
            return 0;
        }
        length = length << 8 | left->data[2 + i];
    }
    *ret_length = length;
    return 2 + bytes;
}

bool
ber_take_any(struct sr_span *left, uint8_t *ret_type, struct sr_span *ret_content)
{
    if (left->len < 2 || (left->data[0] & TAG_MASK) == TAG_MASK) {
        return false;
    }
    size_t head = 2, length = left->data[1];
    if ((length & LONG_LENGTH) != 0) {
        head = read_long_length(left, &length);
        if (head == 0) {
            return false;
        }
    }
    if (length > left->len - head) {
        return false;
    }
    *ret_type = left->data[0];
    *ret_content = (struct sr_span){ left->data + head, length };
    left->data += head + length;
    left->len -= head + length;
    return true;
}

static uint64_t
load(struct sr_span content, uint64_t high)
{
    for (size_t i = 0; i < content.len; i++) {
        high = high << 8 | content.data[i];
    }
    return high;
}

bool
ber_signed(struct sr_span content, int64_t *ret_number)
{
    if (content.len == 0 || content.len > 8) {
        return false;
    }
    uint64_t sign = (content.data[0] & 0x80) != 0 ? UINT64_MAX : 0;
    *ret_number = (int64_t)load(content, sign);
    return true;
}

bool
ber_unsigned(struct sr_span content, uint64_t *ret_number)
{
    if (content.len == 9 && content.data[0] == 0) {
        content.data++;
        content.len--;
    }
    if (content.len == 0 || content.len > 8) {
        return false;
    }
    *ret_number = load(content, 0);
    return true;
}

bool
ber_sub_id(struct sr_span *left, uint32_t *ret_sub_id)
{
    uint32_t sub_id = 0;

    for (size_t i = 0; i < left->len; i++) {
        if (sub_id > UINT32_MAX >> 7) {
            return false;
        }
        sub_id = sub_id << 7 | (left->data[i] & 0x7f);
        if ((left->data[i] & 0x80) == 0) {
            left->data += i + 1;
            left->len -= i + 1;
            *ret_sub_id = sub_id;
            return true;
        }
    }
    return false;
}

bool
ber_arcs(struct sr_span content, uint32_t *out, unsigned *ret_count)
{
    unsigned count = 0;
    uint32_t first;

    if (content.len > 0) {
        if (!ber_sub_id(&content, &first)) {
            return false;
        }
        out[0] = first < 80 ? first / 40 : 2;
        out[1] = first - 40 * out[0];
        count = 2;
    }
    for (; content.len > 0; count++) {
        if (count == BER_SUB_IDS_MAX) {
            return false;
        }
        if (content.data[0] < 0x80) { /* as most are */
            out[count] = content.data[0];
            content = (struct sr_span){ content.data + 1, content.len - 1 };
        } else if (!ber_sub_id(&content, &out[count])) {
            return false;
        }
    }
    *ret_count = count;
    return true;
}

/* True when no byte goes on in the next one, as in most identifiers. */
static bool
is_all_small(struct sr_span content)
{
    uint64_t all = 0, w;
    size_t i = 0;

    for (; content.len - i >= sizeof(w); i += sizeof(w)) {
        memcpy(&w, content.data + i, sizeof(w));
        all |= w;
    }
    for (; i < content.len; i++) {
        all |= content.data[i];
    }
    return (all & UINT64_C(0x8080808080808080)) == 0;
}

bool
ber_is_identifier(struct sr_span content)
{
    unsigned count = 1; /* the first sub-identifier stands for two */
    uint32_t sub_id;

    if (content.len < BER_SUB_IDS_MAX && is_all_small(content)) {
        return true;
    }
    for (; content.len > 0; count++) {
        if (count == BER_SUB_IDS_MAX || !ber_sub_id(&content, &sub_id)) {
            return false;
        }
    }
    return true;
}
