/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "proof/proof.h"
#include "sr/suite.h"

#include "sr/banned.h"

/* Of a limit: what is worth a warning, and what counts as reached. */
#define NEARLY_PERCENT 80
#define FULL_PERCENT 95

/* The steps of a connection in their order, as ids and what is so when they succeed. */
enum step {
    STEP_DNS,
    STEP_TCP,
    STEP_SERVER,
    STEP_TLS,
    STEP_LOGIN,
    STEP_INBOX,
    STEP_PUBLISH,
    STEP_STREAM,
    STEP_COUNT,
};

static const char *const step_ids[STEP_COUNT] = { "nats.dns", "nats.tcp", "nats.server", "nats.tls",
    "nats.login", "nats.inbox", "nats.publish", "nats.stream" };

/* The step that a result ends, STEP_COUNT when all went well. */
static enum step
step_of(enum proof_result result)
{
    switch (result) {
    case PROOF_OK: return STEP_COUNT;
    case PROOF_DNS: return STEP_DNS;
    case PROOF_TCP: return STEP_TCP;
    case PROOF_SILENT:
    case PROOF_NOT_NATS:
    case PROOF_MEMORY: return STEP_SERVER;
    case PROOF_FILES:
    case PROOF_PLAINTEXT:
    case PROOF_TLS_CA:
    case PROOF_TLS_NAME:
    case PROOF_TLS_TIME:
    case PROOF_TLS_CLIENT:
    case PROOF_TLS_OTHER: return STEP_TLS;
    case PROOF_CREDS:
    case PROOF_AUTH: return STEP_LOGIN;
    case PROOF_NO_INBOX: return STEP_INBOX;
    case PROOF_PERMISSION: return STEP_PUBLISH;
    case PROOF_NO_STREAM:
    case PROOF_NO_ANSWER:
    case PROOF_STREAM_ERROR: return STEP_STREAM;
    }
    return STEP_SERVER;
}

/* What a proof needs, out of the configuration; it borrows both. */
struct request {
    struct proof_target target;
    const char *urls[DOCTOR_URLS_MAX + 1];
    const char *subjects[PROOF_SUBJECTS_MAX + 1];
    char dead[PROOF_SUBJECTS_MAX][160];
    size_t count;
};

static const char *
optional(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void
add_subject(struct request *r, const char *subject)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->subjects[i], subject) == 0) {
            return;
        }
    }
    if (r->count < PROOF_SUBJECTS_MAX && subject[0] != '\0') {
        r->subjects[r->count++] = subject;
    }
}

static void
make_request(const struct patient *p, struct request *r)
{
    const struct doctor_conf *c = &p->conf;

    memset(r, 0, sizeof(*r));
    for (size_t i = 0; i < c->url_count; i++) {
        r->urls[i] = c->urls[i];
    }
    for (size_t i = 0; i < c->listener_count; i++) {
        add_subject(r, c->listeners[i].subject);
    }
    r->target = (struct proof_target){ .urls = r->urls,
        .creds_file = optional(c->creds_file),
        .ca_file = optional(c->ca_file),
        .cert_file = optional(c->cert_file),
        .key_file = optional(c->key_file),
        .inbox_prefix = optional(c->inbox_prefix),
        .subjects = r->subjects,
        .timeout_ms = p->options->timeout_ms };
}

static void
list_subjects(const struct request *r, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < r->count; i++) {
        size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", r->subjects[i]);
    }
}

static bool
wants_tls(const struct doctor_conf *c)
{
    bool tls = c->ca_file[0] != '\0' || c->cert_file[0] != '\0';

    for (size_t i = 0; i < c->url_count; i++) {
        tls = tls || strncasecmp(c->urls[i], "tls://", 6) == 0;
    }
    return tls;
}

