/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "files.h"
#include "sr/base64url.h"
#include "sr/buf.h"

#include "sr/banned.h"

#define PRIVATE_BYTES 64 /* of a key pair, as the platform writes private keys */
#define SUFFIX ".pub"

/* Longest text that a key has: hexadecimal of a private one. */
#define TEXT_MAX ((size_t)PRIVATE_BYTES * 2)

enum trust_err
trust_key_id(const uint8_t key[TRUST_KEY_BYTES], char ret_id[TRUST_ID_LEN + 1])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct sr_buf id = sr_buf_over(ret_id, TRUST_ID_LEN + 1);

    if (EVP_Digest(key, TRUST_KEY_BYTES, digest, NULL, EVP_sha256(), NULL) != 1) {
        return TRUST_ECRYPTO;
    }
    sr_buf_add_hex(&id, (struct sr_span){ digest, TRUST_ID_LEN / 2 });
    sr_buf_put(&id, '\0');
    return TRUST_OK;
}

/* Copies as much as fits of what people read. */
static void
copy_origin(char out[TRUST_ORIGIN_MAX], const char *text)
{
    size_t len = strnlen(text, TRUST_ORIGIN_MAX - 1);

    memcpy(out, text, len);
    out[len] = '\0';
}

static bool
is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct sr_span
trimmed(struct sr_span text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
decode_hex(struct sr_span text, struct sr_buf *out)
{
    if (text.len % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]);
        int low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        sr_buf_put(out, (uint8_t)(high << 4 | low));
    }
    return !out->overflow;
}

/* Base 64 of one of the two alphabets, padded to a multiple of four characters or not at all. */
static bool
decode_base64(struct sr_span text, struct sr_buf *out)
{
    uint8_t url[TEXT_MAX];
    bool standard = false;
    bool other = false;
    size_t pads = 0;

    if (text.len > sizeof(url)) {
        return false;
    }
    while (pads < 2 && pads < text.len && text.data[text.len - 1 - pads] == '=') {
        pads++;
    }
    if (pads > 0 && text.len % 4 != 0) {
        return false;
    }
    text.len -= pads;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        standard = standard || c == '+' || c == '/';
        other = other || c == '-' || c == '_';
        url[i] = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    bool ok = !(standard && other) && sr_base64url_decode(out, (struct sr_span){ url, text.len });
    OPENSSL_cleanse(url, sizeof(url));
    return ok;
}

/*
 * Points of small order (RFC 8032, section 5.1.7, and 8.9 on what they are good for): a signature
 * that verifies for them can be made by anybody. A file of zeros is one. The sign bit is cleared.
 */
