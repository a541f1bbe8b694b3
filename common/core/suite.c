/* SPDX-License-Identifier: Apache-2.0 */
#include "sr/suite.h"

#include "sr/banned.h"

#define GIB (1LL << 30)

const struct sr_suite_role sr_suite_roles[] = {
    { "syslog", { "logs.syslog", NULL } },
    { "trapd", { "logs.snmp", NULL } },
    { "netflow", { "flows.raw.netflow", "flows.raw.sflow", "events.netflow", NULL } },
    { NULL, { NULL } },
};

/* Flows come much faster than logs, so that their window must be shorter to cost the same. */
const struct sr_suite_stream sr_suite_streams[] = {
    { "events", { "logs.syslog", "logs.snmp", "events.netflow", NULL }, GIB, 120 },
    { "flows", { "flows.raw.netflow", "flows.raw.sflow", NULL }, GIB, 30 },
    { NULL, { NULL }, 0, 0 },
};

int64_t
sr_suite_tenant_bytes(void)
{
    int64_t sum = 0;

    for (const struct sr_suite_stream *s = sr_suite_streams; s->name != NULL; s++) {
        sum += s->max_bytes;
    }
    return sum;
}

static bool
is_allowed(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool
sr_suite_instance_is_fine(const char *instance)
{
    size_t len = 0;

    while (len < SR_SUITE_INSTANCE_MAX && is_allowed(instance[len])) {
        len++;
    }
    return len > 0 && len < SR_SUITE_INSTANCE_MAX && instance[len] == '\0' && instance[0] != '-';
}
