/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a proof and prints its report as one JSON object:
 * proof_try CREDS CA CERT KEY INBOX TIMEOUT_MS URL,... SUBJECT..., where "-" stands for none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "proof/proof.h"

#define URLS_MAX 8

static const char *
optional(const char *text)
{
    return strcmp(text, "-") != 0 ? text : NULL;
}

int
main(int argc, char **argv)
{
    const char *urls[URLS_MAX + 1] = { NULL };
    const char *subjects[PROOF_SUBJECTS_MAX + 1] = { NULL };
    struct proof_report r;
    char *rest = NULL;
    size_t count = 0;

    if (argc < 8 || argc > 8 + PROOF_SUBJECTS_MAX) {
        return 2;
    }
    for (char *url = strtok_r(argv[7], ",", &rest); url != NULL && count < URLS_MAX;
         url = strtok_r(NULL, ",", &rest)) {
        urls[count++] = url;
    }
    for (int i = 8; i < argc; i++) {
        subjects[i - 8] = argv[i];
    }
    struct proof_target t = { .urls = urls,
        .creds_file = optional(argv[1]),
        .ca_file = optional(argv[2]),
        .cert_file = optional(argv[3]),
        .key_file = optional(argv[4]),
        .inbox_prefix = optional(argv[5]),
        .subjects = subjects,
        .timeout_ms = (unsigned)strtoul(argv[6], NULL, 10) };
    enum proof_result result = proof_run(&t, &r);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "result",
        proof_word(result), "url", r.url, "subject", r.subject, "stream", r.stream, "version",
        r.server_version, "clock", (json_int_t)r.clock_offset_s, "payload",
        (json_int_t)r.payload_max, "cause", r.trouble.cause, "remedy", r.trouble.remedy);
    char *text = json_dumps(object, JSON_COMPACT);
    (void)printf("%s\n", text != NULL ? text : "null");
    free(text);
    json_decref(object);
    return 0;
}
