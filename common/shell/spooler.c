/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/spooler.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/queue_segments.h"
#include "sr/clock.h"
#include "sr/counters.h"
#include "sr/log.h"
#include "sr/segment.h"
#include "sr/spool.h"

#include "sr/banned.h"

#define ROUND_NS SR_NS_PER_SECOND /* between rounds, unless the options say otherwise */
#define READ_AHEAD 2U             /* segments that are read beside the one that is wanted */
#define PAGE 4096U

struct sr_spooler {
    struct sr_spooler_options options;
    struct sr_queue *queue;
    struct sr_spool *spool;
    struct sr_wake wake;
    struct sr_wake sync_wake; /* a sync may take long: nobody waits for it */
    pthread_t thread, sync_thread;
    bool syncing;
    _Atomic bool stopping;
    uint64_t next_round_ns;

    pthread_mutex_t mutex; /* guards the rest */
    int told_error;        /* that was logged last; 0: none since the disk takes data */
    struct sr_log_limit trouble, damage;
};

/* ---- Trouble ---- */

/* Logs why the disk takes nothing: once, and again when the reason changes or a minute is over. */
static void
tell_trouble(struct sr_spooler *sp, int error)
{
    uint64_t more;

    (void)pthread_mutex_lock(&sp->mutex);
    bool allowed = sr_log_allowed(&sp->trouble, &more); /* asked in any case: it counts this one */
    bool tell = error != sp->told_error || allowed;
    sp->told_error = error;
    (void)pthread_mutex_unlock(&sp->mutex);
    if (tell) {
        sr_log(SR_LOG_ERROR,
            "the queue's directory takes no data: %s dir=%s error=\"%s\" advice=\"%s\"",
            sp->queue->options.durability == SR_QUEUE_ALWAYS
                ? "records are dropped until it does"
                : "records wait in memory only, which a kill or a full queue.memory loses",
            sr_spool_path(sp->spool), strerror(error), sr_spool_advice(error));
    }
}

static void
note_error(struct sr_spooler *sp, int error)
{
    sr_queue_disk_failed(sp->queue, error);
    tell_trouble(sp, error);
}

/* Logs what a writer met. */
static void
notice_trouble(struct sr_spooler *sp)
{
    int error = atomic_load(&sp->queue->disk_error);

    (void)pthread_mutex_lock(&sp->mutex);
    bool news = error != 0 && error != sp->told_error;
    (void)pthread_mutex_unlock(&sp->mutex);
    if (news) {
        tell_trouble(sp, error);
    }
}

/* Asks a disk that took nothing whether it does again. */
static void
probe(struct sr_spooler *sp)
{
    int error = atomic_load(&sp->queue->disk_error);

    if (error == 0) {
        return;
    }
    notice_trouble(sp);
    error = sr_spool_probe(sp->spool, sp->queue->segment_size);
    if (error != 0) {
        note_error(sp, error);
        return;
    }
    sr_queue_disk_failed(sp->queue, 0);
    (void)pthread_mutex_lock(&sp->mutex);
    sp->told_error = 0;
    (void)pthread_mutex_unlock(&sp->mutex);
    sr_log(
        SR_LOG_NOTICE, "the queue's directory takes data again dir=%s", sr_spool_path(sp->spool));
}

/* Writes a segment's progress into its file. Returns 0 or an errno. */
static int
tell(const struct sr_spooler *sp, const struct sr_segment *s, bool sealed,
    const struct sr_lane_position *settled)
{
    int fd = sr_spool_reopen(sp->spool, s->number);

    if (fd < 0) {
        return errno;
    }
    int error = sr_segment_tell(fd, s, sealed, settled);
    (void)close(fd);
    return error;
}

/* ---- Writing ---- */

/*
 * The newest segment of a lane that may leave memory, or NULL. Not the oldest: those are sent
 * first, and a server that is merely slow then costs no disk at all. Under the mutex.
 */
static struct sr_segment *
find_victim(const struct sr_lane *lane)
{
    struct sr_segment *s = lane->last->previous;

    while (s != NULL && s->data == NULL) {
        s = s->previous;
    }
    return s != NULL && !s->pinned ? s : NULL;
}

/* True when the segment has room on disk: its own share of it. Under the mutex. */
static bool
take_disk(struct sr_segment *s)
{
    struct sr_queue *q = s->lane->queue;

    if (s->disk_held == 0) {
        if (!sr_share_take(&q->disk, s->lane->listener, s->lane->dead, s->written)) {
            return false;
        }
        s->disk_held = s->written;
    }
    return true;
}

