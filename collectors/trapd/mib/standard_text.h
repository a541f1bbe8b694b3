/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_MIB_STANDARD_TEXT_H_INCLUDED
#define TRAPD_MIB_STANDARD_TEXT_H_INCLUDED

#include <stdbool.h>

struct mib_builder;

#define STANDARD_MESSAGE_MAX 256

/*
 * Adds the identifiers of a text as mib/standard.txt describes itself, which ends with NUL and is
 * changed. False at the first line that is wrong: `message` (STANDARD_MESSAGE_MAX bytes) then says
 * "LINE: what is wrong".
 */
bool standard_text_read(struct mib_builder *b, char *text, char *message);

#endif
