/* SPDX-License-Identifier: Apache-2.0 */
#include "load/load_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "load/schedule.h"
#include "send/send_show.h"
#include "sr/clock.h"

#include "sr/banned.h"

/* Messages that are made at once where each has its time: they are dated then. */
#define AHEAD_NS (2 * SR_NS_PER_MS)

/* So much longer than --duration a run may take that cannot keep its rate. */
#define OVERTIME_NS SR_NS_PER_SECOND

/* And so much more is waited for a receiver that has no room for a batch. */
#define STALL_NS SR_NS_PER_SECOND

struct running {
    const struct load_run *run;
    struct load_result *result;
    struct verify *verify; /* NULL: nothing is verified */
    struct sender *sender;
    struct send_show show;
    struct schedule schedule;
    bool is_flood;
    bool has_bursts;
    bool is_sending;   /* send_items() may be waiting */
    bool is_timed_out; /* it was, when the time was over */
    uint64_t due_ns;   /* of the next message; not of a flood */
    uint64_t start_ns; /* monotonic */
    uint64_t messages; /* with records, that were made */
    size_t room;
    uint8_t *buffers; /* SEND_BATCH_MAX of `room` */
};

/* ---- Marks ---- */

static void
on_sent(void *arg, const struct send_item *item, uint64_t wall_ns)
{
    struct running *r = arg;
    struct load_result *result = r->result;

    if (item->records == 0) {
        return;
    }
    if (result->records == 0 || item->sequence < result->first) {
        result->first = item->sequence;
    }
    if (result->records == 0 || item->sequence + item->records - 1 > result->last) {
        result->last = item->sequence + item->records - 1;
    }
    result->records += item->records;
    /* Each flow of a datagram has a number of its own. */
    for (uint32_t i = 0; r->verify != NULL && i < item->records; i++) {
        struct send_item one = *item;
        one.sequence += i;
        one.records = 1;
        verify_sent(r->verify, &one, wall_ns);
    }
}

struct reader {
    enum traffic_kind kind;
    uint32_t run;
};

static bool
read_number(void *arg, struct sr_span record, uint64_t *ret_sequence)
{
    const struct reader *reader = arg;
    struct mark mark;

    if (!mark_read(reader->kind, record, &mark) || mark.run != reader->run) {
        return false;
    }
    *ret_sequence = mark.sequence;
    return true;
}

/* ---- Sending ---- */

/* Whether the next message is not to be sent any more. */
static bool
is_over(const struct running *r)
{
    const struct load_options *o = r->run->options;

    if (o->sending.count > 0 && r->messages == o->sending.count) {
        return true;
    }
    return o->duration_ns > 0 && !r->is_flood && r->due_ns >= o->duration_ns;
}

/* By the clock: floods, and runs that cannot keep their rate. `more_ns` beyond their time. */
static bool
is_late(const struct running *r, uint64_t more_ns)
{
    const uint64_t duration = r->run->options->duration_ns;
    const uint64_t overtime = (r->is_flood ? 0 : OVERTIME_NS) + more_ns;

    return duration > 0 && sr_clock_monotonic_ns() - r->start_ns >= duration + overtime;
}

static void
on_tell(void *arg, const char *text)
{
    struct running *r = arg;

    send_show_tell(&r->show, text);
}

/*
 * A receiver that does not read would be waited for without an end. One that reads has a batch
 * taken in less: it is not cut in the middle of a message.
 */
static void
on_waiting(void *arg)
{
    struct running *r = arg;

    send_show_progress(&r->show);
    if (r->is_sending && *r->run->stop == 0 && is_late(r, STALL_NS)) {
        r->is_timed_out = true;
        *r->run->stop = 1;
    }
}

/* Makes the next batch. Returns how many, 0 at the end; SIZE_MAX when OpenSSL fails. */
static size_t
make_batch(struct running *r, struct send_item *items)
{
    const size_t most = r->has_bursts ? SEND_BATCH_MAX : send_batch_size(r->sender);
    const uint64_t wall_ns = sr_clock_wall_ns();
    const uint64_t first_ns = r->due_ns;
    size_t n = 0;

    while (n < most && !is_over(r) && !(r->has_bursts && r->due_ns > first_ns + AHEAD_NS)) {
        uint8_t *out = r->buffers + n * r->room;
        struct send_item *item = &items[n];
        struct generated made;

        *item = (struct send_item){ .due_ns = r->due_ns };
        if (!traffic_next(
                r->run->traffic, wall_ns + send_wait_ns(r->sender, item, n), out, &made)) {
            return SIZE_MAX;
        }
        item->bytes = (struct sr_span){ out, made.len };
        item->sequence = made.sequence;
        item->records = made.records;
        item->source = made.source;
        n++;
        r->messages += made.records > 0;
        r->due_ns = r->is_flood ? 0 : schedule_next(&r->schedule);
    }
    return n;
}

