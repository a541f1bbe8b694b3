/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_TRAP_BUILD_H_INCLUDED
#define TESTS_UNIT_TRAP_BUILD_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/* Messages of v1 and v2c by what they say. What is NULL or zero is as of link_down. */
struct trap_wanted {
    int version;           /* 1: a v1 trap; else v2c */
    uint8_t pdu;           /* of v2c; 0: a trap */
    const char *community; /* "public" */
    const char *trap;      /* "1.3.6.1.6.3.1.1.5.3"; of v1 the enterprise */
    const char *object;    /* of the first varbind behind the name: "1.3.6.1.2.1.2.2.1.1.7" */
    int value;             /* its value, an integer */
    int request, uptime;
    int agent;      /* the last byte of snmpTrapAddress.0 or of the agent address of v1; 0: none */
    size_t padding; /* octets of one more varbind */
};

#define TRAP_BUILD_ROOM 4096

/* Writes the message into `out` of TRAP_BUILD_ROOM bytes and returns its length. */
size_t trap_build(const struct trap_wanted *wanted, uint8_t *out);

#endif
