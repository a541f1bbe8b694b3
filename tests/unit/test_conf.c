/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_example.h"
#include "sr/conf.h"

static struct sr_conf_problems *problems;
static char folder[] = "/tmp/sr-conf-XXXXXX";

static int
start(void **state)
{
    (void)state;
    problems = sr_conf_problems_new();
    return problems == NULL;
}

static int
finish(void **state)
{
    (void)state;
    sr_conf_problems_free(problems);
    return 0;
}

static struct example *
load_with(const char *text, const char *const *sets, size_t set_count)
{
    struct sr_conf_source source = { .file = "x.yaml", .sets = sets, .set_count = set_count };

    return sr_conf_load_text(&example_schema, &source, span_of(text), problems);
}

static struct example *
load(const char *text)
{
    return load_with(text, NULL, 0);
}

/* The text of the only problem. */
static const char *
only_problem(void)
{
    for (size_t i = 1; i < sr_conf_problems_count(problems); i++) {
        print_error("%s\n", sr_conf_problems_text(problems, i));
    }
    assert_int_equal(sr_conf_problems_count(problems), 1);
    return sr_conf_problems_text(problems, 0);
}

/* Loads a text that is wrong in one way, and what is said about it. */
static const char *
said(const char *text)
{
    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    assert_null(load(text));
    return only_problem();
}

/* As said, with one --set over an empty file. */
static const char *
said_of_set(const char *set)
{
    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    assert_null(load_with("", &set, 1));
    return only_problem();
}

static const struct example_listener *
listener(const struct example *example, size_t i)
{
    assert_true(i < example->listeners.count);
    return (const struct example_listener *)example->listeners.items + i;
}

static void
an_empty_file_gives_every_default(void **state)
{
    static const char *const empty[] = { "", "\n", "# nothing yet\n", "{}", "---\n", "nats:\n" };

    (void)state;
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        struct example *example = load(empty[i]);
        assert_non_null(example);
        assert_false(example->enrich);
        assert_string_equal(example->partition, "default");
        assert_int_equal(example->listeners.count, 1);
        assert_string_equal(listener(example, 0)->listen, "udp://0.0.0.0:514");
        assert_int_equal(listener(example, 0)->receive_buffer, 4 << 20);
        assert_int_equal(example->nats.url.count, 1);
        assert_string_equal(example->nats.url.items[0], "nats://127.0.0.1:4222");
        assert_null(example->nats.creds_file);
        assert_true(example->nats.tls.verify);
        sr_conf_free(example);
    }
}

static void
yaml_and_json_give_the_same(void **state)
{
    struct example *yaml = load("enrich: yes\n"
                                "listeners:\n"
                                "  - listen: tcp://[::]:601\n"
                                "    format: rfc5424\n"
                                "  - {workers: 4, receive_buffer: 64KiB}\n"
                                "nats:\n"
                                "  url: [tls://a:4222, tls://b]\n"
                                "  tls: {verify: off}\n"
                                "linger: 250us\n");
    struct example *json = load("{\"enrich\": true, \"listeners\": [{\"listen\": "
                                "\"tcp://[::]:601\", \"format\": \"rfc5424\"}, {\"workers\": 4, "
                                "\"receive_buffer\": 65536}], \"nats\": {\"url\": [\"tls://a:4222\""
                                ", \"tls://b\"], \"tls\": {\"verify\": false}}, \"linger\": "
                                "\"250us\"}");

    (void)state;
    assert_non_null(yaml);
    assert_non_null(json);
    char text[64];
    assert_null(sr_conf_restart_key(&example_schema, yaml, json, text, sizeof(text)));
    assert_true(yaml->enrich && json->enrich);
    assert_int_equal(listener(yaml, 0)->format, EXAMPLE_RFC5424);
    assert_int_equal(listener(yaml, 1)->workers, 4);
    assert_int_equal(listener(yaml, 1)->receive_buffer, 65536);
    assert_string_equal(yaml->nats.url.items[1], "tls://b");
    assert_false(yaml->nats.tls.verify);
    assert_int_equal(yaml->linger, 250000);
    sr_conf_free(yaml);
    sr_conf_free(json);
}