static void
give_disk(struct sr_segment *s)
{
    sr_share_give(&s->lane->queue->disk, s->lane->listener, s->lane->dead, s->disk_held);
    s->disk_held = 0;
}

/* Writes a whole segment to a new file, sealed. Without the mutex. Returns 0 or an errno. */
static int
write_segment(struct sr_spooler *sp, struct sr_segment *s, const struct sr_lane_position *settled)
{
    int fd = sr_spool_create(sp->spool, s->number);

    if (fd < 0 && errno == EEXIST && sr_spool_remove(sp->spool, s->number) == 0) {
        fd = sr_spool_create(sp->spool, s->number); /* a part was left that could not be removed */
    }
    if (fd < 0) {
        return errno;
    }
    sr_segment_sign(s->data, s->number, s->start, s->written, 0);
    int error = sr_spool_write(fd, (struct sr_span){ s->data, s->written }, 0);
    if (error == 0) {
        error = sr_segment_tell(fd, s, true, settled);
    }
    (void)close(fd);
    if (error != 0) {
        (void)sr_spool_remove(sp->spool, s->number);
    }
    return error;
}

/* Ends the work on a busy segment, of which the reader may be done by now. Under the mutex. */
static void
end_busy(struct sr_segment *s)
{
    struct sr_lane *lane = s->lane;

    s->busy = false;
    if (!s->closed) {
        return;
    }
    sr_segment_drop_memory(s);
    if (!s->has_file) {
        give_disk(s);
        free(s);
        return;
    }
    struct sr_segment **list =
        s->number < lane->kept.segment ? &lane->queue->removable : &lane->gone;
    s->chain = *list;
    *list = s;
}

/* Moves one segment out of memory. False when nothing can be. Under the mutex, which it leaves. */
static bool
spill_one(struct sr_spooler *sp, struct sr_segment *s)
{
    static const struct sr_lane_position none;
    struct sr_queue *q = sp->queue;
    int error = 0;

    if (!s->complete) {
        if (atomic_load(&q->disk_error) != 0 || !take_disk(s)) {
            return false;
        }
        s->busy = true;
        (void)pthread_mutex_unlock(&q->mutex);
        error = write_segment(sp, s, &none);
        if (error != 0) {
            note_error(sp, error);
        }
        (void)pthread_mutex_lock(&q->mutex);
        s->has_file = s->complete = s->sealed = s->unsynced = error == 0;
        if (error != 0) {
            give_disk(s);
        }
    }
    bool leaves = error == 0 && !s->pinned && !s->closed;
    if (leaves) {
        sr_segment_drop_memory(s);
    }
    if (s->busy) {
        end_busy(s);
    }
    return leaves;
}

/*
 * Where memory is short, moves one segment of each lane out of it. True when there may be more to
 * do: whoever comes back for it looks first at what readers wait for, else they would wait for as
 * long as more is received than the disk takes.
 */
static bool
spill(struct sr_spooler *sp)
{
    struct sr_queue *q = sp->queue;
    bool worked = false;

    (void)pthread_mutex_lock(&q->mutex);
    for (size_t i = 0; i < q->lane_count; i++) {
        struct sr_lane *lane = q->lanes[i];
        struct sr_segment *s = sr_queue_is_short(q, lane->dead) ? find_victim(lane) : NULL;
        if (s != NULL && spill_one(sp, s)) {
            worked = true;
        }
    }
    (void)pthread_mutex_unlock(&q->mutex);
    return worked;
}

/* ---- Reading ---- */

/* What is good of a segment that was read: the bytes of its entries that may be used. */
static size_t
check(const struct sr_segment *s, struct sr_span bytes, uint64_t *ret_good)
{
    struct sr_segment_info info;
    struct sr_segment_progress progress;
    size_t start;

    *ret_good = 0;
    if (sr_segment_read_header(bytes, &info, &progress, &start) != SR_SEGMENT_OK ||
        info.number != s->number || info.run_id != s->run_id || start != s->start) {
        return s->prefix_offset;
    }
    bytes.len = bytes.len < s->written ? bytes.len : s->written;
    struct sr_segment_scan scan =
        sr_segment_check(bytes, s->number, s->prefix_offset, s->prefix_count);
    *ret_good = scan.records;
    return scan.end;
}

