/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what decoding and encoding one trap costs, without sockets, a JSON object for each kind:
 * the median and the best of eleven rounds, in nanoseconds. `worst`: what the worst datagrams cost.
 * `hostile`: what 100,000 unknown engines do to the others.
 */
#include "bench_trap_decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/sha.h>

#include "community.h"
#include "usm/engine.h"

#include "sr/banned.h"

#define ROUNDS 11
#define POOL 32U
#define TRAPS 6000U /* of a round, less where they are long */
#define ROOM ((size_t)4 << 20)
#define NOW UINT64_C(1795348800000000000)

uint64_t desk_records;
uint64_t desk_bytes;

static uint8_t room[ROOM];
static size_t room_at;
static struct trap_scratch scratch;

/* ---- What takes the records ---- */

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    if (max > ROOM - room_at) {
        room_at = 0;
    }
    return max <= ROOM ? room + room_at : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    room_at += len;
    desk_bytes += len;
    desk_records += records;
}

static void
commit_request(void *arg, size_t len, const struct sr_request *request)
{
    commit(arg, len, 1);
    desk_bytes += request->answer.len;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)reason;
    (void)peer;
    (void)now_ns;
    if (raw.len > 0) {
        memcpy(reserve(arg, raw.len), raw.data, raw.len);
    }
}

static void
told(void *arg, const char *reason)
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

static bool
repeated(void *arg, const struct sr_request *request)
{
    (void)arg;
    (void)request;
    return false;
}

static void
answer(void *arg, struct sr_span bytes)
{
    (void)arg;
    (void)bytes;
}

static const struct sr_emit emit = {
    .reserve = reserve,
    .commit = commit,
    .deadletter = deadletter,
    .consumed = told,
    .refused = told,
    .lost = lost,
    .repeated = repeated,
    .reserve_request = reserve,
    .commit_request = commit_request,
    .answer = answer,
};

/* ---- The desk ---- */

/* As the daemon does. */
static void
request_id(struct sr_span identity, uint8_t id[SR_REQUEST_ID_LEN])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    (void)SHA256(identity.data, identity.len, digest);
    memcpy(id, digest, SR_REQUEST_ID_LEN);
}

const uint8_t desk_engine[DESK_ENGINE_LEN] = { 0x80, 0, 0x1f, 0x88, 4, 'o', 'w', 'n' };

static uint32_t
engine_time(void *arg)
{
    (void)arg;
    return LOAD_TIME;
}

void
desk_open(struct desk *d, const struct usm_users *users, const struct mib_table *table)
{
    static struct usm_engine engine = { .boots = LOAD_BOOTS, .time = engine_time };
    const struct usm_receiver_options options = { .time = USM_TIME_STRICT, .engine = &engine };

    memcpy(engine.id, desk_engine, sizeof(desk_engine));
    engine.id_len = sizeof(desk_engine);

    *d = (struct desk){
        .config = { .community_hash = community_hash,
            .request_id = request_id,
            .mibs = { table, mib_standard() } },
    };
    if (users != NULL) {
        d->receiver = usm_receiver_new(users, &options);
        if (d->receiver == NULL) {
            fprintf(stderr, "out of memory\n");
            exit(EXIT_FAILURE);
        }
        d->opener = usm_receiver_opener(d->receiver);
    }
}

void
desk_close(struct desk *d)
{
    usm_receiver_free(d->receiver);
}

enum sr_verdict
desk_feed(struct desk *d, struct sr_span bytes)
{
    static const struct sr_peer peer = { .address = { 127, 1, 0, 1 }, .port = 50123 };

    return sr_trap_datagram(
        &d->config, d->receiver != NULL ? &d->opener : NULL, &scratch, NOW, &peer, bytes, &emit);
}

struct usm_users *
desk_users(const struct desk_user *list)
{
    struct usm_users *users = usm_users_new();

    for (; list->name != NULL; list++) {
        const struct usm_user_options options = { .name = list->name,
            .auth = list->auth,
            .priv = list->priv,
            .auth_password = list->auth != USM_AUTH_NONE ? LOAD_AUTH_PASSWORD : NULL,
            .priv_password = list->priv != USM_PRIV_NONE ? LOAD_PRIV_PASSWORD : NULL };
        if (users == NULL || usm_users_add(users, &options) != USM_OK) {
            fprintf(stderr, "%s: no such user\n", list->name);
            exit(EXIT_FAILURE);
        }
    }
    return users;
}

