/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishes COUNT messages to a JetStream stream in one of several ways and prints, as one JSON
 * line, how long that took and what CPU time this process used. Each way runs in a process of its
 * own, so that the figures do not mix; tests/bench/run takes turns between them.
 *
 * `ours` is the queue and the NATS sink as the daemons run them, fed by a producer thread; `spill`
 * and `always` are the same with a queue on disk, in DIR. The others are the least that a program
 * can do with the NATS library for the same acknowledgements.
 */
#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shell/durable.h"
#include "sr/clock.h"
#include "sr/conf_common.h"
#include "sr/queue.h"
#include "sr/sink.h"
#include "sr/window.h"

#include "sr/banned.h"

#define SUBJECT "bench.records"
#define STREAM "BENCH"
#define SIZE_MAX_BYTES (64U * 1024U)
#define BATCH 64U
#define ROOM 256U          /* a sender that met a full window goes on when so many are free again */
#define BACKLOG_MAX 16384U /* what a receiver that is as fast as the server leaves in the queue */
#define GIVE_UP_NS (120 * SR_NS_PER_SECOND)
#define POLL_NS 1000000

struct bench {
    const char *url;
    const char *dir; /* of a queue on disk; NULL: in memory */
    int durability;
    uint64_t count;
    size_t size;
    uint8_t body[SIZE_MAX_BYTES];
    uint64_t wall_ns, cpu_ns; /* when the clock started, then what passed */
};

static void
die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_publisher: %s: %s\n", what, why);
    exit(1);
}

static void
must(natsStatus s, const char *what)
{
    if (s != NATS_OK) {
        die(what, natsStatus_GetText(s));
    }
}

static uint64_t
cpu_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * SR_NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

static void
start_clock(struct bench *b)
{
    b->wall_ns = sr_clock_monotonic_ns();
    b->cpu_ns = cpu_ns();
}

static void
stop_clock(struct bench *b)
{
    b->wall_ns = sr_clock_monotonic_ns() - b->wall_ns;
    b->cpu_ns = cpu_ns() - b->cpu_ns;
}

static void
pause_briefly(void)
{
    struct timespec ts = { .tv_nsec = POLL_NS };

    (void)nanosleep(&ts, NULL);
}

/* ---- The bare loops ---- */

struct loop {
    struct bench *bench;
    natsConnection *nc;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    _Atomic uint64_t acked;
    _Atomic uint64_t wanted; /* the sender sleeps until `acked` is this; 0: it does not sleep */
    _Atomic bool failed;
};

static void
on_ack(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
    struct loop *l = closure;
    const char *data = natsMsg_GetData(msg);

    (void)nc;
    (void)sub;
    /* A PubAck begins with the stream or ends without an error: enough to know a refusal. */
    if (natsMsg_IsNoResponders(msg) || strstr(data, "\"error\"") != NULL) {
        atomic_store(&l->failed, true);
    }
    natsMsg_Destroy(msg);
    uint64_t acked = atomic_fetch_add(&l->acked, 1) + 1;
    uint64_t wanted = atomic_load(&l->wanted);
    if (wanted != 0 && acked >= wanted) {
        (void)pthread_mutex_lock(&l->mutex);
        (void)pthread_cond_signal(&l->cond);
        (void)pthread_mutex_unlock(&l->mutex);
    }
}

static void
wait_for(struct loop *l, uint64_t acked)
{
    if (atomic_load(&l->acked) >= acked) {
        return;
    }
    (void)pthread_mutex_lock(&l->mutex);
    atomic_store(&l->wanted, acked);
    while (atomic_load(&l->acked) < acked) {
        (void)pthread_cond_wait(&l->cond, &l->mutex);
    }
    atomic_store(&l->wanted, 0);
    (void)pthread_mutex_unlock(&l->mutex);
}

static void
send_one(struct loop *l, const char *inbox, uint64_t run, uint64_t i, bool with_id)
{
    struct bench *b = l->bench;
    char reply[128], id[64];
    natsMsg *msg = NULL;

    (void)snprintf(reply, sizeof(reply), "%s.%llu", inbox, (unsigned long long)i);
    must(natsMsg_Create(&msg, SUBJECT, reply, (const char *)b->body, (int)b->size), "message");
    if (with_id) {
        (void)snprintf(id, sizeof(id), "%016llx-%llu-%u", (unsigned long long)run,
            (unsigned long long)(i / 1000), (unsigned)(i % 1000));
        must(natsMsgHeader_Set(msg, "Nats-Msg-Id", id), "header");
    }
    must(natsConnection_PublishMsg(l->nc, msg), "publish");
    natsMsg_Destroy(msg);
}

