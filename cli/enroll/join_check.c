/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/join_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sr/suite.h"

#include "sr/banned.h"

void
join_say(const struct join *j, char level, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (j->say != NULL) {
        j->say(j->arg, level, text);
    }
}

const char *
join_instance(const struct join *j)
{
    if (j->options->instance != NULL) {
        return j->options->instance;
    }
    return j->record != NULL ? j->record->instance : ""; /* of a bundle that was kept */
}

bool
join_choose(struct join *j, struct trouble *trouble)
{
    enum bundle_collector told = j->bundle->collector, wanted = j->options->collector;

    if (told != BUNDLE_UNTOLD && wanted != BUNDLE_UNTOLD && told != wanted) {
        return trouble_say(trouble, 0, "leave --collector out, or have a bundle issued for it",
            "the bundle is for %s, not for %s", bundle_collector_name(told),
            bundle_collector_name(wanted));
    }
    j->record->collector = told != BUNDLE_UNTOLD ? told : wanted;
    if (j->record->collector == BUNDLE_UNTOLD) {
        return trouble_say(trouble, 0, "say it with --collector syslog, trapd or netflow",
            "the bundle does not say for which collector it is");
    }
    if (join_instance(j) != j->record->instance) {
        (void)snprintf(j->record->instance, sizeof(j->record->instance), "%s", join_instance(j));
    }
    (void)record_name(j->record->collector, j->record->instance, j->name);
    (void)record_path(j->name, j->record_path);
    if (j->bundle->creds.len == 0) {
        return trouble_say(trouble, 0,
            "apply it where it was asked for, with `serviceradar-cli enroll` or `renew`",
            "the bundle has no secrets: it is for keys that were made on a host");
    }
    return true;
}

/* A fault's sentences are for lists; a trouble has its own full stops. */
static void
take_sentence(char *out, size_t size, const char *sentence)
{
    size_t len = strlen(sentence);

    len -= len > 0 && sentence[len - 1] == '.';
    (void)snprintf(out, size, "%.*s", (int)len, sentence);
}

static void
tell(const struct join *j, const struct bundle_problem *problem)
{
    join_say(j, 'w', "%s%s%s%s %s", bundle_fault_cause(problem->fault),
        *problem->detail != '\0' ? " (" : "", problem->detail, *problem->detail != '\0' ? ")" : "",
        bundle_fault_remedy(problem->fault));
}

static bool
is_fatal(const struct join *j, enum bundle_fault fault)
{
    return bundle_fault_is_fatal(fault) && !(j->options->force && fault == BUNDLE_PUBLISH_REFUSED);
}

/* Says everything; the first that is fatal is the cause. */
static bool
judge(const struct join *j, const struct bundle_problems *problems, struct trouble *trouble)
{
    char cause[sizeof(trouble->cause) - BUNDLE_DETAIL_MAX - 8], remedy[sizeof(trouble->remedy)];
    const struct bundle_problem *first = NULL;

    for (size_t i = 0; i < problems->count; i++) {
        const struct bundle_problem *problem = &problems->list[i];
        tell(j, problem);
        if (first == NULL && is_fatal(j, problem->fault)) {
            first = problem;
        }
    }
    if (first == NULL) {
        return true;
    }
    take_sentence(cause, sizeof(cause), bundle_fault_cause(first->fault));
    take_sentence(remedy, sizeof(remedy), bundle_fault_remedy(first->fault));
    return trouble_say(trouble, 0, remedy, "%s%s%s%s", cause, *first->detail != '\0' ? " (" : "",
        first->detail, *first->detail != '\0' ? ")" : "");
}

