/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent back for messages of v3: responses to informs, and reports. */
#include "unit.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "decode/datagram.h"
#include "usm/sender.h"
#include "v3_desk.h"
#include "v3_talk.h"

#include "sr/banned.h"

#define ANSWER_ROOM 2048

/* ---- Responses ---- */

/* Opens what we sent as who sent the inform would. */
static void
expect_response(const struct usm_users *users, const struct v3_exchange *e, enum trap_level level)
{
    struct usm_receiver *client = v3_desk_receiver(users, USM_TIME_OFF, 0);
    struct v3_message head = v3_desk_head(&e->answer);
    struct v3_exchange back = v3_talk(client, &e->answer);

    assert_string_equal(back.reason, "opened");
    assert_int_equal(head.id, 4711);
    assert_false(head.is_reportable);
    assert_int_equal(head.level, level);
    assert_int_equal(head.boots, 5);
    assert_int_equal(head.time, 1000);
    assert_int_equal(back.opened.pdu, TRAP_PDU_RESPONSE);
    assert_int_equal(back.opened.request_id, 77);
    assert_int_equal(back.opened.error_status, 0);
    assert_int_equal(back.opened.varbinds.len, e->opened.varbinds.len);
    assert_memory_equal(back.opened.varbinds.data, e->opened.varbinds.data, e->opened.varbinds.len);
    assert_int_equal(back.opened.context_engine_id.len, strlen("context engine"));
    assert_int_equal(back.opened.context_name.len, strlen("context"));
    assert_int_equal(back.answer.len, 0); /* a response has none, whoever gets it */
    v3_talk_end(&back);
    usm_receiver_free(client);
}

static void
informs_of_all_algorithms_get_a_response_that_their_sender_reads(void **state)
{
    (void)state;
    for (int auth = USM_AUTH_NONE; auth < USM_AUTH_COUNT; auth++) {
        int last = auth == USM_AUTH_NONE ? USM_PRIV_NONE : USM_PRIV_COUNT - 1;
        for (int priv = USM_PRIV_NONE; priv <= last; priv++) {
            const struct v3_sender sender = { "joe", (enum usm_auth)auth, (enum usm_priv)priv,
                auth != USM_AUTH_NONE ? V3_AUTH_PASSWORD : NULL,
                priv != USM_PRIV_NONE ? V3_PRIV_PASSWORD : NULL };
            struct usm_users *users = usm_users_new();
            struct usm_engine engine;
            struct v3_shape shape = v3_talk_inform;
            v3_talk_engine(&engine, V3_OUR_ID, 5);
            assert_int_equal(v3_desk_add(users, &sender, USM_MINIMUM_STRONGEST), USM_OK);
            shape.sender = &sender;
            shape.level = priv != USM_PRIV_NONE   ? TRAP_PRIV
                          : auth != USM_AUTH_NONE ? TRAP_AUTH
                                                  : TRAP_NO_AUTH;
            struct usm_receiver *receiver = v3_talk_receiver(users, &engine);
            struct v3_sent message = v3_talk_message(&shape);
            struct v3_exchange e = v3_talk(receiver, &message);
            assert_string_equal(e.reason, "opened");
            expect_response(users, &e, shape.level);
            v3_talk_end(&e);
            usm_receiver_free(receiver);
            usm_users_free(users);
        }
    }
}

static void
no_two_responses_have_the_same_salt(void **state)
{
    enum { COUNT = 4 };
    static const struct v3_sender *const senders[] = { &v3_talk_sha_aes, &v3_talk_sha_des };
    struct usm_engine engine;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    for (size_t i = 0; i < 2; i++) {
        uint8_t salts[COUNT][USM_SALT_LEN];
        struct v3_shape shape = v3_talk_inform;
        shape.sender = senders[i];
        struct v3_sent message = v3_talk_message(&shape);
        for (size_t j = 0; j < COUNT; j++) { /* over the end of the number, too */
            struct v3_exchange e = v3_talk(receiver, &message);
            struct v3_message head = v3_desk_head(&e.answer);
            assert_int_equal(head.salt.len, USM_SALT_LEN);
            memcpy(salts[j], head.salt.data, USM_SALT_LEN);
            for (size_t k = 0; k < j; k++) {
                assert_memory_not_equal(salts[j], salts[k], USM_SALT_LEN);
            }
            if (senders[i]->priv == USM_PRIV_DES) {
                assert_memory_equal(salts[j], "\0\0\0\5", 4); /* boots: RFC 3414 8.1.1.1 */
            }
            v3_talk_end(&e);
        }
    }
    usm_receiver_free(receiver);
}

