/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/proof.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "files.h"
#include "proof/proof_wire.h"
#include "sr/ack.h"
#include "sr/base64url.h"
#include "sr/creds.h"
#include "sr/nkeypair.h"

#include "sr/banned.h"

/* No stream can have this name: names of streams have no dots. */
#define IMPOSSIBLE "serviceradar.proof"
#define WRONG_STREAM 10060 /* server/errors.json of nats-server */
#define DEFAULT_INBOX "_INBOX"
#define SIGNATURE_TEXT (SR_BASE64URL_LEN(SR_NKEY_SIGNATURE_BYTES) + 1)
#define LINES_MAX 1000 /* that a server may say before it answers */

struct session;

/* What is done once logged in. */
typedef enum proof_result session_step(struct session *s);

/* What an answer is worth: `len` bytes and a NUL behind them. */
typedef enum proof_result session_judge(struct session *s, const char *body, size_t len);

/* One run against one server. */
struct session {
    const struct proof_target *target;
    struct proof_report *report;
    struct wire *wire;
    struct wire_url url;
    const char *creds; /* the text of the file, or NULL */
    size_t creds_len;
    struct sr_creds_info user;
    char inbox[SR_CREDS_TEXT_MAX + 32];
    session_step *step;
    session_judge *judge;
    const char *question; /* subject of proof_ask */
    char *answer;         /* owned */
};

const char *
proof_word(enum proof_result result)
{
    switch (result) {
    case PROOF_OK: return "ok";
    case PROOF_CREDS: return "credentials";
    case PROOF_FILES: return "files";
    case PROOF_DNS: return "dns";
    case PROOF_TCP: return "tcp";
    case PROOF_SILENT: return "silent";
    case PROOF_NOT_NATS: return "not_nats";
    case PROOF_PLAINTEXT: return "plaintext";
    case PROOF_TLS_CA: return "tls_ca";
    case PROOF_TLS_NAME: return "tls_name";
    case PROOF_TLS_TIME: return "tls_time";
    case PROOF_TLS_CLIENT: return "tls_client";
    case PROOF_TLS_OTHER: return "tls";
    case PROOF_AUTH: return "auth";
    case PROOF_PERMISSION: return "permission";
    case PROOF_NO_STREAM: return "no_stream";
    case PROOF_NO_INBOX: return "no_inbox";
    case PROOF_NO_ANSWER: return "no_answer";
    case PROOF_STREAM_ERROR: return "stream_error";
    case PROOF_MEMORY: return "memory";
    }
    return "unknown";
}

/* ---- Credentials ---- */

/* What is wrong with a file that was read, and what helps. */
static const struct {
    enum sr_creds_err err;
    const char *cause, *remedy;
} creds_words[] = {
    { SR_CREDS_ENOJWT, "hold no token: the file was cut or is another one", "enrol again" },
    { SR_CREDS_ENOSEED, "hold no seed behind the token: the file was cut", "enrol again" },
    { SR_CREDS_EJWT, "hold a damaged token", "enrol again" },
    { SR_CREDS_ETYPE, "hold a token that is not a user's", "enrol again" },
    { SR_CREDS_ESEED, "hold a damaged seed", "enrol again" },
    { SR_CREDS_EMISMATCH, "hold token and seed of two users", "enrol again" },
    { SR_CREDS_EEXPIRED, "have expired",
        "renew them (serviceradar-cli renew) or enrol again; if this host's clock is wrong, set it "
        "(timedatectl)" },
    { SR_CREDS_ENOTYET, "are not valid yet", "set this host's clock (timedatectl)" },
    { SR_CREDS_EINBOX, "allow no subscription under _INBOX, so that no acknowledgement can arrive",
        "let the issuer allow the user to subscribe to _INBOX.NAME.>, and enrol again" },
};

