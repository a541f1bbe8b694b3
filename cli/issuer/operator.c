/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/operator_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "files.h"
#include "issuer/claims.h"
#include "sr/creds.h"
#include "sr/jwt.h"

#include "sr/banned.h"

#define SYSTEM_NAME "SYS"
#define SYSTEM_USER "provision"
#define IDENTITY "operator/identity"
#define SIGNING "operator/signing"
#define ALLOWED_IN_NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define ALLOWED ALLOWED_IN_NAME " "

void
operator_keys_done(struct operator_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof(*keys));
}

static bool
say_memory(struct trouble *trouble)
{
    return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
}

/* ":PORT" or nothing. */
static bool
read_port(const char *text, uint16_t *ret_port)
{
    size_t digits;

    if (*text == '\0') {
        *ret_port = 0;
        return true;
    }
    digits = strspn(text + 1, "0123456789");
    if (*text != ':' || digits == 0 || digits > 5 || text[digits + 1] != '\0') {
        return false;
    }
    long port = strtol(text + 1, NULL, 10);
    *ret_port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

bool
operator_split_url(const char *url, char ret_host[OPERATOR_URL_MAX + 1], uint16_t *ret_port)
{
    const char *host = strstr(url, "://");

    if (host == NULL) {
        return false;
    }
    host += 3;
    bool six = *host == '[';
    host += six ? 1 : 0;
    size_t len = strspn(host, six ? "0123456789abcdefABCDEF:." : ALLOWED_IN_NAME);
    const char *rest = host + len;
    if (len == 0 || len > OPERATOR_URL_MAX || (six && *rest != ']') ||
        !read_port(rest + (six ? 1 : 0), ret_port)) {
        return false;
    }
    memcpy(ret_host, host, len);
    ret_host[len] = '\0';
    return true;
}

static bool
check_url(const char *url, const char *scheme, const char *what, struct trouble *trouble)
{
    char host[OPERATOR_URL_MAX + 1];
    uint16_t port = 0;

    if (strncmp(url, scheme, strlen(scheme)) == 0 && strlen(url) <= OPERATOR_URL_MAX &&
        operator_split_url(url, host, &port)) {
        return true;
    }
    return trouble_say(trouble, EINVAL, "name it as in --help",
        "the %s \"%.64s\" is not %sHOST or %sHOST:PORT", what, url, scheme, scheme);
}

static bool
check_urls(const char *server, const char *api, struct trouble *trouble)
{
    return (server == NULL || check_url(server, "tls://", "server's URL", trouble)) &&
           (api == NULL || check_url(api, "https://", "interface's URL", trouble));
}

static bool
check_name(const char *name, struct trouble *trouble)
{
    size_t len = strlen(name);

    return (len > 0 && len <= OPERATOR_NAME_MAX && strspn(name, ALLOWED) == len) ||
           trouble_say(trouble, EINVAL, "choose another --name",
               "an operator's name is 1 to %d letters, digits, spaces, '.', '_' and '-'",
               OPERATOR_NAME_MAX);
}

static bool
make_keys(struct operator_keys *k, struct trouble *trouble)
{
    bool ok = sr_nkeypair_generate(SR_NKEY_OPERATOR, &k->identity) == SR_NKEY_OK &&
              sr_nkeypair_generate(SR_NKEY_OPERATOR, &k->signing) == SR_NKEY_OK &&
              sr_nkeypair_generate(SR_NKEY_ACCOUNT, &k->system) == SR_NKEY_OK &&
              sr_nkeypair_generate(SR_NKEY_ACCOUNT, &k->system_signing) == SR_NKEY_OK &&
              sr_nkeypair_generate(SR_NKEY_USER, &k->user) == SR_NKEY_OK;

    return ok || trouble_say(trouble, EIO, "run it again", "the system gives no randomness");
}

/* Signs `claims` (taken over, NULL included). free() the token. */
static bool
sign(json_t *claims, const struct sr_nkeypair *issuer, char **ret_token, struct trouble *trouble)
{
    enum sr_jwt_err err = sr_jwt_sign(claims, issuer, store_now(), ret_token);

    json_decref(claims);
    return err == SR_JWT_OK || trouble_say(trouble, ENOMEM, "free memory and run it again",
                                   "cannot sign a token: %s", sr_jwt_strerror(err));
}

/* Signs and keeps a token as a setting. */
static bool
keep_token(struct store *store, const char *name, json_t *claims, const struct sr_nkeypair *issuer,
    struct trouble *trouble)
{
    char *token = NULL;

    if (!sign(claims, issuer, &token, trouble)) {
        return false;
    }
    bool ok = store_set(store, name, token, trouble);
    free(token);
    return ok;
}

static json_t *
operator_claims(const char *name, const struct operator_keys *k)
{
    json_t *claims = claims_operator(name, k->identity.public_text, k->system.public_text);

    if (claims_add_signer(claims, k->signing.public_text) != 0 || claims_be_strict(claims) != 0) {
        json_decref(claims);
        return NULL;
    }
    return claims;
}

static json_t *
system_claims(const struct operator_keys *k)
{
    json_t *claims = claims_system(SYSTEM_NAME, k->system.public_text);

    if (claims_add_signer(claims, k->system_signing.public_text) != 0) {
        json_decref(claims);
        return NULL;
    }
    return claims;
}

static bool
keep_creds(struct store *store, const struct operator_keys *k, struct trouble *trouble)
{
    uint8_t memory[STORE_SECRET_MAX];
    char seed[SR_NKEY_SEED_LEN + 1];
    char *token = NULL;
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));
    json_t *claims = claims_user(SYSTEM_USER, k->user.public_text, k->system.public_text);

    if (claims_allow_push(claims) != 0) {
        json_decref(claims);
        return say_memory(trouble);
    }
    if (!sign(claims, &k->system_signing, &token, trouble)) {
        return false;
    }
    sr_nkey_seed_encode(k->user.type, k->user.seed, seed);
    sr_creds_format(&out, (struct sr_span){ (const uint8_t *)token, strlen(token) },
        (struct sr_span){ (const uint8_t *)seed, SR_NKEY_SEED_LEN });
    bool ok = !out.overflow || say_memory(trouble);
    ok = ok && store_keep_secret(
                   store, "creds", "system", (struct sr_span){ out.data, out.len }, trouble);
    OPENSSL_cleanse(memory, sizeof(memory));
    OPENSSL_cleanse(seed, sizeof(seed));
    free(token);
    return ok;
}

