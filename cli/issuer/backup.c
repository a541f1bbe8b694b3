/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sqlite3.h>

#include "issuer/schema.h"
#include "issuer/store_parts.h"

#include "sr/banned.h"

#define WRAP_KIND "backup"
#define WRAP_NAME "master"
#define WRAP_LABEL "sr-backup-v1"
#define DIGEST_BYTES 32
#define WRAPPED_BYTES (SEAL_SALT_BYTES + STORE_MASTER_BYTES + SEAL_TAG_BYTES)

static const struct sr_span wrap_label = { (const uint8_t *)WRAP_LABEL, sizeof(WRAP_LABEL) - 1 };

static bool
say(struct trouble *trouble, const char *what, const char *path)
{
    int error = errno;

    return trouble_say(trouble, error, "look at the folder, and whether its disk is full",
        "cannot %s %s: %s", what, path, strerror(error));
}

static bool
say_seal(struct trouble *trouble, enum seal_err err)
{
    if (err == SEAL_EBROKEN) {
        return trouble_say(trouble, EACCES, "use the passphrase that the backup was made with",
            "the passphrase does not open the master key in the backup");
    }
    return trouble_say(trouble, ENOMEM, "free memory and run it again", "%s", seal_strerror(err));
}

/* ---- The end of the file ---- */

struct ending {
    char mark[8];
    uint8_t mac[DIGEST_BYTES];
};

static const char MARK[sizeof(((struct ending *)NULL)->mark)] = "SRbackup";

/* What the master key says of a database with this digest. */
static bool
make_mac(const uint8_t *master, const uint8_t digest[DIGEST_BYTES], uint8_t ret_mac[DIGEST_BYTES])
{
    uint8_t text[sizeof(WRAP_LABEL) + DIGEST_BYTES];
    unsigned len = 0;

    memcpy(text, WRAP_LABEL, sizeof(WRAP_LABEL));
    memcpy(text + sizeof(WRAP_LABEL), digest, DIGEST_BYTES);
    return HMAC(EVP_sha256(), master, STORE_MASTER_BYTES, text, sizeof(text), ret_mac, &len) !=
               NULL &&
           len == DIGEST_BYTES;
}

