/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what decoding and encoding one flow costs, without sockets, as a JSON object: the median
 * and the best of eleven rounds, in nanoseconds. `worst`: what the worst datagrams cost.
 */
#include "bench_netflow_decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load/netflow_write.h"

#include "sr/banned.h"

#define ROUNDS 11
#define DATAGRAMS 20000U /* of a round */
#define EXPORTERS 8U
#define POOL 32U
#define ROOM ((size_t)1 << 20)
#define NOW UINT64_C(1795348800000000000)
#define SECOND UINT64_C(1000000000)

struct nf_scratch bench_scratch;
uint64_t bench_messages;
uint64_t bench_bytes;

static uint8_t room[ROOM];
static size_t room_at;

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
give(void *arg, void *memory, size_t size)
{
    (void)arg;
    (void)size;
    free(memory);
}

static const struct nf_memory memory = { .take = take, .give = give };

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
    bench_bytes += len;
    bench_messages += records;
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
}

static void
consumed(void *arg, const char *reason)
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

const struct sr_emit bench_emit = {
    .reserve = reserve,
    .commit = commit,
    .deadletter = deadletter,
    .consumed = consumed,
    .refused = consumed,
    .lost = lost,
};

double
bench_nanoseconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

struct nf_config
bench_config(enum nf_format format)
{
    return (struct nf_config){
        .format = format,
        .options_too = format != NF_FORMAT_PROTOBUF,
        .max_templates = 2000,
        .max_template_fields = 1000,
        .max_domains = 256,
        .max_pending_sets = 256,
        .max_pending_bytes = 1 << 20,
        .pending_ttl_ns = 300 * SECOND,
        .template_ttl_ns = 0,
        .skew_ns = 3600 * SECOND,
    };
}

struct nf_exporter *
bench_exporter(const struct sr_peer *peer)
{
    struct nf_exporter *e = nf_exporter_new(&memory, peer);

    if (e == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(EXIT_FAILURE);
    }
    return e;
}

struct stage {
    enum netflow_format kind;
    struct nf_config config;
    struct sr_peer peers[EXPORTERS];
    struct nf_exporter *exporters[EXPORTERS];
    uint32_t sequences[EXPORTERS];
    uint8_t data[POOL][NETFLOW_DATAGRAM_MAX];
    size_t length;
};

static void
feed(struct stage *s, unsigned source, uint8_t *datagram, size_t length, unsigned records)
{
    const struct nf_input input = {
        .scratch = &bench_scratch,
        .now_ns = NOW,
        .peer = &s->peers[source],
        .bytes = { datagram, length },
    };

    netflow_stamp(s->kind, datagram, s->sequences[source], (uint32_t)(NOW / SECOND));
    s->sequences[source] += netflow_units(s->kind, records);
    (void)sr_netflow_datagram(s->exporters[source], &s->config, &input, &bench_emit);
}

static void
prepare(struct stage *s, enum netflow_format kind)
{
    uint8_t templates[24 + NETFLOW_TEMPLATE_MAX];

    s->kind = kind;
    s->config = bench_config(NF_FORMAT_PROTOBUF);
    for (unsigned i = 0; i < POOL; i++) {
        s->length = netflow_write_data(
            kind, netflow_full_records(kind), i, NETFLOW_FIRST_TEMPLATE, s->data[i]);
    }
    for (unsigned i = 0; i < EXPORTERS; i++) {
        s->peers[i] = (struct sr_peer){ .address = { 127, 1, 0, (uint8_t)(i + 1) }, .port = 9995 };
        s->exporters[i] = bench_exporter(&s->peers[i]);
        size_t length = netflow_write_templates(kind, 1, templates);
        if (length > 0) {
            feed(s, i, templates, length, 0);
        }
    }
}

static int
compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

double
bench_median(double *figures, size_t count)
{
    qsort(figures, count, sizeof(figures[0]), compare);
    return figures[count / 2];
}

static void
measure(enum netflow_format kind)
{
    static struct stage stage;
    const unsigned records = netflow_full_records(kind);
    double each[ROUNDS];

    memset(&stage, 0, sizeof(stage));
    prepare(&stage, kind);
    bench_messages = 0;
    bench_bytes = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = bench_nanoseconds();
        for (unsigned i = 0; i < DATAGRAMS; i++) {
            feed(&stage, i % EXPORTERS, stage.data[i % POOL], stage.length, records);
        }
        each[round] = (bench_nanoseconds() - start) / DATAGRAMS / records;
    }
    for (unsigned i = 0; i < EXPORTERS; i++) {
        nf_exporter_free(stage.exporters[i]);
    }
    if (bench_messages != (uint64_t)ROUNDS * DATAGRAMS * records) {
        fprintf(
            stderr, "%s: only %" PRIu64 " messages\n", netflow_format_name(kind), bench_messages);
        exit(EXIT_FAILURE);
    }
    double median = bench_median(each, ROUNDS);
    printf("{\"kind\": \"%s\", \"ns\": %.1f, \"best\": %.1f, \"bytes\": %.1f}\n",
        netflow_format_name(kind), median, each[0], (double)bench_bytes / (double)bench_messages);
}

int
main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    bool known = strcmp(what, "all") == 0 || strcmp(what, "worst") == 0;

    for (enum netflow_format kind = NETFLOW_V5; kind < NETFLOW_FORMATS; kind++) {
        if (strcmp(what, netflow_format_name(kind)) == 0 || strcmp(what, "all") == 0) {
            measure(kind);
            known = true;
        }
    }
    if (strcmp(what, "worst") == 0) {
        bench_worst();
    }
    if (!known) {
        fprintf(stderr, "usage: bench_netflow_decode v5|v9|ipfix|all|worst\n");
    }
    return known ? EXIT_SUCCESS : 2;
}
