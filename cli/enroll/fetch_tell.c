/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/fetch.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "sr/banned.h"

#define SENTENCE_MAX 200

/* The statuses of docs/enrolment-api.md in the words of the person at the keyboard. */
static const struct {
    long status;
    const char *cause, *remedy;
} words[] = {
    { 400, "does not understand the request",
        "check that the token is for this server and whole; have a new one made" },
    { 401, "does not accept the token", "have a new token made and paste it whole" },
    { 403, "does not allow collectors",
        "have collectors enabled for this tenant, then run it again" },
    { 404, "knows no such collector", "have the collector made there, and a new token with it" },
    { 409, "says that the token is used, or the collector is not ready",
        "have a new token made; if the collector was just made, wait a minute and run it again" },
    { 410, "says that the token has expired", "have a new token made" },
    { 413, "finds the request too large", "update serviceradar-cli" },
    { 429, "has had too many requests", "wait a minute and run it again" },
};

/* The server's {"error": "a sentence"}, made printable; empty without one. */
static void
read_error(const struct https_answer *answer, char out[SENTENCE_MAX])
{
    json_t *json = json_loadb((const char *)answer->body, answer->len, 0, NULL);
    const char *text = json_string_value(json_object_get(json, "error"));
    size_t len = 0;

    for (; text != NULL && text[len] != '\0' && len < SENTENCE_MAX - 1; len++) {
        out[len] = text[len] >= 0x20 && text[len] <= 0x7e ? text[len] : '?';
    }
    out[len] = '\0';
    json_decref(json);
}

/* Routers answer for routes that they do not know, too, but not with the interface's sentence. */
static bool
is_of_interface(const struct https_answer *answer)
{
    char sentence[SENTENCE_MAX];

    read_error(answer, sentence);
    return sentence[0] != '\0';
}

static bool
is_page(const struct https_answer *answer)
{
    return strcmp(answer->content_type, "text/html") == 0 ||
           strcmp(answer->content_type, "application/xhtml+xml") == 0;
}

enum fetch_verdict
fetch_judge(enum fetch_way way, const struct https_answer *answer)
{
    bool post = way == FETCH_POST_WHOLE || way == FETCH_POST_SECRET;
    bool no_route = answer->status == 405 || (answer->status == 404 && !is_of_interface(answer));

    if (answer->status == 200) {
        return answer->len > 0 && !is_page(answer) ? FETCH_DONE : FETCH_FINAL;
    }
    if (no_route) {
        return post ? FETCH_SKIP_POST : FETCH_NEXT;
    }
    if (answer->status != 400 && answer->status != 401) {
        return FETCH_FINAL;
    }
    /* The header's form was wrong: servers want the whole token or its secret. */
    if (way == FETCH_POST_WHOLE) {
        return FETCH_NEXT;
    }
    /* Newer servers take no token in a URL, and may have the path for people who are logged in. */
    return !post && (answer->status == 400 || !is_of_interface(answer)) ? FETCH_NEXT : FETCH_FINAL;
}

const enum fetch_way *
fetch_order(int version)
{
    static const enum fetch_way first[FETCH_WAYS] = { FETCH_GET_BUNDLE, FETCH_GET_ENROLL,
        FETCH_GET_LEGACY, FETCH_POST_WHOLE, FETCH_POST_SECRET };
    static const enum fetch_way later[FETCH_WAYS] = { FETCH_POST_WHOLE, FETCH_POST_SECRET,
        FETCH_GET_BUNDLE, FETCH_GET_ENROLL, FETCH_GET_LEGACY };

    return version == 1 ? first : later;
}

const char *
fetch_way_name(enum fetch_way way)
{
    switch (way) {
    case FETCH_POST_WHOLE: return "post";
    case FETCH_POST_SECRET: return "post-secret";
    case FETCH_GET_BUNDLE: return "get-bundle";
    case FETCH_GET_ENROLL: return "get-enroll";
    case FETCH_GET_LEGACY: return "get-enroll-collector";
    }
    return "";
}

/* Answers that are no status of the interface. */
static bool
tell_other(const char *url, const struct https_answer *answer, struct trouble *trouble)
{
    if (answer->status >= 300 && answer->status < 400) {
        return trouble_say(trouble, 0,
            "put the right address into the token (--core-url for one without); if somebody is in "
            "between, such as a hotel's login page, use another network",
            "%s points elsewhere (%ld, to %s), and tokens are not carried along", url,
            answer->status, answer->location[0] != '\0' ? answer->location : "nowhere");
    }
    if (answer->status == 200 || answer->status == 404 || answer->status == 405) {
        return trouble_say(trouble, 0, "check the address of the token, or --core-url",
            "%s has no enrolment interface%s", url,
            answer->status == 200 && is_page(answer) ? ": it answers with a web page"
            : answer->status == 200                  ? ": its answer is empty"
                                                     : "");
    }
    return trouble_say(trouble, 0,
        answer->status >= 500 ? "wait and run it again; if that fails too, look at its log"
                              : "check the address of the token, or --core-url",
        "%s answers with status %ld", url, answer->status);
}

bool
fetch_tell(
    const char *url, const struct https_answer *answer, const char *secret, struct trouble *trouble)
{
    char sentence[SENTENCE_MAX];
    char remedy[SENTENCE_MAX];

    read_error(answer, sentence);
    /* With a proxy's or router's own answer the status alone would mislead. */
    bool known = sentence[0] != '\0' || answer->status == 401 || answer->status == 409 ||
                 answer->status == 410 || answer->status == 429 || answer->status == 413;
    if (secret != NULL && strstr(sentence, secret) != NULL) {
        sentence[0] = '\0';
    }
    for (size_t i = 0; known && i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].status != answer->status) {
            continue;
        }
        (void)snprintf(remedy, sizeof(remedy), "%s", words[i].remedy);
        if (answer->status == 429 && answer->retry_after_s > 0) {
            (void)snprintf(
                remedy, sizeof(remedy), "wait %ld s and run it again", answer->retry_after_s);
        }
        return trouble_say(trouble, 0, remedy, "%s %s (%ld%s%s)", url, words[i].cause,
            answer->status, sentence[0] != '\0' ? ": " : "", sentence);
    }
    if (sentence[0] != '\0') {
        return trouble_say(trouble, 0,
            answer->status >= 500 ? "wait and run it again; if that fails too, look at its log"
                                  : "do what the server says, or ask who runs it",
            "%s %s (%ld: %s)", url, answer->status >= 500 ? "failed" : "refuses", answer->status,
            sentence);
    }
    return tell_other(url, answer, trouble);
}
