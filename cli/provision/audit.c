/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <sqlite3.h>

#include "command.h"
#include "provision/issuer.h"

#include "sr/banned.h"

#define DAY_S 86400
#define SINCE_MAX (INT64_MAX / (7 * DAY_S)) /* no unit takes it past the end */

static const char HELP[] =
    "usage: serviceradar-provision audit [OPTION]...\n"
    "\n"
    "Lists who did what with the issuer, the oldest first. Times are UTC.\n"
    "\n"
    "  --since WHEN        only from then on: 2026-01-31, 2026-01-31T12:00:00Z, or so long ago:\n"
    "                      90s, 15m, 24h, 7d, 2w\n" ISSUER_HELP;

/* Reads "15m" as seconds. */
static bool
read_span(const char *text, int64_t *ret_s)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', DAY_S }, { 'w', 7 * DAY_S } };
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 12 || strlen(text) != digits + 1) {
        return false;
    }
    int64_t number = strtoll(text, NULL, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && number < SINCE_MAX; i++) {
        if (text[digits] == units[i].letter) {
            *ret_s = number * units[i].seconds;
            return true;
        }
    }
    return false;
}

static bool
read_date(const char *text, int64_t *ret_s)
{
    struct tm tm = { .tm_mday = 0 };
    const char *end = strptime(text, "%Y-%m-%d", &tm);

    if (end != NULL && *end == 'T') {
        end = strptime(end, "T%H:%M:%SZ", &tm);
    }
    if (end == NULL || *end != '\0') {
        return false;
    }
    *ret_s = (int64_t)timegm(&tm);
    return true;
}

static bool
take(void *arg, int option, const char *value)
{
    int64_t *since_s = arg;
    int64_t ago_s = 0;

    (void)option;
    if (read_span(value, &ago_s)) {
        *since_s = (int64_t)store_now() - ago_s;
        return true;
    }
    if (read_date(value, since_s)) {
        return true;
    }
    complain("--since \"%s\" is neither a date nor a time ago", value);
    return false;
}

struct listing {
    json_t *lines; /* NULL: to people */
    bool failed;
};

/* What outsiders can put into a line (the cause of a failure, a host's name) stays one line. */
static void
print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        (void)putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
    }
}

static void
print_line(const char *time_text, const char *const texts[4])
{
    (void)printf("%s", time_text);
    for (size_t i = 0; i < 4; i++) {
        if (*texts[i] != '\0') {
            (void)fputs("  ", stdout);
            print_text(texts[i]);
        }
    }
    (void)putchar('\n');
}

/* A text from outside, or one that was cut within a character, may be no UTF-8 and so no JSON. */
static json_t *
text_json(char *text)
{
    json_t *string = json_string(text);

    if (string != NULL) {
        return string;
    }
    for (char *c = text; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
    return json_string(text);
}

static bool
on_row(void *arg, struct sqlite3_stmt *row)
{
    struct listing *list = arg;
    time_t at = (time_t)sqlite3_column_int64(row, 0);
    struct tm tm;
    char time_text[32] = "?";
    char text[4][1024];

    for (int i = 0; i < 4; i++) {
        store_text(row, i + 1, text[i], sizeof(text[i]));
    }
    if (gmtime_r(&at, &tm) != NULL) {
        (void)strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    if (list->lines == NULL) {
        print_line(time_text, (const char *const[4]){ text[0], text[1], text[2], text[3] });
        return true;
    }
    json_t *line = json_pack("{s:s, s:o, s:o, s:o, s:o}", "time", time_text, "actor",
        text_json(text[0]), "action", text_json(text[1]), "object", text_json(text[2]), "detail",
        text_json(text[3]));
    list->failed |= json_array_append_new(list->lines, line) != 0;
    return true;
}

int
provision_audit(int argc, char **argv)
{
    static const struct option known[] = { { "since", required_argument, NULL, 's' },
        ISSUER_OPTIONS };
    static const struct issuer_usage usage = { "audit", HELP, known, take, 0 };
    struct issuer_options options;
    struct listing list = { NULL, false };
    struct trouble trouble;
    int64_t since_s = 0;
    int code = issuer_parse(&usage, argc, argv, &options, &since_s);
    struct store *store = code < 0 ? issuer_open(&options) : NULL;

    if (store == NULL) {
        return code < 0 ? EXIT_RUNTIME : code;
    }
    list.lines = options.json ? json_array() : NULL;
    bool ok = store_query(store, &trouble, on_row, &list, NULL,
        "SELECT at_s, actor, action, object, detail FROM audit WHERE at_s >= ?1 ORDER BY id", "i",
        since_s);
    if (ok && list.failed) {
        ok = trouble_say(&trouble, 0, "list less of it with --since", "out of memory");
    }
    return issuer_end(&options, store, ok,
        list.lines != NULL ? json_pack("{s:b, s:o}", "ok", 1, "lines", list.lines) : NULL,
        &trouble);
}
