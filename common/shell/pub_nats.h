/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_PUB_NATS_H_INCLUDED
#define SHELL_PUB_NATS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shell/pub_lanes.h"
#include "sr/conf_common.h"
#include "sr/wake.h"

/*
 * One connection to NATS and one attempt to make it: all that the daemons know of nats.c. Called
 * from the publisher's thread; nats.c's own threads only fill a ring of answers and wake it.
 */
struct pub_link;
struct pub_attempt;

#define PUB_TEXT_MAX 320

enum pub_attempt_state {
    PUB_ATTEMPT_RUNNING = 0,
    PUB_ATTEMPT_UP,     /* there is a link */
    PUB_ATTEMPT_FAILED, /* there is an error text */
};

/*
 * Starts to connect to `url`, in a thread of its own that may hang for ever:
 * natsConnection_Connect() does so when the server accepts TLS and stays silent. Files named in
 * `conf` are read anew. `conf`, `url` and `name` are borrowed for the call, `wake` is signalled at
 * the end. NULL with `error` filled when a file cannot be used.
 */
struct pub_attempt *pub_attempt_start(const struct sr_conf_nats *conf, const char *url,
    const char *name, struct sr_wake *wake, char *error, size_t error_size);

/*
 * How it stands. PUB_ATTEMPT_UP gives the link to the caller; with UP and FAILED the attempt is
 * gone.
 */
enum pub_attempt_state pub_attempt_poll(
    struct pub_attempt *a, struct pub_link **ret_link, char *error, size_t error_size);

/* Waits no more: whatever comes of it is cleaned up by its own thread. NULL is fine. */
void pub_attempt_abandon(struct pub_attempt *a);

/* Attempts of this process whose threads still run, the abandoned ones too. From any thread. */
unsigned pub_attempts_running(void);
/* How many abandoned attempts of this process still hang, each with a thread and a socket. */
unsigned pub_attempts_abandoned(void);

/* An answer to a message, told to the taker of pub_link_answers(). */
struct pub_answer {
    uint64_t number;
    uint8_t refusal; /* enum sr_refusal; SR_REFUSAL_NONE: stored */
    bool duplicate;
};
typedef void (*pub_take_answer)(void *arg, const struct pub_answer *answer);

/* Gives the answers that have come in to `take`. Only a refusal wakes the publisher. */
void pub_link_answers(struct pub_link *l, pub_take_answer take, void *arg);

/* A pub_send: publishes one message. */
bool pub_link_send(void *link, const struct pub_message *message);

/* The next subject that the server forbids to publish on; false: no more. */
bool pub_link_forbidden(struct pub_link *l, char *subject, size_t size);

/* The last other complaint of the server, once; false: none. */
bool pub_link_complaint(struct pub_link *l, char *text, size_t size);

/* True when the server has said that it is about to shut down ("lame duck mode"). */
bool pub_link_is_leaving(const struct pub_link *l);

/* True when nats.c has closed the connection; pub_link_complaint() may say why. */
bool pub_link_is_closed(struct pub_link *l);

/* True when it is closed and none of its callbacks runs or will run. */
bool pub_link_is_idle(struct pub_link *l);

/* Request and reply, for at most `timeout_ms`. Returns owned text or NULL. */
char *pub_link_request(
    struct pub_link *l, const char *subject, const char *body, int64_t timeout_ms);

/* What the server takes now; it may tell another limit at any time. */
size_t pub_link_max_payload(struct pub_link *l);
uint64_t pub_link_garbage(const struct pub_link *l);
void pub_link_url(const struct pub_link *l, char *out, size_t size);

/* Closes the connection. Callbacks may still run until pub_link_is_idle(). */
void pub_link_close(struct pub_link *l);

/* Frees a link that is idle, or never was connected. */
void pub_link_free(struct pub_link *l);

/*
 * Ends the library's own threads and waits for them, for `timeout_ms` at most, so that none runs
 * while the process ends. After the last link is freed and no attempt runs.
 */
void pub_library_close(int64_t timeout_ms);

#endif
