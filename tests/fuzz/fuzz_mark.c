/* SPDX-License-Identifier: Apache-2.0 */
/* Marks in records that anybody may have stored: text, and flows as protobuf. */
#include "load/mark.h"

#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sr_span record = { data, size };
    uint8_t text[MARK_TEXT_LEN];
    struct mark mark, again;

    if (mark_read(TRAFFIC_SYSLOG, record, &mark)) {
        require(mark.run < 1U << 24 && mark.sequence < UINT64_C(10000000000000));
        mark_write_text(&mark, text);
        require(mark_read_text((struct sr_span){ text, sizeof(text) }, &again));
        require(again.run == mark.run && again.sequence == mark.sequence);
    }
    if (mark_read(TRAFFIC_NETFLOW, record, &mark)) {
        require(mark.run < 1U << 24 && mark.sequence < UINT64_C(1) << 48);
    }
    return 0;
}