static void
a_scalar_is_a_list_of_one(void **state)
{
    struct example *example = load("nats: {url: tls://a}");

    (void)state;
    assert_non_null(example);
    assert_int_equal(example->nats.url.count, 1);
    assert_string_equal(example->nats.url.items[0], "tls://a");
    sr_conf_free(example);
}

static void
an_unknown_key_is_refused_with_the_nearest(void **state)
{
    (void)state;
    assert_string_equal(said("enrich: true\npartion: x\n"),
        "x.yaml:2: unknown key `partion`; did you mean `partition`?");
    assert_string_equal(said("nats:\n  tls:\n    cafile: x\n"),
        "x.yaml:3: unknown key `nats.tls.cafile`; did you mean `ca_file`?");
    assert_string_equal(said("listeners:\n  - listen: udp://a\n    subjct: x\n"),
        "x.yaml:3: unknown key `listeners[0].subjct`; did you mean `subject`?");
    assert_string_equal(said("zebra: 1\n"),
        "x.yaml:1: unknown key `zebra`; remove it, or see --help for the keys there are");
}

static void
all_problems_are_reported_in_order_of_lines(void **state)
{
    static const char *const sets[] = { "linger=5", "enrich=on" };

    (void)state;
    assert_null(load_with("linger: 1\n"
                          "nats:\n"
                          "  url: []\n"
                          "  qeue: 1\n"
                          "listeners:\n"
                          "  - workers: 70000\n"
                          "    format: gelf\n"
                          "enrich: maybe\n"
                          "partition: [a]\n",
        sets, 2));
    static const char *const want[] = {
        "x.yaml:3: nats.url: has 0 items; must have 1 to 4",
        "x.yaml:4: unknown key `nats.qeue`; remove it, or see --help for the keys there are",
        "x.yaml:6: listeners[0].workers: is 70000; must be 1 to 64",
        "x.yaml:7: listeners[0].format: is `gelf`; must be one of rfc3164, rfc5424, smart",
        "x.yaml:9: partition: is a list; give it a single value",
        "--set linger=5: linger: is `5` without a unit; add a unit such as `5s`",
    };
    for (size_t i = 0; i < sr_conf_problems_count(problems) && i < 6; i++) {
        assert_string_equal(sr_conf_problems_text(problems, i), want[i]);
    }
    assert_int_equal(sr_conf_problems_count(problems), 6);
}

static void
a_duplicate_key_names_both_lines(void **state)
{
    (void)state;
    assert_string_equal(said("enrich: true\nlinger: 0\nenrich: false\n"),
        "x.yaml:3: key `enrich` is given twice, first on line 1; remove one");
}

static void
a_syntax_error_names_line_and_column_and_a_remedy(void **state)
{
    (void)state;
    assert_string_equal(said("nats:\n\turl: x\n"),
        "x.yaml:2:1: is not valid YAML: a tab cannot indent; use spaces");
    assert_string_equal(said("nats: url: x\n"),
        "x.yaml:1:10: is not valid YAML: mapping values are not allowed in this context; a `:` "
        "stands where no key can be: check the indentation, or quote the value");
    assert_non_null(strstr(said("nats: {url: [a}\n"), "x.yaml:1:15: is not valid YAML: "));
    assert_non_null(strstr(said("a: 1\nb: \x01\n"), "x.yaml:2:4: is not valid YAML: "));
    assert_non_null(strstr(said("a: 1\nb: \xff\n"), "x.yaml:2:4: is not valid YAML: "));
}

static void
what_hides_where_a_value_comes_from_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(said("partition: &a x\n"), "x.yaml:1: anchors"));
    assert_non_null(strstr(said("partition: *a\n"), "x.yaml:1: anchors"));
    assert_non_null(strstr(said("partition: !!str x\n"), "x.yaml:1: tags"));
    assert_non_null(strstr(said("enrich: on\n---\nenrich: off\n"), "x.yaml:2: a second document"));
    assert_non_null(strstr(said("? [a]\n: b\n"), "x.yaml:1: a key must be a plain name"));
    assert_non_null(strstr(said("- a\n"), "x.yaml:1: is not a configuration"));
}

