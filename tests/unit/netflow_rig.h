/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_NETFLOW_RIG_H_INCLUDED
#define TESTS_UNIT_NETFLOW_RIG_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/config.h"
#include "decode/datagram.h"
#include "decode/exporter.h"
#include "decode/memory.h"
#include "sr/emit.h"
#include "sr/peer.h"
#include "sr/span.h"

/*
 * A decoder of flow records with all that a daemon has around it: exporters by address, memory
 * that is counted, a sink. For tests, fuzz targets and measurements. Breaking one of its rules
 * (memory given back with another size, a message that is longer than its room) aborts.
 */

#define NETFLOW_RIG_EXPORTERS 16U
#define NETFLOW_RIG_NOW UINT64_C(1795348800000000000) /* 2026-11-22T12:00:00Z */

struct netflow_rig {
    struct nf_config config;
    struct nf_memory memory;
    size_t taken; /* bytes of it */
    struct sr_emit emit;
    struct nf_scratch *scratch;
    struct nf_exporter *exporters[NETFLOW_RIG_EXPORTERS];
    unsigned exporter_count;
    uint32_t datagrams; /* so far; the number of the next one */

    uint8_t *room; /* of exactly the size that was asked for */
    size_t room_size;
    unsigned room_left; /* messages until there is no room; UINT_MAX: for ever */

    /* What came out since netflow_rig_forget(). */
    unsigned messages, records, deadletters, lost;
    unsigned consumed;
    const char *last_reason; /* of the last dead letter; NULL: none */

    /* Called with each message; may be NULL. */
    void (*message)(void *arg, struct sr_span bytes);
    void *arg;
};

/* `rig` is at one place until netflow_rig_end(). Limits are those of the daemon's defaults. */
void netflow_rig_begin(struct netflow_rig *rig, enum nf_format format, enum nf_flavour flavour);

/* Frees all. Aborts when exporters did not give all memory back. */
void netflow_rig_end(struct netflow_rig *rig);

/* The exporter of an address, made when it is new. */
struct nf_exporter *netflow_rig_exporter(struct netflow_rig *rig, const struct sr_peer *peer);

/* One datagram, from an allocation of exactly its size. */
enum sr_verdict netflow_rig_feed(
    struct netflow_rig *rig, const struct sr_peer *peer, struct sr_span bytes);

/* Sets that have waited since before `now_ns` less their time go (UINT64_MAX: all). */
void netflow_rig_expire(struct netflow_rig *rig, uint64_t now_ns);

void netflow_rig_forget(struct netflow_rig *rig);

/* True when each record of each exporter is accounted for once. */
bool netflow_rig_ledger_sums(struct netflow_rig *rig);

#endif
