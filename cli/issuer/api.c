/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include "issuer/authority.h"
#include "issuer/limiter.h"
#include "sr/json.h"
#include "sr/log.h"

#include "sr/banned.h"

#define PLACES 4096 /* senders, and collectors, that are told apart */
#define ADDRESS_KEY_V6 8

/* Refusals in the audit log: so many in ten minutes, some 2 MB a day. */
#define REFUSALS 60
#define REFUSALS_SECONDS 600

#define DETAIL_MAX 256
#define ERROR_OPEN "{\"error\":"

bool
api_init(struct api *api, struct store *store, unsigned address_per_minute)
{
    *api = (struct api){
        .store = store,
        .addresses = limiter_new(PLACES, address_per_minute),
        .collectors = limiter_new(PLACES, API_COLLECTOR_PER_MINUTE),
    };
    if (api->addresses == NULL || api->collectors == NULL) {
        api_done(api);
        return false;
    }
    return true;
}

void
api_done(struct api *api)
{
    limiter_free(api->addresses);
    limiter_free(api->collectors);
    *api = (struct api){ .store = NULL };
}

/* ---- Answers ---- */

static const char TYPE_JSON[] = "application/json";

/* Takes `body`, which is NULL when there was no memory for it. */
static void
give(unsigned status, const char *type, void *body, size_t len, struct api_answer *ret_answer)
{
    static const struct api_answer bare = { .status = 500 };

    *ret_answer = bare;
    if (body != NULL) {
        ret_answer->status = status;
        ret_answer->type = type;
        ret_answer->body = body;
        ret_answer->len = len;
    }
}

void
api_say(unsigned status, const char *sentence, struct api_answer *ret_answer)
{
    size_t size = 6 * strlen(sentence) + sizeof(ERROR_OPEN) + 16; /* all of it escaped */
    uint8_t *text = malloc(size);
    struct sr_buf out = sr_buf_over(text, text != NULL ? size : 0);

    sr_buf_add_text(&out, ERROR_OPEN);
    sr_json_text(&out, sentence);
    sr_buf_add_text(&out, "}\n");
    give(status, TYPE_JSON, text, out.len, ret_answer);
}

void
api_answer_done(struct api_answer *answer)
{
    if (answer->body != NULL) {
        OPENSSL_cleanse(answer->body, answer->len);
    }
    free(answer->body);
    *answer = (struct api_answer){ .status = 0 };
}

/* The cause is for the log: the other side learns only that it is not its fault. */
static void
fail(const char *doing, const struct trouble *trouble, struct api_answer *ret_answer)
{
    static struct sr_log_limit limit;
    uint64_t suppressed;

    if (sr_log_allowed(&limit, &suppressed)) {
        sr_log(SR_LOG_ERROR, "request failed: %s cause=\"%s\" remedy=\"%s\" suppressed=%llu", doing,
            trouble->cause, trouble->remedy, (unsigned long long)suppressed);
    }
    api_say(500, "The issuer failed; its log says why.", ret_answer);
}

static void
say_later(unsigned wait_s, struct api_answer *ret_answer)
{
    api_say(429, "Too many requests.", ret_answer);
    ret_answer->retry_after_s = wait_s;
}

/* ---- Limits ---- */

/* IPv6 senders have a /64 each (RFC 4291, section 2.5.1), and so any number of addresses. */
static bool
address_allowed(struct api *api, const struct sr_peer *peer, uint64_t now_ns, unsigned *ret_wait_s)
{
    size_t len = peer->is_v6 ? ADDRESS_KEY_V6 : 4;

    return limiter_take(api->addresses, (struct sr_span){ peer->address, len }, now_ns, ret_wait_s);
}

static bool
collector_allowed(struct api *api, const char *id, uint64_t now_ns, unsigned *ret_wait_s)
{
    struct sr_span key = { (const uint8_t *)id, COLLECTOR_ID_LEN };

    return limiter_take(api->collectors, key, now_ns, ret_wait_s);
}

/* ---- Refusals ---- */

static unsigned
status_of(enum collector_refusal refusal)
{
    switch (refusal) {
    case COLLECTOR_GRANTED: break;
    case COLLECTOR_NO_TOKEN: return 400;
    case COLLECTOR_UNKNOWN: return 404;
    case COLLECTOR_BAD_TOKEN: return 401;
    case COLLECTOR_EXPIRED: return 410;
    case COLLECTOR_SPENT:
    case COLLECTOR_NOT_READY: return 409;
    }
    return 500;
}

