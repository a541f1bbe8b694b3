/* SPDX-License-Identifier: Apache-2.0 */
#include "blast.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "sr/banned.h"

_Noreturn void
blast_die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

int64_t
blast_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * BLAST_SECOND + ts.tv_nsec;
}

void
blast_allow_sockets(unsigned count)
{
    const rlim_t files = count + 16;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < files) {
        limit.rlim_cur = files < limit.rlim_max ? files : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int
blast_socket(unsigned net, unsigned index, unsigned from, unsigned to)
{
    const struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(0x7F000000U | net << 16 | (index + 1)),
        .sin_port = htons((uint16_t)from),
    };
    const struct sockaddr_in target = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)to),
    };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&source, sizeof(source)) != 0 ||
        connect(fd, (const struct sockaddr *)&target, sizeof(target)) != 0) {
        blast_die("source");
    }
    return fd;
}

void
blast_send(int fd, struct iovec *parts, unsigned count)
{
    struct mmsghdr messages[BLAST_BATCH_MAX];
    unsigned done = 0;

    memset(messages, 0, sizeof(messages));
    for (unsigned i = 0; i < count; i++) {
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (done < count) {
        int sent = sendmmsg(fd, messages + done, count - done, 0);
        if (sent < 0 && errno != EINTR && errno != ENOBUFS) {
            blast_die("sendmmsg");
        }
        done += sent > 0 ? (unsigned)sent : 0;
    }
}

static void
wait_until(int64_t when)
{
    const struct timespec ts = { .tv_sec = when / BLAST_SECOND, .tv_nsec = when % BLAST_SECOND };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR) {
    }
}

void
blast_start(struct blast_pace *p)
{
    p->start = blast_now();
}

int64_t
blast_wait(const struct blast_pace *p, uint64_t sent)
{
    int64_t t = blast_now();

    if (p->rate > 0) {
        int64_t due = p->start + (int64_t)((double)sent / p->rate * (double)BLAST_SECOND);
        if (due > t) {
            wait_until(due);
            t = blast_now();
        }
    }
    return t < p->start + (int64_t)(p->seconds * (double)BLAST_SECOND) ? t : -1;
}

double
blast_passed(const struct blast_pace *p)
{
    return (double)(blast_now() - p->start) / (double)BLAST_SECOND;
}
