/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_STREAM_H_INCLUDED
#define NETFLOW_DECODE_STREAM_H_INCLUDED

#include "sr/frame.h"

#define NF_STREAM_MESSAGE_MAX 65535U /* its length has 16 bits */

/*
 * Finds the end of an IPFIX message in a stream (RFC 7011 section 10.4.3): its header has the
 * length. BROKEN for "unknown_version" (only IPFIX is defined over streams) and "message_length"
 * (less than a header, RFC 7011 section 3.1).
 */
enum sr_frame_state nf_stream_frame(struct sr_span bytes, struct sr_frame *ret_frame);

#endif
