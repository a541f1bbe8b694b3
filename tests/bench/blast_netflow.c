/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends flow records over loopback at a rate, as many exporters at once: each has an address, a
 * socket and sequence numbers of its own, and repeats its templates every second. Prints what it
 * sent as one JSON object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netflow_load.h"

#include "sr/banned.h"

#define POOL 32U /* different datagrams; a batch never holds one twice */
#define TEMPLATES_MAX 64U
#define SOURCES_MAX 16000U
#define SECOND INT64_C(1000000000)

struct exporter {
    int fd;
    uint32_t sequence;
};

struct blast {
    enum load_kind kind;
    unsigned port, sources, net, templates, batch;
    double rate, seconds; /* datagrams a second; 0: as fast as it goes */
    struct exporter exporters[SOURCES_MAX];
    uint8_t data[POOL][LOAD_DATAGRAM_MAX];
    size_t length;
    uint8_t announcement[24 + TEMPLATES_MAX * LOAD_TEMPLATE_MAX];
    size_t announcement_length;
    uint64_t datagrams, announcements, bytes;
};

static _Noreturn void
die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static int64_t
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * SECOND + ts.tv_nsec;
}

static void
wait_until(int64_t when)
{
    const struct timespec ts = { .tv_sec = when / SECOND, .tv_nsec = when % SECOND };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {
    }
}

/* A socket of 127.NET.x.y, the exporter with that index. */
static int
open_exporter(const struct blast *b, unsigned index)
{
    const struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(0x7F000000U | b->net << 16 | (index + 1)),
        .sin_port = htons(9995),
    };
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)b->port),
    };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        die("exporter");
    }
    return fd;
}

static void
announce(struct blast *b)
{
    const uint32_t seconds = (uint32_t)time(NULL);

    if (b->announcement_length == 0) {
        return;
    }
    for (unsigned i = 0; i < b->sources; i++) {
        struct exporter *e = &b->exporters[i];
        load_stamp(b->kind, b->announcement, e->sequence, seconds);
        if (send(e->fd, b->announcement, b->announcement_length, 0) < 0) {
            die("send");
        }
        e->sequence += load_units(b->kind, 0);
        b->announcements++;
    }
}

static void
send_batch(struct blast *b, struct exporter *e, unsigned count, uint32_t seconds)
{
    struct mmsghdr messages[POOL];
    struct iovec parts[POOL];
    unsigned done = 0;

    memset(messages, 0, sizeof(messages));
    for (unsigned i = 0; i < count; i++) {
        load_stamp(b->kind, b->data[i], e->sequence, seconds);
        e->sequence += load_units(b->kind, load_records(b->kind));
        parts[i] = (struct iovec){ b->data[i], b->length };
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (done < count) {
        int sent = sendmmsg(e->fd, messages + done, count - done, 0);
        if (sent < 0 && errno != EINTR && errno != ENOBUFS) {
            die("sendmmsg");
        }
        done += sent > 0 ? (unsigned)sent : 0;
    }
    b->datagrams += count;
    b->bytes += count * b->length;
}

static double
blast(struct blast *b)
{
    const int64_t start = now();
    const int64_t end = start + (int64_t)(b->seconds * (double)SECOND);
    int64_t told = start;

    announce(b);
    for (unsigned turn = 0;; turn++) {
        int64_t t = now();
        if (b->rate > 0) {
            int64_t due = start + (int64_t)((double)b->datagrams / b->rate * (double)SECOND);
            if (due > t) {
                wait_until(due);
                t = now();
            }
        }
        if (t >= end) {
            return (double)(t - start) / (double)SECOND;
        }
        if (t - told >= SECOND) {
            told = t;
            announce(b);
        }
        send_batch(b, &b->exporters[turn % b->sources], b->batch, (uint32_t)time(NULL));
    }
}

static void
prepare(struct blast *b)
{
    const rlim_t files = b->sources + 16;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < files) {
        limit.rlim_cur = files < limit.rlim_max ? files : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (unsigned i = 0; i < b->sources; i++) {
        b->exporters[i].fd = open_exporter(b, i);
    }
    for (unsigned i = 0; i < POOL; i++) {
        uint16_t id = (uint16_t)(LOAD_FIRST_TEMPLATE + i % b->templates);
        b->length = load_data(b->kind, i, id, b->data[i]);
    }
    b->announcement_length = load_templates(b->kind, b->templates, b->announcement);
}

/* LOAD_KINDS for a name that is none. */
static enum load_kind
kind_of(const char *name)
{
    enum load_kind kind = LOAD_V5;

    while (kind < LOAD_KINDS && strcmp(load_name(kind), name) != 0) {
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
        case 'r': b->rate = value; break;
        case 'd': b->seconds = value; break;
        default: return false;
        }
    }
    return optind == argc && b->kind < LOAD_KINDS && b->port > 0 && b->port < 65536 &&
           b->sources > 0 && b->sources <= SOURCES_MAX && b->net < 256 && b->templates > 0 &&
           b->templates <= TEMPLATES_MAX && b->batch > 0 && b->batch <= POOL && b->rate >= 0;
}

int
main(int argc, char **argv)
{
    static struct blast b = {
        .sources = 8, .net = 1, .templates = 1, .batch = 16, .rate = 10000, .seconds = 1
    };

    if (!read_arguments(&b, argc, argv)) {
        fprintf(stderr,
            "usage: blast_netflow -p PORT [-k v5|v9|ipfix] [-r DATAGRAMS_A_SECOND] [-d SECONDS]\n"
            "       [-s SOURCES] [-n NET: 127.NET.0.1 is the first] [-t TEMPLATES] [-b BATCH]\n");
        return 2;
    }
    prepare(&b);
    double seconds = blast(&b);
    printf("{\"datagrams\": %" PRIu64 ", \"templates\": %" PRIu64 ", \"records\": %" PRIu64
           ", \"bytes\": %" PRIu64 ", \"size\": %zu, \"seconds\": %.3f}\n",
        b.datagrams, b.announcements, b.datagrams * load_records(b.kind), b.bytes, b.length,
        seconds);
    for (unsigned i = 0; i < b.sources; i++) {
        close(b.exporters[i].fd);
    }
    return EXIT_SUCCESS;
}
