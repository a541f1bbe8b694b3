/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_CRC32C_WAYS_H_INCLUDED
#define CORE_CRC32C_WAYS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ways that sr_crc32c() chooses from, for the tests that compare them. */

/* Whether this processor has an instruction for it. */
bool sr_crc32c_has_instruction(void);

/* As sr_crc32c(); only where sr_crc32c_has_instruction(). */
uint32_t sr_crc32c_by_instruction(uint32_t crc, const void *data, size_t len);

/* As sr_crc32c(), on any processor. */
uint32_t sr_crc32c_by_table(uint32_t crc, const void *data, size_t len);

#endif
