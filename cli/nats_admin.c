/* SPDX-License-Identifier: Apache-2.0 */
#include "nats_admin.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nats/nats.h>

#include "sr/nkeypair.h"

#include "sr/banned.h"

#define ANSWER_MS 5000
#define VIOLATION_MS 2000
#define MESSAGE_MS 10000
#define READY_MS 10000
#define AGAIN_MS 50
#define LOOK_MS 200   /* how long an interrupt may take to be seen */
#define QUIET_MS 2000 /* then a stream has no more for us */
#define AUTH_TRIES 5
#define NS_PER_S 1000000000LL
#define STREAM_NOT_FOUND 10059 /* server/errors.json of nats-server */

struct admin {
    natsConnection *nc;
    jsCtx *js;
    natsSubscription *watch;
    char detail[ADMIN_DETAIL_MAX];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned violations; /* counted on the library's thread, under `lock` */
    bool unheard;        /* nobody was there to answer the last request */
};

/* Who connects when that is in memory, while admin_open runs. */
struct identity {
    const char *jwt;
    const char *seed;
};

const char *
admin_library(void)
{
    return nats_GetVersion();
}

const char *
admin_strerror(enum admin_err err)
{
    switch (err) {
    case ADMIN_OK: return "done";
    case ADMIN_ECONNECT: return "cannot connect to the server";
    case ADMIN_EAUTH: return "the server refuses the credentials";
    case ADMIN_EABSENT: return "the stream does not exist";
    case ADMIN_EREFUSED: return "the server refuses the request";
    case ADMIN_ENOANSWER: return "the server does not answer";
    case ADMIN_ESTALLED: return "the stream stopped in the middle";
    case ADMIN_ENOMEM: return "out of memory";
    }
    return "unknown error";
}

const char *
admin_detail(const struct admin *a)
{
    return a->detail;
}

/* The library's text without where in the library that was: "(conn.c:2088): text". */
static const char *
last_error(void)
{
    const char *text = nats_GetLastError(NULL);
    const char *behind = text != NULL && *text == '(' ? strstr(text, "): ") : NULL;

    return behind != NULL ? behind + 3 : text;
}

/* Keeps the library's text for `status`, and sorts the status. */
static enum admin_err
explain(struct admin *a, natsStatus status, jsErrCode code)
{
    const char *text = last_error();
    const char *plain = natsStatus_GetText(status);

    if (status == NATS_OK) {
        return ADMIN_OK;
    }
    if (text == NULL || strcmp(text, plain) == 0) {
        text = "";
    }
    (void)snprintf(a->detail, sizeof(a->detail), "%s%s%s", plain, *text != '\0' ? ": " : "", text);
    if (code == STREAM_NOT_FOUND) {
        return ADMIN_EABSENT;
    }
    if (code != 0) {
        return ADMIN_EREFUSED;
    }
    return status == NATS_NO_MEMORY ? ADMIN_ENOMEM : ADMIN_ENOANSWER;
}

static void
on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *arg)
{
    struct admin *a = arg;

    (void)nc;
    (void)sub;
    if (status == NATS_NOT_PERMITTED) {
        (void)pthread_mutex_lock(&a->lock);
        a->violations++;
        (void)pthread_cond_broadcast(&a->changed);
        (void)pthread_mutex_unlock(&a->lock);
    }
}

/* The library frees what these two return. */
static natsStatus
give_jwt(char **ret_jwt, char **ret_error, void *arg)
{
    const struct identity *identity = arg;

    (void)ret_error;
    *ret_jwt = strdup(identity->jwt);
    return *ret_jwt != NULL ? NATS_OK : NATS_NO_MEMORY;
}

