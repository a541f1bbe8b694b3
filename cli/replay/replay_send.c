/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_send.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The kernel's header wants struct timespec and the addresses to be known. */
#include <linux/errqueue.h>

#include "sr/banned.h"

enum {
    BATCHES_PER_SECOND = 1000, /* a timer tick that schedulers keep well */
    SEND_BUFFER = 4 << 20,     /* asked for; the kernel cuts it to net.core.wmem_max */
    SLEEP_SLICE_NS = 200000000,
    WAIT_MS = 100, /* a signal that comes just before a wait is noticed this late */
};

#define NS_PER_SECOND 1000000000U

uint64_t
replay_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* Splits "udp://HOST:PORT" in place of a copy; false when it has another form. */
static bool
split_url(char *url, char **ret_host, char **ret_port)
{
    static const char scheme[] = "udp://";
    char *host = url + sizeof(scheme) - 1;
    char *port;

    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    port = strrchr(host, ':');
    if (port == NULL || port == host || strspn(port + 1, "0123456789") != strlen(port + 1) ||
        strlen(port + 1) == 0 || strlen(port + 1) > 5) {
        return false;
    }
    unsigned long number = strtoul(port + 1, NULL, 10);
    if (number == 0 || number > 65535) {
        return false;
    }
    *port = '\0';
    if (*host == '[' && port[-1] == ']') {
        host++;
        port[-1] = '\0';
    } else if (strchr(host, ':') != NULL) {
        return false; /* an IPv6 address without brackets: its port cannot be told apart */
    }
    *ret_host = host;
    *ret_port = port + 1;
    return *host != '\0';
}