static void
run_bare(struct bench *b, bool with_id)
{
    struct loop l = { .bench = b };
    natsSubscription *sub = NULL;
    natsInbox *inbox = NULL;
    char subject[128];
    /* The bytes are counted as the product counts them. */
    uint64_t window = SR_WINDOW_BYTES / (b->size + 160);

    window = window < SR_WINDOW_MESSAGES ? window : SR_WINDOW_MESSAGES;
    (void)pthread_mutex_init(&l.mutex, NULL);
    (void)pthread_cond_init(&l.cond, NULL);
    must(natsConnection_ConnectTo(&l.nc, b->url), "connect");
    must(natsInbox_Create(&inbox), "inbox");
    (void)snprintf(subject, sizeof(subject), "%s.*", inbox);
    must(natsConnection_Subscribe(&sub, l.nc, subject, on_ack, &l), "subscribe");
    must(natsSubscription_SetPendingLimits(sub, -1, -1), "limits");
    must(natsConnection_Flush(l.nc), "flush");
    uint64_t run = sr_clock_random_u64();
    start_clock(b);
    for (uint64_t i = 0; i < b->count; i++) {
        if (i - atomic_load(&l.acked) >= window) {
            wait_for(&l, i - window + (window > 2 * ROOM ? ROOM : 1));
        }
        send_one(&l, inbox, run, i, with_id);
    }
    wait_for(&l, b->count);
    stop_clock(b);
    if (atomic_load(&l.failed)) {
        die("publish", "a message was refused");
    }
    natsSubscription_Destroy(sub);
    natsInbox_Destroy(inbox);
    natsConnection_Destroy(l.nc);
}

static void
run_bare_with_id(struct bench *b)
{
    run_bare(b, true);
}

static void
run_bare_without_id(struct bench *b)
{
    run_bare(b, false);
}

static void
run_js_async(struct bench *b)
{
    natsConnection *nc = NULL;
    jsCtx *js = NULL;
    jsOptions options;
    jsPubOptions pub;
    char id[64];
    uint64_t run = sr_clock_random_u64();

    must(jsOptions_Init(&options), "options");
    must(jsPubOptions_Init(&pub), "options");
    options.PublishAsync.MaxPending = SR_WINDOW_MESSAGES;
    options.PublishAsync.StallWait = 30000;
    must(natsConnection_ConnectTo(&nc, b->url), "connect");
    must(natsConnection_JetStream(&js, nc, &options), "JetStream");
    start_clock(b);
    for (uint64_t i = 0; i < b->count; i++) {
        (void)snprintf(id, sizeof(id), "%016llx-%llu-%u", (unsigned long long)run,
            (unsigned long long)(i / 1000), (unsigned)(i % 1000));
        pub.MsgId = id;
        must(js_PublishAsync(js, SUBJECT, b->body, (int)b->size, &pub), "publish");
    }
    must(js_PublishAsyncComplete(js, NULL), "complete");
    stop_clock(b);
    jsCtx_Destroy(js);
    natsConnection_Destroy(nc);
}

/* ---- The product ---- */

struct producer {
    struct bench *bench;
    struct sr_lane *lane;
    struct sr_worker_stats *stats;
    struct sr_counters_slot *slot; /* NULL: nothing is kept */
};

/* The end of a batch, as a receiving thread has it. */
static void
end_batch(struct producer *p, uint64_t records)
{
    sr_count(&p->stats->received, records);
    sr_count(&p->stats->decoded, records);
    sr_count(&p->stats->records, records);
    sr_count(&p->stats->batches, 1);
    if (sr_lane_keep(p->lane) != 0) {
        die("queue", "cannot write to its directory");
    }
    if (p->slot != NULL) {
        durable_keep_worker(p->slot, p->stats, p->lane, NULL);
    }
    sr_lane_flush(p->lane);
}

