/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/pri.h"

#include <stddef.h>

#include "sr/banned.h"

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
