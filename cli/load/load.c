/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "commands.h"
#include "load/generate_syslog.h"
#include "load/load_options.h"
#include "load/load_run.h"
#include "load/profile.h"
#include "load/traffic.h"
#include "send/send_show.h"
#include "sr/clock.h"
#include "terminal.h"

#include "sr/banned.h"

#define RUN_MASK 0xFFFFFFU
#define LONGEST_DATAGRAM 65507U  /* bytes, IPv4 */
#define LOOPBACK_NET 0x7F010000U /* 127.1.0.0: sources have addresses from its next one on */

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

/* Reads the profile; says on standard error what is wrong with it. */
static struct profile *
read_profile(const struct load_options *o)
{
    struct sr_conf_problems *problems = sr_conf_problems_new();
    struct profile *profile =
        problems != NULL ? profile_load(o->profile, o->sets, o->set_count, problems) : NULL;

    if (problems == NULL) {
        complain("out of memory");
    }
    for (size_t i = 0; problems != NULL && i < sr_conf_problems_count(problems); i++) {
        complain("%s", sr_conf_problems_text(problems, i));
    }
    sr_conf_problems_free(problems);
    return profile;
}

/* Addresses of 127.0.0.0/8, one for each source. Returns owned, NULL without memory. */
static struct sr_peer *
make_addresses(uint32_t sources)
{
    struct sr_peer *peers = calloc(sources, sizeof(*peers));

    for (uint32_t i = 0; peers != NULL && i < sources; i++) {
        const uint32_t address = LOOPBACK_NET + i + 1;
        for (unsigned k = 0; k < 4; k++) {
            peers[i].address[k] = (uint8_t)(address >> (24 - 8 * k));
        }
    }
    return peers;
}

/* ---- What is shown ---- */

/* Whether all is stored once, or nobody asked. */
static bool
is_verified(const struct load_options *o, const struct load_result *r)
{
    return !r->has_ledger ||
           (!r->verify_failed && verify_is_fine(&o->verifying.options, &r->ledger));
}

static void
show_json(const struct load_options *o, const struct load_result *r)
{
    static const char *const names[] = { "syslog", "trap", "netflow" };

    printf("{\"kind\":\"%s\",\"run\":\"%06" PRIx32 "\",", names[o->kind], r->run);
    if (r->records > 0) {
        printf("\"first\":%" PRIu64 ",\"last\":%" PRIu64, r->first, r->last);
    } else {
        printf("\"first\":null,\"last\":null");
    }
    printf(",\"records\":%" PRIu64 ",", r->records);
    send_show_json(&r->totals, r->seconds);
    if (r->has_ledger) {
        printf(",\"verify\":{");
        verify_print(&r->ledger, true);
        printf(",\"fine\":%s}", is_verified(o, r) ? "true" : "false");
    }
    printf("}\n");
}

static void
show_text(const struct load_options *o, const struct load_result *r)
{
    send_show_sent(&r->totals, load_options_messages(o->kind), r->seconds);
    printf("; run %06" PRIx32 ", %" PRIu64 " records", r->run, r->records);
    if (r->records > 0) {
        printf(" with numbers %" PRIu64 " to %" PRIu64, r->first, r->last);
    }
    send_show_errors(&r->totals);
    printf("\n");
    if (r->has_ledger) {
        verify_print(&r->ledger, false);
    }
}

/* Shows all, and returns the exit code. */
static int
judge(const struct load_options *o, const struct load_result *r)
{
    if (o->sending.json) {
        show_json(o, r);
    } else {
        show_text(o, r);
    }
    if (r->totals.error != 0) {
        complain("%s", r->message);
    }
    if (r->verify_failed) {
        complain("%s", r->trouble.cause);
        (void)fprintf(stderr, "try: %s\n", r->trouble.remedy);
    } else if (r->has_ledger && r->ledger.expected == 0) {
        complain("nothing could be verified: no record was sent");
    }
    return send_show_failed(&r->totals) > 0 || r->totals.error != 0 || !is_verified(o, r)
               ? EXIT_RUNTIME
               : EXIT_SUCCESS;
}

/* ---- Running ---- */

static int
run(struct load_options *o, const struct profile *profile, struct traffic *traffic, uint32_t number)
{
    struct load_result result = { .run = number };
    struct load_run run = {
        .options = o, .profile = profile, .traffic = traffic, .stop = &stop, .result = &result
    };
    struct trouble trouble = { 0 };

    catch_signals();
    const int code = load_run(&run, &trouble);
    if (code != EXIT_SUCCESS) {
        return terminal_fail(&trouble, o->sending.json, code);
    }
    return judge(o, &result);
}

/* Whether the ledger can have a number for each record. */
static bool
can_be_verified(const struct load_options *o, const struct traffic *traffic)
{
    const uint64_t most = LEDGER_NUMBERS_MAX / traffic_records(traffic);

    if (o->verifying.options.url == NULL || o->sending.count <= most) {
        return true;
    }
    complain("one run verifies %" PRIu64 " records at most, and a message has up to %" PRIu32
             ": give --count %" PRIu64 " or less",
        LEDGER_NUMBERS_MAX, traffic_records(traffic), most);
    return false;
}

static int
prepare(struct load_options *o, const struct profile *profile)
{
    const struct traffic_plan plan = {
        .kind = o->kind,
        .profile = profile,
        .size = (size_t)o->size,
        .format = o->format,
        .longest = o->target.scheme == SEND_UDP ? LONGEST_DATAGRAM : SYSLOG_SIZE_MAX,
        .is_stream = o->target.scheme != SEND_UDP,
        .sources = o->sending.options.sources,
        .run = (uint32_t)(sr_clock_random_u64() & RUN_MASK),
        .start_ns = sr_clock_wall_ns(),
        .utc_offset_s = sr_clock_utc_offset_s(),
    };
    struct traffic *traffic;
    struct trouble trouble;
    struct sr_peer *addresses = NULL;

    if (profile->bursts.of > 0 && o->sending.options.flood) {
        complain("the profile has bursts, which are none beside --flood: give --rate");
        return EXIT_USAGE;
    }
    if (!traffic_open(&plan, &traffic, &trouble)) {
        return terminal_fail(&trouble, o->sending.json, EXIT_USAGE);
    }
    if (!can_be_verified(o, traffic)) {
        traffic_close(traffic);
        return EXIT_USAGE;
    }
    if (o->spoof_loopback && (addresses = make_addresses(plan.sources)) == NULL) {
        complain("out of memory");
        traffic_close(traffic);
        return EXIT_RUNTIME;
    }
    o->sending.options.addresses = addresses;
    const int code = run(o, profile, traffic, plan.run);
    traffic_close(traffic);
    free(addresses);
    return code;
}

int
load_command(int argc, char **argv)
{
    struct load_options options;
    int code = EXIT_SUCCESS;

    if (!load_options_read(&options, argc, argv)) {
        fputs("try: `serviceradar-cli load --help` lists the options\n", stderr);
        return EXIT_USAGE;
    }
    if (options.help) {
        load_options_help();
        return EXIT_SUCCESS;
    }
    struct profile *profile = read_profile(&options);
    if (profile == NULL) {
        return EXIT_USAGE;
    }
    if (options.print_profile) {
        profile_print(profile, stdout);
    } else {
        code = prepare(&options, profile);
    }
    profile_free(profile);
    return code;
}
