/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "replay/replay_load.h"
#include "replay/replay_options.h"
#include "replay/replay_renew.h"
#include "replay/replay_sources.h"
#include "send/send.h"
#include "send/send_pace.h"
#include "send/send_show.h"
#include "sr/capture.h"

#include "sr/banned.h"

/* Payloads up to this size are loaded before the first is sent. */
#define MEMORY_MAX ((size_t)256 << 20)

/* Messages of so much of the original time are taken at once. */
#define SPAN_NS 1000000U

/* A pause of the captures that is longer than this is told. */
#define PAUSE_NS (60 * UINT64_C(1000000000))

/* One run of the command. */
struct run {
    const struct replay_options *options;
    struct replay_source *source;
    struct sender *sender;
    struct replay_renew *renew; /* NULL: messages go as they were */
    struct send_show show;
    uint64_t left;    /* messages that --count leaves */
    uint64_t pass;    /* passes that are done */
    uint64_t pass_ns; /* when this pass began, in the original time */
    uint64_t last_ns; /* of the message before */
    uint64_t in_pass; /* messages */
    uint32_t senders; /* of the captures, at the start of the pass */
    bool told_pause;
    bool interrupted;
    bool verified; /* fine, or not asked for */
};

static volatile sig_atomic_t stop;

static void
on_signal(int signo)
{
    (void)signo;
    stop = 1;
}

static void
catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- Messages ---- */

/*
 * Each pass goes on with the sockets behind those of the one before, so that a capture of a few
 * senders makes as many as are wanted.
 */
static uint32_t
source_of(const struct run *run, uint32_t sender)
{
    uint32_t sources = run->options->send.options.sources;

    return (uint32_t)((sender + run->pass * run->senders) % sources);
}

static void
tell_pause(struct run *run, uint64_t due_ns, uint64_t last_ns)
{
    const struct send_flags *send = &run->options->send;
    char text[160];

    if (send->has_rate || send->options.flood || run->told_pause || due_ns - last_ns < PAUSE_NS) {
        return;
    }
    run->told_pause = true;
    (void)snprintf(text, sizeof(text),
        "the captures pause for %" PRIu64 " s here; --speed, --rate and --flood do not wait as "
        "long",
        (due_ns - last_ns) / UINT64_C(1000000000));
    send_show_tell(&run->show, text);
}

/* Makes of captured messages those that are sent: when, by whom and where to. */
static void
prepare(
    struct run *run, const struct replay_message *messages, size_t count, struct send_item *items)
{
    const struct replay_options *options = run->options;

    for (size_t i = 0; i < count; i++) {
        uint64_t last_ns = run->last_ns;

        run->last_ns = run->pass_ns + messages[i].time_ns;
        items[i] = (struct send_item){
            .bytes = messages[i].bytes,
            .due_ns = pace_scale_ns(run->last_ns, options->speed),
            .source = source_of(run, messages[i].source),
            .port = port_map_find(&options->port_map, messages[i].port),
        };
        tell_pause(run, items[i].due_ns, pace_scale_ns(last_ns, options->speed));
        if (run->renew != NULL) {
            replay_renew_item(run->renew, i, send_wait_ns(run->sender, &items[i], i), &items[i]);
        }
    }
    run->in_pass += count;
}

/* The next pass begins one usual gap behind the last message. False when there is none. */
static bool
next_pass(struct run *run)
{
    uint64_t gap_ns;

    if (run->in_pass == 0 || run->pass + 1 == run->options->loop ||
        !replay_source_rewind(run->source)) {
        return false; /* the source's message says why */
    }
    gap_ns = run->in_pass > 1 ? (run->last_ns - run->pass_ns) / (run->in_pass - 1) : 0;
    run->pass_ns = run->last_ns + gap_ns;
    run->pass++;
    run->in_pass = 0;
    run->senders = replay_sources_count(replay_source_sources(run->source));
    return true;
}

