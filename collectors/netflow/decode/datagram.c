/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/datagram.h"

#include <string.h>

#include "decode/load.h"
#include "decode/walk.h"
#include "sr/crc32c.h"
#include "sr/json.h"
#include "sr/stats.h"

#include "sr/banned.h"

#define NS_PER_S UINT64_C(1000000000)

/* Before this (2001-09-09) a clock was not set, and consumers take times for milliseconds. */
#define CLOCK_SANE_NS (UINT64_C(1000000000) * NS_PER_S)

enum { V1 = 1, V5 = 5, V7 = 7, V9 = 9, IPFIX = 10 };
enum { V1_HEADER = 16, V5_HEADER = 24, V9_HEADER = 20, IPFIX_HEADER = 16 };

/* ---- What the parts call ---- */

void
nf_walk_header(struct nf_walk *w, const struct nf_header *header, uint32_t datagram)
{
    struct nf_domain *d = w->context.domain;

    w->header = *header;
    w->datagram = datagram;
    nf_context_init(&w->context, w->config, w->exporter, &w->header, &w->input->scratch->flow);
    w->context.domain = d;
    w->context.now_ns = w->input->now_ns;
}

static uint8_t *
put_be(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
    return at + bytes;
}

/* Makes a message of one set, as its exporter would have sent it. */
static struct sr_span
make_message(const struct nf_header *h, uint8_t *out, uint16_t id, struct sr_span body)
{
    size_t header = h->version == V9 ? V9_HEADER : IPFIX_HEADER;
    size_t max = UINT16_MAX - header - 4;
    size_t length = body.len < max ? body.len : max;
    uint8_t *at = put_be(out, h->version, 2);

    if (h->version == V9) {
        at = put_be(at, 1, 2);
        at = put_be(at, h->uptime_ms, 4);
    } else {
        at = put_be(at, header + 4 + length, 2);
    }
    at = put_be(at, h->export_ns / NS_PER_S, 4);
    at = put_be(at, h->sequence, 4);
    at = put_be(at, h->domain, 4);
    at = put_be(at, id, 2);
    at = put_be(at, 4 + length, 2);
    memcpy(at, body.data, length);
    return (struct sr_span){ out, header + 4 + length };
}

static void
tell_dead(struct nf_walk *w, const struct nf_header *header, const char *reason, uint16_t id,
    struct sr_span body)
{
    struct sr_peer peer = *w->input->peer;

    peer.port = header->port;
    if (w->emit->explain != NULL) {
        nf_explain(w, id, body.len, reason, 1);
    }
    w->emit->deadletter(w->emit->arg, reason, &peer, header->received_ns,
        make_message(header, w->input->scratch->message, id, body));
}

void
nf_walk_malformed(struct nf_walk *w, const char *reason, uint16_t id, struct sr_span body)
{
    w->malformed++;
    sr_count(&w->ledger->sets_malformed, 1);
    tell_dead(w, &w->header, reason, id, body);
}

void
nf_walk_gone(void *walk, const struct nf_pending *pending)
{
    tell_dead(walk, &pending->header, "template_missing", pending->id,
        (struct sr_span){ pending->records, pending->length });
}

void
nf_explain(struct nf_walk *w, uint16_t set, size_t length, const char *what, uint64_t value)
{
    struct sr_buf *b = &w->explanation;

    /* Always room for the end of the whole. */
    if (w->emit->explain == NULL || b->cap - b->len < 256) {
        return;
    }
    if (b->len > 0 && b->data[b->len - 1] == '}') {
        sr_buf_put(b, ',');
    }
    sr_buf_add_text(b, "{\"set\":");
    sr_buf_add_u64(b, set);
    sr_buf_add_text(b, ",\"bytes\":");
    sr_buf_add_u64(b, length);
    sr_buf_put(b, ',');
    sr_json_text(b, what);
    sr_buf_put(b, ':');
    sr_buf_add_u64(b, value);
    sr_buf_put(b, '}');
}

/* ---- Headers ---- */

