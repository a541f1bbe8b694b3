/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_BUNDLE_H_INCLUDED
#define CLI_ENROLL_BUNDLE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sr/span.h"

/*
 * What an issuer sends to enrol one collector: credentials, TLS material and a configuration. It
 * comes as a gzip tar in one of two layouts, within one folder of any name or without one:
 *
 *   creds/nats.creds, certs/{collector,collector-key,ca-chain}.pem, config/NAME
 *   nats.creds, certs/{collector,collector-key,ca}.pem, config.json
 *
 * A bundle without secrets, for keys that were made on the host, has creds/user.jwt (or user.jwt)
 * in place of nats.creds and need not have the key.
 *
 * It may also come, from the oldest generation of the platform, as a JSON object without TLS
 * material. Scripts and whatever else is in an archive are ignored; nothing of it is ever executed.
 */

/* Limits. A real bundle is some 10 KiB. */
#define BUNDLE_PACKED_MAX (1024U * 1024)
#define BUNDLE_UNPACKED_MAX (4U * 1024 * 1024)
#define BUNDLE_ENTRIES_MAX 64
#define BUNDLE_PATH_MAX 255
#define BUNDLE_NAME_MAX 64 /* of a configuration */
#define BUNDLE_DETAIL_MAX 160

enum bundle_err {
    BUNDLE_OK = 0,
    BUNDLE_ETOOBIG,    /* over BUNDLE_PACKED_MAX */
    BUNDLE_EFORMAT,    /* neither gzip nor a JSON object */
    BUNDLE_EDAMAGED,   /* cut, altered, or with bytes behind the gzip member */
    BUNDLE_EBOMB,      /* unpacks to more than BUNDLE_UNPACKED_MAX */
    BUNDLE_EENTRIES,   /* more than BUNDLE_ENTRIES_MAX entries */
    BUNDLE_ETRAILING,  /* bytes behind the end of the archive */
    BUNDLE_ETYPE,      /* an entry that is neither a regular file nor a folder */
    BUNDLE_ENAME,      /* a name that is absolute, climbs, is too long or has odd characters */
    BUNDLE_EDUPLICATE, /* two entries of one name, or two files for one purpose */
    BUNDLE_EMISSING,   /* a file that is needed is not there or is empty */
    BUNDLE_ECONFIG,    /* several configurations and no word which is meant */
    BUNDLE_ECOLLECTOR, /* for a collector that this suite does not serve */
    BUNDLE_EJSON,      /* JSON, but not the answer of the enrolment interface */
    BUNDLE_ENOMEM,     /* out of memory */
};

enum bundle_collector {
    BUNDLE_UNTOLD = 0, /* a configuration whose name and content do not tell */
    BUNDLE_SYSLOG,
    BUNDLE_TRAPD,
    BUNDLE_NETFLOW,
};

/* The spans borrow `memory`. Those of TLS material are empty in a bundle that has none. */
struct bundle {
    uint8_t *memory;
    size_t size;
    struct sr_span creds;    /* empty in a bundle without secrets */
    struct sr_span user_jwt; /* a token and perhaps a line's end; else empty */
    struct sr_span certificate;
    struct sr_span key;
    struct sr_span ca_chain;
    struct sr_span config;
    char config_name[BUNDLE_NAME_MAX + 1];
    enum bundle_collector collector;
    bool creds_repaired; /* lines ended in CR LF and end in LF now */
};

/*
 * Reads a bundle from the bytes of a download or file, which it copies. `config_name` says which
 * configuration of a tar is meant ("trapd.json"), or is NULL: then there must be one only.
 * Credentials come with LF line ends, as nats.c before 3.9 takes no others. Whether the content is
 * any good is for bundle_check.h. Returns owned: bundle_done. On an error `ret_detail` names the
 * entry, file or collector it is about, with odd characters replaced, or is empty.
 */
enum bundle_err bundle_read(struct sr_span bytes, const char *config_name,
    struct bundle *ret_bundle, char ret_detail[BUNDLE_DETAIL_MAX]);

/* Wipes and frees. */
void bundle_done(struct bundle *bundle);

/* A sentence for `err` that says what is wrong and what to do, static. */
const char *bundle_strerror(enum bundle_err err);

/* The name of the role in sr/suite.h: "syslog", "trapd", "netflow"; "" for BUNDLE_UNTOLD. */
const char *bundle_collector_name(enum bundle_collector collector);

/* Copies `text` as far as it fits, with all but printable ASCII as '?': it may be on a terminal. */
void bundle_detail(char out[BUNDLE_DETAIL_MAX], const char *text);

#endif
