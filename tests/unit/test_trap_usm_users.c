/* SPDX-License-Identifier: Apache-2.0 */
/* Who may send messages of v3, at which level and when. */
#include "unit.h"

#include <pthread.h>

#include "decode/v3.h"
#include "usm/user.h"
#include "v3_desk.h"

#include "sr/banned.h"

/* ---- Levels ---- */

/* The flags are behind `04 01`, and before the model: `02 01 03`. */
static void
set_flags(struct v3_sent *message, uint8_t flags)
{
    for (size_t i = 2; i + 3 < message->len; i++) {
        static const uint8_t model[] = { 2, 1, 3 };
        if (message->bytes[i - 2] == 4 && message->bytes[i - 1] == 1 &&
            memcmp(message->bytes + i + 1, model, sizeof(model)) == 0) {
            message->bytes[i] = flags;
            return;
        }
    }
    fail_msg("no flags");
}

static void
a_message_without_mac_never_passes_for_a_user_with_keys(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);
    struct v3_sent message = v3_desk.sha;

    (void)state;
    set_flags(&message, 0);
    v3_desk_expect(receiver, &message, "v3_level");
    v3_desk_expect(receiver, &v3_desk.noauth, "opened");
    usm_receiver_free(receiver);
}

static void
a_message_above_the_keys_of_a_user_is_refused(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);
    struct v3_sent message = v3_desk.noauth;

    (void)state;
    set_flags(&message, 1);
    v3_desk_expect(receiver, &message, "v3_level");
    usm_receiver_free(receiver);
}

static void
a_message_below_the_minimum_is_refused_unless_the_user_may(void **state)
{
    const struct v3_sender sender = { "u_sha_nopriv", USM_AUTH_SHA, USM_PRIV_AES128,
        "authpass12345", "privpass12345" };
    static const struct {
        enum usm_minimum minimum;
        const char *reason;
    } expected[] = { { USM_MINIMUM_STRONGEST, "v3_level" }, { USM_MINIMUM_PRIV, "v3_level" },
        { USM_MINIMUM_AUTH, "opened" } };

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct usm_users *users = usm_users_new();
        assert_int_equal(v3_desk_add(users, &sender, expected[i].minimum), USM_OK);
        struct usm_receiver *receiver = v3_desk_receiver(users, USM_TIME_STRICT, 0);
        v3_desk_expect(receiver, &v3_desk.sha, expected[i].reason);
        usm_receiver_free(receiver);
        usm_users_free(users);
    }
}

/* ---- Users ---- */

static void
users_that_make_no_sense_are_refused(void **state)
{
    static const uint8_t long_id[33];
    const struct sr_span engines[] = { { long_id, 33 }, { long_id, 0 } };
    const struct usm_user_options good = { .name = "a",
        .auth = USM_AUTH_SHA,
        .priv = USM_PRIV_DES,
        .auth_password = "12345678",
        .priv_password = "12345678" };
    struct usm_user_options bad[9];
    static const enum usm_err expected[9] = { USM_ENAME, USM_ENAME, USM_EPRIV, USM_EPASSWORD,
        USM_EPASSWORD, USM_EENGINE, USM_EENGINE, USM_EMINIMUM, USM_EMINIMUM };
    struct usm_users *users = usm_users_new();

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        bad[i] = good;
    }
    bad[0].name = "";
    bad[1].name = "123456789012345678901234567890123";
    bad[2].auth = USM_AUTH_NONE;
    bad[3].auth_password = "1234567";
    bad[4].priv_password = NULL;
    bad[5].engines = &engines[0];
    bad[5].engine_count = 1;
    bad[6].engines = &engines[1];
    bad[6].engine_count = 1;
    bad[7].minimum = USM_MINIMUM_NO_AUTH;
    bad[8].priv = USM_PRIV_NONE;
    bad[8].minimum = USM_MINIMUM_PRIV;
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(usm_users_add(users, &bad[i]), expected[i]);
    }
    assert_int_equal(usm_users_count(users), 0);
    assert_int_equal(usm_users_add(users, &good), USM_OK);
    usm_users_free(users);
}