/* Reads `left` bytes of `from`, copies them to `to` (-1: nowhere) and tells their SHA-256. */
static bool
copy_bytes(int from, int to, off_t left, uint8_t ret_digest[DIGEST_BYTES])
{
    static char buffer[65536];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    while (ok && left > 0) {
        size_t part = left < (off_t)sizeof(buffer) ? (size_t)left : sizeof(buffer);
        ssize_t got = read(from, buffer, part);
        ok = got > 0 && EVP_DigestUpdate(ctx, buffer, (size_t)got) == 1 &&
             (to < 0 || write(to, buffer, (size_t)got) == got);
        left -= got;
    }
    ok = ok && EVP_DigestFinal_ex(ctx, ret_digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* Writes the database in `in` and its ending to `out`, and all of it on the disk. */
static bool
copy_with_ending(int in, int out, const uint8_t *master)
{
    struct ending ending;
    uint8_t digest[DIGEST_BYTES];
    struct stat st;

    memcpy(ending.mark, MARK, sizeof(MARK));
    return fstat(in, &st) == 0 && copy_bytes(in, out, st.st_size, digest) &&
           make_mac(master, digest, ending.mac) &&
           write(out, &ending, sizeof(ending)) == (ssize_t)sizeof(ending) && fsync(out) == 0;
}

/* ---- Writing ---- */

/* Puts the master key into the copy that `copy` is connected to. */
static bool
wrap(struct store *copy, const uint8_t *master, struct sr_span passphrase, struct trouble *trouble)
{
    uint8_t key[SEAL_KEY_BYTES], nonce[SEAL_NONCE_BYTES], wrapped[WRAPPED_BYTES];

    if (RAND_bytes(wrapped, SEAL_SALT_BYTES) != 1) {
        return say_seal(trouble, SEAL_ECRYPTO);
    }
    enum seal_err err = seal_stretch(passphrase, wrapped, key);
    if (err == SEAL_OK) {
        err = seal_close(key, wrap_label, (struct sr_span){ master, STORE_MASTER_BYTES }, nonce,
            wrapped + SEAL_SALT_BYTES);
    }
    OPENSSL_cleanse(key, sizeof(key));
    if (err != SEAL_OK) {
        return say_seal(trouble, err);
    }
    return store_run(copy, trouble, NULL,
        "INSERT INTO secret (kind, name, nonce, sealed) VALUES (?1, ?2, ?3, ?4)", "ttbb", WRAP_KIND,
        WRAP_NAME, (struct sr_span){ nonce, sizeof(nonce) },
        (struct sr_span){ wrapped, sizeof(wrapped) });
}

static bool
wrap_into(struct store *store, const char *path, struct sr_span passphrase, struct trouble *trouble)
{
    struct store *copy = calloc(1, sizeof(*copy));

    if (copy == NULL) {
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    memcpy(copy->dir, store->dir, sizeof(copy->dir));
    bool ok = store_connect(copy, path, trouble) && wrap(copy, store->master, passphrase, trouble);
    store_close(copy);
    return ok;
}

static bool
check_passphrase(struct sr_span passphrase, struct trouble *trouble)
{
    return passphrase.data == NULL || passphrase.len >= BACKUP_PASSPHRASE_MIN ||
           trouble_say(trouble, EINVAL, "use a longer one, of several words",
               "the passphrase has less than %d bytes", BACKUP_PASSPHRASE_MIN);
}

/*
 * Makes `path`, a copy of the database beside it, which SQLite writes with the rights of its owner:
 * that one may write nothing where root wants the backup. Returns it open, or -1.
 */
static int
make_copy(struct store *store, const char *path, struct sr_span passphrase, struct trouble *trouble)
{
    struct store_rights before = store_as_owner(store);

    /* What an attempt that was cut off left there. SQLite fills an empty file: its mode is ours. */
    (void)unlink(path);
    int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    store_as_before(before);
    if (fd < 0) {
        (void)say(trouble, "make", path);
        return -1;
    }
    if (store_run(store, trouble, NULL, "VACUUM INTO ?1", "t", path) &&
        (passphrase.data == NULL || wrap_into(store, path, passphrase, trouble))) {
        return fd;
    }
    (void)close(fd);
    return -1;
}

static bool
fill(struct store *store, int out, const char *path, struct sr_span passphrase,
    struct trouble *trouble)
{
    char copy[FILES_PATH_MAX];

    if (!files_path(copy, "%s/" STORE_FILE ".copy", store->dir)) {
        return say(trouble, "use", store->dir);
    }
    int in = make_copy(store, copy, passphrase, trouble);
    bool ok = in >= 0 && (copy_with_ending(in, out, store->master) || say(trouble, "write", path));
    if (in >= 0) {
        (void)close(in);
    }
    (void)unlink(copy);
    return ok;
}

bool
backup_write(
    struct store *store, const char *path, struct sr_span passphrase, struct trouble *trouble)
{
    if (!check_passphrase(passphrase, trouble)) {
        return false;
    }
    int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0 && errno == EEXIST) {
        return trouble_say(
            trouble, EEXIST, "name a new file for each backup, or move it away", "%s exists", path);
    }
    if (out < 0) {
        return say(trouble, "make", path);
    }
    bool ok = fill(store, out, path, passphrase, trouble);
    (void)close(out);
    if (!ok) {
        (void)unlink(path);
    }
    return ok;
}

/* ---- Restoring ---- */

struct wrapped {
    uint8_t nonce[SEAL_NONCE_BYTES], bytes[WRAPPED_BYTES];
    bool whole;
};

static bool
take_wrapped(void *arg, struct sqlite3_stmt *row)
{
    struct wrapped *w = arg;

    w->whole = sqlite3_column_bytes(row, 0) == (int)sizeof(w->nonce) &&
               sqlite3_column_bytes(row, 1) == (int)sizeof(w->bytes);
    if (w->whole) {
        memcpy(w->nonce, sqlite3_column_blob(row, 0), sizeof(w->nonce));
        memcpy(w->bytes, sqlite3_column_blob(row, 1), sizeof(w->bytes));
    }
    return false;
}

/* Takes the master key out of the database in `store`, which forgets it. */
static bool
unwrap(struct store *store, struct sr_span passphrase, struct trouble *trouble)
{
    struct wrapped w = { .whole = false };
    uint8_t key[SEAL_KEY_BYTES];

    if (!store_query(store, trouble, take_wrapped, &w, NULL,
            "SELECT nonce, sealed FROM secret WHERE kind = ?1 AND name = ?2", "tt", WRAP_KIND,
            WRAP_NAME)) {
        return false;
    }
    if (!w.whole) {
        return trouble_say(trouble, ENOENT, "put the master key in its place, without a passphrase",
            "the backup was made without the master key");
    }
    enum seal_err err = seal_stretch(passphrase, w.bytes, key);
    if (err == SEAL_OK) {
        err = seal_open(key, wrap_label, (struct sr_span){ w.nonce, sizeof(w.nonce) },
            (struct sr_span){ w.bytes + SEAL_SALT_BYTES, WRAPPED_BYTES - SEAL_SALT_BYTES },
            store->master);
    }
    OPENSSL_cleanse(key, sizeof(key));
    return err == SEAL_OK || say_seal(trouble, err);
}

static bool
take_text(void *arg, struct sqlite3_stmt *row)
{
    store_text(row, 0, arg, 128);
    return false;
}

/* Whether SQLite finds the file whole: a copy that was cut looks well at its beginning. */
static bool
check_whole(struct store *store, struct trouble *trouble)
{
    char verdict[128] = "";
    int version = 0;

    if (!store_query(store, trouble, take_text, verdict, NULL, "PRAGMA integrity_check(1)", "") ||
        !store_version(store, &version, trouble)) {
        return false;
    }
    if (strcmp(verdict, "ok") != 0 || version == 0) {
        return trouble_say(trouble, ESTALE, "use another backup", "the backup is damaged: %s",
            version == 0 ? "it is empty" : verdict);
    }
    return true;
}

/* The master key: that of the passphrase, put in its place, or the one that is there. */
static bool
settle_master(struct store *store, const char *key_file, struct sr_span passphrase, bool *ret_made,
    struct trouble *trouble)
{
    uint8_t there[STORE_MASTER_BYTES];

    if (passphrase.data == NULL) {
        return store_read_master(key_file, store->master, trouble) &&
               store_check_master(store, trouble);
    }
    if (!unwrap(store, passphrase, trouble) || !store_check_master(store, trouble)) {
        return false;
    }
    if (access(key_file, F_OK) != 0) {
        *ret_made = store_write_master(key_file, store->master, trouble);
        return *ret_made;
    }
    bool ok = store_read_master(key_file, there, trouble);
    if (ok && CRYPTO_memcmp(there, store->master, sizeof(there)) != 0) {
        ok = trouble_say(trouble, EEXIST, "move it away, or name another with --master-key",
            "%s is another master key than the backup's", key_file);
    }
    OPENSSL_cleanse(there, sizeof(there));
    return ok;
}

/* What was read of a backup: the ending, and what the master key has to say the same of. */
struct found {
    struct ending ending;
    uint8_t digest[DIGEST_BYTES];
};

static bool
read_backup(int in, int out, const char *path, struct found *ret_found, struct trouble *trouble)
{
    struct stat st;

    if (fstat(in, &st) != 0) {
        return say(trouble, "read", path);
    }
    off_t size = st.st_size - (off_t)sizeof(ret_found->ending);
    if (size <= 0 ||
        pread(in, &ret_found->ending, sizeof(ret_found->ending), size) !=
            (ssize_t)sizeof(ret_found->ending) ||
        memcmp(ret_found->ending.mark, MARK, sizeof(MARK)) != 0) {
        return trouble_say(trouble, ESTALE, "name a file that `operator backup` wrote",
            "%s is no backup, or its end is missing", path);
    }
    return (copy_bytes(in, out, size, ret_found->digest) && fsync(out) == 0) ||
           say(trouble, "copy", path);
}

/* Copies the database of the backup `from` to the new file `to`. */
static bool
copy_file(const char *from, const char *to, struct found *ret_found, struct trouble *trouble)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);

    if (in < 0) {
        return say(trouble, "read", from);
    }
    /* What an attempt that was cut off left there. */
    (void)unlink(to);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = out >= 0
                  ? store_give(out, to, trouble) && read_backup(in, out, from, ret_found, trouble)
                  : say(trouble, "make", to);
    (void)close(in);
    if (out >= 0) {
        (void)close(out);
    }
    return ok;
}

