/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_BUNDLE_SHOW_H_INCLUDED
#define CLI_BUNDLE_SHOW_H_INCLUDED

#include <stdbool.h>

#include "enroll/bundle.h"
#include "enroll/join.h"
#include "trouble.h"

/*
 * Prints what is in a bundle and every fault of it, never a secret, for people or as one JSON
 * object. Returns the exit code: JOIN_EXIT_BUNDLE when a collector cannot work with it.
 */
int bundle_show(const struct bundle *bundle, const struct join_options *options, bool json);

/* Makes a trouble of an error of bundle_read(). Returns false always. */
bool bundle_show_error(enum bundle_err err, const char *detail, struct trouble *trouble);

#endif
