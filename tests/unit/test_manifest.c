/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "enroll/manifest.h"

static void
fill(struct manifest *m)
{
    memset(m, 0, sizeof(*m));
    m->kind = MANIFEST_APPLY;
    m->number = 7;
    m->time = 1764000000;
    m->folder_count = 2;
    (void)snprintf(m->folders[0], MANIFEST_PATH_MAX, "etc/x");
    (void)snprintf(m->folders[1], MANIFEST_PATH_MAX, "etc/x/y");
    m->count = 2;
    (void)snprintf(m->files[0].path, MANIFEST_PATH_MAX, "etc/x/y/a.json");
    (void)snprintf(m->files[0].kept, MANIFEST_PATH_MAX, "a.json.operator-20260101T000000Z");
    m->files[0].after = (struct manifest_state){ true, 0640, 0, UINT32_MAX, 12, { 0xAB } };
    m->files[0].before = (struct manifest_state){ true, 04755, 7, 8, 0, { 1, 2, 3 } };
    (void)snprintf(m->files[1].path, MANIFEST_PATH_MAX, "b");
}

static void
a_manifest_is_read_as_it_was_written(void **state)
{
    struct manifest *in = malloc(sizeof(*in)), *out = calloc(1, sizeof(*out));
    char *text = malloc(MANIFEST_TEXT_MAX);

    (void)state;
    fill(in);
    for (int i = 0; i < 2; i++) {
        in->kind = i == 0 ? MANIFEST_APPLY : MANIFEST_ROLLBACK;
        size_t len = manifest_write(in, text);
        assert_true(len > 0);
        assert_true(manifest_read((struct sr_span){ (const uint8_t *)text, len }, out));
        assert_true(out->kind == in->kind && out->number == 7 && out->time == 1764000000);
        assert_int_equal(out->folder_count, 2);
        assert_string_equal(out->folders[1], "etc/x/y");
        assert_int_equal(out->count, 2);
        assert_string_equal(out->files[0].path, in->files[0].path);
        assert_string_equal(out->files[0].kept, in->files[0].kept);
        assert_string_equal(out->files[1].kept, "");
        assert_true(manifest_same(&out->files[0].after, &in->files[0].after));
        assert_true(manifest_same(&out->files[0].before, &in->files[0].before));
        assert_false(out->files[1].after.present || out->files[1].before.present);
    }
    free(in);
    free(out);
    free(text);
}

static void
no_part_of_a_manifest_is_read_as_one(void **state)
{
    struct manifest *in = malloc(sizeof(*in)), *out = malloc(sizeof(*out));
    char *text = malloc(MANIFEST_TEXT_MAX);

    (void)state;
    fill(in);
    size_t len = manifest_write(in, text);
    for (size_t part = 0; part < len; part++) {
        uint8_t *exact = malloc(part > 0 ? part : 1);
        memcpy(exact, text, part);
        assert_false(manifest_read((struct sr_span){ exact, part }, out));
        free(exact);
    }
    text[len] = '\n';
    assert_false(manifest_read((struct sr_span){ (const uint8_t *)text, len + 1 }, out));
    free(in);
    free(out);
    free(text);
}

#define HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define TOP "serviceradar-generation 1\n"

static void
what_is_no_manifest_is_refused(void **state)
{
    static const char *const texts[] = {
        "serviceradar-generation 2\napply 1 1\nend\n",
        TOP "remove 1 1\nend\n",
        TOP "apply x 1\nend\n",
        TOP "apply 1 \nend\n",
        TOP "apply 4294967296 1\nend\n",
        TOP "apply 1 99999999999999999999\nend\n",
        TOP "apply 1 1\nlink a - - -\nend\n",
        TOP "apply 1 1\nfolder ../x\nend\n",
        TOP "apply 1 1\nfolder /x\nend\n",
        TOP "apply 1 1\nfile a/../b - - -\nend\n",
        TOP "apply 1 1\nfile a - - b/c\nend\n",
        TOP "apply 1 1\nfile a - -\nend\n",
        TOP "apply 1 1\nfile a 0640:0:0:1:" HASH "0 - -\nend\n",
        TOP "apply 1 1\nfile a 0640:0:0:1:0 - -\nend\n",
        TOP "apply 1 1\nfile a 0680:0:0:1:" HASH " - -\nend\n",
        TOP "apply 1 1\nfile a 10000:0:0:1:" HASH " - -\nend\n",
        TOP "apply 1 1\nfile a 0640:-1:0:1:" HASH " - -\nend\n",
        TOP "apply 1 1\nfile a 0640:0:0:" HASH " - -\nend\n",
    };
    static const char fine[] = TOP "apply 1 1\nfile a 0640:0:0:1:" HASH " - -\nend\n";
    struct manifest *m = malloc(sizeof(*m));

    (void)state;
    assert_true(manifest_read(span_of(fine), m)); /* the others differ from this in one thing */
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (manifest_read(span_of(texts[i]), m)) {
            fail_msg("read: %s", texts[i]);
        }
    }
    free(m);
}