/* A message that takes less than it is long is read as any other; only its answer is shorter. */
static void
a_response_longer_than_its_sender_takes_says_too_big(void **state)
{
    const struct usm_protection none = { .auth = USM_AUTH_NONE };
    struct usm_engine engine;
    struct v3_shape shape = v3_talk_inform;
    uint8_t room[ANSWER_ROOM];
    struct trap_message small = { .version = TRAP_V3 };
    struct sr_span id, name, pdu;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    shape.level = TRAP_NO_AUTH;
    shape.sender = &v3_talk_no_auth;
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    struct v3_sent message = v3_talk_message(&shape);
    struct v3_exchange e = v3_talk(receiver, &message);
    struct v3_message v3 = v3_desk_head(&message);
    v3.max_size = (uint32_t)e.answer.len;
    size_t len = usm_send_response(&engine, &none, &v3, &e.opened, room, sizeof(room));
    assert_int_equal(len, e.answer.len);
    assert_memory_equal(room, e.answer.bytes, len);
    v3.max_size--;
    len = usm_send_response(&engine, &none, &v3, &e.opened, room, sizeof(room));
    assert_int_equal(v3_read((struct sr_span){ room, len }, &v3), V3_OK);
    assert_true(v3_scoped_read(v3.scoped, &id, &name, &pdu));
    assert_int_equal(trap_pdu_read(pdu, &small), TRAP_OK);
    assert_int_equal(small.pdu, TRAP_PDU_RESPONSE);
    assert_int_equal(small.request_id, 77);
    assert_int_equal(small.error_status, 1);
    assert_int_equal(small.varbind_count, 0);
    v3_talk_end(&e);
    usm_receiver_free(receiver);
}

static void
a_user_of_some_engines_may_send_informs_to_ours(void **state)
{
    static const uint8_t id[] = { 0x80, 0, 0, 0, 9 };
    const struct sr_span engines[] = { { id, sizeof(id) } };
    const struct usm_user_options options = { .name = v3_talk_sha.name,
        .auth = v3_talk_sha.auth,
        .auth_password = v3_talk_sha.auth_password,
        .engines = engines,
        .engine_count = 1 };
    struct usm_users *users = usm_users_new();
    struct usm_engine engine;
    struct v3_shape shape = v3_talk_inform;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    assert_int_equal(usm_users_add(users, &options), USM_OK);
    struct usm_receiver *receiver = v3_talk_receiver(users, &engine);
    shape.sender = &v3_talk_sha;
    shape.level = TRAP_AUTH;
    struct v3_sent message = v3_talk_message(&shape);
    v3_desk_expect(receiver, &message, "opened");
    shape.engine = V3_OTHER_ID;
    message = v3_talk_message(&shape);
    v3_desk_expect(receiver, &message, "v3_unknown_engine");
    usm_receiver_free(receiver);
    usm_users_free(users);
}

/* ---- Reports ---- */

/* The answer is a report of this counter, which is at `count`. */
static void
expect_report(const struct v3_sent *answer, enum usm_stat stat, uint32_t count,
    enum trap_level level, int64_t request_id)
{
    struct v3_message head = v3_desk_head(answer);
    struct trap_message report = { .version = TRAP_V3 };
    struct sr_span of, name, pdu;
    struct trap_varbind varbind;
    uint8_t expected[USM_STAT_NAME_LEN];
    uint64_t found;

    assert_int_equal(head.id, 4711);
    assert_int_equal(head.level, level);
    assert_false(head.is_reportable);
    assert_int_equal(head.boots, 5);
    assert_int_equal(head.time, v3_talk_seconds);
    assert_true(v3_scoped_read(head.scoped, &of, &name, &pdu));
    assert_int_equal(of.len, head.engine_id.len);
    assert_memory_equal(of.data, head.engine_id.data, of.len);
    assert_int_equal(name.len, 0);
    assert_int_equal(trap_pdu_read(pdu, &report), TRAP_OK);
    assert_int_equal(report.pdu, TRAP_PDU_REPORT);
    assert_true(report.request_id == request_id);
    assert_int_equal(report.varbind_count, 1);
    assert_true(trap_varbind_next(&report.varbinds, &varbind));
    usm_stat_name(stat, expected);
    assert_int_equal(varbind.name.len, sizeof(expected));
    assert_memory_equal(varbind.name.data, expected, sizeof(expected));
    assert_true(ber_unsigned(varbind.value, &found));
    assert_int_equal(found, count);
}

