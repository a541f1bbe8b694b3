/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_DATAGRAM_H_INCLUDED
#define NETFLOW_DECODE_DATAGRAM_H_INCLUDED

#include "decode/config.h"
#include "decode/direct.h"
#include "decode/exporter.h"
#include "decode/flow.h"
#include "decode/json_plan.h"
#include "sr/emit.h"

/* Where a message that had no room goes on. All zero at its beginning. */
struct nf_resume {
    size_t set;      /* offset of the set that is not done, 0: none is */
    uint32_t record; /* records of it that are */
    uint32_t units;  /* records of the message that are, as its sequence number counts them */
    bool has_unknown_units;
    bool is_begun;
    uint32_t crc; /* of the message: another one does not go on where it was given up */
};

/* What one thread needs for itself. Large: pages that are not used cost nothing. */
struct nf_scratch {
    struct nf_flow flow;
    struct nf_direct direct;                  /* of the set that is read */
    struct nf_position positions[UINT16_MAX]; /* as many as a template may have fields */
    uint8_t message[UINT16_MAX + 64];         /* a dead letter that is made up of a part */
    uint8_t explanation[UINT16_MAX];
    struct nf_json_plan plan; /* of the last record that was written as JSON */
};

/* What comes in with a message. */
struct nf_input {
    struct nf_scratch *scratch;
    uint64_t now_ns; /* wall clock of the receive */
    const struct sr_peer *peer;
    struct sr_span bytes;
    uint32_t number;          /* the datagram's in a capture, from 0; else 0 */
    uint64_t *budget;         /* records that may be published, counted down; NULL: all */
    struct nf_resume *resume; /* NULL: a datagram. Else a stream, which waits for room. */
};

/* True for bytes that begin like a message of a known version, with a whole header. */
bool sr_netflow_is_plausible(struct sr_span bytes);

/* Says why to emit->deadletter about bytes that do not: SR_DEADLETTER. Needs no exporter. */
enum sr_verdict sr_netflow_refuse(const struct nf_input *input, const struct sr_emit *emit);

/*
 * One message of an exporter: NetFlow v1, v5, v7, v9 or IPFIX. Its records go to `emit`, one
 * message each (batching is the caller's), its templates and options into `exporter`, whose lock
 * the caller holds.
 *
 * SR_DECODED: it held data records. Those that were not published were told to emit->lost:
 * "zero_counters", "rate_limit", or NULL (no room). SR_CONSUMED: only templates, options or sets
 * that wait; told to emit->consumed. SR_DEADLETTER: nothing of it could be read. Sets that cannot
 * be read go to emit->deadletter one by one, whatever the verdict. SR_FULL, of a stream only: call
 * again with the same input when there is room.
 */
enum sr_verdict sr_netflow_datagram(struct nf_exporter *exporter, const struct nf_config *config,
    const struct nf_input *input, const struct sr_emit *emit);

/*
 * No datagram may cost more than a few times what a sender could fill it with in good faith: what
 * is above these is told to emit->deadletter as "too_many_sets", "too_many_records",
 * "too_many_templates" or "too_many_messages". Records are too many as well when their text is too
 * long. Sets that have waited come on top: half as many records, of text a quarter. They come out
 * until they are half of that; what is more goes on waiting.
 */
#define NF_MESSAGES_MAX 128U
#define NF_EVICTIONS_MAX 2U /* domains that give way to those of one datagram */
#define NF_SETS_MAX 4096U
#define NF_RECORDS_MAX 8192U
/* Of formats that are text, which is more work: records, and bytes of text. The largest datagram
 * may have records of 16 bytes, and text 32 times as long as itself. */
#define NF_TEXT_RECORDS_MAX 4096U
#define NF_TEXT_MAX ((size_t)2 << 20)
#define NF_TEMPLATES_MAX 2048U

/* Sets that wait for too long (UINT64_MAX: all) go as dead letters, "template_missing". */
void sr_netflow_expire(struct nf_exporter *exporter, const struct nf_config *config,
    struct nf_scratch *scratch, uint64_t now_ns, const struct sr_emit *emit);

#endif
