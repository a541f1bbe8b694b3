/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/https.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "enroll/https_tls.h"
#include "files.h"

#include "sr/banned.h"

#define CONNECT_MAX_S 15
#define SILENCE_MAX_S 20
#define SLOWEST 16 /* bytes a second over SILENCE_MAX_S: slower is silent */
#define HEADER_ROOM (TOKEN_TEXT_MAX + 64)
#define CA_FILE_MAX (4U << 20)

/* A request under way. */
struct exchange {
    const struct https_options *options;
    const struct https_request *request;
    CURL *curl;
    struct curl_slist *headers;
    struct https_tls tls;
    struct https_answer answer;
    bool too_big;
    bool connected;            /* TCP; TLS begins */
    char site[HTTPS_TEXT_MAX]; /* "host:port" for messages */
    char error[CURL_ERROR_SIZE];
};

/* ---- Memory: curl keeps copies of URLs and headers, and so of secrets ---- */

static void
wiping_free(void *memory)
{
    if (memory != NULL) {
        OPENSSL_cleanse(memory, malloc_usable_size(memory));
        free(memory);
    }
}

static void *
wiping_realloc(void *memory, size_t size)
{
    void *larger = malloc(size);
    size_t old = memory != NULL ? malloc_usable_size(memory) : 0;

    if (larger != NULL) {
        memcpy(larger, memory != NULL ? memory : "", old < size ? old : size);
        wiping_free(memory);
    }
    return larger;
}

static bool
start_curl(struct trouble *trouble)
{
    static bool started;

    started = started || curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free,
                             wiping_realloc, strdup, calloc) == CURLE_OK;
    return started || trouble_say(trouble, 0, "reinstall libcurl, and free memory",
                          "the library for HTTPS (libcurl) does not start");
}

/* ---- Texts ---- */

static void
printable(char *out, size_t size, const char *text, const char *stop)
{
    size_t len = 0;

    for (; *text != '\0' && strchr(stop, *text) == NULL && len + 1 < size; text++) {
        out[len++] = *text >= 0x20 && *text <= 0x7e ? *text : '?';
    }
    out[len] = '\0';
}

void
https_public_url(char out[HTTPS_TEXT_MAX], const char *url)
{
    printable(out, HTTPS_TEXT_MAX, url, "?#");
}

static void
set_site(struct exchange *x)
{
    const char *host = strstr(x->request->url, "://");

    printable(x->site, sizeof(x->site), host != NULL ? host + 3 : x->request->url, "/?#");
}

/* ---- What curl calls ---- */

static size_t
take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct exchange *x = arg;
    size_t len = size * count;

    if (len > HTTPS_ANSWER_MAX - x->answer.len) {
        x->too_big = true;
        return 0;
    }
    memcpy(x->answer.body + x->answer.len, bytes, len);
    x->answer.len += len;
    return len;
}

static CURLcode
take_over_verification(CURL *curl, void *ssl_ctx, void *arg)
{
    struct exchange *x = arg;

    (void)curl;
    x->connected = true;
    SSL_CTX_set_cert_verify_callback(ssl_ctx, https_tls_verify, &x->tls);
    return CURLE_OK;
}

/* ---- Making the request ---- */

static bool
add_header(struct exchange *x, const char *name, const char *value)
{
    char line[HEADER_ROOM];
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = NULL;

    if (len > 0 && (size_t)len < sizeof(line)) {
        longer = curl_slist_append(x->headers, line);
    }
    OPENSSL_cleanse(line, sizeof(line));
    x->headers = longer != NULL ? longer : x->headers;
    return longer != NULL;
}

static bool
add_headers(struct exchange *x)
{
    const struct https_request *r = x->request;

    return add_header(x, "Accept", "application/gzip, application/json") &&
           (r->token == NULL || add_header(x, "X-ServiceRadar-Download-Token", r->token)) &&
           (r->host == NULL || add_header(x, "X-ServiceRadar-Host", r->host)) &&
           (r->body.len == 0 || add_header(x, "Content-Type", "application/json"));
}

