/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the cases of a protocol that are named, or lists them without a name. Prints one JSON object
 * for each. It measures nothing itself: tests/bench/instructions and tests/bench/profile run it
 * under callgrind, which counts in stages_batch().
 */
#include "stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/stream.h"
#include "sr/queue.h"

#include "sr/banned.h"

#define BATCH 64U /* inputs of one recvmmsg() */
#define QUEUE_MEMORY ((uint64_t)64 << 20)

struct input {
    struct sr_peer peer;
    struct sr_span bytes;
};

/* What the daemon has of one listener with one thread. */
static struct {
    const struct stages_case *what;
    void *config, *state, *snapshot, *scratch, *connection;
    struct sr_queue *queue;
    struct sr_lane *lane;
    struct sr_emit emit;
    struct sr_stream stream;
    const struct sr_peer *peer; /* of this input */
    struct input *inputs;
    uint64_t records, bytes;
    uint64_t counted; /* inputs */
} desk;

void
stages_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "stages: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

/* ---- What a decoder calls, as the worker has it ---- */

static uint8_t *
reserve(void *arg, size_t max)
{
    (void)arg;
    return sr_lane_reserve(desk.lane, max, STAGES_NOW);
}

static void
commit(void *arg, size_t len, uint32_t records)
{
    (void)arg;
    sr_lane_commit(desk.lane, len, 0, records);
    desk.records += records;
    desk.bytes += len;
}

static void
deadletter(
    void *arg, const char *reason, const struct sr_peer *peer, uint64_t now_ns, struct sr_span raw)
{
    (void)arg;
    (void)peer;
    (void)now_ns;
    (void)raw;
    stages_die("not decoded", reason);
}