bool
operator_keep_signing(
    struct store *store, const char *name, const struct operator_keys *k, struct trouble *trouble)
{
    return store_keep_pair(store, SIGNING, &k->signing, trouble) &&
           store_keep_pair(store, "system/signing", &k->system_signing, trouble) &&
           store_set(store, "operator_signing_key", k->signing.public_text, trouble) &&
           store_set(store, "system_user", k->user.public_text, trouble) &&
           keep_token(store, "operator_jwt", operator_claims(name, k), &k->identity, trouble) &&
           keep_token(store, "system_jwt", system_claims(k), &k->signing, trouble) &&
           keep_creds(store, k, trouble);
}

static bool
keep_all(struct store *store, const struct operator_draft *draft, const struct operator_keys *k,
    struct trouble *trouble)
{
    return store_keep_pair(store, IDENTITY, &k->identity, trouble) &&
           store_keep_pair(store, "system/identity", &k->system, trouble) &&
           store_set(store, "operator", draft->name, trouble) &&
           store_set(store, "operator_key", k->identity.public_text, trouble) &&
           store_set(store, "system_key", k->system.public_text, trouble) &&
           store_set(store, "server_url", draft->server_url, trouble) &&
           store_set(store, "api_url", draft->api_url, trouble) &&
           operator_keep_signing(store, draft->name, k, trouble);
}

