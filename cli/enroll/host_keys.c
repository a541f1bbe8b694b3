/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/host_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "enroll/bundle_check.h"
#include "enroll/history.h"
#include "enroll/rooted.h"
#include "files.h"
#include "sr/creds.h"
#include "sr/json.h"

#include "sr/banned.h"

#define HOST_ID_PREFIX "serviceradar-host-v1"
#define MACHINE_ID_MAX 256
#define CREDS_ROOM (SR_CREDS_MAX + 1024)
#define KEPT_PATH_MAX 256

struct host_keys {
    struct sr_nkeypair user;
    EVP_PKEY *key;
    char *key_pem; /* PKCS #8 */
    size_t key_pem_len;
};

void
host_keys_free(struct host_keys *keys)
{
    if (keys != NULL) {
        sr_nkeypair_done(&keys->user);
        EVP_PKEY_free(keys->key);
        if (keys->key_pem != NULL) {
            OPENSSL_cleanse(keys->key_pem, keys->key_pem_len);
            free(keys->key_pem);
        }
        free(keys);
    }
}

static bool
no_crypto(struct trouble *trouble)
{
    return trouble_say(trouble, 0, "free memory, and check the installation of OpenSSL",
        "the cryptographic library cannot make keys for this host");
}

/* ---- Making and keeping ---- */

/* Takes what `bio` has into owned memory with a NUL behind it, and wipes it there. */
static char *
take_text(BIO *bio, size_t *ret_len)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    char *text = len > 0 ? malloc((size_t)len + 1) : NULL;

    if (text != NULL) {
        memcpy(text, data, (size_t)len);
        text[len] = '\0';
        OPENSSL_cleanse(data, (size_t)len);
        *ret_len = (size_t)len;
    }
    return text;
}

static bool
write_key(struct host_keys *keys)
{
    BIO *bio = BIO_new(BIO_s_secmem());

    if (bio != NULL && PEM_write_bio_PrivateKey(bio, keys->key, NULL, NULL, 0, NULL, NULL) == 1) {
        keys->key_pem = take_text(bio, &keys->key_pem_len);
    }
    BIO_free(bio);
    return keys->key_pem != NULL;
}

static struct host_keys *
make(void)
{
    struct host_keys *keys = calloc(1, sizeof(*keys));

    if (keys == NULL) {
        return NULL;
    }
    keys->key = EVP_EC_gen("P-256");
    if (keys->key == NULL || !write_key(keys) ||
        sr_nkeypair_generate(SR_NKEY_USER, &keys->user) != SR_NKEY_OK) {
        host_keys_free(keys);
        return NULL;
    }
    return keys;
}

/* A password on the terminal is not what these keys wait for. */
static int
refuse_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* The file is the seed of the user, a line's end, and the key as PEM. NULL when it is not. */
static struct host_keys *
parse(struct sr_span text)
{
    struct host_keys *keys = calloc(1, sizeof(*keys));
    const size_t head = SR_NKEY_SEED_LEN + 1;

    if (keys == NULL || text.len <= head || text.data[head - 1] != '\n' ||
        sr_nkeypair_from_text((struct sr_span){ text.data, head - 1 }, &keys->user) != SR_NKEY_OK) {
        free(keys);
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(text.data + head, (int)(text.len - head));
    keys->key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL) : NULL;
    BIO_free(bio);
    if (keys->key == NULL || keys->user.type != SR_NKEY_USER || !write_key(keys)) {
        host_keys_free(keys);
        return NULL;
    }
    return keys;
}

static bool
keep(const char *root, const char *path, const struct host_keys *keys, struct trouble *trouble)
{
    char seed[SR_NKEY_SEED_LEN + 1];
    size_t size = SR_NKEY_SEED_LEN + 1 + keys->key_pem_len;
    uint8_t *memory = malloc(size);

    if (memory == NULL) {
        return trouble_errno(trouble, ENOMEM, "write", path);
    }
    struct sr_buf out = sr_buf_over(memory, size);
    sr_nkey_seed_encode(SR_NKEY_USER, keys->user.seed, seed);
    sr_buf_add_text(&out, seed);
    sr_buf_put(&out, '\n');
    sr_buf_add(&out, keys->key_pem, keys->key_pem_len);
    bool ok = rooted_write(root, path, sr_buf_span(&out), trouble);
    OPENSSL_cleanse(seed, sizeof(seed));
    OPENSSL_cleanse(memory, size);
    free(memory);
    return ok;
}

