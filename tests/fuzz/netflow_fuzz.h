/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_NETFLOW_FUZZ_H_INCLUDED
#define TESTS_FUZZ_NETFLOW_FUZZ_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/*
 * Datagrams of one exporter, one after the other, so that templates, options and sets that wait
 * are part of what is explored. The first byte of `data` chooses how they are read (format,
 * flavour, room, age of templates); then each datagram has its length before it, in two bytes. The
 * version of a datagram is one of `versions`, by its first byte.
 *
 * Aborts when a message is not well formed, a record is not accounted for, or memory is not given
 * back.
 */
void netflow_fuzz(
    const uint16_t *versions, unsigned version_count, const uint8_t *data, size_t size);

#endif
