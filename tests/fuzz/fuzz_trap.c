/* SPDX-License-Identifier: Apache-2.0 */
/* Any datagram becomes one line of JSON, or a dead letter, or is no notification. */
#include <stdlib.h>

#include "decode/datagram.h"
#include "sr/json.h"

#include "sr/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint8_t *memory;
    struct sr_span raw;
    unsigned commits, deadletters, consumed;
};

static void
require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static uint8_t *
reserve(void *arg, size_t max)
{
    struct outcome *o = arg;

    /* An exact size, so that a write of even one byte too far is seen. */
    free(o->memory);
    o->memory = malloc(max);
    require(o->memory != NULL);
    return o->memory;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    struct outcome *o = arg;
    struct sr_span record = { o->memory, len };

    require(records == 1 && len > 2);
    require(record.data[0] == '{' && record.data[len - 1] == '}');
    require(sr_utf8_valid(record));
    for (size_t i = 0; i < len; i++) {
        require(record.data[i] >= ' ');
    }
    o->commits++;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    struct outcome *o = arg;

    (void)peer;
    (void)now_ns;
    require(reason[0] != '\0' && raw.data == o->raw.data && raw.len == o->raw.len);
    o->deadletters++;
}

static void
consumed(void *arg, const char *reason)
{
    struct outcome *o = arg;

    require(reason[0] != '\0');
    o->consumed++;
}

static void
feed(const struct trap_config *config, struct sr_span bytes)
{
    static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };
    static struct trap_scratch scratch;
    struct outcome outcome = { .raw = bytes };
    const struct sr_emit emit = {
        .arg = &outcome,
        .reserve = reserve,
        .commit = commit,
        .deadletter = deadletter,
        .consumed = consumed,
    };

    enum sr_verdict verdict = sr_trap_datagram(
        config, NULL, &scratch, UINT64_C(1795348800000000000), &peer, bytes, &emit);
    require(outcome.commits == (verdict == SR_DECODED ? 1 : 0));
    require(outcome.deadletters == (verdict == SR_DEADLETTER ? 1 : 0));
    require(outcome.consumed == (verdict == SR_CONSUMED ? 1 : 0));
    require(verdict != SR_FULL);
    free(outcome.memory);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct trap_config plain = { .enrich = false };
    const struct trap_config enriched = { .enrich = true, .mibs = { NULL, mib_standard() } };

    if (size <= UINT16_MAX) {
        feed(&plain, (struct sr_span){ data, size });
        feed(&enriched, (struct sr_span){ data, size });
    }
    return 0;
}
