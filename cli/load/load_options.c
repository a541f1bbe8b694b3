/* SPDX-License-Identifier: Apache-2.0 */
#include "load/load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "load/profile.h"
#include "sr/conf_value.h"

#include "sr/banned.h"

#define SIZE_LIMIT 65536U
#define SECOND UINT64_C(1000000000)
#define DURATION_MAX (366 * 86400 * SECOND)

static const char *const kinds[] = { "syslog", "trap", "netflow", NULL };

const char *
load_options_messages(enum traffic_kind kind)
{
    switch (kind) {
    case TRAFFIC_SYSLOG: return "messages";
    case TRAFFIC_TRAP: return "traps";
    case TRAFFIC_NETFLOW: return "datagrams";
    }
    return "";
}

void
load_options_help(void)
{
    fputs("Usage: serviceradar-cli load {syslog|trap|netflow} --to URL --rate N [OPTION]...\n"
          "Sends valid messages with a number in each, as many devices do. Interrupting it prints\n"
          "the summary.\n"
          "\n",
        stdout);
    send_flags_help_target(stdout, "messages");
    fputs("      --connections N the same as --sources\n"
          "      --spoof-loopback\n"
          "                      each source has an address of its own of 127.0.0.0/8\n",
        stdout);
    send_flags_help_pace(stdout, "messages");
    fputs("      --duration S    stop after so many seconds, or 500ms, 5m, 1h; without this and\n"
          "                      --count it goes on until it is interrupted\n"
          "\n"
          "What is sent (docs/load.md has more):\n"
          "      --format F      of syslog rfc5424 (default), rfc3164, cisco, cef or json; of\n"
          "                      traps v1, v2c (default) or v3; of flows v5, v9 (default) or\n"
          "                      ipfix\n"
          "      --size B        bytes of a message (default 256 of syslog); of flows the most of\n"
          "                      a datagram (default 1472)\n"
          "      --profile P     mixes, hosts, bursts, users: a file of YAML, or one of\n",
        stdout);
    for (const struct profile_text *t = profile_texts; t->name != NULL; t++) {
        printf("                      %s (%s)\n", t->name, t->purpose);
    }
    fputs("      --set KEY=VALUE a key of the profile, as syslog.hosts=10; may come again\n"
          "      --print-profile print the profile with all its keys, and send nothing\n"
          "\n",
        stdout);
    verify_flags_help(stdout);
    fputs("\n", stdout);
    send_flags_help_show(stdout);
    fputs("      --help          print this\n"
          "\n"
          "Exit codes: 0 sent, 1 failed, refused or not all stored, 2 wrong usage.\n",
        stdout);
}

/* Seconds where no unit is given. */
static bool
take_duration(struct load_options *o, const char *value)
{
    enum sr_conf_err err = sr_conf_parse_duration(value, &o->duration_ns);

    if (err == SR_CONF_ENOUNIT) {
        err = sr_conf_parse_uint(value, &o->duration_ns);
        o->duration_ns =
            o->duration_ns <= DURATION_MAX / SECOND ? o->duration_ns * SECOND : DURATION_MAX + 1;
    }
    if (err != SR_CONF_OK || o->duration_ns == 0 || o->duration_ns > DURATION_MAX) {
        complain("--duration wants a time as 30s, 5m or, in seconds, 30, not '%s'%s%s", value,
            err != SR_CONF_OK ? ": it " : "", err != SR_CONF_OK ? sr_conf_strerror(err) : "");
        return false;
    }
    return true;
}

static bool
take_size(struct load_options *o, const char *value)
{
    if (sr_conf_parse_size(value, &o->size) != SR_CONF_OK || o->size == 0 || o->size > SIZE_LIMIT) {
        complain("--size wants 1 to %u bytes, not '%s'", SIZE_LIMIT, value);
        return false;
    }
    return true;
}

