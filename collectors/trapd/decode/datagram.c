/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/datagram.h"

#include "decode/explain.h"
#include "decode/json.h"
#include "decode/response.h"
#include "sr/buf.h"

#include "sr/banned.h"

/*
 * Room for nearly every record. A byte of a value takes up to six as JSON, a varbind of seven bytes
 * some 60, with names some 300, and few are at that. What does not fit is given TRAP_RECORD_MAX.
 */
static size_t
typical_room(const struct trap_config *config, size_t len)
{
    size_t room = config->enrich ? 2048 + 24 * len : 1024 + 8 * len;

    return room < TRAP_RECORD_MAX ? room : TRAP_RECORD_MAX;
}

/* Why a message that was read is not published. */
static const char *
other_pdu(enum trap_pdu pdu)
{
    switch (pdu) {
    case TRAP_PDU_GET: return "get";
    case TRAP_PDU_GET_NEXT: return "get_next";
    case TRAP_PDU_RESPONSE: return "response";
    case TRAP_PDU_SET: return "set";
    case TRAP_PDU_GET_BULK: return "get_bulk";
    case TRAP_PDU_REPORT: return "report";
    case TRAP_PDU_TRAP_V1:
    case TRAP_PDU_INFORM:
    case TRAP_PDU_TRAP_V2: break;
    }
    return "other";
}

/* Returns NULL, or why the message cannot be read. */
static const char *
read_message(const struct trap_opener *opener, struct trap_scratch *scratch, uint64_t now_ns,
    struct sr_span bytes, struct trap_message *message)
{
    enum trap_err err;

    if (bytes.len == 0) {
        return "empty";
    }
    err = trap_message_read(bytes, message);
    if (err != TRAP_SECURITY) {
        return err != TRAP_OK ? trap_reason(err) : NULL;
    }
    if (opener == NULL) {
        return "v3_no_users";
    }
    return opener->open(opener->arg, now_ns, bytes, scratch->plain, message);
}

/* Returns the record's length; 0 when it does not fit. */
static size_t
write_record(const struct trap_config *config, const struct trap_message *message,
    const struct sr_peer *peer, uint64_t now_ns, uint8_t *memory, size_t room)
{
    struct sr_buf b = sr_buf_over(memory, room);

    trap_json_write(&b, config, message, peer, now_ns);
    return b.overflow ? 0 : b.len;
}

/* Everything of one datagram. */
struct work {
    const struct trap_config *config;
    const struct trap_opener *opener;
    struct trap_scratch *scratch;
    const struct sr_emit *emit;
    const struct sr_peer *peer;
    uint64_t now_ns;
    struct sr_span bytes;
    struct trap_message message;
    bool is_request;
    struct sr_request request; /* of an inform that can be answered */

    /* For who wants to know why. */
    bool is_read;
    const char *reason, *storm;
    const struct trap_rule *rule;
};

static uint8_t *
reserve(const struct work *w, size_t room)
{
    return w->is_request ? w->emit->reserve_request(w->emit->arg, room)
                         : w->emit->reserve(w->emit->arg, room);
}

static enum sr_verdict
deadletter(struct work *w, const char *reason)
{
    struct sr_span raw = w->bytes;

    w->reason = reason;
    if (w->config->mask != NULL) {
        w->config->mask(raw, w->scratch->spare);
        raw.data = w->scratch->spare;
    }
    w->emit->deadletter(w->emit->arg, reason, w->peer, w->now_ns, raw);
    return SR_DEADLETTER;
}

static enum sr_verdict
publish(struct work *w, uint8_t *memory, size_t room)
{
    size_t len = write_record(w->config, &w->message, w->peer, w->now_ns, memory, room);

    if (len == 0 && room < TRAP_RECORD_MAX) {
        memory = reserve(w, TRAP_RECORD_MAX);
        if (memory == NULL) {
            return SR_FULL;
        }
        len = write_record(w->config, &w->message, w->peer, w->now_ns, memory, TRAP_RECORD_MAX);
    }
    if (len == 0 && w->config->enrich) {
        struct trap_config plain = *w->config;
        plain.enrich = false; /* better a trap without names than none */
        len = write_record(&plain, &w->message, w->peer, w->now_ns, memory, TRAP_RECORD_MAX);
    }
    if (len == 0) {
        return deadletter(w, "too_large");
    }
    if (w->is_request) {
        w->emit->commit_request(w->emit->arg, len, &w->request);
    } else {
        w->emit->commit(w->emit->arg, len, 1);
    }
    return SR_DECODED;
}

