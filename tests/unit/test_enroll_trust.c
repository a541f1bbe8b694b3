/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enroll/trust.h"
#include "folder.h"
#include "token_desk.h"

#define OTHER_HEX "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"

static struct trust trust;
static char folder[64];
static char culprit[TRUST_ORIGIN_MAX];

static int
make_folder(void **state)
{
    (void)state;
    trust.count = 0;
    (void)unsetenv(TRUST_ENVIRONMENT);
    (void)snprintf(folder, sizeof(folder), "/tmp/sr-trust-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder);
}

static char *
path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void
put(const char *name, const char *content)
{
    FILE *f = fopen(path_of(name), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, strlen(content), f), strlen(content));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of(name), 0644), 0);
}

static void
every_encoding_of_a_key_is_that_key(void **state)
{
    static const char *const texts[] = {
        DESK_PUBLIC_HEX,
        "03A107BFF3CE10BE1D70DD18E74BC09967E4D6309BA50D5F1DDC8664125531B8",
        DESK_PUBLIC_STD,
        DESK_PUBLIC_URL,
        "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
        "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
        " \t" DESK_PUBLIC_STD "\r\n",
        DESK_PUBLIC_HEX "\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        trust.count = 0;
        assert_int_equal(trust_add_text(&trust, span_of(texts[i]), "here"), TRUST_OK);
        assert_int_equal(trust.count, 1);
        assert_string_equal(trust.keys[0].id, DESK_KEY_ID);
        assert_int_equal(trust.keys[0].bytes[0], 0x03);
        assert_int_equal(trust.keys[0].bytes[31], 0xb8);
        assert_string_equal(trust.keys[0].origin, "here");
    }
}

static void
what_is_no_public_key_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum trust_err err;
    } cases[] = {
        { "", TRUST_EENCODING },
        { " \n", TRUST_EENCODING },
        { "hello", TRUST_EENCODING },
        { "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMb", TRUST_EENCODING },
        { "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg==", TRUST_EENCODING },
        { "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJV_bg=", TRUST_EENCODING },
        { "A6EHv/POEL4dcN0Y50vA mWfk1jCbpQ1fHdyGZBJVMbg=", TRUST_EENCODING },
        { "# key\n" DESK_PUBLIC_STD, TRUST_EENCODING },
        { DESK_PUBLIC_STD "\n" DESK_PUBLIC_STD, TRUST_EENCODING },
        /* 64 characters that are base 64 but not hexadecimal: 48 bytes. */
        { "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531bg", TRUST_EENCODING },
        { "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b", TRUST_EENCODING },
        { DESK_PUBLIC_HEX OTHER_HEX, TRUST_EPRIVATE },
        { "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", TRUST_EWEAK },
        { "0100000000000000000000000000000000000000000000000000000000000080", TRUST_EWEAK },
        { "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", TRUST_EWEAK },
        { "ECFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7F", TRUST_EWEAK },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum trust_err err = trust_add_text(&trust, span_of(cases[i].text), "here");
        if (err != cases[i].err) {
            fail_msg("%s: %s", cases[i].text, trust_cause(err));
        }
        assert_int_equal(trust.count, 0);
    }
}

static void
a_key_is_kept_once_with_its_first_origin(void **state)
{
    (void)state;
    assert_int_equal(trust_add_text(&trust, span_of(DESK_PUBLIC_HEX), "first"), TRUST_OK);
    assert_int_equal(trust_add_text(&trust, span_of(DESK_PUBLIC_STD), "second"), TRUST_OK);
    assert_int_equal(trust.count, 1);
    assert_string_equal(trust.keys[0].origin, "first");
    assert_int_equal(trust_add_text(&trust, span_of(OTHER_HEX), "third"), TRUST_OK);
    assert_ptr_equal(trust_find(&trust, DESK_KEY_ID), &trust.keys[0]);
    assert_ptr_equal(trust_find(&trust, trust.keys[1].id), &trust.keys[1]);
    assert_null(trust_find(&trust, "0000000000000000"));
}

