/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

long
mock_read(struct mock_transport *t, void *buffer, size_t size)
{
    if (t->at == t->count) {
        return 0;
    }
    const struct mock_step *step = &t->steps[t->at++];
    if (step->error != 0) {
        errno = step->error;
        return -1;
    }
    if (step->bytes.len > size) {
        abort();
    }
    memcpy(buffer, step->bytes.data, step->bytes.len);
    return (long)step->bytes.len;
}

/* Feeds bytes that lie at an address of their own, so that a sanitizer sees what reads past them.
 */
static enum sr_stream_state
feed(struct sr_stream *stream, const void *bytes, size_t len, const struct sr_stream_user *user)
{
    uint8_t *exact = malloc(len);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, bytes, len);
    enum sr_stream_state state = sr_stream_feed(stream, (struct sr_span){ exact, len }, user);
    free(exact);
    while (state == SR_STREAM_FULL) {
        state = sr_stream_go_on(stream, user);
    }
    return state;
}

bool
mock_receive(struct mock_transport *t, struct sr_stream *stream, const struct sr_stream_user *user)
{
    static uint8_t buffer[256 * 1024];
    enum sr_stream_state state;

    for (;;) {
        long len = mock_read(t, buffer, sizeof(buffer));
        if (len > 0 && feed(stream, buffer, (size_t)len, user) == SR_STREAM_BROKEN) {
            return false;
        }
        if (len == 0 || (len < 0 && errno != EAGAIN)) {
            break;
        }
    }
    do {
        state = sr_stream_end(stream, user);
    } while (state == SR_STREAM_FULL);
    return state == SR_STREAM_OPEN;
}
