/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/kept.h"
#include "shell/recover.h"
#include "sr/counters.h"
#include "sr/log.h"
#include "sr/spool.h"
#include "sr/spooler.h"
#include "sr/stats_kept.h"
#include "sr/suite.h"
#include "sr/udp.h"

#include "sr/banned.h"

/*
 * Slots: "process" with the run id, the durability and the segments that it passed over, "sink"
 * with the lanes (shell/kept.h), and for each receiving thread "worker N LISTENER": where its two
 * lanes are written, then its counters; raw: its hand.
 */
enum {
    PROCESS_RUN,
    PROCESS_DURABILITY,
    PROCESS_LATER,
    PROCESS_LATER_FIRST,
    PROCESS_LATER_LAST,
    PROCESS_VALUES,
};
enum { SLOT_PROCESS, SLOT_SINK, SLOT_WORKERS };
#define WORKER_POSITIONS (2U * KEPT_POSITION_VALUES)
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_VARIABLE "SR_BOOT_ID"
#define REASON_KILLED "killed"
#define REASON_DAMAGED "damaged"
#define REASON_LATER "later_version"
#define REASON_MISSING "missing"

struct durable {
    const struct sr_conf_queue *conf;
    struct sr_spool *spool;
    char boot_id[64];
    struct sr_counters_kept *kept;
    struct found found;
    struct recover_positions *positions;
    size_t position_count;

    struct sr_queue *queue;
    struct sr_stats *stats;
    struct sr_counters *counters;
    bool counters_stale; /* the file is the last process's: this one has none */
    struct sr_spooler *spooler;
};

/* ---- Opening ---- */

/* Where the sandbox of our units hides the file, the unit says it in the environment. */
static void
read_boot_id(char out[64])
{
    FILE *f = fopen(BOOT_ID_FILE, "re");
    const char *told = getenv(BOOT_ID_VARIABLE);
    char line[64] = "";
    size_t len = 0;

    if (f != NULL) {
        if (fgets(line, sizeof(line), f) == NULL) {
            line[0] = '\0';
        }
        (void)fclose(f);
    } else if (told != NULL) {
        (void)snprintf(line, sizeof(line), "%s", told);
    }
    /* The kernel writes dashes, systemd none. */
    for (const char *c = line; *c != '\0' && *c != '\n'; c++) {
        if (*c != '-') {
            out[len++] = *c;
        }
    }
    out[len] = '\0';
}