static void
a_user_is_one_of_its_engines_only(void **state)
{
    static const uint8_t theirs[] = { 0x80, 0, 0x1f, 0x88, 4, 't', 'r', 'a', 'p', 'd', '1' };
    static const uint8_t others[] = { 0xff, 0xc0, 0x81, 0x80, 0x7f, 0x03, 0x02, 0x01 };
    struct sr_span engines[sizeof(others) + 1];
    struct usm_user_options options = {
        .auth = USM_AUTH_SHA, .auth_password = "authpass12345", .engines = engines
    };

    (void)state;
    engines[0] = (struct sr_span){ theirs, sizeof(theirs) };
    for (size_t i = 0; i < sizeof(others); i++) {
        engines[i + 1] = (struct sr_span){ &others[i], 1 };
    }
    for (size_t with = 0; with <= 1; with++) {
        struct usm_users *users = usm_users_new();
        options.engines = engines + 1 - with;
        options.engine_count = sizeof(others) + with;
        options.name = "u_sha_nopriv";
        options.auth = USM_AUTH_SHA;
        assert_int_equal(usm_users_add(users, &options), USM_OK);
        options.name = "u_noauthnopriv";
        options.auth = USM_AUTH_NONE;
        assert_int_equal(usm_users_add(users, &options), USM_OK);
        struct usm_receiver *receiver = v3_desk_receiver(users, USM_TIME_STRICT, 0);
        v3_desk_expect(receiver, &v3_desk.sha, with == 0 ? "v3_unknown_engine" : "opened");
        v3_desk_expect(receiver, &v3_desk.noauth, with == 0 ? "v3_unknown_engine" : "opened");
        usm_receiver_free(receiver);
        usm_users_free(users);
    }
}

/* Whether the sender's message is opened when its user is of engines with these begins. */
static void
expect_with_prefixes(const struct sr_span *prefixes, size_t count, const char *expected)
{
    static const uint8_t other[] = { 0x80, 0, 0x1f, 0x88, 4, 'o', 't', 'h', 'e', 'r' };
    const struct sr_span engine = { other, sizeof(other) };
    struct usm_users *users = usm_users_new();
    const struct usm_user_options options = { .name = "u_sha_nopriv",
        .auth = USM_AUTH_SHA,
        .auth_password = "authpass12345",
        .engines = &engine,
        .engine_count = 1,
        .prefixes = prefixes,
        .prefix_count = count };

    assert_int_equal(usm_users_add(users, &options), USM_OK);
    struct usm_receiver *receiver = v3_desk_receiver(users, USM_TIME_STRICT, 0);
    v3_desk_expect(receiver, &v3_desk.sha, expected);
    usm_receiver_free(receiver);
    usm_users_free(users);
}

static void
the_begin_of_an_id_stands_for_all_engines_that_have_it(void **state)
{
    static const uint8_t theirs[] = { 0x80, 0, 0x1f, 0x88, 4, 't', 'r', 'a', 'p', 'd', '1', 0 };
    static const uint8_t others[] = { 0xff, 0x80, 0, 0x1f, 0x89, 0x80, 0, 0x1f, 0x87 };
    struct sr_span prefixes[4] = { { others, 1 }, { others + 1, 4 }, { others + 5, 4 } };

    (void)state;
    expect_with_prefixes(prefixes, 3, "v3_unknown_engine");
    for (size_t len = 1; len < sizeof(theirs); len++) {
        prefixes[3] = (struct sr_span){ theirs, len };
        expect_with_prefixes(prefixes, 4, "opened");
    }
    prefixes[3] = (struct sr_span){ theirs, sizeof(theirs) }; /* longer than the id */
    expect_with_prefixes(prefixes, 4, "v3_unknown_engine");
    prefixes[3].len = 0;
    const struct usm_user_options bad = {
        .name = "a", .prefixes = &prefixes[3], .prefix_count = 1
    };
    struct usm_users *users = usm_users_new();
    assert_int_equal(usm_users_add(users, &bad), USM_EENGINE);
    usm_users_free(users);
}

static void
users_of_one_name_are_tried_in_turn(void **state)
{
    static const struct v3_sender same[] = {
        { "u_sha_aes192", USM_AUTH_SHA256, USM_PRIV_AES128, "authpass12345", "privpass12345" },
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12346", "privpass12345" },
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12345", "privpass12346" },
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12345", "privpass12345" },
    };
    static const char *const reasons[] = { "v3_auth", "v3_auth", "v3_decrypt", "opened" };
    struct usm_users *users[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        users[i] = usm_users_new();
        for (size_t j = 0; j <= i; j++) {
            assert_int_equal(v3_desk_add(users[i], &same[j], USM_MINIMUM_STRONGEST), USM_OK);
        }
        struct usm_receiver *receiver = v3_desk_receiver(users[i], USM_TIME_STRICT, 0);
        v3_desk_expect(receiver, &v3_desk.sha_aes192, reasons[i]);
        v3_desk_expect(receiver, &v3_desk.sha_aes192, reasons[i]); /* with the keys kept, too */
        usm_receiver_free(receiver);
        usm_users_free(users[i]);
    }
}

