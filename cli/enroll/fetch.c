/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/fetch.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "enroll/join.h"
#include "sr/buf.h"
#include "sr/json.h"

#include "sr/banned.h"

#define CAUSE_BODY_MAX 2048

/* Appends a secret as a value of a URL's query: of its characters three have a meaning there. */
static bool
add_escaped(char *out, size_t size, const char *secret)
{
    size_t len = strlen(out);

    for (; *secret != '\0'; secret++) {
        bool plain = strchr("+/=", *secret) == NULL;
        int wrote = snprintf(out + len, size - len, plain ? "%c" : "%%%02X",
            plain ? *secret : (unsigned char)*secret);
        if (wrote < 0 || (size_t)wrote >= size - len) {
            return false;
        }
        len += (size_t)wrote;
    }
    return true;
}

bool
fetch_url(const struct fetch_target *target, enum fetch_way way, const char *secret,
    char out[HTTPS_URL_MAX])
{
    const char *id = target->package_id;
    int len = -1;

    switch (way) {
    case FETCH_POST_WHOLE:
    case FETCH_POST_SECRET:
        len = snprintf(out, HTTPS_URL_MAX, "%s/api/collectors/%s/bundle", target->url, id);
        return len > 0 && len < HTTPS_URL_MAX;
    case FETCH_GET_BUNDLE:
        len = snprintf(out, HTTPS_URL_MAX, "%s/api/collectors/%s/bundle?token=", target->url, id);
        break;
    case FETCH_GET_ENROLL:
        len = snprintf(out, HTTPS_URL_MAX, "%s/api/enroll/%s?token=", target->url, id);
        break;
    case FETCH_GET_LEGACY:
        len = snprintf(out, HTTPS_URL_MAX, "%s/api/enroll/collector/%s?token=", target->url, id);
        break;
    }
    return len > 0 && len < HTTPS_URL_MAX && add_escaped(out, HTTPS_URL_MAX, secret);
}

/* A failure behind which the server may have taken the token. */
static void
warn_of_spent_token(bool sent, struct trouble *trouble)
{
    if (sent) {
        trouble_remedy(trouble, "run it again; if the server then says that the token is used, "
                                "have a new one made");
    }
}

static bool
too_long(struct trouble *trouble)
{
    return trouble_say(
        trouble, 0, "have a token with a shorter address made", "the address is too long");
}

static bool
is_post(enum fetch_way way)
{
    return way == FETCH_POST_WHOLE || way == FETCH_POST_SECRET;
}

/* Goes one way. */
static bool
ask(const struct fetch_target *target, const struct token *token, enum fetch_way way,
    struct sr_span keys, struct https_answer *ret_answer, struct trouble *trouble)
{
    char url[HTTPS_URL_MAX];
    bool post = is_post(way);
    bool sent = false;
    bool fits = fetch_url(target, way, token->secret, url);
    enum https_err err = HTTPS_ESTART;

    if (fits) {
        const struct https_request request = { .url = url,
            .post = post,
            .body = post ? keys : (struct sr_span){ NULL, 0 },
            .token = !post                     ? NULL
                     : way == FETCH_POST_WHOLE ? token->text
                                               : token->secret,
            .host = target->host };
        err = https_run(&target->https, &request, ret_answer, &sent, trouble);
    } else {
        (void)too_long(trouble);
    }
    OPENSSL_cleanse(url, sizeof(url));
    if (err != HTTPS_OK) {
        warn_of_spent_token(sent, trouble);
    }
    return err == HTTPS_OK;
}

bool
fetch_bundle(const struct fetch_target *target, const struct token *token, struct sr_span keys,
    struct fetched *ret_fetched, int *ret_exit, long *ret_status, struct trouble *trouble)
{
    const enum fetch_way *order = fetch_order(token->version);
    bool skip_post = false;
    bool told = false;