/* Reads a segment's file into `block`; *ret_len is 0 when it is not there. False: not just now. */
static bool
read_file(struct sr_spooler *sp, const struct sr_segment *s, uint8_t *block, size_t *ret_len)
{
    int fd = sr_spool_open_to_read(sp->spool, s->number);
    ssize_t len = fd >= 0 ? sr_spool_read(fd, block, s->written) : -1;
    bool passing = len < 0 && sr_spool_is_passing(errno);

    if (fd >= 0) {
        (void)close(fd);
    }
    *ret_len = len > 0 ? (size_t)len : 0;
    return !passing;
}

static void
report_damage(struct sr_spooler *sp, const struct sr_segment *s, uint64_t lost)
{
    uint64_t more;

    (void)atomic_fetch_add(&sp->queue->damaged, 1);
    if (sr_log_allowed(&sp->damage, &more)) {
        sr_log(SR_LOG_ERROR,
            "a segment of the queue is damaged dir=%s segment=%016llx lost_records=%llu "
            "more_since_last_line=%llu advice=\"it is kept as *.corrupt once its good records are "
            "stored; look at the disk\"",
            sr_spool_path(sp->spool), (unsigned long long)s->number, (unsigned long long)lost,
            (unsigned long long)more);
    }
}

/* Brings one segment back into memory. False: not just now. Under the mutex, which it leaves. */
static bool
load_one(struct sr_spooler *sp, struct sr_segment *s)
{
    struct sr_queue *q = sp->queue;
    size_t size = (s->written + PAGE - 1) / PAGE * PAGE;
    uint64_t good;

    size = size < q->segment_size ? q->segment_size : size;
    uint8_t *block = sr_queue_take_block(q, size);
    if (block == NULL) {
        return false;
    }
    sr_share_force(&q->memory, s->lane->listener, s->lane->dead, size);
    (void)pthread_mutex_unlock(&q->mutex);
    struct sr_span bytes = { block, 0 };
    bool is_read = read_file(sp, s, block, &bytes.len);
    size_t end = check(s, bytes, &good);
    (void)pthread_mutex_lock(&q->mutex);
    s->memory_held = size;
    s->size = size;
    s->data = block;
    if (!is_read) {
        sr_segment_drop_memory(s);
        return false;
    }
    uint64_t expected = s->records - s->prefix_records - s->lost;
    if (good > expected) { /* it is another segment than the one that was written */
        end = s->prefix_offset;
        good = 0;
    }
    uint64_t lost = expected - good;
    if (lost > 0 || end < s->written) {
        report_damage(sp, s, lost);
        s->damaged = true;
    }
    s->found = lost;
    atomic_store_explicit(&s->committed, end, memory_order_release);
    s->settled = sr_segment_bits(block, size);
    s->pinned = true;
    return true;
}

/* Reads what readers wait for, and a little more while memory lasts. */
static void
load(struct sr_spooler *sp)
{
    struct sr_queue *q = sp->queue;
    bool any = false;

    (void)pthread_mutex_lock(&q->mutex);
    for (size_t i = 0; i < q->lane_count; i++) {
        struct sr_lane *lane = q->lanes[i];
        struct sr_segment *s = lane->wanted;
        lane->wanted = NULL;
        for (unsigned n = 0; s != NULL && n <= READ_AHEAD; n++) {
            if (n > 0 && q->memory.used > q->options.memory / 2) {
                break;
            }
            if (s->data == NULL && !load_one(sp, s)) {
                lane->wanted = n == 0 ? s : lane->wanted; /* again at the next round */
                break;
            }
            any = true;
            s = atomic_load(&s->next); /* it stays: its reader has not come to it */
        }
    }
    (void)pthread_mutex_unlock(&q->mutex);
    if (any) {
        sr_wake_signal(&q->wake);
    }
}

/* ---- Removing ---- */

/* True for what keeps every file of the directory from being removed, until it is mended. */
static bool
holds_all(int error)
{
    return error == EROFS || error == EACCES;
}

/*
 * Removes the last process's counters when this one keeps none: before the first file of what they
 * say is queued, so that the next process does not take that for lost. Returns 0 or an errno.
 */
static int
forget_counters(struct sr_spooler *sp)
{
    if (sp->options.counters_stale) {
        if (unlinkat(sr_spool_dir(sp->spool), SR_COUNTERS_FILE, 0) != 0 && holds_all(errno)) {
            return errno;
        }
        sp->options.counters_stale = false;
    }
    return 0;
}

