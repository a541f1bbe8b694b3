/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_NETFLOW_TALK_H_INCLUDED
#define TESTS_UNIT_NETFLOW_TALK_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "netflow_build.h"
#include "netflow_rig.h"

/* One exporter that talks to a decoder: messages are built, fed, and looked at. */
struct talk {
    struct netflow_rig rig;
    struct build message; /* the one that is built */
};

extern struct talk talk;
extern const struct sr_peer talk_peer;

/* A template for flows, and one record of it. */
#define TALK_FLOW_FIELDS 4
#define TALK_FLOW "0a000001 0a000002 00000064 00000001"
extern const struct nf_field talk_flow_fields[TALK_FLOW_FIELDS];

/* Around each test; the second fails when a record is not accounted for. */
int talk_begin(void **state);
int talk_end(void **state);

struct nf_ledger *talk_ledger(void);

/* Feeds the message that was built, and forgets what came out of those before. */
enum sr_verdict talk_feed(void);

/* The message as it is: its lengths and counts may lie. */
enum sr_verdict talk_feed_as_it_is(void);

/* Overwrites two bytes of the message. */
void talk_poke(size_t at, unsigned value);

/* Begins a message of version 9 or 10, and goes on with sets of templates and of flows. */
void talk_message(uint16_t version);
void talk_templates(uint16_t version);
void talk_flow_template(uint16_t version, uint16_t id);
void talk_flows(uint16_t id, unsigned count);

/* Each version that has templates in turn, with an exporter of its own. */
void talk_both_versions(void (*test)(uint16_t version));

#define TALK_TEST(name) cmocka_unit_test_setup_teardown(name, talk_begin, talk_end)

#endif
