/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NATS sink: the publisher's thread, which reads the queue, and the machine that keeps it
 * connected. What it knows of NATS is in pub_nats.h, what it knows of lanes in pub_lanes.h.
 *
 * One reconnect machine, ours. nats.c's own closes for ever after two equal authentication errors,
 * fails one authentication in 256 at random and may hang in connecting; so each attempt is made
 * with fresh options in a thread of its own, under our deadline, with jittered back-off.
 */
#include "sr/sink.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "shell/pub_lanes.h"
#include "shell/pub_nats.h"
#include "shell/pub_stream.h"
#include "shell/pub_trouble.h"
#include "shell/stalled.h"
#include "sr/backoff.h"
#include "sr/clock.h"
#include "sr/log.h"

#include "sr/banned.h"

#define IDLE_NS (100 * SR_NS_PER_MS)  /* longest sleep */
#define SETTLE_NS (5 * SR_NS_PER_MS)  /* how long answers may wait to be looked at */
#define PRESS_NS (1 * SR_NS_PER_MS)   /* the same, when sending waits for them */
#define REQUEST_NS (SR_NS_PER_MS / 4) /* the same, when the sender of a request waits for them */
#define RETRY_MIN_NS (100 * SR_NS_PER_MS)
#define RETRY_MAX_NS (10 * SR_NS_PER_SECOND)
#define QUICK_RETRIES 3U                /* nats.c 3.4.1 fails 1 in 256 authentications */
#define WATCH_NS (5 * SR_NS_PER_SECOND) /* how often credential files are looked at */
#define MANAGE_AFTER_NS (30 * SR_NS_PER_SECOND)
#define RETIRED_MAX 8U
#define CLOSE_MS 2000 /* for the library's threads at the end of the process */
#define LAST_WORDS_NS SR_NS_PER_SECOND
#define DRAIN_NS (2 * SR_NS_PER_SECOND)       /* for what is in flight on a connection to be left */
#define HASTE_NS (2 * SR_NS_PER_SECOND)       /* for one server, while another may do */
#define HANGING_MAX 4U                        /* attempts that hang at a time */
#define SHORT_LIFE_NS (10 * SR_NS_PER_SECOND) /* a connection that ends sooner was none */

struct publisher {
    struct sr_sink base;
    struct sr_sink_nats_options options;
    struct pub_lanes *lanes;
    pthread_t thread;
    bool started;

    /* The publisher's thread only. */
    struct pub_link *link;                 /* NULL: not connected */
    struct pub_link *next;                 /* takes over once `link` is drained; NULL: none */
    uint64_t drain_deadline_ns;            /* when `next` waits no longer */
    struct pub_link *retired[RETIRED_MAX]; /* closed, with callbacks perhaps still running */
    struct pub_attempt *attempt;           /* NULL: none under way */
    uint64_t attempt_deadline_ns;
    uint64_t next_attempt_ns;
    uint64_t now_ns;      /* of this round */
    size_t url;           /* of the server that is tried, or will be; stays during an attempt */
    size_t link_url;      /* of the server of `link` */
    size_t tried;         /* servers that failed since the last pause */
    unsigned rounds;      /* in which all servers failed, since one answered */
    unsigned failures;    /* the same, and what counts as that much in the pause */
    unsigned short_lives; /* connections in a row that ended soon */
    bool refused;         /* the last attempt was refused its credentials */
    uint64_t adopted_ns;
    uint64_t garbage; /* answers of earlier connections that acknowledge nothing */
    struct sr_log_limit coming, going, forbidden;
    bool replace; /* the credentials changed or the server leaves: connect anew, then switch */
    bool leaving; /* the server of `link` has said that it will shut down */
    bool managed; /* manage_stream has had its one try */
    uint64_t next_watch_ns;
    uint64_t files_stamp;         /* of the files as last used, or as last seen to change */
    uint64_t attempt_stamp;       /* of the files when the attempt began */
    char trouble[PUB_TEXT_MAX];   /* the last one, "" once connected */
    struct pub_trouble *troubles; /* by url */
    char complaint[PUB_TEXT_MAX]; /* of the server of `link`, not logged yet; "": none */
    uint64_t complaint_ns;

