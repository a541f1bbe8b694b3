/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_STATUS_H_INCLUDED
#define CLI_STATUS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon_ask.h"
#include "enroll/lifetime.h"
#include "enroll/record.h"
#include "enroll/settings.h"
#include "enroll/unit.h"

/* What is known of one collector that is enrolled. */

#define STATUS_WORDS_MAX 8

struct status_collector {
    struct record record;
    bool has_creds, has_certificate; /* their lifetimes could be read */
    struct lifetime creds, certificate;
    bool has_settings;
    struct settings settings;
    struct unit_was unit;
    struct daemon_state daemon;
    size_t word_count; /* what needs attention, each a sentence without a full stop */
    struct {
        char text[256];
        bool bad; /* it does not work, or soon will not */
    } words[STATUS_WORDS_MAX];
};

struct status_options {
    const char *root; /* "" is the host */
    const char *daemon_dir;
    uint64_t now_s;
};

/*
 * Looks at a collector. False when it is not enrolled (trouble->error ENOENT), or its record cannot
 * be read.
 */
bool status_look(const struct status_options *options, const char *name,
    struct status_collector *ret_status, struct trouble *trouble);

/* Whether it works, as far as that shows: no word of it is bad. */
bool status_is_well(const struct status_collector *status);

#endif
