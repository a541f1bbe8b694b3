/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ISSUER_NATS_TEXT_H_INCLUDED
#define CLI_ISSUER_NATS_TEXT_H_INCLUDED

#include <stdio.h>

/* Pieces of a NATS server's configuration. */

/*
 * Writes `path`, a slash and `rest` (or only `path` where that is NULL) in double quotes. Backslash
 * and quote are escaped as the server's configuration and YAML want it; control characters are not
 * allowed in either.
 */
void nats_text_path(FILE *out, const char *path, const char *rest);

/* Files of a tls block. `dir` is in front of those that have no slash at their beginning. */
struct nats_text_tls {
    const char *dir, *cert_file, *key_file, *ca_file;
};

/* Writes a tls block that wants a certificate of clients, with `indent` before each line. */
void nats_text_tls(FILE *out, const char *indent, const struct nats_text_tls *files);

#endif
