/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_V3_TALK_H_INCLUDED
#define TESTS_UNIT_V3_TALK_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/message.h"
#include "usm/engine.h"
#include "usm/usm.h"
#include "v3_desk.h"

/* Messages of v3 as others may send them to an engine of ours, and what it answers. */

#define V3_AUTH_PASSWORD "authpass12345"
#define V3_PRIV_PASSWORD "privpass12345"
#define V3_OUR_ID "80001f88050102030405060708090a0b0c"
#define V3_OTHER_ID "80001f88050c0b0a090807060504030201"

/* What the clock of all engines shows; v3_talk_engine() sets it to 1000. */
extern uint32_t v3_talk_seconds;

/* An engine whose next salts are the last two numbers, and 0. */
void v3_talk_engine(struct usm_engine *engine, const char *hex, uint32_t boots);

/* Answers as `engine`, within the time window. */
struct usm_receiver *v3_talk_receiver(const struct usm_users *users, struct usm_engine *engine);

/* What a message was opened as, and the answer to it; all of it in memory of its exact size. */
struct v3_exchange {
    uint8_t *bytes, *plain;
    struct trap_message opened;
    const char *reason; /* "opened" */
    struct v3_sent answer;
};

struct v3_exchange v3_talk(struct usm_receiver *receiver, const struct v3_sent *message);
void v3_talk_end(struct v3_exchange *e);

struct v3_shape {
    const struct v3_sender *sender;
    enum trap_level level;
    enum trap_pdu pdu;
    const char *engine; /* hexadecimal */
    uint32_t boots, time;
    bool is_quiet; /* not reportable */
    uint32_t max_size;
    const char *auth_password, *priv_password; /* others than the sender's; NULL: the sender's */
};

/* A message with the msgID 4711, the request-id 77 and one varbind. */
struct v3_sent v3_talk_message(const struct v3_shape *shape);

extern const struct v3_sender v3_talk_no_auth, v3_talk_sha, v3_talk_sha_aes, v3_talk_sha_des;

/* An encrypted inform for V3_OUR_ID with the boots 5, in time. */
extern const struct v3_shape v3_talk_inform;

#endif
