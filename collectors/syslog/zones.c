/* SPDX-License-Identifier: Apache-2.0 */
#include "zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/rfc3164.h"
#include "tz_load.h"

#include "sr/network.h"

#include "sr/banned.h"

#define ZONE_NAME_MAX 256
#define NETWORK_MAX 64 /* no text of a network is longer */

const char *
zone_check(const char *name, char *text, size_t text_size)
{
    if (strcmp(name, "local") == 0 || tz_is_known(TZ_SYSTEM_DIR, name)) {
        return NULL;
    }
    (void)snprintf(text, text_size,
        "`%.64s` is not a time zone; write a name such as Europe/Berlin, UTC or local", name);
    return text;
}

/* Reads NETWORK=ZONE. NULL when fine, else what is wrong, in static words. */
static const char *
read_item(const char *item, struct sr_network *ret_network, const char **ret_zone)
{
    size_t len = strcspn(item, "=");
    char network[NETWORK_MAX];

    if (item[len] == '\0' || len == 0) {
        return "has no network and `=`";
    }
    if (len >= sizeof(network)) {
        return "is too long for a network";
    }
    memcpy(network, item, len);
    network[len] = '\0';
    *ret_zone = item + len + 1;
    return sr_network_parse(network, ret_network);
}

const char *
zones_check(const struct sr_conf_strings *items, char *text, size_t text_size)
{
    struct sr_network networks[SYSLOG_ZONES_MAX];
    const char *zone;

    for (size_t i = 0; i < items->count && i < SYSLOG_ZONES_MAX; i++) {
        const char *problem = read_item(items->items[i], &networks[i], &zone);
        if (problem != NULL) {
            (void)snprintf(text, text_size,
                "`%.80s` %s; write NETWORK=ZONE, such as 192.0.2.0/24=Europe/Berlin",
                items->items[i], problem);
            return text;
        }
        if (zone_check(zone, text, text_size) != NULL) {
            return text;
        }
        for (size_t j = 0; j < i; j++) {
            if (networks[j].is_v6 == networks[i].is_v6 &&
                networks[j].prefix == networks[i].prefix &&
                memcmp(networks[j].address, networks[i].address, sizeof(networks[i].address)) ==
                    0) {
                (void)snprintf(text, text_size, "`%.80s` is the network of `%.80s`; remove one",
                    items->items[i], items->items[j]);
                return text;
            }
        }
    }
    return NULL;
}

/* The index of a zone, for struct syslog_decode. */
static bool
find_zone(const struct tz_table *table, const char *name, int32_t *ret_zone)
{
    char local[ZONE_NAME_MAX];
    bool is_local = strcmp(name, "local") == 0;
    uint16_t zone;

    if (is_local) {
        name = tz_local_name("/etc", local, sizeof(local)) ? local : "UTC";
    }
    if (tz_find(table, (struct sr_span){ (const uint8_t *)name, strlen(name) }, &zone)) {
        *ret_zone = zone;
        return true;
    }
    /* A host that does not name its zone, or names none that exists, runs in UTC. */
    *ret_zone = RFC3164_UTC;
    return is_local;
}

static bool
is_unknown(size_t i, const char *key, const char *name, char *error, size_t error_size)
{
    (void)snprintf(error, error_size,
        "listeners[%zu].%s: `%s` is not a zone of %s; write a name such as Europe/Berlin, UTC or "
        "local",
        i, key, name, TZ_SYSTEM_DIR);
    return false;
}

/* The longest prefix first. */
static int
compare(const void *left, const void *right)
{
    return (int)((const struct syslog_zone *)right)->network.prefix -
           (int)((const struct syslog_zone *)left)->network.prefix;
}

bool
zones_make(const struct syslog_listener *l, size_t i, struct syslog_decode *ret_decode, char *error,
    size_t error_size)
{
    size_t count = l->timezones.count;
    struct syslog_zone *map = calloc(count + 1, sizeof(*map));
    const char *name = "";

    ret_decode->map = map;
    ret_decode->map_count = count;
    if (map == NULL) {
        (void)snprintf(error, error_size, "out of memory");
        return false;
    }
    if (!find_zone(ret_decode->zones, l->timezone, &ret_decode->local)) {
        return is_unknown(i, "timezone", l->timezone, error, error_size);
    }
    for (size_t j = 0; j < count; j++) {
        if (read_item(l->timezones.items[j], &map[j].network, &name) != NULL ||
            !find_zone(ret_decode->zones, name, &map[j].zone)) {
            return is_unknown(i, "timezones", name, error, error_size);
        }
    }
    qsort(map, count, sizeof(*map), compare);
    return true;
}

void
zones_done(struct syslog_decode *decode)
{
    /* It is read-only for everyone else. */
    free((void *)(uintptr_t)decode->map);
    decode->map = NULL;
    decode->map_count = 0;
}
