/* SPDX-License-Identifier: Apache-2.0 */
/* Sending answers from the address that was asked: RFC 1122 section 4.1.3.5. */
#include "sr/udp.h"

#include <string.h>

#include "sr/banned.h"

static void
map_v4(struct in_addr address, struct in6_addr *ret_mapped)
{
    *ret_mapped = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
    memcpy(ret_mapped->s6_addr + 12, &address, sizeof(address));
}

void
sr_udp_way_of(const struct msghdr *message, struct sr_udp_way *ret_way)
{
    struct msghdr *m = (struct msghdr *)message; /* CMSG_NXTHDR() writes nothing */
    size_t len = message->msg_namelen;

    *ret_way = (struct sr_udp_way){ .peer = { .sin6_family = AF_UNSPEC } };
    memcpy(&ret_way->peer, message->msg_name,
        len < sizeof(ret_way->peer) ? len : sizeof(ret_way->peer));
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            map_v4(info.ipi_spec_dst, &ret_way->local);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            bool is_own = !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
            ret_way->local = is_own ? info.ipi6_addr : in6addr_any;
        }
    }
}

/* Writes the control message that names the local address; returns its length. */
static size_t
name_local(const struct sr_udp_way *way, struct cmsghdr *c)
{
    if (way->peer.sin6_family == AF_INET) {
        struct in_pktinfo info = { .ipi_ifindex = 0 };
        memcpy(&info.ipi_spec_dst, way->local.s6_addr + 12, sizeof(info.ipi_spec_dst));
        *c = (struct cmsghdr){
            .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info))
        };
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        return CMSG_SPACE(sizeof(info));
    }
    struct in6_pktinfo info = { .ipi6_addr = way->local };
    *c = (struct cmsghdr){
        .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info))
    };
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
}

bool
sr_udp_send_back(int fd, const struct sr_udp_way *way, struct sr_span bytes)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
    struct sr_udp_way to = *way;
    struct iovec vector = { (void *)bytes.data, bytes.len };
    struct msghdr message = {
        .msg_name = &to.peer,
        .msg_namelen =
            way->peer.sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(to.peer),
        .msg_iov = &vector,
        .msg_iovlen = 1,
    };

    if (!IN6_IS_ADDR_UNSPECIFIED(&way->local)) {
        message.msg_control = control;
        message.msg_controllen = name_local(way, (struct cmsghdr *)control);
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}
