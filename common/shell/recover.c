/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/queue_segments.h"
#include "sr/log.h"

#include "sr/banned.h"

#define LEFT_WORKER 0x8000U
#define LEFT_BY_SINK 0x4000U
#define NUMBER_MAX (UINT64_MAX / 2)            /* there are always more */
#define SEGMENT_FILE_MAX (16U * 1024U * 1024U) /* far more than any of ours: reads are bounded */

/* ---- Finding ---- */

static void
tell_strange(struct sr_spool *spool, uint64_t number, enum sr_segment_err err, int error)
{
    unsigned long long name = number;

    if (err == SR_SEGMENT_NEWER) {
        sr_log(SR_LOG_ERROR,
            "a segment of the queue %s dir=%s segment=%016llx advice=\"it stays for the version "
            "that wrote it: install that again\"",
            sr_segment_strerror(err), sr_spool_path(spool), name);
        return;
    }
    bool aside = sr_spool_set_aside(spool, number) == 0;
    sr_log(SR_LOG_ERROR,
        "a file of the queue cannot be used: %s%s dir=%s segment=%016llx advice=\"%s\"",
        error != 0 ? "" : "it ", error != 0 ? strerror(error) : sr_segment_strerror(err),
        sr_spool_path(spool), name,
        aside ? "it is set aside as *.corrupt; look at the disk"
              : "it stays and is looked at again at the next start");
}

/* Bytes that may stand in a line of the server's protocol; in a subject no blank either. */
static bool
is_clean(struct sr_span text, uint8_t first)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < first || text.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Whether this program could have written a segment like that. */
static bool
is_ours(const struct sr_segment_info *info, uint64_t number)
{
    return info->number == number && info->subject.len > 0 && is_clean(info->subject, ' ' + 1) &&
           is_clean(info->content_type, ' ') && is_clean(info->listener, ' ');
}

/*
 * Reads the header of one file. *ret_err says what it is; SR_SEGMENT_END: it was empty, and is
 * removed. Returns 0, or an errno that is not the file's fault.
 */
static int
read_header(
    struct sr_spool *spool, uint64_t number, struct found_segment *f, enum sr_segment_err *ret_err)
{
    uint8_t bytes[SR_SEGMENT_HEADER_MAX];
    int fd = sr_spool_open_to_read(spool, number);
    struct stat st = { .st_size = 0 };

    if (fd < 0 && sr_spool_is_passing(errno)) {
        return errno;
    }
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > SEGMENT_FILE_MAX) {
        tell_strange(spool, number, SR_SEGMENT_MAGIC, fd < 0 ? errno : 0);
        if (fd >= 0) {
            (void)close(fd);
        }
        *ret_err = SR_SEGMENT_MAGIC;
        return 0;
    }
    ssize_t len = sr_spool_read(fd, bytes, sizeof(bytes));
    (void)close(fd);
    struct sr_span span = { bytes, len > 0 ? (size_t)len : 0 };
    if (len >= 0 && sr_segment_is_cut_short(span)) {
        (void)sr_spool_remove(spool, number);
        *ret_err = SR_SEGMENT_END;
        return 0;
    }
    enum sr_segment_err err = sr_segment_read_header(span, &f->info, &f->progress, &f->start);
    if (err == SR_SEGMENT_OK && !is_ours(&f->info, number)) {
        err = SR_SEGMENT_HEADER;
    }
    if (err != SR_SEGMENT_OK) {
        tell_strange(spool, number, err, 0);
        *ret_err = err;
        return 0;
    }
    f->header = malloc(f->start);
    if (f->header == NULL) {
        return ENOMEM;
    }
    memcpy(f->header, bytes, f->start);
    (void)sr_segment_read_header(
        (struct sr_span){ f->header, f->start }, &f->info, &f->progress, &f->start);
    if (f->progress.sealed_size > SEGMENT_FILE_MAX) {
        f->progress = (struct sr_segment_progress){ 0 }; /* then its entries are looked at */
    }
    f->number = number;
    f->size = (uint64_t)st.st_size;
    f->key = sr_lane_key_of(
        f->info.listener, f->info.worker, f->info.dead, f->info.by_sink, f->info.subject);
    f->left_key = sr_lane_key_of(
        f->info.listener, found_left_worker(&f->info), f->info.dead, false, f->info.subject);
    *ret_err = SR_SEGMENT_OK;
    return 0;
}

unsigned
found_left_worker(const struct sr_segment_info *info)
{
    return LEFT_WORKER | (info->by_sink ? LEFT_BY_SINK : 0U) | (info->worker % LEFT_BY_SINK);
}

