/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "command.h"
#include "enroll/bundle_answer.h"
#include "enroll/fetch.h"
#include "enroll/history.h"
#include "enroll/host_keys.h"
#include "enroll/join.h"
#include "enroll/received.h"
#include "enroll/rooted.h"
#include "enroll/unproven.h"
#include "enroll_options.h"
#include "files.h"
#include "sr/creds.h"
#include "sr/nkeypair.h"
#include "told.h"

#include "sr/banned.h"

#define HASH_LEN 64
#define KEYS_NAME_MAX 32
#define TRUST_FOLDER "etc/serviceradar/trust.d"

/*
 * Names the token whose bundle was received and whose issuer was not told yet that it works: the
 * token's hash, and behind it the bundle's.
 */
#define RECEIVED_FOR HISTORY_FOLDER "/bundle.token"
#define RECEIVED_LEN (2 * HASH_LEN)

static const char HELP[] =
    "usage: serviceradar-cli enroll --token-file FILE [OPTION]...\n"
    "       serviceradar-cli enroll [OPTION]... - < FILE\n"
    "\n"
    "Joins this host to a ServiceRadar platform: checks the token and the host, fetches the\n"
    "bundle, puts its files in place all or none, proves that its credentials work and starts the\n"
    "collector. A run that fails leaves the host as it was. Running it again changes nothing.\n"
    "\n"
    "  --token-file FILE   the token is in FILE; \"-\" is standard input\n"
    "  --token TOKEN       the token itself, which others on the host may see then\n"
    "  --core-url URL      the issuer, for a token that does not name one\n"
    "  --ca-file FILE      trust only the CAs in FILE (PEM), not those of the system\n"
    "  --ca-pin sha256:HEX trust only the CA with this public key (SHA-256 of its\n"
    "                      SubjectPublicKeyInfo); tokens of version 3 bring it\n"
    "  --trust-key KEY     a key that signs tokens, or a file with one; may be repeated. Those in\n"
    "                      /etc/serviceradar/trust.d/*.pub are trusted too, and the one in\n"
    "                      SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY\n"
    "  --require-signature refuse tokens that nobody signed (version 1)\n"
    "  --collector TYPE    syslog (flowgger), trapd or netflow, for a bundle that does not say\n"
    "  --instance NAME     one of several of its kind on this host, as netflow@NAME\n"
    "  --config-file NAME  which configuration of the bundle, when it has several\n"
    "  --config-dir DIR    where the configuration goes (/etc/serviceradar)\n"
    "  --cert-dir DIR      where certificates go (/etc/serviceradar/certs)\n"
    "  --creds-dir DIR     where credentials go (/etc/serviceradar/creds)\n"
    "  --root DIR          enrol the system in DIR, such as an image\n"
    "  --timeout SECONDS   of each request (120)\n"
    "  --no-restart        leave the collector's unit as it is\n"
    "  --no-proof          do not connect to the NATS server, for images and hosts without "
    "network\n"
    "  --force             enrol again, and keep no copies of files that an operator changed\n"
    "  --dry-run           stop before the network, and say what would be done\n"
    "  --json              one JSON object instead of lines\n"
    "\n"
    "--host-ip and --config are accepted for the agent's sake and mean nothing here. Proxies are\n"
    "those of the environment (https_proxy, no_proxy).\n"
    "\n"
    "Exit codes: 0 done, or nothing to do; 2 wrong usage, 3 the token, 4 the network or TLS,\n"
    "5 the issuer refuses, 6 the bundle, 7 the files of this host, 8 taken back after a failed "
    "proof.\n";

/* One run. Holds secrets: run_done() wipes it. */
struct run {
    const struct enroll_options *o;
    struct told told;
    struct trouble trouble;
    int exit;
    struct trust trust;
    struct token token;
    char token_hash[HASH_LEN + 1];
    struct generations *g;
    struct join_options join;
    struct fetch_target target;
    char host[HOST_ID_LEN + 1];
    struct host_keys *keys; /* NULL: the issuer makes them */
    char keys_name[KEYS_NAME_MAX];
    struct fetched fetched;
    struct place_content kept; /* the bundle of an earlier run, in the place of `fetched` */
    struct received received;  /* borrows one of these two */
    struct record record;
    bool changed, confirmed;
};

/* ---- The token ---- */

static bool
trust_failed(struct run *r, enum trust_err err, const char *what)
{
    r->exit = JOIN_EXIT_TOKEN;
    return received_say(&r->trouble, trust_cause(err), what, trust_remedy(err));
}

