/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_FLOW_CASES_H_INCLUDED
#define TESTS_GOLDEN_FLOW_CASES_H_INCLUDED

/* The recorded cases, and what is known of each. */

struct known_case {
    const char *name;
    char class;             /* A, B: at least two decoders agree; D: they do not */
    unsigned data, options; /* records */
    unsigned kept;          /* records that upstream publishes */
    unsigned released; /* data records that came before their template: others do not show them */
};

/* Of this tree, and those whose licence keeps them out of it. */
extern const struct known_case shipped_cases[];
extern const unsigned shipped_cases_count;
extern const struct known_case outside_cases[];
extern const unsigned outside_cases_count;

#endif
