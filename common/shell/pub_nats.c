/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file of the daemons that includes nats.h; what nats.c 3.4.1 cannot do is worked around
 * here. on_ack(), on_error(), on_lame_duck() and on_closed() run on nats.c's threads and touch only
 * what is marked so in struct pub_link.
 */
#include "shell/pub_nats.h"

#include <nats/nats.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sr/ack.h"
#include "sr/buf.h"
#include "sr/clock.h"
#include "sr/creds.h"
#include "sr/deadletter.h"

#include "sr/banned.h"

#define ANSWERS 8192U /* of the ring; a power of two, above the window */
#define PING_MS 20000 /* a dead peer is noticed after two of them */
#define WRITE_DEADLINE_MS 5000
#define FORBIDDEN_MAX 8U
#define SPENT_MAX 256U
#define SPENT_BYTES (256U * 1024U)
#define CLOSE_POLL_NS (10 * (long)SR_NS_PER_MS)

/*
 * Messages to destroy. nats.c frees them in a thread of its own, which it wakes for every message
 * that finds it asleep: many at once wake it once.
 */
struct spent {
    natsMsg *messages[SPENT_MAX];
    size_t count, bytes;
};

struct pub_link {
    natsConnection *nc;
    natsSubscription *acks;
    char inbox[SR_CREDS_TEXT_MAX + 32];
    size_t inbox_len;
    struct spent sent;

    /* Shared with nats.c's threads. */
    struct sr_wake *wake;
    _Atomic bool orphan; /* nobody waits for it: `wake` may be gone */
    _Atomic uint32_t ring_in, ring_out;
    _Atomic uint64_t garbage;
    _Atomic bool leaving;            /* the server is about to shut down */
    struct pub_answer ring[ANSWERS]; /* one writer: the delivery thread of the subscription */
    struct spent answered;           /* of that thread */
    pthread_mutex_t mutex;           /* guards all below */
    bool closed;                     /* on_closed() has run */
    bool delivering;                 /* on_ack() may be called, or is running */
    char forbidden[FORBIDDEN_MAX][SR_CREDS_TEXT_MAX];
    unsigned forbidden_count;
    char error[PUB_TEXT_MAX];
};

/* Shared by the publisher and the connecting thread; the last one out frees it. */
struct pub_attempt {
    pthread_mutex_t mutex;
    bool done, abandoned;
    natsOptions *options;
    struct sr_wake *wake; /* not touched once abandoned */
    struct pub_link *link;
    char error[PUB_TEXT_MAX]; /* "": connected */
};

static void
destroy_spent(struct spent *s)
{
    for (size_t i = 0; i < s->count; i++) {
        natsMsg_Destroy(s->messages[i]);
    }
    s->count = 0;
    s->bytes = 0;
}

/* Destroys a message of `bytes`, now or later. */
static void
spend(struct spent *s, natsMsg *msg, size_t bytes)
{
    s->messages[s->count++] = msg;
    s->bytes += bytes;
    if (s->count == SPENT_MAX || s->bytes >= SPENT_BYTES) {
        destroy_spent(s);
    }
}

static _Atomic unsigned attempts_running;
/* Connecting threads that nobody waits for any more. */
static _Atomic unsigned abandoned_attempts;

/* ---- What nats.c's threads call ---- */

static void
signal_owner(struct pub_link *l)
{
    if (!atomic_load(&l->orphan)) {
        sr_wake_signal(l->wake);
    }
}

static void
push_answer(struct pub_link *l, struct pub_answer a)
{
    uint32_t in = atomic_load_explicit(&l->ring_in, memory_order_relaxed);
    uint32_t out = atomic_load_explicit(&l->ring_out, memory_order_acquire);

    if (in - out >= ANSWERS) {
        return; /* more answers than questions; the deadline finds what this one was for */
    }
    l->ring[in % ANSWERS] = a;
    atomic_store_explicit(&l->ring_in, in + 1, memory_order_release);
    if (a.refusal != SR_REFUSAL_NONE) {
        signal_owner(l);
    }
}

