/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/stream.h"
#include "snapshot.h"
#include "state.h"
#include "stream.h"

#include "sr/clock.h"
#include "sr/stats.h"

#include "sr/banned.h"

#define HELD_MAX 16U /* exporters that are held at once */

/* ---- Snapshots ---- */

static bool
read_overrides(struct snapshot_listener *s, const struct netflow_listener *l)
{
    const struct netflow_sampling *sampling = l->sampling.items;

    if (l->sampling.count == 0) {
        return true;
    }
    s->overrides = calloc(l->sampling.count, sizeof(*s->overrides));
    for (size_t i = 0; s->overrides != NULL && i < l->sampling.count; i++) {
        if (sr_network_parse(sampling[i].exporter, &s->overrides[i].network) != NULL) {
            return false; /* it was checked */
        }
        s->overrides[i].rate = (uint32_t)sampling[i].rate;
    }
    s->decode.overrides = s->overrides;
    s->decode.override_count = l->sampling.count;
    return s->overrides != NULL;
}

static void
close_snapshot(void *snapshot)
{
    struct snapshot *s = snapshot;

    for (size_t i = 0; s != NULL && i < s->count; i++) {
        sr_access_done(&s->listeners[i].access);
        free(s->listeners[i].overrides);
    }
    free(s);
}

static void *
open_snapshot(
    const void *config, const struct sr_form_options *form, char *error, size_t error_size)
{
    static _Atomic uint64_t serial;
    static const enum nf_format formats[] = {
        [SR_FORM_WIRE] = NF_FORMAT_PROTOBUF,
        [SR_FORM_JSON] = NF_FORMAT_JSON,
        [SR_FORM_RAW] = NF_FORMAT_RAW,
    };
    const struct sr_conf_common *c = config;
    const struct netflow_listener *listeners = c->listeners.items;
    struct snapshot *s = calloc(1, sizeof(*s) + c->listeners.count * sizeof(s->listeners[0]));

    for (size_t i = 0; s != NULL && i < c->listeners.count; i++) {
        struct snapshot_listener *l = &s->listeners[i];
        s->count = i + 1;
        l->decode = netflow_decode_config(&listeners[i]);
        l->decode.format = formats[form->form];
        l->decode.options_too = form->options_too;
        l->rate_limit = listeners[i].rate_limit;
        if (!read_overrides(l, &listeners[i]) ||
            !sr_access_init(&l->access, &listeners[i].base.allow, &listeners[i].base.deny)) {
            close_snapshot(s);
            s = NULL;
        }
    }
    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    s->serial = atomic_fetch_add(&serial, 1) + 1;
    return s;
}

/* ---- A thread's own ---- */

static void *
new_scratch(void)
{
    return calloc(1, sizeof(struct scratch));
}

static void
free_scratch(void *scratch)
{
    struct scratch *s = scratch;

    if (s != NULL) {
        exporters_release(s->last);
        free(s);
    }
}

/* ---- Exporters ---- */

void
netflow_bury(struct exporter *evicted, const struct snapshot_listener *l, struct scratch *scratch,
    const struct sr_emit *emit)
{
    while (evicted != NULL) {
        sr_netflow_expire(evicted->state, &l->decode, &scratch->decode, UINT64_MAX, emit);
        evicted = exporters_bury(evicted);
    }
}

/* The exporter of an input in scratch->last, held; or false and the verdict over the input. */
static bool
find_exporter(struct state_listener *s, const struct snapshot *snapshot,
    const struct snapshot_listener *l, struct scratch *scratch, const struct nf_input *input,
    const struct sr_emit *emit, enum sr_verdict *ret_verdict)
{
    struct exporter *evicted;
    bool is_new;
    uint64_t more;

    if (scratch->last != NULL && scratch->allowed_by == snapshot->serial &&
        exporter_is(scratch->last, input->peer)) {
        return true;
    }
    if (!sr_access_allows(&l->access, input->peer)) {
        emit->refused(emit->arg, "not_allowed");
        *ret_verdict = SR_REFUSED;
        return false;
    }
    if (!sr_netflow_is_plausible(input->bytes)) { /* not worth an exporter */
        *ret_verdict = sr_netflow_refuse(input, emit);
        return false;
    }
    exporters_release(scratch->last);
    scratch->last = exporters_hold(s->exporters, input->peer, &is_new, &evicted);
    scratch->allowed_by = snapshot->serial;
    netflow_bury(evicted, l, scratch, emit);
    if (scratch->last != NULL) {
        return true;
    }
    if (sr_log_allowed(&s->no_memory, &more)) {
        sr_log(SR_LOG_WARNING,
            "datagrams are dropped listener=%s reason=no_memory more_since_last_line=%" PRIu64
            " advice=\"raise exporter_memory\"",
            s->name, more);
    }
    emit->refused(emit->arg, "no_memory");
    *ret_verdict = SR_REFUSED;
    return false;
}

/* What was counted before a datagram, to tell what it changed. */
struct before {
    uint64_t generation, conflicts, parked;
};

static struct before
look_before(struct exporter *e)
{
    const struct nf_ledger *ledger = nf_exporter_ledger(e->state);

    return (struct before){
        .generation = nf_exporter_generation(e->state),
        .conflicts = sr_counted(&ledger->template_conflicts),
        .parked = sr_counted(&ledger->sets_parked),
    };
}