static void
the_keys_have_a_greatest_number(void **state)
{
    char text[65];

    (void)state;
    for (unsigned i = 0; i <= TRUST_KEYS_MAX; i++) {
        (void)snprintf(text, sizeof(text), "%064x", 0x100 + i);
        assert_int_equal(trust_add_text(&trust, span_of(text), "here"),
            i < TRUST_KEYS_MAX ? TRUST_OK : TRUST_EMANY);
    }
    assert_int_equal(trust.count, TRUST_KEYS_MAX);
}

static void
a_folder_gives_its_pub_files_by_name(void **state)
{
    (void)state;
    put("b.pub", DESK_PUBLIC_STD "\n");
    put("a.pub", OTHER_HEX "\n");
    put("c.pub.bak", "junk");
    put(".d.pub", "junk");
    put("README", "junk");
    put(".pub", "junk");
    assert_int_equal(trust_add_folder(&trust, folder, culprit), TRUST_OK);
    assert_int_equal(trust.count, 2);
    assert_string_equal(trust.keys[0].origin, path_of("a.pub"));
    assert_string_equal(trust.keys[1].origin, path_of("b.pub"));
    assert_string_equal(trust.keys[1].id, DESK_KEY_ID);
}

static void
a_folder_that_is_not_there_has_no_keys(void **state)
{
    (void)state;
    assert_int_equal(trust_add_folder(&trust, path_of("none"), culprit), TRUST_OK);
    assert_int_equal(trust_add_folder(&trust, folder, culprit), TRUST_OK);
    assert_int_equal(trust.count, 0);
    put("file", "");
    assert_int_equal(trust_add_folder(&trust, path_of("file"), culprit), TRUST_EREAD);
    assert_string_equal(culprit, path_of("file"));
}

static void
one_bad_file_is_named_and_nothing_of_its_folder_is_taken(void **state)
{
    (void)state;
    assert_int_equal(trust_add_text(&trust, span_of(OTHER_HEX), "before"), TRUST_OK);
    put("a.pub", DESK_PUBLIC_STD);
    put("b.pub", "junk");
    assert_int_equal(trust_add_folder(&trust, folder, culprit), TRUST_EENCODING);
    assert_string_equal(culprit, path_of("b.pub"));
    assert_int_equal(trust.count, 1);
    assert_string_equal(trust.keys[0].origin, "before");
}

static void
what_others_could_have_written_is_refused(void **state)
{
    static const mode_t open_modes[] = { 0664, 0646, 0666 };

    (void)state;
    put("a.pub", DESK_PUBLIC_STD);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chmod(path_of("a.pub"), open_modes[i]), 0);
        assert_int_equal(trust_add_file(&trust, path_of("a.pub")), TRUST_EOWNER);
        assert_int_equal(trust_add_folder(&trust, folder, culprit), TRUST_EOWNER);
        assert_string_equal(culprit, path_of("a.pub"));
    }
    assert_int_equal(chmod(path_of("a.pub"), 0644), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(trust_add_folder(&trust, folder, culprit), TRUST_EOWNER);
    assert_string_equal(culprit, folder);
    assert_int_equal(trust.count, 0);
}

static void
a_file_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    put("a.pub", DESK_PUBLIC_STD);
    assert_int_equal(chown(path_of("a.pub"), 12345, (gid_t)-1), 0);
    assert_int_equal(trust_add_file(&trust, path_of("a.pub")), TRUST_EOWNER);
}

