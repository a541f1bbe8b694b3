/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/ack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sr_ack ack = sr_ack_parse((struct sr_span){ data, size });

    (void)sr_refusal_advice(sr_ack_refusal(&ack));
    return 0;
}
