/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BER_TEXT_H_INCLUDED
#define TESTS_UNIT_BER_TEXT_H_INCLUDED

#include "unit.h"

/*
 * The bytes of a message that is written as text: hexadecimal digits, where "30(...)" is a type and
 * what it holds. They are valid until the next call.
 */
struct sr_span ber_text(const char *text);

#endif