/* The subjects of the configuration, else those of the collector's role; NULL behind the last. */
static void
find_subjects(const struct join *j, const char *out[SETTINGS_LIST_MAX + 1])
{
    size_t count = 0;

    while (count < SETTINGS_LIST_MAX && *j->settings.subjects[count] != '\0') {
        out[count] = j->settings.subjects[count];
        count++;
    }
    for (const struct sr_suite_role *r = sr_suite_roles; r->name != NULL && count == 0; r++) {
        if (strcmp(r->name, bundle_collector_name(j->record->collector)) == 0) {
            for (; r->subjects[count] != NULL; count++) {
                out[count] = r->subjects[count];
            }
            break;
        }
    }
    out[count] = NULL;
}

bool
join_check(struct join *j, struct trouble *trouble)
{
    const char *subjects[SETTINGS_LIST_MAX + 1];
    struct bundle_problems problems = { .count = 0 };
    struct trouble config_trouble;
    bool config_ok = settings_of_text(j->daemon, j->bundle->config, j->bundle->config_name,
        j->record->instance, &j->settings, &config_trouble);

    find_subjects(j, subjects);
    bundle_check(j->bundle, subjects, j->options->now_s, &problems);
    if (!config_ok) {
        join_say(j, 'w', "%s", config_trouble.cause);
    }
    if (!judge(j, &problems, trouble)) {
        return false;
    }
    if (!config_ok) {
        *trouble = config_trouble;
        return false;
    }
    join_say(j, 'o', "the bundle for %s is sound", bundle_collector_name(j->record->collector));
    if (j->bundle->creds_repaired) {
        join_say(j, 'i', "the credentials came with CR LF line ends; they end in LF now");
    }
    return true;
}

/* The path of a file under the root when we put it there, else on this host as it is. */
static bool
real_path(const struct join *j, const char *path, struct sr_span placed, char out[FILES_PATH_MAX],
    const char **ret_path)
{
    *ret_path = *path != '\0' ? out : NULL;
    return files_path(out, "%s%s", placed.len > 0 ? j->root : "", path);
}

static void
tell_proof(const struct join *j, const char *const *subjects, const struct proof_report *report)
{
    join_say(j, 'o', "connected to %s%s%s", report->url,
        *report->server_version != '\0' ? ", nats-server " : "", report->server_version);
    for (; *subjects != NULL; subjects++) {
        join_say(j, 'o', "%s may be published and is captured", *subjects);
    }
}

bool
join_prove(struct join *j, struct trouble *trouble)
{
    char creds[FILES_PATH_MAX], ca[FILES_PATH_MAX], cert[FILES_PATH_MAX], key[FILES_PATH_MAX];
    const struct settings *s = &j->settings;
    const char *subjects[SETTINGS_LIST_MAX + 1], *urls[SETTINGS_LIST_MAX + 1] = { NULL };
    struct proof_target target = { .urls = urls, .subjects = subjects, .timeout_ms = 5000 };
    struct proof_report report = { .result = PROOF_OK };

    if (j->options->no_proof || strcmp(s->output, "nats") != 0) {
        join_say(j, j->options->no_proof ? 'w' : 'i', "not proven that records arrive: %s",
            j->options->no_proof ? "--no-proof" : "the configuration's output is not nats");
        return true;
    }
    find_subjects(j, subjects);
    for (size_t i = 0; i < SETTINGS_LIST_MAX && *s->urls[i] != '\0'; i++) {
        urls[i] = s->urls[i];
        urls[i + 1] = NULL;
    }
    target.inbox_prefix = *s->inbox_prefix != '\0' ? s->inbox_prefix : NULL;
    if (!real_path(j, s->creds, j->bundle->creds, creds, &target.creds_file) ||
        !real_path(j, s->ca_chain, j->bundle->ca_chain, ca, &target.ca_file) ||
        !real_path(j, s->certificate, j->bundle->certificate, cert, &target.cert_file) ||
        !real_path(j, s->key, j->bundle->key, key, &target.key_file)) {
        return trouble_say(trouble, 0, "use a shorter --root", "a path is too long");
    }
    if (j->ops->prove(&target, &report) != PROOF_OK) {
        *trouble = report.trouble;
        return false;
    }
    tell_proof(j, subjects, &report);
    return true;
}
