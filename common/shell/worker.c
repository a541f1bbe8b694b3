/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/worker.h"

#include <string.h>
#include <unistd.h>

#include "shell/durable.h"
#include "sr/clock.h"
#include "sr/deadletter.h"
#include "sr/spool.h"

#include "sr/banned.h"

static const char disk_advice[] = "queue.dir takes no data: see the error that was logged for it";
static const char full_advice[] = "the output takes less than comes in: see its state, or raise "
                                  "queue.disk and queue.memory";

static void
warn_of_drops(struct sr_log_limit *limit, const char *what, const char *name, const char *reason,
    const char *advice)
{
    uint64_t more;

    if (sr_log_allowed(limit, &more)) {
        sr_log(SR_LOG_WARNING,
            "%s are dropped listener=%s reason=%s more_since_last_line=%llu advice=\"%s\"", what,
            name, reason, (unsigned long long)more, advice);
    }
}

/* A received datagram that goes nowhere. */
static void
drop(struct sr_worker *w, const char *reason, const char *advice)
{
    size_t row = sr_reasons_count(&w->stats->dropped, reason, 1);

    warn_of_drops(&w->dropping[row], "datagrams", w->name, reason, advice);
}

/* Why the lane of records has no room, and what to do. */
static const char *
lane_refusal(const struct sr_worker *w, const char **ret_advice)
{
    const char *why = sr_lane_refusal(w->lane);

    *ret_advice = strcmp(why, "queue_full") != 0 ? disk_advice : full_advice;
    return why;
}

static void
count_undecodable(struct sr_worker *w, const char *reason, const struct sr_peer *peer)
{
    size_t row = sr_reasons_count(&w->stats->undecodable, reason, 1);
    char source[SR_PEER_TEXT_MAX];
    uint64_t more;

    if (!sr_log_allowed(&w->undecodable[row], &more)) {
        return;
    }
    (void)sr_peer_text(peer, source);
    sr_log(SR_LOG_NOTICE,
        "cannot decode a datagram listener=%s source=%s reason=%s more_since_last_line=%llu",
        w->name, source, reason, (unsigned long long)more);
}

/* ---- What a decoder calls ---- */

static uint8_t *
emit_reserve(void *arg, size_t max)
{
    struct sr_worker *w = arg;

    return sr_lane_reserve(w->lane, max, w->now_ns);
}

static void
emit_commit(void *arg, size_t len, uint32_t records)
{
    struct sr_worker *w = arg;

    sr_lane_commit(w->lane, len, 0, records);
    sr_count(&w->stats->records, records);
}

static uint8_t *
emit_reserve_batched(void *arg, size_t max)
{
    struct sr_worker *w = arg;

    return batch_reserve(&w->batch, max, w->now_ns);
}

static void
emit_commit_batched(void *arg, size_t len, uint32_t records)
{
    struct sr_worker *w = arg;

    batch_commit(&w->batch, len, records);
}

static void
emit_deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    struct sr_worker *w = arg;
    size_t max = SR_DEADLETTER_OVERHEAD + raw.len;

    w->deadletters++;
    count_undecodable(w, reason, peer);
    if (w->dead == NULL) {
        sr_reasons_count(&w->stats->dropped, "undecodable", 1);
        return;
    }
    uint8_t *room = sr_lane_reserve(w->dead, max, now_ns);
    if (room == NULL) {
        const char *why = sr_lane_refusal(w->dead);
        bool full = strcmp(why, "queue_full") == 0;
        drop(w, full ? "deadletter_full" : why,
            full ? "dead letters wait for their stream, or the queue is small" : disk_advice);
        return;
    }
    struct sr_buf b = sr_buf_over(room, max);
    size_t attributes = sr_deadletter_write(&b, reason, peer, now_ns, raw);
    sr_lane_commit(w->dead, b.len, attributes, 1);
    sr_count(&w->stats->deadlettered, 1);
}

static void
emit_consumed(void *arg, const char *reason)
{
    struct sr_worker *w = arg;

    sr_reasons_count(&w->stats->consumed, reason, 1);
}

