/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sr/banned.h"

static size_t
write_count(size_t len, uint8_t *out)
{
    char text[SEND_FRAME_EXTRA + 1];
    int digits = snprintf(text, sizeof(text), "%zu ", len);

    memcpy(out, text, (size_t)digits);
    return (size_t)digits;
}

size_t
send_frame(enum send_framing framing, struct sr_span message, uint8_t *out)
{
    size_t at = 0;

    if (message.len > 0) {
        at = framing == SEND_OCTETS ? write_count(message.len, out) : 0;
        memcpy(out + at, message.data, message.len);
        at += message.len;
    }
    if (framing == SEND_NEWLINES && (at == 0 || out[at - 1] != '\n')) {
        out[at++] = '\n';
    }
    return at;
}
