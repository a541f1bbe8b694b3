/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "files.h"
#include "issuer/authority.h"
#include "issuer/collector_parts.h"
#include "issuer/package.h"
#include "issuer/x509.h"
#include "sr/buf.h"
#include "sr/creds.h"
#include "sr/jwt.h"

#include "sr/banned.h"

#define CERTIFICATE_DAYS 365
#define URLS_MAX 2048
#define FILES_MAX 8
#define NAME_TEXT_MAX 64
#define README_MAX 1024

/* All that goes into a bundle. Texts are owned; done() wipes and frees. */
struct contents {
    struct user_made user;
    struct authority_made made;
    char *creds; /* NULL with a key of the host */
    char *config;
    char *chain; /* by which the collector knows the server */
};

static void
wipe(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}

static void
contents_done(struct contents *contents)
{
    user_made_done(&contents->user);
    authority_made_done(&contents->made);
    wipe(contents->creds);
    free(contents->config);
    free(contents->chain);
}

void
collector_bundle_done(struct collector_bundle *bundle)
{
    if (bundle->bytes != NULL) {
        OPENSSL_cleanse(bundle->bytes, bundle->len);
        free(bundle->bytes);
    }
    *bundle = (struct collector_bundle){ NULL, 0 };
}

static bool
say_memory(struct trouble *trouble)
{
    return trouble_say(trouble, ENOMEM, "free memory and run it again", "there is no memory left");
}

/* Before anything is issued: what a host sent must be what a user and a certificate can be of. */
static bool
check_keys(const struct collector_keys *keys, struct trouble *trouble)
{
    enum sr_nkey_type type;
    uint8_t key[SR_NKEY_BYTES];

    if (keys == NULL) {
        return true;
    }
    if (keys->csr == NULL || keys->nkey == NULL) {
        return trouble_say(
            trouble, EBADMSG, "send both, or neither", "a CSR comes with a public nkey");
    }
    struct sr_span nkey = { (const uint8_t *)keys->nkey,
        strnlen(keys->nkey, SR_NKEY_PUBLIC_LEN + 1) };
    if (sr_nkey_public_decode(nkey, &type, key) != SR_NKEY_OK || type != SR_NKEY_USER) {
        return trouble_say(trouble, EBADMSG, "send the public key of a user, \"U...\"",
            "the nkey is none of a user");
    }
    enum x509_err err = x509_check_request(keys->csr);
    return err == X509_IDENTITY_OK ||
           trouble_say(trouble, EBADMSG, "make it anew from the host's own key",
               "the CSR is refused: %s", x509_strerror(err));
}

static bool
issue_certificate(struct store *store, const struct collector_row *row,
    const struct collector_keys *keys, bool spare, struct contents *contents,
    struct trouble *trouble)
{
    char component[COLLECTOR_COMPONENT_MAX];
    const struct authority_draft draft = { .account = row->c.account,
        .component = component,
        .partition = row->c.site,
        .type = row->c.type,
        .csr = keys != NULL ? keys->csr : NULL,
        .days = CERTIFICATE_DAYS };

    collector_component(&row->c, component);
    return authority_issue(store, &draft, &contents->made, trouble) &&
           (spare || row->serial[0] == '\0' ||
               authority_revoke(store, row->serial, "superseded", trouble));
}

static bool
format_creds(struct contents *contents, struct trouble *trouble)
{
    static const size_t room = SR_JWT_MAX + 1024;
    char *text = malloc(room);

    if (text == NULL) {
        return say_memory(trouble);
    }
    struct sr_buf out = sr_buf_over(text, room);
    sr_creds_format(&out,
        (struct sr_span){ (const uint8_t *)contents->user.jwt, strlen(contents->user.jwt) },
        (struct sr_span){ (const uint8_t *)contents->user.seed, strlen(contents->user.seed) });
    sr_buf_put(&out, '\0');
    if (out.overflow) {
        wipe(text);
        return say_memory(trouble);
    }
    contents->creds = text;
    return true;
}

static bool
issue_user(struct store *store, const struct collector_row *row, const struct collector_keys *keys,
    bool spare, struct contents *contents, struct trouble *trouble)
{
    char name[USER_NAME_MAX + 1];
    const struct user_draft draft = { .account = row->c.account,
        .name = name,
        .role = row->c.type,
        .public_key = keys != NULL ? keys->nkey : NULL,
        .expires_s = contents->made.expires_s,
        .spare_former = spare };

    collector_user_name(&row->c, name);
    return user_create(store, &draft, &contents->user, trouble) &&
           (keys != NULL || format_creds(contents, trouble));
}

