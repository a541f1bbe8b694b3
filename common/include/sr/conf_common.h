/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_CONF_COMMON_H_INCLUDED
#define SR_CONF_COMMON_H_INCLUDED

#include "sr/conf.h"

/* The configuration that all collectors share. A program's struct begins with sr_conf_common. */

enum sr_output { SR_OUTPUT_NATS = 0, SR_OUTPUT_STDOUT, SR_OUTPUT_FILE, SR_OUTPUT_DISCARD };
enum sr_manage_stream { SR_MANAGE_NEVER = 0, SR_MANAGE_CREATE, SR_MANAGE_APPEND };
enum sr_compat { SR_COMPAT_NATIVE = 0, SR_COMPAT_UPSTREAM };

struct sr_conf_tls {
    const char *ca_file;   /* NULL: the system's authorities */
    const char *cert_file; /* NULL: no client certificate */
    const char *key_file;
};

/* What a listener asks of who connects; auto: required when ca_file or permitted_peers is set. */
enum sr_tls_client {
    SR_TLS_CLIENT_AUTO = 0,
    SR_TLS_CLIENT_NONE,
    SR_TLS_CLIENT_OPTIONAL,
    SR_TLS_CLIENT_REQUIRED,
};
enum sr_tls_version { SR_TLS_VERSION_1_2 = 0, SR_TLS_VERSION_1_3 };

/* TLS of a listener (sr/tls.h). */
struct sr_conf_tls_server {
    const char *cert_file; /* NULL: no TLS */
    const char *key_file;
    const char *ca_file;  /* of clients; NULL: none */
    const char *crl_file; /* NULL: nothing is looked up */
    int client;           /* enum sr_tls_client */
    struct sr_conf_strings permitted_peers;
    int min_version;     /* enum sr_tls_version */
    const char *ciphers; /* of TLS 1.2 */
    const char *ciphersuites;
};

struct sr_conf_nats {
    struct sr_conf_strings url;
    const char *creds_file; /* NULL: no credentials */
    struct sr_conf_tls tls;
    const char *stream;       /* its name, for messages and manage_stream */
    int manage_stream;        /* enum sr_manage_stream */
    const char *inbox_prefix; /* "auto": from the credentials, else as it stands */
    uint64_t ack_timeout;     /* ns */
    uint64_t connect_timeout; /* ns */
};

struct sr_conf_file {
    const char *path;
    int framing; /* enum sr_framing */
};

struct sr_conf_batch {
    uint64_t records; /* 1: no batches */
    uint64_t bytes;
    uint64_t linger; /* ns */
};

struct sr_conf_publish {
    struct sr_conf_batch batch;
    bool dead_letter;
};

enum sr_fsync { SR_FSYNC_NEVER = 0, SR_FSYNC_INTERVAL };

struct sr_conf_queue {
    int durability;  /* enum sr_queue_durability */
    uint64_t memory; /* bytes */
    uint64_t disk;   /* bytes */
    const char *dir;
    int fsync; /* enum sr_fsync */
};

struct sr_conf_metrics {
    const char *listen; /* "ADDRESS:PORT", or "off" */
};

struct sr_conf_tail {
    const char *listen; /* "auto", "off", or "unix://PATH" */
};

struct sr_conf_log {
    int level; /* index of error, warning, notice, info, debug */
};

struct sr_conf_common {
    int output; /* enum sr_output */
    struct sr_conf_file file;
    const char *partition;
    bool enrich;
    struct sr_conf_sections
        listeners; /* of the program's type, which begins with sr_conf_listener */
    struct sr_conf_nats nats;
    struct sr_conf_publish publish;
    struct sr_conf_queue queue;
    struct sr_conf_metrics metrics;
    struct sr_conf_tail tail;
    struct sr_conf_log log;
    uint64_t shutdown_timeout; /* ns */
    uint64_t stream_buffers;   /* bytes; 0: the program serves no streams */
};

/* The head of every program's listener. */
struct sr_conf_listener {
    int protocol;       /* one choice a program: its own */
    const char *listen; /* {udp,tcp,tls}://ADDRESS:PORT, {unix,unixgram}://PATH or fd://NAME */
    const char *subject;
    uint64_t workers;
    uint64_t receive_buffer;         /* bytes */
    int compat;                      /* enum sr_compat */
    struct sr_conf_strings allow;    /* networks that may send, see sr/access.h */
    struct sr_conf_strings deny;     /* networks that may not */
    uint64_t connections;            /* at most so many at once; 0: the program serves no streams */
    uint64_t connections_per_source; /* of one address; 0: no limit of its own */
    int proxy_protocol;              /* 1: required */
    struct sr_conf_strings balancers; /* networks that may connect then */
    uint64_t idle_timeout;            /* ns; 0: none */
    struct sr_conf_tls_server tls;    /* of a program that serves streams */
    const char *mode; /* of a Unix socket's path, octal; NULL: the program serves none */
};

