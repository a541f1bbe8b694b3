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

struct sr_conf_publish {
    bool dead_letter;
};

struct sr_conf_queue {
    int durability;  /* one choice today: memory */
    uint64_t memory; /* bytes */
};

struct sr_conf_metrics {
    const char *listen; /* "ADDRESS:PORT", or "off" */
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
    struct sr_conf_log log;
    uint64_t shutdown_timeout; /* ns */
};

/* The head of every program's listener. */
struct sr_conf_listener {
    int protocol;       /* one choice a program: its own */
    const char *listen; /* udp://ADDRESS:PORT */
    const char *subject;
    uint64_t workers;
    uint64_t receive_buffer; /* bytes */
    int compat;              /* enum sr_compat */
};

/* The rows of both structs for a program's tables; see conf_common.c. */
#define SR_CONF_COMMON_ROWS 13
extern const struct sr_conf_key sr_conf_nats_keys[];
extern const struct sr_conf_key sr_conf_file_keys[];
extern const struct sr_conf_key sr_conf_publish_keys[];
extern const struct sr_conf_key sr_conf_queue_keys[];
extern const struct sr_conf_key sr_conf_log_keys[];
extern const char *const sr_conf_output_names[];
extern const char *const sr_conf_compat_names[];

/* The whole-configuration check that all programs share: outputs, URLs, certificates. */
void sr_conf_common_check(const void *config, struct sr_conf_problems *problems);

/*
 * Splits "udp://ADDRESS:PORT" or "udp://[ADDRESS]:PORT": *ret_host (borrowed by length) and
 * *ret_port. NULL when fine, else what is wrong and what to write instead.
 */
const char *sr_conf_udp_address(
    const char *listen, const char **ret_host, size_t *ret_host_len, unsigned *ret_port);

#endif
