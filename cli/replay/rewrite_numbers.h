/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REPLAY_REWRITE_NUMBERS_H_INCLUDED
#define CLI_REPLAY_REWRITE_NUMBERS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

/*
 * Sequence numbers of exporters, and back from one to the datagram that had it. All 2^32 are one
 * ring that begins at a random number, in 1,024 parts; a numbering has parts of its own, next to
 * each other as long as there are free ones, so that a number belongs to one exporter only. Memory
 * is 8 bytes a message with a mark. Finding is for other threads, too.
 */
struct rewrite_numbers;

#define REWRITE_NUMBERINGS_MAX 1024U

/* A numbering of its own: RFC 3954 section 5.1, RFC 7011 section 3.1. */
struct rewrite_numbering {
    uint32_t source;
    uint32_t domain;
    uint16_t version;
};

/* Returns owned; NULL without memory. */
struct rewrite_numbers *rewrite_numbers_new(uint32_t first);
void rewrite_numbers_free(struct rewrite_numbers *n); /* NULL is allowed */

/*
 * The number of the next message of this numbering, whose recorded one is `recorded`. False when
 * there are too many numberings, or none is left.
 */
bool rewrite_numbers_next(struct rewrite_numbers *n, const struct rewrite_numbering *of,
    uint32_t recorded, uint32_t *ret_sequence);

#define REWRITE_UNMARKED UINT32_MAX

/*
 * The message with that number holds `units`, or with `is_unknown` at least so many: then the
 * recorded number of the next one tells. `datagram` is what rewrite_numbers_find() gives for it;
 * REWRITE_UNMARKED: nothing, which takes no memory. False without memory.
 */
bool rewrite_numbers_take(struct rewrite_numbers *n, const struct rewrite_numbering *of,
    uint32_t units, bool is_unknown, uint32_t datagram);

/*
 * The datagram of a number, when it was one of this version and domain (0: not known). False: it
 * was none, or one of REWRITE_UNMARKED.
 */
bool rewrite_numbers_find(struct rewrite_numbers *n, uint32_t sequence, uint16_t version,
    uint32_t domain, uint32_t *ret_datagram);

#endif