static void
tell(enum sr_log_level level, struct sr_log_limit *limit, const char *what,
    const struct state_listener *s, const struct exporter *e)
{
    char address[SR_PEER_TEXT_MAX];
    uint64_t more;

    if (sr_log_allowed(limit, &more)) {
        (void)sr_peer_text(&e->peer, address);
        sr_log(level, "%s listener=%s exporter=%s more_since_last_line=%" PRIu64, what, s->name,
            address, more);
    }
}

/* Logs and keeps what a datagram changed. The exporter is locked: its changes stay in order. */
static void
look_after(struct state *state, struct state_listener *s, struct exporter *e,
    const struct before *before, const struct nf_input *input)
{
    struct before now = look_before(e);

    if (now.generation != before->generation && state->file != NULL) {
        state_file_append(state->file, s->name, input->peer, input->now_ns, input->bytes);
    }
    if (!state->is_daemon) {
        return;
    }
    if (now.conflicts != before->conflicts) {
        tell(SR_LOG_NOTICE, &s->conflicts,
            "two exporters behind one address use the same template id differently", s, e);
    }
    if (now.parked != before->parked && !e->told_of_waiting) {
        e->told_of_waiting = true;
        tell(SR_LOG_INFO, &s->waits, "data waits for its template", s, e);
    }
}

static enum sr_verdict
decode(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    const struct snapshot *snap = snapshot;
    const struct snapshot_listener *l = &snap->listeners[listener];
    struct state *all = state;
    struct state_listener *s = &all->listeners[listener];
    struct scratch *own = scratch;
    struct nf_input input = {
        .scratch = &own->decode,
        .now_ns = now_ns,
        .peer = peer,
        .bytes = bytes,
        .number = l->decode.format == NF_FORMAT_RAW ? own->number++ : 0,
    };
    enum sr_verdict verdict;
    uint64_t budget = 0;

    if (!find_exporter(s, snap, l, own, &input, emit, &verdict)) {
        return verdict;
    }
    struct exporter *e = own->last;
    exporters_lock(e);
    struct before before = look_before(e);
    if (l->rate_limit > 0) {
        budget = sr_rate_refill(&e->rate, l->rate_limit, now_ns);
        input.budget = &budget;
    }
    uint64_t given = budget;
    verdict = sr_netflow_datagram(e->state, &l->decode, &input, emit);
    sr_rate_spend(&e->rate, given - budget);
    look_after(all, s, e, &before, &input);
    exporters_unlock(e);
    return verdict;
}

/* True for one of the threads of a listener, once a second. */
static bool
is_my_turn(struct state_listener *s, uint64_t now_ns)
{
    uint64_t next = atomic_load(&s->next_sweep_ns);

    /* A clock that was set back must not stop it. */
    if (now_ns < next && next - now_ns <= SR_NS_PER_SECOND) {
        return false;
    }
    return atomic_compare_exchange_strong(&s->next_sweep_ns, &next, now_ns + SR_NS_PER_SECOND / 2);
}

static void
tick(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    bool last, const struct sr_emit *emit)
{
    const struct snapshot *snap = snapshot;
    const struct snapshot_listener *l = &snap->listeners[listener];
    struct state_listener *s = &((struct state *)state)->listeners[listener];
    struct scratch *own = scratch;
    struct exporter *held[HELD_MAX];
    size_t cursor = 0, count;

    if (!last && !is_my_turn(s, now_ns)) {
        return;
    }
    while ((count = exporters_next(s->exporters, &cursor, true, held, HELD_MAX)) > 0) {
        for (size_t i = 0; i < count; i++) {
            exporters_lock(held[i]);
            sr_netflow_expire(
                held[i]->state, &l->decode, &own->decode, last ? UINT64_MAX : now_ns, emit);
            exporters_unlock(held[i]);
            exporters_release(held[i]);
        }
    }
}

/* ---- The program ---- */

static void *
new_state(const void *config, bool daemon, char *error, size_t error_size)
{
    return state_new(config, daemon, error, error_size);
}

static void
free_state(void *state)
{
    state_free(state);
}

static void
maintain(void *state, bool last)
{
    state_maintain(state, last);
}

static void
report(void *state, FILE *out)
{
    state_report(state, out);
}

const struct sr_program netflow_program = {
    .name = "serviceradar-netflow",
    .about = "receives NetFlow and IPFIX and publishes flow messages to NATS JetStream",
    .schema = &netflow_schema,
    .listener_size = sizeof(struct netflow_listener),
    .has_raw_form = true,
    .batch_content_type =
        "application/vnd.google.protobuf; proto=flowpb.FlowMessage; encoding=delimited",
    .batch_delimited = true,
    .state_new = new_state,
    .state_free = free_state,
    .maintain = maintain,
    .metrics = report,
    .open = open_snapshot,
    .close = close_snapshot,
    .scratch_new = new_scratch,
    .scratch_free = free_scratch,
    .datagram = decode,
    .tick = tick,
    .connection_allowed = netflow_connection_allowed,
    .connection_new = netflow_connection_new,
    .connection_free = netflow_connection_free,
    .frame = netflow_connection_frame,
    .stream_message = netflow_connection_message,
    .connection_tick = netflow_connection_tick,
    .stream_message_max = NF_STREAM_MESSAGE_MAX,
};
