/* SPDX-License-Identifier: Apache-2.0 */
/* What of SNMPv3 outlives the process, in a directory of its own. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "kept_file.h"
#include "v3_state.h"

#include "sr/clock.h"
#include "sr/log.h"

#include "sr/banned.h"

#define PATH_ROOM 128
#define ERROR_ROOM 512
#define CONFIGURED "80001f88050102030405"
#define NOW_NS (UINT64_C(1795348800) * SR_NS_PER_SECOND)

static char folder[PATH_ROOM];
static struct trapd_listener listeners[2];
static struct trapd_conf config;
static char error[ERROR_ROOM];

static int
begin(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/sr_v3_state_XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    memset(listeners, 0, sizeof(listeners));
    config = (struct trapd_conf){ .common = { .listeners = { .items = listeners, .count = 2 },
                                      .queue = { .dir = folder } } };
    sr_log_set_level((enum sr_log_level)0); /* what the tests break would be told */
    return 0;
}

static int
end(void **state)
{
    (void)state;
    return folder_remove(folder);
}

static struct v3_state *
start(void)
{
    struct v3_state *s = v3_state_new(&config, true, error, sizeof(error));

    assert_non_null(s);
    assert_non_null(v3_state_engine(s));
    return s;
}

/* Our engine of one start. */
static struct usm_engine
one_start(void)
{
    struct v3_state *s = start();
    struct usm_engine engine = *v3_state_engine(s);

    v3_state_free(s);
    return engine;
}

