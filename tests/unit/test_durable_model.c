/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories of a daemon that dies again and again, against a model of a JetStream server
 * that lives on. A death is an orderly stop, or a copy of the queue's directory, taken between any
 * two steps or in the middle of one, with which the next life begins. At the end every record must
 * have been accounted for once. A failure names its seed; SR_SEED=N runs that one alone.
 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "life.h"
#include "shell/pub_lanes.h"
#include "sr/clock.h"
#include "sr/deadletter.h"
#include "sr/log.h"
#include "sr/suite.h"
#include "stage.h"

#define SEEDS 100U
#define LIVES 4U
#define STEPS 90U
#define VALUES_MAX 8192U
#define OPEN_MAX 8192U
#define SUBJECTS 3U
#define MAX_PAYLOAD 8000U

/* What became of a record, by its value. */
struct fate {
    bool dead;                /* an input that could not be decoded */
    bool committed;           /* its batch was: from then on it must not be lost */
    bool given_up;            /* its batch found no room on the disk, and was counted */
    bool stored, dead_stored; /* the server has it, as what it is or as a dead letter */
    char id[64], dead_id[64];
    unsigned writer;
    unsigned life; /* that sent it last */
};

/* A message that the server has not answered. */
struct open_message {
    uint64_t number;
    uint32_t value;
    bool dead;
    unsigned subject;
    char id[64];
};

struct model {
    struct life life;
    struct life_options options;
    char dir[64], next_dir[64]; /* used in turn */
    unsigned lives;
    struct fate fates[VALUES_MAX];
    uint32_t values, batch_first, received;
    int kill_in; /* steps of any kind until this life is killed; negative: it is not */
    bool dead, healthy;
    struct life_worker *committing;
    struct open_message open[OPEN_MAX];
    size_t open_count;
    bool mishap[2 * SUBJECTS];
    enum sr_refusal mishap_kind[2 * SUBJECTS];
    uint32_t last_sent[LIFE_LISTENERS * LIFE_WORKERS_MAX][2 * SUBJECTS]; /* first in this life */
    bool killed;                                                         /* ever */
    bool harms; /* the disk damages files between two lives */
};

static uint64_t seed;
static const char *const subjects[SUBJECTS] = { "logs.a", "logs.b", "flows.c" };

#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("seed %llu: %s (line %d)", (unsigned long long)seed, #condition, __LINE__);   \
        }                                                                                          \
    } while (0)

static uint32_t
below(uint32_t limit)
{
    return stage_below(limit);
}

/* Which records the stream will never take: a property of the record, as in life. */
static bool
is_refused(uint32_t value)
{
    return value % 23 == 5 || value % 61 == 7;
}

static size_t
size_of(uint32_t value)
{
    return value % 61 == 7 ? MAX_PAYLOAD : 4 + value * 37 % 1500;
}

/* ---- The server ---- */

static unsigned
subject_of(const char *subject, bool *ret_dead)
{
    size_t len = strcspn(subject, ".");
    len += 1 + strcspn(subject + len + 1, ".");

    *ret_dead = strcmp(subject + len, SR_SUITE_DEADLETTER) == 0;
    expect(*ret_dead || subject[len] == '\0');
    for (unsigned i = 0; i < SUBJECTS; i++) {
        if (strlen(subjects[i]) == len && memcmp(subjects[i], subject, len) == 0) {
            return i;
        }
    }
    fail_msg("seed %llu: a message on %s", (unsigned long long)seed, subject);
    return 0;
}

static void
check_order(struct model *m, const struct open_message *o)
{
    const struct fate *f = &m->fates[o->value];
    uint32_t *last = &m->last_sent[f->writer][2 * o->subject + (o->dead ? 1 : 0)];

    if (f->life != m->lives) {
        expect(o->value + 1 > *last);
        *last = o->value + 1;
    }
}

