/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/pri.h"

#include <stddef.h>
#include <string.h>

#include "sr/banned.h"

#define PRI_MAX 5U /* bytes of "<191>" */
#define NOTICE 5U

bool
pri_parse(struct sr_span text, uint8_t *ret_pri)
{
    size_t i = text.len > 0 && text.data[0] == '+' ? 1 : 0;
    unsigned value = 0;

    if (i == text.len) {
        return false;
    }
    for (; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
        if (value > UINT8_MAX) {
            return false;
        }
    }
    *ret_pri = (uint8_t)value;
    return true;
}

unsigned
pri_severity(struct sr_span message)
{
    size_t most = message.len < PRI_MAX ? message.len : PRI_MAX;
    const uint8_t *end =
        most > 0 && message.data[0] == '<' ? memchr(message.data, '>', most) : NULL;
    uint8_t pri;

    if (end == NULL ||
        !pri_parse((struct sr_span){ message.data + 1, (size_t)(end - message.data) - 1 }, &pri)) {
        return NOTICE;
    }
    return pri & 7U;
}