static int
connect_one(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    int buffer = SEND_BUFFER;
    int on = 1;

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    /*
     * Refusals are read from the error queue, where each has its entry: sendmmsg swallows the
     * error when it strikes behind the first datagram of a batch.
     */
    if (info->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
    } else {
        (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
    }
    if (connect(fd, info->ai_addr, info->ai_addrlen) != 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static enum replay_connect_err
connect_any(const char *host, const char *port, int *ret_fd, char *message)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_DGRAM,
        .ai_flags = AI_NUMERICSERV,
    };
    struct addrinfo *list;
    int rc = getaddrinfo(host, port, &hints, &list);
    int fd = -1;

    if (rc != 0) {
        (void)snprintf(message, REPLAY_MESSAGE_MAX,
            "cannot resolve '%.200s': %s; check the name, or give the address itself", host,
            rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return REPLAY_ECONNECT;
    }
    for (const struct addrinfo *info = list; info != NULL && fd < 0; info = info->ai_next) {
        fd = connect_one(info);
    }
    if (fd < 0) {
        (void)snprintf(message, REPLAY_MESSAGE_MAX,
            "cannot send to '%.200s' port %s: %s; check the address and the routes of this host",
            host, port, strerror(errno));
    }
    freeaddrinfo(list);
    if (fd < 0) {
        return REPLAY_ECONNECT;
    }
    *ret_fd = fd;
    return REPLAY_CONNECTED;
}

enum replay_connect_err
replay_connect(const char *url, int *ret_fd, char *message)
{
    char copy[300]; /* a name of 255 bytes, RFC 1035, section 2.3.4 */
    char *host;
    char *port;

    if (strlen(url) < sizeof(copy)) {
        (void)snprintf(copy, sizeof(copy), "%s", url);
        if (split_url(copy, &host, &port)) {
            return connect_any(host, port, ret_fd, message);
        }
    }
    (void)snprintf(message, REPLAY_MESSAGE_MAX,
        "'%.200s' is not udp://HOST:PORT; for example udp://127.0.0.1:514 or udp://[::1]:514", url);
    return REPLAY_EADDRESS;
}

size_t
replay_batch_size(uint64_t rate)
{
    if (rate == 0 || rate / BATCHES_PER_SECOND >= REPLAY_BATCH_MAX) {
        return REPLAY_BATCH_MAX;
    }
    return rate < BATCHES_PER_SECOND ? 1 : (size_t)(rate / BATCHES_PER_SECOND);
}

/* When datagram number `index` is due. Counting from the start keeps the average exact. */
static uint64_t
due_ns(const struct replay_sender *sender, uint64_t index)
{
    return sender->start_ns + index / sender->rate * NS_PER_SECOND +
           index % sender->rate * NS_PER_SECOND / sender->rate;
}

static void
sleep_until(const struct replay_sender *sender, uint64_t deadline_ns)
{
    uint64_t now;

    /* In slices: a signal between the test and the sleep would go unnoticed. */
    while (!*sender->stop && (now = replay_now_ns()) < deadline_ns) {
        uint64_t until = deadline_ns - now > SLEEP_SLICE_NS ? now + SLEEP_SLICE_NS : deadline_ns;
        struct timespec at = {
            .tv_sec = (time_t)(until / NS_PER_SECOND),
            .tv_nsec = (long)(until % NS_PER_SECOND),
        };

        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

/* Counts refusals; returns how many ICMP messages of any kind had come back. */
static uint64_t
drain_errors(struct replay_sender *sender)
{
    uint64_t count = 0;

    for (;;) {
        union {
            char bytes[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
            struct cmsghdr align;
        } control;
        struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
        struct cmsghdr *cmsg;

        if (recvmsg(sender->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            return count;
        }
        for (cmsg = CMSG_FIRSTHDR(&msg); cmsg != NULL; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
            bool is_error = (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR) ||
                            (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR);
            struct sock_extended_err what;

            if (!is_error || cmsg->cmsg_len < CMSG_LEN(sizeof(what))) {
                continue;
            }
            memcpy(&what, CMSG_DATA(cmsg), sizeof(what));
            /* Local entries are what the send itself reports. */
            if (what.ee_origin == SO_EE_ORIGIN_ICMP || what.ee_origin == SO_EE_ORIGIN_ICMP6) {
                count++;
                /* "Fragmentation needed" teaches the kernel the path; what follows is cut. */
                sender->refused += what.ee_errno != EMSGSIZE;
            }
        }
    }
}

/*
 * After a send that took nothing: true when the same datagram shall be tried again. `icmp` messages
 * had come back, and each leaves its errno to the next send on the socket.
 */
static bool
recover(struct replay_sender *sender, int error, uint64_t icmp)
{
    struct pollfd room = { .fd = sender->fd, .events = POLLOUT };
    struct timespec moment = { .tv_nsec = 1000000 };

    switch (error) {
    case EINTR: return true;
    case EAGAIN: (void)poll(&room, 1, WAIT_MS); return true;
    case ENOBUFS: /* the device's queue is full, which poll does not see */
    case ENOMEM: (void)nanosleep(&moment, NULL); return true;
    case ECONNREFUSED: sender->refused += icmp == 0; return true;
    default: break;
    }
    if (icmp > 0) {
        return true;
    }
    sender->error = error;
    return false;
}

bool
replay_send(struct replay_sender *sender, const struct sr_span *payloads, size_t count)
{
    struct mmsghdr msgs[REPLAY_BATCH_MAX] = { 0 };
    struct iovec vectors[REPLAY_BATCH_MAX];
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        vectors[i] = (struct iovec){ (void *)(uintptr_t)payloads[i].data, payloads[i].len };
        msgs[i].msg_hdr.msg_iov = &vectors[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    if (sender->rate > 0) {
        sleep_until(sender, due_ns(sender, sender->sent + sender->too_long));
    }
    while (at < count && !*sender->stop) {
        int rc = sendmmsg(sender->fd, msgs + at, (unsigned)(count - at), MSG_DONTWAIT);
        int error = errno;
        uint64_t icmp = drain_errors(sender);

        if (rc < 0 && error == EMSGSIZE && icmp == 0) {
            sender->too_long++;
            at++;
        } else if (rc < 0 && !recover(sender, error, icmp)) {
            return false;
        }
        for (int i = 0; i < rc; i++) {
            sender->sent++;
            sender->bytes += payloads[at++].len;
        }
    }
    return !*sender->stop;
}

double
replay_finish(struct replay_sender *sender)
{
    struct pollfd refusal = { .fd = sender->fd };
    uint64_t end_ns;

    if (sender->rate > 0) {
        sleep_until(sender, due_ns(sender, sender->sent + sender->too_long));
    }
    end_ns = replay_now_ns();
    if (sender->refused == 0 && sender->sent > 0 && !*sender->stop) {
        (void)poll(&refusal, 1, WAIT_MS);
    }
    (void)drain_errors(sender);
    return (double)(end_ns - sender->start_ns) / NS_PER_SECOND;
}
