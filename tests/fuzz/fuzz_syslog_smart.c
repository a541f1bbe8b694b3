/* SPDX-License-Identifier: Apache-2.0 */
#include "syslog_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    syslog_fuzz(SYSLOG_SMART, data, size);
    return 0;
}