/* Writes records as a receiving thread does: in batches, one flush each. */
static void *
produce(void *arg)
{
    struct producer *p = arg;
    struct bench *b = p->bench;

    for (uint64_t i = 0; i < b->count;) {
        uint64_t end = i + BATCH < b->count ? i + BATCH : b->count;
        while (sr_lane_queued(p->lane) > BACKLOG_MAX) {
            pause_briefly();
        }
        uint64_t records = end - i;
        for (; i < end; i++) {
            uint8_t *room = sr_lane_reserve(p->lane, b->size, 0);
            if (room == NULL) {
                die("queue", "full");
            }
            memcpy(room, b->body, b->size);
            sr_lane_commit(p->lane, b->size, 0, 1);
        }
        end_batch(p, records);
    }
    return NULL;
}

static void
wait_until_up(struct sr_sink *sink)
{
    struct sr_sink_status status = { .up = false };
    uint64_t until = sr_clock_monotonic_ns() + GIVE_UP_NS;

    while (!status.up) {
        pause_briefly();
        sink->ops->status(sink, &status);
        if (sr_clock_monotonic_ns() > until) {
            die("sink", status.text);
        }
    }
}

/* The queue with what it has on disk (NULL in memory), its lane and its sink. */
struct ours {
    struct sr_conf_nats nats;
    struct sr_conf_queue conf;
    struct durable *durable;
    struct sr_stats *stats;
    struct sr_queue *queue;
    struct sr_sink *sink;
    struct producer producer;
};

static void
open_ours(struct ours *o, struct bench *b, const char *urls[])
{
    o->nats = (struct sr_conf_nats){
        .url = { .items = urls, .count = 1 },
        .stream = STREAM,
        .inbox_prefix = "auto",
        .ack_timeout = 5 * SR_NS_PER_SECOND,
        .connect_timeout = 5 * SR_NS_PER_SECOND,
    };
    o->conf = (struct sr_conf_queue){ .dir = b->dir, .fsync = SR_FSYNC_INTERVAL };
    struct sr_queue_options options = {
        .memory = 64U * 1024U * 1024U,
        .disk = 1024U * 1024U * 1024U,
        .listeners = 1,
        .run_id = sr_clock_random_u64(),
        .durability = b->durability,
    };
    struct sr_sink_nats_options nats = { .conf = &o->nats, .name = "bench", .dead_letters = true };
    struct sr_lane_options lane = { .subject = SUBJECT, .listener_name = "bench" };
    char error[256] = "out of memory";

    if (b->dir != NULL) {
        o->durable = durable_open(&o->conf, error, sizeof(error));
        if (o->durable == NULL) {
            die("queue", error);
        }
        options.spool = durable_spool(o->durable);
        options.first_number = durable_first_number(o->durable);
    }
    o->queue = sr_queue_new(&options);
    o->stats = sr_stats_new(1, (unsigned[]){ 1 });
    o->producer.bench = b;
    o->producer.lane = o->queue != NULL ? sr_queue_add_lane(o->queue, &lane) : NULL;
    o->sink = o->producer.lane != NULL ? sr_sink_nats_new(o->queue, o->stats, &nats) : NULL;
    if (o->sink == NULL) {
        die("sink", error);
    }
    (void)snprintf(o->stats->listeners[0].name, sizeof(o->stats->listeners[0].name), "bench");
    o->producer.stats = &o->stats->listeners[0].workers[0];
    if (o->durable != NULL) {
        if (!durable_start(o->durable, o->queue, o->stats, o->sink, error, sizeof(error))) {
            die("queue", error);
        }
        o->producer.slot = durable_worker_slot(o->durable, 0, 0);
    }
    if (!o->sink->ops->start(o->sink, error, sizeof(error))) {
        die("sink", error);
    }
}

static void
close_ours(struct ours *o)
{
    o->sink->ops->stop(o->sink, sr_clock_monotonic_ns() + SR_NS_PER_SECOND);
    if (o->durable != NULL) {
        (void)durable_stop(o->durable);
    }
    o->sink->ops->free(o->sink);
    durable_free(o->durable);
    sr_queue_free(o->queue);
    sr_stats_free(o->stats);
}

static void
run_ours(struct bench *b)
{
    static struct ours o;
    const char *urls[] = { b->url };
    pthread_t thread;

    open_ours(&o, b, urls);
    wait_until_up(o.sink);
    /* The counters go on where an earlier run in the same directory ended. */
    uint64_t before = sr_counted(&o.stats->listeners[0].delivery.stored);
    start_clock(b);
    if (pthread_create(&thread, NULL, produce, &o.producer) != 0) {
        die("thread", "cannot start");
    }
    (void)pthread_join(thread, NULL);
    while (!sr_lane_empty(o.producer.lane)) {
        pause_briefly();
    }
    stop_clock(b);
    if (sr_counted(&o.stats->listeners[0].delivery.stored) - before != b->count) {
        die("sink", "some records were not stored");
    }
    close_ours(&o);
}

