/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "verify/verify.h"

#include "sr/banned.h"

#define NS_PER_US 1000U
#define NS_PER_MS 1000000U
#define NS_PER_S 1000000000U

bool
verify_is_fine(const struct verify_options *options, const struct ledger_sums *ledger)
{
    return ledger->expected > 0 && ledger->missing == 0 && ledger->doubled == 0 &&
           ledger->unexpected == 0 && ledger->disorder <= options->window;
}

static void
print_time(const char *before, uint64_t ns)
{
    double value = (double)ns;

    if (ns < NS_PER_MS) {
        printf("%s%.0f us", before, value / NS_PER_US);
    } else if (ns < NS_PER_S) {
        printf("%s%.1f ms", before, value / NS_PER_MS);
    } else {
        printf("%s%.2f s", before, value / NS_PER_S);
    }
}

static void
print_ranges(const struct ledger_sums *ledger)
{
    for (unsigned i = 0; i < ledger->missing_range_count; i++) {
        const struct ledger_range *r = &ledger->missing_ranges[i];

        printf("%s%" PRIu64, i == 0 ? ", of message " : ", ", r->first);
        if (r->last > r->first) {
            printf(" to %" PRIu64, r->last);
        }
    }
    printf("%s\n", ledger->has_more_ranges ? ", ..." : "");
}

static void
print_count(const char *what, uint64_t count)
{
    if (count > 0) {
        printf("%s: %" PRIu64 "\n", what, count);
    }
}

static void
print_latency(const struct ledger_sums *ledger)
{
    const struct ledger_latency *latency = &ledger->latency;

    if (ledger->stored > 0) {
        print_time("from sending to stored: median ", latency->median);
        print_time(", 90 % ", latency->p90);
        print_time(", 99 % ", latency->p99);
        print_time(", 99.9 % ", latency->p999);
        print_time(", at most ", latency->largest);
        putchar('\n');
    }
    if (ledger->early > 0) {
        printf("stored before they were sent: %" PRIu64 ", by up to", ledger->early);
        print_time(" ", ledger->early_ns);
        puts(": clocks differ, or it was sent in a batch");
    }
}

static void
print_text(const struct ledger_sums *ledger)
{
    printf(
        "verified: %" PRIu64 " of %" PRIu64 " records stored\n", ledger->stored, ledger->expected);
    if (ledger->missing > 0) {
        printf("missing: %" PRIu64, ledger->missing);
        print_ranges(ledger);
    }
    print_count("stored more than once", ledger->doubled);
    print_count("stored, but never sent", ledger->unexpected);
    if (ledger->disorder > 0) {
        printf("order: one came up to %" PRIu64 " messages behind a later one of its source\n",
            ledger->disorder);
    }
    print_latency(ledger);
    print_count("dead letters meanwhile", ledger->dead);
    print_count("records of others meanwhile, not looked at", ledger->others);
}

static void
print_json(const struct ledger_sums *ledger)
{
    const struct ledger_latency *latency = &ledger->latency;

    printf("\"expected\":%" PRIu64 ",\"stored\":%" PRIu64 ",\"missing\":%" PRIu64
           ",\"missing_ranges\":[",
        ledger->expected, ledger->stored, ledger->missing);
    for (unsigned i = 0; i < ledger->missing_range_count; i++) {
        printf("%s[%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "", ledger->missing_ranges[i].first,
            ledger->missing_ranges[i].last);
    }
    printf("],\"missing_ranges_cut\":%s,\"doubled\":%" PRIu64 ",\"unexpected\":%" PRIu64
           ",\"others\":%" PRIu64 ",\"dead_letters\":%" PRIu64 ",\"disorder\":%" PRIu64,
        ledger->has_more_ranges ? "true" : "false", ledger->doubled, ledger->unexpected,
        ledger->others, ledger->dead, ledger->disorder);
    printf(",\"latency_ns\":{\"median\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64
           ",\"p99.9\":%" PRIu64 ",\"largest\":%" PRIu64 "},\"early\":%" PRIu64
           ",\"early_ns\":%" PRIu64,
        latency->median, latency->p90, latency->p99, latency->p999, latency->largest, ledger->early,
        ledger->early_ns);
}

void
verify_print(const struct ledger_sums *ledger, bool json)
{
    if (json) {
        print_json(ledger);
    } else {
        print_text(ledger);
    }
}
