/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "enroll/bundle_answer.h"
#include "enroll/bundle_tar.h"

#include "sr/banned.h"

#define CONFIG_FOLDER "config/"
#define FLAT_CONFIG "config.json"

/* Where the files of both layouts are. Configurations have names of their own. */
static const struct place {
    const char *path;
    size_t span; /* offset of the span in struct bundle */
} places[] = {
    { "creds/nats.creds", offsetof(struct bundle, creds) },
    { "nats.creds", offsetof(struct bundle, creds) },
    { "creds/user.jwt", offsetof(struct bundle, user_jwt) },
    { "user.jwt", offsetof(struct bundle, user_jwt) },
    { "certs/collector.pem", offsetof(struct bundle, certificate) },
    { "certs/collector-key.pem", offsetof(struct bundle, key) },
    { "certs/ca-chain.pem", offsetof(struct bundle, ca_chain) },
    { "certs/ca.pem", offsetof(struct bundle, ca_chain) },
};

/* Names for configurations, the platform's and ours: others are refused by name. */
static const struct {
    const char *name;
    enum bundle_collector collector;
} config_names[] = {
    { "flowgger.toml", BUNDLE_SYSLOG },
    { "syslog.json", BUNDLE_SYSLOG },
    { "trapd.json", BUNDLE_TRAPD },
    { "netflow.json", BUNDLE_NETFLOW },
    { "flow-collector.json", BUNDLE_NETFLOW },
};

void
bundle_detail(char out[BUNDLE_DETAIL_MAX], const char *text)
{
    size_t len = 0;

    for (; *text != '\0' && len < BUNDLE_DETAIL_MAX - 1; text++) {
        out[len++] = *text >= 0x20 && *text <= 0x7e ? *text : '?';
    }
    out[len] = '\0';
}

const char *
bundle_collector_name(enum bundle_collector collector)
{
    switch (collector) {
    case BUNDLE_UNTOLD: return "";
    case BUNDLE_SYSLOG: return "syslog";
    case BUNDLE_TRAPD: return "trapd";
    case BUNDLE_NETFLOW: return "netflow";
    }
    return "";
}

/*
 * The length of "FOLDER/" when all files are in one folder that no layout knows, else 0: a file
 * beside the folder makes it no folder of the whole.
 */
static size_t
top_folder(const struct bundle_tar *tar)
{
    static const char *const known[] = { "certs/", "creds/", CONFIG_FOLDER };
    const char *top = NULL;
    size_t len = 0;

    for (size_t i = 0; i < tar->count; i++) {
        const struct bundle_entry *entry = &tar->entries[i];
        if (entry->is_folder) {
            continue;
        }
        if (top == NULL) {
            top = entry->path;
            const char *slash = strchr(top, '/');
            len = slash != NULL ? (size_t)(slash - top) + 1 : 0;
        }
        if (len == 0 || strncmp(entry->path, top, len) != 0) {
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && len > 0; i++) {
        if (strncmp(top, known[i], len) == 0) {
            return 0;
        }
    }
    return len;
}

/* The name of the configuration at `path`, or NULL when it is none. */
static const char *
config_name_of(const char *path)
{
    static const char *const beside[] = { FLAT_CONFIG, "falcosidekick.yaml" };
    static const size_t folder = sizeof(CONFIG_FOLDER) - 1;

    if (strncmp(path, CONFIG_FOLDER, folder) == 0 && strchr(path + folder, '/') == NULL) {
        return path + folder;
    }
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        if (strcmp(path, beside[i]) == 0) {
            return path;
        }
    }
    return NULL;
}

/* Puts a file into the place of `span`, once. */
static enum bundle_err
set_span(struct bundle *out, size_t span, const struct bundle_entry *entry, char *detail)
{
    struct sr_span *at = (struct sr_span *)(void *)((char *)out + span);

    if (at->data != NULL) {
        bundle_detail(detail, entry->path);
        return BUNDLE_EDUPLICATE;
    }
    *at = entry->data;
    return BUNDLE_OK;
}

static enum bundle_err
place_files(const struct bundle_tar *tar, size_t top, struct bundle *out, char *detail)
{
    for (size_t i = 0; i < tar->count; i++) {
        const struct bundle_entry *entry = &tar->entries[i];
        for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            if (entry->is_folder || strcmp(entry->path + top, places[p].path) != 0) {
                continue;
            }
            enum bundle_err err = set_span(out, places[p].span, entry, detail);
            if (err != BUNDLE_OK) {
                return err;
            }
        }
    }
    return BUNDLE_OK;
}

