/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded messages of SNMP, made new: the decoder reads the same, but for what had to change. */
#include "../unit/unit.h"

#include <stdlib.h>

#include "decode/message.h"
#include "decode/v3.h"
#include "replay/rewrite_parts.h"
#include "trap_cases.h"

#define REQUEST_ID 0x12345678
#define UPTIME_CS 1000

static const struct mark mark = { .run = 7, .sequence = 99 };
static uint8_t out[REWRITE_ROOM];

struct counts {
    unsigned rewritten, kept;
};

/* Reads a message of any version that is not protected. */
static bool
read_any(struct sr_span bytes, struct trap_message *ret_message, struct v3_message *ret_v3)
{
    struct sr_span engine, name, pdu;

    if (trap_message_read(bytes, ret_message) == TRAP_OK) {
        return true;
    }
    if (v3_read(bytes, ret_v3) != V3_OK || ret_v3->level != TRAP_NO_AUTH ||
        !v3_scoped_read(ret_v3->scoped, &engine, &name, &pdu)) {
        return false;
    }
    memset(ret_message, 0, sizeof(*ret_message));
    ret_message->version = TRAP_V3;
    return trap_pdu_read(pdu, ret_message) == TRAP_OK;
}

static void
same_span(struct sr_span a, struct sr_span b)
{
    assert_int_equal(a.len, b.len);
    if (a.len > 0) {
        assert_memory_equal(a.data, b.data, a.len);
    }
}

/* The list is the one of before, and a varbind with the mark. */
static void
check_varbinds(const struct trap_message *before, const struct trap_message *after)
{
    struct sr_span rest = after->varbinds;
    struct trap_varbind varbind;
    struct mark found;

    assert_int_equal(after->varbind_count, before->varbind_count + 1);
    same_span((struct sr_span){ rest.data, before->varbinds.len }, before->varbinds);
    for (unsigned i = 0; i < after->varbind_count; i++) {
        assert_true(trap_varbind_next(&rest, &varbind));
    }
    assert_int_equal(varbind.type, BER_OCTET_STRING);
    assert_int_equal(varbind.value.len, MARK_TEXT_LEN);
    assert_true(mark_read_text(varbind.value, &found));
    assert_int_equal(found.run, mark.run);
    assert_int_equal(found.sequence, mark.sequence);
}

static void
check_message(const struct trap_message *before, const struct trap_message *after)
{
    assert_int_equal(after->version, before->version);
    assert_int_equal(after->pdu, before->pdu);
    same_span(after->community, before->community);
    if (before->pdu == TRAP_PDU_TRAP_V1) {
        same_span(after->enterprise, before->enterprise);
        assert_int_equal(after->generic, before->generic);
        assert_int_equal(after->specific, before->specific);
        assert_memory_equal(after->agent_address, before->agent_address, 4);
        assert_int_equal(after->uptime, (uint32_t)(before->uptime + UPTIME_CS));
    } else {
        assert_int_equal(after->request_id, REQUEST_ID);
        assert_int_equal(after->error_status, before->error_status);
        assert_int_equal(after->error_index, before->error_index);
    }
    check_varbinds(before, after);
}

static void
check_case(const char *name, struct sr_span bytes, const json_t *row, void *arg)
{
    const struct rewrite_trap changes = { REQUEST_ID, UPTIME_CS, &mark };
    struct counts *counts = arg;
    struct trap_message before, after;
    struct v3_message v3 = { 0 }, v3_after = { 0 };
    struct sr_span got = { NULL, 0 };
    bool can = read_any(bytes, &before, &v3) && trap_is_notification(&before);
    enum rewrite_err err = rewrite_trap(bytes, &changes, out, &got);

    (void)row;
    if (!can || err == REWRITE_ELENGTH) {
        if (err == REWRITE_OK) {
            print_error("%s was changed\n", name);
            fail();
        }
        counts->kept++;
        return;
    }
    assert_int_equal(err, REWRITE_OK);
    assert_true(read_any(got, &after, &v3_after));
    check_message(&before, &after);
    if (before.version == TRAP_V3) {
        assert_int_equal(v3_after.id, REQUEST_ID);
        assert_int_equal(v3_after.max_size, v3.max_size);
        assert_int_equal(v3_after.boots, v3.boots);
        assert_int_equal(v3_after.is_reportable, v3.is_reportable);
        same_span(v3_after.engine_id, v3.engine_id);
        same_span(v3_after.user, v3.user);
    }
    counts->rewritten++;
}

