/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_PARTS_H_INCLUDED
#define CLI_SEND_SEND_PARTS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/send.h"
#include "send/send_target.h"

/* What the files of sending share. Not for others. */

struct datagrams;
struct streams;

struct sender {
    struct send_options options;
    struct send_target target;
    struct send_totals totals;
    struct datagrams *datagrams; /* one of the two */
    struct streams *streams;
    uint64_t start_ns;  /* monotonic */
    uint64_t taken;     /* messages that were given to send_items() */
    uint64_t margin_ns; /* see pace_margin_ns() */
    char message[SEND_MESSAGE_MAX];
};

#define SEND_NS_PER_SECOND 1000000000U

/* The monotonic clock and that of the day, in ns. */
uint64_t send_now_ns(void);
uint64_t send_wall_ns(void);

/* Whether a signal or an error has ended the sending. */
bool send_is_over(const struct sender *s);

/* Counts a message that was given to the network, and tells it. `wall_ns` is asked for once. */
void send_count(struct sender *s, const struct send_item *item, uint64_t *wall_ns);

/* Keeps a sentence for send_message() and tells it. */
void send_tell(struct sender *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What to do when a socket cannot be opened, bound or written to, as "look at ...". */
const char *send_remedy(int error);

/* The own address of a source with port 0, for bind(); false when the kernel chooses. */
bool send_own_address(const struct sender *s, uint32_t source, struct sockaddr_storage *ret);

/* Gives whoever shows the progress a chance, a few times a second. */
void send_waits(struct sender *s);

/* ---- Datagrams ---- */

enum send_err datagrams_open(struct sender *s, char *message);

/* Sends `count` (at most SEND_BATCH_MAX) at once; returns how many of them are settled. */
size_t datagrams_send(struct sender *s, const struct send_item *items, size_t count);

/* Waits a moment for refusals. */
void datagrams_finish(struct sender *s);
void datagrams_close(struct datagrams *d);

/* ---- Connections ---- */

enum send_err streams_open(struct sender *s, char *message);

/* As datagrams_send(); all are settled, be it as lost. */
size_t streams_send(struct sender *s, const struct send_item *items, size_t count);

/* Waits until the receivers have closed their side. */
void streams_finish(struct sender *s);
void streams_close(struct streams *t);

#endif