/* The number behind "INBOX." of a reply subject; 0 when it is not one of ours. */
static uint64_t
reply_number(const struct pub_link *l, const char *subject)
{
    uint64_t number = 0;

    if (strncmp(subject, l->inbox, l->inbox_len) != 0 || subject[l->inbox_len] != '.') {
        return 0;
    }
    for (const char *c = subject + l->inbox_len + 1; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || number > UINT64_MAX / 10 - 1) {
            return 0;
        }
        number = number * 10 + (uint64_t)(*c - '0');
    }
    return number;
}

/* An answer that is a status line and nothing more, as "no responders" is: "429 ...". */
static bool
is_too_many(natsMsg *msg)
{
    const char *status = NULL;

    return natsMsg_GetDataLength(msg) == 0 &&
           natsMsgHeader_Get(msg, "Status", &status) == NATS_OK && strcmp(status, "429") == 0;
}

static void
on_ack(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
    struct pub_link *l = closure;
    struct pub_answer a = { .number = reply_number(l, natsMsg_GetSubject(msg)) };

    (void)nc;
    (void)sub;
    if (natsMsg_IsNoResponders(msg)) {
        a.refusal = SR_REFUSAL_NO_STREAM;
    } else if (is_too_many(msg)) {
        a.refusal = SR_REFUSAL_TOO_MANY;
    } else {
        struct sr_ack ack = sr_ack_parse((struct sr_span){
            (const uint8_t *)natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg) });
        a.duplicate = ack.duplicate;
        if (ack.kind == SR_ACK_REFUSED) {
            a.refusal = (uint8_t)sr_ack_refusal(&ack);
        } else if (ack.kind == SR_ACK_GARBAGE) {
            a.number = 0;
        }
    }
    spend(&l->answered, msg, (size_t)natsMsg_GetDataLength(msg));
    if (a.number == 0) {
        atomic_fetch_add(&l->garbage, 1);
        return;
    }
    push_answer(l, a);
}

/* Text between the first pair of quotes, or "". */
static void
quoted(const char *text, char *out, size_t size)
{
    const char *start = strchr(text, '"');
    const char *end = start != NULL ? strchr(start + 1, '"') : NULL;

    out[0] = '\0';
    if (end != NULL && (size_t)(end - start - 1) < size) {
        memcpy(out, start + 1, (size_t)(end - start - 1));
        out[end - start - 1] = '\0';
    }
}

/* What nats.c says of `err`. Its text may be of an earlier violation: closing leaves it there. */
static const char *
error_text(natsConnection *nc, natsStatus err)
{
    const char *text = NULL;

    (void)natsConnection_GetLastError(nc, &text);
    if (text == NULL || text[0] == '\0' ||
        (err != NATS_NOT_PERMITTED && strcasestr(text, "permissions violation") != NULL)) {
        text = natsStatus_GetText(err);
    }
    return text;
}

/* Keeps the subject of a violation, which the server tells for each message, once. */
static void
keep_forbidden(struct pub_link *l, const char *text)
{
    char subject[SR_CREDS_TEXT_MAX] = "";

    quoted(text, subject, sizeof(subject));
    for (unsigned i = 0; i < l->forbidden_count; i++) {
        if (strcmp(l->forbidden[i], subject) == 0) {
            return;
        }
    }
    if (l->forbidden_count < FORBIDDEN_MAX) {
        memcpy(l->forbidden[l->forbidden_count++], subject, sizeof(subject));
    }
}

static void
on_error(natsConnection *nc, natsSubscription *sub, natsStatus err, void *closure)
{
    struct pub_link *l = closure;
    natsStatus said = NATS_OK;
    /* This thread's own copy: the connection's text is overwritten by the next error meanwhile. */
    const char *text = nats_GetLastError(&said);

    (void)nc;
    (void)sub;
    if (said != err || text == NULL || text[0] == '\0') {
        text = natsStatus_GetText(err);
    }
    (void)pthread_mutex_lock(&l->mutex);
    if (strcasestr(text, "permissions violation for publish") != NULL) {
        keep_forbidden(l, text);
    } else {
        (void)snprintf(l->error, sizeof(l->error), "%s", text);
    }
    (void)pthread_mutex_unlock(&l->mutex);
    signal_owner(l);
}

