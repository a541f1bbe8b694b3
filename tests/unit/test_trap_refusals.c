/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "community.h"

#include "sr/banned.h"

/* ---- Communities ---- */

/* A message of v2c with a community of `len` times 'c', and behind it what is no PDU. */
struct message {
    uint8_t bytes[400];
    size_t len, community_at;
};

static struct message
message(uint8_t version, size_t community_len)
{
    struct message m = { .bytes = { 0x30, 0x82, 0, 0, 2, 1, version, 4, 0x82, 0, 0 } };

    m.community_at = 11;
    m.bytes[9] = (uint8_t)(community_len >> 8);
    m.bytes[10] = (uint8_t)community_len;
    memset(m.bytes + m.community_at, 'c', community_len);
    m.len = m.community_at + community_len;
    memcpy(m.bytes + m.len, "\xa7\x02zz", 4);
    m.len += 4;
    m.bytes[2] = (uint8_t)((m.len - 4) >> 8);
    m.bytes[3] = (uint8_t)(m.len - 4);
    return m;
}

static struct sr_span
all_of(const struct message *m)
{
    return (struct sr_span){ m->bytes, m->len };
}

static bool
allows(const char *const *texts, size_t count, struct sr_span bytes)
{
    const char *items[4];
    struct sr_conf_strings list = { count, items };
    struct communities c;

    for (size_t i = 0; i < count; i++) {
        items[i] = texts[i];
    }
    assert_true(communities_init(&c, &list));
    bool is_allowed = communities_allow(&c, bytes);
    communities_done(&c);
    return is_allowed;
}

static void
a_community_must_be_one_of_the_list(void **state)
{
    static const char *const texts[] = { "public", "cccccc", "ccccc" };
    struct message six = message(1, 6), four = message(1, 4), none = message(1, 0);

    (void)state;
    assert_true(allows(texts, 0, all_of(&four)));
    assert_true(allows(texts, 3, all_of(&six)));
    assert_true(allows(texts, 2, all_of(&six)));
    assert_false(allows(texts, 1, all_of(&six)));
    assert_false(allows(texts, 3, all_of(&four))); /* the beginning of one is none */
    assert_false(allows(texts, 3, all_of(&none)));
}

static void
the_longest_community_is_taken_and_no_longer_one(void **state)
{
    char longest[TRAPD_COMMUNITY_MAX + 1];
    const char *const texts[] = { longest };
    struct message most = message(0, TRAPD_COMMUNITY_MAX),
                   more = message(0, TRAPD_COMMUNITY_MAX + 1);

    (void)state;
    memset(longest, 'c', TRAPD_COMMUNITY_MAX);
    longest[TRAPD_COMMUNITY_MAX] = '\0';
    assert_true(allows(texts, 1, all_of(&most)));
    assert_false(allows(texts, 1, all_of(&more)));
}

static void
messages_without_a_community_are_for_the_decoder(void **state)
{
    static const char *const texts[] = { "public" };
    struct message v3 = message(3, 4);

    (void)state;
    assert_true(allows(texts, 1, all_of(&v3)));
    assert_true(allows(texts, 1, span_of("hello")));
    assert_true(allows(texts, 1, span_of("")));
}

/* What the decoder cannot read is a dead letter: one that is cut short tells its community too. */
static void
a_dead_letter_tells_nothing_of_its_community(void **state)
{
    struct message m = message(1, 40);
    uint8_t out[sizeof(m.bytes)];

    (void)state;
    community_mask(all_of(&m), out);
    for (size_t i = 0; i < m.len; i++) {
        bool is_community = i >= m.community_at && i < m.community_at + 40;
        assert_int_equal(out[i], is_community ? 0 : m.bytes[i]);
    }
    for (size_t len = 1; len < m.len; len++) {
        uint8_t *exact = malloc(len);
        assert_non_null(exact);
        memcpy(exact, m.bytes, len);
        community_mask((struct sr_span){ exact, len }, out);
        free(exact);
        assert_null(memchr(out, 'c', len));
    }
}

static void
what_is_no_message_is_told_as_it_is(void **state)
{
    struct message v3 = message(3, 40);
    uint8_t out[sizeof(v3.bytes)];

    (void)state;
    community_mask(all_of(&v3), out);
    assert_memory_equal(out, v3.bytes, v3.len);
    community_mask(span_of("hello"), out);
    assert_memory_equal(out, "hello", 5);
}

/* RFC 4231 section 4.3 has HMAC-SHA-256 with the key "Jefe"; here it is zeros behind that. */
static void
a_hash_is_the_first_digits_of_an_hmac(void **state)
{
    uint8_t key[TRAP_COMMUNITY_KEY_LEN] = "Jefe";
    char out[TRAP_COMMUNITY_HASH_LEN];

    (void)state;
    community_hash(key, span_of("what do ya want for nothing?"), out);
    assert_memory_equal(out, "5bdcc146bf60754e", sizeof(out));
}

static void
the_key_is_the_sha_256_of_what_the_user_wrote(void **state)
{
    uint8_t key[TRAP_COMMUNITY_KEY_LEN];

    (void)state;
    community_key("abc", key); /* FIPS 180-2 appendix B.1 */
    assert_memory_equal(key, "\xba\x78\x16\xbf\x8f\x01\xcf\xea", 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_community_must_be_one_of_the_list),
        cmocka_unit_test(the_longest_community_is_taken_and_no_longer_one),
        cmocka_unit_test(messages_without_a_community_are_for_the_decoder),
        cmocka_unit_test(a_dead_letter_tells_nothing_of_its_community),
        cmocka_unit_test(what_is_no_message_is_told_as_it_is),
        cmocka_unit_test(a_hash_is_the_first_digits_of_an_hmac),
        cmocka_unit_test(the_key_is_the_sha_256_of_what_the_user_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
