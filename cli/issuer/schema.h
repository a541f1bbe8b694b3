/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_SCHEMA_H_INCLUDED
#define CLI_ISSUER_SCHEMA_H_INCLUDED

/* The version of the schema, kept in `PRAGMA user_version`. */
#define SCHEMA_VERSION 1

/* The statements that make an empty database. Times are Unix seconds. */
extern const char schema_sql[];

#endif
