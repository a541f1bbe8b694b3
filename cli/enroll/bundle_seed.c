/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/bundle_seed.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <yaml.h>

#include "sr/banned.h"

#define PATH_MAX_BYTES 160

/* Which key stands for which; without a new one it is of no use to a collector. */
static const struct {
    const char *path, *key;
} keys[] = {
    { "collector_type", NULL }, { "hostname", NULL }, { "site", "partition" },
    { "nats.url", "nats_url" }, { "nats.creds_file", "nats_creds_file" },
    { "block.listen", "listen_addr" }, { "block.format", "format" },
    { "block.protocols", "protocols" }, { "block.protocol", NULL },
    { "block.community", NULL }, /* the platform's trapd takes all of them */
};

/* What a collector's file has beside. The name of the block is the platform's of the collector. */
static const struct {
    enum bundle_collector collector;
    const char *block, *file, *subject;
} files[] = {
    { BUNDLE_SYSLOG, "flowgger", "syslog.json", "logs.syslog" },
    { BUNDLE_TRAPD, "trapd", "trapd.json", "logs.snmp" },
    { BUNDLE_NETFLOW, "netflow", "netflow.json", "events.netflow" },
};

static const char *
scalar(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                          : "";
}

/* A scalar as text, a sequence as an array of texts; null for what a flat file has no place for. */
static json_t *
value_of(yaml_document_t *document, const yaml_node_t *node)
{
    if (node == NULL || node->type == YAML_MAPPING_NODE || node->type == YAML_NO_NODE) {
        return json_null();
    }
    if (node->type == YAML_SCALAR_NODE) {
        return json_string(scalar(node));
    }
    json_t *list = json_array();
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        (void)json_array_append_new(
            list, json_string(scalar(yaml_document_get_node(document, *item))));
    }
    return list;
}

/* Puts a value under the key that stands for `path`, or under the path when none does. */
static void
put(json_t *flat, const char *path, json_t *value)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].path, path) == 0) {
            path = keys[i].key;
            break;
        }
    }
    if (path == NULL) {
        json_decref(value);
    } else {
        (void)json_object_set_new(flat, path, value);
    }
}

static void
put_mapping(yaml_document_t *document, const yaml_node_t *mapping, const char *prefix,
    const char *block, json_t *flat)
{
    char path[PATH_MAX_BYTES];

    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = scalar(yaml_document_get_node(document, pair->key));
        const yaml_node_t *value = yaml_document_get_node(document, pair->value);
        bool is_block = strcmp(name, block) == 0;
        bool goes_on = *prefix == '\0' && (is_block || strcmp(name, "nats") == 0) &&
                       value != NULL && value->type == YAML_MAPPING_NODE;
        if (goes_on) {
            put_mapping(document, value, is_block ? "block." : "nats.", block, flat);
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s%s", prefix, name);
        put(flat, path, value_of(document, value));
    }
}

/* The values by their new keys, or NULL when the text is no mapping. */
static json_t *
flatten(struct sr_span config, const char *block)
{
    yaml_parser_t parser;
    yaml_document_t document;
    json_t *flat = NULL;

    if (yaml_parser_initialize(&parser) != 1) {
        return NULL;
    }
    yaml_parser_set_input_string(&parser, config.data, config.len);
    if (yaml_parser_load(&parser, &document) == 1) {
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        if (root != NULL && root->type == YAML_MAPPING_NODE) {
            flat = json_object();
            put_mapping(&document, root, "", block, flat);
        }
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return flat;
}

/* ---- Writing ---- */

/* Moves a value to another object, if it is there. */
static void
move(json_t *from, const char *key, json_t *to, const char *new_key)
{
    json_t *value = json_object_get(from, key);

    if (value != NULL) {
        (void)json_object_set(to, new_key, value);
        (void)json_object_del(from, key);
    }
}

/* In our own form: nobody has written the platform's, which is TOML, from this one. */
static char *
write_syslog(json_t *flat, const char *subject)
{
    const char *listen = json_string_value(json_object_get(flat, "listen_addr"));
    json_t *listener = json_pack("{s:s, s:s+, s:s, s:s}", "protocol", "syslog", "listen", "udp://",
        listen != NULL ? listen : "", "subject", subject, "compat", "upstream");
    json_t *nats = json_object();

    (void)json_object_del(flat, "listen_addr");
    move(flat, "format", listener, "format");
    move(flat, "nats_url", nats, "url");
    move(flat, "nats_creds_file", nats, "creds_file");
    (void)json_object_set_new(flat, "listeners", json_pack("[o]", listener));
    (void)json_object_set_new(flat, "nats", nats);
    return json_dumps(flat, JSON_INDENT(2));
}

static char *
write_json(json_t *flat, const char *subject)
{
    (void)json_object_set_new(flat, "stream_name", json_string("events"));
    (void)json_object_set_new(flat, "subject", json_string(subject));
    return json_dumps(flat, JSON_INDENT(2));
}

enum bundle_err
bundle_seed_config(
    struct sr_span config, enum bundle_collector collector, char **ret_text, const char **ret_name)
{
    size_t i = 0;

    *ret_text = NULL;
    *ret_name = NULL;
    while (i < sizeof(files) / sizeof(files[0]) && files[i].collector != collector) {
        i++;
    }
    if (i == sizeof(files) / sizeof(files[0])) {
        return BUNDLE_OK;
    }
    json_t *flat = flatten(config, files[i].block);
    /* The platform's real files have no id. */
    if (json_object_get(flat, "collector_id") == NULL ||
        json_object_get(flat, "nats_url") == NULL || json_object_get(flat, "listen_addr") == NULL) {
        json_decref(flat);
        return BUNDLE_OK;
    }
    (void)json_object_del(flat, "collector_id");
    char *text = collector == BUNDLE_SYSLOG ? write_syslog(flat, files[i].subject)
                                            : write_json(flat, files[i].subject);
    json_decref(flat);
    if (text == NULL) {
        return BUNDLE_ENOMEM;
    }
    *ret_text = text;
    *ret_name = files[i].file;
    return BUNDLE_OK;
}
