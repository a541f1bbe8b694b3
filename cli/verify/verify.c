/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nats_admin.h"
#include "sr/clock.h"
#include "sr/creds.h"
#include "sr/records.h"
#include "verify/verify_end.h"
#include "verify/verify_trouble.h"

#include "sr/banned.h"

#define LOOK_NS (SR_NS_PER_SECOND / 5)   /* how long an interrupt may take to be seen */
#define SETTLE_NS (SR_NS_PER_SECOND / 2) /* after the last record: a second copy of it may come */
#define STALE_TICKS_MIN 5U               /* of LOOK_NS without a message */
#define STALE_TICKS_MAX 25U

/*
 * Threads: the one that sends and then waits (verify_sent, verify_finish), the one that reads here,
 * and those of the NATS library, which stay behind admin_follow(). The first two share what stands
 * under `lock`.
 */
struct verify {
    struct verify_options options;
    char url[VERIFY_URL_MAX]; /* for messages: without a password */
    char inbox[SR_CREDS_TEXT_MAX];
    struct admin_stream_state at_start;
    pthread_t thread;
    atomic_bool closing;
    struct admin *admin;  /* the reader's own, once it runs, and these: */
    uint64_t messages;    /* of this run, that were read */
    unsigned quiet_ticks; /* of LOOK_NS */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ledger *ledger;
    bool begun;     /* the server reads for us, or did so once */
    bool reading;   /* it does now */
    bool ended;     /* the reader, before it had begun: `trouble` says why */
    bool finishing; /* verify_finish() waits */
    bool is_full;   /* more was sent than the ledger holds */
    uint64_t next;  /* sequence number in the stream: only the reader changes it */
    uint64_t gone;  /* messages that left the stream before they were read */
    uint64_t at_ns; /* monotonic: of the last record of this run */
    struct trouble trouble;
};

static void
deadline_in(struct timespec *until, uint64_t ns)
{
    uint64_t at_ns = sr_clock_monotonic_ns() + ns;

    until->tv_sec = (time_t)(at_ns / SR_NS_PER_SECOND);
    until->tv_nsec = (long)(at_ns % SR_NS_PER_SECOND);
}

static bool
explain(const struct verify *v, enum admin_err err, const char *detail, struct trouble *trouble)
{
    return verify_trouble(trouble, v->url, v->options.stream, err, detail);
}

/* ---- The thread that reads ---- */

