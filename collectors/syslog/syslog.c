/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/datagram.h"
#include "decode/rfc3164.h"
#include "extra.h"
#include "frame/framer.h"
#include "frame/inflate.h"
#include "stream.h"
#include "tz_load.h"

#include "sr/banned.h"

#define ZONE_NAME_MAX 256

/* What decoding needs of a configuration. */
struct snapshot {
    struct tz_db zones;
    char own_host[HOST_NAME_MAX + 1];      /* as it was called when the configuration was read */
    const struct syslog_listener *configs; /* borrowed */
    size_t count;
    struct syslog_decode listeners[]; /* without scratch, which is the thread's */
};

/* The zone that a listener's dates without one are in. */
static bool
find_zone(const struct tz_table *table, const struct syslog_listener *l, size_t i,
    int32_t *ret_zone, char *error, size_t error_size)
{
    char local[ZONE_NAME_MAX];
    const char *name = l->timezone;
    uint16_t zone;

    if (strcmp(name, "local") == 0) {
        /* A host that does not name its zone, or names none that exists, runs in UTC. */
        name = tz_local_name("/etc", local, sizeof(local)) ? local : "UTC";
        *ret_zone = RFC3164_UTC;
    }
    if (tz_find(table, (struct sr_span){ (const uint8_t *)name, strlen(name) }, &zone)) {
        *ret_zone = zone;
        return true;
    }
    if (name != l->timezone) {
        return true;
    }
    (void)snprintf(error, error_size,
        "listeners[%zu].timezone: `%s` is not a zone of %s; write a name such as Europe/Berlin, "
        "UTC or local",
        i, name, TZ_SYSTEM_DIR);
    return false;
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
    }
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
    s->count = c->listeners.count;
    for (size_t i = 0; i < s->count; i++) {
        struct syslog_decode *d = &s->listeners[i];
        d->format = (enum syslog_format)listeners[i].format;
        d->partition = (struct sr_span){ (const uint8_t *)c->partition, strlen(c->partition) };
        d->zones = &s->zones.table;
        d->own_host = (struct sr_span){ (const uint8_t *)s->own_host, strlen(s->own_host) };
        bool ok = extras_make(&listeners[i].gelf_extra, &d->extras);
        if (!ok) {
            (void)snprintf(error, error_size, "out of memory");
        }
        if (!ok || !find_zone(d->zones, &listeners[i], i, &d->local, error, error_size)) {
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
};

static void *
new_scratch(void)
{
    return calloc(1, sizeof(struct scratch));
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
    const char *reason;

    (void)state;
    cfg.scratch = &own->decode;
    if (syslog_inflate(&own->inflater, &inflate, bytes, &bytes, &reason) == SYSLOG_INFLATE_BAD) {
        emit->deadletter(emit->arg, reason, peer, now_ns, bytes);
        return SR_DEADLETTER;
    }
    return sr_syslog_datagram(&cfg, now_ns, peer, bytes, emit);
}

/* ---- Streams ---- */

static void *
new_connection(void *state, const void *snapshot, unsigned listener, const struct sr_peer *peer)
{
    const struct snapshot *s = snapshot;

    (void)peer;
    return syslog_connection_new(state, &s->configs[listener], listener);
}

static enum sr_verdict
decode_message(void *state, const void *snapshot, unsigned listener, void *scratch,
    void *connection, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes, bool must,
    const struct sr_emit *emit)
{
    const struct snapshot *s = snapshot;
    struct syslog_decode cfg = s->listeners[listener];

    (void)state;
    cfg.scratch = &((struct scratch *)scratch)->decode;
    /* Upstream says of datagrams only who sent them. */
    cfg.no_address = s->configs[listener].base.compat == SR_COMPAT_UPSTREAM;
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
    .connection_new = new_connection,
    .connection_free = syslog_connection_free,
    .frame = syslog_connection_frame,
    .stream_message = decode_message,
    .connection_tick = tick_connection,
    .stream_message_max = SYSLOG_MESSAGE_MAX + SYSLOG_FRAME_OVERHEAD,
};
