/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded datagrams of routers, firewalls and probes, with what three other decoders agree on that
 * they hold, field by field, and with what upstream's own collector published of them.
 */
#include "../unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode/config.h"
#include "flow_case.h"
#include "flow_cases.h"
#include "flow_message.h"
#include "flow_reasons.h"
#include "flow_row.h"

#include "../unit/netflow_rig.h"

#include "sr/banned.h"

struct group {
    const char *dir;
    const struct known_case *cases;
    size_t count;
    bool is_outside;
    unsigned released;
};

static const char shipped_folder[] = SR_SOURCE_DIR "/tests/golden/netflow";
static char folder[4096];

/* ---- Groups of cases ---- */

static struct group group;

/* What is licensed so that it cannot be in this tree is read from SR_CORPUS, where that is set. */
static void
choose(void **state)
{
    const char *corpus = getenv("SR_CORPUS");

    if (*state == NULL) {
        group = (struct group){ shipped_folder, shipped_cases, shipped_cases_count, false, 0 };
        return;
    }
    group = (struct group){ folder, outside_cases, outside_cases_count, true, 0 };
    if (corpus == NULL) {
        print_message("skipped %zu cases: SR_CORPUS is not set\n", group.count);
        skip();
    }
    (void)snprintf(folder, sizeof(folder), "%s/netflow", corpus);
}

/* ---- Raw records ---- */

static bool
is_kind(const json_t *line, const char *kind)
{
    return strcmp(json_string_value(json_object_get(line, "kind")), kind) == 0;
}

