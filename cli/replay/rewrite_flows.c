/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow and IPFIX: the header of each message is written over in place. How many records it has
 * is what the collector's own decoder makes of it.
 */
#include "replay/rewrite_parts.h"

#include <stdlib.h>
#include <string.h>

#include "decode/datagram.h"
#include "decode/output.h"
#include "replay/rewrite_numbers.h"
#include "verify/ledger.h"

#include "sr/banned.h"

#define NS_PER_S UINT64_C(1000000000)
#define MESSAGES_MAX 32U /* of one datagram; most have one */

enum { V1 = 1, V5 = 5, V7 = 7, V9 = 9, IPFIX = 10 };

struct rewrite_flows {
    struct nf_config config;
    struct nf_memory memory;
    struct sr_emit emit;
    struct nf_scratch *scratch;
    struct nf_exporter *exporters[REWRITE_SOURCES_MAX]; /* by source, NULL: none yet */
    struct rewrite_numbers *numbers;
    bool is_one_host;
    uint8_t room[NF_PROTOBUF_MAX];
    /* Of the message that is counted. */
    uint32_t records;
    bool is_unknown; /* it holds a set without template */
};

/* ---- What the decoder asks for ---- */

static void *
take_memory(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
give_memory(void *arg, void *memory, size_t size)
{
    (void)arg;
    (void)size;
    free(memory);
}

static uint8_t *
on_reserve(void *arg, size_t max)
{
    struct rewrite_flows *f = arg;

    return max <= sizeof(f->room) ? f->room : NULL;
}

static void
on_commit(void *arg, size_t len, uint32_t records)
{
    struct rewrite_flows *f = arg;

    (void)len;
    f->records += records;
}

static void
on_deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    struct rewrite_flows *f = arg;

    (void)peer;
    (void)now_ns;
    (void)raw;
    f->is_unknown = f->is_unknown || strcmp(reason, "template_missing") == 0;
}

static void
on_reason(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void
on_lost(void *arg, const char *reason, uint32_t records)
{
    (void)arg;
    (void)reason;
    (void)records;
}

/* Limits are those of the collector's defaults. What waits there for a template is not known here:
 * it would come out as records of a message that is long gone. */
static void
set_up(struct rewrite_flows *f)
{
    f->config = (struct nf_config){
        .flavour = NF_NATIVE,
        .format = NF_FORMAT_PROTOBUF,
        .max_templates = 2000,
        .max_template_fields = 1000,
        .max_domains = 256,
        .skew_ns = NS_PER_S * 3600,
    };
    f->memory = (struct nf_memory){ .take = take_memory, .give = give_memory };
    f->emit = (struct sr_emit){
        .arg = f,
        .reserve = on_reserve,
        .commit = on_commit,
        .deadletter = on_deadletter,
        .consumed = on_reason,
        .refused = on_reason,
        .lost = on_lost,
    };
}

struct rewrite_flows *
rewrite_flows_new(uint64_t random, bool is_one_host)
{
    struct rewrite_flows *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return NULL;
    }
    set_up(f);
    f->is_one_host = is_one_host;
    f->scratch = calloc(1, sizeof(*f->scratch));
    f->numbers = rewrite_numbers_new((uint32_t)random);
    if (f->scratch == NULL || f->numbers == NULL) {
        rewrite_flows_free(f);
        return NULL;
    }
    return f;
}

void
rewrite_flows_free(struct rewrite_flows *f)
{
    if (f == NULL) {
        return;
    }
    for (unsigned i = 0; i < REWRITE_SOURCES_MAX; i++) {
        nf_exporter_free(f->exporters[i]);
    }
    rewrite_numbers_free(f->numbers);
    free(f->scratch);
    free(f);
}

/* ---- Counting ---- */

/* One of the messages of a datagram. */
struct message {
    struct sr_span bytes;
    struct rewrite_numbering numbering;
    uint32_t recorded; /* its sequence number */
    uint32_t sequence; /* its new one */
    uint32_t units, records;
    bool is_unknown;
};

