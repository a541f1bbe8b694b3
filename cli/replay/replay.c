/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "replay/replay_load.h"
#include "replay/replay_send.h"
#include "sr/capture.h"

#include "sr/banned.h"

/* Payloads up to this size are loaded before the first is sent. */
#define MEMORY_MAX ((size_t)256 << 20)

/* The largest --rate: due times stay within 64 bits, and no host sends more. */
#define RATE_MAX 100000000U

struct options {
    const char *path;
    const char *to;
    uint64_t rate;
    uint64_t count; /* 0: no limit */
    uint64_t loop;  /* 0: for ever */
    struct sr_peer from;
    bool has_from;
    bool json;
    bool help;
};

static volatile sig_atomic_t stop;

static void
on_signal(int signo)
{
    (void)signo;
    stop = 1;
}

static void
print_usage(FILE *out)
{
    fputs(
        "Usage: serviceradar-cli replay FILE.pcap --to udp://HOST:PORT [OPTION]...\n"
        "Sends the UDP payloads of a pcap or pcapng file ('-': standard input), in their order,\n"
        "from this host's own address. Interrupting it prints the summary.\n"
        "\n"
        "      --to URL      where to: udp://HOST:PORT, IPv6 in brackets\n"
        "      --rate N      datagrams per second; 0 (default): as fast as the socket takes them,\n"
        "                    which receivers on the same host seldom keep up with\n"
        "      --count N     stop after N datagrams; 0 (default): no limit\n"
        "      --loop N      send the capture N times; 0: until interrupted (default 1)\n"
        "      --from ADDR   only packets that ADDR sent\n"
        "      --json        print the summary as one JSON object\n"
        "      --help        print this\n"
        "\n"
        "Exit codes: 0 sent, 1 failed or refused by the receiving host, 2 wrong usage.\n",
        out);
}

static bool
parse_number(const char *name, const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end;

    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || number > max) {
        fprintf(stderr, "replay: --%s wants a number from 0 to %" PRIu64 ", not '%s'\n", name, max,
            text);
        return false;
    }
    *ret_number = number;
    return true;
}

static bool
parse_from(const char *text, struct options *options)
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
        fprintf(stderr, "replay: --from wants an IPv4 or IPv6 address, not '%s'\n", text);
        return false;
    }
    options->has_from = true;
    return true;
}

static bool
parse_option(int option, struct options *options)
{
    switch (option) {
    case 't': options->to = optarg; return true;
    case 'r': return parse_number("rate", optarg, RATE_MAX, &options->rate);
    case 'c': return parse_number("count", optarg, UINT64_MAX, &options->count);
    case 'l': return parse_number("loop", optarg, UINT64_MAX, &options->loop);
    case 'f': return parse_from(optarg, options);
    case 'j': options->json = true; return true;
    case 'h': options->help = true; return true;
    default: return false; /* getopt_long has said what is wrong */
    }
}

static bool
parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        { "to", required_argument, NULL, 't' },
        { "rate", required_argument, NULL, 'r' },
        { "count", required_argument, NULL, 'c' },
        { "loop", required_argument, NULL, 'l' },
        { "from", required_argument, NULL, 'f' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = command_option(argc, argv, "h", known)) != -1) {
        if (!parse_option(option, options)) {
            return false;
        }
    }
    if (options->help) {
        return true;
    }
    if (argc - optind != 1) {
        fputs(argc == optind ? "replay: name the capture to send\n"
                             : "replay: one capture at a time\n",
            stderr);
        return false;
    }
    if (options->to == NULL) {
        fputs("replay: --to udp://HOST:PORT says where to send\n", stderr);
        return false;
    }
    options->path = argv[optind];
    return true;
}

static void
catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void
tell_refusal(const struct options *options)
{
    fprintf(stderr,
        "replay: nothing listens on %s: start the collector, or compare the port with its "
        "`listen` setting (`ss -lun` on that host shows who listens)\n",
        options->to);
}

/* Sends until the count, the loops, a signal or an error end it. */
static void
send_all(const struct options *options, struct replay_source *source, struct replay_sender *sender)
{
    size_t batch = replay_batch_size(sender->rate);
    uint64_t left = options->count > 0 ? options->count : UINT64_MAX;
    uint64_t passes = 1;
    bool told = false;

    while (left > 0) {
        struct sr_span payloads[REPLAY_BATCH_MAX];
        size_t count = replay_source_take(source, payloads, left < batch ? (size_t)left : batch);

        if (count == 0) {
            if (passes++ == options->loop || sender->sent + sender->too_long == 0) {
                break;
            }
            if (!replay_source_rewind(source)) {
                break; /* the source's message says why */
            }
            continue;
        }
        left -= count;
        bool more = replay_send(sender, payloads, count);
        if (sender->refused > 0 && !told) {
            tell_refusal(options);
            told = true;
        }
        if (!more) {
            break;
        }
    }
}