static bool
take_message(void *arg, const struct pub_message *message)
{
    struct model *m = arg;
    struct open_message *o = &m->open[m->open_count++];
    bool dead;

    expect(m->open_count < OPEN_MAX);
    *o = (struct open_message){ .number = message->number };
    o->subject = subject_of(message->subject, &dead);
    o->dead = dead;
    expect(message->body.len >= sizeof(o->value));
    memcpy(&o->value, message->body.data, sizeof(o->value));
    (void)snprintf(o->id, sizeof(o->id), "%s", message->id);
    expect(o->value < m->values);
    struct fate *f = &m->fates[o->value];
    expect(f->committed && !f->given_up);
    for (size_t i = sizeof(o->value); i < message->body.len; i++) {
        expect(message->body.data[i] == (o->value & 0xff));
    }
    if (f->dead == dead) {
        expect(message->body.len == size_of(o->value));
        check_order(m, o);
        f->life = m->lives;
    } else {
        expect(dead && is_refused(o->value));
    }
    return true;
}

/* The stream takes a message; true when it had one of that id. No record ever has two ids. */
static bool
store(struct model *m, const struct open_message *o)
{
    struct fate *f = &m->fates[o->value];
    bool *there = o->dead ? &f->dead_stored : &f->stored;
    char *id = o->dead ? f->dead_id : f->id;
    bool before = *there;

    expect(!before || strcmp(id, o->id) == 0);
    memcpy(id, o->id, sizeof(o->id));
    *there = true;
    return before;
}

static bool
is_refused_message(const struct model *m, const struct open_message *o)
{
    return !o->dead && !m->fates[o->value].dead && is_refused(o->value);
}

static void
answer(struct model *m, size_t index)
{
    struct open_message o = m->open[index];
    unsigned stream = 2 * o.subject + (o.dead ? 1 : 0);

    memmove(&m->open[index], &m->open[index + 1], (m->open_count - index - 1) * sizeof(m->open[0]));
    m->open_count--;
    if (m->mishap[stream]) {
        pub_lanes_refused(m->life.sink.lanes, stage.now_ns, o.number, m->mishap_kind[stream]);
    } else if (is_refused_message(m, &o)) {
        pub_lanes_refused(m->life.sink.lanes, stage.now_ns, o.number, SR_REFUSAL_TOO_LARGE);
    } else {
        bool duplicate = store(m, &o);
        if (m->healthy || below(40) > 0) { /* else the acknowledgement is lost */
            pub_lanes_stored(m->life.sink.lanes, o.number, duplicate);
        }
    }
}

/* Messages that were on the way when their sender died: they arrive, or they do not. */
static void
forget_open(struct model *m)
{
    for (size_t i = 0; i < m->open_count; i++) {
        const struct open_message *o = &m->open[i];
        if (below(2) == 0 && !m->mishap[2 * o->subject + (o->dead ? 1 : 0)] &&
            !is_refused_message(m, o)) {
            (void)store(m, o);
        }
    }
    m->open_count = 0;
}

/* ---- Dying ---- */

/* One more step of this life is done; it may have been the last one. */
static void
at(void *arg, enum stage_point point)
{
    struct model *m = arg;

    if (point == STAGE_AFTER_COMMIT && m->committing != NULL && !m->dead) {
        for (uint32_t i = m->batch_first; i < m->values; i++) {
            m->fates[i].committed = true;
        }
        m->received += m->values - m->batch_first;
        m->committing = NULL;
    }
    if (!m->dead && m->kill_in >= 0 && m->kill_in-- == 0) {
        stage_copy(m->dir, m->next_dir);
        m->dead = true;
    }
}

static void
move_to_next_dir(struct model *m)
{
    char old[sizeof(m->dir)];

    stage_remove(m->dir);
    memcpy(old, m->dir, sizeof(old));
    memcpy(m->dir, m->next_dir, sizeof(m->dir));
    memcpy(m->next_dir, old, sizeof(m->next_dir));
}

static void
die(struct model *m)
{
    stage.at = NULL;
    stage.half_writes = false;
    m->killed = true;
    forget_open(m);
    (void)life_stop(&m->life);
    life_free(&m->life);
    move_to_next_dir(m);
}

