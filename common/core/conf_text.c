/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf_value.h"

#include <string.h>

#include "sr/json.h"

#include "sr/banned.h"

enum sr_conf_err
sr_conf_check_text(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;

    if (!sr_utf8_valid((struct sr_span){ s, len })) {
        return SR_CONF_EUTF8;
    }
    for (size_t i = 0; i < len; i++) {
        /* C0 and DEL, and C1 as U+0080 to U+009F; a lead byte always has a second one. */
        if (s[i] < 0x20 || s[i] == 0x7f || (s[i] == 0xc2 && s[i + 1] < 0xa0)) {
            return SR_CONF_ECONTROL;
        }
    }
    return SR_CONF_OK;
}

size_t
sr_conf_distance(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    /* The last three rows of the table whose cell (i, j) is the distance of a[0..i], b[0..j]. */
    size_t rows[3][SR_CONF_WORD_MAX + 1];

    if (a_len > SR_CONF_WORD_MAX || b_len > SR_CONF_WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = above2[j - 2] + 1 < best ? above2[j - 2] + 1 : best;
            }
            row[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

/* The best candidate so far. */
struct nearest {
    const char *word;
    const char *name;
    size_t distance;
};

static struct nearest
nearest_to(const char *word)
{
    /* A third of the letters may be wrong; with more a suggestion only confuses. */
    return (struct nearest){ .word = word, .distance = strlen(word) / 3 + 2 };
}

static void
nearest_offer(struct nearest *n, const char *name)
{
    size_t distance = sr_conf_distance(n->word, name);

    /* Every letter different is not alike, however short the words. */
    if (distance < n->distance && distance < strlen(name)) {
        n->distance = distance;
        n->name = name;
    }
}

const char *
sr_conf_nearest_choice(const char *const *choices, const char *word)
{
    struct nearest n = nearest_to(word);

    for (size_t i = 0; choices[i] != NULL; i++) {
        nearest_offer(&n, choices[i]);
    }
    return n.name;
}

const char *
sr_conf_nearest_key(const struct sr_conf_key *keys, const char *word)
{
    struct nearest n = nearest_to(word);

    for (const struct sr_conf_key *k = keys; k->name != NULL; k++) {
        nearest_offer(&n, k->name);
    }
    return n.name;
}

int
sr_conf_choice(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            return i;
        }
    }
    return -1;
}

const struct sr_conf_key *
sr_conf_key_find(const struct sr_conf_key *keys, const char *name)
{
    for (const struct sr_conf_key *k = keys; k->name != NULL; k++) {
        if (strcmp(k->name, name) == 0) {
            return k;
        }
    }
    return NULL;
}

bool
sr_conf_path_next(const char **path, char *part, size_t part_size)
{
    const char *start = *path;
    size_t len = strlen(start);
    const char *dot = memchr(start, '.', len);

    if (dot != NULL) {
        len = (size_t)(dot - start);
    }
    if (len == 0 || len >= part_size) {
        return false;
    }
    memcpy(part, start, len);
    part[len] = '\0';
    *path = dot != NULL ? dot + 1 : NULL;
    return true;
}

bool
sr_conf_env_path(const char *name, char *path, size_t path_size)
{
    size_t out = 0;

    if (strncmp(name, "SR_", 3) != 0) {
        return false;
    }
    for (const char *at = name + 3; *at != '\0'; at++) {
        char c = *at;

        if (c >= 'a' && c <= 'z') {
            return false;
        }
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        } else if (c == '_' && at[1] == '_') {
            c = '.';
            at++;
        }
        if (out + 1 >= path_size) {
            return false;
        }
        path[out++] = c;
    }
    if (out == 0) {
        return false;
    }
    path[out] = '\0';
    return true;
}
