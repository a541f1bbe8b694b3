/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded datagrams of exporters, made new and sent twice: the collector's decoder misses nothing,
 * and each record that comes out is known by its number.
 */
#include "../unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/output.h"
#include "flow_case.h"
#include "flow_cases.h"
#include "replay/rewrite_numbers.h"
#include "replay/rewrite_parts.h"

#include "../unit/netflow_rig.h"

#include "sr/banned.h"

#define PASSES 2U
#define DATAGRAMS_MAX 20000U

static uint8_t out[REWRITE_ROOM];

/* One run over a case. */
struct run {
    struct netflow_rig rig;
    struct rewrite_flows *flows;
    uint32_t expected[DATAGRAMS_MAX], stored[DATAGRAMS_MAX];
    uint32_t next;
    unsigned unknown; /* records that no number is known for */
};

static struct run run;

static void
on_message(void *arg, struct sr_span bytes)
{
    uint64_t number;

    (void)arg;
    if (!rewrite_flows_find(run.flows, bytes, &number)) {
        run.unknown++;
        return;
    }
    assert_true(number < run.next);
    run.stored[number]++;
}

static void
begin(uint64_t random)
{
    memset(&run, 0, sizeof(run));
    netflow_rig_begin(&run.rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    run.rig.message = on_message;
    run.flows = rewrite_flows_new(random, false);
    assert_non_null(run.flows);
}

static void
end(const char *name)
{
    for (unsigned i = 0; i < run.rig.exporter_count; i++) {
        struct nf_ledger *l = nf_exporter_ledger(run.rig.exporters[i]);
        if (l->missing + l->duplicates + l->restarts + l->reordered > 0) {
            print_error("%s: missing %lu, duplicates %lu, restarts %lu, reordered %lu\n", name,
                (unsigned long)l->missing, (unsigned long)l->duplicates, (unsigned long)l->restarts,
                (unsigned long)l->reordered);
            fail();
        }
    }
    for (uint32_t i = 0; i < run.next; i++) {
        if (run.stored[i] != run.expected[i]) {
            print_error(
                "%s: datagram %u: expected %u, got %u\n", name, i, run.expected[i], run.stored[i]);
            fail();
        }
    }
    rewrite_flows_free(run.flows);
    netflow_rig_end(&run.rig);
}

/* An index for each address. */
static uint32_t
source_of(const struct flow_case *c, size_t datagram)
{
    for (size_t i = 0; i < datagram; i++) {
        const struct sr_peer *a = &c->datagrams[i].peer, *b = &c->datagrams[datagram].peer;
        if (a->is_v6 == b->is_v6 && memcmp(a->address, b->address, a->is_v6 ? 16 : 4) == 0) {
            return (uint32_t)i;
        }
    }
    return (uint32_t)datagram;
}

static void
send_one(const struct flow_case *c, size_t i, uint64_t wall_ns)
{
    const struct flow_datagram *d = &c->datagrams[i];
    struct sr_span bytes = { d->bytes, d->len }, got = bytes;
    uint32_t records = 0;
    struct sr_peer peer = d->peer;

    /* The port tells templates apart, and there is one for each source here. */
    peer.port = 1;
    enum rewrite_err err = rewrite_flows_datagram(
        run.flows, source_of(c, i), wall_ns, run.next, bytes, out, &got, &records);
    if (err == REWRITE_OK) {
        assert_int_equal(got.len, d->len);
    }
    if (records > 0) {
        run.expected[run.next++] = records;
    }
    (void)netflow_rig_feed(&run.rig, &peer, got);
}

static unsigned
check_cases(const char *folder, const struct known_case *cases, size_t count)
{
    unsigned marked = 0;

    for (size_t n = 0; n < count; n++) {
        struct flow_case c;
        flow_case_load(&c, folder, cases[n].name);
        begin(n * UINT64_C(0x9e3779b97f4a7c15));
        for (size_t i = 0; i < PASSES * c.datagram_count; i++) {
            send_one(&c, i % c.datagram_count, NETFLOW_RIG_NOW + i * UINT64_C(1000000));
        }
        marked += run.next;
        end(cases[n].name);
        flow_case_free(&c);
    }
    return marked;
}

static void
cases_of_the_tree_are_sent_twice_without_a_gap(void **state)
{
    (void)state;
    assert_true(check_cases(SR_SOURCE_DIR "/tests/golden/netflow", shipped_cases,
                    shipped_cases_count) > 50);
}

static void
cases_of_the_corpus_are_sent_twice_without_a_gap(void **state)
{
    const char *corpus = getenv("SR_CORPUS");
    char folder[4096];

    (void)state;
    if (corpus == NULL) {
        print_message("skipped %u cases: SR_CORPUS is not set\n", outside_cases_count);
        skip();
    }
    (void)snprintf(folder, sizeof(folder), "%s/netflow", corpus);
    assert_true(check_cases(folder, outside_cases, outside_cases_count) > 50);
}

/* ---- Headers ---- */

/* A v5 datagram of one flow: export 1000 s, uptime 5000 ms, sequence 77, engine 1/2. */
static const uint8_t v5[24 + 48] = { 0, 5, 0, 1, 0, 0, 0x13, 0x88, 0, 0, 3, 0xe8, 0, 0, 0, 9, 0, 0,
    0, 77, 1, 2, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, [24 + 19] = 1, [24 + 23] = 100 };

static void
a_v5_header_gets_the_time_and_a_number_that_counts_flows(void **state)
{
    struct rewrite_flows *f = rewrite_flows_new(1000, false);
    struct sr_span got;
    uint32_t records;

    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(rewrite_flows_datagram(f, 0, UINT64_C(2000000000000007), i,
                             (struct sr_span){ v5, sizeof(v5) }, out, &got, &records),
            REWRITE_OK);
        assert_int_equal(records, 1);
        uint8_t want[sizeof(v5)];
        memcpy(want, v5, sizeof(v5));
        memcpy(want + 8, "\x00\x1e\x84\x80\0\0\0\x07", 8); /* 2,000,000 s and 7 ns */
        memcpy(want + 16, "\0\0\x03\xe8", 4);
        want[19] = (uint8_t)(want[19] + i);
        assert_memory_equal(got.data, want, sizeof(want));
    }
    rewrite_flows_free(f);
}

