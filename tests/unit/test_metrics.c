/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/stream_budget.h"
#include "sr/metrics.h"

static const struct stream_budget buffers = { .limit = 1U << 20, .used = 4096 };

static struct sr_queue *queue;
static struct sr_stats *stats;
static struct sr_sink *sink;
static struct sr_metrics *server;
static bool fine = true;
static unsigned port;
static char answer[256U * 1024U];

static bool
state_is(void *arg, char *why, size_t why_size)
{
    (void)snprintf(why, why_size, "%s: %s", (const char *)arg, fine ? "all is well" : "stuck");
    return fine;
}

static void
write_more(void *arg, FILE *out)
{
    (void)fprintf(out, "# HELP serviceradar_own A family of %s.\n# TYPE serviceradar_own gauge\n",
        (const char *)arg);
    (void)fputs("serviceradar_own 7\n", out);
}

static struct sr_metrics_view
view(void)
{
    static char who[] = "test";
    static char program[] = "the program";

    return (struct sr_metrics_view){ .program = "serviceradar-x",
        .version = "1.2.3",
        .stats = stats,
        .queue = queue,
        .sink = sink,
        .buffers = &buffers,
        .arg = who,
        .healthy = state_is,
        .ready = state_is,
        .more = write_more,
        .more_arg = program };
}

static struct sockaddr_in
loopback(unsigned number)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
        .sin_port = htons((uint16_t)number),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* Starts the server on a port that was free a moment ago. */
static int
start_server(void **state)
{
    struct sr_queue_options options = { .memory = 1U << 20, .listeners = 2, .run_id = 1 };
    unsigned workers[] = { 2, 1 };
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof(at);
    char listen[64], error[256];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    queue = sr_queue_new(&options);
    stats = sr_stats_new(2, workers);
    sink = sr_sink_discard_new(queue, stats);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0 || close(fd) != 0) {
        return -1;
    }
    port = ntohs(at.sin_port);
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
    struct sr_metrics_view v = view();
    server = sr_metrics_start(listen, &v, error, sizeof(error));
    return server == NULL;
}

static int
stop_server(void **state)
{
    (void)state;
    sr_metrics_stop(server);
    sink->ops->free(sink);
    sr_queue_free(queue);
    sr_stats_free(stats);
    return 0;
}

