/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_H_INCLUDED
#define CLI_SEND_SEND_H_INCLUDED

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/peer.h"
#include "sr/span.h"

/*
 * What `replay` and `load` send with: messages to one host, as datagrams or over connections, from
 * one or many sources, each at its time. One thread.
 */

/* Messages for one call of send_items() at most. */
#define SEND_BATCH_MAX 64U

/* Longest sentence of this module, with its NUL. */
#define SEND_MESSAGE_MAX 512

/* Sockets or connections at most. */
#define SEND_SOURCES_MAX 10000U

struct sender;

enum send_err {
    SEND_OK,
    SEND_ETARGET,  /* not udp|tcp|tls://HOST:PORT: a usage error */
    SEND_EFOREIGN, /* not of this host, and that was not allowed: a usage error */
    SEND_ECONNECT, /* the name does not resolve, nobody listens, TLS failed, ... */
};

/* How messages are told apart over connections. */
enum send_framing {
    SEND_NEWLINES, /* RFC 6587 section 3.4.2; a message with a newline of its own is cut there */
    SEND_OCTETS,   /* RFC 6587 section 3.4.1, RFC 5425 section 4.3 */
    SEND_AS_IT_IS, /* messages that say how long they are: IPFIX, RFC 7011 section 10.4 */
};

/* A message, when it goes and from whom. Bytes are borrowed until send_items() returns. */
struct send_item {
    struct sr_span bytes;
    uint64_t due_ns;   /* after send_start(); with a rate or a flood it is not looked at */
    uint64_t sequence; /* for `sent`: any number */
    uint32_t records;  /* for `sent`: what is made of it */
    uint32_t source;   /* index below `sources` */
    uint16_t port;     /* of the target, 0: the URL's; only of datagrams */
};

/* Strings are borrowed until send_close(). */
struct send_options {
    const char *to;                  /* udp|tcp|tls://HOST:PORT, IPv6 in brackets */
    bool anywhere;                   /* hosts other than this one, too */
    uint32_t sources;                /* sockets or connections, 1 to SEND_SOURCES_MAX */
    const struct sr_peer *addresses; /* NULL, or `sources` own addresses (of 127/8) to send from */
    enum send_framing framing;
    const char *ca_file;   /* NULL: the system's authorities */
    const char *cert_file; /* NULL: none is shown */
    const char *key_file;
    uint64_t rate;                     /* messages a second; 0: each at its time */
    bool flood;                        /* as fast as they are taken */
    const volatile sig_atomic_t *stop; /* set by a signal handler */
    /*
     * Told of each message that was given to the network, behind it; `wall_ns` is from before the
     * call that did so. NULL or with `arg`.
     */
    void (*sent)(void *arg, const struct send_item *item, uint64_t wall_ns);
    void *arg;
    /* Told what somebody should know at once, as a sentence; NULL or with `show`. */
    void (*tell)(void *show, const char *text);
    /* Called now and then while something is waited for; NULL or with `show`. */
    void (*waiting)(void *show);
    void *show;
};

/* What went through; each message that was taken is counted in one of the first four. */
struct send_totals {
    uint64_t sent;        /* given to the network, and not lost since */
    uint64_t too_long;    /* larger than a datagram can be, or than the framing allows; not sent */
    uint64_t lost;        /* a connection ended, and the receiving host does not have them */
    uint64_t unsent;      /* stopped by a signal or an error before their turn */
    uint64_t bytes;       /* of those sent, without framing */
    uint64_t refused;     /* datagrams that came back: nothing listens there */
    uint64_t late_ns;     /* the largest delay behind its time that a message was sent with */
    uint64_t stalled_ns;  /* connections were waited for because the receiver did not read */
    uint64_t reconnected; /* connections that were made again */
    int error;            /* errno that ended sending, or 0 */
};

/*
 * Resolves, connects (all connections, with their handshakes) and binds. Returns owned: send_close.
 * On an error `message` (SEND_MESSAGE_MAX bytes) holds a sentence with a remedy.
 */
enum send_err send_open(const struct send_options *options, struct sender **ret, char *message);

/* From now on times count. */
void send_start(struct sender *s);

/* How many messages are best given at once for an even flow; at most SEND_BATCH_MAX. */
size_t send_batch_size(const struct sender *s);

/*
 * How long it is, in ns, until the time of a message that will be given with `ahead` others before
 * it, which were not given yet; 0 when that is past, and in a flood.
 */
uint64_t send_wait_ns(const struct sender *s, const struct send_item *item, size_t ahead);

/*
 * Waits for the time of each of the `count` (at most SEND_BATCH_MAX) messages and sends it. A
 * socket without room is waited for. Returns false when sending has come to its end: a signal, or
 * send_totals()->error.
 */
bool send_items(struct sender *s, const struct send_item *items, size_t count);

/*
 * Ends connections in order: what they were given is taken by the receiver or counted as lost, for
 * at most 10 s. For datagrams waits a moment for refusals. Returns the seconds from send_start() to
 * the end of the last message.
 */
double send_finish(struct sender *s);

/* Borrowed from the sender. */
const struct send_totals *send_totals(const struct sender *s);

/* What went wrong since, or "". Borrowed from the sender. */
const char *send_message(const struct sender *s);

/* Closes and frees; NULL is allowed. */
void send_close(struct sender *s);

#endif
