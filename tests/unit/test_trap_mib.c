/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "decode/mib.h"
#include "decode/mib_format.h"
#include "mib/builder.h"
#include "mib/severity.h"
#include "mib/standard_text.h"

#include "sr/banned.h"

struct made {
    uint8_t *bytes;
    size_t len;
    struct mib_table table;
};

static void
add(struct mib_builder *b, const uint32_t *arcs, unsigned count, const char *name)
{
    struct mib_entry entry = {
        .arcs = arcs, .arc_count = count, .module = "A-MIB", .name = name, .kind = MIB_OBJECT
    };

    assert_true(mib_builder_add(b, &entry));
}

static struct made
finish(struct mib_builder *b)
{
    struct made made;

    assert_true(mib_builder_finish(b, &made.bytes, &made.len));
    mib_builder_free(b);
    assert_true(mib_table_open((struct sr_span){ made.bytes, made.len }, &made.table));
    return made;
}

/* A small table with something of everything. */
static struct made
make_table(void)
{
    static const struct mib_named_number labels[] = { { 2, "down" }, { 1, "up" }, { -7, "odd" },
        { 1, "late" }, { INT32_MAX, "most" }, { INT32_MIN, "least" } };
    struct mib_builder *b = mib_builder_new();
    struct mib_entry entry = {
        .arcs = (const uint32_t[]){ 1, 3, 6, 9 },
        .arc_count = 4,
        .module = "A-MIB",
        .name = "aState",
        .hint = "d-2",
        .kind = MIB_OBJECT,
        .syntax = MIB_SYNTAX_INTEGER,
        .labels = labels,
        .label_count = 6,
    };

    assert_non_null(b);
    assert_true(mib_builder_add(b, &entry));
    add(b, (const uint32_t[]){ 1, 3 }, 2, "org");
    add(b, (const uint32_t[]){ 1, 3, 6, 4000000000 }, 4, "far");
    add(b, (const uint32_t[]){ 1, 3, 6, 10 }, 4, "aName");
    add(b, (const uint32_t[]){ 1, 3, 6, 1, 4, 1 }, 6, "enterprises");
    add(b, (const uint32_t[]){ 1, 3, 6, 1, 4, 1, 77, 3 }, 8, "three");
    add(b, (const uint32_t[]){ 1, 3, 6, 1, 4, 1, 77, 4 }, 8, "four");
    add(b, (const uint32_t[]){ 1, 3, 6, 1, 4, 1, 77, 6 }, 8, "six");
    entry = (struct mib_entry){ .arcs = (const uint32_t[]){ 1, 3, 6, 11 },
        .arc_count = 4,
        .module = "B-MIB",
        .name = "aTrap",
        .kind = MIB_NOTIFICATION,
        .severity = MIB_SEVERITY_MAJOR };
    assert_true(mib_builder_add(b, &entry));
    return finish(b);
}

