/* SPDX-License-Identifier: Apache-2.0 */
#include "v3_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kept_file.h"
#include "usm/usm.h"

#include "sr/buf.h"
#include "sr/clock.h"
#include "sr/log.h"
#include "sr/metrics.h"

#include "sr/banned.h"

#define ENGINE_FILE "v3-engine"
#define CLOCKS_FILE "v3-clocks"
#define ENGINE_MAGIC "SRENGIN1"
#define CLOCKS_MAGIC "SRCLOCK1"
#define MAGIC_LEN 8U
#define ENGINE_FILE_MAX (MAGIC_LEN + 4 + 1 + V3_ENGINE_ID_MAX)
#define CLOCK_MAX (1 + V3_ENGINE_ID_MAX + 4 + 4 + 8) /* bytes of one in its file */
#define CLOCKS_FILE_MAX ((size_t)64 * 1024 * 1024)
#define COPIED_AT_ONCE 128U /* clocks, so that no receiving thread waits for long */
#define WRITE_PAUSE_NS (10 * SR_NS_PER_SECOND)
#define MINUTE_NS (60 * SR_NS_PER_SECOND)

struct v3_state {
    bool has_dir;
    struct kept_dir dir;
    const char *path; /* of it; borrowed of the first configuration */
    bool has_engine;
    struct usm_engine engine;
    uint64_t started_ns;    /* monotonic */
    uint64_t next_write_ns; /* monotonic; of who maintains */
    bool is_failing;        /* the clocks cannot be written */
    struct sr_log_limit failures;
    unsigned listener_count;
    struct {
        const char *name; /* as configured; borrowed of the first configuration */
        struct usm_times *times;
    } listeners[];
};

static void
put_be(struct sr_buf *b, uint64_t number, unsigned bytes)
{
    while (bytes-- > 0) {
        sr_buf_put(b, (uint8_t)(number >> 8 * bytes));
    }
}

/* ---- Our engine ---- */

/* Seconds since the start: 68 years fit. */
static uint32_t
engine_time(void *arg)
{
    const struct v3_state *s = arg;

    return (uint32_t)((sr_clock_monotonic_ns() - s->started_ns) / SR_NS_PER_SECOND);
}

/*
 * RFC 3411 section 5: the first bit, an enterprise's number, and octets that it chooses (5). The
 * number is net-snmp's, as of others that have none; 96 random bits are nobody else's.
 */
static void
make_id(struct usm_engine *engine)
{
    static const uint8_t head[] = { 0x80, 0, 0x1f, 0x88, 5 };
    const uint64_t random[] = { sr_clock_random_u64(), sr_clock_random_u64() };
    const size_t random_len = 12;

    memcpy(engine->id, head, sizeof(head));
    memcpy(engine->id + sizeof(head), random, random_len);
    engine->id_len = sizeof(head) + random_len;
}

/* Reads the file of the last start; false when it is none of ours. */
static bool
read_engine(struct sr_span bytes, struct usm_engine *engine)
{
    struct sr_reader r = sr_reader_init(bytes);
    struct sr_span magic = sr_reader_take(&r, MAGIC_LEN);
    uint32_t boots = sr_reader_be32(&r);
    size_t len = sr_reader_u8(&r);
    struct sr_span id = sr_reader_take(&r, len);

    if (r.failed || memcmp(magic.data, ENGINE_MAGIC, MAGIC_LEN) != 0 ||
        id.len < TRAPD_ENGINE_ID_MIN || id.len > sizeof(engine->id)) {
        return false;
    }
    memcpy(engine->id, id.data, id.len);
    engine->id_len = id.len;
    engine->boots = boots < USM_BOOTS_MAX ? boots + 1 : USM_BOOTS_MAX;
    return true;
}

