/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/creds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_creds_info info;

    (void)sr_creds_check_text((struct sr_span){ data, size }, 1700000000, &info);
    return 0;
}
