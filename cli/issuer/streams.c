/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "issuer/account.h"
#include "issuer/broker.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define DRIFT_MAX 512
#define SUBJECT_MAX 256
#define NS_PER_S 1000000000LL

/* server/errors.json of nats-server */
#define STREAM_NOT_FOUND 10059
#define NOT_ENABLED_FOR_ACCOUNT 10039

const char *
streams_state_name(enum streams_state state)
{
    switch (state) {
    case STREAMS_MADE: return "made";
    case STREAMS_SAME: return "same";
    case STREAMS_DRIFTED: return "drifted";
    case STREAMS_UPDATED: return "updated";
    }
    return "unknown";
}

/* ---- The interface of JetStream ---- */

/* What the steps of making streams share. */
struct ensuring {
    struct admin *admin;
    const char *account;
    const struct streams_place *place;
    bool update;
    streams_cb *cb;
    void *arg;
};

static bool
say_unheard(const struct ensuring *e, struct trouble *trouble)
{
    if (e->place->domain != NULL) {
        return trouble_say(trouble, 0,
            "look at its log, whether it is connected to the hub; push the account if that was "
            "not done, and see that the hub listens for leaf nodes and has a JetStream domain",
            "the server of the site does not answer: nobody is there for JetStream domain %s of "
            "account %s (%s)",
            e->place->domain, e->account, admin_detail(e->admin));
    }
    return trouble_say(trouble, 0,
        "look at the server's log; when the account's limits are more than its max_file_store or "
        "max_memory_store has left, lower them (account limits) or raise those",
        "JetStream does not serve account %s: %s", e->account, admin_detail(e->admin));
}

/*
 * Asks, with `body` (taken over, NULL for none). Returns the answer, which may hold an error, or
 * NULL with a trouble. json_decref() it.
 */
static json_t *
ask(const struct ensuring *e, const char *verb, const char *stream, json_t *body,
    struct trouble *trouble)
{
    char subject[SUBJECT_MAX];
    char domain[SUBJECT_MAX / 2] = "";
    char *reply = NULL;
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct sr_span span = { (const uint8_t *)(text != NULL ? text : ""),
        text != NULL ? strlen(text) : 0 };

    if (e->place->domain != NULL) {
        (void)snprintf(domain, sizeof(domain), "%s.", e->place->domain);
    }
    (void)snprintf(subject, sizeof(subject), "$JS.%sAPI.STREAM.%s.%s", domain, verb, stream);
    enum admin_err err = admin_request(e->admin, subject, span, &reply);
    free(text);
    json_decref(body);
    if (err != ADMIN_OK) {
        (void)say_unheard(e, trouble);
        return NULL;
    }
    json_t *answer = json_loads(reply, 0, NULL);
    free(reply);
    if (!json_is_object(answer)) {
        json_decref(answer);
        (void)trouble_say(trouble, 0, "look whether this is a nats-server with JetStream",
            "the answer of JetStream about stream %s cannot be understood", stream);
        return NULL;
    }
    return answer;
}

static json_int_t
error_of(const json_t *answer)
{
    return json_integer_value(json_object_get(json_object_get(answer, "error"), "err_code"));
}

static bool
say_refused(const json_t *answer, const char *account, const char *stream, struct trouble *trouble)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(answer, "error"), "description"));

    return trouble_say(trouble, 0,
        error_of(answer) == NOT_ENABLED_FOR_ACCOUNT
            ? "push the account, and look at its limits (account limits)"
            : "look at the account's limits (account limits) and at its other streams, which may "
              "have the same subjects",
        "JetStream refuses stream %s of account %s: %s", stream, account,
        text != NULL ? text : "no reason given");
}

/* ---- What is wanted ---- */

static int
add_subject(json_t *list, const char *account, const char *subject, const char *suffix)
{
    char text[SR_SUITE_SUBJECT_MAX];

    (void)snprintf(text, sizeof(text), "%s.%s%s", account, subject, suffix);
    return json_array_append_new(list, json_string(text));
}

/* A source of a stream: the stream of that name in another domain. */
static json_t *
source_of(const char *stream, const char *domain)
{
    char api[SUBJECT_MAX];

    (void)snprintf(api, sizeof(api), "$JS.%s.API", domain);
    /* Without `deliver` libraries and servers of before 2.10 go wrong: it has to be empty. */
    return json_pack("{s:s, s:{s:s, s:s}}", "name", stream, "external", "api", api, "deliver", "");
}

