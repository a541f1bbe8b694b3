/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_parts.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The kernel's header wants struct timespec and the addresses to be known. */
#include <linux/errqueue.h>

#include "send/send_segments.h"

#include "sr/banned.h"

enum {
    SEND_BUFFER = 4 << 20, /* asked for; the kernel cuts it to net.core.wmem_max */
    WAIT_MS = 100,         /* a signal that comes just before a wait is noticed this late */
    LOOK_AFTER = 4096,     /* datagrams between two looks at what came back */
};

/* A socket of one source, connected to one port. */
struct outlet {
    int fd;
    uint16_t port;       /* 0: the URL's */
    uint32_t since_look; /* datagrams */
    struct outlet *next; /* of the same source, to another port */
};

struct datagrams {
    struct sockaddr_storage address; /* that could be connected to */
    uint32_t count;
    bool segment;           /* the kernel takes several datagrams as one piece */
    int came_back;          /* errno of the first that came back, or 0 */
    struct outlet *outlets; /* one of each source, in its order */
};

/*
 * Refusals are read from the error queue, where each has its entry: sendmmsg swallows the error
 * when it strikes behind the first datagram of a batch.
 */
static void
set_options(int fd, sa_family_t family)
{
    int buffer = SEND_BUFFER;
    int on = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    if (family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
    }
    /* Also of IPv6, for ::ffff:0:0/96: what comes back of these is ICMP (RFC 4038 section 4.2). */
    (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
}

/* A socket that sends from `own` (NULL: the kernel chooses) to `address`; -1 with errno. */
static int
open_socket(const struct sockaddr_storage *address, const struct sockaddr_storage *own)
{
    int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    int saved;

    if (fd < 0) {
        return -1;
    }
    set_options(fd, address->ss_family);
    if ((own == NULL || bind(fd, (const struct sockaddr *)own, send_address_len(own)) == 0) &&
        connect(fd, (const struct sockaddr *)address, send_address_len(address)) == 0) {
        return fd;
    }
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static bool
open_outlet(struct sender *s, uint32_t source, uint16_t port, struct outlet *outlet)
{
    struct sockaddr_storage address = s->datagrams->address;
    struct sockaddr_storage own;
    bool has_own = send_own_address(s, source, &own);

    if (port != 0) {
        send_address_set_port(&address, port);
    }
    outlet->port = port;
    outlet->fd = open_socket(&address, has_own ? &own : NULL);
    return outlet->fd >= 0;
}

/* The first address that the host can send to is that of all sources. */
static bool
open_first(struct sender *s)
{
    for (size_t i = 0; i < s->target.address_count; i++) {
        s->datagrams->address = s->target.addresses[i];
        if (open_outlet(s, 0, 0, &s->datagrams->outlets[0])) {
            return true;
        }
    }
    return false;
}

enum send_err
datagrams_open(struct sender *s, char *message)
{
    struct datagrams *d = calloc(1, sizeof(*d));
    bool ok = false;

    s->datagrams = d;
    if (d != NULL) {
        d->segment = s->options.flood || s->options.rate >= 100000;
        d->outlets = calloc(s->options.sources, sizeof(*d->outlets));
    }
    if (d == NULL || d->outlets == NULL) {
        (void)snprintf(message, SEND_MESSAGE_MAX, "out of memory");
        return SEND_ECONNECT;
    }
    for (d->count = 0; d->count < s->options.sources; d->count++) {
        ok = d->count == 0 ? open_first(s) : open_outlet(s, d->count, 0, &d->outlets[d->count]);
        if (!ok) {
            (void)snprintf(message, SEND_MESSAGE_MAX, "cannot send to '%.200s' port %u: %s; %s",
                s->target.host, s->target.port, strerror(errno), send_remedy(errno));
            return SEND_ECONNECT;
        }
    }
    return SEND_OK;
}

/* The socket of a message; NULL when it cannot be opened. */
static struct outlet *
find_outlet(struct sender *s, const struct send_item *item)
{
    uint32_t source = item->source % s->datagrams->count;
    struct outlet *first = &s->datagrams->outlets[source];
    struct outlet *o;

    if (item->port == 0 || item->port == s->target.port) {
        return first;
    }
    for (o = first->next; o != NULL; o = o->next) {
        if (o->port == item->port) {
            return o;
        }
    }
    o = calloc(1, sizeof(*o));
    if (o == NULL || !open_outlet(s, source, item->port, o)) {
        s->totals.error = errno;
        send_tell(s, "cannot open a socket to port %u: %s; %s", item->port,
            strerror(s->totals.error), send_remedy(s->totals.error));
        free(o);
        return NULL;
    }
    o->next = first->next;
    first->next = o;
    return o;
}

static void
count_refusal(struct sender *s, int error)
{
    s->totals.refused++;
    if (s->datagrams->came_back == 0) {
        s->datagrams->came_back = error;
    }
}

/* Counts refusals; returns how many ICMP messages of any kind had come back. */
static uint64_t
drain_errors(struct sender *s, int fd)
{
    uint64_t count = 0;

    for (;;) {
        union {
            char bytes[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
            struct cmsghdr align;
        } control;
        struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
        struct cmsghdr *cmsg;

        if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
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
                if (what.ee_errno != EMSGSIZE) {
                    count_refusal(s, (int)what.ee_errno);
                }
            }
        }
    }
}

/* The URL of whom a socket is connected to: a name has several addresses, and ports are mapped. */
static void
write_peer(int fd, char *out, size_t size)
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof(address);
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1] = "?";
    char port[8] = "?";
    bool is_v6;

    (void)getpeername(fd, (struct sockaddr *)&address, &len);
    (void)getnameinfo((const struct sockaddr *)&address, len, host, sizeof(host), port,
        sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM);
    is_v6 = address.ss_family == AF_INET6;
    (void)snprintf(out, size, "udp://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

/* Tells the first refusal of all. */
static void
tell_refusal(struct sender *s, const struct outlet *outlet, uint64_t before)
{
    char peer[128];

    if (before > 0 || s->totals.refused == 0) {
        return;
    }
    write_peer(outlet->fd, peer, sizeof(peer));
    if (s->datagrams->came_back == ECONNREFUSED) {
        send_tell(s,
            "nothing listens on %s: start the collector, or compare the port with its `listen` "
            "setting (`ss -lun` on that host shows who listens)",
            peer);
    } else {
        send_tell(s, "datagrams to %s come back: %s; %s", peer, strerror(s->datagrams->came_back),
            send_remedy(s->datagrams->came_back));
    }
    /* One message comes back of a whole piece, and each shall be counted. */
    s->datagrams->segment = false;
}

/* Looks at what came back on a socket; returns how many messages. */
static uint64_t
look(struct sender *s, const struct outlet *outlet)
{
    uint64_t before = s->totals.refused;
    uint64_t icmp = drain_errors(s, outlet->fd);

    tell_refusal(s, outlet, before);
    return icmp;
}

/*
 * After a send that took nothing: true when the same datagram shall be tried again. `icmp` messages
 * had come back, and each leaves its errno to the next send on the socket.
 */
static bool
recover(struct sender *s, const struct outlet *outlet, int error, uint64_t icmp)
{
    struct pollfd room = { .fd = outlet->fd, .events = POLLOUT };
    struct timespec moment = { .tv_nsec = 1000000 };

    switch (error) {
    case EINTR: return true;
    case EAGAIN:
        (void)poll(&room, 1, WAIT_MS);
        send_waits(s);
        return true;
    case ENOBUFS: /* the device's queue is full, which poll does not see */
    case ENOMEM: (void)nanosleep(&moment, NULL); return true;
    case ECONNREFUSED:
        if (icmp == 0) {
            count_refusal(s, error);
            tell_refusal(s, outlet, s->totals.refused - 1);
        }
        return true;
    default: break;
    }
    if (icmp > 0) {
        return true;
    }
    s->totals.error = error;
    send_tell(s, "cannot send to %s: %s; %s", s->options.to, strerror(error), send_remedy(error));
    return false;
}

/* What the kernel is given: one entry for each piece. */
struct vector {
    struct mmsghdr messages[SEND_BATCH_MAX];
    struct iovec bytes[SEND_BATCH_MAX];
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control[SEND_BATCH_MAX];
};

static void
set_segment(struct vector *v, size_t index, uint16_t size)
{
    struct msghdr *header = &v->messages[index].msg_hdr;
    struct cmsghdr *cmsg;

    header->msg_control = &v->control[index];
    header->msg_controllen = sizeof(v->control[index]);
    cmsg = CMSG_FIRSTHDR(header);
    cmsg->cmsg_level = SOL_UDP;
    cmsg->cmsg_type = UDP_SEGMENT;
    cmsg->cmsg_len = CMSG_LEN(sizeof(size));
    memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
}

static void
fill(struct vector *v, const struct send_item *items, const uint8_t *order,
    const struct send_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct send_piece *piece = &pieces[i];

        for (size_t k = piece->first; k < (size_t)piece->first + piece->count; k++) {
            const struct sr_span *bytes = &items[order[k]].bytes;

            v->bytes[k] = (struct iovec){ (void *)(uintptr_t)bytes->data, bytes->len };
        }
        v->messages[i] = (struct mmsghdr){
            .msg_hdr = { .msg_iov = &v->bytes[piece->first], .msg_iovlen = piece->count },
        };
        if (piece->count > 1) {
            set_segment(v, i, piece->size);
        }
    }
}

