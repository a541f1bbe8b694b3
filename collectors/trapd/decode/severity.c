/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/severity.h"

#include <stdbool.h>
#include <stddef.h>

#include "sr/banned.h"

#define ARCS_MAX 10U

static const struct trap_severity info = { "INFO", 9 };
static const struct trap_severity warning = { "WARN", 13 };
static const struct trap_severity error = { "ERROR", 17 };

/*
 * Notifications of RFCs that are more than information. Where an RFC changed the identifier
 * (RFC 1269 to RFC 4273, bgpTraps to bgpNotification), both are here.
 */
static const struct {
    uint8_t count;
    uint16_t arcs[ARCS_MAX];
    const struct trap_severity *severity;
} known[] = {
    { 10, { 1, 3, 6, 1, 6, 3, 1, 1, 5, 1 }, &warning }, /* coldStart, RFC 3418 */
    { 10, { 1, 3, 6, 1, 6, 3, 1, 1, 5, 3 }, &error },   /* linkDown, RFC 2863 */
    { 10, { 1, 3, 6, 1, 6, 3, 1, 1, 5, 5 }, &warning }, /* authenticationFailure, RFC 3418 */
    { 10, { 1, 3, 6, 1, 6, 3, 1, 1, 5, 6 }, &error },   /* egpNeighborLoss, RFC 1215 */
    { 9, { 1, 3, 6, 1, 2, 1, 15, 0, 2 }, &error },      /* bgpBackwardTransNotification */
    { 9, { 1, 3, 6, 1, 2, 1, 15, 7, 2 }, &error },      /* bgpBackwardTransition */
    { 9, { 1, 3, 6, 1, 2, 1, 17, 0, 1 }, &warning },    /* newRoot, RFC 4188 */
    { 9, { 1, 3, 6, 1, 2, 1, 33, 2, 1 }, &error },      /* upsTrapOnBattery, RFC 1628 */
    { 9, { 1, 3, 6, 1, 2, 1, 33, 2, 3 }, &warning },    /* upsTrapAlarmEntryAdded, RFC 1628 */
};

/*
 * RFC 3584 section 3.1 puts a zero before the last arc of what v1 sent, also where the MIB has
 * none.
 */
static bool
is_known(size_t i, const uint32_t *arcs, unsigned count)
{
    unsigned left = known[i].count;

    if (count < 2 || (left != count && (left + 1 != count || arcs[count - 2] != 0))) {
        return false;
    }
    /* They differ at their end. */
    if (known[i].arcs[left - 1] != arcs[count - 1]) {
        return false;
    }
    for (left--; left > 0 && known[i].arcs[left - 1] == arcs[left - 1]; left--) {
    }
    return left == 0;
}

struct trap_severity
trap_severity_of(enum mib_severity mib, const uint32_t *arcs, unsigned count)
{
    switch (mib) {
    case MIB_SEVERITY_INFO: return info;
    case MIB_SEVERITY_WARNING: return warning;
    case MIB_SEVERITY_MINOR: return (struct trap_severity){ "WARN", 14 };
    case MIB_SEVERITY_MAJOR: return error;
    case MIB_SEVERITY_CRITICAL: return (struct trap_severity){ "FATAL", 21 };
    case MIB_SEVERITY_NONE: break;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (is_known(i, arcs, count)) {
            return *known[i].severity;
        }
    }
    return info;
}