/* The entry of the configuration `wanted`, or with NULL of the only one. */
static enum bundle_err
find_config(const struct bundle_tar *tar, size_t top, const char *wanted,
    const struct bundle_entry **ret_entry, char *detail)
{
    const struct bundle_entry *found = NULL;

    for (size_t i = 0; i < tar->count; i++) {
        const struct bundle_entry *entry = &tar->entries[i];
        /* The folder itself may be shorter than the files' common part. */
        const char *name = entry->is_folder ? NULL : config_name_of(entry->path + top);
        if (name == NULL || (wanted != NULL && strcmp(name, wanted) != 0)) {
            continue;
        }
        if (found != NULL) {
            bundle_detail(detail, name);
            return BUNDLE_ECONFIG;
        }
        found = entry;
    }
    if (found == NULL || found->data.len == 0) {
        bundle_detail(detail, wanted != NULL ? wanted : "config/");
        return BUNDLE_EMISSING;
    }
    *ret_entry = found;
    return BUNDLE_OK;
}

/* The collector that a flat layout's configuration names itself, if it does. */
static enum bundle_collector
collector_in(struct sr_span config)
{
    json_t *json = json_loadb((const char *)config.data, config.len, 0, NULL);
    const char *type = json_string_value(json_object_get(json, "collector_type"));
    enum bundle_collector collector = type != NULL ? bundle_collector_of(type) : BUNDLE_UNTOLD;

    json_decref(json);
    return collector;
}

static enum bundle_err
set_config(const struct bundle_entry *entry, const char *name, struct bundle *out, char *detail)
{
    bool flat = strcmp(name, FLAT_CONFIG) == 0;

    out->config = entry->data;
    if (flat) {
        out->collector = collector_in(entry->data);
    }
    for (size_t i = 0; i < sizeof(config_names) / sizeof(config_names[0]); i++) {
        if (strcmp(name, config_names[i].name) == 0) {
            out->collector = config_names[i].collector;
        }
    }
    if (out->collector == BUNDLE_UNTOLD && !flat) {
        bundle_detail(detail, name);
        return BUNDLE_ECOLLECTOR;
    }
    (void)snprintf(out->config_name, sizeof(out->config_name), "%s", name);
    return BUNDLE_OK;
}

/*
 * Whether the file of `span` may be absent: a bundle has credentials, or the user's token alone for
 * keys that were made on the host, and then no private key either.
 */
static bool
may_be_absent(const struct bundle *bundle, size_t span)
{
    bool without_secrets = bundle->user_jwt.data != NULL;

    return without_secrets
               ? span == offsetof(struct bundle, creds) || span == offsetof(struct bundle, key)
               : span == offsetof(struct bundle, user_jwt);
}

static enum bundle_err
require_files(const struct bundle *bundle, char *detail)
{
    if (bundle->creds.data != NULL && bundle->user_jwt.data != NULL) {
        bundle_detail(detail, "creds/user.jwt");
        return BUNDLE_EDUPLICATE;
    }
    for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
        const struct sr_span *at =
            (const struct sr_span *)(const void *)((const char *)bundle + places[p].span);
        if (at->len == 0 && (at->data != NULL || !may_be_absent(bundle, places[p].span))) {
            bundle_detail(detail, places[p].path);
            return BUNDLE_EMISSING;
        }
    }
    return BUNDLE_OK;
}

static enum bundle_err
read_layout(const struct bundle_tar *tar, const char *wanted, struct bundle *out, char *detail)
{
    const struct bundle_entry *config = NULL;
    size_t top = top_folder(tar);
    enum bundle_err err = find_config(tar, top, wanted, &config, detail);

    /* First, so that the bundle of another collector is told from one that lacks something. */
    if (err == BUNDLE_OK) {
        err = set_config(config, config_name_of(config->path + top), out, detail);
    }
    if (err == BUNDLE_OK) {
        err = place_files(tar, top, out, detail);
    }
    return err == BUNDLE_OK ? require_files(out, detail) : err;
}

