/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/lifetime.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "sr/creds.h"
#include "sr/jwt.h"

#include "sr/banned.h"

#define DAY_S 86400U
#define HOUR_S 3600U

/* Copies a name, with all but printable ASCII as '?': it may be on a terminal. */
static void
put_name(struct lifetime *out, const char *name)
{
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
    for (char *c = out->name; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e) {
            *c = '?';
        }
    }
}

static uint64_t
seconds(const json_t *claims, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(claims, name));
    return value > 0 ? (uint64_t)value : 0;
}

bool
lifetime_of_token(struct sr_span token, struct lifetime *ret_lifetime)
{
    json_t *claims = NULL;

    if (sr_jwt_verify(token, &claims) != SR_JWT_OK) {
        return false;
    }
    const char *name = json_string_value(json_object_get(claims, "name"));
    uint64_t not_before = seconds(claims, "nbf");
    put_name(ret_lifetime, name != NULL ? name : "");
    ret_lifetime->from_s = not_before > 0 ? not_before : seconds(claims, "iat");
    ret_lifetime->until_s = seconds(claims, "exp");
    json_decref(claims);
    return true;
}

bool
lifetime_of_creds(struct sr_span creds, struct lifetime *ret_lifetime)
{
    struct sr_creds_text text;

    return sr_creds_parse(creds, &text) == SR_CREDS_OK && lifetime_of_token(text.jwt, ret_lifetime);
}

static uint64_t
asn1_seconds(const ASN1_TIME *time)
{
    struct tm parts;

    if (ASN1_TIME_to_tm(time, &parts) != 1 || parts.tm_year >= 9999 - 1900) {
        return 0;
    }
    time_t value = timegm(&parts);
    return value > 0 ? (uint64_t)value : 0;
}

static void
read_certificate(X509 *certificate, struct lifetime *out)
{
    char name[128] = "";

    (void)X509_NAME_get_text_by_NID(
        X509_get_subject_name(certificate), NID_commonName, name, (int)sizeof(name));
    put_name(out, name);
    out->from_s = asn1_seconds(X509_get0_notBefore(certificate));
    out->until_s = asn1_seconds(X509_get0_notAfter(certificate));
}

bool
lifetime_of_certificate(struct sr_span pem, size_t index, struct lifetime *ret_lifetime)
{
    BIO *bio = BIO_new_mem_buf(pem.data, pem.len <= INT32_MAX ? (int)pem.len : 0);
    X509 *certificate = NULL;

    for (size_t i = 0; bio != NULL && i <= index; i++) {
        X509_free(certificate);
        certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate == NULL) {
            break;
        }
    }
    bool ok = certificate != NULL;
    if (ok) {
        read_certificate(certificate, ret_lifetime);
    }
    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return ok;
}

enum lifetime_state
lifetime_at(const struct lifetime *lifetime, uint64_t now_s)
{
    uint64_t from = lifetime->from_s, until = lifetime->until_s;

    if (now_s < from) {
        return LIFETIME_NOT_YET;
    }
    if (until == 0) {
        return LIFETIME_GOOD;
    }
    if (now_s >= until) {
        return LIFETIME_EXPIRED;
    }
    uint64_t gone = now_s - from, all = until - from;
    if (gone >= all - all / 10) {
        return LIFETIME_SOON;
    }
    return gone >= all - all / 3 ? LIFETIME_RENEW : LIFETIME_GOOD;
}

const char *
lifetime_word(enum lifetime_state state)
{
    switch (state) {
    case LIFETIME_GOOD: return "good";
    case LIFETIME_RENEW: return "renew";
    case LIFETIME_SOON: return "soon";
    case LIFETIME_NOT_YET: return "not-yet";
    case LIFETIME_EXPIRED: return "expired";
    }
    return "good";
}

const char *
lifetime_date(uint64_t time_s, char out[32])
{
    time_t time = (time_t)time_s;
    struct tm parts;

    if (gmtime_r(&time, &parts) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts) == 0) {
        (void)snprintf(out, 32, "?");
    }
    return out;
}

const char *
lifetime_tell(const struct lifetime *lifetime, uint64_t now_s, char out[128])
{
    char date[32];
    uint64_t left = lifetime->until_s > now_s ? lifetime->until_s - now_s : 0;

    switch (lifetime_at(lifetime, now_s)) {
    case LIFETIME_NOT_YET:
        (void)snprintf(out, 128, "not before %s", lifetime_date(lifetime->from_s, date));
        return out;
    case LIFETIME_EXPIRED:
        (void)snprintf(out, 128, "expired %s", lifetime_date(lifetime->until_s, date));
        return out;
    case LIFETIME_GOOD:
    case LIFETIME_RENEW:
    case LIFETIME_SOON: break;
    }
    if (lifetime->until_s == 0) {
        (void)snprintf(out, 128, "for ever");
    } else {
        (void)snprintf(out, 128, "until %s, %u %s left", lifetime_date(lifetime->until_s, date),
            (unsigned)(left >= 2 * DAY_S ? left / DAY_S : left / HOUR_S),
            left >= 2 * DAY_S ? "days" : "hours");
    }
    return out;
}
