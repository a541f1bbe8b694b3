/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t versions[] = { 9 };

    netflow_fuzz(versions, 1, data, size);
    return 0;
}
