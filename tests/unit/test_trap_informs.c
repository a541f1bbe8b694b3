/* SPDX-License-Identifier: Apache-2.0 */
#include "ber_text.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "decode/response.h"

#include "sr/banned.h"

#define HEAD "02(01) 04(70 75 62)"
#define VARBINDS                                                                                   \
    "30(30(06(2b 06 01 02 01 01 03 00) 43(05))"                                                    \
    "30(06(2b 06 01 06 03 01 01 04 01 00) 06(2b 06 01 06 03 01 01 05 03)))"
#define INFORM "30(" HEAD "a6(02(07) 02(00) 02(00)" VARBINDS "))"
#define RESPONSE "30(" HEAD "a2(02(07) 02(00) 02(00)" VARBINDS "))"

static uint8_t inform[1024], other[1024], answer[1024];

static struct sr_span
copy_of(const char *text, uint8_t out[1024])
{
    struct sr_span bytes = ber_text(text);

    assert_true(bytes.len <= 1024);
    memcpy(out, bytes.data, bytes.len);
    return (struct sr_span){ out, bytes.len };
}

/* ---- The response ---- */

static void
assert_response(const char *text, const char *expected)
{
    struct sr_span bytes = copy_of(text, inform);
    struct trap_message m;

    assert_int_equal(trap_message_read(bytes, &m), TRAP_OK);
    size_t len = trap_response_write(bytes, &m, answer);
    struct sr_span right = ber_text(expected);
    assert_int_equal(len, right.len);
    assert_memory_equal(answer, right.data, len);
    size_t pdu_len = trap_response_pdu(&m, answer);
    assert_int_equal(pdu_len, m.whole_pdu.len);
    assert_memory_equal(answer, right.data + right.len - pdu_len, pdu_len);
}

static void
a_response_is_the_inform_with_another_type(void **state)
{
    (void)state;
    assert_response(INFORM, RESPONSE);
}

static void
a_response_has_no_error_whatever_the_inform_says(void **state)
{
    (void)state;
    assert_response("30(" HEAD "a6(02(12 34 56 78) 02(05) 02(01 02)" VARBINDS "))",
        "30(" HEAD "a2(02(12 34 56 78) 02(00) 02(00 00)" VARBINDS "))");
}

static void
what_follows_the_message_is_not_sent_back(void **state)
{
    (void)state;
    assert_int_equal(copy_of(INFORM "99 99", inform).len, ber_text(INFORM).len + 2);
    struct sr_span bytes = copy_of(INFORM "99 99", inform);
    struct trap_message m;
    assert_int_equal(trap_message_read(bytes, &m), TRAP_OK);
    assert_int_equal(trap_response_write(bytes, &m, answer), bytes.len - 2);
}

static void
only_informs_of_v2c_have_that_response(void **state)
{
    static const char *const others[] = {
        "30(" HEAD "a7(02(07) 02(00) 02(00)" VARBINDS "))",
        "30(" HEAD "a0(02(07) 02(00) 02(00)" VARBINDS "))",
        "30(02(00) 04(70) a6(02(07) 02(00) 02(00)" VARBINDS "))",
    };
    struct trap_message m;

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct sr_span bytes = copy_of(others[i], inform);
        (void)trap_message_read(bytes, &m);
        assert_int_equal(trap_response_write(bytes, &m, answer), 0);
    }
}

/* ---- A receiver that can answer ---- */

static char record[TRAP_RECORD_MAX];
static struct sr_request seen; /* the last one */
static bool is_known;
static unsigned commits, requests;
static const char *consumed;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(record) ? (uint8_t *)record : NULL;
}

static void
commit(void *arg, size_t len, uint32_t count)
{
    (void)arg;
    (void)len;
    (void)count;
    commits++;
}

static bool
repeated(void *arg, const struct sr_request *request)
{
    (void)arg;
    seen = *request;
    return is_known;
}

static void
commit_request(void *arg, size_t len, const struct sr_request *request)
{
    (void)arg;
    (void)len;
    assert_memory_equal(request->id, seen.id, sizeof(seen.id));
    requests++;
}

static void
on_consumed(void *arg, const char *reason)
{
    (void)arg;
    consumed = reason;
}

static void
on_deadletter(
    void *arg, const char *reason, const struct sr_peer *from, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)reason;
    (void)from;
    (void)now_ns;
    (void)raw;
}

static void
on_answer(void *arg, struct sr_span bytes)
{
    (void)arg;
    (void)bytes;
    fail();
}

/* No hash: a sum of all bytes in their places, good enough to tell these messages apart. */
static void
sum(struct sr_span identity, uint8_t id[SR_REQUEST_ID_LEN])
{
    memset(id, 0, SR_REQUEST_ID_LEN);
    for (size_t i = 0; i < identity.len; i++) {
        id[i % SR_REQUEST_ID_LEN] =
            (uint8_t)(id[i % SR_REQUEST_ID_LEN] * 31U + identity.data[i] + i / SR_REQUEST_ID_LEN);
    }
}

static struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 50162 };
static struct sr_emit emit = { .reserve = reserve,
    .commit = commit,
    .deadletter = on_deadletter,
    .consumed = on_consumed,
    .repeated = repeated,
    .reserve_request = reserve,
    .commit_request = commit_request };

static const struct trap_opener *opener;

static struct trap_config config;

static void
no_hash(const uint8_t key[TRAP_COMMUNITY_KEY_LEN], struct sr_span community,
    char out[TRAP_COMMUNITY_HASH_LEN])
{
    (void)key;
    (void)community;
    memset(out, '0', TRAP_COMMUNITY_HASH_LEN);
}

