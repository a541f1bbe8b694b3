/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_DATAGRAM_H_INCLUDED
#define SYSLOG_DATAGRAM_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/record.h"
#include "decode/tz.h"
#include "sr/emit.h"
#include "sr/network.h"
#include "sr/peer.h"
#include "sr/span.h"

/* An encoded record is at most this long: what a broker takes by default, with room to spare. */
#define SYSLOG_RECORD_MAX (512 * 1024)

/* Which decoder a listener uses. */
enum syslog_format {
    SYSLOG_RFC3164, /* and RFC 5424, when a line is not the former */
    SYSLOG_RFC5424,
    SYSLOG_SMART, /* anything, see smart.h */
};

/* The zone that dates without one are in when they come from this network. */
struct syslog_zone {
    struct sr_network network;
    int32_t zone; /* as `local` below */
};

/* How one decoding thread of a listener decodes. */
struct syslog_decode {
    enum syslog_format format;
    struct sr_span partition;      /* borrowed; stands before the address in _remote_addr */
    struct syslog_extras extras;   /* borrowed */
    const struct tz_table *zones;  /* borrowed; may be null: no zone names */
    int32_t local;                 /* zone of dates without one, or RFC3164_UTC */
    const struct syslog_zone *map; /* borrowed; instead of it by sender, longest prefix first */
    size_t map_count;
    bool upstream;               /* strict formats give upstream's bytes, see gelf.h */
    bool no_address;             /* records do not say who sent them */
    bool enrich;                 /* and have the keys of enrich.h */
    struct syslog_origin origin; /* of this message, for enrich */
    struct sr_span own_host;     /* borrowed; of smart records of local programs, which name none */
    struct syslog_scratch *scratch; /* borrowed; not shared between threads */
};

/*
 * Decodes one datagram or frame received at `now_ns` (nanoseconds since 1970 in UTC) and commits
 * one GELF record to `emit`. Room is asked for before anything is decoded: SR_FULL leaves no trace.
 * A message that a strict format does not read goes to emit->deadletter with a word of
 * syslog_reason(); with SYSLOG_SMART only one that is empty or too large. `peer` is NULL when the
 * sender has no address. Borrows everything for the call only.
 */
enum sr_verdict sr_syslog_datagram(const struct syslog_decode *cfg, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit);

#endif
