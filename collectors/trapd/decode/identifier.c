/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/identifier.h"

#include "decode/ber.h"

#include "sr/banned.h"

enum {
    PER_BYTE = 4, /* characters that a byte becomes at most: ".127" */
    SPARE = 8,    /* the first one has "2." more, and copying goes too far */
    PER_ARC = 11, /* ".4294967295" */
    SMALL = 0x80,
    FIRST_ARCS = 40,
};

/* A sub-identifier of one byte with its point, four characters each. */
static const char small[] = ".0  .1  .2  .3  .4  .5  .6  .7  .8  .9  .10 .11 .12 .13 .14 .15 "
                            ".16 .17 .18 .19 .20 .21 .22 .23 .24 .25 .26 .27 .28 .29 .30 .31 "
                            ".32 .33 .34 .35 .36 .37 .38 .39 .40 .41 .42 .43 .44 .45 .46 .47 "
                            ".48 .49 .50 .51 .52 .53 .54 .55 .56 .57 .58 .59 .60 .61 .62 .63 "
                            ".64 .65 .66 .67 .68 .69 .70 .71 .72 .73 .74 .75 .76 .77 .78 .79 "
                            ".80 .81 .82 .83 .84 .85 .86 .87 .88 .89 .90 .91 .92 .93 .94 .95 "
                            ".96 .97 .98 .99 .100.101.102.103.104.105.106.107.108.109.110.111"
                            ".112.113.114.115.116.117.118.119.120.121.122.123.124.125.126.127";

/* Copies the four characters and steps over those that count. */
static uint8_t *
put_small(uint8_t *at, uint8_t sub_id)
{
    memcpy(at, small + (size_t)PER_BYTE * sub_id, PER_BYTE);
    return at + 2 + (sub_id > 9) + (sub_id > 99);
}

/* `at` is within `b`, behind what counts as written. */
static uint8_t *
put_large(struct sr_buf *b, uint8_t *at, uint32_t sub_id)
{
    *at = '.';
    b->len = (size_t)(at + 1 - b->data);
    sr_buf_add_u64(b, sub_id);
    return b->data + b->len;
}

/* The first sub-identifier is two arcs (X.690 section 8.19.4). */
static bool
put_first(struct sr_buf *b, uint8_t **at, struct sr_span *content)
{
    uint32_t sub_id, first;

    if (!ber_sub_id(content, &sub_id)) {
        return false;
    }
    first = sub_id < 2 * FIRST_ARCS ? sub_id / FIRST_ARCS : 2;
    **at = (uint8_t)('0' + first);
    *at = put_large(b, *at + 1, sub_id - FIRST_ARCS * first);
    return true;
}

/* Writes into room that is enough in any case. */
static bool
write_all(struct sr_buf *b, struct sr_span content)
{
    unsigned count = 2;
    uint8_t *at = b->data + b->len;

    if (content.data[0] == 0x2b) { /* 1.3, as all have it */
        memcpy(at, "1.3", 3);
        at += 3;
        content = (struct sr_span){ content.data + 1, content.len - 1 };
    } else if (!put_first(b, &at, &content)) {
        return false;
    }
    const uint8_t *next = content.data, *end = next + content.len;
    for (; next < end; count++) {
        uint32_t sub_id = *next;
        if (count == BER_SUB_IDS_MAX) {
            return false;
        }
        if (sub_id < SMALL) {
            at = put_small(at, (uint8_t)sub_id);
            next++;
        } else {
            struct sr_span left = { next, (size_t)(end - next) };
            if (!ber_sub_id(&left, &sub_id)) {
                return false;
            }
            at = put_large(b, at, sub_id);
            next = left.data;
        }
    }
    b->len = (size_t)(at - b->data);
    return true;
}

/* Where there may be too little room. */
static void
write_each(struct sr_buf *b, const uint32_t *arcs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i > 0) {
            sr_buf_put(b, '.');
        }
        sr_buf_add_u64(b, arcs[i]);
    }
}

bool
trap_identifier_write(struct sr_buf *b, struct sr_span content)
{
    size_t before = b->len;
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;

    if (content.len == 0) {
        return true;
    }
    if (b->overflow || (b->cap - b->len) / PER_BYTE < content.len + SPARE / PER_BYTE) {
        if (!ber_arcs(content, arcs, &count)) {
            return false;
        }
        write_each(b, arcs, count);
        return true;
    }
    if (write_all(b, content)) {
        return true;
    }
    b->len = before;
    return false;
}

void
trap_arcs_write(struct sr_buf *b, const uint32_t *arcs, unsigned count)
{
    if (count == 0 || b->overflow || (b->cap - b->len) / PER_ARC <= count) {
        write_each(b, arcs, count);
        return;
    }
    /* Without the point before the first one. */
    sr_buf_add_u64(b, arcs[0]);
    uint8_t *at = b->data + b->len;
    for (unsigned i = 1; i < count; i++) {
        at = arcs[i] < SMALL ? put_small(at, (uint8_t)arcs[i]) : put_large(b, at, arcs[i]);
    }
    b->len = (size_t)(at - b->data);
}