/* One line for a step that went well. */
static void
add_step(struct patient *p, enum step step, const struct proof_report *report, const char *subjects)
{
    const char *id = step_ids[step];

    switch (step) {
    case STEP_DNS:
        checks_add(&p->checks, id, CHECK_OK, "", "the server's name is known: %s", report->url);
        break;
    case STEP_TCP:
        checks_add(&p->checks, id, CHECK_OK, "", "the server accepts connections");
        break;
    case STEP_SERVER:
        checks_add(&p->checks, id, CHECK_OK, "", "it is nats-server %s", report->server_version);
        break;
    case STEP_TLS:
        if (wants_tls(&p->conf)) {
            checks_add(&p->checks, id, CHECK_OK, "", "its certificate is good");
        } else {
            checks_add(&p->checks, id, CHECK_WARN, "write tls:// in nats.url, and set nats.tls",
                "records and credentials go over the network in clear");
        }
        break;
    case STEP_LOGIN: checks_add(&p->checks, id, CHECK_OK, "", "the server accepts the user"); break;
    case STEP_INBOX: checks_add(&p->checks, id, CHECK_OK, "", "acknowledgements can arrive"); break;
    case STEP_PUBLISH:
        checks_add(&p->checks, id, CHECK_OK, "", "the user may publish on %s", subjects);
        break;
    case STEP_STREAM:
        checks_add(&p->checks, id, CHECK_OK, "",
            "the stream \"%s\" takes them (nothing was stored)", report->stream);
        break;
    case STEP_COUNT: break;
    }
}

/* What was found on this host already and explains the result; NULL when nothing was. */
static const char *
known_cause(const struct patient *p, enum proof_result result)
{
    if (result == PROOF_CREDS && (checks_have(&p->checks, "credentials", CHECK_FAIL) ||
                                     checks_have(&p->checks, "files", CHECK_FAIL))) {
        return "the credentials cannot be used";
    }
    if (result == PROOF_TLS_CA && checks_have(&p->checks, "chain", CHECK_FAIL)) {
        return "the CA file cannot be used";
    }
    if ((result == PROOF_TLS_CLIENT || result == PROOF_FILES) &&
        (checks_have(&p->checks, "certificate", CHECK_FAIL) ||
            checks_have(&p->checks, "key", CHECK_FAIL) ||
            checks_have(&p->checks, "files", CHECK_FAIL))) {
        return "the client certificate cannot be used";
    }
    return NULL;
}

/* The steps that are proven, the one that failed, and those that nobody got to. */
static void
add_steps(struct patient *p, const struct proof_report *report, const char *subjects)
{
    enum step failed = step_of(report->result);
    const char *known = known_cause(p, report->result);

    for (enum step step = STEP_DNS; step < failed && step < STEP_COUNT; step++) {
        if (report->result != PROOF_CREDS) {
            add_step(p, step, report, subjects);
        }
    }
    if (known != NULL) {
        checks_add(&p->checks, step_ids[failed], CHECK_SKIP, "", "%s", known);
    } else if (failed < STEP_COUNT) {
        checks_add_trouble(&p->checks, step_ids[failed], CHECK_FAIL, &report->trouble);
    }
    for (enum step step = failed; step + 1 < STEP_COUNT; step++) {
        checks_add(
            &p->checks, step_ids[step + 1], CHECK_SKIP, "", "%s comes before it", step_ids[failed]);
    }
}

/* Dead letters go to subjects of their own; they are lost when those do not work. */
static void
check_dead_letters(struct patient *p, struct request *r)
{
    struct proof_report report;

    for (size_t i = 0; i < r->count; i++) {
        (void)snprintf(r->dead[i], sizeof(r->dead[i]), "%s" SR_SUITE_DEADLETTER, r->subjects[i]);
    }
    for (size_t i = 0; i < r->count; i++) {
        r->subjects[i] = r->dead[i];
    }
    if (proof_run(&r->target, &report) == PROOF_OK) {
        checks_add(&p->checks, "nats.deadletters", CHECK_OK, "", "dead letters are taken too");
    } else {
        checks_add_trouble(&p->checks, "nats.deadletters", CHECK_WARN, &report.trouble);
    }
}

