/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/batch.h"

#include <string.h>

#include "sr/buf.h"

#include "sr/banned.h"

static const char type_name[] = "Content-Type: ";
static const char count_name[] = "\r\nSr-Records: ";
static const char count_end[] = "\r\n";

#define DIGITS_MAX 10U /* of a uint32_t */
#define VARINT_MAX 5U  /* of one */

static unsigned
digits_of(uint32_t n)
{
    unsigned digits = 1;

    for (; n >= 10; n /= 10) {
        digits++;
    }
    return digits;
}

/* Base 128, least significant first; the protobuf encoding of a length. Returns its bytes. */
static size_t
put_varint(uint8_t out[VARINT_MAX], uint32_t n)
{
    size_t len = 0;

    for (; n >= 0x80; n >>= 7) {
        out[len++] = (uint8_t)(n | 0x80);
    }
    out[len++] = (uint8_t)n;
    return len;
}

/* Bytes of the header lines when the number of records has so many digits. */
static size_t
head_len(const struct batch *b, unsigned digits)
{
    return sizeof(type_name) - 1 + strlen(b->options.content_type) + sizeof(count_name) - 1 +
           digits + sizeof(count_end) - 1;
}

static uint8_t *
body_of(const struct batch *b)
{
    return b->entry + head_len(b, b->digits);
}

void
batch_init(struct batch *b, struct sr_lane *lane, struct sr_worker_stats *stats,
    const struct batch_options *options)
{
    *b = (struct batch){
        .options = *options,
        .lane = lane,
        .stats = stats,
        .digits = digits_of(options->records),
    };
}

/*
 * Begins a batch with room for at least `need` bytes. The rest of a segment is filled when it is a
 * good part of a batch, so that little of the queue's memory stays unused; near a full queue a
 * batch takes what it gets.
 */
static bool
open_batch(struct batch *b, size_t need, uint64_t now_ns)
{
    size_t head = head_len(b, DIGITS_MAX);
    size_t want = need > b->options.bytes ? need : b->options.bytes;
    size_t left = sr_lane_room(b->lane);

    left = left > head ? left - head : 0;
    if (left >= need && left < want && left >= want / 4) {
        want = left;
    }
    b->entry = sr_lane_reserve(b->lane, head + want, now_ns);
    if (b->entry == NULL && want > need) {
        want = need;
        b->entry = sr_lane_reserve(b->lane, head + want, now_ns);
    }
    b->capacity = want;
    b->len = 0;
    b->records = 0;
    b->due_ns = 0;
    return b->entry != NULL;
}

uint8_t *
batch_reserve(struct batch *b, size_t max, uint64_t now_ns)
{
    uint8_t varint[VARINT_MAX];
    /* A record is mostly as long as it may be, within what one length of a varint tells. */
    size_t prefix = b->options.delimited ? put_varint(varint, (uint32_t)max) : 0;
    size_t need = prefix + max + (b->options.delimited ? 0 : 1);

    if (b->entry != NULL && b->capacity - b->len < need) {
        batch_close(b);
    }
    if (b->entry == NULL && !open_batch(b, need, now_ns)) {
        return NULL;
    }
    b->prefix = prefix;
    return body_of(b) + b->len + prefix;
}

static size_t
frame(const struct batch *b, uint8_t *at, size_t len)
{
    uint8_t varint[VARINT_MAX];

    if (!b->options.delimited) {
        if (len > 0 && at[len - 1] == '\n') {
            return len;
        }
        at[len] = '\n';
        return len + 1;
    }
    size_t prefix = put_varint(varint, (uint32_t)len);
    if (prefix < b->prefix) {
        memmove(at + prefix, at + b->prefix, len);
    }
    memcpy(at, varint, prefix);
    return prefix + len;
}

void
batch_commit(struct batch *b, size_t len, uint32_t records)
{
    b->len += frame(b, body_of(b) + b->len, len);
    b->records += records;
    sr_count(&b->stats->batching, records);
    if (b->records >= b->options.records || b->len >= b->options.bytes) {
        batch_close(b);
    }
}

void
batch_close(struct batch *b)
{
    if (b->entry == NULL || b->records == 0) {
        b->entry = NULL; /* what was reserved and is not used, the next reserve gets again */
        return;
    }
    unsigned digits = digits_of(b->records);
    size_t head = head_len(b, digits);
    if (digits != b->digits) {
        memmove(b->entry + head, body_of(b), b->len);
        b->digits = digits;
    }
    struct sr_buf buf = sr_buf_over(b->entry, head);
    sr_buf_add_text(&buf, type_name);
    sr_buf_add_text(&buf, b->options.content_type);
    sr_buf_add_text(&buf, count_name);
    sr_buf_add_u64(&buf, b->records);
    sr_buf_add_text(&buf, count_end);
    sr_lane_commit(b->lane, head + b->len, head, b->records);
    sr_count(&b->stats->records, b->records);
    atomic_store_explicit(&b->stats->batching, 0, memory_order_relaxed);
    b->entry = NULL;
    b->records = 0;
}