static enum proof_result
check_creds(struct session *s)
{
    struct sr_span text = { (const uint8_t *)s->creds, s->creds_len };
    enum sr_creds_err err = sr_creds_check_text(text, (uint64_t)time(NULL), &s->user);

    if (err == SR_CREDS_EINBOX && s->target->inbox_prefix != NULL) {
        return PROOF_OK;
    }
    for (size_t i = 0; i < sizeof(creds_words) / sizeof(creds_words[0]); i++) {
        if (creds_words[i].err == err) {
            (void)trouble_say(&s->report->trouble, 0, creds_words[i].remedy,
                "the credentials in %s %s", s->target->creds_file, creds_words[i].cause);
            return err == SR_CREDS_EINBOX ? PROOF_NO_INBOX : PROOF_CREDS;
        }
    }
    return err == SR_CREDS_OK ? PROOF_OK : PROOF_MEMORY;
}

/* Reads the file; `ret_text` is owned and a secret. */
static enum proof_result
read_creds(struct session *s, char **ret_text)
{
    const char *file = s->target->creds_file;

    if (file == NULL) {
        return PROOF_OK;
    }
    if (!files_read(file, SR_CREDS_MAX, ret_text, &s->creds_len)) {
        int err = errno;
        (void)trouble_errno(
            &s->report->trouble, err, "read the credentials", file + (*file == '/'));
        if (err == ENOENT) {
            trouble_remedy(&s->report->trouble, "enrol this host, or correct nats.creds_file");
        }
        return err == ENOMEM ? PROOF_MEMORY : PROOF_CREDS;
    }
    s->creds = *ret_text;
    return check_creds(s);
}

/* Answers the server's challenge with the user's key. */
static bool
sign_nonce(const struct session *s, struct sr_span seed, char out[SIGNATURE_TEXT])
{
    struct sr_nkeypair pair;
    uint8_t signature[SR_NKEY_SIGNATURE_BYTES];
    struct sr_buf text = sr_buf_over(out, SIGNATURE_TEXT - 1);
    struct sr_span nonce = { (const uint8_t *)s->wire->nonce, strlen(s->wire->nonce) };

    if (sr_nkeypair_from_text(seed, &pair) != SR_NKEY_OK) {
        return false;
    }
    bool ok = sr_nkeypair_sign(&pair, nonce, signature) == SR_NKEY_OK;
    sr_nkeypair_done(&pair);
    sr_base64url_encode(&text, (struct sr_span){ signature, sizeof(signature) });
    out[text.len] = '\0';
    return ok && !text.overflow;
}

static bool
add_identity(const struct session *s, json_t *options)
{
    struct sr_creds_text items;
    char signature[SIGNATURE_TEXT];

    if (s->creds == NULL) {
        return s->url.user[0] == '\0' ||
               (json_object_set_new(options, "user", json_string(s->url.user)) == 0 &&
                   json_object_set_new(options, "pass", json_string(s->url.password)) == 0);
    }
    struct sr_span file = { (const uint8_t *)s->creds, s->creds_len };
    if (sr_creds_parse(file, &items) != SR_CREDS_OK || !sign_nonce(s, items.seed, signature)) {
        return false;
    }
    return json_object_set_new(
               options, "jwt", json_stringn((const char *)items.jwt.data, items.jwt.len)) == 0 &&
           json_object_set_new(options, "sig", json_string(signature)) == 0;
}

/* "CONNECT {...}" and the line's end, owned; NULL without memory. */
static char *
connect_line(const struct session *s)
{
    char *line = NULL;
    json_t *options = json_pack("{s:b, s:b, s:b, s:s, s:s, s:s, s:i, s:b, s:b}", "verbose", 0,
        "pedantic", 0, "tls_required", s->wire->ssl != NULL, "name", "serviceradar-proof", "lang",
        "c", "version", "1", "protocol", 1, "headers", 1, "no_responders", 1);
    char *text =
        options != NULL && add_identity(s, options) ? json_dumps(options, JSON_COMPACT) : NULL;

    if (text != NULL && asprintf(&line, "CONNECT %s\r\nPING\r\n", text) < 0) {
        line = NULL;
    }
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
    }
    free(text);
    json_decref(options);
    return line;
}

/* ---- What the server says ---- */

static bool
starts_with(const char *text, const char *start)
{
    return strncasecmp(text, start, strlen(start)) == 0;
}