extern const struct sr_conf_key sr_conf_nats_keys[];
extern const struct sr_conf_key sr_conf_file_keys[];
extern const struct sr_conf_key sr_conf_batch_keys[];
extern const char *const sr_conf_durability_names[];
extern const char *const sr_conf_fsync_names[];
extern const struct sr_conf_key sr_conf_log_keys[];
extern const struct sr_conf_key sr_conf_tail_keys[];
extern const char *const sr_conf_output_names[];
extern const char *const sr_conf_compat_names[];
extern const char *const sr_conf_proxy_names[];
extern const struct sr_conf_key sr_conf_tls_server_keys[];

/* `enrich: true` is refused by name in programs that have nothing to add. */
const char *sr_conf_check_enrich(const void *item, char *text, size_t text_size);

/* An absolute path. */
const char *sr_conf_check_queue_dir(const void *item, char *text, size_t text_size);

/* Where numbers are served: ADDRESS:PORT, or off. */
const char *sr_conf_check_metrics(const void *item, char *text, size_t text_size);

/* A listener's address. */
const char *sr_conf_check_listen(const void *item, char *text, size_t text_size);

/* An octal mode of a path, without bits but those for reading and writing. */
const char *sr_conf_check_mode(const void *item, char *text, size_t text_size);

/* Networks; `deny` has none of `allow`. */
const char *sr_conf_check_allow(const void *item, char *text, size_t text_size);
const char *sr_conf_check_deny(const void *item, char *text, size_t text_size);

/* Networks, where there is a balancer. */
const char *sr_conf_check_balancers(const void *item, char *text, size_t text_size);

/* A NATS subject without wildcards. */
const char *sr_conf_check_subject(const void *item, char *text, size_t text_size);

/*
 * The rows of struct sr_conf_common for a program's table: `LISTENER_KEYS` and `LISTENER_TYPE`
 * describe its listeners, `PUBLISH` is a table of SR_CONF_PUBLISH_KEYS, `QUEUE` one of
 * SR_CONF_QUEUE_KEYS, `METRICS` one with the program's own port.
 */
#define SR_CONF_COMMON_KEYS(LISTENER_KEYS, LISTENER_TYPE, PUBLISH, QUEUE, METRICS)                 \
    SR_CONF_COMMON_KEYS_ENRICH(LISTENER_KEYS, LISTENER_TYPE, PUBLISH, QUEUE, METRICS,              \
        sr_conf_check_enrich,                                                                      \
        "Adds keys to records that upstream does not write; only false today.")

/* The same, of a program that has a way of its own with `enrich`: its check (NULL: none), its help.
 */