/*
 * Reads the header of the message at the reader. Returns how long the rest of the message is, or
 * SIZE_MAX when it is as long as what is left; `r->failed` when there is no whole header.
 */
static size_t
read_header(struct sr_reader *r, struct nf_header *h, uint32_t *ret_count)
{
    uint64_t seconds, ns = 0;

    h->version = sr_reader_be16(r);
    *ret_count = sr_reader_be16(r);
    if (h->version == IPFIX) {
        size_t length = *ret_count;
        h->export_ns = sr_reader_be32(r) * NS_PER_S;
        h->sequence = sr_reader_be32(r);
        h->domain = sr_reader_be32(r);
        return length >= IPFIX_HEADER ? length - IPFIX_HEADER : 0;
    }
    h->uptime_ms = sr_reader_be32(r);
    seconds = sr_reader_be32(r);
    if (h->version != V9) {
        ns = sr_reader_be32(r);
    }
    h->export_ns = seconds * NS_PER_S + ns;
    h->sequence = h->version == V1 ? 0 : sr_reader_be32(r);
    if (h->version == V9) {
        h->domain = sr_reader_be32(r);
        return SIZE_MAX;
    }
    if (h->version == V5) {
        h->domain = sr_reader_be16(r); /* engine type and id */
        h->sampling = sr_reader_be16(r) & 0x3fff;
    } else if (h->version == V7) {
        (void)sr_reader_be32(r); /* reserved */
    }
    return *ret_count * nf_v5_record_length(h->version);
}

static bool
is_known(unsigned version)
{
    return version == V1 || version == V5 || version == V7 || version == V9 || version == IPFIX;
}

/* ---- Messages ---- */

static void
account_sequence(struct nf_walk *w, struct nf_domain *d, uint32_t units, bool unknown)
{
    struct nf_ledger *l = w->ledger;
    uint32_t missing = 0;

    switch (nf_sequence_take(&d->sequence, w->header.sequence, units, unknown, &missing)) {
    case NF_SEQUENCE_FIRST:
    case NF_SEQUENCE_IN_ORDER: break;
    case NF_SEQUENCE_GAP: sr_count(&l->missing, missing); break;
    case NF_SEQUENCE_LATE:
        sr_count(&l->reordered, 1);
        sr_count(&l->recovered, missing);
        break;
    case NF_SEQUENCE_DUPLICATE: sr_count(&l->duplicates, 1); break;
    case NF_SEQUENCE_RESTART: sr_count(&l->restarts, 1); break;
    }
}

static void
walk_v5(struct nf_walk *w, struct sr_span records, uint32_t count)
{
    size_t fits = records.len / nf_v5_record_length(w->header.version);
    struct nf_domain *d =
        nf_exporter_domain(w->exporter, w->config, w->header.version, w->header.domain);

    if (count > fits) {
        sr_count(&w->ledger->count_mismatches, 1);
        count = (uint32_t)fits;
    }
    if (w->header.sampling != 0 && w->config->flavour == NF_NATIVE &&
        !w->context.is_rate_overridden) {
        w->context.sampling_rate = w->header.sampling;
    }
    nf_v5_records(w, records, count);
    if (d != NULL && w->header.version != V1) {
        account_sequence(w, d, count, false);
    }
}

static uint32_t
crc_of(const struct nf_input *input)
{
    return sr_crc32c(0, input->bytes.data, input->bytes.len);
}

static void
walk_sets(struct nf_walk *w, struct sr_span sets, uint32_t count)
{
    struct nf_resume *resume = w->input->resume;
    uint32_t units = w->units, templates = w->templates;

    w->has_unknown_units = resume != NULL && resume->has_unknown_units;
    nf_sets_walk(w, sets);
    uint32_t records = w->units - units + (resume != NULL ? resume->units : 0);
    if (w->is_full && resume != NULL) {
        resume->is_begun = true;
        resume->crc = crc_of(w->input);
        resume->units = records;
        resume->has_unknown_units = w->has_unknown_units;
        return;
    }
    if (w->context.domain == NULL) {
        return;
    }
    if (w->header.version == IPFIX) {
        account_sequence(w, w->context.domain, records, w->has_unknown_units);
        return;
    }
    /* Messages are counted, so that it does not matter what cannot be read of them. */
    account_sequence(w, w->context.domain, 1, false);
    if (!w->has_unknown_units && records + w->templates - templates != count) {
        sr_count(&w->ledger->count_mismatches, 1);
    }
}

