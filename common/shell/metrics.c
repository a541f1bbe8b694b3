/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/metrics.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "shell/stream_budget.h"
#include "sr/ack.h"

#include "sr/banned.h"

/* Beyond these libmicrohttpd closes at once: idle ones must not keep the scraper out. */
#define CONNECTIONS_MAX 128
#define TIMEOUT_S 5

struct sr_metrics {
    struct sr_metrics_view view;
    struct MHD_Daemon *daemon;
};

/* ---- /metrics ---- */

void
sr_metrics_put_quoted(FILE *f, const char *value)
{
    (void)fputc('"', f);
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\' || *value == '\n') {
            (void)fputc('\\', f);
        }
        (void)fputc(*value == '\n' ? 'n' : *value, f);
    }
    (void)fputc('"', f);
}

static void
put_label(FILE *f, const char *name, const char *value)
{
    (void)fprintf(f, "%s=", name);
    sr_metrics_put_quoted(f, value);
}

static void
put_head(FILE *f, const char *name, const char *type, const char *help)
{
    (void)fprintf(
        f, "# HELP serviceradar_%s %s\n# TYPE serviceradar_%s %s\n", name, help, name, type);
}

static void
put_listener_value(FILE *f, const char *name, const struct sr_listener_stats *l, uint64_t value)
{
    (void)fprintf(f, "serviceradar_%s{", name);
    put_label(f, "listener", l->name);
    (void)fprintf(f, "} %llu\n", (unsigned long long)value);
}

static void
put_reasons(
    FILE *f, const char *name, const struct sr_listener_stats *l, const struct sr_reasons *reasons)
{
    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        const char *reason = atomic_load(&((struct sr_reasons *)reasons)->items[i].reason);
        uint64_t count = sr_counted(&reasons->items[i].count);
        if (reason == NULL || count == 0) {
            continue;
        }
        (void)fprintf(f, "serviceradar_%s{", name);
        put_label(f, "listener", l->name);
        (void)fputc(',', f);
        put_label(f, "reason", reason);
        (void)fprintf(f, "} %llu\n", (unsigned long long)count);
    }
}

/* Adds the counts of one worker to a sum over workers, reason by reason. */
static void
add_reasons(struct sr_reasons *sum, const struct sr_reasons *one)
{
    for (size_t i = 0; i < SR_REASONS_MAX; i++) {
        const char *reason = atomic_load(&((struct sr_reasons *)one)->items[i].reason);
        if (reason != NULL) {
            sr_reasons_count(sum, reason, sr_counted(&one->items[i].count));
        }
    }
}

static void
put_ledger_family(FILE *f, const struct sr_metrics_view *v, const char *name, const char *type,
    const char *help, size_t offset)
{
    put_head(f, name, type, help);
    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        struct sr_ledger ledger = sr_ledger_take(v->stats, v->queue, i);
        uint64_t value;
        memcpy(&value, (const char *)&ledger + offset, sizeof(value));
        put_listener_value(f, name, &v->stats->listeners[i], value);
    }
}

static void
put_ledgers(FILE *f, const struct sr_metrics_view *v)
{
    static const struct {
        const char *name, *type, *help;
        size_t offset;
    } families[] = {
        { "received_total", "counter", "Datagrams received.",
            offsetof(struct sr_ledger, received) },
        { "parts_total", "counter", "Parts of datagrams that count as inputs of their own.",
            offsetof(struct sr_ledger, parts) },
        { "decoded_total", "counter", "Datagrams that became records in the queue.",
            offsetof(struct sr_ledger, decoded) },
        { "deadlettered_total", "counter", "Datagrams queued as dead letters.",
            offsetof(struct sr_ledger, deadlettered) },
        { "records_total", "counter", "Records put into the queue.",
            offsetof(struct sr_ledger, records) },
        { "recovered_total", "counter", "Records found in the queue that no counter knew.",
            offsetof(struct sr_ledger, recovered) },
        { "stored_total", "counter", "Records acknowledged or written.",
            offsetof(struct sr_ledger, stored) },
        { "stored_dead_total", "counter", "Dead letters acknowledged or written.",
            offsetof(struct sr_ledger, stored_dead) },
        { "queued_records", "gauge", "Records waiting in the queue.",
            offsetof(struct sr_ledger, queued) },
        { "batching_records", "gauge", "Records waiting for others to fill a message with.",
            offsetof(struct sr_ledger, batching) },
        { "kernel_drops_total", "counter",
            "Datagrams lost in the socket before they were received.",
            offsetof(struct sr_ledger, kernel_drops) },
    };

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        put_ledger_family(
            f, v, families[i].name, families[i].type, families[i].help, families[i].offset);
    }
}

