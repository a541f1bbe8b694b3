/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_TRAPD_H_INCLUDED
#define TRAPD_TRAPD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/conf_common.h"
#include "sr/runtime.h"

/* A longer community is nobody's: net-snmp takes 256 bytes with its NUL. */
#define TRAPD_COMMUNITY_MAX 255U

/* RFC 3411 section 5, SnmpEngineID; RFC 3414 section 2.4 for the name. */
#define TRAPD_ENGINE_ID_MIN 5U
#define TRAPD_ENGINE_ID_MAX 32U
#define TRAPD_ENGINE_PREFIX_MIN 4U /* the enterprise of who made the engine, section 5 there */
#define TRAPD_USER_NAME_MAX 32U

/* A user of v3, RFC 3414. All borrowed of the configuration. */
struct trapd_user {
    const char *name;
    int auth;                          /* enum usm_auth */
    const char *auth_password;         /* NULL: none */
    int priv;                          /* enum usm_priv */
    const char *priv_password;         /* NULL: none */
    struct sr_conf_strings engine_ids; /* for trapd_engine_id() or _prefix(); empty: any */
    int level;                         /* enum usm_minimum */
};

/* Which notifications are folded; see storms.h. */
struct trapd_storm {
    uint64_t traps;                  /* 0: none are */
    uint64_t interval, quiet, every; /* ns */
};

struct trapd_inform {
    int ack; /* enum sr_answer_when */
};

struct trapd_listener {
    struct sr_conf_listener base;
    int community;                                  /* enum trap_community */
    struct sr_conf_strings communities;             /* empty: any */
    struct sr_conf_strings users;                   /* names of v3; empty: all */
    struct sr_conf_strings allow_traps, deny_traps; /* identifiers, see rules.h */
    uint64_t rate_limit;                            /* datagrams a second, 0: none */
    int time_window;                                /* enum usm_time_policy */
    struct trapd_storm storm;
    struct trapd_inform inform;
};

struct trapd_conf {
    struct sr_conf_common common;
    const char *community_key;     /* of community: hash; NULL: none */
    struct sr_conf_sections users; /* struct trapd_user */
    const char *users_file;        /* NULL: none */
    const char *engine_id;         /* for trapd_engine_id(); NULL: one of our own */
    const char *mib_file;          /* a table of `serviceradar-cli mib compile`; NULL: none */
};

extern const struct sr_conf_schema trapd_schema;
extern const struct sr_program trapd_program;

/* All users of a configuration: its own, then those of its users_file. */
struct trapd_users {
    struct trapd_user *items; /* owned; what they point to is the configuration's, or of `file` */
    size_t count;
    void *file; /* owned: the configuration in users_file; NULL: none */
};

/*
 * Reads users_file, if there is one, and lists all users. `config` outlives them. False with
 * `error`: what is wrong first, with file and line.
 */
bool trapd_users_load(
    const struct trapd_conf *config, struct trapd_users *ret_users, char *error, size_t error_size);
void trapd_users_done(struct trapd_users *users);

/*
 * Reads an engine id: 5 to 32 bytes as hexadecimal digits, with or without 0x before them. Returns
 * its length; 0 when it is none.
 */
size_t trapd_engine_id(const char *text, uint8_t id[TRAPD_ENGINE_ID_MAX]);

/* The same for how engine ids begin: TRAPD_ENGINE_PREFIX_MIN bytes at least, with `*` behind. */
size_t trapd_engine_prefix(const char *text, uint8_t id[TRAPD_ENGINE_ID_MAX]);

#endif
