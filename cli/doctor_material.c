/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "doctor_http.h"
#include "enroll/bundle_check.h"
#include "sr/creds.h"

#include "sr/banned.h"

#define FILE_MAX (1U << 20)
#define DAY 86400ULL
#define CLOCK_WARN_S 60
#define CLOCK_FAIL_S 300

/* What each fault is about. */
static const char *
id_of(enum bundle_fault fault)
{
    switch (fault) {
    case BUNDLE_CERT_UNREADABLE:
    case BUNDLE_CERT_EXPIRED:
    case BUNDLE_CERT_NOT_YET:
    case BUNDLE_CERT_NO_CLIENT: return "certificate";
    case BUNDLE_KEY_UNREADABLE:
    case BUNDLE_KEY_ENCRYPTED:
    case BUNDLE_KEY_MISMATCH: return "key";
    case BUNDLE_CA_UNREADABLE:
    case BUNDLE_CA_NO_ROOT:
    case BUNDLE_CA_LEAF_NO_ROOT:
    case BUNDLE_CA_EXPIRED:
    case BUNDLE_CA_NOT_YET:
    case BUNDLE_CHAIN_BROKEN: return "chain";
    case BUNDLE_CREDS_DAMAGED:
    case BUNDLE_CREDS_NOT_USER:
    case BUNDLE_CREDS_MISMATCH:
    case BUNDLE_CREDS_EXPIRED:
    case BUNDLE_CREDS_NOT_YET:
    case BUNDLE_CREDS_NO_INBOX:
    case BUNDLE_PUBLISH_REFUSED:
    case BUNDLE_PUBLISH_UNMAPPED:
    case BUNDLE_NO_MEMORY: break;
    }
    return "credentials";
}

/* Copies a sentence without its full stop. */
static void
copy_sentence(char *out, size_t size, const char *sentence)
{
    size_t len = strlen(sentence);

    (void)snprintf(
        out, size, "%.*s", (int)(len > 0 && sentence[len - 1] == '.' ? len - 1 : len), sentence);
}

static void
add_fault(struct patient *p, const struct bundle_problem *problem)
{
    struct trouble t = { .error = 0 };
    char cause[400];

    copy_sentence(cause, sizeof(cause), bundle_fault_cause(problem->fault));
    (void)snprintf(t.cause, sizeof(t.cause), "%s%s%s%s", cause,
        problem->detail[0] != '\0' ? " (" : "", problem->detail,
        problem->detail[0] != '\0' ? ")" : "");
    copy_sentence(t.remedy, sizeof(t.remedy), bundle_fault_remedy(problem->fault));
    checks_add_trouble(&p->checks, id_of(problem->fault),
        bundle_fault_is_fatal(problem->fault) ? CHECK_FAIL : CHECK_WARN, &t);
}

static const char *
days_text(uint64_t seconds, char *out, size_t size)
{
    if (seconds < 2 * DAY) {
        (void)snprintf(out, size, "%llu hours", (unsigned long long)(seconds / 3600));
    } else {
        (void)snprintf(out, size, "%llu days", (unsigned long long)(seconds / DAY));
    }
    return out;
}

/* What is valid from `start` to `end` gets a warning in its last third, another in its last tenth.
 */
static void
add_lifetime(struct patient *p, const char *id, const char *what, uint64_t start, uint64_t end)
{
    uint64_t now = p->options->now_s;
    char left[32];

    if (end <= now || start >= end) {
        return; /* a fault of its own */
    }
    (void)days_text(end - now, left, sizeof(left));
    uint64_t life = end - start, age = now > start ? now - start : 0;
    if (age / 9 >= life / 10) {
        checks_add(&p->checks, id, CHECK_WARN, "renew now: serviceradar-cli renew, or enrol again",
            "%s expires very soon, in %s: nine tenths of its time are over", what, left);
    } else if (age / 2 >= life / 3) {
        checks_add(&p->checks, id, CHECK_WARN, "renew: serviceradar-cli renew, or enrol again",
            "%s expires in %s: two thirds of its time are over", what, left);
    } else {
        checks_add(&p->checks, id, CHECK_OK, "", "%s is good for %s more", what, left);
    }
}

static void
check_creds_life(struct patient *p, struct sr_span text)
{
    struct sr_creds_info info;

    if (checks_have(&p->checks, "credentials", CHECK_FAIL) ||
        sr_creds_check_text(text, p->options->now_s, &info) != SR_CREDS_OK) {
        return;
    }
    if (info.issued_s > p->options->now_s + CLOCK_WARN_S) {
        checks_add(&p->checks, "clock", CHECK_FAIL,
            "set it (timedatectl), and let it be set by the network (systemd-timesyncd, chrony)",
            "this host's clock is behind: the credentials were issued %llu s in its future",
            (unsigned long long)(info.issued_s - p->options->now_s));
    }
    if (info.expires_s == 0) {
        checks_add(&p->checks, "credentials", CHECK_OK, "", "those of user \"%s\" never expire",
            info.name);
        return;
    }
    char what[SR_CREDS_TEXT_MAX + 16];
    (void)snprintf(what, sizeof(what), "user \"%s\"", info.name);
    add_lifetime(p, "credentials", what, info.issued_s, info.expires_s);
}