static void
print_reason(bool json, const char *reason, uint64_t count, bool *first)
{
    if (count == 0) {
        return;
    }
    if (json) {
        printf("%s\"%s\":%" PRIu64, *first ? "" : ",", reason, count);
    } else {
        printf("%s%" PRIu64 " %s", *first ? "; skipped " : ", ", count, reason);
    }
    *first = false;
}

static void
print_skipped(const struct replay_skipped *skipped, bool json)
{
    bool first = true;

    for (int err = SR_PACKET_OK + 1; err <= SR_PACKET_EMALFORMED; err++) {
        print_reason(
            json, sr_packet_reason((enum sr_packet_err)err), skipped->by_reason[err], &first);
    }
    print_reason(json, "other_source", skipped->other_source, &first);
}

static void
print_summary(const struct options *options, const struct replay_skipped *skipped,
    const struct replay_sender *sender, double seconds)
{
    double rate = seconds > 0 ? (double)sender->sent / seconds : 0;
    uint64_t errors = sender->refused + sender->too_long;

    if (options->json) {
        printf("{\"sent\":%" PRIu64 ",\"skipped\":{", sender->sent);
        print_skipped(skipped, true);
        printf("},\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"rate\":%.1f,\"errors\":%" PRIu64 "}\n",
            sender->bytes, seconds, rate, errors);
        return;
    }
    printf("sent %" PRIu64 " datagrams, %" PRIu64 " bytes, in %.3f s: %.1f/s", sender->sent,
        sender->bytes, seconds, rate);
    print_skipped(skipped, false);
    if (errors > 0) {
        printf("; errors: %" PRIu64 " refused, %" PRIu64 " too long", sender->refused,
            sender->too_long);
    }
    putchar('\n');
}

/* Says what went wrong, and returns the exit code. */
static int
judge(const struct options *options, const struct replay_source *source,
    const struct replay_sender *sender)
{
    int code = EXIT_SUCCESS;

    if (*replay_source_message(source) != '\0') {
        fprintf(stderr, "replay: %s\n", replay_source_message(source));
        code = EXIT_RUNTIME;
    } else if (sender->sent + sender->too_long == 0 && sender->error == 0 && !stop) {
        fprintf(stderr, "replay: %s holds no UDP datagrams%s\n", options->path,
            options->has_from ? " from that address" : "");
        code = EXIT_RUNTIME;
    }
    if (sender->error != 0) {
        fprintf(stderr, "replay: cannot send to %s: %s\n", options->to, strerror(sender->error));
        code = EXIT_RUNTIME;
    }
    return sender->refused + sender->too_long > 0 ? EXIT_RUNTIME : code;
}

static int
replay(const struct options *options, struct replay_source *source, int fd)
{
    struct replay_sender sender = { .fd = fd, .rate = options->rate, .stop = &stop };
    uint64_t told;
    double seconds;

    catch_signals();
    sender.start_ns = replay_now_ns();
    send_all(options, source, &sender);
    told = sender.refused;
    seconds = replay_finish(&sender);
    if (told == 0 && sender.refused > 0) {
        tell_refusal(options);
    }
    print_summary(options, replay_source_skipped(source), &sender, seconds);
    return judge(options, source, &sender);
}

int
replay_command(int argc, char **argv)
{
    struct options options = { .loop = 1 };
    struct replay_source *source;
    char message[SR_CAPTURE_MESSAGE_MAX > REPLAY_MESSAGE_MAX ? SR_CAPTURE_MESSAGE_MAX
                                                             : REPLAY_MESSAGE_MAX];
    enum replay_connect_err err;
    int code;
    int fd;

    if (!parse_options(argc, argv, &options)) {
        fputs("replay: `serviceradar-cli replay --help` lists the options\n", stderr);
        return EXIT_USAGE;
    }
    if (options.help) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    err = replay_connect(options.to, &fd, message);
    if (err != REPLAY_CONNECTED) {
        fprintf(stderr, "replay: %s\n", message);
        return err == REPLAY_EADDRESS ? EXIT_USAGE : EXIT_RUNTIME;
    }
    if (!replay_source_open(
            options.path, options.has_from ? &options.from : NULL, MEMORY_MAX, &source, message)) {
        fprintf(stderr, "replay: %s\n", message);
        close(fd);
        return EXIT_RUNTIME;
    }
    code = replay(&options, source, fd);
    replay_source_close(source);
    close(fd);
    return code;
}