/* The server closed the connection, or said nothing more. */
static enum proof_result
say_end(struct session *s, enum wire_end end, const char *when)
{
    int alert = wire_alert();

    if (end == WIRE_CLOSED && s->wire->ssl != NULL &&
        wire_wants_client(s->wire, s->target->cert_file != NULL, alert)) {
        return wire_say_client(s->target, alert, s->report);
    }
    (void)trouble_say(&s->report->trouble, 0, "look at the server's log, and try again", "%s %s %s",
        s->url.shown, end == WIRE_TIMEOUT ? "stays silent" : "closes the connection", when);
    return PROOF_SILENT;
}

/* An error before the server has accepted the user. */
static enum proof_result
say_auth(struct session *s, const char *error)
{
    struct trouble *t = &s->report->trouble;
    char clean[200];

    wire_clean(clean, sizeof(clean), error);
    if (strcasestr(error, "connections exceeded") != NULL) {
        (void)trouble_say(t, 0,
            "raise the limit of connections of the account or the server, or close some",
            "the server takes no more connections: %s", clean);
    } else if (strcasestr(error, "expired") != NULL) {
        (void)trouble_say(t, 0, "renew them (serviceradar-cli renew) or enrol again",
            "for the server the credentials or their account have expired");
    } else if (s->creds == NULL) {
        (void)trouble_say(t, 0, "set nats.creds_file, or enrol",
            "the server wants credentials, and none are configured");
    } else if (strcasestr(error, "authorization") != NULL) {
        (void)trouble_say(t, 0,
            "ask the issuer whether the user is revoked, the account suspended, or the server of "
            "another operator; then enrol again",
            "the server refuses the credentials of user \"%s\" (%s)", s->user.name,
            s->user.subject);
    } else {
        (void)trouble_say(
            t, 0, "look at the server's log", "the server refuses the connection: %s", clean);
    }
    return PROOF_AUTH;
}

/* Copies what is between the first quotes, or nothing. */
static void
quoted(const char *text, char *out, size_t size)
{
    const char *start = strchr(text, '"');
    size_t len = start != NULL ? strcspn(start + 1, "\"") : 0;
    char part[SR_CREDS_TEXT_MAX] = "";

    if (start != NULL && len < sizeof(part)) {
        memcpy(part, start + 1, len);
    }
    wire_clean(out, size, part);
}

/* "Permissions Violation for Publish to "acme.logs.syslog"": checked behind the mapping. */
static enum proof_result
say_permission(struct session *s, const char *error)
{
    const char *subject = s->report->subject;
    char mapped[SR_CREDS_TEXT_MAX];

    quoted(error, mapped, sizeof(mapped));
    if (mapped[0] != '\0' && strcmp(mapped, subject) != 0) {
        (void)trouble_say(&s->report->trouble, 0,
            "let the issuer allow the user to publish on the mapped subject, and enrol again",
            "the account maps %s to %s, and the user may not publish on that", subject, mapped);
    } else {
        (void)trouble_say(&s->report->trouble, 0,
            "let the issuer allow the user to publish on it (the account does not map it), or "
            "correct the subject",
            "the user may not publish on %s", subject);
    }
    return PROOF_PERMISSION;
}

static enum proof_result
say_inbox(struct session *s)
{
    (void)trouble_say(&s->report->trouble, 0,
        "let the issuer allow the user to subscribe there, or set nats.inbox_prefix to what it "
        "allows",
        "the user may not subscribe to %s.>, where acknowledgements arrive", s->inbox);
    return PROOF_NO_INBOX;
}

/* Reads on until PONG. What the server refuses meanwhile goes to `refused`. */
static enum proof_result
wait_for_pong(struct session *s, const char *when,
    enum proof_result (*refused)(struct session *s, const char *error))
{
    char *line = NULL;

    wire_begin(s->wire);
    for (int i = 0; i < LINES_MAX; i++) {
        enum wire_end end = wire_line(s->wire, &line);
        if (end != WIRE_OK) {
            return say_end(s, end, when);
        }
        if (starts_with(line, "-ERR")) {
            return refused(s, line + 4);
        }
        if (starts_with(line, "PONG")) {
            return PROOF_OK;
        }
        if (starts_with(line, "PING") && wire_send(s->wire, "PONG\r\n", 6) != WIRE_OK) {
            return say_end(s, WIRE_CLOSED, when);
        }
    }
    return say_end(s, WIRE_CLOSED, when);
}

