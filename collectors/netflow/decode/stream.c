/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/stream.h"

#include "sr/banned.h"

#define IPFIX 10U
#define HEADER 16U

enum sr_frame_state
nf_stream_frame(struct sr_span bytes, struct sr_frame *ret_frame)
{
    struct sr_reader r = sr_reader_init(bytes);

    if (bytes.len >= 2 && sr_reader_be16(&r) != IPFIX) {
        ret_frame->reason = "unknown_version";
        return SR_FRAME_BROKEN;
    }
    if (bytes.len < 4) {
        return SR_FRAME_MORE;
    }
    uint16_t length = sr_reader_be16(&r);
    if (length < HEADER) {
        ret_frame->reason = "message_length";
        return SR_FRAME_BROKEN;
    }
    if (bytes.len < length) {
        return SR_FRAME_MORE;
    }
    ret_frame->used = length;
    ret_frame->message = (struct sr_span){ bytes.data, length };
    return SR_FRAME_MESSAGE;
}
