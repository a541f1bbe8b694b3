/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "netflow_exporter.h"
#include "sr/crc32c.h"

enum { PORT_A = 1000, PORT_B = 2000, CRC_LENGTH = 4, FIRST_PART = 28 };

#define FIELDS(...)                                                                                \
    (const struct nf_field[])                                                                      \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define F(number, bytes)                                                                           \
    {                                                                                              \
        .id = (number), .length = (bytes)                                                          \
    }

/* Bytes of an exporter, exactly as many as it takes. The caller frees `data`. */
static struct sr_span
save(const struct nf_exporter *e)
{
    size_t len = nf_exporter_save(e, NULL, 0);
    uint8_t *data = malloc(len);

    assert_non_null(data);
    assert_int_equal(nf_exporter_save(e, data, len), len);
    return (struct sr_span){ data, len };
}

static void
free_bytes(struct sr_span bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* An exporter with one of each: templates of two ports and both versions, rates, names. */
static void
fill(struct bench *b)
{
    static const struct nf_field fields[] = { F(8, 4),
        { .enterprise = 29305, .id = 1, .length = 8 },
        { .id = 371, .length = NF_VARIABLE_LENGTH } };
    struct nf_template_record record;

    bench_learn(b, 256, 8, PORT_A, NOW);
    bench_learn(b, 256, 12, PORT_B, NOW + SECOND);
    record = bench_record(10, 257, fields, 3);
    nf_templates_learn(b->e, b->d, &b->config, &record, PORT_A, NOW);
    record = bench_options_record(10, 258, 2, fields, 3);
    nf_templates_learn(b->e, b->d, &b->config, &record, PORT_A, NOW);
    bench_tell(b, 1, FIELDS(F(302, 4), F(34, 4)), 2, "00000001 00000064");
    bench_tell(b, 1, FIELDS(F(302, 4), F(34, 4)), 2, "00000002 00000065");
    bench_tell(b, 1, FIELDS(F(149, 4), F(34, 4)), 2, "00000001 00000066");
    bench_tell(b, 1, FIELDS(F(149, 4), F(160, 8)), 2, "00000001 0000019f1d93c726");
    bench_tell(b, 1, FIELDS(F(10, 4), F(82, 3)), 2, "00000001 616263");
    bench_tell(b, 1, FIELDS(F(234, 4), F(236, 3)), 2, "00000002 616264");
    struct nf_domain *d = b->d;
    b->d = nf_exporter_domain(b->e, &b->config, 9, 3);
    bench_learn(b, 300, 1, PORT_A, NOW);
    record = bench_options_record(9, 301, 1, FIELDS(F(1, 4), F(48, 1), F(34, 4)), 3);
    nf_templates_learn(b->e, b->d, &b->config, &record, PORT_A, NOW);
    bench_tell(b, 1, FIELDS(F(1, 4), F(48, 1), F(34, 4)), 3, "00000000 05 00000067");
    b->d = d;
}

/* The exporter of the bench is that of fill(). */
static void
assert_filled(struct bench *b)
{
    const struct nf_template *t;

    b->d = nf_exporter_domain(b->e, &b->config, 10, 7);
    assert_int_equal(bench_found(b, 256, PORT_A, NOW), 8);
    assert_int_equal(bench_found(b, 256, PORT_B, NOW), 12);
    assert_int_equal(bench_found(b, 256, 99, NOW), 12); /* learned last */
    t = nf_templates_find(b->e, b->d, &b->config, 257, PORT_A, NOW);
    assert_non_null(t);
    assert_int_equal(t->field_count, 3);
    assert_false(t->options);
    assert_true(t->variable);
    assert_int_equal(nf_template_field(t, 1).enterprise, 29305);
    t = nf_templates_find(b->e, b->d, &b->config, 258, PORT_A, NOW);
    assert_non_null(t);
    assert_true(t->options);
    assert_int_equal(t->scope_count, 2);
    assert_int_equal(nf_sampling_rate(b->d, true, true, 1), 100);
    assert_int_equal(nf_sampling_rate(b->d, true, true, 2), 101);
    assert_int_equal(nf_sampling_rate(b->d, false, false, 0), 102);
    assert_int_equal(b->d->told_start_ms, 0x19f1d93c726);
    assert_memory_equal(nf_name_find(b->d, NF_NAME_INTERFACE, 1).data, "abc", 3);
    assert_memory_equal(nf_name_find(b->d, NF_NAME_VRF, 2).data, "abd", 3);
    b->d = nf_exporter_domain(b->e, &b->config, 9, 3);
    assert_int_equal(bench_found(b, 300, PORT_A, NOW), 1);
    t = nf_templates_find(b->e, b->d, &b->config, 301, PORT_A, NOW);
    assert_non_null(t);
    assert_true(t->options);
    assert_int_equal(t->field_count, 3);
    assert_int_equal(t->scope_count, 1);
    assert_int_equal(nf_sampling_rate(b->d, true, false, 5), 103);
}

/* Replaces the exporter of the bench by the next one that was saved. */
static bool
load(struct bench *b, struct sr_span *saved)
{
    nf_exporter_free(b->e);
    b->d = NULL;
    b->e = nf_exporter_load(&b->memory, &b->config, saved, NOW + 2 * SECOND);
    return b->e != NULL;
}

static void
what_was_saved_is_there_again(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    fill(&b);
    assert_filled(&b);
    for (unsigned round = 0; round < 2; round++) {
        struct sr_span saved = save(b.e), left = saved;
        assert_true(load(&b, &left));
        assert_int_equal(left.len, 0);
        assert_int_equal(nf_exporter_generation(b.e), 0);
        assert_memory_equal(nf_exporter_peer(b.e)->address, "\xc0\x00\x02\x01", 4);
        assert_int_equal(nf_exporter_peer(b.e)->port, 0);
        assert_filled(&b);
        free_bytes(saved);
    }
    bench_close(&b);
}

static void
exporters_follow_each_other(void **state)
{
    struct bench b;
    uint8_t both[4096];

    (void)state;
    bench_open(&b);
    fill(&b);
    size_t len = nf_exporter_save(b.e, both, sizeof(both));
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    bench_learn(&b, 999, 77, PORT_A, NOW);
    len += nf_exporter_save(b.e, both + len, sizeof(both) - len);
    struct sr_span saved = { both, len };
    assert_true(load(&b, &saved));
    assert_filled(&b);
    assert_true(load(&b, &saved));
    assert_filled(&b);
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    assert_int_equal(bench_found(&b, 999, PORT_A, NOW), 77);
    assert_false(load(&b, &saved));
    bench_close(&b);
}

static void
a_template_keeps_its_age(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    bench_learn(&b, 256, 8, PORT_A, NOW - 50 * SECOND);
    bench_learn(&b, 257, 9, PORT_A, NOW + 500 * SECOND); /* by a clock that was wrong */
    struct sr_span saved = save(b.e), left = saved;
    b.config.template_ttl_ns = 100 * SECOND;
    assert_true(load(&b, &left));
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 50 * SECOND), 8);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW + 51 * SECOND), 0);
    assert_int_equal(bench_found(&b, 257, PORT_A, NOW + 102 * SECOND), 9);
    assert_int_equal(bench_found(&b, 257, PORT_A, NOW + 103 * SECOND), 0);
    free_bytes(saved);
    bench_close(&b);
}

