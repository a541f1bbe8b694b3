/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose certificates are taken (RFC 5425 section 5): those that the CA signed and a permit names,
 * and those whose fingerprint is permitted, whoever signed them.
 */
#include "shell/tls_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "sr/peer.h"

#include "sr/banned.h"

#define PEER_NAME_MAX 253U /* of the domain name system; each record may carry it */

/* ---- What stands in a certificate ---- */

static struct sr_span
span_of(const ASN1_STRING *text)
{
    int len = ASN1_STRING_length(text);

    return (struct sr_span){ ASN1_STRING_get0_data(text), len > 0 ? (size_t)len : 0 };
}

/* The last common name, which is the most specific one. */
static struct sr_span
common_name(X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = -1, last = -1;

    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
        last = at;
    }
    if (last < 0) {
        return (struct sr_span){ NULL, 0 };
    }
    return span_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
}

static bool
digest_of(X509 *cert, const EVP_MD *type, uint8_t digest[EVP_MAX_MD_SIZE], struct sr_span *ret)
{
    unsigned len = 0;

    if (X509_digest(cert, type, digest, &len) != 1) {
        return false;
    }
    *ret = (struct sr_span){ digest, len };
    return true;
}

void
tls_verify_fingerprint(X509 *cert, char ret_text[SR_TLS_FINGERPRINT_TEXT_MAX])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct sr_span span;

    ret_text[0] = '\0';
    if (digest_of(cert, EVP_sha256(), digest, &span) && span.len == SR_TLS_SHA256_LEN) {
        sr_tls_fingerprint_text(digest, ret_text);
    }
}

/* Printable ASCII that cannot end a quoted text; other bytes become '?'. */
static void
add_text(char *out, size_t size, const char *kind, struct sr_span text)
{
    size_t len = strlen(out);
    size_t more = strlen(kind) + text.len + (len > 0 ? 1 : 0);

    if (text.len == 0 || len + more >= size) {
        return;
    }
    (void)snprintf(out + len, size - len, "%s%s", len > 0 ? " " : "", kind);
    len = strlen(out);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        out[len++] = (char)(c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c);
    }
    out[len] = '\0';
}

static void
add_address(char *out, size_t size, struct sr_span bytes)
{
    struct sr_peer peer = { .is_v6 = bytes.len == 16 };
    char text[SR_PEER_TEXT_MAX];

    if (bytes.len == 4 || bytes.len == 16) {
        memcpy(peer.address, bytes.data, bytes.len);
        size_t len = sr_peer_text(&peer, text);
        add_text(out, size, "IP:", (struct sr_span){ (const uint8_t *)text, len });
    }
}

void
tls_verify_names(X509 *cert, char *out, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    out[0] = '\0';
    add_text(out, size, "CN=", common_name(cert));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            add_text(out, size, "DNS:", span_of(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            add_address(out, size, span_of(name->d.iPAddress));
        }
    }
    GENERAL_NAMES_free(names);
}

/* ---- Who is permitted ---- */

/* A copy with a NUL behind it, and nothing in it that is not printable ASCII or would be escaped.
 */
static char *
copy_name(struct sr_span name)
{
    char *text = calloc(1, name.len + 1);

    for (size_t i = 0; text != NULL && i < name.len; i++) {
        uint8_t c = name.data[i];
        text[i] = (char)(c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c);
    }
    return text;
}

static bool
has_name(const struct sr_tls_context *c, struct sr_span name)
{
    for (size_t i = 0; i < c->permit_count; i++) {
        if (sr_tls_permit_has_name(&c->permits[i], name)) {
            return true;
        }
    }
    return false;
}

static bool
has_bytes(const struct sr_tls_context *c, enum sr_tls_permit_kind kind, struct sr_span bytes)
{
    for (size_t i = 0; i < c->permit_count; i++) {
        if (sr_tls_permit_has_bytes(&c->permits[i], kind, bytes)) {
            return true;
        }
    }
    return false;
}

static bool
is_pinned(const struct sr_tls_context *c, X509 *cert)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct sr_span span;

    return (digest_of(cert, EVP_sha256(), digest, &span) &&
               has_bytes(c, SR_TLS_PERMIT_FINGERPRINT, span)) ||
           (digest_of(cert, EVP_sha1(), digest, &span) &&
               has_bytes(c, SR_TLS_PERMIT_FINGERPRINT, span));
}

/*
 * Looks through the names of a certificate. The common name counts only when there is no dNSName.
 * *ret_first is its first name, or none; *ret_permitted the one that is permitted, or none.
 */
static void
look_at_names(const struct sr_tls_context *c, X509 *cert, const GENERAL_NAMES *names,
    struct sr_span *ret_first, struct sr_span *ret_permitted)
{
    struct sr_span none = { NULL, 0 };

