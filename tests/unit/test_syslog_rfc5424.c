/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "decode/rfc5424.h"

#include "sr/banned.h"

#define HEAD "<34>1 2003-10-11T22:14:15.003Z host app 42 ID47 "

static struct syslog_scratch scratch;
static struct syslog_record rec;

static enum syslog_err
decode(const char *text)
{
    rec = (struct syslog_record){ 0 };
    return rfc5424_decode(span_of(text), &scratch, &rec);
}

static void
same(struct sr_span got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.data, want, got.len);
}

static void
a_whole_message_is_taken_apart(void **state)
{
    (void)state;
    assert_int_equal(decode(HEAD "[ex@32473 b=\"2\" a=\"1\"] hello  there \n"), SYSLOG_OK);
    assert_true(rec.has_pri && rec.has_app && rec.has_sd && rec.has_msg);
    assert_int_equal(rec.facility, 4);
    assert_int_equal(rec.severity, 2);
    assert_int_equal(rec.time.sec, 1065910455);
    assert_int_equal(rec.time.nsec, 3000000);
    same(rec.host, "host");
    same(rec.app, "app");
    same(rec.procid, "42");
    same(rec.msgid, "ID47");
    same(rec.sd_id, "ex@32473");
    same(rec.msg, "hello  there");
    same(rec.full, HEAD "[ex@32473 b=\"2\" a=\"1\"] hello  there");
    assert_false(rec.msg_is_words);
    assert_int_equal(rec.param_count, 2);
    same(rec.params[0].name, "a");
    same(rec.params[0].value, "1");
    same(rec.params[1].name, "b");
}

static void
a_byte_order_mark_is_dropped_in_front_only(void **state)
{
    (void)state;
    assert_int_equal(decode("\xef\xbb\xbf" HEAD "- \xef\xbb\xbfx"), SYSLOG_OK);
    same(rec.full, HEAD "- \xef\xbb\xbfx");
    same(rec.msg, "\xef\xbb\xbfx");
}

static void
a_message_may_be_missing(void **state)
{
    (void)state;
    assert_int_equal(decode(HEAD "-"), SYSLOG_OK);
    assert_false(rec.has_msg || rec.has_sd);
    assert_int_equal(decode(HEAD "- "), SYSLOG_OK);
    assert_false(rec.has_msg);
    assert_int_equal(decode(HEAD "-x"), SYSLOG_OK); /* as upstream */
    same(rec.msg, "x");
    assert_int_equal(decode(HEAD "[a b=\"c\"] "), SYSLOG_OK);
    assert_false(rec.has_msg);
}

static void
each_broken_part_has_its_reason(void **state)
{
    static const struct {
        const char *text;
        enum syslog_err want;
    } cases[] = {
        { "", SYSLOG_EEMPTY }, { "\xef\xbb\xbf", SYSLOG_EEMPTY },
        { "x" HEAD "-", SYSLOG_EPRIORITY },
        { "<256>1 2003-10-11T22:14:15Z h a p m -", SYSLOG_EPRIORITY },
        { "<>1 2003-10-11T22:14:15Z h a p m -", SYSLOG_EPRIORITY },
        { "<34 1 2003-10-11T22:14:15Z h a p m -", SYSLOG_EPRIORITY },
        { "<34>2 2003-10-11T22:14:15Z h a p m -", SYSLOG_EVERSION },
        { "<34>01 2003-10-11T22:14:15Z h a p m -", SYSLOG_EVERSION },
        { "<34> 2003-10-11T22:14:15Z h a p m -", SYSLOG_EVERSION },
        { "<34>1 - h a p m -", SYSLOG_ETIME },
        { "<34>1 2003-10-11T22:14:15 h a p m -", SYSLOG_ETIME },
        { "<34>1  2003-10-11T22:14:15Z h a p m -", SYSLOG_ETIME },
        { "<34>1 2003-10-11T22:14:15Z h a p m", SYSLOG_EHEADER },
        { "<34>1 2003-10-11T22:14:15Z h a p m ", SYSLOG_ESD }, { HEAD "x", SYSLOG_ESD },
        { HEAD "[", SYSLOG_ESD }, { HEAD "[empty]", SYSLOG_ESD },
        { HEAD "[empty] msg", SYSLOG_ESD },
        { HEAD "[a b=\"c\"]", SYSLOG_ESD }, /* no space, no message */
        { HEAD "[a b=\"c\"]x", SYSLOG_ESD }, { HEAD "[a b=\"c\"", SYSLOG_ESD },
        { HEAD "[a b=\"c] x", SYSLOG_ESD }, { HEAD "[a b=c] x", SYSLOG_ESD },
        { HEAD "[a b =\"c\"] x", SYSLOG_ESD }, { HEAD "[a b= \"c\"] x", SYSLOG_ESD },
        { HEAD "[a =\"c\"] x", SYSLOG_ESD }, { HEAD "[a \xc3\xa4=\"c\"] x", SYSLOG_ESD },
        { HEAD "[a b=\"c\\\"] x", SYSLOG_ESD }, /* the quote is escaped */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum syslog_err got = decode(cases[i].text);
        if (got != cases[i].want) {
            fail_msg("%s: %s", cases[i].text, syslog_strerror(got));
        }
        assert_false(rec.has_pri); /* nothing is written on an error */
    }
}

