/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "verify/latency.h"

#include "sr/banned.h"

#define PAGE_BITS 14U
#define PAGE_ENTRIES (1U << PAGE_BITS)
#define PAGES_MAX ((unsigned)(LEDGER_NUMBERS_MAX >> PAGE_BITS))

/* What is known of a number; all zero: nothing. */
struct entry {
    uint64_t sent_ns;
    uint64_t stored_ns; /* of the record that came first */
    uint32_t position;  /* of that; positions are taken modulo 2^32 from the first one on */
    uint32_t source;
    uint32_t expected; /* 0: it was not sent */
    uint32_t stored;   /* records; stays at its largest */
};

_Static_assert(sizeof(struct entry) == LEDGER_BYTES_EACH, "what the header promises");

struct ledger {
    struct entry *pages[PAGES_MAX];
    unsigned page_count; /* behind the last one */
    uint64_t first_position;
    bool has_position;
    uint64_t expected, satisfied; /* records that were sent, and how many of these are stored */
    uint64_t beyond;              /* stored ones that have no entry */
    uint64_t others, dead;
};

struct ledger *
ledger_new(void)
{
    return calloc(1, sizeof(struct ledger));
}

void
ledger_free(struct ledger *l)
{
    if (l == NULL) {
        return;
    }
    for (unsigned i = 0; i < l->page_count; i++) {
        free(l->pages[i]);
    }
    free(l);
}

/* The entry, which is made when it is new; NULL when it cannot be. */
static struct entry *
entry_of(struct ledger *l, uint64_t number)
{
    if (number >= LEDGER_NUMBERS_MAX) {
        return NULL;
    }
    unsigned page = (unsigned)(number >> PAGE_BITS);
    if (l->pages[page] == NULL) {
        l->pages[page] = calloc(PAGE_ENTRIES, sizeof(struct entry));
        if (l->pages[page] == NULL) {
            return NULL;
        }
        l->page_count = page >= l->page_count ? page + 1 : l->page_count;
    }
    return &l->pages[page][number & (PAGE_ENTRIES - 1)];
}

static uint32_t
satisfied_of(const struct entry *e)
{
    return e->stored < e->expected ? e->stored : e->expected;
}

bool
ledger_sent(struct ledger *l, uint64_t number, uint32_t records, uint32_t source, uint64_t wall_ns)
{
    struct entry *e = entry_of(l, number);

    if (e == NULL) {
        return false;
    }
    e->sent_ns = wall_ns;
    e->source = source % LEDGER_SOURCES_MAX;
    e->expected = records;
    l->expected += records;
    l->satisfied += satisfied_of(e);
    return true;
}

void
ledger_stored(struct ledger *l, uint64_t number, uint64_t position, uint64_t wall_ns)
{
    struct entry *e = entry_of(l, number);

    if (e == NULL) {
        l->beyond++;
        return;
    }
    if (!l->has_position) {
        l->has_position = true;
        l->first_position = position;
    }
    if (e->stored == 0) {
        e->stored_ns = wall_ns;
        e->position = (uint32_t)(position - l->first_position);
    }
    l->satisfied += e->stored < e->expected;
    e->stored += e->stored < UINT32_MAX;
}

void
ledger_others(struct ledger *l, uint64_t records)
{
    l->others += records;
}

void
ledger_dead(struct ledger *l, uint64_t letters)
{
    l->dead += letters;
}

bool
ledger_is_complete(const struct ledger *l)
{
    return l->satisfied == l->expected;
}

/* ---- Adding up ---- */

/* What one walk over all entries, from the last number to the first, needs. */
struct walk {
    struct ledger_sums *sums;
    struct latency *latency;
    uint32_t *earliest; /* of each source, the first position of those with larger numbers, plus 1;
                           0: none */
};

static void
take_latency(struct walk *w, const struct entry *e)
{
    if (e->stored_ns >= e->sent_ns) {
        latency_add(w->latency, e->stored_ns - e->sent_ns);
        return;
    }
    uint64_t by = e->sent_ns - e->stored_ns;
    w->sums->early++;
    w->sums->early_ns = by > w->sums->early_ns ? by : w->sums->early_ns;
}

/* A later one of the same source that stands before this one in the stream is disorder. */
static void
take_order(struct walk *w, const struct entry *e)
{
    uint32_t *earliest = &w->earliest[e->source];
    uint64_t place = (uint64_t)e->position + 1;

    if (*earliest != 0 && place > *earliest) {
        uint64_t distance = place - *earliest;
        w->sums->disorder = distance > w->sums->disorder ? distance : w->sums->disorder;
    } else if (place <= UINT32_MAX) {
        *earliest = (uint32_t)place;
    }
}

static void
take_entry(struct walk *w, const struct entry *e)
{
    struct ledger_sums *sums = w->sums;

    if (e->expected == 0) {
        sums->unexpected += e->stored;
        return;
    }
    sums->expected += e->expected;
    sums->stored += satisfied_of(e);
    sums->missing += e->expected - satisfied_of(e);
    sums->doubled += e->stored - satisfied_of(e);
    if (e->stored > 0) {
        take_latency(w, e);
        take_order(w, e);
    }
}

static void
take_entries(struct walk *w, const struct ledger *l)
{
    for (unsigned page = l->page_count; page-- > 0;) {
        for (unsigned i = PAGE_ENTRIES; l->pages[page] != NULL && i-- > 0;) {
            take_entry(w, &l->pages[page][i]);
        }
    }
}

/* False when there is no room for one more range. */
static bool
add_missing(struct ledger_sums *sums, uint64_t number)
{
    unsigned count = sums->missing_range_count;

    if (count > 0 && sums->missing_ranges[count - 1].last + 1 == number) {
        sums->missing_ranges[count - 1].last = number;
        return true;
    }
    if (count == LEDGER_RANGES_MAX) {
        sums->has_more_ranges = true;
        return false;
    }
    sums->missing_ranges[count] = (struct ledger_range){ number, number };
    sums->missing_range_count++;
    return true;
}

static void
find_missing(const struct ledger *l, struct ledger_sums *sums)
{
    for (uint64_t number = 0; number < (uint64_t)l->page_count << PAGE_BITS; number++) {
        const struct entry *page = l->pages[number >> PAGE_BITS];

        if (page == NULL) {
            number |= PAGE_ENTRIES - 1;
            continue;
        }
        const struct entry *e = &page[number & (PAGE_ENTRIES - 1)];
        if (e->stored < e->expected && !add_missing(sums, number)) {
            return;
        }
    }
}

bool
ledger_add_up(const struct ledger *l, struct ledger_sums *ret_sums)
{
    struct ledger_sums sums = { .others = l->others, .dead = l->dead, .unexpected = l->beyond };
    struct walk w = { &sums, calloc(1, sizeof(*w.latency)),
        calloc(LEDGER_SOURCES_MAX, sizeof(*w.earliest)) };
    bool has_memory = w.latency != NULL && w.earliest != NULL;

    if (has_memory) {
        take_entries(&w, l);
        find_missing(l, &sums);
        sums.latency = (struct ledger_latency){ latency_quantile(w.latency, 500),
            latency_quantile(w.latency, 900), latency_quantile(w.latency, 990),
            latency_quantile(w.latency, 999), w.latency->largest };
        *ret_sums = sums;
    }
    free(w.latency);
    free(w.earliest);
    return has_memory;
}
