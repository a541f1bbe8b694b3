/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf_example.h"
#include "sr/conf_foreign.h"

/* Another program's file for the example: an old spelling of some of its keys. */

static void
take_port(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    const char *port = sr_conf_foreign_text(section, value);

    if (port != NULL) {
        sr_conf_foreign_put(
            section, "listen", value, sr_conf_foreign_format(section, "udp://*:%s", port));
    }
}

static const struct sr_conf_foreign_key input_keys[] = {
    { .name = "port", .take = take_port, .required = true },
    { .name = "style", .to = "format" },
    { .name = "threads", .to = "workers" },
    { .name = "colour" },
    { .name = NULL },
};

static void
take_inputs(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign item;

    for (size_t i = 0; sr_conf_foreign_item(section, value, i, &item); i++) {
        if (item.given != NULL) {
            sr_conf_foreign_add_item(&item, "listeners");
            sr_conf_foreign_read(&item, input_keys);
            sr_conf_foreign_set(&item, "subject", "old.inputs");
        }
    }
}

static const struct sr_conf_foreign_key server_keys[] = {
    { .name = "address", .to = "nats.url" },
    { .name = "ca", .to = "nats.tls.ca_file" },
    { .name = NULL },
};

static void
take_server(const struct sr_conf_foreign *section, const struct sr_conf_node *value)
{
    struct sr_conf_foreign server;

    if (sr_conf_foreign_below(section, value, &server)) {
        sr_conf_foreign_read(&server, server_keys);
    }
}

static const struct sr_conf_foreign_key old_keys[] = {
    { .name = "partition", .to = "partition" },
    { .name = "inputs", .take = take_inputs },
    { .name = "server", .take = take_server },
    { .name = "wait_ms", .to = "linger", .unit = "ms" },
    { .name = "banner" },
    { .name = "grpc" },
    { .name = NULL },
};

static const struct sr_conf_foreign_shape old_shape = { .name = "old.conf", .keys = old_keys };

static struct sr_conf_problems *problems;

static struct example *
load_with(const char *text, const char *set)
{
    struct sr_conf_schema schema = example_schema;
    struct sr_conf_source source = {
        .file = "old.conf", .sets = &set, .set_count = set != NULL ? 1 : 0
    };

    schema.foreign = &old_shape;
    sr_conf_problems_free(problems);
    problems = sr_conf_problems_new();
    return sr_conf_load_text(&schema, &source, span_of(text), problems);
}

static struct example *
load(const char *text)
{
    struct example *example = load_with(text, NULL);

    if (example == NULL) {
        fail_msg("%s: %s", text, sr_conf_problems_text(problems, 0));
    }
    return example;
}

/* Refuses `text` with exactly this problem. */
static void
refuses(const char *text, const char *problem)
{
    struct example *example = load_with(text, NULL);

    if (example != NULL) {
        sr_conf_free(example);
        fail_msg("accepted: %s", text);
    }
    assert_string_equal(sr_conf_problems_text(problems, 0), problem);
    assert_int_equal(sr_conf_problems_count(problems), 1);
}

static void
a_foreign_file_gives_native_values(void **state)
{
    (void)state;
    struct example *e = load("partition: east\n"
                             "wait_ms: 1500\n"
                             "server: {address: 'nats://a'}\n"
                             "inputs:\n"
                             "  - {port: 514, style: rfc5424}\n"
                             "  - {port: 515, threads: 2}\n");
    const struct example_listener *l = e->listeners.items;

    assert_string_equal(e->partition, "east");
    assert_int_equal(e->linger, 1500000000);
    assert_string_equal(e->nats.url.items[0], "nats://a");
    assert_int_equal(e->listeners.count, 2);
    assert_string_equal(l[0].listen, "udp://*:514");
    assert_int_equal(l[0].format, EXAMPLE_RFC5424);
    assert_string_equal(l[0].subject, "old.inputs");
    assert_string_equal(l[1].listen, "udp://*:515");
    assert_int_equal(l[1].workers, 2);
    assert_int_equal(l[1].receive_buffer, 4 << 20); /* a default of ours */
    sr_conf_free(e);
}

static void
a_native_file_is_read_as_ever(void **state)
{
    (void)state;
    struct example *e = load("partition: east\nlinger: 2s\n");

    assert_int_equal(e->linger, 2000000000);
    assert_int_equal(sr_conf_notes_count(problems), 0);
    sr_conf_free(e);
    sr_conf_free(load("partition: east\n")); /* a key of both */
    assert_int_equal(sr_conf_notes_count(problems), 0);
}

static void
one_note_names_all_that_is_not_served(void **state)
{
    (void)state;
    sr_conf_free(load("banner: hello\ngrpc: {a: [1]}\ninputs: [{port: 1, colour: red}]\n"));
    assert_int_equal(sr_conf_notes_count(problems), 1);
    assert_string_equal(sr_conf_notes_text(problems, 0),
        "old.conf: is in the shape of old.conf; --print-config prints it in ours. Not served, and "
        "left out: banner, grpc, inputs[0].colour");
}

