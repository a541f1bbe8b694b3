/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/settings.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <yaml.h>

#include "child.h"
#include "enroll/place.h"

#include "sr/banned.h"

#define TIMEOUT_MS 20000
#define FD_PATH_MAX 32
#define SET_MAX 64

/* ---- Finding the daemon ---- */

static bool
runs(char out[FILES_PATH_MAX], const char *root, const char *dir, const char *role)
{
    return files_path(out, "%s%s/serviceradar-%s", root, dir, role) && access(out, X_OK) == 0;
}

/* The folder of this program, without a slash at its end. */
static bool
own_folder(char out[FILES_PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, FILES_PATH_MAX - 1);

    if (len <= 0) {
        return false;
    }
    out[len] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    return slash != NULL;
}

bool
settings_daemon(const char *root, const char *dir, enum bundle_collector collector,
    char ret_program[FILES_PATH_MAX], struct trouble *trouble)
{
    static const char *const folders[] = { "/usr/sbin", "/usr/bin" };
    const char *role = bundle_collector_name(collector);
    char own[FILES_PATH_MAX];
    bool found = false;

    if (dir != NULL) {
        found = runs(ret_program, "", dir, role);
    } else if (own_folder(own)) {
        found = runs(ret_program, "", own, role);
    }
    for (size_t i = 0; i < 4 && !found && dir == NULL; i++) {
        found = runs(ret_program, i < 2 ? root : "", folders[i % 2], role);
    }
    if (!found) {
        return trouble_say(trouble, ENOENT,
            "install its package; or name the folder of the daemons with --daemon-dir",
            "there is no serviceradar-%s to check the configuration and to run with it", role);
    }
    return true;
}

/* ---- Files in memory ---- */

/* A file of these bytes that no disk sees; -1 with errno. The daemon reads it by its descriptor. */
static int
memory_file(const char *name, struct sr_span bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    size_t done = 0;

    while (fd >= 0 && done < bytes.len) {
        ssize_t n = write(fd, bytes.data + done, bytes.len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            int error = errno;
            (void)close(fd);
            errno = error;
            return -1;
        }
        done += (size_t)n;
    }
    return fd;
}

static void
fd_path(char out[FD_PATH_MAX], int fd)
{
    (void)snprintf(out, FD_PATH_MAX, "/proc/self/fd/%d", fd);
}

/* ---- Asking ---- */

/* Files in memory that the daemon shall read, and the names that messages give them. */
struct staged {
    size_t count;
    int fds[5];
    const char *names[5];
};

static bool
stage(struct staged *staged, const char *name, struct sr_span bytes, struct trouble *trouble)
{
    int fd = memory_file(name, bytes);

    if (fd < 0) {
        return trouble_say(trouble, errno, "free memory and run it again",
            "cannot hold %s in memory: %s", name, strerror(errno));
    }
    staged->fds[staged->count] = fd;
    staged->names[staged->count++] = name;
    return true;
}

static void
staged_done(struct staged *staged)
{
    for (size_t i = 0; i < staged->count; i++) {
        (void)close(staged->fds[i]);
    }
}

/* Copies a message with the files' own names in place of those that they have in memory. */
static void
put_names(const struct staged *staged, const char *message, char *out, size_t size)
{
    size_t len = 0;

    while (*message != '\0' && *message != '\n' && len < size - 1) {
        size_t skip = 0;
        for (size_t i = 0; i < staged->count && skip == 0; i++) {
            char path[FD_PATH_MAX];
            fd_path(path, staged->fds[i]);
            size_t n = strlen(path);
            if (strncmp(message, path, n) == 0 && (message[n] < '0' || message[n] > '9')) {
                int put = snprintf(out + len, size - len, "%s", staged->names[i]);
                len += put > 0 && (size_t)put < size - len ? (size_t)put : size - len - 1;
                skip = n;
            }
        }
        if (skip == 0) {
            out[len++] = *message;
        }
        message += skip > 0 ? skip : 1;
    }
    out[len] = '\0';
}

/* The first line that is no note, or NULL. */
static const char *
first_problem(const char *text)
{
    while (text != NULL && strncmp(text, "note: ", 6) == 0) {
        text = strchr(text, '\n');
        text += text != NULL ? 1 : 0;
    }
    return text != NULL && *text != '\0' ? text : NULL;
}

