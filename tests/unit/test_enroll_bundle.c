/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdbool.h>

#include "bundle_desk.h"
#include "enroll/bundle.h"
#include "enroll/bundle_check.h"
#include "tar_build.h"

/* Memory that must hold nothing when it is freed, and whether it came so far. */
static const uint8_t *watched;
static size_t watched_len;
static bool freed_clean;

void __real_free(void *memory);
void __wrap_free(void *memory);

void
__wrap_free(void *memory)
{
    if (memory != NULL && memory == watched) {
        freed_clean = true;
        for (size_t i = 0; i < watched_len; i++) {
            freed_clean = freed_clean && watched[i] == 0;
        }
    }
    __real_free(memory);
}

static void
the_built_layout_gives_every_part(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_tar.len = 0;
    tar_build_entry(&bundle_desk_tar, '5', BUNDLE_DESK_TOP, (struct sr_span){ NULL, 0 });
    tar_build_entry(&bundle_desk_tar, '5', BUNDLE_DESK_TOP "certs", (struct sr_span){ NULL, 0 });
    for (size_t i = 0; i < 5; i++) {
        tar_build_file(&bundle_desk_tar, bundle_desk_built[i], bundle_desk_contents[i]);
    }
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "update.sh", "#!/bin/sh\nrm -rf /\n");
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "README.md", "");
    assert_int_equal(bundle_desk_read(NULL, &bundle, detail), BUNDLE_OK);
    bundle_desk_parts(&bundle);
    assert_string_equal(bundle.config_name, "trapd.json");
    assert_int_equal(bundle.collector, BUNDLE_TRAPD);
    assert_false(bundle.creds_repaired);
    assert_string_equal(detail, "");
    bundle_done(&bundle);
    assert_null(bundle.memory);
    assert_int_equal(bundle.key.len, 0);
}

static void
the_parts_are_wiped_before_they_are_freed(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    assert_int_equal(bundle_desk_read(NULL, &bundle, detail), BUNDLE_OK);
    watched = bundle.memory;
    watched_len = bundle.size;
    freed_clean = false;
    bundle_done(&bundle);
    watched = NULL;
    assert_true(freed_clean);
}

static void
the_first_designs_layout_gives_every_part_with_a_folder_or_without(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];
    static const char *const foldered[] = { "./x/nats.creds", "./x/certs/collector.pem",
        "x//certs/collector-key.pem", "x/./certs/ca.pem", "x/config.json" };
    static const char *const *const layouts[] = { bundle_desk_flat, foldered };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bundle_desk_put(layouts[i], BUNDLE_DESK_ALL);
        tar_build_file(&bundle_desk_tar, i == 0 ? "install.sh" : "x/install.sh", "#!/bin/sh\n");
        assert_int_equal(bundle_desk_read(NULL, &bundle, detail), BUNDLE_OK);
        bundle_desk_parts(&bundle);
        assert_string_equal(bundle.config_name, "config.json");
        assert_int_equal(bundle.collector, BUNDLE_UNTOLD);
        bundle_done(&bundle);
    }
}

static void
a_flat_configuration_may_name_its_collector(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_flat, 4);
    tar_build_file(&bundle_desk_tar, "config.json", "{\"collector_type\": \"netflow\"}");
    assert_int_equal(bundle_desk_read(NULL, &bundle, detail), BUNDLE_OK);
    assert_int_equal(bundle.collector, BUNDLE_NETFLOW);
    bundle_done(&bundle);
}

static void
the_name_of_the_configuration_tells_the_collector(void **state)
{
    static const struct {
        const char *name;
        enum bundle_err err;
        enum bundle_collector collector;
    } cases[] = {
        { "config/flowgger.toml", BUNDLE_OK, BUNDLE_SYSLOG },
        { "config/trapd.json", BUNDLE_OK, BUNDLE_TRAPD },
        { "config/netflow.json", BUNDLE_OK, BUNDLE_NETFLOW },
        { "config/otel.toml", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "config/sflow.json", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "config/config.toml", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "falcosidekick.yaml", BUNDLE_ECOLLECTOR, BUNDLE_UNTOLD },
        { "config/deeper/trapd.json", BUNDLE_EMISSING, BUNDLE_UNTOLD },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bundle bundle = { .memory = NULL };
        char detail[BUNDLE_DETAIL_MAX];
        bundle_desk_put(bundle_desk_flat, 4);
        tar_build_file(&bundle_desk_tar, cases[i].name, "x");
        assert_int_equal(bundle_desk_read(NULL, &bundle, detail), cases[i].err);
        assert_int_equal(bundle.collector, cases[i].collector);
        if (cases[i].err == BUNDLE_ECOLLECTOR) {
            assert_non_null(strstr(cases[i].name, detail));
            assert_string_not_equal(detail, "");
        }
        bundle_done(&bundle);
    }
}

