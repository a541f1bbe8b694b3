/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>

#include "decode/datagram.h"
#include "exporters.h"

#include "sr/banned.h"

#define MEMORY (64U << 20)
#define NOW_NS UINT64_C(1700000000000000000)

static const struct nf_config config = {
    .max_templates = 2000,
    .max_template_fields = 1000,
    .max_domains = 16,
    .max_pending_sets = 16,
    .max_pending_bytes = 65536,
    .pending_ttl_ns = 300 * UINT64_C(1000000000),
};

/* ---- What exporters send ---- */

struct datagram {
    uint8_t bytes[1500];
    size_t len;
};

static void
put(struct datagram *d, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;) {
        d->bytes[d->len++] = (uint8_t)(value >> 8 * i);
    }
}

static struct datagram
v9(void)
{
    struct datagram d = { .len = 0 };

    put(&d, 9, 2);
    put(&d, 1, 2);
    put(&d, 1000, 4);
    put(&d, NOW_NS / 1000000000, 4);
    put(&d, 1, 4);
    put(&d, 7, 4);
    return d;
}

static struct datagram
template_of(unsigned id, unsigned fields)
{
    struct datagram d = v9();

    put(&d, 0, 2);
    put(&d, 8 + 4 * fields, 2);
    put(&d, id, 2);
    put(&d, fields, 2);
    for (unsigned i = 0; i < fields; i++) {
        put(&d, 1, 2); /* octets */
        put(&d, 4, 2);
    }
    return d;
}

static struct datagram
data_of(unsigned id)
{
    struct datagram d = v9();

    put(&d, id, 2);
    put(&d, 8, 2);
    put(&d, 5, 4);
    return d;
}

/* ---- Emitting nothing ---- */

static _Thread_local unsigned deadletters;
static _Thread_local struct nf_scratch scratch;

static uint8_t *
reserve(void *arg, size_t max)
{
    static _Thread_local uint8_t room[4096];

    (void)arg;
    return max <= sizeof(room) ? room : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    (void)len;
    (void)records;
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
    deadletters++;
}

static void
verdict(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void
lost(void *arg, const char *reason, uint32_t records)
{
    (void)arg;
    (void)reason;
    (void)records;
}

static const struct sr_emit emit = {
    .reserve = reserve,
    .commit = commit,
    .deadletter = deadletter,
    .consumed = verdict,
    .refused = verdict,
    .lost = lost,
};

/* ---- Using the table ---- */

static struct sr_peer
peer_of(uint32_t n)
{
    return (struct sr_peer){
        .address = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n },
        .port = 2055,
    };
}

/* Held; what had to go for it is buried as the collector does. NULL: no room. */
static struct exporter *
hold(struct exporters *t, uint32_t n)
{
    struct sr_peer peer = peer_of(n);
    struct exporter *evicted;
    bool is_new;
    struct exporter *e = exporters_hold(t, &peer, &is_new, &evicted);

    while (evicted != NULL) {
        sr_netflow_expire(evicted->state, &config, &scratch, UINT64_MAX, &emit);
        evicted = exporters_bury(evicted);
    }
    return e;
}

static void
take(struct exporter *e, const struct datagram *d)
{
    struct nf_input input = {
        .scratch = &scratch,
        .now_ns = NOW_NS,
        .peer = &e->peer,
        .bytes = { d->bytes, d->len },
    };

    exporters_lock(e);
    (void)sr_netflow_datagram(e->state, &config, &input, &emit);
    exporters_unlock(e);
}

/* The exporter number `n` sends a datagram; false when there was no room for it. */
static bool
send_one(struct exporters *t, uint32_t n, struct datagram d)
{
    struct exporter *e = hold(t, n);

    if (e != NULL) {
        take(e, &d);
        exporters_release(e);
    }
    return e != NULL;
}

static bool
is_there(struct exporters *t, uint32_t n)
{
    struct sr_peer peer = peer_of(n);
    struct exporter *e = exporters_find(t, &peer);

    exporters_release(e);
    return e != NULL;
}

