/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon that all collectors are. Threads: this one runs the libuv loop with signals and
 * timers; each listener worker receives, decodes and writes into lanes of its own; the sink's
 * thread empties the lanes; libmicrohttpd answers on one more; what a program has to write down
 * from time to time, a thread of libuv's pool does.
 */
#include "shell/runtime.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "shell/answers.h"
#include "shell/durable.h"
#include "shell/heap.h"
#include "shell/listener_socket.h"
#include "shell/maintenance.h"
#include "shell/snapshot.h"
#include "shell/stopping.h"
#include "shell/stream_budget.h"
#include "shell/tap.h"
#include "shell/tls_listeners.h"
#include "shell/worker.h"
#include "sr/clock.h"
#include "sr/listen_fds.h"
#include "sr/log.h"
#include "sr/metrics.h"
#include "sr/notify.h"
#include "sr/queue.h"
#include "sr/sink.h"
#include "sr/spool.h"
#include "sr/stats.h"
#include "sr/suite.h"
#include "sr/tcp.h"
#include "sr/udp.h"

#include "sr/banned.h"

enum { EXIT_OK = 0, EXIT_RUN = 1, EXIT_USAGE = 2 };

#define ALIVE_NS (10 * SR_NS_PER_SECOND) /* a heartbeat may be this old */
#define TICK_MS 500

struct runtime {
    const struct sr_program *program;
    struct sr_conf_source source;
    struct sr_listen_fds *passed; /* until the listeners have theirs */
    struct sr_stats *stats;
    struct sr_queue *queue;
    struct durable *durable; /* NULL: the queue is in memory only */
    struct sr_sink *sink;
    bool sink_started;
    struct sr_metrics *metrics;
    struct stream_budget buffers; /* of all connections */
    struct tap *tap;              /* NULL: nobody may listen to the records */
    struct tls_listeners *tls;
    struct sr_worker *workers;
    size_t worker_count;
    struct {
        struct answers *answers;      /* NULL: nobody is answered */
        _Atomic unsigned connections; /* of all its sockets */
    } * listeners;
    struct sr_snapshots snapshots;
    void *state; /* the program's, NULL: it has none */
    bool workers_started;

    pthread_mutex_t mutex; /* guards the next two */
    bool running, stopping;
    void *boot_config; /* what the sink and the listeners were made of; kept to the end */

    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t tick;
    struct maintenance maintenance;
    struct heap heap;
    uint64_t watchdog_ns, next_watchdog_ns;
    bool starving; /* systemd was told why it is not fed */
    int exit_code;
};

static const struct sr_conf_listener *
listener_conf(const struct runtime *rt, const void *config, size_t i)
{
    const struct sr_conf_common *c = config;
    const char *items = c->listeners.items;

    return (const void *)(items + i * rt->program->listener_size);
}

/* ---- Starting ---- */

static struct sr_lane *
add_lane(struct runtime *rt, unsigned listener, unsigned worker, const char *subject, bool dead)
{
    char name[256];
    struct sr_lane_options options = {
        .listener = listener,
        .listener_name = rt->stats->listeners[listener].name,
        .worker = worker,
        .dead = dead,
        .subject = name,
    };

    (void)snprintf(name, sizeof(name), "%s%s", subject, dead ? SR_SUITE_DEADLETTER : "");
    return sr_queue_add_lane(rt->queue, &options);
}

/*
 * What goes through the lanes of records. A file has its own framing, one record each; so has
 * standard output.
 */
static struct batch_options
batches_of(const struct sr_program *program, const struct sr_conf_common *c)
{
    const struct sr_conf_batch *b = &c->publish.batch;
    bool batched = program->batch_content_type != NULL &&
                   (c->output == SR_OUTPUT_NATS || c->output == SR_OUTPUT_DISCARD);

    return (struct batch_options){
        .content_type = program->batch_content_type,
        .delimited = program->batch_delimited,
        .records = batched ? (uint32_t)b->records : 1,
        .bytes = (size_t)b->bytes,
    };
}

