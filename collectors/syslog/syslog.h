/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_SYSLOG_H_INCLUDED
#define SYSLOG_SYSLOG_H_INCLUDED

#include "sr/conf_common.h"
#include "sr/runtime.h"

#define SYSLOG_EXTRA_MAX 64
#define SYSLOG_EXTRA_BYTES_MAX 16384 /* of all together: they are in every record */
#define SYSLOG_ZONES_MAX 256         /* each is looked at for each message */

struct syslog_listener {
    struct sr_conf_listener base;
    int format;                        /* enum syslog_format and one more, or 0: by `compat` */
    const char *timezone;              /* IANA name, or "local" */
    struct sr_conf_strings timezones;  /* NETWORK=ZONE */
    struct sr_conf_strings gelf_extra; /* NAME=VALUE */
    int framing;                       /* of streams: enum syslog_framing */
    int oversize;                      /* enum syslog_oversize */
    int incomplete;                    /* enum syslog_incomplete */
    uint64_t message_max;
    uint64_t rate_limit; /* messages a second of one source, 0: no limit */
    uint64_t rate_burst; /* 0: a second's worth */
    bool shed;
    uint64_t inflate_max;
    uint64_t inflate_ratio;
};

struct syslog_conf {
    struct sr_conf_common common;
};

extern const struct sr_conf_schema syslog_schema;
extern const struct sr_program syslog_program;

#endif
