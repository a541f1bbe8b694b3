/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "enroll/bundle_check.h"
#include "enroll/lifetime.h"
#include "enroll/settings.h"
#include "sr/jwt.h"
#include "sr/suite.h"
#include "terminal.h"

#include "sr/banned.h"

bool
bundle_show_error(enum bundle_err err, const char *detail, struct trouble *trouble)
{
    const char *sentence = bundle_strerror(err);
    const char *colon = strchr(sentence, ':');
    size_t cause = colon != NULL ? (size_t)(colon - sentence) : strlen(sentence) - 1;
    char remedy[256] = "have it issued again";

    if (colon != NULL) {
        (void)snprintf(remedy, sizeof(remedy), "%.*s", (int)strlen(colon + 2) - 1, colon + 2);
    }
    return trouble_say(trouble, 0, remedy, "%.*s%s%s%s", (int)cause, sentence,
        *detail != '\0' ? " (" : "", detail, *detail != '\0' ? ")" : "");
}

static json_t *
lifetime_json(const char *what, const struct lifetime *l, uint64_t now_s)
{
    json_t *object = json_pack("{s:s, s:s, s:I, s:s}", "what", what, "name", l->name, "from",
        (json_int_t)l->from_s, "state", lifetime_word(lifetime_at(l, now_s)));

    if (object != NULL && l->until_s > 0) {
        (void)json_object_set_new(object, "until", json_integer((json_int_t)l->until_s));
    }
    return object;
}

static json_t *
lifetimes(const struct bundle *bundle, uint64_t now_s)
{
    json_t *list = json_array();
    struct lifetime l;

    if (lifetime_of_token(bundle_token(bundle), &l)) {
        (void)json_array_append_new(list, lifetime_json("credentials", &l, now_s));
    }
    if (lifetime_of_certificate(bundle->certificate, 0, &l)) {
        (void)json_array_append_new(list, lifetime_json("certificate", &l, now_s));
    }
    for (size_t i = 0; lifetime_of_certificate(bundle->ca_chain, i, &l); i++) {
        (void)json_array_append_new(list, lifetime_json("ca", &l, now_s));
    }
    return list;
}

/* What the user may publish on, as the token says; an empty list allows everything. */
static json_t *
publish_allowed(const struct bundle *bundle)
{
    json_t *claims = NULL;

    if (sr_jwt_verify(bundle_token(bundle), &claims) != SR_JWT_OK) {
        return json_array();
    }
    json_t *allow =
        json_object_get(json_object_get(json_object_get(claims, "nats"), "pub"), "allow");
    json_t *copy = json_is_array(allow) ? json_deep_copy(allow) : json_array();
    json_decref(claims);
    return copy;
}

static json_t *
problem_json(const char *text, const char *detail, const char *remedy, bool fatal)
{
    return json_pack(
        "{s:s, s:s, s:s, s:b}", "cause", text, "detail", detail, "remedy", remedy, "fatal", fatal);
}

static json_t *
texts(char list[SETTINGS_LIST_MAX][SETTINGS_TEXT_MAX])
{
    json_t *array = json_array();

    for (size_t i = 0; i < SETTINGS_LIST_MAX && *list[i] != '\0'; i++) {
        (void)json_array_append_new(array, json_string(list[i]));
    }
    return array;
}

/* What the daemon makes of the configuration, when there is one on this host. */
static json_t *
settings_json(struct settings *settings)
{
    json_t *object = json_pack("{s:o, s:o, s:o}", "urls", texts(settings->urls), "subjects",
        texts(settings->subjects), "listens", texts(settings->listens));
    const struct {
        const char *name, *path;
    } files[] = { { "creds_file", settings->creds }, { "cert_file", settings->certificate },
        { "key_file", settings->key }, { "ca_file", settings->ca_chain } };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (*files[i].path != '\0') {
            (void)json_object_set_new(object, files[i].name, json_string(files[i].path));
        }
    }
    return object;
}

static const char *const *
subjects_of(
    struct settings *settings, enum bundle_collector collector, const char **out, size_t size)
{
    size_t count = 0;

    for (; count < size - 1 && *settings->subjects[count] != '\0'; count++) {
        out[count] = settings->subjects[count];
    }
    out[count] = NULL;
    if (count > 0) {
        return out;
    }
    for (const struct sr_suite_role *r = sr_suite_roles; r->name != NULL; r++) {
        if (strcmp(r->name, bundle_collector_name(collector)) == 0) {
            return r->subjects;
        }
    }
    return NULL;
}

/* Adds "configuration" when the daemon is here, and what is wrong with it. */
static void
ask_daemon(const struct bundle *bundle, const struct join_options *o,
    enum bundle_collector collector, struct settings *settings, json_t *object, json_t *problems)
{
    char daemon[FILES_PATH_MAX];
    struct trouble trouble;

    if (collector == BUNDLE_UNTOLD ||
        !settings_daemon(o->root, o->daemon_dir, collector, daemon, &trouble)) {
        return;
    }
    bool ok = settings_of_text(daemon, bundle->config, bundle->config_name, "", settings, &trouble);
    if (ok) {
        (void)json_object_set_new(object, "configuration", settings_json(settings));
        ok = bundle->creds.len == 0 ||
             settings_check(daemon, bundle, bundle->config, settings, &trouble);
    }
    if (!ok) {
        (void)json_array_append_new(
            problems, problem_json(trouble.cause, "", trouble.remedy, true));
    }
}

