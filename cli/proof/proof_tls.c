/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/proof_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "sr/banned.h"

/* Alerts of RFC 8446, section 6, that are about the client's certificate. */
enum alert {
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_CERTIFICATE_REVOKED = 44,
    ALERT_CERTIFICATE_EXPIRED = 45,
    ALERT_CERTIFICATE_UNKNOWN = 46,
    ALERT_UNKNOWN_CA = 48,
    ALERT_CERTIFICATE_REQUIRED = 116,
};

/* What OpenSSL adds to the number of an alert that came in. */
#define ALERT_OFFSET SSL_AD_REASON_OFFSET

int
wire_alert(void)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);

    return ERR_GET_LIB(code) == ERR_LIB_SSL && reason > ALERT_OFFSET ? reason - ALERT_OFFSET : 0;
}

/* Whether `file` can be opened; says why not. */
static bool
is_readable(const char *file, struct proof_report *report)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)close(fd);
        return true;
    }
    int err = errno;
    (void)trouble_errno(&report->trouble, err, "read", file + (*file == '/'));
    if (err == ENOENT) {
        trouble_remedy(&report->trouble, "enrol this host, or correct the path in nats.tls");
    }
    return false;
}

/* Encrypted keys are of no use to a service, and must not ask at the terminal here. */
static int
no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

static bool
load_ca(SSL_CTX *context, const char *file, struct proof_report *report)
{
    if (file == NULL) {
        return SSL_CTX_set_default_verify_paths(context) == 1;
    }
    if (!is_readable(file, report)) {
        return false;
    }
    return SSL_CTX_load_verify_locations(context, file, NULL) == 1 ||
           trouble_say(&report->trouble, 0, "enrol again, or put the CA's certificates there",
               "%s holds no certificates in PEM form", file);
}

static bool
load_client(SSL_CTX *context, const struct proof_target *t, struct proof_report *report)
{
    if (t->cert_file == NULL) {
        return true;
    }
    const char *key = t->key_file != NULL ? t->key_file : t->cert_file;
    if (!is_readable(t->cert_file, report) || !is_readable(key, report)) {
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(context, t->cert_file) != 1) {
        return trouble_say(&report->trouble, 0, "enrol again",
            "%s holds no certificate in PEM form", t->cert_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1) {
        return true;
    }
    bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    return trouble_say(&report->trouble, 0, "enrol again", "%s holds %s", key,
        other ? "the key of another certificate" : "no private key that can be used");
}

/* Keeps the first certificate that is refused, and why. */
static int
on_verify(int good, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct wire *w = SSL_get_app_data(ssl);

    if (!good && w->verify_error == X509_V_OK) {
        X509 *refused = X509_STORE_CTX_get_current_cert(store);
        w->verify_error = X509_STORE_CTX_get_error(store);
        if (refused != NULL && X509_up_ref(refused) == 1) {
            w->refused = refused;
        }
    }
    return good;
}

static bool
is_address(const char *host)
{
    struct in6_addr scratch;

    return inet_pton(AF_INET, host, &scratch) == 1 || inet_pton(AF_INET6, host, &scratch) == 1;
}

static bool
prepare(struct wire *w, const struct wire_url *url, const struct proof_target *target,
    struct proof_report *report)
{
    ERR_clear_error();
    w->context = SSL_CTX_new(TLS_client_method());
    if (w->context == NULL) {
        return false;
    }
    SSL_CTX_set_default_passwd_cb(w->context, no_password);
    SSL_CTX_set_verify(w->context, SSL_VERIFY_PEER, on_verify);
    if (!load_ca(w->context, target->ca_file, report) || !load_client(w->context, target, report)) {
        return false;
    }
    w->ssl = SSL_new(w->context);
    return w->ssl != NULL && SSL_set_app_data(w->ssl, w) == 1 &&
           SSL_set1_host(w->ssl, url->host) == 1 && SSL_set_fd(w->ssl, w->fd) == 1 &&
           (is_address(url->host) || SSL_set_tlsext_host_name(w->ssl, url->host) == 1);
}

static void
name_of(X509_NAME *name, char *out, size_t size)
{
    char text[256] = "";

    if (name != NULL) {
        (void)X509_NAME_oneline(name, text, sizeof(text));
    }
    wire_clean(out, size, text);
}

/* Appends a name to a list. */
static void
add_name(char *out, size_t size, const char *text)
{
    size_t used = strlen(out);
    char clean[128];

    wire_clean(clean, sizeof(clean), text);
    (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", clean);
}

/* The names and addresses a certificate is for: those that count (RFC 6125, section 6.4). */
static void
names_of(X509 *certificate, char *out, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char address[INET6_ADDRSTRLEN] = "";
        if (name->type == GEN_DNS) {
            add_name(out, size, (const char *)ASN1_STRING_get0_data(name->d.dNSName));
        } else if (name->type == GEN_IPADD) {
            int len = ASN1_STRING_length(name->d.iPAddress);
            const void *bytes = ASN1_STRING_get0_data(name->d.iPAddress);
            if (len == 4 || len == 16) {
                (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, address, sizeof(address));
                add_name(out, size, address);
            }
        }
    }
    GENERAL_NAMES_free(names);
}

static void
time_text(const ASN1_TIME *when, char *out, size_t size)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(when, &tm) != 1 || strftime(out, size, "%Y-%m-%d %H:%M UTC", &tm) == 0) {
        (void)snprintf(out, size, "an unreadable time");
    }
}

