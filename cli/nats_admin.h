/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_NATS_ADMIN_H_INCLUDED
#define CLI_NATS_ADMIN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * What the tools ask of a NATS server: a connection of one user, its streams, and whether something
 * is refused. All calls block, with the bounds that are given here.
 */
struct admin;

enum admin_err {
    ADMIN_OK = 0,
    ADMIN_ECONNECT,  /* no server there, or TLS failed */
    ADMIN_EAUTH,     /* the server refused the credentials, five times in a row */
    ADMIN_EABSENT,   /* no such stream */
    ADMIN_EREFUSED,  /* the server refused the request */
    ADMIN_ENOANSWER, /* no answer in time, or nobody there to answer */
    ADMIN_ESTALLED,  /* a stream holds more than it delivers */
    ADMIN_ENOMEM,    /* out of memory */
};

/* The version of the NATS library that is loaded. Static. */
const char *admin_library(void);

/* A sentence for `err`, static. */
const char *admin_strerror(enum admin_err err);

/*
 * How to reach a server, and as whom. Strings are borrowed during admin_open. What is in memory
 * counts where it is not NULL, and then its file is not read.
 */
struct admin_target {
    const char *url; /* tls:// */
    bool
        plain_allowed; /* nobody's credentials, and nats:// without TLS where no file asks for it */
    const char *creds_file;
    const char *ca_file;   /* NULL with no authority in memory: the system's */
    const char *cert_file; /* NULL with no certificate in memory: none is shown */
    const char *key_file;
    const char *inbox_prefix; /* NULL for the default */
    const char *ca_pem;
    const char *cert_pem; /* with `key_pem` */
    const char *key_pem;
    const char *jwt; /* with `seed`, "SU..." */
    const char *seed;
};

#define ADMIN_DETAIL_MAX 256

/*
 * Connects, with TLS unless the target allows otherwise. Bounded by some 5 s per attempt; refused
 * credentials are tried five times, since libnats before 3.8 signs wrongly once in 256 times.
 * Returns owned: admin_close. On failure `detail` (ADMIN_DETAIL_MAX bytes) holds what the library
 * or the server said.
 */
enum admin_err admin_open(
    const struct admin_target *target, struct admin **ret_admin, char *detail);

/* Closes the connection; NULL is allowed. */
void admin_close(struct admin *a);

/* What the server said to the last call that failed; never NULL. */
const char *admin_detail(const struct admin *a);

/*
 * Sends a request and returns the reply's text owned, with a NUL behind: free() it. Bounded by 5 s.
 * ADMIN_ENOANSWER when nobody answers, or nobody is there to answer; admin_unheard() tells which.
 */
enum admin_err admin_request(
    struct admin *a, const char *subject, struct sr_span body, char **ret_reply);

/* Whether the last admin_request() had nobody there to answer. */
bool admin_unheard(const struct admin *a);

/* A stream with file storage that refuses new messages when it is full. */
struct admin_stream {
    const char *name;
    const char **subjects;
    size_t subject_count;
    int64_t max_bytes;
    unsigned window_s; /* message ids are remembered so long */
};

/*
 * Makes a stream. One that exists with the same configuration is success. Within 10 s of a server's
 * start JetStream may not answer yet, so ADMIN_ENOANSWER comes only after that.
 */
enum admin_err admin_add_stream(struct admin *a, const struct admin_stream *stream);

/* Called for each subject of a stream with the number of messages it holds. */
typedef void admin_subject_cb(void *arg, const char *subject, uint64_t messages);

/* Lists the subjects that a stream is configured for. ADMIN_EABSENT, _ENOANSWER, _EREFUSED. */
enum admin_err admin_list_subjects(
    struct admin *a, const char *stream, admin_subject_cb *cb, void *arg);

/*
 * Called for each message: its id, NULL when it has none, and how many records it says it holds
 * (1 when it does not say). Both are borrowed during the call.
 */
typedef void admin_message_cb(void *arg, const char *id, uint64_t records);

/*
 * Reads the headers of the first `messages` messages of a subject, in order and each once.
 * ADMIN_ESTALLED when the next one does not come within 10 s.
 */
enum admin_err admin_scan(struct admin *a, const char *stream, const char *subject,
    uint64_t messages, admin_message_cb *cb, void *arg);

/* A message of a stream with the headers that tell its form; borrowed, NULL when there is none. */
struct admin_message {
    const char *subject;
    const char *content_type;
    const char *records; /* Sr-Records */
    const char *reason;  /* Sr-Reason, of a dead letter */
    const char *source;  /* Sr-Source */
    const void *data;
    size_t len;
    uint64_t sequence;
    uint64_t stored_ns; /* the server's wall clock */
    bool is_last;       /* nothing waits behind it now */
};

/* What of a stream is read, from where on, and who gets it. */
struct admin_follow {
    const char *stream;
    const char *subject;      /* NULL: all */
    uint64_t first;           /* begins at this sequence number; 0: by `last` */
    uint64_t last;            /* begins so many messages before the end */
    bool follow;              /* goes on at the end, else it ends there */
    void (*begun)(void *arg); /* NULL, or called when the server reads for us */
    bool (*message)(void *arg, const struct admin_message *message); /* false: enough */
    bool (*idle)(void *arg); /* several times a second while none comes; false: enough */
    void *arg;
};

/*
 * Reads messages in order and each once, by a consumer that goes when the connection does. Without
 * `follow` it ends behind the last, or when for 2 s none comes. ADMIN_EABSENT, _EREFUSED,
 * _ENOANSWER.
 */
enum admin_err admin_follow(struct admin *a, const struct admin_follow *from);

/* Sequence numbers of a stream. One that holds nothing has its next one as its first. */
struct admin_stream_state {
    uint64_t first;
    uint64_t last;      /* of all that it has had, 0 before the first */
    int64_t created_ns; /* the server's wall clock: of one that was made anew it is another */
};

/* ADMIN_EABSENT, _EREFUSED, _ENOANSWER. Bounded by 5 s. */
enum admin_err admin_stream_state(
    struct admin *a, const char *stream, struct admin_stream_state *ret_state);

/*
 * Tries to publish or to subscribe, and waits at most 2 s for the server to say that it is not
 * permitted. ADMIN_ENOANSWER when the connection fails meanwhile.
 */
enum admin_err admin_publish_refused(struct admin *a, const char *subject, bool *ret_refused);
enum admin_err admin_subscribe_refused(struct admin *a, const char *subject, bool *ret_refused);

/* Keeps what arrives on `subject` from now on, for admin_saw. One subject at a time. */
enum admin_err admin_watch(struct admin *a, const char *subject);

/* Whether a message with exactly this text arrived since admin_watch, which this ends. */
enum admin_err admin_saw(struct admin *a, const char *text, bool *ret_seen);

/* Publishes `text` and tells whether nobody in the account heard it: no subscriber, no stream. */
enum admin_err admin_publish_unheard(
    struct admin *a, const char *subject, const char *text, bool *ret_unheard);

#endif
