/* SPDX-License-Identifier: Apache-2.0 */
#include "provision.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#include "sr/banned.h"

bool
provision_port(const char *text, uint16_t *ret_port)
{
    unsigned value = 0;

    if (*text == '\0' || strlen(text) > 5) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(*text - '0');
    }
    if (value == 0 || value > UINT16_MAX) {
        return false;
    }
    *ret_port = (uint16_t)value;
    return true;
}

void
provision_complain(enum world_err err, const char *dir)
{
    if (err == WORLD_EFILE) {
        complain("%s: %s: %s", dir, world_strerror(err), strerror(errno));
    } else {
        complain("%s: %s", dir, world_strerror(err));
    }
}

/* The paths that a connection needs, in one place to format them into. */
struct paths {
    char url[64];
    char creds[FILES_PATH_MAX];
    char ca[FILES_PATH_MAX];
    char cert[FILES_PATH_MAX];
    char key[FILES_PATH_MAX];
    char inbox[SR_SUITE_SUBJECT_MAX];
};

static bool
find_paths(const struct world *w, const char *tenant, const char *user, struct paths *p)
{
    const char *owner = strcmp(user, "platform") == 0 ? "platform" : "collector";

    (void)snprintf(p->url, sizeof(p->url), "tls://localhost:%u", w->port);
    (void)snprintf(p->inbox, sizeof(p->inbox), "_INBOX.%s-%s", tenant, user);
    return files_path(p->creds, "%s/%s/creds/%s.creds", w->dir, tenant, user) &&
           files_path(p->ca, "%s/tls/ca.pem", w->dir) &&
           files_path(p->cert, "%s/%s/tls/%s.pem", w->dir, tenant, owner) &&
           files_path(p->key, "%s/%s/tls/%s-key.pem", w->dir, tenant, owner);
}

enum admin_err
provision_connect(
    const struct world *w, const char *tenant, const char *user, struct admin **ret_admin)
{
    static struct paths p;
    char detail[ADMIN_DETAIL_MAX];

    if (!find_paths(w, tenant, user, &p)) {
        return ADMIN_ENOMEM;
    }
    const struct admin_target target = { .url = p.url,
        .creds_file = p.creds,
        .ca_file = p.ca,
        .cert_file = p.cert,
        .key_file = p.key,
        .inbox_prefix = p.inbox };
    enum admin_err err = admin_open(&target, ret_admin, detail);
    if (err == ADMIN_ECONNECT) {
        complain("%s: %s (%s); start it with: nats-server -c %s/nats-server.conf", p.url,
            admin_strerror(err), detail, w->dir);
    } else if (err != ADMIN_OK) {
        complain("%s as %s/%s: %s (%s)", p.url, tenant, user, admin_strerror(err), detail);
    }
    return err;
}
