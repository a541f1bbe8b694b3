/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "command.h"

#include "sr/banned.h"

bool
terminal_has_colour(FILE *out)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");

    return isatty(fileno(out)) == 1 && term != NULL && strcmp(term, "dumb") != 0 &&
           (no_color == NULL || *no_color == '\0');
}

void
terminal_line(FILE *out, enum terminal_level level, const char *text)
{
    static const struct {
        const char *mark, *colour;
    } marks[] = {
        [TERMINAL_DONE] = { "ok  ", "\033[32m" },
        [TERMINAL_INFO] = { "    ", "" },
        [TERMINAL_WARNING] = { "warn", "\033[33m" },
        [TERMINAL_FAILURE] = { "FAIL", "\033[31m" },
    };
    bool colour = terminal_has_colour(out);

    (void)fprintf(out, "  %s%s%s  %s\n", colour ? marks[level].colour : "", marks[level].mark,
        colour ? "\033[0m" : "", text);
}

int
terminal_fail(const struct trouble *trouble, bool json, int code)
{
    if (!json) {
        complain("%s", trouble->cause);
        if (*trouble->remedy != '\0') {
            (void)fprintf(stderr, "try: %s\n", trouble->remedy);
        }
        return code;
    }
    json_t *object = json_pack("{s:b, s:i, s:s, s:s}", "ok", 0, "exit", code, "cause",
        trouble->cause, "remedy", trouble->remedy);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    (void)printf("%s\n", text != NULL ? text : "{\"ok\":false}");
    free(text);
    json_decref(object);
    return code;
}
