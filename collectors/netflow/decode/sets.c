/* SPDX-License-Identifier: Apache-2.0 */
/* The sets of a message: RFC 3954 section 5, RFC 7011 section 3.3. */
#include "decode/load.h"
#include "decode/walk.h"

#include "sr/stats.h"

#include "sr/banned.h"

enum {
    V9 = 9,
    V9_TEMPLATES = 0,
    V9_OPTIONS_TEMPLATES = 1,
    IPFIX_TEMPLATES = 2,
    IPFIX_OPTIONS_TEMPLATES = 3,
    DATA_MIN = 256,
    SET_HEADER = 4,
};

/* ---- Data ---- */

/* What it takes to find out how a field is written, once in a set, in bytes of text. */
#define TEXT_OF_FIELD 32U

static bool
is_text(const struct nf_walk *w)
{
    return w->config->format != NF_FORMAT_PROTOBUF;
}

/* True for less than one part in `share` of what a datagram may have. */
static bool
is_within(const struct nf_walk *w, uint32_t records, size_t text, unsigned share)
{
    uint32_t max = is_text(w) ? NF_TEXT_RECORDS_MAX : NF_RECORDS_MAX;

    return records < max / share && text < NF_TEXT_MAX / share;
}

/* Sets that have waited come on top of what the message holds: less of them, as text less still. */
static unsigned
waited_share(const struct nf_walk *w)
{
    return is_text(w) ? 4 : 2;
}

/* The same of the records of sets that have waited. */
static bool
has_waited_within(const struct nf_walk *w, unsigned share)
{
    return is_within(w, w->data_records + w->options_records - w->units, w->waited_text, share);
}

/* True while there may be more records: sets that have waited take nothing from the message. */
static bool
may_go_on(const struct nf_walk *w)
{
    return w->is_releasing ? has_waited_within(w, waited_share(w))
                           : is_within(w, w->units, w->text, 1);
}

/* With fewer records than this it costs more to find out where their fields are. */
#define DIRECT_MIN 3U

/* False: a stream has no room. */
static bool
read_one(struct nf_walk *w, const struct nf_direct *direct, struct sr_span record)
{
    struct nf_flow *f = &w->input->scratch->flow;

    if (direct != NULL) {
        nf_record_gather(&w->context, record.data, f);
        if (nf_direct_finish(&w->context, direct, record.data, f)) {
            return nf_publish_directly(w, direct, record);
        }
    }
    nf_record_read(&w->context, record, NULL, f);
    return nf_publish(w, record, NULL);
}

/* Records of a fixed length that become FlowMessage: the common case, without positions. */
static struct sr_span
read_fixed(struct nf_walk *w, struct sr_span records, uint32_t *done)
{
    size_t length = w->context.template->record_length;
    struct nf_direct *direct = &w->input->scratch->direct;
    bool is_direct = records.len >= DIRECT_MIN * length && nf_direct_is_allowed(w->config) &&
                     nf_direct_init(direct, &w->context);

    while (records.len >= length && may_go_on(w)) {
        struct sr_span record = { records.data, length };
        if (!read_one(w, is_direct ? direct : NULL, record)) {
            break;
        }
        records.data += length;
        records.len -= length;
        (*done)++;
    }
    return records;
}

static struct sr_span
read_any(struct nf_walk *w, struct sr_span records, uint32_t *done)
{
    const struct nf_template *t = w->context.template;
    struct nf_position *positions = w->input->scratch->positions;
    struct sr_span left = records, record;

    while (may_go_on(w) && nf_record_next(t, &left, &record, positions)) {
        if (t->options) {
            nf_options_learn(w->exporter, w->context.domain, w->config, t, record, positions);
            nf_publish_options(w, record, positions);
        } else {
            nf_record_read(&w->context, record, positions, &w->input->scratch->flow);
            if (!nf_publish(w, record, positions)) {
                break;
            }
        }
        records = left;
        (*done)++;
    }
    return records;
}

static struct sr_span
skip_records(const struct nf_walk *w, struct sr_span records, uint32_t count)
{
    struct sr_span record;

    while (count > 0 && nf_record_next(w->context.template, &records, &record, NULL)) {
        count--;
    }
    return records;
}