struct durable *
durable_open(const struct sr_conf_queue *conf, char *error, size_t error_size)
{
    struct durable *d = calloc(1, sizeof(*d));
    const char *why = NULL;

    if (d == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    d->conf = conf;
    d->spool = sr_spool_open(conf->dir, error, error_size);
    if (d->spool == NULL) {
        durable_free(d);
        return NULL;
    }
    read_boot_id(d->boot_id);
    d->kept = sr_counters_read(sr_spool_dir(d->spool), d->boot_id, &why);
    if (why != NULL) {
        sr_log(SR_LOG_WARNING,
            "the counters of the last run cannot be read and begin anew dir=%s error=\"%s\"",
            conf->dir, why);
    }
    int rc = d->kept != NULL ? found_read(d->spool, &d->found) : ENOMEM;
    if (rc != 0) {
        (void)snprintf(error, error_size, "queue.dir: cannot read %s: %s", conf->dir, strerror(rc));
        durable_free(d);
        return NULL;
    }
    return d;
}

struct sr_spool *
durable_spool(const struct durable *d)
{
    return d->spool;
}

/* The largest number of a segment that the last process wrote to, though its file may be gone. */
static uint64_t
last_position(const struct durable *d)
{
    struct sr_counters_values v;
    uint64_t last = 0;

    if (!sr_counters_find(d->kept, "sink", &v)) {
        return 0;
    }
    for (unsigned i = 0; i + KEPT_LANE_VALUES <= v.count; i += KEPT_LANE_VALUES) {
        struct kept_lane lane;
        kept_lane_read(v.values + i, &lane);
        last = lane.settled.segment > last ? lane.settled.segment : last;
        last = lane.written.segment > last ? lane.written.segment : last;
    }
    return last;
}

uint64_t
durable_first_number(const struct durable *d)
{
    uint64_t last = last_position(d);

    return d->found.next_number > last + 1 ? d->found.next_number : last + 1;
}

/* ---- Lanes that nobody writes any more ---- */

static bool
is_text(struct sr_span span, const char *text)
{
    return strlen(text) == span.len && (span.len == 0 || memcmp(span.data, text, span.len) == 0);
}

/* Whether a lane of `q` has this subject; if `own`, one that will write the like, or carries it. */
static bool
has_lane(const struct sr_queue *q, const struct found_segment *f, bool own, bool dead_letters)
{
    for (size_t i = 0; i < sr_queue_lane_count(q); i++) {
        const struct sr_lane *lane = sr_queue_lane(q, i);
        uint64_t key = sr_lane_key(lane);
        if (own && (key == f->key || key == f->left_key)) {
            return true;
        }
        if (own && dead_letters && f->info.by_sink && !sr_lane_is_dead(lane)) {
            char dead[SR_SEGMENT_TEXT_MAX + sizeof(SR_SUITE_DEADLETTER)];
            (void)snprintf(dead, sizeof(dead), "%s" SR_SUITE_DEADLETTER, sr_lane_subject(lane));
            if (is_text(f->info.subject, dead) && sr_lane_worker(lane) == f->info.worker &&
                is_text(f->info.listener, sr_lane_listener_name(lane))) {
                return true; /* the sink will make it */
            }
        }
        if (!own && sr_lane_is_dead(lane) == f->info.dead &&
            is_text(f->info.subject, sr_lane_subject(lane))) {
            return true;
        }
    }
    return false;
}

static void
copy_text(char out[SR_SEGMENT_TEXT_MAX + 1], struct sr_span text)
{
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

/*
 * The listener in whose books a found segment's records go on: its own, else one that has its
 * subject now, as when an address was changed, else the first.
 */
static unsigned
find_books(const struct sr_queue *q, const struct sr_stats *stats, const struct found_segment *f)
{
    for (unsigned i = 0; i < stats->listener_count; i++) {
        if (is_text(f->info.listener, stats->listeners[i].name)) {
            return i;
        }
    }
    for (size_t i = 0; i < sr_queue_lane_count(q); i++) {
        const struct sr_lane *lane = sr_queue_lane(q, i);
        if (is_text(f->info.subject, sr_lane_subject(lane))) {
            return sr_lane_listener(lane);
        }
    }
    return 0;
}

static bool
add_lane(struct sr_queue *q, const struct sr_stats *stats, const struct found_segment *f)
{
    char subject[SR_SEGMENT_TEXT_MAX + 1], content_type[SR_SEGMENT_TEXT_MAX + 1];
    char listener[SR_SEGMENT_TEXT_MAX + 1];
    struct sr_lane_options options = {
        .listener_name = listener,
        .worker = found_left_worker(&f->info),
        .dead = f->info.dead,
        .left = true,
        .subject = subject,
        .content_type = content_type,
    };

    copy_text(subject, f->info.subject);
    copy_text(content_type, f->info.content_type);
    copy_text(listener, f->info.listener);
    options.listener = find_books(q, stats, f);
    return sr_queue_add_lane(q, &options) != NULL;
}

bool
durable_add_lanes(
    struct durable *d, struct sr_queue *q, const struct sr_stats *stats, bool dead_letters)
{
    for (size_t i = 0; i < d->found.count; i++) {
        const struct found_segment *f = &d->found.items[i];
        /* With no memory for a lane of its own it goes to any that has its subject. */
        if (!has_lane(q, f, true, dead_letters) && !add_lane(q, stats, f) &&
            !has_lane(q, f, false, false)) {
            return false;
        }
    }
    return true;
}

/* ---- Taking over ---- */

static struct sr_listener_stats *
find_listener(struct sr_stats *stats, const char *name)
{
    for (unsigned i = 0; i < stats->listener_count; i++) {
        if (strcmp(stats->listeners[i].name, name) == 0) {
            return &stats->listeners[i];
        }
    }
    return NULL;
}

/* Splits "worker N LISTENER". */
static bool
read_worker_name(const char *slot, unsigned *ret_worker, const char **ret_listener)
{
    static const char word[] = "worker ";
    size_t len = sizeof(word) - 1;
    char *end;

    if (strncmp(slot, word, len) != 0) {
        return false;
    }
    unsigned long worker = strtoul(slot + len, &end, 10);
    if (end == slot + len || *end != ' ' || worker > UINT_MAX) {
        return false;
    }
    *ret_worker = (unsigned)worker;
    *ret_listener = end + 1;
    return true;
}

static struct recover_positions *
position_of(struct durable *d, uint64_t key)
{
    for (size_t i = 0; i < d->position_count; i++) {
        if (d->positions[i].key == key) {
            return &d->positions[i];
        }
    }
    d->positions[d->position_count] = (struct recover_positions){ .key = key };
    return &d->positions[d->position_count++];
}

/* A killed process had taken datagrams off its socket that no counter knows: they are counted. */
static void
count_hand(struct sr_worker_stats *w, const struct sr_counters_values *v, uint64_t batches)
{
    struct sr_udp_hand hand;

    if (v->raw_len != sizeof(hand)) {
        return;
    }
    memcpy(&hand, v->raw, sizeof(hand));
    unsigned count = sr_udp_hand_count(&hand, batches);
    if (count > 0) {
        sr_count(&w->received, count);
        sr_reasons_count(&w->dropped, REASON_KILLED, count);
    }
}

/* The batch that a process was filling when it was killed is gone. */
static void
count_batching(struct sr_worker_stats *w)
{
    uint64_t records = sr_counted(&w->batching);

    if (records > 0) {
        sr_count(&w->records, records);
        sr_reasons_count(&w->lost, REASON_KILLED, records);
        atomic_store(&w->batching, 0);
    }
}

static void
restore_worker(struct durable *d, const char *slot, const struct sr_counters_values *v)
{
    const char *name;
    unsigned number;

    if (v->count < WORKER_POSITIONS || !read_worker_name(slot, &number, &name)) {
        return;
    }
    for (unsigned i = 0; i < WORKER_POSITIONS; i += KEPT_POSITION_VALUES) {
        struct sr_lane_position written;
        uint64_t key;
        kept_position_read(v->values + i, &key, &written);
        if (key != 0) {
            position_of(d, key)->written = written;
        }
    }
    struct sr_listener_stats *l = find_listener(d->stats, name);
    if (l == NULL) {
        return;
    }
    struct sr_worker_stats *w = &l->workers[number < l->worker_count ? number : 0];
    struct sr_counters_values counters = *v;
    counters.values += WORKER_POSITIONS;
    counters.count -= WORKER_POSITIONS;
    uint64_t before = sr_counted(&w->batches);
    if (!sr_worker_stats_restore(d->stats, w, &counters)) {
        return;
    }
    count_batching(w);
    if (sr_counters_trust(d->kept) == SR_COUNTERS_EXACT) {
        count_hand(w, v, sr_counted(&w->batches) - before);
    } else {
        atomic_store(&w->socket_cookie, 0); /* of another boot: the number may be used again */
    }
}

static void
restore_sink(struct durable *d, struct sr_sink *sink, const struct sr_counters_values *v)
{
    for (unsigned i = 0; i + KEPT_LANE_VALUES <= v->count; i += KEPT_LANE_VALUES) {
        struct kept_lane lane;
        kept_lane_read(v->values + i, &lane);
        struct recover_positions *p = position_of(d, lane.key);
        p->settled = lane.settled;
        if (lane.written.segment > 0) {
            p->written = lane.written;
        }
        for (unsigned j = 0; j < d->stats->listener_count; j++) {
            struct sr_listener_stats *l = &d->stats->listeners[j];
            if (kept_listener_key(l->name) == lane.listener) {
                kept_outcome_add(&l->delivery, &lane);
                sink->ops->restore(sink, &lane);
                break;
            }
        }
    }
}

static bool
restore(struct durable *d, struct sr_sink *sink)
{
    struct sr_counters_values v;
    const char *name;
    size_t room = 1;

    for (unsigned i = 0; (name = sr_counters_kept_name(d->kept, i)) != NULL; i++) {
        if (sr_counters_find(d->kept, name, &v)) {
            room += v.count / KEPT_LANE_VALUES + 2;
        }
    }
    d->positions = calloc(room, sizeof(*d->positions));
    if (d->positions == NULL) {
        return false;
    }
    for (unsigned i = 0; (name = sr_counters_kept_name(d->kept, i)) != NULL; i++) {
        if (sr_counters_find(d->kept, name, &v)) {
            restore_worker(d, name, &v);
        }
    }
    if (sr_counters_find(d->kept, "sink", &v)) {
        restore_sink(d, sink, &v);
    }
    return true;
}

/* Why records are missing that the last process says were in the queue. Logs it. */
static const char *
tell_missing(const struct durable *d, const char *listener, uint64_t records)
{
    unsigned long long count = records;

    if (!sr_counters_ended_orderly(d->kept)) {
        sr_log(SR_LOG_ERROR,
            "records were lost when the last process was killed listener=%s records=%llu "
            "advice=\"%s\"",
            listener, count,
            d->conf->durability == SR_QUEUE_ALWAYS ? "look at the disk of queue.dir"
                                                   : "queue.durability: always keeps them");
        return REASON_KILLED;
    }
    if (d->found.later.count > 0) {
        sr_log(SR_LOG_ERROR,
            "records wait in segments of a later version and count as dropped until that runs "
            "again listener=%s records=%llu",
            listener, count);
        return REASON_LATER;
    }
    sr_log(SR_LOG_ERROR,
        "records of the last run are missing listener=%s records=%llu dir=%s advice=\"files were "
        "removed or set aside, or could not be written at its stop: see the lines before\"",
        listener, count, d->conf->dir);
    return REASON_MISSING;
}

/*
 * What the counters say should be in the queue and is not there is lost, with the process or with
 * its files; what is there and no counter knows is new to the books.
 */
static void
balance(struct durable *d, unsigned listener)
{
    struct sr_ledger l = sr_ledger_take(d->stats, d->queue, listener);
    struct sr_worker_stats *first = &d->stats->listeners[listener].workers[0];
    uint64_t in = l.records + l.deadlettered + l.recovered;
    uint64_t out = l.stored + l.stored_dead + l.queued + l.dropped_records;

    if (in > out) {
        const char *reason = tell_missing(d, d->stats->listeners[listener].name, in - out);
        sr_reasons_count(&first->lost, reason, in - out);
    } else if (out > in) {
        sr_count(&first->recovered, out - in);
    }
}

static bool
attach(struct durable *d)
{
    struct sr_counters_values process = { .count = 0 };
    struct recover_result result = { .segments = 0 };
    struct recover_options options = {
        .queue = d->queue,
        .spool = d->spool,
        .positions = d->positions,
        .position_count = d->position_count,
    };

    if (sr_counters_find(d->kept, "process", &process) && process.count >= PROCESS_VALUES) {
        options.exact = sr_counters_trust(d->kept) == SR_COUNTERS_EXACT;
        options.run_id = process.values[PROCESS_RUN];
        options.passed_over = (struct found_later){
            .count = process.values[PROCESS_LATER],
            .first = process.values[PROCESS_LATER_FIRST],
            .last = process.values[PROCESS_LATER_LAST],
        };
        options.appended = process.values[PROCESS_DURABILITY] == SR_QUEUE_ALWAYS;
    }
    result.damaged = calloc(d->stats->listener_count, sizeof(*result.damaged));
    if (result.damaged == NULL || !recover_attach(&options, &d->found, &result)) {
        free(result.damaged);
        return false;
    }
    for (unsigned i = 0; i < d->stats->listener_count; i++) {
        struct sr_worker_stats *first = &d->stats->listeners[i].workers[0];
        if (result.damaged[i] > 0) {
            sr_reasons_count(&first->lost, REASON_DAMAGED, result.damaged[i]);
        }
        balance(d, i);
    }
    free(result.damaged);
    if (result.segments > 0 || result.torn > 0) {
        sr_log(SR_LOG_NOTICE,
            "the queue of the last run is sent first dir=%s segments=%llu records=%llu "
            "torn_segments=%llu",
            d->conf->dir, (unsigned long long)result.segments, (unsigned long long)result.records,
            (unsigned long long)result.torn);
    }
    return true;
}

/* ---- The counters of this process ---- */

static size_t
worker_total(const struct sr_stats *stats)
{
    size_t total = 0;

    for (unsigned i = 0; i < stats->listener_count; i++) {
        total += stats->listeners[i].worker_count;
    }
    return total;
}

static void
lay_out_workers(const struct sr_stats *stats, struct sr_counters_layout *slots, char (*names)[128])
{
    for (unsigned i = 0; i < stats->listener_count; i++) {
        for (unsigned j = 0; j < stats->listeners[i].worker_count; j++) {
            (void)snprintf(*names, sizeof(*names), "worker %u %s", j, stats->listeners[i].name);
            *slots++ = (struct sr_counters_layout){
                .name = *names++,
                .values = WORKER_POSITIONS + sr_worker_values(),
                .names = sr_worker_names(),
                .raw = sizeof(struct sr_udp_hand),
            };
        }
    }
}

/* A file, or on a disk that takes none plain memory: then the counts end with the process. */
static struct sr_counters *
new_counters(struct durable *d, const struct sr_counters_layout *slots, size_t count, char *error,
    size_t size)
{
    int dir = sr_spool_dir(d->spool);
    struct sr_counters *c = sr_counters_new(dir, d->boot_id, slots, count, error, size);

    if (c == NULL && unlinkat(dir, SR_COUNTERS_FILE, 0) == 0) {
        /* It has been read, and on a full disk its room is enough for the next one. */
        c = sr_counters_new(dir, d->boot_id, slots, count, error, size);
    }
    if (c != NULL) {
        return c;
    }
    sr_log(SR_LOG_ERROR,
        "the counters are not kept in this run dir=%s error=\"%s\" advice=\"mend that and "
        "restart\"",
        d->conf->dir, error);
    d->counters_stale = true;
    return sr_counters_new(-1, d->boot_id, slots, count, error, size);
}

static bool
open_counters(struct durable *d, struct sr_sink *sink, char *error, size_t error_size)
{
    size_t workers = worker_total(d->stats), count = SLOT_WORKERS + workers;
    struct sr_counters_layout *slots = calloc(count, sizeof(*slots));
    char(*names)[128] = calloc(workers + 1, sizeof(*names));

    if (slots != NULL && names != NULL) {
        slots[SLOT_PROCESS] =
            (struct sr_counters_layout){ .name = "process", .values = PROCESS_VALUES };
        slots[SLOT_SINK] = (struct sr_counters_layout){
            .name = "sink",
            .values = (unsigned)sink->ops->kept_values(sink),
        };
        lay_out_workers(d->stats, slots + SLOT_WORKERS, names);
        d->counters = new_counters(d, slots, count, error, error_size);
    }
    free(slots);
    free(names);
    return d->counters != NULL;
}

/* The two lanes that a receiving thread writes; either may be NULL. */
static void
find_lanes(const struct durable *d, const char *listener, unsigned worker,
    const struct sr_lane **ret_main, const struct sr_lane **ret_dead)
{
    *ret_main = *ret_dead = NULL;
    for (size_t i = 0; i < sr_queue_lane_count(d->queue); i++) {
        const struct sr_lane *lane = sr_queue_lane(d->queue, i);
        if (!sr_lane_is_by_sink(lane) && sr_lane_worker(lane) == worker &&
            strcmp(sr_lane_listener_name(lane), listener) == 0) {
            *(sr_lane_is_dead(lane) ? ret_dead : ret_main) = lane;
        }
    }
}

/* Writes the state that was taken over, and makes it the one that counts. */
static bool
publish_counters(struct durable *d, struct sr_sink *sink)
{
    struct sr_counters_slot *process = sr_counters_slot(d->counters, SLOT_PROCESS);

    uint64_t *values = sr_counters_begin(process);
    values[PROCESS_RUN] = sr_queue_run_id(d->queue);
    values[PROCESS_LATER] = d->found.later.count;
    values[PROCESS_LATER_FIRST] = d->found.later.first;
    values[PROCESS_LATER_LAST] = d->found.later.last;
    values[PROCESS_DURABILITY] = (uint64_t)sr_queue_durability(d->queue);
    sr_counters_commit(process);
    sink->slot = sr_counters_slot(d->counters, SLOT_SINK);
    sink->ops->keep(sink);
    for (unsigned i = 0; i < d->stats->listener_count; i++) {
        const struct sr_listener_stats *l = &d->stats->listeners[i];
        for (unsigned j = 0; j < l->worker_count; j++) {
            const struct sr_lane *lane, *dead;
            find_lanes(d, l->name, j, &lane, &dead);
            durable_keep_worker(durable_worker_slot(d, i, j), &l->workers[j], lane, dead);
        }
    }
    return sr_counters_publish(d->counters);
}

bool
durable_start(struct durable *d, struct sr_queue *q, struct sr_stats *stats, struct sr_sink *sink,
    char *error, size_t error_size)
{
    d->queue = q;
    d->stats = stats;
    if (!restore(d, sink) || !attach(d)) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    if (!open_counters(d, sink, error, error_size)) {
        return false;
    }
    if (!publish_counters(d, sink)) {
        sr_log(SR_LOG_ERROR, "the counters are not kept in this run dir=%s error=\"%s\"",
            d->conf->dir, strerror(errno));
        d->counters_stale = true;
    }
    struct sr_spooler_options options = {
        .queue = q,
        .counters = d->counters,
        .sync = d->conf->fsync == SR_FSYNC_INTERVAL,
        .counters_stale = d->counters_stale,
    };
    d->spooler = sr_spooler_start(&options);
    if (d->spooler == NULL) {
        (void)snprintf(error, error_size, "cannot start the spooler's thread");
        return false;
    }
    return true;
}

void
durable_keep_worker(struct sr_counters_slot *slot, const struct sr_worker_stats *stats,
    const struct sr_lane *lane, const struct sr_lane *dead)
{
    uint64_t *values = sr_counters_begin(slot);

    kept_position_write(values, lane);
    kept_position_write(values + KEPT_POSITION_VALUES, dead);
    sr_worker_stats_save(stats, slot, values + WORKER_POSITIONS);
    sr_counters_commit(slot);
}

struct sr_counters_slot *
durable_worker_slot(const struct durable *d, unsigned listener, unsigned worker)
{
    size_t at = SLOT_WORKERS + worker;

    for (unsigned i = 0; i < listener; i++) {
        at += d->stats->listeners[i].worker_count;
    }
    return sr_counters_slot(d->counters, at);
}

/* ---- The end ---- */

uint64_t
durable_stop(struct durable *d)
{
    uint64_t lost = sr_spooler_stop(d->spooler);

    d->spooler = NULL;
    return lost;
}

void
durable_free(struct durable *d)
{
    if (d == NULL) {
        return;
    }
    (void)sr_spooler_stop(d->spooler);
    sr_counters_free(d->counters, true);
    sr_counters_kept_free(d->kept);
    found_free(&d->found);
    free(d->positions);
    sr_spool_close(d->spool);
    free(d);
}

void
durable_warn_of_leftovers(const char *dir)
{
    struct sr_spool *spool = sr_spool_look(dir);
    size_t count = 0;
    uint64_t *numbers = spool != NULL ? sr_spool_list(spool, &count) : NULL;

    if (numbers != NULL && count > 0) {
        sr_log(SR_LOG_WARNING,
            "records of an earlier run wait on disk and are not sent dir=%s segments=%zu "
            "advice=\"start once with queue.durability: spill\"",
            dir, count);
    }
    free(numbers);
    sr_spool_close(spool);
}
