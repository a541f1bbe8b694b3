/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sr/udp.h"
#include "wait.h"

/* A receiver that sends back what it gets. */
static struct sr_worker_stats stats;
static int fd;

static void
on_begin(void *arg, uint64_t now_ns)
{
    (void)arg;
    (void)now_ns;
}

static void
on_datagram(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct msghdr *message)
{
    struct sr_udp_way way;

    (void)arg;
    (void)now_ns;
    (void)peer;
    sr_udp_way_of(message, &way);
    if (!sr_udp_send_back(fd, &way, bytes)) {
        abort();
    }
}

static void
on_end(void *arg)
{
    (void)arg;
}

/* Asks `address` of a socket that is bound to `host`, with one that takes nobody else's answer. */
static void
assert_answered(const char *host, int family, const char *address)
{
    struct sr_udp_address on = { .host = host, .port = 0, .receive_buffer = 1U << 18 };
    struct sr_udp_handler handler = { .name = "test",
        .batch_begin = on_begin,
        .datagram = on_datagram,
        .batch_end = on_end,
        .answers = true };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 bound = { .sin6_family = AF_UNSPEC }; /* or a sockaddr_in */
    socklen_t len = sizeof(bound);
    char error[256], text[8] = "";

    memset(&stats, 0, sizeof(stats));
    fd = sr_udp_open(&on, error, sizeof(error));
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    v4.sin_port = v6.sin6_port = bound.sin6_port; /* which both have in the same place */
    assert_int_equal(
        inet_pton(family, address, family == AF_INET ? (void *)&v4.sin_addr : &v6.sin6_addr), 1);
    struct sr_udp_worker *w = sr_udp_worker_start(fd, &handler, &stats, NULL);
    assert_non_null(w);

    int asker = socket(family, SOCK_DGRAM, 0);
    assert_int_equal(family == AF_INET ? connect(asker, (struct sockaddr *)&v4, sizeof(v4))
                                       : connect(asker, (struct sockaddr *)&v6, sizeof(v6)),
        0);
    assert_int_equal(send(asker, "hello", 5, 0), 5);
    struct pollfd p = { .fd = asker, .events = POLLIN };
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(recv(asker, text, sizeof(text), 0), 5);
    assert_memory_equal(text, "hello", 5);
    (void)close(asker);
    sr_udp_worker_stop(w);
    sr_udp_worker_join(w);
}

static void
an_answer_comes_from_the_address_that_was_asked(void **state)
{
    (void)state;
    assert_answered("0.0.0.0", AF_INET, "127.0.0.1");
    assert_answered("0.0.0.0", AF_INET, "127.0.0.77");
    assert_answered("127.0.0.3", AF_INET, "127.0.0.3");
}

static void
a_dual_stack_socket_answers_both_families_so(void **state)
{
    int probe = socket(AF_INET6, SOCK_DGRAM, 0);

    (void)state;
    if (probe < 0) {
        skip(); /* a kernel without IPv6 */
    }
    (void)close(probe);
    assert_answered("", AF_INET, "127.0.0.77");
    assert_answered("", AF_INET6, "::1");
    assert_answered("::1", AF_INET6, "::1");
}

static void
without_the_local_address_the_kernel_chooses_it(void **state)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(7) };
    struct msghdr message = { .msg_name = &name, .msg_namelen = sizeof(name) };
    struct sr_udp_way way;

    (void)state;
    sr_udp_way_of(&message, &way);
    assert_int_equal(way.peer.sin6_family, AF_INET);
    assert_true(IN6_IS_ADDR_UNSPECIFIED(&way.local));
}

/* The local address in what recvmsg(2) filled, with one control message. */
static struct in6_addr
local_of(int level, int type, const void *info, size_t len)
{
    _Alignas(struct cmsghdr) uint8_t control[128] = { 0 };
    struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
    struct msghdr message = { .msg_name = &name,
        .msg_namelen = sizeof(name),
        .msg_control = control,
        .msg_controllen = CMSG_SPACE(len) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    struct sr_udp_way way;

    *c = (struct cmsghdr){ .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
    memcpy(CMSG_DATA(c), info, len);
    sr_udp_way_of(&message, &way);
    return way.local;
}

static void
what_was_sent_to_many_is_not_answered_from_their_address(void **state)
{
    struct in_pktinfo v4 = { .ipi_ifindex = 1 };
    struct in6_pktinfo v6 = { .ipi6_ifindex = 1 };

    (void)state;
    assert_int_equal(inet_pton(AF_INET, "192.0.2.255", &v4.ipi_addr), 1);
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &v4.ipi_spec_dst), 1);
    struct in6_addr local = local_of(IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
    assert_memory_equal(local.s6_addr + 12, &v4.ipi_spec_dst, 4);
    assert_int_equal(inet_pton(AF_INET6, "ff02::1", &v6.ipi6_addr), 1);
    local = local_of(IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
    assert_true(IN6_IS_ADDR_UNSPECIFIED(&local));
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &v6.ipi6_addr), 1);
    local = local_of(IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
    assert_memory_equal(&local, &v6.ipi6_addr, sizeof(local));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_from_the_address_that_was_asked),
        cmocka_unit_test(a_dual_stack_socket_answers_both_families_so),
        cmocka_unit_test(without_the_local_address_the_kernel_chooses_it),
        cmocka_unit_test(what_was_sent_to_many_is_not_answered_from_their_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