/* Unix seconds, 0 when unreadable. */
static uint64_t
seconds_of(const ASN1_TIME *when)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(when, &tm) != 1) {
        return 0;
    }
    time_t seconds = timegm(&tm);
    return seconds > 0 ? (uint64_t)seconds : 0;
}

static void
check_certificate_life(struct patient *p, struct sr_span text)
{
    BIO *bio = text.len > 0 ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    if (certificate != NULL && !checks_have(&p->checks, "certificate", CHECK_FAIL)) {
        add_lifetime(p, "certificate", "the client certificate",
            seconds_of(X509_get0_notBefore(certificate)),
            seconds_of(X509_get0_notAfter(certificate)));
    }
    X509_free(certificate);
    BIO_free(bio);
}

/* Reads a file of the configuration or, without one, of the record. Owned, perhaps NULL. */
static char *
read_file(
    const struct patient *p, const char *configured, const char *recorded, struct sr_span *ret)
{
    char path[FILES_PATH_MAX], *text = NULL;
    size_t len = 0;
    bool ok =
        p->has_conf ? files_path(path, "%s", configured) : doctor_path(p->options, recorded, path);

    *ret = (struct sr_span){ NULL, 0 };
    if (!ok || path[0] == '\0' || (!p->has_conf && recorded[0] == '\0') ||
        !files_read(path, FILE_MAX, &text, &len)) {
        return NULL;
    }
    *ret = (struct sr_span){ (const uint8_t *)text, len };
    return text;
}

static void
drop(char *text, struct sr_span span)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, span.len);
        free(text);
    }
}

static void
check_bundle(struct patient *p, const struct bundle *b)
{
    struct bundle_problems problems = { .count = 0 };

    if (b->creds.len > 0) {
        bundle_check_creds(b, p->options->now_s, &problems);
    }
    if (b->certificate.len > 0) {
        bundle_check_key(b, &problems);
        bundle_check_certificate(b, p->options->now_s, &problems);
        bundle_check_chain(b, p->options->now_s, &problems);
    }
    for (size_t i = 0; i < problems.count; i++) {
        if (problems.list[i].fault != BUNDLE_CREDS_NO_INBOX || p->conf.inbox_prefix[0] == '\0') {
            add_fault(p, &problems.list[i]);
        }
    }
    check_creds_life(p, b->creds);
    check_certificate_life(p, b->certificate);
    if (b->certificate.len > 0 && !checks_have(&p->checks, "key", CHECK_FAIL)) {
        checks_add(&p->checks, "key", CHECK_OK, "", "the key is that of the certificate");
    }
    if (b->certificate.len > 0 && !checks_have(&p->checks, "chain", CHECK_FAIL)) {
        checks_add(
            &p->checks, "chain", CHECK_OK, "", "the certificate chains to a root of the CA file");
    }
}

void
doctor_check_material(struct patient *p)
{
    const struct doctor_conf *c = &p->conf;
    const struct record *r = &p->record;
    struct bundle b = { .memory = NULL };

    if (!p->has_conf && !p->enrolled) {
        return;
    }
    char *creds = read_file(p, c->creds_file, r->creds, &b.creds);
    char *certificate = read_file(p, c->cert_file, r->certificate, &b.certificate);
    char *key = read_file(p, c->key_file, r->key, &b.key);
    char *chain = read_file(p, c->ca_file, r->ca_chain, &b.ca_chain);
    check_bundle(p, &b);
    drop(creds, b.creds);
    drop(certificate, b.certificate);
    drop(key, b.key);
    drop(chain, b.ca_chain);
}

static void
judge_offset(struct patient *p, int64_t offset, const char *whose)
{
    int64_t size = offset < 0 ? -offset : offset;

    if (size < CLOCK_WARN_S) {
        checks_add(
            &p->checks, "clock", CHECK_OK, "", "this host's clock agrees with that of %s", whose);
        return;
    }
    checks_add(&p->checks, "clock", size >= CLOCK_FAIL_S ? CHECK_FAIL : CHECK_WARN,
        "set it (timedatectl), and let it be set by the network (systemd-timesyncd, chrony)",
        "this host's clock is %lld s %s that of %s", (long long)size,
        offset > 0 ? "behind" : "before", whose);
}

void
doctor_check_clock(struct patient *p, int64_t server_offset_s)
{
    int64_t core = 0;

    if (checks_have(&p->checks, "clock", CHECK_FAIL)) {
        return;
    }
    if (server_offset_s != 0) {
        judge_offset(p, server_offset_s, "whoever issued the server's certificate");
    } else if (p->enrolled && p->record.core_url[0] != '\0' &&
               doctor_http_date(p->record.core_url, p->options->timeout_ms, &core)) {
        judge_offset(p, core - (int64_t)p->options->now_s, p->record.core_url);
    } else {
        checks_add(
            &p->checks, "clock", CHECK_OK, "", "nothing says that this host's clock is wrong");
    }
}