static bool
is_weak(const uint8_t key[TRUST_KEY_BYTES])
{
    static const char *const weak[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t unsigned_key[TRUST_KEY_BYTES];
    char text[TRUST_KEY_BYTES * 2 + 1];
    struct sr_buf hex = sr_buf_over(text, sizeof(text));

    memcpy(unsigned_key, key, sizeof(unsigned_key));
    unsigned_key[TRUST_KEY_BYTES - 1] &= 0x7f;
    sr_buf_add_hex(&hex, (struct sr_span){ unsigned_key, sizeof(unsigned_key) });
    sr_buf_put(&hex, '\0');
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        if (strcmp(text, weak[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum trust_err
decode_key(struct sr_span text, uint8_t ret_key[TRUST_KEY_BYTES])
{
    uint8_t bytes[PRIVATE_BYTES];
    struct sr_buf out = sr_buf_over(bytes, sizeof(bytes));

    text = trimmed(text);
    if (!decode_hex(text, &out)) {
        out = sr_buf_over(bytes, sizeof(bytes));
        if (!decode_base64(text, &out)) {
            out.len = 0;
        }
    }
    enum trust_err err = out.len == TRUST_KEY_BYTES ? TRUST_OK
                         : out.len == PRIVATE_BYTES ? TRUST_EPRIVATE
                                                    : TRUST_EENCODING;
    if (err == TRUST_OK && is_weak(bytes)) {
        err = TRUST_EWEAK;
    }
    if (err == TRUST_OK) {
        memcpy(ret_key, bytes, TRUST_KEY_BYTES);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return err;
}

enum trust_err
trust_add_text(struct trust *trust, struct sr_span text, const char *origin)
{
    struct trust_key key;
    enum trust_err err = decode_key(text, key.bytes);

    if (err != TRUST_OK) {
        return err;
    }
    for (size_t i = 0; i < trust->count; i++) {
        if (memcmp(trust->keys[i].bytes, key.bytes, TRUST_KEY_BYTES) == 0) {
            return TRUST_OK;
        }
    }
    if (trust->count == TRUST_KEYS_MAX) {
        return TRUST_EMANY;
    }
    err = trust_key_id(key.bytes, key.id);
    if (err == TRUST_OK) {
        copy_origin(key.origin, origin);
        trust->keys[trust->count++] = key;
    }
    return err;
}

/* Whether only root and this user could have made `fd` what it is. */
static bool
is_ours(const struct stat *st)
{
    return (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 && (st->st_uid == 0 || st->st_uid == geteuid());
}

static enum trust_err
open_error(void)
{
    if (errno == ENOMEM) {
        return TRUST_ENOMEM;
    }
    return errno == ENOENT || errno == ENOTDIR ? TRUST_EMISSING : TRUST_EREAD;
}

static enum trust_err
read_open_file(int fd, uint8_t *memory, size_t cap, size_t *ret_len)
{
    struct stat st;
    size_t len = 0;
    ssize_t got;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return TRUST_EREAD;
    }
    if (!is_ours(&st)) {
        return TRUST_EOWNER;
    }
    do {
        got = read(fd, memory + len, cap - len);
        len += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && len < cap) || (got < 0 && errno == EINTR));
    if (got < 0) {
        return TRUST_EREAD;
    }
    *ret_len = len;
    return TRUST_OK;
}

enum trust_err
trust_add_file(struct trust *trust, const char *path)
{
    uint8_t memory[TRUST_FILE_MAX + 1];
    size_t len = 0;
    /* Without O_NONBLOCK, opening a FIFO would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return open_error();
    }
    enum trust_err err = read_open_file(fd, memory, sizeof(memory), &len);
    (void)close(fd);
    if (err == TRUST_OK && len > TRUST_FILE_MAX) {
        err = TRUST_ETOOBIG;
    }
    if (err == TRUST_OK) {
        err = trust_add_text(trust, (struct sr_span){ memory, len }, path);
    }
    /* It may have been a private key. */
    OPENSSL_cleanse(memory, sizeof(memory));
    return err;
}

enum trust_err
trust_add_argument(struct trust *trust, const char *value)
{
    struct sr_span text = { (const uint8_t *)value, strlen(value) };
    enum trust_err err = trust_add_text(trust, text, "--trust-key");

    if (err != TRUST_EENCODING) {
        return err;
    }
    enum trust_err file_err = trust_add_file(trust, value);
    /* Neither key nor file: without a slash it was most likely meant as a key. */
    bool is_key = file_err == TRUST_EMISSING && strchr(value, '/') == NULL;
    return is_key ? TRUST_EENCODING : file_err;
}

enum trust_err
trust_add_environment(struct trust *trust)
{
    const char *value = getenv(TRUST_ENVIRONMENT);

    if (value == NULL || value[0] == '\0') {
        return TRUST_OK;
    }
    return trust_add_text(
        trust, (struct sr_span){ (const uint8_t *)value, strlen(value) }, TRUST_ENVIRONMENT);
}

static int
is_key_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    size_t suffix = sizeof(SUFFIX) - 1;

    return entry->d_name[0] != '.' && len > suffix &&
           strcmp(entry->d_name + len - suffix, SUFFIX) == 0;
}

/* By bytes: an order by the locale would not be the same for everybody. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum trust_err
add_named(struct trust *trust, const char *folder, const char *name, char culprit[TRUST_ORIGIN_MAX])
{
    char path[FILES_PATH_MAX];

    if (!files_path(path, "%s/%s", folder, name)) {
        return TRUST_EREAD;
    }
    enum trust_err err = trust_add_file(trust, path);
    if (err != TRUST_OK) {
        copy_origin(culprit, path);
    }
    return err;
}

static enum trust_err
add_all(struct trust *trust, const char *folder, char culprit[TRUST_ORIGIN_MAX])
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_key_file, by_name);
    enum trust_err err = count < 0 ? open_error() : TRUST_OK;

    for (int i = 0; i < count; i++) {
        if (err == TRUST_OK) {
            err = add_named(trust, folder, entries[i]->d_name, culprit);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}

enum trust_err
trust_add_folder(struct trust *trust, const char *path, char culprit[TRUST_ORIGIN_MAX])
{
    struct trust before = *trust;
    struct stat st;

    copy_origin(culprit, path);
    if (stat(path, &st) != 0) {
        enum trust_err err = open_error();
        return err == TRUST_EMISSING ? TRUST_OK : err;
    }
    if (!S_ISDIR(st.st_mode)) {
        return TRUST_EREAD;
    }
    if (!is_ours(&st)) {
        return TRUST_EOWNER;
    }
    enum trust_err err = add_all(trust, path, culprit);
    if (err != TRUST_OK) {
        *trust = before;
    }
    return err;
}

const struct trust_key *
trust_find(const struct trust *trust, const char *id)
{
    for (size_t i = 0; i < trust->count; i++) {
        if (strcmp(trust->keys[i].id, id) == 0) {
            return &trust->keys[i];
        }
    }
    return NULL;
}

const char *
trust_cause(enum trust_err err)
{
    switch (err) {
    case TRUST_OK: return "The key is good.";
    case TRUST_EENCODING: return "This is not a public key: 32 bytes in base 64 or hexadecimal.";
    case TRUST_EPRIVATE: return "This is a private key where a public one belongs.";
    case TRUST_EWEAK: return "Anybody could make signatures that this key accepts.";
    case TRUST_EMISSING: return "The key file does not exist.";
    case TRUST_EREAD: return "The key file or its folder cannot be read.";
    case TRUST_ETOOBIG: return "The key file is over 4 KiB, which no public key is.";
    case TRUST_EOWNER:
        return "Others than root could have written the key file or its folder, and with it "
               "decided whose tokens this host obeys.";
    case TRUST_EMANY: return "There are more than 32 trusted keys.";
    case TRUST_ENOMEM: return "Out of memory while reading the trusted keys.";
    case TRUST_ECRYPTO: return "The cryptographic library failed.";
    }
    return "Unknown error of a trusted key.";
}

const char *
trust_remedy(enum trust_err err)
{
    switch (err) {
    case TRUST_OK: return "Nothing is to be done.";
    case TRUST_EENCODING: return "Copy the issuer's public key again, whole and alone.";
    case TRUST_EPRIVATE:
        return "Put the issuer's public key there, and have its key replaced: a private key that "
               "was copied is no secret any more.";
    case TRUST_EWEAK: return "Put the issuer's real public key there.";
    case TRUST_EMISSING: return "Correct the path, or give the key itself.";
    case TRUST_EREAD: return "See that it is a regular file in a folder, and run this as root.";
    case TRUST_ETOOBIG: return "Put one public key there, and nothing else.";
    case TRUST_EOWNER:
        return "See who wrote it and whether the key is the issuer's; then give it to root and "
               "take away write permission from group and others.";
    case TRUST_EMANY: return "Remove the keys of issuers that are gone.";
    case TRUST_ENOMEM: return "Free some memory and try again.";
    case TRUST_ECRYPTO: return "Try again; if it stays, reinstall the libcrypto package.";
    }
    return "Report this as a bug.";
}