/*
 * By which authorities the collector knows the server: ours, and behind them those of the file that
 * the setting "server_ca_file" names, for a server with a certificate of another authority.
 */
static bool
add_chain(struct store *store, struct contents *contents, struct trouble *trouble)
{
    char path[FILES_PATH_MAX];
    char *other = NULL;
    size_t len = 0;

    if (!store_setting(store, "server_ca_file", path, sizeof(path), trouble)) {
        return false;
    }
    if (path[0] != '\0' && !files_read(path, AUTHORITY_PEM_MAX, &other, &len)) {
        return trouble_errno(trouble, errno, "read the server's CA in", path + 1);
    }
    if (asprintf(&contents->chain, "%s%s", contents->made.chain, other != NULL ? other : "") < 0) {
        contents->chain = NULL;
    }
    free(other);
    return contents->chain != NULL || say_memory(trouble);
}

static bool
add_config(struct store *store, const struct collector_row *row, bool has_tls,
    struct contents *contents, struct trouble *trouble)
{
    char urls[URLS_MAX];
    const struct collector_config config = { .type = row->c.type,
        .site = row->c.site,
        .urls = urls,
        .overrides = row->overrides,
        .has_tls = has_tls };

    if (!store_setting(store, "server_url", urls, sizeof(urls), trouble)) {
        return false;
    }
    if (urls[0] == '\0') {
        return trouble_say(trouble, 0,
            "set it: serviceradar-provision operator set --server tls://HOST:4222",
            "collectors cannot be told where the NATS server is: its URL is not set");
    }
    contents->config = collector_config_text(&config);
    return contents->config != NULL || say_memory(trouble);
}

static struct sr_span
span(const char *text)
{
    return (struct sr_span){ (const uint8_t *)text, strlen(text) };
}

static const char README[] =
    "# Bundle of the collector %s (%s, site %s)\n"
    "\n"
    "Copy the archive as it is to its host, and there, as root:\n"
    "\n"
    "    serviceradar-cli bundle apply FILE\n"
    "\n"
    "checks it, puts its files in place, proves that they work and starts the service. Whoever\n"
    "has this archive is this collector: delete it afterwards.\n";

/* The files in the order of their names. */
static bool
pack_tar(const struct collector_row *row, const struct contents *contents,
    struct collector_bundle *ret_bundle, struct trouble *trouble)
{
    char folder[NAME_TEXT_MAX], config[NAME_TEXT_MAX], readme[README_MAX];
    struct package_file files[FILES_MAX];
    size_t n = 0;

    (void)snprintf(
        folder, sizeof(folder), "collector-package-%.*s", COLLECTOR_SHORT_LEN, row->c.id);
    (void)snprintf(config, sizeof(config), "config/%s.json", row->c.type);
    (void)snprintf(readme, sizeof(readme), README, row->c.id, row->c.type, row->c.site);
    files[n++] = (struct package_file){ "README.md", span(readme), 0644 };
    files[n++] = (struct package_file){ "certs/ca-chain.pem", span(contents->chain), 0644 };
    if (contents->made.key != NULL) {
        files[n++] =
            (struct package_file){ "certs/collector-key.pem", span(contents->made.key), 0600 };
    }
    files[n++] =
        (struct package_file){ "certs/collector.pem", span(contents->made.certificate), 0644 };
    files[n++] = (struct package_file){ config, span(contents->config), 0644 };
    if (contents->creds != NULL) {
        files[n++] = (struct package_file){ "creds/nats.creds", span(contents->creds), 0600 };
    } else {
        files[n++] = (struct package_file){ "creds/user.jwt", span(contents->user.jwt), 0600 };
    }
    return package_write(folder, store_now(), files, n, &ret_bundle->bytes, &ret_bundle->len) ||
           say_memory(trouble);
}

/* The answer of the oldest interface: no TLS material, so the configuration has none either. */
static bool
pack_json(const struct collector_row *row, const struct contents *contents,
    struct collector_bundle *ret_bundle, struct trouble *trouble)
{
    char creds[NAME_TEXT_MAX], config[NAME_TEXT_MAX], service[NAME_TEXT_MAX];

    (void)snprintf(creds, sizeof(creds), "/etc/serviceradar/creds/%s.creds", row->c.type);
    (void)snprintf(config, sizeof(config), "/etc/serviceradar/%s.json", row->c.type);
    (void)snprintf(service, sizeof(service), "serviceradar-%s", row->c.type);
    json_t *answer = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}}",
        "collector_type", row->c.type, "package_id", row->c.id, "site", row->c.site, "hostname",
        row->c.hostname, "nats_creds", contents->creds, "config", contents->config, "install_hints",
        "creds_path", creds, "config_path", config, "service_name", service);
    char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (text == NULL) {
        return say_memory(trouble);
    }
    *ret_bundle = (struct collector_bundle){ (uint8_t *)text, strlen(text) };
    return true;
}

