/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_CONF_USERS_H_INCLUDED
#define TRAPD_CONF_USERS_H_INCLUDED

#include "trapd.h"

#include "sr/conf.h"

#define TRAPD_USERS_MAX 4096U

/* The table of struct trapd_user. */
extern const struct sr_conf_key trapd_user_keys[];

/* The row of a list of users at the top of a file. */
#define TRAPD_USERS_ROW(STRUCT)                                                                    \
    {                                                                                              \
        .name = "users", .type = SR_CONF_SECTIONS, .offset = offsetof(STRUCT, users),              \
        .max = TRAPD_USERS_MAX, .keys = trapd_user_keys, .item_size = sizeof(struct trapd_user),   \
        .reload = SR_CONF_RELOAD, .help = "Users of SNMPv3."                                       \
    }

/* Reports what is wrong across the keys of each user. */
void trapd_users_check(const struct sr_conf_sections *users, struct sr_conf_problems *problems);

/* Reports all that is wrong with a users_file. */
void trapd_users_file_check(const char *file, struct sr_conf_problems *problems);

#endif
