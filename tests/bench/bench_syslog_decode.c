/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what decoding and encoding one message costs, in nanoseconds: the best of ten rounds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode/datagram.h"
#include "decode/rfc3164.h"
#include "tz_load.h"

#include "sr/banned.h"

#define ROUNDS 10
#define MESSAGES 200000

struct message {
    const char *what;
    enum syslog_format format;
    const char *text;
};

static const struct message messages[] = {
    { "RFC 5424, one SD-ELEMENT", SYSLOG_RFC5424,
        "<165>1 2026-11-22T12:00:00.123456Z web-frontend-17.example.net httpd 24306 ID47 "
        "[request@32473 method=\"GET\" status=\"200\" bytes=\"14512\" client=\"198.51.100.23\"] "
        "GET /api/v1/devices?limit=100&offset=200 HTTP/1.1 served from cache in 12 ms by "
        "node 3 of 8" },
    { "RFC 5424, 9 digits, no SD", SYSLOG_RFC5424,
        "<165>1 2026-11-22T12:00:00.123456789Z web-frontend-17.example.net httpd 24306 ID47 - "
        "GET /api/v1/devices?limit=100&offset=200&sort=name&order=descending HTTP/1.1 served "
        "from cache in 12 ms by node 3 of 8; the client at 198.51.100.23 closed the "
        "connection" },
    { "RFC 3164", SYSLOG_RFC3164,
        "<134>Nov 22 12:00:00 web-frontend-17.example.net httpd[24306]: "
        "GET /api/v1/devices?limit=100&offset=200&sort=name&order=descending HTTP/1.1 served "
        "from cache in 12 ms by node 3 of 8; the client at 198.51.100.23 closed the "
        "connection after 17 requests" },
    { "RFC 3164, blanks to collapse", SYSLOG_RFC3164,
        "<134>Nov  2 12:00:00 web-frontend-17.example.net httpd[24306]:  "
        "GET /api/v1/devices?limit=100&offset=200&sort=name&order=descending HTTP/1.1 served "
        "from cache in 12 ms by node 3 of 8; the client at 198.51.100.23 closed the "
        "connection after 17 requests" },
    { "RFC 5424 under rfc3164", SYSLOG_RFC3164,
        "<165>1 2026-11-22T12:00:00.123456Z web-frontend-17.example.net httpd 24306 ID47 "
        "[request@32473 method=\"GET\" status=\"200\" bytes=\"14512\" client=\"198.51.100.23\"] "
        "GET /api/v1/devices?limit=100&offset=200 HTTP/1.1 served from cache in 12 ms by "
        "node 3 of 8" },
    { "RFC 5424 under smart", SYSLOG_SMART,
        "<165>1 2026-11-22T12:00:00.123456Z web-frontend-17.example.net httpd 24306 ID47 "
        "[request@32473 method=\"GET\" status=\"200\" bytes=\"14512\" client=\"198.51.100.23\"] "
        "GET /api/v1/devices?limit=100&offset=200 HTTP/1.1 served from cache in 12 ms by "
        "node 3 of 8" },
    { "RFC 3164 under smart", SYSLOG_SMART,
        "<134>Nov 22 12:00:00 web-frontend-17.example.net httpd[24306]: "
        "GET /api/v1/devices?limit=100&offset=200&sort=name&order=descending HTTP/1.1 served "
        "from cache in 12 ms by node 3 of 8; the client at 198.51.100.23 closed the "
        "connection after 17 requests" },
    { "Cisco IOS under smart", SYSLOG_SMART,
        "<189>29: switch-17: *Nov 22 12:00:00.411 CET: %LINEPROTO-5-UPDOWN: Line protocol on "
        "Interface GigabitEthernet0/0/7, changed state to up" },
};

static uint8_t memory[SYSLOG_RECORD_MAX];
static struct syslog_scratch scratch;
static size_t written;

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return max <= sizeof(memory) ? memory : NULL;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    (void)records;
    written = len;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)peer;
    (void)now_ns;
    (void)raw;
    fprintf(stderr, "not decoded: %s\n", reason);
    exit(EXIT_FAILURE);
}

static double
nanoseconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The best round, in nanoseconds for each message. */
static double
measure(const struct syslog_decode *cfg, struct sr_span bytes)
{
    const struct sr_emit emit = { .reserve = reserve, .commit = commit, .deadletter = deadletter };
    const struct sr_peer peer = { .address = { 192, 0, 2, 9 } };
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        double start = nanoseconds();
        for (int n = 0; n < MESSAGES; n++) {
            (void)sr_syslog_datagram(
                cfg, UINT64_C(1795348800000000000) + (uint64_t)n, &peer, bytes, &emit);
        }
        double each = (nanoseconds() - start) / MESSAGES;
        best = each < best ? each : best;
    }
    return best;
}

int
main(int argc, char **argv)
{
    struct tz_db zones = { .bytes = 0 };
    char where[256];
    enum tz_load_err err = tz_load(TZ_SYSTEM_DIR, &zones, where, sizeof(where));

    if (err != TZ_LOAD_OK) {
        fprintf(stderr, "%s: %s\n", where, tz_load_strerror(err));
        return EXIT_FAILURE;
    }
    printf("%zu zone names, %zu zones, %zu bytes\n", zones.table.name_count, zones.zone_count,
        zones.bytes);
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        const struct message *m = &messages[i];
        if (argc > 1 && strcmp(argv[1], m->what) != 0) {
            continue;
        }
        struct syslog_decode cfg = {
            .format = m->format,
            .partition = { (const uint8_t *)"default", 7 },
            .zones = &zones.table,
            .local = RFC3164_UTC,
            .origin = { .transport = { (const uint8_t *)"udp", 3 } },
            .scratch = &scratch,
        };
        struct sr_span bytes = { (const uint8_t *)m->text, strlen(m->text) };
        double plain = measure(&cfg, bytes);
        printf("%-30s %4zu B in, %4zu B out: %6.0f ns", m->what, bytes.len, written, plain);
        cfg.enrich = true;
        double enriched = measure(&cfg, bytes);
        printf("; enriched %4zu B out: %6.0f ns\n", written, enriched);
    }
    tz_db_free(&zones);
    return EXIT_SUCCESS;
}
