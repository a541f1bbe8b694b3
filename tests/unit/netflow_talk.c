/* SPDX-License-Identifier: Apache-2.0 */
#include "netflow_talk.h"

#include "unit.h"

#include <stdbool.h>

#include "sr/banned.h"

struct talk talk;

const struct sr_peer talk_peer = { .address = { 192, 0, 2, 1 }, .port = 2055 };

const struct nf_field talk_flow_fields[TALK_FLOW_FIELDS] = { { .id = 8, .length = 4 },
    { .id = 12, .length = 4 }, { .id = 1, .length = 4 }, { .id = 2, .length = 4 } };

int
talk_begin(void **state)
{
    (void)state;
    netflow_rig_begin(&talk.rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    return 0;
}

int
talk_end(void **state)
{
    (void)state;
    bool sums = netflow_rig_ledger_sums(&talk.rig);
    netflow_rig_end(&talk.rig);
    return sums ? 0 : -1;
}

struct nf_ledger *
talk_ledger(void)
{
    return nf_exporter_ledger(netflow_rig_exporter(&talk.rig, &talk_peer));
}

enum sr_verdict
talk_feed(void)
{
    netflow_rig_forget(&talk.rig);
    return netflow_rig_feed(&talk.rig, &talk_peer, build_end(&talk.message));
}

enum sr_verdict
talk_feed_as_it_is(void)
{
    netflow_rig_forget(&talk.rig);
    return netflow_rig_feed(
        &talk.rig, &talk_peer, (struct sr_span){ talk.message.bytes, talk.message.len });
}

void
talk_poke(size_t at, unsigned value)
{
    talk.message.bytes[at] = (uint8_t)(value >> 8);
    talk.message.bytes[at + 1] = (uint8_t)value;
}

void
talk_message(uint16_t version)
{
    if (version == 9) {
        build_v9(&talk.message, 1, 0);
    } else {
        build_ipfix(&talk.message, 1, 0);
    }
}

void
talk_templates(uint16_t version)
{
    build_set(&talk.message, version == 9 ? BUILD_V9_TEMPLATES : BUILD_IPFIX_TEMPLATES);
}

void
talk_flow_template(uint16_t version, uint16_t id)
{
    talk_templates(version);
    build_template(&talk.message, id, talk_flow_fields, TALK_FLOW_FIELDS);
}

void
talk_flows(uint16_t id, unsigned count)
{
    build_set(&talk.message, id);
    for (unsigned i = 0; i < count; i++) {
        build_record(&talk.message, TALK_FLOW);
    }
}

void
talk_both_versions(void (*test)(uint16_t version))
{
    test(9);
    assert_true(netflow_rig_ledger_sums(&talk.rig));
    netflow_rig_end(&talk.rig);
    netflow_rig_begin(&talk.rig, NF_FORMAT_PROTOBUF, NF_NATIVE);
    test(10);
}
