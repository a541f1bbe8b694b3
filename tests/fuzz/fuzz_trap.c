/* SPDX-License-Identifier: Apache-2.0 */
/* Any datagram becomes one line of JSON, or a dead letter, or is no notification. */
#include "decode/datagram.h"
#include "decode/kind.h"
#include "line_sink.h"
#include "require.h"
#include "sr/json.h"

#include "sr/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An explanation is JSON, too, and is written where a record would be. */
static void
explain(void *arg, struct sr_span json)
{
    struct line_sink *sink = arg;

    require(json.data == sink->memory && sr_utf8_valid(json));
    require(json.data[0] == '{' && json.data[json.len - 1] == '}');
}

/* What is kept of a notification is that notification. */
static enum trap_gate_word
keep(void *arg, uint64_t now_ns, const struct sr_peer *peer, const struct trap_message *message)
{
    static const uint64_t seed[2] = { 1, 2 };
    static struct trap_kept kept;
    struct trap_message again;
    struct trap_kind before, after;

    (void)arg;
    if (!trap_kept_put(&kept, peer, now_ns, message)) {
        return TRAP_GATE_TOO_LARGE;
    }
    trap_kept_get(&kept, &again);
    require(again.version == message->version && again.pdu == message->pdu);
    require(again.varbinds.len == message->varbinds.len);
    require(again.varbind_count == message->varbind_count);
    require(again.request_id == message->request_id && again.uptime == message->uptime);
    bool has_kind = trap_kind_of(seed, peer, message, &before);
    require(has_kind == trap_kind_of(seed, peer, &again, &after));
    require(!has_kind || (before.hash[0] == after.hash[0] && before.hash[1] == after.hash[1]));
    return message->varbind_count % 2 == 0 ? TRAP_GATE_FOLDED : TRAP_GATE_PASSES;
}

static void
feed(const struct trap_config *config, bool is_asked, struct sr_span bytes)
{
    static const struct trap_gate gate = { NULL, keep };
    static const struct sr_peer peer = { .address = { 192, 0, 2, 10 }, .port = 50123 };
    static struct trap_scratch scratch;
    struct line_sink sink = { .raw = bytes };
    struct sr_emit emit = line_sink_emit(&sink);

    emit.explain = is_asked ? explain : NULL;
    scratch.gate = is_asked ? &gate : NULL;
    enum sr_verdict verdict = sr_trap_datagram(
        config, NULL, &scratch, UINT64_C(1795348800000000000), &peer, bytes, &emit);
    line_sink_end(&sink, verdict);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct trap_config plain = { .enrich = false };
    const struct trap_config enriched = { .enrich = true, .mibs = { NULL, mib_standard() } };
    static const struct trap_rule rules[] = {
        { { 1, 3, 6, 1, 6 }, 5, true, true, "1.3.6.1.6.*" },
        { { 1, 3, 6, 1, 6, 3, 1, 1, 5, 4 }, 10, false, false, "IF-MIB::linkUp" },
    };
    const struct trap_access access = { .rules = rules, .rule_count = 2 };
    const struct trap_config strict = {
        .upstream = true, .access = &access, .mibs = { NULL, mib_standard() }
    };

    if (size <= UINT16_MAX) {
        feed(&plain, false, (struct sr_span){ data, size });
        feed(&enriched, false, (struct sr_span){ data, size });
        feed(&strict, true, (struct sr_span){ data, size });
    }
    return 0;
}
