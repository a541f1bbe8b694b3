/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_PORT_MAP_H_INCLUDED
#define CLI_REPLAY_PORT_MAP_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which port of the target a datagram goes to, by the port that it was captured on its way to. */

#define PORT_MAP_MAX 64U

struct port_map {
    struct {
        uint16_t from, to;
    } entries[PORT_MAP_MAX];
    size_t count;
};

/* Reads "FROM:TO,FROM:TO"; false when it has another form or names a port twice. Pure. */
bool port_map_parse(const char *text, struct port_map *ret_map);

/* The port of the target, 0 when it is not in the map. */
uint16_t port_map_find(const struct port_map *map, uint16_t from);

#endif