/* What a disk may do to a segment between two lives. */
static void
harm_file(void *arg, int dir, const char *name)
{
    struct stat st = { .st_size = 0 };

    (void)arg;
    if (strstr(name, ".seg") == NULL || below(3) > 0) {
        return;
    }
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
    expect(fd >= 0 && fstat(fd, &st) == 0);
    uint32_t size = (uint32_t)st.st_size;
    switch (size > 0 ? below(8) : 0) {
    case 0: expect(unlinkat(dir, name, 0) == 0); break;
    case 1: expect(ftruncate(fd, below(size)) == 0); break;
    default:
        for (uint32_t n = 1 + below(3); n > 0; n--) {
            uint8_t byte = (uint8_t)stage_roll();
            uint32_t where = below(2) == 0 ? below(size) : below(size < 200 ? size : 200);
            expect(pwrite(fd, &byte, 1, where) == 1);
        }
        break;
    }
    (void)close(fd);
}

/* ---- Living ---- */

static void
pick_subjects(struct model *m)
{
    m->options.subjects[0] = subjects[0];
    m->options.subjects[1] = subjects[below(SUBJECTS)];
    m->options.workers[0] = 1 + below(2);
    m->options.workers[1] = 1 + below(2);
}

static void
be_born(struct model *m)
{
    if (m->lives == 0 || below(4) == 0) {
        pick_subjects(m);
    }
    m->lives++;
    if (m->harms) {
        stage_each_file(m->dir, harm_file, NULL);
    }
    memset(m->last_sent, 0, sizeof(m->last_sent));
    m->dead = false;
    m->options.dir = m->dir;
    m->kill_in = m->healthy || below(3) == 0 ? -1 : (int)below(below(4) == 0 ? 12 : 120);
    m->batch_first = m->values;
    stage.disk_full = false;
    stage.at = at;
    stage.arg = m;
    life_begin(&m->life, &m->options); /* which may be killed too */
    stage.half_writes = below(2) == 0;
}

static bool
put(struct model *m, struct life_worker *w, uint32_t value)
{
    struct fate *f = &m->fates[value];
    size_t len = size_of(value);
    bool dead = w->dead != NULL && below(12) == 0;
    struct sr_lane *lane = dead ? w->dead : w->lane;
    static uint8_t raw[MAX_PAYLOAD];

    memset(raw, (int)(value & 0xff), len);
    memcpy(raw, &value, sizeof(value));
    sr_count(&w->stats->received, 1);
    size_t max = dead ? SR_DEADLETTER_OVERHEAD + len : len;
    uint8_t *room = sr_lane_reserve(lane, max, 1);
    if (room == NULL) {
        sr_reasons_count(&w->stats->dropped, sr_lane_refusal(lane), 1);
        return false;
    }
    struct sr_buf b = sr_buf_over(room, max);
    size_t attributes = 0;
    if (dead) {
        struct sr_span span = { raw, len };
        attributes = sr_deadletter_write(&b, "malformed", NULL, 1, span);
    } else {
        sr_buf_add(&b, raw, len);
    }
    sr_lane_commit(lane, b.len, attributes, 1);
    sr_count(dead ? &w->stats->deadlettered : &w->stats->decoded, 1);
    sr_count(&w->stats->records, dead ? 0 : 1);
    *f = (struct fate){ .dead = dead };
    return true;
}

static void
write_batch(struct model *m)
{
    unsigned listener = below(LIFE_LISTENERS);
    unsigned worker = below(m->life.worker_count[listener]);
    struct life_worker *w = &m->life.workers[listener][worker];

    m->batch_first = m->values;
    for (uint32_t n = 1 + below(below(6) == 0 ? 100 : 20); n > 0 && m->values < VALUES_MAX; n--) {
        if (put(m, w, m->values)) {
            m->fates[m->values++].writer = listener * LIFE_WORKERS_MAX + worker;
        }
    }
    m->committing = w;
    uint32_t first = m->batch_first;
    bool kept = life_end_batch(w);
    m->committing = NULL;
    for (uint32_t i = first; i < m->values && !kept; i++) {
        m->fates[i].given_up = true;
    }
}

