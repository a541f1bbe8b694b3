/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_MOCK_TRANSPORT_H_INCLUDED
#define TESTS_UNIT_MOCK_TRANSPORT_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "shell/stream.h"
#include "sr/span.h"

/* A connection that does what a script says, as a socket would: short reads, nothing yet, errors.
 */
struct mock_step {
    struct sr_span bytes; /* what one read gives */
    int error;            /* or the errno that it fails with; EAGAIN: nothing yet, read again */
};

struct mock_transport {
    const struct mock_step *steps; /* behind the last the peer has closed */
    size_t count;
    size_t at;
};

/* As read(): bytes, 0 when the peer has closed, -1 with errno. */
long mock_read(struct mock_transport *t, void *buffer, size_t size);

/*
 * Feeds what is read to the stream until the peer closes or the connection breaks, as the receiver
 * of a daemon does; goes on whenever there was no room. True when it came to an orderly end.
 */
bool mock_receive(
    struct mock_transport *t, struct sr_stream *stream, const struct sr_stream_user *user);

#endif