/* The example's check of a listener's address reads what it is given. */
static void
a_value_that_was_refused_is_not_checked(void **state)
{
    static const char *const texts[] = {
        "listeners: [{listen: !foo x}]\n",
        "listeners: [{listen: &a x}]\n",
        "listeners: [!foo x]\n",
        "listeners: !foo []\n",
        "nats: {url: [!foo x]}\n",
        "nats: {url: !foo []}\n",
        "nats: !foo {}\n",
        "partition: !foo x\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)said(texts[i]);
    }
}

static void
depth_keys_values_and_size_are_bounded(void **state)
{
    static char text[(1 << 20) + 2];
    size_t len = 0;

    (void)state;
    memset(text, '[', 5000);
    text[5000] = '\0';
    assert_string_equal(said(text), "x.yaml:1: is nested more than 16 deep; flatten it");
    for (size_t i = 0; i < 257; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "k%zu: 1\n", i);
    }
    assert_string_equal(said(text), "x.yaml:257: more than 256 keys in one section; remove some");
    memset(text, ',', sizeof(text) - 1);
    for (size_t i = 0; i < 20000; i++) {
        memcpy(text + 2 * i, i == 0 ? "[a" : ",a", 2);
    }
    text[40000] = '\0';
    assert_string_equal(said(text), "x.yaml:1: has more than 16384 values; shorten it");
    memset(text, '#', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_string_equal(said(text), "x.yaml: is larger than 1 MiB; name a configuration file");
    text[1 << 20] = '\0';
    struct example *example = load(text);
    assert_int_equal(sr_conf_problems_count(problems), 1);
    assert_non_null(example);
    sr_conf_free(example);
}

static void
problems_stop_at_a_hundred(void **state)
{
    static char text[4096];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < 150; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "zz%zu: 1\n", i);
    }
    assert_null(load(text));
    assert_int_equal(sr_conf_problems_count(problems), 100);
    assert_string_equal(
        sr_conf_problems_text(problems, 99), "there are more problems; correct these first");
    /* A list that is full already must not turn a refused configuration into a good one. */
    assert_null(load("enrich: maybe\n"));
}

static void
control_characters_and_missing_values_are_refused(void **state)
{
    (void)state;
    assert_string_equal(said("partition: \"a\\0b\"\n"),
        "x.yaml:1: partition: holds a control character; remove it");
    assert_non_null(strstr(said("partition: \"a\\eb\"\n"), "holds a control character"));
    assert_string_equal(said("partition:\n"),
        "x.yaml:1: partition: has no value; give it one, or remove the key for its default");
}

static void
a_line_of_some_other_file_is_not_repeated(void **state)
{
    (void)state;
    assert_string_equal(said("daemon:hunter2:17: x\n"),
        "x.yaml:1: a key is not a name of letters, digits and `_`; see --help for the keys there "
        "are");
    assert_null(strstr(said("\"a\\e[2Jb\": 1\n"), "2Jb"));
    assert_null(strstr(said("hunter2 hunter2\n"), "hunter2"));
}

static void
a_problem_cannot_steer_a_terminal(void **state)
{
    (void)state;
    sr_conf_problem(problems, "a\nb", "%s", "\x1b[2J\x7f");
    assert_string_equal(only_problem(), "a?b: ?[2J?");
}

static void
the_wrong_shape_says_the_right_one(void **state)
{
    (void)state;
    assert_non_null(strstr(said("nats: x\n"), "nats: must be a section"));
    assert_non_null(strstr(said("listeners: {}\n"), "listeners: must be a list of sections"));
    assert_non_null(strstr(said("listeners: [x]\n"), "listeners[0]: must be a section"));
    assert_non_null(strstr(said("listeners: []\n"), "listeners: has 0 items; must have 1 to 16"));
    assert_non_null(strstr(said("nats: {url: {}}\n"), "nats.url: must be a list"));
    assert_non_null(strstr(said("nats: {url: [[]]}\n"), "nats.url[0]: is a list"));
    assert_non_null(strstr(said("linger: {}\n"), "linger: is a section"));
}