/* The engine of the last start with its boots counted on; false when there is none. */
static bool
find_engine(struct v3_state *s)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    int error = kept_file_read(&s->dir, ENGINE_FILE, ENGINE_FILE_MAX, &bytes, &len);

    if (error == 0 && !read_engine((struct sr_span){ bytes, len }, &s->engine)) {
        error = EBADMSG;
    }
    free(bytes);
    if (error != 0 && error != ENOENT) {
        sr_log(SR_LOG_WARNING,
            "the file of our SNMPv3 engine cannot be read and is made anew dir=\"%s\" "
            "file=" ENGINE_FILE " error=\"%s\"",
            s->path, strerror(error));
    }
    return error == 0;
}

/*
 * Boots of an engine_id whose last boots are not known: they must be more than those were, and
 * nobody starts more often than once a minute over the years.
 */
static uint32_t
boots_by_clock(void)
{
    uint64_t minutes = sr_clock_wall_ns() / MINUTE_NS;

    return minutes > 0 && minutes < USM_BOOTS_MAX ? (uint32_t)minutes : 1;
}

/* What our engine is from now on: as configured, as it was, or new. */
static void
choose_engine(struct v3_state *s, const char *configured)
{
    uint8_t id[TRAPD_ENGINE_ID_MAX];
    size_t len = configured != NULL ? trapd_engine_id(configured, id) : 0;
    bool is_known = s->has_dir && find_engine(s);

    if (len > 0 && !(is_known && usm_engine_is(&s->engine, (struct sr_span){ id, len }))) {
        memcpy(s->engine.id, id, len);
        s->engine.id_len = len;
        s->engine.boots = boots_by_clock();
    } else if (!is_known) {
        make_id(&s->engine);
        s->engine.boots = 1;
    }
}

/* Returns 0, or errno. */
static int
write_engine(const struct v3_state *s)
{
    uint8_t memory[ENGINE_FILE_MAX];
    struct sr_buf b = sr_buf_over(memory, sizeof(memory));

    sr_buf_add_text(&b, ENGINE_MAGIC);
    put_be(&b, s->engine.boots, 4);
    put_be(&b, s->engine.id_len, 1);
    sr_buf_add(&b, s->engine.id, s->engine.id_len);
    return kept_file_write(&s->dir, ENGINE_FILE, sr_buf_span(&b));
}

/* Tells administrators what their devices must know, if anybody will ask. */
static void
announce(const struct v3_state *s, bool has_users)
{
    uint8_t memory[2 * V3_ENGINE_ID_MAX];
    struct sr_buf hex = sr_buf_over(memory, sizeof(memory));

    sr_buf_add_hex(&hex, usm_engine_id(&s->engine));
    sr_log(has_users ? SR_LOG_NOTICE : SR_LOG_DEBUG, "our SNMPv3 engine engine_id=%.*s boots=%lu",
        (int)hex.len, (const char *)hex.data, (unsigned long)s->engine.boots);
    if (s->engine.boots == USM_BOOTS_MAX) {
        sr_log(SR_LOG_ERROR,
            "our SNMPv3 engine has used up its boots: informs with authentication are refused "
            "advice=\"remove %s/" ENGINE_FILE " and configure no engine_id, or another one\"",
            s->path);
    }
}

/* False with `error`: what was configured cannot be had. */
static bool
start_engine(struct v3_state *s, const struct trapd_conf *config, char *error, size_t error_size)
{
    bool has_users = config->users.count > 0 || config->users_file != NULL;
    int failed = kept_dir_open(s->path, &s->dir);

    s->has_dir = failed == 0;
    choose_engine(s, config->engine_id);
    if (failed == 0) {
        failed = write_engine(s);
    }
    if (failed != 0 && config->engine_id != NULL) {
        (void)snprintf(error, error_size,
            "engine_id: its boots cannot be kept in queue.dir, %s: %s; %s, or leave out engine_id",
            s->path, strerror(failed), kept_file_advice(failed));
        return false;
    }
    if (failed != 0) {
        sr_log(has_users ? SR_LOG_WARNING : SR_LOG_DEBUG,
            "our SNMPv3 engine has another id after each start dir=\"%s\" error=\"%s\" "
            "advice=\"%s\"",
            s->path, strerror(failed), kept_file_advice(failed));
        make_id(&s->engine);
        s->engine.boots = 1;
    }
    s->engine.time = engine_time;
    s->engine.time_arg = s;
    s->engine.salt = sr_clock_random_u64();
    s->started_ns = sr_clock_monotonic_ns();
    s->has_engine = true;
    announce(s, has_users);
    return true;
}