static struct nf_exporter *
find_exporter(struct rewrite_flows *f, uint32_t source, struct sr_peer *ret_peer)
{
    uint32_t host = f->is_one_host ? 0 : source;
    struct sr_peer peer = { .address = {
                                127, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host } };

    if (f->exporters[host] == NULL) {
        f->exporters[host] = nf_exporter_new(&f->memory, &peer);
    }
    /* Templates of one host are told apart by its ports, as the collector does. */
    peer.port = f->is_one_host ? (uint16_t)(source + 1) : 1;
    *ret_peer = peer;
    return f->exporters[host];
}

/* Decodes a message, and takes what it teaches. */
static void
count_records(struct rewrite_flows *f, struct nf_exporter *exporter, const struct sr_peer *peer,
    uint64_t wall_ns, struct message *m)
{
    const struct nf_input input = {
        .scratch = f->scratch,
        .now_ns = wall_ns,
        .peer = peer,
        .bytes = m->bytes,
    };
    struct nf_ledger *ledger = nf_exporter_ledger(exporter);
    uint64_t before = ledger->records + ledger->options;

    f->records = 0;
    f->is_unknown = false;
    (void)sr_netflow_datagram(exporter, &f->config, &input, &f->emit);
    m->records = f->records;
    m->is_unknown = f->is_unknown;
    m->units = (uint32_t)(ledger->records + ledger->options - before);
    if (m->numbering.version == V9) { /* RFC 3954 section 5.1: messages are counted */
        m->units = 1;
    }
}

/* ---- Headers ---- */