/* Sends until the count, the loops, a signal or an error end it. */
static void
send_all(struct run *run)
{
    size_t batch = send_batch_size(run->sender);
    uint64_t span_ns =
        run->options->send.has_rate || run->options->send.options.flood ? UINT64_MAX : SPAN_NS;

    while (run->left > 0 && stop == 0) {
        struct replay_message messages[SEND_BATCH_MAX];
        struct send_item items[SEND_BATCH_MAX];
        size_t count = replay_source_take(
            run->source, messages, run->left < batch ? (size_t)run->left : batch, span_ns);

        if (count == 0) {
            if (!next_pass(run)) {
                break;
            }
            continue;
        }
        run->left -= count;
        prepare(run, messages, count, items);
        if (!send_items(run->sender, items, count)) {
            break;
        }
        send_show_progress(&run->show);
    }
}

/* ---- The summary ---- */

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
print_summary(const struct run *run, double seconds)
{
    const struct send_totals *totals = send_totals(run->sender);
    const struct replay_skipped *skipped = replay_source_skipped(run->source);

    if (run->options->send.json) {
        putchar('{');
        send_show_json(totals, seconds);
        printf(",\"sources\":%" PRIu32 ",\"skipped\":{",
            replay_sources_count(replay_source_sources(run->source)));
        print_skipped(skipped, true);
        printf("},\"errors\":%" PRIu64, send_show_failed(totals));
        replay_renew_print(run->renew, true);
        puts("}");
        return;
    }
    send_show_sent(totals, "datagrams", seconds);
    print_skipped(skipped, false);
    send_show_errors(totals);
    putchar('\n');
    replay_renew_print(run->renew, false);
}

static void
tell_nothing(const struct run *run)
{
    const struct replay_options *options = run->options;
    const char *whose = options->has_from ? " from that address" : "";
    uint32_t link_type = replay_source_link_type(run->source);

    if (replay_source_skipped(run->source)->by_reason[SR_PACKET_ELINK] > 0) {
        complain("%s holds no UDP datagrams%s that can be read: packets of link type %" PRIu32
                 " are not known; capture on an Ethernet interface or on `any`",
            options->paths[0], whose, link_type);
    } else {
        complain("%s%s holds no UDP datagrams%s", options->paths[0],
            options->path_count > 1 ? " and what follows" : "", whose);
    }
}

/* Says what went wrong, and returns the exit code. */
static int
judge(const struct run *run)
{
    const struct send_totals *totals = send_totals(run->sender);
    const char *message = replay_source_message(run->source);
    int code = EXIT_SUCCESS;

    if (*message != '\0') {
        complain("%s", message);
        code = EXIT_RUNTIME;
    } else if (run->in_pass == 0 && run->pass == 0 && !run->interrupted) {
        tell_nothing(run);
        code = EXIT_RUNTIME;
    }
    if (!run->verified) {
        code = EXIT_RUNTIME;
    }
    return send_show_failed(totals) > 0 || totals->error != 0 ? EXIT_RUNTIME : code;
}

/* ---- Running ---- */

/* How many messages will be sent; 0: nobody knows. */
static uint64_t
expected(const struct replay_options *options, const struct replay_source *source)
{
    uint64_t pass = replay_source_count(source);
    uint64_t all =
        options->loop > 0 && pass <= UINT64_MAX / options->loop ? pass * options->loop : 0;
    uint64_t count = options->send.count;

    return count > 0 && (all == 0 || count < all) ? count : all;
}

static int
replay(struct run *run)
{
    double seconds;

    send_show_init(&run->show, run->options->send.quiet);
    run->show.sender = run->sender;
    run->show.expected = expected(run->options, run->source);
    run->left = run->options->send.count > 0 ? run->options->send.count : UINT64_MAX;
    run->senders = replay_sources_count(replay_source_sources(run->source));
    send_start(run->sender);
    send_all(run);
    seconds = send_finish(run->sender);
    send_show_end(&run->show);
    /* What was sent is verified after an interrupt, too; the next one ends that. */
    run->interrupted = stop != 0;
    stop = 0;
    run->verified = replay_renew_finish(run->renew, &stop);
    print_summary(run, seconds);
    return judge(run);
}

/* The senders of the captures get addresses of their own. */
static bool
spoof(struct replay_options *options, const struct replay_source *source,
    struct sr_peer **ret_addresses)
{
    const struct replay_sources *sources = replay_source_sources(source);