/*
 * After a failed send of the first of `pieces`: how many datagrams are left out for it, or -1 to
 * end. A kernel or device that does not segment is not asked again.
 */
static int
after_failure(
    struct sender *s, const struct outlet *outlet, const struct send_piece *piece, int error)
{
    uint64_t icmp = look(s, outlet);

    if (piece->count > 1 && icmp == 0 &&
        (error == EINVAL || error == EIO || error == EMSGSIZE || error == EOPNOTSUPP)) {
        s->datagrams->segment = false;
        return 0;
    }
    if (error == EMSGSIZE && icmp == 0) {
        s->totals.too_long++;
        return 1;
    }
    return recover(s, outlet, error, icmp) ? 0 : -1;
}

/* Sends `count` datagrams of one source to one port; returns how many of them are settled. */
static size_t
send_run(struct sender *s, struct outlet *outlet, const struct send_item *items,
    const uint8_t *order, size_t count)
{
    struct send_piece pieces[SEND_BATCH_MAX];
    struct vector v;
    size_t at = 0;

    while (at < count && !send_is_over(s)) {
        size_t n = send_cut(items, order + at, count - at, s->datagrams->segment, pieces);
        /* Before the call: a collector is quick enough to store the first before it returns. */
        uint64_t wall_ns = s->options.sent != NULL ? send_wall_ns() : 0;
        int rc;

        fill(&v, items, order + at, pieces, n);
        rc = sendmmsg(outlet->fd, v.messages, (unsigned)n, MSG_DONTWAIT);
        if (rc < 0) {
            int left_out = after_failure(s, outlet, pieces, errno);

            if (left_out < 0) {
                break;
            }
            at += (size_t)left_out;
            continue;
        }
        size_t done = 0;
        for (int i = 0; i < rc; i++) {
            done += pieces[i].count;
        }
        outlet->since_look += (uint32_t)done;
        for (; done > 0; done--) {
            send_count(s, &items[order[at++]], &wall_ns);
        }
    }
    return at;
}

