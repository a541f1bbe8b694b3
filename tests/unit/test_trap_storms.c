/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode/datagram.h"
#include "storms.h"
#include "trap_build.h"

#include "sr/banned.h"

#define SECOND_NS UINT64_C(1000000000)
#define NOW_NS (UINT64_C(1700000000) * SECOND_NS)

/* Two in 10 s pass; a storm is over after 5 s, and told of every 60 s. */
static const struct storm_options options = {
    .traps = 2,
    .interval_ns = 10 * SECOND_NS,
    .quiet_ns = 5 * SECOND_NS,
    .every_ns = 60 * SECOND_NS,
};

static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };

static struct storms *storms;
static uint8_t memory[TRAP_BUILD_ROOM];

static int
set_up(void **state)
{
    (void)state;
    storms = storms_new();
    return storms != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    storms_free(storms);
    return 0;
}

static void
read_message(const struct trap_wanted *wanted, struct trap_message *ret_message)
{
    struct sr_span bytes = { memory, trap_build(wanted, memory) };

    assert_int_equal(trap_message_read(bytes, ret_message), TRAP_OK);
}

static enum trap_gate_word
comes_from(const struct sr_peer *from, uint64_t after_ns, const struct trap_wanted *wanted)
{
    struct trap_message message;

    read_message(wanted, &message);
    enum trap_gate_word word = storms_admit(storms, &options, NOW_NS + after_ns, from, &message);
    memset(memory, 0xff, sizeof(memory)); /* what is kept is a copy */
    return word;
}

static enum trap_gate_word
comes(uint64_t after_ns, const struct trap_wanted *wanted)
{
    return comes_from(&peer, after_ns, wanted);
}

/* What was published last. */
static struct {
    unsigned count;
    uint64_t folded, all_folded, since_ns, received_ns;
    int64_t request;
    uint16_t port;
    bool is_full;
} published;

static bool
publish(
    void *arg, const struct sr_peer *from, uint64_t received_ns, const struct trap_message *message)
{
    (void)arg;
    if (published.is_full) {
        return false;
    }
    published.count++;
    published.folded = message->folded;
    published.all_folded += message->folded;
    published.since_ns = message->folded_since_ns;
    published.received_ns = received_ns;
    published.request = message->request_id;
    published.port = from->port;
    return true;
}

/* How many records a tick gave. */
static unsigned
ticks(uint64_t after_ns)
{
    unsigned before = published.count;

    storms_tick(storms, &options, NOW_NS + after_ns, publish, NULL);
    return published.count - before;
}

/* ---- Storms ---- */

static void
the_first_ones_pass_at_once(void **state)
{
    const struct trap_wanted link_down = { 0 };

    (void)state;
    assert_int_equal(comes(0, &link_down), TRAP_GATE_PASSES);
    assert_int_equal(comes(0, &link_down), TRAP_GATE_PASSES);
    assert_int_equal(comes(0, &link_down), TRAP_GATE_FOLDED);
}

static void
the_last_one_is_published_when_the_storm_is_over(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct trap_wanted w = { .request = i, .uptime = i };
        struct sr_peer from = peer;
        from.port = (uint16_t)(1000 + i);
        enum trap_gate_word word = comes_from(&from, (uint64_t)i * SECOND_NS / 100, &w);
        assert_int_equal(word, i < 2 ? TRAP_GATE_PASSES : TRAP_GATE_FOLDED);
    }
    assert_int_equal(ticks(5 * SECOND_NS), 0);
    assert_int_equal(ticks(6 * SECOND_NS), 1);
    assert_int_equal(published.folded, 98);
    assert_int_equal(published.request, 99);
    assert_int_equal(published.port, 1099);
    assert_int_equal(published.received_ns, NOW_NS + 99 * SECOND_NS / 100);
    assert_int_equal(published.since_ns, NOW_NS + 2 * SECOND_NS / 100);
    assert_int_equal(ticks(600 * SECOND_NS), 0);
}