static void
no_prefix_of_a_datagram_is_read_past_its_end(void **state)
{
    struct rewrite_flows *f = rewrite_flows_new(1, false);
    struct sr_span got;
    uint32_t records;

    (void)state;
    for (size_t len = 0; len <= sizeof(v5); len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, v5, len);
        enum rewrite_err err =
            rewrite_flows_datagram(f, 0, 0, 0, (struct sr_span){ exact, len }, out, &got, &records);
        assert_int_equal(err, len < 24 ? REWRITE_EUNKNOWN : REWRITE_OK);
        free(exact);
    }
    rewrite_flows_free(f);
}

static void
a_source_beyond_the_limit_is_refused(void **state)
{
    struct rewrite_flows *f = rewrite_flows_new(1, true);
    struct sr_span got, bytes = { v5, sizeof(v5) };
    uint32_t records;

    (void)state;
    assert_int_equal(
        rewrite_flows_datagram(f, REWRITE_SOURCES_MAX, 0, 0, bytes, out, &got, &records),
        REWRITE_EUNKNOWN);
    rewrite_flows_free(f);
}

/*
 * IPFIX: a template of source address, destination address and so many times octets (of 8 bytes),
 * and a set of `data` with that id, both left out when NULL or 0. Returns the length.
 */
static size_t
make_ipfix(uint8_t *at, uint32_t sequence, uint16_t template, unsigned octets, uint16_t data,
    unsigned length)
{
    const uint8_t *begin = at;
    unsigned fields = 2 + octets;

    memset(at, 0, 512);
    at[1] = 10;
    at[10] = (uint8_t)(sequence >> 8);
    at[11] = (uint8_t)sequence;
    at += 16;
    if (template != 0) {
        const uint8_t head[] = { 0, 2, 0, (uint8_t)(8 + 4 * fields), (uint8_t)(template >> 8),
            (uint8_t) template, 0, (uint8_t)fields, 0, 8, 0, 4, 0, 12, 0, 4 };
        memcpy(at, head, sizeof(head));
        at += sizeof(head);
        for (unsigned i = 0; i < octets; i++) {
            memcpy(at, (const uint8_t[]){ 0, (uint8_t)(1 + i), 0, 8 }, 4);
            at += 4;
        }
    }
    if (data != 0) {
        const uint8_t head[] = { (uint8_t)(data >> 8), (uint8_t)data, 0, (uint8_t)(4 + length) };
        memcpy(at, head, sizeof(head));
        memset(at + 4, 1, length);
        at += 4 + length;
    }
    return (size_t)(at - begin);
}

