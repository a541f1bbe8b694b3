/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog_fuzz.h"

#include <stdlib.h>

#include "decode/rfc3164.h"
#include "sr/json.h"

#include "sr/banned.h"

struct outcome {
    uint8_t *memory;
    struct sr_span raw;
    unsigned commits;
    unsigned deadletters;
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

void
syslog_fuzz(enum syslog_format format, const uint8_t *data, size_t size)
{
    static struct syslog_scratch scratch;
    struct outcome outcome = { .raw = { data, size } };
    const struct sr_peer peer = { .address = { 192, 0, 2, 9 } };
    const struct syslog_decode cfg = {
        .format = format,
        .partition = { (const uint8_t *)"default", 7 },
        .local = RFC3164_UTC,
        .scratch = &scratch,
    };
    const struct sr_emit emit = {
        .arg = &outcome,
        .reserve = reserve,
        .commit = commit,
        .deadletter = deadletter,
    };

    enum sr_verdict verdict =
        sr_syslog_datagram(&cfg, UINT64_C(1795348800000000000), &peer, outcome.raw, &emit);
    require(outcome.commits == (verdict == SR_DECODED ? 1 : 0));
    require(outcome.deadletters == (verdict == SR_DEADLETTER ? 1 : 0));
    require(verdict != SR_FULL);
    free(outcome.memory);
}