/* Who asks for our engine: RFC 3414 section 4. */
static const struct v3_shape probe = { .sender = &(const struct v3_sender){ .name = "" },
    .level = TRAP_NO_AUTH,
    .pdu = TRAP_PDU_GET,
    .engine = "" };

/* Requests that are refused, and why. */
static const struct refusal {
    struct v3_shape shape;
    const char *reason;
    enum usm_stat stat;
    enum trap_level level;
    int64_t request_id; /* 0: it was encrypted */
    bool is_exchange;
    const char *quiet_reason; /* when no report is asked for */
} refusals[] = {
    { { &(const struct v3_sender){ .name = "nobody" }, TRAP_NO_AUTH, TRAP_PDU_INFORM, V3_OUR_ID, 5,
          1000, false, 0, NULL, NULL },
        "v3_unknown_user", USM_STAT_USER, TRAP_NO_AUTH, 77, false, "v3_unknown_user" },
    { { &v3_talk_sha, TRAP_AUTH, TRAP_PDU_INFORM, V3_OUR_ID, 5, 1000, false, 0, "another password",
          NULL },
        "v3_auth", USM_STAT_DIGEST, TRAP_NO_AUTH, 77, false, "v3_auth" },
    { { &v3_talk_sha, TRAP_NO_AUTH, TRAP_PDU_INFORM, V3_OUR_ID, 5, 1000, false, 0, NULL, NULL },
        "v3_level", USM_STAT_LEVEL, TRAP_NO_AUTH, 77, false, "v3_level" },
    { { &v3_talk_sha_aes, TRAP_PRIV, TRAP_PDU_INFORM, V3_OUR_ID, 5, 1000, false, 0, NULL,
          "another password" },
        "v3_decrypt", USM_STAT_DECRYPTION, TRAP_NO_AUTH, 0, false, "v3_decrypt" },
    { { &v3_talk_sha, TRAP_AUTH, TRAP_PDU_INFORM, V3_OUR_ID, 5, 849, false, 0, NULL, NULL },
        "resynchronised", USM_STAT_TIME, TRAP_AUTH, 77, true, "v3_time" },
    { { &v3_talk_sha, TRAP_AUTH, TRAP_PDU_INFORM, V3_OUR_ID, 5, 1151, false, 0, NULL, NULL },
        "resynchronised", USM_STAT_TIME, TRAP_AUTH, 77, true, "v3_time" },
    { { &v3_talk_sha_aes, TRAP_PRIV, TRAP_PDU_INFORM, V3_OUR_ID, 4, 1000, false, 0, NULL, NULL },
        "resynchronised", USM_STAT_TIME, TRAP_AUTH, 0, true, "v3_time" },
    { { &v3_talk_sha, TRAP_AUTH, TRAP_PDU_INFORM, V3_OTHER_ID, 5, 1000, false, 0,
          "another password", NULL },
        "v3_auth", USM_STAT_ENGINE, TRAP_NO_AUTH, 77, false, "v3_auth" },
    { { &(const struct v3_sender){ .name = "" }, TRAP_NO_AUTH, TRAP_PDU_GET, "", 0, 0, false, 0,
          NULL, NULL },
        "discovery", USM_STAT_ENGINE, TRAP_NO_AUTH, 77, true, "v3_unknown_engine" },
    { { &(const struct v3_sender){ .name = "" }, TRAP_NO_AUTH, TRAP_PDU_GET, V3_OTHER_ID, 0, 0,
          false, 0, NULL, NULL },
        "discovery", USM_STAT_ENGINE, TRAP_NO_AUTH, 77, true, "v3_unknown_user" },
    { { &(const struct v3_sender){ .name = "nobody" }, TRAP_NO_AUTH, TRAP_PDU_INFORM, V3_OTHER_ID,
          0, 0, false, 0, NULL, NULL },
        "v3_unknown_user", USM_STAT_ENGINE, TRAP_NO_AUTH, 77, false, "v3_unknown_user" },
};

