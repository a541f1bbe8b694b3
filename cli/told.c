/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "terminal.h"

#include "sr/banned.h"

#define LINE_BYTES 1024

struct told
told_start(bool json)
{
    return (struct told){ .json = json, .steps = json ? json_array() : NULL };
}

void
told_say(void *arg, char level, const char *text)
{
    struct told *told = arg;
    char line[LINE_BYTES];
    const char *word = level == 'o' ? "ok" : level == 'w' ? "warning" : "info";

    (void)snprintf(line, sizeof(line), "%s", text);
    trouble_clean(line);
    if (told->json) {
        (void)json_array_append_new(
            told->steps, json_pack("{s:s, s:s}", "level", word, "text", line));
        return;
    }
    terminal_line(stdout,
        level == 'o'   ? TERMINAL_DONE
        : level == 'w' ? TERMINAL_WARNING
                       : TERMINAL_INFO,
        line);
    (void)fflush(stdout);
}

static void
print_object(const struct told *told, const struct trouble *trouble, int code, json_t *more)
{
    json_t *object = json_pack(
        "{s:b, s:i, s:O}", "ok", trouble == NULL && code == 0, "exit", code, "steps", told->steps);

    if (object != NULL && trouble != NULL) {
        (void)json_object_set_new(object, "cause", json_string(trouble->cause));
        (void)json_object_set_new(object, "remedy", json_string(trouble->remedy));
    }
    if (object != NULL && more != NULL) {
        (void)json_object_update_missing(object, more);
    }
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    (void)printf("%s\n", text != NULL ? text : "{\"ok\":false}");
    free(text);
    json_decref(object);
}

void
told_line(struct told *told, char level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    told_say(told, level, line);
}

int
told_end(struct told *told, const struct trouble *trouble, int code, json_t *more)
{
    if (told->json) {
        print_object(told, trouble, code, more);
    } else if (trouble != NULL) {
        code = terminal_fail(trouble, false, code);
    }
    json_decref(more);
    json_decref(told->steps);
    told->steps = NULL;
    return code;
}