static void
only_as_many_files_and_folders_are_read_as_there_is_room_for(void **state)
{
    static const char *const lines[] = { "file a - - -\n", "folder a\n" };
    struct manifest *m = malloc(sizeof(*m));

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char text[4096] = TOP "apply 1 1\n";
        size_t len = strlen(text), line = strlen(lines[i]);
        for (int n = 0; n < 65; n++, len += line) {
            memcpy(text + len, lines[i], line);
        }
        memcpy(text + len, "end\n", 5);
        assert_false(manifest_read(span_of(text), m));
        memcpy(text + len - line, "end\n", 5);
        assert_true(manifest_read(span_of(text), m));
        assert_int_equal(m->count + m->folder_count, 64);
    }
    free(m);
}

static void
a_path_is_fine_when_it_stays_beneath_and_needs_no_quoting(void **state)
{
    static const char *const fine[] = { "a", "etc/serviceradar/creds/nats.creds", ".a/..b/c.",
        "etc/x@y+z-_" };
    static const char *const not_fine[] = { "", "/", "/etc", "a/", "a//b", ".", "..", "a/..",
        "a/./b", "../a", "a b", "a\nb", "a\\b", "a:b", "\xC3\xA4", "a/$b", "a/*" };
    char path[300];

    (void)state;
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        assert_true(manifest_path_is_fine(fine[i]));
    }
    for (size_t i = 0; i < sizeof(not_fine) / sizeof(not_fine[0]); i++) {
        if (manifest_path_is_fine(not_fine[i])) {
            fail_msg("fine: %s", not_fine[i]);
        }
    }
    memset(path, 'a', sizeof(path));
    path[199] = '\0';
    assert_true(manifest_path_is_fine(path));
    path[199] = 'a';
    path[200] = '\0';
    assert_false(manifest_path_is_fine(path));
    path[100] = '/';
    path[200] = 'a';
    path[255] = '\0';
    assert_true(manifest_path_is_fine(path));
    path[255] = 'a';
    path[256] = '\0';
    assert_false(manifest_path_is_fine(path));
}

static void
states_are_the_same_in_content_mode_and_owner(void **state)
{
    const struct manifest_state a = { true, 0640, 1, 2, 3, { 4 } };
    const struct manifest_state others[] = {
        { false, 0640, 1, 2, 3, { 4 } },
        { true, 0600, 1, 2, 3, { 4 } },
        { true, 0640, 9, 2, 3, { 4 } },
        { true, 0640, 1, 9, 3, { 4 } },
        { true, 0640, 1, 2, 9, { 4 } },
        { true, 0640, 1, 2, 3, { 9 } },
    };
    const struct manifest_state absent = { .present = false };

    (void)state;
    assert_true(manifest_same(&a, &a));
    assert_true(manifest_same(&absent, &absent));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(manifest_same(&a, &others[i]));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_is_read_as_it_was_written),
        cmocka_unit_test(no_part_of_a_manifest_is_read_as_one),
        cmocka_unit_test(what_is_no_manifest_is_refused),
        cmocka_unit_test(only_as_many_files_and_folders_are_read_as_there_is_room_for),
        cmocka_unit_test(a_path_is_fine_when_it_stays_beneath_and_needs_no_quoting),
        cmocka_unit_test(states_are_the_same_in_content_mode_and_owner),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
