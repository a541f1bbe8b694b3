/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCTOR_CONF_H_INCLUDED
#define CLI_DOCTOR_CONF_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the doctor wants to know of a configuration, out of what `DAEMON --print-config` prints. */

#define DOCTOR_URLS_MAX 8
#define DOCTOR_LISTENERS_MAX 16
#define DOCTOR_TEXT_MAX 513

struct doctor_listener {
    char listen[128]; /* udp://0.0.0.0:514 */
    char subject[128];
    uint64_t receive_buffer; /* bytes */
    bool held;               /* set by the check of its port: systemd has the socket */
};

/* Texts are empty where nothing is set. */
struct doctor_conf {
    bool to_nats; /* output: nats */
    char urls[DOCTOR_URLS_MAX][256];
    size_t url_count;
    char creds_file[DOCTOR_TEXT_MAX];
    char ca_file[DOCTOR_TEXT_MAX];
    char cert_file[DOCTOR_TEXT_MAX];
    char key_file[DOCTOR_TEXT_MAX];
    char stream[128];
    char inbox_prefix[256]; /* empty for "auto" */
    bool dead_letter;
    char queue_dir[DOCTOR_TEXT_MAX];
    uint64_t queue_disk; /* bytes */
    char metrics[128];   /* ADDRESS:PORT; empty: off */
    struct doctor_listener listeners[DOCTOR_LISTENERS_MAX];
    size_t listener_count;
};

/* Reads the YAML that a daemon prints. False when it is no such text. */
bool doctor_conf_read(const char *text, size_t len, struct doctor_conf *ret_conf);

#endif
