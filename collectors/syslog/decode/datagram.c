/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/datagram.h"

#include "decode/gelf.h"
#include "decode/rfc3164.h"
#include "decode/rfc5424.h"
#include "decode/smart.h"
#include "decode/smart_explain.h"
#include "sr/buf.h"
#include "sr/json.h"

#include "sr/banned.h"

/*
 * Room for nearly every record: its text is written twice, structured data three times, keys and
 * addresses take a few hundred bytes. Text that needs many escapes is given SYSLOG_RECORD_MAX.
 */
static size_t
typical_room(size_t len, size_t extra)
{
    size_t room = len < SYSLOG_RECORD_MAX / 3 ? 1024 + extra + 3 * len : SYSLOG_RECORD_MAX;

    return room < SYSLOG_RECORD_MAX ? room : SYSLOG_RECORD_MAX;
}

static enum syslog_err
decode_smart(const struct syslog_decode *cfg, uint64_t now_ns, const struct sr_peer *peer,
    struct sr_span bytes, const struct sr_emit *emit, struct syslog_record *ret_rec)
{
    struct smart_dates dates = {
        .zones = cfg->zones,
        .local = cfg->local,
        .now = { .sec = (int64_t)(now_ns / 1000000000), .nsec = (uint32_t)(now_ns % 1000000000) },
    };
    enum syslog_err err = smart_decode(bytes, &dates, peer, cfg->scratch, ret_rec);

    if (err == SYSLOG_OK && peer->is_local && ret_rec->reading.host == SYSLOG_FROM_NOTHING) {
        ret_rec->host = cfg->own_host;
    }
    if (err == SYSLOG_OK && emit->explain != NULL) {
        smart_explain(ret_rec, emit);
    }
    return err;
}

static enum syslog_err
decode(const struct syslog_decode *cfg, uint64_t now_ns, const struct sr_peer *peer,
    struct sr_span bytes, const struct sr_emit *emit, struct syslog_record *ret_rec)
{
    if (bytes.len == 0) {
        return SYSLOG_EEMPTY;
    }
    if (cfg->format == SYSLOG_SMART) {
        return decode_smart(cfg, now_ns, peer, bytes, emit, ret_rec);
    }
    if (!sr_utf8_valid(bytes)) {
        return SYSLOG_EUTF8;
    }
    if (cfg->format == SYSLOG_RFC5424) {
        return rfc5424_decode(bytes, cfg->scratch, ret_rec);
    }
    struct rfc3164_dates dates = {
        .zones = cfg->zones,
        .local = cfg->local,
        .year = syslog_year_of((int64_t)(now_ns / 1000000000)),
    };
    return rfc3164_decode(bytes, &dates, cfg->scratch, ret_rec);
}

enum sr_verdict
sr_syslog_datagram(const struct syslog_decode *cfg, uint64_t now_ns, const struct sr_peer *peer,
    struct sr_span bytes, const struct sr_emit *emit)
{
    const struct sr_peer *shown = cfg->no_address || peer->is_local ? NULL : peer;
    struct syslog_record rec;
    size_t room = typical_room(bytes.len, cfg->extras.room);
    uint8_t *memory = emit->reserve(emit->arg, room);

    if (memory == NULL) {
        return SR_FULL;
    }
    enum syslog_err err = decode(cfg, now_ns, peer, bytes, emit, &rec);
    if (err == SYSLOG_OK) {
        struct sr_buf b = sr_buf_over(memory, room);
        gelf_encode(&b, &rec, cfg->partition, shown, &cfg->extras);
        if (b.overflow && room < SYSLOG_RECORD_MAX) {
            memory = emit->reserve(emit->arg, SYSLOG_RECORD_MAX);
            if (memory == NULL) {
                return SR_FULL;
            }
            b = sr_buf_over(memory, SYSLOG_RECORD_MAX);
            gelf_encode(&b, &rec, cfg->partition, shown, &cfg->extras);
        }
        if (!b.overflow) {
            emit->commit(emit->arg, b.len, 1);
            return SR_DECODED;
        }
        err = SYSLOG_ELARGE;
    }
    emit->deadletter(emit->arg, syslog_reason(err), peer, now_ns, bytes);
    return SR_DEADLETTER;
}