static void
set_wins_over_the_file_and_later_over_earlier(void **state)
{
    static const char *const sets[] = {
        "linger=1s",
        "linger=2s",
        "listeners.0.format=smart",
        "listeners.1.listen=udp://b",
        "nats.url=[tls://a,tls://b]",
        "nats.url.2=tls://c",
        "partition=a=b",
        "nats.tls.verify=no",
    };
    struct example *example = load_with("linger: 9s\nlisteners: [{listen: tcp://a}]\n", sets, 8);

    (void)state;
    assert_non_null(example);
    assert_true(example->linger == UINT64_C(2000000000));
    assert_int_equal(example->listeners.count, 2);
    assert_string_equal(listener(example, 0)->listen, "tcp://a");
    assert_int_equal(listener(example, 0)->format, EXAMPLE_SMART);
    assert_string_equal(listener(example, 1)->listen, "udp://b");
    assert_int_equal(example->nats.url.count, 3);
    assert_string_equal(example->nats.url.items[1], "tls://b");
    assert_string_equal(example->nats.url.items[2], "tls://c");
    assert_string_equal(example->partition, "a=b");
    assert_false(example->nats.tls.verify);
    sr_conf_free(example);
}

static void
set_applies_to_default_items(void **state)
{
    static const char *const sets[] = {
        "listeners.0.workers=2",
        "listeners.1.workers=3",
        "nats.url.1=tls://b",
    };
    struct example *example = load_with("", sets, 3);

    (void)state;
    assert_non_null(example);
    assert_int_equal(example->listeners.count, 2);
    assert_int_equal(listener(example, 0)->workers, 2);
    assert_int_equal(listener(example, 1)->workers, 3);
    assert_string_equal(listener(example, 1)->subject, "logs.syslog");
    assert_int_equal(example->nats.url.count, 2);
    assert_string_equal(example->nats.url.items[0], "nats://127.0.0.1:4222");
    sr_conf_free(example);
}

static void
a_wrong_set_names_itself(void **state)
{
    (void)state;
    assert_string_equal(said_of_set("nats.urll=x"),
        "--set nats.urll: unknown key `nats.urll`; did you mean `url`?");
    assert_string_equal(said_of_set("listeners.0.subjct=x"),
        "--set listeners.0.subjct: unknown key `listeners[0].subjct`; did you mean `subject`?");
    assert_non_null(strstr(said_of_set("listeners.2.listen=x"), "listeners: is a list of 1"));
    assert_non_null(strstr(said_of_set("listeners.x.listen=x"), "listeners: is a list of 1"));
    assert_non_null(strstr(said_of_set("listeners.0=x"), "listeners[0]: is a section"));
    assert_non_null(strstr(said_of_set("listeners=x"), "listeners: is a list of sections"));
    assert_non_null(strstr(said_of_set("nats=x"), "nats: is a section; set one of its keys"));
    assert_non_null(strstr(said_of_set("linger.x=1"), "linger: has no keys below it"));
    assert_non_null(strstr(said_of_set("nats.url.0.x=1"), "nats.url[0]: has no keys below it"));
    assert_non_null(strstr(said_of_set("nats.url=[a"), "is not valid YAML"));
    assert_string_equal(said_of_set("linger"), "--set linger: has no value; write KEY=VALUE");
    assert_non_null(strstr(said_of_set("nats.=x"), "empty or overlong part"));
    assert_non_null(strstr(said_of_set("=x"), "empty or overlong part"));
    assert_string_equal(said_of_set("listeners.0.workers=0"),
        "--set listeners.0.workers=0: listeners[0].workers: is 0; must be 1 to 64");
}

static void
a_secret_on_the_command_line_is_not_repeated(void **state)
{
    (void)state;
    assert_null(strstr(said_of_set("nats.tokn=hunter2"), "hunter2"));
    assert_null(strstr(said_of_set("nats.token=hunter2\x01"), "hunter2"));
}

static struct example *
load_environment(const char *text)
{
    struct sr_conf_source source = { .file = "x.yaml", .use_environment = true };

    return sr_conf_load_text(&example_schema, &source, span_of(text), problems);
}

