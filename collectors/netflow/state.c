/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decode/datagram.h"

#include "sr/clock.h"

#include "sr/banned.h"

#define HELD_MAX 16U /* exporters that are held at once */
#define BUFFER_MIN 16384U
#define WRITE_PAUSE_NS (5 * SR_NS_PER_SECOND)

/* ---- What the file holds ---- */

static struct state_listener *
find_listener(struct state *s, struct sr_span name)
{
    for (unsigned i = 0; i < s->listener_count; i++) {
        size_t len = strnlen(s->listeners[i].name, STATE_FILE_NAME_MAX);
        if (len == name.len && memcmp(s->listeners[i].name, name.data, len) == 0) {
            return &s->listeners[i];
        }
    }
    return NULL; /* it has another address now, or is gone */
}

static void
on_exporter(void *arg, struct sr_span listener, struct sr_span saved)
{
    struct state_listener *l = find_listener(arg, listener);

    if (l != NULL) {
        exporters_release(exporters_load(l->exporters, &l->config, &saved, sr_clock_wall_ns()));
    }
}

/* A datagram that was read once already says nothing but what it tells of templates. */
static uint8_t *
no_room(void *arg, size_t max)
{
    (void)arg;
    (void)max;
    return NULL;
}

static void
no_deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)reason;
    (void)peer;
    (void)now_ns;
    (void)raw;
}

