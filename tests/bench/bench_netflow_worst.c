/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most expensive datagrams that are known: what a sender with one socket could keep a worker
 * busy with. Each is written once as large as UDP lets it be.
 */
#include "bench_netflow_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/netflow_build.h"

#include "sr/banned.h"

#define LARGEST 65507U /* bytes of payload, IPv4 */
#define TIMES 5
#define NOW UINT64_C(1795348800000000000)

/* Datagrams that come before, then the one that is measured. */
struct plot {
    const char *what;
    void (*before)(const struct plot *p, struct nf_exporter *e, const struct nf_config *config);
    void (*write)(struct build *m);
    struct nf_field fields[5];
    unsigned field_count;
};

static struct build message;

static double
feed(struct nf_exporter *e, const struct nf_config *config, struct sr_span bytes)
{
    const struct nf_input input = {
        .scratch = &bench_scratch,
        .now_ns = NOW,
        .peer = nf_exporter_peer(e),
        .bytes = bytes,
    };
    double start = bench_nanoseconds();

    (void)sr_netflow_datagram(e, config, &input, &bench_emit);
    return bench_nanoseconds() - start;
}

static size_t
left(const struct build *m)
{
    return LARGEST - m->len;
}

static void
fill(struct build *m, size_t unit, void (*put)(struct build *m, unsigned i))
{
    for (unsigned i = 0; left(m) >= unit; i++) {
        put(m, i);
    }
}

/* ---- What comes before ---- */

static void
one_template(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 256, p->fields, (uint16_t)p->field_count);
    (void)feed(e, config, build_end(&message));
}

static void
template_behind(const struct plot *p, unsigned empty)
{
    build_u16(&message, 256);
    build_u16(&message, (uint16_t)(empty + p->field_count));
    for (unsigned i = 0; i < empty; i++) {
        build_u16(&message, 8);
        build_u16(&message, 0);
    }
    for (unsigned i = 0; i < p->field_count; i++) {
        build_u16(&message, p->fields[i].id);
        build_u16(&message, p->fields[i].length);
    }
}

/* As many fields of no bytes as are allowed, then those of the plot. */
static void
empty_fields(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    unsigned length = 0;

    for (unsigned i = 0; i < p->field_count; i++) {
        length += p->fields[i].length == NF_VARIABLE_LENGTH ? 1 : p->fields[i].length;
    }
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    template_behind(p, NF_EMPTY_FIELDS_MAX + length);
    (void)feed(e, config, build_end(&message));
}

/* The same, and a template of a list of its records. */
static void
empty_fields_in_list(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    static const struct nf_field list = { .id = 292, .length = NF_VARIABLE_LENGTH };

    empty_fields(p, e, config);
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_template(&message, 257, &list, 1);
    (void)feed(e, config, build_end(&message));
}

static void
variable_fields(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_u16(&message, 256);
    build_u16(&message, (uint16_t)config->max_template_fields);
    for (unsigned i = 0; i < config->max_template_fields; i++) {
        build_u16(&message, p->fields[0].id);
        build_u16(&message, NF_VARIABLE_LENGTH);
    }
    (void)feed(e, config, build_end(&message));
}

static void
options_template(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_OPTIONS_TEMPLATES);
    build_options_template(&message, 256, 1, p->fields, (uint16_t)p->field_count);
    (void)feed(e, config, build_end(&message));
}

static void
ones(struct build *m, unsigned i)
{
    (void)i;
    build_u8(m, 6);
}

/* As many bytes as are allowed wait for a template of records of one byte. */
static void
large_sets_wait(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    (void)p;
    for (size_t waiting = 0; waiting < config->max_pending_bytes; waiting += LARGEST) {
        build_ipfix(&message, 1, 0);
        build_set(&message, 256);
        fill(&message, 1, ones);
        (void)feed(e, config, build_end(&message));
    }
}