static unsigned
at_most(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* curl_easy_setopt is a macro that checks types; `ok` collects its answers. */
static bool
set_bounds(struct exchange *x)
{
    CURL *c = x->curl;
    unsigned all = x->options->timeout_s;
    bool ok = curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;

#if LIBCURL_VERSION_NUM >= 0x075500
    ok = ok && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK;
#else
    ok = ok && curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS) == CURLE_OK;
#endif
    ok = ok && curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)HTTPS_ANSWER_MAX) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)all) == CURLE_OK;
    ok = ok &&
         curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)at_most(all, CONNECT_MAX_S)) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOWEST) == CURLE_OK;
    return ok && curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)at_most(all, SILENCE_MAX_S)) ==
                     CURLE_OK;
}

/* Only what is asked for is trusted: curl would add the system's folder to a --ca-file. */
static bool
set_tls(struct exchange *x)
{
    CURL *c = x->curl;
    const char *ca_file = x->options->ca_file;
    bool ok = curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;

    ok = ok && curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    if (ca_file != NULL) {
        ok = ok && curl_easy_setopt(c, CURLOPT_CAINFO, ca_file) == CURLE_OK;
        ok = ok && curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    ok = ok && curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, take_over_verification) == CURLE_OK;
    return ok && curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, x) == CURLE_OK;
}

static bool
set_request(struct exchange *x)
{
    CURL *c = x->curl;
    const struct https_request *r = x->request;
    bool ok = curl_easy_setopt(c, CURLOPT_URL, r->url) == CURLE_OK;

    ok = ok && curl_easy_setopt(c, CURLOPT_USERAGENT, "serviceradar-cli") == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK;
    ok = ok && curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->error) == CURLE_OK;
    if (r->post) {
        ok = ok && curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK;
        ok = ok && curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)r->body.len) == CURLE_OK;
        ok = ok && curl_easy_setopt(c, CURLOPT_POSTFIELDS,
                       r->body.len > 0 ? (const char *)r->body.data : "") == CURLE_OK;
    }
    return ok;
}

/* ---- What came of it ---- */

static enum https_err
say(enum https_err err, struct trouble *trouble, const char *remedy, const char *before,
    const struct exchange *x, const char *after)
{
    (void)trouble_say(trouble, 0, remedy, "%s %s%s", before, x->site, after);
    return err;
}

static void
write_now(char *out, size_t size)
{
    time_t now = time(NULL);
    struct tm tm;

    (void)strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &tm));
}

