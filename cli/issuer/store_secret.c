/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/store_parts.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include "sr/banned.h"

#define KIND_MAX 32
#define PAIR_KIND "nkey"
#define CHECK_KIND "check"
#define CHECK_NAME "master"
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"
#define CHECK_TEXT "this database is sealed with this key"

/* What is bound to a secret: a version, its kind and its name, with a NUL behind each. */
struct label {
    char text[16 + KIND_MAX + STORE_NAME_MAX];
    size_t len;
};

static bool
make_label(const char *kind, const char *name, struct label *ret_label, struct trouble *trouble)
{
    if (strlen(kind) >= KIND_MAX || strlen(name) > STORE_NAME_MAX) {
        return trouble_say(
            trouble, ENAMETOOLONG, "use a shorter name", "the name %s is too long", name);
    }
    int len =
        snprintf(ret_label->text, sizeof(ret_label->text), "sr-seal-v1%c%s%c%s", 0, kind, 0, name);
    ret_label->len = (size_t)len + 1;
    return true;
}

static struct sr_span
label_span(const struct label *label)
{
    return (struct sr_span){ (const uint8_t *)label->text, label->len };
}

bool
store_keep_secret(struct store *store, const char *kind, const char *name, struct sr_span secret,
    struct trouble *trouble)
{
    static const char sql[] = "INSERT OR REPLACE INTO secret (kind, name, nonce, sealed)"
                              " VALUES (?1, ?2, ?3, ?4)";
    uint8_t nonce[SEAL_NONCE_BYTES];
    uint8_t sealed[STORE_SECRET_MAX + SEAL_TAG_BYTES];
    struct label label = { .len = 0 };

    if (!make_label(kind, name, &label, trouble)) {
        return false;
    }
    if (secret.len > STORE_SECRET_MAX) {
        return trouble_say(
            trouble, EFBIG, "use a smaller key", "the secret %s/%s is too long", kind, name);
    }
    enum seal_err err = seal_close(store->master, label_span(&label), secret, nonce, sealed);
    if (err != SEAL_OK) {
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "cannot seal %s/%s: %s",
            kind, name, seal_strerror(err));
    }
    return store_run(store, trouble, NULL, sql, "ttbb", kind, name,
        (struct sr_span){ nonce, sizeof(nonce) },
        (struct sr_span){ sealed, secret.len + SEAL_TAG_BYTES });
}

/* What reading one row needs. */
struct opening {
    const struct store *store;
    const struct label *label;
    uint8_t *out;
    size_t len;
    enum seal_err err;
};

static struct sr_span
column(sqlite3_stmt *row, int index)
{
    const void *bytes = sqlite3_column_blob(row, index);
    int len = sqlite3_column_bytes(row, index);

    return (struct sr_span){ bytes, bytes != NULL ? (size_t)len : 0 };
}

static bool
open_row(void *arg, struct sqlite3_stmt *row)
{
    struct opening *o = arg;
    struct sr_span sealed = column(row, 1);

    if (sealed.len < SEAL_TAG_BYTES || sealed.len > STORE_SECRET_MAX + SEAL_TAG_BYTES) {
        o->err = SEAL_EBROKEN;
        return false;
    }
    o->err = seal_open(o->store->master, label_span(o->label), column(row, 0), sealed, o->out);
    o->len = sealed.len - SEAL_TAG_BYTES;
    return false;
}

bool
store_secret(struct store *store, const char *kind, const char *name, uint8_t out[STORE_SECRET_MAX],
    size_t *ret_len, struct trouble *trouble)
{
    struct label label = { .len = 0 };
    struct opening o = { .store = store, .label = &label, .out = out, .err = SEAL_OK };
    int rows = 0;

    if (!make_label(kind, name, &label, trouble) ||
        !store_query(store, trouble, open_row, &o, &rows,
            "SELECT nonce, sealed FROM secret WHERE kind = ?1 AND name = ?2", "tt", kind, name)) {
        return false;
    }
    if (rows == 0) {
        return trouble_say(trouble, ENOENT, "look whether this is the right folder (--dir)",
            "the issuer keeps no secret %s/%s", kind, name);
    }
    if (o.err != SEAL_OK) {
        return trouble_say(trouble, ESTALE,
            "restore a backup (serviceradar-provision operator restore)",
            "the secret %s/%s does not open: %s", kind, name, seal_strerror(o.err));
    }
    *ret_len = o.len;
    return true;
}