int
found_read(struct sr_spool *spool, struct found *ret_found)
{
    size_t count;
    uint64_t *numbers = sr_spool_list(spool, &count);
    struct found found = { .next_number = 1 };

    if (numbers == NULL) {
        return errno;
    }
    found.items = calloc(count + 1, sizeof(*found.items));
    if (found.items == NULL) {
        free(numbers);
        return ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] > NUMBER_MAX) {
            tell_strange(spool, numbers[i], SR_SEGMENT_MAGIC, 0);
            continue;
        }
        found.next_number = numbers[i] + 1;
        enum sr_segment_err err = SR_SEGMENT_MAGIC;
        int rc = read_header(spool, numbers[i], &found.items[found.count], &err);
        if (rc > 0) {
            free(numbers);
            found_free(&found);
            return rc;
        }
        found.count += err == SR_SEGMENT_OK ? 1 : 0;
        bool fine = err == SR_SEGMENT_OK || err == SR_SEGMENT_END || err == SR_SEGMENT_NEWER;
        found.strange += fine ? 0 : 1;
        if (err == SR_SEGMENT_NEWER) {
            found.later.first = found.later.count++ == 0 ? numbers[i] : found.later.first;
            found.later.last = numbers[i];
        }
    }
    free(numbers);
    *ret_found = found;
    return 0;
}

void
found_free(struct found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        free(found->items[i].header);
    }
    free(found->items);
    *found = (struct found){ .count = 0 };
}

/* ---- Judging ---- */

/* What is to be sent of a found segment. */
struct verdict {
    bool wanted;
    bool sealed;  /* the file says where it ends */
    bool damaged; /* something in it is known to be bad */
    size_t end;
    uint32_t entries;
    uint64_t records;
    struct sr_lane_position settled; /* with `lost` */
};

static const struct recover_positions *
find_positions(const struct recover_options *o, uint64_t key)
{
    for (size_t i = 0; i < o->position_count; i++) {
        if (o->positions[i].key == key) {
            return &o->positions[i];
        }
    }
    return NULL;
}

/* Of the lane that held the segment in the last process, as find_lane() would choose it. */
static const struct recover_positions *
positions_of(const struct recover_options *o, const struct found_segment *f, uint64_t heir)
{
    const struct recover_positions *p = find_positions(o, f->key);

    p = p != NULL ? p : find_positions(o, f->left_key);
    return p != NULL ? p : find_positions(o, heir);
}

/* How far it is settled: whoever knows more is right, for no one ever goes back. */
static struct sr_lane_position
settled_of(const struct found_segment *f, const struct recover_positions *p)
{
    struct sr_lane_position settled = {
        .segment = f->number,
        .offset = f->start,
    };

    if (f->progress.acked_entries > 0) {
        settled.offset = f->progress.acked_offset;
        settled.entries = f->progress.acked_entries;
        settled.records = f->progress.acked_records;
    }
    if (p != NULL && p->settled.segment == f->number &&
        (p->settled.entries > settled.entries || p->settled.lost > 0)) {
        settled = p->settled;
    }
    return settled;
}

static uint8_t *
read_all(struct sr_spool *spool, const struct found_segment *f, size_t *ret_len)
{
    uint8_t *bytes = malloc(f->size);
    int fd = bytes != NULL ? sr_spool_open_to_read(spool, f->number) : -1;
    ssize_t len = fd >= 0 ? sr_spool_read(fd, bytes, f->size) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    if (len < 0) {
        free(bytes);
        return NULL;
    }
    *ret_len = (size_t)len;
    return bytes;
}

/*
 * A file that was still written: its entries are looked at. With exact positions what lies behind
 * the writer's is a batch that was never committed, and what is missing before it is damage;
 * without, the end may be torn anywhere.
 */
static void
judge_open(const struct recover_options *o, const struct found_segment *f,
    const struct sr_lane_position *written, struct verdict *v, struct recover_result *result,
    uint64_t *ret_damaged)
{
    size_t len = 0;
    uint8_t *bytes = read_all(o->spool, f, &len);
    struct sr_segment_scan scan = {
        .err = SR_SEGMENT_TORN,
        .end = v->settled.offset,
        .entries = (uint32_t)v->settled.entries,
    };

    if (bytes != NULL) {
        len = written != NULL && written->offset < len ? written->offset : len;
        scan = sr_segment_check(
            (struct sr_span){ bytes, len }, f->number, v->settled.offset, scan.entries);
        free(bytes);
    }
    v->end = scan.end;
    v->entries = scan.entries;
    v->records = v->settled.records + v->settled.lost + scan.records;
    if (written != NULL && written->records > v->records) {
        v->damaged = true;
        *ret_damaged = written->records - v->records;
    } else if (scan.err != SR_SEGMENT_END) {
        result->torn++;
    }
}

/* The process before went past it without knowing what it is. */
static bool
was_passed_over(const struct recover_options *o, const struct found_segment *f)
{
    const struct found_later *l = &o->passed_over;

    return l->count > 0 && f->number >= l->first && f->number <= l->last;
}

static struct verdict
judge(const struct recover_options *o, const struct found_segment *f, const struct sr_lane *lane,
    struct recover_result *result, uint64_t *ret_damaged)
{
    const struct recover_positions *p = positions_of(o, f, lane->key);
    bool known = o->exact && p != NULL && f->info.run_id == o->run_id;
    struct verdict v = { .wanted = true };

