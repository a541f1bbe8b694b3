/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link of some length: forwards TCP connections to 127.0.0.1:TARGET and delivers every byte DELAY
 * milliseconds after it came, in both directions, as fast as it came. Each direction is a thread
 * that reads, a queue of chunks with the time when they are due, and a thread that writes; what is
 * under way has no limit but memory. Prints the port it listens on; ends with its parent or by a
 * signal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sr/clock.h"

#define CHUNK 65536U

struct chunk {
    struct chunk *next;
    uint64_t due_ns;
    size_t len; /* 0: the end of the stream */
    char bytes[];
};

struct direction {
    int from, to;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    struct chunk *first, **last;
    pthread_t reader, writer;
};

struct connection {
    struct direction ways[2];
};

static uint64_t delay_ns;
static unsigned short target;

static void
die(const char *what)
{
    (void)fprintf(stderr, "delay_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
put(struct direction *d, struct chunk *c)
{
    (void)pthread_mutex_lock(&d->mutex);
    *d->last = c;
    d->last = &c->next;
    (void)pthread_cond_signal(&d->more);
    (void)pthread_mutex_unlock(&d->mutex);
}

static struct chunk *
take(struct direction *d)
{
    (void)pthread_mutex_lock(&d->mutex);
    while (d->first == NULL) {
        (void)pthread_cond_wait(&d->more, &d->mutex);
    }
    struct chunk *c = d->first;
    d->first = c->next;
    if (d->first == NULL) {
        d->last = &d->first;
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return c;
}

static void *
read_all(void *arg)
{
    static __thread char bytes[CHUNK];
    struct direction *d = arg;
    ssize_t len;

    do {
        len = read(d->from, bytes, sizeof(bytes));
        size_t kept = len > 0 ? (size_t)len : 0;
        struct chunk *c = malloc(sizeof(*c) + kept);
        if (c == NULL) {
            die("memory");
        }
        *c = (struct chunk){ .due_ns = sr_clock_monotonic_ns() + delay_ns, .len = kept };
        memcpy(c->bytes, bytes, kept);
        put(d, c);
    } while (len > 0);
    return NULL;
}

static void
wait_until(uint64_t due_ns)
{
    struct timespec due = { .tv_sec = (time_t)(due_ns / SR_NS_PER_SECOND),
        .tv_nsec = (long)(due_ns % SR_NS_PER_SECOND) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
    }
}

static void *
write_all(void *arg)
{
    struct direction *d = arg;
    size_t len;

    do {
        struct chunk *c = take(d);
        wait_until(c->due_ns);
        len = c->len;
        for (size_t done = 0; done < c->len;) {
            ssize_t wrote = write(d->to, c->bytes + done, c->len - done);
            if (wrote <= 0) { /* the other side is gone: so is this one */
                (void)shutdown(d->from, SHUT_RDWR);
                break;
            }
            done += (size_t)wrote;
        }
        free(c);
    } while (len > 0);
    (void)shutdown(d->to, SHUT_WR);
    return NULL;
}

static void *
serve(void *arg)
{
    struct connection *c = arg;

    for (int i = 0; i < 2; i++) {
        if (pthread_create(&c->ways[i].reader, NULL, read_all, &c->ways[i]) != 0 ||
            pthread_create(&c->ways[i].writer, NULL, write_all, &c->ways[i]) != 0) {
            die("thread");
        }
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(c->ways[i].reader, NULL);
        (void)pthread_join(c->ways[i].writer, NULL);
    }
    (void)close(c->ways[0].from);
    (void)close(c->ways[0].to);
    free(c);
    return NULL;
}

static void
init(struct direction *d, int from, int to)
{
    *d = (struct direction){ .from = from, .to = to };
    d->last = &d->first;
    (void)pthread_mutex_init(&d->mutex, NULL);
    (void)pthread_cond_init(&d->more, NULL);
}

static void
forward(int client)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(target) };
    int on = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server < 0 || connect(server, (struct sockaddr *)&to, sizeof(to)) != 0) {
        (void)close(server);
        (void)close(client);
        return;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        die("memory");
    }
    init(&c->ways[0], client, server);
    init(&c->ways[1], server, client);
    if (pthread_create(&thread, NULL, serve, c) != 0) {
        die("thread");
    }
    (void)pthread_detach(thread);
}

int
main(int argc, char **argv)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 3) {
        (void)fprintf(stderr, "Usage: delay_proxy TARGET-PORT DELAY-MS\n");
        return 2;
    }
    target = (unsigned short)strtoul(argv[1], NULL, 10);
    delay_ns = strtoull(argv[2], NULL, 10) * SR_NS_PER_MS;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&at, &len) != 0) {
        die("listen");
    }
    (void)printf("%u\n", (unsigned)ntohs(at.sin_port));
    (void)fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0) {
            forward(client);
        }
    }
}