/* Only NATS acknowledges: of other outputs a request is answered when it is received. */
static bool
answer_requests(
    struct runtime *rt, struct sr_worker *w, bool acknowledged, const struct sr_conf_listener *l)
{
    struct answers **answers = &rt->listeners[w->listener].answers;

    if (*answers == NULL) {
        *answers = answers_new(&rt->stats->listeners[w->listener].requests);
        rt->stats->listeners[w->listener].has_requests = true;
    }
    w->answers = *answers;
    w->answer_when = acknowledged ? rt->program->answer_when(l) : SR_ANSWER_RECEIVED;
    w->socket = w->answers != NULL ? answers_add_socket(w->answers, w->at.fd) : -1;
    return w->socket >= 0;
}

/* Counters, queue, lanes and sockets for every worker of every listener. */
static bool
open_listener(
    struct runtime *rt, const struct sr_conf_common *c, unsigned i, char *error, size_t error_size)
{
    const struct sr_conf_listener *l = listener_conf(rt, c, i);
    struct sr_listener_stats *stats = &rt->stats->listeners[i];

    (void)snprintf(stats->name, sizeof(stats->name), "%s", l->listen);
    for (unsigned j = 0; j < stats->worker_count; j++) {
        struct sr_worker *w = &rt->workers[rt->worker_count++];
        w->snapshots = &rt->snapshots;
        w->listener = i;
        w->name = stats->name;
        w->stats = &stats->workers[j];
        w->batching = batches_of(rt->program, c);
        w->linger_ns = c->publish.batch.linger;
        w->at.fd = -1;
        w->scratch = rt->program->scratch_new();
        w->lane = add_lane(rt, i, j, l->subject, false);
        w->dead = c->publish.dead_letter ? add_lane(rt, i, j, l->subject, true) : NULL;
        if (w->scratch == NULL || w->lane == NULL || (c->publish.dead_letter && w->dead == NULL)) {
            (void)snprintf(error, error_size,
                "out of memory, or queue.memory is too small for %u listeners: raise it",
                rt->stats->listener_count);
            return false;
        }
        if (!listener_socket_open(
                rt->passed, l, rt->program->stream_message != NULL, &w->at, error, error_size)) {
            return false;
        }
        if (rt->program->answer_when != NULL && !w->at.is_stream &&
            !answer_requests(rt, w, c->output == SR_OUTPUT_NATS, l)) {
            (void)snprintf(error, error_size, "out of memory or open files");
            return false;
        }
        stats->has_streams = stats->has_streams || w->at.is_stream;
        w->stream_options.tls = tls_listeners_at(rt->tls, i);
        rt->maintenance.needed |= rt->program->maintain != NULL || w->stream_options.tls != NULL;
        w->stream_options.shared = &rt->listeners[i].connections;
        if (!sr_worker_set_streams(w, l, &rt->buffers)) {
            (void)snprintf(error, error_size, "out of memory");
            return false;
        }
    }
    return true;
}

/*
 * Only what goes to NATS waits on disk: a file or standard output that takes nothing has the same
 * disk or the same host for a cause.
 */