static bool
read_trust(struct run *r)
{
    char folder[FILES_PATH_MAX], culprit[TRUST_ORIGIN_MAX] = "";

    for (size_t i = 0; i < r->o->trust_key_count; i++) {
        enum trust_err err = trust_add_argument(&r->trust, r->o->trust_keys[i]);
        if (err != TRUST_OK) {
            return trust_failed(r, err, "It is that of --trust-key");
        }
    }
    if (!files_path(folder, "%s/" TRUST_FOLDER, r->o->root)) {
        r->exit = JOIN_EXIT_FILES;
        return trouble_errno(&r->trouble, errno, "name", TRUST_FOLDER);
    }
    enum trust_err err = trust_add_folder(&r->trust, folder, culprit);
    if (err != TRUST_OK) {
        return trust_failed(r, err, culprit);
    }
    err = trust_add_environment(&r->trust);
    return err == TRUST_OK ||
           trust_failed(r, err, "It is that of the environment's " TRUST_ENVIRONMENT);
}

/* The text of the token in owned memory, or NULL. */
static char *
read_token_text(struct run *r, size_t *ret_len)
{
    const char *file = r->o->token_file;
    char *text = NULL;
    struct stat st;

    if (strcmp(file, "-") == 0) {
        text = malloc(TOKEN_INPUT_MAX + 1);
        *ret_len = text != NULL ? fread(text, 1, TOKEN_INPUT_MAX + 1, stdin) : 0;
    } else if (!files_read(file, TOKEN_INPUT_MAX, &text, ret_len)) {
        (void)trouble_say(&r->trouble, errno, "check the path and who may read it",
            "cannot read the token from %s: %s", file, strerror(errno));
        return NULL;
    } else if (stat(file, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        told_line(&r->told, 'w', "others on this host can read the token in %s", file);
    }
    if (text == NULL) {
        (void)trouble_say(&r->trouble, ENOMEM, "free memory and run it again",
            "there is no memory for the token");
    }
    return text;
}

/* SHA-256 in hexadecimal. */
static bool
hash(struct run *r, struct sr_span bytes, char out[HASH_LEN + 1])
{
    uint8_t digest[HASH_LEN / 2];
    struct sr_buf text = sr_buf_over(out, HASH_LEN);

    if (EVP_Digest(bytes.data, bytes.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return trouble_say(
            &r->trouble, 0, "reinstall the libcrypto package", "the cryptographic library failed");
    }
    sr_buf_add_hex(&text, (struct sr_span){ digest, sizeof(digest) });
    out[HASH_LEN] = '\0';
    return true;
}

static bool
hash_token(struct run *r)
{
    const char *text = r->token.text;

    if (!hash(r, (struct sr_span){ (const uint8_t *)text, strlen(text) }, r->token_hash)) {
        return false;
    }
    (void)snprintf(r->keys_name, sizeof(r->keys_name), "keys-%.16s", r->token_hash);
    return true;
}

static bool
parse_token(struct run *r, struct sr_span text)
{
    const struct token_options options = { .trust = &r->trust,
        .core_url = r->o->core_url,
        .require_signature = r->o->require_signature,
        .now_s = r->join.now_s };
    struct token_problem problem;
    char memory[256];
    struct sr_buf detail = sr_buf_over(memory, sizeof(memory) - 1);
    enum token_err err = token_read(text, &options, &r->token, &problem);

    if (err == TOKEN_OK) {
        return hash_token(r);
    }
    token_detail(&problem, &detail);
    memory[detail.len] = '\0';
    return received_say(&r->trouble, token_cause(err), memory, token_remedy(err));
}

/* The pin of a signed token and that of --ca-pin are of one CA. */
static bool
choose_pin(struct run *r)
{
    struct https_options *https = &r->target.https;

    if (r->token.has_ca_pin && r->o->has_ca_pin &&
        memcmp(r->token.ca_pin, r->o->ca_pin, TOKEN_PIN_BYTES) != 0) {
        return trouble_say(&r->trouble, 0,
            "compare both with the pin that the issuer shows, and leave --ca-pin away",
            "the token pins another CA than --ca-pin");
    }
    https->ca_pin = r->token.has_ca_pin ? r->token.ca_pin : r->o->has_ca_pin ? r->o->ca_pin : NULL;
    https->ca_file = r->o->ca_file;
    https->timeout_s = r->o->timeout_s;
    return true;
}

static void
say_token(struct run *r)
{
    const struct token *t = &r->token;
    struct told *told = &r->told;

    if (t->is_signed) {
        told_line(told, 'o', "token version %d for %s, signed by key %s (%s)", t->version, t->url,
            t->signer.id, t->signer.origin);
    } else {
        told_line(told, 'o', "token version %d for %s", t->version, t->url);
        told_line(told, 'w',
            "nobody signed this token: whoever gave it to you decides where this host sends its "
            "data");
    }
    if (r->o->token != NULL) {
        told_say(told, 'w',
            "the token was on the command line, where others on this host can see it and shells "
            "keep it: --token-file FILE or \"-\" is better");
    }
    if (t->core_url_ignored) {
        told_line(told, 'w', "--core-url is not used: the token is for %s", t->url);
    }
    if (r->o->for_agents) {
        told_say(told, 'i', "--host-ip and --config mean something for agents only");
    }
}

/* All that can be said of the token without touching anything. */
static bool
read_token(struct run *r)
{
    char *text = r->o->token;
    size_t len = text != NULL ? strlen(text) : 0;

    r->exit = JOIN_EXIT_TOKEN;
    if (text == NULL && (text = read_token_text(r, &len)) == NULL) {
        return false;
    }
    bool ok = parse_token(r, (struct sr_span){ (const uint8_t *)text, len });
    if (text != r->o->token) {
        OPENSSL_cleanse(text, len);
        free(text);
    }
    if (!ok || !choose_pin(r)) {
        return false;
    }
    r->target.url = r->token.url;
    r->target.package_id = r->token.package_id;
    say_token(r);
    return true;
}

/* ---- The host ---- */

static bool
open_host(struct run *r)
{
    const struct generations_options options = { .root = r->o->root, .read_only = r->o->dry_run };

    r->exit = JOIN_EXIT_FILES;
    if (!generations_open(&options, &r->g, &r->trouble)) {
        return false;
    }
    if (generations_found(r->g) == SWAP_UNDONE) {
        told_say(&r->told, 'i', "an earlier run was broken off; what it had begun was undone");
    }
    r->target.host = host_id(r->o->root, r->host) ? r->host : NULL;
    return true;
}

/* Whether a collector of this host was enrolled with the token, and seen to work. */
static bool
find_enrolled(struct run *r, struct record *ret_record)
{
    char names[RECORDS_MAX][RECORD_NAME_MAX];
    struct trouble ignored;

    if (unproven_is(r->o->root)) {
        return false;
    }
    size_t count = record_list(r->o->root, names);
    for (size_t i = 0; i < count; i++) {
        if (record_read(r->o->root, names[i], ret_record, &ignored) &&
            strcmp(ret_record->token_hash, r->token_hash) == 0) {
            return true;
        }
    }
    return false;
}

/* What the options or the name of the configuration in the token tell of the collector. */
static enum bundle_collector
expected_collector(const struct run *r)
{
    char word[TOKEN_CONFIG_MAX + 1];

    if (r->o->collector != BUNDLE_UNTOLD) {
        return r->o->collector;
    }
    (void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(r->token.config, "."), r->token.config);
    return bundle_collector_of(word);
}

static bool
check_host(struct run *r)
{
    r->exit = JOIN_EXIT_FILES;
    return join_preflight(r->g, &r->join, expected_collector(r), told_say, &r->told, &r->trouble);
}

/* ---- The bundle ---- */

/* The hash of the bundle that was received for this token; false when there was none. */
static bool
received_for_token(const struct run *r, char ret_hash[HASH_LEN])
{
    struct place_content text;
    struct trouble ignored;

    if (!rooted_read(r->o->root, RECEIVED_FOR, &text, &ignored)) {
        return false;
    }
    bool same = text.len == RECEIVED_LEN && memcmp(text.bytes, r->token_hash, HASH_LEN) == 0;
    if (same) {
        memcpy(ret_hash, text.bytes + HASH_LEN, HASH_LEN);
    }
    place_free(&text);
    return same;
}

static bool
note_received(struct run *r)
{
    char text[RECEIVED_LEN + 1];

    memcpy(text, r->token_hash, HASH_LEN);
    return hash(r, r->received.raw, text + HASH_LEN) &&
           rooted_write(r->o->root, RECEIVED_FOR,
               (struct sr_span){ (const uint8_t *)text, RECEIVED_LEN }, &r->trouble);
}

/* In the place of an issuer that does not answer or says that the token is spent. */
static bool
take_kept(struct run *r, struct sr_span *ret_raw)
{
    char wanted[HASH_LEN], is[HASH_LEN + 1];
    struct trouble ignored;

    if (!received_for_token(r, wanted) || !generation_bundle(r->g, 0, &r->kept, &ignored)) {
        return false;
    }
    struct sr_span kept = { r->kept.bytes, r->kept.len };
    /* Another command may have kept another bundle since. */
    if (!hash(r, kept, is) || memcmp(is, wanted, HASH_LEN) != 0) {
        return false;
    }
    *ret_raw = kept;
    told_line(&r->told, 'w', "%s", r->trouble.cause);
    told_say(&r->told, 'i', "the bundle that an earlier run received is used");
    return true;
}

/* Keys of the host and a bundle for the token, from the issuer or from an earlier run. */
static bool
ask_issuer(struct run *r, struct sr_span *ret_raw)
{
    char body[HOST_KEYS_REQUEST_MAX];
    struct sr_buf request = sr_buf_over(body, sizeof(body));
    bool kept = false;
    long status;

    r->exit = JOIN_EXIT_FILES;
    if (r->token.version >= 3 &&
        (!host_keys_open(r->o->root, r->keys_name, &r->keys, &kept, &r->trouble) ||
            !host_keys_request(r->keys, &request, &r->trouble))) {
        return false;
    }
    if (kept) {
        told_say(&r->told, 'i', "the keys that an earlier run made are used");
    }
    if (!fetch_bundle(&r->target, &r->token, sr_buf_span(&request), &r->fetched, &r->exit, &status,
            &r->trouble)) {
        return take_kept(r, ret_raw);
    }
    *ret_raw = (struct sr_span){ r->fetched.answer.body, r->fetched.answer.len };
    told_line(&r->told, 'o', "bundle received (%zu bytes)", ret_raw->len);
    return true;
}

static bool
download(struct run *r)
{
    const char *name = r->o->config_file != NULL    ? place_base(r->o->config_file)
                       : r->token.config[0] != '\0' ? r->token.config
                                                    : NULL;
    struct sr_span raw;

    if (!ask_issuer(r, &raw) ||
        !received_take(r->g, raw, name, r->keys, &r->received, &r->exit, &r->trouble)) {
        return false;
    }
    r->exit = JOIN_EXIT_FILES;
    return note_received(r);
}

/* ---- Putting it in place ---- */

static void
fill_record(struct run *r)
{
    struct record *record = &r->record;

    record->collector = r->received.bundle.collector;
    record->enrolled_s = r->join.now_s;
    (void)snprintf(record->package_id, sizeof(record->package_id), "%s", r->token.package_id);
    (void)snprintf(record->core_url, sizeof(record->core_url), "%s", r->token.url);
    (void)snprintf(record->token_hash, sizeof(record->token_hash), "%s", r->token_hash);
    if (r->target.https.ca_pin != NULL) {
        record->has_ca_pin = true;
        memcpy(record->ca_pin, r->target.https.ca_pin, TOKEN_PIN_BYTES);
    }
    if (r->o->ca_file != NULL) {
        char *whole = realpath(r->o->ca_file, NULL);
        (void)snprintf(record->ca_file, sizeof(record->ca_file), "%s",
            whole != NULL && strlen(whole) < sizeof(record->ca_file) ? whole : "");
        free(whole);
    }
}

/* Whether the credentials are of the keys that were made here, in this run or an earlier one. */
static bool
has_keys_of_host(const struct run *r)
{
    struct sr_creds_text text;
    struct sr_nkeypair pair;

    if (r->keys == NULL || sr_creds_parse(r->received.bundle.creds, &text) != SR_CREDS_OK ||
        sr_nkeypair_from_text(text.seed, &pair) != SR_NKEY_OK) {
        return false;
    }
    bool same = strcmp(pair.public_text, host_keys_user(r->keys)) == 0;
    sr_nkeypair_done(&pair);
    return same;
}

/* Tells the issuer how it ended. What it does not hear is only a warning here. */
static void
confirm(struct run *r, const char *failed)
{
    struct trouble trouble;
    enum fetch_way way = r->fetched.answer.body != NULL ? r->fetched.way : FETCH_POST_WHOLE;
    bool known = false;

    if (!fetch_confirm(&r->target, &r->token, way, failed, &known, &trouble)) {
        told_line(&r->told, 'w', "the issuer could not be told how it ended: %s", trouble.cause);
        return;
    }
    if (known && failed == NULL) {
        told_say(&r->told, 'o', "the issuer knows that this collector is installed");
        r->confirmed = true;
    }
    if (failed == NULL) {
        (void)rooted_remove(r->o->root, RECEIVED_FOR, &trouble);
    }
}

static bool
apply(struct run *r)
{
    fill_record(r);
    r->record.keys_of_host = has_keys_of_host(r);
    if (!join_apply(r->g, &r->join, &r->received.bundle, r->received.raw, &r->record, told_say,
            &r->told, &r->changed, &r->exit, &r->trouble)) {
        confirm(r, r->trouble.cause);
        return false;
    }
    confirm(r, NULL);
    return r->keys == NULL || host_keys_forget(r->o->root, r->keys_name, &r->trouble);
}

/* ---- The whole ---- */

static int
end(struct run *r, enum bundle_collector collector)
{
    char name[RECORD_NAME_MAX];
    const char *way = r->fetched.answer.body != NULL ? fetch_way_name(r->fetched.way) : "none";

    json_t *more = json_pack("{s:b, s:b, s:s, s:s, s:s, s:i, s:s, s:s, s:b}", "changed", r->changed,
        "dry_run", r->o->dry_run, "collector",
        record_name(collector,
            collector != BUNDLE_UNTOLD && r->o->instance != NULL ? r->o->instance : "", name),
        "package_id", r->token.package_id, "core_url", r->token.url, "token_version",
        r->token.version, "api", way, "keys", r->record.keys_of_host ? "host" : "bundle",
        "confirmed", r->confirmed);
    return told_end(&r->told, NULL, EXIT_SUCCESS, more);
}

/* What a failure leaves behind that the next run, or a person, can go on with. */
static void
add_what_is_kept(struct run *r)
{
    char remedy[sizeof(r->trouble.remedy)];

    if (r->received.raw.len > 0 && snprintf(remedy, sizeof(remedy),
                                       "%s; the bundle is kept: run this again, "
                                       "or serviceradar-cli bundle apply --kept",
                                       r->trouble.remedy) < (int)sizeof(remedy)) {
        trouble_remedy(&r->trouble, remedy);
    }
}

static int
fail(struct run *r)
{
    add_what_is_kept(r);
    return told_end(&r->told, &r->trouble, r->exit, NULL);
}

static int
end_enrolled(struct run *r, const struct record *record)
{
    char name[RECORD_NAME_MAX];

    told_line(&r->told, 'o', "%s is enrolled with this token already; nothing to do",
        record_name(record->collector, record->instance, name));
    r->record.keys_of_host = record->keys_of_host;
    char bundle[HASH_LEN];
    if (!r->o->dry_run && received_for_token(r, bundle)) {
        confirm(r, NULL);
    }
    return end(r, record->collector);
}

static int
end_dry(struct run *r)
{
    told_line(&r->told, 'i', "would fetch the bundle of package %s from %s", r->token.package_id,
        r->token.url);
    told_line(&r->told, 'i', "would check it, put its files in place%s%s",
        r->o->no_proof ? "" : ", prove that its credentials work",
        r->o->no_restart ? "" : ", and start the collector");
    return end(r, expected_collector(r));
}

static int
enroll(struct run *r)
{
    struct record record;

    if (!read_trust(r) || !read_token(r) || !open_host(r)) {
        return fail(r);
    }
    if (!r->o->force && find_enrolled(r, &record)) {
        return end_enrolled(r, &record);
    }
    if (!check_host(r)) {
        return fail(r);
    }
    if (r->o->dry_run) {
        return end_dry(r);
    }
    return download(r) && apply(r) ? end(r, r->record.collector) : fail(r);
}

static void
run_done(struct run *r)
{
    received_done(&r->received);
    fetched_done(&r->fetched);
    place_free(&r->kept);
    host_keys_free(r->keys);
    if (r->g != NULL) {
        generations_close(r->g);
    }
    token_done(&r->token);
    OPENSSL_cleanse(r, sizeof(*r));
}

int
enroll_command(int argc, char **argv)
{
    static struct run r; /* large */
    struct enroll_options o;
    enum enroll_parsed parsed = enroll_options_read(argc, argv, &o);
    int code = EXIT_USAGE;

    if (parsed == ENROLL_HELP) {
        (void)fputs(HELP, stdout);
        code = EXIT_SUCCESS;
    } else if (parsed == ENROLL_RUN) {
        r = (struct run){ .o = &o, .told = told_start(o.json) };
        r.join = (struct join_options){ .root = o.root,
            .collector = o.collector,
            .instance = o.instance,
            .config_dir = o.config_dir,
            .cert_dir = o.cert_dir,
            .creds_dir = o.creds_dir,
            .no_restart = o.no_restart,
            .no_proof = o.no_proof,
            .force = o.force,
            .dry_run = o.dry_run,
            .now_s = (uint64_t)time(NULL) };
        code = enroll(&r);
        run_done(&r);
    }
    enroll_options_done(&o);
    return code;
}
