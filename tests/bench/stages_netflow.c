/* SPDX-License-Identifier: Apache-2.0 */
/* Full datagrams of flow records of several exporters, which have sent their templates. */
#include "stages.h"

#include "load/netflow_write.h"
#include "netflow.h"

#include "sr/banned.h"

#define EXPORTERS 8U

const struct sr_program *const stages_program = &netflow_program;
const unsigned stages_sources = EXPORTERS;

static const char *const sets[] = { "listeners.0.listen=udp://127.0.0.1:2055", NULL };

static uint32_t sequences[EXPORTERS];

static void
prepare(const struct stages_case *c)
{
    (void)c;
    for (unsigned i = 0; i < EXPORTERS; i++) {
        sequences[i] = 0;
    }
}

/* The first of each exporter announces the template; they are not counted. */
static void
write_datagram(const struct stages_case *c, unsigned number, struct sr_buf *out)
{
    enum netflow_format format = (enum netflow_format)c->kind;
    uint32_t *sequence = &sequences[number % EXPORTERS];
    size_t len = 0;

    if (number < EXPORTERS) {
        len = netflow_write_templates(format, 1, out->data);
    }
    unsigned records = len == 0 ? netflow_full_records(format) : 0;
    if (len == 0) {
        len = netflow_write_data(
            format, netflow_full_records(format), number, NETFLOW_FIRST_TEMPLATE, out->data);
    }
    netflow_stamp(format, out->data, *sequence, (uint32_t)(STAGES_NOW / STAGES_SECOND));
    *sequence += netflow_units(format, records);
    (void)sr_buf_claim(out, len);
}

#define FLOWS(called, of, count)                                                                   \
    {                                                                                              \
        .name = (called), .sets = sets, .inputs = 200, .records = (count), .kind = (of),           \
        .prepare = prepare, .write = write_datagram                                                \
    }

const struct stages_case stages_cases[] = {
    FLOWS("v5", NETFLOW_V5, 30),
    FLOWS("v9", NETFLOW_V9, 24),
    FLOWS("ipfix", NETFLOW_IPFIX, 20),
    { .name = NULL },
};
