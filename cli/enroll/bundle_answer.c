/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/bundle_answer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "enroll/bundle_seed.h"

#include "sr/banned.h"

#define DEFAULT_CONFIG_NAME "config.yaml"

enum bundle_collector
bundle_collector_of(const char *word)
{
    static const struct {
        const char *word;
        enum bundle_collector collector;
    } words[] = {
        { "flowgger", BUNDLE_SYSLOG },
        { "syslog", BUNDLE_SYSLOG },
        { "trapd", BUNDLE_TRAPD },
        { "netflow", BUNDLE_NETFLOW },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0) {
            return words[i].collector;
        }
    }
    return BUNDLE_UNTOLD;
}

/* Whether `name` can be a file's name in any folder: letters, digits, '.', '-', '_'. */
static bool
is_plain_name(const char *name)
{
    if (name[0] == '\0' || name[0] == '.' || strlen(name) > BUNDLE_NAME_MAX) {
        return false;
    }
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && strchr(".-_", *name) == NULL) {
            return false;
        }
    }
    return true;
}

/* The last component of the path that the answer proposes, or the oldest generation's only name. */
static void
find_config_name(const json_t *answer, char out[BUNDLE_NAME_MAX + 1])
{
    const char *path =
        json_string_value(json_object_get(json_object_get(answer, "install_hints"), "config_path"));
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : path;

    if (name == NULL || !is_plain_name(name)) {
        name = DEFAULT_CONFIG_NAME;
    }
    (void)snprintf(out, BUNDLE_NAME_MAX + 1, "%s", name);
}

static enum bundle_err
get_text(const json_t *answer, const char *name, struct sr_span *ret_text, char *detail)
{
    const json_t *value = json_object_get(answer, name);

    if (value != NULL && !json_is_string(value)) {
        bundle_detail(detail, name);
        return BUNDLE_EJSON;
    }
    if (json_string_length(value) == 0) {
        bundle_detail(detail, name);
        return BUNDLE_EMISSING;
    }
    *ret_text =
        (struct sr_span){ (const uint8_t *)json_string_value(value), json_string_length(value) };
    return BUNDLE_OK;
}

static enum bundle_err
copy_texts(struct sr_span creds, struct sr_span config, struct bundle *out)
{
    uint8_t *memory = malloc(creds.len + config.len);

    if (memory == NULL) {
        return BUNDLE_ENOMEM;
    }
    memcpy(memory, creds.data, creds.len);
    memcpy(memory + creds.len, config.data, config.len);
    out->memory = memory;
    out->size = creds.len + config.len;
    out->creds = (struct sr_span){ memory, creds.len };
    out->config = (struct sr_span){ memory + creds.len, config.len };
    return BUNDLE_OK;
}

/* Takes the texts in; a configuration that no collector reads becomes the one that it means. */
static enum bundle_err
take_texts(const json_t *answer, struct sr_span creds, struct sr_span config, struct bundle *out)
{
    char *text = NULL;
    const char *name = NULL;
    enum bundle_err err = bundle_seed_config(config, out->collector, &text, &name);

    if (err != BUNDLE_OK) {
        return err;
    }
    find_config_name(answer, out->config_name);
    if (text != NULL) {
        (void)snprintf(out->config_name, sizeof(out->config_name), "%s", name);
        config = (struct sr_span){ (const uint8_t *)text, strlen(text) };
    }
    err = copy_texts(creds, config, out);
    free(text);
    return err;
}

static enum bundle_err
read_answer(const json_t *answer, struct bundle *out, char *detail)
{
    struct sr_span type, creds, config;
    enum bundle_err err = get_text(answer, "collector_type", &type, detail);

    if (err != BUNDLE_OK) {
        return err;
    }
    out->collector = bundle_collector_of((const char *)type.data);
    if (out->collector == BUNDLE_UNTOLD) {
        bundle_detail(detail, (const char *)type.data);
        return BUNDLE_ECOLLECTOR;
    }
    err = get_text(answer, "nats_creds", &creds, detail);
    if (err == BUNDLE_OK) {
        err = get_text(answer, "config", &config, detail);
    }
    return err == BUNDLE_OK ? take_texts(answer, creds, config, out) : err;
}

enum bundle_err
bundle_answer_read(
    struct sr_span bytes, struct bundle *ret_bundle, char ret_detail[BUNDLE_DETAIL_MAX])
{
    struct bundle read = { .memory = NULL };
    json_t *answer = json_loadb((const char *)bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);

    bundle_detail(ret_detail, "");
    if (!json_is_object(answer)) {
        json_decref(answer);
        return BUNDLE_EJSON;
    }
    enum bundle_err err = read_answer(answer, &read, ret_detail);
    json_decref(answer);
    if (err == BUNDLE_OK) {
        *ret_bundle = read;
    }
    return err;
}