static void
after_a_storm_the_next_one_passes_again(void **state)
{
    const struct trap_wanted link_down = { 0 };

    (void)state;
    for (int i = 0; i < 10; i++) {
        (void)comes(0, &link_down);
    }
    assert_int_equal(ticks(6 * SECOND_NS), 1);
    assert_int_equal(comes(11 * SECOND_NS, &link_down), TRAP_GATE_PASSES);
}

static void
while_a_storm_lasts_it_is_told_once_in_a_while(void **state)
{
    unsigned records = 0;

    (void)state;
    for (int i = 0; i <= 125; i++) {
        struct trap_wanted w = { .request = i };
        (void)comes((uint64_t)i * SECOND_NS, &w);
        records += ticks((uint64_t)i * SECOND_NS);
    }
    assert_int_equal(records, 2);
    assert_int_equal(published.request, 122); /* the storm began with number 2 */
    assert_int_equal(published.folded, 60);
    assert_int_equal(ticks(131 * SECOND_NS), 1);
    assert_int_equal(published.folded, 3);
    assert_int_equal(published.since_ns, NOW_NS + 123 * SECOND_NS);
}

static void
a_storm_that_becomes_rare_ends_when_it_is_told(void **state)
{
    const struct trap_wanted link_down = { 0 };
    uint64_t at = 0;

    (void)state;
    for (int i = 0; i < 10; i++) {
        (void)comes(at, &link_down);
    }
    for (; at <= 60 * SECOND_NS; at += 4 * SECOND_NS) { /* 2 in 10 s are less */
        assert_int_equal(comes(at, &link_down), TRAP_GATE_FOLDED);
    }
    assert_int_equal(ticks(60 * SECOND_NS), 1);
    assert_int_equal(comes(61 * SECOND_NS, &link_down), TRAP_GATE_FOLDED);
    struct storm_options patient = options;
    struct trap_message message;
    patient.quiet_ns = 30 * SECOND_NS;
    read_message(&link_down, &message);
    for (at = 62 * SECOND_NS; at < 121 * SECOND_NS; at += 10 * SECOND_NS) {
        assert_int_equal(
            storms_admit(storms, &patient, NOW_NS + at, &peer, &message), TRAP_GATE_FOLDED);
    }
    storms_tick(storms, &patient, NOW_NS + 122 * SECOND_NS, publish, NULL);
    assert_int_equal(storms_admit(storms, &patient, NOW_NS + 123 * SECOND_NS, &peer, &message),
        TRAP_GATE_PASSES);
}

static void
a_storm_is_over_when_half_of_those_that_may_come_do_not(void **state)
{
    const struct storm_options four = { 4, 10 * SECOND_NS, 5 * SECOND_NS, 60 * SECOND_NS };
    const struct trap_wanted link_down = { 0 };
    struct trap_message message;

    (void)state;
    read_message(&link_down, &message);
    for (int i = 0; i < 5; i++) {
        (void)storms_admit(storms, &four, NOW_NS, &peer, &message);
    }
    for (unsigned i = 1; i <= 21; i++) { /* 4 in 11 s, which leaves three of the next ones */
        assert_int_equal(
            storms_admit(storms, &four, NOW_NS + i * 11 * SECOND_NS / 4, &peer, &message),
            TRAP_GATE_FOLDED);
    }
    storms_tick(storms, &four, NOW_NS + 60 * SECOND_NS, publish, NULL);
    assert_int_equal(
        storms_admit(storms, &four, NOW_NS + 60 * SECOND_NS, &peer, &message), TRAP_GATE_PASSES);
}

static void
a_late_tick_does_not_take_the_last_for_an_older_one(void **state)
{
    struct trap_wanted w = { 0 };

    (void)state;
    for (w.request = 0; w.request < 3; w.request++) {
        (void)comes(0, &w);
    }
    /* It would pass, but the one that is kept is older and not yet published. */
    assert_int_equal(comes(20 * SECOND_NS, &w), TRAP_GATE_FOLDED);
    assert_int_equal(ticks(26 * SECOND_NS), 1);
    assert_int_equal(published.folded, 2);
    assert_int_equal(published.request, 3);
}

