/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/record.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "enroll/bundle_answer.h"
#include "enroll/history.h"
#include "enroll/place.h"
#include "files.h"

#include "sr/banned.h"

#define VERSION 1
#define RECORD_MAX 16384U
#define HEX_DIGITS "0123456789abcdef"

/* The texts of a record, by the names that they have in the file. */
static const struct {
    const char *name;
    size_t offset, size;
} texts[] = {
    { "instance", offsetof(struct record, instance), SR_SUITE_INSTANCE_MAX },
    { "package_id", offsetof(struct record, package_id), TOKEN_UUID_LEN + 1 },
    { "core_url", offsetof(struct record, core_url), TOKEN_URL_MAX + 1 },
    { "ca_file", offsetof(struct record, ca_file), RECORD_TEXT_MAX },
    { "token_hash", offsetof(struct record, token_hash), 65 },
    { "config", offsetof(struct record, config), RECORD_TEXT_MAX },
    { "creds", offsetof(struct record, creds), RECORD_TEXT_MAX },
    { "certificate", offsetof(struct record, certificate), RECORD_TEXT_MAX },
    { "key", offsetof(struct record, key), RECORD_TEXT_MAX },
    { "ca_chain", offsetof(struct record, ca_chain), RECORD_TEXT_MAX },
    { "unit", offsetof(struct record, unit), RECORD_TEXT_MAX },
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

const char *
record_name(enum bundle_collector collector, const char *instance, char out[RECORD_NAME_MAX])
{
    (void)snprintf(out, RECORD_NAME_MAX, "%s%s%s", bundle_collector_name(collector),
        *instance != '\0' ? "@" : "", instance);
    return out;
}

enum bundle_collector
record_name_read(const char *text, char ret[RECORD_NAME_MAX])
{
    char kind[16];
    size_t len = strcspn(text, "@");
    const char *instance = text[len] == '@' ? text + len + 1 : "";

    if (len >= sizeof(kind) || (text[len] == '@' && !sr_suite_instance_is_fine(instance))) {
        return BUNDLE_UNTOLD;
    }
    (void)snprintf(kind, sizeof(kind), "%.*s", (int)len, text);
    enum bundle_collector collector = bundle_collector_of(kind);
    (void)record_name(collector, instance, ret);
    return collector;
}

const char *
record_path(const char *name, char out[RECORD_PATH_MAX])
{
    (void)snprintf(out, RECORD_PATH_MAX, HISTORY_FOLDER "/%s.json", name);
    return out;
}

/* "netflow@site2" of "netflow@site2.json"; false for other files. */
static bool
read_file_name(const char *file, char ret_name[RECORD_NAME_MAX])
{
    char text[RECORD_NAME_MAX];
    size_t len = strlen(file);

    if (len < 6 || len - 5 >= sizeof(text) || strcmp(file + len - 5, ".json") != 0) {
        return false;
    }
    memcpy(text, file, len - 5);
    text[len - 5] = '\0';
    return record_name_read(text, ret_name) != BUNDLE_UNTOLD && strcmp(text, ret_name) == 0;
}

bool
record_of_path(const char *path, char ret_name[RECORD_NAME_MAX])
{
    static const char folder[] = HISTORY_FOLDER "/";

    return strncmp(path, folder, sizeof(folder) - 1) == 0 &&
           read_file_name(path + sizeof(folder) - 1, ret_name);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t
record_list(const char *root, char ret_names[RECORDS_MAX][RECORD_NAME_MAX])
{
    static const enum bundle_collector kinds[] = { BUNDLE_SYSLOG, BUNDLE_TRAPD, BUNDLE_NETFLOW };
    const size_t own = sizeof(kinds) / sizeof(kinds[0]);
    char path[FILES_PATH_MAX];
    size_t count = 0;

    for (; count < own; count++) {
        (void)record_name(kinds[count], "", ret_names[count]);
    }
    DIR *folder = files_path(path, "%s/" HISTORY_FOLDER, root) ? opendir(path) : NULL;
    const struct dirent *entry;
    while (folder != NULL && count < RECORDS_MAX && (entry = readdir(folder)) != NULL) {
        bool is_one = strchr(entry->d_name, '@') != NULL;
        count += is_one && read_file_name(entry->d_name, ret_names[count]) ? 1 : 0;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    qsort(ret_names[own], count - own, sizeof(ret_names[0]), by_name);
    return count;
}

static void
format_pin(const uint8_t pin[TOKEN_PIN_BYTES], char out[2 * TOKEN_PIN_BYTES + 1])
{
    for (size_t i = 0; i < TOKEN_PIN_BYTES; i++) {
        out[2 * i] = HEX_DIGITS[pin[i] >> 4];
        out[2 * i + 1] = HEX_DIGITS[pin[i] & 0x0f];
    }
    out[2 * TOKEN_PIN_BYTES] = '\0';
}

static json_t *
to_json(const struct record *record)
{
    char pin[2 * TOKEN_PIN_BYTES + 1];
    json_t *json = json_pack("{s:i, s:s, s:b, s:I, s:I}", "version", VERSION, "collector",
        bundle_collector_name(record->collector), "keys_of_host", record->keys_of_host, "enrolled",
        (json_int_t)record->enrolled_s, "renewed", (json_int_t)record->renewed_s);

    format_pin(record->ca_pin, pin);
    bool ok = json != NULL &&
              (!record->has_ca_pin || json_object_set_new(json, "ca_pin", json_string(pin)) == 0);
    for (size_t i = 0; i < TEXTS && ok; i++) {
        const char *text = (const char *)record + texts[i].offset;
        ok = *text == '\0' || json_object_set_new(json, texts[i].name, json_string(text)) == 0;
    }
    if (!ok) {
        json_decref(json);
        return NULL;
    }
    return json;
}

bool
record_format(const struct record *record, char *out, size_t size)
{
    json_t *json = to_json(record);
    size_t len = json != NULL && size > 1 ? json_dumpb(json, out, size - 2, JSON_INDENT(2)) : 0;

    json_decref(json);
    if (len == 0 || len > size - 2) {
        return false;
    }
    out[len] = '\n';
    out[len + 1] = '\0';
    return true;
}

static bool
read_pin(const char *text, uint8_t out[TOKEN_PIN_BYTES])
{
    if (strlen(text) != 2 * (size_t)TOKEN_PIN_BYTES ||
        strspn(text, HEX_DIGITS) != 2 * (size_t)TOKEN_PIN_BYTES) {
        return false;
    }
    for (size_t i = 0; i < TOKEN_PIN_BYTES; i++) {
        const char *high = strchr(HEX_DIGITS, text[2 * i]);
        const char *low = strchr(HEX_DIGITS, text[2 * i + 1]);
        out[i] = (uint8_t)((high - HEX_DIGITS) << 4 | (low - HEX_DIGITS));
    }
    return true;
}

/* A text that is absent is empty; one that is not a text, or too long, makes the record invalid. */
static bool
read_texts(const json_t *json, struct record *out)
{
    for (size_t i = 0; i < TEXTS; i++) {
        const json_t *value = json_object_get(json, texts[i].name);
        if (value == NULL) {
            continue;
        }
        if (!json_is_string(value) || json_string_length(value) >= texts[i].size) {
            return false;
        }
        memcpy(
            (char *)out + texts[i].offset, json_string_value(value), json_string_length(value) + 1);
    }
    return true;
}

/* Whether paths are absolute ones that a generation may name. */
static bool
paths_are_fine(const struct record *r)
{
    const char *const paths[] = { r->config, r->creds, r->certificate, r->key, r->ca_chain };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (*paths[i] != '\0' && (*paths[i] != '/' || !manifest_path_is_fine(paths[i] + 1))) {
            return false;
        }
    }
    return *r->config != '\0' && *r->creds != '\0' && strchr(r->unit, '/') == NULL &&
           *r->unit != '-';
}

static bool
read_json(const json_t *json, struct record *out)
{
    const char *collector = json_string_value(json_object_get(json, "collector"));
    const char *pin = json_string_value(json_object_get(json, "ca_pin"));
    json_int_t enrolled = json_integer_value(json_object_get(json, "enrolled"));
    json_int_t renewed = json_integer_value(json_object_get(json, "renewed"));

    if (json_integer_value(json_object_get(json, "version")) != VERSION || collector == NULL ||
        enrolled < 0 || renewed < 0) {
        return false;
    }
    out->collector = bundle_collector_of(collector);
    out->keys_of_host = json_is_true(json_object_get(json, "keys_of_host"));
    out->enrolled_s = (uint64_t)enrolled;
    out->renewed_s = (uint64_t)renewed;
    out->has_ca_pin = pin != NULL;
    return out->collector != BUNDLE_UNTOLD && (pin == NULL || read_pin(pin, out->ca_pin)) &&
           read_texts(json, out) && paths_are_fine(out) &&
           (*out->instance == '\0' || sr_suite_instance_is_fine(out->instance));
}

bool
record_parse(struct sr_span text, struct record *ret_record, struct trouble *trouble)
{
    struct record read = { .collector = BUNDLE_UNTOLD };
    json_t *json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json != NULL && read_json(json, &read);

    json_decref(json);
    if (!ok) {
        return trouble_say(trouble, ESTALE,
            "enrol the collector again, or go back with `serviceradar-cli rollback`",
            "the record of an enrolment is damaged");
    }
    *ret_record = read;
    return true;
}

bool
record_read(const char *root, const char *name, struct record *ret_record, struct trouble *trouble)
{
    char path[FILES_PATH_MAX], own[RECORD_PATH_MAX], is[RECORD_NAME_MAX];
    char *text = NULL;
    size_t len = 0;

    if (!files_path(path, "%s/%s", root, record_path(name, own)) ||
        !files_read(path, RECORD_MAX, &text, &len)) {
        int error = errno;
        (void)trouble_errno(trouble, error, "read", own);
        if (error == ENOENT) {
            (void)trouble_say(trouble, ENOENT, "enrol it with `serviceradar-cli enroll`",
                "%s is not enrolled", name);
        }
        return false;
    }
    bool ok = record_parse((struct sr_span){ (const uint8_t *)text, len }, ret_record, trouble);
    free(text);
    if (ok && strcmp(record_name(ret_record->collector, ret_record->instance, is), name) != 0) {
        return trouble_say(trouble, ESTALE, "enrol the collector again",
            "/%s is the record of another collector", own);
    }
    return ok;
}
