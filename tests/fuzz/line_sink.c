/* SPDX-License-Identifier: Apache-2.0 */
#include "line_sink.h"

#include <stdlib.h>

#include "require.h"
#include "sr/json.h"

#include "sr/banned.h"

static uint8_t *
reserve(void *arg, size_t max)
{
    struct line_sink *s = arg;

    /* An exact size, so that a write of even one byte too far is seen. */
    free(s->memory);
    s->memory = malloc(max);
    require(s->memory != NULL);
    return s->memory;
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    struct line_sink *s = arg;
    struct sr_span record = { s->memory, len };

    require(records == 1 && len > 2);
    require(record.data[0] == '{' && record.data[len - 1] == '}');
    require(sr_utf8_valid(record));
    for (size_t i = 0; i < len; i++) {
        require(record.data[i] >= ' ');
    }
    s->commits++;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    struct line_sink *s = arg;

    (void)peer;
    (void)now_ns;
    require(reason[0] != '\0' && raw.data == s->raw.data && raw.len == s->raw.len);
    s->deadletters++;
}

static void
consumed(void *arg, const char *reason)
{
    struct line_sink *s = arg;

    require(reason[0] != '\0');
    s->consumed++;
}

static void
refused(void *arg, const char *reason)
{
    struct line_sink *s = arg;

    require(reason[0] != '\0');
    s->refused++;
}

struct sr_emit
line_sink_emit(struct line_sink *sink)
{
    return (struct sr_emit){
        .arg = sink,
        .reserve = reserve,
        .commit = commit,
        .deadletter = deadletter,
        .consumed = consumed,
        .refused = refused,
    };
}

void
line_sink_end(struct line_sink *sink, enum sr_verdict verdict)
{
    require(sink->commits == (verdict == SR_DECODED ? 1 : 0));
    require(sink->deadletters == (verdict == SR_DEADLETTER ? 1 : 0));
    require(sink->consumed == (verdict == SR_CONSUMED ? 1 : 0));
    require(sink->refused == (verdict == SR_REFUSED ? 1 : 0));
    require(verdict != SR_FULL);
    free(sink->memory);
}