static void
without_room_the_last_one_waits(void **state)
{
    const struct trap_wanted link_down = { 0 };
    struct storms_counts counts;

    (void)state;
    for (int i = 0; i < 5; i++) {
        (void)comes(0, &link_down);
    }
    published.is_full = true;
    assert_int_equal(ticks(6 * SECOND_NS), 0);
    storms_count(storms, &counts);
    assert_int_equal(counts.folding, 1);
    published.is_full = false;
    assert_int_equal(ticks(7 * SECOND_NS), 1);
    assert_int_equal(published.folded, 3);
    storms_count(storms, &counts);
    assert_int_equal(counts.folding, 0);
    assert_int_equal(counts.begun, 1);
    assert_int_equal(counts.published, 1);
}

static void
a_clock_that_was_set_back_ends_storms(void **state)
{
    const struct trap_wanted link_down = { 0 };

    (void)state;
    for (int i = 0; i < 5; i++) {
        (void)comes(3600 * SECOND_NS, &link_down);
    }
    assert_int_equal(ticks(3600 * SECOND_NS - SECOND_NS / 2), 0); /* another thread's batch */
    assert_int_equal(ticks(0), 1);
    assert_int_equal(published.folded, 3);
    assert_int_equal(comes(11 * SECOND_NS, &link_down), TRAP_GATE_PASSES);
}

static void
a_message_that_is_too_large_is_published_and_nothing_before_it_forgotten(void **state)
{
    const struct trap_wanted small = { .request = 1 }, large = { .request = 2, .padding = 1000 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        (void)comes(0, &small);
    }
    assert_int_equal(comes(0, &large), TRAP_GATE_TOO_LARGE);
    assert_int_equal(ticks(6 * SECOND_NS), 1);
    assert_int_equal(published.folded, 1);
    assert_int_equal(published.request, 1);
}

/* ---- Kinds ---- */

/* Whether two notifications are of one kind. */
static bool
are_alike(const struct sr_peer *from, const struct trap_wanted *a, const struct trap_wanted *b)
{
    const uint64_t seed[2] = { 1, 2 };
    struct trap_kind first, second;
    struct trap_message message;

    read_message(a, &message);
    assert_true(trap_kind_of(seed, &peer, &message, &first));
    read_message(b, &message);
    assert_true(trap_kind_of(seed, from, &message, &second));
    return memcmp(&first, &second, sizeof(first)) == 0;
}

static void
times_and_numbers_make_no_kinds(void **state)
{
    const struct trap_wanted a = { .request = 1, .uptime = 1 },
                             b = { .request = 2, .uptime = 2, .padding = 9 };
    struct sr_peer other_port = peer;

    (void)state;
    other_port.port++;
    assert_true(are_alike(&other_port, &a, &b));
}

static void
who_what_and_to_what_make_kinds(void **state)
{
    static const struct trap_wanted plain = { 0 }, others[] = {
        { .community = "private" },
        { .trap = "1.3.6.1.6.3.1.1.5.4" },
        { .object = "1.3.6.1.2.1.2.2.1.1.8" },
        { .value = 8 }, /* of an ifIndex */
        { .agent = 1 },
        { .agent = 2 },
        { .version = 1 },
        { .version = 1, .agent = 1 },
        { .pdu = TRAP_PDU_INFORM },
    };
    const size_t count = sizeof(others) / sizeof(others[0]);
    struct sr_peer other = peer;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_false(are_alike(&peer, &plain, &others[i]));
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(are_alike(&peer, &others[i], &others[j]), i == j);
        }
    }
    other.address[3]++;
    assert_false(are_alike(&other, &plain, &plain));
}

static void
values_of_other_objects_make_no_kinds(void **state)
{
    const struct trap_wanted a = { .object = "1.3.6.1.2.1.33.1.2.3.0", .value = 1 },
                             b = { .object = "1.3.6.1.2.1.33.1.2.3.0", .value = 2 };

    (void)state;
    assert_true(are_alike(&peer, &a, &b));
}

