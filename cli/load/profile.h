/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_PROFILE_H_INCLUDED
#define CLI_LOAD_PROFILE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sr/conf.h"

/*
 * What a load is made of, as a file says it: docs/load.md has all keys. Numbers are in range when a
 * profile was read; what depends on more than one of them is checked where it is used.
 */

struct profile_bursts {
    uint64_t every_ns, of; /* so often so many messages at once; 0: none */
};

struct profile_syslog_kind {
    int style; /* enum syslog_style */
    uint64_t weight, size, size_max;
};

struct profile_syslog {
    struct sr_conf_sections mix; /* struct profile_syslog_kind */
    uint64_t hosts;
    const char *host_prefix;
    struct sr_conf_strings apps, severities;
};

struct profile_trap_kind {
    int version; /* index of profile_trap_versions */
    uint64_t weight, varbinds, size;
};

struct profile_trap {
    struct sr_conf_sections mix; /* struct profile_trap_kind */
    const char *community, *user;
    int auth, priv; /* enum usm_auth, enum usm_priv */
    const char *auth_password_file, *priv_password_file;
    const char *engine; /* hexadecimal */
};

struct profile_netflow_kind {
    int format; /* enum netflow_format */
    uint64_t weight, size;
};

struct profile_netflow {
    struct sr_conf_sections mix; /* struct profile_netflow_kind */
    uint64_t templates_ns, sampling;
};

struct profile {
    struct profile_bursts bursts;
    struct profile_syslog syslog;
    struct profile_trap trap;
    struct profile_netflow netflow;
};

/* "v1", "v2c", "v3"; "emergency" to "debug", as RFC 5424 section 6.2.1 orders them. With NULL. */
extern const char *const profile_trap_versions[];
extern const char *const profile_severities[];

/* A profile that this program brings along. */
struct profile_text {
    const char *name, *purpose, *text;
};

/* Ended by a name that is NULL. */
extern const struct profile_text profile_texts[];

/*
 * Reads the profile `name`: one that is brought along, else a file; NULL: all defaults. Then the
 * `sets`, "KEY=VALUE". Returns owned: profile_free(). NULL, and `problems` says why.
 */
struct profile *profile_load(
    const char *name, const char *const *sets, size_t set_count, struct sr_conf_problems *problems);

/* NULL is fine. */
void profile_free(struct profile *profile);

/* Prints it as YAML that loads back to the same. */
void profile_print(const struct profile *profile, FILE *out);

#endif
