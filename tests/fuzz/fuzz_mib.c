/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/mib.h"
#include "decode/mib_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

static void
touch(struct sr_span span)
{
    for (size_t i = 0; i < span.len; i++) {
        sink += span.data[i];
    }
}

static void
ask(const struct mib_table *table, const uint32_t *arcs, unsigned count)
{
    struct mib_node node;

    if (mib_find(table, arcs, count, &node)) {
        touch(node.module);
        touch(node.name);
        touch(node.hint);
        uint32_t found[MIB_ARCS_MAX];
        unsigned length;
        if (mib_find_name(table, node.module, node.name, found, &length)) {
            sink += length <= MIB_ARCS_MAX ? found[length > 0 ? length - 1 : 0] : 0;
        }
        for (int64_t number = -2; number < 8; number++) {
            touch(mib_label(table, node.labels, number));
        }
    }
}

/* The bytes are a table; what is asked of it are the identifiers that seeds name. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t leaves[] = { 0, 1, 2, 3, 4, 255, 256, UINT32_MAX };
    struct mib_table table;

    if (!mib_table_open((struct sr_span){ data, size }, &table)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        const uint32_t arcs[] = { 1, 3, 6, leaves[i], 1, leaves[7 - i], 0 };
        ask(&table, arcs, sizeof(arcs) / sizeof(arcs[0]));
        ask(&table, arcs + 3, 4);
        const uint32_t enterprise[] = { 1, 3, 6, 1, 4, 1, leaves[i], leaves[7 - i], 0 };
        ask(&table, enterprise, sizeof(enterprise) / sizeof(enterprise[0]));
        touch(mib_label(&table, leaves[i], 1));
    }
    return 0;
}
