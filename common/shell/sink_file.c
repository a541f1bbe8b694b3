/* SPDX-License-Identifier: Apache-2.0 */
/* The sinks that need no server: a file, standard output, nothing. */
#include "sr/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sr/ack.h"
#include "sr/buf.h"
#include "sr/clock.h"
#include "sr/deadletter.h"
#include "sr/log.h"

#include "sr/banned.h"

/* Room for the largest record, as hexadecimal in a dead letter's line, and a good write size. */
#define BUFFER_SIZE (256U * 1024U)
#define LARGEST_LINE (2U * SR_RECORD_MAX + 4096U)
#define PENDING_MAX 4096U
#define RETRY_NS SR_NS_PER_SECOND
#define IDLE_NS SR_NS_PER_SECOND
#define LINGER_NS (8 * (long)SR_NS_PER_MS) /* while records come, one write for so long */

/* An entry that is in the buffer and not yet on its way. */
struct pending {
    struct sr_segment *segment;
    uint32_t index;
    uint32_t records;
    size_t end; /* of its bytes in the buffer */
};

struct output {
    int fd;     /* -1: closed */
    char *path; /* NULL: standard output */
};

struct file_sink {
    struct sr_sink base;
    bool discard;
    enum sr_framing framing;
    struct output outputs[2]; /* records, dead letters */
    struct sr_buf buf;
    size_t written; /* bytes of buf that are on disk already */
    struct pending pending[PENDING_MAX];
    size_t pending_count;
    struct sr_log_limit write_errors;

    pthread_t thread;
    bool started;
    _Atomic bool stopping, reopen, up, failed;
    _Atomic uint64_t stop_deadline_ns, heartbeat_ns;
};

