/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/hmac.h>

#include "files.h"
#include "folder.h"
#include "issuer/backup.h"
#include "issuer/seal.h"

static char base[] = "/tmp/sr_backup_XXXXXX";
static char dir[FILES_PATH_MAX], other_dir[FILES_PATH_MAX], file[FILES_PATH_MAX];
static char key_file[FILES_PATH_MAX];
static const struct store_place place = { dir, NULL };
static const struct store_place other = { other_dir, NULL };
static const struct store_place other_with_key = { other_dir, key_file };
static const struct sr_span none = { NULL, 0 };
static struct trouble trouble;

/* In the place of scrypt: a key of passphrase and salt, at once. */
enum seal_err __wrap_seal_stretch(struct sr_span passphrase, const uint8_t salt[SEAL_SALT_BYTES],
    uint8_t ret_key[SEAL_KEY_BYTES]);

enum seal_err
__wrap_seal_stretch(
    struct sr_span passphrase, const uint8_t salt[SEAL_SALT_BYTES], uint8_t ret_key[SEAL_KEY_BYTES])
{
    unsigned len = 0;

    return HMAC(EVP_sha256(), passphrase.data, (int)passphrase.len, salt, SEAL_SALT_BYTES, ret_key,
               &len) != NULL
               ? SEAL_OK
               : SEAL_ECRYPTO;
}