static enum proof_result
say_time(struct wire *w, struct proof_report *report)
{
    bool early = w->verify_error == X509_V_ERR_CERT_NOT_YET_VALID;
    const ASN1_TIME *when =
        early ? X509_get0_notBefore(w->refused) : X509_get0_notAfter(w->refused);
    char limit[32], now_text[32];
    time_t now = time(NULL);
    struct tm tm;
    int days = 0, seconds = 0;

    time_text(when, limit, sizeof(limit));
    (void)gmtime_r(&now, &tm);
    (void)strftime(now_text, sizeof(now_text), "%Y-%m-%d %H:%M UTC", &tm);
    if (early && ASN1_TIME_diff(&days, &seconds, NULL, when) == 1) {
        report->clock_offset_s = (int64_t)days * 86400 + seconds;
    }
    (void)trouble_say(&report->trouble, 0,
        early ? "set this host's clock (timedatectl); if it is right, the server's certificate is "
                "made wrongly"
              : "renew the server's certificate; if this host's clock is wrong, set it "
                "(timedatectl)",
        "the server's certificate is %s %s, and this host's clock says %s",
        early ? "not valid before" : "expired since", limit, now_text);
    return PROOF_TLS_TIME;
}

static enum proof_result
say_ca(struct wire *w, const struct proof_target *target, struct proof_report *report)
{
    char issuer[200] = "an unknown authority";

    if (w->refused != NULL) {
        name_of(X509_get_issuer_name(w->refused), issuer, sizeof(issuer));
    }
    if (w->verify_error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT && target->ca_file != NULL) {
        (void)trouble_say(&report->trouble, 0, "add the root certificate to the file",
            "%s has an intermediate certificate, but not the root %s that issued it",
            target->ca_file, issuer);
        return PROOF_TLS_CA;
    }
    (void)trouble_say(&report->trouble, 0,
        "enrol again to get the right CA file; if the server is another one, correct the URL",
        "the server's certificate was issued by %s, which is not in %s", issuer,
        target->ca_file != NULL ? target->ca_file : "this host's list of trusted authorities");
    return PROOF_TLS_CA;
}

static enum proof_result
say_name(struct wire *w, const struct wire_url *url, struct proof_report *report)
{
    char names[400] = "";

    if (w->refused != NULL) {
        names_of(w->refused, names, sizeof(names));
    }
    (void)trouble_say(&report->trouble, 0,
        "put one of these names into the URL, or the URL's name into the server's certificate",
        "the server's certificate is for %s, not for \"%s\"",
        names[0] != '\0' ? names : "no name at all", url->host);
    return PROOF_TLS_NAME;
}