static void
the_bundle_of_another_collector_is_named_before_what_it_lacks(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_tar.len = 0;
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "creds/nats.creds", "x");
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "falcosidekick.yaml", "x");
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "deploy.sh", "x");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ECOLLECTOR);
    assert_string_equal(detail, "falcosidekick.yaml");
}

static void
one_of_several_configurations_is_taken_by_name_only(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "config/netflow.json", "other");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ECONFIG);
    assert_int_equal(bundle_desk_read("netflow.json", &bundle, detail), BUNDLE_OK);
    bundle_desk_span(bundle.config, "other");
    assert_int_equal(bundle.collector, BUNDLE_NETFLOW);
    bundle_done(&bundle);
    assert_int_equal(bundle_desk_read("flowgger.toml", &bundle, detail), BUNDLE_EMISSING);
    assert_string_equal(detail, "flowgger.toml");
}

static void
a_bundle_without_secrets_has_a_token_instead_of_credentials(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, 0);
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "creds/user.jwt", "a.b.c\n");
    assert_int_equal(bundle_desk_read(NULL, &bundle, detail), BUNDLE_OK);
    bundle_desk_span(bundle.user_jwt, "a.b.c\n");
    assert_int_equal(bundle.creds.len, 0);
    assert_int_equal(bundle_token(&bundle).len, strlen("a.b.c"));
    bundle_done(&bundle);
    bundle_desk_tar.len = 0;
    for (size_t i = 0; i < 5; i++) {
        if (i != 0 && i != 2) {
            tar_build_file(&bundle_desk_tar, bundle_desk_flat[i], bundle_desk_contents[i]);
        }
    }
    tar_build_file(&bundle_desk_tar, "user.jwt", "a.b.c");
    tar_build_file(&bundle_desk_tar, "config/syslog.json", "{}");
    assert_int_equal(bundle_desk_read("syslog.json", &bundle, detail), BUNDLE_OK);
    assert_int_equal(bundle.key.len, 0);
    assert_int_equal(bundle.collector, BUNDLE_SYSLOG);
    bundle_done(&bundle);
}

static void
a_token_beside_credentials_and_an_empty_one_are_refused(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "creds/user.jwt", "a.b.c");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDUPLICATE);
    bundle_desk_put(bundle_desk_built, 0);
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "creds/user.jwt", "");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EMISSING);
    bundle_desk_put(bundle_desk_built, 1);
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "creds/user.jwt", "a.b.c");
    assert_int_not_equal(bundle_desk_refusal(detail), BUNDLE_OK);
}

static void
a_missing_and_an_empty_file_are_named(void **state)
{
    static const char *const *const layouts[] = { bundle_desk_built, bundle_desk_flat };
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < 5; i++) {
            bundle_desk_put(layouts[l], i);
            assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EMISSING);
            assert_string_not_equal(detail, "");
            bundle_desk_put(layouts[l], i);
            tar_build_file(&bundle_desk_tar, layouts[l][i], "");
            assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EMISSING);
        }
    }
    bundle_desk_put(bundle_desk_built, 2);
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EMISSING);
    assert_string_equal(detail, "certs/collector-key.pem");
}

