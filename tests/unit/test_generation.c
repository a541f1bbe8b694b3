/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enroll/history.h"
#include "generation_host.h"

#define CREDS "etc/serviceradar/creds/nats.creds"
#define TRAPD "etc/serviceradar/trapd.json"

static int
make(void **state)
{
    static struct host host;

    host_make(&host);
    host_folder(&host, "etc");
    *state = &host;
    return 0;
}

static int
unmake(void **state)
{
    host_remove(*state);
    return 0;
}

static void
assert_text(const struct host *host, const char *path, const char *text)
{
    char *now = host_read(host, path);

    if (text == NULL) {
        assert_null(now);
    } else {
        assert_non_null(now);
        assert_string_equal(now, text);
    }
    free(now);
}

static void
assert_applied(
    const struct host *host, const struct generation_file *files, size_t count, uint64_t time)
{
    struct trouble trouble;

    if (!host_apply(host, NULL, files, count, time, &trouble)) {
        fail_msg("%s; %s", trouble.cause, trouble.remedy);
    }
}

/* Applies one file with all that can be said about it. */
static struct generation_report
apply_one(
    const struct host *host, const char *path, const char *text, struct generation_options options)
{
    struct generation_file file = host_file(path, text);
    struct generation_set set = {
        .files = &file, .count = 1, .folder_uid = geteuid(), .folder_gid = getegid()
    };
    struct generations *g = host_open(host, NULL);
    struct generation_report report, foreseen;
    struct trouble trouble;

    assert_true(generation_compare(g, &set, &options, &foreseen, &trouble));
    assert_true(generation_preflight(g, &set, &trouble));
    assert_true(generation_apply(g, &set, &options, &report, &trouble));
    assert_int_equal(foreseen.changed, report.changed);
    assert_int_equal(foreseen.count, report.count);
    assert_memory_equal(foreseen.files, report.files, sizeof(report.files[0]));
    generations_close(g);
    return report;
}

static struct generation_report
roll_back(const struct host *host, struct generation_options options)
{
    struct generations *g = host_open(host, NULL);
    struct generation_report report;
    struct trouble trouble;

    if (!generation_rollback(g, &options, &report, &trouble)) {
        fail_msg("%s; %s", trouble.cause, trouble.remedy);
    }
    generations_close(g);
    return report;
}

/* Preflight must find it, in these words, and apply must too; nothing changes. */
static void
assert_refused(const struct host *host, const struct file_ops *ops,
    const struct generation_file *file, int error, const char *cause)
{
    struct generation_set set = { .files = file, .count = 1, .bundle = span_of("bundle") };
    struct generation_options options = { .time = 1 };
    struct generations *g = host_open(host, ops);
    char *before = host_picture(host, NULL);
    struct generation_report report;
    struct trouble trouble;

    assert_false(generation_preflight(g, &set, &trouble));
    if (strstr(trouble.cause, cause) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", cause, trouble.cause);
    }
    assert_int_equal(trouble.error, error);
    assert_true(trouble.remedy[0] != '\0');
    assert_false(generation_apply(g, &set, &options, &report, &trouble));
    assert_int_equal(trouble.error, error);
    char *after = host_picture(host, NULL);
    assert_string_equal(after, before);
    generations_close(g);
    free(before);
    free(after);
}

/* ---- Putting in place ---- */

static void
a_set_gets_its_modes_whatever_the_umask(void **state)
{
    static const mode_t umasks[] = { 0, 0077 };
    const struct host *host = *state;

    for (unsigned i = 0; i < 2; i++) {
        struct generation_file files[] = { host_file(CREDS, "creds"), host_file(TRAPD, "{}") };
        char text[8];
        files[1].mode = 0644;
        (void)snprintf(text, sizeof(text), "%u", i);
        files[0].bytes = span_of(text);
        mode_t was = umask(umasks[i]);
        assert_applied(host, files, 2, 1000 + i);
        (void)umask(was);
        assert_text(host, CREDS, text);
        assert_int_equal(host_mode(host, CREDS), 0640);
        assert_int_equal(host_mode(host, TRAPD), 0644);
        assert_int_equal(host_mode(host, "etc/serviceradar"), 0750);
        assert_int_equal(host_mode(host, "etc/serviceradar/creds"), 0750);
        assert_int_equal(host_mode(host, HISTORY_FOLDER), 0700);
        assert_int_equal(host_mode(host, HISTORY_FOLDER "/gen-1"), 0700);
        assert_int_equal(host_mode(host, HISTORY_FOLDER "/gen-1/bundle"), 0600);
        assert_int_equal(host_mode(host, HISTORY_FOLDER "/gen-1/after.0"), 0600);
        assert_int_equal(host_mode(host, HISTORY_FOLDER "/lock"), 0600);
    }
    assert_text(host, HISTORY_FOLDER "/gen-1/bundle", "what was received");
}

