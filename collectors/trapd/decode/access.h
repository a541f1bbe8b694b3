/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_ACCESS_H_INCLUDED
#define TRAPD_DECODE_ACCESS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/ber.h"
#include "decode/message.h"
#include "sr/span.h"

/* Which notifications a listener takes: of whom (v3) and about what. Immutable, shared by threads.
 */

/* One of `allow_traps` or `deny_traps`. */
struct trap_rule {
    uint32_t arcs[BER_SUB_IDS_MAX];
    unsigned count;
    bool is_prefix;   /* it is for all that is below, else for the one identifier */
    bool is_allowing; /* else it refuses */
    const char *text; /* as it is written; borrowed */
};

struct trap_access {
    const struct trap_rule *rules; /* borrowed, as the names are */
    size_t rule_count;
    const char *const *users; /* names of users of v3 that are taken */
    size_t user_count;        /* 0: all are */
};

/*
 * NULL when the notification may be published, else why not: "user_not_allowed" or
 * "trap_not_allowed". The rule with most arcs decides, and the identifier itself before all that is
 * below; where no rule does, it is refused if there is one that allows others. A rule for an
 * identifier is for the one with a zero before its last arc as well, which RFC 3584 section 3.1
 * makes of v1 traps. `*ret_rule`: which rule has decided; NULL: none.
 */
const char *trap_access_refusal(const struct trap_access *access,
    const struct trap_message *message, const struct trap_rule **ret_rule);

#endif