static void
send_batches(struct running *r)
{
    struct send_item items[SEND_BATCH_MAX];
    size_t count;

    while (!is_late(r, 0) && (count = make_batch(r, items)) > 0) {
        if (count == SIZE_MAX) {
            send_show_tell(&r->show, "OpenSSL failed to protect a trap: the rest is not sent");
            return;
        }
        if (!send_items(r->sender, items, count)) {
            return;
        }
        send_show_progress(&r->show);
    }
}

static void
send_all(struct running *r)
{
    send_start(r->sender);
    r->start_ns = sr_clock_monotonic_ns();
    r->due_ns = r->is_flood ? 0 : schedule_next(&r->schedule);
    r->is_sending = true;
    send_batches(r);
    r->is_sending = false;
    if (r->is_timed_out) {
        *r->run->stop = 0; /* nobody interrupts what is still to be done */
    }
}

static uint64_t
expected_count(const struct load_options *o)
{
    const uint64_t by_time = o->sending.has_rate && o->duration_ns > 0
                                 ? (uint64_t)((double)o->sending.options.rate *
                                              (double)o->duration_ns / (double)SR_NS_PER_SECOND)
                                 : 0;

    if (o->sending.count > 0 && (by_time == 0 || o->sending.count < by_time)) {
        return o->sending.count;
    }
    return by_time;
}

/* Fills what send_open() wants; with bursts each message has its time. */
static void
plan_sending(struct running *r, struct send_options *options)
{
    const struct load_options *o = r->run->options;
    const struct profile_bursts *bursts = &r->run->profile->bursts;

    *options = o->sending.options;
    r->is_flood = options->flood;
    r->has_bursts = bursts->of > 0;
    r->schedule =
        (struct schedule){ .rate = options->rate, .every_ns = bursts->every_ns, .of = bursts->of };
    options->rate = r->has_bursts ? 0 : options->rate;
    options->stop = r->run->stop;
    options->sent = on_sent;
    options->arg = r;
    options->tell = on_tell;
    options->waiting = on_waiting;
    options->show = r;
    send_show_init(&r->show, o->sending.quiet);
    r->show.expected = expected_count(o);
}

static void
finish(struct running *r)
{
    struct load_result *result = r->result;

    result->seconds = send_finish(r->sender);
    send_show_end(&r->show);
    result->totals = *send_totals(r->sender);
    (void)snprintf(result->message, sizeof(result->message), "%s", send_message(r->sender));
    if (r->verify != NULL) {
        *r->run->stop = 0; /* what was sent before an interrupt is waited for until the next */
        result->has_ledger = true;
        result->verify_failed =
            !verify_finish(r->verify, r->run->stop, &result->ledger, &result->trouble);
    }
}

static int
open_and_send(struct running *r, struct trouble *trouble)
{
    struct send_options options;
    char message[SEND_MESSAGE_MAX];

    plan_sending(r, &options);
    const enum send_err err = send_open(&options, &r->sender, message);
    if (err != SEND_OK) {
        (void)trouble_say(trouble, 0, "", "%s", message);
        return err == SEND_ECONNECT ? EXIT_RUNTIME : EXIT_USAGE;
    }
    r->show.sender = r->sender;
    send_all(r);
    finish(r);
    send_close(r->sender);
    return EXIT_SUCCESS;
}

int
load_run(const struct load_run *run, struct trouble *trouble)
{
    struct running r = { .run = run, .result = run->result };
    struct reader reader = { run->options->kind, run->result->run };
    struct verify_options verify = run->options->verifying.options;

    r.room = traffic_room(run->traffic);
    r.buffers = malloc(r.room * SEND_BATCH_MAX);
    if (r.buffers == NULL) {
        (void)trouble_say(trouble, ENOMEM, "free memory, or use smaller sizes",
            "there is no memory for the messages");
        return EXIT_RUNTIME;
    }
    verify.read = read_number;
    verify.arg = &reader;
    if (verify.url != NULL && !verify_open(&verify, &r.verify, trouble)) {
        free(r.buffers);
        return EXIT_RUNTIME;
    }
    const int code = open_and_send(&r, trouble);
    verify_close(r.verify);
    free(r.buffers);
    return code;
}
