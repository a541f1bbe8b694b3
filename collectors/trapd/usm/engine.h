/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_ENGINE_H_INCLUDED
#define TRAPD_USM_ENGINE_H_INCLUDED

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/v3.h"
#include "sr/span.h"

/*
 * Our own engine, which informs name as the authoritative one (RFC 3414 section 1.5.1): its id, its
 * clock, and what it counts. Shared by all threads.
 */

/* An engine there is at its end: RFC 3414 section 2.2.2. */
#define USM_BOOTS_MAX ((uint32_t)INT32_MAX)
#define USM_TIME_WINDOW 150U /* seconds, RFC 3414 section 2.2.3 */

/* usmStats of RFC 3414 section 5, by their last arc. */
enum usm_stat {
    USM_STAT_LEVEL = 1,
    USM_STAT_TIME,
    USM_STAT_USER,
    USM_STAT_ENGINE,
    USM_STAT_DIGEST,
    USM_STAT_DECRYPTION,
    USM_STAT_END
};

struct usm_engine {
    uint8_t id[V3_ENGINE_ID_MAX];
    size_t id_len;
    uint32_t boots;
    uint32_t (*time)(void *arg); /* seconds since `boots` became what it is; any thread */
    void *time_arg;
    _Atomic uint64_t salt; /* the next one; begins where nobody can guess it */
    _Atomic uint32_t stats[USM_STAT_END];
};

static inline struct sr_span
usm_engine_id(const struct usm_engine *engine)
{
    return (struct sr_span){ engine->id, engine->id_len };
}

/* Whether an id is that of the engine; NULL is none. */
bool usm_engine_is(const struct usm_engine *engine, struct sr_span id);

/* RFC 3414 section 3.2 step 7 a: whether a message that names us as the authority is in time. */
bool usm_engine_is_in_time(const struct usm_engine *engine, uint32_t boots, uint32_t time);

/* Counts one more; returns how many there are now. */
uint32_t usm_engine_count(struct usm_engine *engine, enum usm_stat stat);

#define USM_STAT_NAME_LEN 10U

/* The encoded name of a counter of usmStats, its instance 0. */
void usm_stat_name(enum usm_stat stat, uint8_t name[USM_STAT_NAME_LEN]);

#endif