static double
read_clock(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

double
desk_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

double
desk_cpu(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static int
compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

double
desk_median(double *figures, size_t count)
{
    qsort(figures, count, sizeof(figures[0]), compare);
    return figures[count / 2];
}

/* ---- Ordinary traps ---- */

struct kind {
    const char *name;
    enum trap_version version;
    unsigned varbinds;
    struct desk_user user; /* of v3 */
};

static const struct kind kinds[] = {
    { "v1", TRAP_V1, 3, { NULL, 0, 0 } },
    { "v2c-5", TRAP_V2C, 5, { NULL, 0, 0 } },
    { "v2c-14", TRAP_V2C, 14, { NULL, 0, 0 } },
    { "v2c-52", TRAP_V2C, 52, { NULL, 0, 0 } },
    { "v3-none", TRAP_V3, 5, { "u", USM_AUTH_NONE, USM_PRIV_NONE } },
    { "v3-MD5", TRAP_V3, 5, { "u", USM_AUTH_MD5, USM_PRIV_NONE } },
    { "v3-SHA", TRAP_V3, 5, { "u", USM_AUTH_SHA, USM_PRIV_NONE } },
    { "v3-SHA-256", TRAP_V3, 5, { "u", USM_AUTH_SHA256, USM_PRIV_NONE } },
    { "v3-SHA-512", TRAP_V3, 5, { "u", USM_AUTH_SHA512, USM_PRIV_NONE } },
    { "v3-MD5/DES", TRAP_V3, 5, { "u", USM_AUTH_MD5, USM_PRIV_DES } },
    { "v3-SHA/AES-128", TRAP_V3, 5, { "u", USM_AUTH_SHA, USM_PRIV_AES128 } },
    { "v3-SHA-256/AES-128", TRAP_V3, 5, { "u", USM_AUTH_SHA256, USM_PRIV_AES128 } },
    { "v3-SHA-256/AES-256", TRAP_V3, 5, { "u", USM_AUTH_SHA256, USM_PRIV_AES256 } },
    { "v3-SHA-512/AES-256-C", TRAP_V3, 5, { "u", USM_AUTH_SHA512, USM_PRIV_AES256_CISCO } },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct snmp_writer pool[POOL];

static void
fill_pool(const struct kind *kind)
{
    static const uint8_t engine[] = { 0x80, 0, 0x1f, 0x88, 4, 'b', 'e', 'n', 'c', 'h' };
    struct load_user user;

    if (kind->version == TRAP_V3) {
        load_user_open(&user, kind->user.name, kind->user.auth, kind->user.priv);
        load_user_move(&user, (struct sr_span){ engine, sizeof(engine) });
    }
    for (unsigned i = 0; i < POOL; i++) {
        if (kind->version == TRAP_V3) {
            (void)load_v3_trap(&pool[i], &user, kind->varbinds, (int32_t)i + 1);
        } else {
            (void)load_trap(&pool[i], kind->version,
                kind->version == TRAP_V1 ? TRAP_PDU_TRAP_V1 : TRAP_PDU_TRAP_V2, kind->varbinds,
                (int32_t)i + 1);
        }
    }
    if (kind->version == TRAP_V3) {
        load_user_close(&user);
    }
}

static void
measure(const struct kind *kind, bool is_enriched)
{
    const struct desk_user who[] = { kind->user, { NULL, 0, 0 } };
    struct usm_users *users = desk_users(who);
    const unsigned traps = TRAPS / (kind->varbinds / 14 + 1);
    struct desk d;
    double each[ROUNDS];

    desk_open(&d, users, NULL);
    d.config.enrich = is_enriched;
    fill_pool(kind);
    desk_records = 0;
    desk_bytes = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = desk_cpu();
        for (unsigned i = 0; i < traps; i++) {
            (void)desk_feed(&d, snmp_span(&pool[i % POOL]));
        }
        each[round] = (desk_cpu() - start) / traps;
    }
    desk_close(&d);
    usm_users_free(users);
    if (desk_records != (uint64_t)ROUNDS * traps) {
        fprintf(stderr, "%s: only %" PRIu64 " records\n", kind->name, desk_records);
        exit(EXIT_FAILURE);
    }
    double median = desk_median(each, ROUNDS);
    printf("{\"kind\": \"%s\", \"enriched\": %s, \"ns\": %.0f, \"best\": %.0f, \"size\": %zu, "
           "\"bytes\": %.0f}\n",
        kind->name, is_enriched ? "true" : "false", median, each[0], snmp_span(&pool[0]).len,
        (double)desk_bytes / (double)desk_records);
}

int
main(int argc, char **argv)
{
    const char *what = argc >= 2 ? argv[1] : "";
    const char *names = argc == 3 ? argv[2] : NULL;
    bool known = false;

    if (strcmp(what, "worst") == 0) {
        bench_worst(names);
        return EXIT_SUCCESS;
    }
    if (strcmp(what, "hostile") == 0) {
        bench_hostile();
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(what, kinds[i].name) == 0 || strcmp(what, "all") == 0) {
            measure(&kinds[i], false);
            measure(&kinds[i], true);
            known = true;
        }
    }
    if (!known) {
        fprintf(stderr, "usage: bench_trap_decode KIND|all|hostile\n"
                        "       bench_trap_decode worst [TABLE]\n");
    }
    return known ? EXIT_SUCCESS : 2;
}
