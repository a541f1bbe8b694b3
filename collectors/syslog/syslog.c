/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/datagram.h"
#include "extra.h"
#include "fair_use.h"
#include "frame/framer.h"
#include "frame/inflate.h"
#include "stream.h"
#include "tz_load.h"
#include "zones.h"

#include "sr/clock.h"
#include "sr/fair.h"

#include "sr/banned.h"

/* What decoding needs of a configuration. */
struct snapshot {
    struct tz_db zones;
    char own_host[HOST_NAME_MAX + 1];      /* as it was called when the configuration was read */
    const struct syslog_listener *configs; /* borrowed */
    struct fair_use *uses;                 /* owned; of each listener */
    size_t count;
    struct syslog_decode listeners[]; /* without scratch, which is the thread's */
};

/* Which decoder a listener uses. */
static enum syslog_format
format_of(const struct syslog_listener *l)
{
    if (l->format == 0) {
        return l->base.compat == SR_COMPAT_UPSTREAM ? SYSLOG_RFC3164 : SYSLOG_SMART;
    }
    return (enum syslog_format)(l->format - 1);
}

static void
close_snapshot(void *snapshot)
{
    struct snapshot *s = snapshot;

    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        extras_done(&s->listeners[i].extras);
        zones_done(&s->listeners[i]);
        fair_use_done(&s->uses[i]);
    }
    free(s->uses);
    tz_db_free(&s->zones);
    free(s);
}

static void *
open_snapshot(
    const void *config, const struct sr_form_options *form, char *error, size_t error_size)
{
    const struct sr_conf_common *c = config;
    const struct syslog_listener *listeners = c->listeners.items;
    struct snapshot *s = calloc(1, sizeof(*s) + c->listeners.count * sizeof(s->listeners[0]));
    char where[512];

    (void)form; /* records are JSON in every form */
    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    enum tz_load_err err = tz_load(TZ_SYSTEM_DIR, &s->zones, where, sizeof(where));
    if (err != TZ_LOAD_OK) {
        (void)snprintf(error, error_size, "time zones: %s: %s; install the package tzdata", where,
            tz_load_strerror(err));
        free(s);
        return NULL;
    }
    if (gethostname(s->own_host, sizeof(s->own_host) - 1) != 0) {
        s->own_host[0] = '\0';
    }
    s->configs = listeners;
    s->uses = calloc(c->listeners.count, sizeof(*s->uses));
    s->count = s->uses != NULL ? c->listeners.count : 0;
    if (s->uses == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        close_snapshot(s);
        return NULL;
    }
    for (size_t i = 0; i < s->count; i++) {
        struct syslog_decode *d = &s->listeners[i];
        d->format = format_of(&listeners[i]);
        d->upstream = listeners[i].base.compat == SR_COMPAT_UPSTREAM;
        d->enrich = c->enrich;
        d->partition = (struct sr_span){ (const uint8_t *)c->partition, strlen(c->partition) };
        d->zones = &s->zones.table;
        d->own_host = (struct sr_span){ (const uint8_t *)s->own_host, strlen(s->own_host) };
        bool ok = extras_make(&listeners[i].gelf_extra, &d->extras) &&
                  fair_use_init(&s->uses[i], &listeners[i]);
        if (!ok) {
            (void)snprintf(error, error_size, "out of memory");
        }
        if (!ok || !zones_make(&listeners[i], i, d, error, error_size)) {
            close_snapshot(s);
            return NULL;
        }
    }
    return s;
}

/* What one receiving thread needs for itself. */
struct scratch {
    struct syslog_scratch decode;
    struct syslog_inflater inflater;
    struct sr_fair fair;
};

static void *
new_scratch(void)
{
    struct scratch *s = calloc(1, sizeof(*s));

    if (s != NULL) {
        s->fair.seed = sr_clock_random_u64();
    }
    return s;
}

/* The way that messages of a listener come, as its address says it; `otherwise` for fd://. */
static struct sr_span
transport_of(const struct syslog_listener *l, const char *otherwise)
{
    size_t len = strcspn(l->base.listen, ":");

    if (sr_conf_fd_name(l->base.listen) != NULL) {
        return (struct sr_span){ (const uint8_t *)otherwise, strlen(otherwise) };
    }
    return (struct sr_span){ (const uint8_t *)l->base.listen, len };
}

/* The same of a stream. */
static struct sr_span
stream_transport_of(const struct syslog_listener *l, const struct sr_peer *peer)
{
    return transport_of(l, peer->is_local ? "unix" : sr_conf_has_tls(&l->base) ? "tls" : "tcp");
}