static struct exporters_status
status_of(struct exporters *t)
{
    struct exporters_status s;

    exporters_status(t, &s);
    return s;
}

/* ---- Tests ---- */

static void
an_address_is_one_exporter_whatever_its_port(void **state)
{
    struct exporters *t = exporters_new(100, MEMORY);
    struct exporter *evicted;
    struct sr_peer peer = peer_of(9);
    bool is_new;

    (void)state;
    struct exporter *a = exporters_hold(t, &peer, &is_new, &evicted);
    assert_true(is_new);
    peer.port = 9999;
    peer.address[7] = 1; /* no part of an IPv4 address */
    struct exporter *b = exporters_hold(t, &peer, &is_new, &evicted);
    assert_false(is_new);
    assert_ptr_equal(a, b);
    peer.is_v6 = true;
    struct exporter *c = exporters_hold(t, &peer, &is_new, &evicted);
    assert_true(is_new);
    assert_ptr_not_equal(a, c);
    assert_true(exporter_is(c, &peer));
    assert_false(exporter_is(a, &peer));
    exporters_release(a);
    exporters_release(b);
    exporters_release(c);
    assert_int_equal(status_of(t).count, 2);
    exporters_free(t);
}

static void
invented_addresses_take_no_place_from_exporters_with_templates(void **state)
{
    struct exporters *t = exporters_new(100, MEMORY);

    (void)state;
    for (uint32_t i = 0; i < 90; i++) {
        assert_true(send_one(t, i, template_of(256, 3)));
    }
    assert_int_equal(status_of(t).kept, 90);
    for (uint32_t i = 1000; i < 51000; i++) {
        exporters_release(hold(t, i));
    }
    for (uint32_t i = 0; i < 90; i++) {
        assert_true(is_there(t, i));
    }
    assert_int_equal(status_of(t).count, 100);
    assert_int_equal(status_of(t).evicted, 50000 - 10);
    exporters_free(t);
}

static void
data_without_a_template_protects_nobody(void **state)
{
    struct exporters *t = exporters_new(100, MEMORY);

    (void)state;
    deadletters = 0;
    for (uint32_t i = 0; i < 90; i++) {
        assert_true(send_one(t, i, template_of(256, 3)));
    }
    for (uint32_t i = 1000; i < 2000; i++) {
        assert_true(send_one(t, i, data_of(256)));
    }
    for (uint32_t i = 0; i < 90; i++) {
        assert_true(is_there(t, i));
    }
    assert_int_equal(deadletters, 990); /* what waited at those that had to go */
    exporters_free(t);
}

static void
a_table_full_of_templates_has_room_for_new_exporters(void **state)
{
    struct exporters *t = exporters_new(160, MEMORY);

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(send_one(t, i, template_of(256, 3)));
        assert_true(send_one(t, 0, template_of(256, 3))); /* who is used stays */
    }
    assert_true(is_there(t, 0));
    assert_true(is_there(t, 999));
    assert_int_equal(status_of(t).count, 160);
    /* From here on invented addresses push out each other, but for a sixteenth. */
    for (uint32_t i = 100000; i < 110000; i++) {
        exporters_release(hold(t, i));
    }
    assert_in_range(status_of(t).kept, 150, 160);
    exporters_free(t);
}

static void
who_is_held_is_not_evicted(void **state)
{
    struct exporters *t = exporters_new(4, MEMORY);
    struct exporter *held[4];

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        held[i] = hold(t, i);
        assert_non_null(held[i]);
    }
    assert_null(hold(t, 100));
    exporters_release(held[2]);
    struct exporter *e = hold(t, 100);
    assert_non_null(e);
    assert_false(is_there(t, 2));
    assert_true(is_there(t, 1));
    exporters_release(e);
    exporters_free(t);
}

/* As those are that are being written to the file. */
static void
many_that_are_held_are_passed_over(void **state)
{
    struct exporters *t = exporters_new(50, MEMORY);
    struct exporter *held[40];
    size_t cursor = 0;

    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        assert_true(send_one(t, i, template_of(256, 3)));
    }
    assert_int_equal(exporters_next(t, &cursor, false, held, 40), 40);
    assert_true(send_one(t, 100, template_of(256, 3)));
    for (unsigned i = 0; i < 40; i++) {
        exporters_release(held[i]);
    }
    exporters_free(t);
}