#define SR_CONF_COMMON_KEYS_ENRICH(                                                                \
    LISTENER_KEYS, LISTENER_TYPE, PUBLISH, QUEUE, METRICS, ENRICH_CHECK, ENRICH_HELP)              \
    { .name = "output",                                                                            \
        .type = SR_CONF_CHOICE,                                                                    \
        .offset = offsetof(struct sr_conf_common, output),                                         \
        .def = "nats",                                                                             \
        .choices = sr_conf_output_names,                                                           \
        .help = "Where records go." },                                                             \
        { .name = "file",                                                                          \
            .type = SR_CONF_SECTION,                                                               \
            .offset = offsetof(struct sr_conf_common, file),                                       \
            .keys = sr_conf_file_keys,                                                             \
            .help = "The file of output: file." },                                                 \
        { .name = "partition",                                                                     \
            .type = SR_CONF_STRING,                                                                \
            .offset = offsetof(struct sr_conf_common, partition),                                  \
            .def = "default",                                                                      \
            .reload = SR_CONF_RELOAD,                                                              \
            .help = "Stands before a sender's address in records." },                              \
        { .name = "enrich",                                                                        \
            .type = SR_CONF_BOOL,                                                                  \
            .offset = offsetof(struct sr_conf_common, enrich),                                     \
            .def = "false",                                                                        \
            .check = (ENRICH_CHECK),                                                               \
            .help = (ENRICH_HELP) },                                                               \
        { .name = "listeners",                                                                     \
            .type = SR_CONF_SECTIONS,                                                              \
            .offset = offsetof(struct sr_conf_common, listeners),                                  \
            .min = 1,                                                                              \
            .max = 32,                                                                             \
            .keys = (LISTENER_KEYS),                                                               \
            .item_size = sizeof(LISTENER_TYPE),                                                    \
            .help = "What is listened on." },                                                      \
        { .name = "nats",                                                                          \
            .type = SR_CONF_SECTION,                                                               \
            .offset = offsetof(struct sr_conf_common, nats),                                       \
            .keys = sr_conf_nats_keys,                                                             \
            .help = "The NATS servers of output: nats." },                                         \
        { .name = "publish",                                                                       \
            .type = SR_CONF_SECTION,                                                               \
            .offset = offsetof(struct sr_conf_common, publish),                                    \
            .keys = (PUBLISH),                                                                     \
            .help = "How records are published." },                                                \
        { .name = "queue",                                                                         \
            .type = SR_CONF_SECTION,                                                               \
            .offset = offsetof(struct sr_conf_common, queue),                                      \
            .keys = (QUEUE),                                                                       \
            .help = "What waits between listeners and output." },                                  \
        { .name = "metrics",                                                                       \
            .type = SR_CONF_SECTION,                                                               \
            .offset = offsetof(struct sr_conf_common, metrics),                                    \
            .keys = (METRICS),                                                                     \
            .help = "The HTTP endpoint for /metrics, /healthz, /readyz and /ledger." },            \
        { .name = "tail",                                                                          \
            .type = SR_CONF_SECTION,                                                               \
            .offset = offsetof(struct sr_conf_common, tail),                                       \
            .keys = sr_conf_tail_keys,                                                             \
            .help = "Where serviceradar-cli tail listens to the records." },                       \
        { .name = "log",                                                                           \
            .type = SR_CONF_SECTION,                                                               \
            .offset = offsetof(struct sr_conf_common, log),                                        \
            .keys = sr_conf_log_keys,                                                              \
            .help = "Log lines, on standard error." },                                             \
    {                                                                                              \
        .name = "shutdown_timeout", .type = SR_CONF_DURATION,                                      \
        .offset = offsetof(struct sr_conf_common, shutdown_timeout), .def = "10s",                 \
        .max = 3600000000000ULL, .reload = SR_CONF_RELOAD,                                         \
        .help = "How long a stop may take to empty the queue."                                     \
    }

/* The rows of struct sr_conf_publish; DEAD_LETTER is the default of its key, "true" or "false". */
#define SR_CONF_PUBLISH_KEYS(DEAD_LETTER)                                                          \
    { .name = "batch",                                                                             \
        .type = SR_CONF_SECTION,                                                                   \
        .offset = offsetof(struct sr_conf_publish, batch),                                         \
        .keys = sr_conf_batch_keys,                                                                \
        .help = "Many records in one message; of output: nats and discard." },                     \
    {                                                                                              \
        .name = "dead_letter", .type = SR_CONF_BOOL,                                               \
        .offset = offsetof(struct sr_conf_publish, dead_letter), .def = (DEAD_LETTER),             \
        .help = "Publish what cannot be decoded, raw, to SUBJECT.deadletter."                      \
    }

/* The rows of struct sr_conf_queue, with the directory that is used when none is named. */
#define SR_CONF_QUEUE_KEYS(DIR)                                                                    \
    { .name = "durability",                                                                        \
        .type = SR_CONF_CHOICE,                                                                    \
        .offset = offsetof(struct sr_conf_queue, durability),                                      \
        .def = "spill",                                                                            \
        .choices = sr_conf_durability_names,                                                       \
        .help = "memory; spill: to disk when memory gets short and at a stop; always: to disk "    \
                "before anything else, so that a kill loses nothing. Of output: nats." },          \
        { .name = "memory",                                                                        \
            .type = SR_CONF_SIZE,                                                                  \
            .offset = offsetof(struct sr_conf_queue, memory),                                      \
            .def = "64MiB",                                                                        \
            .min = 1048576,                                                                        \
            .max = 1099511627776,                                                                  \
            .help = "Bytes that may wait in memory." },                                            \
        { .name = "disk",                                                                          \
            .type = SR_CONF_SIZE,                                                                  \
            .offset = offsetof(struct sr_conf_queue, disk),                                        \
            .def = "2GiB",                                                                         \
            .min = 1048576,                                                                        \
            .max = 1099511627776,                                                                  \
            .help = "Bytes that may wait on disk; at least queue.memory." },                       \
        { .name = "dir",                                                                           \
            .type = SR_CONF_STRING,                                                                \
            .offset = offsetof(struct sr_conf_queue, dir),                                         \
            .def = (DIR),                                                                          \
            .check = sr_conf_check_queue_dir,                                                      \
            .help = "Directory of what waits on disk; one for each instance." },                   \
    {                                                                                              \
        .name = "fsync", .type = SR_CONF_CHOICE, .offset = offsetof(struct sr_conf_queue, fsync),  \
        .def = "interval", .choices = sr_conf_fsync_names,                                         \
        .help = "Against the loss of power: never, or once a second."                              \
    }

