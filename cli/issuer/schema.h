/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_SCHEMA_H_INCLUDED
#define CLI_ISSUER_SCHEMA_H_INCLUDED

/* The version of the schema, kept in `PRAGMA user_version`. */
#define SCHEMA_VERSION 2

/* The first version that has the table `key_end`. */
#define SCHEMA_KEY_ENDS 2

/* Marks the database as ours, in `PRAGMA application_id`: "SRpv". */
#define SCHEMA_APPLICATION 0x53527076

/* Step N is the statements that make version N + 1 of version N; 0 is empty. Times are Unix
 * seconds. */
extern const char *const schema_steps[SCHEMA_VERSION];

#endif
