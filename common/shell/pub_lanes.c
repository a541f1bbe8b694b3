/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/pub_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/kept.h"
#include "shell/pub_refused.h"
#include "sr/backoff.h"
#include "sr/buf.h"
#include "sr/clock.h"
#include "sr/log.h"
#include "sr/spool.h"
#include "sr/suite.h"
#include "sr/window.h"

#include "sr/banned.h"

#define TURN_BYTES (64U * 1024U) /* a lane's turn before the next one's */
#define BACKOFF_MIN_NS (250 * SR_NS_PER_MS)
#define BACKOFF_MAX_NS (15 * SR_NS_PER_SECOND)
#define DEAD_PATIENCE_NS (30 * SR_NS_PER_SECOND)
#define ID_MAX 64U                      /* 16 digits, 20, 10, two hyphens, NUL */
#define TELL_NS (60 * SR_NS_PER_SECOND) /* a reason is logged once in that time */

enum lane_state {
    LANE_FLOWING = 0,
    LANE_SETTLING, /* sends nothing until nothing of it is in flight */
    LANE_WAITING,  /* until retry_ns */
    LANE_PROBING,  /* one message in flight at most */
};

struct pub_lane {
    struct sr_lane *lane;
    struct sr_lane *dead; /* where refused records go; NULL: counted */
    enum lane_state state;
    uint32_t in_flight;
    uint64_t oldest; /* number of the oldest of those */
    bool has_next;   /* `next` was taken from the queue and not sent */
    struct sr_entry next;
    bool sent_any; /* with the two below: the last entry ever sent */
    uint64_t sent_segment;
    uint32_t sent_index;
    enum sr_refusal refusal;   /* why it does not flow */
    unsigned failures;         /* in a row */
    uint64_t refused_since_ns; /* for that reason, without a disconnect; 0: not */
    uint64_t retry_ns;
    bool told;                          /* `refusal` was logged */
    bool told_any;                      /* some refusal was, since records were last stored */
    uint64_t told_ns[SR_REFUSAL_COUNT]; /* when each was logged last; 0: never */
    struct kept_outcome outcome;        /* what became of its records */
    struct kept_lane kept; /* where it is settled, and what became of the records before that */
    struct pub_refused refused;
};

struct pub_lanes {
    struct pub_lanes_options options;
    struct pub_lane *lanes;
    size_t count;
    size_t turn; /* whose turn it is to send */
    bool blocked;
    size_t max_payload; /* of the connection, as last told */
    uint64_t unexpected_duplicates;
    struct sr_log_limit duplicates;
    uint64_t refusals[SR_REFUSAL_COUNT];
    uint32_t requests; /* in flight */
    struct sr_window window;
};

/* A dead-letter lane for the publisher itself, on `subject`.deadletter. */
static struct sr_lane *
add_dead_lane(struct sr_queue *q, const struct sr_lane *lane)
{
    char subject[512];
    struct sr_lane_options options = {
        .listener = sr_lane_listener(lane),
        .listener_name = sr_lane_listener_name(lane),
        .worker = sr_lane_worker(lane),
        .dead = true,
        .by_sink = true,
        .subject = subject,
    };

    (void)snprintf(subject, sizeof(subject), "%s" SR_SUITE_DEADLETTER, sr_lane_subject(lane));
    return sr_queue_add_lane(q, &options);
}

struct pub_lanes *
pub_lanes_new(const struct pub_lanes_options *options)
{
    size_t given = sr_queue_lane_count(options->queue);
    struct pub_lanes *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        return NULL;
    }
    p->options = *options;
    p->lanes = calloc(2 * given, sizeof(*p->lanes));
    if (p->lanes == NULL) {
        free(p);
        return NULL;
    }
    for (size_t i = 0; i < given; i++) {
        struct pub_lane *l = &p->lanes[p->count++];
        l->lane = sr_queue_lane(options->queue, i);
        if (options->dead_letters && !sr_lane_is_dead(l->lane)) {
            l->dead = add_dead_lane(options->queue, l->lane);
            p->lanes[p->count].lane = l->dead;
            p->count += l->dead != NULL ? 1 : 0;
            if (l->dead == NULL) {
                sr_log(SR_LOG_WARNING,
                    "records that the server refuses are counted only subject=%s advice=\"raise "
                    "queue.memory: the part for dead letters is too small\"",
                    sr_lane_subject(l->lane));
            }
        }
    }
    for (size_t i = 0; i < p->count; i++) {
        struct pub_lane *l = &p->lanes[i];
        l->kept.key = sr_lane_key(l->lane);
        /* Whose books it is in: not who wrote it, when that is no more. */
        l->kept.listener =
            kept_listener_key(options->stats->listeners[sr_lane_listener(l->lane)].name);
        l->kept.dead = sr_lane_is_dead(l->lane);
    }
    sr_window_reset(&p->window, 1);
    /* What is in flight stays in memory, of which a queue on disk must have some left. */
    if (sr_queue_memory(options->queue) / 4 < p->window.bytes_limit) {
        p->window.bytes_limit = (size_t)(sr_queue_memory(options->queue) / 4);
    }
    return p;
}

