/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#include "sr/banned.h"

#define SPEED_MIN 0.1
#define SPEED_MAX 1000.0

enum { IPFIX_VERSION = 10 }; /* RFC 7011, section 3.1 */

static void
print_summary_help(FILE *out)
{
    fputs("With --sources the senders of the captures take turns in getting one of the N sockets,\n"
          "and keep it; with --loop the next pass goes on with the next sockets, as if there were\n"
          "more of them.\n"
          "\n"
          "The JSON object has sent, bytes, seconds, rate, refused (came back: nothing listens),\n"
          "too_long (for a datagram or the framing), lost (a connection ended before they were\n"
          "taken), unsent (interrupted before their turn), reconnected, stalled_seconds (the\n"
          "receiver did not read), late_ms (the largest delay behind the time of a message),\n"
          "sources, skipped (packets that are no datagrams, by reason) and errors (refused,\n"
          "too_long and lost together). With --rewrite it has rewritten and as_it_was, with\n"
          "verification unmarked and the object verify: expected, stored, missing,\n"
          "missing_ranges (of numbers of messages, the first ones; missing_ranges_cut: there are\n"
          "more), doubled, unexpected (never sent), others and dead_letters (in the stream\n"
          "meanwhile), disorder (messages), latency_ns (median, p90, p99, p99.9, largest: from\n"
          "sending to stored), early and early_ns (stored before they were sent: clocks differ),\n"
          "fine.\n"
          "\n"
          "Exit codes: 0 sent (and stored), 1 failed or not all was taken or stored, 2 wrong "
          "usage.\n",
        out);
}

void
replay_options_help(FILE *out)
{
    fputs(
        "Usage: serviceradar-cli replay FILE.pcap... --to URL [OPTION]...\n"
        "Sends the UDP payloads of pcap or pcapng files ('-': standard input), one after the\n"
        "other as if they were one, in their order and with the time between them that they had.\n"
        "What is no whole UDP datagram, as a segment of TCP, is skipped and counted.\n"
        "Interrupting it prints the summary.\n"
        "\n",
        out);
    send_flags_help_target(out, "messages");
    fputs(
        "      --spoof-loopback\n"
        "                      from an address of 127.0.0.0/8 for each that the captures have,\n"
        "                      with its last three bytes where that can be\n"
        "      --port-map M    FROM:TO,...: datagrams that were sent to port FROM go to port TO,\n"
        "                      all others to that of the URL\n"
        "      --from ADDR     only packets that ADDR sent\n"
        "\n"
        "      --speed X       X times as fast as it was, 0.1 to 1000 (default 1)\n",
        out);
    send_flags_help_pace(out, "messages");
    fputs("      --loop N        send all N times; 0: until interrupted (default 1)\n\n"
          "      --rewrite KIND  make new messages of the recorded ones, with the time of now:\n"
          "                      syslog, trap, netflow, or auto: what the first one is. Dates of\n"
          "                      syslog; request ids of SNMP, and the time-stamp of v1; times of\n"
          "                      export and sequence numbers of NetFlow and IPFIX, which go on\n"
          "                      without a gap. What is authenticated or encrypted, or of another\n"
          "                      protocol, goes as it was\n\n",
        out);
    verify_flags_help(out);
    fputs(
        "\n"
        "Verification rewrites (auto, if nothing else is given) and marks each message: behind "
        "the\n"
        "text of syslog, in one more variable of SNMP, by the sequence number of flows. Messages\n"
        "that cannot be marked are sent, counted, and not verified: among flows those whose\n"
        "template did not come yet.\n\n",
        out);
    send_flags_help_show(out);
    fputs("      --help          print this\n\n", out);
    print_summary_help(out);
}

static bool
parse_from(const char *text, struct replay_options *options)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct sr_peer *from = &options->from;

    if (inet_pton(AF_INET6, text, from->address) == 1) {
        from->is_v6 = memcmp(from->address, mapped, sizeof(mapped)) != 0;
        if (!from->is_v6) {
            memmove(from->address, from->address + sizeof(mapped), 4);
            memset(from->address + 4, 0, sizeof(mapped));
        }
    } else if (inet_pton(AF_INET, text, from->address) == 1) {
        from->is_v6 = false;
    } else {
        complain("--from wants an IPv4 or IPv6 address, not '%s'", text);
        return false;
    }
    options->has_from = true;
    return true;
}

static bool
parse_speed(const char *text, struct replay_options *options)
{
    char *end;
    double speed = strtod(text, &end);

    /* Written so that "nan" is refused, too. */
    if (*text < '0' || *text > '9' || *end != '\0' || !(speed >= SPEED_MIN && speed <= SPEED_MAX)) {
        complain("--speed wants a number from 0.1 to 1000, not '%s'", text);
        return false;
    }
    options->speed = speed;
    options->has_speed = true;
    return true;
}

