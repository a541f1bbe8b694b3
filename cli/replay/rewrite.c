/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/rewrite.h"

#include <stdlib.h>

#include "replay/rewrite_numbers.h"
#include "replay/rewrite_parts.h"
#include "sr/hash.h"

#include "sr/banned.h"

_Static_assert(REWRITE_NUMBERINGS_MAX == 1024, "as rewrite_reason() says");

#define REQUEST_ID_MASK 0x7fffffffU /* RFC 3412 section 6: msgID is below 2^31 */
#define NS_PER_CS 10000000U

struct rewrite {
    struct rewrite_options options;
    uint64_t next;     /* the number of the next mark */
    uint32_t requests; /* messages of SNMP so far, on top of a random number */
    uint64_t began_ns; /* wall clock of the first message */
    bool has_begun;
    struct rewrite_flows *flows; /* TRAFFIC_NETFLOW */
};

const char *
rewrite_reason(enum rewrite_err err)
{
    switch (err) {
    case REWRITE_OK: return "rewritten";
    case REWRITE_EUNKNOWN: return "of another protocol, or protected against changes";
    case REWRITE_ELENGTH: return "too long with a mark";
    case REWRITE_EFULL: return "flows of more than 1024 exporters and domains";
    case REWRITE_ERRORS: break;
    }
    return "unknown";
}

struct rewrite *
rewrite_new(const struct rewrite_options *options)
{
    struct rewrite *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return NULL;
    }
    uint64_t random = sr_hash_mix(options->run + UINT64_C(1));
    r->options = *options;
    r->requests = (uint32_t)random;
    if (options->kind == TRAFFIC_NETFLOW) {
        r->flows = rewrite_flows_new(random, options->is_one_host);
        if (r->flows == NULL) {
            free(r);
            return NULL;
        }
    }
    return r;
}

void
rewrite_free(struct rewrite *r)
{
    if (r != NULL) {
        rewrite_flows_free(r->flows);
        free(r);
    }
}

static enum rewrite_err
rewrite_one(struct rewrite *r, uint32_t source, uint64_t wall_ns, struct sr_span message,
    uint8_t *out, struct rewritten *result)
{
    const struct mark mark = { r->options.run, r->next };
    const struct mark *wanted = r->options.marked ? &mark : NULL;
    const struct rewrite_trap changes = {
        .request_id = r->requests++ & REQUEST_ID_MASK,
        .uptime_cs = (uint32_t)((wall_ns - r->began_ns) / NS_PER_CS),
        .mark = wanted,
    };

    result->records = 1;
    switch (r->options.kind) {
    case TRAFFIC_SYSLOG:
        return rewrite_syslog(
            message, wall_ns, r->options.utc_offset_s, wanted, out, &result->bytes);
    case TRAFFIC_TRAP: return rewrite_trap(message, &changes, out, &result->bytes);
    case TRAFFIC_NETFLOW:
        return rewrite_flows_datagram(r->flows, source, wall_ns,
            wanted != NULL ? (uint32_t)r->next : REWRITE_UNMARKED, message, out, &result->bytes,
            &result->records);
    }
    return REWRITE_EUNKNOWN;
}

enum rewrite_err
rewrite_message(struct rewrite *r, uint32_t source, uint64_t wall_ns, struct sr_span message,
    uint8_t *out, struct rewritten *ret_rewritten)
{
    struct rewritten result = { .sequence = r->next };
    if (!r->has_begun || wall_ns < r->began_ns) {
        r->has_begun = true;
        r->began_ns = wall_ns;
    }
    enum rewrite_err err = rewrite_one(r, source, wall_ns, message, out, &result);
    if (err != REWRITE_OK) {
        *ret_rewritten = (struct rewritten){ .bytes = message };
        return err;
    }
    if (!r->options.marked) {
        result.records = 0;
    }
    r->next += result.records > 0;
    *ret_rewritten = result;
    return REWRITE_OK;
}

bool
rewrite_read(void *rewrite, struct sr_span record, uint64_t *ret_sequence)
{
    struct rewrite *r = rewrite;
    struct mark mark;

    if (r->options.kind == TRAFFIC_NETFLOW) {
        return rewrite_flows_find(r->flows, record, ret_sequence);
    }
    if (!mark_find_text(record, r->options.run, &mark)) {
        return false;
    }
    *ret_sequence = mark.sequence;
    return true;
}
