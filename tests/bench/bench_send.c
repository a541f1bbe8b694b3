/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How evenly `replay` and `load` send, and how fast: bench_send RATE SECONDS SIZE [GROWING].
 *
 * A thread receives on loopback and keeps the time that the kernel gave each datagram, which there
 * is the time of sending. Printed is how far they were behind their time, and the sender's CPU. A
 * RATE of 0 is a flood; GROWING sizes, which no two of a batch share, keep the kernel from taking
 * many datagrams as one piece.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "send/send.h"
#include "send/send_pace.h"

#include "sr/banned.h"

enum { BATCH = 64, SIZE_MAX_BYTES = 9000, CONTROL = 64, SAMPLES_MAX = 20000000 };

struct receiver {
    int fd;
    uint64_t *times; /* wall clock, ns; by number, 0: not received */
    uint64_t wanted;
    _Atomic uint64_t received;
    atomic_bool stop;
};

static uint64_t
time_of(struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;

            memcpy(&at, CMSG_DATA(c), sizeof(at));
            return (uint64_t)at.tv_sec * 1000000000U + (uint64_t)at.tv_nsec;
        }
    }
    return 0;
}

static void *
receive(void *arg)
{
    struct receiver *r = arg;
    static uint64_t numbers[BATCH];
    static _Alignas(struct cmsghdr) char control[BATCH][CONTROL];
    struct iovec vectors[BATCH];
    struct mmsghdr messages[BATCH];

    while (!r->stop) {
        for (size_t i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){ &numbers[i], sizeof(numbers[i]) };
            messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i],
                .msg_iovlen = 1,
                .msg_control = control[i],
                .msg_controllen = CONTROL };
        }
        int n = recvmmsg(r->fd, messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < n; i++) {
            if (numbers[i] < r->wanted) {
                r->times[numbers[i]] = time_of(&messages[i].msg_hdr);
            }
        }
        r->received += n > 0 ? (uint64_t)n : 0;
    }
    return NULL;
}

static void
open_receiver(struct receiver *r, char *url, size_t size)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct timeval limit = { .tv_usec = 100000 };
    socklen_t len = sizeof(address);
    int buffer = 64 << 20;
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
    (void)setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(r->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    if (r->fd < 0 || bind(r->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        getsockname(r->fd, (struct sockaddr *)&address, &len) != 0) {
        perror("bench_send: bind");
        exit(EXIT_FAILURE);
    }
    (void)snprintf(url, size, "udp://127.0.0.1:%u", ntohs(address.sin_port));
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static double
cpu_seconds(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_THREAD, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Numbered datagrams until the count or the time is over. */
static void
send_all(struct sender *s, uint64_t count, uint64_t seconds, size_t size, bool growing)
{
    static uint8_t bytes[SEND_BATCH_MAX][SIZE_MAX_BYTES];
    struct send_item items[SEND_BATCH_MAX];
    size_t batch = send_batch_size(s);
    uint64_t end = now_ns() + seconds * 1000000000U;
    uint64_t number = 0;

    while (number < count && now_ns() < end) {
        for (size_t i = 0; i < batch; i++, number++) {
            memcpy(bytes[i], &number, sizeof(number));
            items[i] = (struct send_item){ .bytes = { bytes[i], size + (growing ? i : 0) } };
        }
        if (!send_items(s, items, batch)) {
            return;
        }
    }
}

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double
microseconds(int64_t ns)
{
    return (double)ns / 1e3;
}

/* The schedule is placed so that none is early. */
static void
print_deviation(const struct receiver *r, uint64_t rate)
{
    int64_t *off = malloc(r->wanted * sizeof(*off));
    size_t count = 0;

    for (uint64_t i = 0; off != NULL && i < r->wanted; i++) {
        if (r->times[i] != 0) {
            off[count++] = (int64_t)(r->times[i] - pace_due_ns(rate, i));
        }
    }
    if (count > 0) {
        qsort(off, count, sizeof(*off), compare);
        size_t middle = count / 2;
        size_t later = count * 9 / 10;
        size_t late = count * 99 / 100;

        printf("behind their time: median %.1f us, 90 %% %.1f us, 99 %% %.1f us, largest %.1f us\n",
            microseconds(off[middle] - off[0]), microseconds(off[later] - off[0]),
            microseconds(off[late] - off[0]), microseconds(off[count - 1] - off[0]));
    }
    free(off);
}

static int
run(struct receiver *r, const struct send_options *options, uint64_t seconds, size_t size,
    bool growing)
{
    char message[SEND_MESSAGE_MAX];
    struct sender *s;
    double cpu, took;

    if (send_open(options, &s, message) != SEND_OK) {
        fprintf(stderr, "bench_send: %s\n", message);
        return EXIT_FAILURE;
    }
    cpu = cpu_seconds();
    send_start(s);
    send_all(s, options->flood ? UINT64_MAX : r->wanted, seconds, size, growing);
    took = send_finish(s);
    cpu = cpu_seconds() - cpu;
    uint64_t sent = send_totals(s)->sent;
    printf("%.0f datagrams/s, %.0f %% of a core, %.2f us of CPU each, %llu of %llu received\n",
        (double)sent / took, cpu / took * 100, cpu / (double)sent * 1e6,
        (unsigned long long)r->received, (unsigned long long)sent);
    if (options->rate > 0) {
        print_deviation(r, options->rate);
    }
    send_close(s);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    struct receiver r = { 0 };
    struct send_options options = { .sources = 1 };
    pthread_t thread;
    char url[64];
    int code;

    if (argc < 4) {
        fputs("usage: bench_send RATE SECONDS SIZE [GROWING]\n", stderr);
        return 2;
    }
    uint64_t seconds = strtoull(argv[2], NULL, 10);
    size_t size = strtoul(argv[3], NULL, 10);
    options.rate = strtoull(argv[1], NULL, 10);
    options.flood = options.rate == 0;
    options.to = url;
    r.wanted = options.rate * seconds;
    if (size < sizeof(uint64_t) || size > SIZE_MAX_BYTES - BATCH || r.wanted > SAMPLES_MAX) {
        fputs("bench_send: SIZE is 8 to 8936, and RATE * SECONDS at most 20,000,000\n", stderr);
        return 2;
    }
    r.times = calloc(r.wanted + 1, sizeof(*r.times));
    if (r.times == NULL) {
        perror("bench_send");
        return EXIT_FAILURE;
    }
    open_receiver(&r, url, sizeof(url));
    (void)pthread_create(&thread, NULL, receive, &r);
    code = run(&r, &options, options.flood ? seconds : 2 * seconds + 5, size, argc > 4);
    r.stop = true;
    (void)pthread_join(thread, NULL);
    close(r.fd);
    free(r.times);
    return code;
}
