/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "sr/banned.h"

static uint64_t
read_clock(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts); /* fails only for ids that do not exist */
    return (uint64_t)ts.tv_sec * SR_NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

uint64_t
sr_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t
sr_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int32_t
sr_clock_utc_offset_s(void)
{
    time_t now = time(NULL);
    struct tm local;

    return localtime_r(&now, &local) != NULL ? (int32_t)local.tm_gmtoff : 0;
}

uint64_t
sr_clock_random_u64(void)
{
    uint64_t value;

    if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value)) {
        abort(); /* a guessed run id could collide with another collector's and lose records */
    }
    return value;
}
