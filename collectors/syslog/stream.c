/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "frame/framer.h"
#include "sr/metrics.h"

#include "sr/banned.h"

#define COUNTS (sizeof(struct syslog_frame_counts) / sizeof(uint64_t))

/* In the order of struct syslog_frame_counts. */
static const struct {
    const char *name, *help;
} counts[] = {
    { "split", "Pieces that were cut off messages over message_max." },
    { "truncated", "Messages over message_max that were cut." },
    { "truncated_bytes", "Bytes passed over behind these." },
    { "resyncs", "Texts between messages, behind an octet count that was wrong." },
    { "incomplete", "Messages without an end, whose connection ended, that became records." },
};

_Static_assert(sizeof(counts) / sizeof(counts[0]) == COUNTS, "each count has a name");

/* The counts of a listener; several threads may serve it. */
struct listener {
    const char *name; /* borrowed */
    _Atomic uint64_t counts[COUNTS];
};

struct state {
    size_t count;
    struct listener listeners[];
};

struct connection {
    struct syslog_framer framer;
    struct syslog_frame_counts told; /* of its counts, those that are in the listener's */
    struct listener *listener;
};

void *
syslog_state_new(const void *config, bool daemon, char *error, size_t error_size)
{
    const struct sr_conf_common *c = config;
    const struct syslog_listener *listeners = c->listeners.items;
    struct state *s = calloc(1, sizeof(*s) + c->listeners.count * sizeof(s->listeners[0]));

    (void)daemon;
    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    s->count = c->listeners.count;
    for (size_t i = 0; i < s->count; i++) {
        s->listeners[i].name = listeners[i].base.listen;
    }
    return s;
}

void
syslog_state_free(void *state)
{
    free(state);
}

void
syslog_state_metrics(void *state, FILE *out)
{
    struct state *s = state;

    for (size_t i = 0; i < COUNTS; i++) {
        (void)fprintf(out,
            "# HELP serviceradar_syslog_frames_%s_total %s\n"
            "# TYPE serviceradar_syslog_frames_%s_total counter\n",
            counts[i].name, counts[i].help, counts[i].name);
        for (size_t j = 0; j < s->count; j++) {
            (void)fprintf(out, "serviceradar_syslog_frames_%s_total{listener=", counts[i].name);
            sr_metrics_put_quoted(out, s->listeners[j].name);
            (void)fprintf(out, "} %" PRIu64 "\n", atomic_load(&s->listeners[j].counts[i]));
        }
    }
}

void *
syslog_connection_new(void *state, const struct syslog_listener *l, unsigned listener)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->listener = &((struct state *)state)->listeners[listener];
        c->framer.options = (struct syslog_frame_options){
            .framing = (enum syslog_framing)l->framing,
            .oversize = (enum syslog_oversize)l->oversize,
            .incomplete = (enum syslog_incomplete)l->incomplete,
            .max = (size_t)l->message_max,
        };
    }
    return c;
}

void
syslog_connection_free(void *state, void *connection)
{
    (void)state;
    free(connection);
}

enum sr_frame_state
syslog_connection_frame(
    void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    struct connection *c = connection;

    return syslog_framer_next(&c->framer, bytes, last, ret_frame);
}

void
syslog_connection_taken(void *connection)
{
    struct connection *c = connection;

    syslog_framer_taken(&c->framer);
}

static void
tell(struct listener *l, size_t which, uint64_t now, uint64_t *told)
{
    if (now != *told) {
        atomic_fetch_add(&l->counts[which], now - *told);
        *told = now;
    }
}

void
syslog_connection_report(void *connection)
{
    struct connection *c = connection;
    const struct syslog_frame_counts *now = &c->framer.counts;

    tell(c->listener, 0, now->split, &c->told.split);
    tell(c->listener, 1, now->truncated, &c->told.truncated);
    tell(c->listener, 2, now->truncated_bytes, &c->told.truncated_bytes);
    tell(c->listener, 3, now->resyncs, &c->told.resyncs);
    tell(c->listener, 4, now->incomplete, &c->told.incomplete);
}
