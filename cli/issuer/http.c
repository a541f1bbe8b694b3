/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>
#include <openssl/crypto.h>

#include "issuer/access_log.h"
#include "sr/clock.h"

#include "sr/banned.h"

#define BACKLOG 128
#define HEADER_BYTES 16384 /* of one connection: request line, headers, and what goes out */
#define DISCARD_MAX (4U * API_BODY_MAX) /* of a body that is too long, to answer it at all */
#define GRACE_S 10
#define HTTP_ERROR_MAX 256

/* RFC 9325: nothing before TLS 1.2, and forward secrecy. */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA"

/* One connection, for the end that it gets by its age. */
struct link {
    struct link *next, **from;
    int fd;
    uint64_t start_ns;
};

/* libmicrohttpd with one certificate. */
struct serving {
    struct MHD_Daemon *daemon;
    _Atomic bool starting;
    char error[HTTP_ERROR_MAX];
};

struct http {
    struct api *api;
    struct access_log *log; /* NULL: none */
    int fd;
    bool is_v6;
    struct serving *serving; /* NULL: not yet */
    pthread_mutex_t
        answering;        /* the api: two threads have it while one certificate follows another */
    pthread_mutex_t lock; /* what is below */
    pthread_cond_t idle;
    size_t exchanges; /* requests that have begun and are not yet answered */
    struct link *links;
};

/* One request from its first line to the end of its answer. */
struct exchange {
    uint64_t start_ns;
    bool begun; /* its headers are there, and it counts in http->exchanges */
    char *target;
    char method[16];
    char host[80];
    struct sr_peer peer;
    uint8_t *body; /* API_BODY_MAX bytes once there is a body: a secret may be in it */
    size_t len;
    size_t seen; /* bytes of the body, those included that were not kept */
    unsigned status;
};

/* ---- Connections ---- */

static void
add_link(struct http *h, struct MHD_Connection *c, void **ret_link)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct link *l = info != NULL ? calloc(1, sizeof(*l)) : NULL;

    if (l == NULL) {
        return; /* it lives until it is idle */
    }
    l->fd = info->connect_fd;
    l->start_ns = sr_clock_monotonic_ns();
    (void)pthread_mutex_lock(&h->lock);
    l->next = h->links;
    l->from = &h->links;
    if (l->next != NULL) {
        l->next->from = &l->next;
    }
    h->links = l;
    (void)pthread_mutex_unlock(&h->lock);
    *ret_link = l;
}

/* libmicrohttpd closes the descriptor after this, so that it is never another's while in the list.
 */
static void
drop_link(struct http *h, struct link *l)
{
    if (l == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&h->lock);
    *l->from = l->next;
    if (l->next != NULL) {
        l->next->from = l->from;
    }
    (void)pthread_mutex_unlock(&h->lock);
    free(l);
}

static void
on_connection(
    void *arg, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        add_link(arg, c, context);
    } else {
        drop_link(arg, *context);
        *context = NULL;
    }
}

void
http_reap(struct http *http)
{
    uint64_t now_ns = sr_clock_monotonic_ns();

    (void)pthread_mutex_lock(&http->lock);
    for (struct link *l = http->links; l != NULL; l = l->next) {
        if (now_ns - l->start_ns > HTTP_LIFE_S * SR_NS_PER_SECOND) {
            (void)shutdown(l->fd, SHUT_RDWR);
        }
    }
    (void)pthread_mutex_unlock(&http->lock);
}

/* ---- Requests ---- */

