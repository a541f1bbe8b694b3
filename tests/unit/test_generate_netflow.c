/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/output.h"
#include "decode/sequence.h"
#include "load/generate_netflow.h"
#include "load/mark.h"
#include "netflow_rig.h"

#define SECOND UINT64_C(1000000000)
#define NOW NETFLOW_RIG_NOW
#define RUN 0x00ABCDU

/* What the collector's own decoder makes of the messages. */
struct receiver {
    struct netflow_rig rig;
    uint64_t next;     /* mark that comes next */
    uint64_t earliest; /* of all flows */
    uint64_t sampled;  /* flows with a rate */
};

static void
take_flow(void *arg, struct sr_span bytes)
{
    static struct nf_flow flow;
    struct receiver *r = arg;
    struct mark mark;

    assert_true(mark_read(TRAFFIC_NETFLOW, bytes, &mark));
    assert_int_equal(mark.run, RUN);
    assert_int_equal(mark.sequence, r->next++);
    assert_true(nf_protobuf_read(bytes, &flow));
    uint64_t start = nf_flow_get(&flow, NF_TIME_FLOW_START_NS);
    assert_true(start <= nf_flow_get(&flow, NF_TIME_FLOW_END_NS));
    r->earliest = start < r->earliest ? start : r->earliest;
    r->sampled += nf_flow_get(&flow, NF_SAMPLING_RATE) == 100;
}

/* Sends so many messages of the load, a second apart after each `a_second`. */
static uint64_t
receive(struct receiver *r, const struct netflow_load *load, unsigned count, unsigned a_second)
{
    struct netflow_generator g;
    uint64_t records = 0;
    void *memory = malloc(netflow_generator_memory(load));
    const size_t room = netflow_generator_room(load);
    uint8_t *out = malloc(room);

    assert_non_null(memory);
    assert_non_null(out);
    netflow_rig_begin(&r->rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    r->rig.message = take_flow;
    r->rig.arg = r;
    r->earliest = UINT64_MAX;
    assert_true(netflow_generator_init(&g, load, memory));
    for (unsigned i = 0; i < count; i++) {
        struct generated made;
        netflow_generate(&g, NOW - 10 * SECOND + i / a_second * SECOND, out, &made);
        assert_true(made.len <= room && made.source < load->sources);
        assert_int_equal(made.sequence, records);
        records += made.records;
        const struct sr_peer peer = { .address = { 127, 0, 0, (uint8_t)(made.source + 1) } };
        (void)netflow_rig_feed(&r->rig, &peer, (struct sr_span){ out, made.len });
    }
    free(out);
    free(memory);
    return records;
}

/* Nothing was lost, doubted or kept waiting. */
static void
expect_clean(struct receiver *r, uint64_t records)
{
    assert_int_equal(r->next, records);
    assert_int_equal(r->rig.deadletters, 0);
    assert_int_equal(r->rig.lost, 0);
    assert_true(netflow_rig_ledger_sums(&r->rig));
    for (unsigned i = 0; i < r->rig.exporter_count; i++) {
        const struct nf_ledger *ledger = nf_exporter_ledger(r->rig.exporters[i]);
        assert_int_equal(ledger->missing, 0);
        assert_int_equal(ledger->duplicates, 0);
        assert_int_equal(ledger->restarts, 0);
        assert_int_equal(ledger->count_mismatches, 0);
        assert_int_equal(ledger->sets_malformed, 0);
    }
    assert_true(r->earliest > NOW - 200 * SECOND);
    netflow_rig_end(&r->rig);
}

static void
each_flow_of_each_format_comes_out_once_and_in_order(void **state)
{
    (void)state;
    for (int format = NETFLOW_V5; format < NETFLOW_FORMATS; format++) {
        struct receiver r = { .next = 0 };
        const unsigned records = netflow_full_records((enum netflow_format)format);
        const struct netflow_load load = {
            .kinds = { { (enum netflow_format)format, 1, records } },
            .kind_count = 1,
            .sources = 3,
            .run = RUN,
            .templates_ns = 30 * SECOND,
        };
        uint64_t sent = receive(&r, &load, 300, 100);
        assert_int_equal(sent, (format == NETFLOW_V5 ? 300U : 297U) * records);
        expect_clean(&r, sent);
    }
}

static void
datagrams_of_any_size_are_read_to_their_end(void **state)
{
    static const size_t sizes[] = { 128, 300, 999, 1472, 9000, NETFLOW_LONGEST };

    (void)state;
    for (int format = NETFLOW_V5; format < NETFLOW_FORMATS; format++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct receiver r = { .next = 0 };
            const unsigned records = netflow_fitting_records((enum netflow_format)format, sizes[i]);
            const struct netflow_load load = {
                .kinds = { { (enum netflow_format)format, 1, records } },
                .kind_count = 1,
                .sources = 1,
                .run = RUN,
                .templates_ns = 30 * SECOND,
            };
            assert_true(records > 0);
            assert_true(netflow_data_length((enum netflow_format)format, records) <= sizes[i]);
            uint64_t sent = receive(&r, &load, 5, 1);
            expect_clean(&r, sent);
        }
    }
}

