/* SPDX-License-Identifier: Apache-2.0 */
/* Saved exporters as they come back from a disk, as they are and with the crc made right. */
#include "decode/exporter.h"

#include <stdlib.h>
#include <string.h>

#include "sr/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LENGTH_OFFSET = 8, HEADER_LENGTH = 28, CRC_LENGTH = 4, SAVED_MAX = 1 << 20 };

static size_t used;

static void *
take(void *arg, size_t size)
{
    (void)arg;
    used += size;
    return malloc(size);
}

static void
give(void *arg, void *memory, size_t size)
{
    (void)arg;
    used -= size;
    free(memory);
}

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* What was loaded can be saved, and what was saved can be loaded: all of it. */
static void
save_and_load(
    const struct nf_exporter *e, const struct nf_memory *memory, const struct nf_config *config)
{
    size_t len = nf_exporter_save(e, NULL, 0);
    uint8_t *bytes = malloc(len);
    struct sr_span saved = { bytes, len };

    must(bytes != NULL && nf_exporter_save(e, bytes, len) == len);
    struct nf_exporter *again = nf_exporter_load(memory, config, &saved, 1);
    must(again != NULL && saved.len == 0);
    must(nf_exporter_save(again, NULL, 0) == len);
    must(nf_exporter_is_plain(again) == nf_exporter_is_plain(e));
    nf_exporter_free(again);
    free(bytes);
}

static void
load(struct sr_span saved)
{
    const struct nf_memory memory = { .take = take, .give = give };
    const struct nf_config config = {
        .max_templates = 16, .max_template_fields = 64, .max_domains = 4
    };
    struct nf_exporter *e;

    while ((e = nf_exporter_load(&memory, &config, &saved, 1)) != NULL) {
        save_and_load(e, &memory, &config);
        nf_exporter_free(e);
    }
    must(saved.len == 0 && used == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    load((struct sr_span){ data, size });
    if (size < HEADER_LENGTH + CRC_LENGTH || size > SAVED_MAX) {
        return 0;
    }
    uint8_t *copy = malloc(size);
    must(copy != NULL);
    memcpy(copy, data, size);
    for (unsigned i = 0; i < 4; i++) {
        copy[LENGTH_OFFSET + i] = (uint8_t)(size >> (24 - 8 * i));
    }
    uint32_t crc = sr_crc32c(0, copy, size - CRC_LENGTH);
    for (unsigned i = 0; i < CRC_LENGTH; i++) {
        copy[size - CRC_LENGTH + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    load((struct sr_span){ copy, size });
    free(copy);
    return 0;
}