static void
no_verdict(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void
no_loss(void *arg, const char *reason, uint32_t records)
{
    (void)arg;
    (void)reason;
    (void)records;
}

static const struct sr_emit silent = {
    .reserve = no_room,
    .deadletter = no_deadletter,
    .consumed = no_verdict,
    .refused = no_verdict,
    .lost = no_loss,
};

static void
on_datagram(void *arg, struct sr_span listener, const struct sr_peer *peer, uint64_t now_ns,
    struct sr_span bytes)
{
    struct state *s = arg;
    struct state_listener *l = find_listener(s, listener);
    struct exporter *evicted = NULL;
    uint64_t budget = 0;
    bool is_new;

    if (l == NULL) {
        return;
    }
    struct exporter *e = exporters_hold(l->exporters, peer, &is_new, &evicted);
    while (evicted != NULL) {
        evicted = exporters_bury(evicted);
    }
    if (e == NULL) {
        return;
    }
    struct nf_input input = {
        .scratch = s->scratch,
        .now_ns = now_ns,
        .peer = peer,
        .bytes = bytes,
        .budget = &budget,
    };
    exporters_lock(e);
    (void)sr_netflow_datagram(e->state, &l->config, &input, &silent);
    exporters_unlock(e);
    exporters_release(e);
}

/* What nf_exporter_save() gives for one, in s->buffer; empty without memory. */
static struct sr_span
save_exporter(struct state *s, struct exporter *e)
{
    for (;;) {
        exporters_lock(e);
        size_t need = nf_exporter_save(e->state, s->buffer, s->buffer_size);
        exporters_unlock(e);
        if (need <= s->buffer_size) {
            return (struct sr_span){ s->buffer, need };
        }
        size_t size = need > BUFFER_MIN ? need + need / 4 : BUFFER_MIN;
        uint8_t *buffer = realloc(s->buffer, size);
        if (buffer == NULL) {
            return (struct sr_span){ 0 };
        }
        s->buffer = buffer;
        s->buffer_size = size;
    }
}

/*
 * Exporters that read datagrams once more have counted them and know their sequence numbers, as if
 * all after them were lost: they are made anew of what they learned.
 */
static void
renew_exporters(struct state *s, struct state_listener *l)
{
    struct exporter *held[HELD_MAX];
    size_t cursor = 0, count;

    while ((count = exporters_next(l->exporters, &cursor, false, held, HELD_MAX)) > 0) {
        for (size_t i = 0; i < count; i++) {
            bool counted = atomic_load(&nf_exporter_ledger(held[i]->state)->datagrams) > 0;
            struct sr_span saved = { 0 };
            if (counted) {
                saved = save_exporter(s, held[i]);
            }
            exporters_release(held[i]);
            if (saved.len > 0) {
                exporters_release(
                    exporters_load(l->exporters, &l->config, &saved, sr_clock_wall_ns()));
            }
        }
    }
    exporters_forget_gone(l->exporters);
}

/* ---- Keeping it ---- */

static void
write_anew(struct state *s)
{
    struct exporter *held[HELD_MAX];
    size_t count;
    uint64_t more;

    state_file_begin(s->file);
    for (unsigned i = 0; i < s->listener_count; i++) {
        struct state_listener *l = &s->listeners[i];
        size_t cursor = 0;
        while ((count = exporters_next(l->exporters, &cursor, false, held, HELD_MAX)) > 0) {
            for (size_t j = 0; j < count; j++) {
                if (held[j]->is_kept) {
                    state_file_put(s->file, l->name, save_exporter(s, held[j]));
                }
                exporters_release(held[j]);
            }
        }
    }
    int error = state_file_end(s->file);
    if (error != 0 && sr_log_allowed(&s->failures, &more)) {
        sr_log(SR_LOG_ERROR,
            "templates are not kept: they may be missing after a restart error=\"%s\" "
            "advice=\"%s\"",
            strerror(error), state_file_advice(error));
    } else if (error == 0 && atomic_load(&s->is_failing)) {
        sr_log(SR_LOG_NOTICE, "templates are kept again");
    }
    atomic_store(&s->is_failing, error != 0);
}

void
state_maintain(struct state *s, bool last)
{
    if (s->file == NULL) {
        return;
    }
    /* The pause is for storms of changes, and for a disk that takes nothing. */
    uint64_t now_ns = sr_clock_monotonic_ns();
    if (last || (now_ns >= s->next_write_ns && state_file_is_due(s->file))) {
        s->next_write_ns = now_ns + WRITE_PAUSE_NS;
        write_anew(s);
    }
    (void)state_file_sync(s->file); /* a disk that fails shows when it is written anew */
}

/* ---- Making it ---- */

static void
open_state_file(struct state *s, const struct netflow_conf *config)
{
    struct state_file_reader reader = {
        .arg = s,
        .exporter = on_exporter,
        .datagram = on_datagram,
    };
    char path[4096];
    char error[512] = "out of memory";

    if (config->state_file != NULL && strcmp(config->state_file, "off") == 0) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s%s",
        config->state_file != NULL ? config->state_file : config->common.queue.dir,
        config->state_file != NULL ? "" : "/templates");
    s->scratch = calloc(1, sizeof(*s->scratch));
    s->file = s->scratch != NULL ? state_file_open(path, &reader, error, sizeof(error)) : NULL;
    free(s->scratch);
    s->scratch = NULL;
    if (s->file == NULL) {
        sr_log(SR_LOG_WARNING,
            "templates are not kept: after a restart data waits until exporters send them again "
            "error=\"%s\"",
            error);
        atomic_store(&s->is_failing, true);
        return;
    }
    uint64_t found = 0;
    for (unsigned i = 0; i < s->listener_count; i++) {
        struct exporters_status status;
        renew_exporters(s, &s->listeners[i]);
        exporters_status(s->listeners[i].exporters, &status);
        found += status.kept;
    }
    if (found > 0) {
        sr_log(SR_LOG_NOTICE, "templates of the last run are known exporters=%llu",
            (unsigned long long)found);
    }
    if (state_file_is_due(s->file)) {
        write_anew(s);
    }
}

struct state *
state_new(const struct netflow_conf *config, bool daemon, char *error, size_t error_size)
{
    const struct netflow_listener *listeners = config->common.listeners.items;
    size_t count = config->common.listeners.count;
    struct state *s = calloc(1, sizeof(*s) + count * sizeof(s->listeners[0]));

    for (size_t i = 0; s != NULL && i < count; i++) {
        struct state_listener *l = &s->listeners[i];
        l->name = listeners[i].base.listen;
        l->config = netflow_decode_config(&listeners[i]);
        l->memory = listeners[i].exporter_memory;
        l->exporters =
            exporters_new((size_t)listeners[i].max_exporters, listeners[i].exporter_memory);
        s->listener_count = (unsigned)i + 1;
        if (l->exporters == NULL) {
            state_free(s);
            s = NULL;
        }
    }
    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    s->is_daemon = daemon;
    if (daemon) {
        open_state_file(s, config);
    }
    return s;
}

void
state_free(struct state *s)
{
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; i < s->listener_count; i++) {
        exporters_free(s->listeners[i].exporters);
    }
    state_file_close(s->file);
    free(s->buffer);
    free(s);
}
