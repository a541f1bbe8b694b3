/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "files.h"
#include "folder.h"
#include "issuer/schema.h"
#include "issuer/store.h"

static char base[] = "/tmp/sr_store_XXXXXX";
static char dir[FILES_PATH_MAX], key_file[FILES_PATH_MAX], db_file[FILES_PATH_MAX];
static const struct store_place place = { dir, NULL };
static struct trouble trouble;

static int
make_base(void **state)
{
    (void)state;
    return mkdtemp(base) != NULL && files_path(dir, "%s/issuer", base) &&
                   files_path(key_file, "%s/master.key", dir) &&
                   files_path(db_file, "%s/state.db", dir)
               ? 0
               : -1;
}

static int
remove_base(void **state)
{
    (void)state;
    return folder_remove(base);
}

static int
remove_dir(void **state)
{
    (void)state;
    return files_remove_tree(dir) ? 0 : -1;
}

static struct store *
create(void)
{
    struct store *store = NULL;

    if (!store_create(&place, &store, &trouble)) {
        fail_msg("%s", trouble.cause);
    }
    return store;
}

static struct store *
open_again(void)
{
    struct store *store = NULL;

    if (!store_open(&place, &store, &trouble)) {
        fail_msg("%s", trouble.cause);
    }
    return store;
}

static void
opening_fails_with(int error)
{
    struct store *store = NULL;

    memset(&trouble, 0, sizeof(trouble));
    assert_false(store_open(&place, &store, &trouble));
    assert_null(store);
    assert_int_equal(trouble.error, error);
    assert_true(strlen(trouble.cause) > 0 && strlen(trouble.remedy) > 0);
}

static void
is_setting(struct store *store, const char *name, const char *value)
{
    char text[64] = "?";

    assert_true(store_setting(store, name, text, sizeof(text), &trouble));
    assert_string_equal(text, value);
}

static mode_t
mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void
what_is_kept_is_there_after_the_store_is_opened_again(void **state)
{
    (void)state;
    uint8_t out[STORE_SECRET_MAX];
    size_t len = 0;
    struct store *store = create();

    assert_true(store_set(store, "operator", "acme", &trouble));
    assert_true(store_keep_secret(store, "ca", "root", span_of("old"), &trouble));
    assert_true(store_keep_secret(store, "ca", "root", span_of("a private key"), &trouble));
    assert_true(store_audit(store, "root", "ca.init", "root", "", &trouble));
    store_close(store);

    store = open_again();
    is_setting(store, "operator", "acme");
    is_setting(store, "absent", "");
    assert_true(store_secret(store, "ca", "root", out, &len, &trouble));
    assert_int_equal(len, strlen("a private key"));
    assert_memory_equal(out, "a private key", len);
    assert_true(store_drop_secret(store, "ca", "root", &trouble));
    assert_true(store_drop_secret(store, "ca", "root", &trouble));
    assert_false(store_secret(store, "ca", "root", out, &len, &trouble));
    assert_int_equal(trouble.error, ENOENT);
    store_close(store);
}

static void
key_pairs_come_back_as_they_were(void **state)
{
    (void)state;
    struct sr_nkeypair pair, back;
    struct store *store = create();

    assert_int_equal(sr_nkeypair_generate(SR_NKEY_ACCOUNT, &pair), SR_NKEY_OK);
    assert_true(store_keep_pair(store, "account/acme", &pair, &trouble));
    assert_true(store_pair(store, "account/acme", &back, &trouble));
    assert_string_equal(back.public_text, pair.public_text);
    assert_memory_equal(back.seed, pair.seed, sizeof(pair.seed));
    assert_false(store_pair(store, "account/globex", &back, &trouble));
    store_close(store);
}

static void
only_the_owner_can_read_what_it_makes(void **state)
{
    (void)state;
    mode_t before = umask(0);
    struct store *store = create();

    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "a", "b", &trouble));
    assert_true(store_commit(store, &trouble));
    (void)umask(before);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(key_file), 0600);
    assert_int_equal(mode_of(db_file), 0600);
    store_close(store);
}

