/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/record.h"
#include "sr/stats.h"

#include "sr/banned.h"

#define BIT(SLOT) (UINT64_C(1) << ((SLOT)&63))
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define NTP_TO_UNIX UINT64_C(2208988800) /* seconds from 1900 to 1970, RFC 868 */

/* Units of the NTP format, RFC 7011 sections 6.1.9 and 6.1.10. */
#define NTP_NANOSECONDS UINT64_C(0)
#define NTP_MICROSECONDS UINT64_C(1)
#define NTP_NO_MICROSECONDS UINT64_C(0x7ff) /* bits that must be ignored */

/*
 * A flow that is older than this when it is exported has a time that cannot be: twice as long as
 * 32 bits of milliseconds last.
 */
#define PAST_MAX_MS (UINT64_C(1) << 33)

/* Export times of IPFIX are whole seconds. */
#define WHOLE_SECOND_MS 1000U

/* Flows are exported sooner than this after their last packet. */
#define RESTART_MS (UINT64_C(3600) * 1000)

/* Where the times of a record may come from, the most exact first. */
struct source {
    enum nf_slot start, end;
    uint64_t unit_ns; /* or one of the NTP format */
};

static const struct source absolute[] = {
    { NF_START_NANOSECONDS, NF_END_NANOSECONDS, NTP_NANOSECONDS },
    { NF_START_MICROSECONDS, NF_END_MICROSECONDS, NTP_MICROSECONDS },
    { NF_START_MILLISECONDS, NF_END_MILLISECONDS, NS_PER_MS },
    { NF_START_SECONDS, NF_END_SECONDS, NS_PER_S },
};

/* These and the deltas to the export time. */
#define ABSOLUTE                                                                                   \
    (BIT(NF_START_SECONDS) | BIT(NF_END_SECONDS) | BIT(NF_START_MILLISECONDS) |                    \
        BIT(NF_END_MILLISECONDS) | BIT(NF_START_MICROSECONDS) | BIT(NF_END_MICROSECONDS) |         \
        BIT(NF_START_NANOSECONDS) | BIT(NF_END_NANOSECONDS) | BIT(NF_START_DELTA_MICROSECONDS) |   \
        BIT(NF_END_DELTA_MICROSECONDS))

/* And all other elements that a time can come from. */
#define TIMES                                                                                      \
    (ABSOLUTE | BIT(NF_FIRST_SWITCHED) | BIT(NF_LAST_SWITCHED) | BIT(NF_DURATION_MILLISECONDS) |   \
        BIT(NF_DURATION_MICROSECONDS) | BIT(NF_OBSERVED_SECONDS) | BIT(NF_OBSERVED_MILLISECONDS) | \
        BIT(NF_OBSERVED_MICROSECONDS) | BIT(NF_OBSERVED_NANOSECONDS))

/* NAT and firewall events have one time: it is where the flow begins or ends, else both. */
static const struct source observed[] = {
    { NF_OBSERVED_NANOSECONDS, NF_OBSERVED_NANOSECONDS, NTP_NANOSECONDS },
    { NF_OBSERVED_MICROSECONDS, NF_OBSERVED_MICROSECONDS, NTP_MICROSECONDS },
    { NF_OBSERVED_MILLISECONDS, NF_OBSERVED_MILLISECONDS, NS_PER_MS },
    { NF_OBSERVED_SECONDS, NF_OBSERVED_SECONDS, NS_PER_S },
};

/* Microseconds are rounded: their fraction is what was left of one when it was cut off. */
static uint64_t
from_ntp(uint64_t ntp, uint64_t unit)
{
    uint64_t seconds = ntp >> 32;
    uint64_t fraction = ntp & UINT32_MAX;

    if (seconds < NTP_TO_UNIX) {
        return 0;
    }
    if (unit == NTP_MICROSECONDS) {
        fraction &= ~NTP_NO_MICROSECONDS;
        fraction = ((fraction * 1000000 + (UINT64_C(1) << 31)) >> 32) * 1000;
    } else {
        fraction = fraction * NS_PER_S >> 32;
    }
    return (seconds - NTP_TO_UNIX) * NS_PER_S + fraction;
}