static void
on_lame_duck(natsConnection *nc, void *closure)
{
    struct pub_link *l = closure;

    (void)nc;
    atomic_store(&l->leaving, true);
    signal_owner(l);
}

/* The subscription's thread has made its last call of on_ack(). */
static void
on_delivered(void *closure)
{
    struct pub_link *l = closure;

    (void)pthread_mutex_lock(&l->mutex);
    l->delivering = false;
    signal_owner(l); /* under the mutex: `l` may be freed as soon as that is free */
    (void)pthread_mutex_unlock(&l->mutex);
}

static void
on_closed(natsConnection *nc, void *closure)
{
    struct pub_link *l = closure;
    const char *unused = NULL;
    natsStatus err = natsConnection_GetLastError(nc, &unused);
    const char *text = err != NATS_OK ? error_text(nc, err) : "";

    (void)pthread_mutex_lock(&l->mutex);
    if (l->error[0] == '\0') {
        (void)snprintf(l->error, sizeof(l->error), "%s", text);
    }
    l->closed = true;
    signal_owner(l); /* under the mutex, as above */
    (void)pthread_mutex_unlock(&l->mutex);
}

/* ---- Connecting ---- */

static bool
is_tls(const struct sr_conf_nats *conf)
{
    /* Files for TLS mean TLS, whatever the URL's scheme: upstream's bundles say nats://. */
    if (conf->tls.ca_file != NULL || conf->tls.cert_file != NULL) {
        return true;
    }
    for (size_t i = 0; i < conf->url.count; i++) {
        if (strncmp(conf->url.items[i], "tls://", 6) == 0) {
            return true;
        }
    }
    return false;
}

static natsStatus
set_tls(natsOptions *o, const struct sr_conf_nats *conf)
{
    natsStatus s = NATS_OK;

    if (!is_tls(conf)) {
        return NATS_OK;
    }
    /* Without this, nats.c before 3.13 talks in clear to a server that offers no TLS. */
    s = natsOptions_SetSecure(o, true);
    if (s == NATS_OK && conf->tls.ca_file != NULL) {
        s = natsOptions_LoadCATrustedCertificates(o, conf->tls.ca_file);
    }
    if (s == NATS_OK && conf->tls.cert_file != NULL) {
        s = natsOptions_LoadCertificatesChain(o, conf->tls.cert_file, conf->tls.key_file);
    }
    return s;
}

static natsStatus
set_identity(natsOptions *o, const struct sr_conf_nats *conf, const char *name, struct pub_link *l)
{
    struct sr_creds_info info = { .inbox_prefix = "_INBOX" };
    const char *prefix = conf->inbox_prefix;
    natsStatus s = natsOptions_SetName(o, name);

    if (s == NATS_OK && conf->creds_file != NULL) {
        s = natsOptions_SetUserCredentialsFromFiles(o, conf->creds_file, NULL);
        (void)sr_creds_check(conf->creds_file, sr_clock_wall_ns() / SR_NS_PER_SECOND, &info);
    }
    if (strcmp(prefix, "auto") == 0) {
        prefix = info.inbox_prefix;
    }
    l->inbox_len = (size_t)snprintf(l->inbox, sizeof(l->inbox), "%s.%016llx", prefix,
        (unsigned long long)sr_clock_random_u64());
    return s == NATS_OK ? natsOptions_SetCustomInboxPrefix(o, prefix) : s;
}