/* What the database is to know of the credentials that go out. */
static bool
keep(struct store *store, const struct collector_row *row, const struct contents *contents,
    struct trouble *trouble)
{
    bool fetched = row->c.state == COLLECTOR_READY || row->c.state == COLLECTOR_FAILED;

    return store_run(store, trouble, NULL,
               "UPDATE collector SET user_key = ?, serial = ? WHERE id = ?", "ttt",
               contents->user.key, contents->made.serial, row->c.id) &&
           (!fetched ||
               (collector_end_tokens(store, row->c.id, trouble) &&
                   collector_set_state(store, row->c.id, COLLECTOR_DOWNLOADED, "", trouble))) &&
           collector_audit(store, "collector bundle", row->c.id, contents->made.serial, trouble);
}

/* With `spare` the credentials before are not revoked. */
static bool
fill(struct store *store, const char *id, const struct collector_keys *keys,
    enum collector_layout layout, bool spare, struct contents *contents,
    struct collector_bundle *ret_bundle, struct trouble *trouble)
{
    struct collector_row row;

    if (!collector_load_known(store, id, &row, trouble)) {
        return false;
    }
    if (row.c.state == COLLECTOR_REVOKED || row.c.state == COLLECTOR_PENDING) {
        return trouble_say(trouble, 0, "make another with serviceradar-provision collector create",
            "the collector %s is %s", id, collector_state_name(row.c.state));
    }
    return issue_certificate(store, &row, keys, spare, contents, trouble) &&
           issue_user(store, &row, keys, spare, contents, trouble) &&
           add_config(store, &row, layout == COLLECTOR_TAR, contents, trouble) &&
           add_chain(store, contents, trouble) && keep(store, &row, contents, trouble) &&
           (layout == COLLECTOR_TAR ? pack_tar(&row, contents, ret_bundle, trouble)
                                    : pack_json(&row, contents, ret_bundle, trouble));
}

static bool
bundle(struct store *store, const char *id, const struct collector_keys *keys,
    enum collector_layout layout, bool spare, struct collector_bundle *ret_bundle,
    struct trouble *trouble)
{
    struct contents contents = { .creds = NULL };
    struct collector_bundle packed = { NULL, 0 };

    if (keys != NULL && keys->csr == NULL && keys->nkey == NULL) {
        keys = NULL;
    }
    if (layout == COLLECTOR_JSON) {
        keys = NULL; /* that interface knows none */
    }
    if (!check_keys(keys, trouble) || !store_begin(store, trouble)) {
        return false;
    }
    bool ok = fill(store, id, keys, layout, spare, &contents, &packed, trouble);
    contents_done(&contents);
    if (!ok) {
        store_rollback(store);
    } else {
        ok = store_commit(store, trouble);
    }
    if (!ok) {
        collector_bundle_done(&packed);
        return false;
    }
    *ret_bundle = packed;
    return true;
}

bool
collector_bundle(struct store *store, const char *id, const struct collector_keys *keys,
    enum collector_layout layout, struct collector_bundle *ret_bundle, struct trouble *trouble)
{
    return bundle(store, id, keys, layout, false, ret_bundle, trouble);
}

/* The text that a renewal signs. */
static bool
signed_text(const char *id, const struct collector_renewal *renewal, struct sr_buf *out)
{
    char hash[COLLECTOR_HASH_LEN + 1];

    if (!collector_sha256(span(renewal->keys.csr), hash)) {
        return false;
    }
    sr_buf_add_text(out, "serviceradar-renew-v1\n");
    sr_buf_add_text(out, id);
    sr_buf_put(out, '\n');
    sr_buf_add_u64(out, renewal->time_s);
    sr_buf_put(out, '\n');
    sr_buf_add_text(out, renewal->keys.nkey);
    sr_buf_put(out, '\n');
    sr_buf_add_text(out, hash);
    return !out->overflow;
}

static bool
signed_by(const char *public_key, const char *id, const struct collector_renewal *renewal)
{
    uint8_t memory[512];
    struct sr_buf text = sr_buf_over(memory, sizeof(memory));
    enum sr_nkey_type type;
    uint8_t key[SR_NKEY_BYTES];

    return sr_nkey_public_decode(span(public_key), &type, key) == SR_NKEY_OK &&
           type == SR_NKEY_USER && signed_text(id, renewal, &text) &&
           sr_nkey_verify(key, sr_buf_span(&text), renewal->signature) == SR_NKEY_OK;
}

