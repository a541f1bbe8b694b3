/* SPDX-License-Identifier: Apache-2.0 */
#include "mib/standard_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/mib_format.h"
#include "mib/builder.h"

#include "sr/banned.h"

#define WORDS_MAX 512
#define NAMES_MAX 4096
#define TYPES_MAX 256

/* What a value is: the words of a line from its SYNTAX on, read. */
struct syntax {
    const char *hint;
    struct mib_named_number *labels; /* owned by the type, or by the line */
    size_t label_count;
    enum mib_syntax syntax;
};

struct type {
    const char *name;
    struct syntax syntax;
};

struct name {
    const char *name;
    uint32_t arcs[MIB_ARCS_MAX];
    unsigned arc_count;
    bool is_object;
};

struct text {
    struct mib_builder *builder;
    char *next;
    unsigned line; /* of the words */
    unsigned next_line;
    char *words[WORDS_MAX];
    size_t word_count;
    const char *module;
    struct name *names;
    size_t name_count;
    struct type types[TYPES_MAX];
    size_t type_count;
    const char *wrong;
    const char *wrong_word;
};

static bool
refuse(struct text *t, const char *what, const char *word)
{
    t->wrong = what;
    t->wrong_word = word;
    return false;
}

static bool
split_line(struct text *t)
{
    char *end = strchr(t->next, '\n');
    char *at = t->next;

    t->next = end != NULL ? end + 1 : at + strlen(at);
    t->next_line++;
    if (end != NULL) {
        *end = '\0';
    }
    at[strcspn(at, "#")] = '\0';
    for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
        if (t->word_count == WORDS_MAX) {
            return refuse(t, "too many words", at);
        }
        t->words[t->word_count++] = at;
        at += strcspn(at, " ");
        if (*at == ' ') {
            *at++ = '\0';
        }
    }
    return true;
}

/* Splits the next line and those that go on with it. False at the end, or with `wrong` set. */
static bool
next_words(struct text *t)
{
    t->word_count = 0;
    while (t->word_count == 0 && *t->next != '\0') {
        t->line = t->next_line + 1;
        if (!split_line(t)) {
            return false;
        }
    }
    while (t->word_count > 0 && *t->next == ' ') {
        if (!split_line(t)) {
            return false;
        }
    }
    return t->word_count > 0;
}

static const struct name *
find_name(const struct text *t, const char *name, size_t len)
{
    for (size_t i = t->name_count; i > 0; i--) {
        const struct name *n = &t->names[i - 1];
        if (strncmp(n->name, name, len) == 0 && n->name[len] == '\0') {
            return n;
        }
    }
    return NULL;
}

/* Reads NUMBER, a name and arcs or (for the root) one arc, into `ret_name`. */
static bool
read_number(struct text *t, char *word, struct name *ret_name)
{
    char *at = word + strcspn(word, ".");

    ret_name->arc_count = 0;
    if (*word < '0' || *word > '9') {
        const struct name *parent = find_name(t, word, (size_t)(at - word));
        if (parent == NULL || *at != '.') {
            return refuse(t, "no number under a name above", word);
        }
        memcpy(ret_name->arcs, parent->arcs, parent->arc_count * sizeof(parent->arcs[0]));
        ret_name->arc_count = parent->arc_count;
        at++;
    } else {
        at = word;
    }
    for (;;) {
        errno = 0;
        char *end;
        unsigned long arc = strtoul(at, &end, 10);
        if (end == at || errno != 0 || arc > UINT32_MAX || (*end != '.' && *end != '\0') ||
            ret_name->arc_count == MIB_ARCS_MAX) {
            return refuse(t, "wrong number", word);
        }
        ret_name->arcs[ret_name->arc_count++] = (uint32_t)arc;
        if (*end == '\0') {
            return true;
        }
        at = end + 1;
    }
}

static bool
find_syntax(const char *word, enum mib_syntax *ret_syntax)
{
    static const struct {
        const char *word;
        enum mib_syntax syntax;
    } known[] = {
        { "integer", MIB_SYNTAX_INTEGER },
        { "unsigned", MIB_SYNTAX_UNSIGNED },
        { "counter", MIB_SYNTAX_COUNTER32 },
        { "counter64", MIB_SYNTAX_COUNTER64 },
        { "ticks", MIB_SYNTAX_TIME_TICKS },
        { "octets", MIB_SYNTAX_OCTETS },
        { "bits", MIB_SYNTAX_BITS },
        { "address", MIB_SYNTAX_IP_ADDRESS },
        { "oid", MIB_SYNTAX_OBJECT_IDENTIFIER },
        { "opaque", MIB_SYNTAX_OPAQUE },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(word, known[i].word) == 0) {
            *ret_syntax = known[i].syntax;
            return true;
        }
    }
    return false;
}

static bool
read_label(struct text *t, char *word, struct mib_named_number *ret_label)
{
    char *equals = strchr(word, '=');
    char *end;

    if (equals == NULL) {
        return refuse(t, "no LABEL=NUMBER", word);
    }
    errno = 0;
    long number = strtol(equals + 1, &end, 10);
    if (errno != 0 || equals[1] == '\0' || *end != '\0' || number < INT32_MIN ||
        number > INT32_MAX) {
        return refuse(t, "no LABEL=NUMBER", word);
    }
    *equals = '\0';
    *ret_label = (struct mib_named_number){ (int32_t)number, word };
    return true;
}

