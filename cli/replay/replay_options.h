/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REPLAY_OPTIONS_H_INCLUDED
#define CLI_REPLAY_REPLAY_OPTIONS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "load/mark.h"
#include "replay/port_map.h"
#include "send/send_flags.h"
#include "send/send_target.h"
#include "sr/peer.h"
#include "verify/verify_flags.h"

/* The command line of `replay`. */
struct replay_options {
    struct send_flags send;
    struct verify_flags verify;
    char *const *paths; /* captures */
    size_t path_count;
    double speed;  /* of the original one */
    uint64_t loop; /* 0: for ever */
    struct sr_peer from;
    struct port_map port_map;
    bool has_speed;
    bool has_from;
    bool spoof_loopback;
    bool rewrites; /* messages are made new, of the kind that follows */
    bool guesses;  /* the kind is that of the first message */
    enum traffic_kind kind;
    bool help;
};

/* Returns false when something is wrong with it, which was told on standard error. */
bool replay_options_parse(int argc, char **argv, struct replay_options *options);

/* Prints --help. */
void replay_options_help(FILE *out);

/*
 * How messages are told apart on a connection when that was not said, by the first of them: IPFIX
 * says its length itself, TLS counts octets (RFC 5425), TCP has lines. Pure.
 */
enum send_framing replay_framing(enum send_scheme scheme, struct sr_span first);

/* What a message looks like, by its first bytes: flows, SNMP, else syslog. Pure. */
enum traffic_kind replay_kind(struct sr_span message);

#endif