static void
peer_of(struct MHD_Connection *c, struct sr_peer *ret_peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    struct sr_peer peer = { .port = 0 };

    if (address != NULL && address->sa_family == AF_INET) {
        memcpy(peer.address, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(a);
        peer.is_v6 = !mapped;
        memcpy(peer.address, a->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
    }
    *ret_peer = peer;
}

/* The first that is known of a request: libmicrohttpd hands back what this returns. */
static void *
on_request_line(void *arg, const char *target, struct MHD_Connection *c)
{
    struct exchange *x = calloc(1, sizeof(*x));

    (void)arg;
    if (x != NULL) {
        x->start_ns = sr_clock_monotonic_ns();
        x->target = strdup(target);
        peer_of(c, &x->peer);
    }
    return x;
}

static void
count(struct http *h, struct exchange *x)
{
    x->begun = true;
    (void)pthread_mutex_lock(&h->lock);
    h->exchanges++;
    (void)pthread_mutex_unlock(&h->lock);
}

static void
uncount(struct http *h)
{
    (void)pthread_mutex_lock(&h->lock);
    h->exchanges--;
    if (h->exchanges == 0) {
        (void)pthread_cond_broadcast(&h->idle);
    }
    (void)pthread_mutex_unlock(&h->lock);
}

static void
on_end(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    struct http *h = arg;
    struct exchange *x = *state;

    (void)c;
    (void)code;
    if (x == NULL) {
        return;
    }
    if (x->begun) {
        const struct access_line line = {
            .peer = &x->peer,
            .method = x->method,
            .target = x->target,
            .host = x->host,
            .status = x->status,
            .took_ms = (sr_clock_monotonic_ns() - x->start_ns) / SR_NS_PER_MS,
        };
        access_log_write(h->log, &line);
        uncount(h);
    }
    if (x->body != NULL) {
        OPENSSL_cleanse(x->body, API_BODY_MAX);
    }
    if (x->target != NULL) {
        OPENSSL_cleanse(x->target, strlen(x->target));
    }
    free(x->body);
    free(x->target);
    free(x);
    *state = NULL;
}

static void
release_answer(void *arg)
{
    struct api_answer *answer = arg;

    api_answer_done(answer);
    free(answer);
}

/* A response that owns the answer's body and wipes it at its end. NULL without memory. */
static struct MHD_Response *
make_response(struct api_answer *answer)
{
    struct api_answer *owned = malloc(sizeof(*owned));

    if (owned == NULL) {
        return NULL;
    }
    *owned = *answer;
    struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(
        owned->len, owned->body, release_answer, owned);
    if (r == NULL) {
        free(owned);
        return NULL;
    }
    *answer = (struct api_answer){ .status = owned->status };
    return r;
}

static void
add_headers(struct MHD_Response *r, const struct api_answer *answer)
{
    char text[96];

    /* Nothing between here and there is to keep what may be a secret. */
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (answer->type != NULL) {
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    }
    if (answer->filename[0] != '\0') {
        (void)snprintf(text, sizeof(text), "attachment; filename=\"%s\"", answer->filename);
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_DISPOSITION, text);
    }
    if (answer->retry_after_s > 0) {
        (void)snprintf(text, sizeof(text), "%u", answer->retry_after_s);
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, text);
    }
    if (answer->allow != NULL) {
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, answer->allow);
    }
}