    _Atomic bool stopping, reload;
    _Atomic uint64_t stop_deadline_ns;
    pthread_mutex_t mutex; /* guards `shown` */
    struct sr_sink_status shown;
};

/* ---- Connecting ---- */

/* Tells of trouble with the server at `url`, an index. */
static void
report_trouble(struct publisher *p, size_t url, const char *what, const char *error)
{
    (void)snprintf(p->trouble, sizeof(p->trouble), "%s", error);
    pub_trouble_tell(&p->troubles[url], p->now_ns, p->options.conf, url, what, error);
}

static void
plan_next_attempt(struct publisher *p)
{
    unsigned step = p->failures > QUICK_RETRIES ? p->failures - QUICK_RETRIES : 0;

    p->tried = 0;
    p->next_attempt_ns =
        p->now_ns + sr_backoff_ns(RETRY_MIN_NS, RETRY_MAX_NS, step, sr_clock_random_u64());
}

static void
turn_to_next_server(struct publisher *p)
{
    p->url = (p->url + 1) % p->options.conf->url.count;
}

/* The next attempt may begin at once: earlier failures say nothing of it. */
static void
start_anew(struct publisher *p)
{
    p->tried = 0;
    p->rounds = 0;
    p->failures = 0;
    p->next_attempt_ns = p->now_ns;
}

/*
 * True for a refusal of credentials that may mean nothing: nats.c before 3.8 spoils every signature
 * that begins with a zero byte. The next attempt, in a moment, shows what it meant.
 */
static bool
may_be_chance(struct publisher *p, const char *error)
{
    bool before = p->refused;

    p->refused = strcasestr(error, "authorization violation") != NULL;
    return p->refused && !before;
}

static void
attempt_failed(struct publisher *p, const char *error)
{
    if (!may_be_chance(p, error)) {
        report_trouble(p, p->url,
            p->link == NULL ? "cannot connect to NATS" : "cannot renew the NATS connection", error);
    }
    turn_to_next_server(p);
    p->next_attempt_ns = p->now_ns;
    p->tried++;
    if (p->tried >= p->options.conf->url.count) {
        p->rounds++;
        p->failures++;
        plan_next_attempt(p);
    }
}

/* Frees the retired links that nats.c is done with. True when there are no others. */
static bool
free_retired(struct publisher *p)
{
    bool all = true;

    for (size_t i = 0; i < RETIRED_MAX; i++) {
        if (p->retired[i] != NULL && pub_link_is_idle(p->retired[i])) {
            pub_link_free(p->retired[i]);
            p->retired[i] = NULL;
        }
        all = all && p->retired[i] == NULL;
    }
    return all;
}

static void
take_answer(void *arg, const struct pub_answer *a)
{
    struct publisher *p = arg;

    if (a->refusal == SR_REFUSAL_NONE) {
        pub_lanes_stored(p->lanes, a->number, a->duplicate);
    } else {
        pub_lanes_refused(p->lanes, p->now_ns, a->number, (enum sr_refusal)a->refusal);
    }
}

/* Closes a connection and keeps it until nats.c is done with it. */
static void
retire(struct publisher *p, struct pub_link *l)
{
    pub_link_close(l);
    for (;;) { /* a place is free at once: nats.c closes in milliseconds */
        for (size_t i = 0; i < RETIRED_MAX; i++) {
            if (p->retired[i] == NULL) {
                p->retired[i] = l;
                return;
            }
        }
        (void)free_retired(p);
    }
}

