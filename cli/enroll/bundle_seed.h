/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_BUNDLE_SEED_H_INCLUDED
#define CLI_ENROLL_BUNDLE_SEED_H_INCLUDED

#include "enroll/bundle.h"
#include "sr/span.h"

/*
 * The configuration that the oldest enrolment interface sends, in YAML or JSON, is of a shape that
 * no collector ever read:
 *
 *   collector_id, collector_type, site, hostname, nats: {url, creds_file}, and a block by the name
 *   of the collector: {listen, protocol, protocols, format, community}
 *
 * This makes the file that the collector reads of it.
 */

/*
 * *ret_text is owned, free() it, and *ret_name is the file's name, static; both are NULL for a
 * configuration of another shape. What is not known is carried over under its path, so that the
 * daemon's own check names it. Errors: BUNDLE_ENOMEM.
 */
enum bundle_err bundle_seed_config(
    struct sr_span config, enum bundle_collector collector, char **ret_text, const char **ret_name);

#endif
