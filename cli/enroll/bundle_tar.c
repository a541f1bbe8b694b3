/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/bundle_tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/crypto.h>

#include "sr/banned.h"

#define GZIP_TRAILER 8          /* RFC 1952, section 2.3: CRC-32 and length, little-endian */
#define FIRST_ROOM (32U * 1024) /* for what is unpacked; a usual bundle fits */

/* The fields of a tar header that are looked at (POSIX, pax, "ustar Interchange Format"). */
#define BLOCK 512
#define NAME_LEN 100
#define SIZE_AT 124
#define SIZE_LEN 12
#define CHECKSUM_AT 148
#define CHECKSUM_LEN 8
#define TYPE_AT 156
#define END_BLOCKS 2

/* The CRC-32 of RFC 1952, section 8, by half bytes. */
static uint32_t
crc32_of(struct sr_span bytes)
{
    static const uint32_t steps[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190,
        0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
    uint32_t crc = 0xffffffffU;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        crc = steps[crc & 15] ^ (crc >> 4);
        crc = steps[crc & 15] ^ (crc >> 4);
    }
    return ~crc;
}

static uint32_t
le32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/*
 * libarchive checks neither of the two and ignores what follows a member. As the last bytes of the
 * input must fit all that was unpacked, they also find cut inputs and a second member.
 */
static bool
trailer_fits(struct sr_span packed, struct sr_span plain)
{
    const uint8_t *trailer = packed.data + packed.len - GZIP_TRAILER;

    return le32(trailer + 4) == plain.len && le32(trailer) == crc32_of(plain);
}

static void
wipe(uint8_t *memory, size_t len)
{
    if (memory != NULL) {
        OPENSSL_cleanse(memory, len);
        free(memory);
    }
}

/* Memory that grows to one byte more than may come, and is wiped wherever it was. */
struct room {
    uint8_t *memory;
    size_t len;
    size_t cap;
};

static bool
grow(struct room *room)
{
    size_t cap = room->cap == 0 ? FIRST_ROOM : room->cap * 2;

    if (cap > BUNDLE_UNPACKED_MAX) {
        cap = BUNDLE_UNPACKED_MAX + 1;
    }
    uint8_t *memory = malloc(cap);
    if (memory == NULL) {
        return false;
    }
    if (room->len > 0) {
        memcpy(memory, room->memory, room->len);
    }
    wipe(room->memory, room->len);
    room->memory = memory;
    room->cap = cap;
    return true;
}

/* Unpacks all, or as much as shows that it is too much. */
static enum bundle_err
inflate_all(struct archive *in, struct sr_span packed, struct room *room)
{
    struct archive_entry *entry;
    la_ssize_t got;

    if (archive_read_support_filter_gzip(in) != ARCHIVE_OK ||
        archive_read_support_format_raw(in) != ARCHIVE_OK) {
        return BUNDLE_ENOMEM;
    }
    /* Two filters are gzip and the memory below it: a gzip within a gzip has three. */
    if (archive_read_open_memory(in, packed.data, packed.len) != ARCHIVE_OK ||
        archive_read_next_header(in, &entry) != ARCHIVE_OK || archive_filter_count(in) != 2 ||
        archive_filter_code(in, 0) != ARCHIVE_FILTER_GZIP) {
        return BUNDLE_EDAMAGED;
    }
    do {
        if (room->len == room->cap && !grow(room)) {
            return BUNDLE_ENOMEM;
        }
        got = archive_read_data(in, room->memory + room->len, room->cap - room->len);
        if (got < 0) {
            return BUNDLE_EDAMAGED;
        }
        room->len += (size_t)got;
    } while (got > 0 && room->len <= BUNDLE_UNPACKED_MAX);
    return room->len > BUNDLE_UNPACKED_MAX ? BUNDLE_EBOMB : BUNDLE_OK;
}

/* Returns the tar owned; the caller wipes it. */
static enum bundle_err
gunzip(struct sr_span packed, uint8_t **ret_memory, size_t *ret_len)
{
    struct room room = { .memory = NULL };

    if (packed.len <= GZIP_TRAILER) {
        return BUNDLE_EDAMAGED;
    }
    struct archive *in = archive_read_new();
    enum bundle_err err = in != NULL ? inflate_all(in, packed, &room) : BUNDLE_ENOMEM;
    (void)archive_read_free(in);
    if (err == BUNDLE_OK && !trailer_fits(packed, (struct sr_span){ room.memory, room.len })) {
        err = BUNDLE_EDAMAGED;
    }
    if (err != BUNDLE_OK) {
        wipe(room.memory, room.len);
        return err;
    }
    *ret_memory = room.memory;
    *ret_len = room.len;
    return BUNDLE_OK;
}

static const char *
type_name(char type)
{
    switch (type) {
    case '1': return "hard link";
    case '2': return "symbolic link";
    case '3': return "character device";
    case '4': return "block device";
    case '6': return "FIFO";
    case '7': return "contiguous file";
    case 'S': return "sparse file";
    default: return "unknown type";
    }
}