/* ---- Clocks of others ---- */

static void
put_clock(struct sr_buf *b, const struct usm_clock *clock)
{
    sr_buf_put(b, clock->len);
    sr_buf_add(b, clock->engine_id, clock->len);
    put_be(b, clock->boots, 4);
    put_be(b, clock->time, 4);
    put_be(b, clock->heard_ns, 8);
}

/* Takes the next clock off; false at the end, or when it is none. */
static bool
take_clock(struct sr_reader *r, struct usm_clock *ret_clock)
{
    size_t len = sr_reader_u8(r);
    struct sr_span id = sr_reader_take(r, len);
    struct usm_clock clock = { .len = (uint8_t)id.len };

    clock.boots = sr_reader_be32(r);
    clock.time = sr_reader_be32(r);
    clock.heard_ns = sr_reader_be64(r);
    if (r->failed || id.len > sizeof(clock.engine_id)) {
        return false;
    }
    memcpy(clock.engine_id, id.data, id.len);
    *ret_clock = clock;
    return true;
}

/* Every listener knows what any of them has heard. */
static bool
learn_clocks(struct v3_state *s, struct sr_span bytes)
{
    struct sr_reader r = sr_reader_init(bytes);
    struct sr_span magic = sr_reader_take(&r, MAGIC_LEN);
    struct usm_clock clock;

    if (r.failed || memcmp(magic.data, CLOCKS_MAGIC, MAGIC_LEN) != 0) {
        return false;
    }
    while (sr_reader_left(&r) > 0) {
        if (!take_clock(&r, &clock)) {
            return false;
        }
        for (unsigned i = 0; i < s->listener_count; i++) {
            usm_times_learn(s->listeners[i].times, &clock);
        }
    }
    return true;
}

static void
read_clocks(struct v3_state *s)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    int error = kept_file_read(&s->dir, CLOCKS_FILE, CLOCKS_FILE_MAX, &bytes, &len);

    if (error == 0 && !learn_clocks(s, (struct sr_span){ bytes, len })) {
        error = EBADMSG;
    }
    free(bytes);
    if (error != 0 && error != ENOENT) {
        sr_log(SR_LOG_WARNING,
            "the clocks of SNMPv3 engines cannot be read: the first trap of each is believed "
            "dir=\"%s\" file=" CLOCKS_FILE " error=\"%s\"",
            s->path, strerror(error));
    }
}

static int
write_clocks(struct v3_state *s)
{
    struct usm_clock some[COPIED_AT_ONCE];
    size_t room = MAGIC_LEN + (size_t)s->listener_count * USM_ENGINES_DEFAULT * CLOCK_MAX;
    uint8_t *memory = malloc(room); /* of which only what is written becomes memory */

    if (memory == NULL) {
        return ENOMEM;
    }
    struct sr_buf b = sr_buf_over(memory, room);
    sr_buf_add_text(&b, CLOCKS_MAGIC);
    for (unsigned i = 0; i < s->listener_count; i++) {
        uint32_t cursor = 0, count;
        while ((count = usm_times_copy(s->listeners[i].times, &cursor, some, COPIED_AT_ONCE)) > 0) {
            for (uint32_t j = 0; j < count; j++) {
                put_clock(&b, &some[j]);
            }
        }
    }
    int error = kept_file_write(&s->dir, CLOCKS_FILE, sr_buf_span(&b));
    free(memory);
    return error;
}

static bool
take_changed(struct v3_state *s)
{
    bool changed = false;

    for (unsigned i = 0; i < s->listener_count; i++) {
        changed = usm_times_take_changed(s->listeners[i].times) || changed;
    }
    return changed;
}

