/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_STREAM_H_INCLUDED
#define NETFLOW_STREAM_H_INCLUDED

#include "sr/runtime.h"

/*
 * IPFIX over TCP, for struct sr_program. What templates say holds for one connection (RFC 7011
 * section 8): each has an exporter of its own, which ends with it. What it counts goes to the
 * exporter of its address in the listener's table, once a second.
 */
bool netflow_connection_allowed(
    const void *snapshot, unsigned listener, const struct sr_peer *peer);
void *netflow_connection_new(void *state, const void *snapshot, unsigned listener,
    const struct sr_peer *peer, const char *tls_peer);
void netflow_connection_free(void *state, void *connection);

enum sr_frame_state netflow_connection_frame(
    void *connection, struct sr_span bytes, bool last, struct sr_frame *ret_frame);

enum sr_verdict netflow_connection_message(void *state, const void *snapshot, unsigned listener,
    void *scratch, void *connection, uint64_t now_ns, const struct sr_peer *peer,
    struct sr_span bytes, bool must, const struct sr_emit *emit);

void netflow_connection_tick(void *state, const void *snapshot, unsigned listener, void *scratch,
    void *connection, uint64_t now_ns, bool last, const struct sr_emit *emit);

#endif