/* A round of the publisher's thread. */
static void
serve(struct model *m)
{
    struct sr_wake *wake = sr_queue_wake(m->life.queue);
    uint64_t epoch;

    do {
        epoch = sr_wake_epoch(wake);
        pub_lanes_tick(m->life.sink.lanes, stage.now_ns);
        pub_lanes_keep(m->life.sink.lanes, m->life.sink.base.slot);
        if (!m->dead) {
            (void)pub_lanes_send(m->life.sink.lanes, stage.now_ns, MAX_PAYLOAD, take_message, m);
        }
    } while (!m->dead && sr_wake_epoch(wake) != epoch);
}

static void
change_the_server(struct model *m)
{
    static const enum sr_refusal kinds[] = { SR_REFUSAL_NO_STREAM, SR_REFUSAL_STREAM_FULL,
        SR_REFUSAL_STORAGE, SR_REFUSAL_OTHER };
    unsigned stream = below(2 * SUBJECTS);

    m->mishap[stream] = below(3) == 0;
    m->mishap_kind[stream] = kinds[below(4)];
}

static void
answer_some(struct model *m)
{
    for (uint32_t n = below(60); n > 0 && m->open_count > 0 && !m->dead; n--) {
        answer(m, below(8) > 0 ? 0 : below((uint32_t)m->open_count));
    }
}

static void
disconnect(struct model *m)
{
    pub_lanes_disconnected(m->life.sink.lanes, stage.now_ns);
    forget_open(m);
}

static void
step(struct model *m)
{
    switch (below(16)) {
    case 0:
    case 1:
    case 2:
    case 3: write_batch(m); break;
    case 4: stage.now_ns += below(600) * SR_NS_PER_MS; break;
    case 5: change_the_server(m); break;
    case 6:
        if (below(6) == 0) {
            disconnect(m);
        }
        break;
    case 7: stage.disk_full = below(8) == 0; break;
    case 8:
    case 9: stage_let_spooler_go(); break;
    case 10:
    case 11:
    case 12: serve(m); break;
    default: answer_some(m); break;
    }
    if (!m->dead) {
        at(m, STAGE_IN_WRITE);
    }
}

static uint64_t
queued(const struct model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sr_queue_lane_count(m->life.queue); i++) {
        sum += sr_lane_queued(sr_queue_lane(m->life.queue, i));
    }
    return sum;
}

static uint64_t
count_of(const struct sr_reasons *r, const char *reason)
{
    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        const char *known = r->items[i].reason;
        if (known != NULL && strcmp(known, reason) == 0) {
            return sr_counted(&r->items[i].count);
        }
    }
    return 0;
}

/* What the books say, of all listeners. */
struct sums {
    struct sr_ledger ledger;
    uint64_t killed, damaged, disk_full;
};

static struct sums
check_books(const struct model *m)
{
    struct sums sum = { .killed = 0 };

    for (unsigned i = 0; i < LIFE_LISTENERS; i++) {
        const struct sr_listener_stats *s = &m->life.stats->listeners[i];
        struct sr_ledger l = sr_ledger_take(m->life.stats, m->life.queue, i);
        expect(sr_ledger_balanced(&l));
        sum.ledger.received += l.received - l.dropped;
        sum.ledger.recovered += l.recovered;
        sum.ledger.stored += l.stored;
        sum.ledger.stored_dead += l.stored_dead;
        sum.ledger.dropped_records += l.dropped_records;
        for (unsigned j = 0; j < m->life.worker_count[i]; j++) {
            sum.killed += count_of(&s->workers[j].lost, "killed");
            sum.damaged += count_of(&s->workers[j].lost, "damaged");
            sum.disk_full += count_of(&s->workers[j].lost, "disk_full");
        }
    }
    expect(sum.ledger.received == m->received);
    expect(sum.ledger.recovered == 0);
    bool in_memory = m->options.durability == SR_QUEUE_SPILL && m->killed;
    expect(m->harms || sum.damaged == 0);
    expect(m->harms || in_memory || sum.killed == 0);
    return sum;
}