void
pub_lanes_free(struct pub_lanes *p)
{
    if (p != NULL) {
        free(p->lanes);
        free(p);
    }
}

static struct sr_delivery_stats *
delivery_of(const struct pub_lanes *p, const struct pub_lane *l)
{
    return &p->options.stats->listeners[sr_lane_listener(l->lane)].delivery;
}

static void
count_dropped(const struct pub_lanes *p, struct pub_lane *l, unsigned drop, uint64_t records)
{
    sr_reasons_count(&delivery_of(p, l)->dropped, kept_drop_reason(drop), records);
    l->outcome.dropped[drop] += records;
}

/* Settles an entry that will never be stored where it was meant to be. */
static void
settle_refused(
    struct pub_lanes *p, struct pub_lane *l, const struct sr_entry *e, enum sr_refusal refusal)
{
    if (l->dead != NULL && pub_refused_move(e, refusal, l->dead, p->max_payload)) {
        sr_count(&delivery_of(p, l)->moved, e->records);
        l->outcome.moved += e->records;
        sr_wake_signal(sr_queue_wake(p->options.queue)); /* the next round shows it */
    } else {
        count_dropped(p, l, refusal, e->records);
    }
    sr_lane_settle(l->lane, e->segment, e->index, e->records);
}

/* Gives up an entry, once it is the oldest. False when too many wait for that. */
static bool
give_up(struct pub_lanes *p, struct pub_lane *l, const struct sr_entry *e, enum sr_refusal refusal)
{
    if (sr_lane_is_oldest(l->lane, e->segment, e->index)) {
        settle_refused(p, l, e, refusal);
    } else if (!pub_refused_add(&l->refused, e, refusal)) {
        return false;
    }
    p->refusals[refusal]++;
    return true;
}

static uint64_t
backoff_ns(unsigned failures)
{
    return sr_backoff_ns(BACKOFF_MIN_NS, BACKOFF_MAX_NS, failures, sr_clock_random_u64());
}

/* True when the server has refused dead letters for so long that they are given up. */
static bool
is_out_of_patience(const struct pub_lane *l, uint64_t now_ns)
{
    return sr_lane_is_dead(l->lane) && l->refusal != SR_REFUSAL_TIMEOUT &&
           l->refused_since_ns != 0 && now_ns - l->refused_since_ns >= DEAD_PATIENCE_NS;
}

/* Drops the dead letters of a lane: one of them has just been refused again. */
static void
drop_dead_letters(struct pub_lanes *p, struct pub_lane *l)
{
    struct sr_entry e;

    while (sr_lane_next(l->lane, &e)) {
        count_dropped(p, l, KEPT_DROP_PATIENCE, e.records);
        sr_lane_settle(l->lane, e.segment, e.index, e.records);
    }
    l->refused.count = 0; /* those were among them */
}

/* Goes back to the oldest unsettled entry, once nothing of the lane is in flight. */
static void
restart(struct pub_lanes *p, struct pub_lane *l, uint64_t now_ns)
{
    sr_lane_rewind(l->lane);
    l->has_next = false;
    if (is_out_of_patience(l, now_ns)) {
        drop_dead_letters(p, l);
    }
    l->state = LANE_WAITING;
    l->retry_ns = now_ns + backoff_ns(l->failures - 1);
}