static struct sr_span
span_of(const char *text)
{
    return (struct sr_span){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

static bool
is_dead_letter(const struct admin_message *m)
{
    static const char suffix[] = ".deadletter";
    size_t len = strlen(m->subject);

    return m->reason != NULL || (len >= sizeof(suffix) - 1 &&
                                    strcmp(m->subject + len - (sizeof(suffix) - 1), suffix) == 0);
}

/* `place` of its message among those of this run: others may publish as much as they like. */
static bool
take_record(struct verify *v, uint64_t place, uint64_t stored_ns, struct sr_span record)
{
    uint64_t number;
    bool is_ours = v->options.read(v->options.arg, record, &number);

    (void)pthread_mutex_lock(&v->lock);
    if (is_ours) {
        ledger_stored(v->ledger, number, place, stored_ns);
        v->at_ns = sr_clock_monotonic_ns();
        if (v->finishing && ledger_is_complete(v->ledger)) {
            (void)pthread_cond_signal(&v->changed);
        }
    } else {
        ledger_others(v->ledger, 1);
    }
    (void)pthread_mutex_unlock(&v->lock);
    return is_ours;
}

static void
take_dead_letter(struct verify *v)
{
    (void)pthread_mutex_lock(&v->lock);
    ledger_dead(v->ledger, 1);
    (void)pthread_mutex_unlock(&v->lock);
}

/* Numbers of a stream have no gaps but where messages were removed, which only all of it shows. */
static void
take_gap(struct verify *v, uint64_t sequence)
{
    (void)pthread_mutex_lock(&v->lock);
    if (v->options.subject == NULL && sequence > v->next) {
        v->gone += sequence - v->next;
    }
    v->next = sequence + 1;
    (void)pthread_mutex_unlock(&v->lock);
}

static bool
on_message(void *arg, const struct admin_message *m)
{
    struct verify *v = arg;
    struct sr_span rest = { m->data, m->len }, record;
    bool is_ours = false;

    v->quiet_ticks = 0;
    if (m->sequence < v->next) { /* a consumer that repairs itself may deliver it again */
        return !atomic_load(&v->closing);
    }
    take_gap(v, m->sequence);
    if (is_dead_letter(m)) {
        take_dead_letter(v);
        return !atomic_load(&v->closing);
    }
    enum sr_records_form form = sr_records_form(span_of(m->records), span_of(m->content_type));
    while (sr_records_next(&rest, form, &record)) {
        is_ours = take_record(v, v->messages, m->stored_ns, record) || is_ours;
    }
    v->messages += is_ours;
    return !atomic_load(&v->closing);
}

/*
 * A consumer may go without a word, as when a server's disk fails; and a new one is cheap. It has
 * to be there before verify_finish() stops waiting.
 */
static bool
on_idle(void *arg)
{
    struct verify *v = arg;
    uint64_t ticks = v->options.quiet_s * SR_NS_PER_SECOND / LOOK_NS / 2;

    ticks = ticks < STALE_TICKS_MIN ? STALE_TICKS_MIN : ticks;
    ticks = ticks > STALE_TICKS_MAX ? STALE_TICKS_MAX : ticks;
    return !atomic_load(&v->closing) && v->quiet_ticks++ < ticks;
}

static void
on_begun(void *arg)
{
    struct verify *v = arg;

    (void)pthread_mutex_lock(&v->lock);
    v->begun = true;
    v->reading = true;
    (void)pthread_cond_broadcast(&v->changed);
    (void)pthread_mutex_unlock(&v->lock);
}

/* Keeps why reading failed; without having begun it ends there. Returns whether to go on. */
static bool
take_failure(struct verify *v, enum admin_err err, const char *detail)
{
    (void)pthread_mutex_lock(&v->lock);
    v->reading = false;
    (void)explain(v, err, detail, &v->trouble);
    v->ended = !v->begun;
    bool go_on = v->begun;
    (void)pthread_cond_broadcast(&v->changed);
    (void)pthread_mutex_unlock(&v->lock);
    return go_on;
}

static enum admin_err
connect_to(const struct verify *v, struct admin **ret_admin, char *detail)
{
    const struct admin_target target = {
        .url = v->options.url,
        .plain_allowed = true,
        .creds_file = v->options.creds_file,
        .ca_file = v->options.ca_file,
        .cert_file = v->options.cert_file,
        .key_file = v->options.key_file,
        .inbox_prefix = *v->inbox != '\0' ? v->inbox : NULL,
    };

    return admin_open(&target, ret_admin, detail);
}

/* Reads until something ends it; the next message is asked for by its number, so none is lost. */
static enum admin_err
read_on(struct verify *v)
{
    const struct admin_follow follow = {
        .stream = v->options.stream,
        .subject = v->options.subject,
        .first = v->next,
        .follow = true,
        .begun = on_begun,
        .message = on_message,
        .idle = on_idle,
        .arg = v,
    };

    v->quiet_ticks = 0;
    return admin_follow(v->admin, &follow);
}

/* Until then it is quiet, or verify_close() says so. */
static void
pause_reader(struct verify *v)
{
    struct timespec until;

    (void)pthread_mutex_lock(&v->lock);
    deadline_in(&until, LOOK_NS);
    while (!atomic_load(&v->closing) &&
           pthread_cond_timedwait(&v->changed, &v->lock, &until) != ETIMEDOUT) {
    }
    (void)pthread_mutex_unlock(&v->lock);
}

static void *
run_reader(void *arg)
{
    struct verify *v = arg;
    char detail[ADMIN_DETAIL_MAX];

    while (!atomic_load(&v->closing)) {
        enum admin_err err = v->admin == NULL ? connect_to(v, &v->admin, detail) : ADMIN_OK;
        bool failed = err != ADMIN_OK;
        if (!failed) {
            err = read_on(v);
            failed = err != ADMIN_OK;
            (void)snprintf(detail, sizeof(detail), "%s", admin_detail(v->admin));
        }
        if (failed) {
            admin_close(v->admin);
            v->admin = NULL;
            if (!take_failure(v, err, detail)) {
                break;
            }
            pause_reader(v);
        }
    }
    return NULL;
}

/* ---- Opening and closing ---- */

static bool
read_creds(struct verify *v, struct trouble *trouble)
{
    struct sr_creds_info info;

    if (v->options.creds_file == NULL) {
        return true;
    }
    enum sr_creds_err err =
        sr_creds_check(v->options.creds_file, sr_clock_wall_ns() / SR_NS_PER_SECOND, &info);
    if (err != SR_CREDS_OK) {
        return trouble_say(trouble, 0, "give --creds of a user who may read the stream", "%s: %s",
            v->options.creds_file, sr_creds_strerror(err));
    }
    memcpy(v->inbox, info.inbox_prefix, sizeof(v->inbox));
    return true;
}

/* The library says of these which one, and not why. */
static bool
are_readable(const struct verify_options *o, struct trouble *trouble)
{
    const char *const files[] = { o->ca_file, o->cert_file, o->key_file };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i] != NULL && access(files[i], R_OK) != 0) {
            return trouble_say(trouble, errno, "give the path of a file that you may read",
                "cannot read %s: %s", files[i], strerror(errno));
        }
    }
    return true;
}

