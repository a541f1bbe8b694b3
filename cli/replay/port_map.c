/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/port_map.h"

#include "sr/banned.h"

/* Reads a port and moves `text` behind it. */
static bool
parse_port(const char **text, uint16_t *ret_port)
{
    uint32_t number = 0;
    const char *at = *text;

    for (; *at >= '0' && *at <= '9' && number <= UINT16_MAX; at++) {
        number = number * 10 + (uint32_t)(*at - '0');
    }
    if (at == *text || number == 0 || number > UINT16_MAX) {
        return false;
    }
    *text = at;
    *ret_port = (uint16_t)number;
    return true;
}

bool
port_map_parse(const char *text, struct port_map *ret_map)
{
    struct port_map map = { .count = 0 };

    for (;; text++) {
        uint16_t from;
        uint16_t to;

        if (map.count == PORT_MAP_MAX || !parse_port(&text, &from) || *text++ != ':' ||
            !parse_port(&text, &to) || port_map_find(&map, from) != 0) {
            return false;
        }
        map.entries[map.count].from = from;
        map.entries[map.count++].to = to;
        if (*text == '\0') {
            *ret_map = map;
            return true;
        }
        if (*text != ',') {
            return false;
        }
    }
}

uint16_t
port_map_find(const struct port_map *map, uint16_t from)
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->entries[i].from == from) {
            return map->entries[i].to;
        }
    }
    return 0;
}
