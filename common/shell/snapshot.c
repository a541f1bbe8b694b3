/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/sink.h"

#include "sr/banned.h"

void
sr_snapshots_init(struct sr_snapshots *all, const struct sr_program *program)
{
    *all = (struct sr_snapshots){ .program = program };
    (void)pthread_mutex_init(&all->mutex, NULL);
}

void
sr_snapshots_done(struct sr_snapshots *all)
{
    sr_snapshot_release(all, all->current);
    (void)pthread_mutex_destroy(&all->mutex);
}

struct sr_form_options
sr_snapshot_form(const void *config)
{
    const struct sr_conf_common *c = config;
    bool lines = c->output == SR_OUTPUT_STDOUT ||
                 (c->output == SR_OUTPUT_FILE && c->file.framing == SR_FRAMING_NDJSON);

    return (struct sr_form_options){ .form = lines ? SR_FORM_JSON : SR_FORM_WIRE };
}

bool
sr_snapshot_install(
    struct sr_snapshots *all, void *config, bool owns_config, char *error, size_t error_size)
{
    struct sr_form_options form = sr_snapshot_form(config);
    struct sr_snapshot *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    s->state = all->program->open(config, &form, error, error_size);
    if (s->state == NULL) {
        free(s);
        return false;
    }
    s->config = config;
    s->owns_config = owns_config;
    s->holders = 1;
    (void)pthread_mutex_lock(&all->mutex);
    struct sr_snapshot *old = all->current;
    all->current = s;
    atomic_fetch_add(&all->generation, 1);
    (void)pthread_mutex_unlock(&all->mutex);
    sr_snapshot_release(all, old);
    return true;
}

struct sr_snapshot *
sr_snapshot_hold(struct sr_snapshots *all, uint64_t *ret_generation)
{
    (void)pthread_mutex_lock(&all->mutex);
    struct sr_snapshot *s = all->current;
    s->holders++;
    *ret_generation = atomic_load(&all->generation);
    (void)pthread_mutex_unlock(&all->mutex);
    return s;
}

void
sr_snapshot_release(struct sr_snapshots *all, struct sr_snapshot *s)
{
    if (s == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&all->mutex);
    bool last = --s->holders == 0;
    (void)pthread_mutex_unlock(&all->mutex);
    if (!last) {
        return;
    }
    all->program->close(s->state);
    if (s->owns_config) {
        sr_conf_free(s->config);
    }
    free(s);
}
