/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_EXPORTER_H_INCLUDED
#define NETFLOW_DECODE_EXPORTER_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/config.h"
#include "decode/memory.h"
#include "decode/sequence.h"
#include "decode/template.h"
#include "sr/peer.h"
#include "sr/span.h"

/*
 * What is known of one exporter: an address that sends flows, with its observation domains, their
 * templates, sampling rates and names, and sets that wait for their template. All of it is bounded
 * by struct nf_config; what is over a limit replaces what was not used for longest, and is counted.
 * Not for two threads at once: whoever calls holds the exporter's lock.
 */
struct nf_exporter;

/* The header of a message, as far as its records need it. */
struct nf_header {
    uint16_t version; /* 1, 5, 7, 9 or 10 */
    uint16_t port;    /* the exporter's */
    uint32_t domain;  /* source id, observation domain; v5: engine type and id */
    uint32_t sequence;
    uint64_t received_ns; /* wall clock, since 1970 */
    uint64_t export_ns;   /* the exporter's clock, since 1970 */
    uint32_t uptime_ms;   /* v1 to v9 */
    uint16_t sampling;    /* v5: one packet of so many; 0: not known */
};

/* An observation domain of one version. Owned by its exporter, at one place as long as it lives:
 * until nf_exporter_domain() evicts it for another. */
struct nf_domain {
    uint32_t id;
    uint16_t version;
    struct nf_sequence sequence;
    /* IPFIX with uptimes and without the time of start (22 without 160): the earliest start, in
     * milliseconds since 1970, that no record contradicts. 0: none yet. */
    uint64_t estimated_start_ms;
    /* When the exporter started, as an options record told (160), in milliseconds since 1970. It
     * is for records that hold 21 and 22 but not 160. 0: not told. */
    uint64_t told_start_ms;
    struct nf_domain_state *state; /* of exporter_state.h */
};

/* Counts of an exporter; records and sets, since it is known. Others may read them at any time. */
struct nf_ledger {
    _Atomic uint64_t datagrams, bytes;
    _Atomic uint64_t records;            /* data records read */
    _Atomic uint64_t published;          /* of these, entered the queue */
    _Atomic uint64_t zero;               /* of these, left out: drop_zero_counters */
    _Atomic uint64_t limited;            /* of these, over the exporter's rate */
    _Atomic uint64_t full;               /* of these, had no room in the queue */
    _Atomic uint64_t options;            /* options records */
    _Atomic uint64_t templates;          /* template records */
    _Atomic uint64_t template_changes;   /* with another layout than before */
    _Atomic uint64_t template_conflicts; /* with another layout than one of another port in use */
    _Atomic uint64_t template_refused;   /* not valid, or over a limit */
    _Atomic uint64_t template_evicted;
    _Atomic uint64_t withdrawals;
    _Atomic uint64_t sets_parked;   /* waited for their template */
    _Atomic uint64_t sets_released; /* of these, got it */
    _Atomic uint64_t sets_expired;  /* of these, did not in time, or gave way to others */
    _Atomic uint64_t sets_malformed;
    _Atomic uint64_t sets_unknown;     /* with an id that is reserved */
    _Atomic uint64_t structured;       /* nested records in lists, RFC 6313 */
    _Atomic uint64_t skewed;           /* records with a time that could not be */
    _Atomic uint64_t clamped;          /* values over the limit of clamp_int32, or of a field */
    _Atomic uint64_t count_mismatches; /* headers that count other than what follows */
    _Atomic uint64_t missing;          /* units that the sequence numbers say were lost */
    _Atomic uint64_t recovered;        /* of these, came late */
    _Atomic uint64_t reordered;        /* messages that came late */
    _Atomic uint64_t duplicates;       /* messages that came again, as far as this can be told */
    _Atomic uint64_t restarts;         /* of the numbering */
};

/*
 * Returns an owned exporter, or NULL without memory. `memory` must outlive it. `exporter->peer`
 * has the address only: port 0.
 */
struct nf_exporter *nf_exporter_new(const struct nf_memory *memory, const struct sr_peer *peer);
void nf_exporter_free(struct nf_exporter *e); /* NULL is fine */

const struct sr_peer *nf_exporter_peer(const struct nf_exporter *e);
struct nf_ledger *nf_exporter_ledger(struct nf_exporter *e);

/* True when nothing would be lost with it but counters: no template, no set that waits. */
bool nf_exporter_is_plain(const struct nf_exporter *e);

/*
 * The domain, which is made when it is new. Over config->max_domains the one not used for longest
 * goes, with what it has: one without templates, options and names when there is such a one, so
 * that messages without any do not cost others theirs. NULL without memory.
 */
struct nf_domain *nf_exporter_domain(
    struct nf_exporter *e, const struct nf_config *config, uint16_t version, uint32_t id);

/* True when nf_exporter_domain() would evict another one for it. */
bool nf_exporter_is_crowded(
    const struct nf_exporter *e, const struct nf_config *config, uint16_t version, uint32_t id);

/* ---- Templates ---- */

enum nf_learned {
    NF_LEARNED_NEW = 0,
    NF_LEARNED_SAME,     /* known: its time is taken anew */
    NF_LEARNED_CHANGED,  /* replaces another layout of the same port */
    NF_LEARNED_CONFLICT, /* beside another layout of another port that is in use */
    NF_LEARNED_REFUSED,  /* no memory, or a limit */
};

/*
 * Takes a checked template record (nf_template_check()). Templates of one id are told apart by
 * port only while ports disagree: a port uses its own template, else the one learned last. What
 * changed, conflicts, was refused or evicted is counted in the ledger.
 */
