/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/sequence.h"

#include <string.h>

#include "sr/banned.h"

static void
forget_gap(struct nf_sequence *s, unsigned index)
{
    s->gap_count--;
    memmove(&s->gaps[index], &s->gaps[index + 1], (s->gap_count - index) * sizeof(s->gaps[0]));
}

/* The oldest one gives way: its units stay missing. */
static void
remember_gap(struct nf_sequence *s, uint32_t from, uint32_t units)
{
    if (s->gap_count == NF_SEQUENCE_GAPS) {
        forget_gap(s, 0);
    }
    s->gaps[s->gap_count].from = from;
    s->gaps[s->gap_count].units = units;
    s->gap_count++;
}

/* Takes `units` at `offset` out of a gap and keeps what is left of it on either side. */
static void
fill_gap(struct nf_sequence *s, unsigned index, uint32_t offset, uint32_t units)
{
    uint32_t from = s->gaps[index].from;
    uint32_t after = s->gaps[index].units - offset - units;

    if (offset > 0) {
        s->gaps[index].units = offset;
        if (after > 0) {
            remember_gap(s, from + offset + units, after);
        }
    } else if (after > 0) {
        s->gaps[index].from = from + units;
        s->gaps[index].units = after;
    } else {
        forget_gap(s, index);
    }
}

/* Units of a late message that a gap had: false when it lies in none. */
static bool
fill(struct nf_sequence *s, uint32_t number, uint32_t units, bool unknown, uint32_t *ret_units)
{
    for (unsigned i = 0; i < s->gap_count; i++) {
        uint32_t gap = s->gaps[i].units;
        uint32_t offset = number - s->gaps[i].from;
        if (offset >= gap) {
            continue;
        }
        /* What cannot be counted reaches as far as nothing else is known. */
        uint32_t taken = unknown || units > gap - offset ? gap - offset : units;
        if (taken > 0) {
            fill_gap(s, i, offset, taken);
        }
        *ret_units = taken;
        return true;
    }
    return false;
}

static void
begin(struct nf_sequence *s, uint32_t number, uint32_t units, bool unknown)
{
    s->started = true;
    s->uncertain = unknown;
    s->expected = number + units;
    s->gap_count = 0;
    s->run = 0;
}

static void
advance(struct nf_sequence *s, uint32_t number, uint32_t units, bool unknown)
{
    s->uncertain = unknown;
    s->expected = number + units;
    s->run = 0;
    /* A gap that nobody can fill any more must not meet the numbers again after they wrap. */
    if (s->gap_count > 0 && s->expected - s->gaps[0].from > 2 * NF_SEQUENCE_WINDOW) {
        forget_gap(s, 0);
    }
}

/*
 * An exporter that restarts counts from small numbers again, which may lie less than a window
 * behind. Messages that follow each other there, with none in order among them, are no copies.
 */
static bool
is_new_numbering(struct nf_sequence *s, uint32_t number, uint32_t units, bool unknown)
{
    uint32_t skipped = number - s->run_next;
    bool follows =
        s->run > 0 && (skipped == 0 || (s->run_uncertain && skipped < NF_SEQUENCE_WINDOW));

    s->run = follows ? s->run + 1 : 1;
    s->run_next = number + units;
    s->run_uncertain = unknown;
    return s->run > NF_SEQUENCE_RUN;
}

static enum nf_sequence_verdict
take_behind(
    struct nf_sequence *s, uint32_t number, uint32_t units, bool unknown, uint32_t *ret_units)
{
    if (fill(s, number, units, unknown, ret_units)) {
        return NF_SEQUENCE_LATE;
    }
    if (units == 0) {
        /* Nothing tells it from one that came before: it holds templates only. */
        return NF_SEQUENCE_LATE;
    }
    if (is_new_numbering(s, number, units, unknown)) {
        begin(s, number, units, unknown);
        return NF_SEQUENCE_RESTART;
    }
    return NF_SEQUENCE_DUPLICATE;
}

enum nf_sequence_verdict
nf_sequence_take(
    struct nf_sequence *s, uint32_t number, uint32_t units, bool unknown, uint32_t *ret_units)
{
    uint32_t ahead = number - s->expected;
    uint32_t behind = s->expected - number;

    *ret_units = 0;
    if (!s->started) {
        begin(s, number, units, unknown);
        return NF_SEQUENCE_FIRST;
    }
    if (ahead == 0 || (s->uncertain && ahead <= NF_SEQUENCE_WINDOW)) {
        advance(s, number, units, unknown);
        return NF_SEQUENCE_IN_ORDER;
    }
    if (ahead <= NF_SEQUENCE_WINDOW) {
        remember_gap(s, s->expected, ahead);
        advance(s, number, units, unknown);
        *ret_units = ahead;
        return NF_SEQUENCE_GAP;
    }
    if (behind <= NF_SEQUENCE_WINDOW) {
        return take_behind(s, number, units, unknown, ret_units);
    }
    begin(s, number, units, unknown);
    return NF_SEQUENCE_RESTART;
}
