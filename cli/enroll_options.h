/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_OPTIONS_H_INCLUDED
#define CLI_ENROLL_OPTIONS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/bundle.h"
#include "enroll/token.h"
#include "enroll/trust.h"

/* The command line of `enroll`: ours, and that of the program it takes the place of. */

struct enroll_options {
    const char *token_file; /* "-" is standard input; NULL with --token */
    char *token;            /* of --token, owned; it is wiped from the command line */
    const char *core_url;
    const char *ca_file;
    bool has_ca_pin;
    uint8_t ca_pin[TOKEN_PIN_BYTES];
    enum bundle_collector collector;
    const char *instance;
    const char *root; /* "" is the host */
    const char *config_dir, *cert_dir, *creds_dir;
    const char *config_file; /* which configuration of a bundle */
    const char *trust_keys[TRUST_KEYS_MAX];
    size_t trust_key_count;
    unsigned timeout_s;
    bool dry_run, json, no_restart, no_proof, force, require_signature;
    bool for_agents; /* an option was given that has a meaning for agents only */
};

enum enroll_parsed { ENROLL_RUN, ENROLL_HELP, ENROLL_WRONG };

/* Reads the command line; complains when it is wrong. enroll_options_done() it in any case. */
enum enroll_parsed enroll_options_read(int argc, char **argv, struct enroll_options *out);

/* Wipes and frees the token. */
void enroll_options_done(struct enroll_options *options);

#endif