static void
only_regular_files_and_folders_pass(void **state)
{
    static const struct {
        char type;
        const char *detail;
    } cases[] = {
        { '1', "odd: hard link" },
        { '2', "odd: symbolic link" },
        { '3', "odd: character device" },
        { '4', "odd: block device" },
        { '6', "odd: FIFO" },
        { '7', "odd: contiguous file" },
        { 'S', "odd: sparse file" },
        { 'Z', "odd: unknown type" },
        { 'K', "odd: unknown type" },
        { 'V', "odd: unknown type" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char detail[BUNDLE_DETAIL_MAX];
        bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
        tar_build_entry(&bundle_desk_tar, cases[i].type, "odd", (struct sr_span){ NULL, 0 });
        assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ETYPE);
        assert_string_equal(detail, cases[i].detail);
    }
}

static void
a_folder_has_no_content(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_entry(&bundle_desk_tar, '5', "x", span_of("y"));
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ETYPE);
}

static void
an_extended_header_does_not_make_something_else_of_a_file(void **state)
{
    static const char *const records[] = {
        "10 size=1\n",
        "25 linkpath=/etc/passwd1\n",
        "22 GNU.sparse.major=1\n",
        "24 SCHILY.realsize=9999\n",
    };
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        bundle_desk_put(bundle_desk_built, 0);
        tar_build_entry(&bundle_desk_tar, 'x', "pax", span_of(records[i]));
        tar_build_file(&bundle_desk_tar, bundle_desk_built[0], bundle_desk_contents[0]);
        assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ETYPE);
    }
}

static void
an_extended_header_may_rename_but_not_lead_out(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_flat, 0);
    tar_build_entry(&bundle_desk_tar, 'x', "pax", span_of("19 path=nats.creds\n"));
    tar_build_file(&bundle_desk_tar, "short", bundle_desk_contents[0]);
    assert_int_equal(bundle_desk_read(NULL, &bundle, detail), BUNDLE_OK);
    bundle_desk_parts(&bundle);
    bundle_done(&bundle);
    bundle_desk_put(bundle_desk_flat, BUNDLE_DESK_ALL);
    tar_build_entry(&bundle_desk_tar, 'x', "pax", span_of("18 path=../escape\n"));
    tar_build_file(&bundle_desk_tar, "short", "x");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ENAME);
    assert_string_equal(detail, "../escape");
    bundle_desk_put(bundle_desk_flat, BUNDLE_DESK_ALL);
    tar_build_entry(&bundle_desk_tar, 'L', "././@LongLink", span_of("/etc/cron.d/x"));
    tar_build_file(&bundle_desk_tar, "short", "x");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ENAME);
}

static void
names_that_lead_out_or_hide_something_are_refused(void **state)
{
    static const char *const names[][2] = {
        { "/etc/passwd", "/etc/passwd" },
        { "../x", "../x" },
        { "a/../x", "a/../x" },
        { "a/..", "a/.." },
        { "..", ".." },
        { "a\\b", "a\\b" },
        { "a\nb", "a?b" },
        { "a\x1b[31mb", "a?[31mb" },
        { "a\x7f", "a?" },
        { "caf\xc3\xa9", "caf??" },
        { ".", "." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char detail[BUNDLE_DETAIL_MAX];
        bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
        tar_build_file(&bundle_desk_tar, names[i][0], "x");
        assert_int_equal(bundle_desk_refusal(detail), BUNDLE_ENAME);
        assert_string_equal(detail, names[i][1]);
    }
}

/* The error of a bundle with a file more, whose path has `len` bytes. */
static enum bundle_err
path_of_length(size_t len)
{
    char name[BUNDLE_PATH_MAX + 3];
    char detail[BUNDLE_DETAIL_MAX];

    memset(name, 'p', len);
    name[len] = '\0';
    bundle_desk_put(bundle_desk_flat, BUNDLE_DESK_ALL);
    tar_build_entry(
        &bundle_desk_tar, 'L', "././@LongLink", (struct sr_span){ (const uint8_t *)name, len + 1 });
    tar_build_file(&bundle_desk_tar, "short", "x");
    return bundle_desk_refusal(detail);
}

static void
a_path_has_255_bytes_at_most(void **state)
{
    (void)state;
    assert_int_equal(path_of_length(BUNDLE_PATH_MAX), BUNDLE_OK);
    assert_int_equal(path_of_length(BUNDLE_PATH_MAX + 1), BUNDLE_ENAME);
}

static void
a_name_comes_once_however_it_is_written(void **state)
{
    static const char *const again[] = { BUNDLE_DESK_TOP "config/trapd.json",
        "./" BUNDLE_DESK_TOP "config/trapd.json", BUNDLE_DESK_TOP "/config//./trapd.json" };
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
        bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
        tar_build_file(&bundle_desk_tar, again[i], "x");
        assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDUPLICATE);
        assert_string_equal(detail, again[i]);
    }
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_entry(
        &bundle_desk_tar, '5', BUNDLE_DESK_TOP "config/trapd.json/", (struct sr_span){ NULL, 0 });
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDUPLICATE);
}

