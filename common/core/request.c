/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/request.h"

#include <string.h>

#include "sr/banned.h"

static const char name[] = "Nats-Msg-Id: ";
static const char digits[] = "0123456789abcdef";

#define NAME_LEN (sizeof(name) - 1)

_Static_assert(NAME_LEN + 2 * SR_REQUEST_ID_LEN + 2 == SR_REQUEST_ATTRIBUTE_LEN, "its parts");

void
sr_request_attribute(const uint8_t id[SR_REQUEST_ID_LEN], uint8_t out[SR_REQUEST_ATTRIBUTE_LEN])
{
    memcpy(out, name, NAME_LEN);
    for (size_t i = 0; i < SR_REQUEST_ID_LEN; i++) {
        out[NAME_LEN + 2 * i] = (uint8_t)digits[id[i] >> 4];
        out[NAME_LEN + 2 * i + 1] = (uint8_t)digits[id[i] & 15];
    }
    out[SR_REQUEST_ATTRIBUTE_LEN - 2] = '\r';
    out[SR_REQUEST_ATTRIBUTE_LEN - 1] = '\n';
}

static bool
read_digit(uint8_t c, unsigned *ret_digit)
{
    const char *at = memchr(digits, c, sizeof(digits) - 1);

    if (at == NULL) {
        return false;
    }
    *ret_digit = (unsigned)(at - digits);
    return true;
}

bool
sr_request_of(
    struct sr_span attributes, uint8_t ret_id[SR_REQUEST_ID_LEN], struct sr_span *ret_rest)
{
    const uint8_t *at = attributes.data;
    uint8_t id[SR_REQUEST_ID_LEN];
    unsigned high, low;

    if (attributes.len < SR_REQUEST_ATTRIBUTE_LEN || memcmp(at, name, NAME_LEN) != 0) {
        return false;
    }
    for (size_t i = 0; i < SR_REQUEST_ID_LEN; i++) {
        if (!read_digit(at[NAME_LEN + 2 * i], &high) ||
            !read_digit(at[NAME_LEN + 2 * i + 1], &low)) {
            return false;
        }
        id[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(ret_id, id, sizeof(id));
    *ret_rest = (struct sr_span){ at + SR_REQUEST_ATTRIBUTE_LEN,
        attributes.len - SR_REQUEST_ATTRIBUTE_LEN };
    return true;
}
