/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/creds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "sr/jwt.h"
#include "sr/nkeypair.h"

#include "sr/banned.h"

#define INBOX "_INBOX"

static uint64_t
get_seconds(const json_t *claims, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(claims, name));
    return value > 0 ? (uint64_t)value : 0;
}

static struct sr_span
get_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct sr_span){ (const uint8_t *)json_string_value(value), json_string_length(value) };
}

/* Copies as much of `text` as fits, and a NUL. */
static void
copy_text(char *out, size_t size, struct sr_span text)
{
    size_t len = text.len < size ? text.len : size - 1;

    if (len > 0) {
        memcpy(out, text.data, len);
    }
    out[len] = '\0';
}

static bool
is_text(struct sr_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.data, text, span.len) == 0;
}

/*
 * The prefix P of a subject "P.>" under _INBOX. Another wildcard in it would allow replies, but not
 * a subscription to all that is below one prefix.
 */
static bool
inbox_of(struct sr_span subject, char out[SR_CREDS_TEXT_MAX])
{
    static const size_t root = sizeof(INBOX) - 1;

    if (subject.len < root + 2 || subject.len - 2 >= SR_CREDS_TEXT_MAX ||
        memcmp(subject.data, INBOX ".", root + 1) != 0 ||
        memcmp(subject.data + subject.len - 2, ".>", 2) != 0) {
        return false;
    }
    struct sr_span prefix = { subject.data, subject.len - 2 };
    if (memchr(prefix.data, '*', prefix.len) != NULL) {
        return false;
    }
    copy_text(out, SR_CREDS_TEXT_MAX, prefix);
    return true;
}

/*
 * Whether the token leaves permissions and limits to its signing key's template: the server demands
 * then that it has none of its own, and limits are never absent otherwise (-1 is "no limit").
 */
static bool
is_scoped(const json_t *claims, const json_t *user)
{
    static const char *const own[] = { "pub", "sub", "resp", "subs", "data", "payload", "src",
        "times", "bearer_token", "allowed_connection_types" };
    const char *account = json_string_value(json_object_get(user, "issuer_account"));
    const char *issuer = json_string_value(json_object_get(claims, "iss"));

    if (account == NULL || issuer == NULL || *account == '\0' || strcmp(account, issuer) == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        const json_t *value = json_object_get(user, own[i]);
        /* Empty permissions are written as {} by some issuers, and mean none. */
        if (value != NULL && !(json_is_object(value) && json_object_size(value) == 0)) {
            return false;
        }
    }
    return true;
}

/*
 * The inbox of a scoped user. A template that gives each user its own says "_INBOX.{{name()}}.>";
 * below "_INBOX.>", which others say, that prefix is allowed too. A name that is no tokens of a
 * subject cannot be in a template's.
 */
static void
find_scoped_inbox(struct sr_span name, char out[SR_CREDS_TEXT_MAX])
{
    bool good = name.len > 0 && sizeof(INBOX) + name.len < SR_CREDS_TEXT_MAX &&
                name.data[0] != '.' && name.data[name.len - 1] != '.';

    for (size_t i = 0; i < name.len && good; i++) {
        uint8_t c = name.data[i];
        bool twice = c == '.' && name.data[i - 1] == '.';
        good = c > ' ' && c < 0x7f && c != '*' && c != '>' && !twice;
    }
    (void)snprintf(out, SR_CREDS_TEXT_MAX, INBOX "%s%.*s", good ? "." : "",
        good ? (int)name.len : 0, good ? (const char *)name.data : "");
}

static bool
find_inbox(const json_t *user, char out[SR_CREDS_TEXT_MAX])
{
    const json_t *allow = json_object_get(json_object_get(user, "sub"), "allow");
    size_t count = json_array_size(allow);
    bool everything = count == 0;

    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(allow, i);
        struct sr_span subject = { (const uint8_t *)json_string_value(entry),
            json_string_length(entry) };
        if (inbox_of(subject, out)) {
            return true;
        }
        everything = everything || is_text(subject, ">");
    }
    if (everything) {
        copy_text(
            out, SR_CREDS_TEXT_MAX, (struct sr_span){ (const uint8_t *)INBOX, sizeof(INBOX) - 1 });
    }
    return everything;
}

