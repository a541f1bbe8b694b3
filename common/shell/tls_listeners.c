/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/tls_listeners.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sr/clock.h"
#include "sr/log.h"

#include "sr/banned.h"

struct entry {
    struct sr_tls_listener *listener; /* NULL: without TLS */
    uint64_t used;                    /* the stamp of the files that were read last */
    uint64_t seen;                    /* the stamp at the last look */
    uint64_t again_ns; /* monotonic: when files that were not taken are read again; else never */
};

/* What a reload makes, until all of it is. */
struct made {
    struct sr_tls_context *context;
    uint64_t stamp;
};

#define AGAIN_NS (60 * SR_NS_PER_SECOND) /* it may be for want of descriptors, or of rights */

struct tls_listeners {
    pthread_mutex_t mutex; /* one reads files at a time */
    size_t listener_size;
    struct sr_stats *stats;
    size_t count;
    struct entry entries[];
};

static const struct sr_conf_listener *
listener_at(const struct tls_listeners *all, const struct sr_conf_common *c, size_t i)
{
    return (const void *)((const char *)c->listeners.items + i * all->listener_size);
}

/* ---- Telling ---- */

struct place {
    const char *name; /* of the listener */
    char *error;      /* gets the first problem; NULL: all are logged */
    size_t error_size;
};

static void
say(void *arg, bool problem, const char *key, const char *text)
{
    const struct place *p = arg;

    if (!problem) {
        sr_log(SR_LOG_WARNING, "%s: tls.%s: %s", p->name, key, text);
    } else if (p->error == NULL) {
        sr_log(SR_LOG_ERROR, "%s: tls.%s: %s", p->name, key, text);
    } else if (p->error[0] == '\0') {
        (void)snprintf(p->error, p->error_size, "%s: tls.%s: %s", p->name, key, text);
    }
}

static struct sr_tls_context *
make_context(const struct sr_conf_listener *l, char *error, size_t error_size)
{
    struct place place = { .name = l->listen, .error = error, .error_size = error_size };
    struct sr_tls_report report = { .arg = &place, .say = say };

    return sr_tls_context_new(&l->tls, &report);
}

static void
show_expiry(struct tls_listeners *all, size_t i, const struct sr_tls_context *context)
{
    struct sr_listener_stats *stats = &all->stats->listeners[i];

    atomic_store(&stats->tls_expires, sr_tls_context_expires(context));
}

/* ---- Life ---- */

/* The stamp is taken first: what changes meanwhile is read again. */
static bool
start_entry(struct tls_listeners *all, size_t i, const struct sr_conf_listener *l, char *error,
    size_t error_size)
{
    struct entry *e = &all->entries[i];

    e->used = e->seen = sr_tls_files_stamp(&l->tls);
    e->again_ns = UINT64_MAX;
    struct sr_tls_context *context = make_context(l, error, error_size);
    if (context == NULL) {
        return false;
    }
    all->stats->listeners[i].has_tls = true;
    show_expiry(all, i, context);
    e->listener = sr_tls_listener_new(context);
    if (e->listener == NULL) {
        (void)snprintf(error, error_size, "out of memory");
    }
    return e->listener != NULL;
}

struct tls_listeners *
tls_listeners_new(const struct sr_conf_common *c, size_t listener_size, struct sr_stats *stats,
    char *error, size_t error_size)
{
    size_t count = c->listeners.count;
    struct tls_listeners *all = calloc(1, sizeof(*all) + count * sizeof(all->entries[0]));

    if (all == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    (void)pthread_mutex_init(&all->mutex, NULL);
    all->listener_size = listener_size;
    all->stats = stats;
    all->count = count;
    error[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct sr_conf_listener *l = listener_at(all, c, i);
        if (l->connections > 0 && sr_conf_has_tls(l) &&
            !start_entry(all, i, l, error, error_size)) {
            tls_listeners_free(all);
            return NULL;
        }
    }
    return all;
}

void
tls_listeners_free(struct tls_listeners *all)
{
    if (all == NULL) {
        return;
    }
    for (size_t i = 0; i < all->count; i++) {
        sr_tls_listener_free(all->entries[i].listener);
    }
    (void)pthread_mutex_destroy(&all->mutex);
    free(all);
}

struct sr_tls_listener *
tls_listeners_at(const struct tls_listeners *all, size_t listener)
{
    return all->entries[listener].listener;
}

/* ---- Changes ---- */

static bool
make_all(const struct tls_listeners *all, const struct sr_conf_common *c, struct made *made,
    char *error, size_t error_size)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct sr_conf_listener *l = listener_at(all, c, i);
        const struct entry *e = &all->entries[i];

        if ((e->listener != NULL) != (l->connections > 0 && sr_conf_has_tls(l))) {
            (void)snprintf(error, error_size,
                "%s: whether a listener has TLS needs a restart of the service", l->listen);
            return false;
        }
        if (e->listener == NULL) {
            continue;
        }
        made[i].stamp = sr_tls_files_stamp(&l->tls);
        made[i].context = make_context(l, error, error_size);
        if (made[i].context == NULL) {
            return false;
        }
    }
    return true;
}

static void
use(struct tls_listeners *all, size_t i, const struct made *made)
{
    struct entry *e = &all->entries[i];

    e->used = e->seen = made->stamp;
    e->again_ns = UINT64_MAX;
    show_expiry(all, i, made->context);
    sr_tls_listener_set(e->listener, made->context);
}

bool
tls_listeners_reload(
    struct tls_listeners *all, const struct sr_conf_common *c, char *error, size_t error_size)
{
    struct made *made = calloc(all->count + 1, sizeof(*made));

    error[0] = '\0';
    if (made == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    (void)pthread_mutex_lock(&all->mutex);
    bool ok = make_all(all, c, made, error, error_size);
    for (size_t i = 0; i < all->count; i++) {
        if (made[i].context != NULL && ok) {
            use(all, i, &made[i]);
        } else {
            sr_tls_context_release(made[i].context);
        }
    }
    (void)pthread_mutex_unlock(&all->mutex);
    free(made);
    return ok;
}

/*
 * Certificate and key are two files, which change one after the other: they are read when nothing
 * has changed since the look before.
 */
static void
watch(struct tls_listeners *all, size_t i, const struct sr_conf_listener *l, uint64_t now_ns)
{
    struct entry *e = &all->entries[i];
    uint64_t stamp = sr_tls_files_stamp(&l->tls);
    bool settled = stamp == e->seen;

    e->seen = stamp;
    if (!settled || (stamp == e->used && now_ns < e->again_ns)) {
        return;
    }
    struct made made = { .context = make_context(l, NULL, 0), .stamp = stamp };
    if (made.context == NULL) {
        e->used = stamp;
        e->again_ns = now_ns + AGAIN_NS;
        sr_log(SR_LOG_ERROR,
            "changed files of TLS are not taken: the certificate that was read before stays in use "
            "listener=%s advice=\"mend the problems above; the files are read again in a minute\"",
            l->listen);
        return;
    }
    use(all, i, &made);
    sr_log(
        SR_LOG_NOTICE, "changed files of TLS are used for new connections listener=%s", l->listen);
}

void
tls_listeners_watch(struct tls_listeners *all, const struct sr_conf_common *c, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&all->mutex);
    for (size_t i = 0; i < all->count; i++) {
        if (all->entries[i].listener != NULL) {
            watch(all, i, listener_at(all, c, i), now_ns);
        }
    }
    (void)pthread_mutex_unlock(&all->mutex);
}
