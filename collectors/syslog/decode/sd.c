/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/sd.h"

#include <string.h>

#include "sr/banned.h"

/* SD-NAME characters: printable ASCII but '=', ']', '"' and space. */
static bool
is_name_byte(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != '=' && c != ']' && c != '"';
}

/* The parameters found so far. */
struct params {
    struct syslog_param *at;
    size_t count;
};

/* Reads `name="value"` off the front of *text. */
static enum syslog_err
read_param(struct sr_span *text, struct params *params)
{
    const uint8_t *p = text->data;
    uint64_t head = 0;
    size_t i = 0;

    while (i < text->len && is_name_byte(p[i])) {
        if (i < 8) {
            head |= (uint64_t)p[i] << (56 - 8 * i);
        }
        i++;
    }
    struct sr_span name = { p, i };
    if (text->len - i < 2 || p[i] != '=' || p[i + 1] != '"') {
        return SYSLOG_ESD;
    }
    i += 2;
    size_t start = i;
    bool escaped = false;
    while (i < text->len && p[i] != '"') {
        if (p[i] == '\\') {
            escaped = true;
            i++; /* whatever follows does not end the value */
        }
        i++;
    }
    if (i >= text->len) {
        return SYSLOG_ESD;
    }
    if (params->count == SYSLOG_PARAMS_MAX) {
        return SYSLOG_EPARAMS;
    }
    params->at[params->count] = (struct syslog_param){
        .name = name,
        .value = { p + start, i - start },
        .head = head,
        .order = (uint32_t)params->count,
        .escaped = escaped,
    };
    params->count++;
    *text = (struct sr_span){ p + i + 1, text->len - i - 1 };
    return SYSLOG_OK;
}

/* Reads one element from behind its '[' up to and with its ']'. */
static enum syslog_err
read_element(struct sr_span *text, struct params *params, struct sr_span *ret_id)
{
    const uint8_t *space = text->len > 0 ? memchr(text->data, ' ', text->len) : NULL;

    if (space == NULL) {
        return SYSLOG_ESD;
    }
    struct sr_span id = { text->data, (size_t)(space - text->data) };
    struct sr_span rest = { space, text->len - id.len };
    while (rest.len > 0) {
        uint8_t c = rest.data[0];
        if (is_name_byte(c)) {
            enum syslog_err err = read_param(&rest, params);
            if (err != SYSLOG_OK) {
                return err;
            }
            continue;
        }
        rest = (struct sr_span){ rest.data + 1, rest.len - 1 };
        if (c == ']') {
            *ret_id = id;
            *text = rest;
            return SYSLOG_OK;
        }
        if (c != ' ' && c != '"') {
            return SYSLOG_ESD;
        }
    }
    return SYSLOG_ESD;
}

static int
compare(struct sr_span a, struct sr_span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int diff = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;

    return diff != 0 || a.len == b.len ? diff : a.len < b.len ? -1 : 1;
}

/* Order by id, if they have one, and name as bytes; equal names in the order they were sent. */
static bool
is_before(const struct syslog_param *a, const struct syslog_param *b)
{
    int diff = a->id.len + b->id.len > 0 ? compare(a->id, b->id) : 0;

    if (diff == 0 && a->head != b->head) {
        return a->head < b->head;
    }
    if (diff == 0) {
        diff = compare(a->name, b->name);
    }
    return diff != 0 ? diff < 0 : a->order < b->order;
}

static void
sift_down(struct syslog_param *heap, size_t root, size_t count)
{
    struct syslog_param moved = heap[root];

    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && is_before(&heap[child], &heap[child + 1])) {
            child++;
        }
        if (!is_before(&moved, &heap[child])) {
            break;
        }
        heap[root] = heap[child];
        root = child;
    }
    heap[root] = moved;
}