static uint32_t
load_be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void
store_be32(uint8_t *at, uint64_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static unsigned
version_of(struct sr_span bytes)
{
    return bytes.len >= 2 ? (unsigned)bytes.data[0] << 8 | bytes.data[1] : 0;
}

/*
 * The first message of *rest, which moves past it: those of a version that tells its length can
 * stand one behind the other, as the collector takes them.
 */
static bool
take_message(struct sr_span *rest, uint32_t source, struct message *ret_message)
{
    if (!sr_netflow_is_plausible(*rest)) {
        return false;
    }
    const uint8_t *at = rest->data;
    unsigned version = version_of(*rest);
    size_t count = (size_t)at[2] << 8 | at[3], length = rest->len;
    struct message m = { .numbering = { .source = source, .version = (uint16_t)version } };

    if (version == IPFIX) {
        length = count > 16 ? count : 16;
        m.recorded = load_be32(at + 8);
        m.numbering.domain = load_be32(at + 12);
    } else if (version == V9) {
        m.recorded = load_be32(at + 12);
        m.numbering.domain = load_be32(at + 16);
    } else if (version != V1) {
        length = 24 + count * (version == V5 ? 48U : 52U);
        m.recorded = load_be32(at + 16);
        m.numbering.domain = version == V5 ? load_be32(at + 20) >> 16 : 0;
    } else {
        length = 16 + count * 52U;
    }
    length = length < rest->len ? length : rest->len;
    m.bytes = (struct sr_span){ at, length };
    rest->data += length;
    rest->len -= length;
    *ret_message = m;
    return true;
}

static void
put_header(uint8_t *at, const struct message *m, uint64_t wall_ns)
{
    if (m->numbering.version == IPFIX) { /* RFC 7011 section 3.1 */
        store_be32(at + 4, wall_ns / NS_PER_S);
        store_be32(at + 8, m->sequence);
        return;
    }
    store_be32(at + 8, wall_ns / NS_PER_S);
    if (m->numbering.version == V9) { /* RFC 3954 section 5.1 */
        store_be32(at + 12, m->sequence);
        return;
    }
    store_be32(at + 12, wall_ns % NS_PER_S);
    if (m->numbering.version != V1) {
        store_be32(at + 16, m->sequence);
    }
}

/* ---- The whole ---- */

/* The messages of a datagram, MESSAGES_MAX at most; 0 when it is none, or has more. */
static size_t
split(struct sr_span datagram, uint32_t source, struct message *ret_messages)
{
    struct sr_span rest = datagram;
    unsigned version = version_of(datagram);
    size_t count = 0;

    while (version_of(rest) == version && count < MESSAGES_MAX &&
           take_message(&rest, source, &ret_messages[count])) {
        count++;
    }
    return version_of(rest) == version && count == MESSAGES_MAX ? 0 : count;
}

/* Gives each message its number; false when there is none left for one of them. */
static bool
number_messages(struct rewrite_flows *f, struct message *messages, size_t count, uint32_t datagram)
{
    for (size_t i = 0; i < count; i++) {
        struct message *m = &messages[i];

        if (m->numbering.version == V1) {
            continue;
        }
        if (!rewrite_numbers_next(f->numbers, &m->numbering, m->recorded, &m->sequence) ||
            !rewrite_numbers_take(f->numbers, &m->numbering, m->units, m->is_unknown, datagram)) {
            return false;
        }
    }
    return true;
}

enum rewrite_err
rewrite_flows_datagram(struct rewrite_flows *f, uint32_t source, uint64_t wall_ns, uint32_t number,
    struct sr_span message, uint8_t *out, struct sr_span *ret_bytes, uint32_t *ret_records)
{
    struct message messages[MESSAGES_MAX];
    size_t count = split(message, f->is_one_host ? 0 : source, messages);
    struct sr_peer peer;
    uint32_t records = 0;
    bool is_known = version_of(message) != V1; /* which has no number to be known by */

    if (count == 0 || message.len > REWRITE_ROOM || source >= REWRITE_SOURCES_MAX) {
        return REWRITE_EUNKNOWN;
    }
    struct nf_exporter *exporter = find_exporter(f, source, &peer);
    if (exporter == NULL) {
        return REWRITE_EFULL;
    }
    for (size_t i = 0; i < count; i++) {
        count_records(f, exporter, &peer, wall_ns, &messages[i]);
        records += messages[i].records;
        is_known = is_known && !messages[i].is_unknown;
    }
    bool is_marked = is_known && records > 0 && number != REWRITE_UNMARKED;
    /* Beyond what a ledger holds they are not kept, or a replay without an end would fill memory.
     */
    const bool is_kept = is_marked && number < LEDGER_NUMBERS_MAX;
    if (!number_messages(f, messages, count, is_kept ? number : REWRITE_UNMARKED)) {
        return REWRITE_EFULL;
    }
    memcpy(out, message.data, message.len);
    for (size_t i = 0; i < count; i++) {
        put_header(out + (messages[i].bytes.data - message.data), &messages[i], wall_ns);
    }
    *ret_bytes = (struct sr_span){ out, message.len };
    *ret_records = is_marked ? records : 0;
    return REWRITE_OK;
}

/* The version that flows of this type came in, 0: none that has numbers of ours. */
static uint16_t
version_of_type(uint64_t type)
{
    switch (type) {
    case NF_TYPE_V5: return V5;
    case NF_TYPE_V9: return V9;
    case NF_TYPE_IPFIX: return IPFIX;
    default: return 0;
    }
}

bool
rewrite_flows_find(struct rewrite_flows *f, struct sr_span record, uint64_t *ret_number)
{
    struct nf_flow flow;
    uint32_t number;

    if (!nf_protobuf_read(record, &flow)) {
        return false;
    }
    uint64_t sequence = nf_flow_get(&flow, NF_SEQUENCE_NUM);
    uint64_t domain = nf_flow_get(&flow, NF_OBSERVATION_DOMAIN_ID);
    uint16_t version = version_of_type(nf_flow_get(&flow, NF_TYPE));
    if (version == 0 || sequence > UINT32_MAX || domain > UINT32_MAX) {
        return false;
    }
    bool found =
        rewrite_numbers_find(f->numbers, (uint32_t)sequence, version, (uint32_t)domain, &number);
    if (!found && version == V5) { /* v7 is stored as v5 */
        found = rewrite_numbers_find(f->numbers, (uint32_t)sequence, V7, (uint32_t)domain, &number);
    }
    if (found) {
        *ret_number = number;
    }
    return found;
}