static bool
kept_path(const char *name, char out[KEPT_PATH_MAX], struct trouble *trouble)
{
    int len = snprintf(out, KEPT_PATH_MAX, HISTORY_FOLDER "/%s", name);

    return (len > 0 && len < KEPT_PATH_MAX) ||
           trouble_errno(trouble, ENAMETOOLONG, "name", HISTORY_FOLDER);
}

bool
host_keys_open(const char *root, const char *name, struct host_keys **ret_keys, bool *ret_kept,
    struct trouble *trouble)
{
    char path[KEPT_PATH_MAX];
    struct place_content content = { NULL, 0 };
    struct host_keys *keys = NULL;

    if (!kept_path(name, path, trouble)) {
        return false;
    }
    if (rooted_read(root, path, &content, trouble)) {
        keys = parse((struct sr_span){ content.bytes, content.len });
        place_free(&content);
    } else if (trouble->error != ENOENT) {
        return false;
    }
    bool kept = keys != NULL;
    if (!kept) { /* a damaged file is of no use to anybody */
        keys = make();
        if (keys == NULL) {
            return no_crypto(trouble);
        }
        if (!keep(root, path, keys, trouble)) {
            host_keys_free(keys);
            return false;
        }
    }
    *ret_keys = keys;
    *ret_kept = kept;
    return true;
}

bool
host_keys_kept(const char *root, const char *name)
{
    char path[KEPT_PATH_MAX];
    struct place_content content;
    struct trouble ignored;

    if (!kept_path(name, path, &ignored) || !rooted_read(root, path, &content, &ignored)) {
        return false;
    }
    place_free(&content);
    return true;
}

bool
host_keys_forget(const char *root, const char *name, struct trouble *trouble)
{
    char path[KEPT_PATH_MAX];

    return kept_path(name, path, trouble) && rooted_remove(root, path, trouble);
}

/* ---- What goes to the issuer ---- */

/* The name is the issuer's to give; a request has to have one for some of them. */
static bool
fill_request(X509_REQ *request, EVP_PKEY *key)
{
    X509_NAME *name = X509_REQ_get_subject_name(request);

    return X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
               (const unsigned char *)"serviceradar-collector", -1, -1, 0) == 1 &&
           X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign(request, key, EVP_sha256()) > 0;
}

char *
host_keys_csr(const struct host_keys *keys)
{
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    size_t len = 0;

    if (request != NULL && bio != NULL && fill_request(request, keys->key) &&
        PEM_write_bio_X509_REQ(bio, request) == 1) {
        text = take_text(bio, &len);
    }
    BIO_free(bio);
    X509_REQ_free(request);
    return text;
}

const char *
host_keys_user(const struct host_keys *keys)
{
    return keys->user.public_text;
}

const struct sr_nkeypair *
host_keys_pair(const struct host_keys *keys)
{
    return &keys->user;
}

bool
host_keys_request(const struct host_keys *keys, struct sr_buf *out, struct trouble *trouble)
{
    char *csr = host_keys_csr(keys);

    if (csr == NULL) {
        return no_crypto(trouble);
    }
    sr_buf_add_text(out, "{\"csr\":");
    sr_json_text(out, csr);
    sr_buf_add_text(out, ",\"nkey\":");
    sr_json_text(out, keys->user.public_text);
    sr_buf_put(out, '}');
    free(csr);
    return !out->overflow || no_crypto(trouble);
}

/* ---- What came back ---- */

static bool
add_file(struct archive *tar, const char *path, struct sr_span content)
{
    struct archive_entry *entry = archive_entry_new();

    if (entry == NULL) {
        return false;
    }
    archive_entry_set_pathname(entry, path);
    archive_entry_set_size(entry, (la_int64_t)content.len);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    bool ok = archive_write_header(tar, entry) == ARCHIVE_OK &&
              archive_write_data(tar, content.data, content.len) == (la_ssize_t)content.len;
    archive_entry_free(entry);
    return ok;
}

