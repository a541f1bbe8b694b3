/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "require.h"
#include "sr/conf.h"
#include "syslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
load(struct sr_span text, size_t *ret_notes)
{
    struct sr_conf_source source = { .file = "fuzz", .files_later = true };
    struct sr_conf_problems *problems = sr_conf_problems_new();

    require(problems != NULL);
    void *config = sr_conf_load_text(&syslog_schema, &source, text, problems);
    require(config != NULL || sr_conf_problems_count(problems) > 0);
    *ret_notes = sr_conf_notes_count(problems);
    sr_conf_problems_free(problems);
    return config;
}

/* What loads, in TOML or in our form, prints as a native file that loads to the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t notes = 0;
    char *text = NULL;
    size_t len = 0;
    char key[64];
    void *config = load((struct sr_span){ data, size }, &notes);
    FILE *out = config != NULL ? open_memstream(&text, &len) : NULL;

    if (out != NULL) {
        sr_conf_print(&syslog_schema, config, out);
        (void)fclose(out);
        void *again = load((struct sr_span){ (const uint8_t *)text, len }, &notes);
        require(again != NULL && notes == 0);
        require(sr_conf_restart_key(&syslog_schema, config, again, key, sizeof(key)) == NULL);
        sr_conf_free(again);
        free(text);
    }
    sr_conf_free(config);
    return 0;
}