/*
 * What tells an inform apart from all others, when it is sent again too: who sent it as whom, and
 * its PDU. Of v3 not the message, in which the id and the salt are new each time. A community that
 * is not published is none of it: who knows the rest could find it out by trial from the hash,
 * which is published. Each part has its length before it.
 */
static struct sr_span
identity(const struct work *w)
{
    const struct trap_message *m = &w->message;
    bool is_shown = w->config->community == TRAP_COMMUNITY_CLEAR;
    const struct sr_span parts[] = {
        { w->peer->address, w->peer->is_v6 ? 16 : 4 },
        is_shown ? m->community : (struct sr_span){ NULL, 0 },
        m->engine_id,
        m->user,
        m->context_engine_id,
        m->context_name,
        m->whole_pdu,
    };
    struct sr_buf b = sr_buf_over(w->scratch->spare, sizeof(w->scratch->spare));

    sr_buf_put(&b, (uint8_t)(w->peer->port >> 8));
    sr_buf_put(&b, (uint8_t)w->peer->port);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        sr_buf_put(&b, (uint8_t)(parts[i].len >> 8));
        sr_buf_put(&b, (uint8_t)parts[i].len);
        sr_buf_add(&b, parts[i].data, parts[i].len);
    }
    return (struct sr_span){ b.data, b.len };
}

/* Writes what the opener has to say to the message; 0: nothing. */
static size_t
opener_answer(const struct work *w)
{
    if (w->opener->answer == NULL) {
        return 0;
    }
    return w->opener->answer(
        w->opener->arg, &w->message, w->scratch->answer, sizeof(w->scratch->answer));
}

/* True for an inform that can be answered: then w->request says with what. */
static bool
make_request(struct work *w)
{
    const struct trap_message *m = &w->message;
    size_t len;

    if (m->pdu != TRAP_PDU_INFORM || w->emit->commit_request == NULL ||
        w->config->request_id == NULL) {
        return false;
    }
    if (m->version == TRAP_V3) {
        len = opener_answer(w);
    } else {
        len = trap_response_write(w->bytes, m, w->scratch->answer);
    }
    if (len == 0) {
        return false;
    }
    w->config->request_id(identity(w), w->request.id);
    w->request.answer = (struct sr_span){ w->scratch->answer, len };
    return true;
}

/* Of a message that open() refused: its sender may learn why. */
static void
report(struct work *w)
{
    size_t len;

    if (w->emit->answer == NULL || w->opener == NULL || w->opener->answer == NULL ||
        w->message.version != TRAP_V3) {
        return;
    }
    len = opener_answer(w);
    if (len > 0) {
        w->emit->answer(w->emit->arg, (struct sr_span){ w->scratch->answer, len });
    }
}

static enum sr_verdict
consumed(struct work *w, const char *reason)
{
    w->reason = reason;
    w->emit->consumed(w->emit->arg, reason);
    return SR_CONSUMED;
}

/* True when it is not published now, but counted and kept. Its sender need not send it again. */
static bool
is_folded(struct work *w)
{
    const struct trap_gate *gate = w->scratch->gate;

    if (gate == NULL) {
        return false;
    }
    enum trap_gate_word word = gate->admit(gate->arg, w->now_ns, w->peer, &w->message);
    w->storm = trap_gate_words[word];
    if (word != TRAP_GATE_FOLDED) {
        return false;
    }
    if (w->is_request && w->emit->answer != NULL) {
        w->emit->answer(w->emit->arg, w->request.answer);
    }
    return true;
}

/* True when rules of the operator refuse it. */
static bool
is_refused(struct work *w)
{
    if (w->config->access != NULL) {
        w->reason = trap_access_refusal(w->config->access, &w->message, &w->rule);
    }
    return w->reason != NULL;
}

