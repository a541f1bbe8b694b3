/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "terminal.h"

#include "sr/banned.h"

#define ID_WIDTH 19

void
checks_add_trouble(
    struct checks *checks, const char *id, enum check_result result, const struct trouble *trouble)
{
    if (checks->count < CHECKS_MAX) {
        struct check *c = &checks->list[checks->count++];
        c->id = id;
        c->result = result;
        c->trouble = *trouble;
    }
}

void
checks_add(struct checks *checks, const char *id, enum check_result result, const char *remedy,
    const char *cause, ...)
{
    struct trouble trouble = { .error = 0 };
    va_list args;

    va_start(args, cause);
    (void)vsnprintf(trouble.cause, sizeof(trouble.cause), cause, args);
    va_end(args);
    trouble_clean(trouble.cause);
    trouble_remedy(&trouble, remedy);
    checks_add_trouble(checks, id, result, &trouble);
}

void
doctor_phrase(char *out, size_t size, const char *sentence)
{
    size_t len = strlen(sentence);

    len -= len > 0 && sentence[len - 1] == '.';
    (void)snprintf(out, size, "%.*s", (int)len, sentence);
    /* Names in capitals stay as they are. */
    if (size > 1 && out[0] >= 'A' && out[0] <= 'Z' && (out[1] == ' ' || out[1] >= 'a')) {
        out[0] = (char)(out[0] - 'A' + 'a');
    }
}

bool
checks_have(const struct checks *checks, const char *id, enum check_result result)
{
    for (size_t i = 0; i < checks->count; i++) {
        if (strcmp(checks->list[i].id, id) == 0 && checks->list[i].result == result) {
            return true;
        }
    }
    return false;
}

void
doctor_show(const char *heading, const struct checks *checks, bool quiet)
{
    static const enum terminal_level levels[] = {
        [CHECK_OK] = TERMINAL_DONE,
        [CHECK_WARN] = TERMINAL_WARNING,
        [CHECK_FAIL] = TERMINAL_FAILURE,
        [CHECK_SKIP] = TERMINAL_INFO,
    };
    char line[sizeof(checks->list[0].trouble.cause) + 64];
    bool headed = false;

    for (size_t i = 0; i < checks->count; i++) {
        const struct check *c = &checks->list[i];
        bool fault = c->result == CHECK_WARN || c->result == CHECK_FAIL;
        if (quiet && !fault) {
            continue;
        }
        if (!headed) {
            (void)printf("%s\n", heading);
            headed = true;
        }
        (void)snprintf(line, sizeof(line), "%-*s %s%s", ID_WIDTH, c->id,
            c->result == CHECK_SKIP ? "not looked at: " : "", c->trouble.cause);
        terminal_line(stdout, levels[c->result], line);
        if (fault && c->trouble.remedy[0] != '\0') {
            (void)snprintf(line, sizeof(line), "%-*s try: %s", ID_WIDTH, "", c->trouble.remedy);
            terminal_line(stdout, TERMINAL_INFO, line);
        }
    }
}

bool
doctor_add_json(struct json_t *array, const struct checks *checks)
{
    static const char *const words[] = {
        [CHECK_OK] = "ok", [CHECK_WARN] = "warn", [CHECK_FAIL] = "FAIL", [CHECK_SKIP] = "skip"
    };

    for (size_t i = 0; i < checks->count; i++) {
        const struct check *c = &checks->list[i];
        json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "id", c->id, "result", words[c->result],
            "cause", c->trouble.cause, "remedy", c->trouble.remedy);
        if (json_array_append_new(array, object) != 0) {
            return false;
        }
    }
    return true;
}