static bool
any_fatal(const json_t *problems)
{
    for (size_t i = 0; i < json_array_size(problems); i++) {
        if (json_is_true(json_object_get(json_array_get(problems, i), "fatal"))) {
            return true;
        }
    }
    return false;
}

/* Owned: everything that is printed. */
static json_t *
describe(const struct bundle *bundle, const struct join_options *o)
{
    enum bundle_collector collector =
        bundle->collector != BUNDLE_UNTOLD ? bundle->collector : o->collector;
    struct settings *settings = calloc(1, sizeof(*settings));
    struct bundle_problems found = { .count = 0 };
    const char *subjects[SETTINGS_LIST_MAX + 1];
    json_t *problems = json_array();
    json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:o, s:o}", "collector",
        bundle_collector_name(collector), "config_name", bundle->config_name, "tls",
        bundle->certificate.len > 0, "secrets", bundle->creds.len > 0, "lifetimes",
        lifetimes(bundle, o->now_s), "publish_allow", publish_allowed(bundle));

    if (settings != NULL && object != NULL) {
        ask_daemon(bundle, o, collector, settings, object, problems);
        bundle_check(bundle, subjects_of(settings, collector, subjects, SETTINGS_LIST_MAX + 1),
            o->now_s, &found);
        for (size_t i = 0; i < found.count; i++) {
            enum bundle_fault fault = found.list[i].fault;
            (void)json_array_append_new(
                problems, problem_json(bundle_fault_cause(fault), found.list[i].detail,
                              bundle_fault_remedy(fault), bundle_fault_is_fatal(fault)));
        }
        (void)json_object_set_new(object, "ok", json_boolean(!any_fatal(problems)));
        (void)json_object_set(object, "problems", problems);
    }
    json_decref(problems);
    free(settings);
    return object;
}

/* ---- For people ---- */

static void
print_list(const char *what, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        (void)printf("  %-14s%s\n", i == 0 ? what : "", text != NULL ? text : "");
    }
}

static void
print_lifetimes(const json_t *list, uint64_t now_s)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct lifetime l = { .from_s = (uint64_t)json_integer_value(json_object_get(one, "from")),
            .until_s = (uint64_t)json_integer_value(json_object_get(one, "until")) };
        char text[128];
        (void)printf("  %-14s%s, %s\n", json_string_value(json_object_get(one, "what")),
            json_string_value(json_object_get(one, "name")), lifetime_tell(&l, now_s, text));
    }
}

static void
print_problems(const json_t *problems)
{
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *one = json_array_get(problems, i);
        const char *detail = json_string_value(json_object_get(one, "detail"));
        char line[1200];
        (void)snprintf(line, sizeof(line), "%s%s%s%s",
            json_string_value(json_object_get(one, "cause")), *detail != '\0' ? " (" : "", detail,
            *detail != '\0' ? ")" : "");
        terminal_line(stdout,
            json_is_true(json_object_get(one, "fatal")) ? TERMINAL_FAILURE : TERMINAL_WARNING,
            line);
        (void)snprintf(
            line, sizeof(line), "try: %s", json_string_value(json_object_get(one, "remedy")));
        terminal_line(stdout, TERMINAL_INFO, line);
    }
    if (json_array_size(problems) == 0) {
        terminal_line(stdout, TERMINAL_DONE, "nothing is wrong with it");
    }
}

static void
print_text(const json_t *object, uint64_t now_s)
{
    const char *collector = json_string_value(json_object_get(object, "collector"));
    const json_t *configuration = json_object_get(object, "configuration");

    (void)printf("bundle for %s, configuration %s%s%s\n",
        *collector != '\0' ? collector : "a collector that it does not name",
        json_string_value(json_object_get(object, "config_name")),
        json_is_true(json_object_get(object, "tls")) ? "" : ", no TLS material",
        json_is_true(json_object_get(object, "secrets")) ? "" : ", no secrets");
    print_lifetimes(json_object_get(object, "lifetimes"), now_s);
    print_list("may publish", json_object_get(object, "publish_allow"));
    if (configuration != NULL) {
        print_list("server", json_object_get(configuration, "urls"));
        print_list("publishes", json_object_get(configuration, "subjects"));
        print_list("listens", json_object_get(configuration, "listens"));
    } else {
        (void)printf("  %-14s%s\n", "configuration", "not looked into: its daemon is not here");
    }
    print_problems(json_object_get(object, "problems"));
}

int
bundle_show(const struct bundle *bundle, const struct join_options *options, bool json)
{
    json_t *object = describe(bundle, options);

    if (object == NULL) {
        return EXIT_FAILURE;
    }
    if (json) {
        char *text = json_dumps(object, JSON_COMPACT);
        (void)printf("%s\n", text != NULL ? text : "{\"ok\":false}");
        free(text);
    } else {
        print_text(object, options->now_s);
    }
    bool ok = json_is_true(json_object_get(object, "ok"));
    json_decref(object);
    return ok ? EXIT_SUCCESS : JOIN_EXIT_BUNDLE;
}
