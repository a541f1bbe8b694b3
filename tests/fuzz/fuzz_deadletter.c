/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines and dead letters as they come back from a queue or a disk. */
#include "sr/deadletter.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[64U * 1024U];
    struct sr_span attributes = { data, size };
    struct sr_span name, value;
    struct sr_span reason = sr_attribute(attributes, "Sr-Reason");

    while (sr_attribute_next(&attributes, &name, &value)) {
        if (name.data < data || value.data + value.len > data + size) {
            abort();
        }
    }
    if (attributes.len > size) {
        abort();
    }
    struct sr_buf b = sr_buf_over(room, sizeof(room));
    sr_deadletter_json(&b, reason, attributes, sr_attribute(attributes, "Sr-Source"));
    struct sr_buf again = sr_buf_over(room, sizeof(room));
    size_t len = sr_deadletter_write(&again, "reason", NULL, size, (struct sr_span){ data, size });
    if (!again.overflow &&
        sr_attribute((struct sr_span){ again.data, len }, "Sr-Reason").len != 6) {
        abort();
    }
    return 0;
}
