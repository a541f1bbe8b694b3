/* SPDX-License-Identifier: Apache-2.0 */
/* What `tail` does with a message of a stream: splits it, reads flows and writes them as JSON. */
#include <stdbool.h>

#include "decode/output.h"
#include "require.h"
#include "sr/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
show(struct sr_span record)
{
    static struct nf_flow flow;
    static uint8_t text[64 * 1024];
    static const struct nf_header header;
    const struct nf_record none = { .header = &header };
    struct sr_buf b = sr_buf_over(text, sizeof(text));

    if (nf_protobuf_read(record, &flow)) {
        nf_json_write(&b, &flow, &none);
        require(b.overflow || b.len >= 2);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int form = SR_RECORDS_ONE; form <= SR_RECORDS_DELIMITED; form++) {
        struct sr_span rest = { data, size }, record;
        size_t sum = 0;
        while (sr_records_next(&rest, (enum sr_records_form)form, &record)) {
            sum += record.len;
            show(record);
        }
        require(sum <= size);
        require(rest.len == 0);
    }
    return 0;
}