/* The rows of struct sr_conf_listener. */
#define SR_CONF_LISTENER_KEYS(PROTOCOLS, PROTOCOL, LISTEN, SUBJECT, RECEIVE_BUFFER)                \
    { .name = "protocol",                                                                          \
        .type = SR_CONF_CHOICE,                                                                    \
        .offset = offsetof(struct sr_conf_listener, protocol),                                     \
        .def = (PROTOCOL),                                                                         \
        .choices = (PROTOCOLS),                                                                    \
        .help = "What the listener speaks." },                                                     \
        { .name = "listen",                                                                        \
            .type = SR_CONF_STRING,                                                                \
            .offset = offsetof(struct sr_conf_listener, listen),                                   \
            .def = (LISTEN),                                                                       \
            .check = sr_conf_check_listen,                                                         \
            .help =                                                                                \
                "Receives on udp://HOST:PORT ([::]: every address), tcp://HOST:PORT where "        \
                "streams are taken, tls://HOST:PORT for these with TLS, unix://PATH (streams) "    \
                "and unixgram://PATH (datagrams) where programs of this host send, or "            \
                "fd://NAME of systemd." },                                                         \
        { .name = "subject",                                                                       \
            .type = SR_CONF_STRING,                                                                \
            .offset = offsetof(struct sr_conf_listener, subject),                                  \
            .def = (SUBJECT),                                                                      \
            .check = sr_conf_check_subject,                                                        \
            .help = "NATS subject of the records; dead letters go to SUBJECT.deadletter." },       \
        { .name = "workers",                                                                       \
            .type = SR_CONF_UINT,                                                                  \
            .offset = offsetof(struct sr_conf_listener, workers),                                  \
            .def = "1",                                                                            \
            .min = 1,                                                                              \
            .max = 64,                                                                             \
            .help = "Receiving threads, each with a socket of its own." },                         \
        { .name = "receive_buffer",                                                                \
            .type = SR_CONF_SIZE,                                                                  \
            .offset = offsetof(struct sr_conf_listener, receive_buffer),                           \
            .def = (RECEIVE_BUFFER),                                                               \
            .min = 65536,                                                                          \
            .max = 1073741824,                                                                     \
            .help = "Bytes that the kernel holds for each socket." },                              \
        { .name = "allow",                                                                         \
            .type = SR_CONF_STRINGS,                                                               \
            .offset = offsetof(struct sr_conf_listener, allow),                                    \
            .max = 256,                                                                            \
            .reload = SR_CONF_RELOAD,                                                              \
            .check = sr_conf_check_allow,                                                          \
            .help = "Addresses and networks that may send; empty: all that deny does not name." }, \
        { .name = "deny",                                                                          \
            .type = SR_CONF_STRINGS,                                                               \
            .offset = offsetof(struct sr_conf_listener, deny),                                     \
            .max = 256,                                                                            \
            .reload = SR_CONF_RELOAD,                                                              \
            .check = sr_conf_check_deny,                                                           \
            .help = "Addresses and networks that may not; of both lists the smallest network "     \
                    "that an address is in decides." },                                            \
    {                                                                                              \
        .name = "compat", .type = SR_CONF_CHOICE,                                                  \
        .offset = offsetof(struct sr_conf_listener, compat), .def = "native",                      \
        .choices = sr_conf_compat_names,                                                           \
        .help = "Corrected values, or upstream's bytes; strict formats give those always."         \
    }

/* The row that a program with streams adds to those of SR_CONF_COMMON_KEYS. */
#define SR_CONF_STREAM_BUFFERS_KEYS                                                                \
    {                                                                                              \
        .name = "stream_buffers", .type = SR_CONF_SIZE,                                            \
        .offset = offsetof(struct sr_conf_common, stream_buffers), .def = "32MiB", .min = 1048576, \
        .max = 1099511627776,                                                                      \
        .help = "Bytes that pieces of messages may take, of all connections together."             \
    }

/* The rows that a program with streams adds to its listeners; PER_SOURCE is the default of its key.
 */
