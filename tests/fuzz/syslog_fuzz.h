/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_SYSLOG_FUZZ_H_INCLUDED
#define TESTS_FUZZ_SYSLOG_FUZZ_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "decode/datagram.h"

/*
 * Runs one datagram through the decoder and aborts unless exactly one of commit and deadletter
 * follows, the latter with the bytes as they came, the former with one line of UTF-8 in braces; not
 * as upstream does it, with keys in order, none of them twice, and the address of the sender.
 */
void syslog_fuzz(enum syslog_format format, const uint8_t *data, size_t size);

#endif
