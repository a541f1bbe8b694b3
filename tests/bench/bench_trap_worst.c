/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most expensive datagrams that are known: what a sender with one socket could keep a worker
 * busy with. Each is as large as UDP lets it be, or as long as the list may be.
 */
#include "bench_trap_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mib/builder.h"
#include "mib_paths.h"

#include "sr/banned.h"

#define TIMES 9
#define NAMESAKES 4U /* users of one name */
#define FILL 65250U  /* bytes of the varbinds of a message that is to be full */
#define ARC_MAX UINT32_MAX
#define VENDOR "1.3.6.1.4.1.99999.1"
#define LABELS 256U
#define IF_ENTRY "1.3.6.1.2.1.2.2.1."

static const struct sr_span public = { (const uint8_t *)"public", 6 };
static uint8_t filler[SNMP_LARGEST];

struct plot;

/* Writes the message of run `run`, which is different from the others where that matters. */
typedef void write_message(const struct plot *p, struct snmp_writer *l, unsigned run);

struct plot {
    const char *what;
    write_message *write;
    void (*varbind)(
        const struct plot *p, struct snmp_writer *l, unsigned at); /* what it is full of */
    const char *name;
    const char *octets;    /* what the value is full of */
    size_t len;            /* of the value; 0: all there is room for */
    size_t fill;           /* bytes of varbinds; 0: FILL */
    struct desk_user user; /* of v3 */
    unsigned users;        /* of its name */
    enum trap_pdu pdu;
    enum trap_community community;
    uint8_t type;
};

static size_t
left(const struct plot *p, const struct snmp_writer *l)
{
    return l->at - (SNMP_LARGEST - (p->fill != 0 ? p->fill : FILL));
}

/* So many octets as the plot says, of what it says. */
static struct sr_span
octets_of(const struct plot *p, size_t len)
{
    const size_t unit = strlen(p->octets);

    len -= len % unit;
    for (size_t i = 0; i < len; i += unit) {
        memcpy(filler + i, p->octets, unit);
    }
    return (struct sr_span){ filler, len };
}

/* ---- Varbinds ---- */

static void
put_name(const struct plot *p, struct snmp_writer *l, unsigned at, size_t end)
{
    snmp_put_name(l, p->name, at + 1);
    snmp_wrap(l, BER_SEQUENCE, end);
}

static void
of_octets(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    const size_t end = l->at;
    const size_t len = p->len != 0 ? p->len : left(p, l) - 64;

    snmp_put_octets(l, p->type, octets_of(p, len));
    put_name(p, l, at, end);
}

/* Seven bytes. */
static void
of_nothing(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    const size_t end = l->at;
    static const uint32_t zeros[2] = { 0, 0 };

    (void)p;
    (void)at;
    snmp_put_octets(l, BER_NULL, (struct sr_span){ NULL, 0 });
    snmp_put_oid(l, zeros, 2);
    snmp_wrap(l, BER_SEQUENCE, end);
}

static void
of_numbers(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    const size_t end = l->at;

    snmp_put_integer(l, p->type, INT64_MIN + at);
    put_name(p, l, at, end);
}