/* One family: a table of the workers of each listener, and what its sink has of the same. */
static void
put_reasons_family(FILE *f, const struct sr_metrics_view *v, const char *name, const char *help,
    size_t offset, bool with_sink)
{
    put_head(f, name, "counter", help);
    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        const struct sr_listener_stats *l = &v->stats->listeners[i];
        struct sr_reasons sum;
        memset(&sum, 0, sizeof(sum));
        for (unsigned j = 0; j < l->worker_count; j++) {
            const char *worker = (const char *)&l->workers[j];
            add_reasons(&sum, (const void *)(worker + offset));
        }
        if (with_sink) {
            add_reasons(&sum, &l->delivery.dropped);
        }
        put_reasons(f, name, l, &sum);
    }
}

static void
put_losses(FILE *f, const struct sr_metrics_view *v)
{
    put_reasons_family(f, v, "undecodable_total", "Datagrams that could not be decoded, by reason.",
        offsetof(struct sr_worker_stats, undecodable), false);
    put_reasons_family(f, v, "consumed_total",
        "Datagrams without a record of their own, by reason.",
        offsetof(struct sr_worker_stats, consumed), false);
    put_reasons_family(f, v, "dropped_total", "Datagrams received and given up, by reason.",
        offsetof(struct sr_worker_stats, dropped), false);
    put_reasons_family(f, v, "dropped_records_total", "Records given up or lost, by reason.",
        offsetof(struct sr_worker_stats, lost), true);
    put_head(f, "redelivered_total", "counter", "Messages sent again after a failure.");
    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        const struct sr_listener_stats *l = &v->stats->listeners[i];
        put_listener_value(f, "redelivered_total", l, sr_counted(&l->delivery.redelivered));
    }
}

static void
put_connections_family(FILE *f, const struct sr_metrics_view *v, const char *name, const char *type,
    const char *help, size_t offset)
{
    put_head(f, name, type, help);
    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        const struct sr_listener_stats *l = &v->stats->listeners[i];
        uint64_t sum = 0;
        for (unsigned j = 0; j < l->worker_count; j++) {
            sum += sr_counted((const void *)((const char *)&l->workers[j] + offset));
        }
        if (l->has_streams) {
            put_listener_value(f, name, l, sum);
        }
    }
}

static void
put_connections(FILE *f, const struct sr_metrics_view *v)
{
    bool any = false;

    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        any = any || v->stats->listeners[i].has_streams;
    }
    if (!any) {
        return;
    }
    put_connections_family(f, v, "connections", "gauge", "Connections that are open.",
        offsetof(struct sr_worker_stats, connections));
    put_connections_family(f, v, "connections_total", "counter", "Connections accepted.",
        offsetof(struct sr_worker_stats, connections_accepted));
    put_connections_family(f, v, "connections_refused_total", "counter",
        "Connections closed at once: too many, not allowed, or no memory for them.",
        offsetof(struct sr_worker_stats, connections_refused));
    put_connections_family(f, v, "accepts_put_off_total", "counter",
        "Times that those who connected had to wait, as no open files were left.",
        offsetof(struct sr_worker_stats, accepts_put_off));
    put_connections_family(f, v, "connections_cut_off_total", "counter",
        "Connections ended in a message, as stream_buffers was used up.",
        offsetof(struct sr_worker_stats, connections_cut_off));
    put_head(
        f, "stream_buffers_bytes", "gauge", "Memory of pieces of messages, of stream_buffers.");
    (void)fprintf(f, "serviceradar_stream_buffers_bytes %llu\n",
        (unsigned long long)sr_counted(&v->buffers->used));
    put_head(f, "stream_buffers_limit_bytes", "gauge", "stream_buffers.");
    (void)fprintf(
        f, "serviceradar_stream_buffers_limit_bytes %llu\n", (unsigned long long)v->buffers->limit);
}