/* Logs why the lane waits: once, and not for each wave when it comes and goes. */
static void
tell(struct pub_lane *l, uint64_t now_ns, enum sr_refusal refusal)
{
    uint64_t last_ns = l->told_ns[refusal];

    if (l->refusal == refusal && l->told) {
        return;
    }
    l->told = last_ns == 0 || now_ns - last_ns >= TELL_NS;
    if (l->told) {
        sr_log(SR_LOG_WARNING, "records wait in the queue subject=%s reason=%s advice=\"%s\"",
            sr_lane_subject(l->lane), sr_refusal_reason(refusal), sr_refusal_advice(refusal));
        l->told_ns[refusal] = now_ns;
        l->told_any = true;
    }
}

/* The lane met a failure: from now on it settles, waits and probes. */
static void
fail(struct pub_lanes *p, struct pub_lane *l, uint64_t now_ns, enum sr_refusal refusal)
{
    tell(l, now_ns, refusal);
    if (l->refusal != refusal || l->refused_since_ns == 0) {
        l->refused_since_ns = now_ns;
    }
    l->refusal = refusal;
    if (l->state == LANE_FLOWING || l->state == LANE_PROBING) {
        l->failures++;
        l->state = LANE_SETTLING;
    }
    if (l->state == LANE_SETTLING && l->in_flight == 0) {
        restart(p, l, now_ns);
    }
}

static void
recover(struct pub_lane *l)
{
    if (l->state != LANE_PROBING && l->state != LANE_FLOWING) {
        return; /* an answer to what was sent before the failure */
    }
    if (l->told_any) {
        sr_log(SR_LOG_NOTICE, "records are stored again subject=%s", sr_lane_subject(l->lane));
    }
    l->state = LANE_FLOWING;
    l->told_any = false;
    l->refusal = SR_REFUSAL_NONE;
    l->failures = 0;
    l->refused_since_ns = 0;
}

static bool
is_first_attempt(const struct pub_lane *l, const struct sr_entry *e)
{
    return !e->recovered && (!l->sent_any || e->segment_number > l->sent_segment ||
                                (e->segment_number == l->sent_segment && e->index > l->sent_index));
}

static bool
may_send(const struct pub_lane *l)
{
    return l->state == LANE_FLOWING || (l->state == LANE_PROBING && l->in_flight == 0);
}

/* Writes "<run>-<segment>-<index>", the Nats-Msg-Id of an entry. */
static void
write_id(const struct sr_entry *e, char out[ID_MAX])
{
    struct sr_buf b = sr_buf_over(out, ID_MAX - 1);

    for (int shift = 60; shift >= 0; shift -= 4) {
        sr_buf_put(&b, (uint8_t) "0123456789abcdef"[e->run_id >> shift & 0xf]);
    }
    sr_buf_put(&b, '-');
    sr_buf_add_u64(&b, e->segment_number);
    sr_buf_put(&b, '-');
    sr_buf_add_u64(&b, e->index);
    out[b.len] = '\0';
}

/* True when its oldest message waits for so long that the disorder could exceed one window. */
static bool
is_far_ahead(const struct pub_lanes *p, const struct pub_lane *l)
{
    return l->in_flight > 0 && p->window.next - l->oldest >= SR_WINDOW_MESSAGES;
}

/* Puts the lane's next entry on the wire and into the window. */
static bool
send_entry(struct pub_lanes *p, struct pub_lane *l, uint64_t now_ns, size_t bytes, pub_send send,
    void *arg)
{
    const struct sr_entry *e = &l->next;
    struct sr_inflight *m = sr_window_push(&p->window, bytes);
    char id[ID_MAX];

    write_id(e, id);
    m->owner = l;
    m->segment = e->segment;
    m->index = e->index;
    m->records = e->records;
    struct sr_span rest;
    m->has_id = sr_request_of(e->attributes, m->id, &rest);
    p->requests += m->has_id ? 1 : 0;
    m->first_attempt = is_first_attempt(l, e);
    m->deadline_ns = now_ns + p->options.ack_timeout_ns;
    if (m->first_attempt) {
        l->sent_any = true;
        l->sent_segment = e->segment_number;
        l->sent_index = e->index;
    } else {
        sr_count(&delivery_of(p, l)->redelivered, 1);
        l->outcome.redelivered++;
    }
    if (l->in_flight++ == 0) {
        l->oldest = m->number;
    }
    l->has_next = false;
    struct pub_message message = {
        .subject = sr_lane_subject(l->lane),
        .content_type = sr_lane_content_type(l->lane),
        .id = id,
        .attributes = e->attributes,
        .body = e->body,
        .number = m->number,
    };
    return send(arg, &message);
}

