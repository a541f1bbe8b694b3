/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#include "sr/banned.h"

#define WINDOW_DEFAULT 4096U /* what the collectors have in flight, sr/window.h */
#define WINDOW_MAX LEDGER_NUMBERS_MAX
#define WAIT_DEFAULT 10U /* seconds */
#define WAIT_MAX 3600U

struct verify_flags
verify_flags_none(void)
{
    return (struct verify_flags){ .window = WINDOW_DEFAULT, .wait_s = WAIT_DEFAULT };
}

bool
verify_flags_is(int code)
{
    return code >= VERIFY_FLAG_URL && code < VERIFY_FLAG_END;
}

static bool
take_number(const char *command, const char *name, const char *text, uint64_t max, uint64_t *ret)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || number > max) {
        complain("%s: --%s wants a number up to %llu, not \"%s\"", command, name,
            (unsigned long long)max, text);
        return false;
    }
    *ret = number;
    return true;
}

bool
verify_flags_take(struct verify_flags *flags, const char *command, int code, const char *value)
{
    flags->given = true;
    switch (code) {
    case VERIFY_FLAG_URL: flags->url = value; return true;
    case VERIFY_FLAG_STREAM: flags->stream = value; return true;
    case VERIFY_FLAG_SUBJECT: flags->subject = value; return true;
    case VERIFY_FLAG_CREDS: flags->creds_file = value; return true;
    case VERIFY_FLAG_CA: flags->ca_file = value; return true;
    case VERIFY_FLAG_CERT: flags->cert_file = value; return true;
    case VERIFY_FLAG_KEY: flags->key_file = value; return true;
    case VERIFY_FLAG_WINDOW:
        return take_number(command, "verify-window", value, WINDOW_MAX, &flags->window);
    case VERIFY_FLAG_WAIT:
        return take_number(command, "verify-wait", value, WAIT_MAX, &flags->wait_s);
    default: return false;
    }
}

static bool
is_url(const char *url)
{
    return strncmp(url, "nats://", 7) == 0 || strncmp(url, "tls://", 6) == 0;
}

bool
verify_flags_check(const struct verify_flags *flags, const char *command, uint64_t count)
{
    const char *wrong = NULL;

    if (flags->url == NULL) {
        wrong = flags->given ? "--verify URL says which NATS server to read from" : NULL;
    } else if (!is_url(flags->url)) {
        wrong = "--verify wants nats://HOST:PORT or tls://HOST:PORT";
    } else if (flags->stream == NULL) {
        wrong = "--verify wants --stream NAME: the stream that the collector publishes to";
    } else if ((flags->cert_file == NULL) != (flags->key_file == NULL)) {
        wrong = "--verify-cert and --verify-key go together";
    } else if (count > LEDGER_NUMBERS_MAX) {
        complain("%s: one run can verify %llu messages, with %u bytes of memory for each: lower "
                 "--count",
            command, (unsigned long long)LEDGER_NUMBERS_MAX, LEDGER_BYTES_EACH);
        return false;
    }
    if (wrong != NULL) {
        complain("%s: %s", command, wrong);
    }
    return wrong == NULL;
}

struct verify_options
verify_flags_options(const struct verify_flags *flags, const char *ca_file)
{
    return (struct verify_options){
        .url = flags->url,
        .creds_file = flags->creds_file,
        .ca_file = flags->ca_file != NULL ? flags->ca_file : ca_file,
        .cert_file = flags->cert_file,
        .key_file = flags->key_file,
        .stream = flags->stream,
        .subject = flags->subject,
        .window = flags->window,
        .quiet_s = (unsigned)flags->wait_s,
    };
}
