/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/conf_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "sr/access.h"
#include "sr/conf_value.h"
#include "sr/queue.h"
#include "sr/share.h"
#include "sr/stats.h"

#include "sr/banned.h"

#define SUBJECT_MAX 200
#define FD_NAME_MAX 255U
#define LISTEN_MAX (sizeof(((struct sr_listener_stats *)0)->name) - 1) /* what is told of it */

static const char *const manage_names[] = { "never", "create", "append", NULL };
static const char *const framing_names[] = { "ndjson", "delimited", NULL };
static const char *const level_names[] = { "error", "warning", "notice", "info", "debug", NULL };
const char *const sr_conf_durability_names[] = { "memory", "spill", "always", NULL };
const char *const sr_conf_fsync_names[] = { "never", "interval", NULL };
const char *const sr_conf_output_names[] = { "nats", "stdout", "file", "discard", NULL };
const char *const sr_conf_compat_names[] = { "native", "upstream", NULL };
const char *const sr_conf_proxy_names[] = { "off", "required", NULL };

/* Words with dots between, without wildcards: something to publish on. */
static bool
is_subject(const char *s)
{
    size_t len = strlen(s);

    return len > 0 && len <= SUBJECT_MAX && s[0] != '.' && s[0] != '$' && s[len - 1] != '.' &&
           strstr(s, "..") == NULL && strpbrk(s, " *>\t\"\\") == NULL;
}

static const char *
check_urls(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_nats *nats = item;

    for (size_t i = 0; i < nats->url.count; i++) {
        const char *url = nats->url.items[i];
        const char *host = strncmp(url, "nats://", 7) == 0  ? url + 7
                           : strncmp(url, "tls://", 6) == 0 ? url + 6
                                                            : "";
        if (host[0] == '\0' || host[0] == ':' || host[0] == '/') {
            (void)snprintf(text, text_size,
                "`%s` is not a NATS URL; write tls://HOST:PORT or nats://HOST:PORT", url);
            return text;
        }
        if (strchr(url, '@') != NULL) {
            /* It would show in logs and in --print-config. */
            return "a URL holds no user and password here; use nats.creds_file or nats.tls";
        }
    }
    return NULL;
}

static const char *
check_inbox_prefix(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_nats *nats = item;

    if (is_subject(nats->inbox_prefix)) {
        return NULL;
    }
    (void)snprintf(text, text_size, "`%s` is not a subject; write auto, or words as _INBOX.edge",
        nats->inbox_prefix);
    return text;
}

static X509 *
read_certificate(const char *file)
{
    BIO *bio = BIO_new_file(file, "r");
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return cert;
}

static EVP_PKEY *
read_key(const char *file)
{
    char no_password[] = "";
    BIO *bio = BIO_new_file(file, "r");
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static const char *
check_ca_file(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_tls *tls = item;
    X509 *cert = tls->ca_file != NULL ? read_certificate(tls->ca_file) : NULL;

    X509_free(cert);
    if (cert != NULL || tls->ca_file == NULL) {
        return NULL;
    }
    (void)snprintf(text, text_size, "%s holds no PEM certificate; copy it again from the enrolment",
        tls->ca_file);
    return text;
}

static const char *
check_cert_file(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_tls *tls = item;
    X509 *cert = tls->cert_file != NULL ? read_certificate(tls->cert_file) : NULL;

    X509_free(cert);
    if (cert != NULL || tls->cert_file == NULL) {
        return NULL;
    }
    (void)snprintf(text, text_size, "%s holds no PEM certificate; copy it again from the enrolment",
        tls->cert_file);
    return text;
}

/* The key, and whether it is the certificate's: cert_file stands before it in the table. */
static const char *
check_key_file(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_tls *tls = item;

    if ((tls->cert_file == NULL) != (tls->key_file == NULL)) {
        return "a certificate and its key go together; set both nats.tls.cert_file and "
               "nats.tls.key_file";
    }
    if (tls->key_file == NULL) {
        return NULL;
    }
    EVP_PKEY *key = read_key(tls->key_file);
    X509 *cert = read_certificate(tls->cert_file);
    const char *wrong = NULL;
    if (key == NULL) {
        wrong = "holds no PEM private key without a password; copy it again from the enrolment";
    } else if (cert != NULL && X509_check_private_key(cert, key) != 1) {
        wrong = "is not the key of nats.tls.cert_file; use the two files of one enrolment";
    }
    ERR_clear_error();
    X509_free(cert);
    EVP_PKEY_free(key);
    if (wrong != NULL) {
        (void)snprintf(text, text_size, "%s %s", tls->key_file, wrong);
        return text;
    }
    return NULL;
}

static const struct sr_conf_key tls_keys[] = {
    { .name = "ca_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls, ca_file),
        .is_file = true,
        .check = check_ca_file,
        .help = "Authorities that sign the server's certificate." },
    { .name = "cert_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls, cert_file),
        .is_file = true,
        .check = check_cert_file,
        .help = "Our certificate, with the chain behind it." },
    { .name = "key_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tls, key_file),
        .is_file = true,
        .check = check_key_file,
        .help = "The private key of cert_file." },
    { .name = NULL },
};

/* It is a word of the subjects of JetStream's API, where other characters mean something else. */
static const char *
check_stream_name(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_nats *nats = item;

    if (nats->stream[0] != '\0' && strpbrk(nats->stream, " .*>/\\") == NULL) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "`%s` is not the name of a stream; it has no blank and none of . * > / \\", nats->stream);
    return text;
}

