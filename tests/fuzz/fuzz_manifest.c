/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read must be written as a text that is read as the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct manifest first, second;
    static char text[MANIFEST_TEXT_MAX], again[MANIFEST_TEXT_MAX];

    if (!manifest_read((struct sr_span){ data, size }, &first)) {
        return 0;
    }
    size_t len = manifest_write(&first, text);
    if (len == 0) {
        return 0;
    }
    if (!manifest_read((struct sr_span){ (const uint8_t *)text, len }, &second) ||
        manifest_write(&second, again) != len || memcmp(text, again, len) != 0) {
        abort();
    }
    return 0;
}
