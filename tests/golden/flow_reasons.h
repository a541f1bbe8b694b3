/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_FLOW_REASONS_H_INCLUDED
#define TESTS_GOLDEN_FLOW_REASONS_H_INCLUDED

#include <jansson.h>
#include <stdbool.h>

#include "flow_message.h"

/* Why a field of a native message is another than upstream's: the only reasons there may be. */

#define FLOW_REASONS_MAX 64U

struct flow_difference {
    unsigned tag;
    const struct flow_message *upstream, *native;
    json_t *raw; /* the record as --format raw prints it */
};

struct flow_reason {
    const char *text;
    unsigned tags[8]; /* the fields it is for; 0 ends them */
    bool (*holds)(const struct flow_difference *d);
    unsigned counts[2]; /* fields it holds for: in the shipped cases, and in those outside */
};

extern const struct flow_reason flow_reasons[];
extern const unsigned flow_reason_count;

/* The first reason that holds, -1: none. */
int flow_reason_find(const struct flow_difference *d);

#endif
