/* SPDX-License-Identifier: Apache-2.0 */
#include "ber_text.h"

#include <stdlib.h>

static uint8_t bytes[UINT16_MAX * 2];

/* Writes the elements of `*text` up to a closing bracket; returns their bytes. */
static size_t
write_elements(const char **text, uint8_t *out)
{
    size_t len = 0;

    for (;;) {
        *text += strspn(*text, " ");
        if (**text == ')' || **text == '\0') {
            return len;
        }
        uint8_t byte = (uint8_t)strtoul((const char[]){ (*text)[0], (*text)[1], '\0' }, NULL, 16);
        *text += 2;
        out[len++] = byte;
        if (**text == '(') {
            (*text)++;
            size_t held = write_elements(text, out + len + 3);
            assert_int_equal(*(*text)++, ')');
            out[len] = 0x82;
            out[len + 1] = (uint8_t)(held >> 8);
            out[len + 2] = (uint8_t)held;
            len += 3 + held;
        }
    }
}

struct sr_span
ber_text(const char *text)
{
    return (struct sr_span){ bytes, write_elements(&text, bytes) };
}
