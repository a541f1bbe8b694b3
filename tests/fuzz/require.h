/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_REQUIRE_H_INCLUDED
#define TESTS_FUZZ_REQUIRE_H_INCLUDED

#include <stdbool.h>
#include <stdlib.h>

/* What a fuzzed program promises: the fuzzer keeps the input that aborts. */
static inline void
require(bool claim)
{
    if (!claim) {
        abort();
    }
}

#endif
