/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/conf.h"

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "sr/conf_value.h"

#include "sr/banned.h"

/* A value in a document that was read. */
struct tree {
    yaml_document_t *document;
    yaml_node_t *node; /* NULL: absent */
};

static const char *
scalar(struct tree t)
{
    return t.node != NULL && t.node->type == YAML_SCALAR_NODE
               ? (const char *)t.node->data.scalar.value
               : "";
}

static struct tree
child(struct tree t, const char *name)
{
    struct tree none = { t.document, NULL };

    if (t.node == NULL || t.node->type != YAML_MAPPING_NODE) {
        return none;
    }
    for (yaml_node_pair_t *p = t.node->data.mapping.pairs.start; p < t.node->data.mapping.pairs.top;
         p++) {
        struct tree key = { t.document, yaml_document_get_node(t.document, p->key) };
        if (strcmp(scalar(key), name) == 0) {
            return (struct tree){ t.document, yaml_document_get_node(t.document, p->value) };
        }
    }
    return none;
}

static size_t
item_count(struct tree t)
{
    return t.node != NULL && t.node->type == YAML_SEQUENCE_NODE
               ? (size_t)(t.node->data.sequence.items.top - t.node->data.sequence.items.start)
               : 0;
}

static struct tree
item(struct tree t, size_t index)
{
    return (struct tree){ t.document,
        yaml_document_get_node(t.document, t.node->data.sequence.items.start[index]) };
}

static void
copy(struct tree t, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", scalar(t));
}

static void
read_nats(struct tree nats, struct doctor_conf *c)
{
    struct tree urls = child(nats, "url"), tls = child(nats, "tls");

    for (size_t i = 0; i < item_count(urls) && c->url_count < DOCTOR_URLS_MAX; i++) {
        copy(item(urls, i), c->urls[c->url_count++], sizeof(c->urls[0]));
    }
    copy(child(nats, "creds_file"), c->creds_file, sizeof(c->creds_file));
    copy(child(tls, "ca_file"), c->ca_file, sizeof(c->ca_file));
    copy(child(tls, "cert_file"), c->cert_file, sizeof(c->cert_file));
    copy(child(tls, "key_file"), c->key_file, sizeof(c->key_file));
    copy(child(nats, "stream"), c->stream, sizeof(c->stream));
    copy(child(nats, "inbox_prefix"), c->inbox_prefix, sizeof(c->inbox_prefix));
    if (strcmp(c->inbox_prefix, "auto") == 0) {
        c->inbox_prefix[0] = '\0';
    }
}

static void
read_listeners(struct tree listeners, struct doctor_conf *c)
{
    for (size_t i = 0; i < item_count(listeners) && i < DOCTOR_LISTENERS_MAX; i++) {
        struct doctor_listener *l = &c->listeners[c->listener_count++];
        copy(child(item(listeners, i), "listen"), l->listen, sizeof(l->listen));
        copy(child(item(listeners, i), "subject"), l->subject, sizeof(l->subject));
        (void)sr_conf_parse_size(
            scalar(child(item(listeners, i), "receive_buffer")), &l->receive_buffer);
    }
}

static void
read_root(struct tree root, struct doctor_conf *c)
{
    c->to_nats = strcmp(scalar(child(root, "output")), "nats") == 0;
    read_nats(child(root, "nats"), c);
    c->dead_letter = strcmp(scalar(child(child(root, "publish"), "dead_letter")), "true") == 0;
    copy(child(child(root, "queue"), "dir"), c->queue_dir, sizeof(c->queue_dir));
    (void)sr_conf_parse_size(scalar(child(child(root, "queue"), "disk")), &c->queue_disk);
    copy(child(child(root, "metrics"), "listen"), c->metrics, sizeof(c->metrics));
    if (strcmp(c->metrics, "off") == 0) {
        c->metrics[0] = '\0';
    }
    read_listeners(child(root, "listeners"), c);
}

bool
doctor_conf_read(const char *text, size_t len, struct doctor_conf *ret_conf)
{
    yaml_parser_t parser;
    yaml_document_t document;
    struct doctor_conf conf;

    memset(&conf, 0, sizeof(conf));
    if (yaml_parser_initialize(&parser) != 1) {
        return false;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    bool ok = yaml_parser_load(&parser, &document) == 1;
    if (ok) {
        struct tree root = { &document, yaml_document_get_root_node(&document) };
        read_root(root, &conf);
        /* Every configuration has a way out and a listener. */
        ok = scalar(child(root, "output"))[0] != '\0' && conf.listener_count > 0;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    if (ok) {
        *ret_conf = conf;
    }
    return ok;
}
