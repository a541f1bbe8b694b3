/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded message of syslog made new: it grows by a digit of the day and the mark at most. */
#include <string.h>

#include "replay/rewrite_parts.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[REWRITE_ROOM];
    const struct mark mark = { .run = 0x123456, .sequence = 7 };
    struct sr_span got;

    if (rewrite_syslog((struct sr_span){ data, size }, UINT64_C(1795348923123456789), 3600, &mark,
            out, &got) == REWRITE_OK) {
        require(got.data == out && got.len <= sizeof(out));
        require(got.len == size + 1 + MARK_TEXT_LEN || got.len == size + 2 + MARK_TEXT_LEN);
    }
    return 0;
}