static void
two_files_for_one_purpose_are_refused(void **state)
{
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "nats.creds", "x");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDUPLICATE);
    bundle_desk_put(bundle_desk_built, BUNDLE_DESK_ALL);
    tar_build_file(&bundle_desk_tar, BUNDLE_DESK_TOP "certs/ca.pem", "x");
    assert_int_equal(bundle_desk_refusal(detail), BUNDLE_EDUPLICATE);
    assert_string_equal(detail, BUNDLE_DESK_TOP "certs/ca.pem");
}

static void
cr_lf_in_the_credentials_becomes_lf(void **state)
{
    struct bundle bundle;
    char detail[BUNDLE_DETAIL_MAX];

    (void)state;
    bundle_desk_put(bundle_desk_built, 0);
    tar_build_file(&bundle_desk_tar, bundle_desk_built[0], "one\r\ntwo\r\r\n\nthree\r");
    assert_int_equal(bundle_desk_read(NULL, &bundle, detail), BUNDLE_OK);
    bundle_desk_span(bundle.creds, "one\ntwo\r\n\nthree\r");
    assert_true(bundle.creds_repaired);
    bundle_done(&bundle);
}

static void
every_error_says_what_to_do(void **state)
{
    (void)state;
    for (int err = BUNDLE_ETOOBIG; err <= BUNDLE_ENOMEM; err++) {
        const char *text = bundle_strerror((enum bundle_err)err);
        assert_string_not_equal(text, "Unknown bundle error.");
        assert_non_null(strchr(text, ':'));
    }
}

static void
collectors_have_the_names_of_their_roles(void **state)
{
    (void)state;
    assert_string_equal(bundle_collector_name(BUNDLE_UNTOLD), "");
    assert_string_equal(bundle_collector_name(BUNDLE_SYSLOG), "syslog");
    assert_string_equal(bundle_collector_name(BUNDLE_TRAPD), "trapd");
    assert_string_equal(bundle_collector_name(BUNDLE_NETFLOW), "netflow");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_layout_gives_every_part),
        cmocka_unit_test(the_parts_are_wiped_before_they_are_freed),
        cmocka_unit_test(the_first_designs_layout_gives_every_part_with_a_folder_or_without),
        cmocka_unit_test(a_flat_configuration_may_name_its_collector),
        cmocka_unit_test(the_name_of_the_configuration_tells_the_collector),
        cmocka_unit_test(the_bundle_of_another_collector_is_named_before_what_it_lacks),
        cmocka_unit_test(one_of_several_configurations_is_taken_by_name_only),
        cmocka_unit_test(a_bundle_without_secrets_has_a_token_instead_of_credentials),
        cmocka_unit_test(a_token_beside_credentials_and_an_empty_one_are_refused),
        cmocka_unit_test(a_missing_and_an_empty_file_are_named),
        cmocka_unit_test(only_regular_files_and_folders_pass),
        cmocka_unit_test(a_folder_has_no_content),
        cmocka_unit_test(an_extended_header_does_not_make_something_else_of_a_file),
        cmocka_unit_test(an_extended_header_may_rename_but_not_lead_out),
        cmocka_unit_test(names_that_lead_out_or_hide_something_are_refused),
        cmocka_unit_test(a_path_has_255_bytes_at_most),
        cmocka_unit_test(a_name_comes_once_however_it_is_written),
        cmocka_unit_test(two_files_for_one_purpose_are_refused),
        cmocka_unit_test(cr_lf_in_the_credentials_becomes_lf),
        cmocka_unit_test(every_error_says_what_to_do),
        cmocka_unit_test(collectors_have_the_names_of_their_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
