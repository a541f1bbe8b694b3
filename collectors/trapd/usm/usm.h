/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_USM_H_INCLUDED
#define TRAPD_USM_USM_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "decode/config.h"
#include "sr/span.h"
#include "usm/engine.h"
#include "usm/key.h"
#include "usm/times.h"

/* Receiving messages of SNMPv3 from users of the User-based Security Model (RFC 3414). */

/* The least that messages of a user must have. */
enum usm_minimum {
    USM_MINIMUM_STRONGEST = 0, /* what the keys of the user allow */
    USM_MINIMUM_NO_AUTH,
    USM_MINIMUM_AUTH,
    USM_MINIMUM_PRIV,
};

/* As configured: "strongest", "noAuthNoPriv", "authNoPriv", "authPriv"; ended by NULL. */
extern const char *const usm_minimum_names[];

struct usm_user_options {
    const char *name; /* 1 to 32 bytes */
    enum usm_auth auth;
    enum usm_priv priv;
    const char *auth_password; /* NULL when auth is none */
    const char *priv_password; /* NULL when priv is none */
    /* Whose messages: engines of these ids, and those whose ids begin so; 1 to 32 bytes each. With
     * neither any engine's. */
    const struct sr_span *engines;
    size_t engine_count;
    const struct sr_span *prefixes;
    size_t prefix_count;
    enum usm_minimum minimum;
};

/* Why a user cannot be taken. */
enum usm_err {
    USM_OK = 0,
    USM_ENAME,      /* the name is empty or longer than 32 bytes */
    USM_EPRIV,      /* a cipher without authentication: there is no such level */
    USM_EPASSWORD,  /* a password is missing or shorter than 8 characters */
    USM_EENGINE,    /* an engine id is empty or longer than 32 bytes */
    USM_EMINIMUM,   /* more than the keys allow, or noAuthNoPriv though there are keys */
    USM_ENAMESAKES, /* more users of one name than a message may be tried with */
    USM_EALGORITHM, /* this OpenSSL does not offer it */
    USM_ENOMEM,
};

/* A sentence for `err`. Static. */
const char *usm_strerror(enum usm_err err);

/*
 * Users, complete before the first message and not changed after that: any number of threads then
 * reads them. Returns owned; NULL without memory. Their keys are wiped when they are freed.
 */
struct usm_users;
struct usm_users *usm_users_new(void);
void usm_users_free(struct usm_users *users);

/*
 * Adds a user; names may come again with other keys or engines, which are then tried in the order
 * they were added. Takes some ms per password to make the keys. Borrows for the call only.
 */
enum usm_err usm_users_add(struct usm_users *users, const struct usm_user_options *options);

/*
 * How many users of one name there may be: of any engine or with prefixes, and of each engine that
 * is listed. So a
 * message with a wrong MAC is tried with twice as many at most: one that is as long as UDP lets it
 * be takes 0.1 ms each time. And how many in all, each of which is looked at.
 */
#define USM_NAMESAKES_OF_ENGINE 4U
#define USM_NAMESAKES_MAX 4096U

size_t usm_users_count(const struct usm_users *users);

/*
 * Reads messages for one thread, and answers them: keeps keys of engines it has heard, and their
 * clocks, which other threads may share. Only messages whose MAC was right leave a trace.
 */
struct usm_receiver;

struct usm_receiver_options {
    enum usm_time_policy time;
    uint32_t keys;             /* kept localized, some 2 KiB each; 0: USM_KEYS_DEFAULT */
    uint32_t engines;          /* whose clocks are kept; 0: USM_ENGINES_DEFAULT */
    struct usm_times *times;   /* the clocks, shared with others; NULL: its own */
    struct usm_engine *engine; /* ours, shared with others; NULL: nobody is answered */
};

#define USM_KEYS_DEFAULT 2048U
#define USM_ENGINES_DEFAULT 16384U

/* Borrows `users`, and what of the options is shared. Returns owned; NULL without memory, or with
 * room for more than USM_TABLE_MAX. */
struct usm_receiver *usm_receiver_new(
    const struct usm_users *users, const struct usm_receiver_options *options);
void usm_receiver_free(struct usm_receiver *receiver);

/*
 * Other users from now on, as after a reload: the clocks of engines stay, so that nothing old
 * passes. Borrows the new ones, lets go of the old ones.
 */
void usm_receiver_set_users(struct usm_receiver *receiver, const struct usm_users *users);

/*
 * The receiver as what datagrams are decoded with; valid as long as the receiver. Its reasons are
 * those of v3_reason(), those of trap_reason() for the PDU, and these:
 *
 *   v3_unknown_user    nobody of this name
 *   v3_unknown_engine  a user, but not of this engine
 *   v3_level           less than the user must have, or more than the keys of the user allow
 *   v3_auth            the MAC is wrong
 *   v3_time            outside of the time window
 *   v3_too_long        more bytes of DES than may be decrypted in a datagram's time
 *   v3_decrypt         the MAC is right, but there is no scoped PDU in what was decrypted
 *
 *   discovery          (is_exchange) a request that asks for our engine id: RFC 3414 section 4
 *   resynchronised     (is_exchange) a request for our engine outside of the time window, whose
 *                      sender learns our clock and sends it again
 *
 * Of several users of one name the one that came farthest tells. The first encrypted message of an
 * engine takes some ms where usm_key_for_cipher() hashes a MiB.
 *
 * answer() writes the response to an inform that names our engine, and at most one report (RFC 3414
 * section 3.2) for a request that is refused, or names another engine.
 */
struct trap_opener usm_receiver_opener(struct usm_receiver *receiver);

struct usm_receiver_counts {
    uint32_t keys;         /* localized and kept now */
    uint64_t keys_evicted; /* to make room for others */
    struct usm_times_counts times;
};
struct usm_receiver_counts usm_receiver_counts(const struct usm_receiver *receiver);

#endif
