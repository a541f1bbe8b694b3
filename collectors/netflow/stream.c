/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <stdlib.h>

#include "decode/stream.h"
#include "snapshot.h"
#include "state.h"

#include "sr/stats.h"

#include "sr/banned.h"

struct connection {
    struct state_listener *listener;
    struct sr_peer peer; /* without a port */
    struct nf_memory memory;
    size_t memory_used;
    struct nf_exporter *exporter; /* owned */
    struct nf_resume resume;      /* of the message that had no room */
};

/* ---- Memory: the listener's exporter_memory, of which one connection may have a part ---- */

static void *
take(void *arg, size_t size)
{
    struct connection *c = arg;
    struct state_listener *l = c->listener;
    uint64_t part = l->memory / EXPORTERS_MEMORY_PART;
    uint64_t used = sr_counted(&l->stream_memory_used);

    if (size > part || c->memory_used > part - size || used > l->memory - size) {
        return NULL;
    }
    void *memory = malloc(size);
    if (memory != NULL) {
        c->memory_used += size;
        atomic_store_explicit(&l->stream_memory_used, used + size, memory_order_relaxed);
    }
    return memory;
}

static void
give(void *arg, void *memory, size_t size)
{
    struct connection *c = arg;
    struct state_listener *l = c->listener;

    if (memory != NULL) {
        c->memory_used -= size;
        atomic_store_explicit(&l->stream_memory_used, sr_counted(&l->stream_memory_used) - size,
            memory_order_relaxed);
        free(memory);
    }
}

/* ---- The life of a connection ---- */

bool
netflow_connection_allowed(const void *snapshot, unsigned listener, const struct sr_peer *peer)
{
    const struct snapshot *snap = snapshot;

    return sr_access_allows(&snap->listeners[listener].access, peer);
}

void *
netflow_connection_new(void *state, const void *snapshot, unsigned listener,
    const struct sr_peer *peer, const char *tls_peer)
{
    const struct snapshot *snap = snapshot;

    (void)tls_peer; /* no field of a flow is for it */
    if (!sr_access_allows(&snap->listeners[listener].access, peer)) {
        return NULL;
    }
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    c->listener = &((struct state *)state)->listeners[listener];
    c->peer = *peer;
    c->peer.port = 0;
    c->memory = (struct nf_memory){ .arg = c, .take = take, .give = give };
    c->exporter = nf_exporter_new(&c->memory, &c->peer);
    if (c->exporter == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

void
netflow_connection_free(void *state, void *connection)
{
    struct connection *c = connection;

    (void)state;
    nf_exporter_free(c->exporter);
    free(c);
}

enum sr_frame_state
netflow_connection_frame(
    void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    (void)connection;
    (void)last;
    return nf_stream_frame(bytes, ret_frame);
}

/* A template of a connection holds until it is withdrawn: none is ever sent again. */
static struct nf_config
stream_config(const struct snapshot_listener *l)
{
    struct nf_config config = l->decode;

    config.template_ttl_ns = 0;
    return config;
}

/* The exporter of the connection's address, held; NULL: no memory now. */
static struct exporter *
hold_own(struct connection *c, const struct snapshot_listener *l, struct scratch *scratch,
    const struct sr_emit *emit)
{
    struct exporter *evicted;
    bool is_new;
    struct exporter *e = exporters_hold(c->listener->exporters, &c->peer, &is_new, &evicted);

    netflow_bury(evicted, l, scratch, emit);
    return e;
}

/* Decodes with what rate_limit leaves to the address, which may have other connections. */
static enum sr_verdict
decode_limited(struct connection *c, const struct snapshot_listener *l, struct scratch *scratch,
    const struct nf_input *message, const struct sr_emit *emit)
{
    const struct nf_config config = stream_config(l);
    struct nf_input input = *message;
    struct exporter *e = l->rate_limit > 0 ? hold_own(c, l, scratch, emit) : NULL;
    uint64_t budget = 0, given = 0;

    if (e != NULL) {
        exporters_lock(e);
        given = budget = sr_rate_refill(&e->rate, l->rate_limit, input.now_ns);
        input.budget = &budget;
    }
    enum sr_verdict verdict = sr_netflow_datagram(c->exporter, &config, &input, emit);
    if (e != NULL) {
        sr_rate_spend(&e->rate, given - budget);
        exporters_unlock(e);
        exporters_release(e);
    }
    return verdict;
}

enum sr_verdict
netflow_connection_message(void *state, const void *snapshot, unsigned listener, void *scratch,
    void *connection, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes, bool must,
    const struct sr_emit *emit)
{
    const struct snapshot *snap = snapshot;
    const struct snapshot_listener *l = &snap->listeners[listener];
    struct connection *c = connection;
    struct nf_input input = {
        .scratch = &((struct scratch *)scratch)->decode,
        .now_ns = now_ns,
        .peer = peer,
        .bytes = bytes,
        .resume = &c->resume,
    };

    (void)state;
    if (!sr_access_allows(&l->access, peer)) { /* since a reload */
        c->resume = (struct nf_resume){ 0 };
        emit->refused(emit->arg, "not_allowed");
        return SR_REFUSED;
    }
    enum sr_verdict verdict = decode_limited(c, l, scratch, &input, emit);
    if (verdict != SR_FULL || must) {
        c->resume = (struct nf_resume){ 0 };
    }
    return verdict;
}

/* Hands what the connection counted to the exporter of its address. */
static void
report(struct connection *c, const struct snapshot_listener *l, struct scratch *scratch,
    const struct sr_emit *emit)
{
    struct exporter *e = hold_own(c, l, scratch, emit);

    if (e == NULL) {
        return; /* no memory now: it is tried again in a second */
    }
    exporters_lock(e);
    ledger_hand_over(nf_exporter_ledger(e->state), nf_exporter_ledger(c->exporter));
    exporters_unlock(e);
    exporters_release(e);
}

void
netflow_connection_tick(void *state, const void *snapshot, unsigned listener, void *scratch,
    void *connection, uint64_t now_ns, bool last, const struct sr_emit *emit)
{
    const struct snapshot *snap = snapshot;
    const struct snapshot_listener *l = &snap->listeners[listener];
    const struct nf_config config = stream_config(l);
    struct connection *c = connection;
    struct scratch *own = scratch;

    (void)state;
    sr_netflow_expire(c->exporter, &config, &own->decode, last ? UINT64_MAX : now_ns, emit);
    report(c, l, own, emit);
}
