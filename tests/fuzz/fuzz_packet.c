/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sr/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two bytes of link type in network order, then the frame. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_reader rd = sr_reader_init((struct sr_span){ data, size });
    uint16_t link_type = sr_reader_be16(&rd);
    struct sr_span frame = sr_reader_take(&rd, sr_reader_left(&rd));
    struct sr_packet packet;
    enum sr_packet_err err = sr_packet_walk(link_type, frame, &packet);
    struct sr_span inner[] = { packet.ip, packet.payload };

    for (size_t i = 0; i < 2; i++) {
        if (inner[i].len > 0 &&
            (inner[i].data < frame.data || inner[i].data + inner[i].len > frame.data + frame.len)) {
            abort();
        }
    }
    if (err != SR_PACKET_OK && packet.payload.len > 0) {
        abort();
    }
    return 0;
}