static void
the_memory_of_all_and_of_each_is_bounded(void **state)
{
    const uint64_t memory = 1U << 20;
    struct exporters *t = exporters_new(1000, memory);

    (void)state;
    for (unsigned id = 256; id < 1000; id++) {
        assert_true(send_one(t, 1, template_of(id, 300)));
    }
    assert_in_range(status_of(t).memory, memory / 16, memory / EXPORTERS_MEMORY_PART + 1024);
    for (uint32_t n = 0; n < 3000; n++) {
        assert_true(send_one(t, n, template_of(256, 300)));
        assert_in_range(status_of(t).memory, 0, memory);
    }
    assert_true(status_of(t).evicted > 1000);
    exporters_free(t);
}

static void
who_is_invented_does_not_drive_out_templates_when_memory_is_short(void **state)
{
    const uint64_t memory = 4U << 20;
    struct exporters *t = exporters_new(1000, memory);
    uint32_t n = 0;

    (void)state;
    while (status_of(t).memory < memory / 8 * 7) {
        assert_true(send_one(t, n++, template_of(256, 300)));
    }
    uint64_t kept = status_of(t).kept;
    for (uint32_t i = 100000; i < 110000; i++) {
        exporters_release(hold(t, i));
    }
    assert_in_range(status_of(t).kept, kept - 2, kept);
    exporters_free(t);
}

static void
counts_of_exporters_that_are_gone_stay_in_the_sum(void **state)
{
    struct exporters *t = exporters_new(100, MEMORY);
    struct exporters_row rows[3];
    struct ledger total;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(send_one(t, i, data_of(256)));
    }
    assert_int_equal(exporters_report(t, rows, 3, &total), 3);
    assert_int_equal(total.counts[LEDGER_INDEX(datagrams)], 1000);
    assert_int_equal(total.counts[LEDGER_INDEX(sets_parked)], 1000);
    assert_int_equal(total.counts[LEDGER_INDEX(sets_expired)], 900);
    exporters_free(t);
}

static void
a_report_has_those_with_most_records_first(void **state)
{
    struct exporters *t = exporters_new(100, MEMORY);
    struct exporters_row rows[5];
    struct ledger total;

    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        uint32_t n = i * 37 % 50;
        assert_true(send_one(t, n, template_of(256, 1)));
        for (uint32_t j = 0; j < n; j++) {
            assert_true(send_one(t, n, data_of(256)));
        }
    }
    assert_int_equal(exporters_report(t, rows, 5, &total), 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(rows[i].peer.address[3], 49 - i);
        assert_int_equal(rows[i].ledger.counts[LEDGER_INDEX(records)], 49 - i);
    }
    assert_int_equal(total.counts[LEDGER_INDEX(records)], 49 * 50 / 2);
    assert_int_equal(exporters_report(t, NULL, 0, &total), 0);
    assert_int_equal(total.counts[LEDGER_INDEX(records)], 49 * 50 / 2);
    exporters_free(t);
}

static void
all_are_visited_once(void **state)
{
    struct exporters *t = exporters_new(300, MEMORY);
    struct exporter *held[7];
    unsigned seen[200] = { 0 };
    size_t cursor = 0, count, waiting = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        assert_true(send_one(t, i, i % 10 == 0 ? data_of(256) : template_of(256, 1)));
    }
    while ((count = exporters_next(t, &cursor, false, held, 7)) > 0) {
        for (size_t i = 0; i < count; i++) {
            seen[held[i]->peer.address[3]]++;
            exporters_release(held[i]);
        }
    }
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(seen[i], 1);
    }
    cursor = 0;
    while ((count = exporters_next(t, &cursor, true, held, 7)) > 0) {
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(held[i]->peer.address[3] % 10, 0);
            exporters_release(held[i]);
        }
        waiting += count;
    }
    assert_int_equal(waiting, 20);
    exporters_free(t);
}

