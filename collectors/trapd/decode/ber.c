/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/ber.h"

#include "sr/banned.h"

enum {
    TAG_MASK = 0x1f,    /* all set: the tag goes on in the next byte (X.690 section 8.1.2.4) */
    LONG_LENGTH = 0x80, /* else the byte is the length */
};

/* The length of what follows. At most SIZE_MAX / 256 is returned, so that nothing overflows. */
static bool
take_length(struct sr_reader *r, size_t *ret_length)
{
    unsigned first = sr_reader_u8(r);
    size_t length = 0;

    if ((first & LONG_LENGTH) == 0) {
        *ret_length = first;
        return !r->failed;
    }
    first &= LONG_LENGTH - 1;
    if (first == 0 || first == LONG_LENGTH - 1) {
        return false; /* indefinite, which RFC 3417 section 8 forbids, or reserved */
    }
    for (; first > 0 && !r->failed; first--) {
        if (length > SIZE_MAX >> 16) {
            return false;
        }
        length = length << 8 | sr_reader_u8(r);
    }
    *ret_length = length;
    return !r->failed;
}

bool
ber_take(struct sr_span *left, uint8_t *ret_type, struct sr_span *ret_content)
{
    struct sr_reader r = sr_reader_init(*left);
    uint8_t type = sr_reader_u8(&r);
    size_t length;

    if (r.failed || (type & TAG_MASK) == TAG_MASK || !take_length(&r, &length)) {
        return false;
    }
    struct sr_span content = sr_reader_take(&r, length);
    if (r.failed) {
        return false;
    }
    *left = (struct sr_span){ r.pos, sr_reader_left(&r) };
    *ret_type = type;
    *ret_content = content;
    return true;
}

bool
ber_take_type(struct sr_span *left, uint8_t type, struct sr_span *ret_content)
{
    struct sr_span rest = *left, content;
    uint8_t found;

    if (!ber_take(&rest, &found, &content) || found != type) {
        return false;
    }
    *left = rest;
    *ret_content = content;
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
        if (count == BER_SUB_IDS_MAX || !ber_sub_id(&content, &out[count])) {
            return false;
        }
    }
    *ret_count = count;
    return true;
}