/* Sends an answer and takes its body. */
static enum MHD_Result
send_answer(struct MHD_Connection *c, struct exchange *x, struct api_answer *answer)
{
    const struct api_answer head = *answer;
    struct MHD_Response *r = make_response(answer);

    x->status = head.status;
    if (r == NULL) {
        api_answer_done(answer);
        return MHD_NO;
    }
    add_headers(r, &head);
    enum MHD_Result rc = MHD_queue_response(c, head.status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result
refuse_body(struct MHD_Connection *c, struct exchange *x)
{
    struct api_answer answer;

    api_say(413, "The body is longer than 64 KiB.", &answer);
    return send_answer(c, x, &answer);
}

/*
 * What the headers say, once they are there. A body that will be far too long is refused at once;
 * one that is a little too long is read first, or the client might see its connection reset before
 * it sees the answer.
 */
static enum MHD_Result
begin(struct http *h, struct MHD_Connection *c, struct exchange *x, const char *method)
{
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-ServiceRadar-Host");
    const char *len =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    count(h, x);
    (void)snprintf(x->method, sizeof(x->method), "%s", method);
    (void)snprintf(x->host, sizeof(x->host), "%s", host != NULL ? host : "");
    if (len != NULL && strtoull(len, NULL, 10) > DISCARD_MAX) {
        return refuse_body(c, x);
    }
    return MHD_YES;
}

/* Keeps a part of the body. MHD_NO ends the connection: it goes on and on. */
static enum MHD_Result
take_body(struct exchange *x, const char *part, size_t len)
{
    x->seen += len;
    if (x->seen > API_BODY_MAX) {
        return x->seen > DISCARD_MAX ? MHD_NO : MHD_YES;
    }
    if (x->body == NULL) {
        x->body = malloc(API_BODY_MAX);
    }
    if (x->body == NULL) {
        return MHD_NO;
    }
    memcpy(x->body + x->len, part, len);
    x->len += len;
    return MHD_YES;
}

static enum MHD_Result
answer_request(struct http *h, struct MHD_Connection *c, struct exchange *x, const char *method)
{
    struct api_answer answer;
    const struct api_request request = {
        .method = method,
        .target = x->target,
        .token = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-ServiceRadar-Download-Token"),
        .host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-ServiceRadar-Host"),
        .peer = x->peer,
        .body = { x->body, x->len },
    };

    if (x->seen > API_BODY_MAX) {
        return refuse_body(c, x);
    }
    if (strlen(x->target) > API_TARGET_MAX) {
        api_say(414, "The request line is too long.", &answer);
        return send_answer(c, x, &answer);
    }
    (void)pthread_mutex_lock(&h->answering);
    api_answer(h->api, &request, sr_clock_monotonic_ns(), &answer);
    (void)pthread_mutex_unlock(&h->answering);
    return send_answer(c, x, &answer);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct http *h = arg;
    struct exchange *x = *state;

    (void)url;
    (void)version;
    if (x == NULL || x->target == NULL) {
        return MHD_NO; /* without memory */
    }
    if (!x->begun) {
        return begin(h, c, x, method);
    }
    if (*upload_size > 0) {
        enum MHD_Result rc = take_body(x, upload, *upload_size);
        *upload_size = 0;
        return rc;
    }
    return answer_request(h, c, x, method);
}

/* ---- Start and end ---- */

static void __attribute__((format(printf, 2, 0)))
on_message(void *arg, const char *format, va_list args)
{
    struct serving *s = arg;

    /* Later ones tell of what clients do wrong. */
    if (s->starting) {
        (void)vsnprintf(s->error, sizeof(s->error), format, args);
        s->error[strcspn(s->error, "\n")] = '\0';
    }
}

static bool
listen_on(struct http *h, const struct addrinfo *ai)
{
    int on = 1, off = 0;

    h->is_v6 = ai->ai_family == AF_INET6;
    h->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (h->fd < 0) {
        return false;
    }
    (void)setsockopt(h->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (h->is_v6) {
        (void)setsockopt(h->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    return bind(h->fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(h->fd, BACKLOG) == 0;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT" as a socket address, to be freed with freeaddrinfo(). */
static struct addrinfo *
parse_listen(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
    struct addrinfo *out = NULL;
    char host[64];
    size_t len = colon != NULL ? (size_t)(colon - listen) : sizeof(host);

    if (len >= sizeof(host)) {
        return NULL;
    }
    bool bracketed = len >= 2 && listen[0] == '[' && listen[len - 1] == ']';
    (void)snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len),
        bracketed ? listen + 1 : listen);
    if (host[0] == '\0') {
        hints.ai_family = AF_INET;
    }
    return getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1, &hints, &out) == 0 ? out : NULL;
}

static bool
open_socket(struct http *h, const char *listen, struct trouble *trouble)
{
    struct addrinfo *ai = parse_listen(listen);

    if (ai == NULL) {
        return trouble_say(trouble, 0, "write ADDRESS:PORT, for example 0.0.0.0:8443 or [::]:8443",
            "--listen \"%s\" is not an address", listen);
    }
    bool ok = listen_on(h, ai);
    int error = errno;
    freeaddrinfo(ai);
    if (!ok && error == EADDRINUSE) {
        return trouble_say(trouble, error,
            "stop what listens there, or choose another with --listen",
            "cannot listen on %s: it is in use", listen);
    }
    return ok || trouble_say(trouble, error,
                     "choose another with --listen: an address of this host, and a port that this "
                     "user may use",
                     "cannot listen on %s: %s", listen, strerror(error));
}

bool
http_open(const struct http_options *options, struct http **ret_http, struct trouble *trouble)
{
    struct http *h = calloc(1, sizeof(*h));

    if (h == NULL) {
        return trouble_say(
            trouble, ENOMEM, "free memory and run it again", "there is no memory left");
    }
    h->fd = -1;
    h->api = options->api;
    (void)pthread_mutex_init(&h->answering, NULL);
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->idle, NULL);
    if (!open_socket(h, options->listen, trouble) ||
        (options->access_log != NULL && !access_log_open(options->access_log, &h->log, trouble))) {
        http_close(h);
        return false;
    }
    *ret_http = h;
    return true;
}

uint16_t
http_port(const struct http *http)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len = sizeof(address);

    memset(&address, 0, sizeof(address));
    if (getsockname(http->fd, &address.any, &len) != 0) {
        return 0;
    }
    return ntohs(http->is_v6 ? address.v6.sin6_port : address.v4.sin_port);
}

/*
 * Closes a descriptor of the socket that libmicrohttpd was to have, if it did not: after some
 * failures it has, and then the number may be a connection's of the thread that still serves.
 */
static void
close_rest(const struct http *h, int fd)
{
    struct stat ours, there;

    if (fstat(h->fd, &ours) == 0 && fstat(fd, &there) == 0 && ours.st_dev == there.st_dev &&
        ours.st_ino == there.st_ino) {
        (void)close(fd);
    }
}

/* Each has a descriptor of its own for the same socket, which it closes. */
static bool
start(struct http *h, struct serving *s, const char *certificate, const char *key)
{
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_TLS | MHD_USE_ERROR_LOG;
    int fd = dup(h->fd);

    if (fd < 0) {
        (void)snprintf(s->error, sizeof(s->error), "%s", strerror(errno));
        return false;
    }
    flags |= h->is_v6 ? MHD_USE_IPv6 : 0;
    s->starting = true;
    s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER,
        on_message, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_MEM_CERT, certificate,
        MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_PER_ADDRESS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
        on_request_line, h, MHD_OPTION_NOTIFY_COMPLETED, on_end, h, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, h, MHD_OPTION_END);
    s->starting = false;
    if (s->daemon == NULL) {
        close_rest(h, fd);
    }
    return s->daemon != NULL;
}

/* Takes no more connections, waits a while for the answers that have begun, and ends the thread. */
static void
stop(struct http *h, struct serving *s)
{
    struct timespec until;

    if (s == NULL) {
        return;
    }
    int fd = MHD_quiesce_daemon(s->daemon);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GRACE_S;
    (void)pthread_mutex_lock(&h->lock);
    while (h->exchanges > 0 && pthread_cond_timedwait(&h->idle, &h->lock, &until) == 0) {
    }
    (void)pthread_mutex_unlock(&h->lock);
    MHD_stop_daemon(s->daemon);
    if (fd >= 0) {
        (void)close(fd);
    }
    free(s);
}

bool
http_serve(struct http *http, const char *certificate, const char *key, struct trouble *trouble)
{
    struct serving *s = calloc(1, sizeof(*s));
    struct serving *old = http->serving;

    if (s == NULL) {
        return trouble_say(
            trouble, ENOMEM, "free memory and run it again", "there is no memory left");
    }
    if (!start(http, s, certificate, key)) {
        (void)trouble_say(trouble, 0,
            "check that the key is the certificate's, both in PEM and not encrypted",
            "cannot start the HTTPS server: %s", s->error);
        free(s);
        return false;
    }
    http->serving = s;
    stop(http, old);
    return true;
}

bool
http_reopen_log(struct http *http, struct trouble *trouble)
{
    return http->log == NULL || access_log_reopen(http->log, trouble);
}

void
http_close(struct http *http)
{
    if (http == NULL) {
        return;
    }
    stop(http, http->serving);
    if (http->fd >= 0) {
        (void)close(http->fd);
    }
    access_log_close(http->log);
    (void)pthread_cond_destroy(&http->idle);
    (void)pthread_mutex_destroy(&http->lock);
    (void)pthread_mutex_destroy(&http->answering);
    free(http);
}