static void
put_back(struct sr_queue *q, struct sr_segment *list)
{
    struct sr_segment *last = list;

    while (last->chain != NULL) {
        last = last->chain;
    }
    (void)pthread_mutex_lock(&q->mutex);
    last->chain = q->removable;
    q->removable = list;
    (void)pthread_mutex_unlock(&q->mutex);
}

static void
remove_files(struct sr_spooler *sp)
{
    struct sr_queue *q = sp->queue;

    if (holds_all(atomic_load(&q->disk_error))) {
        return; /* again when it takes data */
    }
    (void)pthread_mutex_lock(&q->mutex);
    struct sr_segment *list = q->removable;
    q->removable = NULL;
    (void)pthread_mutex_unlock(&q->mutex);
    while (list != NULL) {
        struct sr_segment *s = list;
        int error = forget_counters(sp);
        if (error == 0) {
            error = s->damaged ? sr_spool_set_aside(sp->spool, s->number)
                               : sr_spool_remove(sp->spool, s->number);
        }
        if (error != 0 && error != ENOENT) {
            note_error(sp, error);
        }
        if (holds_all(error)) {
            put_back(q, list);
            return;
        }
        list = s->chain;
        (void)pthread_mutex_lock(&q->mutex);
        give_disk(s);
        (void)pthread_mutex_unlock(&q->mutex);
        free(s);
    }
}

/* ---- Once a second ---- */

/* Writes into the file of the segment that a lane's reader is in how far that is settled. */
static void
tell_progress(struct sr_spooler *sp, struct sr_lane *lane)
{
    struct sr_queue *q = sp->queue;

    (void)pthread_mutex_lock(&q->mutex);
    struct sr_lane_position kept = lane->kept;
    struct sr_segment *s = lane->head;
    bool sealed = s->sealed;
    /* Again once it is sealed: the writer does not know what is settled, nor we what it writes. */
    bool due = s->number == kept.segment && s->has_file &&
               (memcmp(&kept, &lane->told, sizeof(kept)) != 0 || sealed != lane->told_sealed);
    s->busy = s->busy || due; /* so that it stays while its file is written */
    (void)pthread_mutex_unlock(&q->mutex);
    if (!due) {
        return;
    }
    int error = tell(sp, s, sealed, &kept);
    if (error != 0 && error != ENOENT) {
        note_error(sp, error);
    }
    (void)pthread_mutex_lock(&q->mutex);
    lane->told = kept;
    lane->told_sealed = sealed;
    s->unsynced = true;
    end_busy(s);
    (void)pthread_mutex_unlock(&q->mutex);
}

/*
 * The newest segment of a lane below `*number` that was written since the last sync, marked as
 * synced. Downwards, so that a tail that is written all the time is synced once a round.
 */
