/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_BLAST_H_INCLUDED
#define TESTS_BENCH_BLAST_H_INCLUDED

#include <stdint.h>
#include <sys/uio.h>

/* What the programs share that send datagrams over loopback. Errors end the program. */

#define BLAST_BATCH_MAX 32U
#define BLAST_SOURCES_MAX 16000U
#define BLAST_SECOND INT64_C(1000000000)

_Noreturn void blast_die(const char *what);

/* Nanoseconds of a clock that only goes forward. */
int64_t blast_now(void);

/* Lets so many sockets be open. */
void blast_allow_sockets(unsigned count);

/* A socket of 127.NET.x.y, the source with that index, to 127.0.0.1. `from`: its port, 0: any. */
int blast_socket(unsigned net, unsigned index, unsigned from, unsigned to);

/* Sends each of the parts as a datagram, up to BLAST_BATCH_MAX. */
void blast_send(int fd, struct iovec *parts, unsigned count);

/* When datagrams are sent. */
struct blast_pace {
    double rate;    /* datagrams a second; 0: as fast as it goes */
    double seconds; /* for so long */
    int64_t start;  /* set by blast_start() */
};

void blast_start(struct blast_pace *p);

/* Waits until more is due, when so much was sent; returns the time, -1 when all is over. */
int64_t blast_wait(const struct blast_pace *p, uint64_t sent);

/* Seconds since the start. */
double blast_passed(const struct blast_pace *p);

#endif
