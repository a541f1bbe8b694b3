/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/buf.h"

#include <string.h>

struct sr_buf
sr_buf_over(void *memory, size_t cap)
{
    return (struct sr_buf){ .data = memory, .cap = cap };
}

/* Two digits of each number below 100. */
static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

static unsigned
decimal_digits(uint64_t value)
{
    static const uint64_t powers[] = { 0, UINT64_C(10), UINT64_C(100), UINT64_C(1000),
        UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000), UINT64_C(10000000),
        UINT64_C(100000000), UINT64_C(1000000000), UINT64_C(10000000000), UINT64_C(100000000000),
        UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000),
        UINT64_C(1000000000000000), UINT64_C(10000000000000000), UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000), UINT64_C(10000000000000000000) };
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned at_least = bits * 1233 >> 12; /* log10(2) is 1233 / 4096: right up to 64 bits */

    return at_least + (value >= powers[at_least]);
}

static void
put_pair(uint8_t *out, uint32_t n)
{
    memcpy(out, pairs + 2 * (size_t)n, 2);
}

/* Four digits: two that do not wait for each other. */
static void
put_four(uint8_t *out, uint32_t n)
{
    put_pair(out, n / 100);
    put_pair(out + 2, n % 100);
}

void
sr_buf_add_u64(struct sr_buf *b, uint64_t value)
{
    if (value < 10) { /* as many are */
        sr_buf_put(b, (uint8_t)('0' + value));
        return;
    }
    unsigned left = decimal_digits(value);
    uint8_t *out = sr_buf_claim(b, left);
    if (out == NULL) {
        return;
    }
    for (; left > 8; left -= 8) {
        uint32_t low = (uint32_t)(value % 100000000);
        value /= 100000000;
        put_four(out + left - 8, low / 10000);
        put_four(out + left - 4, low % 10000);
    }
    uint32_t rest = (uint32_t)value; /* of 32 bits, where dividing is cheap */
    for (; left > 1; left -= 2, rest /= 100) {
        put_pair(out + left - 2, rest % 100);
    }
    if (left == 1) {
        out[0] = (uint8_t)('0' + rest);
    }
}

void
sr_buf_add_hex(struct sr_buf *b, struct sr_span bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *out = sr_buf_claim(b, 2 * bytes.len);

    for (size_t i = 0; out != NULL && i < bytes.len; i++) {
        out[2 * i] = (uint8_t)digits[bytes.data[i] >> 4];
        out[2 * i + 1] = (uint8_t)digits[bytes.data[i] & 15];
    }
}

struct sr_span
sr_buf_span(const struct sr_buf *b)
{
    return (struct sr_span){ b->data, b->len };
}
