/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are refused for a reason, or are a message of v3 at a level that its user may have;
 * what is answered is a message of v3 that asks for nothing and is little longer.
 */
#include <stdlib.h>
#include <string.h>

#include "decode/v3.h"
#include "require.h"
#include "usm/usm.h"

#include "sr/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWER_MORE 200U /* bytes */

static uint32_t
seconds(void *arg)
{
    (void)arg;
    return 1000;
}

/* The engine that the messages of the corpus name. */
static struct usm_engine engine = {
    .id = { 0x80, 0, 0x1f, 0x88, 4, 't', 'r', 'a', 'p', 'd', '1' },
    .id_len = 11,
    .boots = 1,
    .time = seconds,
};

/* Never freed: what they are is the same for all inputs, and their keys take time. */
static struct usm_receiver *
new_receiver(void)
{
    static const struct usm_user_options options[] = {
        { .name = "u_noauthnopriv" },
        { .name = "u_sha_nopriv", .auth = USM_AUTH_SHA, .auth_password = "authpass12345" },
        { .name = "u_md5_des",
            .auth = USM_AUTH_MD5,
            .priv = USM_PRIV_DES,
            .auth_password = "authpass12345",
            .priv_password = "privpass12345" },
    };
    const struct usm_receiver_options receiver = {
        .time = USM_TIME_OFF, .keys = 4, .engine = &engine
    };
    struct usm_users *users = usm_users_new();

    require(users != NULL);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        require(usm_users_add(users, &options[i]) == USM_OK);
    }
    return usm_receiver_new(users, &receiver);
}

static bool
is_user(const struct trap_message *message, const char *name)
{
    return message->user.len == strlen(name) && memcmp(message->user.data, name, strlen(name)) == 0;
}

static void
require_level(const struct trap_message *message)
{
    switch (message->level) {
    case TRAP_NO_AUTH: require(is_user(message, "u_noauthnopriv")); break;
    case TRAP_AUTH: require(is_user(message, "u_sha_nopriv")); break;
    case TRAP_PRIV: require(is_user(message, "u_md5_des")); break;
    }
}

static void
require_inside(struct sr_span part, struct sr_span whole)
{
    require(part.data >= whole.data && part.len <= whole.len &&
            (size_t)(part.data - whole.data) <= whole.len - part.len);
}

static void
require_head(struct sr_span bytes)
{
    struct v3_message head;

    if (v3_read(bytes, &head) != V3_OK) {
        return;
    }
    require(head.whole.data == bytes.data && head.whole.len <= bytes.len);
    require_inside(head.engine_id, head.whole);
    require_inside(head.user, head.whole);
    require_inside(head.mac, head.whole);
    require_inside(head.salt, head.whole);
    require_inside(head.scoped, head.whole);
}

static void
require_answer(const struct trap_opener *opener, const struct trap_message *message, size_t size)
{
    static uint8_t answer[UINT16_MAX];
    struct v3_message head;
    size_t len = opener->answer(opener->arg, message, answer, sizeof(answer));

    if (len == 0) {
        return;
    }
    require(len <= size + ANSWER_MORE);
    require(v3_read((struct sr_span){ answer, len }, &head) == V3_OK);
    require(head.whole.len == len && !head.is_reportable && usm_engine_is(&engine, head.engine_id));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct usm_receiver *receiver;
    const struct sr_span bytes = { data, size };
    struct trap_message message;
    struct trap_varbind varbind;
    uint8_t *room = malloc(size > 0 ? size : 1);

    if (receiver == NULL) {
        receiver = new_receiver();
    }
    require(room != NULL && receiver != NULL);
    require_head(bytes);
    const struct trap_opener opener = usm_receiver_opener(receiver);
    const char *why = opener.open(opener.arg, UINT64_C(1795348800000000000), bytes, room, &message);
    require_answer(&opener, &message, size);
    if (why != NULL) {
        require(why[0] != '\0');
    } else {
        require_level(&message);
        while (trap_varbind_next(&message.varbinds, &varbind)) {
            message.varbind_count--;
        }
        require(message.varbind_count == 0);
    }
    free(room);
    return 0;
}