/* One lane's turn. False when the connection broke; *ret_blocked when the window is full. */
static bool
send_turn(struct pub_lanes *p, struct pub_lane *l, uint64_t now_ns, size_t max_payload,
    pub_send send, void *arg, bool *ret_worked)
{
    size_t turn = TURN_BYTES;

    while (turn > 0 && may_send(l)) {
        if (!l->has_next) {
            l->has_next = sr_lane_next(l->lane, &l->next);
        }
        if (!l->has_next) {
            return true;
        }
        size_t bytes = l->next.body.len + l->next.attributes.len + PUB_HEADER_BYTES;
        if (pub_refused_has(&l->refused, &l->next)) {
            l->has_next = false;
            continue;
        }
        if (bytes > max_payload) {
            if (!give_up(p, l, &l->next, SR_REFUSAL_TOO_LARGE)) {
                return true;
            }
            l->has_next = false;
            continue;
        }
        if (!sr_window_has_room(&p->window, bytes)) {
            p->blocked = true;
            return true;
        }
        if (is_far_ahead(p, l)) {
            return true;
        }
        if (!send_entry(p, l, now_ns, bytes, send, arg)) {
            return false;
        }
        *ret_worked = true;
        turn -= bytes < turn ? bytes : turn;
    }
    return true;
}

bool
pub_lanes_send(struct pub_lanes *p, uint64_t now_ns, size_t max_payload, pub_send send, void *arg)
{
    bool worked = true;

    p->blocked = false;
    p->max_payload = max_payload;
    while (worked && !p->blocked) {
        worked = false;
        for (size_t i = 0; i < p->count && !p->blocked; i++) {
            struct pub_lane *l = &p->lanes[p->turn];
            if (!send_turn(p, l, now_ns, max_payload, send, arg, &worked)) {
                return false;
            }
            if (!p->blocked) { /* who found the window closed is the first when it opens */
                p->turn = (p->turn + 1) % p->count;
            }
        }
    }
    return true;
}

static bool
is_in_flight(struct pub_lanes *p, const struct pub_lane *l, uint64_t number)
{
    const struct sr_inflight *m = sr_window_find(&p->window, number);

    return m != NULL && m->owner == l;
}

/* Takes the message out of the window; the caller settles the entry or leaves it. */
static struct pub_lane *
land(struct pub_lanes *p, struct sr_inflight *m)
{
    struct pub_lane *l = m->owner;

    p->requests -= m->has_id ? 1 : 0;
    sr_window_release(&p->window, m);
    l->in_flight--;
    while (l->in_flight > 0 && !is_in_flight(p, l, l->oldest)) {
        l->oldest++;
    }
    return l;
}

void
pub_lanes_stored(struct pub_lanes *p, uint64_t number, bool duplicate)
{
    struct sr_inflight *m = sr_window_find(&p->window, number);

    if (m == NULL) {
        return;
    }
    struct sr_inflight was = *m;
    struct pub_lane *l = land(p, m);
    struct sr_delivery_stats *d = delivery_of(p, l);
    if (was.has_id && p->options.stored.stored != NULL) {
        p->options.stored.stored(
            p->options.stored.arg, sr_lane_listener(l->lane), was.id, duplicate);
    }
    if (duplicate && was.first_attempt && !was.has_id) {
        uint64_t more;
        p->unexpected_duplicates++;
        if (sr_log_allowed(&p->duplicates, &more)) {
            sr_log(SR_LOG_ERROR,
                "the server called a record a duplicate that was never sent before subject=%s",
                sr_lane_subject(l->lane));
        }
    }
    sr_count(sr_lane_is_dead(l->lane) ? &d->stored_dead : &d->stored, was.records);
    l->outcome.stored += was.records;
    sr_lane_settle(l->lane, was.segment, was.index, was.records);
    sr_window_widen(&p->window);
    recover(l);
}

void
pub_lanes_refused(struct pub_lanes *p, uint64_t now_ns, uint64_t number, enum sr_refusal refusal)
{
    struct sr_inflight *m = sr_window_find(&p->window, number);
    struct sr_entry e;

    if (m == NULL) {
        return;
    }
    struct sr_inflight was = *m;
    struct pub_lane *l = land(p, m);
    if (sr_refusal_is_permanent(refusal)) {
        sr_segment_entry(was.segment, was.index, &e);
        if (give_up(p, l, &e, refusal)) {
            recover(l);
            return;
        }
    }
    if (refusal == SR_REFUSAL_TOO_MANY) {
        sr_window_narrow(&p->window, number);
    }
    p->refusals[refusal]++;
    fail(p, l, now_ns, refusal);
}