static void
assert_span(struct sr_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

static struct mib_node
find(const struct mib_table *table, const uint32_t *arcs, unsigned count)
{
    struct mib_node node;

    assert_true(mib_find(table, arcs, count, &node));
    return node;
}
#define FIND(table, ...)                                                                           \
    find(table, (const uint32_t[]){ __VA_ARGS__ },                                                 \
        sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void
the_deepest_name_above_an_identifier_is_found(void **state)
{
    struct made made = make_table();
    struct mib_node node = FIND(&made.table, 1, 3, 6, 9, 77, 1);
    uint32_t other = 2;

    (void)state;
    assert_span(node.module, "A-MIB");
    assert_span(node.name, "aState");
    assert_span(node.hint, "d-2");
    assert_int_equal(node.kind, MIB_OBJECT);
    assert_int_equal(node.syntax, MIB_SYNTAX_INTEGER);
    assert_int_equal(node.depth, 4);
    node = FIND(&made.table, 1, 3, 6, 4000000000);
    assert_span(node.name, "far");
    assert_int_equal(node.labels, 0);
    node = FIND(&made.table, 1, 3, 6, 11);
    assert_int_equal(node.kind, MIB_NOTIFICATION);
    assert_int_equal(node.severity, MIB_SEVERITY_MAJOR);
    /* 1.3.6 has no name of its own. */
    node = FIND(&made.table, 1, 3, 6);
    assert_span(node.name, "org");
    assert_int_equal(node.depth, 2);
    assert_false(mib_find(&made.table, &other, 1, &node));
    assert_false(mib_find(&made.table, &other, 0, &node));
    free(made.bytes);
}

static void
leaves_with_a_gap_are_found_and_the_gap_is_not(void **state)
{
    static const char *const names[] = { "enterprises", "enterprises", "enterprises", "three",
        "four", "enterprises", "six", "enterprises" };
    struct made made = make_table();

    (void)state;
    for (uint32_t arc = 0; arc < sizeof(names) / sizeof(names[0]); arc++) {
        struct mib_node node = FIND(&made.table, 1, 3, 6, 1, 4, 1, 77, arc, 5);
        assert_span(node.name, names[arc]);
        assert_int_equal(node.depth, strcmp(names[arc], "enterprises") == 0 ? 6 : 8);
    }
    struct mib_node node = FIND(&made.table, 1, 3, 6, 1, 4, 1);
    assert_span(node.name, "enterprises");
    node = FIND(&made.table, 1, 3, 6, 1, 4);
    assert_span(node.name, "org");
    node = FIND(&made.table, 1, 3, 6, 1, 4, 1, UINT32_MAX);
    assert_span(node.name, "enterprises");
    free(made.bytes);
}

static uint32_t
random_below(uint32_t *seed, uint32_t count)
{
    *seed = *seed * 1664525U + 1013904223U;
    return (*seed >> 8) % count;
}

/* The same as a search of a list, whatever the tree looks like. */
static void
lookups_agree_with_a_search_of_all_names(void **state)
{
    enum { ENTRIES = 2000, DEPTH = 9, LOOKUPS = 60000 };
    static uint32_t arcs[ENTRIES][DEPTH];
    static unsigned counts[ENTRIES];
    static const uint32_t beginnings[][6] = { { 1, 3, 6, 1, 4, 1 }, { 1, 3, 6, 1, 2, 1 },
        { 1, 3, 6, 1, 6, 3 }, { 1, 2, 840, 1, 1, 1 } };
    uint32_t seed = 1;
    unsigned found = 0;
    struct mib_builder *b = mib_builder_new();

    (void)state;
    assert_non_null(b);
    for (size_t i = 0; i < ENTRIES; i++) {
        char name[80] = "";
        memset(name, '0', random_below(&seed, 60));
        (void)snprintf(name + strlen(name), 12, "%u", (unsigned)i);
        memcpy(arcs[i], beginnings[random_below(&seed, 4)], sizeof(beginnings[0]));
        arcs[i][6] = random_below(&seed, random_below(&seed, 2) == 0 ? 8 : 4000000);
        arcs[i][7] = random_below(&seed, random_below(&seed, 3) == 0 ? 100 : 6);
        arcs[i][8] = random_below(&seed, 7);
        counts[i] = 1 + random_below(&seed, DEPTH);
        add(b, arcs[i], counts[i], name);
    }
    struct made made = finish(b);
    for (size_t i = 0; i < LOOKUPS; i++) {
        uint32_t asked[DEPTH];
        unsigned best = 0, count = 1 + random_below(&seed, DEPTH);
        size_t first = 0;
        memcpy(asked, arcs[random_below(&seed, ENTRIES)], sizeof(asked));
        asked[random_below(&seed, DEPTH)] += random_below(&seed, 3) == 0;
        for (size_t k = 0; k < ENTRIES; k++) {
            if (counts[k] <= count && counts[k] > best &&
                memcmp(arcs[k], asked, counts[k] * sizeof(asked[0])) == 0) {
                best = counts[k];
                first = k;
            }
        }
        struct mib_node node = { .depth = 0 };
        assert_int_equal(mib_find(&made.table, asked, count, &node), best > 0);
        assert_int_equal(node.depth, best);
        if (best > 0) {
            char name[80];
            assert_in_range(node.name.len, 1, sizeof(name) - 1);
            memcpy(name, node.name.data, node.name.len);
            name[node.name.len] = '\0';
            assert_int_equal(strtoul(name, NULL, 10), first);
            found++;
        }
    }
    assert_in_range(found, LOOKUPS / 2, LOOKUPS);
    free(made.bytes);
}

static void
a_number_has_the_label_that_was_given_first(void **state)
{
    static const struct {
        int64_t number;
        const char *label;
    } cases[] = { { 1, "up" }, { 2, "down" }, { -7, "odd" }, { INT32_MAX, "most" },
        { INT32_MIN, "least" }, { 0, "" }, { 3, "" }, { INT64_MAX, "" }, { INT64_MIN, "" },
        { (int64_t)1 << 32 | 1, "" } };
    struct made made = make_table();
    struct mib_node node = FIND(&made.table, 1, 3, 6, 9);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_span(mib_label(&made.table, node.labels, cases[i].number), cases[i].label);
    }
    assert_span(mib_label(&made.table, 0, 1), "");
    free(made.bytes);
}

static void
every_one_of_many_children_is_found(void **state)
{
    struct mib_builder *b = mib_builder_new();
    char name[16];

    (void)state;
    assert_non_null(b);
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t arcs[] = { 1, (i * 7919) % 3000 * (i % 2 + 1) };
        (void)snprintf(name, sizeof(name), "n%u", (unsigned)arcs[1]);
        add(b, arcs, 2, name);
    }
    struct made made = finish(b);
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t arc = (i * 7919) % 3000 * (i % 2 + 1);
        (void)snprintf(name, sizeof(name), "n%u", (unsigned)arc);
        struct mib_node node = FIND(&made.table, 1, arc);
        assert_span(node.name, name);
    }
    free(made.bytes);
}