static void
of_doubles(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    static const uint8_t head[] = { 0x9f, 0x79, 8 };
    const double value = 1.0 / (at + 3.0) * 1e-290;
    const size_t end = l->at;
    uint8_t octets[sizeof(head) + sizeof(value)];
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    memcpy(octets, head, sizeof(head));
    for (unsigned i = 0; i < sizeof(bits); i++) {
        octets[sizeof(head) + i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    snmp_put_octets(l, BER_OPAQUE, (struct sr_span){ octets, sizeof(octets) });
    put_name(p, l, at, end);
}

static void
of_long_names(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    uint32_t arcs[BER_SUB_IDS_MAX];
    const size_t end = l->at;

    for (unsigned i = 0; i < BER_SUB_IDS_MAX; i++) {
        arcs[i] = ARC_MAX - at;
    }
    arcs[0] = 2;
    arcs[1] = 999;
    if (p->type == BER_OBJECT_IDENTIFIER) {
        snmp_put_oid(l, arcs, BER_SUB_IDS_MAX);
    } else {
        snmp_put_octets(l, BER_NULL, (struct sr_span){ NULL, 0 });
    }
    snmp_put_oid(l, arcs, BER_SUB_IDS_MAX);
    snmp_wrap(l, BER_SEQUENCE, end);
}

/* As a table's index may be, behind a name that is known. */
static void
of_long_indexes(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    static const uint32_t column[] = { 1, 3, 6, 1, 2, 1, 2, 2, 1, 10 };
    uint32_t arcs[BER_SUB_IDS_MAX];
    const size_t end = l->at;

    (void)p;
    for (unsigned i = 0; i < BER_SUB_IDS_MAX; i++) {
        arcs[i] = ARC_MAX - at;
    }
    memcpy(arcs, column, sizeof(column));
    snmp_put_oid(l, arcs, BER_SUB_IDS_MAX);
    snmp_put_oid(l, arcs, BER_SUB_IDS_MAX);
    snmp_wrap(l, BER_SEQUENCE, end);
}

static struct mib_path *far; /* names all over a large table */

static void
of_far_names(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    const struct mib_path *name = &far[2 * at], *value = name + 1;
    const size_t end = l->at;

    (void)p;
    snmp_put_oid(l, value->arcs, value->count);
    snmp_put_oid(l, name->arcs, name->count);
    snmp_wrap(l, BER_SEQUENCE, end);
}

static void
of_names(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    const size_t end = l->at;

    snmp_put_name(l, p->name, at + 2);
    put_name(p, l, at, end);
}

static void
of_one_name(const struct plot *p, struct snmp_writer *l, unsigned at)
{
    const size_t end = l->at;

    (void)at;
    snmp_put_integer(l, p->type, 1);
    put_name(p, l, 6, end);
}

/* ---- Messages ---- */

/* As many varbinds as there is room for, 4,096 of them at most. */
static void
fill(const struct plot *p, struct snmp_writer *l)
{
    size_t each = 0; /* bytes of the largest so far */

    for (unsigned i = 0; i < TRAP_VARBINDS_MAX && left(p, l) > each + 64; i++) {
        size_t before = l->at;
        p->varbind(p, l, i);
        each = before - l->at > each ? before - l->at : each;
    }
}

static void
full(const struct plot *p, struct snmp_writer *l, unsigned run)
{
    const size_t end = l->at;

    (void)run;
    fill(p, l);
    load_pdu(l, p->pdu, 1, end);
    snmp_wrap_message(l, p->pdu == TRAP_PDU_TRAP_V1 ? TRAP_V1 : TRAP_V2C, public, end);
}

/* The same, and the last varbind goes past the end. */
static void
broken(const struct plot *p, struct snmp_writer *l, unsigned run)
{
    full(p, l, run);
    l->bytes[SNMP_LARGEST - 1] = 0x7F;
}

static void
long_community(const struct plot *p, struct snmp_writer *l, unsigned run)
{
    const size_t end = l->at;

    (void)run;
    load_varbinds(l, TRAP_V2C, 5, 1);
    load_pdu(l, TRAP_PDU_TRAP_V2, 1, end);
    snmp_wrap_message(l, TRAP_V2C, octets_of(p, left(p, l)), end);
}

static struct load_user sender;

static void
move_to(unsigned engine)
{
    uint8_t id[] = { 0x80, 0, 0x1f, 0x88, 4, 'w', 'o', 'r', 's', 't', 0, 0 };

    id[10] = (uint8_t)(engine >> 8);
    id[11] = (uint8_t)engine;
    load_user_move(&sender, (struct sr_span){ id, sizeof(id) });
}

static void
put_v3(const struct plot *p, struct snmp_writer *l, enum trap_pdu pdu)
{
    const size_t end = l->at;

    fill(p, l);
    load_pdu(l, pdu, 1, end);
    load_v3(l, &sender, 1, end);
}

static void
full_v3(const struct plot *p, struct snmp_writer *l, unsigned engine)
{
    move_to(engine);
    put_v3(p, l, TRAP_PDU_TRAP_V2);
}

/* Each has its answer. */
static void
inform_v3(const struct plot *p, struct snmp_writer *l, unsigned run)
{
    (void)run;
    load_user_move(&sender, (struct sr_span){ desk_engine, DESK_ENGINE_LEN });
    sender.is_reportable = true;
    put_v3(p, l, TRAP_PDU_INFORM);
}

/* Of an engine that was heard before. */
static void
known_v3(const struct plot *p, struct snmp_writer *l, unsigned run)
{
    (void)run;
    full_v3(p, l, 0);
}

static void
wrong_mac(const struct plot *p, struct snmp_writer *l, unsigned run)
{
    sender.is_reportable = true; /* there may be a report */
    full_v3(p, l, run);
    l->bytes[SNMP_LARGEST - 1] ^= 1;
}

/* A short one: what is left is what an engine costs. */
static void
short_wrong_mac(const struct plot *p, struct snmp_writer *l, unsigned run)
{
    (void)p;
    move_to(run);
    (void)load_v3_trap(l, &sender, 5, 1);
    l->bytes[SNMP_LARGEST - 1] ^= 1;
}

#define OCTETS(word, bytes, count, where)                                                          \
    {                                                                                              \
        .what = (word), .write = full, .varbind = of_octets, .name = (where), .octets = (bytes),   \
        .len = (count), .type = BER_OCTET_STRING, .pdu = TRAP_PDU_TRAP_V2                          \
    }
#define VARBINDS(word, of, kind, where)                                                            \
    {                                                                                              \
        .what = (word), .write = full, .varbind = (of), .name = (where), .type = (kind),           \
        .pdu = TRAP_PDU_TRAP_V2                                                                    \
    }
#define SECURE_OF(word, how, auth_, priv_, count, bytes)                                           \
    {                                                                                              \
        .what = (word), .write = (how), .varbind = of_octets, .name = IF_ENTRY "2", .octets = "x", \
        .fill = (bytes), .type = BER_OCTET_STRING, .user = { "worst", (auth_), (priv_) },          \
        .users = (count)                                                                           \
    }
#define SECURE(word, how, auth_, priv_, count) SECURE_OF(word, how, auth_, priv_, count, 0)
/* Longer ones may be refused for what DES costs. */
#define SHORT_DES(word, how) SECURE_OF(word, how, USM_AUTH_MD5, USM_PRIV_DES, 1, 24300)

static const struct plot plots[] = {
    VARBINDS("4,096 varbinds of seven bytes", of_nothing, BER_NULL, NULL),
    { .what = "the same in a trap of v1",
        .write = full,
        .varbind = of_nothing,
        .pdu = TRAP_PDU_TRAP_V1 },
    { .what = "the same, the last one broken",
        .write = broken,
        .varbind = of_nothing,
        .pdu = TRAP_PDU_TRAP_V2 },
    VARBINDS("3,000 numbers of eight bytes", of_numbers, BER_INTEGER, IF_ENTRY "10"),
    VARBINDS("4,096 times one name", of_one_name, BER_INTEGER, IF_ENTRY "8"),
    VARBINDS("2,400 numbers with a fraction", of_doubles, BER_OPAQUE, VENDOR ".3"),
    VARBINDS("names of 128 arcs of five bytes", of_long_names, BER_NULL, NULL),
    VARBINDS("the same, and such values", of_long_names, BER_OBJECT_IDENTIFIER, NULL),
    VARBINDS("the same behind a name that is known", of_long_indexes, BER_OBJECT_IDENTIFIER, NULL),
    VARBINDS("2,000 names, and such values", of_names, BER_NULL, IF_ENTRY "10"),
    OCTETS("one value of letters", "x", 0, IF_ENTRY "2"),
    OCTETS("one value of control characters", "\1", 0, IF_ENTRY "2"),
    OCTETS("one value of ends of lines", "\n", 0, IF_ENTRY "2"),
    OCTETS("one value of quotes", "\"", 0, IF_ENTRY "2"),
    OCTETS("one value that is no UTF-8", "\xff", 0, IF_ENTRY "2"),
    OCTETS("one value that is nearly UTF-8", "\xf0\x9f\x92", 0, IF_ENTRY "2"),
    OCTETS("one value of UTF-8, two bytes each", "\xc3\xbc", 0, IF_ENTRY "2"),
    OCTETS("one value of UTF-8, four bytes each", "\xf0\x9f\x92\xa5", 0, IF_ENTRY "2"),
    { .what = "one Opaque value",
        .write = full,
        .varbind = of_octets,
        .name = VENDOR ".9",
        .octets = "\xfe",
        .type = BER_OPAQUE,
        .pdu = TRAP_PDU_TRAP_V2 },
    OCTETS("one value shown by \"1x:\"", "\xab", 0, IF_ENTRY "6"),
    OCTETS("one value shown by \"1d.\"", "\xfe", 0, VENDOR ".2"),
    OCTETS("one value shown by \"1d\\\"1o\\\\\"", "\xfe", 0, VENDOR ".4"),
    OCTETS("values of six control characters", "\1", 6, IF_ENTRY "2"),
    OCTETS("values of eight bytes shown by \"1x:\"", "\xab", 8, IF_ENTRY "6"),
    OCTETS("values of 110 bytes shown by \"1x:\"", "\xab", 110, IF_ENTRY "6"),
    OCTETS("values of 110 bytes shown by \"1d.\"", "\xfe", 110, VENDOR ".2"),
    OCTETS("values of 110 bytes, UTF-8 and quotes", "\"\xc3\xbc", 110, IF_ENTRY "2"),
    OCTETS("values of 200 control characters", "\1", 200, IF_ENTRY "2"),
    OCTETS("values of 200 letters", "x", 200, IF_ENTRY "2"),
    OCTETS("BITS with 256 names, all set", "\xff", 32, VENDOR ".1"),
    OCTETS("BITS with 256 names, the first set", "\x80", 1, VENDOR ".1"),
    { .what = "an inform of letters",
        .write = full,
        .varbind = of_octets,
        .name = IF_ENTRY "2",
        .octets = "x",
        .type = BER_OCTET_STRING,
        .pdu = TRAP_PDU_INFORM },
    { .what = "an inform of 4,096 varbinds",
        .write = full,
        .varbind = of_nothing,
        .pdu = TRAP_PDU_INFORM },
    { .what = "a community of 64 KB, hashed",
        .write = long_community,
        .octets = "x",
        .community = TRAP_COMMUNITY_HASH },
    { .what = "a community of control characters", .write = long_community, .octets = "\1" },
    SECURE("v3, not encrypted", known_v3, USM_AUTH_NONE, USM_PRIV_NONE, 1),
    SECURE("v3, MD5/DES", known_v3, USM_AUTH_MD5, USM_PRIV_DES, 1),
    SECURE("v3, SHA/AES-128", known_v3, USM_AUTH_SHA, USM_PRIV_AES128, 1),
    SECURE("v3, SHA-256/AES-256", known_v3, USM_AUTH_SHA256, USM_PRIV_AES256, 1),
    SECURE("v3, SHA-512/AES-256", known_v3, USM_AUTH_SHA512, USM_PRIV_AES256, 1),
    SECURE("v3, an inform of MD5/DES", inform_v3, USM_AUTH_MD5, USM_PRIV_DES, 1),
    SECURE("v3, an inform of SHA-512/AES-256", inform_v3, USM_AUTH_SHA512, USM_PRIV_AES256, 1),
    SHORT_DES("v3, MD5/DES, 24 KiB", known_v3),
    SHORT_DES("v3, an inform of MD5/DES, 24 KiB", inform_v3),
    SECURE("v3, a new engine, SHA/AES-256", full_v3, USM_AUTH_SHA, USM_PRIV_AES256, 1),
    SECURE("v3, a new engine, MD5/AES-256-C", full_v3, USM_AUTH_MD5, USM_PRIV_AES256_CISCO, 1),
    SECURE("v3, a new engine, SHA/AES-256-C", full_v3, USM_AUTH_SHA, USM_PRIV_AES256_CISCO, 1),
    SECURE(
        "v3, a new engine, SHA-512/AES-256-C", full_v3, USM_AUTH_SHA512, USM_PRIV_AES256_CISCO, 1),
    SECURE("v3, a wrong MAC, SHA", wrong_mac, USM_AUTH_SHA, USM_PRIV_AES128, 1),
    SECURE("v3, a wrong MAC, SHA-512", wrong_mac, USM_AUTH_SHA512, USM_PRIV_AES256, 1),
    SECURE("v3, a wrong MAC, 4 users of the name", wrong_mac, USM_AUTH_SHA512, USM_PRIV_AES128,
        NAMESAKES),
    SECURE(
        "the same, a short message", short_wrong_mac, USM_AUTH_SHA512, USM_PRIV_AES128, NAMESAKES),
};

static const struct plot far_plot =
    VARBINDS("2,000 names all over many modules, and such values", of_far_names, BER_NULL, NULL);

#define PLOTS (sizeof(plots) / sizeof(plots[0]))

/* ---- A table of names as a vendor may have them ---- */

static void
add_object(struct mib_builder *b, uint32_t number, const char *name, const char *hint,
    enum mib_syntax syntax, const struct mib_named_number *labels)
{
    const uint32_t arcs[] = { 1, 3, 6, 1, 4, 1, 99999, 1, number };
    const struct mib_entry entry = {
        .arcs = arcs,
        .arc_count = sizeof(arcs) / sizeof(arcs[0]),
        .module = "VENDOR-MIB",
        .name = name,
        .hint = hint,
        .kind = MIB_OBJECT,
        .syntax = syntax,
        .labels = labels,
        .label_count = labels != NULL ? LABELS : 0,
    };

    if (!mib_builder_add(b, &entry)) {
        abort();
    }
}

static uint8_t *
make_table(struct mib_table *ret_table)
{
    static char texts[LABELS][32];
    struct mib_named_number labels[LABELS];
    struct mib_builder *b = mib_builder_new();
    uint8_t *bytes;
    size_t len;

    for (unsigned i = 0; i < LABELS; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "someCapabilityOfADevice%u", i);
        labels[i] = (struct mib_named_number){ (int32_t)i, texts[i] };
    }
    if (b == NULL) {
        abort();
    }
    add_object(b, 1, "vendorCapabilities", NULL, MIB_SYNTAX_BITS, labels);
    add_object(b, 2, "vendorAddress", "1d.", MIB_SYNTAX_OCTETS, NULL);
    add_object(b, 3, "vendorTemperature", NULL, MIB_SYNTAX_OPAQUE, NULL);
    add_object(b, 4, "vendorOddity", "1d\"1o\\", MIB_SYNTAX_OCTETS, NULL);
    if (!mib_builder_finish(b, &bytes, &len) ||
        !mib_table_open((struct sr_span){ bytes, len }, ret_table)) {
        abort();
    }
    mib_builder_free(b);
    return bytes;
}

/* ---- Running them ---- */

/* Users of one name have the passwords of all, and a rule that is not what decides. */
static struct usm_users *
users_of(const struct plot *p)
{
    struct desk_user list[NAMESAKES + 1] = { { NULL, 0, 0 } };

    for (unsigned i = 0; i < p->users; i++) {
        list[i] = p->user;
    }
    return p->users > 0 ? desk_users(list) : NULL;
}

/* The median in microseconds. */
static double
measure(const struct plot *p, struct usm_users *users, const struct mib_table *table, bool enrich)
{
    static struct snmp_writer message;
    double times[TIMES];
    struct desk d;

    desk_open(&d, users, table);
    d.config.enrich = enrich;
    d.config.community = p->community;
    for (unsigned run = 0; run <= TIMES; run++) {
        snmp_clear(&message);
        p->write(p, &message, run);
        double start = desk_cpu();
        (void)desk_feed(&d, snmp_span(&message));
        if (run > 0) {
            times[run - 1] = (desk_cpu() - start) / 1000;
        }
    }
    desk_close(&d);
    return desk_median(times, TIMES);
}

static void
print(const struct plot *p, const struct mib_table *table)
{
    struct usm_users *users = users_of(p);

    if (users != NULL) {
        load_user_open(&sender, p->user.name, p->user.auth, p->user.priv);
    }
    double plain = measure(p, users, table, false);
    double enriched = measure(p, users, table, true);
    printf("{\"what\": \"");
    for (const char *c = p->what; *c != '\0'; c++) {
        printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    }
    printf("\", \"plain\": %.0f, \"enriched\": %.0f}\n", plain, enriched);
    if (users != NULL) {
        load_user_close(&sender);
    }
    usm_users_free(users);
}

static void
print_far(const char *names)
{
    struct mib_table table;
    size_t len = 0;
    uint8_t *bytes = mib_paths_read(names, &len);

    if (bytes == NULL || !mib_table_open((struct sr_span){ bytes, len }, &table)) {
        fprintf(stderr, "%s: no table of names\n", names);
        exit(EXIT_FAILURE);
    }
    far = mib_paths_make(bytes, 2 * (size_t)TRAP_VARBINDS_MAX);
    print(&far_plot, &table);
    free(far);
    free(bytes);
}

void
bench_worst(const char *names)
{
    struct mib_table table;
    uint8_t *bytes = make_table(&table);

    for (size_t i = 0; i < PLOTS; i++) {
        print(&plots[i], &table);
    }
    if (names != NULL) {
        print_far(names);
    }
    free(bytes);
}
