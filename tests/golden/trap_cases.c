/* SPDX-License-Identifier: Apache-2.0 */
#include "trap_cases.h"

#include "../unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "sr/banned.h"

#define LINE_ROOM (1 << 20)
#define PATH_ROOM 1024

static uint8_t bytes[UINT16_MAX];

size_t
trap_cases_hex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

unsigned
trap_cases_of_tree(trap_case *each, void *arg)
{
    static char line[LINE_ROOM];
    FILE *in = fopen(SR_SOURCE_DIR "/tests/golden/snmp/cases.jsonl", "r");
    unsigned count = 0;

    assert_non_null(in);
    for (; fgets(line, sizeof(line), in) != NULL; count++) {
        json_t *row = json_loads(line, 0, NULL);
        assert_non_null(row);
        size_t len = trap_cases_hex(json_string_value(json_object_get(row, "hex")), bytes);
        each(json_string_value(json_object_get(row, "name")), (struct sr_span){ bytes, len }, row,
            arg);
        json_decref(row);
    }
    (void)fclose(in);
    return count;
}

const char *
trap_cases_corpus(void)
{
    const char *folder = getenv("SR_CORPUS");

    if (folder == NULL) {
        skip();
    }
    return folder;
}

unsigned
trap_cases_of_corpus(trap_case *each, void *arg)
{
    const char *folder = trap_cases_corpus();
    char path[PATH_ROOM], name[128];
    unsigned count = 0;

    (void)snprintf(path, sizeof(path), "%s/snmp/all.pcap.order.txt", folder);
    FILE *order = fopen(path, "r");
    assert_non_null(order);
    for (; fgets(name, sizeof(name), order) != NULL; count++) {
        name[strcspn(name, "\t \r\n")] = '\0';
        (void)snprintf(path, sizeof(path), "%s/snmp/msgs/%s.json", folder, name);
        json_t *row = json_load_file(path, 0, NULL);
        assert_non_null(row);
        (void)snprintf(path, sizeof(path), "%s/snmp/msgs/%s.bin", folder, name);
        FILE *in = fopen(path, "rb");
        assert_non_null(in);
        size_t len = fread(bytes, 1, sizeof(bytes), in);
        (void)fclose(in);
        each(name, (struct sr_span){ bytes, len }, row, arg);
        json_decref(row);
    }
    (void)fclose(order);
    return count;
}
