/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "frame/framer.h"
#include "require.h"
#include "shell/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out of a stream, as a number that depends on all of it. */
struct sum {
    struct syslog_framer framer;
    uint64_t hash;
    size_t used;
    bool is_broken;
    unsigned refusals; /* messages are refused so often before they are taken */
    unsigned refused;
};

static void
add(struct sum *s, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s->hash = (s->hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
    s->hash = (s->hash ^ len) * UINT64_C(1099511628211);
}

static enum sr_frame_state
frame(void *arg, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    struct sum *s = arg;
    enum sr_frame_state state = syslog_framer_next(&s->framer, bytes, last, ret_frame);

    if (state == SR_FRAME_SKIP) {
        s->used += ret_frame->used;
    }
    return state;
}

static bool
message(void *arg, struct sr_span text, size_t used)
{
    struct sum *s = arg;

    if (s->refused < s->refusals) {
        s->refused++;
        return false;
    }
    s->refused = 0;
    require(text.len > 0 && text.len <= s->framer.options.max && used >= text.len);
    s->used += used;
    add(s, text.data, text.len);
    syslog_framer_taken(&s->framer);
    return true;
}

/* How much of what is broken had come may differ with the pieces; the reason may not. */
static void
broken(void *arg, struct sr_span bytes, const char *reason)
{
    struct sum *s = arg;

    (void)bytes;
    require(strcmp(reason, "octet_count") == 0 || strcmp(reason, "truncated") == 0);
    s->is_broken = true;
    add(s, (const uint8_t *)reason, strlen(reason));
}

/* Feeds the bytes in pieces of `piece`, each in memory of its exact size. */
static struct sum
run(uint8_t options, struct sr_span in, size_t piece, unsigned refusals)
{
    struct sum sum = {
        .framer.options = {
            .framing = (enum syslog_framing)(options & 3U),
            .oversize = (enum syslog_oversize)(options >> 2 & 1U),
            .incomplete = (enum syslog_incomplete)(options >> 3 & 1U),
            .max = 8U + (options >> 4),
        },
        .refusals = refusals,
    };
    struct sr_stream stream = { .max = sum.framer.options.max + SYSLOG_FRAME_OVERHEAD };
    struct sr_stream_user user = {
        .arg = &sum, .frame = frame, .message = message, .broken = broken
    };
    enum sr_stream_state state = SR_STREAM_OPEN;

    for (size_t at = 0; at < in.len && state == SR_STREAM_OPEN; at += piece) {
        size_t len = in.len - at < piece ? in.len - at : piece;
        uint8_t *exact = malloc(len);
        require(exact != NULL);
        memcpy(exact, in.data + at, len);
        state = sr_stream_feed(&stream, (struct sr_span){ exact, len }, &user);
        free(exact);
        while (state == SR_STREAM_FULL) {
            state = sr_stream_go_on(&stream, &user);
        }
    }
    while (state != SR_STREAM_BROKEN && sr_stream_end(&stream, &user) == SR_STREAM_FULL) {
    }
    sr_stream_clear(&stream);
    return sum;
}

/*
 * The first byte says how messages are framed. They are the same however the bytes are cut and
 * however often there is no room, and all bytes are taken unless it breaks.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct sr_span in = { data + 1, size - 1 };
    struct sum whole = run(data[0], in, in.len, 0);
    struct sum pieces = run(data[0], in, 1 + data[size - 1] % 31U, data[1] % 3U);

    require(whole.hash == pieces.hash && whole.used == pieces.used);
    require(whole.is_broken == pieces.is_broken);
    require(whole.is_broken || whole.used == in.len);
    require(memcmp(&whole.framer.counts, &pieces.framer.counts, sizeof(whole.framer.counts)) == 0);
    return 0;
}
