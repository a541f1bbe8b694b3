/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sr/counters.h"
#include "sr/stats.h"
#include "sr/stats_kept.h"

static char dir_path[64];
static int dir;
static struct sr_stats *stats;
static struct sr_worker_stats *worker; /* of the last process */
static struct sr_worker_stats *next;   /* the one that goes on */
static struct sr_counters_kept *kept;

static int
set_up(void **state)
{
    unsigned workers[] = { 2 };

    (void)state;
    (void)snprintf(dir_path, sizeof(dir_path), "/tmp/test_stats_kept.XXXXXX");
    stats = sr_stats_new(1, workers);
    if (stats == NULL || mkdtemp(dir_path) == NULL) {
        return -1;
    }
    worker = &stats->listeners[0].workers[0];
    next = &stats->listeners[0].workers[1];
    dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    sr_counters_kept_free(kept);
    kept = NULL;
    sr_stats_free(stats);
    (void)unlinkat(dir, SR_COUNTERS_FILE, 0);
    (void)close(dir);
    return rmdir(dir_path);
}

/* Saves `worker` to a file and reads what the file has of it. */
static struct sr_counters_values
save_and_read(void)
{
    struct sr_counters_layout layout = {
        .name = "w", .values = sr_worker_values(), .names = sr_worker_names()
    };
    struct sr_counters_values values;
    char error[256] = "";
    struct sr_counters *c = sr_counters_new(dir, "boot", &layout, 1, error, sizeof(error));

    assert_string_equal(error, "");
    struct sr_counters_slot *slot = sr_counters_slot(c, 0);
    sr_worker_stats_save(worker, slot, sr_counters_begin(slot));
    sr_counters_commit(slot);
    assert_true(sr_counters_publish(c));
    sr_counters_free(c, false);
    sr_counters_kept_free(kept);
    kept = sr_counters_read(dir, "boot", NULL);
    assert_non_null(kept);
    assert_true(sr_counters_find(kept, "w", &values));
    return values;
}

/* The same values in memory of the test's own, to say what no program would. */
struct foreign {
    uint64_t values[200];
    char names[200][SR_COUNTERS_NAME_MAX];
};

static struct sr_counters_values
values_of(const struct foreign *f)
{
    return (struct sr_counters_values){ .values = f->values,
        .count = sr_worker_values(),
        .names = f->names,
        .name_count = sr_worker_names() };
}

static uint64_t
count_of(const struct sr_reasons *r, const char *reason)
{
    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        const char *known = r->items[i].reason;
        if (known != NULL && strcmp(known, reason) == 0) {
            return sr_counted(&r->items[i].count);
        }
    }
    return 0;
}

static _Atomic uint64_t *
counter(struct sr_worker_stats *w, unsigned i)
{
    _Atomic uint64_t *all[] = { &w->received, &w->received_bytes, &w->decoded, &w->records,
        &w->deadlettered, &w->kernel_drops, &w->batches, &w->recovered, &w->parts, &w->batching,
        &w->connections_accepted, &w->connections_refused };

    return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
}

static void
every_counter_comes_back(void **state)
{
    (void)state;
    for (unsigned i = 0; counter(worker, i) != NULL; i++) {
        sr_count(counter(worker, i), 100 + i);
    }
    sr_reasons_count(&worker->undecodable, "not_utf8", 1);
    sr_reasons_count(&worker->undecodable, "no_header", 2);
    sr_reasons_count(&worker->dropped, "queue_full", 3);
    sr_reasons_count(&worker->lost, "crash", 4);
    sr_reasons_count(&worker->lost, "other", 5); /* the last row, with room before it */
    sr_reasons_count(&worker->consumed, "templates", 6);
    sr_reasons_count(&worker->consumed, "other", 7);
    struct sr_counters_values values = save_and_read();
    assert_true(sr_worker_stats_restore(stats, next, &values));
    for (unsigned i = 0; counter(next, i) != NULL; i++) {
        assert_int_equal(sr_counted(counter(next, i)), 100 + i);
    }
    assert_int_equal(count_of(&next->undecodable, "not_utf8"), 1);
    assert_int_equal(count_of(&next->undecodable, "no_header"), 2);
    assert_int_equal(count_of(&next->dropped, "queue_full"), 3);
    assert_int_equal(count_of(&next->lost, "crash"), 4);
    assert_int_equal(count_of(&next->lost, "other"), 5);
    assert_int_equal(count_of(&next->consumed, "templates"), 6);
    assert_int_equal(count_of(&next->consumed, "other"), 7);
    assert_int_equal(sr_reasons_total(&next->consumed), 13);
    assert_int_equal(sr_reasons_total(&next->undecodable), 3);
    assert_int_equal(sr_reasons_total(&next->lost), 9);
}