static bool
check_mac(const struct store *store, const struct found *found, struct trouble *trouble)
{
    uint8_t mac[DIGEST_BYTES];

    if (!make_mac(store->master, found->digest, mac)) {
        return say_seal(trouble, SEAL_ECRYPTO);
    }
    return CRYPTO_memcmp(mac, found->ending.mac, sizeof(mac)) == 0 ||
           trouble_say(trouble, ESTALE, "use another backup, and look who had this one",
               "the backup was altered");
}

/* Since the backup, a key may have had a token that is good for longer than the backup knows. */
static bool
forget_ends(struct store *store, struct trouble *trouble)
{
    int version = 0;

    return store_version(store, &version, trouble) &&
           (version < SCHEMA_KEY_ENDS ||
               store_run(store, trouble, NULL, "UPDATE key_end SET ends_s = NULL", ""));
}

/* Checks the copy `file` and readies it to be the database of `store`, whose folder is set. */
static bool
prepare(struct store *store, const char *file, const char *key_file, const struct found *found,
    struct sr_span passphrase, bool *ret_made, struct trouble *trouble)
{
    return store_connect(store, file, trouble) && check_whole(store, trouble) &&
           settle_master(store, key_file, passphrase, ret_made, trouble) &&
           check_mac(store, found, trouble) &&
           store_drop_secret(store, WRAP_KIND, WRAP_NAME, trouble) && forget_ends(store, trouble);
}