/* Takes the connection out of service; all that is in flight on it will be sent again. */
static void
retire_link(struct publisher *p)
{
    struct pub_link *l = p->link;

    /* What is answered must not be sent again: the server may come back after its window. */
    pub_link_answers(l, take_answer, p);
    p->garbage += pub_link_garbage(l);
    p->link = NULL;
    pub_lanes_disconnected(p->lanes, p->now_ns);
    retire(p, l);
}

/* Of many connections that end at once, only one a minute is worth its two lines. */
static bool
may_tell(const struct publisher *p, struct sr_log_limit *limit)
{
    uint64_t suppressed;

    return p->short_lives <= QUICK_RETRIES || sr_log_allowed(limit, &suppressed);
}

/* From now on this connection is the one. */
static void
install(struct publisher *p, struct pub_link *l)
{
    char url[PUB_TEXT_MAX];

    p->link = l;
    p->link_url = p->url;
    p->adopted_ns = p->now_ns;
    p->refused = false;
    p->leaving = false;
    p->complaint[0] = '\0';
    pub_link_url(l, url, sizeof(url));
    if (may_tell(p, &p->coming)) {
        sr_log(SR_LOG_NOTICE, "connected to NATS url=%s", url);
    }
    (void)pthread_mutex_lock(&p->mutex);
    p->shown.connects++;
    (void)pthread_mutex_unlock(&p->mutex);
}

/*
 * A new connection is up. Beside an older one it waits for a moment, in which nothing is sent: what
 * is in flight there is acknowledged there, and need not be sent again.
 */
static void
adopt(struct publisher *p, struct pub_link *l)
{
    start_anew(p);
    p->replace = false;
    p->files_stamp = p->attempt_stamp; /* what changed since then is seen as a change */
    p->trouble[0] = '\0';
    pub_trouble_end(&p->troubles[p->url]);
    if (p->link == NULL) {
        install(p, l);
        return;
    }
    p->next = l;
    p->drain_deadline_ns = p->now_ns + DRAIN_NS;
}

/* Looks after the connection that is to take over. */
static void
follow_next(struct publisher *p)
{
    struct pub_link *l = p->next;
    char said[PUB_TEXT_MAX];

    if (pub_link_is_closed(l)) {
        bool any = pub_link_complaint(l, said, sizeof(said));
        p->next = NULL;
        retire(p, l);
        p->replace = p->link != NULL;
        attempt_failed(p, any ? said : "closed");
        return;
    }
    if (pub_lanes_in_flight(p->lanes) > 0 && p->now_ns < p->drain_deadline_ns &&
        !pub_link_is_closed(p->link)) {
        return;
    }
    p->next = NULL;
    retire_link(p);
    install(p, l);
}

/* An attempt hangs, or too many do. */
static void
give_up_hanging(struct publisher *p)
{
    if (p->link == NULL) {
        sr_stalled_break(p->options.conf->url.items, p->options.conf->url.count);
    }
    attempt_failed(p, "timeout: the server accepts the connection and stays silent");
}

/* Looks after the attempt under way: its end, or the end of our patience. */
static void
follow_attempt(struct publisher *p)
{
    char error[PUB_TEXT_MAX];
    struct pub_link *l = NULL;
    enum pub_attempt_state state = pub_attempt_poll(p->attempt, &l, error, sizeof(error));

    if (state == PUB_ATTEMPT_UP) {
        p->attempt = NULL;
        adopt(p, l);
    } else if (state == PUB_ATTEMPT_FAILED) {
        p->attempt = NULL;
        attempt_failed(p, error);
    } else if (p->now_ns >= p->attempt_deadline_ns) {
        pub_attempt_abandon(p->attempt);
        p->attempt = NULL;
        give_up_hanging(p);
    }
}