static struct verify *
verify_new(const struct verify_options *options)
{
    struct verify *v = calloc(1, sizeof(*v));
    struct ledger *ledger = ledger_new();
    pthread_condattr_t clock;

    if (v == NULL || ledger == NULL) {
        free(v);
        ledger_free(ledger);
        return NULL;
    }
    v->options = *options;
    v->ledger = ledger;
    atomic_init(&v->closing, false);
    verify_url_show(v->url, options->url);
    (void)pthread_mutex_init(&v->lock, NULL);
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&v->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    return v;
}

static void
verify_destroy(struct verify *v)
{
    admin_close(v->admin);
    ledger_free(v->ledger);
    (void)pthread_cond_destroy(&v->changed);
    (void)pthread_mutex_destroy(&v->lock);
    free(v);
}

/* Connects and finds the end of the stream: what comes behind it is read. */
static bool
find_end(struct verify *v, struct trouble *trouble)
{
    char detail[ADMIN_DETAIL_MAX];
    enum admin_err err = connect_to(v, &v->admin, detail);

    if (err == ADMIN_OK) {
        err = admin_stream_state(v->admin, v->options.stream, &v->at_start);
        (void)snprintf(detail, sizeof(detail), "%s", admin_detail(v->admin));
    }
    v->next = v->at_start.last + 1;
    return explain(v, err, detail, trouble);
}

/* Whether the server has begun to read for us; bounded by how long it may take to answer. */
static bool
await_begin(struct verify *v, struct trouble *trouble)
{
    (void)pthread_mutex_lock(&v->lock);
    while (!v->begun && !v->ended) {
        (void)pthread_cond_wait(&v->changed, &v->lock);
    }
    bool begun = v->begun;
    if (!begun) {
        *trouble = v->trouble;
    }
    (void)pthread_mutex_unlock(&v->lock);
    return begun;
}

bool
verify_open(
    const struct verify_options *options, struct verify **ret_verify, struct trouble *trouble)
{
    struct verify *v = verify_new(options);

    if (v == NULL) {
        return trouble_say(trouble, 0, "free memory and run it again", "out of memory");
    }
    if (!read_creds(v, trouble) || !are_readable(options, trouble) || !find_end(v, trouble)) {
        verify_destroy(v);
        return false;
    }
    int err = pthread_create(&v->thread, NULL, run_reader, v);
    if (err != 0) {
        verify_destroy(v);
        return trouble_say(trouble, err, "end other programs and run it again",
            "cannot start a thread: %s", strerror(err));
    }
    if (!await_begin(v, trouble)) {
        verify_close(v);
        return false;
    }
    *ret_verify = v;
    return true;
}

void
verify_close(struct verify *v)
{
    if (v == NULL) {
        return;
    }
    atomic_store(&v->closing, true);
    (void)pthread_mutex_lock(&v->lock);
    (void)pthread_cond_broadcast(&v->changed);
    (void)pthread_mutex_unlock(&v->lock);
    (void)pthread_join(v->thread, NULL);
    verify_destroy(v);
}

/* ---- The thread that sends ---- */

void
verify_sent(void *verify, const struct send_item *item, uint64_t wall_ns)
{
    struct verify *v = verify;

    if (item->records == 0) {
        return;
    }
    (void)pthread_mutex_lock(&v->lock);
    if (!ledger_sent(v->ledger, item->sequence, item->records, item->source, wall_ns)) {
        v->is_full = true;
    }
    (void)pthread_mutex_unlock(&v->lock);
}