static bool
create(struct store *store, const struct operator_draft *draft, struct trouble *trouble)
{
    char name[OPERATOR_NAME_MAX + 1];
    struct operator_keys k;

    if (!store_setting(store, "operator", name, sizeof(name), trouble)) {
        return false;
    }
    if (*name != '\0') {
        return trouble_say(trouble, EEXIST, "use it, or name another folder with --dir",
            "%s has the operator \"%s\" already", store_dir(store), name);
    }
    bool ok = make_keys(&k, trouble) && keep_all(store, draft, &k, trouble);
    operator_keys_done(&k);
    return ok;
}

bool
operator_check(const struct operator_draft *draft, struct trouble *trouble)
{
    return check_name(draft->name, trouble) &&
           check_urls(draft->server_url, draft->api_url, trouble);
}

bool
operator_create(struct store *store, const struct operator_draft *draft, struct trouble *trouble)
{
    if (!operator_check(draft, trouble) || !store_begin(store, trouble)) {
        return false;
    }
    if (!create(store, draft, trouble)) {
        store_rollback(store);
        return false;
    }
    return store_commit(store, trouble);
}

/* Whether the identity's seed is here. */
static bool
has_identity(struct store *store, bool *ret_has, struct trouble *trouble)
{
    struct sr_nkeypair pair;

    if (store_pair(store, IDENTITY, &pair, trouble)) {
        sr_nkeypair_done(&pair);
        *ret_has = true;
        return true;
    }
    *ret_has = false;
    return trouble->error == ENOENT;
}

bool
operator_tell(struct store *store, struct operator_facts *ret_facts, struct trouble *trouble)
{
    struct operator_facts f = { .detached = false };
    bool has = false;
    bool ok = store_setting(store, "operator", f.name, sizeof(f.name), trouble) &&
              store_setting(store, "operator_key", f.key, sizeof(f.key), trouble) &&
              store_setting(
                  store, "operator_signing_key", f.signing_key, sizeof(f.signing_key), trouble) &&
              store_setting(store, "system_key", f.system_key, sizeof(f.system_key), trouble) &&
              store_setting(store, "system_user", f.system_user, sizeof(f.system_user), trouble) &&
              store_setting(store, "server_url", f.server_url, sizeof(f.server_url), trouble) &&
              store_setting(store, "api_url", f.api_url, sizeof(f.api_url), trouble);

    if (!ok) {
        return false;
    }
    if (*f.name == '\0') {
        return trouble_say(trouble, ENOENT, "make one with `serviceradar-provision operator init`",
            "%s has no operator yet", store_dir(store));
    }
    if (!has_identity(store, &has, trouble)) {
        return false;
    }
    f.detached = !has;
    *ret_facts = f;
    return true;
}

bool
operator_set_urls(
    struct store *store, const char *server_url, const char *api_url, struct trouble *trouble)
{
    return check_urls(server_url, api_url, trouble) &&
           (server_url == NULL || store_set(store, "server_url", server_url, trouble)) &&
           (api_url == NULL || store_set(store, "api_url", api_url, trouble));
}

static bool
set_file(struct store *store, const char *name, const char *path, struct trouble *trouble)
{
    if (path == NULL || *path == '\0') {
        return path == NULL || store_set(store, name, "", trouble);
    }
    char *real = access(path, R_OK) == 0 ? realpath(path, NULL) : NULL;
    bool ok = real != NULL ? store_set(store, name, real, trouble)
                           : trouble_say(trouble, errno, "name a file that is there to read",
                                 "cannot read %s: %s", path, strerror(errno));
    free(real);
    return ok;
}

bool
operator_set_files(struct store *store, const struct operator_files *files, struct trouble *trouble)
{
    return set_file(store, "server_ca_file", files->ca, trouble) &&
           set_file(store, "server_cert_file", files->cert, trouble) &&
           set_file(store, "server_key_file", files->key, trouble);
}