    *ret_first = *ret_permitted = none;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            struct sr_span text = span_of(name->d.dNSName);
            *ret_first = ret_first->len == 0 ? text : *ret_first;
            *ret_permitted = ret_permitted->len == 0 && has_name(c, text) ? text : *ret_permitted;
        }
    }
    if (ret_first->len == 0) {
        *ret_first = common_name(cert);
        *ret_permitted = has_name(c, *ret_first) ? *ret_first : none;
    }
}

static bool
has_address(const struct sr_tls_context *c, const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_IPADD &&
            has_bytes(c, SR_TLS_PERMIT_ADDRESS, span_of(name->d.iPAddress))) {
            return true;
        }
    }
    return false;
}

/* True when the permits let it in; *ret_peer becomes what it is called from now on. */
static bool
is_permitted(const struct sr_tls_context *c, X509 *cert, bool pinned, char **ret_peer)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    struct sr_span first, permitted;
    char fingerprint[SR_TLS_FINGERPRINT_TEXT_MAX] = "";

    look_at_names(c, cert, names, &first, &permitted);
    bool yes = c->permit_count == 0 || pinned || permitted.len > 0 || has_address(c, names);
    struct sr_span name = permitted.len > 0 ? permitted : first;
    if (name.len == 0 || name.len > PEER_NAME_MAX) {
        tls_verify_fingerprint(cert, fingerprint);
        name = (struct sr_span){ (const uint8_t *)fingerprint, strlen(fingerprint) };
    }
    *ret_peer = yes ? copy_name(name) : NULL;
    GENERAL_NAMES_free(names);
    return yes;
}

/* No way from it to the CA was found, which a fingerprint makes up for. */
static bool
lacks_chain(int error)
{
    return error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

/* The error about the dates of a certificate that no chain was verified for. */
static int
check_dates(X509 *cert)
{
    if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0) {
        return X509_V_ERR_CERT_NOT_YET_VALID;
    }
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
        return X509_V_ERR_CERT_HAS_EXPIRED;
    }
    return X509_V_OK;
}

static int
verify(X509_STORE_CTX *store, const struct sr_tls_context *c, X509 *cert, char **ret_peer)
{
    bool pinned = is_pinned(c, cert);
    int error = X509_V_OK;

    if (X509_verify_cert(store) != 1) {
        error = X509_STORE_CTX_get_error(store);
        error = error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
    }
    if (pinned && lacks_chain(error)) {
        error = check_dates(cert);
    }
    if (error == X509_V_OK && !is_permitted(c, cert, pinned, ret_peer)) {
        error = X509_V_ERR_APPLICATION_VERIFICATION;
    }
    return error;
}

int
tls_verify_peer(X509_STORE_CTX *store, void *context)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct sr_tls_session *s = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    int error = verify(store, context, cert, &s->peer);

    X509_STORE_CTX_set_error(store, error);
    if (error != X509_V_OK && s->refused == NULL && X509_up_ref(cert) == 1) {
        s->refused = cert;
    }
    return error == X509_V_OK;
}

const char *
tls_verify_reason(int error, const char **ret_advice)
{
    static const struct {
        int error;
        const char *reason, *advice;
    } known[] = {
        { X509_V_ERR_APPLICATION_VERIFICATION, "not_permitted",
            "if it may send, add one of its names or its fingerprint to tls.permitted_peers" },
        { X509_V_ERR_CERT_HAS_EXPIRED, "expired",
            "its certificate, or that of the CA that signed it, is over: renew it" },
        { X509_V_ERR_CERT_NOT_YET_VALID, "not_yet_valid",
            "its certificate begins later: see the clocks of both hosts" },
        { X509_V_ERR_CERT_REVOKED, "revoked", "tls.crl_file says so; give it a new certificate" },
        { X509_V_ERR_CRL_HAS_EXPIRED, "crl_expired",
            "tls.crl_file is older than its next update: fetch the CA's current one" },
        { X509_V_ERR_CRL_NOT_YET_VALID, "crl_expired",
            "tls.crl_file begins later: see the clock of this host" },
        { X509_V_ERR_UNABLE_TO_GET_CRL, "crl_missing",
            "tls.crl_file must hold a list of each CA of the chain: add what is missing" },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].error == error) {
            *ret_advice = known[i].advice;
            return known[i].reason;
        }
    }
    if (lacks_chain(error)) {
        *ret_advice = "tls.ca_file does not hold who signed it: add that CA, or the fingerprint to "
                      "tls.permitted_peers; or let the sender send its intermediate certificates";
        return "untrusted";
    }
    *ret_advice = "give the sender another certificate";
    return "bad_certificate";
}
