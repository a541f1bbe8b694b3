/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SR_WAKE_H_INCLUDED
#define SR_WAKE_H_INCLUDED

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A place for one thread to sleep until others have work for it. Signalling a thread that is
 * awake costs two atomic operations and no system call.
 */
struct sr_wake {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    _Atomic uint64_t epoch; /* moves with every signal */
    _Atomic bool sleeping;
};

void sr_wake_init(struct sr_wake *w);
void sr_wake_done(struct sr_wake *w);

/* Wakes the sleeper, or keeps it from falling asleep. From any thread. */
void sr_wake_signal(struct sr_wake *w);

/*
 * The sleeper's side, in this order: take the epoch, look for work, and if there is none sleep
 * until a signal newer than that epoch or until `deadline_ns` (monotonic).
 */
uint64_t sr_wake_epoch(struct sr_wake *w);
void sr_wake_sleep(struct sr_wake *w, uint64_t epoch, uint64_t deadline_ns);

#endif