static void
small_template(struct build *m, unsigned i)
{
    static const struct nf_field proto = { .id = 4, .length = 1 };

    build_template(m, (uint16_t)(256 + i), &proto, 1);
}

static void
full_of_templates(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    (void)p;
    for (unsigned domain = 1; domain <= config->max_domains; domain++) {
        build_ipfix(&message, domain, 0);
        build_set(&message, BUILD_IPFIX_TEMPLATES);
        for (unsigned i = 0; i < config->max_templates; i++) {
            small_template(&message, i);
        }
        (void)feed(e, config, build_end(&message));
    }
}

/* ---- What is measured ---- */

static void
data_of_ones(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    fill(m, 1, ones);
}

/* Records of one byte value throughout. */
static void
data_of(struct build *m, uint8_t value)
{
    data_of_ones(m);
    memset(m->bytes + 20, value, m->len - 20);
}

static void
data_of_zeros(struct build *m)
{
    data_of(m, 0);
}

static void
empty_set(struct build *m, unsigned i)
{
    build_set(m, (uint16_t)(256 + i % 1024));
}

static void
empty_sets(struct build *m)
{
    build_ipfix(m, 1, 0);
    fill(m, 4, empty_set);
}

static void
tiny_set(struct build *m, unsigned i)
{
    build_set(m, (uint16_t)(1000 + i % 50000));
    build_u8(m, 1);
}

static void
tiny_sets(struct build *m)
{
    build_ipfix(m, 1, 0);
    fill(m, 5, tiny_set);
}

static void
reserved_set(struct build *m, unsigned i)
{
    build_set(m, (uint16_t)(4 + i % 250));
}

static void
reserved_sets(struct build *m)
{
    build_ipfix(m, 1, 0);
    fill(m, 4, reserved_set);
}

static void
small_templates(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, BUILD_IPFIX_TEMPLATES);
    fill(m, 8, small_template);
}

static void
other_template(struct build *m, unsigned i)
{
    const struct nf_field proto = { .id = (uint16_t)(i % 2 + 4), .length = 1 };

    build_template(m, 256, &proto, 1);
}

static void
changing_template(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, BUILD_IPFIX_TEMPLATES);
    fill(m, 8, other_template);
}

static void
broad_template(struct build *m, unsigned i)
{
    build_u16(m, (uint16_t)(256 + i));
    build_u16(m, 1000);
    for (unsigned f = 0; f < 1000; f++) {
        build_u16(m, (uint16_t)(f % 100 + 1));
        build_u16(m, 1);
    }
}

static void
broad_templates(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, BUILD_IPFIX_TEMPLATES);
    fill(m, 4004, broad_template);
}

static void
one_small_template(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, BUILD_IPFIX_TEMPLATES);
    small_template(m, 0);
}

/* As many bytes as are allowed wait for a template of uptimes behind fields of no bytes. */
static void
large_sets_of_uptimes_wait(
    const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    (void)p;
    for (size_t waiting = 0; waiting < config->max_pending_bytes; waiting += LARGEST) {
        data_of_zeros(&message);
        (void)feed(e, config, build_end(&message));
    }
}

/* That template, and a message that is full of its records as well. */
static void
template_and_data(struct build *m)
{
    static const struct plot uptimes = {
        .fields = { { .id = 21, .length = 4 }, { .id = 82, .length = NF_VARIABLE_LENGTH } },
        .field_count = 2,
    };

    build_ipfix(m, 1, 0);
    build_set(m, BUILD_IPFIX_TEMPLATES);
    template_behind(&uptimes, NF_EMPTY_FIELDS_MAX + 5);
    build_set(m, 256);
    while (left(m) >= 5) {
        build_u8(m, 0);
        build_u32(m, 0);
    }
}

static void
new_domain(struct build *m)
{
    build_ipfix(m, 100000, 0);
    build_set(m, BUILD_IPFIX_TEMPLATES);
    small_template(m, 0);
}

static void
numbered(struct build *m, unsigned i)
{
    build_u32(m, i * 2654435761U);
    build_u8(m, 'x');
}