static void
what_says_nothing_of_itself_is_never_folded(void **state)
{
    struct trap_message message;

    (void)state;
    read_message(&(struct trap_wanted){ 0 }, &message);
    message.varbinds.len = 0;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(storms_admit(storms, &options, NOW_NS, &peer, &message), TRAP_GATE_PASSES);
    }
}

static void
of_v3_users_and_contexts_make_kinds_and_are_kept(void **state)
{
    struct trap_message message, again;
    struct trap_kind a, b;
    struct trap_kept kept;
    const uint64_t seed[2] = { 1, 2 };

    (void)state;
    read_message(&(struct trap_wanted){ .request = 5 }, &message);
    message.version = TRAP_V3;
    message.level = TRAP_PRIV;
    message.community = (struct sr_span){ NULL, 0 };
    message.user = span_of("joe");
    message.engine_id = span_of("engine");
    message.context_engine_id = span_of("context engine");
    message.context_name = span_of("vlan-1");
    assert_true(trap_kept_put(&kept, &peer, NOW_NS, &message));
    assert_true(trap_kind_of(seed, &peer, &message, &a));
    trap_kept_get(&kept, &again);
    assert_int_equal(again.version, TRAP_V3);
    assert_int_equal(again.level, TRAP_PRIV);
    assert_int_equal(again.pdu, TRAP_PDU_TRAP_V2);
    assert_int_equal(again.request_id, 5);
    assert_int_equal(again.varbind_count, message.varbind_count);
    assert_memory_equal(again.user.data, "joe", 3);
    assert_memory_equal(again.context_name.data, "vlan-1", again.context_name.len);
    assert_true(trap_kind_of(seed, &peer, &again, &b));
    assert_memory_equal(&a, &b, sizeof(a));
    again.context_name = span_of("vlan-2");
    assert_true(trap_kind_of(seed, &peer, &again, &b));
    assert_memory_not_equal(&a, &b, sizeof(a));
}

static void
the_largest_message_is_kept_and_no_larger_one(void **state)
{
    static struct trap_kept kept;
    struct trap_message message;
    struct trap_wanted w = { .padding = 1 };

    (void)state;
    read_message(&w, &message);
    w.padding += TRAP_KEPT_MAX - message.whole_pdu.len - message.community.len;
    read_message(&w, &message);
    assert_true(trap_kept_put(&kept, &peer, NOW_NS, &message));
    w.padding++;
    read_message(&w, &message);
    assert_false(trap_kept_put(&kept, &peer, NOW_NS, &message));
}

/* ---- Memory ---- */

static void
more_kinds_than_places_are_published_and_none_is_lost(void **state)
{
    unsigned passed = 0, folded = 0, no_place = 0;

    (void)state;
    for (unsigned i = 0; i < 3 * STORMS_MAX; i++) {
        struct trap_wanted w = { .value = (int)i };
        for (unsigned j = 0; j < 4; j++) {
            enum trap_gate_word word = comes(0, &w);
            passed += word == TRAP_GATE_PASSES;
            folded += word == TRAP_GATE_FOLDED;
            no_place += word == TRAP_GATE_NO_PLACE;
        }
    }
    assert_int_equal(passed + folded + no_place, 12 * STORMS_MAX);
    assert_true(folded <= 2 * STORMS_MAX && folded > STORMS_MAX);
    assert_true(no_place > 0);
    published.all_folded = published.count = 0;
    storms_tick(storms, NULL, NOW_NS, publish, NULL);
    assert_int_equal(published.count, folded / 2);
    assert_int_equal(published.all_folded, folded);
}

static void
kinds_without_a_storm_give_way_to_others(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10 * STORMS_MAX; i++) {
        struct trap_wanted w = { .value = (int)i };
        assert_int_equal(comes(i, &w), TRAP_GATE_PASSES);
    }
}