static void
what_tells_most_of_an_identifier_wins(void **state)
{
    struct mib_builder *b = mib_builder_new();
    struct mib_entry entry = {
        .arcs = (const uint32_t[]){ 1, 2 }, .arc_count = 2, .module = "A-MIB"
    };

    (void)state;
    assert_non_null(b);
    assert_false(mib_builder_add(b, &entry)); /* without a name */
    entry.name = "node";
    assert_true(mib_builder_add(b, &entry));
    entry.name = "first";
    entry.kind = MIB_OBJECT;
    assert_true(mib_builder_add(b, &entry));
    entry.name = "second";
    assert_true(mib_builder_add(b, &entry));
    entry.arc_count = MIB_ARCS_MAX + 1;
    assert_false(mib_builder_add(b, &entry));
    struct made made = finish(b);
    struct mib_node node = FIND(&made.table, 1, 2);
    assert_span(node.name, "first");
    free(made.bytes);
}

static unsigned
touch(struct sr_span span)
{
    unsigned sum = 0;

    for (size_t i = 0; i < span.len; i++) {
        sum += span.data[i];
    }
    return sum;
}

/* Asks everything of a table that may be damaged; the sanitizers watch the reads. */
static unsigned
ask(const struct mib_table *table)
{
    unsigned sum = 0;

    static const uint32_t paths[][8] = { { 1, 3, 6, 9, 1 }, { 1, 3, 6, 10, 0 }, { 1, 3, 6, 11, 0 },
        { 1, 3, 6, 4000000000, 0 }, { 1, 3, 6, 1, 4, 1, 77, 3 }, { 1, 3, 6, 1, 4, 1, 77, 6 } };
    struct mib_node node;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (mib_find(table, paths[i], 8, &node)) {
            assert_true(node.depth >= 1 && node.depth <= 8);
            sum += touch(node.module) + touch(node.name) + touch(node.hint);
            sum += touch(mib_label(table, node.labels, 2));
        }
    }
    for (uint32_t labels = 0; labels < 80; labels++) {
        sum += touch(mib_label(table, labels, 1));
    }
    return sum;
}

static void
ask_opened(const uint8_t *bytes, size_t len)
{
    struct mib_table table;

    if (mib_table_open((struct sr_span){ bytes, len }, &table)) {
        (void)ask(&table);
    }
}

