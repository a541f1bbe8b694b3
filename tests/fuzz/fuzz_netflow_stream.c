/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "decode/stream.h"
#include "shell/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out of a stream, as a number that depends on all of it. */
struct sum {
    uint64_t hash;
    size_t used;
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
    (void)arg;
    (void)last;
    return nf_stream_frame(bytes, ret_frame);
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
    s->used += used;
    add(s, text.data, text.len);
    return true;
}

/* How much of what is broken had come may differ with the pieces; the reason may not. */
static void
broken(void *arg, struct sr_span bytes, const char *reason)
{
    (void)bytes;
    add(arg, (const uint8_t *)reason, strlen(reason));
}

/* Feeds the bytes in pieces of `piece`, each in memory of its exact size. */
static struct sum
run(const uint8_t *data, size_t size, size_t piece, unsigned refusals)
{
    struct sum sum = { .refusals = refusals };
    struct sr_stream stream = { .max = NF_STREAM_MESSAGE_MAX };
    struct sr_stream_user user = {
        .arg = &sum, .frame = frame, .message = message, .broken = broken
    };
    enum sr_stream_state state = SR_STREAM_OPEN;

    for (size_t at = 0; at < size && state == SR_STREAM_OPEN; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        uint8_t *exact = malloc(len);
        if (exact == NULL) {
            abort();
        }
        memcpy(exact, data + at, len);
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

/* The messages are the same however the bytes are cut and however often there is no room. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct sum whole = run(data, size, size, 0);
    struct sum pieces = run(data, size, 1 + data[size - 1] % 31U, data[0] % 3U);

    if (whole.hash != pieces.hash || whole.used != pieces.used || whole.used > size) {
        abort();
    }
    return 0;
}
