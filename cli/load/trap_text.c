/* SPDX-License-Identifier: Apache-2.0 */
#include "load/trap_text.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define IF_ALIAS "1.3.6.1.2.1.31.1.1.1.18"
#define IF_DESCR "1.3.6.1.2.1.2.2.1.2"
#define ENTERPRISE "1.3.6.1.4.1.8072.3.2.10"
#define INDEX 24U /* of the interface that a trap is about */

/* An INTEGER of four bytes, whatever its lower bits are: ITU-T X.690 section 8.3.2. */
#define FOUR_BYTES 0x40000000U
#define FOUR_BYTES_MASK 0x3FFFFFFFU

#define HEAD_LEN 2U /* type and length of an element of less than 128 bytes */

enum { GENERIC_LINK_DOWN = 2 }; /* RFC 1157 section 4.1.6 */

/* A varbind of octets; returns where they are. */
static size_t
put_octets(struct snmp_writer *w, const char *name, struct sr_span octets)
{
    const size_t end = w->at;

    snmp_put_raw(w, octets);
    const size_t place = w->at;
    snmp_wrap(w, BER_OCTET_STRING, end);
    snmp_put_name(w, name, INDEX);
    snmp_wrap(w, BER_SEQUENCE, end);
    return place;
}

static void
put_words(struct snmp_writer *w, size_t len)
{
    static const char words[] = " an event of an interface with some words in it";
    uint8_t text[SNMP_LARGEST];

    if (len > sizeof(text)) {
        w->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        text[i] = (uint8_t)words[i % (sizeof(words) - 1)];
    }
    (void)put_octets(w, IF_DESCR, (struct sr_span){ text, len });
}

/* The PDU around the varbinds; RFC 1157 section 4.1.6, RFC 3416 section 3. */
static void
wrap_pdu(struct trap_text *text, enum trap_version version, size_t end)
{
    static const uint8_t agent[4] = { 127, 0, 0, 1 };
    struct snmp_writer *w = &text->writer;

    snmp_wrap(w, BER_SEQUENCE, end);
    if (version == TRAP_V1) {
        snmp_put_integer(w, BER_TIME_TICKS, FOUR_BYTES);
        text->uptime = w->at + HEAD_LEN;
        snmp_put_integer(w, BER_INTEGER, 0);
        snmp_put_integer(w, BER_INTEGER, GENERIC_LINK_DOWN);
        snmp_put_octets(w, BER_IP_ADDRESS, (struct sr_span){ agent, sizeof(agent) });
        snmp_put_name(w, ENTERPRISE, 0);
        snmp_wrap(w, TRAP_PDU_TRAP_V1, end);
        return;
    }
    snmp_put_integer(w, BER_INTEGER, 0);
    snmp_put_integer(w, BER_INTEGER, 0);
    snmp_put_integer(w, BER_INTEGER, FOUR_BYTES);
    text->request = w->at + HEAD_LEN;
    snmp_wrap(w, TRAP_PDU_TRAP_V2, end);
}

bool
trap_write(struct trap_text *text, const struct trap_kind *kind, const char *community,
    uint32_t seed, size_t words)
{
    static const uint8_t blank[MARK_TEXT_LEN];
    struct snmp_writer *w = &text->writer;

    snmp_clear(w);
    text->request = 0;
    const size_t end = w->at;
    if (words > 0) {
        put_words(w, words);
    }
    snmp_put_columns(w, kind->columns, seed);
    text->mark = put_octets(w, IF_ALIAS, (struct sr_span){ blank, sizeof(blank) });
    if (kind->version != TRAP_V1) {
        text->uptime = snmp_put_event(w, FOUR_BYTES) + HEAD_LEN;
    }
    wrap_pdu(text, kind->version, end);
    if (kind->version != TRAP_V3) {
        const struct sr_span name = { (const uint8_t *)community, strlen(community) };
        snmp_wrap_message(w, kind->version, name, end);
    }
    return !w->failed;
}

struct sr_span
trap_text_span(const struct trap_text *text)
{
    return snmp_span(&text->writer);
}

bool
trap_template_keep(struct trap_template *t, const struct trap_text *text)
{
    const struct sr_span bytes = trap_text_span(text);
    const size_t start = text->writer.at;

    *t = (struct trap_template){
        .bytes = malloc(bytes.len),
        .len = bytes.len,
        .mark = text->mark - start,
        .request = text->request > 0 ? text->request - start : 0,
        .uptime = text->uptime - start,
    };
    if (t->bytes == NULL) {
        return false;
    }
    memcpy(t->bytes, bytes.data, bytes.len);
    return true;
}

static void
put_four(uint8_t *out, uint32_t value)
{
    const uint32_t number = FOUR_BYTES | (value & FOUR_BYTES_MASK);

    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

void
trap_template_fill(const struct trap_template *t, const struct mark *mark, uint32_t request,
    uint64_t uptime, uint8_t *out)
{
    memcpy(out, t->bytes, t->len);
    mark_write_text(mark, out + t->mark);
    put_four(out + t->uptime, (uint32_t)uptime);
    if (t->request > 0) {
        put_four(out + t->request, request);
    }
}