/* True when the account maps `subject` to `mapped`: the same, or the same behind a prefix. */
static bool
maps_to(const char *subject, struct sr_span mapped)
{
    size_t len = strlen(subject);

    if (mapped.len < len || memcmp(mapped.data + mapped.len - len, subject, len) != 0) {
        return false;
    }
    return mapped.len == len || mapped.data[mapped.len - len - 1] == '.';
}

/* Forgets all that is in flight of one lane. */
static void
release_all(struct pub_lanes *p, struct pub_lane *l)
{
    while (l->in_flight > 0) {
        (void)land(p, sr_window_find(&p->window, l->oldest));
    }
}

bool
pub_lanes_forbidden(struct pub_lanes *p, uint64_t now_ns, struct sr_span subject)
{
    bool known = false;

    for (size_t i = 0; i < p->count; i++) {
        struct pub_lane *l = &p->lanes[i];
        if (!maps_to(sr_lane_subject(l->lane), subject)) {
            continue;
        }
        known = true;
        if (l->in_flight == 0) {
            continue;
        }
        p->refusals[SR_REFUSAL_PERMISSION]++;
        release_all(p, l); /* the server answers none of them */
        fail(p, l, now_ns, SR_REFUSAL_PERMISSION);
    }
    return known;
}

void
pub_lanes_disconnected(struct pub_lanes *p, uint64_t now_ns)
{
    for (size_t i = 0; i < p->count; i++) {
        struct pub_lane *l = &p->lanes[i];
        p->refusals[SR_REFUSAL_DISCONNECTED] += l->in_flight;
        release_all(p, l);
        sr_lane_rewind(l->lane);
        l->has_next = false;
        l->refused_since_ns = 0; /* nobody refuses anything while there is no connection */
        if (l->refusal == SR_REFUSAL_NONE || l->refusal == SR_REFUSAL_TIMEOUT) {
            l->state = LANE_FLOWING;
        } else if (l->state != LANE_WAITING) {
            l->state = LANE_WAITING;
            l->retry_ns = now_ns;
        }
    }
}

void
pub_lanes_overwhelmed(struct pub_lanes *p)
{
    sr_window_collapse(&p->window);
}

static void
tick_lane(struct pub_lanes *p, struct pub_lane *l, uint64_t now_ns)
{
    if (l->state == LANE_SETTLING && l->in_flight == 0) {
        restart(p, l, now_ns);
    }
    if (l->state != LANE_WAITING || now_ns < l->retry_ns) {
        return;
    }
    l->state = LANE_PROBING;
}

void
pub_lanes_tick(struct pub_lanes *p, uint64_t now_ns)
{
    for (;;) {
        struct sr_inflight *m = sr_window_oldest(&p->window);
        if (m == NULL || m->deadline_ns > now_ns) {
            break;
        }
        p->refusals[SR_REFUSAL_TIMEOUT]++;
        fail(p, land(p, m), now_ns, SR_REFUSAL_TIMEOUT);
    }
    for (size_t i = 0; i < p->count; i++) {
        tick_lane(p, &p->lanes[i], now_ns);
    }
}

/*
 * Brings the dead letters of a lane to disk, or takes them back and counts them where they came
 * from: there they are settled.
 */
static void
keep_written(const struct pub_lanes *p, struct pub_lane *l, struct pub_lane *dead)
{
    int error = sr_lane_keep(dead->lane);

    if (error != 0) {
        count_dropped(p, l, kept_disk_drop(sr_spool_reason(error)), sr_lane_undo(dead->lane));
    }
    sr_lane_written(dead->lane, &dead->kept.written);
}

/* Takes note of where a lane is settled. What is settled behind that was stored: give_up(). */
static void
keep_settled(const struct pub_lanes *p, struct pub_lane *l)
{
    uint64_t lost = sr_lane_take_lost(l->lane);

    if (lost > 0) {
        count_dropped(p, l, KEPT_DROP_DAMAGED, lost);
    }
    uint64_t ahead = sr_lane_settled(l->lane, &l->kept.settled);
    l->kept.outcome = l->outcome;
    l->kept.outcome.stored -= ahead;
}

