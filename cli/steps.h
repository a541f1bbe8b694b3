/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_STEPS_H_INCLUDED
#define CLI_STEPS_H_INCLUDED

#include <stdbool.h>

struct json_t;

/* What a command of several steps says while it goes: lines at once, or a list for --json. */
struct steps {
    bool json;
    struct json_t *list; /* of {"level": "ok" | "warning" | "info", "text": ...} */
};

/* A join_say_cb (enroll/join.h) whose argument is a struct steps. */
void steps_say(void *steps, char level, const char *text);

/* As steps_say, from a format. */
void steps_line(struct steps *steps, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Prints {"ok": true, "exit": 0, ...} with the members of `more`, which it takes (NULL: none), and
 * "steps"; nothing to people.
 */
void steps_end(struct steps *steps, struct json_t *more);

/* Frees what is left; for a command that failed. */
void steps_done(struct steps *steps);

#endif