/* Options made anew for every attempt, so that files are read again. */
static natsStatus
make_options(const struct sr_conf_nats *conf, const char *url, const char *name, struct pub_link *l,
    natsOptions **ret_options)
{
    natsOptions *o = NULL;
    natsStatus s = natsOptions_Create(&o);

    if (s != NATS_OK) {
        return s;
    }
    /* The library's own reconnecting closes for ever after two equal authentication errors. */
    (void)natsOptions_SetAllowReconnect(o, false);
    (void)natsOptions_SetTimeout(o, (int64_t)(conf->connect_timeout / SR_NS_PER_MS));
    (void)natsOptions_SetPingInterval(o, PING_MS);
    (void)natsOptions_SetMaxPingsOut(o, 2);
    (void)natsOptions_SetWriteDeadline(o, WRITE_DEADLINE_MS);
    (void)natsOptions_SetIgnoreDiscoveredServers(o, true);
    (void)natsOptions_SetErrorHandler(o, on_error, l);
    (void)natsOptions_SetClosedCB(o, on_closed, l);
    (void)natsOptions_SetLameDuckModeCB(o, on_lame_duck, l);
    s = natsOptions_SetServers(o, &url, 1);
    if (s == NATS_OK) {
        s = set_identity(o, conf, name, l);
    }
    if (s == NATS_OK) {
        s = set_tls(o, conf);
    }
    if (s != NATS_OK) {
        natsOptions_Destroy(o);
        return s;
    }
    *ret_options = o;
    return NATS_OK;
}

/* Connects and subscribes to the acknowledgements; what it returns is proven to work both ways. */
static natsStatus
establish(struct pub_attempt *a, struct pub_link *l)
{
    char subject[sizeof(l->inbox) + 4];
    natsStatus s = natsConnection_Connect(&l->nc, a->options);

    if (s != NATS_OK) {
        return s;
    }
    (void)snprintf(subject, sizeof(subject), "%s.*", l->inbox);
    s = natsConnection_Subscribe(&l->acks, l->nc, subject, on_ack, l);
    if (s == NATS_OK) {
        l->delivering = true;
        s = natsSubscription_SetOnCompleteCB(l->acks, on_delivered, l);
        if (s != NATS_OK) {
            l->delivering = false; /* closed already: nothing was asked, nothing is delivered */
        }
    }
    if (s == NATS_OK) {
        s = natsSubscription_SetPendingLimits(l->acks, -1, -1);
    }
    if (s == NATS_OK) {
        s = natsConnection_FlushTimeout(l->nc, WRITE_DEADLINE_MS);
    }
    return s;
}

