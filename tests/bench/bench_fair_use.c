/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what it costs to see whether a datagram is taken, in nanoseconds: the best of ten rounds,
 * each with the datagrams of a thousand sources in turn.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fair_use.h"

#include "sr/banned.h"

#define ROUNDS 10
#define DATAGRAMS 1000000U
#define SOURCES 1000U
#define NOW_NS UINT64_C(1700000000000000000)

static const char *const networks[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
    "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "fd00::/8", "192.0.2.0/24" };
static const char line[] = "<190>1 2026-11-22T12:00:00Z host app - - - text of some length";

static const struct {
    const char *what;
    size_t networks;
    uint64_t rate_limit;
    unsigned level;
} cases[] = {
    { "nothing is set, room", 0, 0, 0 },
    { "allow: 8 networks", 8, 0, 0 },
    { "rate_limit", 0, 1000000, 0 },
    { "over the half", 0, 0, SR_FAIR_PRESSED },
    { "nearly full", 0, 0, SR_FAIR_FULL - 1 },
    { "all of it", 8, 1000000, SR_FAIR_FULL - 1 },
};

static uint64_t
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Nanoseconds for each datagram. */
static double
run(const struct fair_use *use, struct sr_sources *sources, struct sr_fair *fair, unsigned level,
    uint64_t *refused)
{
    const struct sr_span bytes = { (const uint8_t *)line, sizeof(line) - 1 };
    struct sr_peer peer = { .address = { 192, 0, 2, 1 } };
    uint64_t start = now();

    for (uint32_t i = 0; i < DATAGRAMS; i++) {
        uint32_t source = i % SOURCES;
        memcpy(peer.address + 2, &source, 2);
        peer.address[0] = source % 2 == 0 ? 10 : 192;
        peer.address[1] = source % 2 == 0 ? 0 : 168;
        *refused +=
            fair_use_refusal(use, sources, fair, level, &peer, bytes, NOW_NS + i * 100) != NULL;
    }
    return (double)(now() - start) / DATAGRAMS;
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct syslog_listener l = { .rate_limit = cases[i].rate_limit, .shed = true };
        struct sr_sources *sources = sr_sources_new();
        struct sr_fair *fair = calloc(1, sizeof(*fair));
        struct fair_use use;
        uint64_t refused = 0;
        double best = 1e9;
        l.base.allow = (struct sr_conf_strings){ cases[i].networks, (const char **)networks };
        if (sources == NULL || fair == NULL || !fair_use_init(&use, &l)) {
            return 1;
        }
        for (unsigned r = 0; r < ROUNDS; r++) {
            double ns = run(&use, sources, fair, cases[i].level, &refused);
            best = ns < best ? ns : best;
        }
        (void)printf("%6.1f ns  %s (refused %" PRIu64 " of %u)\n", best, cases[i].what, refused,
            ROUNDS * DATAGRAMS);
        fair_use_done(&use);
        sr_sources_free(sources);
        free(fair);
    }
    return 0;
}