const struct sr_conf_key sr_conf_nats_keys[] = {
    { .name = "url",
        .type = SR_CONF_STRINGS,
        .offset = offsetof(struct sr_conf_nats, url),
        .def = "[nats://127.0.0.1:4222]",
        .min = 1,
        .max = 16,
        .check = check_urls,
        .help = "Servers: tls://HOST:PORT, or nats://HOST:PORT without TLS." },
    { .name = "creds_file",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_nats, creds_file),
        .is_file = true,
        .help = "Credentials of the NATS user (.creds)." },
    { .name = "tls",
        .type = SR_CONF_SECTION,
        .offset = offsetof(struct sr_conf_nats, tls),
        .keys = tls_keys,
        .help = "Certificates of the connection." },
    { .name = "stream",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_nats, stream),
        .def = "events",
        .check = check_stream_name,
        .help = "Name of the stream, for messages and manage_stream." },
    { .name = "manage_stream",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct sr_conf_nats, manage_stream),
        .def = "never",
        .choices = manage_names,
        .help = "After 30s without a stream: never touch one, create it, or append subjects." },
    { .name = "inbox_prefix",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_nats, inbox_prefix),
        .def = "auto",
        .check = check_inbox_prefix,
        .help = "Where acknowledgements come to; auto takes it from the credentials." },
    { .name = "ack_timeout",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct sr_conf_nats, ack_timeout),
        .def = "10s",
        .min = 100000000ULL,
        /* Sent again after up to twice as long: still within a duplicate window of 120 s. */
        .max = 50000000000ULL,
        .help = "How long an acknowledgement is waited for." },
    { .name = "connect_timeout",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct sr_conf_nats, connect_timeout),
        .def = "10s",
        .min = 100000000ULL,
        .max = 600000000000ULL,
        .help = "How long an attempt to connect to one server may take." },
    { .name = NULL },
};

const struct sr_conf_key sr_conf_file_keys[] = {
    { .name = "path",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_file, path),
        .help = "Appended to; dead letters go to PATH.deadletter. Opened again on SIGHUP." },
    { .name = "framing",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct sr_conf_file, framing),
        .def = "ndjson",
        .choices = framing_names,
        .help = "What separates messages." },
    { .name = NULL },
};

const struct sr_conf_key sr_conf_batch_keys[] = {
    { .name = "records",
        .type = SR_CONF_UINT,
        .offset = offsetof(struct sr_conf_batch, records),
        .def = "1",
        .min = 1,
        .max = 65535,
        .help = "Records of a message at most; 1: each record is a message, as it is." },
    { .name = "bytes",
        .type = SR_CONF_SIZE,
        .offset = offsetof(struct sr_conf_batch, bytes),
        .def = "64KiB",
        .min = 1024,
        .max = SR_RECORD_MAX,
        .help = "Bytes of records that a message has at most, but for a larger record; less than "
                "the server's max_payload." },
    { .name = "linger",
        .type = SR_CONF_DURATION,
        .offset = offsetof(struct sr_conf_batch, linger),
        .def = "0ms",
        .max = 10000000000ULL,
        .help = "How long a record may wait for others; 0: what is received at once is one "
                "message. Not with queue.durability: always." },
    { .name = NULL },
};

const struct sr_conf_key sr_conf_log_keys[] = {
    { .name = "level",
        .type = SR_CONF_CHOICE,
        .offset = offsetof(struct sr_conf_log, level),
        .def = "info",
        .choices = level_names,
        .reload = SR_CONF_RELOAD,
        .help = "The least severe lines that are written." },
    { .name = NULL },
};