json_t *
streams_config(
    const char *account, const struct sr_suite_stream *stream, const struct streams_place *place)
{
    json_t *subjects = json_array();
    int64_t max_bytes = place->max_bytes > 0 ? place->max_bytes : stream->max_bytes;
    int failed = 0;

    for (const char *const *s = stream->subjects; *s != NULL; s++) {
        failed |= add_subject(subjects, account, *s, "");
        failed |= add_subject(subjects, account, *s, SR_SUITE_DEADLETTER);
    }
    if (failed != 0) {
        json_decref(subjects);
        return NULL;
    }
    json_t *config = json_pack("{s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:i}", "name", stream->name,
        "subjects", subjects, "retention", "limits", "storage", "file", "discard", "new",
        "max_bytes", (json_int_t)max_bytes, "duplicate_window",
        (json_int_t)stream->window_s * NS_PER_S, "num_replicas", 1);
    if (place->source != NULL &&
        json_object_set_new(
            config, "sources", json_pack("[o]", source_of(stream->name, place->source))) != 0) {
        json_decref(config);
        return NULL;
    }
    return config;
}

/* ---- What differs ---- */

/* A change in the making: what is there, and in words what differs. */
struct drift {
    json_t *config;
    char text[DRIFT_MAX];
};

static void
note(struct drift *drift, const char *name, const json_t *there, const json_t *wanted)
{
    size_t used = strlen(drift->text);
    char *a = json_dumps(there, JSON_ENCODE_ANY | JSON_COMPACT);
    char *b = json_dumps(wanted, JSON_ENCODE_ANY | JSON_COMPACT);

    (void)snprintf(drift->text + used, sizeof(drift->text) - used, "%s%s %s instead of %s",
        used > 0 ? ", " : "", name, a != NULL ? a : "absent", b != NULL ? b : "");
    free(a);
    free(b);
}

static bool
has_text(const json_t *list, const json_t *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (json_equal(json_array_get(list, i), text)) {
            return true;
        }
    }
    return false;
}

/* Adds the subjects that are missing. False without memory. */
static bool
compare_subjects(struct drift *drift, const json_t *wanted)
{
    json_t *there = json_object_get(drift->config, "subjects");
    json_t *missing = json_array();
    bool good = there != NULL && missing != NULL;

    for (size_t i = 0; i < json_array_size(wanted) && good; i++) {
        json_t *subject = json_array_get(wanted, i);
        if (!has_text(there, subject)) {
            good = json_array_append(missing, subject) == 0;
        }
    }
    if (good && json_array_size(missing) > 0) {
        note(drift, "subjects", there, wanted);
        good = json_array_extend(there, missing) == 0;
    }
    json_decref(missing);
    return good;
}

/* Whether a stream fetches from there already; newer servers add members to what they were sent. */
static bool
has_source(const json_t *list, const json_t *source)
{
    const json_t *api = json_object_get(json_object_get(source, "external"), "api");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (json_equal(json_object_get(json_object_get(one, "external"), "api"), api) &&
            json_equal(json_object_get(one, "name"), json_object_get(source, "name"))) {
            return true;
        }
    }
    return false;
}

/* Adds the source that is missing; `*ret_added` tells whether it did. False without memory. */
static bool
compare_sources(struct drift *drift, const json_t *wanted, bool *ret_added)
{
    json_t *source = json_array_get(wanted, 0);
    json_t *there = json_object_get(drift->config, "sources");

    *ret_added = false;
    if (source == NULL || has_source(there, source)) {
        return true;
    }
    if (there == NULL) {
        there = json_array();
        if (json_object_set_new(drift->config, "sources", there) != 0) {
            return false;
        }
    }
    *ret_added = true;
    return json_array_append(there, source) == 0;
}

/* Compares what is there with what is wanted, and changes the former. False without memory. */
static bool
compare(struct drift *drift, const json_t *wanted)
{
    static const char *const fields[] = { "retention", "storage", "discard", "max_bytes",
        "duplicate_window" };
    bool good = compare_subjects(drift, json_object_get(wanted, "subjects"));

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && good; i++) {
        json_t *want = json_object_get(wanted, fields[i]);
        const json_t *there = json_object_get(drift->config, fields[i]);
        if (there == NULL || !json_equal(there, want)) {
            note(drift, fields[i], there, want);
            good = json_object_set(drift->config, fields[i], want) == 0;
        }
    }
    return good;
}

