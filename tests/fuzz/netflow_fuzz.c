/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_fuzz.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../golden/flow_message.h"
#include "../unit/netflow_rig.h"
#include "require.h"
#include "sr/json.h"

#include "sr/banned.h"

#define MILLISECOND UINT64_C(1000000)

/* What the first byte of an input says. */
enum {
    FORMAT = 3, /* mask */
    UPSTREAM = 4,
    OPTIONS = 8,
    OLD_TEMPLATES = 16,
    LITTLE_ROOM = 32,
    NO_ZEROS = 64,
    SAVED = 128,
};

static const struct sr_peer peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };

static void
check_message(void *arg, struct sr_span bytes)
{
    const struct netflow_rig *rig = arg;
    static struct flow_message message;

    if (rig->config.format == NF_FORMAT_PROTOBUF) {
        require(flow_message_read(bytes, &message));
        return;
    }
    require(bytes.len > 2 && bytes.data[0] == '{' && bytes.data[bytes.len - 1] == '}');
    require(sr_utf8_valid(bytes));
    for (size_t i = 0; i < bytes.len; i++) {
        require(bytes.data[i] >= ' ');
    }
}

static void
begin(struct netflow_rig *rig, uint8_t how)
{
    static const enum nf_format formats[] = { NF_FORMAT_PROTOBUF, NF_FORMAT_JSON, NF_FORMAT_RAW,
        NF_FORMAT_PROTOBUF };

    netflow_rig_begin(rig, formats[how & FORMAT], (how & UPSTREAM) != 0 ? NF_UPSTREAM : NF_NATIVE);
    rig->message = check_message;
    rig->arg = rig;
    rig->config.options_too = (how & OPTIONS) != 0;
    rig->config.drop_zero_counters = (how & NO_ZEROS) != 0;
    rig->config.clamp_int32 = (how & NO_ZEROS) != 0;
    rig->config.max_templates = 4;
    rig->config.max_template_fields = 64;
    rig->config.max_domains = 2;
    rig->config.max_pending_sets = 4;
    rig->config.max_pending_bytes = 2048;
    rig->config.pending_ttl_ns = 8 * MILLISECOND;
    rig->config.template_ttl_ns = (how & OLD_TEMPLATES) != 0 ? 4 * MILLISECOND : 0;
}

/* What is kept of an exporter can be read again, and gives an exporter as good as the first. */
static void
save_and_load(struct netflow_rig *rig)
{
    static uint8_t saved[1 << 17];
    const size_t size = nf_exporter_save(rig->exporters[0], saved, sizeof(saved));
    struct sr_span bytes = { saved, size };

    require(size <= sizeof(saved));
    struct nf_exporter *loaded = nf_exporter_load(
        &rig->memory, &rig->config, &bytes, NETFLOW_RIG_NOW + rig->datagrams * MILLISECOND);
    require(loaded != NULL && bytes.len == 0);
    nf_exporter_free(rig->exporters[0]);
    rig->exporters[0] = loaded;
}

void
netflow_fuzz(const uint16_t *versions, unsigned version_count, const uint8_t *data, size_t size)
{
    static uint8_t datagram[UINT16_MAX];
    struct netflow_rig rig;
    struct sr_reader r = sr_reader_init((struct sr_span){ data, size });
    const uint8_t how = sr_reader_u8(&r);

    begin(&rig, how);
    while (sr_reader_left(&r) > 2) {
        size_t length = sr_reader_be16(&r);
        length = length < sr_reader_left(&r) ? length : sr_reader_left(&r);
        struct sr_span bytes = sr_reader_take(&r, length);
        if (bytes.len >= 2) {
            memcpy(datagram, bytes.data, bytes.len);
            const uint16_t version = versions[datagram[0] % version_count];
            datagram[0] = (uint8_t)(version >> 8);
            datagram[1] = (uint8_t)version;
            bytes.data = datagram;
        }
        rig.room_left = (how & LITTLE_ROOM) != 0 ? 2 : UINT_MAX;
        (void)netflow_rig_feed(&rig, &peer, bytes);
        if (rig.datagrams % 4 == 0) {
            netflow_rig_expire(&rig, NETFLOW_RIG_NOW + rig.datagrams * MILLISECOND);
        }
        if ((how & SAVED) != 0 && rig.datagrams % 4 == 2) {
            require(netflow_rig_ledger_sums(&rig));
            save_and_load(&rig);
        }
    }
    netflow_rig_expire(&rig, UINT64_MAX);
    require(netflow_rig_ledger_sums(&rig));
    netflow_rig_end(&rig);
}
