/* SPDX-License-Identifier: Apache-2.0 */
#include "load/generate_trap.h"

#include <stdlib.h>
#include <string.h>

#include "load/mark.h"
#include "load/mix.h"
#include "load/trap_text.h"

#include "sr/banned.h"

#define VARIANTS 16U
#define SECOND UINT64_C(1000000000)
#define TICK UINT64_C(10000000)    /* hundredths of a second */
#define EPOCH UINT64_C(1577836800) /* 2020: boots are below 2^31 until 2088 */
#define INDEX_LEN 4U
#define BOOTS_MAX INT32_MAX

struct trap_generator {
    struct trap_load load;
    struct mix mix;
    struct snmp_user user;
    struct snmp_engine *engines; /* by source; NULL without v3 */
    struct trap_template templates[TRAP_KINDS_MAX][VARIANTS];
    uint8_t *pdu; /* room for one of v3 before it is protected */
    size_t room;
    uint64_t index; /* of the next message, and its mark */
};

const char *
trap_generator_strerror(enum trap_generator_err err)
{
    switch (err) {
    case TRAP_GENERATOR_OK: return "fine";
    case TRAP_GENERATOR_EMEMORY: return "there is no memory for the traps";
    case TRAP_GENERATOR_EWEIGHTS: return "the mix of traps has no turns, or too many";
    case TRAP_GENERATOR_ESIZE: return "a trap is longer than its size, or than a datagram";
    case TRAP_GENERATOR_EKEYS: return "OpenSSL does not offer an algorithm of the user here";
    }
    return "unknown error";
}

const char *
trap_generator_remedy(enum trap_generator_err err)
{
    switch (err) {
    case TRAP_GENERATOR_OK: break;
    case TRAP_GENERATOR_EMEMORY: return "use fewer sources";
    case TRAP_GENERATOR_EWEIGHTS: return "give weights of 1 to 1024 in sum";
    case TRAP_GENERATOR_ESIZE: return "allow more bytes, or fewer varbinds";
    case TRAP_GENERATOR_EKEYS: return "choose another trap.auth or trap.priv";
    }
    return "";
}

static bool
has_v3(const struct trap_load *load)
{
    for (size_t i = 0; i < load->kind_count; i++) {
        if (load->kinds[i].version == TRAP_V3) {
            return true;
        }
    }
    return false;
}

static uint32_t
boots_of(const struct trap_load *load)
{
    return (uint32_t)((load->start_ns / SECOND - EPOCH) % BOOTS_MAX);
}

static bool
open_engines(struct trap_generator *g)
{
    const struct trap_load *load = &g->load;
    uint8_t id[V3_ENGINE_ID_MAX];

    memcpy(id, load->engine.data, load->engine.len);
    for (uint32_t i = 0; i < load->sources; i++) {
        for (unsigned k = 0; k < INDEX_LEN; k++) {
            id[load->engine.len + k] = (uint8_t)(i >> (24 - 8 * k));
        }
        const struct sr_span whole = { id, load->engine.len + INDEX_LEN };
        /* RFC 3414 section 8.1.1.1: boots, and a number that goes up, of other runs another. */
        const uint64_t salt = (uint64_t)boots_of(load) << 32 | (uint64_t)load->run << 8;
        if (!snmp_engine_open(&g->engines[i], &g->user, whole, salt)) {
            return false;
        }
    }
    return true;
}

/* Bytes of the message of a PDU, or of the message itself that is no v3; 0 when it is none. */
static size_t
length_of(struct trap_generator *g, enum trap_version version, struct sr_span bytes)
{
    const struct snmp_head head = { .id = INT32_MAX, .boots = BOOTS_MAX, .time = INT32_MAX };
    static uint8_t room[SNMP_LARGEST + V3_PADDING_MAX];

    if (version != TRAP_V3) {
        return bytes.len;
    }
    return snmp_write_v3(&g->user, &g->engines[0], &head, bytes, room, sizeof(room));
}

/*
 * Writes the trap with as long words as its size allows: the lengths before them take more bytes
 * where they are longer, so that this is found by trying.
 */
static size_t
write_fitting(
    struct trap_generator *g, const struct trap_kind *kind, uint32_t seed, struct trap_text *text)
{
    size_t words = 0;

    size_t len = trap_write(text, kind, g->load.community, seed, 0)
                     ? length_of(g, kind->version, trap_text_span(text))
                     : 0;
    if (kind->size == 0 || len == 0 || len == kind->size) {
        return len;
    }
    if (len > kind->size) {
        return 0;
    }
    for (words = kind->size - len; words > 0; words--) {
        size_t longer = trap_write(text, kind, g->load.community, seed, words)
                            ? length_of(g, kind->version, trap_text_span(text))
                            : 0;
        if (longer > 0 && longer <= kind->size) {
            return longer;
        }
    }
    (void)trap_write(text, kind, g->load.community, seed, 0);
    return len;
}

