/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/base64url.h"

static void
the_vectors_of_rfc_4648_hold_both_ways(void **state)
{
    static const char *const vectors[][2] = {
        { "", "" },
        { "f", "Zg" },
        { "fo", "Zm8" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg" },
        { "fooba", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "-_-_" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char memory[32];
        struct sr_buf out = sr_buf_over(memory, sizeof(memory));
        sr_base64url_encode(&out, span_of(vectors[i][0]));
        assert_int_equal(out.len, strlen(vectors[i][1]));
        assert_int_equal(out.len, SR_BASE64URL_LEN(strlen(vectors[i][0])));
        assert_memory_equal(memory, vectors[i][1], out.len);

        out = sr_buf_over(memory, sizeof(memory));
        assert_true(sr_base64url_decode(&out, span_of(vectors[i][1])));
        assert_int_equal(out.len, strlen(vectors[i][0]));
        assert_memory_equal(memory, vectors[i][0], out.len);
    }
}

static void
text_that_the_encoder_never_writes_is_refused(void **state)
{
    static const char *const wrong[] = { "A", "AAAAA", "Zh", "Zm9=", "Zg==", "+/+/", "Z g",
        "Zg\n" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char memory[32];
        struct sr_buf out = sr_buf_over(memory, sizeof(memory));
        assert_false(sr_base64url_decode(&out, span_of(wrong[i])));
    }
}

static void
a_buffer_that_is_too_small_fails_the_decoding(void **state)
{
    char memory[2];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));

    (void)state;
    assert_false(sr_base64url_decode(&out, span_of("Zm9v")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_hold_both_ways),
        cmocka_unit_test(text_that_the_encoder_never_writes_is_refused),
        cmocka_unit_test(a_buffer_that_is_too_small_fails_the_decoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
