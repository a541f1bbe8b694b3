/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "decode/v3.h"

#include "sr/banned.h"

#define IF_ENTRY "1.3.6.1.2.1.2.2.1."
#define IF_X_ENTRY "1.3.6.1.2.1.31.1.1.1."
#define SALT_LEN 8U
#define DES_KEY_LEN 8U

static _Noreturn void
fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

/* ---- Elements ---- */

void
load_clear(struct load *l)
{
    l->at = sizeof(l->bytes);
}

struct sr_span
load_span(const struct load *l)
{
    return (struct sr_span){ l->bytes + l->at, sizeof(l->bytes) - l->at };
}

static void
put(struct load *l, uint8_t byte)
{
    if (l->at == 0) {
        fail("a message is larger than a datagram");
    }
    l->bytes[--l->at] = byte;
}

void
load_raw(struct load *l, struct sr_span bytes)
{
    if (bytes.len > l->at) {
        fail("a message is larger than a datagram");
    }
    l->at -= bytes.len;
    if (bytes.len > 0) {
        memcpy(l->bytes + l->at, bytes.data, bytes.len);
    }
}

void
load_wrap(struct load *l, uint8_t type, size_t end)
{
    size_t len = end - l->at;

    put(l, (uint8_t)len);
    if (len > 0xFF) {
        put(l, (uint8_t)(len >> 8));
    }
    if (len >= 0x80) {
        put(l, len > 0xFF ? 0x82 : 0x81);
    }
    put(l, type);
}

void
load_integer(struct load *l, uint8_t type, int64_t value)
{
    const size_t end = l->at;

    /* As few bytes as tell the sign: ITU-T X.690 section 8.3.2. */
    for (;;) {
        put(l, (uint8_t)((uint64_t)value & 0xFF));
        bool is_negative = (value & 0x80) != 0;
        value >>= 8;
        if (value == (is_negative ? -1 : 0)) {
            break;
        }
    }
    load_wrap(l, type, end);
}

void
load_octets(struct load *l, uint8_t type, struct sr_span octets)
{
    const size_t end = l->at;

    load_raw(l, octets);
    load_wrap(l, type, end);
}

void
load_text(struct load *l, const char *text)
{
    load_octets(l, BER_OCTET_STRING, (struct sr_span){ (const uint8_t *)text, strlen(text) });
}

static void
put_sub_id(struct load *l, uint32_t value)
{
    put(l, value & 0x7F);
    while ((value >>= 7) != 0) {
        put(l, (uint8_t)(0x80 | (value & 0x7F)));
    }
}

void
load_oid(struct load *l, const uint32_t *arcs, unsigned count)
{
    const size_t end = l->at;

    for (unsigned i = count; i-- > 2;) {
        put_sub_id(l, arcs[i]);
    }
    put_sub_id(l, arcs[0] * 40 + arcs[1]);
    load_wrap(l, BER_OBJECT_IDENTIFIER, end);
}

void
load_name(struct load *l, const char *dotted, uint32_t index)
{
    uint32_t arcs[BER_SUB_IDS_MAX] = { 0 };
    unsigned count = 0;
    char *end;

    for (const char *at = dotted; *at != '\0'; at = *end == '.' ? end + 1 : end) {
        arcs[count++] = (uint32_t)strtoul(at, &end, 10);
    }
    if (index != 0) {
        arcs[count++] = index;
    }
    load_oid(l, arcs, count);
}

/* ---- Messages ---- */