static void
a_set_gets_its_owners(void **state)
{
    const struct host *host = *state;
    struct generation_file file = host_file(CREDS, "creds");
    struct generation_set set = {
        .files = &file, .count = 1, .folder_uid = 4001, .folder_gid = 4002
    };
    struct generation_options options = { .time = 1 };
    struct generation_report report;
    struct trouble trouble;
    char path[128];
    struct stat st;

    if (geteuid() != 0) {
        skip();
    }
    file.uid = 4003;
    file.gid = 4004;
    struct generations *g = host_open(host, NULL);
    assert_true(generation_apply(g, &set, &options, &report, &trouble));
    generations_close(g);
    (void)snprintf(path, sizeof(path), "%s/%s", host->root, CREDS);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_uid == 4003 && st.st_gid == 4004);
    (void)snprintf(path, sizeof(path), "%s/etc/serviceradar", host->root);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_uid == 4001 && st.st_gid == 4002);
}

static void
what_is_there_already_is_not_written_again(void **state)
{
    const struct host *host = *state;
    const struct generation_file files[] = { host_file(CREDS, "creds"), host_file("etc/no", NULL) };
    struct stat before, after;
    char path[128];

    assert_applied(host, files, 2, 1000);
    (void)snprintf(path, sizeof(path), "%s/%s", host->root, CREDS);
    assert_int_equal(stat(path, &before), 0);
    char *picture = host_picture(host, NULL);
    assert_applied(host, files, 2, 2000);
    char *again = host_picture(host, NULL);
    assert_int_equal(stat(path, &after), 0);
    assert_string_equal(again, picture);
    assert_true(before.st_ino == after.st_ino && before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
                before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
    struct generation_report report =
        apply_one(host, CREDS, "creds", (struct generation_options){ .time = 3000 });
    assert_true(!report.changed && report.number == 1);
    assert_int_equal(report.files[0].change, GENERATION_SAME);
    free(picture);
    free(again);
}

static void
another_mode_alone_is_a_change(void **state)
{
    const struct host *host = *state;

    (void)apply_one(host, TRAPD, "{}", (struct generation_options){ .time = 1000 });
    host_write(host, TRAPD, "{}", 0666);
    struct generation_report report =
        apply_one(host, TRAPD, "{}", (struct generation_options){ .time = 2000 });
    assert_true(report.changed);
    assert_int_equal(report.files[0].change, GENERATION_REPLACED);
    assert_int_equal(host_mode(host, TRAPD), 0640);
}

static void
what_a_set_does_not_name_stays(void **state)
{
    const struct host *host = *state;

    host_folder(host, "etc/serviceradar");
    host_write(host, "etc/serviceradar/mine.json", "mine", 0600);
    (void)apply_one(host, TRAPD, "{}", (struct generation_options){ .time = 1000 });
    (void)apply_one(host, CREDS, "creds", (struct generation_options){ .time = 2000 });
    assert_text(host, "etc/serviceradar/mine.json", "mine");
    assert_text(host, TRAPD, "{}");
    assert_text(host, CREDS, "creds");
    assert_int_equal(host_mode(host, "etc/serviceradar"), 0755); /* as it was made by others */
}

/* Every file that is written to has mode 0600 until then, and its own before it gets its name. */
static int
watching_open(int dir, const char *name, int flags, mode_t mode)
{
    if ((flags & O_CREAT) != 0) {
        assert_int_equal(mode, 0600);
    }
    return file_ops_system.open(dir, name, flags, mode);
}

static ssize_t
watching_write(int fd, const void *bytes, size_t len)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0077, 0);
    assert_int_equal(st.st_uid, geteuid());
    return write(fd, bytes, len);
}

