/* SPDX-License-Identifier: Apache-2.0 */
#include "send/send_flags.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "send/send_pace.h"
#include "send/send_target.h"

#include "sr/banned.h"

void
send_flags_init(struct send_flags *flags)
{
    *flags = (struct send_flags){ .options = { .sources = 1, .framing = SEND_NEWLINES } };
}

bool
send_flags_number(
    const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || number < min || number > max) {
        complain("--%s wants a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option, min, max,
            text);
        return false;
    }
    *ret_number = number;
    return true;
}

/* A rate of 0 is what --flood is called since. */
static bool
take_rate(struct send_flags *flags, const char *value)
{
    if (!send_flags_number("rate", value, 0, PACE_RATE_MAX, &flags->options.rate)) {
        return false;
    }
    flags->has_rate = flags->options.rate > 0;
    flags->options.flood = flags->options.flood || !flags->has_rate;
    return true;
}

static bool
take_sources(struct send_flags *flags, const char *value)
{
    uint64_t number;

    if (!send_flags_number("sources", value, 1, SEND_SOURCES_MAX, &number)) {
        return false;
    }
    flags->options.sources = (uint32_t)number;
    flags->has_sources = true;
    return true;
}

static bool
take_framing(struct send_flags *flags, const char *value)
{
    static const char *const names[] = {
        [SEND_NEWLINES] = "newline",
        [SEND_OCTETS] = "octets",
        [SEND_AS_IT_IS] = "none",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            flags->options.framing = (enum send_framing)i;
            flags->has_framing = true;
            return true;
        }
    }
    complain("--framing is newline, octets or none, not '%s'", value);
    return false;
}

enum send_flag_result
send_flags_take(struct send_flags *flags, int option, const char *value)
{
    bool ok = true;

    switch (option) {
    case SEND_FLAG_TO: flags->options.to = value; break;
    case SEND_FLAG_RATE: ok = take_rate(flags, value); break;
    case SEND_FLAG_FLOOD: flags->options.flood = true; break;
    case SEND_FLAG_COUNT:
        ok = send_flags_number("count", value, 0, UINT64_MAX, &flags->count);
        break;
    case SEND_FLAG_SOURCES: ok = take_sources(flags, value); break;
    case SEND_FLAG_FRAMING: ok = take_framing(flags, value); break;
    case SEND_FLAG_CA: flags->options.ca_file = value; break;
    case SEND_FLAG_CERT: flags->options.cert_file = value; break;
    case SEND_FLAG_KEY: flags->options.key_file = value; break;
    case SEND_FLAG_ANYWHERE: flags->options.anywhere = true; break;
    case SEND_FLAG_JSON: flags->json = true; break;
    case SEND_FLAG_QUIET: flags->quiet = true; break;
    default: return SEND_FLAG_OTHER;
    }
    return ok ? SEND_FLAG_TAKEN : SEND_FLAG_WRONG;
}

static bool
check_tls(const struct send_options *o, const struct send_target *target)
{
    if (o->key_file != NULL && o->cert_file == NULL) {
        complain("--key is that of a certificate: give --cert, too");
        return false;
    }
    if (target->scheme != SEND_TLS && (o->ca_file != NULL || o->cert_file != NULL)) {
        complain("--ca, --cert and --key are for tls://, not for '%s'", o->to);
        return false;
    }
    return true;
}

bool
send_flags_check(const struct send_flags *flags)
{
    const struct send_options *o = &flags->options;
    struct send_target target;

    if (o->to == NULL) {
        complain("--to udp://HOST:PORT says where to send");
        return false;
    }
    if (flags->has_rate && o->flood) {
        complain("--rate and --flood exclude each other");
        return false;
    }
    if (!send_target_parse(o->to, &target)) {
        complain(SEND_TARGET_FORM, o->to);
        return false;
    }
    if (flags->has_framing && target.scheme == SEND_UDP) {
        complain("--framing is for tcp:// and tls://: a datagram is a message");
        return false;
    }
    return check_tls(o, &target);
}

void
send_flags_help_target(FILE *out, const char *messages)
{
    (void)fprintf(out,
        "      --to URL        where to: udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT, "
        "IPv6\n"
        "                      in brackets\n"
        "      --i-know-what-i-am-doing\n"
        "                      send to other hosts than this one, too\n"
        "      --sources N     send from N sockets, or over N connections (default 1)\n"
        "      --framing F     how %s are told apart over a connection: newline, octets (RFC 6587\n"
        "                      section 3.4.1), none (they say how long they are: IPFIX); by\n"
        "                      default what their protocol wants\n"
        "      --ca FILE       authorities of the server's certificate (default: the system's)\n"
        "      --cert FILE     a certificate to show to the server\n"
        "      --key FILE      its key (default: in the same file)\n",
        messages);
}

void
send_flags_help_pace(FILE *out, const char *messages)
{
    (void)fprintf(out,
        "      --rate N        %s per second; 0 is --flood\n"
        "      --flood         as fast as they are taken, which receivers on the same host seldom\n"
        "                      keep up with\n"
        "      --count N       stop after N; 0 (default): no limit\n",
        messages);
}

void
send_flags_help_show(FILE *out)
{
    (void)fputs("      --json          print the summary as one JSON object\n"
                "      --quiet         no progress on the terminal\n",
        out);
}
