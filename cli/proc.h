/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROC_H_INCLUDED
#define CLI_PROC_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who has a port: /proc/net tells the sockets, /proc/PID/fd whose they are (proc(5)). */

/* One line of /proc/net/{udp,udp6,tcp,tcp6}. */
struct proc_socket {
    bool v6;
    uint8_t address[16]; /* in network order; the first 4 bytes without `v6` */
    uint16_t port;
    unsigned state; /* 7: a UDP socket without a peer; 10: a TCP socket that listens */
    uint64_t inode;
};

/* Reads a line. False for the heading, and for what is no such line. */
bool proc_read_socket(const char *line, struct proc_socket *ret_socket);

/* Where a listener listens, out of "udp://127.0.0.1:514". */
struct proc_listen {
    bool tcp, v6;
    uint8_t address[16];
    uint16_t port;
};

/* False for addresses without a port: fd://NAME and the like. */
bool proc_read_listen(const char *text, struct proc_listen *ret_listen);

/* Whether the socket holds the port against the listener: same port, addresses that overlap. */
bool proc_holds(const struct proc_socket *socket, const struct proc_listen *listen);

/* A process that holds a port. */
struct proc_holder {
    long pid;       /* 0: not known, it is another user's */
    char name[128]; /* of its program */
};

/*
 * The processes that hold the port of a listener now, each once; returns their number, at most
 * `max`.
 */
size_t proc_find_holders(
    const struct proc_listen *listen, struct proc_holder *ret_holders, size_t max);

#endif