/* The moment at which nothing more is waited for, if nothing else happens. Under the lock. */
static uint64_t
end_of_waiting(const struct verify *v, uint64_t began_ns)
{
    uint64_t last_ns = v->at_ns > began_ns ? v->at_ns : began_ns;

    if (ledger_is_complete(v->ledger)) {
        return v->at_ns + SETTLE_NS;
    }
    return last_ns + v->options.quiet_s * SR_NS_PER_SECOND;
}

static void
await_end(struct verify *v, const volatile sig_atomic_t *stop)
{
    uint64_t began_ns = sr_clock_monotonic_ns();

    for (uint64_t now_ns = began_ns; !*stop; now_ns = sr_clock_monotonic_ns()) {
        uint64_t end_ns = end_of_waiting(v, began_ns);
        struct timespec until;

        if (now_ns >= end_ns) {
            return;
        }
        deadline_in(&until, end_ns - now_ns < LOOK_NS ? end_ns - now_ns : LOOK_NS);
        (void)pthread_cond_timedwait(&v->changed, &v->lock, &until);
    }
}

/*
 * A server that stands still looks like one that has no more for us, so it is asked. By a
 * connection of its own: the other one is the reader's.
 */
static void
ask_end(const struct verify *v, struct verify_end *end)
{
    struct admin *admin = NULL;

    end->is_asked = true;
    end->err = connect_to(v, &admin, end->detail);
    if (end->err == ADMIN_OK) {
        end->err = admin_stream_state(admin, v->options.stream, &end->at_end);
        (void)snprintf(end->detail, sizeof(end->detail), "%s", admin_detail(admin));
    }
    admin_close(admin);
}

/* Takes over how far the reader is. Under the lock. */
static void
look_at_reader(const struct verify *v, struct verify_end *end)
{
    end->next = v->next;
    end->gone = v->gone;
}

/* A reader that is behind, as records of others can make it, goes on as long as it gets some. */
static void
await_reader(struct verify *v, struct verify_end *end, const volatile sig_atomic_t *stop)
{
    const uint64_t quiet_s = v->options.quiet_s > 0 ? v->options.quiet_s : 1;
    uint64_t next = v->next, since_ns = sr_clock_monotonic_ns();

    look_at_reader(v, end);
    while (!*stop && v->reading && verify_end_unread(end) > 0 && !ledger_is_complete(v->ledger) &&
           sr_clock_monotonic_ns() - since_ns < quiet_s * SR_NS_PER_SECOND) {
        struct timespec until;

        deadline_in(&until, LOOK_NS);
        (void)pthread_cond_timedwait(&v->changed, &v->lock, &until);
        look_at_reader(v, end);
        if (v->next != next) {
            next = v->next;
            since_ns = sr_clock_monotonic_ns();
        }
    }
}

/* Whether the stream was read as far as it matters. Under the lock. */
static bool
was_read(const struct verify *v, const struct verify_end *end, const volatile sig_atomic_t *stop,
    struct trouble *trouble)
{
    if (v->is_full) {
        return trouble_say(trouble, 0, "send less in one run, see --count",
            "more was sent than one run can verify: %llu messages",
            (unsigned long long)LEDGER_NUMBERS_MAX);
    }
    if (ledger_is_complete(v->ledger)) {
        return true;
    }
    if (!v->reading) {
        *trouble = v->trouble;
        return false;
    }
    if (*stop) {
        return trouble_say(trouble, 0, "wait for it, or give a shorter --verify-wait",
            "interrupted before all was read");
    }
    return verify_end_judge(end, v->url, v->options.stream, trouble);
}

bool
verify_finish(struct verify *v, const volatile sig_atomic_t *stop, struct ledger_sums *ret_ledger,
    struct trouble *trouble)
{
    struct verify_end end = {
        .at_start = v->at_start,
        .is_filtered = v->options.subject != NULL,
    };

    (void)pthread_mutex_lock(&v->lock);
    v->finishing = true;
    await_end(v, stop);
    if (!ledger_is_complete(v->ledger) && v->reading && !v->is_full && !*stop) {
        (void)pthread_mutex_unlock(&v->lock);
        ask_end(v, &end);
        (void)pthread_mutex_lock(&v->lock);
        await_reader(v, &end, stop);
    }
    look_at_reader(v, &end);
    bool fine = was_read(v, &end, stop, trouble);
    if (!ledger_add_up(v->ledger, ret_ledger)) {
        memset(ret_ledger, 0, sizeof(*ret_ledger));
        fine = trouble_say(trouble, 0, "free memory and run it again", "out of memory");
    }
    (void)pthread_mutex_unlock(&v->lock);
    return fine;
}