static void
run_on_disk(struct bench *b, int durability)
{
    if (b->dir == NULL) {
        die("DIR", "is needed for a queue on disk");
    }
    b->durability = durability;
    run_ours(b);
}

static void
run_spill(struct bench *b)
{
    run_on_disk(b, SR_QUEUE_SPILL);
}

static void
run_always(struct bench *b)
{
    run_on_disk(b, SR_QUEUE_ALWAYS);
}

/* ---- The stream and the main program ---- */

static jsCtx *
open_admin(const struct bench *b, natsConnection **ret_nc)
{
    jsCtx *js = NULL;

    must(natsConnection_ConnectTo(ret_nc, b->url), "connect");
    must(natsConnection_JetStream(&js, *ret_nc, NULL), "JetStream");
    return js;
}

static void
make_stream(const struct bench *b)
{
    natsConnection *nc = NULL;
    jsCtx *js = open_admin(b, &nc);
    const char *subjects[] = { SUBJECT };
    jsStreamConfig config;

    (void)js_DeleteStream(js, STREAM, NULL, NULL); /* of a run that was interrupted */
    must(jsStreamConfig_Init(&config), "stream");
    config.Name = STREAM;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Discard = js_DiscardNew;
    config.Duplicates = (int64_t)(120 * SR_NS_PER_SECOND);
    must(js_AddStream(NULL, js, &config, NULL, NULL), "stream");
    jsCtx_Destroy(js);
    natsConnection_Destroy(nc);
}

static void
check_stream(const struct bench *b)
{
    natsConnection *nc = NULL;
    jsCtx *js = open_admin(b, &nc);
    jsStreamInfo *info = NULL;

    must(js_GetStreamInfo(&info, js, STREAM, NULL, NULL), "stream");
    if (info->State.Msgs != b->count) {
        die("stream", "does not hold every message once");
    }
    jsStreamInfo_Destroy(info);
    must(js_DeleteStream(js, STREAM, NULL, NULL), "stream");
    jsCtx_Destroy(js);
    natsConnection_Destroy(nc);
}

/* A new stream before the run; afterwards it must hold every message once. */
static void
with_stream(struct bench *b, void (*run)(struct bench *b))
{
    int status = 0;
    /* In a process of its own: the library's threads are to be made by the one that is measured. */
    pid_t child = fork();

    if (child == 0) {
        make_stream(b);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        die("stream", "cannot be made");
    }
    run(b);
    check_stream(b);
}

static const struct way {
    const char *name;
    void (*run)(struct bench *b);
} ways[] = {
    { "bare", run_bare_with_id },
    { "bare-no-id", run_bare_without_id },
    { "js-async", run_js_async },
    { "ours", run_ours },
    { "spill", run_spill },
    { "always", run_always },
};

static void
print(const struct bench *b, const char *way)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("{\"way\": \"%s\", \"messages\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, "
                 "\"max_rss_kib\": %ld, \"switches\": %ld}\n",
        way, (unsigned long long)b->count, (double)b->wall_ns / 1e9, (double)b->cpu_ns / 1e9,
        usage.ru_maxrss, usage.ru_nvcsw + usage.ru_nivcsw);
}

int
main(int argc, char **argv)
{
    static struct bench b;

    if (argc != 5 && argc != 6) {
        (void)fprintf(stderr, "Usage: bench_publisher bare|bare-no-id|js-async|ours|spill|always "
                              "URL COUNT SIZE [DIR]\n");
        return 2;
    }
    b.url = argv[2];
    b.count = strtoull(argv[3], NULL, 10);
    b.size = strtoull(argv[4], NULL, 10);
    b.dir = argc == 6 ? argv[5] : NULL;
    if (b.count == 0 || b.size == 0 || b.size > sizeof(b.body)) {
        die("COUNT and SIZE", "out of range");
    }
    memset(b.body, 'x', b.size);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) == 0) {
            with_stream(&b, ways[i].run);
            print(&b, argv[1]);
            nats_Close();
            return 0;
        }
    }
    die(argv[1], "is no way to publish");
}