size_t
pub_lanes_kept_values(const struct pub_lanes *p)
{
    return p->count * KEPT_LANE_VALUES;
}

void
pub_lanes_keep(struct pub_lanes *p, struct sr_counters_slot *slot)
{
    uint64_t *values = slot != NULL ? sr_counters_begin(slot) : NULL;
    struct sr_entry e;
    enum sr_refusal refusal;

    for (size_t i = 0; i < p->count; i++) {
        struct pub_lane *l = &p->lanes[i];
        while (pub_refused_take(&l->refused, l->lane, &e, &refusal)) {
            settle_refused(p, l, &e, refusal);
        }
        if (l->dead != NULL) { /* its dead letters are the lane after it */
            keep_written(p, l, l + 1);
        }
    }
    for (size_t i = 0; i < p->count; i++) {
        keep_settled(p, &p->lanes[i]);
        if (values != NULL) {
            kept_lane_write(values + i * KEPT_LANE_VALUES, &p->lanes[i].kept);
        }
    }
    if (slot != NULL) {
        sr_counters_commit(slot);
    }
    for (size_t i = 0; i < p->count; i++) {
        struct pub_lane *l = &p->lanes[i];
        if (l->dead != NULL) {
            sr_lane_flush(l->dead);
        }
        if (slot != NULL) {
            sr_lane_kept(l->lane, &l->kept.settled);
        }
    }
}

/* The lane that goes on from a kept one: itself, or one of its listener when it is no more. */
static struct pub_lane *
find_heir(struct pub_lanes *p, const struct kept_lane *kept)
{
    struct pub_lane *heir = NULL;

    for (size_t i = 0; i < p->count; i++) {
        struct pub_lane *l = &p->lanes[i];
        if (l->kept.key == kept->key) {
            return l;
        }
        if (l->kept.listener == kept->listener && (heir == NULL || l->kept.dead == kept->dead)) {
            heir = l;
        }
    }
    return heir;
}

void
pub_lanes_restore(struct pub_lanes *p, const struct kept_lane *kept)
{
    struct pub_lane *l = find_heir(p, kept);

    if (l != NULL) {
        kept_outcome_sum(&l->outcome, &kept->outcome);
        l->kept.outcome = l->outcome;
    }
}

uint64_t
pub_lanes_due_ns(const struct pub_lanes *p)
{
    const struct sr_window *w = &p->window;
    uint64_t due = UINT64_MAX;

    if (w->messages > 0) {
        due = w->slots[w->head % SR_WINDOW_MESSAGES].deadline_ns;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct pub_lane *l = &p->lanes[i];
        if (l->state == LANE_WAITING && l->retry_ns < due) {
            due = l->retry_ns;
        }
    }
    return due;
}

uint32_t
pub_lanes_in_flight(const struct pub_lanes *p)
{
    return p->window.messages;
}

uint32_t
pub_lanes_requests_in_flight(const struct pub_lanes *p)
{
    return p->requests;
}

bool
pub_lanes_blocked(const struct pub_lanes *p)
{
    return p->blocked;
}

bool
pub_lanes_troubled(const struct pub_lanes *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->lanes[i].state == LANE_SETTLING || p->lanes[i].state == LANE_PROBING) {
            return true;
        }
    }
    return false;
}

const char *
pub_lanes_without_stream(const struct pub_lanes *p, uint64_t now_ns, uint64_t for_ns)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct pub_lane *l = &p->lanes[i];
        if (l->refusal == SR_REFUSAL_NO_STREAM && l->refused_since_ns != 0 &&
            now_ns - l->refused_since_ns >= for_ns) {
            return sr_lane_subject(l->lane);
        }
    }
    return NULL;
}

void
pub_lanes_retry_now(struct pub_lanes *p, uint64_t now_ns)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->lanes[i].state == LANE_WAITING) {
            p->lanes[i].retry_ns = now_ns;
        }
    }
}

uint64_t
pub_lanes_unexpected_duplicates(const struct pub_lanes *p)
{
    return p->unexpected_duplicates;
}

uint64_t
pub_lanes_refusals(const struct pub_lanes *p, enum sr_refusal refusal)
{
    return p->refusals[refusal];
}