static bool
next_unsynced(struct sr_lane *lane, uint64_t *number)
{
    bool found = false;

    (void)pthread_mutex_lock(&lane->queue->mutex);
    for (struct sr_segment *s = lane->last; s != NULL && !found; s = s->previous) {
        if (s->unsynced && s->number < *number) {
            s->unsynced = false;
            *number = s->number;
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&lane->queue->mutex);
    return found;
}

static void
sync_all(struct sr_spooler *sp)
{
    int error = 0;

    for (size_t i = 0; i < sp->queue->lane_count && error == 0; i++) {
        uint64_t number = UINT64_MAX;
        while (error == 0 && next_unsynced(sp->queue->lanes[i], &number)) {
            error = sr_spool_sync(sp->spool, number);
        }
    }
    if (error == 0) {
        error = sr_spool_sync_dir(sp->spool);
    }
    if (error == 0 && sp->options.counters != NULL && !sr_counters_sync(sp->options.counters)) {
        error = errno;
    }
    if (error != 0) {
        note_error(sp, error);
    }
}

static void
do_round(struct sr_spooler *sp)
{
    for (size_t i = 0; i < sp->queue->lane_count; i++) {
        tell_progress(sp, sp->queue->lanes[i]);
    }
    probe(sp);
}

static void *
run_sync(void *arg)
{
    struct sr_spooler *sp = arg;

    for (;;) {
        uint64_t epoch = sr_wake_epoch(&sp->sync_wake);
        if (atomic_load(&sp->stopping)) {
            return NULL;
        }
        sr_wake_sleep(&sp->sync_wake, epoch, sr_clock_monotonic_ns() + sp->options.round_ns);
        sync_all(sp);
    }
}

static void *
run(void *arg)
{
    struct sr_spooler *sp = arg;

    for (;;) {
        uint64_t epoch = sr_wake_epoch(&sp->wake);
        if (atomic_load(&sp->stopping)) {
            return NULL;
        }
        notice_trouble(sp);
        load(sp);
        remove_files(sp);
        bool more = spill(sp);
        uint64_t now_ns = sr_clock_monotonic_ns();
        if (now_ns >= sp->next_round_ns) {
            do_round(sp);
            sp->next_round_ns = sr_clock_monotonic_ns() + sp->options.round_ns;
        }
        if (!more) {
            sr_wake_sleep(&sp->wake, epoch, sp->next_round_ns);
        }
    }
}

/* ---- Start and stop ---- */

static void
free_spooler(struct sr_spooler *sp)
{
    sp->queue->spooler = NULL;
    sr_wake_done(&sp->wake);
    sr_wake_done(&sp->sync_wake);
    (void)pthread_mutex_destroy(&sp->mutex);
    free(sp);
}

/* Ends the threads that run. */
static void
end_threads(struct sr_spooler *sp)
{
    atomic_store(&sp->stopping, true);
    sr_wake_signal(&sp->wake);
    sr_wake_signal(&sp->sync_wake);
    (void)pthread_join(sp->thread, NULL);
    if (sp->syncing) {
        (void)pthread_join(sp->sync_thread, NULL);
    }
}

struct sr_spooler *
sr_spooler_start(const struct sr_spooler_options *options)
{
    struct sr_spooler *sp = calloc(1, sizeof(*sp));

    if (sp == NULL) {
        return NULL;
    }
    sp->options = *options;
    sp->options.round_ns = options->round_ns > 0 ? options->round_ns : ROUND_NS;
    sp->queue = options->queue;
    sp->spool = options->queue->options.spool;
    sp->next_round_ns = sr_clock_monotonic_ns() + sp->options.round_ns;
    (void)pthread_mutex_init(&sp->mutex, NULL);
    sr_wake_init(&sp->wake);
    sr_wake_init(&sp->sync_wake);
    int error = sr_spool_probe(sp->spool, sp->queue->segment_size);
    if (error != 0) {
        note_error(sp, error); /* starts all the same: it may take data again */
    }
    sp->queue->spooler = &sp->wake;
    if (pthread_create(&sp->thread, NULL, run, sp) != 0) {
        free_spooler(sp);
        return NULL;
    }
    sp->syncing = options->sync && pthread_create(&sp->sync_thread, NULL, run_sync, sp) == 0;
    if (options->sync && !sp->syncing) {
        end_threads(sp);
        free_spooler(sp);
        return NULL;
    }
    return sp;
}

/* Records of a segment that the next process must send, by what the sink has kept. */
static uint64_t
unsettled(const struct sr_segment *s)
{
    const struct sr_lane_position *kept = &s->lane->kept;

    return s->number == kept->segment ? s->records - kept->records - kept->lost
                                      : s->records - s->settled_before;
}

/* Writes what is left of one segment, at the end. Returns the records that could not be. */
static uint64_t
store(struct sr_spooler *sp, struct sr_segment *s)
{
    const struct sr_lane_position *kept = &s->lane->kept;
    uint64_t left = unsettled(s), lost = 0;
    int error;

    if (left == 0) {
        error = !s->has_file ? 0
                : s->damaged ? sr_spool_set_aside(sp->spool, s->number)
                             : sr_spool_remove(sp->spool, s->number);
    } else if (s->sealed && s->number != kept->segment) {
        error = 0; /* its file is as it should be */
    } else if (s->has_file) {
        error = tell(sp, s, true, kept);
        s->unsynced = true;
    } else { /* whatever its share: more than queue.disk by queue.memory at most, and not lost */
        error = write_segment(sp, s, kept);
        s->unsynced = error == 0;
        lost = error != 0 ? left : 0;
    }
    if (error != 0) {
        note_error(sp, error);
    }
    return lost;
}

uint64_t
sr_spooler_stop(struct sr_spooler *sp)
{
    uint64_t lost = 0;

    if (sp == NULL) {
        return 0;
    }
    end_threads(sp);
    remove_files(sp);
    for (size_t i = 0; i < sp->queue->lane_count; i++) {
        struct sr_segment *s = sp->queue->lanes[i]->head;
        for (; s != NULL; s = atomic_load(&s->next)) {
            lost += store(sp, s);
        }
    }
    if (sp->options.sync) {
        sync_all(sp);
    }
    free_spooler(sp);
    return lost;
}