/* ---- The steps ---- */

static enum proof_result
say_clear(struct session *s)
{
    if (s->wire->tls_required) {
        (void)trouble_say(&s->report->trouble, 0, "write tls:// instead of nats:// in the URL",
            "the server wants TLS, and the configuration does not");
        return PROOF_TLS_OTHER;
    }
    return PROOF_OK;
}

/* Connects and, when the configuration wants it as the daemons understand it, starts TLS. */
static enum proof_result
reach(struct session *s)
{
    bool tls = s->url.tls || s->target->ca_file != NULL || s->target->cert_file != NULL;
    enum proof_result result = wire_dial(s->wire, &s->url, s->report);

    if (result != PROOF_OK) {
        return result;
    }
    if (!tls) {
        return say_clear(s);
    }
    if (!s->wire->tls_required && !s->wire->tls_available) {
        (void)trouble_say(&s->report->trouble, 0,
            "configure TLS in the server (block tls), and look for a proxy on the way that strips "
            "it; nothing was sent to it",
            "%s offers no TLS, and the configuration demands it", s->url.shown);
        return PROOF_PLAINTEXT;
    }
    return wire_start_tls(s->wire, &s->url, s->target, s->report);
}

static enum proof_result
log_in(struct session *s)
{
    char *line = connect_line(s);

    if (line == NULL) {
        return PROOF_MEMORY;
    }
    wire_begin(s->wire);
    enum wire_end end = wire_send(s->wire, line, strlen(line));
    OPENSSL_cleanse(line, strlen(line));
    free(line);
    /* A server that refused may have said why before it closed: what it said is read anyway. */
    return end == WIRE_TIMEOUT ? say_end(s, end, "when credentials are sent")
                               : wait_for_pong(s, "when credentials are sent", say_auth);
}

static enum proof_result
refuse_inbox(struct session *s, const char *error)
{
    (void)error;
    return say_inbox(s);
}

static enum proof_result
open_inbox(struct session *s)
{
    const char *prefix = s->target->inbox_prefix;
    uint64_t random = 0;
    char text[sizeof(s->inbox) + 32];

    if (prefix == NULL) {
        prefix = s->creds != NULL ? s->user.inbox_prefix : DEFAULT_INBOX;
    }
    if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1) {
        return PROOF_MEMORY;
    }
    (void)snprintf(s->inbox, sizeof(s->inbox), "%s.%016llx", prefix, (unsigned long long)random);
    (void)snprintf(text, sizeof(text), "SUB %s.* 1\r\nPING\r\n", s->inbox);
    wire_begin(s->wire);
    enum wire_end end = wire_send(s->wire, text, strlen(text));
    return end == WIRE_TIMEOUT ? say_end(s, end, "after the login")
                               : wait_for_pong(s, "after the login", refuse_inbox);
}

static enum proof_result
say_no_stream(struct session *s)
{
    (void)trouble_say(&s->report->trouble, 0,
        "let the issuer make a stream for it (serviceradar-provision stream ensure), and look "
        "whether JetStream is enabled for the account",
        "no stream stores what is published on %s", s->report->subject);
    return PROOF_NO_STREAM;
}

/* An answer of a stream. Only the refusal for its name proves anything. */
static enum proof_result
judge_answer(struct session *s, const char *body, size_t len)
{
    struct sr_ack ack = sr_ack_parse((struct sr_span){ (const uint8_t *)body, len });
    json_t *object = json_loadb(body, len, 0, NULL);
    const char *stream = json_string_value(json_object_get(object, "stream"));
    const char *said =
        json_string_value(json_object_get(json_object_get(object, "error"), "description"));
    char clean[200];

    wire_clean(s->report->stream, sizeof(s->report->stream), stream != NULL ? stream : "");
    wire_clean(clean, sizeof(clean), said != NULL ? said : "not an answer of a stream");
    json_decref(object);
    if (ack.kind == SR_ACK_REFUSED && ack.err_code == WRONG_STREAM) {
        return PROOF_OK;
    }
    (void)trouble_say(&s->report->trouble, 0,
        ack.kind == SR_ACK_REFUSED ? sr_refusal_advice(sr_ack_refusal(&ack))
                                   : "look what else answers there, and stop it",
        "publishing on %s is answered by: %s", s->report->subject, clean);
    return PROOF_STREAM_ERROR;
}