static void
put_tls(FILE *f, const struct sr_metrics_view *v)
{
    static const char expires[] = "tls_certificate_expires_seconds";
    bool any = false;

    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        any = any || v->stats->listeners[i].has_tls;
    }
    if (!any) {
        return;
    }
    put_reasons_family(f, v, "tls_failures_total",
        "Connections refused or broken off for a fault of TLS or a certificate, by reason.",
        offsetof(struct sr_worker_stats, tls_failures), false);
    put_head(f, expires, "gauge", "When our certificate expires, in seconds since 1970 UTC.");
    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        const struct sr_listener_stats *l = &v->stats->listeners[i];
        if (l->has_tls) {
            put_listener_value(
                f, expires, l, (uint64_t)atomic_load((_Atomic int64_t *)&l->tls_expires));
        }
    }
}

static void
put_requests_family(FILE *f, const struct sr_metrics_view *v, const char *name, const char *type,
    const char *help, size_t offset)
{
    put_head(f, name, type, help);
    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        const struct sr_listener_stats *l = &v->stats->listeners[i];
        if (l->has_requests) {
            put_listener_value(
                f, name, l, sr_counted((const void *)((const char *)&l->requests + offset)));
        }
    }
}

static void
put_requests(FILE *f, const struct sr_metrics_view *v)
{
    bool any = false;

    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        any = any || v->stats->listeners[i].has_requests;
    }
    if (!any) {
        return;
    }
    put_requests_family(f, v, "requests_waiting", "gauge",
        "Requests whose answers wait for their records.",
        offsetof(struct sr_request_stats, waiting));
    put_requests_family(f, v, "requests_answered_total", "counter",
        "Requests answered when their records were kept.",
        offsetof(struct sr_request_stats, answered));
    put_requests_family(f, v, "requests_repeated_total", "counter",
        "Requests that came again and made no second record.",
        offsetof(struct sr_request_stats, repeated));
    put_requests_family(f, v, "requests_unsendable_total", "counter",
        "Answers that the kernel did not take; they go out when the request comes again.",
        offsetof(struct sr_request_stats, unsendable));
    put_requests_family(f, v, "requests_forgotten_total", "counter",
        "Requests given up before they were answered: too many, too old, or their record is lost.",
        offsetof(struct sr_request_stats, forgotten));
    put_requests_family(f, v, "requests_known_total", "counter",
        "Records of requests that the stream had already, under the same id.",
        offsetof(struct sr_request_stats, known));
}

static void
put_sink(FILE *f, const struct sr_metrics_view *v)
{
    struct sr_sink_status s;

    v->sink->ops->status(v->sink, &s);
    put_head(f, "output_up", "gauge", "1 while the output is connected or writable.");
    (void)fprintf(f, "serviceradar_output_up %d\n", s.up ? 1 : 0);
    put_head(f, "output_connects_total", "counter", "Successful connections to the output.");
    (void)fprintf(f, "serviceradar_output_connects_total %llu\n", (unsigned long long)s.connects);
    put_head(f, "output_in_flight", "gauge", "Messages sent and not yet acknowledged.");
    (void)fprintf(f, "serviceradar_output_in_flight %llu\n", (unsigned long long)s.in_flight);
    put_head(f, "output_refused_total", "counter", "Messages not stored at first, by reason.");
    for (int i = 1; i < SR_REFUSAL_COUNT; i++) {
        (void)fprintf(f, "serviceradar_output_refused_total{reason=\"%s\"} %llu\n",
            sr_refusal_reason((enum sr_refusal)i), (unsigned long long)s.refusals[i]);
    }
    put_head(f, "output_unexpected_duplicates_total", "counter",
        "First attempts that the server called duplicates; must stay 0.");
    (void)fprintf(f, "serviceradar_output_unexpected_duplicates_total %llu\n",
        (unsigned long long)s.unexpected_duplicates);
    put_head(f, "output_garbage_acks_total", "counter", "Answers that acknowledge nothing.");
    (void)fprintf(
        f, "serviceradar_output_garbage_acks_total %llu\n", (unsigned long long)s.garbage_acks);
}

