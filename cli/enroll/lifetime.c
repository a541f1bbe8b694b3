/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/lifetime.h"

#include <time.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "sr/creds.h"
#include "sr/jwt.h"

#include "sr/banned.h"

static uint64_t
seconds_of(const json_t *claims, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(claims, name));
    return value > 0 ? (uint64_t)value : 0;
}

struct lifetime
lifetime_of_creds(struct sr_span creds)
{
    struct lifetime life = { 0, 0 };
    struct sr_creds_text text;
    json_t *claims = NULL;

    if (sr_creds_parse(creds, &text) == SR_CREDS_OK &&
        sr_jwt_verify(text.jwt, &claims) == SR_JWT_OK) {
        life.from_s = seconds_of(claims, "iat");
        life.until_s = seconds_of(claims, "exp");
    }
    json_decref(claims);
    return life;
}

/* 0 for a time that is none, or before 1970. */
static uint64_t
seconds_at(const ASN1_TIME *at)
{
    struct tm tm;
    time_t seconds = ASN1_TIME_to_tm(at, &tm) == 1 ? timegm(&tm) : 0;

    return seconds > 0 ? (uint64_t)seconds : 0;
}

struct lifetime
lifetime_of_certificate(struct sr_span pem)
{
    struct lifetime life = { 0, 0 };
    BIO *bio = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    if (cert != NULL) {
        life.from_s = seconds_at(X509_get0_notBefore(cert));
        life.until_s = seconds_at(X509_get0_notAfter(cert));
    }
    X509_free(cert);
    BIO_free(bio);
    return life;
}

bool
lifetime_is_due(const struct lifetime *life, uint64_t now_s)
{
    if (life->until_s == 0) {
        return life->from_s == 0;
    }
    if (life->until_s <= life->from_s || now_s >= life->until_s) {
        return true;
    }
    return now_s > life->from_s && now_s - life->from_s >= (life->until_s - life->from_s) / 3 * 2;
}