static enum sr_verdict
receive(const char *text)
{
    static struct trap_scratch scratch;
    struct sr_span bytes = copy_of(text, other);

    return sr_trap_datagram(&config, opener, &scratch, 1, &peer, bytes, &emit);
}

static int
begin(void **state)
{
    (void)state;
    commits = requests = 0;
    is_known = false;
    consumed = NULL;
    peer.port = 50162;
    emit.commit_request = commit_request;
    emit.answer = on_answer;
    opener = NULL;
    config = (struct trap_config){ .request_id = sum };
    return 0;
}

static void
an_inform_is_a_request_with_its_response(void **state)
{
    (void)state;
    assert_int_equal(receive(INFORM), SR_DECODED);
    assert_int_equal(requests, 1);
    assert_int_equal(commits, 0);
    struct sr_span right = ber_text(RESPONSE);
    assert_int_equal(seen.answer.len, right.len);
    assert_memory_equal(seen.answer.data, right.data, right.len);
}

static void
an_inform_that_came_before_makes_no_record(void **state)
{
    (void)state;
    is_known = true;
    assert_int_equal(receive(INFORM), SR_CONSUMED);
    assert_string_equal(consumed, "duplicates");
    assert_int_equal(requests + commits, 0);
}

static void
who_cannot_answer_takes_an_inform_as_a_trap(void **state)
{
    (void)state;
    emit.commit_request = NULL;
    assert_int_equal(receive(INFORM), SR_DECODED);
    assert_int_equal(commits, 1);
}

static void
a_trap_is_no_request(void **state)
{
    (void)state;
    assert_int_equal(receive("30(" HEAD "a7(02(07) 02(00) 02(00)" VARBINDS "))"), SR_DECODED);
    assert_int_equal(commits, 1);
    assert_int_equal(requests, 0);
}

/* Takes any message of v3 for an inform when `arg` is not NULL, else for one of nobody. */
static const char *
open_as_inform(void *arg, uint64_t now_ns, struct sr_span bytes, uint8_t *room,
    struct trap_message *ret_message)
{
    (void)now_ns;
    (void)bytes;
    (void)room;
    *ret_message = (struct trap_message){ .pdu = TRAP_PDU_INFORM };
    if (arg != NULL) {
        assert_int_equal(trap_message_read(copy_of(INFORM, inform), ret_message), TRAP_OK);
    }
    ret_message->version = TRAP_V3;
    return arg != NULL ? NULL : "v3_unknown_user";
}

static void
an_opener_without_answers_has_its_informs_taken_as_traps(void **state)
{
    const struct trap_opener knows = { .arg = inform, .open = open_as_inform };
    const struct trap_opener knows_nobody = { .open = open_as_inform };

    (void)state;
    opener = &knows_nobody;
    assert_int_equal(receive("30(02(03) 30())"), SR_DEADLETTER);
    opener = &knows;
    assert_int_equal(receive("30(02(03) 30())"), SR_DECODED);
    assert_int_equal(commits, 1);
    assert_int_equal(requests, 0);
}

static void
informs_are_told_apart_by_sender_community_and_pdu(void **state)
{
    uint8_t first[SR_REQUEST_ID_LEN];

    (void)state;
    (void)receive(INFORM);
    memcpy(first, seen.id, sizeof(first));
    (void)receive(INFORM);
    assert_memory_equal(seen.id, first, sizeof(first));
    (void)receive("30(" HEAD "a6(02(08) 02(00) 02(00)" VARBINDS "))");
    assert_memory_not_equal(seen.id, first, sizeof(first));
    (void)receive("30(02(01) 04(70 75 63) a6(02(07) 02(00) 02(00)" VARBINDS "))");
    assert_memory_not_equal(seen.id, first, sizeof(first));
    peer.port++;
    (void)receive(INFORM);
    assert_memory_not_equal(seen.id, first, sizeof(first));
    peer.port--;
    peer.address[3]++;
    (void)receive(INFORM);
    assert_memory_not_equal(seen.id, first, sizeof(first));
    peer.address[3]--;
}

/* Who reads the stream could try communities until the hash in Nats-Msg-Id is right. */
static void
a_community_that_is_not_published_is_not_in_the_hash_of_an_inform(void **state)
{
    static const enum trap_community hidden[] = { TRAP_COMMUNITY_HASH, TRAP_COMMUNITY_OMIT };
    uint8_t first[SR_REQUEST_ID_LEN];

    (void)state;
    config.community_hash = no_hash;
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        config.community = hidden[i];
        (void)receive(INFORM);
        memcpy(first, seen.id, sizeof(first));
        (void)receive("30(02(01) 04(70 75 63) a6(02(07) 02(00) 02(00)" VARBINDS "))");
        assert_memory_equal(seen.id, first, sizeof(first));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_is_the_inform_with_another_type),
        cmocka_unit_test(a_response_has_no_error_whatever_the_inform_says),
        cmocka_unit_test(what_follows_the_message_is_not_sent_back),
        cmocka_unit_test(only_informs_of_v2c_have_that_response),
        cmocka_unit_test_setup(an_inform_is_a_request_with_its_response, begin),
        cmocka_unit_test_setup(an_inform_that_came_before_makes_no_record, begin),
        cmocka_unit_test_setup(who_cannot_answer_takes_an_inform_as_a_trap, begin),
        cmocka_unit_test_setup(a_trap_is_no_request, begin),
        cmocka_unit_test_setup(an_opener_without_answers_has_its_informs_taken_as_traps, begin),
        cmocka_unit_test_setup(informs_are_told_apart_by_sender_community_and_pdu, begin),
        cmocka_unit_test_setup(
            a_community_that_is_not_published_is_not_in_the_hash_of_an_inform, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