static int
make_base(void **state)
{
    (void)state;
    return mkdtemp(base) != NULL && files_path(dir, "%s/issuer", base) &&
                   files_path(other_dir, "%s/other", base) && files_path(file, "%s/backup", base) &&
                   files_path(key_file, "%s/master.key", dir)
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
make_store(void **state)
{
    struct store *store = NULL;

    if (!store_create(&place, &store, &trouble) ||
        !store_keep_secret(store, "ca", "root", span_of("private"), &trouble)) {
        return -1;
    }
    *state = store;
    return 0;
}

static int
remove_store(void **state)
{
    store_close(*state);
    (void)unlink(file);
    return files_remove_tree(dir) && files_remove_tree(other_dir) ? 0 : -1;
}

static void
has_the_secret(struct store *store)
{
    uint8_t out[STORE_SECRET_MAX];
    size_t len = 0;

    assert_true(store_secret(store, "ca", "root", out, &len, &trouble));
    assert_int_equal(len, strlen("private"));
    assert_memory_equal(out, "private", len);
}

static void
a_backup_is_the_state_of_its_moment(void **state)
{
    struct store *store = *state, *restored = NULL;
    char text[8] = "";

    assert_true(store_set(store, "a", "1", &trouble));
    assert_true(backup_write(store, file, none, &trouble));
    assert_true(store_set(store, "a", "2", &trouble));
    assert_true(backup_restore(&other_with_key, file, none, &restored, &trouble));
    assert_true(store_setting(restored, "a", text, sizeof(text), &trouble));
    assert_string_equal(text, "1");
    has_the_secret(restored);
    store_close(restored);
}

static void
a_passphrase_brings_the_master_key_and_is_forgotten_by_the_database(void **state)
{
    struct store *store = *state, *restored = NULL;
    uint8_t out[STORE_SECRET_MAX];
    size_t len = 0;

    assert_false(backup_write(store, file, span_of("too short"), &trouble));
    assert_int_equal(trouble.error, EINVAL);
    assert_int_equal(access(file, F_OK), -1);
    assert_true(backup_write(store, file, span_of("correct horse battery"), &trouble));
    assert_false(
        backup_restore(&other, file, span_of("correct horse batterx"), &restored, &trouble));
    assert_int_equal(trouble.error, EACCES);
    assert_true(files_is_empty(other_dir));
    assert_true(
        backup_restore(&other, file, span_of("correct horse battery"), &restored, &trouble));
    has_the_secret(restored);
    assert_false(store_secret(restored, "backup", "master", out, &len, &trouble));
    assert_int_equal(trouble.error, ENOENT);
    store_close(restored);
}

static void
another_master_key_in_the_place_stays_and_nothing_is_restored(void **state)
{
    static const char text[] = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    struct store *store = *state, *restored = NULL;
    char path[FILES_PATH_MAX];
    char *now = NULL;
    size_t len = 0;

    assert_int_equal(mkdir(other_dir, 0700), 0);
    assert_true(files_path(path, "%s/master.key", other_dir));
    assert_true(files_write(path, text, strlen(text), 0600));
    assert_true(backup_write(store, file, span_of("correct horse battery"), &trouble));
    assert_false(backup_restore(&other, file, none, &restored, &trouble));
    assert_int_equal(trouble.error, ESTALE);
    assert_false(
        backup_restore(&other, file, span_of("correct horse battery"), &restored, &trouble));
    assert_int_equal(trouble.error, EEXIST);
    assert_true(files_read(path, 100, &now, &len));
    assert_string_equal(now, text);
    free(now);
    assert_int_equal(unlink(path), 0);
    assert_true(files_is_empty(other_dir));
}

static void
an_issuer_and_a_backup_that_are_there_are_left_alone(void **state)
{
    struct store *store = *state, *restored = NULL;

    assert_true(backup_write(store, file, none, &trouble));
    assert_false(backup_write(store, file, none, &trouble));
    assert_int_equal(trouble.error, EEXIST);
    assert_false(backup_restore(&place, file, none, &restored, &trouble));
    assert_int_equal(trouble.error, EEXIST);
    has_the_secret(store);
}

static void
a_backup_that_was_cut_anywhere_is_refused(void **state)
{
    struct store *store = *state, *restored = NULL;
    char *bytes = NULL;
    size_t len = 0;

    assert_true(backup_write(store, file, none, &trouble));
    assert_true(files_read(file, 1 << 20, &bytes, &len));
    for (size_t cut = 0; cut < len; cut += 8 * 4096 - 1) {
        assert_true(files_write(file, bytes, cut, 0600));
        assert_false(backup_restore(&other_with_key, file, none, &restored, &trouble));
        assert_true(files_is_empty(other_dir));
    }
    free(bytes);
}

static void
a_backup_that_was_altered_anywhere_is_refused(void **state)
{
    struct store *store = *state, *restored = NULL;
    char *bytes = NULL;
    size_t len = 0;

    assert_true(store_set(store, "a", "1", &trouble));
    assert_true(backup_write(store, file, none, &trouble));
    assert_true(files_read(file, 1 << 20, &bytes, &len));
    for (size_t at = 17; at < len; at += 16384 - 1) {
        bytes[at] ^= 1;
        assert_true(files_write(file, bytes, len, 0600));
        assert_false(backup_restore(&other_with_key, file, none, &restored, &trouble));
        assert_true(files_is_empty(other_dir));
        bytes[at] ^= 1;
    }
    assert_true(files_write(file, bytes, len, 0600));
    assert_true(backup_restore(&other_with_key, file, none, &restored, &trouble));
    store_close(restored);
    free(bytes);
}

/* Two settings that always change together. */
static void
write_pairs(void)
{
    struct store *store = NULL;
    char text[16];

    if (!store_open(&place, &store, &trouble)) {
        _exit(1);
    }
    for (int i = 0; i < 20; i++) {
        (void)snprintf(text, sizeof(text), "%d", i);
        if (!store_begin(store, &trouble) || !store_set(store, "a", text, &trouble) ||
            !store_set(store, "b", text, &trouble) || !store_commit(store, &trouble)) {
            _exit(1);
        }
    }
    store_close(store);
    _exit(0);
}

static void
a_backup_while_another_process_writes_has_whole_transactions_only(void **state)
{
    struct store *store = *state, *restored = NULL;
    char a[16], b[16];
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        write_pairs();
    }
    for (int i = 0; i < 4; i++) {
        assert_true(backup_write(store, file, none, &trouble));
        assert_true(backup_restore(&other_with_key, file, none, &restored, &trouble));
        assert_true(store_setting(restored, "a", a, sizeof(a), &trouble));
        assert_true(store_setting(restored, "b", b, sizeof(b), &trouble));
        assert_string_equal(a, b);
        store_close(restored);
        assert_true(files_remove_tree(other_dir));
        assert_int_equal(unlink(file), 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool
count_row(void *arg, struct sqlite3_stmt *row)
{
    (void)arg;
    (void)row;
    return true;
}

/* Since a backup was made, a key in it may have had a token that is good for longer. */
static void
a_restored_issuer_knows_no_end_of_any_key(void **state)
{
    struct store *store = *state, *restored = NULL;
    int rows = 0;

    assert_true(store_run(
        store, &trouble, NULL, "INSERT INTO key_end (key, ends_s) VALUES ('U1', 1000)", ""));
    assert_true(backup_write(store, file, none, &trouble));
    assert_true(backup_restore(&other_with_key, file, none, &restored, &trouble));
    assert_true(store_query(restored, &trouble, count_row, NULL, &rows,
        "SELECT key FROM key_end WHERE key = 'U1' AND ends_s IS NULL", ""));
    assert_int_equal(rows, 1);
    store_close(restored);
}

static void
root_backs_up_somebody_elses_folder_to_where_that_one_may_not_write(void **state)
{
    struct store *store = *state, *reopened = NULL, *restored = NULL;
    char private_dir[FILES_PATH_MAX], copy[FILES_PATH_MAX], db_file[FILES_PATH_MAX];

    if (geteuid() != 0) {
        skip();
    }
    assert_true(files_path(private_dir, "%s/private", base) &&
                files_path(copy, "%s/backup", private_dir) &&
                files_path(db_file, "%s/state.db", dir));
    assert_int_equal(chmod(base, 0755), 0);
    assert_int_equal(mkdir(private_dir, 0700), 0);
    assert_int_equal(
        chown(dir, 65533, 65533) | chown(key_file, 65533, 65533) | chown(db_file, 65533, 65533), 0);
    store_close(store);
    *state = NULL;
    assert_true(store_open(&place, &reopened, &trouble));
    assert_true(backup_write(reopened, copy, span_of("correct horse battery"), &trouble));
    store_close(reopened);
    assert_true(
        backup_restore(&other, copy, span_of("correct horse battery"), &restored, &trouble));
    has_the_secret(restored);
    store_close(restored);
    assert_int_equal(folder_remove(private_dir), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_store, remove_store)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_backup_is_the_state_of_its_moment),
        TEST(a_passphrase_brings_the_master_key_and_is_forgotten_by_the_database),
        TEST(another_master_key_in_the_place_stays_and_nothing_is_restored),
        TEST(an_issuer_and_a_backup_that_are_there_are_left_alone),
        TEST(a_backup_that_was_cut_anywhere_is_refused),
        TEST(a_backup_that_was_altered_anywhere_is_refused),
        TEST(a_restored_issuer_knows_no_end_of_any_key),
        TEST(root_backs_up_somebody_elses_folder_to_where_that_one_may_not_write),
        TEST(a_backup_while_another_process_writes_has_whole_transactions_only),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}