static void
no_secret_is_in_the_files_in_clear(void **state)
{
    (void)state;
    static const char secret[] = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    char *text = NULL;
    size_t len = 0;
    struct store *store = create();

    assert_true(store_keep_secret(store, "nkey", "a", span_of(secret), &trouble));
    store_close(store);
    assert_true(files_read(db_file, 1 << 20, &text, &len));
    assert_non_null(memmem(text, len, "nkey", 4));
    assert_null(memmem(text, len, secret, 8));
    free(text);
}

static void
a_second_one_is_not_made_in_its_place(void **state)
{
    (void)state;
    struct store *other = NULL;
    struct store *store = create();

    assert_true(store_set(store, "operator", "acme", &trouble));
    assert_false(store_create(&place, &other, &trouble));
    assert_int_equal(trouble.error, EEXIST);
    is_setting(store, "operator", "acme");
    store_close(store);
}

static void
a_key_that_is_there_is_used(void **state)
{
    (void)state;
    static const char text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    char *now = NULL;
    size_t len = 0;

    assert_int_equal(mkdir(dir, 0700), 0);
    assert_true(files_write(key_file, text, strlen(text), 0600));
    store_close(create());
    assert_true(files_read(key_file, 1000, &now, &len));
    assert_string_equal(now, text);
    free(now);
    store_close(open_again());
}

static void
the_key_may_be_in_another_place(void **state)
{
    (void)state;
    char elsewhere[FILES_PATH_MAX];
    struct store *store = NULL;

    assert_true(files_path(elsewhere, "%s/elsewhere.key", base));
    const struct store_place apart = { dir, elsewhere };
    assert_true(store_create(&apart, &store, &trouble));
    store_close(store);
    assert_int_equal(access(key_file, F_OK), -1);
    opening_fails_with(ENOENT);
    assert_true(store_open(&apart, &store, &trouble));
    store_close(store);
    assert_int_equal(unlink(elsewhere), 0);
}

static void
a_key_of_another_database_is_refused(void **state)
{
    (void)state;
    static const char text[] = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

    store_close(create());
    assert_true(files_write(key_file, text, strlen(text), 0600));
    opening_fails_with(ESTALE);
    assert_non_null(strstr(trouble.cause, "master key"));
}

static void
what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "\n", "0001",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g\n",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n\n" };

    store_close(create());
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(files_write(key_file, texts[i], strlen(texts[i]), 0600));
        opening_fails_with(EINVAL);
    }
}

static void
files_that_others_can_read_are_refused(void **state)
{
    (void)state;
    store_close(create());
    assert_int_equal(chmod(key_file, 0640), 0);
    opening_fails_with(EPERM);
    assert_int_equal(chmod(key_file, 0600), 0);
    assert_int_equal(chmod(db_file, 0604), 0);
    opening_fails_with(EPERM);
    assert_int_equal(chmod(db_file, 0600), 0);
    assert_int_equal(chmod(dir, 0770), 0);
    opening_fails_with(EPERM);
    assert_int_equal(chmod(dir, 0700), 0);
    store_close(open_again());
}

static void
links_are_refused(void **state)
{
    (void)state;
    char moved[FILES_PATH_MAX];

    store_close(create());
    assert_true(files_path(moved, "%s/moved", dir));
    assert_int_equal(rename(key_file, moved), 0);
    assert_int_equal(symlink(moved, key_file), 0);
    opening_fails_with(ELOOP);
    assert_int_equal(rename(moved, key_file), 0);
    assert_int_equal(rename(db_file, moved), 0);
    assert_int_equal(symlink(moved, db_file), 0);
    opening_fails_with(ELOOP);
}

static void
what_is_not_there_is_told_with_a_remedy(void **state)
{
    (void)state;
    opening_fails_with(ENOENT);
    assert_non_null(strstr(trouble.remedy, "operator init"));
    assert_int_equal(mkdir(dir, 0700), 0);
    opening_fails_with(ENOENT);
    assert_non_null(strstr(trouble.remedy, "operator init"));
}

