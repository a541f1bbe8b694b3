/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll/join_ops.h"

#include "sr/banned.h"

const struct join_ops join_ops_system = {
    .prove = proof_run,
    .look = unit_look,
    .start = unit_start,
    .restore = unit_restore,
};
