/* SPDX-License-Identifier: Apache-2.0 */
/* The section `tls` of a listener. */
#include "sr/conf_common.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sr/tls.h"

#include "sr/banned.h"

static const char *const client_names[] = { "auto", "none", "optional", "required", NULL };
static const char *const version_names[] = { "1.2", "1.3", NULL };

const struct sr_conf_key sr_conf_tls_server_keys[] = {
    { .name = "cert_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls_server, cert_file),
        .is_file = true,
        .reload = SR_CONF_RELOAD,
        .help = "Our certificate, and behind it those that lead to the CA, PEM. Read again when it "
                "changes, as the other files are." },
    { .name = "key_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls_server, key_file),
        .is_file = true,
        .reload = SR_CONF_RELOAD,
        .help = "The private key of cert_file." },
    { .name = "ca_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls_server, ca_file),
        .is_file = true,
        .reload = SR_CONF_RELOAD,
        .help = "Authorities that sign the senders' certificates." },
    { .name = "crl_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls_server, crl_file),
        .is_file = true,
        .reload = SR_CONF_RELOAD,
        .help = "Revoked certificates: a list of each authority, PEM, or one in DER." },
    { .name = "client",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct sr_conf_tls_server, client),
        .def = "auto",
        .choices = client_names,
        .reload = SR_CONF_RELOAD,
        .help = "Whether senders show a certificate; auto: required when ca_file or "
                "permitted_peers is set." },
    { .name = "permitted_peers",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct sr_conf_tls_server, permitted_peers),
        .def = "[]",
        .max = 1024,
        .reload = SR_CONF_RELOAD,
        .help = "Who of them may send: names of the certificate (*.example.com), addresses, "
                "sha-256:FINGERPRINT, which needs no authority; []: all." },
    { .name = "min_version",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct sr_conf_tls_server, min_version),
        .def = "1.2",
        .choices = version_names,
        .reload = SR_CONF_RELOAD,
        .help = "The oldest version of TLS that is spoken." },
    { .name = "ciphers",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls_server, ciphers),
        .def = "ECDHE+AESGCM:ECDHE+CHACHA20",
        .reload = SR_CONF_RELOAD,
        .help = "Of TLS 1.2, as openssl-ciphers(1) writes them." },
    { .name = "ciphersuites",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls_server, ciphersuites),
        .def = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
        .reload = SR_CONF_RELOAD,
        .help = "Of TLS 1.3." },
    { .name = NULL },
};

bool
sr_conf_has_tls(const struct sr_conf_listener *l)
{
    return strncmp(l->listen, "tls://", 6) == 0 ||
           (sr_conf_fd_name(l->listen) != NULL && l->tls.cert_file != NULL);
}

/* Where problems of one listener go. */
struct place {
    struct sr_conf_problems *problems;
    size_t listener;
};

static void
say(void *arg, bool problem, const char *key, const char *text)
{
    const struct place *p = arg;
    char where[64];

    (void)snprintf(where, sizeof(where), "listeners[%zu].tls.%s", p->listener, key);
    if (problem) {
        sr_conf_problem(p->problems, where, "%s", text);
    } else {
        sr_conf_note(p->problems, where, "%s", text);
    }
}

/* What is not there was told when the key was read. */
static bool
are_readable(const struct sr_conf_tls_server *tls)
{
    const char *const files[] = { tls->cert_file, tls->key_file, tls->ca_file, tls->crl_file };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i] != NULL && access(files[i], R_OK) != 0) {
            return false;
        }
    }
    return true;
}

/* The first key that was set of a section that nobody reads; NULL: none. */
static const char *
unused_key(const struct sr_conf_tls_server *tls)
{
    const struct {
        const char *key;
        bool is_set;
    } keys[] = {
        { "cert_file", tls->cert_file != NULL },
        { "key_file", tls->key_file != NULL },
        { "ca_file", tls->ca_file != NULL },
        { "crl_file", tls->crl_file != NULL },
        { "permitted_peers", tls->permitted_peers.count > 0 },
        { "client", tls->client != SR_TLS_CLIENT_AUTO && tls->client != SR_TLS_CLIENT_NONE },
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].is_set) {
            return keys[i].key;
        }
    }
    return NULL;
}

static void
check_listener(const struct sr_conf_listener *l, struct place *p)
{
    const struct sr_conf_tls_server *tls = &l->tls;
    struct sr_tls_report report = { .arg = p, .say = say };

    if (!sr_conf_has_tls(l)) {
        const char *key = unused_key(tls);
        if (key != NULL) {
            say(p, true, key,
                sr_conf_fd_name(l->listen) != NULL
                    ? "a passed socket has TLS when cert_file is set; set it, or remove this"
                    : "this listener has no TLS; write tls://HOST:PORT, or remove it");
        }
        return;
    }
    if (tls->cert_file == NULL || tls->key_file == NULL) {
        say(p, true, tls->cert_file == NULL ? "cert_file" : "key_file",
            "is missing; TLS needs a certificate and its key: set both");
        return;
    }
    if (are_readable(tls)) {
        sr_tls_context_release(sr_tls_context_new(tls, &report));
    }
}

void
sr_conf_check_tls(
    const struct sr_conf_common *c, size_t listener_size, struct sr_conf_problems *problems)
{
    const char *items = c->listeners.items;

    for (size_t i = 0; i < c->listeners.count; i++) {
        const struct sr_conf_listener *l = (const void *)(items + i * listener_size);
        struct place place = { .problems = problems, .listener = i };
        if (l->connections > 0) { /* else the program has no such section */
            check_listener(l, &place);
        }
    }
}

/* ---- Modes of files ---- */

static bool
only_root_reads(const char *file)
{
    struct stat st;

    return file != NULL && stat(file, &st) == 0 && st.st_uid == 0 && (st.st_mode & S_IROTH) == 0 &&
           ((st.st_mode & S_IRGRP) == 0 || st.st_gid == 0);
}

void
sr_conf_tell_tls_modes(const struct sr_conf_common *c, size_t listener_size, FILE *out)
{
    const char *items = c->listeners.items;

    for (size_t i = 0; geteuid() == 0 && i < c->listeners.count; i++) {
        const struct sr_conf_listener *l = (const void *)(items + i * listener_size);
        const char *const files[] = { l->tls.cert_file, l->tls.key_file, l->tls.ca_file,
            l->tls.crl_file };
        for (size_t j = 0; l->connections > 0 && j < sizeof(files) / sizeof(files[0]); j++) {
            if (only_root_reads(files[j])) {
                (void)fprintf(out,
                    "note: listeners[%zu].tls: only root can read %s; the service does not run as "
                    "root: chgrp serviceradar %s && chmod 640 %s\n",
                    i, files[j], files[j], files[j]);
            }
        }
    }
}