static void
the_environment_stands_between_file_and_set(void **state)
{
    static const char *const sets[] = { "linger=3s" };
    struct sr_conf_source source = {
        .file = "x.yaml",
        .sets = sets,
        .set_count = 1,
        .use_environment = true,
    };

    (void)state;
    setenv("SR_LINGER", "2s", 1);
    setenv("SR_PARTITION", "env", 1);
    setenv("SR_NATS__URL", "[a, b]", 1);
    for (int i = 11; i >= 0; i--) {
        char name[64];
        (void)snprintf(name, sizeof(name), "SR_LISTENERS__%d__WORKERS", i);
        setenv(name, i == 10 ? "11" : "2", 1);
    }
    struct example *example = sr_conf_load_text(
        &example_schema, &source, span_of("linger: 1s\npartition: file\n"), problems);
    assert_non_null(example);
    assert_true(example->linger == UINT64_C(3000000000));
    assert_string_equal(example->partition, "env");
    assert_int_equal(example->nats.url.count, 2);
    assert_int_equal(example->listeners.count, 12);
    assert_int_equal(listener(example, 10)->workers, 11);
    sr_conf_free(example);
    clearenv();
}

static void
only_variables_that_can_be_ours_are_refused(void **state)
{
    (void)state;
    clearenv();
    setenv("SR_CORPUS", "/x", 1);
    setenv("SR_NATS__CREDS_FIL", "x", 1);
    assert_null(load_environment(""));
    assert_string_equal(only_problem(),
        "SR_NATS__CREDS_FIL: unknown key `nats.creds_fil`; did you mean `creds_file`?");
    clearenv();
}

static void
checks_are_shown_with_file_and_line(void **state)
{
    (void)state;
    assert_string_equal(said("listeners:\n  - workers: 1\n    listen: here\n"),
        "x.yaml:3: listeners[0].listen: `here` has no scheme; write udp://ADDRESS:PORT");
    assert_string_equal(said("listeners:\n  - {}\n  - workers: 2\n    listen: tcp://a\n"),
        "x.yaml:3: listeners[1].workers: only udp:// takes more than one; remove it");
}

static void
one_mistake_hides_no_other(void **state)
{
    (void)state;
    assert_null(load_with("listeners:\n  - workers: 2\n    listen: here\nbogus: 1\n", NULL, 0));
    assert_int_equal(sr_conf_problems_count(problems), 3);
    assert_non_null(strstr(sr_conf_problems_text(problems, 0), "x.yaml:2: listeners[0].workers"));
    assert_non_null(strstr(sr_conf_problems_text(problems, 1), "x.yaml:3: listeners[0].listen"));
    assert_non_null(strstr(sr_conf_problems_text(problems, 2), "x.yaml:4: unknown key `bogus`"));
}

static void
checks_are_ordered_by_where_their_values_came_from(void **state)
{
    static const char *const sets[] = { "listeners.0.workers=2" };

    (void)state;
    assert_null(
        load_with("listeners: [{listen: tcp://a}, {listen: tcp://b, workers: 2}]\n", sets, 1));
    assert_int_equal(sr_conf_problems_count(problems), 2);
    assert_string_equal(sr_conf_problems_text(problems, 0),
        "x.yaml:1: listeners[1].workers: only udp:// takes more than one; remove it");
    assert_string_equal(sr_conf_problems_text(problems, 1),
        "--set listeners.0.workers=2: listeners[0].workers: only udp:// takes more than one; "
        "remove it");
}

/* Path of a name in the test's folder. */
static const char *
in_folder(const char *name)
{
    static char path[4][128];
    static size_t next;
    char *out = path[next++ % 4];

    (void)snprintf(out, sizeof(path[0]), "%s/%s", folder, name);
    return out;
}