static bool
open_queue(struct runtime *rt, const struct sr_conf_common *c, char *error, size_t error_size)
{
    struct sr_queue_options options = {
        .memory = c->queue.memory,
        .listeners = rt->stats->listener_count,
        .run_id = sr_clock_random_u64(),
    };

    if (c->output == SR_OUTPUT_NATS && c->queue.durability != SR_QUEUE_MEMORY) {
        rt->durable = durable_open(&c->queue, error, error_size);
        if (rt->durable == NULL) {
            return false;
        }
        options.durability = c->queue.durability;
        options.disk = c->queue.disk;
        options.spool = durable_spool(rt->durable);
        options.first_number = durable_first_number(rt->durable);
    } else if (c->output == SR_OUTPUT_NATS) {
        durable_warn_of_leftovers(c->queue.dir);
    } else if (c->queue.durability == SR_QUEUE_ALWAYS) {
        sr_log(SR_LOG_WARNING,
            "queue.durability has no effect: records wait on disk only with output: nats");
    }
    rt->queue = sr_queue_new(&options);
    if (rt->queue == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    return true;
}

static bool
open_listeners(struct runtime *rt, const struct sr_conf_common *c, char *error, size_t error_size)
{
    unsigned count = (unsigned)c->listeners.count;
    unsigned *workers = calloc(count, sizeof(*workers));
    size_t total = 0;

    if (workers == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        workers[i] = listener_socket_count(rt->passed, listener_conf(rt, c, i));
        total += workers[i];
    }
    rt->buffers.limit = c->stream_buffers;
    rt->stats = sr_stats_new(count, workers);
    rt->workers = calloc(total, sizeof(*rt->workers));
    rt->listeners = calloc(count, sizeof(*rt->listeners));
    free(workers);
    if (rt->stats == NULL || rt->workers == NULL || rt->listeners == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    if (!open_queue(rt, c, error, error_size)) {
        return false;
    }
    rt->tls = tls_listeners_new(c, rt->program->listener_size, rt->stats, error, error_size);
    if (rt->tls == NULL) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!open_listener(rt, c, i, error, error_size)) {
            return false;
        }
    }
    listener_socket_report(rt->passed, rt->stats);
    sr_listen_fds_free(rt->passed);
    rt->passed = NULL;
    return true;
}

static void
on_stored(void *arg, unsigned listener, const uint8_t id[SR_REQUEST_ID_LEN], bool known)
{
    struct runtime *rt = arg;

    if (rt->listeners[listener].answers != NULL) {
        answers_send(rt->listeners[listener].answers, id, known);
    }
}

static struct sr_sink *
new_sink(struct runtime *rt, const struct sr_conf_common *c)
{
    struct sr_sink_nats_options nats = {
        .conf = &c->nats,
        .name = rt->program->name,
        .dead_letters = c->publish.dead_letter,
        .stored = { .arg = rt, .stored = on_stored },
    };

    switch ((enum sr_output)c->output) {
    case SR_OUTPUT_NATS: return sr_sink_nats_new(rt->queue, rt->stats, &nats);
    case SR_OUTPUT_STDOUT: return sr_sink_file_new(rt->queue, rt->stats, NULL, SR_FRAMING_NDJSON);
    case SR_OUTPUT_FILE:
        return sr_sink_file_new(
            rt->queue, rt->stats, c->file.path, (enum sr_framing)c->file.framing);
    case SR_OUTPUT_DISCARD: return sr_sink_discard_new(rt->queue, rt->stats);
    }
    return NULL;
}

/* Not before the ports and the queue's directory are ours: what the state keeps is then too. */
static bool
make_state(struct runtime *rt, const struct sr_conf_common *c, char *error, size_t error_size)
{
    if (rt->program->state_new == NULL) {
        return true;
    }
    rt->state = rt->program->state_new(c, true, error, error_size);
    for (size_t i = 0; i < rt->worker_count; i++) {
        rt->workers[i].state = rt->state;
    }
    return rt->state != NULL;
}

static bool
start_tap(struct runtime *rt, const struct sr_conf_common *c, char *error, size_t error_size)
{
    const struct tap_options options = {
        .listen = c->tail.listen,
        .program = rt->program->name,
        .instance = rt->source.instance,
        .version = SR_VERSION,
        .is_binary = rt->program->batch_delimited && sr_snapshot_form(c).form == SR_FORM_WIRE,
    };

    return tap_start(&options, &rt->tap, error, error_size);
}

