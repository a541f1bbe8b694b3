/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf.h"

#include <string.h>

#include "sr/conf_value.h"

#include "sr/banned.h"

#define MASK "\"********\""
#define INDENT 2
#define LINE_MAX_LEN 80U /* of comments */

/* Three-byte characters that YAML does not take as they are, or takes for the end of a line. */
static const struct {
    const char *bytes;
    const char *escape;
} escaped[] = {
    { "\xe2\x80\xa8", "\\u2028" },
    { "\xe2\x80\xa9", "\\u2029" },
    { "\xef\xbb\xbf", "\\uFEFF" },
    { "\xef\xbf\xbe", "\\uFFFE" },
    { "\xef\xbf\xbf", "\\uFFFF" },
};

static const char *
escape_for(const char *at)
{
    for (size_t i = 0; i < sizeof(escaped) / sizeof(escaped[0]); i++) {
        if (strncmp(at, escaped[i].bytes, 3) == 0) {
            return escaped[i].escape;
        }
    }
    return NULL;
}

/* True for a text that YAML reads as itself without quotes, in a list too. */
static bool
is_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "/._+@";
    size_t len = strlen(text);

    return len > 0 && text[0] != '@' && strspn(text, safe) == len && strcmp(text, "null") != 0 &&
           strcmp(text, "Null") != 0 && strcmp(text, "NULL") != 0;
}

static void
print_string(const struct sr_conf_key *key, const char *text, FILE *out)
{
    if (key->secret) {
        fputs(MASK, out);
        return;
    }
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *at = text; *at != '\0'; at++) {
        const char *escape = escape_for(at);
        if (escape != NULL) {
            fputs(escape, out);
            at += 2;
            continue;
        }
        if (*at == '"' || *at == '\\') {
            fputc('\\', out);
        }
        fputc(*at, out);
    }
    fputc('"', out);
}

static void
print_strings(const struct sr_conf_key *key, const struct sr_conf_strings *list, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < list->count; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_string(key, list->items[i], out);
    }
    fputc(']', out);
}

/* Prints the value of a key that is no section. */
static void
print_value(const struct sr_conf_key *key, const void *slot, FILE *out)
{
    char text[SR_CONF_UNIT_TEXT_MAX];

    switch (key->type) {
    case SR_CONF_STRING: print_string(key, *(const char *const *)slot, out); return;
    case SR_CONF_STRINGS: print_strings(key, slot, out); return;
    case SR_CONF_BOOL:
    case SR_CONF_CHOICE:
    case SR_CONF_UINT:
    case SR_CONF_SIZE:
    case SR_CONF_DURATION: break;
    case SR_CONF_SECTION:
    case SR_CONF_SECTIONS: return;
    }
    if (key->secret) {
        fputs(MASK, out);
    } else if (key->type == SR_CONF_BOOL) {
        fputs(*(const bool *)slot ? "true" : "false", out);
    } else if (key->type == SR_CONF_CHOICE) {
        fputs(key->choices[*(const int *)slot], out);
    } else {
        fputs(sr_conf_format(key->type, *(const uint64_t *)slot, text), out);
    }
}

static void
print_indent(size_t indent, FILE *out)
{
    fprintf(out, "%*s", (int)indent, "");
}

/* The only value that has no text: a string that is not set, or was never in range of its key. */
static bool
is_unset(const struct sr_conf_key *key, const void *slot)
{
    char message[SR_CONF_MESSAGE_MAX];

    if (key->type == SR_CONF_STRING) {
        return *(const char *const *)slot == NULL;
    }
    if (key->def != NULL) {
        return false;
    }
    /* Zero without a default is allowed even where a given zero is not. */
    if (key->type == SR_CONF_STRINGS) {
        const struct sr_conf_strings *list = slot;
        return list->count == 0 && sr_conf_check_count(key, 0, message) != NULL;
    }
    if (key->type == SR_CONF_UINT || key->type == SR_CONF_SIZE || key->type == SR_CONF_DURATION) {
        return *(const uint64_t *)slot == 0 && key->min > 0;
    }
    return false;
}