#define SR_CONF_STREAM_KEYS(PER_SOURCE)                                                            \
    { .name = "connections",                                                                       \
        .type = SR_CONF_UINT,                                                                      \
        .offset = offsetof(struct sr_conf_listener, connections),                                  \
        .def = "256",                                                                              \
        .min = 1,                                                                                  \
        .max = 16384,                                                                              \
        .help = "Connections of a tcp:// or tls:// listener at once; more are closed at once." },  \
        { .name = "connections_per_source",                                                        \
            .type = SR_CONF_UINT,                                                                  \
            .offset = offsetof(struct sr_conf_listener, connections_per_source),                   \
            .def = (PER_SOURCE),                                                                   \
            .max = 16384,                                                                          \
            .help = "Of these, of one address; 0: all." },                                         \
        { .name = "proxy_protocol",                                                                \
            .type = SR_CONF_CHOICE,                                                                \
            .offset = offsetof(struct sr_conf_listener, proxy_protocol),                           \
            .def = "off",                                                                          \
            .choices = sr_conf_proxy_names,                                                        \
            .help = "Whether a balancer says at the beginning of each connection who makes it "    \
                    "(PROXY protocol, version 1 or 2); who else connects is then refused." },      \
        { .name = "balancers",                                                                     \
            .type = SR_CONF_STRINGS,                                                               \
            .offset = offsetof(struct sr_conf_listener, balancers),                                \
            .max = 256,                                                                            \
            .check = sr_conf_check_balancers,                                                      \
            .help = "Addresses and networks of the balancers, which alone may connect with "       \
                    "proxy_protocol; empty: all. allow and deny are about whom they name." },      \
        { .name = "idle_timeout",                                                                  \
            .type = SR_CONF_DURATION,                                                              \
            .offset = offsetof(struct sr_conf_listener, idle_timeout),                             \
            .def = "1h",                                                                           \
            .max = 86400000000000ULL,                                                              \
            .help = "A connection without a whole message for so long is closed; 0: never." },     \
    {                                                                                              \
        .name = "tls", .type = SR_CONF_SECTION, .offset = offsetof(struct sr_conf_listener, tls),  \
        .keys = sr_conf_tls_server_keys,                                                           \
        .help = "Certificates of a tls:// listener, or of a socket of fd:// that takes TLS."       \
    }

/* The row that a program with Unix sockets adds. */
#define SR_CONF_UNIX_KEYS                                                                          \
    {                                                                                              \
        .name = "mode", .type = SR_CONF_STRING, .offset = offsetof(struct sr_conf_listener, mode), \
        .def = "0666", .check = sr_conf_check_mode,                                                \
        .help = "Who may write to the path of a unix:// or unixgram:// listener, in octal."        \
    }

/* The PATH of "unix://PATH", borrowed; NULL when `listen` has another form. Checks no more. */
const char *sr_conf_unix_path(const char *listen);

/* The same of "unixgram://PATH". */
const char *sr_conf_unixgram_path(const char *listen);

/* The bits of a listener's `mode`, which passed its check. */
unsigned sr_conf_mode(const struct sr_conf_listener *l);

/*
 * The whole-configuration check that all programs share: outputs, URLs, certificates, listeners of
 * `listener_size` bytes each.
 */
void sr_conf_common_check(
    const void *config, size_t listener_size, struct sr_conf_problems *problems);

/*
 * Splits "udp://ADDRESS:PORT", "tcp://[ADDRESS]:PORT" or "tls://ADDRESS:PORT": *ret_host (borrowed
 * by length) and *ret_port. NULL when fine, else what is wrong and what to write instead.
 */
const char *sr_conf_address(
    const char *listen, const char **ret_host, size_t *ret_host_len, unsigned *ret_port);

/* True for "tcp://...", "tls://..." and "unix://...". */
bool sr_conf_is_stream(const char *listen);

/* True when a listener's connections are TLS. */
bool sr_conf_has_tls(const struct sr_conf_listener *l);

/* What is wrong with the sections `tls` of all listeners, and with the files that they name. */
void sr_conf_check_tls(
    const struct sr_conf_common *c, size_t listener_size, struct sr_conf_problems *problems);

/* When root checks a configuration: which of these files the service's user cannot read. */
void sr_conf_tell_tls_modes(const struct sr_conf_common *c, size_t listener_size, FILE *out);

/* The NAME of "fd://NAME", borrowed; NULL when `listen` has another form. Checks no more. */
const char *sr_conf_fd_name(const char *listen);

#endif
