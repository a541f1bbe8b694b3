/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_VERIFY_VERIFY_TROUBLE_H_INCLUDED
#define CLI_VERIFY_VERIFY_TROUBLE_H_INCLUDED

#include <stdbool.h>

#include "nats_admin.h"
#include "trouble.h"

/* What is said when a stream cannot be read. */

#define VERIFY_URL_MAX 512U

/* Copies a URL for messages: without a user and a password, and cut at the end of `out`. */
void verify_url_show(char out[VERIFY_URL_MAX], const char *url);

/*
 * Says why the server at `url` (of verify_url_show()) did not give `stream`; `detail` is what it
 * said itself, or "". True, and nothing is said, with ADMIN_OK.
 */
bool verify_trouble(struct trouble *trouble, const char *url, const char *stream,
    enum admin_err err, const char *detail);

#endif