static bool
take_set(struct load_options *o, const char *value)
{
    if (o->set_count == LOAD_SETS_MAX) {
        complain("--set comes more than %u times: write a profile", LOAD_SETS_MAX);
        return false;
    }
    o->sets[o->set_count++] = value;
    return true;
}

static bool
take_option(struct load_options *o, int option)
{
    switch (option) {
    case 'd': return take_duration(o, optarg);
    case 'z': return take_size(o, optarg);
    case 's': return take_set(o, optarg);
    case 'f': o->format = optarg; return true;
    case 'p': o->profile = optarg; return true;
    case 'l': o->spoof_loopback = true; return true;
    case 'P': o->print_profile = true; return true;
    case 'h': o->help = true; return true;
    default: break;
    }
    enum send_flag_result taken = send_flags_take(&o->sending, option, optarg);
    if (taken == SEND_FLAG_OTHER) {
        taken = verify_flags_take(&o->verifying, option, optarg);
    }
    return taken == SEND_FLAG_TAKEN; /* getopt_long has said what is wrong with others */
}

static bool
take_kind(struct load_options *o, int argc, char **argv)
{
    if (argc - optind != 1) {
        complain(argc == optind ? "say what to send: syslog, trap or netflow"
                                : "one kind of messages at a time: syslog, trap or netflow");
        return false;
    }
    const char *word = argv[optind];
    const int found = sr_conf_choice(kinds, word);
    if (found < 0) {
        const char *nearest = nearest_name(word, kinds);
        complain("'%s' cannot be sent: use syslog, trap or netflow%s%s%s", word,
            nearest != NULL ? " (did you mean " : "", nearest != NULL ? nearest : "",
            nearest != NULL ? "?)" : "");
        return false;
    }
    o->kind = (enum traffic_kind)found;
    return true;
}

/* How messages are told apart over connections, unless it was said. */
static void
choose_framing(struct load_options *o)
{
    if (!o->sending.has_framing) {
        o->sending.options.framing = o->kind == TRAFFIC_SYSLOG ? SEND_OCTETS : SEND_AS_IT_IS;
    }
}

static bool
check(struct load_options *o)
{
    /* Verification first: it takes files of TLS that can only be meant for it. */
    if (!verify_flags_check(&o->verifying, &o->sending) || !send_flags_check(&o->sending)) {
        return false;
    }
    if (!o->sending.has_rate && !o->sending.options.flood) {
        complain("--rate N says how many %s a second are sent, or --flood that all that go",
            load_options_messages(o->kind));
        return false;
    }
    if (!send_target_parse(o->sending.options.to, &o->target)) {
        return true; /* send_open() says what is wrong with it */
    }
    if (o->spoof_loopback && o->target.scheme != SEND_UDP) {
        complain("--spoof-loopback is for udp://");
        return false;
    }
    choose_framing(o);
    return true;
}

bool
load_options_read(struct load_options *o, int argc, char **argv)
{
    static const struct option known[] = {
        SEND_FLAGS_TABLE,
        { "connections", required_argument, NULL, SEND_FLAG_SOURCES },
        { "spoof-loopback", no_argument, NULL, 'l' },
        { "duration", required_argument, NULL, 'd' },
        { "format", required_argument, NULL, 'f' },
        { "size", required_argument, NULL, 'z' },
        { "profile", required_argument, NULL, 'p' },
        { "set", required_argument, NULL, 's' },
        { "print-profile", no_argument, NULL, 'P' },
        VERIFY_FLAGS_TABLE,
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    *o = (struct load_options){ .kind = TRAFFIC_SYSLOG };
    send_flags_init(&o->sending);
    verify_flags_init(&o->verifying);
    command_words(kinds);
    while ((option = command_option(argc, argv, "h", known)) != -1) {
        if (!take_option(o, option)) {
            return false;
        }
    }
    if (o->help || o->print_profile) {
        return true;
    }
    return take_kind(o, argc, argv) && check(o);
}
