/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/pub_stream.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/log.h"
#include "sr/suite.h"

#include "sr/banned.h"

#define TIMEOUT_MS 2000
#define DUPLICATE_WINDOW_NS 120000000000LL /* D13 */
#define MAX_BYTES (1024LL * 1024 * 1024)   /* D13 wants a bound; the operator may raise it */
#define ERR_STREAM_NOT_FOUND 10059

struct api {
    const struct sr_conf_nats *conf;
    pub_request request;
    void *arg;
};

/* Calls $JS.API.STREAM.<verb>.<stream>; owned, NULL when nothing readable came back. */
static json_t *
call(const struct api *api, const char *verb, json_t *body)
{
    char subject[320];
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

    (void)snprintf(subject, sizeof(subject), "$JS.API.STREAM.%s.%s", verb, api->conf->stream);
    char *reply = api->request(api->arg, subject, text != NULL ? text : "", TIMEOUT_MS);
    free(text);
    json_t *out = reply != NULL ? json_loads(reply, 0, NULL) : NULL;
    free(reply);
    return out;
}

static long
error_code(const json_t *reply)
{
    return (long)json_integer_value(json_object_get(json_object_get(reply, "error"), "err_code"));
}

/* True when `pattern`, perhaps with wildcards ("*" one word, ">" the rest), takes `subject`. */
static bool
takes(const char *pattern, const char *subject)
{
    while (strcmp(pattern, ">") != 0) {
        size_t word = strcspn(pattern, "."), other = strcspn(subject, ".");
        bool any = word == 1 && pattern[0] == '*';
        if (!any && (word != other || memcmp(pattern, subject, word) != 0)) {
            return false;
        }
        pattern += word;
        subject += other;
        if (*pattern == '\0' || *subject == '\0') {
            return *pattern == *subject;
        }
        pattern++;
        subject++;
    }
    return true;
}

static bool
contains(const json_t *subjects, const char *subject)
{
    size_t i;
    json_t *one;

    json_array_foreach(subjects, i, one)
    {
        if (json_is_string(one) && takes(json_string_value(one), subject)) {
            return true;
        }
    }
    return false;
}

/*
 * Adds `subject` unless the stream takes it; true when it was added. The server refuses two
 * subjects of which one takes in the other.
 */
static bool
add_subject(json_t *subjects, const char *subject)
{
    return !contains(subjects, subject) &&
           json_array_append_new(subjects, json_string(subject)) == 0;
}

/* Adds the subjects of all lanes; true when one of them was not there. */
static bool
add_lanes(json_t *subjects, const struct sr_queue *queue)
{
    bool added = false;

    for (size_t i = 0; i < sr_queue_lane_count(queue); i++) {
        added |= add_subject(subjects, sr_lane_subject(sr_queue_lane(queue, i)));
    }
    return added;
}

/* Adds what any collector publishes on, so that the next one finds the stream ready. */
static void
add_suite(json_t *subjects)
{
    char dead[SR_SUITE_SUBJECT_MAX];

    for (const struct sr_suite_role *role = sr_suite_roles; role->name != NULL; role++) {
        for (size_t i = 0; role->subjects[i] != NULL; i++) {
            (void)snprintf(dead, sizeof(dead), "%s" SR_SUITE_DEADLETTER, role->subjects[i]);
            (void)add_subject(subjects, role->subjects[i]);
            (void)add_subject(subjects, dead);
        }
    }
}

static void
report(const struct api *api, const char *done, const json_t *reply)
{
    const json_t *error = json_object_get(reply, "error");

    if (reply == NULL) {
        sr_log(SR_LOG_WARNING,
            "cannot look after the stream stream=%s error=\"no answer from the JetStream API\" "
            "advice=\"allow $JS.API.STREAM.> to this user, or create the stream yourself\"",
            api->conf->stream);
    } else if (error != NULL) {
        const char *text = json_string_value(json_object_get(error, "description"));
        sr_log(SR_LOG_WARNING, "cannot look after the stream stream=%s error=\"%s\"",
            api->conf->stream, text != NULL ? text : "unknown");
    } else {
        sr_log(SR_LOG_NOTICE, "%s stream=%s", done, api->conf->stream);
    }
}

static void
create_stream(const struct api *api, const struct sr_queue *queue)
{
    json_t *subjects = json_array();

    (void)add_lanes(subjects, queue);
    add_suite(subjects);
    json_t *body = json_pack("{s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:i}", "name", api->conf->stream,
        "subjects", subjects, "retention", "limits", "storage", "file", "discard", "new",
        "max_bytes", (json_int_t)MAX_BYTES, "duplicate_window", (json_int_t)DUPLICATE_WINDOW_NS,
        "num_replicas", 1);
    json_t *reply = call(api, "CREATE", body);

    report(api, "made the stream", reply);
    json_decref(reply);
    json_decref(body);
}

/* The whole configuration goes back as it came, read as JSON: nothing we do not know is lost. */
static void
append_subjects(const struct api *api, const struct sr_queue *queue, json_t *info)
{
    json_t *config = json_object_get(info, "config");
    json_t *subjects = json_object_get(config, "subjects");

    if (!json_is_array(subjects) || !add_lanes(subjects, queue)) {
        sr_log(SR_LOG_WARNING,
            "the stream has all subjects and still takes no records stream=%s advice=\"the account "
            "maps the subjects elsewhere: create a stream on the mapped ones\"",
            api->conf->stream);
        return;
    }
    json_t *reply = call(api, "UPDATE", config);
    report(api, "added our subjects to the stream", reply);
    json_decref(reply);
}

void
pub_stream_manage(
    const struct sr_conf_nats *conf, const struct sr_queue *queue, pub_request request, void *arg)
{
    struct api api = { conf, request, arg };
    json_t *info = call(&api, "INFO", NULL);

    if (info != NULL && json_object_get(info, "config") != NULL) {
        append_subjects(&api, queue, info);
    } else if (info != NULL && error_code(info) == ERR_STREAM_NOT_FOUND &&
               conf->manage_stream == SR_MANAGE_CREATE) {
        create_stream(&api, queue);
    } else {
        report(&api, "", info);
    }
    json_decref(info);
}