static json_int_t
integer_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* Others had no template for the set of this record: the notes of its datagram say so. */
static bool
others_had_no_template(const struct flow_case *c, const json_t *line)
{
    const json_t *datagrams = json_object_get(c->expected, "per_datagram");
    const json_t *datagram = json_array_get(datagrams, (size_t)integer_of(line, "dg"));
    char note[64];
    size_t i;
    const json_t *item;

    int len = snprintf(note, sizeof(note), "no template %d ", (int)integer_of(line, "tid"));
    json_array_foreach(json_object_get(datagram, "notes"), i, item)
    {
        if (strncmp(json_string_value(item), note, (size_t)len) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *
line_as_json(const struct flow_line *line)
{
    json_t *object = json_loadb((const char *)line->bytes, line->len, JSON_REJECT_DUPLICATES, NULL);

    if (object == NULL) {
        fail_msg("no JSON: %.*s", (int)line->len, (const char *)line->bytes);
    }
    return object;
}

static void
fail_at(const struct flow_case *c, const json_t *want, const struct flow_line *line)
{
    char *text = json_dumps(want, JSON_COMPACT);

    fail_msg("%s\nwant %s\ngot  %.*s", c->name, text != NULL ? text : "nothing", (int)line->len,
        (const char *)line->bytes);
}

static void
check_raw(const struct known_case *known, const struct flow_case *c)
{
    const json_t *records = json_object_get(c->expected, "records");
    struct flow_outcome o;
    size_t at = 0;
    unsigned data = 0, options = 0, released = 0;

    flow_case_run(c, NF_FORMAT_RAW, NF_NATIVE, &o);
    for (size_t i = 0; i < o.count; i++) {
        const json_t *want = json_array_get(records, at);
        json_t *line = line_as_json(&o.lines[i]);
        if (want != NULL && json_equal(line, (json_t *)(uintptr_t)want)) {
            at++;
            data += is_kind(line, "data");
            options += is_kind(line, "options");
        } else if (is_kind(line, "data") && others_had_no_template(c, line)) {
            released++;
        } else {
            fail_at(c, want, &o.lines[i]);
        }
        json_decref(line);
    }
    if (at != json_array_size(records)) {
        fail_msg("%s: %zu records of %zu", c->name, at, json_array_size(records));
    }
    assert_int_equal(data, known->data);
    assert_int_equal(options, known->options);
    if (released != known->released) {
        fail_msg("%s: released %u", c->name, released);
    }
    assert_true(o.sums);
    assert_int_equal(o.ledger.records, data + released);
    assert_int_equal(o.ledger.published, data + released);
    group.released += released;
    flow_outcome_free(&o);
}

static void
every_record_has_the_fields_that_other_decoders_read(void **state)
{
    unsigned data = 0, options = 0;

    choose(state);
    for (size_t i = 0; i < group.count; i++) {
        struct flow_case c;
        if (group.cases[i].class == 'D') {
            continue;
        }
        flow_case_load(&c, group.dir, group.cases[i].name);
        check_raw(&group.cases[i], &c);
        flow_case_free(&c);
        data += group.cases[i].data;
        options += group.cases[i].options;
    }
    print_message("%u data and %u options records as others read them; %u more had come before "
                  "their template\n",
        data, options, group.released);
}

/* ---- What upstream publishes ---- */

/* A case as raw records, in upstream's flavour and in ours: the n-th of each is the same record. */
struct runs {
    struct flow_outcome raw, upstream, native;
    size_t *lines; /* the lines of `raw` that are data */
    json_int_t *datagrams;
    size_t count;
};

static void
run_all(const struct flow_case *c, struct runs *r)
{
    memset(r, 0, sizeof(*r));
    flow_case_run(c, NF_FORMAT_RAW, NF_NATIVE, &r->raw);
    flow_case_run(c, NF_FORMAT_PROTOBUF, NF_UPSTREAM, &r->upstream);
    flow_case_run(c, NF_FORMAT_PROTOBUF, NF_NATIVE, &r->native);
    r->lines = calloc(r->raw.count + 1, sizeof(*r->lines));
    r->datagrams = calloc(r->raw.count + 1, sizeof(*r->datagrams));
    if (r->lines == NULL || r->datagrams == NULL) {
        fail_msg("out of memory");
        return;
    }
    for (size_t i = 0; i < r->raw.count; i++) {
        json_t *line = line_as_json(&r->raw.lines[i]);
        if (is_kind(line, "data")) {
            r->lines[r->count] = i;
            r->datagrams[r->count++] = integer_of(line, "dg");
        }
        json_decref(line);
    }
    assert_int_equal(r->upstream.count, r->count);
    assert_int_equal(r->native.count, r->count);
}

static void
free_all(struct runs *r)
{
    flow_outcome_free(&r->raw);
    flow_outcome_free(&r->upstream);
    flow_outcome_free(&r->native);
    free(r->lines);
    free(r->datagrams);
}

static void
read_line(const struct flow_case *c, const struct flow_line *line, struct flow_message *ret)
{
    if (!flow_message_read((struct sr_span){ line->bytes, line->len }, ret)) {
        fail_msg("%s: not as proto3 is written", c->name);
    }
}

/*
 * Finds the record of a row from `*at` on and moves past it. Rows are in order, but upstream leaves
 * records out.
 */
static size_t
find_row(const struct flow_case *c, const struct runs *r, const json_t *row, size_t *at)
{
    struct flow_message want, got;
    unsigned near = 0;
    char ours[256], theirs[256];

    flow_message_from_row(row, &want);
    memset(&got, 0, sizeof(got));
    for (size_t i = *at; i < r->count; i++) {
        if (r->datagrams[i] != integer_of(row, "dg")) {
            continue;
        }
        read_line(c, &r->upstream.lines[i], &got);
        unsigned differs = flow_message_differs(&want, &got);
        if (differs == 0 && want.length == got.length) {
            *at = i + 1;
            return i;
        }
        if (near == 0) {
            near = differs;
            (void)flow_field_text(&got, differs, ours, sizeof(ours));
        }
    }
    char *text = json_dumps(row, JSON_COMPACT);
    fail_msg("%s: upstream has %s\nfield %s: we have %s, upstream %s; lengths %zu and %zu", c->name,
        text, near != 0 ? flow_tag_name(near) : "none", near != 0 ? ours : "",
        flow_field_text(&want, near, theirs, sizeof(theirs)), got.length, want.length);
    return 0;
}

/* Calls `check` for each record that upstream publishes, and returns how many these are. */
static unsigned
for_each_row(const struct flow_case *c, const struct runs *r,
    void (*check)(
        const struct flow_case *c, const struct runs *r, size_t record, const json_t *row))
{
    size_t i, at = 0;
    json_t *row;
    unsigned kept = 0;

    json_array_foreach(c->rows, i, row)
    {
        if (json_is_true(json_object_get(row, "kept"))) {
            size_t record = find_row(c, r, row, &at);
            kept++;
            if (check != NULL) {
                check(c, r, record, row);
            }
        }
    }
    return kept;
}

static unsigned
check_rows(void (*check)(
    const struct flow_case *c, const struct runs *r, size_t record, const json_t *row))
{
    unsigned kept = 0;

    for (size_t i = 0; i < group.count; i++) {
        const struct known_case *known = &group.cases[i];
        struct flow_case c;
        struct runs r;
        if (known->class == 'D') {
            continue;
        }
        flow_case_load(&c, group.dir, known->name);
        run_all(&c, &r);
        assert_int_equal(r.count, known->data + known->released);
        unsigned found = for_each_row(&c, &r, check);
        assert_int_equal(found, known->kept);
        kept += found;
        free_all(&r);
        flow_case_free(&c);
    }
    return kept;
}

static void
upstreams_flavour_gives_upstreams_fields_and_length(void **state)
{
    choose(state);
    unsigned kept = check_rows(NULL);
    print_message("%u messages with upstream's fields and length\n", kept);
}

/* ---- What differs ---- */

static unsigned differences[FLOW_REASONS_MAX];

static void
count_differences(const struct flow_case *c, const struct runs *r, size_t record, const json_t *row)
{
    struct flow_difference d = { .raw = line_as_json(&r->raw.lines[r->lines[record]]) };
    struct flow_message upstream, native;
    char ours[256], theirs[256];

    flow_message_from_row(row, &upstream);
    read_line(c, &r->native.lines[record], &native);
    d.upstream = &upstream;
    d.native = &native;
    for (d.tag = 1; d.tag < FLOW_TAGS; d.tag++) {
        if (d.tag == FLOW_TIME_RECEIVED || flow_field_equal(&upstream, &native, d.tag)) {
            continue;
        }
        int reason = flow_reason_find(&d);
        if (reason < 0) {
            fail_msg("%s, datagram %d: %s is %s, upstream says %s, for no reason\n%.*s", c->name,
                (int)integer_of(row, "dg"), flow_tag_name(d.tag),
                flow_field_text(&native, d.tag, ours, sizeof(ours)),
                flow_field_text(&upstream, d.tag, theirs, sizeof(theirs)),
                (int)r->raw.lines[r->lines[record]].len,
                (const char *)r->raw.lines[r->lines[record]].bytes);
        }
        differences[reason]++;
    }
    json_decref(d.raw);
}

static void
native_differs_from_upstream_for_listed_reasons_only(void **state)
{
    unsigned wrong = 0;

    choose(state);
    memset(differences, 0, sizeof(differences));
    unsigned kept = check_rows(count_differences);
    print_message("%u messages, fields that differ from upstream's:\n", kept);
    for (unsigned i = 0; i < flow_reason_count; i++) {
        print_message("%6u  %s\n", differences[i], flow_reasons[i].text);
        wrong += differences[i] != flow_reasons[i].counts[group.is_outside];
    }
    assert_int_equal(wrong, 0);
}

/* ---- Sampling ---- */

static const struct {
    const char *name;
    uint64_t rate;
    bool is_outside;
} sampled[] = {
    { "v5-juniper-mx80-sampled", 1000, false },   /* in the header */
    { "ipfix-softflowd", 1, false },              /* options: 305 and 306 */
    { "v9-akvorado-asr9k-sampler", 30000, true }, /* options: sampler 1 */
    { "v9-akvorado-samplingrate", 2048, true },   /* in the records */
    { "ipfix-akvorado-physif", 1000, true },      /* options: selector */
};

static void
flows_have_the_sampling_rate_that_their_exporter_tells(void **state)
{
    static struct flow_message message;

    choose(state);
    for (size_t i = 0; i < sizeof(sampled) / sizeof(sampled[0]); i++) {
        struct flow_case c;
        struct flow_outcome o;
        if (sampled[i].is_outside != group.is_outside) {
            continue;
        }
        flow_case_load(&c, group.dir, sampled[i].name);
        flow_case_run(&c, NF_FORMAT_PROTOBUF, NF_NATIVE, &o);
        assert_true(o.count > 0);
        for (size_t n = 0; n < o.count; n++) {
            read_line(&c, &o.lines[n], &message);
            assert_int_equal(message.fields[FLOW_SAMPLING_RATE].number, sampled[i].rate);
        }
        flow_outcome_free(&o);
        flow_case_free(&c);
    }
}

/* ---- Cases on which decoders disagree ---- */

static void
disputed_cases_are_survived_and_accounted_for(void **state)
{
    unsigned datagrams = 0;

    choose(state);
    for (size_t i = 0; i < group.count; i++) {
        struct flow_case c;
        if (group.cases[i].class != 'D') {
            continue;
        }
        flow_case_load(&c, group.dir, group.cases[i].name);
        for (unsigned format = NF_FORMAT_PROTOBUF; format <= NF_FORMAT_RAW; format++) {
            struct flow_outcome o;
            flow_case_run(&c, (enum nf_format)format, NF_NATIVE, &o);
            assert_true(o.sums);
            flow_outcome_free(&o);
        }
        datagrams += (unsigned)c.datagram_count;
        flow_case_free(&c);
    }
    print_message("%u datagrams\n", datagrams);
}

/* ---- Cut datagrams ---- */

/* AddressSanitizer sees what is read past an end. Without it fewer do, for crashes and sums. */
#if defined(__SANITIZE_ADDRESS__)
#define PREFIX_STEP 1U
#else
#define PREFIX_STEP 5U
#endif

static void
no_prefix_of_a_datagram_is_read_past_its_end(void **state)
{
    struct netflow_rig rig;
    unsigned prefixes = 0;

    (void)state;
    for (unsigned i = 0; i < shipped_cases_count; i++) {
        struct flow_case c;
        flow_case_load(&c, shipped_folder, shipped_cases[i].name);
        netflow_rig_begin(&rig, (enum nf_format)(i % 3), NF_NATIVE);
        rig.config.options_too = i % 3 != NF_FORMAT_PROTOBUF;
        for (size_t d = 0; d < c.datagram_count; d++) {
            const struct flow_datagram *whole = &c.datagrams[d];
            for (size_t len = whole->len % PREFIX_STEP; len <= whole->len; len += PREFIX_STEP) {
                (void)netflow_rig_feed(&rig, &whole->peer, (struct sr_span){ whole->bytes, len });
                prefixes++;
            }
        }
        assert_true(netflow_rig_ledger_sums(&rig));
        netflow_rig_end(&rig);
        flow_case_free(&c);
    }
    print_message("%u prefixes\n", prefixes);
}

#define BOTH(test)                                                                                 \
    { #test " (shipped)", test, NULL, NULL, NULL },                                                \
    {                                                                                              \
#test " (outside)", test, NULL, NULL, folder                                               \
    }

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(every_record_has_the_fields_that_other_decoders_read),
        BOTH(upstreams_flavour_gives_upstreams_fields_and_length),
        BOTH(native_differs_from_upstream_for_listed_reasons_only),
        BOTH(flows_have_the_sampling_rate_that_their_exporter_tells),
        { "disputed_cases_are_survived_and_accounted_for",
            disputed_cases_are_survived_and_accounted_for, NULL, NULL, NULL },
        cmocka_unit_test(no_prefix_of_a_datagram_is_read_past_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
