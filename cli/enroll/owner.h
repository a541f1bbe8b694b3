/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_OWNER_H_INCLUDED
#define CLI_ENROLL_OWNER_H_INCLUDED

#include <sys/types.h>

/* Whom the files of a collector belong to: root writes them, the service's group reads them. */

#define OWNER_SERVICE "serviceradar" /* user and group */

enum owner_found {
    OWNER_SERVICE_GROUP, /* root and the service's group */
    OWNER_NO_SERVICE,    /* there is no such user or group: our own ids */
    OWNER_NOT_ROOT,      /* we may not give files away: our own ids */
};

struct owner {
    uid_t uid;
    gid_t gid;
};

/*
 * Finds the owner of files under `root`: "" asks the host, else the names are looked up in
 * ROOT/etc/passwd and ROOT/etc/group, for an image has numbers of its own.
 */
enum owner_found owner_find(const char *root, struct owner *ret_owner);

#endif