static void
put_queue(FILE *f, const struct sr_metrics_view *v)
{
    struct sr_queue_status s;

    sr_queue_status(v->queue, &s);
    put_head(f, "queue_bytes", "gauge", "Memory of the queue's segments in use.");
    (void)fprintf(f, "serviceradar_queue_bytes %llu\n", (unsigned long long)s.memory_used);
    put_head(f, "queue_disk_bytes", "gauge", "Disk of the queue's segments in use.");
    (void)fprintf(f, "serviceradar_queue_disk_bytes %llu\n", (unsigned long long)s.disk_used);
    put_head(f, "queue_disk_failing", "gauge", "1 while queue.dir takes no data.");
    (void)fprintf(f, "serviceradar_queue_disk_failing %d\n", s.disk_error != 0 ? 1 : 0);
    put_head(f, "queue_disk_failures_total", "counter", "Writes to queue.dir that failed.");
    (void)fprintf(
        f, "serviceradar_queue_disk_failures_total %llu\n", (unsigned long long)s.disk_failures);
    put_head(f, "queue_damaged_segments_total", "counter",
        "Segments that were found damaged on disk and set aside.");
    (void)fprintf(
        f, "serviceradar_queue_damaged_segments_total %llu\n", (unsigned long long)s.damaged);
}

static void
put_metrics(FILE *f, const struct sr_metrics_view *v)
{
    put_head(f, "build_info", "gauge", "The program and its version.");
    (void)fprintf(
        f, "serviceradar_build_info{program=\"%s\",version=\"%s\"} 1\n", v->program, v->version);
    put_ledgers(f, v);
    put_losses(f, v);
    put_connections(f, v);
    put_tls(f, v);
    put_requests(f, v);
    put_sink(f, v);
    put_queue(f, v);
    if (v->more != NULL) {
        v->more(v->more_arg, f);
    }
}

/* ---- /ledger ---- */

static void
put_ledger_json(FILE *f, const struct sr_metrics_view *v)
{
    (void)fputs("{\"listeners\":[", f);
    for (unsigned i = 0; i < v->stats->listener_count; i++) {
        struct sr_ledger l = sr_ledger_take(v->stats, v->queue, i);
        (void)fputs(i > 0 ? ",{\"listener\":" : "{\"listener\":", f);
        sr_metrics_put_quoted(f, v->stats->listeners[i].name);
        (void)fprintf(f,
            ",\"received\":%llu,\"parts\":%llu,\"decoded\":%llu,\"consumed\":%llu,"
            "\"deadlettered\":%llu,\"dropped\":%llu,\"records\":%llu,\"recovered\":%llu,\"stored\":"
            "%llu,"
            "\"stored_dead\":%llu,\"queued\":%llu,\"dropped_records\":%llu,\"kernel_drops\":%llu,"
            "\"batching\":%llu,"
            "\"balanced\":%s}",
            (unsigned long long)l.received, (unsigned long long)l.parts,
            (unsigned long long)l.decoded, (unsigned long long)l.consumed,
            (unsigned long long)l.deadlettered, (unsigned long long)l.dropped,
            (unsigned long long)l.records, (unsigned long long)l.recovered,
            (unsigned long long)l.stored, (unsigned long long)l.stored_dead,
            (unsigned long long)l.queued, (unsigned long long)l.dropped_records,
            (unsigned long long)l.kernel_drops, (unsigned long long)l.batching,
            sr_ledger_balanced(&l) ? "true" : "false");
    }
    (void)fputs("]}\n", f);
}

