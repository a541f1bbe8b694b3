/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/datagram.h"
#include "load/generate_trap.h"
#include "load/mark.h"
#include "load/snmp_write.h"
#include "usm/usm.h"

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)
#define START (UINT64_C(1795348800) * SECOND)
#define RUN 0x123456U
#define TRAPS 100U

static const uint8_t engine[] = { 0x80, 0, 0x1f, 0x88, 4, 'l', 'o', 'a', 'd' };

static struct snmp_account
account_of(enum usm_auth auth, enum usm_priv priv)
{
    return (struct snmp_account){
        .name = "tester",
        .auth = auth,
        .priv = priv,
        .auth_password = span_of("authpass12345"),
        .priv_password = span_of("privpass12345"),
    };
}

static struct trap_load
load_of(enum trap_version version, unsigned columns, size_t size)
{
    return (struct trap_load){
        .kinds = { { version, 1, columns, size } },
        .kind_count = 1,
        .sources = 3,
        .run = RUN,
        .community = "public",
        .account = account_of(USM_AUTH_SHA256, USM_PRIV_AES128),
        .engine = { engine, sizeof(engine) },
        .start_ns = START,
    };
}

/* ---- The collector ---- */

static struct {
    uint8_t room[TRAP_RECORD_MAX];
    uint64_t records, deadletters;
    const char *reason;
} sink;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(sink.room) ? sink.room : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    struct mark mark;

    (void)arg;
    assert_int_equal(records, 1);
    assert_true(mark_read_text((struct sr_span){ sink.room, len }, &mark));
    assert_int_equal(mark.run, RUN);
    assert_int_equal(mark.sequence, sink.records++);
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)peer;
    (void)now_ns;
    (void)raw;
    sink.deadletters++;
    sink.reason = reason;
}

static void
ignore(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static const struct sr_emit emit = {
    .reserve = reserve,
    .commit = commit,
    .deadletter = deadletter,
    .consumed = ignore,
    .refused = ignore,
};

struct collector {
    struct usm_users *users;
    struct usm_receiver *receiver;
    struct trap_opener opener;
};

static void
open_collector(struct collector *c, const struct snmp_account *account)
{
    const struct usm_receiver_options options = { .time = USM_TIME_STRICT };
    const struct usm_user_options user = {
        .name = account->name,
        .auth = account->auth,
        .priv = account->priv,
        .auth_password = account->auth != USM_AUTH_NONE ? "authpass12345" : NULL,
        .priv_password = account->priv != USM_PRIV_NONE ? "privpass12345" : NULL,
    };

    sink.records = sink.deadletters = 0;
    sink.reason = "none";
    c->users = usm_users_new();
    assert_non_null(c->users);
    assert_int_equal(usm_users_add(c->users, &user), USM_OK);
    c->receiver = usm_receiver_new(c->users, &options);
    assert_non_null(c->receiver);
    c->opener = usm_receiver_opener(c->receiver);
}

static void
close_collector(struct collector *c)
{
    usm_receiver_free(c->receiver);
    usm_users_free(c->users);
}

/* Sends TRAPS of the load, a second apart, and returns the length of the longest. */
static size_t
send(const struct collector *c, const struct trap_load *load)
{
    static const struct trap_config config = { .community = TRAP_COMMUNITY_CLEAR };
    static const struct sr_peer peer = { .address = { 127, 0, 0, 1 }, .port = 162 };
    static struct trap_scratch scratch;
    struct trap_generator *g;
    struct generated made;
    size_t longest = 0;

    assert_int_equal(trap_generator_new(load, &g), TRAP_GENERATOR_OK);
    uint8_t *out = malloc(trap_generator_room(g));
    assert_non_null(out);
    for (unsigned i = 0; i < TRAPS; i++) {
        const uint64_t now = load->start_ns + i * SECOND;
        assert_true(trap_generate(g, now, out, &made));
        assert_int_equal(made.sequence, i);
        assert_int_equal(made.source, i % load->sources);
        (void)sr_trap_datagram(
            &config, &c->opener, &scratch, now, &peer, (struct sr_span){ out, made.len }, &emit);
        assert_string_equal(sink.reason, "none");
        longest = made.len > longest ? made.len : longest;
    }
    free(out);
    trap_generator_free(g);
    return longest;
}

static void
expect_all(const struct trap_load *load)
{
    struct collector c;

    open_collector(&c, &load->account);
    (void)send(&c, load);
    assert_int_equal(sink.records, TRAPS);
    close_collector(&c);
}

static void
each_trap_of_each_version_is_a_record_with_its_mark(void **state)
{
    static const enum trap_version versions[] = { TRAP_V1, TRAP_V2C, TRAP_V3 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct trap_load least = load_of(versions[i], 0, 0);
        const struct trap_load most = load_of(versions[i], TRAP_COLUMNS_MAX, 0);
        expect_all(&least);
        expect_all(&most);
    }
}

static void
traps_of_v3_are_opened_with_every_algorithm(void **state)
{
    (void)state;
    for (int auth = USM_AUTH_NONE; auth < USM_AUTH_COUNT; auth++) {
        for (int priv = USM_PRIV_NONE; priv < USM_PRIV_COUNT; priv++) {
            struct trap_load load = load_of(TRAP_V3, 3, 0);
            load.account = account_of((enum usm_auth)auth, (enum usm_priv)priv);
            if (auth != USM_AUTH_NONE || priv == USM_PRIV_NONE) {
                expect_all(&load);
            }
        }
    }
}

static void
an_engine_that_starts_again_is_not_taken_for_an_old_one(void **state)
{
    struct trap_load load = load_of(TRAP_V3, 3, 0);
    struct collector c;

    (void)state;
    open_collector(&c, &load.account);
    (void)send(&c, &load);
    load.start_ns += 1000 * SECOND; /* RFC 3414 section 3.2: 150 s are the window */
    sink.records = 0;
    (void)send(&c, &load);
    assert_int_equal(sink.records, TRAPS);
    close_collector(&c);
}

static void
words_fill_a_trap_up_to_its_size(void **state)
{
    static const size_t sizes[] = { 250, 300, 383, 384, 385, 386, 1472, 20000, SNMP_LARGEST };
    static const enum trap_version versions[] = { TRAP_V1, TRAP_V2C, TRAP_V3 };

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t v = 0; v < 3; v++) {
            const struct trap_load load = load_of(versions[v], 1, sizes[i]);
            struct collector c;
            open_collector(&c, &load.account);
            assert_in_range(send(&c, &load), sizes[i] - 24, sizes[i]);
            assert_int_equal(sink.records, TRAPS);
            close_collector(&c);
        }
    }
}

static void
what_cannot_be_made_is_told(void **state)
{
    struct trap_generator *g = NULL;
    struct trap_load load = load_of(TRAP_V2C, 3, 50);

    (void)state;
    assert_int_equal(trap_generator_new(&load, &g), TRAP_GENERATOR_ESIZE);
    load = load_of(TRAP_V2C, 3, 0);
    load.kinds[0].weight = 0;
    assert_int_equal(trap_generator_new(&load, &g), TRAP_GENERATOR_EWEIGHTS);
    assert_null(g);
    assert_non_null(strstr(trap_generator_remedy(TRAP_GENERATOR_ESIZE), "allow more bytes"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trap_of_each_version_is_a_record_with_its_mark),
        cmocka_unit_test(traps_of_v3_are_opened_with_every_algorithm),
        cmocka_unit_test(an_engine_that_starts_again_is_not_taken_for_an_old_one),
        cmocka_unit_test(words_fill_a_trap_up_to_its_size),
        cmocka_unit_test(what_cannot_be_made_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
