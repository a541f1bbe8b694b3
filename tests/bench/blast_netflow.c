/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends flow records over loopback at a rate, as many exporters at once: each has an address, a
 * socket and sequence numbers of its own, and repeats its templates every second. Prints what it
 * sent as one JSON object.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "blast.h"
#include "load/netflow_write.h"

#include "sr/banned.h"

#define POOL BLAST_BATCH_MAX /* different datagrams; a batch never holds one twice */
#define TEMPLATES_MAX 64U
#define PORT 9995U /* that exporters send from */

struct exporter {
    int fd;
    uint32_t sequence;
};

struct blast {
    enum netflow_format kind;
    unsigned port, sources, net, templates, batch;
    struct blast_pace pace;
    struct exporter exporters[BLAST_SOURCES_MAX];
    uint8_t data[POOL][NETFLOW_DATAGRAM_MAX];
    size_t length;
    uint8_t announcement[24 + TEMPLATES_MAX * NETFLOW_TEMPLATE_MAX];
    size_t announcement_length;
    uint64_t datagrams, announcements, bytes;
};

static void
announce(struct blast *b)
{
    const uint32_t seconds = (uint32_t)time(NULL);

    if (b->announcement_length == 0) {
        return;
    }
    for (unsigned i = 0; i < b->sources; i++) {
        struct exporter *e = &b->exporters[i];
        netflow_stamp(b->kind, b->announcement, e->sequence, seconds);
        if (send(e->fd, b->announcement, b->announcement_length, 0) < 0) {
            blast_die("send");
        }
        e->sequence += netflow_units(b->kind, 0);
        b->announcements++;
    }
}

static void
send_batch(struct blast *b, struct exporter *e, uint32_t seconds)
{
    struct iovec parts[POOL];

    for (unsigned i = 0; i < b->batch; i++) {
        netflow_stamp(b->kind, b->data[i], e->sequence, seconds);
        e->sequence += netflow_units(b->kind, netflow_full_records(b->kind));
        parts[i] = (struct iovec){ b->data[i], b->length };
    }
    blast_send(e->fd, parts, b->batch);
    b->datagrams += b->batch;
    b->bytes += b->batch * b->length;
}

static void
blast(struct blast *b)
{
    int64_t t, told;

    /* Those of thousands of exporters take longer than a short run. */
    announce(b);
    blast_start(&b->pace);
    told = b->pace.start;
    for (unsigned turn = 0; (t = blast_wait(&b->pace, b->datagrams)) >= 0; turn++) {
        if (t - told >= BLAST_SECOND) {
            told = t;
            announce(b);
        }
        send_batch(b, &b->exporters[turn % b->sources], (uint32_t)time(NULL));
    }
}

static void
prepare(struct blast *b)
{
    blast_allow_sockets(b->sources);
    for (unsigned i = 0; i < b->sources; i++) {
        b->exporters[i].fd = blast_socket(b->net, i, PORT, b->port);
    }
    for (unsigned i = 0; i < POOL; i++) {
        uint16_t id = (uint16_t)(NETFLOW_FIRST_TEMPLATE + i % b->templates);
        b->length = netflow_write_data(b->kind, netflow_full_records(b->kind), i, id, b->data[i]);
    }
    b->announcement_length = netflow_write_templates(b->kind, b->templates, b->announcement);
}

/* NETFLOW_FORMATS for a name that is none. */
static enum netflow_format
kind_of(const char *name)
{
    enum netflow_format kind = NETFLOW_V5;

    while (kind < NETFLOW_FORMATS && strcmp(netflow_format_name(kind), name) != 0) {
        kind++;
    }
    return kind;
}

static bool
read_arguments(struct blast *b, int argc, char **argv)
{
    static const char options[] = "k:p:s:n:t:b:r:d:";
    int option;

    while ((option = getopt(argc, argv, options)) != -1) {
        if (option == '?' || optarg == NULL) {
            return false;
        }
        const double value = strtod(optarg, NULL);
        switch (option) {
        case 'k': b->kind = kind_of(optarg); break;
        case 'p': b->port = (unsigned)value; break;
        case 's': b->sources = (unsigned)value; break;
        case 'n': b->net = (unsigned)value; break;
        case 't': b->templates = (unsigned)value; break;
        case 'b': b->batch = (unsigned)value; break;
        case 'r': b->pace.rate = value; break;
        case 'd': b->pace.seconds = value; break;
        default: return false;
        }
    }
    return optind == argc && b->kind < NETFLOW_FORMATS && b->port > 0 && b->port < 65536 &&
           b->sources > 0 && b->sources <= BLAST_SOURCES_MAX && b->net < 256 && b->templates > 0 &&
           b->templates <= TEMPLATES_MAX && b->batch > 0 && b->batch <= POOL && b->pace.rate >= 0;
}

int
main(int argc, char **argv)
{
    static struct blast b = {
        .sources = 8, .net = 1, .templates = 1, .batch = 16, .pace = { .rate = 10000, .seconds = 1 }
    };

    if (!read_arguments(&b, argc, argv)) {
        fprintf(stderr,
            "usage: blast_netflow -p PORT [-k v5|v9|ipfix] [-r DATAGRAMS_A_SECOND] [-d SECONDS]\n"
            "       [-s SOURCES] [-n NET: 127.NET.0.1 is the first] [-t TEMPLATES] [-b BATCH]\n");
        return 2;
    }
    prepare(&b);
    blast(&b);
    double seconds = blast_passed(&b.pace);
    printf("{\"datagrams\": %" PRIu64 ", \"templates\": %" PRIu64 ", \"records\": %" PRIu64
           ", \"bytes\": %" PRIu64 ", \"size\": %zu, \"seconds\": %.3f}\n",
        b.datagrams, b.announcements, b.datagrams * netflow_full_records(b.kind), b.bytes, b.length,
        seconds);
    for (unsigned i = 0; i < b.sources; i++) {
        close(b.exporters[i].fd);
    }
    return EXIT_SUCCESS;
}
