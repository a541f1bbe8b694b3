/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_NETFLOW_DESK_H_INCLUDED
#define TESTS_UNIT_NETFLOW_DESK_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/record.h"
#include "netflow_exporter.h"

/* Where one record at a time is read, and what became of it is looked at. */
struct desk {
    struct bench bench;
    struct nf_header header; /* a test may change it: the next record comes with it */
    struct nf_context context;
    struct nf_flow flow;           /* of the last record */
    struct nf_template *templates; /* its own; borrowed by `context` */
    uint8_t *memory;               /* which ends where the record does */
    bool is_published;
};

/* What a test compares times with. */
#define DESK_EXPORT (UINT64_C(1700000000) * SECOND)
#define DESK_UPTIME_MS UINT32_C(3600000)
#define DESK_RECEIVED (DESK_EXPORT + 5 * SECOND)

/* An exporter of v9 or IPFIX, and its domain 7. */
void desk_open(struct desk *d, uint16_t version, enum nf_flavour flavour);
void desk_close(struct desk *d);

/* For cmocka: open `desk`, by version and flavour, and close it. */
extern struct desk desk;
int desk_begin(void **state); /* IPFIX */
int desk_begin_v9(void **state);
int desk_begin_upstream(void **state);
int desk_begin_upstream_v9(void **state);
int desk_end(void **state);

/*
 * Reads a record of a template of its own. It is written as elements and values with blanks
 * between them: "8=0a000001 1=0064", and "29305.1=0064" with an enterprise. "291~03" has a
 * variable length, "33=" none.
 */
void desk_read(struct desk *d, const char *record);

/* The same with a packet behind it as element `id`, of variable length when that is said. */
void desk_read_packet(
    struct desk *d, const char *record, uint16_t id, bool is_variable, struct sr_span packet);

/* Its value, 0 when it has none. */
uint64_t desk_number(const struct desk *d, enum nf_slot slot);

/* Fails the test unless the bytes in a slot are these hexadecimal digits. "": none. */
void desk_expect_bytes(const struct desk *d, enum nf_slot slot, const char *hex);

/* Fails the test unless a repeated field has these elements. */
#define DESK_EXPECT(d, slot, list, ...)                                                            \
    desk_expect_numbers(nf_flow_has(&(d)->flow, slot) ? &(d)->flow.list : NULL,                    \
        (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))
void desk_expect_numbers(const struct nf_numbers *list, const uint32_t *expected, size_t count);

/* A count of the ledger. */
uint64_t desk_clamped(struct desk *d);
uint64_t desk_skewed(struct desk *d);
uint64_t desk_structured(struct desk *d);

#endif