static void
write_file(const char *name, const char *text)
{
    FILE *f = fopen(in_folder(name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char *
said_of_file(const char *name)
{
    struct sr_conf_source source = { .file = in_folder(name) };

    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    assert_null(sr_conf_load(&example_schema, &source, problems));
    return only_problem();
}

static void
a_file_is_read_and_one_that_cannot_be_is_named(void **state)
{
    struct sr_conf_source source = { .file = in_folder("good.yaml") };
    struct sr_conf_source none = { .file = NULL };
    char want[256];

    (void)state;
    write_file("good.yaml", "partition: \"K\\u00f6ln\"\n");
    struct example *example = sr_conf_load(&example_schema, &source, problems);
    assert_non_null(example);
    assert_string_equal(example->partition, "K\xc3\xb6ln");
    sr_conf_free(example);
    example = sr_conf_load(&example_schema, &none, problems);
    assert_non_null(example);
    sr_conf_free(example);
    (void)snprintf(want, sizeof(want),
        "%s: cannot be read: No such file or directory; create it or correct the path",
        in_folder("missing.yaml"));
    assert_string_equal(said_of_file("missing.yaml"), want);
    assert_non_null(strstr(said_of_file(""), "Is a directory; name a configuration file in it"));
}

static void
a_named_file_must_be_readable(void **state)
{
    char text[512];

    (void)state;
    write_file("creds", "x");
    (void)snprintf(text, sizeof(text), "nats: {creds_file: %s}\n", in_folder("creds"));
    struct example *example = load(text);
    assert_non_null(example);
    sr_conf_free(example);
    assert_non_null(strstr(said("nats:\n  creds_file: /none/here\n"),
        "x.yaml:2: nats.creds_file: cannot read /none/here: No such file or directory; create it"));
    assert_non_null(strstr(said("nats:\n  creds_file: /tmp\n"), "/tmp is a directory; name a"));
    if (geteuid() == 0) {
        return; /* root reads everything */
    }
    assert_int_equal(chmod(in_folder("creds"), 0), 0);
    assert_non_null(strstr(said(text), "Permission denied; check its owner and mode"));
}

/* What sr_conf_print writes, to be freed. */
static char *
printed(const struct example *example)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    sr_conf_print(&example_schema, example, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void
what_is_printed_loads_back_to_the_same(void **state)
{
    static const char hard[] = "partition= - \"quoted\" \\ : # [x] \xe2\x80\xa8 \xe2\x80\xa9 "
                               "\xef\xbb\xbf\xef\xbf\xbe\xef\xbf\xbf";
    const char *const sets[] = {
        hard,
        "listeners.0.subject=null",
        "listeners.1.subject=",
        "listeners.1.receive_buffer=4097",
        "nats.url=[a b, \"x, y\", \"~\"]",
        "linger=1500us",
    };
    struct example *example = load_with("", sets, 6);
    char text[64];

    (void)state;
    assert_non_null(example);
    char *first = printed(example);
    struct example *again = load(first);
    assert_int_equal(sr_conf_problems_count(problems), 0);
    assert_non_null(again);
    assert_null(sr_conf_restart_key(&example_schema, example, again, text, sizeof(text)));
    assert_string_equal(again->partition, example->partition);
    char *second = printed(again);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "# creds_file: not set\n"));
    free(first);
    free(second);
    sr_conf_free(example);
    sr_conf_free(again);
}

static void
secrets_are_printed_masked(void **state)
{
    struct example *example = load("nats: {token: hunter2}\n");

    (void)state;
    assert_non_null(example);
    char *text = printed(example);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "  token: \"********\"\n"));
    free(text);
    sr_conf_free(example);
}

/* The restart key between two texts, "" for none. */
static const char *
restart_between(const char *now_text, const char *next_text)
{
    static char text[64];
    struct example *now = load(now_text);
    struct example *next = load(next_text);

    assert_non_null(now);
    assert_non_null(next);
    const char *key = sr_conf_restart_key(&example_schema, now, next, text, sizeof(text));
    sr_conf_free(now);
    sr_conf_free(next);
    return key != NULL ? key : "";
}

