/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/segment.h"

#include <string.h>

#include "sr/banned.h"
#include "sr/crc32c.h"

#define ORDER_MARK 0x01020304U
#define ORDER_MARK_SWAPPED 0x04030201U
#define TEXTS_OFFSET (SR_SEGMENT_PROGRESS_OFFSET + SR_SEGMENT_PROGRESS_LEN)
#define TEXT_COUNT 3U

enum {
    FLAG_DEAD = 1,
    FLAG_BY_SINK = 2,
    FLAGS_KNOWN = FLAG_DEAD | FLAG_BY_SINK,
};

/* No character of a text file: a segment that passed through a conversion of line ends is noticed.
 */
static const uint8_t magic[8] = { 0x8e, 'S', 'R', 'Q', '\r', '\n', 0x1a, '\n' };

/* The parts as they lie in the bytes, without padding; they are copied in and out, never cast. */
struct fixed {
    uint8_t magic[8];
    uint32_t order;
    uint32_t version;
    uint32_t header_len;
    uint32_t flags;
    uint64_t run_id;
    uint64_t number;
    uint64_t first_ns;
    uint32_t worker;
    uint32_t text_len[TEXT_COUNT];
    uint32_t reserved;
    uint32_t crc; /* of everything before it, and of the texts with their padding */
};

struct progress {
    uint64_t sealed_size;
    uint64_t sealed_records;
    uint64_t acked_offset;
    uint64_t acked_records;
    uint32_t sealed_entries;
    uint32_t acked_entries;
    uint32_t reserved[3];
    uint32_t crc; /* of everything before it */
};

struct head {
    uint32_t length;
    uint32_t records;
    uint32_t attributes;
    uint32_t crc;
};

/* What the crc of an entry covers before the entry's bytes: its place, then its head. */
struct covered {
    uint64_t number;
    uint32_t index;
    uint32_t length;
    uint32_t records;
    uint32_t attributes;
};

_Static_assert(sizeof(struct fixed) == SR_SEGMENT_FIXED_LEN, "no padding");
_Static_assert(sizeof(struct progress) == SR_SEGMENT_PROGRESS_LEN, "no padding");
_Static_assert(sizeof(struct head) == SR_SEGMENT_ENTRY_LEN, "no padding");
_Static_assert(sizeof(struct covered) == 24, "no padding");

const char *
sr_segment_strerror(enum sr_segment_err err)
{
    switch (err) {
    case SR_SEGMENT_OK: return "is good";
    case SR_SEGMENT_END: return "has no further entry";
    case SR_SEGMENT_MAGIC: return "is not a segment of a queue";
    case SR_SEGMENT_NEWER: return "is of a newer version";
    case SR_SEGMENT_ORDER: return "is from a machine of the other byte order";
    case SR_SEGMENT_HEADER: return "has a header that is cut short or damaged";
    case SR_SEGMENT_TORN: return "ends within an entry";
    case SR_SEGMENT_DAMAGED: return "has a damaged entry";
    }
    return "unknown";
}

/* `texts_len` is at most TEXT_COUNT * SR_SEGMENT_TEXT_MAX. */
static size_t
header_len_of(size_t texts_len)
{
    return TEXTS_OFFSET + (texts_len + 7) / 8 * 8;
}

size_t
sr_segment_header_len(const struct sr_segment_info *info)
{
    return header_len_of(info->subject.len + info->content_type.len + info->listener.len);
}

static uint32_t
fixed_crc(const struct fixed *fixed, const uint8_t *texts)
{
    uint32_t crc = sr_crc32c(0, fixed, offsetof(struct fixed, crc));

    return sr_crc32c(crc, texts, fixed->header_len - TEXTS_OFFSET);
}

void
sr_segment_write_header(uint8_t *out, const struct sr_segment_info *info)
{
    const struct sr_span *texts[TEXT_COUNT] = { &info->subject, &info->content_type,
        &info->listener };
    struct fixed fixed = {
        .order = ORDER_MARK,
        .version = SR_SEGMENT_VERSION,
        .header_len = (uint32_t)sr_segment_header_len(info),
        .flags = (info->dead ? FLAG_DEAD : 0U) | (info->by_sink ? FLAG_BY_SINK : 0U),
        .run_id = info->run_id,
        .number = info->number,
        .first_ns = info->first_ns,
        .worker = info->worker,
    };
    uint8_t *pos = out + TEXTS_OFFSET;

    memcpy(fixed.magic, magic, sizeof(magic));
    memset(pos, 0, fixed.header_len - TEXTS_OFFSET);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        fixed.text_len[i] = (uint32_t)texts[i]->len;
        if (texts[i]->len > 0) {
            memcpy(pos, texts[i]->data, texts[i]->len);
            pos += texts[i]->len;
        }
    }
    fixed.crc = fixed_crc(&fixed, out + TEXTS_OFFSET);
    memcpy(out, &fixed, sizeof(fixed));
    sr_segment_write_progress(
        out + SR_SEGMENT_PROGRESS_OFFSET, &(const struct sr_segment_progress){ 0 });
}

