/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends informs as fast as they are answered, so many at a time, and sends again what is not
 * answered in time. Prints what became of them as one JSON object: every inform has a request id of
 * its own, so that their number is what a receiver must have.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "blast.h"
#include "decode/v3.h"
#include "trap_load.h"

#include "sr/banned.h"

#define WINDOW_MAX 256U /* a request id has the number of its slot in its last byte */
#define FIRST_ID 0x01000000U
#define MESSAGE_MAX 512U
#define RESPONSE_MAX 2048U
#define TRIES 6U /* as snmpinform does */
#define TIMES_MAX (1U << 22)
#define BUFFER (4 << 20)

struct slot {
    uint8_t bytes[MESSAGE_MAX];
    size_t len;
    uint8_t *id; /* of v2c: where its four bytes stand */
    uint32_t serial;
    unsigned tries; /* 0: free */
    int64_t first_sent, sent;
};

struct client {
    unsigned port, window;
    bool is_v3;
    int64_t timeout; /* ns */
    struct blast_pace pace;
    int fd;
    struct load_user user;
    int64_t moved; /* when the clock of the engine was read */
    uint32_t engine_time;
    struct slot slots[WINDOW_MAX];
    uint32_t serial; /* of the next inform */
    unsigned waiting;
    uint64_t answered, lost, again, unexpected;
    uint32_t times[TIMES_MAX]; /* us */
    struct iovec batch[BLAST_BATCH_MAX];
    unsigned batched;
};

static struct snmp_writer message;

/* ---- Requests ---- */

static uint32_t
id_of(const struct client *c, const struct slot *s)
{
    return FIRST_ID + (s->serial << 8 | (uint32_t)(s - c->slots));
}

static void
keep(struct slot *s, struct sr_span bytes)
{
    if (bytes.len > sizeof(s->bytes)) {
        blast_die("an inform is too long");
    }
    memcpy(s->bytes, bytes.data, bytes.len);
    s->len = bytes.len;
}

/* Everything but the id, which has four bytes as the first field of the PDU. */
static void
make_v2c(struct slot *s)
{
    struct trap_message read;

    keep(s, load_trap(&message, TRAP_V2C, TRAP_PDU_INFORM, 5, (int32_t)FIRST_ID));
    if (trap_message_read((struct sr_span){ s->bytes, s->len }, &read) != TRAP_OK) {
        blast_die("an inform");
    }
    struct sr_span left = read.whole_pdu, fields, id;
    uint8_t type;
    if (!ber_take(&left, &type, &fields) || !ber_take(&fields, &type, &id) || id.len != 4) {
        blast_die("the id of an inform");
    }
    s->id = s->bytes + (id.data - s->bytes);
}

static void
make_v3(struct client *c, struct slot *s, int64_t now)
{
    const int32_t id = (int32_t)id_of(c, s);

    c->user.time = c->engine_time + (uint32_t)((now - c->moved) / BLAST_SECOND);
    snmp_clear(&message);
    const size_t end = message.at;
    load_varbinds(&message, TRAP_V3, 5, (uint32_t)id);
    load_pdu(&message, TRAP_PDU_INFORM, id, end);
    load_v3(&message, &c->user, (uint32_t)id, end);
    keep(s, snmp_span(&message));
}

static void
flush(struct client *c)
{
    if (c->batched > 0) {
        blast_send(c->fd, c->batch, c->batched);
        c->batched = 0;
    }
}

static void
send_slot(struct client *c, struct slot *s, int64_t now)
{
    s->sent = now;
    s->tries++;
    c->batch[c->batched++] = (struct iovec){ s->bytes, s->len };
    if (c->batched == BLAST_BATCH_MAX) {
        flush(c);
    }
}

static void
start_slot(struct client *c, struct slot *s, int64_t now)
{
    s->serial = c->serial++;
    s->first_sent = now;
    s->tries = 0;
    if (c->is_v3) {
        make_v3(c, s, now);
    } else {
        const uint32_t id = id_of(c, s);
        for (unsigned i = 0; i < 4; i++) {
            s->id[i] = (uint8_t)(id >> (24 - 8 * i));
        }
    }
    c->waiting++;
    send_slot(c, s, now);
}

/* Sends what was not answered in time once more, or gives it up, and fills free slots. */
static void
turn(struct client *c, int64_t now, bool is_over)
{
    for (unsigned i = 0; i < c->window; i++) {
        struct slot *s = &c->slots[i];
        if (s->tries > 0 && now - s->sent > c->timeout) {
            if (s->tries < TRIES) {
                c->again++;
                send_slot(c, s, now);
            } else {
                c->lost++;
                c->waiting--;
                s->tries = 0;
            }
        }
        if (s->tries == 0 && !is_over) {
            start_slot(c, s, now);
        }
    }
    flush(c);
}

/* ---- Responses ---- */

/* What a response answers; 0 for anything else. Of v3 it is encrypted, which a report is not. */
static uint32_t
answered_id(const struct client *c, struct sr_span bytes)
{
    struct trap_message read;
    struct v3_message head;

    if (c->is_v3) {
        return v3_read(bytes, &head) == V3_OK && head.level == TRAP_PRIV ? head.id : 0;
    }
    bool ok = trap_message_read(bytes, &read) == TRAP_OK && read.pdu == TRAP_PDU_RESPONSE &&
              read.error_status == 0;
    return ok ? (uint32_t)read.request_id : 0;
}

