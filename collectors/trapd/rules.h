/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_RULES_H_INCLUDED
#define TRAPD_RULES_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "decode/access.h"
#include "decode/mib.h"
#include "trapd.h"

#include "sr/conf.h"

/* What makes `allow_traps`, `deny_traps` and `users` of a listener what decoding looks at. */
struct rules {
    struct trap_access access; /* borrows the listener */
    struct trap_rule *items;   /* owned */
};

/*
 * Reads the rules of a listener, whose names are those of `mibs` (NULL: none). False with `text`:
 * what is wrong with the first that is, and `*ret_key`: in which key.
 */
bool rules_init(struct rules *r, const struct trapd_listener *l,
    const struct mib_table *const mibs[2], const char **ret_key, char *text, size_t text_size);
void rules_done(struct rules *r);

/* Reports what is wrong with the rules and users of all listeners. */
void rules_check(const struct trapd_conf *config, struct sr_conf_problems *problems);

#endif
