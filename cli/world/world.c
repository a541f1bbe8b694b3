/* SPDX-License-Identifier: Apache-2.0 */
#include "world/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "world/world_parts.h"

#include "sr/banned.h"

#define TEXT_MAX 65536 /* of README.txt and world.json */

const char *
world_strerror(enum world_err err)
{
    switch (err) {
    case WORLD_OK: return "done";
    case WORLD_ENAME:
        return "a tenant's name is 1 to 32 of a-z, 0-9 and '-', and not operator, resolver, tls "
               "or jetstream";
    case WORLD_EREPEATED: return "a tenant is named twice";
    case WORLD_EMANY: return "there are more than 16 tenants";
    case WORLD_EFOREIGN:
        return "the folder has files in it that this program did not make; name an empty one";
    case WORLD_EEXISTS:
        return "the folder has a world in it already; use --force to replace its keys and streams";
    case WORLD_EPARENT: return "the folder above it does not exist; make that first";
    case WORLD_EFILE: return "cannot read or write a file";
    case WORLD_EFORM: return "world.json is damaged; make the world again with dev --force";
    case WORLD_EPATH: return "the folder's path is too long or has control characters in it";
    case WORLD_ECRYPTO: return "no randomness or no memory";
    }
    return "unknown error";
}

static bool
good_name(const char *name)
{
    static const char *const taken[] = { "operator", "resolver", "tls", "jetstream" };
    size_t len = strnlen(name, WORLD_NAME_MAX + 1);

    if (len == 0 || len > WORLD_NAME_MAX || name[0] == '-' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        return false;
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (strcmp(name, taken[i]) == 0) {
            return false;
        }
    }
    return true;
}

enum world_err
world_add_tenant(struct world *w, const char *name)
{
    if (!good_name(name)) {
        return WORLD_ENAME;
    }
    for (size_t i = 0; i < w->tenant_count; i++) {
        if (strcmp(w->tenants[i].name, name) == 0) {
            return WORLD_EREPEATED;
        }
    }
    if (w->tenant_count == WORLD_TENANTS_MAX) {
        return WORLD_EMANY;
    }
    memcpy(w->tenants[w->tenant_count++].name, name, strlen(name) + 1);
    return WORLD_OK;
}

/* Paths go into configuration files, where a control character would begin something else. */
static enum world_err
set_dir(struct world *w, const char *path)
{
    char *absolute = realpath(path, NULL);

    if (absolute == NULL) {
        return WORLD_EFILE;
    }
    bool good = strlen(absolute) < sizeof(w->dir) / 2;
    for (const char *c = absolute; *c != '\0'; c++) {
        good = good && (unsigned char)*c >= ' ' && *c != 0x7f;
    }
    if (good) {
        memcpy(w->dir, absolute, strlen(absolute) + 1);
    }
    free(absolute);
    return good ? WORLD_OK : WORLD_EPATH;
}

/* Whether the folder has our README. */
static bool
is_world(const char *dir)
{
    char path[FILES_PATH_MAX];
    char *text = NULL;
    size_t len = 0;

    if (!files_path(path, "%s/README.txt", dir) || !files_read(path, TEXT_MAX, &text, &len)) {
        return false;
    }
    bool ours = strncmp(text, WORLD_MARK, strlen(WORLD_MARK)) == 0;
    free(text);
    return ours;
}

enum world_err
world_claim_dir(struct world *w, const char *path, bool replace)
{
    if (files_is_empty(path) || errno == ENOENT) {
        if (files_make_dir(path)) {
            return set_dir(w, path);
        }
        return errno == ENOENT ? WORLD_EPARENT : WORLD_EFILE;
    }
    if (errno != 0) {
        return WORLD_EFILE;
    }
    if (!is_world(path)) {
        return WORLD_EFOREIGN;
    }
    return replace ? set_dir(w, path) : WORLD_EEXISTS;
}

enum world_err
world_open(struct world *w, const char *path)
{
    char file[FILES_PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    size_t i;
    json_t *name;
    enum world_err err = set_dir(w, path);

    if (err != WORLD_OK) {
        return err;
    }
    if (!files_path(file, "%s/world.json", w->dir) || !files_read(file, TEXT_MAX, &text, &len)) {
        return WORLD_EFILE;
    }
    json_t *world = json_loadb(text, len, 0, NULL);
    free(text);
    json_int_t port = json_integer_value(json_object_get(world, "port"));
    json_t *names = json_object_get(world, "tenants");
    if (port <= 0 || port > UINT16_MAX || json_array_size(names) == 0) {
        err = WORLD_EFORM;
    }
    json_array_foreach(names, i, name)
    {
        if (!json_is_string(name) || world_add_tenant(w, json_string_value(name)) != WORLD_OK) {
            err = WORLD_EFORM;
        }
    }
    json_decref(world);
    w->port = (uint16_t)port;
    return err;
}

/* Makes the folder `D/under/name`, after it removes what is there when `fresh`. */
static bool
make_dir(const struct world *w, const char *under, const char *name, bool fresh)
{
    char path[FILES_PATH_MAX];

    return files_path(path, "%s/%s/%s", w->dir, under, name) &&
           (!fresh || files_remove_tree(path)) && files_make_dir(path);
}

static enum world_err
make_dirs(const struct world *w)
{
    /* The server refuses accounts of an older operator, and nobody could read their streams. */
    bool ok = make_dir(w, "", "resolver", true) && make_dir(w, "", "jetstream", true) &&
              make_dir(w, "", "operator", false) && make_dir(w, "", "tls", false);

    for (size_t i = 0; i < w->tenant_count && ok; i++) {
        const char *tenant = w->tenants[i].name;
        ok = make_dir(w, "", tenant, false) && make_dir(w, tenant, "creds", false) &&
             make_dir(w, tenant, "tls", false);
    }
    return ok ? WORLD_OK : WORLD_EFILE;
}

enum world_err
world_write(struct world *w)
{
    /* The README comes first: it marks the folder as ours, even when a later step fails. */
    enum world_err err = world_write_readme(w);

    if (err == WORLD_OK) {
        err = make_dirs(w);
    }
    if (err == WORLD_OK) {
        err = world_write_keys(w);
    }
    if (err == WORLD_OK) {
        err = world_write_certificates(w);
    }
    return err == WORLD_OK ? world_write_settings(w) : err;
}

void
world_done(struct world *w)
{
    OPENSSL_cleanse(w, sizeof(*w));
}
