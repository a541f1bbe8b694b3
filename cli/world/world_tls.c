/* SPDX-License-Identifier: Apache-2.0 */
#include "world/world_parts.h"

#include <stdio.h>

#include "issuer/x509.h"

#include "sr/banned.h"

#define ROOT_DAYS 3650
#define LEAF_DAYS 825
#define NAME_TEXT_MAX 64 /* RFC 5280, ub-common-name */
#define SAN_TEXT_MAX 256

static enum world_err
write_pem(enum x509_err made, struct x509_pem *pem, const char *path, mode_t mode)
{
    if (made != X509_IDENTITY_OK) {
        return WORLD_ECRYPTO;
    }
    bool ok = files_write(path, pem->text, pem->len, mode);
    x509_pem_done(pem);
    return ok ? WORLD_OK : WORLD_EFILE;
}

/* Writes D/under/name.pem and D/under/name-key.pem. */
static enum world_err
write_identity(
    const struct world *w, const struct x509_identity *id, const char *under, const char *name)
{
    char cert[FILES_PATH_MAX];
    char key[FILES_PATH_MAX];
    struct x509_pem pem = { NULL, 0 };

    if (!files_path(cert, "%s/%s/%s.pem", w->dir, under, name) ||
        !files_path(key, "%s/%s/%s-key.pem", w->dir, under, name)) {
        return WORLD_EFILE;
    }
    enum world_err err = write_pem(x509_key_pem(id, &pem), &pem, key, 0600);
    return err == WORLD_OK ? write_pem(x509_certificate_pem(id, &pem), &pem, cert, 0644) : err;
}

static enum world_err
issue(const struct world *w, const struct x509_identity *root, const struct x509_request *request,
    const char *under, const char *name)
{
    struct x509_identity *leaf = NULL;

    if (x509_issue(root, request, &leaf) != X509_IDENTITY_OK) {
        return WORLD_ECRYPTO;
    }
    enum world_err err = write_identity(w, leaf, under, name);
    x509_free(leaf);
    return err;
}

/* A client's names follow the platform's form: COMPONENT.PARTITION.TENANT.serviceradar. */
static enum world_err
issue_client(const struct world *w, const struct x509_identity *root, const char *tenant,
    const char *component)
{
    char name[NAME_TEXT_MAX + 1];
    char names[SAN_TEXT_MAX];
    char under[WORLD_NAME_MAX + 8];

    (void)snprintf(name, sizeof(name), "%s.%s.%s.serviceradar", component, "default", tenant);
    (void)snprintf(names, sizeof(names), "DNS:%s, URI:spiffe://serviceradar.local/%s/%s/default",
        name, component, tenant);
    (void)snprintf(under, sizeof(under), "%s/tls", tenant);
    const struct x509_request request = { .common_name = name,
        .alternative_names = names,
        .usage = X509_USAGE_CLIENT,
        .now = (time_t)w->now_s,
        .days = LEAF_DAYS };
    return issue(w, root, &request, under, component);
}

static enum world_err
issue_all(const struct world *w, const struct x509_identity *root)
{
    const struct x509_request server = { .common_name = "localhost",
        .alternative_names = "DNS:localhost, IP:127.0.0.1, IP:::1",
        .usage = X509_USAGE_SERVER,
        .now = (time_t)w->now_s,
        .days = LEAF_DAYS };
    enum world_err err = write_identity(w, root, "tls", "ca");

    if (err == WORLD_OK) {
        err = issue(w, root, &server, "tls", "server");
    }
    for (size_t i = 0; i < w->tenant_count && err == WORLD_OK; i++) {
        err = issue_client(w, root, w->tenants[i].name, "collector");
        if (err == WORLD_OK) {
            err = issue_client(w, root, w->tenants[i].name, "platform");
        }
    }
    return err;
}

enum world_err
world_write_certificates(const struct world *w)
{
    struct x509_identity *root = NULL;

    if (x509_make_root("ServiceRadar local root", (time_t)w->now_s, ROOT_DAYS, &root) !=
        X509_IDENTITY_OK) {
        return WORLD_ECRYPTO;
    }
    enum world_err err = issue_all(w, root);
    x509_free(root);
    return err;
}