static void
foreign_and_damaged_databases_are_refused(void **state)
{
    (void)state;
    static const char noise[] = "this is no database, and it is long enough to have a header of "
                                "one hundred bytes, as every one of them has.";
    sqlite3 *db = NULL;

    store_close(create());
    assert_true(files_write(db_file, noise, sizeof(noise), 0600));
    opening_fails_with(ESTALE);
    assert_true(files_write(db_file, "", 0, 0600));
    opening_fails_with(ENOENT);
    assert_int_equal(sqlite3_open(db_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE meta (a)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    opening_fails_with(EINVAL);
}

static void
a_newer_schema_is_left_alone(void **state)
{
    (void)state;
    struct store *store = create();

    assert_true(store_run(store, &trouble, NULL, "PRAGMA user_version = 99", ""));
    store_close(store);
    opening_fails_with(EINVAL);
    assert_non_null(strstr(trouble.remedy, "upgrade"));
}

static void
a_left_over_of_a_crash_is_filled(void **state)
{
    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_true(files_write(db_file, "", 0, 0600));
    store_close(create());
    store_close(open_again());
}

/* ---- Secrets in the database are tampered with ---- */

static void
a_secret_that_was_altered_or_moved_does_not_open(void **state)
{
    (void)state;
    static const char *const deeds[] = {
        "UPDATE secret SET sealed = zeroblob(length(sealed)) WHERE name = 'acme'",
        "UPDATE secret SET sealed = x'00' WHERE name = 'acme'",
        "UPDATE secret SET sealed = x'' WHERE name = 'acme'",
        "UPDATE secret SET sealed = zeroblob(100000) WHERE name = 'acme'",
        "UPDATE secret SET nonce = x'00' WHERE name = 'acme'",
        "UPDATE secret SET (nonce, sealed) = (SELECT nonce, sealed FROM secret"
        " WHERE name = 'globex') WHERE name = 'acme'",
        "UPDATE secret SET (nonce, sealed) = (SELECT nonce, sealed FROM secret"
        " WHERE kind = 'ca') WHERE name = 'acme' AND kind = 'nkey'",
    };
    uint8_t out[STORE_SECRET_MAX];
    size_t len = 0;
    struct store *store = create();

    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        assert_true(store_keep_secret(store, "nkey", "acme", span_of("first"), &trouble));
        assert_true(store_keep_secret(store, "ca", "acme", span_of("third"), &trouble));
        assert_true(store_keep_secret(store, "nkey", "globex", span_of("other"), &trouble));
        assert_true(store_secret(store, "nkey", "acme", out, &len, &trouble));
        assert_true(store_run(store, &trouble, NULL, deeds[i], ""));
        assert_false(store_secret(store, "nkey", "acme", out, &len, &trouble));
        assert_int_equal(trouble.error, ESTALE);
    }
    store_close(store);
}

static void
names_and_secrets_have_limits(void **state)
{
    (void)state;
    static uint8_t large[STORE_SECRET_MAX + 1], out[STORE_SECRET_MAX];
    char name[STORE_NAME_MAX + 2];
    size_t len = 0;
    struct store *store = create();

    memset(name, 'a', sizeof(name));
    name[STORE_NAME_MAX + 1] = '\0';
    assert_false(store_keep_secret(store, "ca", name, span_of("x"), &trouble));
    assert_int_equal(trouble.error, ENAMETOOLONG);
    name[STORE_NAME_MAX] = '\0';
    const struct sr_span most = { large, STORE_SECRET_MAX };
    const struct sr_span over = { large, STORE_SECRET_MAX + 1 };
    assert_true(store_keep_secret(store, "ca", name, most, &trouble));
    assert_true(store_secret(store, "ca", name, out, &len, &trouble));
    assert_int_equal(len, STORE_SECRET_MAX);
    assert_false(store_keep_secret(store, "ca", name, over, &trouble));
    assert_int_equal(trouble.error, EFBIG);
    store_close(store);
}

/* ---- Statements and transactions ---- */

static bool
collect(void *arg, struct sqlite3_stmt *row)
{
    char text[8];
    char *out = arg;

    store_text(row, 0, text, sizeof(text));
    (void)snprintf(out + strlen(out), 64 - strlen(out), "%s;", text);
    return strlen(out) < 8;
}

static void
values_are_bound_in_order_and_rows_come_until_enough(void **state)
{
    (void)state;
    char out[64] = "";
    int count = 0;
    struct store *store = create();

    for (int i = 0; i < 5; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "n%d", i);
        assert_true(store_set(store, name, i == 1 ? "longer than eight" : "v'; DROP", &trouble));
    }
    assert_true(store_query(store, &trouble, collect, out, &count,
        "SELECT value FROM meta WHERE name >= ?1 AND ?2 = 7 AND ?3 IS NULL AND ?4 = x'00ff'"
        " ORDER BY name",
        "titb", "n1", (int64_t)7, (const char *)NULL,
        (struct sr_span){ (const uint8_t *)"\0\xff", 2 }));
    assert_string_equal(out, "longer ;");
    assert_int_equal(count, 1);
    assert_true(store_run(
        store, &trouble, &count, "UPDATE meta SET value = ?1 WHERE name <> ?2", "tt", "x", "n0"));
    assert_int_equal(count, 4);
    assert_false(store_run(store, &trouble, NULL, "DELETE FROM meta WHERE name = ?1", ""));
    assert_false(store_run(store, &trouble, NULL, "DELETE FROM nothing", ""));
    store_close(store);
}

