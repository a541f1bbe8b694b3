/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/nkey.h"

#include <string.h>

#include "sr/base32.h"

#include "sr/banned.h"

#define SEED_PREFIX (18U << 3) /* makes the text begin with an S */
#define CRC_LEN 2
#define PUBLIC_RAW (1 + SR_NKEY_BYTES + CRC_LEN)
#define SEED_RAW (2 + SR_NKEY_BYTES + CRC_LEN)

/* A plain memset of memory that dies next is one that compilers leave out. */
static void
wipe(uint8_t *bytes, size_t len)
{
    volatile uint8_t *at = bytes;

    while (len-- > 0) {
        *at++ = 0;
    }
}

uint16_t
sr_nkey_crc16(struct sr_span bytes)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint32_t)bytes.data[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
        }
        crc &= 0xffff;
    }
    return (uint16_t)crc;
}

/* Closes `raw` with the checksum of all before it, and writes it as text. */
static void
seal(uint8_t *raw, size_t len, char *out, size_t out_len)
{
    uint16_t crc = sr_nkey_crc16((struct sr_span){ raw, len - CRC_LEN });
    struct sr_buf text = sr_buf_over(out, out_len);

    raw[len - 2] = (uint8_t)(crc & 0xff); /* little-endian, unlike all else here */
    raw[len - 1] = (uint8_t)(crc >> 8);
    sr_base32_encode(&text, (struct sr_span){ raw, len });
    out[out_len] = '\0';
}

/* Reads `text` into `raw` of exactly `len` bytes and tests the checksum. */
static enum sr_nkey_err
unseal(struct sr_span text, uint8_t *raw, size_t len)
{
    struct sr_buf bytes = sr_buf_over(raw, len);

    if (text.len != SR_BASE32_LEN(len)) {
        return SR_NKEY_ELENGTH;
    }
    if (!sr_base32_decode(&bytes, text) || bytes.len != len) {
        return SR_NKEY_EALPHABET;
    }
    uint16_t crc = (uint16_t)(raw[len - 2] | raw[len - 1] << 8);
    return crc == sr_nkey_crc16((struct sr_span){ raw, len - CRC_LEN }) ? SR_NKEY_OK
                                                                        : SR_NKEY_ECHECKSUM;
}

static bool
known_type(unsigned prefix)
{
    return prefix == SR_NKEY_ACCOUNT || prefix == SR_NKEY_CLUSTER || prefix == SR_NKEY_SERVER ||
           prefix == SR_NKEY_OPERATOR || prefix == SR_NKEY_USER;
}

void
sr_nkey_public_encode(
    enum sr_nkey_type type, const uint8_t key[SR_NKEY_BYTES], char out[SR_NKEY_PUBLIC_LEN + 1])
{
    uint8_t raw[PUBLIC_RAW];

    raw[0] = (uint8_t)type;
    memcpy(raw + 1, key, SR_NKEY_BYTES);
    seal(raw, sizeof(raw), out, SR_NKEY_PUBLIC_LEN);
}

void
sr_nkey_seed_encode(
    enum sr_nkey_type type, const uint8_t seed[SR_NKEY_BYTES], char out[SR_NKEY_SEED_LEN + 1])
{
    uint8_t raw[SEED_RAW];

    /* The type follows the seed's own five bits of prefix, so that it shows as the second letter.
     */
    raw[0] = (uint8_t)(SEED_PREFIX | (unsigned)type >> 5);
    raw[1] = (uint8_t)(((unsigned)type & 31) << 3);
    memcpy(raw + 2, seed, SR_NKEY_BYTES);
    seal(raw, sizeof(raw), out, SR_NKEY_SEED_LEN);
    wipe(raw, sizeof(raw));
}

enum sr_nkey_err
sr_nkey_public_decode(
    struct sr_span text, enum sr_nkey_type *ret_type, uint8_t ret_key[SR_NKEY_BYTES])
{
    uint8_t raw[PUBLIC_RAW];
    enum sr_nkey_err err = unseal(text, raw, sizeof(raw));

    if (err != SR_NKEY_OK) {
        return err;
    }
    if (!known_type(raw[0])) {
        return SR_NKEY_ETYPE;
    }
    *ret_type = (enum sr_nkey_type)raw[0];
    memcpy(ret_key, raw + 1, SR_NKEY_BYTES);
    return SR_NKEY_OK;
}

enum sr_nkey_err
sr_nkey_seed_decode(
    struct sr_span text, enum sr_nkey_type *ret_type, uint8_t ret_seed[SR_NKEY_BYTES])
{
    uint8_t raw[SEED_RAW];
    enum sr_nkey_err err = unseal(text, raw, sizeof(raw));
    unsigned type = (raw[0] & 7U) << 5 | raw[1] >> 3;

    if (err == SR_NKEY_OK &&
        ((raw[0] & 0xf8U) != SEED_PREFIX || (raw[1] & 7U) != 0 || !known_type(type))) {
        err = SR_NKEY_ETYPE;
    }
    if (err == SR_NKEY_OK) {
        *ret_type = (enum sr_nkey_type)type;
        memcpy(ret_seed, raw + 2, SR_NKEY_BYTES);
    }
    wipe(raw, sizeof(raw));
    return err;
}

const char *
sr_nkey_strerror(enum sr_nkey_err err)
{
    switch (err) {
    case SR_NKEY_OK: return "The key is good.";
    case SR_NKEY_ELENGTH: return "The key is too short or too long.";
    case SR_NKEY_EALPHABET: return "The key has a character that base 32 does not have.";
    case SR_NKEY_ECHECKSUM: return "The key's checksum is wrong: it was mistyped or cut.";
    case SR_NKEY_ETYPE: return "The key is of another kind than expected.";
    case SR_NKEY_ESIGNATURE: return "The signature does not match the key.";
    case SR_NKEY_ECRYPTO: return "The cryptographic library failed: no randomness or no memory.";
    }
    return "Unknown key error.";
}
