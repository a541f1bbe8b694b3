/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/toml.h"

#include "sr/banned.h"

#define NODES 64

/* Memory of exactly the size that is asked for, so that a step beyond is seen. */
struct desk {
    struct sr_toml_node *nodes;
    uint8_t *text;
    uint8_t *copy;
    struct sr_toml_node *root;
    struct sr_toml_place place;
};

static enum sr_toml_err
read_with(struct desk *desk, struct sr_span text, size_t node_max, size_t text_max)
{
    desk->nodes = malloc((node_max + (node_max == 0)) * sizeof(*desk->nodes));
    desk->text = malloc(text_max + (text_max == 0));
    desk->copy = malloc(text.len + (text.len == 0));
    assert_non_null(desk->nodes);
    assert_non_null(desk->text);
    assert_non_null(desk->copy);
    memcpy(desk->copy, text.data, text.len);
    struct sr_toml_room room = { desk->nodes, node_max, desk->text, text_max };
    struct sr_span given = { desk->copy, text.len };
    return sr_toml_read(given, &room, &desk->root, &desk->place);
}

static void
done(struct desk *desk)
{
    free(desk->nodes);
    free(desk->text);
    free(desk->copy);
}

static void
print(const struct sr_toml_node *node, FILE *out)
{
    static const char *const marks[] = { "{", "[", "", "i", "f", "b" };
    bool is_string = node->kind == SR_TOML_STRING;

    if (node->name.data != NULL) {
        (void)fprintf(out, "%.*s=", (int)node->name.len, (const char *)node->name.data);
    }
    (void)fprintf(out, "%s%s%.*s%s", marks[node->kind], is_string ? "'" : "", (int)node->text.len,
        (const char *)node->text.data, is_string ? "'" : "");
    for (const struct sr_toml_node *child = node->first; child != NULL; child = child->next) {
        print(child, out);
        (void)fputs(child->next != NULL ? "," : "", out);
    }
    (void)fputs(node->kind == SR_TOML_TABLE ? "}" : node->kind == SR_TOML_ARRAY ? "]" : "", out);
}

