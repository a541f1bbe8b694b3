/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "terminal.h"

#include "sr/banned.h"

#define LINE_MAX_BYTES 1024

void
steps_say(void *arg, char level, const char *text)
{
    struct steps *steps = arg;
    const char *word = level == 'o' ? "ok" : level == 'w' ? "warning" : "info";

    if (steps->json) {
        if (steps->list == NULL) {
            steps->list = json_array();
        }
        (void)json_array_append_new(
            steps->list, json_pack("{s:s, s:s}", "level", word, "text", text));
        return;
    }
    terminal_line(stdout,
        level == 'o'   ? TERMINAL_DONE
        : level == 'w' ? TERMINAL_WARNING
                       : TERMINAL_INFO,
        text);
}

void
steps_line(struct steps *steps, char level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    steps_say(steps, level, line);
}

void
steps_end(struct steps *steps, struct json_t *more)
{
    if (steps->json) {
        json_t *object = json_pack("{s:b, s:i}", "ok", 1, "exit", 0);
        (void)json_object_update(object, more);
        if (steps->list != NULL) {
            (void)json_object_set(object, "steps", steps->list);
        }
        char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
        (void)printf("%s\n", text != NULL ? text : "{\"ok\":true}");
        free(text);
        json_decref(object);
    }
    json_decref(more);
    steps_done(steps);
}

void
steps_done(struct steps *steps)
{
    json_decref(steps->list);
    steps->list = NULL;
}