    if (replay_sources_is_full(sources)) {
        complain("the captures have more than %u senders: pick some with --from, or use --sources",
            SEND_SOURCES_MAX);
        return false;
    }
    *ret_addresses = replay_sources_loopback(sources);
    if (*ret_addresses == NULL) {
        complain("out of memory");
        return false;
    }
    options->send.options.addresses = *ret_addresses;
    options->send.options.sources = replay_sources_count(sources);
    return true;
}

/*
 * The framing that nobody named is that of the first message. False when it has none: NetFlow
 * before IPFIX does not say its length, and binary data has no lines.
 */
static bool
choose_framing(struct replay_options *options, struct replay_source *source)
{
    struct send_options *send = &options->send.options;
    struct send_target target;
    struct replay_message first;

    if (options->send.has_framing || !send_target_parse(send->to, &target) ||
        target.scheme == SEND_UDP || !replay_source_peek(source, &first)) {
        return true;
    }
    send->framing = replay_framing(target.scheme, first.bytes);
    if (send->framing != SEND_AS_IT_IS && replay_kind(first.bytes) == TRAFFIC_NETFLOW) {
        complain("%s begins with NetFlow, of which only IPFIX goes over connections: send it to "
                 "udp://, or say with --framing how its messages are told apart",
            options->paths[0]);
        return false;
    }
    return true;
}

/* What makes messages new and verifies them, when that is wanted. */
static bool
open_renew(struct replay_options *options, struct run *run)
{
    struct replay_message first = { .bytes = { NULL, 0 } };

    if (!options->rewrites) {
        return true;
    }
    if (options->guesses && replay_source_peek(run->source, &first)) {
        options->kind = replay_kind(first.bytes);
    }
    run->renew = replay_renew_open(options);
    if (run->renew != NULL) {
        replay_renew_hook(run->renew, &options->send.options);
    }
    return run->renew != NULL;
}

/* The options that nobody types are filled in; `run` lives as long as they do. */
static int
run_to(struct replay_options *options, struct run *run)
{
    struct sr_peer *addresses = NULL;
    char message[SEND_MESSAGE_MAX];
    int code = EXIT_RUNTIME;
    enum send_err err;

    if (!choose_framing(options, run->source)) {
        return EXIT_USAGE;
    }
    if (options->spoof_loopback && !spoof(options, run->source, &addresses)) {
        return EXIT_RUNTIME;
    }
    if (!open_renew(options, run)) {
        free(addresses);
        return EXIT_RUNTIME;
    }
    options->send.options.stop = &stop;
    options->send.options.tell = send_show_tell;
    options->send.options.waiting = send_show_progress;
    options->send.options.show = &run->show;
    catch_signals();
    err = send_open(&options->send.options, &run->sender, message);
    if (err == SEND_OK) {
        code = replay(run);
        send_close(run->sender);
    } else {
        complain("%s", message);
        code = err == SEND_ECONNECT ? EXIT_RUNTIME : EXIT_USAGE;
    }
    replay_renew_close(run->renew);
    free(addresses);
    return code;
}

int
replay_command(int argc, char **argv)
{
    struct replay_options options;
    struct run run = { .options = &options };
    char message[SR_CAPTURE_MESSAGE_MAX];
    int code;

    if (!replay_options_parse(argc, argv, &options)) {
        fputs("replay: `serviceradar-cli replay --help` lists the options\n", stderr);
        return EXIT_USAGE;
    }
    if (options.help) {
        replay_options_help(stdout);
        return EXIT_SUCCESS;
    }
    struct replay_load load = {
        .paths = options.paths,
        .path_count = options.path_count,
        .from = options.has_from ? &options.from : NULL,
        .by_address = options.spoof_loopback,
        .needs_sources = options.spoof_loopback,
        .memory_max = MEMORY_MAX,
        .stop = &stop,
    };
    if (!replay_source_open(&load, &run.source, message)) {
        complain("%s", message);
        return EXIT_RUNTIME;
    }
    code = run_to(&options, &run);
    replay_source_close(run.source);
    return code;
}
