/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "usm/usm.h"

#include "sr/banned.h"

/* ---- One key ---- */

static int
digit(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Reads `least` to TRAPD_ENGINE_ID_MAX bytes with `end` behind them; 0: they are not. */
static size_t
read_bytes(const char *text, size_t least, const char *end, uint8_t id[TRAPD_ENGINE_ID_MAX])
{
    const char *hex = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
    size_t len = strspn(hex, "0123456789abcdefABCDEF");

    if (strcmp(hex + len, end) != 0 || len % 2 != 0 || len < 2 * least ||
        len > 2 * TRAPD_ENGINE_ID_MAX) {
        return 0;
    }
    for (size_t i = 0; i < len / 2; i++) {
        id[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    }
    return len / 2;
}

size_t
trapd_engine_id(const char *text, uint8_t id[TRAPD_ENGINE_ID_MAX])
{
    return read_bytes(text, TRAPD_ENGINE_ID_MIN, "", id);
}

size_t
trapd_engine_prefix(const char *text, uint8_t id[TRAPD_ENGINE_ID_MAX])
{
    return read_bytes(text, TRAPD_ENGINE_PREFIX_MIN, "*", id);
}

static const char *
check_name(const void *item, char *text, size_t text_size)
{
    const struct trapd_user *u = item;
    size_t len = u->name != NULL ? strlen(u->name) : 1; /* a missing one is told later */

    if (len > 0 && len <= TRAPD_USER_NAME_MAX) {
        return NULL;
    }
    (void)snprintf(
        text, text_size, "must be 1 to %u bytes long (RFC 3414 section 2.4)", TRAPD_USER_NAME_MAX);
    return text;
}

static const char *
check_password(const char *password, char *text, size_t text_size)
{
    if (password == NULL || strlen(password) >= USM_PASSWORD_LEAST) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "is too short; a password has at least %u bytes (RFC 3414 section 11.2)",
        USM_PASSWORD_LEAST);
    return text;
}

static const char *
check_auth_password(const void *item, char *text, size_t text_size)
{
    return check_password(((const struct trapd_user *)item)->auth_password, text, text_size);
}

static const char *
check_priv_password(const void *item, char *text, size_t text_size)
{
    return check_password(((const struct trapd_user *)item)->priv_password, text, text_size);
}

static const char *
check_engine_ids(const void *item, char *text, size_t text_size)
{
    const struct trapd_user *u = item;
    uint8_t id[TRAPD_ENGINE_ID_MAX];

    for (size_t i = 0; i < u->engine_ids.count; i++) {
        const char *one = u->engine_ids.items[i];
        if (trapd_engine_id(one, id) == 0 && trapd_engine_prefix(one, id) == 0) {
            (void)snprintf(text, text_size,
                "`%.80s` is no engine id; write %u to %u bytes as hexadecimal digits, as "
                "80001f8803c0ffee00, or how they begin, %u bytes at least, as 80001f88*",
                one, TRAPD_ENGINE_ID_MIN, TRAPD_ENGINE_ID_MAX, TRAPD_ENGINE_PREFIX_MIN);
            return text;
        }
    }
    return NULL;
}

const struct sr_conf_key trapd_user_keys[] = {
    { .name = "name",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct trapd_user, name),
        .reload = SR_CONF_RELOAD,
        .check = check_name,
        .help = "Name of the user (securityName)." },
    { .name = "auth",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct trapd_user, auth),
        .def = "none",
        .choices = usm_auth_names,
        .reload = SR_CONF_RELOAD,
        .help = "Algorithm of authentication." },
    { .name = "auth_password",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct trapd_user, auth_password),
        .secret = true,
        .reload = SR_CONF_RELOAD,
        .check = check_auth_password,
        .help = "Password of authentication, at least 8 bytes." },
    { .name = "priv",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct trapd_user, priv),
        .def = "none",
        .choices = usm_priv_names,
        .reload = SR_CONF_RELOAD,
        .help = "Algorithm of encryption; AES-192-C and AES-256-C make their keys as Cisco does." },
    { .name = "priv_password",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct trapd_user, priv_password),
        .secret = true,
        .reload = SR_CONF_RELOAD,
        .check = check_priv_password,
        .help = "Password of encryption, at least 8 bytes." },
    { .name = "engine_ids",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct trapd_user, engine_ids),
        .max = 4096,
        .reload = SR_CONF_RELOAD,
        .check = check_engine_ids,
        .help = "Engines that the user may send from, as hexadecimal digits, or how their ids "
                "begin, with * behind; empty: any." },
    { .name = "level",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct trapd_user, level),
        .def = "strongest",
        .choices = usm_minimum_names,
        .reload = SR_CONF_RELOAD,
        .help = "The least a message must have; strongest: all that the user has passwords for." },
    { .name = NULL },
};

/* ---- Across keys ---- */

