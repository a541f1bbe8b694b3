/* SPDX-License-Identifier: Apache-2.0 */
#include "security.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/banned.h"

static enum usm_err
add_user(struct usm_users *keys, const struct trapd_user *user)
{
    size_t count = user->engine_ids.count;
    uint8_t(*ids)[TRAPD_ENGINE_ID_MAX] = calloc(count + 1, sizeof(*ids));
    struct sr_span *engines = calloc(count + 1, sizeof(*engines));
    enum usm_err err = USM_ENOMEM;

    if (ids != NULL && engines != NULL) {
        for (size_t i = 0; i < count; i++) {
            engines[i].data = ids[i];
            engines[i].len = trapd_engine_id(user->engine_ids.items[i], ids[i]);
        }
        const struct usm_user_options options = {
            .name = user->name,
            .auth = (enum usm_auth)user->auth,
            .priv = (enum usm_priv)user->priv,
            .auth_password = user->auth_password,
            .priv_password = user->priv_password,
            .engines = engines,
            .engine_count = count,
            .minimum = (enum usm_minimum)user->level,
        };
        err = usm_users_add(keys, &options);
    }
    free(ids);
    free(engines);
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
