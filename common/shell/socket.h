/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_SOCKET_H_INCLUDED
#define SHELL_SOCKET_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "sr/peer.h"

/* What sockets of all kinds have in common. */

struct sr_socket_address {
    const char *path; /* of a Unix socket, without host and port; NULL: an IP address */
    const char *host; /* a name or numeric address; "" or "*": every address, dual stack */
    unsigned port;
    int type;    /* SOCK_DGRAM, SOCK_STREAM */
    bool shared; /* SO_REUSEPORT: several sockets share the port */
};

/*
 * Opens a non-blocking socket and binds it to the first address of the host that can be bound
 * (Unix sockets: shell/unix_socket.h).
 * Returns the descriptor, or -1 with what went wrong and what to do in `error`, and errno when it
 * could not be bound.
 */
int sr_socket_bind(const struct sr_socket_address *address, char *error, size_t error_size);

/* The address of a socket's other end; v4-mapped ones as IPv4, of a Unix socket a local one. */
void sr_socket_peer(const struct sockaddr_storage *name, struct sr_peer *ret_peer);

/* How a bound socket stands to an address that is to be listened on. */
enum sr_socket_match {
    SR_SOCKET_OTHER, /* another type, port, family or address */
    SR_SOCKET_SAME,  /* that address, or one family of it */
    SR_SOCKET_WIDER, /* every address, that one among them */
};

/* A host that cannot be resolved is another. */
enum sr_socket_match sr_socket_match(int fd, const struct sr_socket_address *address);

/* "udp://0.0.0.0:162", "unix:///dev/log": what a socket is bound to, for people. */
#define SR_SOCKET_TEXT_MAX 128
void sr_socket_text(int fd, char text[SR_SOCKET_TEXT_MAX]);

/* The port that a socket is bound to; 0: none. */
unsigned sr_socket_port(int fd);

/* The value of a SOL_SOCKET option that is an int, -1 when there is none. */
int sr_socket_option(int fd, int option);

/* False with errno. */
bool sr_socket_make_nonblocking(int fd);

#endif
