/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of a queue as they come back from a disk, as they are and with every crc made right. */
#include "sr/segment.h"

#include <stdlib.h>
#include <string.h>

#include "sr/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the numbers lie that the crcs depend on, see struct fixed of common/core/segment.c. */
enum {
    HEADER_LEN_OFFSET = 16,
    NUMBER_OFFSET = 32,
    CRC_OFFSET = 68,
    PROGRESS_CRC_OFFSET = 124,
    TEXTS_OFFSET = 128,
};

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool
lies_within(struct sr_span inner, struct sr_span outer)
{
    return inner.data >= outer.data && inner.len <= outer.len &&
           (size_t)(inner.data - outer.data) <= outer.len - inner.len;
}

/* Reads the entries one by one: they must be what the scan has counted. */
static void
walk(struct sr_span bytes, uint64_t number, size_t offset, uint32_t index,
    const struct sr_segment_scan *scan)
{
    struct sr_segment_entry entry, trusted;
    uint64_t records = 0;
    enum sr_segment_err err;

    while ((err = sr_segment_read_entry(bytes, number, offset, index, &entry)) == SR_SEGMENT_OK) {
        must(lies_within(entry.attributes, bytes) && lies_within(entry.body, bytes));
        must(entry.next <= bytes.len &&
             entry.next - offset == sr_segment_entry_size(entry.attributes.len + entry.body.len));
        must(entry.body.data == entry.attributes.data + entry.attributes.len);
        sr_segment_get_entry(bytes.data, offset, &trusted);
        must(trusted.next == entry.next && trusted.records == entry.records &&
             trusted.body.data == entry.body.data && trusted.body.len == entry.body.len);
        records += entry.records;
        offset = entry.next;
        index++;
    }
    must(err == scan->err && offset == scan->end && index == scan->entries);
    must(records == scan->records);
}

static void
check(struct sr_span bytes, uint64_t number, size_t offset, uint32_t index)
{
    struct sr_segment_scan scan = sr_segment_check(bytes, number, offset, index);

    if (offset <= bytes.len) {
        must(scan.end >= offset && scan.end <= bytes.len);
        must((scan.err == SR_SEGMENT_END) == (scan.end == bytes.len));
        must(scan.entries - index <= (scan.end - offset) / SR_SEGMENT_ENTRY_LEN);
    } else {
        must(scan.err == SR_SEGMENT_END && scan.end == offset && scan.entries == index);
    }
    must(scan.err == SR_SEGMENT_END || scan.err == SR_SEGMENT_TORN ||
         scan.err == SR_SEGMENT_DAMAGED);
    walk(bytes, number, offset, index, &scan);
}

static void
read_segment(struct sr_span bytes)
{
    struct sr_segment_info info = { 0 };
    struct sr_segment_progress progress = { 0 };
    size_t len = 0;
    enum sr_segment_err err = sr_segment_read_header(bytes, &info, &progress, &len);

    must(sr_segment_strerror(err) != NULL);
    if (err != SR_SEGMENT_OK) {
        must(len == 0 && info.subject.data == NULL);
        check(bytes, 0, 0, 0);
        return;
    }
    must(len <= bytes.len && len <= SR_SEGMENT_HEADER_MAX && len == sr_segment_header_len(&info));
    struct sr_span header = { bytes.data, len };
    must(lies_within(info.subject, header) && lies_within(info.content_type, header) &&
         lies_within(info.listener, header));
    must(info.subject.len <= SR_SEGMENT_TEXT_MAX && info.content_type.len <= SR_SEGMENT_TEXT_MAX &&
         info.listener.len <= SR_SEGMENT_TEXT_MAX);
    must(progress.acked_entries == 0 ||
         progress.acked_entries <= (progress.acked_offset - len) / SR_SEGMENT_ENTRY_LEN);
    must(progress.acked_offset == 0 ? progress.acked_entries == 0 : progress.acked_offset >= len);
    must(progress.sealed_size == 0 || (progress.sealed_size >= progress.acked_offset &&
                                          progress.sealed_entries >= progress.acked_entries));
    check(bytes, info.number, len, 0);
    if (progress.acked_entries > 0 && progress.acked_offset <= SIZE_MAX) {
        check(bytes, info.number, (size_t)progress.acked_offset, progress.acked_entries);
    }
}

/* Makes every crc right, so that what lies behind the crcs is reached as well. */
static void
mend(uint8_t *data, size_t size)
{
    uint32_t header_len, crc, index = 0, head[3];
    uint64_t number;

    if (size < TEXTS_OFFSET) {
        return;
    }
    memcpy(&header_len, data + HEADER_LEN_OFFSET, sizeof(header_len));
    memcpy(&number, data + NUMBER_OFFSET, sizeof(number));
    if (header_len < TEXTS_OFFSET || header_len > size) {
        return;
    }
    crc = sr_crc32c(0, data, CRC_OFFSET);
    crc = sr_crc32c(crc, data + TEXTS_OFFSET, header_len - TEXTS_OFFSET);
    memcpy(data + CRC_OFFSET, &crc, sizeof(crc));
    crc = sr_crc32c(
        0, data + SR_SEGMENT_PROGRESS_OFFSET, PROGRESS_CRC_OFFSET - SR_SEGMENT_PROGRESS_OFFSET);
    memcpy(data + PROGRESS_CRC_OFFSET, &crc, sizeof(crc));
    for (size_t at = header_len; size - at >= SR_SEGMENT_ENTRY_LEN; index++) {
        memcpy(head, data + at, sizeof(head));
        if (head[0] > size || sr_segment_entry_size(head[0]) > size - at) {
            return;
        }
        size_t entry = sr_segment_close_entry(data + at, head[0], head[2], head[1]);
        sr_segment_sign(data + at, number, 0, entry, index);
        at += entry;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended = malloc(size + (size == 0));

    if (mended == NULL) {
        return 0;
    }
    read_segment((struct sr_span){ data, size });
    if (size > 0) {
        memcpy(mended, data, size);
    }
    mend(mended, size);
    read_segment((struct sr_span){ mended, size });
    free(mended);
    return 0;
}