/* What stands behind `scheme`, NULL when the address has another one. */
static const char *
behind(const char *listen, const char *scheme)
{
    size_t len = strlen(scheme);

    return strncmp(listen, scheme, len) == 0 ? listen + len : NULL;
}

const char *
sr_conf_unix_path(const char *listen)
{
    return behind(listen, "unix://");
}

const char *
sr_conf_unixgram_path(const char *listen)
{
    return behind(listen, "unixgram://");
}

/* The path of a socket. */
static const char *
check_unix_path(const char *listen, const char *path)
{
    if (path[0] != '/') {
        return "write unix:///PATH or unixgram:///PATH with an absolute path";
    }
    if (strlen(listen) > LISTEN_MAX) {
        return "the address of a path has at most 95 bytes; choose a shorter one";
    }
    return NULL;
}

static const char *
check_tail_listen(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_tail *tail = item;
    const char *path = sr_conf_unix_path(tail->listen);

    if (strcmp(tail->listen, "auto") == 0 || strcmp(tail->listen, "off") == 0) {
        return NULL;
    }
    if (path == NULL || path[0] != '/') {
        (void)snprintf(text, text_size,
            "`%s` is no socket; write auto, off, or unix:///PATH with an absolute path",
            tail->listen);
        return text;
    }
    if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        return "the path of a socket has at most 107 bytes; choose a shorter one";
    }
    return NULL;
}

const struct sr_conf_key sr_conf_tail_keys[] = {
    { .name = "listen",
        .type = SR_CONF_STRING,
        .offset = offsetof(struct sr_conf_tail, listen),
        .def = "auto",
        .check = check_tail_listen,
        .help = "unix://PATH, or off; auto: unix:///run/serviceradar/NAME.sock (NAME: trapd, "
                "netflow, syslog) where that can be made." },
    { .name = NULL },
};

const char *
sr_conf_check_queue_dir(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_queue *queue = item;

    (void)text;
    (void)text_size;
    return queue->dir[0] != '/' ? "write an absolute path" : NULL;
}

const char *
sr_conf_check_enrich(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_common *c = item;

    (void)text;
    (void)text_size;
    return c->enrich ? "this version writes no extra keys; set it to false" : NULL;
}

bool
sr_conf_is_stream(const char *listen)
{
    return behind(listen, "tcp://") != NULL || behind(listen, "tls://") != NULL ||
           sr_conf_unix_path(listen) != NULL;
}

/* HOST:PORT, with an IPv6 address in brackets; NULL, or what is wrong. */
static const char *
split_address(const char *host, const char **ret_host, size_t *ret_host_len, unsigned *ret_port)
{
    char *end;
    const char *colon = strrchr(host, ':');
    if (colon == NULL || colon[1] < '0' || colon[1] > '9') {
        return "has no port; write it behind the address, for example udp://0.0.0.0:514";
    }
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port == 0 || port > 65535) {
        return "has no valid port; ports are 1 to 65535";
    }
    size_t len = (size_t)(colon - host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) != NULL) {
        return "write an IPv6 address in brackets: udp://[::1]:514";
    }
    *ret_host = host;
    *ret_host_len = len;
    *ret_port = (unsigned)port;
    return NULL;
}

const char *
sr_conf_address(const char *listen, const char **ret_host, size_t *ret_host_len, unsigned *ret_port)
{
    static const char *const schemes[] = { "udp://", "tcp://", "tls://" };
    const char *host = NULL;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]) && host == NULL; i++) {
        host = behind(listen, schemes[i]);
    }
    if (host == NULL) {
        return "write udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH, "
               "unixgram:///PATH or fd://NAME";
    }
    return split_address(host, ret_host, ret_host_len, ret_port);
}

const char *
sr_conf_check_metrics(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_metrics *metrics = item;
    const char *host;
    size_t len;
    unsigned port;

    if (strcmp(metrics->listen, "off") == 0 ||
        split_address(metrics->listen, &host, &len, &port) == NULL) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "`%s` is not an address; write ADDRESS:PORT, for example 127.0.0.1:9621, [::1]:9621, or "
        "off",
        metrics->listen);
    return text;
}

const char *
sr_conf_fd_name(const char *listen)
{
    return behind(listen, "fd://");
}

/* The PATH of either kind; NULL when `listen` has another form. */
static const char *
any_unix_path(const char *listen)
{
    const char *path = sr_conf_unix_path(listen);

    return path != NULL ? path : sr_conf_unixgram_path(listen);
}

