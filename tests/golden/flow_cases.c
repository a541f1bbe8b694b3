/* SPDX-License-Identifier: Apache-2.0 */
#include "flow_cases.h"

#include "sr/banned.h"

const struct known_case shipped_cases[] = {
    { "ipfix-barracuda-uniflow", 'A', 2, 0, 0, 0 },
    { "ipfix-concatenated-datagram", 'D', 6, 1, 12, 0 },
    { "ipfix-ixia-256", 'A', 1, 0, 0, 0 },
    { "ipfix-juniper-mx240-options", 'A', 0, 1, 0, 0 },
    { "ipfix-mikrotik", 'A', 46, 0, 46, 0 },
    { "ipfix-netscaler-missing-template", 'A', 0, 0, 0, 0 },
    { "ipfix-netscaler-varlen", 'A', 3, 0, 3, 0 },
    { "ipfix-nokia-bras-nat", 'A', 1, 0, 0, 0 },
    { "ipfix-pynf9-ether", 'A', 22, 1, 22, 0 },
    { "ipfix-softflowd", 'A', 12, 1, 12, 0 },
    { "ipfix-telegraf-options", 'A', 0, 126, 0, 0 },
    { "ipfix-telegraf-pen35632", 'A', 2, 0, 0, 0 },
    { "ipfix-viptela", 'A', 1, 0, 1, 0 },
    { "v1-pynf9", 'A', 2, 0, 0, 0 },
    { "v5-concatenated-datagram", 'D', 2, 0, 30, 0 },
    { "v5-invalid-01", 'D', 30, 0, 0, 0 },
    { "v5-juniper-mx80-sampled", 'A', 29, 0, 29, 0 },
    { "v5-netgraph-4x30", 'A', 120, 0, 120, 0 },
    { "v5-softflowd", 'A', 30, 0, 30, 0 },
    { "v9-asr1001x-tpl259", 'A', 25, 0, 25, 0 },
    { "v9-asr9k-options256", 'A', 0, 19, 0, 0 },
    { "v9-cisco-1941", 'A', 29, 0, 29, 0 },
    { "v9-cisco-aci", 'A', 3, 0, 3, 0 },
    { "v9-cisco-asa-nsel-1", 'A', 14, 0, 0, 0 },
    { "v9-cisco-nbar-options", 'A', 0, 15, 0, 0 },
    { "v9-fluent-mpls", 'A', 1, 0, 1, 0 },
    { "v9-fortigate-542-appid", 'A', 17, 0, 17, 0 },
    { "v9-goflow2-inline", 'A', 21, 0, 21, 0 },
    { "v9-h3c", 'A', 16, 0, 16, 0 },
    { "v9-invalid-01", 'D', 2, 1, 0, 0 },
    { "v9-juniper-srx-scope0", 'A', 0, 1, 0, 0 },
    { "v9-layer2segmentid", 'A', 1, 0, 1, 0 },
    { "v9-nprobe-1", 'A', 152, 2, 152, 0 },
    { "v9-nprobe-options-scope", 'A', 0, 1, 0, 0 },
    { "v9-paloalto-zero-filled", 'A', 1, 0, 1, 0 },
    { "v9-pynf9-zeros", 'A', 0, 0, 0, 0 },
    { "v9-softflowd-valid01", 'A', 7, 0, 7, 0 },
    { "v9-telegraf-example", 'A', 8, 0, 8, 0 },
    { "v9-telegraf-options", 'A', 0, 8, 0, 0 },
    { "v9-ubnt-edgerouter-mpls", 'A', 16, 0, 16, 0 },
    { "v9-zero-length-fields", 'A', 10, 0, 0, 0 },
};

const unsigned shipped_cases_count = sizeof(shipped_cases) / sizeof(shipped_cases[0]);

const struct known_case outside_cases[] = {
    { "ipfix-akvorado-ipfixprobe-biflow", 'A', 4, 0, 4, 0 },
    { "ipfix-akvorado-juniper-cpid", 'B', 1, 0, 0, 0 },
    { "ipfix-akvorado-physif", 'A', 8, 1, 8, 0 },
    { "ipfix-ixflow-graylog", 'A', 3, 0, 0, 0 },
    { "ipfix-ixia-multilist", 'A', 0, 0, 0, 0 },
    { "ipfix-pmacct-100-asr9k", 'A', 12, 0, 12, 0 },
    { "ipfix-pmacct-106-huawei-vrf", 'A', 3, 1, 0, 0 },
    { "ipfix-pmacct-112-options-reassign", 'B', 9, 76, 0, 0 },
    { "ipfix-pmacct-401-1200dg", 'A', 1464, 702, 1126, 0 },
    { "ipfix-pmacct-501-mpls", 'A', 74, 39, 52, 0 },
    { "mixed-pmacct-111-v4v6-sources", 'A', 24, 0, 15, 0 },
    { "v9-akvorado-asr9k-sampler", 'A', 4, 4, 4, 0 },
    { "v9-akvorado-nat", 'A', 9, 0, 0, 0 },
    { "v9-akvorado-samplingrate", 'A', 6, 0, 6, 0 },
    { "v9-fortigate-300d", 'A', 65, 0, 49, 81 },
    { "v9-ndpi-fritz", 'A', 0, 0, 0, 0 },
    { "v9-pmacct-101-asr9k-custom", 'A', 51, 0, 51, 0 },
    { "v9-scapy", 'A', 24, 1, 24, 0 },
};

const unsigned outside_cases_count = sizeof(outside_cases) / sizeof(outside_cases[0]);