/* A renewal is refused for other reasons under the same names. */
static const char *
renewal_text(enum collector_refusal refusal)
{
    switch (refusal) {
    case COLLECTOR_NO_TOKEN: return "`csr` or `nkey` is not a key of a host.";
    case COLLECTOR_BAD_TOKEN: return "The signature is not by the key of the collector's user.";
    case COLLECTOR_EXPIRED:
        return "The time is more than 300 s from the issuer's clock: set the host's clock.";
    case COLLECTOR_SPENT: return "The time is not later than that of the renewal before.";
    case COLLECTOR_GRANTED:
    case COLLECTOR_UNKNOWN:
    case COLLECTOR_NOT_READY: break;
    }
    return collector_refusal_text(refusal);
}

/* Writes a refusal to the audit log, if there is room in this while. */
static void
audit_refusal(struct api *api, const struct api_request *request, const struct api_call *call,
    const char *sentence, uint64_t now_ns)
{
    char detail[DETAIL_MAX], peer[SR_PEER_TEXT_MAX];
    struct trouble trouble;

    if (sr_rate_refill(&api->refusals, REFUSALS, now_ns / REFUSALS_SECONDS) == 0) {
        api->refusals_left_out++;
        return;
    }
    sr_rate_spend(&api->refusals, 1);
    (void)sr_peer_text(&request->peer, peer);
    int len = snprintf(detail, sizeof(detail), "from %s: %s", peer, sentence);
    if (api->refusals_left_out > 0) {
        (void)snprintf(detail + len, sizeof(detail) - (size_t)len,
            "; %llu refusals before it are not in this log",
            (unsigned long long)api->refusals_left_out);
    }
    if (store_audit(api->store, call->host, "collector refused", call->id, detail, &trouble)) {
        api->refusals_left_out = 0;
    }
}

static void
refuse(struct api *api, const struct api_request *request, const struct api_call *call,
    enum collector_refusal refusal, uint64_t now_ns, struct api_answer *ret_answer)
{
    const char *sentence =
        call->route == API_RENEW ? renewal_text(refusal) : collector_refusal_text(refusal);

    audit_refusal(api, request, call, sentence, now_ns);
    api_say(status_of(refusal), sentence, ret_answer);
}

/* ---- What the routes do ---- */

/* One request that changes something: what its steps share. */
struct deed {
    struct api *api;
    const struct api_request *request;
    const struct api_call *call;
    uint64_t now_ns;
    struct collector collector;
    bool revokes; /* there were credentials before: the account has to be pushed */
    enum collector_refusal refusal;
    struct collector_bundle bundle;
    struct trouble trouble;
};

static bool
has_credentials(void *arg, struct sqlite3_stmt *row)
{
    *(bool *)arg = sqlite3_column_int(row, 0) != 0;
    return true;
}

/* What is to be known of the collector before its credentials are replaced. */
static bool
look_before(struct deed *d)
{
    const char *id = d->call->id;

    return collector_find(d->api->store, id, &d->collector, &d->trouble) &&
           store_query(d->api->store, &d->trouble, has_credentials, &d->revokes, NULL,
               "SELECT user_key <> '' FROM collector WHERE id = ?", "t", id);
}

/* Each of these is within the transaction; false with refusal GRANTED means that the store failed.
 */

static bool
do_fetch(struct deed *d)
{
    const struct api_call *call = d->call;
    enum collector_layout layout = call->route == API_ENROLL ? COLLECTOR_JSON : COLLECTOR_TAR;

    return collector_redeem(
               d->api->store, call->id, call->token, call->host, &d->refusal, &d->trouble) &&
           d->refusal == COLLECTOR_GRANTED && look_before(d) &&
           collector_bundle(d->api->store, call->id, call->keys.csr != NULL ? &call->keys : NULL,
               layout, &d->bundle, &d->trouble);
}

static bool
do_confirm(struct deed *d)
{
    const struct api_call *call = d->call;

    return collector_confirm(d->api->store, call->id, call->token, call->host,
               call->failed ? call->cause : NULL, &d->refusal, &d->trouble) &&
           d->refusal == COLLECTOR_GRANTED;
}

static bool
do_renew(struct deed *d)
{
    const struct api_call *call = d->call;
    const struct collector_renewal renewal = {
        .time_s = call->time_s,
        .keys = call->keys,
        .signature = { call->signature, sizeof(call->signature) },
    };

    return collector_renew(
               d->api->store, call->id, &renewal, &d->bundle, &d->refusal, &d->trouble) &&
           d->refusal == COLLECTOR_GRANTED && look_before(d);
}

