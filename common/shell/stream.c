/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/stream.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define SIZE_MIN 2048U
#define SIZE_STEP (16U * 1024U) /* beyond that they do not double */

/* Hands on messages from the beginning of `bytes`; *ret_used says how many bytes are done with. */
static enum sr_stream_state
walk(const struct sr_stream *s, struct sr_span bytes, bool last, const struct sr_stream_user *user,
    size_t *ret_used)
{
    const char *cut_by = s->cut_by != NULL ? s->cut_by : "truncated";
    size_t used = 0;

    while (used < bytes.len) {
        struct sr_span rest = { bytes.data + used, bytes.len - used };
        struct sr_frame frame = { .reason = "framing" };
        enum sr_frame_state state = user->frame(user->arg, rest, last, &frame);

        if (state == SR_FRAME_MORE && !last) {
            break;
        }
        bool is_message = state == SR_FRAME_MESSAGE;
        if ((is_message || state == SR_FRAME_SKIP) && frame.used > 0 && frame.used <= rest.len) {
            if (is_message && !user->message(user->arg, frame.message, frame.used)) {
                *ret_used = used;
                return SR_STREAM_FULL;
            }
            used += frame.used;
            continue;
        }
        user->broken(user->arg, rest, state == SR_FRAME_MORE ? cut_by : frame.reason);
        *ret_used = bytes.len;
        return SR_STREAM_BROKEN;
    }
    *ret_used = used;
    return SR_STREAM_OPEN;
}

void
sr_stream_clear(struct sr_stream *s)
{
    free(s->data);
    s->data = NULL;
    s->len = s->size = 0;
}

/* The size of memory for so many bytes. */
static size_t
size_for(size_t len)
{
    size_t size = SIZE_MIN;

    if (len > SIZE_STEP) {
        return (len + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP;
    }
    while (size < len) {
        size *= 2;
    }
    return size;
}

size_t
sr_stream_need(const struct sr_stream *s, size_t more)
{
    size_t size = size_for(s->len + more);

    return size > s->size ? size - s->size : 0;
}

/* Makes room for `len` bytes in all; gives back what is far more than that. */
static bool
resize(struct sr_stream *s, size_t len)
{
    size_t size = size_for(len);

    if (size == s->size || (size < s->size && s->size / 8 <= len)) {
        return true;
    }
    uint8_t *data = realloc(s->data, size);
    if (data == NULL) {
        return s->size >= len;
    }
    s->data = data;
    s->size = size;
    return true;
}

static bool
append(struct sr_stream *s, struct sr_span more)
{
    if (more.len == 0) {
        return true;
    }
    if (!resize(s, s->len + more.len)) {
        return false;
    }
    memcpy(s->data + s->len, more.data, more.len);
    s->len += more.len;
    return true;
}

/* Takes the first `used` bytes off what waits. */
static void
consume(struct sr_stream *s, size_t used)
{
    if (used == s->len) {
        sr_stream_clear(s);
        return;
    }
    memmove(s->data, s->data + used, s->len - used);
    s->len -= used;
    (void)resize(s, s->len);
}

static enum sr_stream_state
give_up(struct sr_stream *s, struct sr_span bytes, const struct sr_stream_user *user,
    const char *reason)
{
    user->broken(user->arg, bytes, reason);
    sr_stream_clear(s);
    return SR_STREAM_BROKEN;
}

static enum sr_stream_state
walk_waiting(struct sr_stream *s, bool last, const struct sr_stream_user *user)
{
    size_t used;
    enum sr_stream_state state;

    if (s->len == 0) {
        return SR_STREAM_OPEN;
    }
    state = walk(s, (struct sr_span){ s->data, s->len }, last, user, &used);
    consume(s, used);
    if (state == SR_STREAM_OPEN && s->len > s->max) {
        return give_up(s, (struct sr_span){ s->data, s->len }, user, "too_long");
    }
    return state;
}

enum sr_stream_state
sr_stream_feed(struct sr_stream *s, struct sr_span more, const struct sr_stream_user *user)
{
    size_t used;

    if (s->len > 0) {
        if (!append(s, more)) {
            return give_up(s, (struct sr_span){ s->data, s->len }, user, "no_memory");
        }
        return walk_waiting(s, false, user);
    }
    /* Nothing waits: what is whole need not be copied. */
    enum sr_stream_state state = walk(s, more, false, user, &used);
    struct sr_span rest = { more.data + used, more.len - used };
    if (state == SR_STREAM_OPEN && rest.len > s->max) {
        return give_up(s, rest, user, "too_long");
    }
    if (!append(s, rest)) {
        return give_up(s, rest, user, "no_memory");
    }
    return state;
}

enum sr_stream_state
sr_stream_go_on(struct sr_stream *s, const struct sr_stream_user *user)
{
    return walk_waiting(s, false, user);
}

enum sr_stream_state
sr_stream_end(struct sr_stream *s, const struct sr_stream_user *user)
{
    return walk_waiting(s, true, user);
}
