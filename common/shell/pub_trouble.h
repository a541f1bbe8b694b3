/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHELL_PUB_TROUBLE_H_INCLUDED
#define SHELL_PUB_TROUBLE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "sr/conf_common.h"

#define PUB_TROUBLE_MAX 320

/* What was last told of one server. All zero: nothing. Owned by the publisher's thread. */
struct pub_trouble {
    char cause[PUB_TROUBLE_MAX];
    uint64_t told_ns;
};

/*
 * Logs that `what` happened with the server `conf->url.items[url]` and what to do about it, when
 * the cause is another than before or was told a minute ago. `error` is nats.c's text; of one cause
 * it may come in several wordings, in turn. The credentials file is looked at: what is wrong with
 * it says more than the server does. `now_ns` is monotonic.
 */
void pub_trouble_tell(struct pub_trouble *t, uint64_t now_ns, const struct sr_conf_nats *conf,
    size_t url, const char *what, const char *error);

/* The server works: the same cause is told at once when it comes again. */
void pub_trouble_end(struct pub_trouble *t);

#endif