static void print_table(const struct sr_conf_key *keys, const char *base, size_t indent, FILE *out);

static void
print_sections(
    const struct sr_conf_key *key, const struct sr_conf_sections *list, size_t indent, FILE *out)
{
    if (list->count == 0) {
        fprintf(out, "%s: []\n", key->name);
        return;
    }
    fprintf(out, "%s:\n", key->name);
    for (size_t i = 0; i < list->count; i++) {
        const char *item = (const char *)list->items + i * key->item_size;

        print_indent(indent + INDENT, out);
        fputs("-\n", out);
        print_table(key->keys, item, indent + INDENT + INDENT, out);
    }
}

static void
print_table(const struct sr_conf_key *keys, const char *base, size_t indent, FILE *out)
{
    for (const struct sr_conf_key *key = keys; key->name != NULL; key++) {
        const void *slot = base + key->offset;

        print_indent(indent, out);
        if (key->type == SR_CONF_SECTION) {
            fprintf(out, "%s:\n", key->name);
            print_table(key->keys, slot, indent + INDENT, out);
        } else if (key->type == SR_CONF_SECTIONS) {
            print_sections(key, slot, indent, out);
        } else if (is_unset(key, slot)) {
            fprintf(out, "# %s: not set\n", key->name);
        } else {
            fprintf(out, "%s: ", key->name);
            print_value(key, slot, out);
            fputc('\n', out);
        }
    }
}

void
sr_conf_print(const struct sr_conf_schema *schema, const void *config, FILE *out)
{
    print_table(schema->keys, config, 0, out);
}

static const char *
type_name(enum sr_conf_type type)
{
    switch (type) {
    case SR_CONF_STRING: return "text";
    case SR_CONF_BOOL: return "true or false";
    case SR_CONF_UINT: return "number";
    case SR_CONF_SIZE: return "size in bytes (KiB, MiB, GiB)";
    case SR_CONF_DURATION: return "duration (us, ms, s, m, h)";
    case SR_CONF_CHOICE: return "one of";
    case SR_CONF_STRINGS: return "list of texts";
    case SR_CONF_SECTION: return "section";
    case SR_CONF_SECTIONS: return "list of sections";
    }
    return "value";
}

static void
describe_type(const struct sr_conf_key *key, FILE *out)
{
    char text[SR_CONF_UNIT_TEXT_MAX];

    fputs(
        key->is_file && key->type == SR_CONF_STRING ? "readable file" : type_name(key->type), out);
    for (size_t i = 0; key->type == SR_CONF_CHOICE && key->choices[i] != NULL; i++) {
        fprintf(out, "%s %s", i > 0 ? "," : "", key->choices[i]);
    }
    const char *items =
        key->type == SR_CONF_STRINGS || key->type == SR_CONF_SECTIONS ? " items" : "";
    if (key->min > 0) {
        fprintf(out, ", %s%s", key->max > 0 ? "" : "at least ",
            sr_conf_format(key->type, key->min, text));
    }
    if (key->max > 0) {
        fprintf(out, "%s%s", key->min > 0 ? " to " : ", at most ",
            sr_conf_format(key->type, key->max, text));
    }
    fputs(key->min > 0 || key->max > 0 ? items : "", out);
}

static void
describe_table(const struct sr_conf_key *keys, const char *prefix, FILE *out)
{
    for (const struct sr_conf_key *key = keys; key->name != NULL; key++) {
        bool section = key->type == SR_CONF_SECTION;
        bool sections = key->type == SR_CONF_SECTIONS;

        fprintf(out, "%s%s\n    ", prefix, key->name);
        describe_type(key, out);
        if (!section && !sections) {
            fprintf(out, "; %s%s", key->def != NULL ? "default " : "no default",
                key->def != NULL ? key->def : "");
        }
        if (!section) {
            fputs(key->reload == SR_CONF_RELOAD ? "; reload" : "; restart", out);
        }
        fprintf(out, "\n    %s\n", key->help != NULL ? key->help : "");
        if (section || sections) {
            char below[256];
            (void)snprintf(
                below, sizeof(below), "%s%s%s", prefix, key->name, sections ? "[]." : ".");
            describe_table(key->keys, below, out);
        }
    }
}