/* The connection broke; `error` is what we know when nats.c says nothing. */
static void
lose_link(struct publisher *p, const char *error)
{
    char said[PUB_TEXT_MAX];
    bool any = pub_link_complaint(p->link, said, sizeof(said));

    if (p->complaint[0] != '\0') { /* what it said is why it hung up */
        (void)snprintf(said, sizeof(said), "%s", p->complaint);
        p->complaint[0] = '\0';
        any = true;
    }
    p->short_lives = p->now_ns - p->adopted_ns < SHORT_LIFE_NS ? p->short_lives + 1 : 0;
    if (may_tell(p, &p->going)) {
        sr_log(SR_LOG_WARNING, "lost the connection to NATS error=\"%s\"", any ? said : error);
    }
    if (p->short_lives > 0 && pub_lanes_in_flight(p->lanes) > 0) {
        /* A server cuts who does not read its answers fast enough, and would do so again. */
        pub_lanes_overwhelmed(p->lanes);
    }
    retire_link(p);
    p->failures = p->short_lives;
    /* What worked for long is the best guess; an attempt under way has its server already. */
    if (p->attempt == NULL && (p->short_lives > 0 || p->leaving)) {
        turn_to_next_server(p);
    }
    plan_next_attempt(p);
}

/* The server is about to shut down ("lame duck mode"): leaves it before it cuts the connection. */
static void
leave_server(struct publisher *p)
{
    char url[PUB_TEXT_MAX];

    pub_link_url(p->link, url, sizeof(url));
    sr_log(
        SR_LOG_NOTICE, "the NATS server is about to shut down: connecting to another url=%s", url);
    p->leaving = true;
    p->replace = true;
    p->url = p->link_url;
    turn_to_next_server(p);
    start_anew(p);
}

/* A number that changes when a file of the connection's identity does. */
static uint64_t
stamp_files(const struct sr_conf_nats *conf)
{
    const char *const files[] = { conf->creds_file, conf->tls.ca_file, conf->tls.cert_file,
        conf->tls.key_file };
    uint64_t stamp = 0;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct stat st;
        if (files[i] == NULL || stat(files[i], &st) != 0) {
            continue;
        }
        stamp = stamp * 1099511628211ULL + (uint64_t)st.st_mtim.tv_sec * SR_NS_PER_SECOND +
                (uint64_t)st.st_mtim.tv_nsec + (uint64_t)st.st_ino;
    }
    return stamp;
}

/* How long an attempt may take: one dead server of several must not hold up a start for long. */
static uint64_t
patience_ns(const struct publisher *p)
{
    uint64_t patience = p->options.conf->connect_timeout;
    bool hasty = p->rounds == 0 && p->options.conf->url.count > 1;

    return hasty && patience > HASTE_NS ? HASTE_NS : patience;
}

static void
supervise(struct publisher *p)
{
    char error[PUB_TEXT_MAX];

    (void)free_retired(p);
    if (p->next != NULL) {
        follow_next(p);
    }
    if (p->link != NULL && p->next == NULL && pub_link_is_closed(p->link)) {
        lose_link(p, "closed");
    }
    if (p->attempt != NULL) {
        follow_attempt(p);
        return;
    }
    if (p->next != NULL) {
        return;
    }
    if (p->link != NULL && !p->leaving && pub_link_is_leaving(p->link)) {
        leave_server(p);
    }
    if ((p->link != NULL && !p->replace) || p->now_ns < p->next_attempt_ns) {
        return;
    }
    /* Beside a connection that works they cannot be freed: sr_stalled_break() would end it too. */
    if (pub_attempts_abandoned() >= HANGING_MAX) {
        give_up_hanging(p);
        return;
    }
    p->attempt_deadline_ns = p->now_ns + patience_ns(p);
    p->attempt_stamp = stamp_files(p->options.conf); /* of what it is about to read */
    p->files_stamp = p->attempt_stamp;
    p->attempt = pub_attempt_start(p->options.conf, p->options.conf->url.items[p->url],
        p->options.name, sr_queue_wake(p->base.queue), error, sizeof(error));
    if (p->attempt == NULL) {
        attempt_failed(p, error);
    }
}

