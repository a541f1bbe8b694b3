/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "frame/framer.h"
#include "sr/metrics.h"
#include "sr/sources.h"

#include "sr/banned.h"

#define SOURCES_TOLD 10U
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
    struct sr_sources *sources;
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
    bool paid;       /* the message that waits is counted for its source */
    char tls_peer[]; /* the name that its certificate proved, or "" */
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
    for (size_t i = 0; i < c->listeners.count; i++) {
        s->count = i + 1;
        s->listeners[i].name = listeners[i].base.listen;
        s->listeners[i].sources = sr_sources_new();
        if (s->listeners[i].sources == NULL) {
            syslog_state_free(s);
            (void)snprintf(error, error_size, "out of memory");
            return NULL;
        }
    }
    return s;
}

void
syslog_state_free(void *state)
{
    struct state *s = state;

    for (size_t i = 0; s != NULL && i < s->count; i++) {
        sr_sources_free(s->listeners[i].sources);
    }
    free(s);
}

struct sr_sources *
syslog_state_sources(void *state, unsigned listener)
{
    return ((struct state *)state)->listeners[listener].sources;
}

/* Who is over the rate, those most often so first: a few, for a source is a label. */
static void
report_sources(struct state *s, FILE *out)
{
    struct sr_sources_row rows[SOURCES_TOLD];
    char source[SR_PEER_TEXT_MAX];

    (void)fputs("# HELP serviceradar_syslog_source_limited_total Datagrams of a source over "
                "rate_limit and tries of its connections, of those that have most.\n"
                "# TYPE serviceradar_syslog_source_limited_total counter\n",
        out);
    for (size_t i = 0; i < s->count; i++) {
        size_t count = sr_sources_top(s->listeners[i].sources, rows, SOURCES_TOLD);
        for (size_t j = 0; j < count; j++) {
            (void)sr_peer_text(&rows[j].peer, source);
            (void)fputs("serviceradar_syslog_source_limited_total{listener=", out);
            sr_metrics_put_quoted(out, s->listeners[i].name);
            (void)fprintf(out, ",source=\"%s\"} %" PRIu64 "\n", source, rows[j].refused);
        }
    }
}

void
syslog_state_metrics(void *state, FILE *out)
{
    struct state *s = state;

    report_sources(s, out);
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
syslog_connection_new(
    void *state, const struct syslog_listener *l, unsigned listener, const char *tls_peer)
{
    size_t name = tls_peer != NULL ? strlen(tls_peer) : 0;
    struct connection *c = calloc(1, sizeof(*c) + name + 1);

    if (c != NULL) {
        if (name > 0) {
            memcpy(c->tls_peer, tls_peer, name);
        }
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

struct sr_span
syslog_connection_tls_peer(const void *connection)
{
    const struct connection *c = connection;

    return (struct sr_span){ (const uint8_t *)c->tls_peer, strlen(c->tls_peer) };
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

bool
syslog_connection_admits(
    void *connection, const struct fair_use *use, const struct sr_peer *peer, uint64_t now_ns)
{
    struct connection *c = connection;

    c->paid = c->paid || fair_use_admits(use, c->listener->sources, peer, now_ns);
    return c->paid;
}

void
syslog_connection_taken(void *connection)
{
    struct connection *c = connection;

    c->paid = false;
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
