/* SPDX-License-Identifier: Apache-2.0 */
#include "community.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "decode/ber.h"
#include "decode/message.h"

#include "sr/banned.h"

#define COMMUNITY_WORDS ((1 + TRAPD_COMMUNITY_MAX) / sizeof(uint64_t))

/* With its length in front, so that one comparison sees both. */
struct community {
    union {
        uint8_t bytes[1 + TRAPD_COMMUNITY_MAX];
        uint64_t words[COMMUNITY_WORDS];
    };
};

static struct community
community_of(const void *bytes, size_t len)
{
    struct community c = { .bytes = { (uint8_t)len } };

    memcpy(c.bytes + 1, bytes, len);
    return c;
}

/*
 * As CRYPTO_memcmp(), which goes byte by byte: all of both is looked at, whatever is different. A
 * compiler may not know that one difference is enough.
 */
static bool
are_equal(const struct community *a, const struct community *b)
{
    uint64_t different = 0;

    for (size_t i = 0; i < COMMUNITY_WORDS; i++) {
        different |= a->words[i] ^ b->words[i];
    }
    volatile uint64_t all = different;
    return all == 0;
}

bool
communities_init(struct communities *c, const struct sr_conf_strings *texts)
{
    *c = (struct communities){ 0 };
    if (texts->count == 0) {
        return true;
    }
    c->items = calloc(texts->count, sizeof(*c->items));
    if (c->items == NULL) {
        return false;
    }
    c->count = texts->count;
    for (size_t i = 0; i < texts->count; i++) {
        size_t len = strlen(texts->items[i]);
        c->items[i] =
            community_of(texts->items[i], len < TRAPD_COMMUNITY_MAX ? len : TRAPD_COMMUNITY_MAX);
    }
    return true;
}

void
communities_done(struct communities *c)
{
    if (c->items != NULL) {
        OPENSSL_cleanse(c->items, c->count * sizeof(*c->items));
    }
    free(c->items);
    *c = (struct communities){ 0 };
}

/* ---- Where it stands ---- */

enum found {
    FOUND_NO_SNMP,   /* no message of SNMP, or one of v3 */
    FOUND,           /* in *ret_rest */
    FOUND_UNREADABLE /* it would stand somewhere in *ret_rest */
};

/* The elements of a message, also of one that is cut short. False when it is none. */
static bool
open_message(struct sr_span message, struct sr_span *ret_left)
{
    struct sr_span left = message, content;

    if (ber_take_type(&left, BER_SEQUENCE, &content)) {
        *ret_left = content;
        return true;
    }
    if (message.len < 2 || message.data[0] != BER_SEQUENCE) {
        return false;
    }
    /* X.690 section 8.1.3: a byte, or the number of those that follow it. */
    size_t header = 2 + (message.data[1] >= 0x80 ? message.data[1] & 0x7FU : 0);
    header = header < message.len ? header : message.len;
    *ret_left = (struct sr_span){ message.data + header, message.len - header };
    return true;
}

/*
 * Finds what the decoder takes for the community: where that can read one this finds the same, for
 * both read the same elements. All of it lies in `message`.
 */
static enum found
find(struct sr_span message, struct sr_span *ret_rest)
{
    struct sr_span left, content;
    int64_t version;

    if (!open_message(message, &left)) {
        return FOUND_NO_SNMP;
    }
    *ret_rest = left;
    if (!ber_take_type(&left, BER_INTEGER, &content) || !ber_signed(content, &version)) {
        return FOUND_UNREADABLE;
    }
    if (version == TRAP_V3) {
        return FOUND_NO_SNMP;
    }
    *ret_rest = left;
    if (!ber_take_type(&left, BER_OCTET_STRING, &content)) {
        return FOUND_UNREADABLE;
    }
    *ret_rest = content;
    return FOUND;
}

bool
communities_allow(const struct communities *c, struct sr_span message)
{
    struct sr_span given;
    unsigned equal = 0;

    if (c->count == 0 || find(message, &given) != FOUND) {
        return true;
    }
    if (given.len > TRAPD_COMMUNITY_MAX) {
        return false;
    }
    struct community mine = community_of(given.data, given.len);
    for (size_t i = 0; i < c->count; i++) {
        equal |= are_equal(&mine, &c->items[i]);
    }
    return equal != 0;
}

void
community_mask(struct sr_span message, uint8_t *out)
{
    struct sr_span rest;

    if (message.len == 0) {
        return;
    }
    memcpy(out, message.data, message.len);
    if (find(message, &rest) != FOUND_NO_SNMP && rest.len > 0) {
        memset(out + (rest.data - message.data), 0, rest.len);
    }
}

/* ---- What stands for it ---- */

void
community_hash(const uint8_t key[TRAP_COMMUNITY_KEY_LEN], struct sr_span community,
    char out[TRAP_COMMUNITY_HASH_LEN])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[SHA256_DIGEST_LENGTH] = { 0 };

    (void)HMAC(EVP_sha256(), key, TRAP_COMMUNITY_KEY_LEN, community.data, community.len, mac, NULL);
    for (size_t i = 0; i < TRAP_COMMUNITY_HASH_LEN / 2; i++) {
        out[2 * i] = digits[mac[i] >> 4];
        out[2 * i + 1] = digits[mac[i] & 15];
    }
}

void
community_key(const char *text, uint8_t key[TRAP_COMMUNITY_KEY_LEN])
{
    (void)SHA256((const uint8_t *)text, strlen(text), key);
}