/* New credentials on disk: connect with them first, switch, then close the old connection. */
static void
watch_files(struct publisher *p)
{
    bool asked = atomic_exchange(&p->reload, false);

    if (!asked && p->now_ns < p->next_watch_ns) {
        return;
    }
    p->next_watch_ns = p->now_ns + WATCH_NS;
    uint64_t stamp = stamp_files(p->options.conf);
    if (stamp != p->files_stamp) {
        p->files_stamp = stamp;
        p->replace = p->link != NULL;
        start_anew(p); /* what the old files met says nothing of the new */
        sr_log(SR_LOG_NOTICE, "the files of the NATS connection changed: connecting with the new");
    }
}

/* ---- Publishing ---- */

static void
take_errors(struct publisher *p)
{
    char text[PUB_TEXT_MAX];
    uint64_t suppressed;

    while (pub_link_forbidden(p->link, text, sizeof(text))) {
        struct sr_span subject = { (const uint8_t *)text, strlen(text) };
        if (!pub_lanes_forbidden(p->lanes, p->now_ns, subject) &&
            sr_log_allowed(&p->forbidden, &suppressed)) {
            sr_log(SR_LOG_WARNING,
                "the server forbids to publish on subject=%s advice=\"if the account maps a "
                "listener's subject to it, allow it in the user's permissions\"",
                text);
        }
    }
    if (!pub_link_is_closed(p->link) && pub_link_complaint(p->link, text, sizeof(text))) {
        (void)snprintf(p->complaint, sizeof(p->complaint), "%s", text);
        p->complaint_ns = p->now_ns;
    }
    /* Most complaints are the last words of a connection, and are told with its end. */
    if (p->complaint[0] != '\0' && p->now_ns - p->complaint_ns >= LAST_WORDS_NS) {
        report_trouble(p, p->link_url, "the NATS server complains", p->complaint);
        p->complaint[0] = '\0';
    }
}

static char *
request(void *arg, const char *subject, const char *body, int64_t timeout_ms)
{
    return pub_link_request(arg, subject, body, timeout_ms);
}

/* D5: makes or widens the stream, once per process, when nobody has taken a subject for 30 s. */
static void
manage_stream(struct publisher *p)
{
    const struct sr_conf_nats *conf = p->options.conf;

    if (p->managed || conf->manage_stream == SR_MANAGE_NEVER ||
        pub_lanes_without_stream(p->lanes, p->now_ns, MANAGE_AFTER_NS) == NULL) {
        return;
    }
    p->managed = true;
    pub_stream_manage(conf, p->base.queue, request, p->link);
    pub_lanes_retry_now(p->lanes, p->now_ns);
}

/* One round with a connection. */
static void
serve(struct publisher *p)
{
    pub_link_answers(p->link, take_answer, p);
    take_errors(p);
    pub_lanes_tick(p->lanes, p->now_ns);
    pub_lanes_keep(p->lanes, p->base.slot);
    if (p->next != NULL) {
        return; /* what is in flight comes to its end first */
    }
    manage_stream(p);
    if (!pub_lanes_send(
            p->lanes, p->now_ns, pub_link_max_payload(p->link), pub_link_send, p->link)) {
        lose_link(p, "cannot write");
    }
}

/* How long there is nothing to do. Acknowledgements wake nobody: a look now and then costs less. */
static uint64_t
sleep_until(struct publisher *p)
{
    uint64_t until = p->now_ns + IDLE_NS;

    if (p->link == NULL) {
        return p->attempt == NULL && p->next_attempt_ns < until ? p->next_attempt_ns : until;
    }
    uint64_t due = pub_lanes_due_ns(p->lanes);
    if (due < until) {
        until = due;
    }
    if (pub_lanes_in_flight(p->lanes) > 0) {
        bool pressing = pub_lanes_blocked(p->lanes) || pub_lanes_troubled(p->lanes) ||
                        p->next != NULL || atomic_load(&p->stopping);
        uint64_t look = p->now_ns + (pressing ? PRESS_NS : SETTLE_NS);
        if (pub_lanes_requests_in_flight(p->lanes) > 0) {
            look = p->now_ns + REQUEST_NS;
        }
        until = look < until ? look : until;
    }
    return until;
}