static void
no_prefix_of_a_table_is_one(void **state)
{
    struct made made = make_table();
    struct mib_table table;

    (void)state;
    for (size_t len = 0; len < made.len; len++) {
        uint8_t *exact = malloc(len + (len == 0));
        assert_non_null(exact);
        memcpy(exact, made.bytes, len);
        assert_false(mib_table_open((struct sr_span){ exact, len }, &table));
        free(exact);
    }
    free(made.bytes);
}

/* Damages each byte of the table, and the three behind it, and asks. */
static void
damage(const struct made *made)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
    uint8_t *exact = malloc(made->len);

    assert_non_null(exact);
    for (size_t at = 0; at < made->len; at++) {
        for (size_t i = 0; i < sizeof(values); i++) {
            memcpy(exact, made->bytes, made->len);
            exact[at] = values[i];
            ask_opened(exact, made->len);
            memset(exact + at, values[i], made->len - at < 4 ? made->len - at : 4);
            ask_opened(exact, made->len);
        }
        for (unsigned more = 1; more <= 4; more++) {
            memcpy(exact, made->bytes, made->len);
            exact[at] = (uint8_t)(exact[at] + more);
            ask_opened(exact, made->len);
        }
    }
    free(exact);
}

static void
no_damage_makes_a_table_read_past_its_end(void **state)
{
    struct made made = make_table();
    uint8_t *infos = made.bytes + MIB_HEAD_INFO_BYTES;
    uint8_t *labels = made.bytes + MIB_HEAD_LABEL_BYTES;
    uint8_t *strings = made.bytes + MIB_HEAD_STRING_BYTES;

    (void)state;
    damage(&made);
    /* Now the labels are what ends the table, then the infos, and then the nodes. */
    made.len -= (size_t)(strings[0] | strings[1] << 8);
    memset(strings, 0, 4);
    damage(&made);
    made.len -= (size_t)(labels[0] | labels[1] << 8);
    memset(labels, 0, 4);
    damage(&made);
    made.len -= (size_t)(infos[0] | infos[1] << 8);
    memset(infos, 0, 4);
    damage(&made);
    free(made.bytes);
}

static void
another_version_is_no_table(void **state)
{
    struct made made = make_table();
    struct mib_table table;

    (void)state;
    made.bytes[MIB_MAGIC_SIZE - 1]++;
    assert_false(mib_table_open((struct sr_span){ made.bytes, made.len }, &table));
    free(made.bytes);
}

static void
the_standard_names_are_part_of_the_program(void **state)
{
    const struct mib_table *standard = mib_standard();
    struct mib_node node = FIND(standard, 1, 3, 6, 1, 2, 1, 2, 2, 1, 8, 17);

    (void)state;
    assert_span(node.module, "IF-MIB");
    assert_span(node.name, "ifOperStatus");
    assert_int_equal(node.depth, 10);
    assert_span(mib_label(standard, node.labels, 7), "lowerLayerDown");
    node = FIND(standard, 1, 3, 6, 1, 6, 3, 1, 1, 5, 3);
    assert_span(node.name, "linkDown");
    assert_int_equal(node.kind, MIB_NOTIFICATION);
    node = FIND(standard, 1, 3, 6, 1, 2, 1, 1, 3, 0);
    assert_span(node.name, "sysUpTime");
    assert_int_equal(node.syntax, MIB_SYNTAX_TIME_TICKS);
    node = FIND(standard, 1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 1);
    assert_span(node.hint, "1x:");
    node = FIND(standard, 1, 3, 6, 1, 2, 1, 2, 2, 1, 3, 1);
    assert_span(mib_label(standard, node.labels, 161), "ieee8023adLag");
    node = FIND(standard, 1, 0, 8802, 1, 1, 2, 0, 0, 1);
    assert_span(node.name, "lldpRemTablesChange");
    node = FIND(standard, 1, 3, 6, 1, 2, 1, 14, 16, 2, 2);
    assert_span(node.name, "ospfNbrStateChange");
    node = FIND(standard, 1, 3, 6, 1, 4, 1, 8072, 4, 0, 2);
    assert_span(node.name, "nsNotifyShutdown");
    node = FIND(standard, 1, 3, 6, 1, 4, 1, 99999, 1);
    assert_span(node.name, "enterprises");
}