/* The text reads as this: tables {}, arrays [], 'strings', i1, f1.0, btrue. */
static void
gives(const char *text, const char *want)
{
    struct desk desk;
    char *got = NULL;
    size_t size = 0;
    enum sr_toml_err err = read_with(&desk, span_of(text), NODES, strlen(text) + 1);

    if (err != SR_TOML_OK) {
        fail_msg(
            "%s: %zu:%zu: %s", text, desk.place.line, desk.place.column, sr_toml_strerror(err));
    }
    FILE *out = open_memstream(&got, &size);
    assert_non_null(out);
    print(desk.root, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(got, want);
    free(got);
    done(&desk);
}

static void
refuses(const char *text, enum sr_toml_err want, size_t line, size_t column)
{
    struct desk desk;
    enum sr_toml_err err = read_with(&desk, span_of(text), NODES, strlen(text) + 1);

    if (err != want || desk.place.line != line || desk.place.column != column) {
        fail_msg("%s\n-> %d (%s) at %zu:%zu", text, (int)err, sr_toml_strerror(err),
            desk.place.line, desk.place.column);
    }
    done(&desk);
}

/* ---- Keys and tables ---- */

static void
nothing_is_an_empty_table(void **state)
{
    (void)state;
    gives("", "{}");
    gives("\xef\xbb\xbf", "{}");
    gives("\n\r\n \t# a \xc3\xa9 comment\n#", "{}");
}

static void
keys_are_bare_quoted_or_dotted(void **state)
{
    (void)state;
    gives("a=1\nB-_9 = 2\n1 = 3", "{a=i1,B-_9=i2,1=i3}");
    gives("\"a b\" = 1\n'c\\' = 2\n\"\" = 3\n\"\\u00e9\" = 4", "{a b=i1,c\\=i2,=i3,\xc3\xa9=i4}");
    gives("a . \"b\".c = 1\na.d = 2", "{a={b={c=i1},d=i2}}");
    gives("3.14 = 1", "{3={14=i1}}");
}

static void
headers_name_tables(void **state)
{
    (void)state;
    gives("x=1\n[a]\ny=2\n[ b . 'c' ] # d\nz=3\r\n[b]\n", "{x=i1,a={y=i2},b={c={z=i3}}}");
    gives("[a.b]\n[a]\nc=1", "{a={b={},c=i1}}");
    gives("[a]\nb.c=1\n[a.b.d]\ne=2", "{a={b={c=i1,d={e=i2}}}}");
}

static void
a_name_has_one_value(void **state)
{
    (void)state;
    refuses("a=1\nb=2\na=3", SR_TOML_ETWICE, 3, 2);
    refuses("a=1\n\"a\"=3", SR_TOML_ETWICE, 2, 4);
    refuses("[a]\n[b]\n[a]", SR_TOML_ETWICE, 3, 4);
    refuses("[a.b]\n[a]\n[a]", SR_TOML_ETWICE, 3, 4);
    refuses("a=1\n[a]", SR_TOML_ETWICE, 2, 4);
    refuses("a=1\n[a.b]", SR_TOML_ETWICE, 2, 4);
    refuses("a=1\na.b=2", SR_TOML_ETWICE, 2, 3);
    refuses("a.b=1\n[a]", SR_TOML_ETWICE, 2, 4);
    refuses("[a.b.c]\nz=9\n[a]\nb.c.t=1", SR_TOML_ETWICE, 4, 3);
    refuses("a={b=1}\na.c=1", SR_TOML_ETWICE, 2, 3);
    refuses("a={b=1}\n[a.c]", SR_TOML_ETWICE, 2, 4);
    refuses("a={b.c=1}\n[a.b.d]", SR_TOML_ETWICE, 2, 4);
    refuses("a=[]\n[a.b]", SR_TOML_ETWICE, 2, 4);
    refuses("a={b=1,b=2}", SR_TOML_ETWICE, 1, 9);
}

static void
a_second_value_names_the_line_of_the_first(void **state)
{
    (void)state;
    struct desk desk;

    assert_int_equal(
        read_with(&desk, span_of("[t]\n\nkey=1\nb=2\nkey=3"), NODES, 32), SR_TOML_ETWICE);
    assert_int_equal(desk.place.first_line, 3);
    assert_int_equal(desk.place.name.len, 3);
    assert_memory_equal(desk.place.name.data, "key", 3);
    done(&desk);
}

/* ---- Values ---- */

static void
strings_have_four_forms(void **state)
{
    (void)state;
    gives("a=\"x # y\" # z", "{a='x # y'}");
    gives("a=\"\\b\\t\\n\\f\\r\\\"\\\\\\u00E9\\U0001F600\"",
        "{a='\b\t\n\f\r\"\\\xc3\xa9\xf0\x9f\x98\x80'}");
    gives("a='C:\\x \"y\"'", "{a='C:\\x \"y\"'}");
    gives("a=\"\"\"\nb\r\n\"c\" \"\"d\"\"\"\"\"", "{a='b\n\"c\" \"\"d\"\"'}");
    gives("a=\"\"\"b \\  \n\n   c\\\r\n\td\"\"\"", "{a='b cd'}");
    gives("a='''\n\\b\n'c' ''d'''''", "{a='\\b\n'c' ''d'''}");
    gives("a=\"\"\nb=''\nc=\"\"\"\"\"\"\nd=''''''", "{a='',b='',c='',d=''}");
}

static void
strings_end_and_hold_no_control_characters(void **state)
{
    (void)state;
    refuses("b=1\na=\"x\nc=\"", SR_TOML_EQUOTE, 2, 3);
    refuses("a='x", SR_TOML_EQUOTE, 1, 3);
    refuses("a=\"x\\\"", SR_TOML_EQUOTE, 1, 3);
    refuses("\na = \"\"\"x\n\n\"\"", SR_TOML_EQUOTE, 2, 5);
    refuses("a='''x\n''", SR_TOML_EQUOTE, 1, 3);
    refuses("a=\"x\001\"", SR_TOML_ECONTROL, 1, 5);
    refuses("a='x\177'", SR_TOML_ECONTROL, 1, 5);
    refuses("a=\"\"\"x\n\r\"\"\"", SR_TOML_ECONTROL, 2, 1);
    refuses("# \001", SR_TOML_ECONTROL, 1, 3);
    refuses("a=1 # \r", SR_TOML_ECONTROL, 1, 7);
    refuses("a=1\rb=2", SR_TOML_ECONTROL, 1, 4);
}

static void
escapes_are_those_of_the_language(void **state)
{
    (void)state;
    refuses("a=\"\\x41\"", SR_TOML_EESCAPE, 1, 5);
    refuses("a=\"\\ \"", SR_TOML_EESCAPE, 1, 5);
    refuses("a=\"\\u00g0\"", SR_TOML_EESCAPE, 1, 5);
    refuses("a=\"\\ud800\"", SR_TOML_EESCAPE, 1, 5);
    refuses("a=\"\\U00110000\"", SR_TOML_EESCAPE, 1, 5);
    refuses("a=\"\\u0000\"", SR_TOML_EESCAPE, 1, 5);
    refuses("a=\"\"\"\\ x\"\"\"", SR_TOML_EESCAPE, 1, 8);
    refuses("a=\"\\u12", SR_TOML_EESCAPE, 1, 5);
}

static void
whole_numbers_are_of_64_bits_and_any_radix(void **state)
{
    (void)state;
    gives("a=0\nb=+9\nc=-17\nd=1_000\ne=-0", "{a=i0,b=i9,c=i-17,d=i1000,e=i0}");
    gives("a=0xDEAD_beef\nb=0o755\nc=0b1101", "{a=i3735928559,b=i493,c=i13}");
    gives("a=9223372036854775807\nb=-9223372036854775808",
        "{a=i9223372036854775807,b=i-9223372036854775808}");
    gives("a=0x7fffffffffffffff", "{a=i9223372036854775807}");
    refuses("a=9223372036854775808", SR_TOML_ERANGE, 1, 3);
    refuses("a=-9223372036854775809", SR_TOML_ERANGE, 1, 3);
    refuses("a=0xffffffffffffffff0", SR_TOML_ERANGE, 1, 3);
    static const char *const wrong[] = { "a=01", "a=1__0", "a=_1", "a=1_", "a=0x", "a=0x_1",
        "a=0xg", "a=-0x1", "a=0b2", "a=0o8", "a=+", "a=1a", "a=0X1" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        refuses(wrong[i], strcmp(wrong[i], "a=_1") == 0 ? SR_TOML_ETEXT : SR_TOML_ENUMBER, 1, 3);
    }
}

static void
floats_have_digits_on_both_sides(void **state)
{
    (void)state;
    gives("a=1.5\nb=-0.01\nc=5e+22\nd=1e0_6\ne=6.626E-34\nf=+1_0.0",
        "{a=f1.5,b=f-0.01,c=f5e+22,d=f1e06,e=f6.626E-34,f=f10.0}");
    gives("a=inf\nb=-inf\nc=+nan", "{a=finf,b=f-inf,c=fnan}");
    static const char *const wrong[] = { "a=1.", "a=1.e5", "a=1e", "a=1.5_", "a=03.1", "a=1.2.3" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        refuses(wrong[i], SR_TOML_ENUMBER, 1, 3);
    }
}

static void
dates_are_refused_by_name(void **state)
{
    (void)state;
    refuses("a=1979-05-27", SR_TOML_EDATE, 1, 3);
    refuses("a=1979-05-27T07:32:00Z", SR_TOML_EDATE, 1, 3);
    refuses("a=1979-05-27 07:32:00", SR_TOML_EDATE, 1, 3);
    refuses("a=07:32:00", SR_TOML_EDATE, 1, 3);
    refuses("[[a]]", SR_TOML_EARRAYS, 1, 2);
}

static void
text_wants_quotes(void **state)
{
    (void)state;
    gives("a=true\nb=false", "{a=btrue,b=bfalse}");
    refuses("a=True", SR_TOML_ETEXT, 1, 3);
    refuses("a=yes", SR_TOML_ETEXT, 1, 3);
    refuses("a = udp://0.0.0.0:514", SR_TOML_ETEXT, 1, 5);
    refuses("a=\xc3\xa9", SR_TOML_ETEXT, 1, 3);
    refuses("a=", SR_TOML_EVALUE, 1, 3);
    refuses("a= # b", SR_TOML_EVALUE, 1, 4);
}

static void
arrays_span_lines_and_hold_anything(void **state)
{
    (void)state;
    gives("a=[]\nb=[ 1, 'x' ]\nc=[\n 1, # one\n\n [2,], {d=3},\n]",
        "{a=[],b=[i1,'x'],c=[i1,[i2],{d=i3}]}");
    refuses("a=[1 2]", SR_TOML_ELIST, 1, 6);
    refuses("a=[1", SR_TOML_ELIST, 1, 5);
    refuses("a=[1,,2]", SR_TOML_EVALUE, 1, 6);
    refuses("a=[\n1,\n", SR_TOML_EVALUE, 3, 1);
}

static void
inline_tables_end_on_their_line(void **state)
{
    (void)state;
    gives("a={}\nb={ c=1, d.e='x', f={} }", "{a={},b={c=i1,d={e='x'},f={}}}");
    refuses("a={b=1,}", SR_TOML_EKEY, 1, 8);
    refuses("a={b=1 c=2}", SR_TOML_EINLINE, 1, 8);
    refuses("a={b=1\n}", SR_TOML_EINLINE, 1, 7);
    refuses("a={\nb=1}", SR_TOML_EKEY, 1, 4);
}

static void
a_line_has_one_statement(void **state)
{
    (void)state;
    refuses("a=1 b=2", SR_TOML_EREST, 1, 5);
    refuses("[a] b=2", SR_TOML_EREST, 1, 5);
    refuses("a", SR_TOML_EEQUALS, 1, 2);
    refuses("a b=1", SR_TOML_EEQUALS, 1, 3);
    refuses("= 1", SR_TOML_EKEY, 1, 1);
    refuses("a.=1", SR_TOML_EKEY, 1, 3);
    refuses("\"\"\"a\"\"\"=1", SR_TOML_EKEY, 1, 1);
    refuses("[]", SR_TOML_EKEY, 1, 2);
    refuses("[a", SR_TOML_EHEADER, 1, 3);
    refuses("[a.]", SR_TOML_EKEY, 1, 4);
    refuses("listen: 1", SR_TOML_EEQUALS, 1, 7);
}

static void
what_is_no_utf8_is_found_on_its_line(void **state)
{
    (void)state;
    refuses("a='\xc3\xa9'\n# \xff\nb=1", SR_TOML_EUTF8, 2, 1);
    refuses("a=1\nb='\xc3", SR_TOML_EUTF8, 2, 1);
}

/* ---- Bounds ---- */

static void
depth_and_count_are_bounded(void **state)
{
    (void)state;
    char text[8192] = "";
    size_t len = 0;
    struct desk desk;

    refuses("a=[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", SR_TOML_EDEPTH, 1, 18);
    gives("a=[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]", "{a=[[[[[[[[[[[[[[[i1]]]]]]]]]]]]]]]}");
    refuses("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1", SR_TOML_EDEPTH, 1, 34);
    refuses("[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]", SR_TOML_EDEPTH, 1, 35);
    refuses("[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]\nb=1", SR_TOML_EDEPTH, 2, 2);
    for (size_t i = 0; i <= SR_TOML_KEYS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "a%zu=1\n", i);
    }
    assert_int_equal(read_with(&desk, span_of(text), 1000, sizeof(text)), SR_TOML_EKEYS);
    assert_int_equal(desk.place.line, SR_TOML_KEYS_MAX + 1);
    done(&desk);
    assert_int_equal(read_with(&desk, span_of("a=[1,2]"), 3, 8), SR_TOML_EROOM);
    done(&desk);
    assert_int_equal(read_with(&desk, span_of("a=[1,2]"), 4, 8), SR_TOML_OK);
    done(&desk);
    assert_int_equal(read_with(&desk, span_of("a='xyz'"), 4, 2), SR_TOML_EROOM);
    done(&desk);
    assert_int_equal(read_with(&desk, span_of("a=12"), 4, 1), SR_TOML_EROOM);
    done(&desk);
    assert_int_equal(read_with(&desk, span_of(""), 0, 0), SR_TOML_EROOM);
    done(&desk);
}

