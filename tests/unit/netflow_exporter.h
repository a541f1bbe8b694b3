/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_NETFLOW_EXPORTER_H_INCLUDED
#define TESTS_UNIT_NETFLOW_EXPORTER_H_INCLUDED

#include "decode/exporter.h"

#define SECOND UINT64_C(1000000000)
#define NOW (1700000000 * SECOND)

/* Memory that counts, and that ends when a test wants it to. */
struct counted {
    size_t used;      /* bytes that are taken */
    unsigned calls;   /* to take, so far */
    unsigned fail_at; /* this call and all after it fail; 0: none */
};

struct nf_memory counted_memory(struct counted *counted);

/* An exporter at 192.0.2.1 with limits that a test may change, and one domain. */
struct bench {
    struct counted counted;
    struct nf_memory memory;
    struct nf_config config;
    struct nf_exporter *e;
    struct nf_domain *d; /* domain 7 of IPFIX; bench_open_v9(): of v9 */
};

void bench_open(struct bench *b);
void bench_open_v9(struct bench *b);
/* All memory must have been given back. */
void bench_close(struct bench *b);

/* A template record for `version`; what it borrows is overwritten by the next call but 16. */
struct nf_template_record bench_record(
    uint8_t version, uint16_t id, const struct nf_field *fields, uint16_t field_count);
struct nf_template_record bench_options_record(uint8_t version, uint16_t id, uint16_t scope_count,
    const struct nf_field *fields, uint16_t field_count);

/* Learns a template of one field with that element and 4 bytes. */
enum nf_learned bench_learn(
    struct bench *b, uint16_t id, uint16_t element, uint16_t port, uint64_t now_ns);

/* The element of the template that is found, 0 when there is none. */
uint16_t bench_found(struct bench *b, uint16_t id, uint16_t port, uint64_t now_ns);

/* Learns an options record of the exporter: its fields, the first `scope_count` of which are the
 * scope, and its bytes in hexadecimal digits. */
void bench_tell(struct bench *b, uint16_t scope_count, const struct nf_field *fields,
    uint16_t field_count, const char *hex);

#endif
