/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf.h"

#include <stdio.h>
#include <string.h>

#include "sr/buf.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

/* Longest value quoted in a message; enough to find it in the file. */
#define QUOTE_MAX 64

const char *
sr_conf_strerror(enum sr_conf_err err)
{
    switch (err) {
    case SR_CONF_OK: return "is fine";
    case SR_CONF_ENUMBER: return "is not a whole number";
    case SR_CONF_ENOUNIT: return "has no unit";
    case SR_CONF_EUNIT: return "has an unknown unit";
    case SR_CONF_ERANGE: return "is larger than any number kept here";
    case SR_CONF_EBOOL: return "is neither true nor false";
    case SR_CONF_ECONTROL: return "holds a control character";
    case SR_CONF_EUTF8: return "is not UTF-8 text";
    }
    return "unknown error";
}

/* A writer over a message; the last byte is kept for the NUL that message_end writes. */
static struct sr_buf
message_start(char message[SR_CONF_MESSAGE_MAX])
{
    return sr_buf_over(message, SR_CONF_MESSAGE_MAX - 1);
}

static const char *
message_end(struct sr_buf *b)
{
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

/* "is `text`", cut before a character that would not fit, or without the text of a secret. */
static void
add_value(struct sr_buf *b, const struct sr_conf_key *key, const char *text)
{
    size_t len = strlen(text);
    bool cut = len > QUOTE_MAX;

    if (key->secret) {
        sr_buf_add_text(b, "is a hidden value");
        return;
    }
    if (cut) {
        len = QUOTE_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    sr_buf_add_text(b, "is `");
    sr_buf_add(b, text, len);
    sr_buf_add_text(b, cut ? "...`" : "`");
}

static void
add_number(struct sr_buf *b, enum sr_conf_type type, uint64_t value)
{
    char text[SR_CONF_UNIT_TEXT_MAX];

    sr_buf_add_text(b, sr_conf_format(type, value, text));
}

/* "1 to 65535", "at least 1", "at most 8". */
static void
add_range(struct sr_buf *b, const struct sr_conf_key *key)
{
    uint64_t max = key->max != 0 ? key->max : UINT64_MAX;

    if (key->min > 0 && key->max != 0) {
        add_number(b, key->type, key->min);
        sr_buf_add_text(b, " to ");
        add_number(b, key->type, max);
    } else if (key->min > 0) {
        sr_buf_add_text(b, "at least ");
        add_number(b, key->type, key->min);
    } else {
        sr_buf_add_text(b, "at most ");
        add_number(b, key->type, max);
    }
}

static bool
in_range(const struct sr_conf_key *key, uint64_t value)
{
    return value >= key->min && (key->max == 0 || value <= key->max);
}

static const char *
example_of(enum sr_conf_type type)
{
    if (type == SR_CONF_SIZE) {
        return "write a size such as `64KiB`, `4MiB` or `10MB`";
    }
    if (type == SR_CONF_DURATION) {
        return "write a duration such as `30s`, `500ms` or `5m`";
    }
    return "write a whole number such as `10`";
}

static const char *
number_problem(const struct sr_conf_key *key, const char *text, enum sr_conf_err err,
    char message[SR_CONF_MESSAGE_MAX])
{
    struct sr_buf b = message_start(message);

    if (err == SR_CONF_OK || err == SR_CONF_ERANGE) {
        /* Digits and a unit: nothing that needs quoting, but it may still be too long. */
        if (key->secret || strlen(text) > SR_CONF_UNIT_TEXT_MAX) {
            sr_buf_add_text(&b, "is out of range");
        } else {
            sr_buf_add_text(&b, "is ");
            sr_buf_add_text(&b, text);
        }
        sr_buf_add_text(&b, "; must be ");
        add_range(&b, key);
        return message_end(&b);
    }
    add_value(&b, key, text);
    if (err == SR_CONF_ENOUNIT) {
        sr_buf_add_text(&b, " without a unit; add a unit such as `");
        sr_buf_add_text(&b, key->secret || strlen(text) > SR_CONF_UNIT_TEXT_MAX ? "30" : text);
        sr_buf_add_text(&b, "s`");
        return message_end(&b);
    }
    sr_buf_add_text(&b, ", which ");
    sr_buf_add_text(&b, sr_conf_strerror(err));
    sr_buf_add_text(&b, "; ");
    sr_buf_add_text(&b, example_of(key->type));
    return message_end(&b);
}

static const char *
read_number(const struct sr_conf_key *key, const char *text, uint64_t *ret_value,
    char message[SR_CONF_MESSAGE_MAX])
{
    uint64_t value = 0;
    enum sr_conf_err err;

    if (key->type == SR_CONF_SIZE) {
        err = sr_conf_parse_size(text, &value);
    } else if (key->type == SR_CONF_DURATION) {
        err = sr_conf_parse_duration(text, &value);
    } else {
        err = sr_conf_parse_uint(text, &value);
    }
    if (err != SR_CONF_OK || !in_range(key, value)) {
        return number_problem(key, text, err, message);
    }
    *ret_value = value;
    return NULL;
}

static const char *
choice_problem(const struct sr_conf_key *key, const char *text, char message[SR_CONF_MESSAGE_MAX])
{
    struct sr_buf b = message_start(message);
    const char *nearest = sr_conf_nearest_choice(key->choices, text);

    add_value(&b, key, text);
    sr_buf_add_text(&b, "; must be one of ");
    for (size_t i = 0; key->choices[i] != NULL; i++) {
        sr_buf_add_text(&b, i > 0 ? ", " : "");
        sr_buf_add_text(&b, key->choices[i]);
    }
    if (nearest != NULL && !key->secret) {
        sr_buf_add_text(&b, "; did you mean `");
        sr_buf_add_text(&b, nearest);
        sr_buf_add_text(&b, "`?");
    }
    return message_end(&b);
}

static const char *
text_problem(enum sr_conf_err err, char message[SR_CONF_MESSAGE_MAX])
{
    struct sr_buf b = message_start(message);

    sr_buf_add_text(&b, sr_conf_strerror(err));
    sr_buf_add_text(&b, "; write it as one line of printable UTF-8 text");
    return message_end(&b);
}

const char *
sr_conf_read_value(const struct sr_conf_key *key, const char *text, union sr_conf_value *ret_value,
    char message[SR_CONF_MESSAGE_MAX])
{
    enum sr_conf_err err = sr_conf_check_text(text, strlen(text));

    if (err != SR_CONF_OK) {
        return text_problem(err, message);
    }
    switch (key->type) {
    case SR_CONF_BOOL:
        if (sr_conf_parse_bool(text, &ret_value->flag) != SR_CONF_OK) {
            struct sr_buf b = message_start(message);
            add_value(&b, key, text);
            sr_buf_add_text(&b, "; must be true or false");
            return message_end(&b);
        }
        return NULL;
    case SR_CONF_UINT:
    case SR_CONF_SIZE:
    case SR_CONF_DURATION: return read_number(key, text, &ret_value->number, message);
    case SR_CONF_CHOICE: {
        int choice = sr_conf_choice(key->choices, text);
        if (choice < 0) {
            return choice_problem(key, text, message);
        }
        ret_value->choice = choice;
        return NULL;
    }
    case SR_CONF_STRING:
    case SR_CONF_STRINGS:
    case SR_CONF_SECTION:
    case SR_CONF_SECTIONS: return NULL;
    }
    return NULL;
}

const char *
sr_conf_check_count(
    const struct sr_conf_key *key, uint64_t count, char message[SR_CONF_MESSAGE_MAX])
{
    if (in_range(key, count)) {
        return NULL;
    }
    struct sr_buf b = message_start(message);
    sr_buf_add_text(&b, "has ");
    sr_buf_add_u64(&b, count);
    sr_buf_add_text(&b, count == 1 ? " item; must have " : " items; must have ");
    add_range(&b, key);
    return message_end(&b);
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_strings(const struct sr_conf_strings *a, const struct sr_conf_strings *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!same_text(a->items[i], b->items[i])) {
            return false;
        }
    }
    return true;
}

/* Compares one value that is no section. Each points at the C type of the key's type. */
static bool
same_value(enum sr_conf_type type, const void *a, const void *b)
{
    switch (type) {
    case SR_CONF_STRING: return same_text(*(const char *const *)a, *(const char *const *)b);
    case SR_CONF_STRINGS: return same_strings(a, b);
    case SR_CONF_BOOL: return *(const bool *)a == *(const bool *)b;
    case SR_CONF_CHOICE: return *(const int *)a == *(const int *)b;
    case SR_CONF_UINT:
    case SR_CONF_SIZE:
    case SR_CONF_DURATION: return *(const uint64_t *)a == *(const uint64_t *)b;
    case SR_CONF_SECTION:
    case SR_CONF_SECTIONS: return true;
    }
    return true;
}

static bool restart_in(
    const struct sr_conf_key *keys, const char *now, const char *next, struct sr_buf *path);

/* True with the path in `path` when an item, or their number where it matters, differs. */
static bool
restart_in_items(const struct sr_conf_key *key, const struct sr_conf_sections *now,
    const struct sr_conf_sections *next, struct sr_buf *path)
{
    size_t both = now->count < next->count ? now->count : next->count;

    if (now->count != next->count && key->reload == SR_CONF_RESTART) {
        return true;
    }
    for (size_t i = 0; i < both; i++) {
        struct sr_buf before = *path;

        sr_buf_add_text(path, "[");
        sr_buf_add_u64(path, i);
        sr_buf_add_text(path, "]");
        if (restart_in(key->keys, (const char *)now->items + i * key->item_size,
                (const char *)next->items + i * key->item_size, path)) {
            return true;
        }
        *path = before;
    }
    return false;
}

/* True, with the key's path added to `path`, for the first restart key of a table that differs. */
static bool
restart_in(const struct sr_conf_key *keys, const char *now, const char *next, struct sr_buf *path)
{
    for (const struct sr_conf_key *k = keys; k->name != NULL; k++) {
        const void *a = now + k->offset;
        const void *b = next + k->offset;
        struct sr_buf before = *path;
        bool restart;

        sr_buf_add_text(path, path->len > 0 ? "." : "");
        sr_buf_add_text(path, k->name);
        if (k->type == SR_CONF_SECTION) {
            restart = restart_in(k->keys, a, b, path);
        } else if (k->type == SR_CONF_SECTIONS) {
            restart = restart_in_items(k, a, b, path);
        } else {
            restart = k->reload == SR_CONF_RESTART && !same_value(k->type, a, b);
        }
        if (restart) {
            return true;
        }
        *path = before;
    }
    return false;
}

const char *
sr_conf_restart_key(const struct sr_conf_schema *schema, const void *now, const void *next,
    char *text, size_t text_size)
{
    struct sr_buf path = sr_buf_over(text, text_size - 1);

    if (!restart_in(schema->keys, now, next, &path)) {
        return NULL;
    }
    text[path.len] = '\0';
    return text;
}
