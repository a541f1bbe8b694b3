/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "doctor/http.h"
#include "enroll/bundle_check.h"
#include "enroll/lifetime.h"
#include "sr/creds.h"

#include "sr/banned.h"

#define FILE_MAX (1U << 20)
#define CLOCK_WARN_S 60
#define CLOCK_FAIL_S 300
#define SET_CLOCK                                                                                  \
    "set it (timedatectl), and let it be set by the network (systemd-timesyncd, chrony)"

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

/* On a host that is enrolled there are other ways than to have a bundle issued. */
static const char *
remedy_of(enum bundle_fault fault)
{
    if (fault == BUNDLE_CERT_EXPIRED || fault == BUNDLE_CREDS_EXPIRED) {
        return "renew (serviceradar-cli renew) or enrol again; if this host's clock is wrong, set "
               "it first (timedatectl)";
    }
    return bundle_fault_remedy(fault);
}

static void
add_fault(struct patient *p, const struct bundle_problem *problem)
{
    const char *detail = problem->detail;
    char cause[400], remedy[256];

    doctor_phrase(cause, sizeof(cause), bundle_fault_cause(problem->fault));
    doctor_phrase(remedy, sizeof(remedy), remedy_of(problem->fault));
    checks_add(&p->checks, id_of(problem->fault),
        bundle_fault_is_fatal(problem->fault) ? CHECK_FAIL : CHECK_WARN, remedy, "%s%s%s%s", cause,
        detail[0] != '\0' ? " (" : "", detail, detail[0] != '\0' ? ")" : "");
}

/* What is over is a fault of its own. */
static void
add_lifetime(struct patient *p, const char *id, const char *what, const struct lifetime *life)
{
    static const char *const remedy = "renew (serviceradar-cli renew) or enrol again";
    char left[128];

    (void)lifetime_tell(life, p->options->now_s, left);
    switch (lifetime_at(life, p->options->now_s)) {
    case LIFETIME_GOOD:
        checks_add(&p->checks, id, CHECK_OK, "", "%s of %s is good %s", what, life->name, left);
        break;
    case LIFETIME_RENEW:
        checks_add(&p->checks, id, CHECK_WARN, remedy,
            "two thirds of the time of %s of %s are over: it is good %s", what, life->name, left);
        break;
    case LIFETIME_SOON:
        checks_add(&p->checks, id, CHECK_WARN, remedy,
            "nine tenths of the time of %s of %s are over: it is good %s", what, life->name, left);
        break;
    case LIFETIME_NOT_YET:
    case LIFETIME_EXPIRED: break;
    }
}

static void
check_creds_life(struct patient *p, struct sr_span text)
{
    struct lifetime life;
    struct sr_creds_info info;

    if (text.len == 0 || checks_have(&p->checks, "credentials", CHECK_FAIL)) {
        return;
    }
    if (sr_creds_check_text(text, p->options->now_s, &info) == SR_CREDS_OK &&
        info.issued_s > p->options->now_s + CLOCK_WARN_S) {
        checks_add(&p->checks, "clock", CHECK_FAIL, SET_CLOCK,
            "this host's clock is behind: the credentials were issued %llu s in its future",
            (unsigned long long)(info.issued_s - p->options->now_s));
    } else if (lifetime_of_creds(text, &life)) {
        add_lifetime(p, "credentials", "the token", &life);
    }
}

static void
check_certificate_life(struct patient *p, struct sr_span text)
{
    struct lifetime life;

    if (text.len > 0 && !checks_have(&p->checks, "certificate", CHECK_FAIL) &&
        lifetime_of_certificate(text, 0, &life)) {
        add_lifetime(p, "certificate", "the certificate", &life);
    }
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
    checks_add(&p->checks, "clock", size >= CLOCK_FAIL_S ? CHECK_FAIL : CHECK_WARN, SET_CLOCK,
        "this host\'s clock is %lld s %s that of %s", (long long)size,
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
        checks_add(
            &p->checks, "clock", CHECK_SKIP, "", "the server's certificate is of another time");
    } else if (p->enrolled && p->record.core_url[0] != '\0' &&
               doctor_http_date(p->record.core_url, p->options->timeout_ms, &core)) {
        judge_offset(p, core - (int64_t)p->options->now_s, p->record.core_url);
    } else {
        checks_add(
            &p->checks, "clock", CHECK_OK, "", "nothing says that this host's clock is wrong");
    }
}