/* FileDescriptorName= of systemd.socket(5): ASCII without control characters and ':'. */
static const char *
check_fd_name(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > FD_NAME_MAX) {
        return "write fd://NAME, the FileDescriptorName= of the .socket unit, 1 to 255 characters";
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] < ' ' || name[i] > '~' || name[i] == ':') {
            return "a name that systemd passes is ASCII without `:`; write its FileDescriptorName=";
        }
    }
    return NULL;
}

const char *
sr_conf_check_listen(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_listener *l = item;
    const char *host;
    size_t len;
    unsigned port;
    const char *name = sr_conf_fd_name(l->listen);
    const char *path = any_unix_path(l->listen);
    const char *wrong = name != NULL   ? check_fd_name(name)
                        : path != NULL ? check_unix_path(l->listen, path)
                                       : sr_conf_address(l->listen, &host, &len, &port);

    if (wrong == NULL) {
        return NULL;
    }
    (void)snprintf(text, text_size, "`%s`: %s", l->listen, wrong);
    return text;
}

unsigned
sr_conf_mode(const struct sr_conf_listener *l)
{
    return (unsigned)strtoul(l->mode, NULL, 8);
}

const char *
sr_conf_check_mode(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_listener *l = item;
    size_t len = strlen(l->mode);

    if (len < 3 || len > 4 || strspn(l->mode, "01234567") != len ||
        (sr_conf_mode(l) & ~0666U) != 0) {
        (void)snprintf(text, text_size,
            "`%s` is no mode of a socket; write octal digits such as 0666 (everybody), 0660 or "
            "0600",
            l->mode);
        return text;
    }
    return NULL;
}

const char *
sr_conf_check_subject(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_listener *l = item;
    const char *s = l->subject;

    if (is_subject(s)) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "`%s` is not a subject to publish on; write words with dots between, as logs.syslog", s);
    return text;
}

const char *
sr_conf_check_allow(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_listener *l = item;

    return sr_access_check(&l->allow, NULL, text, text_size);
}

const char *
sr_conf_check_deny(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_listener *l = item;

    return sr_access_check(&l->deny, &l->allow, text, text_size);
}

const char *
sr_conf_check_balancers(const void *item, char *text, size_t text_size)
{
    const struct sr_conf_listener *l = item;

    if (l->balancers.count > 0 && l->proxy_protocol == 0) {
        return "are of use with proxy_protocol: required only; set it, or leave them out";
    }
    return sr_access_check(&l->balancers, NULL, text, text_size);
}

/* Two listeners on one address could never both start. */
static void
check_twice(const struct sr_conf_common *c, size_t item_size, struct sr_conf_problems *problems)
{
    const char *items = c->listeners.items;

    for (size_t i = 1; i < c->listeners.count; i++) {
        const struct sr_conf_listener *a = (const void *)(items + i * item_size);
        for (size_t j = 0; j < i; j++) {
            const struct sr_conf_listener *b = (const void *)(items + j * item_size);
            if (strcmp(a->listen, b->listen) == 0) {
                char where[64];
                (void)snprintf(where, sizeof(where), "listeners[%zu].listen", i);
                sr_conf_problem(problems, where,
                    "`%s` is used by listeners[%zu] already; give each its own address", a->listen,
                    j);
            }
        }
    }
}

/* What a Unix socket cannot have. */
static void
check_unix(const struct sr_conf_listener *l, size_t i, struct sr_conf_problems *problems)
{
    char where[64];

    if (any_unix_path(l->listen) == NULL) {
        return;
    }
    if (l->mode == NULL) {
        (void)snprintf(where, sizeof(where), "listeners[%zu].listen", i);
        sr_conf_problem(problems, where,
            "`%s`: this program receives from the network only; write udp://HOST:PORT", l->listen);
    } else if (l->workers > 1) {
        (void)snprintf(where, sizeof(where), "listeners[%zu].workers", i);
        sr_conf_problem(problems, where, "one thread serves a path; remove it");
    } else if (l->allow.count + l->deny.count > 0) {
        (void)snprintf(
            where, sizeof(where), "listeners[%zu].%s", i, l->allow.count > 0 ? "allow" : "deny");
        sr_conf_problem(problems, where,
            "who writes to a path has no address; say with `mode` who may, and remove it");
    }
}