/* ---- HTTP ---- */

static enum MHD_Result
reply(struct MHD_Connection *c, unsigned status, const char *type, const char *text, size_t len)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_MUST_COPY);

    if (r == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result
reply_generated(struct MHD_Connection *c, const struct sr_metrics_view *v, const char *type,
    void (*put)(FILE *, const struct sr_metrics_view *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (f == NULL) {
        return MHD_NO;
    }
    put(f, v);
    (void)fclose(f);
    enum MHD_Result rc = reply(c, MHD_HTTP_OK, type, text, len);
    free(text);
    return rc;
}

static enum MHD_Result
reply_state(struct MHD_Connection *c, const struct sr_metrics_view *v,
    bool (*state)(void *, char *, size_t))
{
    char why[256] = "ok";
    char text[300];
    bool fine = state(v->arg, why, sizeof(why));
    int len = snprintf(text, sizeof(text), "%s\n", why);

    return reply(
        c, fine ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain", text, (size_t)len);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state)
{
    static const char not_found[] = "try /metrics, /healthz, /readyz or /ledger\n";
    static const char not_allowed[] = "only GET\n";
    const struct sr_metrics *m = arg;
    const struct sr_metrics_view *v = &m->view;

    (void)version;
    (void)upload;
    (void)state;
    *upload_size = 0;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        return reply(
            c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", not_allowed, sizeof(not_allowed) - 1);
    }
    if (strcmp(url, "/metrics") == 0) {
        return reply_generated(c, v, "text/plain; version=0.0.4", put_metrics);
    }
    if (strcmp(url, "/ledger") == 0) {
        return reply_generated(c, v, "application/json", put_ledger_json);
    }
    if (strcmp(url, "/healthz") == 0) {
        return reply_state(c, v, v->healthy);
    }
    if (strcmp(url, "/readyz") == 0) {
        return reply_state(c, v, v->ready);
    }
    return reply(c, MHD_HTTP_NOT_FOUND, "text/plain", not_found, sizeof(not_found) - 1);
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT" as a socket address, to be freed with freeaddrinfo(). */
static struct addrinfo *
parse_listen(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *out = NULL;
    char host[256];
    size_t len = colon != NULL ? (size_t)(colon - listen) : sizeof(host);

    if (len >= sizeof(host)) {
        return NULL;
    }
    bool bracketed = len >= 2 && listen[0] == '[' && listen[len - 1] == ']';
    (void)snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len),
        bracketed ? listen + 1 : listen);
    return getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1, &hints, &out) == 0 ? out : NULL;
}

struct sr_metrics *
sr_metrics_start(
    const char *listen, const struct sr_metrics_view *view, char *error, size_t error_size)
{
    struct addrinfo *ai = parse_listen(listen);
    struct sr_metrics *m = calloc(1, sizeof(*m));

    if (ai == NULL || m == NULL) {
        (void)snprintf(error, error_size,
            "metrics.listen: `%s` is not an address; write ADDRESS:PORT, for example "
            "127.0.0.1:9621, or off",
            listen);
        goto fail;
    }
    m->view = *view;
    /* Not with select(): connections may take all descriptors that it knows of. */
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD;
    flags |= ai->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0;
    errno = 0;
    m->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR,
        ai->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
    if (m->daemon != NULL) {
        freeaddrinfo(ai);
        return m;
    }
    (void)snprintf(error, error_size,
        "metrics.listen: cannot listen on %s: %s; choose another port, or off", listen,
        errno != 0 ? strerror(errno) : "refused");
fail:
    if (ai != NULL) {
        freeaddrinfo(ai);
    }
    free(m);
    return NULL;
}

void
sr_metrics_stop(struct sr_metrics *m)
{
    if (m != NULL) {
        MHD_stop_daemon(m->daemon);
        free(m);
    }
}