/* What a message of the datagram costs before anything of it is read. */
static bool
is_too_much(struct nf_walk *w, const struct nf_header *h)
{
    bool crowded =
        w->messages > 0 && nf_exporter_is_crowded(w->exporter, w->config, h->version, h->domain);

    w->evictions += crowded;
    return w->messages++ >= NF_MESSAGES_MAX || w->evictions >= NF_EVICTIONS_MAX;
}

/* The rest of a datagram that holds too many messages. */
static void
refuse_rest(struct nf_walk *w, struct sr_span *rest)
{
    w->malformed++;
    w->emit->deadletter(w->emit->arg, "too_many_messages", w->input->peer, w->input->now_ns, *rest);
    rest->len = 0;
}

/*
 * One message of the datagram, which moves past it. Some exporters and relays send several in one:
 * those of a version that tells its length can be told apart.
 */
static bool
walk_message(struct nf_walk *w, struct sr_span *bytes)
{
    struct nf_header header = {
        .port = w->input->peer->port,
        .received_ns = w->input->now_ns,
    };
    struct sr_reader r = sr_reader_init(*bytes);
    uint32_t count;
    size_t length = read_header(&r, &header, &count);

    if (r.failed) {
        return false;
    }
    if (is_too_much(w, &header)) {
        refuse_rest(w, bytes);
        return false;
    }
    if (header.export_ns < CLOCK_SANE_NS && w->config->flavour == NF_NATIVE) {
        header.export_ns = header.received_ns;
        sr_count(&w->ledger->skewed, w->input->resume == NULL || !w->input->resume->is_begun);
    }
    w->context.domain = NULL;
    nf_walk_header(w, &header, w->input->number);
    if (length > sr_reader_left(&r) && header.version == IPFIX) {
        sr_count(&w->ledger->count_mismatches, 1);
    }
    length = length < sr_reader_left(&r) ? length : sr_reader_left(&r);
    struct sr_span body = sr_reader_take(&r, length);
    if (header.version >= V9) {
        walk_sets(w, body, count);
    } else {
        walk_v5(w, body, count);
    }
    bytes->data = r.pos;
    bytes->len = (size_t)(r.end - r.pos);
    return true;
}

/* ---- The whole ---- */

static void
tell_explanation(struct nf_walk *w)
{
    struct sr_buf b = sr_buf_over(w->input->scratch->message, UINT16_MAX);
    char source[SR_PEER_TEXT_MAX];

    (void)sr_peer_text(w->input->peer, source);
    sr_buf_add_text(&b, "{\"source\":");
    sr_json_text(&b, source);
    sr_buf_add_text(&b, ",\"port\":");
    sr_buf_add_u64(&b, w->input->peer->port);
    sr_buf_add_text(&b, ",\"version\":");
    sr_buf_add_u64(&b, w->header.version);
    sr_buf_add_text(&b, ",\"domain\":");
    sr_buf_add_u64(&b, w->header.domain);
    sr_buf_add_text(&b, ",\"sequence\":");
    sr_buf_add_u64(&b, w->header.sequence);
    sr_buf_add_text(&b, ",\"records\":");
    sr_buf_add_u64(&b, w->data_records);
    sr_buf_add_text(&b, ",\"sets\":[");
    sr_buf_add(&b, w->explanation.data, w->explanation.len);
    sr_buf_add_text(&b, "]}");
    if (!b.overflow) {
        w->emit->explain(w->emit->arg, sr_buf_span(&b));
    }
}

