/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_BENCH_TRAP_DECODE_H_INCLUDED
#define TESTS_BENCH_BENCH_TRAP_DECODE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "decode/datagram.h"
#include "trap_load.h"
#include "usm/usm.h"

/* What the parts of bench_trap_decode share. */

/* Where datagrams are decoded. What comes of them is taken, answers too. */
struct desk {
    struct trap_config config;
    struct usm_receiver *receiver; /* NULL: v3 is not read */
    struct trap_opener opener;
};

/* Our own engine, which informs of v3 name, as load_user_open() takes its clock to be. */
#define DESK_ENGINE_LEN 8U
extern const uint8_t desk_engine[DESK_ENGINE_LEN];

extern uint64_t desk_records; /* that were taken */
extern uint64_t desk_bytes;   /* of them */

/* Names are the standard ones, and those of `table` unless it is NULL. Borrows both. */
void desk_open(struct desk *d, const struct usm_users *users, const struct mib_table *table);
void desk_close(struct desk *d);

/* Decodes a datagram. */
enum sr_verdict desk_feed(struct desk *d, struct sr_span bytes);

/* Users that load_user_open() makes, one for each: ended by a name that is NULL. */
struct desk_user {
    const char *name;
    enum usm_auth auth;
    enum usm_priv priv;
};

/* Ends the program when there is no such user. Returns owned. */
struct usm_users *desk_users(const struct desk_user *users);

/* Nanoseconds, of a clock that is cheap to read, and of CPU time of this process. */
double desk_now(void);
double desk_cpu(void);

/* The median of `count` figures, which it puts in order. */
double desk_median(double *figures, size_t count);

/*
 * Prints the time of each of the most expensive datagrams that are known. With names of many
 * modules in a file those of them, too, that look for names all over it; NULL: without.
 */
void bench_worst(const char *names);

/* Prints what a legal trap costs before, among and after messages of 100,000 unknown engines. */
void bench_hostile(void);

#endif
