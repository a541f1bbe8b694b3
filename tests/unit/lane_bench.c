/* SPDX-License-Identifier: Apache-2.0 */
#include "lane_bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "shell/pub_lanes.h"
#include "sr/deadletter.h"
#include "sr/log.h"

static void
on_stored(void *arg, unsigned listener, const uint8_t id[SR_REQUEST_ID_LEN], bool known)
{
    struct bench *b = arg;

    (void)listener;
    b->told++;
    b->told_letter = id[SR_REQUEST_ID_LEN - 1];
    b->told_known = known;
}

void
bench_open(struct bench *b, const struct bench_options *options)
{
    unsigned listeners = options->listeners > 0 ? options->listeners : 1;
    unsigned workers[BENCH_LANES_MAX] = { 1, 1, 1, 1 };
    struct sr_queue_options queue = {
        .memory = options->memory > 0 ? options->memory : 16U << 20,
        .listeners = listeners,
        .run_id = 0xabc,
    };

    *b = (struct bench){ .now_ns = 1, .max_payload = 1U << 20, .sends_left = SIZE_MAX };
    b->queue = sr_queue_new(&queue);
    b->stats = sr_stats_new(listeners, workers);
    assert_non_null(b->queue);
    assert_non_null(b->stats);
    for (unsigned i = 0; i < BENCH_LANES_MAX && options->subjects[i] != NULL; i++) {
        struct sr_lane_options lane = { .listener = i % listeners,
            .subject = options->subjects[i] };
        b->lane[i] = sr_queue_add_lane(b->queue, &lane);
        assert_non_null(b->lane[i]);
        b->lane_count++;
    }
    struct pub_lanes_options lanes = {
        .queue = b->queue,
        .stats = b->stats,
        .dead_letters = !options->no_dead_letters,
        .ack_timeout_ns = BENCH_ACK_TIMEOUT_NS,
        .stored = { .arg = b, .stored = on_stored },
    };
    b->lanes = pub_lanes_new(&lanes);
    assert_non_null(b->lanes);
}

void
bench_close(struct bench *b)
{
    pub_lanes_free(b->lanes);
    sr_queue_free(b->queue);
    sr_stats_free(b->stats);
    free(b->sent);
}

bool
bench_put(struct bench *b, size_t lane, uint32_t value, size_t len)
{
    uint8_t *room = sr_lane_reserve(b->lane[lane], len, 1);
    struct sr_worker_stats *w = b->stats->listeners[sr_lane_listener(b->lane[lane])].workers;

    sr_count(&w->received, 1);
    if (room == NULL) {
        sr_reasons_count(&w->dropped, "queue_full", 1);
        return false;
    }
    memset(room, (int)(value & 0xff), len);
    memcpy(room, &value, sizeof(value));
    sr_lane_commit(b->lane[lane], len, 0, 1);
    sr_lane_flush(b->lane[lane]);
    sr_count(&w->decoded, 1);
    sr_count(&w->records, 1);
    return true;
}

void
bench_put_request(struct bench *b, size_t lane, uint32_t value, uint8_t letter)
{
    const size_t len = SR_REQUEST_ATTRIBUTE_LEN + sizeof(value);
    uint8_t *room = sr_lane_reserve(b->lane[lane], len, 1), id[SR_REQUEST_ID_LEN];
    struct sr_worker_stats *w = b->stats->listeners[sr_lane_listener(b->lane[lane])].workers;

    assert_non_null(room);
    memset(id, letter, sizeof(id));
    sr_request_attribute(id, room);
    memcpy(room + SR_REQUEST_ATTRIBUTE_LEN, &value, sizeof(value));
    sr_lane_commit(b->lane[lane], len, SR_REQUEST_ATTRIBUTE_LEN, 1);
    sr_lane_flush(b->lane[lane]);
    sr_count(&w->received, 1);
    sr_count(&w->decoded, 1);
    sr_count(&w->records, 1);
}

void
bench_fill(struct bench *b, size_t lane, uint32_t first, uint32_t count, size_t len)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(bench_put(b, lane, first + i, len));
    }
}

static void
check_body(const struct pub_message *message)
{
    for (size_t i = sizeof(uint32_t); i < message->body.len; i++) {
        if (message->body.data[i] != message->body.data[0]) {
            fail_msg("byte %zu of a body of %zu is not what was queued", i, message->body.len);
        }
    }
}

