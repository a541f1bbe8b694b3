/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_V3_DESK_H_INCLUDED
#define TESTS_UNIT_V3_DESK_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "decode/v3.h"
#include "sr/span.h"
#include "usm/usm.h"

/* Where messages of v3 that others sent (tests/golden/snmp) are opened, changed and signed again.
 */

#define SECOND UINT64_C(1000000000)
#define V3_DESK_NOW (UINT64_C(1795348800) * SECOND)
#define V3_MESSAGE_ROOM 1024

struct v3_sender {
    const char *name;
    enum usm_auth auth;
    enum usm_priv priv;
    const char *auth_password, *priv_password;
};

/* One message, and room for changing it. */
struct v3_sent {
    uint8_t bytes[V3_MESSAGE_ROOM];
    size_t len;
};

extern struct v3_desk {
    json_t *cases;                                   /* all of v3, by name */
    struct usm_users *everybody;                     /* who sent them */
    struct v3_sent noauth, sha, sha_aes192, md5_des; /* some of them */
} v3_desk;

/* For cmocka: fill and empty `v3_desk`. */
int v3_desk_begin(void **state);
int v3_desk_end(void **state);

struct v3_sent v3_desk_message(const json_t *item);
struct v3_sent v3_desk_named(const char *name);

enum usm_err v3_desk_add(
    struct usm_users *users, const struct v3_sender *sender, enum usm_minimum minimum);

/* With room for `keys`, 0: the default. */
struct usm_receiver *v3_desk_receiver(
    const struct usm_users *users, enum usm_time_policy time, uint32_t keys);

/* Why the message is not opened, or NULL. It is read from and into memory of exactly its size. */
const char *v3_desk_open_at(
    struct usm_receiver *receiver, uint64_t when, const struct v3_sent *message);

/* The same now; `reason` is "opened" for NULL. */
void v3_desk_expect(
    struct usm_receiver *receiver, const struct v3_sent *message, const char *reason);

/* The parts of the message, which borrow its bytes. */
struct v3_message v3_desk_head(const struct v3_sent *message);

/* A part of the message, to be changed. */
uint8_t *v3_desk_within(struct v3_sent *message, struct sr_span part);

/* Where the PDU of a message in clear is. */
size_t v3_desk_pdu_at(const struct v3_sent *message);

/* Gives the message the MAC that its sender would give it, as far as there is room. */
void v3_desk_sign(struct v3_sent *message, enum usm_auth auth, const char *password);

#endif