/* A set whose template is known: its records, then what is left of it. `done` records are. */
static void
read_data(struct nf_walk *w, struct nf_domain *d, const struct nf_template *t, struct sr_span body,
    uint32_t *done)
{
    uint32_t before = *done;

    nf_context_set(&w->context, d, t);
    struct sr_span left = skip_records(w, body, before);
    if (w->config->flavour == NF_NATIVE && t->version != V9 && !t->options) {
        nf_estimate_start(&w->context, body, w->input->scratch->positions);
    }
    if (is_text(w)) {
        nf_walk_text(w, (size_t)t->field_count * TEXT_OF_FIELD);
    }
    if (!is_text(w) && !t->variable && !t->options) {
        left = read_fixed(w, left, done);
    } else {
        left = read_any(w, left, done);
    }
    if (w->is_full) {
        return;
    }
    nf_explain(w, t->id, body.len, t->options ? "options" : "records", *done);
    if (left.len >= t->record_length && !nf_is_zero(left)) {
        w->has_unknown_units = w->has_unknown_units || !w->is_releasing;
        nf_walk_malformed(w, may_go_on(w) ? "record_truncated" : "too_many_records", t->id, left);
    }
}

/* ---- Sets that wait ---- */

static void
park(struct nf_walk *w, struct nf_domain *d, uint16_t id, struct sr_span body)
{
    w->has_unknown_units = true;
    nf_explain(w, id, body.len, "waits", 1);
    if (w->parked < w->config->max_pending_sets &&
        nf_pending_add(
            w->exporter, d, w->config, &w->header, w->datagram, id, body, nf_walk_gone, w)) {
        w->parked++;
        return;
    }
    nf_walk_malformed(w, "template_missing", id, body);
}

/* Half of the limit is left to the last of them, which it is enough for in good faith. */
static bool
may_release(const struct nf_walk *w)
{
    return nf_pending_count(w->exporter) > 0 && has_waited_within(w, 2 * waited_share(w));
}

/*
 * The sets that wait for a template that is there now. What is too much for one datagram goes on
 * waiting, for the next one with such a set.
 */
static void
release(struct nf_walk *w, struct nf_domain *d, uint16_t id)
{
    struct nf_header header = w->header;
    uint32_t datagram = w->datagram;
    struct nf_pending *p;
    bool any = false;

    while (may_release(w) &&
           (p = nf_pending_take(w->exporter, d, w->config, id, w->input->now_ns)) != NULL) {
        any = true;
        const struct nf_template *t =
            nf_templates_find(w->exporter, d, w->config, id, p->header.port, w->input->now_ns);
        uint32_t done = 0;
        w->is_releasing = true;
        nf_walk_header(w, &p->header, p->datagram);
        if (t != NULL) {
            read_data(w, d, t, (struct sr_span){ p->records, p->length }, &done);
        }
        w->is_releasing = false;
        nf_pending_free(w->exporter, p);
    }
    if (any) {
        nf_walk_header(w, &header, datagram);
    }
}

/* ---- Templates ---- */

static void
withdraw(struct nf_walk *w, struct nf_domain *d, const struct nf_template_record *record)
{
    sr_count(&w->ledger->withdrawals, 1);
    /* RFC 7011 section 8.4: over UDP there are none, and whoever sends one is not believed. */
    if (w->input->resume != NULL) {
        nf_templates_withdraw(w->exporter, d, record->id, record->options);
    }
}

static void
learn(struct nf_walk *w, struct nf_domain *d, const struct nf_template_record *record)
{
    enum nf_learned learned =
        nf_templates_learn(w->exporter, d, w->config, record, w->header.port, w->input->now_ns);

    nf_explain(w, record->id, record->fields.len, record->options ? "options_template" : "template",
        record->field_count);
    if (learned != NF_LEARNED_REFUSED) {
        release(w, d, record->id);
    }
}