static struct netflow_load
mixed_load(void)
{
    return (struct netflow_load){
        .kinds = { { NETFLOW_V5, 1, 30 }, { NETFLOW_V9, 2, 24 }, { NETFLOW_IPFIX, 2, 20 } },
        .kind_count = 3,
        .sources = 2,
        .run = RUN,
        .templates_ns = 2 * SECOND,
        .sampling = 100,
    };
}

static void
templates_and_options_are_repeated_without_a_gap_in_the_numbers(void **state)
{
    const struct netflow_load load = mixed_load();
    struct receiver r = { .next = 0 };
    uint64_t sent = receive(&r, &load, 1000, 100);

    (void)state;
    expect_clean(&r, sent);
}

static void
the_rate_of_sampling_is_known_for_all_flows(void **state)
{
    const struct netflow_load load = mixed_load();
    struct receiver r = { .next = 0 };
    uint64_t sent = receive(&r, &load, 200, 200);

    (void)state;
    assert_int_equal(r.sampled, sent);
    expect_clean(&r, sent);
}

/* The sequence number of the first datagram of a run. */
static uint32_t
first_number(uint32_t run)
{
    const struct netflow_load load = {
        .kinds = { { NETFLOW_V5, 1, 1 } },
        .kind_count = 1,
        .sources = 1,
        .run = run,
        .templates_ns = SECOND,
    };
    struct netflow_generator g;
    struct generated made;
    void *memory = malloc(netflow_generator_memory(&load));
    uint8_t *out = malloc(netflow_generator_room(&load));

    assert_non_null(memory);
    assert_non_null(out);
    assert_true(netflow_generator_init(&g, &load, memory));
    netflow_generate(&g, NOW, out, &made);
    struct sr_reader r = sr_reader_init((struct sr_span){ out + 16, 4 });
    const uint32_t number = sr_reader_be32(&r);
    free(out);
    free(memory);
    return number;
}

/* Else the collector takes its datagrams for copies of those of the run before. */
static void
a_run_begins_far_from_the_numbers_of_the_one_before(void **state)
{
    (void)state;
    for (uint32_t run = RUN; run < RUN + 20; run++) {
        const uint32_t ahead = first_number(run + 1) - first_number(run);
        assert_in_range(ahead, 2 * NF_SEQUENCE_WINDOW, UINT32_MAX - 2 * NF_SEQUENCE_WINDOW);
    }
}

static void
templates_are_repeated_after_the_clock_was_set_back(void **state)
{
    const struct netflow_load load = {
        .kinds = { { NETFLOW_V9, 1, 1 } },
        .kind_count = 1,
        .sources = 1,
        .run = RUN,
        .templates_ns = 30 * SECOND,
    };
    struct netflow_generator g;
    struct generated made;
    void *memory = malloc(netflow_generator_memory(&load));
    uint8_t *out = malloc(netflow_generator_room(&load));

    (void)state;
    assert_non_null(memory);
    assert_non_null(out);
    assert_true(netflow_generator_init(&g, &load, memory));
    netflow_generate(&g, NOW, out, &made);
    assert_int_equal(made.records, 0);
    netflow_generate(&g, NOW, out, &made);
    assert_int_equal(made.records, 1);
    netflow_generate(&g, NOW - 3600 * SECOND, out, &made);
    assert_int_equal(made.records, 0);
    netflow_generate(&g, NOW - 3599 * SECOND, out, &made);
    assert_int_equal(made.records, 1);
    free(out);
    free(memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flow_of_each_format_comes_out_once_and_in_order),
        cmocka_unit_test(datagrams_of_any_size_are_read_to_their_end),
        cmocka_unit_test(templates_and_options_are_repeated_without_a_gap_in_the_numbers),
        cmocka_unit_test(the_rate_of_sampling_is_known_for_all_flows),
        cmocka_unit_test(a_run_begins_far_from_the_numbers_of_the_one_before),
        cmocka_unit_test(templates_are_repeated_after_the_clock_was_set_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