static void
several_workers_fold_into_one(void **state)
{
    (void)state;
    sr_count(&next->received, 1000);
    sr_reasons_count(&next->dropped, "queue_full", 50);
    sr_count(&worker->received, 7);
    sr_reasons_count(&worker->dropped, "deadletter_full", 1);
    sr_reasons_count(&worker->dropped, "queue_full", 2);
    struct sr_counters_values values = save_and_read();
    assert_true(sr_worker_stats_restore(stats, next, &values));
    assert_true(sr_worker_stats_restore(stats, next, &values));
    assert_int_equal(sr_counted(&next->received), 1014);
    assert_int_equal(count_of(&next->dropped, "queue_full"), 54);
    assert_int_equal(count_of(&next->dropped, "deadletter_full"), 2);
}

static void
the_first_socket_is_kept_and_never_added_up(void **state)
{
    (void)state;
    sr_count(&worker->socket_cookie, 77);
    sr_count(&worker->kernel_seen, 5);
    struct sr_counters_values values = save_and_read();
    assert_true(sr_worker_stats_restore(stats, next, &values));
    sr_count(&worker->socket_cookie, 1);
    sr_count(&worker->kernel_seen, 1);
    values = save_and_read();
    assert_true(sr_worker_stats_restore(stats, next, &values));
    assert_int_equal(sr_counted(&next->socket_cookie), 77);
    assert_int_equal(sr_counted(&next->kernel_seen), 5);
}

static void
reasons_beyond_the_rows_become_other(void **state)
{
    static char names[2][SR_REASONS_MAX][16];
    uint64_t sum = 0;

    (void)state;
    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        (void)snprintf(names[0][i], sizeof(names[0][i]), "mine_%zu", i);
        (void)snprintf(names[1][i], sizeof(names[1][i]), "theirs_%zu", i);
        sr_reasons_count(&worker->lost, names[0][i], i + 1);
        sum += i + 1;
    }
    struct sr_counters_values values = save_and_read();
    assert_true(sr_worker_stats_restore(stats, next, &values));
    assert_int_equal(count_of(&next->lost, "mine_30"), 31);
    assert_int_equal(count_of(&next->lost, "other"), 32);
    memset(&worker->lost, 0, sizeof(worker->lost));
    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        sr_reasons_count(&worker->lost, names[1][i], 1);
    }
    values = save_and_read();
    assert_true(sr_worker_stats_restore(stats, next, &values));
    assert_int_equal(count_of(&next->lost, "mine_30"), 31);
    assert_int_equal(count_of(&next->lost, "theirs_0"), 0);
    assert_int_equal(count_of(&next->lost, "other"), 32 + SR_REASONS_MAX);
    assert_int_equal(sr_reasons_total(&next->lost), sum + SR_REASONS_MAX);
}

static void
a_reason_that_comes_later_is_named_too(void **state)
{
    struct sr_counters_layout layout = {
        .name = "w", .values = sr_worker_values(), .names = sr_worker_names()
    };
    struct sr_counters_values values;
    char error[256] = "";
    struct sr_counters *c = sr_counters_new(dir, "boot", &layout, 1, error, sizeof(error));
    struct sr_counters_slot *slot = sr_counters_slot(c, 0);
    static const char *const reasons[] = { "a", "b", "other", "c" };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        sr_reasons_count(&worker->lost, reasons[i], i + 1);
        sr_worker_stats_save(worker, slot, sr_counters_begin(slot));
        sr_counters_commit(slot);
    }
    assert_true(sr_counters_publish(c));
    sr_counters_free(c, false);
    kept = sr_counters_read(dir, "boot", NULL);
    assert_true(sr_counters_find(kept, "w", &values));
    assert_true(sr_worker_stats_restore(stats, next, &values));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(count_of(&next->lost, reasons[i]), i + 1);
    }
}

static void
restored_reasons_outlive_the_file(void **state)
{
    (void)state;
    sr_reasons_count(&worker->dropped, "queue_full", 3);
    struct sr_counters_values values = save_and_read();
    assert_true(sr_worker_stats_restore(stats, next, &values));
    sr_counters_kept_free(kept);
    kept = NULL;
    assert_int_equal(count_of(&next->dropped, "queue_full"), 3);
    sr_reasons_count(&next->dropped, "queue_full", 1); /* the same row goes on */
    assert_int_equal(count_of(&next->dropped, "queue_full"), 4);
}

static void
a_reason_that_is_no_word_counts_as_other(void **state)
{
    static const char *const bad[] = { "", "Two", "two words", "a\"b", "a\nb", "\xff" };
    struct foreign f;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&f, 0, sizeof(f));
        (void)snprintf(f.names[i], sizeof(f.names[i]), "%s", bad[i]);
        f.values[i] = 1;
        struct sr_counters_values values = values_of(&f);
        assert_true(sr_worker_stats_restore(stats, next, &values));
        assert_int_equal(count_of(&next->undecodable, "other"), i + 1);
        assert_int_equal(sr_reasons_total(&next->undecodable), i + 1);
    }
}