size_t
datagrams_send(struct sender *s, const struct send_item *items, size_t count)
{
    uint8_t order[SEND_BATCH_MAX];
    size_t at = 0;

    send_order(items, count, order);
    while (at < count) {
        size_t same = send_same(items, order + at, count - at);
        struct outlet *outlet = find_outlet(s, &items[order[at]]);
        size_t done;

        if (outlet == NULL) {
            break;
        }
        done = send_run(s, outlet, items, order + at, same);
        at += done;
        if (done < same) {
            break;
        }
        if (outlet->since_look >= LOOK_AFTER) {
            outlet->since_look = 0;
            (void)look(s, outlet);
        }
    }
    return at;
}

static void
look_at_all(struct sender *s)
{
    for (uint32_t i = 0; i < s->datagrams->count; i++) {
        for (const struct outlet *o = &s->datagrams->outlets[i]; o != NULL; o = o->next) {
            (void)look(s, o);
        }
    }
}

void
datagrams_finish(struct sender *s)
{
    struct timespec moment = { .tv_nsec = WAIT_MS * 1000000L };

    look_at_all(s);
    if (s->totals.refused == 0 && s->totals.sent > 0 && *s->options.stop == 0) {
        (void)nanosleep(&moment, NULL);
        look_at_all(s);
    }
}

void
datagrams_close(struct datagrams *d)
{
    if (d == NULL) {
        return;
    }
    for (uint32_t i = 0; i < d->count; i++) {
        struct outlet *next = d->outlets[i].next;

        close(d->outlets[i].fd);
        while (next != NULL) {
            struct outlet *o = next;

            next = o->next;
            close(o->fd);
            free(o);
        }
    }
    free(d->outlets);
    free(d);
}
