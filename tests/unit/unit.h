/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_UNIT_H_INCLUDED
#define TESTS_UNIT_UNIT_H_INCLUDED

/* cmocka wants these four before its own header, in every test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sr/span.h"

/* The bytes of a C string as a span, without its NUL. */
static inline struct sr_span
span_of(const char *text)
{
    return (struct sr_span){ (const uint8_t *)text, strlen(text) };
}

#endif