static enum sr_creds_err
check_seed(struct sr_span seed, const char *subject)
{
    struct sr_nkeypair pair;
    enum sr_nkey_err err = sr_nkeypair_from_text(seed, &pair);

    if (err == SR_NKEY_ECRYPTO) {
        return SR_CREDS_ENOMEM;
    }
    if (err != SR_NKEY_OK) {
        return SR_CREDS_ESEED;
    }
    bool user = pair.type == SR_NKEY_USER;
    bool same = strcmp(pair.public_text, subject) == 0;
    sr_nkeypair_done(&pair);
    if (!user) {
        return SR_CREDS_ESEED;
    }
    return same ? SR_CREDS_OK : SR_CREDS_EMISMATCH;
}

static enum sr_creds_err
check_claims(const json_t *claims, struct sr_span seed, uint64_t now_s, struct sr_creds_info *info)
{
    const json_t *user = json_object_get(claims, "nats");
    struct sr_span account = get_text(user, "issuer_account");
    const char *type = json_string_value(json_object_get(user, "type"));

    /* A token that the account's own key signed need not name the account. */
    if (account.len == 0) {
        account = get_text(claims, "iss");
    }
    copy_text(info->name, sizeof(info->name), get_text(claims, "name"));
    copy_text(info->subject, sizeof(info->subject), get_text(claims, "sub"));
    copy_text(info->account, sizeof(info->account), account);
    info->issued_s = get_seconds(claims, "iat");
    info->expires_s = get_seconds(claims, "exp");
    info->publish_allowed = json_array_size(json_object_get(json_object_get(user, "pub"), "allow"));
    if (type == NULL || strcmp(type, "user") != 0) {
        return SR_CREDS_ETYPE;
    }
    enum sr_creds_err err = check_seed(seed, info->subject);
    if (err != SR_CREDS_OK) {
        return err;
    }
    if (info->expires_s != 0 && info->expires_s <= now_s) {
        return SR_CREDS_EEXPIRED;
    }
    if (get_seconds(claims, "nbf") > now_s) {
        return SR_CREDS_ENOTYET;
    }
    if (is_scoped(claims, user)) {
        find_scoped_inbox(get_text(claims, "name"), info->inbox_prefix);
        return SR_CREDS_OK;
    }
    return find_inbox(user, info->inbox_prefix) ? SR_CREDS_OK : SR_CREDS_EINBOX;
}

enum sr_creds_err
sr_creds_check_text(struct sr_span file, uint64_t now_s, struct sr_creds_info *ret_info)
{
    struct sr_creds_text text;
    struct sr_creds_info info = { .name = "" };
    json_t *claims = NULL;
    enum sr_creds_err err = sr_creds_parse(file, &text);

    if (err != SR_CREDS_OK) {
        return err;
    }
    enum sr_jwt_err bad = sr_jwt_verify(text.jwt, &claims);
    if (bad != SR_JWT_OK) {
        return bad == SR_JWT_ENOMEM || bad == SR_JWT_ECRYPTO ? SR_CREDS_ENOMEM : SR_CREDS_EJWT;
    }
    err = check_claims(claims, text.seed, now_s, &info);
    json_decref(claims);
    if (err == SR_CREDS_OK) {
        *ret_info = info;
    }
    return err;
}

/* Reads up to `cap` bytes of a regular file. */
static enum sr_creds_err
read_file(const char *file, uint8_t *memory, size_t cap, size_t *ret_len)
{
    struct stat st;
    size_t len = 0;
    ssize_t got;
    /* Without O_NONBLOCK, opening a FIFO would wait for its writer. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return SR_CREDS_EMISSING;
        }
        return errno == EACCES || errno == EPERM ? SR_CREDS_EACCESS : SR_CREDS_EREAD;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return SR_CREDS_EREAD;
    }
    do {
        got = read(fd, memory + len, cap - len);
        len += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && len < cap) || (got < 0 && errno == EINTR));
    (void)close(fd);
    if (got < 0) {
        return SR_CREDS_EREAD;
    }
    *ret_len = len;
    return SR_CREDS_OK;
}

enum sr_creds_err
sr_creds_check(const char *file, uint64_t now_s, struct sr_creds_info *ret_info)
{
    size_t len = 0;
    uint8_t *memory = malloc(SR_CREDS_MAX + 1);

    if (memory == NULL) {
        return SR_CREDS_ENOMEM;
    }
    enum sr_creds_err err = read_file(file, memory, SR_CREDS_MAX + 1, &len);
    if (err == SR_CREDS_OK) {
        err = len > SR_CREDS_MAX
                  ? SR_CREDS_ETOOBIG
                  : sr_creds_check_text((struct sr_span){ memory, len }, now_s, ret_info);
    }
    OPENSSL_cleanse(memory, len);
    free(memory);
    return err;
}