/* The fixed header, when it is whole, ours, and what its crc says. */
static enum sr_segment_err
read_fixed(struct sr_span bytes, struct fixed *ret_fixed)
{
    struct fixed fixed = { 0 };
    size_t texts_len = 0;

    if (bytes.len > 0) {
        memcpy(&fixed, bytes.data, bytes.len < sizeof(fixed) ? bytes.len : sizeof(fixed));
    }
    if (memcmp(fixed.magic, magic, bytes.len < sizeof(magic) ? bytes.len : sizeof(magic)) != 0) {
        return SR_SEGMENT_MAGIC;
    }
    /* What follows the version belongs to the version, even where the header ends. */
    if (bytes.len >= offsetof(struct fixed, header_len)) {
        if (fixed.order == ORDER_MARK_SWAPPED) {
            return SR_SEGMENT_ORDER;
        }
        if (fixed.order == ORDER_MARK && fixed.version > SR_SEGMENT_VERSION) {
            return SR_SEGMENT_NEWER;
        }
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (fixed.text_len[i] > SR_SEGMENT_TEXT_MAX) {
            return SR_SEGMENT_HEADER;
        }
        texts_len += fixed.text_len[i];
    }
    /* The header's length is that of its texts, so all of it is there once it is not too long. */
    if (fixed.order != ORDER_MARK || fixed.version != SR_SEGMENT_VERSION ||
        fixed.header_len != header_len_of(texts_len) || fixed.header_len > bytes.len ||
        (fixed.flags & ~(uint32_t)FLAGS_KNOWN) != 0 ||
        fixed.crc != fixed_crc(&fixed, bytes.data + TEXTS_OFFSET)) {
        return SR_SEGMENT_HEADER;
    }
    *ret_fixed = fixed;
    return SR_SEGMENT_OK;
}

/* Whether `entries` entries have room in `size` bytes, and fill them if there are none. */
static bool
entries_fit(uint64_t entries, uint64_t size)
{
    return entries == 0 ? size == 0 : entries <= size / SR_SEGMENT_ENTRY_LEN;
}

static bool
progress_can_be(const struct sr_segment_progress *p, uint64_t header_len)
{
    uint64_t acked_end = p->acked_entries > 0 ? p->acked_offset : header_len;

    if (acked_end < header_len || !entries_fit(p->acked_entries, acked_end - header_len)) {
        return false;
    }
    if (p->acked_entries == 0 && (p->acked_offset != 0 || p->acked_records != 0)) {
        return false;
    }
    if (p->sealed_size == 0) {
        return p->sealed_entries == 0 && p->sealed_records == 0;
    }
    if (p->sealed_size < acked_end || p->sealed_entries < p->acked_entries ||
        p->sealed_records < p->acked_records) {
        return false;
    }
    return entries_fit(p->sealed_entries - p->acked_entries, p->sealed_size - acked_end);
}

bool
sr_segment_is_cut_short(struct sr_span bytes)
{
    struct fixed fixed;

    if (bytes.len == 0 ||
        memcmp(bytes.data, magic, bytes.len < sizeof(magic) ? bytes.len : sizeof(magic)) != 0) {
        return bytes.len == 0;
    }
    if (bytes.len < sizeof(fixed)) {
        return true;
    }
    memcpy(&fixed, bytes.data, sizeof(fixed));
    return fixed.order == ORDER_MARK && fixed.version == SR_SEGMENT_VERSION &&
           fixed.header_len > bytes.len && fixed.header_len <= SR_SEGMENT_HEADER_MAX;
}

static struct sr_segment_progress
read_progress(const uint8_t *bytes, size_t header_len)
{
    struct progress raw;

    memcpy(&raw, bytes, sizeof(raw));
    struct sr_segment_progress progress = {
        .sealed_size = raw.sealed_size,
        .sealed_records = raw.sealed_records,
        .sealed_entries = raw.sealed_entries,
        .acked_entries = raw.acked_entries,
        .acked_offset = raw.acked_offset,
        .acked_records = raw.acked_records,
    };
    if (raw.crc != sr_crc32c(0, &raw, offsetof(struct progress, crc)) ||
        !progress_can_be(&progress, header_len)) {
        return (struct sr_segment_progress){ 0 };
    }
    return progress;
}

enum sr_segment_err
sr_segment_read_header(struct sr_span bytes, struct sr_segment_info *ret_info,
    struct sr_segment_progress *ret_progress, size_t *ret_len)
{
    struct fixed fixed;
    enum sr_segment_err err = read_fixed(bytes, &fixed);

    if (err != SR_SEGMENT_OK) {
        return err;
    }
    const uint8_t *subject = bytes.data + TEXTS_OFFSET;
    const uint8_t *content_type = subject + fixed.text_len[0];
    const uint8_t *listener = content_type + fixed.text_len[1];

