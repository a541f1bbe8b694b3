/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_USER_H_INCLUDED
#define TRAPD_USM_USER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/message.h"
#include "decode/v3.h"
#include "sr/span.h"
#include "usm/key.h"

/* What is behind usm/usm.h: users and receivers share it. */

struct usm_engine_id {
    uint8_t len;
    uint8_t bytes[V3_ENGINE_ID_MAX];
};

struct usm_user {
    uint8_t name[V3_USER_MAX];
    size_t name_len;
    enum usm_auth auth;
    enum usm_priv priv;
    enum trap_level least, most;       /* level of messages */
    struct usm_key auth_key, priv_key; /* Ku */
    struct usm_engine_id *engines;     /* sorted */
    size_t engine_count;
    struct usm_engine_id *prefixes; /* sorted */
    size_t prefix_count;            /* neither: any engine */
};

struct usm_users {
    struct usm_algorithms algorithms;
    struct usm_user *items; /* by name */
    size_t count;
};

/* The first user of a name and those behind it are `*ret_count`, 0: there is none. */
const struct usm_user *usm_users_find(
    const struct usm_users *users, struct sr_span name, size_t *ret_count);

/* Whether the user may be one of this engine. */
bool usm_user_is_of(const struct usm_user *user, struct sr_span engine_id);

#endif