/* What is wrong with a user as a whole; NULL: nothing. *ret_key is where. */
static const char *
user_problem(const struct trapd_user *u, const char **ret_key)
{
    *ret_key = "auth_password";
    if (u->auth != USM_AUTH_NONE && u->auth_password == NULL) {
        return "is missing; `auth` needs it";
    }
    if (u->auth == USM_AUTH_NONE && u->auth_password != NULL) {
        return "is for no algorithm; name it as `auth`";
    }
    *ret_key = "priv_password";
    if (u->priv != USM_PRIV_NONE && u->priv_password == NULL) {
        return "is missing; `priv` needs it";
    }
    if (u->priv == USM_PRIV_NONE && u->priv_password != NULL) {
        return "is for no algorithm; name it as `priv`";
    }
    *ret_key = "priv";
    if (u->priv != USM_PRIV_NONE && u->auth == USM_AUTH_NONE) {
        return "needs `auth` as well (RFC 3411 section 3.4.3)";
    }
    *ret_key = "level";
    if ((u->level == USM_MINIMUM_AUTH && u->auth == USM_AUTH_NONE) ||
        (u->level == USM_MINIMUM_PRIV && u->priv == USM_PRIV_NONE)) {
        return "is more than the user has algorithms for; name them as `auth` and `priv`";
    }
    if (u->level == USM_MINIMUM_NO_AUTH && u->auth != USM_AUTH_NONE) {
        return "would take what anybody sends in the name of the user; write authNoPriv, or leave "
               "out `auth`";
    }
    return NULL;
}

void
trapd_users_check(const struct sr_conf_sections *users, struct sr_conf_problems *problems)
{
    const struct trapd_user *all = users->items;
    char where[64];

    for (size_t i = 0; i < users->count; i++) {
        const char *key;
        const char *what = user_problem(&all[i], &key);
        if (all[i].name == NULL) {
            (void)snprintf(where, sizeof(where), "users[%zu]", i);
            sr_conf_problem(problems, where, "has no `name`; add it");
        }
        if (what != NULL) {
            (void)snprintf(where, sizeof(where), "users[%zu].%s", i, key);
            sr_conf_problem(problems, where, "%s", what);
        }
    }
}

/* ---- A file of their own ---- */

struct users_conf {
    struct sr_conf_sections users;
};

static void
check_file(const void *config, struct sr_conf_problems *problems)
{
    trapd_users_check(&((const struct users_conf *)config)->users, problems);
}

static const struct sr_conf_key file_keys[] = {
    TRAPD_USERS_ROW(struct users_conf),
    { .name = NULL },
};

static const struct sr_conf_schema file_schema = {
    .program = "serviceradar-trapd",
    .keys = file_keys,
    .size = sizeof(struct users_conf),
    .check = check_file,
};

static void *
load_file(const char *file, struct sr_conf_problems *problems)
{
    struct sr_conf_source source = { .file = file };

    return sr_conf_load(&file_schema, &source, problems);
}

void
trapd_users_file_check(const char *file, struct sr_conf_problems *problems)
{
    struct sr_conf_problems *own = sr_conf_problems_new();
    struct stat st;

    if (own == NULL) {
        return;
    }
    sr_conf_free(load_file(file, own));
    for (size_t i = 0; i < sr_conf_problems_count(own); i++) {
        sr_conf_problem(problems, NULL, "%s", sr_conf_problems_text(own, i));
    }
    sr_conf_problems_free(own);
    if (stat(file, &st) == 0 && (st.st_mode & S_IROTH) != 0) {
        sr_conf_note(problems, "users_file",
            "%s holds passwords and can be read by everybody; chmod o-r it", file);
    }
}

bool
trapd_users_load(
    const struct trapd_conf *config, struct trapd_users *ret_users, char *error, size_t error_size)
{
    struct trapd_users users = { 0 };
    struct sr_conf_problems *problems = sr_conf_problems_new();
    const struct users_conf *more = NULL;

    (void)snprintf(error, error_size, "out of memory");
    if (problems != NULL && config->users_file != NULL) {
        more = users.file = load_file(config->users_file, problems);
        if (more == NULL && sr_conf_problems_count(problems) > 0) {
            (void)snprintf(error, error_size, "%s", sr_conf_problems_text(problems, 0));
        }
    }
    bool ok = problems != NULL && (config->users_file == NULL || more != NULL);
    sr_conf_problems_free(problems);
    users.count = config->users.count + (more != NULL ? more->users.count : 0);
    if (ok && users.count > 0) {
        users.items = calloc(users.count, sizeof(*users.items));
        ok = users.items != NULL;
    }
    if (!ok) {
        sr_conf_free(users.file);
        return false;
    }
    const struct trapd_user *first = config->users.items;
    const struct trapd_user *second = more != NULL ? more->users.items : NULL;
    for (size_t i = 0; i < users.count; i++) {
        bool is_first = i < config->users.count;
        users.items[i] = is_first ? first[i] : second[i - config->users.count];
    }
    *ret_users = users;
    return true;
}

void
trapd_users_done(struct trapd_users *users)
{
    free(users->items);
    sr_conf_free(users->file);
    *users = (struct trapd_users){ 0 };
}