static natsStatus
give_signature(
    char **ret_error, unsigned char **ret_signature, int *ret_len, const char *nonce, void *arg)
{
    const struct identity *identity = arg;
    struct sr_span seed = { (const uint8_t *)identity->seed, strlen(identity->seed) };
    struct sr_span text = { (const uint8_t *)nonce, strlen(nonce) };
    struct sr_nkeypair pair;
    unsigned char *signature = malloc(SR_NKEY_SIGNATURE_BYTES);

    (void)ret_error;
    if (signature == NULL || sr_nkeypair_from_text(seed, &pair) != SR_NKEY_OK) {
        free(signature);
        return NATS_ERR;
    }
    enum sr_nkey_err err = sr_nkeypair_sign(&pair, text, signature);
    sr_nkeypair_done(&pair);
    if (err != SR_NKEY_OK) {
        free(signature);
        return NATS_ERR;
    }
    *ret_signature = signature;
    *ret_len = SR_NKEY_SIGNATURE_BYTES;
    return NATS_OK;
}

static natsStatus
set_user(natsOptions *options, const struct admin_target *target, struct identity *identity)
{
    if (target->jwt == NULL && target->creds_file == NULL && target->plain_allowed) {
        return NATS_OK;
    }
    if (target->jwt == NULL) {
        return natsOptions_SetUserCredentialsFromFiles(options, target->creds_file, NULL);
    }
    return natsOptions_SetUserCredentialsCallbacks(
        options, give_jwt, identity, give_signature, identity);
}

static natsStatus
set_tls(natsOptions *options, const struct admin_target *target)
{
    /* Who names an authority or a certificate wants TLS. */
    if (target->plain_allowed && strncmp(target->url, "nats://", 7) == 0 &&
        target->ca_file == NULL && target->ca_pem == NULL && target->cert_file == NULL &&
        target->cert_pem == NULL) {
        return NATS_OK;
    }
    /* The scheme alone does not make libnats before 3.13 insist on TLS. */
    natsStatus s = natsOptions_SetSecure(options, true);

    if (s == NATS_OK && target->ca_pem != NULL) {
        s = natsOptions_SetCATrustedCertificates(options, target->ca_pem);
    } else if (s == NATS_OK && target->ca_file != NULL) {
        s = natsOptions_LoadCATrustedCertificates(options, target->ca_file);
    }
    if (s == NATS_OK && target->cert_pem != NULL) {
        s = natsOptions_SetCertificatesChain(options, target->cert_pem, target->key_pem);
    } else if (s == NATS_OK && target->cert_file != NULL) {
        s = natsOptions_LoadCertificatesChain(options, target->cert_file, target->key_file);
    }
    return s;
}

static natsStatus
set_options(natsOptions *options, const struct admin_target *target, struct identity *identity,
    struct admin *a)
{
    natsStatus s = natsOptions_SetURL(options, target->url);

    s = s == NATS_OK ? set_tls(options, target) : s;
    s = s == NATS_OK ? set_user(options, target, identity) : s;
    s = s == NATS_OK ? natsOptions_SetAllowReconnect(options, false) : s;
    s = s == NATS_OK ? natsOptions_SetTimeout(options, ANSWER_MS) : s;
    s = s == NATS_OK ? natsOptions_SetName(options, program_invocation_short_name) : s;
    s = s == NATS_OK ? natsOptions_SetErrorHandler(options, on_error, a) : s;
    if (s == NATS_OK && target->inbox_prefix != NULL) {
        s = natsOptions_SetCustomInboxPrefix(options, target->inbox_prefix);
    }
    return s;
}

static natsStatus
connect_once(struct admin *a, const struct admin_target *target)
{
    natsOptions *options = NULL;
    /* The library signs in natsConnection_Connect only: it does not reconnect. */
    struct identity identity = { target->jwt, target->seed };
    natsStatus s = natsOptions_Create(&options);

    if (s == NATS_OK) {
        s = set_options(options, target, &identity, a);
    }
    if (s == NATS_OK) {
        s = natsConnection_Connect(&a->nc, options);
    }
    natsOptions_Destroy(options);
    return s;
}