/* ---- Making them so ---- */

static bool
report(const struct ensuring *e, const char *name, enum streams_state state, const char *drift)
{
    const struct streams_result result = { name, state, drift };

    e->cb(e->arg, &result);
    return true;
}

/* Sends a configuration (taken over). */
static bool
send_config(const struct ensuring *e, const char *verb, const char *name, json_t *config,
    struct trouble *trouble)
{
    json_t *answer = ask(e, verb, name, config, trouble);
    bool good = answer != NULL && (json_object_get(answer, "error") == NULL ||
                                      say_refused(answer, e->account, name, trouble));

    json_decref(answer);
    return good;
}

/* Adds only the source, to a stream whose other drift is to stay. */
static bool
add_source(const struct ensuring *e, const char *name, json_t *there, const json_t *wanted,
    struct trouble *trouble)
{
    struct drift drift = { .config = there, .text = "" };
    bool added = false;

    if (!compare_sources(&drift, json_object_get(wanted, "sources"), &added)) {
        return trouble_say(trouble, 0, "free memory and run it again", "out of memory");
    }
    return !added || (send_config(e, "UPDATE", name, json_incref(there), trouble) &&
                         report(e, name, STREAMS_UPDATED, "its source"));
}

/* Takes `answer`, the information about a stream that is there, over. */
static bool
ensure_shape(const struct ensuring *e, const char *name, json_t *answer, const json_t *wanted,
    struct trouble *trouble)
{
    json_t *there = json_deep_copy(json_object_get(answer, "config"));
    struct drift drift = { .config = json_incref(json_object_get(answer, "config")), .text = "" };
    bool good = json_is_object(drift.config) && there != NULL && compare(&drift, wanted);

    json_decref(answer);
    if (!good) {
        (void)trouble_say(trouble, 0, "free memory and run it again",
            "the shape of stream %s cannot be compared", name);
    } else if (drift.text[0] == '\0' || !e->update) {
        good = report(e, name, drift.text[0] == '\0' ? STREAMS_SAME : STREAMS_DRIFTED, drift.text);
    } else {
        json_decref(there);
        there = json_deep_copy(drift.config);
        good = send_config(e, "UPDATE", name, json_incref(drift.config), trouble) &&
               report(e, name, STREAMS_UPDATED, drift.text);
    }
    good = good && add_source(e, name, there, wanted, trouble);
    json_decref(drift.config);
    json_decref(there);
    return good;
}

static bool
ensure_one(const struct ensuring *e, const struct sr_suite_stream *stream, struct trouble *trouble)
{
    json_t *wanted = streams_config(e->account, stream, e->place);

    if (wanted == NULL) {
        return trouble_say(trouble, 0, "free memory and run it again", "out of memory");
    }
    json_t *answer = ask(e, "INFO", stream->name, NULL, trouble);
    bool good = false;
    if (answer == NULL) {
        good = false;
    } else if (error_of(answer) == STREAM_NOT_FOUND) {
        json_decref(answer);
        good = send_config(e, "CREATE", stream->name, json_incref(wanted), trouble) &&
               report(e, stream->name, STREAMS_MADE, "");
    } else if (json_object_get(answer, "error") != NULL) {
        good = say_refused(answer, e->account, stream->name, trouble);
        json_decref(answer);
    } else {
        good = ensure_shape(e, stream->name, answer, wanted, trouble);
    }
    json_decref(wanted);
    return good;
}

bool
streams_ensure_at(struct store *store, const char *account, const struct streams_place *place,
    bool update, streams_cb *cb, void *arg, struct trouble *trouble)
{
    struct ensuring e = {
        .account = account, .place = place, .update = update, .cb = cb, .arg = arg
    };
    struct account found;

    if (!account_find(store, account, &found, trouble) ||
        !broker_open_account(store, account, &e.admin, trouble)) {
        return false;
    }
    bool good = true;
    for (const struct sr_suite_stream *s = sr_suite_streams; s->name != NULL && good; s++) {
        good = ensure_one(&e, s, trouble);
    }
    admin_close(e.admin);
    return good;
}

bool
streams_ensure(struct store *store, const char *account, bool update, streams_cb *cb, void *arg,
    struct trouble *trouble)
{
    const struct streams_place place = { .domain = NULL };

    return streams_ensure_at(store, account, &place, update, cb, arg, trouble);
}
