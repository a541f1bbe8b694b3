/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "enroll/record.h"
#include "require.h"

#define TEXT_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX], second[TEXT_MAX];
    char name[RECORD_NAME_MAX], same[RECORD_NAME_MAX];
    struct record record, again;
    struct trouble trouble;

    trouble.cause[0] = trouble.remedy[0] = '\0';
    if (!record_parse((struct sr_span){ data, size }, &record, &trouble)) {
        require(trouble.cause[0] != '\0' && trouble.remedy[0] != '\0');
        return 0;
    }
    (void)record_name(record.collector, record.instance, name);
    require(record_name_read(name, same) == record.collector && strcmp(name, same) == 0);
    /* What was read is written, and read as the same. */
    require(record_format(&record, text, sizeof(text)));
    struct sr_span span = { (const uint8_t *)text, strlen(text) };
    require(record_parse(span, &again, &trouble));
    require(record_format(&again, second, sizeof(second)) && strcmp(text, second) == 0);
    return 0;
}