static enum trap_generator_err
make_kind(struct trap_generator *g, size_t index, struct trap_text *text)
{
    for (uint32_t v = 0; v < VARIANTS; v++) {
        struct trap_template *t = &g->templates[index][v];
        const size_t len = write_fitting(g, &g->load.kinds[index], v, text);
        if (len == 0) {
            return TRAP_GENERATOR_ESIZE;
        }
        if (!trap_template_keep(t, text)) {
            return TRAP_GENERATOR_EMEMORY;
        }
        g->room = len > g->room ? len : g->room;
    }
    return TRAP_GENERATOR_OK;
}

static enum trap_generator_err
make_traps(struct trap_generator *g)
{
    uint64_t weights[TRAP_KINDS_MAX];
    struct trap_text *text = malloc(sizeof(*text));
    enum trap_generator_err err = text != NULL ? TRAP_GENERATOR_OK : TRAP_GENERATOR_EMEMORY;

    for (size_t i = 0; i < g->load.kind_count && err == TRAP_GENERATOR_OK; i++) {
        weights[i] = g->load.kinds[i].weight;
        err = make_kind(g, i, text);
    }
    free(text);
    if (err == TRAP_GENERATOR_OK && !mix_init(&g->mix, weights, g->load.kind_count)) {
        return TRAP_GENERATOR_EWEIGHTS;
    }
    return err;
}

static enum trap_generator_err
open_generator(struct trap_generator *g)
{
    if (has_v3(&g->load)) {
        g->engines = calloc(g->load.sources, sizeof(*g->engines));
        if (g->engines == NULL) {
            return TRAP_GENERATOR_EMEMORY;
        }
        if (!snmp_user_open(&g->user, &g->load.account) || !open_engines(g)) {
            return TRAP_GENERATOR_EKEYS;
        }
    }
    enum trap_generator_err err = make_traps(g);
    if (err != TRAP_GENERATOR_OK) {
        return err;
    }
    g->pdu = malloc(g->room);
    return g->pdu != NULL ? TRAP_GENERATOR_OK : TRAP_GENERATOR_EMEMORY;
}

enum trap_generator_err
trap_generator_new(const struct trap_load *load, struct trap_generator **ret_generator)
{
    struct trap_generator *g = calloc(1, sizeof(*g));

    if (g == NULL) {
        return TRAP_GENERATOR_EMEMORY;
    }
    g->load = *load;
    enum trap_generator_err err = open_generator(g);
    if (err != TRAP_GENERATOR_OK) {
        trap_generator_free(g);
        return err;
    }
    *ret_generator = g;
    return TRAP_GENERATOR_OK;
}

size_t
trap_generator_room(const struct trap_generator *g)
{
    return g->room + V3_PADDING_MAX;
}

bool
trap_generate(struct trap_generator *g, uint64_t wall_ns, uint8_t *out, struct generated *ret)
{
    const struct mark mark = { g->load.run, g->index };
    const unsigned kind = mix_pick(&g->mix, g->index);
    const bool is_v3 = g->load.kinds[kind].version == TRAP_V3;
    const struct trap_template *t = &g->templates[kind][(uint32_t)g->index * 2654435761U >> 28];
    uint8_t *bytes = is_v3 ? g->pdu : out;

    *ret = (struct generated){
        .len = t->len,
        .sequence = g->index,
        .records = 1,
        .source = (uint32_t)(g->index % g->load.sources),
    };
    trap_template_fill(t, &mark, (uint32_t)g->index, wall_ns / TICK, bytes);
    if (is_v3) {
        const uint64_t passed = wall_ns > g->load.start_ns ? wall_ns - g->load.start_ns : 0;
        const struct snmp_head head = {
            .id = (uint32_t)g->index & INT32_MAX,
            .boots = boots_of(&g->load),
            .time = (uint32_t)(passed / SECOND),
        };
        ret->len = snmp_write_v3(&g->user, &g->engines[ret->source], &head,
            (struct sr_span){ bytes, t->len }, out, trap_generator_room(g));
    }
    g->index++;
    return ret->len > 0;
}

void
trap_generator_free(struct trap_generator *g)
{
    if (g == NULL) {
        return;
    }
    for (size_t i = 0; i < TRAP_KINDS_MAX; i++) {
        for (size_t v = 0; v < VARIANTS; v++) {
            free(g->templates[i][v].bytes);
        }
    }
    for (uint32_t i = 0; g->engines != NULL && i < g->load.sources; i++) {
        snmp_engine_close(&g->engines[i]);
    }
    snmp_user_close(&g->user);
    free(g->engines);
    free(g->pdu);
    free(g);
}