    *ret_status = 0;
    for (size_t i = 0; i < FETCH_WAYS; i++) {
        struct https_answer answer;
        if (skip_post && is_post(order[i])) {
            continue;
        }
        if (!ask(target, token, order[i], keys, &answer, trouble)) {
            *ret_exit = JOIN_EXIT_NETWORK;
            return false;
        }
        enum fetch_verdict verdict = fetch_judge(order[i], &answer);
        if (verdict == FETCH_DONE) {
            *ret_fetched = (struct fetched){ order[i], answer };
            return true;
        }
        /* Of several refusals the last counts that was about the token, not about the route. */
        bool of_route = answer.status == 405 || (answer.status == 404 && verdict != FETCH_FINAL);
        if (!told || !of_route) {
            (void)fetch_tell(target->url, &answer, token->secret, trouble);
            *ret_status = answer.status;
        }
        told = told || !of_route;
        skip_post = skip_post || verdict == FETCH_SKIP_POST;
        https_answer_done(&answer);
        if (verdict == FETCH_FINAL) {
            break;
        }
    }
    *ret_exit = JOIN_EXIT_SERVER;
    return false;
}

void
fetched_done(struct fetched *fetched)
{
    https_answer_done(&fetched->answer);
}

/* {"result": "installed"} or {"result": "failed", "cause": "..."} */
static struct sr_span
write_result(struct sr_buf *out, const char *failed)
{
    sr_buf_add_text(out, "{\"result\":");
    sr_json_text(out, failed != NULL ? "failed" : "installed");
    if (failed != NULL) {
        sr_buf_add_text(out, ",\"cause\":");
        sr_json_text(out, failed);
    }
    sr_buf_put(out, '}');
    return sr_buf_span(out);
}

bool
fetch_confirm(const struct fetch_target *target, const struct token *token, enum fetch_way way,
    const char *failed, bool *ret_known, struct trouble *trouble)
{
    char url[HTTPS_URL_MAX];
    char memory[CAUSE_BODY_MAX];
    struct sr_buf body = sr_buf_over(memory, sizeof(memory));
    struct https_answer answer;
    bool sent;
    int len = snprintf(
        url, sizeof(url), "%s/api/collectors/%s/installed", target->url, target->package_id);

    if (len < 0 || (size_t)len >= sizeof(url)) {
        return too_long(trouble);
    }
    const struct https_request request = { .url = url,
        .post = true,
        .body = write_result(&body, failed),
        .token = way == FETCH_POST_SECRET ? token->secret : token->text,
        .host = target->host };
    if (https_run(&target->https, &request, &answer, &sent, trouble) != HTTPS_OK) {
        return false;
    }
    bool done = answer.status == 200 || answer.status == 204;
    bool unknown = answer.status == 404 || answer.status == 405;
    bool ok = done || unknown || fetch_tell(target->url, &answer, token->secret, trouble);
    *ret_known = done;
    https_answer_done(&answer);
    return ok;
}

bool
fetch_renewal(const struct fetch_target *target, struct sr_span body, struct fetched *ret_fetched,
    int *ret_exit, long *ret_status, struct trouble *trouble)
{
    char url[HTTPS_URL_MAX];
    struct https_answer answer;
    bool sent;
    int len =
        snprintf(url, sizeof(url), "%s/api/collectors/%s/renew", target->url, target->package_id);
    const struct https_request request = {
        .url = url, .post = true, .body = body, .host = target->host
    };

    *ret_status = 0;
    *ret_exit = JOIN_EXIT_NETWORK;
    if (len < 0 || (size_t)len >= sizeof(url)) {
        return too_long(trouble);
    }
    if (https_run(&target->https, &request, &answer, &sent, trouble) != HTTPS_OK) {
        return false;
    }
    *ret_status = answer.status;
    *ret_exit = JOIN_EXIT_SERVER;
    if (fetch_judge(FETCH_POST_SECRET, &answer) == FETCH_DONE) {
        *ret_fetched = (struct fetched){ FETCH_POST_SECRET, answer };
        return true;
    }
    (void)fetch_tell(target->url, &answer, NULL, trouble);
    https_answer_done(&answer);
    return false;
}