static void
rules_of_the_schema_hold(void **state)
{
    (void)state;
    struct store *store = create();

    assert_false(store_run(store, &trouble, NULL,
        "INSERT INTO user (key, account, name, role, created_s)"
        " VALUES ('U', 'nobody', 'a', 'syslog', 1)",
        ""));
    assert_int_equal(trouble.error, EEXIST);
    assert_false(store_run(
        store, &trouble, NULL, "INSERT INTO token VALUES ('s', 'c', 'three', 1, 1, 1, 1)", ""));
    store_close(store);
}

static void
only_the_outermost_commit_keeps(void **state)
{
    (void)state;
    struct store *store = create();
    struct store *other = open_again();

    assert_true(store_begin(store, &trouble));
    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "a", "1", &trouble));
    assert_true(store_commit(store, &trouble));
    is_setting(other, "a", "");
    assert_true(store_commit(store, &trouble));
    is_setting(other, "a", "1");
    assert_false(store_commit(store, &trouble));
    store_close(other);
    store_close(store);
}

static void
a_rollback_inside_takes_all_of_it_back(void **state)
{
    (void)state;
    struct store *store = create();

    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "a", "1", &trouble));
    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "b", "1", &trouble));
    store_rollback(store);
    assert_false(store_commit(store, &trouble));
    is_setting(store, "a", "");
    is_setting(store, "b", "");

    /* The store is of use afterwards. */
    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "a", "2", &trouble));
    assert_true(store_commit(store, &trouble));
    is_setting(store, "a", "2");
    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "a", "3", &trouble));
    store_rollback(store);
    store_rollback(store);
    is_setting(store, "a", "2");
    store_close(store);
}

static void
a_close_takes_back_what_was_not_committed(void **state)
{
    (void)state;
    struct store *store = create();

    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "a", "1", &trouble));
    store_close(store);
    store = open_again();
    is_setting(store, "a", "");
    store_close(store);
    store_close(NULL);
}

static void
nothing_is_written_behind_a_transaction_that_the_database_took_back(void **state)
{
    (void)state;
    struct store *store = create();

    assert_true(store_begin(store, &trouble));
    assert_true(store_set(store, "a", "1", &trouble));
    assert_true(store_run(store, &trouble, NULL, "ROLLBACK", ""));
    assert_false(store_set(store, "b", "1", &trouble));
    assert_false(store_commit(store, &trouble));
    is_setting(store, "a", "");
    is_setting(store, "b", "");
    store_close(store);
}

/* Adds one to a number `times` times, as another process. */
static void
count_up(unsigned times)
{
    struct store *store = open_again();
    char text[32], next[32];

    for (unsigned i = 0; i < times; i++) {
        if (!store_begin(store, &trouble) ||
            !store_setting(store, "count", text, sizeof(text), &trouble)) {
            _exit(1);
        }
        (void)snprintf(next, sizeof(next), "%ld", strtol(text, NULL, 10) + 1);
        if (!store_set(store, "count", next, &trouble) || !store_commit(store, &trouble)) {
            _exit(1);
        }
    }
    store_close(store);
}

