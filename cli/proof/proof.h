/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROOF_PROOF_H_INCLUDED
#define CLI_PROOF_PROOF_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trouble.h"

/*
 * Proof that a collector's credentials work, without storing anything: connect, then publish on
 * each subject with the header Nats-Expected-Stream naming a stream that cannot be. The stream that
 * captures the subject refuses that with error 10060, which proves permission and capture; "no
 * responders" (503) means that no stream captures it; a permission error comes by itself.
 */

enum proof_result {
    PROOF_OK = 0,
    PROOF_CREDS,      /* the credentials file cannot be used: missing, damaged, expired */
    PROOF_FILES,      /* a TLS file cannot be used */
    PROOF_DNS,        /* the host's name is not known */
    PROOF_TCP,        /* nothing accepts a connection there */
    PROOF_SILENT,     /* it accepts and stays silent */
    PROOF_NOT_NATS,   /* something answers that is no NATS server */
    PROOF_PLAINTEXT,  /* the server offers no TLS */
    PROOF_TLS_CA,     /* the server's certificate is not of our CA */
    PROOF_TLS_NAME,   /* ... is for another name */
    PROOF_TLS_TIME,   /* ... has expired or is not yet valid, or our clock is wrong */
    PROOF_TLS_CLIENT, /* the server wants a client certificate, or refuses ours */
    PROOF_TLS_OTHER,
    PROOF_AUTH,         /* the server refuses the credentials: revoked, foreign, expired there */
    PROOF_PERMISSION,   /* publishing on `subject` is refused */
    PROOF_NO_STREAM,    /* nothing captures `subject` */
    PROOF_NO_INBOX,     /* no answer may be heard: the inbox is refused */
    PROOF_NO_ANSWER,    /* the stream did not answer in time */
    PROOF_STREAM_ERROR, /* the stream answered with another refusal; it is in the cause */
    PROOF_MEMORY,
};

#define PROOF_SUBJECTS_MAX 8

/* Strings are borrowed for the call; NULL is "none". */
struct proof_target {
    const char *const *urls; /* NULL behind the last: tls:// or nats://, tried in order */
    const char *creds_file;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *inbox_prefix;    /* NULL: taken from the credentials */
    const char *const *subjects; /* NULL behind the last; at most PROOF_SUBJECTS_MAX */
    unsigned timeout_ms;         /* of each step */
};

struct proof_report {
    enum proof_result result;
    char url[256];           /* the one that was spoken to last */
    char subject[128];       /* of PROOF_PERMISSION, _NO_STREAM, _NO_ANSWER, _STREAM_ERROR */
    char stream[128];        /* that captures the last subject, where the server said so */
    char server_version[32]; /* empty before it said so */
    int64_t clock_offset_s;  /* server's time minus ours, from TLS or the server; 0 unknown */
    int64_t payload_max;     /* bytes; 0 unknown */
    struct trouble trouble;  /* cause and remedy, when result is not PROOF_OK */
};

/* Proves all subjects, with at most some 5 steps of `timeout_ms`. Stores nothing anywhere. */
enum proof_result proof_run(const struct proof_target *target, struct proof_report *ret_report);

/*
 * Asks a question of the server or of JetStream ("$JS.API.INFO") as the target's user; its subjects
 * do not count. `*ret_answer` is the answer's text, owned. PROOF_NO_STREAM: nobody answers there.
 */
enum proof_result proof_ask(const struct proof_target *target, const char *subject,
    char **ret_answer, struct proof_report *ret_report);

/* A word for scripts: "ok", "credentials", "dns", "tcp", ..., static. */
const char *proof_word(enum proof_result result);

#endif