static bool
is_drained(const struct publisher *p)
{
    for (size_t i = 0; i < sr_queue_lane_count(p->base.queue); i++) {
        if (!sr_lane_empty(sr_queue_lane(p->base.queue, i))) {
            return false;
        }
    }
    return true;
}

/* True when there is nothing left to send, no time, or nobody to send to while the disk has it. */
static bool
may_end(const struct publisher *p)
{
    bool on_disk = sr_queue_durability(p->base.queue) != SR_QUEUE_MEMORY;

    return is_drained(p) || p->now_ns >= atomic_load(&p->stop_deadline_ns) ||
           (on_disk && p->link == NULL);
}

static void
show(struct publisher *p)
{
    (void)pthread_mutex_lock(&p->mutex);
    p->shown.up = p->link != NULL;
    p->shown.in_flight = pub_lanes_in_flight(p->lanes);
    p->shown.heartbeat_ns = p->now_ns;
    p->shown.unexpected_duplicates = pub_lanes_unexpected_duplicates(p->lanes);
    p->shown.garbage_acks = p->garbage + (p->link != NULL ? pub_link_garbage(p->link) : 0);
    for (int i = 0; i < SR_REFUSAL_COUNT; i++) {
        p->shown.refusals[i] = pub_lanes_refusals(p->lanes, (enum sr_refusal)i);
    }
    (void)snprintf(p->shown.text, sizeof(p->shown.text), "%s",
        p->link != NULL         ? "connected"
        : p->trouble[0] != '\0' ? p->trouble
                                : "connecting");
    (void)pthread_mutex_unlock(&p->mutex);
}

static void *
run(void *arg)
{
    struct publisher *p = arg;
    struct sr_wake *wake = sr_queue_wake(p->base.queue);

    (void)pthread_setname_np(pthread_self(), "publish");
    for (;;) {
        uint64_t epoch = sr_wake_epoch(wake);
        bool stopping = atomic_load(&p->stopping);

        p->now_ns = sr_clock_monotonic_ns();
        supervise(p);
        watch_files(p);
        if (p->link != NULL) {
            serve(p);
        } else {
            pub_lanes_keep(p->lanes, p->base.slot); /* the last answers of a lost connection */
        }
        show(p);
        if (stopping) {
            pub_lanes_keep(p->lanes, p->base.slot); /* shows dead letters made in this round */
            if (may_end(p)) {
                return NULL;
            }
        }
        sr_wake_sleep(wake, epoch, sleep_until(p));
    }
}

/* ---- The sink ---- */

static bool
nats_start(struct sr_sink *sink, char *error, size_t error_size)
{
    struct publisher *p = (struct publisher *)sink;

    p->files_stamp = stamp_files(p->options.conf);
    p->shown.heartbeat_ns = sr_clock_monotonic_ns();
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        (void)snprintf(error, error_size, "cannot start the publisher's thread");
        return false;
    }
    p->started = true;
    return true;
}

static void
nats_reload(struct sr_sink *sink)
{
    struct publisher *p = (struct publisher *)sink;

    atomic_store(&p->reload, true);
    sr_wake_signal(sr_queue_wake(p->base.queue));
}

static void
nats_status(struct sr_sink *sink, struct sr_sink_status *ret_status)
{
    struct publisher *p = (struct publisher *)sink;

    (void)pthread_mutex_lock(&p->mutex);
    *ret_status = p->shown;
    (void)pthread_mutex_unlock(&p->mutex);
}

static void
nats_stop(struct sr_sink *sink, uint64_t deadline_ns)
{
    struct publisher *p = (struct publisher *)sink;

    atomic_store(&p->stop_deadline_ns, deadline_ns);
    atomic_store(&p->stopping, true);
    sr_wake_signal(sr_queue_wake(p->base.queue));
    if (p->started) {
        (void)pthread_join(p->thread, NULL);
        p->started = false;
    }
}

