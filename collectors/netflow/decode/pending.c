/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "decode/exporter_state.h"
#include "sr/banned.h"

enum { BUCKETS = 32 };

/*
 * Sets that wait, there only while one does. In each bucket and among all they are in the order in
 * which they came, so that the oldest of all is always the first of its bucket.
 */
struct nf_waiting {
    struct nf_pending *newest, *oldest;
    struct {
        struct nf_pending *first, *last;
    } buckets[BUCKETS];
    unsigned count;
    uint64_t bytes;
};

static size_t
size_of(const struct nf_pending *p)
{
    return sizeof(*p) + p->length;
}

static uint32_t
bucket_of(const struct nf_exporter *e, uint16_t version, uint32_t domain, uint16_t id)
{
    uint64_t key = (uint64_t)domain << 32 | (uint64_t)version << 16 | id;

    return nf_index_hash(e->salt, key) % BUCKETS;
}

static void
append(struct nf_exporter *e, struct nf_pending *p)
{
    struct nf_waiting *w = e->waiting;
    uint32_t i = bucket_of(e, p->header.version, p->header.domain, p->id);

    p->next = NULL;
    p->newer = NULL;
    p->older = w->newest;
    *(w->newest != NULL ? &w->newest->newer : &w->oldest) = p;
    w->newest = p;
    *(w->buckets[i].last != NULL ? &w->buckets[i].last->next : &w->buckets[i].first) = p;
    w->buckets[i].last = p;
    w->count++;
    w->bytes += size_of(p);
}

/* `before` is the one before in its bucket, NULL when it is the first. */
static void
unlink_set(struct nf_exporter *e, struct nf_pending *p, struct nf_pending *before)
{
    struct nf_waiting *w = e->waiting;
    uint32_t i = bucket_of(e, p->header.version, p->header.domain, p->id);

    *(before != NULL ? &before->next : &w->buckets[i].first) = p->next;
    if (p->next == NULL) {
        w->buckets[i].last = before;
    }
    *(p->newer != NULL ? &p->newer->older : &w->newest) = p->older;
    *(p->older != NULL ? &p->older->newer : &w->oldest) = p->newer;
    p->next = p->newer = p->older = NULL;
    w->count--;
    w->bytes -= size_of(p);
}

static void
free_if_empty(struct nf_exporter *e)
{
    if (e->waiting != NULL && e->waiting->count == 0) {
        nf_give(e, e->waiting, sizeof(*e->waiting));
        e->waiting = NULL;
    }
}

static void
drop_oldest(struct nf_exporter *e, nf_pending_gone gone, void *arg)
{
    struct nf_pending *p = e->waiting->oldest;

    unlink_set(e, p, NULL);
    sr_count(&e->ledger.sets_expired, 1);
    if (gone != NULL) {
        gone(arg, p);
    }
    nf_pending_free(e, p);
}

static bool
has_room(const struct nf_waiting *w, const struct nf_config *config, size_t size)
{
    return w->count == 0 ||
           (w->count < config->max_pending_sets && w->bytes + size <= config->max_pending_bytes);
}

/* Where sets wait; NULL without memory. */
static struct nf_waiting *
waiting(struct nf_exporter *e)
{
    if (e->waiting == NULL) {
        e->waiting = nf_take(e, sizeof(*e->waiting));
        if (e->waiting != NULL) {
            memset(e->waiting, 0, sizeof(*e->waiting));
        }
    }
    return e->waiting;
}

bool
nf_pending_add(struct nf_exporter *e, struct nf_domain *d, const struct nf_config *config,
    const struct nf_header *header, uint32_t datagram, uint16_t id, struct sr_span records,
    nf_pending_gone gone, void *arg)
{
    size_t size = sizeof(struct nf_pending) + records.len;

    if (records.len > UINT16_MAX || size > config->max_pending_bytes ||
        config->max_pending_sets == 0) {
        return false;
    }
    nf_exporter_salt(e, header->received_ns);
    struct nf_pending *p = nf_take(e, size);
    if (p == NULL || waiting(e) == NULL) {
        nf_give(e, p, size);
        return false;
    }
    p->header = *header;
    /* The domain is what the set is found by. */
    p->header.version = d->version;
    p->header.domain = d->id;
    p->datagram = datagram;
    p->id = id;
    p->length = (uint16_t)records.len;
    if (records.len > 0) {
        memcpy(p->records, records.data, records.len);
    }
    while (!has_room(e->waiting, config, size)) {
        drop_oldest(e, gone, arg);
    }
    append(e, p);
    sr_count(&e->ledger.sets_parked, 1);
    return true;
}

struct nf_pending *
nf_pending_take(struct nf_exporter *e, struct nf_domain *d, const struct nf_config *config,
    uint16_t id, uint64_t now_ns)
{
    if (e->waiting == NULL) {
        return NULL;
    }
    struct nf_pending *before = NULL;
    struct nf_pending *p = e->waiting->buckets[bucket_of(e, d->version, d->id, id)].first;
    while (p != NULL &&
           (p->id != id || p->header.domain != d->id || p->header.version != d->version)) {
        before = p;
        p = p->next;
    }
    /* An id with a template has one for each port: the first set stands for all. */
    if (p == NULL || nf_templates_find(e, d, config, id, p->header.port, now_ns) == NULL) {
        return NULL;
    }
    unlink_set(e, p, before);
    free_if_empty(e);
    sr_count(&e->ledger.sets_released, 1);
    return p;
}

void
nf_pending_free(struct nf_exporter *e, struct nf_pending *pending)
{
    if (pending != NULL) {
        nf_give(e, pending, size_of(pending));
    }
}

void
nf_pending_expire(struct nf_exporter *e, const struct nf_config *config, uint64_t now_ns,
    nf_pending_gone gone, void *arg)
{
    while (e->waiting != NULL && e->waiting->count > 0 &&
           nf_age(now_ns, e->waiting->oldest->header.received_ns) > config->pending_ttl_ns) {
        drop_oldest(e, gone, arg);
    }
    free_if_empty(e);
}

unsigned
nf_pending_count(const struct nf_exporter *e)
{
    return e->waiting != NULL ? e->waiting->count : 0;
}

void
nf_pending_free_all(struct nf_exporter *e)
{
    while (e->waiting != NULL && e->waiting->count > 0) {
        struct nf_pending *p = e->waiting->oldest;
        unlink_set(e, p, NULL);
        nf_pending_free(e, p);
    }
    free_if_empty(e);
}