    if ((p != NULL && f->number < p->settled.segment && !was_passed_over(o, f)) ||
        (known && f->number > p->written.segment)) {
        return (struct verdict){ .wanted = false };
    }
    v.settled = settled_of(f, p);
    v.sealed = f->progress.sealed_size > 0;
    if (v.sealed) {
        v.end = f->progress.sealed_size;
        v.entries = f->progress.sealed_entries;
        v.records = f->progress.sealed_records;
    } else {
        bool tail = known && o->appended && f->number == p->written.segment;
        judge_open(o, f, tail ? &p->written : NULL, &v, result, ret_damaged);
    }
    v.wanted = v.records > v.settled.records + v.settled.lost;
    return v;
}

/* ---- Attaching ---- */

static bool
is_text(struct sr_span span, const char *text)
{
    return strlen(text) == span.len && (span.len == 0 || memcmp(span.data, text, span.len) == 0);
}

/*
 * The lane of a found segment: its own, the one for what that has left, or one of its subject,
 * rather one of its listener.
 */
static struct sr_lane *
find_lane(const struct sr_queue *q, const struct found_segment *f)
{
    struct sr_lane *heir = NULL, *left = NULL;

    for (size_t i = 0; i < q->lane_count; i++) {
        struct sr_lane *lane = q->lanes[i];
        if (lane->key == f->key) {
            return lane;
        }
        left = lane->key == f->left_key ? lane : left;
        if (lane->dead != f->info.dead || !is_text(f->info.subject, lane->subject)) {
            continue;
        }
        if (heir == NULL || (!is_text(f->info.listener, heir->listener_name) &&
                                is_text(f->info.listener, lane->listener_name))) {
            heir = lane;
        }
    }
    return left != NULL ? left : heir;
}

/* Says in the file where it ends, so that the next start need not look. */
static bool
seal(const struct recover_options *o, struct sr_segment *s, const struct verdict *v)
{
    int fd = sr_spool_reopen(o->spool, s->number);

    if (fd < 0) {
        return false;
    }
    bool sealed = (v->damaged || ftruncate(fd, (off_t)v->end) == 0) &&
                  sr_segment_tell(fd, s, true, &v->settled) == 0;
    (void)close(fd);
    return sealed;
}

static struct sr_segment *
make_segment(const struct recover_options *o, const struct found_segment *f, struct sr_lane *lane,
    const struct verdict *v)
{
    struct sr_segment *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->lane = lane;
    s->run_id = f->info.run_id;
    s->number = f->number;
    s->first_ns = f->info.first_ns;
    s->recovered = true;
    s->start = f->start;
    s->fd = -1;
    s->written = v->end;
    s->entries = v->entries;
    s->records = v->records;
    s->prefix_offset = v->settled.offset;
    s->prefix_count = (uint32_t)v->settled.entries;
    s->prefix_records = v->settled.records;
    s->lost = v->settled.lost;
    s->settled_before = v->settled.records + v->settled.lost;
    s->has_file = s->complete = true;
    s->damaged = v->damaged;
    s->sealed = v->sealed || seal(o, s, v);
    s->disk_held = f->size;
    sr_share_force(&o->queue->disk, lane->listener, lane->dead, f->size);
    atomic_store(&s->committed, v->end);
    return s;
}

/* Puts a segment behind those that are attached already and before the lane's own first one. */
static void
link_segment(struct sr_lane *lane, struct sr_segment *s)
{
    struct sr_segment *own = lane->tail;

    s->previous = own->previous;
    if (own->previous != NULL) {
        atomic_store(&own->previous->next, s);
    } else {
        lane->head = s;
    }
    atomic_store(&s->next, own);
    own->previous = s;
}

static void
report_damage(const struct recover_options *o, const struct found_segment *f, uint64_t lost)
{
    (void)atomic_fetch_add(&o->queue->damaged, 1);
    sr_log(SR_LOG_ERROR,
        "a segment of the queue is damaged dir=%s segment=%016llx lost_records=%llu advice=\"it is "
        "kept as *.corrupt once its good records are stored; look at the disk\"",
        sr_spool_path(o->spool), (unsigned long long)f->number, (unsigned long long)lost);
}

bool
recover_attach(
    const struct recover_options *o, const struct found *found, struct recover_result *result)
{
    (void)atomic_fetch_add(&o->queue->damaged, found->strange);
    for (size_t i = 0; i < found->count; i++) {
        const struct found_segment *f = &found->items[i];
        struct sr_lane *lane = find_lane(o->queue, f);
        uint64_t damaged = 0;
        struct verdict v = judge(o, f, lane, result, &damaged);
        if (damaged > 0) {
            report_damage(o, f, damaged);
            result->damaged[lane->listener] += damaged;
        }
        if (!v.wanted) {
            (void)(v.damaged ? sr_spool_set_aside(o->spool, f->number)
                             : sr_spool_remove(o->spool, f->number));
            continue;
        }
        struct sr_segment *s = make_segment(o, f, lane, &v);
        if (s == NULL) {
            return false;
        }
        link_segment(lane, s);
        uint64_t records = s->records - s->settled_before;
        atomic_fetch_add(&lane->committed_records, records);
        result->segments++;
        result->records += records;
    }
    for (size_t i = 0; i < o->queue->lane_count; i++) {
        sr_lane_rewind(o->queue->lanes[i]);
    }
    return true;
}
