/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/account.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "command.h"
#include "issuer/account.h"
#include "terminal.h"

#include "sr/banned.h"

#define LINE_MAX_LEN 1024

__attribute__((format(printf, 3, 0))) static void
say(FILE *out, enum terminal_level level, const char *format, va_list args)
{
    char line[LINE_MAX_LEN];

    (void)vsnprintf(line, sizeof(line), format, args);
    terminal_line(out, level, line);
}

void
account_say(const struct issuer_options *options, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!options->json) {
        say(stdout, TERMINAL_DONE, format, args);
    }
    va_end(args);
}

void
account_warn(const struct issuer_options *options, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (!options->json) {
        say(stderr, TERMINAL_WARNING, format, args);
    }
    va_end(args);
}

const char *
account_time(uint64_t time_s, char text[ACCOUNT_TIME_MAX])
{
    time_t when = (time_t)time_s;
    struct tm tm;

    if (time_s == 0 || gmtime_r(&when, &tm) == NULL ||
        strftime(text, ACCOUNT_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        (void)snprintf(text, ACCOUNT_TIME_MAX, "never");
    }
    return text;
}

int
account_fail(
    const struct issuer_options *options, struct store *store, const struct trouble *trouble)
{
    return issuer_end(options, store, false, NULL, trouble);
}

/* A push that failed behind a change that is of no use without it. */
static int
fail_unpushed(const struct issuer_options *options, struct store *store, const char *name,
    json_t *answer, const struct trouble *why)
{
    struct trouble trouble;
    char remedy[sizeof(trouble.remedy)];

    (void)snprintf(remedy, sizeof(remedy), "%.150s; then: serviceradar-provision account push %s",
        why->remedy, name);
    (void)trouble_say(&trouble, why->error, remedy,
        "it is written down, but the server goes on as before: %.500s", why->cause);
    json_decref(answer);
    return account_fail(options, store, &trouble);
}

int
account_end(const struct issuer_options *options, struct store *store, const char *name,
    enum account_reach reach, json_t *answer)
{
    struct trouble trouble;
    bool pushed = false;

    if (reach != ACCOUNT_HERE) {
        pushed = account_push(store, name, &trouble);
        if (!pushed && reach == ACCOUNT_SURELY) {
            return fail_unpushed(options, store, name, answer, &trouble);
        }
    }
    (void)json_object_set_new(answer, "pushed", json_boolean(pushed));
    if (pushed) {
        account_say(options, "the server has account %s", name);
    } else if (reach != ACCOUNT_HERE) {
        (void)json_object_set_new(answer, "push_cause", json_string(trouble.cause));
        (void)json_object_set_new(answer, "push_remedy", json_string(trouble.remedy));
        account_warn(options, "the server does not have it yet: %s", trouble.cause);
        account_warn(
            options, "%s; then: serviceradar-provision account push %s", trouble.remedy, name);
    }
    return issuer_end(options, store, true, answer, NULL);
}
