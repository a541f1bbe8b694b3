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
#define TRAPD_USER_NAME_MAX 32U

/* RFC 3414 section 11.2 */
#define TRAPD_PASSWORD_MIN 8U

/* In the order of the choices of `auth`, `priv` and `level` of a user. */
enum trapd_auth {
    TRAPD_AUTH_NONE = 0,
    TRAPD_AUTH_MD5,    /* RFC 3414 section 6 */
    TRAPD_AUTH_SHA,    /* RFC 3414 section 7 */
    TRAPD_AUTH_SHA224, /* RFC 7860 */
    TRAPD_AUTH_SHA256,
    TRAPD_AUTH_SHA384,
    TRAPD_AUTH_SHA512,
};

enum trapd_priv {
    TRAPD_PRIV_NONE = 0,
    TRAPD_PRIV_DES,     /* RFC 3414 section 8 */
    TRAPD_PRIV_AES128,  /* RFC 3826 */
    TRAPD_PRIV_AES192,  /* keys extended as draft-blumenthal-aes-usm-04 does */
    TRAPD_PRIV_AES256,  /* the same */
    TRAPD_PRIV_AES192C, /* keys extended as draft-reeder-snmpv3-usm-3desede does: Cisco */
    TRAPD_PRIV_AES256C, /* the same */
};

/* The least that a message of the user must have. */
enum trapd_level {
    TRAPD_LEVEL_STRONGEST = 0, /* all that the user has keys for */
    TRAPD_LEVEL_NO_AUTH,
    TRAPD_LEVEL_AUTH,
    TRAPD_LEVEL_PRIV,
};

/* What is done with a message outside of the time window of RFC 3414 section 3.2, step 7 b. */
enum trapd_time_window {
    TRAPD_TIME_STRICT = 0, /* refused */
    TRAPD_TIME_RELEARN,    /* taken, and the clock of its engine is what it says */
    TRAPD_TIME_OFF,        /* taken; no clock is kept */
};

/* A user of v3, RFC 3414. All borrowed of the configuration. */
struct trapd_user {
    const char *name;
    int auth;                          /* enum trapd_auth */
    const char *auth_password;         /* NULL: none */
    int priv;                          /* enum trapd_priv */
    const char *priv_password;         /* NULL: none */
    struct sr_conf_strings engine_ids; /* for trapd_engine_id(); empty: any */
    int level;                         /* enum trapd_level */
};

struct trapd_listener {
    struct sr_conf_listener base;
    int community;                      /* enum trap_community */
    struct sr_conf_strings communities; /* empty: any */
    struct sr_conf_strings allow;
    uint64_t rate_limit; /* datagrams a second, 0: none */
    int time_window;     /* enum trapd_time_window */
};

struct trapd_conf {
    struct sr_conf_common common;
    const char *community_key;     /* of community: hash; NULL: none */
    struct sr_conf_sections users; /* struct trapd_user */
    const char *users_file;        /* NULL: none */
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

#endif