static void
emit_refused(void *arg, const char *reason)
{
    struct sr_worker *w = arg;
    size_t row = sr_reasons_count(&w->stats->dropped, reason, 1);
    char source[SR_PEER_TEXT_MAX] = "";
    uint64_t more;

    if (!sr_log_allowed(&w->dropping[row], &more)) {
        return;
    }
    if (w->peer != NULL) {
        (void)sr_peer_text(w->peer, source);
    }
    sr_log(SR_LOG_NOTICE,
        "inputs are refused listener=%s source=%s reason=%s more_since_last_line=%llu", w->name,
        source, reason, (unsigned long long)more);
}

static void
emit_lost(void *arg, const char *reason, uint32_t records)
{
    struct sr_worker *w = arg;
    const char *advice = NULL;

    if (reason == NULL) {
        reason = lane_refusal(w, &advice);
    }
    size_t row = sr_reasons_count(&w->stats->lost, reason, records);
    sr_count(&w->stats->records, records);
    if (advice != NULL) {
        warn_of_drops(&w->losing[row], "records", w->name, reason, advice);
    }
}

/* ---- What the receiver calls ---- */

void
sr_worker_begin(struct sr_worker *w, uint64_t now_ns)
{
    w->now_ns = now_ns;
    if (atomic_load(&w->snapshots->generation) != w->generation) {
        sr_snapshot_release(w->snapshots, w->snapshot);
        w->snapshot = sr_snapshot_hold(w->snapshots, &w->generation);
    }
}

static void
on_backlog(void *arg, unsigned level)
{
    struct sr_worker *w = arg;

    w->backlog = level;
}

static void
on_batch_begin(void *arg, uint64_t now_ns)
{
    struct sr_worker *w = arg;
    unsigned level = sr_lane_level(w->lane);

    sr_worker_begin(w, now_ns);
    w->emit.level = level > w->backlog ? level : w->backlog;
}

void
sr_worker_settle(struct sr_worker *w, enum sr_verdict verdict)
{
    const char *why, *advice;

    switch (verdict) {
    case SR_DECODED: sr_count(&w->stats->decoded, 1); break;
    case SR_CONSUMED: break; /* counted by emit_consumed() */
    case SR_REFUSED: break;  /* counted by emit_refused() */
    case SR_DEADLETTER:      /* counted by emit_deadletter(), and the first stands for the whole */
        w->deadletters -= w->deadletters > 0 ? 1 : 0;
        break;
    case SR_FULL:
        why = lane_refusal(w, &advice);
        drop(w, why, advice);
        break;
    case SR_LATER: break; /* it is counted when it comes again */
    }
    if (w->deadletters > 0) {
        sr_count(&w->stats->parts, w->deadletters);
    }
}

static void
on_datagram(void *arg, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct msghdr *message)
{
    struct sr_worker *w = arg;

    w->message = message;
    w->peer = peer;
    if ((message->msg_flags & MSG_TRUNC) != 0) {
        emit_deadletter(w, "truncated", peer, now_ns, bytes);
        return;
    }
    w->deadletters = 0;
    sr_worker_settle(w, w->snapshots->program->datagram(w->state, w->snapshot->state, w->listener,
                            w->scratch, now_ns, peer, bytes, &w->emit));
}

/* Takes back what cannot be kept; the records are counted. */
static void
give_up_batch(struct sr_worker *w, int error)
{
    uint64_t records = sr_lane_undo(w->lane);

    if (w->dead != NULL) {
        records += sr_lane_undo(w->dead);
    }
    sr_reasons_count(&w->stats->lost, sr_spool_reason(error), records);
}

static bool
has_batches(const struct sr_worker *w)
{
    return w->batching.records > 1;
}

/* Closes the open batch when it may not wait for more. */
static void
end_linger(struct sr_worker *w)
{
    struct batch *b = &w->batch;

    if (b->records == 0) {
        batch_close(b); /* the lane may take back what was reserved */
        return;
    }
    uint64_t now_ns = w->linger_ns > 0 ? sr_clock_monotonic_ns() : 0;
    if (b->due_ns == 0) {
        b->due_ns = now_ns + w->linger_ns;
    }
    if (now_ns >= b->due_ns) {
        batch_close(b);
    }
}

uint64_t
sr_worker_due(void *arg)
{
    const struct sr_worker *w = arg;

    return w->batch.records > 0 ? w->batch.due_ns : UINT64_MAX;
}

