/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/verify_flags.h"

#include <inttypes.h>
#include <string.h>

#include "command.h"

#include "sr/banned.h"

#define WINDOW_DEFAULT 4096U /* what the collectors have in flight, sr/window.h */
#define WAIT_DEFAULT 10U     /* seconds */
#define WAIT_MAX 3600U

void
verify_flags_init(struct verify_flags *flags)
{
    *flags = (struct verify_flags){
        .options = { .window = WINDOW_DEFAULT, .quiet_s = WAIT_DEFAULT },
    };
}

static bool
take_wait(struct verify_options *o, const char *value)
{
    uint64_t seconds;

    if (!send_flags_number("verify-wait", value, 0, WAIT_MAX, &seconds)) {
        return false;
    }
    o->quiet_s = (unsigned)seconds;
    return true;
}

enum send_flag_result
verify_flags_take(struct verify_flags *flags, int option, const char *value)
{
    struct verify_options *o = &flags->options;
    bool fine = true;

    switch (option) {
    case VERIFY_FLAG_URL: o->url = value; break;
    case VERIFY_FLAG_STREAM: o->stream = value; break;
    case VERIFY_FLAG_SUBJECT: o->subject = value; break;
    case VERIFY_FLAG_CREDS: o->creds_file = value; break;
    case VERIFY_FLAG_CA: o->ca_file = value; break;
    case VERIFY_FLAG_CERT: o->cert_file = value; break;
    case VERIFY_FLAG_KEY: o->key_file = value; break;
    case VERIFY_FLAG_WINDOW:
        fine = send_flags_number("verify-window", value, 0, LEDGER_NUMBERS_MAX, &o->window);
        break;
    case VERIFY_FLAG_WAIT: fine = take_wait(o, value); break;
    default: return SEND_FLAG_OTHER;
    }
    flags->given = true;
    return fine ? SEND_FLAG_TAKEN : SEND_FLAG_WRONG;
}

/*
 * Whether a stream can have this name. It becomes a part of a subject in a line of the protocol, in
 * which a blank would begin something else.
 */
static bool
is_stream_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || strchr(".*>/\\", *at) != NULL) {
            return false;
        }
    }
    return *name != '\0';
}

static bool
is_subject(const char *subject)
{
    return *subject != '\0' && strpbrk(subject, " \t\r\n") == NULL;
}

/* What does not fit, NULL: nothing. */
static const char *
find_fault(const struct verify_flags *flags)
{
    const struct verify_options *o = &flags->options;

    if (o->url == NULL) {
        return flags->given ? "--verify nats://HOST:PORT says where to read the stream" : NULL;
    }
    if (strncmp(o->url, "nats://", 7) != 0 && strncmp(o->url, "tls://", 6) != 0) {
        return "--verify wants nats://HOST:PORT or tls://HOST:PORT";
    }
    if (o->stream == NULL) {
        return "--verify wants --stream NAME, the stream that the collector publishes to";
    }
    if (!is_stream_name(o->stream)) {
        return "--stream wants the name of a stream, which is no subject: without blanks, '.', "
               "'*', '>', '/' and '\\'";
    }
    if (o->subject != NULL && !is_subject(o->subject)) {
        return "--subject wants a subject without blanks, as logs.syslog or logs.>";
    }
    if ((o->cert_file == NULL) != (o->key_file == NULL)) {
        return "--verify-cert and --verify-key go together: both are for the NATS server";
    }
    return NULL;
}

static void
move(const char **from, const char **to)
{
    if (*to == NULL) {
        *to = *from;
        *from = NULL;
    }
}

/* Files of TLS that were given once, for whom they can be. */
static void
share_files(struct verify_options *o, struct send_options *sending)
{
    if (sending->to != NULL && strncmp(sending->to, "tls://", 6) == 0) {
        /* It is the collector's; a server without TLS is not asked for any. */
        if (o->ca_file == NULL && strncmp(o->url, "tls://", 6) == 0) {
            o->ca_file = sending->ca_file;
        }
        return;
    }
    move(&sending->ca_file, &o->ca_file);
    if (o->cert_file == NULL && o->key_file == NULL) {
        move(&sending->cert_file, &o->cert_file);
        move(&sending->key_file, &o->key_file);
    }
}

bool
verify_flags_check(struct verify_flags *flags, struct send_flags *sending)
{
    if (flags->options.url != NULL) {
        share_files(&flags->options, &sending->options);
    }
    const char *fault = find_fault(flags);
    if (fault != NULL) {
        complain("%s", fault);
        return false;
    }
    if (flags->options.url != NULL && sending->count > LEDGER_NUMBERS_MAX) {
        complain("one run verifies %" PRIu64 " messages at most, in %u bytes of memory for each: "
                 "give a lower --count",
            LEDGER_NUMBERS_MAX, LEDGER_BYTES_EACH);
        return false;
    }
    return true;
}

void
verify_flags_help(FILE *out)
{
    fputs(
        "Verification, whether all that is sent is stored once (exit code 1 if not):\n"
        "      --verify URL        the NATS server, nats:// or tls://HOST:PORT; with --verify-ca\n"
        "                          or --verify-cert TLS is required of both\n"
        "      --stream NAME       the stream that the collector publishes to; it may hold other\n"
        "                          records, and what it holds before is not read\n"
        "      --subject S         only messages of this subject; it may have wildcards\n"
        "      --creds FILE        credentials of a user who may read the stream; a collector's\n"
        "                          may not\n"
        "      --verify-ca FILE    who signs the NATS server's certificate; by default those of\n"
        "                          --ca, or whom this host trusts\n"
        "      --verify-cert FILE  our certificate for the NATS server, where it asks for one; by\n"
        "                          default that of --cert, where the target is not tls://\n"
        "      --verify-key FILE   its private key; by default that of --key, likewise\n"
        "      --verify-window N   disorder that is fine: messages that the collector may have\n"
        "                          in flight (default 4096)\n"
        "      --verify-wait S     seconds without a record, after which no more is waited for\n"
        "                          (default 10)\n",
        out);
}