/* Whoever stops it may lose patience and kill it while it writes what is left. */
static void
end_orderly(struct model *m)
{
    stage.disk_full = false;
    m->kill_in = !m->healthy && below(3) == 0 ? (int)below(20) : -1;
    expect(life_stop(&m->life) == 0);
    stage.at = NULL;
    (void)check_books(m);
    life_free(&m->life);
    forget_open(m);
    if (m->dead) {
        m->killed = true;
        move_to_next_dir(m);
    }
}

static void
live(struct model *m)
{
    be_born(m);
    for (unsigned i = 0; i < STEPS && !m->dead; i++) {
        step(m);
    }
    if (m->dead) {
        die(m);
    } else {
        end_orderly(m);
    }
}

/* The last life: the server takes everything, and nothing may be left behind. */
static void
get_well(struct model *m)
{
    m->healthy = true;
    be_born(m);
    memset(m->mishap, 0, sizeof(m->mishap));
    for (unsigned round = 0; queued(m) > 0; round++) {
        expect(round < 3000);
        serve(m);
        while (m->open_count > 0) {
            answer(m, 0);
        }
        serve(m);
        stage.now_ns += 300 * SR_NS_PER_MS;
        stage_let_spooler_go();
    }
}

static void
check_fates(struct model *m)
{
    struct sums sum = check_books(m);
    uint64_t committed = 0, stored = 0, dead_stored = 0, given_up = 0;

    for (uint32_t i = 0; i < m->values; i++) {
        const struct fate *f = &m->fates[i];
        expect(!(f->stored && f->dead_stored));
        expect(f->committed || (!f->stored && !f->dead_stored));
        committed += f->committed ? 1 : 0;
        stored += f->stored ? 1 : 0;
        dead_stored += f->dead_stored ? 1 : 0;
        given_up += f->committed && f->given_up ? 1 : 0;
    }
    expect(sum.ledger.stored + sum.ledger.stored_dead + sum.ledger.dropped_records == committed);
    expect(sum.ledger.stored <= stored && sum.ledger.stored_dead <= dead_stored);
    if (m->options.durability == SR_QUEUE_ALWAYS) {
        expect(m->harms || sum.ledger.stored == stored);
        expect(sum.disk_full == given_up);
    }
    expect(pub_lanes_unexpected_duplicates(m->life.sink.lanes) == 0);
}

static void
expect_counters_only(void *arg, int dir, const char *name)
{
    const struct model *m = arg;

    (void)dir;
    if (strcmp(name, "counters") != 0 && !m->harms) {
        fail_msg("seed %llu: %s is left", (unsigned long long)seed, name);
    }
}

static void
run_seed(struct model *m)
{
    memset(m, 0, sizeof(*m));
    stage_open(seed);
    (void)snprintf(m->dir, sizeof(m->dir), "%s/test_durable_model.XXXXXX",
        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"); /* memory: it writes a lot */
    assert_non_null(mkdtemp(m->dir));
    (void)snprintf(m->next_dir, sizeof(m->next_dir), "%.60s.b", m->dir);
    m->options = (struct life_options){
        .durability = below(3) > 0 ? SR_QUEUE_ALWAYS : SR_QUEUE_SPILL,
        .memory = 1U << 20,
        .disk = below(4) == 0 ? 1U << 20 : 16U << 20,
        .ack_timeout_ns = 2 * SR_NS_PER_SECOND,
    };
    m->harms = below(4) == 0;
    for (unsigned i = 0; i < LIVES; i++) {
        live(m);
    }
    get_well(m);
    check_fates(m);
    end_orderly(m);
    stage_each_file(m->dir, expect_counters_only, m);
    stage_remove(m->dir);
}

static void
every_history_ends_with_every_record_accounted_for_once(void **state)
{
    static struct model m;
    const char *one = getenv("SR_SEED");

    (void)state;
    sr_log_set_level(one != NULL ? SR_LOG_DEBUG : (enum sr_log_level)0);
    seed = one != NULL ? strtoull(one, NULL, 10) : 1;
    uint64_t last = one != NULL ? seed : SEEDS;
    for (; seed <= last; seed++) {
        run_seed(&m);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_history_ends_with_every_record_accounted_for_once),
    };
    return cmocka_run_group_tests_name("durable_model", tests, NULL, NULL);
}
