/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_JOIN_OPS_H_INCLUDED
#define CLI_ENROLL_JOIN_OPS_H_INCLUDED

#include <stdbool.h>

#include "enroll/unit.h"
#include "proof/proof.h"
#include "trouble.h"

/* What joining does beyond files. A test puts its own functions here. As in unit.h and proof.h. */
struct join_ops {
    enum proof_result (*prove)(const struct proof_target *target, struct proof_report *ret_report);
    struct unit_was (*look)(const char *root, const char *unit);
    bool (*start)(const char *unit, const struct unit_ports *streams, struct trouble *trouble);
    void (*restore)(const char *unit, struct unit_was was);
};

/* The system's own. */
extern const struct join_ops join_ops_system;

#endif