static void
messages_of_the_tree_keep_all_but_what_had_to_change(void **state)
{
    struct counts counts = { 0 };

    (void)state;
    unsigned count = trap_cases_of_tree(check_case, &counts);
    assert_int_equal(count, counts.rewritten + counts.kept);
    assert_true(counts.rewritten > count / 4);
}

static void
messages_of_the_corpus_keep_all_but_what_had_to_change(void **state)
{
    struct counts counts = { 0 };

    (void)state;
    unsigned count = trap_cases_of_corpus(check_case, &counts);
    assert_int_equal(count, counts.rewritten + counts.kept);
    assert_true(counts.rewritten > count / 4);
}

/* From an allocation of exactly its size, so that a read past the end is one past the memory's. */
static void
check_prefixes(const char *name, struct sr_span bytes, const json_t *row, void *arg)
{
    const struct rewrite_trap changes = { REQUEST_ID, UPTIME_CS, &mark };

    (void)name;
    (void)row;
    (void)arg;
    for (size_t len = 0; len < bytes.len; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        struct sr_span got;
        assert_non_null(exact);
        memcpy(exact, bytes.data, len);
        assert_int_not_equal(
            rewrite_trap((struct sr_span){ exact, len }, &changes, out, &got), REWRITE_ELENGTH);
        free(exact);
    }
}

static void
no_prefix_of_a_message_is_read_past_its_end(void **state)
{
    (void)state;
    assert_true(trap_cases_of_tree(check_prefixes, NULL) > 0);
}

/* A v2c trap whose one varbind fills it up to `size` bytes; its size. */
static size_t
make_large(uint8_t *message, size_t size)
{
    /* Heads of four bytes for all that is long. */
    static const uint8_t head[] = { 0x30, 0x82, 0, 0, 2, 1, 1, 4, 1, 'p', 0xa7, 0x82, 0, 0, 2, 1, 1,
        2, 1, 0, 2, 1, 0, 0x30, 0x82, 0, 0, 0x30, 0x82, 0, 0, 6, 1, 0x2b, 4, 0x82, 0, 0 };
    static const size_t lengths[] = { 2, 12, 25, 29, 36 };

    memset(message, 'x', size);
    memcpy(message, head, sizeof(head));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t length = size - lengths[i] - 2;
        message[lengths[i]] = (uint8_t)(length >> 8);
        message[lengths[i] + 1] = (uint8_t)length;
    }
    return size;
}

static void
a_message_without_room_for_the_mark_is_refused(void **state)
{
    static uint8_t message[REWRITE_ROOM];
    const struct rewrite_trap changes = { 1, 0, &mark };
    struct trap_message m;
    struct sr_span got, bytes = { message, make_large(message, sizeof(message)) };

    (void)state;
    assert_int_equal(trap_message_read(bytes, &m), TRAP_OK);
    assert_int_equal(rewrite_trap(bytes, &changes, out, &got), REWRITE_ELENGTH);
    bytes.len = make_large(message, sizeof(message) - 200);
    assert_int_equal(rewrite_trap(bytes, &changes, out, &got), REWRITE_OK);
    assert_int_equal(trap_message_read(got, &m), TRAP_OK);
    assert_int_equal(m.varbind_count, 2);
}

static void
numbers_of_any_size_are_read_back(void **state)
{
    static const uint8_t v2c[] = { 0x30, 0x13, 2, 1, 1, 4, 1, 'p', 0xa7, 0x0b, 2, 1, 1, 2, 1, 0, 2,
        1, 0, 0x30, 0 };
    static const uint32_t ids[] = { 0, 1, 127, 128, 200, 255, 256, 32767, 32768, 0x7fffff, 0x800000,
        0x7fffffff };

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        const struct rewrite_trap changes = { ids[i], 0, NULL };
        struct trap_message m;
        struct sr_span got;
        assert_int_equal(
            rewrite_trap((struct sr_span){ v2c, sizeof(v2c) }, &changes, out, &got), REWRITE_OK);
        assert_int_equal(trap_message_read(got, &m), TRAP_OK);
        assert_int_equal(m.request_id, ids[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_the_tree_keep_all_but_what_had_to_change),
        cmocka_unit_test(messages_of_the_corpus_keep_all_but_what_had_to_change),
        cmocka_unit_test(no_prefix_of_a_message_is_read_past_its_end),
        cmocka_unit_test(numbers_of_any_size_are_read_back),
        cmocka_unit_test(a_message_without_room_for_the_mark_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