static struct admin *
admin_new(void)
{
    struct admin *a = calloc(1, sizeof(*a));
    pthread_condattr_t clock;

    if (a == NULL) {
        return NULL;
    }
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&a->changed, &clock);
    (void)pthread_condattr_destroy(&clock);
    return a;
}

enum admin_err
admin_open(const struct admin_target *target, struct admin **ret_admin, char *detail)
{
    struct admin *a = admin_new();
    natsStatus s = NATS_CONNECTION_AUTH_FAILED;

    detail[0] = '\0';
    if (a == NULL) {
        return ADMIN_ENOMEM;
    }
    for (int i = 0; i < AUTH_TRIES && s == NATS_CONNECTION_AUTH_FAILED; i++) {
        s = connect_once(a, target);
    }
    if (s == NATS_OK) {
        s = natsConnection_JetStream(&a->js, a->nc, NULL);
    }
    if (s != NATS_OK) {
        (void)explain(a, s, 0);
        memcpy(detail, a->detail, sizeof(a->detail));
        admin_close(a);
        return s == NATS_CONNECTION_AUTH_FAILED ? ADMIN_EAUTH : ADMIN_ECONNECT;
    }
    *ret_admin = a;
    return ADMIN_OK;
}

void
admin_close(struct admin *a)
{
    if (a == NULL) {
        return;
    }
    natsSubscription_Destroy(a->watch);
    jsCtx_Destroy(a->js);
    natsConnection_Destroy(a->nc);
    (void)pthread_cond_destroy(&a->changed);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

enum admin_err
admin_request(struct admin *a, const char *subject, struct sr_span body, char **ret_reply)
{
    natsMsg *reply = NULL;
    natsStatus s = natsConnection_Request(
        &reply, a->nc, subject, (const char *)body.data, (int)body.len, ANSWER_MS);
    char *text = NULL;

    a->unheard = s == NATS_NO_RESPONDERS;
    if (s == NATS_OK) {
        size_t len = (size_t)natsMsg_GetDataLength(reply);
        text = malloc(len + 1);
        if (text == NULL) {
            s = NATS_NO_MEMORY;
        } else {
            if (len > 0) {
                memcpy(text, natsMsg_GetData(reply), len);
            }
            text[len] = '\0';
        }
        natsMsg_Destroy(reply);
    }
    if (s != NATS_OK) {
        return explain(a, s, 0);
    }
    *ret_reply = text;
    return ADMIN_OK;
}

bool
admin_unheard(const struct admin *a)
{
    return a->unheard;
}

enum admin_err
admin_add_stream(struct admin *a, const struct admin_stream *stream)
{
    jsStreamConfig config;
    jsOptions options;
    jsErrCode code = 0;
    natsStatus s = jsStreamConfig_Init(&config);

    if (s == NATS_OK) {
        s = jsOptions_Init(&options);
    }
    if (s != NATS_OK) {
        return explain(a, s, 0);
    }
    config.Name = stream->name;
    config.Subjects = stream->subjects;
    config.SubjectsLen = (int)stream->subject_count;
    config.MaxBytes = stream->max_bytes;
    config.Storage = js_FileStorage;
    config.Discard = js_DiscardNew;
    config.Duplicates = stream->window_s * NS_PER_S;
    options.Wait = ANSWER_MS;
    for (int64_t waited = 0; waited < READY_MS; waited += AGAIN_MS) {
        s = js_AddStream(NULL, a->js, &config, &options, &code);
        if (s != NATS_NO_RESPONDERS) {
            break;
        }
        nats_Sleep(AGAIN_MS);
    }
    return explain(a, s, code);
}

static uint64_t
messages_of(const jsStreamInfo *info, const char *subject)
{
    const jsStreamStateSubjects *counts = info->State.Subjects;

    for (int i = 0; counts != NULL && i < counts->Count; i++) {
        if (strcmp(counts->List[i].Subject, subject) == 0) {
            return counts->List[i].Msgs;
        }
    }
    return 0;
}

enum admin_err
admin_list_subjects(struct admin *a, const char *stream, admin_subject_cb *cb, void *arg)
{
    jsOptions options;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s = jsOptions_Init(&options);

    if (s == NATS_OK) {
        options.Wait = ANSWER_MS;
        options.Stream.Info.SubjectsFilter = ">";
        s = js_GetStreamInfo(&info, a->js, stream, &options, &code);
    }
    /* The library says "not found" without the server's number. */
    if (s == NATS_NOT_FOUND) {
        code = STREAM_NOT_FOUND;
    }
    if (s != NATS_OK) {
        return explain(a, s, code);
    }
    for (int i = 0; i < info->Config->SubjectsLen; i++) {
        cb(arg, info->Config->Subjects[i], messages_of(info, info->Config->Subjects[i]));
    }
    jsStreamInfo_Destroy(info);
    return ADMIN_OK;
}

/* The value of a header field, or NULL. */
static const char *
header(natsMsg *message, const char *name)
{
    const char *value = NULL;
    return natsMsgHeader_Get(message, name, &value) == NATS_OK ? value : NULL;
}

static natsStatus
read_messages(natsSubscription *sub, uint64_t messages, admin_message_cb *cb, void *arg)
{
    natsStatus s = NATS_OK;

    for (uint64_t i = 0; i < messages && s == NATS_OK; i++) {
        natsMsg *message = NULL;
        s = natsSubscription_NextMsg(&message, sub, MESSAGE_MS);
        if (s == NATS_OK) {
            const char *count = header(message, "Sr-Records");
            unsigned long long records = count != NULL ? strtoull(count, NULL, 10) : 1;
            cb(arg, header(message, "Nats-Msg-Id"), records);
        }
        natsMsg_Destroy(message);
    }
    return s;
}

enum admin_err
admin_scan(struct admin *a, const char *stream, const char *subject, uint64_t messages,
    admin_message_cb *cb, void *arg)
{
    jsSubOptions options;
    jsErrCode code = 0;
    natsSubscription *sub = NULL;
    natsStatus s = jsSubOptions_Init(&options);

    if (s == NATS_OK) {
        options.Stream = stream;
        options.Ordered = true; /* repairs gaps itself, and has flow control */
        options.Config.HeadersOnly = true;
        s = js_SubscribeSync(&sub, a->js, subject, NULL, &options, &code);
    }
    if (s == NATS_OK) {
        s = natsSubscription_SetPendingLimits(sub, -1, -1);
    }
    if (s == NATS_OK) {
        s = read_messages(sub, messages, cb, arg);
    }
    enum admin_err err = explain(a, s, code);
    natsSubscription_Destroy(sub);
    return s == NATS_TIMEOUT ? ADMIN_ESTALLED : err;
}

/* ---- Following a stream ---- */

static natsStatus
ask_for_stream(struct admin *a, const char *stream, jsStreamInfo **ret_info, jsErrCode *ret_code)
{
    jsOptions options;
    natsStatus s = jsOptions_Init(&options);

    if (s == NATS_OK) {
        options.Wait = ANSWER_MS;
        s = js_GetStreamInfo(ret_info, a->js, stream, &options, ret_code);
    }
    if (s == NATS_NOT_FOUND) {
        *ret_code = STREAM_NOT_FOUND;
    }
    return s;
}

enum admin_err
admin_stream_state(struct admin *a, const char *stream, struct admin_stream_state *ret_state)
{
    jsErrCode code = 0;
    jsStreamInfo *info = NULL;
    natsStatus s = ask_for_stream(a, stream, &info, &code);

    if (s == NATS_OK) {
        *ret_state = (struct admin_stream_state){
            .first = info->State.FirstSeq,
            .last = info->State.LastSeq,
            .created_ns = info->Created,
        };
    }
    jsStreamInfo_Destroy(info);
    return explain(a, s, code);
}

/* Where the reading begins; 0 when the stream holds nothing and nobody waits for more. */
static natsStatus
find_start(
    struct admin *a, const struct admin_follow *from, uint64_t *ret_first, jsErrCode *ret_code)
{
    jsStreamInfo *info = NULL;

    if (from->first > 0) {
        *ret_first = from->first;
        return NATS_OK;
    }
    natsStatus s = ask_for_stream(a, from->stream, &info, ret_code);
    if (s != NATS_OK) {
        return s;
    }
    uint64_t behind = info->State.LastSeq + 1;
    uint64_t first = behind > from->last ? behind - from->last : 1;
    first = first > info->State.FirstSeq ? first : info->State.FirstSeq;
    *ret_first = first < behind || from->follow ? first : 0;
    jsStreamInfo_Destroy(info);
    return NATS_OK;
}

static bool
hand_over(const struct admin_follow *from, natsMsg *message)
{
    jsMsgMetaData *meta = NULL;
    struct admin_message m = {
        .subject = natsMsg_GetSubject(message),
        .content_type = header(message, "Content-Type"),
        .records = header(message, "Sr-Records"),
        .reason = header(message, "Sr-Reason"),
        .source = header(message, "Sr-Source"),
        .data = natsMsg_GetData(message),
        .len = (size_t)natsMsg_GetDataLength(message),
    };

    if (natsMsg_GetMetaData(&meta, message) == NATS_OK) {
        m.sequence = meta->Sequence.Stream;
        m.stored_ns = (uint64_t)meta->Timestamp;
        m.is_last = meta->NumPending == 0;
    }
    jsMsgMetaData_Destroy(meta);
    return from->message(from->arg, &m) && (from->follow || !m.is_last);
}

static natsStatus
follow_messages(natsSubscription *sub, const struct admin_follow *from)
{
    natsStatus s = NATS_OK;
    bool more = true;

    for (int64_t quiet_ms = 0; more && s == NATS_OK;) {
        natsMsg *message = NULL;
        s = natsSubscription_NextMsg(&message, sub, LOOK_MS);
        if (s == NATS_OK) {
            quiet_ms = 0;
            more = hand_over(from, message);
        } else if (s == NATS_TIMEOUT) {
            s = NATS_OK;
            quiet_ms += LOOK_MS;
            more = from->idle(from->arg) && (from->follow || quiet_ms < QUIET_MS);
        }
        natsMsg_Destroy(message);
    }
    return s;
}

enum admin_err
admin_follow(struct admin *a, const struct admin_follow *from)
{
    jsSubOptions options;
    jsErrCode code = 0;
    natsSubscription *sub = NULL;
    uint64_t first = 0;
    natsStatus s = find_start(a, from, &first, &code);

    if (s != NATS_OK || first == 0) {
        return explain(a, s, code);
    }
    s = jsSubOptions_Init(&options);
    if (s == NATS_OK) {
        options.Stream = from->stream;
        options.Ordered = true;
        options.Config.DeliverPolicy = js_DeliverByStartSequence;
        options.Config.OptStartSeq = first;
        const char *subject = from->subject != NULL ? from->subject : ">";
        s = js_SubscribeSync(&sub, a->js, subject, NULL, &options, &code);
    }
    if (s == NATS_OK) {
        s = natsSubscription_SetPendingLimits(sub, -1, -1); /* flow control bounds them */
    }
    if (s == NATS_OK && from->begun != NULL) {
        from->begun(from->arg);
    }
    if (s == NATS_OK) {
        s = follow_messages(sub, from);
    }
    enum admin_err err = explain(a, s, code);
    natsSubscription_Destroy(sub);
    return err;
}

/* Waits until there are more than `before` violations, or VIOLATION_MS are over. */
static bool
wait_for_violation(struct admin *a, unsigned before)
{
    struct timespec until;
    int err = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += VIOLATION_MS / 1000;
    (void)pthread_mutex_lock(&a->lock);
    while (a->violations == before && err != ETIMEDOUT) {
        err = pthread_cond_timedwait(&a->changed, &a->lock, &until);
    }
    bool more = a->violations != before;
    (void)pthread_mutex_unlock(&a->lock);
    return more;
}

static unsigned
violations_now(struct admin *a)
{
    (void)pthread_mutex_lock(&a->lock);
    unsigned now = a->violations;
    (void)pthread_mutex_unlock(&a->lock);
    return now;
}

enum admin_err
admin_publish_refused(struct admin *a, const char *subject, bool *ret_refused)
{
    unsigned before = violations_now(a);
    natsStatus s = natsConnection_PublishString(a->nc, subject, "isolation probe");

    if (s == NATS_OK) {
        s = natsConnection_FlushTimeout(a->nc, ANSWER_MS);
    }
    if (s != NATS_OK) {
        return explain(a, s, 0);
    }
    *ret_refused = wait_for_violation(a, before);
    return ADMIN_OK;
}

enum admin_err
admin_subscribe_refused(struct admin *a, const char *subject, bool *ret_refused)
{
    unsigned before = violations_now(a);
    natsSubscription *sub = NULL;
    natsStatus s = natsConnection_SubscribeSync(&sub, a->nc, subject);

    if (s == NATS_OK) {
        s = natsConnection_FlushTimeout(a->nc, ANSWER_MS);
    }
    if (s == NATS_OK) {
        *ret_refused = wait_for_violation(a, before);
    }
    enum admin_err err = explain(a, s, 0);
    natsSubscription_Destroy(sub);
    return err;
}

enum admin_err
admin_watch(struct admin *a, const char *subject)
{
    natsSubscription_Destroy(a->watch);
    a->watch = NULL;
    natsStatus s = natsConnection_SubscribeSync(&a->watch, a->nc, subject);
    if (s == NATS_OK) {
        s = natsSubscription_SetPendingLimits(a->watch, -1, -1);
    }
    if (s == NATS_OK) {
        s = natsConnection_FlushTimeout(a->nc, ANSWER_MS);
    }
    return explain(a, s, 0);
}

/* Reads what has arrived, and no more: a busy subject would never end. */
static bool
arrived(natsSubscription *sub, const char *text)
{
    uint64_t pending = 0;
    bool seen = false;

    (void)natsSubscription_QueuedMsgs(sub, &pending);
    for (; pending > 0; pending--) {
        natsMsg *message = NULL;
        if (natsSubscription_NextMsg(&message, sub, ANSWER_MS) != NATS_OK) {
            break;
        }
        seen = seen || ((size_t)natsMsg_GetDataLength(message) == strlen(text) &&
                           memcmp(natsMsg_GetData(message), text, strlen(text)) == 0);
        natsMsg_Destroy(message);
    }
    return seen;
}

enum admin_err
admin_saw(struct admin *a, const char *text, bool *ret_seen)
{
    /* The answer to a ping comes behind everything that the server sent before. */
    natsStatus s = natsConnection_FlushTimeout(a->nc, ANSWER_MS);

    if (s == NATS_OK) {
        *ret_seen = arrived(a->watch, text);
    }
    natsSubscription_Destroy(a->watch);
    a->watch = NULL;
    return explain(a, s, 0);
}

enum admin_err
admin_publish_unheard(struct admin *a, const char *subject, const char *text, bool *ret_unheard)
{
    natsMsg *reply = NULL;
    natsStatus s = natsConnection_RequestString(&reply, a->nc, subject, text, VIOLATION_MS);

    natsMsg_Destroy(reply);
    /* A subscriber that stays silent makes a timeout; without one the server says so at once. */
    if (s == NATS_OK || s == NATS_TIMEOUT || s == NATS_NO_RESPONDERS) {
        *ret_unheard = s == NATS_NO_RESPONDERS;
        return ADMIN_OK;
    }
    return explain(a, s, 0);
}
