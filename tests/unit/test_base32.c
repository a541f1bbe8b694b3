/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "sr/base32.h"

static void
the_vectors_of_rfc_4648_hold_both_ways(void **state)
{
    static const char *const vectors[][2] = {
        { "", "" },
        { "f", "MY" },
        { "fo", "MZXQ" },
        { "foo", "MZXW6" },
        { "foob", "MZXW6YQ" },
        { "fooba", "MZXW6YTB" },
        { "foobar", "MZXW6YTBOI" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char memory[32];
        struct sr_buf out = sr_buf_over(memory, sizeof(memory));
        sr_base32_encode(&out, span_of(vectors[i][0]));
        assert_int_equal(out.len, strlen(vectors[i][1]));
        assert_int_equal(out.len, SR_BASE32_LEN(strlen(vectors[i][0])));
        assert_memory_equal(memory, vectors[i][1], out.len);

        out = sr_buf_over(memory, sizeof(memory));
        assert_true(sr_base32_decode(&out, span_of(vectors[i][1])));
        assert_int_equal(out.len, strlen(vectors[i][0]));
        assert_memory_equal(memory, vectors[i][0], out.len);
    }
}

static void
text_that_the_encoder_never_writes_is_refused(void **state)
{
    static const char *const wrong[] = { "A", "AAA", "AAAAAA", "MZ", "my", "MY======", "M1", "M Y",
        "MY\n" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char memory[32];
        struct sr_buf out = sr_buf_over(memory, sizeof(memory));
        assert_false(sr_base32_decode(&out, span_of(wrong[i])));
    }
}

static void
a_buffer_that_is_too_small_fails_the_decoding(void **state)
{
    char memory[4];
    struct sr_buf out = sr_buf_over(memory, sizeof(memory));

    (void)state;
    assert_false(sr_base32_decode(&out, span_of("MZXW6YTB")));
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
