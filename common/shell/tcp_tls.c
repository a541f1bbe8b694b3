/* SPDX-License-Identifier: Apache-2.0 */
/* TLS between the socket of a connection and its stream of messages. */
#include "shell/tcp_worker.h"

#include <stdlib.h>
#include <string.h>

#include "sr/banned.h"

#define UNSENT_MAX (64U * 1024U) /* who lets more wait makes us answer and does not read */

/* What the kernel did not take at once. */
struct unsent {
    uv_write_t request;
    uint8_t bytes[];
};

bool
tcp_tls_start(struct tcp_connection *c)
{
    struct sr_tls_context *context = sr_tls_listener_context(c->worker->options.tls);

    c->tls = sr_tls_session_new(context);
    sr_tls_context_release(context);
    return c->tls != NULL;
}

/* ---- Sending ---- */

static void
on_sent(uv_write_t *request, int status)
{
    (void)status; /* reading will find out */
    free(request->data);
}

static bool
send_later(struct tcp_connection *c, struct sr_span bytes)
{
    struct unsent *u = malloc(sizeof(*u) + bytes.len);

    if (u == NULL) {
        return false;
    }
    memcpy(u->bytes, bytes.data, bytes.len);
    u->request.data = u;
    uv_buf_t buf = uv_buf_init((char *)u->bytes, (unsigned)bytes.len);
    if (uv_write(&u->request, &c->handle.stream, &buf, 1, on_sent) != 0) {
        free(u);
        return false;
    }
    return true;
}

/* False when the peer takes nothing of what we have to say. */
static bool
send_pending(struct tcp_connection *c, bool may_wait)
{
    struct sr_span bytes = sr_tls_session_pending(c->tls);

    if (bytes.len == 0) {
        return true;
    }
    /* Bytes that sr_tls_session_pending() lends; libuv does not write to them. */
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.data, (unsigned)bytes.len);
    int sent = uv_try_write(&c->handle.stream, &buf, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    bool ok = done == bytes.len || sent >= 0 || sent == UV_EAGAIN;
    struct sr_span rest = { bytes.data + done, bytes.len - done };
    if (ok && rest.len > 0) {
        ok = may_wait &&
             uv_stream_get_write_queue_size(&c->handle.stream) + rest.len <= UNSENT_MAX &&
             send_later(c, rest);
    }
    sr_tls_session_sent(c->tls, bytes.len);
    return ok;
}

/* ---- Receiving ---- */

bool
tcp_tls_is_over(const struct tcp_connection *c)
{
    if (c->tls == NULL) {
        return false;
    }
    if (c->deaf) {
        return true;
    }
    enum sr_tls_state state = sr_tls_session_state(c->tls);
    return state == SR_TLS_CLOSED || state == SR_TLS_FAILED;
}

enum sr_stream_state
tcp_tls_feed(struct tcp_connection *c, struct sr_span bytes)
{
    uint8_t *plain = c->worker->plain;
    enum sr_stream_state state = SR_STREAM_OPEN;
    size_t len;

    sr_tls_session_feed(c->tls, bytes);
    do {
        len = sr_tls_session_read(c->tls, plain, TCP_PLAIN_SIZE);
        /* It may have ended in the same read: who has sent something was let in before. */
        bool is_in = len > 0 || sr_tls_session_state(c->tls) == SR_TLS_OPEN;
        if (!c->open && is_in && !tcp_accept_user(c)) {
            return SR_STREAM_BROKEN;
        }
        if (len > 0 && c->open) {
            state = tcp_connection_hand_on(c, (struct sr_span){ plain, len });
        }
    } while (len > 0 && state != SR_STREAM_BROKEN);
    c->deaf = !send_pending(c, true); /* what it has sent counts all the same */
    return state;
}

/* ---- The end ---- */

static void
tell_failure(struct tcp_connection *c, const struct sr_tls_failure *f)
{
    struct sr_tcp_worker *w = c->worker;
    size_t row = sr_reasons_count(&w->stats->tls_failures, f->reason, 1);
    char source[SR_PEER_TEXT_MAX];
    uint64_t more;

    if (!sr_log_allowed(&w->failing[row], &more)) {
        return;
    }
    (void)sr_peer_text(&c->peer, source);
    sr_log(SR_LOG_WARNING,
        "a TLS connection is %s listener=%s source=%s reason=%s%s%s%s%s%s%s%s%s "
        "more_since_last_line=%llu advice=\"%s\"",
        c->open ? "broken off" : "refused", w->handler.name, source, f->reason,
        f->detail[0] != '\0' ? " error=\"" : "", f->detail, f->detail[0] != '\0' ? "\"" : "",
        f->names[0] != '\0' ? " certificate=\"" : "", f->names, f->names[0] != '\0' ? "\"" : "",
        f->fingerprint[0] != '\0' ? " fingerprint=" : "", f->fingerprint, (unsigned long long)more,
        f->advice);
}

void
tcp_tls_end(struct tcp_connection *c)
{
    struct sr_tls_failure failure;
    /* A handshake that our own stop ends is nobody's failure. */
    bool is_stopped = c->worker->stopping && sr_tls_session_state(c->tls) == SR_TLS_HANDSHAKE;

    if (!is_stopped && sr_tls_session_describe(c->tls, c->late, &failure)) {
        tell_failure(c, &failure);
    }
    sr_tls_session_close(c->tls);
    (void)send_pending(c, false);
    sr_tls_session_free(c->tls);
    c->tls = NULL;
}