/*
 * Attempts run in detached threads. They should be over before the process ends, for at its exit
 * libraries are torn down; a thread that hangs all the same is left behind.
 */
static void
end_attempts(struct publisher *p, uint64_t deadline_ns)
{
    struct timespec pause = { .tv_nsec = (long)(10 * SR_NS_PER_MS) };

    pub_attempt_abandon(p->attempt);
    p->attempt = NULL;
    while (pub_attempts_running() > 0 && sr_clock_monotonic_ns() < deadline_ns) {
        sr_stalled_break(p->options.conf->url.items, p->options.conf->url.count);
        (void)nanosleep(&pause, NULL);
    }
}

static void
nats_free(struct sr_sink *sink)
{
    struct publisher *p = (struct publisher *)sink;
    struct sr_wake *wake = sr_queue_wake(p->base.queue);
    uint64_t deadline = sr_clock_monotonic_ns() + 2 * SR_NS_PER_SECOND;

    if (p->next != NULL) {
        retire(p, p->next);
    }
    if (p->link != NULL) {
        retire_link(p);
    }
    for (size_t i = 0; i < RETIRED_MAX; i++) {
        /* Callbacks may still run: nats.c says when the last one has. */
        while (p->retired[i] != NULL && sr_clock_monotonic_ns() < deadline) {
            uint64_t epoch = sr_wake_epoch(wake);
            (void)free_retired(p);
            if (p->retired[i] != NULL) {
                sr_wake_sleep(wake, epoch, deadline);
            }
        }
    }
    end_attempts(p, deadline);
    if (free_retired(p) && pub_attempts_running() == 0) {
        pub_library_close(CLOSE_MS);
    }
    pub_lanes_free(p->lanes);
    (void)pthread_mutex_destroy(&p->mutex);
    free(p->troubles);
    free(p);
}

static size_t
nats_kept_values(struct sr_sink *sink)
{
    return pub_lanes_kept_values(((struct publisher *)sink)->lanes);
}

static void
nats_restore(struct sr_sink *sink, const struct kept_lane *kept)
{
    pub_lanes_restore(((struct publisher *)sink)->lanes, kept);
}

static void
nats_keep(struct sr_sink *sink)
{
    pub_lanes_keep(((struct publisher *)sink)->lanes, sink->slot);
}

static const struct sr_sink_ops nats_ops = {
    .kept_values = nats_kept_values,
    .restore = nats_restore,
    .keep = nats_keep,
    .start = nats_start,
    .reload = nats_reload,
    .status = nats_status,
    .stop = nats_stop,
    .free = nats_free,
};

struct sr_sink *
sr_sink_nats_new(
    struct sr_queue *q, struct sr_stats *stats, const struct sr_sink_nats_options *options)
{
    struct publisher *p = calloc(1, sizeof(*p));
    struct pub_lanes_options lanes = {
        .queue = q,
        .stats = stats,
        .dead_letters = options->dead_letters,
        .ack_timeout_ns = options->conf->ack_timeout,
        .stored = options->stored,
    };

    if (p == NULL) {
        return NULL;
    }
    p->lanes = pub_lanes_new(&lanes);
    if (p->lanes == NULL) {
        free(p);
        return NULL;
    }
    p->base = (struct sr_sink){ .ops = &nats_ops, .queue = q, .stats = stats };
    p->options = *options;
    p->troubles = calloc(options->conf->url.count, sizeof(*p->troubles));
    if (p->troubles == NULL) {
        pub_lanes_free(p->lanes);
        free(p);
        return NULL;
    }
    p->url = sr_clock_random_u64() % options->conf->url.count; /* not all to the first */
    (void)pthread_mutex_init(&p->mutex, NULL);
    return &p->base;
}