/* Before the flush: behind it the sink may give the records' memory back. */
static void
copy_to_tap(struct sr_worker *w)
{
    if (!tap_is_heard(w->tap)) {
        return;
    }
    tap_offer(w->tap, w->lane);
    if (w->dead != NULL) {
        tap_offer(w->tap, w->dead);
    }
}

void
sr_worker_batch_end(void *arg)
{
    struct sr_worker *w = arg;

    end_linger(w);
    int error = sr_lane_keep(w->lane);

    if (error == 0 && w->dead != NULL) {
        error = sr_lane_keep(w->dead);
    }
    if (error != 0) {
        give_up_batch(w, error);
    }
    if (w->slot != NULL) {
        durable_keep_worker(w->slot, w->stats, w->lane, w->dead);
    }
    copy_to_tap(w);
    sr_lane_flush(w->lane);
    if (w->dead != NULL) {
        sr_lane_flush(w->dead);
    }
    sr_worker_end_requests(w, error == 0);
}

static void
on_tick(void *arg, uint64_t now_ns, bool last)
{
    struct sr_worker *w = arg;

    sr_worker_begin(w, now_ns);
    w->deadletters = 0;
    w->peer = NULL;
    if (w->snapshots->program->tick != NULL) {
        w->snapshots->program->tick(
            w->state, w->snapshot->state, w->listener, w->scratch, now_ns, last, &w->emit);
    }
    sr_count(&w->stats->parts, w->deadletters);
    if (last) {
        batch_close(&w->batch);
    }
    sr_worker_batch_end(w);
}

static bool
hurries(void *arg)
{
    return ((const struct sr_worker *)arg)->hurries;
}

/* ---- The runtime's side ---- */

static bool
start_datagrams(struct sr_worker *w)
{
    struct sr_udp_handler handler = {
        .arg = w,
        .name = w->name,
        .backlog = on_backlog,
        .batch_begin = on_batch_begin,
        .datagram = on_datagram,
        .batch_end = sr_worker_batch_end,
        .tick = w->snapshots->program->tick != NULL || has_batches(w) ? on_tick : NULL,
        .due = has_batches(w) && w->linger_ns > 0 ? sr_worker_due : NULL,
        .hurries = hurries,
        .answers = w->answers != NULL,
    };
    struct sr_udp_hand *hand = w->slot != NULL ? sr_counters_raw(w->slot) : NULL;

    w->receiver = sr_udp_worker_start(w->at.fd, &handler, w->stats, hand);
    return w->receiver != NULL;
}

bool
sr_worker_start(struct sr_worker *w)
{
    w->emit = (struct sr_emit){
        .arg = w,
        .reserve = emit_reserve,
        .commit = emit_commit,
        .deadletter = emit_deadletter,
        .consumed = emit_consumed,
        .refused = emit_refused,
        .lost = emit_lost,
    };
    if (has_batches(w)) {
        batch_init(&w->batch, w->lane, w->stats, &w->batching);
        w->emit.reserve = emit_reserve_batched;
        w->emit.commit = emit_commit_batched;
    }
    sr_worker_serve_requests(w);
    w->snapshot = sr_snapshot_hold(w->snapshots, &w->generation);
    if (!(w->at.is_stream ? sr_worker_start_streams(w) : start_datagrams(w))) {
        return false;
    }
    w->at.fd = -1;
    return true;
}

void
sr_worker_stop(struct sr_worker *w)
{
    unix_socket_remove(&w->at.place); /* before the last look: nobody connects behind it */
    if (w->receiver != NULL) {
        sr_udp_worker_stop(w->receiver);
    }
    if (w->acceptor != NULL) {
        sr_tcp_worker_stop(w->acceptor);
    }
}

void
sr_worker_done(struct sr_worker *w)
{
    sr_udp_worker_join(w->receiver);
    sr_tcp_worker_join(w->acceptor);
    sr_snapshot_release(w->snapshots, w->snapshot);
    w->snapshots->program->scratch_free(w->scratch);
    unix_socket_remove(&w->at.place);
    sr_access_done(&w->balancers);
    if (w->at.fd >= 0) {
        (void)close(w->at.fd);
    }
}

uint64_t
sr_worker_heartbeat(const struct sr_worker *w)
{
    return w->at.is_stream ? sr_tcp_worker_heartbeat(w->acceptor)
                           : sr_udp_worker_heartbeat(w->receiver);
}
