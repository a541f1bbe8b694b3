/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_SNAPSHOT_H_INCLUDED
#define NETFLOW_SNAPSHOT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "decode/datagram.h"
#include "exporters.h"

#include "sr/access.h"

/* What decoding needs of the configuration of one listener. */
struct snapshot_listener {
    struct nf_config decode;
    struct nf_sampling_override *overrides; /* owned; decode.overrides */
    struct sr_access access;
    uint64_t rate_limit; /* records a second of one exporter, 0: none */
};

struct snapshot {
    uint64_t serial; /* of no other snapshot */
    size_t count;
    struct snapshot_listener listeners[];
};

/*
 * What one receiving thread needs for itself. Exporters send in bursts: the one of the datagram
 * before stays held, and is not looked up again.
 */
struct scratch {
    struct exporter *last; /* held, allowed by the snapshot `allowed_by`; NULL: none */
    uint64_t allowed_by;
    uint32_t number; /* datagrams so far, of a capture */
    struct nf_scratch decode;
};

/* What waits at exporters that had to go waits no more: frees them. */
void netflow_bury(struct exporter *evicted, const struct snapshot_listener *l,
    struct scratch *scratch, const struct sr_emit *emit);

#endif
