/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/datagram.h"

#include "decode/json.h"
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

enum sr_verdict
sr_trap_datagram(const struct trap_config *config, const struct trap_opener *opener,
    struct trap_scratch *scratch, uint64_t now_ns, const struct sr_peer *peer, struct sr_span bytes,
    const struct sr_emit *emit)
{
    size_t room = typical_room(config, bytes.len);
    struct trap_message message;
    uint8_t *memory = emit->reserve(emit->arg, room);

    if (memory == NULL) {
        return SR_FULL;
    }
    const char *wrong = read_message(opener, scratch, now_ns, bytes, &message);
    if (wrong == NULL && !trap_is_notification(&message)) {
        emit->consumed(emit->arg, other_pdu(message.pdu));
        return SR_CONSUMED;
    }
    if (wrong == NULL) {
        size_t len = write_record(config, &message, peer, now_ns, memory, room);
        if (len == 0 && room < TRAP_RECORD_MAX) {
            memory = emit->reserve(emit->arg, TRAP_RECORD_MAX);
            if (memory == NULL) {
                return SR_FULL;
            }
            len = write_record(config, &message, peer, now_ns, memory, TRAP_RECORD_MAX);
        }
        if (len == 0 && config->enrich) {
            struct trap_config plain = *config;
            plain.enrich = false; /* better a trap without names than none */
            len = write_record(&plain, &message, peer, now_ns, memory, TRAP_RECORD_MAX);
        }
        if (len > 0) {
            emit->commit(emit->arg, len, 1);
            return SR_DECODED;
        }
        wrong = "too_large";
    }
    emit->deadletter(emit->arg, wrong, peer, now_ns, bytes);
    return SR_DEADLETTER;
}
