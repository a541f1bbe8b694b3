/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_WORLD_WORLD_H_INCLUDED
#define CLI_WORLD_WORLD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files.h"
#include "sr/nkeypair.h"

/*
 * A complete local installation in one folder: an operator, a system account, tenants with users,
 * certificates, and the configuration of a server and of collectors.
 */

#define WORLD_TENANTS_MAX 16
#define WORLD_NAME_MAX 32

/* The ports of the collectors of the first tenant; each further tenant takes the next. */
#define WORLD_SYSLOG_PORT 5514
#define WORLD_METRICS_PORT 9621
#define WORLD_NETFLOW_PORT 2055
#define WORLD_NETFLOW_METRICS_PORT 9721
#define WORLD_TRAPD_PORT 1162
#define WORLD_TRAPD_METRICS_PORT 9821

struct world_tenant {
    char name[WORLD_NAME_MAX + 1];
    struct sr_nkeypair account;
    struct sr_nkeypair signer; /* signs the account's users */
};

struct world {
    char dir[FILES_PATH_MAX]; /* absolute */
    uint16_t port;            /* of the server, on loopback */
    uint64_t now_s;           /* when it is made, Unix seconds */
    size_t tenant_count;
    struct world_tenant tenants[WORLD_TENANTS_MAX];
    struct sr_nkeypair operator_key;
    struct sr_nkeypair system;
};

enum world_err {
    WORLD_OK = 0,
    WORLD_ENAME,     /* not [a-z0-9-]{1,32}, or a name that the folder uses itself */
    WORLD_EREPEATED, /* a tenant of that name is there already */
    WORLD_EMANY,     /* over WORLD_TENANTS_MAX */
    WORLD_EFOREIGN,  /* the folder has something in it, and is not a world */
    WORLD_EEXISTS,   /* the folder has a world in it */
    WORLD_EPARENT,   /* the folder that is to hold the folder does not exist */
    WORLD_EFILE,     /* a file cannot be written or read; errno says why */
    WORLD_EFORM,     /* world.json is not what a world has */
    WORLD_EPATH,     /* the path has control characters, or is too long */
    WORLD_ECRYPTO,   /* no randomness or no memory */
};

/* A sentence for `err`, static. */
const char *world_strerror(enum world_err err);

/* Adds a tenant: WORLD_ENAME, _EREPEATED, _EMANY. */
enum world_err world_add_tenant(struct world *w, const char *name);

/*
 * Makes the folder or takes an empty one, and sets `dir` to its absolute path. WORLD_EFOREIGN,
 * _EEXISTS (allowed by `replace`), _EPARENT, _EFILE, _EPATH.
 */
enum world_err world_claim_dir(struct world *w, const char *path, bool replace);

/*
 * Makes all keys and writes all files of the world. Of an older world in the folder, the accounts
 * and what their streams hold go away; files that no world has stay. WORLD_EFILE, _ECRYPTO.
 */
enum world_err world_write(struct world *w);

/* Reads `dir`, port and tenants' names of the world in `path`: WORLD_EFILE, _EFORM, _EPATH. */
enum world_err world_open(struct world *w, const char *path);

/* Wipes the keys. */
void world_done(struct world *w);

#endif
