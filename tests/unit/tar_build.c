/* SPDX-License-Identifier: Apache-2.0 */
#include "tar_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512
#define STORED_MAX 65535

static uint8_t *
claim(struct tar_build *tar, size_t len)
{
    if (len > TAR_BUILD_MAX - tar->len) {
        abort();
    }
    uint8_t *at = tar->bytes + tar->len;
    memset(at, 0, len);
    tar->len += len;
    return at;
}

/* Octal digits that fill `width` bytes but the last, which is a NUL. */
static void
put_octal(uint8_t *at, size_t width, uint64_t value)
{
    for (size_t i = width - 1; i-- > 0; value >>= 3) {
        at[i] = (uint8_t)('0' + (value & 7));
    }
}

void
tar_build_header(struct tar_build *tar, char type, const char *name, uint64_t size)
{
    uint8_t *header = claim(tar, BLOCK);
    unsigned sum = 0;

    memcpy(header, name, strnlen(name, 100));
    put_octal(header + 100, 8, 0644);
    put_octal(header + 108, 8, 0);
    put_octal(header + 116, 8, 0);
    put_octal(header + 124, 12, size);
    put_octal(header + 136, 12, 1700000000);
    memset(header + 148, ' ', 8);
    header[156] = (uint8_t)type;
    if (type == '1' || type == '2') {
        memcpy(header + 157, "creds/nats.creds", 16);
    }
    memcpy(header + 257, "ustar\00000", 8);
    for (size_t i = 0; i < BLOCK; i++) {
        sum += header[i];
    }
    put_octal(header + 148, 7, sum);
    header[154] = '\0';
}

void
tar_build_entry(struct tar_build *tar, char type, const char *name, struct sr_span data)
{
    tar_build_header(tar, type, name, data.len);
    uint8_t *at = claim(tar, (data.len + BLOCK - 1) / BLOCK * BLOCK);
    if (data.len > 0) {
        memcpy(at, data.data, data.len);
    }
}

void
tar_build_end(struct tar_build *tar)
{
    (void)claim(tar, (size_t)2 * BLOCK);
}

void
tar_build_file(struct tar_build *tar, const char *name, const char *text)
{
    tar_build_entry(tar, '0', name, (struct sr_span){ (const uint8_t *)text, strlen(text) });
}

static void
put_le(uint8_t *at, size_t width, uint32_t value)
{
    for (size_t i = 0; i < width; i++, value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static uint32_t
crc32_of(struct sr_span bytes)
{
    static uint32_t table[256]; /* what eight steps make of a byte */
    uint32_t crc = 0xffffffffU;

    for (uint32_t i = 0; i < 256 && table[255] == 0; i++) {
        uint32_t step = i;
        for (int bit = 0; bit < 8; bit++) {
            step = (step & 1) != 0 ? step >> 1 ^ 0xedb88320U : step >> 1;
        }
        table[i] = step;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        crc = crc >> 8 ^ table[(crc ^ bytes.data[i]) & 0xff];
    }
    return crc ^ 0xffffffffU;
}

uint8_t *
tar_build_gzip(struct sr_span plain, size_t *ret_len)
{
    static const uint8_t header[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };
    size_t blocks = plain.len / STORED_MAX + 1;
    uint8_t *out = malloc(sizeof(header) + blocks * 5 + plain.len + 8);

    if (out == NULL) {
        abort();
    }
    memcpy(out, header, sizeof(header));
    size_t at = sizeof(header);
    for (size_t done = 0, i = 0; i < blocks; i++) {
        size_t len = plain.len - done < STORED_MAX ? plain.len - done : STORED_MAX;
        out[at] = i + 1 == blocks;
        put_le(out + at + 1, 2, (uint32_t)len);
        put_le(out + at + 3, 2, (uint32_t)~len);
        if (len > 0) {
            memcpy(out + at + 5, plain.data + done, len);
        }
        at += 5 + len;
        done += len;
    }
    put_le(out + at, 4, crc32_of(plain));
    put_le(out + at + 4, 4, (uint32_t)plain.len);
    *ret_len = at + 8;
    return out;
}
