/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_exporter.h"

#include "unit.h"

#include <stdlib.h>

#include "netflow_build.h"

static void *
take(void *arg, size_t size)
{
    struct counted *c = arg;

    c->calls++;
    if (c->fail_at != 0 && c->calls >= c->fail_at) {
        return NULL;
    }
    void *memory = malloc(size);
    assert_non_null(memory);
    /* What is not cleared shows. */
    memset(memory, 0xA5, size);
    c->used += size;
    return memory;
}

static void
give(void *arg, void *memory, size_t size)
{
    struct counted *c = arg;

    assert_non_null(memory);
    assert_true(c->used >= size);
    c->used -= size;
    memset(memory, 0x5A, size);
    free(memory);
}

struct nf_memory
counted_memory(struct counted *counted)
{
    return (struct nf_memory){ .arg = counted, .take = take, .give = give };
}

static void
open_bench(struct bench *b, uint16_t version)
{
    static const struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };

    b->counted = (struct counted){ 0 };
    b->memory = counted_memory(&b->counted);
    b->config = (struct nf_config){
        .max_templates = 100,
        .max_template_fields = 64,
        .max_domains = 4,
        .max_pending_sets = 8,
        .max_pending_bytes = 4096,
        .pending_ttl_ns = 30 * SECOND,
    };
    b->e = nf_exporter_new(&b->memory, &peer);
    assert_non_null(b->e);
    b->d = nf_exporter_domain(b->e, &b->config, version, 7);
    assert_non_null(b->d);
}

void
bench_open(struct bench *b)
{
    open_bench(b, 10);
}

void
bench_open_v9(struct bench *b)
{
    open_bench(b, 9);
}

void
bench_close(struct bench *b)
{
    nf_exporter_free(b->e);
    assert_int_equal(b->counted.used, 0);
}

struct nf_template_record
bench_options_record(uint8_t version, uint16_t id, uint16_t scope_count,
    const struct nf_field *fields, uint16_t field_count)
{
    static struct build messages[16];
    static unsigned next;
    struct build *m = &messages[next++ % 16];
    struct nf_template_record record;
    bool options = scope_count > 0;

    if (version == 9) {
        build_v9(m, 0, 0);
        build_set(m, options ? BUILD_V9_OPTIONS_TEMPLATES : BUILD_V9_TEMPLATES);
    } else {
        build_ipfix(m, 0, 0);
        build_set(m, options ? BUILD_IPFIX_OPTIONS_TEMPLATES : BUILD_IPFIX_TEMPLATES);
    }
    size_t start = m->len;
    if (options) {
        build_options_template(m, id, scope_count, fields, field_count);
    } else {
        build_template(m, id, fields, field_count);
    }
    struct sr_span set = { m->bytes + start, m->len - start };
    assert_int_equal(nf_template_next(&set, version, options, &record), NF_TEMPLATE_OK);
    assert_int_equal(nf_template_check(&record, 65535), NF_TEMPLATE_OK);
    return record;
}

struct nf_template_record
bench_record(uint8_t version, uint16_t id, const struct nf_field *fields, uint16_t field_count)
{
    return bench_options_record(version, id, 0, fields, field_count);
}

enum nf_learned
bench_learn(struct bench *b, uint16_t id, uint16_t element, uint16_t port, uint64_t now_ns)
{
    struct nf_field field = { .id = element, .length = 4 };
    struct nf_template_record record = bench_record((uint8_t)b->d->version, id, &field, 1);

    return nf_templates_learn(b->e, b->d, &b->config, &record, port, now_ns);
}

uint16_t
bench_found(struct bench *b, uint16_t id, uint16_t port, uint64_t now_ns)
{
    const struct nf_template *t = nf_templates_find(b->e, b->d, &b->config, id, port, now_ns);

    if (t == NULL) {
        return 0;
    }
    assert_int_equal(t->id, id);
    return nf_template_field(t, 0).id;
}

void
bench_tell(struct bench *b, uint16_t scope_count, const struct nf_field *fields,
    uint16_t field_count, const char *hex)
{
    static struct build m;
    struct nf_position positions[64];
    struct sr_span record;
    struct nf_template_record described =
        bench_options_record((uint8_t)b->d->version, 300, scope_count, fields, field_count);
    struct nf_template *t = malloc(nf_template_size(&described));

    assert_non_null(t);
    assert_true(field_count <= 64);
    nf_template_compile(t, &described, NF_NATIVE);
    build_ipfix(&m, 0, 0);
    build_set(&m, 300);
    size_t start = m.len;
    build_record(&m, hex);
    /* The end of the record is the end of its memory. */
    size_t len = m.len - start;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, m.bytes + start, len);
    struct sr_span records = { bytes, len };
    assert_true(nf_record_next(t, &records, &record, positions));
    nf_options_learn(b->e, b->d, &b->config, t, record, positions);
    free(bytes);
    free(t);
}
