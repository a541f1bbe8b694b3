/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/walk.h"

#include "sr/stats.h"

#include "sr/banned.h"

static struct nf_record
record_of(const struct nf_walk *w, struct sr_span bytes, const struct nf_position *positions)
{
    return (struct nf_record){
        .header = &w->header,
        .domain = w->context.domain,
        .template = w->context.template,
        .bytes = bytes,
        .positions = positions,
        .datagram = w->datagram,
        .plan = &w->input->scratch->plan,
    };
}

static unsigned
field_count(const struct nf_record *r)
{
    return r->template != NULL ? r->template->field_count : NF_V5_FIELDS_MAX;
}

/* Writes a record as text; false when there is no room for it. */
static bool
write_text(struct nf_walk *w, const struct nf_record *r, bool options)
{
    bool raw = w->config->format == NF_FORMAT_RAW;
    size_t max =
        raw ? NF_RAW_MAX(r->bytes.len, field_count(r)) : NF_JSON_MAX(r->bytes.len, field_count(r));
    uint8_t *room = w->emit->reserve(w->emit->arg, max);

    if (room == NULL) {
        return false;
    }
    struct sr_buf b = sr_buf_over(room, max);
    if (raw) {
        nf_raw_write(&b, r);
    } else if (options) {
        nf_json_write_options(&b, r);
    } else {
        nf_json_write(&b, &w->input->scratch->flow, r);
    }
    nf_walk_text(w, b.len);
    w->emit->commit(w->emit->arg, b.len, 1);
    return true;
}

/*
 * Asks for the memory that the flows after this one will be written to. The queue's is not in the
 * cache, and a message is many small writes: without this they wait for it, a third of all time.
 */
static inline void
prefetch_next(const uint8_t *room)
{
    __builtin_prefetch(room + 192, 1);
    __builtin_prefetch(room + 256, 1);
    __builtin_prefetch(room + 320, 1);
}

static bool
write_record(struct nf_walk *w, const struct nf_direct *direct, struct sr_span bytes,
    const struct nf_position *positions)
{
    const struct nf_flow *f = &w->input->scratch->flow;

    if (w->config->format != NF_FORMAT_PROTOBUF) {
        struct nf_record r = record_of(w, bytes, positions);
        return write_text(w, &r, false);
    }
    uint8_t *room = w->emit->reserve(w->emit->arg, NF_PROTOBUF_MAX);
    if (room == NULL) {
        return false;
    }
    prefetch_next(room);
    size_t len =
        direct != NULL ? nf_direct_write(room, direct, bytes.data, f) : nf_protobuf_write(room, f);
    w->emit->commit(w->emit->arg, len, 1);
    return true;
}

/* Publishes a flow that is not to be dropped, and counts what becomes of it. */
static bool
publish(struct nf_walk *w, const struct nf_direct *direct, struct sr_span record,
    const struct nf_position *positions)
{
    uint64_t *budget = w->input->budget;

    if (budget != NULL && *budget == 0) {
        w->limited++;
        return true;
    }
    if (!write_record(w, direct, record, positions)) {
        if (w->input->resume != NULL && !w->is_releasing) {
            w->data_records--;
            w->units--;
            w->is_full = true;
            return false;
        }
        w->full++;
        return true;
    }
    if (budget != NULL) {
        (*budget)--;
    }
    return true;
}

bool
nf_publish(struct nf_walk *w, struct sr_span record, const struct nf_position *positions)
{
    w->data_records++;
    w->units += !w->is_releasing;
    if (!nf_flow_finish(&w->context, &w->input->scratch->flow)) {
        w->zero++;
        return true;
    }
    return publish(w, NULL, record, positions);
}

bool
nf_publish_directly(struct nf_walk *w, const struct nf_direct *direct, struct sr_span record)
{
    w->data_records++;
    w->units += !w->is_releasing;
    return publish(w, direct, record, NULL);
}

void
nf_publish_options(struct nf_walk *w, struct sr_span record, const struct nf_position *positions)
{
    w->options_records++;
    w->units += !w->is_releasing;
    if (w->config->options_too && w->config->format != NF_FORMAT_PROTOBUF) {
        struct nf_record r = record_of(w, record, positions);
        (void)write_text(w, &r, true);
    }
}
