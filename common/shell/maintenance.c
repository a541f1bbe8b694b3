/* SPDX-License-Identifier: Apache-2.0 */
#include "shell/maintenance.h"

#include "sr/clock.h"

#include "sr/banned.h"

#define INTERVAL_NS SR_NS_PER_SECOND

static void
on_work(uv_work_t *work)
{
    struct maintenance *m = work->data;

    m->run(m->arg, false);
}

static void
on_done(uv_work_t *work, int status)
{
    struct maintenance *m = work->data;

    (void)status;
    m->running = false;
}

void
maintenance_tick(struct maintenance *m, uv_loop_t *loop, uint64_t now_ns)
{
    if (!m->needed || m->running || now_ns < m->next_ns) {
        return;
    }
    m->next_ns = now_ns + INTERVAL_NS;
    m->work.data = m;
    m->running = uv_queue_work(loop, &m->work, on_work, on_done) == 0;
}

void
maintenance_end(struct maintenance *m, uv_loop_t *loop)
{
    while (m->running) {
        (void)uv_run(loop, UV_RUN_ONCE);
    }
    m->run(m->arg, true);
}