/* Reads SYNTAX from the word `first` on. Its labels are the caller's to free, also on failure. */
static bool
read_syntax(struct text *t, size_t first, struct syntax *syntax)
{
    if (first >= t->word_count || !find_syntax(t->words[first], &syntax->syntax)) {
        return refuse(
            t, "no syntax and no type above", first < t->word_count ? t->words[first] : "");
    }
    syntax->labels = calloc(t->word_count, sizeof(*syntax->labels));
    if (syntax->labels == NULL) {
        return refuse(t, "out of memory", "");
    }
    for (size_t i = first + 1; i < t->word_count; i++) {
        if (strncmp(t->words[i], "hint=", 5) == 0) {
            syntax->hint = t->words[i] + 5;
        } else if (read_label(t, t->words[i], &syntax->labels[syntax->label_count])) {
            syntax->label_count++;
        } else {
            return false;
        }
    }
    return true;
}

static bool
read_type(struct text *t)
{
    if (t->word_count < 3 || t->type_count == TYPES_MAX) {
        return refuse(t, "no type", t->words[0]);
    }
    struct type *type = &t->types[t->type_count++];
    type->name = t->words[1];
    return read_syntax(t, 2, &type->syntax);
}

static bool
add(struct text *t, const struct name *name, enum mib_kind kind, const struct syntax *syntax)
{
    struct mib_entry entry = {
        .arcs = name->arcs,
        .arc_count = name->arc_count,
        .module = t->module,
        .name = name->name,
        .hint = syntax->hint,
        .kind = kind,
        .syntax = syntax->syntax,
        .labels = syntax->labels,
        .label_count = syntax->label_count,
    };

    return mib_builder_add(t->builder, &entry) || refuse(t, "out of memory", name->name);
}

static bool
add_object(struct text *t, const struct name *name)
{
    struct syntax own = { 0 };

    for (size_t i = 0; t->word_count == 4 && i < t->type_count; i++) {
        if (strcmp(t->types[i].name, t->words[3]) == 0) {
            return add(t, name, MIB_OBJECT, &t->types[i].syntax);
        }
    }
    bool ok = read_syntax(t, 3, &own) && add(t, name, MIB_OBJECT, &own);
    free(own.labels);
    return ok;
}

static bool
add_notification(struct text *t, const struct name *name)
{
    static const struct syntax none = { 0 };

    for (size_t i = 3; i < t->word_count; i++) {
        const struct name *object = find_name(t, t->words[i], strlen(t->words[i]));
        if (object == NULL || !object->is_object) {
            return refuse(t, "no object above has this name", t->words[i]);
        }
    }
    return add(t, name, MIB_NOTIFICATION, &none);
}

static bool
read_name(struct text *t)
{
    static const struct syntax none = { 0 };

    if (t->word_count < 3 || t->module == NULL || t->name_count == NAMES_MAX) {
        return refuse(t, "no name and number in a module", t->words[0]);
    }
    struct name *name = &t->names[t->name_count];
    name->name = t->words[1];
    if (find_name(t, name->name, strlen(name->name)) != NULL) {
        return refuse(t, "twice", name->name);
    }
    if (!read_number(t, t->words[2], name)) {
        return false;
    }
    t->name_count++;
    name->is_object = strcmp(t->words[0], "object") == 0;
    if (name->is_object) {
        return add_object(t, name);
    }
    if (strcmp(t->words[0], "notification") == 0) {
        return add_notification(t, name);
    }
    return strcmp(t->words[0], "node") == 0 ? add(t, name, MIB_NODE, &none)
                                            : refuse(t, "unknown word", t->words[0]);
}

static bool
read_line(struct text *t)
{
    if (strcmp(t->words[0], "type") == 0) {
        return read_type(t);
    }
    if (strcmp(t->words[0], "module") == 0 && t->word_count == 2) {
        t->module = t->words[1];
        return true;
    }
    return read_name(t);
}

bool
standard_text_read(struct mib_builder *b, char *text, char *message)
{
    struct text *t = calloc(1, sizeof(*t));
    bool ok = false;

    if (t != NULL && (t->names = calloc(NAMES_MAX, sizeof(*t->names))) != NULL) {
        t->builder = b;
        t->next = text;
        ok = true;
        while (ok && next_words(t)) {
            ok = read_line(t);
        }
        ok = ok && t->wrong == NULL;
        if (!ok) {
            (void)snprintf(
                message, STANDARD_MESSAGE_MAX, "%u: %s: %.100s", t->line, t->wrong, t->wrong_word);
        }
        for (size_t i = 0; i < t->type_count; i++) {
            free(t->types[i].syntax.labels);
        }
        free(t->names);
    } else {
        (void)snprintf(message, STANDARD_MESSAGE_MAX, "0: out of memory");
    }
    free(t);
    return ok;
}