static unsigned watched_renames;

static int
watching_rename(int from_dir, const char *from, int dir, const char *name)
{
    struct stat st;

    if (strcmp(name, "nats.creds") == 0) {
        assert_int_equal(fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        watched_renames++;
    }
    return renameat(from_dir, from, dir, name);
}

static void
no_file_is_ever_wider_than_it_ends(void **state)
{
    const struct generation_file file = host_file(CREDS, "creds");
    struct file_ops ops = file_ops_system;
    struct trouble trouble;
    mode_t was = umask(0);

    ops.open = watching_open;
    ops.write = watching_write;
    ops.rename = watching_rename;
    assert_true(host_apply(*state, &ops, &file, 1, 1000, &trouble));
    assert_int_equal(watched_renames, 1);
    (void)umask(was);
}

/* ---- What an operator changed ---- */

static void
what_an_operator_changed_is_named_and_kept(void **state)
{
    const struct host *host = *state;
    const struct generation_options first = { .time = 1000 }, second = { .time = 1764000000 };

    struct generation_report report = apply_one(host, TRAPD, "1", first);
    assert_int_equal(report.files[0].change, GENERATION_NEW);
    report = apply_one(host, TRAPD, "2", first);
    assert_int_equal(report.files[0].change, GENERATION_REPLACED);
    assert_string_equal(report.files[0].kept, "");
    host_write(host, TRAPD, "edited", 0600);
    report = apply_one(host, TRAPD, "3", second);
    assert_int_equal(report.files[0].change, GENERATION_CHANGED);
    assert_string_equal(report.files[0].path, TRAPD);
    assert_string_equal(report.files[0].kept, "trapd.json.operator-20251124T160000Z");
    assert_text(host, "etc/serviceradar/trapd.json.operator-20251124T160000Z", "edited");
    assert_int_equal(
        host_mode(host, "etc/serviceradar/trapd.json.operator-20251124T160000Z"), 0600);
    assert_text(host, TRAPD, "3");
    /* In the same second again: the first copy stays. */
    host_write(host, TRAPD, "edited more", 0600);
    report = apply_one(host, TRAPD, "4", second);
    assert_string_equal(report.files[0].kept, "trapd.json.operator-20251124T160001Z");
    assert_text(host, "etc/serviceradar/trapd.json.operator-20251124T160000Z", "edited");
    assert_text(host, "etc/serviceradar/trapd.json.operator-20251124T160001Z", "edited more");
}

static void
with_force_nothing_is_kept_beside(void **state)
{
    const struct host *host = *state;
    const struct generation_options forced = { .time = 1000, .force = true };

    (void)apply_one(host, TRAPD, "1", forced);
    host_write(host, TRAPD, "edited", 0600);
    char *before = host_picture(host, HISTORY_FOLDER);
    struct generation_report report = apply_one(host, TRAPD, "2", forced);
    assert_int_equal(report.files[0].change, GENERATION_CHANGED);
    assert_string_equal(report.files[0].kept, "");
    assert_text(host, TRAPD, "2");
    /* But the generation has it. */
    (void)roll_back(host, forced);
    char *after = host_picture(host, HISTORY_FOLDER);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

static void
a_file_that_no_generation_knows_is_kept_too(void **state)
{
    const struct host *host = *state;

    host_folder(host, "etc/serviceradar");
    host_write(host, TRAPD, "by hand", 0644);
    struct generation_report report =
        apply_one(host, TRAPD, "1", (struct generation_options){ .time = 1000 });
    assert_int_equal(report.files[0].change, GENERATION_FOREIGN);
    assert_string_equal(report.files[0].kept, "trapd.json.operator-19700101T001640Z");
    assert_text(host, "etc/serviceradar/trapd.json.operator-19700101T001640Z", "by hand");
}

static void
a_file_that_an_operator_removed_is_named(void **state)
{
    const struct host *host = *state;
    char path[128];

    (void)apply_one(host, TRAPD, "1", (struct generation_options){ .time = 1000 });
    (void)snprintf(path, sizeof(path), "%s/%s", host->root, TRAPD);
    assert_int_equal(unlink(path), 0);
    struct generation_report report =
        apply_one(host, TRAPD, "1", (struct generation_options){ .time = 2000 });
    assert_true(report.changed);
    assert_int_equal(report.files[0].change, GENERATION_CHANGED);
    assert_string_equal(report.files[0].kept, "");
    assert_text(host, TRAPD, "1");
}

/* ---- Back ---- */

static void
going_back_brings_back_what_was_there(void **state)
{
    const struct host *host = *state;
    const struct generation_options options = { .time = 1000 };
    const struct generation_file first[] = { host_file(TRAPD, "1"), host_file("etc/old", "old") };
    struct generation_file second[] = { host_file(TRAPD, "2"), host_file("etc/old", NULL),
        host_file(CREDS, "creds") };

    host_folder(host, "etc/serviceradar/creds");
    char *at_first = host_picture(host, "var");
    assert_applied(host, first, 2, 1000);
    char *after_one = host_picture(host, "var");
    second[0].mode = 0600;
    assert_applied(host, second, 3, 2000);
    assert_text(host, "etc/old", NULL);
    struct generation_report report = roll_back(host, options);
    assert_true(report.changed && report.number == 1 && report.count == 3);
    char *now = host_picture(host, "var");
    assert_string_equal(now, after_one);
    free(now);
    report = roll_back(host, options);
    assert_int_equal(report.number, 0);
    now = host_picture(host, "var");
    assert_string_equal(now, at_first);
    free(now);
    free(at_first);
    free(after_one);
}

static void
going_back_keeps_what_an_operator_changed_since(void **state)
{
    const struct host *host = *state;

    (void)apply_one(host, TRAPD, "1", (struct generation_options){ .time = 1000 });
    (void)apply_one(host, TRAPD, "2", (struct generation_options){ .time = 2000 });
    host_write(host, TRAPD, "edited", 0600);
    struct generation_report report = roll_back(host, (struct generation_options){ .time = 1000 });
    assert_int_equal(report.files[0].change, GENERATION_CHANGED);
    assert_text(host, "etc/serviceradar/trapd.json.operator-19700101T001640Z", "edited");
    assert_text(host, TRAPD, "1");
}

static void
there_is_no_going_back_from_nothing_nor_to_a_damaged_copy(void **state)
{
    const struct host *host = *state;
    const struct generation_options options = { .time = 1000 };
    struct generations *g = host_open(host, NULL);
    struct generation_report report;
    struct trouble trouble;

    assert_false(generation_rollback(g, &options, &report, &trouble));
    assert_int_equal(trouble.error, ENOENT);
    generations_close(g);
    (void)apply_one(host, TRAPD, "1", options);
    (void)apply_one(host, TRAPD, "2", options);
    host_write(host, HISTORY_FOLDER "/gen-2/before.0", "x", 0600);
    g = host_open(host, NULL);
    assert_false(generation_rollback(g, &options, &report, &trouble));
    assert_int_equal(trouble.error, ESTALE);
    generations_close(g);
    assert_text(host, TRAPD, "2");
}

/* ---- What is kept ---- */

static void
the_last_three_are_kept_and_listed(void **state)
{
    const struct host *host = *state;
    struct generation_list list;
    struct trouble trouble;
    char text[8];

    for (unsigned i = 1; i <= 5; i++) {
        (void)snprintf(text, sizeof(text), "%u", i);
        struct generation_report report =
            apply_one(host, TRAPD, text, (struct generation_options){ .time = UINT64_C(1000) * i });
        assert_int_equal(report.number, i);
    }
    struct generations *g = host_open(host, NULL);
    assert_true(generation_list(g, &list, &trouble));
    assert_int_equal(list.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(list.items[i].number, i + 3);
        assert_int_equal(list.items[i].time, (i + 3) * 1000);
        assert_false(list.items[i].undone);
        assert_int_equal(list.items[i].count, 1);
        assert_string_equal(list.items[i].files[0].path, TRAPD);
        assert_int_equal(list.items[i].files[0].after.size, 1);
    }
    generation_list_free(&list);
    generations_close(g);
}

static void
an_undone_generation_stays_for_a_look_and_its_number_is_not_used_again(void **state)
{
    const struct host *host = *state;
    const struct generation_options options = { .time = 1000 };
    struct generation_list list;
    struct trouble trouble;

    (void)apply_one(host, TRAPD, "1", options);
    for (unsigned i = 2; i <= 4; i++) {
        assert_int_equal(apply_one(host, TRAPD, "2", options).number, i);
        (void)roll_back(host, options);
    }
    assert_int_equal(apply_one(host, TRAPD, "3", options).number, 5);
    struct generations *g = host_open(host, NULL);
    assert_true(generation_list(g, &list, &trouble));
    assert_int_equal(list.count, 3); /* of the undone ones only the newest */
    assert_true(list.items[0].number == 1 && !list.items[0].undone);
    assert_true(list.items[1].number == 4 && list.items[1].undone);
    assert_true(list.items[2].number == 5 && !list.items[2].undone);
    generation_list_free(&list);
    generations_close(g);
}

static void
a_received_bundle_is_kept_until_its_generation_has_it(void **state)
{
    const struct host *host = *state;
    const struct generation_file file = host_file(TRAPD, "1");
    struct generations *g = host_open(host, NULL);
    struct place_content bundle;
    struct trouble trouble;

    assert_false(generation_bundle(g, 0, &bundle, &trouble));
    assert_int_equal(trouble.error, ENOENT);
    assert_true(generation_keep_bundle(g, span_of("first"), &trouble));
    assert_true(generation_keep_bundle(g, span_of("received"), &trouble));
    assert_int_equal(host_mode(host, HISTORY_FOLDER "/bundle.received"), 0600);
    assert_true(generation_bundle(g, 0, &bundle, &trouble));
    assert_int_equal(bundle.len, 8);
    assert_memory_equal(bundle.bytes, "received", 8);
    place_free(&bundle);
    generations_close(g);
    assert_applied(host, &file, 1, 1000);
    g = host_open(host, NULL);
    assert_false(generation_bundle(g, 0, &bundle, &trouble));
    assert_true(generation_bundle(g, 1, &bundle, &trouble));
    assert_int_equal(bundle.len, strlen("what was received"));
    place_free(&bundle);
    generations_close(g);
}

static void
reading_only_writes_nothing_and_needs_no_lock(void **state)
{
    const struct host *host = *state;
    struct generations_options options = { .root = host->root, .read_only = true };
    struct generation_file file = host_file(TRAPD, "1");
    struct generation_set set = { .files = &file, .count = 1 };
    struct generation_options how = { .time = 1 };
    struct generation_report report;
    struct generation_list list;
    struct generations *g, *writer;
    struct trouble trouble;

    char *before = host_picture(host, NULL);
    assert_true(generations_open(&options, &g, &trouble));
    assert_true(generation_list(g, &list, &trouble));
    assert_int_equal(list.count, 0);
    generation_list_free(&list);
    assert_true(generation_preflight(g, &set, &trouble));
    assert_true(generation_compare(g, &set, &how, &report, &trouble));
    assert_true(report.changed && report.files[0].change == GENERATION_NEW);
    assert_false(generation_apply(g, &set, &how, &report, &trouble));
    assert_int_equal(trouble.error, EROFS);
    generations_close(g);
    char *after = host_picture(host, NULL);
    assert_string_equal(after, before);
    (void)apply_one(host, TRAPD, "1", how);
    writer = host_open(host, NULL);
    assert_true(generations_open(&options, &g, &trouble));
    assert_true(generation_list(g, &list, &trouble));
    assert_int_equal(list.count, 1);
    generation_list_free(&list);
    generations_close(g);
    generations_close(writer);
    free(before);
    free(after);
}

/* ---- What is refused ---- */

static void
a_second_process_is_told_who_is_at_work(void **state)
{
    const struct host *host = *state;
    struct generations_options options = { .root = host->root };
    struct generations *g = host_open(host, NULL), *second = NULL;
    struct trouble trouble;
    char pid[32];

    assert_false(generations_open(&options, &second, &trouble));
    assert_int_equal(trouble.error, EWOULDBLOCK);
    (void)snprintf(pid, sizeof(pid), "process (%ld)", (long)getpid());
    assert_non_null(strstr(trouble.cause, pid));
    generations_close(g);
    generations_close(host_open(host, NULL));
}

static void
make_link(const struct host *host, const char *to, const char *path)
{
    char full[128];

    (void)snprintf(full, sizeof(full), "%s/%s", host->root, path);
    assert_int_equal(symlink(to, full), 0);
}

static void
a_link_on_the_way_is_refused_wherever_it_leads(void **state)
{
    const struct host *host = *state;
    const struct generation_file file = host_file("etc/serviceradar/a", "1");
    const struct generation_file target = host_file("etc/b", "1");

    host_folder(host, "srv");
    make_link(host, "/tmp", "etc/serviceradar");
    assert_refused(host, NULL, &file, ELOOP, "symbolic link");
    make_link(host, "../srv", "etc/inside");
    const struct generation_file inside = host_file("etc/inside/a", "1");
    assert_refused(host, NULL, &inside, ELOOP, "symbolic link");
    make_link(host, "../srv/x", "etc/b");
    assert_refused(host, NULL, &target, ELOOP, "symbolic link");
}

static void
what_is_no_file_is_not_replaced(void **state)
{
    const struct host *host = *state;
    const struct generation_file folder = host_file("etc/a", "1"), fifo = host_file("etc/b", "1");
    const struct generation_file below = host_file("etc/c/d", "1");
    char path[128];

    host_folder(host, "etc/a");
    assert_refused(host, NULL, &folder, EISDIR, "/etc/a: it is a folder");
    (void)snprintf(path, sizeof(path), "%s/etc/b", host->root);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(host, NULL, &fifo, EINVAL, "/etc/b");
    host_write(host, "etc/c", "", 0600);
    assert_refused(host, NULL, &below, ENOTDIR, "not a folder");
}

static void
a_folder_that_everybody_may_write_to_is_refused(void **state)
{
    const struct host *host = *state;
    const struct generation_file file = host_file("etc/open/a", "1");
    char path[128];

    host_folder(host, "etc/open");
    (void)snprintf(path, sizeof(path), "%s/etc/open", host->root);
    assert_int_equal(chmod(path, 01777), 0);
    assert_refused(host, NULL, &file, TROUBLE_EVERYBODY, "everybody may write");
}

static void
a_file_of_somebody_else_that_others_may_write_to_is_refused(void **state)
{
    const struct host *host = *state;
    const struct generation_file file = host_file("etc/a", "1");
    char path[128];

    if (geteuid() != 0) {
        skip();
    }
    host_write(host, "etc/a", "trap", 0660);
    (void)snprintf(path, sizeof(path), "%s/etc/a", host->root);
    assert_int_equal(chown(path, 4001, 4001), 0);
    assert_refused(host, NULL, &file, EPERM, "user 4001");
    assert_int_equal(chmod(path, 0640), 0);
    assert_applied(host, &file, 1, 1);
}

static int
full_disk(int fd, struct statvfs *ret_fs)
{
    int result = fstatvfs(fd, ret_fs);

    ret_fs->f_bavail = 30000 / ret_fs->f_frsize;
    return result;
}

static int
no_inodes(int fd, struct statvfs *ret_fs)
{
    int result = fstatvfs(fd, ret_fs);

    ret_fs->f_files = 1000;
    ret_fs->f_favail = 3;
    return result;
}

static int
read_only_disk(int dir, const char *name, int mode, int flags)
{
    if (mode == F_OK) {
        return faccessat(dir, name, mode, flags);
    }
    errno = EROFS;
    return -1;
}

static void
a_disk_that_cannot_take_it_is_found_before_anything_is_written(void **state)
{
    const struct generation_file file = host_file("etc/a", "1");
    struct file_ops ops = file_ops_system;

    ops.space = full_disk;
    assert_refused(*state, &ops, &file, ENOSPC, "bytes");
    ops.space = no_inodes;
    assert_refused(*state, &ops, &file, ENOSPC, "3 inodes free");
    ops = file_ops_system;
    ops.access = read_only_disk;
    assert_refused(*state, &ops, &file, EROFS, "read-only");
}

static void
a_set_that_is_not_well_formed_is_refused(void **state)
{
    struct generation_file file = host_file("etc/../../x", "1");

    assert_refused(*state, NULL, &file, EINVAL, "no path");
    file = host_file("/etc/x", "1");
    assert_refused(*state, NULL, &file, EINVAL, "no path");
    file = host_file(HISTORY_FOLDER "/lock", "1");
    assert_refused(*state, NULL, &file, EINVAL, "no path");
    file = host_file("etc/x", "1");
    file.mode = 0660;
    assert_refused(*state, NULL, &file, EINVAL, "wider");
    file.mode = 04755;
    assert_refused(*state, NULL, &file, EINVAL, "wider");
    const struct generation_file twice[] = { host_file("etc/x", "1"), host_file("etc/x", "2") };
    struct generation_set set = { .files = twice, .count = 2 };
    struct generations *g = host_open(*state, NULL);
    struct trouble trouble;
    assert_false(generation_preflight(g, &set, &trouble));
    assert_non_null(strstr(trouble.cause, "twice"));
    set.count = 0;
    assert_false(generation_preflight(g, &set, &trouble));
    generations_close(g);
}

static void
a_damaged_journal_stops_the_start_and_is_left(void **state)
{
    const struct host *host = *state;
    struct generations_options options = { .root = host->root };
    struct generations *g = NULL;
    struct trouble trouble;

    generations_close(host_open(host, NULL));
    host_write(host, HISTORY_FOLDER "/journal", "serviceradar-generation 1\napply 1", 0600);
    assert_false(generations_open(&options, &g, &trouble));
    assert_int_equal(trouble.error, ESTALE);
    assert_non_null(strstr(trouble.cause, "damaged"));
    assert_text(host, HISTORY_FOLDER "/journal", "serviceradar-generation 1\napply 1");
}

static void
a_root_that_is_not_there_is_named(void **state)
{
    struct generations_options options = { .root = "/nowhere/at-all" };
    struct generations *g = NULL;
    struct trouble trouble;

    (void)state;
    assert_false(generations_open(&options, &g, &trouble));
    assert_non_null(strstr(trouble.cause, "/nowhere/at-all"));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_set_gets_its_modes_whatever_the_umask),
        CLAIM(a_set_gets_its_owners),
        CLAIM(what_is_there_already_is_not_written_again),
        CLAIM(another_mode_alone_is_a_change),
        CLAIM(what_a_set_does_not_name_stays),
        CLAIM(no_file_is_ever_wider_than_it_ends),
        CLAIM(what_an_operator_changed_is_named_and_kept),
        CLAIM(with_force_nothing_is_kept_beside),
        CLAIM(a_file_that_no_generation_knows_is_kept_too),
        CLAIM(a_file_that_an_operator_removed_is_named),
        CLAIM(going_back_brings_back_what_was_there),
        CLAIM(going_back_keeps_what_an_operator_changed_since),
        CLAIM(there_is_no_going_back_from_nothing_nor_to_a_damaged_copy),
        CLAIM(the_last_three_are_kept_and_listed),
        CLAIM(an_undone_generation_stays_for_a_look_and_its_number_is_not_used_again),
        CLAIM(a_received_bundle_is_kept_until_its_generation_has_it),
        CLAIM(reading_only_writes_nothing_and_needs_no_lock),
        CLAIM(a_second_process_is_told_who_is_at_work),
        CLAIM(a_link_on_the_way_is_refused_wherever_it_leads),
        CLAIM(what_is_no_file_is_not_replaced),
        CLAIM(a_folder_that_everybody_may_write_to_is_refused),
        CLAIM(a_file_of_somebody_else_that_others_may_write_to_is_refused),
        CLAIM(a_disk_that_cannot_take_it_is_found_before_anything_is_written),
        CLAIM(a_set_that_is_not_well_formed_is_refused),
        CLAIM(a_damaged_journal_stops_the_start_and_is_left),
        CLAIM(a_root_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