/* Ever fewer may pass of one that comes more often than it may, unless its place was taken. */
static void
a_kind_that_is_heard_of_keeps_its_place(void **state)
{
    const struct trap_wanted steady = { .trap = "1.3.6.1.6.3.1.1.5.4" };
    struct trap_wanted other = { 0 };

    (void)state;
    for (; other.value < (int)(10 * STORMS_MAX); other.value++) {
        (void)comes(0, &other);
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_int_equal(
            comes(4 * i * SECOND_NS + 1, &steady), i < 6 ? TRAP_GATE_PASSES : TRAP_GATE_FOLDED);
        for (int end = other.value + 256; other.value < end; other.value++) {
            (void)comes((4 * i + 2) * SECOND_NS, &other);
        }
    }
}

/* ---- Threads ---- */

static _Atomic uint64_t passed_by_threads, folded_by_threads;

static void *
send_many(void *arg)
{
    uint8_t own[TRAP_BUILD_ROOM];
    struct trap_message message;

    for (int i = 0; i < 3000; i++) {
        struct trap_wanted w = { .value = i % 5 };
        size_t len = trap_build(&w, own);
        (void)trap_message_read((struct sr_span){ own, len }, &message);
        bool is_folded = storms_admit(storms, &options, NOW_NS + (uint64_t)i * SECOND_NS / 50,
                             &peer, &message) == TRAP_GATE_FOLDED;
        atomic_fetch_add(is_folded ? &folded_by_threads : &passed_by_threads, 1);
    }
    return arg;
}

static void
threads_lose_nothing_of_each_other(void **state)
{
    pthread_t threads[3];

    (void)state;
    published.all_folded = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, NULL), 0);
    }
    for (unsigned i = 0; i < 200; i++) {
        (void)ticks(i * SECOND_NS / 3);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    storms_tick(storms, NULL, NOW_NS, publish, NULL);
    assert_int_equal(atomic_load(&passed_by_threads) + atomic_load(&folded_by_threads), 9000);
    assert_int_equal(published.all_folded, atomic_load(&folded_by_threads));
}

/* ---- Datagrams ---- */

static struct {
    uint8_t record[TRAP_RECORD_MAX + 1];
    unsigned commits, answers;
    const char *consumed;
    bool is_full;
} sink;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return !sink.is_full && max <= TRAP_RECORD_MAX ? sink.record : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    sink.record[len] = '\0';
    sink.commits += records;
}

static void
consumed(void *arg, const char *reason)
{
    (void)arg;
    sink.consumed = reason;
}

static bool
repeated(void *arg, const struct sr_request *request)
{
    (void)arg;
    (void)request;
    return false;
}

static void
commit_request(void *arg, size_t len, const struct sr_request *request)
{
    (void)request;
    commit(arg, len, 1);
}

static void
answer(void *arg, struct sr_span bytes)
{
    (void)arg;
    assert_int_equal(bytes.data[0], BER_SEQUENCE);
    sink.answers++;
}

static const struct sr_emit emit = {
    .reserve = reserve,
    .commit = commit,
    .consumed = consumed,
    .repeated = repeated,
    .reserve_request = reserve,
    .commit_request = commit_request,
    .answer = answer,
};

static void
request_id(struct sr_span identity, uint8_t id[SR_REQUEST_ID_LEN])
{
    assert_true(identity.len > 0);
    memset(id, 7, SR_REQUEST_ID_LEN);
}

static enum trap_gate_word
fold_all(void *arg, uint64_t now_ns, const struct sr_peer *from, const struct trap_message *message)
{
    (void)now_ns;
    assert_ptr_equal(from, &peer);
    assert_true(trap_is_notification(message));
    (*(unsigned *)arg)++;
    return TRAP_GATE_FOLDED;
}

static struct trap_scratch scratch;

static enum sr_verdict
feed(const struct trap_wanted *wanted)
{
    static const struct trap_config config = { .request_id = request_id };
    struct sr_span bytes = { memory, trap_build(wanted, memory) };

    return sr_trap_datagram(&config, NULL, &scratch, NOW_NS, &peer, bytes, &emit);
}