/* A peer chooses the parameters, so no order may be slow: insertion for the few, a heap else. */
static void
sort_params(struct syslog_param *params, size_t count)
{
    if (count > 16) {
        for (size_t root = count / 2; root-- > 0;) {
            sift_down(params, root, count);
        }
        for (size_t last = count - 1; last > 0; last--) {
            struct syslog_param greatest = params[0];
            params[0] = params[last];
            params[last] = greatest;
            sift_down(params, 0, last);
        }
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct syslog_param moved = params[i];
        size_t at = i;
        for (; at > 0 && is_before(&moved, &params[at - 1]); at--) {
            params[at] = params[at - 1];
        }
        params[at] = moved;
    }
}

/* Of neighbours with the same name keeps the last. */
static size_t
drop_earlier(struct syslog_param *params, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && params[kept - 1].head == params[i].head &&
            params[kept - 1].name.len == params[i].name.len &&
            memcmp(params[kept - 1].name.data, params[i].name.data, params[i].name.len) == 0) {
            kept--;
        }
        params[kept++] = params[i];
    }
    return kept;
}

/* Reads `ID *(SP PARAM) "]"` as the RFC has it. */
static enum syslog_err
read_element_strictly(struct sr_span *text, struct params *params, struct sr_span *ret_id)
{
    size_t n = 0;

    while (n < text->len && is_name_byte(text->data[n])) {
        n++;
    }
    struct sr_span id = { text->data, n };
    struct sr_span rest = { text->data + n, text->len - n };
    while (n > 0 && rest.len > 1 && rest.data[0] == ' ' && is_name_byte(rest.data[1])) {
        rest = (struct sr_span){ rest.data + 1, rest.len - 1 };
        enum syslog_err err = read_param(&rest, params);
        if (err != SYSLOG_OK) {
            return err;
        }
    }
    if (n == 0 || rest.len == 0 || rest.data[0] != ']') {
        return SYSLOG_ESD;
    }
    *ret_id = id;
    *text = (struct sr_span){ rest.data + 1, rest.len - 1 };
    return SYSLOG_OK;
}

/* How one element is read. */
typedef enum syslog_err element_reader(
    struct sr_span *text, struct params *params, struct sr_span *ret_id);

static enum syslog_err
parse(struct sr_span text, element_reader *read, struct syslog_scratch *scratch,
    struct sr_span *ret_id, size_t *ret_count, struct sr_span *ret_rest)
{
    struct params params = { .at = scratch->params };
    struct sr_span id = { NULL, 0 };

    while (text.len > 0 && text.data[0] == '[') {
        text = (struct sr_span){ text.data + 1, text.len - 1 };
        enum syslog_err err = read(&text, &params, &id);
        if (err != SYSLOG_OK) {
            return err;
        }
    }
    sort_params(params.at, params.count);
    *ret_id = id;
    *ret_count = drop_earlier(params.at, params.count);
    *ret_rest = text;
    return SYSLOG_OK;
}

enum syslog_err
sd_parse_strictly(struct sr_span text, struct syslog_scratch *scratch, struct sr_span *ret_id,
    size_t *ret_count, struct sr_span *ret_rest)
{
    return parse(text, read_element_strictly, scratch, ret_id, ret_count, ret_rest);
}

enum syslog_err
sd_parse(struct sr_span text, struct syslog_scratch *scratch, struct sr_span *ret_id,
    size_t *ret_count, struct sr_span *ret_rest)
{
    return parse(text, read_element, scratch, ret_id, ret_count, ret_rest);
}

size_t
sd_elements(struct sr_span text, bool strictly, struct syslog_scratch *scratch, bool *ret_all)
{
    struct params params = { .at = scratch->elements };
    element_reader *read = strictly ? read_element_strictly : read_element;
    struct sr_span id;

    *ret_all = true;
    while (text.len > 0 && text.data[0] == '[') {
        size_t first = params.count;
        text = (struct sr_span){ text.data + 1, text.len - 1 };
        if (read(&text, &params, &id) != SYSLOG_OK || params.count == SYSLOG_PARAMS_MAX) {
            params.count = first;
            *ret_all = false;
            break;
        }
        params.at[params.count] = (struct syslog_param){ .order = (uint32_t)params.count };
        params.count++;
        for (size_t i = first; i < params.count; i++) {
            params.at[i].id = id;
        }
    }
    sort_params(params.at, params.count);
    return params.count;
}
