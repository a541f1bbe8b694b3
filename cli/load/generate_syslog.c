/* SPDX-License-Identifier: Apache-2.0 */
#include "load/generate_syslog.h"

#include <string.h>

#include "load/mark.h"
#include "load/syslog_text.h"
#include "sr/buf.h"
#include "sr/json.h"

#include "sr/banned.h"

#define SECOND UINT64_C(1000000000)
#define NO_SECOND UINT64_MAX
#define DATE_LEN 19U

const char *const syslog_style_names[STYLE_COUNT + 1] = { "rfc5424", "rfc3164", "cisco", "cef",
    "json", NULL };

/* Sizes of the variants go evenly from the smallest to the largest. */
static size_t
size_of(const struct syslog_kind *kind, size_t variant)
{
    const size_t more = kind->size_max > kind->size ? kind->size_max - kind->size : 0;

    return kind->size + more * variant / (SYSLOG_VARIANTS - 1);
}

size_t
syslog_generator_memory(const struct syslog_load *load)
{
    size_t size = 0;

    for (size_t i = 0; i < load->kind_count; i++) {
        for (size_t v = 0; v < SYSLOG_VARIANTS; v++) {
            size += size_of(&load->kinds[i], v);
        }
    }
    return size;
}

size_t
syslog_generator_room(const struct syslog_load *load)
{
    size_t room = 0;

    for (size_t i = 0; i < load->kind_count; i++) {
        const size_t size = size_of(&load->kinds[i], SYSLOG_VARIANTS - 1);
        room = size > room ? size : room;
    }
    return room;
}

bool
syslog_generator_init(struct syslog_generator *g, const struct syslog_load *load, void *memory)
{
    uint64_t weights[SYSLOG_KINDS_MAX];
    size_t at = 0;

    *g = (struct syslog_generator){ .load = *load, .memory = memory, .second = NO_SECOND };
    for (size_t i = 0; i < load->kind_count; i++) {
        weights[i] = load->kinds[i].weight;
        for (size_t v = 0; v < SYSLOG_VARIANTS; v++) {
            struct syslog_template *t = &g->templates[i][v];
            t->start = at;
            syslog_write_text(
                load, load->kinds[i].style, v, size_of(&load->kinds[i], v), g->memory + at, t);
            at += t->len;
        }
    }
    return mix_init(&g->mix, weights, load->kind_count);
}

static void
put_digits(uint8_t *out, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10) {
        out[i] = (uint8_t)('0' + value % 10);
    }
}

/* "2026-11-22T12:00:00" */
static void
write_date(int64_t second, uint8_t out[DATE_LEN])
{
    uint8_t text[40] = { 0 };
    struct sr_buf b = sr_buf_over(text, sizeof(text));

    sr_json_time(&b, second, 0);
    memcpy(out, text + 1, DATE_LEN); /* behind the quote */
}

/* Writes the texts of a second: "2026-11-22T12:00:00.000000Z" and "Nov 22 12:00:00". */
static void
set_second(struct syslog_generator *g, uint64_t second)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint8_t local[DATE_LEN];

    write_date((int64_t)second, g->rfc3339);
    memcpy(g->rfc3339 + DATE_LEN, ".000000Z", 8);
    write_date((int64_t)second + g->load.utc_offset_s, local);
    const size_t month = ((size_t)local[5] - '0') * 10 + local[6] - '0';
    memcpy(g->rfc3164, months + 3 * ((month + 11) % 12), 3);
    g->rfc3164[3] = ' ';
    memcpy(g->rfc3164 + 4, local + 8, 2);
    if (g->rfc3164[4] == '0') {
        g->rfc3164[4] = ' '; /* RFC 3164 section 4.1.2 */
    }
    g->rfc3164[6] = ' ';
    memcpy(g->rfc3164 + 7, local + 11, 8);
    g->second = second;
}

static void
put_time(struct syslog_generator *g, enum syslog_style style, uint64_t wall_ns, uint8_t *out)
{
    if (wall_ns / SECOND != g->second) {
        set_second(g, wall_ns / SECOND);
    }
    if (style == STYLE_RFC5424 || style == STYLE_JSON) {
        memcpy(out, g->rfc3339, sizeof(g->rfc3339));
        put_digits(out + 20, wall_ns % SECOND / 1000, 6);
        return;
    }
    memcpy(out, g->rfc3164, sizeof(g->rfc3164));
    if (style == STYLE_CISCO) {
        put_digits(out + 16, wall_ns % SECOND / 1000000, 3);
    }
}

void
syslog_generate(struct syslog_generator *g, uint64_t wall_ns, uint8_t *out, struct generated *ret)
{
    const struct mark mark = { g->load.run, g->index };
    const unsigned kind = mix_pick(&g->mix, g->index);
    /* Scattered, so that neighbours differ also where kinds take turns. */
    const uint32_t variant = ((uint32_t)g->index * 2654435761U) >> 28;
    const struct syslog_template *t = &g->templates[kind][variant];

    memcpy(out, g->memory + t->start, t->len);
    put_time(g, g->load.kinds[kind].style, wall_ns, out + t->time);
    put_digits(out + t->host, g->index % g->load.hosts, SYSLOG_HOST_DIGITS);
    mark_write_text(&mark, out + t->mark);
    *ret = (struct generated){
        .len = t->len,
        .sequence = g->index,
        .records = 1,
        .source = (uint32_t)(g->index % g->load.sources),
    };
    g->index++;
}