static void
what_is_folded_is_consumed_and_an_inform_answered_at_once(void **state)
{
    unsigned asked = 0;
    const struct trap_gate gate = { &asked, fold_all };

    (void)state;
    scratch.gate = &gate;
    assert_int_equal(feed(&(struct trap_wanted){ 0 }), SR_CONSUMED);
    assert_string_equal(sink.consumed, "folded");
    assert_int_equal(sink.answers, 0);
    assert_int_equal(feed(&(struct trap_wanted){ .pdu = TRAP_PDU_INFORM }), SR_CONSUMED);
    assert_int_equal(sink.answers, 1);
    assert_int_equal(sink.commits, 0);
    assert_int_equal(asked, 2);
    scratch.gate = NULL;
}

static void
what_is_no_notification_does_not_come_to_the_gate(void **state)
{
    unsigned asked = 0;
    const struct trap_gate gate = { &asked, fold_all };

    (void)state;
    scratch.gate = &gate;
    assert_int_equal(feed(&(struct trap_wanted){ .pdu = TRAP_PDU_GET }), SR_CONSUMED);
    sink.is_full = true;
    assert_int_equal(feed(&(struct trap_wanted){ 0 }), SR_FULL);
    sink.is_full = false;
    assert_int_equal(asked, 0);
    scratch.gate = NULL;
}

static void
the_last_of_a_storm_says_for_how_many_it_stands(void **state)
{
    struct trap_config config = { .enrich = true };
    struct trap_message message;

    (void)state;
    read_message(&(struct trap_wanted){ 0 }, &message);
    message.folded = 4711;
    message.folded_since_ns = NOW_NS - 1;
    assert_true(sr_trap_last_of_storm(&config, &scratch, &peer, NOW_NS, &message, &emit));
    assert_non_null(strstr((const char *)sink.record,
        ",\"snmp.folded_count\":4711,\"snmp.folded_first\":\"2023-11-14T22:13:19.999999999Z\""));
    assert_non_null(
        strstr((const char *)sink.record, ",\"timestamp\":\"2023-11-14T22:13:20.000000000Z\""));
    config.enrich = false;
    assert_true(sr_trap_last_of_storm(&config, &scratch, &peer, NOW_NS, &message, &emit));
    assert_null(strstr((const char *)sink.record, "folded"));
    sink.is_full = true;
    assert_false(sr_trap_last_of_storm(&config, &scratch, &peer, NOW_NS, &message, &emit));
    sink.is_full = false;
}

#define STORM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORM_TEST(the_first_ones_pass_at_once),
        STORM_TEST(the_last_one_is_published_when_the_storm_is_over),
        STORM_TEST(after_a_storm_the_next_one_passes_again),
        STORM_TEST(while_a_storm_lasts_it_is_told_once_in_a_while),
        STORM_TEST(a_storm_that_becomes_rare_ends_when_it_is_told),
        STORM_TEST(a_storm_is_over_when_half_of_those_that_may_come_do_not),
        STORM_TEST(a_late_tick_does_not_take_the_last_for_an_older_one),
        STORM_TEST(without_room_the_last_one_waits),
        STORM_TEST(a_clock_that_was_set_back_ends_storms),
        STORM_TEST(a_message_that_is_too_large_is_published_and_nothing_before_it_forgotten),
        cmocka_unit_test(times_and_numbers_make_no_kinds),
        cmocka_unit_test(who_what_and_to_what_make_kinds),
        cmocka_unit_test(values_of_other_objects_make_no_kinds),
        STORM_TEST(what_says_nothing_of_itself_is_never_folded),
        cmocka_unit_test(of_v3_users_and_contexts_make_kinds_and_are_kept),
        cmocka_unit_test(the_largest_message_is_kept_and_no_larger_one),
        STORM_TEST(more_kinds_than_places_are_published_and_none_is_lost),
        STORM_TEST(kinds_without_a_storm_give_way_to_others),
        STORM_TEST(a_kind_that_is_heard_of_keeps_its_place),
        STORM_TEST(threads_lose_nothing_of_each_other),
        cmocka_unit_test(what_is_folded_is_consumed_and_an_inform_answered_at_once),
        cmocka_unit_test(what_is_no_notification_does_not_come_to_the_gate),
        cmocka_unit_test(the_last_of_a_storm_says_for_how_many_it_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