    *ret_info = (struct sr_segment_info){
        .run_id = fixed.run_id,
        .number = fixed.number,
        .first_ns = fixed.first_ns,
        .worker = fixed.worker,
        .dead = (fixed.flags & FLAG_DEAD) != 0,
        .by_sink = (fixed.flags & FLAG_BY_SINK) != 0,
        .subject = { subject, fixed.text_len[0] },
        .content_type = { content_type, fixed.text_len[1] },
        .listener = { listener, fixed.text_len[2] },
    };
    *ret_progress = read_progress(bytes.data + SR_SEGMENT_PROGRESS_OFFSET, fixed.header_len);
    *ret_len = fixed.header_len;
    return SR_SEGMENT_OK;
}

void
sr_segment_write_progress(
    uint8_t out[SR_SEGMENT_PROGRESS_LEN], const struct sr_segment_progress *progress)
{
    struct progress raw = {
        .sealed_size = progress->sealed_size,
        .sealed_records = progress->sealed_records,
        .acked_offset = progress->acked_offset,
        .acked_records = progress->acked_records,
        .sealed_entries = progress->sealed_entries,
        .acked_entries = progress->acked_entries,
    };

    raw.crc = sr_crc32c(0, &raw, offsetof(struct progress, crc));
    memcpy(out, &raw, sizeof(raw));
}

/* Zeros between an entry's bytes and the next entry. */
static size_t
padding_of(size_t length)
{
    return (0 - length) & 3;
}

size_t
sr_segment_entry_size(size_t length)
{
    return SR_SEGMENT_ENTRY_LEN + length + padding_of(length);
}

static uint32_t
entry_crc(uint64_t number, uint32_t index, const struct head *head, const uint8_t *bytes)
{
    const struct covered covered = { number, index, head->length, head->records, head->attributes };

    return sr_crc32c(sr_crc32c(0, &covered, sizeof(covered)), bytes, head->length);
}

size_t
sr_segment_close_entry(uint8_t *at, uint32_t length, uint32_t attributes, uint32_t records)
{
    const struct head head = { .length = length, .records = records, .attributes = attributes };

    memcpy(at, &head, sizeof(head));
    return sr_segment_entry_size(length);
}

void
sr_segment_sign(uint8_t *segment, uint64_t number, size_t from, size_t to, uint32_t index)
{
    struct head head;

    for (size_t offset = from; offset < to; index++) {
        uint8_t *at = segment + offset;
        memcpy(&head, at, sizeof(head));
        head.crc = entry_crc(number, index, &head, at + sizeof(head));
        memcpy(at + offsetof(struct head, crc), &head.crc, sizeof(head.crc));
        memset(at + sizeof(head) + head.length, 0, padding_of(head.length));
        offset += sr_segment_entry_size(head.length);
    }
}

static void
set_entry(
    struct sr_segment_entry *entry, const struct head *head, const uint8_t *bytes, size_t offset)
{
    entry->records = head->records;
    entry->attributes = (struct sr_span){ bytes, head->attributes };
    entry->body =
        (struct sr_span){ bytes + head->attributes, (size_t)head->length - head->attributes };
    entry->next = offset + sr_segment_entry_size(head->length);
}

enum sr_segment_err
sr_segment_read_entry(struct sr_span segment, uint64_t number, size_t offset, uint32_t index,
    struct sr_segment_entry *ret_entry)
{
    static const uint8_t zeros[3];
    struct head head;

    if (offset >= segment.len) {
        return SR_SEGMENT_END;
    }
    size_t left = segment.len - offset;
    if (left < sizeof(head)) {
        return SR_SEGMENT_TORN;
    }
    left -= sizeof(head);
    memcpy(&head, segment.data + offset, sizeof(head));
    if (head.length > left || padding_of(head.length) > left - head.length) {
        return SR_SEGMENT_TORN;
    }
    const uint8_t *bytes = segment.data + offset + sizeof(head);
    if (head.attributes > head.length || head.crc != entry_crc(number, index, &head, bytes) ||
        memcmp(bytes + head.length, zeros, padding_of(head.length)) != 0) {
        return SR_SEGMENT_DAMAGED;
    }
    set_entry(ret_entry, &head, bytes, offset);
    return SR_SEGMENT_OK;
}

void
sr_segment_get_entry(const uint8_t *segment, size_t offset, struct sr_segment_entry *ret_entry)
{
    struct head head;

    /* Not the crc: another thread may be writing it. */
    memcpy(&head, segment + offset, offsetof(struct head, crc));
    set_entry(ret_entry, &head, segment + offset + sizeof(head), offset);
}

struct sr_segment_scan
sr_segment_check(struct sr_span segment, uint64_t number, size_t offset, uint32_t index)
{
    struct sr_segment_scan scan = { .end = offset, .entries = index };
    struct sr_segment_entry entry;

    while ((scan.err = sr_segment_read_entry(segment, number, scan.end, scan.entries, &entry)) ==
           SR_SEGMENT_OK) {
        scan.end = entry.next;
        scan.entries++;
        scan.records += entry.records;
    }
    return scan;
}