static void
consumed(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void
refused(void *arg, const char *reason)
{
    (void)arg;
    stages_die("refused", reason);
}

static void
lost(void *arg, const char *reason, uint32_t records)
{
    (void)arg;
    (void)records;
    stages_die("lost", reason != NULL ? reason : "no room");
}

/* ---- Streams ---- */

static enum sr_frame_state
frame(void *arg, struct sr_span bytes, bool last, struct sr_frame *ret_frame)
{
    (void)arg;
    return stages_program->frame(desk.connection, bytes, last, ret_frame);
}

static bool
message(void *arg, struct sr_span bytes, size_t used)
{
    (void)arg;
    (void)used;
    return stages_program->stream_message(desk.state, desk.snapshot, 0, desk.scratch,
               desk.connection, STAGES_NOW, desk.peer, bytes, false, &desk.emit) == SR_DECODED;
}

static void
broken(void *arg, struct sr_span bytes, const char *reason)
{
    (void)arg;
    (void)bytes;
    stages_die("the stream is broken", reason);
}

/* ---- What is counted ---- */

static void
feed(unsigned first, unsigned count)
{
    static const struct sr_stream_user user = {
        .frame = frame, .message = message, .broken = broken
    };

    for (unsigned i = first; i < first + count; i++) {
        const struct input *in = &desk.inputs[i];
        desk.peer = &in->peer;
        if (desk.what->is_stream) {
            (void)sr_stream_feed(&desk.stream, in->bytes, &user);
        } else {
            (void)stages_program->datagram(desk.state, desk.snapshot, 0, desk.scratch, STAGES_NOW,
                &in->peer, in->bytes, &desk.emit);
        }
    }
    sr_lane_flush(desk.lane);
}

void
stages_batch(unsigned first, unsigned count)
{
    feed(first, count);
    desk.counted += count; /* behind it: a call at the end would become a jump out of here */
}

/* ---- Around it ---- */

/* Called through memory: a compiler that inlined it would leave callgrind no function to count in.
 */
static void (*volatile counted_batch)(unsigned first, unsigned count) = stages_batch;

static void
run(unsigned first, unsigned count, void (*batch)(unsigned first, unsigned count))
{
    while (count > 0) {
        unsigned now = count < BATCH ? count : BATCH;
        batch(first, now);
        while (sr_lane_settle_segment(desk.lane) > 0) {
        }
        first += now;
        count -= now;
    }
}

static void *
load(const struct stages_case *c)
{
    struct sr_conf_problems *problems = sr_conf_problems_new();
    struct sr_conf_source source = { .sets = c->sets };
    void *config = NULL;

    while (c->sets[source.set_count] != NULL) {
        source.set_count++;
    }
    if (problems != NULL) {
        config = sr_conf_load(stages_program->schema, &source, problems);
    }
    if (config == NULL) {
        stages_die(c->name, problems != NULL && sr_conf_problems_count(problems) > 0
                                ? sr_conf_problems_text(problems, 0)
                                : "out of memory");
    }
    sr_conf_problems_free(problems);
    return config;
}

static void
open_queue(void)
{
    const struct sr_queue_options options = {
        .memory = QUEUE_MEMORY, .listeners = 1, .run_id = 1, .durability = SR_QUEUE_MEMORY
    };
    const struct sr_lane_options lane = { .subject = "bench" };

    desk.queue = sr_queue_new(&options);
    desk.lane = desk.queue != NULL ? sr_queue_add_lane(desk.queue, &lane) : NULL;
    if (desk.lane == NULL) {
        stages_die("the queue", "out of memory");
    }
}

static void
open_desk(const struct stages_case *c)
{
    const struct sr_form_options form = { .form = SR_FORM_WIRE };
    const struct sr_program *p = stages_program;
    static const struct sr_peer peer = { .address = { 127, 0, 0, 1 }, .port = 50000 };
    char error[512] = "out of memory";

    memset(&desk, 0, sizeof(desk));
    desk.what = c;
    desk.emit = (struct sr_emit){ .reserve = reserve,
        .commit = commit,
        .deadletter = deadletter,
        .consumed = consumed,
        .refused = refused,
        .lost = lost };
    desk.config = load(c);
    desk.scratch = p->scratch_new();
    desk.snapshot = p->open(desk.config, &form, error, sizeof(error));
    if (desk.snapshot == NULL || desk.scratch == NULL) {
        stages_die(c->name, error);
    }
    desk.state = p->state_new(desk.config, false, error, sizeof(error));
    if (desk.state == NULL) {
        stages_die(c->name, error);
    }
    if (c->is_stream) {
        desk.stream.max = p->stream_message_max;
        desk.connection = p->connection_new(desk.state, desk.snapshot, 0, &peer, NULL);
    }
    open_queue();
}

static void
close_desk(void)
{
    const struct sr_program *p = stages_program;

    if (desk.connection != NULL) {
        p->connection_free(desk.state, desk.connection);
    }
    p->close(desk.snapshot);
    p->scratch_free(desk.scratch);
    p->state_free(desk.state);
    sr_conf_free(desk.config);
    sr_queue_free(desk.queue);
}

/* All inputs are made before the first is looked at. Owned, in one piece. */
static uint8_t *
make_inputs(const struct stages_case *c, unsigned count)
{
    uint8_t *bytes = malloc((size_t)count * STAGES_INPUT_MAX);

    desk.inputs = calloc(count, sizeof(*desk.inputs));
    if (bytes == NULL || desk.inputs == NULL) {
        stages_die(c->name, "out of memory");
    }
    if (c->prepare != NULL) {
        c->prepare(c);
    }
    for (unsigned i = 0; i < count; i++) {
        struct sr_buf b = sr_buf_over(bytes + (size_t)i * STAGES_INPUT_MAX, STAGES_INPUT_MAX);
        c->write(c, i, &b);
        if (b.overflow) {
            stages_die(c->name, "an input is too long");
        }
        desk.inputs[i].bytes = sr_buf_span(&b);
        desk.inputs[i].peer =
            (struct sr_peer){ .address = { 127, 1, 0, (uint8_t)(i % stages_sources + 1) },
                .port = 50000 };
    }
    return bytes;
}

static void
measure(const struct stages_case *c)
{
    unsigned before = (c->inputs + 3) / 4;

    open_desk(c);
    uint8_t *bytes = make_inputs(c, before + c->inputs);
    run(0, before, feed);
    desk.records = desk.bytes = 0;
    run(before, c->inputs, counted_batch);
    if (desk.counted != c->inputs || desk.records != (uint64_t)c->inputs * c->records) {
        stages_die(c->name, "not every input became a record");
    }
    (void)printf("{\"case\": \"%s\", \"inputs\": %u, \"records\": %llu, \"bytes\": %.1f}\n",
        c->name, c->inputs, (unsigned long long)desk.records,
        (double)desk.bytes / (double)desk.records);
    free(desk.inputs);
    free(bytes);
    close_desk();
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct stages_case *c = stages_cases;
        while (c->name != NULL && strcmp(c->name, argv[i]) != 0) {
            c++;
        }
        if (c->name == NULL) {
            stages_die(argv[i], "there is no such case; without a name they are listed");
        }
        measure(c);
    }
    for (const struct stages_case *c = stages_cases; argc < 2 && c->name != NULL; c++) {
        (void)printf("%s\n", c->name);
    }
    return EXIT_SUCCESS;
}