static void
check_streams(const struct sr_conf_common *c, size_t item_size, struct sr_conf_problems *problems)
{
    const char *items = c->listeners.items;

    for (size_t i = 0; i < c->listeners.count; i++) {
        const struct sr_conf_listener *l = (const void *)(items + i * item_size);
        char where[64];

        if (l->proxy_protocol != 0 &&
            (behind(l->listen, "udp://") != NULL || sr_conf_unixgram_path(l->listen) != NULL)) {
            (void)snprintf(where, sizeof(where), "listeners[%zu].proxy_protocol", i);
            sr_conf_problem(
                problems, where, "datagrams have none; write tcp://HOST:PORT, or remove it");
        }
        check_unix(l, i, problems);
        if (!sr_conf_is_stream(l->listen) || any_unix_path(l->listen) != NULL) {
            continue;
        }
        if (l->connections == 0) {
            (void)snprintf(where, sizeof(where), "listeners[%zu].listen", i);
            sr_conf_problem(problems, where,
                "`%s`: this program receives datagrams only; write udp://HOST:PORT", l->listen);
        } else if (l->workers > 1) {
            (void)snprintf(where, sizeof(where), "listeners[%zu].workers", i);
            sr_conf_problem(
                problems, where, "one thread serves all connections of a listener; remove it");
        }
    }
}

static unsigned
count_workers(const struct sr_conf_common *c, size_t item_size)
{
    const char *items = c->listeners.items;
    unsigned workers = 0;

    for (size_t i = 0; i < c->listeners.count; i++) {
        workers +=
            (unsigned)((const struct sr_conf_listener *)(const void *)(items + i * item_size))
                ->workers;
    }
    return workers;
}

/* Each receiving thread needs a segment, and one of the part that dead letters may hold. */
static void
check_room(const struct sr_conf_common *c, unsigned workers, const char *key, uint64_t size,
    struct sr_conf_problems *problems)
{
    uint64_t parts = c->publish.dead_letter ? SR_SHARE_DEAD_PART : 2;
    uint64_t least = parts * workers * sr_queue_segment_size(c->queue.memory);
    char has[SR_CONF_UNIT_TEXT_MAX], needs[SR_CONF_UNIT_TEXT_MAX];

    if (size < least) {
        least = parts * workers * SR_QUEUE_SEGMENT_MAX; /* more memory may mean larger segments */
        sr_conf_problem(problems, key,
            "%s is too little for %u receiving threads (workers of all listeners); set %s or more, "
            "or have fewer workers",
            sr_conf_format_size(size, has), workers, sr_conf_format_size(least, needs));
    }
}

/* An open batch is in memory only, and `always` promises that a kill costs one receive batch. */
static void
check_linger(const struct sr_conf_common *c, struct sr_conf_problems *problems)
{
    char linger[SR_CONF_UNIT_TEXT_MAX];

    if (c->queue.durability == SR_QUEUE_ALWAYS && c->publish.batch.linger > 0) {
        sr_conf_problem(problems, "publish.batch.linger",
            "with queue.durability: always no record may wait for others (%s); set 0ms, or "
            "queue.durability: spill",
            sr_conf_format_duration(c->publish.batch.linger, linger));
    }
}

static void
check_queue(const struct sr_conf_common *c, size_t listener_size, struct sr_conf_problems *problems)
{
    unsigned workers = count_workers(c, listener_size);
    char disk[SR_CONF_UNIT_TEXT_MAX], memory[SR_CONF_UNIT_TEXT_MAX];

    check_room(c, workers, "queue.memory", c->queue.memory, problems);
    check_linger(c, problems);
    if (c->output != SR_OUTPUT_NATS || c->queue.durability == SR_QUEUE_MEMORY) {
        return; /* no disk */
    }
    if (c->queue.disk < c->queue.memory) {
        sr_conf_problem(problems, "queue.disk",
            "%s is less than queue.memory (%s), all of which goes to disk at a stop; set at least "
            "that",
            sr_conf_format_size(c->queue.disk, disk), sr_conf_format_size(c->queue.memory, memory));
    }
}

void
sr_conf_common_check(const void *config, size_t listener_size, struct sr_conf_problems *problems)
{
    const struct sr_conf_common *c = config;

    if (c->output == SR_OUTPUT_FILE && c->file.path == NULL) {
        sr_conf_problem(problems, "output", "`file` needs a file; set file.path");
    }
    check_twice(c, listener_size, problems);
    check_streams(c, listener_size, problems);
    sr_conf_check_tls(c, listener_size, problems);
    check_queue(c, listener_size, problems);
}
