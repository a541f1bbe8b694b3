/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_SCHEDULE_H_INCLUDED
#define CLI_LOAD_SCHEDULE_H_INCLUDED

#include <stdint.h>

/* When messages are due: at an even rate, and bursts beside it. Pure. */
struct schedule {
    uint64_t rate;     /* a second, 1 or more */
    uint64_t every_ns; /* from burst to burst; the first comes after one such time */
    uint64_t of;       /* messages of a burst; 0: none */

    /* From here on zero at the start. */
    uint64_t sent;   /* of the even ones */
    uint64_t bursts; /* that are over */
    uint64_t left;   /* of the burst that goes on */
};

/* The time of the next message, after the start; never before the one before. */
uint64_t schedule_next(struct schedule *s);

#endif