static void
read_templates(struct nf_walk *w, struct nf_domain *d, uint16_t set, struct sr_span body)
{
    uint8_t version = (uint8_t)w->header.version;
    bool options = set == V9_OPTIONS_TEMPLATES || set == IPFIX_OPTIONS_TEMPLATES;
    struct nf_template_record record;
    enum nf_template_err err = NF_TEMPLATE_OK;

    while (err == NF_TEMPLATE_OK) {
        struct sr_span left = body;
        err = w->templates < NF_TEMPLATES_MAX ? nf_template_next(&body, version, options, &record)
                                              : NF_TEMPLATE_END;
        if (err == NF_TEMPLATE_END) {
            break;
        }
        if (err == NF_TEMPLATE_OK) {
            w->templates++;
            if (record.withdrawal) {
                withdraw(w, d, &record);
                continue;
            }
            enum nf_template_err check = nf_template_check(&record, w->config->max_template_fields);
            if (check == NF_TEMPLATE_OK) {
                learn(w, d, &record);
                continue;
            }
            left.len -= body.len;
            sr_count(&w->ledger->template_refused, 1);
            nf_walk_malformed(w, nf_template_reason(check), set, left);
            continue;
        }
        sr_count(&w->ledger->template_refused, 1);
        nf_walk_malformed(w, nf_template_reason(err), set, left);
    }
    if (w->templates == NF_TEMPLATES_MAX && body.len >= SET_HEADER) {
        nf_walk_malformed(w, "too_many_templates", set, body);
    }
}

/* ---- Sets ---- */

static bool
is_template_set(uint16_t version, uint16_t id)
{
    return version == V9 ? id == V9_TEMPLATES || id == V9_OPTIONS_TEMPLATES
                         : id == IPFIX_TEMPLATES || id == IPFIX_OPTIONS_TEMPLATES;
}

static void
read_set(struct nf_walk *w, struct nf_domain *d, uint16_t id, struct sr_span body, uint32_t *done)
{
    if (is_template_set(w->header.version, id)) {
        read_templates(w, d, id, body);
        return;
    }
    if (id < DATA_MIN) {
        sr_count(&w->ledger->sets_unknown, 1);
        nf_explain(w, id, body.len, "reserved", 1);
        return;
    }
    release(w, d, id);
    const struct nf_template *t =
        nf_templates_find(w->exporter, d, w->config, id, w->header.port, w->input->now_ns);
    if (t == NULL) {
        park(w, d, id, body);
        return;
    }
    read_data(w, d, t, body, done);
}

/* The header of the next set; false at the end, which may be padding, or a set that lies. */
static bool
next_set(struct nf_walk *w, struct sr_reader *r, uint16_t *ret_id, struct sr_span *ret_body)
{
    struct sr_span left = { r->pos, sr_reader_left(r) };

    /* Some exporters fill the datagram with zeros. */
    if (left.len < SET_HEADER || (left.data[0] == 0 && nf_is_zero(left))) {
        return false;
    }
    uint16_t id = sr_reader_be16(r);
    uint16_t length = sr_reader_be16(r);
    *ret_id = id;
    *ret_body = sr_reader_take(r, length >= SET_HEADER ? length - (size_t)SET_HEADER : SIZE_MAX);
    if (r->failed) {
        w->has_unknown_units = true;
        nf_walk_malformed(
            w, "set_length", id, (struct sr_span){ left.data + SET_HEADER, left.len - SET_HEADER });
        return false;
    }
    return true;
}

void
nf_sets_walk(struct nf_walk *w, struct sr_span sets)
{
    struct nf_domain *d =
        nf_exporter_domain(w->exporter, w->config, w->header.version, w->header.domain);
    struct nf_resume *resume = w->input->resume;
    struct sr_reader r = sr_reader_init(sets);
    struct sr_span body;
    uint16_t id;

    if (d == NULL) {
        nf_walk_malformed(w, "no_memory", 0, sets);
        return;
    }
    w->context.domain = d;
    if (resume != NULL) {
        (void)sr_reader_take(&r, resume->set);
    }
    while (!w->is_full && next_set(w, &r, &id, &body)) {
        uint32_t done = resume != NULL ? resume->record : 0;
        if (w->sets++ >= NF_SETS_MAX) {
            w->has_unknown_units = true;
            nf_walk_malformed(w, "too_many_sets", id, body);
            break;
        }
        read_set(w, d, id, body, &done);
        if (resume != NULL) {
            resume->set = w->is_full ? resume->set : (size_t)(r.pos - sets.data);
            resume->record = w->is_full ? done : 0;
        }
    }
}