/* Why the server's certificate is refused. */
static enum proof_result
say_refused(struct wire *w, const struct wire_url *url, const struct proof_target *target,
    struct proof_report *report)
{
    switch (w->verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        if (w->refused != NULL) {
            return say_time(w, report);
        }
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return say_name(w, url, report);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: return say_ca(w, target, report);
    default: break;
    }
    (void)trouble_say(&report->trouble, 0, "let the server's certificate be issued again",
        "the server's certificate is refused: %s", X509_verify_cert_error_string(w->verify_error));
    return PROOF_TLS_OTHER;
}

bool
wire_wants_client(const struct wire *w, bool shown, int alert)
{
    return alert == ALERT_CERTIFICATE_REQUIRED || alert == ALERT_BAD_CERTIFICATE ||
           alert == ALERT_UNKNOWN_CA ||
           (alert >= ALERT_CERTIFICATE_REVOKED && alert <= ALERT_CERTIFICATE_UNKNOWN) ||
           (w->tls_verify && !shown);
}

enum proof_result
wire_say_client(const struct proof_target *target, int alert, struct proof_report *report)
{
    if (target->cert_file == NULL) {
        (void)trouble_say(&report->trouble, 0,
            "set nats.tls.cert_file and key_file, or enrol again to get a certificate",
            "the server wants a client certificate, and none is configured");
        return PROOF_TLS_CLIENT;
    }
    const char *why = "the server's CA did not issue it, or it is not one for clients";
    if (alert == ALERT_CERTIFICATE_EXPIRED) {
        why = "it has expired";
    } else if (alert == ALERT_CERTIFICATE_REVOKED) {
        why = "it is revoked";
    }
    (void)trouble_say(&report->trouble, 0,
        "renew the certificate (serviceradar-cli renew) or enrol again",
        "the server refuses the client certificate %s: %s", target->cert_file, why);
    return PROOF_TLS_CLIENT;
}

static enum proof_result
say_handshake(struct wire *w, const struct wire_url *url, const struct proof_target *target,
    enum wire_end end, struct proof_report *report)
{
    int alert = wire_alert();
    unsigned long code = ERR_peek_last_error();

    if (end == WIRE_TIMEOUT) {
        (void)trouble_say(&report->trouble, 0,
            "look at the server's log, and for a firewall that inspects TLS",
            "%s stays silent during the TLS handshake", url->shown);
        return PROOF_SILENT;
    }
    if (w->verify_error != X509_V_OK) {
        return say_refused(w, url, target, report);
    }
    if (wire_wants_client(w, target->cert_file != NULL, alert)) {
        return wire_say_client(target, alert, report);
    }
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    (void)trouble_say(&report->trouble, 0,
        alert == ALERT_HANDSHAKE_FAILURE
            ? "let the server allow TLS 1.2 or later with usual ciphers"
            : "look at the server's log",
        "the TLS handshake fails: %s",
        reason != NULL ? reason : "the server closes the connection");
    return PROOF_TLS_OTHER;
}

enum proof_result
wire_start_tls(struct wire *w, const struct wire_url *url, const struct proof_target *target,
    struct proof_report *report)
{
    report->trouble.cause[0] = '\0';
    if (!prepare(w, url, target, report)) {
        return report->trouble.cause[0] != '\0' ? PROOF_FILES : PROOF_MEMORY;
    }
    wire_begin(w);
    for (;;) {
        ERR_clear_error();
        int code = SSL_connect(w->ssl);
        if (code == 1) {
            return PROOF_OK;
        }
        int wanted = SSL_get_error(w->ssl, code);
        enum wire_end end = WIRE_CLOSED;
        if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE) {
            end = wire_wait(w, wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
        }
        if (end != WIRE_OK) {
            return say_handshake(w, url, target, end, report);
        }
    }
}
