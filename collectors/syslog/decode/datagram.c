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
 * addresses take a few hundred bytes; enriched, structured data is there once more. Text that needs
 * many escapes is given SYSLOG_RECORD_MAX.
 */
static size_t
typical_room(const struct syslog_decode *cfg, size_t len)
{
    size_t room = SYSLOG_RECORD_MAX;

    if (len < SYSLOG_RECORD_MAX / 4) {
        room = cfg->extras.room + (cfg->enrich ? 2048 + 4 * len : 1024 + 3 * len);
    }
    return room < SYSLOG_RECORD_MAX ? room : SYSLOG_RECORD_MAX;
}

static bool
is_local(const struct sr_peer *peer)
{
    return peer != NULL && peer->is_local;
}

/* The zone of dates that name none: that of the narrowest network that the sender is in. */
static int32_t
zone_of(const struct syslog_decode *cfg, const struct sr_peer *peer)
{
    bool has_address = peer != NULL && !is_local(peer);

    for (size_t i = 0; has_address && i < cfg->map_count; i++) {
        if (sr_network_has(&cfg->map[i].network, peer)) {
            return cfg->map[i].zone;
        }
    }
    return cfg->local;
}

static enum syslog_err
decode_smart(const struct syslog_decode *cfg, uint64_t now_ns, const struct sr_peer *peer,
    struct sr_span bytes, struct syslog_record *ret_rec)
{
    struct smart_dates dates = {
        .zones = cfg->zones,
        .local = zone_of(cfg, peer),
        .now = { .sec = (int64_t)(now_ns / 1000000000), .nsec = (uint32_t)(now_ns % 1000000000) },
    };

    enum syslog_err err = smart_decode(bytes, &dates, peer, cfg->scratch, ret_rec);

    if (err == SYSLOG_OK && is_local(peer) && ret_rec->reading.host == SYSLOG_FROM_NOTHING) {
        ret_rec->host = cfg->own_host;
    }
    return err;
}

static enum syslog_err
decode(const struct syslog_decode *cfg, uint64_t now_ns, const struct sr_peer *peer,
    struct sr_span bytes, struct syslog_record *ret_rec)
{
    if (bytes.len == 0) {
        return SYSLOG_EEMPTY;
    }
    if (cfg->format == SYSLOG_SMART) {
        return decode_smart(cfg, now_ns, peer, bytes, ret_rec);
    }
    if (!sr_utf8_valid(bytes)) {
        return SYSLOG_EUTF8;
    }
    if (cfg->format == SYSLOG_RFC5424) {
        return rfc5424_decode(bytes, cfg->scratch, ret_rec);
    }
    struct rfc3164_dates dates = {
        .zones = cfg->zones,
        .local = zone_of(cfg, peer),
        .year = syslog_year_of((int64_t)(now_ns / 1000000000)),
    };
    return rfc3164_decode(bytes, &dates, cfg->scratch, ret_rec);
}

/* The length of the record, or 0 when it is longer than `room`. */
static size_t
encode(uint8_t *memory, size_t room, const struct syslog_record *rec,
    const struct gelf_options *options)
{
    struct sr_buf b = sr_buf_over(memory, room);

    gelf_encode(&b, rec, options);
    return b.overflow ? 0 : b.len;
}

enum sr_verdict
sr_syslog_datagram(const struct syslog_decode *cfg, uint64_t now_ns, const struct sr_peer *peer,
    struct sr_span bytes, const struct sr_emit *emit)
{
    struct gelf_options options = {
        .partition = cfg->partition,
        .extras = &cfg->extras,
        .peer = is_local(peer) ? NULL : peer,
        .no_address = cfg->no_address,
        .upstream = cfg->upstream,
        .enrich = cfg->enrich,
        .now_ns = now_ns,
        .origin = cfg->origin,
        .scratch = cfg->scratch,
    };
    struct syslog_record rec;
    size_t room = typical_room(cfg, bytes.len);
    uint8_t *memory = emit->reserve(emit->arg, room);

    if (memory == NULL) {
        return SR_FULL;
    }
    enum syslog_err err = decode(cfg, now_ns, peer, bytes, &rec);
    if (err == SYSLOG_OK) {
        if (emit->explain != NULL) {
            smart_explain(&rec, emit);
        }
        size_t len = encode(memory, room, &rec, &options);
        if (len == 0 && room < SYSLOG_RECORD_MAX) {
            room = SYSLOG_RECORD_MAX;
            memory = emit->reserve(emit->arg, room);
            if (memory == NULL) {
                return SR_FULL;
            }
            len = encode(memory, room, &rec, &options);
        }
        if (len == 0 && options.enrich) {
            options.enrich = false; /* better a record without more than none */
            len = encode(memory, room, &rec, &options);
        }
        if (len > 0) {
            emit->commit(emit->arg, len, 1);
            return SR_DECODED;
        }
        err = SYSLOG_ELARGE;
    }
    emit->deadletter(emit->arg, syslog_reason(err), peer, now_ns, bytes);
    return SR_DEADLETTER;
}
