/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

static const char *
skip_scheme(const char *url, enum send_scheme *ret_scheme)
{
    static const char *const schemes[] = {
        [SEND_UDP] = "udp://",
        [SEND_TCP] = "tcp://",
        [SEND_TLS] = "tls://",
    };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0) {
            *ret_scheme = (enum send_scheme)i;
            return url + strlen(schemes[i]);
        }
    }
    return NULL;
}

static bool
parse_port(const char *text, uint16_t *ret_port)
{
    size_t len = strlen(text);
    unsigned long number;

    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) {
        return false;
    }
    number = strtoul(text, NULL, 10);
    if (number == 0 || number > UINT16_MAX) {
        return false;
    }
    *ret_port = (uint16_t)number;
    return true;
}

bool
send_target_parse(const char *url, struct send_target *ret_target)
{
    struct send_target target = { 0 };
    const char *host = skip_scheme(url, &target.scheme);
    const char *colon = host != NULL ? strrchr(host, ':') : NULL;
    size_t len;

    if (colon == NULL || !parse_port(colon + 1, &target.port)) {
        return false;
    }
    len = (size_t)(colon - host);
    if (len >= 2 && *host == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len) != NULL) {
        return false; /* an IPv6 address without brackets: its port cannot be told apart */
    }
    if (len == 0 || len >= sizeof(target.host)) {
        return false;
    }
    memcpy(target.host, host, len);
    *ret_target = target;
    return true;
}

socklen_t
send_address_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

void
send_address_set_port(struct sockaddr_storage *address, uint16_t port)
{
    /* Both families have their port at the same place, but only one is there. */
    if (address->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
    }
}

/* IPv4 addresses as v4-mapped ones, so that both kinds compare alike. */
static bool
to_v6(const struct sockaddr *address, struct in6_addr *ret)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    memset(ret, 0, sizeof(*ret));
    if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        *ret = v6.sin6_addr;
        return true;
    }
    if (address->sa_family != AF_INET) {
        return false;
    }
    memcpy(&v4, address, sizeof(v4));
    ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
    memcpy(ret->s6_addr + 12, &v4.sin_addr, 4);
    return true;
}

/* The unspecified address means this host to connect(). */
static bool
is_loopback(const struct in6_addr *address)
{
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        static const uint8_t any[4];
        return address->s6_addr[12] == 127 || memcmp(address->s6_addr + 12, any, 4) == 0;
    }
    return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address);
}

/* Link-local addresses are those of one interface: others of the same may be on another link. */
static bool
is_same_link(const struct sockaddr *a, const struct sockaddr *b)
{
    struct sockaddr_in6 a6;
    struct sockaddr_in6 b6;

    if (a->sa_family != AF_INET6 || b->sa_family != AF_INET6) {
        return true;
    }
    memcpy(&a6, a, sizeof(a6));
    memcpy(&b6, b, sizeof(b6));
    return !IN6_IS_ADDR_LINKLOCAL(&a6.sin6_addr) || a6.sin6_scope_id == b6.sin6_scope_id;
}

bool
send_address_is_ours(const struct sockaddr *address)
{
    struct in6_addr wanted;
    struct in6_addr own;
    struct ifaddrs *list;
    bool found = false;

    if (!to_v6(address, &wanted)) {
        return false;
    }
    if (is_loopback(&wanted)) {
        return true;
    }
    if (getifaddrs(&list) != 0) {
        return false;
    }
    for (const struct ifaddrs *i = list; i != NULL && !found; i = i->ifa_next) {
        found = i->ifa_addr != NULL && to_v6(i->ifa_addr, &own) &&
                memcmp(&own, &wanted, sizeof(own)) == 0 && is_same_link(i->ifa_addr, address);
    }
    freeifaddrs(list);
    return found;
}

/*
 * The unspecified address is this host's, and by which of them it is reached depends on the address
 * that a socket sends from: from 127.1.2.3 it would be that one.
 */
static void
name_loopback(struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)address;

    if (address->ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY)) {
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
        v6->sin6_addr = in6addr_loopback;
    }
}

static enum send_err
refuse(const struct send_target *target, const struct addrinfo *info, char *message)
{
    char text[INET6_ADDRSTRLEN] = "?";

    (void)getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    (void)snprintf(message, SEND_MESSAGE_MAX,
        "'%.200s' (%s) is not this host, and a flood there may hurt others; if that is what you "
        "want, say --i-know-what-i-am-doing",
        target->host, text);
    return SEND_EFOREIGN;
}

enum send_err
send_target_resolve(struct send_target *target, bool anywhere, char *message)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = target->scheme == SEND_UDP ? SOCK_DGRAM : SOCK_STREAM,
    };
    enum send_err err = SEND_OK;
    struct addrinfo *list;
    int rc = getaddrinfo(target->host, NULL, &hints, &list);

    if (rc != 0) {
        (void)snprintf(message, SEND_MESSAGE_MAX,
            "cannot resolve '%.200s': %s; check the name, or give the address itself", target->host,
            rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return SEND_ECONNECT;
    }
    target->address_count = 0;
    for (const struct addrinfo *i = list;
         i != NULL && target->address_count < SEND_ADDRESSES_MAX && err == SEND_OK;
         i = i->ai_next) {
        struct sockaddr_storage *address = &target->addresses[target->address_count++];

        memcpy(address, i->ai_addr, i->ai_addrlen);
        send_address_set_port(address, target->port);
        name_loopback(address);
        if (!anywhere && !send_address_is_ours(i->ai_addr)) {
            err = refuse(target, i, message);
        }
    }
    freeaddrinfo(list);
    return err;
}
