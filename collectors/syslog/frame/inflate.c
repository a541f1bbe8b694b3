/* SPDX-License-Identifier: Apache-2.0 */
#include "frame/inflate.h"

#include <stdbool.h>

#include <zlib.h>

#include "sr/banned.h"

#define ZLIB_OR_GZIP (15 + 32) /* which of them it is, zlib finds out */
#define ALIGNMENT 16U

/* ---- Memory for zlib ---- */

static voidpf
take(voidpf opaque, uInt items, uInt size)
{
    struct syslog_inflater *in = opaque;
    size_t len = ((size_t)items * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (len > sizeof(in->work) - in->work_used) {
        return Z_NULL;
    }
    voidpf memory = in->work + in->work_used;
    in->work_used += len;
    return memory;
}

/* All of it is given back at once, before the next datagram. */
static void
give(voidpf opaque, voidpf memory)
{
    (void)opaque;
    (void)memory;
}

/* ---- What is compressed ---- */

enum looks {
    LOOKS_PLAIN,
    LOOKS_LIKE_TEXT_TOO, /* "x^" may begin either */
    LOOKS_COMPRESSED,
};

/* By the first bytes, and by the lengths that upstream asks for. */
static enum looks
look(struct sr_span bytes)
{
    const uint8_t *b = bytes.data;

    if (bytes.len >= 24 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 0x08) {
        return LOOKS_COMPRESSED;
    }
    if (bytes.len < 8 || b[0] != 0x78) {
        return LOOKS_PLAIN;
    }
    if (b[1] == 0x01 || b[1] == 0x9c || b[1] == 0xda) {
        return LOOKS_COMPRESSED;
    }
    return b[1] == 0x5e ? LOOKS_LIKE_TEXT_TOO : LOOKS_PLAIN;
}

/* Fills `room` bytes at most. Returns what zlib does, and how many they are. */
static int
fill(struct syslog_inflater *in, struct sr_span bytes, size_t room, size_t *ret_len)
{
    z_stream z = {
        .next_in = (z_const Bytef *)bytes.data,
        .avail_in = (uInt)bytes.len,
        .next_out = in->text,
        .avail_out = (uInt)room,
        .zalloc = take,
        .zfree = give,
        .opaque = in,
    };

    in->work_used = 0;
    int err = inflateInit2(&z, ZLIB_OR_GZIP);
    if (err == Z_OK) {
        err = inflate(&z, Z_FINISH);
        (void)inflateEnd(&z);
    }
    *ret_len = room - z.avail_out;
    return err;
}

enum syslog_inflate_state
syslog_inflate(struct syslog_inflater *in, const struct syslog_inflate_options *options,
    struct sr_span bytes, struct sr_span *ret_text, const char **ret_reason)
{
    enum looks looks = options->max > 0 ? look(bytes) : LOOKS_PLAIN;
    size_t by_ratio = bytes.len * options->ratio;
    size_t room = by_ratio < options->max ? by_ratio : options->max;
    size_t len;

    if (looks == LOOKS_PLAIN) {
        return SYSLOG_INFLATE_PLAIN;
    }
    int err = fill(in, bytes, room, &len);
    if (err == Z_STREAM_END) {
        *ret_text = (struct sr_span){ in->text, len };
        return SYSLOG_INFLATE_TEXT;
    }
    bool is_full = err == Z_BUF_ERROR && len == room;
    if (looks == LOOKS_LIKE_TEXT_TOO && !is_full) {
        return SYSLOG_INFLATE_PLAIN;
    }
    if (!is_full) {
        *ret_reason = "compressed_damaged";
    } else {
        *ret_reason = room == by_ratio ? "compressed_ratio" : "compressed_too_large";
    }
    return SYSLOG_INFLATE_BAD;
}