static const struct column {
    const char *name;
    uint8_t type;
    int64_t value;
    const char *text; /* of octets */
} columns[] = {
    { IF_ENTRY "1", BER_INTEGER, 7, NULL },
    { IF_ENTRY "7", BER_INTEGER, 1, NULL },
    { IF_ENTRY "8", BER_INTEGER, 2, NULL },
    { IF_ENTRY "2", BER_OCTET_STRING, 0, "GigabitEthernet1/0/24" },
    { IF_ENTRY "3", BER_INTEGER, 6, NULL },
    { IF_ENTRY "4", BER_INTEGER, 1500, NULL },
    { IF_ENTRY "5", BER_UNSIGNED32, 1000000000, NULL },
    { IF_ENTRY "6", BER_OCTET_STRING, 0, "\x1c\x44\x3b\x77\x81\xf0" },
    { IF_ENTRY "9", BER_TIME_TICKS, 123456, NULL },
    { IF_ENTRY "10", BER_COUNTER32, 3141592653, NULL },
    { IF_X_ENTRY "6", BER_COUNTER64, INT64_C(31415926535897), NULL },
    { IF_X_ENTRY "18", BER_OCTET_STRING, 0, "uplink to core-2, north building" },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void
put_column(struct load *l, unsigned at, uint32_t seed)
{
    const struct column *c = &columns[at % COLUMNS];
    const uint32_t index = seed % 48 + (uint32_t)(at / COLUMNS) + 1;
    const size_t end = l->at;

    if (c->text != NULL) {
        load_text(l, c->text);
    } else {
        load_integer(l, c->type, at == 0 ? index : c->value);
    }
    load_name(l, c->name, index);
    load_wrap(l, BER_SEQUENCE, end);
}

void
load_varbinds(struct load *l, enum trap_version version, unsigned count, uint32_t seed)
{
    const unsigned before = version == TRAP_V1 ? 0 : 2;
    size_t end;

    for (unsigned i = count - before; i-- > 0;) {
        put_column(l, i, seed);
    }
    if (before > 0) {
        end = l->at;
        load_name(l, "1.3.6.1.6.3.1.1.5.3", 0);
        load_name(l, "1.3.6.1.6.3.1.1.4.1.0", 0);
        load_wrap(l, BER_SEQUENCE, end);
        end = l->at;
        load_integer(l, BER_TIME_TICKS, 100000 + seed);
        load_name(l, "1.3.6.1.2.1.1.3.0", 0);
        load_wrap(l, BER_SEQUENCE, end);
    }
}

void
load_pdu(struct load *l, enum trap_pdu pdu, int32_t request, size_t end)
{
    static const uint8_t agent[4] = { 127, 0, 0, 1 };

    load_wrap(l, BER_SEQUENCE, end);
    if (pdu == TRAP_PDU_TRAP_V1) {
        load_integer(l, BER_TIME_TICKS, 100000 + request);
        load_integer(l, BER_INTEGER, 0);
        load_integer(l, BER_INTEGER, 2); /* linkDown */
        load_octets(l, BER_IP_ADDRESS, (struct sr_span){ agent, sizeof(agent) });
        load_name(l, "1.3.6.1.4.1.8072.3.2.10", 0);
    } else {
        load_integer(l, BER_INTEGER, 0);
        load_integer(l, BER_INTEGER, 0);
        load_integer(l, BER_INTEGER, request);
    }
    load_wrap(l, (uint8_t)pdu, end);
}

void
load_message(struct load *l, enum trap_version version, struct sr_span community, size_t end)
{
    load_octets(l, BER_OCTET_STRING, community);
    load_integer(l, BER_INTEGER, version);
    load_wrap(l, BER_SEQUENCE, end);
}

struct sr_span
load_trap(struct load *l, enum trap_version version, enum trap_pdu pdu, unsigned varbinds,
    int32_t request)
{
    load_clear(l);
    const size_t end = l->at;
    load_varbinds(l, version, varbinds, (uint32_t)request);
    load_pdu(l, pdu, request, end);
    load_message(l, version, (struct sr_span){ (const uint8_t *)"public", 6 }, end);
    return load_span(l);
}

/* ---- v3 ---- */

void
load_user_open(struct load_user *u, const char *name, enum usm_auth auth, enum usm_priv priv)
{
    static const struct sr_span auth_word = { (const uint8_t *)LOAD_AUTH_PASSWORD,
        sizeof(LOAD_AUTH_PASSWORD) - 1 };
    static const struct sr_span priv_word = { (const uint8_t *)LOAD_PRIV_PASSWORD,
        sizeof(LOAD_PRIV_PASSWORD) - 1 };

    *u = (struct load_user){
        .name = name, .auth = auth, .priv = priv, .boots = LOAD_BOOTS, .time = LOAD_TIME, .salt = 1
    };
    if (!usm_algorithms_load(&u->algorithms) ||
        (auth != USM_AUTH_NONE &&
            !usm_key_from_password(&u->algorithms, auth, auth_word, &u->auth_base)) ||
        (priv != USM_PRIV_NONE &&
            !usm_key_from_password(&u->algorithms, auth, priv_word, &u->priv_base))) {
        fail("no keys");
    }
}

void
load_user_close(struct load_user *u)
{
    usm_algorithms_free(&u->algorithms);
}

void
load_user_move(struct load_user *u, struct sr_span engine)
{
    memcpy(u->engine, engine.data, engine.len);
    u->engine_len = engine.len;
    if ((u->auth != USM_AUTH_NONE &&
            !usm_key_localize(&u->algorithms, u->auth, &u->auth_base, engine, &u->auth_key)) ||
        (u->priv != USM_PRIV_NONE && !usm_key_for_cipher(&u->algorithms, u->auth, u->priv,
                                         &u->priv_base, engine, &u->priv_key))) {
        fail("no keys of an engine");
    }
}

static void
put_be(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8) {
        out[i] = (uint8_t)value;
    }
}

/* RFC 3414 section 8.1.1.1 for DES, RFC 3826 section 3.1.2.1 for AES. */
static void
make_iv(const struct load_user *u, const uint8_t *salt, uint8_t *iv)
{
    if (u->priv == USM_PRIV_DES) {
        for (unsigned i = 0; i < SALT_LEN; i++) {
            iv[i] = salt[i] ^ u->priv_key.bytes[DES_KEY_LEN + i];
        }
        return;
    }
    put_be(iv, u->boots, 4);
    put_be(iv + 4, u->time, 4);
    memcpy(iv + 8, salt, SALT_LEN);
}

