/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/conf.h"
#include "sr/conf_value.h"
#include "unit/conf_example.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Values that parse must survive being written and parsed again. */
static void
try_values(const char *text)
{
    char out[SR_CONF_UNIT_TEXT_MAX];
    char path[64];
    uint64_t value;
    uint64_t back;

    if (sr_conf_parse_size(text, &value) == SR_CONF_OK &&
        (sr_conf_parse_size(sr_conf_format_size(value, out), &back) != SR_CONF_OK ||
            back != value)) {
        abort();
    }
    if (sr_conf_parse_duration(text, &value) == SR_CONF_OK &&
        (sr_conf_parse_duration(sr_conf_format_duration(value, out), &back) != SR_CONF_OK ||
            back != value)) {
        abort();
    }
    for (const struct sr_conf_key *key = example_listener_keys; key->name != NULL; key++) {
        char message[SR_CONF_MESSAGE_MAX];
        union sr_conf_value read;
        (void)sr_conf_read_value(key, text, &read, message);
    }
    (void)sr_conf_nearest_key(example_nats_keys, text);
    (void)sr_conf_env_path(text, path, sizeof(path));
}

static struct example *
load(const char *text, size_t len, const char *const *sets, size_t set_count)
{
    struct sr_conf_source source = { .file = "fuzz", .sets = sets, .set_count = set_count };
    struct sr_conf_problems *problems = sr_conf_problems_new();
    struct example *example = NULL;

    if (problems != NULL) {
        struct sr_span bytes = { (const uint8_t *)text, len };
        example = sr_conf_load_text(&example_schema, &source, bytes, problems);
        if (example == NULL && sr_conf_problems_count(problems) == 0) {
            abort();
        }
    }
    sr_conf_problems_free(problems);
    return example;
}

/* What loads must print as text that loads to the same, but for secrets. */
static void
try_print(const struct example *example)
{
    char key[64];
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return;
    }
    sr_conf_print(&example_schema, example, out);
    if (fclose(out) == 0) {
        struct example *again = load(text, size, NULL, 0);
        if (again == NULL) {
            abort();
        }
        again->nats.token = example->nats.token;
        if (sr_conf_restart_key(&example_schema, example, again, key, sizeof(key)) != NULL) {
            abort();
        }
        sr_conf_free(again);
    }
    free(text);
}

/* The first line is a value and a --set, the rest a file. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t len = end != NULL ? (size_t)(end - data) : 0;
    size_t skip = end != NULL ? len + 1 : 0;
    char *line = malloc(len + 1);

    if (line == NULL) {
        return 0;
    }
    if (len > 0) {
        memcpy(line, data, len);
    }
    line[len] = '\0';
    try_values(line);
    const char *const sets[] = { line };
    struct example *example = load((const char *)data + skip, size - skip, sets, len > 0);
    if (example != NULL) {
        try_print(example);
    }
    sr_conf_free(example);
    free(line);
    return 0;
}
