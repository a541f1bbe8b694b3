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

#define ROUNDS 9
#define ENGINES 100000U
#define MANY 4000U /* legal traps that are timed before and after */
#define EACH 10U   /* hostile messages before each legal trap that is timed among them */
#define AMONG (ENGINES / EACH / 2)

static const uint8_t own_engine[] = { 0x80, 0, 0x1f, 0x88, 4, 'b', 'e', 'n', 'c', 'h', '-', '1' };

static const struct desk_user people[] = { { "bench", USM_AUTH_SHA, USM_PRIV_AES128 },
    { NULL, 0, 0 } };

enum { V2C, V3, KINDS };
enum { BEFORE, AMID, AFTER, WHENS };

struct scene {
    struct desk desk;
    struct load legal[KINDS];
    struct load hostile[2];
    uint8_t *engines[2]; /* where the last four bytes of the engine id stand in those */
    uint32_t heard;
    double times[KINDS][AMONG];
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
time_of(struct scene *s, const struct load *message)
{
    double start = desk_now();

    (void)desk_feed(&s->desk, load_span(message));
    return desk_now() - start;
}

/* Half of the engines are of each kind of message. */
static void
hear_hostile(struct scene *s, unsigned count)
{
    for (; count > 0; count--, s->heard++) {
        unsigned which = s->heard % 2;
        memcpy(s->engines[which], &s->heard, sizeof(s->heard));
        s->hostile_times[which][s->heard / 2] = time_of(s, &s->hostile[which]);
    }
}

/* Times `count` legal traps of either kind, each behind `hostile` others: their medians. */
static void
hear_legal(struct scene *s, unsigned count, unsigned hostile, double *ret_medians)
{
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < KINDS; k++) {
            hear_hostile(s, hostile);
            s->times[k][i] = time_of(s, &s->legal[k]);
        }
    }
    for (unsigned k = 0; k < KINDS; k++) {
        ret_medians[k] = desk_median(s->times[k], count);
    }
}

/* `figures` of all rounds become their medians, and those of the ratios to BEFORE. */
static void
print_kind(const char *name, double figures[WHENS][ROUNDS])
{
    double ratios[WHENS][ROUNDS];

    for (unsigned w = 0; w < WHENS; w++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            ratios[w][round] = figures[w][round] / figures[BEFORE][round];
        }
    }
    printf("{\"kind\": \"%s\", \"before\": %.0f, \"among\": %.0f, \"after\": %.0f, "
           "\"ratio_among\": %.3f, \"ratio_after\": %.3f}\n",
        name, desk_median(figures[BEFORE], ROUNDS), desk_median(figures[AMID], ROUNDS),
        desk_median(figures[AFTER], ROUNDS), desk_median(ratios[AMID], ROUNDS),
        desk_median(ratios[AFTER], ROUNDS));
}

void
bench_hostile(void)
{
    static const char *const names[KINDS] = { "v2c", "v3" };
    struct scene *s = &scene;
    struct usm_users *users = desk_users(people);
    double figures[KINDS][WHENS][ROUNDS], medians[KINDS], hostile[2][ROUNDS];

    make_messages(s);
    for (unsigned round = 0; round < ROUNDS; round++) {
        desk_open(&s->desk, users, NULL);
        s->heard = 0;
        hear_legal(s, MANY, 0, medians); /* warm caches */
        for (unsigned when = BEFORE; when < WHENS; when++) {
            bool is_among = when == AMID;
            hear_legal(s, is_among ? AMONG : MANY, is_among ? EACH : 0, medians);
            for (unsigned k = 0; k < KINDS; k++) {
                figures[k][when][round] = medians[k];
            }
        }
        for (unsigned i = 0; i < 2; i++) {
            hostile[i][round] = desk_median(s->hostile_times[i], ENGINES / 2);
        }
        desk_close(&s->desk);
    }
    for (unsigned k = 0; k < KINDS; k++) {
        print_kind(names[k], figures[k]);
    }
    printf("{\"kind\": \"hostile\", \"unknown_user\": %.0f, \"wrong_mac\": %.0f}\n",
        desk_median(hostile[0], ROUNDS), desk_median(hostile[1], ROUNDS));
    usm_users_free(users);
}