static const char *
in_folder(const char *name)
{
    static char path[2 * PATH_ROOM];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static size_t
read_file(const char *name, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(in_folder(name), "rb");

    assert_non_null(file);
    size_t len = fread(bytes, 1, room, file);
    assert_in_range(len, 1, room - 1);
    (void)fclose(file);
    return len;
}

static void
write_file(const char *name, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(in_folder(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static bool
is_there(const char *name)
{
    return access(in_folder(name), F_OK) == 0;
}

/* ---- Our engine ---- */

static void
the_id_stays_and_boots_go_up_with_each_start(void **state)
{
    static const uint8_t head[] = { 0x80, 0, 0x1f, 0x88, 5 }; /* RFC 3411 section 5 */

    (void)state;
    struct usm_engine first = one_start();
    assert_int_equal(first.boots, 1);
    assert_int_equal(first.id_len, 17);
    assert_memory_equal(first.id, head, sizeof(head));
    for (uint32_t boots = 2; boots < 5; boots++) {
        struct usm_engine next = one_start();
        assert_int_equal(next.boots, boots);
        assert_true(usm_engine_is(&first, usm_engine_id(&next)));
        assert_true(next.salt != first.salt);
    }
}

static void
boots_are_on_the_disk_while_the_engine_runs(void **state)
{
    uint8_t before[64], after[64];

    (void)state;
    struct v3_state *s = start();
    size_t len = read_file("v3-engine", before, sizeof(before));
    v3_state_maintain(s, true);
    v3_state_free(s);
    assert_int_equal(read_file("v3-engine", after, sizeof(after)), len);
    assert_memory_equal(before, after, len); /* a kill there loses nothing */
}

static void
the_clock_of_an_engine_begins_with_its_start(void **state)
{
    (void)state;
    struct v3_state *s = start();
    const struct usm_engine *engine = v3_state_engine(s);
    assert_in_range(engine->time(engine->time_arg), 0, 30);
    v3_state_free(s);
}

static void
an_engine_that_is_configured_has_more_boots_than_it_ever_had(void **state)
{
    const uint64_t minutes = sr_clock_wall_ns() / SR_NS_PER_SECOND / 60;

    (void)state;
    struct usm_engine own = one_start();
    config.engine_id = CONFIGURED;
    struct usm_engine first = one_start(), second = one_start();
    assert_int_equal(first.id_len, strlen(CONFIGURED) / 2);
    assert_in_range(first.boots, minutes, minutes + 10);
    assert_int_equal(second.boots, first.boots + 1);
    assert_true(usm_engine_is(&first, usm_engine_id(&second)));
    assert_false(usm_engine_is(&first, usm_engine_id(&own)));
    config.engine_id = NULL;
    struct usm_engine third = one_start(); /* it is ours now */
    assert_true(usm_engine_is(&first, usm_engine_id(&third)));
    assert_int_equal(third.boots, first.boots + 2);
}

static void
boots_end_at_their_maximum(void **state)
{
    static const uint8_t content[] = "SRENGIN1\x7f\xff\xff\xfe\x05\x80\0\0\0\1";
    struct kept_dir dir;

    (void)state;
    assert_int_equal(kept_dir_open(folder, &dir), 0);
    assert_int_equal(
        kept_file_write(&dir, "v3-engine", (struct sr_span){ content, sizeof(content) - 1 }), 0);
    kept_dir_close(&dir);
    for (int i = 0; i < 3; i++) {
        struct usm_engine engine = one_start();
        assert_int_equal(engine.boots, USM_BOOTS_MAX);
        assert_int_equal(engine.id_len, 5);
    }
}

static void
a_damaged_file_makes_a_new_engine(void **state)
{
    uint8_t good[64];

    (void)state;
    struct usm_engine first = one_start();
    size_t len = read_file("v3-engine", good, sizeof(good));
    for (size_t i = 0; i < 2 * len; i++) { /* each byte changed, then each shorter file */
        uint8_t bad[64];
        memcpy(bad, good, len);
        bad[i < len ? i : i - len] ^= 0x10;
        write_file("v3-engine", bad, i < len ? len : i - len);
        struct usm_engine next = one_start();
        assert_int_equal(next.boots, 1);
        assert_false(usm_engine_is(&first, usm_engine_id(&next)));
    }
    write_file("v3-engine", good, len);
    struct usm_engine next = one_start();
    assert_int_equal(next.boots, 2);
    assert_true(usm_engine_is(&first, usm_engine_id(&next)));
}

static void
where_nothing_can_be_kept_an_engine_is_for_one_run(void **state)
{
    (void)state;
    write_file("file", (const uint8_t *)"x", 1);
    char path[2 * PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s", in_folder("file"));
    config.common.queue.dir = path;
    struct usm_engine first = one_start(), second = one_start();
    assert_int_equal(first.boots, 1);
    assert_int_equal(second.boots, 1);
    assert_false(usm_engine_is(&first, usm_engine_id(&second)));
    config.engine_id = CONFIGURED;
    assert_null(v3_state_new(&config, true, error, sizeof(error)));
    assert_non_null(strstr(error, "engine_id"));
    assert_non_null(strstr(error, "set queue.dir to a directory"));
    assert_non_null(strstr(error, "or leave out engine_id"));
}

static void
an_engine_whose_boots_cannot_be_written_is_for_one_run(void **state)
{
    (void)state;
    struct usm_engine kept = one_start();
    assert_int_equal(mkdir(in_folder("v3-engine.new"), 0700), 0);
    struct usm_engine once = one_start();
    assert_int_equal(once.boots, 1);
    assert_false(usm_engine_is(&kept, usm_engine_id(&once)));
    config.engine_id = CONFIGURED;
    assert_null(v3_state_new(&config, true, error, sizeof(error)));
    config.engine_id = NULL;
    assert_int_equal(rmdir(in_folder("v3-engine.new")), 0);
    struct usm_engine again = one_start();
    assert_int_equal(again.boots, 2);
    assert_true(usm_engine_is(&kept, usm_engine_id(&again)));
}

static void
two_processes_are_two_engines(void **state)
{
    (void)state;
    struct v3_state *one = start(), *other = start();
    assert_false(usm_engine_is(v3_state_engine(one), usm_engine_id(v3_state_engine(other))));
    config.engine_id = CONFIGURED;
    assert_null(v3_state_new(&config, true, error, sizeof(error)));
    assert_non_null(strstr(error, "another process uses it"));
    v3_state_free(one);
    v3_state_free(other);
}

static void
who_only_decodes_has_no_engine_and_leaves_no_file(void **state)
{
    (void)state;
    config.engine_id = CONFIGURED;
    struct v3_state *s = v3_state_new(&config, false, error, sizeof(error));
    assert_non_null(s);
    assert_null(v3_state_engine(s));
    v3_state_maintain(s, true);
    v3_state_free(s);
    assert_false(is_there("v3-engine"));
    assert_false(is_there("v3.lock"));
}

/* ---- Clocks of others ---- */

static const uint8_t engine_bytes[] = { 0x80, 0, 0, 0, 1, 2, 3 };
static const struct sr_span other_engine = { engine_bytes, sizeof(engine_bytes) };

static bool
check(struct v3_state *s, unsigned listener, uint32_t boots, uint32_t time, unsigned seconds)
{
    return usm_times_check(v3_state_times(s, listener), other_engine, boots, time,
        NOW_NS + seconds * SR_NS_PER_SECOND);
}

static void
what_was_late_before_a_restart_is_late_after_it(void **state)
{
    (void)state;
    struct v3_state *s = start();
    assert_true(check(s, 0, 5, 1000, 0));
    v3_state_maintain(s, true);
    v3_state_free(s);
    s = start();
    for (unsigned listener = 0; listener < 2; listener++) { /* each knows what one has heard */
        assert_false(check(s, listener, 4, 5000, 10));
        assert_false(check(s, listener, 5, 859, 10));
        assert_false(check(s, listener, 5, 1000, 151)); /* it goes on while nobody listens */
        assert_true(check(s, listener, 5, 860, 10));
        assert_true(check(s, listener, 5, 2000, 11));
        assert_true(check(s, listener, 6, 0, 12));
    }
    v3_state_free(s);
}

static void
clocks_are_written_when_they_become_others_and_not_as_time_passes(void **state)
{
    (void)state;
    struct v3_state *s = start();
    v3_state_maintain(s, true);
    assert_false(is_there("v3-clocks"));
    const struct {
        uint32_t boots, time;
        unsigned seconds;
        bool is_written;
    } heard[] = {
        { 5, 1000, 0, true },    /* it is new */
        { 5, 1001, 1, false },   /* a second has passed for both */
        { 5, 1605, 600, false }, /* a slow clock of ours */
        { 5, 1607, 600, true },
        { 5, 2000, 1000, true },
        { 6, 0, 1001, true }, /* it has started again */
        { 6, 1, 1002, false },
    };
    for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++) {
        (void)unlink(in_folder("v3-clocks"));
        assert_true(check(s, 1, heard[i].boots, heard[i].time, heard[i].seconds));
        v3_state_maintain(s, true);
        assert_int_equal(is_there("v3-clocks"), heard[i].is_written);
    }
    v3_state_free(s);
}

static void
clocks_are_not_written_again_within_ten_seconds(void **state)
{
    (void)state;
    struct v3_state *s = start();
    assert_true(check(s, 0, 5, 1000, 0));
    v3_state_maintain(s, false);
    assert_true(is_there("v3-clocks"));
    assert_int_equal(unlink(in_folder("v3-clocks")), 0);
    assert_true(check(s, 0, 6, 0, 1));
    v3_state_maintain(s, false);
    assert_false(is_there("v3-clocks"));
    v3_state_maintain(s, true);
    assert_true(is_there("v3-clocks"));
    v3_state_free(s);
}

static void
clocks_that_could_not_be_written_are_written_later(void **state)
{
    (void)state;
    struct v3_state *s = start();
    assert_int_equal(mkdir(in_folder("v3-clocks.new"), 0700), 0);
    assert_true(check(s, 1, 5, 1000, 0));
    v3_state_maintain(s, true);
    assert_false(is_there("v3-clocks"));
    assert_int_equal(rmdir(in_folder("v3-clocks.new")), 0);
    v3_state_maintain(s, true);
    assert_true(is_there("v3-clocks"));
    v3_state_free(s);
}

static void
a_damaged_file_of_clocks_is_not_believed(void **state)
{
    uint8_t good[256];

    (void)state;
    struct v3_state *s = start();
    assert_true(check(s, 0, 5, 1000, 0));
    v3_state_maintain(s, true);
    v3_state_free(s);
    size_t len = read_file("v3-clocks", good, sizeof(good));
    for (size_t i = 0; i < 2 * len; i++) {
        uint8_t bad[256];
        memcpy(bad, good, len);
        bad[i < len ? i : i - len] ^= 1;
        write_file("v3-clocks", bad, i < len ? len : i - len);
        s = start();
        assert_int_equal(usm_times_counts(v3_state_times(s, 0)).engines, 0);
        assert_true(check(s, 0, 4, 1, 0));
        v3_state_free(s);
    }
}

/* What is whole by its checksum but no list of clocks: as far as it goes, nothing past its end. */
static void
no_list_of_clocks_is_read_past_its_end(void **state)
{
    uint8_t good[256];
    struct kept_dir dir;

    (void)state;
    struct v3_state *s = start();
    assert_true(check(s, 0, 5, 1000, 0));
    v3_state_maintain(s, true);
    v3_state_free(s);
    size_t len = read_file("v3-clocks", good, sizeof(good)) - 4;
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(kept_dir_open(folder, &dir), 0);
        assert_int_equal(kept_file_write(&dir, "v3-clocks", (struct sr_span){ good, cut }), 0);
        kept_dir_close(&dir);
        s = start();
        assert_int_equal(usm_times_counts(v3_state_times(s, 0)).engines, 0);
        v3_state_free(s);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_id_stays_and_boots_go_up_with_each_start),
        TEST(boots_are_on_the_disk_while_the_engine_runs),
        TEST(the_clock_of_an_engine_begins_with_its_start),
        TEST(an_engine_that_is_configured_has_more_boots_than_it_ever_had),
        TEST(boots_end_at_their_maximum),
        TEST(a_damaged_file_makes_a_new_engine),
        TEST(where_nothing_can_be_kept_an_engine_is_for_one_run),
        TEST(an_engine_whose_boots_cannot_be_written_is_for_one_run),
        TEST(two_processes_are_two_engines),
        TEST(who_only_decodes_has_no_engine_and_leaves_no_file),
        TEST(what_was_late_before_a_restart_is_late_after_it),
        TEST(clocks_are_written_when_they_become_others_and_not_as_time_passes),
        TEST(clocks_are_not_written_again_within_ten_seconds),
        TEST(clocks_that_could_not_be_written_are_written_later),
        TEST(a_damaged_file_of_clocks_is_not_believed),
        TEST(no_list_of_clocks_is_read_past_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