static uint32_t
send_ipfix(struct rewrite_flows *f, uint32_t source, uint8_t *bytes, size_t len, uint32_t *sequence)
{
    struct sr_span got;
    uint32_t records;

    bytes[2] = (uint8_t)(len >> 8);
    bytes[3] = (uint8_t)len;
    assert_int_equal(rewrite_flows_datagram(f, source, NETFLOW_RIG_NOW, 0,
                         (struct sr_span){ bytes, len }, out, &got, &records),
        REWRITE_OK);
    *sequence = (uint32_t)got.data[8] << 24 | (uint32_t)got.data[9] << 16 |
                (uint32_t)got.data[10] << 8 | got.data[11];
    return records;
}

static void
templates_of_one_source_are_not_those_of_another(void **state)
{
    struct rewrite_flows *f = rewrite_flows_new(1, false);
    uint8_t bytes[512];
    uint32_t sequence;

    (void)state;
    /* Records of 16 bytes, and of 24, under the same id. */
    assert_int_equal(send_ipfix(f, 0, bytes, make_ipfix(bytes, 0, 256, 1, 0, 0), &sequence), 0);
    assert_int_equal(send_ipfix(f, 1, bytes, make_ipfix(bytes, 0, 256, 2, 0, 0), &sequence), 0);
    assert_int_equal(send_ipfix(f, 0, bytes, make_ipfix(bytes, 0, 0, 0, 256, 96), &sequence), 6);
    assert_int_equal(send_ipfix(f, 1, bytes, make_ipfix(bytes, 0, 0, 0, 256, 96), &sequence), 4);
    rewrite_flows_free(f);
}

static void
a_message_with_a_set_that_cannot_be_read_yet_has_no_mark(void **state)
{
    struct rewrite_flows *f = rewrite_flows_new(100, false);
    uint8_t bytes[512], more[512];
    uint32_t first, second;

    (void)state;
    assert_int_equal(send_ipfix(f, 0, bytes, make_ipfix(bytes, 7, 256, 1, 0, 0), &first), 0);
    /* A set of 2 records, and one of a template that did not come; 5 records, as the next tells. */
    size_t len = make_ipfix(bytes, 7, 0, 0, 256, 32);
    size_t behind = make_ipfix(more, 7, 0, 0, 300, 24);
    memcpy(bytes + len, more + 16, behind - 16);
    assert_int_equal(send_ipfix(f, 0, bytes, len + behind - 16, &first), 0);
    assert_int_equal(send_ipfix(f, 0, bytes, make_ipfix(bytes, 12, 0, 0, 256, 32), &second), 2);
    assert_int_equal(second - first, 5);
    rewrite_flows_free(f);
}

/* ---- Numbers ---- */

