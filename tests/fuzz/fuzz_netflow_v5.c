/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t versions[] = { 1, 5, 7 };

    netflow_fuzz(versions, 3, data, size);
    return 0;
}
