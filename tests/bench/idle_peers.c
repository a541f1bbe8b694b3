/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens connections over TLS, or TCP, and sends one message on each; then one more on each for
 * every line that is read. Answers each time with a line that says how many were sent. Ends at the
 * end of its input.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "blast.h"
#include "syslog_load.h"

#include "sr/banned.h"

struct idle {
    unsigned port, count;
    const char *ca_file, *cert_file, *key_file; /* NULL: none */
    uint64_t sent;
    struct syslog_peer *peers;
};

static void
send_one(struct idle *d, unsigned i)
{
    uint8_t frame[SYSLOG_FRAME_SIZE];

    syslog_load_frame(frame, d->sent++);
    syslog_peer_send(&d->peers[i], frame, sizeof(frame));
}

static void
say(const struct idle *d)
{
    printf("%" PRIu64 "\n", d->sent);
    (void)fflush(stdout);
}

static bool
read_arguments(struct idle *d, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "p:n:a:c:k:")) != -1) {
        switch (option) {
        case 'p': d->port = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'n': d->count = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'a': d->ca_file = optarg; break;
        case 'c': d->cert_file = optarg; break;
        case 'k': d->key_file = optarg; break;
        default: return false;
        }
    }
    return optind == argc && d->port > 0 && d->port < 65536 && d->count > 0 &&
           (d->cert_file == NULL) == (d->key_file == NULL);
}

int
main(int argc, char **argv)
{
    struct idle d = { .count = 10000 };
    SSL_CTX *context = NULL;

    if (!read_arguments(&d, argc, argv)) {
        fprintf(stderr,
            "usage: idle_peers -p PORT [-n PEERS] [-a CA_FILE [-c CERT_FILE -k KEY_FILE]]\n"
            "       without CA_FILE over TCP\n");
        return 2;
    }
    blast_allow_sockets(d.count);
    d.peers = calloc(d.count, sizeof(*d.peers));
    if (d.peers == NULL) {
        blast_die("memory");
    }
    if (d.ca_file != NULL) {
        context = syslog_peer_context(d.ca_file, d.cert_file, d.key_file);
    }
    for (unsigned i = 0; i < d.count; i++) {
        syslog_peer_open(&d.peers[i], i, d.port, context);
        send_one(&d, i);
    }
    say(&d);
    for (int c = getchar(); c != EOF; c = getchar()) {
        for (unsigned i = 0; c == '\n' && i < d.count; i++) {
            send_one(&d, i);
        }
        if (c == '\n') {
            say(&d);
        }
    }
    for (unsigned i = 0; i < d.count; i++) {
        syslog_peer_close(&d.peers[i]);
    }
    free(d.peers);
    SSL_CTX_free(context);
    return EXIT_SUCCESS;
}
