/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ENROLL_BUNDLE_ANSWER_H_INCLUDED
#define CLI_ENROLL_BUNDLE_ANSWER_H_INCLUDED

#include "enroll/bundle.h"

/*
 * Reads the JSON answer of the platform's oldest enrolment interface:
 * {"collector_type", "nats_creds", "config", "install_hints": {"config_path"}, ...}. Credentials
 * and configuration are texts; there is no TLS material. The result is that of bundle_read, before
 * the repair of line ends. Errors: BUNDLE_EJSON, _ECOLLECTOR, _EMISSING, _ENOMEM, with a detail as
 * there.
 */
enum bundle_err bundle_answer_read(
    struct sr_span bytes, struct bundle *ret_bundle, char ret_detail[BUNDLE_DETAIL_MAX]);

/* The collector that a platform's word stands for ("flowgger", "trapd", ...), or BUNDLE_UNTOLD. */
enum bundle_collector bundle_collector_of(const char *word);

#endif