/* The signature comes first: who has no key learns nothing from the answers. */
static enum collector_refusal
judge_renewal(
    const struct collector_row *row, const struct collector_renewal *renewal, const char *signer)
{
    uint64_t now = store_now();
    uint64_t apart = now > renewal->time_s ? now - renewal->time_s : renewal->time_s - now;

    if (signer == NULL) {
        return COLLECTOR_BAD_TOKEN;
    }
    if (apart > COLLECTOR_RENEWAL_SLACK_S) {
        return COLLECTOR_EXPIRED;
    }
    if (renewal->time_s <= row->renewed_s) {
        return COLLECTOR_SPENT;
    }
    return row->c.state == COLLECTOR_INSTALLED || row->c.state == COLLECTOR_DOWNLOADED
               ? COLLECTOR_GRANTED
               : COLLECTOR_NOT_READY;
}

/* Whose key signed: the collector's newest, or the former one while it is good; NULL for neither.
 */
static const char *
find_signer(const struct collector_row *row, const struct collector_former *former,
    const struct collector_renewal *renewal)
{
    if (signed_by(row->user_key, row->c.id, renewal)) {
        return row->user_key;
    }
    return former->until_s > store_now() && signed_by(former->key, row->c.id, renewal) ? former->key
                                                                                       : NULL;
}

/*
 * Issues new credentials beside those that the host works with: the ones that signed. Whatever else
 * there is, it never worked with, or does not any more.
 */
static bool
issue_beside(struct store *store, const struct collector_row *row,
    const struct collector_former *former, const struct collector_renewal *renewal,
    const char *signer, struct collector_bundle *ret_bundle, struct trouble *trouble)
{
    bool again = strcmp(renewal->keys.nkey, row->user_key) == 0;
    bool spare = signer == row->user_key && !again;

    if (strcmp(renewal->keys.nkey, former->key) == 0) {
        return trouble_say(trouble, EBADMSG, "make a new key", "that key was replaced before");
    }
    if (spare && !(collector_end_former(store, row->c.id, trouble) &&
                     collector_keep_former(store, row, trouble))) {
        return false;
    }
    if (signer == former->key && !collector_prolong_former(store, row->c.id, trouble)) {
        return false;
    }
    return bundle(store, row->c.id, &renewal->keys, COLLECTOR_TAR, spare, ret_bundle, trouble);
}

/* In a transaction: what comes of a renewal of a collector that is known. */
static bool
renew(struct store *store, const struct collector_row *row, const struct collector_renewal *renewal,
    struct collector_bundle *ret_bundle, enum collector_refusal *ret_refusal,
    struct trouble *trouble)
{
    struct collector_former former;

    if (!collector_load_former(store, row->c.id, &former, trouble)) {
        return false;
    }
    const char *signer = find_signer(row, &former, renewal);
    enum collector_refusal refusal = judge_renewal(row, renewal, signer);
    if (!collector_check_account(store, row, &refusal, trouble)) {
        return false;
    }
    if (refusal == COLLECTOR_GRANTED &&
        !(store_run(store, trouble, NULL, "UPDATE collector SET renewed_s = ? WHERE id = ?", "it",
              (int64_t)renewal->time_s, row->c.id) &&
            store_audit(store, signer, "collector renew", row->c.id, "", trouble) &&
            issue_beside(store, row, &former, renewal, signer, ret_bundle, trouble))) {
        return false;
    }
    *ret_refusal = refusal;
    return true;
}

bool
collector_renew(struct store *store, const char *id, const struct collector_renewal *renewal,
    struct collector_bundle *ret_bundle, enum collector_refusal *ret_refusal,
    struct trouble *trouble)
{
    struct collector_row row;
    struct collector_bundle bundle = { NULL, 0 };
    enum collector_refusal refusal = COLLECTOR_UNKNOWN;
    struct trouble bad_keys;
    bool found = false;

    if (renewal->keys.csr == NULL || renewal->keys.nkey == NULL ||
        !check_keys(&renewal->keys, &bad_keys)) {
        *ret_refusal = COLLECTOR_NO_TOKEN;
        return true;
    }
    if (!store_begin(store, trouble)) {
        return false;
    }
    bool ok = collector_load(store, id, &row, &found, trouble) &&
              (!found || renew(store, &row, renewal, &bundle, &refusal, trouble));
    if (!ok) {
        store_rollback(store);
    } else {
        ok = store_commit(store, trouble);
    }
    if (!ok) {
        collector_bundle_done(&bundle);
        return false;
    }
    *ret_bundle = bundle;
    *ret_refusal = refusal;
    return true;
}
