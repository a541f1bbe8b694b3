/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/datagram.h"

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
};

static uint8_t *
reserve(const struct work *w, size_t room)
{
    return w->is_request ? w->emit->reserve_request(w->emit->arg, room)
                         : w->emit->reserve(w->emit->arg, room);
}

static enum sr_verdict
deadletter(const struct work *w, const char *reason)
{
    struct sr_span raw = w->bytes;

    if (w->config->mask != NULL) {
        w->config->mask(raw, w->scratch->spare);
        raw.data = w->scratch->spare;
    }
    w->emit->deadletter(w->emit->arg, reason, w->peer, w->now_ns, raw);
    return SR_DEADLETTER;
}

static enum sr_verdict
publish(const struct work *w, uint8_t *memory, size_t room)
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
 * its PDU. Of v3 not the message, in which the id and the salt are new each time. Each part has its
 * length before it.
 */
static struct sr_span
identity(const struct work *w)
{
    const struct trap_message *m = &w->message;
    const struct sr_span parts[] = {
        { w->peer->address, w->peer->is_v6 ? 16 : 4 },
        m->version == TRAP_V3 ? m->engine_id : m->community,
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

    if (w->emit->answer == NULL || w->opener == NULL || w->message.version != TRAP_V3) {
        return;
    }
    len = opener_answer(w);
    if (len > 0) {
        w->emit->answer(w->emit->arg, (struct sr_span){ w->scratch->answer, len });
    }
}

static enum sr_verdict
consumed(const struct work *w, const char *reason)
{
    w->emit->consumed(w->emit->arg, reason);
    return SR_CONSUMED;
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
    uint8_t *memory = emit->reserve(emit->arg, room);

    if (memory == NULL) {
        return SR_FULL;
    }
    const char *wrong = read_message(opener, scratch, now_ns, bytes, &w.message);
    if (wrong != NULL) {
        report(&w);
        return w.message.is_exchange ? consumed(&w, wrong) : deadletter(&w, wrong);
    }
    if (!trap_is_notification(&w.message)) {
        return consumed(&w, other_pdu(w.message.pdu));
    }
    w.is_request = make_request(&w);
    if (w.is_request) {
        if (emit->repeated(emit->arg, &w.request)) {
            return consumed(&w, "duplicates");
        }
        memory = reserve(&w, room);
    }
    return memory != NULL ? publish(&w, memory, room) : SR_FULL;
}
