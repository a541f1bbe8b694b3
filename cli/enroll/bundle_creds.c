/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/bundle_check.h"

#include <string.h>

#include <jansson.h>

#include "sr/creds.h"
#include "sr/jwt.h"

#include "sr/banned.h"

/* Stands for a tenant of any name; no subject that is written down has it. */
#define ANY_TENANT "\x01"

void
bundle_check_creds(const struct bundle *bundle, uint64_t now_s, struct bundle_problems *out)
{
    struct sr_creds_info info;
    enum bundle_fault fault;

    if (bundle->creds.len == 0 && bundle->user_jwt.len > 0) {
        return;
    }
    switch (sr_creds_check_text(bundle->creds, now_s, &info)) {
    case SR_CREDS_OK: return;
    case SR_CREDS_ETYPE: fault = BUNDLE_CREDS_NOT_USER; break;
    case SR_CREDS_EMISMATCH: fault = BUNDLE_CREDS_MISMATCH; break;
    case SR_CREDS_EINBOX: fault = BUNDLE_CREDS_NO_INBOX; break;
    case SR_CREDS_EEXPIRED: fault = BUNDLE_CREDS_EXPIRED; break;
    case SR_CREDS_ENOTYET: fault = BUNDLE_CREDS_NOT_YET; break;
    case SR_CREDS_ENOMEM: fault = BUNDLE_NO_MEMORY; break;
    case SR_CREDS_EMISSING:
    case SR_CREDS_EACCESS:
    case SR_CREDS_EREAD:
    case SR_CREDS_ETOOBIG:
    case SR_CREDS_ENOJWT:
    case SR_CREDS_ENOSEED:
    case SR_CREDS_EJWT:
    case SR_CREDS_ESEED:
    default: fault = BUNDLE_CREDS_DAMAGED; break;
    }
    bundle_add_problem(out, fault, "");
}

struct sr_span
bundle_token(const struct bundle *bundle)
{
    struct sr_creds_text text;
    struct sr_span token = bundle->user_jwt;

    if (sr_creds_parse(bundle->creds, &text) == SR_CREDS_OK) {
        return text.jwt;
    }
    while (token.len > 0 && strchr(" \t\r\n", token.data[token.len - 1]) != NULL) {
        token.len--;
    }
    return token;
}

bool
bundle_subject_fits(const char *pattern, const char *subject)
{
    for (;;) {
        size_t want = strcspn(pattern, ".");
        size_t have = strcspn(subject, ".");
        if (want == 0 || have == 0) {
            return false;
        }
        if (want == 1 && pattern[0] == '>') {
            return pattern[1] == '\0';
        }
        bool any = want == 1 && pattern[0] == '*';
        if (!any && (want != have || memcmp(pattern, subject, want) != 0)) {
            return false;
        }
        pattern += want;
        subject += have;
        if (*pattern == '\0' || *subject == '\0') {
            return *pattern == *subject;
        }
        pattern++;
        subject++;
    }
}

/* A string of the array, or "", which fits nothing. */
static const char *
text_at(const json_t *list, size_t i)
{
    const char *text = json_string_value(json_array_get(list, i));
    return text != NULL ? text : "";
}

static bool
any_fits(const json_t *list, const char *subject)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (bundle_subject_fits(text_at(list, i), subject)) {
            return true;
        }
    }
    return false;
}

/* Whether `subject` behind the tenant of `len` bytes at `tenant` is allowed and not denied. */
static bool
tenant_may(
    const json_t *allow, const json_t *deny, const char *tenant, size_t len, const char *subject)
{
    char mapped[SR_CREDS_TEXT_MAX];
    size_t subject_len = strlen(subject);

    if (len + 1 + subject_len >= sizeof(mapped)) {
        return false;
    }
    memcpy(mapped, tenant, len);
    mapped[len] = '.';
    memcpy(mapped + len + 1, subject, subject_len + 1);
    return (json_array_size(allow) == 0 || any_fits(allow, mapped)) && !any_fits(deny, mapped);
}

/*
 * Whether there may be a tenant for whom the mapped subject is allowed: each that an entry of
 * `allow` begins with, and one that none names, for entries that begin with a wildcard. An entry
 * for the subject as it is, such as "logs.>", is not taken for that of a tenant "logs".
 */
static bool
some_tenant_may(const json_t *allow, const json_t *deny, const char *subject)
{
    for (size_t i = 0; i < json_array_size(allow); i++) {
        const char *entry = text_at(allow, i);
        if (!bundle_subject_fits(entry, subject) &&
            tenant_may(allow, deny, entry, strcspn(entry, "."), subject)) {
            return true;
        }
    }
    return tenant_may(allow, deny, ANY_TENANT, strlen(ANY_TENANT), subject);
}

static void
check_subjects(const json_t *publish, const char *const *subjects, struct bundle_problems *out)
{
    const json_t *allow = json_object_get(publish, "allow");
    const json_t *deny = json_object_get(publish, "deny");

    for (; *subjects != NULL; subjects++) {
        if (some_tenant_may(allow, deny, *subjects)) {
            continue;
        }
        bool bare = (json_array_size(allow) == 0 || any_fits(allow, *subjects)) &&
                    !any_fits(deny, *subjects);
        bundle_add_problem(out, bare ? BUNDLE_PUBLISH_UNMAPPED : BUNDLE_PUBLISH_REFUSED, *subjects);
    }
}

void
bundle_check_publish(
    const struct bundle *bundle, const char *const *subjects, struct bundle_problems *out)
{
    json_t *claims = NULL;

    if (sr_jwt_verify(bundle_token(bundle), &claims) != SR_JWT_OK) {
        return;
    }
    check_subjects(json_object_get(json_object_get(claims, "nats"), "pub"), subjects, out);
    json_decref(claims);
}