static enum bundle_err
refuse_type(const uint8_t *header, const char *what, char detail[BUNDLE_DETAIL_MAX])
{
    char text[NAME_LEN + BUNDLE_DETAIL_MAX];

    (void)snprintf(text, sizeof(text), "%.*s: %s", (int)strnlen((const char *)header, NAME_LEN),
        (const char *)header, what);
    bundle_detail(detail, text);
    return BUNDLE_ETYPE;
}

/* Octal digits with blanks or NULs around them, as POSIX has it; false for anything else. */
static bool
read_octal(const uint8_t *field, size_t len, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t at = 0;

    while (at < len && field[at] == ' ') {
        at++;
    }
    for (; at < len && field[at] >= '0' && field[at] <= '7'; at++) {
        value = value << 3 | (uint64_t)(field[at] - '0');
    }
    for (; at < len; at++) {
        if (field[at] != ' ' && field[at] != '\0') {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

/* The checksum is the sum of the header's bytes with blanks in its own place. */
static bool
header_is_intact(const uint8_t *header)
{
    uint64_t stored;
    uint64_t sum = 0;

    for (size_t i = 0; i < BLOCK; i++) {
        bool own = i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_LEN;
        sum += own ? ' ' : header[i];
    }
    return read_octal(header + CHECKSUM_AT, CHECKSUM_LEN, &stored) && stored == sum;
}

static bool
is_zero(struct sr_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Extended headers may turn the entry behind them into something else or change its size. */
static const char *
forbidden_record(struct sr_span records)
{
    static const char *const keys[][2] = {
        { " size=", "size in an extended header" },
        { " linkpath=", "link" },
        { " GNU.sparse.", "sparse file" },
        { " SCHILY.realsize=", "sparse file" },
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (records.len > 0 &&
            memmem(records.data, records.len, keys[i][0], strlen(keys[i][0])) != NULL) {
            return keys[i][1];
        }
    }
    return NULL;
}

/* Looks at one header; `payload` is what its size says, or the rest when that is less. */
static enum bundle_err
scan_header(const uint8_t *header, struct sr_span payload, size_t *entries, char *detail)
{
    const char *bad = NULL;

    switch (header[TYPE_AT]) {
    case '\0':
    case '0': (*entries)++; return BUNDLE_OK;
    case '5':
        (*entries)++;
        return payload.len == 0 ? BUNDLE_OK : refuse_type(header, "folder with content", detail);
    case 'x':
    case 'g': bad = forbidden_record(payload); break;
    case 'L': break; /* GNU: the name of the next entry */
    default: bad = type_name((char)header[TYPE_AT]); break;
    }
    return bad == NULL ? BUNDLE_OK : refuse_type(header, bad, detail);
}

/*
 * libarchive takes types that it does not know for regular files, needs no mark at the end and
 * ignores what follows it: this walk over the headers does not. Counts the entries.
 */
static enum bundle_err
scan(struct sr_span tar, size_t *ret_entries, char *detail)
{
    size_t entries = 0;

    while (tar.len >= BLOCK && !is_zero((struct sr_span){ tar.data, BLOCK })) {
        const uint8_t *header = tar.data;
        uint64_t size;
        tar = (struct sr_span){ tar.data + BLOCK, tar.len - BLOCK };
        if (!header_is_intact(header) || !read_octal(header + SIZE_AT, SIZE_LEN, &size) ||
            size > tar.len) {
            return BUNDLE_EDAMAGED;
        }
        enum bundle_err err =
            scan_header(header, (struct sr_span){ tar.data, (size_t)size }, &entries, detail);
        if (err != BUNDLE_OK) {
            return err;
        }
        size_t padded = ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
        if (padded > tar.len) {
            return BUNDLE_EDAMAGED;
        }
        tar = (struct sr_span){ tar.data + padded, tar.len - padded };
        if (entries > BUNDLE_ENTRIES_MAX) {
            return BUNDLE_EENTRIES;
        }
    }
    if (tar.len < (size_t)END_BLOCKS * BLOCK) {
        return BUNDLE_EDAMAGED;
    }
    *ret_entries = entries;
    return is_zero(tar) ? BUNDLE_OK : BUNDLE_ETRAILING;
}

static bool
has_odd_characters(const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name < 0x20 || *name > 0x7e || *name == '\\') {
            return true;
        }
    }
    return false;
}

/* Appends the component to the path. False when it climbs or does not fit. */
static bool
add_component(char *path, size_t *len, const char *component, size_t component_len)
{
    if (component_len == 0 || (component_len == 1 && component[0] == '.')) {
        return true;
    }
    if (component_len == 2 && component[0] == '.' && component[1] == '.') {
        return false;
    }
    size_t slash = *len > 0 ? 1 : 0;
    if (component_len + slash > BUNDLE_PATH_MAX - *len) {
        return false;
    }
    if (slash == 1) {
        path[(*len)++] = '/';
    }
    memcpy(path + *len, component, component_len);
    *len += component_len;
    return true;
}

/* The path that `name` means, "" for the archive's own folder. */
static bool
normalise(const char *name, char out[BUNDLE_PATH_MAX + 1])
{
    size_t len = 0;

    if (name[0] == '/' || name[0] == '\0' || has_odd_characters(name)) {
        return false;
    }
    for (;;) {
        size_t part = strcspn(name, "/");
        if (!add_component(out, &len, name, part)) {
            return false;
        }
        name += part;
        if (*name == '\0') {
            break;
        }
        name++;
    }
    out[len] = '\0';
    return true;
}

static bool
has_entry(const struct bundle_tar *tar, const char *path)
{
    for (size_t i = 0; i < tar->count; i++) {
        if (strcmp(tar->entries[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends the content of the entry that `in` stands at to the archive's memory. */
static enum bundle_err
read_data(struct archive *in, struct bundle_tar *tar, size_t cap, struct sr_span *ret_data)
{
    size_t start = tar->size;
    la_ssize_t got;

    do {
        got = archive_read_data(in, tar->memory + tar->size, cap - tar->size);
        if (got < 0) {
            return BUNDLE_EDAMAGED;
        }
        tar->size += (size_t)got;
    } while (got > 0);
    *ret_data = (struct sr_span){ tar->memory + start, tar->size - start };
    return BUNDLE_OK;
}

static enum bundle_err
add_entry(struct archive *in, struct archive_entry *from, struct bundle_tar *tar, size_t cap,
    char *detail)
{
    struct bundle_entry *entry = &tar->entries[tar->count];
    const char *name = archive_entry_pathname(from);

    /* A name that the locale has no characters for is not there at all. */
    bundle_detail(detail, name != NULL ? name : "");
    if (name == NULL || !normalise(name, entry->path)) {
        return BUNDLE_ENAME;
    }
    if (has_entry(tar, entry->path)) {
        return BUNDLE_EDUPLICATE;
    }
    entry->is_folder = archive_entry_filetype(from) == AE_IFDIR;
    if ((!entry->is_folder && archive_entry_filetype(from) != AE_IFREG) ||
        archive_entry_hardlink(from) != NULL || archive_entry_sparse_count(from) > 0) {
        return BUNDLE_ETYPE;
    }
    if (entry->path[0] == '\0' && !entry->is_folder) {
        return BUNDLE_ENAME;
    }
    enum bundle_err err = BUNDLE_OK;
    if (!entry->is_folder) {
        err = read_data(in, tar, cap, &entry->data);
    }
    if (err == BUNDLE_OK) {
        tar->count++;
        bundle_detail(detail, "");
    }
    return err;
}

/* Reads the entries of `bytes`, in which a scan has found `expected`. */
static enum bundle_err
read_entries(
    struct archive *in, struct sr_span bytes, size_t expected, struct bundle_tar *tar, char *detail)
{
    struct archive_entry *entry;
    enum bundle_err err = BUNDLE_OK;
    int got;

    if (archive_read_support_format_tar(in) != ARCHIVE_OK) {
        return BUNDLE_ENOMEM;
    }
    if (archive_read_open_memory(in, bytes.data, bytes.len) != ARCHIVE_OK) {
        return BUNDLE_EDAMAGED;
    }
    /* A warning is about an owner's name or the like; a name that is lost shows by itself. */
    while (err == BUNDLE_OK && (got = archive_read_next_header(in, &entry)) != ARCHIVE_EOF) {
        if (got < ARCHIVE_WARN || tar->count == expected) {
            return BUNDLE_EDAMAGED;
        }
        err = add_entry(in, entry, tar, bytes.len, detail);
    }
    if (err == BUNDLE_OK && tar->count != expected) {
        err = BUNDLE_EDAMAGED;
    }
    return err;
}

static enum bundle_err
read_tar(struct sr_span bytes, struct bundle_tar **ret_tar, char *detail)
{
    size_t expected = 0;
    enum bundle_err err = scan(bytes, &expected, detail);

    if (err != BUNDLE_OK) {
        return err;
    }
    struct bundle_tar *tar = calloc(1, sizeof(*tar));
    struct archive *in = archive_read_new();
    err = BUNDLE_ENOMEM;
    if (tar != NULL && in != NULL && (tar->memory = malloc(bytes.len)) != NULL) {
        err = read_entries(in, bytes, expected, tar, detail);
    }
    (void)archive_read_free(in);
    if (err != BUNDLE_OK) {
        bundle_tar_done(tar);
        return err;
    }
    *ret_tar = tar;
    return BUNDLE_OK;
}

enum bundle_err
bundle_tar_read(
    struct sr_span packed, struct bundle_tar **ret_tar, char ret_detail[BUNDLE_DETAIL_MAX])
{
    uint8_t *memory = NULL;
    size_t len = 0;

    bundle_detail(ret_detail, "");
    enum bundle_err err = gunzip(packed, &memory, &len);
    if (err == BUNDLE_OK) {
        err = read_tar((struct sr_span){ memory, len }, ret_tar, ret_detail);
        wipe(memory, len);
    }
    return err;
}

void
bundle_tar_done(struct bundle_tar *tar)
{
    if (tar != NULL) {
        wipe(tar->memory, tar->size);
        free(tar);
    }
}