static int
connect_to_server(void)
{
    struct sockaddr_in at = loopback(port);
    struct timeval patience = { .tv_sec = 20 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* Asks for `path` and returns the status; the whole answer is in `answer`. */
static int
ask(const char *method, const char *path)
{
    char request[256];
    int fd = connect_to_server();
    int len = snprintf(request, sizeof(request),
        "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method,
        path);
    size_t got = 0;
    ssize_t n;

    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    while ((n = recv(fd, answer + got, sizeof(answer) - 1 - got, 0)) > 0) {
        got += (size_t)n;
    }
    answer[got] = '\0';
    (void)close(fd);
    assert_memory_equal(answer, "HTTP/1.1 ", 9);
    return (int)strtol(answer + 9, NULL, 10);
}

static char *
body(void)
{
    char *at = strstr(answer, "\r\n\r\n");

    assert_non_null(at);
    return at + 4;
}

/* ---- The Prometheus text format, version 0.0.4, as far as we write it ---- */

static const char *
skip_name(const char *at)
{
    assert_true(isalpha((unsigned char)*at) || *at == '_');
    while (isalnum((unsigned char)*at) || *at == '_') {
        at++;
    }
    return at;
}

/* {name="value",...} with \\, \" and \n escaped. */
static const char *
skip_labels(const char *at)
{
    do {
        at = skip_name(at + 1);
        assert_memory_equal(at, "=\"", 2);
        for (at += 2; *at != '"'; at++) {
            assert_true(*at != '\0' && *at != '\n');
            if (*at == '\\') {
                at++;
                assert_true(*at == '\\' || *at == '"' || *at == 'n');
            }
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

/* Checks a text line by line; returns how many samples it has. */
static unsigned
check_prometheus(char *text)
{
    static char series[500][256];
    char family[128] = "";
    bool typed = false;
    unsigned samples = 0;

    for (char *line = text, *next; *line != '\0'; line = next) {
        char *end = strchr(line, '\n');
        assert_non_null(end); /* the last line has one too */
        *end = '\0';
        next = end + 1;
        if (strncmp(line, "# HELP ", 7) == 0) {
            const char *name_end = skip_name(line + 7);
            (void)snprintf(family, sizeof(family), "%.*s", (int)(name_end - line - 7), line + 7);
            assert_true(name_end[0] == ' ' && name_end[1] != '\0');
            typed = false;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            size_t len = strlen(family);
            assert_memory_equal(line + 7, family, len); /* of the HELP before it */
            const char *type = line + 7 + len + 1;
            assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0);
            bool total = len > 6 && strcmp(family + len - 6, "_total") == 0;
            assert_int_equal(total, strcmp(type, "counter") == 0);
            typed = true;
        } else {
            const char *at = skip_name(line);
            assert_true(typed && strlen(family) == (size_t)(at - line));
            assert_memory_equal(line, family, (size_t)(at - line));
            at = *at == '{' ? skip_labels(at) : at;
            assert_true(samples < 500 && (size_t)(at - line) < sizeof(series[0]));
            (void)snprintf(series[samples], sizeof(series[0]), "%.*s", (int)(at - line), line);
            for (unsigned i = 0; i < samples; i++) {
                assert_string_not_equal(series[i], series[samples]);
            }
            samples++;
            char *number_end;
            (void)strtod(at + 1, &number_end);
            assert_true(*at == ' ' && number_end > at + 1 && *number_end == '\0');
        }
    }
    return samples;
}

static void
the_metrics_are_prometheus_text(void **state)
{
    (void)state;
    (void)snprintf(
        stats->listeners[0].name, sizeof(stats->listeners[0].name), "%s", "udp://[::]:514");
    (void)snprintf(stats->listeners[1].name, sizeof(stats->listeners[1].name), "%s",
        "odd \"name\" \\ with\na line");
    for (unsigned i = 0; i < 2; i++) {
        struct sr_worker_stats *w = &stats->listeners[0].workers[i];
        sr_count(&w->received, 21);
        sr_reasons_count(&w->undecodable, "bad_pri", 1 + i);
        sr_reasons_count(&w->undecodable, i == 0 ? "a" : "b", 1);
        sr_reasons_count(&w->dropped, "queue_full", 4);
        sr_reasons_count(&w->consumed, "templates", 5);
        sr_count(&w->parts, 8);
        sr_count(&w->batching, 3);
    }
    sr_count(&stats->listeners[0].workers[0].recovered, 6);
    sr_reasons_count(&stats->listeners[0].workers[0].lost, "crash", 2);
    sr_reasons_count(&stats->listeners[0].workers[1].lost, "too_large", 3);
    sr_reasons_count(&stats->listeners[0].delivery.dropped, "too_large", 4);
    sr_reasons_count(&stats->listeners[1].delivery.dropped, "too_large", 9);
    assert_int_equal(ask("GET", "/metrics"), 200);
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    char *text = body();
    assert_non_null(
        strstr(text, "\nserviceradar_received_total{listener=\"udp://[::]:514\"} 42\n"));
    assert_non_null(
        strstr(text, "undecodable_total{listener=\"udp://[::]:514\",reason=\"bad_pri\"} 3\n"));
    assert_non_null(
        strstr(text, "dropped_total{listener=\"udp://[::]:514\",reason=\"queue_full\"} 8\n"));
    assert_non_null(
        strstr(text, "dropped_records_total{listener=\"udp://[::]:514\",reason=\"crash\"} 2\n"));
    assert_non_null(strstr(
        text, "dropped_records_total{listener=\"udp://[::]:514\",reason=\"too_large\"} 7\n"));
    assert_non_null(
        strstr(text, "_consumed_total{listener=\"udp://[::]:514\",reason=\"templates\"} 10\n"));
    assert_non_null(strstr(text, "batching_records{listener=\"udp://[::]:514\"} 6\n"));
    assert_non_null(strstr(text, "parts_total{listener=\"udp://[::]:514\"} 16\n"));
    assert_non_null(strstr(text, "# HELP serviceradar_own A family of the program.\n"));
    assert_non_null(strstr(text, "\nserviceradar_own 7\n"));
    assert_non_null(strstr(text, "recovered_total{listener=\"udp://[::]:514\"} 6\n"));
    assert_non_null(strstr(text, "{program=\"serviceradar-x\",version=\"1.2.3\"} 1\n"));
    assert_true(check_prometheus(text) > 30);
}

static void
only_listeners_of_streams_have_connections(void **state)
{
    struct sr_worker_stats *w = &stats->listeners[1].workers[0];

    (void)state;
    assert_int_equal(ask("GET", "/metrics"), 200);
    assert_null(strstr(body(), "connections{"));
    stats->listeners[1].has_streams = true;
    atomic_store(&w->connections, 2);
    sr_count(&w->connections_accepted, 5);
    sr_count(&w->connections_refused, 3);
    (void)snprintf(stats->listeners[1].name, sizeof(stats->listeners[1].name), "%s", "tcp://*:1");
    assert_int_equal(ask("GET", "/metrics"), 200);
    assert_non_null(strstr(body(), "serviceradar_connections{listener=\"tcp://*:1\"} 2\n"));
    assert_non_null(strstr(body(), "serviceradar_connections_total{listener=\"tcp://*:1\"} 5\n"));
    assert_non_null(strstr(body(), "connections_refused_total{listener=\"tcp://*:1\"} 3\n"));
    assert_null(strstr(body(), "connections{listener=\"\"}"));
}

static void
health_and_readiness_are_status_codes_with_a_reason(void **state)
{
    static const char *const paths[] = { "/healthz", "/readyz" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fine = true;
        assert_int_equal(ask("GET", paths[i]), 200);
        assert_string_equal(body(), "test: all is well\n");
        fine = false;
        assert_int_equal(ask("GET", paths[i]), 503);
        assert_string_equal(body(), "test: stuck\n");
    }
    fine = true;
}

static void
the_ledger_is_json_with_every_listener(void **state)
{
    (void)state;
    (void)snprintf(stats->listeners[0].name, sizeof(stats->listeners[0].name), "first");
    (void)snprintf(stats->listeners[1].name, sizeof(stats->listeners[1].name), "se\"cond");
    sr_count(&stats->listeners[0].workers[1].received, 2);
    sr_reasons_count(&stats->listeners[0].workers[1].consumed, "templates", 2);
    sr_count(&stats->listeners[1].workers[0].received, 1); /* and nobody knows what became of it */
    assert_int_equal(ask("GET", "/ledger"), 200);
    assert_non_null(strstr(answer, "Content-Type: application/json"));
    assert_non_null(strstr(body(), "{\"listener\":\"first\",\"received\":2,"));
    assert_non_null(strstr(body(), "{\"listener\":\"se\\\"cond\",\"received\":1,"));
    assert_non_null(
        strstr(body(), ",\"parts\":0,\"decoded\":0,\"consumed\":2,\"deadlettered\":0,"));
    assert_non_null(strstr(body(), ",\"recovered\":0,\"stored\":0,"));
    assert_non_null(strstr(body(), "\"batching\":0,\"balanced\":true}"));
    assert_non_null(strstr(body(), "\"balanced\":false}]}\n"));
}

static void
other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/"), 404);
    assert_non_null(strstr(body(), "/metrics"));
    assert_int_equal(ask("GET", "/metrics/"), 404);
    assert_int_equal(ask("GET", "/../etc/passwd"), 404);
    assert_int_equal(ask("POST", "/metrics"), 405);
    assert_int_equal(ask("DELETE", "/healthz"), 405);
}

static void
idle_connections_do_not_keep_others_out(void **state)
{
    int idle[100];

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        idle[i] = connect_to_server();
        assert_int_equal(send(idle[i], "GET /met", 8, MSG_NOSIGNAL), 8); /* and no more */
    }
    assert_int_equal(ask("GET", "/healthz"), 200);
    for (size_t i = 0; i < 100; i++) {
        (void)close(idle[i]);
    }
}

static void
a_port_in_use_is_explained(void **state)
{
    char listen[64], error[256] = "";
    struct sr_metrics_view v = view();

    (void)state;
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
    assert_null(sr_metrics_start(listen, &v, error, sizeof(error)));
    assert_non_null(strstr(error, "metrics.listen"));
    assert_non_null(strstr(error, "Address already in use"));
}

static void
what_is_no_address_is_explained(void **state)
{
    static const char *const bad[] = { "", "127.0.0.1", "127.0.0.1:x", "no host:1", "9621" };
    char error[256];
    struct sr_metrics_view v = view();

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error[0] = '\0';
        assert_null(sr_metrics_start(bad[i], &v, error, sizeof(error)));
        assert_non_null(strstr(error, "write ADDRESS:PORT"));
    }
}

#define served(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        served(the_metrics_are_prometheus_text),
        served(only_listeners_of_streams_have_connections),
        served(health_and_readiness_are_status_codes_with_a_reason),
        served(the_ledger_is_json_with_every_listener),
        served(other_paths_and_methods_are_refused),
        served(idle_connections_do_not_keep_others_out),
        served(a_port_in_use_is_explained),
        served(what_is_no_address_is_explained),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