static void
take_response(struct client *c, struct sr_span bytes, int64_t now)
{
    const uint32_t id = answered_id(c, bytes);
    struct slot *s = &c->slots[(id - FIRST_ID) & 0xFF];

    if (id < FIRST_ID || s->tries == 0 || id_of(c, s) != id) {
        c->unexpected++;
        return;
    }
    c->times[c->answered++ % TIMES_MAX] = (uint32_t)((now - s->first_sent) / 1000);
    c->waiting--;
    s->tries = 0;
}

static void
receive(struct client *c)
{
    static uint8_t bytes[BLAST_BATCH_MAX][RESPONSE_MAX];
    struct mmsghdr messages[BLAST_BATCH_MAX];
    struct iovec parts[BLAST_BATCH_MAX];
    struct pollfd ready = { .fd = c->fd, .events = POLLIN };

    if (poll(&ready, 1, 10) < 0 && errno != EINTR) {
        blast_die("poll");
    }
    memset(messages, 0, sizeof(messages));
    for (unsigned i = 0; i < BLAST_BATCH_MAX; i++) {
        parts[i] = (struct iovec){ bytes[i], RESPONSE_MAX };
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int count = recvmmsg(c->fd, messages, BLAST_BATCH_MAX, MSG_DONTWAIT, NULL);
    int64_t now = blast_now();
    for (int i = 0; i < count; i++) {
        take_response(c, (struct sr_span){ bytes[i], messages[i].msg_len }, now);
    }
}

/* ---- The whole ---- */

/* Asks for the engine id and the clock of the receiver: RFC 3414 section 4. */
static void
discover(struct client *c)
{
    static uint8_t bytes[RESPONSE_MAX];
    struct load_user nobody;
    struct pollfd ready = { .fd = c->fd, .events = POLLIN };
    struct v3_message head;

    load_user_open(&nobody, "", USM_AUTH_NONE, USM_PRIV_NONE);
    nobody.is_reportable = true;
    nobody.boots = 0;
    nobody.time = 0;
    snmp_clear(&message);
    const size_t end = message.at;
    load_pdu(&message, TRAP_PDU_GET, 1, end);
    load_v3(&message, &nobody, 1, end);
    struct sr_span request = snmp_span(&message);
    load_user_close(&nobody);
    if (send(c->fd, request.data, request.len, 0) < 0 || poll(&ready, 1, 2000) != 1) {
        blast_die("discovery");
    }
    ssize_t len = recv(c->fd, bytes, sizeof(bytes), 0);
    if (len < 0 || v3_read((struct sr_span){ bytes, (size_t)len }, &head) != V3_OK) {
        blast_die("the answer to a discovery");
    }
    load_user_open(&c->user, "bench", USM_AUTH_SHA, USM_PRIV_AES128);
    load_user_move(&c->user, head.engine_id);
    c->user.is_reportable = true;
    c->user.boots = head.boots;
    c->engine_time = head.time;
    c->moved = blast_now();
}

static int
compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
run(struct client *c)
{
    const int size = BUFFER;

    c->fd = blast_socket(1, 0, 0, c->port);
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (c->is_v3) {
        discover(c);
    }
    for (unsigned i = 0; i < c->window && !c->is_v3; i++) {
        make_v2c(&c->slots[i]);
    }
    blast_start(&c->pace);
    for (;;) {
        bool is_over = blast_passed(&c->pace) >= c->pace.seconds;
        turn(c, blast_now(), is_over);
        if (is_over && c->waiting == 0) {
            break;
        }
        receive(c);
    }
    double seconds = blast_passed(&c->pace);
    size_t timed = c->answered < TIMES_MAX ? c->answered : TIMES_MAX;
    qsort(c->times, timed, sizeof(c->times[0]), compare);
    printf("{\"informs\": %" PRIu32 ", \"answered\": %" PRIu64 ", \"lost\": %" PRIu64
           ", \"again\": %" PRIu64 ", \"unexpected\": %" PRIu64 ", \"seconds\": %.3f, "
           "\"median_us\": %" PRIu32 ", \"p99_us\": %" PRIu32 "}\n",
        c->serial, c->answered, c->lost, c->again, c->unexpected, seconds,
        timed > 0 ? c->times[timed / 2] : 0, timed > 0 ? c->times[timed * 99 / 100] : 0);
    close(c->fd);
    if (c->is_v3) {
        load_user_close(&c->user);
    }
}

static bool
read_arguments(struct client *c, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "p:w:d:t:3")) != -1) {
        if (option == '3') {
            c->is_v3 = true;
            continue;
        }
        if (option == '?' || optarg == NULL) {
            return false;
        }
        const double value = strtod(optarg, NULL);
        switch (option) {
        case 'p': c->port = (unsigned)value; break;
        case 'w': c->window = (unsigned)value; break;
        case 'd': c->pace.seconds = value; break;
        case 't': c->timeout = (int64_t)(value * (double)BLAST_SECOND); break;
        default: return false;
        }
    }
    return optind == argc && c->port > 0 && c->port < 65536 && c->window > 0 &&
           c->window <= WINDOW_MAX && c->timeout > 0;
}

int
main(int argc, char **argv)
{
    static struct client c = { .window = 1, .timeout = BLAST_SECOND, .pace = { .seconds = 1 } };

    if (!read_arguments(&c, argc, argv)) {
        fprintf(
            stderr, "usage: inform_client -p PORT [-w WINDOW] [-d SECONDS] [-t TIMEOUT] [-3]\n");
        return 2;
    }
    run(&c);
    return EXIT_SUCCESS;
}