static void
names(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    fill(m, 5, numbered);
}

static void
rates(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    fill(m, 5, numbered);
}

/* A basicList of elements of one byte that fills the record; RFC 6313 section 4.5.1. */
static void
long_list(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    build_u8(m, 255);
    build_u16(m, (uint16_t)(left(m) - 2));
    build_hex(m, "ff 0004 0001");
    fill(m, 1, ones);
}

static void
list_of_lists(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    build_u8(m, 255);
    build_u16(m, (uint16_t)(left(m) - 2));
    build_hex(m, "ff 0123 ffff");
    fill(m, 1, ones);
}

/* A subTemplateList of records of template 256, in a record of `id`. */
static void
records_in_list(struct build *m, uint16_t id)
{
    build_ipfix(m, 1, 0);
    build_set(m, id);
    build_u8(m, 255);
    build_u16(m, (uint16_t)(left(m) - 2));
    build_hex(m, "ff 0100");
    while (left(m) > 0) {
        build_u8(m, 0);
    }
}

static void
own_list(struct build *m)
{
    records_in_list(m, 256);
}

static void
list_of_zeros(struct build *m)
{
    records_in_list(m, 257);
}

/* Heads of packets: 64 bytes each, of which 48 are a stack of MPLS labels that does not end. */
static void
packets(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    while (left(m) >= 64) {
        build_hex(m, "020000000001 020000000002 8847");
        for (unsigned i = 0; i < 12; i++) {
            build_hex(m, "00001040");
        }
        build_hex(m, "0000");
    }
}

/* IPv6 with hop-by-hop options, one after the other. */
static void
extensions(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    build_hex(m, "60000000 ffff 00 40");
    for (unsigned i = 0; i < 32; i++) {
        build_u8(m, 1);
    }
    while (left(m) >= 8) {
        build_hex(m, "00 00 010400000000");
    }
    while (left(m) > 0) {
        build_u8(m, 0);
    }
}

static void
v5_flows(struct build *m)
{
    build_v5(m, 1, 0);
    while (left(m) >= 48) {
        for (unsigned i = 0; i < 48; i++) {
            build_u8(m, (uint8_t)(i + 1));
        }
        m->count++;
    }
}

/* Messages without a set, each of a domain of its own. */
static void
new_domains(struct build *m)
{
    static struct build one;

    build_ipfix(m, 1, 0);
    (void)build_end(m);
    for (unsigned i = 0; left(m) >= 16; i++) {
        build_ipfix(&one, 100000 + i, 0);
        struct sr_span bytes = build_end(&one);
        memcpy(m->bytes + m->len, bytes.data, bytes.len);
        m->len += bytes.len;
    }
    m->version = 5; /* what build_end() writes there is the length of the first message */
    m->count = 16;
}

/* As many names as there are in each domain. */
static void
full_of_names(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    for (unsigned domain = 1; domain <= config->max_domains; domain++) {
        build_ipfix(&message, domain, 0);
        build_set(&message, BUILD_IPFIX_OPTIONS_TEMPLATES);
        build_options_template(&message, 256, 1, p->fields, (uint16_t)p->field_count);
        (void)feed(e, config, build_end(&message));
        build_ipfix(&message, domain, 0);
        build_set(&message, 256);
        fill(&message, 5, numbered);
        (void)feed(e, config, build_end(&message));
    }
}

/* Specials of which the last ones have to be moved before the first ones. */
static void
special_template(struct build *m, unsigned i)
{
    build_u16(m, (uint16_t)(256 + i));
    build_u16(m, 1000);
    for (unsigned f = 0; f < 1000; f++) {
        build_u16(m, f < 500 ? 104 : 200);
        build_u16(m, 1);
    }
}

static void
special_templates(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, BUILD_IPFIX_TEMPLATES);
    fill(m, 4004, special_template);
}