static void
structured_data_is_as_lenient_as_upstreams(void **state)
{
    (void)state;
    assert_int_equal(decode(HEAD "[a  b=\"c\"  \" d=\"e\"f=\"g\"] x"), SYSLOG_OK);
    assert_int_equal(rec.param_count, 3);
    same(rec.params[2].name, "f");
    assert_int_equal(decode(HEAD "[a ] x"), SYSLOG_OK);
    assert_true(rec.has_sd);
    assert_int_equal(rec.param_count, 0);
    same(rec.sd_id, "a");
    assert_int_equal(decode(HEAD "[ b=\"c\"] x"), SYSLOG_OK);
    same(rec.sd_id, "");
    assert_int_equal(decode(HEAD "[a]b c=\"d\"] x"), SYSLOG_OK);
    same(rec.sd_id, "a]b");
    assert_int_equal(decode(HEAD "[a b=\"]\\\\\\\"=\\]\"] x"), SYSLOG_OK);
    same(rec.params[0].value, "]\\\\\\\"=\\]");
    assert_true(rec.params[0].escaped);
}

static void
the_last_of_equal_names_wins_in_sorted_order(void **state)
{
    (void)state;
    assert_int_equal(
        decode(HEAD "[x z=\"1\" a=\"2\" z=\"3\"][y B=\"4\" a=\"5\" ab=\"6\"] m"), SYSLOG_OK);
    same(rec.sd_id, "y");
    assert_int_equal(rec.param_count, 4);
    same(rec.params[0].name, "B");
    same(rec.params[1].name, "a");
    same(rec.params[1].value, "5");
    same(rec.params[2].name, "ab");
    same(rec.params[3].name, "z");
    same(rec.params[3].value, "3");
}

/* HEAD and `count` parameters named by the upper and lower half of a counter. */
static char *
many_params(unsigned count, unsigned names)
{
    char *text = malloc(64 + 16 * (size_t)count);
    size_t n = sizeof(HEAD "[x ") - 1;

    assert_non_null(text);
    memcpy(text, HEAD "[x ", n);
    for (unsigned i = 0; i < count; i++) {
        unsigned name = i * 7919 % names; /* 7919 is prime: out of order, all different */
        for (int shift = 12; shift >= 0; shift -= 4) {
            text[n++] = "0123456789abcdef"[name >> shift & 15];
        }
        memcpy(text + n, "=\"", 2);
        n += 2;
        for (int shift = 12; shift >= 0; shift -= 4) {
            text[n++] = "0123456789abcdef"[i >> shift & 15];
        }
        text[n++] = '"';
    }
    memcpy(text + n, "] m", 4);
    return text;
}

static void
thousands_of_params_are_kept_and_one_more_is_refused(void **state)
{
    char *text = many_params(SYSLOG_PARAMS_MAX, SYSLOG_PARAMS_MAX);

    (void)state;
    assert_int_equal(decode(text), SYSLOG_OK);
    assert_int_equal(rec.param_count, SYSLOG_PARAMS_MAX);
    for (size_t i = 1; i < rec.param_count; i++) {
        assert_true(memcmp(rec.params[i - 1].name.data, rec.params[i].name.data, 4) < 0);
    }
    free(text);
    text = many_params(SYSLOG_PARAMS_MAX, 100);
    assert_int_equal(decode(text), SYSLOG_OK);
    assert_int_equal(rec.param_count, 100);
    for (size_t i = 0; i < rec.param_count; i++) {
        assert_true(memcmp(rec.params[i].value.data, "0f9c", 4) >= 0); /* of the last 100 */
    }
    free(text);
    text = many_params(SYSLOG_PARAMS_MAX + 1, 100);
    assert_int_equal(decode(text), SYSLOG_EPARAMS);
    free(text);
}

static void
no_prefix_of_a_message_is_read_past_its_end(void **state)
{
    static const char text[] =
        "\xef\xbb\xbf" HEAD "[ex@32473 b=\"2\\\"\" a=\"1\"][y z=\"\xc3\xa4\"] hello\xe2\x80\x83";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, text, len);
        (void)rfc5424_decode((struct sr_span){ exact, len }, &scratch, &rec);
        free(exact);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_is_taken_apart),
        cmocka_unit_test(a_byte_order_mark_is_dropped_in_front_only),
        cmocka_unit_test(a_message_may_be_missing),
        cmocka_unit_test(each_broken_part_has_its_reason),
        cmocka_unit_test(structured_data_is_as_lenient_as_upstreams),
        cmocka_unit_test(the_last_of_equal_names_wins_in_sorted_order),
        cmocka_unit_test(thousands_of_params_are_kept_and_one_more_is_refused),
        cmocka_unit_test(no_prefix_of_a_message_is_read_past_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