static uint64_t
to_ns(uint64_t value, uint64_t unit_ns)
{
    if (unit_ns <= NTP_MICROSECONDS) {
        return from_ntp(value, unit_ns);
    }
    /* Without a division: there are two of these in each flow. */
    uint64_t ns;
    return __builtin_mul_overflow(value, unit_ns, &ns) ? UINT64_MAX : ns;
}

static void
take(const struct nf_flow *f, const struct source *sources, struct nf_times *t)
{
    for (unsigned i = 0; i < 4; i++) {
        if (t->start == 0 && nf_flow_has(f, sources[i].start)) {
            t->start = to_ns(f->number[sources[i].start], sources[i].unit_ns);
        }
        if (t->end == 0 && nf_flow_has(f, sources[i].end)) {
            t->end = to_ns(f->number[sources[i].end], sources[i].unit_ns);
        }
    }
}

/* A time that is a delta before the export; one longer than there was time is no time at all. */
static uint64_t
before_export(uint64_t export_ns, uint64_t delta_us)
{
    return delta_us < export_ns / 1000 ? export_ns - delta_us * 1000 : 1;
}

/* Elements 158 and 159: microseconds before the export time. */
static void
take_deltas(const struct nf_context *c, const struct nf_flow *f, struct nf_times *t)
{
    uint64_t export_ns = c->header->export_ns;

    if (t->start == 0 && nf_flow_has(f, NF_START_DELTA_MICROSECONDS)) {
        t->start = before_export(export_ns, f->number[NF_START_DELTA_MICROSECONDS]);
    }
    if (t->end == 0 && nf_flow_has(f, NF_END_DELTA_MICROSECONDS)) {
        t->end = before_export(export_ns, f->number[NF_END_DELTA_MICROSECONDS]);
    }
}

/*
 * When the uptime was `uptime_ms`, given that it was `now_ms` at the export: the difference of two
 * 32-bit numbers survives their wrap after 49.7 days. More than half of the range is a time shortly
 * after the export, for clocks of line cards differ.
 */
static uint64_t
uptime_to_ns(uint64_t export_ns, uint32_t now_ms, uint32_t uptime_ms)
{
    uint32_t before = now_ms - uptime_ms;

    if (before <= INT32_MAX || uptime_ms <= now_ms) {
        return export_ns - before * NS_PER_MS;
    }
    return export_ns + (uptime_ms - now_ms) * NS_PER_MS;
}

/*
 * When the exporter of IPFIX started: by the record, else as it looks (which agrees with what
 * options told, or it has started again since), else by options. 0: not known.
 */
static uint64_t
exporter_start(const struct nf_context *c, const struct nf_flow *f)
{
    const uint64_t starts[] = {
        nf_flow_get(f, NF_INIT_MILLISECONDS),
        c->domain->estimated_start_ms,
        c->domain->told_start_ms,
    };
    uint64_t latest_ms = c->export_ms + c->config->skew_ns / NS_PER_MS;

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (starts[i] != 0 && starts[i] <= latest_ms) {
            return starts[i];
        }
    }
    return 0;
}

/* In IPFIX uptimes count from the start of the exporter: false when that is not known. */
static bool
uptime_at_export(const struct nf_context *c, const struct nf_flow *f, uint32_t *ret_uptime_ms)
{
    uint64_t start_ms;

    if (c->header->version != 10) {
        *ret_uptime_ms = c->header->uptime_ms;
        return true;
    }
    start_ms = exporter_start(c, f);
    *ret_uptime_ms = (uint32_t)(c->export_ms - start_ms);
    return start_ms != 0;
}

static void
take_uptimes(const struct nf_context *c, const struct nf_flow *f, struct nf_times *t)
{
    uint64_t export_ns = c->header->export_ns;
    uint32_t now_ms;

    if (!uptime_at_export(c, f, &now_ms)) {
        return;
    }
    if (t->start == 0 && nf_flow_has(f, NF_FIRST_SWITCHED)) {
        t->start = uptime_to_ns(export_ns, now_ms, (uint32_t)f->number[NF_FIRST_SWITCHED]);
    }
    if (t->end == 0 && nf_flow_has(f, NF_LAST_SWITCHED)) {
        t->end = uptime_to_ns(export_ns, now_ms, (uint32_t)f->number[NF_LAST_SWITCHED]);
    }
}

