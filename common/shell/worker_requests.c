/* SPDX-License-Identifier: Apache-2.0 */
/* The requests among a worker's datagrams: what emits them, and when they are answered. */
#include "shell/worker.h"

#include <string.h>

#include "sr/clock.h"
#include "sr/request.h"

#include "sr/banned.h"

static bool
emit_repeated(void *arg, const struct sr_request *request)
{
    struct sr_worker *w = arg;
    struct sr_udp_way way;

    sr_udp_way_of(w->message, &way);
    return answers_repeated(w->answers, request, &way, w->socket, sr_clock_monotonic_ns());
}

static uint8_t *
emit_reserve_request(void *arg, size_t max)
{
    struct sr_worker *w = arg;

    batch_close(&w->batch); /* what came before goes before */
    w->request_room = sr_lane_reserve(w->lane, SR_REQUEST_ATTRIBUTE_LEN + max, w->now_ns);
    return w->request_room != NULL ? w->request_room + SR_REQUEST_ATTRIBUTE_LEN : NULL;
}

static void
emit_commit_request(void *arg, size_t len, const struct sr_request *request)
{
    struct sr_worker *w = arg;
    struct sr_udp_way way;

    sr_request_attribute(request->id, w->request_room);
    sr_lane_commit(w->lane, SR_REQUEST_ATTRIBUTE_LEN + len, SR_REQUEST_ATTRIBUTE_LEN, 1);
    sr_count(&w->stats->records, 1);
    sr_udp_way_of(w->message, &way);
    answers_add(w->answers, request, &way, w->socket, sr_clock_monotonic_ns());
    memcpy(w->requests[w->request_count++], request->id, SR_REQUEST_ID_LEN);
}

static void
emit_answer(void *arg, struct sr_span answer)
{
    struct sr_worker *w = arg;
    struct sr_udp_way way;

    sr_udp_way_of(w->message, &way);
    answers_send_now(w->answers, &way, w->socket, answer);
}

void
sr_worker_serve_requests(struct sr_worker *w)
{
    if (w->answers == NULL) {
        return;
    }
    w->emit.repeated = emit_repeated;
    w->emit.reserve_request = emit_reserve_request;
    w->emit.commit_request = emit_commit_request;
    w->emit.answer = emit_answer;
}

void
sr_worker_end_requests(struct sr_worker *w, bool kept)
{
    for (unsigned i = 0; i < w->request_count; i++) {
        if (!kept) {
            answers_forget(w->answers, w->requests[i]);
        } else if (w->answer_when == SR_ANSWER_RECEIVED) {
            answers_send(w->answers, w->requests[i], false);
        }
    }
    w->hurries = w->request_count > 0;
    w->request_count = 0;
}