static bool
ask(const char *const *argv, const struct staged *staged, struct child_output *output,
    struct trouble *trouble)
{
    struct child child = {
        .argv = argv, .fds = staged->fds, .fd_count = staged->count, .timeout_ms = TIMEOUT_MS
    };
    int code = child_run(&child, output);
    char message[512];

    if (code < 0) {
        return trouble_say(trouble, errno,
            "look at the program: it should print its --version at once", "cannot run %s: %s",
            argv[0], errno == ETIMEDOUT ? "it did not end in time" : strerror(errno));
    }
    if (code == 0) {
        return true;
    }
    const char *problem = first_problem(output->err);
    put_names(staged, problem != NULL ? problem : "it gave no reason", message, sizeof(message));
    return trouble_say(trouble, 0,
        "have the bundle issued again with a configuration that this version of the daemon reads",
        "%s refuses the configuration: %s", place_base(argv[0]), message);
}

/* ---- Reading the answer ---- */

static yaml_node_t *
member(yaml_document_t *document, yaml_node_t *map, const char *name)
{
    if (map == NULL || map->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        yaml_node_t *key = yaml_document_get_node(document, p->key);
        if (key != NULL && key->type == YAML_SCALAR_NODE &&
            strcmp((const char *)key->data.scalar.value, name) == 0) {
            return yaml_document_get_node(document, p->value);
        }
    }
    return NULL;
}

/* Copies a text that is there and fits. */
static void
copy(yaml_node_t *node, char out[SETTINGS_TEXT_MAX])
{
    if (node != NULL && node->type == YAML_SCALAR_NODE &&
        node->data.scalar.length < SETTINGS_TEXT_MAX) {
        (void)snprintf(out, SETTINGS_TEXT_MAX, "%s", (const char *)node->data.scalar.value);
    }
}

/* Adds a text to a list that does not have it yet. */
static void
add(yaml_node_t *node, char list[SETTINGS_LIST_MAX][SETTINGS_TEXT_MAX])
{
    char text[SETTINGS_TEXT_MAX] = "";

    copy(node, text);
    for (size_t i = 0; i < SETTINGS_LIST_MAX && *text != '\0'; i++) {
        if (*list[i] == '\0') {
            memcpy(list[i], text, sizeof(text));
            return;
        }
        if (strcmp(list[i], text) == 0) {
            return;
        }
    }
}

static yaml_node_t *
item(yaml_document_t *document, yaml_node_t *list, size_t index)
{
    if (list == NULL || list->type != YAML_SEQUENCE_NODE ||
        index >= (size_t)(list->data.sequence.items.top - list->data.sequence.items.start)) {
        return NULL;
    }
    return yaml_document_get_node(document, list->data.sequence.items.start[index]);
}

static void
read_document(yaml_document_t *d, struct settings *out)
{
    yaml_node_t *top = yaml_document_get_root_node(d);
    yaml_node_t *nats = member(d, top, "nats");
    yaml_node_t *tls = member(d, nats, "tls");
    yaml_node_t *listeners = member(d, top, "listeners");
    char dead_letter[SETTINGS_TEXT_MAX] = "";

    copy(member(d, nats, "creds_file"), out->creds);
    copy(member(d, tls, "cert_file"), out->certificate);
    copy(member(d, tls, "key_file"), out->key);
    copy(member(d, tls, "ca_file"), out->ca_chain);
    copy(member(d, nats, "inbox_prefix"), out->inbox_prefix);
    copy(member(d, member(d, top, "metrics"), "listen"), out->metrics);
    copy(member(d, member(d, top, "queue"), "dir"), out->queue_dir);
    copy(member(d, top, "output"), out->output);
    copy(member(d, member(d, top, "publish"), "dead_letter"), dead_letter);
    out->dead_letter = strcmp(dead_letter, "true") == 0;
    if (strcmp(out->inbox_prefix, "auto") == 0) {
        out->inbox_prefix[0] = '\0';
    }
    for (size_t i = 0; item(d, member(d, nats, "url"), i) != NULL; i++) {
        add(item(d, member(d, nats, "url"), i), out->urls);
    }
    for (size_t i = 0; item(d, listeners, i) != NULL; i++) {
        add(member(d, item(d, listeners, i), "subject"), out->subjects);
        add(member(d, item(d, listeners, i), "listen"), out->listens);
    }
}