/* The other servers of the list are needed only when the first fails, which is a bad moment. */
static void
check_others(struct patient *p, struct request *r, const char *proven)
{
    size_t bad = 0;

    for (size_t i = 0; i < p->conf.url_count; i++) {
        struct proof_report report;
        r->urls[0] = p->conf.urls[i];
        r->urls[1] = NULL;
        if (proof_run(&r->target, &report) != PROOF_OK && strcmp(report.url, proven) != 0) {
            bad++;
            checks_add(&p->checks, "nats.others", CHECK_WARN, report.trouble.remedy,
                "%s, one of the list, does not work: %s", report.url, report.trouble.cause);
        }
    }
    if (bad == 0) {
        checks_add(&p->checks, "nats.others", CHECK_OK, "", "all %zu servers of the list work",
            p->conf.url_count);
    }
}

void
doctor_check_nats(struct patient *p, int64_t *ret_offset_s)
{
    static struct request r;
    struct proof_report report;
    char subjects[400];

    *ret_offset_s = 0;
    if (!p->has_conf) {
        checks_add(&p->checks, "nats", CHECK_SKIP, "", "the configuration cannot be read");
        return;
    }
    if (!p->conf.to_nats) {
        checks_add(&p->checks, "nats", CHECK_SKIP, "", "output is not nats");
        return;
    }
    make_request(p, &r);
    (void)proof_run(&r.target, &report);
    *ret_offset_s = report.clock_offset_s;
    (void)snprintf(p->server_stream, sizeof(p->server_stream), "%s", report.stream);
    list_subjects(&r, subjects, sizeof(subjects));
    add_steps(p, &report, subjects);
    if (report.result != PROOF_OK) {
        return;
    }
    if (p->conf.dead_letter) {
        check_dead_letters(p, &r);
        make_request(p, &r);
    }
    if (p->conf.url_count > 1) {
        check_others(p, &r, report.url);
    }
}

/* ---- With a reader's credentials ---- */

/* Asks, and reads the answer as JSON: owned, NULL after a check was added. */
static json_t *
ask(struct patient *p, const char *id, const char *subject)
{
    struct request r;
    struct proof_report report;
    char *text = NULL;

    make_request(p, &r);
    r.target.creds_file = p->options->reader_creds;
    r.target.inbox_prefix = NULL;
    enum proof_result result = proof_ask(&r.target, subject, &text, &report);
    if (result == PROOF_NO_STREAM) {
        checks_add(&p->checks, id, CHECK_FAIL,
            "enable JetStream in the server, and give the account limits of it",
            "JetStream does not answer: it is off in the server or for this account");
        return NULL;
    }
    if (result != PROOF_OK) {
        checks_add_trouble(&p->checks, id, CHECK_WARN, &report.trouble);
        return NULL;
    }
    json_t *answer = json_loads(text, 0, NULL);
    free(text);
    if (answer == NULL) {
        checks_add(
            &p->checks, id, CHECK_WARN, "look at the server's version", "the answer is no JSON");
    }
    return answer;
}

static json_int_t
number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* What the server refuses. True when the answer is one. */
static bool
add_refusal(struct patient *p, const char *id, const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    const char *said = json_string_value(json_object_get(error, "description"));

    if (error == NULL) {
        return false;
    }
    switch (number(error, "err_code")) {
    case 10039: /* not enabled for account */
    case 10076: /* not enabled */
        checks_add(&p->checks, id, CHECK_FAIL,
            "let the issuer give the account limits of JetStream (serviceradar-provision account "
            "limits)",
            "JetStream is not enabled for the account");
        return true;
    case 10059: /* stream not found */
        checks_add(&p->checks, id, CHECK_FAIL,
            "let the issuer make it (serviceradar-provision stream ensure)",
            "the account has no stream \"%s\"", p->server_stream);
        return true;
    default:
        checks_add(&p->checks, id, CHECK_FAIL, "look at the server's log", "JetStream refuses: %s",
            said != NULL ? said : "no reason");
        return true;
    }
}

/* The share of a limit in percent; -1 without one. */
static int
percent(json_int_t used, json_int_t limit)
{
    return limit > 0 ? (int)((double)used * 100.0 / (double)limit) : -1;
}