static void
values_that_are_not_a_workers_are_refused_whole(void **state)
{
    struct foreign f;
    struct sr_worker_stats untouched;

    (void)state;
    memset(&f, 1, sizeof(f));
    memset(&untouched, 0, sizeof(untouched));
    struct sr_counters_values more = values_of(&f), tables_only = more, names = more, none = more;
    more.count += 1;
    tables_only.count = sr_worker_names();
    names.name_count -= 1;
    none.count = 0;
    assert_false(sr_worker_stats_restore(stats, next, &more));
    assert_false(sr_worker_stats_restore(stats, next, &tables_only));
    assert_false(sr_worker_stats_restore(stats, next, &names));
    assert_false(sr_worker_stats_restore(stats, next, &none));
    assert_false(sr_reasons_restore(stats, &next->lost, &more, sr_worker_names() - 1));
    assert_false(sr_reasons_restore(stats, &next->lost, &none, 0));
    assert_memory_equal(next, &untouched, sizeof(untouched));
}

/*
 * The layout of the first version: three tables, the socket's two values, received, received_bytes,
 * decoded, records, deadlettered, kernel_drops, batches, recovered.
 */
enum { FIRST_NAMES = 3 * SR_REASONS_MAX, FIRST_VALUES = FIRST_NAMES + 2 + 8 };

static void
the_values_of_the_first_version_are_taken(void **state)
{
    struct foreign f;
    struct sr_counters_values values;

    (void)state;
    memset(&f, 0, sizeof(f));
    for (unsigned i = 0; i < 3; i++) {
        (void)snprintf(f.names[i * SR_REASONS_MAX], SR_COUNTERS_NAME_MAX, "reason_%u", i);
        f.values[i * SR_REASONS_MAX] = 10 + i;
    }
    for (unsigned i = 0; i < 10; i++) {
        f.values[FIRST_NAMES + i] = 20 + i;
    }
    memset(f.values + FIRST_VALUES, 0xff, sizeof(f.values) - FIRST_VALUES * sizeof(f.values[0]));
    values = values_of(&f);
    values.count = FIRST_VALUES;
    values.name_count = FIRST_NAMES;
    assert_true(sr_worker_stats_restore(stats, next, &values));
    assert_int_equal(count_of(&next->undecodable, "reason_0"), 10);
    assert_int_equal(count_of(&next->dropped, "reason_1"), 11);
    assert_int_equal(count_of(&next->lost, "reason_2"), 12);
    assert_int_equal(sr_reasons_total(&next->consumed), 0);
    assert_int_equal(sr_counted(&next->socket_cookie), 20);
    assert_int_equal(sr_counted(&next->kernel_seen), 21);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(sr_counted(counter(next, i)), 22 + i);
    }
    assert_int_equal(sr_counted(&next->parts), 0);
}

static void
the_first_version_without_its_last_counter_is_taken(void **state)
{
    struct foreign f;

    (void)state;
    memset(&f, 0, sizeof(f));
    f.values[FIRST_NAMES + 2] = 4;
    f.values[FIRST_VALUES - 1] = 5;
    struct sr_counters_values values = values_of(&f);
    values.count = FIRST_VALUES - 1;
    values.name_count = FIRST_NAMES;
    assert_true(sr_worker_stats_restore(stats, next, &values));
    assert_int_equal(sr_counted(&next->received), 4);
    assert_int_equal(sr_counted(&next->recovered), 0);
}

static void
names_of_one_version_with_values_of_the_other_are_refused(void **state)
{
    struct foreign f;
    struct sr_worker_stats untouched;

    (void)state;
    memset(&f, 1, sizeof(f));
    memset(&untouched, 0, sizeof(untouched));
    struct sr_counters_values values = values_of(&f);
    values.name_count = FIRST_NAMES;
    assert_false(sr_worker_stats_restore(stats, next, &values));
    values = values_of(&f);
    values.count = FIRST_VALUES;
    assert_false(sr_worker_stats_restore(stats, next, &values));
    assert_memory_equal(next, &untouched, sizeof(untouched));
}

#define saved(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        saved(every_counter_comes_back),
        saved(several_workers_fold_into_one),
        saved(the_first_socket_is_kept_and_never_added_up),
        saved(reasons_beyond_the_rows_become_other),
        saved(a_reason_that_comes_later_is_named_too),
        saved(restored_reasons_outlive_the_file),
        saved(a_reason_that_is_no_word_counts_as_other),
        saved(values_that_are_not_a_workers_are_refused_whole),
        saved(the_values_of_the_first_version_are_taken),
        saved(the_first_version_without_its_last_counter_is_taken),
        saved(names_of_one_version_with_values_of_the_other_are_refused),
    };
    return cmocka_run_group_tests_name("stats_kept", tests, NULL, NULL);
}