static bool
is_of_time(int error)
{
    return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* The chain or the name was refused. */
static enum https_err
tell_verification(const struct exchange *x, struct trouble *trouble)
{
    const struct https_tls *tls = &x->tls;
    char now[32];

    if (tls->error == X509_V_OK) {
        (void)trouble_say(trouble, 0,
            "use the name that its certificate is for, or have one issued for this name",
            "the server at %s has a certificate for another name", x->site);
        return HTTPS_ETLS_NAME;
    }
    if (is_of_time(tls->error)) {
        write_now(now, sizeof(now));
        (void)trouble_say(trouble, 0,
            "set this host's clock (timedatectl) if it is wrong; else have the server's "
            "certificate renewed",
            "the certificate \"%s\" of %s is valid from %s to %s, and this host's clock says %s",
            tls->subject, x->site, tls->from, tls->until, now);
        return HTTPS_ETLS_TIME;
    }
    if (tls->pin_missing) {
        (void)trouble_say(trouble, 0,
            "have the server present its CA too, or give that with --ca-file; if the CA is new, "
            "have a "
            "new token made; if it is none of these, somebody may be in between",
            "the server at %s presents no certificate of the pinned CA", x->site);
        return HTTPS_ETLS_PIN;
    }
    (void)trouble_say(trouble, 0,
        x->options->ca_file != NULL
            ? "give the file of the CA that signed the server's certificate with --ca-file"
            : "give its CA with --ca-file FILE or --ca-pin sha256:..., or use a token with a pin",
        "the certificate \"%s\" of %s is not of a trusted CA (%s)", tls->subject, x->site,
        X509_verify_cert_error_string(tls->error));
    return HTTPS_ETLS_CA;
}

static bool
has_time(CURL *curl, CURLINFO info)
{
    curl_off_t us = 0;

    return curl_easy_getinfo(curl, info, &us) == CURLE_OK && us > 0;
}

static enum https_err
tell_timeout(const struct exchange *x, struct trouble *trouble)
{
    if (!x->connected) {
        return say(HTTPS_ETCP, trouble,
            "open the way to it in the firewall, check the address, or set https_proxy",
            "nothing answers at", x, "");
    }
    return say(HTTPS_ESILENT, trouble,
        "see whether the server is overloaded, and what is in between; then run it again",
        "the server at", x, " accepts the connection, then stays silent or is too slow");
}

static enum https_err
tell_broken(const struct exchange *x, struct trouble *trouble)
{
    long code = 0;

    /* A proxy that refuses CONNECT looks like a connection that ended. */
    if (curl_easy_getinfo(x->curl, CURLINFO_HTTP_CONNECTCODE, &code) == CURLE_OK && code >= 300) {
        (void)trouble_say(trouble, 0, "have the proxy allow it, or except the host with no_proxy",
            "the proxy refuses to connect to %s (%ld)", x->site, code);
        return HTTPS_EPROXY;
    }
    return say(HTTPS_ECUT, trouble, "run it again; if that fails too, look at the server's log",
        "the connection to", x, " ended before its answer was complete");
}

static enum https_err
tell_tls(const struct exchange *x, struct trouble *trouble)
{
    char why[HTTPS_TEXT_MAX];

    printable(why, sizeof(why), x->error, "");
    (void)trouble_say(trouble, 0,
        "check that the port is that of HTTPS, and that the server takes TLS 1.2 or newer",
        "no TLS connection to %s can be made (%s)", x->site, why);
    return HTTPS_ETLS;
}

static enum https_err
tell_other(const struct exchange *x, CURLcode code, struct trouble *trouble)
{
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY) {
        return say(HTTPS_ENOTHTTP, trouble, "check the address and the port", "what answers at", x,
            " does not speak HTTP");
    }
    (void)trouble_say(trouble, 0, "free memory and run it again",
        "the request to %s cannot be made (%s)", x->site, curl_easy_strerror(code));
    return HTTPS_ESTART;
}

/* One cause and one remedy for what curl could not do. */
static enum https_err
tell(const struct exchange *x, CURLcode code, struct trouble *trouble)
{
    if (x->too_big || code == CURLE_FILESIZE_EXCEEDED) {
        return say(HTTPS_ETOOBIG, trouble, "check the address: no bundle is that large",
            "the answer of", x, " is over 1 MiB");
    }
    if (x->tls.asked && code == CURLE_PEER_FAILED_VERIFICATION) {
        return tell_verification(x, trouble);
    }
    if (code == CURLE_COULDNT_RESOLVE_HOST) {
        return say(HTTPS_EDNS, trouble, "check the name, and this host's DNS (/etc/resolv.conf)",
            "the name of", x, " is not known");
    }
    if (code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY) {
        return say(HTTPS_EPROXY, trouble, "check https_proxy and no_proxy in the environment",
            "the proxy on the way to", x, " cannot be used");
    }
    if (code == CURLE_COULDNT_CONNECT) {
        return say(HTTPS_ETCP, trouble,
            "check the address and the port, that the server runs, and the firewall (or "
            "https_proxy)",
            "nothing accepts a connection at", x, "");
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return tell_timeout(x, trouble);
    }
    if (code == CURLE_SSL_CONNECT_ERROR) {
        return tell_tls(x, trouble);
    }
    if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
        code == CURLE_GOT_NOTHING || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM) {
        return tell_broken(x, trouble);
    }
    return tell_other(x, code, trouble);
}

