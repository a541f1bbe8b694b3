/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAPD_USM_TABLE_H_INCLUDED
#define TRAPD_USM_TABLE_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * Which of a fixed number of slots belongs to an engine, of one owner of several; what a slot holds
 * is its user's. A full table gives up the slot that was not asked for the longest. One thread.
 */
struct usm_table;

#define USM_TABLE_NONE UINT32_MAX
#define USM_TABLE_MAX (1U << 20)

/* Room for `max` slots, 1 to USM_TABLE_MAX. Returns owned; NULL without memory. */
struct usm_table *usm_table_new(uint32_t max);
void usm_table_free(struct usm_table *table);

/* The slot, which becomes the most recent one, or USM_TABLE_NONE. */
uint32_t usm_table_find(struct usm_table *table, uint32_t owner, struct sr_span engine_id);

/*
 * A slot for what usm_table_find() has not found; the id has V3_ENGINE_ID_MAX bytes at most.
 * `*ret_is_taken`: it was another's until now.
 */
uint32_t usm_table_add(
    struct usm_table *table, uint32_t owner, struct sr_span engine_id, bool *ret_is_taken);

/* Whose slot it is; valid until usm_table_add() or usm_table_clear(). */
struct sr_span usm_table_engine(const struct usm_table *table, uint32_t slot);

/* Slots in use, which are the numbers below it. */
uint32_t usm_table_count(const struct usm_table *table);

/* Gives up all slots. */
void usm_table_clear(struct usm_table *table);

#endif
