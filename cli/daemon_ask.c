/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_ask.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "metrics_text.h"
#include "trouble.h"

#include "sr/banned.h"

#define ANSWER_MAX (4U << 20)

bool
daemon_address(const char *listen, char ret_host[64], char ret_port[8])
{
    const char *colon = strrchr(listen, ':');
    bool bracket = listen[0] == '[';
    const char *host = listen + (bracket ? 1 : 0);

    if (colon == NULL || (bracket && (colon == listen + 1 || colon[-1] != ']'))) {
        return false;
    }
    int len = (int)(colon - host) - (bracket ? 1 : 0);
    if (len < 0 || len >= 64 || strlen(colon + 1) >= 8 || colon[1] == '\0') {
        return false;
    }
    (void)snprintf(ret_host, 64, "%.*s", len, host);
    (void)snprintf(ret_port, 8, "%s", colon + 1);
    if (len == 0 || strcmp(ret_host, "0.0.0.0") == 0) {
        (void)snprintf(ret_host, 64, "127.0.0.1");
    } else if (strcmp(ret_host, "::") == 0) {
        (void)snprintf(ret_host, 64, "::1");
    }
    return true;
}

static int
dial(const char *listen, unsigned timeout_ms)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    const struct timeval limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000L };
    struct addrinfo *found = NULL;
    char host[64], port[8];

    if (!daemon_address(listen, host, port) || getaddrinfo(host, port, &hints, &found) != 0) {
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A connect obeys the limit for sending (socket(7)). */
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
                       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
                       connect(fd, found->ai_addr, found->ai_addrlen) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads to the end; owned text, or NULL. The limit is for the whole: an answer may trickle. */
static char *
read_all(int fd, unsigned timeout_ms)
{
    char *text = malloc(ANSWER_MAX + 1);
    int64_t end_ms = now_ms() + timeout_ms;
    size_t len = 0;
    ssize_t got = 1;

    while (text != NULL && got > 0 && len < ANSWER_MAX) {
        got = now_ms() > end_ms ? -1 : recv(fd, text + len, ANSWER_MAX - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
    if (text == NULL || got < 0) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    return text;
}

/*
 * The status of a GET, 0 without an answer; *ret_body is in *ret_text, which is owned. HTTP/1.0, so
 * that the answer ends where the connection does.
 */
static int
get(const char *listen, const char *path, unsigned timeout_ms, char **ret_text, char **ret_body)
{
    char request[128];
    int status = 0;
    int fd = dial(listen, timeout_ms);
    int len =
        snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);

    *ret_text = NULL;
    if (fd < 0) {
        return 0;
    }
    if (send(fd, request, (size_t)len, MSG_NOSIGNAL) == len) {
        *ret_text = read_all(fd, timeout_ms);
    }
    (void)close(fd);
    if (*ret_text != NULL && strncmp(*ret_text, "HTTP/1.", 7) == 0 && strlen(*ret_text) > 12) {
        status = (int)strtol(*ret_text + 9, NULL, 10);
        char *end = strstr(*ret_text, "\r\n\r\n");
        *ret_body = end != NULL ? end + 4 : *ret_text + strlen(*ret_text);
    }
    return status;
}

/* Sums of families that not every daemon has. */
static uint64_t
sum_of(const char *text, const char *const names[3])
{
    uint64_t all = 0;

    for (size_t i = 0; i < 3 && names[i] != NULL; i++) {
        uint64_t sum = 0;
        (void)metrics_sum(text, names[i], NULL, &sum);
        all += sum;
    }
    return all;
}

void
daemon_read_metrics(const char *text, struct daemon_state *state)
{
    static const char *const received[3] = { "serviceradar_received_total" };
    static const char *const stored[3] = { "serviceradar_stored_total" };
    static const char *const queued[3] = { "serviceradar_queued_records",
        "serviceradar_batching_records" };
    static const char *const dropped[3] = { "serviceradar_dropped_total",
        "serviceradar_dropped_records_total", "serviceradar_kernel_drops_total" };
    static const char *const up[3] = { "serviceradar_output_up" };
    static const char build[] = "serviceradar_build_info";

    state->received = sum_of(text, received);
    state->stored = sum_of(text, stored);
    state->queued = sum_of(text, queued);
    state->dropped = sum_of(text, dropped);
    state->output_up = sum_of(text, up) == 1;
    (void)metrics_label(text, build, "program", state->program, sizeof(state->program));
    (void)metrics_label(text, build, "version", state->version, sizeof(state->version));
    /* Any user can answer on the port of a daemon that does not run, and this is for terminals. */
    trouble_clean(state->program);
    trouble_clean(state->version);
}

char *
daemon_metrics(const char *listen, unsigned timeout_ms)
{
    char *text = NULL, *body = NULL;

    if (get(listen, "/metrics", timeout_ms, &text, &body) == 200) {
        memmove(text, body, strlen(body) + 1);
        return text;
    }
    free(text);
    return NULL;
}

void
daemon_ask(const char *listen, unsigned timeout_ms, struct daemon_state *ret_state)
{
    struct daemon_state state = { .answers = false };
    char *text = NULL, *body = NULL;

    text = daemon_metrics(listen, timeout_ms);
    if (text != NULL) {
        state.answers = true;
        daemon_read_metrics(text, &state);
        free(text);
        state.healthy = get(listen, "/healthz", timeout_ms, &text, &body) == 200;
        free(text);
        int status = get(listen, "/readyz", timeout_ms, &text, &body);
        state.ready = status == 200;
        if (status != 0) {
            (void)snprintf(
                state.words, sizeof(state.words), "%.*s", (int)strcspn(body, "\r\n"), body);
            trouble_clean(state.words);
        }
        free(text);
    }
    *ret_state = state;
}