static void
layouts_that_were_loaded_stay_when_their_ports_send_again(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    fill(&b);
    struct sr_span saved = save(b.e), left = saved;
    assert_true(load(&b, &left));
    b.d = nf_exporter_domain(b.e, &b.config, 10, 7);
    assert_int_equal(bench_learn(&b, 256, 8, PORT_A, NOW), NF_LEARNED_SAME);
    assert_int_equal(bench_learn(&b, 256, 13, 4000, NOW), NF_LEARNED_CONFLICT);
    assert_int_equal(bench_found(&b, 256, PORT_B, NOW), 12);
    free_bytes(saved);
    bench_close(&b);
}

static void
what_does_not_fit_says_how_much_it_needs_and_writes_not_past_its_room(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    fill(&b);
    size_t len = nf_exporter_save(b.e, NULL, 0);
    for (size_t room = 0; room < len; room++) {
        uint8_t *out = malloc(room + 1);
        assert_non_null(out);
        out[room] = 0x5A;
        assert_int_equal(nf_exporter_save(b.e, out, room), len);
        assert_int_equal(out[room], 0x5A);
        free(out);
    }
    bench_close(&b);
}

static void
no_piece_and_no_flipped_bit_is_taken_for_an_exporter(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    fill(&b);
    struct sr_span saved = save(b.e);
    for (size_t len = 0; len < saved.len; len++) {
        uint8_t *piece = malloc(len + 1);
        assert_non_null(piece);
        memcpy(piece, saved.data, len);
        struct sr_span left = { piece, len };
        assert_false(load(&b, &left));
        assert_int_equal(left.len, 0);
        free(piece);
    }
    for (size_t i = 0; i < saved.len * 8; i++) {
        struct sr_span left = saved;
        uint8_t *byte = (uint8_t *)(uintptr_t)saved.data + i / 8;
        *byte = (uint8_t)(*byte ^ (1U << (i % 8)));
        assert_false(load(&b, &left));
        assert_int_equal(left.len, 0);
        assert_int_equal(b.counted.used, 0);
        *byte = (uint8_t)(*byte ^ (1U << (i % 8)));
    }
    free_bytes(saved);
    bench_close(&b);
}