/* The answer to a deed that was committed. Takes the bundle. */
static void
give_deed(struct deed *d, struct api_answer *ret_answer)
{
    if (d->call->route == API_INSTALLED) {
        *ret_answer = (struct api_answer){ .status = 204 };
        return;
    }
    give(200, d->call->route == API_ENROLL ? TYPE_JSON : "application/gzip", d->bundle.bytes,
        d->bundle.len, ret_answer);
    d->bundle = (struct collector_bundle){ .bytes = NULL };
    if (d->call->route != API_ENROLL) {
        (void)snprintf(ret_answer->filename, sizeof(ret_answer->filename),
            "collector-package-%.8s.tar.gz", d->call->id);
    }
}

/*
 * Runs a deed in one transaction: the token is taken only when there is a bundle to send. What
 * happens to that on its way is the client's to repeat.
 */
static void
run(struct deed *d, bool (*steps)(struct deed *d), struct api_answer *ret_answer)
{
    struct store *store = d->api->store;
    unsigned wait_s = 0;

    if (!store_begin(store, &d->trouble)) {
        fail("cannot begin", &d->trouble, ret_answer);
        return;
    }
    if (!steps(d)) {
        store_rollback(store);
        if (d->refusal != COLLECTOR_GRANTED) {
            refuse(d->api, d->request, d->call, d->refusal, d->now_ns, ret_answer);
        } else if (d->trouble.error == EBADMSG) { /* the keys of the host */
            api_say(400, d->trouble.cause, ret_answer);
        } else {
            fail("cannot issue", &d->trouble, ret_answer);
        }
    } else if (!collector_allowed(d->api, d->call->id, d->now_ns, &wait_s)) {
        store_rollback(store);
        say_later(wait_s, ret_answer);
    } else if (!store_commit(store, &d->trouble)) {
        fail("cannot commit", &d->trouble, ret_answer);
    } else {
        if (d->revokes && d->api->push != NULL) {
            d->api->push(d->api->push_arg, d->collector.account);
        }
        give_deed(d, ret_answer);
    }
    collector_bundle_done(&d->bundle);
}

static void
give_health(struct api *api, struct api_answer *ret_answer)
{
    static const char ok[] = "{\"status\":\"ok\"}\n";
    char operator_name[STORE_NAME_MAX];
    struct trouble trouble;

    if (!store_setting(api->store, "operator", operator_name, sizeof(operator_name), &trouble)) {
        api_say(503, "The database cannot be read.", ret_answer);
        return;
    }
    give(200, TYPE_JSON, strdup(ok), sizeof(ok) - 1, ret_answer);
}

static void
give_root(struct api *api, struct api_answer *ret_answer)
{
    struct trouble trouble;
    uint8_t pin[TOKEN_PIN_BYTES];
    char *pem = NULL;

    if (!authority_root(api->store, &pem, pin, &trouble)) {
        fail("cannot read the root", &trouble, ret_answer);
        return;
    }
    give(200, "application/x-pem-file", pem, strlen(pem), ret_answer);
}

static void
answer_call(struct api *api, const struct api_request *request, const struct api_call *call,
    uint64_t now_ns, struct api_answer *ret_answer)
{
    struct deed d = { .api = api, .request = request, .call = call, .now_ns = now_ns };

    switch (call->route) {
    case API_HEALTH: give_health(api, ret_answer); return;
    case API_CA: give_root(api, ret_answer); return;
    case API_ENROLL:
    case API_BUNDLE: run(&d, do_fetch, ret_answer); return;
    case API_INSTALLED: run(&d, do_confirm, ret_answer); return;
    case API_RENEW:
        d.revokes = true;
        run(&d, do_renew, ret_answer);
        return;
    }
    api_say(500, "The issuer failed.", ret_answer);
}

void
api_answer(struct api *api, const struct api_request *request, uint64_t now_ns,
    struct api_answer *ret_answer)
{
    struct api_call call;
    struct api_fault fault;
    unsigned wait_s = 0;

    if (!address_allowed(api, &request->peer, now_ns, &wait_s)) {
        say_later(wait_s, ret_answer);
    } else if (!api_call_read(request, &call, &fault)) {
        api_say(fault.status, fault.sentence, ret_answer);
        ret_answer->allow = fault.allow;
    } else {
        answer_call(api, request, &call, now_ns, ret_answer);
        api_call_done(&call);
    }
}
