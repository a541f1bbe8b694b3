/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_LEDGER_H_INCLUDED
#define CLI_VERIFY_LEDGER_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

/*
 * What was sent beside what was stored, by number. Events come in any order: a record may be seen
 * in the stream before its sender says that it was sent. No I/O, no clock; memory grows with the
 * largest number, LEDGER_BYTES_EACH bytes for each, in pages.
 */
struct ledger;

#define LEDGER_BYTES_EACH 32U

/* Numbers of one ledger: 2 GiB of memory. */
#define LEDGER_NUMBERS_MAX (UINT64_C(1) << 26)

/* Sources that are told apart; others share their order with one of these. */
#define LEDGER_SOURCES_MAX 65536U

/* Ranges of numbers that are named. */
#define LEDGER_RANGES_MAX 8U

/* Percentiles of the time from sending to being stored, in ns, off by less than 1 %. */
struct ledger_latency {
    uint64_t median, p90, p99, p999;
    uint64_t largest; /* exactly */
};

/* Numbers from `first` to `last`. */
struct ledger_range {
    uint64_t first, last;
};

/* `expected` is `stored` and `missing`. A message may hold many records with its number. */
struct ledger_sums {
    uint64_t expected;   /* records that were sent */
    uint64_t stored;     /* of these, once or more often */
    uint64_t missing;    /* of these, not at all */
    uint64_t doubled;    /* stored more often than they were sent: the surplus */
    uint64_t unexpected; /* of this run, but never sent */
    uint64_t others;     /* records of others in the stream since the start: not looked at */
    uint64_t dead;       /* dead letters since the start */
    uint64_t disorder;   /* the largest number of messages that one came behind a later one of its
                            source */
    uint64_t early;      /* stored before they were sent, say the clocks; not in `latency` */
    uint64_t early_ns;   /* the most of these */
    struct ledger_latency latency; /* of each number the record that was stored first */
    struct ledger_range missing_ranges[LEDGER_RANGES_MAX]; /* the first ones of `missing` */
    unsigned missing_range_count;
    bool has_more_ranges;
};

/* Returns owned: ledger_free; NULL without memory. */
struct ledger *ledger_new(void);

/*
 * `records` records with this number are to be stored, and were sent at `wall_ns` by `source`. At
 * most once for each number. False when the number is too large or there is no memory for it: then
 * the ledger stays as it was.
 */
bool ledger_sent(
    struct ledger *l, uint64_t number, uint32_t records, uint32_t source, uint64_t wall_ns);

/*
 * A record with this number is in the stream, stored at `wall_ns`; `position` of its message grows
 * with the order in the stream. One whose number is too large, or has no memory, is unexpected.
 */
void ledger_stored(struct ledger *l, uint64_t number, uint64_t position, uint64_t wall_ns);

/* `records` records of others, or dead letters. */
void ledger_others(struct ledger *l, uint64_t records);
void ledger_dead(struct ledger *l, uint64_t letters);

/* Whether all that was sent so far is stored. */
bool ledger_is_complete(const struct ledger *l);

/* Adds up. Needs memory for a moment: false without. */
bool ledger_add_up(const struct ledger *l, struct ledger_sums *ret_sums);

/* NULL is allowed. */
void ledger_free(struct ledger *l);

#endif
