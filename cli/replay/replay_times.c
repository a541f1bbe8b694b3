/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/replay_times.h"

#include <stdbool.h>
#include <string.h>

#include "sr/banned.h"

/* A year: no capture pauses for that long. */
#define JUMP_NS (366 * UINT64_C(86400000000000))

/* A minute: packets are not captured that far out of order. */
#define BACK_NS (60 * UINT64_C(1000000000))

void
replay_times_begin_file(struct replay_times *times)
{
    times->line_count = 0;
}

/*
 * Our time of a captured one on a line. False when it is none: before the line, behind the message
 * before by more than what captures are out of order, or years ahead.
 */
static bool
time_on(
    const struct replay_timeline *line, uint64_t captured_ns, uint64_t last_ns, uint64_t *ret_ns)
{
    uint64_t ns = line->ns;

    if (captured_ns < line->captured_ns) {
        if (line->captured_ns - captured_ns > BACK_NS) {
            return false;
        }
    } else if (captured_ns - line->captured_ns > UINT64_MAX / 2 - ns) {
        return false;
    } else {
        ns += captured_ns - line->captured_ns;
    }
    if (ns + BACK_NS < last_ns || (ns > last_ns && ns - last_ns > JUMP_NS)) {
        return false;
    }
    *ret_ns = ns;
    return true;
}

/*
 * Times that go back a little are those of the message before. Where the capturing host's clock was
 * set, in either direction, or a time cannot be held (0), what follows goes on from there: all
 * until it is as late again would go at once. The line before is kept, because the clocks of two
 * interfaces or merged captures take turns; the one that needs the shortest wait is right.
 */
uint64_t
replay_times_next(struct replay_times *times, uint64_t captured_ns)
{
    struct replay_timeline *lines = times->lines;
    struct replay_timeline used = { captured_ns, times->last_ns };
    uint64_t best = UINT64_MAX;
    size_t place = REPLAY_TIMELINES - 1;

    for (size_t i = 0; i < times->line_count; i++) {
        uint64_t ns;

        if (time_on(&lines[i], captured_ns, times->last_ns, &ns) && ns < best) {
            best = ns;
            used = lines[i];
            place = i;
        }
    }
    /* The one that was not used for longest makes room. */
    memmove(&lines[1], &lines[0], place * sizeof(*lines));
    lines[0] = used;
    if (best == UINT64_MAX) {
        times->line_count += times->line_count < REPLAY_TIMELINES;
    } else if (best > times->last_ns) {
        times->last_ns = best;
    }
    return times->last_ns;
}
