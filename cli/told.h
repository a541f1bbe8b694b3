/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TOLD_H_INCLUDED
#define CLI_TOLD_H_INCLUDED

#include <stdbool.h>

#include "trouble.h"

struct json_t;

/*
 * What a command tells while it works: to people a line at once, to programs all of it in the one
 * object at the end.
 */
struct told {
    bool json;
    struct json_t *steps; /* owned; NULL for people */
};

/* Starts; told_end() ends it. */
struct told told_start(bool json);

/* A join_say_cb (enroll/join.h); `told` is a struct told. */
void told_say(void *told, char level, const char *text);

/* The same from a format. */
void told_line(struct told *told, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Ends with an exit code, and returns it. `trouble` is why it failed, NULL when it did not. Members
 * of `more` (owned by the callee, NULL for none) are added to the object {"ok", "exit", "steps"},
 * with "cause" and "remedy" after a failure.
 */
int told_end(struct told *told, const struct trouble *trouble, int code, struct json_t *more);

#endif
