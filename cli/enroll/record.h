/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_RECORD_H_INCLUDED
#define CLI_ENROLL_RECORD_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "enroll/bundle.h"
#include "enroll/generation.h"
#include "enroll/token.h"
#include "sr/suite.h"
#include "trouble.h"

/*
 * What a host remembers of the enrolment of one collector: ROOT/var/lib/serviceradar/enroll/
 * COLLECTOR.json, root only, part of the same generation as the files it names. It holds no secret.
 */

#define RECORD_TEXT_MAX 513
#define RECORD_NAME_MAX (8 + SR_SUITE_INSTANCE_MAX)
#define RECORD_PATH_MAX 128
#define RECORDS_MAX 32 /* collectors of a host */

struct record {
    enum bundle_collector collector;
    char instance[SR_SUITE_INSTANCE_MAX]; /* empty: the only one of its kind here, or the first */
    char package_id[TOKEN_UUID_LEN + 1];  /* empty: a bundle from a file that did not say */
    char core_url[TOKEN_URL_MAX + 1];     /* empty: from a file */
    bool has_ca_pin;
    uint8_t ca_pin[TOKEN_PIN_BYTES];
    char ca_file[RECORD_TEXT_MAX];  /* --ca-file, kept for renewals; may be empty */
    char token_hash[65];            /* SHA-256 of the token, hexadecimal; may be empty */
    bool keys_of_host;              /* born here: renewals can be asked for */
    uint64_t enrolled_s, renewed_s; /* Unix seconds; renewed_s 0: never */
    char config[RECORD_TEXT_MAX];   /* absolute on the host, without the root */
    char creds[RECORD_TEXT_MAX];
    char certificate[RECORD_TEXT_MAX]; /* these three are empty without TLS material */
    char key[RECORD_TEXT_MAX];
    char ca_chain[RECORD_TEXT_MAX];
    char unit[RECORD_TEXT_MAX]; /* "serviceradar-trapd.service" */
};

/* Formats a record as JSON with a line's end. False when it does not fit. */
bool record_format(const struct record *record, char *out, size_t size);

/* Reads one from its text. Unknown members are ignored; it is checked like foreign input. */
bool record_parse(struct sr_span text, struct record *ret_record, struct trouble *trouble);

/* The name of a collector on its host: "netflow", or "netflow@site2" of an instance. Returns `out`.
 */
const char *record_name(
    enum bundle_collector collector, const char *instance, char out[RECORD_NAME_MAX]);

/*
 * Reads such a name; `ret` is the one of the two that record_name() gives. BUNDLE_UNTOLD: it is no
 * collector of ours, or no name for an instance.
 */
enum bundle_collector record_name_read(const char *text, char ret[RECORD_NAME_MAX]);

/*
 * The record of a collector under `root` ("" is the host), by its name: false with trouble->error
 * ENOENT when the collector is not enrolled.
 */
bool record_read(
    const char *root, const char *name, struct record *ret_record, struct trouble *trouble);

/* Names of collectors that may be enrolled: those of each kind, and the instances that are. */
size_t record_list(const char *root, char ret_names[RECORDS_MAX][RECORD_NAME_MAX]);

/* The name whose record is kept at a path relative to the root; false: none is kept there. */
bool record_of_path(const char *path, char ret_name[RECORD_NAME_MAX]);

/* Where it is kept, relative to the root. Returns `out`. */
const char *record_path(const char *name, char out[RECORD_PATH_MAX]);

#endif