/* Reads a text as mib/standard.txt is one, and returns what was wrong with it. */
static const char *
read_text(const char *text)
{
    static char message[STANDARD_MESSAGE_MAX];
    struct mib_builder *b = mib_builder_new();
    char *copy = strdup(text);

    assert_non_null(b);
    assert_non_null(copy);
    message[0] = '\0';
    bool ok = standard_text_read(b, copy, message);
    assert_int_equal(ok, message[0] == '\0');
    free(copy);
    mib_builder_free(b);
    return message;
}

static void
a_wrong_line_of_the_standard_text_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        { "module A\nnode iso 1\n", "" },
        { "node iso 1\n", "1: no name and number in a module: node" },
        { "module A\n# x\nnode a b.1\n", "3: no number under a name above: b.1" },
        { "module A\nnode a 1.x\n", "2: wrong number: 1.x" },
        { "module A\nnode a 1.\n", "2: wrong number: 1." },
        { "module A\nnode a 4294967296\n", "2: wrong number: 4294967296" },
        { "module A\nnode a 1\nnode a 2\n", "3: twice: a" },
        { "module A\nobject a 1\n", "2: no syntax and no type above: " },
        { "module A\nobject a 1 Text\n", "2: no syntax and no type above: Text" },
        { "module A\nobject a 1 integer\n    up\n", "2: no LABEL=NUMBER: up" },
        { "module A\nobject a 1 integer up=\n", "2: no LABEL=NUMBER: up=" },
        { "module A\nnode a 1\nnotification b a.2 a\n", "3: no object above has this name: a" },
        { "module A\nthing a 1\n", "2: unknown word: thing" },
        { "type A\n", "1: no type: type" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(read_text(cases[i].text), cases[i].message);
    }
}

static void
a_severity_is_what_the_comment_in_a_definition_says(void **state)
{
    static const struct {
        const char *text;
        enum mib_severity severity;
    } cases[] = {
        { "up TRAP-TYPE --#SEVERITY MAJOR\n ::= 1", MIB_SEVERITY_MAJOR },
        { "\nup\n NOTIFICATION-TYPE\n--#SEVERITY INFORMATIONAL\n::= {", MIB_SEVERITY_INFO },
        { "up TRAP-TYPE ::= 1 --#SEVERITY MAJOR\n", MIB_SEVERITY_NONE },
        { "up OBJECT-TYPE --#SEVERITY MAJOR\n ::= 1", MIB_SEVERITY_NONE },
        { "startup TRAP-TYPE --#SEVERITY MAJOR\n ::= 1", MIB_SEVERITY_NONE },
        { "up, up TRAP-TYPE --#SEVERITY MINOR\n ::= 1", MIB_SEVERITY_MINOR },
        { "up TRAP-TYPE --#SEVERITY MAJORITY\n ::= 1", MIB_SEVERITY_NONE },
        { "up TRAP-TYPE --#SEVERITY MAJOR\n", MIB_SEVERITY_NONE },
        { "up TRAP-TYPE", MIB_SEVERITY_NONE },
        { "up", MIB_SEVERITY_NONE },
        { "", MIB_SEVERITY_NONE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mib_severity_find(cases[i].text, "up"), cases[i].severity);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_deepest_name_above_an_identifier_is_found),
        cmocka_unit_test(leaves_with_a_gap_are_found_and_the_gap_is_not),
        cmocka_unit_test(lookups_agree_with_a_search_of_all_names),
        cmocka_unit_test(a_number_has_the_label_that_was_given_first),
        cmocka_unit_test(every_one_of_many_children_is_found),
        cmocka_unit_test(what_tells_most_of_an_identifier_wins),
        cmocka_unit_test(no_prefix_of_a_table_is_one),
        cmocka_unit_test(no_damage_makes_a_table_read_past_its_end),
        cmocka_unit_test(another_version_is_no_table),
        cmocka_unit_test(the_standard_names_are_part_of_the_program),
        cmocka_unit_test(a_severity_is_what_the_comment_in_a_definition_says),
        cmocka_unit_test(a_wrong_line_of_the_standard_text_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