/* "MSG SUBJECT SID [REPLY] LEN" or "HMSG SUBJECT SID [REPLY] HEADERS LEN", and what is behind. */
static enum proof_result
read_answer(struct session *s, const char *line, bool *ret_ours)
{
    bool headers = line[0] == 'H' || line[0] == 'h';
    const char *subject = strchr(line, ' '), *last = strrchr(line, ' ');
    size_t total = 0, head = 0;
    char *body = NULL;

    if (subject == NULL) {
        return say_end(s, WIRE_CLOSED, "in the middle of a message");
    }
    total = strtoul(last + 1, NULL, 10);
    while (headers && last > line && *--last != ' ') {
    }
    head = headers ? strtoul(last + 1, NULL, 10) : 0;
    bool ours = strncmp(subject + 1, s->inbox, strlen(s->inbox)) == 0;
    enum wire_end end = head <= total ? wire_body(s->wire, total, &body) : WIRE_LONG;
    if (end != WIRE_OK) {
        return say_end(s, end, "in the middle of a message");
    }
    *ret_ours = ours;
    if (!ours) {
        return PROOF_OK;
    }
    bool silence = headers && total == head && starts_with(body, "NATS/1.0 503");
    return silence ? say_no_stream(s) : s->judge(s, body + head, total - head);
}

static enum proof_result
say_no_answer(struct session *s, enum wire_end end)
{
    if (end != WIRE_TIMEOUT) {
        return say_end(s, end, "after publishing");
    }
    (void)trouble_say(&s->report->trouble, 0,
        "look whether the stream has a leader (nats stream info), and whether it has no_ack set",
        "nothing answers what is published on %s: neither a stream nor the server",
        s->report->subject);
    return PROOF_NO_ANSWER;
}

static enum proof_result
wait_for_answer(struct session *s)
{
    char *line = NULL;
    bool ours = false;
    enum proof_result result = PROOF_OK;

    wire_begin(s->wire);
    for (int i = 0; i < LINES_MAX && !ours; i++) {
        enum wire_end end = wire_line(s->wire, &line);
        if (end != WIRE_OK) {
            return say_no_answer(s, end);
        }
        if (starts_with(line, "-ERR")) {
            return say_permission(s, line + 4);
        }
        if (starts_with(line, "MSG ") || starts_with(line, "HMSG ")) {
            result = read_answer(s, line, &ours);
        } else if (starts_with(line, "PING")) {
            (void)wire_send(s->wire, "PONG\r\n", 6);
        }
        if (result != PROOF_OK) {
            return result;
        }
    }
    return ours ? PROOF_OK : say_no_answer(s, WIRE_CLOSED);
}

/* Publishes a message of `headers` only, and judges the answer. */
static enum proof_result
publish(struct session *s, const char *subject, size_t number, const char *headers)
{
    char text[1024];
    size_t size = strlen(headers);

    wire_clean(s->report->subject, sizeof(s->report->subject), subject);
    int len = snprintf(text, sizeof(text), "HPUB %s %s.%zu %zu %zu\r\n%s\r\n", subject, s->inbox,
        number, size, size, headers);
    if (len < 0 || (size_t)len >= sizeof(text)) {
        return PROOF_MEMORY;
    }
    wire_begin(s->wire);
    enum wire_end end = wire_send(s->wire, text, (size_t)len);
    return end == WIRE_OK ? wait_for_answer(s) : say_no_answer(s, end);
}

/* Publishes what no stream can take. */
static enum proof_result
prove_subjects(struct session *s)
{
    static const char headers[] = "NATS/1.0\r\nNats-Expected-Stream: " IMPOSSIBLE "\r\n\r\n";
    enum proof_result result = PROOF_OK;

    for (size_t i = 0; i < PROOF_SUBJECTS_MAX && s->target->subjects[i] != NULL; i++) {
        result = publish(s, s->target->subjects[i], i, headers);
        if (result != PROOF_OK) {
            return result;
        }
    }
    s->report->subject[0] = '\0';
    return PROOF_OK;
}

