/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A legal trap costs what it costs, however many engines others make up: 100,000 of them, of a user
 * that there is not and of one that there is, whose MAC is wrong.
 */
#include "bench_trap_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/v3.h"

#include "sr/banned.h"

#define ENGINES 100000U
#define EACH 10U     /* other messages before each legal trap that is timed among them */
#define TURNS 10000U /* of either kind of legal trap, after them */
#define BLOCK 50U    /* timed one behind the other, so that caches are warm */
#define AMONG (ENGINES / EACH / 2)

static const uint8_t own_engine[] = { 0x80, 0, 0x1f, 0x88, 4, 'b', 'e', 'n', 'c', 'h', '-', '1' };

static const struct desk_user people[] = { { "bench", USM_AUTH_SHA, USM_PRIV_AES128 },
    { NULL, 0, 0 } };

enum { V2C, V3, KINDS };

/*
 * The same traps are decoded in two places, of which one hears hostile messages too. They take
 * turns: the machine is faster at some times than at others.
 */
enum { QUIET, BESIEGED, PLACES };

struct scene {
    struct desk desks[PLACES];
    struct snmp_writer legal[KINDS];
    struct snmp_writer hostile[2];
    uint8_t *engines[2]; /* where the last four bytes of the engine id stand in those */
    uint32_t heard;
    double times[KINDS][PLACES][TURNS];
    double hostile_times[2][ENGINES / 2];
};

static struct scene scene;

static void
make_messages(struct scene *s)
{
    static const char *const names[] = { "nobody", "bench" };
    struct load_user user;

    (void)load_trap(&s->legal[0], TRAP_V2C, TRAP_PDU_TRAP_V2, 5, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct v3_message head;
        load_user_open(&user, names[i], USM_AUTH_SHA, USM_PRIV_AES128);
        load_user_move(&user, (struct sr_span){ own_engine, sizeof(own_engine) });
        struct sr_span bytes = load_v3_trap(&s->hostile[i], &user, 5, 1);
        (void)v3_read(bytes, &head);
        s->engines[i] = s->hostile[i].bytes + (head.engine_id.data - s->hostile[i].bytes) +
                        sizeof(own_engine) - 4;
        if (i == 1) {
            (void)load_v3_trap(&s->legal[1], &user, 5, 1);
        }
        load_user_close(&user);
    }
}

static double
time_of(struct desk *desk, const struct snmp_writer *message)
{
    double start = desk_now();

    (void)desk_feed(desk, snmp_span(message));
    return desk_now() - start;
}

/* Half of the engines are of each kind of message. */
static void
hear_hostile(struct scene *s)
{
    const unsigned which = s->heard % 2;

    memcpy(s->engines[which], &s->heard, sizeof(s->heard));
    s->hostile_times[which][s->heard / 2] = time_of(&s->desks[BESIEGED], &s->hostile[which]);
    s->heard++;
}

/* One legal trap behind others, which leave the caches cold whatever they are. */
static void
time_among(struct scene *s, unsigned kind, unsigned turn)
{
    for (unsigned place = QUIET; place < PLACES; place++) {
        for (unsigned i = 0; i < EACH; i++) {
            if (place == BESIEGED) {
                hear_hostile(s);
            } else {
                (void)desk_feed(&s->desks[place], snmp_span(&s->legal[V3]));
            }
        }
        s->times[kind][place][turn] = time_of(&s->desks[place], &s->legal[kind]);
    }
}

static void
time_block(struct scene *s, unsigned kind, unsigned turn)
{
    for (unsigned place = QUIET; place < PLACES; place++) {
        for (unsigned i = 0; i < BLOCK; i++) {
            s->times[kind][place][turn + i] = time_of(&s->desks[place], &s->legal[kind]);
        }
    }
}

static void
print(struct scene *s, const char *when, unsigned count)
{
    static const char *const names[KINDS] = { "v2c", "v3" };

    for (unsigned k = 0; k < KINDS; k++) {
        printf("{\"kind\": \"%s\", \"when\": \"%s\", \"quiet\": %.0f, \"besieged\": %.0f}\n",
            names[k], when, desk_median(s->times[k][QUIET], count),
            desk_median(s->times[k][BESIEGED], count));
    }
}

void
bench_hostile(void)
{
    struct scene *s = &scene;
    struct usm_users *users = desk_users(people);

    make_messages(s);
    for (unsigned place = QUIET; place < PLACES; place++) {
        desk_open(&s->desks[place], users, NULL);
    }
    for (unsigned i = 0; i < AMONG * KINDS; i++) {
        time_among(s, i % KINDS, i / KINDS);
    }
    print(s, "among", AMONG);
    for (unsigned i = 0; i < TURNS; i += BLOCK) {
        for (unsigned k = 0; k < KINDS; k++) {
            time_block(s, k, i);
        }
    }
    print(s, "after", TURNS);
    printf("{\"kind\": \"hostile\", \"unknown_user\": %.0f, \"wrong_mac\": %.0f}\n",
        desk_median(s->hostile_times[0], ENGINES / 2),
        desk_median(s->hostile_times[1], ENGINES / 2));
    for (unsigned place = QUIET; place < PLACES; place++) {
        desk_close(&s->desks[place]);
    }
    usm_users_free(users);
}