void
sr_conf_describe(const struct sr_conf_schema *schema, FILE *out)
{
    describe_table(schema->keys, "", out);
}

/* ---- A file to begin with ---- */

static void print_example(
    const struct sr_conf_key *keys, const char *base, const char *before, FILE *out);

/* A comment of lines that are broken between words. */
static void
print_comment(const char *text, const char *before, FILE *out)
{
    size_t room = LINE_MAX_LEN - strlen(before) - strlen("# ");

    while (*text != '\0') {
        size_t len = strlen(text);
        while (len > room) {
            const char *space = memrchr(text, ' ', len);
            if (space == NULL || space == text) {
                break;
            }
            len = (size_t)(space - text);
        }
        fprintf(out, "%s# %.*s\n", before, (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
}

/* What a key is, in comments. */
static void
print_remarks(const struct sr_conf_key *key, const char *before, FILE *out)
{
    print_comment(key->help != NULL ? key->help : "", before, out);
    if (key->type == SR_CONF_SECTION) {
        return;
    }
    fprintf(out, "%s# (", before);
    describe_type(key, out);
    fputs(key->reload == SR_CONF_RELOAD ? "; reload)\n" : "; restart)\n", out);
}

/* A key of items that there are none of: `base` is NULL then, and its default is only a text. */
static void
print_example_value(const struct sr_conf_key *key, const char *base, FILE *out)
{
    if (base != NULL) {
        print_value(key, base + key->offset, out);
    } else if (key->type == SR_CONF_STRINGS) {
        fputs(key->def != NULL ? key->def : "[]", out);
    } else {
        print_string(key, key->def, out);
    }
}

static bool
has_value(const struct sr_conf_key *key, const char *base)
{
    return base != NULL ? !is_unset(key, base + key->offset)
                        : key->def != NULL || key->type == SR_CONF_STRINGS;
}

static void
print_example_items(const struct sr_conf_key *key, const char *base, const char *before, FILE *out)
{
    const struct sr_conf_sections *list = (const void *)(base + key->offset);
    char below[64];

    if (list->count == 0) {
        fprintf(out, "%s#%s: []\n%s# Each item has these keys:\n", before, key->name, before);
        (void)snprintf(below, sizeof(below), "%s#%*s", before, INDENT + 1, "");
        print_example(key->keys, NULL, below, out);
        return;
    }
    fprintf(out, "%s%s:\n", before, key->name);
    (void)snprintf(below, sizeof(below), "%s%*s", before, INDENT + INDENT, "");
    for (size_t i = 0; i < list->count; i++) {
        fprintf(out, "%s%*s-\n", before, INDENT, "");
        print_example(key->keys, (const char *)list->items + i * key->item_size, below, out);
    }
}

/* Lines begin with `before`; the keys of an item that is not there are comments altogether. */
static void
print_example(const struct sr_conf_key *keys, const char *base, const char *before, FILE *out)
{
    for (const struct sr_conf_key *key = keys; key->name != NULL; key++) {
        print_remarks(key, before, out);
        if (key->type == SR_CONF_SECTION) {
            char below[64];

            (void)snprintf(below, sizeof(below), "%s%*s", before, INDENT, "");
            fprintf(out, "%s%s:\n", before, key->name);
            print_example(key->keys, base != NULL ? base + key->offset : NULL, below, out);
        } else if (key->type == SR_CONF_SECTIONS && base != NULL) {
            print_example_items(key, base, before, out);
        } else if (!has_value(key, base)) {
            fprintf(out, "%s# %s: not set\n", before, key->name);
        } else {
            fprintf(out, "%s%s%s: ", before, base != NULL ? "#" : "", key->name);
            print_example_value(key, base, out);
            fputc('\n', out);
        }
        if (*before == '\0') {
            fputc('\n', out);
        }
    }
}

void
sr_conf_example(const struct sr_conf_schema *schema, const void *defaults, FILE *out)
{
    print_example(schema->keys, defaults, "", out);
}
