/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf_example.h"
#include "sr/conf.h"

/* Items of a list that is empty by default, for which an example has no values to show. */
struct lists {
    struct sr_conf_sections listeners; /* struct example_listener */
    struct sr_conf_sections others;    /* the same */
};

static const struct sr_conf_key list_keys[] = {
    { .name = "listeners",
        .type = SR_CONF_SECTIONS,
        .offset = offsetof(struct lists, listeners),
        .min = 2,
        .keys = example_listener_keys,
        .item_size = sizeof(struct example_listener),
        .help = "Two by default; this sentence is so long that it takes more than one line of "
                "the example, and none of them is taken for a key: not even one like this." },
    { .name = "others",
        .type = SR_CONF_SECTIONS,
        .offset = offsetof(struct lists, others),
        .keys = example_listener_keys,
        .item_size = sizeof(struct example_listener),
        .help = "None by default." },
    { .name = NULL },
};

static const struct sr_conf_schema list_schema = {
    .program = "example",
    .keys = list_keys,
    .size = sizeof(struct lists),
};

/* Loads a text without a problem. Owned. */
static void *
load(const struct sr_conf_schema *schema, const char *text)
{
    const struct sr_conf_source source = { .file = "x.yaml" };
    struct sr_conf_problems *problems = sr_conf_problems_new();

    assert_non_null(problems);
    void *config = sr_conf_load_text(schema, &source, span_of(text), problems);
    for (size_t i = 0; i < sr_conf_problems_count(problems); i++) {
        print_error("%s\n", sr_conf_problems_text(problems, i));
    }
    sr_conf_problems_free(problems);
    assert_non_null(config);
    return config;
}

/* What one of the two writes of a configuration, to be freed. */
static char *
written(void (*write)(const struct sr_conf_schema *, const void *, FILE *),
    const struct sr_conf_schema *schema, const void *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    write(schema, config, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Takes the '#' of each "#key" away, in place, and returns how many there were. */
static size_t
uncomment(char *text)
{
    size_t count = 0;
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '#' && islower((unsigned char)from[1])) {
            count++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return count;
}

static void
assert_means(const struct sr_conf_schema *schema, const char *text, const void *defaults)
{
    void *config = load(schema, text);
    char *want = written(sr_conf_print, schema, defaults);
    char *got = written(sr_conf_print, schema, config);

    assert_string_equal(got, want);
    free(want);
    free(got);
    sr_conf_free(config);
}

static void
an_example_means_the_defaults_with_and_without_its_comments(void **state)
{
    static const struct {
        const struct sr_conf_schema *schema;
        size_t commented;
    } cases[] = { { &example_schema, 10 }, { &list_schema, 11 } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *defaults = load(cases[i].schema, "");
        char *text = written(sr_conf_example, cases[i].schema, defaults);

        assert_means(cases[i].schema, text, defaults);
        assert_int_equal(uncomment(text), cases[i].commented);
        assert_means(cases[i].schema, text, defaults);
        free(text);
        sr_conf_free(defaults);
    }
}

static void
an_example_says_what_each_key_is(void **state)
{
    void *defaults = load(&list_schema, "");
    char *text = written(sr_conf_example, &list_schema, defaults);

    (void)state;
    assert_non_null(strstr(text,
        "# Two by default; this sentence is so long that it takes more than one line of\n"
        "# the example, and none of them is taken for a key: not even one like this.\n"
        "# (list of sections, at least 2 items; restart)\n"
        "listeners:\n  -\n    # Where to listen.\n    # (text; restart)\n"));
    assert_non_null(strstr(text, "\n    # (number, 1 to 64; restart)\n    #workers: 1\n"));
    assert_non_null(strstr(text, "\n#others: []\n# Each item has these keys:\n"
                                 "#   # Where to listen.\n#   # (text; restart)\n"
                                 "#   listen: \"udp://0.0.0.0:514\"\n"));
    free(text);
    sr_conf_free(defaults);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_example_means_the_defaults_with_and_without_its_comments),
        cmocka_unit_test(an_example_says_what_each_key_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