static void
text_never_needs_more_than_the_file_and_one(void **state)
{
    (void)state;
    gives("a=[0x7fffffffffffffff,0x7fffffffffffffff]",
        "{a=[i9223372036854775807,i9223372036854775807]}");
}

static void
every_prefix_of_a_file_is_read_or_refused(void **state)
{
    (void)state;
    static const char text[] = "# \xc3\xa9\r\n[a.'b']\n\"k\\u00e9\" = \"\"\"x\\\n  \"y\"\"\"\"\n"
                               "n = [-1_0, 0x1f, 1.5e-3, {c.d = ''' ' '''}, true,\n]\n[a]\nz=inf";

    for (size_t len = 0; len < sizeof(text); len++) {
        struct desk desk;
        struct sr_span prefix = { (const uint8_t *)text, len };
        enum sr_toml_err err = read_with(&desk, prefix, NODES, len + 1);
        if (err != SR_TOML_OK) {
            assert_in_range(desk.place.line, 1, 8);
            assert_in_range(desk.place.column, 1, 60);
        }
        if (len + 1 == sizeof(text)) {
            assert_int_equal(err, SR_TOML_OK);
        }
        done(&desk);
    }
}

static void
every_error_says_what_to_do(void **state)
{
    (void)state;
    for (int err = SR_TOML_EUTF8; err <= SR_TOML_EROOM; err++) {
        assert_non_null(strstr(sr_toml_strerror((enum sr_toml_err)err), "; ") != NULL
                            ? sr_toml_strerror((enum sr_toml_err)err)
                            : strstr(sr_toml_strerror((enum sr_toml_err)err), "needs"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_an_empty_table),
        cmocka_unit_test(keys_are_bare_quoted_or_dotted),
        cmocka_unit_test(headers_name_tables),
        cmocka_unit_test(a_name_has_one_value),
        cmocka_unit_test(a_second_value_names_the_line_of_the_first),
        cmocka_unit_test(strings_have_four_forms),
        cmocka_unit_test(strings_end_and_hold_no_control_characters),
        cmocka_unit_test(escapes_are_those_of_the_language),
        cmocka_unit_test(whole_numbers_are_of_64_bits_and_any_radix),
        cmocka_unit_test(floats_have_digits_on_both_sides),
        cmocka_unit_test(dates_are_refused_by_name),
        cmocka_unit_test(text_wants_quotes),
        cmocka_unit_test(arrays_span_lines_and_hold_anything),
        cmocka_unit_test(inline_tables_end_on_their_line),
        cmocka_unit_test(a_line_has_one_statement),
        cmocka_unit_test(what_is_no_utf8_is_found_on_its_line),
        cmocka_unit_test(depth_and_count_are_bounded),
        cmocka_unit_test(text_never_needs_more_than_the_file_and_one),
        cmocka_unit_test(every_prefix_of_a_file_is_read_or_refused),
        cmocka_unit_test(every_error_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
