/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSLOG_RECORD_H_INCLUDED
#define SYSLOG_RECORD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/time.h"
#include "sr/peer.h"
#include "sr/span.h"

/* Why a line is no syslog message. Each stands for one reason word of a dead letter. */
enum syslog_err {
    SYSLOG_OK = 0,
    SYSLOG_EEMPTY,    /* nothing but white space */
    SYSLOG_EUTF8,     /* not UTF-8 */
    SYSLOG_EPRIORITY, /* <PRI> is not closed, or is no number from 0 to 255 */
    SYSLOG_EVERSION,  /* RFC 5424: VERSION is not 1 */
    SYSLOG_EHEADER,   /* too few parts for a header */
    SYSLOG_ETIME,     /* no date where one belongs, or one that does not exist */
    SYSLOG_ESD,       /* RFC 5424: malformed STRUCTURED-DATA */
    SYSLOG_EPARAMS,   /* more than SYSLOG_PARAMS_MAX SD-PARAMs */
    SYSLOG_ELARGE,    /* the encoded record exceeds the cap */
};

/* A sentence about `err`. */
const char *syslog_strerror(enum syslog_err err);

/* `err` as a word of [a-z0-9_], for dead letters and counters. */
const char *syslog_reason(enum syslog_err err);

/* RFC 5424 sets no limit; a 64 KiB datagram of the shortest parameters holds four times as many. */
#define SYSLOG_PARAMS_MAX 4096

/* One SD-PARAM. The value is as sent: gelf.c undoes the escapes. */
struct syslog_param {
    struct sr_span id; /* of its element; set by sd_elements() only */
    struct sr_span name;
    struct sr_span value;
    uint64_t head;  /* of the name, its first eight bytes as a number, zeros behind: names differ
                     * as these do, which is quicker to see */
    uint32_t order; /* place in the message */
    bool escaped;   /* the value contains a backslash */
};

/* Memory that one decoding thread lends to its decoders, so that they need none of their own. */
struct syslog_scratch {
    struct syslog_param params[SYSLOG_PARAMS_MAX];
    struct syslog_param elements[SYSLOG_PARAMS_MAX]; /* for the encoder, see sd_elements() */
    char host[SR_PEER_TEXT_MAX];                     /* of a sender that does not name itself */
};

/* How a message came, as only the shell knows it. Borrowed; an empty one is not published. */
struct syslog_origin {
    struct sr_span transport; /* "udp", "tcp", "tls", "unix" or "unixgram" */
    struct sr_span tls_peer;  /* the name that the sender's certificate proved */
};

/* A key that the configuration adds to all records. */
struct syslog_extra {
    struct sr_span name;
    struct sr_span value;
};

struct syslog_extras {
    const struct syslog_extra *items; /* sorted by name, every name once */
    size_t count;
    size_t room; /* bytes that they take in most records */
};

/* What a line looks like. The smart decoder says so with each record. */
enum syslog_dialect {
    SYSLOG_PLAIN,       /* no header, maybe a <PRI> */
    SYSLOG_TAGGED,      /* no date, but a tag with a colon */
    SYSLOG_BSD,         /* RFC 3164, a month's name first */
    SYSLOG_BSD_RELAYED, /* the same, once more behind a relay's header */
    SYSLOG_BSD_ISO,     /* RFC 3164 with another kind of date */
    SYSLOG_EPOCH,       /* Meraki: seconds since 1970, host */
    SYSLOG_IETF,        /* RFC 5424 */
    SYSLOG_IETF_LOOSE,  /* starts as RFC 5424 */
    SYSLOG_CISCO,       /* IOS, NX-OS, ASA, WLC: %FACILITY-SEVERITY-MNEMONIC */
    SYSLOG_CHECK_POINT, /* time=..|hostname=..| */
    SYSLOG_FORTINET,    /* date=.. time=.. devname=.. */
    SYSLOG_SONICWALL,   /* id=firewall sn=.. time=".." */
    SYSLOG_PAN_OS,      /* values with commas, the second a date */
    SYSLOG_CEF,
    SYSLOG_LEEF,
    SYSLOG_JSON,
};

/* Where the smart decoder has a host or a time from. */
enum syslog_source {
    SYSLOG_FROM_NOTHING, /* the sender's address, the time of receipt */
    SYSLOG_FROM_HEADER,
    SYSLOG_FROM_MESSAGE,
};

/* How the smart decoder read a message. */
struct syslog_reading {
    enum syslog_dialect dialect;
    enum syslog_source host;
    enum syslog_source time;
    bool has_year;           /* else it is assumed */
    bool is_zoned;           /* else the listener's zone is assumed */
    bool is_repaired;        /* it was not UTF-8 */
    struct sr_span sequence; /* Cisco's number of the message */
};

/* A decoded message. Every span borrows the line, `params` borrows the scratch. */
struct syslog_record {
    bool has_pri;
    uint8_t facility; /* 0 to 31: upstream lets 24 to 31 pass */
    uint8_t severity; /* 0 to 7 */
    bool has_app;     /* RFC 5424 strictly: app was sent, maybe as "-" */
    bool has_procid;
    bool has_sd;
    bool has_msg;
    bool msg_is_words; /* the message is the words of `msg` joined with single spaces */
    struct syslog_time time;
    struct sr_span host;
    struct sr_span app;
    struct sr_span procid;
    struct sr_span msgid;
    struct sr_span sd_id; /* of the last SD-ELEMENT */
    struct sr_span sd;    /* all of them, as sent */
    struct sr_span msg;
    struct sr_span full;               /* the whole line, trimmed at its end */
    const struct syslog_param *params; /* sorted by name, every name once: the last sent */
    size_t param_count;
    bool is_smart; /* `reading` says how it was read */
    struct syslog_reading reading;
};

/* A dialect as a word of [a-z0-9_], for records and counters. */
const char *syslog_dialect_word(enum syslog_dialect dialect);

/* By what a message is told to be of a dialect, in words. */
const char *syslog_dialect_sign(enum syslog_dialect dialect);

/* The dialect of a record; of the strict formats there are two. */
enum syslog_dialect syslog_dialect_of(const struct syslog_record *rec);

#endif
