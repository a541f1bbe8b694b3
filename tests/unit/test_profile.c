/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load/profile.h"

static struct sr_conf_problems *problems;

static int
begin(void **state)
{
    (void)state;
    problems = sr_conf_problems_new();
    return problems != NULL ? 0 : -1;
}

static int
end(void **state)
{
    (void)state;
    sr_conf_problems_free(problems);
    return 0;
}

static struct profile *
load_with(const char *name, const char *set)
{
    return profile_load(name, &set, set != NULL, problems);
}

/* Reads a file with this text. */
static struct profile *
load_text(const char *text)
{
    char path[] = "/tmp/test_profile.XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct profile *p = load_with(path, NULL);
    unlink(path);
    return p;
}

/* Whether the only problem ends so. */
static void
expect_problem(const struct profile *p, const char *want)
{
    assert_null(p);
    assert_int_equal(sr_conf_problems_count(problems), 1);
    const char *text = sr_conf_problems_text(problems, 0);
    if (strstr(text, want) == NULL) {
        print_error("want `%s`, got `%s`\n", want, text);
        fail();
    }
}

static void
a_profile_of_nothing_has_one_kind_of_each(void **state)
{
    struct profile *p = load_with(NULL, NULL);

    (void)state;
    assert_non_null(p);
    assert_int_equal(p->syslog.mix.count, 1);
    assert_int_equal(((const struct profile_syslog_kind *)p->syslog.mix.items)->size, 256);
    assert_int_equal(p->trap.mix.count, 1);
    assert_int_equal(p->netflow.mix.count, 1);
    assert_int_equal(p->bursts.of, 0);
    profile_free(p);
}

static void
each_profile_that_is_brought_along_can_be_read_and_printed(void **state)
{
    (void)state;
    for (const struct profile_text *t = profile_texts; t->name != NULL; t++) {
        char *printed = NULL;
        size_t len;
        struct profile *p = load_with(t->name, NULL);
        assert_non_null(p);
        FILE *out = open_memstream(&printed, &len);
        assert_non_null(out);
        profile_print(p, out);
        fclose(out);
        struct profile *again = load_text(printed);
        assert_non_null(again);
        assert_int_equal(again->syslog.mix.count, p->syslog.mix.count);
        assert_int_equal(again->bursts.of, p->bursts.of);
        profile_free(again);
        profile_free(p);
        free(printed);
    }
}

static void
an_unknown_key_is_told_with_its_line_and_the_nearest_name(void **state)
{
    (void)state;
    expect_problem(load_text("syslog:\n  hosts: 3\n  host_prefx: a-\n"), ":3: ");
    expect_problem(NULL, "host_prefix");
}

static void
what_cannot_be_is_told_by_name(void **state)
{
    static const struct {
        const char *set, *problem;
    } rows[] = {
        { "syslog.severities=[info, panic]", "`panic` is no severity" },
        { "syslog.apps=[\"a b\"]", "cannot be an app" },
        { "syslog.host_prefix=", "host_prefix" },
        { "syslog.mix.0.format=rfc5425", "rfc5424" },
        { "syslog.hosts=0", "hosts" },
        { "trap.engine=8000z", "no begin of an engine id" },
        { "trap.auth=SHA-257", "SHA-25" },
        { "trap.auth_password_file=/nowhere/at/all", "/nowhere/at/all" },
        { "trap.user=", "no name of a user" },
        { "netflow.sampling=16384", "sampling" },
        { "bursts.every=0", "every" },
        { "syslog.mix.0.size_max=200", "size_max: is 200, less than `size`, which is 256" },
        { "syslog.mix.0.weight=0", "syslog.mix: weights are 0 in sum" },
        { "trap.mix.0.weight=0", "trap.mix: weights are 0 in sum" },
        { "netflow.mix=[{weight: 1000}, {weight: 25}]", "netflow.mix: weights are 1025 in sum" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sr_conf_problems *list = problems;
        problems = sr_conf_problems_new();
        expect_problem(load_with(NULL, rows[i].set), rows[i].problem);
        sr_conf_problems_free(problems);
        problems = list;
    }
}

static void
a_largest_size_below_the_smallest_is_told_with_its_line(void **state)
{
    (void)state;
    expect_problem(load_text("syslog:\n  mix:\n    - {size: 300, size_max: 300}\n"
                             "    - {size: 900, size_max: 200}\n"),
        ":4: syslog.mix[1].size_max: is 200, less than `size`, which is 900");
}

static void
a_community_that_no_packet_has_room_for_is_told(void **state)
{
    char set[400] = "trap.community=";

    (void)state;
    memset(set + strlen(set), 'x', 256);
    expect_problem(load_with(NULL, set), "trap.community: has 256 bytes");
}

static void
a_name_that_is_no_profile_is_told_with_those_that_there_are(void **state)
{
    (void)state;
    expect_problem(load_with("strom", NULL), "strom: is no file, and no profile that is brought");
    expect_problem(NULL, "vendor-mix, storm, sizes");
    expect_problem(NULL, "did you mean storm?");
}

static void
a_path_that_is_not_there_is_told_as_one(void **state)
{
    (void)state;
    expect_problem(load_with("/nowhere/strom", NULL), "/nowhere/strom: cannot be read: No such");
}

static void
sets_change_a_profile(void **state)
{
    struct profile *p = load_with("vendor-mix", "syslog.mix.1.size_max=512");

    (void)state;
    assert_non_null(p);
    assert_int_equal(((const struct profile_syslog_kind *)p->syslog.mix.items)[1].size_max, 512);
    profile_free(p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_profile_of_nothing_has_one_kind_of_each, begin, end),
        cmocka_unit_test_setup_teardown(
            each_profile_that_is_brought_along_can_be_read_and_printed, begin, end),
        cmocka_unit_test_setup_teardown(
            an_unknown_key_is_told_with_its_line_and_the_nearest_name, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_told_by_name, begin, end),
        cmocka_unit_test_setup_teardown(
            a_largest_size_below_the_smallest_is_told_with_its_line, begin, end),
        cmocka_unit_test_setup_teardown(
            a_community_that_no_packet_has_room_for_is_told, begin, end),
        cmocka_unit_test_setup_teardown(
            a_name_that_is_no_profile_is_told_with_those_that_there_are, begin, end),
        cmocka_unit_test_setup_teardown(a_path_that_is_not_there_is_told_as_one, begin, end),
        cmocka_unit_test_setup_teardown(sets_change_a_profile, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
