/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "frame/inflate.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes are the limits. What is inflated keeps them, and zlib is happy with its room.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct syslog_inflater inflater;
    struct sr_span text = { NULL, 0 };
    const char *reason = NULL;

    if (size < 2) {
        return 0;
    }
    struct syslog_inflate_options options = { .max = 256U * data[0], .ratio = 1U + data[1] };
    struct sr_span bytes = { data + 2, size - 2 };
    switch (syslog_inflate(&inflater, &options, bytes, &text, &reason)) {
    case SYSLOG_INFLATE_PLAIN: break;
    case SYSLOG_INFLATE_TEXT:
        require(text.len <= options.max && text.len <= bytes.len * options.ratio);
        break;
    case SYSLOG_INFLATE_BAD: require(strncmp(reason, "compressed_", 11) == 0); break;
    }
    require(inflater.work_used <= sizeof(inflater.work));
    return 0;
}
