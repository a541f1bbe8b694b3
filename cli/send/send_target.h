/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_SEND_TARGET_H_INCLUDED
#define CLI_SEND_SEND_TARGET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "send/send.h"

/* Where messages go: from udp|tcp|tls://HOST:PORT to addresses that can be connected to. */

enum send_scheme {
    SEND_UDP,
    SEND_TCP,
    SEND_TLS,
};

/* What is told of a URL that is none, as a format. */
#define SEND_TARGET_FORM                                                                           \
    "'%.200s' is not udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT; for example "            \
    "udp://127.0.0.1:514 or udp://[::1]:514"

/* Addresses of one name that are tried. */
#define SEND_ADDRESSES_MAX 8U

struct send_target {
    enum send_scheme scheme;
    char host[256]; /* a name of 255 bytes (RFC 1035, section 2.3.4) or an address, no brackets */
    uint16_t port;
    struct sockaddr_storage addresses[SEND_ADDRESSES_MAX]; /* of send_target_resolve() */
    size_t address_count;
};

/* Reads a URL; the addresses are left empty. Returns false when it has another form. Pure. */
bool send_target_parse(const char *url, struct send_target *ret_target);

/*
 * Whether an address is one of this host: loopback, unspecified (which means the same) or of one of
 * its interfaces, a link-local one with the scope of that interface. The port is not looked at.
 */
bool send_address_is_ours(const struct sockaddr *address);

/*
 * Finds the addresses of the host. With `anywhere` false each must be of this host, else
 * SEND_EFOREIGN. On an error `message` (SEND_MESSAGE_MAX bytes) holds a sentence with a remedy.
 */
enum send_err send_target_resolve(struct send_target *target, bool anywhere, char *message);

/* The bytes of `address` that count, by its family. */
socklen_t send_address_len(const struct sockaddr_storage *address);

/* Sets the port, in host order. */
void send_address_set_port(struct sockaddr_storage *address, uint16_t port);

#endif
