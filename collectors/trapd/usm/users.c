/* SPDX-License-Identifier: Apache-2.0 */
#include "usm/usm.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "usm/user.h"

#include "sr/banned.h"

const char *const usm_minimum_names[] = { "strongest", "noAuthNoPriv", "authNoPriv", "authPriv",
    NULL };

const char *
usm_strerror(enum usm_err err)
{
    switch (err) {
    case USM_OK: return "no error";
    case USM_ENAME: return "the name must have 1 to 32 bytes";
    case USM_EPRIV: return "there is no privacy without authentication";
    case USM_EPASSWORD: return "a password must have 8 characters at least";
    case USM_EENGINE: return "an engine id must have 1 to 32 bytes";
    case USM_EMINIMUM:
        return "the minimum level is more than the keys allow, or none though there are keys";
    case USM_ENAMESAKES: return "too many users have this name";
    case USM_EALGORITHM: return "the algorithm is not available on this system";
    case USM_ENOMEM: return "no memory";
    }
    return "unknown error";
}

struct usm_users *
usm_users_new(void)
{
    struct usm_users *users = calloc(1, sizeof(*users));

    if (users != NULL && !usm_algorithms_load(&users->algorithms)) {
        usm_users_free(users);
        return NULL;
    }
    return users;
}

static void
clear_user(struct usm_user *user)
{
    free(user->engines);
    free(user->prefixes);
    OPENSSL_cleanse(user, sizeof(*user));
}

void
usm_users_free(struct usm_users *users)
{
    if (users == NULL) {
        return;
    }
    for (size_t i = 0; i < users->count; i++) {
        clear_user(&users->items[i]);
    }
    free(users->items);
    usm_algorithms_free(&users->algorithms);
    free(users);
}

size_t
usm_users_count(const struct usm_users *users)
{
    return users->count;
}

static int
compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int
compare_engines(const void *a, const void *b)
{
    const struct usm_engine_id *x = a, *y = b;

    return compare_bytes(x->bytes, x->len, y->bytes, y->len);
}

/* Owned copies, sorted; none: NULL. */
static enum usm_err
copy_ids(const struct sr_span *ids, size_t count, struct usm_engine_id **ret_ids)
{
    struct usm_engine_id *copies = calloc(count + 1, sizeof(*copies));

    if (copies == NULL) {
        return USM_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (ids[i].len == 0 || ids[i].len > V3_ENGINE_ID_MAX) {
            free(copies);
            return USM_EENGINE;
        }
        memcpy(copies[i].bytes, ids[i].data, ids[i].len);
        copies[i].len = (uint8_t)ids[i].len;
    }
    qsort(copies, count, sizeof(*copies), compare_engines);
    *ret_ids = copies;
    return USM_OK;
}

static enum usm_err
copy_engines(struct usm_user *user, const struct usm_user_options *options)
{
    enum usm_err err = copy_ids(options->engines, options->engine_count, &user->engines);

    if (err == USM_OK) {
        err = copy_ids(options->prefixes, options->prefix_count, &user->prefixes);
    }
    user->engine_count = options->engine_count;
    user->prefix_count = options->prefix_count;
    return err;
}

static enum usm_err
make_key(const struct usm_users *users, enum usm_auth auth, const char *password,
    struct usm_key *ret_key)
{
    size_t len = password == NULL ? 0 : strlen(password);

    if (len < USM_PASSWORD_LEAST) {
        return USM_EPASSWORD;
    }
    const struct sr_span span = { (const uint8_t *)password, len };
    return usm_key_from_password(&users->algorithms, auth, span, ret_key) ? USM_OK : USM_EALGORITHM;
}

static enum usm_err
make_keys(
    const struct usm_users *users, struct usm_user *user, const struct usm_user_options *options)
{
    enum usm_err err = USM_OK;

    if (options->auth != USM_AUTH_NONE) {
        err = make_key(users, options->auth, options->auth_password, &user->auth_key);
    }
    if (err == USM_OK && options->priv != USM_PRIV_NONE) {
        if (users->algorithms.ciphers[options->priv] == NULL) {
            return USM_EALGORITHM;
        }
        err = make_key(users, options->auth, options->priv_password, &user->priv_key);
    }
    return err;
}

/*
 * A user with keys never has messages without: whoever wants those adds another user of the same
 * name without keys, and sees in the configuration what that means.
 */
static enum usm_err
set_levels(struct usm_user *user, enum usm_minimum minimum)
{
    static const enum trap_level levels[] = { [USM_MINIMUM_NO_AUTH] = TRAP_NO_AUTH,
        [USM_MINIMUM_AUTH] = TRAP_AUTH,
        [USM_MINIMUM_PRIV] = TRAP_PRIV };

    user->most = user->priv != USM_PRIV_NONE   ? TRAP_PRIV
                 : user->auth != USM_AUTH_NONE ? TRAP_AUTH
                                               : TRAP_NO_AUTH;
    user->least = minimum == USM_MINIMUM_STRONGEST ? user->most : levels[minimum];
    if (user->least > user->most || (user->least == TRAP_NO_AUTH && user->most != TRAP_NO_AUTH)) {
        return USM_EMINIMUM;
    }
    return USM_OK;
}

