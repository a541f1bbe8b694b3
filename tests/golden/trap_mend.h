/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_TRAP_MEND_H_INCLUDED
#define TESTS_GOLDEN_TRAP_MEND_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * In what our decoder and libnetsnmp read messages differently on purpose. A class is more than a
 * name for a difference: it is known what in a message belongs to it, and a message in which that
 * is put right must be read alike by both.
 */
enum trap_class {
    TRAP_TYPE_UNKNOWN,
    TRAP_VALUE_LENGTH,
    TRAP_VALUE_BYTES,
    TRAP_WIDE_NUMBER,
    TRAP_OPAQUE_NUMBER,
    TRAP_LONG_SUB_ID,
    TRAP_VARBIND_LENGTH,
    TRAP_FIELD_TYPE,
    TRAP_AGENT_LENGTH,
    TRAP_HEAD_LENGTH,
    TRAP_MESSAGE_LENGTH,
    TRAP_REPORTABLE,
    TRAP_CLASSES
};

struct trap_class_text {
    const char *name, *reason;
};
extern const struct trap_class_text trap_class_texts[TRAP_CLASSES];

struct trap_mended {
    unsigned classes;    /* the set of those that were there, 1 << class each */
    unsigned unreadable; /* numbers and identifiers that cannot be read as such */
};

/*
 * Puts right what of all classes is in the message at `bytes`, of `*len` bytes with room for 64
 * more. `is_ours`: our decoder accepts the message.
 */
struct trap_mended trap_mend(uint8_t *bytes, size_t *len, bool is_ours);

#endif