static bool
start_workers(struct runtime *rt, char *error, size_t error_size)
{
    uint64_t connections = 0;

    for (const struct sr_worker *w = rt->workers; w < rt->workers + rt->worker_count; w++) {
        bool first = w == rt->workers || w->listener != w[-1].listener; /* of its sockets */
        connections += w->at.is_stream && first ? w->stream_options.connections : 0;
    }
    sr_tcp_expect(connections);
    rt->workers_started = true;
    for (size_t i = 0; i < rt->worker_count; i++) {
        rt->workers[i].tap = rt->tap;
        if (!sr_worker_start(&rt->workers[i])) {
            (void)snprintf(error, error_size, "cannot start a receiving thread");
            return false;
        }
    }
    return true;
}

/* ---- Health, asked by the HTTP thread and the watchdog ---- */

static bool
is_healthy(void *arg, char *why, size_t why_size)
{
    struct runtime *rt = arg;
    uint64_t now_ns = sr_clock_monotonic_ns();
    struct sr_sink_status status;

    rt->sink->ops->status(rt->sink, &status);
    if (status.failed || now_ns > status.heartbeat_ns + ALIVE_NS) {
        (void)snprintf(why, why_size, "the output's thread does not go round: %s", status.text);
        return false;
    }
    bool fine = true;
    (void)pthread_mutex_lock(&rt->mutex); /* receivers go when `running` does */
    for (size_t i = 0; i < rt->worker_count && rt->running; i++) {
        if (now_ns > sr_worker_heartbeat(&rt->workers[i]) + ALIVE_NS) {
            (void)snprintf(why, why_size, "a receiving thread does not go round: %s",
                rt->stats->listeners[rt->workers[i].listener].name);
            fine = false;
        }
    }
    (void)pthread_mutex_unlock(&rt->mutex);
    return fine;
}

static bool
is_ready(void *arg, char *why, size_t why_size)
{
    struct runtime *rt = arg;
    struct sr_sink_status status;

    rt->sink->ops->status(rt->sink, &status);
    (void)pthread_mutex_lock(&rt->mutex);
    bool running = rt->running, stopping = rt->stopping;
    (void)pthread_mutex_unlock(&rt->mutex);
    if (!running) {
        (void)snprintf(why, why_size, "%s", stopping ? "stopping" : "starting");
        return false;
    }
    struct sr_queue_status queue;
    sr_queue_status(rt->queue, &queue);
    if (queue.disk_error != 0 && sr_queue_durability(rt->queue) == SR_QUEUE_ALWAYS) {
        (void)snprintf(why, why_size, "queue.dir takes no data: %s; %s", strerror(queue.disk_error),
            sr_spool_advice(queue.disk_error));
        return false;
    }
    (void)snprintf(why, why_size, "accepting records; output: %s", status.text);
    return true;
}

/* ---- The loop ---- */

static void
apply_log_level(const void *config)
{
    const struct sr_conf_common *c = config;

    sr_log_set_level((enum sr_log_level)(SR_LOG_ERROR + c->log.level));
}

/* Puts a configuration in place of the current one. */
static bool
install(struct runtime *rt, void *config, char *error, size_t error_size)
{
    char ignored[256];

    apply_log_level(config); /* first: workers use what is installed at once, and log */
    if (tls_listeners_reload(rt->tls, config, error, error_size)) {
        if (sr_snapshot_install(&rt->snapshots, config, true, error, error_size)) {
            return true;
        }
        (void)tls_listeners_reload(
            rt->tls, rt->snapshots.current->config, ignored, sizeof(ignored));
    }
    apply_log_level(rt->snapshots.current->config);
    return false;
}

/* Reads what a start now would read: another file of the same names, if that has come or gone. */
static void *
read_again(struct runtime *rt)
{
    struct sr_conf_problems *problems = sr_conf_problems_new();
    char unread[1024];
    void *config = NULL;

    if (problems != NULL &&
        sr_conf_choose(&rt->source, rt->program->name, unread, sizeof(unread), problems)) {
        sr_conf_log_unread(&rt->source, unread);
        config = sr_conf_load(rt->program->schema, &rt->source, problems);
    }
    for (size_t i = 0; problems != NULL && i < sr_conf_problems_count(problems); i++) {
        sr_log(SR_LOG_ERROR, "%s", sr_conf_problems_text(problems, i));
    }
    sr_conf_problems_free(problems);
    return config;
}