static void
numberings_never_share_a_number(void **state)
{
    struct rewrite_numbers *n = rewrite_numbers_new(UINT32_MAX - 5);
    uint32_t datagram = 0, found;

    (void)state;
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t source = 0; source < REWRITE_NUMBERINGS_MAX / 2; source++) {
            const struct rewrite_numbering of = { source, source % 7, 10 };
            uint32_t sequence;
            assert_true(rewrite_numbers_next(n, &of, 0, &sequence));
            assert_false(rewrite_numbers_find(n, sequence, 10, 0, &found));
            assert_true(rewrite_numbers_take(n, &of, 30, false, datagram));
            assert_true(rewrite_numbers_find(n, sequence, 10, source % 7, &found));
            assert_int_equal(found, datagram);
            assert_false(rewrite_numbers_find(n, sequence + 1, 10, 0, &found));
            assert_false(rewrite_numbers_find(n, sequence, 9, 0, &found));
            datagram++;
        }
    }
    rewrite_numbers_free(n);
}

static void
a_numbering_goes_on_in_the_next_part_while_that_is_free(void **state)
{
    struct rewrite_numbers *n = rewrite_numbers_new(7);
    const struct rewrite_numbering of = { 0, 0, 5 };
    uint32_t sequence, want = 7, found;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++, want += 4001) {
        assert_true(rewrite_numbers_next(n, &of, 0, &sequence));
        assert_int_equal(sequence, want);
        assert_true(rewrite_numbers_take(n, &of, 4001, false, i));
        assert_true(rewrite_numbers_find(n, sequence, 5, 0, &found));
        assert_int_equal(found, i);
    }
    rewrite_numbers_free(n);
}

static void
recorded_numbers_tell_what_could_not_be_counted(void **state)
{
    struct rewrite_numbers *n = rewrite_numbers_new(0);
    const struct rewrite_numbering of = { 0, 0, 10 };
    uint32_t sequence;

    (void)state;
    assert_true(rewrite_numbers_next(n, &of, 500, &sequence));
    assert_true(rewrite_numbers_take(n, &of, 2, true, REWRITE_UNMARKED));
    assert_true(rewrite_numbers_next(n, &of, 512, &sequence));
    assert_int_equal(sequence, 12);
    assert_true(rewrite_numbers_take(n, &of, 2, true, REWRITE_UNMARKED));
    assert_true(rewrite_numbers_next(n, &of, 3, &sequence)); /* the capture from its beginning */
    assert_int_equal(sequence, 14);
    rewrite_numbers_free(n);
}

static void
too_many_numberings_are_refused(void **state)
{
    struct rewrite_numbers *n = rewrite_numbers_new(0);
    uint32_t sequence;

    (void)state;
    for (uint32_t i = 0; i <= REWRITE_NUMBERINGS_MAX; i++) {
        const struct rewrite_numbering of = { i, 0, 9 };
        assert_int_equal(rewrite_numbers_next(n, &of, 0, &sequence), i < REWRITE_NUMBERINGS_MAX);
    }
    rewrite_numbers_free(n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_of_the_tree_are_sent_twice_without_a_gap),
        cmocka_unit_test(cases_of_the_corpus_are_sent_twice_without_a_gap),
        cmocka_unit_test(a_v5_header_gets_the_time_and_a_number_that_counts_flows),
        cmocka_unit_test(no_prefix_of_a_datagram_is_read_past_its_end),
        cmocka_unit_test(a_source_beyond_the_limit_is_refused),
        cmocka_unit_test(templates_of_one_source_are_not_those_of_another),
        cmocka_unit_test(a_message_with_a_set_that_cannot_be_read_yet_has_no_mark),
        cmocka_unit_test(numberings_never_share_a_number),
        cmocka_unit_test(a_numbering_goes_on_in_the_next_part_while_that_is_free),
        cmocka_unit_test(recorded_numbers_tell_what_could_not_be_counted),
        cmocka_unit_test(too_many_numberings_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