static bool
read_answer(const char *text, struct settings *out, struct trouble *trouble)
{
    yaml_parser_t parser;
    yaml_document_t document;

    if (yaml_parser_initialize(&parser) != 1) {
        return trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    bool ok = yaml_parser_load(&parser, &document) == 1;
    if (ok) {
        read_document(&document, out);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return ok || trouble_say(trouble, 0, "install daemons and tools of one version",
                     "the daemon prints its configuration in a form that is not known");
}

static bool
print_config(const char *daemon, const char *path, const char *instance,
    const struct staged *staged, struct settings *ret_settings, struct trouble *trouble)
{
    const char *argv[8] = { daemon };
    size_t argc = 1;
    struct child_output *output = malloc(sizeof(*output));
    struct settings *read = calloc(1, sizeof(*read));
    bool ok = output != NULL && read != NULL;

    if (!ok) {
        (void)trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory");
    }
    if (path != NULL) {
        argv[argc++] = "--config";
        argv[argc++] = path;
    }
    argv[argc++] = "--print-config";
    if (*instance != '\0') {
        argv[argc++] = "--instance";
        argv[argc++] = instance;
    }
    ok = ok && ask(argv, staged, output, trouble) && read_answer(output->out, read, trouble);
    if (ok) {
        *ret_settings = *read;
    }
    free(read);
    free(output);
    return ok;
}

bool
settings_of_text(const char *daemon, struct sr_span config, const char *name, const char *instance,
    struct settings *ret_settings, struct trouble *trouble)
{
    struct staged staged = { .count = 0 };
    char path[FD_PATH_MAX];

    if (!stage(&staged, name, config, trouble)) {
        return false;
    }
    fd_path(path, staged.fds[0]);
    bool ok = print_config(daemon, path, instance, &staged, ret_settings, trouble);
    staged_done(&staged);
    return ok;
}

bool
settings_of_file(
    const char *daemon, const char *path, struct settings *ret_settings, struct trouble *trouble)
{
    static const struct staged none = { .count = 0 };

    return print_config(daemon, path, "", &none, ret_settings, trouble);
}

bool
settings_of_record(
    const char *root, const char *dir, const struct record *record, struct settings *ret_settings)
{
    char daemon[FILES_PATH_MAX], config[FILES_PATH_MAX];
    struct trouble none;

    memset(ret_settings, 0, sizeof(*ret_settings));
    return settings_daemon(root, dir, record->collector, daemon, &none) &&
           files_path(config, "%s%s", root, record->config) &&
           settings_of_file(daemon, config, ret_settings, &none);
}

bool
settings_of_nothing(const char *daemon, const char *instance, struct settings *ret_settings,
    struct trouble *trouble)
{
    static const struct staged none = { .count = 0 };

    return print_config(daemon, NULL, instance, &none, ret_settings, trouble);
}

/* ---- Checking ---- */

bool
settings_check(const char *daemon, const struct bundle *bundle, struct sr_span config,
    const struct settings *settings, struct trouble *trouble)
{
    const struct {
        const char *key, *name, *path;
        struct sr_span bytes;
    } files[] = {
        { NULL, bundle->config_name, "", config },
        { "nats.creds_file", "nats.creds", settings->creds, bundle->creds },
        { "nats.tls.cert_file", "collector.pem", settings->certificate, bundle->certificate },
        { "nats.tls.key_file", "collector-key.pem", settings->key, bundle->key },
        { "nats.tls.ca_file", "ca-chain.pem", settings->ca_chain, bundle->ca_chain },
    };
    char sets[5][SET_MAX];
    const char *argv[4 + 2 * 4 + 1] = { daemon, "--check-config", "--config", sets[0] };
    struct staged staged = { .count = 0 };
    size_t argc = 4;
    bool ok = true;

    for (size_t i = 0; i < 5 && ok; i++) {
        char path[FD_PATH_MAX];
        if (i > 0 && (files[i].bytes.len == 0 || *files[i].path == '\0')) {
            continue;
        }
        ok = stage(&staged, files[i].name, files[i].bytes, trouble);
        if (ok) {
            fd_path(path, staged.fds[staged.count - 1]);
            (void)snprintf(
                sets[i], SET_MAX, "%s%s%s", i > 0 ? files[i].key : "", i > 0 ? "=" : "", path);
        }
        if (ok && i > 0) {
            argv[argc++] = "--set";
            argv[argc++] = sets[i];
        }
    }
    struct child_output *output = malloc(sizeof(*output));
    ok = ok && (output != NULL ||
                   trouble_say(trouble, ENOMEM, "free memory and run it again", "out of memory"));
    ok = ok && ask(argv, &staged, output, trouble);
    free(output);
    staged_done(&staged);
    return ok;
}
