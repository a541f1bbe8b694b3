/* SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include "unit.h"

#include <stdio.h>

#include "shell/durable.h"
#include "shell/kept.h"
#include "shell/pub_lanes.h"
#include "sr/clock.h"
#include "sr/spool.h"
#include "sr/suite.h"
#include "stage.h"

/* ---- The sink's side of durable_start() ---- */

static size_t
kept_values(struct sr_sink *sink)
{
    return pub_lanes_kept_values(((struct life_sink *)sink)->lanes);
}

static void
restore(struct sr_sink *sink, const struct kept_lane *kept)
{
    pub_lanes_restore(((struct life_sink *)sink)->lanes, kept);
}

static void
keep(struct sr_sink *sink)
{
    pub_lanes_keep(((struct life_sink *)sink)->lanes, sink->slot);
}

static const struct sr_sink_ops ops = {
    .kept_values = kept_values,
    .restore = restore,
    .keep = keep,
};

/* ---- The beginning ---- */

static struct sr_lane *
add_lane(struct life *l, unsigned listener, unsigned worker, const char *subject, bool dead)
{
    char name[256];
    struct sr_lane_options options = {
        .listener = listener,
        .listener_name = l->stats->listeners[listener].name,
        .worker = worker,
        .dead = dead,
        .subject = name,
    };

    (void)snprintf(name, sizeof(name), "%s%s", subject, dead ? SR_SUITE_DEADLETTER : "");
    struct sr_lane *lane = sr_queue_add_lane(l->queue, &options);
    assert_non_null(lane);
    return lane;
}

static void
add_workers(struct life *l, const struct life_options *o)
{
    for (unsigned i = 0; i < LIFE_LISTENERS; i++) {
        struct sr_listener_stats *stats = &l->stats->listeners[i];
        l->worker_count[i] = o->workers[i];
        (void)snprintf(stats->name, sizeof(stats->name), "udp://listener:%u", i);
        for (unsigned j = 0; j < o->workers[i]; j++) {
            struct life_worker *w = &l->workers[i][j];
            w->stats = &stats->workers[j];
            w->lane = add_lane(l, i, j, o->subjects[i], false);
            w->dead = j == 0 ? add_lane(l, i, j, o->subjects[i], true) : NULL;
        }
    }
}

static void
make_queue(struct life *l, const struct life_options *o)
{
    char error[512] = "";

    l->durable = durable_open(&l->conf, error, sizeof(error));
    if (l->durable == NULL) {
        fail_msg("%s", error);
    }
    struct sr_queue_options queue = {
        .memory = o->memory,
        .listeners = LIFE_LISTENERS,
        .run_id = sr_clock_random_u64(),
        .durability = o->durability,
        .disk = o->disk,
        .spool = durable_spool(l->durable),
        .first_number = durable_first_number(l->durable),
    };
    l->queue = sr_queue_new(&queue);
    l->stats = sr_stats_new(LIFE_LISTENERS, o->workers);
    assert_non_null(l->queue);
    assert_non_null(l->stats);
}

void
life_begin(struct life *l, const struct life_options *o)
{
    char error[512] = "";

    *l = (struct life){ .conf = { .durability = o->durability,
                            .memory = o->memory,
                            .disk = o->disk,
                            .dir = o->dir,
                            .fsync = SR_FSYNC_NEVER } };
    make_queue(l, o);
    add_workers(l, o);
    assert_true(durable_add_lanes(l->durable, l->queue, l->stats, true));
    struct pub_lanes_options lanes = {
        .queue = l->queue,
        .stats = l->stats,
        .dead_letters = true,
        .ack_timeout_ns = o->ack_timeout_ns,
    };
    l->sink.lanes = pub_lanes_new(&lanes);
    assert_non_null(l->sink.lanes);
    l->sink.base = (struct sr_sink){ .ops = &ops, .queue = l->queue, .stats = l->stats };
    stage_await_spooler();
    if (!durable_start(l->durable, l->queue, l->stats, &l->sink.base, error, sizeof(error))) {
        fail_msg("%s", error);
    }
    for (unsigned i = 0; i < LIFE_LISTENERS; i++) {
        for (unsigned j = 0; j < l->worker_count[i]; j++) {
            l->workers[i][j].slot = durable_worker_slot(l->durable, i, j);
        }
    }
}

/* ---- A batch ---- */

bool
life_end_batch(struct life_worker *w)
{
    int error = sr_lane_keep(w->lane);

    if (error == 0 && w->dead != NULL) {
        error = sr_lane_keep(w->dead);
    }
    if (error != 0) {
        uint64_t records = sr_lane_undo(w->lane);
        records += w->dead != NULL ? sr_lane_undo(w->dead) : 0;
        sr_reasons_count(&w->stats->lost, sr_spool_reason(error), records);
    }
    sr_count(&w->stats->batches, 1);
    durable_keep_worker(w->slot, w->stats, w->lane, w->dead);
    sr_lane_flush(w->lane);
    if (w->dead != NULL) {
        sr_lane_flush(w->dead);
    }
    return error == 0;
}

/* ---- The end ---- */

uint64_t
life_stop(struct life *l)
{
    pub_lanes_keep(l->sink.lanes, l->sink.base.slot);
    stage_let_spooler_end();
    return durable_stop(l->durable);
}

void
life_free(struct life *l)
{
    pub_lanes_free(l->sink.lanes);
    durable_free(l->durable);
    sr_queue_free(l->queue);
    sr_stats_free(l->stats);
}
