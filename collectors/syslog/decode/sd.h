/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SD_H_INCLUDED
#define SYSLOG_SD_H_INCLUDED

#include "decode/record.h"
#include "sr/span.h"

/*
 * Reads the SD-ELEMENTs (RFC 5424, section 6.3) that `text` starts with; its first byte is '['.
 * On SYSLOG_OK the parameters of all elements stand in `scratch`, sorted by name with the last of
 * equal names only, and *ret_rest is what follows the last ']'. Like upstream this takes more than
 * the RFC (blanks before a parameter, stray quotes between them) and less: an element needs a space
 * after its id. Errors: SYSLOG_ESD, SYSLOG_EPARAMS.
 */
enum syslog_err sd_parse(struct sr_span text, struct syslog_scratch *scratch,
    struct sr_span *ret_id, size_t *ret_count, struct sr_span *ret_rest);

/*
 * As sd_parse(), by the grammar of the RFC: an element may be without parameters, each of them has
 * one space in front.
 */
enum syslog_err sd_parse_strictly(struct sr_span text, struct syslog_scratch *scratch,
    struct sr_span *ret_id, size_t *ret_count, struct sr_span *ret_rest);

/*
 * Lists what sd_parse_strictly() (`strictly`) or sd_parse() took, into scratch->elements, by id and
 * name, each parameter with the id of its element; of names that come again all. Each element has
 * one entry more, without a name, before the others. Returns how many there are; *ret_all is false
 * when there was no room for the last elements.
 */
size_t sd_elements(
    struct sr_span text, bool strictly, struct syslog_scratch *scratch, bool *ret_all);

#endif