static void
check_account(struct patient *p)
{
    json_t *info = ask(p, "jetstream.account", "$JS.API.INFO");

    if (info == NULL || add_refusal(p, "jetstream.account", info)) {
        json_decref(info);
        return;
    }
    json_int_t used = number(info, "storage");
    json_int_t limit = number(json_object_get(info, "limits"), "max_storage");
    int share = percent(used, limit);
    checks_add(&p->checks, "jetstream.account",
        share >= FULL_PERCENT     ? CHECK_FAIL
        : share >= NEARLY_PERCENT ? CHECK_WARN
                                  : CHECK_OK,
        share >= NEARLY_PERCENT
            ? "raise the account's limit of JetStream storage, or shrink its streams"
            : "",
        "the account uses %lld MiB of storage%s", (long long)(used >> 20),
        share < 0                 ? ", without a limit"
        : share >= FULL_PERCENT   ? ", and its limit is reached"
        : share >= NEARLY_PERCENT ? ", four fifths of its limit"
                                  : "");
    json_decref(info);
}

/* How full a stream is. */
struct fill {
    json_int_t bytes, max_bytes, messages, max_messages; /* limits below 1 are none */
    bool discards;
};

static struct fill
fill_of(const json_t *info)
{
    const json_t *config = json_object_get(info, "config"), *state = json_object_get(info, "state");
    const char *discard = json_string_value(json_object_get(config, "discard"));

    return (struct fill){ .bytes = number(state, "bytes"),
        .max_bytes = number(config, "max_bytes"),
        .messages = number(state, "messages"),
        .max_messages = number(config, "max_msgs"),
        .discards = discard != NULL && strcmp(discard, "old") == 0 };
}

static void
judge_stream(struct patient *p, const json_t *info)
{
    struct fill f = fill_of(info);
    json_int_t mean = f.messages > 0 ? f.bytes / f.messages : 0;
    const char *id = "jetstream.stream", *name = p->server_stream;
    const char *remedy = "raise its limit, or let its consumers catch up; records wait in the "
                         "collector's queue meanwhile";
    int share = percent(f.bytes, f.max_bytes);

    if (f.discards) {
        checks_add(&p->checks, id, CHECK_WARN, "set its discard policy to new",
            "the stream \"%s\" discards old messages when it is full: stored records vanish unseen",
            name);
    } else if (f.max_messages > 0 && f.messages >= f.max_messages) {
        checks_add(&p->checks, id, CHECK_FAIL, remedy,
            "the stream \"%s\" is full: it has the %lld messages that it may have", name,
            (long long)f.max_messages);
    } else if (f.max_bytes > 0 && f.bytes + mean > f.max_bytes) {
        checks_add(&p->checks, id, CHECK_FAIL, remedy,
            "the stream \"%s\" is full: it has %lld of the %lld bytes that it may have", name,
            (long long)f.bytes, (long long)f.max_bytes);
    } else if (share >= NEARLY_PERCENT) {
        checks_add(
            &p->checks, id, CHECK_WARN, remedy, "the stream \"%s\" is full to %d %%", name, share);
    } else {
        checks_add(&p->checks, id, CHECK_OK, "",
            "the stream \"%s\" has room: %lld messages are in it", name, (long long)f.messages);
    }
}

void
doctor_check_stream(struct patient *p)
{
    char subject[200];

    if (p->options->reader_creds == NULL || !p->has_conf || !p->conf.to_nats) {
        return;
    }
    if (p->server_stream[0] == '\0') {
        (void)snprintf(p->server_stream, sizeof(p->server_stream), "%s", p->conf.stream);
    }
    check_account(p);
    if (checks_have(&p->checks, "jetstream.account", CHECK_FAIL)) {
        return;
    }
    if (checks_have(&p->checks, "nats.stream", CHECK_FAIL)) {
        checks_add(&p->checks, "jetstream.stream", CHECK_SKIP, "", "nats.stream comes before it");
        return;
    }
    (void)snprintf(subject, sizeof(subject), "$JS.API.STREAM.INFO.%s", p->server_stream);
    json_t *info = ask(p, "jetstream.stream", subject);
    if (info != NULL && !add_refusal(p, "jetstream.stream", info)) {
        judge_stream(p, info);
    }
    json_decref(info);
}