static void
of_users_of_one_name_the_one_that_came_farthest_tells(void **state)
{
    static const struct v3_sender same[] = {
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12345", "privpass12346" },
        { "u_sha_aes192", USM_AUTH_SHA, USM_PRIV_AES192, "authpass12346", "privpass12345" },
    };

    (void)state;
    for (size_t first = 0; first < 2; first++) {
        struct usm_users *users = usm_users_new();
        assert_int_equal(v3_desk_add(users, &same[first], USM_MINIMUM_STRONGEST), USM_OK);
        assert_int_equal(v3_desk_add(users, &same[1 - first], USM_MINIMUM_STRONGEST), USM_OK);
        struct usm_receiver *receiver = v3_desk_receiver(users, USM_TIME_STRICT, 0);
        v3_desk_expect(receiver, &v3_desk.sha_aes192, "v3_decrypt");
        usm_receiver_free(receiver);
        usm_users_free(users);
    }
}

static enum usm_err
add_namesake(struct usm_users *users, uint8_t engine, size_t engines)
{
    const uint8_t id[] = { 0x80, 0, 0x1f, 0x88, engine };
    const struct sr_span span = { id, sizeof(id) };
    const struct usm_user_options options = { .name = "same",
        .auth = USM_AUTH_SHA,
        .auth_password = "authpass12345",
        .engines = &span,
        .engine_count = engines };

    return usm_users_add(users, &options);
}

static void
a_name_is_of_so_many_users_as_may_be_tried_only(void **state)
{
    struct usm_users *users = usm_users_new();

    (void)state;
    assert_non_null(users);
    for (unsigned i = 0; i < USM_NAMESAKES_OF_ENGINE; i++) {
        assert_int_equal(add_namesake(users, 1, 1), USM_OK);
        assert_int_equal(add_namesake(users, 2, 1), USM_OK);
        assert_int_equal(add_namesake(users, 0, 0), USM_OK);
    }
    assert_int_equal(add_namesake(users, 1, 1), USM_ENAMESAKES);
    assert_int_equal(add_namesake(users, 0, 0), USM_ENAMESAKES);
    const struct sr_span begin = { (const uint8_t *)"\x80\0\x1f\x88", 4 };
    const struct usm_user_options open = { .name = "same", .prefixes = &begin, .prefix_count = 1 };
    assert_int_equal(usm_users_add(users, &open), USM_ENAMESAKES);
    assert_int_equal(add_namesake(users, 3, 1), USM_OK);
    assert_int_equal(usm_users_count(users), 3 * USM_NAMESAKES_OF_ENGINE + 1);
    usm_users_free(users);
}

static void
more_of_des_than_there_is_time_for_is_refused_behind_the_mac(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);
    struct usm_algorithms *algorithms = &v3_desk.everybody->algorithms;
    struct v3_sent wrong = v3_desk.md5_des;
    const size_t longest = algorithms->des_longest, len = v3_desk_head(&wrong).scoped.len;

    (void)state;
    assert_in_range(longest, 12 * 1024, 24 * 1024);
    algorithms->des_longest = len;
    v3_desk_expect(receiver, &v3_desk.md5_des, "opened");
    algorithms->des_longest = len - 1;
    v3_desk_expect(receiver, &v3_desk.md5_des, "v3_too_long");
    v3_desk_expect(receiver, &v3_desk.sha_aes192, "opened");
    *v3_desk_within(&wrong, v3_desk_head(&wrong).mac) ^= 1;
    v3_desk_expect(receiver, &wrong, "v3_auth");
    algorithms->des_longest = longest;
    usm_receiver_free(receiver);
}

static void
other_users_take_over_at_once_and_clocks_stay(void **state)
{
    struct usm_users *nobody = usm_users_new();
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);

    (void)state;
    v3_desk_expect(receiver, &v3_desk.sha, "opened");
    usm_receiver_set_users(receiver, nobody);
    v3_desk_expect(receiver, &v3_desk.sha, "v3_unknown_user");
    assert_int_equal(usm_receiver_counts(receiver).keys, 0);
    usm_receiver_set_users(receiver, v3_desk.everybody);
    assert_string_equal(
        v3_desk_open_at(receiver, V3_DESK_NOW + 151 * SECOND, &v3_desk.sha), "v3_time");
    v3_desk_expect(receiver, &v3_desk.sha, "opened");
    usm_receiver_free(receiver);
    usm_users_free(nobody);
}