static void
only_small_regular_files_are_read(void **state)
{
    static char big[TRUST_FILE_MAX + 2];

    (void)state;
    memset(big, ' ', sizeof(big) - 1);
    put("big", big);
    assert_int_equal(trust_add_file(&trust, path_of("big")), TRUST_ETOOBIG);
    memcpy(big, DESK_PUBLIC_STD, strlen(DESK_PUBLIC_STD));
    big[TRUST_FILE_MAX] = '\0';
    put("padded", big);
    assert_int_equal(trust_add_file(&trust, path_of("padded")), TRUST_OK);
    assert_int_equal(trust_add_file(&trust, folder), TRUST_EREAD);
    assert_int_equal(trust_add_file(&trust, path_of("none")), TRUST_EMISSING);
    /* Nobody writes to it: a reader that waited would wait for ever. */
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(trust_add_file(&trust, path_of("fifo")), TRUST_EREAD);
}

static void
the_option_takes_a_key_or_a_file(void **state)
{
    (void)state;
    put("a.pub", DESK_PUBLIC_STD);
    assert_int_equal(trust_add_argument(&trust, path_of("a.pub")), TRUST_OK);
    assert_string_equal(trust.keys[0].origin, path_of("a.pub"));
    assert_int_equal(trust_add_argument(&trust, OTHER_HEX), TRUST_OK);
    assert_string_equal(trust.keys[1].origin, "--trust-key");
    assert_int_equal(trust_add_argument(&trust, path_of("none")), TRUST_EMISSING);
    assert_int_equal(trust_add_argument(&trust, "neither-key-nor-file"), TRUST_EENCODING);
    assert_int_equal(trust_add_argument(&trust, DESK_PUBLIC_HEX OTHER_HEX), TRUST_EPRIVATE);
}

static void
the_environment_gives_one_key_or_none(void **state)
{
    (void)state;
    assert_int_equal(trust_add_environment(&trust), TRUST_OK);
    assert_int_equal(setenv("SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY", "", 1), 0);
    assert_int_equal(trust_add_environment(&trust), TRUST_OK);
    assert_int_equal(trust.count, 0);
    assert_int_equal(
        setenv("SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY", " " DESK_PUBLIC_HEX "\n", 1), 0);
    assert_int_equal(trust_add_environment(&trust), TRUST_OK);
    assert_string_equal(trust.keys[0].id, DESK_KEY_ID);
    assert_string_equal(trust.keys[0].origin, "SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY");
    assert_int_equal(setenv("SERVICERADAR_ONBOARDING_TOKEN_PUBLIC_KEY", "x", 1), 0);
    assert_int_equal(trust_add_environment(&trust), TRUST_EENCODING);
}

static void
every_error_has_one_cause_and_one_remedy(void **state)
{
    (void)state;
    for (int err = TRUST_OK; err <= (int)TRUST_ECRYPTO; err++) {
        const char *cause = trust_cause((enum trust_err)err);
        const char *remedy = trust_remedy((enum trust_err)err);
        assert_int_equal(cause[strlen(cause) - 1], '.');
        assert_int_equal(remedy[strlen(remedy) - 1], '.');
        assert_string_not_equal(cause, trust_cause((enum trust_err)99));
        assert_string_not_equal(remedy, trust_remedy((enum trust_err)99));
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(every_encoding_of_a_key_is_that_key),
        IN_FOLDER(what_is_no_public_key_is_refused),
        IN_FOLDER(a_key_is_kept_once_with_its_first_origin),
        IN_FOLDER(the_keys_have_a_greatest_number),
        IN_FOLDER(a_folder_gives_its_pub_files_by_name),
        IN_FOLDER(a_folder_that_is_not_there_has_no_keys),
        IN_FOLDER(one_bad_file_is_named_and_nothing_of_its_folder_is_taken),
        IN_FOLDER(what_others_could_have_written_is_refused),
        IN_FOLDER(a_file_of_another_user_is_refused),
        IN_FOLDER(only_small_regular_files_are_read),
        IN_FOLDER(the_option_takes_a_key_or_a_file),
        IN_FOLDER(the_environment_gives_one_key_or_none),
        cmocka_unit_test(every_error_has_one_cause_and_one_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