/* Eight ports that differ in the last field. */
static void
eight_layouts(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    (void)p;
    for (unsigned i = 0; i < 8 * 16; i++) {
        const struct sr_peer peer = { .address = { 127, 1, 0, 1 }, .port = (uint16_t)(1 + i % 8) };
        build_ipfix(&message, 1, 0);
        build_set(&message, BUILD_IPFIX_TEMPLATES);
        broad_template(&message, i / 8);
        message.bytes[message.len - 4] = (uint8_t)(1 + i % 8);
        const struct nf_input input = {
            .scratch = &bench_scratch,
            .now_ns = NOW,
            .peer = &peer,
            .bytes = build_end(&message),
        };
        (void)sr_netflow_datagram(e, config, &input, &bench_emit);
    }
}

/* Parts of a subTemplateMultiList, of two templates in turn. */
static void
empty_parts(struct build *m)
{
    build_ipfix(m, 1, 0);
    build_set(m, 256);
    build_u8(m, 255);
    build_u16(m, (uint16_t)(left(m) - 2));
    build_hex(m, "ff");
    for (unsigned i = 0; left(m) >= 4; i++) {
        build_u16(m, (uint16_t)(256 + i % 1900));
        build_u16(m, 4);
    }
    fill(m, 1, ones);
}

static void
many_templates(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    for (unsigned i = 1; i < 1900; i++) {
        small_template(&message, i);
    }
    (void)feed(e, config, build_end(&message));
    one_template(p, e, config);
}

/* 500 elements that are there twice. */
static void
twin_fields(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    (void)p;
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_u16(&message, 256);
    build_u16(&message, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        build_u16(&message, (uint16_t)(1000 + i % 500));
        build_u16(&message, i < 500);
    }
    (void)feed(e, config, build_end(&message));
}

/* Elements that look alike to whoever looks for repeated ones. */
static void
alike_fields(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    (void)p;
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_u16(&message, 256);
    build_u16(&message, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        build_u16(&message, (uint16_t)(0x8000 | (i + 1)));
        build_u16(&message, i < 500);
        build_u32(&message, 1000 ^ (i + 1));
    }
    (void)feed(e, config, build_end(&message));
}

/* Names of everything that records may refer to, of characters that are written as six. */
static void
escaped_names(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    static const struct nf_field options[] = { { .id = 10, .length = 1 },
        { .id = 234, .length = 1 }, { .id = 95, .length = 1 }, { .id = 82, .length = 128 },
        { .id = 83, .length = 128 }, { .id = 236, .length = 128 }, { .id = 96, .length = 128 } };

    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_OPTIONS_TEMPLATES);
    build_options_template(&message, 257, 3, options, 7);
    build_set(&message, 257);
    for (unsigned i = 0; i < 3; i++) {
        build_u8(&message, 6);
    }
    for (unsigned i = 0; i < 4 * 128; i++) {
        build_u8(&message, 1);
    }
    (void)feed(e, config, build_end(&message));
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    template_behind(p, 0);
    (void)feed(e, config, build_end(&message));
}

/* As many of one element as are allowed. */
static void
many_fields(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    build_u16(&message, 256);
    build_u16(&message, (uint16_t)config->max_template_fields);
    for (unsigned i = 0; i < config->max_template_fields; i++) {
        build_u16(&message, p->fields[0].id);
        build_u16(&message, p->fields[0].length);
    }
    (void)feed(e, config, build_end(&message));
}

/* Bits of any kind. */
static void
data_of_any(struct build *m)
{
    uint64_t seed = 1;

    build_ipfix(m, 1, 0);
    build_set(m, 256);
    while (left(m) >= 4) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        build_u32(m, (uint32_t)(seed >> 33));
    }
}

static void
data_of_control(struct build *m)
{
    data_of(m, 1);
}

static void
data_of_no_utf8(struct build *m)
{
    data_of(m, 0xff);
}

