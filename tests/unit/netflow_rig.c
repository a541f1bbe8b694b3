/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_rig.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)

/* Large, and of no one: what one call leaves in it is nothing to the next. */
static struct nf_scratch scratch;

static void
require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void *
take(void *arg, size_t size)
{
    struct netflow_rig *rig = arg;

    require(size > 0);
    rig->taken += size;
    return malloc(size);
}

static void
give(void *arg, void *memory, size_t size)
{
    struct netflow_rig *rig = arg;

    require(memory != NULL && size <= rig->taken);
    rig->taken -= size;
    free(memory);
}

static uint8_t *
reserve(void *arg, size_t max)
{
    struct netflow_rig *rig = arg;

    if (rig->room_left == 0) {
        return NULL;
    }
    if (max != rig->room_size) {
        free(rig->room);
        rig->room = malloc(max);
        rig->room_size = max;
        require(rig->room != NULL);
    }
    return rig->room;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    struct netflow_rig *rig = arg;

    require(rig->room != NULL && len > 0 && len <= rig->room_size && records == 1);
    rig->messages++;
    rig->records += records;
    if (rig->room_left != UINT_MAX) {
        rig->room_left--;
    }
    if (rig->message != NULL) {
        rig->message(rig->arg, (struct sr_span){ rig->room, len });
    }
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    struct netflow_rig *rig = arg;
    volatile uint8_t byte = 0;

    (void)now_ns;
    require(reason != NULL && reason[0] != '\0' && peer != NULL);
    for (size_t i = 0; i < raw.len; i++) {
        byte = (uint8_t)(byte ^ raw.data[i]);
    }
    (void)byte;
    rig->deadletters++;
    rig->last_reason = reason;
}

static void
consumed(void *arg, const char *reason)
{
    struct netflow_rig *rig = arg;

    require(reason != NULL && reason[0] != '\0');
    rig->consumed++;
}

static void
lost(void *arg, const char *reason, uint32_t records)
{
    struct netflow_rig *rig = arg;

    require(records > 0 && (reason != NULL || rig->room_left == 0));
    rig->lost += records;
}

void
netflow_rig_begin(struct netflow_rig *rig, enum nf_format format, enum nf_flavour flavour)
{
    *rig = (struct netflow_rig){ .room_left = UINT_MAX };
    rig->config = (struct nf_config){
        .flavour = flavour,
        .format = format,
        .max_templates = 2000,
        .max_template_fields = 1000,
        .max_domains = 256,
        .max_pending_sets = 256,
        .max_pending_bytes = 1 << 20,
        .pending_ttl_ns = 300 * SECOND,
        /* Recorded datagrams are years old. */
        .skew_ns = 3162240000 * SECOND, /* a century */
    };
    rig->scratch = &scratch;
    rig->memory = (struct nf_memory){ .arg = rig, .take = take, .give = give };
    rig->emit = (struct sr_emit){
        .arg = rig,
        .reserve = reserve,
        .commit = commit,
        .deadletter = deadletter,
        .consumed = consumed,
        .refused = consumed,
        .lost = lost,
    };
}

void
netflow_rig_end(struct netflow_rig *rig)
{
    for (unsigned i = 0; i < rig->exporter_count; i++) {
        nf_exporter_free(rig->exporters[i]);
    }
    rig->exporter_count = 0;
    require(rig->taken == 0);
    free(rig->room);
    rig->room = NULL;
    rig->room_size = 0;
}

struct nf_exporter *
netflow_rig_exporter(struct netflow_rig *rig, const struct sr_peer *peer)
{
    struct sr_peer host = *peer;

    host.port = 0;
    for (unsigned i = 0; i < rig->exporter_count; i++) {
        const struct sr_peer *known = nf_exporter_peer(rig->exporters[i]);
        if (known->is_v6 == host.is_v6 &&
            memcmp(known->address, host.address, host.is_v6 ? 16 : 4) == 0) {
            return rig->exporters[i];
        }
    }
    require(rig->exporter_count < NETFLOW_RIG_EXPORTERS);
    struct nf_exporter *made = nf_exporter_new(&rig->memory, &host);
    require(made != NULL);
    rig->exporters[rig->exporter_count++] = made;
    return made;
}

enum sr_verdict
netflow_rig_feed(struct netflow_rig *rig, const struct sr_peer *peer, struct sr_span bytes)
{
    /* An exact copy, so that a read past its end is one past the memory's. */
    uint8_t *exact = malloc(bytes.len > 0 ? bytes.len : 1);
    struct nf_input input = {
        .scratch = rig->scratch,
        .now_ns = NETFLOW_RIG_NOW + rig->datagrams * UINT64_C(1000000),
        .peer = peer,
        .bytes = { exact, bytes.len },
        .number = rig->datagrams,
    };

    require(exact != NULL);
    if (bytes.len > 0) {
        memcpy(exact, bytes.data, bytes.len);
    }
    rig->datagrams++;
    enum sr_verdict verdict =
        sr_netflow_datagram(netflow_rig_exporter(rig, peer), &rig->config, &input, &rig->emit);
    free(exact);
    return verdict;
}

void
netflow_rig_expire(struct netflow_rig *rig, uint64_t now_ns)
{
    for (unsigned i = 0; i < rig->exporter_count; i++) {
        sr_netflow_expire(rig->exporters[i], &rig->config, rig->scratch, now_ns, &rig->emit);
    }
}

void
netflow_rig_forget(struct netflow_rig *rig)
{
    rig->messages = 0;
    rig->records = 0;
    rig->deadletters = 0;
    rig->lost = 0;
    rig->consumed = 0;
    rig->last_reason = NULL;
}

bool
netflow_rig_ledger_sums(struct netflow_rig *rig)
{
    for (unsigned i = 0; i < rig->exporter_count; i++) {
        const struct nf_ledger *l = nf_exporter_ledger(rig->exporters[i]);
        if (l->records != l->published + l->zero + l->limited + l->full) {
            return false;
        }
    }
    return true;
}