/* Reads the configuration again; all or nothing. */
static void
reload(struct runtime *rt)
{
    char text[512];

    sr_notify(
        "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(sr_clock_monotonic_ns() / 1000));
    void *config = read_again(rt);
    const char *key = config != NULL ? sr_conf_restart_key(rt->program->schema, rt->boot_config,
                                           config, text, sizeof(text))
                                     : NULL;
    if (config == NULL) {
        sr_log(SR_LOG_ERROR, "the configuration is not reloaded: mend the problems above");
    } else if (key != NULL) {
        sr_log(SR_LOG_ERROR,
            "the configuration is not reloaded: a new value of %s needs a restart of the service",
            key);
    } else if (install(rt, config, text, sizeof(text))) {
        rt->sink->ops->reload(rt->sink);
        sr_log(SR_LOG_NOTICE, "the configuration is reloaded");
        config = NULL;
    } else {
        sr_log(SR_LOG_ERROR, "the configuration is not reloaded: %s", text);
    }
    sr_conf_free(config);
    sr_notify("READY=1");
}

/*
 * From here a second SIGTERM or SIGINT ends the process at once, as whoever sends it expects.
 * SIGHUP stays caught and is not looked at.
 */
static void
let_go_of_stop_signals(struct runtime *rt)
{
    (void)uv_signal_stop(&rt->signals[0]);
    (void)uv_signal_stop(&rt->signals[1]);
}

static void
on_signal(uv_signal_t *handle, int signum)
{
    struct runtime *rt = handle->data;

    if (signum == SIGHUP) {
        if (!rt->stopping) {
            reload(rt);
        }
        return;
    }
    let_go_of_stop_signals(rt);
    sr_log(SR_LOG_NOTICE, "stopping signal=%s", signum == SIGTERM ? "SIGTERM" : "SIGINT");
    uv_stop(&rt->loop);
}

static void
maintain(void *arg, bool last)
{
    struct runtime *rt = arg;
    uint64_t generation;

    if (rt->program->maintain != NULL) {
        rt->program->maintain(rt->state, last);
    }
    if (!last) {
        struct sr_snapshot *s = sr_snapshot_hold(&rt->snapshots, &generation);
        tls_listeners_watch(rt->tls, s->config, sr_clock_monotonic_ns());
        sr_snapshot_release(&rt->snapshots, s);
    }
}

/*
 * Only while every receiving thread and the output's go round. Whether the server takes anything is
 * no matter: a restart would not mend that.
 */
static void
feed_watchdog(struct runtime *rt, uint64_t now_ns, const char *output)
{
    char why[256];

    if (is_healthy(rt, why, sizeof(why))) {
        rt->next_watchdog_ns = now_ns + rt->watchdog_ns;
        rt->starving = false;
        sr_notify("WATCHDOG=1\nSTATUS=output: %s", output);
    } else if (!rt->starving) {
        rt->starving = true;
        sr_log(SR_LOG_ERROR, "the watchdog is not fed: %s", why);
        sr_notify("STATUS=the watchdog is not fed: %s", why);
    }
}

static void
on_tick(uv_timer_t *timer)
{
    struct runtime *rt = timer->data;
    uint64_t now_ns = sr_clock_monotonic_ns();
    struct sr_sink_status status;

    rt->sink->ops->status(rt->sink, &status);
    if (status.failed) {
        rt->exit_code = EXIT_RUN;
        uv_stop(&rt->loop);
        return;
    }
    maintenance_tick(&rt->maintenance, &rt->loop, now_ns);
    heap_tick(&rt->heap, now_ns);
    if (rt->watchdog_ns != 0 && now_ns >= rt->next_watchdog_ns) {
        feed_watchdog(rt, now_ns, status.text);
    }
}

static bool
open_loop(struct runtime *rt)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP }; /* the order of rt->signals */

    if (uv_loop_init(&rt->loop) != 0) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        (void)uv_signal_init(&rt->loop, &rt->signals[i]);
        rt->signals[i].data = rt;
        (void)uv_signal_start(&rt->signals[i], on_signal, numbers[i]);
    }
    rt->tick.data = rt;
    return uv_timer_init(&rt->loop, &rt->tick) == 0;
}