static void
a_saved_exporter_takes_the_place_of_one_with_its_address(void **state)
{
    struct exporters *t = exporters_new(100, MEMORY);
    uint8_t bytes[4096];

    (void)state;
    assert_true(send_one(t, 5, template_of(256, 3)));
    assert_true(send_one(t, 5, template_of(257, 3)));
    struct exporter *e = hold(t, 5);
    size_t len = nf_exporter_save(e->state, bytes, sizeof(bytes));
    exporters_release(e);
    for (unsigned i = 0; i < 2; i++) { /* over itself, and as a new one */
        struct sr_span saved = { bytes, len };
        e = exporters_load(t, &config, &saved, NOW_NS);
        assert_non_null(e);
        assert_int_equal(saved.len, 0);
        assert_int_equal(e->peer.address[3], 5);
        assert_int_equal(atomic_load(&nf_exporter_ledger(e->state)->datagrams), 0);
        exporters_release(e);
        assert_int_equal(status_of(t).count, 1);
        assert_int_equal(status_of(t).kept, 1);
        exporters_free(t);
        t = exporters_new(100, MEMORY);
    }
    struct sr_span damaged = { bytes, len / 2 };
    assert_null(exporters_load(t, &config, &damaged, NOW_NS));
    assert_int_equal(status_of(t).count, 0);
    assert_int_equal(status_of(t).memory, 0);
    exporters_free(t);
}

/* ---- Threads ---- */

#define THREADS 4U
#define ROUNDS 20000U

struct crowd {
    struct exporters *t;
    unsigned number;
    uint64_t sent;
};

/* Sends from a few exporters that all threads share, and from others that push each other out. */
static void *
crowd_main(void *arg)
{
    struct crowd *c = arg;
    struct datagram template = template_of(256, 3), data = data_of(256);
    struct exporter *last = NULL;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t n = i % 3 == 0 ? i % 40 : 1000 + (i * 7919 + c->number) % 500;
        struct exporter *e = hold(c->t, n);
        if (e != NULL) {
            take(e, i % 5 == 0 ? &template : &data);
            c->sent++;
            exporters_release(last);
            last = e; /* held on, as a receiving thread does */
        }
        if (i % 1000 == 0) {
            struct exporters_row rows[4];
            struct ledger total;
            (void)exporters_report(c->t, rows, 4, &total);
        }
    }
    exporters_release(last);
    return NULL;
}

static void
threads_share_exporters_while_others_are_evicted(void **state)
{
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    struct exporters *t = exporters_new(100, MEMORY);
    struct ledger total;
    uint64_t sent = 0;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){ .t = t, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &crowds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        sent += crowds[i].sent;
    }
    assert_int_equal(sent, THREADS * ROUNDS); /* there is always one that may go */
    (void)exporters_report(t, NULL, 0, &total);
    assert_int_equal(total.counts[LEDGER_INDEX(datagrams)], sent);
    assert_int_equal(status_of(t).count, 100);
    exporters_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_one_exporter_whatever_its_port),
        cmocka_unit_test(invented_addresses_take_no_place_from_exporters_with_templates),
        cmocka_unit_test(data_without_a_template_protects_nobody),
        cmocka_unit_test(a_table_full_of_templates_has_room_for_new_exporters),
        cmocka_unit_test(who_is_held_is_not_evicted),
        cmocka_unit_test(many_that_are_held_are_passed_over),
        cmocka_unit_test(the_memory_of_all_and_of_each_is_bounded),
        cmocka_unit_test(who_is_invented_does_not_drive_out_templates_when_memory_is_short),
        cmocka_unit_test(counts_of_exporters_that_are_gone_stay_in_the_sum),
        cmocka_unit_test(a_report_has_those_with_most_records_first),
        cmocka_unit_test(all_are_visited_once),
        cmocka_unit_test(a_saved_exporter_takes_the_place_of_one_with_its_address),
        cmocka_unit_test(threads_share_exporters_while_others_are_evicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