static void
take_duration(const struct nf_flow *f, struct nf_times *t)
{
    uint64_t ns = nf_flow_has(f, NF_DURATION_MICROSECONDS)
                      ? (f->number[NF_DURATION_MICROSECONDS] & UINT32_MAX) * 1000
                      : (nf_flow_get(f, NF_DURATION_MILLISECONDS) & UINT32_MAX) * NS_PER_MS;

    if (t->start != 0 && t->end == 0) {
        t->end = t->start + ns;
    } else if (t->end > ns && t->start == 0) {
        t->start = t->end - ns;
    }
}

/* A time that cannot be becomes that of the export, for consumers sort and delete by it. */
static inline bool
clamp(const struct nf_context *c, uint64_t *time)
{
    uint64_t export_ns = c->header->export_ns;
    uint64_t past_ns = PAST_MAX_MS * NS_PER_MS;

    /* As most are; what is not, a time after the export or no time, is far above. */
    if (*time - (export_ns - past_ns) <= past_ns) {
        return false;
    }
    if (*time == 0 || (*time > export_ns && *time - export_ns <= c->config->skew_ns)) {
        return false;
    }
    *time = export_ns;
    return true;
}

/* One of two that cannot be does not make the flow end before it begins. */
static void
clamp_both(const struct nf_context *c, struct nf_times *t)
{
    bool start = clamp(c, &t->start);
    bool end = clamp(c, &t->end);

    if (!start && !end) {
        return;
    }
    sr_count(&c->ledger->skewed, 1);
    if (t->start != 0 && t->end != 0 && t->end < t->start) {
        t->start = start ? t->end : t->start;
        t->end = t->start;
    }
}

/*
 * What v5 and most of v9 send: both uptimes and no other time, neither later than the export. They
 * cannot be out of bounds. False for all else.
 */
static inline bool
take_plain_uptimes(const struct nf_context *c, const struct nf_flow *f, struct nf_times *t)
{
    uint64_t first = f->number[NF_FIRST_SWITCHED], last = f->number[NF_LAST_SWITCHED];
    uint64_t now = c->header->uptime_ms;
    uint64_t start_ns = c->header->export_ns - now * NS_PER_MS;

    if (c->header->version == 10 || first > now || last > now) {
        return false;
    }
    t->start = start_ns + first * NS_PER_MS;
    t->end = start_ns + last * NS_PER_MS;
    return true;
}

/*
 * What most of IPFIX sends: both times in milliseconds and no other, not later than the export and
 * not absurdly before it. False for all else.
 */
static inline bool
take_plain_milliseconds(const struct nf_context *c, const struct nf_flow *f, struct nf_times *t)
{
    uint64_t start = f->number[NF_START_MILLISECONDS], end = f->number[NF_END_MILLISECONDS];
    uint64_t now = c->export_ms, past = now - PAST_MAX_MS;

    if (start > now || end > now || start <= past || end <= past) {
        return false;
    }
    t->start = start * NS_PER_MS;
    t->end = end * NS_PER_MS;
    return true;
}

struct nf_times
nf_flow_times(const struct nf_context *c, const struct nf_flow *f)
{
    const uint64_t uptimes = BIT(NF_FIRST_SWITCHED) | BIT(NF_LAST_SWITCHED);
    const uint64_t milliseconds = BIT(NF_START_MILLISECONDS) | BIT(NF_END_MILLISECONDS);
    struct nf_times t = { 0, 0 };

    if ((f->present[1] & TIMES) == uptimes && take_plain_uptimes(c, f, &t)) {
        return t;
    }
    if ((f->present[1] & TIMES) == milliseconds && take_plain_milliseconds(c, f, &t)) {
        return t;
    }
    if ((f->present[1] & ABSOLUTE) != 0) {
        take(f, absolute, &t);
        take_deltas(c, f, &t);
    }
    if ((f->present[1] & uptimes) != 0) {
        take_uptimes(c, f, &t);
    }
    if (t.start == 0 || t.end == 0) {
        take(f, observed, &t);
        take_duration(f, &t);
    }
    clamp_both(c, &t);
    return t;
}

