/* SPDX-License-Identifier: Apache-2.0 */
#include "usm/engine.h"

#include <string.h>

#include "sr/banned.h"

bool
usm_engine_is(const struct usm_engine *engine, struct sr_span id)
{
    return engine != NULL && id.len == engine->id_len && memcmp(id.data, engine->id, id.len) == 0;
}

bool
usm_engine_is_in_time(const struct usm_engine *engine, uint32_t boots, uint32_t time)
{
    uint32_t now = engine->time(engine->time_arg);

    return boots != USM_BOOTS_MAX && boots == engine->boots &&
           (time > now ? time - now : now - time) <= USM_TIME_WINDOW;
}

uint32_t
usm_engine_count(struct usm_engine *engine, enum usm_stat stat)
{
    return atomic_fetch_add(&engine->stats[stat], 1) + 1;
}

void
usm_stat_name(enum usm_stat stat, uint8_t name[USM_STAT_NAME_LEN])
{
    /* 1.3.6.1.6.3.15.1.1, usmStats */
    static const uint8_t stats[USM_STAT_NAME_LEN] = { 0x2b, 6, 1, 6, 3, 15, 1, 1, 0, 0 };

    memcpy(name, stats, sizeof(stats));
    name[USM_STAT_NAME_LEN - 2] = (uint8_t)stat;
}
