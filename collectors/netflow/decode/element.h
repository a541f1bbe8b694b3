/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NETFLOW_DECODE_ELEMENT_H_INCLUDED
#define NETFLOW_DECODE_ELEMENT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

/* Information elements: names and types of the IANA registry "IPFIX Information Elements" and of
 * some vendors. Used for JSON, never on the way of a flow to protobuf. */

#define NF_ELEMENT_REVERSE "reverse"
#define NF_ELEMENT_NAME_MAX 48U /* bytes of a name, without NF_ELEMENT_REVERSE */

enum nf_element_type {
    NF_ELEMENT_OCTETS = 0,
    NF_ELEMENT_UNSIGNED,
    NF_ELEMENT_SIGNED,
    NF_ELEMENT_FLOAT,
    NF_ELEMENT_BOOLEAN,
    NF_ELEMENT_MAC,
    NF_ELEMENT_STRING,
    NF_ELEMENT_SECONDS,
    NF_ELEMENT_MILLISECONDS,
    NF_ELEMENT_MICROSECONDS, /* NTP format */
    NF_ELEMENT_NANOSECONDS,  /* NTP format */
    NF_ELEMENT_IPV4,
    NF_ELEMENT_IPV6,
    NF_ELEMENT_APPLICATION, /* an id of RFC 6759 */
    NF_ELEMENT_LIST,        /* basicList, subTemplateList, subTemplateMultiList */
};

struct nf_element {
    uint16_t id;
    uint8_t type; /* enum nf_element_type */
    const char *name;
};

/*
 * The element, or NULL. Static. Ids above 32767 that exporters of v9 use without an enterprise are
 * under 0. Those of NF_REVERSE_PEN are the elements of IANA, the other way (RFC 5103): whoever
 * writes the name puts NF_ELEMENT_REVERSE before it and begins it with a capital.
 */
const struct nf_element *nf_element_find(uint32_t enterprise, uint16_t id);

#endif