/* A message that was read, for whose record there is `room` bytes of memory. */
static enum sr_verdict
take(struct work *w, uint8_t *memory, size_t room)
{
    if (!trap_is_notification(&w->message)) {
        return consumed(w, other_pdu(w->message.pdu));
    }
    if (is_refused(w)) {
        w->emit->refused(w->emit->arg, w->reason);
        return SR_REFUSED;
    }
    w->is_request = make_request(w);
    if (w->is_request) {
        if (w->emit->repeated(w->emit->arg, &w->request)) {
            return consumed(w, "duplicates");
        }
        memory = reserve(w, room);
        if (memory == NULL) {
            return SR_FULL;
        }
    }
    return is_folded(w) ? consumed(w, "folded") : publish(w, memory, room);
}

static const char *
verdict_word(enum sr_verdict verdict)
{
    switch (verdict) {
    case SR_DECODED: return "decoded";
    case SR_CONSUMED: return "consumed";
    case SR_REFUSED: return "refused";
    case SR_DEADLETTER: return "deadletter";
    case SR_FULL:
    case SR_LATER: break; /* neither is told */
    }
    return "full";
}

/* Written where a record would be, which is not committed. */
static void
tell(const struct sr_emit *emit, const struct trap_explained *explained)
{
    uint8_t *memory = emit->reserve(emit->arg, TRAP_RECORD_MAX);

    if (memory != NULL) {
        struct sr_buf b = sr_buf_over(memory, TRAP_RECORD_MAX);
        trap_explain_write(&b, explained);
        if (!b.overflow) {
            emit->explain(emit->arg, sr_buf_span(&b));
        }
    }
}

static void
explain(const struct work *w, enum sr_verdict verdict)
{
    const struct trap_explained explained = {
        .config = w->config,
        .peer = w->peer,
        .bytes = w->bytes,
        .verdict = verdict_word(verdict),
        .reason = w->reason,
        .message = &w->message,
        .is_read = w->is_read,
        .rule = w->rule,
        .storm = w->storm,
    };

    tell(w->emit, &explained);
}

void
sr_trap_explain_refusal(const struct trap_config *config, const struct sr_peer *peer,
    struct sr_span bytes, const char *reason, const struct sr_emit *emit)
{
    const struct trap_explained explained = {
        .config = config,
        .peer = peer,
        .bytes = bytes,
        .verdict = verdict_word(SR_REFUSED),
        .reason = reason,
    };

    if (emit->explain != NULL) {
        tell(emit, &explained);
    }
}

enum sr_verdict
sr_trap_datagram(const struct trap_config *config, const struct trap_opener *opener,
    struct trap_scratch *scratch, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct sr_emit *emit)
{
    size_t room = typical_room(config, bytes.len);
    struct work w = { .config = config,
        .opener = opener,
        .scratch = scratch,
        .emit = emit,
        .peer = peer,
        .now_ns = now_ns,
        .bytes = bytes };
    enum sr_verdict verdict;
    uint8_t *memory = emit->reserve(emit->arg, room);

    if (memory == NULL) {
        return SR_FULL;
    }
    const char *wrong = read_message(opener, scratch, now_ns, bytes, &w.message);
    w.is_read = wrong == NULL;
    if (wrong != NULL) {
        report(&w);
        verdict = w.message.is_exchange ? consumed(&w, wrong) : deadletter(&w, wrong);
    } else {
        verdict = take(&w, memory, room);
    }
    if (emit->explain != NULL && verdict != SR_FULL) {
        explain(&w, verdict);
    }
    return verdict;
}

bool
sr_trap_last_of_storm(const struct trap_config *config, struct trap_scratch *scratch,
    const struct sr_peer *peer, uint64_t received_ns, const struct trap_message *message,
    const struct sr_emit *emit)
{
    size_t room = typical_room(config, message->community.len + message->whole_pdu.len);
    struct work w = { .config = config,
        .scratch = scratch,
        .emit = emit,
        .peer = peer,
        .now_ns = received_ns,
        .bytes = message->whole_pdu,
        .message = *message };
    uint8_t *memory = emit->reserve(emit->arg, room);

    return memory != NULL && publish(&w, memory, room) != SR_FULL;
}