/* An attribute as a text, "" when it is not there. */
static void
copy_attribute(char *out, size_t size, const struct pub_message *message, const char *name)
{
    struct sr_span value = sr_attribute(message->attributes, name);

    (void)snprintf(
        out, size, "%.*s", (int)value.len, value.len > 0 ? (const char *)value.data : "");
}

static bool
write_down(void *arg, const struct pub_message *message)
{
    struct bench *b = arg;

    if (b->sends_left == 0) {
        return false;
    }
    b->sends_left--;
    if (b->sent_count == b->sent_room) {
        b->sent_room = 2 * b->sent_room + 64;
        b->sent = realloc(b->sent, b->sent_room * sizeof(*b->sent));
        assert_non_null(b->sent);
    }
    struct bench_sent *s = &b->sent[b->sent_count++];
    *s = (struct bench_sent){ .number = message->number, .len = message->body.len };
    (void)snprintf(s->subject, sizeof(s->subject), "%s", message->subject);
    (void)snprintf(s->id, sizeof(s->id), "%s", message->id);
    copy_attribute(s->reason, sizeof(s->reason), message, "Sr-Reason");
    copy_attribute(s->records, sizeof(s->records), message, "Sr-Records");
    copy_attribute(s->request, sizeof(s->request), message, "Nats-Msg-Id");
    assert_true(message->body.len >= sizeof(s->value));
    memcpy(&s->value, message->body.data, sizeof(s->value));
    check_body(message);
    return true;
}

void
bench_run(struct bench *b)
{
    struct sr_wake *wake = sr_queue_wake(b->queue);
    uint64_t epoch;

    do { /* as the publisher's thread, which does not sleep when it was woken */
        epoch = sr_wake_epoch(wake);
        pub_lanes_tick(b->lanes, b->now_ns);
        pub_lanes_keep(b->lanes, NULL);
        if (!pub_lanes_send(b->lanes, b->now_ns, b->max_payload, write_down, b)) {
            pub_lanes_disconnected(b->lanes, b->now_ns);
        }
    } while (sr_wake_epoch(wake) != epoch);
}

void
bench_wait(struct bench *b, uint64_t ns)
{
    b->now_ns += ns;
    bench_run(b);
}

void
bench_store(struct bench *b, size_t from, size_t to)
{
    assert_true(to <= b->sent_count);
    for (size_t i = from; i < to; i++) {
        pub_lanes_stored(b->lanes, b->sent[i].number, false);
    }
}

void
bench_refuse(struct bench *b, size_t index, enum sr_refusal refusal)
{
    assert_true(index < b->sent_count);
    pub_lanes_refused(b->lanes, b->now_ns, b->sent[index].number, refusal);
}

void
bench_drain(struct bench *b)
{
    size_t answered = 0;

    for (unsigned round = 0; bench_queued(b) > 0; round++) {
        assert_true(round < 1000); /* else a lane is stuck */
        bench_run(b);
        bench_store(b, answered, b->sent_count);
        answered = b->sent_count;
        uint64_t due = pub_lanes_due_ns(b->lanes);
        if (due != UINT64_MAX && due > b->now_ns) {
            b->now_ns = due;
        }
    }
}

uint64_t
bench_queued(const struct bench *b)
{
    uint64_t queued = 0;

    for (size_t i = 0; i < sr_queue_lane_count(b->queue); i++) {
        queued += sr_lane_queued(sr_queue_lane(b->queue, i));
    }
    return queued;
}

const struct sr_delivery_stats *
bench_delivery(const struct bench *b)
{
    return &b->stats->listeners[0].delivery;
}

uint64_t
bench_dropped(const struct bench *b, const char *reason)
{
    const struct sr_reasons *dropped = &bench_delivery(b)->dropped;

    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        const char *known = dropped->items[i].reason;
        if (known != NULL && strcmp(known, reason) == 0) {
            return sr_counted(&dropped->items[i].count);
        }
    }
    return 0;
}

void
bench_assert_balanced(const struct bench *b)
{
    struct sr_ledger ledger = sr_ledger_take(b->stats, b->queue, 0);

    assert_true(sr_ledger_balanced(&ledger));
}

int
bench_be_quiet(void **state)
{
    (void)state;
    sr_log_set_level(SR_LOG_ERROR);
    return 0;
}