/* Encrypts what is written from the start of `l` to its `end`, and makes octets of it. */
static void
encrypt(struct load *l, struct load_user *u, const uint8_t *salt, size_t end)
{
    uint8_t key[3 * USM_KEY_MAX], iv[16];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    static uint8_t room[LOAD_LARGEST + 16];
    size_t len = end - l->at;
    int made = 0;

    memcpy(key, u->priv_key.bytes, USM_KEY_MAX);
    if (u->priv == USM_PRIV_DES) { /* as three times the same in OpenSSL */
        memcpy(key + DES_KEY_LEN, key, DES_KEY_LEN);
        memcpy(key + 2 * (size_t)DES_KEY_LEN, key, DES_KEY_LEN);
    }
    memcpy(room, l->bytes + l->at, len);
    if (u->priv == USM_PRIV_DES) {
        memset(room + len, 0, 8);
        len = (len + 7) / 8 * 8; /* RFC 3414 section 8.1.1.2 */
    }
    make_iv(u, salt, iv);
    if (c == NULL || EVP_EncryptInit_ex2(c, u->algorithms.ciphers[u->priv], key, iv, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(c, 0) != 1 ||
        EVP_EncryptUpdate(c, room, &made, room, (int)len) != 1 || (size_t)made != len) {
        fail("a cipher failed");
    }
    EVP_CIPHER_CTX_free(c);
    l->at = end;
    load_octets(l, BER_OCTET_STRING, (struct sr_span){ room, len });
}

static void
put_security(struct load *l, const struct load_user *u, const uint8_t *salt)
{
    static const uint8_t zeros[64];
    const size_t mac_len = u->auth != USM_AUTH_NONE ? usm_mac_len(u->auth) : 0;
    const size_t end = l->at;

    load_octets(
        l, BER_OCTET_STRING, (struct sr_span){ salt, u->priv != USM_PRIV_NONE ? SALT_LEN : 0 });
    load_octets(l, BER_OCTET_STRING, (struct sr_span){ zeros, mac_len });
    load_text(l, u->name);
    load_integer(l, BER_INTEGER, u->time);
    load_integer(l, BER_INTEGER, u->boots);
    load_octets(l, BER_OCTET_STRING, (struct sr_span){ u->engine, u->engine_len });
    load_wrap(l, BER_SEQUENCE, end);
    load_wrap(l, BER_OCTET_STRING, end);
}

static void
put_header(struct load *l, const struct load_user *u, uint32_t id)
{
    const uint8_t flags =
        (uint8_t)((u->auth != USM_AUTH_NONE ? 1 : 0) | (u->priv != USM_PRIV_NONE ? 2 : 0) |
                  (u->is_reportable ? 4 : 0));
    const size_t end = l->at;

    load_integer(l, BER_INTEGER, 3); /* the User-based Security Model */
    load_octets(l, BER_OCTET_STRING, (struct sr_span){ &flags, 1 });
    load_integer(l, BER_INTEGER, LOAD_LARGEST);
    load_integer(l, BER_INTEGER, id);
    load_wrap(l, BER_SEQUENCE, end);
}

static void
sign(struct load *l, const struct load_user *u)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    struct sr_span whole = load_span(l);
    struct v3_message head;
    size_t len;

    if (v3_read(whole, &head) != V3_OK ||
        EVP_Q_mac(NULL, "HMAC", NULL, EVP_MD_get0_name(u->algorithms.digests[u->auth]), NULL,
            u->auth_key.bytes, u->auth_key.len, whole.data, whole.len, mac, sizeof(mac),
            &len) == NULL) {
        fail("no MAC");
    }
    memcpy(l->bytes + (head.mac.data - l->bytes), mac, head.mac.len);
}

void
load_v3(struct load *l, struct load_user *u, uint32_t id, size_t end)
{
    uint8_t salt[SALT_LEN];

    put_be(salt, u->salt++, SALT_LEN);
    load_octets(l, BER_OCTET_STRING, (struct sr_span){ NULL, 0 });
    load_octets(l, BER_OCTET_STRING, (struct sr_span){ u->engine, u->engine_len });
    load_wrap(l, BER_SEQUENCE, end);
    if (u->priv != USM_PRIV_NONE) {
        encrypt(l, u, salt, end);
    }
    put_security(l, u, salt);
    put_header(l, u, id);
    load_integer(l, BER_INTEGER, TRAP_V3);
    load_wrap(l, BER_SEQUENCE, end);
    if (u->auth != USM_AUTH_NONE) {
        sign(l, u);
    }
}

struct sr_span
load_v3_trap(struct load *l, struct load_user *u, unsigned varbinds, int32_t request)
{
    load_clear(l);
    const size_t end = l->at;
    load_varbinds(l, TRAP_V3, varbinds, (uint32_t)request);
    load_pdu(l, TRAP_PDU_TRAP_V2, request, end);
    load_v3(l, u, (uint32_t)request, end);
    return load_span(l);
}
