/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
poke_u16(struct build *m, size_t at, size_t value)
{
    m->bytes[at] = (uint8_t)(value >> 8);
    m->bytes[at + 1] = (uint8_t)value;
}

void
build_bytes(struct build *m, const void *data, size_t len)
{
    if (len > sizeof(m->bytes) - m->len) {
        (void)fprintf(stderr, "the message of this test has no room for %zu bytes\n", len);
        abort();
    }
    if (len > 0) {
        memcpy(m->bytes + m->len, data, len);
    }
    m->len += len;
}

void
build_u8(struct build *m, uint8_t value)
{
    build_bytes(m, &value, 1);
}

void
build_u16(struct build *m, uint16_t value)
{
    build_u8(m, (uint8_t)(value >> 8));
    build_u8(m, (uint8_t)value);
}

void
build_u32(struct build *m, uint32_t value)
{
    build_u16(m, (uint16_t)(value >> 16));
    build_u16(m, (uint16_t)value);
}

void
build_u64(struct build *m, uint64_t value)
{
    build_u32(m, (uint32_t)(value >> 32));
    build_u32(m, (uint32_t)value);
}

static unsigned
digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    if (at == NULL) {
        (void)fprintf(stderr, "'%c' is no hexadecimal digit\n", c);
        abort();
    }
    return (unsigned)(at - digits);
}

void
build_hex(struct build *m, const char *hex)
{
    while (*hex != '\0') {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        build_u8(m, (uint8_t)(digit(hex[0]) << 4 | digit(hex[1])));
        hex += 2;
    }
}

void
build_variable(struct build *m, const void *data, size_t len)
{
    if (len < 255) {
        build_u8(m, (uint8_t)len);
    } else {
        build_u8(m, 255);
        build_u16(m, (uint16_t)len);
    }
    build_bytes(m, data, len);
}

static void
begin(struct build *m, uint16_t version)
{
    *m = (struct build){ .version = version };
    build_u16(m, version);
    build_u16(m, 0);
}

void
build_v5(struct build *m, uint16_t engine, uint32_t sequence)
{
    begin(m, 5);
    build_u32(m, BUILD_UPTIME_MS);
    build_u32(m, BUILD_EXPORT_SECONDS);
    build_u32(m, 0);
    build_u32(m, sequence);
    build_u16(m, engine);
    build_u16(m, 0);
}

void
build_v9(struct build *m, uint32_t domain, uint32_t sequence)
{
    begin(m, 9);
    build_u32(m, BUILD_UPTIME_MS);
    build_u32(m, BUILD_EXPORT_SECONDS);
    build_u32(m, sequence);
    build_u32(m, domain);
}

void
build_ipfix(struct build *m, uint32_t domain, uint32_t sequence)
{
    begin(m, 10);
    build_u32(m, BUILD_EXPORT_SECONDS);
    build_u32(m, sequence);
    build_u32(m, domain);
}

static void
end_set(struct build *m)
{
    if (m->set == 0) {
        return;
    }
    while (m->padding > 1 && (m->len - m->set) % m->padding != 0) {
        build_u8(m, 0);
    }
    poke_u16(m, m->set + 2, m->len - m->set);
    m->set = 0;
}

void
build_set(struct build *m, uint16_t id)
{
    end_set(m);
    m->set = m->len;
    build_u16(m, id);
    build_u16(m, 0);
}

static void
add_fields(struct build *m, const struct nf_field *fields, uint16_t field_count)
{
    for (uint16_t i = 0; i < field_count; i++) {
        uint16_t enterprise_bit = fields[i].enterprise != 0 ? 0x8000 : 0;
        build_u16(m, fields[i].id | enterprise_bit);
        build_u16(m, fields[i].length);
        if (enterprise_bit != 0) {
            build_u32(m, fields[i].enterprise);
        }
    }
}

void
build_template(struct build *m, uint16_t id, const struct nf_field *fields, uint16_t field_count)
{
    m->count++;
    build_u16(m, id);
    build_u16(m, field_count);
    add_fields(m, fields, field_count);
}

/* RFC 3954 section 6.1 counts bytes of fields, RFC 7011 section 3.4.2.2 counts fields. */
void
build_options_template(struct build *m, uint16_t id, uint16_t scope_count,
    const struct nf_field *fields, uint16_t field_count)
{
    m->count++;
    build_u16(m, id);
    if (m->version == 9) {
        build_u16(m, (uint16_t)(4 * scope_count));
        build_u16(m, (uint16_t)(4 * (field_count - scope_count)));
    } else {
        build_u16(m, field_count);
        build_u16(m, scope_count);
    }
    add_fields(m, fields, field_count);
}

void
build_record(struct build *m, const char *hex)
{
    m->count++;
    build_hex(m, hex);
}

struct sr_span
build_end(struct build *m)
{
    end_set(m);
    poke_u16(m, 2, m->version == 10 ? m->len : m->count);
    return (struct sr_span){ m->bytes, m->len };
}

struct nf_template *
build_compiled(uint8_t version, bool options, uint16_t scope_count, const struct nf_field *fields,
    uint16_t field_count, enum nf_flavour flavour)
{
    static struct build m; /* too large for a stack that a sanitizer watches */
    struct nf_template_record record;

    begin(&m, version);
    size_t start = m.len;
    if (options) {
        build_options_template(&m, 256, scope_count, fields, field_count);
    } else {
        build_template(&m, 256, fields, field_count);
    }
    struct sr_span set = { m.bytes + start, m.len - start };
    if (nf_template_next(&set, version, options, &record) != NF_TEMPLATE_OK ||
        nf_template_check(&record, UINT16_MAX) != NF_TEMPLATE_OK) {
        (void)fprintf(stderr, "the template of this test is not valid\n");
        abort();
    }
    struct nf_template *t = malloc(nf_template_size(&record));
    if (t == NULL) {
        abort();
    }
    nf_template_compile(t, &record, flavour);
    return t;
}