static enum proof_result
keep_answer(struct session *s, const char *body, size_t len)
{
    s->answer = strndup(body, len);
    return s->answer != NULL ? PROOF_OK : PROOF_MEMORY;
}

static enum proof_result
ask_question(struct session *s)
{
    return publish(s, s->question, 0, "NATS/1.0\r\n\r\n");
}

/* Whether the server knows the user: another one of the list would say the same. */
static bool
is_of_the_user(enum proof_result result)
{
    return result == PROOF_OK || result >= PROOF_AUTH || result == PROOF_FILES;
}

static enum proof_result
prove_server(struct session *s, const char *url)
{
    if (!wire_read_url(url, &s->url)) {
        (void)trouble_say(&s->report->trouble, 0, "write it as tls://HOST:PORT",
            "a URL of the server is not one of NATS");
        return PROOF_NOT_NATS;
    }
    (void)snprintf(s->report->url, sizeof(s->report->url), "%s", s->url.shown);
    s->wire = wire_new(s->target->timeout_ms);
    enum proof_result result = s->wire != NULL ? reach(s) : PROOF_MEMORY;
    if (result == PROOF_OK) {
        result = log_in(s);
    }
    if (result == PROOF_OK) {
        result = open_inbox(s);
    }
    if (result == PROOF_OK) {
        result = s->step(s);
    }
    wire_free(s->wire);
    s->wire = NULL;
    OPENSSL_cleanse(&s->url, sizeof(s->url));
    return result;
}

static enum proof_result
prove(struct session *s)
{
    char *creds = NULL;
    enum proof_result result = read_creds(s, &creds);

    if (result == PROOF_OK && s->target->urls[0] == NULL) {
        (void)trouble_say(
            &s->report->trouble, 0, "set nats.url", "the configuration names no NATS server");
        result = PROOF_NOT_NATS;
    }
    if (result == PROOF_OK) {
        for (const char *const *url = s->target->urls; *url != NULL; url++) {
            result = prove_server(s, *url);
            if (is_of_the_user(result)) {
                break;
            }
        }
    }
    if (creds != NULL) {
        OPENSSL_cleanse(creds, s->creds_len);
        free(creds);
    }
    return result;
}

/* OpenSSL writes to sockets without MSG_NOSIGNAL: a signal that a write raised is taken away. */
static void
end_quietly(const sigset_t *before, const sigset_t *pipe_only)
{
    const struct timespec now = { 0, 0 };

    while (sigtimedwait(pipe_only, NULL, &now) >= 0) {
    }
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static enum proof_result
run(struct session *s, const struct proof_target *target, struct proof_report *ret_report)
{
    struct proof_report report;
    sigset_t pipe_only, before;

    memset(&report, 0, sizeof(report));
    s->target = target;
    s->report = &report;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    report.result = prove(s);
    end_quietly(&before, &pipe_only);
    if (report.result == PROOF_OK) {
        memset(&report.trouble, 0, sizeof(report.trouble));
    }
    if (report.result == PROOF_MEMORY) {
        (void)trouble_say(&report.trouble, ENOMEM, "free memory and run it again",
            "there is no memory left, or no randomness");
    }
    s->report = NULL;
    *ret_report = report;
    return report.result;
}

enum proof_result
proof_run(const struct proof_target *target, struct proof_report *ret_report)
{
    struct session s;

    memset(&s, 0, sizeof(s));
    s.step = prove_subjects;
    s.judge = judge_answer;
    return run(&s, target, ret_report);
}

enum proof_result
proof_ask(const struct proof_target *target, const char *subject, char **ret_answer,
    struct proof_report *ret_report)
{
    struct session s;

    memset(&s, 0, sizeof(s));
    s.step = ask_question;
    s.judge = keep_answer;
    s.question = subject;
    enum proof_result result = run(&s, target, ret_report);
    if (result == PROOF_OK) {
        *ret_answer = s.answer;
    } else {
        free(s.answer);
    }
    return result;
}