static void
close_loop(struct runtime *rt)
{
    for (size_t i = 0; i < 3; i++) {
        uv_close((uv_handle_t *)&rt->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&rt->tick, NULL);
    (void)uv_run(&rt->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&rt->loop);
}

/* ---- Stopping ---- */

static void
stop_workers(struct runtime *rt)
{
    (void)pthread_mutex_lock(&rt->mutex);
    rt->stopping = true;
    rt->running = false;
    (void)pthread_mutex_unlock(&rt->mutex);
    for (size_t i = 0; i < rt->worker_count; i++) {
        sr_worker_stop(&rt->workers[i]);
    }
    for (size_t i = 0; i < rt->worker_count; i++) {
        sr_worker_done(&rt->workers[i]);
    }
}

/* The last maintenance, behind the last datagram and any other maintenance. */
static void
end_maintenance(struct runtime *rt)
{
    if (rt->workers_started) {
        (void)uv_timer_stop(&rt->tick);
        maintenance_end(&rt->maintenance, &rt->loop);
    }
}

/* Moves while segments are given back or go to disk. */
static uint64_t
queue_progress(void *arg)
{
    const struct runtime *rt = arg;
    struct sr_queue_status status = { .memory_used = 0 };

    if (rt->queue != NULL) {
        sr_queue_status(rt->queue, &status);
    }
    return 3 * status.memory_used + status.disk_used; /* what moves from one to the other counts */
}

static void
tear_down(struct runtime *rt)
{
    const struct sr_conf_common *conf = rt->boot_config;
    struct stopping *told =
        stopping_start(queue_progress, rt, sr_clock_monotonic_ns() + conf->shutdown_timeout);

    stop_workers(rt);
    tap_stop(rt->tap);
    end_maintenance(rt);
    if (rt->sink != NULL) {
        const struct sr_conf_common *c = rt->snapshots.current->config;
        rt->sink->ops->stop(rt->sink, sr_clock_monotonic_ns() + c->shutdown_timeout);
    }
    uint64_t unkept = rt->durable != NULL ? durable_stop(rt->durable) : 0;
    stopping_end(told);
    bool kept = rt->durable != NULL;
    if (rt->sink_started && !sr_ledgers_report(rt->stats, rt->queue, kept, unkept)) {
        rt->exit_code = EXIT_RUN;
    }
    sr_metrics_stop(rt->metrics);
    if (rt->sink != NULL) {
        rt->sink->ops->free(rt->sink);
    }
    sr_snapshots_done(&rt->snapshots);
    if (rt->state != NULL) {
        rt->program->state_free(rt->state);
    }
    for (unsigned i = 0;
         rt->listeners != NULL && rt->stats != NULL && i < rt->stats->listener_count; i++) {
        answers_free(rt->listeners[i].answers);
    }
    free(rt->listeners);
    tls_listeners_free(rt->tls);
    durable_free(rt->durable);
    sr_queue_free(rt->queue);
    sr_stats_free(rt->stats);
    free(rt->workers);
    sr_listen_fds_free(rt->passed);
    sr_conf_free(rt->boot_config);
    (void)pthread_mutex_destroy(&rt->mutex);
}

static bool
start_metrics(struct runtime *rt, const struct sr_conf_common *c, char *error, size_t error_size)
{
    struct sr_metrics_view view = {
        .program = rt->program->name,
        .version = SR_VERSION,
        .stats = rt->stats,
        .queue = rt->queue,
        .sink = rt->sink,
        .buffers = &rt->buffers,
        .arg = rt,
        .healthy = is_healthy,
        .ready = is_ready,
        .more = rt->program->metrics,
        .more_arg = rt->state,
    };

    if (strcmp(c->metrics.listen, "off") == 0) {
        return true;
    }
    rt->metrics = sr_metrics_start(c->metrics.listen, &view, error, error_size);
    return rt->metrics != NULL;
}

/* Goes on where the process before ended. */
static bool
take_over(struct runtime *rt, char *error, size_t error_size)
{
    unsigned listener = 0, worker = 0;

    if (!durable_start(rt->durable, rt->queue, rt->stats, rt->sink, error, error_size)) {
        return false;
    }
    for (size_t i = 0; i < rt->worker_count; i++) {
        worker = rt->workers[i].listener == listener ? worker : 0;
        listener = rt->workers[i].listener;
        rt->workers[i].slot = durable_worker_slot(rt->durable, listener, worker++);
    }
    return true;
}

/* Everything in order: what can fail for want of rights or ports fails before anything flows. */
static bool
start(struct runtime *rt, char *error, size_t error_size)
{
    const struct sr_conf_common *c = rt->boot_config;

    if (rt->passed == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    if (!sr_snapshot_install(&rt->snapshots, rt->boot_config, false, error, error_size) ||
        !open_listeners(rt, c, error, error_size) || !make_state(rt, c, error, error_size)) {
        return false;
    }
    if (rt->durable != NULL &&
        !durable_add_lanes(rt->durable, rt->queue, rt->stats, c->publish.dead_letter)) {
        (void)snprintf(error, error_size,
            "out of memory, or queue.memory or queue.disk is too small for all subjects of what "
            "waits in queue.dir: raise them");
        return false;
    }
    rt->sink = new_sink(rt, c);
    if (rt->sink == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    if (rt->durable != NULL && !take_over(rt, error, error_size)) {
        return false;
    }
    if (!rt->sink->ops->start(rt->sink, error, error_size)) {
        return false;
    }
    rt->sink_started = true;
    if (!start_metrics(rt, c, error, error_size) || !start_tap(rt, c, error, error_size) ||
        !start_workers(rt, error, error_size)) {
        return false;
    }
    (void)pthread_mutex_lock(&rt->mutex);
    rt->running = true;
    (void)pthread_mutex_unlock(&rt->mutex);
    /* Not before all that a tick looks at is there: the loop runs once after a failed start too. */
    return uv_timer_start(&rt->tick, on_tick, TICK_MS, TICK_MS) == 0;
}

int
sr_runtime_run(const struct sr_program *program, void **config, const struct sr_conf_source *source)
{
    struct runtime rt = { .program = program, .source = *source, .boot_config = *config };
    char error[512] = "cannot make an event loop";

    *config = NULL;
    apply_log_level(rt.boot_config);
    rt.passed = sr_listen_fds_new(); /* before any descriptor is opened */
    (void)pthread_mutex_init(&rt.mutex, NULL);
    sr_snapshots_init(&rt.snapshots, program);
    rt.maintenance =
        (struct maintenance){ .arg = &rt, .run = maintain, .needed = program->maintain != NULL };
    rt.watchdog_ns = sr_notify_watchdog_ns();
    /* Signals are caught before anything is started, so that none ends us half-way. */
    bool looped = open_loop(&rt);
    if (looped && start(&rt, error, sizeof(error))) {
        sr_notify("READY=1\nSTATUS=accepting records");
        sr_log(
            SR_LOG_NOTICE, "started version=%s listeners=%u", SR_VERSION, rt.stats->listener_count);
        (void)uv_run(&rt.loop, UV_RUN_DEFAULT);
    } else {
        sr_log(SR_LOG_ERROR, "%s", error);
        rt.exit_code = EXIT_RUN;
    }
    if (looped) {
        let_go_of_stop_signals(&rt);
    }
    tear_down(&rt);
    if (looped) {
        close_loop(&rt);
    }
    return rt.exit_code;
}