static void
read_headers(struct exchange *x)
{
    const char *type = NULL;
    const char *location = NULL;
    curl_off_t wait_s = 0;

    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &x->answer.status);
    (void)curl_easy_getinfo(x->curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(x->curl, CURLINFO_REDIRECT_URL, &location);
    (void)curl_easy_getinfo(x->curl, CURLINFO_RETRY_AFTER, &wait_s);
    printable(x->answer.content_type, HTTPS_TEXT_MAX, type != NULL ? type : "", "; ");
    for (char *c = x->answer.content_type; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    }
    https_public_url(x->answer.location, location != NULL ? location : "");
    x->answer.retry_after_s = wait_s > 0 && wait_s < 1000000 ? (long)wait_s : 0;
}

/* Whether the file has PEM in it; curl's own words for that name no file. */
static bool
check_ca_file(const char *path, struct trouble *trouble)
{
    char *text = NULL;
    size_t len = 0;

    if (path == NULL) {
        return true;
    }
    if (!files_read(path, CA_FILE_MAX, &text, &len)) {
        return trouble_say(trouble, errno, "give the PEM file of the server's CA",
            "cannot read --ca-file %s: %s", path, strerror(errno));
    }
    bool is_pem = strstr(text, "-----BEGIN CERTIFICATE-----") != NULL ||
                  strstr(text, "-----BEGIN TRUSTED CERTIFICATE-----") != NULL;
    free(text);
    return is_pem || trouble_say(trouble, 0, "give the PEM file of the server's CA",
                         "there is no certificate in --ca-file %s", path);
}

static enum https_err
perform(struct exchange *x, bool *ret_sent, struct trouble *trouble)
{
    x->answer.body = malloc(HTTPS_ANSWER_MAX);
    x->curl = curl_easy_init();
    if (x->answer.body == NULL || x->curl == NULL || !add_headers(x) || !set_bounds(x) ||
        !set_tls(x) || !set_request(x)) {
        return say(HTTPS_ESTART, trouble, "free memory, or install libcurl with OpenSSL",
            "the request to", x, " cannot be made");
    }
    CURLcode code = curl_easy_perform(x->curl);
    *ret_sent = has_time(x->curl, CURLINFO_APPCONNECT_TIME_T);
    if (code == CURLE_SSL_CACERT_BADFILE) {
        (void)trouble_say(trouble, 0,
            x->options->ca_file != NULL ? "give the PEM file of the server's CA"
                                        : "install ca-certificates, or give --ca-file",
            "the certificates of trusted CAs%s%s cannot be read",
            x->options->ca_file != NULL ? " in --ca-file " : "",
            x->options->ca_file != NULL ? x->options->ca_file : "");
        return HTTPS_ECAFILE;
    }
    if (code != CURLE_OK) {
        return tell(x, code, trouble);
    }
    read_headers(x);
    return HTTPS_OK;
}

enum https_err
https_run(const struct https_options *options, const struct https_request *request,
    struct https_answer *ret_answer, bool *ret_sent, struct trouble *trouble)
{
    struct exchange x = { .options = options, .request = request };

    *ret_sent = false;
    x.tls.ca_pin = options->ca_pin;
    set_site(&x);
    if (!check_ca_file(options->ca_file, trouble)) {
        return HTTPS_ECAFILE;
    }
    if (!start_curl(trouble)) {
        return HTTPS_ESTART;
    }
    enum https_err err = perform(&x, ret_sent, trouble);
    curl_easy_cleanup(x.curl);
    curl_slist_free_all(x.headers);
    if (err == HTTPS_OK) {
        *ret_answer = x.answer;
    } else {
        https_answer_done(&x.answer);
    }
    return err;
}

void
https_answer_done(struct https_answer *answer)
{
    if (answer->body != NULL) {
        OPENSSL_cleanse(answer->body, answer->len);
        free(answer->body);
    }
    *answer = (struct https_answer){ .body = NULL };
}