static void
set_crc(struct sr_span saved)
{
    uint8_t *out = (uint8_t *)(uintptr_t)saved.data + saved.len - CRC_LENGTH;
    uint32_t crc = sr_crc32c(0, saved.data, saved.len - CRC_LENGTH);

    for (unsigned i = 0; i < CRC_LENGTH; i++) {
        out[i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

/* Whoever writes the file can make the crc right. */
static void
lies_with_the_right_crc_leak_nothing_and_stay_in_their_limits(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    fill(&b);
    struct sr_span saved = save(b.e);
    uint8_t *bytes = (uint8_t *)(uintptr_t)saved.data;
    uint8_t *kept = malloc(saved.len);
    unsigned loaded = 0;
    assert_non_null(kept);
    memcpy(kept, bytes, saved.len);
    b.config.max_template_fields = 3;
    for (size_t i = FIRST_PART; i < saved.len - CRC_LENGTH; i++) {
        static const uint8_t lies[] = { 0, 1, 2, 3, 9, 10, 0x7F, 0x80, 0xFF };
        for (size_t j = 0; j < sizeof(lies); j++) {
            struct sr_span left = saved;
            bytes[i] = lies[j];
            set_crc(saved);
            loaded += load(&b, &left);
            nf_exporter_free(b.e);
            b.e = NULL;
            assert_int_equal(b.counted.used, 0);
        }
        memcpy(bytes, kept, saved.len);
    }
    assert_true(loaded > 0);
    free(kept);
    free_bytes(saved);
    bench_close(&b);
}

/* The byte `offset` into the first part of that type. */
static uint8_t *
part(struct sr_span saved, uint8_t type, size_t offset)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)saved.data;
    size_t at = FIRST_PART;

    while (at < saved.len - CRC_LENGTH && bytes[at] != type) {
        at += 5 + ((size_t)bytes[at + 3] << 8 | bytes[at + 4]);
    }
    assert_true(at < saved.len - CRC_LENGTH);
    return bytes + at + offset;
}

static void
each_lie_is_found_out(void **state)
{
    enum { DOMAIN = 1, TEMPLATE, SAMPLER, NAME };
    static const struct {
        uint8_t type, offset, value;
    } lies[] = {
        { DOMAIN, 0, NAME },        /* a name in no domain */
        { DOMAIN, 0, 9 },           /* no part at all */
        { DOMAIN, 6, 5 },           /* of NetFlow v5 */
        { DOMAIN, 11, 0xFF },       /* an absurd rate */
        { TEMPLATE, 1, 0xFF },      /* past the end */
        { TEMPLATE, 13, 2 },        /* neither template nor options template */
        { TEMPLATE, 14, 9 },        /* from too many */
        { TEMPLATE, 17, 0 },        /* id 0 or so */
        { TEMPLATE, 20, 1 },        /* fewer fields than there are */
        { TEMPLATE, 20, 0xFF },     /* more fields than there are */
        { SAMPLER, 5, 2 },          /* neither samplerId nor selectorId */
        { SAMPLER, 17, 0 },         /* rate 0 */
        { SAMPLER, 14, 0xFF },      /* an absurd one */
        { NAME, 5, NF_NAME_KINDS }, /* of nothing known */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct bench b;
        bench_open(&b);
        struct nf_template_record two = bench_record(10, 256, FIELDS(F(1, 4), F(2, 4)), 2);
        nf_templates_learn(b.e, b.d, &b.config, &two, PORT_A, NOW);
        bench_tell(&b, 1, FIELDS(F(302, 4), F(34, 4)), 2, "00000001 00000064");
        bench_tell(&b, 1, FIELDS(F(10, 4), F(82, 3)), 2, "00000001 616263");
        struct sr_span saved = save(b.e), left = saved;
        assert_true(load(&b, &left));
        left = saved;
        *part(saved, lies[i].type, lies[i].offset) = lies[i].value;
        set_crc(saved);
        assert_false(load(&b, &left));
        assert_int_equal(left.len, 0);
        free_bytes(saved);
        bench_close(&b);
    }
}

static void
limits_of_today_hold_for_what_was_saved(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    b.config.max_domains = 100;
    for (uint32_t id = 0; id < 50; id++) {
        b.d = nf_exporter_domain(b.e, &b.config, 10, id);
        bench_learn(&b, 256, 8, PORT_A, NOW);
    }
    struct nf_template_record record = bench_record(10, 257, FIELDS(F(1, 4), F(2, 4)), 2);
    nf_templates_learn(b.e, b.d, &b.config, &record, PORT_A, NOW);
    struct sr_span saved = save(b.e), left = saved;
    b.config.max_domains = 3;
    b.config.max_template_fields = 1;
    assert_true(load(&b, &left));
    b.d = nf_exporter_domain(b.e, &b.config, 10, 49);
    assert_int_equal(bench_found(&b, 256, PORT_A, NOW), 8);
    assert_int_equal(bench_found(&b, 257, PORT_A, NOW), 0);
    b.config.max_templates = 0;
    left = saved;
    assert_true(load(&b, &left));
    assert_true(nf_exporter_is_plain(b.e));
    free_bytes(saved);
    bench_close(&b);
}

static void
without_memory_nothing_leaks_and_the_next_one_can_be_read(void **state)
{
    struct bench b;
    bool done = false;

    (void)state;
    bench_open(&b);
    fill(&b);
    struct sr_span saved = save(b.e);
    uint8_t *both = malloc(saved.len * 2);
    assert_non_null(both);
    memcpy(both, saved.data, saved.len);
    memcpy(both + saved.len, saved.data, saved.len);
    for (unsigned nth = 1; !done; nth++) {
        struct sr_span left = { both, saved.len * 2 };
        assert_true(nth < 100);
        b.counted.fail_at = b.counted.calls + nth;
        done = load(&b, &left);
        assert_int_equal(left.len, saved.len);
        b.counted.fail_at = 0;
        if (!done) {
            assert_int_equal(b.counted.used, 0);
            assert_true(load(&b, &left));
        }
        assert_filled(&b);
    }
    free(both);
    free_bytes(saved);
    bench_close(&b);
}

static void
a_thousand_exporters_take_less_than_ten_mebibytes(void **state)
{
    enum { EXPORTERS = 1000, TEMPLATES = 20, TEMPLATE_FIELDS = 20 };
    static struct nf_exporter *exporters[EXPORTERS];
    struct bench b;
    struct nf_field fields[TEMPLATE_FIELDS];

    (void)state;
    bench_open(&b);
    for (unsigned i = 0; i < TEMPLATE_FIELDS; i++) {
        fields[i] = (struct nf_field){ .id = (uint16_t)(i + 1), .length = 4 };
    }
    for (uint32_t i = 0; i < EXPORTERS; i++) {
        struct sr_peer peer = { .address = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };
        exporters[i] = nf_exporter_new(&b.memory, &peer);
        assert_non_null(exporters[i]);
        struct nf_domain *d = nf_exporter_domain(exporters[i], &b.config, 10, i);
        assert_non_null(d);
        for (unsigned id = 256; id < 256 + TEMPLATES; id++) {
            struct nf_template_record r = bench_record(10, (uint16_t)id, fields, TEMPLATE_FIELDS);
            assert_int_equal(
                nf_templates_learn(exporters[i], d, &b.config, &r, PORT_A, NOW), NF_LEARNED_NEW);
        }
    }
    print_message("%zu bytes\n", b.counted.used);
    assert_true(b.counted.used < 10U << 20);
    for (uint32_t i = 0; i < EXPORTERS; i++) {
        nf_exporter_free(exporters[i]);
    }
    bench_close(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_is_there_again),
        cmocka_unit_test(exporters_follow_each_other),
        cmocka_unit_test(a_template_keeps_its_age),
        cmocka_unit_test(layouts_that_were_loaded_stay_when_their_ports_send_again),
        cmocka_unit_test(what_does_not_fit_says_how_much_it_needs_and_writes_not_past_its_room),
        cmocka_unit_test(no_piece_and_no_flipped_bit_is_taken_for_an_exporter),
        cmocka_unit_test(lies_with_the_right_crc_leak_nothing_and_stay_in_their_limits),
        cmocka_unit_test(each_lie_is_found_out),
        cmocka_unit_test(limits_of_today_hold_for_what_was_saved),
        cmocka_unit_test(without_memory_nothing_leaks_and_the_next_one_can_be_read),
        cmocka_unit_test(a_thousand_exporters_take_less_than_ten_mebibytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
