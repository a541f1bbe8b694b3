/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_DECODE_SEVERITY_H_INCLUDED
#define TRAPD_DECODE_SEVERITY_H_INCLUDED

#include <stdint.h>

#include "decode/mib.h"

/* As OpenTelemetry's log data model has them. */
struct trap_severity {
    char text[6];
    uint8_t number;
};

/*
 * How bad it is: what the MIB says of the notification, else what is known of the identity, else
 * INFO.
 */
struct trap_severity trap_severity_of(enum mib_severity mib, const uint32_t *arcs, unsigned count);

#endif
