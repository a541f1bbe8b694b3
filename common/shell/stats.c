/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/stats.h"

#include <stdlib.h>
#include <string.h>

#include "sr/log.h"
#include "sr/queue.h"

#include "sr/banned.h"

struct sr_text {
    struct sr_text *next;
    char text[];
};

size_t
sr_reasons_count(struct sr_reasons *r, const char *reason, uint64_t n)
{
    static const char rest[] = "other"; /* has the last row, and no other one */

    for (size_t i = 0;; i++) {
        const char *known = atomic_load_explicit(&r->items[i].reason, memory_order_relaxed);
        if (known == NULL && i < SR_REASONS_MAX - 1 && strcmp(reason, rest) == 0) {
            continue;
        }
        if (known == NULL) {
            known = i == SR_REASONS_MAX - 1 ? rest : reason;
            atomic_store_explicit(&r->items[i].reason, known, memory_order_release);
        }
        if (known == reason || i == SR_REASONS_MAX - 1 || strcmp(known, reason) == 0) {
            sr_count(&r->items[i].count, n);
            return i;
        }
    }
}

uint64_t
sr_reasons_total(const struct sr_reasons *r)
{
    uint64_t total = 0;

    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        total += sr_counted(&r->items[i].count);
    }
    return total;
}

struct sr_stats *
sr_stats_new(unsigned count, const unsigned *workers)
{
    struct sr_stats *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->listeners = calloc(count, sizeof(*s->listeners));
    if (s->listeners == NULL) {
        sr_stats_free(s);
        return NULL;
    }
    s->listener_count = count;
    for (unsigned i = 0; i < count; i++) {
        s->listeners[i].workers = calloc(workers[i], sizeof(*s->listeners[i].workers));
        if (s->listeners[i].workers == NULL) {
            sr_stats_free(s);
            return NULL;
        }
        s->listeners[i].worker_count = workers[i];
    }
    return s;
}

void
sr_stats_free(struct sr_stats *s)
{
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; i < s->listener_count; i++) {
        free(s->listeners[i].workers);
    }
    free(s->listeners);
    while (s->texts != NULL) {
        struct sr_text *t = s->texts;
        s->texts = t->next;
        free(t);
    }
    free(s);
}

const char *
sr_stats_keep_text(struct sr_stats *s, const char *text)
{
    size_t size = strlen(text) + 1;

    for (struct sr_text *t = s->texts; t != NULL; t = t->next) {
        if (strcmp(t->text, text) == 0) {
            return t->text;
        }
    }
    struct sr_text *t = malloc(sizeof(*t) + size);
    if (t == NULL) {
        return NULL;
    }
    memcpy(t->text, text, size);
    t->next = s->texts;
    s->texts = t;
    return t->text;
}

struct sr_ledger
sr_ledger_take(const struct sr_stats *s, const struct sr_queue *q, unsigned listener)
{
    const struct sr_listener_stats *l = &s->listeners[listener];
    struct sr_ledger out = {
        .stored = sr_counted(&l->delivery.stored),
        .stored_dead = sr_counted(&l->delivery.stored_dead),
        .dropped_records = sr_reasons_total(&l->delivery.dropped),
    };

    for (size_t i = 0; i < sr_queue_lane_count(q); i++) {
        const struct sr_lane *lane = sr_queue_lane(q, i);
        if (sr_lane_listener(lane) == listener) {
            out.queued += sr_lane_queued(lane);
        }
    }
    for (unsigned i = 0; i < l->worker_count; i++) {
        const struct sr_worker_stats *w = &l->workers[i];
        out.received += sr_counted(&w->received);
        out.parts += sr_counted(&w->parts);
        out.decoded += sr_counted(&w->decoded);
        out.consumed += sr_reasons_total(&w->consumed);
        out.records += sr_counted(&w->records);
        out.deadlettered += sr_counted(&w->deadlettered);
        out.recovered += sr_counted(&w->recovered);
        out.dropped += sr_reasons_total(&w->dropped);
        out.dropped_records += sr_reasons_total(&w->lost);
        out.kernel_drops += sr_counted(&w->kernel_drops);
        out.batching += sr_counted(&w->batching);
    }
    return out;
}

bool
sr_ledger_balanced(const struct sr_ledger *l)
{
    return l->received + l->parts == l->decoded + l->consumed + l->deadlettered + l->dropped &&
           l->records + l->deadlettered + l->recovered ==
               l->stored + l->stored_dead + l->queued + l->dropped_records;
}

static void
log_ledger(const char *listener, const struct sr_ledger *l, bool balanced)
{
    sr_log(balanced ? SR_LOG_NOTICE : SR_LOG_ERROR,
        "ledger listener=%s received=%llu parts=%llu decoded=%llu consumed=%llu "
        "deadlettered=%llu dropped=%llu "
        "records=%llu recovered=%llu stored=%llu stored_dead=%llu dropped_records=%llu "
        "queued=%llu kernel_drops=%llu balanced=%s",
        listener, (unsigned long long)l->received, (unsigned long long)l->parts,
        (unsigned long long)l->decoded, (unsigned long long)l->consumed,
        (unsigned long long)l->deadlettered, (unsigned long long)l->dropped,
        (unsigned long long)l->records, (unsigned long long)l->recovered,
        (unsigned long long)l->stored, (unsigned long long)l->stored_dead,
        (unsigned long long)l->dropped_records, (unsigned long long)l->queued,
        (unsigned long long)l->kernel_drops, balanced ? "yes" : "no");
}

bool
sr_ledgers_report(const struct sr_stats *s, const struct sr_queue *q, bool kept, uint64_t unkept)
{
    bool fine = unkept == 0;
    uint64_t queued = 0;

    for (unsigned i = 0; i < s->listener_count; i++) {
        struct sr_ledger l = sr_ledger_take(s, q, i);
        bool balanced = sr_ledger_balanced(&l);
        log_ledger(s->listeners[i].name, &l, balanced);
        if (l.queued > 0 && !kept) {
            sr_log(SR_LOG_ERROR,
                "records are lost with the memory they waited in listener=%s records=%llu "
                "advice=\"the output took none within shutdown_timeout\"",
                s->listeners[i].name, (unsigned long long)l.queued);
        }
        fine = fine && balanced && (kept || l.queued == 0);
        queued += l.queued;
    }
    if (kept && queued > unkept) {
        sr_log(SR_LOG_NOTICE, "records wait on disk for the next start records=%llu",
            (unsigned long long)(queued - unkept));
    }
    if (unkept > 0) {
        sr_log(SR_LOG_ERROR,
            "records are lost with the memory they waited in: queue.dir took no data at the end "
            "records=%llu advice=\"mend what the error before this one names\"",
            (unsigned long long)unkept);
    }
    return fine;
}