static void
two_processes_lose_nothing_of_each_other(void **state)
{
    (void)state;
    int status = -1;

    store_close(create());
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        count_up(20);
        _exit(0);
    }
    count_up(20);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct store *store = open_again();
    is_setting(store, "count", "40");
    store_close(store);
}

/* ---- Root in a folder of somebody else ---- */

#define SOMEBODY 65533

static void
write_at(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wbe");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* A journal without pages, which has SQLite remove the file `other` when it is played back. */
static void
plant_journal(const char *path, const char *other)
{
    uint8_t bytes[1024] = { 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7 };
    size_t len = strlen(other), at = 512 + 4;
    uint32_t sum = 0;
    struct stat st;

    assert_int_equal(stat(db_file, &st), 0);
    bytes[18] = (uint8_t)(st.st_size / 4096 >> 8);
    bytes[19] = (uint8_t)(st.st_size / 4096);
    bytes[22] = 2;  /* sectors of 512 bytes */
    bytes[26] = 16; /* pages of 4096 */
    memcpy(bytes + at, other, len);
    for (size_t i = 0; i < len; i++) {
        sum += bytes[at + i];
    }
    at += len;
    bytes[at + 3] = (uint8_t)len;
    bytes[at + 6] = (uint8_t)(sum >> 8);
    bytes[at + 7] = (uint8_t)sum;
    memcpy(bytes + at + 8, bytes, 8);
    write_at(path, bytes, at + 16);
    assert_int_equal(chown(path, SOMEBODY, SOMEBODY), 0);
}

static void
a_journal_that_the_folders_owner_plants_makes_root_remove_nothing(void **state)
{
    char journal[FILES_PATH_MAX], victim[FILES_PATH_MAX];
    struct store *store = NULL;

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_true(files_path(journal, "%s-journal", db_file) && files_path(victim, "%s/own", base));
    assert_int_equal(chmod(base, 0755), 0);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(chown(dir, SOMEBODY, SOMEBODY), 0);
    store_close(create());
    write_at(victim, "root's", 6);
    plant_journal(journal, victim);
    bool opened = store_open(&place, &store, &trouble);
    store_close(store);
    assert_int_equal(access(victim, F_OK), 0);
    assert_int_equal(unlink(victim), 0);
    /* Without that journal all is well. */
    (void)unlink(journal);
    store_close(open_again());
    assert_int_equal(geteuid(), 0);
    (void)opened;
}

#define TEST(name) cmocka_unit_test_teardown(name, remove_dir)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_kept_is_there_after_the_store_is_opened_again),
        TEST(key_pairs_come_back_as_they_were),
        TEST(only_the_owner_can_read_what_it_makes),
        TEST(no_secret_is_in_the_files_in_clear),
        TEST(a_second_one_is_not_made_in_its_place),
        TEST(a_key_that_is_there_is_used),
        TEST(the_key_may_be_in_another_place),
        TEST(a_key_of_another_database_is_refused),
        TEST(what_is_no_key_is_refused),
        TEST(files_that_others_can_read_are_refused),
        TEST(links_are_refused),
        TEST(what_is_not_there_is_told_with_a_remedy),
        TEST(foreign_and_damaged_databases_are_refused),
        TEST(a_newer_schema_is_left_alone),
        TEST(a_left_over_of_a_crash_is_filled),
        TEST(a_secret_that_was_altered_or_moved_does_not_open),
        TEST(names_and_secrets_have_limits),
        TEST(values_are_bound_in_order_and_rows_come_until_enough),
        TEST(rules_of_the_schema_hold),
        TEST(only_the_outermost_commit_keeps),
        TEST(a_rollback_inside_takes_all_of_it_back),
        TEST(a_close_takes_back_what_was_not_committed),
        TEST(nothing_is_written_behind_a_transaction_that_the_database_took_back),
        TEST(two_processes_lose_nothing_of_each_other),
        TEST(a_journal_that_the_folders_owner_plants_makes_root_remove_nothing),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}