static void
a_request_that_is_refused_is_reported_by_the_counter_of_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *r = &refusals[i];
        struct usm_engine engine;
        v3_talk_engine(&engine, V3_OUR_ID, 5);
        struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
        struct v3_sent message = v3_talk_message(&r->shape);
        for (uint32_t count = 1; count < 3; count++) {
            struct v3_exchange e = v3_talk(receiver, &message);
            assert_string_equal(e.reason, r->reason);
            assert_int_equal(e.opened.is_exchange, r->is_exchange);
            expect_report(&e.answer, r->stat, count, r->level, r->request_id);
            v3_talk_end(&e);
        }
        usm_receiver_free(receiver);
    }
}

static void
a_report_of_our_clock_is_authentic(void **state)
{
    struct usm_engine engine;
    struct v3_shape shape = v3_talk_inform;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    shape.boots = 4;
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    struct v3_sent message = v3_talk_message(&shape);
    struct v3_exchange e = v3_talk(receiver, &message);
    struct v3_sent again = e.answer;
    v3_desk_sign(&again, USM_AUTH_SHA, V3_AUTH_PASSWORD);
    assert_int_equal(again.len, e.answer.len);
    assert_memory_equal(again.bytes, e.answer.bytes, again.len);
    v3_talk_end(&e);
    usm_receiver_free(receiver);
}

static void
what_asks_for_no_report_gets_none_and_is_kept(void **state)
{
    static const enum trap_pdu others[] = { TRAP_PDU_TRAP_V2, TRAP_PDU_REPORT, TRAP_PDU_RESPONSE };
    struct usm_engine engine;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        for (size_t j = 0; j <= sizeof(others) / sizeof(others[0]); j++) {
            struct v3_shape shape = refusals[i].shape;
            bool is_other = j < sizeof(others) / sizeof(others[0]);
            shape.pdu = is_other ? others[j] : shape.pdu;
            shape.is_quiet = !is_other;
            if (is_other && shape.level == TRAP_PRIV) {
                continue; /* nobody sees which PDU it is, so the flag counts */
            }
            struct v3_sent message = v3_talk_message(&shape);
            struct v3_exchange e = v3_talk(receiver, &message);
            assert_string_equal(e.reason, refusals[i].quiet_reason);
            assert_false(e.opened.is_exchange);
            assert_int_equal(e.answer.len, 0);
            v3_talk_end(&e);
        }
    }
    usm_receiver_free(receiver);
}

static void
an_inform_for_another_engine_is_opened_and_its_sender_told_ours(void **state)
{
    struct usm_engine engine;
    struct v3_shape shape = v3_talk_inform;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    shape.engine = V3_OTHER_ID;
    struct v3_sent message = v3_talk_message(&shape);
    struct v3_exchange e = v3_talk(receiver, &message);
    assert_string_equal(e.reason, "opened");
    expect_report(&e.answer, USM_STAT_ENGINE, 1, TRAP_NO_AUTH, 77);
    struct v3_message head = v3_desk_head(&e.answer);
    assert_true(usm_engine_is(&engine, head.engine_id));
    v3_talk_end(&e);
    shape.is_quiet = true;
    message = v3_talk_message(&shape);
    e = v3_talk(receiver, &message);
    assert_string_equal(e.reason, "opened");
    assert_int_equal(e.answer.len, 0);
    v3_talk_end(&e);
    usm_receiver_free(receiver);
}

static void
traps_have_no_answer(void **state)
{
    struct usm_engine engine;
    struct v3_shape shape = v3_talk_inform;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    shape.pdu = TRAP_PDU_TRAP_V2;
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    for (int i = 0; i < 2; i++) {
        shape.engine = i == 0 ? V3_OUR_ID : V3_OTHER_ID;
        struct v3_sent message = v3_talk_message(&shape);
        struct v3_exchange e = v3_talk(receiver, &message);
        assert_string_equal(e.reason, "opened");
        assert_int_equal(e.answer.len, 0);
        v3_talk_end(&e);
    }
    usm_receiver_free(receiver);
}

