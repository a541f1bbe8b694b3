/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "proof/proof.h"
#include "proof/proof_wire.h"

static struct wire_url
url_of(const char *text)
{
    struct wire_url u;

    assert_true(wire_read_url(text, &u));
    return u;
}

static void
a_url_names_scheme_host_and_port(void **state)
{
    struct wire_url u = url_of("tls://nats.example:7777");

    (void)state;
    assert_true(u.tls);
    assert_string_equal(u.host, "nats.example");
    assert_string_equal(u.port, "7777");
    u = url_of("nats://10.0.0.1/");
    assert_false(u.tls);
    assert_string_equal(u.host, "10.0.0.1");
    assert_string_equal(u.port, "4222");
    u = url_of("TLS://[2001:db8::1]:4223");
    assert_true(u.tls);
    assert_string_equal(u.host, "2001:db8::1");
    assert_string_equal(u.port, "4223");
    u = url_of("nats.example");
    assert_false(u.tls);
    assert_string_equal(u.shown, "nats://nats.example");
}

static void
what_is_no_url_of_a_server_is_refused(void **state)
{
    static const char *const texts[] = { "", "https://a:1", "tls://", "tls://:4222", "tls://a:0",
        "tls://a:65536", "tls://a:x", "tls://a:", "tls://[::1", "tls://[::1]x", "tls://a/b",
        "://a" };
    struct wire_url u;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (wire_read_url(texts[i], &u)) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
    }
}

static void
a_password_of_a_url_is_never_shown(void **state)
{
    struct wire_url u = url_of("tls://me:s3cret@nats.example:4222");

    (void)state;
    assert_string_equal(u.user, "me");
    assert_string_equal(u.password, "s3cret");
    assert_string_equal(u.shown, "tls://nats.example:4222");
}

static void
every_result_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int i = PROOF_OK; i <= PROOF_MEMORY; i++) {
        const char *word = proof_word((enum proof_result)i);
        assert_string_not_equal(word, "unknown");
        for (int j = PROOF_OK; j < i; j++) {
            assert_string_not_equal(word, proof_word((enum proof_result)j));
        }
    }
}

/* A wire whose other end is `*ret_peer`. */
static struct wire *
wire_pair(int *ret_peer)
{
    int ends[2];
    struct wire *w = wire_new(200);

    assert_non_null(w);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    w->fd = ends[0];
    *ret_peer = ends[1];
    wire_begin(w);
    return w;
}

static void
lines_and_bodies_are_read_however_they_arrive(void **state)
{
    static const char text[] = "INFO {}\r\nMSG a 1 5\r\nhe\r\no\r\nPONG\n";
    int peer = -1;
    char *line = NULL;
    struct wire *w = wire_pair(&peer);

    (void)state;
    assert_int_equal(write(peer, text, 3), 3);
    assert_int_equal(wire_line(w, &line), WIRE_TIMEOUT);
    assert_int_equal(write(peer, text + 3, sizeof(text) - 4), sizeof(text) - 4);
    wire_begin(w);
    assert_int_equal(wire_line(w, &line), WIRE_OK);
    assert_string_equal(line, "INFO {}");
    assert_int_equal(wire_line(w, &line), WIRE_OK);
    assert_string_equal(line, "MSG a 1 5");
    assert_int_equal(wire_body(w, 5, &line), WIRE_OK);
    assert_memory_equal(line, "he\r\no", 6);
    assert_int_equal(wire_line(w, &line), WIRE_OK);
    assert_string_equal(line, "PONG");
    (void)close(peer);
    assert_int_equal(wire_line(w, &line), WIRE_CLOSED);
    wire_free(w);
}

static void
a_line_without_end_is_not_kept_for_ever(void **state)
{
    static char text[WIRE_IN_MAX];
    int peer = -1;
    char *line = NULL;
    size_t sent = 0;
    struct wire *w = wire_pair(&peer);

    (void)state;
    memset(text, 'x', sizeof(text));
    enum wire_end end = WIRE_TIMEOUT;
    while (end == WIRE_TIMEOUT && sent < 2 * sizeof(text)) {
        ssize_t n = write(peer, text, sizeof(text) / 4);
        sent += n > 0 ? (size_t)n : 0;
        w->deadline_ns = 0; /* what is there is read, and nothing is waited for */
        end = wire_line(w, &line);
    }
    assert_int_equal(end, WIRE_LONG);
    assert_int_equal(wire_body(w, WIRE_IN_MAX, &line), WIRE_LONG);
    (void)close(peer);
    wire_free(w);
}

static void
what_a_server_says_cannot_command_a_terminal(void **state)
{
    char out[8];

    (void)state;
    wire_clean(out, sizeof(out), "a\033[2Jb\xff");
    assert_string_equal(out, "a?[2Jb?");
    wire_clean(out, sizeof(out), "123456789");
    assert_string_equal(out, "1234567");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_names_scheme_host_and_port),
        cmocka_unit_test(what_is_no_url_of_a_server_is_refused),
        cmocka_unit_test(a_password_of_a_url_is_never_shown),
        cmocka_unit_test(every_result_has_a_word_of_its_own),
        cmocka_unit_test(lines_and_bodies_are_read_however_they_arrive),
        cmocka_unit_test(a_line_without_end_is_not_kept_for_ever),
        cmocka_unit_test(what_a_server_says_cannot_command_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