/* Puts the backup into `dir`, as far as the name of the database. */
static bool
restore(const char *path, const struct store_place *place, struct sr_span passphrase,
    const char *dir, struct trouble *trouble)
{
    char copy[FILES_PATH_MAX], file[FILES_PATH_MAX], key_file[FILES_PATH_MAX];
    struct store *store = calloc(1, sizeof(*store));
    struct found found;
    bool made = false;

    if (store == NULL || !files_path(copy, "%s/" STORE_FILE ".restored", dir) ||
        !files_path(file, "%s/" STORE_FILE, dir)) {
        free(store);
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    memcpy(store->dir, dir, strlen(dir) + 1);
    bool ok = store_master_path(place, dir, key_file, trouble) &&
              copy_file(path, copy, &found, trouble) &&
              prepare(store, copy, key_file, &found, passphrase, &made, trouble);
    store_close(store);
    if (ok && rename(copy, file) != 0) {
        ok = say(trouble, "make", file);
    }
    if (!ok) {
        (void)unlink(copy);
        if (made) {
            (void)unlink(key_file);
        }
    }
    return ok;
}

bool
backup_restore(const struct store_place *place, const char *path, struct sr_span passphrase,
    struct store **ret_store, struct trouble *trouble)
{
    char dir[FILES_PATH_MAX], file[FILES_PATH_MAX];
    struct stat st;

    if (!store_make_dir(place, trouble) || !store_find_dir(place, dir, trouble) ||
        !store_check_dir(dir, trouble)) {
        return false;
    }
    if (!files_path(file, "%s/" STORE_FILE, dir) || lstat(file, &st) == 0) {
        return trouble_say(trouble, EEXIST, "name an empty folder with --dir",
            "%s has an issuer's database already", dir);
    }
    return restore(path, place, passphrase, dir, trouble) && store_open(place, ret_store, trouble);
}