static bool
add_files(struct archive *tar, const struct host_keys *keys, const struct bundle *bundle,
    struct sr_span creds)
{
    char config[BUNDLE_PATH_MAX];
    bool flat = strcmp(bundle->config_name, "config.json") == 0;
    struct sr_span key = { (const uint8_t *)keys->key_pem, keys->key_pem_len };

    (void)snprintf(config, sizeof(config), "%s%s", flat ? "" : "config/", bundle->config_name);
    return add_file(tar, "creds/nats.creds", creds) && add_file(tar, config, bundle->config) &&
           add_file(tar, "certs/collector.pem", bundle->certificate) &&
           add_file(tar, "certs/collector-key.pem", key) &&
           add_file(tar, "certs/ca-chain.pem", bundle->ca_chain);
}

static bool
pack(const struct host_keys *keys, const struct bundle *bundle, struct sr_span creds,
    uint8_t *memory, size_t *ret_len)
{
    struct archive *tar = archive_write_new();
    bool ok = tar != NULL && archive_write_add_filter_gzip(tar) == ARCHIVE_OK &&
              archive_write_set_format_ustar(tar) == ARCHIVE_OK &&
              archive_write_open_memory(tar, memory, BUNDLE_PACKED_MAX, ret_len) == ARCHIVE_OK &&
              add_files(tar, keys, bundle, creds);

    ok = ok && archive_write_close(tar) == ARCHIVE_OK;
    (void)archive_write_free(tar);
    return ok;
}

bool
host_keys_complete(const struct host_keys *keys, const struct bundle *bundle,
    struct sr_span *ret_packed, struct trouble *trouble)
{
    char seed[SR_NKEY_SEED_LEN + 1];
    uint8_t *text = malloc(CREDS_ROOM);
    uint8_t *memory = malloc(BUNDLE_PACKED_MAX);
    size_t len = 0;
    bool ok = false;

    if (text != NULL && memory != NULL) {
        struct sr_buf creds = sr_buf_over(text, CREDS_ROOM);
        sr_nkey_seed_encode(SR_NKEY_USER, keys->user.seed, seed);
        sr_creds_format(&creds, bundle_token(bundle),
            (struct sr_span){ (const uint8_t *)seed, SR_NKEY_SEED_LEN });
        ok = !creds.overflow && pack(keys, bundle, sr_buf_span(&creds), memory, &len);
        OPENSSL_cleanse(seed, sizeof(seed));
        OPENSSL_cleanse(text, CREDS_ROOM);
    }
    free(text);
    if (!ok) {
        free(memory);
        return trouble_say(trouble, 0, "free memory; have the bundle issued again",
            "the bundle and the keys of this host cannot be put together");
    }
    *ret_packed = (struct sr_span){ memory, len };
    return true;
}

void
host_keys_bundle_free(struct sr_span packed)
{
    if (packed.data != NULL) {
        OPENSSL_cleanse((void *)(uintptr_t)packed.data, packed.len);
        free((void *)(uintptr_t)packed.data);
    }
}

bool
host_id(const char *root, char ret_id[HOST_ID_LEN + 1])
{
    char path[FILES_PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    uint8_t message[sizeof(HOST_ID_PREFIX) + MACHINE_ID_MAX];
    uint8_t digest[32];
    struct sr_buf in = sr_buf_over(message, sizeof(message));
    struct sr_buf out = sr_buf_over(ret_id, HOST_ID_LEN);

    if (!files_path(path, "%s/etc/machine-id", root) ||
        !files_read(path, MACHINE_ID_MAX, &text, &len)) {
        return false;
    }
    len = strcspn(text, " \t\r\n");
    sr_buf_add_text(&in, HOST_ID_PREFIX);
    sr_buf_add(&in, text, len);
    free(text);
    /* systemd writes "uninitialized" into images that have none yet. */
    if (len != 32 || EVP_Digest(message, in.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    sr_buf_add_hex(&out, (struct sr_span){ digest, sizeof(digest) });
    ret_id[HOST_ID_LEN] = '\0';
    return true;
}
