/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "sr/records.h"

/* The records of a message, each behind the one before with a '|' between. */
static const char *
split(const char *bytes, size_t len, enum sr_records_form form)
{
    static char text[256];
    uint8_t *exact = malloc(len > 0 ? len : 1); /* what is read past its end is seen */
    struct sr_span rest = { exact, len };
    struct sr_span record;
    size_t at = 0;

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    for (unsigned n = 0; sr_records_next(&rest, form, &record); n++) {
        assert_true(n <= len);
        text[at++] = '|';
        memcpy(text + at, record.data, record.len);
        at += record.len;
    }
    free(exact);
    text[at] = '\0';
    return text;
}

static void
a_message_without_a_count_is_one_record_whatever_it_holds(void **state)
{
    (void)state;
    assert_int_equal(sr_records_form(span_of(""), span_of("application/x-ndjson")), SR_RECORDS_ONE);
    assert_string_equal(split("a\nb", 3, SR_RECORDS_ONE), "|a\nb");
    assert_string_equal(split("", 0, SR_RECORDS_ONE), "");
}

static void
lines_end_with_a_newline_and_the_last_may_lack_it(void **state)
{
    (void)state;
    assert_int_equal(
        sr_records_form(span_of("2"), span_of("application/x-ndjson")), SR_RECORDS_LINES);
    assert_string_equal(split("a\nbc\n", 5, SR_RECORDS_LINES), "|a|bc");
    assert_string_equal(split("a\n\nbc", 5, SR_RECORDS_LINES), "|a||bc");
}

static void
any_other_type_has_a_length_before_each_record(void **state)
{
    char large[2 + 200] = "\xc8\x01";

    (void)state;
    assert_int_equal(
        sr_records_form(span_of("1"), span_of("application/x-protobuf")), SR_RECORDS_DELIMITED);
    assert_int_equal(sr_records_form(span_of("1"), span_of("")), SR_RECORDS_DELIMITED);
    assert_string_equal(split("\1a\0\2bc", 6, SR_RECORDS_DELIMITED), "|a||bc");
    memset(large + 2, 'x', 200);
    assert_int_equal(strlen(split(large, sizeof(large), SR_RECORDS_DELIMITED)), 201);
}

static void
a_length_that_lies_gives_what_is_there_and_ends(void **state)
{
    (void)state;
    assert_string_equal(split("\5ab", 3, SR_RECORDS_DELIMITED), "|ab");
    assert_string_equal(split("\xff\xff\xff\xff\x0f"
                              "ab",
                            7, SR_RECORDS_DELIMITED),
        "|ab");
    /* No length at all: neither one that ends, nor one that fits in 32 bits. */
    assert_string_equal(split("\x80", 1, SR_RECORDS_DELIMITED), "|\x80");
    assert_string_equal(
        split("\xff\xff\xff\xff\xff\x01", 6, SR_RECORDS_DELIMITED), "|\xff\xff\xff\xff\xff\x01");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_without_a_count_is_one_record_whatever_it_holds),
        cmocka_unit_test(lines_end_with_a_newline_and_the_last_may_lack_it),
        cmocka_unit_test(any_other_type_has_a_length_before_each_record),
        cmocka_unit_test(a_length_that_lies_gives_what_is_there_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
