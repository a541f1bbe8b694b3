/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_TERMINAL_H_INCLUDED
#define CLI_TERMINAL_H_INCLUDED

#include <stdbool.h>
#include <stdio.h>

#include "trouble.h"

/*
 * How commands speak: to people a line for each thing, with colour only on a terminal, or to
 * programs one JSON object on standard output at the end. What was asked for goes to standard
 * output, complaints go to standard error.
 */

enum terminal_level {
    TERMINAL_DONE,
    TERMINAL_INFO,
    TERMINAL_WARNING,
    TERMINAL_FAILURE,
};

/* Whether `out` is a terminal that shows colour: TERM is not "dumb" and NO_COLOR is not set. */
bool terminal_has_colour(FILE *out);

/* Prints "  ok    text", "        text", "  warn  text" or "  FAIL  text" as a line. */
void terminal_line(FILE *out, enum terminal_level level, const char *text);

/*
 * Says why a command failed and returns `code`: on standard error the cause and behind "try: " the
 * remedy; with `json` as {"ok": false, "exit": CODE, "cause": ..., "remedy": ...} on standard
 * output.
 */
int terminal_fail(const struct trouble *trouble, bool json, int code);

#endif
