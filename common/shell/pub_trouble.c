/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/pub_trouble.h"

#include <stdio.h>
#include <string.h>

#include "sr/clock.h"
#include "sr/creds.h"
#include "sr/log.h"

#include "sr/banned.h"

#define TELL_NS (60 * SR_NS_PER_SECOND)
#define UNKNOWN_AUTHORITY                                                                          \
    "the server's certificate is not signed by an authority of nats.tls.ca_file (unset: of this "  \
    "host)"
#define NO_ADVICE "see the error; records wait in the queue"
#define WRONG_NAME "the server's certificate is for another name than nats.url has"

/* What an error of nats.c means to the operator. */
static const char *
connect_advice(const char *error)
{
    static const struct {
        const char *sign, *advice;
    } table[] = {
        { "authorization violation",
            "the server refuses the credentials: they are expired, revoked or of another server; "
            "enrol again" },
        { "authentication", "the server refuses the credentials: enrol again" },
        /* What X509_verify_cert_error_string() says, within nats.c's own text. */
        { "issuer certificate", UNKNOWN_AUTHORITY },
        { "verify the first certificate", UNKNOWN_AUTHORITY },
        { "self-signed certificate", UNKNOWN_AUTHORITY },
        { "certificate signature failure", UNKNOWN_AUTHORITY },
        { "certificate has expired", "the server's certificate has expired, or this host's clock "
                                     "is wrong" },
        { "certificate is not yet valid", "the server's certificate is not valid yet, or this "
                                          "host's clock is wrong" },
        { "hostname mismatch", WRONG_NAME },
        { "ip address mismatch", WRONG_NAME },
        { "secure connection not available",
            "the server offers no TLS, which tls:// in nats.url demands" },
        { "expected 'pong'", "the server closed at once: it wants a client certificate "
                             "(nats.tls.cert_file) that it trusts" },
        { "certificate required", "the server wants a client certificate: nats.tls.cert_file" },
        { "unknown ca", "the server does not trust nats.tls.cert_file" },
        { "secure connection required", "the server demands TLS: write tls:// in nats.url" },
        { "no such file", "a file named under nats is missing" },
        { "permissions violation for subscription", "the user may not receive acknowledgements: "
                                                    "allow its inbox, or set nats.inbox_prefix" },
        { "no server available", "nothing answers at nats.url: is the server up and reachable?" },
        { "timeout", "the server does not answer in time" },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcasestr(error, table[i].sign) != NULL) {
            return table[i].advice;
        }
    }
    return NO_ADVICE;
}

/* What is wrong with the credentials by our own look at them; NULL: nothing, or there are none. */
static const char *
creds_advice(const char *file)
{
    struct sr_creds_info info;
    enum sr_creds_err err = SR_CREDS_OK;

    if (file != NULL) {
        err = sr_creds_check(file, sr_clock_wall_ns() / SR_NS_PER_SECOND, &info);
    }
    return err != SR_CREDS_OK ? sr_creds_strerror(err) : NULL;
}

void
pub_trouble_tell(struct pub_trouble *t, uint64_t now_ns, const struct sr_conf_nats *conf,
    size_t url, const char *what, const char *error)
{
    const char *server = conf->url.items[url];
    const char *creds = creds_advice(conf->creds_file);
    const char *advice = creds != NULL ? creds : connect_advice(error);
    const char *cause = strcmp(advice, NO_ADVICE) != 0 ? advice : error;

    if (strcmp(t->cause, cause) == 0 && now_ns - t->told_ns < TELL_NS) {
        return;
    }
    (void)snprintf(t->cause, sizeof(t->cause), "%s", cause);
    t->told_ns = now_ns;
    if (creds != NULL) {
        sr_log(SR_LOG_ERROR, "%s url=%s error=\"%s\" creds_file=%s advice=\"%s\"", what, server,
            error, conf->creds_file, creds);
    } else {
        sr_log(SR_LOG_WARNING, "%s url=%s error=\"%s\" advice=\"%s\"", what, server, error, advice);
    }
}

void
pub_trouble_end(struct pub_trouble *t)
{
    t->cause[0] = '\0';
}
