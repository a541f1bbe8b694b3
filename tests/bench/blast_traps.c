/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends traps over loopback at a rate, as many senders at once: each has an address, a socket and,
 * for v3, an engine of its own. All messages are made before the first one is sent. Prints what it
 * sent as one JSON object.
 *
 * The user of v3 is `bench` with SHA and AES-128; engine ids are 80001f8804, "bench-" and a letter
 * from "A" on. `hostile` are messages of v3 with an engine id that no other one has, in turn of
 * that user, whose MAC is then wrong, and of one that there is not.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blast.h"
#include "decode/v3.h"
#include "trap_load.h"

#include "sr/banned.h"

#define SOURCES_MAX 26U
#define POOL 4U /* different messages of each source */
#define MESSAGE_MAX 512U

enum kind { V1 = 0, V2C_5, V2C_14, V3, HOSTILE, KINDS };

static const char *const names[KINDS] = { "v1", "v2c-5", "v2c-14", "v3", "hostile" };

struct message {
    uint8_t bytes[MESSAGE_MAX];
    size_t len;
};

struct blast {
    enum kind kind;
    unsigned port, sources, net, batch;
    uint64_t count; /* datagrams after which it ends; 0: none */
    struct blast_pace pace;
    int sockets[SOURCES_MAX];
    struct message pool[SOURCES_MAX][POOL];
    struct message hostile[BLAST_BATCH_MAX];
    uint8_t *engines[BLAST_BATCH_MAX]; /* the last four bytes of those engine ids */
    uint64_t datagrams, bytes;
};

static void
keep(struct message *m, struct sr_span bytes)
{
    if (bytes.len > sizeof(m->bytes)) {
        blast_die("a message is too long");
    }
    memcpy(m->bytes, bytes.data, bytes.len);
    m->len = bytes.len;
}

static void
move(struct load_user *user, unsigned source)
{
    uint8_t engine[] = { 0x80, 0, 0x1f, 0x88, 4, 'b', 'e', 'n', 'c', 'h', '-', 'A' };

    engine[sizeof(engine) - 1] = (uint8_t)('A' + source);
    load_user_move(user, (struct sr_span){ engine, sizeof(engine) });
}

static struct sr_span
make_message(enum kind kind, struct snmp_writer *l, struct load_user *user, int32_t number)
{
    switch (kind) {
    case V1: return load_trap(l, TRAP_V1, TRAP_PDU_TRAP_V1, 3, number);
    case V2C_5: return load_trap(l, TRAP_V2C, TRAP_PDU_TRAP_V2, 5, number);
    case V2C_14: return load_trap(l, TRAP_V2C, TRAP_PDU_TRAP_V2, 14, number);
    case V3:
    case HOSTILE:
    case KINDS: break;
    }
    return load_v3_trap(l, user, 5, number);
}

static void
make_hostile(struct blast *b, struct snmp_writer *l, unsigned i)
{
    struct load_user user;
    struct v3_message head;

    load_user_open(&user, i % 2 == 0 ? "bench" : "nobody", USM_AUTH_SHA, USM_PRIV_AES128);
    move(&user, 0);
    keep(&b->hostile[i], make_message(V3, l, &user, (int32_t)i + 1));
    if (v3_read((struct sr_span){ b->hostile[i].bytes, b->hostile[i].len }, &head) != V3_OK) {
        blast_die("a hostile message");
    }
    b->engines[i] =
        b->hostile[i].bytes + (head.engine_id.data - b->hostile[i].bytes) + head.engine_id.len - 4;
    load_user_close(&user);
}

static void
prepare(struct blast *b)
{
    static struct snmp_writer l;
    struct load_user user;

    load_user_open(&user, "bench", USM_AUTH_SHA, USM_PRIV_AES128);
    for (unsigned i = 0; i < b->sources; i++) {
        b->sockets[i] = blast_socket(b->net, i, 0, b->port);
        move(&user, i);
        for (unsigned k = 0; k < POOL; k++) {
            keep(&b->pool[i][k], make_message(b->kind, &l, &user, (int32_t)(i * POOL + k + 1)));
        }
    }
    load_user_close(&user);
    for (unsigned i = 0; b->kind == HOSTILE && i < b->batch; i++) {
        make_hostile(b, &l, i);
    }
}

static void
send_batch(struct blast *b, unsigned source)
{
    struct iovec parts[BLAST_BATCH_MAX];

    for (unsigned i = 0; i < b->batch; i++) {
        struct message *m = &b->pool[source][i % POOL];
        if (b->kind == HOSTILE) {
            const uint32_t number = (uint32_t)(b->datagrams + i);
            m = &b->hostile[i];
            memcpy(b->engines[i], &number, sizeof(number));
        }
        parts[i] = (struct iovec){ m->bytes, m->len };
        b->bytes += m->len;
    }
    blast_send(b->sockets[source], parts, b->batch);
    b->datagrams += b->batch;
}

/* KINDS for a name that is none. */
static enum kind
kind_of(const char *name)
{
    enum kind kind = V1;

    while (kind < KINDS && strcmp(names[kind], name) != 0) {
        kind++;
    }
    return kind;
}

static bool
read_arguments(struct blast *b, int argc, char **argv)
{
    static const char options[] = "k:p:s:n:b:r:d:c:";
    int option;

    while ((option = getopt(argc, argv, options)) != -1) {
        if (option == '?' || optarg == NULL) {
            return false;
        }
        const double value = strtod(optarg, NULL);
        switch (option) {
        case 'k': b->kind = kind_of(optarg); break;
        case 'p': b->port = (unsigned)value; break;
        case 's': b->sources = (unsigned)value; break;
        case 'n': b->net = (unsigned)value; break;
        case 'b': b->batch = (unsigned)value; break;
        case 'r': b->pace.rate = value; break;
        case 'd': b->pace.seconds = value; break;
        case 'c': b->count = (uint64_t)value; break;
        default: return false;
        }
    }
    return optind == argc && b->kind < KINDS && b->port > 0 && b->port < 65536 && b->sources > 0 &&
           b->sources <= SOURCES_MAX && b->net < 256 && b->batch > 0 &&
           b->batch <= BLAST_BATCH_MAX && b->pace.rate >= 0;
}

int
main(int argc, char **argv)
{
    static struct blast b = {
        .kind = V2C_5, .sources = 8, .net = 1, .batch = 16, .pace = { .rate = 10000, .seconds = 1 }
    };

    if (!read_arguments(&b, argc, argv)) {
        fprintf(stderr,
            "usage: blast_traps -p PORT [-k v1|v2c-5|v2c-14|v3|hostile] [-r DATAGRAMS_A_SECOND]\n"
            "       [-d SECONDS] [-c DATAGRAMS] [-s SOURCES] [-n NET: 127.NET.0.1 is the first]\n"
            "       [-b BATCH]\n");
        return 2;
    }
    prepare(&b);
    blast_start(&b.pace);
    for (unsigned turn = 0; blast_wait(&b.pace, b.datagrams) >= 0; turn++) {
        send_batch(&b, turn % b.sources);
        if (b.count > 0 && b.datagrams >= b.count) {
            break;
        }
    }
    printf("{\"datagrams\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"size\": %.1f, "
           "\"seconds\": %.3f}\n",
        b.datagrams, b.bytes, (double)b.bytes / (double)b.datagrams, blast_passed(&b.pace));
    for (unsigned i = 0; i < b.sources; i++) {
        close(b.sockets[i]);
    }
    return EXIT_SUCCESS;
}