/* Two templates of 1,000 elements, half of them without bytes, in turn. */
static void
two_broad(const struct plot *p, struct nf_exporter *e, const struct nf_config *config)
{
    (void)p;
    build_ipfix(&message, 1, 0);
    build_set(&message, BUILD_IPFIX_TEMPLATES);
    for (unsigned id = 256; id < 258; id++) {
        build_u16(&message, (uint16_t)id);
        build_u16(&message, 1000);
        for (unsigned i = 0; i < 1000; i++) {
            build_u16(&message, (uint16_t)(0x8000 | (i + 1)));
            build_u16(&message, i < 500);
            build_u32(&message, 1000 + id);
        }
    }
    (void)feed(e, config, build_end(&message));
}

static void
broad_record(struct build *m, unsigned i)
{
    build_set(m, (uint16_t)(256 + i % 2));
    for (unsigned f = 0; f < 500; f++) {
        build_u8(m, 6);
    }
}

static void
broad_records(struct build *m)
{
    build_ipfix(m, 1, 0);
    fill(m, 504, broad_record);
}

static const struct plot plots[] = {
    { "65,487 records of one byte", one_template, data_of_ones, { { .id = 4, .length = 1 } }, 1 },
    { "the same, nothing to tell of them", one_template, data_of_ones,
        { { .id = 999, .length = 1 } }, 1 },
    { "65,487 records of an empty variable field", one_template, data_of_zeros,
        { { .id = 82, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "the same behind fields of no bytes", empty_fields, data_of_zeros,
        { { .id = 82, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "the same with an uptime", empty_fields, data_of_zeros,
        { { .id = 21, .length = 4 }, { .id = 82, .length = NF_VARIABLE_LENGTH } }, 2 },
    { "the same in a subTemplateList", empty_fields_in_list, list_of_zeros,
        { { .id = 82, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "records of one byte behind fields of none", empty_fields, data_of_ones,
        { { .id = 4, .length = 1 } }, 1 },
    { "records of 1,000 empty variable fields", variable_fields, data_of_zeros,
        { { .id = 82, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "records of 1,000 fields of one byte", variable_fields, data_of_ones,
        { { .id = 4, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "the same, basicLists", variable_fields, data_of_ones,
        { { .id = 291, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "16,000 empty sets, no template", NULL, empty_sets, { { .id = 0 } }, 0 },
    { "16,000 empty sets of reserved ids", NULL, reserved_sets, { { .id = 0 } }, 0 },
    { "13,000 sets that wait", NULL, tiny_sets, { { .id = 0 } }, 0 },
    { "8,000 templates of one field", NULL, small_templates, { { .id = 0 } }, 0 },
    { "8,000 times another template of one id", NULL, changing_template, { { .id = 0 } }, 0 },
    { "16 templates of 1,000 fields", NULL, broad_templates, { { .id = 0 } }, 0 },
    { "a template that 1 MiB of records of one byte waits for", large_sets_wait, one_small_template,
        { { .id = 0 } }, 0 },
    { "the same with uptimes, and the message is full too", large_sets_of_uptimes_wait,
        template_and_data, { { .id = 0 } }, 0 },
    { "a new domain, where 256 are full of templates", full_of_templates, new_domain,
        { { .id = 0 } }, 0 },
    { "13,000 names of interfaces", options_template, names,
        { { .id = 10, .length = 4 }, { .id = 82, .length = 1 } }, 2 },
    { "13,000 samplers", options_template, rates,
        { { .id = 48, .length = 4 }, { .id = 34, .length = 1 } }, 2 },
    { "a basicList of 65,000 elements", one_template, long_list,
        { { .id = 291, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "a basicList of lists", one_template, list_of_lists,
        { { .id = 291, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "a subTemplateList of itself", one_template, own_list,
        { { .id = 292, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "1,000 heads of packets", one_template, packets, { { .id = 315, .length = 64 } }, 1 },
    { "a packet of extension headers", one_template, extensions,
        { { .id = 313, .length = LARGEST - 20 } }, 1 },
    { "1,364 flows of version 5", NULL, v5_flows, { { .id = 0 } }, 0 },
    { "4,000 messages of new domains", NULL, new_domains, { { .id = 0 } }, 0 },
    { "the same, where 256 are full of templates", full_of_templates, new_domains, { { .id = 0 } },
        0 },
    { "the same, where 256 are full of names", full_of_names, new_domains,
        { { .id = 10, .length = 4 }, { .id = 82, .length = 1 } }, 2 },
    { "16 templates of 1,000 specials", NULL, special_templates, { { .id = 0 } }, 0 },
    { "16 templates of ids that have 8 others", eight_layouts, broad_templates, { { .id = 0 } },
        0 },
    { "a subTemplateMultiList of 16,000 empty parts", many_templates, empty_parts,
        { { .id = 293, .length = NF_VARIABLE_LENGTH } }, 1 },
    { "records of 500 elements that are there twice", twin_fields, data_of_ones, { { .id = 0 } },
        0 },
    { "records of 1,000 elements that look alike", alike_fields, data_of_ones, { { .id = 0 } }, 0 },
    { "130 records of 1,000 elements of two templates in turn", two_broad, broad_records,
        { { .id = 0 } }, 0 },
    { "8,192 records with 7 names of control characters", escaped_names, data_of_ones,
        { { .id = 10, .length = 1 }, { .id = 14, .length = 1 }, { .id = 95, .length = 1 },
            { .id = 234, .length = 1 }, { .id = 235, .length = 1 } },
        5 },
    { "16,000 numbers with a fraction", many_fields, data_of_any, { { .id = 311, .length = 4 } },
        1 },
    { "8,000 of 8 bytes", many_fields, data_of_any, { { .id = 311, .length = 8 } }, 1 },
    { "4,000 addresses of IPv6", many_fields, data_of_any, { { .id = 403, .length = 16 } }, 1 },
    { "16,000 of IPv4", many_fields, data_of_any, { { .id = 225, .length = 4 } }, 1 },
    { "10,000 of MAC", many_fields, data_of_any, { { .id = 367, .length = 6 } }, 1 },
    { "65,000 strings of one byte", many_fields, data_of_any, { { .id = 371, .length = 1 } }, 1 },
    { "32,000 times of NTP", many_fields, data_of_any, { { .id = 154, .length = 8 } }, 1 },
    { "a string that is no UTF-8", one_template, data_of_no_utf8,
        { { .id = 371, .length = LARGEST - 20 } }, 1 },
    { "a string of control characters", one_template, data_of_control,
        { { .id = 371, .length = LARGEST - 20 } }, 1 },
};

/* The median of some runs, each with an exporter of its own. */
static double
run(const struct plot *p, enum nf_format format)
{
    const struct nf_config config = bench_config(format);
    const struct sr_peer peer = { .address = { 127, 1, 0, 1 }, .port = 9995 };
    double took[TIMES];

    for (unsigned i = 0; i < TIMES; i++) {
        struct nf_exporter *e = bench_exporter(&peer);
        if (p->before != NULL) {
            p->before(p, e, &config);
        }
        p->write(&message);
        bench_messages = 0;
        took[i] = feed(e, &config, build_end(&message));
        nf_exporter_free(e);
    }
    return bench_median(took, TIMES) / 1e6;
}

void
bench_worst(void)
{
    printf("%-58s %9s %9s %9s %9s\n", "datagram", "messages", "ms", "ms, JSON", "ms, raw");
    for (size_t i = 0; i < sizeof(plots) / sizeof(plots[0]); i++) {
        double binary = run(&plots[i], NF_FORMAT_PROTOBUF);
        unsigned long messages = (unsigned long)bench_messages;
        double json = run(&plots[i], NF_FORMAT_JSON);
        printf("%-58s %9lu %9.3f %9.3f %9.3f\n", plots[i].what, messages, binary, json,
            run(&plots[i], NF_FORMAT_RAW));
        fflush(stdout);
    }
}