void
v3_state_maintain(struct v3_state *s, bool last)
{
    uint64_t now_ns = sr_clock_monotonic_ns(), more;

    if (!s->has_dir || (!last && now_ns < s->next_write_ns) || !take_changed(s)) {
        return;
    }
    s->next_write_ns = now_ns + WRITE_PAUSE_NS;
    int error = write_clocks(s);
    if (error != 0) {
        usm_times_set_changed(s->listeners[0].times);
        if (sr_log_allowed(&s->failures, &more)) {
            sr_log(SR_LOG_ERROR,
                "the clocks of SNMPv3 engines are not kept: old traps may pass after a restart "
                "dir=\"%s\" error=\"%s\" advice=\"%s\"",
                s->path, strerror(error), kept_file_advice(error));
        }
    } else if (s->is_failing) {
        sr_log(SR_LOG_NOTICE, "the clocks of SNMPv3 engines are kept again");
    }
    s->is_failing = error != 0;
}

/* ---- Metrics ---- */

static void
put_head(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP serviceradar_trapd_%s %s\n# TYPE serviceradar_trapd_%s %s\n", name,
        help, name, type);
}

void
v3_state_report(struct v3_state *s, FILE *out)
{
    static const char *const families[][3] = {
        { "v3_engines", "gauge", "SNMPv3 engines whose clocks are known." },
        { "v3_engines_forgotten_total", "counter", "Of these, forgotten to make room for others." },
        { "v3_relearned_total", "counter",
            "Messages outside of the time window that time_window: relearn took." },
    };

    if (s->has_engine) {
        put_head(out, "v3_boots", "gauge", "Starts of our own SNMPv3 engine.");
        (void)fprintf(out, "serviceradar_trapd_v3_boots %" PRIu32 "\n", s->engine.boots);
    }
    for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        put_head(out, families[i][0], families[i][1], families[i][2]);
        for (unsigned j = 0; j < s->listener_count; j++) {
            struct usm_times_counts counts = usm_times_counts(s->listeners[j].times);
            const uint64_t values[] = { counts.engines, counts.forgotten, counts.relearned };
            (void)fprintf(out, "serviceradar_trapd_%s{listener=", families[i][0]);
            sr_metrics_put_quoted(out, s->listeners[j].name);
            (void)fprintf(out, "} %" PRIu64 "\n", values[i]);
        }
    }
}

/* ---- All of it ---- */

void
v3_state_free(struct v3_state *s)
{
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; i < s->listener_count; i++) {
        usm_times_free(s->listeners[i].times);
    }
    if (s->has_dir) {
        kept_dir_close(&s->dir);
    }
    free(s);
}

struct v3_state *
v3_state_new(const struct trapd_conf *config, bool daemon, char *error, size_t error_size)
{
    const struct trapd_listener *listeners = config->common.listeners.items;
    size_t count = config->common.listeners.count;
    struct v3_state *s = calloc(1, sizeof(*s) + count * sizeof(s->listeners[0]));

    (void)snprintf(error, error_size, "out of memory");
    if (s == NULL) {
        return NULL;
    }
    s->path = config->common.queue.dir;
    for (size_t i = 0; i < count; i++) {
        s->listener_count = (unsigned)i + 1;
        s->listeners[i].name = listeners[i].base.listen;
        s->listeners[i].times =
            usm_times_new((enum usm_time_policy)listeners[i].time_window, USM_ENGINES_DEFAULT);
        if (s->listeners[i].times == NULL) {
            v3_state_free(s);
            return NULL;
        }
    }
    if (daemon && !start_engine(s, config, error, error_size)) {
        v3_state_free(s);
        return NULL;
    }
    if (s->has_dir) {
        read_clocks(s);
    }
    return s;
}

struct usm_engine *
v3_state_engine(struct v3_state *s)
{
    return s->has_engine ? &s->engine : NULL;
}

struct usm_times *
v3_state_times(struct v3_state *s, unsigned listener)
{
    return s->listeners[listener].times;
}