static enum bundle_err
read_archive(struct sr_span bytes, const char *wanted, struct bundle *ret_bundle, char *detail)
{
    struct bundle read = { .memory = NULL };
    struct bundle_tar *tar = NULL;
    enum bundle_err err = bundle_tar_read(bytes, &tar, detail);

    if (err != BUNDLE_OK) {
        return err;
    }
    err = read_layout(tar, wanted, &read, detail);
    if (err == BUNDLE_OK) {
        read.memory = tar->memory;
        read.size = tar->size;
        tar->memory = NULL;
        *ret_bundle = read;
    }
    bundle_tar_done(tar);
    return err;
}

/* Makes LF of CR LF in the credentials, within the memory that holds them. */
static void
repair_line_ends(struct bundle *bundle)
{
    uint8_t *text = bundle->memory + (bundle->creds.data - bundle->memory);
    size_t len = 0;

    for (size_t i = 0; i < bundle->creds.len; i++) {
        bool cr_lf = text[i] == '\r' && i + 1 < bundle->creds.len && text[i + 1] == '\n';
        if (!cr_lf) {
            text[len++] = text[i];
        }
    }
    bundle->creds_repaired = len != bundle->creds.len;
    bundle->creds.len = len;
}

static bool
is_json_object(struct sr_span bytes)
{
    size_t at = 0;

    while (at < bytes.len && strchr(" \t\r\n", bytes.data[at]) != NULL && bytes.data[at] != 0) {
        at++;
    }
    return at < bytes.len && bytes.data[at] == '{';
}

enum bundle_err
bundle_read(struct sr_span bytes, const char *config_name, struct bundle *ret_bundle,
    char ret_detail[BUNDLE_DETAIL_MAX])
{
    enum bundle_err err = BUNDLE_EFORMAT;

    bundle_detail(ret_detail, "");
    if (bytes.len > BUNDLE_PACKED_MAX) {
        return BUNDLE_ETOOBIG;
    }
    /* RFC 1952, section 2.3.1: the first two bytes of gzip. */
    if (bytes.len >= 2 && bytes.data[0] == 0x1f && bytes.data[1] == 0x8b) {
        err = read_archive(bytes, config_name, ret_bundle, ret_detail);
    } else if (is_json_object(bytes)) {
        err = bundle_answer_read(bytes, ret_bundle, ret_detail);
    }
    if (err == BUNDLE_OK) {
        repair_line_ends(ret_bundle);
    }
    return err;
}

void
bundle_done(struct bundle *bundle)
{
    if (bundle->memory != NULL) {
        OPENSSL_cleanse(bundle->memory, bundle->size);
        free(bundle->memory);
    }
    *bundle = (struct bundle){ .memory = NULL };
}

const char *
bundle_strerror(enum bundle_err err)
{
    switch (err) {
    case BUNDLE_OK: return "The bundle is complete.";
    case BUNDLE_ETOOBIG:
        return "The bundle is over 1 MiB, which none is: check the address it came from.";
    case BUNDLE_EFORMAT:
        return "This is no bundle, neither a gzip archive nor a JSON object: check the address it "
               "came from, and whether a proxy answered in the server's place.";
    case BUNDLE_EDAMAGED:
        return "The bundle was cut or altered on its way: download or copy it again.";
    case BUNDLE_EBOMB:
        return "The bundle unpacks to more than 4 MiB, which none does: have it issued again.";
    case BUNDLE_EENTRIES:
        return "The bundle has more than 64 entries, which none has: have it issued again.";
    case BUNDLE_ETRAILING:
        return "The bundle goes on behind the end of its archive: have it issued again.";
    case BUNDLE_ETYPE:
        return "The bundle has an entry that is neither a regular file nor a folder: have it "
               "issued again.";
    case BUNDLE_ENAME:
        return "The bundle has an entry whose name is absolute, leads out of it, is too long or "
               "has odd characters: have it issued again.";
    case BUNDLE_EDUPLICATE:
        return "The bundle has two files of one name or for one purpose: have it issued again.";
    case BUNDLE_EMISSING: return "The bundle lacks a file, or has it empty: have it issued again.";
    case BUNDLE_ECONFIG:
        return "The bundle has several configurations: say which one is meant by its name.";
    case BUNDLE_ECOLLECTOR:
        return "The bundle is for a collector that this suite does not serve: have one issued for "
               "flowgger, trapd or netflow.";
    case BUNDLE_EJSON:
        return "The server's answer is JSON, but not that of an enrolment: check the address it "
               "came from.";
    case BUNDLE_ENOMEM: return "Out of memory while reading the bundle: free some.";
    }
    return "Unknown bundle error.";
}