static void
without_an_engine_nobody_is_answered(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct v3_sent message = v3_talk_message(&refusals[i].shape);
        struct v3_exchange e = v3_talk(receiver, &message);
        assert_int_equal(e.answer.len, 0);
        v3_talk_end(&e);
    }
    struct v3_shape later = v3_talk_inform;
    later.time = 2000;
    struct v3_sent message = v3_talk_message(&later);
    struct v3_exchange e = v3_talk(receiver, &message);
    assert_string_equal(e.reason, "opened"); /* as a trap of that engine would be */
    assert_int_equal(e.answer.len, 0);
    v3_talk_end(&e);
    usm_receiver_free(receiver);
}

static void
an_engine_without_boots_left_takes_nothing_authentic(void **state)
{
    struct usm_engine engine;
    struct v3_shape shape = v3_talk_inform;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, USM_BOOTS_MAX);
    shape.boots = USM_BOOTS_MAX;
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    struct v3_sent message = v3_talk_message(&shape);
    v3_desk_expect(receiver, &message, "resynchronised");
    usm_receiver_free(receiver);
}

static void
with_time_window_off_an_inform_of_before_our_start_is_answered(void **state)
{
    struct usm_engine engine;
    const struct usm_receiver_options options = { .time = USM_TIME_OFF, .engine = &engine };
    struct v3_shape shape = v3_talk_inform;

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    shape.boots = 4;
    struct usm_receiver *receiver = usm_receiver_new(v3_desk.everybody, &options);
    struct v3_sent message = v3_talk_message(&shape);
    struct v3_exchange e = v3_talk(receiver, &message);
    assert_string_equal(e.reason, "opened");
    expect_response(v3_desk.everybody, &e, TRAP_PRIV);
    v3_talk_end(&e);
    usm_receiver_free(receiver);
}

static void
a_stranger_gets_little_more_than_was_sent_and_leaves_nothing(void **state)
{
    enum { MORE_AT_MOST = 120 };
    struct usm_engine engine;
    struct v3_shape shape = probe; /* the shortest there is */

    (void)state;
    v3_talk_engine(&engine, V3_OUR_ID "0102030405060708090a0b0c0d0e0f", 5);
    assert_int_equal(engine.id_len, V3_ENGINE_ID_MAX);
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    for (int i = 0; i < 1000; i++) {
        shape.time = (uint32_t)i;
        struct v3_sent message = v3_talk_message(&shape);
        struct v3_exchange e = v3_talk(receiver, &message);
        assert_in_range(e.answer.len, 1, message.len + MORE_AT_MOST);
        v3_talk_end(&e);
    }
    struct usm_receiver_counts counts = usm_receiver_counts(receiver);
    assert_int_equal(counts.keys, 0);
    assert_int_equal(counts.times.engines, 0);
    usm_receiver_free(receiver);
}

/* ---- snmpinform and snmptrapd ---- */

/* Four datagrams of snmpinform and snmptrapd 5.9.3: who are you, I am; an inform, its response. */
static const char *const transcript[] = {
    "304f020103301102045ed76247020300ffe30401040201030410300e04000201000201000400040004003025041180"
    "001f888098e288298064026b000000000400a00e0204705b58d10201000201003000",
    "308183020103301102045ed76247020300ffe3040100020103042a3028041a80001f88047263762d696e666f726d5f"
    "76335f7368615f616573020101020102040004000400303f041a80001f88047263762d696e666f726d5f76335f7368"
    "615f6165730400a81f0204705b58d10201000201003011300f060a2b060106030f01010400410101",
    "3081bf020103301102045ed76246020300ffe304010702010304443042041a80001f88047263762d696e666f726d5f"
    "76335f7368615f6165730201010201020406755f696e6631040c149b4f0ec20843ce8cc3e7c60408eacbea64966592"
    "830461704c74e4b1f897c261d50c058a811f46ba5f9fbc97dd6859ff454da1fc154b74027e1c8db9f2d2e70dfa801c"
    "83bf4f463d612f1eb7b2722c902b7cdf97f21ec32bbc9fe890d81bcfe2db458009fc2d3499879e40c33bcfdba8d6cb"
    "7fb82166d86b",
    "3081bf020103301102045ed76246020300ffe304010302010304443042041a80001f88047263762d696e666f726d5f"
    "76335f7368615f6165730201010201020406755f696e6631040c8182a5244cd1407d05d93eed04085ae4b681937f18"
    "d50461c6fd0f4e9e03d130274f2e0e8da47d265012b28c22ca13bfec52c8c54a2f3f4c6fbbc47befbabbd354ef5b81"
    "ece7721051d78727006e5927553dc2640e2756031e9b5b86bb2a76f9f019e0756725268344604845f4cbb9cff3ced1"
    "f8359f2dc1d1",
};

