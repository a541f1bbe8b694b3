/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_VIEW_H_INCLUDED
#define TRAPD_DECODE_VIEW_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "decode/config.h"
#include "decode/message.h"
#include "decode/names.h"
#include "decode/shown.h"

/* What is known of a varbind: looked up once for all parts of a record. */
struct trap_view {
    struct trap_varbind varbind;
    struct trap_name name;
    struct trap_shown shown;
};

#define TRAP_VIEWS_KEPT 26U /* those of a body, and two that it leaves out */

/*
 * How much work the names of one message may be, in units of some 100 ns: 4 for each varbind and
 * for each value that is an identifier, 2 for what is in an Opaque, one for each bit of BITS and
 * for each 4 octets that a DISPLAY-HINT is applied to. It is enough for 512 varbinds, and the
 * largest datagram, which takes up to 0.4 ms without names, stays well below 1 ms with them.
 */
#define TRAP_EFFORT 2048U

/* The views of one message's varbinds, in their order. */
struct trap_views {
    struct trap_view kept[TRAP_VIEWS_KEPT]; /* of the first varbinds */
    struct trap_view last;                  /* of one behind them */
    uint32_t count;                         /* varbinds that were looked at; no more follow */
    uint32_t effort;                        /* what is left of it */
};

void trap_views_begin(struct trap_views *views);

/*
 * Looks at the next varbind of the message. Returns its view, valid until the next one; NULL when
 * there was work enough: then this one and all behind it are told as they were sent.
 */
const struct trap_view *trap_views_add(
    struct trap_views *views, const struct trap_config *config, const struct trap_varbind *varbind);

/* The view of the varbind of number `at`, from 0 on, which is below `views->count`. */
const struct trap_view *trap_views_again(struct trap_views *views, const struct trap_config *config,
    uint32_t at, const struct trap_varbind *varbind);

#endif
