/* SPDX-License-Identifier: Apache-2.0 */
#include "load/snmp_user.h"

#include <string.h>

#include <openssl/crypto.h>

#include "load/snmp_write.h"

#include "sr/banned.h"

#define DES_KEY_LEN 8U /* the pre-IV is behind it: RFC 3414 section 8.1.1.1 */

bool
snmp_user_open(struct snmp_user *u, const struct snmp_account *account)
{
    const struct usm_algorithms *a = &u->algorithms;

    *u = (struct snmp_user){ .account = *account };
    return usm_algorithms_load(&u->algorithms) &&
           (account->auth == USM_AUTH_NONE ||
               (a->digests[account->auth] != NULL && usm_key_from_password(a, account->auth,
                                                         account->auth_password, &u->auth_base))) &&
           (account->priv == USM_PRIV_NONE ||
               (a->ciphers[account->priv] != NULL &&
                   usm_key_from_password(a, account->auth, account->priv_password, &u->priv_base)));
}

void
snmp_user_close(struct snmp_user *u)
{
    OPENSSL_cleanse(&u->auth_base, sizeof(u->auth_base));
    OPENSSL_cleanse(&u->priv_base, sizeof(u->priv_base));
    usm_algorithms_free(&u->algorithms);
}

bool
snmp_engine_open(struct snmp_engine *e, const struct snmp_user *u, struct sr_span id, uint64_t salt)
{
    const struct usm_algorithms *a = &u->algorithms;
    const struct snmp_account *account = &u->account;
    struct usm_protection *p = &e->protection;

    *e = (struct snmp_engine){ .id_len = id.len, .salt = salt };
    memcpy(e->id, id.data, id.len);
    *p = (struct usm_protection){ .auth = account->auth, .priv = account->priv };
    if (account->auth != USM_AUTH_NONE) {
        struct usm_key key;
        if (!usm_key_localize(a, account->auth, &u->auth_base, id, &key)) {
            return false;
        }
        p->mac = usm_mac_new(a, account->auth);
        bool is_keyed = p->mac != NULL && EVP_MAC_init(p->mac, key.bytes, key.len, NULL) == 1;
        OPENSSL_cleanse(&key, sizeof(key));
        if (!is_keyed) {
            return false;
        }
    }
    if (account->priv != USM_PRIV_NONE) {
        if (!usm_key_for_cipher(a, account->auth, account->priv, &u->priv_base, id, &e->priv_key)) {
            return false;
        }
        p->encryptor = usm_encryptor_new(a, account->priv, &e->priv_key);
        p->pre_iv = e->priv_key.bytes + DES_KEY_LEN;
        return p->encryptor != NULL;
    }
    return true;
}

void
snmp_engine_close(struct snmp_engine *e)
{
    EVP_MAC_CTX_free(e->protection.mac);
    EVP_CIPHER_CTX_free(e->protection.encryptor);
    OPENSSL_cleanse(e, sizeof(*e));
}

static enum trap_level
level_of(const struct snmp_account *account)
{
    if (account->auth == USM_AUTH_NONE) {
        return TRAP_NO_AUTH;
    }
    return account->priv == USM_PRIV_NONE ? TRAP_AUTH : TRAP_PRIV;
}

size_t
snmp_write_v3(const struct snmp_user *u, struct snmp_engine *e, const struct snmp_head *head,
    struct sr_span pdu, uint8_t *room, size_t max)
{
    struct v3_draft draft = v3_draft_over(room, max);
    const struct sr_span engine_id = { e->id, e->id_len };
    uint8_t salt[USM_SALT_LEN];
    struct v3_envelope envelope = {
        .id = head->id,
        .max_size = SNMP_LARGEST,
        .level = level_of(&u->account),
        .is_reportable = head->is_reportable,
        .engine_id = engine_id,
        .boots = head->boots,
        .time = head->time,
        .user = { (const uint8_t *)u->account.name, strlen(u->account.name) },
    };
    uint8_t *place = v3_draft_claim(&draft, pdu.len);

    if (place == NULL) {
        return 0;
    }
    memcpy(place, pdu.data, pdu.len);
    v3_draft_scoped(&draft, engine_id, (struct sr_span){ NULL, 0 });
    if (envelope.level == TRAP_PRIV) {
        for (unsigned i = 0; i < USM_SALT_LEN; i++) {
            salt[i] = (uint8_t)(e->salt >> (56 - 8 * i));
        }
        e->salt++;
        envelope.salt = (struct sr_span){ salt, sizeof(salt) };
    }
    return usm_protect(&e->protection, &envelope, &draft);
}