static void
a_problem_names_the_line_and_the_key_as_the_user_wrote_them(void **state)
{
    (void)state;
    refuses("inputs:\n  - port: 514\n    style: gelf\n",
        "old.conf:3: inputs[0].style (listeners[0].format): is `gelf`; must be one of rfc3164, "
        "rfc5424, smart");
    refuses("server:\n  address: 'nats://a'\n  ca: /no/such/file\n",
        "old.conf:3: server.ca (nats.tls.ca_file): cannot read /no/such/file: No such file or "
        "directory; create it or correct the path");
    /* A check across keys, which speaks of the native ones. */
    refuses("server: {address: [a, b, c, d, e]}\n",
        "old.conf:1: server.address (nats.url): has 5 items; must have 1 to 4");
    refuses("\nwait_ms: soon\n", "old.conf:2: wait_ms: is `soon`; must be a whole number");
    refuses("wait_ms: [1]\n", "old.conf:1: wait_ms: must be a single value");
    refuses("server: no\n", "old.conf:1: server: must be a section with keys of its own");
    refuses("inputs: {port: 1}\n", "old.conf:1: inputs: must be a list of sections");
    refuses("inputs:\n - 514\n", "old.conf:2: inputs[0]: must be a section with keys of its own");
}

static void
a_number_out_of_our_range_becomes_the_nearest_with_a_note(void **state)
{
    (void)state;
    struct example *e = load("wait_ms: 61000\n");

    assert_int_equal(e->linger, UINT64_C(60000000000));
    assert_int_equal(sr_conf_notes_count(problems), 2);
    assert_string_equal(sr_conf_notes_text(problems, 0),
        "old.conf:1: wait_ms: 61000ms is taken as 1m, the nearest that linger can be");
    sr_conf_free(e);
    e = load("wait_ms: 99999999999999999999\n");
    assert_int_equal(e->linger, UINT64_C(60000000000));
    sr_conf_free(e);
    e = load("inputs: [{port: 1, threads: 0}]\n");
    assert_int_equal(((const struct example_listener *)e->listeners.items)->workers, 1);
    sr_conf_free(e);
}

static void
a_key_that_nobody_knows_is_an_error_with_the_nearest(void **state)
{
    (void)state;
    refuses("baner: x\ngrpc: 1\n", "old.conf:1: unknown key `baner`; did you mean `banner`?");
    refuses("inputs:\n  - port: 1\n    thread: 2\n",
        "old.conf:3: unknown key `inputs[0].thread`; did you mean `threads`?");
}

static void
what_is_required_must_be_there(void **state)
{
    (void)state;
    refuses("inputs:\n  - style: smart\n", "old.conf:2: inputs[0]: has no `port`; add it");
    refuses("inputs:\n  - port: null\n", "old.conf:2: inputs[0]: has no `port`; add it");
}

static void
null_stands_for_a_key_that_is_not_given(void **state)
{
    (void)state;
    struct example *e = load("partition: null\nwait_ms: ~\nbanner:\n");

    assert_string_equal(e->partition, "default");
    assert_int_equal(e->linger, 0);
    sr_conf_free(e);
}

static void
keys_of_both_forms_in_one_file_are_an_error_that_names_them(void **state)
{
    (void)state;
    refuses("wait_ms: 1\nlinger: 1s\nbanner: x\n",
        "old.conf:2: `wait_ms` is a key of old.conf and `linger` one of our own form; write all "
        "keys in one of them");
    refuses("linger: 1s\nwait_ms: 1\n",
        "old.conf:2: `wait_ms` is a key of old.conf and `linger` one of our own form; write all "
        "keys in one of them");
}

static void
overrides_go_over_it_by_native_names(void **state)
{
    (void)state;
    struct example *e = load_with("inputs: [{port: 514}]\n", "listeners.0.listen=udp://*:99");

    assert_non_null(e);
    assert_string_equal(
        ((const struct example_listener *)e->listeners.items)->listen, "udp://*:99");
    sr_conf_free(e);
    /* A problem with one is the override's, not the file's. */
    assert_null(load_with("inputs: [{port: 514, threads: 2}]\n", "listeners.0.workers=0"));
    assert_string_equal(sr_conf_problems_text(problems, 0),
        "--set listeners.0.workers=0: listeners[0].workers: is 0; must be 1 to 64");
}

static void
it_prints_in_our_form_and_loads_to_the_same(void **state)
{
    (void)state;
    char key[64];
    char *text = NULL;
    size_t size = 0;
    struct example *e = load("partition: east\nwait_ms: 7\ninputs: [{port: 514, threads: 3}]\n");
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    sr_conf_print(&example_schema, e, out);
    assert_int_equal(fclose(out), 0);
    struct example *again = load(text);
    assert_int_equal(sr_conf_notes_count(problems), 0);
    assert_null(sr_conf_restart_key(&example_schema, e, again, key, sizeof(key)));
    sr_conf_free(again);
    sr_conf_free(e);
    free(text);
}

static int
teardown(void **state)
{
    (void)state;
    sr_conf_problems_free(problems);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_file_gives_native_values),
        cmocka_unit_test(a_native_file_is_read_as_ever),
        cmocka_unit_test(one_note_names_all_that_is_not_served),
        cmocka_unit_test(a_problem_names_the_line_and_the_key_as_the_user_wrote_them),
        cmocka_unit_test(a_number_out_of_our_range_becomes_the_nearest_with_a_note),
        cmocka_unit_test(a_key_that_nobody_knows_is_an_error_with_the_nearest),
        cmocka_unit_test(what_is_required_must_be_there),
        cmocka_unit_test(null_stands_for_a_key_that_is_not_given),
        cmocka_unit_test(keys_of_both_forms_in_one_file_are_an_error_that_names_them),
        cmocka_unit_test(overrides_go_over_it_by_native_names),
        cmocka_unit_test(it_prints_in_our_form_and_loads_to_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
