/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/stopping.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sr/clock.h"
#include "sr/notify.h"
#include "sr/wake.h"

#include "sr/banned.h"

#define ASK_NS (5 * SR_NS_PER_SECOND)
#define MORE_NS (30 * SR_NS_PER_SECOND) /* asked for each time; counts from then on */

struct stopping {
    uint64_t (*progress)(void *arg);
    void *arg;
    uint64_t sure_ns;
    _Atomic bool done;
    struct sr_wake wake;
    pthread_t thread;
};

static void *
run(void *arg)
{
    struct stopping *s = arg;
    uint64_t before = s->progress(s->arg);

    for (bool gets_on = true;;) {
        uint64_t epoch = sr_wake_epoch(&s->wake);
        if (atomic_load(&s->done)) {
            return NULL;
        }
        if (gets_on) {
            sr_notify("EXTEND_TIMEOUT_USEC=%llu", (unsigned long long)(MORE_NS / 1000));
        }
        uint64_t now_ns = sr_clock_monotonic_ns();
        sr_wake_sleep(&s->wake, epoch, now_ns + ASK_NS);
        uint64_t now = s->progress(s->arg);
        gets_on = now != before || now_ns < s->sure_ns;
        before = now;
    }
}

struct stopping *
stopping_start(uint64_t (*progress)(void *arg), void *arg, uint64_t sure_ns)
{
    struct stopping *s = calloc(1, sizeof(*s));

    sr_notify("STOPPING=1");
    if (s == NULL) {
        return NULL;
    }
    s->progress = progress;
    s->arg = arg;
    s->sure_ns = sure_ns;
    sr_wake_init(&s->wake);
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        sr_wake_done(&s->wake);
        free(s);
        return NULL;
    }
    return s;
}

void
stopping_end(struct stopping *s)
{
    if (s == NULL) {
        return;
    }
    atomic_store(&s->done, true);
    sr_wake_signal(&s->wake);
    (void)pthread_join(s->thread, NULL);
    sr_wake_done(&s->wake);
    free(s);
}