bool
operator_signing_pair(struct store *store, struct sr_nkeypair *ret_pair, struct trouble *trouble)
{
    return store_pair(store, SIGNING, ret_pair, trouble);
}

bool
operator_tokens(struct store *store, char ret_operator[OPERATOR_TOKEN_MAX],
    char ret_system[OPERATOR_TOKEN_MAX], struct trouble *trouble)
{
    struct operator_facts facts;

    return operator_tell(store, &facts, trouble) &&
           store_setting(store, "operator_jwt", ret_operator, OPERATOR_TOKEN_MAX, trouble) &&
           store_setting(store, "system_jwt", ret_system, OPERATOR_TOKEN_MAX, trouble);
}

bool
operator_creds(struct store *store, char ret_creds[OPERATOR_CREDS_MAX + 1], struct trouble *trouble)
{
    size_t len = 0;

    if (!store_secret(store, "creds", "system", (uint8_t *)ret_creds, &len, trouble)) {
        return false;
    }
    ret_creds[len] = '\0';
    return true;
}

/* ---- The identity, elsewhere ---- */

/* Writes a new file that is on the disk when this returns. */
static bool
write_new(const char *path, const char *text, size_t len, struct trouble *trouble)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        return trouble_say(trouble, errno, "name a file that is not there, in a folder that is",
            "cannot make %s: %s", path, strerror(errno));
    }
    bool ok = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    int error = errno;
    ok = close(fd) == 0 && ok;
    if (!ok) {
        (void)unlink(path);
        return trouble_say(trouble, error, "look whether its disk is full", "cannot write %s: %s",
            path, strerror(error));
    }
    return true;
}

bool
operator_detach(struct store *store, const char *path, struct trouble *trouble)
{
    struct sr_nkeypair pair;
    char text[SR_NKEY_SEED_LEN + 2];

    if (!store_pair(store, IDENTITY, &pair, trouble)) {
        if (trouble->error == ENOENT) {
            (void)trouble_say(trouble, ENOENT, "look where it was taken to",
                "the operator's identity seed is not here any more");
        }
        return false;
    }
    sr_nkey_seed_encode(pair.type, pair.seed, text);
    text[SR_NKEY_SEED_LEN] = '\n';
    bool ok = write_new(path, text, SR_NKEY_SEED_LEN + 1, trouble) &&
              store_drop_secret(store, "nkey", IDENTITY, trouble);
    OPENSSL_cleanse(text, sizeof(text));
    sr_nkeypair_done(&pair);
    return ok;
}

bool
operator_attach(struct store *store, const char *path, struct trouble *trouble)
{
    struct operator_facts facts;
    struct sr_nkeypair pair;
    char *text = NULL;
    size_t len = 0;

    if (!operator_tell(store, &facts, trouble)) {
        return false;
    }
    if (!files_read(path, SR_NKEY_SEED_LEN + 1, &text, &len)) {
        return trouble_say(trouble, errno, "name the file that `operator detach` wrote",
            "cannot read %s: %s", path, strerror(errno));
    }
    size_t seed_len = len > 0 && text[len - 1] == '\n' ? len - 1 : len;
    enum sr_nkey_err err =
        sr_nkeypair_from_text((struct sr_span){ (const uint8_t *)text, seed_len }, &pair);
    OPENSSL_cleanse(text, len);
    free(text);
    bool ours = err == SR_NKEY_OK && strcmp(pair.public_text, facts.key) == 0;
    bool ok = ours ? store_keep_pair(store, IDENTITY, &pair, trouble)
                   : trouble_say(trouble, EINVAL, "name the file that `operator detach` wrote",
                         "%s is not the seed of the operator %s", path, facts.key);
    if (err == SR_NKEY_OK) {
        sr_nkeypair_done(&pair);
    }
    return ok;
}