static bool
open_output(struct output *out)
{
    if (out->path == NULL) {
        out->fd = STDOUT_FILENO;
        return true;
    }
    if (out->fd >= 0) {
        (void)close(out->fd);
    }
    out->fd = open(out->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    return out->fd >= 0;
}

static void
append_varint(struct sr_buf *b, size_t value)
{
    while (value >= 0x80) {
        sr_buf_put(b, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    sr_buf_put(b, (uint8_t)value);
}

static void
append_entry(struct file_sink *s, const struct sr_lane *lane, const struct sr_entry *e)
{
    if (sr_lane_is_dead(lane)) {
        sr_deadletter_json(&s->buf, sr_attribute(e->attributes, "Sr-Reason"), e->body,
            sr_attribute(e->attributes, "Sr-Source"));
        sr_buf_put(&s->buf, '\n');
    } else if (s->framing == SR_FRAMING_DELIMITED) {
        append_varint(&s->buf, e->body.len);
        sr_buf_add(&s->buf, e->body.data, e->body.len);
    } else {
        sr_buf_add(&s->buf, e->body.data, e->body.len);
        sr_buf_put(&s->buf, '\n');
    }
}

static bool
is_full(const struct file_sink *s)
{
    return s->pending_count == PENDING_MAX || s->buf.len >= BUFFER_SIZE;
}

/* Fills the buffer from one lane; false when the lane had nothing. */
static bool
fill(struct file_sink *s, struct sr_lane *lane)
{
    struct sr_entry e;

    while (!is_full(s) && sr_lane_next(lane, &e)) {
        if (!s->discard) {
            append_entry(s, lane, &e);
        }
        s->pending[s->pending_count++] =
            (struct pending){ e.segment, e.index, e.records, s->buf.len };
    }
    return s->pending_count > 0;
}

/* Puts what is in the buffer on its way; false when that must be tried again later. */
static bool
write_out(struct file_sink *s, struct output *out)
{
    if (out->fd < 0 && !open_output(out)) {
        return false;
    }
    while (s->written < s->buf.len) {
        ssize_t n = write(out->fd, s->buf.data + s->written, s->buf.len - s->written);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        s->written += (size_t)n;
    }
    return true;
}

/* True when opening the output again would give the file that is open. */
static bool
is_same_file(const struct output *out)
{
    struct stat a, b;

    return out->path == NULL || (fstat(out->fd, &a) == 0 && stat(out->path, &b) == 0 &&
                                    a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

/* A new file starts with a whole record, not with the rest of one that was half written. */
static void
go_back_to_a_whole_record(struct file_sink *s)
{
    size_t whole = 0;

    for (size_t i = 0; i < s->pending_count && s->pending[i].end <= s->written; i++) {
        whole = s->pending[i].end;
    }
    s->written = whole;
}

static void
settle_all(struct file_sink *s, struct sr_lane *lane)
{
    struct sr_delivery_stats *d = &s->base.stats->listeners[sr_lane_listener(lane)].delivery;

    for (size_t i = 0; i < s->pending_count; i++) {
        struct pending *p = &s->pending[i];
        sr_count(sr_lane_is_dead(lane) ? &d->stored_dead : &d->stored, p->records);
        sr_lane_settle(lane, p->segment, p->index, p->records);
    }
    s->pending_count = 0;
    s->buf.len = 0;
    s->written = 0;
}

/*
 * Discards full segments without a look at what is in them; false when there was none. What is in
 * the last one is taken entry by entry once nothing follows it.
 */
static bool
discard_segments(struct file_sink *s, struct sr_lane *lane)
{
    struct sr_delivery_stats *d = &s->base.stats->listeners[sr_lane_listener(lane)].delivery;
    uint64_t records, sum = 0;

    while ((records = sr_lane_settle_segment(lane)) > 0) {
        sum += records;
    }
    sr_count(sr_lane_is_dead(lane) ? &d->stored_dead : &d->stored, sum);
    return sum > 0;
}

static void
report_write_error(struct file_sink *s, const struct output *out)
{
    uint64_t suppressed;
    int error = errno;

    atomic_store(&s->up, false);
    if (out->path == NULL && error == EPIPE) {
        sr_log(SR_LOG_ERROR, "nobody reads standard output any more: stopping");
        atomic_store(&s->failed, true);
        return;
    }
    if (sr_log_allowed(&s->write_errors, &suppressed)) {
        sr_log(SR_LOG_ERROR,
            "cannot write file=\"%s\" error=\"%s\": records wait in the queue; free space or mend "
            "the path",
            out->path != NULL ? out->path : "stdout", strerror(error));
    }
}

/* True when the thread has to give up what is left. */
static bool
must_stop(struct file_sink *s)
{
    return atomic_load(&s->failed) ||
           (atomic_load(&s->stopping) &&
               sr_clock_monotonic_ns() >= atomic_load(&s->stop_deadline_ns));
}

static void
reopen_outputs(struct file_sink *s)
{
    for (size_t i = 0; i < 2; i++) {
        if (!open_output(&s->outputs[i])) {
            report_write_error(s, &s->outputs[i]);
        }
    }
}

/* Writes and settles the buffer, waiting as long as that needs. */
static void
deliver(struct file_sink *s, struct sr_lane *lane)
{
    struct output *out = &s->outputs[sr_lane_is_dead(lane) ? 1 : 0];

    while (!s->discard && !write_out(s, out)) {
        report_write_error(s, out);
        if (must_stop(s)) {
            return;
        }
        atomic_store(&s->heartbeat_ns, sr_clock_monotonic_ns());
        struct sr_wake *wake = sr_queue_wake(s->base.queue);
        uint64_t until = sr_clock_monotonic_ns() + RETRY_NS;
        while (!must_stop(s) && sr_clock_monotonic_ns() < until) {
            sr_wake_sleep(wake, sr_wake_epoch(wake), until);
        }
        if (atomic_exchange(&s->reopen, false)) {
            bool same = is_same_file(out);
            reopen_outputs(s);
            if (!same) {
                go_back_to_a_whole_record(s);
            }
        }
    }
    atomic_store(&s->up, true);
    settle_all(s, lane);
}

/* Empties what the lanes hold now; true when they held anything, *ret_more when perhaps more. */
static bool
serve_lanes(struct file_sink *s, bool *ret_more)
{
    struct sr_queue *q = s->base.queue;
    bool worked = false;

    for (size_t i = 0; i < sr_queue_lane_count(q) && !must_stop(s); i++) {
        struct sr_lane *lane = sr_queue_lane(q, i);
        if (s->discard && discard_segments(s, lane)) {
            worked = true;
        } else if (fill(s, lane)) {
            *ret_more = *ret_more || is_full(s);
            worked = true;
            deliver(s, lane);
        }
    }
    return worked;
}

static void *
run(void *arg)
{
    const struct timespec linger = { .tv_nsec = LINGER_NS };
    struct file_sink *s = arg;
    struct sr_wake *wake = sr_queue_wake(s->base.queue);

    (void)pthread_setname_np(pthread_self(), "publish");
    for (;;) {
        uint64_t epoch = sr_wake_epoch(wake);
        bool stopping = atomic_load(&s->stopping);
        bool more = false;

        atomic_store(&s->heartbeat_ns, sr_clock_monotonic_ns());
        if (atomic_exchange(&s->reopen, false) && !s->discard) {
            reopen_outputs(s);
        }
        bool worked = serve_lanes(s, &more);
        if (must_stop(s) || (stopping && !worked)) {
            return NULL;
        }
        if (!worked) {
            sr_wake_sleep(wake, epoch, sr_clock_monotonic_ns() + IDLE_NS);
        } else if (!more && !stopping) {
            /* Deaf to signals: a wake-up for each receive batch costs more than its records. */
            (void)nanosleep(&linger, NULL);
        }
    }
}

static bool
file_start(struct sr_sink *sink, char *error, size_t error_size)
{
    struct file_sink *s = (struct file_sink *)sink;

    for (size_t i = 0; i < 2 && !s->discard; i++) {
        if (!open_output(&s->outputs[i])) {
            (void)snprintf(error, error_size, "file.path: cannot open %s: %s", s->outputs[i].path,
                strerror(errno));
            return false;
        }
    }
    atomic_store(&s->up, true);
    atomic_store(&s->heartbeat_ns, sr_clock_monotonic_ns());
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        (void)snprintf(error, error_size, "cannot start the writer's thread");
        return false;
    }
    s->started = true;
    return true;
}

static void
file_reload(struct sr_sink *sink)
{
    struct file_sink *s = (struct file_sink *)sink;

    atomic_store(&s->reopen, true);
    sr_wake_signal(sr_queue_wake(s->base.queue));
}

static void
file_status(struct sr_sink *sink, struct sr_sink_status *ret_status)
{
    struct file_sink *s = (struct file_sink *)sink;

    *ret_status = (struct sr_sink_status){
        .up = atomic_load(&s->up),
        .failed = atomic_load(&s->failed),
        .heartbeat_ns = atomic_load(&s->heartbeat_ns),
    };
    (void)snprintf(ret_status->text, sizeof(ret_status->text), "%s",
        s->discard           ? "discarding"
        : !ret_status->up    ? "cannot write"
        : s->outputs[0].path ? s->outputs[0].path
                             : "standard output");
}

static void
file_stop(struct sr_sink *sink, uint64_t deadline_ns)
{
    struct file_sink *s = (struct file_sink *)sink;

    atomic_store(&s->stop_deadline_ns, deadline_ns);
    atomic_store(&s->stopping, true);
    sr_wake_signal(sr_queue_wake(s->base.queue));
    if (s->started) {
        (void)pthread_join(s->thread, NULL);
        s->started = false;
    }
}

static void
file_free(struct sr_sink *sink)
{
    struct file_sink *s = (struct file_sink *)sink;

    for (size_t i = 0; i < 2; i++) {
        if (s->outputs[i].path != NULL && s->outputs[i].fd >= 0) {
            (void)close(s->outputs[i].fd);
        }
        free(s->outputs[i].path);
    }
    free(s->buf.data);
    free(s);
}

static const struct sr_sink_ops file_ops = {
    .start = file_start,
    .reload = file_reload,
    .status = file_status,
    .stop = file_stop,
    .free = file_free,
};

static struct file_sink *
new_sink(struct sr_queue *q, struct sr_stats *stats)
{
    struct file_sink *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    size_t size = BUFFER_SIZE + LARGEST_LINE;
    void *memory = malloc(size);
    if (memory == NULL) {
        free(s);
        return NULL;
    }
    s->base = (struct sr_sink){ .ops = &file_ops, .queue = q, .stats = stats };
    s->buf = sr_buf_over(memory, size);
    s->outputs[0].fd = s->outputs[1].fd = -1;
    return s;
}

struct sr_sink *
sr_sink_file_new(
    struct sr_queue *q, struct sr_stats *stats, const char *path, enum sr_framing framing)
{
    struct file_sink *s = new_sink(q, stats);

    if (s == NULL) {
        return NULL;
    }
    s->framing = framing;
    if (path != NULL) {
        size_t size = strlen(path) + sizeof(".deadletter");
        s->outputs[0].path = strdup(path);
        s->outputs[1].path = malloc(size);
        if (s->outputs[0].path == NULL || s->outputs[1].path == NULL) {
            file_free(&s->base);
            return NULL;
        }
        (void)snprintf(s->outputs[1].path, size, "%s.deadletter", path);
    }
    return &s->base;
}

struct sr_sink *
sr_sink_discard_new(struct sr_queue *q, struct sr_stats *stats)
{
    struct file_sink *s = new_sink(q, stats);

    if (s == NULL) {
        return NULL;
    }
    s->discard = true;
    return &s->base;
}
