/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOAD_GENERATE_SYSLOG_H_INCLUDED
#define CLI_LOAD_GENERATE_SYSLOG_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/generate.h"
#include "load/mix.h"

/*
 * Messages of syslog, each with its mark. All are made once; what differs from one to the next
 * (time, host, mark) is put into a copy. Pure: time is an argument, memory is the caller's.
 */
enum syslog_style {
    STYLE_RFC5424 = 0, /* with structured data where it fits */
    STYLE_RFC3164,
    STYLE_CISCO, /* of IOS: a number and a host in front of the date */
    STYLE_CEF,   /* behind a header of RFC 3164 */
    STYLE_JSON,  /* behind a header of RFC 5424 */
    STYLE_COUNT,
};

#define SYSLOG_KINDS_MAX 16U
#define SYSLOG_VARIANTS 16U      /* different messages of a kind: severity, app, size */
#define SYSLOG_SIZE_MAX 65536U   /* bytes of a message */
#define SYSLOG_PREFIX_MAX 64U    /* bytes in front of the number of a host */
#define SYSLOG_APP_MAX 48U       /* APP-NAME, RFC 5424 section 6.2.5 */
#define SYSLOG_HOSTS_MAX 100000U /* five digits */

struct syslog_kind {
    enum syslog_style style;
    uint64_t weight;
    size_t size, size_max; /* bytes of the smallest and the largest; syslog_least() at least */
};

/* Strings are borrowed. */
struct syslog_load {
    struct syslog_kind kinds[SYSLOG_KINDS_MAX];
    size_t kind_count;
    uint32_t sources;
    uint32_t run;              /* of the marks */
    int32_t utc_offset_s;      /* of dates that name no zone; east is positive */
    uint32_t hosts;            /* up to SYSLOG_HOSTS_MAX */
    const char *host_prefix;   /* up to SYSLOG_PREFIX_MAX bytes */
    const char *const *apps;   /* of up to SYSLOG_APP_MAX bytes each */
    size_t app_count;          /* one or more */
    const uint8_t *severities; /* 0 to 7, in turn */
    size_t severity_count;     /* one or more */
};

/* One message as it is before it is sent. */
struct syslog_template {
    size_t start, len; /* in the generator's memory */
    size_t time, host, mark;
};

struct syslog_generator {
    struct syslog_load load;
    struct mix mix;
    uint8_t *memory;
    struct syslog_template templates[SYSLOG_KINDS_MAX][SYSLOG_VARIANTS];
    uint64_t second; /* that the texts are of */
    uint8_t rfc3339[27], rfc3164[15];
    uint64_t index; /* of the next message, and its mark */
};

/* "rfc5424", "rfc3164", "cisco", "cef" or "json". Static; ended by NULL. */
extern const char *const syslog_style_names[STYLE_COUNT + 1];

/* Bytes of the smallest message of a style that is valid and has a mark. */
size_t syslog_least(const struct syslog_load *load, enum syslog_style style);

/* Bytes of memory that syslog_generator_init() wants. */
size_t syslog_generator_memory(const struct syslog_load *load);

/* The longest message. */
size_t syslog_generator_room(const struct syslog_load *load);

/* Borrows the memory. False when the weights are none: mix_init(). */
bool syslog_generator_init(
    struct syslog_generator *g, const struct syslog_load *load, void *memory);

/* Writes the next message, sent at `wall_ns`, into `out`. */
void syslog_generate(
    struct syslog_generator *g, uint64_t wall_ns, uint8_t *out, struct generated *ret);

#endif
