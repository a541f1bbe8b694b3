/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded message of SNMP made new: one of v1 or v2c is read again, with one varbind more. */
#include "decode/message.h"
#include "replay/rewrite_parts.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[REWRITE_ROOM];
    const struct mark mark = { .run = 0x123456, .sequence = 7 };
    const struct rewrite_trap changes = { 77, 100, &mark };
    struct sr_span bytes = { data, size }, got;
    struct trap_message before, after;

    if (rewrite_trap(bytes, &changes, out, &got) != REWRITE_OK) {
        return 0;
    }
    require(got.data >= out && got.data + got.len == out + sizeof(out));
    if (trap_message_read(bytes, &before) == TRAP_OK) {
        require(trap_message_read(got, &after) == TRAP_OK);
        require(after.varbind_count == before.varbind_count + 1);
    }
    return 0;
}
