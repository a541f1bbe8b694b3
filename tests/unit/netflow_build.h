/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_BUILD_H_INCLUDED
#define NETFLOW_BUILD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/template.h"
#include "sr/span.h"

/*
 * Messages of exporters for tests, written piece by piece:
 *
 *     build_v9(&m, domain, sequence);
 *     build_set(&m, BUILD_V9_TEMPLATES);
 *     build_template(&m, 256, (struct nf_field[]){ { .id = 8, .length = 4 } }, 1);
 *     build_set(&m, 256);
 *     build_record(&m, "0a000001");
 *     send(build_end(&m));
 *
 * What does not fit stops the test. A test that wants a message that lies changes `bytes` after
 * build_end().
 */
#define BUILD_V9_TEMPLATES 0U
#define BUILD_V9_OPTIONS_TEMPLATES 1U
#define BUILD_IPFIX_TEMPLATES 2U
#define BUILD_IPFIX_OPTIONS_TEMPLATES 3U

/* The times that messages carry, unless they are changed after build_v9() and the like. */
#define BUILD_EXPORT_SECONDS 1700000000U
#define BUILD_UPTIME_MS 3600000U

struct build {
    uint8_t bytes[65535];
    size_t len;
    size_t set;       /* offset of the open set, 0: none is */
    size_t padding;   /* sets are padded to a multiple of this, 0 or 1: not at all */
    uint16_t version; /* 5, 9 or 10 */
    uint16_t count;   /* records and templates so far: what the header of v5 and v9 says */
};

/* Begin a message. */
void build_v5(struct build *m, uint16_t engine, uint32_t sequence);
void build_v9(struct build *m, uint32_t domain, uint32_t sequence);
void build_ipfix(struct build *m, uint32_t domain, uint32_t sequence);

/* Begins a set; the one before ends. */
void build_set(struct build *m, uint16_t id);

/* Template records of the open set. A field with an enterprise is written as IPFIX says. */
void build_template(
    struct build *m, uint16_t id, const struct nf_field *fields, uint16_t field_count);
void build_options_template(struct build *m, uint16_t id, uint16_t scope_count,
    const struct nf_field *fields, uint16_t field_count);

/* A data record from hexadecimal digits; blanks between them are for the reader. */
void build_record(struct build *m, const char *hex);

/* Pieces of a record: after build_record(m, "") they make one up. */
void build_u8(struct build *m, uint8_t value);
void build_u16(struct build *m, uint16_t value);
void build_u32(struct build *m, uint32_t value);
void build_u64(struct build *m, uint64_t value);
void build_hex(struct build *m, const char *hex);
void build_bytes(struct build *m, const void *data, size_t len);
/* A field of variable length with its prefix, RFC 7011 section 7. */
void build_variable(struct build *m, const void *data, size_t len);

/*
 * A template as the decoder compiles it. Returns an owned one, for free(); a template that is not
 * valid stops the test.
 */
struct nf_template *build_compiled(uint8_t version, bool options, uint16_t scope_count,
    const struct nf_field *fields, uint16_t field_count, enum nf_flavour flavour);

/* Ends the message: lengths and counts are filled in. Borrows `m`. */
struct sr_span build_end(struct build *m);

#endif
