/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/records.h"

#include <stdint.h>
#include <string.h>

#include "sr/banned.h"

#define VARINT_MAX 5U /* bytes of one for a length below 2^32 */

enum sr_records_form
sr_records_form(struct sr_span count, struct sr_span content_type)
{
    static const char lines[] = "application/x-ndjson";

    if (count.len == 0) {
        return SR_RECORDS_ONE;
    }
    bool is_lines = content_type.len == sizeof(lines) - 1 &&
                    memcmp(content_type.data, lines, sizeof(lines) - 1) == 0;
    return is_lines ? SR_RECORDS_LINES : SR_RECORDS_DELIMITED;
}

static void
move_past(struct sr_span *rest, size_t len)
{
    rest->data += len;
    rest->len -= len;
}

/* Reads a length before a record and moves past it; without a whole one, it is all that is left. */
static size_t
take_length(struct sr_span *rest)
{
    uint64_t value = 0;

    for (size_t i = 0; i < VARINT_MAX && i < rest->len; i++) {
        value |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
        if (rest->data[i] < 0x80) {
            move_past(rest, i + 1);
            return value < rest->len ? (size_t)value : rest->len;
        }
    }
    return rest->len;
}

bool
sr_records_next(struct sr_span *rest, enum sr_records_form form, struct sr_span *ret_record)
{
    size_t len = rest->len;
    size_t behind = 0;

    if (rest->len == 0) {
        return false;
    }
    if (form == SR_RECORDS_DELIMITED) {
        len = take_length(rest);
    } else if (form == SR_RECORDS_LINES) {
        const uint8_t *newline = memchr(rest->data, '\n', rest->len);
        behind = newline != NULL ? 1 : 0;
        len = newline != NULL ? (size_t)(newline - rest->data) : rest->len;
    }
    *ret_record = (struct sr_span){ rest->data, len };
    move_past(rest, len + behind);
    return true;
}