static void
count_all(struct nf_walk *w)
{
    struct nf_ledger *l = w->ledger;
    uint32_t left_out = w->zero + w->limited + w->full;

    sr_count(&l->records, w->data_records);
    sr_count(&l->published, w->data_records - left_out);
    sr_count(&l->options, w->options_records);
    sr_count(&l->templates, w->templates);
    if (left_out == 0) {
        return;
    }
    sr_count(&l->zero, w->zero);
    sr_count(&l->limited, w->limited);
    sr_count(&l->full, w->full);
    if (w->zero > 0) {
        w->emit->lost(w->emit->arg, "zero_counters", w->zero);
    }
    if (w->limited > 0) {
        w->emit->lost(w->emit->arg, "rate_limit", w->limited);
    }
    if (w->full > 0) {
        w->emit->lost(w->emit->arg, NULL, w->full);
    }
}

static enum sr_verdict
verdict(const struct nf_walk *w)
{
    const char *what = w->parked > 0            ? "waiting"
                       : w->options_records > 0 ? "options"
                       : w->templates > 0       ? "templates"
                                                : "empty";

    if (w->data_records > 0) {
        return SR_DECODED;
    }
    if (w->malformed > 0 && w->parked + w->options_records + w->templates == 0) {
        return SR_DEADLETTER;
    }
    w->emit->consumed(w->emit->arg, what);
    return SR_CONSUMED;
}

static unsigned
version_of(struct sr_span bytes)
{
    return bytes.len >= 2 ? (unsigned)bytes.data[0] << 8 | bytes.data[1] : 0;
}

bool
sr_netflow_is_plausible(struct sr_span bytes)
{
    unsigned version = version_of(bytes);
    size_t header = version == V9                       ? V9_HEADER
                    : version == V1 || version == IPFIX ? IPFIX_HEADER
                                                        : V5_HEADER;

    return is_known(version) && bytes.len >= header;
}

enum sr_verdict
sr_netflow_refuse(const struct nf_input *input, const struct sr_emit *emit)
{
    const char *reason = input->bytes.len == 0                ? "empty"
                         : is_known(version_of(input->bytes)) ? "header_truncated"
                                                              : "unknown_version";

    emit->deadletter(emit->arg, reason, input->peer, input->now_ns, input->bytes);
    return SR_DEADLETTER;
}

enum sr_verdict
sr_netflow_datagram(struct nf_exporter *exporter, const struct nf_config *config,
    const struct nf_input *input, const struct sr_emit *emit)
{
    struct nf_walk w = {
        .exporter = exporter,
        .config = config,
        .input = input,
        .emit = emit,
        .ledger = nf_exporter_ledger(exporter),
        .explanation =
            sr_buf_over(input->scratch->explanation, sizeof(input->scratch->explanation) / 2),
    };
    struct sr_span left = input->bytes;
    unsigned version = version_of(left);

    if (!sr_netflow_is_plausible(left)) {
        return sr_netflow_refuse(input, emit);
    }
    if (input->resume != NULL && input->resume->is_begun && input->resume->crc != crc_of(input)) {
        *input->resume = (struct nf_resume){ .set = 0 };
    }
    while (version_of(left) == version && walk_message(&w, &left) && !w.is_full) {
    }
    if (!nf_is_zero(left)) { /* behind what the last header counts */
        sr_count(&w.ledger->count_mismatches, 1);
    }
    count_all(&w);
    if (w.is_full) {
        return SR_FULL;
    }
    sr_count(&w.ledger->datagrams, 1);
    sr_count(&w.ledger->bytes, input->bytes.len);
    if (emit->explain != NULL) {
        tell_explanation(&w);
    }
    return verdict(&w);
}

/* ---- What waited for too long ---- */

void
sr_netflow_expire(struct nf_exporter *exporter, const struct nf_config *config,
    struct nf_scratch *scratch, uint64_t now_ns, const struct sr_emit *emit)
{
    struct nf_input input = {
        .scratch = scratch,
        .now_ns = now_ns,
        .peer = nf_exporter_peer(exporter),
    };
    struct nf_walk w = {
        .exporter = exporter,
        .config = config,
        .input = &input,
        .emit = emit,
        .ledger = nf_exporter_ledger(exporter),
    };

    nf_pending_expire(exporter, config, now_ns, nf_walk_gone, &w);
}
