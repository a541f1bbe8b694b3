/* SPDX-License-Identifier: Apache-2.0 */
#include "security.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/banned.h"

/* The ids of a user's engines, and how others begin: the first ones and the last ones of `spans`.
 */
struct engines {
    uint8_t (*ids)[TRAPD_ENGINE_ID_MAX];
    struct sr_span *spans;
    size_t count, prefix_count;
};

static bool
read_engines(const struct sr_conf_strings *texts, struct engines *ret_engines)
{
    struct engines e = { .ids = calloc(texts->count + 1, sizeof(*e.ids)),
        .spans = calloc(texts->count + 1, sizeof(*e.spans)) };

    *ret_engines = e;
    if (e.ids == NULL || e.spans == NULL) {
        return false;
    }
    for (size_t i = 0; i < texts->count; i++) {
        size_t len = trapd_engine_id(texts->items[i], e.ids[i]);
        size_t at = len > 0 ? e.count++ : texts->count - ++e.prefix_count;
        len = len > 0 ? len : trapd_engine_prefix(texts->items[i], e.ids[i]);
        e.spans[at] = (struct sr_span){ e.ids[i], len };
    }
    *ret_engines = e;
    return true;
}

static enum usm_err
add_user(struct usm_users *keys, const struct trapd_user *user)
{
    struct engines engines;
    enum usm_err err = USM_ENOMEM;

    if (read_engines(&user->engine_ids, &engines)) {
        const struct usm_user_options options = {
            .name = user->name,
            .auth = (enum usm_auth)user->auth,
            .priv = (enum usm_priv)user->priv,
            .auth_password = user->auth_password,
            .priv_password = user->priv_password,
            .engines = engines.spans,
            .engine_count = engines.count,
            .prefixes = engines.spans + engines.count,
            .prefix_count = engines.prefix_count,
            .minimum = (enum usm_minimum)user->level,
        };
        err = usm_users_add(keys, &options);
    }
    free(engines.ids);
    free(engines.spans);
    return err;
}

struct usm_users *
trapd_security_new(const struct trapd_users *users, char *error, size_t error_size)
{
    struct usm_users *keys = usm_users_new();

    if (keys == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < users->count; i++) {
        enum usm_err err = add_user(keys, &users->items[i]);
        if (err != USM_OK) {
            (void)snprintf(
                error, error_size, "users: `%s`: %s", users->items[i].name, usm_strerror(err));
            usm_users_free(keys);
            return NULL;
        }
    }
    return keys;
}