static enum usm_err
make_user(
    const struct usm_users *users, const struct usm_user_options *options, struct usm_user *user)
{
    size_t len = options->name == NULL ? 0 : strlen(options->name);

    if (len == 0 || len > sizeof(user->name)) {
        return USM_ENAME;
    }
    if (options->priv != USM_PRIV_NONE && options->auth == USM_AUTH_NONE) {
        return USM_EPRIV;
    }
    memcpy(user->name, options->name, len);
    user->name_len = len;
    user->auth = options->auth;
    user->priv = options->priv;
    enum usm_err err = set_levels(user, options->minimum);
    if (err == USM_OK) {
        err = copy_engines(user, options);
    }
    return err == USM_OK ? make_keys(users, user, options) : err;
}

/* The first user that is not before `name`; with `after`, the first behind all of that name. */
static size_t
lower_bound(const struct usm_users *users, const uint8_t *name, size_t len, bool after)
{
    size_t low = 0, high = users->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct usm_user *user = &users->items[middle];
        int order = compare_bytes(user->name, user->name_len, name, len);
        if (order < 0 || (order == 0 && after)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
is_among(const struct usm_engine_id *id, const struct usm_engine_id *ids, size_t count)
{
    return bsearch(id, ids, count, sizeof(*id), compare_engines) != NULL;
}

/* Whether engines that nobody has listed may be the user's. */
static bool
is_open(const struct usm_user *user)
{
    return user->prefix_count > 0 || user->engine_count == 0;
}

/* Whether others of its name are as many for one of its engines as there may be. */
static bool
has_too_many_namesakes(const struct usm_users *users, const struct usm_user *user)
{
    size_t count, open = 0;
    const struct usm_user *others =
        usm_users_find(users, (struct sr_span){ user->name, user->name_len }, &count);

    for (size_t k = 0; k < count; k++) {
        open += is_open(&others[k]);
    }
    if (count >= USM_NAMESAKES_MAX || (is_open(user) && open >= USM_NAMESAKES_OF_ENGINE)) {
        return true;
    }
    for (size_t i = 0; i < user->engine_count; i++) {
        size_t same = 0;
        for (size_t k = 0; k < count; k++) {
            same += is_among(&user->engines[i], others[k].engines, others[k].engine_count);
        }
        if (same >= USM_NAMESAKES_OF_ENGINE) {
            return true;
        }
    }
    return false;
}

/* Like realloc() for one user more, but leaves no keys behind in memory that was given back. */
static bool
grow(struct usm_users *users)
{
    struct usm_user *items = calloc(users->count + 1, sizeof(*items));

    if (items == NULL) {
        return false;
    }
    if (users->count > 0) {
        memcpy(items, users->items, users->count * sizeof(*items));
        OPENSSL_cleanse(users->items, users->count * sizeof(*items));
        free(users->items);
    }
    users->items = items;
    return true;
}

enum usm_err
usm_users_add(struct usm_users *users, const struct usm_user_options *options)
{
    struct usm_user user = { .name_len = 0 };
    enum usm_err err = make_user(users, options, &user);

    if (err == USM_OK && has_too_many_namesakes(users, &user)) {
        err = USM_ENAMESAKES;
    }
    if (err == USM_OK && !grow(users)) {
        err = USM_ENOMEM;
    }
    if (err != USM_OK) {
        clear_user(&user);
        return err;
    }
    size_t at = lower_bound(users, user.name, user.name_len, true);
    memmove(&users->items[at + 1], &users->items[at], (users->count - at) * sizeof(user));
    users->items[at] = user;
    users->count++;
    OPENSSL_cleanse(&user, sizeof(user));
    return USM_OK;
}

const struct usm_user *
usm_users_find(const struct usm_users *users, struct sr_span name, size_t *ret_count)
{
    size_t first, end;

    if (name.len == 0 || users->count == 0) {
        *ret_count = 0;
        return NULL;
    }
    first = lower_bound(users, name.data, name.len, false);
    for (end = first; end < users->count; end++) {
        const struct usm_user *user = &users->items[end];
        if (compare_bytes(user->name, user->name_len, name.data, name.len) != 0) {
            break;
        }
    }
    *ret_count = end - first;
    return &users->items[first];
}

bool
usm_user_is_of(const struct usm_user *user, struct sr_span engine_id)
{
    struct usm_engine_id id = { .len = (uint8_t)engine_id.len };

    if (engine_id.len == 0 || engine_id.len > sizeof(id.bytes)) {
        return false; /* empty: who asks for our id, RFC 3414 section 4 */
    }
    if (user->engine_count + user->prefix_count == 0) {
        return true;
    }
    memcpy(id.bytes, engine_id.data, engine_id.len);
    if (is_among(&id, user->engines, user->engine_count)) {
        return true;
    }
    while (user->prefix_count > 0 && id.len > 0) {
        if (is_among(&id, user->prefixes, user->prefix_count)) {
            return true;
        }
        id.bytes[--id.len] = 0;
    }
    return false;
}
