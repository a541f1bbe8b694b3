/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_SEGMENT_H_INCLUDED
#define SR_SEGMENT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * The bytes of a segment of the queue, the same in memory and in its file: a header, then entries
 * one after the other. Integers are in host order, which the header names; every part has a
 * CRC-32C. Pure: bytes in, bytes out. What is read is never trusted: it may come from a disk that
 * lies, or from somebody else.
 *
 *   0   fixed header, SR_SEGMENT_FIXED_LEN bytes with a crc over them (but the crc) and the texts
 *  72   progress, SR_SEGMENT_PROGRESS_LEN bytes with a crc of their own: the only bytes that
 *       change once they are written, in one small write
 *       texts: subject, content type, listener; padded with zeros to a multiple of 8
 *       entries: length, records, attributes, crc (4 bytes each), then `length` bytes, padded
 *       with zeros to a multiple of 4
 */
#define SR_SEGMENT_VERSION 1U
#define SR_SEGMENT_FIXED_LEN 72U
#define SR_SEGMENT_PROGRESS_OFFSET SR_SEGMENT_FIXED_LEN
#define SR_SEGMENT_PROGRESS_LEN 56U
#define SR_SEGMENT_ENTRY_LEN 16U /* of an entry before its bytes */
#define SR_SEGMENT_TEXT_MAX 255U /* of each text */
#define SR_SEGMENT_HEADER_MAX                                                                      \
    (SR_SEGMENT_FIXED_LEN + SR_SEGMENT_PROGRESS_LEN + 3 * SR_SEGMENT_TEXT_MAX + 8U)

/* What a segment is. The spans are borrowed: from the caller, or from the bytes that were read. */
struct sr_segment_info {
    uint64_t run_id;   /* of the process that wrote it: a part of its messages' ids */
    uint64_t number;   /* unique in its directory, and growing */
    uint64_t first_ns; /* wall clock of the first receive */
    uint32_t worker;   /* which of the listener's threads wrote it */
    bool dead;         /* it holds dead letters */
    bool by_sink;      /* the sink's thread wrote it: dead letters of what was refused */
    struct sr_span subject, content_type, listener;
};

/* How far a segment has come. Everything is 0 while it is written and nothing is settled. */
struct sr_segment_progress {
    uint64_t sealed_size;    /* bytes of the whole segment; 0: it may still grow */
    uint64_t sealed_records; /* in all entries; with sealed_size */
    uint32_t sealed_entries; /* with sealed_size */
    uint32_t acked_entries;  /* the first that many are settled */
    uint64_t acked_offset;   /* where the entry after them begins; 0: with acked_entries 0 */
    uint64_t acked_records;  /* in those */
};

enum sr_segment_err {
    SR_SEGMENT_OK = 0,
    SR_SEGMENT_END,     /* there is no further entry */
    SR_SEGMENT_MAGIC,   /* not a segment */
    SR_SEGMENT_NEWER,   /* of a version that this program does not know */
    SR_SEGMENT_ORDER,   /* written by a machine of the other byte order */
    SR_SEGMENT_HEADER,  /* the header is cut short or damaged */
    SR_SEGMENT_TORN,    /* an entry goes on past the end of the bytes */
    SR_SEGMENT_DAMAGED, /* an entry contradicts its crc, or its padding is not zero */
};

/* For people: "is of a newer version", ... Static. */
const char *sr_segment_strerror(enum sr_segment_err err);

/* Bytes of the header of `info`, which is where the first entry begins. */
size_t sr_segment_header_len(const struct sr_segment_info *info);

/*
 * Writes the header with an empty progress: sr_segment_header_len() bytes. Each text has at most
 * SR_SEGMENT_TEXT_MAX bytes.
 */
void sr_segment_write_header(uint8_t *out, const struct sr_segment_info *info);

/*
 * Reads a header from the first bytes of a segment (SR_SEGMENT_HEADER_MAX are always enough).
 * Damaged progress is no error: it reads as empty, so that entries are sent again and not lost.
 * Also empty is progress that cannot be: more settled than sealed, an offset inside the header or
 * without room for so many entries before or behind it, all settled but not at the end.
 * On success *ret_len is where the first entry begins.
 */
enum sr_segment_err sr_segment_read_header(struct sr_span bytes, struct sr_segment_info *ret_info,
    struct sr_segment_progress *ret_progress, size_t *ret_len);

/*
 * True when the bytes are all of a file that ends within its header: whoever wrote it was stopped
 * before the first entry. Not for one whose crc or texts are wrong.
 */
bool sr_segment_is_cut_short(struct sr_span bytes);

/* The bytes that go to SR_SEGMENT_PROGRESS_OFFSET. */
void sr_segment_write_progress(
    uint8_t out[SR_SEGMENT_PROGRESS_LEN], const struct sr_segment_progress *progress);

/* Bytes that an entry of `length` bytes (at most UINT32_MAX) takes, with its head and padding. */
size_t sr_segment_entry_size(size_t length);

struct sr_segment_entry {
    uint32_t records;
    struct sr_span attributes; /* header lines "Name: value\r\n" of the message */
    struct sr_span body;
    size_t next; /* offset of the entry after it */
};

/*
 * Makes an entry of the `length` bytes that lie at `at` + SR_SEGMENT_ENTRY_LEN, of which the first
 * `attributes` (at most `length`) are header lines: writes the head before them. Its crc and what
 * fills it up are left open: memory needs none. Returns the entry's size.
 */
size_t sr_segment_close_entry(uint8_t *at, uint32_t length, uint32_t attributes, uint32_t records);

/*
 * Writes crc and padding of the entries from offset `from` (of which the first one is entry
 * `index`) up to `to`, before they go to disk. `number` is the segment's: a crc covers it and the
 * entry's index too, so that bytes of another place are never taken for this entry. Others may read
 * the entries with sr_segment_get_entry() meanwhile.
 */
void sr_segment_sign(uint8_t *segment, uint64_t number, size_t from, size_t to, uint32_t index);

/*
 * Reads the entry `index` at `offset` of a segment's bytes and checks its crc: SR_SEGMENT_END when
 * `offset` is the end of the bytes (or past it).
 */
enum sr_segment_err sr_segment_read_entry(struct sr_span segment, uint64_t number, size_t offset,
    uint32_t index, struct sr_segment_entry *ret_entry);

/*
 * The same without the crc and without any check, for bytes that this process wrote or has
 * checked, and an offset that an entry is known to be at.
 */
void sr_segment_get_entry(
    const uint8_t *segment, size_t offset, struct sr_segment_entry *ret_entry);

/* What is good of a run of entries. */
struct sr_segment_scan {
    enum sr_segment_err err; /* SR_SEGMENT_END: all of it */
    size_t end;              /* offset behind the last good entry */
    uint32_t entries;        /* index behind the last good entry */
    uint64_t records;        /* in the good entries from the start of the scan */
};

/* Checks the entries from `index` at `offset` up to the end of the bytes, or the first bad one. */
struct sr_segment_scan sr_segment_check(
    struct sr_span segment, uint64_t number, size_t offset, uint32_t index);

#endif