static struct v3_sent
said(size_t i)
{
    struct v3_sent message = { .len = strlen(transcript[i]) / 2 };

    for (size_t j = 0; j < message.len; j++) {
        const char pair[] = { transcript[i][2 * j], transcript[i][2 * j + 1], '\0' };
        message.bytes[j] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return message;
}

static void
snmpinform_hears_from_us_what_it_heard_from_snmptrapd(void **state)
{
    static const struct v3_sender sender = { "u_inf1", USM_AUTH_SHA, USM_PRIV_AES128,
        V3_AUTH_PASSWORD, V3_PRIV_PASSWORD };
    struct usm_users *users = usm_users_new();
    struct usm_engine engine;
    const struct v3_sent asked = said(0), told = said(1), sent = said(2), answered = said(3);

    (void)state;
    v3_talk_engine(&engine, "80001f88047263762d696e666f726d5f76335f7368615f616573", 1);
    v3_talk_seconds = 2;
    assert_int_equal(v3_desk_add(users, &sender, USM_MINIMUM_STRONGEST), USM_OK);
    struct usm_receiver *receiver = v3_talk_receiver(users, &engine);
    struct usm_receiver *client = v3_desk_receiver(users, USM_TIME_STRICT, 0);
    struct v3_exchange e = v3_talk(receiver, &asked);
    assert_string_equal(e.reason, "discovery");
    assert_true(e.opened.is_exchange);
    assert_int_equal(e.answer.len, told.len);
    assert_memory_equal(e.answer.bytes, told.bytes, told.len);
    v3_talk_end(&e);
    e = v3_talk(receiver, &sent);
    assert_string_equal(e.reason, "opened");
    assert_int_equal(e.opened.pdu, TRAP_PDU_INFORM);
    struct v3_exchange theirs = v3_talk(client, &answered), ours = v3_talk(client, &e.answer);
    assert_string_equal(theirs.reason, "opened");
    assert_string_equal(ours.reason, "opened");
    assert_int_equal(e.answer.len, answered.len);
    assert_int_equal(ours.opened.pdu, TRAP_PDU_RESPONSE);
    assert_int_equal(ours.opened.whole_pdu.len, theirs.opened.whole_pdu.len);
    assert_memory_equal(
        ours.opened.whole_pdu.data, theirs.opened.whole_pdu.data, ours.opened.whole_pdu.len);
    v3_talk_end(&theirs);
    v3_talk_end(&ours);
    v3_talk_end(&e);
    usm_receiver_free(client);
    usm_receiver_free(receiver);
    usm_users_free(users);
}

/* ---- As a datagram ---- */

static struct {
    uint8_t record[TRAP_RECORD_MAX];
    struct v3_sent answer;
    struct sr_request request;
    unsigned records, requests, answers, dead_letters;
    char consumed[32];
} told;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(told.record) ? told.record : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    (void)len;
    told.records += records;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)reason;
    (void)peer;
    (void)now_ns;
    (void)raw;
    told.dead_letters++;
}

static void
consumed(void *arg, const char *reason)
{
    (void)arg;
    memcpy(told.consumed, reason, strlen(reason) + 1);
}

static void
take_answer(void *arg, struct sr_span answer)
{
    (void)arg;
    assert_in_range(answer.len, 1, sizeof(told.answer.bytes));
    memcpy(told.answer.bytes, answer.data, answer.len);
    told.answer.len = answer.len;
    told.answers++;
}

static bool
repeated(void *arg, const struct sr_request *request)
{
    (void)arg;
    if (told.requests == 0 || memcmp(request->id, told.request.id, sizeof(request->id)) != 0) {
        return false;
    }
    take_answer(NULL, request->answer);
    return true;
}

static void
commit_request(void *arg, size_t len, const struct sr_request *request)
{
    (void)arg;
    (void)len;
    told.request = *request;
    told.requests++;
    take_answer(NULL, request->answer);
}

static void
request_id(struct sr_span identity, uint8_t id[SR_REQUEST_ID_LEN])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len;

    assert_int_equal(
        EVP_Q_digest(NULL, "SHA2-256", NULL, identity.data, identity.len, digest, &len), 1);
    memcpy(id, digest, SR_REQUEST_ID_LEN);
}