static bool
parse_port_map(const char *text, struct replay_options *options)
{
    if (!port_map_parse(text, &options->port_map)) {
        complain("--port-map wants FROM:TO,... with each FROM once, for example "
                 "2055:12055,162:10162, not '%s'",
            text);
        return false;
    }
    return true;
}

static bool
parse_kind(const char *text, struct replay_options *options)
{
    static const char *const names[] = {
        [TRAFFIC_SYSLOG] = "syslog",
        [TRAFFIC_TRAP] = "trap",
        [TRAFFIC_NETFLOW] = "netflow",
    };

    options->rewrites = true;
    options->guesses = strcmp(text, "auto") == 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            options->kind = (enum traffic_kind)i;
            return true;
        }
    }
    if (!options->guesses) {
        complain("--rewrite is syslog, trap, netflow or auto, not '%s'", text);
    }
    return options->guesses;
}

/* Options of sending or of verification. */
static bool
parse_shared(int option, struct replay_options *options)
{
    enum send_flag_result result = send_flags_take(&options->send, option, optarg);

    if (result == SEND_FLAG_OTHER) {
        result = verify_flags_take(&options->verify, option, optarg);
    }
    return result == SEND_FLAG_TAKEN; /* of an unknown option getopt_long has said so */
}

static bool
parse_option(int option, struct replay_options *options)
{
    switch (option) {
    case 's': return parse_speed(optarg, options);
    case 'l': return send_flags_number("loop", optarg, 0, UINT64_MAX, &options->loop);
    case 'f': return parse_from(optarg, options);
    case 'p': return parse_port_map(optarg, options);
    case 'o': options->spoof_loopback = true; return true;
    case 'w': return parse_kind(optarg, options);
    case 'h': options->help = true; return true;
    default: return parse_shared(option, options);
    }
}

/* Options of this command that do not go together. */
static bool
check(const struct replay_options *options)
{
    const struct send_options *send = &options->send.options;
    bool udp = strncmp(send->to, "udp://", 6) == 0;

    if (options->has_speed && (options->send.has_rate || send->flood)) {
        complain("--speed is of the original time, which --rate and --flood leave aside: give one");
        return false;
    }
    if (options->spoof_loopback && options->send.has_sources) {
        complain("--sources and --spoof-loopback exclude each other");
        return false;
    }
    if (options->port_map.count > 0 && !udp) {
        complain("--port-map is for udp://: a connection goes to one port");
        return false;
    }
    return true;
}

bool
replay_options_parse(int argc, char **argv, struct replay_options *options)
{
    static const struct option known[] = {
        SEND_FLAGS_TABLE,
        VERIFY_FLAGS_TABLE,
        { "rewrite", required_argument, NULL, 'w' },
        { "speed", required_argument, NULL, 's' },
        { "loop", required_argument, NULL, 'l' },
        { "from", required_argument, NULL, 'f' },
        { "port-map", required_argument, NULL, 'p' },
        { "spoof-loopback", no_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    *options = (struct replay_options){ .speed = 1, .loop = 1 };
    send_flags_init(&options->send);
    verify_flags_init(&options->verify);
    while ((option = command_option(argc, argv, "h", known)) != -1) {
        if (!parse_option(option, options)) {
            return false;
        }
    }
    if (options->help) {
        return true;
    }
    if (argc == optind) {
        complain("name the captures to send");
        return false;
    }
    options->paths = argv + optind;
    options->path_count = (size_t)(argc - optind);
    if (!verify_flags_check(&options->verify, &options->send) ||
        !send_flags_check(&options->send) || !check(options)) {
        return false;
    }
    if (options->verify.options.url != NULL && !options->rewrites) {
        options->rewrites = options->guesses = true;
    }
    return true;
}

enum send_framing
replay_framing(enum send_scheme scheme, struct sr_span first)
{
    struct sr_reader rd = sr_reader_init(first);
    uint16_t version = sr_reader_be16(&rd);
    uint16_t len = sr_reader_be16(&rd);

    if (!rd.failed && version == IPFIX_VERSION && len == first.len) {
        return SEND_AS_IT_IS;
    }
    return scheme == SEND_TLS ? SEND_OCTETS : SEND_NEWLINES;
}

enum traffic_kind
replay_kind(struct sr_span message)
{
    struct sr_reader rd = sr_reader_init(message);
    unsigned version = sr_reader_be16(&rd);

    /* Versions of NetFlow, and IPFIX; text begins with none of these bytes, a BER sequence
     * (X.690 section 8.9) with another one. */
    if (!rd.failed && (version == 1 || version == 5 || version == 7 || version == 9 ||
                          version == IPFIX_VERSION)) {
        return TRAFFIC_NETFLOW;
    }
    return message.len > 0 && message.data[0] == 0x30 ? TRAFFIC_TRAP : TRAFFIC_SYSLOG;
}
