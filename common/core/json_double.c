/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/json.h"

#include <stdint.h>
#include <string.h>

#include "json_powers.h"

#include "sr/banned.h"

/*
 * Shortest decimals as in "The Schubfach way to render doubles" (R. Giulietti, 2020). All numbers
 * that lie nearer to a double than to its neighbours read back as it. There is a power of ten so
 * large that one or two of its multiples lie among these, and ten times as large at most one. The
 * ends of the interval and the double itself, as multiples of that power, are needed with two bits
 * behind the point only, and whether there is more behind these: the paper proves that 128 bits of
 * a power of ten suffice for that.
 */

__extension__ typedef unsigned __int128 uint128;

#define FRACTION_BITS 52
#define EXPONENT_MASK 0x7ffU

/*
 * Writes digits x 10^exponent as Rust's serde_json (ryu) does: with a point when the point falls
 * within 16 digits or after at most five zeros ("0.00001"), else "d.ddde17" without '+'.
 */
static void
add_decimal(struct sr_buf *b, const char *digits, size_t count, int exponent)
{
    int point = (int)count + exponent; /* digits before the decimal point */

    if (point > 0 && point <= 16) {
        size_t whole = (size_t)point < count ? (size_t)point : count;
        sr_buf_add(b, digits, whole);
        for (int i = (int)count; i < point; i++) {
            sr_buf_put(b, '0');
        }
        sr_buf_put(b, '.');
        if (count > whole) {
            sr_buf_add(b, digits + whole, count - whole);
        } else {
            sr_buf_put(b, '0');
        }
    } else if (point > -5 && point <= 0) {
        sr_buf_add(b, "0.0000", (size_t)(2 - point));
        sr_buf_add(b, digits, count);
    } else {
        sr_buf_put(b, (uint8_t)digits[0]);
        if (count > 1) {
            sr_buf_put(b, '.');
            sr_buf_add(b, digits + 1, count - 1);
        }
        sr_buf_put(b, 'e');
        if (point - 1 < 0) {
            sr_buf_put(b, '-');
        }
        sr_buf_add_u64(b, (uint64_t)(point - 1 < 0 ? 1 - point : point - 1));
    }
}

/* The largest numbers e with 2^e <= 10^x, 10^e <= 2^x and 10^e <= 3/4 2^x, for all x of a double.
 */
static int
log2_of_power10(int x)
{
    return x * 1741647 >> 19;
}

static int
log10_of_power2(int x)
{
    return x * 1262611 >> 22;
}

static int
log10_of_three_quarters(int x)
{
    return (x * 1262611 - 524031) >> 22;
}

/* n times a power / 2^128. The lowest bit is 1 when that is not a whole number. */
static uint64_t
scale(const uint64_t *power, uint64_t n)
{
    uint128 high = (uint128)power[0] * n + (uint64_t)((uint128)power[1] * n >> 64);

    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* The double c 2^q. `is_narrow`: the one below it is at half the distance of the one above. */
static uint64_t
shortest(uint64_t c, int q, bool is_narrow, int *ret_exponent)
{
    int k = is_narrow ? log10_of_three_quarters(q) : log10_of_power2(q);
    int shift = q + log2_of_power10(-k) + 1;
    const uint64_t *power = json_powers[-k - JSON_POWERS_FIRST];
    /* In quarters of 10^k. The ends read back as c when it is even: ties go to it. */
    uint64_t odd = c & 1;
    uint64_t lower = scale(power, (4 * c - 2 + is_narrow) << shift) + odd;
    uint64_t value = scale(power, 4 * c << shift);
    uint64_t upper = scale(power, (4 * c + 2) << shift) - odd;
    uint64_t whole = value / 4;

    if (whole >= 10) {
        uint64_t tens = whole / 10;
        bool down = lower <= 40 * tens;
        bool up = 40 * tens + 40 <= upper;
        if (down != up) {
            *ret_exponent = k + 1;
            return tens + up;
        }
    }
    bool down = lower <= 4 * whole;
    bool up = 4 * whole + 4 <= upper;
    if (down == up) { /* the nearer one, or else the even one */
        uint64_t middle = 4 * whole + 2;
        up = value > middle || (value == middle && (whole & 1) != 0);
    }
    *ret_exponent = k;
    return whole + up;
}

/* A finite value above zero. */
static void
add_positive(struct sr_buf *b, uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    int exponent = (int)(bits >> FRACTION_BITS);
    uint64_t c = exponent == 0 ? fraction : fraction | UINT64_C(1) << FRACTION_BITS;
    int q = (exponent == 0 ? 1 : exponent) - 1075;
    int power = 0;
    uint64_t n = shortest(c, q, fraction == 0 && exponent > 1, &power);
    char digits[20];
    struct sr_buf text = sr_buf_over(digits, sizeof(digits));

    if (n % 100000000 == 0) {
        n /= 100000000;
        power += 8;
    }
    if (n % 10000 == 0) {
        n /= 10000;
        power += 4;
    }
    for (; n % 10 == 0; power++) {
        n /= 10;
    }
    sr_buf_add_u64(&text, n);
    add_decimal(b, digits, text.len, power);
}

void
sr_json_double(struct sr_buf *b, double value)
{
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    if ((bits >> FRACTION_BITS & EXPONENT_MASK) == EXPONENT_MASK) { /* no number, or infinite */
        sr_buf_add_text(b, "null");
        return;
    }
    if ((bits & sign) != 0) {
        sr_buf_put(b, '-');
    }
    if ((bits & ~sign) == 0) {
        sr_buf_add_text(b, "0.0");
    } else {
        add_positive(b, bits & ~sign);
    }
}
