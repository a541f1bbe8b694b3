/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/names.h"

#include <stddef.h>

#include "decode/identifier.h"
#include "sr/json.h"

#include "sr/banned.h"

void
trap_name_find(const struct trap_config *config, struct trap_name *name)
{
    struct mib_node node;

    name->table = NULL;
    for (size_t i = 0; i < sizeof(config->mibs) / sizeof(config->mibs[0]); i++) {
        const struct mib_table *table = config->mibs[i];
        if (table == NULL || !mib_find(table, name->arcs, name->count, &node) ||
            node.depth > name->count) {
            continue;
        }
        if (node.kind == MIB_NODE && node.depth < name->count) {
            continue;
        }
        if (name->table == NULL || node.depth > name->node.depth) {
            name->table = table;
            name->node = node;
        }
    }
}

bool
trap_name_read(
    const struct trap_config *config, struct sr_span identifier, struct trap_name *ret_name)
{
    if (!ber_arcs(identifier, ret_name->arcs, &ret_name->count)) {
        return false;
    }
    trap_name_find(config, ret_name);
    return true;
}

void
trap_name_write(struct sr_buf *b, const struct trap_name *name, bool with_module)
{
    if (name->table == NULL) {
        trap_arcs_write(b, name->arcs, name->count);
        return;
    }
    if (with_module) {
        sr_json_string_part(b, name->node.module);
        sr_buf_add(b, "::", 2);
    }
    sr_json_string_part(b, name->node.name);
    if (name->node.depth < name->count) {
        sr_buf_put(b, '.');
        trap_arcs_write(b, name->arcs + name->node.depth, name->count - name->node.depth);
    }
}