static void
a_reload_names_the_first_key_that_needs_a_restart(void **state)
{
    (void)state;
    assert_string_equal(restart_between("", ""), "");
    assert_string_equal(restart_between("enrich: on", "enrich: off"), "");
    assert_string_equal(restart_between("", "listeners: [{format: smart}]"), "");
    assert_string_equal(restart_between("", "listeners: [{subject: x}]"), "listeners[0].subject");
    assert_string_equal(restart_between("", "listeners: [{}, {}]"), "listeners");
    assert_string_equal(restart_between("", "nats: {url: [a, b]}"), "nats.url");
    assert_string_equal(restart_between("nats: {token: a}", ""), "nats.token");
    assert_string_equal(
        restart_between("", "nats: {tls: {verify: no}}\nlinger: 1s"), "nats.tls.verify");
}

static void
items_of_a_reloadable_list_may_come_and_go(void **state)
{
    struct sr_conf_key keys[sizeof(example_keys) / sizeof(example_keys[0])];
    struct sr_conf_schema schema = example_schema;
    struct example *one = load("");
    struct example *two = load("listeners: [{}, {listen: udp://b}]\n");
    struct example *other = load("listeners: [{workers: 2}, {listen: udp://b}]\n");
    char text[64];

    (void)state;
    memcpy(keys, example_keys, sizeof(keys));
    keys[2].reload = SR_CONF_RELOAD;
    schema.keys = keys;
    assert_true(one != NULL && two != NULL && other != NULL);
    assert_null(sr_conf_restart_key(&schema, one, two, text, sizeof(text)));
    assert_null(sr_conf_restart_key(&schema, two, one, text, sizeof(text)));
    assert_string_equal(
        sr_conf_restart_key(&schema, one, other, text, sizeof(text)), "listeners[0].workers");
    assert_string_equal(sr_conf_restart_key(&schema, one, other, text, 5), "");
    sr_conf_free(one);
    sr_conf_free(two);
    sr_conf_free(other);
}

static void
the_description_has_every_key(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    assert_non_null(out);
    sr_conf_describe(&example_schema, out);
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "listeners[].workers\n    number, 1 to 64; default 1; restart\n"));
    assert_non_null(strstr(text, "nats.creds_file\n    readable file; no default; reload\n"));
    assert_non_null(strstr(text, "nats.url\n    list of texts, 1 to 4 items; default "));
    assert_non_null(strstr(text, "one of rfc3164, rfc5424, smart; default rfc3164; reload"));
    assert_non_null(strstr(text, "nats.tls.verify\n    true or false; default true; restart\n"
                                 "    Whether to check the server's name.\n"));
    free(text);
}

static int
make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **state)
{
    (void)state;
    (void)unlink(in_folder("good.yaml"));
    (void)unlink(in_folder("creds"));
    return rmdir(folder);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, finish)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_empty_file_gives_every_default),
        T(yaml_and_json_give_the_same),
        T(a_scalar_is_a_list_of_one),
        T(an_unknown_key_is_refused_with_the_nearest),
        T(all_problems_are_reported_in_order_of_lines),
        T(a_duplicate_key_names_both_lines),
        T(a_syntax_error_names_line_and_column_and_a_remedy),
        T(what_hides_where_a_value_comes_from_is_refused),
        T(a_value_that_was_refused_is_not_checked),
        T(depth_keys_values_and_size_are_bounded),
        T(problems_stop_at_a_hundred),
        T(control_characters_and_missing_values_are_refused),
        T(a_line_of_some_other_file_is_not_repeated),
        T(a_problem_cannot_steer_a_terminal),
        T(the_wrong_shape_says_the_right_one),
        T(set_wins_over_the_file_and_later_over_earlier),
        T(set_applies_to_default_items),
        T(a_wrong_set_names_itself),
        T(a_secret_on_the_command_line_is_not_repeated),
        T(the_environment_stands_between_file_and_set),
        T(only_variables_that_can_be_ours_are_refused),
        T(checks_are_shown_with_file_and_line),
        T(one_mistake_hides_no_other),
        T(checks_are_ordered_by_where_their_values_came_from),
        T(a_file_is_read_and_one_that_cannot_be_is_named),
        T(a_named_file_must_be_readable),
        T(what_is_printed_loads_back_to_the_same),
        T(secrets_are_printed_masked),
        T(a_reload_names_the_first_key_that_needs_a_restart),
        T(items_of_a_reloadable_list_may_come_and_go),
        T(the_description_has_every_key),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
