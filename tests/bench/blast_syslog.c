/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends numbered messages over UDP, TCP or TLS, in turn from as many senders. Prints what it sent
 * as one JSON object.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blast.h"
#include "syslog_load.h"

#include "sr/banned.h"

#define SENDERS_MAX 1000U
#define TOGETHER_MAX 60U /* messages of a TLS record of at most 16 KiB */

struct blast {
    const char *transport;
    const char *ca_file;
    unsigned port, senders, together;
    uint64_t count, sent;
    struct blast_pace pace;
    int sockets[SENDERS_MAX];
    struct syslog_peer peers[SENDERS_MAX];
};

static bool
is_udp(const struct blast *b)
{
    return strcmp(b->transport, "udp") == 0;
}

static void
open_senders(struct blast *b)
{
    SSL_CTX *context = NULL;

    if (strcmp(b->transport, "tls") == 0) {
        context = syslog_peer_context(b->ca_file, NULL, NULL);
    }
    for (unsigned i = 0; i < b->senders; i++) {
        if (is_udp(b)) {
            b->sockets[i] = blast_socket(1, i, 0, b->port);
        } else {
            syslog_peer_open(&b->peers[i], i, b->port, context);
        }
    }
    SSL_CTX_free(context);
}

static unsigned
next_count(const struct blast *b, unsigned most)
{
    uint64_t left = b->count - b->sent;

    return left < most ? (unsigned)left : most;
}

static void
send_datagrams(struct blast *b, unsigned sender)
{
    static uint8_t messages[BLAST_BATCH_MAX][SYSLOG_LOAD_SIZE];
    struct iovec parts[BLAST_BATCH_MAX];
    unsigned n = next_count(b, BLAST_BATCH_MAX);

    for (unsigned i = 0; i < n; i++) {
        syslog_load(messages[i], b->sent + i);
        parts[i] = (struct iovec){ messages[i], SYSLOG_LOAD_SIZE };
    }
    blast_send(b->sockets[sender], parts, n);
    b->sent += n;
}

static void
send_frames(struct blast *b, unsigned sender)
{
    static uint8_t frames[TOGETHER_MAX][SYSLOG_FRAME_SIZE];
    unsigned n = next_count(b, b->together);

    for (unsigned i = 0; i < n; i++) {
        syslog_load_frame(frames[i], b->sent + i);
    }
    syslog_peer_send(&b->peers[sender], frames[0], n * SYSLOG_FRAME_SIZE);
    b->sent += n;
}

static void
close_senders(struct blast *b)
{
    for (unsigned i = 0; i < b->senders; i++) {
        if (is_udp(b)) {
            (void)close(b->sockets[i]);
        } else {
            syslog_peer_close(&b->peers[i]);
        }
    }
}

static bool
read_arguments(struct blast *b, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "t:p:s:n:r:m:a:")) != -1) {
        switch (option) {
        case 't': b->transport = optarg; break;
        case 'p': b->port = (unsigned)strtoul(optarg, NULL, 10); break;
        case 's': b->senders = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'n': b->count = strtoull(optarg, NULL, 10); break;
        case 'r': b->pace.rate = strtod(optarg, NULL); break;
        case 'm': b->together = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'a': b->ca_file = optarg; break;
        default: return false;
        }
    }
    return optind == argc && b->port > 0 && b->port < 65536 && b->senders > 0 &&
           b->senders <= SENDERS_MAX && b->count > 0 && b->together > 0 &&
           b->together <= TOGETHER_MAX;
}

int
main(int argc, char **argv)
{
    static struct blast b = {
        .transport = "udp",
        .ca_file = "ca.pem",
        .senders = 8,
        .together = 1,
        .count = 100000,
        .pace = { .seconds = 3600 },
    };

    if (!read_arguments(&b, argc, argv)) {
        fprintf(stderr, "usage: blast_syslog -p PORT [-t udp|tcp|tls] [-n MESSAGES] [-s SENDERS]\n"
                        "       [-r MESSAGES_A_SECOND] [-m MESSAGES_OF_A_RECORD] [-a CA_FILE]\n");
        return 2;
    }
    blast_allow_sockets(b.senders);
    open_senders(&b);
    blast_start(&b.pace);
    for (unsigned turn = 0; b.sent < b.count && blast_wait(&b.pace, b.sent) >= 0; turn++) {
        if (is_udp(&b)) {
            send_datagrams(&b, turn % b.senders);
        } else {
            send_frames(&b, turn % b.senders);
        }
    }
    double seconds = blast_passed(&b.pace);
    close_senders(&b);
    printf("{\"sent\": %" PRIu64 ", \"seconds\": %.3f}\n", b.sent, seconds);
    return EXIT_SUCCESS;
}
