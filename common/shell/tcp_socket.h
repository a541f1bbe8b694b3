/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_TCP_SOCKET_H_INCLUDED
#define SHELL_TCP_SOCKET_H_INCLUDED

/* The sockets of sr/tcp.h, between the file that opens them and the one that serves them. */

#define TCP_BACKLOG 128

/* A connection has a lower descriptor than this: they are given lowest first. */
int tcp_descriptors(void);

#endif