bool
store_drop_secret(struct store *store, const char *kind, const char *name, struct trouble *trouble)
{
    return store_run(
        store, trouble, NULL, "DELETE FROM secret WHERE kind = ?1 AND name = ?2", "tt", kind, name);
}

bool
store_keep_pair(
    struct store *store, const char *name, const struct sr_nkeypair *pair, struct trouble *trouble)
{
    char text[SR_NKEY_SEED_LEN + 1];

    sr_nkey_seed_encode(pair->type, pair->seed, text);
    bool ok = store_keep_secret(store, PAIR_KIND, name,
        (struct sr_span){ (const uint8_t *)text, SR_NKEY_SEED_LEN }, trouble);
    OPENSSL_cleanse(text, sizeof(text));
    return ok;
}

bool
store_pair(
    struct store *store, const char *name, struct sr_nkeypair *ret_pair, struct trouble *trouble)
{
    uint8_t text[STORE_SECRET_MAX];
    size_t len = 0;

    if (!store_secret(store, PAIR_KIND, name, text, &len, trouble)) {
        return false;
    }
    enum sr_nkey_err err = sr_nkeypair_from_text((struct sr_span){ text, len }, ret_pair);
    OPENSSL_cleanse(text, len);
    return err == SR_NKEY_OK || trouble_say(trouble, ESTALE,
                                    "restore a backup (serviceradar-provision operator restore)",
                                    "the seed %s is no seed: %s", name, sr_nkey_strerror(err));
}

/* ---- The master key's mark ---- */

bool
store_mark_master(struct store *store, struct trouble *trouble)
{
    return store_keep_secret(store, CHECK_KIND, CHECK_NAME,
        (struct sr_span){ (const uint8_t *)CHECK_TEXT, sizeof(CHECK_TEXT) - 1 }, trouble);
}

bool
store_check_master(struct store *store, struct trouble *trouble)
{
    uint8_t text[STORE_SECRET_MAX];
    size_t len = 0;

    if (store_secret(store, CHECK_KIND, CHECK_NAME, text, &len, trouble)) {
        return true;
    }
    return trouble->error != ESTALE && trouble->error != ENOENT
               ? false
               : trouble_say(trouble, ESTALE,
                     "name the master key that belongs to this database with --master-key",
                     "the master key is not the one that the database in %s is sealed with",
                     store->dir);
}

/* ---- Settings and the audit log ---- */

struct setting {
    char *out;
    size_t size;
};

static bool
take_setting(void *arg, struct sqlite3_stmt *row)
{
    const struct setting *s = arg;

    store_text(row, 0, s->out, s->size);
    return false;
}

bool
store_setting(
    struct store *store, const char *name, char *out, size_t size, struct trouble *trouble)
{
    struct setting s = { out, size };
    int rows = 0;

    if (!store_query(store, trouble, take_setting, &s, &rows,
            "SELECT value FROM meta WHERE name = ?1", "t", name)) {
        return false;
    }
    if (rows == 0) {
        *out = '\0';
    }
    return true;
}

bool
store_set(struct store *store, const char *name, const char *value, struct trouble *trouble)
{
    return store_run(store, trouble, NULL,
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", "tt", name, value);
}

bool
store_audit(struct store *store, const char *actor, const char *action, const char *object,
    const char *detail, struct trouble *trouble)
{
    return store_run(store, trouble, NULL,
        "INSERT INTO audit (at_s, actor, action, object, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        "itttt", (int64_t)store_now(), actor, action, object, detail);
}

void
store_actor(char out[STORE_NAME_MAX])
{
    const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
    const struct passwd *user = getpwuid(geteuid());

    if (sudo != NULL && *sudo != '\0' && strspn(sudo, NAME_LETTERS) == strlen(sudo)) {
        (void)snprintf(out, STORE_NAME_MAX, "%.64s (sudo)", sudo);
    } else if (user != NULL) {
        (void)snprintf(out, STORE_NAME_MAX, "%.64s", user->pw_name);
    } else {
        (void)snprintf(out, STORE_NAME_MAX, "uid %ju", (uintmax_t)geteuid());
    }
}