static enum sr_verdict
decode(void *state, const void *snapshot, unsigned listener, void *scratch, uint64_t now_ns,
    const struct sr_peer *peer, struct sr_span bytes, const struct sr_emit *emit)
{
    const struct snapshot *s = snapshot;
    struct syslog_decode cfg = s->listeners[listener];
    struct scratch *own = scratch;
    const struct syslog_inflate_options inflate = {
        .max = (size_t)s->configs[listener].inflate_max,
        .ratio = (unsigned)s->configs[listener].inflate_ratio,
    };
    const char *reason = fair_use_refusal(&s->uses[listener], syslog_state_sources(state, listener),
        &own->fair, emit->level, peer, bytes, now_ns);

    if (reason != NULL) {
        emit->refused(emit->arg, reason);
        return SR_REFUSED;
    }
    cfg.scratch = &own->decode;
    cfg.origin.transport = transport_of(&s->configs[listener], peer->is_local ? "unixgram" : "udp");
    if (syslog_inflate(&own->inflater, &inflate, bytes, &bytes, &reason) == SYSLOG_INFLATE_BAD) {
        emit->deadletter(emit->arg, reason, peer, now_ns, bytes);
        return SR_DEADLETTER;
    }
    return sr_syslog_datagram(&cfg, now_ns, peer, bytes, emit);
}

/* ---- Streams ---- */

static bool
is_allowed(const void *snapshot, unsigned listener, const struct sr_peer *peer)
{
    const struct snapshot *s = snapshot;

    return sr_access_allows(&s->uses[listener].access, peer);
}

static void *
new_connection(void *state, const void *snapshot, unsigned listener, const struct sr_peer *peer,
    const char *tls_peer)
{
    const struct snapshot *s = snapshot;

    if (!sr_access_allows(&s->uses[listener].access, peer)) {
        return NULL;
    }
    return syslog_connection_new(state, &s->configs[listener], listener, tls_peer);
}

static enum sr_verdict
decode_message(void *state, const void *snapshot, unsigned listener, void *scratch,
    void *connection, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes, bool must,
    const struct sr_emit *emit)
{
    const struct snapshot *s = snapshot;
    const struct fair_use *use = &s->uses[listener];
    struct syslog_decode cfg = s->listeners[listener];

    (void)state;
    if (!sr_access_allows(&use->access, peer)) { /* since a reload */
        syslog_connection_taken(connection);
        emit->refused(emit->arg, "not_allowed");
        return SR_REFUSED;
    }
    if (!must && !syslog_connection_admits(connection, use, peer, now_ns)) {
        return SR_LATER;
    }
    cfg.scratch = &((struct scratch *)scratch)->decode;
    cfg.no_address = cfg.upstream; /* it says of datagrams only who sent them */
    cfg.origin.transport = stream_transport_of(&s->configs[listener], peer);
    cfg.origin.tls_peer = syslog_connection_tls_peer(connection);
    enum sr_verdict verdict = sr_syslog_datagram(&cfg, now_ns, peer, bytes, emit);
    if (verdict != SR_FULL || must) {
        syslog_connection_taken(connection);
    }
    return verdict;
}

static void
tick_connection(void *state, const void *snapshot, unsigned listener, void *scratch,
    void *connection, uint64_t now_ns, bool last, const struct sr_emit *emit)
{
    (void)state;
    (void)snapshot;
    (void)listener;
    (void)scratch;
    (void)now_ns;
    (void)last;
    (void)emit;
    syslog_connection_report(connection);
}

const struct sr_program syslog_program = {
    .name = "serviceradar-syslog",
    .about = "receives syslog and publishes it as GELF to NATS JetStream",
    .schema = &syslog_schema,
    .listener_size = sizeof(struct syslog_listener),
    .batch_content_type = "application/x-ndjson",
    .open = open_snapshot,
    .close = close_snapshot,
    .scratch_new = new_scratch,
    .scratch_free = free,
    .datagram = decode,
    .state_new = syslog_state_new,
    .state_free = syslog_state_free,
    .metrics = syslog_state_metrics,
    .connection_allowed = is_allowed,
    .connection_new = new_connection,
    .connection_free = syslog_connection_free,
    .frame = syslog_connection_frame,
    .stream_message = decode_message,
    .connection_tick = tick_connection,
    .stream_message_max = SYSLOG_MESSAGE_MAX + SYSLOG_FRAME_OVERHEAD,
};
