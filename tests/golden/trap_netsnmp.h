/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_TRAP_NETSNMP_H_INCLUDED
#define TESTS_GOLDEN_TRAP_NETSNMP_H_INCLUDED

#include "sr/buf.h"
#include "sr/span.h"

/*
 * libnetsnmp as another reader of messages. Its state is global: use it in one thread. It reads no
 * configuration, writes no file and logs nothing.
 */
void trap_netsnmp_begin(void);
void trap_netsnmp_end(void);

/* A user whose messages are read from then on: "-e 0xENGINE NAME [AUTH PASSWORD [PRIV PASSWORD]]".
 */
void trap_netsnmp_add_user(const char *line);

/*
 * Writes what it reads, as trap_reading.h has it, and returns 0; or returns its error, below 0, and
 * nothing is written. It remembers nothing of messages that came before.
 */
int trap_netsnmp_read(struct sr_span bytes, struct sr_buf *b);

/* A word for an error. Static. */
const char *trap_netsnmp_error(int error);

#endif
