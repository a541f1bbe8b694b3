/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_FLOW_ROW_H_INCLUDED
#define TESTS_GOLDEN_FLOW_ROW_H_INCLUDED

#include <jansson.h>

#include "flow_message.h"

/* What a row of upstream_rust.jsonl says, without the time of the receive. */
void flow_message_from_row(const json_t *row, struct flow_message *ret_message);

#endif