static void *
open_often(void *arg)
{
    struct usm_receiver *receiver = v3_desk_receiver(arg, USM_TIME_STRICT, 1);
    size_t opened = 0;

    for (int i = 0; i < 100; i++) { /* with room for the keys of one only */
        opened += v3_desk_open_at(receiver, V3_DESK_NOW, &v3_desk.sha_aes192) == NULL;
        opened += v3_desk_open_at(receiver, V3_DESK_NOW, &v3_desk.md5_des) == NULL;
    }
    usm_receiver_free(receiver);
    return opened == 200 ? arg : NULL;
}

static void
threads_share_users(void **state)
{
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, open_often, v3_desk.everybody), 0);
    }
    for (int i = 0; i < 2; i++) {
        void *done;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_ptr_equal(done, v3_desk.everybody);
    }
}

/* ---- Time ---- */

static void
what_is_sent_again_later_is_refused_under_strict_only(void **state)
{
    static const struct {
        enum usm_time_policy policy;
        bool is_refused;
    } expected[] = { { USM_TIME_STRICT, true }, { USM_TIME_RELEARN, false },
        { USM_TIME_OFF, false } };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, expected[i].policy, 0);
        assert_null(v3_desk_open_at(receiver, V3_DESK_NOW, &v3_desk.sha_aes192));
        assert_null(v3_desk_open_at(receiver, V3_DESK_NOW + 150 * SECOND, &v3_desk.sha_aes192));
        const char *why =
            v3_desk_open_at(receiver, V3_DESK_NOW + 151 * SECOND, &v3_desk.sha_aes192);
        assert_int_equal(why != NULL, expected[i].is_refused);
        if (why != NULL) {
            assert_string_equal(why, "v3_time");
        }
        usm_receiver_free(receiver);
    }
}

/* The number of boots is behind the engine: `02 01`. */
static void
a_message_with_a_wrong_mac_moves_no_clock(void **state)
{
    struct usm_receiver *receiver = v3_desk_receiver(v3_desk.everybody, USM_TIME_STRICT, 0);
    struct v3_sent message = v3_desk.sha;
    struct v3_message head = v3_desk_head(&message);

    (void)state;
    uint8_t *boots = v3_desk_within(&message, head.engine_id) + head.engine_id.len;
    assert_int_equal(boots[0], BER_INTEGER);
    assert_int_equal(boots[1], 1);
    boots[2] = 0x7f;
    v3_desk_expect(receiver, &v3_desk.sha, "opened");
    v3_desk_expect(receiver, &message, "v3_auth");
    v3_desk_expect(receiver, &v3_desk.sha, "opened");
    v3_desk_sign(&message, USM_AUTH_SHA, "authpass12345");
    v3_desk_expect(receiver, &message, "opened");
    v3_desk_expect(receiver, &v3_desk.sha, "v3_time");
    usm_receiver_free(receiver);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_without_mac_never_passes_for_a_user_with_keys),
        cmocka_unit_test(a_message_above_the_keys_of_a_user_is_refused),
        cmocka_unit_test(a_message_below_the_minimum_is_refused_unless_the_user_may),
        cmocka_unit_test(users_that_make_no_sense_are_refused),
        cmocka_unit_test(a_user_is_one_of_its_engines_only),
        cmocka_unit_test(the_begin_of_an_id_stands_for_all_engines_that_have_it),
        cmocka_unit_test(users_of_one_name_are_tried_in_turn),
        cmocka_unit_test(of_users_of_one_name_the_one_that_came_farthest_tells),
        cmocka_unit_test(a_name_is_of_so_many_users_as_may_be_tried_only),
        cmocka_unit_test(more_of_des_than_there_is_time_for_is_refused_behind_the_mac),
        cmocka_unit_test(other_users_take_over_at_once_and_clocks_stay),
        cmocka_unit_test(threads_share_users),
        cmocka_unit_test(what_is_sent_again_later_is_refused_under_strict_only),
        cmocka_unit_test(a_message_with_a_wrong_mac_moves_no_clock),
    };

    return cmocka_run_group_tests(tests, v3_desk_begin, v3_desk_end);
}