static void
free_attempt(struct pub_attempt *a)
{
    natsOptions_Destroy(a->options);
    (void)pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* Cleans up after an attempt that nobody waits for any more. */
static void
bury(struct pub_attempt *a)
{
    struct timespec pause = { .tv_nsec = CLOSE_POLL_NS };

    if (a->link != NULL && a->link->nc != NULL) {
        natsConnection_Close(a->link->nc);
        while (!pub_link_is_idle(a->link)) {
            (void)nanosleep(&pause, NULL);
        }
    }
    pub_link_free(a->link);
    free_attempt(a);
}

static void *
run_attempt(void *arg)
{
    struct pub_attempt *a = arg;

    (void)pthread_setname_np(pthread_self(), "connect");
    natsStatus s = establish(a, a->link);
    const char *text = s == NATS_OK ? NULL : nats_GetLastError(NULL);

    (void)pthread_mutex_lock(&a->mutex);
    if (s != NATS_OK) {
        (void)snprintf(a->error, sizeof(a->error), "%s%s%s", natsStatus_GetText(s),
            text != NULL ? ": " : "", text != NULL ? text : "");
    }
    a->done = true;
    bool abandoned = a->abandoned;
    if (!abandoned) {
        sr_wake_signal(a->wake);
    }
    (void)pthread_mutex_unlock(&a->mutex);
    if (abandoned) {
        bury(a);
        atomic_fetch_sub(&abandoned_attempts, 1);
    }
    nats_ReleaseThreadMemory();
    atomic_fetch_sub(&attempts_running, 1);
    return NULL;
}

static struct pub_link *
new_link(struct sr_wake *wake)
{
    struct pub_link *l = calloc(1, sizeof(*l));

    if (l != NULL) {
        (void)pthread_mutex_init(&l->mutex, NULL);
        l->wake = wake;
    }
    return l;
}

/*
 * The scheduling of this thread and of those it makes. Those of nats.c wake each other and the
 * publisher's all the time; as batch threads they do so without interrupting anyone.
 */
static void
set_policy(int policy)
{
    const struct sched_param param = { .sched_priority = 0 };

    (void)pthread_setschedparam(pthread_self(), policy, &param);
}

struct pub_attempt *
pub_attempt_start(const struct sr_conf_nats *conf, const char *url, const char *name,
    struct sr_wake *wake, char *error, size_t error_size)
{
    struct pub_attempt *a = calloc(1, sizeof(*a));
    pthread_t thread;
    natsStatus s = NATS_NO_MEMORY;

    if (a == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return NULL;
    }
    (void)pthread_mutex_init(&a->mutex, NULL);
    a->wake = wake;
    a->link = new_link(wake);
    set_policy(SCHED_BATCH); /* the first options start the library's threads */
    if (a->link != NULL) {
        s = make_options(conf, url, name, a->link, &a->options);
    }
    bool started = false;
    if (s == NATS_OK) {
        atomic_fetch_add(&attempts_running, 1);
        started = pthread_create(&thread, NULL, run_attempt, a) == 0;
        atomic_fetch_sub(&attempts_running, started ? 0 : 1);
    }
    set_policy(SCHED_OTHER);
    if (started) {
        (void)pthread_detach(thread);
        return a;
    }
    const char *text = nats_GetLastError(NULL);
    (void)snprintf(error, error_size, "%s: %s", natsStatus_GetText(s), text != NULL ? text : "");
    pub_link_free(a->link);
    free_attempt(a);
    return NULL;
}

enum pub_attempt_state
pub_attempt_poll(struct pub_attempt *a, struct pub_link **ret_link, char *error, size_t error_size)
{
    (void)pthread_mutex_lock(&a->mutex);
    bool done = a->done;
    (void)pthread_mutex_unlock(&a->mutex);
    if (!done) {
        return PUB_ATTEMPT_RUNNING;
    }
    if (a->error[0] == '\0') {
        *ret_link = a->link;
        free_attempt(a);
        return PUB_ATTEMPT_UP;
    }
    (void)snprintf(error, error_size, "%s", a->error);
    bury(a);
    return PUB_ATTEMPT_FAILED;
}

void
pub_attempt_abandon(struct pub_attempt *a)
{
    if (a == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&a->mutex);
    a->abandoned = true;
    bool done = a->done;
    if (!done) {
        atomic_store(&a->link->orphan, true);
        atomic_fetch_add(&abandoned_attempts, 1);
    }
    (void)pthread_mutex_unlock(&a->mutex);
    if (done) {
        bury(a);
    }
}

unsigned
pub_attempts_running(void)
{
    return atomic_load(&attempts_running);
}

unsigned
pub_attempts_abandoned(void)
{
    return atomic_load(&abandoned_attempts);
}

/* ---- The link, on the publisher's thread ---- */

void
pub_link_answers(struct pub_link *l, pub_take_answer take, void *arg)
{
    uint32_t out = atomic_load_explicit(&l->ring_out, memory_order_relaxed);
    uint32_t in = atomic_load_explicit(&l->ring_in, memory_order_acquire);

    for (; out != in; out++) {
        take(arg, &l->ring[out % ANSWERS]);
    }
    atomic_store_explicit(&l->ring_out, out, memory_order_release);
}

static natsStatus
set_headers(natsMsg *msg, const struct pub_message *m)
{
    struct sr_span left = m->attributes, name, value;
    natsStatus s = natsMsgHeader_Set(msg, "Nats-Msg-Id", m->id);

    if (s == NATS_OK && m->content_type[0] != '\0') {
        s = natsMsgHeader_Set(msg, "Content-Type", m->content_type);
    }
    while (s == NATS_OK && sr_attribute_next(&left, &name, &value)) {
        char key[64], text[256];
        (void)snprintf(key, sizeof(key), "%.*s", (int)name.len, (const char *)name.data);
        (void)snprintf(text, sizeof(text), "%.*s", (int)value.len, (const char *)value.data);
        s = natsMsgHeader_Set(msg, key, text);
    }
    return s;
}

bool
pub_link_send(void *link, const struct pub_message *m)
{
    struct pub_link *l = link;
    char reply[sizeof(l->inbox) + 24];
    struct sr_buf b = sr_buf_over(reply, sizeof(reply) - 1);
    natsMsg *msg = NULL;

    sr_buf_add(&b, l->inbox, l->inbox_len);
    sr_buf_put(&b, '.');
    sr_buf_add_u64(&b, m->number);
    reply[b.len] = '\0';
    natsStatus s =
        natsMsg_Create(&msg, m->subject, reply, (const char *)m->body.data, (int)m->body.len);
    if (s == NATS_OK) {
        s = set_headers(msg, m);
    }
    if (s == NATS_OK) {
        s = natsConnection_PublishMsg(l->nc, msg);
    }
    if (msg != NULL) {
        spend(&l->sent, msg, m->body.len);
    }
    return s == NATS_OK;
}

bool
pub_link_forbidden(struct pub_link *l, char *subject, size_t size)
{
    (void)pthread_mutex_lock(&l->mutex);
    bool any = l->forbidden_count > 0;
    if (any) {
        l->forbidden_count--;
        (void)snprintf(subject, size, "%s", l->forbidden[l->forbidden_count]);
    }
    (void)pthread_mutex_unlock(&l->mutex);
    return any;
}

bool
pub_link_complaint(struct pub_link *l, char *text, size_t size)
{
    (void)pthread_mutex_lock(&l->mutex);
    bool any = l->error[0] != '\0';
    if (any) {
        (void)snprintf(text, size, "%s", l->error);
        l->error[0] = '\0';
    }
    (void)pthread_mutex_unlock(&l->mutex);
    return any;
}

bool
pub_link_is_leaving(const struct pub_link *l)
{
    return atomic_load(&l->leaving);
}

bool
pub_link_is_closed(struct pub_link *l)
{
    (void)pthread_mutex_lock(&l->mutex);
    bool closed = l->closed;
    (void)pthread_mutex_unlock(&l->mutex);
    return closed;
}

bool
pub_link_is_idle(struct pub_link *l)
{
    (void)pthread_mutex_lock(&l->mutex);
    bool idle = l->closed && !l->delivering;
    (void)pthread_mutex_unlock(&l->mutex);
    return idle;
}

char *
pub_link_request(struct pub_link *l, const char *subject, const char *body, int64_t timeout_ms)
{
    natsMsg *reply = NULL;
    natsStatus s = natsConnection_RequestString(&reply, l->nc, subject, body, timeout_ms);
    char *text = NULL;

    if (s == NATS_OK && !natsMsg_IsNoResponders(reply)) {
        text = strndup(natsMsg_GetData(reply), (size_t)natsMsg_GetDataLength(reply));
    }
    natsMsg_Destroy(reply);
    return text;
}

size_t
pub_link_max_payload(struct pub_link *l)
{
    /* Not remembered: the server may tell another limit later, and does when the account has one.
     */
    return (size_t)natsConnection_GetMaxPayload(l->nc);
}

uint64_t
pub_link_garbage(const struct pub_link *l)
{
    return atomic_load(&l->garbage);
}

void
pub_link_url(const struct pub_link *l, char *out, size_t size)
{
    if (natsConnection_GetConnectedUrl(l->nc, out, size) != NATS_OK) {
        (void)snprintf(out, size, "unknown");
    }
}

void
pub_link_close(struct pub_link *l)
{
    natsConnection_Close(l->nc);
}

void
pub_link_free(struct pub_link *l)
{
    if (l == NULL) {
        return;
    }
    destroy_spent(&l->sent);
    destroy_spent(&l->answered);
    natsSubscription_Destroy(l->acks);
    natsConnection_Destroy(l->nc);
    (void)pthread_mutex_destroy(&l->mutex);
    free(l);
}

void
pub_library_close(int64_t timeout_ms)
{
    (void)nats_CloseAndWait(timeout_ms);
}
