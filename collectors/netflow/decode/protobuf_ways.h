/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_PROTOBUF_WAYS_H_INCLUDED
#define NETFLOW_DECODE_PROTOBUF_WAYS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/flow.h"

/* The ways that nf_protobuf_write() chooses from, for the tests that compare them. */

/* Whether this processor has fast instructions for spreading and counting bits: BMI2's. */
bool nf_protobuf_has_instructions(void);

/* As nf_protobuf_write(); only where nf_protobuf_has_instructions(). */
size_t nf_protobuf_write_by_instructions(uint8_t *out, const struct nf_flow *f);

/* As nf_protobuf_write(), on any processor. */
size_t nf_protobuf_write_anywhere(uint8_t *out, const struct nf_flow *f);

#endif