enum nf_learned nf_templates_learn(struct nf_exporter *e, struct nf_domain *d,
    const struct nf_config *config, const struct nf_template_record *record, uint16_t port,
    uint64_t now_ns);

/*
 * The template for data of that port; NULL: none. Valid until the next learn, withdraw or expire.
 * Over its age (config->template_ttl_ns) it is none.
 */
const struct nf_template *nf_templates_find(struct nf_exporter *e, struct nf_domain *d,
    const struct nf_config *config, uint16_t id, uint16_t port, uint64_t now_ns);

/* RFC 7011 section 8.1, on streams only. Id 2 withdraws all templates, 3 all options templates;
 * another one that of the kind `options` says. */
void nf_templates_withdraw(struct nf_exporter *e, struct nf_domain *d, uint16_t id, bool options);

/* ---- Sets that wait ---- */

/* A set that waits for its template. Owned by the exporter. */
struct nf_pending {
    struct nf_pending *next;          /* in a list of the exporter */
    struct nf_pending *newer, *older; /* of all sets that wait */
    struct nf_header header;
    uint32_t datagram; /* the number that nf_pending_add() was given */
    uint16_t id;
    uint16_t length; /* bytes of its records, without the set's header */
    uint8_t records[];
};

/*
 * Lets a set wait. When a limit is reached the oldest ones go first: each is handed to `gone`
 * (which may be NULL) before it is freed. False without memory or when it is larger than the
 * limit: then it does not wait. Limits in bytes are of memory: with sizeof(struct nf_pending) for
 * each. What is added, taken or goes is counted in the ledger.
 */
typedef void (*nf_pending_gone)(void *arg, const struct nf_pending *pending);
bool nf_pending_add(struct nf_exporter *e, struct nf_domain *d, const struct nf_config *config,
    const struct nf_header *header, uint32_t datagram, uint16_t id, struct sr_span records,
    nf_pending_gone gone, void *arg);

/*
 * Takes the oldest set of that id that waits out of the exporter, NULL when there is none: the
 * caller gives it back with nf_pending_free(). Only what nf_templates_find() would find a template
 * for now.
 */
struct nf_pending *nf_pending_take(struct nf_exporter *e, struct nf_domain *d,
    const struct nf_config *config, uint16_t id, uint64_t now_ns);
void nf_pending_free(struct nf_exporter *e, struct nf_pending *pending);

/* Sets that wait for longer than config->pending_ttl_ns at `now_ns` go; UINT64_MAX: all go. */
void nf_pending_expire(struct nf_exporter *e, const struct nf_config *config, uint64_t now_ns,
    nf_pending_gone gone, void *arg);

/* How many wait. */
unsigned nf_pending_count(const struct nf_exporter *e);

/* ---- What options records told ---- */

/*
 * Learns from one options record (its fields at `positions`): rates of samplers (RFC 3954 fields
 * 34 and 48 to 50, PSAMP 302 and 304 to 311 of RFC 5477), names of interfaces, applications and
 * VRFs. What it does not know it leaves. Bounded like templates.
 */
void nf_options_learn(struct nf_exporter *e, struct nf_domain *d, const struct nf_config *config,
    const struct nf_template *t, struct sr_span record, const struct nf_position *positions);

/*
 * The sampling rate for a record that names sampler `id` (with `has_id`), else the rate of the
 * domain, else, when no sampler is named, that of the only one. 0: not known. `selector`: `id` is
 * a selectorId (302), not a samplerId (48). A domain that knows nothing has what domain 0 of the
 * exporter knows: some routers tell of their samplers there alone, for all their line cards.
 */
uint64_t nf_sampling_rate(const struct nf_domain *d, bool has_id, bool selector, uint64_t id);

enum nf_name_kind {
    NF_NAME_INTERFACE = 0, /* id: SNMP index; names by 82 (83 is its description) */
    NF_NAME_INTERFACE_DESCRIPTION,
    NF_NAME_APPLICATION, /* id: nf_application_key() of an application id (95) */
    NF_NAME_VRF,         /* id: 234, 235 */
    NF_NAME_KINDS,
};

/*
 * The key of an application id for nf_name_find(): its bytes as a big-endian number. Of those
 * longer than 8 bytes (RFC 6759 section 4.2: an engine, an enterprise number, a selector) the
 * engine stands over the last seven. False for an empty one.
 */
static inline bool
nf_application_key(struct sr_span id, uint64_t *ret_key)
{
    uint64_t key = 0;

    if (id.len == 0) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        key = key << 8 | id.data[i];
    }
    *ret_key = id.len <= 8 ? key : (key & (UINT64_MAX >> 8)) | (uint64_t)id.data[0] << 56;
    return true;
}

/* The name of something in that domain; empty when it is not known. Valid as a template is. */
struct sr_span nf_name_find(const struct nf_domain *d, enum nf_name_kind kind, uint64_t id);

/* ---- Keeping it ---- */

/*
 * Writes templates, sampling rates and names of the exporter to `out`, for a file: a version, the
 * address, each part with its length. Integers in network order. Returns the bytes it takes, which
 * may be more than `room`: then nothing useful was written.
 */
size_t nf_exporter_save(const struct nf_exporter *e, uint8_t *out, size_t room);

/*
 * Reads one exporter off `*saved`, which moves past it, into a new one, which the caller owns.
 * Bytes are never trusted: all limits of `config` hold, and templates over one are left out. NULL:
 * nothing more, damaged or of another version (then *saved is empty), or no memory (then others
 * may follow).
 */
struct nf_exporter *nf_exporter_load(const struct nf_memory *memory, const struct nf_config *config,
    struct sr_span *saved, uint64_t now_ns);

/* Grows whenever what is saved changed: a template, a rate, a name. */
uint64_t nf_exporter_generation(const struct nf_exporter *e);

#endif