/* ---- As upstream has it ---- */

/* Before version 10: an uptime that has wrapped since reads as the time of the export. */
static uint64_t
upstream_uptime(const struct nf_context *c, uint64_t uptime_ms)
{
    uint64_t now_ms = c->header->uptime_ms;
    uint64_t export_ns = c->header->export_ns;

    return uptime_ms > now_ms ? export_ns : export_ns - (now_ms - uptime_ms) * NS_PER_MS;
}

static uint64_t
upstream_time(
    const struct nf_context *c, const struct nf_flow *f, enum nf_slot ms, enum nf_slot uptime)
{
    if (c->header->version != 10) {
        return nf_flow_has(f, uptime) ? upstream_uptime(c, f->number[uptime]) : 0;
    }
    if (nf_flow_has(f, ms)) {
        return f->number[ms] * NS_PER_MS;
    }
    /* The uptime is taken off the time of the export, and not off the uptime then. */
    if (nf_flow_has(f, uptime) && f->number[uptime] <= c->export_ms) {
        return (c->export_ms - f->number[uptime]) * NS_PER_MS;
    }
    return 0;
}

struct nf_times
nf_flow_times_upstream(const struct nf_context *c, const struct nf_flow *f)
{
    return (struct nf_times){
        .start = upstream_time(c, f, NF_START_MILLISECONDS, NF_FIRST_SWITCHED),
        .end = upstream_time(c, f, NF_END_MILLISECONDS, NF_LAST_SWITCHED),
    };
}

/* ---- Estimating the start ---- */

static const struct nf_op *
find_op(const struct nf_template *t, enum nf_slot slot)
{
    const struct nf_op *ops = nf_template_ops(t);

    for (unsigned i = 0; i < t->op_count; i++) {
        if (ops[i].kind == NF_OP_NUMBER && ops[i].slot == slot) {
            return &ops[i];
        }
    }
    return NULL;
}

/* The latest uptime in the records of a set; false when they have none that counts. */
static bool
latest_uptime(const struct nf_template *t, const struct nf_op *op, struct sr_span records,
    struct nf_position *positions, uint32_t *ret_uptime_ms)
{
    struct sr_span record;
    uint32_t latest = 0;
    bool any = false;

    while (nf_record_next(t, &records, &record, positions)) {
        struct sr_reader r = sr_reader_init((struct sr_span){
            record.data + positions[op->field].offset, positions[op->field].length });
        uint32_t uptime = sr_reader_be32(&r);
        latest = !any || uptime > latest ? uptime : latest;
        any = any || !r.failed;
    }
    *ret_uptime_ms = latest;
    return any;
}

void
nf_estimate_start(const struct nf_context *c, struct sr_span records, struct nf_position *positions)
{
    const struct nf_template *t = c->template;
    const struct nf_op *op = find_op(t, NF_LAST_SWITCHED);
    uint32_t uptime_ms;

    op = op != NULL ? op : find_op(t, NF_FIRST_SWITCHED);
    if (op == NULL || op->length != 4 || find_op(t, NF_INIT_MILLISECONDS) != NULL ||
        !latest_uptime(t, op, records, positions, &uptime_ms) || uptime_ms > c->export_ms) {
        return;
    }
    uint64_t start_ms = c->export_ms - uptime_ms;
    uint64_t *known = &c->domain->estimated_start_ms;
    uint64_t told_ms = c->domain->told_start_ms;
    /* What an options record told is exact where the uptimes agree with it, wrapped or not. */
    if (told_ms != 0 && (uint32_t)(start_ms + WHOLE_SECOND_MS - told_ms) <= RESTART_MS) {
        *known = told_ms;
        return;
    }
    /* Much later than known: the exporter has started again, or its uptime has wrapped. */
    if (*known == 0 || start_ms < *known || start_ms - *known > RESTART_MS) {
        *known = start_ms;
    }
}