static enum sr_verdict
receive(struct usm_receiver *receiver, const struct v3_sent *message)
{
    static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };
    static const struct trap_config config = { .request_id = request_id };
    static const struct sr_emit emit = { .reserve = reserve,
        .commit = commit,
        .deadletter = deadletter,
        .consumed = consumed,
        .repeated = repeated,
        .reserve_request = reserve,
        .commit_request = commit_request,
        .answer = take_answer };
    static struct trap_scratch scratch;
    const struct trap_opener opener = usm_receiver_opener(receiver);

    return sr_trap_datagram(&config, &opener, &scratch, V3_DESK_NOW, &peer,
        (struct sr_span){ message->bytes, message->len }, &emit);
}

static void
an_exchange_makes_one_record_and_each_datagram_has_one_answer(void **state)
{
    struct usm_engine engine;
    struct v3_shape shape = v3_talk_inform;

    (void)state;
    memset(&told, 0, sizeof(told));
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    struct v3_sent asked = v3_talk_message(&probe);
    assert_int_equal(receive(receiver, &asked), SR_CONSUMED);
    assert_string_equal(told.consumed, "discovery");
    shape.boots = 4; /* of our last start */
    struct v3_sent late = v3_talk_message(&shape);
    assert_int_equal(receive(receiver, &late), SR_CONSUMED);
    assert_string_equal(told.consumed, "resynchronised");
    struct v3_sent message = v3_talk_message(&v3_talk_inform);
    assert_int_equal(receive(receiver, &message), SR_DECODED);
    assert_int_equal(told.requests, 1);
    shape = v3_talk_inform;
    shape.time += 2; /* what is sent again has another time, salt and msgID around the PDU */
    struct v3_sent again = v3_talk_message(&shape);
    assert_int_equal(receive(receiver, &again), SR_CONSUMED);
    assert_string_equal(told.consumed, "duplicates");
    assert_int_equal(told.answers, 4);
    assert_int_equal(told.requests, 1);
    assert_int_equal(told.records + told.dead_letters, 0);
    usm_receiver_free(receiver);
}

static void
a_refused_request_is_a_dead_letter_and_is_reported(void **state)
{
    struct usm_engine engine;

    (void)state;
    memset(&told, 0, sizeof(told));
    v3_talk_engine(&engine, V3_OUR_ID, 5);
    struct usm_receiver *receiver = v3_talk_receiver(v3_desk.everybody, &engine);
    struct v3_sent message = v3_talk_message(&refusals[1].shape);
    assert_int_equal(receive(receiver, &message), SR_DEADLETTER);
    assert_int_equal(told.dead_letters, 1);
    assert_int_equal(told.answers, 1);
    expect_report(&told.answer, USM_STAT_DIGEST, 1, TRAP_NO_AUTH, 77);
    usm_receiver_free(receiver);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(informs_of_all_algorithms_get_a_response_that_their_sender_reads),
        cmocka_unit_test(no_two_responses_have_the_same_salt),
        cmocka_unit_test(a_response_longer_than_its_sender_takes_says_too_big),
        cmocka_unit_test(a_user_of_some_engines_may_send_informs_to_ours),
        cmocka_unit_test(a_request_that_is_refused_is_reported_by_the_counter_of_its_reason),
        cmocka_unit_test(a_report_of_our_clock_is_authentic),
        cmocka_unit_test(what_asks_for_no_report_gets_none_and_is_kept),
        cmocka_unit_test(an_inform_for_another_engine_is_opened_and_its_sender_told_ours),
        cmocka_unit_test(traps_have_no_answer),
        cmocka_unit_test(without_an_engine_nobody_is_answered),
        cmocka_unit_test(an_engine_without_boots_left_takes_nothing_authentic),
        cmocka_unit_test(with_time_window_off_an_inform_of_before_our_start_is_answered),
        cmocka_unit_test(a_stranger_gets_little_more_than_was_sent_and_leaves_nothing),
        cmocka_unit_test(snmpinform_hears_from_us_what_it_heard_from_snmptrapd),
        cmocka_unit_test(an_exchange_makes_one_record_and_each_datagram_has_one_answer),
        cmocka_unit_test(a_refused_request_is_a_dead_letter_and_is_reported),
    };

    return cmocka_run_group_tests(tests, v3_desk_begin, v3_desk_end);
}
